"""Square loyalty and gift cards over real HTTP: balances, ledgers with their signs, states, windows, the program's ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

ACCOUNTS, EVENTS, REWARDS = (f"/v2/loyalty/{name}/search" for name in ("accounts", "events", "rewards"))
PROGRAM, CARDS, ACTIVITIES = "/v2/loyalty/programs/main", "/v2/gift-cards", "/v2/gift-cards/activities"
ADDING = {"ACTIVATE", "LOAD", "ADJUST_INCREMENT", "REFUND", "UNLINKED_ACTIVITY_REFUND", "IMPORT", "TRANSFER_BALANCE_TO"}
TAKING = {"REDEEM", "ADJUST_DECREMENT", "TRANSFER_BALANCE_FROM"}
HISTORY = {"begin_time": "2020-01-01T00:00:00Z"}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1, now="2026-10-01T09:00:00Z") as running:
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


def posted(client: httpx.Client, path: str, key: str, **body: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        answer = client.post(path, json={**body, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def got(client: httpx.Client, path: str, key: str, **query: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def accounts(client: httpx.Client, **query: Any) -> list[Row]:
    body = {"query": query} if query else {}
    return posted(client, ACCOUNTS, "loyalty_accounts", limit=200, **body)


def points_of(event: Row) -> int | None:
    [details] = [value for value in event.values() if isinstance(value, dict)]
    found: int | None = details.get("points")
    return found


# -- loyalty ---------------------------------------------------------------------------------------------------------


def test_balances_are_those_of_the_truth_some_of_them_negative(client: httpx.Client, truth: Row) -> None:
    rows = accounts(client)
    sent = {row["id"]: row for row in rows}
    for row in truth["loyalty_accounts"]:
        held = sent[row["id"]]
        assert (held["balance"], held["lifetime_points"]) == (row["balance"], row["lifetime_points"])
        assert held.get("customer_id") == row["customer"] and held["mapping"]["phone_number"] == row["e164"]
    totals = truth["people_totals"]
    assert sum(row["balance"] for row in rows) == totals["loyalty_points"]
    assert sum(row["balance"] < 0 for row in rows) == totals["negative_accounts"] == 3
    made = [datetime.fromisoformat(row["created_at"][:19]) for row in rows]
    assert made == sorted(made), "oldest first"


def test_expiring_points_sum_to_the_balance_where_they_are_told(client: httpx.Client) -> None:
    told = [row for row in accounts(client) if "expiring_point_deadlines" in row]
    assert len(told) > 50
    for row in told:
        assert sum(part["points"] for part in row["expiring_point_deadlines"]) == row["balance"] > 0


def test_accounts_are_found_by_phone_or_by_customer_at_most_thirty_at_a_time(client: httpx.Client, truth: Row) -> None:
    owned = defaultdict(list)
    for row in truth["loyalty_accounts"]:
        owned[row["customer"]].append(row)
    both = next(rows for customer, rows in owned.items() if customer and len(rows) == 2)
    found = accounts(client, customer_ids=[both[0]["customer"]])
    assert {row["id"] for row in found} == {row["id"] for row in both}
    [one] = accounts(client, mappings=[{"phone_number": both[1]["e164"]}])
    assert one["id"] == both[1]["id"]
    assert client.get(f"/v2/loyalty/accounts/{one['id']}").json()["loyalty_account"] == one
    assert accounts(client, mappings=[{"phone_number": "+12185559999"}]) == []
    many = {"query": {"customer_ids": ["X"] * 31}}
    assert code_of(client.post(ACCOUNTS, json=many)) == (400, "ARRAY_LENGTH_TOO_LONG")
    typed = {"query": {"mappings": [{"phone_number": "218-555-0142"}]}}
    assert code_of(client.post(ACCOUNTS, json=typed)) == (400, "INVALID_PHONE_NUMBER")
    assert code_of(client.post(ACCOUNTS, json={"limit": 201})) == (400, "VALUE_TOO_HIGH")
    assert len(client.post(ACCOUNTS).json()["loyalty_accounts"]) == 30


def test_accounts_outlive_their_customers(truth: Row) -> None:
    there = {row["id"] for row in truth["customers"]}
    gone = {row["id"] for row in truth["gone_customers"]}
    customers = [row["customer"] for row in truth["loyalty_accounts"]]
    assert sum(customer in gone for customer in customers) == 1 and customers.count(None) == 1
    assert all(customer is None or customer in there | gone for customer in customers)


def test_the_ledger_adds_up_to_the_balance_except_where_the_truth_says_not(client: httpx.Client, truth: Row) -> None:
    sums: dict[str, int] = defaultdict(int)
    for event in posted(client, EVENTS, "events"):
        sums[event["loyalty_account_id"]] += points_of(event) or 0
    unexplained = [row for row in truth["loyalty_accounts"] if not row["events_explain_balance"]]
    assert len(unexplained) == 1 and unexplained[0]["balance"] == 260
    for row in truth["loyalty_accounts"]:
        assert (sums[row["id"]] == row["balance"]) == row["events_explain_balance"]


def test_events_have_the_documented_signs_and_the_unconfirmed_ones_are_switches(client: httpx.Client) -> None:
    def signs() -> dict[str, set[int | None]]:
        found: dict[str, set[int | None]] = defaultdict(set)
        for event in posted(client, EVENTS, "events"):
            points = points_of(event)
            found[event["type"]].add(None if points is None else (points > 0) - (points < 0))
        return found

    said = signs()
    assert said["ACCUMULATE_POINTS"] == said["ACCUMULATE_PROMOTION_POINTS"] == {1}
    assert said["CREATE_REWARD"] == {-1} and said["REDEEM_REWARD"] == {None}
    assert said["ADJUST_POINTS"] == said["OTHER"] == {1, -1}
    assert said["DELETE_REWARD"] == {1} and said["EXPIRE_POINTS"] == {-1} and len(said) == 8
    client.post("/_control/switches", json={"delete_reward_points": "negative", "expire_points_points": "positive"})
    said = signs()
    assert said["DELETE_REWARD"] == {-1} and said["EXPIRE_POINTS"] == {1}


def test_events_are_filtered_by_account_type_time_place_and_order(client: httpx.Client, truth: Row) -> None:
    everything = posted(client, EVENTS, "events")
    account = truth["loyalty_accounts"][0]["id"]

    def filtered(**filters: Any) -> list[Row]:
        return posted(client, EVENTS, "events", query={"filter": filters})

    mine = filtered(loyalty_account_filter={"loyalty_account_id": account})
    assert mine == [row for row in everything if row["loyalty_account_id"] == account] and mine
    kinds = filtered(type_filter={"types": ["EXPIRE_POINTS", "OTHER"]})
    assert kinds == [row for row in everything if row["type"] in ("EXPIRE_POINTS", "OTHER")] and kinds
    low, high = mine[-1]["created_at"], mine[0]["created_at"]
    within = filtered(
        loyalty_account_filter={"loyalty_account_id": account},
        date_time_filter={"created_at": {"start_at": low, "end_at": high}},
    )
    assert within == mine[1:], "newest first; the end is not included"
    place = truth["locations"][0]["id"]
    assert len(filtered(location_filter={"location_ids": [place]})) == sum("location_id" in row for row in everything)
    ordered = next(row for row in everything if "order_id" in row.get("accumulate_points", {}))
    order_id = ordered["accumulate_points"]["order_id"]
    assert filtered(order_filter={"order_id": order_id}) == [ordered] and ordered["source"] == "LOYALTY_API"
    assert code_of(client.post(EVENTS, json={"limit": 31})) == (400, "VALUE_TOO_HIGH")


def test_rewards_hold_points_that_left_the_balance(client: httpx.Client, truth: Row) -> None:
    rows = posted(client, REWARDS, "rewards")
    issued = [row for row in rows if row["status"] == "ISSUED"]
    assert {row["status"] for row in rows} == {"ISSUED", "REDEEMED", "DELETED"}
    assert sum(row["points"] for row in issued) == truth["people_totals"]["open_reward_points"]
    assert all(("redeemed_at" in row) == (row["status"] == "REDEEMED") for row in rows)
    account = issued[0]["loyalty_account_id"]
    mine = posted(client, REWARDS, "rewards", query={"loyalty_account_id": account, "status": "ISSUED"})
    assert mine == [row for row in issued if row["loyalty_account_id"] == account]
    assert client.get(f"/v2/loyalty/rewards/{mine[0]['id']}").json()["reward"] == mine[0]
    bare = {"query": {"status": "ISSUED"}}
    assert code_of(client.post(REWARDS, json=bare)) == (400, "MISSING_REQUIRED_PARAMETER")


def test_the_program_tells_its_rules_tiers_expiry_and_words(client: httpx.Client, truth: Row) -> None:
    program = client.get(PROGRAM).json()["program"]
    assert client.get(f"/v2/loyalty/programs/{program['id']}").json()["program"] == program
    assert {rule["accrual_type"] for rule in program["accrual_rules"]} == {"ITEM_VARIATION", "CATEGORY", "SPEND"}
    assert program["terminology"] == {"one": "Star", "other": "Stars ⭐"}
    assert program["expiration_policy"] == {"expiration_duration": "P18M"}
    assert [row["points"] for row in program["reward_tiers"]] == [30, 75, 150, 400]
    assert [row["id"] for row in truth["loyalty_program"]["tiers"]] == [row["id"] for row in program["reward_tiers"]]
    statuses = {row["name"]: row["status"] for row in got(client, f"{PROGRAM}/promotions", "loyalty_promotions")}
    assert set(statuses.values()) == {"ACTIVE", "ENDED", "CANCELED", "SCHEDULED"}
    [running] = got(client, f"{PROGRAM}/promotions", "loyalty_promotions", status="ACTIVE")
    data = running["incentive"]["points_multiplier_data"]
    assert data == {"multiplier": "2.0", "points_multiplier": 2}
    money = {"transaction_amount_money": {"amount": 3000, "currency": "USD"}}
    assert client.post(f"/v2/loyalty/programs/{program['id']}/calculate", json=money).json()["points"] == 3


def test_a_tier_is_read_from_its_pricing_rule_at_its_catalog_version(client: httpx.Client, truth: Row) -> None:
    listed = client.post("/v2/catalog/search", json={"object_types": ["PRICING_RULE"], "limit": 1000}).json()["objects"]
    now: dict[str, str | int] = {}
    for tier in client.get(PROGRAM).json()["program"]["reward_tiers"]:
        reference = tier["pricing_rule_reference"]
        assert isinstance(reference["catalog_version"], str), "an int64 that arrives as text"
        query = {"catalog_version": reference["catalog_version"], "include_related_objects": "true"}
        answer = client.get(f"/v2/catalog/object/{reference['object_id']}", params=query).json()
        by_type = {row["type"]: row for row in answer["related_objects"]}
        assert answer["object"]["type"] == "PRICING_RULE" and set(by_type) == {"DISCOUNT", "PRODUCT_SET"}
        known = next(row for row in truth["loyalty_program"]["tiers"] if row["id"] == tier["id"])
        assert by_type["DISCOUNT"]["discount_data"]["percentage"] + "%" == known["discount"]
        assert reference["object_id"] not in {row["id"] for row in listed}
        today = client.get(f"/v2/catalog/object/{reference['object_id']}", params={"include_related_objects": "true"})
        related = today.json().get("related_objects", [])
        found = next((row["discount_data"]["percentage"] for row in related if row["type"] == "DISCOUNT"), "gone")
        now[tier["name"]] = found if today.status_code == 200 else today.status_code
    assert now == {"Free side": "100", "15% off a burger": "25", "Free burger": 404, "Dinner for two": "50"}
    client.post("/_control/switches", json={"loyalty_rules_listed": True})
    again = client.post("/v2/catalog/search", json={"object_types": ["PRICING_RULE"], "limit": 1000}).json()["objects"]
    assert len(again) == len(listed) + 3, "the deleted one stays off the list"


def test_an_inactive_program_says_so_and_refuses_everything_else(client: httpx.Client) -> None:
    client.post("/_control/switches", json={"loyalty_program": "inactive"})
    assert client.get(PROGRAM).json()["program"]["status"] == "INACTIVE"
    for path in (ACCOUNTS, EVENTS, REWARDS):
        answer = client.post(path)
        assert code_of(answer) == (403, "MERCHANT_SUBSCRIPTION_NOT_FOUND")
        assert answer.json()["errors"][0]["category"] == "MERCHANT_SUBSCRIPTION_ERROR"
    client.post("/_control/switches", json={"subscription_error_status": 400, "inactive_program_readable": False})
    assert code_of(client.get(PROGRAM)) == (400, "MERCHANT_SUBSCRIPTION_NOT_FOUND")


def test_a_seller_without_a_program_gets_not_found_and_empty_searches(client: httpx.Client) -> None:
    client.post("/_control/switches", json={"loyalty_program": "none"})
    assert code_of(client.get(PROGRAM)) == (404, "NOT_FOUND")
    assert client.post(ACCOUNTS).json() == {} and client.get("/v2/loyalty/programs").json() == {}
    client.post("/_control/switches", json={"no_loyalty_program": "subscription"})
    assert code_of(client.get(PROGRAM)) == (403, "MERCHANT_SUBSCRIPTION_NOT_FOUND")


# -- gift cards ------------------------------------------------------------------------------------------------------


def test_cards_have_the_balances_and_states_of_the_truth(client: httpx.Client, truth: Row) -> None:
    rows = got(client, CARDS, "gift_cards", limit=200)
    sent = {row["id"]: row for row in rows}
    for row in truth["gift_cards"]:
        held = sent[row["id"]]
        assert (held["balance_money"]["amount"], held["state"], held["gan"]) == (row["cents"], row["state"], row["gan"])
        assert held.get("customer_ids", []) == row["customers"]
    totals = truth["people_totals"]
    assert sum(row["balance_money"]["amount"] for row in rows) == totals["gift_card_cents"]
    assert set(totals["gift_cards_by_state"]) == {"ACTIVE", "BLOCKED", "DEACTIVATED", "PENDING"}
    assert {row["gan_source"] for row in rows} == {"SQUARE", "OTHER"} and {row["type"] for row in rows} == {
        "PHYSICAL",
        "DIGITAL",
    }
    assert all(row["gan"].isdecimal() and len(row["gan"]) == 16 for row in rows if row["gan_source"] == "SQUARE")


def test_cards_are_narrowed_by_type_state_and_customer(client: httpx.Client, truth: Row) -> None:
    [blocked] = got(client, CARDS, "gift_cards", state="BLOCKED")
    assert blocked["balance_money"]["amount"] == 5000
    physical = got(client, CARDS, "gift_cards", type="PHYSICAL", limit=7)
    assert len(physical) == sum(row["type"] == "PHYSICAL" for row in truth["gift_cards"])
    linked = next(row for row in truth["gift_cards"] if len(row["customers"]) == 2)
    for customer in linked["customers"]:
        assert linked["id"] in {row["id"] for row in got(client, CARDS, "gift_cards", customer_id=customer)}
    assert code_of(client.get(CARDS, params={"customer_id": "NOBODY"})) == (404, "NOT_FOUND")
    assert code_of(client.get(CARDS, params={"state": "LOST"})) == (400, "INVALID_ENUM_VALUE")
    assert code_of(client.get(CARDS, params={"limit": 201})) == (400, "VALUE_TOO_HIGH")
    assert len(client.get(CARDS).json()["gift_cards"]) == 30


def test_a_card_is_found_by_its_number_and_a_wrong_number_is_not_repeated(client: httpx.Client, truth: Row) -> None:
    card = truth["gift_cards"][5]
    found = client.post(f"{CARDS}/from-gan", json={"gan": card["gan"]}).json()["gift_card"]
    assert found == client.get(f"{CARDS}/{card['id']}").json()["gift_card"] and found["id"] == card["id"]
    wrong = client.post(f"{CARDS}/from-gan", json={"gan": "7783399999999999"})
    assert code_of(wrong) == (404, "NOT_FOUND") and "7783399999999999" not in wrong.text
    assert code_of(client.post(f"{CARDS}/from-gan", json={"gan": "9" * 256})) == (400, "VALUE_TOO_LONG")
    assert {row["gan"] for row in truth["gift_cards"]} <= set(truth["secrets"])


def test_the_running_balance_of_every_card_ends_at_its_balance(client: httpx.Client, truth: Row) -> None:
    rows = got(client, ACTIVITIES, "gift_card_activities", sort_order="ASC", limit=100, **HISTORY)
    running: dict[str, int] = defaultdict(int)
    for row in rows:
        details = row[f"{row['type'].lower()}_activity_details"]
        cents, card = details.get("amount_money", {}).get("amount", 0), row["gift_card_id"]
        assert cents >= 0
        if row["type"] in ADDING:
            running[card] += cents
        elif row["type"] in TAKING:
            running[card] -= cents if details.get("status", "COMPLETED") == "COMPLETED" else 0
        elif row["type"] in ("CLEAR_BALANCE", "IMPORT_REVERSAL"):
            running[card] = 0
        assert running[card] == row["gift_card_balance_money"]["amount"]
    assert all(running[row["id"]] == row["cents"] for row in truth["gift_cards"])
    assert len({row["type"] for row in rows}) == 15
    redeemed = [row["redeem_activity_details"]["status"] for row in rows if row["type"] == "REDEEM"]
    assert set(redeemed) == {"COMPLETED", "PENDING", "CANCELED"}


def test_activities_reach_back_one_year_unless_told_otherwise(client: httpx.Client, truth: Row) -> None:
    everything = got(client, ACTIVITIES, "gift_card_activities", **HISTORY)
    recent = got(client, ACTIVITIES, "gift_card_activities")
    assert 0 < len(recent) < len(everything) == len(truth["gift_card_activities"])
    since = {row["id"] for row in truth["gift_card_activities"] if row["at"] >= "2025-10-01T09:00:00.000Z"}
    assert {row["id"] for row in recent} == since
    newest = truth_at = max(truth["gift_card_activities"], key=lambda row: row["at"])
    assert everything[0]["id"] == newest["id"]
    exactly = {"begin_time": truth_at["at"], "end_time": truth_at["at"]}
    assert newest["id"] in {row["id"] for row in got(client, ACTIVITIES, "gift_card_activities", **exactly)}
    card = truth["gift_cards"][0]["id"]
    mine = got(client, ACTIVITIES, "gift_card_activities", gift_card_id=card, type="ACTIVATE", **HISTORY)
    assert len(mine) == 1 and mine[0]["gift_card_id"] == card
    assert code_of(client.get(ACTIVITIES, params={"limit": 101})) == (400, "VALUE_TOO_HIGH")
    upside_down = {"begin_time": "2026-02-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}
    assert code_of(client.get(ACTIVITIES, params=upside_down)) == (400, "INVALID_TIME_RANGE")


def test_a_balance_moved_between_cards_is_on_both_sides(client: httpx.Client, truth: Row) -> None:
    moved = got(client, ACTIVITIES, "gift_card_activities", type="TRANSFER_BALANCE_FROM", **HISTORY)
    taken = got(client, ACTIVITIES, "gift_card_activities", type="TRANSFER_BALANCE_TO", **HISTORY)
    giver, taker = moved[0]["transfer_balance_from_activity_details"], taken[0]["transfer_balance_to_activity_details"]
    assert giver["transfer_to_gift_card_id"] == taken[0]["gift_card_id"]
    assert taker["transfer_from_gift_card_id"] == moved[0]["gift_card_id"]
    assert giver["amount_money"] == taker["amount_money"] and moved[0]["gift_card_balance_money"]["amount"] == 0


def test_scopes_guard_points_and_cards(client: httpx.Client, sandbox: RunningSandbox) -> None:
    variants = sandbox.pos_app.credentials()["variants"]
    for name, paths in (("loyalty", [PROGRAM, f"{PROGRAM}/promotions"]), ("giftcards", [CARDS, ACTIVITIES])):
        without = {"Authorization": f"Bearer {variants[f'missing_{name}_scope']['access_token']}"}
        for path in paths:
            assert code_of(client.get(path, headers=without)) == (403, "INSUFFICIENT_SCOPES")
