"""Toast's witness of the history against the sandbox's own books, and against answers written by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.database.connections import connect
from aura_migration.pos.order_facts import CashFact, DayRule, HistoryFact, OrderFact, PaymentFact, RefundFact
from aura_migration.pos.toast.orders_witness import facts
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.orders_witness_support import NOW, Answer, Answered, of, record
from aura_migration_tests.support import database as support

BULK = "/orders/v2/ordersBulk"
RULE = DayRule("America/New_York")
Row = dict[str, Any]


def said(*answers: tuple[str, str, Any], rule: DayRule = RULE) -> list[HistoryFact]:
    reader: Any = Answered(*answers)
    return list(facts(reader, "here", "USD", rule))


# Fetching, without the connector


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def orders(http: httpx.Client, since: datetime) -> Iterator[Answer]:
    """All orders by windows of the modified date."""
    while since < datetime(2026, 12, 1, tzinfo=UTC):
        end = since + timedelta(days=31)
        params: Row = {"startDate": stamp(since), "endDate": stamp(end), "pageSize": 100, "page": 1}
        while True:
            answer = http.get(BULK, params=params)
            assert answer.status_code == 200, answer.text
            yield Answer("orders", BULK, answer.content, params=params)
            if "next" not in answer.links:
                break
            params = {**params, "page": params["page"] + 1}
        since = end


def history(http: httpx.Client, days: list[str]) -> Iterator[Answer]:
    """Everything there is of a location's history."""
    config = http.get("/config/v2/alternatePaymentTypes")
    assert config.status_code == 200, config.text
    yield Answer("config", "/config/v2/alternatePaymentTypes", config.content)
    yield from orders(http, datetime(2026, 5, 1, tzinfo=UTC))
    yield from orders(http, datetime(2026, 8, 20, tzinfo=UTC))  # read again: everything of the last weeks comes twice
    for day in days:
        params = {"businessDate": day.replace("-", "")}
        for entity, path in (("cash_entries", "/cashmgmt/v1/entries"), ("cash_deposits", "/cashmgmt/v1/deposits")):
            answer = http.get(path, params=params)
            assert answer.status_code == 200, answer.text
            yield Answer(entity, path, answer.content, params=params)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("toast", "diner", 1, now=NOW, history=True, orders=500, months=3, limits="off") as running:
        yield running


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, timeout=60) as opened:
        given = sandbox.pos_app.credentials()["variants"]["standard"]
        login = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        answer = opened.post(
            "/authentication/v1/authentication/login", json={**login, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        opened.headers["Authorization"] = "Bearer " + answer.json()["token"]["accessToken"]
        opened.headers["Toast-Restaurant-External-ID"] = next(iter(sandbox.pos_app.world.places))
        yield opened


@pytest.fixture(scope="module")
def told(http: httpx.Client) -> dict[str, list[Row]]:
    """The sandbox's own knowledge by part, of orders that this test reads."""
    here = http.headers["Toast-Restaurant-External-ID"]
    found: dict[str, list[Row]] = {}
    for part in ("daily", "orders", "payments", "refunds", "cash_entries", "deposits"):
        lines = http.get(f"/_control/orders/{part}").text.splitlines()
        found[part] = [row for line in lines if (row := json.loads(line))["location"] == here]
    return found


@pytest.fixture(scope="module")
def recorded(
    http: httpx.Client, told: dict[str, list[Row]], databases: support.Pool, tmp_path_factory: pytest.TempPathFactory
) -> SnapshotReader:
    days = sorted({row["business_date"] for part in ("cash_entries", "deposits") for row in told[part]})
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        return record(connection, tmp_path_factory.mktemp("history"), "toast", "here", history(http, days))


@pytest.fixture(scope="module")
def heard(recorded: SnapshotReader) -> list[HistoryFact]:
    return list(facts(recorded, "here", "USD", RULE))


# Against the sandbox's books


def percents(tax: Row) -> str | None:
    rate = tax["rate"]
    return None if rate is None else format((Decimal(str(rate)) * 100).normalize(), "f")


def test_every_check_says_what_the_sandbox_knows(heard: list[HistoryFact], told: dict[str, list[Row]]) -> None:
    checks = of(heard, OrderFact)
    compared = 0
    for order in told["orders"]:
        for row in order["checks"]:
            if row["deleted"] or order["deleted"]:
                assert row["id"] not in checks
                continue
            if row["id"] not in checks:
                assert order["modified_at"] < "2026-05", order
                continue
            fact = checks.pop(row["id"])
            compared += 1
            assert fact.business_date == order["business_date"]
            assert fact.problems == (), (fact, order)
            assert fact.final == row["total_cents"] + row["gratuity_cents"], (fact, row)
            assert fact.tax == row["tax_cents"] and fact.lines == len(row["lines"])
            assert sum(fact.charges.values()) == sum(charge["cents"] for charge in row["charges"])
            assert fact.charges.get("auto_gratuity", 0) == row["gratuity_cents"]
            assert fact.tip == sum(one["tip_cents"] for one in row["payments"] if one["counts"])
            lines = [line for line in row["lines"] if not line["voided"]]
            if order["voided"] or row["voided"]:
                assert fact.state == "voided"
                continue
            assert fact.state == ("open" if order["future"] else "counts") or order["open"], (fact, order)
            shown = [*row["discounts"], *(one for line in lines for one in line["discounts"])]
            assert fact.discount == sum(one["cents"] for one in shown)
            rung = fact.gross + sum(fact.non_sale.values()) - fact.discount + sum(fact.charges.values())
            assert fact.final == rung + fact.tax - fact.included_tax, (fact, row)
            taxes: defaultdict[str, Decimal] = defaultdict(Decimal)
            for line in lines:
                for tax in line["taxes"]:
                    taxes[tax["name"]] += Decimal(tax["cents"])
            for charge in row["charges"]:
                for tax in charge["taxes"]:
                    taxes[tax["name"]] += Decimal(tax["cents"])
            told_by_name: Counter[str] = Counter()
            for name, cents in fact.taxes.items():
                told_by_name[next(known for known in taxes if name.startswith(known))] += cents
            assert told_by_name == {name: round(cents) for name, cents in taxes.items() if round(cents)}, (fact, row)
    assert compared > 500 and not checks


def test_each_day_comes_to_what_the_books_say(heard: list[HistoryFact], told: dict[str, list[Row]]) -> None:
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for fact in heard:
        if not isinstance(fact, OrderFact | PaymentFact | RefundFact) or fact.state == "voided" or fact.state == "void":
            continue
        day = days[fact.business_date]
        if isinstance(fact, PaymentFact):
            day["payment_cents"] += fact.amount
            day["payment_tip_cents"] += fact.tip
            day["fee_cents"] += fact.fee or 0
        elif isinstance(fact, RefundFact):
            day["refunds"] += 1
            day["refund_cents"] += fact.amount - (fact.tip or 0)
            day["refund_tip_cents"] += fact.tip or 0
            day["refund_tax_cents"] += fact.tax or 0
        elif fact.state == "counts":
            day["checks"] += 1
            charges = Counter(fact.charges)
            day["gratuity_cents"] += charges.pop("auto_gratuity", 0)
            day["fundraising_cents"] += charges.pop("fundraising", 0)
            day["charge_cents"] += sum(charges.values())
            if "non_revenue" not in fact.non_sale:
                day["net_cents"] += fact.gross - fact.included_tax - fact.discount + sum(charges.values())
                day["deferred_cents"] += fact.non_sale.get("gift_card_load", 0)
                day["house_balance_cents"] += fact.non_sale.get("house_account_payment", 0)
                day["tip_cents"] += fact.tip
            else:
                day["checks"] -= 1
            day["tax_cents"] += fact.tax
    compared = 0
    opened = {order["business_date"] for order in told["orders"] if order["open"] and not order["future"]}
    for row in told["daily"]:
        if not row["business_date"] >= "2026-07-15" or row["business_date"] in opened:
            continue
        day = days.pop(row["business_date"], Counter())
        names = "checks net_cents tax_cents gratuity_cents fundraising_cents charge_cents deferred_cents tip_cents "
        names += "house_balance_cents payment_cents payment_tip_cents fee_cents "
        names += "refunds refund_cents refund_tip_cents refund_tax_cents"
        assert {name: day[name] for name in names.split()} == {name: row[name] for name in names.split()}, row
        compared += 1
    assert compared > 50


def test_payments_refunds_and_cash_are_those_the_sandbox_knows(
    heard: list[HistoryFact], told: dict[str, list[Row]]
) -> None:
    payments, refunds = of(heard, PaymentFact), of(heard, RefundFact)
    gone = {row["id"] for order in told["orders"] for row in order["checks"] if row["deleted"] or order["deleted"]}
    here = {fact.order_key for fact in payments.values()}
    rows = {row["id"]: row for row in told["payments"] if row["check"] in here}
    assert set(payments) == set(rows)
    words: dict[str, set[str]] = defaultdict(set)
    for key, fact in payments.items():
        row = rows[key]
        assert (fact.amount, fact.tip, fact.business_date) == (row["cents"], row["tip_cents"], row["business_date"])
        assert (fact.state != "void") == row["counts"], (fact, row)
        assert (fact.fee or 0) == (row["fee_cents"] or 0)
        words[row["type"]].add(fact.tender)
    assert words["CASH"] == {"Cash"} and words["CREDIT"] == {"Card"} and words["HOUSE_ACCOUNT"] == {"House account"}
    assert words["GIFTCARD"] == {"Gift card"} and words["OTHER"] and "Unknown" not in words["OTHER"]
    assert {
        (fact.payment_key, fact.business_date, fact.amount, fact.tip, fact.tax or 0) for fact in refunds.values()
    } == {
        (row["payment"], row["business_date"], row["cents"] + row["tip_cents"], row["tip_cents"], row["tax_cents"])
        for row in told["refunds"]
        if row["payment"] in rows and rows[row["payment"]]["check"] not in gone
    }
    cash = [fact for fact in heard if isinstance(fact, CashFact)]
    assert {(fact.key, fact.business_date, fact.amount) for fact in cash if fact.kind == "cash_events"} == {
        (row["id"], row["business_date"], row["cents"]) for row in told["cash_entries"]
    }
    assert {(fact.key, fact.business_date, fact.amount) for fact in cash if fact.kind == "deposits"} == {
        (row["id"], row["business_date"], -abs(row["cents"]) if row["undoes"] else row["cents"])
        for row in told["deposits"]
    }
