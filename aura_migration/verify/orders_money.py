"""Whether the money is all there: order ↔ payment, payment ↔ fee, payment ↔ deposit.

Each level is judged over AuraConnect's rows by what the POS's page says covers an order. A level about which the POS gives no
data is not provable: it is neither passed nor failed, and its measure is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aura_migration.core.money import show
from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import FOUND, OrdersCase

ORDER_PAYMENT, PAYMENT_FEE, PAYMENT_DEPOSIT = "order_payment", "payment_fee", "payment_deposit"
LEVELS = (ORDER_PAYMENT, PAYMENT_FEE, PAYMENT_DEPOSIT)
LATE = "7 days"
"""A card payment that no payout names so long before the last payout has not been paid out."""
SETTLED = "1 day"
"""An entry of a payout takes effect hours after its payment: so long after the first payment its own may lie before the history."""
NOT_PAID_OUT = "no payout has it yet, although the processor has paid out since"
EXCHANGE = "Exchange"
"""The tender of a refund that was not paid out: it paid for the order that its return is part of."""
PARTLY_PAID = "still_due > 0 AND paid + still_due = due AND NOT is_own"
"""An order whose rest is open, as the POS itself says: neither a violation nor unreconciled."""
OWN_FIGURES = "{payments_do_not_cover,total_does_not_add_up,refund_exceeds_sale,unknown_tender,missing_reference}"
"""Problems of an order by which its payments need not cover it."""
MOST_OWN = 0.05
"""Share of orders that may be paid in part, or over, in the POS's own figures; where it is more, what we call covered is in
doubt, and each of them blocks."""
ALSO_COVERS = {
    # order totals may stand after refunds there: paid less refunded is what covers the order
    "clover": "coalesce(p.paid, 0) - coalesce(b.back, 0) = o.final + o.tip",
    # the documentation disagrees with itself on whether gratuity is part of the check's total
    "toast": "coalesce(p.paid, 0) = o.final - o.gratuity + o.tip",
}
"""What covers an order, too, by the page of that POS."""


@dataclass(frozen=True)
class Level:
    """What does not reconcile: how many, how much, and how many of them nothing explains; over how many it was looked at."""

    count: int
    cents: int
    unexplained: int
    judged: int

    def as_dict(self) -> dict[str, int]:
        """The measure as the scorecard shows it."""
        return {"count": self.count, "cents": self.cents}


def judge_money(case: OrdersCase) -> dict[str, Level | None]:
    """The three levels; None where there is nothing to prove one by. Findings go to ``orders_found``."""
    levels: dict[str, Level | None] = dict.fromkeys(LEVELS)
    _outside(case)
    if "payments" in case.judged:
        if "orders" in case.judged:
            levels[ORDER_PAYMENT] = _orders(case)
        levels[PAYMENT_FEE] = _fees(case)
        if "payouts" in case.judged:
            levels[PAYMENT_DEPOSIT] = _deposits(case)
    return levels


def _outside(case: OrdersCase) -> None:
    """Note references that lead out of the recorded history: neither reading holds what they name. Tell of the refunds'."""
    for kind, field, of in (
        ("payments", "order_key", "orders"),
        ("refunds", "order_key", "orders"),
        ("refunds", "payment_key", "payments"),
    ):
        if of in case.judged and kind in case.judged:
            case.run(
                f"""
                INSERT INTO orders_outside
                SELECT %(kind)s, s.key, %(field)s, s.{field} FROM said_{kind} s JOIN there_{kind} t ON t.key = s.key
                WHERE s.{field} IS NOT NULL AND t.{field} IS NULL AND NOT EXISTS (SELECT 1 FROM said_{of} o WHERE o.key = s.{field})
                """,
                kind=kind,
                field=field,
            )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'refunds', x.key, jsonb_object_agg(x.field, x.named), NULL, max(t.amount),
               'what it gives back of lies outside the recorded history', false
        FROM orders_outside x JOIN there_refunds t ON t.key = x.key WHERE x.kind = 'refunds' GROUP BY x.key
        """,
        check=words.PAYMENTS,
    )


def _level(case: OrdersCase, judged: int) -> Level | None:
    """Move what ``orders_open`` holds to the findings, with its cause; None where nothing was judged."""
    case.run(
        """
        UPDATE orders_open o SET is_blocking = false, cause = e.cause FROM orders_excused e
        WHERE e.kind = o.entity AND e.key = o.key AND e.cause <> '';
        UPDATE orders_open o SET is_blocking = false, cause = 'a payment of it is ' || e.cause
        FROM said_payments p JOIN orders_excused e ON e.kind = 'payments' AND e.key = p.key AND e.cause <> ''
        WHERE o.entity = 'orders' AND p.order_key = o.key;
        """
    )
    counted, cents, unexplained = case.row(
        "SELECT count(*), coalesce(sum(abs(cents)), 0)::bigint, count(*) FILTER (WHERE is_blocking) FROM orders_open"
    )
    case.run(
        f"""
        INSERT INTO {FOUND} SELECT %(check)s, entity, key, to_jsonb(said), to_jsonb(there), cents, cause, is_blocking FROM orders_open
        """,
        check=words.PAYMENTS,
    )
    case.run("DROP TABLE orders_open")
    return Level(counted, cents, unexplained, judged) if judged or counted else None


def _open(case: OrdersCase) -> None:
    case.run(
        "CREATE TEMP TABLE orders_open (entity text, key text, said bigint, there bigint, cents bigint, cause text, "
        "is_blocking boolean) ON COMMIT DROP"
    )


def _orders(case: OrdersCase) -> Level | None:
    """Completed payments with their tips, and what was taken back in exchange, are what the order came to with its tip."""
    _open(case)
    case.run(
        f"""
        INSERT INTO orders_short
        SELECT o.key, o.final + o.tip, coalesce(p.paid, 0) + coalesce(e.given, 0), coalesce(p.promised, 0),
               coalesce(x.problems && '{OWN_FIGURES}', false), coalesce(x.due, 0),
               coalesce(o.day <= f.day AND coalesce(s.paid, 0) = coalesce(p.paid, 0), false)
        FROM there_orders o
        LEFT JOIN (SELECT order_id, sum(amount + tip) FILTER (WHERE state = 'counts') AS paid,
                          sum(amount + tip) FILTER (WHERE state = 'open') AS promised
                   FROM there_payments GROUP BY order_id) p ON p.order_id = o.aura_id
        LEFT JOIN (SELECT order_key, sum(amount) AS back FROM there_refunds WHERE state = 'counts' GROUP BY order_key) b
               ON b.order_key = o.key
        LEFT JOIN (SELECT return_key, sum(amount) AS given FROM there_refunds
                   WHERE state = 'counts' AND tender = '{EXCHANGE}' AND payment_key IS NULL GROUP BY return_key) e ON e.return_key = o.key
        LEFT JOIN said_orders x ON x.key = o.key
        LEFT JOIN (SELECT order_key, sum(amount + tip) AS paid FROM said_payments WHERE state = 'counts' GROUP BY order_key) s
               ON s.order_key = o.key
        CROSS JOIN (SELECT min(day) AS day FROM said_payments WHERE NOT problems @> '{{absurd_date}}') f
        WHERE o.state = 'counts' AND coalesce(p.paid, 0) + coalesce(e.given, 0) <> o.final + o.tip
          AND NOT ({ALSO_COVERS.get(case.subject.pos, "false")})
        """
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'orders', key, to_jsonb(due), to_jsonb(paid), paid - due, 'paid in part: the rest is open in the POS', false
        FROM orders_short WHERE {PARTLY_PAID};
        """,
        check=words.PAYMENTS,
    )
    case.run(
        f"""
        INSERT INTO orders_open
        SELECT 'orders', key, due, paid, paid - due,
               CASE WHEN is_own THEN 'payments do not cover it in the POS''s own figures'
                    WHEN paid + promised = due THEN 'paid by what is authorised and not yet captured'
                    WHEN is_at_edge THEN 'it was paid before the history begins'
                    ELSE 'its payments are not what it came to' END,
               NOT is_own AND paid + promised <> due AND NOT is_at_edge
        FROM orders_short WHERE NOT ({PARTLY_PAID})
        """
    )
    counted = case.row("SELECT count(*) FROM there_orders WHERE state = 'counts'")[0]
    if case.row("SELECT count(*) FROM orders_open WHERE is_blocking")[0] <= counted * MOST_OWN:
        case.run(
            """
            UPDATE orders_open o SET is_blocking = false, cause = 'paid in part, or over, in the POS''s own figures'
            FROM said_orders s
            LEFT JOIN (SELECT order_key, sum(amount + tip) AS paid FROM said_payments WHERE state = 'counts' GROUP BY order_key)
                p ON p.order_key = s.key
            WHERE o.entity = 'orders' AND o.is_blocking AND s.key = o.key AND s.final + s.tip = o.said
              AND coalesce(p.paid, 0) = o.there
            """
        )
    case.run(
        """
        INSERT INTO orders_open
        SELECT 'payments', t.key, NULL, t.amount + t.tip, t.amount + t.tip,
               CASE WHEN x.key IS NULL THEN 'the POS names no order for it' ELSE 'its order lies outside the recorded history' END,
               false
        FROM there_payments t LEFT JOIN orders_outside x ON x.kind = 'payments' AND x.key = t.key
        WHERE t.state = 'counts' AND t.order_id IS NULL
        """
    )
    return _level(case, counted if case.row("SELECT EXISTS (SELECT 1 FROM there_payments)")[0] else 0)


def _fees(case: OrdersCase) -> Level | None:
    """The fee of a payment is the sum of its fee rows, and what the witness says."""
    _open(case)
    case.run(
        """
        INSERT INTO orders_open
        SELECT 'payments', t.key, t.fee, coalesce(t.fee_rows, 0), coalesce(t.fee_rows, 0) - coalesce(t.fee, 0),
               'the rows of its fees are not its fee', true
        FROM there_payments t WHERE coalesce(t.fee, 0) <> coalesce(t.fee_rows, 0)
        UNION ALL
        SELECT 'payments', s.key, s.fee, t.fee, coalesce(t.fee, 0) - s.fee, 'its fee is not what the POS says', true
        FROM said_payments s JOIN there_payments t ON t.key = s.key WHERE s.fee IS DISTINCT FROM t.fee AND s.fee IS NOT NULL
        """
    )
    judged = case.row("SELECT count(*) FROM said_payments WHERE fee IS NOT NULL")[0]
    return _level(case, judged)


def _deposits(case: OrdersCase) -> Level | None:
    """Every entry of a sale is a payment of that amount; every card payment was paid out sooner or later."""
    _open(case)
    case.run(
        f"""
        WITH entries AS (
            SELECT e.*, p.key AS payout FROM aura.payout_entries e JOIN there_payouts p ON p.aura_id = e.payout_id
            WHERE e.entry_class = 'sale'
        ), span AS (
            SELECT min(processed_at) + interval '{SETTLED}' AS first, max(processed_at) AS last FROM there_payments
        ), paid_out AS (
            SELECT max(day) AS last FROM there_payouts
        )
        INSERT INTO orders_open
        SELECT 'payout_entries', coalesce(e.source_entry_id, e.payout || '/' || e.id), t.amount + t.tip, e.gross_cents,
               e.gross_cents - t.amount - t.tip, 'the payout names another amount than the payment', true
        FROM entries e JOIN there_payments t ON t.aura_id = e.payment_id WHERE e.gross_cents <> t.amount + t.tip
        UNION ALL
        SELECT 'payout_entries', coalesce(e.source_entry_id, e.payout || '/' || e.id), NULL, e.gross_cents, e.gross_cents,
               CASE WHEN e.effective_at BETWEEN s.first AND s.last THEN 'the payout names no payment of this history'
                    ELSE 'its payment lies outside the history' END,
               coalesce(e.effective_at BETWEEN s.first AND s.last, true)
        FROM entries e CROSS JOIN span s
        WHERE NOT EXISTS (SELECT 1 FROM there_payments t WHERE t.aura_id = e.payment_id)
        UNION ALL
        SELECT 'payments', t.key, t.amount + t.tip, NULL, -t.amount - t.tip, '{NOT_PAID_OUT}', false
        FROM there_payments t CROSS JOIN paid_out l
        WHERE t.state = 'counts' AND t.method = 'card' AND t.day < ((l.last::date - interval '{LATE}')::date)::text
          AND t.amount + t.tip <> 0 AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.payment_id = t.aura_id)
        """
    )
    case.run(
        """
        INSERT INTO orders_open
        SELECT 'payouts', p.key, p.amount, coalesce(e.net, 0), coalesce(e.net, 0) - p.amount,
               'its entries do not add up to it in the POS''s own figures', false
        FROM there_payouts p
        LEFT JOIN (SELECT key, sum(net) AS net FROM there_entries GROUP BY key) e ON e.key = p.key
        WHERE coalesce(e.net, 0) <> p.amount
        """
    )
    judged = case.row("SELECT coalesce(sum(number), 0)::bigint FROM there_entries")[0]
    return _level(case, judged)


def evidence(case: OrdersCase, levels: dict[str, Level | None]) -> dict[str, Any]:
    """The three levels as data for a gate: what each was judged over, and what is only waiting."""
    found: dict[str, Any] = {
        name: f"not provable: {_why_not(case, name)}"
        if level is None
        else {**level.as_dict(), "unexplained": level.unexplained, "judged": level.judged}
        for name, level in levels.items()
    }
    if levels[ORDER_PAYMENT] is not None:
        open_count, open_cents = case.row(
            f"SELECT count(*), coalesce(sum(still_due), 0)::bigint FROM orders_short WHERE {PARTLY_PAID}"
        )
        found["partly_paid"] = {"count": open_count, "cents": open_cents}
    if levels[PAYMENT_DEPOSIT] is not None:
        waiting, cents = case.row(
            f"SELECT count(*), coalesce(-sum(difference), 0)::bigint FROM orders_found WHERE cause = '{NOT_PAID_OUT}'"
        )
        found["not_paid_out"] = {"count": waiting, "cents": cents}
    found["references_outside"] = case.row("SELECT count(*) FROM orders_outside")[0]
    found["fees_not_known_yet"] = case.row(
        "SELECT count(*) FROM said_payments WHERE state = 'counts' AND tender = 'Card' AND fee IS NULL"
    )[0]
    return found


_NEEDS = {ORDER_PAYMENT: ("payments", "orders"), PAYMENT_FEE: ("payments",), PAYMENT_DEPOSIT: ("payments", "payouts")}
_NO_DATA = {
    ORDER_PAYMENT: "the POS tells of no payments",
    PAYMENT_FEE: "the POS tells of no fees",
    PAYMENT_DEPOSIT: "the POS tells of no payouts",
}
_SUBJECTS = {
    ORDER_PAYMENT: ("Orders and payments", "orders", "paid to the cent"),
    PAYMENT_FEE: ("Payments and fees", "fees", "as the POS states them"),
    PAYMENT_DEPOSIT: ("Payments and payouts", "entries of payouts", "those of the payments"),
}


def _why_not(case: OrdersCase, name: str) -> str:
    left_out = [kind for kind in _NEEDS[name] if kind not in case.judged]
    return f"{' and '.join(left_out)} are left out by the options" if left_out else _NO_DATA[name]


def told(case: OrdersCase, levels: dict[str, Level | None]) -> str:
    """The three levels as people read them: a plain sentence each."""
    return " ".join(_sentence(case, name, levels[name]) for name in LEVELS)


def _sentence(case: OrdersCase, name: str, level: Level | None) -> str:
    subject, things, sound = _SUBJECTS[name]
    if level is None:
        return f"{subject}: not provable, {_why_not(case, name)}."
    if not level.count:
        return f"{subject}: all {level.judged:,} {things} are {sound}."
    money = f"{show(level.cents, case.currency)} {case.currency}"
    known = f"{level.unexplained:,} without a known cause" if level.unexplained else "all with a known cause"
    return f"{subject}: {level.count:,} differences of {money} in all over {level.judged:,} {things}, {known}."
