"""An address at which there is nothing, and what is shown when a page fails."""

from __future__ import annotations

from nicegui import ui

from aura_migration.console.layout import View, frame, page
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.texts import h1


@page("/{rest:path}")
async def show(view: View, rest: str) -> None:
    """Nothing is here; the ways on."""
    ui.context.client.status_code = 404
    view.heading("There is no such page")
    empty(f"Nothing is at /console/{rest}.", "The overview leads to everything.")
    ui.link("Go to the overview", "/")


def failed() -> None:
    """A page could not be made because of a defect; what it was is in the log only."""
    with frame(None, ""):
        h1("Something failed that should not have")
        said("The log of the API says where. Nothing that you asked for before is lost.", kind="bad", role="alert")
        ui.link("Go to the overview", "/")
