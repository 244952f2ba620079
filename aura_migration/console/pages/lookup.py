"""Look-up: one order, card or guest on both sides. What may tell of a guest is never part of the page's address."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.filters import chosen
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import facts, link, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant, instant_html
from aura_migration.console.parts.values import compared_html, folded_html, json_html, pairs_html
from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units

KINDS = {
    "number": "check or receipt number",
    "pos_id": "id of the POS",
    "card": "card: last four, amount and day",
    "gift_card": "gift card: last four",
    "phone": "phone of a guest",
}
FIELDS = {
    "number": ("value", "day"),
    "pos_id": ("value",),
    "card": ("value", "amount", "day"),
    "gift_card": ("value",),
    "phone": ("value",),
}
LABELS = {
    "number": "Check or receipt number",
    "pos_id": "Id of the POS",
    "card": "Last four digits of the card",
    "gift_card": "Last four digits of the gift card",
    "phone": "Phone",
}
PARAMETERS = {
    "number": "number",
    "pos_id": "pos_id",
    "card": "card_last4",
    "gift_card": "gift_card_last4",
    "phone": "phone",
}


@page("/lookup")
async def show(view: View, number: str = "", pos_id: str = "", date: str = "") -> None:
    """The question, and what was found. A number or id of the POS may stand in the address: links of other pages do that."""
    view.heading("Look-up")
    if not view.may("look_up"):
        said("Looking up takes the role operator.", kind="wait")
        return
    accounts = await view.api.every("/pos/integrations")
    currencies = {site["location"]: site["currency"] for one in accounts for site in one["locations"]}
    form = _Form(view, currencies, number or pos_id, "pos_id" if pos_id else "number", date)
    if number or pos_id:
        await form.look()


class _Form:
    """What is looked for; the answer is drawn below."""

    def __init__(self, view: View, currencies: dict[str, str], value: str, kind: str, day: str) -> None:
        self._view, self._currencies = view, currencies
        known = sorted(set(currencies.values())) or ["USD"]
        with ui.element("section").classes("panel"):
            h2("What is looked for")
            quiet("Every look is noted in the audit trail. Guests are shown by their initials.")
            row = ui.element("form").classes("acts filters").props("role=search")
            row.on("submit.prevent", js_handler="() => {}")  # Enter presses the button
            with row:
                self._kind = ui.select(KINDS, label="By", value=kind, on_change=lambda _: self._shown())
                self._kind.props('outlined dense options-dense aria-label="By"').classes("filter")
                self._value = self._text("Value", value)
                self._amount = self._text("Amount, such as 12.50", "")
                self._currency = ui.select(known, label="Currency", value=known[0])
                self._currency.props('outlined dense options-dense aria-label="Currency"')
                self._day = self._text("Business day", day).props("type=date stack-label")
                act("Look up", self.look).props("type=submit")
            self._shown()
        self._place = ui.element("div").classes("stack").props("aria-live=polite")

    def _text(self, label: str, value: str) -> ui.input:
        made = ui.input(label, value=value).props("outlined dense autocomplete=off").classes("filter")
        made.props["aria-label"] = label
        return made

    def _shown(self) -> None:
        kind = str(self._kind.value)
        self._value.props["label"] = self._value.props["aria-label"] = LABELS[kind]
        self._value.update()
        self._amount.visible, self._day.visible = ("amount" in FIELDS[kind]), ("day" in FIELDS[kind])
        self._currency.visible = self._amount.visible and len(self._currency.options) > 1

    async def look(self) -> None:
        """Ask, and draw the answer."""
        kind, value = str(self._kind.value), (self._value.value or "").strip()
        if not value:
            self._value.error = "This is needed."
            return
        self._value.error = None
        asked: dict[str, Any] = {PARAMETERS[kind]: value}
        if "day" in FIELDS[kind]:
            asked["date"] = self._day.value or None
        if kind == "card":
            try:
                asked["amount_cents"] = minor_units((self._amount.value or "").strip(), str(self._currency.value))
            except BadInput:
                self._amount.error = "An amount is expected, such as 12.50."
                return
            self._amount.error = None
        found = await self._view.api.get("/pos/migration/lookup", **asked)
        self._place.clear()
        with self._place:
            if not found["hits"]:
                with ui.element("section").classes("panel"):
                    h2("Nothing was found")
                    empty(
                        "AuraConnect has nothing of that, nor does what was read of the POS.",
                        "What lies before the span of the options was not moved; a mistyped digit is likelier.",
                    )
            for hit in found["hits"]:
                _hit(hit, self._currencies.get(hit["location"] or "", "USD"))
            if found["more"]:
                said("There is more. Give the day, too, or the id of the POS.", kind="wait")


def _hit(hit: dict[str, Any], currency: str) -> None:
    ours, pos = hit["auraconnect"], hit["pos"]
    row = (ours or {}).get("row") or {}
    with ui.element("section").classes("panel"):
        h2(f"{_singular(hit['entity'])} {row.get('receipt_number') or row.get('name') or pos['id'] or ''}".strip())
        if hit["quarantine"]:
            said("It is in quarantine: it was not loaded.", kind="bad", more=hit["quarantine"])
            ui.link("Go to the quarantine", f"/migrations/{hit['migration_id']}/quarantine")
        facts(
            [
                ("Location", hit["location_name"] or hit["location"] or "–"),
                (
                    "Migration",
                    link(str(hit["migration_id"]), f"/migrations/{hit['migration_id']}")
                    if hit["migration_id"]
                    else "–",
                ),
                ("Id at the POS", raw(f'<span class="mono">{escape(str(pos["id"] or "–"))}</span>')),
                (
                    "In AuraConnect",
                    f"{ours['table'].replace('_', ' ')} {ours['id']}" if ours else raw(chip_html("no", "bad")),
                ),
                *_known(hit["crosswalk"]),
            ]
        )
        planned = pos["planned"]
        if planned and row:
            h3("Both sides")
            values = planned["values"]
            names = [name for name in values if name in row]
            html = compared_html(values, row, names, currency, ("The POS says", "AuraConnect has"), is_change=False)
            rest = {name: value for name, value in row.items() if name not in names}
            ui.html(html + folded_html("What else AuraConnect has", pairs_html(rest, currency)), sanitize=False)
        elif row:
            h3("AuraConnect has")
            ui.html(pairs_html(row, currency), sanitize=False)
        elif planned:
            h3("The POS says")
            ui.html(pairs_html(planned["values"], currency), sanitize=False)
        _related(hit["related"], currency)
        _journal(hit["journal"], currency)
        _answer(pos.get("answer"))


def _known(crosswalk: dict[str, Any] | None) -> list[tuple[str, Any]]:
    if not crosswalk:
        return []
    state = "in use" if crosswalk["is_active"] else "given up"
    return [("Known since", f"migration {crosswalk['first_migration_id']}, {state}")]


def _related(related: list[dict[str, Any]], currency: str) -> None:
    if related:
        h3("What belongs to it")
        names = chosen([one["table"] for one in related])
        table(
            ["What", "Id", "Values"],
            [(names[one["table"]], str(one["id"]), raw(pairs_html(one["row"], currency))) for one in related],
        )


def _journal(journal: list[dict[str, Any]], currency: str) -> None:
    if journal:
        h3("What was written, and when")
        table(
            ["When", "Write", "Before and after", "Taken back"],
            [(raw(instant_html(one["at"])), one["op"], raw(_sides(one, currency)), _undone(one)) for one in journal],
        )


def _sides(one: dict[str, Any], currency: str) -> str:
    before, after = one["before"] or {}, one["after"] or {}
    if before and after:
        names = [name for name in after if before.get(name) != after[name]]
        return compared_html(before, after, names, currency, ("Before", "After"))
    return folded_html("Values", pairs_html(before or after, currency)) if before or after else "–"


def _undone(one: dict[str, Any]) -> str:
    if not one["undone_at"]:
        return "–"
    return f"{instant(one['undone_at'])} {str(one['outcome'] or '').replace('_', ' ')}".strip()


def _answer(answer: dict[str, Any] | None) -> None:
    if answer is None:
        return
    h3("The POS's own answer")
    if "why_not" in answer:
        quiet(f"It cannot be shown: {answer['why_not']}.")
        return
    request = answer["request"]
    ui.html(
        f'<span class="mono">{escape(request["method"])} {escape(request["path"])}</span> '
        f'<span class="quiet mono">{escape(answer["sha256"])}</span>'
        + folded_html("Show the record as it was stored", json_html(answer["record"])),
        sanitize=False,
    )


def _singular(entity: str) -> str:
    words = entity.replace("_", " ")
    return (words.removesuffix("s") if not words.endswith("ss") else words).capitalize()
