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
    for part in ("cash_entries", "deposits"):  # each day is a request of its own: the last month will do
        found[part] = [row for row in found[part] if row["business_date"] >= "2026-09"]
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
            if order["voided"] or row["voided"] or order["excess_food"]:
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
            day["net_cents"] += fact.gross - fact.included_tax - fact.discount + sum(charges.values())
            day["deferred_cents"] += fact.non_sale.get("gift_card_load", 0)
            day["house_balance_cents"] += fact.non_sale.get("house_account_payment", 0)
            day["tip_cents"] += fact.tip
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
    owed = {fact.key.split(":")[0]: fact.amount for fact in cash if fact.kind == "house_account_movements"}
    charged = {key: row["cents"] for key, row in rows.items() if row["type"] == "HOUSE_ACCOUNT" and row["counts"]}
    settled = {
        line["id"]: -line["net_cents"]
        for order in told["orders"]
        for check in order["checks"]
        for line in check["lines"]
        if line["kind"] == "HOUSE_ACCOUNT_PAY_BALANCE" and check["id"] in here and not line["voided"]
    }
    assert owed == {**charged, **settled} and charged and settled
    assert {(fact.key, fact.business_date, fact.amount) for fact in cash if fact.kind == "deposits"} == {
        (row["id"], row["business_date"], -abs(row["cents"]) if row["undoes"] else row["cents"])
        for row in told["deposits"]
    }


# Written by hand


def line(guid: str, before: float, price: float, tax: float = 0, **more: Any) -> Row:
    taxes = [{"name": "State 7.25", "rate": 0.0725, "taxAmount": tax, "type": "PERCENT"}] if tax else []
    found = {"guid": guid, "preDiscountPrice": before, "price": price, "tax": tax, "appliedTaxes": taxes}
    return {
        **found,
        "selectionType": "NONE",
        "deferred": False,
        "voided": False,
        "taxInclusion": "NOT_INCLUDED",
        **more,
    }


def burgers(**more: Any) -> Row:
    """The check of the worked example: burgers with bacon, bread, a gift card, 3.00 off, packaging, auto-gratuity."""
    bacon = {"guid": "x2", "preDiscountPrice": 3.5, "price": 3.5, "tax": 0, "appliedTaxes": [], "modifiers": []}
    return {
        "guid": "c1",
        "paymentStatus": "CLOSED",
        "voided": False,
        "deleted": False,
        "amount": 51.50,
        "taxAmount": 1.46,
        "totalAmount": 52.96,
        "customer": {"firstName": "enc:v1:not-read", "email": "enc:v1:not-read"},
        "selections": [
            line("x1", 22.5, 20.13, 1.46, modifiers=[bacon], appliedDiscounts=[]),
            line("x3", 6.0, 5.37, appliedDiscounts=None),
            line("x4", 25.0, 25.0, selectionType="TOAST_CARD_SELL", deferred=True, item=None),
        ],
        "appliedDiscounts": [{"discountAmount": 3.0, "nonTaxDiscountAmount": 3.0, "processingState": None}],
        "appliedServiceCharges": [
            {"chargeAmount": 1.0, "gratuity": False, "serviceChargeCategory": "SERVICE_CHARGE", "appliedTaxes": []},
            {"chargeAmount": 2.85, "gratuity": True, "serviceChargeCategory": None, "appliedTaxes": []},
        ],
        "payments": [
            {
                "guid": "p1",
                "type": "CREDIT",
                "amount": 55.81,
                "tipAmount": 6.0,
                "paymentStatus": "CAPTURED",
                "paidBusinessDate": 20250216,
                "originalProcessingFee": 1.74,
            }
        ],
        **more,
    }


def order(*checks: Row, **more: Any) -> Row:
    return {
        "guid": "o1",
        "businessDate": 20250215,
        "modifiedDate": "2025-02-16T10:05:00.024+0000",
        "closedDate": "2025-02-16T10:05:00.024+0000",
        "voided": False,
        "deleted": False,
        "checks": list(checks),
        **more,
    }


def check_of(check: Row, **more: Any) -> OrderFact:
    fact = said(("orders", BULK, [order(check, **more)]))[0]
    assert isinstance(fact, OrderFact)
    return fact


def test_the_worked_example_of_the_reference() -> None:
    check, paid = said(("orders", BULK, [order(burgers())]))
    assert check == OrderFact(
        key="c1",
        business_date="2025-02-15",
        state="counts",
        gross=2850,
        discount=300,
        tax=146,
        included_tax=0,
        tip=600,
        final=5581,
        lines=3,
        non_sale={"gift_card_load": 2500},
        charges={"service": 100, "auto_gratuity": 285},
        taxes={"State 7.25 7.25%": 146},
    )
    assert check.gross + check.charges["service"] - check.discount == 2650, "net sales of the reference"
    assert paid == PaymentFact("p1", "c1", "2025-02-16", "Card", 5581, 600, "counts", fee=174)


def test_gratuity_may_be_in_the_total_or_not() -> None:
    assert check_of(burgers(totalAmount=55.81)) == check_of(burgers())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"amount": 51.49, "totalAmount": 52.95}, "lines_do_not_add_up"),
        ({"taxAmount": 1.47, "totalAmount": 52.97}, "tax_does_not_add_up"),
        ({"totalAmount": 52.97}, "total_does_not_add_up"),
        ({"appliedDiscounts": [{"discountAmount": 2.99, "nonTaxDiscountAmount": 2.99}]}, "discounts_do_not_add_up"),
        ({"payments": []}, "payments_do_not_cover"),
    ],
)
def test_what_contradicts_itself_is_named(change: Row, problem: str) -> None:
    assert problem in check_of(burgers(**change)).problems


def test_tax_in_prices_belongs_to_what_was_rung_up() -> None:
    """10.00 with 7 % in it less ten percent: 10.00 rung up, 1.00 off, 9.00 to pay, 0.59 of it tax."""
    off = [{"discountAmount": 1.0, "nonTaxDiscountAmount": 0.93, "processingState": "APPLIED"}]
    tax = [{"name": "City", "rate": 0.07, "taxAmount": 0.59, "type": "PERCENT"}]
    held = line("x1", 9.34, 8.41, taxInclusion="INCLUDED", appliedDiscounts=off)
    check = burgers(selections=[{**held, "appliedTaxes": tax, "tax": 0.59}], appliedDiscounts=[])
    check |= {"appliedServiceCharges": [], "amount": 8.41, "taxAmount": 0.59, "totalAmount": 9.0}
    check["payments"] = [{**check["payments"][0], "amount": 9.0}]
    fact = check_of(check)
    assert (fact.gross, fact.discount, fact.tax, fact.included_tax, fact.final) == (1000, 100, 59, 59, 900)
    assert fact.taxes == {"City 7% incl.": 59} and fact.problems == ()


def test_fractions_of_cents_are_summed_before_they_are_rounded() -> None:
    lines = [line("x1", 87.92, 87.92, 5.49612811), line("x2", 9.5, 9.5, 0.59387189)]
    check = burgers(selections=lines, appliedDiscounts=[], appliedServiceCharges=[])
    check |= {"amount": 97.42, "taxAmount": 6.09, "totalAmount": 103.51}
    check["payments"] = [{**check["payments"][0], "amount": 103.51}]
    fact = check_of(check)
    assert fact.taxes == {"State 7.25 7.25%": 609} and fact.tax == 609 and fact.problems == ()


def test_what_is_voided_deleted_open_or_promised_is_no_sale() -> None:
    assert check_of(burgers(voided=True)).state == "voided"
    assert check_of(burgers(), voided=True).state == "voided"
    assert check_of(burgers(paymentStatus="OPEN")).state == "open"
    assert check_of(burgers(), approvalStatus="FUTURE").state == "open"
    assert said(("orders", BULK, [order(burgers(deleted=True))])) == []
    assert said(("orders", BULK, [order(burgers(), deleted=True)])) == []
    voided = line("x9", 9.0, 9.0, 1.0, voided=True)
    fact = check_of(burgers(selections=[*burgers()["selections"], voided]))
    assert (fact.gross, fact.tax, fact.lines, fact.problems) == (2850, 146, 4, ())
    waste = check_of(burgers(), excessFood=True)
    assert (waste.state, waste.gross, waste.non_sale["non_revenue"]) == ("voided", 0, 2850)


def test_the_last_version_counts_and_what_is_gone_does_not() -> None:
    newer = order(burgers(voided=True), modifiedDate="2025-02-17T00:00:00.000Z")
    fixed = order(burgers(guid="c2", paymentStatus="OPEN"), guid="o2")
    again = order(burgers(guid="c2"), guid="o2")
    other = order(burgers(guid="c3"), guid="o3")
    unread = order({**burgers(guid="c4"), "amount": {"much": 1}}, guid="o4")
    pages: list[tuple[str, str, Any]] = [
        ("orders", BULK, [newer, fixed, other, unread]),
        ("orders", BULK, [order(burgers()), again]),
        ("missing_documents", "/orders/v2/orders/o3", {"status": 404, "code": 10024, "message": "not found"}),
    ]
    found = of(said(*pages), OrderFact)
    assert {key: fact.state for key, fact in found.items()} == {"c1": "voided", "c2": "counts"}
    gone = {"kind": "order_groups", "key": "o1", "guid": "o1", "gone": True}
    assert set(of(said(*pages, ("missing_documents", "/orders/v2/orders/o1", gone)), OrderFact)) == {"c2"}
    pages.append(("missing_documents", "/orders/v2/orders/o2", fixed))
    assert of(said(*pages), OrderFact)["c2"].state == "open"


@pytest.mark.parametrize(
    ("payment", "tender", "state"),
    [
        ({"type": "CASH", "paymentStatus": None}, "Cash", "counts"),
        ({"type": "CASH", "paymentStatus": None, "voidInfo": {"voidBusinessDate": 20250216}}, "Cash", "void"),
        ({"type": "CREDIT", "paymentStatus": "AUTHORIZED"}, "Card", "open"),
        ({"type": "CREDIT", "paymentStatus": "DENIED"}, "Card", "void"),
        ({"type": "GIFTCARD", "paymentStatus": "CAPTURED"}, "Gift card", "counts"),
        ({"type": "HOUSE_ACCOUNT", "paymentStatus": None}, "House account", "counts"),
        ({"type": "OTHER", "otherPayment": {"guid": "t1"}}, "Voucher", "counts"),
        ({"type": "OTHER", "otherPayment": {"guid": "archived"}}, "Unknown", "counts"),
        ({"type": "SOMETHING_NEW", "paymentStatus": "SETTLED"}, "Unknown", "counts"),
    ],
)
def test_a_payment_is_called_what_the_restaurant_calls_it(payment: Row, tender: str, state: str) -> None:
    held = {"guid": "p1", "amount": 52.96, "tipAmount": 0, "paidBusinessDate": 20250215, **payment}
    names = ("config", "/config/v2/alternatePaymentTypes", [{"guid": "t1", "name": "Voucher"}])
    fact = said(names, ("orders", BULK, [order(burgers(payments=[held]))]))[1]
    assert isinstance(fact, PaymentFact) and (fact.tender, fact.state) == (tender, state)
    assert fact.problems == (("unknown_tender",) if tender == "Unknown" else ())


def test_a_refund_books_on_its_own_day_with_the_tax_its_lines_name() -> None:
    refund = {"refundAmount": 21.59, "tipRefundAmount": 1.0, "refundBusinessDate": 20250220}
    named = {"refundTransaction": {"guid": "r1"}}
    paid = {**burgers()["payments"][0], "refund": {**refund, **named}}
    back = {"refundAmount": 20.13, "taxRefundAmount": 1.46, **named}
    first, *others = burgers()["selections"]
    check = burgers(payments=[paid], selections=[{**first, "refundDetails": back}, *others])
    given = said(("orders", BULK, [order(check)]))[-1]
    assert given == RefundFact("p1:refund", "c1", "p1", "2025-02-20", 2259, "counts", tax=146, tip=100)
    late = DayRule("America/New_York", refunds="sale_day")
    assert said(("orders", BULK, [order(check)]), rule=late)[-1].business_date == "2025-02-15"
    plain = said(("orders", BULK, [order(burgers(payments=[paid]))]))[-1]
    assert isinstance(plain, RefundFact) and plain.tax is None
    more = {**paid, "refund": {**refund, "refundAmount": 61.0}}
    last = said(("orders", BULK, [order(burgers(payments=[more]))]))[-1]
    assert isinstance(last, RefundFact) and last.problems == ("refund_exceeds_sale",)
