"""Square payments, refunds, payouts, drawers and disputes over real HTTP: levels that must agree, defaults, windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-01T09:00:00Z"
EVER = {"begin_time": "2020-01-01T00:00:00Z"}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def chain() -> Iterator[RunningSandbox]:
    with serve("square", "chain", 1, now=NOW, locations=4) as running:
        yield running


def opened(sandbox: RunningSandbox, variant: str = "access_token") -> httpx.Client:
    client = httpx.Client(base_url=sandbox.base_url, timeout=60)
    token = sandbox.pos_app.credentials()["variants"][variant]["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with opened(sandbox) as client:
        yield client


@pytest.fixture
def client(http: httpx.Client, sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    before = dict(sandbox.pos_app.switches)
    yield http
    sandbox.pos_app.switches.update(before)


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Row:
    return sandbox.pos_app.truth()


@pytest.fixture(scope="module")
def payments(http: httpx.Client) -> list[Row]:
    return listed(http, "/v2/payments", "payments", **EVER)


def listed(client: httpx.Client, path: str, key: str, **query: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def cents(row: Row, name: str) -> int:
    return int(row[name]["amount"]) if name in row else 0


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def noted(truth: Row, note: str) -> str:
    return str(next(row["order"] for row in truth["notes"] if row["note"] == note))


def test_payments_are_the_tenders_of_their_orders_without_the_tip(
    client: httpx.Client, payments: list[Row], truth: Row
) -> None:
    by_id = {row["id"]: row for row in payments}
    assert len(by_id) == len(payments)
    assert set(by_id) == {row["id"] for row in truth["payments"]}
    ids = list({row["order_id"] for row in payments})
    compared = 0
    for start in range(0, 1000, 100):
        answer = client.post("/v2/orders/batch-retrieve", json={"order_ids": ids[start : start + 100]})
        for order in answer.json()["orders"]:
            for tender in order.get("tenders", []):
                payment = by_id[tender["payment_id"]]
                assert payment["order_id"] == order["id"]
                assert cents(tender, "amount_money") == cents(payment, "total_money")
                assert cents(payment, "amount_money") + cents(payment, "tip_money") == cents(payment, "total_money")
                compared += 1
    assert compared > 900


def test_payments_default_to_the_main_location_and_the_last_year_and_refunds_to_all_locations(
    client: httpx.Client, payments: list[Row], chain: RunningSandbox
) -> None:
    recent = listed(client, "/v2/payments", "payments")
    assert {row["id"] for row in payments} - {row["id"] for row in recent} == {
        row["id"] for row in payments if row["created_at"] < "2025-10-01T09:00:00"
    }
    assert len(recent) < len(payments)
    with opened(chain) as other:
        main = chain.pos_app.world.merchant.main_location_id
        assert {row["location_id"] for row in listed(other, "/v2/payments", "payments")} == {main}
        assert len({row["location_id"] for row in listed(other, "/v2/refunds", "refunds")}) == 4


def test_too_large_a_limit_is_ignored_and_a_window_the_wrong_way_round_refused(client: httpx.Client) -> None:
    assert len(client.get("/v2/payments", params={"limit": 5000}).json()["payments"]) == 100
    backwards = {"begin_time": "2026-09-02T00:00:00Z", "end_time": "2026-09-01T00:00:00Z"}
    assert code_of(client.get("/v2/payments", params=backwards)) == (400, "INVALID_TIME_RANGE")


def test_what_moved_since_is_found_by_updated_at(client: httpx.Client, payments: list[Row]) -> None:
    query = {**EVER, "updated_at_begin_time": "2026-09-01T00:00:00Z", "sort_field": "UPDATED_AT", "sort_order": "ASC"}
    found = listed(client, "/v2/payments", "payments", **query)
    assert {row["id"] for row in found} == {row["id"] for row in payments if row["updated_at"] >= "2026-09-01T00:00:00"}
    stamps = [row["updated_at"][:19] for row in found]
    assert stamps == sorted(stamps)


def test_fees_are_there_two_hours_later_and_never_for_cash(
    client: httpx.Client, payments: list[Row], truth: Row
) -> None:
    for row in payments:
        if row["source_type"] in ("CASH", "EXTERNAL") or row["status"] != "COMPLETED":
            assert "processing_fee" not in row
    held = noted(truth, "fee still to come")
    payment = next(row for row in payments if row["order_id"] == held)
    assert "processing_fee" not in payment
    changed = client.post("/_control/edit", json={"op": "late_fee", "order": held}).json()["changed"]
    found = client.get(f"/v2/payments/{changed[0]}").json()["payment"]
    assert cents(found["processing_fee"][0], "amount_money") > 0
    assert found["updated_at"] == payment["updated_at"]
    newest = max(payments, key=lambda row: str(row["created_at"]))
    client.post("/_control/clock", json={"now": newest["created_at"][:19] + "Z"})
    early = client.get(f"/v2/payments/{newest['id']}").json()["payment"]
    client.post("/_control/clock", json={"now": NOW})
    assert "processing_fee" not in early


def test_a_tip_adjusted_the_next_day_has_a_second_fee(client: httpx.Client, payments: list[Row], truth: Row) -> None:
    held = noted(truth, "tip adjusted the next day")
    payment = next(row for row in payments if row["order_id"] == held)
    assert [row["type"] for row in payment["processing_fee"]] == ["INITIAL", "ADJUSTMENT"]


def test_refunds_name_payment_and_return_order_and_sum_up_on_the_payment(
    client: httpx.Client, payments: list[Row], truth: Row
) -> None:
    refunds = listed(client, "/v2/refunds", "refunds", **EVER)
    assert {row["id"] for row in refunds} == {row["id"] for row in truth["refunds"]}
    given: Counter[str] = Counter()
    for row in refunds:
        if "payment_id" not in row:
            assert row["unlinked"] is True
            continue
        assert row["id"].startswith(row["payment_id"] + "_")
        if row["status"] == "COMPLETED":
            given[row["payment_id"]] += cents(row, "amount_money")
    for payment in payments:
        assert cents(payment, "refunded_money") == given[payment["id"]] <= cents(payment, "total_money")
    back = client.get(f"/v2/orders/{refunds[0]['order_id']}").json()["order"]
    assert refunds[0]["id"] in {row["id"] for row in back["refunds"]}
    assert client.get(f"/v2/refunds/{refunds[0]['id']}").json() == {"refund": refunds[0]}
    assert {row["status"] for row in refunds} == {"COMPLETED", "PENDING", "REJECTED", "FAILED"}


def test_entries_of_a_batch_sum_up_to_the_payout_and_fees_to_those_of_the_payments(
    client: httpx.Client, payments: list[Row], truth: Row
) -> None:
    fees = {row["id"]: sum(cents(fee, "amount_money") for fee in row.get("processing_fee", [])) for row in payments}
    payouts = listed(client, "/v2/payouts", "payouts", **EVER)
    assert {row["id"] for row in payouts} == {row["id"] for row in truth["payouts"]}
    charged: Counter[str] = Counter()
    kinds: set[str] = set()
    for payout in payouts:
        entries = listed(client, f"/v2/payouts/{payout['id']}/payout-entries", "payout_entries")
        if payout["type"] == "SIMPLE":
            assert entries == []
            continue
        assert sum(cents(row, "net_amount_money") for row in entries) == cents(payout, "amount_money") != 0
        for row in entries:
            kinds.add(row["type"])
            net = cents(row, "gross_amount_money") - cents(row, "fee_amount_money")
            assert cents(row, "net_amount_money") == net
            if row["type"] == "CHARGE":
                charged[row["type_charge_details"]["payment_id"]] += cents(row, "fee_amount_money")
    late = next(row["id"] for row in payments if row["order_id"] == noted(truth, "fee still to come"))
    assert {payment: fee for payment, fee in charged.items() if payment != late} == {
        payment: fees[payment] for payment in charged if payment != late
    }
    assert {"CHARGE", "REFUND", "SQUARE_CAPITAL_PAYMENT", "DISPUTE", "MONEY_TRANSFER"} <= kinds
    assert {row["status"] for row in payouts} == {"PAID", "SENT", "FAILED"}
    assert min(cents(row, "amount_money") for row in payouts) < 0


def test_a_location_on_gross_settlement_gets_its_fees_as_entries_of_their_own(chain: RunningSandbox) -> None:
    place = list(chain.pos_app.world.locations)[2]
    with opened(chain) as client:
        paid = {row["id"]: row for row in listed(client, "/v2/payments", "payments", location_id=place)}
        entries: list[Row] = []
        for payout in listed(client, "/v2/payouts", "payouts", location_id=place):
            entries += listed(client, f"/v2/payouts/{payout['id']}/payout-entries", "payout_entries")
    charges = [row for row in entries if row["type"] == "CHARGE"]
    assert charges
    assert all(cents(row, "fee_amount_money") == 0 for row in charges)
    settled = [paid[row["type_charge_details"]["payment_id"]] for row in charges]
    fees = sum(cents(fee, "amount_money") for row in settled for fee in row["processing_fee"])
    assert sum(cents(row, "net_amount_money") for row in entries if row["type"] == "PROCESSING_FEE") == -fees


def test_a_drawer_expects_what_its_events_say(client: httpx.Client, truth: Row) -> None:
    place = truth["locations"][0]["id"]
    shifts = listed(client, "/v2/cash-drawers/shifts", "cash_drawer_shifts", location_id=place)
    assert {row["id"] for row in shifts} == {row["id"] for row in truth["cash_drawers"]}
    assert {row["state"] for row in shifts} == {"OPEN", "ENDED", "CLOSED"}
    sign = {"CASH_TENDER_PAYMENT": 1, "CASH_TENDER_REFUND": -1, "PAID_IN": 1, "PAID_OUT": -1}
    for shift in shifts[-25:]:
        path = f"/v2/cash-drawers/shifts/{shift['id']}"
        events = listed(client, f"{path}/events", "cash_drawer_shift_events", location_id=place)
        moved = sum(sign.get(row["event_type"], 0) * cents(row, "event_money") for row in events)
        assert cents(shift, "expected_cash_money") == cents(shift, "opened_cash_money") + moved
        assert min(cents(row, "event_money") for row in events) >= 0
    whole = client.get(f"/v2/cash-drawers/shifts/{shifts[-1]['id']}", params={"location_id": place}).json()
    assert "cash_payment_money" in whole["cash_drawer_shift"]
    assert code_of(client.get("/v2/cash-drawers/shifts")) == (400, "MISSING_REQUIRED_PARAMETER")
    first = client.get("/v2/cash-drawers/shifts", params={"location_id": place, "end_time": shifts[5]["opened_at"]})
    assert len(first.json()["cash_drawer_shifts"]) == 5


def test_disputes_name_their_payment_and_are_filtered_by_state(client: httpx.Client, truth: Row) -> None:
    lost = client.get("/v2/disputes", params={"states": "LOST"}).json()["disputes"]
    assert [row["state"] for row in lost] == ["LOST"]
    assert lost[0]["disputed_payment"]["payment_id"] in {row["id"] for row in truth["payments"]}
    assert code_of(client.get("/v2/disputes", params={"states": "ANGRY"})) == (400, "INVALID_ENUM_VALUE")


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("payments", "/v2/payments"),
        ("payments", "/v2/refunds"),
        ("payouts", "/v2/payouts"),
        ("cash_drawer", "/v2/cash-drawers/shifts?location_id=main"),
        ("disputes", "/v2/disputes"),
    ],
)
def test_each_area_needs_its_own_right(sandbox: RunningSandbox, scope: str, path: str) -> None:
    with opened(sandbox, f"missing_{scope}_scope") as client:
        assert code_of(client.get(path)) == (403, "INSUFFICIENT_SCOPES")


def test_card_data_is_among_the_secrets_and_recipients_are_personal(payments: list[Row], truth: Row) -> None:
    prints = {row["card_details"]["card"]["fingerprint"] for row in payments if "card_details" in row}
    assert prints <= set(truth["secrets"])
    assert "Wilhelmina Featherstonehaugh" in truth["personal"]
