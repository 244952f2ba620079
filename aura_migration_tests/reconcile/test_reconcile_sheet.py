"""The consolidated sheet: whatever was switched in the middle of whatever day, the sum is what was sold."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from aura_migration.core.clock import business_date
from aura_migration.migration.reports.sales import refresh_reports
from aura_migration.reconcile.books import Book, set_owner, switched
from aura_migration.reconcile.sheet import COUNTED, METRICS, SheetDay, Tender, daily_sheet, sheet_csv, total_of
from aura_migration_tests.support.sales import Charge, Line, Tax, Till

ZONE = ZoneInfo("America/New_York")
FIRST = date(2026, 3, 6)  # Friday; the clocks go forward in the night to Sunday the 8th
DAYS = 6
CLOSEOUT = timedelta(hours=4)
SWITCHES: dict[str, list[tuple[datetime, Book]]] = {
    # there, back in the middle of an evening, and there again
    "online": [
        (datetime(2026, 3, 7, 18, 17, tzinfo=UTC), "auraconnect"),
        (datetime(2026, 3, 8, 23, 40, tzinfo=UTC), "pos"),
        (datetime(2026, 3, 9, 16, 5, tzinfo=UTC), "auraconnect"),
    ],
    # after midnight, within the business date
    "in_house": [(datetime(2026, 3, 9, 4, 30, tzinfo=UTC), "auraconnect")],
}
CHANNELS = ("in_house", "in_house", "kiosk", "phone", "online", "online", "third_party")


def owned(channel: str, at: datetime) -> Book:
    """Whose the channel is, told apart from the code under test."""
    book: Book = "pos"
    for since, then in SWITCHES[switched(channel)]:
        if since <= at:
            book = then
    return book


class Trade:
    """Days of trade of which is written down what was sold, apart from where it was rung up."""

    def __init__(self, till: Till, seed: int) -> None:
        self.till = till
        self.random = random.Random(seed)
        self.truth: dict[date, Counter[str]] = defaultdict(Counter)
        self.tenders: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        self.books: Counter[str] = Counter()
        self.pushed = 0

    def run(self, orders: int) -> None:
        """So many orders over the days, after midnight too, with what becomes of them later."""
        for number in range(orders):
            opened = datetime(FIRST.year, FIRST.month, FIRST.day, 11, tzinfo=ZONE).astimezone(UTC) + timedelta(
                days=number % DAYS, minutes=self.random.randrange(0, 15 * 60)
            )
            self._sale(opened, self.random.choice(CHANNELS))
        self.till.flush()

    def _sale(self, opened: datetime, channel: str) -> None:
        ours = owned(channel, opened) == "auraconnect"
        closed = opened + timedelta(minutes=self.random.choice((5, 40, 90)))
        day = business_date(closed, ZONE.key, CLOSEOUT)
        head: dict[str, Any] = {"channel": channel, "opened_at": opened, "closed_at": closed, "origin": "pos_native"}
        gross = self.random.randrange(500, 9000)
        tax, tip = Tax(round(gross * 0.08875)), self.random.choice((0, 0, 150, 400))
        lines = [Line(gross, taxes=(tax,), discount=self.random.choice((0, 0, 100)))]
        if self.random.random() < 0.1:
            lines.append(Line(2500, "Gift card", revenue_class="gift_card_load"))
        charges = [
            Charge(self.random.choice((0, 0, 200)), self.random.choice(("service", "auto_gratuity", "fundraising")))
        ]
        if ours:
            head |= {"origin": "aura_native", "source_id": None}
        order = self.till.check(str(day), lines, [one for one in charges if one.cents], **head)
        payable = self.till.payable(order)
        tender = self.random.choice(("card", "cash", "gift_card"))
        kept = "auraconnect" if ours else "pos"
        self.books[kept] += 1
        self._note(day, lines[0], charges[0], payable)
        paid = self._paid(order, day, tender, payable, tip, is_ours=ours)
        if self.random.random() < 0.15:
            self._refunded(order, paid, closed + timedelta(hours=self.random.choice((1, 30, 60))), tender, is_ours=ours)
        if self.random.random() < 0.3:
            self._twin(order, str(day), lines, head, payable, is_ours=ours)

    def _note(self, day: date, line: Line, charge: Charge, payable: int) -> None:
        told = self.truth[day]
        service = charge.cents if charge.charge_class == "service" else 0
        told.update(
            orders=1,
            gross=line.gross,
            discounts=line.discount,
            charges=service,
            net=line.gross - line.discount + service,
            tax=line.taxes[0].cents,
            gratuity=charge.cents if charge.charge_class == "auto_gratuity" else 0,
            fundraising=charge.cents if charge.charge_class == "fundraising" else 0,
            total=payable,
        )
        told["non_sale"] += payable - (line.gross - line.discount + charge.cents + line.taxes[0].cents)

    def _paid(self, order: int, day: date, tender: str, payable: int, tip: int, *, is_ours: bool) -> int:
        own = {"source_id": None} if is_ours else {}
        self.truth[day].update(payments=1, paid=payable, tips=tip)
        self.tenders[day, tender].update(payments=1, paid=payable, tips=tip)
        return self.till.pay(str(day), order, payable, tender, tip, **own)

    def _refunded(self, order: int, payment: int, at: datetime, tender: str, *, is_ours: bool) -> None:
        """A late refund of an old card sale is made on the system that sold it, also when the channel was switched since."""
        day = business_date(at, ZONE.key, CLOSEOUT)
        own = {"source_id": None} if is_ours else {}
        self.till.refund(str(day), 300, tender, payment_id=payment, order_id=order, net_cents=270, tax_cents=30, **own)
        self.truth[day].update(refunds=1, refunded=300, refunded_net=270, refunded_tax=30)
        self.tenders[day, tender].update(refunds=1, refunded=300)

    def _twin(
        self, order: int, day: str, lines: list[Line], head: dict[str, Any], payable: int, *, is_ours: bool
    ) -> None:
        """The same sale in the other system too: it must not count."""
        self.pushed += 1
        rows: Any = self.till._rows["orders"]
        original = next(row for row in rows if row["id"] == order)
        if is_ours:
            way = self.random.choice(("id", "reference", "both", "left out"))
            if way != "reference":
                original["external_id"] = f"P{order}"
            if way == "left out":
                return
            copy = {**head, "origin": "pos_native", "source_id": f"P{order}"}
            if way != "id":
                copy["external_id"] = f"aura:{order}"
        else:
            copy = {**head, "origin": "aura_native", "source_id": None, "external_id": original["source_id"]}
        second = self.till.check(day, lines, **copy)
        self.till.pay(day, second, payable, "card", 100)
        self.till.refund(day, 100, "card", order_id=second)


@pytest.fixture(scope="module")
def till(databases: Any) -> Iterator[Till]:
    with databases.database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield Till(connection)


@pytest.fixture(scope="module")
def trade(till: Till) -> Trade:
    for channel, changes in SWITCHES.items():
        for at, book in changes:
            set_owner(
                till.connection, till.subject.location_key, channel, book, at, till.subject.migration_id, "op", ""
            )
    trade = Trade(till, seed=7)
    trade.run(420)
    assert min(trade.books.values()) > 100 and trade.pushed > 80
    return trade


@pytest.fixture(scope="module")
def sheet(till: Till, trade: Trade) -> list[SheetDay]:
    return _sheet(till, FIRST, max(trade.truth) + timedelta(days=1))


def test_every_sale_counts_once_though_both_channels_were_switched_in_the_middle_of_a_day(
    trade: Trade, sheet: list[SheetDay]
) -> None:
    assert [day.business_date for day in sheet] == [FIRST + timedelta(days=n) for n in range(len(sheet))]
    for day in sheet:
        told = trade.truth[day.business_date]
        assert {name: getattr(day.total, name) for name in METRICS} == {name: told[name] for name in METRICS}
        for name in ("card", "cash", "gift_card"):
            shown = day.total.tenders.get(name.replace("_", " ").capitalize(), Tender())
            known = trade.tenders[day.business_date, name]
            assert (shown.payments, shown.paid, shown.tips, shown.refunds, shown.refunded) == tuple(
                known[part] for part in ("payments", "paid", "tips", "refunds", "refunded")
            )
    assert (sum(day.pos.orders for day in sheet), sum(day.auraconnect.orders for day in sheet)) == (
        trade.books["pos"],
        trade.books["auraconnect"],
    )


def test_each_book_counts_on_the_day_of_the_switch_and_the_pos_still_refunds_afterwards(sheet: list[SheetDay]) -> None:
    by_day = {day.business_date: day for day in sheet}

    assert by_day[FIRST].auraconnect.orders == 0
    for day in (date(2026, 3, 7), date(2026, 3, 8)):
        assert by_day[day].pos.orders > 0 and by_day[day].auraconnect.orders > 0
    after = by_day[date(2026, 3, 10)]
    assert (after.pos.orders, after.pos.net) == (0, 0)
    assert after.pos.refunded > 0, "late refunds of old card sales"
    assert after.auraconnect.orders > 0
    assert sum(day.left_out for day in sheet) > 40


def test_the_columns_add_up_for_the_accountant(sheet: list[SheetDay]) -> None:
    table = list(csv.DictReader(io.StringIO(sheet_csv(sheet, "USD"))))

    assert [row["book"] for row in table[:3]] == ["pos", "auraconnect", "total"]
    assert len(table) == 3 * len(sheet)
    for pos, aura, total in zip(table[::3], table[1::3], table[2::3], strict=True):
        for name in (*METRICS, "collected Card", "collected Cash", "collected Gift card"):
            cents = [round(float(row[name]) * (1 if name in COUNTED else 100)) for row in (pos, aura, total)]
            assert cents[0] + cents[1] == cents[2], name
        assert float(total["net"]) == pytest.approx(
            float(total["gross"]) - float(total["discounts"]) - float(total["included_tax"]) + float(total["charges"])
        )
    shown = total_of(sheet)
    assert sum(one.collected for one in shown.tenders.values()) == shown.paid + shown.tips - shown.refunded
    told = sheet[1].as_dict()["total"]
    assert told["tenders"]["Card"]["collected_cents"] == sheet[1].total.tenders["Card"].collected
    assert (told["orders"], told["net_cents"], told["refunds_cents"]) == (
        sheet[1].total.orders,
        sheet[1].total.net,
        sheet[1].total.refunded,
    )


def test_without_a_switch_the_sheet_is_the_daily_sales_report(connection: psycopg.Connection[Any]) -> None:
    """The two are made by different queries; for a location that was never switched they say the same."""
    till = Till(connection)
    tax, inside = Tax(88), Tax(80, is_inclusive=True)
    first = till.check(
        "2026-03-06",
        [Line(1000, taxes=(tax,), comp=50), Line(700, is_voided=True)],
        [Charge(100)],
        opened_at="2026-03-06 18:00Z",
    )
    till.check("2026-03-06", [Line(1080, taxes=(inside,))], [Charge(200, "auto_gratuity"), Charge(30, "fundraising")])
    till.check("2026-03-06", [Line(900, taxes=(Tax(79, remitted_by="marketplace"),))], channel="third_party")
    till.check("2026-03-06", [Line(400)], status="pending", closed_at=None)
    till.check("2026-03-06", [Line(300)], is_voided=True)
    till.check("2026-03-06", [Line(310)], status="cancelled")
    till.check("2026-03-06", [Line(320)], voided_at_source=True)
    paid = till.pay("2026-03-06", first, 1138, tip=200)
    till.pay("2026-03-06", first, 55, status="authorized")
    till.pay("2026-03-06", None, 500, "cash")
    till.refund("2026-03-07", 350, payment_id=paid, net_cents=300, tax_cents=20, tip_refunded_cents=30)
    till.refund("2026-03-07", 120, order_id=first, tender_name="Exchange", return_order_key="R1")
    till.refund("2026-03-07", 75, status="pending", order_id=first)
    till.flush()
    refresh_reports(connection, till.restaurant, till.location)

    figures = {day.business_date: day.total for day in _sheet(till, date(2026, 3, 6), date(2026, 3, 7))}
    reported = till.rows(
        "SELECT business_date, checks, gross_sales_cents, discounts_cents + comps_cents, included_tax_cents, "
        "service_charges_cents, net_sales_cents, tax_cents, marketplace_tax_cents, gratuity_cents, fundraising_cents, "
        "rounding_cents, total_cents, payments, paid_cents, tips_cents, refunds, refunded_cents, refunded_sales_cents, "
        "refunded_tax_cents, refunded_tips_cents, refunded_charges_cents, open_checks, open_check_amount_cents "
        "FROM aura.report_daily_sales ORDER BY 1"
    )
    names = [name for name in METRICS if name != "non_sale"]
    assert reported == [(day, *(getattr(shown, name) for name in names)) for day, shown in figures.items()]
    assert figures[date(2026, 3, 7)].tenders == {"Card": Tender(refunds=1, refunded=350)}, "an exchange moves no tender"
    assert all(
        day.left_out == 0 and day.auraconnect.orders == 0 for day in _sheet(till, date(2026, 3, 6), date(2026, 3, 7))
    )


def _sheet(till: Till, first: date, last: date) -> list[SheetDay]:
    return daily_sheet(till.connection, till.restaurant, till.location, till.subject.location_key, first, last)
