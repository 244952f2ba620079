"""Planning a staged history: verdicts, counts, totals, reserved ids, the hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from aura_migration.canonical.history.staging import stage_history
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.ground import Subject
from aura_migration.plan.history import HistoryPlan, plan_history
from aura_migration_tests.support.histories import NOW, ToldSource, order, payment, record
from aura_migration_tests.support.menus import make_chain, one, rows

Connection = psycopg.Connection[Any]


def make_plan(connection: Connection, subject: Subject) -> int:
    return int(
        one(
            connection,
            "INSERT INTO migration.plans (migration_id, kind, options) VALUES (%s, 'preview', '{}') RETURNING id",
            [subject.migration_id],
        )
    )


def planned(
    connection: Connection,
    url: str,
    subject: Subject,
    source: ToldSource,
    options: MigrationOptions | None = None,
    **more: Any,
) -> tuple[int, HistoryPlan]:
    stage_history(url, subject.migration_id, source, rules="r", now=NOW, **more)
    plan_id = make_plan(connection, subject)
    found = plan_history(connection, subject, plan_id, options or MigrationOptions(), rules="r")
    assert found is not None
    return plan_id, found


def test_a_history_without_anything_loaded_is_created(connection: Connection, database: str, tmp_path: Path) -> None:
    (subject,) = make_chain(connection)
    source = record(tmp_path, {"orders": [[order("A"), order("B")], [order("C")]], "payments": [[payment("P")]]})
    plan_id, found = planned(connection, database, subject, source)
    assert {kind: (c["source"], c["create"]) for kind, c in found.counts.items()} == {
        "orders": (3, 3),
        "payments": (1, 1),
    }
    assert found.totals["gross"] == 3000
    assert rows(connection, "SELECT batch, counts FROM migration.history_batches ORDER BY batch") == [
        (1, {"orders": 3, "order_items": 3, "order_item_modifiers": 3, "order_taxes": 3}),
        (2, {"payments": 1}),
    ]
    assert one(connection, "SELECT history ->> 'hash' FROM migration.plans WHERE id = %s", [plan_id]) == found.hash
