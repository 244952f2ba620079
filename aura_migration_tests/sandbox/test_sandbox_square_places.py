"""Square's merchants, locations, settings and inventory over real HTTP; faults in Square's own form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

COUNTS = "/v2/inventory/counts/batch-retrieve"
CHANGES = "/v2/inventory/changes/batch-retrieve"


@pytest.fixture(scope="module")
def chain() -> Iterator[RunningSandbox]:
    with serve("square", "chain", 1, locations=11, inactive_locations=1) as running:
        yield running


@pytest.fixture(scope="module")
def diner() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1) as running:
        yield running


@contextmanager
def connect(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as http:
        token = http.get("/_control/credentials").json()["default"]["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        http.delete("/_control/faults")
        yield http


@pytest.fixture
def chained(chain: RunningSandbox) -> Iterator[httpx.Client]:
    with connect(chain) as http:
        yield http


@pytest.fixture
def dined(diner: RunningSandbox) -> Iterator[httpx.Client]:
    with connect(diner) as http:
        yield http


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def walk(client: httpx.Client, url: str, key: str, **body: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = client.post(url, json={**body, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def test_a_token_belongs_to_one_merchant_told_under_a_singular_key(chained: httpx.Client) -> None:
    [merchant] = chained.get("/v2/merchants").json()["merchant"]
    assert chained.get("/v2/merchants/me").json()["merchant"] == merchant
    assert chained.get(f"/v2/merchants/{merchant['id']}").json()["merchant"] == merchant
    assert code_of(chained.get("/v2/merchants/MSOMEONEELSE0")) == (404, "NOT_FOUND")


def test_locations_come_all_at_once_by_name_with_inactive_ones(chained: httpx.Client) -> None:
    answer = chained.get("/v2/locations").json()
    names = [place["name"] for place in answer["locations"]]
    assert len(names) == 12 and names == sorted(names) and "cursor" not in answer
    closed = [place for place in answer["locations"] if place["status"] == "INACTIVE"]
    assert len(closed) == 1 and closed[0]["business_hours"] == {}
    main = chained.get("/v2/locations/main").json()["location"]
    assert main["id"] == chained.get("/v2/merchants/me").json()["merchant"]["main_location_id"]
    assert code_of(chained.get("/v2/locations/LNOWHERE00000")) == (404, "NOT_FOUND")


def test_tipping_settings_are_those_of_online_checkout(chained: httpx.Client) -> None:
    places = [place["id"] for place in chained.get("/v2/locations").json()["locations"]]
    settings = [chained.get(f"/v2/online-checkout/location-settings/{place}").json() for place in places]
    assert any("tipping" in held["location_settings"] for held in settings)
    assert not all("tipping" in held["location_settings"] for held in settings)
    assert chained.get("/v2/online-checkout/merchant-settings").json()["merchant_settings"]["payment_methods"]


def test_location_custom_attributes_come_with_their_definitions_if_asked(dined: httpx.Client) -> None:
    place = dined.get("/v2/locations/main").json()["location"]["id"]
    url = f"/v2/locations/{place}/custom-attributes"
    first = dined.get(url, params={"limit": 1, "with_definitions": "true"}).json()
    assert first["custom_attributes"][0]["value"] == "Winter"
    assert first["custom_attributes"][0]["definition"]["name"] == "Floor plan"
    query = {"limit": 1, "with_definitions": "true", "cursor": first["cursor"]}
    second = dined.get(url, params=query).json()
    assert second["custom_attributes"][0]["key"] == "seats" and "cursor" not in second
    assert "definition" not in dined.get(url).json()["custom_attributes"][0]
    assert code_of(dined.get(url, params={"limit": 101})) == (400, "VALUE_TOO_HIGH")
    definitions = dined.get("/v2/locations/custom-attribute-definitions").json()["custom_attribute_definitions"]
    assert {held["key"] for held in definitions} == {"floor_plan", "seats"}


def test_counts_come_newest_first_without_the_states_square_never_returns(dined: httpx.Client) -> None:
    rows = walk(dined, COUNTS, "counts", limit=2)
    assert {row["state"] for row in rows} == {"IN_STOCK", "WASTE", "RESERVED_FOR_SALE", "ORDERED_FROM_VENDOR"}
    assert {row["quantity"] for row in rows} >= {"42", "17.25", "-3", "0"}
    assert {row["catalog_object_type"] for row in rows} == {"ITEM_VARIATION", "ITEM"}
    stock = walk(dined, COUNTS, "counts", states=["IN_STOCK"])
    assert all(row["state"] == "IN_STOCK" for row in stock)
    assert walk(dined, COUNTS, "counts", states=["SOLD", "NONE"]) == walk(dined, COUNTS, "counts")
    newest = walk(dined, COUNTS, "counts", updated_after=rows[1]["calculated_at"])
    assert all(row in rows for row in newest) and len(newest) < len(rows)


def test_counts_are_filtered_by_object_and_location(chained: httpx.Client) -> None:
    rows = walk(chained, COUNTS, "counts", limit=1000)
    wanted = rows[0]
    [row] = walk(
        chained,
        COUNTS,
        "counts",
        catalog_object_ids=[wanted["catalog_object_id"]],
        location_ids=[wanted["location_id"]],
    )
    assert row == wanted
    one = chained.get(
        f"/v2/inventory/{wanted['catalog_object_id']}", params={"location_ids": wanted["location_id"]}
    ).json()
    assert one["counts"] == [wanted]
    assert code_of(chained.get("/v2/inventory/NOSUCHOBJECT")) == (404, "NOT_FOUND")
    for limit, code in ((0, "VALUE_TOO_LOW"), (1001, "VALUE_TOO_HIGH")):
        assert code_of(chained.post(COUNTS, json={"limit": limit})) == (400, code)


def test_changes_come_oldest_first_and_transfers_cannot_be_asked_for(dined: httpx.Client) -> None:
    rows = walk(dined, CHANGES, "changes", limit=3)
    assert {row["type"] for row in rows} == {"PHYSICAL_COUNT", "ADJUSTMENT"}
    assert rows[-1]["adjustment"]["to_state"] == "WASTE" and rows[-1]["adjustment"]["location_id"]
    newer = dined.post(CHANGES, json={"types": ["ADJUSTMENT"]}, headers={"Square-Version": "2026-09-16"}).json()
    adjustment = newer["changes"][0]["adjustment"]
    assert "location_id" not in adjustment and adjustment["from_location_id"] == adjustment["to_location_id"]
    assert code_of(dined.post(CHANGES, json={"types": ["TRANSFER"]})) == (400, "INVALID_ENUM_VALUE")
    single = dined.get(f"/v2/inventory/adjustments/{rows[-1]['adjustment']['id']}").json()
    assert single["adjustment"] == rows[-1]["adjustment"]


def test_faults_wear_squares_envelope(dined: httpx.Client) -> None:
    url = "/v2/catalog/info"
    dined.post("/_control/faults", json={"kind": "rate_limit", "match": url, "times": 1, "advice": True})
    limited = dined.get(url)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
    assert limited.json()["errors"][0]["category"] == "RATE_LIMIT_ERROR"
    dined.post("/_control/faults", json={"kind": "error", "status": 502, "match": url, "times": 1})
    assert code_of(dined.get(url)) == (502, "BAD_GATEWAY")
    dined.post("/_control/faults", json={"kind": "error", "status": 503, "match": url, "times": 1, "body": "html"})
    assert dined.get(url).text.startswith("<html>")


def test_a_stale_cursor_fault_waits_for_a_request_that_has_one(dined: httpx.Client) -> None:
    dined.post("/_control/faults", json={"kind": "stale_cursor", "match": "catalog/list", "times": 1})
    first = dined.get("/v2/catalog/list")
    assert first.status_code == 200
    params = {"cursor": first.json()["cursor"]}
    assert code_of(dined.get("/v2/catalog/list", params=params)) == (400, "INVALID_CURSOR")
    assert dined.get("/v2/catalog/list", params=params).status_code == 200


def test_a_lying_cap_cuts_the_list_or_starts_it_again(dined: httpx.Client) -> None:
    dined.post("/_control/faults", json={"kind": "lying_cap", "mode": "cut", "cap": 7, "match": "list"})
    cut = dined.get("/v2/catalog/list").json()
    assert len(cut["objects"]) == 7 and "cursor" not in cut
    dined.delete("/_control/faults")
    fault = {"kind": "lying_cap", "mode": "ignore_cursor", "match": "cursor="}
    dined.post("/_control/faults", json=fault)
    first = dined.get("/v2/catalog/list").json()
    second = dined.get("/v2/catalog/list", params={"cursor": first["cursor"]}).json()
    assert second["objects"] == first["objects"] and second["cursor"]


def test_an_expired_token_fault_ends_the_presented_token_for_good(diner: RunningSandbox) -> None:
    with connect(diner) as http:
        token = http.get("/_control/credentials").json()["variants"]["oauth_access_token"]["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        http.post("/_control/faults", json={"kind": "expire_token", "match": "locations", "times": 1})
        assert code_of(http.get("/v2/locations")) == (401, "ACCESS_TOKEN_EXPIRED")
        assert code_of(http.get("/v2/merchants")) == (401, "ACCESS_TOKEN_EXPIRED")


def test_the_limiter_is_off_unless_switched_on(dined: httpx.Client) -> None:
    assert all(dined.get("/v2/catalog/info").status_code == 200 for _ in range(25))
    switched = {"limits": "real", "rate_limit_per_second": 3, "rate_limit_retry_after": True}
    dined.post("/_control/switches", json=switched)
    answers = [dined.get("/v2/catalog/info") for _ in range(6)]
    dined.post("/_control/switches", json={"limits": "off"})
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 2 and refused[0].headers["retry-after"] == "1"
    assert dined.post("/_control/switches", json={"limits": "sometimes"}).status_code == 400
    assert dined.get("/_control/switches").json()["limits"] == "off"
