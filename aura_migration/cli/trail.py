"""The audit trail of the command line: every command that changes something leaves a row, however it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click
import psycopg

from aura_migration.cli.work import me
from aura_migration.core.errors import AuraError
from aura_migration.database import connections, schema
from aura_migration.migration import audit
from aura_migration.settings import load_settings

CHANGING = frozenset(
    {
        "connect", "disconnect", "preview", "approve", "run", "pause", "resume", "cancel", "verify", "rollback",
        "conflicts decide", "quarantine rerun", "import-file", "report-import", "liabilities freeze", "liabilities thaw",
        "liabilities switch", "liabilities return", "erase", "purge", "snapshots delete", "snapshots collect-garbage",
        "keys rotate", "keys rotate-gift-card-key", "keys export-gift-card-key", "accounting journal", "accounting tax",
        "accounting adjustments", "webhooks key", "notify targets add", "notify targets remove", "notify targets test",
        "window open", "window extend", "window contact", "window policy", "window follow", "window reconcile", "window end",
        "window known add", "window known end", "cutover waive", "cutover unwaive", "cutover sign", "cutover decide-order",
        "cutover tests", "cutover sign-back", "cutover entries", "cutover confirm-sheet", "cutover switch", "cutover abort", "cutover rehearse", "cutover reverse", "cutover complete", "token",
    }
)  # fmt: skip
"""Commands that change something, or hand something out."""
TOLD = (
    "pos",
    "entity",
    "strategy",
    "plan_hash",
    "edited",
    "liability",
    "kind",
    "kinds",
    "as_approved",
    "confirm_inferred",
    "channel",
    "gate",
    "cause",
    "decision",
    "role",
    "restaurants",
)
"""Options that are told: ids and words of ours. Names, keys of guests, files and reasons are not."""
log = logging.getLogger(__name__)


def note_changes(group: click.Group, before: str = "") -> None:
    """Let every changing command of a group, and of the groups in it, leave a row."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            note_changes(command, f"{before}{name} ")
        elif f"{before}{name}" in CHANGING and command.callback is not None:
            command.callback = _noting(f"{before}{name}", command.callback)


def _noting(action: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def noted(**given: Any) -> Any:
        outcome: audit.Outcome = "failed"
        try:
            answer = callback(**given)
            outcome = "done"
            return answer
        except SystemExit as ended:
            outcome = "done" if not ended.code else "refused" if ended.code in (1, 2) else "failed"
            raise
        finally:
            _write(action, outcome, given)

    return noted


def _write(action: str, outcome: audit.Outcome, given: Mapping[str, Any]) -> None:
    """Append the row. Where there is no database, or none that can take it, there was nothing to change either."""
    migration, integration = (given.get(name) for name in ("migration", "integration"))
    detail = {name: given[name] for name in TOLD if given.get(name)}
    try:
        settings = load_settings()
        url = connections.database_url(settings, start=False)
        if schema.current(url) != schema.head():
            return
        with connections.connect(url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT m.restaurant_id, m.integration_id FROM migration.migrations m WHERE m.id = %(migration)s UNION ALL "
                "SELECT restaurant_id, id FROM migration.integrations WHERE id = %(integration)s LIMIT 1",
                {"migration": migration, "integration": integration},
            ).fetchone()
            audit.write(
                connection,
                "cli",
                given.get("by") or me(),
                action,
                outcome,
                restaurant_id=row[0] if row else None,
                integration_id=row[1] if row else integration,
                migration_id=migration,
                detail=detail,
            )
    except (AuraError, psycopg.Error) as error:
        log.warning("the audit trail could not be written: %s", type(error).__name__)
