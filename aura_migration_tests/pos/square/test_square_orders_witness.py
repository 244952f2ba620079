"""Square's witness of the history against the sandbox's own books, and against answers written by hand."""

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
from aura_migration.pos.order_facts import (
    CashFact,
    DayRule,
    HistoryFact,
    OrderFact,
    PaymentFact,
    PayoutFact,
    RefundFact,
    tax_name,
)
from aura_migration.pos.square.orders_witness import facts
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.orders_witness_support import NOW, Answer, Answered, of, record

HERE = "LAURA00000001"
CHICAGO = DayRule("America/Chicago")
SEARCH = "/v2/orders/search"
SINCE = "2025-01-01T00:00:00Z"
Row = dict[str, Any]


def usd(cents: int, currency: str = "USD") -> Row:
    return {"amount": cents, "currency": currency}


def said(*answers: tuple[str, str, Any], rule: DayRule = CHICAGO, sent: Row | None = None) -> list[HistoryFact]:
    reader: Any = Answered(*answers, sent=sent)
    return list(facts(reader, HERE, "USD", rule))


# Fetching, without the connector


def lists(http: httpx.Client, entity: str, path: str, **params: Any) -> Iterator[Answer]:
    """All pages of a list."""
    while True:
        answer = http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        yield Answer(entity, path, answer.content, params=params)
        params = {**params, "cursor": answer.json().get("cursor")}
        if not params["cursor"]:
            return


def searched(http: httpx.Client, place: str) -> Iterator[Answer]:
    """All orders of a location."""
    body: Row = {"location_ids": [place], "limit": 500, "query": {"sort": {"sort_field": "CREATED_AT"}}}
    while True:
        answer = http.post(SEARCH, json=body)
        assert answer.status_code == 200, answer.text
        yield Answer("orders", SEARCH, answer.content, "POST", sent=body)
        body = {**body, "cursor": answer.json().get("cursor")}
        if not body["cursor"]:
            return


def history(http: httpx.Client, place: str) -> Iterator[Answer]:
    """Everything there is of a location's history."""
    window = {"location_id": place, "begin_time": SINCE}
    yield from searched(http, place)
    yield from lists(http, "payments", "/v2/payments", **window)
    yield from lists(http, "refunds", "/v2/refunds", **window)
    for payout in lists(http, "payouts", "/v2/payouts", **window):
        yield payout
        for one in json.loads(payout.body).get("payouts", ()):
            if one["type"] == "BATCH":
                yield from lists(http, "payout_entries", f"/v2/payouts/{one['id']}/payout-entries")
    for page in lists(http, "cash_drawer_shifts", "/v2/cash-drawers/shifts", **window):
        yield page
        for one in json.loads(page.body).get("cash_drawer_shifts", ()):
            path = f"/v2/cash-drawers/shifts/{one['id']}"
            answer = http.get(path, params={"location_id": place})
            yield Answer("cash_drawer_shifts", path, answer.content)
            yield from lists(http, "cash_drawer_events", f"{path}/events", location_id=place)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, timeout=60) as opened:
        opened.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield opened


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Row:
    return sandbox.pos_app.truth()


@pytest.fixture(scope="module")
def place(truth: Row) -> Row:
    found: Row = truth["locations"][0]
    return found


@pytest.fixture(scope="module")
def recorded(
    http: httpx.Client, place: Row, square_database: str, tmp_path_factory: pytest.TempPathFactory
) -> SnapshotReader:
    with connect(square_database, autocommit=True, application_name="test") as connection:
        return record(connection, tmp_path_factory.mktemp("history"), "square", place["id"], history(http, place["id"]))


@pytest.fixture(scope="module")
def heard(recorded: SnapshotReader, place: Row) -> list[HistoryFact]:
    return list(facts(recorded, place["id"], place["currency"], DayRule(place["timezone"])))


# Against the sandbox's books


def test_every_order_says_what_the_sandbox_knows(heard: list[HistoryFact], truth: Row, place: Row) -> None:
    orders = of(heard, OrderFact)
    known = {row["id"]: row for row in truth["orders"] if row["location"] == place["id"] and row["kind"] != "return"}
    assert set(orders) == set(known)
    states = {"COMPLETED": "counts", "CANCELED": "voided"}
    for key, fact in orders.items():
        row = known[key]
        taxes: Counter[str] = Counter()
        included = 0
        for name, percent, inclusive, cents in row["taxes"]:
            taxes[tax_name(name, percent, inclusive=inclusive)] += cents
            included += cents if inclusive else 0
        assert fact.state == states.get(row["state"], "open"), row
        assert (fact.tip, fact.final, fact.lines) == (row["tips"], row["total"] - row["tips"], row["lines"]), row
        assert (fact.discount, fact.tax, fact.included_tax) == (row["discounts"], row["tax"], included), row
        assert fact.taxes == {name: cents for name, cents in taxes.items() if cents}, row
        assert sum(fact.charges.values()) == row["service_charges"] + row["rounding"], row
        parts = fact.gross + sum(fact.non_sale.values()) - fact.discount + sum(fact.charges.values())
        assert fact.final == parts + fact.tax - fact.included_tax, row
        assert fact.problems == (), row


@pytest.mark.parametrize(("basis", "start"), [("closed", 0), ("created", 4), ("paid", 4)])
def test_each_day_comes_to_what_the_books_say(
    basis: Any, start: int, recorded: SnapshotReader, truth: Row, place: Row
) -> None:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    rule = DayRule(place["timezone"], timedelta(hours=start), basis)
    for fact in facts(recorded, place["id"], place["currency"], rule):
        if not isinstance(fact, OrderFact | PaymentFact | RefundFact) or fact.state != "counts":
            continue
        day = days[fact.business_date]
        if isinstance(fact, OrderFact):
            if fact.lines:
                day["orders"] += 1
            charges = dict(fact.charges)
            day["gift_cards"] += sum(fact.non_sale.values())
            day["discounts"] += fact.discount
            day["tax_included"] += fact.included_tax
            day["tax"] += fact.tax
            day["tips"] += fact.tip
            day["rounding"] += charges.pop("cash_rounding", 0)
            day["gratuities"] += charges.get("auto_gratuity", 0)
            day["service_charges"] += sum(charges.values())
            day["total"] += fact.final + fact.tip
        elif isinstance(fact, PaymentFact):
            day["payments"] += fact.amount + fact.tip
            day["payment_tips"] += fact.tip
            day["payment_count"] += 1
        else:
            day["refunds"] += fact.amount
    compared = 0
    for row in truth["daily"]:
        if (row["basis"], row["start_of_day"], row["location"]) == (basis, f"{start:02d}:00", place["id"]):
            day = days.pop(row["date"], Counter())
            for name in ("orders", "gift_cards", "discounts", "tax", "tips", "rounding", "gratuities", "total"):
                assert day[name] == row[name], (row["date"], name)
            for name in ("refunds", "payment_tips", "service_charges", "tax_included"):
                assert day[name] == row[name], (row["date"], name)
            assert day["payments"] == sum(row["payments"].values()), row["date"]
            assert day["payment_count"] == sum(row["payment_count"].values()), row["date"]
            compared += 1
    assert compared > 50
    assert not any(sum(map(abs, day.values())) for day in days.values()), days


def test_payments_refunds_payouts_and_drawers_are_those_the_sandbox_knows(
    heard: list[HistoryFact], truth: Row, place: Row
) -> None:
    here = place["id"]
    payments, refunds = of(heard, PaymentFact), of(heard, RefundFact)
    states = {"COMPLETED": "counts", "CANCELED": "void", "FAILED": "void", "REJECTED": "void"}
    assert {
        (fact.key, fact.order_key, fact.amount, fact.tip, fact.state, fact.fee or 0) for fact in payments.values()
    } == {
        (row["id"], row["order"], row["amount"], row["tip"], states.get(row["status"], "open"), row["fee"])
        for row in truth["payments"]
        if row["location"] == here
    }
    assert {(fact.key, fact.order_key, fact.payment_key, fact.amount, fact.state) for fact in refunds.values()} == {
        (row["id"], row["source_order"], row["payment"], row["cents"], states.get(row["status"], "open"))
        for row in truth["refunds"]
        if row["location"] == here
    }
    kinds = {row["id"]: row["kind"] for row in truth["payments"]}
    words = {kinds[key]: fact.tender for key, fact in payments.items()}
    assert words["CARD"] == "Card" and words["CASH"] == "Cash" and words["SQUARE_GIFT_CARD"] == "Gift card"
    assert "Unknown" not in words.values()
    entries: dict[str, list[Row]] = defaultdict(list)
    for row in truth["payout_entries"]:
        entries[row["payout"]].append(row)
    payouts = of(heard, PayoutFact)
    assert {(fact.key, fact.amount) for fact in payouts.values()} == {
        (row["id"], row["cents"]) for row in truth["payouts"] if row["location"] == here
    }
    for key, payout in payouts.items():
        assert sum(count for count, _ in payout.entries.values()) == len(entries[key])
        assert sum(net for _, net in payout.entries.values()) == sum(row["net"] for row in entries[key])
        assert payout.fees == sum(row["fee"] for row in entries[key])
        if entries[key]:
            assert sum(net for _, net in payout.entries.values()) == payout.amount
    cash = [fact for fact in heard if isinstance(fact, CashFact)]
    drawers = {row["id"]: row for row in truth["cash_drawers"] if row["location"] == here}
    shifts = {fact.key: fact for fact in cash if fact.kind == "cash_drawer_shifts"}
    assert {key: (fact.business_date, fact.amount) for key, fact in shifts.items()} == {
        key: (row["date"], row["counted"] if row["counted"] is not None else row["expected"])
        for key, row in drawers.items()
    }
    moved = sum(fact.amount for fact in cash if fact.kind == "cash_events")
    assert moved == sum(r["payments"] - r["refunds"] + r["paid_in"] - r["paid_out"] for r in drawers.values())
    assert sum(fact.kind == "cash_events" for fact in cash) == sum(row["events"] for row in drawers.values())
