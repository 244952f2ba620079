"""The truth of the Clover sandbox against what a careful crawl of its API finds, for every scenario."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.clover.truth import counts_of
from aura_migration.sandbox.core.server import RunningSandbox, build, serve

QUIET = {"limits": "off", "latency_seconds": 0.0}


class Crawl:
    """Everything one merchant's API shows, read page by page and through child endpoints."""

    def __init__(self, client: httpx.Client, document: dict[str, str]) -> None:
        self.client = client
        self.document = document
        self.client.headers["authorization"] = f"Bearer {document['access_token']}"
        self.items = self.all("items", expand="categories,modifierGroups,taxRates")
        self.categories = self.all("categories")
        self.groups = self.all("modifier_groups")
        self.modifiers = self.all("modifiers")

    def all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            query = {**params, "limit": 1000, "offset": len(rows)}
            answer = self.client.get(f"/v3/merchants/{self.document['merchant_id']}/{path}", params=query)
            assert answer.status_code == 200, answer.text
            rows += answer.json()["elements"]
            if len(answer.json()["elements"]) < 1000:
                return rows


@cache
def told(scenario: str, seed: int = 1, **options: Any) -> dict[str, Any]:
    """The truth of a world that is only looked at."""
    return build("clover", scenario, seed, **options).truth()


def by_location(rows: list[dict[str, Any]], location: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["location"] == location]


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("cafe", {}),
        ("empty", {}),
        ("diner", {}),
        ("chain", {"locations": 3}),
        pytest.param("huge", {}, marks=pytest.mark.soak),
    ],
)
def test_a_careful_crawl_finds_exactly_the_truth(scenario: str, options: dict[str, Any]) -> None:
    with (
        serve("clover", scenario, switches=QUIET, **options) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        truth = client.get("/_control/truth", timeout=60).json()
        documents = client.get("/_control/credentials").json()["default"]
        documents = documents if isinstance(documents, list) else [documents]
        assert [document["merchant_id"] for document in documents] == [place["id"] for place in truth["locations"]]
        for document in documents:
            compare(Crawl(client, document), truth, document["merchant_id"])


def compare(crawl: Crawl, truth: dict[str, Any], merchant: str) -> None:
    counts = truth["counts_by_location"][merchant]
    assert len(crawl.items) == counts["items"]
    assert len(crawl.categories) == counts["categories"]
    assert len(crawl.groups) == counts["groups"]
    assert len(crawl.modifiers) == counts["modifiers"] + counts["modifiers_dangling"]

    alive = {row["id"] for row in crawl.categories}
    found = {
        row["id"]: (
            row["name"],
            row.get("sku"),
            not row["hidden"],
            row["available"],
            sorted(one["id"] for one in row["categories"]["elements"] if one["id"] in alive),
        )
        for row in crawl.items
    }
    told = {
        row["id"]: (row["name"], row["sku"], row["active"], row["available"], sorted(row["categories"]))
        for row in by_location(truth["items"], merchant)
        if not row["deleted"]
    }
    assert found == told

    kinds = {"FIXED": "fixed", "VARIABLE": "open", "PER_UNIT": "per_unit"}
    prices = {row["id"]: (kinds[row["priceType"]], row["price"]) for row in crawl.items}
    prices = {key: (kind, None if kind == "open" else cents) for key, (kind, cents) in prices.items()}
    assert prices == {row["item"]: (row["kind"], row["cents"]) for row in by_location(truth["prices"], merchant)}

    modifiers = {row["id"]: row for row in crawl.modifiers}
    edges = {
        (item["id"], group["id"], modifier): (
            group.get("minRequired", 0),
            group.get("maxAllowed"),
            modifiers[modifier]["available"],
            modifiers[modifier]["price"],
        )
        for item in crawl.items
        for group in item["modifierGroups"]["elements"]
        for modifier in filter(None, group.get("modifierIds", "").split(","))
    }
    cents = {(row["item"], *row["path"][0]): row["cents"] for row in by_location(truth["modifier_prices"], merchant)}
    expected = {
        (row["item"], *row["path"][0]): (row["min"], row["max"], row["active"], cents[(row["item"], *row["path"][0])])
        for row in by_location(truth["edges"], merchant)
    }
    assert edges == expected

    default = {row["id"] for row in crawl.all("tax_rates") if row["isDefault"]}
    taxes = {
        row["id"]: default if row["defaultTaxRates"] else {one["id"] for one in row["taxRates"]["elements"]}
        for row in crawl.items
    }
    assert taxes == {row["item"]: set(row["rates"]) for row in by_location(truth["item_taxes"], merchant)}

    stock = {row["item"]["id"]: row["quantity"] for row in crawl.all("item_stocks") if "quantity" in row}
    assert stock == {row["item"]: row["quantity"] for row in by_location(truth["stock"], merchant)}


def test_same_seed_same_world_and_another_seed_other_ids() -> None:
    def told(seed: int) -> dict[str, Any]:
        return build("clover", "diner", seed).truth()

    one, again, other = told(7), told(7), told(8)
    assert json.dumps(one) == json.dumps(again)
    assert not {row["id"] for row in one["items"]} & {row["id"] for row in other["items"]}
    assert build("clover", "diner", 7).credentials() == build("clover", "diner", 7).credentials()


def test_ids_look_like_clovers() -> None:
    truth = told("diner", 3)
    ids = [row["id"] for kind in ("items", "categories", "groups", "modifiers", "tax_rates") for row in truth[kind]]
    ids.append(truth["merchant_id"])
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{13}", one) for one in ids)
    assert len(set(ids)) == len(ids)


def test_sizes_of_the_scenarios() -> None:
    cafe, huge = (counts_of(build("clover", scenario).world.first) for scenario in ("cafe", "huge"))
    assert (cafe["items"], cafe["categories"], cafe["groups"], cafe["modifiers"]) == (25, 6, 6, 30)
    assert (huge["items"], huge["categories"], huge["groups"], huge["modifiers"]) == (5000, 100, 1000, 20_000)
    assert len(build("clover", "chain").credentials()["default"]) == 35
    assert len(build("clover", "chain", locations=11).credentials()["default"]) == 11
    assert build("clover", "empty").truth()["counts"]["items"] == 0


def test_locations_of_a_chain_share_names_and_not_one_id() -> None:
    truth = told("chain", locations=4)
    seen: Counter[str] = Counter()
    for kind in ("items", "categories", "groups", "modifiers", "tax_rates", "stations"):
        seen.update(row["id"] for row in truth[kind])
    assert set(seen.values()) == {1}
    places = [place["id"] for place in truth["locations"]]
    names = [{row["name"] for row in by_location(truth["items"], place)} for place in places]
    assert names[0] == names[2] == names[3]
    assert len(names[0] & names[1]) > 30


def test_location_two_differs_in_every_way_and_the_others_a_little() -> None:
    truth = told("chain", locations=4)
    one, two, three, _ = [place["id"] for place in truth["locations"]]

    def by_sku(place: str) -> dict[str, dict[str, Any]]:
        prices = {row["item"]: row["cents"] for row in by_location(truth["prices"], place)}
        named = {row["id"]: row["name"] for kind in ("categories", "groups") for row in by_location(truth[kind], place)}
        rates = {row["id"]: (row["name"], row["rate"]) for row in by_location(truth["tax_rates"], place)}
        taxes = {
            row["item"]: sorted(rates[one] for one in row["rates"]) for row in by_location(truth["item_taxes"], place)
        }
        return {
            row["sku"]: {
                "name": row["name"],
                "available": row["available"],
                "price": prices[row["id"]],
                "categories": sorted(named[one] for one in row["categories"]),
                "groups": sorted(named[one] for one in row["groups"]),
                "taxes": taxes[row["id"]],
            }
            for row in by_location(truth["items"], place)
        }

    first, second, third = by_sku(one), by_sku(two), by_sku(three)
    common = set(first) & set(second)
    assert set(first) - common
    assert set(second) - common
    differing = {field for sku in common for field in first[sku] if first[sku][field] != second[sku][field]}
    assert differing == {"name", "available", "price", "categories", "groups", "taxes"}
    limits = [
        {row["name"]: (row["min"], row["max"]) for row in by_location(truth["groups"], place)} for place in (one, two)
    ]
    assert limits[0].keys() == limits[1].keys()
    assert limits[0] != limits[1]
    little = {field for sku in first for field in first[sku] if first[sku][field] != third[sku][field]}
    assert "price" in little
    assert little <= {"price", "available"}


def test_secrets_are_where_the_api_puts_them_and_all_of_them_are_listed() -> None:
    with serve("clover", "cafe", switches=QUIET) as running, httpx.Client(base_url=running.base_url) as client:
        truth = client.get("/_control/truth").json()
        secrets = truth["secrets"]
        document = client.get("/_control/credentials").json()["default"]
        client.headers["authorization"] = f"Bearer {document['access_token']}"
        base = f"/v3/merchants/{document['merchant_id']}"
        paths = ("", "/properties", "/devices", "/employees?filter=deletedTime>0", "/employees")
        pages = {path: client.get(f"{base}{path}").json() for path in paths}
        pages["/customers"] = client.get(f"{base}/customers?expand=cards,metadata").json()
    everything = json.dumps(list(pages.values()))
    exported = {row["number"] for row in truth["export_gift_cards"]}
    assert all(secret in everything for secret in set(secrets) - exported)
    properties, owner, device = pages["/properties"], pages[""]["owner"], pages["/devices"]["elements"][0]
    for field in ("abaAccountNumber", "ddaAccountNumber", "hierarchy", "infoleaseContract"):
        assert properties[field] in secrets
    assert properties["shippingAddress"]["address1"] in secrets
    assert {owner["pin"], owner["unhashedPin"]} <= set(secrets)
    assert {owner["name"], owner["email"]} <= set(truth["personal"])
    for field in ("secureId", "cpuId", "imei", "imsi", "simIccid", "deviceCertificate", "pedCertificate"):
        assert device[field] in secrets


def test_the_diner_shows_every_peculiarity_it_is_there_for() -> None:
    noted = {note["what"]: note["ids"] for note in build("clover", "diner").truth()["notes"]}
    expected = {
        *("category_over_100_items", "category_sort_order_missing", "category_sort_order_string", "category_deleted"),
        *("group_137_modifiers", "group_empty_ids", "group_absent_ids", "group_of_deleted_item", "group_min_over_max"),
        *("item_duplicate_name", "item_duplicate_sku", "item_duplicate_code", "item_blank_sku", "item_absent_sku"),
        *("price_variable", "price_per_unit", "price_zero", "item_hidden", "item_unavailable", "item_auto_managed"),
        *("item_deleted", "item_group", "item_menu_item", "item_unusual_text", "item_trailing_space", "unknown_fields"),
        *("tax_no_tax_applied", "tax_flat", "item_own_tax_rates", "stock_negative", "label_with_two_printers"),
        *("modifier_of_deleted_group", "item_in_several_categories", "item_without_category", "modifier_unavailable"),
    }
    assert expected <= set(noted)
    assert all(noted.values())


def test_variants_are_items_with_a_group_and_options(pos: RunningSandbox) -> None:
    with httpx.Client(base_url=pos.base_url) as client:
        truth = client.get("/_control/truth").json()
        crawl = Crawl(client, client.get("/_control/credentials").json()["default"])
        pizza = next(row for row in truth["item_groups"] if row["name"] == "Pizza")
        group = client.get(
            f"/v3/merchants/{crawl.document['merchant_id']}/item_groups/{pizza['id']}",
            params={"expand": "items.options,attributes.options"},
        ).json()
        shown = {
            row["id"]: sorted(one["name"] for one in row["options"]["elements"]) for row in group["items"]["elements"]
        }
        assert shown == {row["id"]: sorted(row["options"]) for row in pizza["items"]}
        assert [row["name"] for row in group["attributes"]["elements"]] == pizza["attributes"] == ["Size", "Crust"]
        deep = next(row for row in crawl.items if row["name"] == "Pizza Large Deep")
        assert deep["itemGroup"] == {"id": pizza["id"]}
        assert (deep["price"], deep["available"]) == (1995, False)
        options = crawl.all(f"attributes/{group['attributes']['elements'][0]['id']}/options")
        assert {row["name"] for row in options} == {"Small", "Large"}


def test_labels_carry_the_printers_their_items_print_at(pos: RunningSandbox) -> None:
    with httpx.Client(base_url=pos.base_url) as client:
        truth = client.get("/_control/truth").json()
        crawl = Crawl(client, client.get("/_control/credentials").json()["default"])
        shown = {
            row["id"]: (
                [one["name"] for one in row["printers"]["elements"]],
                {item["id"] for item in crawl.all(f"tags/{row['id']}/items")},
            )
            for row in crawl.all("tags", expand="printers")
            if row["printers"]["elements"]
        }
        told = {row["id"]: ([one["name"] for one in row["printers"]], set(row["items"])) for row in truth["stations"]}
        assert shown == told
        pairs = {(row["tag"]["id"], row["item"]["id"]) for row in crawl.all("tag_items")}
        assert {(tag, item) for tag, (_, items) in shown.items() for item in items} <= pairs


@pytest.fixture(scope="module")
def pos() -> Any:
    with serve("clover", "diner", switches=QUIET) as running:
        yield running
