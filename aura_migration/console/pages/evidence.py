"""What a migration stands on: gates with their evidence, findings, snapshots with their certificates, its history."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.filters import Filters, address, pager
from aura_migration.console.parts.notices import empty
from aura_migration.console.parts.status import chip_html, passed_html, words
from aura_migration.console.parts.tables import money_cell, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant, instant_html
from aura_migration.console.parts.values import field_text, folded_html, json_html, value_text
from aura_migration.console.subpages import Subject, open_subpage
from aura_migration.core.clock import business_now

SHOWN = 50
BLOCKING = {"yes": "only those that block", "no": "only those that do not"}


@page("/migrations/{migration_id}/evidence")
async def show(
    view: View, migration_id: int, check: str = "", entity: str = "", blocking: str = "", after: int = 0
) -> None:
    """Gates, findings, snapshots, history."""
    subject = await open_subpage(view, migration_id, "Evidence", "/evidence")
    gates = (await view.api.get(subject.asks("/gates")))["items"]
    with ui.element("section").classes("panel"):
        h2("Gates")
        _gates(gates, business_now(view.settings.now))
    with ui.element("section").classes("panel").props("id=findings"):
        h2("Findings")
        await _findings(view, subject, {"check": check, "entity": entity, "blocking": blocking}, after)
    with ui.element("section").classes("panel"):
        h2("Snapshots")
        _snapshots((await view.api.get(subject.asks("/snapshots")))["items"])
    with ui.element("section").classes("panel"):
        h2("History")
        lines = await view.api.every(subject.asks("/history"))
        table(
            ["When", "From", "To", "By", "Why"],
            [
                (raw(instant_html(one["at"])), words(one["from"] or ""), words(one["state"]), one["by"], one["reason"])
                for one in reversed(lines)
            ],
        )


def _gates(gates: list[dict[str, Any]], now: datetime) -> None:
    if not gates:
        empty("No gate has been measured yet.", "Verifying measures them.")
        return
    order = {False: 0, None: 1, True: 2}
    table(
        ["Gate", "Passed", "Measured", "When", "Remedy and evidence"],
        [
            (
                gate["name"].replace("_", " "),
                raw(passed_html(gate["passed"])),
                gate["value"] or "–",
                raw(
                    f"{instant_html(gate['measured_at'])}<br><span class='quiet'>{_age(gate['measured_at'], now)}</span>"
                ),
                raw(_behind(gate)),
            )
            for gate in sorted(gates, key=lambda gate: (order[gate["passed"]], gate["name"]))
        ],
    )


def _age(measured_at: str, now: datetime) -> str:
    past = now - datetime.fromisoformat(measured_at)
    hours = past.total_seconds() / 3600
    if hours < 1:
        return "within the hour"
    return f"{hours:.0f} hours old" if hours < 48 else f"{past.days} days old"


def _behind(gate: dict[str, Any]) -> str:
    remedy = f"<div>{escape(gate['remedy'])}</div>" if gate["remedy"] and gate["passed"] is not True else ""
    return remedy + (folded_html("Evidence", json_html(gate["evidence"])) if gate["evidence"] else "")


async def _findings(view: View, subject: Subject, query: dict[str, str], after: int) -> None:
    path = subject.path("/evidence")
    filters = Filters(path, query)
    filters.text("check", "Check", "its whole name")
    filters.text("entity", "What", "such as items")
    filters.choice("blocking", "Which", BLOCKING)
    filters.ready()
    found = await view.api.get(
        subject.asks("/findings"),
        check=query["check"] or None,
        entity=query["entity"] or None,
        is_blocking={"yes": True, "no": False}.get(query["blocking"]),
        after=after,
        limit=SHOWN,
    )
    if not found["items"]:
        narrowed = any(query.values()) or after
        empty(
            "No finding fits." if narrowed else "Nothing was found that differs.",
            "" if narrowed else "Or nothing has been verified yet: the gates above say when they were measured.",
        )
    else:
        table(
            ["#", "Check", "What", "The POS says", "AuraConnect has", "Difference", "Cause", "Blocks"],
            [_finding(one, subject, path) for one in found["items"]],
        )
    pager(path, query, after, found["next_after"])


def _finding(one: dict[str, Any], subject: Subject, path: str) -> tuple[Any, ...]:
    here = f"/console{address(path, {'check': one['check']})}"
    return (
        str(one["id"]),
        raw(f'<a href="{escape(here)}">{escape(one["check"].replace("_", " "))}</a>'),
        raw(f'{escape(one["entity"].replace("_", " "))}<br><span class="mono quiet">{escape(one["key"])}</span>'),
        _side(one["expected"], subject.currency),
        _side(one["actual"], subject.currency),
        money_cell(one["difference_cents"], subject.currency),
        one["cause"] or "–",
        raw(chip_html("yes", "bad") if one["is_blocking"] else chip_html("no", "none")),
    )


def _side(value: Any, currency: str) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{field_text(name)}: {value_text(name, each, currency)}" for name, each in value.items())
    return value_text("", value, currency)


def _snapshots(snapshots: list[dict[str, Any]]) -> None:
    if not snapshots:
        empty("It stands on no snapshot yet.", "A preview exports the POS into one.")
        return
    quiet("What the POS answered, as it was stored; a certificate says that all of an entity was read.")
    for one in snapshots:
        h3(f"Snapshot {one['id']}: {one['scope']}{'' if one['is_current'] else ' (earlier)'}")
        ui.html(
            f"{_state_html(one['state'])} Taken {escape(instant(one['taken_at']))}. "
            f'<span class="mono quiet">{escape(one["manifest_hash"] or "not sealed")}</span>',
            sanitize=False,
        )
        sound = sum(c["status"] == "complete" for c in one["certificates"])
        rows = "".join(_certificate(c) for c in one["certificates"])
        ui.html(
            folded_html(
                f"{sound} of {len(one['certificates'])} certified complete",
                '<table class="plain"><thead><tr><th scope="col">Entity</th><th scope="col">Certificate</th>'
                '<th scope="col" class="n">Rows</th><th scope="col" class="n">Pages</th><th scope="col">Why not</th></tr></thead>'
                f"<tbody>{rows}</tbody></table>",
            ),
            sanitize=False,
        )


def _state_html(state: str) -> str:
    return chip_html(state, {"complete": "good", "failed": "bad"}.get(state, "none"))


def _certificate(one: dict[str, Any]) -> str:
    chip = chip_html(one["status"], "good" if one["status"] == "complete" else "bad")
    cells = f"<td>{escape(one['entity'].replace('_', ' '))}</td><td>{chip}</td>"
    counts = "".join(f'<td class="n">{escape(value_text("", one[name], ""))}</td>' for name in ("rows", "pages"))
    return f"<tr>{cells}{counts}<td>{escape(one['reason'] or '')}</td></tr>"
