"""Clover's witness of the history against the sandbox's own books, and against answers written by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.database.connections import connect
from aura_migration.pos.clover.orders_witness import facts
from aura_migration.pos.order_facts import CashFact, DayRule, HistoryFact, OrderFact, PaymentFact, RefundFact
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.orders_witness_support import NOW, TAKEN, Answer, Answered, of, record
from aura_migration_tests.support import database as support

DAY = 86_400_000
OLDEST = int(TAKEN.timestamp() * 1000) - 7 * 80 * DAY
FULL = "lineItems.modifications,lineItems.discounts,lineItems.taxRates,discounts,serviceCharge,orderType"
DENVER = DayRule("America/Denver", basis="created")
Row = dict[str, Any]


def said(*answers: tuple[str, str, Any], rule: DayRule = DENVER) -> list[HistoryFact]:
    reader: Any = Answered(*answers)
    return list(facts(reader, "here", "USD", rule))


# Fetching, without the connector


def pages(http: httpx.Client, entity: str, path: str, **params: Any) -> Iterator[Answer]:
    """All pages of a list."""
    offset = 0
    while True:
        answer = http.get(path, params={**params, "limit": 1000, "offset": offset})
        assert answer.status_code == 200, answer.text
        yield Answer(entity, f"{http.base_url.path}{path}", answer.content, params=params)
        rows = len(answer.json()["elements"])
        offset += rows
        if rows < 1000:
            return


def windows(http: httpx.Client, entity: str, path: str, **params: Any) -> Iterator[Answer]:
    """A year and a bit in windows that Clover does not cut; neighbours overlap by a day."""
    end = int(TAKEN.timestamp() * 1000)
    for back in range(6, -1, -1):
        low = end - (back + 1) * 80 * DAY
        window = [f"createdTime>={low}", f"createdTime<{low + 81 * DAY}"]
        yield from pages(http, entity, path, filter=window, orderBy="createdTime ASC", **params)


def history(http: httpx.Client) -> Iterator[Answer]:
    """Everything there is of a merchant's history."""
    yield from pages(http, "order_types", "order_types")
    yield from pages(http, "tenders", "tenders")
    for page in windows(http, "orders", "orders", expand=FULL):
        yield page
        for order in json.loads(page.body)["elements"]:
            if len((order.get("lineItems") or {}).get("elements") or ()) >= 100:
                yield from pages(
                    http, "orders", f"orders/{order['id']}/line_items", expand="taxRates,modifications,discounts"
                )
    yield from windows(http, "payments", "payments", expand="tender,cardTransaction")
    yield from windows(http, "refunds", "refunds")
    yield from pages(http, "credits", "credits")
    yield from pages(http, "cash_events", "cash_events")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    switches = {"limits": "off", "latency_seconds": 0.0}
    with serve("clover", "diner", 1, now=NOW, switches=switches) as running:
        yield running


@pytest.fixture(scope="module")
def merchant(sandbox: RunningSandbox) -> Row:
    found: Row = sandbox.pos_app.truth()["locations"][0]
    return found


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    found = sandbox.pos_app.credentials()["default"]
    base = f"{sandbox.base_url}/v3/merchants/{found['merchant_id']}/"
    with httpx.Client(base_url=base, timeout=60) as opened:
        opened.headers["Authorization"] = f"Bearer {found['access_token']}"
        yield opened


@pytest.fixture(scope="module")
def told(http: httpx.Client, sandbox: RunningSandbox, merchant: Row) -> dict[str, list[Row]]:
    """The sandbox's own knowledge by part."""
    found: dict[str, list[Row]] = {}
    for part in ("daily", "orders", "payments", "refunds", "credits", "cash_events"):
        lines = http.get(f"{sandbox.base_url}/_control/orders/{part}").text.splitlines()
        found[part] = [row for line in lines if (row := json.loads(line))["location"] == merchant["id"]]
    return found


@pytest.fixture(scope="module")
def recorded(http: httpx.Client, databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> SnapshotReader:
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        return record(connection, tmp_path_factory.mktemp("history"), "clover", "here", history(http))


@pytest.fixture(scope="module")
def heard(recorded: SnapshotReader, merchant: Row) -> list[HistoryFact]:
    return list(facts(recorded, merchant["id"], "USD", DayRule(merchant["timezone"], basis="created")))


# Against the sandbox's books


def test_every_order_says_what_the_sandbox_knows(heard: list[HistoryFact], told: dict[str, list[Row]]) -> None:
    orders = of(heard, OrderFact)
    known = {row["id"]: row for row in told["orders"] if row["listed"] and row["created"] >= OLDEST}
    assert set(orders) == set(known)
    problems: Counter[tuple[str, ...]] = Counter()
    for key, fact in orders.items():
        row = known[key]
        problems.update([fact.problems] if fact.problems else [])
        assert fact.final == row["total"] or "total_stated_wrong" in row["kinds"], (fact, row)
        charges = Counter(fact.charges)
        assert charges.pop("delivery", 0) == row["delivery_fees"]
        assert sum(charges.values()) == row["order_fees"] + row["service_charge"], (fact, row)
        if row["gross"] or row["lines"]:
            assert fact.gross == row["gross"], (fact, row)
            assert fact.tax == row["tax"], (fact, row)
            assert sum(fact.taxes.values()) == fact.tax
        assert fact.included_tax == (fact.tax if row["tax_included"] else 0)
        rung = fact.gross + sum(fact.non_sale.values()) - fact.discount + sum(fact.charges.values())
        assert row["total"] == rung + fact.tax - fact.included_tax, (fact, row)
    assert problems == {("payments_do_not_cover",): 1, ("total_does_not_add_up",): 1}, "cash rounding; a wrong total"


@pytest.mark.parametrize("basis", ["created", "paid"])
def test_each_day_comes_to_what_the_books_say(
    basis: Any, recorded: SnapshotReader, told: dict[str, list[Row]], merchant: Row
) -> None:
    hour = max(row["closeout_hour"] for row in told["daily"])
    rule = DayRule(merchant["timezone"], timedelta(hours=hour), basis)
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    paid_orders = {row["order"] for row in told["payments"] if row["counts"]}
    tests = {row["id"] for row in told["orders"] if row["test"]}
    wrong = {row["id"] for row in told["orders"] if "total_stated_wrong" in row["kinds"]}
    for fact in facts(recorded, merchant["id"], "USD", rule):
        if not isinstance(fact, OrderFact | PaymentFact | RefundFact) or fact.state in ("void", "voided"):
            continue
        day = days[fact.business_date]
        if isinstance(fact, OrderFact):
            if fact.key not in paid_orders or fact.key in tests:
                continue
            assert fact.state == "counts", fact
            day["orders"] += 1
            charges = Counter(fact.charges)
            day["delivery_fees"] += charges.pop("delivery", 0)
            day["auto_gratuity"] += charges["auto_gratuity"]
            day["charges"] += sum(charges.values())
            day["tax_liability"] += sum(fact.taxes.values()) if fact.lines else 0
            day["tax_included"] += fact.included_tax
            day["gross"] += fact.gross - fact.discount + sum(fact.non_sale.values())
            day["wrong"] += fact.key in wrong
        elif fact.state == "counts" and fact.order_key not in tests:
            if isinstance(fact, PaymentFact):
                day["payments"] += 1
                day["payments_cents"] += fact.amount
                day["tips_paid"] += fact.tip
            else:
                is_refund = fact.payment_key is not None
                day["refunds_cents" if is_refund else "credits_cents"] += fact.amount
                day["refunded_tax" if is_refund else "credited_tax"] += fact.tax or 0
    compared = 0
    hidden = {row["date"] for row in told["orders"] if not row["listed"]}
    for row in told["daily"]:
        if (row["basis"], row["closeout_hour"]) != (basis, hour) or row["date"] < "2025-09-01" or row["date"] in hidden:
            continue
        day = days[row["date"]]
        names = "orders payments payments_cents tips_paid delivery_fees auto_gratuity tax_liability tax_included "
        names += "refunds_cents refunded_tax credits_cents credited_tax"
        assert {name: day[name] for name in names.split()} == {name: row[name] for name in names.split()}, row
        assert day["charges"] == row["order_fees"] + row["service_charge"], row
        compared += 1
    assert compared > 300


def test_payments_refunds_and_the_cash_log_are_those_the_sandbox_knows(
    heard: list[HistoryFact], told: dict[str, list[Row]]
) -> None:
    payments = of(heard, PaymentFact)
    known = {row["id"]: row for row in told["payments"] if row["at"] >= OLDEST}
    assert set(payments) == set(known)
    for key, fact in payments.items():
        row = known[key]
        assert (fact.order_key, fact.amount, fact.tip) == (row["order"], row["cents"], row["tip"])
        assert (fact.state == "counts") == (row["counts"] or row["test"]), (fact, row)
    assert {"Cash", "Card", "Gift card"} < {fact.tender for fact in payments.values()}
    refunds = of(heard, RefundFact)
    given = {row["id"]: row for part in ("refunds", "credits") for row in told[part] if row["at"] >= OLDEST}
    assert set(refunds) == set(given)
    tests = {row["id"] for row in told["orders"] if row["test"]}
    for key, back in refunds.items():
        row = given[key]
        assert (back.order_key, back.payment_key) == (row["order"], row.get("payment"))
        assert (back.amount, back.tax, back.tip or 0) == (row["cents"], row["tax"], row.get("tip", 0))
        assert (back.state == "counts") == (row["counts"] or row["order"] in tests), (back, row)
    cash = [fact.amount for fact in heard if isinstance(fact, CashFact)]
    assert sorted(cash) == sorted(row["cents"] for row in told["cash_events"])
