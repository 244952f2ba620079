"""The charts of a location, drawn from its report tables."""

from __future__ import annotations

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
    """PNG images by name, of what the report tables hold; no image where there is nothing to draw."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.encode(), {"location": location_id}).fetchall()

    daily = rows(
        "SELECT business_date, net_sales_cents FROM aura.report_daily_sales WHERE location_id = %(location)s ORDER BY business_date"
    )
    if not daily:
        return {}
    found = {"daily_net_sales": plots.daily_net_sales([(day, cents) for day, cents in daily], currency)}
    hours = {(weekday, hour): mean for weekday, hour, mean in rows(_HOURS)}
    if hours:
        found["hourly_heat_map"] = plots.hourly_heat_map(hours, currency)
    items = rows(
        "SELECT item_name, sum(net_cents)::bigint FROM aura.report_product_mix "
        "WHERE location_id = %(location)s AND revenue_class = 'sale' GROUP BY item_name"
    )
    if items:
        found["product_mix"] = plots.product_mix([(name, cents) for name, cents in items], currency)
    collected = rows(
        "SELECT tender_name, sum(collected_cents)::bigint FROM aura.report_tenders WHERE location_id = %(location)s GROUP BY tender_name"
    )
    if collected:
        found["tenders"] = plots.tenders([(name, cents) for name, cents in collected], currency)
    return found
