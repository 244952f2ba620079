"""Automatic discounts in an owner's words: what each takes off, how many of the items sold here it reaches, and when.

They are losses of the menu (the business rules carry them over); nothing here becomes a price. See the Square API
reference, section 6.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from aura_migration.canonical.model import Loss
from aura_migration.core.money import show
from aura_migration.pos.square.catalog import LocationView
from aura_migration.pos.square.fields import RULES
from aura_migration.pos.square.wire import (
    CatalogObject,
    DiscountData,
    Money,
    PricingRuleData,
    ProductSetData,
    TimePeriodData,
    decimal_text,
    read,
)

KIND = "PRICING_RULE"
NOT_A_PRICE = f"An automatic discount, not a price of the item. {RULES}"
WEEK = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
RUN = 3
"""From so many days in a row on they are written as a span (Mon–Fri)."""
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")

T = TypeVar("T")


def rule_losses(view: LocationView, live: Iterable[CatalogObject], currency: str) -> list[Loss]:
    """One loss per rule, by name; ``currency`` is for amounts that name none."""
    reach = _Reach(view)
    found = [(_sentence(view, reach, rule, currency), rule.id) for rule in live]
    return [Loss(KIND, "pricing_rule_data", 1, f"{text}. {NOT_A_PRICE}", (ident,)) for text, ident in sorted(found)]


def _sentence(view: LocationView, reach: _Reach, rule: CatalogObject, currency: str) -> str:
    data = _content(view, rule.id, KIND, PricingRuleData)
    if data is None:
        return f"Automatic discount {rule.id}, whose content cannot be read"
    discount = _content(view, data.discount_id, "DISCOUNT", DiscountData)
    name = data.name or (discount.name if discount is not None else None) or "Automatic discount"
    items = reach.of(data.apply_products_id or data.match_products_id)
    kept = _content(view, data.exclude_products_id, "PRODUCT_SET", ProductSetData)
    if kept is not None and not _quantity(kept):
        items -= reach.of(data.exclude_products_id)
    number = f"{len(items):,} item{'' if len(items) == 1 else 's'}"
    parts = [f"{_size(discount, currency)} {number}"]
    matched = _content(view, data.match_products_id, "PRODUCT_SET", ProductSetData)
    bundle = _quantity(matched) if matched is not None else ""
    if bundle:
        parts.append(f"when {bundle} are bought")
    if kept is not None and _quantity(kept):
        parts.append(f"{_quantity(kept)} of them at full price")
    if data.minimum_order_subtotal_money is not None:
        parts.append(f"on orders from {_money(data.minimum_order_subtotal_money, currency)} on")
    if data.customer_group_ids_any:
        parts.append("only for certain groups of customers")
    periods = [_content(view, ident, "TIME_PERIOD", TimePeriodData) for ident in data.time_period_ids or ()]
    hours = [_hours(period.event or "") if period is not None else "hours that are gone" for period in periods]
    if hours:
        parts.append(" and ".join(hours))
    if data.valid_from_date:
        parts.append(f"from {data.valid_from_date}")
    if data.valid_until_date:
        parts.append(f"until {data.valid_until_date}")
    return f"{name}: {', '.join(parts)}"


def _size(discount: DiscountData | None, currency: str) -> str:
    """What is taken off, up to the word before the items."""
    if discount is None:
        return "a discount that does not exist any more, on"
    cap = ""
    if discount.maximum_amount_money is not None and discount.maximum_amount_money.amount is not None:
        cap = f" (at most {_money(discount.maximum_amount_money, currency)})"
    kind = discount.discount_type or ""
    percent = decimal_text(discount.percentage)
    if kind.startswith("VARIABLE"):
        return f"a discount typed in at the till{cap} on"
    if kind != "FIXED_AMOUNT" and percent is not None:
        return f"{percent} % off{cap}"
    if discount.amount_money is not None and discount.amount_money.amount is not None:
        return f"{_money(discount.amount_money, currency)} off{cap}"
    return f"a discount of unknown size{cap} on"


def _money(money: Money, currency: str) -> str:
    code = money.code or currency
    return f"{show(money.amount or 0, code)} {code}"


def _quantity(data: ProductSetData) -> str:
    """How many belong together; empty where any one will do."""
    if data.quantity_exact is not None:
        return f"{data.quantity_exact}" if data.quantity_exact != 1 else ""
    low, high = data.quantity_min or 0, data.quantity_max
    if high is not None:
        return f"{low} to {high}"
    return f"{low} or more" if low > 1 else ""


class _Reach:
    """Which of the items sold here a product set means."""

    def __init__(self, view: LocationView) -> None:
        self._view = view
        self._members: dict[str, set[str]] | None = None

    def of(self, ident: str | None) -> set[str]:
        """Ids of the items; a rule that names no products reaches all."""
        return self._of(ident, frozenset()) if ident else set(self._view.items)

    def _of(self, ident: str, above: frozenset[str]) -> set[str]:
        found = self._view.catalog.objects.get(ident)
        if found is None or found.is_deleted or ident in above:
            return set()
        if found.type == "ITEM":
            return {ident} & self._view.items.keys()
        if found.type == "ITEM_VARIATION":
            owner = self._owner(found)
            return {owner} if owner in self._view.items else set()
        if found.type == "CATEGORY":
            return set(self._categories().get(ident, ()))
        data = _content(self._view, ident, "PRODUCT_SET", ProductSetData)
        if data is None:
            return set()
        if data.all_products:
            return set(self._view.items)
        named = (*(data.product_ids_any or ()), *(data.product_ids_all or ()))
        return set().union(*(self._of(one, above | {ident}) for one in named))

    def _owner(self, variation: CatalogObject) -> str:
        """The item of a variation that is sold here; empty for one that is not."""
        owned = variation.item_variation_data
        named = (owned.item_id if owned is not None else None) or ""
        item = self._view.items.get(named)
        return named if item is not None and variation in self._view.variations(item) else ""

    def _categories(self) -> Mapping[str, set[str]]:
        if self._members is None:
            self._members = {}
            for item in self._view.items.values():
                for reference in self._view.catalog.memberships(item):
                    self._members.setdefault(str(reference.id), set()).add(item.id)
        return self._members


def _hours(event: str) -> str:
    """``Mon–Fri 16:00–18:00`` from an iCalendar event; as it stands where it is none that can be read."""
    lines = dict(line.strip().split(":", 1) for line in event.splitlines() if ":" in line)
    fields = {name.split(";")[0].upper(): value.strip() for name, value in lines.items()}
    length = _DURATION.fullmatch(fields.get("DURATION", ""))
    try:
        start = datetime.strptime(fields.get("DTSTART", "")[:15], "%Y%m%dT%H%M%S")
    except ValueError:
        start = None
    if start is None or length is None:
        return fields.get("SUMMARY") or "at certain hours"
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in length.groups())
    lasts = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    span = f"{start:%H:%M}–{start + lasts:%H:%M}" if lasts < timedelta(days=1) else "all day"
    rule = dict(part.split("=", 1) for part in fields.get("RRULE", "").upper().split(";") if "=" in part)
    frequency = rule.get("FREQ", "")
    if frequency == "DAILY":
        when = "every day"
    elif frequency == "WEEKLY":
        named = [day[-2:] for day in rule.get("BYDAY", "").split(",") if day[-2:] in WEEK]
        when = _days(named or [list(WEEK)[start.weekday()]])
    elif frequency:
        when = f"{frequency.lower()} from {start:%Y-%m-%d} on"
    else:
        when = f"on {start:%Y-%m-%d}"
    if rule.get("INTERVAL", "1") != "1":
        when += f" (every {rule['INTERVAL']} times)"
    if "UNTIL" in rule:
        when += f" until {rule['UNTIL'][:4]}-{rule['UNTIL'][4:6]}-{rule['UNTIL'][6:8]}"
    return f"{when} {span}"


def _days(named: list[str]) -> str:
    week = list(WEEK)
    places = sorted({week.index(day) for day in named})
    if len(places) == len(week):
        return "every day"
    words = [WEEK[week[place]] for place in places]
    in_a_row = places[-1] - places[0] == len(places) - 1
    return f"{words[0]}–{words[-1]}" if in_a_row and len(places) >= RUN else ", ".join(words)


def _content(view: LocationView, ident: str | None, kind: str, shape: type[T]) -> T | None:
    """The content of a live object of that type; None where there is none or it is not of its documented shape."""
    if view.catalog.get(ident, kind) is None:
        return None
    try:
        return read(view.catalog.raw[str(ident)].get(f"{kind.lower()}_data") or {}, shape)
    except msgspec.ValidationError:
        return None
