"""What came to closed business dates after they were first loaded: documents that arrived late, changed, or went.

Known from the batches of later loads and from the journal of replaced versions; the amounts of both versions are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg

from aura_migration.canonical.history.tables import DOCUMENTS

AMOUNTS = {
    "orders": "CASE WHEN {o}.is_voided OR {o}.voided_at_source OR {o}.status <> 'completed' THEN 0 ELSE {o}.final_amount_cents END",
    "payments": "CASE WHEN {o}.status = 'completed' THEN {o}.amount_cents + {o}.tip_amount_cents ELSE 0 END",
    "refunds": "CASE WHEN {o}.status = 'completed' THEN {o}.amount_cents ELSE 0 END",
    "payouts": "{o}.amount_cents",
    "cash_events": "{o}.amount_cents",
    "cash_drawer_shifts": "coalesce({o}.counted_cents - {o}.expected_cents, 0)",
    "deposits": "{o}.amount_cents",
    "house_account_movements": "{o}.amount_cents",
}
"""What a document counts with, by kind: of a voided order nothing."""


class Adjustment(NamedTuple):
    """One document. ``cause``: late (it came with a later load), changed, voided_at_source. Cents are what it counted with."""

    loaded_at: datetime
    cause: str
    document: str
    source_id: str
    aura_id: int
    day_before: date | None
    day: date | None
    cents_before: int
    cents: int


def adjustments(
    connection: psycopg.Connection[Any], location_key: str, location_id: int, closed: date
) -> Iterator[Adjustment]:
    """Adjustments to business dates up to ``closed``, that day included, in the order in which they were loaded.

    The first load of a location is what its books were closed on; what a rollback has taken back is not told.
    """
    arguments = {"key": location_key, "location": location_id, "closed": closed}
    parts = [_late(kind) for kind in DOCUMENTS if kind in AMOUNTS] + [_changed(k) for k in DOCUMENTS if k in AMOUNTS]
    query = f"""
        WITH batches AS (
            SELECT b.*, b.plan_id = min(b.plan_id) OVER () AS is_first FROM migration.history_batches b
            JOIN migration.migrations m ON m.id = b.migration_id
            WHERE m.location_key = %(key)s AND b.loaded_at IS NOT NULL AND b.undone_at IS NULL
        )
        SELECT * FROM ({" UNION ALL ".join(parts)}) found ({", ".join(Adjustment._fields)}) ORDER BY loaded_at, document, aura_id, cause
    """
    with connection.transaction(), connection.cursor(name="adjustments") as cursor:
        cursor.itersize = 2_000
        cursor.execute(query.encode(), arguments)
        for row in cursor:
            yield Adjustment(*row)


def _late(kind: str) -> str:
    """Documents of later loads that had no earlier version."""
    return f"""
        SELECT b.loaded_at, 'late', '{kind}', t.source_id, t.id, NULL::date, t.business_date, 0::bigint, {AMOUNTS[kind].format(o="t")}
        FROM batches b JOIN aura.{kind} t ON t.history_batch_id = b.id
        WHERE NOT b.is_first AND t.location_id = %(location)s AND t.business_date <= %(closed)s::date
          AND NOT EXISTS (SELECT 1 FROM migration.history_journal j WHERE j.document = '{kind}' AND j.aura_id = t.id AND j.undone_at IS NULL)
    """


def _changed(kind: str) -> str:
    """Versions that took the place of earlier ones: each against the one before it, the next one being what stood then."""
    return f"""
        SELECT b.loaded_at, CASE v.op WHEN 'mark' THEN 'voided_at_source' ELSE 'changed' END, '{kind}', v.source_key, v.aura_id,
               old.business_date, coalesce(later.business_date, t.business_date), {AMOUNTS[kind].format(o="old")},
               coalesce(CASE WHEN v.after IS NOT NULL THEN {AMOUNTS[kind].format(o="later")} ELSE {AMOUNTS[kind].format(o="t")} END, 0)
        FROM (
            SELECT j.*, lead(j.before -> '{kind}' -> 0) OVER (PARTITION BY j.aura_id ORDER BY j.id) AS after
            FROM migration.history_journal j JOIN batches a ON a.id = j.batch_id WHERE j.document = '{kind}' AND j.undone_at IS NULL
        ) v
        JOIN batches b ON b.id = v.batch_id
        CROSS JOIN LATERAL jsonb_populate_record(NULL::aura.{kind}, v.before -> '{kind}' -> 0) old
        LEFT JOIN LATERAL jsonb_populate_record(NULL::aura.{kind}, v.after) later ON v.after IS NOT NULL
        LEFT JOIN aura.{kind} t ON v.after IS NULL AND t.id = v.aura_id
        WHERE old.location_id = %(location)s
          AND (old.business_date <= %(closed)s::date OR coalesce(later.business_date, t.business_date) <= %(closed)s::date)
    """
