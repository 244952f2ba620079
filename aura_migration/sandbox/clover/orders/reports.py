"""The merchant's own daily reports as CSV, as the dashboard exports them: sales, taxes by rate, payments by tender.

One sales report differs from the truth on purpose: a day on which somebody's cash went missing from the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aura_migration.sandbox.clover.orders.ledger import Ledger, Row
from aura_migration.sandbox.clover.people.sheets import Line, Sheet, dollars, plain_money, total_line
from aura_migration.sandbox.clover.world import Merchant, World

KIND = "daily_report"
DIFFERENCE = 1700
SALES_COLUMNS = (
    "Date",
    "Orders",
    "Gross Sales",
    "Discounts",
    "Refunds",
    "Net Sales",
    "Non-Revenue Items",
    "Order Fees",
    "Service Charge",
    "Tax",
    "Tips",
    "Amount Collected",
)
FIGURES = (
    "gross",
    "discounts",
    "refunds",
    "net",
    "non_revenue",
    "order_fees",
    "service_charge_collected",
    "tax",
    "tips",
    "collected",
)
TAX_COLUMNS = ("Date", "Tax Name", "Rate", "Taxable Sales", "Tax Collected")
TENDER_COLUMNS = ("Date", "Tender", "Payments", "Amount", "Tips", "Refunds", "Credits")


def daily_reports(world: World) -> None:
    """Add the reports of every merchant to the world; the first merchant has a wrong one too."""
    for merchant in world.merchants.values():
        tag = "" if len(world.merchants) == 1 else f"-{merchant.number}"
        for name, columns, lines, place, note in (
            ("sales", SALES_COLUMNS, _sales, 11, "Sales by day: calendar days, sales on the day of their order"),
            ("taxes", TAX_COLUMNS, _taxes, 4, "Taxes by day and rate, from payments, before refunds"),
            ("tenders", TENDER_COLUMNS, _tenders, 3, "Payments by day and tender"),
        ):
            _add(world, merchant, f"daily-{name}{tag}.csv", columns, lines, place, note)
        if merchant is world.first:
            note = f"Sales by day; on one day {plain_money(DIFFERENCE)} of gross and collected are missing"
            _add(world, merchant, f"daily-sales-differs{tag}.csv", SALES_COLUMNS, _differing, 11, note, sound=False)


def _add(
    world: World,
    merchant: Merchant,
    name: str,
    columns: tuple[str, ...],
    lines: Callable[[Ledger], Iterator[Line]],
    place: int,
    note: str,
    sound: bool = True,
) -> None:
    def made() -> Iterable[Line]:
        assert merchant.ledger is not None
        return lines(merchant.ledger)

    world.reports[name] = Sheet(
        name, KIND, note, columns, made, total_line("Total", place, dollars), sound=sound, locations=(merchant.id,)
    )


def _days(ledger: Ledger) -> Iterator[Row]:
    return (row for row in ledger.daily() if row["closeout_hour"] == 0 and row["basis"] == "created")


def _sale(row: Row, problem: str | None = None) -> Line:
    cells = [row["date"], str(row["orders"]), *(dollars(row[name]) for name in FIGURES)]
    told = {name: row[name] for name in ("location", "date", "orders", *FIGURES)}
    return Line(cells, {**told, "problem": problem}, row["collected"])


def _sales(ledger: Ledger) -> Iterator[Line]:
    return (_sale(row) for row in _days(ledger))


def _differing(ledger: Ledger) -> Iterator[Line]:
    rows = list(_days(ledger))
    wrong = next((place for place in range(len(rows) // 2, len(rows)) if rows[place]["gross"] > 2 * DIFFERENCE), -1)
    for place, row in enumerate(rows):
        if place == wrong:
            less = {name: row[name] - DIFFERENCE for name in ("gross", "net", "collected")}
            yield _sale({**row, **less}, "differs")
        else:
            yield _sale(row)


def _taxes(ledger: Ledger) -> Iterator[Line]:
    for row in _days(ledger):
        for part in row["tax_by_rate"]:
            rate = f"{part['rate'] / 100_000:.5f}".rstrip("0").rstrip(".") + "%"
            cells = [row["date"], part["name"], rate, plain_money(part["taxable"]), plain_money(part["tax"])]
            yield Line(cells, {"location": row["location"], "date": row["date"], **part}, part["tax"])


def _tenders(ledger: Ledger) -> Iterator[Line]:
    for row in _days(ledger):
        for part in row["tenders"]:
            amounts = (part["cents"], part["tips"], -part["refunded_cents"], -part["credited_cents"])
            cells = [row["date"], part["label"] or "Other", str(part["payments"]), *map(plain_money, amounts)]
            yield Line(cells, {"location": row["location"], "date": row["date"], **part}, part["cents"])
