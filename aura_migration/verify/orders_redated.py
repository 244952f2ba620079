"""The same orders, payments and refunds dated by another rule, for a report whose days begin or are told otherwise.

Each rule out of a short list is tried on AuraConnect's instants; nothing is written but working tables. Whether a report agrees
under it is ``orders_report``'s question.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from aura_migration.verify.orders_case import OrdersCase

INSTANT = {
    "created": "coalesce(a.opened_at, a.closed_at, a.paid_at)",
    "closed": "coalesce(a.closed_at, a.paid_at, a.opened_at)",
    "paid": "coalesce(a.paid_at, a.closed_at, a.opened_at)",
}
CLOSEOUTS = (timedelta(0), timedelta(hours=4))
"""When business days end in reports, beside the close-out of the location."""


def other_days(case: OrdersCase) -> Iterator[str]:
    """Fill ``alt_orders``, ``alt_payments`` and ``alt_refunds`` by one other rule after the other; yields what it is called."""
    tables = ("alt_orders", "alt_payments", "alt_refunds")
    case.run(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{table}' for table in tables)}")
    for table in tables:
        there = table.replace("alt", "there")
        case.run(f"CREATE TEMP TABLE {table} (LIKE {there}) ON COMMIT DROP; INSERT INTO {table} SELECT * FROM {there}")
    case.prepare(*tables)
    for basis, instant in INSTANT.items():
        for closeout in dict.fromkeys((case.rule.closeout, *CLOSEOUTS)):
            if (basis, closeout) != (case.rule.basis, case.rule.closeout):
                _date(case, instant, closeout)
                hours = f"{int(closeout.total_seconds()) // 3600:02d}:{int(closeout.total_seconds()) // 60 % 60:02d}"
                yield f"the report's days end at {hours}, and orders are of the day they were {basis}"


def _date(case: OrdersCase, instant: str, closeout: timedelta) -> None:
    day = "(({} AT TIME ZONE %(zone)s) - %(closeout)s)::date::text"
    for table, column in (("orders", instant), ("payments", "a.processed_at"), ("refunds", "a.processed_at")):
        case.run(
            f"UPDATE alt_{table} t SET day = {day.format(column)} FROM aura.{table} a WHERE a.id = t.aura_id AND {column} IS NOT NULL",
            zone=case.rule.timezone,
            closeout=closeout,
        )
    case.run("UPDATE alt_refunds r SET sale_day = o.day FROM alt_orders o WHERE o.key = r.order_key")
