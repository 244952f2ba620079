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
        assert fact.final == row["total"], (fact, row)
        charges = Counter(fact.charges)
        assert charges.pop("delivery", 0) == row["delivery_fees"]
        assert sum(charges.values()) == row["order_fees"] + row["service_charge"], (fact, row)
        if row["gross"] or row["lines"]:
            assert fact.gross == row["gross"], (fact, row)
            assert fact.tax == row["tax"], (fact, row)
            assert sum(fact.taxes.values()) == fact.tax
        assert fact.included_tax == (fact.tax if row["tax_included"] else 0)
        rung = fact.gross + sum(fact.non_sale.values()) - fact.discount + sum(fact.charges.values())
        assert fact.final == rung + fact.tax - fact.included_tax or "lines_do_not_add_up" in fact.problems, (fact, row)
    assert problems.pop(("lines_do_not_add_up",)) == sum(
        row["total"] > 0 and not row["lines"] for row in known.values()
    )
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


# Written by hand

A = {"id": "A", "name": "State", "rate": 725000}
B = {"id": "B", "name": "City", "rate": 100000}
FLAT = {"id": "F", "name": "Bottle", "rate": 0, "taxAmount": 10}
VAT = {"id": "V", "name": "VAT", "rate": 2000000}
NOON = 1764612000000
"""2025-12-01T18:00Z, eleven in the morning in Denver."""


def many(*rows: Any) -> Row:
    return {"elements": list(rows)}


def line(price: int, *rates: Row, **more: Any) -> Row:
    return {"id": f"L{price}", "price": price, "isRevenue": True, "taxRates": many(*rates), **more}


def order(*lines: Row, **more: Any) -> Row:
    found = {"id": "O1", "currency": "USD", "state": "locked", "paymentState": "PAID", "createdTime": NOON}
    numbered = [{**one, "id": f"L{number}"} for number, one in enumerate(lines)]
    return {**found, "modifiedTime": NOON, "title": "enc:v1:not-read", "lineItems": many(*numbered), **more}


def order_of(found: Row, *answers: tuple[str, str, Any]) -> OrderFact:
    facts_of = of(said(("orders", "/v3/merchants/M/orders", many(found)), *answers), OrderFact)
    fact: OrderFact = facts_of["O1"]
    return fact


CHEESE = {"modifications": many({"name": "cheese", "amount": 175})}
VECTORS = {
    "V1": (order(line(1395, A, **CHEESE), line(1395, A), line(350, A, B), total=3559), 3315, 0, 244, 3559),
    "V2": (
        order(
            line(1395, A, **CHEESE, discounts=many({"percentageDecimal": 125000}, {"amount": -50})),
            line(820, A),
            discounts=many({"percentage": 10}),
            total=2070,
        ),
        2390,
        460,
        140,
        2070,
    ),
    "V3": (
        order(
            line(1000, A),
            line(400),
            discounts=many({"amount": -300}),
            serviceCharge={"percentageDecimal": 180000},
            total=1355,
        ),
        1400,
        300,
        57,
        1355,
    ),
    "V4": (order(line(649, A, unitQty=2345), total=1632), 1522, 0, 110, 1632),
    "V5": (order(line(499, FLAT), line(499, FLAT, A), total=1054), 998, 0, 56, 1054),
    "V6": (order(line(1500, VAT), line(999, VAT), discounts=many({"percentage": 10}), isVat=True, total=2249),
           2499, 250, 375, 2249),
    "V7": (order(line(1200, A, refunded=True), line(800, A), total=858), 2000, 0, 145, 2145),
    "V8": (order(line(1200, A), taxRemoved=True, total=1200), 1200, 0, 0, 1200),
    "V9": (order(line(1200, A), line(216, A, isOrderFee=True, orderFeeType="AUTO_GRATUITY"), total=1503),
           1200, 0, 87, 1503),
    "V10": (
        order(line(1999, A), line(1, A), discounts=many({"percentageDecimal": 333000}, {"amount": -7}), total=1423),
        2000,
        673,
        96,
        1423,
    ),
    "V11": (order(line(1870), serviceCharge={"percentageDecimal": 50000}, total=1964), 1870, 0, 0, 1964),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_reference(name: str) -> None:
    found, gross, discount, tax, final = VECTORS[name]
    fact = order_of(found)
    assert (fact.gross, fact.discount, fact.tax, fact.final) == (gross, discount, tax, final)
    assert fact.included_tax == (tax if name == "V6" else 0) and fact.problems == ()
    assert sum(fact.taxes.values()) == tax


def test_charges_and_taxes_go_by_their_names() -> None:
    fact = order_of(VECTORS["V9"][0])
    assert fact.charges == {"auto_gratuity": 216} and fact.lines == 1 and fact.taxes == {"State 7.25%": 87}
    fees = many({"type": "DELIVERY_FEE", "amount": 500})
    fact = order_of({**VECTORS["V11"][0], "additionalCharges": fees, "total": 2464})
    assert fact.charges == {"service": 94, "delivery": 500} and fact.problems == ()
    fact = order_of(order(line(1200, A), line(2500, isRevenue=False), line(300, exchanged=True), total=3787))
    assert (fact.gross, fact.non_sale, fact.lines, fact.problems) == (1200, {"non_revenue": 2500}, 3, ())
    assert order_of(VECTORS["V6"][0]).taxes == {"VAT 20% incl.": 375}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Gift Card", "gift_card_load"), ("e-gift cards $50", "gift_card_load"), ("GiftCard", "gift_card_load"),
        ("Holiday Gift Certificate", "gift_card_load"), ("Gift wrap", "non_revenue"), ("Gifted cards", "non_revenue"),
        ("Donation: animal shelter", "donation"), ("Pre-donated meal", "non_revenue"), ("", "non_revenue"),
    ],
)  # fmt: skip
def test_both_readings_tell_gift_cards_and_donations_from_other_lines_without_revenue(name: str, kind: str) -> None:
    from aura_migration.pos.clover.orders import wire
    from aura_migration.pos.clover.orders.orders import revenue_class

    fact = order_of(order(line(2500, name=name, isRevenue=False), total=2500))
    assert (fact.gross, fact.non_sale) == (0, {kind: 2500})
    assert revenue_class(wire.Line(name=name, is_revenue=False)) == kind
    assert revenue_class(wire.Line(name=name)) == "sale"


def test_an_order_type_without_tax_takes_it_off() -> None:
    types = ("order_types", "/v3/merchants/M/order_types", many({"id": "T", "taxable": False}))
    fact = order_of(order(line(1200, A), orderType={"id": "T"}, total=1200), types)
    assert fact.tax == 0 and fact.problems == ()


def test_what_contradicts_itself_is_named() -> None:
    paid = {
        "id": "P1",
        "order": {"id": "O1"},
        "amount": 1287,
        "taxAmount": 87,
        "createdTime": NOON,
        "result": "SUCCESS",
    }
    found = order(line(1200, A), total=1287)

    def problems(order: Row, **payment: Any) -> tuple[str, ...]:
        return order_of(order, ("payments", "/v3/merchants/M/payments", many({**paid, **payment}))).problems

    assert problems(found) == ()
    assert problems({**found, "total": 1288}) == ("total_does_not_add_up",)
    assert order_of({**found, "total": 1288}).final == 1287, "what was paid goes by what the order comes to"
    assert problems(order(manualTransaction=True, total=1287), taxAmount=0) == ("lines_do_not_add_up",)
    assert problems(found, taxAmount=86) == ("tax_does_not_add_up",)
    assert problems(found, amount=1286) == ("payments_do_not_cover",)
    assert problems(found, result="FAIL") == ("payments_do_not_cover",)
    assert problems({**found, "currency": "CAD"}) == ("currency_differs",)
    assert problems({**found, "createdTime": 1764612000, "modifiedTime": NOON}) == ("absurd_date",)


def test_an_order_shows_payments_of_before_the_history_and_the_list_is_the_last_word_on_its_own() -> None:
    def paid(key: str, amount: int, **more: Any) -> Row:
        return {
            "id": key,
            "amount": amount,
            "tipAmount": 10,
            "taxAmount": 0,
            "createdTime": NOON,
            "result": "SUCCESS",
            **more,
        }

    voided = paid("P3", 500, order={"id": "O1"}, voidReason="USER_CANCEL")
    listed = ("payments", "/v3/merchants/M/payments", many(paid("P2", 300, order={"id": "O1"}), voided))
    found = order(line(1000), total=1000, payments=many(paid("P1", 700), paid("P2", 299), paid("P3", 500)))
    fact = order_of(found, listed)
    assert (fact.tip, fact.problems, fact.due) == (20, (), 0)
    short = order(line(1000), total=1000, paymentState="PARTIALLY_PAID", unpaidBalance=700)
    fact = order_of(short, listed)
    assert (fact.tip, fact.problems, fact.due) == (10, (), 700)
    assert order_of({**short, "unpaidBalance": None}, listed).due == 700


def test_lines_beyond_the_hundredth_come_from_the_list_of_the_order() -> None:
    every = [{**line(100, A), "id": f"L{number}"} for number in range(137)]
    path = "/v3/merchants/M/orders/O1/line_items"
    found = order(total=14693)
    found["lineItems"] = many(*every[:100])
    fact = order_of(found, ("orders", path, many(*every[:100])), ("orders", path, many(*every[99:])))
    assert (fact.lines, fact.gross, fact.problems) == (137, 13700, ())


def test_the_last_version_counts_and_what_is_gone_does_not() -> None:
    path = "/v3/merchants/M/orders"
    sale = order(line(1200, A), total=1287)
    pages: list[tuple[str, str, Any]] = [
        ("orders", path, many({**sale, "paymentState": "OPEN", "modifiedTime": NOON + 1}, {**sale, "id": "O2"})),
        ("orders", path, many(sale, {**sale, "id": "O3"}, {**sale, "id": "O4", "testMode": True})),
        ("orders", path, many({**sale, "id": "O5", "deletedTimestamp": NOON + 5})),
        ("missing_documents", f"{path}/O3", {"message": "Not Found"}),
    ]
    found = of(said(*pages), OrderFact)
    assert {key: fact.state for key, fact in found.items()} == {"O1": "open", "O2": "counts", "O4": "voided"}
    pages.append(("missing_documents", f"{path}/O2", {**sale, "id": "O2", "paymentState": "OPEN"}))
    assert of(said(*pages), OrderFact)["O2"].state == "open"


@pytest.mark.parametrize(
    ("payment", "tender", "state"),
    [
        ({"tender": {"id": "T1"}, "result": "SUCCESS"}, "Cash", "counts"),
        ({"tender": {"id": "T2"}, "result": "AUTH_COMPLETED"}, "Voucher", "counts"),
        ({"tender": {"labelKey": "com.clover.tender.debit_card", "label": "Debit"}, "result": "AUTH"}, "Card", "open"),
        ({"tender": {"id": "T1"}, "result": "SUCCESS", "voidReason": "USER_CANCEL"}, "Cash", "void"),
        ({"tender": {"id": "gone"}, "result": "FAIL"}, "Unknown", "void"),
        (
            {"tender": {"id": "T2"}, "cardTransaction": {"cardType": "GIFT_CARD"}, "result": "PENDING"},
            "Gift card",
            "open",
        ),
    ],
)
def test_a_payment_is_called_what_the_restaurant_calls_it(payment: Row, tender: str, state: str) -> None:
    cash = {"id": "T1", "label": "Cash money", "labelKey": "com.clover.tender.cash"}
    tenders = ("tenders", "/v3/merchants/M/tenders", many(cash, {"id": "T2", "label": "Voucher"}))
    paid = {"id": "P1", "order": {"id": "O1"}, "amount": 1287, "tipAmount": 200, "createdTime": NOON, **payment}
    (fact,) = said(tenders, ("payments", "/v3/merchants/M/payments", many(paid)))
    assert isinstance(fact, PaymentFact) and (fact.tender, fact.state) == (tender, state)
    assert (fact.amount, fact.tip, fact.business_date) == (1287, 200, "2025-12-01")


def test_refunds_and_credits_give_back_on_their_own_day() -> None:
    sold = ("orders", "/v3/merchants/M/orders", many(order(line(1200, A), total=1287)))
    paid = {"id": "P1", "order": {"id": "O1"}, "amount": 1287, "tipAmount": 200, "taxAmount": 87, "createdTime": NOON}
    refund = {"id": "R1", "payment": {"id": "P1"}, "amount": 500, "taxAmount": 34, "createdTime": NOON + 3 * DAY}
    credit = {"id": "K1", "orderRef": {"id": "O9"}, "amount": 700, "createdTime": NOON + DAY, "result": "SUCCESS"}
    answers = [
        sold,
        ("payments", "/v3/merchants/M/payments", many(paid)),
        ("refunds", "/v3/merchants/M/refunds", many(refund, {**refund, "id": "R2", "voided": True})),
        ("credits", "/v3/merchants/M/credits", many(credit)),
    ]
    given = of(said(*answers), RefundFact)
    assert given["R1"] == RefundFact("R1", "O1", "P1", "2025-12-04", 500, "counts", tax=34)
    assert given["R2"].state == "void"
    assert given["K1"] == RefundFact("K1", "O9", None, "2025-12-02", 700, "counts")
    late = DayRule("America/Denver", basis="created", refunds="sale_day")
    assert of(said(*answers, rule=late), RefundFact)["R1"].business_date == "2025-12-01"
    more = ("refunds", "/v3/merchants/M/refunds", many(refund, {**refund, "id": "R3", "amount": 988}))
    assert of(said(*answers[:2], more), RefundFact)["R3"].problems == ("refund_exceeds_sale",)
