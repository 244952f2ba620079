"""What of the restaurant's life was seen in the window: each tender, tax, kind of order, discount, charge, daypart, channel.

A window without a single gift card payment proves nothing about gift cards, however clean its days are. What there is to
see is what the year before had; what counts as seen are orders of business dates that were compared. A kind that the year
before had too rarely to be met in a window is not asked for, and still listed when nobody met it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from aura_migration.canonical.window import WindowPolicy
from aura_migration.core.errors import Refused
from aura_migration.reconcile.books import BOOK_SQL, OPENED_SQL
from aura_migration.reconcile.sheet import COUNTS_SQL, TENDERED_SQL

YEAR = timedelta(days=365)
DAYPARTS = (("breakfast", 5, 11), ("lunch", 11, 15), ("afternoon", 15, 17), ("dinner", 17, 22))
"""Name, first hour, hour after the last, on the wall clock; the rest is ``late night``."""
DIMENSIONS = ("tender", "tax", "order_type", "channel", "discount", "charge", "daypart")


@dataclass(frozen=True)
class Covered:
    """One kind. ``expected``: in how many orders the year before had it in as many days as the window is planned for.

    ``seen``: in how many orders of compared dates; ``last_on``: the last of them.
    """

    dimension: str
    name: str
    expected: int
    seen: int
    is_required: bool
    last_on: date | None

    def is_covered(self, times: int) -> bool:
        """Whether it was seen often enough."""
        return self.seen >= times

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "dimension": self.dimension,
            "name": self.name,
            "expected": self.expected,
            "seen": self.seen,
            "is_required": self.is_required,
            "last_on": self.last_on.isoformat() if self.last_on else None,
        }


_HOUR = f"extract(hour FROM {OPENED_SQL} AT TIME ZONE l.timezone)"
_DAYPART = " ".join(f"WHEN {_HOUR} >= {first} AND {_HOUR} < {after} THEN '{name}'" for name, first, after in DAYPARTS)

_KINDS = f"""
WITH life AS MATERIALIZED (
    SELECT o.id, o.business_date, o.business_date >= %(first)s AS is_now, o.order_type, o.channel,
           CASE {_DAYPART} ELSE 'late night' END AS daypart
    FROM aura.orders o JOIN aura.locations l ON l.id = o.location_id
    WHERE o.location_id = %(location)s AND o.business_date >= %(since)s AND {COUNTS_SQL}
      AND (o.business_date < %(first)s
           OR o.business_date IN (SELECT d.business_date FROM migration.parallel_days d
                                  WHERE d.migration_id = %(migration)s AND d.verdict IN ('clean', 'different'))
              AND {BOOK_SQL} IS NOT NULL)
), kinds AS (
    SELECT 'tender' AS dimension, p.tender_name AS name, life.id, life.business_date, life.is_now
    FROM life JOIN aura.payments p ON p.order_id = life.id WHERE {TENDERED_SQL}
    UNION SELECT 'tax', t.name || coalesce(' ' || trim_scale(t.rate_percent)::text || ' %%', ''), life.id, life.business_date, life.is_now
    FROM life JOIN aura.order_taxes t ON t.order_id = life.id
    UNION SELECT 'discount', d.name, life.id, life.business_date, life.is_now
    FROM life JOIN aura.order_discounts d ON d.order_id = life.id
    UNION SELECT 'charge', c.name, life.id, life.business_date, life.is_now
    FROM life JOIN aura.order_service_charges c ON c.order_id = life.id WHERE c.charge_class <> 'cash_rounding'
    UNION ALL SELECT 'order_type', order_type, id, business_date, is_now FROM life WHERE order_type <> 'unknown'
    UNION ALL SELECT 'channel', channel, id, business_date, is_now FROM life WHERE channel <> 'unknown'
    UNION ALL SELECT 'daypart', daypart, id, business_date, is_now FROM life
)
SELECT dimension, name, count(*) FILTER (WHERE NOT is_now) AS before, count(*) FILTER (WHERE is_now) AS seen,
       max(business_date) FILTER (WHERE is_now) AS last_on
FROM kinds WHERE trim(name) <> '' GROUP BY dimension, name
"""


def measure_coverage(
    connection: psycopg.Connection[Any],
    migration_id: int,
    location_id: int,
    first_day: date,
    now: datetime,
    policy: WindowPolicy,
) -> list[Covered]:
    """Count every kind in the year before ``first_day`` and on the window's compared dates; stored in ``migration.coverage``.

    Empty where the year before has no orders: then nothing says what there is to see. ``now`` is business time, aware.
    """
    window = connection.execute(
        "SELECT planned_days, location_key FROM migration.windows WHERE migration_id = %s", [migration_id]
    ).fetchone()
    if window is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    since = first_day - YEAR
    began = connection.execute(
        "SELECT min(business_date) FROM aura.orders WHERE location_id = %s AND business_date >= %s",
        [location_id, since],
    ).fetchone()
    days = max((first_day - began[0]).days, 1) if began and began[0] else 1
    rows = connection.execute(
        _KINDS.encode(),
        {
            "migration": migration_id,
            "location": location_id,
            "location_key": window[1],
            "first": first_day,
            "since": since,
        },
    ).fetchall()
    found = []
    for dimension, name, before, seen, last_on in rows:
        expected = round(before * window[0] / days)
        is_required = before > 0 and expected >= policy.gates.coverage_rare
        found.append(Covered(dimension, name, expected, seen, is_required, last_on))
    found.sort(key=lambda one: (DIMENSIONS.index(one.dimension), not one.is_required, -one.expected, one.name))
    if not any(before for _, _, before, _, _ in rows):
        found = []
    with connection.transaction():
        connection.execute("DELETE FROM migration.coverage WHERE migration_id = %s", [migration_id])
        connection.cursor().executemany(
            "INSERT INTO migration.coverage (migration_id, dimension, name, expected, seen, is_required, last_on, measured_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                [migration_id, one.dimension, one.name, one.expected, one.seen, one.is_required, one.last_on, now]
                for one in found
            ],
        )
    return found


def read_coverage(connection: psycopg.Connection[Any], migration_id: int) -> list[Covered]:
    """What was measured last, as :func:`measure_coverage` gave it."""
    with connection.cursor(row_factory=class_row(Covered)) as cursor:
        found = cursor.execute(
            "SELECT dimension, name, expected, seen, is_required, last_on FROM migration.coverage WHERE migration_id = %s",
            [migration_id],
        ).fetchall()
    return sorted(
        found, key=lambda one: (DIMENSIONS.index(one.dimension), not one.is_required, -one.expected, one.name)
    )


def lacking(covered: Iterable[Covered], policy: WindowPolicy) -> list[Covered]:
    """What is asked for and was not seen often enough yet."""
    return [one for one in covered if one.is_required and not one.is_covered(policy.gates.coverage_times)]


def never_exercised(covered: Iterable[Covered]) -> list[Covered]:
    """What the restaurant has and the window has not shown once, rare kinds too."""
    return [one for one in covered if one.seen == 0]


def coverage_pct(covered: Sequence[Covered], policy: WindowPolicy) -> float | None:
    """The share of what is asked for that was seen often enough, in percent; None where nothing is asked for."""
    required = [one for one in covered if one.is_required]
    if not required:
        return None
    return 100.0 * (len(required) - len(lacking(required, policy))) / len(required)
