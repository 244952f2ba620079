"""Acting on what a POS told: an account whose access was withdrawn has to be connected again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import mark_reconnect_needed
from aura_migration.migration.states import FRESH, STANDING, transition

ACCESS = "access"
"""The touched entity of an event by which the restaurant withdraws our access."""
WAITING = FRESH - {"reconnect_needed"} | {"planned", "approved"}
"""States of migrations that cannot go on without access to the POS."""


def settle(connection: Connection, events: Sequence[int] | None = None) -> int:
    """Act on events that end our access; those named, or all that wait. Returns how many there were.

    All others wait for the delta. Harmless to repeat: an event is settled once.
    """
    waiting = connection.execute(
        "SELECT id FROM migration.webhook_events WHERE state = 'received' AND touches @> %s "
        "AND (%s::bigint[] IS NULL OR id = ANY(%s)) ORDER BY id",
        [Jsonb([{"entity": ACCESS}]), events and list(events), events and list(events)],
    ).fetchall()
    settled = 0
    for (event_id,) in waiting:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT integration_id, location_key, kind, occurred_at, received_at FROM migration.webhook_events "
                "WHERE id = %s AND state = 'received' FOR UPDATE",
                [event_id],
            ).fetchone()
            if row is None:
                continue
            note = _end_access(
                connection,
                row["integration_id"],
                row["location_key"],
                row["kind"],
                row["occurred_at"] or row["received_at"],
            )
            cursor.execute(
                "UPDATE migration.webhook_events SET state = 'handled', handled_at = clock_timestamp(), note = %s WHERE id = %s",
                [note, event_id],
            )
            settled += 1
    return settled


def _end_access(connection: Connection, integration_id: int, location_key: str | None, kind: str, at: datetime) -> str:
    """The account has to be connected again, and with it the migrations that cannot go on without; what was done, in words.

    A POS that withdraws one location of several leaves the others as they are.
    """
    row = connection.execute(
        "SELECT i.status, c.updated_at, (SELECT count(*) FROM migration.locations l WHERE l.integration_id = i.id) "
        "FROM migration.integrations i LEFT JOIN migration.credentials c ON c.integration_id = i.id WHERE i.id = %s FOR UPDATE OF i",
        [integration_id],
    ).fetchone()
    assert row is not None
    status, renewed_at, locations = row
    if status == "disconnected":
        return "the account is disconnected already"
    if renewed_at is not None and renewed_at > at:
        return "it comes late: the POS has given us access since"
    reason = f"the POS says that the restaurant withdrew the access ({kind})"
    only = location_key if locations > 1 else None
    if only is None:
        mark_reconnect_needed(connection, integration_id, reason)
    rows = connection.execute(
        "SELECT id FROM migration.migrations WHERE integration_id = %s AND (%s::text IS NULL OR location_key = %s) "
        f"AND {STANDING} = ANY(%s) ORDER BY id FOR UPDATE",
        [integration_id, only, only, sorted(WAITING)],
    ).fetchall()
    for (migration_id,) in rows:
        transition(connection, migration_id, "reconnect_needed", "webhook", reason)
    return f"{only or 'the account'} has to be connected again"
