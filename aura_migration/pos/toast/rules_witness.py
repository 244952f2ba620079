"""Verify's own reading of the rules of business in a Toast snapshot; shares nothing with mapping and wire structs.

Written from Toast's documentation of the configuration, restaurants and ordering-schedule APIs. Answers are recognised by the
path they were asked under. A rule that contradicts itself is told as it stands: whoever loads it differently has to sign that.

Not told: from how many guests a gratuity is added, what triggers a discount, tips that are suggested. Toast's API has none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units
from aura_migration.pos.rule_facts import RuleFact

Thing = Mapping[str, Any]
DECODER = msgspec.json.Decoder(float_hook=Decimal)
CONFIG = "/config/v2/"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NAMES = {
    "orders.void_reasons": "voidReasons",
    "orders.services": "restaurantServices",
    "payments.no_sale_reasons": "noSaleReasons",
    "payments.payout_reasons": "payoutReasons",
}
CHARGED = {"PERCENT": "percent", "FIXED": "fixed", "OPEN": "open"}
OFF = {
    "PERCENT": "percentage_discount",
    "OPEN_PERCENT": "percentage_discount",
    "FIXED": "fixed_discount",
    "OPEN_FIXED": "fixed_discount",
    "BOGO": "bogo",
    "FIXED_TOTAL": "bundle_discount",
}
EATEN = {"DINE_IN": "dine_in", "TAKE_OUT": "takeout", "DELIVERY": "delivery"}


def rules(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
    """Every rule of the location that Toast states."""
    return _Reading(reader, location_source_id, currency).facts()


class _Reading:
    def __init__(self, reader: SnapshotReader, loc: str, currency: str) -> None:
        self._bodies: dict[str, list[Any]] = {}
        self._loc, self._currency = loc, currency
        for entity in ("restaurant", "config", "ordering_schedule"):
            if entity in reader.entities():
                for body in reader.bodies(entity):
                    self._bodies.setdefault(body.path, []).append(DECODER.decode(body.data))

    def facts(self) -> Iterator[RuleFact]:
        """See :func:`rules`."""
        yield RuleFact("settings", self._key("setting", "pricing.policy"), {"value": {"name": "toast"}})
        yield from self._eaten()
        yield from self._named("tender_types", "alternatePaymentTypes", method="other", is_custom=True)
        yield from self._named("revenue_centers", "revenueCenters")
        yield from self._charges()
        yield from self._discounts()
        yield from self._taxes()
        yield from self._chosen()
        yield from self._house()
        yield from self._online()

    # -- reading -----------------------------------------------------------------------------------------------------

    def _key(self, *ids: str) -> str:
        return "/".join((self._loc, *ids))

    def _list(self, name: str) -> list[Thing]:
        """A configuration list, each thing once."""
        seen: dict[str, Thing] = {}
        for answer in self._bodies.get(CONFIG + name, ()):
            for one in answer:
                if one.get("guid"):
                    seen.setdefault(one["guid"], one)
        return list(seen.values())

    def _cents(self, amount: Any) -> int | None:
        try:
            return None if amount is None else minor_units(amount, self._currency)
        except BadInput:  # finer than a cent: mapping keeps it back, and that is found
            return None

    def _named(self, entity: str, listing: str, **values: Any) -> Iterator[RuleFact]:
        for one in self._list(listing):
            said = {"name": _name(one), **values}
            if entity == "revenue_centers":
                said["description"] = one.get("description") or None
            yield RuleFact(entity, self._key(one["guid"]), said)

    # -- how it is eaten ---------------------------------------------------------------------------------------------

    def _eaten(self) -> Iterator[RuleFact]:
        delivered = [answer.get("delivery") or {} for answer in self._restaurant()]
        least = next((one.get("minimum") for one in delivered if one.get("enabled") is not False), None)
        for one in self._list("diningOptions"):
            kind = EATEN.get(one.get("behavior") or "", "unknown")
            values = {
                "name": _name(one),
                "order_type": "curbside" if one.get("curbside") else kind,
                "min_order_cents": (self._cents(least) or None) if kind == "delivery" else None,
                "is_active": True,
            }
            yield RuleFact("order_types", self._key(one["guid"]), values)

    def _restaurant(self) -> list[Thing]:
        return [
            answer for path, answers in self._bodies.items() if path.startswith("/restaurants/") for answer in answers
        ]

    # -- charges -----------------------------------------------------------------------------------------------------

    def _charges(self) -> Iterator[RuleFact]:
        for one in self._list("serviceCharges"):
            how, criteria = CHARGED.get(one.get("amountType") or ""), one.get("criteria") or {}
            ways = ("dineIn", "dine_in"), ("takeout", "takeout"), ("takeout", "curbside"), ("delivery", "delivery")
            on = [word for name, word in ways if criteria.get(name)]
            gratuity = one.get("gratuity") is True
            values: dict[str, Any] = {
                "name": _name(one),
                "calculation": how,
                "rate_percent": _exact(one.get("percent")) if how == "percent" else None,
                "amount_cents": self._cents(one.get("amount")) if how == "fixed" else None,
                "charge_class": "auto_gratuity" if gratuity else "service",
                "paid_to": {"SERVER": "staff", "RESTAURANT": "house", None: "house"}.get(
                    one.get("destination"), "third_party"
                ),
                "base": {"PRE_DISCOUNT": "gross", "POST_DISCOUNT": "net"}.get(
                    one.get("serviceChargeCalculation") or ""
                ),
                "is_taxable": one.get("taxable") is True,
                "is_automatic": bool(on)
                and not (gratuity or how == "open" or _exact(criteria.get("minDeliveryDistance"))),
                "min_check_cents": self._cents(criteria.get("minCheckAmount")),
                "max_check_cents": self._cents(criteria.get("maxCheckAmount")),
                "order_types": on or None,
                "into_lines": False,
            }
            yield RuleFact("service_charges", self._key(one["guid"]), values)
            for guid in dict.fromkeys(tax["guid"] for tax in one.get("applicableTaxes") or () if tax.get("guid")):
                link = {"service_charge_key": self._key(one["guid"]), "tax_rate_key": self._key(guid)}
                yield RuleFact("service_charge_taxes", self._key(one["guid"], guid), link)

    # -- discounts ---------------------------------------------------------------------------------------------------

    def _discounts(self) -> Iterator[RuleFact]:
        for one in self._list("discounts"):
            kind = one.get("type")
            is_open = str(kind).startswith("OPEN_")
            share = None if is_open or kind not in ("PERCENT", "BOGO") else _exact(one.get("percentage"))
            off = self._cents(one.get("amount")) if kind in ("FIXED", "BOGO") and share is None else None
            codes = [promo for promo in one.get("promoCodes") or () if promo.get("code")]
            values: dict[str, Any] = {
                "name": _name(one),
                "rule_type": OFF.get(str(kind)),
                "status": "inactive" if one.get("active") is False else "active",
                "scope": "check" if one.get("selectionType") == "CHECK" else "line",
                "discount_percent": share,
                "discount_cents": off,
                "fixed_price_cents": self._cents(one.get("fixedTotal")) if kind == "FIXED_TOTAL" else None,
                "is_open_amount": is_open,
                "is_automatic": False,
                "is_comp": kind == "PERCENT" and share == 100,
                "stackable": one.get("nonExclusive"),
                "picks": (one.get("itemPickingPriority") or "").lower() or None,
                "requires_code": True if codes else None,
                "promo_code": codes[0]["code"] if len(codes) == 1 else None,
            }
            yield RuleFact("pricing_rules", self._key(one["guid"]), values)

    # -- taxes -------------------------------------------------------------------------------------------------------

    def _taxes(self) -> Iterator[RuleFact]:
        for one in self._list("taxRates"):
            rate = self._key(one["guid"])
            for number, row in enumerate(one.get("taxTable") or (), start=1):
                values: dict[str, Any] = {
                    "tax_rate_key": rate,
                    "start_cents": self._cents(row.get("start")),
                    "end_cents": self._cents(row.get("end")),
                    "tax_cents": self._cents(row.get("tax")),
                    "repeats": row.get("pattern") is True,
                    "display_order": number - 1,
                }
                yield RuleFact("tax_table_rows", f"{rate}/row {number}", values)
            conditions: dict[str, Thing] = {}
            for row in one.get("conditionalTaxRates") or ():
                conditions.setdefault(row.get("condition") or "nothing", row)
            for number, (condition, row) in enumerate(conditions.items(), start=1):
                values = {
                    "tax_rate_key": rate,
                    "order_type": _condition(condition),
                    "rate_percent": None if (rate_said := _exact(row.get("rate"))) is None else rate_said * 100,
                }
                yield RuleFact("tax_exceptions", f"{rate}/condition {number}", values)

    # -- what staff choose from --------------------------------------------------------------------------------------

    def _chosen(self) -> Iterator[RuleFact]:
        for name, listing in NAMES.items():
            if told := [_name(one) for one in self._list(listing)]:
                yield self._setting(name, told)
        centers = {one["guid"]: _name(one) for one in self._list("revenueCenters")}
        areas = {one["guid"]: _name(one) for one in self._list("serviceAreas")}
        for name, listing in (("orders.service_areas", "serviceAreas"), ("orders.tables", "tables")):
            told_places = []
            for one in self._list(listing):
                place = {"name": _name(one)}
                for word, field, known in (
                    ("service_area", "serviceArea", areas),
                    ("revenue_center", "revenueCenter", centers),
                ):
                    if one.get(field):
                        place[word] = known.get(one[field]["guid"], "")
                told_places.append(place)
            if told_places:
                yield self._setting(name, told_places)
        for answer in self._bodies.get(CONFIG + "tipWithholding", ()):
            share = answer.get("percentage")
            text = None if _exact(share) is None else _plain(share)
            yield self._setting("tips.withholding", {"enabled": answer.get("enabled") is True, "percent": text})

    def _setting(self, name: str, value: Any) -> RuleFact:
        return RuleFact("settings", self._key("setting", name), {"key": name, "value": value})

    # -- hours -------------------------------------------------------------------------------------------------------

    def _house(self) -> Iterator[RuleFact]:
        for answer in self._restaurant():
            schedules = answer.get("schedules") or {}
            kinds, week = schedules.get("daySchedules") or {}, schedules.get("weekSchedule") or {}
            for day in WEEK:
                kind = kinds.get(week.get(day) or "")
                if kind is None:
                    continue
                spans = [("business", kind.get("scheduleName"), kind.get("openTime"), kind.get("closeTime"))]
                for meal in kind.get("services") or ():
                    hours = meal.get("hours") or {}
                    spans.append(("other", meal.get("name"), hours.get("startTime"), hours.get("endTime")))
                told = [span for span in spans if span[2] and span[3]]
                for number, (purpose, name, opens, closes) in enumerate(told):
                    values = {"purpose": purpose, "name": name, "weekday": day[:3]}
                    values |= {"opens": str(opens)[:5], "closes": str(closes)[:5]}
                    yield RuleFact("opening_hours", self._key("hours", day, str(number)), values)
            if (delivery := answer.get("delivery")) is not None:
                said = {
                    "enabled": delivery.get("enabled"),
                    "minimum_cents": self._cents(delivery.get("minimum")),
                    "area": delivery.get("area"),
                }
                yield self._setting("orders.delivery", {name: one for name, one in said.items() if one is not None})
            for name, field in (("orders.online_ordering", "onlineOrdering"), ("orders.prep_times", "prepTimes")):
                if answer.get(field):
                    yield self._setting(name, _json(answer[field]))

    def _online(self) -> Iterator[RuleFact]:
        for path, answers in self._bodies.items():
            if not path.startswith("/ordermgmt-config/"):
                continue
            for answer in answers:
                for period in answer.get("servicePeriods") or ():
                    behavior = period["diningOptionBehavior"]
                    for day in period.get("dayPeriods") or ():
                        for number, span in enumerate(day.get("timeRanges") or ()):
                            values = {
                                "purpose": "online",
                                "name": EATEN.get(behavior),
                                "weekday": day["day"][:3].lower(),
                            }
                            values |= {"opens": span["start"][:5], "closes": span["end"][:5]}
                            key = self._key("online", behavior, day["day"], str(number))
                            yield RuleFact("opening_hours", key, values)
                if answer.get("overrides"):
                    yield self._setting("hours.online_exceptions", _json(answer["overrides"]))
                fields = (("max_days", "scheduledOrderMaxDays"), ("last_order", "lastOrderConfiguration"))
                said = {name: answer[field] for name, field in fields if answer.get(field) is not None}
                if said:
                    yield self._setting("orders.scheduling", said)


def _name(one: Thing) -> str:
    return one.get("name") or "Missing name"


def _exact(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(value)
    except (ArithmeticError, TypeError, ValueError):  # no number: mapping keeps it back, and that is found
        return None


def _plain(value: Any) -> str:
    shown = f"{Decimal(value):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _condition(words: str) -> str | None:
    """The order type a condition means; its words are documented nowhere."""
    said = words.upper().replace("_", "").replace(" ", "").replace("-", "")
    return {"TAKEOUT": "takeout", "DINEIN": "dine_in", "DELIVERY": "delivery"}.get(said)


def _json(value: Any) -> Any:
    """A value as JSON columns give it back: decimals as the text mapping stores."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {name: _json(inner) for name, inner in value.items()}
    return [_json(inner) for inner in value] if isinstance(value, list) else value
