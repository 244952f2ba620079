"""Stored events: looking at them, without their bodies, and how long they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row

from aura_migration.database.connections import Connection
from aura_migration.migration.sealing import Box
from aura_migration.migration.webhooks.keys import reader
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.webhooks import Delivery

BOX = "webhooks"
"""What seals the bodies."""
VERIFICATION = "verification"
"""The kind of a handshake."""
REJECTED_LIFE = timedelta(days=14)
BODY_LIFE = timedelta(days=30)
"""Afterwards only what the event touched is known: records are read anew from the POS, never from an event."""


def list_events(
    workshop: Workshop,
    connection: Connection,
    integration_id: int | None,
    *,
    after: int = 0,
    limit: int = 100,
    with_codes: bool = False,
) -> list[dict[str, Any]]:
    """Events of an integration (None: of no account we know), newest first, without their bodies; ``after`` is the last id seen.

    ``with_codes`` adds ``verification_code`` to handshakes.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT id, pos, kind, merchant_id, integration_id, location_key, occurred_at, is_genuine, why_not, touches,
                deliveries, received_at, last_received_at, state, handled_at, note,
                CASE WHEN %(codes)s AND kind = %(handshake)s AND NOT is_genuine THEN sealed_body END AS handshake
            FROM migration.webhook_events
            WHERE integration_id IS NOT DISTINCT FROM %(integration)s AND (%(after)s = 0 OR id < %(after)s)
            ORDER BY id DESC LIMIT %(limit)s
            """,
            {
                "integration": integration_id,
                "after": after,
                "limit": limit,
                "codes": with_codes,
                "handshake": VERIFICATION,
            },
        ).fetchall()
    box = Box(connection, workshop.vault, BOX) if any(row["handshake"] for row in rows) else None
    for row in rows:
        sealed = row.pop("handshake")
        if box is not None and sealed:
            read = reader(workshop, row["pos"])
            row["verification_code"] = read.verification_code(Delivery("", {}, box.open(sealed), row["received_at"]))
    return rows


def waiting(connection: Connection, integration_id: int) -> dict[str, int]:
    """Records by source entity that genuine events have touched and no delta has read since; 0: all of the entity."""
    rows = connection.execute(
        "SELECT t ->> 'entity', count(DISTINCT t ->> 'id') FILTER (WHERE t ->> 'id' <> '') "
        "FROM migration.webhook_events, jsonb_array_elements(touches) t "
        "WHERE integration_id = %s AND is_genuine AND state = 'received' GROUP BY 1 ORDER BY 1",
        [integration_id],
    ).fetchall()
    return dict(rows)


# -- how long they are kept ---------------------------------------------------------------------------------------


def clear_old(connection: Connection) -> int:
    """Remove what was rejected long ago and empty old bodies; rows changed. Genuine events stay: they keep repetitions out."""
    gone = connection.execute(
        "DELETE FROM migration.webhook_events WHERE NOT is_genuine AND last_received_at < clock_timestamp() - %s",
        [REJECTED_LIFE],
    ).rowcount
    emptied = connection.execute(
        "UPDATE migration.webhook_events SET sealed_body = '' WHERE sealed_body <> '' AND received_at < clock_timestamp() - %s",
        [BODY_LIFE],
    ).rowcount
    return gone + emptied


def forget_bodies(connection: Connection, integration_ids: Sequence[int]) -> int:
    """Empty every body of these accounts: when a person is erased, none of them may still name them. Rows changed."""
    return connection.execute(
        "UPDATE migration.webhook_events SET sealed_body = '' WHERE sealed_body <> '' "
        "AND (integration_id = ANY(%s) OR integration_id IS NULL)",
        [list(integration_ids)],
    ).rowcount
