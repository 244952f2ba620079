"""Orders that AuraConnect took and pushed to the POS: the second reading finds them there, and they are nobody's second sale.

That such an order is not imported is right only where AuraConnect has the original, or where it tried out whether orders
arrive and nobody paid it. Which were left out is not asked of what left them out: it follows from what the POS says and from
AuraConnect's own orders. A twin that was imported all the same is compared as any other.
"""

from __future__ import annotations

from aura_migration.verify.orders_case import OrdersCase

OURS = "SELECT {what} FROM aura.orders n WHERE n.location_id = %(location)s AND n.origin = 'aura_native' AND n.deleted_at IS NULL"
"""Something of AuraConnect's own orders at the location."""


def leave_out_twins(case: OrdersCase) -> dict[str, int]:
    """Take twins out of what the witness says, with their money; how many documents of each kind."""
    case.run("CREATE TEMP TABLE orders_twins (kind text, key text) ON COMMIT DROP")
    case.run(
        f"""
        INSERT INTO orders_twins SELECT 'orders', s.key FROM said_orders s
        WHERE NOT EXISTS (SELECT 1 FROM there_orders t WHERE t.key = s.key)
          AND (starts_with(s.reference, 'aura:test:') AND s.state <> 'counts'
               OR s.reference IN ({OURS.format(what="'aura:' || n.id")})
               OR s.key IN ({OURS.format(what="n.external_id")} AND n.external_id IS NOT NULL))
        """
    )
    if not case.row("SELECT EXISTS (SELECT 1 FROM orders_twins)")[0]:
        case.run("DROP TABLE orders_twins")
        return {}
    of_order = "s.order_key IN (SELECT key FROM orders_twins WHERE kind = 'orders')"
    of_payment = "s.payment_key IN (SELECT key FROM orders_twins WHERE kind = 'payments')"
    for kind, condition in (("payments", of_order), ("refunds", f"({of_order} OR {of_payment})")):
        case.run(
            f"INSERT INTO orders_twins SELECT %(kind)s, s.key FROM said_{kind} s WHERE {condition} "
            f"AND NOT EXISTS (SELECT 1 FROM there_{kind} t WHERE t.key = s.key)",
            kind=kind,
        )
    case.run(
        f"INSERT INTO orders_twins SELECT s.kind, s.key FROM said_cash s WHERE {of_order} "
        "AND NOT EXISTS (SELECT 1 FROM there_cash t WHERE t.key = s.key AND t.kind = s.kind)"
    )
    for kind in ("orders", "payments", "refunds"):
        case.run(f"DELETE FROM said_{kind} s USING orders_twins w WHERE w.kind = '{kind}' AND w.key = s.key")
    case.run("DELETE FROM said_parts s USING orders_twins w WHERE w.kind = 'orders' AND w.key = s.key")
    case.run("DELETE FROM said_cash s USING orders_twins w WHERE w.kind = s.kind AND w.key = s.key")
    found = dict(case.rows("SELECT kind, count(DISTINCT key)::integer FROM orders_twins GROUP BY kind ORDER BY kind"))
    case.run("DROP TABLE orders_twins")
    return found
