"""A loader of history as a bare process, started by ``test_load_history_kills.py`` and killed there or by its own hand.

``python killed_history.py URL MIGRATION_ID load|undo [STATEMENT]``: carries the history of the migration's plan out on two
connections, or takes it back; with STATEMENT it kills itself (SIGKILL) before that statement is sent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import psycopg

from aura_migration.database.connections import connect
from aura_migration.load.history import load_history, undo_history
from aura_migration.plan.planner import Subject


def count_statements(die_before: int = 0) -> list[int]:
    """Count the statements this process sends, in a list of one; die before the given one."""
    sent = [0]
    lock = threading.Lock()
    execute = psycopg.Cursor.execute

    def counted(self: psycopg.Cursor[Any], *arguments: Any, **named: Any) -> psycopg.Cursor[Any]:
        with lock:
            sent[0] += 1
            if sent[0] == die_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(self, *arguments, **named)

    psycopg.Cursor.execute = counted  # type: ignore[method-assign,assignment]
    return sent


def main() -> None:
    """Do it, and say how many statements it took."""
    url, migration_id, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT integration_id, restaurant_id, location_key, plan_id, load_at FROM migration.migrations WHERE id = %s",
            [migration_id],
        ).fetchone()
        assert row is not None
        integration_id, restaurant_id, key, plan_id, load_at = row
        subject = Subject(migration_id, integration_id, restaurant_id, key, key.partition(":")[0])
        print("ready", flush=True)
        sent = count_statements(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
        if what == "load":
            load_history(url, subject, plan_id, load_at)
        else:
            undo_history(connection, subject, url=url)
    print(sent[0], flush=True)


if __name__ == "__main__":
    main()
