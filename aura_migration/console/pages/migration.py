"""A migration's guided way."""

from __future__ import annotations

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.status import state_chip


@page("/migrations/{migration_id}")
async def show(view: View, migration_id: int, step: str = "") -> None:
    """The way, at the step that is asked for or the one that comes next."""
    status = await view.api.get(f"/pos/migration/status/{migration_id}")
    view.heading(f"Migration {migration_id}")
    state_chip(status["state"])
    ui.label(status["next"])
