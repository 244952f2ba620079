"""Toast's rules of business as canonical rows, record by record and over whole scenarios; and the second reading of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from aura_migration.archive.snapshot import Certificate, StoredBody
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast import CONNECTOR
from aura_migration.pos.toast.business_rules import map_rules
from aura_migration.pos.toast.rules_witness import rules
from aura_migration_tests.pos.toast.conftest import MENU_ONLY, Taken, Toast
from aura_migration_tests.pos.toast.hand_written import LOCATION, Rows

MEALS = {"guid": "meals", "name": "Meals", "isDefault": True, "rate": 0.0725, "type": "PERCENT", "roundingType": "HALF_UP",
         "taxTable": [], "conditionalTaxRates": []}  # fmt: skip
DISCOUNT = {"guid": "d", "name": "Ten", "active": True, "type": "PERCENT", "percentage": 10, "amount": None,
            "selectionType": "CHECK", "nonExclusive": True, "itemPickingPriority": "FIRST", "fixedTotal": None,
            "promoCodes": []}  # fmt: skip
CHARGE = {"guid": "s", "name": "Fee", "amountType": "FIXED", "amount": 1.5, "percent": None, "criteria": None,
          "gratuity": False, "taxable": False, "applicableTaxes": [], "serviceChargeCalculation": None,
          "destination": "RESTAURANT", "taxInclusive": False}  # fmt: skip
RESTAURANT_PATH = "/restaurants/v1/restaurants/L1"


class Told:
    """A snapshot of hand-written answers: configuration lists by name, ``restaurant`` and ``ordering_schedule``."""

    def __init__(self, restaurant: Any = None, ordering_schedule: Any = None, **lists: Any) -> None:
        self.held: dict[str, list[tuple[str, str, Any]]] = {
            "config": [(name, f"/config/v2/{name}", body) for name, body in lists.items()]
        }
        if restaurant is not None:
            self.held["restaurant"] = [("", RESTAURANT_PATH, {"guid": "L1", **restaurant})]
        if ordering_schedule is not None:
            path = "/ordermgmt-config/v1/published/orderingSchedule"
            self.held["ordering_schedule"] = [("", path, ordering_schedule)]

    def entities(self) -> tuple[str, ...]:
        """See SnapshotReader."""
        return tuple(self.held)

    def bodies(self, entity: str) -> Iterator[StoredBody]:
        """See SnapshotReader."""
        for window, path, body in self.held.get(entity, ()):
            data = json.dumps(body).encode()
            yield StoredBody(entity, data, "GET", path, None, None, 1, window, 1, "", len(data))

    def certificate(self, entity: str) -> Certificate | None:
        """See SnapshotReader."""
        return Certificate(entity, "complete") if entity in self.held else None


def mapped(restaurant: Any = None, ordering_schedule: Any = None, **lists: Any) -> Rows:
    told: Any = Told(restaurant, ordering_schedule, **lists)
    return Rows(map_rules(told, LOCATION))


def test_discounts_of_each_kind_keep_what_they_take_off_and_from_what() -> None:
    promo = [{"guid": "p", "code": "FALL5", "name": "Fall", "usageType": "MULTI_USE"}]
    listed = [
        {**DISCOUNT, "guid": "a"},
        {**DISCOUNT, "guid": "b", "percentage": 100, "selectionType": "ITEM", "nonExclusive": False, "active": False},
        {**DISCOUNT, "guid": "c", "type": "FIXED", "percentage": None, "amount": 3, "promoCodes": promo},
        {**DISCOUNT, "guid": "d", "type": "OPEN_PERCENT", "percentage": None, "selectionType": "ITEM"},
        {**DISCOUNT, "guid": "e", "type": "BOGO", "percentage": 50, "selectionType": "BOGO", "itemPickingPriority": "LEAST_EXPENSIVE"},
        {**DISCOUNT, "guid": "f", "type": "FIXED_TOTAL", "percentage": None, "selectionType": "BOGO", "fixedTotal": 12.5},
    ]  # fmt: skip
    rows = mapped(discounts=listed)
    found = rows.of("pricing_rules")
    told = {
        key[-1]: (
            one["rule_type"],
            one["scope"],
            one["discount_percent"],
            one["discount_cents"],
            one["fixed_price_cents"],
        )
        for key, one in found.items()
    }
    assert told == {
        "a": ("percentage_discount", "check", "10", None, None),
        "b": ("percentage_discount", "line", "100", None, None),
        "c": ("fixed_discount", "check", None, 300, None),
        "d": ("percentage_discount", "line", None, None, None),
        "e": ("bogo", "line", "50", None, None),
        "f": ("bundle_discount", "line", None, None, 1250),
    }
    assert (found["L1/b"]["is_comp"], found["L1/b"]["status"], found["L1/b"]["stackable"]) == (True, "inactive", False)
    assert (found["L1/c"]["promo_code"], found["L1/c"]["requires_code"]) == ("FALL5", True)
    assert found["L1/c"]["conditions"] == {"promo_codes": [{"code": "FALL5", "name": "Fall", "usage": "MULTI_USE"}]}
    assert (found["L1/d"]["is_open_amount"], found["L1/e"]["picks"]) == (True, "least_expensive")
    assert rows.rejected == {}
    losses = {(one.field, one.records) for one in rows.batch.losses if one.source_entity == "Discount"}
    assert losses == {("schedule and approval", 6), ("triggers", 2)}


def test_charges_keep_their_base_bounds_order_types_and_taxes_and_a_gratuity_is_put_on_by_hand() -> None:
    criteria = {
        "minCheckAmount": 10,
        "maxCheckAmount": 99.95,
        "delivery": True,
        "takeout": True,
        "dineIn": False,
        "minDeliveryDistance": 3,
    }
    listed = [
        {**CHARGE, "guid": "party", "name": "Party", "amountType": "PERCENT", "amount": None, "percent": 18.25, "gratuity": True,
         "criteria": {"dineIn": True}, "serviceChargeCalculation": "PRE_DISCOUNT", "destination": "SERVER"},
        {**CHARGE, "guid": "away", "taxable": True, "applicableTaxes": [MEALS, MEALS], "criteria": criteria},
        {**CHARGE, "guid": "cork", "amountType": "OPEN", "amount": None, "destination": "TOAST", "serviceChargeCalculation": "POST_DISCOUNT"},
    ]  # fmt: skip
    rows = mapped(serviceCharges=listed, taxRates=[MEALS])
    found = rows.of("service_charges")
    party, away, cork = (found[f"L1/{name}"] for name in ("party", "away", "cork"))
    assert (party["calculation"], party["rate_percent"], party["base"]) == ("percent", "18.25", "gross")
    assert (party["charge_class"], party["paid_to"], party["is_automatic"]) == ("auto_gratuity", "staff", False)
    assert (away["amount_cents"], away["min_check_cents"], away["max_check_cents"]) == (150, 1000, 9995)
    assert (away["order_types"], away["is_automatic"]) == (["takeout", "curbside", "delivery"], False)
    assert (cork["calculation"], cork["paid_to"], cork["base"], cork["order_types"]) == (
        "open",
        "third_party",
        "net",
        None,
    )
    near = {**criteria, "minDeliveryDistance": None}
    bag = mapped(serviceCharges=[{**CHARGE, "criteria": near}]).of("service_charges")["L1/s"]
    assert bag["is_automatic"] is True
    links = rows.of("service_charge_taxes")
    assert links == {"L1/away/meals": {"service_charge_key": "L1/away", "tax_rate_key": "L1/meals"}}
    assert "party size" in rows.loss("ServiceCharge", "party size")
    assert "how far" in rows.loss("ServiceCharge", "criteria.minDeliveryDistance")


def test_a_tax_table_and_a_take_out_rate_become_rows_of_their_rate() -> None:
    steps = [
        {"start": 0, "end": 0.1, "tax": 0, "pattern": False},
        {"start": 0.11, "end": 0.3, "tax": 0.02, "pattern": True},
    ]
    listed = [
        {**MEALS, "conditionalTaxRates": [{"condition": "TAKE_OUT", "rate": 0.05125}]},
        {**MEALS, "guid": "candy", "type": "TABLE", "rate": None, "taxTable": steps},
    ]
    rows = mapped(taxRates=listed)
    table = [
        (one["tax_rate_key"], one["start_cents"], one["end_cents"], one["tax_cents"], one["repeats"])
        for one in rows.of("tax_table_rows").values()
    ]
    assert table == [("L1/candy", 0, 10, 0, False), ("L1/candy", 11, 30, 2, True)]
    (exception,) = rows.of("tax_exceptions").values()
    assert (exception["tax_rate_key"], exception["order_type"], exception["rate_percent"]) == (
        "L1/meals",
        "takeout",
        "5.125",
    )


def test_dining_options_tenders_centers_and_lists_of_names_are_carried() -> None:
    area = {"guid": "a", "name": "Floor", "revenueCenter": {"guid": "r"}}
    rows = mapped(
        restaurant={
            "delivery": {"enabled": True, "minimum": 20.5, "area": "_p~"},
            "prepTimes": {"takeoutPrepTime": 20},
        },
        diningOptions=[
            {"guid": "in", "name": "Here", "behavior": "DINE_IN", "curbside": False},
            {"guid": "car", "name": "Car", "behavior": "TAKE_OUT", "curbside": True},
            {"guid": "del", "name": "Bike", "behavior": "DELIVERY", "curbside": False},
            {"guid": "tent", "name": "Tent", "behavior": None, "curbside": False},
        ],
        alternatePaymentTypes=[{"guid": "t", "name": "House tab"}],
        revenueCenters=[{"guid": "r", "name": "Dining room", "description": ""}],
        serviceAreas=[area],
        tables=[{"guid": "t1", "name": "T1", "serviceArea": {"guid": "a"}, "revenueCenter": {"guid": "r"}}],
        voidReasons=[{"guid": "v", "name": "Server error"}, {"guid": "w", "name": ""}],
        tipWithholding={"guid": "x", "enabled": True, "percentage": 2.5},
    )
    types = {one["name"]: (one["order_type"], one["min_order_cents"]) for one in rows.of("order_types").values()}
    assert types == {
        "Here": ("dine_in", None),
        "Car": ("curbside", None),
        "Bike": ("delivery", 2050),
        "Tent": ("unknown", None),
    }
    assert "order type" in rows.loss("DiningOption", "behavior")
    assert [one["name"] for one in rows.of("tender_types").values()] == ["House tab"]
    assert rows.of("revenue_centers")["L1/r"]["description"] is None
    settings = {one["key"]: one["value"] for one in rows.of("settings").values()}
    assert settings == {
        "orders.delivery": {"enabled": True, "minimum_cents": 2050, "area": "_p~"},
        "orders.prep_times": {"takeoutPrepTime": 20},
        "orders.service_areas": [{"name": "Floor", "revenue_center": "Dining room"}],
        "orders.tables": [{"name": "T1", "service_area": "Floor", "revenue_center": "Dining room"}],
        "orders.void_reasons": ["Server error", "Missing name"],
        "tips.withholding": {"enabled": True, "percent": "2.5"},
        "pricing.policy": {"name": "toast"},
    }
    assert rows.rejected == {}


def test_hours_run_past_midnight_and_a_closed_day_has_none() -> None:
    late = {"name": "Late", "hours": {"startTime": "16:00:00.000", "endTime": "02:00:00.000"}, "overnight": True}
    days = {"7": {"scheduleName": "Week", "services": [late], "openTime": "11:00:00.000", "closeTime": "02:00:00.000"}}
    online = {
        "servicePeriods": [
            {"diningOptionBehavior": "DELIVERY", "dayPeriods": [{"day": "SUNDAY", "timeRanges": [{"start": "12:00", "end": "21:30"}]}]}
        ],
        "overrides": [{"description": "New Year", "businessDate": 20270101, "timeRanges": []}],
        "scheduledOrderMaxDays": 7,
    }  # fmt: skip
    rows = mapped({"schedules": {"daySchedules": days, "weekSchedule": {"monday": "7", "tuesday": None}}}, online)
    told = [
        (one["purpose"], one["name"], one["weekday"], one["opens"], one["closes"])
        for one in rows.of("opening_hours").values()
    ]
    assert told == [
        ("business", "Week", "mon", "11:00", "02:00"),
        ("other", "Late", "mon", "16:00", "02:00"),
        ("online", "delivery", "sun", "12:00", "21:30"),
    ]
    settings = {one["key"]: one["value"] for one in rows.of("settings").values()}
    assert settings["orders.scheduling"] == {"max_days": 7}
    assert settings["hours.online_exceptions"][0]["businessDate"] == 20270101


CONTRADICTIONS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "percentage above 100": ("discounts", {**DISCOUNT, "percentage": 120}, "pricing_rules", "between 0 and 100"),
    "percentage below 0": ("discounts", {**DISCOUNT, "percentage": -5}, "pricing_rules", "between 0 and 100"),
    "unknown kind of discount": ("discounts", {**DISCOUNT, "type": "MYSTERY"}, "pricing_rules", "MYSTERY"),
    "unknown scope": ("discounts", {**DISCOUNT, "selectionType": "TABLE"}, "pricing_rules", "TABLE"),
    "unknown pick": ("discounts", {**DISCOUNT, "itemPickingPriority": "ANY"}, "pricing_rules", "ANY"),
    "percentage and amount": ("discounts", {**DISCOUNT, "amount": 3}, "pricing_rules", "only one can hold"),
    "percentage missing": ("discounts", {**DISCOUNT, "percentage": None}, "pricing_rules", "says none"),
    "kind against figure": ("discounts", {**DISCOUNT, "type": "FIXED", "amount": 0, "percentage": 5}, "pricing_rules", "figure"),
    "two for one off the check": ("discounts", {**DISCOUNT, "type": "BOGO"}, "pricing_rules", "buy-one-get-one"),
    "combination without a price": ("discounts", {**DISCOUNT, "type": "FIXED_TOTAL"}, "pricing_rules", "no price"),
    "finer than a cent": ("discounts", {**DISCOUNT, "type": "FIXED", "percentage": None, "amount": 0.005}, "pricing_rules", "0.005"),
    "renamed field": ("discounts", {k: v for k, v in DISCOUNT.items() if k != "amount"}, "pricing_rules", "amount"),
    "unknown kind of charge": ("serviceCharges", {**CHARGE, "amountType": "TIERED"}, "service_charges", "TIERED"),
    "charge above 100": ("serviceCharges", {**CHARGE, "amountType": "PERCENT", "amount": None, "percent": 180}, "service_charges", "between"),
    "charge of both kinds": ("serviceCharges", {**CHARGE, "percent": 18}, "service_charges", "percentage too"),
    "charge of no amount": ("serviceCharges", {**CHARGE, "amount": None}, "service_charges", "says none"),
    "untaxed with taxes": ("serviceCharges", {**CHARGE, "applicableTaxes": [MEALS]}, "service_charges", "not taxed"),
    "taxed by nothing": ("serviceCharges", {**CHARGE, "taxable": True}, "service_charges", "names no tax"),
    "tax nobody lists": ("serviceCharges", {**CHARGE, "taxable": True, "applicableTaxes": [{"guid": "zz"}]}, "service_charges", "not among"),
    "tax at two rates": ("serviceCharges", {**CHARGE, "taxable": True, "applicableTaxes": [{**MEALS, "rate": 0.08}]}, "service_charges", "that rate is"),
    "tax in the charge": ("serviceCharges", {**CHARGE, "taxable": True, "applicableTaxes": [MEALS], "taxInclusive": True}, "service_charges", "on top"),
    "bounds the wrong way": ("serviceCharges", {**CHARGE, "criteria": {"minCheckAmount": 50, "maxCheckAmount": 10}}, "service_charges", "higher"),
    "unknown base": ("serviceCharges", {**CHARGE, "serviceChargeCalculation": "MID"}, "service_charges", "MID"),
    "unknown recipient": ("serviceCharges", {**CHARGE, "destination": "MOON"}, "service_charges", "MOON"),
    "unknown condition": ("taxRates", {**MEALS, "conditionalTaxRates": [{"condition": "FULL_MOON", "rate": 0.1}]}, "tax_exceptions", "FULL_MOON"),
    "condition twice": ("taxRates", {**MEALS, "conditionalTaxRates": [{"condition": "TAKE_OUT", "rate": 0.1}, {"condition": "TAKE_OUT", "rate": 0.2}]}, "tax_exceptions", "two different"),
    "condition without a rate": ("taxRates", {**MEALS, "conditionalTaxRates": [{"condition": "TAKE_OUT", "rate": None}]}, "tax_exceptions", "which"),
    "unknown way of eating": ("diningOptions", {"guid": "o", "name": "Levitate", "behavior": "HOVER", "curbside": False}, "order_types", "HOVER"),
    "delivered to the curb": ("diningOptions", {"guid": "o", "name": "Both", "behavior": "DELIVERY", "curbside": True}, "order_types", "curb"),
    "area nobody lists": ("tables", {"guid": "t", "name": "T9", "serviceArea": {"guid": "zz"}}, "settings", "zz"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_rule_that_nobody_can_follow_waits_in_quarantine_with_its_reason(name: str) -> None:
    listing, record, entity, word = CONTRADICTIONS[name]
    sound = {"discounts": DISCOUNT, "serviceCharges": CHARGE, "taxRates": MEALS}.get(listing)
    others = [] if sound is None else [{**sound, "guid": "sound"}]
    lists: dict[str, Any] = {"taxRates": [MEALS]} | {listing: [*others, record]}
    rows = mapped(**lists)
    ((found, key),) = rows.rejected
    assert found == entity
    assert word in rows.rejected[found, key]
    assert key not in rows.of(entity)
    told: Any = Told(**lists)
    stated = {(fact.entity, fact.key) for fact in rules(told, "L1", "USD")}
    assert {(row.entity, row.key) for row in rows.batch.rows} <= stated  # the witness lives with it, and misses nothing


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rate": 1.5}, "between 0 and 100"),
        ({"rate": -0.01}, "between 0 and 100"),
        ({"type": "TABLE", "rate": None}, "has none"),
        ({"taxTable": [{"start": 0, "end": 1, "tax": 0.1}]}, "a table as well"),
        ({"type": "TABLE", "taxTable": [{"start": 0, "end": 1, "tax": 0.1}, {"start": 0.5, "end": 2, "tax": 0.2}]}, "follow"),
        ({"type": "TABLE", "taxTable": [{"start": 1, "end": 0.5, "tax": 0.1}]}, "before it begins"),
        ({"type": "FIXED", "rate": -0.05}, "negative"),
    ],
)  # fmt: skip
def test_a_tax_rate_that_contradicts_itself_is_kept_back_with_its_table(change: dict[str, Any], word: str) -> None:
    told: Any = Told(taxRates=[{**MEALS, **change}])
    menu = Rows(CONNECTOR.map_menu(told, LOCATION))
    assert word in menu.rejected["tax_rates", "L1/meals"]
    assert Rows(map_rules(told, LOCATION)).of("tax_table_rows") == {}


def test_two_active_discounts_of_one_code_both_wait_for_a_decision() -> None:
    code = [{"guid": "p", "code": "SAME", "name": None, "usageType": "MULTI_USE"}]
    listed = [{**DISCOUNT, "guid": guid, "promoCodes": code, "active": guid != "c"} for guid in "abc"]
    rows = mapped(discounts=listed)
    assert set(rows.rejected) == {("pricing_rules", "L1/a"), ("pricing_rules", "L1/b")}
    assert set(rows.of("pricing_rules")) == {"L1/c"}


def test_a_rule_told_twice_counts_once_and_told_differently_not_at_all() -> None:
    assert len(mapped(discounts=[DISCOUNT, DISCOUNT]).of("pricing_rules")) == 1
    rows = mapped(discounts=[DISCOUNT, {**DISCOUNT, "percentage": 12}])
    assert "twice" in rows.rejected["pricing_rules", "L1/d"]
    assert rows.of("pricing_rules") == {}


@pytest.mark.parametrize(
    ("week", "days", "word"),
    [
        ({"monday": "9"}, {}, "not there"),
        ({"monday": "9"}, {"9": {"openTime": "25h", "closeTime": "22:00:00.000"}}, "no time of day"),
        ({"monday": "9"}, {"9": {"services": [{"name": "Brunch", "hours": None}]}}, "no hours"),
        ({"monday": "9"}, {"9": {"services": [{"name": "Tea", "hours": {"startTime": "16:00", "endTime": "15:00"}, "overnight": False}]}}, "midnight"),
        ({"someday": "9"}, {"9": {}}, "someday"),
    ],
)  # fmt: skip
def test_hours_that_nobody_can_keep_wait_in_quarantine(week: dict[str, str], days: dict[str, Any], word: str) -> None:
    schedules = {"schedules": {"daySchedules": days, "weekSchedule": week}}
    rows = mapped(schedules)
    ((entity, _),) = rows.rejected
    assert entity == "opening_hours"
    assert word in next(iter(rows.rejected.values()))
    told: Any = Told(schedules)
    assert list(rules(told, "L1", "USD"))


# -- whole scenarios --------------------------------------------------------------------------------------------------


def here(taken: Taken) -> SourceLocation:
    """The location as discovered."""
    return next(one for one in taken.discovery.locations if one.source_id == taken.location)


@pytest.mark.parametrize("scenario", ["cafe", "diner", "rules"])
def test_mapping_and_witness_state_the_same_rules(take: Callable[..., Taken], scenario: str) -> None:
    taken = take(scenario)
    batch = map_rules(taken.reader, here(taken))
    assert batch.rejected == []
    said = {(fact.entity, fact.key): fact.values for fact in rules(taken.reader, taken.location, "USD")}
    held = {(row.entity, row.key): row.values for row in batch.rows}
    assert said.keys() == held.keys()
    numeric = {(e.name, f.name) for e in RULE_ENTITIES for f in e.fields if f.kind == "numeric"}
    for (entity, key), values in said.items():
        row = held[entity, key]
        for name, value in values.items():
            found = row.get(name)
            if (entity, name) in numeric and found is not None:
                found = Decimal(found)
            assert found == value, (entity, key, name)
    kinds = {entity for entity, _ in said}
    wanted = {"order_types", "tender_types", "service_charges", "pricing_rules", "opening_hours", "settings"}
    assert wanted <= kinds
    if scenario != "cafe":
        assert {"tax_table_rows", "tax_exceptions", "service_charge_taxes"} <= kinds


def test_every_field_of_the_configuration_has_a_home_or_is_told_as_a_loss(take: Callable[..., Taken]) -> None:
    taken = take("diner")
    told = {(loss.source_entity, loss.field): loss for loss in map_rules(taken.reader, here(taken)).losses}
    prorated = told["ServiceCharge", "taxProrated"]
    assert (prorated.records, prorated.examples) == (1, ("Platform fee",))
    assert told["Printer", "name"].records == 5
    assert told["Discount", "triggers"].records == 2
    assert ("ServiceCharge", "insights") in told  # a field newer than the connector
    expected = {"schedules", "delivery", "onlineOrdering", "prepTimes"}
    assert not expected & {loss.field for loss in taken.batch.losses if loss.source_entity == "Restaurant"}


def test_without_the_right_to_the_configuration_only_hours_and_the_policy_are_known(
    serve_toast: Callable[..., Toast], take: Callable[..., Taken]
) -> None:
    cafe = serve_toast("cafe")
    cafe.calm()
    location = here(take("cafe"))
    reader = cafe.extract(location.source_id, MENU_ONLY, variant="missing_config")
    batch = map_rules(reader, location)
    assert {row.entity for row in batch.rows} == {"opening_hours", "settings"}
    assert "pricing.policy" in {row.values.get("key") for row in batch.rows}
    certificate = reader.certificate("config")
    assert certificate is not None
    assert (certificate.status, "config:read" in certificate.reason) == ("not_extracted", True)


def test_a_restaurant_without_online_ordering_has_an_answer_for_that(
    serve_toast: Callable[..., Toast], take: Callable[..., Taken]
) -> None:
    cafe = serve_toast("cafe")
    cafe.calm()
    location = here(take("cafe"))
    cafe.post("switches", {"online_ordering": False})
    try:
        reader = cafe.extract(location.source_id, MENU_ONLY)
    finally:
        cafe.post("switches", {"online_ordering": True})
    certificate = reader.certificate("ordering_schedule")
    assert certificate is not None
    assert (certificate.status, "404" in certificate.reason) == ("complete", True)
    rows = Rows(map_rules(reader, location))
    assert {one["purpose"] for one in rows.of("opening_hours").values()} == {"business", "other"}
    assert "orders.scheduling" not in {one["key"] for one in rows.of("settings").values()}


def test_rules_of_two_locations_never_share_a_key(take: Callable[..., Taken]) -> None:
    first, second = take("chain", 0), take("chain", 1)
    keys = [{(row.entity, row.key) for row in map_rules(one.reader, here(one)).rows} for one in (first, second)]
    assert not keys[0] & keys[1]
    again = map_rules(first.reader, replace(here(first), name="Other"))
    assert {(row.entity, row.key) for row in again.rows} == keys[0]
