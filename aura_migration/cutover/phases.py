"""The phases of a window and the ways between them; window and migration move together, with who and why.

    parallel ⇄ ready ──► switching ──► live ──► completed
        │         │       (abort: back)   │
        └──► cancelled ◄──┘               └──► reversing ──► reversed

``completed``, ``reversed`` and ``cancelled`` are the only endings. What has to be so before a phase is entered stands with
its verb: ``switching``, ``reversing``, ``completing``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from aura_migration.canonical.window import WindowPolicy, parse_policy
from aura_migration.core.errors import BadInput, Refused
from aura_migration.reconcile.books import CHANNELS

Connection = psycopg.Connection[Any]

ENDINGS: Final = ("completed", "reversed", "cancelled")
WAYS: Final[dict[str, frozenset[str]]] = {
    "parallel": frozenset({"ready", "switching", "cancelled"}),
    "ready": frozenset({"parallel", "switching", "cancelled"}),
    "switching": frozenset({"parallel", "ready", "live"}),
    "live": frozenset({"switching", "reversing", "completed"}),
    "reversing": frozenset({"live", "parallel", "reversed"}),
    "completed": frozenset(),
    "reversed": frozenset(),
    "cancelled": frozenset(),
}
STATE_OF: Final = {
    "parallel": "parallel",
    "ready": "ready",
    "switching": "switching",
    "live": "live",
    "completed": "completed",
    "reversing": "switching",
    "reversed": "loaded",
    "cancelled": "loaded",
}
"""What ``migrations.state`` says in each phase."""


@dataclass(frozen=True)
class Place:
    """A window and where in AuraConnect it is. ``location_id`` is AuraConnect's id of the location."""

    migration_id: int
    integration_id: int
    restaurant_id: int
    location_key: str
    location_id: int
    phase: str
    work: str | None
    opened_at: datetime
    policy: WindowPolicy

    @property
    def has_ended(self) -> bool:
        """Whether the window reached one of its endings."""
        return self.phase in ENDINGS


def find_place(connection: Connection, migration_id: int, *, lock: bool = False) -> Place:
    """The window of a migration, ended or not; ``lock`` holds its phase until the transaction ends.

    Raises Refused where none was opened, or its location is not in AuraConnect.
    """
    row = connection.execute(
        "SELECT m.id, m.integration_id, m.restaurant_id, m.location_key, c.aura_id, w.phase, m.work, w.opened_at, w.policy "
        "FROM migration.migrations m JOIN migration.windows w ON w.migration_id = m.id "
        "LEFT JOIN migration.crosswalk c ON c.integration_id = m.integration_id AND c.entity = 'locations' "
        "AND c.source_key = substr(m.location_key, strpos(m.location_key, ':') + 1) AND c.is_active "
        "WHERE m.id = %s" + (" FOR UPDATE OF w, m" if lock else ""),
        [migration_id],
    ).fetchone()
    if row is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    if row[4] is None:
        raise Refused(
            f"{row[3]} is not in AuraConnect.", f"`aura-migration run {migration_id}` loads it.", location=row[3]
        )
    policy = parse_policy(row[8], f"policy of the window of migration {migration_id}")
    return Place(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], policy)


def require_open(place: Place) -> None:
    """``Refused`` once the window has ended."""
    if place.has_ended:
        raise Refused(
            f"The window of migration {place.migration_id} has ended: {place.phase}.",
            "What a location does next is a migration of its own.",
            phase=place.phase,
        )


def held_channels(connection: Connection, location_key: str) -> list[str]:
    """The channels AuraConnect owns now, in the order in which they are switched: the newest row of each says so."""
    rows = connection.execute(
        "SELECT DISTINCT ON (channel) channel, book FROM migration.channel_ownership WHERE location_key = %s "
        "ORDER BY channel, from_at DESC",
        [location_key],
    ).fetchall()
    held = {channel for channel, book in rows if book == "auraconnect"}
    return [channel for channel in CHANNELS if channel in held]


def resting_phase(connection: Connection, place: Place, before: str = "parallel") -> str:
    """The phase of a window in which nothing is under way: ``live`` while AuraConnect owns a channel, else ``before``."""
    if held_channels(connection, place.location_key):
        return "live"
    return before if before in ("parallel", "ready") else "parallel"


def move(
    connection: Connection, migration_id: int, to: str, by: str, reason: str, *, now: datetime | None = None
) -> str:
    """Move a window, and its migration with it, in one transaction; answers the phase it came from.

    ``now`` (aware, business time) is asked for by the endings. Moving to the phase it is in changes nothing. Raises Refused
    where no way leads there.
    """
    with connection.transaction():
        place = find_place(connection, migration_id, lock=True)
        if place.phase == to:
            return to
        if to not in WAYS[place.phase]:
            raise Refused(
                f"The window of migration {migration_id} is {place.phase}; it cannot become {to}.",
                f"`aura-migration window show {migration_id}` shows what can be done next.",
                phase=place.phase,
            )
        if to in ENDINGS and now is None:
            raise BadInput(f"A window that becomes {to} ends at an instant.", "Say it.")
        connection.execute("UPDATE migration.windows SET phase = %s WHERE migration_id = %s", [to, migration_id])
        if to in ENDINGS:
            connection.execute(
                "UPDATE migration.windows SET ending = %s, ended_at = %s, ended_by = %s, ending_reason = %s "
                "WHERE migration_id = %s",
                [to, now, by, reason, migration_id],
            )
        connection.execute(
            "UPDATE migration.migrations SET state = %(state)s, state_reason = %(reason)s, updated_at = now(), "
            "work = CASE WHEN %(ends)s THEN NULL ELSE work END WHERE id = %(id)s",
            {"state": STATE_OF[to], "reason": reason, "ends": to in ENDINGS, "id": migration_id},
        )
        connection.execute(
            "INSERT INTO migration.transitions (migration_id, from_state, to_state, done_by, reason) "
            "VALUES (%s, %s, %s, %s, %s)",
            [migration_id, *(_told(phase) for phase in (place.phase, to)), by, reason],
        )
        return place.phase


def cancel(connection: Connection, migration_id: int, by: str, now: datetime, reason: str) -> None:
    """End a window before a channel was switched: the POS keeps everything, what was loaded stays loaded.

    ``Refused`` once a channel is AuraConnect's (then `reverse` is the way), while a switch is open, or while a load is under
    way.
    """
    with connection.transaction():
        place = find_place(connection, migration_id, lock=True)
        require_open(place)
        held = held_channels(connection, place.location_key)
        if held or place.phase not in ("parallel", "ready"):
            raise Refused(
                f"AuraConnect owns {', '.join(held)} of {place.location_key}."
                if held
                else f"The window of migration {migration_id} is {place.phase}.",
                "`reverse` gives the channels back and ends the window."
                if held
                else f"`aura-migration cutover abort {migration_id}` goes back to where it was; then cancel.",
                phase=place.phase,
            )
        require_settled_work(place)
        move(connection, migration_id, "cancelled", by, reason, now=now)


def require_settled_work(place: Place) -> None:
    """``Refused`` while a load of what changed at the POS is half way: the window's end would hide it."""
    if place.work in ("loading", "paused", "failed"):
        raise Refused(
            f"A load of migration {place.migration_id} that follows the POS is {place.work}.",
            f"`aura-migration run {place.migration_id}` brings it to its end first.",
            work=place.work,
        )


def _told(phase: str) -> str:
    state = STATE_OF[phase]
    return state if state == phase else f"{state}: {phase}"
