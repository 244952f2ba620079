"""Square's catalog over real HTTP: paging, filters, history, versions, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

SEARCH = "/v2/catalog/search"
LIST = "/v2/catalog/list"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as http:
        token = http.get("/_control/credentials").json()["default"]["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        before = http.get("/_control/switches").json()
        yield http
        http.post("/_control/switches", json=before).raise_for_status()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def walk_list(client: httpx.Client, **query: str) -> list[list[dict[str, Any]]]:
    pages = []
    cursor: str | None = None
    while True:
        params = {**query, **({"cursor": cursor} if cursor else {})}
        answer = client.get(LIST, params=params)
        answer.raise_for_status()
        pages.append(answer.json().get("objects", []))
        cursor = answer.json().get("cursor")
        if not cursor:
            return pages


def walk_search(client: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = client.post(SEARCH, json={**body, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        rows += answer.json().get("objects", [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def item(client: httpx.Client, name: str, **body: Any) -> dict[str, Any]:
    query = {"exact_query": {"attribute_name": "name", "attribute_value": name}}
    answer = client.post(SEARCH, json={"object_types": ["ITEM"], "query": query, **body})
    found: dict[str, Any] = answer.json()["objects"][0]
    return found


def test_list_pages_hold_at_most_a_hundred_and_sometimes_fewer_before_the_last(client: httpx.Client) -> None:
    pages = walk_list(client)
    sizes = [len(page) for page in pages]
    assert sizes[0] == 100 and max(sizes) == 100 and any(0 < size < 100 for size in sizes[:-1])
    ids = [thing["id"] for page in pages for thing in page]
    assert len(ids) == len(set(ids))


def test_list_gives_top_level_types_unless_nested_ones_are_named(client: httpx.Client) -> None:
    types = {thing["type"] for page in walk_list(client) for thing in page}
    assert "ITEM" in types and not types & {"IMAGE", "ITEM_VARIATION", "MODIFIER", "ITEM_OPTION_VAL"}
    named = {thing["type"] for page in walk_list(client, types="image, Modifier") for thing in page}
    assert named == {"IMAGE", "MODIFIER"}
    assert code_of(client.get(LIST, params={"types": "DISH"})) == (400, "INVALID_ENUM_VALUE")
    assert code_of(client.get(LIST, params={"limit": "1000"})) == (400, "UNKNOWN_QUERY_PARAMETER")


def test_deleted_objects_are_only_found_by_asking_for_them(client: httpx.Client) -> None:
    listed = {thing["id"] for page in walk_list(client, types="ITEM") for thing in page}
    plain = {thing["id"]: thing for thing in walk_search(client, object_types=["ITEM"], limit=1000)}
    deep = walk_search(client, object_types=["ITEM"], include_deleted_objects=True, limit=1000)
    deleted = [thing for thing in deep if thing["is_deleted"]]
    assert set(plain) == listed and {thing["id"] for thing in deep} - listed == {thing["id"] for thing in deleted}
    assert len(deleted) == 2 and deleted[0]["item_data"]["name"].startswith("Deleted")
    assert client.get(f"/v2/catalog/object/{deleted[0]['id']}").status_code == 404
    batch = {"object_ids": [deleted[0]["id"], "NOSUCHOBJECT"]}
    assert client.post("/v2/catalog/batch-retrieve", json=batch).json() == {}
    kept = client.post("/v2/catalog/batch-retrieve", json={**batch, "include_deleted_objects": True}).json()
    assert [thing["id"] for thing in kept["objects"]] == [deleted[0]["id"]]


def test_archived_items_are_listed_and_search_catalog_items_leaves_them_out(client: httpx.Client) -> None:
    archived = [
        thing for page in walk_list(client, types="ITEM") for thing in page if thing["item_data"]["is_archived"]
    ]
    assert len(archived) == 2
    url = "/v2/catalog/search-catalog-items"
    assert client.post(url, json={"text_filter": "meatloaf"}).json() == {}
    only = client.post(url, json={"archived_state": "ARCHIVED_STATE_ARCHIVED"}).json()
    assert {thing["id"] for thing in only["items"]} == {thing["id"] for thing in archived}


def test_a_search_limit_out_of_range_is_ignored(client: httpx.Client) -> None:
    for limit in (0, -5, 1001):
        answer = client.post(SEARCH, json={"object_types": ["ITEM"], "limit": limit})
        assert answer.status_code == 200 and len(answer.json()["objects"]) == 100
    everything = client.post(SEARCH, json={"object_types": ["ITEM"], "limit": 1000}).json()
    assert len(everything["objects"]) > 100 and "cursor" not in everything


def test_a_cursor_belongs_to_its_query_and_dies_of_old_age(client: httpx.Client) -> None:
    first = client.post(SEARCH, json={"object_types": ["ITEM"], "limit": 20}).json()
    again = {"object_types": ["ITEM"], "limit": 20, "cursor": first["cursor"]}
    assert code_of(client.post(SEARCH, json={**again, "limit": 21})) == (400, "INVALID_CURSOR")
    assert code_of(client.get(LIST, params={"cursor": first["cursor"]})) == (400, "INVALID_CURSOR")
    client.post("/_control/clock", json={"skip": 800})
    second = client.post(SEARCH, json=again)
    assert second.status_code == 200
    client.post("/_control/clock", json={"skip": 800})
    third = client.post(SEARCH, json={**again, "cursor": second.json()["cursor"]})
    assert third.status_code == 200, "each fetch extends the listing"
    client.post("/_control/clock", json={"skip": 901})
    assert code_of(client.post(SEARCH, json={**again, "cursor": third.json()["cursor"]})) == (400, "INVALID_CURSOR")


def test_the_stress_mode_sends_empty_pages_that_still_have_a_cursor(client: httpx.Client) -> None:
    client.post("/_control/switches", json={"empty_pages": True})
    pages = walk_list(client, types="ITEM")
    assert [] in pages[:-1]
    client.post("/_control/switches", json={"empty_pages": False})
    ids = {thing["id"] for page in pages for thing in page}
    assert ids == {thing["id"] for page in walk_list(client, types="ITEM") for thing in page}


def test_begin_time_is_exclusive_and_latest_time_is_the_last_write(client: httpx.Client) -> None:
    everything = walk_search(client, object_types=["ITEM"], include_deleted_objects=True, limit=1000)
    stamps = sorted({thing["version"] for thing in everything})
    middle = next(thing for thing in everything if thing["version"] == stamps[len(stamps) // 2])
    after = walk_search(
        client, object_types=["ITEM"], include_deleted_objects=True, begin_time=middle["updated_at"], limit=1000
    )
    assert {thing["id"] for thing in after} == {
        thing["id"] for thing in everything if thing["version"] > middle["version"]
    }
    latest = client.post(SEARCH, json={"object_types": ["ITEM"]}).json()["latest_time"]
    assert client.post(SEARCH, json={"begin_time": latest}).json() == {"latest_time": latest}
    assert code_of(client.post(SEARCH, json={"begin_time": "last week"})) == (400, "INVALID_TIME")


def test_the_two_flags_cannot_both_be_true(client: httpx.Client) -> None:
    both = {"include_deleted_objects": True, "include_category_path_to_root": True}
    assert code_of(client.post(SEARCH, json=both)) == (400, "CONFLICTING_PARAMETERS")


def test_path_to_root_goes_from_parent_to_root_and_is_absent_for_a_root(client: httpx.Client) -> None:
    rows = walk_search(client, object_types=["CATEGORY"], include_category_path_to_root=True)
    regular = {
        row["category_data"]["name"]: row["category_data"]
        for row in rows
        if row["category_data"]["category_type"] == "REGULAR_CATEGORY"
    }
    assert [node["category_name"] for node in regular["Burgers"]["path_to_root"]] == ["Mains", "Food"]
    assert "path_to_root" not in regular["Food"] and regular["Food"]["is_top_level"] is True
    assert "id" not in regular["Food"]["parent_category"] and "ordinal" in regular["Food"]["parent_category"]
    without = walk_search(client, object_types=["CATEGORY"])
    assert not any("path_to_root" in row["category_data"] for row in without)


def test_menu_categories_are_twins_beside_the_regular_ones(client: httpx.Client) -> None:
    by_number = {"exact_query": {"attribute_name": "category_type", "attribute_value": "2"}}
    menus = walk_search(client, object_types=["CATEGORY"], query=by_number)
    assert {row["category_data"]["category_type"] for row in menus} == {"MENU_CATEGORY"}
    late = next(row for row in menus if row["category_data"]["name"] == "Late night")
    ids = late["category_data"]["availability_period_ids"]
    periods = client.post("/v2/catalog/batch-retrieve", json={"object_ids": ids}).json()["objects"]
    assert [period["availability_period_data"]["day_of_week"] for period in periods] == ["FRI", "SAT"]
    assert periods[0]["availability_period_data"]["end_local_time"] == "02:00:00"
    assert {"Burgers", "Sides"} <= {row["category_data"]["name"] for row in menus}


def test_related_objects_go_one_level(client: httpx.Client) -> None:
    burger = item(client, "Dock Burger")
    answer = client.get(f"/v2/catalog/object/{burger['id']}", params={"include_related_objects": "true"}).json()
    types = {thing["type"] for thing in answer["related_objects"]}
    assert types == {"CATEGORY", "TAX", "IMAGE", "MODIFIER_LIST"}
    variation_id = burger["item_data"]["variations"][0]["id"]
    body = {"object_ids": [variation_id], "include_related_objects": True}
    above = client.post("/v2/catalog/batch-retrieve", json=body).json()["related_objects"]
    assert [thing["id"] for thing in above] == [burger["id"]]


def test_query_filters_combine_or_stand_alone(client: httpx.Client) -> None:
    text = {"text_query": {"keywords": ["burger"]}, "sorted_attribute_query": {"attribute_name": "name"}}
    names = [row["item_data"]["name"] for row in walk_search(client, object_types=["ITEM"], query=text)]
    assert "Dock Burger" in names and names == sorted(names, key=str.casefold)
    twins = {"set_query": {"attribute_name": "sku", "attribute_values": ["DUP-1"]}}
    assert len(walk_search(client, object_types=["ITEM_VARIATION"], query=twins)) == 3
    mixed = {**twins, **text}
    assert code_of(client.post(SEARCH, json={"query": mixed})) == (400, "CONFLICTING_PARAMETERS")
    short = {"text_query": {"keywords": ["ab"]}}
    assert code_of(client.post(SEARCH, json={"query": short})) == (400, "INVALID_VALUE")
    assert code_of(client.post(SEARCH, json={"query": {"magic_query": {}}})) == (400, "UNKNOWN_BODY_PARAMETER")
    tax = item(client, "Dock Burger")["item_data"]["tax_ids"][1]
    taxed = walk_search(client, object_types=["ITEM"], query={"items_for_tax_query": {"tax_ids": [tax]}})
    assert taxed and all(tax in row["item_data"]["tax_ids"] for row in taxed)


def test_object_types_must_be_a_list(client: httpx.Client) -> None:
    assert code_of(client.post(SEARCH, json={"object_types": "ITEM"})) == (400, "EXPECTED_ARRAY")
    assert code_of(client.post(SEARCH, content=b"{", headers={"Content-Type": "application/json"}))[0] == 400
    assert code_of(client.post(SEARCH, content=b"{}", headers={"Content-Type": "text/plain"}))[0] == 415


def test_batch_retrieve_takes_a_thousand_ids_and_no_more(client: httpx.Client) -> None:
    url = "/v2/catalog/batch-retrieve"
    assert client.post(url, json={"object_ids": ["X"] * 1000}).status_code == 200
    assert code_of(client.post(url, json={"object_ids": ["X"] * 1001})) == (400, "ARRAY_LENGTH_TOO_LONG")
    assert code_of(client.post(url, json={})) == (400, "MISSING_REQUIRED_PARAMETER")


def test_nested_modifiers_show_from_their_version_on_or_by_switch(client: httpx.Client) -> None:
    def children(version: str | None) -> list[str]:
        headers = {"Square-Version": version} if version else {}
        rows = client.get(LIST, params={"types": "MODIFIER"}, headers=headers).json()["objects"]
        return [child for row in rows for child in row["modifier_data"].get("child_modifier_list_ids", [])]

    assert children(None) == [] and children("2025-08-20") == []
    assert children("2026-09-16")
    client.post("/_control/switches", json={"nested_modifiers": "on"})
    assert children("2025-08-20")
    client.post("/_control/switches", json={"nested_modifiers": "off"})
    assert children("2026-09-16") == []


def test_an_old_version_knows_one_category_per_item(client: httpx.Client) -> None:
    burger = item(client, "Dock Burger")
    old = client.get(f"/v2/catalog/object/{burger['id']}", headers={"Square-Version": "2022-10-19"}).json()
    data = old["object"]["item_data"]
    assert "categories" not in data and data["category_id"] == burger["item_data"]["reporting_category"]["id"]


def test_a_version_header_is_checked_and_repeated(client: httpx.Client) -> None:
    info = client.get("/v2/catalog/info", headers={"Square-Version": "2026-09-16"})
    assert info.headers["square-version"] == "2026-09-16" and info.json()["limits"]["search_max_page_limit"] == 1000
    for version, code in (("latest", "INVALID_SQUARE_VERSION_FORMAT"), ("2031-01-01", "API_VERSION_INCOMPATIBLE")):
        assert code_of(client.get("/v2/catalog/info", headers={"Square-Version": version})) == (400, code)


def test_nothing_is_sent_as_null_and_empty_lists_are_left_out(client: httpx.Client) -> None:
    def check(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                assert value is not None and value != [], name
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    for page in walk_list(client):
        check(page)


def test_timestamps_carry_between_no_and_nine_fractional_digits(client: httpx.Client) -> None:
    stamps = [thing["updated_at"] for page in walk_list(client) for thing in page]
    digits = {len(re.fullmatch(r"[^.]*?(?:\.(\d+))?Z", stamp).group(1) or "") for stamp in stamps}  # type: ignore[union-attr]
    assert {0, 2, 3, 6, 9} <= digits


def test_unknown_fields_and_dissenting_types_are_on_the_wire(client: httpx.Client) -> None:
    wings = item(client, "Wings")
    assert wings["catalog_origin"] and wings["created_at"] and wings["item_data"]["prep_station_hint"]
    assert wings["custom_attribute_values"]["prep_minutes"]["number_value"] == 9
    burger = item(client, "Dock Burger")["custom_attribute_values"]
    assert burger["prep_minutes"]["number_value"] == "12.5" and "secret_margin" not in burger
    assert any(key.endswith(":points") for key in burger) and len(burger["spice"]["selection_uid_values"]) == 2


def test_unknown_routes_and_methods_answer_in_squares_envelope(client: httpx.Client) -> None:
    assert code_of(client.get("/v2/catalog/objects")) == (404, "NOT_FOUND")
    assert code_of(client.get(SEARCH)) == (405, "METHOD_NOT_ALLOWED")
    assert code_of(client.get("/v2/catalog/object/NOSUCHOBJECT")) == (404, "NOT_FOUND")
