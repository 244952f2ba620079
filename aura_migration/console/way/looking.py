"""The first steps: the account as it is connected, and what the audit found; the account's own page has all of it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console.layout import View
from aura_migration.console.parts.accounts import audit_questions, preflight_table
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.status import state_chip
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.way.steps import Way


async def connect(view: View, way: Way) -> None:
    """The account and what may be read of it."""
    with ui.element("section").classes("panel"):
        h2("The account at the POS")
        state_chip(way.status["integration_status"])
        if way.state == "reconnect_needed":
            said(
                "The POS no longer lets us in. Connect the account again; the migration goes on where it was.",
                kind="bad",
            )
        ui.link("Open the account", f"/integrations/{way.integration_id}")
        found = await latest(view, way, "preflight")
        if found is None:
            empty("What may be read has not been asked yet.", "The account's page asks the POS.")
        else:
            preflight_table(found)


async def audit(view: View, way: Way) -> None:
    """What the audit left to ask the restaurant."""
    with ui.element("section").classes("panel"):
        h2("Questions to the restaurant")
        quiet("What the POS does not say, or says in a way that somebody has to confirm.")
        found = await latest(view, way, "audit")
        if found is None:
            empty("The account has not been audited yet.", "The account's page has a button for it.")
        else:
            audit_questions(found)
        ui.link("Open the whole audit", f"/integrations/{way.integration_id}")


async def latest(view: View, way: Way, kind: str) -> dict[str, Any] | None:
    """The newest stored report of the location; None where there is none yet."""
    found = await view.api.get(f"/pos/integrations/{way.integration_id}/{kind}", location=way.location)
    return next((one["report"] for one in found["reports"] if one["location"] == way.location), None)
