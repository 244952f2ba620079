"""A year of Clover orders by number, edits of sales, and the merchant's own daily reports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.clover.app import CloverApp
from aura_migration.sandbox.clover.orders.ledger import Ledger
from aura_migration.sandbox.clover.orders.resources import book_of
from aura_migration.sandbox.core.server import build, serve

QUIET = {"limits": "off", "latency_seconds": 0.0}
HOUR, DAY = 3_600_000, 86_400_000
Row = dict[str, Any]


class Site:
    """A running sandbox with one merchant."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client
        document = client.get("/_control/credentials").json()["default"]
        self.merchant: str = document["merchant_id"]
        client.headers["authorization"] = f"Bearer {document['access_token']}"

    def get(self, path: str, *params: tuple[str, Any], **more: Any) -> httpx.Response:
        return self.http.get(f"/v3/merchants/{self.merchant}/{path}", params=[*params, *more.items()])

    def truth(self) -> Row:
        found: Row = self.http.get("/_control/truth").json()
        return found

    def part(self, name: str) -> list[Row]:
        return [json.loads(line) for line in self.http.get(f"/_control/orders/{name}").text.splitlines()]

    def day(self, date: str) -> Row:
        return next(
            row
            for row in self.part("daily")
            if (row["date"], row["closeout_hour"], row["basis"]) == (date, 0, "created")
        )

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed


@pytest.fixture
def cafe() -> Iterator[Site]:
    with (
        serve("clover", "cafe", now="2026-10-01T15:00:00Z", switches=QUIET) as running,
        httpx.Client(base_url=running.base_url, timeout=60) as client,
    ):
        yield Site(client)


def test_a_million_orders_are_there_without_being_held() -> None:
    with (
        serve("clover", "year", now="2026-10-01T09:00:00Z", orders=1_000_000, switches=QUIET) as running,
        httpx.Client(base_url=running.base_url, timeout=60) as client,
    ):
        site = Site(client)
        low = 1_775_000_000_000
        window = (("filter", f"createdTime>={low}"), ("filter", f"createdTime<{low + 4 * HOUR}"))
        rows = site.get("orders", *window, orderBy="createdTime ASC", limit=1000, expand="lineItems").json()["elements"]
        assert len(rows) > 300
        assert all(low <= row["createdTime"] < low + 4 * HOUR for row in rows)
        order = rows[len(rows) // 2]
        assert site.get(f"orders/{order['id']}", expand="lineItems").json() == order
        paid = site.get("payments", *window, limit=1000).json()["elements"]
        assert len(paid) > 250
        assert site.get(f"payments/{paid[7]['id']}").json() == paid[7]
        assert site.get("orders/0000000000000").status_code == 404
        lines = [
            len(row["lineItems"]["elements"]) for row in rows if "lineItems" in row and not row["manualTransaction"]
        ]
        assert 3.5 < sum(lines) / len(lines) < 5


def test_the_same_seed_gives_the_same_orders_and_another_seed_others() -> None:
    def orders(seed: int) -> list[Row]:
        app = build("clover", "year", seed, orders=300)
        assert isinstance(app, CloverApp)
        return list(app.world.first.ledger.orders()) if app.world.first.ledger is not None else []

    first, again, other = orders(1), orders(1), orders(2)
    assert first == again
    assert not {row["id"] for row in first} & {row["id"] for row in other}


def test_every_location_of_a_chain_has_sales_of_its_own() -> None:
    app = build("clover", "chain", locations=3)
    told = app.truth()
    ids = [row["id"] for merchant in app.world.merchants.values() for row in merchant.ledger.orders()]
    assert len(ids) == len(set(ids)) == 3 * 60
    assert {row["location"] for row in told["daily"]} == set(app.world.merchants)
    first, second = (book_of(merchant) for merchant in list(app.world.merchants.values())[:2])
    assert second.find_order(first.order(5).id) is None


def test_prices_that_include_vat_make_orders_that_do() -> None:
    app = build("clover", "year", orders=200, vat=True)
    rows = list(app.world.first.ledger.orders())
    assert all(row["tax_included"] for row in rows)
    sold = next(row for row in rows if row["tax"] and not row["service_charge"] and not row["order_fees"])
    assert sold["total"] == sold["gross"] + sold["discounts"] + sold["non_revenue"]
    assert not any(row["tax_included"] for row in build("clover", "year", orders=5).world.first.ledger.orders())


def test_sums_follow_every_edit_as_if_made_anew() -> None:
    app = build("clover", "cafe", now="2026-10-01T15:00:00Z")
    app.truth()
    item = app.truth()["items"][0]["id"]
    order, payment = app.edit(
        {"op": "add_order", "lines": [{"item": item, "quantity": 3}], "tender": "cash", "tip": 100}
    )
    book = book_of(app.world.first)
    line = book.order(len(book) - 1).lines[0].id
    old = next(
        one for one in book if one.payments and one.payments[0].counts and len(one.lines) > 2 and not one.refunds()
    )
    app.edit({"op": "tip_adjust", "payment": payment, "cents": 275})
    app.edit({"op": "refund", "order": order, "lines": [line]})
    app.edit({"op": "refund", "order": old.id, "cents": 150})
    app.edit({"op": "void", "payment": old.payments[0].id})
    app.edit({"op": "pay", "order": old.id, "tender": "check"})
    [open_order] = app.edit({"op": "add_order", "lines": [{"name": "Off the books", "cents": 999}]})
    app.edit({"op": "delete_order", "order": open_order})
    app.edit({"op": "credit", "cents": 400, "reason": "Cold coffee"})
    app.edit({"op": "touchless_order", "order": order, "line": line, "cents": 1})
    watched = app.world.first.ledger
    fresh = Ledger(book)
    assert by_day(watched) == by_day(fresh)
    assert {name: count for name, count in watched.counts.items() if count} == fresh.counts


def by_day(ledger: Ledger) -> list[Row]:
    """Days with their lists in one order; who was first depends on when the sums were made."""
    return [
        {**row, "tenders": sorted(row["tenders"], key=str), "tax_by_rate": sorted(row["tax_by_rate"], key=str)}
        for row in ledger.daily()
    ]


def test_an_order_is_opened_paid_tipped_and_given_back_over_the_control_surface(cafe: Site) -> None:
    before = cafe.truth()["order_totals"][0]["orders"]
    muffin = next(row["id"] for row in cafe.truth()["items"] if row["name"] == "Banana Bread")
    [order] = cafe.edit(op="add_order", lines=[{"item": muffin, "quantity": 2}], title="77")
    shown = cafe.get(f"orders/{order}").json()
    assert (shown["paymentState"], shown["state"], shown["total"]) == ("OPEN", "open", 748)
    assert cafe.get("orders", limit=1).json()["elements"][0]["id"] == order
    [_, payment] = cafe.edit(op="pay", order=order, tender="cash", tip=50)
    assert cafe.get(f"orders/{order}").json()["paymentState"] == "PAID"
    assert cafe.day("2026-10-01")["collected"] == 798
    cafe.edit(op="tip_adjust", payment=payment, cents=150)
    line = cafe.get(f"orders/{order}/line_items").json()["elements"][0]["id"]
    [_, refund] = cafe.edit(op="refund", order=order, lines=[line])
    assert cafe.get(f"refunds/{refund}").json()["amount"] == 374
    told = cafe.day("2026-10-01")
    assert (told["gross"], told["refunds"], told["net"]) == (700, -350, 350)
    assert (told["tips"], told["collected"], told["orders"]) == (150, 748 + 150 - 374, 1)
    assert cafe.truth()["order_totals"][0]["orders"] == before + 1
    stamp = cafe.get(f"orders/{order}").json()["modifiedTime"]
    cafe.edit(op="touchless_order", order=order, note="nobody saw this")
    assert (cafe.get(f"orders/{order}").json()["note"], cafe.get(f"orders/{order}").json()["modifiedTime"]) == (
        "nobody saw this",
        stamp,
    )
    refused = cafe.http.post("/_control/edit", json={"op": "delete_order", "order": order})
    assert refused.status_code == 400
    assert "void its payments first" in refused.json()["error"]
    cafe.edit(op="void", payment=payment)
    assert cafe.get(f"payments/{payment}").json()["result"] == "VOIDED"


def cents(text: str) -> int:
    value = int(text.strip("()").replace("$", "").replace(",", "").replace(".", "").replace("-", ""))
    return -value if text.startswith(("(", "-")) else value


def test_the_daily_report_agrees_with_the_truth_but_for_the_one_that_must_not(cafe: Site) -> None:
    listed = {row["name"]: row for row in cafe.http.get("/_control/exports").json()["reports"]}
    assert {name for name, row in listed.items() if row["kind"] == "daily_report"} == {
        "daily-sales.csv",
        "daily-taxes.csv",
        "daily-tenders.csv",
        "daily-sales-differs.csv",
    }

    def table(name: str) -> list[Row]:
        return list(csv.DictReader(io.StringIO(cafe.http.get(f"/_control/exports/{name}").text)))

    days = [row for row in cafe.part("daily") if row["closeout_hour"] == 0 and row["basis"] == "created"]
    *rows, total = table("daily-sales.csv")
    assert [(row["Date"], cents(row["Net Sales"]), cents(row["Tax"])) for row in rows] == [
        (day["date"], day["net"], day["tax"]) for day in days
    ]
    assert cents(total["Amount Collected"]) == sum(day["collected"] for day in days)
    *taxes, _ = table("daily-taxes.csv")
    assert sum(cents(row["Tax Collected"]) for row in taxes) == sum(day["tax_paid"] for day in days)
    *wrong, _ = table("daily-sales-differs.csv")
    different = [(cents(one["Gross Sales"]) - cents(two["Gross Sales"])) for one, two in zip(rows, wrong, strict=True)]
    assert sorted(filter(None, different)) == [1700]
    assert listed["daily-sales-differs.csv"]["sound"] is False
    problems = [row for row in cafe.part("reports") if row.get("problem") == "differs"]
    assert len(problems) == 1
