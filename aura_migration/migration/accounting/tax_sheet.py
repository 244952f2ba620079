"""The sales-tax sheet: what was sold taxed, exempt, untaxed and through marketplaces, and tax by rate; per day and month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from aura_migration.migration.reports.sales.queries import BESIDE, REPORTS
from aura_migration.migration.reports.sales.working import Days, working_tables

SALES = {
    "net sales": "net_sales_cents",
    "taxed sales": "taxed_sales_cents",
    "sales taxed by marketplaces": "marketplace_taxed_sales_cents",
    "exempt sales": "exempt_sales_cents",
    "untaxed sales": "untaxed_sales_cents",
    "refunded sales": "refunded_sales_cents",
}
"""Rows of kind ``sales``; the four in the middle are the first."""


class TaxRow(NamedTuple):
    """One row of the sheet; amounts are minor units. ``kind``: ``sales`` or ``rate``; ``sales`` of a rate is its base."""

    period: str
    kind: str
    name: str
    rate_percent: Decimal | None
    in_price: bool | None
    remitted_by: str
    sales: int
    tax: int
    refunded_tax: int

    @property
    def due(self) -> int:
        """Tax less what was given back."""
        return self.tax - self.refunded_tax


class TaxSheet(NamedTuple):
    """The sheet by day and by month."""

    by_day: list[TaxRow]
    by_month: list[TaxRow]


def make_tax_sheet(connection: psycopg.Connection[Any], days: Days) -> TaxSheet:
    """The sheet of these days, as AuraConnect holds them now."""
    with working_tables(connection, days, BESIDE), connection.cursor(row_factory=dict_row) as cursor:
        by_day = sorted(_days(cursor, days), key=_place)
    return TaxSheet(by_day, sorted(_months(by_day), key=_place))


def _days(cursor: psycopg.Cursor[dict[str, Any]], days: Days) -> Iterator[TaxRow]:
    for row in _report(cursor, "report_daily_sales", days):
        row["net_sales_cents"] = sum(
            row[column] for name, column in SALES.items() if name not in ("net sales", "refunded sales")
        )
        if not any(row[column] for column in SALES.values()):
            continue  # a day on which somebody worked and nothing was sold
        for name, column in SALES.items():
            yield TaxRow(f"{row['business_date']}", "sales", name, None, None, "", int(row[column]), 0, 0)
    for row in _report(cursor, "report_taxes", days):
        yield TaxRow(
            f"{row['business_date']}",
            "rate",
            row["name"] or "rate not known",
            row["rate_percent"],
            row["is_inclusive"],
            row["remitted_by"],
            int(row["taxable_cents"]),
            int(row["tax_cents"]),
            int(row["refunded_tax_cents"]),
        )


def _months(rows: list[TaxRow]) -> Iterator[TaxRow]:
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        sums = found[(row.period[:7], *row[1:6])]
        for number, value in enumerate(row[6:9]):
            sums[number] += value
    for key, sums in found.items():
        yield TaxRow(*key, *sums)


def _place(row: TaxRow) -> tuple[Any, ...]:
    kind = list(SALES).index(row.name) if row.kind == "sales" else len(SALES)
    return row.period, kind, row.remitted_by != "restaurant", row.name, row.rate_percent or 0, bool(row.in_price)


def _report(cursor: psycopg.Cursor[dict[str, Any]], table: str, days: Days) -> list[dict[str, Any]]:
    report = REPORTS[table]
    named = f"SELECT * FROM ({report.query}) made ({report.columns})"
    return cursor.execute(named.encode(), days.arguments).fetchall()
