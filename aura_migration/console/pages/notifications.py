"""Notifications: who is told what, a test of each, and what they were told."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.dialogs import confirmed
from aura_migration.console.parts.filters import pager
from aura_migration.console.parts.forms import field_of, filled
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import facts, link, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant, instant_html

SHOWN = 50
EVENTS = {
    "run_failed": "a run failed",
    "approval_waiting": "an approval waits",
    "gate_changed": "a gate turned",
    "reconnect_needed": "an account is to be connected again",
    "day_different": "a business date of the parallel run differs",
    "day_overdue": "a business date was not judged, or is not final",
}
STATES = {"pending": ("waits", "wait"), "sent": ("sent", "good"), "failed": ("given up", "bad")}


@page("/notifications")
async def show(view: View, after: int = 0) -> None:
    """Targets, a form for another one, messages."""
    view.heading("Notifications")
    if not view.may("administer"):
        said("Notifications take the role admin.", kind="wait")
        return
    targets = (await view.api.get("/pos/notification-targets"))["items"]
    with ui.element("section").classes("panel"):
        h2("Who is told")
        quiet("Only people who run migrations are told. A restaurant's guests never receive anything.")
        if not targets:
            empty("Nobody is told anything yet.", "Set a target up below.")
        for target in targets:
            _target(view, target)
    with ui.element("section").classes("panel narrow"):
        h2("Set a target up")
        _form(view, await _restaurants(view))
    with ui.element("section").classes("panel"):
        h2("What was told")
        found = await view.api.get("/pos/notifications", after=after, limit=SHOWN)
        if not found["items"]:
            empty("Nothing has been told yet.", "A target is told what happens after it was set up.")
        else:
            table(
                ["When", "To", "What", "Text", "State"],
                [_message(one) for one in found["items"]],
            )
        pager("/notifications", {}, after, found["next_after"])


async def _restaurants(view: View) -> dict[int, str]:
    accounts = await view.api.every("/pos/integrations")
    return {one["restaurant_id"]: str(one["merchant"] or f"Restaurant {one['restaurant_id']}") for one in accounts}


def _target(view: View, target: dict[str, Any]) -> None:
    number = target["id"]

    async def test() -> None:
        await view.api.post(f"/pos/notification-targets/{number}/test")
        done(f"A message is sent to {target['name']}.")

    async def remove() -> None:
        if await confirmed(
            "Forget this target?",
            f"{target['name']}: its address and what it was told are forgotten, too.",
            "Forget it",
        ):
            await view.api.delete(f"/pos/notification-targets/{number}")
            ui.navigate.reload()

    with ui.element("article").classes("stack ruled").props(f'aria-label="Target {number}"'):
        h3(target["name"])
        facts(
            [
                ("Address", target["url"]),
                ("Told when", [EVENTS.get(event, event) for event in target["events"]] or "anything of these happens"),
                ("Of", f"restaurant {target['restaurant_id']}" if target["restaurant_id"] else "every restaurant"),
                ("Set up", f"{instant(target['created_at'])} by {target['created_by']}"),
                *([] if target["is_active"] else [("State", raw(chip_html("switched off", "bad")))]),
            ]
        )
        with ui.element("div").classes("acts"):
            act("Send a test", test, kind="plain")
            act("Forget it …", remove, kind="danger")


def _form(view: View, restaurants: dict[int, str]) -> None:
    name = field_of("Name", "how it is called here, such as operations")
    address = field_of(
        "Address",
        "in Apprise's notation, such as json://… or mailto://…; stored sealed, never shown again",
        is_secret=True,
    )
    events = ui.select(EVENTS, label="Told when (none: all)", multiple=True, value=[])
    events.props("outlined dense options-dense use-chips").classes("full-width")
    events.props["aria-label"] = "Told when"
    restaurant = ui.select({0: "every restaurant", **restaurants}, label="Of", value=0)
    restaurant.props('outlined dense options-dense aria-label="Of which restaurant"').classes("full-width")

    async def add() -> None:
        if not filled(name, address):
            return
        body = {"name": name.value.strip(), "url": address.value.strip(), "events": list(events.value or [])}
        await view.api.post("/pos/notification-targets", {**body, "restaurant_id": restaurant.value or None})
        ui.navigate.reload()

    act("Set it up", add)


def _message(one: dict[str, Any]) -> tuple[Any, ...]:
    words, kind = STATES.get(one["state"], (one["state"], "none"))
    about = one["migration_id"]
    problem = f" {one['problem']}" if one["problem"] else ""
    tried = f"after {one['attempts']} attempts.{problem}" if one["state"] != "sent" and one["attempts"] else ""
    return (
        raw(instant_html(one["sent_at"] or one["created_at"])),
        one["target"],
        link(one["title"], f"/migrations/{about}") if about else one["title"],
        one["body"],
        raw(chip_html(words, kind) + (f"<br><span class='quiet'>{escape(tried)}</span>" if tried else "")),
    )
