"""Load: starting, pausing, resuming; verifying afterwards. The daemon carries it out, the strip above shows it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act
from aura_migration.console.parts.dialogs import confirmed
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.way.steps import LOADED, Way


async def show(view: View, way: Way) -> None:
    """What can be done about the load now."""
    number, state = way.migration_id, way.state
    with ui.element("section").classes("panel"):
        h2("The load")
        if state in ("draft", "extracted", "empty", "planned", "cancelled") or (
            state == "failed" and not way.is_half_loaded
        ):
            empty("Nothing can be loaded yet.", "A plan has to be signed first.")
            if state == "planned":
                ui.link("Go to the signature", way.path("approve"))
        elif way.status["delta_plan"] is not None:
            said("The POS has changed since the plan was signed, so nothing was loaded.", kind="wait")
        elif state in LOADED:
            said("The load has finished.", kind="good")
            ui.link("Go on to the result", way.path("result"))
        elif state in ("rolling_back", "rolled_back"):
            said("What was loaded is taken back.", kind="wait")
        if not view.may("operate"):
            if state in ("approved", "loading", "paused"):
                quiet("Starting and pausing take the role operator.")
            return
        with ui.element("div").classes("acts"):
            if state == "approved" and way.status["delta_plan"] is None:
                act("Start the load", lambda: _ask(view, way, f"/pos/migration/run/{number}", {}, "asked for"))
            elif state == "approved":
                ui.link("Look at the changes and sign them", way.path("approve"))
                as_approved = {"as_approved": True}
                act(
                    "Load what was signed, without them",
                    lambda: _ask(view, way, f"/pos/migration/run/{number}", as_approved, "asked for"),
                    kind="plain",
                )
            if state == "loading":
                act(
                    "Pause after this batch",
                    lambda: _ask(view, way, f"/pos/migration/pause/{number}", None, "pausing"),
                    kind="plain",
                )
            if state == "paused" or way.is_half_loaded:
                act("Resume", lambda: _ask(view, way, f"/pos/migration/resume/{number}", None, "resuming"))
                ui.link("Take it back instead", way.path("rollback"))
            if state in ("draft", "extracted", "planned", "approved", "empty"):

                async def cancel() -> None:
                    if await confirmed(
                        "Cancel this migration?", "It has loaded nothing; what was read stays.", "Cancel it"
                    ):
                        await _ask(view, way, f"/pos/migration/cancel/{number}", {"reason": ""}, "cancelled")

                act("Cancel the migration …", cancel, kind="danger")


async def _ask(view: View, way: Way, path: str, body: dict[str, Any] | None, said_then: str) -> None:
    await view.api.post(path, body)
    done(f"The load: {said_then}.")
    await way.refresh()
