"""What reports and the journal count from: a location's checks, lines, taxes and refunds of some days, as temporary tables.

Here is said once what counts, in SQL and by the definitions of ``canonical/history/rows.py``. Who reads the tables is in
``refresh.py`` and in ``migration/accounting``; nothing here writes to AuraConnect.

    sales_heads         checks: the figures of their heads
    sales_lines         lines of checks that count, without voided ones
    sales_taxes         tax rows of checks that count, with what each is on
    sales_checks        checks: the figures of their heads, and what is added up from the rows below
    sales_refunds       money given back, in its parts; is_booked: on one of these days, else only its sale was;
                        is_exchange: no money moved
    sales_refund_lines  what was given back on these days
    sales_refund_taxes  the tax given back on these days, by the rates of the sale
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import psycopg

COUNTS = "(o.status = 'completed' AND NOT o.is_voided AND NOT o.voided_at_source AND o.deleted_at IS NULL)"
"""An order that is in sums. Open, cancelled and voided ones are not, nor what the POS has since answered not to know."""
VOIDED = "((o.is_voided OR o.voided_at_source OR o.status = 'cancelled') AND o.deleted_at IS NULL)"
OPEN = "(o.status IN ('pending', 'scheduled') AND NOT o.is_voided AND NOT o.voided_at_source AND o.deleted_at IS NULL)"
TENDERED = "(p.status = 'completed' AND p.deleted_at IS NULL)"
"""A payment that is in sums."""

_ROUNDED = "coalesce((r.details ->> 'rounding_cents')::bigint, 0)"
"""What a refund in cash was rounded by: part of its amount, and of nothing that was given back."""
EXCHANGED = "(r.payment_id IS NULL AND r.return_order_key IS NOT NULL AND coalesce(r.tender_name, '') = 'Exchange')"
"""A refund that nobody was handed: it paid for the order that its return is part of. No tender moves."""

OWN = "(NOT %(own)s OR x.source_id IS NULL)"
"""With ``Days.own`` only what AuraConnect took itself: no POS knows it. Of a table called x."""
BETWEEN = "BETWEEN %(since)s::date AND %(until)s::date"
"""The days asked for, as ``Days.arguments`` binds them."""

_CHECKS = f"""
CREATE TEMP TABLE sales_heads AS
SELECT o.id, o.business_date, {COUNTS} AS counts, {OPEN} AS is_open, o.channel, o.order_type, o.staff_id, o.is_tax_exempt,
       coalesce(o.order_group_id, -o.id) AS group_ref,
       CASE WHEN {COUNTS} THEN row_number() OVER day_group = 1 ELSE false END AS is_first,
       coalesce(g.guest_count, sum(o.guest_count) OVER (PARTITION BY o.business_date, {COUNTS},
                                                        coalesce(o.order_group_id, -o.id))) AS guests,
       extract(hour FROM CASE WHEN o.business_date_rule ~* '^(created|opened|toast)'
                              THEN coalesce(o.opened_at, o.closed_at, o.paid_at)
                              WHEN o.business_date_rule ~* '^paid' THEN coalesce(o.paid_at, o.closed_at, o.opened_at)
                              ELSE coalesce(o.closed_at, o.paid_at, o.opened_at) END AT TIME ZONE l.timezone)::smallint AS hour,
       o.subtotal_cents - o.non_sale_cents AS gross, o.non_sale_cents AS non_sale, o.discount_amount_cents AS discount,
       o.included_tax_cents AS included_tax, o.service_charge_amount_cents AS charges, o.gratuity_cents AS gratuity,
       o.rounding_cents AS rounding, o.tax_amount_cents AS tax, o.final_amount_cents AS total,
       jsonb_typeof(o.review_flags) = 'array' AND o.review_flags <> '[]' AS is_flagged
FROM aura.orders o
JOIN aura.locations l ON l.id = o.location_id
LEFT JOIN aura.order_groups g ON g.id = o.order_group_id
WHERE o.location_id = %(location)s AND o.restaurant_id = %(restaurant)s AND o.business_date {BETWEEN}
  AND (NOT %(own)s OR o.origin = 'aura_native')
WINDOW day_group AS (PARTITION BY o.business_date, {COUNTS}, coalesce(o.order_group_id, -o.id)
                     ORDER BY coalesce(o.opened_at, o.closed_at), o.id)
"""

_CATEGORIES = """
CREATE TEMP TABLE sales_categories AS
SELECT DISTINCT ON (m.menu_item_id) m.menu_item_id, c.name
FROM aura.menu_item_categories m JOIN aura.menu_categories c ON c.id = m.category_id
WHERE m.restaurant_id = %(restaurant)s AND m.deleted_at IS NULL AND (m.location_id IS NULL OR m.location_id = %(location)s)
ORDER BY m.menu_item_id, m.location_id NULLS LAST, m.is_primary DESC, m.display_order, m.id
"""

_LINES = """
CREATE TEMP TABLE sales_lines AS
SELECT i.id, i.order_id, h.business_date, i.revenue_class, coalesce(nullif(i.category_name, ''), c.name, '') AS category_name,
       i.item_name, coalesce(i.variation_name, '') AS variation_name, i.menu_item_id, i.variation_id, i.source_line_id,
       i.quantity, i.line_subtotal_cents AS gross, i.modifiers_cents AS modifiers, i.line_discount_cents AS discount,
       i.included_tax_cents AS included_tax
FROM sales_heads h
JOIN aura.order_items i ON i.order_id = h.id
LEFT JOIN sales_categories c ON c.menu_item_id = i.menu_item_id
WHERE h.counts AND NOT i.is_voided
"""

_TAXES = """
CREATE TEMP TABLE sales_taxes AS
SELECT t.order_id, h.business_date, t.name, t.rate_percent, t.is_inclusive, t.remitted_by, t.amount_cents AS tax,
       t.order_item_id, t.order_service_charge_id,
       coalesce(t.taxable_amount_cents,
                CASE WHEN t.order_item_id IS NOT NULL THEN i.gross - i.discount - i.included_tax
                     WHEN t.order_service_charge_id IS NOT NULL THEN c.amount_cents
                     ELSE h.gross - h.discount - h.included_tax + h.charges END) AS taxable
FROM sales_heads h
JOIN aura.order_taxes t ON t.order_id = h.id
LEFT JOIN sales_lines i ON i.id = t.order_item_id
LEFT JOIN aura.order_service_charges c ON c.id = t.order_service_charge_id
WHERE h.counts AND (t.order_item_id IS NULL OR i.id IS NOT NULL)
"""

# What is taxed is counted once, however many rates it carries. Where the POS spreads no check discount over the lines, their
# sum may exceed the check's net sales: the check's net sales stand, and the taxed part is no more than them.
_ORDERS = """
CREATE TEMP TABLE sales_checks AS
WITH lines AS (
    SELECT order_id,
           coalesce(sum(gross) FILTER (WHERE revenue_class = 'gift_card_load'), 0)::bigint AS gift_card_loads,
           coalesce(sum(gross) FILTER (WHERE revenue_class = 'house_account_payment'), 0)::bigint AS house_account_payments,
           coalesce(sum(gross) FILTER (WHERE revenue_class = 'deposit'), 0)::bigint AS deposits,
           coalesce(sum(gross) FILTER (WHERE revenue_class = 'donation'), 0)::bigint AS donations
    FROM sales_lines GROUP BY order_id
), comps AS (
    SELECT d.order_id, sum(d.amount_cents)::bigint AS comps
    FROM sales_heads h JOIN aura.order_discounts d ON d.order_id = h.id
    LEFT JOIN aura.order_items i ON i.id = d.order_item_id
    WHERE h.counts AND d.is_comp AND i.is_voided IS NOT TRUE GROUP BY d.order_id
), fundraising AS (
    SELECT c.order_id, sum(c.amount_cents)::bigint AS fundraising
    FROM sales_heads h JOIN aura.order_service_charges c ON c.order_id = h.id
    WHERE h.counts AND c.charge_class = 'fundraising' GROUP BY c.order_id
), bases AS (
    SELECT order_id, order_item_id, order_service_charge_id, max(taxable) AS taxable,
           bool_or(remitted_by = 'marketplace') AS is_marketplace
    FROM sales_taxes WHERE rate_percent <> 0 IS NOT FALSE OR tax <> 0 GROUP BY order_id, order_item_id, order_service_charge_id
), placed AS (
    SELECT b.*, bool_or(order_item_id IS NOT NULL) OVER (PARTITION BY order_id) AS is_by_line FROM bases b
), taxed AS (
    SELECT b.order_id,
           sum(taxable) FILTER (WHERE NOT is_marketplace) AS restaurant, sum(taxable) FILTER (WHERE is_marketplace) AS marketplace
    FROM placed b WHERE b.order_item_id IS NOT NULL OR b.order_service_charge_id IS NOT NULL OR NOT is_by_line
    GROUP BY b.order_id
), amounts AS (
    SELECT order_id, sum(tax)::bigint AS tax_rows, coalesce(sum(tax) FILTER (WHERE remitted_by = 'marketplace'), 0)::bigint AS marketplace_tax
    FROM sales_taxes GROUP BY order_id
), whole AS (
    SELECT h.*, coalesce(comps.comps, 0) AS comps, coalesce(f.fundraising, 0) AS fundraising,
           coalesce(lines.gift_card_loads, 0) AS gift_card_loads, coalesce(lines.deposits, 0) AS deposits,
           coalesce(lines.house_account_payments, 0) AS house_account_payments, coalesce(lines.donations, 0) AS donations,
           coalesce(amounts.marketplace_tax, 0) AS marketplace_tax,
           h.gross - h.discount - h.included_tax + h.charges - coalesce(f.fundraising, 0) AS net_sales,
           coalesce(taxed.restaurant, 0) AS taxed_raw, coalesce(taxed.marketplace, 0) AS marketplace_raw
    FROM sales_heads h
    LEFT JOIN lines ON lines.order_id = h.id
    LEFT JOIN comps ON comps.order_id = h.id
    LEFT JOIN fundraising f ON f.order_id = h.id
    LEFT JOIN taxed ON taxed.order_id = h.id
    LEFT JOIN amounts ON amounts.order_id = h.id
), bounded AS (
    SELECT w.*, least(w.marketplace_raw, greatest(w.net_sales, 0))::bigint AS marketplace_taxed FROM whole w
)
SELECT b.*, least(b.taxed_raw, greatest(b.net_sales, 0) - b.marketplace_taxed)::bigint AS taxed,
       b.non_sale - b.gift_card_loads - b.deposits - b.house_account_payments - b.donations AS non_revenue
FROM bounded b
"""

_REFUNDS = f"""
CREATE TEMP TABLE sales_refunds AS
SELECT r.id, r.business_date, r.business_date {BETWEEN} AS is_booked, coalesce(r.sale_business_date, o.business_date, r.business_date) AS sale_date,
       coalesce(r.order_id, p.order_id) AS order_id, r.payment_id, r.method, coalesce(r.tender_name, p.tender_name, 'Unknown') AS tender_name,
       r.amount_cents AS amount, coalesce(r.tax_cents, 0) AS tax, coalesce(r.tip_refunded_cents, 0) AS tip,
       coalesce(r.charge_cents, 0) AS charge, coalesce(r.fee_refunded_cents, 0) AS fee,
       coalesce(r.net_cents, r.amount_cents - coalesce(r.tax_cents, 0) - coalesce(r.tip_refunded_cents, 0)
                             - coalesce(r.charge_cents, 0) - {_ROUNDED}) AS net,
       {_ROUNDED} AS rounding, {EXCHANGED} AS is_exchange
FROM aura.refunds r
LEFT JOIN aura.payments p ON p.id = r.payment_id
LEFT JOIN aura.orders o ON o.id = coalesce(r.order_id, p.order_id)
WHERE r.location_id = %(location)s AND r.restaurant_id = %(restaurant)s AND r.status = 'completed' AND r.deleted_at IS NULL
  AND (NOT %(own)s OR r.source_id IS NULL)
  AND (r.business_date {BETWEEN} OR coalesce(r.sale_business_date, o.business_date, r.business_date) {BETWEEN})
"""

_REFUND_LINES = """
CREATE TEMP TABLE sales_refund_lines AS
SELECT f.refund_id, r.business_date, coalesce(s.revenue_class, 'sale') AS revenue_class, s.id AS order_item_id,
       coalesce(nullif(s.category_name, ''), c.name, '') AS category_name, coalesce(s.item_name, f.item_name) AS item_name,
       coalesce(s.variation_name, '') AS variation_name, coalesce(s.menu_item_id, f.menu_item_id) AS menu_item_id,
       s.variation_id, f.quantity, coalesce(f.net_cents, f.gross_cents - f.discount_cents) AS net, f.tax_cents AS tax
FROM sales_refunds r
JOIN aura.refund_items f ON f.refund_id = r.id
LEFT JOIN LATERAL (
    SELECT i.* FROM aura.order_items i
    WHERE i.order_id = r.order_id AND i.source_line_id = f.source_line_id ORDER BY i.id LIMIT 1) s ON true
LEFT JOIN sales_categories c ON c.menu_item_id = coalesce(s.menu_item_id, f.menu_item_id)
WHERE r.is_booked
"""

# To the cent: each rate gets the difference between two rounded running sums, so that all of them are the refund's tax.
_REFUND_TAXES = """
CREATE TEMP TABLE sales_refund_taxes AS
WITH by_line AS (
    SELECT l.refund_id, t.name, t.rate_percent, t.is_inclusive, t.remitted_by,
           sum(l.tax * t.amount_cents / nullif(whole.tax, 0)) AS weight
    FROM sales_refund_lines l
    JOIN aura.order_taxes t ON t.order_item_id = l.order_item_id
        AND t.order_id = (SELECT r.order_id FROM sales_refunds r WHERE r.id = l.refund_id)
    CROSS JOIN LATERAL (SELECT sum(a.amount_cents) AS tax FROM aura.order_taxes a
                        WHERE a.order_id = t.order_id AND a.order_item_id = t.order_item_id) whole
    GROUP BY l.refund_id, t.name, t.rate_percent, t.is_inclusive, t.remitted_by
), by_check AS (
    SELECT r.id AS refund_id, t.name, t.rate_percent, t.is_inclusive, t.remitted_by, sum(t.amount_cents)::numeric AS weight
    FROM sales_refunds r JOIN aura.order_taxes t ON t.order_id = r.order_id
    WHERE r.tax <> 0 GROUP BY r.id, t.name, t.rate_percent, t.is_inclusive, t.remitted_by
), weights AS (
    SELECT * FROM by_line WHERE refund_id IN (SELECT refund_id FROM by_line GROUP BY refund_id HAVING sum(weight) > 0)
    UNION ALL
    SELECT * FROM by_check WHERE refund_id IN (SELECT refund_id FROM by_check GROUP BY refund_id HAVING sum(weight) > 0)
      AND refund_id NOT IN (SELECT refund_id FROM by_line GROUP BY refund_id HAVING sum(weight) > 0)
), running AS (
    SELECT w.*, sum(weight) OVER whole AS total, sum(weight) OVER (whole ORDER BY name, rate_percent, is_inclusive, remitted_by) AS upto
    FROM weights w WINDOW whole AS (PARTITION BY refund_id)
)
SELECT r.id AS refund_id, r.business_date, coalesce(w.name, '') AS name, w.rate_percent, coalesce(w.is_inclusive, false) AS is_inclusive,
       coalesce(w.remitted_by, 'restaurant') AS remitted_by,
       CASE WHEN w.refund_id IS NULL THEN r.tax
            ELSE (round(r.tax * w.upto / w.total) - round(r.tax * (w.upto - w.weight) / w.total))::bigint END AS tax
FROM sales_refunds r LEFT JOIN running w ON w.refund_id = r.id
WHERE r.tax <> 0 AND r.is_booked
"""

_STEPS = {
    "sales_heads": _CHECKS,
    "sales_categories": _CATEGORIES,
    "sales_lines": _LINES,
    "sales_taxes": _TAXES,
    "sales_checks": _ORDERS,
    "sales_refunds": _REFUNDS,
    "sales_refund_lines": _REFUND_LINES,
    "sales_refund_taxes": _REFUND_TAXES,
}


@dataclass(frozen=True)
class Days:
    """A location's days to work on, both ends in; ``None`` has no end on that side. ``own``: only what AuraConnect took itself."""

    restaurant_id: int
    location_id: int
    since: date | None = None
    until: date | None = None
    own: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What the queries bind."""
        return {
            "restaurant": self.restaurant_id,
            "location": self.location_id,
            "since": self.since.isoformat() if self.since else "-infinity",
            "until": self.until.isoformat() if self.until else "infinity",
            "own": self.own,
        }


@contextmanager
def working_tables(
    connection: psycopg.Connection[Any], days: Days, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """The temporary tables of these days, in one transaction with what the body does; gone at the end.

    ``more`` are queries over them, by the name of the temporary table each becomes.
    """
    steps = {**_STEPS, **{name: f"CREATE TEMP TABLE {name} AS {query}" for name, query in more.items()}}
    with connection.transaction():
        _drop(connection, steps)
        connection.execute("SET LOCAL work_mem = '64MB'")  # a year of lines is grouped in memory
        cursor = psycopg.ClientCursor(connection)  # a statement that makes a table takes no bound parameters
        for name, statement in steps.items():
            cursor.execute(statement.encode(), days.arguments)
            cursor.execute(f"ANALYZE {name}".encode())
        cursor.execute(b"CREATE INDEX ON sales_refund_lines (refund_id)")
        yield
        _drop(connection, steps)


def _drop(connection: psycopg.Connection[Any], tables: Iterable[str]) -> None:
    names = ", ".join(f"pg_temp.{name}" for name in tables)
    connection.execute("SET LOCAL client_min_messages = warning")
    connection.execute(f"DROP TABLE IF EXISTS {names}".encode())
