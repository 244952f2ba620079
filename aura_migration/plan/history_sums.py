"""What a staged history adds up to: documents by verdict, rows, amounts, and one hash over all of it.

Read only. What becomes of a document is decided in ``history.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import BY_NAME, DOCUMENTS, TABLES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.ids import canonical_json
from aura_migration.plan.ground import Subject
from aura_migration.plan.stored import ACTIONS

Cursor = psycopg.Cursor[tuple[Any, ...]]
_ACTION_OF = {
    "create": "create",
    "replace": "update",
    "gone": "update",
    "unchanged": "unchanged",
    "skip": "skip",
    "quarantine": "quarantine",
}
LATER = "of a business date after the end of the history"
NOT_LOADED = "deleted at the POS before it was ever loaded"


def names_of(subject: Subject, **more: sql.Composable) -> dict[str, sql.Composable]:
    """What statements about the staged documents are formatted with."""
    return {"documents": shapes.staged(subject.migration_id, shapes.DOCUMENTS), **more}


def first_of(cursor: Cursor) -> Any:
    """The first value of the first row; None without rows."""
    row = cursor.fetchone()
    return row[0] if row else None


Tally = dict[str, dict[str, tuple[int, int]]]
"""Per kind and verdict: how many documents, and how many of them stand already."""


def tally_of(cursor: Cursor, subject: Subject) -> Tally:
    """Documents by kind and verdict."""
    cursor.execute(
        sql.SQL("SELECT kind, verdict, count(*), count(aura_id) FROM {documents} GROUP BY kind, verdict").format(
            **names_of(subject)
        )
    )
    tally: Tally = {}
    for kind, verdict, count, standing in cursor.fetchall():
        tally.setdefault(kind, {})[verdict] = (count, standing)
    return tally


def counts_of(cursor: Cursor, subject: Subject, tally: Tally, location_id: int | None) -> dict[str, dict[str, int]]:
    """Documents by action, as in ``StoredPlan.counts``; what stands and was not staged is unchanged."""
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
            entry["unchanged"] += int(first_of(cursor)) - seen
        entry["source"] = sum(entry.values())
        if entry["source"]:
            counts[kind] = entry
    return counts


LeftOut = Mapping[str, Mapping[str, int]]
"""Per kind and reason how many documents are skipped for what they are."""


def reasons_of(options: MigrationOptions, tally: Tally, left_out: LeftOut) -> dict[str, dict[str, int]]:
    """Why documents are skipped: per kind, reason and number; ``left_out`` are those whose reason is known one by one."""
    reasons: dict[str, dict[str, int]] = {}
    for kind, verdicts in sorted(tally.items()):
        skipped = verdicts.get("skip", (0, 0))[0]
        known = left_out.get(kind, {})
        if skipped > sum(known.values()):
            why = f"{kind} are left out by the options" if kind in options.exclude_entities else NOT_LOADED
            reasons[kind] = {why: skipped - sum(known.values())}
        if known:
            reasons.setdefault(kind, {}).update(known)
    return reasons


def _only(tally: Tally, kind: str, verdicts: Sequence[str]) -> bool:
    """Whether all documents of the kind have one of these verdicts."""
    return set(tally.get(kind, {})) <= set(verdicts)


def rows_of(cursor: Cursor, subject: Subject, tally: Tally) -> dict[str, int]:
    """Rows that will be written, per table."""
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
            cursor.execute(sql.SQL(query).format(**names_of(subject, table=name)))
            staged[table.name] = int(first_of(cursor))
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


def totals_of(cursor: Cursor, subject: Subject, tally: Tally) -> dict[str, Any]:
    """The sums of ``HistoryPlan.totals``: of the staged documents that will stand."""
    totals: dict[str, Any] = {}
    kept = ("create", "replace", "unchanged")
    for kind, figures in _FIGURES.items():
        query = "SELECT {figures} FROM {table} t"
        if not _only(tally, kind, kept):
            query += " JOIN {documents} d USING (batch, doc) WHERE d.verdict IN ('create', 'replace', 'unchanged')"
        parts = sql.SQL(", ").join(map(sql.SQL, figures.values()))
        table = shapes.staged(subject.migration_id, kind)
        cursor.execute(sql.SQL(query).format(**names_of(subject, figures=parts, table=table)))
        found = cursor.fetchone() or ()
        for name, value in zip(figures, found, strict=True):
            totals[name] = value if name.endswith("_day") else int(value or 0)
    totals["net"] = totals["gross"] - totals["discounts"]
    return totals


def hash_of(cursor: Cursor, subject: Subject, options: MigrationOptions, rules: str) -> str:
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
    ).format(**names_of(subject))
    cursor.execute(query)
    for part in cursor.fetchall():
        digest.update(canonical_json(part))
    return digest.hexdigest()
