"""Orders, payments and refunds as they stood before later loads changed them, for a report that was made before that.

What a document was is known from the journal of replaced versions; what came late, from the batch that brought it. Nothing
is written but working tables. Whether a report agrees with an earlier state is ``orders_report``'s question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from aura_migration.core.money import show
from aura_migration.verify.orders_case import OrdersCase
from aura_migration.verify.orders_there import TAX_NAME

NAMED = 5
"""Documents that a cause names one by one."""
KINDS = {"orders": "order", "payments": "payment", "refunds": "refund"}
TABLES = ("old_orders", "old_payments", "old_refunds", "old_parts", "changed")
_ORDER_STATE = (
    "CASE WHEN b.is_voided OR b.voided_at_source OR b.status = 'cancelled' THEN 'voided' "
    "WHEN b.status = 'completed' THEN 'counts' ELSE 'open' END"
)
_STATE = "CASE b.status WHEN 'completed' THEN 'counts' WHEN 'pending' THEN 'open' WHEN 'authorized' THEN 'open' ELSE 'void' END"
_WORTH = {"orders": "final + tip", "payments": "amount + tip", "refunds": "amount"}


def earlier_states(case: OrdersCase, days: Sequence[date]) -> Iterator[None]:
    """Fill ``old_*`` with these days' documents as they stood before the last load that changed any, the one before it, …

    Each state holds what the one before it held, less one more load; ``changed`` lists what differs from now.
    """
    loads = case.rows(
        """
        SELECT b.plan_id, min(b.plan_id) OVER () FROM migration.history_batches b
        JOIN migration.migrations m ON m.id = b.migration_id
        WHERE m.location_key = %(location_key)s AND b.loaded_at IS NOT NULL AND b.undone_at IS NULL
        GROUP BY b.plan_id ORDER BY b.plan_id DESC
        """
    )
    for plan_id, first in loads:
        if plan_id != first and _fill(case, days, plan_id):
            yield


def told_changes(case: OrdersCase, day: date) -> str:
    """What was changed of a day since the state that is in the tables: each document with what it is worth more or less."""
    rows = case.rows(
        """
        SELECT kind, key, now - before, count(*) OVER () FROM changed WHERE %(day)s IN (day_before, day_now)
        ORDER BY abs(now - before) DESC, kind, key LIMIT %(limit)s
        """,
        day=day.isoformat(),
        limit=NAMED,
    )
    told = [f"{KINDS[kind]} {key}{_by(cents, case.currency)}" for kind, key, cents, _ in rows]
    more = rows[0][3] - len(rows) if rows else 0
    return ", ".join([*told, *([f"and {more} more"] if more else [])])


def _by(cents: int, currency: str) -> str:
    return f", {'+' if cents > 0 else ''}{show(cents, currency)} {currency}" if cents else ""


def _fill(case: OrdersCase, days: Sequence[date], plan_id: int) -> bool:
    """Make the tables: the state before that plan and those after it were loaded. False where nothing of the days differs."""
    case.run(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in TABLES)}")
    case.run(
        "CREATE TEMP TABLE changed (kind text, key text, aura_id bigint, day_before text, day_now text, before bigint, now bigint, "
        "image jsonb) ON COMMIT DROP"
    )
    for kind in KINDS:
        case.run(
            f"""
            WITH later AS (
                SELECT b.id FROM migration.history_batches b JOIN migration.migrations m ON m.id = b.migration_id
                WHERE m.location_key = %(location_key)s AND b.plan_id >= %(since)s AND b.loaded_at IS NOT NULL AND b.undone_at IS NULL
            ), was AS (
                SELECT DISTINCT ON (j.aura_id) j.aura_id, j.before FROM migration.history_journal j
                WHERE j.batch_id IN (SELECT id FROM later) AND j.document = %(kind)s AND j.undone_at IS NULL ORDER BY j.aura_id, j.id
            )
            INSERT INTO changed
            SELECT %(kind)s, t.key, t.aura_id, NULL, t.day, 0, CASE t.state WHEN 'counts' THEN {_WORTH[kind]} ELSE 0 END, w.before
            FROM there_{kind} t LEFT JOIN was w ON w.aura_id = t.aura_id
            WHERE w.aura_id IS NOT NULL
               OR (SELECT r.history_batch_id FROM aura.{kind} r WHERE r.id = t.aura_id) IN (SELECT id FROM later)
            """,
            kind=kind,
            since=plan_id,
        )
    case.run("UPDATE changed SET day_before = image -> kind -> 0 ->> 'business_date' WHERE image IS NOT NULL")
    shown = [day.isoformat() for day in days]
    if not case.row(
        "SELECT EXISTS (SELECT 1 FROM changed WHERE day_before = ANY(%(days)s) OR day_now = ANY(%(days)s))", days=shown
    )[0]:
        return False
    _copy(case, shown)
    _restore(case)
    case.prepare(*TABLES)
    return True


def _copy(case: OrdersCase, days: Sequence[str]) -> None:
    """The documents of the days, with the orders of their payments and the payments of their orders."""
    case.run(
        """
        CREATE TEMP TABLE old_orders ON COMMIT DROP AS
        SELECT * FROM there_orders o WHERE day = ANY(%(days)s)
           OR aura_id IN (SELECT order_id FROM there_payments WHERE day = ANY(%(days)s))
           OR aura_id IN (SELECT aura_id FROM changed WHERE kind = 'orders' AND day_before = ANY(%(days)s))
        """,
        days=days,
    )
    case.run(
        """
        CREATE TEMP TABLE old_payments ON COMMIT DROP AS
        SELECT * FROM there_payments WHERE day = ANY(%(days)s) OR order_id IN (SELECT aura_id FROM old_orders)
           OR aura_id IN (SELECT aura_id FROM changed WHERE kind = 'payments' AND day_before = ANY(%(days)s))
        """,
        days=days,
    )
    case.run(
        """
        CREATE TEMP TABLE old_refunds ON COMMIT DROP AS
        SELECT * FROM there_refunds WHERE day = ANY(%(days)s) OR sale_day = ANY(%(days)s)
           OR aura_id IN (SELECT aura_id FROM changed WHERE kind = 'refunds' AND day_before = ANY(%(days)s))
        """,
        days=days,
    )
    case.run(
        "CREATE TEMP TABLE old_parts ON COMMIT DROP AS SELECT p.* FROM there_parts p WHERE key IN (SELECT key FROM old_orders)"
    )


def _restore(case: OrdersCase) -> None:
    """Put the earlier versions in the place of the present ones; what had none was not there."""
    for kind in KINDS:
        case.run(
            f"DELETE FROM old_{kind} o USING changed c WHERE c.kind = '{kind}' AND c.aura_id = o.aura_id AND c.image IS NULL"
        )
    image = "changed c CROSS JOIN LATERAL jsonb_populate_record(NULL::aura.{kind}, c.image -> c.kind -> 0) b"
    case.run(
        f"""
        UPDATE old_orders o SET day = b.business_date::text, state = {_ORDER_STATE}, gross = b.subtotal_cents - b.non_sale_cents,
            discount = b.discount_amount_cents, tax = b.tax_amount_cents, included_tax = b.included_tax_cents,
            tip = b.tip_amount_cents, final = b.final_amount_cents, subtotal = b.subtotal_cents, non_sale = b.non_sale_cents,
            service = b.service_charge_amount_cents, gratuity = b.gratuity_cents, rounding = b.rounding_cents
        FROM {image.format(kind="orders")} WHERE c.kind = 'orders' AND c.aura_id = o.aura_id
        """
    )
    case.run(
        f"""
        UPDATE old_payments o SET day = b.business_date::text, state = {_STATE}, tender = b.tender_name, amount = b.amount_cents,
            tip = b.tip_amount_cents, fee = b.fee_amount_cents, order_id = b.order_id
        FROM {image.format(kind="payments")} WHERE c.kind = 'payments' AND c.aura_id = o.aura_id
        """
    )
    case.run(
        f"""
        UPDATE old_refunds o SET day = b.business_date::text, state = {_STATE}, amount = b.amount_cents, tax = b.tax_cents,
            tip = b.tip_refunded_cents, net = b.net_cents, charge = b.charge_cents
        FROM {image.format(kind="refunds")} WHERE c.kind = 'refunds' AND c.aura_id = o.aura_id
        """
    )
    case.run(
        f"""
        DELETE FROM old_parts p USING changed c WHERE c.kind = 'orders' AND c.key = p.key;
        INSERT INTO old_parts
        SELECT c.key, x.part, x.name, sum(x.cents) FROM changed c CROSS JOIN LATERAL (
            SELECT 'non_sale', i.revenue_class, i.line_subtotal_cents
            FROM jsonb_populate_recordset(NULL::aura.order_items, c.image -> 'order_items') i WHERE i.revenue_class <> 'sale' AND NOT i.is_voided
            UNION ALL
            SELECT 'charges', s.charge_class, s.amount_cents
            FROM jsonb_populate_recordset(NULL::aura.order_service_charges, c.image -> 'order_service_charges') s
            UNION ALL
            SELECT 'tax_by_rate', {TAX_NAME.replace("%%", "%")}, x.amount_cents
            FROM jsonb_populate_recordset(NULL::aura.order_taxes, c.image -> 'order_taxes') x
            LEFT JOIN jsonb_populate_recordset(NULL::aura.order_items, c.image -> 'order_items') i ON i.id = x.order_item_id AND i.is_voided
            WHERE i.id IS NULL) x (part, name, cents)
        WHERE c.kind = 'orders' AND c.image IS NOT NULL AND c.key IN (SELECT key FROM old_orders) GROUP BY 1, 2, 3;
        """
    )
    for kind in KINDS:
        case.run(
            f"UPDATE changed c SET before = CASE o.state WHEN 'counts' THEN {_WORTH[kind]} ELSE 0 END FROM old_{kind} o "
            f"WHERE c.kind = '{kind}' AND o.aura_id = c.aura_id"
        )
