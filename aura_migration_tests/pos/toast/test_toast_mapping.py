"""Each peculiarity of Toast's menus by itself, from records written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration_tests.pos.toast.canonical_menu import Moment, Till
from aura_migration_tests.pos.toast.hand_written import (
    group,
    item,
    mapped,
    menu,
    menu_group,
    option,
    rules,
    time_rule,
)

WEEKDAYS = ["MONDAY", "TUESDAY"]


def test_a_fixed_price_that_is_missing_sends_the_item_to_quarantine_and_never_becomes_zero() -> None:
    rows = mapped([item("Soup", None), item("Tea", 0)])
    assert list(rows.of("items")) == ["m-Tea"]
    assert rows.of("items")["m-Tea"]["price_cents"] == 0
    assert "gives none" in rows.rejected["items", "m-Soup"]
    (refused,) = rows.batch.rejected
    assert (refused.values["name"], refused.values["price_type"]) == ("Soup", "fixed")
    assert "price_cents" not in refused.values
    waiting = rows.of("item_locations")["L1/m-Soup"]
    assert "price_cents" not in waiting and "price_type" not in waiting
    assert "L1/m-Soup/m-Mains" in rows.of("item_categories")


@pytest.mark.parametrize("field", ["price", "visibility", "modifierGroupReferences", "pricingStrategy", "taxInfo"])
def test_a_field_that_toast_drops_quarantines_the_item_with_the_fields_name(field: str) -> None:
    broken = item("Soup")
    del broken[field]
    rows = mapped([broken, item("Tea")])
    assert list(rows.of("items")) == ["m-Tea"]
    assert field in rows.rejected["items", "m-Soup"]


def test_a_dropped_field_of_a_group_quarantines_the_group_with_its_options() -> None:
    broken = group("Sides", [1])
    del broken["maxSelections"]
    rows = mapped([item("Soup", modifierGroupReferences=[5])], {5: broken}, {1: option("Fries")})
    assert "maxSelections" in rows.rejected["modifier_groups", "m-Sides"]
    assert ("modifiers", "m-Sides/m-Fries") in rows.rejected
    assert ("item_modifier_groups", "L1/m-Soup/missing-1") in rows.rejected
    assert rows.of("items")


def test_a_dropped_field_of_an_option_quarantines_it_under_each_of_its_groups() -> None:
    broken = option("Fries")
    del broken["price"]
    rows = mapped([], {5: group("Sides", [1, 2]), 6: group("Extras", [1])}, {1: broken, 2: option("Salad")})
    assert {key for _, key in rows.rejected} == {"m-Sides/m-Fries", "m-Extras/m-Fries"}
    assert list(rows.of("modifiers")) == ["m-Sides/m-Salad"]


def test_a_price_finer_than_a_cent_is_refused_not_rounded() -> None:
    rows = mapped([item("Soup", 9.505)])
    assert "finer than" in rows.rejected["items", "m-Soup"]


def test_an_unknown_strategy_is_quarantined_with_its_name() -> None:
    rows = mapped([item("Soup", pricingStrategy="LUNAR_PRICE")])
    assert "LUNAR_PRICE" in rows.rejected["items", "m-Soup"]


def test_without_a_multi_location_id_the_guid_is_the_key() -> None:
    rows = mapped([item("Soup", multiLocationId=None), item("Tea", multiLocationId="")])
    assert set(rows.of("items")) == {"guid-Soup", "guid-Tea"}


def test_two_records_with_one_multi_location_id_are_both_kept_out_of_each_others_way() -> None:
    rows = mapped([item("Soup"), item("Stew", multiLocationId="m-Soup"), item("Tea")])
    assert list(rows.of("items")) == ["m-Tea"]
    assert "same multi-location id" in rows.rejected["items", "m-Soup"]


def test_an_open_price_has_no_cents_and_a_price_by_weight_has_its_unit() -> None:
    rows = mapped([item("Catch", None, pricingStrategy="OPEN_PRICE"), item("Salad", 8.99, unitOfMeasure="LB")])
    catch, salad = rows.of("items")["m-Catch"], rows.of("items")["m-Salad"]
    assert (catch["price_type"], catch["price_cents"]) == ("open", None)
    assert (salad["price_type"], salad["price_cents"], salad["unit_name"]) == ("per_unit", 899, "lb")


def test_what_is_hidden_everywhere_is_kept_but_not_active() -> None:
    rows = mapped(
        [item("Soup", visibility=[], modifierGroupReferences=[5])],
        {5: group("Sides", [1], visibility=[])},
        {1: option("Fries", visibility=[])},
        menus=[menu("All day", [menu_group("Mains", [item("Soup", visibility=[])], visibility=[])], visibility=[])],
    )
    for entity in ("menus", "categories", "items", "modifier_groups", "modifiers"):
        (row,) = rows.of(entity).values()
        assert (row["is_active"], row["channels"]) == (False, []), entity


@pytest.mark.parametrize("listed", [8.0, None])
def test_happy_hour_is_the_base_price_with_a_rule_per_range(listed: float | None) -> None:
    timed = [
        time_rule(5.0, 8.0, WEEKDAYS, "15:00", "18:00"),
        time_rule(4.5, 8.0, ["FRIDAY"], "22:00", "02:00"),
        time_rule(4.0, 8.0, ["SUNDAY"], "00:00", "00:00"),
    ]
    beer = item(
        "Beer", listed, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=rules(timeSpecificPricingRules=timed)
    )
    rows = mapped([beer])
    till = Till(rows.batch.rows, "L1")
    assert rows.of("items")["m-Beer"]["price_cents"] == 800
    assert till.item_price("m-Beer", moment=Moment("mon", "15:00")) == 500
    assert till.item_price("m-Beer", moment=Moment("mon", "18:00")) == 800
    assert till.item_price("m-Beer", moment=Moment("fri", "23:30")) == 450
    assert till.item_price("m-Beer", moment=Moment("sun", "09:00")) == 400
    past_midnight = rows.of("price_rules")["L1/item/m-Beer/time/fri/22:00-02:00"]
    assert (past_midnight["time_from"], past_midnight["time_to"]) == ("22:00", "02:00")


def test_two_base_prices_or_two_prices_at_one_time_are_not_guessed() -> None:
    two_bases = rules(timeSpecificPricingRules=[time_rule(5, 8, WEEKDAYS, "15:00", "18:00")])
    twice = rules(
        timeSpecificPricingRules=[
            time_rule(5, 8, WEEKDAYS, "15:00", "18:00"),
            time_rule(6, 8, WEEKDAYS, "15:00", "18:00"),
        ]
    )
    rows = mapped(
        [
            item("Ale", 9, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=two_bases),
            item("Beer", 8, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=twice),
            item("Cider", 8, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=None),
        ]
    )
    assert rows.of("items") == {}
    assert "8 and 9" in rows.rejected["items", "m-Ale"]
    assert "two prices" in rows.rejected["items", "m-Beer"]
    assert "no times" in rows.rejected["items", "m-Cider"]


def test_a_menu_specific_price_is_a_rule_of_that_menu_and_the_rest_pays_the_base_price() -> None:
    lunch = item("Soup", 7, pricingStrategy="MENU_SPECIFIC_PRICE")
    late = item("Soup", 6.5)
    rows = mapped(
        menus=[
            menu("Lunch", [menu_group("Starters", [lunch])]),
            menu("Dinner", [menu_group("Bowls", [item("Soup", 9)]), menu_group("Late", [late])]),
        ]
    )
    till = Till(rows.batch.rows, "L1")
    assert till.item_price("m-Soup") == 900
    assert till.item_price("m-Soup", menu="m-Lunch") == 700
    assert till.item_price("m-Soup", menu="m-Dinner") == 900
    by_group = rows.of("price_rules")["L1/item/m-Soup/menu/m-Dinner/category/m-Late/base"]
    assert by_group["price_cents"] == 650
    assert by_group["priority"] > rows.of("price_rules")["L1/item/m-Soup/menu/m-Lunch/base"]["priority"]
    assert set(rows.of("item_menus")) == {"L1/m-Soup/m-Lunch", "L1/m-Soup/m-Dinner"}


def test_a_menu_price_without_hours_is_stronger_than_happy_hour_on_another_menu() -> None:
    timed = rules(timeSpecificPricingRules=[time_rule(5, 8, WEEKDAYS, "15:00", "18:00")])
    rows = mapped(
        menus=[
            menu(
                "Bar",
                [menu_group("Drinks", [item("Beer", 8, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=timed)])],
            ),
            menu("Room", [menu_group("Minibar", [item("Beer", 8, pricingStrategy="MENU_SPECIFIC_PRICE")])]),
        ]
    )
    till = Till(rows.batch.rows, "L1")
    at_five = Moment("mon", "17:00")
    assert till.item_price("m-Beer", menu="m-Bar", moment=at_five) == 500
    assert till.item_price("m-Beer", menu="m-Room", moment=at_five) == 800


def sized(**changed: Any) -> tuple[list[dict[str, Any]], dict[int, Any], dict[int, Any]]:
    """A pizza in two sizes, and a topping priced by them."""
    pizza = item(
        "Pizza",
        None,
        pricingStrategy="SIZE_PRICE",
        pricingRules=rules(sizeSpecificPricingGuid="guid-Size"),
        modifierGroupReferences=[1, 2],
    )
    by_size = rules(
        sizeSequencePricingRules=[
            {"sizeName": "Small", "sizeGuid": "guid-Small", "sequencePrices": [{"sequence": 1, "price": 1.0}]},
            {"sizeName": "Large", "sizeGuid": "guid-Large", "sequencePrices": [{"sequence": 1, "price": 2.5}]},
        ]
    )
    groups = {
        1: group("Size", [11, 12], minSelections=1, requiredMode="REQUIRED"),
        2: group(
            "Toppings", [21], pricingStrategy="SIZE_PRICE", pricingRules=by_size, isMultiSelect=True, maxSelections=None
        ),
    }
    options = {
        11: option("Small", 10),
        12: option("Large", 14) | changed,
        21: option("Olives", None, pricingStrategy="GROUP_PRICE"),
    }
    return [pizza], groups, options


def test_plain_sizes_become_variations_and_their_group_goes() -> None:
    rows = mapped(*sized())
    assert rows.of("items")["m-Pizza"]["price_type"] == "variation"
    assert rows.of("items")["m-Pizza"]["price_cents"] is None
    assert {key: row["price_cents"] for key, row in rows.of("variations").items()} == {
        "m-Pizza/m-Small": 1000,
        "m-Pizza/m-Large": 1400,
    }
    assert list(rows.of("modifier_groups")) == ["m-Toppings"]
    assert list(rows.of("item_modifier_groups")) == ["L1/m-Pizza/m-Toppings"]
    till = Till(rows.batch.rows, "L1")
    path = (("m-Toppings", "m-Olives"),)
    assert till.modifier_price("m-Pizza", path, size_name="Large") == 250
    assert till.modifier_price("m-Pizza", path, size_name="Small") == 100


@pytest.mark.parametrize(
    "burden",
    [
        {"modifierGroupReferences": [2]},
        {"modifierOptionTaxInfo": {"taxRateGuids": ["liquor"], "overrideItemTaxRates": True}},
        {"prepStations": ["oven"]},
    ],
    ids=["nested group", "own tax", "own station"],
)
def test_a_size_that_carries_more_than_a_price_keeps_the_size_group(burden: dict[str, Any]) -> None:
    rows = mapped(*sized(**burden), prep_stations=[{"guid": "oven", "name": "Oven"}])
    assert rows.of("variations") == {}
    assert (rows.of("items")["m-Pizza"]["price_type"], rows.of("items")["m-Pizza"]["price_cents"]) == ("fixed", 0)
    link = rows.of("item_modifier_groups")["L1/m-Pizza/m-Size"]
    assert (link["min_selections"], link["max_selections"], link["is_required"]) == (1, 1, True)
    assert rows.of("modifiers")["m-Size/m-Large"]["price_adjustment_cents"] == 1400
    till = Till(rows.batch.rows, "L1")
    assert till.modifier_price("m-Pizza", (("m-Toppings", "m-Olives"),), size_name="Large") == 250


def test_an_item_by_size_without_its_size_group_or_a_price_is_quarantined() -> None:
    items, groups, options = sized()
    del groups[1]
    assert "sizes are not in" in mapped(items, groups, options).rejected["items", "m-Pizza"]
    items, groups, options = sized(price=None)
    rows = mapped(items, groups, options)
    assert "'Large' has no price" in rows.rejected["variations", "m-Pizza/m-Large"]
    assert list(rows.of("variations")) == ["m-Pizza/m-Small"]
    assert "price_cents" not in rows.of("item_locations")["L1/m-Pizza/m-Large"]


def test_two_sizes_of_one_name_are_told_apart_by_item_and_variation() -> None:
    items, groups, options = sized()
    by_size = groups[2]["pricingRules"]["sizeSequencePricingRules"]
    by_size.append({"sizeName": "Large", "sizeGuid": "guid-Big", "sequencePrices": [{"sequence": 1, "price": 4.0}]})
    pie = item(
        "Pie",
        None,
        pricingStrategy="SIZE_PRICE",
        pricingRules=rules(sizeSpecificPricingGuid="guid-Pie size"),
        modifierGroupReferences=[3, 2],
    )
    groups[3] = group("Pie size", [31], minSelections=1)
    options[31] = option("Big", 20, name="Large")
    rows = mapped([*items, pie], groups, options)
    till, path = Till(rows.batch.rows, "L1"), (("m-Toppings", "m-Olives"),)
    assert till.modifier_price("m-Pizza", path, size_name="Large", variation="m-Pizza/m-Large") == 250
    assert till.modifier_price("m-Pie", path, size_name="Large", variation="m-Pie/m-Big") == 400


def test_a_price_by_a_size_that_no_item_has_is_kept_and_told_as_a_loss() -> None:
    items, groups, options = sized()
    assert "no item is sold in" not in mapped(items, groups, options).loss(
        "ModifierGroup", "pricingRules.sizeSequencePricingRules"
    )
    by_size = groups[2]["pricingRules"]["sizeSequencePricingRules"]
    by_size.append({"sizeName": "Double", "sizeGuid": None, "sequencePrices": [{"sequence": 1, "price": 4.0}]})
    rows = mapped(items, groups, options)
    till = Till(rows.batch.rows, "L1")
    assert till.modifier_price("m-Pizza", (("m-Toppings", "m-Olives"),), size_name="Double") == 400
    assert "no item is sold in" in rows.loss("ModifierGroup", "pricingRules.sizeSequencePricingRules")


def test_prices_by_sequence_are_one_rule_per_pick() -> None:
    steps = [{"sequence": n, "price": price} for n, price in ((2, 1.0), (1, 0.0), (3, 1.5))]
    by_pick = rules(sizeSequencePricingRules=[{"sizeName": None, "sizeGuid": None, "sequencePrices": steps}])
    rows = mapped(
        [item("Bowl", modifierGroupReferences=[1])],
        {1: group("Add", [11], pricingStrategy="SEQUENCE_PRICE", pricingRules=by_pick, isMultiSelect=True)},
        {11: option("Egg", None, pricingStrategy="GROUP_PRICE", allowsDuplicates=True)},
    )
    found = {rule["sequence"]: rule["price_cents"] for rule in rows.of("price_rules").values()}
    assert found == {1: 0, 2: 100, 3: 150}
    assert rows.of("modifiers")["m-Add/m-Egg"]["price_adjustment_cents"] == 0
    assert rows.of("modifiers")["m-Add/m-Egg"]["max_quantity"] is None
    assert rows.of("modifier_groups")["m-Add"]["allow_quantities"] is True


def test_a_fixed_group_price_is_the_options_price_and_no_price_at_all_is_free() -> None:
    rows = mapped(
        [],
        {1: group("Add", [11, 12]), 2: group("Sauce", [13], pricingStrategy="SIZE_PRICE")},
        {
            11: option("Egg", 1.25, pricingStrategy="GROUP_PRICE"),
            12: option("Salt", None, pricingStrategy="BASE_PRICE"),
            13: option("BBQ", None, pricingStrategy="GROUP_PRICE"),
        },
    )
    prices = {key: row["price_adjustment_cents"] for key, row in rows.of("modifiers").items()}
    assert prices == {"m-Add/m-Egg": 125, "m-Add/m-Salt": 0}
    assert "no prices" in rows.rejected["modifiers", "m-Sauce/m-BBQ"]


def versions() -> tuple[dict[int, Any], dict[int, Any]]:
    """One group with one option in three versions, as resolved for three places."""
    groups = {ref: group("Cheese", [ref + 10]) for ref in (1, 2, 3)}
    options = {11: option("Brie", 1.0), 12: option("Brie", 1.5, isDefault=True), 13: option("Brie", 2.0)}
    return groups, options


def test_one_option_at_different_prices_under_different_items_keeps_every_price() -> None:
    groups, options = versions()
    items = [item("Burger", modifierGroupReferences=[1]), item("Steak", modifierGroupReferences=[2])]
    rows = mapped(items, groups, options)
    till, path = Till(rows.batch.rows, "L1"), (("m-Cheese", "m-Brie"),)
    assert list(rows.of("modifiers")) == ["m-Cheese/m-Brie"]
    assert (till.modifier_price("m-Burger", path), till.modifier_price("m-Steak", path)) == (100, 150)
    assert (till.is_default("m-Burger", path), till.is_default("m-Steak", path)) == (False, True)
    assert rows.of("modifier_defaults")["L1/m-Steak/m-Cheese/m-Brie"]["is_default"] is True


def test_one_option_at_different_prices_directly_and_nested_keeps_every_price() -> None:
    groups, options = versions()
    groups[4] = group("Sides", [14])
    options[14] = option("Salad", 3.0, modifierGroupReferences=[3])
    rows = mapped([item("Burger", modifierGroupReferences=[1, 4])], groups, options)
    till = Till(rows.batch.rows, "L1")
    assert till.modifier_price("m-Burger", (("m-Cheese", "m-Brie"),)) == 100
    assert till.modifier_price("m-Burger", (("m-Sides", "m-Salad"), ("m-Cheese", "m-Brie"))) == 200
    rule = rows.of("price_rules")["L1/modifier/m-Cheese/m-Brie/for/m-Burger/in/m-Sides/base"]
    assert (rule["menu_item_key"], rule["modifier_group_key"]) == ("m-Burger", "m-Sides")


def test_one_option_at_different_prices_from_menu_to_menu_keeps_every_price() -> None:
    groups, options = versions()
    lunch = menu("Lunch", [menu_group("A", [item("Burger", modifierGroupReferences=[1])])])
    dinner = menu("Dinner", [menu_group("B", [item("Burger", modifierGroupReferences=[2])])])
    rows = mapped(None, groups, options, menus=[lunch, dinner])
    till, path = Till(rows.batch.rows, "L1"), (("m-Cheese", "m-Brie"),)
    assert till.modifier_price("m-Burger", path, menu="m-Lunch") == 100
    assert till.modifier_price("m-Burger", path, menu="m-Dinner") == 150


def test_rows_do_not_change_when_toast_numbers_its_references_anew() -> None:
    def batch(first: int) -> list[Any]:
        groups = {first: group("Cheese", [first + 1, first + 2], preModifierGroupReference=first)}
        options = {
            first + 1: option("Brie"),
            first + 2: option("Feta", portions=[{"name": "Half", "guid": "h", "modifierGroupReferences": [first]}]),
        }
        words = {"name": "Std", "guid": "set", "preModifiers": [{"name": "NO", "guid": "no"}]}
        asked = item("Burger", modifierGroupReferences=[first])
        return mapped([asked], groups, options, pre_modifiers={first: words}).batch.rows

    assert batch(1) == batch(500)


def test_an_option_that_is_an_item_is_linked_and_a_circle_is_not_followed() -> None:
    combo = item("Combo", modifierGroupReferences=[1])
    rows = mapped(
        [combo, item("Fries", 4)],
        {1: group("Swap", [11, 12])},
        {11: option("Combo", 0, modifierGroupReferences=[1]), 12: option("Fries", 0)},
    )
    assert rows.of("modifiers")["m-Swap/m-Fries"]["linked_menu_item_key"] == "m-Fries"
    assert rows.of("modifiers")["m-Swap/m-Combo"]["linked_menu_item_key"] == "m-Combo"
    assert rows.of("nested_groups") == {}


def test_two_items_that_lead_to_each_other_keep_both_ways() -> None:
    rows = mapped(
        [item("Soup", modifierGroupReferences=[1]), item("Bread", modifierGroupReferences=[2])],
        {1: group("Serve in", [11, 12]), 2: group("Bowl of", [13, 14])},
        {
            11: option("Bread", modifierGroupReferences=[2]),
            12: option("Cup"),
            13: option("Soup", modifierGroupReferences=[1]),
            14: option("Chili"),
        },
    )
    till = Till(rows.batch.rows, "L1")
    assert [path for path, _, _ in till.edges("m-Bread")] == [
        (("m-Bowl of", "m-Soup"),),
        (("m-Bowl of", "m-Chili"),),
        (("m-Bowl of", "m-Soup"), ("m-Serve in", "m-Bread")),
        (("m-Bowl of", "m-Soup"), ("m-Serve in", "m-Cup")),
    ]


def test_nesting_may_be_very_deep() -> None:
    depth = 400
    groups = {n: group(f"G{n}", [n]) for n in range(1, depth + 1)}
    options = {n: option(f"O{n}", modifierGroupReferences=[n + 1] if n < depth else []) for n in range(1, depth + 1)}
    rows = mapped([item("Tower", modifierGroupReferences=[1])], groups, options)
    assert len(rows.of("nested_groups")) == depth - 1
    assert rows.rejected == {}


@pytest.mark.parametrize(
    ("changed", "limits"),
    [
        ({"isMultiSelect": False, "maxSelections": None}, (0, 1, False, "single")),
        ({"isMultiSelect": True, "maxSelections": None}, (0, None, False, "multiple")),
        ({"isMultiSelect": True, "minSelections": 2, "maxSelections": 3}, (2, 3, True, "multiple")),
        ({"isMultiSelect": True, "minSelections": None, "maxSelections": 3}, (0, 3, False, "multiple")),
        ({"requiredMode": "OPTIONAL_FORCE_SHOW"}, (0, 1, False, "single")),
        ({"requiredMode": "REQUIRED", "minSelections": 1}, (1, 1, True, "single")),
    ],
)
def test_the_limits_of_a_group_are_those_in_effect(changed: dict[str, Any], limits: tuple[Any, ...]) -> None:
    rows = mapped(
        [item("Burger", modifierGroupReferences=[1])], {1: group("Cheese", [11], **changed)}, {11: option("Brie")}
    )
    row, link = rows.of("modifier_groups")["m-Cheese"], rows.of("item_modifier_groups")["L1/m-Burger/m-Cheese"]
    for one in (row, link):
        assert (one["min_selections"], one["max_selections"], one["is_required"]) == limits[:3]
    assert row["selection_type"] == limits[3]
    if "requiredMode" in changed:
        assert row["settings"]["required_mode"] == changed["requiredMode"]


def test_limits_may_differ_from_item_to_item() -> None:
    groups = {1: group("Cheese", [11], minSelections=1), 2: group("Cheese", [11], isMultiSelect=True, maxSelections=4)}
    items = [item("Burger", modifierGroupReferences=[1]), item("Board", modifierGroupReferences=[2])]
    links = mapped(items, groups, {11: option("Brie")}).of("item_modifier_groups")
    assert links["L1/m-Burger/m-Cheese"]["min_selections"] == 1
    assert links["L1/m-Board/m-Cheese"]["max_selections"] == 4


def test_the_three_ways_to_tax_an_option() -> None:
    def tax(guids: list[str], override: bool = False) -> dict[str, Any]:
        return {"modifierOptionTaxInfo": {"taxRateGuids": guids, "overrideItemTaxRates": override}}

    rows = mapped(
        [item("Burger", modifierGroupReferences=[1])],
        {1: group("Add", [11, 12, 13, 14])},
        {
            11: option("Inherits", **tax(["tax"])),
            12: option("Unique", **tax(["liquor"])),
            13: option("Override", **tax(["tax"], True)),
            14: option("Exempt", **tax([])),
        },
    )
    own = {key: row for key, row in rows.of("item_taxes").items() if row.get("modifier_key")}
    assert set(own) == {"L1/modifier/m-Add/m-Unique/liquor", "L1/modifier/m-Add/m-Override/tax"}
    assert own["L1/modifier/m-Add/m-Unique/liquor"]["overrides_item_taxes"] is False
    assert own["L1/modifier/m-Add/m-Override/tax"]["overrides_item_taxes"] is True
    assert rows.of("modifiers")["m-Add/m-Exempt"]["custom_fields"] == {"tax_exempt": True}
    assert "not taxed" in rows.loss("ModifierOption", "modifierOptionTaxInfo")


def test_a_nested_option_is_compared_with_the_option_above_it() -> None:
    info = {"modifierOptionTaxInfo": {"taxRateGuids": ["liquor"], "overrideItemTaxRates": False}}
    rows = mapped(
        [item("Burger", modifierGroupReferences=[1])],
        {1: group("Add", [11]), 2: group("Shot", [12])},
        {11: option("Drink", modifierGroupReferences=[2], **info), 12: option("Rum", **info)},
    )
    assert [key for key in rows.of("item_taxes") if "modifier" in key] == ["L1/modifier/m-Add/m-Drink/liquor"]


def test_tax_rates_keep_their_exact_rate_or_amount() -> None:
    listed = [
        {
            "guid": "a",
            "name": "A",
            "rate": 0.0888725,
            "type": "PERCENT",
            "roundingType": "HALF_EVEN",
            "isDefault": True,
        },
        {"guid": "b", "name": "B", "rate": 0.25, "type": "FIXED", "roundingType": None},
        {"guid": "c", "name": "C", "rate": None, "type": "NONE", "roundingType": None},
        {
            "guid": "d",
            "name": "D",
            "rate": None,
            "type": "TABLE",
            "taxTable": [{"start": 0.01, "end": 0.1, "tax": 0.01}],
        },
        {"guid": "e", "name": "E", "rate": 0.1, "type": "SOLAR", "roundingType": None},
        {"guid": "f", "name": "F", "rate": None, "type": "PERCENT", "roundingType": None},
    ]
    rows = mapped([item("Soup", taxInfo=["a", "zz", "e"])], config=listed)
    rates = rows.of("tax_rates")
    assert (rates["L1/a"]["rate_percent"], rates["L1/a"]["rounding"]) == ("8.88725", "half_even")
    assert (rates["L1/b"]["amount_cents"], rates["L1/b"]["rate_percent"]) == (25, None)
    assert (rates["L1/c"]["tax_type"], rates["L1/c"]["is_active"]) == ("none", False)
    assert "taxTable" not in {one.field for one in rows.batch.losses if one.source_entity == "TaxRate"}
    assert "SOLAR" in rows.rejected["tax_rates", "L1/e"]
    assert "no rate" in rows.rejected["tax_rates", "L1/f"]
    assert list(rows.of("item_taxes")) == ["L1/item/m-Soup/a", "L1/item/m-Soup/e"]
    assert ("item_taxes", "L1/item/m-Soup/zz") in rows.rejected


def test_an_option_without_stations_of_its_own_has_no_row_and_goes_where_its_item_goes() -> None:
    stations = [
        {"guid": "grill", "name": "Grill", "connectedPrepStations": [{"guid": "cold"}], "printingMode": True},
        {"guid": "cold", "name": "Cold", "connectedPrepStations": [{"guid": "grill"}], "expoRouting": "SKIP_EXPO"},
    ]
    rows = mapped(
        [item("Burger", prepStations=["grill", "cold", "gone"], modifierGroupReferences=[1])],
        {1: group("Add", [11, 12])},
        {11: option("Cheese"), 12: option("Salad", prepStations=["cold"])},
        prep_stations=stations,
    )
    assert list(rows.of("item_stations")) == ["L1/m-Burger/grill", "L1/m-Burger/cold"]
    assert ("item_stations", "L1/m-Burger/gone") in rows.rejected
    assert list(rows.of("modifier_stations")) == ["L1/m-Add/m-Salad/cold"]
    made = rows.of("kitchen_stations")
    assert made["L1/grill"]["connected_station_key"] == "L1/cold"
    assert made["L1/cold"]["connected_station_key"] is None
    assert made["L1/cold"]["settings"] == {"expo_routing": "SKIP_EXPO", "connected_stations": ["Grill"]}
    assert made["L1/grill"]["settings"]["printing_mode"] == "ON"


def test_stock_reaches_items_sizes_and_options() -> None:
    items, groups, options = sized()
    options[21] = option("Olives", 1.0)
    stock = [
        {"guid": "guid-Soup", "status": "OUT_OF_STOCK", "quantity": None, "multiLocationId": "m-Soup"},
        {"guid": "guid-Tea", "status": "QUANTITY", "quantity": 6.0, "multiLocationId": "m-Tea"},
        {"guid": "guid-Large", "status": "OUT_OF_STOCK", "quantity": None, "multiLocationId": "m-Large"},
        {"guid": "guid-Olives", "status": "OUT_OF_STOCK", "quantity": None, "multiLocationId": "m-Olives"},
        {"guid": "guid-Unpublished", "status": "OUT_OF_STOCK", "quantity": None, "multiLocationId": "m-U"},
        {"guid": "guid-Pizza", "status": "MELTED", "quantity": None, "multiLocationId": "m-Pizza"},
    ]
    rows = mapped([*items, item("Soup"), item("Tea")], groups, options, stock=stock)
    places = rows.of("item_locations")
    assert places["L1/m-Soup"]["is_available"] is False
    assert places["L1/m-Tea"]["is_available"] is True
    assert places["L1/m-Pizza/m-Large"]["is_available"] is False
    assert places["L1/m-Pizza/m-Small"]["is_available"] is True
    assert rows.of("modifier_locations")["L1/m-Toppings/m-Olives"]["is_available"] is False
    held = rows.of("stock")
    assert held["L1/m-Tea"] | {} == {
        "item_name": "Tea", "sku": None, "menu_item_key": "m-Tea", "variation_key": None,
        "quantity": "6", "status": "quantity", "is_tracked": True,
    }  # fmt: skip
    assert held["L1/m-Pizza/m-Large"]["variation_key"] == "m-Pizza/m-Large"
    assert "MELTED" in rows.rejected["stock", "L1/m-Pizza"]
    assert "no published menu" in rows.loss("Stock", "guid")


def test_what_was_not_read_is_said_and_is_no_empty_list() -> None:
    rows = mapped([item("Soup", prepStations=["grill"])], config=None, prep_stations=None, stock=None)
    assert rows.of("item_taxes") == {}
    assert rows.rejected == {}
    assert "not read" in rows.loss("MenuItem", "taxInfo")
    assert "not read" in rows.loss("MenuItem", "prepStations")
    assert "not read" in rows.loss("Stock", "status")


@pytest.mark.parametrize("spelling", ["preModifierGroupReferences", "premodifierGroupReferences"])
def test_pre_modifiers_are_read_in_both_spellings(spelling: str) -> None:
    from aura_migration.pos.toast import CONNECTOR
    from aura_migration_tests.pos.toast.hand_written import LOCATION, Rows, Snapshot, document

    words = [
        {"name": "EXTRA", "guid": "x", "multiplicationFactor": 1.5, "displayMode": "PREFIX", "chargeAsExtra": True},
        {"name": "SIDE", "guid": "s", "fixedPrice": 0.5, "displayMode": "SUFFIX"},
        {"name": "NO", "guid": "n", "displayMode": "PREFIX"},
        {"name": "BOTH", "guid": "b", "fixedPrice": 1, "multiplicationFactor": 2},
    ]
    written = document(
        [menu("All day", [])],
        {1: group("Add", [11], preModifierGroupReference=9)},
        {11: option("Egg")},
        {9: {"name": "Std", "guid": "set", "preModifiers": words}},
    )
    written[spelling] = written.pop("preModifierGroupReferences")
    rows = Rows(CONNECTOR.map_menu(Snapshot(menus=written, config=[], stock=[]), LOCATION))  # type: ignore[arg-type]
    made = rows.of("pre_modifiers")
    assert (made["x"]["multiplication_factor"], made["x"]["fixed_price_cents"]) == ("1.5", None)
    assert (made["s"]["fixed_price_cents"], made["s"]["display_mode"]) == (50, "suffix")
    assert (made["n"]["fixed_price_cents"], made["n"]["multiplication_factor"]) == (0, None)
    assert ("pre_modifiers", "b") in rows.rejected
    assert set(rows.of("group_pre_modifiers")) == {f"L1/m-Add/{word}" for word in "xsnb"}


def test_names_and_texts_are_kept_to_the_letter() -> None:
    odd = "  Bœuf 🥩 " + "x" * 300 + " "
    rows = mapped([item(odd, guid="g", multiLocationId="k", sku="", plu="0012", kitchenName="BEEF", posName="Beef")])
    row = rows.of("items")["k"]
    assert (row["name"], row["sku"], row["barcode"], row["kitchen_name"], row["short_name"]) == (
        odd, None, "0012", "BEEF", "Beef",
    )  # fmt: skip


def test_what_an_owner_knows_by_name_is_in_the_custom_fields() -> None:
    rows = mapped(
        [
            item(
                "Cake",
                salesCategory={"name": "Food", "guid": "sc"},
                isDeferred=True,
                prepTime=90,
                weight=1.5,
                weightUnitOfMeasure="KG",
                guestCount=8,
                itemTags=[{"name": "Vegan", "guid": "t"}],
                contentAdvisories={"alcohol": {"containsAlcohol": "YES"}},
                portions=[{"name": "Half", "guid": "h", "priceScaleFactor": 0.5, "modifierGroupReferences": [3]}],
                taxInclusion="SMART_TAX",
                somethingNew={"deep": [1]},
            )
        ]
    )
    row = rows.of("items")["m-Cake"]
    assert row["custom_fields"] == {
        "sales_category": "Food", "deferred_revenue": True, "prep_time_seconds": 90, "weight": "1.5",
        "weight_unit": "KG", "guest_count": 8, "portions": [{"name": "Half", "price_scale_factor": "0.5"}],
    }  # fmt: skip
    assert (row["prep_time_minutes"], row["tags"], row["contains_alcohol"]) == (2, ["Vegan"], True)
    assert row["tax_inclusive"] is None
    assert "smart tax" in rows.loss("MenuItem", "taxInclusion")
    assert "one part only" in rows.loss("MenuItem", "portions")
    assert "no place" in rows.loss("MenuItem", "somethingNew")


def test_a_menu_is_served_when_toast_says() -> None:
    schedule = [
        {"days": ["FRIDAY", "SATURDAY"], "timeRanges": [{"start": "17:00", "end": "01:00"}]},
        {"days": ["SUNDAY"], "timeRanges": [{"start": "00:00", "end": "00:00"}]},
    ]
    rows = mapped(
        menus=[
            menu("Dinner", [], availability={"alwaysAvailable": False, "schedule": schedule}),
            menu("Never", [], availability={"alwaysAvailable": False, "schedule": []}),
            menu("Always", []),
            menu(
                "Odd",
                [],
                availability={
                    "alwaysAvailable": False,
                    "schedule": [{"days": ["NODAY"], "timeRanges": [{"start": "1:00", "end": "2:00"}]}],
                },
            ),
        ]
    )
    made = rows.of("menus")
    assert made["m-Dinner"]["availability"] == [
        {"days": ["fri", "sat"], "from": "17:00", "to": "01:00"},
        {"days": ["sun"], "from": "00:00", "to": "24:00"},
    ]
    assert made["m-Never"]["availability"] == []
    assert made["m-Always"]["availability"] is None
    assert "NODAY" in rows.rejected["menus", "m-Odd"]


def test_groups_stand_in_trees_and_an_unnamed_thing_is_said() -> None:
    rows = mapped(
        menus=[
            menu(
                "All day", [menu_group("Drinks", [], menuGroups=[menu_group("Wine", [item("x", name="Missing name")])])]
            )
        ]
    )
    assert rows.of("categories")["m-Wine"]["parent_category_key"] == "m-Drinks"
    assert rows.of("categories")["m-Wine"]["menu_key"] == "m-All day"
    assert rows.of("items")["m-x"]["name"] == "Missing name"
    assert "no name" in rows.loss("MenuItem", "name")


def test_differences_between_menus_that_are_kept_once_are_counted() -> None:
    lunch = menu("Lunch", [menu_group("A", [item("Soup", taxInfo=["tax"], modifierGroupReferences=[1])])])
    dinner = menu(
        "Dinner", [menu_group("B", [item("Soup", taxInfo=["liquor"], visibility=["POS"], modifierGroupReferences=[])])]
    )
    rows = mapped(None, {1: group("Add", [11])}, {11: option("Egg")}, menus=[lunch, dinner])
    assert "first menu" in rows.loss("MenuItem", "taxInfo")
    assert "wherever any menu" in rows.loss("MenuItem", "visibility")
    assert "some of its menus" in rows.loss("MenuItem", "modifierGroupReferences")
