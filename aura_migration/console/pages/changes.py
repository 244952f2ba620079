"""Every planned change of a migration, both sides beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Annotated, Any

from fastapi import Query
from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.filters import Filters, chosen, pager
from aura_migration.console.parts.notices import empty
from aura_migration.console.parts.plans import hash_line
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import raw, table
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.parts.values import compared_html, folded_html, pairs_html
from aura_migration.console.subpages import Subject, open_subpage

SHOWN = 50
ACTIONS = {
    "create": ("create", "calm"),
    "update": ("update", "wait"),
    "merge": ("merge", "wait"),
    "unchanged": ("unchanged", "none"),
    "skip": ("leave out", "none"),
    "conflict": ("to decide", "bad"),
    "quarantine": ("quarantine", "bad"),
}


@page("/migrations/{migration_id}/changes")
async def show(
    view: View,
    migration_id: int,
    entity: str = "",
    action: Annotated[list[str] | None, Query()] = None,
    text: str = "",
    after: int = 0,
) -> None:
    """The changes that fit the filters."""
    subject = await open_subpage(view, migration_id, "Planned changes", "/changes")
    actions = [one for one in action or [] if one in ACTIONS]
    query = {"entity": entity, "action": actions, "text": text}
    path = subject.path("/changes")
    with ui.element("section").classes("panel"):
        h2("What the plan changes in AuraConnect")
        if not subject.status.get("plan_hash"):
            empty("There is no plan yet.", "A preview makes one.")
            ui.link("Go to the preview", subject.path("?step=preview"))
            return
        hash_line(subject.status["plan_hash"])
        filters = Filters(path, query)
        filters.choice("entity", "What", chosen(list(subject.status["entities"])))
        filters.choice("action", "Change", {key: words for key, (words, _) in ACTIONS.items()}, several=True)
        filters.text("text", "Name or key of the POS")
        filters.ready()
        found = await view.api.get(
            subject.asks("/plan-rows"),
            entity=entity or None,
            action=actions or None,
            text=text or None,
            after=after,
            limit=SHOWN,
        )
        if not found["items"]:
            empty("No planned change fits.", "Orders and money are planned by the day: the daily sales show them.")
        else:
            quiet(_counted(subject, query, len(found["items"])))
            table(
                ["#", "What", "Name", "Change", "Fields"],
                [tuple(_row(one, subject.currency)) for one in found["items"]],
            )
        pager(path, query, after, found["next_after"])


def _counted(subject: Subject, query: dict[str, Any], shown: int) -> str:
    if query["text"]:
        return f"{shown} on this page."
    counts = subject.status["entities"]
    names = [query["entity"]] if query["entity"] in counts else list(counts)
    wanted = query["action"] or list(ACTIONS)
    total = sum(counts[name].get(action, 0) for name in names for action in wanted)
    return f"{shown} on this page, {total:,} in all, in the order in which they are written."


def _row(one: dict[str, Any], currency: str) -> Iterator[Any]:
    words, kind = ACTIONS.get(one["action"], (one["action"], "none"))
    yield str(one["seq"])
    yield one["entity"].replace("_", " ")
    yield raw(f'{escape(one["label"] or "–")}<br><span class="mono quiet">{escape(one["key"])}</span>')
    yield raw(chip_html(words, kind))
    yield raw("".join(_fields(one, currency)))


def _fields(one: dict[str, Any], currency: str) -> Iterator[str]:
    before, after, changed = one["before"] or {}, one["after"] or {}, one["changed"]
    if one["reason"]:
        yield f"<div>{escape(one['reason'])}</div>"
    if before and changed:
        sides = ("AuraConnect has", "The POS says" if one["action"] == "conflict" else "It will be")
        yield compared_html(before, after, changed, currency, sides)
    if one["kept"]:
        kept = one["kept"] if isinstance(one["kept"], dict) else dict.fromkeys(one["kept"], "")
        names = ", ".join(name.replace("_", " ") for name in kept)
        yield f'<div class="quiet">Stays as AuraConnect has it: {escape(names)}</div>'
    if one["touches"]:
        yield f'<div class="quiet">Also of: {escape(", ".join(map(str, one["touches"])))}</div>'
    rest = {name: value for name, value in after.items() if name not in changed or not before}
    filled = sum(value not in (None, "", [], {}) for value in rest.values())
    if filled:
        word = "other " if before and changed else ""
        yield folded_html(f"{filled} {word}{'value' if filled == 1 else 'values'}", pairs_html(rest, currency))
