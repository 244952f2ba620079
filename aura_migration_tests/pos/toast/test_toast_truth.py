"""Whole scenarios over HTTP: what was mapped is sold from its rows alone and compared with the sandbox's known truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.pos.toast import CONNECTOR
from aura_migration_tests.pos.toast.canonical_menu import Moment, Path, Till

Take = Callable[..., Any]
SCENARIOS = [("cafe", 0), ("diner", 0), ("chain", 0), ("chain", 1), ("chain", 7)]
CHANNELS = {"POS": "in_house", "TOAST_ONLINE_ORDERING": "online", "KIOSK": "kiosk", "ORDERING_PARTNERS": "third_party"}


@pytest.fixture(params=SCENARIOS, ids=lambda pair: f"{pair[0]}-{pair[1] + 1}")
def taken(request: pytest.FixtureRequest, take: Take) -> Any:
    return take(*request.param)


@pytest.fixture
def keys(taken: Any) -> dict[str, str]:
    """Source keys by guid: the multi-location id of whatever has the guid in the menus document."""
    found: dict[str, str] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("guid"), str) and "multiLocationId" in node:
                found[node["guid"]] = str(node["multiLocationId"] or node["guid"])
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    for body in taken.reader.bodies("menus"):
        walk(msgspec.json.decode(body.data))
    return found


@pytest.fixture
def till(taken: Any) -> Till:
    return Till(taken.batch.rows, taken.location)


def in_keys(path: list[list[str]], keys: dict[str, str]) -> Path:
    return tuple((keys[group], keys[option]) for group, option in path)


def moment_in(window: dict[str, Any] | None) -> Moment | None:
    return None if window is None else Moment(window["days"][0][:3].lower(), window["from"])


def test_nothing_is_in_quarantine_and_every_list_is_certified(taken: Any) -> None:
    assert taken.batch.rejected == []
    certificates = {one.entity: one for one in taken.reader.certificates()}
    assert certificates.keys() == {entity.name for entity in CONNECTOR.source_entities if entity.is_menu}
    assert {one.status for one in certificates.values()} == {"complete"}
    route = certificates["menus"].second_route
    assert route is not None and route.count == certificates["menus"].distinct == len(taken.about("items"))
    stock = certificates["stock"].second_route
    assert stock is not None and stock.count == certificates["stock"].distinct


def test_every_item_of_the_truth_is_a_row_with_its_state_and_its_places(
    taken: Any, keys: dict[str, str], till: Till
) -> None:
    items, places = till.of("items"), till.of("item_locations")
    truth = taken.about("items")
    assert {keys[one["id"]] for one in truth} == items.keys()
    for one in truth:
        key = keys[one["id"]]
        row, here = items[key], places[f"{taken.location}/{key}"]
        assert (row["name"], here["name"]) == (one["name"], one["name"])
        assert (row["sku"], row["barcode"]) == (one["sku"], one["plu"])
        assert here["is_available"] == row["is_available"] == one["available"]
        assert row["is_active"] == bool(one["visibility"])
        unknown = sorted(name.lower() for name in one["visibility"] if name not in CHANNELS)
        assert row["channels"] == [CHANNELS[name] for name in CHANNELS if name in one["visibility"]] + unknown
        categories = [link for link in till.of("item_categories").values() if link["menu_item_key"] == key]
        assert [link["category_key"] for link in categories] == [keys[guid] for guid in one["categories"]]
        assert [link["is_primary"] for link in categories] == [True] + [False] * (len(categories) - 1)
        menus = [link["menu_key"] for link in till.of("item_menus").values() if link["menu_item_key"] == key]
        assert menus == [keys[guid] for guid in one["menus"]]
        taxes = {link["tax_rate_key"] for link in till.of("item_taxes").values() if link.get("menu_item_key") == key}
        assert taxes == {f"{taken.location}/{guid}" for guid in one["taxes"]}
        stations = [link["station_key"] for link in till.of("item_stations").values() if link["menu_item_key"] == key]
        assert stations == [f"{taken.location}/{guid}" for guid in one["stations"]]
        assert (row["tags"] or []) == one["tags"]
        included = {"TAX_INCLUDED": True, "TAX_NOT_INCLUDED": False, "SMART_TAX": None}
        assert row["tax_inclusive"] == included[one["tax_inclusion"]]


def test_every_item_price_is_the_truth_by_size_menu_and_time(taken: Any, keys: dict[str, str], till: Till) -> None:
    kinds = {"fixed": "fixed", "open": "open", "per_unit": "per_unit"}
    for one in taken.about("prices"):
        item, menu = keys[one["item"]], keys[one["menu"]] if one["menu"] else None
        moment = moment_in(one["window"])
        size = keys[one["variation"]] if one["variation"] else None
        if size is None or f"{item}/{size}" in till.of("variations"):
            variation = f"{item}/{size}" if size else None
            assert till.item_price(item, variation, menu, moment) == one["cents"], one
            row = till.of("variations")[variation] if variation else till.of("items")[item]
            assert row["price_type"] == kinds[one["kind"]]
        else:
            link = next(
                link for link in till.groups_of[item] if f"{link['modifier_group_key']}/{size}" in till.of("modifiers")
            )
            assert (link["min_selections"], link["max_selections"], link["is_required"]) == (1, 1, True)
            charged = till.modifier_price(item, ((link["modifier_group_key"], size),), menu, moment)
            assert till.item_price(item, None, menu, moment) == 0
            assert charged == one["cents"], one


def test_every_modifier_price_is_the_truth_by_size_sequence_word_menu_and_time(
    taken: Any, keys: dict[str, str], till: Till
) -> None:
    names = {option["id"]: option["name"] for group in taken.about("size_groups") for option in group["options"]}
    for one in taken.about("modifier_prices"):
        item, path = keys[one["item"]], in_keys(one["path"], keys)
        given: dict[str, Any] = {
            "menu": keys[one["menu"]] if one["menu"] else None,
            "moment": moment_in(one["window"]),
            "sequence": one["sequence"],
        }
        nested = {link["modifier_group_key"] for link in till.nested_of.get("/".join(path[-1]), ())}
        size_groups = [
            group for group in nested if one["size"] and f"{group}/{keys.get(one['size'], '')}" in till.of("modifiers")
        ]
        if size_groups:  # the option itself is sold by size: its sizes are a nested group that carries the price
            assert till.modifier_price(item, path, **given) == 0
            listed = till.modifier_price(item, (*path, (size_groups[0], keys[one["size"]])), **given)
        else:
            size = names.get(one["size"], one["size"])
            variation = f"{item}/{keys[one['size']]}" if one["size"] in keys else None
            listed = till.modifier_price(item, path, size_name=size, variation=variation, **given)
        assert listed == one["listed_cents"], one
        word = keys[one["pre_modifier"]] if one["pre_modifier"] else None
        assert till.charged(item, path, listed, word) == one["cents"], one


def test_the_options_that_can_be_reached_are_exactly_the_truths_edges(
    taken: Any, keys: dict[str, str], till: Till
) -> None:
    expected: dict[tuple[str, Path], dict[str, Any]] = {}
    for one in taken.about("edges"):
        expected[keys[one["item"]], in_keys(one["path"], keys)] = one
    variations = {(keys[group["item"]], keys[group["id"]]) for group in taken.about("size_groups")}
    for one in taken.about("size_edges"):
        item, path = keys[one["item"]], in_keys(one["path"], keys)
        if len(path) == 1 and (item, path[0][0]) in variations and f"{item}/{path[0][1]}" in till.of("variations"):
            continue
        expected[item, path] = one
    found = {(item, path): (link, key) for item in till.of("items") for path, link, key in till.edges(item)}
    assert found.keys() == expected.keys()
    for (item, path), one in expected.items():
        link, key = found[item, path]
        row = till.of("modifiers")[key]
        assert (link["min_selections"], link["max_selections"]) == (one["min"], one["max"]), one
        assert till.is_default(item, path) == one["default"], one
        active = (
            row["is_active"] and link.get("is_active", True) and till.of("modifier_groups")[path[-1][0]]["is_active"]
        )
        assert active == one["active"], one
        assert row["is_available"] == one["available"], one
        assert (row["max_quantity"] is None) == one["duplicates"], one


def test_groups_categories_stations_and_stock_are_the_truths(taken: Any, keys: dict[str, str], till: Till) -> None:
    assert {keys[one["id"]] for one in taken.about("groups")} <= till.of("modifier_groups").keys()
    categories = till.of("categories")
    assert {keys[one["id"]]: one["name"] for one in taken.about("categories")} == {
        key: row["name"] for key, row in categories.items()
    }
    for one in taken.about("categories"):
        parent = keys[one["parent"]] if one["parent"] else None
        assert categories[keys[one["id"]]]["parent_category_key"] == parent
    assert {f"{taken.location}/{one['id']}": one["name"] for one in taken.about("stations")} == {
        key: row["name"] for key, row in till.of("kitchen_stations").items()
    }
    items = {keys[one["id"]] for one in taken.about("items")}
    for one in taken.about("stock"):
        key = keys[one["item"]]
        if key in items and one["variation"] is None:
            row = till.of("stock")[f"{taken.location}/{key}"]
            quantity = None if one["quantity"] is None else float(row["quantity"])
            assert (row["status"], quantity) == (one["state"].lower(), one["quantity"])


def test_every_row_names_known_fields_and_points_at_rows_that_are_there(taken: Any, till: Till) -> None:
    for row in taken.batch.rows:
        entity = ENTITIES[row.entity]
        for name, value in row.values.items():
            declared = entity.field(name)
            if declared.ref and value is not None:
                assert value in till.of(declared.ref), (row.entity, row.key, name)
            if declared.choices and value is not None:
                assert value in declared.choices, (row.entity, row.key, name)
        for declared in entity.fields:
            if declared.required:
                assert row.values.get(declared.name) is not None, (row.entity, row.key, declared.name)


def test_the_source_counts_are_loaded_plus_quarantined(taken: Any, till: Till) -> None:
    location = next(one for one in taken.discovery.locations if one.source_id == taken.location)
    counts = CONNECTOR.source_counts(taken.reader, location)
    counted = {entity.name for entity in MENU_ENTITIES if entity.counted}
    assert counts.keys() == counted
    for name, count in counts.items():
        assert count == len(till.of(name)), name
    assert counts["items"] == taken.truth["counts_by_location"][taken.location]["items"]


def test_no_secret_of_the_account_is_in_rows_or_snapshot(taken: Any) -> None:
    secrets = [secret.encode() for secret in taken.truth["secrets"]]
    bodies = [body.data for entity in taken.reader.entities() for body in taken.reader.bodies(entity)]
    rows = repr(taken.batch).encode()
    assert secrets
    for secret in secrets:
        assert secret not in rows
        assert not any(secret in body for body in bodies)


def test_reference_numbers_are_nowhere_in_the_rows(taken: Any) -> None:
    for row in taken.batch.rows:
        assert "referenceId" not in repr(row.source)
        assert "References'" not in repr(row.source)
