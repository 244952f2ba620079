"""The scorecard: metrics, what became of every record, gates."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.parts.notices import empty
from aura_migration.console.parts.plans import counts_table
from aura_migration.console.parts.status import passed_html
from aura_migration.console.parts.tables import raw, table
from aura_migration.console.parts.texts import h3
from aura_migration.verify.scorecard import measured

LONGEST_FIGURE = 14
"""Longer values are sentences, and set as such."""
COLUMNS = ("source", "loaded", "unchanged", "merged", "skipped", "quarantined", "undecided")


def scorecard(card: Mapping[str, Any]) -> None:
    """Metrics as figures, then the counts."""
    currency = str(card.get("currency") or "USD")
    figures = "".join(_figure(name, measured(value, currency)) for name, value in card["metrics"].items())
    ui.html(figures, sanitize=False).classes("metrics")
    h3("What became of every record")
    counts_table(card["entities"], COLUMNS)


def _figure(name: str, value: str) -> str:
    kind = "metric" if len(value) <= LONGEST_FIGURE else "metric told"
    return f'<div><div class="quiet small">{escape(name.replace("_", " "))}</div><div class="{kind}">{escape(value)}</div></div>'


def gates_table(gates: list[dict[str, Any]]) -> None:
    """The gates, those that failed first."""
    if not gates:
        empty("No gate has been measured yet.", "Verifying measures them.")
        return
    order = {False: 0, None: 1, True: 2}
    table(
        ["Gate", "Passed", "Measured", "Remedy"],
        [
            (
                gate["name"].replace("_", " "),
                raw(passed_html(gate["passed"])),
                gate["value"] or "",
                "" if gate["passed"] else gate["remedy"],
            )
            for gate in sorted(gates, key=lambda gate: order[gate["passed"]])
        ],
    )
