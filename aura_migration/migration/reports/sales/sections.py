"""Sales as sections of a report: each table by day in its CSV; on the page its sums over all days, and a chart.

Read from the report tables, which a load makes; nothing is computed from orders here. Staff appear masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aura_migration.canonical.masking import mask
from aura_migration.core.money import show
from aura_migration.migration.reports.base import Row, Section, Source
from aura_migration.migration.reports.sales.charts import CHARTS, draw_chart, spoken
from aura_migration.migration.reports.sales.place import Place, find_place

NOTHING = "No orders are loaded."
_AVERAGE = "round(sum(net_sales_cents)::numeric / nullif(sum(checks), 0))::bigint"
_PER_HOUR = "round(sum(net_sales_cents) / nullif(sum(labour_hours), 0))::bigint"


@dataclass(frozen=True)
class _Column:
    """A figure. ``over_days`` is how it is told of several days; its sum unless said."""

    name: str
    heading: str
    over_days: str = ""

    @property
    def total(self) -> str:
        return self.over_days or f"sum({self.name})"


@dataclass(frozen=True)
class _Sales:
    title: str
    table: str
    keys: Mapping[str, str]
    columns: tuple[_Column, ...]
    note: str = ""
    chart: str = ""


def _cents(**headings: str) -> tuple[_Column, ...]:
    return tuple(_Column(f"{name}_cents", heading) for name, heading in headings.items())


_CHECKS = (_Column("checks", "checks"), _Column("groups", "groups"), _Column("guests", "guests"))
_LABOUR = (
    _Column("labour_hours", "labour hours"),
    _Column("average_check_cents", "average check", _AVERAGE),
    _Column("sales_per_labour_hour_cents", "sales per labour hour", _PER_HOUR),
)

_SALES: dict[str, _Sales] = {
    "daily-sales": _Sales(
        "Sales by business date",
        "report_daily_sales",
        {},
        (
            *_CHECKS,
            *_cents(
                gross_sales="gross sales", discounts="discounts", comps="comps", included_tax="tax inside prices",
                service_charges="service charges", net_sales="net sales", tax="tax", marketplace_tax="of it remitted by marketplaces",
                gratuity="gratuity", fundraising="fundraising", rounding="rounding", gift_card_loads="gift cards sold",
                house_account_payments="house accounts paid", deposits="deposits", donations="donations", non_revenue="no revenue",
                total="total of checks", paid="payments", tips="tips", fees="fees", refunded="refunded", refunded_sales="refunded sales",
                refunded_tax="refunded tax", refunded_tips="refunded tips", refunded_charges="refunded charges",
                refunded_non_sale="refunded, no sale",
                refunded_sales_by_sale_day="refunded sales by day of sale", net_sales_after_refunds="net sales after refunds",
            ),
            _Column("voided_checks", "voided checks"),
            *_cents(voided_check_amount="voided checks, amount"),
            _Column("voided_lines", "voided lines"),
            *_cents(voided_line_amount="voided lines, amount"),
            _Column("open_checks", "open checks"),
            _Column("flagged_checks", "flagged checks"),
            *_LABOUR,
        ),
        "On the page by month. A refund is told on its own day; the day of its sale has it in a column of its own.",
        "daily_net_sales",
    ),
    "hourly-sales": _Sales(
        "Sales by hour",
        "report_hourly_sales",
        {"hour": "hour"},
        (*_CHECKS[:2], *_cents(gross_sales="gross sales", discounts="discounts and comps", net_sales="net sales", total="total of checks")),
        "Hours on the clock of the location; after midnight they may belong to the business date before.",
        "hourly_heat_map",
    ),
    "product-mix": _Sales(
        "Product mix",
        "report_product_mix",
        {"revenue_class": "class", "category_name": "category", "item_name": "item", "variation_name": "variation"},
        (
            _Column("quantity", "quantity"),
            *_cents(gross="gross", modifiers="of it modifiers", discounts="discounts", included_tax="tax inside prices", net="net"),
            _Column("refunded_quantity", "refunded quantity"),
            *_cents(refunded="refunded"),
        ),
        "Items by the name on the bill. A discount on a whole check is in it as far as the POS spreads it over the lines.",
        "product_mix",
    ),
    "category-sales": _Sales(
        "Sales by category",
        "report_category_sales",
        {"revenue_class": "class", "category_name": "category"},
        (
            _Column("quantity", "quantity"),
            *_cents(gross="gross", discounts="discounts", included_tax="tax inside prices", net="net", refunded="refunded"),
        ),
    ),
    "tenders": _Sales(
        "Payments by tender",
        "report_tenders",
        {"method": "method", "tender_name": "tender"},
        (
            _Column("payments", "payments"),
            *_cents(amount="amount", tips="tips", fees="fees"),
            _Column("refunds", "refunds"),
            *_cents(refunded="refunded", collected="collected"),
        ),
        "Collected: amount and tips less refunds.",
        "tenders",
    ),
    "taxes": _Sales(
        "Tax by rate",
        "report_taxes",
        {"name": "tax name", "rate_percent": "rate %", "is_inclusive": "inside price", "remitted_by": "remitted by"},
        (_Column("checks", "checks"), *_cents(taxable="taxable", tax="tax", refunded_tax="refunded tax")),
    ),
    "channels": _Sales(
        "Sales by channel and order type",
        "report_channels",
        {"channel": "channel", "order_type": "order type"},
        (
            *_CHECKS,
            *_cents(
                gross_sales="gross sales", discounts="discounts and comps", net_sales="net sales", tax="tax",
                marketplace_tax="of it remitted by marketplaces", gratuity="gratuity", total="total of checks",
            ),
        ),
    ),
    "discounts": _Sales(
        "Discounts and comps",
        "report_discounts",
        {"is_comp": "comp", "name": "name", "reason": "reason"},
        (_Column("discounts", "number"), _Column("checks", "checks"), *_cents(amount="amount")),
    ),
    "staff-performance": _Sales(
        "Staff",
        "report_staff",
        {"staff_id": "staff"},
        (
            *_CHECKS,
            *_cents(gross_sales="gross sales", discounts="discounts", comps="comps", net_sales="net sales", gratuity="gratuity", tips="tips"),
            _Column("voided_checks", "voided checks"),
            *_cents(voided_check_amount="voided checks, amount"),
            _Column("voided_lines", "voided lines"),
            *_cents(voided_line_amount="voided lines, amount"),
            *_LABOUR,
        ),
        "Initials and AuraConnect's number of whose check it was, who got the tip, who voided, who worked.",
    ),
}  # fmt: skip
SALES_KINDS = tuple(_SALES)
"""The sections about sales, in their order."""


def sales_section(source: Source, kind: str) -> Section:
    """One section about sales, by day in its rows and over all days on the page."""
    of = _SALES[kind]
    headings = tuple(column.heading for column in of.columns)
    keyed = (*of.keys.values(), *headings)
    place = find_place(source.connection, source.migration)
    days = source.one(
        f"SELECT count(*) FROM aura.{of.table} WHERE location_id = %(location)s",
        location=place.location_id if place else None,
    )
    if place is None or not days:
        return Section(kind, of.title, ("business date", *keyed), (), NOTHING)
    shown = _Shown(source, place)
    page = [*shown.rows(of, source.rows(_over_days(of), location=place.location_id), "month" if not of.keys else None)]
    rows = shown.rows(of, source.rows(_by_day(of), location=place.location_id), "business date")
    chart = draw_chart(source.connection, place.location_id, place.currency, of.chart) if of.chart else None
    note = f"{of.note} Amounts in {place.currency}.".strip()
    return Section(
        kind,
        of.title,
        ("business date", *keyed),
        rows,
        note,
        (("month", *keyed) if not of.keys else keyed, page),
        {CHARTS[of.chart]: chart} if chart is not None else {},
    )


def _by_day(of: _Sales) -> str:
    columns = ", ".join(["business_date", *of.keys, *(column.name for column in of.columns)])
    order = ", ".join(["business_date", *of.keys])
    return f"SELECT {columns} FROM aura.{of.table} WHERE location_id = %(location)s ORDER BY {order}"


def _over_days(of: _Sales) -> str:
    keys = list(of.keys) or ["to_char(business_date, 'YYYY-MM')"]
    totals = ", ".join(column.total for column in of.columns)
    places = ", ".join(str(n + 1) for n in range(len(keys)))
    largest = next(
        (
            c.total
            for n in ("net_sales_cents", "net_cents", "amount_cents", "tax_cents")
            for c in of.columns
            if c.name == n
        ),
        "1",
    )
    order = places if not of.keys or "hour" in of.keys else f"{largest} DESC, {places}"
    return f"SELECT {', '.join(keys)}, {totals} FROM aura.{of.table} WHERE location_id = %(location)s GROUP BY {places} ORDER BY {order}"


class _Shown:
    """Shows values for people: amounts in units of the currency, staff masked."""

    def __init__(self, source: Source, place: Place) -> None:
        self.currency = place.currency
        self.staff = {
            number: f"{mask('name', name)} ({number})" if name else f"({number})"
            for number, name in source.rows(
                "SELECT id, CASE WHEN erased_at IS NULL THEN name END FROM aura.staff_members WHERE restaurant_id = %(restaurant)s"
            )
        }

    def rows(self, of: _Sales, rows: Iterable[Sequence[Any]], first: str | None) -> Iterator[Row]:
        """Rows as texts; ``first`` says that a date or month stands before the keys."""
        shows: list[Callable[[Any], Any]] = [str] if first else []
        shows += [self._key(name) for name in of.keys]
        shows += [self._cents if column.name.endswith("_cents") else _number for column in of.columns]
        for row in rows:
            yield [show_one(value) for show_one, value in zip(shows, row, strict=True)]

    def _key(self, name: str) -> Callable[[Any], Any]:
        if name == "staff_id":
            return lambda number: "not known" if number is None else self.staff.get(number, f"({number})")
        if name in ("is_comp", "is_inclusive"):
            return lambda yes: "yes" if yes else "no"
        if name in ("tender_name", "method"):
            return spoken
        return _number

    def _cents(self, cents: int | None) -> str | None:
        return None if cents is None else show(int(cents), self.currency)


def _number(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
