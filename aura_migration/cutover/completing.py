"""Complete: the separate, final word that a location is AuraConnect's. Nothing leads back from here.

It is refused while anything is open at the old POS, because what is open there is finished there and still has to be read;
while anything that happened in AuraConnect waits for the old POS, because an entry that waits was owed; and while what guests
are owed is redeemed anywhere else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from aura_migration.core.errors import Refused
from aura_migration.cutover import liabilities
from aura_migration.cutover.channels import ORDER
from aura_migration.cutover.open_business import open_at_pos
from aura_migration.cutover.phases import Place, find_place, held_channels, move, require_open, require_settled_work
from aura_migration.cutover.reverse_entries import note_entries, waiting
from aura_migration.cutover.switches import open_switch

Connection = psycopg.Connection[Any]


class InTheWay(NamedTuple):
    """One thing that keeps a window from being completed: what it is, how much of it, and what to do."""

    name: str
    number: int
    value: str
    remedy: str


def in_the_way(connection: Connection, migration_id: int, now: datetime) -> list[InTheWay]:
    """Everything that keeps a window from being completed at ``now`` (aware, business time); empty: it may be."""
    place = find_place(connection, migration_id)
    return [
        *_channels(connection, place),
        *_switch(connection, place),
        *_reading(connection, place, now),
        *(
            InTheWay(
                one.kind,
                one.count,
                f"{one.count} × {one.told} at the old POS",
                "It is finished where it was opened; once the POS was read after that, complete.",
            )
            for one in open_at_pos(connection, migration_id, now)
        ),
        *_owed(connection, place),
        *_entries(connection, place),
    ]


def complete(connection: Connection, migration_id: int, by: str, now: datetime, reason: str = "") -> None:
    """End the window: everything stays with AuraConnect. ``Refused`` names everything that is in the way, with its number."""
    with connection.transaction():
        place = find_place(connection, migration_id, lock=True)
        require_open(place)
        note_entries(connection, migration_id)
        require_settled_work(place)
        found = in_the_way(connection, migration_id, now)
        if found:
            raise Refused(
                f"The window of migration {migration_id} is not completed: {'; '.join(one.value for one in found)}.",
                found[0].remedy,
                in_the_way=[one._asdict() for one in found],
            )
        move(connection, migration_id, "completed", by, reason or "completed", now=now)


def _channels(connection: Connection, place: Place) -> list[InTheWay]:
    held = held_channels(connection, place.location_key)
    needed = [*ORDER, *(["time_clock"] if _has_shifts(connection, place) else [])]
    missing = [channel for channel in needed if channel not in held]
    if not missing:
        return []
    value = f"the POS owns {', '.join(missing)}"
    return [InTheWay("channels", len(missing), value, f"Switch {missing[0]} first.")]


def _has_shifts(connection: Connection, place: Place) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM aura.attendance_logs WHERE location_id = %s AND source_vendor IS NOT NULL "
        "AND deleted_at IS NULL)",
        [place.location_id],
    ).fetchone()
    return bool(row and row[0])


def _switch(connection: Connection, place: Place) -> list[InTheWay]:
    found = open_switch(connection, place.migration_id)
    if found is None:
        return []
    remedy = f"Finish it, or `aura-migration cutover abort {place.migration_id}`."
    return [InTheWay("switch", 1, f"a switch of {found.channel} stands at {found.step}", remedy)]


def _reading(connection: Connection, place: Place, now: datetime) -> list[InTheWay]:
    """What is open is only known as of the last reading."""
    limit = timedelta(minutes=place.policy.gates.max_age_minutes)
    row = connection.execute(
        "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND outcome IN ('nothing', 'applied') "
        "AND family IN ('orders', 'all')",
        [place.migration_id],
    ).fetchone()
    read = row[0] if row else None
    if read is not None and now - read <= limit:
        return []
    told = f"{int((now - read).total_seconds() // 60)} min ago" if read else "never since the load"
    remedy = f"`aura-migration window follow {place.migration_id}` reads it."
    return [InTheWay("reading", 1, f"the old POS was read {told}", remedy)]


def _owed(connection: Connection, place: Place) -> list[InTheWay]:
    owners = [liabilities.ownership(connection, place.integration_id, name) for name in liabilities.CLASSES]
    left = [one for one in owners if one.rows and one.owner != "auraconnect"]
    if not left:
        return []
    value = ", ".join(
        f"{one.liability} redeemed by {'the old POS' if one.owner == 'pos' else 'nobody'}" for one in left
    )
    remedy = (
        f"`aura-migration liabilities switch {place.integration_id} {left[0].liability}` takes a frozen class over."
    )
    return [InTheWay("liabilities", len(left), value, remedy)]


def _entries(connection: Connection, place: Place) -> list[InTheWay]:
    left = waiting(connection, place.migration_id)
    if not left:
        return []
    remedy = (
        "`aura-migration cutover entries` lists them; settle them: the old POS's books are closed with what they say."
    )
    return [InTheWay("reverse_entries", left, f"{left} entries wait for the old POS or its files", remedy)]
