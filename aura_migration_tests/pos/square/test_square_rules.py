"""Square's rules of business: what the mapping makes of them, what waits for a decision, and what the second reading says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aura_migration.canonical.model import Batch
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square import CONNECTOR, rules_witness
from aura_migration.sandbox.core.server import serve
from aura_migration.sandbox.square.truth_rules import rules_truth
from aura_migration_tests.pos.square.square_support import (
    HERE,
    LOCATION,
    InMemory,
    catalog_object,
    category,
    item,
    modifier,
    modifier_list,
    of,
    rows,
    variation,
)

FIELDS = {entity.name: {field.name for field in entity.fields} for entity in RULE_ENTITIES}
GONE: dict[str, Any] = {"is_deleted": True}


def usd(cents: int) -> dict[str, Any]:
    return {"amount": cents, "currency": "USD"}


def discount(ident: str, envelope: Any = None, **data: Any) -> dict[str, Any]:
    said = {"name": ident.title(), **(data or {"discount_type": "FIXED_PERCENTAGE", "percentage": "20.0"})}
    return catalog_object("DISCOUNT", ident, said, **(envelope or {}))


def rule(ident: str, envelope: Any = None, **data: Any) -> dict[str, Any]:
    said = {"name": ident.title(), "discount_id": "twenty", "match_products_id": "set", **data}
    return catalog_object("PRICING_RULE", ident, said, **(envelope or {}))


def products(ident: str, envelope: Any = None, **data: Any) -> dict[str, Any]:
    return catalog_object("PRODUCT_SET", ident, data, **(envelope or {}))


def period(ident: str, start: str, duration: str, repeats: str | None) -> dict[str, Any]:
    repeat = f"\nRRULE:{repeats}" if repeats else ""
    event = f"BEGIN:VEVENT\nSUMMARY:Quiet\nDTSTART:{start}\nDURATION:{duration}{repeat}\nEND:VEVENT"
    return catalog_object("TIME_PERIOD", ident, {"event": event})


MENU = (
    item("mule", categories=[{"id": "drinks"}]),
    item("fizz", categories=[{"id": "drinks"}, {"id": "bar"}]),
    item("gone", categories=[{"id": "drinks"}], envelope=GONE),
    item("burger", variation("single", "burger"), variation("double", "burger")),
    modifier_list("sauces", modifier("aioli", "sauces")),
    category("drinks"),
    category("bar", "KITCHEN_CATEGORY"),
    discount("twenty", discount_type="FIXED_PERCENTAGE", percentage="20.0", application_method="AUTOMATICALLY_APPLIED"),
)


def reader_of(objects: Sequence[Any], place: Mapping[str, Any] | None = None, checkout: Any = None) -> Any:
    return InMemory(
        catalog=[{"objects": list(objects)}],
        locations=[{"locations": [{"id": HERE, **(place or {})}]}],
        checkout_settings=[] if checkout is None else [{"location_settings": {"location_id": HERE, **checkout}}],
    )


def ruled(*objects: Mapping[str, Any], place: Any = None, checkout: Any = None, menu: Sequence[Any] = MENU) -> Batch:
    """The rules of a location, after making sure that the second reading says the same of all that is not rejected."""
    reader = reader_of([*menu, *objects], place, checkout)
    batch = CONNECTOR.map_rules(reader, LOCATION)
    agree(batch, rules_witness.rules(reader, HERE, "USD"))
    return batch


def agree(batch: Batch, facts: Any) -> None:
    """Every fact is a row with its values or a rejected record, and every row is a fact: as verify compares them."""
    held = {(row.entity, row.key): row.values for row in batch.rows}
    assert len(held) == len(batch.rows), "a key comes twice"
    rejected = {(one.entity, one.key) for one in batch.rejected}
    told: dict[tuple[str, str], Any] = {}
    for fact in facts:
        assert (fact.entity, fact.key) not in told, f"{fact.entity} {fact.key} is said twice"
        told[fact.entity, fact.key] = fact.values
        assert set(fact.values) <= FIELDS[fact.entity]
    assert told.keys() == held.keys() | rejected
    for place, values in held.items():
        for name, value in told[place].items():
            found = values.get(name)
            said = Decimal(str(found)) if isinstance(value, Decimal) and found is not None else found
            assert said == value and isinstance(said, bool) == isinstance(value, bool), (place, name)


def only(batch: Batch) -> dict[str, Any]:
    """The one pricing rule of a batch."""
    (found,) = rows(batch, "pricing_rules").values()
    return found


def reason(batch: Batch) -> str:
    """Why the one rejected record was rejected."""
    (found,) = batch.rejected
    return found.reason


def reached(batch: Batch) -> list[tuple[Any, ...]]:
    """What the targets say: role, set, references, numbers."""
    parts = ("menu_item_key", "variation_key", "category_key", "modifier_key")
    return sorted(
        (v["role"], v["set_number"], *(v[p] for p in parts if v.get(p)), v["min_quantity"], v["max_quantity"])
        for v in rows(batch, "pricing_rule_targets").values()
    )


# By hand ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (
            {"discount_type": "FIXED_PERCENTAGE", "percentage": "10"},
            {"rule_type": "percentage_discount", "discount_percent": "10", "is_open_amount": False, "is_comp": False},
        ),
        (
            {"discount_type": "FIXED_PERCENTAGE", "percentage": "100.0", "pin_required": True},
            {"is_comp": True, "requires_approval": True},
        ),
        (
            {"discount_type": "FIXED_PERCENTAGE", "percentage": "15", "maximum_amount_money": usd(500),
             "modify_tax_basis": "DO_NOT_MODIFY_TAX_BASIS"},
            {"discount_percent": "15", "max_discount_cents": 500, "reduces_tax": False},
        ),
        (
            {"discount_type": "FIXED_AMOUNT", "amount_money": usd(150)},
            {"rule_type": "fixed_discount", "discount_percent": None, "discount_cents": 150, "reduces_tax": True},
        ),
        (
            {"discount_type": "VARIABLE_PERCENTAGE", "percentage": "0"},
            {"rule_type": "percentage_discount", "discount_percent": None, "is_open_amount": True, "is_comp": False},
        ),
        (
            {"discount_type": "VARIABLE_AMOUNT", "amount_money": usd(0)},
            {"rule_type": "fixed_discount", "discount_cents": None, "is_open_amount": True},
        ),
    ],
)  # fmt: skip
def test_a_discount_for_the_cashier_is_a_rule_with_its_size_cap_and_approval(
    data: dict[str, Any], values: dict[str, Any]
) -> None:
    found = only(ruled(discount("given", **data)))
    assert {name: found[name] for name in values} == values
    assert (found["is_automatic"], found["is_inferred"], found["status"]) == (False, False, "active")
    assert found["conditions"] == {"given_on": ["check", "line"]}, "Square leaves it to the cashier"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"discount_type": "HALF_MOON"}, "unknown type HALF_MOON"),
        ({"name": "x"}, "does not say of which type"),
        ({"discount_type": "FIXED_PERCENTAGE", "percentage": "120"}, "'120' per cent"),
        ({"discount_type": "FIXED_PERCENTAGE"}, "does not say how much"),
        ({"discount_type": "FIXED_AMOUNT"}, "does not say how much"),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": usd(100), "percentage": "5"}, "both a percentage"),
        ({"discount_type": "FIXED_PERCENTAGE", "percentage": "5", "amount_money": usd(100)}, "both a percentage"),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": {"amount": 5, "currency": "EUR"}}, "is in EUR"),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": usd(-5)}, "less than nothing"),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": usd(5), "modify_tax_basis": "MAYBE"}, "MAYBE"),
        ({"discount_type": ["?"]}, "cannot be read"),
    ],
)
def test_a_discount_that_cannot_be_carried_over_exactly_waits_for_a_decision(data: dict[str, Any], why: str) -> None:
    batch = ruled(discount("odd", **data))
    assert why in reason(batch)
    assert not of(batch, "pricing_rules")


def test_a_discount_that_only_rules_use_is_not_offered_to_the_cashier_and_deleted_ones_are_not_there() -> None:
    both = discount("both", discount_type="FIXED_AMOUNT", amount_money=usd(100), application_method="MANUALLY_APPLIED")
    used = discount("used", discount_type="FIXED_AMOUNT", amount_money=usd(100))
    batch = ruled(
        both,
        used,
        discount("old", GONE, discount_type="FIXED_AMOUNT", amount_money=usd(100)),
        discount("elsewhere", {"absent_at_location_ids": [HERE]}, discount_type="FIXED_AMOUNT", amount_money=usd(1)),
        rule("one", discount_id="both"),
        rule("two", discount_id="used", minimum_order_subtotal_money=usd(5000)),
        products("set", product_ids_any=["drinks"]),
    )
    assert set(rows(batch, "pricing_rules")) == {f"{HERE}/both", f"{HERE}/one", f"{HERE}/two"}


# Automatic ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "duration", "repeats", "schedule", "ends"),
    [
        ("20260105T160000", "PT2H", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
         [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "16:00", "to": "18:00"}], None),
        ("20260105T160000", "PT9H30M", "FREQ=WEEKLY;BYDAY=FR,SA", [{"days": ["fri", "sat"], "from": "16:00", "to": "01:30"}], None),
        ("20260105T160000", "PT1H", "FREQ=WEEKLY", [{"days": ["mon"], "from": "16:00", "to": "17:00"}], None),
        ("20260105T000000", "P1D", "FREQ=DAILY;UNTIL=20261231T000000",
         [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "00:00"}], "2026-12-31"),
        ("20260109T170000", "PT55H", "FREQ=WEEKLY;BYDAY=FR",
         [{"days": ["fri", "sat"], "from": "17:00", "to": "17:00"}, {"days": ["sun"], "from": "17:00", "to": "00:00"}], None),
        ("20260704T120000", "PT6H", None, [{"days": ["sat"], "from": "12:00", "to": "18:00"}], "2026-07-04"),
    ],
)  # fmt: skip
def test_hours_become_days_of_the_week_from_their_first_day_to_their_last(
    start: str, duration: str, repeats: str | None, schedule: Any, ends: str | None
) -> None:
    batch = ruled(
        rule("happy", time_period_ids=["t"]),
        products("set", product_ids_any=["drinks"]),
        period("t", start, duration, repeats),
    )
    found = only(batch)
    assert found["schedule"] == schedule
    assert (found["valid_from"], found["valid_until"]) == (f"{start[:4]}-{start[4:6]}-{start[6:8]}", ends)
    assert (found["rule_type"], found["scope"], found["is_automatic"]) == ("happy_hour", "line", True)


def test_the_dates_of_a_rule_and_those_of_its_hours_hold_together() -> None:
    dates = {"valid_from_date": "2026-06-01", "valid_from_local_time": "10:30:00", "valid_until_date": "2026-08-31"}
    batch = ruled(
        rule("summer", time_period_ids=["t", "u"], valid_until_local_time="23:59:00", **dates),
        products("set", product_ids_any=["drinks"]),
        period("t", "20260105T160000", "PT2H", "FREQ=WEEKLY;BYDAY=MO"),
        period("u", "20260110T120000", "PT2H", "FREQ=WEEKLY;BYDAY=SA"),
    )
    found = only(batch)
    assert (found["valid_from"], found["valid_until"]) == ("2026-06-01T10:30", "2026-08-31")
    assert [span["days"] for span in found["schedule"]] == [["mon"], ["sat"]]


@pytest.mark.parametrize(
    ("more", "said", "why"),
    [
        ([period("t", "20260105T160000", "PT1H", "FREQ=MONTHLY")], {"time_period_ids": ["t"]}, "days of the week cannot say"),
        ([period("t", "20260105T160000", "PT1H", "FREQ=WEEKLY;INTERVAL=2")], {"time_period_ids": ["t"]}, "cannot say"),
        ([period("t", "20260105T160000", "PT1H", "FREQ=WEEKLY;BYDAY=1MO")], {"time_period_ids": ["t"]}, "cannot say"),
        ([period("t", "20260105T160000", "long", "FREQ=DAILY")], {"time_period_ids": ["t"]}, "length cannot be read"),
        ([period("t", "Monday", "PT1H", "FREQ=DAILY")], {"time_period_ids": ["t"]}, "beginning cannot be read"),
        ([period("t", "20260105T160000", "PT1H", "FREQ=DAILY"), period("u", "20260301T160000", "PT1H", "FREQ=DAILY")],
         {"time_period_ids": ["t", "u"]}, "begin on different days"),
        ([], {"time_period_ids": ["nowhere"]}, "hours that do not exist"),
        ([], {"valid_from_date": "2026-09-01", "valid_until_date": "2026-08-31"}, "ends before it begins"),
        ([], {"discount_id": "nowhere"}, "a discount that does not exist"),
        ([discount("open", discount_type="VARIABLE_AMOUNT")], {"discount_id": "open"}, "typed in"),
        ([], {"match_products_id": "nowhere"}, "nowhere, which does not exist"),
        ([], {"match_products_id": None}, "does not say which products"),
        ([products("old", GONE, all_products=True)], {"match_products_id": "old"}, "was deleted"),
        ([products("two", all_products=True, product_ids_any=["mule"])], {"match_products_id": "two"}, "several things"),
        ([products("none")], {"match_products_id": "none"}, "says nothing"),
        ([products("self", product_ids_any=["self"])], {"match_products_id": "self"}, "contains itself"),
        ([products("few", product_ids_any=["mule"], quantity_exact=2, quantity_min=3)], {"match_products_id": "few"}, "contradict"),
        ([products("mix", product_ids_any=["mule", "pair"]), products("pair", product_ids_any=["fizz"], quantity_exact=2)],
         {"match_products_id": "mix"}, "several things together"),
        ([products("few", product_ids_any=["twenty"])], {"match_products_id": "few"}, "a discount among products"),
        ([products("all", all_products=True)], {"exclude_products_id": "all"}, "leaves out everything"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_said_in_auraconnects_words_waits_for_a_decision(
    more: list[Any], said: dict[str, Any], why: str
) -> None:
    batch = ruled(rule("odd", **said), products("set", product_ids_any=["drinks"]), *more)
    (found,) = [one for one in batch.rejected if one.key == f"{HERE}/odd"]
    assert why in found.reason
    assert found.values["status"] == "inactive", "decided by its values alone it would reach everything"
    assert not of(batch, "pricing_rule_targets")


@pytest.mark.parametrize(
    ("chosen", "more", "targets", "kind"),
    [
        ({"product_ids_any": ["double", "mule"]}, [],
         [("discounted", 1, "burger", "double", None, None), ("discounted", 1, "mule", None, None)], "percentage_discount"),
        ({"product_ids_any": ["burger", "inner"]}, [products("inner", product_ids_any=["drinks"])],
         [("discounted", 1, "burger", None, None), ("discounted", 1, "drinks", None, None)], "percentage_discount"),
        ({"product_ids_any": ["bar"]}, [], [("discounted", 1, "fizz", None, None)], "percentage_discount"),
        ({"product_ids_any": ["drinks"], "quantity_exact": 2}, [], [("discounted", 1, "drinks", 2, 2)], "quantity_discount"),
        ({"product_ids_any": ["drinks"], "quantity_min": 3}, [], [("discounted", 1, "drinks", 3, None)], "quantity_discount"),
        ({"product_ids_any": ["drinks"], "quantity_exact": 1}, [], [("discounted", 1, "drinks", None, None)], "percentage_discount"),
        ({"product_ids_all": ["burger", "inner"]}, [products("inner", product_ids_any=["mule", "fizz"])],
         [("discounted", 1, "burger", None, None), ("discounted", 2, "fizz", None, None), ("discounted", 2, "mule", None, None)],
         "bundle_discount"),
        ({"product_ids_any": ["aioli"]}, [], [("discounted", 1, "sauces/aioli", None, None)], "percentage_discount"),
    ],
)  # fmt: skip
def test_what_a_rule_reaches_are_alternatives_by_set_and_number(
    chosen: dict[str, Any], more: list[Any], targets: list[Any], kind: str
) -> None:
    batch = ruled(rule("deal"), products("set", **chosen), *more)
    assert reached(batch) == targets
    assert only(batch)["rule_type"] == kind


def test_a_rule_for_everything_is_of_the_whole_check_and_its_conditions_are_kept() -> None:
    batch = ruled(
        rule("big", minimum_order_subtotal_money=usd(15000), customer_group_ids_any=["regulars"]),
        products("set", all_products=True),
    )
    found = only(batch)
    assert (found["scope"], found["min_order_cents"]) == ("check", 15000)
    assert found["conditions"] == {"customer_groups": ["regulars"]}
    assert not of(batch, "pricing_rule_targets")


def test_the_second_at_half_price_leaves_the_least_expensive_at_full_price_unless_told_otherwise() -> None:
    half = products("set", product_ids_any=["drinks"], quantity_exact=2)
    kept = products("kept", product_ids_any=["drinks"], quantity_min=1, quantity_max=1)
    batch = ruled(rule("second", exclude_products_id="kept"), half, kept)
    assert reached(batch) == [("discounted", 1, "drinks", 2, 2), ("excluded", 1, "drinks", None, 1)]
    found = only(batch)
    assert (found["rule_type"], found["picks"]) == ("bogo", "most_expensive")
    other = ruled(rule("second", exclude_products_id="kept", exclude_strategy="MOST_EXPENSIVE"), half, kept)
    assert only(other)["picks"] == "least_expensive"


def test_what_must_be_bought_stands_apart_from_what_is_discounted() -> None:
    batch = ruled(
        rule("with", apply_products_id="fries"),
        products("set", product_ids_any=["burger"]),
        products("fries", product_ids_any=["fizz"]),
    )
    assert reached(batch) == [("bought", 1, "burger", None, None), ("discounted", 1, "fizz", None, None)]
    assert only(batch)["rule_type"] == "bogo"


def test_a_rule_for_things_not_sold_here_is_no_rule_of_this_location_and_that_is_said() -> None:
    chosen = [rule("dead"), products("set", product_ids_any=["gone"])]
    batch = ruled(*chosen)
    assert not of(batch, "pricing_rules") and not batch.rejected
    (loss,) = batch.losses
    assert (loss.source_entity, loss.records, loss.examples) == ("PRICING_RULE", 1, ("dead",))
    partly = ruled(rule("alive"), products("set", product_ids_any=["gone", "mule"]))
    assert reached(partly) == [("discounted", 1, "mule", None, None)]
    assert "also names things that are not sold here" in partly.losses[0].note
    bundle = ruled(rule("never"), products("set", product_ids_all=["gone", "mule"]))
    assert not of(bundle, "pricing_rules"), "a bundle with a part that is gone can never be bought"


def test_two_rules_for_the_same_thing_at_the_same_hours_contradict_each_other() -> None:
    objects = [
        rule("one", time_period_ids=["t"]),
        rule("two", discount_id="ten", time_period_ids=["u"]),
        rule("three", discount_id="ten", time_period_ids=["v"]),
        discount("ten", discount_type="FIXED_AMOUNT", amount_money=usd(10)),
        products("set", product_ids_any=["drinks"]),
        period("t", "20260105T160000", "PT2H", "FREQ=WEEKLY;BYDAY=MO,SU"),
        period("u", "20260105T173000", "PT2H", "FREQ=WEEKLY;BYDAY=SU"),
        period("v", "20260105T100000", "PT2H", "FREQ=DAILY"),
    ]
    batch = ruled(*objects)
    assert set(rows(batch, "pricing_rules")) == {f"{HERE}/three"}
    assert {one.key for one in batch.rejected} == {f"{HERE}/one", f"{HERE}/two"}
    assert "at the same hours as 'Two'" in next(one.reason for one in batch.rejected if one.key.endswith("one"))
    assert len(of(batch, "pricing_rule_targets")) == 3, "decided later, they still reach no more than they do"


# Taxes --------------------------------------------------------------------------------------------------------------


def test_a_tax_says_whether_it_is_on_other_taxes_and_on_amounts_typed_in() -> None:
    def taxed(**data: Any) -> Batch:
        taxes = catalog_object("TAX", "t", {"name": "Tax", "percentage": "8.875", "enabled": True, **data})
        return CONNECTOR.map_menu(reader_of([item("i", tax_ids=["t"]), taxes]), LOCATION)

    plain = rows(taxed(), "tax_rates")["t"]
    assert (plain["on_taxes"], plain["taxes_open_amounts"]) == (False, None)
    late = taxed(calculation_phase="TAX_TOTAL_PHASE", applies_to_custom_amounts=True)
    assert (rows(late, "tax_rates")["t"]["on_taxes"], rows(late, "tax_rates")["t"]["taxes_open_amounts"]) == (
        True,
        True,
    )
    for wrong in ({"percentage": "101"}, {"inclusion_type": "BOTH"}, {"calculation_phase": "SOMETIMES"}):
        batch = taxed(**wrong)
        assert [one.entity for one in batch.rejected] == ["tax_rates"]
        assert not of(batch, "item_taxes"), "no item bears a tax that waits for a decision"
    beside = taxed(applies_to_product_set_id="set")
    assert [(one.entity, one.values["tax_rate_key"]) for one in beside.rejected] == [("item_taxes", "t")]


# The place and its online checkout -----------------------------------------------------------------------------------


def test_hours_receipts_and_the_policy_are_the_locations_own() -> None:
    def day(name: str, opens: str, closes: str) -> dict[str, str]:
        return {"day_of_week": name, "start_local_time": opens, "end_local_time": closes}

    periods = [
        day("SAT", "17:00:00", "24:00:00"),
        day("MON", "11:00:00", "21:00:00"),
        day("SAT", "09:00:00", "12:00:00"),
    ]
    place = {
        "business_hours": {"periods": [*periods, day("MON", "20:00:00", "22:00:00"), day("FUN", "1", "2")]},
        "business_name": "Aura Test Grill",
        "custom_receipt_text": "Thank you!",
        "language_code": "en-US",
    }
    batch = ruled(place=place, menu=())
    opened = rows(batch, "opening_hours")
    assert {key: (v["opens"], v["closes"]) for key, v in opened.items()} == {
        f"{HERE}/mon/1": ("11:00", "21:00"),
        f"{HERE}/sat/1": ("09:00", "12:00"),
        f"{HERE}/sat/2": ("17:00", "00:00"),
    }
    assert [(one.key, "overlap" in one.reason) for one in batch.rejected] == [
        (f"{HERE}/mon/2", True),
        (f"{HERE}/day/1", False),
    ]
    told = {values["key"]: values["value"] for values in rows(batch, "settings").values()}
    assert told == {
        "pricing.policy": {"name": "square"},
        "receipt.business_name": {"text": "Aura Test Grill"},
        "receipt.footer": {"text": "Thank you!"},
        "receipt.language": {"text": "en-US"},
    }


def test_tips_of_the_online_checkout_are_percentages_and_sums_for_small_orders() -> None:
    tipping = {"percentages": [15, 18, 20], "default_percent": 18, "smart_tipping_enabled": True,
               "smart_tips": [usd(100), usd(200)], "default_smart_tip": usd(200)}  # fmt: skip
    policies = [{"uid": "p", "title": "Returns", "description": "None"}]
    batch = ruled(checkout={"tipping": tipping, "customer_notes_enabled": False, "policies": policies}, menu=())
    tips = [
        (v.get("rate_percent"), v.get("amount_cents"), v["is_default"]) for v in rows(batch, "tip_suggestions").values()
    ]
    assert tips == [
        ("15", None, False),
        ("18", None, True),
        ("20", None, False),
        (None, 100, False),
        (None, 200, True),
    ]
    told = {values["key"]: values["value"] for values in rows(batch, "settings").values()}
    assert told["tips.sums_below"] == {"below_cents": 1000, "channel": "online"}
    assert (told["orders.online_notes"], told["orders.online_policies"]) == ({"enabled": False}, policies)
    odd = ruled(checkout={"tipping": {"percentages": [15, 15, 20], "default_percent": 25}}, menu=())
    assert ["none that can be offered" in odd.rejected[0].reason, "is not among" in odd.rejected[1].reason] == [
        True,
        True,
    ]


# The sandbox --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["cafe", "diner", "chain", "rules"])
def account(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, Any], Any]]:
    """The truth of a scenario, and what it answers over HTTP, recorded as bodies by location."""
    with serve("square", request.param, now="2026-10-01T09:00:00Z") as running:
        world: Any = running.pos_app
        truth: dict[str, Any] = {"rules": rules_truth(world.world)}
        access = httpx.get(f"{running.control_url}/credentials", timeout=60).json()["default"]["access_token"]
        headers = {"Authorization": f"Bearer {access}", "Square-Version": "2026-09-16"}
        with httpx.Client(base_url=running.base_url, headers=headers, timeout=60) as client:
            asked: dict[str, Any] = {"limit": 1000, "include_deleted_objects": True, "object_types": [
                *("ITEM", "ITEM_VARIATION", "MODIFIER_LIST", "MODIFIER", "CATEGORY"),
                *("DISCOUNT", "PRICING_RULE", "PRODUCT_SET", "TIME_PERIOD"),
            ]}  # fmt: skip
            pages = [client.post("/v2/catalog/search", json=asked).json()]
            while pages[-1].get("cursor"):
                pages.append(client.post("/v2/catalog/search", json={**asked, "cursor": pages[-1]["cursor"]}).json())
            places = client.get("/v2/locations").json()
            path = "/v2/online-checkout/location-settings/"
            checkouts = [client.get(f"{path}{place['id']}").json() for place in places["locations"]]
        truth["locations"] = places["locations"]
        yield truth, InMemory(catalog=pages, locations=[places], checkout_settings=checkouts)


def test_both_readings_of_a_scenario_are_its_known_truth(account: tuple[dict[str, Any], Any]) -> None:
    truth, reader = account
    for place in truth["locations"]:
        at = place["id"]
        batch = CONNECTOR.map_rules(reader, SourceLocation(at, place["name"], place["timezone"], place["currency"]))
        agree(batch, rules_witness.rules(reader, at, "USD"))
        assert not batch.rejected
        found = rows(batch, "pricing_rules")
        told = [
            row
            for row in (*truth["rules"]["discounts"], *truth["rules"]["automatic_discounts"])
            if row["location"] == at
        ]
        not_here = {example for loss in batch.losses if "none is sold here" in loss.note for example in loss.examples}
        assert set(found) == {f"{at}/{row['id']}" for row in told if row["id"] not in not_here}
        for row in told:
            values = found.get(f"{at}/{row['id']}")
            if values is None:
                continue
            size = Decimal(values["discount_percent"]) if values["discount_percent"] is not None else None
            said = (row["name"], row["cents"], row["cap"], row["open"], not row["keeps_tax"], row.get("minimum"))
            names = ("name", "discount_cents", "max_discount_cents", "is_open_amount", "reduces_tax", "min_order_cents")
            assert tuple(values.get(name) for name in names) == said
            assert size == (Decimal(row["percentage"]) if row["percentage"] is not None else None)
            if "windows" in row:
                days = {(span["from"], day) for span in values["schedule"] or () for day in span["days"]}
                assert days == {(one["from"], day.lower()) for one in row["windows"] for day in one["days"]}
                targets = rows(batch, "pricing_rule_targets")
                own = {key.rsplit("/", 1)[1] for key in targets if key.startswith(f"{at}/{row['id']}/discounted/")}
                assert own <= set(row["products"]) and bool(own) == bool(row["products"])
        hours = sorted((v["weekday"], v["opens"], v["closes"]) for v in rows(batch, "opening_hours").values())
        assert hours == sorted(
            (h["day"].lower(), h["opens"], "00:00" if h["closes"] == "24:00" else h["closes"])
            for h in truth["rules"]["opening_hours"] if h["location"] == at
        )  # fmt: skip
        offered = [v["rate_percent"] for v in rows(batch, "tip_suggestions").values() if v.get("rate_percent")]
        assert offered == [
            str(p) for t in truth["rules"]["online_tips"] if t["location"] == at for p in t["percentages"]
        ]
