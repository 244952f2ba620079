"""What people sign of a window: a switch under its gates, a difference they answer for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from aura_migration.core.errors import Refused
from aura_migration.cutover.gates import MOMENT, gates_hash, measure_gates
from aura_migration.cutover.switches import back_hash, sign_switch
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import history_rules
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import get_migration
from aura_migration.migration.window.opening import get_window
from aura_migration.migration.workshop import Workshop
from aura_migration.reconcile.known import KnownDifference, add_rule


def sign(
    workshop: Workshop, connection: Connection, migration_id: int, channel: str, direction: str, by: str, reason: str
) -> str:
    """Sign for a channel's next switch under its gates as they stand now; answers the hash over them.

    ``Refused`` while a gate does not hold; those about the moment of the switch are asked for at the switch.
    """
    get_window(connection, migration_id)
    if direction == "forward":
        now = workshop.now()
        found = measure_gates(connection, migration_id, channel, now)
        lacking = [one for one in found if not one.holds and one.name not in MOMENT]
        if lacking:
            first = lacking[0]
            raise Refused(
                f"{channel} cannot be signed for: gate {first.name} is {first.verdict}, {first.value}."
                + (f" {len(lacking) - 1} more do not hold." if lacking[1:] else ""),
                first.remedy,
                gate=first.name,
                gates=[one.as_dict(now) for one in lacking],
            )
        signed = gates_hash(found, channel)
    else:
        signed = back_hash(connection, migration_id, channel)
    sign_switch(connection, migration_id, channel, direction, by, reason, signed)
    return signed


def answer_for(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    matches: Mapping[str, Any],
    *,
    reason: str,
    owner: str,
    max_cents: int,
    expires_on: date,
    by: str,
) -> KnownDifference:
    """A difference of the window that somebody looked into and answers for until a date."""
    get_window(connection, migration_id)
    return add_rule(
        connection,
        migration_id,
        matches,
        reason=reason,
        owner=owner,
        max_cents=max_cents,
        expires_on=expires_on,
        by=by,
        today=business_today(workshop, connection, migration_id),
    )


def business_today(workshop: Workshop, connection: Connection, migration_id: int) -> date:
    """The business date that has begun at the location."""
    migration = get_migration(connection, migration_id)
    location = get_location(connection, migration.location_key)
    connector = workshop.connector(migration.subject.pos)
    return date.fromisoformat(history_rules(connector, location.source, migration.parsed_options).day(workshop.now()))
