"""The scenarios and their truth: what is on the wire, what is said to be true, and that the hard cases are there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.server import build, serve
from aura_migration.sandbox.square.app import SquareApp

Truth = dict[str, Any]


def app(scenario: str, seed: int = 1, **options: Any) -> SquareApp:
    found = build("square", scenario, seed, **options)
    assert isinstance(found, SquareApp)
    return found


@cache
def truth(scenario: str, seed: int = 1) -> Truth:
    return app(scenario, seed).truth()


def wire(scenario: str, seed: int) -> str:
    """Everything the catalog, the locations and the stock send, as text."""
    with serve("square", scenario, seed, now="2026-10-01T09:00:00Z") as sandbox, httpx.Client() as http:
        http.base_url = sandbox.base_url
        token = http.get("/_control/credentials").json()["default"]["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        types = ["ITEM", "CATEGORY", "MODIFIER_LIST", "TAX", "PRICING_RULE"]
        catalog = http.post("/v2/catalog/search", json={"object_types": types, "limit": 1000}).text
        return catalog + http.get("/v2/locations").text + http.post("/v2/inventory/counts/batch-retrieve").text


def named(found: Truth, name: str) -> dict[str, Any]:
    [row] = [row for row in found["items"] if row["name"] == name]
    return dict(row)


def prices(found: Truth, name: str, location: str | None = None) -> list[tuple[Any, ...]]:
    item = next(row for row in found["items"] if row["name"] == name)
    return [
        (row["kind"], row["cents"], row["window"]["from"] if row["window"] else None)
        for row in found["prices"]
        if row["item"] == item["id"] and row["location"] == (location or item["location"])
    ]


def edges(found: Truth, name: str, group: str) -> list[dict[str, Any]]:
    item = next(row for row in found["items"] if row["name"] == name)
    ids = {row["id"] for row in found["groups"] if row["name"] == group}
    return [row for row in found["edges"] if row["item"] == item["id"] and row["path"][-1][0] in ids]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ids_and_prices() -> None:
    assert wire("cafe", 1) == wire("cafe", 1)
    one, two = truth("cafe", 1), truth("cafe", 2)
    assert not {row["id"] for row in one["items"]} & {row["id"] for row in two["items"]}
    assert [row["name"] for row in one["items"]] == [row["name"] for row in two["items"]]
    assert [row["cents"] for row in one["prices"]] != [row["cents"] for row in two["prices"]]
    assert not set(one["secrets"]) & set(two["secrets"])


@pytest.mark.parametrize("scenario", ["cafe", "diner", "chain"])
@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 20))])
def test_every_seed_makes_a_complete_truth(scenario: str, seed: int) -> None:
    found = truth(scenario, seed)
    assert {row["id"] for row in found["locations"]} >= {row["location"] for row in found["items"]}
    known = {row["id"] for row in found["items"]}
    assert {row["item"] for row in found["prices"]} <= known and {row["item"] for row in found["edges"]} <= known
    assert all((row["cents"] is None) == (row["kind"] == "open") for row in found["prices"])
    assert len(found["modifier_prices"]) == len(found["edges"])


def test_ids_look_like_squares() -> None:
    found = truth("cafe")
    assert len(found["merchant_id"]) == 13 and found["merchant_id"].startswith("M")
    assert all(len(row["id"]) == 13 and row["id"].startswith("L") for row in found["locations"])
    assert all(len(row["id"]) == 24 and row["id"].isupper() for row in found["items"])


def test_cafe_is_small_and_complete() -> None:
    found = truth("cafe")
    counts = found["counts"]
    assert (counts["items"], counts["groups"], len(found["locations"])) == (25, 6, 1)
    assert 25 <= counts["modifiers"] <= 35
    assert {row["name"] for row in found["stations"]} == {"Bar", "Kitchen"}
    assert len(prices(found, "Latte")) == 2 and found["stock"]


def test_empty_has_a_location_and_nothing_else() -> None:
    found = truth("empty")
    assert len(found["locations"]) == 1 and found["counts"]["items"] == 0 and found["items"] == []
    with serve("square", "empty") as sandbox, httpx.Client(base_url=sandbox.base_url) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        assert http.get("/v2/catalog/list").json() == {}
        assert set(http.post("/v2/catalog/search", json={}).json()) == {"latest_time"}
        assert http.post("/v2/inventory/counts/batch-retrieve").json() == {}


def test_diner_prices_are_what_the_rules_of_square_say() -> None:
    found = truth("diner")
    assert prices(found, "Catch of the Day") == [("open", None, None)]
    assert prices(found, "Price typed here") == [("open", None, None)]
    assert prices(found, "Fixed here only") == [("fixed", 1325, None)]
    assert prices(found, "Free bread") == [("fixed", 0, None)]
    assert prices(found, "Brisket by the pound")[0][0] == "per_unit"
    assert [kind for kind, _, _ in prices(found, "Catering")] == ["fixed", "open"]
    assert prices(found, "Milkshake")[1] == ("fixed", 900, None)
    assert prices(found, "Override elsewhere")[0][1] != 9900


def test_diner_happy_hours_are_the_rules_without_other_conditions() -> None:
    found = truth("diner")
    (_, base, _), (_, happy, start) = prices(found, "Negroni")
    assert start == "16:00" and happy * 5 == base * 4
    small = [row for row in prices(found, "Wings") if row[2] == "22:30"]
    assert len(small) == 2 and len(prices(found, "Wings")) == 4
    windows = {json.dumps(row["window"]) for row in found["prices"] if row["window"]}
    assert json.dumps({"days": ["FRI", "SAT"], "from": "22:30", "to": "01:00"}) in windows and len(windows) == 2


def test_diner_states_are_kept_apart() -> None:
    found = truth("diner")
    assert named(found, "Archived Meatloaf") | {"active": False, "archived": True} == named(found, "Archived Meatloaf")
    assert named(found, "Deleted Goulash")["deleted"] and not named(found, "Deleted Goulash")["active"]
    assert named(found, "86'd Chili")["active"] and not named(found, "86'd Chili")["available"]
    assert named(found, "One size 86'd")["available"] and not named(found, "Item without its sizes")["active"]
    names = {row["name"] for row in found["items"]}
    assert "Explicitly here" in names
    assert not names & {"Sold elsewhere", "Sold nowhere", "Everywhere but here"}
    sold_out = [row for row in found["stock"] if row["state"] == "SOLD_OUT"]
    assert len(sold_out) == 3 and all(row["quantity"] is None for row in sold_out)


def test_diner_limits_follow_item_then_list_then_selection_type() -> None:
    found = truth("diner")
    plate = "Odd Limits Plate"

    def said(group: str) -> set[tuple[int, int | None]]:
        return {(row["min"], row["max"]) for row in edges(found, plate, group)}

    assert said("Unset limits") == {(0, 1)} and said("Old single") == {(0, 1)}
    assert said("Old multiple") == {(0, 2)} and said("As many as you like") == {(0, None)}
    assert said("Shots") == {(0, 6)} and said("Allergies") == {(0, None)}
    assert said("Type absent") == {(1, 2)} and said("Half gone") == {(0, 2)}
    assert {(row["min"], row["max"]) for row in edges(found, "Everything Burger", "137 toppings")} == {(0, None)}
    assert len(edges(found, "Everything Burger", "137 toppings")) == 137
    assert len(edges(found, plate, "Half gone")) == 1 and edges(found, plate, "Deleted list") == []
    assert [row["active"] for row in edges(found, plate, "Staff only")] == [False]
    assert [row["default"] for row in edges(found, plate, "Old single")] == [True, False]
    assert [row["default"] for row in edges(found, plate, "Old multiple")] == [True, False]
    assert [row["default"] for row in edges(found, plate, "As many as you like")] == [False, False]


def test_diner_modifiers_nest_three_levels_deep() -> None:
    found = truth("diner")
    burger = named(found, "Dock Burger")["id"]
    depths = [len(row["path"]) for row in found["edges"] if row["item"] == burger]
    assert max(depths) == 3
    deep = [row for row in found["edges"] if len(row["path"]) > 1]
    assert all(row["since"] == "2026-09-16" for row in deep)
    group_of = {row["id"]: row["name"] for row in found["groups"]}
    chains = {" > ".join(group_of[group] for group, _ in row["path"]) for row in deep}
    assert chains == {
        "Choose a side > Which fries",
        "Choose a side > Dip",
        "Choose a side > Side size",
        "Choose a side > Which fries > Dip",
    }


def test_diner_modifier_prices_follow_the_location() -> None:
    found = truth("diner")
    burger = named(found, "Dock Burger")["id"]
    [cheese, _twin] = [row["id"] for row in found["groups"] if row["name"] == "Cheese"]
    cents = [row["cents"] for row in found["modifier_prices"] if row["item"] == burger and row["path"][0][0] == cheese]
    assert cents[:2] == [175, 0], "an override of zero is free, and no loss of the override"
    sold_out = [row["available"] for row in edges(found, "Dock Burger", "Cheese")]
    assert sold_out == [True, True, False]


def test_diner_holds_every_hard_text_and_number() -> None:
    found = truth("diner")
    names = [row["name"] for row in found["items"]]
    assert len(names) - len(set(names)) >= 1 and any(len(name) > 255 for name in names)
    assert any(name.endswith(" ") for name in names) and any("🌶" in name for name in names)
    assert any("\u0627" <= letter <= "\u064a" for name in names for letter in name)
    skus = [row["sku"] for row in found["items"]]
    assert skus.count("DUP-1") == 2 and "" in skus and "   " in skus and None in skus
    wine = next(row["id"] for row in found["categories"] if row["name"] == "Wine list")
    assert sum(wine in row["categories"] for row in found["items"]) > 100
    assert max(len(row["categories"]) for row in found["items"]) == 5
    assert named(found, "Legacy Category")["categories"] and not named(found, "Reporting Only")["categories"]
    assert named(found, "Not taxable")["taxes"] == []
    [text] = found["text_modifiers"]
    assert text["required"] is True and text["max_length"] == 40
    late = next(row for row in found["menus"] if row["name"] == "Late night")
    assert late["windows"][0] == {"day": "FRI", "from": "22:00", "to": "02:00"}


def test_chain_location_two_differs_in_everything_square_lets_differ() -> None:
    found = truth("chain")
    assert len(found["locations"]) == 35
    one, two = found["locations"][0]["id"], found["locations"][1]["id"]

    def at(key: str, place: str, *fields: str) -> set[tuple[Any, ...]]:
        return {tuple(json.dumps(row[field]) for field in fields) for row in found[key] if row["location"] == place}

    assert at("items", one, "name") ^ at("items", two, "name")
    assert at("items", one, "id", "available") ^ at("items", two, "id", "available")
    assert at("groups", one, "id") - at("groups", two, "id") and at("groups", two, "id") - at("groups", one, "id")
    assert at("categories", two, "id") - at("categories", one, "id")
    assert at("taxes", one, "id") ^ at("taxes", two, "id")
    assert prices(found, "Tofu Bowl", one)[0][1] + 75 == prices(found, "Tofu Bowl", two)[0][1]
    assert prices(found, "Orange Juice", two) == [("open", None, None)]
    assert len(prices(found, "Cola", two)) == 2 and len(prices(found, "Cola", one)) == 1
    names_two = {name for (name,) in at("items", two, "name")}
    assert '"Chicken Rice Bowl"' in names_two and '"Chicken Bowl"' not in names_two
    limits = {
        place: {(row["min"], row["max"]) for row in found["edges"] if row["location"] == place} for place in (one, two)
    }
    assert (1, 3) in limits[two] - limits[one]
    differing = {json.dumps(sorted(at("prices", row["id"], "variation", "cents"))) for row in found["locations"]}
    assert len(differing) > 20, "most locations have differences of their own"


@pytest.mark.parametrize("locations", [11, 20])
def test_chain_comes_in_other_sizes(locations: int) -> None:
    assert len(app("chain", locations=locations).truth()["locations"]) == locations


def test_huge_has_the_sizes_it_promises_and_makes_truth_only_on_demand() -> None:
    world = app("huge").world
    assert len(world.items()) == 5000 and len(world.groups()) == 2000 and len(world.categories()) == 100
    assert sum(len(group.modifiers) for group in world.groups()) == 20_000
    linked = {link.group_id for item in world.items() for link in item.links}
    assert len(linked) == 2000, "every list is used"
    small = app("huge", items=50, groups=10, categories=20).truth()
    assert small["counts"] == {
        "items": 50,
        "variations": 70,
        "groups": 10,
        "modifiers": 100,
        "categories": 20,
        "archived_items": 0,
        "deleted_items": 0,
    }


def test_an_unknown_scenario_or_option_is_named() -> None:
    with pytest.raises(ValueError, match="'brunch'"):
        build("square", "brunch")
    with pytest.raises(ValueError, match="no option 'locations'"):
        build("square", "cafe", locations=3)


def test_the_command_prints_one_line_and_stops_on_sigterm() -> None:
    command = [sys.executable, "-m", "aura_migration.sandbox", "--pos", "square", "--scenario", "empty", "--seed", "7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())["square"]
        assert httpx.get(told["control_url"] + "/truth").json()["seed"] == 7
        assert told["credentials"]["default"]["access_token"]
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=120)
        assert (process.returncode, out, errors) == (0, "", "")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_pos_time_shows_in_the_version_of_an_edit() -> None:
    found = SquareApp("cafe", 1, Clock(datetime(2026, 11, 1, 12, tzinfo=UTC)))
    before = found.world.last_write
    [item_id, *_] = found.edit({"op": "rename", "item": found.world.items()[0].id, "name": "New"})
    assert found.world.objects[item_id].stamp == int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp() * 1000) > before
