"""Records in quarantine: why each is there, its values to be corrected beside the reasons, and planning again with them."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.canonical.entities import ENTITIES
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.corrections import CorrectionForm
from aura_migration.console.parts.filters import address, pager
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.texts import h2, h3, mono, quiet
from aura_migration.console.parts.values import pairs_html
from aura_migration.console.subpages import Subject, open_subpage

SHOWN = 20


@page("/migrations/{migration_id}/quarantine")
async def show(view: View, migration_id: int, after: int = 0) -> None:
    """The records, a form each."""
    subject = await open_subpage(view, migration_id, "Quarantine", "/quarantine")
    found = await view.api.get(subject.asks("/quarantine"), after=after, limit=SHOWN)
    total = int(subject.status["quarantined"])
    forms: list[CorrectionForm] = []
    with ui.element("section").classes("panel"):
        h2("What is held back")
        if not found["items"]:
            empty("Nothing is in quarantine.", "Records land here that cannot be loaded as the POS gives them.")
            ui.link("Back to the migration", subject.path(""))
            return
        quiet(
            f"{total} {'record is' if total == 1 else 'records are'} not loaded until corrected; everything else is. Corrections make "
            "a new plan, which waits for a signature like any other, and only corrected records change it. Mending a record in the "
            "POS and planning again does as well."
        )
        if view.may("operate"):
            _buttons(view, subject, forms)
        else:
            said("Correcting takes the role operator.", kind="wait")
    for one in found["items"]:
        _record(view, subject, one, forms)
    pager(subject.path("/quarantine"), {}, after, found["next_after"])


def _buttons(view: View, subject: Subject, forms: list[CorrectionForm]) -> None:
    async def send() -> None:
        read = [form.read() for form in forms]
        if any(one is None for one in read):
            ui.notify("Some values cannot be used; the fields say why.", type="negative", position="top")
            return
        corrections = [one for one in read if one and one["values"]]
        if not corrections:
            ui.notify("No value has been changed.", type="warning", position="top")
            return
        await again(corrections)

    async def again(corrections: list[dict[str, Any]]) -> None:
        answer = await view.api.post(subject.asks("/quarantine"), {"corrections": corrections})
        counted = f"{answer['decided']} corrected. " if corrections else ""
        done(f"{counted}A new plan is being made.")
        ui.navigate.to(subject.path("?step=preview"))

    async def plan_again() -> None:
        await again([])

    with ui.element("div").classes("acts"):
        act("Send corrections and plan again", send)
        act("Plan again without corrections", plan_again, kind="plain")


def _record(view: View, subject: Subject, one: dict[str, Any], forms: list[CorrectionForm]) -> None:
    entity, values = one["entity"], one["values"] or {}
    name = values.get("name") or values.get("label")
    what = entity.replace("_", " ")
    with ui.element("section").classes("panel").props(f'aria-label="{entity} in quarantine"'):
        h3(f"{name} ({what})" if name else what.capitalize())
        with ui.element("div").classes("acts small"):
            mono(one["key"])
            if view.may("look_up"):
                ui.link("Look it up", address("/lookup", {"pos_id": one["key"]}))
        with ui.element("div").classes("beside"):
            with ui.element("div").classes("stack"):
                said("Why it is held back", kind="bad", more=[str(reason) for reason in one["reasons"]])
                if one["correction"]:
                    quiet("Corrected so far; the next plan checks it:")
                    ui.html(pairs_html(one["correction"], subject.currency), sanitize=False)
            with ui.element("div").classes("stack"):
                if entity not in ENTITIES:
                    quiet("Orders and money are not corrected here: mend the document in the POS, then plan again.")
                elif view.may("operate"):
                    forms.append(CorrectionForm(ENTITIES[entity], one))
                else:
                    ui.html(pairs_html(values, subject.currency), sanitize=False)
