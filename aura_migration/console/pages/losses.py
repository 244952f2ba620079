"""The loss report: every field of the POS without a home in AuraConnect."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, page
from aura_migration.console.parts.notices import empty
from aura_migration.console.parts.tables import raw, table
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.subpages import open_subpage
from aura_migration.migration.inspect import loss_records


@page("/migrations/{migration_id}/losses")
async def show(view: View, migration_id: int) -> None:
    """The report, by kind of record at the POS."""
    subject = await open_subpage(view, migration_id, "Losses", "/losses")
    with ui.element("section").classes("panel"):
        h2("What has no place in AuraConnect")
        try:
            lines = (await view.api.get(subject.asks("/losses")))["losses"]
        except Problem as problem:
            if problem.status != 409:
                raise
            empty("There is no loss report yet.", "A preview reads the POS and makes one.")
            ui.link("Go to the preview", subject.path("?step=preview"))
            return
        if not lines:
            empty("Nothing is lost: every field that has a value has a place.")
            return
        with_money = sum(1 for line in lines if line.get("money"))
        told = f", {with_money} of them with money" if with_money else ""
        quiet(f"{len(lines)} fields{told}. Their values stay in the snapshot as long as it is kept.")
        headings = ["Record", "Field", "Records", *(["Money"] if with_money else []), "What it means", "For example"]
        in_order = sorted(lines, key=lambda line: str(line["source_entity"]))
        table(headings, [_row(line, bool(with_money)) for line in in_order])


def _row(line: dict[str, Any], has_money: bool) -> list[Any]:
    money = [line.get("money", "–")] if has_money else []
    examples = "<br>".join(escape(str(example)) for example in line["examples"][:3])
    return [
        line["source_entity"].replace("_", " ").lower(),
        raw(f"<code>{escape(line['field'])}</code>"),
        loss_records(line),
        *money,
        line["note"],
        raw(f'<span class="mono quiet">{examples}</span>'),
    ]
