"""Parallel run: the window, its judged days, the accountant's sheet, coverage, what changed at the POS. Switching is a page of its own."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.charts import Line, lines_chart
from aura_migration.console.parts.forms import field_of, filled
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.status import chip_html, state_html
from aura_migration.console.parts.tables import Cell, facts, link, money_cell, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant_html
from aura_migration.console.subpages import Subject, open_subpage
from aura_migration.core.money import minor_digits

VERDICTS = {"clean": "good", "different": "bad", "pending": "wait", "closed": "none"}
SHEET = ("orders", "gross", "discounts", "net", "tax", "tips", "refunds", "total")


@page("/migrations/{migration_id}/parallel")
async def show(view: View, migration_id: int) -> None:
    """The window as it stands, or the way to open one."""
    subject = await open_subpage(view, migration_id, "Parallel run", "/parallel")
    try:
        found = await view.api.get(subject.asks("/window"))
    except Problem as problem:
        if problem.status != 409:
            raise
        _offer(view, subject, problem)
        return
    _head(view, subject, found)
    _days(subject, found)
    _drift(subject, found)
    _sheet(view, subject, found)
    _coverage(found)
    _readings(found)


@page("/migrations/{migration_id}/parallel/{day}")
async def show_day(view: View, migration_id: int, day: str) -> None:
    """One business date: both sides, the causes, each difference."""
    subject = await open_subpage(view, migration_id, f"Business date {day}", "/parallel")
    found = await view.api.get(subject.asks(f"/window/days/{day}"))
    with ui.element("section").classes("panel"):
        h2("Verdict")
        ui.html(chip_html(found["verdict"], VERDICTS[found["verdict"]]), sanitize=False)
        for reason in found["reasons"]:
            quiet(reason)
        facts(
            [
                ("Orders of the POS", found["orders_pos"]),
                ("Orders in AuraConnect", found["orders_aura"]),
                ("Priced by AuraConnect itself", found["orders_priced"]),
                ("Missing or extra", found["missing"] + found["extra"]),
                ("Gross", money_cell(found["gross_cents"], subject.currency)),
                ("Explained", money_cell(found["explained_cents"], subject.currency)),
                ("Unexplained", money_cell(found["unexplained_cents"], subject.currency)),
                ("Tax", money_cell(found["tax_cents"], subject.currency)),
                ("Payments", money_cell(found["payments_cents"], subject.currency)),
            ]
        )
    with ui.element("section").classes("panel"):
        h2("Both sides")
        table(
            ["Figure", "POS", "AuraConnect", "Difference"],
            [
                (name.replace("_", " "), figure.get("pos"), figure.get("aura"), figure.get("difference"))
                for name, figure in found["figures"].items()
            ],
        )
        quiet("Amounts in minor units of the currency.")
    with ui.element("section").classes("panel"):
        h2("Causes")
        if not found["causes"]:
            empty("Nothing differs.")
        else:
            table(
                ["Cause", "Orders", "Amount", "Explained"],
                [
                    (
                        c["cause"].replace("_", " "),
                        c["orders"],
                        money_cell(c["cents"], subject.currency),
                        bool(c["is_explained"]),
                    )
                    for c in found["causes"]
                ],
            )
        if found["findings"]:
            h3("Each difference")
            table(
                ["Order", "Cause", "Part", "Status", "Amount"],
                [
                    (
                        f["order_key"],
                        f["cause"].replace("_", " "),
                        f["part"],
                        f["status"],
                        money_cell(f["cents"], subject.currency),
                    )
                    for f in found["findings"]
                ],
            )
    ui.link("Back to the window", subject.path("/parallel"))


def _offer(view: View, subject: Subject, problem: Problem) -> None:
    with ui.element("section").classes("panel"):
        h2("No window is open")
        quiet(
            "While a window is open both systems run side by side: the POS keeps every channel, AuraConnect follows it, and every "
            "business date is compared."
        )
        if subject.status["state"] != "verified":
            said("A window is opened once the migration's verdict has passed.", kind="wait", more=[problem.remedy])
            return
        if not view.may("operate"):
            said("Opening a window takes the role operator.", kind="wait")
            return
        days = field_of("Business dates", value="30")
        contact = field_of("Who answers for it")
        phone = field_of("Phone, also at night")

        async def open_it() -> None:
            if not filled(contact) or not (days.value or "").isdigit():
                return
            await view.api.post(
                f"/pos/migration/open-window/{subject.migration_id}",
                {
                    "planned_days": int(days.value),
                    "contact": {"name": contact.value.strip(), "phone": (phone.value or "").strip()},
                },
            )
            ui.navigate.reload()

        with ui.element("div").classes("acts"):
            act("Open the window", open_it)


def _head(view: View, subject: Subject, found: dict[str, Any]) -> None:
    told, contact = found["window"], found["window"]["contact"]
    with ui.element("section").classes("panel"):
        h2("The window")
        facts(
            [
                ("Phase", raw(state_html(told["phase"]))),
                ("Business dates", f"{told['first_day']} to {told['last_day']} ({told['planned_days']})"),
                ("Answers for it", ", ".join(str(v) for v in contact.values() if v) or "nobody yet"),
                ("Ended", told["ending"] or "no"),
            ]
        )
        table(
            ["Channel", "Book of record", "AuraConnect takes it"],
            [(c["channel"].replace("_", " "), _book(c["book"]), c["accepts"]) for c in found["channels"]],
            fit=True,
        )
        ui.link("Gates, signatures and switching", subject.path("/cutover"))
        if found["missing"]:
            said(f"{len(found['missing'])} business dates were not judged: {', '.join(found['missing'])}.", kind="bad")
        if view.may("operate") and told["ending"] is None:

            async def ask(kind: str) -> None:
                await view.api.post(f"/pos/migration/{kind}/{subject.migration_id}")
                done("It is asked for; the page shows it when it is done.")

            async def follow() -> None:
                await ask("follow")

            async def reconcile() -> None:
                await ask("reconcile")

            with ui.element("div").classes("acts"):
                act("Read the POS now", follow, kind="plain")
                act("Judge what is due", reconcile, kind="plain")


def _book(book: str) -> str:
    return "AuraConnect" if book == "auraconnect" else "POS"


def _days(subject: Subject, found: dict[str, Any]) -> None:
    days = found["days"]
    with ui.element("section").classes("panel"):
        h2("Business dates")
        if not days:
            empty("No business date has been judged yet.", "One is judged half an hour after its close-out.")
            return
        clean = sum(day["verdict"] == "clean" for day in days)
        bad = [day for day in days if day["verdict"] == "different"]
        said(
            f"{clean} of {len(days)} judged dates are clean" + (f", {len(bad)} differ." if bad else "."),
            kind="bad" if bad else "good" if clean else "wait",
        )
        scale = 10 ** minor_digits(subject.currency)
        lines_chart(
            "Differences per business date",
            [day["business_date"] for day in days],
            [
                Line("Unexplained", [day["unexplained_cents"] / scale for day in days]),
                Line("Explained", [day["explained_cents"] / scale for day in days]),
            ],
            subject.currency,
        )
        table(
            [
                "Date",
                "Verdict",
                "Final",
                "Orders",
                "Priced here",
                "Gross",
                "Explained",
                "Unexplained",
                "%",
                "Missing",
                "Extra",
            ],
            [
                (
                    link(day["business_date"], subject.path(f"/parallel/{day['business_date']}")),
                    raw(chip_html(day["verdict"], VERDICTS[day["verdict"]])),
                    day["is_final"],
                    day["orders_pos"],
                    day["orders_priced"],
                    money_cell(day["gross_cents"], subject.currency),
                    money_cell(day["explained_cents"], subject.currency),
                    money_cell(day["unexplained_cents"], subject.currency),
                    day["unexplained_pct"],
                    day["missing"],
                    day["extra"],
                )
                for day in reversed(days)
            ],
        )
        quiet("Evidence are orders that AuraConnect priced itself; copies only prove that nothing is missing.")


def _drift(subject: Subject, found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Changed at the POS")
        if not found["drift"]:
            empty("Nothing of menu, people or rules has changed since it was loaded.")
            return
        waiting = [one for one in found["drift"] if one["state"] == "waiting"]
        if waiting:
            said(f"{len(waiting)} changes wait for an approval.", kind="wait")
            ui.link("Go to the approval", subject.path("?step=approve"))
        table(
            ["State", "What", "Name", "Change", "Seen"],
            [
                (
                    one["state"],
                    one["entity"].replace("_", " "),
                    one["label"] or one["source_key"],
                    "; ".join(
                        f"{name.replace('_', ' ')}: {_short(was)} → {_short(now)}"
                        for name, (was, now) in list(one["changes"].items())[:4]
                    ),
                    raw(instant_html(one["seen_at"])),
                )
                for one in found["drift"]
            ],
        )


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _sheet(view: View, subject: Subject, found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Consolidated daily sheet")
        quiet("Every sale once, in the book that owned its channel when the order was opened.")
        if not found["sheet"]:
            empty("Nothing was sold in the window yet.")
            return
        table(
            ["Date", *(name.capitalize() for name in SHEET)],
            [
                (
                    day["business_date"],
                    *(
                        Cell(str(day[name]), is_number=True)
                        if name == "orders"
                        else money_cell(day[f"{name}_cents"], subject.currency)
                        for name in SHEET
                    ),
                )
                for day in reversed(found["sheet"])
            ],
        )

        async def download() -> None:
            ui.download(await view.api.content(subject.asks("/window/sheet.csv")), f"sheet-{subject.migration_id}.csv")

        with ui.element("div").classes("acts"):
            act("Download as CSV", download, kind="plain")


def _coverage(found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Coverage")
        quiet("What the restaurant does in a year, and how often the window has seen it.")
        if not found["coverage"]:
            empty("Nothing has been measured yet.", "Judging the days measures it.")
            return
        never = [c["name"] for c in found["coverage"] if c["is_required"] and not c["seen"]]
        if never:
            said(f"Never seen yet: {', '.join(never)}.", kind="wait")
        table(
            ["Kind", "Name", "The year before", "Seen", "Asked for", "Last on"],
            [
                (c["dimension"].replace("_", " "), c["name"], c["expected"], c["seen"], c["is_required"], c["last_on"])
                for c in found["coverage"]
            ],
        )


def _readings(found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Readings of the POS")
        if not found["follows"]:
            empty("The POS has not been read in this window yet.")
            return
        table(
            ["When", "Because of", "Came to", "Up to", "Written", "Problem"],
            [
                (
                    raw(instant_html(one["noted_at"])),
                    one["caused_by"],
                    one["outcome"] or "under way",
                    raw(instant_html(one["read_until"])),
                    ", ".join(f"{n} {name}" for name, n in one["counts"].items()) or "–",
                    one["problem"] or "–",
                )
                for one in found["follows"]
            ],
        )
