"""Verify's own reading of the rules of business in a Square snapshot; shares nothing with mapping and wire structs.

Read straight from the bodies, by the Square API reference (sections 5, 6.9, 12 and 17). A rule that cannot be told in
AuraConnect's words is stated by its name alone: it must be there, or somebody must have decided about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.rule_facts import RuleFact, RuleValue

Json = dict[str, Any]
ORDER_OF_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LETTERS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
RECEIPTS = (
    ("business_name", "receipt.business_name"),
    ("custom_receipt_text", "receipt.footer"),
    ("return_policy", "receipt.return_policy"),
    ("language_code", "receipt.language"),
)
ONLINE = (
    ("customer_notes_enabled", "orders.online_notes"),
    ("policies", "orders.online_policies"),
    ("coupons", "orders.online_coupons"),
)
SMALL_ORDERS = 1000


class _Cannot(Exception):
    """The rule says something the witness cannot put into AuraConnect's words."""


class _NotHere(Exception):
    """Nothing of what the rule needs is sold at the location."""


def rules(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
    """Every rule of the location that Square states."""
    yield from _places(reader, location_source_id)
    yield from _online(reader, location_source_id)
    yield from _Discounts(reader, location_source_id).facts()


def _documents(reader: SnapshotReader, entity: str) -> Iterator[Json]:
    for body in reader.bodies(entity):
        document = json.loads(body.data, parse_float=Decimal)
        if isinstance(document, dict):
            yield document


def _setting(at: str, key: str, category: str, value: Any) -> RuleFact:
    if value is True or value is False:
        value = {"enabled": value}
    elif isinstance(value, str):
        value = {"text": value}
    return RuleFact("settings", f"{at}/{key}", {"key": key, "category": category, "value": value, "is_inferred": False})


# -- the place ---------------------------------------------------------------------------------------------------------


def _places(reader: SnapshotReader, at: str) -> Iterator[RuleFact]:
    yield _setting(at, "pricing.policy", "pricing", {"name": "square"})
    for document in _documents(reader, "locations"):
        for place in document.get("locations") or []:
            if place.get("id") == at:
                for field, key in RECEIPTS:
                    if place.get(field):
                        yield _setting(at, key, "receipt", place[field])
                yield from _opening(at, (place.get("business_hours") or {}).get("periods") or [])
                return


def _opening(at: str, periods: list[Json]) -> Iterator[RuleFact]:
    by_day: dict[int, list[Json]] = {}
    for period in periods:
        name = str(period.get("day_of_week", "")).lower()
        by_day.setdefault(ORDER_OF_DAYS.index(name) if name in ORDER_OF_DAYS else 7, []).append(period)
    for day in sorted(by_day):
        own = sorted(by_day[day], key=lambda period: str(period.get("start_local_time")))
        for number, period in enumerate(own, start=1):
            if day == 7:
                yield RuleFact("opening_hours", f"{at}/day/{number}", {"purpose": "business"})
                continue
            opens, closes = (str(period.get(field) or "")[:5] for field in ("start_local_time", "end_local_time"))
            values: dict[str, RuleValue] = {
                "purpose": "business",
                "weekday": ORDER_OF_DAYS[day],
                "opens": opens,
                "closes": "00:00" if closes[:2] == "24" else closes,
            }
            yield RuleFact("opening_hours", f"{at}/{ORDER_OF_DAYS[day]}/{number}", values)


def _online(reader: SnapshotReader, at: str) -> Iterator[RuleFact]:
    for document in _documents(reader, "checkout_settings"):
        settings = document.get("location_settings") or {}
        if settings.get("location_id", at) != at:
            continue
        for field, key in ONLINE:
            if settings.get(field) not in (None, [], {}):
                yield _setting(at, key, "orders", settings[field])
        tips = settings.get("tipping") or {}
        is_small_on = bool(tips.get("smart_tipping_enabled"))
        offered = [Decimal(str(one)) for one in tips.get("percentages") or []]
        usual = tips.get("default_percent")
        for number, percent in enumerate(offered, start=1):
            default = usual is not None and Decimal(str(usual)) == percent
            yield _tip(f"{at}/online/{number}", default, True, rate_percent=percent)
        if usual is not None and offered and Decimal(str(usual)) not in offered:
            yield _tip(f"{at}/online/default", True, True, rate_percent=Decimal(str(usual)))
        first = (tips.get("default_smart_tip") or {}).get("amount")
        for number, money in enumerate(tips.get("smart_tips") or [], start=1):
            cents = money.get("amount")
            is_first = cents is not None and cents == first
            yield _tip(f"{at}/online/small/{number}", is_first, is_small_on, amount_cents=cents)
        if is_small_on:
            yield _setting(at, "tips.sums_below", "tips", {"below_cents": SMALL_ORDERS, "channel": "online"})


def _tip(key: str, is_default: bool, is_active: bool, **size: RuleValue) -> RuleFact:
    said: dict[str, RuleValue] = {"rate_percent": None, "amount_cents": None, **size}
    return RuleFact(
        "tip_suggestions", key, {**said, "channel": "online", "is_default": is_default, "is_active": is_active}
    )


# -- discounts ---------------------------------------------------------------------------------------------------------


class _Discounts:
    """The catalog as far as discounts need it: the newest version of every object."""

    def __init__(self, reader: SnapshotReader, at: str) -> None:
        self._at = at
        self._all: dict[str, Json] = {}
        for document in _documents(reader, "catalog"):
            for held in document.get("objects") or []:
                self._take(held)
        self._ways: dict[str, list[str]] = {}
        for ident, held in self._all.items():
            if held["type"] == "ITEM_VARIATION" and not held.get("is_deleted"):
                self._ways.setdefault(str((held.get("item_variation_data") or {}).get("item_id")), []).append(ident)

    def _take(self, held: Json) -> None:
        before = self._all.get(str(held.get("id")))
        if before is None or int(held.get("version") or 0) >= int(before.get("version") or 0):
            self._all[str(held.get("id"))] = held
        for data, children in (("item_data", "variations"), ("modifier_list_data", "modifiers")):
            for child in (held.get(data) or {}).get(children) or []:
                self._take(child)

    def _is_here(self, ident: str) -> bool:
        held = self._all.get(ident)
        if held is None or held.get("is_deleted"):
            return False
        if held.get("present_at_all_locations", True) is False:
            return self._at in held.get("present_at_location_ids", [])
        return self._at not in held.get("absent_at_location_ids", [])

    def _sold(self, ident: str) -> bool:
        """Whether an item, or one way to sell it, is sold at the location."""
        if not self._is_here(ident):
            return False
        held = self._all[ident]
        if held["type"] == "ITEM":
            ways = self._ways.get(ident, [])
            return not ways or any(self._is_here(way) for way in ways)
        return self._is_here(str((held.get("item_variation_data") or {}).get("item_id")))

    def _data(self, ident: str | None, kind: str) -> Json | None:
        held = self._all.get(ident or "")
        if held is None or held.get("is_deleted") or held["type"] != kind:
            return None
        return held.get(f"{kind.lower()}_data") or {}

    def facts(self) -> Iterator[RuleFact]:
        """Discounts given by hand and automatic ones, with what these reach."""
        automatic = [i for i, held in self._all.items() if held["type"] == "PRICING_RULE" and self._is_here(i)]
        in_rules = {(self._data(ident, "PRICING_RULE") or {}).get("discount_id") for ident in automatic}
        for ident, held in self._all.items():
            if held["type"] != "DISCOUNT" or not self._is_here(ident):
                continue
            data = held.get("discount_data") or {}
            method = data.get("application_method")
            if method == "MANUALLY_APPLIED" or (method != "AUTOMATICALLY_APPLIED" and ident not in in_rules):
                yield self._by_hand(ident, data)
        for ident in automatic:
            yield from self._automatic(ident)

    def _by_hand(self, ident: str, data: Json) -> RuleFact:
        key = f"{self._at}/{ident}"
        try:
            size = _size(data)
        except _Cannot:
            return RuleFact("pricing_rules", key, {"name": data.get("name") or ident})
        return RuleFact(
            "pricing_rules",
            key,
            {
                "name": data.get("name") or ident,
                **size,
                "rule_type": _plain_type(data),
                "status": "active",
                "scope": "check",
                "is_automatic": False,
                "is_comp": size["discount_percent"] == 100,
                "requires_approval": data.get("pin_required", False),
                "min_order_cents": None,
                "schedule": None,
                "valid_from": None,
                "valid_until": None,
                "order_types": None,
            },
        )

    def _automatic(self, ident: str) -> Iterator[RuleFact]:
        rule = self._data(ident, "PRICING_RULE") or {}
        discount = self._data(rule.get("discount_id"), "DISCOUNT")
        key = f"{self._at}/{ident}"
        name = rule.get("name") or (discount or {}).get("name") or ident
        try:
            if discount is None:
                raise _Cannot
            if not self._is_here(str(rule["discount_id"])):
                return
            size = _size(discount)
            if size["is_open_amount"]:
                raise _Cannot
            parts = self._parts(rule)
            hours = _hours(
                [(self._data(one, "TIME_PERIOD") or {}).get("event") for one in rule.get("time_period_ids") or []]
            )
            dates = _dates(rule, hours)
        except _NotHere:
            return
        except _Cannot:
            yield RuleFact("pricing_rules", key, {"name": name})
            return
        discounted = [part for part in parts if part[0] == "discounted"]
        is_all = discounted[0][2] is None
        count = discounted[0][3]
        kept = any(role == "excluded" for role, *_ in parts)
        strategy = rule.get("exclude_strategy") or "LEAST_EXPENSIVE"
        yield RuleFact(
            "pricing_rules",
            key,
            {
                "name": name,
                **size,
                "rule_type": _type_of(parts, hours is not None, _plain_type(discount)),
                "status": "active",
                "scope": "check" if is_all and len(parts) == 1 and count == (None, None) else "line",
                "is_automatic": True,
                "is_comp": False,
                "min_order_cents": (rule.get("minimum_order_subtotal_money") or {}).get("amount"),
                "picks": (("most" if strategy[:5] == "LEAST" else "least") + "_expensive") if kept else None,
                "schedule": None if hours is None else hours[0],
                "valid_from": dates[0],
                "valid_until": dates[1],
                "order_types": None,
            },
        )
        for role, number, members, (least, most) in parts:
            for member, references in members or []:
                yield RuleFact(
                    "pricing_rule_targets",
                    f"{key}/{role}/{number}/{member}",
                    {
                        "pricing_rule_key": key,
                        "role": role,
                        "set_number": number,
                        "min_quantity": least,
                        "max_quantity": most,
                        **dict.fromkeys(("menu_item_key", "variation_key", "category_key", "modifier_key")),
                        **references,
                    },
                )

    # What a rule reaches: (role, number of the set, members or None for everything, (least, most)).

    def _parts(self, rule: Json) -> list[tuple[str, int, Any, tuple[int | None, int | None]]]:
        match, apply = rule.get("match_products_id"), rule.get("apply_products_id")
        wanted = [("discounted", apply or match)]
        if apply and match and apply != match:
            wanted.append(("bought", match))
        found = []
        for role, ident in wanted:
            if not ident:
                raise _Cannot
            for number, (members, count) in enumerate(self._members(str(ident), ()), start=1):
                if members == []:
                    raise _NotHere
                found.append((role, number, members, count))
        if rule.get("exclude_products_id"):
            for number, (members, count) in enumerate(self._members(str(rule["exclude_products_id"]), ()), start=1):
                if members is None and count == (None, None):
                    raise _Cannot
                if members != []:
                    found.append(("excluded", number, members, count))
        return found

    def _members(self, ident: str, above: tuple[str, ...]) -> list[tuple[Any, tuple[int | None, int | None]]]:
        held = self._all.get(ident)
        if held is None or ident in above:
            raise _Cannot
        if held["type"] != "PRODUCT_SET":
            return [(self._one(ident, held), (None, None))]
        if held.get("is_deleted"):
            raise _Cannot
        data = held.get("product_set_data") or {}
        count = _count(data)
        kinds = [data.get(name) for name in ("all_products", "product_ids_any", "product_ids_all")]
        if sum(map(bool, kinds)) != 1:
            raise _Cannot
        if kinds[0]:
            return [(None, count)]
        inner = (*above, ident)
        if kinds[2]:
            if count != (None, None):
                raise _Cannot
            return [part for one in kinds[2] for part in self._members(one, inner)]
        together: dict[str, tuple[str, Json]] = {}
        for one in kinds[1] or []:
            parts = self._members(one, inner)
            if len(parts) > 1 or parts[0][1] != (None, None):
                raise _Cannot
            if parts[0][0] is None:
                return [(None, count)]
            together.update((json.dumps(member[1], sort_keys=True), member) for member in parts[0][0])
        return [(list(together.values()), count)]

    def _one(self, ident: str, held: Json) -> list[tuple[str, Json]]:
        if held["type"] == "ITEM":
            return [(ident, {"menu_item_key": ident})] if self._sold(ident) else []
        if held["type"] == "ITEM_VARIATION":
            if not self._sold(ident):
                return []
            owner = str((held.get("item_variation_data") or {}).get("item_id"))
            single = len(self._ways.get(owner, [])) < 2
            return [(ident, {"menu_item_key": owner} | ({} if single else {"variation_key": ident}))]
        if held["type"] == "MODIFIER":
            group = str((held.get("modifier_data") or {}).get("modifier_list_id"))
            there = self._is_here(ident) and self._is_here(group)
            return [(ident, {"modifier_key": f"{group}/{ident}"})] if there else []
        if held["type"] != "CATEGORY":
            raise _Cannot
        if held.get("is_deleted"):
            return []
        data = held.get("category_data") or {}
        kind = data.get("category_type") or "REGULAR_CATEGORY"
        above = self._data((data.get("parent_category") or {}).get("id"), "CATEGORY")
        is_menu = kind == "MENU_CATEGORY" and (above is None or above.get("category_type") != kind)
        items = [one for one, other in self._all.items() if other["type"] == "ITEM" and ident in _categories_of(other)]
        sold = [one for one in items if self._sold(one)]
        if kind == "KITCHEN_CATEGORY" or is_menu:
            return [(one, {"menu_item_key": one}) for one in sold]
        return [(ident, {"category_key": ident})] if self._is_here(ident) or sold else []


def _categories_of(item: Json) -> set[str]:
    data = item.get("item_data") or {}
    named = {str(one.get("id")) for one in data.get("categories") or []}
    named |= {str((data.get("reporting_category") or {}).get("id"))} - {"None"}
    return named or {str(data.get("category_id"))} - {"None"}


def _size(data: Json) -> dict[str, RuleValue]:
    kind = data.get("discount_type")
    if kind not in ("FIXED_PERCENTAGE", "FIXED_AMOUNT", "VARIABLE_PERCENTAGE", "VARIABLE_AMOUNT"):
        raise _Cannot
    percent = Decimal(str(data["percentage"])) if data.get("percentage") not in (None, "") else None
    cents = (data.get("amount_money") or {}).get("amount")
    if kind == "FIXED_PERCENTAGE" and (percent is None or not 0 <= percent <= 100 or cents):
        raise _Cannot
    if kind == "FIXED_AMOUNT" and (cents is None or cents < 0 or percent):
        raise _Cannot
    if data.get("modify_tax_basis") not in (None, "MODIFY_TAX_BASIS", "DO_NOT_MODIFY_TAX_BASIS"):
        raise _Cannot
    return {
        "discount_percent": percent if kind == "FIXED_PERCENTAGE" else None,
        "discount_cents": cents if kind == "FIXED_AMOUNT" else None,
        "max_discount_cents": (data.get("maximum_amount_money") or {}).get("amount"),
        "is_open_amount": kind.startswith("VARIABLE"),
        "reduces_tax": data.get("modify_tax_basis") != "DO_NOT_MODIFY_TAX_BASIS",
    }


def _plain_type(data: Json) -> str:
    return "fixed_discount" if str(data.get("discount_type")).endswith("AMOUNT") else "percentage_discount"


def _type_of(parts: list[tuple[str, int, Any, tuple[int | None, int | None]]], timed: bool, plain: str) -> str:
    several = (None, None)
    if any(role == "bought" or (role == "excluded" and count != several) for role, _, _, count in parts):
        return "bogo"
    given = [count for role, _, _, count in parts if role == "discounted"]
    if len(given) > 1:
        return "bundle_discount"
    if given[0] != several:
        return "quantity_discount"
    return "happy_hour" if timed else plain


def _count(data: Json) -> tuple[int | None, int | None]:
    exact, least, most = (data.get(name) for name in ("quantity_exact", "quantity_min", "quantity_max"))
    if exact is not None:
        if least is not None or most is not None or exact < 1:
            raise _Cannot
        return (None, None) if exact == 1 else (exact, exact)
    if (least is not None and least < 0) or (most is not None and most < max(least or 1, 1)):
        raise _Cannot
    return (least if (least or 0) > 1 else None), most


def _hours(events: list[str | None]) -> tuple[list[Json], list[str], str | None] | None:
    """The schedule, the first days of the periods, and the last day the recurrences name."""
    if not events:
        return None
    week: dict[tuple[int, int], set[int]] = {}
    begins: list[str] = []
    ends: set[str | None] = set()
    for event in events:
        lines = dict(re.findall(r"(?m)^([A-Z]+)(?:;[^:\n]*)?:(.*?)\s*$", event or ""))
        start = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\d", lines.get("DTSTART", ""))
        length = re.fullmatch(
            r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", lines.get("DURATION", "")
        )
        if start is None or length is None:
            raise _Cannot
        weeks, days, hours, mins, seconds = (int(part or 0) for part in length.groups())
        lasts = ((weeks * 7 + days) * 24 + hours) * 60 + mins
        if seconds % 60 or not 0 < lasts + seconds // 60 <= 7 * 1440:
            raise _Cannot
        lasts += seconds // 60
        first = "-".join(start.groups()[:3])
        own_day = date.fromisoformat(first).weekday()
        options = dict(part.split("=") for part in lines.get("RRULE", "").split(";") if part)
        if set(options) - {"FREQ", "BYDAY", "INTERVAL", "UNTIL", "WKST"} or options.get("INTERVAL", "1") != "1":
            raise _Cannot
        if not options:
            chosen = [own_day]
            ends.add(_later(first, (lasts - 1) // 1440))
        elif options.get("FREQ") in ("DAILY", "WEEKLY"):
            named = [LETTERS.get(one) for one in options["BYDAY"].split(",")] if "BYDAY" in options else []
            if None in named:
                raise _Cannot
            chosen = [one for one in named if one is not None]
            chosen = chosen or (list(range(7)) if options["FREQ"] == "DAILY" else [own_day])
            until = options.get("UNTIL")
            ends.add(f"{until[:4]}-{until[4:6]}-{until[6:8]}" if until else None)
        else:
            raise _Cannot
        begins.append(first)
        at = int(start[4]) * 60 + int(start[5])
        for day in chosen:
            for later in range(0, lasts, 1440):
                span = (at, (at + min(1440, lasts - later)) % 1440)
                week.setdefault(span, set()).add((day + later // 1440) % 7)
    if len(ends) > 1:
        raise _Cannot
    schedule = [
        {"days": [ORDER_OF_DAYS[day] for day in sorted(days)], "from": _clock(span[0]), "to": _clock(span[1])}
        for span, days in week.items()
    ]
    schedule.sort(key=lambda one: (ORDER_OF_DAYS.index(one["days"][0]), one["from"], one["to"]))
    return schedule, sorted(begins), ends.pop()


def _dates(rule: Json, hours: tuple[list[Json], list[str], str | None] | None) -> tuple[str | None, str | None]:
    starts = _moment(rule.get("valid_from_date"), rule.get("valid_from_local_time"), "00:00")
    stops = _moment(rule.get("valid_until_date"), rule.get("valid_until_local_time"), "23:59")
    if hours is not None:
        first, own = hours[1][0], (starts or "")[:10]
        if any(day > own and day >= _later(first, 7) for day in hours[1]):
            raise _Cannot
        starts = max(starts or "", f"{first}T00:00")
        if hours[2] is not None:
            stops = min(stops or "9", f"{hours[2]}T23:59")
    if starts and stops and stops < starts:
        raise _Cannot
    return (
        starts.removesuffix("T00:00") if starts else None,
        stops.removesuffix("T23:59") if stops else None,
    )


def _moment(day: str | None, time: str | None, otherwise: str) -> str | None:
    return f"{day}T{(time or otherwise)[:5]}" if day else None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _later(text: str, days: int) -> str:
    return (date.fromisoformat(text) + timedelta(days=days)).isoformat()
