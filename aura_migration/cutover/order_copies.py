"""What a rehearsal writes and rolls back: copies of the last orders of a location as if AuraConnect took them, a changed price."""

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


def change_prices(connection: Connection, restaurant_id: int, location_id: int) -> set[tuple[str, int]]:
    """Raise the price of one item and of one variation that a migration brought by a minor unit; answers them as (table, id).

    Fewer, where there are none. What has a price of its own at the location is left alone: nobody would see the change there.
    """
    edited: set[tuple[str, int]] = set()
    for table, here, where in (
        (
            "menu_items",
            "x.menu_item_id = t.id AND x.variation_id IS NULL",
            "NOT EXISTS (SELECT FROM aura.menu_item_variations v WHERE v.menu_item_id = t.id AND v.deleted_at IS NULL)",
        ),
        ("menu_item_variations", "x.variation_id = t.id", "true"),
    ):
        rows = connection.execute(
            f"UPDATE aura.{table} SET price_cents = price_cents + 1 WHERE id = (SELECT t.id FROM aura.{table} t "
            f"LEFT JOIN aura.menu_item_location_overrides x ON {here} AND x.location_id = %(location)s AND x.deleted_at IS NULL "
            "WHERE t.restaurant_id = %(restaurant)s AND (t.location_id IS NULL OR t.location_id = %(location)s) "
            "AND t.deleted_at IS NULL AND t.source_id IS NOT NULL AND t.price_cents IS NOT NULL AND t.price_type = 'fixed' "
            f"AND coalesce(x.is_active, t.is_active) AND (t.listing = 'all' OR x.id IS NOT NULL) AND x.price_type IS NULL AND {where} "
            "ORDER BY t.id LIMIT 1) RETURNING id",
            {"restaurant": restaurant_id, "location": location_id},
        )
        edited |= {(table, row[0]) for row in rows}
    return edited


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
