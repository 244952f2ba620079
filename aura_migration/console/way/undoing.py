"""Roll back: what would be taken back, then taking it back."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act
from aura_migration.console.parts.dialogs import confirmed
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.tables import table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.way.steps import LOADED, Way

EDITED = {"keep": "keep what people have edited since", "undo": "undo their edits, too"}
UNDOABLE = LOADED | {"loading", "paused", "failed", "rolling_back"}


async def show(view: View, way: Way) -> None:
    """The preview of a rollback, and the rollback."""
    with ui.element("section").classes("panel"):
        h2("Roll back")
        if way.state == "rolled_back":
            said("What was loaded has been taken back.", kind="good")
            return
        if way.state not in UNDOABLE:
            empty("Nothing has been loaded, so there is nothing to take back.")
            return
        quiet(
            "Untouched records are removed or set back. Records that people have edited since are kept, unless you say otherwise; "
            "records that other things refer to are archived. All or nothing."
        )
        if not view.may("approve"):
            said("Rolling back takes the role approver.", kind="wait")
            return
        _form(view, way)


def _form(view: View, way: Way) -> None:
    path = f"/pos/migration/rollback/{way.migration_id}"
    edited = ui.select(EDITED, label="Edited records", value="keep").props("outlined dense").classes("choice")
    reason = ui.input("Reason").props("outlined dense").classes("full-width narrow")
    reason.props["aria-label"] = "Reason"
    acts = ui.element("div").classes("acts")
    place = ui.element("div").classes("stack")

    async def preview() -> None:
        answer = await view.api.post(path, {"preview": True, "edited": edited.value})
        place.clear()
        with place:
            _shown(answer)

    async def undo() -> None:
        if not (reason.value or "").strip():
            reason.error = "A rollback carries a reason."
            return
        reason.error = None
        if await confirmed(
            "Take back what was loaded?",
            "AuraConnect will be as it was before, as far as the preview shows it.",
            "Roll back",
        ):
            await view.api.post(path, {"edited": edited.value, "reason": reason.value.strip()})
            done("The rollback is asked for; its progress is shown above.")
            await way.refresh()

    with acts:
        act("Show what would be taken back", preview, kind="plain")
        act("Roll back …", undo, kind="danger")


def _shown(answer: dict[str, Any]) -> None:
    tables = answer["tables"]
    columns = sorted({name for counts in tables.values() for name in counts})
    h3("What would be taken back")
    if not tables:
        empty("Nothing.")
        return
    table(
        ["Table", *columns],
        [(name.replace("_", " "), *(counts.get(c, 0) for c in columns)) for name, counts in tables.items()],
        fit=True,
    )
    if answer["kept"]:
        h3("What would stay")
        kept = answer["kept"][:200]
        headings = list(kept[0]) if isinstance(kept[0], dict) else ["record"]
        table(headings, [[row[h] for h in headings] if isinstance(row, dict) else [row] for row in kept])
