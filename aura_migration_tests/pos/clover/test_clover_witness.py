"""The Clover witness: answers written by hand for every peculiarity, then the sandbox's known truth, record by record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from aura_migration.archive.snapshot import SecondRoute, SnapshotReader
from aura_migration.core.ids import path
from aura_migration.database.connections import connect
from aura_migration.pos.clover.witness import facts
from aura_migration.pos.facts import EdgeFact, EdgeKey, Facts, ModifierPriceKey, PriceFact, PriceKey, TaxFact
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.clover.clover_bench import Bench
from aura_migration_tests.support import database as support

M = "7AB3CD9EF1GHJ"
MENU = (
    "items",
    "item_stocks",
    "tax_rates",
    "categories",
    "modifier_groups",
    "modifiers",
    "item_groups",
    "tags",
    "attributes",
    "options",
)


# Answers by hand


def item(ident: str, **fields: Any) -> dict[str, Any]:
    """An item as Clover answers it."""
    states = {"hidden": False, "available": True, "price": 1195, "priceType": "FIXED"}
    return (
        {"id": ident, "name": f"Item {ident}", "sku": "", "code": "", "alternateName": "", "unitName": ""}
        | states
        | fields
    )


def group(ident: str, **fields: Any) -> dict[str, Any]:
    """A modifier group without limits."""
    return {"id": ident, "name": f"Group {ident}", "showByDefault": True} | fields


def modifier(ident: str, of: str = "", **fields: Any) -> dict[str, Any]:
    """A modifier; ``of`` is the group it names, where it was not listed below one."""
    owner = {"modifierGroup": {"id": of}} if of else {}
    return {"id": ident, "name": f"Modifier {ident}", "price": 50, "available": True} | owner | fields


def listed(*elements: dict[str, Any]) -> dict[str, Any]:
    """A collection in its wrapper."""
    return {"elements": list(elements), "href": "http://elsewhere.example/v3"}


def read(*answers: tuple[str, Any], merchant: str = M, count: int = 0) -> Facts:
    """The facts of a snapshot with these answers, by path below the merchant."""
    route = SimpleNamespace(second_route=SecondRoute("the other list", count) if count else None)

    def bodies(entity: str) -> Iterator[SimpleNamespace]:
        for at, answer in answers:
            yield SimpleNamespace(path=f"/v3/merchants/{merchant}/{at}", data=json.dumps(answer).encode())

    reader = SimpleNamespace(entities=lambda: ("all",), bodies=bodies, certificate=lambda entity: route)
    return facts(cast(SnapshotReader, reader), M, "USD")


def edge(of: str, in_group: str, option: str) -> EdgeKey:
    """A choice by ids."""
    return EdgeKey(path(M, of), ((path(M, in_group), path(M, in_group, option) if option else ""),))


def test_a_price_is_fixed_or_entered_at_the_sale_or_per_unit() -> None:
    said = read(
        (
            "items",
            listed(
                item("FIXED", price=1195),
                item("FREE", price=0),
                item("OPEN", price=0, priceType="VARIABLE"),
                item("OPENTOO", price=500, priceType="VARIABLE"),
                item("POUND", price=1899, priceType="PER_UNIT", unitName="lb"),
            ),
        )
    )
    assert said.prices == {
        PriceKey(path(M, "FIXED")): PriceFact("fixed", 1195),
        PriceKey(path(M, "FREE")): PriceFact("fixed", 0),
        PriceKey(path(M, "OPEN")): PriceFact("open", None),
        PriceKey(path(M, "OPENTOO")): PriceFact("open", None),
        PriceKey(path(M, "POUND")): PriceFact("per_unit", 1899, "lb"),
    }


@pytest.mark.parametrize("odd", [{"priceType": "AUCTION"}, {"price": None}, {"price": 11.95}])
def test_a_price_that_is_not_documented_is_unreadable_and_the_item_stays(odd: dict[str, Any]) -> None:
    said = read(("items", listed(item("A", **odd))))
    assert list(said.items) == [path(M, "A")]
    assert said.prices == {}
    assert [(one.entity, one.key) for one in said.unreadable] == [("items", path(M, "A"))]


def test_hidden_is_inactive_unavailable_is_sold_out_and_deleted_is_no_item() -> None:
    said = read(
        (
            "items",
            listed(item("SOLD"), item("OUT", available=False), item("HID", hidden=True), item("DEL", deleted=True)),
        ),
        ("items", listed(item("GONE", deletedTime=1700000000000), item("LOST", isDeleted=True))),
        ("items", listed(item("GONE"))),
    )
    states = {key: (fact.is_active, fact.is_available) for key, fact in said.items.items()}
    assert states == {path(M, "SOLD"): (True, True), path(M, "OUT"): (True, False), path(M, "HID"): (False, True)}


def test_empty_texts_are_none_and_others_stay_as_they_are() -> None:
    online = {"name": "Stew", "description": "Hot.", "enabled": True}
    said = read(
        ("items", listed(item("A", name="Stew 🌶️ ", sku="", code="0123", alternateName="GCS"))),
        ("items", listed(item("A", name="Stew 🌶️ ", sku="", code="0123", alternateName="GCS", menuItem=online))),
    )
    fact = said.items[path(M, "A")]
    assert fact.name == "Stew 🌶️ "
    assert fact.more == {"sku": None, "barcode": "0123", "short_name": "GCS", "description": "Hot."}


def test_variants_are_items_of_their_own() -> None:
    said = read(
        ("items", listed(item("S", itemGroup={"id": "G"}, price=900), item("L", itemGroup={"id": "G"}, price=1200)))
    )
    assert said.variations == {}
    assert {key.item: price.cents for key, price in said.prices.items()} == {path(M, "S"): 900, path(M, "L"): 1200}


def test_absent_limits_are_none_asked_and_any_number_allowed() -> None:
    said = read(
        ("items", listed(item("A", modifierGroups=listed(group("ANY"), group("NIL"), group("ODD"))))),
        ("modifier_groups", listed(group("ANY", modifiers=listed(modifier("X"))))),
        ("modifier_groups", listed(group("NIL", minRequired=0, maxAllowed=0, modifiers=listed(modifier("Z"))))),
        ("modifier_groups", listed(group("ODD", minRequired=3, maxAllowed=1, modifiers=listed(modifier("Y"))))),
    )
    assert said.edges == {
        edge("A", "ANY", "X"): EdgeFact(0, None, is_default=False),
        edge("A", "NIL", "Z"): EdgeFact(0, None, is_default=False),
        edge("A", "ODD", "Y"): EdgeFact(3, 1, is_default=False),
    }


def test_a_nested_list_that_was_cut_is_completed_by_the_child_list_and_by_the_list_of_all_modifiers() -> None:
    said = read(
        ("items", listed(item("A", modifierGroups=listed(group("G"))))),
        ("modifier_groups", listed(group("G", modifierIds="X,Y,Z", modifiers=listed(modifier("X"))))),
        ("modifier_groups/G/modifiers", listed(modifier("X"), modifier("Y", price=75))),
        ("modifiers", listed(modifier("Z", "G", price=0))),
    )
    prices = {key.edge.path[-1][1]: price.cents for key, price in said.modifier_prices.items()}
    assert prices == {path(M, "G", "X"): 50, path(M, "G", "Y"): 75, path(M, "G", "Z"): 0}


def test_a_modifier_without_a_price_is_unreadable_and_stays_a_choice() -> None:
    said = read(
        ("items", listed(item("A", modifierGroups=listed(group("G"))))),
        ("modifiers", listed(modifier("X", "G", price=None), modifier("Y", "G", price=0))),
    )
    assert set(said.edges) == {edge("A", "G", "X"), edge("A", "G", "Y")}
    assert said.modifier_prices == {ModifierPriceKey(edge("A", "G", "Y")): PriceFact("fixed", 0)}
    assert [(one.entity, one.key) for one in said.unreadable] == [("modifiers", path(M, "G", "X"))]


def test_items_of_a_group_and_of_a_category_come_from_either_side() -> None:
    said = read(
        ("items", listed(item("A"), item("B"), item("C"), item("D", categories=listed({"id": "K", "name": "Soups"})))),
        ("modifier_groups", listed(group("G", modifiers=listed(modifier("X")), items=listed({"id": "A"})))),
        ("modifier_groups/G/items", listed(item("B"))),
        ("categories", listed({"id": "K", "name": "Soups", "items": listed({"id": "A"})})),
        ("categories/K/items", listed(item("B"))),
        ("items/C/categories", listed({"id": "K", "name": "Soups"})),
    )
    assert set(said.edges) == {edge("A", "G", "X"), edge("B", "G", "X")}
    assert said.item_categories == {path(M, ident): frozenset({path(M, "K")}) for ident in "ABCD"}


def test_an_unexpanded_list_says_nothing() -> None:
    said = read(("items", listed(item("A", categories={"href": "http://elsewhere.example"}, modifierGroups=None))))
    assert said.edges == {}
    assert said.item_categories == {path(M, "A"): frozenset()}


def test_a_deleted_category_holds_no_items() -> None:
    said = read(("items", listed(item("A", categories=listed({"id": "K", "name": "Holiday", "deleted": True})))))
    assert said.item_categories == {path(M, "A"): frozenset()}
    assert said.names == {}


def test_an_unavailable_modifier_is_a_choice_that_is_sold_out() -> None:
    said = read(
        ("items", listed(item("A", modifierGroups=listed(group("G"))))),
        ("modifiers", listed(modifier("X", "G", available=False))),
    )
    assert said.edges == {edge("A", "G", "X"): EdgeFact(0, None, is_default=False, is_available=False)}


def test_a_group_without_modifiers_is_one_step_without_an_option() -> None:
    said = read(("items", listed(item("A", modifierGroups=listed(group("G", modifierIds=""))))))
    assert said.edges == {edge("A", "G", ""): EdgeFact(0, None, is_default=False)}
    assert said.modifier_prices == {}


def test_modifiers_no_item_reaches_are_listed_apart_and_what_is_deleted_is_gone() -> None:
    said = read(
        ("items", listed(item("A", modifierGroups=listed(group("G"), group("OLD", deleted=True))))),
        ("modifier_groups", listed(group("LOOSE", modifiers=listed(modifier("X"))), group("OLD", deletedTime=1))),
        ("modifiers", listed(modifier("X", "LOOSE"), modifier("Y", "G"), modifier("V", "G", deleted=True))),
        ("modifiers", listed(modifier("Z", "OLD"), modifier("W", "NOWHERE"))),
    )
    assert set(said.edges) == {edge("A", "G", "Y")}
    assert said.unattached == {path(M, "LOOSE", "X")}
    assert {key for entity, key in said.names if entity == "modifiers"} == {path(M, "LOOSE", "X"), path(M, "G", "Y")}


def test_another_merchant_in_the_same_snapshot_is_not_read() -> None:
    assert read(("items", listed(item("A"))), merchant="OTHERMERCHANT").items == {}


def test_items_are_counted_once_more_by_the_second_route() -> None:
    said = read(("items", listed(item("A"))), count=3)
    assert (said.source_item_count, said.source_item_route) == (3, "the other list")
    assert read(("items", listed(item("A")))).source_item_count is None


# The sandbox's known truth


@pytest.fixture(scope="module")
def heard(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, int], tuple[dict[str, Any], Facts]]]:
    """What is known about a location of a scenario, and what the witness says of its snapshot. Each taken once."""
    held: dict[tuple[str, int], tuple[dict[str, Any], Facts]] = {}
    benches: dict[str, Bench] = {}
    with ExitStack() as stack:
        url = stack.enter_context(support.clone(postgres_server, template_database))
        connection: psycopg.Connection[Any] = stack.enter_context(
            connect(url, autocommit=True, application_name="test")
        )

        def hear(scenario: str, index: int) -> tuple[dict[str, Any], Facts]:
            if scenario not in benches:
                sandbox = stack.enter_context(serve("clover", scenario, limits="off"))
                benches[scenario] = Bench(sandbox, connection, tmp_path_factory.mktemp("clover"))
            if (scenario, index) not in held:
                truth = benches[scenario].truth()
                location = truth["locations"][index]["id"]
                reader = benches[scenario].extract(location, entities=MENU)
                known = {
                    kind: [one for one in rows if one.get("location") == location]
                    for kind, rows in truth.items()
                    if isinstance(rows, list) and rows and isinstance(rows[0], dict)
                }
                known["id"], known["counts"] = location, truth["counts_by_location"][location]
                held[scenario, index] = known, facts(reader, location, "USD")
            return held[scenario, index]

        yield hear


each_place = pytest.mark.parametrize(
    ("scenario", "index"), [("cafe", 0), ("diner", 0), ("chain", 0), ("chain", 1), ("chain", 2)]
)
Heard = Callable[[str, int], tuple[dict[str, Any], Facts]]


def known_edge(known: dict[str, Any], row: dict[str, Any]) -> EdgeKey:
    """A choice of the truth under our keys."""
    site = known["id"]
    return EdgeKey(
        path(site, row["item"]), tuple((path(site, of), path(site, of, option)) for of, option in row["path"])
    )


@each_place
def test_the_witness_names_the_items_that_are_sold(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    assert said.item_categories is not None
    expected: dict[str, tuple[Any, ...]] = {
        path(known["id"], one["id"]): (
            one["name"],
            one["active"],
            one["available"],
            one["sku"] or None,
            {path(known["id"], category) for category in one["categories"]},
        )
        for one in known["items"]
        if not one["deleted"]
    }
    assert expected == {
        key: (fact.name, fact.is_active, fact.is_available, fact.more["sku"], said.item_categories[key])
        for key, fact in said.items.items()
    }
    assert said.source_item_count == len(said.items) == known["counts"]["items"]
    assert (said.unreadable, said.repeated) == ([], [])


@each_place
def test_the_witness_names_every_price(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    expected = {PriceKey(path(known["id"], row["item"])): (row["kind"], row["cents"]) for row in known["prices"]}
    assert {key: price[:2] for key, price in said.prices.items()} == expected
    options = {ModifierPriceKey(known_edge(known, row)): ("fixed", row["cents"]) for row in known["modifier_prices"]}
    assert {key: price[:2] for key, price in said.modifier_prices.items()} == options


@each_place
def test_the_witness_names_every_choice(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    expected = {
        known_edge(known, row): (row["min"], row["max"], row["default"], row["active"]) for row in known["edges"]
    }
    assert expected == {
        key: (fact.min, fact.max, fact.is_default, fact.is_active and fact.is_available)
        for key, fact in said.edges.items()
        if key.path[-1][1]
    }
    site, filled = known["id"], {one["group"] for one in known["modifiers"]}
    empty = {
        (path(site, one["id"]), path(site, of))
        for one in known["items"]
        if not one["deleted"]
        for of in one["groups"]
        if of not in filled
    }
    assert {(key.item, key.path[-1][0]) for key in said.edges if not key.path[-1][1]} == empty
    every = {path(site, one["group"], one["id"]) for one in known["modifiers"]}
    assert said.unattached == every - {key.path[-1][1] for key in expected}


@each_place
def test_the_witness_names_groups_modifiers_and_categories(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    expected = {("categories", path(known["id"], one["id"])): one["name"] for one in known["categories"]}
    expected |= {("modifier_groups", path(known["id"], one["id"])): one["name"] for one in known["groups"]}
    expected |= {("modifiers", path(known["id"], one["group"], one["id"])): one["name"] for one in known["modifiers"]}
    expected |= {("kitchen_stations", path(known["id"], one["id"])): one["name"] for one in known["stations"]}
    assert said.names == expected


@each_place
def test_the_witness_knows_taxes_stations_and_stock(heard: Heard, scenario: str, index: int) -> None:
    known, said = heard(scenario, index)
    site = known["id"]
    rates = [one for one in known["tax_rates"] if one["name"] != "NO_TAX_APPLIED"]
    assert said.taxes == {
        path(site, one["id"]): TaxFact(
            one["name"],
            None if one["flat_cents"] else Decimal(one["rate"]) / 100_000,
            one["flat_cents"] or None,
        )
        for one in rates
    }
    here = {path(site, one["id"]) for one in rates}
    assert said.item_taxes == {
        path(site, one["item"]): frozenset(path(site, rate) for rate in one["rates"]) & here
        for one in known["item_taxes"]
    }
    routed = {(path(site, item), path(site, one["id"])) for one in known["stations"] for item in one["items"]}
    assert said.item_stations is not None
    assert {(item, station) for item, stations in said.item_stations.items() for station in stations} == routed
    assert said.stock is not None
    assert {key: fact.quantity for key, fact in said.stock.items()} == {
        path(site, one["item"]): one["quantity"] for one in known.get("stock", ()) if one["quantity"] is not None
    }
