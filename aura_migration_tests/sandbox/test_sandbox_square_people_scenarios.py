"""The people of every scenario: the same by seed, complete, in Square's shapes; and crowds that are never held whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, build, serve
from aura_migration.sandbox.square.app import SquareApp
from aura_migration.sandbox.square.people.truth import PeopleTruth, people_truth

CROWD = 400
Row = dict[str, Any]


def app(scenario: str, seed: int = 1, **options: Any) -> SquareApp:
    found = build("square", scenario, seed, **options)
    assert isinstance(found, SquareApp)
    return found


def known(found: SquareApp) -> Row:
    """The truth about people, and the places they are at; what the menu is does not matter here."""
    locations = [{"id": place} for place in found.world.locations]
    return {"locations": locations, **people_truth(found.world.people, found.tokens.secrets())}


@cache
def truth(scenario: str, seed: int = 1) -> Row:
    return known(app(scenario, seed, **({"customers": CROWD} if scenario == "crowd" else {})))


@pytest.fixture(scope="module")
def crowd() -> Iterator[RunningSandbox]:
    with serve("square", "crowd", 1, now="2026-10-01T09:00:00Z", customers=CROWD) as running:
        yield running


@pytest.fixture(scope="module")
def client(crowd: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=crowd.base_url) as http:
        http.headers["Authorization"] = f"Bearer {crowd.pos_app.credentials()['default']['access_token']}"
        yield http


def walk(client: httpx.Client, path: str, key: str, body: bool = False, **asked: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        send = {**asked, **({"cursor": cursor} if cursor else {})}
        answer = client.post(path, json=send) if body else client.get(path, params=send)
        answer.raise_for_status()
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


@pytest.mark.parametrize("scenario", ["cafe", "diner", "chain", "crowd"])
def test_the_same_seed_gives_the_same_people_and_another_seed_others(scenario: str) -> None:
    options = {"customers": CROWD} if scenario == "crowd" else {}
    again = known(app(scenario, 1, **options))
    assert json.dumps(again, sort_keys=True) == json.dumps(truth(scenario), sort_keys=True)
    other = truth(scenario, 2)
    assert not set(other["secrets"]) & set(again["secrets"])
    for part in ("customers", "loyalty_accounts", "gift_cards", "staff", "timecards", "wages"):
        assert not {row["id"] for row in other[part]} & {row["id"] for row in again[part]}


@pytest.mark.parametrize("scenario", ["cafe", "diner", "chain", "crowd"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_seed_makes_people_whose_sums_and_references_hold(scenario: str, seed: int) -> None:
    found = truth(scenario, seed)
    customers = {row["id"] for row in found["customers"]} | {row["id"] for row in found["gone_customers"]}
    accounts = {row["id"]: row for row in found["loyalty_accounts"]}
    assert {row["customer"] for row in accounts.values()} <= customers | {None}
    moved: Counter[str] = Counter()
    for event in found["loyalty_events"]:
        moved[event["account"]] += event["points"]
    assert all(moved[row["id"]] == row["balance"] for row in accounts.values() if row["events_explain_balance"])
    assert {row["account"] for row in found["loyalty_rewards"]} <= accounts.keys()
    tiers = {row["id"] for row in found["loyalty_program"]["tiers"]}
    assert {row["tier"] for row in found["loyalty_rewards"]} <= tiers
    last: dict[str, int] = {}
    for activity in sorted(found["gift_card_activities"], key=lambda row: row["at"]):
        last[activity["card"]] = activity["balance_cents"]
    assert all(last.get(row["id"], 0) == row["cents"] >= 0 for row in found["gift_cards"])
    staff = {row["id"] for row in found["staff"]}
    places = {row["id"] for row in found["locations"]}
    assert {row["team_member"] for row in found["timecards"]} <= staff
    assert {row["location"] for row in found["timecards"]} <= places
    assert {row["location"] for row in found["gift_card_activities"]} <= places
    jobs = {row["id"] for row in found["jobs"]}
    assert {row["job"] for row in found["wages"]} <= jobs and {row["job"] for row in found["timecards"]} <= jobs | {
        None
    }
    totals = found["people_totals"]
    assert totals["loyalty_points"] == sum(row["balance"] for row in accounts.values())
    assert totals["gift_card_cents"] == sum(row["cents"] for row in found["gift_cards"])
    assert totals["declared_tip_cents"] == sum(row["declared_tip_cents"] or 0 for row in found["timecards"])
    assert len(found["consents"]) == len(found["customers"]) == totals["customers"]
    assert len(set(found["secrets"])) == len(found["secrets"]) and "" not in found["personal"]


def test_ids_of_people_look_like_squares() -> None:
    for scenario in ("diner", "crowd"):
        found = truth(scenario)
        shapes = {
            "customers": r"[A-Z0-9]{26}",
            "loyalty_accounts": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "loyalty_events": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "gift_cards": r"gftc:[0-9a-f]{32}",
            "gift_card_activities": r"gcact_[0-9a-f]{32}",
            "staff": r"TM(A-)?[0-9A-Za-z]{14}",
            "timecards": r"[A-Z0-9]{13}",
        }
        for part, shape in shapes.items():
            assert found[part] and all(re.fullmatch(shape, row["id"]) for row in found[part]), part


def test_cafe_and_empty_are_as_small_as_they_say() -> None:
    totals = truth("cafe")["people_totals"]
    assert totals["customers"] == 40 and totals["instant_profiles"] == 2 and totals["negative_accounts"] == 1
    assert totals["open_timecards"] == 1 and totals["gone_customers"] == 3
    nobody = app("empty").truth()
    assert nobody["loyalty_program"] is None and nobody["customers"] == [] and nobody["staff"] == []
    with serve("square", "empty") as sandbox, httpx.Client(base_url=sandbox.base_url) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        assert http.get("/v2/customers", params={"count": "true"}).json() == {"count": 0}
        assert http.get("/v2/gift-cards").json() == {} and http.post("/v2/labor/timecards/search").json() == {}
        program = http.get("/v2/loyalty/programs/main")
        assert program.status_code == 404 and program.json()["errors"][0]["code"] == "NOT_FOUND"


def test_chain_shares_one_directory_and_keeps_staff_by_location() -> None:
    found = truth("chain")
    places = [row["id"] for row in found["locations"]]
    assert len(found["customers"]) == 137 and "location" not in found["customers"][0]
    assert set(found["loyalty_program"]["locations"]) == set(places[:-1]), "one location takes no part"
    used = defaultdict(set)
    for activity in found["gift_card_activities"]:
        used[activity["card"]].add(activity["location"])
    assert max(len(held) for held in used.values()) > 1, "a card is used in more places than one"
    assert {row["location"] for row in found["timecards"]} == set(places)
    assigned = Counter(tuple(row["locations"] or ()) for row in found["staff"])
    assert assigned[()] == 2 and any(len(held) == 2 for held in assigned)
    zones = {row["timezone"] for row in found["timecards"]}
    assert len(zones) == 5


def test_a_crowd_pages_completely_and_agrees_with_its_truth(client: httpx.Client, crowd: RunningSandbox) -> None:
    whole = truth("crowd")
    for sort in ("DEFAULT", "CREATED_AT"):
        rows = walk(client, "/v2/customers", "customers", sort_field=sort)
        assert {row["id"] for row in rows} == {row["id"] for row in whole["customers"] if row["listed"]}
        assert len(rows) == whole["people_totals"]["listed_customers"]
    accounts = walk(client, "/v2/loyalty/accounts/search", "loyalty_accounts", body=True, limit=200)
    assert sum(row["balance"] for row in accounts) == whole["people_totals"]["loyalty_points"]
    assert len(accounts) == whole["people_totals"]["loyalty_accounts"] == CROWD * 3 // 5
    assert any(row["balance"] < 0 for row in accounts)
    cards = walk(client, "/v2/gift-cards", "gift_cards", limit=200)
    assert sum(row["balance_money"]["amount"] for row in cards) == whole["people_totals"]["gift_card_cents"]
    events = walk(client, "/v2/loyalty/events/search", "events", body=True)
    assert len(events) == len({row["id"] for row in events}) == len(whole["loyalty_events"])
    activities = walk(client, "/v2/gift-cards/activities", "gift_card_activities", begin_time="2020-01-01T00:00:00Z")
    assert {row["id"] for row in activities} == {row["id"] for row in whole["gift_card_activities"]}
    rewards = walk(client, "/v2/loyalty/rewards/search", "rewards", body=True)
    assert sum(row["status"] == "ISSUED" for row in rewards) == whole["people_totals"]["open_rewards"]


def test_every_row_of_a_crowd_is_found_by_its_id_and_by_what_it_belongs_to(client: httpx.Client) -> None:
    whole = truth("crowd")
    for account in whole["loyalty_accounts"][:: len(whole["loyalty_accounts"]) // 12]:
        held = client.get(f"/v2/loyalty/accounts/{account['id']}").json()["loyalty_account"]
        assert held["balance"] == account["balance"]
        for query in ({"customer_ids": [account["customer"]]}, {"mappings": [{"phone_number": account["e164"]}]}):
            found = client.post("/v2/loyalty/accounts/search", json={"query": query}).json()["loyalty_accounts"]
            assert [row["id"] for row in found] == [account["id"]]
        mine = {"query": {"filter": {"loyalty_account_filter": {"loyalty_account_id": account["id"]}}}}
        events = client.post("/v2/loyalty/events/search", json=mine).json()["events"]
        assert {row["id"] for row in events} == {
            row["id"] for row in whole["loyalty_events"] if row["account"] == account["id"]
        }
        assert client.get(f"/v2/customers/{account['customer']}").json()["customer"]["id"] == account["customer"]
    for card in whole["gift_cards"][::10]:
        held = client.post("/v2/gift-cards/from-gan", json={"gan": card["gan"]}).json()["gift_card"]
        assert held["id"] == card["id"] == client.get(f"/v2/gift-cards/{card['id']}").json()["gift_card"]["id"]
        for customer in card["customers"]:
            linked = client.get("/v2/gift-cards", params={"customer_id": customer}).json()["gift_cards"]
            assert card["id"] in {row["id"] for row in linked}
    strangers = ["A" * 26, "NOBODY", truth("crowd", 2)["customers"][0]["id"]]
    answers = client.post("/v2/customers/bulk-retrieve", json={"customer_ids": strangers}).json()["responses"]
    assert all(answers[customer]["errors"][0]["code"] == "NOT_FOUND" for customer in strangers)
    other = truth("crowd", 2)["loyalty_accounts"][0]["id"]
    assert client.get(f"/v2/loyalty/accounts/{other}").status_code == 404


def test_a_crowd_can_be_edited_like_any_other_account() -> None:
    found = app("crowd", customers=60)
    start = known(found)
    before = start["people_totals"]
    account = next(row for row in start["loyalty_accounts"] if row["balance"] > 0)
    other = next(row for row in start["loyalty_accounts"] if row["customer"] != account["customer"])
    found.edit({"op": "adjust_points", "account": account["id"], "points": 7})
    [new, *_] = found.edit({"op": "merge_customers", "customers": [account["customer"], other["customer"]]})
    card = next(row for row in start["gift_cards"] if row["state"] == "ACTIVE")
    found.edit({"op": "load_card", "card": card["id"], "cents": 450})
    after = known(found)
    assert after["people_totals"]["loyalty_points"] == before["loyalty_points"] + 7
    assert after["people_totals"]["gift_card_cents"] == before["gift_card_cents"] + 450
    assert after["people_totals"]["customers"] == before["customers"] - 1
    assert {row["id"] for row in after["loyalty_accounts"] if row["customer"] == new} == {account["id"], other["id"]}
    slots = found.world.people.accounts_of(new)
    assert len(slots) == 2 and found.world.people.accounts_of(account["customer"]) == []


def test_a_crowd_has_the_dirt_of_a_real_directory() -> None:
    rows = [row for row in truth("crowd")["customers"] if row["listed"]]
    mails = Counter(row["email"] for row in rows if row["email"])
    assert any(count > 1 for count in mails.values()), "households share an address"
    assert any(row["email"] is None for row in rows) and any(row["phone"] is None for row in rows)
    assert any(str(row["birthday"]).startswith("0000-") for row in rows)
    styles = {re.sub(r"\d", "9", row["phone"]) for row in rows if row["phone"]}
    assert styles == {"+99999999999", "(999) 999-9999", "999.999.9999", "9-999-999-9999"}
    assert any(not row["given_name"].isascii() for row in rows)
    assert truth("crowd")["people_totals"]["instant_profiles"] > 0


def test_parts_of_the_truth_stream_as_lines(client: httpx.Client) -> None:
    head = client.get("/_control/people").json()
    assert head["totals"] == truth("crowd")["people_totals"] and "customers" in head["parts"]
    with client.stream("GET", "/_control/people/loyalty_accounts") as answer:
        rows = [json.loads(line) for line in answer.iter_lines()]
    assert rows == truth("crowd")["loyalty_accounts"]
    assert "there are: " in client.get("/_control/people/shoes").json()["error"]


def test_memory_stays_flat_however_many_customers_there_are() -> None:
    def peak(customers: int) -> int:
        tracemalloc.start()
        told = PeopleTruth(app("crowd", customers=customers).world.people)
        for rows in (told.customers, told.loyalty_accounts, told.gift_cards):
            for number, _row in enumerate(rows()):
                if number == 100:
                    break
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    small, large = peak(200), peak(8_000)
    assert large - small < 400_000, f"{(large - small) / 7_800:.0f} bytes a customer"


def test_the_command_serves_a_crowd_of_the_size_asked_for() -> None:
    command = [sys.executable, "-m", "aura_migration.sandbox", "--pos", "square", "--scenario", "crowd"]
    process = subprocess.Popen([*command, "--customers", "50"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())["square"]
        assert httpx.get(told["control_url"] + "/people").json()["totals"]["customers"] == 50
    finally:
        process.terminate()
        process.communicate(timeout=120)


def test_a_crowd_has_its_limits_and_other_scenarios_no_such_option() -> None:
    with pytest.raises(ValueError, match="between 1 and 200,000"):
        app("crowd", customers=200_001)
    with pytest.raises(ValueError, match="no option 'customers'"):
        app("cafe", customers=5)
    assert len(app("crowd").world.people.customers) == 20_000
    alone = app("crowd", customers=1).truth()
    assert len(alone["customers"]) == 1 and alone["gift_cards"] == []
