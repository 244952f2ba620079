"""The connector against the sandbox's own knowledge: what was read and mapped is what is on the menu, and all of it."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.clover import CONNECTOR
from aura_migration.pos.port import SourceLocation
from aura_migration_tests.pos.clover.clover_bench import NAMES, by_key
from aura_migration_tests.pos.clover.conftest import MakeBench, Read

SWITCHES: tuple[dict[str, Any], ...] = (
    {},
    {"vat": True, "nested_unexpanded": "href", "default_rates_in_expand": True, "item_expand_menu": False},
    {"stale_modifier_ids": True, "item_deleted_field": True, "deleted_by_id": "object"},
    {"deleted_items": "listed", "deleted_categories": "listed", "nested_deleted": "reference"},
    {"nested_deleted": "omit", "category_items_order": "display", "nested_modifier_order": "display"},
    {"unknown_order_by": "ignore", "deleted_items": "never", "nested_deleted": "reference"},
)


@pytest.mark.parametrize("scenario", ["cafe", "empty"])
def test_all_of_a_merchant_is_read_and_mapped_as_it_is(bench: MakeBench, scenario: str) -> None:
    where = bench(scenario)
    location = where.locations()[0]
    prove(where.extract(location.source_id), location, where.truth())


def test_every_peculiarity_is_read_and_mapped_as_it_is(diner: Read) -> None:
    prove(diner.reader, diner.location, diner.truth)


def prove(reader: SnapshotReader, location: SourceLocation, truth: dict[str, Any]) -> None:
    """All is certified, nothing is rejected, everything is as the sandbox knows it."""
    assert {c.entity: c.explain() for c in reader.certificates() if c.status != "complete"} == {}
    assert {c.entity for c in reader.certificates()} == set(NAMES)
    batch = CONNECTOR.map_menu(reader, location)
    assert batch.rejected == []
    compare(batch, truth, location)
    assert CONNECTOR.source_counts(reader, location) == counted(truth, location.source_id)


def test_locations_of_a_chain_are_merchants_that_share_nothing(bench: MakeBench) -> None:
    where = bench("chain", locations=11)
    locations = where.locations()
    truth = where.truth()
    assert [place.source_id for place in locations] == sorted(place["id"] for place in truth["locations"])
    first, second = locations[0], locations[1]
    one = CONNECTOR.map_menu(where.extract(first.source_id), first)
    two = CONNECTOR.map_menu(where.extract(second.source_id), second)
    compare(one, truth, first)
    compare(two, truth, second)
    assert not {(row.entity, row.key) for row in one.rows} & {(row.entity, row.key) for row in two.rows}


def compare(batch: Batch, truth: dict[str, Any], location: SourceLocation) -> None:
    """Every list of the truth against the rows of the batch."""
    loc = location.source_id

    def here(name: str) -> list[dict[str, Any]]:
        return [row for row in truth[name] if row["location"] == loc]

    items, sold = by_key(batch, "items"), by_key(batch, "item_locations")
    live = [item for item in here("items") if not item["deleted"]]
    assert items.keys() == sold.keys() == {path(loc, item["id"]) for item in live}
    links = by_key(batch, "item_categories")
    for item in live:
        row, place = items[path(loc, item["id"])].values, sold[path(loc, item["id"])].values
        assert (row["name"], row["sku"]) == (item["name"], item["sku"] or None)
        assert (place["is_active"], place["is_available"]) == (item["active"], item["available"])
        found = {link.values["category_key"] for link in links.values() if link.key.startswith(path(loc, item["id"]))}
        assert found == {path(loc, category) for category in item["categories"]} & set(by_key(batch, "categories"))
        assert row["category_key"] is None if not found else row["category_key"] in found
    for price in here("prices"):
        place = sold[path(loc, price["item"])].values
        assert (place["price_type"], place["price_cents"]) == (price["kind"], price["cents"])
    assert len(here("prices")) == len(items)
    assert {key: row.values["name"] for key, row in by_key(batch, "categories").items()} == {
        path(loc, category["id"]): category["name"] for category in here("categories")
    }
    groups = by_key(batch, "modifier_groups")
    assert {
        key: (row.values["name"], row.values["min_selections"], row.values["max_selections"])
        for key, row in groups.items()
    } == {path(loc, group["id"]): (group["name"], group["min"], group["max"]) for group in here("groups")}
    compare_modifiers(batch, truth, loc)
    compare_setup(batch, truth, loc)


def compare_modifiers(batch: Batch, truth: dict[str, Any], loc: str) -> None:
    """Options, the edges by which they can be chosen, and their prices."""
    offered, options = by_key(batch, "modifier_locations"), by_key(batch, "modifiers")
    true_options = [m for m in truth["modifiers"] if m["location"] == loc]
    live = {m["group"] for m in true_options} & {g["id"] for g in truth["groups"] if g["location"] == loc}
    assert {key: (row.values["price_cents"], row.values["is_available"]) for key, row in offered.items()} == {
        path(loc, m["group"], m["id"]): (m["cents"], m["available"]) for m in true_options if m["group"] in live
    }
    assert {key: (row.values["name"], row.values["display_order"]) for key, row in options.items()} == {
        path(loc, m["group"], m["id"]): (m["name"], m["position"]) for m in true_options if m["group"] in live
    }
    members: dict[str, list[str]] = {}
    for key, row in offered.items():
        members.setdefault(options[key].values["modifier_group_key"], []).append(row.values["modifier_key"])
    edges = {
        (link.values["menu_item_key"], option): (link.values["min_selections"], link.values["max_selections"])
        for link in by_key(batch, "item_modifier_groups").values()
        for option in members.get(link.values["modifier_group_key"], [])
    }
    assert edges == {
        (path(loc, edge["item"]), path(loc, *edge["path"][0])): (edge["min"], edge["max"])
        for edge in truth["edges"]
        if edge["location"] == loc
    }


def compare_setup(batch: Batch, truth: dict[str, Any], loc: str) -> None:
    """Stock, kitchen routing and taxes."""

    def here(name: str) -> list[dict[str, Any]]:
        return [row for row in truth[name] if row["location"] == loc]

    assert {key: float(row.values["quantity"]) for key, row in by_key(batch, "stock").items()} == {
        path(loc, entry["item"]): entry["quantity"] for entry in here("stock")
    }
    stations = by_key(batch, "kitchen_stations")
    assert {key: row.values["name"] for key, row in stations.items()} == {
        path(loc, station["id"]): station["name"] for station in here("stations")
    }
    assert set(by_key(batch, "item_stations")) == {
        path(loc, item, station["id"]) for station in here("stations") for item in station["items"]
    }
    real = {rate["id"]: rate for rate in here("tax_rates") if rate["name"] != "NO_TAX_APPLIED"}
    rates = by_key(batch, "tax_rates")
    assert rates.keys() == {path(loc, ident) for ident in real}
    for ident, rate in real.items():
        row = rates[path(loc, ident)].values
        assert row["is_default"] == rate["default"]
        assert row["amount_cents"] == rate["flat_cents"]
        if rate["flat_cents"] is None:
            assert float(row["rate_percent"]) * 100_000 == rate["rate"]
    assert set(by_key(batch, "item_taxes")) == {
        path(loc, "item", entry["item"], rate)
        for entry in here("item_taxes")
        for rate in entry["rates"]
        if rate in real
    }


def counted(truth: dict[str, Any], loc: str) -> dict[str, int]:
    """The sandbox's own counts, in the port's terms."""
    counts = truth["counts_by_location"][loc]
    return {
        "menus": 0,
        "categories": counts["categories"],
        "kitchen_stations": sum(1 for row in truth["stations"] if row["location"] == loc),
        "items": counts["items"],
        "variations": 0,
        "modifier_groups": counts["groups"],
        "modifiers": counts["modifiers"],
        "pre_modifiers": 0,
        "price_rules": 0,
        "stock": sum(1 for row in truth["stock"] if row["location"] == loc),
    }


@pytest.mark.parametrize("switches", SWITCHES[1:], ids=["vat", "stale", "listed", "omit", "never"])
def test_what_the_documentation_leaves_open_is_read_the_same_either_way(
    bench: MakeBench, switches: dict[str, Any]
) -> None:
    where = bench("diner", switches=switches)
    location = where.locations()[0]
    reader = where.extract(location.source_id)
    assert [c.explain() for c in reader.certificates() if c.status != "complete"] == []
    batch = CONNECTOR.map_menu(reader, location)
    compare(batch, where.truth(), location)
    inclusive = {row.values["tax_inclusive"] for row in by_key(batch, "items").values()}
    assert inclusive == {bool(switches.get("vat"))}
    assert {row.values["is_inclusive"] for row in by_key(batch, "tax_rates").values()} == inclusive
