"""The audit trail: who did or tried what, by which door."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, highest, page
from aura_migration.console.parts.filters import Filters, pager
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import link_html, raw, table
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.parts.times import instant_html
from aura_migration.console.parts.values import field_text, folded_html, json_html, value_text

SHOWN = 100
OUTCOMES = {"done": ("done", "good"), "refused": ("refused", "bad"), "failed": ("failed", "bad")}
SHORT = 3
"""Details with so many entries are shown at once."""


@page("/audit")
async def show(
    view: View, actor: str = "", action: str = "", outcome: str = "", migration: str = "", after: int = 0
) -> None:
    """The trail, newest first."""
    view.heading("Audit trail")
    if not view.may("administer"):
        said("The audit trail takes the role admin.", kind="wait")
        return
    query = {"actor": actor, "action": action, "outcome": outcome, "migration": migration}
    with ui.element("section").classes("panel"):
        h2("Who did or tried what")
        quiet("Rows are only ever added. Secrets and values of persons are not kept.")
        filters = Filters("/audit", query)
        filters.text("actor", "Who", "the whole name")
        filters.text("action", "Action", "such as approve")
        filters.choice("outcome", "Outcome", {key: words for key, (words, _) in OUTCOMES.items()})
        filters.text("migration", "Migration", "its number")
        filters.ready()
        if migration and not migration.isdecimal():
            said("A migration is named by its number.", kind="bad", role="alert")
            return
        found = await view.api.get(
            "/pos/audit-trail",
            actor=actor or None,
            action=action or None,
            outcome=outcome or None,
            migration_id=migration or None,
            after=after,
            limit=SHOWN,
        )
        if not found["items"]:
            empty("Nothing fits.", "Names of people and actions are compared as they are written.")
        else:
            table(["When", "Who", "By", "Action", "Outcome", "About", "Detail"], [_row(one) for one in found["items"]])
        pager("/audit", query, after, found["next_after"])


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    words, kind = OUTCOMES.get(one["outcome"], (one["outcome"], "none"))
    role = highest(one["roles"])
    who = f"{escape(one['actor'])}<br><span class='quiet'>{escape(role)}</span>" if role else escape(one["actor"])
    return (
        raw(instant_html(one["at"])),
        raw(who),
        one["door"],
        one["action"],
        raw(chip_html(words, kind)),
        raw(_about(one)),
        raw(_detail(one["detail"])),
    )


def _about(one: dict[str, Any]) -> str:
    if one["migration_id"]:
        return link_html(f"migration {one['migration_id']}", f"/migrations/{one['migration_id']}")
    if one["integration_id"]:
        return link_html(f"integration {one['integration_id']}", f"/integrations/{one['integration_id']}")
    return f"restaurant {one['restaurant_id']}" if one["restaurant_id"] else "–"


def _detail(detail: dict[str, Any]) -> str:
    if not detail:
        return "–"
    if len(detail) <= SHORT and not any(isinstance(value, dict | list) for value in detail.values()):
        return "<br>".join(
            f"{escape(field_text(name))}: <span class='mono'>{escape(value_text('', value, ''))}</span>"
            for name, value in detail.items()
        )
    return folded_html(f"{len(detail)} entries", json_html(detail))
