"""Orders and money of the past, loaded batch by batch and taken back."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration.load.history import undo_history
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.histories import (
    HISTORY_TABLES,
    gone,
    group,
    history,
    history_image,
    migrate_history,
    order,
    payment,
    placed,
    refund,
)
from aura_migration_tests.support.menus import cafe, make_chain, migrate, one, rows

Connection = psycopg.Connection[Any]


@pytest.fixture
def subject(connection: Connection) -> Subject:
    """A location whose menu is loaded."""
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    return subject


def test_documents_become_rows_with_their_references(database: str, connection: Connection, subject: Subject) -> None:
    loaded = migrate_history(
        database,
        connection,
        subject,
        [
            [order("O1", 2, group="G1"), payment("P1", "O2")],
            [group("G1"), order("O2", 1, item="OLD"), refund("R1", "O1", "P1")],
        ],
    )
    assert (loaded.batches, loaded.kept) == (2, 0)
    first, second = placed(connection, "orders", "O1"), placed(connection, "orders", "O2")
    assert first["order_group_id"] == placed(connection, "order_groups", "G1")["id"]
    assert placed(connection, "payments", "P1")["order_id"] == second["id"], "an order of a later batch"
    assert placed(connection, "refunds", "R1")["payment_id"] == placed(connection, "payments", "P1")["id"]
    assert (first["is_historical"], first["source_vendor"], first["migration_run_id"]) == (
        True,
        "square",
        subject.migration_id,
    )
    lines = rows(
        connection,
        """
        SELECT i.order_id, m.name, v.name, x.name, d.price_adjustment_cents, t.rate_percent::text, r.name
        FROM aura.order_items i JOIN aura.menu_items m ON m.id = i.menu_item_id
        JOIN aura.menu_item_variations v ON v.id = i.variation_id
        JOIN aura.order_item_modifiers d ON d.order_item_id = i.id JOIN aura.modifiers x ON x.id = d.modifier_id
        JOIN aura.order_taxes t ON t.order_item_id = i.id JOIN aura.tax_rates r ON r.id = t.tax_rate_id ORDER BY i.id
        """,
    )
    assert lines == [
        (first["id"], "Coffee", "S", "Oat", 60, "8.00", "Sales tax"),
        (first["id"], "Coffee", "S", "Oat", 60, "8.00", "Sales tax"),
        (second["id"], "Coffee 0", "S", "Oat", 60, "8.00", "Sales tax"),
    ]


def test_a_rollback_leaves_nothing(database: str, connection: Connection, subject: Subject) -> None:
    before = history_image(connection)
    migrate_history(database, connection, subject, history(40, 4))
    loaded = history_image(connection)
    assert all(loaded[table] for table in HISTORY_TABLES[:12])
    rehearsed = undo_history(connection, subject, rehearse=True)
    assert history_image(connection) == loaded
    undone = undo_history(connection, subject)
    assert undone.as_dict() == rehearsed.as_dict()
    assert undone.kept == []
    assert undone.counts["orders"] == {"removed": 40}
    assert history_image(connection) == before


def test_a_changed_order_keeps_its_id_and_comes_back_with_the_rollback(
    database: str, connection: Connection, subject: Subject
) -> None:
    migrate_history(database, connection, subject, [[order("O1", 2), order("O2", 1), payment("P1", "O1")]])
    first = history_image(connection)
    migrate_history(
        database, connection, subject, [[order("O1", 3, tip_amount_cents=7), order("O2", 1), payment("P1", "O1", 999)]]
    )
    assert placed(connection, "orders", "O1")["tip_amount_cents"] == 7
    assert (
        one(
            connection,
            "SELECT count(*) FROM aura.order_items WHERE order_id = %s",
            [placed(connection, "orders", "O1")["id"]],
        )
        == 3
    )
    second = history_image(connection)
    migrate_history(
        database,
        connection,
        subject,
        [[order("O1", 1, tip_amount_cents=8), gone("orders", "O2"), gone("payments", "P1")]],
    )
    assert placed(connection, "orders", "O2")["voided_at_source"]
    assert placed(connection, "payments", "P1")["deleted_at"] is not None
    batches = [row[0] for row in rows(connection, "SELECT id FROM migration.history_batches ORDER BY id")]
    assert len(batches) == 3
    del first, second
    undone = undo_history(connection, subject)
    assert undone.kept == []
    assert undone.counts == {"orders": {"restored": 3, "removed": 2}, "payments": {"restored": 2, "removed": 1}}
    assert all(not history_image(connection)[table] for table in HISTORY_TABLES)
