"""Payments and reports of the last complete days: what the POS says, read by its witness, against AuraConnect's own tables.

Nothing is written to the POS. Orders that AuraConnect took are no part of it: they are compared day by day (``reconcile``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from aura_migration.database.connections import Connection
from aura_migration.migration.integration_tests.results import TestResult
from aura_migration.pos.order_facts import DayRule, HistoryFact, OrderFact, PaymentFact
from aura_migration.pos.writing import TWIN
from aura_migration.reconcile.schedule import closes_at

PAYMENTS, REPORTING = "payments", "reporting"
DAYS = 7
NAMED = 5
NOTHING = "no complete day with sales was read of the POS"
FIGURES = ("checks", "gross", "discounts", "tax", "total", "paid")


@dataclass
class Recent:
    """What the POS says of the last complete days: orders and payments that count, by key; twins of AuraConnect's are out."""

    days: list[date]
    orders: dict[str, OrderFact] = field(default_factory=dict)
    payments: list[PaymentFact] = field(default_factory=list)


def recent_of(facts: Iterable[HistoryFact], rule: DayRule, read_until: datetime) -> Recent:
    """The last :data:`DAYS` business dates that were over, and had sales, when the POS was read."""
    last = rule.day(read_until)
    while closes_at(rule, last) > read_until:
        last -= timedelta(days=1)
    first = (last - timedelta(days=3 * DAYS)).isoformat()
    orders: list[OrderFact] = []
    payments: list[PaymentFact] = []
    twins: set[str] = set()
    for fact in facts:
        if isinstance(fact, OrderFact):
            if fact.reference.startswith(TWIN):
                twins.add(fact.key)
            elif first <= fact.business_date <= last.isoformat():
                orders.append(fact)
        elif isinstance(fact, PaymentFact) and first <= fact.business_date <= last.isoformat():
            payments.append(fact)
    sold = sorted({order.business_date for order in orders if order.state == "counts"})[-DAYS:]
    chosen = set(sold)
    return Recent(
        [date.fromisoformat(day) for day in sold],
        {one.key: one for one in orders if one.business_date in chosen},
        [one for one in payments if one.business_date in chosen and one.order_key not in twins],
    )


def judge_payments(connection: Connection, restaurant_id: int, location_id: int, recent: Recent) -> TestResult:
    """Every payment there once, on its order, under a tender that AuraConnect knows; what was paid covers what was due."""
    if not recent.days:
        return TestResult(PAYMENTS, None, NOTHING, "Follow the POS after a day of trading, and test again.")
    counting = [one for one in recent.payments if one.state == "counts"]
    rows = connection.execute(
        """
        SELECT p.source_id, count(*), min(p.amount_cents), min(p.tip_amount_cents), min(p.tender_name), min(o.source_id),
               bool_and(EXISTS (SELECT FROM aura.tender_types t WHERE t.restaurant_id = p.restaurant_id AND t.deleted_at IS NULL
                   AND (t.location_id IS NULL OR t.location_id = p.location_id)
                   AND lower(t.name) = lower(p.tender_name)) OR p.method <> 'other')
        FROM aura.payments p LEFT JOIN aura.orders o ON o.id = p.order_id AND o.location_id = p.location_id
        WHERE p.location_id = %s AND p.restaurant_id = %s AND p.deleted_at IS NULL AND p.status = 'completed'
          AND p.source_id = ANY(%s)
        GROUP BY p.source_id
        """,
        [location_id, restaurant_id, [one.key for one in counting]],
    ).fetchall()
    there = {row[0]: row[1:] for row in rows}
    problems: dict[str, list[str]] = defaultdict(list)
    for fact in counting:
        found = there.get(fact.key)
        if found is None:
            problems["missing in AuraConnect"].append(fact.key)
            continue
        number, amount, tip, tender, order, is_known = found
        if number != 1:
            problems["there more than once"].append(fact.key)
        if (amount, tip) != (fact.amount, fact.tip):
            problems["of another amount or tip"].append(fact.key)
        if tender != fact.tender:
            problems["of another tender"].append(fact.key)
        if fact.order_key in recent.orders and order != fact.order_key:
            problems["not on its order"].append(fact.key)
        if not is_known:
            problems[f"of the tender {tender!r}, which AuraConnect does not have"].append(fact.key)
    paid: Counter[str] = Counter()
    for one in counting:
        paid[one.order_key or ""] += one.amount
    for order_fact in recent.orders.values():
        # What the POS itself leaves open, or contradicts, is its own affair and flagged there.
        is_sound = order_fact.state == "counts" and not order_fact.problems and not order_fact.due
        if is_sound and order_fact.key in paid and paid[order_fact.key] < order_fact.final:
            problems["orders whose payments do not cover them"].append(order_fact.key)
    evidence = {
        "first_day": recent.days[0].isoformat(),
        "last_day": recent.days[-1].isoformat(),
        "payments": len(counting),
        "amount_cents": sum(one.amount for one in counting),
        "problems": {name: {"count": len(keys), "first": keys[:NAMED]} for name, keys in problems.items()},
    }
    if problems:
        told = "; ".join(f"{len(keys)} {name}" for name, keys in problems.items())
        return TestResult(
            PAYMENTS, False, f"of {len(counting)} payments {told}",
            "Map what is unknown in the rules, or look the payments up in the POS; then follow it and test again.", evidence,
        )  # fmt: skip
    return TestResult(
        PAYMENTS, True, f"{len(counting)} payments of {len(recent.days)} days are on their orders under known tenders", "", evidence
    )  # fmt: skip


def judge_reporting(connection: Connection, location_id: int, recent: Recent) -> TestResult:
    """AuraConnect's daily report, less what it took itself, against sums of what the POS says, day by day and to the cent."""
    if not recent.days:
        return TestResult(REPORTING, None, NOTHING, "Follow the POS after a day of trading, and test again.")
    said = _said(recent)
    ours = _reported(connection, location_id, recent.days)
    unlike = []
    for day in recent.days:
        for figure in FIGURES:
            here, there = ours.get(day, {}).get(figure, 0), said[day][figure]
            if here != there:
                unlike.append({"day": day.isoformat(), "figure": figure, "pos": there, "auraconnect": here})
    evidence = {
        "first_day": recent.days[0].isoformat(),
        "last_day": recent.days[-1].isoformat(),
        "unlike": unlike[: 4 * NAMED],
    }
    if unlike:
        one = unlike[0]
        return TestResult(
            REPORTING,
            False,
            f"{len(unlike)} figures of {len(recent.days)} days differ: {one['figure']} of {one['day']} is {one['pos']} at the "
            f"POS and {one['auraconnect']} in AuraConnect's report",
            "Verify the migration: its findings name the orders behind a day that differs.",
            evidence,
        )
    return TestResult(
        REPORTING, True, f"the reports of {len(recent.days)} days agree with the POS to the cent", "", evidence
    )


def _said(recent: Recent) -> Mapping[date, Counter[str]]:
    found: dict[date, Counter[str]] = {day: Counter() for day in recent.days}
    for order in recent.orders.values():
        if order.state == "counts":
            sums = found[date.fromisoformat(order.business_date)]
            sums["checks"] += 1
            sums["gross"] += order.gross
            sums["discounts"] += order.discount
            sums["tax"] += order.tax
            sums["total"] += order.final
    for payment in recent.payments:
        if payment.state == "counts":
            found[date.fromisoformat(payment.business_date)]["paid"] += payment.amount
    return found


def _reported(connection: Connection, location_id: int, days: list[date]) -> dict[date, dict[str, int]]:
    """The daily report, without what AuraConnect took itself (and the twins of it that were imported once)."""
    rows = connection.execute(
        """
        WITH own AS (
            SELECT o.id, o.business_date, o.subtotal_cents - o.non_sale_cents AS gross, o.discount_amount_cents AS discounts,
                   o.tax_amount_cents AS tax, o.final_amount_cents AS total
            FROM aura.orders o
            WHERE o.location_id = %(location)s AND o.business_date = ANY(%(days)s) AND o.deleted_at IS NULL
              AND o.status = 'completed' AND NOT o.is_voided AND NOT o.voided_at_source
              AND (o.origin = 'aura_native' AND o.source_id IS NULL OR starts_with(o.external_id, 'aura:'))),
        taken AS (
            SELECT business_date, count(*) AS checks, sum(gross) AS gross, sum(discounts) AS discounts, sum(tax) AS tax,
                   sum(total) AS total FROM own GROUP BY business_date),
        paid AS (
            SELECT p.business_date, sum(p.amount_cents) AS paid FROM aura.payments p
            LEFT JOIN aura.orders o ON o.id = p.order_id
            WHERE p.location_id = %(location)s AND p.business_date = ANY(%(days)s) AND p.deleted_at IS NULL
              AND p.status = 'completed' AND (p.source_id IS NULL OR starts_with(o.external_id, 'aura:'))
            GROUP BY p.business_date)
        SELECT r.business_date, (r.checks - coalesce(t.checks, 0))::bigint,
               (r.gross_sales_cents - coalesce(t.gross, 0))::bigint,
               (r.discounts_cents + r.comps_cents - coalesce(t.discounts, 0))::bigint,
               (r.tax_cents + r.marketplace_tax_cents - coalesce(t.tax, 0))::bigint,
               (r.total_cents - coalesce(t.total, 0))::bigint, (r.paid_cents - coalesce(p.paid, 0))::bigint
        FROM aura.report_daily_sales r
        LEFT JOIN taken t USING (business_date) LEFT JOIN paid p USING (business_date)
        WHERE r.location_id = %(location)s AND r.business_date = ANY(%(days)s)
        """,
        {"location": location_id, "days": days},
    ).fetchall()
    return {row[0]: dict(zip(FIGURES, row[1:], strict=True)) for row in rows}


def read_until(connection: Connection, migration_id: int) -> datetime | None:
    """Up to when the POS's orders were read: as it was followed, else when the newest export of its past was taken."""
    row: tuple[Any, ...] | None = connection.execute(
        """
        SELECT greatest(
            (SELECT max(f.read_until) FROM migration.follows f WHERE f.migration_id = %(id)s
             AND f.outcome IN ('nothing', 'applied', 'waiting')),
            (SELECT max(s.taken_at) FROM migration.migration_snapshots p JOIN migration.snapshots s ON s.id = p.snapshot_id
             WHERE p.migration_id = %(id)s AND p.is_current AND s.scope = 'history'))
        """,
        {"id": migration_id},
    ).fetchone()
    found: datetime | None = row[0] if row is not None else None
    return found
