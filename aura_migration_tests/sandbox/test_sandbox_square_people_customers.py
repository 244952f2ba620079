"""Square's customer directory over real HTTP: who is shown, who is hidden, filters, limits, labels, cards on file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

SEARCH = "/v2/customers/search"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1) as running:
        yield running


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Row:
    return sandbox.pos_app.truth()


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as opened:
        opened.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield opened


@pytest.fixture
def client(http: httpx.Client, sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    before = dict(sandbox.pos_app.switches)
    yield http
    sandbox.pos_app.switches.update(before)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def pages(client: httpx.Client, path: str, key: str, **query: Any) -> list[list[Row]]:
    found, cursor = [], None
    while True:
        answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        found.append(answer.json().get(key, []))
        cursor = answer.json().get("cursor")
        if not cursor:
            return found


def everyone(client: httpx.Client, **query: Any) -> list[Row]:
    return [row for page in pages(client, "/v2/customers", "customers", **query) for row in page]


def search(client: httpx.Client, **filters: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        body = {"query": {"filter": filters}, **({"cursor": cursor} if cursor else {})}
        answer = client.post(SEARCH, json=body)
        answer.raise_for_status()
        rows += answer.json().get("customers", [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


def test_list_shows_exactly_the_profiles_with_a_name_company_email_or_phone(client: httpx.Client, truth: Row) -> None:
    shown = {row["id"] for row in truth["customers"] if row["listed"]}
    hidden = {row["id"] for row in truth["customers"]} - shown
    rows = everyone(client)
    assert set(ids(rows)) == shown and len(rows) == len(shown) and len(hidden) == 26
    assert {row["id"] for row in search(client)} == shown
    keys = {"given_name", "family_name", "company_name", "email_address", "phone_number"}
    assert all(keys & set(row) for row in rows)


def test_an_instant_profile_is_found_by_id_unless_switched_off(client: httpx.Client, truth: Row) -> None:
    hidden = next(row["id"] for row in truth["customers"] if row["source"] == "INSTANT_PROFILE")
    found = client.get(f"/v2/customers/{hidden}").json()["customer"]
    assert found["creation_source"] == "INSTANT_PROFILE" and "given_name" not in found
    client.post("/_control/switches", json={"instant_profile_by_id": False})
    assert code_of(client.get(f"/v2/customers/{hidden}")) == (404, "NOT_FOUND")


def test_count_counts_who_is_shown_on_every_page_and_only_on_request(client: httpx.Client, truth: Row) -> None:
    shown = truth["people_totals"]["listed_customers"]
    first = client.get("/v2/customers", params={"count": "true"}).json()
    second = client.get("/v2/customers", params={"count": "true", "cursor": first["cursor"]}).json()
    assert first["count"] == second["count"] == shown and "count" not in client.get("/v2/customers").json()
    one = {"query": {"filter": {"email_address": {"exact": "no.phone@example.org"}}}, "count": True}
    assert client.post(SEARCH, json=one).json()["count"] == 1


def test_a_limit_outside_one_to_a_hundred_is_refused_whatever_the_switches_say(client: httpx.Client) -> None:
    client.post("/_control/switches", json={"strict_limits": False})
    for limit, code in ((0, "VALUE_TOO_LOW"), (-3, "VALUE_TOO_LOW"), (101, "VALUE_TOO_HIGH")):
        assert code_of(client.get("/v2/customers", params={"limit": limit})) == (400, code)
        assert code_of(client.post(SEARCH, json={"limit": limit})) == (400, code)
    for path in ("/v2/customers/groups", "/v2/customers/segments"):
        assert code_of(client.get(path, params={"limit": 51})) == (400, "VALUE_TOO_HIGH")
        assert code_of(client.get(path, params={"limit": 0})) == (400, "VALUE_TOO_LOW")


def test_everyone_comes_by_name_or_by_creation_in_both_directions(client: httpx.Client, truth: Row) -> None:
    made = {row["id"]: row["created_at"] for row in truth["customers"]}
    oldest = [made[row["id"]] for row in everyone(client, sort_field="CREATED_AT")]
    newest = [made[row["id"]] for row in everyone(client, sort_field="CREATED_AT", sort_order="DESC")]
    assert oldest == sorted(oldest) and newest == sorted(newest, reverse=True)
    named = [f"{row.get('given_name', '')}{row.get('family_name', '')}".casefold() for row in everyone(client)]
    named = [name for name in named if name]
    assert named == sorted(named)


def test_a_time_range_starts_with_its_first_instant_and_ends_before_its_last(client: httpx.Client, truth: Row) -> None:
    shown = [row for row in truth["customers"] if row["listed"]]
    for field in ("created_at", "updated_at"):
        ordered = sorted(shown, key=lambda row: row[field])
        low, high = ordered[100], ordered[140]
        window = {field: {"start_at": low[field], "end_at": high[field]}}
        assert set(ids(search(client, **window))) == {
            row["id"] for row in shown if low[field] <= row[field] < high[field]
        }
        client.post("/_control/switches", json={"customer_time_end": "inclusive"})
        assert high["id"] in ids(search(client, **window))
        client.post("/_control/switches", json={"customer_time_end": "exclusive"})
    backwards = {"start_at": high["updated_at"], "end_at": low["updated_at"]}
    body = {"query": {"filter": {"updated_at": backwards}}}
    assert code_of(client.post(SEARCH, json=body)) == (400, "INVALID_TIME_RANGE")


def test_windows_side_by_side_over_updated_at_find_everyone_once(client: httpx.Client, truth: Row) -> None:
    begin, found = datetime(2024, 1, 1, tzinfo=UTC), []
    while begin < datetime(2026, 12, 1, tzinfo=UTC):
        end = begin + timedelta(days=28)
        found += ids(search(client, updated_at={"start_at": begin.isoformat(), "end_at": end.isoformat()}))
        begin = end
    assert len(found) == len(set(found)) == truth["people_totals"]["listed_customers"]


def test_filters_are_anded_and_exact_excludes_fuzzy(client: httpx.Client, truth: Row) -> None:
    family = search(client, email_address={"exact": "Olsson.Family@example.com"})
    assert {row["given_name"] for row in family} == {"Erik", "Karin", "Nils", "Ebba"}
    with_phone = search(client, email_address={"exact": "olsson.family@example.com"}, phone_number={"fuzzy": "555"})
    assert {row["given_name"] for row in with_phone} == {"Erik", "Karin"}
    [same] = [row for row in truth["same_person"] if "notations" in row["why"]]
    e164 = next(row["e164"] for row in truth["customers"] if row["id"] == same["customers"][0])
    assert set(ids(search(client, phone_number={"exact": e164}))) == set(same["customers"])
    both = {"query": {"filter": {"email_address": {"exact": "a", "fuzzy": "b"}}}}
    assert code_of(client.post(SEARCH, json=both)) == (400, "CONFLICTING_PARAMETERS")
    assert code_of(client.post(SEARCH, json={"query": {"filter": {"shoe_size": {}}}})) == (
        400,
        "UNKNOWN_BODY_PARAMETER",
    )
    sort = {"query": {"sort": {"field": "UPDATED_AT"}}}
    assert code_of(client.post(SEARCH, json=sort)) == (400, "INVALID_ENUM_VALUE"), "there is no sort by updated_at"


def test_creation_sources_can_be_included_and_excluded(client: httpx.Client) -> None:
    merged = search(client, creation_source={"values": ["MERGE"]})
    assert len(merged) == 3 and {row["creation_source"] for row in merged} == {"MERGE"}
    rest = search(client, creation_source={"values": ["MERGE"], "rule": "EXCLUDE"})
    assert len(rest) + 3 == len(search(client))
    wrong = {"query": {"filter": {"creation_source": {"values": ["WALK_IN"]}}}}
    assert code_of(client.post(SEARCH, json=wrong)) == (400, "INVALID_ENUM_VALUE")


def test_groups_segments_and_attributes_filter_by_all_any_none(client: httpx.Client, truth: Row) -> None:
    groups = {row["id"]: set(row["groups"]) for row in truth["customers"] if row["listed"]}
    several = next(held for held in groups.values() if len(held) == 5)
    one = next(iter(several))
    assert set(ids(search(client, group_ids={"all": sorted(several)}))) == {
        who for who, held in groups.items() if several <= held
    }
    assert set(ids(search(client, group_ids={"any": [one]}))) == {who for who, held in groups.items() if one in held}
    assert not set(ids(search(client, group_ids={"none": [one]}))) & {
        who for who, held in groups.items() if one in held
    }
    seated = search(
        client, custom_attribute={"filters": [{"key": "seating", "filter": {"selection": {"any": ["s3"]}}}]}
    )
    booth = [row["id"] for row in truth["customers"] if "s3" in row["attributes"].get("seating", [])]
    assert sorted(ids(seated)) == sorted(booth) and booth
    hidden = {"filters": [{"key": "sq0idp-otherapp:score", "filter": {}}]}
    assert search(client, custom_attribute=hidden) == []
    eleven = {"query": {"filter": {"custom_attribute": {"filters": [{"key": "x"}] * 11}}}}
    assert code_of(client.post(SEARCH, json=eleven)) == (400, "ARRAY_LENGTH_TOO_LONG")


def test_bulk_retrieve_answers_each_id_by_itself(client: httpx.Client, truth: Row) -> None:
    there, gone = truth["customers"][0]["id"], truth["gone_customers"][0]["id"]
    found = client.post("/v2/customers/bulk-retrieve", json={"customer_ids": [there, gone]}).json()["responses"]
    assert found[there]["customer"]["id"] == there and found[gone]["errors"][0]["code"] == "NOT_FOUND"
    many = {"customer_ids": ["X"] * 101}
    assert code_of(client.post("/v2/customers/bulk-retrieve", json=many)) == (400, "ARRAY_LENGTH_TOO_LONG")
    assert code_of(client.post("/v2/customers/bulk-retrieve", json={})) == (400, "MISSING_REQUIRED_PARAMETER")


def test_deleted_and_merged_profiles_are_nowhere(client: httpx.Client, truth: Row) -> None:
    gone = {row["id"]: row["into"] for row in truth["gone_customers"]}
    assert not gone.keys() & set(ids(everyone(client))) and len([into for into in gone.values() if into]) == 7
    for customer_id in gone:
        assert code_of(client.get(f"/v2/customers/{customer_id}")) == (404, "NOT_FOUND")
    assert {into for into in gone.values() if into} <= {row["id"] for row in truth["customers"]}


def test_the_wire_says_what_the_truth_says_of_every_profile(client: httpx.Client, truth: Row) -> None:
    sent = {row["id"]: row for row in everyone(client)}
    names = {
        "given_name": "given_name",
        "family_name": "family_name",
        "nickname": "nickname",
        "company": "company_name",
        "email": "email_address",
        "phone": "phone_number",
        "birthday": "birthday",
        "note": "note",
        "source": "creation_source",
        "address": "address",
        "version": "version",
    }
    for row in truth["customers"]:
        if row["listed"]:
            held = sent[row["id"]]
            assert {name: held.get(there) for name, there in names.items()} == {name: row[name] for name in names}
            assert held.get("preferences", {}).get("email_unsubscribed") == row["email_unsubscribed"]
            assert held.get("group_ids", []) == row["groups"]
            assert sorted(set(held.get("segment_ids", []))) == row["segments"]


def test_consent_is_stated_as_no_or_not_at_all(client: httpx.Client, truth: Row) -> None:
    stated = {row["customer"]: row for row in truth["consents"]}
    assert {row["answer"] for row in stated.values()} == {"no", "unknown"}
    assert {row["stated"] for row in stated.values()} == {"email_unsubscribed=true", "email_unsubscribed=false", None}
    for row in everyone(client):
        said = row.get("preferences", {}).get("email_unsubscribed")
        assert (stated[row["id"]]["answer"] == "no") == (said is True)
    texts = " ".join(name for row in everyone(client) for name in row)
    assert "sms" not in texts and "consent" not in texts


def test_dirty_people_are_all_there(client: httpx.Client, truth: Row) -> None:
    rows = everyone(client)
    birthdays = {row.get("birthday") for row in rows}
    assert {"0000-07-30", "0000-02-29", "2100-01-01"} <= birthdays
    phones = {row.get("phone_number") for row in rows}
    assert {"call my wife", "12345", "٢١٨٥٥٥٠١٧٧", "+49 (30) 901820"} <= phones
    assert {"not-an-email", "jane@@example.com", " spaced.out@example.com "} <= {
        row.get("email_address") for row in rows
    }
    given = {row.get("given_name") for row in rows}
    assert {"太郎", "محمد", "Zoë 🎉", "  Trailing  ", "=HYPERLINK(0)"} <= given
    assert any(len(name or "") == 280 for name in given)
    assert any("\n" in row.get("note", "") for row in rows) and any("visit_stats_hint" in row for row in rows)
    assert any(len(row.get("segment_ids", [])) > len(set(row.get("segment_ids", []))) for row in rows)
    known = {row["id"] for row in truth["customers"]}
    shared = [set(row["customers"]) for row in truth["shared_contact"]]
    same = [set(row["customers"]) for row in truth["same_person"]]
    assert len(shared) == 3 and len(same) == 4 and all(held <= known for held in (*shared, *same))


def test_secrets_stand_where_square_puts_them(client: httpx.Client, truth: Row) -> None:
    secrets = set(truth["secrets"])
    rows = everyone(client)
    vats = {row["tax_ids"]["eu_vat"] for row in rows if "tax_ids" in row}
    assert len(vats) == 3 and vats <= secrets
    notes = [row["note"] for row in rows if "note" in row]
    assert sum(any(secret in note for secret in secrets) for note in notes) == 4
    cards = [row for page in pages(client, "/v2/cards", "cards", include_disabled="true") for row in page]
    assert {row["fingerprint"] for row in cards} <= secrets
    personal = set(truth["personal"])
    assert {row["email_address"] for row in rows if len(row.get("email_address", "")) > 6} <= personal
    phones = {row["phone_number"] for row in rows if "phone_number" in row}
    assert {phone for phone in phones if len(phone) > 6} <= personal and min(map(len, personal)) > 6
    assert {row["cardholder_name"] for row in cards if "cardholder_name" in row} <= personal


def test_groups_come_in_fifties_and_segments_carry_the_merchants_id(client: httpx.Client, truth: Row) -> None:
    sizes = [len(page) for page in pages(client, "/v2/customers/groups", "groups")]
    assert sizes[0] == 50 and sum(sizes) == len(truth["customer_groups"]) == 55
    segments = client.get("/v2/customers/segments").json()["segments"]
    assert all(row["id"].startswith(truth["merchant_id"] + ".") for row in segments)
    group = truth["customer_groups"][3]
    assert client.get(f"/v2/customers/groups/{group['id']}").json()["group"]["name"] == group["name"]
    assert code_of(client.get("/v2/customers/segments/nobody")) == (404, "NOT_FOUND")


def test_custom_attributes_of_other_applications_are_not_returned(client: httpx.Client, truth: Row) -> None:
    definitions = client.get("/v2/customers/custom-attribute-definitions").json()["custom_attribute_definitions"]
    assert {row["key"] for row in definitions} == {
        "allergies",
        "spend_limit",
        "house_account",
        "seating",
        "anniversary",
    }
    one, two = truth["customers"][0]["id"], truth["customers"][1]["id"]
    held = client.get(f"/v2/customers/{one}/custom-attributes", params={"with_definitions": "true"}).json()
    values = {row["key"]: row["value"] for row in held["custom_attributes"]}
    assert values == truth["customers"][0]["attributes"] and values["spend_limit"] == "250.50"
    assert all(row["definition"]["key"] == row["key"] for row in held["custom_attributes"])
    single = client.get(f"/v2/customers/{two}/custom-attributes/spend_limit").json()["custom_attribute"]
    assert single["value"] == 99 and "definition" not in single
    assert code_of(client.get(f"/v2/customers/{one}/custom-attributes/sq0idp-otherapp:score"))[0] == 404


def test_cards_on_file_come_in_twenty_fives_and_hide_disabled_ones(client: httpx.Client, truth: Row) -> None:
    enabled = pages(client, "/v2/cards", "cards")
    both = pages(client, "/v2/cards", "cards", include_disabled="true")
    assert [len(page) for page in both] == [25, 7] and sum(len(page) for page in enabled) == 27
    assert all(row["enabled"] for page in enabled for row in page)
    owner = next(row["customer"] for row in truth["cards_on_file"])
    [mine] = pages(client, "/v2/cards", "cards", customer_id=owner)
    assert {row["customer_id"] for row in mine} == {owner} and len(mine) == 2
    assert "created_at" not in mine[0]
    newer = client.get(f"/v2/cards/{mine[0]['id']}", headers={"Square-Version": "2026-09-16"}).json()["card"]
    assert newer["created_at"] and code_of(client.get("/v2/cards", params={"limit": 5}))[0] == 400


def test_scopes_guard_the_directory_and_the_cards(client: httpx.Client, sandbox: RunningSandbox) -> None:
    variants = sandbox.pos_app.credentials()["variants"]
    without = {"Authorization": f"Bearer {variants['missing_customers_scope']['access_token']}"}
    for path in ("/v2/customers", "/v2/customers/groups", "/v2/customers/custom-attribute-definitions"):
        assert code_of(client.get(path, headers=without)) == (403, "INSUFFICIENT_SCOPES")
    assert client.get("/v2/cards", headers=without).status_code == 200, "cards go by PAYMENTS_READ"
    client.post("/_control/switches", json={"cards_scope": "CUSTOMERS_READ"})
    assert code_of(client.get("/v2/cards", headers=without)) == (403, "INSUFFICIENT_SCOPES")
    client.post("/_control/switches", json={"cards_scope": "none"})
    assert client.get("/v2/cards", headers=without).status_code == 200


def test_stress_switches_repeat_rows_and_invent_enum_values(client: httpx.Client, truth: Row) -> None:
    client.post("/_control/switches", json={"repeat_rows": True, "unknown_enums": True})
    rows = everyone(client)
    assert len(rows) > len(set(ids(rows))) == truth["people_totals"]["listed_customers"]
    assert any(row["creation_source"].endswith("_NEXT") for row in rows)


def test_a_cursor_of_the_directory_belongs_to_its_question(client: httpx.Client) -> None:
    cursor = client.get("/v2/customers").json()["cursor"]
    other = client.get("/v2/customers", params={"cursor": cursor, "sort_field": "CREATED_AT"})
    assert code_of(other) == (400, "INVALID_CURSOR")
    assert code_of(client.post(SEARCH, json={"cursor": cursor})) == (400, "INVALID_CURSOR")


def test_nothing_of_people_is_null_and_timestamps_vary(client: httpx.Client) -> None:
    def check(node: Any) -> None:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        for value in children:
            assert value is not None and value != []
            check(value)

    rows = everyone(client)
    check(rows)
    assert {0, 3, 6, 9} <= {len(row["updated_at"].partition(".")[2].rstrip("Z")) for row in rows}


def test_the_fault_dial_reaches_people(client: httpx.Client, sandbox: RunningSandbox) -> None:
    faults: Row = {
        "lying_cap": {"mode": "cut", "cap": 40},
        "stale_cursor": {},
        "drop_field": {"path": "customers[].id"},
    }
    for kind, parameters in faults.items():
        fault = {"kind": kind, "match": "^/v2/customers", "times": 2, **parameters}
        client.post("/_control/faults", json=fault).raise_for_status()
        first = client.get("/v2/customers")
        if kind == "lying_cap":
            assert len(first.json()["customers"]) == 40 and "cursor" not in first.json()
        elif kind == "stale_cursor":
            later = client.get("/v2/customers", params={"cursor": first.json()["cursor"]})
            assert code_of(later) == (400, "INVALID_CURSOR")
        else:
            assert not any("id" in row for row in first.json()["customers"])
        client.delete("/_control/faults").raise_for_status()
