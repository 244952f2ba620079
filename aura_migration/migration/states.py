"""The states of a migration and the ways between them, each written down with who and why.

draft → extracted → planned → approved → loading → loaded → verified → parallel → ready → switching → live → completed
aside: empty, paused, failed (resumable), reconnect_needed, rolling_back, rolled_back, cancelled

From ``parallel`` to ``live`` the state says how far the switch is; plans that follow the POS meanwhile go the same way from
``planned`` to ``verified`` beside it (``migrations.work``). What a plan's way depends on is the *standing*: the state, or while
the window is open that work.
"""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.core.errors import Refused

FRESH = frozenset({"draft", "extracted", "empty", "failed", "reconnect_needed"})
"""No plan waits for approval and no load stands: an export moves these to ``extracted``, a failed one to ``failed``."""
BEFORE_LOAD = FRESH - {"failed"} | {"planned", "approved"}
AFTER_LOAD = frozenset({"loaded", "verified"})
LIVE = frozenset({"parallel", "ready", "switching", "live"})
ENDED = frozenset({"rolled_back", "cancelled", "completed"})
PLANNABLE = FRESH | {"planned", "approved"} | AFTER_LOAD
"""States in which a preview may run. A load that failed half way may be planned again: the new plan continues it."""
IN_WINDOW = frozenset(
    {"extracted", "planned", "approved", "loading", "loaded", "verified", "paused", "failed", "reconnect_needed"}
)
"""What can stand beside a state of the window. Nothing is rolled back or cancelled there: the window ends first."""
UNDOABLE = PLANNABLE | {"loading", "paused", "rolling_back"}
"""States in which a rollback may begin, provided the migration has written something."""

ALLOWED: dict[str, frozenset[str]] = {
    "draft": frozenset({"extracted", "empty", "failed", "reconnect_needed", "cancelled", "rolling_back"}),
    "extracted": frozenset(
        {"extracted", "planned", "empty", "failed", "reconnect_needed", "cancelled", "rolling_back"}
    ),
    "planned": frozenset({"planned", "approved", "empty", "reconnect_needed", "cancelled", "rolling_back"}),
    "approved": frozenset({"planned", "approved", "loading", "empty", "reconnect_needed", "cancelled", "rolling_back"}),
    "empty": frozenset({"extracted", "empty", "failed", "reconnect_needed", "cancelled", "rolling_back"}),
    # Connecting again leads back to where the migration was.
    "reconnect_needed": frozenset(
        {
            "draft",
            "extracted",
            "planned",
            "approved",
            "empty",
            "failed",
            "reconnect_needed",
            "cancelled",
            "rolling_back",
        }
    ),
    "loading": frozenset({"loaded", "paused", "failed", "rolling_back"}),
    "paused": frozenset({"loading", "rolling_back"}),
    "failed": frozenset(
        {"extracted", "planned", "empty", "loading", "failed", "reconnect_needed", "cancelled", "rolling_back"}
    ),
    "loaded": frozenset({"planned", "approved", "verified", "loaded", "rolling_back", "parallel"}),
    "verified": frozenset({"planned", "approved", "verified", "loaded", "rolling_back", "parallel"}),
    "rolling_back": frozenset({"rolling_back", "rolled_back", "failed"}),
}


def standing(state: str, work: str | None) -> str:
    """Where a migration's plan stands, whether its window is open or not."""
    return (work or "verified") if state in LIVE else state


STANDING = "migration.standing(state, work)"
"""The same in SQL, over a row of ``migration.migrations``."""


def transition(connection: psycopg.Connection[Any], migration_id: int, to: str, by: str, reason: str = "") -> str:
    """Move a migration to a state and note it; returns the standing it came from. ``Refused`` where no way leads there.

    While the window is open the state stays, and the work beside it moves.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT state, work FROM migration.migrations WHERE id = %s FOR UPDATE", [migration_id]
        ).fetchone()
        if row is None:
            raise Refused(f"Migration {migration_id} does not exist.", "`aura-migration migrations` lists them.")
        state, work = row
        is_open = state in LIVE
        current = standing(state, work)
        if is_open and to not in IN_WINDOW:
            raise Refused(
                f"The window of migration {migration_id} is open ({state}); it cannot become {to}.",
                f"`aura-migration window end {migration_id}` ends it before a channel was switched, `reverse` after.",
                state=state,
            )
        if to not in ALLOWED.get(current, frozenset()):
            raise Refused(
                f"Migration {migration_id} is {current}; it cannot become {to}.",
                "`aura-migration status` shows what can be done next.",
                state=current,
            )
        connection.execute(
            f"UPDATE migration.migrations SET {'work' if is_open else 'state'} = %(to)s, state_reason = %(reason)s, updated_at = now(), "
            "pause_requested = pause_requested AND %(to)s = 'loading', "
            "resume_state = CASE WHEN %(to)s <> 'reconnect_needed' THEN NULL "
            f"WHEN {STANDING} = 'reconnect_needed' THEN resume_state ELSE {STANDING} END WHERE id = %(id)s",
            {"to": to, "reason": reason, "id": migration_id},
        )
        connection.execute(
            "INSERT INTO migration.transitions (migration_id, from_state, to_state, done_by, reason) VALUES (%s, %s, %s, %s, %s)",
            [migration_id, *(f"{state}: {s}" if is_open else s for s in (current, to)), by, reason],
        )
        return current
