"""Cutover: gates of each channel, waivers, signatures, scheduled orders, switching, the way back, the end of the window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.dialogs import confirmed
from aura_migration.console.parts.forms import field_of, filled
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.status import chip_html, passed_html, state_html
from aura_migration.console.parts.tables import facts, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant_html
from aura_migration.console.parts.values import field_text
from aura_migration.console.subpages import Subject, open_subpage

CHANNELS = {"online": "Online", "in_house": "In-house", "reporting": "Reporting", "time_clock": "Time clock"}
FILES = 12
"""Files of the way back that the page lists."""
KINDS = {"passed": "good", "failed": "bad", "stale": "wait", "waived": "wait", "not measured": "wait"}


@page("/migrations/{migration_id}/cutover")
async def show(view: View, migration_id: int, channel: str = "") -> None:
    """Everything about switching one channel, and the way back of all."""
    subject = await open_subpage(view, migration_id, "Cutover", "/cutover")
    try:
        found = await view.api.get(subject.asks("/window"))
    except Problem as problem:
        if problem.status != 409:
            raise
        with ui.element("section").classes("panel"):
            h2("No window is open")
            empty(
                f"{problem.detail} Channels are switched while one is open.",
                "It is opened on the page of the parallel run, once the migration is verified.",
            )
            ui.link("Go to the parallel run", subject.path("/parallel"))
        return
    chosen = channel if channel in CHANNELS else found["next_channel"] or "online"
    _channels(subject, found, chosen)
    await _gates(view, subject, found, chosen)
    await _scheduled(view, subject)
    _tests(view, subject, found)
    _switches(view, subject, found)
    await _features(view, subject)
    await _way_back(view, subject, found)
    _papers(view, subject, found)


def _channels(subject: Subject, found: dict[str, Any], chosen: str) -> None:
    with ui.element("section").classes("panel"):
        h2("Channels")
        ui.html(state_html(found["window"]["phase"]), sanitize=False)
        table(
            ["Channel", "Book of record", "AuraConnect takes it"],
            [
                (CHANNELS[c["channel"]], "AuraConnect" if c["book"] == "auraconnect" else "POS", c["accepts"])
                for c in found["channels"]
            ],
            fit=True,
        )
        with ui.element("div").classes("acts"):
            for name, title in CHANNELS.items():
                made = ui.link(f"Gates of {title.lower()}", subject.path(f"/cutover?channel={name}"))
                if name == chosen:
                    made.props("aria-current=page")


async def _gates(view: View, subject: Subject, found: dict[str, Any], channel: str) -> None:
    told = await view.api.get(subject.asks(f"/window/gates/{channel}"))
    with ui.element("section").classes("panel"):
        h2(f"Gates of {CHANNELS[channel].lower()}")
        lacking = [gate for gate in told["gates"] if not gate["holds"]]
        said(
            f"{len(lacking)} of {len(told['gates'])} gates do not hold."
            if lacking
            else "Every gate holds or is waived.",
            kind="wait" if lacking else "good",
        )
        table(
            ["Gate", "Is", "Number", "Age", "Who", "What to do"],
            [
                (
                    gate["name"].replace("_", " "),
                    raw(chip_html(gate["verdict"], KINDS[gate["verdict"]])),
                    gate["value"],
                    "–" if gate["age_minutes"] is None else f"{gate['age_minutes']} min",
                    gate["owner"],
                    "" if gate["holds"] else gate["remedy"],
                )
                for gate in told["gates"]
            ],
        )
        if told["signatures"]:
            h3("Signed")
            table(
                ["By", "When", "Gates", "Why"],
                [(s["by"], raw(instant_html(s["at"])), s["gates_hash"][:12], s["reason"]) for s in told["signatures"]],
            )
        if found["window"]["ending"] is None:
            _acts(view, subject, channel, told, found["now"])


def _acts(view: View, subject: Subject, channel: str, told: dict[str, Any], now: str) -> None:
    path = "/pos/migration/{}/" + str(subject.migration_id)
    reason = field_of("Why", "Without naming guests; kept as typed.")
    with ui.element("div").classes("acts"):
        if view.may("approve"):

            async def sign() -> None:
                await view.api.post(
                    path.format("sign-switch"), {"channel": channel, "reason": (reason.value or "").strip()}
                )
                ui.navigate.reload()

            act("Sign for the switch", sign, kind="plain")
        if view.may("operate"):

            async def switch() -> None:
                if await confirmed(
                    f"Switch {CHANNELS[channel].lower()}?",
                    "Nobody takes orders of this channel for at most the pause; then AuraConnect does.",
                    "Switch",
                ):
                    await view.api.post(path.format("switch"), {"channel": channel})
                    done("The switch is asked for; its steps are shown below.")

            act("Switch …", switch, kind="danger")
    waivable = [g["name"] for g in told["gates"] if not g["holds"] and g["is_waivable"]]
    if view.may("approve") and waivable:
        h3("Waive a gate")
        quiet("For an amount and a time; gates of liabilities and tax cannot be waived.")
        which = ui.select({n: n.replace("_", " ") for n in waivable}, label="Gate", value=waivable[0])
        which.props("outlined dense").classes("choice")
        amount = field_of("Amount at stake, in minor units", value="0")
        days = field_of("For so many days", value="1")

        async def waive() -> None:
            if not filled(reason) or not (amount.value or "").isdigit() or not (days.value or "").isdigit():
                return
            ends = datetime.fromisoformat(now) + timedelta(days=int(days.value))
            await view.api.post(
                path.format("waive"),
                {
                    "gate": which.value,
                    "reason": reason.value.strip(),
                    "amount_cents": int(amount.value),
                    "expires_at": ends.isoformat(),
                },
            )
            ui.navigate.reload()

        with ui.element("div").classes("acts"):
            act("Waive", waive, kind="plain")


async def _scheduled(view: View, subject: Subject) -> None:
    found = (await view.api.get(subject.asks("/window/future-orders")))["items"]
    with ui.element("section").classes("panel"):
        h2("Scheduled and catering orders")
        if not found:
            empty("None stands on the old POS's books.")
            return
        for one in found:
            with ui.element("div").classes("acts"):
                ui.label(
                    f"{one.get('display_number') or one['order_id']} for {one.get('scheduled_for') or 'an unknown day'}: "
                    f"{one.get('decision') or 'undecided'}"
                )
                if view.may("operate") and not one.get("reentered_order_id"):
                    for decision, word in (("stays", "Stays with the POS"), ("reentered", "Enter in AuraConnect")):
                        act(word, _deciding(view, subject, one["order_id"], decision), kind="plain")


def _deciding(view: View, subject: Subject, order: int, decision: str) -> Any:
    async def decide() -> None:
        await view.api.post(f"/pos/migration/future-order/{subject.migration_id}/{order}", {"decision": decision})
        ui.navigate.reload()

    return decide


def _tests(view: View, subject: Subject, found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Integration tests")
        if found["tests"]:
            table(
                ["Test", "Result", "Number", "What to do", "When"],
                [
                    (
                        t["name"].replace("_", " "),
                        raw(passed_html(t["passed"])),
                        t["value"],
                        t["remedy"],
                        raw(instant_html(t["ran_at"])),
                    )
                    for t in found["tests"]
                ],
            )
        else:
            empty("They have not been run here yet.")
        if view.may("operate"):
            _asker(view, subject, "integration-tests", "Run the integration tests")


def _switches(view: View, subject: Subject, found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Switches")
        if not found["switches"]:
            empty("No channel has been switched.")
            return
        table(
            ["Channel", "Direction", "State", "Step", "Asked by", "Effective", "Steps"],
            [
                (
                    CHANNELS[s["channel"]],
                    s["direction"],
                    s["state"],
                    s["step"].replace("_", " "),
                    s["asked_by"],
                    raw(instant_html(s["effective_at"])),
                    ", ".join(step["name"].replace("_", " ") for step in s["steps"]),
                )
                for s in found["switches"]
            ],
        )
        if any(s["state"] == "open" for s in found["switches"]) and view.may("operate"):

            async def abort() -> None:
                if await confirmed("Abort the switch?", "Everything will be as it was before it.", "Abort"):
                    await view.api.post(
                        f"/pos/migration/abort/{subject.migration_id}", {"reason": "asked for in the console"}
                    )
                    done("The abort is asked for.")

            with ui.element("div").classes("acts"):
                act("Abort …", abort, kind="danger")


async def _features(view: View, subject: Subject) -> None:
    told = await view.api.get(subject.asks("/window/features"))
    with ui.element("section").classes("panel"):
        h2("Features")
        limited = ", ".join(told["limited_to"])
        quiet(f"AuraConnect offers only {limited}." if limited else "AuraConnect offers the whole menu where it sells.")
        table(
            ["Feature", "Enabled", "Goes with"],
            [
                (
                    field_text(one["feature"]).capitalize(),
                    one["enabled"],
                    CHANNELS.get(one["with"] or "", "set by hand"),
                )
                for one in told["features"]
            ],
        )
        if not view.may("operate"):
            return
        with ui.element("div").classes("acts"):
            for one in told["features"]:
                if one["with"] is None:
                    verb = "Disable" if one["enabled"] else "Enable"
                    act(f"{verb} {field_text(one['feature'])}", _setting(view, subject, one), kind="plain")


def _setting(view: View, subject: Subject, one: dict[str, Any]) -> Any:
    async def ask() -> None:
        said_so = {"feature": one["feature"], "enabled": not one["enabled"]}
        await view.api.post(f"/pos/migration/feature/{subject.migration_id}", said_so)
        done("Done.")
        ui.navigate.reload()

    return ask


async def _way_back(view: View, subject: Subject, found: dict[str, Any]) -> None:
    back = found["way_back"]
    files = (await view.api.get(subject.asks("/window/way-back")))["items"]
    with ui.element("section").classes("panel"):
        h2("The way back")
        rehearsed = back["rehearsal"]
        facts(
            [
                ("Level", f"{back['level']}: {back['how']}" if back["level"] else "not asked for yet"),
                ("Rehearsal", raw(passed_html(rehearsed["passed"])) if rehearsed else "not rehearsed"),
                (
                    "Entries for the old POS",
                    ", ".join(f"{n} {state}" for state, n in back["entries"].items()) or "none",
                ),
            ]
        )
        if files:
            _back_files(view, subject, files)
        if found["window"]["ending"] is not None:
            return
        if view.may("operate"):
            _asker(view, subject, "rehearse", "Rehearse the way back")
        if not view.may("approve"):
            return
        reason = field_of("Reason", name="Reason for reversing or completing")

        async def reverse() -> None:
            if filled(reason) and await confirmed(
                "Give every channel back to the POS?",
                "What AuraConnect took is entered in the POS or its files.",
                "Reverse",
            ):
                await view.api.post(f"/pos/migration/reverse/{subject.migration_id}", {"reason": reason.value.strip()})
                done("The way back is asked for.")

        async def complete() -> None:
            if await confirmed("Complete the window?", "There is no way back afterwards.", "Complete"):
                await view.api.post(
                    f"/pos/migration/complete/{subject.migration_id}", {"reason": (reason.value or "").strip()}
                )
                done("Completing is asked for.")

        with ui.element("div").classes("acts"):
            act("Reverse …", reverse, kind="danger")
            act("Complete …", complete, kind="danger")


def _back_files(view: View, subject: Subject, files: list[dict[str, Any]]) -> None:
    h3("Files")
    last = [one for one in files if one["kind"] != "entries"] + [one for one in files if one["kind"] == "entries"][::-1]
    for one in last[:FILES]:
        with ui.element("div").classes("acts"):
            ui.label(one["name"])
            quiet(one["how"])
            if view.may("operate"):
                button = act("CSV", _fetching(view, subject, one["name"]), kind="plain")
                button.props(f'aria-label="Download {one["name"]}"')
    if len(last) > FILES:
        quiet(f"{len(last) - FILES} earlier ones lie beside them: aura-migration cutover files {subject.migration_id}")


def _fetching(view: View, subject: Subject, name: str) -> Any:
    async def download() -> None:
        ui.download(await view.api.content(subject.asks(f"/window/way-back/{name}")), f"{subject.migration_id}-{name}")

    return download


def _papers(view: View, subject: Subject, found: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2("Papers")
        if not found["papers"]:
            empty("None were made yet.", "Judging the days makes the daily check-in and the go/no-go page.")
            return
        for one in found["papers"][:20]:
            name = "Daily check-in" if one["kind"] == "daily" else "Go/no-go"
            with ui.element("div").classes("acts"):
                ui.label(f"{name}, {one['business_date']}")
                for form in ("html", *(("pdf",) if one["has_pdf"] else ())):
                    act(form.upper(), _downloading(view, subject, one, form), kind="plain")


def _downloading(view: View, subject: Subject, one: dict[str, Any], form: str) -> Any:
    async def download() -> None:
        body = await view.api.content(subject.asks(f"/window/papers/{one['kind']}/{one['business_date']}.{form}"))
        ui.download(body, f"{one['kind']}-{subject.migration_id}-{one['business_date']}.{form}")

    return download


def _asker(view: View, subject: Subject, verb: str, text: str) -> None:
    async def ask() -> None:
        await view.api.post(f"/pos/migration/{verb}/{subject.migration_id}")
        done("It is asked for; the page shows it when it is done.")

    with ui.element("div").classes("acts"):
        act(text, ask, kind="plain")
