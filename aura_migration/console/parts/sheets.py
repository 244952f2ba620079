"""The training sheet "what moved where" as it is read on a screen."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.parts.notices import said
from aura_migration.console.parts.tables import table
from aura_migration.console.parts.texts import h3, quiet
from aura_migration.migration.training.differences import KINDS, Difference
from aura_migration.migration.training.sheet import HEADINGS, prices, told


def draw_sheet(sheet: Mapping[str, Any]) -> None:
    """Words, what changed by kind, what sells best and where it stands."""
    currency = str(sheet["currency"])
    minutes = max(1, round(sheet["minutes_to_read"]))
    reading = f"{minutes} {'minute' if minutes == 1 else 'minutes'} to read"
    quiet(f"From {sheet['pos']} to AuraConnect · {reading} · sheet {sheet['hash']}")
    if not sheet["totals"]:
        said("Every item has the name, the category, the questions and the price it had.", kind="good")
    for kind in KINDS:
        changes = [Difference(**one) for one in sheet["changes"] if one["kind"] == kind]
        if changes:
            total = sheet["totals"][kind]
            h3(f"{HEADINGS[kind]} ({total})")
            lines = "".join(f"<li>{escape(told(one, currency))}</li>" for one in changes)
            ui.html(lines, sanitize=False, tag="ul").classes("sheet")
            if total > len(changes):
                quiet(f"… and {total - len(changes)} more that sell less.")
    h3("What sells best, and where it stands")
    table(
        ["Item", "Category", "Price"],
        [(one["name"], one["category"] or "–", prices(one, currency)) for one in sheet["best_sellers"]],
        fit=True,
    )
    if sheet["words"]:
        h3("Other words")
        table([str(sheet["pos"]), "AuraConnect"], sheet["words"], fit=True)
    for heading, names in (
        ("Discounts given by hand", sheet["by_hand"]),
        ("Ways to pay", sheet["tenders"]),
        ("Kinds of order", sheet["order_types"]),
    ):
        if names:
            h3(heading)
            ui.label(", ".join(names))
