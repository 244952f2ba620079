"""A history on its way into its working tables: batches, numbers, hashes, faults, repetitions, interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.staging import StagedHistory, stage_history
from aura_migration_tests.support.histories import NOW, ToldSource, order, payment, record
from aura_migration_tests.support.menus import rows

Connection = psycopg.Connection[Any]


def stage(url: str, source: ToldSource, **more: Any) -> StagedHistory:
    return stage_history(url, 1, source, rules="r", now=NOW, **more)


def documents(connection: Connection) -> dict[str, dict[str, Any]]:
    name = shapes.staged(1, shapes.DOCUMENTS).as_string(connection)
    found = rows(connection, f"SELECT source_key, to_jsonb(d) FROM {name} d WHERE verdict <> 'superseded'")
    return dict(found)


def test_documents_stand_numbered_with_their_rows(database: str, connection: Connection, tmp_path: Path) -> None:
    source = record(tmp_path, {"orders": [[order("A"), order("B")], [order("C")]], "payments": [[payment("P")]]})
    found = stage(database, source)
    assert found.documents["orders"] == {"documents": 3, "superseded": 0, "faults": 0, "gone": 0}
    assert found.rows == {"orders": 3, "order_items": 3, "order_item_modifiers": 3, "order_taxes": 3, "payments": 1}
    assert found.batches == 2
    taxes = shapes.staged(1, "order_taxes").as_string(connection)
    assert rows(connection, f"SELECT batch, n, doc, item_no, name, rate_percent::text FROM {taxes} ORDER BY n") == [
        (1, n, n, n, "Sales Tax", "8.875") for n in (1, 2, 3)
    ]
