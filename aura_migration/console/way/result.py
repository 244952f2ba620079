"""Result: gates, scorecard, and asking for another verification."""

from __future__ import annotations

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, act
from aura_migration.console.parts.notices import done, empty
from aura_migration.console.parts.scorecard import gates_table, scorecard
from aura_migration.console.parts.texts import h2
from aura_migration.console.way.more import draw_more
from aura_migration.console.way.steps import Way
from aura_migration.migration.evidence import card_in_order


async def show(view: View, way: Way) -> None:
    """Gates and scorecard."""
    number = way.migration_id
    with ui.element("section").classes("panel"):
        h2("Gates")
        gates_table(way.status["gates"])
        with ui.element("div").classes("acts"):
            if view.may("operate") and way.state in ("loaded", "verified"):

                async def verify() -> None:
                    await view.api.post(f"/pos/migration/verify/{number}")
                    done("A verification is asked for; its progress is shown above.")
                    await way.refresh()

                act("Verify again", verify, kind="plain")
    with ui.element("section").classes("panel"):
        h2("Scorecard")
        try:
            card = await view.api.get(f"/pos/migrations/{number}/scorecard")
        except Problem as problem:
            if problem.status not in (404, 409):
                raise
            empty("There is no scorecard yet.", "It is made when what was loaded is verified.")
        else:
            scorecard(card_in_order(card))
        draw_more(view, way)
