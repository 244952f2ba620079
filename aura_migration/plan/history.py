"""The plan of orders and money: what becomes of each staged document, what that adds up to, and the ids it will get.

A million documents are compared by their content hash with what stands in AuraConnect; no row of theirs is planned one by
one. The plan's word on them is a number per kind and verdict, totals to look at, and a hash over every key and content.
Loading is in ``load/history``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import BY_NAME, DOCUMENTS
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.clock import business_date
from aura_migration.plan.ground import Subject
from aura_migration.plan.history_ids import reserve_ids, settle_batches
from aura_migration.plan.history_sums import (
    LATER,
    Cursor,
    LeftOut,
    Tally,
    counts_of,
    first_of,
    hash_of,
    names_of,
    reasons_of,
    rows_of,
    tally_of,
    totals_of,
)
from aura_migration.plan.history_twins import leave_out_twins, link_twins

__all__ = ["HistoryPlan", "compare_history", "judge_history", "plan_history", "settle_batches", "staged_hash"]

WITHDRAWN = "withdrawn with the order it followed from"
"""In the place of a content hash, of documents that nobody sent: what follows from an order that was read anew without it."""


@dataclass(frozen=True)
class HistoryPlan:
    """What a plan says of orders and money.

    ``counts``: per kind of document as in ``StoredPlan.counts``; ``source`` is what stands for the location plus what is new,
    ``update`` what is replaced or marked as gone. ``rows``: per table, how many will be written. ``totals`` (cents) are of the
    staged documents that will stand afterwards: ``gross``, ``discounts``, ``net`` (both without tax that prices include being
    taken out), ``tax``, ``tips``, ``charges``, ``payments``, ``refunds``, and ``first_day``, ``last_day`` of orders. ``reasons``:
    per kind why documents are skipped. ``hash`` covers kinds, keys, contents, rules and options; no ids, no batches, no verdicts.
    """

    hash: str
    rules: str
    counts: dict[str, dict[str, int]]
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    batches: int = 0

    @property
    def writes(self) -> int:
        """Documents that will be written or marked."""
        return sum(c["create"] + c["update"] for c in self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """As stored in ``migration.plans.history``."""
        return asdict(self)


def plan_history(
    connection: psycopg.Connection[Any], subject: Subject, plan_id: int, options: MigrationOptions, *, rules: str
) -> HistoryPlan | None:
    """Plan the staged history of a migration, store it with the plan and reserve its ids; None where nothing is staged.

    Part of the transaction in which the plan is made. ``rules`` is what it was staged under. Writes
    ``migration.plans.history``, ``migration.history_batches`` and ``migration.quarantine``; in ``aura`` nothing but the POS's
    id on AuraConnect's own orders that are at the POS as well (``history_twins``).
    """
    if not shapes.are_there(connection, subject.migration_id):
        return None
    with connection.transaction():
        _prepare(connection)
        cursor = connection.cursor(row_factory=tuple_row)
        location_id, left_out = _judge(cursor, subject, options)
        link_twins(cursor, subject, location_id)
        tally = tally_of(cursor, subject)
        plan = HistoryPlan(
            hash=hash_of(cursor, subject, options, rules),
            rules=rules,
            counts=counts_of(cursor, subject, tally, location_id),
            rows=rows_of(cursor, subject, tally),
            totals=totals_of(cursor, subject, tally),
            reasons=reasons_of(options, tally, left_out),
            batches=reserve_ids(cursor, subject, plan_id),
        )
        _quarantine(cursor, subject, tally)
        cursor.execute("UPDATE migration.plans SET history = %s WHERE id = %s", [json.dumps(plan.as_dict()), plan_id])
        return plan


def compare_history(
    connection: psycopg.Connection[Any], subject: Subject, options: MigrationOptions
) -> dict[str, dict[str, int]]:
    """How many staged documents of each kind stand in AuraConnect just so (``unchanged``), or would be written, by verdict."""
    judge_history(connection, subject, options)
    rows = connection.execute(
        sql.SQL(
            "SELECT kind, verdict, count(*) FROM {documents} WHERE verdict <> 'superseded' GROUP BY kind, verdict ORDER BY 1, 2"
        ).format(**names_of(subject))
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for kind, verdict, number in rows:
        found.setdefault(kind, {})[verdict] = number
    return found


def staged_hash(connection: psycopg.Connection[Any], subject: Subject, options: MigrationOptions, *, rules: str) -> str:
    """The hash of what is staged, as a plan of it would carry."""
    with connection.transaction():
        return hash_of(connection.cursor(row_factory=tuple_row), subject, options, rules)


def judge_history(connection: psycopg.Connection[Any], subject: Subject, options: MigrationOptions) -> None:
    """Decide anew what becomes of each staged document: the first step of planning.

    By itself where the working tables were lost and staged again in the middle of a load: what the load has written by
    then counts as unchanged, and nothing else of the plan moves.
    """
    with connection.transaction():
        _prepare(connection)
        _judge(connection.cursor(row_factory=tuple_row), subject, options)


def _prepare(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL TimeZone = 'UTC'")


# -- what becomes of them -------------------------------------------------------------------------------------------------


def _judge(cursor: Cursor, subject: Subject, options: MigrationOptions) -> tuple[int | None, LeftOut]:
    """Set verdict and id of every staged document that is not superseded.

    Returns the location's id where it has one, and by kind and reason how many documents are skipped for what they are:
    later than the history's end, or twins of AuraConnect's own orders.
    """
    location_id = _location(cursor, subject)
    last, left_out = _last_day(cursor, subject, options), dict[str, dict[str, int]]()
    cursor.execute(
        sql.SQL("SELECT DISTINCT kind FROM {documents} WHERE verdict <> 'superseded' ORDER BY kind").format(
            **names_of(subject)
        )
    )
    for (kind,) in cursor.fetchall():
        if location_id is not None and _stands(cursor, kind, location_id):
            _judge_kind(cursor, subject, kind, location_id, is_excluded=kind in options.exclude_entities)
        else:
            _judge_new(cursor, subject, kind, is_excluded=kind in options.exclude_entities)
        if last is not None and (number := _leave_out_later(cursor, subject, kind, last)):
            left_out[kind] = {LATER: number}
    for kind, twins in leave_out_twins(cursor, subject, location_id).items():
        left_out.setdefault(kind, {}).update(twins)
    if location_id is not None:
        _withdraw(cursor, subject, location_id)
    return location_id, left_out


def _withdraw(cursor: Cursor, subject: Subject, location_id: int) -> None:
    """Mark what was set off in an exchange as gone where its order was read anew and sets it off no more.

    Such a refund is no document of the POS's: it follows from the order of its return, and goes with what says so.
    """
    names = names_of(subject, mark=sql.Literal(WITHDRAWN))
    cursor.execute(sql.SQL("DELETE FROM {documents} WHERE content_hash = {mark}").format(**names))
    cursor.execute(
        sql.SQL(
            """
            INSERT INTO {documents} (batch, doc, kind, source_key, version, content_hash, body, gone, fault, verdict, aura_id)
            SELECT o.batch, m.doc + row_number() OVER (PARTITION BY o.batch ORDER BY r.id), 'refunds', r.source_id, '', {mark}, o.body,
                   true, '', 'gone', r.id
            FROM {documents} o
            JOIN aura.refunds r ON r.location_id = %(location)s AND r.return_order_key = o.source_key AND r.payment_id IS NULL
                 AND r.deleted_at IS NULL AND starts_with(r.source_id, o.source_key || ':')
            JOIN (SELECT batch, max(doc) AS doc FROM {documents} GROUP BY batch) m ON m.batch = o.batch
            WHERE o.kind = 'orders' AND o.verdict IN ('replace', 'gone') AND NOT EXISTS (
                SELECT FROM {documents} d WHERE d.kind = 'refunds' AND d.source_key = r.source_id AND d.verdict <> 'superseded')
            """
        ).format(**names),
        {"location": location_id},
    )


def _last_day(cursor: Cursor, subject: Subject, options: MigrationOptions) -> date | None:
    """The business date on which the history ends; None where it ends now."""
    if options.history.until is None:
        return None
    cursor.execute(
        "SELECT facts ->> 'timezone', facts ->> 'closeout' FROM migration.locations WHERE key = %s",
        [subject.location_key],
    )
    zone, proposed = cursor.fetchone() or (None, None)
    hours, minutes = (options.history.closeout or proposed or "00:00").split(":")[:2]
    return business_date(options.history.until, zone or "UTC", timedelta(hours=int(hours), minutes=int(minutes)))


def _leave_out_later(cursor: Cursor, subject: Subject, kind: str, last: date) -> int:
    """Skip what is of a later business date and does not stand yet: some POS shows it whatever end is asked for."""
    if not any(column.name == "business_date" for column in BY_NAME[kind].columns):
        return 0
    cursor.execute(
        sql.SQL(
            "UPDATE {documents} d SET verdict = 'skip' FROM {root} r WHERE d.kind = %s AND d.verdict = 'create' "
            "AND r.batch = d.batch AND r.doc = d.doc AND r.business_date > %s"
        ).format(**names_of(subject, root=shapes.staged(subject.migration_id, kind))),
        [kind, last],
    )
    return cursor.rowcount


def _location(cursor: Cursor, subject: Subject) -> int | None:
    """The location's id in AuraConnect; none until it was loaded the first time."""
    cursor.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s",
        [subject.integration_id, subject.location_source_id],
    )
    found = first_of(cursor)
    return None if found is None else int(found)


def _stands(cursor: Cursor, kind: str, location_id: int) -> bool:
    cursor.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE location_id = %s AND source_id IS NOT NULL)").format(
            sql.Identifier("aura", kind)
        ),
        [location_id],
    )
    return bool(first_of(cursor))


def _judge_new(cursor: Cursor, subject: Subject, kind: str, *, is_excluded: bool) -> None:
    """Nothing of the kind stands: create, which staging said already, unless something speaks against it."""
    verdict = sql.SQL(
        "'skip'" if is_excluded else "CASE WHEN fault <> '' THEN 'quarantine' WHEN gone THEN 'skip' ELSE 'create' END"
    )
    cursor.execute(
        sql.SQL(
            "UPDATE {documents} SET verdict = {verdict}, aura_id = NULL "
            "WHERE kind = %s AND verdict <> 'superseded' AND (verdict <> {verdict} OR aura_id IS NOT NULL)"
        ).format(**names_of(subject, verdict=verdict)),
        [kind],
    )


def _judge_kind(cursor: Cursor, subject: Subject, kind: str, location_id: int, *, is_excluded: bool) -> None:
    """Compare with what stands. An answer older than that changes nothing: its body is read again for something else in it."""
    marked = "a.voided_at_source" if kind == "orders" else "a.deleted_at IS NOT NULL"
    verdict = (
        "'skip'"
        if is_excluded
        else f"""
        CASE WHEN d.version <> '' AND d.version COLLATE "C" < a.source_version THEN 'unchanged'
             WHEN d.fault <> '' THEN 'quarantine'
             WHEN a.id IS NULL THEN CASE WHEN d.gone THEN 'skip' ELSE 'create' END
             WHEN a.source_hash = d.content_hash THEN 'unchanged'
             WHEN d.gone THEN CASE WHEN {marked} THEN 'unchanged' ELSE 'gone' END
             ELSE 'replace' END"""
    )
    cursor.execute(
        sql.SQL(
            """
            UPDATE {documents} t SET verdict = j.verdict, aura_id = j.aura_id
            FROM (SELECT d.batch, d.doc, {verdict} AS verdict, a.id AS aura_id
                  FROM {documents} d
                  LEFT JOIN {root} a ON a.location_id = %(location)s AND a.source_id = d.source_key
                  WHERE d.kind = %(kind)s AND d.verdict <> 'superseded') j
            WHERE t.batch = j.batch AND t.doc = j.doc
              AND (t.verdict <> j.verdict OR t.aura_id IS DISTINCT FROM j.aura_id)
            """
        ).format(**names_of(subject, verdict=sql.SQL(verdict), root=sql.Identifier("aura", kind))),
        {"kind": kind, "location": location_id},
    )


# -- quarantine -----------------------------------------------------------------------------------------------------------


def _quarantine(cursor: Cursor, subject: Subject, tally: Tally) -> None:
    """Bring the quarantine up to what was staged: key and reason, no values; those that came again and are sound go.

    What was not staged this time stays as it is: its body was not read again.
    """
    names = names_of(subject, batches=shapes.staged(subject.migration_id, shapes.BATCHES))
    cursor.execute(
        sql.SQL(
            """
            UPDATE migration.quarantine q SET state = 'released', updated_at = now()
            WHERE q.migration_id = %(migration)s AND q.entity = ANY(%(kinds)s) AND q.state = 'open' AND EXISTS (
                SELECT FROM {documents} d WHERE d.kind = q.entity AND d.source_key = q.source_key
                  AND d.verdict NOT IN ('superseded', 'quarantine'))
            """
        ).format(**names),
        {"migration": subject.migration_id, "kinds": list(DOCUMENTS)},
    )
    if not any("quarantine" in verdicts for verdicts in tally.values()):
        return
    cursor.execute(
        sql.SQL(
            """
            INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", record)
            SELECT %s, d.kind, d.source_key, jsonb_build_array(d.fault), '{{}}', b.entity || '#' || (b.bodies ->> d.body)
            FROM {documents} d JOIN {batches} b USING (batch) WHERE d.verdict = 'quarantine'
            ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET reasons = excluded.reasons, "values" = '{{}}',
                record = excluded.record, state = 'open', updated_at = now()
            """
        ).format(**names),
        [subject.migration_id],
    )
