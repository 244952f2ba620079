"""The charts of a location, drawn from its report tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from aura_migration.migration.reports import plots

CHARTS = {
    "daily_net_sales": "Net sales per business date",
    "hourly_heat_map": "Net sales by weekday and hour",
    "product_mix": "Items by net sales",
    "tenders": "Collected by tender",
}
"""The charts there are, with a text for whoever cannot see them."""

# Days without sales are days: closed ones count in the mean of a week.
_DAYS = """
SELECT day::date, coalesce(d.net_sales_cents, 0)
FROM (SELECT min(business_date) AS first, max(business_date) AS last FROM aura.report_daily_sales
      WHERE location_id = %(location)s AND checks > 0) span
CROSS JOIN LATERAL generate_series(span.first::timestamp, span.last::timestamp, '1 day') day
LEFT JOIN aura.report_daily_sales d ON d.location_id = %(location)s AND d.business_date = day::date
ORDER BY day
"""
_HOURS = """
WITH days AS (
    SELECT extract(isodow FROM business_date)::int - 1 AS weekday, count(*) AS n
    FROM aura.report_daily_sales WHERE location_id = %(location)s AND checks > 0 GROUP BY 1
)
SELECT d.weekday, h.hour::int, (sum(h.net_sales_cents) / d.n)::float8
FROM aura.report_hourly_sales h JOIN days d ON d.weekday = extract(isodow FROM h.business_date)::int - 1
WHERE h.location_id = %(location)s AND h.hour IS NOT NULL GROUP BY d.weekday, d.n, h.hour
"""


def draw_charts(connection: psycopg.Connection[Any], location_id: int, currency: str) -> dict[str, bytes]:
    """PNG images by name, of what the report tables hold; none where there is nothing to draw."""
    drawn = {name: draw_chart(connection, location_id, currency, name) for name in CHARTS}
    return {name: image for name, image in drawn.items() if image is not None}


def draw_chart(connection: psycopg.Connection[Any], location_id: int, currency: str, name: str) -> bytes | None:
    """One chart of ``CHARTS`` as PNG, or None where there is nothing to draw."""
    query, draw = _DRAWN[name]
    rows = connection.execute(query.encode(), {"location": location_id}).fetchall()
    return draw(rows, currency) if rows else None


def _heat_map(rows: Sequence[tuple[Any, ...]], currency: str) -> bytes:
    return plots.hourly_heat_map({(weekday, hour): mean for weekday, hour, mean in rows}, currency)


_NAMES = {
    "AFTERPAY": "Afterpay",
    "ALIPAY": "Alipay",
    "CASH_APP": "Cash App",
    "CHECK": "Check",
    "CLEARPAY": "Clearpay",
    "EMONEY": "Electronic money",
    "OTHER": "Other",
    "PAYPAY": "PayPay",
    "WALLET": "Wallet",
}


def spoken(tender: str | None) -> str:
    """A POS's code for a tender in words (``BANK_ACCOUNT`` → Bank account); a restaurant's own names stay as they are.

    For people only: tables and views of AuraConnect keep the code.
    """
    if not tender:
        return "Unknown"
    if tender in _NAMES:
        return _NAMES[tender]
    if "_" not in tender or tender not in (tender.upper(), tender.lower()):
        return tender
    words = tender.replace("_", " ")
    return words.capitalize() if tender.isupper() else words


_DRAWN: dict[str, tuple[str, Callable[[Any, str], bytes]]] = {
    "daily_net_sales": (
        _DAYS,
        plots.daily_net_sales,
    ),
    "hourly_heat_map": (_HOURS, _heat_map),
    "product_mix": (
        "SELECT item_name, sum(net_cents)::bigint FROM aura.report_product_mix "
        "WHERE location_id = %(location)s AND revenue_class = 'sale' GROUP BY item_name",
        plots.product_mix,
    ),
    "tenders": (
        "SELECT tender_name, sum(collected_cents)::bigint FROM aura.report_tenders WHERE location_id = %(location)s GROUP BY tender_name",
        lambda rows, currency: plots.tenders([(spoken(name), cents) for name, cents in rows], currency),
    ),
}
