"""Ordered progress rows, written in the transaction of the work they report. Totals are known before loading begins.

The counts are those of plan rows already applied, never a counter of their own, so a crash cannot make them disagree
with the work (and a resumed load goes on counting where the work stands). The database numbers the rows of a migration without
gaps, in the order in which they become visible, and tells listeners on the channel ``aura_migration``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg

MINIMUM_SHARE = 0.01
MINIMUM_SECONDS = 10.0
"""Below either there is no estimate: one percent or ten seconds of work tell nothing."""


def estimate(processed: int, total: int, elapsed: float, before: int = 0) -> int | None:
    """Seconds still to go, or None while that cannot be known. ``before`` rows were done by an earlier, interrupted run."""
    if total > 0 and processed >= total:
        return 0
    done = processed - before
    if total <= 0 or done <= 0 or done / total < MINIMUM_SHARE or elapsed < MINIMUM_SECONDS:
        return None
    return max(0, round(elapsed / done * (total - processed)))


def report(
    connection: psycopg.Connection[Any] | psycopg.Cursor[Any],
    migration_id: int,
    step: str,
    processed: int,
    total: int,
    eta_seconds: int | None = None,
    errors: Sequence[str] = (),
) -> None:
    """Append one progress row; part of the caller's transaction where there is one."""
    connection.execute(
        "INSERT INTO migration.progress (migration_id, total_items, processed_items, current_step, eta_seconds, errors) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [migration_id, total, processed, step, eta_seconds, json.dumps(list(errors))],
    )


def spoken(seconds: int | None) -> str | None:
    """An estimate as people say it: ``5 minutes``."""
    if seconds is None:
        return None
    if seconds < 90:
        return f"{seconds} second{'s' * (seconds != 1)}"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{round(minutes / 60)} hours"


def latest(connection: psycopg.Connection[Any], migration_id: int) -> dict[str, Any] | None:
    """The newest progress message in AuraConnect's own form, or None before the first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM migration.progress WHERE migration_id = %s ORDER BY number DESC LIMIT 1",
        [migration_id],
    ).fetchall()
    return _message(rows[0]) if rows else None


def since(
    connection: psycopg.Connection[Any], migration_id: int, after: int = 0, limit: int = 500
) -> list[dict[str, Any]]:
    """Progress messages after a sequence number (0: from the first), in order: what a reconnecting reader missed."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM migration.progress WHERE migration_id = %s AND number > %s ORDER BY number LIMIT %s",
        [migration_id, after, limit],
    ).fetchall()
    return [_message(row) for row in rows]


_COLUMNS = "number, total_items, processed_items, current_step, eta_seconds, errors, at"


def _message(row: Any) -> dict[str, Any]:
    return {
        "sequence": row[0],
        "totalItems": row[1],
        "processedItems": row[2],
        "currentStep": row[3],
        "estimatedTimeRemaining": spoken(row[4]),
        "errors": row[5],
        "at": row[6].isoformat(),
    }
