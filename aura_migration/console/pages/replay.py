"""Past orders rung up again: how many came out the same, and what differs in clusters, most money first."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.status import passed_html
from aura_migration.console.parts.tables import facts, link_html, money, money_cell, number, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant, instant_html
from aura_migration.console.parts.values import json_html
from aura_migration.console.subpages import Subject, open_subpage

CLASSES = {
    "identical": "the same to the cent",
    "explained": "different for a reason that is proven",
    "different": "different without one",
    "not_comparable": "not comparable",
}


@page("/migrations/{migration_id}/replay")
async def show(view: View, migration_id: int) -> None:
    """The newest replay in full, those before it as lines."""
    subject = await open_subpage(view, migration_id, "Replay of past orders", "/replay")
    found = (await view.api.get(subject.asks("/replays")))["items"]
    if not found:
        with ui.element("section").classes("panel"):
            h2("No replay yet")
            empty(
                "No past order has been rung up again yet.",
                "Verifying does it: AuraConnect's rules price orders of the past, beside what the POS charged.",
            )
            ui.link("Go to the result", subject.path("?step=result"))
        return
    newest = found[0]
    _figures(newest, subject)
    if newest["clusters"]:
        h2(f"What differs: {len(newest['clusters'])} clusters, most money first")
    for cluster in newest["clusters"]:
        _cluster(view, cluster, subject)
    _taxes(newest["figures"]["taxes"])
    if newest["inferred"]:
        _inferred(newest["inferred"])
    _before(found[1:])


def _figures(one: dict[str, Any], subject: Subject) -> None:
    figures = one["figures"]
    with ui.element("section").classes("panel"):
        h2(f"Orders: {one['span']}")
        ui.html(passed_html(one["passed"]), sanitize=False, tag="span")
        if not figures["orders"]:
            empty("There was no order to ring up again.", "The POS has none in the span that the options name.")
        first, last = figures["from"], figures["to"]
        facts(
            [
                ("Rung up", number(figures["orders"])),
                *([("Business days", f"{first} to {last}")] if first else []),
                *((CLASSES[name].capitalize(), number(figures["classes"].get(name, 0))) for name in CLASSES),
                ("Money in question", money(figures["different_cents"], subject.currency)),
                ("Measured", instant(one["measured_at"])),
            ]
        )
        if figures["explained"]:
            h3("Different for a reason")
            table(
                ["Reason", "Orders", "Money", "Proof"],
                [
                    (_words(why["cause"]), why["orders"], money_cell(why["cents"], subject.currency), why["proof"])
                    for why in figures["explained"]
                ],
            )
        if figures["not_comparable"]:
            h3("Not comparable")
            table(
                ["Why", "Orders", ""],
                [(_words(skip["reason"]), skip["orders"], skip["why"]) for skip in figures["not_comparable"]],
            )


def _cluster(view: View, one: dict[str, Any], subject: Subject) -> None:
    with ui.element("section").classes("panel"):
        h3(one["title"])
        facts(
            [
                ("Cause", _words(one["cause"])),
                ("Orders", number(one["orders"])),
                ("Money", f"{money(one['cents'], subject.currency)} in all, {_signed(one['net_cents'], subject)} net"),
                ("Days", f"{one['first_day']} to {one['last_day']}"),
                ("Examples", raw(", ".join(_examples(view, one["examples"])))),
            ]
        )
        if one["remedy"]:
            said(one["remedy"])


def _examples(view: View, examples: list[dict[str, str]]) -> Iterator[str]:
    for example in examples:
        text = f"{example['order']} ({example['day']})"
        if view.may("look_up"):
            where = urlencode({"number": example["order"], "date": example["day"]})
            yield link_html(text, f"/lookup?{where}")
        else:
            yield escape(text)


def _signed(cents: int, subject: Subject) -> str:
    return f"{'+' if cents > 0 else ''}{money(cents, subject.currency)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _taxes(taxes: list[dict[str, Any]]) -> None:
    shown = [tax for tax in taxes if tax]
    if not shown:
        return
    with ui.element("section").classes("panel"):
        h2("How tax was rounded")
        quiet("Ways of calculating that fit the orders; only orders in which ways differ tell them apart.")
        for tax in shown:
            table(
                ["Way", "Orders that fit", ""],
                [
                    (way["way"], way["consistent"], "fits best" if way["is_best"] else "")
                    for way in sorted(tax["ways"], key=lambda way: -way["consistent"])
                ],
                caption=f"{tax['rate']}: {tax['orders']:,} orders, {tax['telling']:,} tell; set to {tax['configured'] or 'nothing'}",
                fit=True,
            )


def _inferred(inferred: dict[str, Any]) -> None:
    evidence = inferred["evidence"]
    with ui.element("section").classes("panel"):
        h2("The orders show another policy")
        said(
            f"{evidence['orders_for']:,} orders come out right under it, {evidence['orders_against']:,} do not; "
            f"{evidence['orders_tested']:,} were tried.",
            kind="wait",
            more=["Set pricing.policy accordingly and preview again, or confirm what is set."],
        )
        ui.html(json_html(inferred["value"]), sanitize=False)


def _before(older: list[dict[str, Any]]) -> None:
    if older:
        with ui.element("section").classes("panel"):
            h2("Before")
            table(
                ["When", "Orders of", "Result", "Rung up", "Different", "Clusters"],
                [
                    (
                        raw(instant_html(one["measured_at"])),
                        one["span"],
                        raw(passed_html(one["passed"])),
                        one["figures"]["orders"],
                        one["figures"]["classes"].get("different", 0),
                        len(one["clusters"]),
                    )
                    for one in older
                ],
            )
