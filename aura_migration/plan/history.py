"""The plan of orders and money: what becomes of each staged document, what that adds up to, and the ids it will get.

A million documents are compared by their content hash with what stands in AuraConnect; no row of theirs is planned one by
one. The plan's word on them is a number per kind and verdict, totals to look at, and a hash over every key and content.
Loading is in ``load/history``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import BY_NAME, DOCUMENTS, TABLES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.errors import EnvironmentFault
from aura_migration.core.ids import canonical_json
from aura_migration.plan.ground import Subject
from aura_migration.plan.stored import ACTIONS

Cursor = psycopg.Cursor[tuple[Any, ...]]
ATTEMPTS = 20
"""How often a block of ids is tried for, where AuraConnect's own orders take ids from between."""
_ACTION_OF = {
    "create": "create",
    "replace": "update",
    "gone": "update",
    "unchanged": "unchanged",
    "skip": "skip",
    "quarantine": "quarantine",
}
NOT_LOADED = "deleted at the POS before it was ever loaded"


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
    ``migration.plans.history``, ``migration.history_batches`` and ``migration.quarantine``; nothing in ``aura``.
    """
    if not shapes.are_there(connection, subject.migration_id):
        return None
    with connection.transaction():
        _prepare(connection)
        cursor = connection.cursor(row_factory=tuple_row)
        location_id = _judge(cursor, subject, options)
        tally = _tally(cursor, subject)
        plan = HistoryPlan(
            hash=_hash(cursor, subject, options, rules),
            rules=rules,
            counts=_counts(cursor, subject, tally, location_id),
            rows=_rows(cursor, subject, tally),
            totals=_totals(cursor, subject, tally),
            reasons=_reasons(options, tally),
            batches=_reserve(cursor, subject, plan_id),
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
        ).format(**_names(subject))
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for kind, verdict, number in rows:
        found.setdefault(kind, {})[verdict] = number
    return found


def staged_hash(connection: psycopg.Connection[Any], subject: Subject, options: MigrationOptions, *, rules: str) -> str:
    """The hash of what is staged, as a plan of it would carry."""
    with connection.transaction():
        return _hash(connection.cursor(row_factory=tuple_row), subject, options, rules)


def judge_history(connection: psycopg.Connection[Any], subject: Subject, options: MigrationOptions) -> None:
    """Decide anew what becomes of each staged document: the first step of planning.

    By itself where the working tables were lost and staged again in the middle of a load: what the load has written by
    then counts as unchanged, and nothing else of the plan moves.
    """
    with connection.transaction():
        _prepare(connection)
        _judge(connection.cursor(row_factory=tuple_row), subject, options)


def settle_batches(connection: psycopg.Connection[Any], standing_plan: int, new_plan: int) -> bool:
    """Whether a plan with the same content may stand in place of the new one, with the working tables as they are now.

    It may if the same becomes of the documents and its batches are those of the new plan; if nothing of it is loaded yet it
    takes the new plan's batches and their ids over. The content of a history may be the same while it lies in other bodies,
    and so in other batches; and it is the same when it stands already.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute(
        "SELECT count(DISTINCT coalesce(history -> 'counts', 'null')) FROM migration.plans WHERE id = ANY(%s)",
        [[standing_plan, new_plan]],
    )
    if _first(cursor) != 1:
        return False
    described = "SELECT batch, entity, bodies, counts FROM migration.history_batches WHERE plan_id = %s"
    cursor.execute(
        f"SELECT count(*) FROM (({described} EXCEPT {described}) UNION ALL ({described} EXCEPT {described})) d",
        [standing_plan, new_plan, new_plan, standing_plan],
    )
    if not _first(cursor):
        return True
    cursor.execute(
        "SELECT count(*) FROM migration.history_batches WHERE plan_id = %s AND xid IS NOT NULL", [standing_plan]
    )
    if _first(cursor):
        return False
    cursor.execute("DELETE FROM migration.history_batches WHERE plan_id = %s", [standing_plan])
    cursor.execute(
        "UPDATE migration.history_batches SET plan_id = %s WHERE plan_id = %s RETURNING id", [standing_plan, new_plan]
    )
    cursor.execute(
        "UPDATE migration.plans s SET history = n.history FROM migration.plans n WHERE s.id = %s AND n.id = %s",
        [standing_plan, new_plan],
    )
    return True


def _prepare(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL TimeZone = 'UTC'")


def _names(subject: Subject, **more: sql.Composable) -> dict[str, sql.Composable]:
    return {"documents": shapes.staged(subject.migration_id, shapes.DOCUMENTS), **more}


def _first(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


# -- what becomes of them -------------------------------------------------------------------------------------------------


def _judge(cursor: Cursor, subject: Subject, options: MigrationOptions) -> int | None:
    """Set verdict and id of every staged document that is not superseded; returns the location's id where it has one."""
    location_id = _location(cursor, subject)
    cursor.execute(
        sql.SQL("SELECT DISTINCT kind FROM {documents} WHERE verdict <> 'superseded' ORDER BY kind").format(
            **_names(subject)
        )
    )
    for (kind,) in cursor.fetchall():
        if location_id is not None and _stands(cursor, kind, location_id):
            _judge_kind(cursor, subject, kind, location_id, is_excluded=kind in options.exclude_entities)
        else:
            _judge_new(cursor, subject, kind, is_excluded=kind in options.exclude_entities)
    return location_id


def _location(cursor: Cursor, subject: Subject) -> int | None:
    """The location's id in AuraConnect; none until it was loaded the first time."""
    cursor.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s",
        [subject.integration_id, subject.location_source_id],
    )
    found = _first(cursor)
    return None if found is None else int(found)


def _stands(cursor: Cursor, kind: str, location_id: int) -> bool:
    cursor.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE location_id = %s AND source_id IS NOT NULL)").format(
            sql.Identifier("aura", kind)
        ),
        [location_id],
    )
    return bool(_first(cursor))


def _judge_new(cursor: Cursor, subject: Subject, kind: str, *, is_excluded: bool) -> None:
    """Nothing of the kind stands: create, which staging said already, unless something speaks against it."""
    verdict = sql.SQL(
        "'skip'" if is_excluded else "CASE WHEN fault <> '' THEN 'quarantine' WHEN gone THEN 'skip' ELSE 'create' END"
    )
    cursor.execute(
        sql.SQL(
            "UPDATE {documents} SET verdict = {verdict}, aura_id = NULL "
            "WHERE kind = %s AND verdict <> 'superseded' AND (verdict <> {verdict} OR aura_id IS NOT NULL)"
        ).format(**_names(subject, verdict=verdict)),
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
        ).format(**_names(subject, verdict=sql.SQL(verdict), root=sql.Identifier("aura", kind))),
        {"kind": kind, "location": location_id},
    )


# -- what it adds up to ---------------------------------------------------------------------------------------------------


Tally = dict[str, dict[str, tuple[int, int]]]
"""Per kind and verdict: how many documents, and how many of them stand already."""


def _tally(cursor: Cursor, subject: Subject) -> Tally:
    cursor.execute(
        sql.SQL("SELECT kind, verdict, count(*), count(aura_id) FROM {documents} GROUP BY kind, verdict").format(
            **_names(subject)
        )
    )
    tally: Tally = {}
    for kind, verdict, count, standing in cursor.fetchall():
        tally.setdefault(kind, {})[verdict] = (count, standing)
    return tally


def _counts(cursor: Cursor, subject: Subject, tally: Tally, location_id: int | None) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for kind in DOCUMENTS:
        entry = {"source": 0, **dict.fromkeys(ACTIONS, 0)}
        seen = 0
        for verdict, (count, standing) in tally.get(kind, {}).items():
            if verdict in _ACTION_OF:
                entry[_ACTION_OF[verdict]] += count
                seen += standing
        if location_id is not None:
            cursor.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE location_id = %s AND source_id IS NOT NULL").format(
                    sql.Identifier("aura", kind)
                ),
                [location_id],
            )
            entry["unchanged"] += int(_first(cursor)) - seen
        entry["source"] = sum(entry.values())
        if entry["source"]:
            counts[kind] = entry
    return counts


def _reasons(options: MigrationOptions, tally: Tally) -> dict[str, dict[str, int]]:
    reasons = {}
    for kind, verdicts in sorted(tally.items()):
        skipped = verdicts.get("skip", (0, 0))[0]
        if skipped:
            why = f"{kind} are left out by the options" if kind in options.exclude_entities else NOT_LOADED
            reasons[kind] = {why: skipped}
    return reasons


def _only(tally: Tally, kind: str, verdicts: Sequence[str]) -> bool:
    """Whether all documents of the kind have one of these verdicts."""
    return set(tally.get(kind, {})) <= set(verdicts)


def _rows(cursor: Cursor, subject: Subject, tally: Tally) -> dict[str, int]:
    cursor.execute(
        sql.SQL(
            "SELECT c.key, sum(c.value::bigint)::bigint FROM {} b, jsonb_each_text(b.counts) c GROUP BY c.key"
        ).format(shapes.staged(subject.migration_id, shapes.BATCHES))
    )
    staged = dict(cursor.fetchall())
    for table in TABLES:
        if table.name in staged and not _only(tally, table.document, ("create", "replace")):
            query = "SELECT count(*) FROM {table} t JOIN {documents} d USING (batch, doc) WHERE d.verdict IN ('create', 'replace')"
            name = shapes.staged(subject.migration_id, table.name)
            cursor.execute(sql.SQL(query).format(**_names(subject, table=name)))
            staged[table.name] = int(_first(cursor))
    return {table.name: staged[table.name] for table in TABLES if staged.get(table.name)}


_COUNTS = "NOT is_voided AND status <> 'cancelled'"
_FIGURES = {
    "orders": {
        "gross": f"sum(subtotal_cents - non_sale_cents) FILTER (WHERE {_COUNTS})",
        "discounts": f"sum(discount_amount_cents) FILTER (WHERE {_COUNTS})",
        "charges": f"sum(service_charge_amount_cents) FILTER (WHERE {_COUNTS})",
        "tax": f"sum(tax_amount_cents) FILTER (WHERE {_COUNTS})",
        "tips": f"sum(tip_amount_cents) FILTER (WHERE {_COUNTS})",
        "first_day": "min(business_date)::text",
        "last_day": "max(business_date)::text",
    },
    "payments": {"payments": "sum(amount_cents) FILTER (WHERE status = 'completed')"},
    "refunds": {"refunds": "sum(amount_cents) FILTER (WHERE status = 'completed')"},
}


def _totals(cursor: Cursor, subject: Subject, tally: Tally) -> dict[str, Any]:
    totals: dict[str, Any] = {}
    kept = ("create", "replace", "unchanged")
    for kind, figures in _FIGURES.items():
        query = "SELECT {figures} FROM {table} t"
        if not _only(tally, kind, kept):
            query += " JOIN {documents} d USING (batch, doc) WHERE d.verdict IN ('create', 'replace', 'unchanged')"
        parts = sql.SQL(", ").join(map(sql.SQL, figures.values()))
        table = shapes.staged(subject.migration_id, kind)
        cursor.execute(sql.SQL(query).format(**_names(subject, figures=parts, table=table)))
        found = cursor.fetchone() or ()
        for name, value in zip(figures, found, strict=True):
            totals[name] = value if name.endswith("_day") else int(value or 0)
    totals["net"] = totals["gross"] - totals["discounts"]
    return totals


def _hash(cursor: Cursor, subject: Subject, options: MigrationOptions, rules: str) -> str:
    """SHA-256 over rules, options and every document; what a million documents say is hashed in parts, by the server.

    Documents stand in the order of kind, first digits of their content hash and key: the parts are small, the same
    documents are always in the same one.
    """
    excluded = [kind for kind in options.exclude_entities if kind in BY_NAME]
    digest = hashlib.sha256(
        canonical_json({"rules": rules, "history": options.history.model_dump(mode="json"), "excluded": excluded})
    )
    query = sql.SQL(
        """
        SELECT kind COLLATE "C", left(content_hash, 2) COLLATE "C", encode(sha256(convert_to(string_agg(
            content_hash || gone || length(source_key) || ' ' || source_key || length(fault) || ' ' || fault, ''
            ORDER BY source_key COLLATE "C"), 'UTF8')), 'hex')
        FROM {documents} WHERE verdict <> 'superseded' GROUP BY 1, 2 ORDER BY 1, 2
        """
    ).format(**_names(subject))
    cursor.execute(query)
    for part in cursor.fetchall():
        digest.update(canonical_json(part))
    return digest.hexdigest()


# -- batches and their ids ------------------------------------------------------------------------------------------------


def _reserve(cursor: Cursor, subject: Subject, plan_id: int) -> int:
    """A row per staged batch in ``migration.history_batches``; ids for all rows of those that write any.

    Also batches that write nothing: once loaded, their bodies need not be read again.
    """
    batches = shapes.staged(subject.migration_id, shapes.BATCHES)
    cursor.execute(
        sql.SQL(
            """
            SELECT b.batch, b.entity, b.bodies, CASE WHEN w.batch IS NULL THEN '{{}}' ELSE b.counts END
            FROM {batches} b LEFT JOIN (SELECT DISTINCT batch FROM {documents} WHERE verdict IN ('create', 'replace')) w USING (batch)
            ORDER BY b.batch
            """
        ).format(**_names(subject, batches=batches))
    )
    found = cursor.fetchall()
    first_ids: dict[int, dict[str, int]] = {batch: {} for batch, *_ in found}
    for table in TABLES:
        wanted = {batch: counts[table.name] for batch, _, _, counts in found if counts.get(table.name)}
        for batch, first in _blocks(cursor, table.name, wanted).items():
            first_ids[batch][table.name] = first
    cursor.executemany(
        "INSERT INTO migration.history_batches (migration_id, plan_id, batch, entity, bodies, first_ids, counts) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            (
                subject.migration_id, plan_id, batch, entity,
                json.dumps(bodies), json.dumps(first_ids[batch]), json.dumps(counts),
            )
            for batch, entity, bodies, counts in found
        ],
    )  # fmt: skip
    return len(found)


def _blocks(cursor: Cursor, table: str, wanted: dict[int, int]) -> dict[int, int]:
    """The first id of a block without gaps for each batch. AuraConnect itself may take ids at the same time: then anew."""
    first: dict[int, int] = {}
    for _ in range(ATTEMPTS):
        left = {batch: count for batch, count in wanted.items() if batch not in first}
        if not left:
            return first
        cursor.execute(
            """
            SELECT batch, min(id), max(id) FROM (
                SELECT w.batch, nextval(%s::regclass) AS id
                FROM unnest(%s::integer[], %s::integer[]) AS w(batch, count), generate_series(1, w.count)) taken
            GROUP BY batch
            """,
            [_sequence(cursor, table), list(left), list(left.values())],
        )
        first |= {batch: low for batch, low, high in cursor.fetchall() if high - low + 1 == left[batch]}
    raise EnvironmentFault(
        f"In {ATTEMPTS} attempts there was no block of ids of aura.{table} that nobody else took ids from.",
        "Preview again when fewer orders are being taken.",
    )


def _sequence(cursor: Cursor, table: str) -> str:
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [f"aura.{table}"])
    return str(_first(cursor))


# -- quarantine -----------------------------------------------------------------------------------------------------------


def _quarantine(cursor: Cursor, subject: Subject, tally: Tally) -> None:
    """Bring the quarantine up to what was staged: key and reason, no values; those that came again and are sound go.

    What was not staged this time stays as it is: its body was not read again.
    """
    names = _names(subject, batches=shapes.staged(subject.migration_id, shapes.BATCHES))
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
