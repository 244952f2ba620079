"""Menu edits, configuration, VAT, stock and the control surface of the Clover sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.clover.switches import SWITCHES
from aura_migration.sandbox.core.server import build, serve


class Cafe:
    """A running cafe with the default token."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client
        self.document = client.get("/_control/credentials").json()["default"]
        client.headers["authorization"] = f"Bearer {self.document['access_token']}"

    def url(self, path: str) -> str:
        return f"/v3/merchants/{self.document['merchant_id']}/{path}"

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(self.url(path), params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def truth(self) -> dict[str, Any]:
        told: dict[str, Any] = self.http.get("/_control/truth").json()
        return told

    def edit(self, **op: Any) -> httpx.Response:
        return self.http.post("/_control/edit", json=op)

    def named(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(row for row in self.truth()["items"] if row["name"] == name)
        return found

    def cents(self, item: str) -> int:
        return next(int(row["cents"]) for row in self.truth()["prices"] if row["item"] == item)


@contextmanager
def running_cafe() -> Iterator[Cafe]:
    with (
        serve("clover", "cafe", switches={"limits": "off", "latency_seconds": 0.0}) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        yield Cafe(client)


@pytest.fixture
def cafe() -> Iterator[Cafe]:
    """A cafe of the test's own, to change at will."""
    with running_cafe() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Cafe]:
    """A cafe for tests that leave it as they found it."""
    with running_cafe() as made:
        yield made


def changed_since(cafe: Cafe, when: int) -> list[str]:
    return [row["id"] for row in cafe.get("items", filter=f"modifiedTime>={when}")["elements"]]


def test_a_price_change_moves_the_modified_time_and_a_touchless_one_does_not(cafe: Cafe) -> None:
    latte, mocha = cafe.named("Latte")["id"], cafe.named("Mocha")["id"]
    before = max(row["modifiedTime"] for row in cafe.get("items")["elements"])
    assert cafe.edit(op="set_price", item=latte, cents=501).json() == {"ok": True, "changed": [latte]}
    assert cafe.edit(op="touchless_price", item=mocha, cents=599).json()["changed"] == [mocha]
    assert changed_since(cafe, before + 1) == [latte]
    assert [cafe.get(f"items/{one}")["price"] for one in (latte, mocha)] == [501, 599]
    assert [cafe.cents(one) for one in (latte, mocha)] == [501, 599]


def test_a_modifier_price_changes_the_modifier_and_not_its_items(cafe: Cafe) -> None:
    oat = next(row for row in cafe.truth()["modifiers"] if row["name"] == "Oat")
    before = max(row["modifiedTime"] for row in cafe.get("items")["elements"])
    cafe.edit(op="set_price", modifier=oat["id"], cents=95)
    assert cafe.get("modifiers", filter=f"id={oat['id']}")["elements"][0]["price"] == 95
    assert {row["cents"] for row in cafe.truth()["modifier_prices"] if row["path"][0][1] == oat["id"]} == {95}
    assert changed_since(cafe, before + 1) == []
    assert len(cafe.get("modifiers", filter=f"modifiedTime>{before}")["elements"]) == 1


def test_items_can_be_added_renamed_sold_out_and_deleted(cafe: Cafe) -> None:
    category = next(row for row in cafe.truth()["categories"] if row["name"] == "Tea")["id"]
    added = cafe.edit(op="add_item", name="Matcha", cents=575, category=category, sku="TE-009").json()["changed"][0]
    assert cafe.get("items", limit=1)["elements"][0]["id"] == added
    assert added in {row["id"] for row in cafe.get(f"categories/{category}/items")["elements"]}
    assert cafe.named("Matcha")["categories"] == [category]
    cafe.edit(op="rename", item=added, name="Iced Matcha")
    cafe.edit(op="set_available", item=added, available=False)
    shown = cafe.get(f"items/{added}")
    assert (shown["name"], shown["available"]) == ("Iced Matcha", False)
    assert cafe.named("Iced Matcha")["available"] is False
    before = cafe.truth()["counts"]["items"]
    cafe.edit(op="delete_item", item=added)
    assert cafe.http.get(cafe.url(f"items/{added}")).status_code == 404
    assert cafe.truth()["counts"]["items"] == before - 1
    assert cafe.named("Iced Matcha")["deleted"] is True


def test_edits_follow_the_clock_of_the_sandbox(cafe: Cafe) -> None:
    cafe.http.post("/_control/clock", json={"now": "2026-10-01T09:00:00Z"})
    latte = cafe.named("Latte")["id"]
    cafe.edit(op="set_price", item=latte, cents=510)
    assert cafe.get(f"items/{latte}")["modifiedTime"] == 1_790_845_200_000
    cafe.edit(op="set_price", item=latte, cents=515)
    assert cafe.get(f"items/{latte}")["modifiedTime"] == 1_790_845_200_001


@pytest.mark.parametrize(
    "op",
    [
        {"op": "publish"},
        {"op": "set_price", "item": "NOSUCHITEM", "cents": 1},
        {"op": "set_price", "cents": 1},
        {"op": "set_price", "item": "X", "cents": 1.5},
        {"op": "add_item", "name": "", "cents": 1},
        {"op": "add_item", "name": "A", "cents": 1, "location": "NOSUCH"},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_a_reason(shared: Cafe, op: dict[str, Any]) -> None:
    answer = shared.http.post("/_control/edit", json=op)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


def test_a_variant_cannot_be_renamed_because_the_server_names_it(shared: Cafe) -> None:
    variant = shared.named("Cold Brew Large")["id"]
    answer = shared.edit(op="rename", item=variant, name="Big Brew")
    assert answer.status_code == 400
    assert "variant" in answer.json()["error"]


def test_stock_is_set_absolutely_and_takes_an_auto_managed_item_with_it(cafe: Cafe) -> None:
    muffin = cafe.named("Blueberry Muffin")
    assert muffin["available"] is False
    url = cafe.url(f"item_stocks/{muffin['id']}")
    assert cafe.http.post(url, json={"quantity": 5}).status_code == 401
    cafe.http.post("/_control/tokens", json={"op": "add_scope", "scope": "INVENTORY_W"})
    echoed = cafe.http.post(url, json={"quantity": 5}).json()
    assert (echoed["quantity"], echoed["stockCount"]) == (5.0, 5)
    assert cafe.named("Blueberry Muffin")["available"] is True
    assert cafe.http.post(url, json={"quantity": -2.5}).json()["quantity"] == -2.5
    assert cafe.named("Blueberry Muffin")["available"] is False
    assert cafe.http.post(url, json={"quantity": "many"}).status_code == 400
    assert cafe.http.delete(url).json() == {}
    assert cafe.get(f"item_stocks/{muffin['id']}") == {"item": {"id": muffin["id"]}}


def test_a_vat_merchant_has_prices_with_vat_and_says_what_they_are_without(cafe: Cafe) -> None:
    latte = cafe.named("Latte")["id"]
    assert "priceWithoutVat" not in cafe.get(f"items/{latte}")
    assert cafe.get("properties")["vat"] is False
    cafe.http.post("/_control/switches", json={"vat": True})
    shown = cafe.get(f"items/{latte}")
    assert (shown["price"], shown["priceWithoutVat"]) == (475, 444)
    assert cafe.get("properties")["vat"] is True


def test_configuration_is_there_in_clovers_shapes(shared: Cafe) -> None:
    hours = shared.get("opening_hours")["elements"][0]
    assert hours["friday"] == {"elements": [{"start": 900, "end": 1430}, {"start": 1700, "end": 2200}]}
    assert hours["sunday"] == {"elements": []}
    assert {row["labelKey"] for row in shared.get("order_types")["elements"]} >= {"com.clover.order.type.dine_in"}
    charge = shared.get("default_service_charge")
    assert (charge["percentage"], charge["percentageDecimal"]) == (18, 180_000)
    assert "elements" not in charge
    fee = shared.get("order_fees")["elements"][0]
    assert (fee["percentage"], fee["serviceChargeUuid"]) == (180_000, charge["id"])
    assert "NO_TAX_APPLIED" in {row["name"] for row in shared.get("tax_rates")["elements"]}
    tender = shared.get("tenders", filter="labelKey=com.clover.tender.cash")["elements"][0]
    assert tender["opensCashDrawer"] is True
    assert tender["href"].endswith(f"/tenders/{tender['id']}")
    assert shared.get("cash_events")["elements"] == []
    merchant = shared.get("")
    assert set(merchant["tenders"]) == {"href"}
    full = shared.get("", expand="properties,address,openingHours")
    assert full["properties"]["timezone"] == "America/Denver"
    assert full["address"]["country"] == "US"


def test_the_owner_is_an_employee_inline_or_a_link(cafe: Cafe) -> None:
    owner = cafe.get("")["owner"]
    assert owner["isOwner"] is True
    assert cafe.get(f"employees/{owner['id']}")["email"] == owner["email"]
    cafe.http.post("/_control/switches", json={"merchant_owner": "href"})
    assert set(cafe.get("")["owner"]) == {"href"}
    assert cafe.get("", expand="owner")["owner"]["id"] == owner["id"]


def test_every_switch_is_listed_and_a_wrong_value_puts_it_back(cafe: Cafe) -> None:
    assert set(cafe.http.get("/_control/switches").json()) == set(SWITCHES)
    answer = cafe.http.post("/_control/switches", json={"over_max_limit": "explode"})
    assert answer.status_code == 400
    assert "clamp" in answer.json()["error"]
    assert cafe.http.get("/_control/switches").json()["over_max_limit"] == "clamp"
    assert cafe.http.post("/_control/switches", json={"nested_limit": -1}).status_code == 400


@pytest.mark.parametrize(
    ("switch", "value", "path", "params", "see"),
    [
        ("item_deleted_field", True, "items", {}, lambda row: row.get("deleted") is False),
        (
            "item_expand_menu",
            False,
            "items",
            {"expand": "itemGroup"},
            lambda row: "name" not in row.get("itemGroup", {}),
        ),
        ("default_rates_in_expand", True, "items", {"expand": "taxRates"}, lambda row: row["taxRates"]["elements"]),
        ("nested_unexpanded", "href", "items", {}, lambda row: set(row.get("categories", {})) == {"href"}),
        (
            "nested_limit",
            2,
            "modifier_groups",
            {"expand": "modifiers"},
            lambda row: len(row["modifiers"]["elements"]) == 2,
        ),
        ("stale_modifier_ids", True, "modifier_groups", {}, lambda row: len(row["modifierIds"].split(",")) > 3),
        ("href_base", "https://eu.example", "tenders", {}, lambda row: row["href"].startswith("https://eu.example/v3")),
    ],
)
def test_a_switch_changes_the_answer(
    shared: Cafe, switch: str, value: Any, path: str, params: dict[str, str], see: Any
) -> None:
    assert not all(see(row) for row in shared.get(path, **params)["elements"])
    shared.http.post("/_control/switches", json={switch: value})
    assert all(see(row) for row in shared.get(path, **params)["elements"])
    shared.http.post("/_control/switches", json={switch: SWITCHES[switch].default})


def test_fault_kinds_of_every_sort_reach_the_client(cafe: Cafe) -> None:
    url = cafe.url("categories")
    cafe.http.post("/_control/faults", json={"kind": "conflict", "match": "/categories", "times": 1})
    answer = cafe.http.get(url)
    assert (answer.status_code, answer.json()["type"]) == (409, "RESOURCE_CONFLICT")
    cafe.http.post(
        "/_control/faults", json={"kind": "drop_field", "match": "/categories", "path": "elements[].name", "times": 1}
    )
    assert all("name" not in row for row in cafe.get("categories")["elements"])
    cafe.http.post("/_control/faults", json={"kind": "html", "match": "/categories", "times": 1})
    assert "html" in cafe.http.get(url).headers["content-type"]
    assert cafe.http.get(url).status_code == 200


def test_unknown_scenarios_and_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="it has cafe"):
        build("clover", "castle")
    with pytest.raises(ValueError, match="1 or more"):
        build("clover", "chain", locations=0)
