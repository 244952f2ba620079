"""Abort: a switch that is not done leaves everything as it was before it, in one transaction.

It may come from anybody at any step, also while a process is at work on the switch: that process finds the row closed at its
next step and stops. What AuraConnect took while it accepted stays: those orders are in its book and go to the old POS like
everything else that the way back writes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import Refused
from aura_migration.cutover import channels, features, liabilities, numbers
from aura_migration.cutover.phases import Place, find_place, move, resting_phase
from aura_migration.cutover.switches import STEPS, Switch, get_switch, is_at_work, note_step, open_switch
from aura_migration.reconcile.books import set_owner

Connection = psycopg.Connection[Any]


def abort(connection: Connection, migration_id: int, by: str, reason: str, now: datetime | None = None) -> Switch:
    """Take the open switch of a migration back to the state before it; answers the switch as it is then.

    ``now`` is business time, asked for only where orders were taken in between; by default the database's clock.
    ``Refused`` where no switch is open: what is done goes back by `reverse`.
    """
    with connection.transaction():
        place = find_place(connection, migration_id, lock=True)
        found = open_switch(connection, migration_id)
        if found is None:
            return _abort_between(connection, place, by, reason)
        return abort_switch(connection, found.id, by, reason, now)


def abort_switch(connection: Connection, switch_id: int, by: str, reason: str, now: datetime | None) -> Switch:
    """The same for one switch, whoever's it is; one that has ended stays as it is."""
    with connection.transaction():
        switch = get_switch(connection, switch_id)
        place = find_place(connection, switch.migration_id, lock=True)
        switch = get_switch(connection, switch_id, lock=True)
        if switch.state != "open":
            return switch
        done = STEPS.index(switch.step)
        evidence = switch.evidence
        if done >= STEPS.index("paused"):
            channels.restore_status(connection, place.location_id, switch.channel, evidence["status_before"])
        if done >= STEPS.index("opened"):
            features.restore_features(connection, place.location_id, evidence["features_before"])
            features.set_limits(connection, place.location_id, evidence.get("limits_before", []))
        detail: dict[str, Any] = {"reason": reason, "by": by}
        if done >= STEPS.index("opened") and (switch.channel, switch.direction) == ("in_house", "forward"):
            detail["given_back"] = _stop_redeeming(connection, place, switch, by, reason)
        if done >= STEPS.index("owned"):
            detail["book"] = _return_book(connection, place, switch, by, reason, now)
        if done >= STEPS.index("numbered") and evidence.get("numbers"):
            detail["numbers_restored"] = numbers.restore_numbers(connection, place.location_id, evidence["numbers"])
        connection.execute(
            "UPDATE migration.switches SET state = 'aborted', ended_at = clock_timestamp(), "
            "resumed_at = CASE WHEN paused_at IS NOT NULL THEN coalesce(resumed_at, clock_timestamp()) END, "
            "evidence = evidence || %s WHERE id = %s",
            [Jsonb({"aborted": detail}), switch.id],
        )
        note_step(connection, switch.id, "aborted", detail)
        before = evidence.get("phase_before", "parallel")
        rest = "reversing" if before == "reversing" else resting_phase(connection, place, before)
        move(connection, switch.migration_id, rest, by, f"switch of {switch.channel} aborted: {reason}")
        return get_switch(connection, switch.id)


def is_overdue(switch: Switch, pause_seconds: float, clock: datetime) -> bool:
    """Whether nobody has taken orders for longer than the policy allows. ``clock`` is real time."""
    return (
        switch.is_paused
        and switch.paused_at is not None
        and clock > switch.paused_at + timedelta(seconds=pause_seconds)
    )


def abort_overdue(connection: Connection, clock: datetime, now: datetime | None = None) -> list[Switch]:
    """Abort every switch whose pause is over its time and whose process is gone. To be called every few seconds."""
    rows = connection.execute(
        "SELECT id, migration_id FROM migration.switches WHERE state = 'open' AND paused_at IS NOT NULL "
        "AND resumed_at IS NULL ORDER BY id"
    ).fetchall()
    ended = []
    for switch_id, migration_id in rows:
        limit = find_place(connection, migration_id).policy.switch.pause_seconds
        found = get_switch(connection, switch_id)
        if is_overdue(found, limit, clock) and not is_at_work(connection, migration_id):
            ended.append(
                abort_switch(connection, switch_id, "aura-migration", f"paused for more than {limit} s and left", now)
            )
    return ended


def _stop_redeeming(connection: Connection, place: Place, switch: Switch, by: str, reason: str) -> list[str]:
    """What this switch took over is frozen again, as it was before; other locations that redeem here keep it."""
    if liabilities.other_locations_here(connection, place.integration_id, place.location_key):
        return []
    rows = connection.execute(
        "SELECT DISTINCT class FROM migration.liability_changes WHERE integration_id = %s AND to_owner = 'auraconnect' "
        "AND at >= %s",
        [place.integration_id, switch.asked_at],
    ).fetchall()
    taken = {row[0] for row in rows} & set(liabilities.owned_here(connection, place.integration_id))
    for liability in sorted(taken):
        liabilities.give_back(connection, place.integration_id, liability, by, f"aborted: {reason}")
    return sorted(taken)


def _return_book(
    connection: Connection, place: Place, switch: Switch, by: str, reason: str, now: datetime | None
) -> str:
    """The channel is owned as before. A change under which AuraConnect opened nothing is taken out, else one more is added.

    On the way back AuraConnect opens nothing under it: what is there was opened before, by a clock that goes ahead.
    """
    assert switch.effective_at is not None
    opened = connection.execute(
        "SELECT EXISTS (SELECT FROM aura.orders o WHERE o.location_id = %s AND o.origin = 'aura_native' "
        "AND aura.switched_channel(o.channel) = %s AND coalesce(o.opened_at, o.created_at) >= %s)",
        [place.location_id, switch.channel, switch.effective_at],
    ).fetchone()
    if switch.direction == "back" or opened is None or not opened[0]:
        connection.execute("DELETE FROM migration.channel_ownership WHERE switch_id = %s", [switch.id])
        return "never changed"
    row = connection.execute(
        "SELECT greatest(coalesce(%s::timestamptz, clock_timestamp()), %s::timestamptz + interval '1 microsecond')",
        [now, switch.effective_at],
    ).fetchone()
    assert row is not None
    set_owner(
        connection, place.location_key, switch.channel, "pos", row[0], place.migration_id, by, f"aborted: {reason}", switch.id
    )  # fmt: skip
    return "pos again"


def _abort_between(connection: Connection, place: Place, by: str, reason: str) -> Switch:
    """No switch is open. A reverse that stopped between two channels is given up; anything else is refused."""
    last = connection.execute(
        "SELECT max(id) FROM migration.switches WHERE migration_id = %s", [place.migration_id]
    ).fetchone()
    if place.phase != "reversing" or last is None or last[0] is None:
        raise Refused(
            f"No switch of migration {place.migration_id} is open.",
            "A switch that is done goes back by `reverse`.",
            phase=place.phase,
        )
    move(connection, place.migration_id, resting_phase(connection, place), by, f"reverse given up: {reason}")
    return get_switch(connection, int(last[0]))
