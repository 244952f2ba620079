"""Copies of the last orders of a location as if AuraConnect took them: what a rehearsal writes and rolls back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]

_CHILDREN: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("order_items", {}),
    ("order_item_modifiers", {"order_item_id": "order_items"}),
    ("order_discounts", {"order_item_id": "order_items"}),
    ("order_service_charges", {"order_item_id": "order_items"}),
    ("order_taxes", {"order_item_id": "order_items", "order_service_charge_id": "order_service_charges"}),
    ("payments", {}),
    ("refunds", {"payment_id": "payments"}),
)
"""Each with what points from it to other rows of the same order; a table comes after those it points to."""
_NOT_OURS: Final = (
    "source_vendor",
    "source_id",
    "source_hash",
    "source_version",
    "history_batch_id",
    "migration_run_id",
)


def copy_last_orders(connection: Connection, location_id: int, number: int, at: datetime) -> list[int]:
    """Take the last orders of each channel once more, opened at ``at``, under AuraConnect's own numbers; answers their ids.

    Orders with refunds come first where there are any, so that each kind of entry has an example.
    """
    rows = connection.execute(
        "SELECT o.id FROM aura.orders o WHERE o.location_id = %(location)s AND o.deleted_at IS NULL AND o.status = 'completed' "
        "AND NOT o.is_voided ORDER BY (o.id = (SELECT max(r.order_id) FROM aura.refunds r WHERE r.location_id = %(location)s "
        "AND r.deleted_at IS NULL)) DESC NULLS LAST, coalesce(o.opened_at, o.created_at) DESC, o.id DESC LIMIT %(number)s",
        {"location": location_id, "number": number},
    ).fetchall()
    return [_copied(connection, location_id, order_id, at) for (order_id,) in rows]


def _copied(connection: Connection, location_id: int, order_id: int, at: datetime) -> int:
    new: dict[str, dict[int, int]] = {"orders": {}}
    number = connection.execute("SELECT aura.take_order_number(%s)::text", [location_id]).fetchone()
    assert number is not None
    patch = {"origin": "aura_native", "display_number": number[0], "opened_at": at.isoformat(), "external_id": None}
    _copy_rows(connection, "orders", "t.id = %s", order_id, patch, {}, new)
    made = new["orders"][order_id]
    for table, points in _CHILDREN:
        _copy_rows(connection, table, "t.order_id = %s", order_id, {"order_id": made}, points, new)
    return made


def _copy_rows(
    connection: Connection,
    table: str,
    where: str,
    value: int,
    patch: dict[str, Any],
    points: dict[str, str],
    new: dict[str, dict[int, int]],
) -> None:
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = ''",
            [f"aura.{table}"],
        ).fetchall()
    ]
    blank = {name: None for name in _NOT_OURS if name in columns}
    times = {name: datetime.now(UTC).isoformat() for name in ("created_at", "updated_at") if name in columns}
    rows = connection.execute(
        f"SELECT t.id, nextval(pg_get_serial_sequence('aura.{table}', 'id')), to_jsonb(t) FROM aura.{table} t WHERE {where} ORDER BY t.id",
        [value],
    ).fetchall()
    mapped = new.setdefault(table, {})
    for old, made, image in rows:
        mapped[old] = made
        led = {name: new[target].get(image[name]) for name, target in points.items()}
        connection.execute(
            f"INSERT INTO aura.{table} ({', '.join(columns)}) SELECT {', '.join(f'r.{c}' for c in columns)} "
            f"FROM jsonb_populate_record(NULL::aura.{table}, %s) r",
            [Jsonb({**image, **blank, **times, **patch, **led, "id": made})],
        )
