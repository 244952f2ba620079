"""Toast's own daily reports as a restaurant downloads them: sales, taxes and payments by business date.

The column names are ours: no API text knows these files. One file differs on purpose; its truth says where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aura_migration.sandbox.toast.orders.truth import OrdersTruth
from aura_migration.sandbox.toast.people.export_files import Cells, ExportFile, dollars

KIND = "daily_report"
SALES = [
    "Business Date", "Location", "Orders", "Guests", "Gross Sales", "Discounts", "Net Sales", "Tax", "Tips", "Gratuity",
    "Deferred (gift cards)", "Refunds", "Voids",
]  # fmt: skip
TAXES = ["Business Date", "Location", "Tax Rate", "Taxable Amount", "Tax Amount", "Remitted By Marketplace"]
PAYMENTS = ["Business Date", "Location", "Payment Type", "Count", "Amount", "Tips", "Refunded", "Total"]
WRONG_BY = 1_337
"""Cents by which the differing report is wrong."""


class Reports:
    """The report files of an account; none where there is no history."""

    def __init__(self, told: OrdersTruth, names: Callable[[], dict[str, str]]) -> None:
        self._told = told
        self._names = names

    def _days(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        names = self._names()
        for row in self._told.daily():
            yield row["business_date"], names[row["location"]], row

    def _sales(self, wrong: tuple[str, str] | None = None) -> Iterator[Cells]:
        yield SALES
        totals: dict[str, int] = {}
        for day, place, row in self._days():
            more = WRONG_BY if wrong == (row["location"], day) else 0
            parts = (row["gross_cents"] + more, -row["discount_cents"], row["net_cents"] + more, row["tax_cents"],
                     row["tip_cents"], row["gratuity_cents"], row["deferred_cents"],
                     row["refund_cents"] + row["refund_tip_cents"], row["voided_line_cents"] + row["voided_order_cents"])  # fmt: skip
            for column, cents in zip(SALES[4:], parts, strict=True):
                totals[column] = totals.get(column, 0) + cents
            yield [day, place, str(row["orders"]), str(row["guests"]), *(dollars(cents) for cents in parts)]
        yield ["Total", "", "", "", *(dollars(totals.get(column, 0)) for column in SALES[4:])]

    def _taxes(self) -> Iterator[Cells]:
        yield TAXES
        for day, place, row in self._days():
            for tax in row["tax_by_rate"]:
                remitted = "Yes" if tax["remitted_by_marketplace"] else "No"
                yield [day, place, tax["name"], dollars(tax["taxable_cents"]), dollars(tax["cents"]), remitted]

    def _payments(self) -> Iterator[Cells]:
        yield PAYMENTS
        for day, place, row in self._days():
            for one in row["tenders"]:
                cells = [dollars(one["cents"]), dollars(one["tip_cents"]), "", dollars(one["cents"] + one["tip_cents"])]
                yield [day, place, one["key"].replace("_", " ").title(), str(one["count"]), *cells]
            if row["refunds"]:
                back = row["refund_cents"] + row["refund_tip_cents"]
                yield [day, place, "Refunds", str(row["refunds"]), "", "", dollars(-back), dollars(-back)]

    def _wrong(self) -> dict[str, Any] | None:
        """The busy day the differing report gets wrong: the middle one."""
        rows = [row for row in self._told.daily() if row["orders"]]
        return rows[len(rows) // 2] if rows else None

    def files(self) -> list[ExportFile]:
        """The files there are. The days must be counted."""
        if not self._told.history:
            return []
        wrong = self._wrong()
        made = [
            ExportFile(
                "sales_summary_by_day.csv", KIND, "net sales by business date, with a line of totals", self._sales
            ),
            ExportFile("tax_summary_by_day.csv", KIND, "tax by business date and rate", self._taxes),
            ExportFile("payment_summary_by_day.csv", KIND, "payments by business date and type", self._payments),
        ]
        if wrong is not None:
            day, place = wrong["business_date"], wrong["location"]
            differs = ExportFile(
                "sales_summary_by_day_differs.csv", KIND, "net sales by business date; one day is not what orders say",
                lambda: self._sales((place, day)),
                faults=["one day's gross and net sales differ from the orders"],
            )  # fmt: skip
            true = {"gross_cents": wrong["gross_cents"], "net_cents": wrong["net_cents"]}
            differs.problems = [
                {"location": place, "business_date": day, "column": column, "true_cents": true[field],
                 "stated_cents": true[field] + WRONG_BY}
                for column, field in (("Gross Sales", "gross_cents"), ("Net Sales", "net_cents"))
            ]  # fmt: skip
            made.append(differs)
        return made
