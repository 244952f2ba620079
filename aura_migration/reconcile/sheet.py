"""The consolidated daily sheet: every sale once, across both books. The accountant's page while both systems run.

An order counts in the one book that ``books.BOOK_SQL`` gives it; of two twins one counts, the other is left out with its
payments and refunds. Payments, tips and refunds follow their order into its book, on their own business date: the refund
of an old card sale counts in the POS's book, also long after the channel was switched. Money without an order counts where
it was taken. What counts as a sale, and what net sales are, is as in the reports of a location (``docs/reports.md``).

Read from AuraConnect's tables alone; nothing is stored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

import psycopg

from aura_migration.core.money import show
from aura_migration.reconcile.books import BOOK_SQL

COUNTS_SQL = "(o.status = 'completed' AND NOT o.is_voided AND NOT o.voided_at_source AND o.deleted_at IS NULL)"
"""An order ``o`` that is in sums."""
OPEN_SQL = (
    "(o.status IN ('pending', 'scheduled') AND NOT o.is_voided AND NOT o.voided_at_source AND o.deleted_at IS NULL)"
)
TENDERED_SQL = "(p.status = 'completed' AND p.deleted_at IS NULL)"
"""A payment ``p`` that is in sums."""
TOTAL = "total"


@dataclass(frozen=True)
class Tender:
    """What came in and went out by a tender, minor units. ``paid`` without tips; ``refunded`` is all that went back."""

    payments: int = 0
    paid: int = 0
    tips: int = 0
    refunds: int = 0
    refunded: int = 0

    @property
    def collected(self) -> int:
        """What the tender brought: to be held against the till or the bank."""
        return self.paid + self.tips - self.refunded

    def __add__(self, other: Tender) -> Tender:
        return Tender(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tender)))


@dataclass(frozen=True)
class Figures:
    """One business date in one book. Amounts are minor units.

    ``net`` = gross − discounts − tax inside prices + service charges. ``total`` is payable of the orders, tips apart.
    ``tips`` are those of payments made that date; ``refunds`` what was given back that date, in its parts.
    """

    orders: int = 0
    gross: int = 0
    discounts: int = 0
    included_tax: int = 0
    charges: int = 0
    net: int = 0
    tax: int = 0
    marketplace_tax: int = 0
    gratuity: int = 0
    fundraising: int = 0
    rounding: int = 0
    non_sale: int = 0
    total: int = 0
    payments: int = 0
    paid: int = 0
    tips: int = 0
    refunds: int = 0
    refunded: int = 0
    refunded_net: int = 0
    refunded_tax: int = 0
    refunded_tips: int = 0
    refunded_charges: int = 0
    open_orders: int = 0
    open_total: int = 0
    tenders: Mapping[str, Tender] = field(default_factory=dict)

    def __add__(self, other: Figures) -> Figures:
        sums = {name: getattr(self, name) + getattr(other, name) for name in METRICS}
        names = sorted({*self.tenders, *other.tenders})
        tenders = {name: self.tenders.get(name, Tender()) + other.tenders.get(name, Tender()) for name in names}
        return Figures(**sums, tenders=tenders)


METRICS = tuple(one.name for one in fields(Figures) if one.name != "tenders")
"""The figures of a date, in the order of the sheet's columns."""
COUNTED = frozenset({"orders", "payments", "refunds", "open_orders"})
"""Those that are numbers of things, not of money."""


@dataclass(frozen=True)
class SheetDay:
    """One business date: the figures of each book, and their sum."""

    business_date: date
    pos: Figures = Figures()
    auraconnect: Figures = Figures()
    left_out: int = 0

    @property
    def total(self) -> Figures:
        """Every sale once."""
        return self.pos + self.auraconnect

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: ``{"business_date", "pos", "auraconnect", "total", "left_out"}``.

        Amounts are minor units under ``…_cents``, what was given back under ``refunds_cents``; ``tenders`` by name.
        """
        return {
            "business_date": self.business_date.isoformat(),
            **{name: _plain(figures) for name, figures in self.columns().items()},
            "left_out": self.left_out,
        }

    def columns(self) -> dict[str, Figures]:
        """The figures by column: each book, and the total."""
        return {"pos": self.pos, "auraconnect": self.auraconnect, TOTAL: self.total}


def _plain(figures: Figures) -> dict[str, Any]:
    tenders = {
        name: {**{_key(one.name): getattr(each, one.name) for one in fields(Tender)}, "collected_cents": each.collected}
        for name, each in figures.tenders.items()
    }
    return {**{_key(name): getattr(figures, name) for name in METRICS}, "tenders": tenders}


def _key(name: str) -> str:
    if name in COUNTED:
        return name
    return "refunds_cents" if name == "refunded" else f"{name}_cents"


# -- the queries ------------------------------------------------------------------------------------------------------

_BETWEEN = "BETWEEN %(first)s AND %(last)s"
_PLACE = "o.location_id = %(location)s AND o.restaurant_id = %(restaurant)s"

_ITS_BOOK = f"""
CROSS JOIN LATERAL (SELECT (SELECT coalesce({BOOK_SQL}, 'none') FROM aura.orders o WHERE o.id = m.order_id) AS book) b
CROSS JOIN LATERAL (SELECT CASE WHEN b.book IS NOT NULL THEN nullif(b.book, 'none')
                                WHEN m.source_id IS NOT NULL THEN 'pos' ELSE 'auraconnect' END AS book) x"""
"""The book of a payment or refund ``m``: its order's, looked up by id one by one whatever the planner thinks of the tables; money
without an order counts where it was taken."""

_ORDERS = f"""
SELECT o.business_date, b.book, count(*) FILTER (WHERE s.counts) AS orders,
       sum(o.subtotal_cents - o.non_sale_cents) FILTER (WHERE s.counts) AS gross,
       sum(o.discount_amount_cents) FILTER (WHERE s.counts) AS discounts,
       sum(o.included_tax_cents) FILTER (WHERE s.counts) AS included_tax,
       sum(o.service_charge_amount_cents - coalesce(f.cents, 0)) FILTER (WHERE s.counts) AS charges,
       sum(o.subtotal_cents - o.non_sale_cents - o.discount_amount_cents - o.included_tax_cents
           + o.service_charge_amount_cents - coalesce(f.cents, 0)) FILTER (WHERE s.counts) AS net,
       sum(o.tax_amount_cents) FILTER (WHERE s.counts) AS tax,
       sum(m.cents) FILTER (WHERE s.counts) AS marketplace_tax,
       sum(o.gratuity_cents) FILTER (WHERE s.counts) AS gratuity,
       sum(f.cents) FILTER (WHERE s.counts) AS fundraising,
       sum(o.rounding_cents) FILTER (WHERE s.counts) AS rounding,
       sum(o.non_sale_cents) FILTER (WHERE s.counts) AS non_sale,
       sum(o.final_amount_cents) FILTER (WHERE s.counts) AS total,
       count(*) FILTER (WHERE s.is_open) AS open_orders,
       sum(o.final_amount_cents) FILTER (WHERE s.is_open) AS open_total
FROM aura.orders o
CROSS JOIN LATERAL (SELECT {COUNTS_SQL} AS counts, {OPEN_SQL} AS is_open) s
CROSS JOIN LATERAL (SELECT {BOOK_SQL} AS book) b
LEFT JOIN LATERAL (SELECT sum(c.amount_cents) AS cents FROM aura.order_service_charges c
                   WHERE c.order_id = o.id AND c.charge_class = 'fundraising' AND s.counts) f ON true
LEFT JOIN LATERAL (SELECT sum(t.amount_cents) AS cents FROM aura.order_taxes t
                   WHERE t.order_id = o.id AND t.remitted_by = 'marketplace' AND s.counts) m ON true
WHERE {_PLACE} AND o.business_date {_BETWEEN} AND (s.counts OR s.is_open)
GROUP BY o.business_date, b.book
"""


_PAYMENTS = f"""
WITH moved AS MATERIALIZED (
    SELECT p.* FROM aura.payments p
    WHERE p.location_id = %(location)s AND p.restaurant_id = %(restaurant)s AND p.business_date {_BETWEEN} AND {TENDERED_SQL}
)
SELECT m.business_date, x.book, m.tender_name, count(*) AS payments, sum(m.amount_cents) AS paid,
       sum(m.tip_amount_cents) AS tips
FROM moved m {_ITS_BOOK}
GROUP BY m.business_date, x.book, m.tender_name
"""

# An exchange hands nobody money: it paid for the order that its return is part of, and moves no tender.
_REFUNDS = f"""
WITH moved AS MATERIALIZED (
    SELECT r.id, r.business_date, r.source_id, coalesce(r.order_id, p.order_id) AS order_id, r.amount_cents, r.tax_cents,
           r.tip_refunded_cents, r.charge_cents,
           coalesce(r.net_cents, r.amount_cents - coalesce(r.tax_cents, 0) - coalesce(r.tip_refunded_cents, 0)
                    - coalesce(r.charge_cents, 0) - coalesce((r.details ->> 'rounding_cents')::bigint, 0)) AS net_cents,
           CASE WHEN r.payment_id IS NULL AND r.return_order_key IS NOT NULL AND coalesce(r.tender_name, '') = 'Exchange' THEN NULL
                ELSE coalesce(r.tender_name, p.tender_name, 'Unknown') END AS tender
    FROM aura.refunds r LEFT JOIN aura.payments p ON p.id = r.payment_id
    WHERE r.location_id = %(location)s AND r.restaurant_id = %(restaurant)s AND r.business_date {_BETWEEN}
      AND r.status = 'completed' AND r.deleted_at IS NULL
)
SELECT m.business_date, x.book, m.tender, count(*) AS refunds, sum(m.amount_cents) AS refunded,
       sum(m.net_cents) AS refunded_net, sum(m.tax_cents) AS refunded_tax, sum(m.tip_refunded_cents) AS refunded_tips,
       sum(m.charge_cents) AS refunded_charges
FROM moved m {_ITS_BOOK}
GROUP BY m.business_date, x.book, m.tender
"""


def daily_sheet(
    connection: psycopg.Connection[Any],
    restaurant_id: int,
    location_id: int,
    location_key: str,
    first: date,
    last: date,
) -> list[SheetDay]:
    """The sheet of a location's business dates, both ends in, one row per date without a gap.

    ``left_out`` of a date are orders that count in no book: the second of two twins, tests at the POS. Read in one statement snapshot per table; give a
    transaction of your own where somebody writes meanwhile.
    """
    sums: dict[tuple[date, str], dict[str, Any]] = {}
    left_out: dict[date, int] = {}
    arguments = {
        "restaurant": restaurant_id,
        "location": location_id,
        "location_key": location_key,
        "first": first,
        "last": last,
    }
    for row in _rows(connection, _ORDERS, arguments):
        day, book = row.pop("business_date"), row.pop("book")
        if book is None:
            left_out[day] = left_out.get(day, 0) + row["orders"]
        else:
            sums.setdefault((day, book), {}).update({name: int(value or 0) for name, value in row.items()})
    for row in (*_rows(connection, _PAYMENTS, arguments), *_rows(connection, _REFUNDS, arguments)):
        day, book = row.pop("business_date"), row.pop("book")
        if book is None:
            continue
        tender = row.pop("tender_name", None) or row.pop("tender", None)
        figures = sums.setdefault((day, book), {})
        for name, value in row.items():
            figures[name] = figures.get(name, 0) + int(value or 0)
        if tender is not None:
            moved = Tender(**{one.name: int(row.get(one.name) or 0) for one in fields(Tender)})
            tenders = figures.setdefault("tenders", {})
            tenders[tender] = tenders.get(tender, Tender()) + moved
    days = [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    return [
        SheetDay(
            day,
            pos=Figures(**sums.get((day, "pos"), {})),
            auraconnect=Figures(**sums.get((day, "auraconnect"), {})),
            left_out=left_out.get(day, 0),
        )
        for day in days
    ]


def total_of(days: Iterable[SheetDay]) -> Figures:
    """The figures of all dates and both books together."""
    return sum((day.total for day in days), Figures())


def sheet_rows(days: Iterable[SheetDay]) -> tuple[list[str], list[list[Any]]]:
    """The sheet as a table for accountants, amounts in minor units: one row per business date and column (each book, total).

    The headings begin with ``business_date``, ``book``; after the figures there is one ``collected …`` column per tender.
    """
    days = list(days)
    tenders = sorted({name for day in days for name in day.total.tenders})
    headings = ["business_date", "book", *METRICS, *(f"collected {name}" for name in tenders)]
    rows = [
        [
            day.business_date,
            column,
            *(getattr(figures, name) for name in METRICS),
            *(figures.tenders.get(name, Tender()).collected for name in tenders),
        ]
        for day in days
        for column, figures in day.columns().items()
    ]
    return headings, rows


def sheet_csv(days: Iterable[SheetDay], currency: str) -> str:
    """The sheet as CSV, amounts with the currency's decimals."""
    headings, rows = sheet_rows(days)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*headings[:2], "currency", *headings[2:]])
    for day, column, *values in rows:
        shown = [
            value if name in COUNTED else show(value, currency)
            for name, value in zip(headings[2:], values, strict=True)
        ]
        writer.writerow([day.isoformat(), column, currency, *shown])
    return out.getvalue()


def _rows(connection: psycopg.Connection[Any], query: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query.encode(), arguments).fetchall()
