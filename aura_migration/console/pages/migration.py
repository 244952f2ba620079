"""A migration's guided way: the steps, live progress, and the step that is looked at."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.notices import said
from aura_migration.console.parts.tables import outside_html, table
from aura_migration.console.parts.texts import h2
from aura_migration.console.parts.times import instant
from aura_migration.console.way import approving, deciding, loading, looking, previewing, result, undoing
from aura_migration.console.way.live import Live
from aura_migration.console.way.steps import NAMES, STEPS, Way, draw_steps, next_said

BUILDERS = {
    "connect": looking.connect,
    "audit": looking.audit,
    "preview": previewing.show,
    "decide": deciding.show,
    "approve": approving.show,
    "load": loading.show,
    "result": result.show,
    "rollback": undoing.show,
}
LOOK_AGAIN_SECONDS = 2.0
REDRAWN = frozenset({"preview", "load", "result", "rollback"})
"""Steps that follow the state by themselves; in the others somebody may be typing, and only another plan redraws them."""


@page("/migrations/{migration_id}")
async def show(view: View, migration_id: int, step: str = "") -> None:
    """The way, at the step that is asked for or the one at which the migration stands."""

    async def refresh() -> None:
        was, plan = _stands(way), _plans(way)
        way.status = await view.api.get(f"/pos/migration/status/{migration_id}")
        draw_top()
        live.show(way)
        if _plans(way) != plan or (_stands(way) != was and shown in REDRAWN):
            place.clear()
            with place:
                await BUILDERS[shown](view, way)

    async def look_again() -> None:
        if way.is_asked or not live.is_connected:  # a request has no messages of its own until it is carried out
            await refresh()

    way = Way(migration_id, await view.api.get(f"/pos/migration/status/{migration_id}"), refresh)
    shown = step if step in NAMES else way.at
    account = await view.api.get(f"/pos/integrations/{way.integration_id}")
    site = next((s["name"] for s in account["locations"] if s["location"] == way.location), way.location)
    view.heading(
        f"Migration {migration_id} of {site}: {dict(STEPS)[shown]}",
        (account["merchant"] or "Account", f"/integrations/{way.integration_id}"),
    )
    top = ui.element("div").classes("stack")

    def draw_top() -> None:
        top.clear()
        with top:
            draw_steps(way, shown)
            said(next_said(way), more=[f"Noted: {way.status['reason']}"] if way.status["reason"] else [])
            if way.at != shown:
                ui.link(f"Go to the step at which it stands: {dict(STEPS)[way.at]}", way.path(way.at))

    draw_top()
    live = Live(view, way)
    place = ui.element("div").classes("stack")
    with place:
        await BUILDERS[shown](view, way)
    _history(view, way)
    ui.timer(LOOK_AGAIN_SECONDS, look_again, immediate=False)


def _stands(way: Way) -> tuple[str, int | None]:
    """The state, and the newest request that has ended: with its end its result can be seen."""
    return way.state, None if way.is_asked else way.request.get("id")


def _plans(way: Way) -> tuple[str | None, str | None]:
    return way.status["plan_hash"], (way.status.get("delta_plan") or {}).get("plan_hash")


def _history(view: View, way: Way) -> None:
    with ui.element("section").classes("panel"):
        h2("What happened")
        table(
            ["When", "State", "By", "Why"],
            [
                (instant(entry["at"]), entry["state"].replace("_", " "), entry["by"], entry["reason"])
                for entry in way.status["history"]
            ],
        )
        ui.html(dagster_links(view, way), sanitize=False).classes("acts small")


def dagster_links(view: View, way: Way) -> str:
    """Where Dagster shows the same: the last run, the plan's asset at this location's partition."""
    base, partition = view.settings.dagster_url, quote(way.location, safe="")
    links = []
    for name, asset in (("plan", "plan/changes"), ("scorecard", "verify/scorecard")):
        links.append(
            outside_html(f"Asset of the {name}", f"{base}/assets/{asset}?view=partitions&partition={partition}")
        )
    links.append(f"<span class='quiet'>Location {escape(way.location)}</span>")
    return " ".join(links)
