"""Webhooks of an account: where the POS is to send them, the key that proves them, what came and what waits; and those of nobody."""

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
from aura_migration.console.parts.tables import Cell, facts, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant_html

SHOWN = 50
STATES = {
    "received": ("waits for the delta", "wait"),
    "handled": ("handled", "good"),
    "ignored": ("of no concern", "none"),
    "rejected": ("rejected", "bad"),
}


@page("/integrations/{integration_id}/webhooks")
async def show(view: View, integration_id: int, after: int = 0) -> None:
    """Subscription, key, events."""
    account = await view.api.get(f"/pos/integrations/{integration_id}")
    found = await view.api.get(f"/pos/integrations/{integration_id}/webhooks", after=after, limit=SHOWN)
    name = account["merchant"] or f"Integration {integration_id}"
    view.heading("Webhooks", (name, f"/integrations/{integration_id}"))
    _subscription(view, found["subscription"])
    with ui.element("section").classes("panel"):
        h2("What waits for the next delta")
        if found["waiting"]:
            facts(
                (_words(entity), f"{number} touched" if number else "all of them")
                for entity, number in found["waiting"].items()
            )
        else:
            empty("Nothing waits: the POS has told of no change since the last one.")
    with ui.element("section").classes("panel"):
        h2("What the POS told")
        if not found["items"]:
            empty("No event has come yet.", "The POS sends them once it is subscribed to the address above.")
        else:
            table(
                ["When", "Event", "Touches", "Came", "State"],
                [_event(one) for one in found["items"]],
            )
        pager(f"/integrations/{integration_id}/webhooks", {}, after, found["next_after"])


@page("/webhooks")
async def show_unknown(view: View, after: int = 0) -> None:
    """What came and belongs to no account: a wrong address, another merchant, an account that was disconnected, a forgery."""
    view.heading("Webhooks of no account")
    if not view.may("administer"):
        said("Webhooks of no account take the role admin.", kind="wait")
        return
    found = await view.api.get("/pos/webhooks", after=after, limit=SHOWN)
    with ui.element("section").classes("panel"):
        h2("What came")
        quiet(
            "Stored as it came and believed in nothing: no record is read anew because of it. Each says why it has no account."
        )
        if not found["items"]:
            empty(
                "Nothing came that belongs to no account, or you may not see every restaurant.",
                "Those of an account stand on a page of that account.",
            )
        else:
            table(
                ["When", "POS", "Merchant", "Event", "Came", "State and reason"],
                [_unknown(one) for one in found["items"]],
            )
        pager("/webhooks", {}, after, found["next_after"])


def _subscription(view: View, known: dict[str, Any]) -> None:
    path = f"/pos/integrations/{known['integration_id']}/webhook-key"
    with ui.element("section").classes("panel"):
        h2("Subscription at the POS")
        facts(
            [
                ("Address of this account", raw(f'<span class="mono">{escape(known["url"])}</span>')),
                ("Address of a whole application", raw(f'<span class="mono">{escape(known["shared_url"])}</span>')),
                ("Key", raw(chip_html("stored", "good") if known["has_key"] else chip_html("missing", "bad"))),
            ]
        )
        quiet("The signature counts every character of the address: copy it as it stands.")
        if not known["has_key"]:
            said("Without the key every event is rejected.", kind="wait")
        if not view.may("administer"):
            quiet("Setting the key takes the role admin.")
            return
        h3("Another key" if known["has_key"] else "Set the key")
        with ui.element("div").classes("narrow stack"):
            key = field_of(
                "Key", "as the POS shows it at the subscription; stored sealed, never shown again", is_secret=True
            )

        async def store() -> None:
            if filled(key):
                await view.api.put(path, {"key": key.value.strip()})
                key.value = ""
                ui.navigate.reload()

        async def forget() -> None:
            if await confirmed("Forget the key?", "From now on the account's events are rejected.", "Forget it"):
                await view.api.delete(path)
                done("The key is forgotten.")
                ui.navigate.reload()

        with ui.element("div").classes("acts"):
            act("Store the key", store)
            if known["has_key"]:
                act("Forget the key …", forget, kind="danger")


def _event(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        raw(instant_html(one["received_at"])),
        one["kind"],
        [_touched(record) for record in one["touches"]] or "–",
        _came(one),
        _state(one),
    )


def _unknown(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        raw(instant_html(one["received_at"])),
        one["pos"].capitalize(),
        raw(f'<span class="mono">{escape(one["merchant_id"] or "–")}</span>'),
        one["kind"] or "–",
        _came(one),
        _state(one),
    )


def _came(one: dict[str, Any]) -> str:
    return "once" if one["deliveries"] == 1 else f"{one['deliveries']} times"


def _state(one: dict[str, Any]) -> Cell:
    words, kind = STATES.get(one["state"], (one["state"], "none"))
    notes = [one["why_not"], one["note"]]
    if one["verification_code"]:
        notes.append(f"Type this code in at the POS: {one['verification_code']}")
    told = "".join(f"<div class='quiet'>{escape(note)}</div>" for note in notes if note)
    return raw(chip_html(words, kind) + told)


def _touched(record: dict[str, Any]) -> str:
    gone = " (deleted)" if record["deleted"] else ""
    return f"{_words(record['entity'])} {record['id'] or 'any'}{gone}"


def _words(name: str) -> str:
    return name.replace("_", " ")
