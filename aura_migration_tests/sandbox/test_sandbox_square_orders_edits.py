"""Square orders that change while they are read: edits, the truth that follows, books by day, reports, a whole year."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

SEARCH = "/v2/orders/search"
NOW = "2026-10-01T09:00:00Z"
Row = dict[str, Any]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 1, now=NOW) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with opened(sandbox) as client:
        yield client


def opened(sandbox: RunningSandbox) -> httpx.Client:
    client = httpx.Client(base_url=sandbox.base_url, timeout=60)
    client.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
    return client


def edit(client: httpx.Client, op: str, **fields: Any) -> list[str]:
    answer = client.post("/_control/edit", json={"op": op, **fields})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["changed"])


def order(client: httpx.Client, order_id: str) -> Row:
    return dict(client.get(f"/v2/orders/{order_id}").json()["order"])


def search(client: httpx.Client, sandbox: RunningSandbox, **body: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        held = {"location_ids": [sandbox.pos_app.world.merchant.main_location_id], **body}
        answer = client.post(SEARCH, json={**held, **({"cursor": cursor} if cursor else {})}).json()
        rows += answer.get("orders", [])
        cursor = answer.get("cursor")
        if not cursor:
            return rows


def cents(row: Row, name: str) -> int:
    return int(row[name]["amount"]) if name in row else 0


def booked(rows: list[Row], zone: str, shift: int) -> dict[str, Counter[str]]:
    """Sales by closed date from wire orders alone."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row["state"] != "COMPLETED":
            continue
        head, _, fraction = row["closed_at"].rstrip("Z").partition(".")
        local = datetime.fromisoformat(f"{head}+00:00").astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        day = found.setdefault((local - timedelta(hours=shift)).date().isoformat(), Counter())
        lines = row.get("line_items", [])
        day["gross"] += sum(cents(line, "gross_sales_money") for line in lines if line["item_type"] != "GIFT_CARD")
        for name in ("tax", "discount", "tip"):
            day[name] += cents(row, f"total_{name}_money")
        day["orders"] += bool(lines)
        day["returned"] += cents(row.get("return_amounts", {}), "total_money")
        assert len(fraction) in (0, 2, 3, 9)
    return found


@pytest.mark.parametrize(("start", "shift"), [("00:00", 0), ("04:00", 4)])
def test_books_by_day_are_the_orders_of_the_day(
    client: httpx.Client, sandbox: RunningSandbox, start: str, shift: int
) -> None:
    zone = next(iter(sandbox.pos_app.world.locations.values())).timezone
    found = booked(search(client, sandbox), zone, shift)
    truth = client.get("/_control/truth").json()
    wanted = {row["date"]: row for row in truth["daily"] if (row["basis"], row["start_of_day"]) == ("closed", start)}
    for day, sums in found.items():
        told = wanted[day]
        names = {"gross": "gross", "tax": "tax", "discount": "discounts", "tip": "tips", "orders": "orders"}
        assert {name: sums[name] for name in names} == {name: told[key] for name, key in names.items()}
        assert sums["returned"] == told["returned_total"]
        assert sum(told["tax_by_rate"].values()) == told["tax"]


def test_books_follow_every_edit_as_if_made_anew(client: httpx.Client, sandbox: RunningSandbox) -> None:
    client.get("/_control/truth")
    sale = edit(client, "add_order", tip_cents=200)[0]
    edit(client, "tip_adjust", order=sale, cents=350)
    edit(client, "refund", order=sale, cents=100)
    returned = {row["source_order"] for row in client.get("/_control/truth").json()["refunds"]}
    rows = search(client, sandbox, limit=1000)
    ordinary = next(row["id"] for row in rows if row.get("tenders") and row["id"] not in returned)
    edit(client, "void", order=ordinary)
    gone = edit(client, "add_order")[0]
    edit(client, "delete_order", order=gone)
    edit(client, "touchless_order", order=sale, ticket="T99")
    followed = client.get("/_control/truth").json()["daily"]
    ledger = sandbox.pos_app.order_truth.ledger  # type: ignore[attr-defined]
    ledger.complete = False
    assert followed == client.get("/_control/truth").json()["daily"]


def test_an_order_is_opened_paid_tipped_refunded_and_told_so(client: httpx.Client) -> None:
    sale = edit(client, "add_order", open=True, items=[{"quantity": "2"}])[0]
    held = order(client, sale)
    assert (held["state"], held["version"]) == ("OPEN", 1)
    assert held["net_amount_due_money"] == held["total_money"]
    edit(client, "pay", order=sale, tender="CARD", tip_cents=300)
    paid = order(client, sale)
    assert (paid["state"], cents(paid, "total_tip_money")) == ("COMPLETED", 300)
    assert paid["updated_at"] > held["updated_at"]
    edit(client, "tip_adjust", order=sale, cents=450)
    tipped = order(client, sale)
    assert cents(tipped, "total_money") == cents(paid, "total_money") + 150
    payment = client.get(f"/v2/payments/{tipped['tenders'][0]['payment_id']}").json()["payment"]
    assert cents(payment, "tip_money") == 450
    back, _, refund = edit(client, "refund", order=sale)
    assert cents(order(client, back)["return_amounts"], "total_money") == cents(tipped, "total_money")
    assert client.get(f"/v2/refunds/{refund}").json()["refund"]["order_id"] == back
    again = client.post("/_control/edit", json={"op": "refund", "order": sale, "cents": 1})
    assert again.status_code == 400
    row = next(held for held in client.get("/_control/truth").json()["orders"] if held["id"] == sale)
    assert row["tips"] == 450


def test_a_touchless_change_moves_no_stamp_and_no_version(client: httpx.Client, sandbox: RunningSandbox) -> None:
    tipped = next(row for row in search(client, sandbox) if cents(row, "total_tip_money") and not row.get("returns"))
    before = client.get(f"/v2/payments/{tipped['tenders'][0]['id']}").json()["payment"]
    edit(client, "touchless_order", order=tipped["id"], cents=12345)
    after = order(client, tipped["id"])
    assert cents(after, "total_tip_money") == 12345
    assert {name: after.get(name) for name in ("updated_at", "closed_at", "version")} == {
        name: tipped.get(name) for name in ("updated_at", "closed_at", "version")
    }
    payment = client.get(f"/v2/payments/{before['id']}").json()["payment"]
    assert payment["updated_at"] == before["updated_at"]
    assert after in search(client, sandbox)


def test_an_offline_order_comes_late_with_an_old_stamp(client: httpx.Client, sandbox: RunningSandbox) -> None:
    sale = edit(client, "add_order", offline_hours=70)[0]
    held = order(client, sale)
    assert held["created_at"] < "2026-09-28T12" < NOW <= held["updated_at"]
    window = {"start_at": "2026-10-01T08:59:00Z"}
    query = {"filter": {"date_time_filter": {"updated_at": window}}, "sort": {"sort_field": "UPDATED_AT"}}
    client.post("/_control/clock", json={"now": "2026-10-01T10:00:00Z"})
    assert [row["id"] for row in search(client, sandbox, query=query)] == [sale]
    payment = client.get(f"/v2/payments/{held['tenders'][0]['id']}").json()["payment"]
    assert payment["is_offline_payment"] is True


def test_a_deleted_order_is_gone_and_counted_as_gone(client: httpx.Client, sandbox: RunningSandbox) -> None:
    rows = search(client, sandbox)
    sold = next(row for row in rows if row["state"] == "CANCELED")
    edit(client, "delete_order", order=sold["id"])
    assert client.get(f"/v2/orders/{sold['id']}").status_code == 404
    assert [row["id"] for row in search(client, sandbox)] == [row["id"] for row in rows if row["id"] != sold["id"]]
    assert client.get("/_control/truth").json()["gone_orders"] == [{"id": sold["id"]}]


def test_new_orders_are_listed_with_a_delay_but_found_by_id(client: httpx.Client, sandbox: RunningSandbox) -> None:
    client.post("/_control/switches", json={"orders_delay_seconds": 60.0, "payments_delay_seconds": 60.0})
    sale = edit(client, "add_order")[0]
    assert sale not in {row["id"] for row in search(client, sandbox)}
    assert order(client, sale)["id"] == sale
    payments = client.get("/v2/payments").json()["payments"]
    assert sale not in {row["order_id"] for row in payments}
    client.post("/_control/switches", json={"orders_delay_seconds": 0.0, "payments_delay_seconds": 0.0})
    assert sale in {row["id"] for row in search(client, sandbox)}


def test_the_daily_report_agrees_with_the_books_and_one_is_off_by_a_dollar(client: httpx.Client) -> None:
    reports = client.get("/_control/exports").json()["exports"]
    assert {row["kind"] for row in reports} == {"daily_report"}
    truth = {row["name"]: row["days"] for row in client.get("/_control/truth").json()["export_daily_report"]}
    taxes = []
    for report in reports:
        text = client.get(f"/_control/exports/{report['name']}").text
        *days, total = list(csv.DictReader(io.StringIO(text)))
        told = [day["Tax"] for day in days]
        assert len(days) == len(truth[report["name"]]) > 14
        cent = [int(value.replace("$", "").replace(",", "").replace(".", "")) for value in told]
        assert cent == [day["Tax"] for day in truth[report["name"]]]
        assert total["Date"] == "Total"
        taxes.append(sum(cent))
    assert taxes == [taxes[0], taxes[0], taxes[0] + 100]


def test_refunds_of_a_split_check_never_give_back_more_than_a_payment(client: httpx.Client) -> None:
    split = next(
        row
        for row in client.get("/_control/truth").json()["orders"]
        if len(row["tenders"]) == 2 and row["kind"] == "sale" and row["gross"] > 500
    )
    first = split["tenders"][0][2]
    edit(client, "refund", order=split["id"], cents=first - 1)
    edit(client, "refund", order=split["id"], cents=50)
    for payment_id, _, total, _ in split["tenders"]:
        payment = client.get(f"/v2/payments/{payment_id}").json()["payment"]
        assert 0 < cents(payment, "refunded_money") <= total


def test_broken_orders_are_sent_wrong_and_listed(client: httpx.Client) -> None:
    client.post("/_control/switches", json={"broken_orders": True})
    truth = client.get("/_control/truth").json()
    right = {row["id"]: row for row in truth["orders"]}
    assert len(truth["broken_orders"]) == 6
    wrong = order(client, truth["broken_orders"][0]["order"])
    assert cents(wrong, "total_money") == right[wrong["id"]]["total"] + 1


def test_unknown_edits_and_impossible_ones_say_what_is_wrong(client: httpx.Client, sandbox: RunningSandbox) -> None:
    paid = next(row for row in search(client, sandbox) if row.get("tenders"))
    for op, word in (
        ({"op": "pay", "order": paid["id"]}, "not OPEN"),
        ({"op": "refund", "order": "nothing"}, "no order"),
        ({"op": "add_order", "tender": "SHELLS"}, "no tender"),
        ({"op": "tip_adjust", "order": paid["id"], "cents": -1}, "whole number"),
        ({"op": "dance"}, "add_order"),
    ):
        answer = client.post("/_control/edit", json=op)
        assert answer.status_code == 400
        assert word in answer.json()["error"]


def test_a_year_is_streamed_and_complete() -> None:
    with serve("square", "year", 1, now=NOW, orders=1500, months=12) as running, opened(running) as client:
        rows = search(client, running, limit=1000)
        assert len({row["id"] for row in rows}) == len(rows) == 1500
        assert min(row["created_at"] for row in rows) < "2025-10-03"
        daily = [json.loads(line) for line in client.get("/_control/orders/daily").text.splitlines()]
        closed = [row for row in daily if (row["basis"], row["start_of_day"]) == ("closed", "00:00")]
        assert len(closed) >= 300
        assert sum(row["orders"] for row in closed) == sum(
            row["state"] == "COMPLETED" and "line_items" in row for row in rows
        )
        told = client.get("/_control/orders").json()
        assert told["orders"] == 1500
        orders = [json.loads(line)["id"] for line in client.get("/_control/orders/orders").text.splitlines()]
        assert set(orders) == {row["id"] for row in rows}
    with pytest.raises(ValueError, match="between 1 and 1,000,000"):
        serve("square", "year", 1, orders=2_000_000)
