"""Clover's history as rows, against what the sandbox knows: every order, day, tax, payment and refund, to the cent."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest

from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    CashEvent,
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
    Payment,
    Refund,
    RefundItem,
    Tip,
)
from aura_migration.canonical.history.rules import Basis, HistoryRules
from aura_migration.canonical.history.tables import BY_ROW
from aura_migration.database.connections import connect
from aura_migration.pos.clover import CONNECTOR
from aura_migration.pos.clover.orders import wire
from aura_migration.pos.clover.orders.arithmetic import figures
from aura_migration.pos.port import HistorySpan, SourceLocation
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.clover.clover_bench import Bench
from aura_migration_tests.pos.clover.conftest import integration
from aura_migration_tests.support import database as support
from aura_migration_tests.support.ciphers import PlainSeals

T = TypeVar("T")
AUTUMN = datetime(2026, 10, 1, 9, tzinfo=UTC)
"""When the sandbox's histories have just ended."""
BEGIN = datetime(2025, 9, 1, tzinfo=UTC)
NOT_LOADED = {"test_mode", "test", "over_a_year_old"}


@dataclass(frozen=True)
class Sales:
    """The diner's history, read once."""

    bench: Bench
    location: SourceLocation
    reader: SnapshotReader
    truth: dict[str, Any]
    orders: dict[str, dict[str, Any]]

    def rules(self, hours: int = 0, basis: Basis = "created", refunds: Any = "refund_day") -> HistoryRules:
        """Rules of dating."""
        return HistoryRules(self.location.timezone, timedelta(hours=hours), basis, refunds)

    def documents(self, rules: HistoryRules | None = None) -> list[Document]:
        """All documents."""
        return list(mapped(self.reader, self.location, rules or self.rules()))

    def noted(self, what: str) -> list[str]:
        """The ids that show a peculiarity."""
        return next(list(note["ids"]) for note in self.truth["notes"] if note["what"] == what)


def mapped(reader: SnapshotReader, location: SourceLocation, rules: HistoryRules) -> Iterator[Document]:
    """All documents of a snapshot."""
    mapper = CONNECTOR.history_mapper(reader, location, PlainSeals(), rules)
    for entity in mapper.entities:
        for body in reader.bodies(entity):
            yield from mapper.documents(body)


@pytest.fixture(scope="module")
def sales(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sales]:
    """Every peculiar sale of the diner and some hundred ordinary ones."""
    with (
        support.clone(postgres_server, template_database) as url,
        connect(url, autocommit=True, application_name="test") as connection,
        serve("clover", "diner", limits="off", orders=400) as sandbox,
    ):
        folder = tmp_path_factory.mktemp("clover")
        where = Bench(sandbox, connection, folder, integration(connection), taken_at=AUTUMN)
        location = where.locations()[0]
        reader = where.history(location.source_id, HistorySpan(BEGIN, AUTUMN))
        yield Sales(where, location, reader, where.truth(), {row["id"]: row for row in where.told("orders")})


@pytest.fixture(scope="module")
def documents(sales: Sales) -> list[Document]:
    """All its documents, by calendar days."""
    return sales.documents()


def by_key(documents: list[Document], kind: str) -> dict[str, Document]:
    """The documents of a kind; twice the same key is an error here, as windows do not overlap."""
    found: dict[str, Document] = {}
    for document in documents:
        if document.kind == kind:
            assert document.key not in found
            found[document.key] = document
    return found


def root(document: Document, shape: type[T]) -> T:
    """The row of the root."""
    row = document.rows[0]
    assert isinstance(row, shape)
    return row


def flags(document: Document) -> list[str]:
    """The review flags of an order or payment."""
    row = document.rows[0]
    assert isinstance(row, Order | Payment)
    return list(msgspec.json.decode(row.review_flags)) if row.review_flags else []


def of(document: Document, shape: type[Any]) -> list[Any]:
    """The rows of one table."""
    return [row for row in document.rows if type(row) is shape]


def test_every_list_is_certified_and_nothing_goes_to_quarantine(sales: Sales, documents: list[Document]) -> None:
    assert {c.entity: c.explain() for c in sales.reader.certificates() if c.status != "complete"} == {}
    names = {entity.name for entity in CONNECTOR.source_entities if entity.scope == "history"}
    assert names <= {c.entity for c in sales.reader.certificates()}
    assert [document.fault for document in documents if document.fault] == []


def test_every_row_has_the_declared_types(documents: list[Document]) -> None:
    kinds = {
        "text": str,
        "int": int,
        "cents": int,
        "bool": bool,
        "numeric": str,
        "json": str,
        "timestamp": str,
        "date": str,
    }
    for document in documents:
        assert BY_ROW[type(document.rows[0])].is_root
        for row in document.rows:
            for column, value in zip(BY_ROW[type(row)].columns, row, strict=True):
                assert (value is None and not column.required) or type(value) is kinds[column.kind], (column, value)
                assert not column.choices or value is None or value in column.choices


def test_every_order_comes_to_what_the_sandbox_says(sales: Sales, documents: list[Document]) -> None:
    mine = by_key(documents, "orders")
    missing = {key for key, row in sales.orders.items() if row["listed"] and key not in mine}
    assert {kind for key in missing for kind in sales.orders[key]["kinds"]} <= NOT_LOADED
    assert len(missing) < 5
    assert len(mine) > 480
    for key, document in mine.items():
        row, told = root(document, Order), sales.orders[key]
        assert (
            row.final_amount_cents,
            row.tax_amount_cents,
            row.subtotal_cents - row.non_sale_cents,
            row.subtotal_cents - row.discount_amount_cents,
            row.service_charge_amount_cents + row.gratuity_cents,
        ) == (
            told["total"],
            told["tax"],
            told["gross"],
            told["gross"] + told["discounts"] + told["non_revenue"],
            told["order_fees"] + told["service_charge"] + told["delivery_fees"],
        ), told["kinds"]
        if not row.review_flags or "lines_do_not_add_up" not in row.review_flags:
            assert row.final_amount_cents == (
                row.subtotal_cents
                - row.discount_amount_cents
                + row.service_charge_amount_cents
                + row.gratuity_cents
                + row.tax_amount_cents
                - row.included_tax_cents
            ), told["kinds"]


def test_the_rows_of_an_order_add_up_to_its_figures(documents: list[Document]) -> None:
    for document in by_key(documents, "orders").values():
        whole = root(document, Order)
        lines = [row for row in of(document, OrderItem) if not row.is_voided]
        assert sum(row.line_subtotal_cents for row in lines) == whole.subtotal_cents
        assert sum(row.amount_cents for row in of(document, OrderDiscount)) == whole.discount_amount_cents
        assert sum(row.amount_cents for row in of(document, OrderTax)) == whole.tax_amount_cents
        charges = of(document, OrderServiceCharge)
        assert sum(row.amount_cents for row in charges) == whole.service_charge_amount_cents + whole.gratuity_cents
        given = Counter[int]()
        for row in of(document, OrderDiscount):
            if row.item_no is not None:
                given[row.item_no] += row.amount_cents
        rung = Counter[int]()
        for row in of(document, OrderItemModifier):
            rung[row.item_no] += row.amount_cents
        for place, row in enumerate(of(document, OrderItem)):
            assert (given[place], rung[place]) == (row.line_discount_cents, row.modifiers_cents)


@pytest.mark.parametrize("basis", ["created", "paid"])
@pytest.mark.parametrize("hours", [0, 4])
def test_every_business_day_is_the_sandbox_s(sales: Sales, basis: Basis, hours: int) -> None:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for document in sales.documents(sales.rules(hours, basis)):
        row = document.rows[0]
        assert isinstance(row, Order | Payment | Refund | CashEvent)
        day = days[row.business_date]
        if isinstance(row, Order) and row.status == "completed":
            unitemized = row.final_amount_cents if "manual_transaction" in (row.details or "") else 0
            day.update(
                orders=1,
                gross=row.subtotal_cents - row.non_sale_cents,
                after_discounts=row.subtotal_cents - row.discount_amount_cents,
                auto_gratuity=row.gratuity_cents,
                charges=row.service_charge_amount_cents + row.gratuity_cents,
                tax_liability=row.tax_amount_cents,
                tax_included=row.included_tax_cents,
                unitemized=unitemized,
            )
        elif isinstance(row, Payment) and row.status == "completed":
            day.update(payments=1, payments_cents=row.amount_cents, tips_paid=row.tip_amount_cents)
            day[f"tender {row.tender_name}"] += row.amount_cents
        elif isinstance(row, Refund) and row.status == "completed":
            what = "credits" if row.payment_key is None else "refunds"
            day[f"{what}_count"] += 1
            day[f"{what}_cents"] += row.amount_cents
            day[f"{what}_tax"] += row.tax_cents or 0
            day["refunded_tips"] += row.tip_refunded_cents or 0
            fees = json.loads(row.details or "{}").get("order_fee_cents", 0)
            day["refunded_service_charge"] += (row.charge_cents or 0) - fees
            day["refunded_order_fees"] += fees
    rows = [row for row in sales.truth["daily"] if row["closeout_hour"] == hours and row["basis"] == basis]
    assert len(rows) > 150
    names = {"Cash": "Cash", "Check": "Check", "House account": "House account"}
    for told_day in rows:
        if told_day["date"] < BEGIN.date().isoformat():
            continue
        tenders = {f"tender {name}": 0 for name in names}
        for one in told_day["tenders"]:
            if one["label"] in names:
                tenders[f"tender {one['label']}"] += one["cents"]
        day = days[told_day["date"]]
        told = {
            **{name: told_day[name] for name in ("orders", "gross", "auto_gratuity", "tax_liability", "tax_included")},
            **{name: told_day[name] for name in ("unitemized", "payments", "payments_cents", "tips_paid")},
            **{name: told_day[name] for name in ("refunds_count", "refunds_cents", "credits_count", "credits_cents")},
            **{name: told_day[name] for name in ("refunded_tips", "refunded_service_charge", "refunded_order_fees")},
            "refunds_tax": told_day["refunded_tax"],
            "credits_tax": told_day["credited_tax"],
            "after_discounts": told_day["gross"] + told_day["discounts"] + told_day["non_revenue"],
            "charges": told_day["order_fees"] + told_day["service_charge"] + told_day["delivery_fees"],
            **tenders,
        }
        assert {name: day[name] for name in told} == told, told_day["date"]


def test_tax_by_rate_is_what_payments_collected_but_for_what_was_not_paid(
    sales: Sales, documents: list[Document]
) -> None:
    mine: Counter[str] = Counter()
    left_out = {*sales.noted("order_partly_paid")}
    for key, document in by_key(documents, "orders").items():
        if root(document, Order).status == "completed" and key not in left_out:
            for row in of(document, OrderTax):
                mine[row.tax_rate_key.split("/")[1]] += row.amount_cents
    told: Counter[str] = Counter()
    unpaid = {row["id"] for row in sales.orders.values() if row["unpaid"]}
    bodies = (msgspec.json.decode(body.data)["elements"] for body in sales.reader.bodies("payments"))
    for payment in (one for page in bodies for one in page):
        order = payment["order"]["id"]
        if payment["result"] in ("SUCCESS", "AUTH_COMPLETED") and order in sales.orders and order not in left_out:
            assert order not in unpaid or "cash_rounding" in sales.orders[order]["kinds"]
            for part in payment["taxRates"]["elements"]:
                told[part["id"]] += part["taxAmount"]
    assert {key: cents for key, cents in mine.items() if cents} == {key: cents for key, cents in told.items() if cents}
    assert len(mine) > 5


def test_every_payment_is_the_sandbox_s(sales: Sales, documents: list[Document]) -> None:
    mine = by_key(documents, "payments")
    for told in sales.bench.told("payments"):
        if told["test"] or told["at"] < BEGIN.timestamp() * 1000:
            assert told["id"] not in mine
            continue
        document = mine.pop(told["id"])
        row = root(document, Payment)
        assert (row.amount_cents, row.tip_amount_cents, row.order_key) == (told["cents"], told["tip"], told["order"])
        assert (row.status == "completed") is told["counts"]
        assert row.staff_key == (f"{told['location']}/{told['employee']}" if told["employee"] else None)
        tips = of(document, Tip)
        assert [tip.tip_amount_cents for tip in tips] == ([told["tip"]] if told["tip"] and told["counts"] else [])
    assert mine == {}


def test_every_refund_and_credit_is_the_sandbox_s(sales: Sales, documents: list[Document]) -> None:
    mine = by_key(documents, "refunds")
    for told in sales.bench.told("refunds"):
        row = root(mine[told["id"]], Refund)
        fees = json.loads(row.details or "{}").get("order_fee_cents", 0)
        assert (row.amount_cents, row.tax_cents, row.tip_refunded_cents, (row.charge_cents or 0) - fees) == (
            told["cents"],
            told["tax"],
            told["tip"],
            told["service_charge"],
        )
        assert (row.payment_key, row.order_key) == (told["payment"], told["order"])
        assert (row.status == "completed") is told["counts"]
        goods = {item.source_line_id for item in of(mine.pop(told["id"]), RefundItem)}
        assert goods <= set(told["lines"])
        assert len(set(told["lines"]) - goods) == (1 if fees else 0)  # an order fee is a line there, and no goods
    for told in sales.bench.told("credits"):
        row = root(mine.pop(told["id"]), Refund)
        assert (row.amount_cents, row.tax_cents, row.payment_key) == (told["cents"], told["tax"], None)
        assert (row.status == "completed") is told["counts"]
    assert mine == {}


def test_a_refund_can_book_on_the_day_of_its_sale(sales: Sales) -> None:
    orders = by_key(sales.documents(), "orders")
    moved = 0
    for document in by_key(sales.documents(sales.rules(refunds="sale_day")), "refunds").values():
        row = root(document, Refund)
        if row.payment_key is not None:
            sold = root(orders[row.order_key or ""], Order)
            assert row.sale_business_date == row.business_date == sold.business_date
            moved += row.processed_at is not None and row.processed_at[:10] != row.business_date
    assert moved > 8


def test_the_cash_log_is_kept_signed(sales: Sales, documents: list[Document]) -> None:
    told = Counter((row["type"], row["cents"]) for row in sales.bench.told("cash_events"))
    mine = [document.rows[0] for document in documents if document.kind == "cash_events"]
    assert Counter((row.source_type, row.amount_cents) for row in mine if isinstance(row, CashEvent)) == told


def test_peculiar_sales_become_what_they_are(sales: Sales, documents: list[Document]) -> None:
    orders, payments = by_key(documents, "orders"), by_key(documents, "payments")

    def order(what: str) -> Document:
        return orders[sales.noted(f"order_{what}")[0]]

    (gone,) = [row for row in of(order("exchange"), OrderItem) if row.is_voided]
    assert gone.void_reason == "exchanged"
    assert len(of(order("banquet_over_100_lines"), OrderItem)) == 137
    (voided,) = [row for row in of(order("voided_line"), OrderItem) if row.is_voided]
    assert (voided.item_name, voided.line_subtotal_cents, voided.void_reason) == ("Meatloaf", 1495, "Dropped")
    assert voided.approved_by_key is not None
    assert voided.voided_at is not None
    assert root(order("voided_all_lines"), Order).status == "cancelled"
    assert root(order("draft_paid"), Order).status == "completed"
    assert root(order("open"), Order).status == "pending"
    (comp,) = of(order("comp_line"), OrderDiscount)
    assert (comp.is_comp, comp.reason, comp.percentage) == (True, "Comp: cold food", "100")
    assert comp.approved_by_key is not None
    assert {tax.remitted_by for tax in of(order("marketplace"), OrderTax)} == {"marketplace"}
    for what in ("tax_removed", "untaxed_by_type"):
        assert (root(order(what), Order).is_tax_exempt, of(order(what), OrderTax)) == (True, [])
    assert [tax.is_inclusive for tax in of(order("vat"), OrderTax)] == [True]
    assert [line.quantity for line in of(order("fraction"), OrderItem)] == ["2.345", "0.125"]
    assert [charge.charge_class for charge in of(order("auto_gratuity"), OrderServiceCharge)] == ["auto_gratuity"]
    assert [charge.charge_class for charge in of(order("delivery_fee"), OrderServiceCharge)] == ["delivery"]
    assert {line.revenue_class for line in of(order("gift_card_sale"), OrderItem)} == {"sale", "gift_card_load"}
    at = sales.location.source_id
    known = {f"{at}/{one['group']}/{one['id']}" for one in sales.truth["modifiers"]}
    chosen = {m.modifier_key for d in orders.values() for m in of(d, OrderItemModifier)}
    assert len(chosen & known) > 10
    assert of(order("modifier_by_hand"), OrderItemModifier)[0].modifier_key is None
    dangling = of(order("item_unknown"), OrderItem)[0]
    assert dangling.menu_item_key.startswith(f"{at}/")
    words = {row.tender_name for d in payments.values() if isinstance(row := d.rows[0], Payment)}
    assert words == {
        "Cash",
        "Card",
        "Check",
        "Gift card",
        "House account",
        "External Payment",
        "Doorstep",
        "Store credit",
    }
    row = root(payments[sales.noted("payment_voided")[0]], Payment)
    assert row.status == "voided"
    assert row.void_business_date == row.business_date


def test_what_contradicts_itself_is_loaded_as_sent_and_flagged(sales: Sales, documents: list[Document]) -> None:
    flagged = {
        sales.orders[key]["kinds"][0]: flags(document)
        for key, document in by_key(documents, "orders").items()
        if flags(document)
    }
    assert flagged == {
        "manual": ["lines_do_not_add_up"],
        "cash_rounding": ["payments_do_not_cover"],
        "total_stated_wrong": ["total_does_not_add_up"],
    }
    wrong = root(by_key(documents, "orders")[sales.noted("order_total_stated_wrong")[0]], Order)
    assert msgspec.json.decode(wrong.details or "")["stated_total_cents"] == 1


def test_nothing_of_guests_staff_or_cards_is_stored(sales: Sales, documents: list[Document]) -> None:
    history = ("orders", "payments", "refunds", "credits", "cash_events", "test_orders")
    text = "".join(body.data.decode() for name in history for body in sales.reader.bodies(name))
    for name in ("cardholderName", "vaultedCard", "first6", "authCode", "note", "firstName", "binName", "userData"):
        assert f'"{name}"' not in text
    assert [one for one in sales.truth["secrets"] if one in text] == []
    assert [one for one in sales.truth["personal"] if "@" in str(one) and str(one) in text] == []
    assert "Tab: Rae" not in text
    for row in (row for document in documents for row in document.rows):
        assert "enc:v1:" not in repr(row)
    (key,) = sales.noted("order_customers_two")
    shared = root(by_key(documents, "orders")[key], Order)
    guest = sales.orders[key]["customers"][0]
    assert shared.customer_key == f"{sales.location.source_id}/{guest}"
    assert shared.guest_reference == PlainSeals().person(guest)


# Bodies by hand -------------------------------------------------------------------------------------------------------


A = {"id": "A", "name": "Sales", "rate": 725_000}
B = {"id": "B", "name": "City", "rate": 100_000}
FLAT = {"id": "F", "name": "Bag", "rate": 0, "taxAmount": 10}
VAT = {"id": "V", "name": "VAT", "rate": 2_000_000}


def line(price: int, *rates: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"L{price}", "name": "Dish", "price": price, "taxRates": {"elements": list(rates)}, **more}


def listed(*rows: Any) -> dict[str, Any]:
    return {"elements": list(rows)}


VECTORS: dict[str, tuple[dict[str, Any], tuple[int, int, int, int, int]]] = {
    "V1": (
        {"lineItems": listed(line(1395, A, modifications=listed({"amount": 175})), line(1395, A), line(350, A, B))},
        (3315, 3315, 244, 0, 3559),
    ),
    "V2": (
        {
            "lineItems": listed(
                line(
                    1395,
                    A,
                    modifications=listed({"amount": 175}),
                    discounts=listed({"percentageDecimal": 125_000}, {"amount": -50}),
                ),
                line(820, A),
            ),
            "discounts": listed({"percentage": 10}),
        },
        (2144, 1930, 140, 0, 2070),
    ),
    "V3": (
        {
            "lineItems": listed(line(1000, A), line(400)),
            "discounts": listed({"amount": -300}),
            "serviceCharge": {"percentageDecimal": 180_000},
        },
        (1400, 1100, 57, 198, 1355),
    ),
    "V4": ({"lineItems": listed(line(649, A, unitQty=2345))}, (1522, 1522, 110, 0, 1632)),
    "V5": ({"lineItems": listed(line(499, FLAT), line(499, FLAT, A))}, (998, 998, 56, 0, 1054)),
    "V6": (
        {"isVat": True, "lineItems": listed(line(1500, VAT), line(999, VAT)), "discounts": listed({"percentage": 10})},
        (2499, 2249, 375, 0, 2249),
    ),
    "V7": ({"lineItems": listed(line(1200, A, refunded=True), line(800, A))}, (2000, 2000, 145, 0, 2145)),
    "V8": ({"taxRemoved": True, "lineItems": listed(line(1200, A))}, (1200, 1200, 0, 0, 1200)),
    "V9": ({"lineItems": listed(line(1200, A), line(216, A, isOrderFee=True))}, (1200, 1200, 87, 0, 1503)),
    "V10": (
        {
            "lineItems": listed(line(1999, A), line(1, A)),
            "discounts": listed({"percentageDecimal": 333_000}, {"amount": -7}),
        },
        (2000, 1327, 96, 0, 1423),
    ),
    "V11": (
        {"lineItems": listed(line(1870)), "serviceCharge": {"percentageDecimal": 50_000}},
        (1870, 1870, 0, 94, 1964),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_totals_follow_the_measured_vectors(name: str) -> None:
    raw, expected = VECTORS[name]
    found = figures(msgspec.convert(raw, wire.Order))
    assert (found.subtotal, found.discounted, found.tax, found.service_charge, found.total) == expected
    if name == "V7":
        assert figures(msgspec.convert(raw, wire.Order), refunded=False).total == 858


def handmade(sales: Sales, entity: str, *rows: Any) -> list[Document]:
    """The documents of a body written by hand."""
    data = msgspec.json.encode({"elements": rows})
    body = StoredBody(entity, data, "GET", f"/v3/merchants/M/{entity}", None, None, 1, "", len(rows), "ab" * 32, 1)
    mapper = CONNECTOR.history_mapper(sales.reader, sales.location, PlainSeals(), sales.rules())
    return list(mapper.documents(body))


def test_a_record_that_cannot_become_rows_goes_to_quarantine_and_its_page_does_not(sales: Sales) -> None:
    good = {"id": "GOOD", "createdTime": 1_764_600_000_000, "lineItems": listed(line(100))}
    found = handmade(
        sales,
        "orders",
        good,
        {**good, "id": "TEXT", "total": "12.50"},
        {**good, "id": None},
        {**good, "id": "NEVER", "createdTime": None},
        {**good, "id": "FAR", "createdTime": 10**18},
    )
    assert {document.key: document.fault.split(":")[0] for document in found} == {
        "GOOD": "",
        "TEXT": "not of the documented shape",
        f"{'ab' * 8}:2": "the record has no id",
        "NEVER": "the order has no time of creation (createdTime)",
        "FAR": "the order has no time of creation (createdTime)",
    }
    (paid,) = handmade(sales, "payments", {"id": "P", "createdTime": 1_764_600_000_000})
    assert paid.fault == "the payment has no amount"


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"currency": "CAD"}, "currency_differs"),
        ({"createdTime": 946_684_800_000}, "absurd_date"),
        ({"createdTime": 1_900_000_000_000}, "absurd_date"),
        ({"lineItems": listed(line(-500)), "total": -500}, "negative_total"),
        ({"total": 99}, "total_does_not_add_up"),
        ({"paymentState": "PAID"}, "payments_do_not_cover"),
        ({"payments": listed({"result": "SUCCESS", "amount": 100, "taxAmount": 3})}, "tax_does_not_add_up"),
        (
            {
                "payments": listed({"result": "SUCCESS", "amount": 100}),
                "refunds": listed({"amount": 101, "status": "SUCCESS"}),
            },
            "refund_exceeds_sale",
        ),
    ],
)
def test_orders_that_contradict_themselves_say_so(sales: Sales, change: dict[str, Any], flag: str) -> None:
    sound = {
        "id": "O",
        "currency": "USD",
        "createdTime": 1_764_600_000_000,
        "total": 100,
        "lineItems": listed(line(100)),
        "payments": listed(),
    }
    (document,) = handmade(sales, "orders", sound)
    assert flags(document) == []
    (document,) = handmade(sales, "orders", {**sound, **change})
    assert flag in flags(document)


def test_an_order_fee_that_was_given_back_is_a_charge_and_no_goods(sales: Sales) -> None:
    lines = ({**line(1000), "id": "L1"}, {**line(180), "id": "L2", "isOrderFee": True})
    refund = {
        "id": "R", "createdTime": 1_764_600_000_000, "amount": 1263, "taxAmount": 83, "payment": {"id": "P"},
        "lineItems": listed({"id": "L1"}, {"id": "L2"}), "order": {"id": "O", "lineItems": listed(*lines)},
    }  # fmt: skip
    (document,) = handmade(sales, "refunds", refund)
    row = root(document, Refund)
    assert (row.net_cents, row.tax_cents, row.charge_cents, row.details) == (1000, 83, 180, '{"order_fee_cents":180}')
    assert [item.source_line_id for item in of(document, RefundItem)] == ["L1"]


def test_tenders_nobody_names_are_unknown_and_flagged(sales: Sales) -> None:
    paid = {"id": "P", "createdTime": 1_764_600_000_000, "amount": 100, "result": "SUCCESS", "tender": {"id": "GONE"}}
    (document,) = handmade(sales, "payments", paid)
    row = root(document, Payment)
    assert (row.tender_name, row.method) == ("Unknown", "other")
    assert flags(document) == ["unknown_tender", "missing_reference"]
    (document,) = handmade(sales, "payments", {**paid, "result": "SOMETHING_NEW"})
    assert root(document, Payment).status == "pending"
