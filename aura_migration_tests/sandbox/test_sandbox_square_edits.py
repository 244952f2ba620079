"""Menu edits of the Square sandbox: what moves, what does not, and that the truth follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import serve


class Kitchen:
    """A cafe being edited over HTTP."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        answer.raise_for_status()
        changed: list[str] = answer.json()["changed"]
        return changed

    def truth(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/_control/truth").json()
        return found

    def item(self, name: str) -> dict[str, Any]:
        return next(row for row in self.truth()["items"] if row["name"] == name)

    def object(self, object_id: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get(f"/v2/catalog/object/{object_id}", params=query)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["object"]
        return found

    def changed_since(self, begin: str, *types: str) -> set[str]:
        body = {"object_types": list(types), "begin_time": begin, "include_deleted_objects": True, "limit": 1000}
        return {row["id"] for row in self.http.post("/v2/catalog/search", json=body).json().get("objects", [])}

    def latest(self) -> str:
        found: str = self.http.post("/v2/catalog/search", json={"limit": 1}).json()["latest_time"]
        return found


@pytest.fixture
def kitchen() -> Iterator[Kitchen]:
    with serve("square", "cafe", 1) as sandbox, httpx.Client(base_url=sandbox.base_url) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield Kitchen(http)


def test_a_price_edit_moves_the_variation_and_not_the_item(kitchen: Kitchen) -> None:
    scone, begin = kitchen.item("Granola Bowl"), kitchen.latest()
    before = kitchen.object(scone["id"])
    [variation_id] = kitchen.edit(op="set_price", item=scone["id"], cents=999)
    assert kitchen.changed_since(begin, "ITEM", "ITEM_VARIATION") == {variation_id}
    after = kitchen.object(scone["id"])
    assert after["version"] == before["version"]
    variation = after["item_data"]["variations"][0]
    assert variation["item_variation_data"]["price_money"]["amount"] == 999 and variation["version"] > before["version"]
    assert [row["cents"] for row in kitchen.truth()["prices"] if row["variation"] == variation_id] == [999]


def test_the_item_moves_too_when_the_account_is_switched_so(kitchen: Kitchen) -> None:
    kitchen.http.post("/_control/switches", json={"variation_moves_item": True}).raise_for_status()
    item, begin = kitchen.item("Granola Bowl"), kitchen.latest()
    kitchen.edit(op="set_price", item=item["id"], cents=999)
    assert kitchen.changed_since(begin, "ITEM") == {item["id"]}


def test_a_touchless_price_changes_the_price_and_nothing_else(kitchen: Kitchen) -> None:
    item, begin = kitchen.item("Granola Bowl"), kitchen.latest()
    before = kitchen.object(item["id"])
    [variation_id] = kitchen.edit(op="touchless_price", item=item["id"], cents=1)
    after = kitchen.object(item["id"])
    assert after["item_data"]["variations"][0]["item_variation_data"]["price_money"]["amount"] == 1
    assert kitchen.latest() == begin and kitchen.changed_since(begin, "ITEM", "ITEM_VARIATION") == set()
    assert after["version"] == before["version"]
    assert after["item_data"]["variations"][0]["updated_at"] == before["item_data"]["variations"][0]["updated_at"]
    assert [row["cents"] for row in kitchen.truth()["prices"] if row["variation"] == variation_id] == [1]


def test_a_price_at_one_location_becomes_an_override(kitchen: Kitchen) -> None:
    item = kitchen.item("Granola Bowl")
    base = kitchen.object(item["id"])["item_data"]["variations"][0]["item_variation_data"]["price_money"]["amount"]
    kitchen.edit(op="set_price", item=item["id"], cents=1234, location=item["location"])
    data = kitchen.object(item["id"])["item_data"]["variations"][0]["item_variation_data"]
    assert data["price_money"]["amount"] == base
    assert data["location_overrides"][0]["price_money"]["amount"] == 1234
    assert {row["cents"] for row in kitchen.truth()["prices"] if row["item"] == item["id"]} == {1234}


def test_history_is_read_by_catalog_version(kitchen: Kitchen) -> None:
    item = kitchen.item("Granola Bowl")
    variation_id = kitchen.object(item["id"])["item_data"]["variations"][0]["id"]
    old = kitchen.object(variation_id)
    for cents in (700, 800):
        kitchen.edit(op="set_price", variation=variation_id, cents=cents)
    newest = kitchen.object(variation_id)

    def cents_at(version: int) -> int:
        found = kitchen.object(item["id"], catalog_version=version)["item_data"]["variations"][0]
        amount: int = found["item_variation_data"]["price_money"]["amount"]
        return amount

    assert cents_at(newest["version"]) == 800 and cents_at(newest["version"] - 1) == 700
    assert cents_at(old["version"]) == old["item_variation_data"]["price_money"]["amount"]
    gone = kitchen.http.get(f"/v2/catalog/object/{variation_id}", params={"catalog_version": 1})
    assert gone.status_code == 404


def test_a_deleted_item_leaves_list_and_object_but_not_a_search_for_deleted_ones(kitchen: Kitchen) -> None:
    item, begin = kitchen.item("Granola Bowl"), kitchen.latest()
    changed = kitchen.edit(op="delete_item", item=item["id"])
    assert kitchen.http.get(f"/v2/catalog/object/{item['id']}").status_code == 404
    assert kitchen.changed_since(begin, "ITEM", "ITEM_VARIATION") == set(changed) and len(changed) == 2
    listed = kitchen.http.get("/v2/catalog/list", params={"types": "ITEM"}).json()["objects"]
    assert item["id"] not in {row["id"] for row in listed}
    assert kitchen.item("Granola Bowl")["deleted"] is True
    assert kitchen.http.post("/_control/edit", json={"op": "delete_item", "item": item["id"]}).status_code == 400


def test_a_new_item_appears_everywhere_with_its_price(kitchen: Kitchen) -> None:
    category = kitchen.truth()["categories"][2]["id"]
    begin = kitchen.latest()
    item_id, variation_id = kitchen.edit(op="add_item", name="Scone", cents=325, category=category, sku="NEW")
    assert kitchen.changed_since(begin, "ITEM", "ITEM_VARIATION") == {item_id, variation_id}
    row = kitchen.item("Scone")
    assert (row["id"], row["categories"], row["sku"]) == (item_id, [category], "NEW")
    other, _ = kitchen.edit(op="add_item", name="Scone", cents=325)
    assert other != item_id


def test_sold_out_and_back(kitchen: Kitchen) -> None:
    item = kitchen.item("Cold Brew")
    kitchen.edit(op="set_available", item=item["id"], available=False)
    overrides = [
        variation["item_variation_data"]["location_overrides"][0]
        for variation in kitchen.object(item["id"])["item_data"]["variations"]
    ]
    assert [override["sold_out"] for override in overrides] == [True, True]
    assert kitchen.item("Cold Brew")["available"] is False
    kitchen.edit(op="set_available", item=item["id"], available=True)
    assert kitchen.item("Cold Brew")["available"] is True


def test_a_rename_and_a_modifier_price_reach_wire_and_truth(kitchen: Kitchen) -> None:
    item, begin = kitchen.item("Granola Bowl"), kitchen.latest()
    kitchen.edit(op="rename", item=item["id"], name="Granola 🥣")
    assert kitchen.object(item["id"])["item_data"]["name"] == "Granola 🥣" == kitchen.item("Granola 🥣")["name"]
    edge = next(row for row in kitchen.truth()["modifier_prices"] if row["cents"] > 0)
    modifier_id = edge["path"][-1][1]
    kitchen.edit(op="set_price", modifier=modifier_id, cents=66)
    assert kitchen.changed_since(begin, "ITEM", "MODIFIER", "MODIFIER_LIST") == {item["id"], modifier_id}
    after = [row["cents"] for row in kitchen.truth()["modifier_prices"] if row["path"][-1][1] == modifier_id]
    assert set(after) == {66}


@pytest.mark.parametrize(
    "op",
    [
        {"op": "publish"},
        {"op": "set_price", "item": "NOSUCHITEM", "cents": 1},
        {"op": "set_price", "cents": 1},
        {"op": "set_price", "item": "X", "cents": -1},
        {"op": "add_item", "name": "x", "cents": 1, "category": "NOPE"},
        {"op": "set_available", "item": "X", "available": True, "location": "LNOWHERE"},
    ],
)
def test_an_edit_that_cannot_be_made_is_refused_with_a_reason(kitchen: Kitchen, op: dict[str, Any]) -> None:
    before = kitchen.latest()
    answer = kitchen.http.post("/_control/edit", json=op)
    assert answer.status_code == 400 and answer.json()["error"]
    assert kitchen.latest() == before
