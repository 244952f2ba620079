"""A loader as a bare process, started by ``test_load_kills.py`` and killed there or by its own hand.

``python killed_load.py URL MIGRATION_ID BATCH_ROWS [STATEMENT]``: carries the migration's plan out; with STATEMENT it kills
itself (SIGKILL) before that statement is sent.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.database.connections import connect
from aura_migration.load.apply import LoadProgress, apply_plan
from aura_migration.plan.planner import Subject


def kill_before(number: int) -> None:
    """Die before the n-th statement of this process."""
    sent = 0
    execute = psycopg.Cursor.execute

    def counted(self: psycopg.Cursor[Any], *arguments: Any, **named: Any) -> psycopg.Cursor[Any]:
        nonlocal sent
        sent += 1
        if sent == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(self, *arguments, **named)

    psycopg.Cursor.execute = counted  # type: ignore[method-assign,assignment]


def main() -> None:
    """Load; every batch leaves a progress row in its own transaction."""
    url, migration_id, batch_rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT integration_id, restaurant_id, location_key, plan_id, load_at FROM migration.migrations WHERE id = %s",
            [migration_id],
        ).fetchone()
        assert row is not None
        integration_id, restaurant_id, key, plan_id, load_at = row
        subject = Subject(migration_id, integration_id, restaurant_id, key, key.partition(":")[0])

        def note(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
            cursor.execute(
                "INSERT INTO migration.progress (migration_id, total_items, processed_items, current_step) VALUES (%s, %s, %s, %s)",
                [migration_id, at.total, at.processed, at.entity],
            )

        print("ready", flush=True)
        if len(sys.argv) > 4:
            kill_before(int(sys.argv[4]))
        apply_plan(connection, subject, plan_id, ENTITIES, load_at, batch_rows=batch_rows, on_batch=note)
        connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [plan_id])
    print("done", flush=True)


if __name__ == "__main__":
    main()
