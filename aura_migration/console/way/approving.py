"""Approve: what is signed, by its hash, with a reason; by two people where the options say so."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act
from aura_migration.console.parts.notices import empty, refused, said
from aura_migration.console.parts.plans import counts_table, hash_line, inferred_table, told_blockers
from aura_migration.console.parts.tables import table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant
from aura_migration.console.way.steps import Way


async def show(view: View, way: Way) -> None:
    """The plan in short, and the signature."""
    status = way.status
    delta = status.get("delta_plan")
    with ui.element("section").classes("panel"):
        h2("Sign the plan")
        if not way.has_plan:
            empty("There is no plan to sign.", "Ask for a preview first.")
            ui.link("Go to the preview", way.path("preview"))
            return
        if delta is not None:
            said(
                "The POS has changed since the plan was signed. What follows is the plan with those changes.",
                kind="wait",
            )
            _differences(delta["differences"])
        told_blockers(delta or status)
        if status["conflicts"] and delta is None:
            said(f"{status['conflicts']} conflicts are undecided.", kind="wait")
            ui.link("Decide them", way.path("decide"))
        plan_hash = delta["plan_hash"] if delta else status["plan_hash"]
        hash_line(plan_hash)
        counts_table((delta or status)["entities"])
        inferred_table(status["inferred"])
        _signatures(status)
        if way.state == "planned" or delta is not None:
            _form(view, way, plan_hash)
        elif way.state in ("approved", "loading", "loaded", "verified"):
            said("This plan is signed.", kind="good")
            ui.link("Go on to the load", way.path("load"))


def _differences(differences: Any) -> None:
    if isinstance(differences, list) and differences and isinstance(differences[0], dict):
        headings = list(differences[0])
        table([h.replace("_", " ") for h in headings], [[row.get(h) for h in headings] for row in differences[:200]])


def _signatures(status: dict[str, Any]) -> None:
    signed, people = status["approval"]["signatures"], status["approval"]["people"]
    if people > 1:
        left = max(0, people - len(signed))
        said(
            f"This plan takes the signatures of {people} people; {left} still missing." if left else "All have signed."
        )
    if signed:
        h3("Signatures")
        table(["Who", "When", "Why"], [(one["by"], instant(one["at"]), one["reason"]) for one in signed])


def _is_present(status: dict[str, Any]) -> bool:
    """Whether the plan that waits is the present one, not one with later changes of the POS."""
    return status.get("delta_plan") is None


def _form(view: View, way: Way, plan_hash: str) -> None:
    status = way.status
    if not view.may("approve"):
        said("Signing takes the role approver.", kind="wait")
        return
    if status["blockers"] or (status["conflicts"] and way.state == "planned"):
        return
    if view.me.name in [one["by"] for one in status["approval"]["signatures"]] and _is_present(status):
        said("You have signed this plan; somebody else has to sign it, too.", kind="wait")
        return
    quiet(f"You sign as {view.me.name}. Nothing is loaded by signing: the load is started afterwards.")
    reason = ui.input("Reason").props("outlined dense").classes("full-width narrow")
    reason.props["aria-label"] = "Reason"
    reason.props["hint"] = "kept for ever as typed; name no guests or staff"
    confirm = ui.checkbox(
        f"I have looked at the {len(status['inferred'])} rules concluded from orders, and confirm them"
    )
    confirm.visible = bool(status["inferred"])

    async def sign() -> None:
        if confirm.visible and not confirm.value:
            refused(
                "The rules concluded from orders are not confirmed.",
                "Look at each one, then tick the box above the button.",
            )
            return
        body = {"plan_hash": plan_hash, "reason": reason.value or "", "confirm_inferred": bool(confirm.value)}
        answer = await view.api.post(f"/pos/migration/approve/{way.migration_id}", body)
        if answer["awaits"]:
            ui.navigate.reload()
        else:
            ui.navigate.to(way.path("load"))

    act("Sign this plan", sign)
