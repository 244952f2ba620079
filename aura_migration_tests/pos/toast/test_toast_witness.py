"""The Toast witness: bodies written by hand for every peculiarity, then the sandbox's known truth, record by record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aura_migration.archive.snapshot import SecondRoute, SnapshotReader
from aura_migration.core.ids import path
from aura_migration.pos.facts import (
    ALWAYS,
    EdgeFact,
    EdgeKey,
    Facts,
    GroupPreModifier,
    MenuFact,
    ModifierPriceKey,
    PreModifierFact,
    PriceFact,
    PriceKey,
    Window,
)
from aura_migration.pos.toast.witness import facts

HAPPY = {"days": ["MONDAY", "FRIDAY"], "timeRanges": [{"start": "15:00", "end": "18:00"}]}
HAPPY_HOUR = Window(("mon", "fri"), "15:00", "18:00")


# Bodies by hand


def thing(name: str, price: float | None = 1.0, **fields: Any) -> dict[str, Any]:
    """An item or option in the form of menus V2; its ids derive from its name."""
    basic = {"name": name, "guid": f"g-{name}", "multiLocationId": f"m-{name}", "visibility": ["POS"], "price": price}
    plain = {"pricingStrategy": "BASE_PRICE", "pricingRules": None, "taxInfo": ["tax"], "unitOfMeasure": "NONE"}
    taxes = {"taxRateGuids": ["tax"], "overrideItemTaxRates": False}
    return basic | plain | {"modifierOptionTaxInfo": taxes, "modifierGroupReferences": [], "prepStations": []} | fields


def group(name: str, *options: int, **fields: Any) -> dict[str, Any]:
    """A modifier group, any number of whose options may be chosen."""
    basic = {"name": name, "guid": f"g-{name}", "multiLocationId": f"m-{name}", "visibility": ["POS"]}
    limits = {"minSelections": 0, "maxSelections": None, "requiredMode": "OPTIONAL", "isMultiSelect": True}
    prices = {"pricingStrategy": "NONE", "pricingRules": None, "defaultOptionsChargePrice": "YES"}
    return basic | limits | prices | {"modifierOptionReferences": list(options)} | fields


def menu(name: str, *items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A menu with one group of items."""
    basic = {"name": name, "guid": f"g-{name}", "multiLocationId": f"m-{name}", "visibility": ["POS"]}
    shelf = {"name": "All", "guid": f"g-all-{name}", "multiLocationId": f"m-all-{name}", "menuItems": list(items)}
    return basic | {"availability": {"alwaysAvailable": True}, "menuGroups": [shelf]} | fields


def rules(*, timed: Any = (), sizes: str | None = None, sequences: Any = ()) -> dict[str, Any]:
    """The three keys of ``pricingRules``."""
    return {
        "timeSpecificPricingRules": list(timed),
        "sizeSpecificPricingGuid": sizes,
        "sizeSequencePricingRules": list(sequences),
    }


def by_size(name: str | None, guid: str | None, *prices: float) -> dict[str, Any]:
    """A size's prices by pick."""
    picks = [{"sequence": number, "price": price} for number, price in enumerate(prices, start=1)]
    return {"sizeName": name, "sizeGuid": guid, "sequencePrices": picks}


def snapshot(
    *menus: dict[str, Any], groups: Any = None, options: Any = None, stock: Any = (), words: Any = None, count: int = 0
) -> SnapshotReader:
    """A reader of a snapshot with these menus and this stock."""
    document = {
        "restaurantGuid": "R1",
        "menus": menus,
        "modifierGroupReferences": groups or {},
        "modifierOptionReferences": options or {},
        "preModifierGroupReferences": words or {},
    }
    answers: dict[str, list[tuple[str, Any]]] = {
        "menus": [("/menus/v2/menus", document), ("/menus/v2/metadata", {"restaurantGuid": "R1"})],
        "stock": [("/stock/v1/inventory", list(stock))],
    }
    route = SimpleNamespace(second_route=SecondRoute("the other list", count) if count else None)

    def bodies(entity: str) -> Iterator[SimpleNamespace]:
        for at, answer in answers.get(entity, ()):
            yield SimpleNamespace(path=at, data=json.dumps(answer).encode(), method="GET")

    return cast(SnapshotReader, SimpleNamespace(bodies=bodies, certificate=lambda entity: route))


def read(*menus: dict[str, Any], **more: Any) -> Facts:
    """The facts of such a snapshot."""
    return facts(snapshot(*menus, **more), "R1", "USD")


def edge(item: str, *steps: tuple[str, str]) -> EdgeKey:
    """An edge by names: the item, then (group, option)."""
    return EdgeKey(f"m-{item}", tuple((f"m-{of}", path(f"m-{of}", f"m-{name}")) for of, name in steps))


def fixed(cents: int) -> PriceFact:
    """A fixed price."""
    return PriceFact("fixed", cents)


def test_an_amount_is_read_exactly_and_one_finer_than_a_cent_is_not_read() -> None:
    said = read(menu("M", thing("A", 1.1), thing("B", 19), thing("C", 0.105), thing("D", 0)))
    assert {key.item: price.cents for key, price in said.prices.items()} == {"m-A": 110, "m-B": 1900, "m-D": 0}
    assert [(one.entity, one.key) for one in said.unreadable] == [("items", "m-C")]


def test_a_price_without_a_strategy_that_explains_its_absence_is_unreadable() -> None:
    said = read(menu("M", thing("A", None), thing("B", None, pricingStrategy="OPEN_PRICE")))
    assert said.prices == {PriceKey("m-B"): PriceFact("open", None)}
    assert [one.key for one in said.unreadable] == ["m-A"]


def test_what_is_weighed_is_priced_per_unit() -> None:
    said = read(menu("M", thing("A", 18.95, unitOfMeasure="LB")))
    assert said.prices == {PriceKey("m-A"): PriceFact("per_unit", 1895, "lb")}


def test_a_price_by_time_of_day_holds_in_its_window_and_the_base_price_outside() -> None:
    timed = [{"timeSpecificPrice": 5.0, "basePrice": 7.0, "schedule": [HAPPY]}]
    strategy: dict[str, Any] = {"pricingStrategy": "TIME_SPECIFIC_PRICE", "pricingRules": rules(timed=timed)}
    said = read(menu("M", thing("Given", 7.0, **strategy), thing("Null", None, **strategy)))
    for name in ("m-Given", "m-Null"):
        assert said.prices[PriceKey(name)].cents == 700
        assert said.prices[PriceKey(name, window=HAPPY_HOUR)].cents == 500


def test_of_two_prices_for_one_moment_the_one_listed_first_ranks_higher() -> None:
    late = {"days": ["FRIDAY"], "timeRanges": [{"start": "00:00", "end": "00:00"}]}
    timed = [
        {"timeSpecificPrice": 5.0, "basePrice": 7.0, "schedule": [HAPPY]},
        {"timeSpecificPrice": 6.0, "basePrice": 7.0, "schedule": [late]},
    ]
    said = read(menu("M", thing("A", 7.0, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=rules(timed=timed))))
    first = said.prices[PriceKey("m-A", window=HAPPY_HOUR)]
    second = said.prices[PriceKey("m-A", window=Window(("fri",)))]
    assert first.rank > second.rank > said.prices[PriceKey("m-A")].rank
    timed[1]["schedule"] = [HAPPY]
    said = read(menu("M", thing("A", 7.0, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=rules(timed=timed))))
    assert said.prices[PriceKey("m-A", window=HAPPY_HOUR)].cents == 500


def test_hours_that_are_no_time_of_the_week_are_unreadable() -> None:
    odd = {"days": ["SOMEDAY"], "timeRanges": [{"start": "15:00", "end": "18:00"}]}
    timed = [{"timeSpecificPrice": 5.0, "basePrice": 7.0, "schedule": [odd]}]
    said = read(menu("M", thing("A", 7.0, pricingStrategy="TIME_SPECIFIC_PRICE", pricingRules=rules(timed=timed))))
    assert list(said.prices) == [PriceKey("m-A")]
    assert "SOMEDAY" in said.unreadable[0].reason


def test_a_price_of_the_menu_names_every_menu_and_any_other_names_none() -> None:
    wine: dict[str, Any] = {"pricingStrategy": "MENU_SPECIFIC_PRICE"}
    said = read(
        menu("Day", thing("Wine", 9.0, **wine), thing("Tea", 3.0)),
        menu("Night", thing("Wine", 9.0, **wine), thing("Tea", 3.0)),
    )
    assert said.prices == {
        PriceKey("m-Wine", menu="m-Day"): fixed(900),
        PriceKey("m-Wine", menu="m-Night"): fixed(900),
        PriceKey("m-Tea"): fixed(300),
    }


def test_a_price_that_differs_by_menu_names_the_menus_whatever_its_strategy_says() -> None:
    said = read(menu("Day", thing("Tea", 3.0)), menu("Night", thing("Tea", 4.0)))
    assert said.prices == {PriceKey("m-Tea", menu="m-Day"): fixed(300), PriceKey("m-Tea", menu="m-Night"): fixed(400)}


def test_two_prices_at_two_places_of_one_menu_are_said_to_be_repeated() -> None:
    said = read(menu("M", thing("Tea", 3.0), thing("Tea", 4.0)))
    assert [entity for entity, _ in said.repeated] == ["price_rules"]


def test_plain_sizes_are_variations_and_the_size_group_is_no_choice() -> None:
    sized = thing(
        "Coffee",
        None,
        pricingStrategy="SIZE_PRICE",
        pricingRules=rules(sizes="g-Size"),
        modifierGroupReferences=[1, 2],
    )
    groups = {"1": group("Size", 11, 12), "2": group("Milk", 13)}
    options = {"11": thing("S", 2.0), "12": thing("L", 3.0, sku="L1"), "13": thing("Oat", 0.5)}
    said = read(menu("M", sized), groups=groups, options=options, stock=[{"guid": "g-L", "status": "OUT_OF_STOCK"}])
    assert said.prices == {
        PriceKey("m-Coffee", "m-Coffee/m-S"): fixed(200),
        PriceKey("m-Coffee", "m-Coffee/m-L"): fixed(300),
    }
    large = said.variations["m-Coffee/m-L"]
    assert (large.item, large.name, large.is_available, large.more["sku"]) == ("m-Coffee", "L", False, "L1")
    assert list(said.edges) == [edge("Coffee", ("Milk", "Oat"))]
    assert ("modifier_groups", "m-Size") not in said.names


@pytest.mark.parametrize(
    "own",
    [
        {"modifierGroupReferences": [3]},
        {"prepStations": ["oven"]},
        {"modifierOptionTaxInfo": {"taxRateGuids": ["other"], "overrideItemTaxRates": False}},
        {"modifierOptionTaxInfo": {"taxRateGuids": ["tax"], "overrideItemTaxRates": True}},
    ],
)
def test_sizes_with_groups_stations_or_taxes_of_their_own_stay_choices_of_an_item_at_nothing(
    own: dict[str, Any],
) -> None:
    sized = thing(
        "Pizza", None, pricingStrategy="SIZE_PRICE", pricingRules=rules(sizes="g-Size"), modifierGroupReferences=[1]
    )
    groups = {"1": group("Size", 11, 12, minSelections=1, isMultiSelect=False), "3": group("Crust", 13)}
    options = {"11": thing("S", 2.0), "12": thing("L", 3.0, **own), "13": thing("Thin", 0)}
    said = read(menu("M", sized), groups=groups, options=options)
    assert said.variations == {}
    assert said.prices == {PriceKey("m-Pizza"): fixed(0)}
    large = edge("Pizza", ("Size", "L"))
    assert said.edges[large] == EdgeFact(1, 1, is_default=False)
    assert said.modifier_prices[ModifierPriceKey(large)] == fixed(300)
    assert (edge("Pizza", ("Size", "L"), ("Crust", "Thin")) in said.edges) == ("modifierGroupReferences" in own)


def test_an_option_that_is_a_sized_item_is_free_and_its_sizes_below_it_carry_the_prices() -> None:
    sized: dict[str, Any] = {"pricingStrategy": "SIZE_PRICE", "pricingRules": rules(sizes="g-Size")}
    item, option = (
        thing("Soda", None, modifierGroupReferences=[1], **sized),
        thing("Soda", None, modifierGroupReferences=[2], **sized),
    )
    groups = {"1": group("Size", 11), "2": group("Size", 12), "3": group("Drink", 13)}
    options = {"11": thing("S", 2.0), "12": thing("S", 2.0), "13": option}
    said = read(menu("M", item, thing("Combo", 9.0, modifierGroupReferences=[3])), groups=groups, options=options)
    assert set(said.variations) == {"m-Soda/m-S"}
    below = edge("Combo", ("Drink", "Soda"), ("Size", "S"))
    assert set(said.edges) == {edge("Combo", ("Drink", "Soda")), below}
    assert said.modifier_prices[ModifierPriceKey(edge("Combo", ("Drink", "Soda")))] == fixed(0)
    assert said.modifier_prices[ModifierPriceKey(below)] == fixed(200)
    assert said.names["modifier_groups", "m-Size"] == "Size"


def priced_by_group(strategy: str, *sequences: dict[str, Any], **fields: Any) -> dict[str, int | None]:
    """Prices of "Ham" in a group with this strategy below "Pizza", which comes in S and L; by ``size/pick``."""
    sized = thing(
        "Pizza", None, pricingStrategy="SIZE_PRICE", pricingRules=rules(sizes="g-Size"), modifierGroupReferences=[1, 2]
    )
    groups = {
        "1": group("Size", 11, 12),
        "2": group("Toppings", 13, pricingStrategy=strategy, pricingRules=rules(sequences=sequences)),
    }
    options = {
        "11": thing("S", 8.0),
        "12": thing("L", 9.0),
        "13": thing("Ham", None, pricingStrategy="GROUP_PRICE") | fields,
    }
    said = read(menu("M", sized), groups=groups, options=options)
    ham = edge("Pizza", ("Toppings", "Ham"))
    return {f"{key.size}/{key.sequence}": price.cents for key, price in said.modifier_prices.items() if key.edge == ham}


def test_a_group_prices_by_size_found_by_guid_or_by_name() -> None:
    prices = priced_by_group("SIZE_PRICE", by_size("small", "g-S", 1.0), by_size("L", "g-elsewhere", 2.0))
    assert prices == {"m-Pizza/m-S/0": 100, "m-Pizza/m-L/0": 200}
    renamed = priced_by_group("SIZE_PRICE", by_size("L", "g-S", 1.0), by_size("Big", "g-L", 2.0))
    assert renamed == prices


def test_below_an_option_with_sizes_of_its_own_those_are_the_sizes_to_choose() -> None:
    sized = thing(
        "Pizza", None, pricingStrategy="SIZE_PRICE", pricingRules=rules(sizes="g-Size"), modifierGroupReferences=[1, 2]
    )
    drink: dict[str, Any] = {"pricingStrategy": "SIZE_PRICE", "pricingRules": rules(sizes="g-Cup")}
    syrups = {"pricingStrategy": "SIZE_PRICE", "pricingRules": rules(sequences=[by_size("L", "g-cupL", 0.3)])}
    groups = {"1": group("Size", 11), "2": group("Drink", 13), "3": group("Cup", 14), "4": group("Syrup", 15, **syrups)}
    options = {
        "11": thing("L", 8.0),
        "13": thing("Soda", None, modifierGroupReferences=[3, 4], **drink),
        "14": thing("L", 2.0, guid="g-cupL"),
        "15": thing("Lime", None, pricingStrategy="GROUP_PRICE"),
    }
    said = read(menu("M", sized), groups=groups, options=options)
    lime = edge("Pizza", ("Drink", "Soda"), ("Syrup", "Lime"))
    assert said.modifier_prices[ModifierPriceKey(lime, size="L")] == fixed(30)


def test_a_size_that_the_item_does_not_come_in_keeps_its_name() -> None:
    prices = priced_by_group("SIZE_PRICE", by_size("S", "g-S", 1.0), by_size("Cup", None, 2.0))
    assert prices == {"m-Pizza/m-S/0": 100, "Cup/0": 200}


def test_a_group_prices_by_sequence() -> None:
    assert priced_by_group("SEQUENCE_PRICE", by_size(None, None, 0, 0.5)) == {"/1": 0, "/2": 50}


def test_a_group_prices_by_size_and_sequence() -> None:
    prices = priced_by_group("SIZE_SEQUENCE_PRICE", by_size("S", "g-S", 0, 0.5), by_size("L", "g-L", 1, 1.5))
    assert prices == {"m-Pizza/m-S/1": 0, "m-Pizza/m-S/2": 50, "m-Pizza/m-L/1": 100, "m-Pizza/m-L/2": 150}


def test_one_price_for_the_whole_group_stands_on_the_option() -> None:
    assert priced_by_group("NONE", price=0.75) == {"/0": 75}
    assert priced_by_group("SIZE_PRICE", by_size("S", "g-S", 1.0), price=0.75) == {"/0": 75}
    assert priced_by_group("NONE") == {"/0": 0}


def test_defaults_cost_nothing_where_the_group_says_so() -> None:
    options = {"1": thing("Ham", 0.5, isDefault=True), "2": thing("Egg", 0.5)}
    for charge, cents in (("NO", 0), ("YES", 50)):
        groups = {"1": group("Toppings", 1, 2, defaultOptionsChargePrice=charge)}
        said = read(menu("M", thing("Toast", 5.0, modifierGroupReferences=[1])), groups=groups, options=options)
        assert said.edges[edge("Toast", ("Toppings", "Ham"))].is_default
        assert said.modifier_prices[ModifierPriceKey(edge("Toast", ("Toppings", "Ham")))].cents == cents
        assert said.modifier_prices[ModifierPriceKey(edge("Toast", ("Toppings", "Egg")))].cents == 50


def test_limits_follow_the_selections_and_a_single_choice_is_at_most_one() -> None:
    groups = {
        "1": group("Any", 1, minSelections=None),
        "2": group("One", 2, minSelections=0, maxSelections=None, isMultiSelect=False, requiredMode="REQUIRED"),
        "3": group("Six", 3, minSelections=6, maxSelections=6),
    }
    options = {str(number): thing(f"O{number}", 0, allowsDuplicates=True) for number in (1, 2, 3)}
    said = read(menu("M", thing("A", 1, modifierGroupReferences=[1, 2, 3])), groups=groups, options=options)
    limits = {key.path[0][0]: (fact.min, fact.max, fact.allows_repeats) for key, fact in said.edges.items()}
    assert limits == {"m-Any": (0, None, True), "m-One": (0, 1, False), "m-Six": (6, 6, True)}


def test_a_group_without_options_is_one_step_without_an_option() -> None:
    said = read(menu("M", thing("A", 1, modifierGroupReferences=[1])), groups={"1": group("Empty")})
    assert said.edges == {EdgeKey("m-A", (("m-Empty", ""),)): EdgeFact(0, None, is_default=False)}
    assert said.modifier_prices == {}


def test_nesting_goes_down_and_ends_at_the_item_itself_or_at_an_option_passed_before() -> None:
    groups = {"1": group("With", 1), "2": group("Then", 2)}
    options = {
        "1": thing("Fries", 1, modifierGroupReferences=[2]),
        "2": thing("Burger", 5, modifierGroupReferences=[1]),
    }
    burger, fries = thing("Burger", 5, modifierGroupReferences=[1]), thing("Fries", 2, modifierGroupReferences=[2])
    plate = thing("Plate", 2, modifierGroupReferences=[1])
    said = read(menu("M", burger, fries, plate), groups=groups, options=options)
    with_fries, then_burger = ("With", "Fries"), ("Then", "Burger")
    assert set(said.edges) == {
        edge("Burger", with_fries),
        edge("Burger", with_fries, then_burger),
        edge("Fries", then_burger),
        edge("Fries", then_burger, with_fries),
        edge("Plate", with_fries),
        edge("Plate", with_fries, then_burger),
        edge("Plate", with_fries, then_burger, with_fries),
    }


def test_what_is_hidden_everywhere_stays_and_is_inactive_with_all_below_it() -> None:
    groups = {"1": group("Seen", 1, 2), "2": group("Below", 2), "3": group("Hidden", 2, visibility=[])}
    options = {"1": thing("Off", 0, visibility=[], modifierGroupReferences=[2]), "2": thing("On", 0)}
    said = read(
        menu("M", thing("A", 1, modifierGroupReferences=[1, 3]), thing("Gone", 1, visibility=[]), visibility=[]),
        groups=groups,
        options=options,
    )
    assert {key: fact.is_active for key, fact in said.items.items()} == {"m-A": True, "m-Gone": False}
    assert said.menus == {"m-M": MenuFact("M", is_active=False)}
    active = {key: fact.is_active for key, fact in said.edges.items()}
    assert active == {
        edge("A", ("Seen", "Off")): False,
        edge("A", ("Seen", "Off"), ("Below", "On")): False,
        edge("A", ("Seen", "On")): True,
        edge("A", ("Hidden", "On")): False,
    }


def test_one_group_under_several_numbers_is_one_group_that_works_if_it_works_somewhere() -> None:
    groups = {"1": group("Doneness", 1, visibility=[]), "7": group("Doneness", 9)}
    options = {"1": thing("Rare", 0), "9": thing("Rare", 0)}
    said = read(
        menu("Day", thing("A", 1, modifierGroupReferences=[1])),
        menu("Night", thing("A", 1, modifierGroupReferences=[7])),
        groups=groups,
        options=options,
    )
    assert said.edges == {edge("A", ("Doneness", "Rare")): EdgeFact(0, None, is_default=False)}
    assert said.repeated == []


def test_limits_that_differ_between_two_places_of_one_item_are_said_to_be_repeated() -> None:
    groups = {"1": group("Doneness", 1), "7": group("Doneness", 1, minSelections=1)}
    said = read(
        menu("Day", thing("A", 1, modifierGroupReferences=[1])),
        menu("Night", thing("A", 1, modifierGroupReferences=[7])),
        groups=groups,
        options={"1": thing("Rare", 0)},
    )
    assert [entity for entity, _ in said.repeated] == ["item_modifier_groups"]


def test_an_option_has_the_stock_of_the_item_it_refers_to() -> None:
    said = read(
        menu("M", thing("Salad", 5), thing("Meatloaf", 9, modifierGroupReferences=[1]), thing("Pie", 4)),
        groups={"1": group("Side", 1)},
        options={"1": thing("Salad", 1.75)},
        stock=[
            {"guid": "g-Salad", "status": "OUT_OF_STOCK", "quantity": None},
            {"guid": "g-Meatloaf", "status": "QUANTITY", "quantity": 2.5},
            {"guid": "g-Pie", "status": "QUANTITY", "quantity": 0},
        ],
    )
    there = {key: fact.is_available for key, fact in said.items.items()}
    assert there == {"m-Salad": False, "m-Meatloaf": True, "m-Pie": False}
    assert not said.edges[edge("Meatloaf", ("Side", "Salad"))].is_available


def test_pre_modifiers_have_a_fixed_price_a_factor_or_cost_nothing() -> None:
    words = [
        {
            "guid": "g-x",
            "multiLocationId": "m-x",
            "name": "EXTRA",
            "fixedPrice": None,
            "multiplicationFactor": 1.5,
            "chargeAsExtra": True,
        },
        {
            "guid": "g-n",
            "multiLocationId": "m-n",
            "name": "NO",
            "fixedPrice": None,
            "multiplicationFactor": None,
            "chargeAsExtra": None,
        },
        {"guid": "g-s", "multiLocationId": None, "name": "SIDE", "fixedPrice": 0.5, "multiplicationFactor": None},
    ]
    said = read(
        menu("M", thing("A", 1, modifierGroupReferences=[1])),
        groups={"1": group("Toppings", 1, preModifierGroupReference=9)},
        options={"1": thing("Ham", 1)},
        words={"9": {"guid": "g-std", "preModifiers": words}},
    )
    assert said.pre_modifiers == {
        GroupPreModifier("m-Toppings", "m-x"): PreModifierFact("EXTRA", None, Decimal("1.5"), True),
        GroupPreModifier("m-Toppings", "m-n"): PreModifierFact("NO", 0),
        GroupPreModifier("m-Toppings", "g-s"): PreModifierFact("SIDE", 50),
    }


def test_a_menu_is_served_in_its_hours_and_an_item_stands_where_it_is_listed() -> None:
    whole_day = {"days": ["SUNDAY"], "timeRanges": [{"start": "00:00", "end": "00:00"}]}
    night = {"days": ["SATURDAY"], "timeRanges": [{"start": "22:00", "end": "02:00"}]}
    hours = {"alwaysAvailable": False, "schedule": [whole_day, night]}
    inner = {"name": "Reds", "guid": "g-r", "multiLocationId": "m-r", "menuItems": [thing("Wine", 9)]}
    drinks = {"name": "Drinks", "guid": "g-d", "multiLocationId": "m-d", "menuItems": [], "menuGroups": [inner]}
    said = read(menu("Wine", menuGroups=[drinks], availability=hours), menu("All", thing("Wine", 9)))
    assert said.menus is not None
    assert said.menus["m-Wine"].windows == (Window(("sun",)), Window(("sat",), "22:00", "02:00"))
    assert said.menus["m-All"].windows == ()
    assert said.item_menus == {"m-Wine": frozenset({"m-Wine", "m-All"})}
    assert said.item_categories == {"m-Wine": frozenset({"m-r", "m-all-All"})}
    assert said.names["categories", "m-d"] == "Drinks"


def test_empty_texts_are_none_and_others_stay_as_they_are() -> None:
    texts = {"sku": "", "plu": "1001 ", "posName": "", "kitchenName": "🔥", "description": None}
    said = read(menu("M", thing("A ", 1, **texts)))
    fact = said.items["m-A "]
    assert (fact.name, fact.more["sku"], fact.more["barcode"], fact.more["kitchen_name"]) == ("A ", None, "1001 ", "🔥")
    assert fact.more["short_name"] is None and fact.more["description"] is None


def test_options_that_no_item_reaches_are_listed_apart() -> None:
    groups = {"1": group("Used", 1), "2": group("Loose", 1, 2)}
    said = read(
        menu("M", thing("A", 1, modifierGroupReferences=[1])), groups=groups, options={"1": thing("X"), "2": thing("Y")}
    )
    assert said.unattached == {"m-Loose/m-X", "m-Loose/m-Y"}
    assert said.names["modifiers", "m-Loose/m-Y"] == "Y"


def test_numbers_that_lead_nowhere_and_keys_that_mean_two_things_are_reported() -> None:
    twin = thing("B", 1) | {"guid": "g-other"}
    said = read(
        menu("M", thing("A", 1, modifierGroupReferences=[1, 5]), thing("B", 1), twin), groups={"1": group("G", 8)}
    )
    assert {(one.entity, one.key) for one in said.unreadable} == {("modifier_groups", "m-G"), ("items", "m-A")}
    assert said.repeated == [("items", "m-B")]


def test_items_are_counted_once_more_by_the_second_route() -> None:
    said = facts(snapshot(menu("M", thing("A", 1)), count=7), "R1", "USD")
    assert (said.source_item_count, said.source_item_route) == (7, "the other list")
    assert read(menu("M", thing("A", 1))).source_item_count is None


def test_menus_of_another_restaurant_are_not_read() -> None:
    assert facts(snapshot(menu("M", thing("A", 1))), "R2", "USD").items == {}


def test_a_location_without_published_menus_sells_nothing() -> None:
    reader = cast(SnapshotReader, SimpleNamespace(bodies=lambda entity: iter(()), certificate=lambda entity: None))
    said = facts(reader, "R1", "USD")
    assert (said.items, said.edges, said.prices) == ({}, {}, {})


# The sandbox's known truth


class Known:
    """The truth about one location, told in keys: guids become multi-location ids by the menus document itself."""

    def __init__(self, truth: dict[str, Any], location: str, document: Any) -> None:
        self.truth, self.location = truth, location
        self.ids = {one["guid"]: one["multiLocationId"] for one in _records(document)}
        self.sized = {
            one["item"]: one for one in self.of("size_groups") if one["item"] in {i["id"] for i in self.of("items")}
        }

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.truth[kind] if one["location"] == self.location]

    def steps(self, way: list[list[str]]) -> tuple[tuple[str, str], ...]:
        return tuple((self.ids[of], path(self.ids[of], self.ids[option])) for of, option in way)

    def edge(self, row: dict[str, Any]) -> EdgeKey:
        return EdgeKey(self.ids[row["item"]], self.steps(row["path"]))

    def is_plain(self, item: str) -> bool:
        """Whether the sizes of a sized item have nothing of their own."""
        own = next(one for one in self.of("items") if one["id"] == item)
        sizes = self.sized[item]["id"]
        below = [one for one in self.of("edges") if one["item"] == item and one["path"][0][0] == sizes]
        rows = [one for one in self.of("size_edges") if one["item"] == item and len(one["path"]) == 1]
        return not below and all(
            set(one["taxes"]) == set(own["taxes"])
            and not one["tax_override"]
            and set(one["stations"]) == set(own["stations"])
            for one in rows
        )

    def edges(self) -> dict[EdgeKey, tuple[Any, ...]]:
        rows = self.of("edges") + [
            one for one in self.of("size_edges") if len(one["path"]) > 1 or not self.is_plain(one["item"])
        ]
        names = ("min", "max", "default", "active", "available", "duplicates")
        return {self.edge(row): tuple(row[name] for name in names) for row in rows}

    def prices(self) -> tuple[dict[PriceKey, PriceFact], dict[ModifierPriceKey, PriceFact]]:
        """Prices of items, and of options without pre-modifiers; sizes that are no variations are choices."""
        items: dict[PriceKey, PriceFact] = {}
        options: dict[ModifierPriceKey, PriceFact] = {}
        for row in self.of("prices"):
            item, menu_, price = self.ids[row["item"]], self.ids.get(row["menu"], ""), _price(row)
            if row["variation"] is None:
                items[PriceKey(item, menu=menu_, window=_window(row))] = price
            elif self.is_plain(row["item"]):
                items[PriceKey(item, path(item, self.ids[row["variation"]]), menu_, window=_window(row))] = price
            else:
                way = self.steps([[self.sized[row["item"]]["id"], row["variation"]]])
                options[ModifierPriceKey(EdgeKey(item, way), menu_, window=_window(row))] = price
                items[PriceKey(item)] = fixed(0)
        nested = {(one["item"], str(one["path"][:-1]), one["path"][-1][1]): one for one in self.of("size_edges")}
        for row in self.of("modifier_prices"):
            key = ModifierPriceKey(
                self.edge(row), self.ids.get(row["menu"], ""), "", row["sequence"] or 0, window=_window(row)
            )
            below = nested.get((row["item"], str(row["path"]), row["size"]))
            if row["pre_modifier"] is not None:
                continue
            if below is not None:  # an option that is a sized item: it is free, its sizes below it are not
                options[key] = fixed(0)
                key = ModifierPriceKey(self.edge(below), key.menu, window=key.window)
            elif row["size"] is not None:
                key = key._replace(size=self.size(row["item"], row["size"]))
            options[key] = _price(row)
        return items, options

    def size(self, item: str, size: str) -> str:
        """What the facts call a size: a variation, or else by its name."""
        if item in self.sized and size in {one["id"] for one in self.sized[item]["options"]}:
            if self.is_plain(item):
                return path(self.ids[item], self.ids[size])
            return str(next(one["name"] for one in self.sized[item]["options"] if one["id"] == size))
        return size


def _records(answer: Any) -> Iterator[dict[str, Any]]:
    if isinstance(answer, dict):
        if "multiLocationId" in answer:
            yield answer
        for value in answer.values():
            yield from _records(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _records(value)


def _window(row: dict[str, Any]) -> Window:
    window = row["window"]
    if window is None:
        return ALWAYS
    start, end = ("", "") if window["from"] == window["to"] else (window["from"], window["to"])
    return Window(tuple(day[:3].lower() for day in window["days"]), start, end)


def _price(row: dict[str, Any]) -> PriceFact:
    return PriceFact(row["kind"], row["cents"])


def _bare(prices: Any) -> dict[Any, PriceFact]:
    """Prices without what the truth does not say: the unit and the rank."""
    return {key: price._replace(unit="", rank=0) for key, price in prices.items()}


@pytest.fixture(scope="module")
def heard(serve_toast: Callable[..., Any]) -> Callable[[str, int], tuple[Known, Facts]]:
    """A location of a scenario: what is known about it, and what the witness says of its snapshot. Each taken once."""
    held: dict[tuple[str, int], tuple[Known, Facts]] = {}

    def hear(scenario: str, index: int) -> tuple[Known, Facts]:
        if (scenario, index) not in held:
            toast = serve_toast(scenario)
            toast.calm()
            truth = toast.truth
            location = truth["locations"][index]["id"]
            reader = toast.extract(location, ("menus", "stock", "config", "prep_stations"))
            document = next(body for body in reader.bodies("menus") if body.path == "/menus/v2/menus")
            known = Known(truth, location, json.loads(document.data))
            held[scenario, index] = known, facts(reader, location, "USD")
        return held[scenario, index]

    return hear


each_place = pytest.mark.parametrize(
    ("scenario", "index"), [("cafe", 0), ("diner", 0), ("chain", 0), ("chain", 1), ("chain", 2)]
)
Heard = Callable[[str, int], tuple[Known, Facts]]


@each_place
def test_the_witness_knows_taxes_stations_and_stock(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    at = known.location
    items = {one["id"]: one for one in known.of("items")}
    assert said.item_taxes == {
        one["multi_location_id"]: frozenset(path(at, tax) for tax in one["taxes"]) for one in items.values()
    }
    assert said.taxes and {tax for taxes in said.item_taxes.values() for tax in taxes} <= said.taxes.keys()
    stations = {key: name for (entity, key), name in said.names.items() if entity == "kitchen_stations"}
    assert stations == {path(at, one["id"]): one["name"] for one in known.of("stations")}
    assert said.item_stations == {
        one["multi_location_id"]: frozenset(path(at, station) for station in one["stations"]) for one in items.values()
    }
    assert said.stock is not None
    of_items = {
        known.ids[one["item"]]: one for one in known.of("stock") if one["item"] in items and not one["variation"]
    }
    assert {key: (fact.status.upper(), fact.quantity) for key, fact in said.stock.items() if "/" not in key} == {
        key: (one["state"], one["quantity"]) for key, one in of_items.items()
    }


@each_place
def test_the_witness_names_the_items_that_are_sold(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    assert said.item_menus is not None and said.item_categories is not None and said.menus is not None
    expected: dict[str, tuple[Any, ...]] = {
        one["multi_location_id"]: (
            one["name"],
            bool(one["visibility"]),
            one["available"],
            one["sku"] or None,
            one["plu"] or None,
            {known.ids[menu_] for menu_ in one["menus"]},
            {known.ids[category] for category in one["categories"]},
        )
        for one in known.of("items")
    }
    assert expected == {
        key: (
            fact.name,
            fact.is_active,
            fact.is_available,
            fact.more["sku"],
            fact.more["barcode"],
            said.item_menus[key],
            said.item_categories[key],
        )
        for key, fact in said.items.items()
    }
    for one in known.of("items"):
        if one["hidden_by"] == "menu":
            assert not any(said.menus[menu_].is_active for menu_ in said.item_menus[one["multi_location_id"]])
    assert said.source_item_count == len(said.items) == known.truth["counts_by_location"][known.location]["items"]
    assert (said.unreadable, said.repeated) == ([], [])


@each_place
def test_the_witness_names_every_price_of_an_item(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    assert _bare(said.prices) == known.prices()[0]


@each_place
def test_the_witness_names_every_choice(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    assert known.edges() == {
        key: (fact.min, fact.max, fact.is_default, fact.is_active, fact.is_available, fact.allows_repeats)
        for key, fact in said.edges.items()
        if key.path[-1][1]
    }
    empty = {known.ids[one["id"]] for one in known.of("groups") if not one["options"]}
    assert {key.path[-1][0] for key in said.edges if not key.path[-1][1]} <= empty
    pairs = {(of["id"], option) for of in known.of("groups") for option in of["options"]}
    met = {tuple(one["path"][-1]) for one in known.of("edges")}
    assert said.unattached == {known.steps([list(pair)])[0][1] for pair in pairs - met}


@each_place
def test_the_witness_names_every_price_of_a_choice(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    expected, actual = known.prices()[1], _bare(said.modifier_prices)
    beyond = actual.keys() - expected.keys()
    assert {key: actual[key] for key in actual.keys() - beyond} == expected
    # Beyond that only prices that a group keeps for a size in which this item does not come.
    sizes = {one["name"] for of in known.of("size_groups") for one in of["options"]}
    for key in beyond:
        guid = next(guid for guid, name in known.ids.items() if name == key.edge.item)
        assert key.size in sizes - {one["name"] for one in known.sized[guid]["options"]}


@each_place
def test_the_witness_names_what_a_pre_modifier_costs(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    assert said.pre_modifiers is not None
    used: set[GroupPreModifier] = set()
    for row in known.of("modifier_prices"):
        if row["pre_modifier"] is None:
            continue
        edge_ = known.edge(row)
        pair = GroupPreModifier(edge_.path[-1][0], known.ids[row["pre_modifier"]])
        size = known.size(row["item"], row["size"]) if row["size"] else ""
        key = ModifierPriceKey(edge_, known.ids.get(row["menu"], ""), size, row["sequence"] or 0, window=_window(row))
        word, price = said.pre_modifiers[pair], said.modifier_prices[key].cents
        assert price is not None
        exact = Decimal(word.fixed_cents or 0) if word.factor is None else price * word.factor
        assert int(exact.quantize(Decimal(1), ROUND_HALF_UP)) == row["cents"]
        used.add(pair)
    assert set(said.pre_modifiers) == used


@each_place
def test_the_witness_names_menus_and_groups(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    spans = {
        one["multi_location_id"]: (
            one["name"],
            bool(one["visibility"]),
            tuple(_window({"window": span}) for span in one["schedule"]),
        )
        for one in known.of("menus")
    }
    assert said.menus is not None
    assert {key: (fact.name, fact.is_active, fact.windows) for key, fact in said.menus.items()} == spans
    categories = {one["multi_location_id"]: one["name"] for one in known.of("categories")}
    assert {key: name for (entity, key), name in said.names.items() if entity == "categories"} == categories
    options = {known.edge(one).path[-1][1]: one["name"] for one in known.of("edges")}
    names = {key: name for (entity, key), name in said.names.items() if entity == "modifiers"}
    assert {key: names[key] for key in options} == options
