"""Whether people changed a document since a migration wrote it.

Nothing is written to find out: a row carries the number of the transaction that wrote it (``xmin``), and the batch that
wrote a document knows that transaction and how many rows of each table the document had. A row with another number was
changed, rows too few were removed, rows too many were added by somebody else. (A database restored from a dump has lost
the numbers: there everything counts as changed and is kept.)

Temp table ``history_standing`` holds the documents of one kind that are looked at; ``reason`` says why one is to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from aura_migration.canonical.history.tables import tables_of

Cursor = psycopg.Cursor[dict[str, Any]]
CHANGED = "people changed it since"
REMOVED = "people removed it since"
REWRITTEN = "another migration wrote it since"


def make_table(cursor: Cursor) -> None:
    """Make the temp table of this session, empty after each transaction."""
    cursor.execute(
        """
        CREATE TEMP TABLE IF NOT EXISTS history_standing (
            id bigint PRIMARY KEY, source_key text, written_by bigint, root_n bigint, xid xid, reason text
        ) ON COMMIT DELETE ROWS
        """
    )


def look_at(cursor: Cursor, kind: str, ids: str, bound: dict[str, Any]) -> int:
    """Fill ``history_standing`` with the documents whose root's id is ``ids`` (SQL behind ``t.id``), locked; how many.

    A document restored from the journal has the number of the transaction that restored it.
    """
    cursor.execute("TRUNCATE history_standing")
    cursor.execute(
        f"""
        INSERT INTO history_standing (id, source_key, written_by, root_n, xid, reason)
        SELECT t.id, t.source_id, b.id, CASE WHEN j.op IS NULL THEN t.id - (b.first_ids ->> %(kind)s)::bigint + 1 ELSE j.root_n END,
               w.xid::xid, CASE WHEN t.xmin IS DISTINCT FROM w.xid::xid THEN '{CHANGED}' END
        FROM (SELECT t.xmin, t.* FROM aura.{kind} t WHERE t.id {ids} FOR UPDATE) t
        LEFT JOIN migration.history_batches b ON b.id = t.history_batch_id
        LEFT JOIN migration.history_journal j ON j.batch_id = b.id AND j.aura_id = t.id AND j.document = %(kind)s
        LEFT JOIN LATERAL (SELECT r.undone_xid FROM migration.history_journal r
                           WHERE r.aura_id = t.id AND r.document = %(kind)s AND r.undone_xid IS NOT NULL
                           ORDER BY r.undone_xid DESC LIMIT 1) restored ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN restored.undone_xid > b.xid THEN restored.undone_xid ELSE b.xid END AS xid) w
        """,
        {"kind": kind, **bound},
    )
    return cursor.rowcount


def judge_children(cursor: Cursor, kind: str) -> None:
    """Find the documents of ``history_standing`` whose children are not what was written with them."""
    for child in tables_of(kind)[1:]:
        cursor.execute(
            f"""
            WITH expected AS (
                SELECT h.batch_id, u.n, u.count FROM migration.history_children h
                CROSS JOIN LATERAL unnest(h.counts) WITH ORDINALITY u(count, n)
                WHERE h.child = %(child)s AND h.batch_id IN (SELECT DISTINCT written_by FROM history_standing)
            ), present AS (
                SELECT s.id, count(*) AS count, bool_and(c.xmin = s.xid) AS is_ours
                FROM history_standing s JOIN aura.{child.name} c ON c.{child.parent} = s.id GROUP BY s.id
            )
            UPDATE history_standing s SET reason = '{CHANGED}'
            FROM history_standing o LEFT JOIN present p USING (id)
            LEFT JOIN expected e ON e.batch_id = o.written_by AND e.n = o.root_n
            WHERE s.id = o.id AND o.reason IS NULL AND (NOT coalesce(p.is_ours, true) OR coalesce(p.count, 0) <> coalesce(
                e.count, CASE WHEN o.root_n IS NULL THEN (
                    SELECT jsonb_array_length(j.before -> %(child)s) FROM migration.history_journal j
                    WHERE j.batch_id = o.written_by AND j.aura_id = o.id AND j.document = %(kind)s) END, 0))
            """,
            {"child": child.name, "kind": kind},
        )


def keep(cursor: Cursor, migration_id: int, kind: str) -> list[dict[str, Any]]:
    """Enter the documents of ``history_standing`` that have a reason among what is kept; returns and removes them."""
    cursor.execute(
        """
        WITH kept AS (DELETE FROM history_standing WHERE reason IS NOT NULL RETURNING id, source_key, reason)
        INSERT INTO migration.history_kept (migration_id, document, source_key, aura_id, reason)
        SELECT %s, %s, coalesce(source_key, id::text), id, reason FROM kept
        ON CONFLICT (migration_id, document, source_key) DO UPDATE SET aura_id = excluded.aura_id, reason = excluded.reason
        RETURNING source_key, aura_id, reason
        """,
        [migration_id, kind],
    )
    return cursor.fetchall()


def row_columns(cursor: Cursor, table: str) -> Sequence[str]:
    """The columns of a table that can be written."""
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' ORDER BY attnum",
        [f"aura.{table}"],
    )
    return [row["attname"] for row in cursor.fetchall()]
