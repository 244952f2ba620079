"""People edits of the Square sandbox: what moves with a merge, what a deletion leaves, and that the truth follows."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import serve

Row = dict[str, Any]


class Counter:
    """A cafe whose people change over HTTP."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def refused(self, **op: Any) -> str:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 400
        error: str = answer.json()["error"]
        return error

    def truth(self) -> Row:
        found: Row = self.http.get("/_control/truth").json()
        return found

    def rows(self, part: str) -> list[Row]:
        found: list[Row] = self.truth()[part]
        return found

    def customer(self, customer_id: str) -> Row | None:
        answer = self.http.get(f"/v2/customers/{customer_id}")
        found: Row | None = answer.json().get("customer")
        return found

    def search(self, **filters: Any) -> list[Row]:
        answer = self.http.post("/v2/customers/search", json={"query": {"filter": filters}})
        answer.raise_for_status()
        found: list[Row] = answer.json().get("customers", [])
        return found

    def switch(self, **values: Any) -> None:
        self.http.post("/_control/switches", json=values).raise_for_status()


@pytest.fixture(scope="module")
def no_tls() -> ssl.SSLContext:
    """Made once: making one takes longer than a whole test, and nothing here is encrypted."""
    return ssl.create_default_context()


@pytest.fixture
def counter(no_tls: ssl.SSLContext) -> Iterator[Counter]:
    with (
        serve("square", "cafe", 1) as sandbox,
        httpx.Client(base_url=sandbox.base_url, verify=no_tls) as http,
    ):
        http.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield Counter(http)


def test_a_new_customer_is_found_by_list_search_and_truth(counter: Counter) -> None:
    before = counter.truth()["people_totals"]["customers"]
    [new] = counter.edit(op="add_customer", given_name="Nora", email="nora@example.com", phone="(218) 555-0134")
    [found] = counter.search(email_address={"exact": "nora@example.com"})
    assert found["id"] == new and len(new) == 26 and "preferences" not in found
    row = next(row for row in counter.rows("customers") if row["id"] == new)
    assert row["e164"] == "+12185550134" and counter.truth()["people_totals"]["customers"] == before + 1


def test_an_edited_customer_moves_its_version_and_time_and_leaves_the_old_value_personal(counter: Counter) -> None:
    row = next(row for row in counter.rows("customers") if row["email"] and row["phone"])
    begin = counter.http.get("/_control/clock").json()["now"]
    assert counter.edit(op="edit_customer", customer=row["id"], email="new@example.com", unsubscribed=True) == [
        row["id"]
    ]
    [found] = counter.search(updated_at={"start_at": begin})
    assert found["email_address"] == "new@example.com" and found["version"] == row["version"] + 1
    assert found["preferences"]["email_unsubscribed"] is True
    truth = counter.truth()
    assert row["email"] in truth["personal"] and "new@example.com" in truth["personal"]
    assert next(held for held in truth["consents"] if held["customer"] == row["id"])["answer"] == "no"


def test_a_merge_makes_a_new_id_and_takes_everything_along(counter: Counter) -> None:
    truth = counter.truth()
    owned = {row["customer"]: row for row in truth["loyalty_accounts"]}
    with_card = next(row["customers"][0] for row in truth["gift_cards"] if row["customers"])
    on_file = truth["cards_on_file"][0]["customer"]
    other = next(customer for customer in owned if customer not in (with_card, on_file))
    counter.edit(op="edit_customer", customer=other, unsubscribed=True)
    old = list(dict.fromkeys([with_card, on_file, other]))
    changed = counter.edit(op="merge_customers", customers=old)
    new = changed[0]
    assert new not in old and all(counter.customer(customer) is None for customer in old)
    merged = counter.customer(new)
    assert merged is not None and merged["creation_source"] == "MERGE"
    assert merged["preferences"]["email_unsubscribed"] is True, "the strictest answer"
    after = counter.truth()
    assert {row["id"]: row["into"] for row in after["gone_customers"]}.items() >= dict.fromkeys(old, new).items()
    assert {row["id"] for row in after["loyalty_accounts"] if row["customer"] == new} == {
        owned[customer]["id"] for customer in old if customer in owned
    }
    assert any(new in row["customers"] for row in after["gift_cards"])
    assert after["cards_on_file"][0]["customer"] == new
    for name in ("loyalty_points", "gift_card_cents", "open_reward_points"):
        assert after["people_totals"][name] == truth["people_totals"][name], "a merge moves nothing that is owed"


def test_by_switch_loyalty_accounts_keep_the_id_of_a_merged_profile(counter: Counter) -> None:
    counter.switch(merge_moves_loyalty=False)
    first, second = [row["customer"] for row in counter.rows("loyalty_accounts")[:2]]
    counter.edit(op="merge_customers", customers=[first, second])
    assert {first, second} <= {row["customer"] for row in counter.rows("loyalty_accounts")}
    assert "needs at least two" in counter.refused(op="merge_customers", customers=[first])


def test_a_deleted_customer_is_gone_and_what_is_owed_stays(counter: Counter) -> None:
    truth = counter.truth()
    linked = {customer for row in truth["gift_cards"] for customer in row["customers"]}
    customer = next(row["customer"] for row in truth["loyalty_accounts"] if row["customer"] in linked)
    profile = next(row for row in truth["customers"] if row["id"] == customer)
    counter.edit(op="delete_customer", customer=customer)
    after = counter.truth()
    assert counter.customer(customer) is None and customer not in {row["id"] for row in after["customers"]}
    assert {"id": customer, "into": None}.items() <= after["gone_customers"][-1].items()
    assert customer in {row["customer"] for row in after["loyalty_accounts"]}
    assert not any(customer in row["customers"] for row in after["gift_cards"])
    assert after["people_totals"]["loyalty_points"] == truth["people_totals"]["loyalty_points"]
    assert (profile["email"] or profile["phone"]) in after["personal"], "and must be nowhere"
    assert "there is no customer" in counter.refused(op="delete_customer", customer=customer)


def test_adjusted_points_move_balance_deadlines_and_ledger_together(counter: Counter) -> None:
    row = next(row for row in counter.rows("loyalty_accounts") if row["deadlines"])
    account, event = counter.edit(op="adjust_points", account=row["id"], points=-5, reason="Correction")
    held = counter.http.get(f"/v2/loyalty/accounts/{account}").json()["loyalty_account"]
    assert held["balance"] == row["balance"] - 5 and held["lifetime_points"] == row["lifetime_points"]
    assert sum(part["points"] for part in held["expiring_point_deadlines"]) == held["balance"]
    newest = counter.http.post("/v2/loyalty/events/search", json={"limit": 1}).json()["events"][0]
    assert newest["id"] == event and newest["adjust_points"]["points"] == -5
    counter.edit(op="adjust_points", customer=row["customer"], points=-10_000)
    held = counter.http.get(f"/v2/loyalty/accounts/{account}").json()["loyalty_account"]
    assert held["balance"] == row["balance"] - 10_005 and "expiring_point_deadlines" not in held
    assert '"points" must be' in counter.refused(op="adjust_points", account=row["id"], points=0)


def test_a_card_is_loaded_and_redeemed_by_id_or_number_and_never_overdrawn(counter: Counter) -> None:
    card = next(row for row in counter.rows("gift_cards") if row["state"] == "ACTIVE" and row["cents"] > 500)
    card_id, loaded = counter.edit(op="load_card", card=card["gan"], cents=700)
    counter.edit(op="redeem_card", card=card_id, cents=300)
    _, pending = counter.edit(op="redeem_card", card=card_id, cents=200, status="PENDING")
    held = counter.http.get(f"/v2/gift-cards/{card_id}").json()["gift_card"]
    assert held["balance_money"]["amount"] == card["cents"] + 400, "what is pending has not been taken"
    newest = counter.http.get("/v2/gift-cards/activities", params={"gift_card_id": card_id}).json()
    rows = newest["gift_card_activities"][:3]
    assert [row["id"] for row in rows[::2]] == [pending, loaded]
    assert [row["gift_card_balance_money"]["amount"] for row in rows] == [card["cents"] + 400] * 2 + [
        card["cents"] + 700
    ]
    assert "holds" in counter.refused(op="redeem_card", card=card_id, cents=10**6)
    blocked = next(row for row in counter.rows("gift_cards") if row["state"] == "BLOCKED")
    assert "BLOCKED" in counter.refused(op="load_card", card=blocked["id"], cents=100)


def test_somebody_is_hired_and_somebody_clocks_out(counter: Counter) -> None:
    truth = counter.truth()
    job, place = truth["jobs"][0]["id"], truth["locations"][0]["id"]
    [new] = counter.edit(op="hire", given_name="Nils", family_name="Nygård", job=job, hourly_cents=1625, location=place)
    wages = counter.http.get("/v2/labor/team-member-wages", params={"team_member_id": new}).json()["team_member_wages"]
    assert [row["hourly_rate"]["amount"] for row in wages] == [1625] and new.startswith("TM")
    assert new in {row["id"] for row in counter.rows("staff")}
    opened = next(row for row in truth["timecards"] if row["status"] == "OPEN")
    counter.http.post("/_control/clock", json={"now": "2026-09-30T20:15:30Z"}).raise_for_status()
    assert counter.edit(op="clock_out", team_member=opened["team_member"], tip_cents=1234) == [opened["id"]]
    held = counter.http.get(f"/v2/labor/timecards/{opened['id']}").json()["timecard"]
    assert held["end_at"] == "2026-09-30T15:15:00-05:00" and held["status"] == "CLOSED" and held["version"] == 2
    assert held["declared_cash_tip_money"]["amount"] == 1234
    assert counter.truth()["people_totals"]["open_timecards"] == 0
    assert "one open timecard" in counter.refused(op="clock_out", timecard=opened["id"])


def test_search_shows_changes_with_the_delay_it_is_switched_to(counter: Counter) -> None:
    counter.switch(customer_delay_seconds=60.0)
    row = next(row for row in counter.rows("customers") if row["email"])
    [new] = counter.edit(op="add_customer", given_name="Late")
    counter.edit(op="edit_customer", customer=row["id"], email="changed@example.com")
    assert counter.search(email_address={"exact": "changed@example.com"}) == []
    assert [held["id"] for held in counter.search(email_address={"exact": row["email"]})] == [row["id"]]
    listed = counter.http.get("/v2/customers", params={"count": "true", "sort_field": "CREATED_AT"}).json()
    assert new not in {held["id"] for held in listed["customers"]} and listed["count"] == len(listed["customers"])
    by_id = counter.customer(new)
    assert by_id is not None and by_id["given_name"] == "Late", "by id everything is there at once"
    counter.switch(customer_delay_seconds=0.0)
    assert [held["id"] for held in counter.search(email_address={"exact": "changed@example.com"})] == [row["id"]]


def test_people_edits_move_nothing_of_the_menu_and_menu_edits_still_work(counter: Counter) -> None:
    def latest() -> str:
        found: str = counter.http.post("/v2/catalog/search", json={"limit": 1}).json()["latest_time"]
        return found

    before, item = latest(), counter.rows("items")[0]
    counter.edit(op="add_customer", given_name="Quiet")
    assert latest() == before
    counter.edit(op="rename", item=item["id"], name="Louder")
    assert latest() != before
    error = counter.refused(op="fly")
    assert "rename" in error and "merge_customers" in error
    assert "does not know 'shoe_size'" in counter.refused(op="add_customer", shoe_size="44")
