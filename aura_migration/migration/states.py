"""The states of a migration and the ways between them, each written down with who and why.

draft → extracted → planned → approved → loading → loaded → verified → parallel → ready → switching → live → completed
aside: empty, paused, failed (resumable), reconnect_needed, rolling_back, rolled_back, cancelled
"""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.core.errors import Refused

BEFORE_LOAD = frozenset({"draft", "extracted", "planned", "approved", "empty", "reconnect_needed"})
AFTER_LOAD = frozenset({"loaded", "verified"})
LIVE = frozenset({"parallel", "ready", "switching", "live"})
ENDED = frozenset({"rolled_back", "cancelled", "completed"})
PLANNABLE = BEFORE_LOAD | AFTER_LOAD | {"failed"}
"""States in which a preview may run. ``failed`` only where nothing of a plan is half written (checked by the caller)."""

ALLOWED: dict[str, frozenset[str]] = {
    "draft": frozenset({"extracted", "empty", "failed", "reconnect_needed", "cancelled"}),
    "extracted": frozenset({"extracted", "planned", "empty", "failed", "reconnect_needed", "cancelled"}),
    "planned": frozenset({"extracted", "planned", "approved", "empty", "failed", "reconnect_needed", "cancelled"}),
    "approved": frozenset(
        {"extracted", "planned", "approved", "loading", "empty", "failed", "reconnect_needed", "cancelled"}
    ),
    "empty": frozenset({"extracted", "empty", "failed", "reconnect_needed", "cancelled"}),
    "reconnect_needed": frozenset({"extracted", "planned", "empty", "failed", "reconnect_needed", "cancelled"}),
    "loading": frozenset({"loaded", "paused", "failed", "rolling_back"}),
    "paused": frozenset({"loading", "rolling_back"}),
    "failed": frozenset(
        {"extracted", "planned", "empty", "loading", "failed", "rolling_back", "reconnect_needed", "cancelled"}
    ),
    "loaded": frozenset({"extracted", "planned", "approved", "verified", "loaded", "rolling_back", "parallel"}),
    "verified": frozenset({"extracted", "planned", "approved", "verified", "loaded", "rolling_back", "parallel"}),
    "rolling_back": frozenset({"rolled_back", "failed"}),
}


def transition(connection: psycopg.Connection[Any], migration_id: int, to: str, by: str, reason: str = "") -> str:
    """Move a migration to a state and note it; returns the state it came from. ``Refused`` where no way leads there."""
    with connection.transaction():
        row = connection.execute(
            "SELECT state FROM migration.migrations WHERE id = %s FOR UPDATE", [migration_id]
        ).fetchone()
        if row is None:
            raise Refused(f"Migration {migration_id} does not exist.", "`aura-migration migrations` lists them.")
        current = str(row[0])
        if to not in ALLOWED.get(current, frozenset()):
            raise Refused(
                f"Migration {migration_id} is {current}; it cannot become {to}.",
                "`aura-migration status` shows what can be done next.",
                state=current,
            )
        connection.execute(
            "UPDATE migration.migrations SET state = %s, state_reason = %s, updated_at = now(), "
            "pause_requested = pause_requested AND %s = 'loading' WHERE id = %s",
            [to, reason, to, migration_id],
        )
        connection.execute(
            "INSERT INTO migration.transitions (migration_id, from_state, to_state, done_by, reason) VALUES (%s, %s, %s, %s, %s)",
            [migration_id, current, to, by, reason],
        )
        return current
