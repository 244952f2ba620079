"""Square's peculiarities one by one: catalog objects written by hand, and the rows they become."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.pos.square import CONNECTOR
from aura_migration_tests.pos.square.square_support import (
    HERE,
    LOCATION,
    InMemory,
    catalog_object,
    category,
    item,
    mapped,
    modifier,
    modifier_list,
    of,
    rows,
    variation,
)

ELSEWHERE = "LAURA00000002"
ABSENT_HERE: dict[str, Any] = {"absent_at_location_ids": [HERE]}
ONLY_ELSEWHERE: dict[str, Any] = {"present_at_all_locations": False, "present_at_location_ids": [ELSEWHERE]}
ONLY_HERE: dict[str, Any] = {"present_at_all_locations": False, "present_at_location_ids": [HERE]}


def usd(cents: int) -> dict[str, Any]:
    return {"amount": cents, "currency": "USD"}


def attached(group: str, **said: Any) -> dict[str, Any]:
    return {"modifier_list_info": [{"modifier_list_id": group, **said}]}


def tax(ident: str, percentage: str | None = "8.875", envelope: Any = None, **data: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"name": ident, "inclusion_type": "ADDITIVE", "enabled": True, **data}
    if percentage is not None:
        said["percentage"] = percentage
    return catalog_object("TAX", ident, said, **(envelope or {}))


# Presence -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "sold"),
    [
        ({}, True),
        ({"present_at_all_locations": True}, True),
        (ABSENT_HERE, False),
        ({"present_at_all_locations": True, "absent_at_location_ids": [ELSEWHERE]}, True),
        (ONLY_HERE, True),
        (ONLY_ELSEWHERE, False),
        ({"present_at_all_locations": False}, False),
    ],
)
def test_an_item_is_sold_where_it_is_present(envelope: dict[str, Any], sold: bool) -> None:
    batch = mapped([item("i", envelope=envelope)])
    assert bool(of(batch, "items")) is sold
    assert bool(of(batch, "item_locations")) is sold


def test_an_item_none_of_whose_variations_is_present_is_not_sold_here_and_that_is_said() -> None:
    batch = mapped([item("i", variation("v", "i", envelope=ONLY_ELSEWHERE))])
    assert not of(batch, "items")
    assert [(loss.source_entity, loss.records) for loss in batch.losses if loss.field == "variations"] == [("ITEM", 1)]


def test_only_variations_present_here_are_sold_and_the_item_stays_one_of_several() -> None:
    away = variation("v2", "i", 900, envelope=ONLY_ELSEWHERE, name="Large")
    batch = mapped([item("i", variation("v1", "i", 500, name="Small"), away)])
    assert list(rows(batch, "variations")) == ["v1"]
    assert rows(batch, "items")["i"]["price_type"] == "variation"
    assert list(rows(batch, "item_locations")) == [f"{HERE}/i", f"{HERE}/i/v1"]


def test_lists_options_and_taxes_that_are_absent_here_are_not_attached() -> None:
    objects = [
        item("i", tax_ids=["t-away"], modifier_list_info=[{"modifier_list_id": "g-away"}, {"modifier_list_id": "g"}]),
        modifier_list("g", modifier("m", "g"), modifier("m-away", "g", envelope=ONLY_ELSEWHERE)),
        modifier_list("g-away", modifier("x", "g-away"), envelope=ABSENT_HERE),
        tax("t-away", envelope=ONLY_ELSEWHERE),
    ]
    batch = mapped(objects)
    assert list(rows(batch, "item_modifier_groups")) == [f"{HERE}/i/g"]
    assert list(rows(batch, "modifiers")) == ["g/m"]
    assert list(rows(batch, "modifier_locations")) == [f"{HERE}/g/m"]
    assert not of(batch, "item_taxes")
    assert not of(batch, "tax_rates")


# Prices -------------------------------------------------------------------------------------------------------------


def sold_at(**data: Any) -> dict[str, Any]:
    """Price at this location of an item whose only variation says this."""
    cents = data.pop("cents", 500)
    batch = mapped([item("i", variation("v", "i", cents, **data))])
    values = rows(batch, "item_locations")[f"{HERE}/i"]
    assert not of(batch, "variations")
    base = rows(batch, "items")["i"]
    return {"here": (values["price_type"], values["price_cents"]), "base": (base["price_type"], base["price_cents"])}


def override(**said: Any) -> list[dict[str, Any]]:
    return [{"location_id": ELSEWHERE, "price_money": usd(1)}, {"location_id": HERE, **said}]


def test_the_price_of_an_item_sold_in_one_way_stands_on_the_item() -> None:
    assert sold_at() == {"here": ("fixed", 500), "base": ("fixed", 500)}


def test_a_price_of_zero_is_free_and_not_open() -> None:
    assert sold_at(cents=0) == {"here": ("fixed", 0), "base": ("fixed", 0)}


def test_a_price_typed_at_the_sale_is_open() -> None:
    assert sold_at(cents=None, pricing_type="VARIABLE_PRICING")["here"] == ("open", None)


def test_a_price_without_an_amount_is_open() -> None:
    assert sold_at(cents=None)["base"] == ("open", None)


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ({"price_money": usd(650)}, ("fixed", 650)),
        ({"price_money": usd(0)}, ("fixed", 0)),
        ({"pricing_type": "VARIABLE_PRICING"}, ("open", None)),
        ({"pricing_type": "FIXED_PRICING"}, ("fixed", 500)),
        ({"track_inventory": True}, ("fixed", 500)),
    ],
)
def test_an_override_of_this_location_changes_the_price_here_only(said: dict[str, Any], price: Any) -> None:
    assert sold_at(location_overrides=override(**said)) == {"here": price, "base": ("fixed", 500)}


def test_an_open_price_may_be_fixed_at_one_location() -> None:
    found = sold_at(
        cents=None,
        pricing_type="VARIABLE_PRICING",
        location_overrides=override(price_money=usd(700), pricing_type="FIXED_PRICING"),
    )
    assert found == {"here": ("fixed", 700), "base": ("open", None)}


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ({"weight_unit": "IMPERIAL_POUND", "type": "TYPE_WEIGHT"}, "lb"),
        ({"volume_unit": "GENERIC_FLUID_OUNCE"}, "fl oz"),
        ({"custom_unit": {"name": "slice", "abbreviation": "slc"}}, "slc"),
        ({"weight_unit": "FUTURE_UNIT_TOD"}, "tod"),
    ],
)
def test_what_is_sold_by_a_measure_is_priced_per_unit_with_its_name(unit: dict[str, Any], name: str) -> None:
    measure = catalog_object("MEASUREMENT_UNIT", "u", {"measurement_unit": unit, "precision": 2})
    batch = mapped([item("i", variation("v", "i", 1299, measurement_unit_id="u")), measure])
    assert rows(batch, "items")["i"] | {"price_type": "per_unit", "unit_name": name} == rows(batch, "items")["i"]
    here = rows(batch, "item_locations")[f"{HERE}/i"]
    assert (here["price_type"], here["price_cents"]) == ("per_unit", 1299)


def test_several_variations_carry_prices_skus_and_option_values_in_their_order() -> None:
    objects = [
        item(
            "i",
            variation("v2", "i", 700, name="Large, Oat", sku="L", upc="012345678905", ordinal=2,
                      item_option_values=[{"item_option_id": "o2", "item_option_value_id": "oat"},
                                          {"item_option_id": "o1", "item_option_value_id": "large"}]),
            variation("v1", "i", 500, name="Small", sku="", ordinal=1),
            item_options=[{"item_option_id": "o1"}, {"item_option_id": "o2"}],
        ),
        catalog_object("ITEM_OPTION", "o1", {"name": "Size", "values": [
            catalog_object("ITEM_OPTION_VAL", "large", {"item_option_id": "o1", "name": "Large"})]}),
        catalog_object("ITEM_OPTION", "o2", {"name": "Milk", "values": [
            catalog_object("ITEM_OPTION_VAL", "oat", {"item_option_id": "o2", "name": "Oat"})]}),
    ]  # fmt: skip
    found = rows(mapped(objects), "variations")
    assert [(key, values["display_order"], values["price_cents"]) for key, values in found.items()] == [
        ("v1", 0, 500),
        ("v2", 1, 700),
    ]
    assert (found["v1"]["sku"], found["v2"]["sku"], found["v2"]["barcode"]) == (None, "L", "012345678905")
    assert found["v2"]["options"] == [{"option": "Size", "value": "Large"}, {"option": "Milk", "value": "Oat"}]
    assert rows(mapped(objects), "items")["i"]["price_cents"] is None


def test_a_price_in_another_currency_goes_to_quarantine() -> None:
    ways = (variation("v1", "i", 500), variation("v2", "i", None, price_money={"amount": 1, "currency": "EUR"}))
    batch = mapped([item("i", *ways)])
    assert [(record.entity, record.key) for record in batch.rejected] == [("item_locations", f"{HERE}/i/v2")]
    assert "EUR" in batch.rejected[0].reason


# Availability, stock ------------------------------------------------------------------------------------------------


def count(ident: str, quantity: Any, state: str = "IN_STOCK", **said: Any) -> dict[str, Any]:
    return {"catalog_object_id": ident, "catalog_object_type": "ITEM_VARIATION", "state": state, "location_id": HERE,
            "quantity": quantity, "calculated_at": "2026-01-01T00:00:00Z", **said}  # fmt: skip


def test_sold_out_at_this_location_is_86d_and_has_nothing_in_stock_whatever_the_count_says() -> None:
    sold_out = variation("v", "i", track_inventory=True, location_overrides=override(sold_out=True))
    batch = mapped([item("i", sold_out)], counts=[count("v", "12")])
    assert rows(batch, "item_locations")[f"{HERE}/i"]["is_available"] is False
    assert rows(batch, "items")["i"]["is_available"] is True
    stock = rows(batch, "stock")[f"{HERE}/i"]
    assert (stock["status"], stock["quantity"], stock["is_tracked"]) == ("out_of_stock", "0", True)
    assert any(loss.source_entity == "INVENTORY_COUNT" and loss.field == "quantity" for loss in batch.losses)


def test_an_item_is_86d_only_when_all_its_variations_are() -> None:
    gone: dict[str, Any] = {"location_overrides": override(sold_out=True)}
    for other, available in (({}, True), (gone, False)):
        batch = mapped([item("i", variation("v1", "i", **gone), variation("v2", "i", **other))])
        sold = rows(batch, "item_locations")
        assert sold[f"{HERE}/i/v1"]["is_available"] is False
        assert sold[f"{HERE}/i"]["is_available"] is available


@pytest.mark.parametrize(
    ("quantity", "kept"),
    [("42", "42"), ("2.250", "2.25"), ("-3", "-3"), ("0", "0"), (7, "7"), (1.5, "1.5"), ("100", "100")],
)
def test_counts_come_as_texts_or_numbers_and_are_kept_exactly(quantity: Any, kept: str) -> None:
    batch = mapped([item("i", variation("v", "i", track_inventory=True))], counts=[count("v", quantity)])
    stock = rows(batch, "stock")[f"{HERE}/i"]
    assert (stock["status"], stock["quantity"]) == ("quantity", kept)


def test_stock_that_is_not_tracked_here_has_no_row() -> None:
    here_not = variation("v", "i", track_inventory=True, location_overrides=override(track_inventory=False))
    assert not of(mapped([item("i", here_not)], counts=[count("v", "5")]), "stock")
    assert not of(mapped([item("i")], counts=[count("i-V", "5")]), "stock")


def test_tracked_stock_without_a_count_is_known_to_be_on_sale_and_no_more() -> None:
    stock = rows(mapped([item("i", variation("v", "i", track_inventory=True))]), "stock")[f"{HERE}/i"]
    assert (stock["status"], stock["quantity"], stock["is_tracked"]) == ("in_stock", None, True)


def test_the_newest_count_is_taken_whatever_the_notation_of_its_time_stamp() -> None:
    counts = [
        count("v", "1", calculated_at="2026-01-01T00:00:00.123456789Z"),
        count("v", "2", calculated_at="2026-01-01T00:00:00.95Z"),
        count("v", "3", calculated_at="2026-01-01T00:00:00Z"),
        count("v", "4", location_id=ELSEWHERE, calculated_at="2027-01-01T00:00:00Z"),
        count("v", "5", state="WASTE", calculated_at="2027-01-01T00:00:00Z"),
    ]
    batch = mapped([item("i", variation("v", "i", track_inventory=True))], counts=counts)
    assert rows(batch, "stock")[f"{HERE}/i"]["quantity"] == "2"


def test_stock_of_variations_and_of_whole_items_and_their_alerts() -> None:
    ways = [
        variation("v1", "i", track_inventory=True, sku="A", inventory_alert_type="LOW_QUANTITY",
                  inventory_alert_threshold=5),
        variation("v2", "i", name="Large", track_inventory=True, inventory_alert_type="LOW_QUANTITY",
                  inventory_alert_threshold=5, location_overrides=override(inventory_alert_type="NONE")),
    ]  # fmt: skip
    counts = [count("v1", "9"), count("v2", "8"), count("i", "17", catalog_object_type="ITEM")]
    found = rows(mapped([item("i", *ways)], counts=counts), "stock")
    assert {key: (v["quantity"], v.get("threshold"), v.get("variation_key")) for key, v in found.items()} == {
        f"{HERE}/i/v1": ("9", "5", "v1"),
        f"{HERE}/i/v2": ("8", None, "v2"),
        f"{HERE}/i": ("17", None, None),
    }
    assert found[f"{HERE}/i/v2"]["item_name"] == "I - Large"


def test_a_count_that_is_no_number_goes_to_quarantine() -> None:
    batch = mapped([item("i", variation("v", "i", track_inventory=True))], counts=[count("v", "many")])
    assert [(record.entity, record.key) for record in batch.rejected] == [("stock", f"{HERE}/i")]


# Modifiers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "limits", "kind"),
    [
        ({"selection_type": "SINGLE"}, (0, 1), "single"),
        ({"selection_type": "MULTIPLE"}, (0, None), "multiple"),
        ({}, (0, None), "multiple"),
        ({"selection_type": "SINGLE", "min_selected_modifiers": -1, "max_selected_modifiers": -1}, (0, 1), "single"),
        ({"selection_type": "MULTIPLE", "min_selected_modifiers": 1, "max_selected_modifiers": 1}, (1, 1), "single"),
        ({"selection_type": "SINGLE", "min_selected_modifiers": 2, "max_selected_modifiers": 4}, (2, 4), "multiple"),
        ({"min_selected_modifiers": 0, "max_selected_modifiers": 0}, (0, None), "multiple"),
        ({"min_selected_modifiers": -1, "max_selected_modifiers": 3}, (0, 3), "multiple"),
        ({"min_selected_modifiers": 2, "max_selected_modifiers": -1}, (2, None), "multiple"),
        ({"min_selected_modifiers": "1", "max_selected_modifiers": "2"}, (1, 2), "multiple"),
    ],
)
def test_limits_of_a_list_are_its_own_unless_unset_and_then_follow_its_selection_type(
    said: dict[str, Any], limits: tuple[int, int | None], kind: str
) -> None:
    batch = mapped([modifier_list("g", modifier("m", "g"), **said), item("i", **attached("g"))])
    group = rows(batch, "modifier_groups")["g"]
    assert (group["min_selections"], group["max_selections"]) == limits
    assert (group["selection_type"], group["is_required"]) == (kind, limits[0] > 0)
    link = rows(batch, "item_modifier_groups")[f"{HERE}/i/g"]
    assert (link["min_selections"], link["max_selections"], link["is_required"]) == (*limits, limits[0] > 0)


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        ({"min_selected_modifiers": -1, "max_selected_modifiers": -1}, (1, 2)),
        ({}, (1, 2)),
        ({"min_selected_modifiers": 0, "max_selected_modifiers": 0}, (0, None)),
        ({"min_selected_modifiers": 2, "max_selected_modifiers": 5}, (2, 5)),
        ({"min_selected_modifiers": -1, "max_selected_modifiers": 1}, (0, 1)),
    ],
)
def test_the_limits_of_an_attachment_win_unless_both_are_unset(said: dict[str, Any], limits: Any) -> None:
    group = modifier_list("g", modifier("m", "g"), min_selected_modifiers=1, max_selected_modifiers=2)
    link = rows(mapped([group, item("i", **attached("g", **said))]), "item_modifier_groups")[f"{HERE}/i/g"]
    assert (link["min_selections"], link["max_selections"]) == limits


def test_a_list_that_is_attached_but_switched_off_is_an_inactive_link() -> None:
    batch = mapped([modifier_list("g", modifier("m", "g")), item("i", **attached("g", enabled=False))])
    assert rows(batch, "item_modifier_groups")[f"{HERE}/i/g"]["is_active"] is False


def test_a_text_list_asks_for_a_text() -> None:
    group = modifier_list("g", modifier_type="TEXT", max_length=40, text_required=True)
    batch = mapped([group, item("i", **attached("g", min_selected_modifiers=-1, max_selected_modifiers=-1))])
    values = rows(batch, "modifier_groups")["g"]
    assert (values["selection_type"], values["max_length"], values["is_required"]) == ("text", 40, True)
    assert rows(batch, "item_modifier_groups")[f"{HERE}/i/g"]["min_selections"] == 1
    assert not of(batch, "modifiers")


def test_options_are_free_without_a_price_and_cost_what_their_location_says() -> None:
    objects = [
        modifier_list(
            "g",
            modifier("free", "g", None),
            modifier("dear", "g", 150, location_overrides=override(price_money=usd(175))),
            modifier("given", "g", 150, location_overrides=override(price_money=usd(0))),
            modifier("out", "g", 50, location_overrides=override(sold_out=True)),
        )
    ]
    batch = mapped(objects)
    base = {key: values["price_adjustment_cents"] for key, values in rows(batch, "modifiers").items()}
    assert base == {"g/free": 0, "g/dear": 150, "g/given": 150, "g/out": 50}
    here = {key: (v["price_cents"], v["is_available"]) for key, v in rows(batch, "modifier_locations").items()}
    assert here == {
        f"{HERE}/g/free": (0, True),
        f"{HERE}/g/dear": (175, True),
        f"{HERE}/g/given": (0, True),
        f"{HERE}/g/out": (50, False),
    }


@pytest.mark.parametrize(
    ("own", "said", "differs"),
    [
        (False, {"on_by_default_override": "YES"}, True),
        (True, {"on_by_default_override": "NO"}, False),
        (True, {"on_by_default_override": "YES"}, None),
        (True, {"on_by_default_override": "NOT_SET", "on_by_default": False}, None),
        (True, {"on_by_default": False}, False),
        (False, {"on_by_default": False}, None),
        (False, {"hidden_online_override": "YES"}, None),
    ],
)
def test_a_default_of_one_item_is_kept_only_where_it_differs(own: bool, said: Any, differs: bool | None) -> None:
    group = modifier_list("g", modifier("m", "g", on_by_default=own))
    link = attached("g", modifier_overrides=[{"modifier_id": "m", **said}])
    found = rows(mapped([group, item("i", **link)]), "modifier_defaults")
    if differs is None:
        assert found == {}
    else:
        assert found[f"{HERE}/i/g/m"] == {"menu_item_key": "i", "modifier_key": "g/m", "is_default": differs}


def test_options_ask_for_further_lists_with_the_limits_of_those() -> None:
    objects = [
        item("i", **attached("g1")),
        modifier_list("g1", modifier("m1", "g1", child_modifier_list_ids=["g2", "gone"])),
        modifier_list("g2", modifier("m2", "g2", child_modifier_list_ids=["g3"]), min_selected_modifiers=1,
                      max_selected_modifiers=1),
        modifier_list("g3", modifier("m3", "g3")),
    ]  # fmt: skip
    batch = mapped(objects)
    found = {key: (v["min_selections"], v["max_selections"]) for key, v in rows(batch, "nested_groups").items()}
    assert found == {f"{HERE}/g1/m1/g2": (1, 1), f"{HERE}/g2/m2/g3": (0, None)}
    assert any(loss.field == "modifier_data.child_modifier_list_ids[]" for loss in batch.losses)


def test_a_circle_of_lists_is_cut_where_it_would_come_back_to_the_item_s_own_list() -> None:
    objects = [
        modifier_list("g2", modifier("m2", "g2", child_modifier_list_ids=["g1", "g2"])),
        modifier_list("g1", modifier("m1", "g1", child_modifier_list_ids=["g2"])),
        item("i", **attached("g1")),
    ]
    batch = mapped(objects)
    assert list(rows(batch, "nested_groups")) == [f"{HERE}/g1/m1/g2"]
    assert [record.key for record in batch.rejected] == [f"{HERE}/g2/m2/g1", f"{HERE}/g2/m2/g2"]


def test_quantity_rules_of_lists_are_kept_and_those_of_items_that_say_otherwise() -> None:
    group = modifier_list("g", modifier("m", "g", hidden_online=True), allow_quantities=True, is_conversational=True)
    batch = mapped(
        [group, item("i", **attached("g", allow_quantities="NO")), item("j", **attached("g", allow_quantities="YES"))]
    )
    values = rows(batch, "modifier_groups")["g"]
    assert (values["allow_quantities"], values["settings"]) == (True, {"is_conversational": True})
    assert "online" not in rows(batch, "modifiers")["g/m"]["channels"]
    links = rows(batch, "item_modifier_groups")
    assert {key: link.get("allow_quantities") for key, link in links.items()} == {
        f"{HERE}/i/g": False,
        f"{HERE}/j/g": None,
    }
    assert not [loss for loss in batch.losses if "allow_quantities" in loss.field]


# Categories, menus, stations ----------------------------------------------------------------------------------------


def test_menus_sections_categories_and_kitchen_stations_come_from_the_three_types_of_category() -> None:
    period = {"day_of_week": "FRI", "start_local_time": "22:00:00", "end_local_time": "02:00:00"}
    objects = [
        category("food"),
        category("burgers", parent="food"),
        category("dinner", "MENU_CATEGORY", availability_period_ids=["p1", "p2"], parent_category={"ordinal": 5}),
        category("mains", "MENU_CATEGORY", "dinner"),
        category("best", "MENU_CATEGORY", "mains"),
        category("grill", "KITCHEN_CATEGORY"),
        category("bar", "KITCHEN_CATEGORY"),
        catalog_object("AVAILABILITY_PERIOD", "p1", period),
        catalog_object("AVAILABILITY_PERIOD", "p2", {**period, "day_of_week": "SAT"}),
        item("i", categories=[{"id": "best", "ordinal": 1}, {"id": "grill"}, {"id": "bar"}, {"id": "burgers"}],
             reporting_category={"id": "burgers", "ordinal": -2251799813685248}),
    ]  # fmt: skip
    batch = mapped(objects)
    assert rows(batch, "menus")["dinner"]["availability"] == [{"days": ["fri", "sat"], "from": "22:00", "to": "02:00"}]
    tree = {key: (v["parent_category_key"], v["menu_key"]) for key, v in rows(batch, "categories").items()}
    assert tree == {
        "food": (None, None),
        "burgers": ("food", None),
        "mains": (None, "dinner"),
        "best": ("mains", "dinner"),
    }
    assert list(rows(batch, "kitchen_stations")) == [f"{HERE}/grill", f"{HERE}/bar"]
    stands = {key: values["is_primary"] for key, values in rows(batch, "item_categories").items()}
    assert stands == {f"{HERE}/i/best": False, f"{HERE}/i/burgers": True}
    assert list(rows(batch, "item_menus")) == [f"{HERE}/i/dinner"]
    routed = {key: (v["is_primary"], v["sequence"]) for key, v in rows(batch, "item_stations").items()}
    assert routed == {f"{HERE}/i/grill": (True, 1), f"{HERE}/i/bar": (False, 2)}
    assert rows(batch, "items")["i"]["category_key"] == "burgers"


@pytest.mark.parametrize(
    ("said", "primary", "stands"),
    [
        ({"category_id": "old"}, "old", ["old"]),
        ({"category_id": "old", "categories": [{"id": "a"}]}, "a", ["a"]),
        ({"category_id": "old", "reporting_category": {"id": "a"}}, "a", ["a"]),
        ({"categories": [{"id": "section"}, {"id": "a"}]}, "a", ["section", "a"]),
        ({"categories": [{"id": "section"}]}, "section", ["section"]),
        ({"categories": [{"id": "a"}], "reporting_category": {"id": "root"}}, "a", ["a"]),
        ({"categories": [{"id": "gone"}]}, None, []),
        ({}, None, []),
    ],
)
def test_the_primary_category_is_the_reporting_one_and_the_old_one_only_a_fallback(
    said: dict[str, Any], primary: str | None, stands: list[str]
) -> None:
    objects = [
        category("old"),
        category("a"),
        category("root", "MENU_CATEGORY"),
        category("section", "MENU_CATEGORY", "root"),
        category("gone") | {"is_deleted": True},
        item("i", **said),
    ]
    batch = mapped(objects)
    assert rows(batch, "items")["i"]["category_key"] == primary
    assert [key.split("/")[2] for key in rows(batch, "item_categories")] == stands


def test_huge_negative_ordinals_become_places_in_a_category() -> None:
    low, high = -2251799813685248, -2251731094208512
    objects = [
        category("c"),
        item("b", categories=[{"id": "c", "ordinal": high}]),
        item("a", categories=[{"id": "c", "ordinal": low}]),
        item("z", categories=[{"id": "c", "ordinal": high}]),
    ]
    batch = mapped(objects)
    places = {key: values["display_order"] for key, values in rows(batch, "item_categories").items()}
    assert places == {f"{HERE}/a/c": 0, f"{HERE}/b/c": 1, f"{HERE}/z/c": 2}
    assert rows(batch, "items")["z"]["display_order"] == 2


def test_a_category_absent_here_still_comes_when_something_here_stands_on_it() -> None:
    away = category("away") | ABSENT_HERE
    batch = mapped([away, category("child", parent="away"), item("i", reporting_category={"id": "away"})])
    assert set(rows(batch, "categories")) == {"away", "child"}
    assert set(rows(mapped([away]), "categories")) == set()


def test_parents_that_form_a_circle_are_opened() -> None:
    batch = mapped([category("a", parent="b"), category("b", parent="a")])
    parents = {key: values["parent_category_key"] for key, values in rows(batch, "categories").items()}
    assert sorted(map(str, parents.values())) in (["None", "a"], ["None", "b"])


# Taxes --------------------------------------------------------------------------------------------------------------


def test_a_tax_applies_to_a_taxable_item_that_names_it_where_it_is_enabled_and_present() -> None:
    objects = [
        tax("on"),
        tax("included", "7.0", inclusion_type="INCLUSIVE"),
        tax("off", enabled=False),
        tax("away", envelope=ABSENT_HERE),
        item("i", tax_ids=["on", "included", "off", "away", "gone", "on"]),
        item("exempt", tax_ids=["on"], is_taxable=False),
        item("none"),
    ]
    batch = mapped(objects)
    rates = {key: (v["rate_percent"], v["is_inclusive"], v["is_active"]) for key, v in rows(batch, "tax_rates").items()}
    assert rates == {"on": ("8.875", False, True), "included": ("7", True, True), "off": ("8.875", False, False)}
    assert list(rows(batch, "item_taxes")) == [f"{HERE}/item/i/on", f"{HERE}/item/i/included"]
    assert any(loss.field == "item_data.tax_ids[]" and loss.records == 1 for loss in batch.losses)


def test_a_tax_without_a_percentage_goes_to_quarantine() -> None:
    batch = mapped([tax("t", None), item("i", tax_ids=["t"])])
    assert [record.key for record in batch.rejected] == ["t"]
    assert not of(batch, "item_taxes")


# What an item is ----------------------------------------------------------------------------------------------------


def test_archived_items_are_kept_switched_off_and_deleted_ones_are_no_part_of_the_menu() -> None:
    objects = [item("old", is_archived=True), item("gone", envelope={"is_deleted": True})]
    batch = mapped(objects)
    assert {key: values["is_active"] for key, values in rows(batch, "items").items()} == {"old": False}
    assert rows(batch, "item_locations")[f"{HERE}/old"]["is_active"] is False
    assert [(loss.source_entity, loss.examples) for loss in batch.losses if loss.field == "is_deleted"] == [
        ("ITEM", ("gone",)),
    ]


@pytest.mark.parametrize(
    ("product", "kind"),
    [
        ("REGULAR", "item"),
        ("FOOD_AND_BEV", "item"),
        ("GIFT_CARD", "gift_card"),
        ("DONATION", "donation"),
        ("APPOINTMENTS_SERVICE", "service"),
        ("EVENT", "item"),
        (None, "item"),
    ],
)
def test_product_types_become_item_types(product: str | None, kind: str) -> None:
    assert rows(mapped([item("i", product_type=product)]), "items")["i"]["item_type"] == kind


def test_names_descriptions_and_everything_else_an_item_says_is_kept_as_it_is() -> None:
    data = {
        "name": " Dock Burger \U0001f354 ",
        "description_html": "<p>Beef &amp; <b>bacon</b></p>",
        "abbreviation": "DB",
        "kitchen_name": "BURG",
        "label_color": "9da2a6",
        "is_alcoholic": True,
        "image_ids": ["p1", "gone", "p2"],
        "food_and_beverage_details": {
            "calorie_count": 850,
            "dietary_preferences": [{"type": "STANDARD", "standard_name": "GLUTEN_FREE"}, {"custom_name": "Paleo"}],
            "ingredients": [{"type": "STANDARD", "standard_name": "TREE_NUTS"}],
        },
    }
    pictures = [catalog_object("IMAGE", name, {"url": f"https://img.example/{name}.png"}) for name in ("p1", "p2")]
    values = rows(mapped([item("i", variation("v", "i", sku="DUP", upc="1"), **data), *pictures]), "items")["i"]
    assert values["name"] == " Dock Burger \U0001f354 "
    assert values["description"] == "Beef & bacon"
    assert (values["short_name"], values["kitchen_name"], values["button_color"]) == ("DB", "BURG", "#9da2a6")
    assert (values["calories"], values["dietary_tags"], values["allergens"]) == (
        850,
        ["gluten_free", "Paleo"],
        ["tree_nuts"],
    )
    assert values["images"] == ["https://img.example/p1.png", "https://img.example/p2.png"]
    assert values["image_url"] == "https://img.example/p1.png"
    assert (values["contains_alcohol"], values["sku"], values["barcode"]) == (True, "DUP", "1")


def test_duplicate_and_blank_skus_are_kept_apart_from_no_sku() -> None:
    objects = [item(name, variation(f"{name}-v", name, sku=sku)) for name, sku in (("a", "X"), ("b", "X"), ("c", ""))]
    assert [v["sku"] for v in rows(mapped(objects), "items").values()] == ["X", "X", None]


def test_custom_attributes_become_fields_by_name_with_selections_resolved() -> None:
    definition = {
        "name": "Spice level",
        "key": "spice",
        "type": "SELECTION",
        "selection_config": {"allowed_selections": [{"uid": "u1", "name": "Hot"}, {"uid": "u2", "name": "Mild"}]},
    }
    values = {
        "spice": {"key": "spice", "type": "SELECTION", "selection_uid_values": ["u1", "gone"]},
        "app:abv": {"name": "ABV", "type": "NUMBER", "number_value": 5.25},
        "app:old": {"name": "ABV", "type": "NUMBER", "number_value": "4.0"},
        "local": {"name": "Local", "type": "BOOLEAN", "boolean_value": False},
        "note": {"name": "Note", "type": "STRING", "string_value": "keep cold"},
        "empty": {"name": "Empty", "type": "STRING", "string_value": ""},
    }
    on_way = {
        "custom_attribute_values": {
            "note": {"name": "Note", "string_value": "of the way"},
            "b": {"name": "Bin", "string_value": "7"},
        }
    }
    objects = [
        item("i", variation("v", "i", envelope=on_way), envelope={"custom_attribute_values": values}),
        catalog_object("CUSTOM_ATTRIBUTE_DEFINITION", "d", definition),
    ]
    assert rows(mapped(objects), "items")["i"]["custom_fields"] == {
        "Spice level": ["Hot", "gone"],
        "ABV": "5.25",
        "app:old": "4",
        "Local": False,
        "Note": "keep cold",
        "Bin": "7",
    }


def test_a_variation_that_is_only_stocked_is_kept_switched_off() -> None:
    keg = variation("keg", "i", name="Keg", sellable=False)
    batch = mapped([item("i", variation("pour", "i", name="Pint"), keg)])
    assert {key: values["is_active"] for key, values in rows(batch, "variations").items()} == {
        "pour": True,
        "keg": False,
    }
    assert rows(batch, "item_locations")[f"{HERE}/i/keg"]["is_active"] is False
    assert any(loss.field == "item_variation_data.sellable" for loss in batch.losses)


# Versions, defects --------------------------------------------------------------------------------------------------


def test_the_newest_version_of_an_object_counts_wherever_it_stands() -> None:
    stale = variation("v", "i", 500)
    fresh = variation("v", "i", 550) | {"version": 2}
    for objects in ([item("i", stale), fresh], [fresh, item("i", stale)], [stale, item("i", fresh)]):
        assert rows(mapped(objects), "items")["i"]["price_cents"] == 550


def test_variations_are_put_together_from_the_item_and_from_those_that_came_alone() -> None:
    deleted = variation("v2", "i") | {"version": 2, "is_deleted": True}
    objects = [
        item("i", variation("v1", "i", name="A"), variation("v2", "i", name="B")),
        deleted,
        variation("v3", "i", name="C"),
    ]
    assert list(rows(mapped(objects), "variations")) == ["v1", "v3"]


def test_children_that_do_not_name_their_parent_belong_where_they_stand() -> None:
    way = variation("v", "i", 700)
    del way["item_variation_data"]["item_id"]
    option = modifier("m", "g", 25)
    del option["modifier_data"]["modifier_list_id"]
    batch = mapped([item("i", way), modifier_list("g", option)])
    assert rows(batch, "items")["i"]["price_cents"] == 700
    assert list(rows(batch, "modifiers")) == ["g/m"]


def test_records_of_a_broken_shape_go_to_quarantine_and_the_rest_is_mapped() -> None:
    broken = [
        item("bad", name={"not": "a text"}),
        variation("badv", "i") | {"version": "no number"},
        modifier("badm", "g", None, price_money={"amount": "12.5 dollars"}),
        {"type": "CATEGORY", "id": "badc", "category_data": []},
        {"type": "ITEM"},
    ]
    batch = mapped([*broken, item("i"), modifier_list("g", modifier("m", "g"))])
    assert {(record.entity, record.key) for record in batch.rejected} >= {
        ("items", "bad"),
        ("variations", "badv"),
        ("modifiers", "g/badm"),
        ("categories", "badc"),
    }
    assert any(record.entity == "items" and "no usable id" in record.reason for record in batch.rejected)
    assert list(rows(batch, "items")) == ["i"]
    assert list(rows(batch, "modifiers")) == ["g/m"]


def test_an_item_without_any_variation_or_content_goes_to_quarantine() -> None:
    empty = item("i")
    empty["item_data"]["variations"] = []
    batch = mapped([empty, {"type": "ITEM", "id": "hollow", "version": 1}])
    assert {record.key for record in batch.rejected} == {"i", "hollow"}
    assert all(record.record.startswith("catalog#") for record in batch.rejected)


def test_the_same_list_attached_twice_is_attached_once_and_the_second_is_shown() -> None:
    link = {"modifier_list_info": [{"modifier_list_id": "g"}, {"modifier_list_id": "g", "enabled": False}]}
    batch = mapped([modifier_list("g", modifier("m", "g")), item("i", **link)])
    assert rows(batch, "item_modifier_groups")[f"{HERE}/i/g"]["is_active"] is True
    assert [loss.examples for loss in batch.losses if loss.field == "item_data.modifier_list_info[]"] == [("i",)]


def test_every_row_that_comes_from_a_record_carries_it_and_says_where_it_stands() -> None:
    batch = mapped([item("i"), category("c"), tax("t"), modifier_list("g", modifier("m", "g"))])
    for row in batch.rows:
        if row.entity == "locations":
            continue
        assert row.source is not None
        assert row.record == f"catalog#{row.source['id']}"


def test_a_location_is_the_pos_s_own_record_of_it() -> None:
    raw = {"id": HERE, "name": "Harbor St", "status": "INACTIVE", "timezone": "America/New_York", "currency": "USD",
           "phone_number": "+1 555 0100", "mcc": "5812", "business_name": "Aura Test Grill",
           "address": {"address_line_1": "12 Harbor St", "address_line_2": "Unit 4", "address_line_3": "Pier 2",
                       "locality": "Duluth", "administrative_district_level_1": "MN", "postal_code": "55802",
                       "country": "US"}}  # fmt: skip
    reader: Any = InMemory(locations=[{"locations": [{"id": ELSEWHERE}, raw]}])
    batch = CONNECTOR.map_menu(reader, LOCATION)
    values = rows(batch, "locations")[HERE]
    assert (values["timezone"], values["is_active"], values["business_day_cutover_time"]) == (
        "America/New_York",
        False,
        "00:00",
    )
    assert (values["address_line1"], values["address_line2"]) == ("12 Harbor St", "Unit 4, Pier 2")
    assert (values["city"], values["state"], values["postal_code"], values["country"]) == (
        "Duluth",
        "MN",
        "55802",
        "US",
    )
    assert not any(loss.source_entity == "LOCATION" for loss in batch.losses), "what receipts say moves with the rules"


# Losses -------------------------------------------------------------------------------------------------------------


def test_what_has_no_home_is_counted_by_type_and_field_and_what_says_nothing_is_not() -> None:
    objects = [
        item(
            "i",
            skip_modifier_screen=False,
            ecom_seo_data={"page_title": "Burger"},
            **attached("g", is_conversational="NOT_SET"),
        ),
        item("j", skip_modifier_screen=True, novelty={"x": 1}),
        modifier_list("g", modifier("m", "g")),
        catalog_object("DISCOUNT", "d", {"name": "Ten percent", "label_color": "ff0000"}),
        catalog_object("FUTURE_TYPE", "f", {"name": "?"}),
    ]
    losses = {(loss.source_entity, loss.field): loss for loss in mapped(objects).losses}
    assert losses["ITEM", "item_data.skip_modifier_screen"].examples == ("j",)
    assert losses["ITEM", "item_data.ecom_seo_data"].records == 1
    assert losses["ITEM", "item_data.novelty"].examples == ("j",)
    assert ("ITEM", "item_data.modifier_list_info[].is_conversational") not in losses
    assert losses["DISCOUNT", "discount_data.label_color"].records == 1
    assert losses["FUTURE_TYPE", "future_type_data"].records == 1
    assert not of(mapped(objects), "price_rules")


def test_a_plain_menu_loses_nothing() -> None:
    objects = [item("i", categories=[{"id": "c"}], tax_ids=["t"], **attached("g")), category("c"), tax("t"),
               modifier_list("g", modifier("m", "g"))]  # fmt: skip
    silent = category("seen", online_visibility=True)
    hidden = category("unseen", online_visibility=False)
    assert mapped([*objects, silent]).losses == []
    assert [loss.examples for loss in mapped([*objects, silent, hidden]).losses] == [("unseen",)]


# Versions of the API --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "losses"), [("2026-09-16", 0), ("2025-08-20", 1), ("", 1)])
def test_an_older_version_leaves_it_open_whether_options_open_further_lists(version: str, losses: int) -> None:
    objects = [modifier_list("g", modifier("m", "g"), modifier("n", "g"))]
    reader: Any = InMemory(version, catalog=[{"objects": objects}])
    found = [loss for loss in CONNECTOR.map_menu(reader, LOCATION).losses if loss.source_entity == "MODIFIER"]
    assert [(loss.records, loss.examples) for loss in found] == [(2, ("m", "n"))] * losses
    nested = [modifier_list("g", modifier("m", "g", child_modifier_list_ids=["h"])), modifier_list("h")]
    shown: Any = InMemory(version, catalog=[{"objects": nested}])
    batch = CONNECTOR.map_menu(shown, LOCATION)
    assert of(batch, "nested_groups")
    assert not [loss for loss in batch.losses if loss.source_entity == "MODIFIER"]


def test_kitchen_names_stand_on_items_options_and_rows_of_variations() -> None:
    shake = item("shake", variation("s", "shake", kitchen_name="SHK S"), variation("l", "shake"), kitchen_name="SHK")
    batch = mapped([shake, item("tea", variation("t", "tea", kitchen_name="TEA")),
                    modifier_list("g", modifier("m", "g", kitchen_name="MMM"))])  # fmt: skip
    assert {key: row["kitchen_name"] for key, row in rows(batch, "items").items()} == {"shake": "SHK", "tea": "TEA"}
    here = rows(batch, "item_locations")
    assert [here[f"{HERE}/shake/{way}"]["kitchen_name"] for way in ("s", "l")] == ["SHK S", None]
    assert rows(batch, "modifiers")["g/m"]["kitchen_name"] == "MMM"


def test_an_item_none_of_whose_variations_is_sold_here_is_a_loss_with_its_id() -> None:
    elsewhere = {"present_at_all_locations": False, "present_at_location_ids": ["L-OTHER"]}
    batch = mapped([item("shell", variation("v", "shell", envelope=elsewhere))])
    assert not of(batch, "items")
    (loss,) = [loss for loss in batch.losses if loss.source_entity == "ITEM"]
    assert (loss.records, loss.examples) == (1, ("shell",))
    assert "not sold here" in loss.note


def test_limits_of_an_attachment_count_as_soon_as_one_of_them_is_set() -> None:
    links = {
        "modifier_list_info": [{"modifier_list_id": "g", "min_selected_modifiers": 0, "max_selected_modifiers": -1}]
    }
    group = modifier_list("g", modifier("m", "g"), min_selected_modifiers=0, max_selected_modifiers=2)
    (link,) = of(mapped([item("i", **links), group]), "item_modifier_groups")
    assert (link.values["min_selections"], link.values["max_selections"]) == (0, None)
