"""How Square's prices, limits, times and presence become plain values: one small pure function per rule of the trade.

Each follows a section of the Square API reference, named in its docstring. Rows are built in ``mapping.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, NamedTuple

from aura_migration.pos.square.units import DAYS
from aura_migration.pos.square.wire import (
    AttributeDefinitionData,
    AttributeValue,
    AvailabilityPeriodData,
    ItemData,
    ModifierData,
    ModifierListData,
    ModifierListInfo,
    ModifierLocationOverride,
    ModifierOverride,
    Money,
    TaxData,
    VariationData,
    VariationOverride,
    decimal_text,
)

ITEM_TYPES = {
    "GIFT_CARD": "gift_card",
    "DONATION": "donation",
    "APPOINTMENTS_SERVICE": "service",
    "LEGACY_SQUARE_ONLINE_SERVICE": "service",
}
"""Product types that are not plain items."""
TAX_INCLUSION = {None: False, "ADDITIVE": False, "INCLUSIVE": True}
TAX_PHASES = {None: False, "TAX_SUBTOTAL_PHASE": False, "TAX_TOTAL_PHASE": True}
"""Whether the tax is also taken on the other taxes."""
NOT_ONLINE = ["in_house", "kiosk", "third_party"]


class Price(NamedTuple):
    """A price as AuraConnect states it; ``currency`` is what the amount was given in."""

    type: str
    cents: int | None
    currency: str | None = None


class Limits(NamedTuple):
    """How many options are asked for; a maximum of None is unlimited."""

    minimum: int
    maximum: int | None


def tax_problem(data: TaxData | None) -> str | None:
    """Why a tax cannot be carried over, going on after its name; None where it can (6.8)."""
    rate = decimal_text(data.percentage) if data is not None else None
    if data is None or rate is None:
        return "has no percentage in Square"
    if not 0 <= Decimal(rate) <= 100:
        return f"is of {rate} %"
    if data.inclusion_type not in TAX_INCLUSION:
        return f"says of prices what is not known: {data.inclusion_type}"
    if data.calculation_phase not in TAX_PHASES:
        return f"is taken on what is not known: {data.calculation_phase}"
    return None


def base_price(data: VariationData, per_unit: bool) -> Price:
    """The price of a variation before any location: open where it is typed at the sale or no amount is given (6.6)."""
    return _price(data.price_money, data.pricing_type, per_unit)


def price_here(data: VariationData, override: VariationOverride | None, per_unit: bool) -> Price:
    """The price at a location: the override's amount, else open if the override says so, else the base (6.6)."""
    if override is not None and override.price_money is not None and override.price_money.amount is not None:
        return _price(override.price_money, None, per_unit)
    if override is not None and override.pricing_type == "VARIABLE_PRICING":
        return Price("open", None)
    return base_price(data, per_unit)


def _price(money: Money | None, pricing_type: str | None, per_unit: bool) -> Price:
    if pricing_type == "VARIABLE_PRICING" or money is None or money.amount is None:
        return Price("open", None)
    return Price("per_unit" if per_unit else "fixed", money.amount, money.code)


def modifier_price(data: ModifierData, override: ModifierLocationOverride | None = None) -> Price:
    """The price of an option: the override's amount, else its own, else free (6.7)."""
    for money in (override.price_money if override is not None else None, data.price_money):
        if money is not None and money.amount is not None:
            return Price("fixed", money.amount, money.code)
    return Price("fixed", 0)


def variation_override(data: VariationData, location: str) -> VariationOverride | None:
    """What differs for the variation at this location; the last entry where the location is listed twice."""
    return next((o for o in reversed(data.location_overrides or ()) if o.location_id == location), None)


def modifier_override(data: ModifierData, location: str) -> ModifierLocationOverride | None:
    """What differs for the option at this location; the last entry where the location is listed twice."""
    return next((o for o in reversed(data.location_overrides or ()) if o.location_id == location), None)


def is_text(data: ModifierListData) -> bool:
    """Whether the list asks for a text instead of a choice."""
    return data.modifier_type == "TEXT"


def list_limits(data: ModifierListData) -> Limits:
    """Limits of a modifier list: its own min/max unless both are unset, else by its selection type (6.7)."""
    if not _unset(data.min_selected_modifiers, data.max_selected_modifiers):
        return _limits(data.min_selected_modifiers, data.max_selected_modifiers)
    if is_text(data):
        return Limits(1 if data.text_required else 0, 1)
    return Limits(0, 1 if data.selection_type == "SINGLE" else None)


def link_limits(info: ModifierListInfo, data: ModifierListData) -> Limits:
    """Effective limits of a list attached to an item: the attachment's unless both are unset, else the list's (6.7)."""
    if not _unset(info.min_selected_modifiers, info.max_selected_modifiers):
        return _limits(info.min_selected_modifiers, info.max_selected_modifiers)
    return list_limits(data)


def selection_type(data: ModifierListData) -> str:
    """``text``, ``single`` (at most one may be chosen) or ``multiple``."""
    if is_text(data):
        return "text"
    return "single" if list_limits(data).maximum == 1 else "multiple"


def _unset(minimum: int | None, maximum: int | None) -> bool:
    return minimum in (None, -1) and maximum in (None, -1)


def _limits(minimum: int | None, maximum: int | None) -> Limits:
    """-1 is not set; a maximum of 0 is unlimited."""
    return Limits(max(minimum or 0, 0), maximum if maximum is not None and maximum > 0 else None)


def default_override(override: ModifierOverride) -> bool | None:
    """Whether an item switches an option on or off by default; None where it leaves that to the option."""
    if override.on_by_default_override in ("YES", "NO"):
        return override.on_by_default_override == "YES"
    return override.on_by_default if override.on_by_default_override is None else None


def toggle(value: str | bool | None) -> bool | None:
    """A toggle of an attachment: YES, NO, or (NOT_SET, absent) none of its own. Older payloads send a plain boolean."""
    if isinstance(value, bool):
        return value
    return {"YES": True, "NO": False}.get(value or "")


def hours(periods: Sequence[AvailabilityPeriodData]) -> list[dict[str, Any]] | None:
    """Availability periods as AuraConnect's list, days of the same hours together, in week order; None = always."""
    spans: dict[tuple[str, str], set[str]] = {}
    for period in periods:
        day = DAYS.get((period.day_of_week or "").upper()[:3])
        if day is not None and period.start_local_time and period.end_local_time:
            spans.setdefault((_clock(period.start_local_time), _clock(period.end_local_time)), set()).add(day)
    week = list(DAYS.values())
    found = [
        {"days": [day for day in week if day in days], "from": start, "to": end} for (start, end), days in spans.items()
    ]
    return sorted(found, key=lambda span: (week.index(span["days"][0]), span["from"], span["to"])) or None


def _clock(text: str) -> str:
    return "00:00" if text.startswith("24:") else text[:5]


def custom_fields(
    values: Mapping[str, AttributeValue] | None, definitions: Mapping[str, AttributeDefinitionData]
) -> dict[str, Any]:
    """Custom attributes by name. ``definitions`` are found by id or key; selections become the names of the answers.

    Numbers stay texts as sent. A second attribute of the same name is kept under its key.
    """
    fields: dict[str, Any] = {}
    for key, value in (values or {}).items():
        known = definitions.get(value.custom_attribute_definition_id or "") or definitions.get(value.key or key)
        name = value.name or (known.name if known is not None else None) or key
        content = _attribute(value, known)
        if content is not None:
            fields[name if name not in fields else key] = content
    return fields


def _attribute(value: AttributeValue, known: AttributeDefinitionData | None) -> Any:
    if value.selection_uid_values:
        config = known.selection_config if known is not None else None
        names = {s.uid: s.name for s in (config.allowed_selections if config is not None else None) or ()}
        return [names.get(uid) or uid for uid in value.selection_uid_values]
    if value.boolean_value is not None:
        return value.boolean_value
    if value.number_value is not None:
        return decimal_text(value.number_value) or str(value.number_value)
    return value.string_value or None


def description(data: ItemData) -> str | None:
    """The plain description; where only the formatted one exists, its text (6.4)."""
    if data.description_plaintext:
        return data.description_plaintext
    formatted = data.description_html or data.description
    if not formatted or "<" not in formatted:
        return formatted or None
    return plain_text(formatted) or None


def plain_text(html: str) -> str:
    """The text of an HTML fragment; a paragraph or line break becomes a new line."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "\n".join(line for line in "".join(reader.parts).splitlines() if line.strip())


class _Text(HTMLParser):
    """Collects text, with a new line for what starts one on a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A break or block begins a new line."""
        if tag in ("br", "p", "div", "li", "ul", "ol"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """A block ends its line."""
        if tag in ("p", "div", "li"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        self.parts.append(data)


def colour(value: str | None) -> str | None:
    """A colour as ``#rrggbb``; Square leaves the sign away at times."""
    if not value:
        return None
    return value if value.startswith("#") else f"#{value}"
