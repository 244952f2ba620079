"""What each sales report holds, as one query over the working tables and what stands in AuraConnect beside them.

Definitions are those of ``working.py`` and of the comments in the schema; nothing is judged or corrected here.
"""

from __future__ import annotations

from typing import NamedTuple

from aura_migration.migration.reports.sales.working import BETWEEN, TENDERED, VOIDED


class Report(NamedTuple):
    """A report table in schema ``aura``: the columns a query fills, in their order, and the query."""

    columns: str
    query: str


_PLACE = "%(restaurant)s::bigint AS restaurant_id, %(location)s::bigint AS location_id"

# Tips go to whom the POS says; what its tip records do not cover goes to whom took the payment, else to whose check it was.
_TIPS = f"""
    SELECT p.id, p.business_date, t.staff_id, t.tip_amount_cents AS tips
    FROM aura.payments p JOIN aura.tip_records t ON t.payment_id = p.id
    WHERE p.location_id = %(location)s AND p.business_date {BETWEEN} AND {TENDERED} AND t.staff_id IS NOT NULL
    UNION ALL
    SELECT p.id, p.business_date, coalesce(p.staff_id, o.staff_id), p.tip_amount_cents - coalesce(t.tips, 0)
    FROM aura.payments p
    LEFT JOIN aura.orders o ON o.id = p.order_id
    LEFT JOIN (
        SELECT r.payment_id, sum(r.tip_amount_cents) AS tips FROM aura.payments q JOIN aura.tip_records r ON r.payment_id = q.id
        WHERE q.location_id = %(location)s AND q.business_date {BETWEEN} AND r.staff_id IS NOT NULL GROUP BY r.payment_id
    ) t ON t.payment_id = p.id
    WHERE p.location_id = %(location)s AND p.business_date {BETWEEN} AND {TENDERED} AND p.tip_amount_cents <> coalesce(t.tips, 0)
"""
_VOIDED_CHECKS = f"""
    SELECT coalesce(o.void_business_date, o.business_date) AS business_date, o.staff_id, o.final_amount_cents AS amount
    FROM aura.orders o
    WHERE o.location_id = %(location)s AND {VOIDED} AND coalesce(o.void_business_date, o.business_date) {BETWEEN}
"""
# Lines voided on checks that were not voided themselves; those are told as checks.
_VOIDED_LINES = f"""
    SELECT coalesce(i.void_business_date, o.business_date) AS business_date, coalesce(i.voided_by, i.staff_id, o.staff_id) AS staff_id,
           i.line_subtotal_cents AS amount
    FROM aura.orders o JOIN aura.order_items i ON i.order_id = o.id
    WHERE o.location_id = %(location)s AND i.is_voided AND NOT {VOIDED} AND o.deleted_at IS NULL
      AND coalesce(i.void_business_date, o.business_date) {BETWEEN}
"""
# Time worked is often known further back than sales are: of those days nothing is told.
_LABOUR = f"""
    SELECT a.business_date, a.staff_id,
           round(coalesce(a.regular_hours + coalesce(a.overtime_hours, 0),
                          extract(epoch FROM a.check_out - a.check_in) / 3600 - coalesce(b.hours, 0)), 4) AS hours
    FROM aura.attendance_logs a
    LEFT JOIN LATERAL (
        SELECT sum(extract(epoch FROM (one ->> 'end')::timestamptz - (one ->> 'start')::timestamptz)) / 3600 AS hours
        FROM jsonb_array_elements(CASE jsonb_typeof(a.breaks) WHEN 'array' THEN a.breaks ELSE '[]'::jsonb END) one
        WHERE one ->> 'is_paid' = 'false' AND one ->> 'is_missed' IS DISTINCT FROM 'true') b ON true
    WHERE a.location_id = %(location)s AND a.deleted_at IS NULL AND a.business_date {BETWEEN}
      AND a.business_date >= (SELECT min(o.business_date) FROM aura.orders o WHERE o.location_id = %(location)s)
      AND (a.regular_hours IS NOT NULL OR a.check_out IS NOT NULL)
"""

BESIDE = {"sales_voided_checks": _VOIDED_CHECKS, "sales_voided_lines": _VOIDED_LINES, "sales_labour": _LABOUR}
"""Temporary tables the reports need beside the working tables, and their queries."""

_DAILY = f"""
WITH checks AS (
    SELECT business_date, count(*) AS checks, count(*) FILTER (WHERE is_first) AS groups,
           sum(guests) FILTER (WHERE is_first) AS guests, sum(gross) AS gross, sum(discount - comps) AS discounts, sum(comps) AS comps,
           sum(included_tax) AS included_tax, sum(charges - fundraising) AS charges, sum(taxed) AS taxed,
           sum(marketplace_taxed) AS marketplace_taxed,
           sum(net_sales - taxed - marketplace_taxed) FILTER (WHERE is_tax_exempt) AS exempt,
           sum(net_sales - taxed - marketplace_taxed) FILTER (WHERE NOT is_tax_exempt) AS untaxed,
           sum(tax) AS tax, sum(marketplace_tax) AS marketplace_tax, sum(gratuity) AS gratuity, sum(fundraising) AS fundraising,
           sum(rounding) AS rounding, sum(gift_card_loads) AS gift_card_loads, sum(deposits) AS deposits,
           sum(house_account_payments) AS house_account_payments, sum(donations) AS donations, sum(non_revenue) AS non_revenue,
           sum(total) AS total, count(*) FILTER (WHERE is_flagged) AS flagged
    FROM sales_checks WHERE counts GROUP BY business_date
), still_open AS (
    SELECT business_date, count(*) AS n, sum(total) AS amount FROM sales_checks WHERE is_open GROUP BY business_date
), paid AS (
    SELECT p.business_date, count(*) AS n, sum(p.amount_cents) AS amount, sum(p.tip_amount_cents) AS tips,
           sum(coalesce(p.fee_amount_cents, 0)) AS fees
    FROM aura.payments p WHERE p.location_id = %(location)s AND p.business_date {BETWEEN} AND {TENDERED} GROUP BY p.business_date
), other AS (
    SELECT refund_id, sum(net) AS net FROM sales_refund_lines WHERE revenue_class <> 'sale' GROUP BY refund_id
), refunded AS (
    SELECT r.business_date, count(*) AS n, sum(r.amount) AS amount, sum(r.net - coalesce(other.net, 0)) AS sales, sum(r.tax) AS tax,
           sum(r.tip) AS tips, sum(r.charge) AS charges, sum(coalesce(other.net, 0)) AS non_sale, sum(r.fee) AS fees
    FROM sales_refunds r LEFT JOIN other ON other.refund_id = r.id WHERE r.is_booked GROUP BY r.business_date
), by_sale AS (
    SELECT r.sale_date AS business_date, sum(r.net - coalesce(other.net, 0)) AS sales
    FROM sales_refunds r
    LEFT JOIN LATERAL (
        SELECT sum(coalesce(f.net_cents, f.gross_cents - f.discount_cents)) AS net
        FROM aura.refund_items f JOIN aura.order_items i ON i.order_id = r.order_id AND i.source_line_id = f.source_line_id
        WHERE f.refund_id = r.id AND i.revenue_class <> 'sale') other ON true
    WHERE r.sale_date {BETWEEN} GROUP BY r.sale_date
), void_checks AS (
    SELECT business_date, count(*) AS n, sum(amount) AS amount FROM sales_voided_checks GROUP BY business_date
), void_lines AS (
    SELECT business_date, count(*) AS n, sum(amount) AS amount FROM sales_voided_lines GROUP BY business_date
), labour AS (
    SELECT business_date, sum(hours) AS hours FROM sales_labour GROUP BY business_date
), days AS (
    SELECT business_date FROM checks UNION SELECT business_date FROM still_open UNION SELECT business_date FROM paid
    UNION SELECT business_date FROM refunded UNION SELECT business_date FROM by_sale UNION SELECT business_date FROM void_checks
    UNION SELECT business_date FROM void_lines UNION SELECT business_date FROM labour
)
SELECT {_PLACE}, d.business_date, coalesce(c.checks, 0), coalesce(c.groups, 0), c.guests, coalesce(c.gross, 0), coalesce(c.discounts, 0),
       coalesce(c.comps, 0), coalesce(c.included_tax, 0), coalesce(c.charges, 0), coalesce(c.taxed, 0), coalesce(c.marketplace_taxed, 0),
       coalesce(c.exempt, 0), coalesce(c.untaxed, 0), coalesce(c.tax, 0), coalesce(c.marketplace_tax, 0), coalesce(c.gratuity, 0),
       coalesce(c.fundraising, 0), coalesce(c.rounding, 0), coalesce(c.gift_card_loads, 0), coalesce(c.house_account_payments, 0),
       coalesce(c.deposits, 0), coalesce(c.donations, 0), coalesce(c.non_revenue, 0), coalesce(c.total, 0), coalesce(p.n, 0),
       coalesce(p.amount, 0), coalesce(p.tips, 0), coalesce(p.fees, 0) - coalesce(r.fees, 0), coalesce(r.n, 0), coalesce(r.amount, 0),
       coalesce(r.sales, 0), coalesce(r.tax, 0), coalesce(r.tips, 0), coalesce(r.charges, 0), coalesce(r.non_sale, 0),
       coalesce(s.sales, 0), coalesce(vc.n, 0), coalesce(vc.amount, 0), coalesce(vl.n, 0), coalesce(vl.amount, 0), coalesce(o.n, 0),
       coalesce(o.amount, 0), coalesce(c.flagged, 0), l.hours
FROM days d
LEFT JOIN checks c USING (business_date)
LEFT JOIN still_open o USING (business_date)
LEFT JOIN paid p USING (business_date)
LEFT JOIN refunded r USING (business_date)
LEFT JOIN by_sale s USING (business_date)
LEFT JOIN void_checks vc USING (business_date)
LEFT JOIN void_lines vl USING (business_date)
LEFT JOIN labour l USING (business_date)
"""

_HOURLY = f"""
SELECT {_PLACE}, business_date, hour, count(*), count(*) FILTER (WHERE is_first), sum(gross), sum(discount), sum(net_sales), sum(total)
FROM sales_checks WHERE counts GROUP BY business_date, hour
"""

_PRODUCTS = f"""
SELECT {_PLACE}, business_date, revenue_class, category_name, item_name, variation_name, menu_item_id, variation_id, sum(n),
       sum(quantity), sum(gross), sum(modifiers), sum(discount), sum(included_tax), sum(back_quantity), sum(back)
FROM (
    SELECT business_date, revenue_class, category_name, item_name, variation_name, menu_item_id, variation_id, 1 AS n, quantity, gross,
           modifiers, discount, included_tax, 0 AS back_quantity, 0 AS back
    FROM sales_lines
    UNION ALL
    SELECT business_date, revenue_class, category_name, item_name, variation_name, menu_item_id, variation_id, 0, 0, 0, 0, 0, 0, quantity, net
    FROM sales_refund_lines
) both_ways GROUP BY business_date, revenue_class, category_name, item_name, variation_name, menu_item_id, variation_id
"""

_CATEGORY = f"""
SELECT {_PLACE}, business_date, revenue_class, category_name, sum(lines), sum(quantity), sum(gross_cents), sum(discounts_cents),
       sum(included_tax_cents), sum(refunded_cents)
FROM aura.report_product_mix WHERE location_id = %(location)s AND business_date {BETWEEN}
GROUP BY business_date, revenue_class, category_name
"""

_TENDERS = f"""
SELECT {_PLACE}, business_date, method, tender_name, sum(n), sum(amount), sum(tips), sum(fees), sum(back_n), sum(back)
FROM (
    SELECT p.business_date, p.method, p.tender_name, 1 AS n, p.amount_cents AS amount, p.tip_amount_cents AS tips,
           coalesce(p.fee_amount_cents, 0) AS fees, 0 AS back_n, 0 AS back
    FROM aura.payments p WHERE p.location_id = %(location)s AND p.business_date {BETWEEN} AND {TENDERED}
    UNION ALL
    SELECT business_date, method, tender_name, 0, 0, 0, -fee, 1, amount FROM sales_refunds WHERE is_booked AND NOT is_exchange
) both_ways GROUP BY business_date, method, tender_name
"""

_TAX = f"""
SELECT {_PLACE}, business_date, name, rate_percent, is_inclusive, remitted_by, sum(checks), sum(taxable), sum(tax), sum(back)
FROM (
    SELECT business_date, name, rate_percent, is_inclusive, remitted_by, 1 AS checks, sum(taxable) AS taxable, sum(tax) AS tax, 0 AS back
    FROM sales_taxes GROUP BY order_id, business_date, name, rate_percent, is_inclusive, remitted_by
    UNION ALL
    SELECT business_date, name, rate_percent, is_inclusive, remitted_by, 0, 0, 0, tax FROM sales_refund_taxes
) both_ways GROUP BY business_date, name, rate_percent, is_inclusive, remitted_by
"""

_CHANNELS = f"""
SELECT {_PLACE}, business_date, channel, order_type, count(*), count(*) FILTER (WHERE is_first), sum(guests) FILTER (WHERE is_first),
       sum(gross), sum(discount), sum(net_sales), sum(tax), sum(marketplace_tax), sum(gratuity), sum(total)
FROM sales_checks WHERE counts GROUP BY business_date, channel, order_type
"""

_DISCOUNTS = f"""
SELECT {_PLACE}, h.business_date, d.name, d.is_comp, coalesce(d.reason, ''), count(*), count(DISTINCT d.order_id), sum(d.amount_cents)
FROM sales_heads h
JOIN aura.order_discounts d ON d.order_id = h.id
LEFT JOIN aura.order_items i ON i.id = d.order_item_id
WHERE h.counts AND i.is_voided IS NOT TRUE GROUP BY h.business_date, d.name, d.is_comp, coalesce(d.reason, '')
"""

_STAFF = f"""
WITH parts (business_date, staff_id, checks, groups, guests, gross, discounts, comps, net_sales, gratuity, tips, void_checks,
            void_check_amount, void_lines, void_line_amount, hours) AS (
    SELECT business_date, staff_id, 1, CASE WHEN is_first THEN 1 ELSE 0 END, CASE WHEN is_first THEN guests END, gross, discount - comps,
           comps, net_sales, gratuity, 0, 0, 0, 0, 0, NULL::numeric
    FROM sales_checks WHERE counts
    UNION ALL SELECT business_date, staff_id, 0, 0, NULL, 0, 0, 0, 0, 0, tips, 0, 0, 0, 0, NULL FROM ({_TIPS}) t
    UNION ALL SELECT business_date, staff_id, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 1, amount, 0, 0, NULL FROM sales_voided_checks
    UNION ALL SELECT business_date, staff_id, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 1, amount, NULL FROM sales_voided_lines
    UNION ALL SELECT business_date, staff_id, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, hours FROM sales_labour
)
SELECT {_PLACE}, business_date, staff_id, sum(checks), sum(groups), sum(guests), sum(gross), sum(discounts), sum(comps), sum(net_sales),
       sum(gratuity), sum(tips), sum(void_checks), sum(void_check_amount), sum(void_lines), sum(void_line_amount), sum(hours)
FROM parts GROUP BY business_date, staff_id
"""

REPORTS = {
    "report_daily_sales": Report(
        "restaurant_id, location_id, business_date, checks, groups, guests, gross_sales_cents, "
        "discounts_cents, comps_cents, included_tax_cents, service_charges_cents, taxed_sales_cents, "
        "marketplace_taxed_sales_cents, exempt_sales_cents, untaxed_sales_cents, tax_cents, "
        "marketplace_tax_cents, gratuity_cents, fundraising_cents, rounding_cents, "
        "gift_card_loads_cents, house_account_payments_cents, deposits_cents, donations_cents, "
        "non_revenue_cents, total_cents, payments, paid_cents, tips_cents, fees_cents, refunds, "
        "refunded_cents, refunded_sales_cents, refunded_tax_cents, refunded_tips_cents, "
        "refunded_charges_cents, refunded_non_sale_cents, refunded_sales_by_sale_day_cents, "
        "voided_checks, voided_check_amount_cents, voided_lines, voided_line_amount_cents, open_checks, "
        "open_check_amount_cents, flagged_checks, labour_hours",
        _DAILY,
    ),
    "report_hourly_sales": Report(
        "restaurant_id, location_id, business_date, hour, checks, groups, gross_sales_cents, "
        "discounts_cents, net_sales_cents, total_cents",
        _HOURLY,
    ),
    "report_product_mix": Report(
        "restaurant_id, location_id, business_date, revenue_class, category_name, item_name, "
        "variation_name, menu_item_id, variation_id, lines, quantity, gross_cents, modifiers_cents, "
        "discounts_cents, included_tax_cents, refunded_quantity, refunded_cents",
        _PRODUCTS,
    ),
    "report_category_sales": Report(
        "restaurant_id, location_id, business_date, revenue_class, category_name, lines, quantity, "
        "gross_cents, discounts_cents, included_tax_cents, refunded_cents",
        _CATEGORY,
    ),
    "report_tenders": Report(
        "restaurant_id, location_id, business_date, method, tender_name, payments, amount_cents, "
        "tips_cents, fees_cents, refunds, refunded_cents",
        _TENDERS,
    ),
    "report_taxes": Report(
        "restaurant_id, location_id, business_date, name, rate_percent, is_inclusive, remitted_by, "
        "checks, taxable_cents, tax_cents, refunded_tax_cents",
        _TAX,
    ),
    "report_channels": Report(
        "restaurant_id, location_id, business_date, channel, order_type, checks, groups, guests, "
        "gross_sales_cents, discounts_cents, net_sales_cents, tax_cents, marketplace_tax_cents, "
        "gratuity_cents, total_cents",
        _CHANNELS,
    ),
    "report_discounts": Report(
        "restaurant_id, location_id, business_date, name, is_comp, reason, discounts, checks, amount_cents",
        _DISCOUNTS,
    ),
    "report_staff": Report(
        "restaurant_id, location_id, business_date, staff_id, checks, groups, guests, gross_sales_cents, "
        "discounts_cents, comps_cents, net_sales_cents, gratuity_cents, tips_cents, voided_checks, "
        "voided_check_amount_cents, voided_lines, voided_line_amount_cents, labour_hours",
        _STAFF,
    ),
}
"""By table, in the order they are made in: the categories are summed from the product mix."""
