"""Day by day: what each side sums up to, and which part of a difference has a cause.

Figures of a day count what counts: no voided, open or failed documents. They go to ``migration.daily_reconciliation``,
the POS side beside AuraConnect's. Metrics are cents, those of ``COUNTS`` are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import CASH, FOUND, OrdersCase

COUNTS = ("orders", "payments_count", "refunds_count")
OF_TAX = ("tax", "included_tax", "tax_by_rate")
OF_MONEY = ("payments", "payment_tips", "payments_count", "payouts", "payout_fees", *CASH)
METRICS = (
    *("orders", "gross", "discounts", "net", "non_sale", "charges", "tips", "final"),
    *("tax", "included_tax", "tax_by_rate", "refunds", "refunds_count", *OF_MONEY),
)
"""What is summed per day. ``name`` says which: class of line or charge, rate of a tax, tender."""


@dataclass(frozen=True)
class Sum:
    """One grouping of documents ``r`` of a kind: by day and ``name``; ``figures`` are (metric, SQL), ``metric`` SQL beats theirs."""

    kind: str
    table: str
    figures: tuple[tuple[str, str], ...]
    state: str = "counts"
    name: str = "''"
    metric: str = ""
    joins: str = ""


SUMS = (
    Sum(
        "orders",
        "orders",
        (
            ("orders", "count(*)"),
            ("gross", "sum(r.gross)"),
            ("discounts", "sum(r.discount)"),
            ("net", "sum(r.gross - r.discount)"),
            ("tips", "sum(r.tip)"),
            ("final", "sum(r.final)"),
            ("tax", "sum(r.tax)"),
            ("included_tax", "sum(r.included_tax)"),
        ),
    ),
    Sum(
        "orders",
        "orders",
        (("", "sum(p.cents)"),),
        name="p.name",
        metric="p.part",
        joins="JOIN {side}_parts p ON p.key = r.key",
    ),
    Sum(
        "payments",
        "payments",
        (("payments", "sum(r.amount)"), ("payment_tips", "sum(r.tip)"), ("payments_count", "count(*)")),
        name="r.tender",
    ),
    Sum("refunds", "refunds", (("refunds", "sum(r.amount)"), ("refunds_count", "count(*)"))),
    Sum("payouts", "payouts", (("payouts", "sum(r.amount)"), ("payout_fees", "sum(r.fees)")), state=""),
    *(Sum(kind, "cash", ((kind, "sum(r.amount)"),), state="") for kind in CASH),
)


class Off(NamedTuple):
    """The largest unexplained differences over all days: sales in percent of the day's gross, tax in cents."""

    sales_pct: float | None
    tax_cents: int | None


def judge_days(case: OrdersCase) -> int:
    """Sum both sides, explain what has a cause, store the days, report what is left; returns how many days there are."""
    for side in ("said", "there"):
        for query in sums_of(case, side):
            case.run(f"INSERT INTO orders_days SELECT %(side)s, day, metric, name, value FROM ({query}) x", side=side)
    for side, sign in (("said", "-"), ("there", "")):
        for query in sums_of(case, side, excused=True):
            case.run(
                f"INSERT INTO orders_explained SELECT day, metric, name, cause, documents, {sign}value FROM ({query}) x"
            )
    case.run("DELETE FROM migration.daily_reconciliation WHERE migration_id = %(migration)s")
    case.run(
        """
        INSERT INTO migration.daily_reconciliation (migration_id, business_date, metric, name, pos_value, aura_value,
            explained, causes)
        SELECT %(migration)s, d.day::date, d.metric, d.name, d.pos, d.aura, coalesce(e.value, 0), coalesce(e.causes, '[]')
        FROM (SELECT day, metric, name, coalesce(sum(value) FILTER (WHERE side = 'said'), 0) AS pos,
                     coalesce(sum(value) FILTER (WHERE side = 'there'), 0) AS aura
              FROM orders_days GROUP BY day, metric, name) d
        LEFT JOIN (
            SELECT day, metric, name, sum(value) AS value,
                   jsonb_agg(jsonb_build_object('cause', cause, 'value', value, 'documents', documents) ORDER BY cause) AS causes
            FROM (SELECT day, metric, name, cause, sum(value) AS value, sum(documents) AS documents FROM orders_explained
                  GROUP BY day, metric, name, cause) c
            WHERE value <> 0 GROUP BY day, metric, name) e USING (day, metric, name)
        WHERE pg_input_is_valid(d.day, 'date')
        """
    )
    _flagged(case)
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT CASE WHEN metric = ANY(%(tax)s) THEN %(tax_check)s WHEN metric = ANY(%(money)s) THEN %(money_check)s
                    ELSE %(sales_check)s END,
               'days', business_date || ' ' || metric || CASE name WHEN '' THEN '' ELSE ': ' || name END,
               to_jsonb(pos_value), to_jsonb(aura_value),
               CASE WHEN metric <> ALL(%(counts)s) THEN aura_value - pos_value - explained END,
               'the day does not add up to the POS''s; the documents behind it are findings of their own', true
        FROM migration.daily_reconciliation
        WHERE migration_id = %(migration)s AND aura_value - pos_value <> explained
        """,
        tax=list(OF_TAX),
        money=list(OF_MONEY),
        counts=list(COUNTS),
        tax_check=words.TAX,
        money_check=words.PAYMENTS,
        sales_check=words.DAILY_SALES,
    )
    days: int = case.row(
        "SELECT count(DISTINCT business_date) FROM migration.daily_reconciliation WHERE migration_id = %(migration)s"
    )[0]
    return days


def largest(case: OrdersCase) -> Off:
    """How far off the worst day is: the sum of absolute unexplained differences of its documents, never their balance.

    A missing or additional order counts with all its sales. The days' own sums count where they are off by more.
    """
    sales = case.row(
        """
        SELECT max(CASE WHEN d.gross > 0 THEN x.cents * 100.0 / d.gross WHEN x.cents > 0 THEN 100 ELSE 0 END)
        FROM (SELECT business_date::text AS day, pos_value AS gross FROM migration.daily_reconciliation
              WHERE migration_id = %(migration)s AND metric = 'gross') d
        LEFT JOIN (
            SELECT day, max(cents) AS cents FROM (
                SELECT o.day, d.field, sum(abs(d.cents)) AS cents FROM orders_diffs d JOIN said_orders o ON o.key = d.key
                LEFT JOIN orders_excused e ON e.kind = d.kind AND e.key = d.key
                WHERE d.kind = 'orders' AND d.check_name = %(check)s AND e.key IS NULL GROUP BY o.day, d.field
                UNION ALL
                SELECT business_date::text, metric, abs(aura_value - pos_value - explained)
                FROM migration.daily_reconciliation
                WHERE migration_id = %(migration)s AND metric = ANY(%(figures)s)
                UNION ALL
                SELECT coalesce(f.expected, f.actual) ->> 'day', 'presence', sum(abs(f.difference)) FROM orders_found f
                WHERE f.entity = 'orders' AND f.is_blocking AND (f.expected IS NULL OR f.actual IS NULL)
                  AND f.difference IS NOT NULL GROUP BY 1) off
            GROUP BY day) x USING (day)
        """,
        check=words.DAILY_SALES,
        figures=["gross", "discounts", "net", "charges", "tips", "final", "refunds"],
    )[0]
    tax = case.row(
        """
        SELECT max(cents) FROM (
            SELECT abs(aura_value - pos_value - explained) AS cents FROM migration.daily_reconciliation
            WHERE migration_id = %(migration)s AND metric = ANY(%(figures)s)
            UNION ALL
            SELECT sum(abs(d.cents)) FROM orders_diffs d LEFT JOIN said_orders o ON o.key = d.key AND d.kind = 'orders'
            LEFT JOIN said_refunds r ON r.key = d.key AND d.kind = 'refunds'
            LEFT JOIN orders_excused e ON e.kind = d.kind AND e.key = d.key
            WHERE d.check_name = %(check)s AND e.key IS NULL GROUP BY coalesce(o.day, r.day), d.kind, d.field) off
        """,
        check=words.TAX,
        figures=list(OF_TAX),
    )[0]
    return Off(None if sales is None else _percent(Decimal(sales)), None if tax is None else int(tax))


def _percent(exact: Decimal) -> float:
    """Rounded up to four digits: what is off is never shown as nothing."""
    return float((exact * 10_000).to_integral_value(ROUND_CEILING)) / 10_000


def sums_of(case: OrdersCase, side: str, *, excused: bool = False) -> list[str]:
    """The sums of a side as queries of (day, metric, name, value), of excused documents also (cause, documents).

    ``side`` is said or there; alt: what is there, with the days of orders, payments and refunds told otherwise; old: what stood
    before later loads (``orders_earlier``).
    """
    queries = []
    for one in SUMS:
        if one.kind not in case.judged or (
            side in ("alt", "old") and one.kind not in ("orders", "payments", "refunds")
        ):
            continue
        conditions = [f"r.state = '{one.state}'"] if one.state else []
        conditions += [f"r.kind = '{one.kind}'"] if one.kind in CASH else []
        groups = ["r.day", f"{one.name} AS name", *([f"{one.metric} AS metric"] if one.metric else [])]
        figures = [f"{figure} AS figure_{n}" for n, (_, figure) in enumerate(one.figures)]
        joins = one.joins.format(side="there" if side == "alt" else side)
        if excused:
            joins += f" JOIN orders_excused e ON e.kind = '{one.kind}' AND e.key = r.key AND e.cause <> ''"
            groups.append("e.cause")
            figures.append("count(DISTINCT r.key) AS documents")
        values = ", ".join(
            f"({'g.metric' if one.metric else repr(metric)}, g.figure_{n})" for n, (metric, _) in enumerate(one.figures)
        )
        queries.append(
            f"""
            SELECT g.day, m.metric, g.name, m.value{", g.cause, g.documents" if excused else ""}
            FROM (SELECT {", ".join(groups + figures)} FROM {side}_{one.table} r {joins}
                  WHERE {" AND ".join(conditions) or "true"} GROUP BY {", ".join(str(n + 1) for n in range(len(groups)))}) g
            CROSS JOIN LATERAL (VALUES {values}) m (metric, value)
            """
        )
    return queries


def _flagged(case: OrdersCase) -> None:
    """Note on the days how many orders and how much money have figures of the POS's that do not add up."""
    case.run(
        """
        UPDATE migration.daily_reconciliation d
        SET causes = d.causes || jsonb_build_object('cause', 'flagged: ' || f.codes, 'value', 0, 'documents', f.documents,
            'cents', f.cents)
        FROM (SELECT day, string_agg(DISTINCT code, ', ' ORDER BY code) AS codes, count(DISTINCT key) AS documents,
                     (SELECT sum(o.final) FROM there_orders o WHERE o.day = x.day AND o.flags <> '{}' AND o.state = 'counts')
                     AS cents
              FROM there_orders x, unnest(x.flags) code WHERE x.state = 'counts' GROUP BY day) f
        WHERE d.migration_id = %(migration)s AND d.metric = 'orders' AND d.business_date::text = f.day
        """
    )
