"""Preview: options, asking for a plan, and what the plan would do. Nothing is loaded by it."""

from __future__ import annotations

from nicegui import ui

from aura_migration.console.layout import View, act
from aura_migration.console.parts.notices import done, empty
from aura_migration.console.parts.options import OptionsEditor
from aura_migration.console.parts.plans import counts_table, days_facts, hash_line, people_facts, told_blockers
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.way.more import draw_more
from aura_migration.console.way.steps import Way

PLANNABLE = frozenset(
    {"draft", "extracted", "empty", "failed", "reconnect_needed", "planned", "approved", "loaded", "verified"}
)
"""States in which a preview may be asked for; the API has the last word."""


async def show(view: View, way: Way) -> None:
    """The plan, and how another one is asked for."""
    with ui.element("section").classes("panel"):
        h2("The plan")
        if not way.has_plan:
            empty("There is no plan yet.", "A preview reads the POS, plans, and shows here what would be moved.")
        else:
            told_blockers(way.status)
            hash_line(way.status["plan_hash"])
            counts_table(way.status["entities"])
            people_facts(way.status["people"])
            days_facts(way.status["days"])
            draw_more(view, way)
            if way.state == "planned":
                target = "decide" if way.status["conflicts"] else "approve"
                ui.link("Decide the conflicts" if target == "decide" else "Go on to approve it", way.path(target))
    if view.may("operate") and way.state in PLANNABLE:
        with ui.element("section").classes("panel"):
            h2("Preview again" if way.has_plan else "Ask for a preview")
            quiet("What is set here is part of the plan: signing the plan signs its options.")
            editor = OptionsEditor(way.status.get("options"))

            async def ask() -> None:
                options = editor.document()
                if options is None:
                    return
                await view.api.post(
                    f"/pos/migration/preview/{way.integration_id}", {"options": options, "locations": [way.location]}
                )
                done("The preview is asked for; its progress is shown above.")
                await way.refresh()

            act("Preview again" if way.has_plan else "Ask for a preview", ask)
