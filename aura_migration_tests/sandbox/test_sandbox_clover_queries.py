"""The Clover sandbox's query language: paging, filters, order, expansion and its cut, envelopes and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import serve


class Merchant:
    """One merchant of a running sandbox, with its token."""

    def __init__(self, client: httpx.Client, truth: dict[str, Any]) -> None:
        self.http = client
        self.document = client.get("/_control/credentials").json()["default"]
        self.truth = truth
        client.headers["authorization"] = f"Bearer {self.document['access_token']}"

    def get(self, path: str, *params: tuple[str, Any], **more: Any) -> httpx.Response:
        return self.http.get(f"/v3/merchants/{self.document['merchant_id']}/{path}", params=[*params, *more.items()])

    def rows(self, path: str, *params: tuple[str, Any], **more: Any) -> list[dict[str, Any]]:
        answer = self.get(path, *params, **more)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["elements"]
        return rows

    def noted(self, what: str) -> list[str]:
        return [one for note in self.truth["notes"] if note["what"] == what for one in note["ids"]]

    def switch(self, **values: Any) -> None:
        assert self.http.post("/_control/switches", json=values).status_code == 200


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serve("clover", "diner", switches={"limits": "off", "latency_seconds": 0.0}) as running:
        yield running.base_url


@pytest.fixture(scope="module")
def truth(server: str) -> dict[str, Any]:
    """What no test here changes; telling it takes half a second."""
    told: dict[str, Any] = httpx.get(f"{server}/_control/truth").json()
    return told


@pytest.fixture
def diner(server: str, truth: dict[str, Any]) -> Iterator[Merchant]:
    with httpx.Client(base_url=server) as client:
        switches = client.get("/_control/switches").json()
        yield Merchant(client, truth)
        client.post("/_control/switches", json=switches)
        client.post("/_control/tokens", json={"op": "add_scope", "scope": "INVENTORY_R"})
        client.delete("/_control/faults")


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_pages_of_a_collection_join_without_gap_and_without_total(diner: Merchant) -> None:
    first, second = diner.get("items"), diner.get("items", offset=100)
    assert set(first.json()) == {"elements", "href"}
    assert len(first.json()["elements"]) == 100
    joined = ids(first.json()["elements"]) + ids(second.json()["elements"])
    assert joined == ids(diner.rows("items", limit=1000))
    assert len(set(joined)) == len(joined) == diner.truth["counts"]["items"]
    assert diner.rows("items", offset=5000) == []


def test_the_envelope_echoes_the_effective_query_on_another_host(diner: Merchant) -> None:
    href = diner.get("items", filter="price>=100").json()["href"]
    assert href.startswith("http://apisandbox.dev.clover.com/v3/merchants/")
    assert href.endswith("/items?filter=price%3E%3D100&limit=100")
    assert "filter=state%20IS%20NOT%20NULL" in diner.get("orders").json()["href"]


def test_a_limit_over_the_maximum_is_cut_or_refused(diner: Merchant) -> None:
    assert diner.get("items", limit=5000).json()["href"].endswith("limit=1000")
    diner.switch(over_max_limit="refuse")
    assert diner.get("items", limit=1001).status_code == 400
    assert diner.get("items", limit=1000).status_code == 200


@pytest.mark.parametrize("params", [{"limit": "x"}, {"limit": "0"}, {"offset": "-1"}, {"offset": "1.5"}])
def test_paging_that_is_no_number_is_refused(diner: Merchant, params: dict[str, str]) -> None:
    assert diner.get("items", **params).status_code == 400


def test_rows_come_newest_first_unless_an_order_is_asked_for(diner: Merchant) -> None:
    rows = diner.rows("items", limit=1000)
    assert rows[-1]["name"] == "Huevos Rancheros"
    by_price = diner.rows("items", limit=1000, orderBy="price DESC,name ASC")
    keys = [(-row["price"], row["name"]) for row in by_price]
    assert keys == sorted(keys)
    assert diner.get("items", orderBy="createdTime ASC").status_code == 400
    diner.switch(unknown_order_by="ignore")
    assert diner.rows("items", limit=1000, orderBy="createdTime ASC") == rows


def test_repeated_filters_are_anded_and_a_list_is_ored(diner: Merchant) -> None:
    both = diner.rows("items", ("filter", "price>=400"), ("filter", "price<500"))
    expected = [row for row in diner.rows("items", limit=1000) if 400 <= row["price"] < 500]
    assert both == expected
    assert both
    wanted = ids(both)[:2]
    listed = ",".join(f"'{one}'" for one in wanted)
    assert ids(diner.rows("items", filter=f"id in ({listed})")) == wanted


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("name=Lemonade ", ["Lemonade "]),
        ("name=Lemonade", []),
        ("name=Pizza Large*", ["Pizza Large Deep", "Pizza Large Thin"]),
        ("sku=DUP-1", ["Enchiladas", "Tamales"]),
        ("itemCode=012345678905", ["Diet", "Cola"]),
        ("hidden=true", ["Old Special", "Staff Coffee"]),
        ("isRevenue=false", ["Gift card"]),
        ("itemStock.quantity<0", ["Bottled Salsa"]),
        ("tags.name=Cold line", ["Slaw"]),
    ],
)
def test_item_filters_find_exactly_their_items(diner: Merchant, condition: str, names: list[str]) -> None:
    assert [row["name"] for row in diner.rows("items", filter=condition)] == names


def test_category_filter_goes_by_category_id_and_not_by_a_dotted_name(diner: Merchant) -> None:
    category = diner.noted("category_over_100_items")[0]
    assert len(diner.rows("items", filter=f"categoryId={category}", limit=1000)) == 117
    refused = diner.get("items", filter=f"categories.id={category}")
    assert refused.status_code == 400
    assert refused.json()["details"] == "categories.id"
    assert "categoryId" in refused.headers["x-clover-allowed-filter-fields"].split(",")


@pytest.mark.parametrize(
    "condition", ["price>=many", "price", "hidden=maybe", "colour=red", "name IS NULL", "name LIKE 'a'", ""]
)
def test_a_filter_that_makes_no_sense_is_refused(diner: Merchant, condition: str) -> None:
    answer = diner.get("items", filter=condition)
    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "details"}


def test_null_and_like_filters_are_switches(diner: Merchant) -> None:
    diner.switch(filter_null_operators=True, filter_like=True)
    without = diner.rows("items", filter="sku IS NULL", limit=1000)
    assert {row["name"] for row in without} >= {"No code at all"}
    assert all("sku" not in row for row in without)
    assert [row["name"] for row in diner.rows("items", filter="name LIKE 'Pizza%Thin'")] == [
        "Pizza Large Thin",
        "Pizza Small Thin",
    ]


def test_list_answers_name_the_fields_that_may_be_filtered(diner: Merchant) -> None:
    allowed = diner.get("tax_rates").headers["x-clover-allowed-filter-fields"]
    assert allowed == "id,name,rate,isDefault,taxAmount,taxType,items.id"


def test_unknown_expansions_are_ignored_and_known_ones_are_wrapped(diner: Merchant) -> None:
    item = diner.noted("item_in_several_categories")[0]
    plain = diner.get(f"items/{item}").json()
    assert "categories" not in plain
    shown = diner.get(f"items/{item}", expand="categories,nonsense,tags").json()
    assert set(shown) - set(plain) == {"categories", "tags"}
    assert [row["name"] for row in shown["categories"]["elements"]] == ["Breakfast", "Mains", "Specials 🌟"]
    assert shown["categories"]["elements"][0]["deleted"] is False


def test_a_dotted_expansion_implies_its_parent(diner: Merchant) -> None:
    item = diner.noted("item_in_several_categories")[0]
    shown = diner.get(f"items/{item}", expand="modifierGroups.modifiers").json()
    group = shown["modifierGroups"]["elements"][0]
    assert {row["name"] for row in group["modifiers"]["elements"]} == {"Mild", "Hot", "Extra hot"}


def test_a_fourth_expansion_is_a_soft_limit(diner: Merchant) -> None:
    item = diner.noted("item_in_several_categories")[0]
    four = "categories,tags,modifierGroups,itemStock"
    assert "itemStock" in diner.get(f"items/{item}", expand=four).json()
    diner.switch(expand_over_three="ignore")
    assert "itemStock" not in diner.get(f"items/{item}", expand=four).json()
    diner.switch(expand_over_three="refuse")
    assert diner.get(f"items/{item}", expand=four).status_code == 400


def test_nested_collections_are_cut_at_one_hundred_without_a_word(diner: Merchant) -> None:
    group, category = diner.noted("group_137_modifiers")[0], diner.noted("category_over_100_items")[0]
    shown = diner.get(f"modifier_groups/{group}", expand="modifiers").json()
    assert set(shown["modifiers"]) == {"elements"}
    assert len(shown["modifiers"]["elements"]) == 100
    assert len(shown["modifierIds"].split(",")) == 137
    whole = diner.rows(f"modifier_groups/{group}/modifiers", limit=1000)
    assert set(ids(whole)) == set(shown["modifierIds"].split(","))
    assert len(diner.rows(f"modifier_groups/{group}/modifiers")) == 100
    assert len(diner.get(f"categories/{category}", expand="items").json()["items"]["elements"]) == 100
    assert len(diner.rows(f"categories/{category}/items", limit=1000)) == 117
    deep = diner.get(f"items/{diner.noted('item_137_modifiers')[0]}", expand="modifierGroups.modifiers").json()
    assert len(deep["modifierGroups"]["elements"][0]["modifiers"]["elements"]) == 100


def test_modifier_ids_are_one_string_in_display_order(diner: Merchant) -> None:
    group = diner.noted("group_137_modifiers")[0]
    shown = diner.get(f"modifier_groups/{group}", expand="modifiers").json()
    displayed = shown["modifierIds"].split(",")
    expected = [row["id"] for row in diner.truth["modifiers"] if row["group"] == group]
    assert displayed == expected
    assert ids(shown["modifiers"]["elements"]) != displayed[:100]
    diner.switch(nested_modifier_order="display")
    shown = diner.get(f"modifier_groups/{group}", expand="modifiers").json()
    assert ids(shown["modifiers"]["elements"]) == displayed[:100]


def test_null_fields_are_left_out_unless_asked_for(diner: Merchant) -> None:
    item = diner.noted("item_absent_sku")[0]
    plain = diner.get(f"items/{item}").json()
    assert not {"sku", "code", "cost", "alternateName"} & set(plain)
    full = diner.get(f"items/{item}", return_null_fields="true").json()
    assert [full[name] for name in ("sku", "code", "cost", "alternateName")] == [None] * 4
    blank = diner.get(f"items/{diner.noted('item_blank_sku')[0]}").json()
    assert blank["sku"] == ""


def test_groups_without_options_send_an_empty_string_or_nothing(diner: Merchant) -> None:
    blank, absent = diner.noted("group_empty_ids")[0], diner.noted("group_absent_ids")[0]
    assert diner.get(f"modifier_groups/{blank}").json()["modifierIds"] == ""
    shown = diner.get(f"modifier_groups/{absent}", expand="modifiers").json()
    assert not {"modifierIds", "minRequired", "maxAllowed"} & set(shown)
    assert shown["modifiers"] == {"elements": []}


def test_deleted_items_are_seen_the_way_the_switch_says(diner: Merchant) -> None:
    deleted = set(diner.noted("item_deleted"))
    assert not deleted & set(ids(diner.rows("items", limit=1000)))
    gone = diner.rows("items", filter="deleted=true", limit=1000)
    assert deleted <= set(ids(gone))
    assert all(row["deletedTime"] for row in gone)
    one = min(deleted)
    assert diner.get(f"items/{one}").json() == {"message": "invalid ID"}
    diner.switch(deleted_items="listed", deleted_by_id="object")
    assert deleted <= set(ids(diner.rows("items", limit=1000)))
    assert diner.get(f"items/{one}").json()["id"] == one
    diner.switch(deleted_items="never")
    assert diner.rows("items", filter="deleted=true") == []


def test_deleted_categories_are_seen_the_way_the_switch_says(diner: Merchant) -> None:
    gone = diner.noted("category_deleted")[0]
    assert gone not in ids(diner.rows("categories"))
    assert ids(diner.rows("categories", filter="deleted=true")) == [gone]
    item = diner.noted("item_in_deleted_category")[0]
    nested = diner.get(f"items/{item}", expand="categories").json()["categories"]["elements"]
    assert [(row["id"] == gone, row["deleted"]) for row in nested] == [(True, True), (False, False)]
    diner.switch(nested_deleted="omit")
    assert gone not in ids(diner.get(f"items/{item}", expand="categories").json()["categories"]["elements"])
    diner.switch(deleted_categories="listed")
    assert gone in ids(diner.rows("categories"))


def test_dangling_rows_are_there(diner: Merchant) -> None:
    orphan = diner.noted("group_of_deleted_item")[0]
    assert orphan in ids(diner.rows("modifier_groups"))
    assert diner.rows(f"modifier_groups/{orphan}/items") == []
    left = diner.noted("modifier_of_deleted_group")
    listed = {row["id"]: row for row in diner.rows("modifiers", limit=1000)}
    assert set(left) <= set(listed)
    assert listed[left[0]]["modifierGroup"]["id"] == diner.noted("group_deleted")[0]
    assert diner.get(f"modifier_groups/{diner.noted('group_deleted')[0]}").status_code == 404
    diner.switch(nested_deleted="reference")
    shown = diner.get(f"modifier_groups/{orphan}", expand="items").json()
    assert shown["items"]["elements"] == [{"id": diner.noted("item_deleted")[0]}]


def test_unknown_ids_paths_and_methods_answer_in_clovers_own_form(diner: Merchant) -> None:
    assert diner.get("items/NOSUCHITEM").json() == {"message": "invalid ID"}
    assert diner.get("orders/NOSUCHORDER").json() == {"message": "Not Found", "details": "Order not found"}
    assert diner.get("no_such_thing").status_code == 404
    assert diner.get("items/NOSUCHITEM/categories/deep").status_code == 404
    merchant = diner.document["merchant_id"]
    assert diner.http.post(f"/v3/merchants/{merchant}/categories", json={}).status_code == 405
    assert diner.http.get("/nowhere").json() == {"message": "Not Found"}


def test_expanding_what_the_token_may_not_read_is_dropped_or_refused(diner: Merchant) -> None:
    assert "items" in diner.get("", expand="items,tenders").json()
    diner.http.post("/_control/tokens", json={"op": "drop_scope", "scope": "INVENTORY_R"})
    shown = diner.get("", expand="items,tenders").json()
    assert "items" not in shown
    assert shown["tenders"]["elements"]
    diner.switch(expand_without_permission="refuse")
    assert diner.get("", expand="items").status_code == 401


def test_a_capped_list_that_lies_repeats_or_ends_early(diner: Merchant) -> None:
    honest = ids(diner.rows("items", limit=1000))
    diner.http.post("/_control/faults", json={"kind": "lying_cap", "match": "/items", "mode": "ignore_cursor"})
    assert ids(diner.rows("items", offset=100)) == honest[:100]
    diner.http.delete("/_control/faults")
    diner.http.post("/_control/faults", json={"kind": "lying_cap", "match": "/items", "mode": "cut", "cap": 100})
    assert ids(diner.rows("items", limit=1000)) == honest[:100]
    assert diner.rows("items", offset=100) == []


def test_pages_shift_when_rows_come_or_go_during_a_crawl(diner: Merchant) -> None:
    honest = ids(diner.rows("items", limit=1000))
    diner.http.post("/_control/faults", json={"kind": "page_shift", "match": "/items", "rows": 3})
    assert ids(diner.rows("items"))[-3:] == ids(diner.rows("items", offset=100))[:3] == honest[97:100]


def test_children_of_an_item_and_single_rows_of_children_are_there(diner: Merchant) -> None:
    item = diner.noted("item_in_several_categories")[0]
    told = next(row for row in diner.truth["items"] if row["id"] == item)
    assert set(ids(diner.rows(f"items/{item}/categories"))) == set(told["categories"])
    assert [row["name"] for row in diner.rows(f"items/{item}/tags", filter="showInReporting=true")] == ["Food"]
    edge = next(row for row in diner.truth["edges"] if row["item"] == item)
    group, modifier = edge["path"][0]
    assert diner.get(f"modifier_groups/{group}/modifiers/{modifier}").json()["modifierGroup"] == {"id": group}
    assert diner.get(f"modifier_groups/{group}/modifiers/{item}").status_code == 404
    assert item in ids(diner.rows(f"modifier_groups/{group}/items", limit=1000))


def test_items_without_a_revenue_label_have_a_list_of_their_own(diner: Merchant) -> None:
    labelled = ids(diner.rows("items", filter="tags.name=Food", limit=1000))
    rest = ids(diner.rows("items_no_revenue_class", limit=1000))
    assert labelled
    assert set(labelled) | set(rest) == set(ids(diner.rows("items", limit=1000)))
    assert not set(labelled) & set(rest)
