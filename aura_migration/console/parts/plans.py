"""A plan as it is looked at before it is signed: counts, what blocks it, what it means for people and days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.tables import facts, table
from aura_migration.console.parts.texts import h3

COLUMNS = ("source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")

WORDS = {
    "source": "in the POS",
    "skip": "leave out",
    "conflict": "to decide",
    "skipped": "left out",
    "undecided": "to decide",
}


def counts_table(entities: Mapping[str, Mapping[str, int]], columns: tuple[str, ...] = COLUMNS) -> None:
    """Counts per entity; columns in which nothing is counted are left out."""
    if not entities:
        empty("Nothing is planned.")
        return
    shown = [c for c in columns if c == "source" or any(row.get(c) for row in entities.values())]
    table(
        ["What", *(WORDS.get(c, c) for c in shown)],
        [(name.replace("_", " "), *(row.get(c, 0) for c in shown)) for name, row in entities.items()],
        fit=True,
    )


def told_blockers(status: Mapping[str, Any]) -> None:
    """What blocks the plan."""
    if status["blockers"]:
        said("The plan cannot be signed:", kind="bad", more=status["blockers"], role="alert")


def people_facts(people: Mapping[str, Any]) -> None:
    """What the plan means for guests and staff."""
    loyalty = people["loyalty"]
    policy = {"none": "everybody", "profile": "with consent to a profile", "marketing": "with consent to marketing"}
    rows: list[tuple[str, Any]] = [
        ("Who is taken over", policy.get(str(people["policy"]), "nobody is planned")),
        ("Left out without that consent", people["left_out"]["without_consent"]),
        ("Left out on their own word", people["left_out"]["refused"]),
        ("Agreed to marketing", people["marketing_opt_in"]),
        ("Profiles merged", people["merged_profiles"]),
        ("Might be one person", people["near_ties"]),
        ("Loyalty accounts", loyalty["accounts"]),
    ]
    if loyalty["losing"]:
        rows.append(("Would lose points", loyalty["losing"]))
    if people["roles_to_review"]:
        rows.append(("Roles to review", people["roles_to_review"]))
    h3("Guests and staff")
    facts(rows)


def days_facts(days: Mapping[str, Any] | None) -> None:
    """How the days of orders and money are cut."""
    if days is None:
        return
    h3("Days")
    facts(
        [
            ("Time zone", days["timezone"]),
            ("An order counts on the day it was", f"{days['basis']} ({days['basis_source']})"),
            ("A business day ends", f"{days['closeout']} ({days['closeout_source']})"),
            ("Refunds book on", str(days["refunds"]).replace("_", " ")),
        ]
    )
    proposal = days.get("proposal")
    if proposal:
        said(
            f"Proposed: the business day ends at {proposal['closeout']}, by {proposal['source']}.",
            kind="wait",
            more=["To follow it, set history.closeout in the options and preview again."],
        )


def inferred_table(rules: list[dict[str, Any]]) -> None:
    """Rules that the POS does not state but its orders show."""
    if rules:
        h3("Rules concluded from orders")
        said("The POS does not state these rules; its orders show them. Look at each one before you sign.", kind="wait")
        table(
            ["What", "Rule", "By what it is concluded"],
            [
                (rule["entity"].replace("_", " "), rule["name"] or rule["key"], _evidence(rule["evidence"]))
                for rule in rules
            ],
        )


def _evidence(evidence: Any) -> str:
    if not isinstance(evidence, dict):
        return "" if evidence is None else str(evidence)
    rest = dict(evidence)
    said_first = [f"{_value(rest.pop(name))} {name}" for name in ("orders", "payments") if name in rest]
    if "from" in rest and "to" in rest:
        said_first.append(f"from {rest.pop('from')} to {rest.pop('to')}")
    examples = rest.pop("examples", None)
    others = [f"{name.replace('_', ' ')}: {_value(value)}" for name, value in sorted(rest.items())]
    return "; ".join([*said_first, *others, *([f"such as {_value(examples)}"] if examples else [])])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        ", ".join(map(_value, value))
        if isinstance(value, list)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def hash_line(plan_hash: str) -> None:
    """The plan's hash, whole: it is what is signed."""
    ui.html(f'<span class="quiet">Hash of the plan</span> <span class="mono">{plan_hash}</span>', sanitize=False)
