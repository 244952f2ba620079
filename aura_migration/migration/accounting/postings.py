"""The postings of a location's days as SQL: every document as debits and credits that balance by themselves.

Amounts are signed minor units, debits positive. A check debits ``open_checks`` with what is payable and credits what it is
made of; a payment debits its tender and credits ``open_checks``. What a document's own figures do not explain is posted to
``pos_difference``, so that each balances to the cent whatever the POS says. Reads the tables of
``reports/sales/working.py`` and ``journal_differences``, which is made of ``DIFFERENCES``.
"""

from __future__ import annotations

from aura_migration.migration.reports.sales.working import BETWEEN, OWN, TENDERED

_HERE = f"x.location_id = %(location)s AND x.deleted_at IS NULL AND x.business_date {BETWEEN} AND {OWN}"


def _tender(of: str) -> str:
    """Line and detail of a tender, as two columns: ``of`` has method, tender_name and is_processed."""
    return (
        f"CASE WHEN {of}.is_processed AND {of}.method IN ('check', 'bank', 'other') THEN 'card_clearing' ELSE "
        f"CASE {of}.method WHEN 'cash' THEN 'cash' WHEN 'card' THEN 'card_clearing' WHEN 'wallet' THEN 'card_clearing' "
        "WHEN 'gift_card' THEN 'gift_card_liability' WHEN 'house_account' THEN 'house_account_receivable' "
        "WHEN 'store_credit' THEN 'store_credit_liability' WHEN 'loyalty' THEN 'loyalty_redemptions' "
        "WHEN 'check' THEN 'checks_and_transfers' WHEN 'bank' THEN 'checks_and_transfers' ELSE 'other_tenders' END END, "
        f"CASE WHEN {of}.method IN ('card', 'wallet', 'check', 'bank', 'other') THEN {of}.tender_name "
        f"WHEN {of}.method = 'gift_card' AND {of}.tender_name <> 'Gift card' THEN {of}.tender_name ELSE '' END"
    )


# The processor settles what it takes a fee for or pays out, whatever the tender is called.
_PROCESSED = (
    "(coalesce(p.fee_amount_cents, 0) <> 0 OR EXISTS (SELECT 1 FROM aura.payout_entries e WHERE e.payment_id = p.id))"
)


_CLASS_LINE = (
    "CASE revenue_class WHEN 'sale' THEN 'sales' WHEN 'gift_card_load' THEN 'gift_card_liability' "
    "WHEN 'house_account_payment' THEN 'house_account_receivable' WHEN 'deposit' THEN 'deposits' "
    "WHEN 'donation' THEN 'donations_payable' ELSE 'non_revenue' END"
)
_CLASS_MEMO = "CASE revenue_class WHEN 'sale' THEN 'sales' WHEN 'gift_card_load' THEN 'loads' WHEN 'house_account_payment' THEN 'settled' ELSE 'checks' END"

# The name under which tax of a rate is shown: as order_facts.tax_name has it.
TAX_NAME = """name || coalesce(' ' || trim_scale(rate_percent)::text || '%%', '') || CASE WHEN is_inclusive THEN ' incl.' ELSE '' END"""

# Charges of counted checks, by class; rounding that the POS keeps on the check and not among its charges has no row of its own.
_CHARGES = """
    SELECT c.order_id, h.business_date, c.charge_class, c.amount_cents AS amount
    FROM sales_heads h JOIN aura.order_service_charges c ON c.order_id = h.id WHERE h.counts
    UNION ALL
    SELECT h.id, h.business_date, 'cash_rounding', o.rounding_cents
    FROM sales_heads h JOIN aura.orders o ON o.id = h.id
    WHERE h.counts AND o.rounding_cents <> 0 AND NOT EXISTS (
        SELECT 1 FROM aura.order_service_charges c WHERE c.order_id = h.id AND c.charge_class = 'cash_rounding')
"""

# Per document what its parts do not explain, as a credit: payable less (lines + charges + tax - tax inside - discounts).
DIFFERENCES = f"""
WITH lines AS (SELECT order_id, sum(gross) AS n FROM sales_lines GROUP BY order_id),
     charges AS (SELECT order_id, sum(amount) AS n FROM ({_CHARGES}) c GROUP BY order_id),
     taxes AS (SELECT order_id, sum(tax) AS n FROM sales_taxes GROUP BY order_id),
     checks AS (
         SELECT h.id, h.business_date, (h.total - (coalesce(l.n, 0) - h.included_tax - h.discount + coalesce(c.n, 0) + coalesce(t.n, 0)))::bigint AS amount
         FROM sales_heads h
         LEFT JOIN lines l ON l.order_id = h.id LEFT JOIN charges c ON c.order_id = h.id LEFT JOIN taxes t ON t.order_id = h.id
         WHERE h.counts),
     payouts AS (
         SELECT x.id, x.business_date, (x.amount_cents - e.net)::bigint AS amount
         FROM aura.payouts x CROSS JOIN LATERAL (
             SELECT sum(e.net_cents) AS net FROM aura.payout_entries e WHERE e.payout_id = x.id) e
         WHERE {_HERE} AND upper(x.status) <> 'FAILED' AND e.net IS NOT NULL)
SELECT 'orders' AS document, id, business_date, amount FROM checks WHERE amount <> 0
UNION ALL
SELECT 'refunds', id, business_date, -(amount - net - tax - tip - charge - rounding) FROM sales_refunds
WHERE is_booked AND amount <> net + tax + tip + charge + rounding
UNION ALL
SELECT 'payouts', id, business_date, amount FROM payouts WHERE amount <> 0
"""

_CHECKS = f"""
    SELECT business_date, {_CLASS_LINE} AS line, CASE WHEN revenue_class = 'sale' THEN category_name ELSE '' END AS detail,
           {_CLASS_MEMO} AS memo, -sum(gross - included_tax) AS amount
    FROM sales_lines GROUP BY business_date, revenue_class, category_name
    UNION ALL  -- tax inside prices that the POS states for the check only
    SELECT h.business_date, 'sales', '', 'sales', h.included_tax - coalesce(l.included_tax, 0)
    FROM sales_heads h LEFT JOIN (SELECT order_id, sum(included_tax) AS included_tax FROM sales_lines GROUP BY order_id) l ON l.order_id = h.id
    WHERE h.counts AND h.included_tax <> coalesce(l.included_tax, 0)
    UNION ALL
    SELECT business_date, 'discounts', '', 'checks', discount - comps FROM sales_checks WHERE counts
    UNION ALL
    SELECT business_date, 'comps', '', 'checks', comps FROM sales_checks WHERE counts
    UNION ALL
    SELECT business_date, CASE remitted_by WHEN 'marketplace' THEN 'marketplace_tax' ELSE 'sales_tax' END, {TAX_NAME}, 'checks', -sum(tax)
    FROM sales_taxes GROUP BY business_date, name, rate_percent, is_inclusive, remitted_by
    UNION ALL
    SELECT business_date,
           CASE charge_class WHEN 'auto_gratuity' THEN 'gratuity_payable' WHEN 'cash_rounding' THEN 'rounding'
                             WHEN 'fundraising' THEN 'donations_payable' ELSE 'service_charges' END,
           CASE WHEN charge_class IN ('auto_gratuity', 'cash_rounding', 'fundraising') THEN '' ELSE charge_class END, 'checks', -amount
    FROM ({_CHARGES}) c
    UNION ALL
    SELECT business_date, 'open_checks', '', 'checks', total FROM sales_heads WHERE counts
    UNION ALL
    SELECT business_date, 'pos_difference', '', document, -amount FROM journal_differences
"""

_PAYMENTS = f"""
    SELECT p.business_date, {_tender("p")}, 'payments', p.amount_cents + p.tip_amount_cents
    FROM paid p
    UNION ALL
    SELECT business_date, 'open_checks', '', 'payments', -amount_cents FROM paid
    UNION ALL
    SELECT business_date, 'tips_payable', '', 'payments', -tip_amount_cents FROM paid
    UNION ALL
    SELECT p.business_date, {_tender("p")}, 'fees', -p.fee_amount_cents FROM paid p WHERE p.fee_amount_cents <> 0
    UNION ALL
    SELECT business_date, 'processing_fees', '', 'fees', fee_amount_cents FROM paid WHERE fee_amount_cents <> 0
"""

# What is taken back in exchange goes to no tender: it pays for the check that it is part of.
_REFUNDS = f"""
    SELECT r.business_date, {_tender("r")}, 'refunds', -r.amount FROM refunded r WHERE NOT r.is_exchange
    UNION ALL
    SELECT business_date, 'open_checks', '', 'refunds', -amount FROM refunded WHERE is_exchange
    UNION ALL
    SELECT r.business_date, 'refunds', '', 'refunds', r.net - coalesce(o.net, 0)
    FROM sales_refunds r LEFT JOIN (
        SELECT refund_id, sum(net) AS net FROM sales_refund_lines WHERE revenue_class <> 'sale' GROUP BY refund_id) o ON o.refund_id = r.id
    WHERE r.is_booked
    UNION ALL
    SELECT business_date, {_CLASS_LINE}, '', 'refunds', net FROM sales_refund_lines WHERE revenue_class <> 'sale'
    UNION ALL
    SELECT business_date, CASE remitted_by WHEN 'marketplace' THEN 'marketplace_tax' ELSE 'sales_tax' END,
           CASE WHEN name = '' THEN 'rate not known' ELSE {TAX_NAME} END, 'refunds', tax
    FROM sales_refund_taxes
    UNION ALL
    SELECT business_date, 'tips_payable', '', 'refunds', tip FROM sales_refunds WHERE is_booked
    UNION ALL
    SELECT business_date, 'service_charges', 'refunded', 'refunds', charge FROM sales_refunds WHERE is_booked
    UNION ALL
    SELECT business_date, 'rounding', '', 'refunds', rounding FROM sales_refunds WHERE is_booked
    UNION ALL
    SELECT r.business_date, {_tender("r")}, 'fees', r.fee FROM refunded r WHERE r.fee <> 0
    UNION ALL
    SELECT business_date, 'processing_fees', '', 'fees', -fee FROM sales_refunds WHERE is_booked AND fee <> 0
"""

# What a payout says of payments is in card clearing since the payment; what it says beyond them is new.
_PAYOUTS = f"""
    SELECT x.business_date, 'bank', '', 'payouts', x.amount_cents FROM aura.payouts x WHERE {_HERE} AND upper(x.status) <> 'FAILED'
    UNION ALL
    SELECT x.business_date,
           CASE e.entry_class WHEN 'sale' THEN 'card_clearing' WHEN 'refund' THEN 'card_clearing' WHEN 'fee' THEN 'processing_fees'
                              WHEN 'dispute' THEN 'disputes' WHEN 'reserve' THEN 'processor_reserve' ELSE 'processor_other' END,
           CASE WHEN e.entry_class IN ('sale', 'refund') THEN 'payouts'
                WHEN e.entry_class IN ('fee', 'dispute', 'reserve') THEN '' ELSE e.entry_class END, 'payouts', -e.net_cents
    FROM aura.payouts x JOIN aura.payout_entries e ON e.payout_id = x.id WHERE {_HERE} AND upper(x.status) <> 'FAILED'
    UNION ALL
    SELECT x.business_date, 'card_clearing', 'payouts', 'payouts', -x.amount_cents
    FROM aura.payouts x WHERE {_HERE} AND upper(x.status) <> 'FAILED'
      AND NOT EXISTS (SELECT 1 FROM aura.payout_entries e WHERE e.payout_id = x.id)
"""

# Sales and refunds in cash are in already, as payments and refunds.
_CASH = f"""
    SELECT x.business_date, 'cash', '', 'drawers', x.amount_cents FROM aura.cash_events x
    WHERE {_HERE} AND x.event_type IN ('pay_in', 'pay_out', 'tip_out', 'adjustment', 'other')
    UNION ALL
    SELECT x.business_date,
           CASE x.event_type WHEN 'pay_in' THEN 'cash_paid_in' WHEN 'pay_out' THEN 'cash_paid_out' WHEN 'tip_out' THEN 'tips_payable'
                             ELSE 'cash_adjustments' END, '', 'drawers', -x.amount_cents
    FROM aura.cash_events x WHERE {_HERE} AND x.event_type IN ('pay_in', 'pay_out', 'tip_out', 'adjustment', 'other')
    UNION ALL
    SELECT x.business_date, 'cash', '', 'counted', x.counted_cents - x.expected_cents FROM aura.cash_drawer_shifts x
    WHERE {_HERE} AND x.counted_cents <> x.expected_cents
    UNION ALL
    SELECT x.business_date, 'cash_over_short', '', 'counted', x.expected_cents - x.counted_cents FROM aura.cash_drawer_shifts x
    WHERE {_HERE} AND x.counted_cents <> x.expected_cents
    UNION ALL
    SELECT x.business_date, 'bank', '', 'deposits', x.amount_cents FROM aura.deposits x WHERE {_HERE}
    UNION ALL
    SELECT x.business_date, 'cash', '', 'deposits', -x.amount_cents FROM aura.deposits x WHERE {_HERE}
    UNION ALL
    SELECT x.business_date, 'house_account_receivable', '', 'adjustments', x.amount_cents FROM aura.house_account_movements x
    WHERE {_HERE} AND x.movement_type = 'adjusted'
    UNION ALL
    SELECT x.business_date, 'house_account_adjustments', '', 'adjustments', -x.amount_cents FROM aura.house_account_movements x
    WHERE {_HERE} AND x.movement_type = 'adjusted'
"""

POSTINGS = f"""
WITH paid AS (
    SELECT p.business_date, p.method, p.tender_name, p.amount_cents, p.tip_amount_cents, p.fee_amount_cents, {_PROCESSED} AS is_processed
    FROM aura.payments p
    WHERE p.location_id = %(location)s AND p.business_date {BETWEEN} AND {TENDERED} AND (NOT %(own)s OR p.source_id IS NULL)
), refunded AS (
    SELECT r.business_date, r.method, r.tender_name, r.amount, r.fee, r.is_exchange, r.fee <> 0 OR (p.id IS NOT NULL AND {_PROCESSED}) AS is_processed
    FROM sales_refunds r LEFT JOIN aura.payments p ON p.id = r.payment_id WHERE r.is_booked
), postings AS (
    {_CHECKS} UNION ALL {_PAYMENTS} UNION ALL {_REFUNDS} UNION ALL {_PAYOUTS} UNION ALL {_CASH}
)
SELECT business_date, line, detail, memo, sum(amount)::bigint AS amount
FROM postings GROUP BY business_date, line, detail, memo HAVING sum(amount) <> 0
"""
"""Rows (business_date, line, detail, memo, amount): what was posted per day, debits positive."""
