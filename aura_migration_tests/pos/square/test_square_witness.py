"""Square's witness: each rule of the reference by hand-written catalogs, and whole menus against what the sandbox knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.pos.facts import (
    EdgeFact,
    EdgeKey,
    Facts,
    MenuFact,
    ModifierPriceKey,
    PriceFact,
    PriceKey,
    TaxFact,
    Unreadable,
    Window,
)
from aura_migration.pos.square.witness import facts
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.square.square_support import (
    HERE,
    InMemory,
    catalog_object,
    category,
    control,
    item,
    modifier,
    modifier_list,
    read_menus,
    variation,
)

ELSEWHERE = {"present_at_all_locations": False, "present_at_location_ids": ["OTHER"]}
FREE = PriceFact("fixed", 0)


def seen(*objects: Mapping[str, Any], at: str = HERE) -> Facts:
    reader: Any = InMemory(catalog=[{"objects": list(objects)}])
    return facts(reader, at, "USD")


def link(group: str, low: int | None = -1, high: int | None = -1, **more: Any) -> dict[str, Any]:
    limits = {"min_selected_modifiers": low, "max_selected_modifiers": high}
    said = {"modifier_list_id": group, **{k: v for k, v in limits.items() if v is not None}}
    return {**said, **more}


def edges_of(found: Facts) -> dict[tuple[tuple[str, str], ...], EdgeFact]:
    return {key.path: fact for key, fact in found.edges.items()}


# Items


def test_one_variation_puts_price_and_codes_on_the_item() -> None:
    found = seen(item("TEA", variation("V", "TEA", 250, sku="T1", upc="0123"), abbreviation="T"))
    assert found.prices == {PriceKey("TEA"): PriceFact("fixed", 250)}
    assert found.variations == {}
    assert found.items["TEA"].more == {"sku": "T1", "barcode": "0123", "short_name": "T", "item_type": "item"}


def test_several_variations_in_the_account_keep_their_own_prices_wherever_they_are_sold() -> None:
    tea = item("TEA", variation("S", "TEA", 250, sku=""), variation("L", "TEA", 300, envelope=ELSEWHERE))
    found = seen(tea)
    assert found.prices == {PriceKey("TEA", "S"): PriceFact("fixed", 250)}
    assert set(found.variations) == {"S"}
    assert found.variations["S"].more["sku"] is None
    assert set(seen(tea, at="OTHER").prices) == {PriceKey("TEA", "S"), PriceKey("TEA", "L")}


@pytest.mark.parametrize(
    "gone",
    [
        item("TEA", envelope=ELSEWHERE),
        item("TEA", envelope={"absent_at_location_ids": [HERE]}),
        item("TEA", envelope={"is_deleted": True}),
        item("TEA", variation("V", "TEA", envelope=ELSEWHERE)),
        catalog_object("ITEM", "TEA", {"name": "Tea"}),
    ],
)
def test_an_item_is_sold_only_where_it_and_a_variation_of_it_are(gone: Mapping[str, Any]) -> None:
    assert seen(gone).items == {}


def test_an_archived_item_is_kept_but_not_in_use() -> None:
    assert seen(item("TEA", is_archived=True)).items["TEA"].is_active is False


def test_names_are_taken_to_the_letter() -> None:
    assert seen(item("TEA", name=" Tè 🍵 ")).items["TEA"].name == " Tè 🍵 "


def test_sold_out_is_of_the_location_and_an_item_is_sold_out_with_all_its_variations() -> None:
    out: dict[str, Any] = {"location_overrides": [{"location_id": HERE, "sold_out": True}]}
    half = seen(item("TEA", variation("S", "TEA", **out), variation("L", "TEA")))
    assert (half.items["TEA"].is_available, half.variations["S"].is_available) == (True, False)
    both = item("TEA", variation("S", "TEA", **out), variation("L", "TEA", **out))
    assert seen(both).items["TEA"].is_available is False
    assert seen(both, at="OTHER").items["TEA"].is_available is True


@pytest.mark.parametrize(
    ("base", "override", "price"),
    [
        ({}, None, PriceFact("fixed", 500)),
        ({}, {"price_money": {"amount": 0}}, FREE),
        ({}, {"price_money": {"amount": 450}, "pricing_type": "FIXED_PRICING"}, PriceFact("fixed", 450)),
        ({}, {"pricing_type": "VARIABLE_PRICING"}, PriceFact("open", None)),
        ({}, {"track_inventory": True}, PriceFact("fixed", 500)),
        ({"pricing_type": "VARIABLE_PRICING", "cents": None}, None, PriceFact("open", None)),
        ({"pricing_type": "VARIABLE_PRICING", "cents": None}, {"price_money": {"amount": 7}}, PriceFact("fixed", 7)),
        ({"cents": None}, None, PriceFact("open", None)),
        ({"cents": 0}, None, FREE),
        ({"measurement_unit_id": "LB"}, None, PriceFact("per_unit", 500)),
    ],
)
def test_the_price_at_a_location(base: dict[str, Any], override: dict[str, Any] | None, price: PriceFact) -> None:
    said = {"cents": 500, **base}
    cents = said.pop("cents")
    overrides = [] if override is None else [{"location_id": "OTHER", "price_money": {"amount": 1}}]
    overrides += [] if override is None else [{"location_id": HERE, **override}]
    found = seen(item("TEA", variation("V", "TEA", cents, location_overrides=overrides, **said)))
    assert found.prices == {PriceKey("TEA"): price}


def test_the_newest_version_of_an_object_counts_and_a_deletion_over_the_same_version() -> None:
    old = item("TEA", variation("V", "TEA", 100))
    alone = variation("V", "TEA", 200, envelope={"version": 5})
    assert seen(alone, old).prices[PriceKey("TEA")].cents == 200
    deleted = variation("V2", "TEA", 900, envelope={"version": 1, "is_deleted": True})
    twice = item("TEA", variation("V", "TEA", 100), variation("V2", "TEA", 900))
    assert set(seen(deleted, twice).prices) == {PriceKey("TEA")}


def test_items_are_counted_once_more_by_the_variations_that_stand_alone() -> None:
    tea, cup = item("TEA", variation("V", "TEA")), item("CUP", variation("C", "CUP"))
    assert seen(tea, cup).source_item_count is None
    both = seen(tea, cup, variation("V", "TEA"), variation("C", "CUP"), variation("X", "GONE"))
    assert (both.source_item_count, len(both.items)) == (2, 2)
    assert seen(tea, cup, variation("V", "TEA")).source_item_count == 1


# Choices


@pytest.mark.parametrize(
    ("attached", "of_list", "limits"),
    [
        (link("G", 1, 2), {}, (1, 2)),
        (link("G", 0, 0), {"min_selected_modifiers": 1, "max_selected_modifiers": 1}, (0, None)),
        (link("G", 1, -1), {"min_selected_modifiers": 2, "max_selected_modifiers": 3}, (1, None)),
        (link("G", -1, 2), {"min_selected_modifiers": 2, "max_selected_modifiers": 3}, (0, 2)),
        (link("G"), {"min_selected_modifiers": 2, "max_selected_modifiers": 3}, (2, 3)),
        (link("G", None, None), {"min_selected_modifiers": 2, "max_selected_modifiers": 3}, (2, 3)),
        (link("G"), {"min_selected_modifiers": -1, "max_selected_modifiers": -1, "selection_type": "SINGLE"}, (0, 1)),
        (link("G"), {"selection_type": "SINGLE"}, (0, 1)),
        (link("G"), {"selection_type": "MULTIPLE"}, (0, None)),
        (link("G"), {}, (0, None)),
    ],
)
def test_limits_are_the_attachments_else_the_lists_else_the_selection_types(
    attached: dict[str, Any], of_list: dict[str, Any], limits: tuple[int, int | None]
) -> None:
    found = seen(item("TEA", modifier_list_info=[attached]), modifier_list("G", modifier("M", "G"), **of_list))
    fact = edges_of(found)[(("G", "G/M"),)]
    assert (fact.min, fact.max) == limits


@pytest.mark.parametrize(
    ("own", "override", "default"),
    [
        (True, None, True),
        (None, None, False),
        (True, {"on_by_default_override": "NO"}, False),
        (False, {"on_by_default_override": "YES"}, True),
        (True, {"on_by_default_override": "NOT_SET", "on_by_default": False}, True),
        (True, {"on_by_default": False}, False),
        (False, {"on_by_default": True}, True),
    ],
)
def test_the_attachment_may_override_the_default(own: bool | None, override: Any, default: bool) -> None:
    overrides = [] if override is None else [{"modifier_id": "M", **override}]
    said = {} if own is None else {"on_by_default": own}
    attached = link("G", modifier_overrides=overrides)
    found = seen(item("TEA", modifier_list_info=[attached]), modifier_list("G", modifier("M", "G", **said)))
    assert edges_of(found)[(("G", "G/M"),)].is_default is default


@pytest.mark.parametrize(
    ("of_list", "attached", "repeats"),
    [(True, None, True), (True, "NOT_SET", True), (True, "NO", False), (False, "YES", True), (None, None, False)],
)
def test_quantities_are_the_attachments_word_else_the_lists(of_list: Any, attached: Any, repeats: bool) -> None:
    said = {} if attached is None else {"allow_quantities": attached}
    group = modifier_list("G", modifier("M", "G"), **({} if of_list is None else {"allow_quantities": of_list}))
    found = seen(item("TEA", modifier_list_info=[link("G", **said)]), group)
    assert edges_of(found)[(("G", "G/M"),)].allows_repeats is repeats


def test_an_attachment_that_is_switched_off_stays_and_is_not_active() -> None:
    off = item("TEA", modifier_list_info=[link("G", enabled=False)])
    assert edges_of(seen(off, modifier_list("G", modifier("M", "G"))))[(("G", "G/M"),)].is_active is False


def test_option_prices_at_the_location_and_none_is_free() -> None:
    at = [{"location_id": HERE, "price_money": {"amount": 0}}, {"location_id": "OTHER", "price_money": {"amount": 9}}]
    out = [{"location_id": HERE, "sold_out": True}]
    group = modifier_list(
        "G",
        modifier("A", "G", 50),
        modifier("B", "G", 50, location_overrides=at),
        modifier("C", "G", None),
        modifier("D", "G", 70, location_overrides=out),
    )
    found = seen(item("TEA", modifier_list_info=[link("G")]), group)
    prices = {key.edge.path[-1][1]: fact.cents for key, fact in found.modifier_prices.items()}
    assert prices == {"G/A": 50, "G/B": 0, "G/C": 0, "G/D": 70}
    assert [key for key, fact in edges_of(found).items() if not fact.is_available] == [(("G", "G/D"),)]


def test_lists_and_options_of_other_locations_deleted_or_unknown_are_not_offered() -> None:
    objects: Sequence[Mapping[str, Any]] = (
        modifier_list("G", modifier("A", "G"), modifier("B", "G", envelope=ELSEWHERE)),
        modifier_list("H", modifier("C", "H"), envelope=ELSEWHERE),
        modifier_list("I", modifier("D", "I"), envelope={"is_deleted": True}),
        modifier_list("J", modifier("E", "J", envelope={"is_deleted": True})),
    )
    tea = item("TEA", modifier_list_info=[link(group) for group in ("G", "H", "I", "J", "NONE")])
    assert set(edges_of(seen(tea, *objects))) == {(("G", "G/A"),), (("J", ""),)}


def test_a_text_to_type_in_is_a_choice_without_options() -> None:
    group = modifier_list("G", modifier_type="TEXT", text_required=True, max_length=20)
    found = seen(item("TEA", modifier_list_info=[link("G")]), group)
    assert edges_of(found) == {(("G", ""),): EdgeFact(1, 1, False)}
    assert found.modifier_prices == {}


def test_nested_lists_are_followed_with_their_own_limits_until_an_option_comes_again() -> None:
    top = modifier_list("G", modifier("A", "G", child_modifier_list_ids=["H"]))
    below = modifier_list("H", modifier("B", "H", 30, child_modifier_list_ids=["G"]), selection_type="SINGLE")
    found = seen(item("TEA", modifier_list_info=[link("G", 1, 1)]), top, below)
    a, b = ("G", "G/A"), ("H", "H/B")
    assert set(edges_of(found)) == {(a,), (a, b), (a, b, a)}
    assert edges_of(found)[(a, b)] == EdgeFact(0, 1, False)
    assert found.modifier_prices[ModifierPriceKey(EdgeKey("TEA", (a, b)))] == PriceFact("fixed", 30)


def test_options_of_no_item_are_listed_apart_and_named() -> None:
    found = seen(item("TEA"), modifier_list("G", modifier("A", "G"), name="Milk"))
    assert found.unattached == {"G/A"}
    assert found.names["modifier_groups", "G"] == "Milk"
    assert found.names["modifiers", "G/A"] == "A"


# Menus and categories


def test_categories_menus_and_sections() -> None:
    objects = (
        category("HOT"),
        category("COLD"),
        category("KDS", "KITCHEN_CATEGORY"),
        category("DINNER", "MENU_CATEGORY"),
        category("STARTERS", "MENU_CATEGORY", parent="DINNER"),
    )
    named = [{"id": ident} for ident in ("HOT", "KDS", "STARTERS", "NONE")]
    found = seen(item("TEA", categories=named, reporting_category={"id": "COLD"}, category_id="KDS"), *objects)
    assert found.item_categories == {"TEA": frozenset({"HOT", "COLD", "STARTERS"})}
    assert found.item_menus == {"TEA": frozenset({"DINNER"})}
    assert found.menus == {"DINNER": MenuFact("Dinner")}
    assert found.names["categories", "STARTERS"] == "Starters"


def test_the_old_single_category_counts_only_where_neither_newer_one_is_there() -> None:
    found = seen(category("HOT"), item("TEA", category_id="HOT"), item("CUP", category_id="HOT", categories=[]))
    assert found.item_categories == {"TEA": frozenset({"HOT"}), "CUP": frozenset()}


def test_a_menu_is_open_in_its_periods_and_a_missing_period_is_named() -> None:
    period = {"day_of_week": "FRI", "start_local_time": "17:00:00", "end_local_time": "02:00:00"}
    menu = category("DINNER", "MENU_CATEGORY", availability_period_ids=["P", "LOST"])
    found = seen(menu, catalog_object("AVAILABILITY_PERIOD", "P", period))
    assert found.menus == {"DINNER": MenuFact("Dinner", True, (Window(("fri",), "17:00", "02:00"),))}
    assert [one for one in found.unreadable if isinstance(one, Unreadable) and "LOST" in one.reason]


# Whole menus, fetched over HTTP, against what the sandbox knows


def assert_as_known(found: Facts, truth: Mapping[str, Any], location: str, nested: bool) -> None:
    here: dict[str, list[dict[str, Any]]] = {
        name: [row for row in rows if not isinstance(row, dict) or row.get("location", location) == location]
        for name, rows in truth.items()
        if isinstance(rows, list)
    }
    prices = [row for row in here["prices"] if row["window"] is None]
    sold = {row["item"] for row in prices}
    items = {row["id"]: row for row in here["items"] if not row["deleted"] and row["id"] in sold}
    assert {key: (fact.name, fact.is_active, fact.is_available) for key, fact in found.items.items()} == {
        key: (row["name"], row["active"], row["available"]) for key, row in items.items()
    }
    assert found.source_item_count == len(items)
    assert {
        (key.item, key.variation): (fact.kind, fact.cents) for key, fact in found.prices.items() if key.variation
    } == {
        (row["item"], row["variation"]): (row["kind"], row["cents"])
        for row in prices
        if row["variation"] in found.variations
    }
    assert {key.item: (fact.kind, fact.cents) for key, fact in found.prices.items() if not key.variation} == {
        row["item"]: (row["kind"], row["cents"]) for row in prices if row["variation"] not in found.variations
    }
    known = {
        (row["item"], tuple((group, f"{group}/{option}") for group, option in row["path"])): row
        for row in here["edges"]
        if row["item"] in sold and (nested or "since" not in row)
    }
    options = {key: fact for key, fact in found.edges.items() if key.path[-1][1]}
    assert set(options) == set(known)
    for key, fact in options.items():
        row = known[key]
        assert (fact.min, fact.max, fact.is_default) == (row["min"], row["max"], row["default"])
        assert (fact.is_active and found.items[key.item].is_active, fact.is_available) == (
            row["active"],
            row["available"],
        )
    cents = {
        (row["item"], tuple((group, f"{group}/{option}") for group, option in row["path"])): row["cents"]
        for row in here["modifier_prices"]
    }
    assert {key.edge: fact.cents for key, fact in found.modifier_prices.items()} == {key: cents[key] for key in options}
    groups = {key: name for (entity, key), name in found.names.items() if entity == "modifier_groups"}
    assert groups == {row["id"]: row["name"] for row in here["groups"]}
    assert found.taxes == {
        row["id"]: TaxFact(row["name"], Decimal(row["percentage"]), None, row["inclusive"], row["enabled"])
        for row in here["taxes"]
    }
    off = {row["id"] for row in here["taxes"] if not row["enabled"]}
    assert found.item_taxes == {key: frozenset(row["taxes"]) - off for key, row in items.items()}
    stations = {row["id"]: set(row["items"]) for row in here["stations"]}
    assert found.item_stations == {
        key: frozenset(f"{location}/{station}" for station, members in stations.items() if key in members)
        for key in items
    }
    stock = {
        row["variation"] if row["variation"] in found.variations else row["item"]: row
        for row in here["stock"]
        if row["item"] in items and row["state"] in ("IN_STOCK", "SOLD_OUT")  # what is sold out stands below its count
    }
    assert found.stock is not None
    assert {key: fact.status for key, fact in found.stock.items() if fact.status != "in_stock"} == {
        key: "out_of_stock" if row["state"] == "SOLD_OUT" else "quantity" for key, row in stock.items()
    }
    counted = {key: fact.quantity for key, fact in found.stock.items() if fact.status == "quantity"}
    assert counted == {key: Decimal(row["quantity"]) for key, row in stock.items() if row["state"] == "IN_STOCK"}
    texts = {(key.item, key.path[-1][0]) for key in found.edges if not key.path[-1][1] and len(key.path) == 1}
    assert {(row["item"], row["group"]) for row in here["text_modifiers"] if row["item"] in sold} <= texts


OLDER = "2025-08-20"


@pytest.mark.parametrize(("scenario", "version"), [("diner", ""), ("diner", OLDER), ("cafe", "")])
def test_a_menu_is_what_the_sandbox_knows(
    scenario: str, version: str, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    switches: dict[str, Any] = {"square_version": version} if version else {}
    with serve("square", scenario, 5) as sandbox:
        discovery, (reader,) = asyncio.run(read_menus(sandbox, snapshots, tmp_path, **switches))
        truth = control(sandbox, "/truth")
    location = discovery.locations[0].source_id
    found = facts(reader, location, "USD")
    assert_as_known(found, truth, location, not version)
    assert found.edges
    assert any(len(key.path) > 1 for key in found.edges) == (scenario == "diner" and not version)


def test_each_location_of_a_chain_is_seen_as_it_is(snapshots: psycopg.Connection[Any], tmp_path: Path) -> None:
    with serve("square", "chain", 1) as sandbox:
        discovery, readers = asyncio.run(read_menus(sandbox, snapshots, tmp_path, how_many=3))
        truth = control(sandbox, "/truth")
    seen_here = []
    for known, reader in zip(discovery.locations, readers, strict=False):
        found = facts(reader, known.source_id, "USD")
        assert_as_known(found, truth, known.source_id, True)
        seen_here.append(found)
    assert seen_here[0].prices != seen_here[1].prices


def test_an_empty_account_has_no_facts(snapshots: psycopg.Connection[Any], tmp_path: Path) -> None:
    with serve("square", "empty", 1) as sandbox:
        discovery, (reader,) = asyncio.run(read_menus(sandbox, snapshots, tmp_path))
    found = facts(reader, discovery.locations[0].source_id, "USD")
    assert (found.items, found.edges, found.prices, found.unattached) == ({}, {}, {}, set())
