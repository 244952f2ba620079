"""Result: gates, scorecard, asking for another verification, and the report as files for people without the tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, act
from aura_migration.console.parts.notices import done, empty
from aura_migration.console.parts.scorecard import gates_table, scorecard
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.parts.times import instant
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
    await _report(view, number)


async def _report(view: View, number: int) -> None:
    path = f"/pos/migrations/{number}/report"
    with ui.element("section").classes("panel"):
        h2("Report")
        place = ui.element("div").classes("stack")

        async def draw() -> None:
            files = (await view.api.get(path))["items"]
            place.clear()
            with place:
                if not files:
                    empty(
                        "No report was written yet.", "It holds the migration as one page and a table (CSV) per part."
                    )
                    return
                quiet(
                    f"Written {instant(max(one['written_at'] for one in files))}; what happened since is not in it. Persons are masked."
                )
                with ui.element("div").classes("acts").props('role=group aria-label="Files of the report"'):
                    for one in files:
                        name = "The page (HTML)" if one["kind"] == "page" else f"{one['kind'].replace('_', ' ')} (CSV)"
                        act(name, _downloading(view, path, number, one), kind="plain")

        async def write() -> None:
            await view.api.post(path)
            await draw()
            done("The report is written.")

        await draw()
        if view.may("operate"):
            with ui.element("div").classes("acts"):
                act("Write the report", write, kind="plain")


def _downloading(view: View, path: str, number: int, one: dict[str, Any]) -> Callable[[], Awaitable[None]]:
    async def download() -> None:
        name = f"report-{number}.html" if one["kind"] == "page" else f"report-{number}-{one['file']}"
        ui.download(await view.api.content(f"{path}/{one['file']}"), name)

    return download
