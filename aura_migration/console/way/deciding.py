"""Decide: what AuraConnect already has where the POS says something else. A decision counts from the next plan on."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.options import ASK, STRATEGIES
from aura_migration.console.parts.tables import cell, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.way.steps import Way

CHOICES = {key: text for key, text in STRATEGIES.items() if key != ASK}
SHOWN = 50
"""Conflicts with a form of their own on the page; the rest are decided by entity, or when these are done."""


async def show(view: View, way: Way) -> None:
    """The conflicts by entity, then one by one."""
    path = f"/pos/migrations/{way.migration_id}/conflicts"
    found = await view.api.every(path) if way.has_plan else []
    with ui.element("section").classes("panel"):
        h2("Conflicts")
        if way.status["quarantined"]:
            said(
                f"{way.status['quarantined']} records are in quarantine: they are not loaded until corrected.",
                kind="wait",
            )
            ui.link("Correct them", f"/migrations/{way.migration_id}/quarantine")
        if not found:
            empty("Nothing has to be decided.")
            if way.state == "planned":
                ui.link("Go on to approve the plan", way.path("approve"))
            return
        quiet("AuraConnect already has something here. What is decided goes into the next plan, which is made at once.")
        by_entity = Counter(conflict["entity"] for conflict in found)
        for entity, number in by_entity.items():
            _in_bulk(view, way, path, entity, number)
    for conflict in found[:SHOWN]:
        _one(view, way, path, conflict)
    if len(found) > SHOWN:
        quiet(f"{len(found) - SHOWN} more follow when these are decided.")


async def _decide(view: View, way: Way, path: str, decision: dict[str, Any]) -> None:
    await view.api.post(path, {"decisions": [decision]})
    done("Decided. A new plan is being made.")
    await way.refresh()


def _in_bulk(view: View, way: Way, path: str, entity: str, number: int) -> None:
    with ui.element("div").classes("acts"):
        ui.label(f"{number} {entity.replace('_', ' ')}")
        if view.may("operate"):
            choice = _choice(f"What to do with all {entity}")

            async def decide() -> None:
                await _decide(view, way, path, {"entity": entity, "all": True, "strategy": choice.value})

            act(f"Decide all {number}", decide, kind="plain")


def _one(view: View, way: Way, path: str, conflict: dict[str, Any]) -> None:
    entity, key = conflict["entity"], conflict["key"]
    with ui.element("section").classes("panel"):
        h3(f"{conflict['label'] or key} ({entity.replace('_', ' ')})")
        if conflict["reason"]:
            ui.label(conflict["reason"])
        ours, theirs = conflict["auraconnect"] or {}, conflict["pos"] or {}
        rows = [
            (name.replace("_", " "), cell(_short(theirs.get(name))), cell(_short(ours.get(name))))
            for name in sorted({*ours, *theirs})
            if theirs.get(name) != ours.get(name)
        ]
        if rows:
            table(["Field", "The POS says", "AuraConnect has"], rows)
        if not view.may("operate"):
            return
        with ui.element("div").classes("acts"):
            choice = _choice(f"What to do with {conflict['label'] or key}")
            candidates = conflict.get("candidates") or []
            one = (
                ui.select(candidates, label="AuraConnect's record", value=candidates[0])
                if len(candidates) > 1
                else None
            )

            async def decide() -> None:
                decision: dict[str, Any] = {"entity": entity, "keys": [key], "strategy": choice.value}
                if one is not None and choice.value != "duplicate":
                    decision["auraId"] = one.value
                await _decide(view, way, path, decision)

            act("Decide", decide, kind="plain")


def _choice(label: str) -> ui.select:
    return (
        ui.select(CHOICES, label=label, value="keep_existing").props("outlined dense options-dense").classes("choice")
    )


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
