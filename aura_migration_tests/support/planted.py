"""What a sound café does not have, planted into the rows of its migration: for pages that show differences."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from aura_migration.database.connections import Connection

DAYS = 60
DIFFERS = date(2026, 1, 30)
"""The day on which AuraConnect has 12.99 less than the POS, for no cause."""
FIGURES: dict[str, Any] = {
    "span": "the last 2,000 orders",
    "from": "2026-01-01",
    "to": "2026-03-01",
    "passed": False,
    "orders": 2000,
    "classes": {"identical": 1950, "explained": 30, "different": 15, "not_comparable": 5},
    "explained": [{"cause": "price_changed_since", "orders": 30, "cents": 4500, "proof": "versions of the price"}],
    "not_comparable": [{"reason": "open_price", "orders": 5, "why": "The price was typed in."}],
    "different_cents": 1234,
    "metrics": {},
    "taxes": [
        {
            "rate": "Sales tax",
            "orders": 1800,
            "telling": 40,
            "configured": "half_up",
            "ways": [{"way": "per order, half up", "consistent": 1800, "is_best": True}],
            "discriminating": [],
        }
    ],
}
INFERRED = {
    "value": {"name": "square", "tax_rounding": "half_even"},
    "evidence": {"orders_for": 12, "orders_against": 3, "orders_tested": 1965, "examples": []},
}


def plant(connection: Connection, migration: int) -> None:
    """Days, a replay, findings, quarantined records, a conflict and a renamed item."""
    _days(connection, migration)
    _replay(connection, migration)
    for key, actual in (("ITEM0", None), ("ITEM1", {"price_cents": 400})):
        connection.execute(
            "INSERT INTO migration.findings (migration_id, check_name, entity, source_key, expected, actual, difference_cents, is_blocking) "
            "VALUES (%s, 'prices', 'items', %s, %s, %s, %s, %s)",
            [migration, key, Jsonb({"price_cents": 450}), Jsonb(actual), -50 if actual else None, actual is not None],
        )
    connection.execute(
        'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values") '
        "SELECT %s, entity, source_key, '[\"price_cents: -5 is less than 0\"]', content || '{\"price_cents\": -5}' FROM migration.plan_rows "
        "WHERE entity = 'items' AND label = 'Cinnamon Roll'",
        [migration],
    )
    connection.execute(
        'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values") '
        "VALUES (%s, 'orders', 'ORDER1', '[\"payments are more than the order\"]', '{}')",
        [migration],
    )
    connection.execute(
        "UPDATE migration.plan_rows SET action = 'conflict', before = content || '{\"price_cents\": 123}', "
        "reason = 'AuraConnect has one of that name' WHERE entity = 'items' AND label = 'Earl Grey'"
    )
    connection.execute("UPDATE aura.menu_items SET name = 'Turkey Sandwich' WHERE name = 'Turkey Club'")


def _days(connection: Connection, migration: int) -> None:
    for number in range(DAYS):
        day = date(2026, 1, 1) + timedelta(days=number)
        net = 100_000 + 1_000 * (number % 7)
        for metric, name, value in (("net", "", net), ("payments", "CASH", net // 4), ("orders", "", 60 + number % 7)):
            off = -1299 if metric == "net" and day == DIFFERS else 0
            connection.execute(
                "INSERT INTO migration.daily_reconciliation (migration_id, business_date, metric, name, pos_value, aura_value) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                [migration, day, metric, name, value, value + off],
            )


def _replay(connection: Connection, migration: int) -> None:
    row = connection.execute(
        "INSERT INTO migration.replays (migration_id, span, is_default, passed, figures, inferred, measured_at) "
        "VALUES (%s, %s, true, false, %s, %s, now()) RETURNING id",
        [migration, FIGURES["span"], Jsonb(FIGURES), Jsonb(INFERRED)],
    ).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO migration.replay_clusters (replay_id, place, cause, title, orders, cents, net_cents, first_day, last_day, examples, remedy) "
        "VALUES (%s, 0, 'tax_missing', 'Sales tax is not on Muffin', 9, 900, -900, '2026-01-04', '2026-02-02', %s, 'Attach the tax.')",
        [row[0], Jsonb([{"order": "1042", "day": "2026-01-04"}])],
    )
