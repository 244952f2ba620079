"""What is known of a connected account: health, preflight, audit."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import facts, raw, table
from aura_migration.console.parts.times import instant

LEVELS = {
    "A": "changes can be taken back into the POS by its API",
    "B": "changes can be handed back as files to import",
    "C": "changes can only be listed for entering by hand",
}


def health_html(integration: Mapping[str, Any]) -> str:
    """Whether an account works, as of when it was last asked."""
    health = integration["health"]
    if health["is_working"] is None:
        return chip_html("not asked yet", "none")
    if health["is_working"]:
        return f"{chip_html('working', 'good')} {escape(instant(health['last_reached_at']))}"
    why = integration["reason"] or health["last_fault"]
    return f"{chip_html('not working', 'bad')} {escape(why)}"


def preflight_table(report: Mapping[str, Any]) -> None:
    """What may be read, how stable the connection was, how far back is possible."""
    missing = [line for line in report["permissions"] if line["granted"] is False]
    if missing:
        names = ", ".join(str(line["entity"]).replace("_", " ") for line in missing)
        said(f"Not granted: {names}. What needs these rights is left out.", kind="bad")
    stability, level = report["stability"], report["reverse_level"]
    facts(
        [
            ("Calls", f"{stability['calls']}, of which {stability['failed']} failed"),
            ("Answer time", f"{1000 * (stability['latency_median_s'] or 0):.0f} ms median"),
            ("Way back", f"Level {level['level']}: {LEVELS.get(level['level'], '')}. {level['evidence']}"),
        ]
    )
    table(
        ["What", "Right", "Granted", "By what it is known"],
        [
            (line["entity"].replace("_", " "), line["permission"], raw(granted_html(line["granted"])), line["evidence"])
            for line in report["permissions"]
        ],
    )


def granted_html(granted: bool | None) -> str:
    """Whether a right is granted."""
    if granted is None:
        return chip_html("not told", "wait")
    return chip_html("yes", "good") if granted else chip_html("no", "bad")


def audit_questions(report: Mapping[str, Any]) -> None:
    """What has to be asked the restaurant."""
    asked = [line for line in report["lines"] if line["question"]]
    if not asked:
        empty("Nothing is left to ask.")
        return
    table(
        ["Area", "About", "Found", "To ask"],
        [(line["area"], line["label"], line["value"], line["question"]) for line in asked],
    )


def audit_counts(report: Mapping[str, Any]) -> None:
    """What was counted and found, where nothing has to be asked."""
    rest = [line for line in report["lines"] if not line["question"]]
    with ui.expansion(f"What was found without a question: {len(rest)} lines").classes("full-width"):
        table(["Area", "About", "Found"], [(line["area"], line["label"], line["value"]) for line in rest])
