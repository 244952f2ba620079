"""What stands in AuraConnect of a location's history, by SQL over its tables alone, in the figures witnesses give.

In question is what this migration wrote, what the witness names, and everything imported that lies between the first and
the last day the witness tells of. What people rang up in AuraConnect itself is none of it.
"""

from __future__ import annotations

from aura_migration.verify.orders_case import OrdersCase

FLAGS = (
    "ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(r.review_flags) WHEN 'array' THEN r.review_flags END))"
)
TAX_NAME = "x.name || coalesce(' ' || trim_scale(x.rate_percent)::text || '%%', '') || CASE WHEN x.is_inclusive THEN ' incl.' ELSE '' END"
"""``order_facts.tax_name`` in SQL."""


def read_there(case: OrdersCase) -> None:
    """Fill ``there_*``; the witness's tables must be written."""
    first, last = _span(case)
    if case.location_id is None:
        return
    _orders(case, first, last)
    _payments(case, first, last)
    _refunds(case, first, last)
    _payouts(case, first, last)
    _cash(case, first, last)


def _span(case: OrdersCase) -> tuple[str, str]:
    """The first and last day of the witness's orders, payments and refunds, absurd ones left out."""
    found: tuple[str, str] = case.row(
        """
        SELECT coalesce(min(day), 'infinity')::text, coalesce(max(day), '-infinity')::text FROM (
            SELECT day FROM said_orders WHERE NOT problems @> '{absurd_date}'
            UNION ALL SELECT day FROM said_payments WHERE NOT problems @> '{absurd_date}'
            UNION ALL SELECT day FROM said_refunds WHERE NOT problems @> '{absurd_date}') s
        WHERE day ~ '^(199|20)[0-9]+-[0-9]{2}-[0-9]{2}$' AND day <= ((%(now)s::timestamptz + interval '3 years')::date)::text
        """
    )
    return found


def _scope(table: str, said: str) -> str:
    """The condition on rows ``r`` of a root table. ``said``: where the witness's keys of the kind are."""
    return f"""
        r.location_id = %(location)s AND r.deleted_at IS NULL
        AND (r.migration_run_id = %(migration)s
             OR (r.source_vendor = %(vendor)s
                 AND ((r.business_date > %(first)s::date AND r.business_date < %(last)s::date)
                      OR EXISTS (SELECT 1 FROM {said} WHERE s.key = r.source_id))))
    """


KEY = "coalesce(r.source_id, 'aura:' || r.id), r.business_date::text"
OWN = "r.history_batch_id IN (SELECT id FROM migration.history_batches WHERE plan_id = %(plan)s)"
"""Whether the plan in question wrote the row; what stands otherwise was there before."""


def _orders(case: OrdersCase, first: str, last: str) -> None:
    case.run(
        f"""
        WITH r AS MATERIALIZED (SELECT r.* FROM aura.orders r WHERE {_scope("orders", "said_orders s")}),
        l AS (
            SELECT i.order_id, count(*) AS lines,
                   sum(i.line_subtotal_cents) FILTER (WHERE i.revenue_class = 'sale' AND NOT i.is_voided) AS gross
            FROM r JOIN aura.order_items i ON i.order_id = r.id GROUP BY i.order_id)
        INSERT INTO there_orders
        SELECT r.id, {KEY},
               CASE WHEN r.is_voided OR r.voided_at_source OR r.status = 'cancelled' THEN 'voided'
                    WHEN r.status = 'completed' THEN 'counts' ELSE 'open' END,
               coalesce(l.gross, 0), r.discount_amount_cents, r.tax_amount_cents, r.included_tax_cents, r.tip_amount_cents,
               r.final_amount_cents, coalesce(l.lines, 0), r.subtotal_cents, r.non_sale_cents,
               r.service_charge_amount_cents, r.gratuity_cents, r.rounding_cents, r.subtotal_cents - r.non_sale_cents,
               {FLAGS}, coalesce({OWN}, false), r.voided_at_source
        FROM r LEFT JOIN l ON l.order_id = r.id
        """,
        first=first,
        last=last,
    )
    case.run("CREATE INDEX ON there_orders (aura_id)")
    case.prepare("there_orders")
    for part, query in (
        (
            "non_sale",
            "SELECT x.order_id, x.revenue_class AS name, x.line_subtotal_cents AS cents FROM aura.order_items x "
            "WHERE x.revenue_class <> 'sale' AND NOT x.is_voided",
        ),
        (
            "charges",
            # Rounding that the POS keeps on the order and not among its charges has no row of its own.
            "SELECT x.order_id, x.charge_class, x.amount_cents FROM aura.order_service_charges x UNION ALL "
            "SELECT r.aura_id, 'cash_rounding', r.rounding FROM there_orders r WHERE r.rounding <> 0 AND NOT EXISTS ("
            "SELECT 1 FROM aura.order_service_charges x WHERE x.order_id = r.aura_id AND x.charge_class = 'cash_rounding')",
        ),
        (
            "tax_by_rate",
            f"SELECT x.order_id, {TAX_NAME}, x.amount_cents FROM aura.order_taxes x "
            "LEFT JOIN aura.order_items i ON i.id = x.order_item_id AND i.is_voided "
            "WHERE i.id IS NULL",
        ),
    ):
        case.run(
            f"""
            INSERT INTO there_parts
            SELECT o.key, %(part)s, p.name, sum(p.cents) FROM ({query}) p (order_id, name, cents)
            JOIN there_orders o ON o.aura_id = p.order_id
            GROUP BY o.key, p.name HAVING sum(p.cents) <> 0
            """,
            part=part,
        )
    case.prepare("there_parts")


def _payments(case: OrdersCase, first: str, last: str) -> None:
    case.run(
        f"""
        WITH r AS MATERIALIZED (SELECT r.* FROM aura.payments r WHERE {_scope("payments", "said_payments s")}),
        f AS (SELECT f.payment_id, sum(f.amount_cents) AS fees FROM r JOIN aura.payment_fees f ON f.payment_id = r.id
              GROUP BY f.payment_id)
        INSERT INTO there_payments
        SELECT r.id, coalesce(r.source_id, 'aura:' || r.id), coalesce(o.source_id, 'aura:' || r.order_id),
               r.business_date::text, r.tender_name, r.amount_cents, r.tip_amount_cents,
               CASE r.status WHEN 'completed' THEN 'counts' WHEN 'pending' THEN 'open' WHEN 'authorized' THEN 'open'
                    ELSE 'void' END,
               r.fee_amount_cents, f.fees, r.method, r.order_id, r.processed_at, {FLAGS}, coalesce({OWN}, false),
               false
        FROM r LEFT JOIN aura.orders o ON o.id = r.order_id AND o.location_id = r.location_id
        LEFT JOIN f ON f.payment_id = r.id
        """,
        first=first,
        last=last,
    )
    case.prepare("there_payments")


def _refunds(case: OrdersCase, first: str, last: str) -> None:
    case.run(
        f"""
        INSERT INTO there_refunds
        SELECT r.id, coalesce(r.source_id, 'aura:' || r.id), coalesce(o.source_id, 'aura:' || r.order_id),
               coalesce(p.source_id, 'aura:' || r.payment_id), r.business_date::text, r.amount_cents,
               CASE r.status WHEN 'completed' THEN 'counts' WHEN 'pending' THEN 'open' ELSE 'void' END,
               r.tax_cents, r.tip_refunded_cents, r.net_cents, r.charge_cents,
               coalesce(r.sale_business_date, o.business_date)::text, {FLAGS}, coalesce({OWN}, false), false,
               r.tender_name, r.return_order_key
        FROM aura.refunds r
        LEFT JOIN aura.orders o ON o.id = r.order_id AND o.location_id = r.location_id
        LEFT JOIN aura.payments p ON p.id = r.payment_id AND p.location_id = r.location_id
        WHERE {_scope("refunds", "said_refunds s")}
        """,
        first=first,
        last=last,
    )
    case.prepare("there_refunds")


def _payouts(case: OrdersCase, first: str, last: str) -> None:
    case.run(
        f"""
        INSERT INTO there_payouts
        SELECT r.id, {KEY}, r.amount_cents,
               coalesce((SELECT sum(e.fee_cents) FROM aura.payout_entries e WHERE e.payout_id = r.id), 0), coalesce({OWN}, false), false
        FROM aura.payouts r WHERE {_scope("payouts", "said_payouts s")}
        """,
        first=first,
        last=last,
    )
    case.run(
        """
        INSERT INTO there_entries
        SELECT p.key, e.entry_class, count(*), sum(e.net_cents) FROM aura.payout_entries e
        JOIN there_payouts p ON p.aura_id = e.payout_id GROUP BY p.key, e.entry_class
        """
    )
    case.prepare("there_payouts", "there_entries")


AMOUNT_OF = {
    "cash_drawer_shifts": "coalesce(r.counted_cents, r.expected_cents, 0)",
    "cash_events": "r.amount_cents",
    "deposits": "r.amount_cents",
    "house_account_movements": "r.amount_cents",
}


def _cash(case: OrdersCase, first: str, last: str) -> None:
    for kind, amount in AMOUNT_OF.items():
        case.run(
            f"""
            INSERT INTO there_cash
            SELECT r.id, %(kind)s, {KEY}, {amount}, coalesce({OWN}, false), false FROM aura.{kind} r
            WHERE {_scope(kind, "said_cash s")}
            """.replace("WHERE s.key = r.source_id", "WHERE s.kind = %(kind)s AND s.key = r.source_id"),
            kind=kind,
            first=first,
            last=last,
        )
    case.prepare("there_cash")
