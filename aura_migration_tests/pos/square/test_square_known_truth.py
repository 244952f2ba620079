"""The menus of the sandbox's scenarios, fetched over HTTP into real snapshots, against what the sandbox knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import content_hash
from aura_migration.pos.port import Discovery, SourceLocation
from aura_migration.pos.square import CONNECTOR
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.square.square_support import control, of, read_menus, rows

OLDER = "2025-08-20"

Menu = tuple[SourceLocation, Batch, dict[str, Any]]


def fetch(
    sandbox: RunningSandbox, snapshots: psycopg.Connection[Any], folder: Path, how_many: int = 1, **switches: Any
) -> tuple[Discovery, list[SnapshotReader], list[Menu]]:
    """Read the first locations' menus and lay what the sandbox knows beside each."""
    discovery, readers = asyncio.run(read_menus(sandbox, snapshots, folder, how_many, **switches))
    truth = control(sandbox, "/truth")
    menus: list[Menu] = []
    for location, reader in zip(discovery.locations, readers, strict=False):
        for certificate in reader.certificates():
            assert certificate.status == "complete", certificate.explain()
        here = {
            name: [
                row
                for row in known
                if not isinstance(row, dict) or row.get("location", location.source_id) == location.source_id
            ]
            for name, known in truth.items()
            if isinstance(known, list)
        }
        batch = CONNECTOR.map_menu(reader, location)
        assert_sound(batch, dict(CONNECTOR.source_counts(reader, location)))
        menus.append((location, batch, here))
    return discovery, readers, menus


def assert_sound(batch: Batch, counts: dict[str, int]) -> None:
    """Declared fields only, every reference met, unique keys, nothing lost between source and rows."""
    keys = {(row.entity, row.key) for row in batch.rows}
    assert len(keys) == len(batch.rows)
    for row in batch.rows:
        entity = ENTITIES[row.entity]
        known = {field.name: field for field in entity.fields}
        assert set(row.values) <= set(known), (row.entity, set(row.values) - set(known))
        for name, field in known.items():
            value = row.values.get(name)
            assert value is not None or not field.required, f"{row.entity} {row.key} has no {name}"
            if field.ref and value is not None:
                assert (field.ref, value) in keys, f"{row.entity} {row.key}: {name} {value} leads nowhere"
            if field.choices and value is not None:
                assert value in field.choices
            assert not isinstance(value, float)
        assert row.values.get("sku") != ""
    for entity_name, number in counts.items():
        rejected = sum(1 for record in batch.rejected if record.entity == entity_name)
        assert number == len(of(batch, entity_name)) + rejected, entity_name


def assert_items(menu: Menu) -> None:
    location, batch, truth = menu
    here = location.source_id
    items, links = rows(batch, "items"), of(batch, "item_categories")
    stations, menus = of(batch, "item_stations"), of(batch, "item_menus")
    sections = {row.key: row.values["menu_key"] for row in of(batch, "categories")}
    known = {row["id"]: row for row in truth["items"] if not row["deleted"]}
    for ident in set(known) - set(items):
        assert not any(price["item"] == ident for price in truth["prices"])  # no variation of it is sold here
        assert not known[ident]["active"]
    assert not set(items) - set(known)
    taxes = {row.key: row.values for row in of(batch, "item_taxes")}
    for ident, values in items.items():
        row = known[ident]
        stands = {link.values["category_key"] for link in links if link.values["menu_item_key"] == ident}
        routed = {
            link.values["station_key"].split("/")[1] for link in stations if link.values["menu_item_key"] == ident
        }
        listed = {link.values["menu_key"] for link in menus if link.values["menu_item_key"] == ident}
        assert listed >= {sections[ident] for ident in stands if sections[ident]}
        roots = listed & set(row["categories"])
        wanted = set(row["categories"]) | ({row["reporting_category"]} - {None})
        assert stands | routed | roots == wanted, values["name"]
        assert values["name"] == row["name"]
        assert values["is_active"] == row["active"]
        if row["reporting_category"] in stands:
            assert values["category_key"] == row["reporting_category"]
        assert rows(batch, "item_locations")[f"{here}/{ident}"]["is_available"] == row["available"]
        assert {key.split("/")[3] for key in taxes if key.split("/")[2] == ident} == set(row["taxes"])


def assert_prices(menu: Menu) -> None:
    location, batch, truth = menu
    sold = rows(batch, "item_locations")
    variations = rows(batch, "variations")
    known = [price for price in truth["prices"] if price["window"] is None and price["menu"] is None]
    met = set()
    for price in known:
        several = price["variation"] in variations
        key = "/".join([location.source_id, price["item"], *([price["variation"]] if several else [])])
        values = sold[key]
        assert (values["price_type"], values["price_cents"]) == (price["kind"], price["cents"]), price
        met.add(key)
    carried = {key for key, values in sold.items() if values["price_type"] != "variation"}
    assert carried == met


def choices(location: SourceLocation, batch: Batch) -> dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Any, ...]]:
    """(item, path) → (min, max, default, offered, cents): everything a guest can choose, as the rows say it."""
    here = location.source_id
    defaults = {row.key: row.values["is_default"] for row in of(batch, "modifier_defaults")}
    options: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for row in of(batch, "modifier_locations"):
        group, option = row.values["modifier_key"].split("/")
        options.setdefault(group, []).append((option, row.values))
    nested: dict[str, list[dict[str, Any]]] = {}
    for row in of(batch, "nested_groups"):
        nested.setdefault(row.values["modifier_key"], []).append(row.values)
    found: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Any, ...]] = {}

    def walk(item: str, group: str, above: tuple[tuple[str, str], ...], limits: tuple[Any, Any], on: bool) -> None:
        for option, values in options.get(group, ()):
            path = (*above, (group, option))
            default = values["is_default"]
            if not above:
                default = defaults.get(f"{here}/{item}/{group}/{option}", default)
            found[(item, path)] = (*limits, default, on, values["is_available"], values["price_cents"])
            for child in nested.get(f"{group}/{option}", ()):
                walk(item, child["modifier_group_key"], path, (child["min_selections"], child["max_selections"]), on)

    for row in of(batch, "item_modifier_groups"):
        values = row.values
        limits = (values["min_selections"], values["max_selections"])
        walk(values["menu_item_key"], values["modifier_group_key"], (), limits, values["is_active"])
    return found


def assert_choices(menu: Menu, nested: bool = True) -> None:
    location, batch, truth = menu
    sold = {row.values["menu_item_key"] for row in of(batch, "item_locations")}
    cents = {(row["item"], as_path(row)): row["cents"] for row in truth["modifier_prices"]}
    known = {
        (row["item"], as_path(row)): (
            row["min"],
            row["max"],
            row["default"],
            row["active"],
            row["available"],
            cents[(row["item"], as_path(row))],
        )
        for row in truth["edges"]
        if (nested or "since" not in row) and row["item"] in sold
    }
    assert choices(location, batch) == known


def as_path(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((group, option) for group, option in row["path"])


def assert_categories(menu: Menu) -> None:
    _, batch, truth = menu
    found = {
        row.key: (row.values["name"], row.values["parent_category_key"] or row.values["menu_key"])
        for row in of(batch, "categories")
    }
    found |= {row.key: (row.values["name"], None) for row in of(batch, "menus")}
    found |= {row.key.split("/")[1]: (row.values["name"], None) for row in of(batch, "kitchen_stations")}
    known = {row["id"]: (row["name"], row["parent"]) for row in truth["categories"]}
    assert found == known
    assert {row.key for row in of(batch, "modifier_groups")} == {row["id"] for row in truth["groups"]}
    taxes = {row["id"]: (row["percentage"], row["inclusive"], row["enabled"]) for row in truth["taxes"]}
    rates = {
        row.key: (row.values["rate_percent"], row.values["is_inclusive"], row.values["is_active"])
        for row in of(batch, "tax_rates")
    }
    assert {key: (float(rate), *rest) for key, (rate, *rest) in rates.items()} == {
        key: (float(rate), *rest) for key, (rate, *rest) in taxes.items()
    }


def assert_stock(menu: Menu) -> None:
    location, batch, truth = menu
    variations = rows(batch, "variations")
    found = rows(batch, "stock")
    sold_out = {row["variation"] for row in truth["stock"] if row["state"] == "SOLD_OUT"}
    for row in truth["stock"]:
        if row["state"] not in ("IN_STOCK", "SOLD_OUT"):
            continue
        several = row["variation"] in variations
        values = found["/".join([location.source_id, row["item"], *([row["variation"]] if several else [])])]
        if row["variation"] in sold_out:
            assert values["status"] == "out_of_stock"
            assert values["quantity"] in (None, "0")
        else:
            assert (values["status"], values["quantity"], values["is_tracked"]) == ("quantity", row["quantity"], True)
    assert len(found) >= len(sold_out)


def assert_all(menu: Menu, nested: bool = True) -> None:
    assert_categories(menu)
    assert_items(menu)
    assert_prices(menu)
    assert_choices(menu, nested)
    assert_stock(menu)
    assert menu[1].rejected == []


@pytest.fixture(scope="module")
def diner() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 7) as sandbox:
        yield sandbox


def test_a_cafe_is_read_and_mapped_as_it_is(snapshots: psycopg.Connection[Any], tmp_path: Path) -> None:
    with serve("square", "cafe", 3) as sandbox:
        discovery, _, (menu,) = fetch(sandbox, snapshots, tmp_path)
        assert_all(menu)
        assert len(menu[2]["items"]) > 20
        assert discovery.merchant_id == control(sandbox, "/truth")["merchant_id"]


def test_every_peculiarity_of_the_diner_is_mapped_as_it_is(
    diner: RunningSandbox, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    _, _, (menu,) = fetch(diner, snapshots, tmp_path)
    assert_all(menu)
    truth = menu[2]
    windows = {row.key: row.values["availability"] for row in of(menu[1], "menus")}
    for known in truth["menus"]:
        spans = {(day, span["from"], span["to"]) for span in windows[known["id"]] or () for day in span["days"]}
        assert spans == {(w["day"].lower(), w["from"], w["to"]) for w in known["windows"]}
    for known in truth["stations"]:
        routed = {
            row.values["menu_item_key"]
            for row in of(menu[1], "item_stations")
            if row.values["station_key"].endswith(known["id"])
        }
        assert routed == set(known["items"]) & set(rows(menu[1], "items"))
    for known in truth["text_modifiers"]:
        group = rows(menu[1], "modifier_groups")[known["group"]]
        assert (group["selection_type"], group["max_length"]) == ("text", known["max_length"])
        assert group["is_required"] == known["required"]


def test_an_older_version_of_the_api_shows_no_nested_modifiers_and_everything_else(
    diner: RunningSandbox, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    _, _, (menu,) = fetch(diner, snapshots, tmp_path, square_version=OLDER)
    assert_all(menu, nested=False)
    assert not of(menu[1], "nested_groups")
    assert any(loss.field == "modifier_data.child_modifier_list_ids" for loss in menu[1].losses)


def test_each_location_of_a_chain_sells_what_it_sells_and_shared_rows_are_the_same_everywhere(
    snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with serve("square", "chain", 1) as sandbox:
        discovery, _, menus = fetch(sandbox, snapshots, tmp_path, how_many=6)
    assert len(discovery.locations) == 35
    for menu in menus:
        assert_all(menu)
    shared: dict[tuple[str, str], str] = {}
    for _, batch, _ in menus:
        for row in batch.rows:
            if ENTITIES[row.entity].scope == "shared":
                content = content_hash(row.values)
                assert shared.setdefault((row.entity, row.key), content) == content, (row.entity, row.key)
    assert len({content_hash(rows(batch, "item_locations")) for _, batch, _ in menus}) == len(menus)


def test_an_empty_account_is_certified_empty(snapshots: psycopg.Connection[Any], tmp_path: Path) -> None:
    with serve("square", "empty", 1) as sandbox:
        _, (reader,), ((_, batch, _),) = fetch(sandbox, snapshots, tmp_path)
    assert [row.entity for row in batch.rows] == ["locations"]
    certificate = reader.certificate("catalog")
    assert certificate is not None
    assert (certificate.status, certificate.distinct) == ("complete", 0)


def test_the_same_snapshot_gives_the_same_rows_and_holds_no_secret(
    diner: RunningSandbox, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    _, (reader,), ((location, batch, _),) = fetch(diner, snapshots, tmp_path)
    again = CONNECTOR.map_menu(reader, location)
    assert [(row.entity, row.key, row.values) for row in again.rows] == [
        (row.entity, row.key, row.values) for row in batch.rows
    ]
    assert again.losses == batch.losses
    stored = b"".join(body.data for entity in reader.entities() for body in reader.bodies(entity))
    for secret in control(diner, "/truth")["secrets"]:
        assert str(secret).encode() not in stored
