"""The report tables of a location, made anew from orders, payments, refunds and time worked.

A refresh deletes the days and writes them again, so that doing it twice changes nothing. Two at once: the second waits.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg

from aura_migration.database.connections import transaction_lock
from aura_migration.migration.reports.sales.queries import BESIDE, REPORTS
from aura_migration.migration.reports.sales.working import BETWEEN, Days, working_tables


def refresh_reports(
    connection: psycopg.Connection[Any], restaurant_id: int, location_id: int, since: date | None = None
) -> dict[str, int]:
    """Make the reports of a location anew, all days or those from ``since`` on, in one transaction; rows written per table.

    ``since`` is the first business date whose orders, payments, refunds, voids or time worked changed. Where a refund booked
    from then on is of an earlier sale, the reports are made from that sale's day, because they tell refunds by both days.
    """
    with connection.transaction():
        transaction_lock(connection, f"sales reports of location {location_id}")
        if not _has_any(connection, location_id):
            return dict.fromkeys(REPORTS, 0)
        days = Days(restaurant_id, location_id, _first_day(connection, location_id, since))
        with working_tables(connection, days, BESIDE):
            written = {}
            for table, report in REPORTS.items():
                _delete(connection, table, days)
                statement = f"INSERT INTO aura.{table} ({report.columns})\n{report.query}"
                written[table] = connection.execute(statement.encode(), days.arguments).rowcount
    return written


def _has_any(connection: psycopg.Connection[Any], location_id: int) -> bool:
    """Whether there is anything to tell of the location, or was: most locations' first load has no orders yet."""
    found = " OR ".join(
        f"EXISTS (SELECT FROM aura.{table} WHERE location_id = %(location)s)"
        for table in ("orders", "payments", "refunds", *REPORTS)
    )
    row = connection.execute(f"SELECT {found}".encode(), {"location": location_id}).fetchone()
    return bool(row and row[0])


def _delete(connection: psycopg.Connection[Any], table: str, days: Days) -> None:
    statement = f"DELETE FROM aura.{table} WHERE location_id = %(location)s AND business_date {BETWEEN}"
    connection.execute(statement.encode(), days.arguments)


def _first_day(connection: psycopg.Connection[Any], location_id: int, since: date | None) -> date | None:
    if since is None:
        return None
    row = connection.execute(
        """
        SELECT least(%(since)s::date, min(coalesce(r.sale_business_date, o.business_date)))
        FROM aura.refunds r
        LEFT JOIN aura.payments p ON p.id = r.payment_id
        LEFT JOIN aura.orders o ON o.id = coalesce(r.order_id, p.order_id)
        WHERE r.location_id = %(location)s AND r.business_date >= %(since)s::date
        """,
        {"since": since, "location": location_id},
    ).fetchone()
    assert row is not None
    first: date = row[0]
    return first
