"""An earlier version of a document goes to the journal, whole, and comes back out of it.

Both work on the documents in ``history_standing``, all of one kind. The root keeps its id; children are written anew.
"""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.canonical.history.tables import tables_of
from aura_migration.load.history.standing import row_columns

Cursor = psycopg.Cursor[dict[str, Any]]


def journal(cursor: Cursor, kind: str, batch_id: int, op: str) -> int:
    """Remember the documents as they stand; those that are replaced have their new root's number in ``history_work``."""
    images = [f"'{kind}', jsonb_build_array(to_jsonb(t))"]
    images += [
        f"'{child.name}', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.id), '[]') FROM aura.{child.name} c WHERE c.{child.parent} = t.id)"
        for child in tables_of(kind)[1:]
    ]
    cursor.execute(
        f"""
        INSERT INTO migration.history_journal (batch_id, document, source_key, aura_id, op, root_n, before)
        SELECT %(batch)s, %(kind)s, s.source_key, s.id, %(op)s, w.n, jsonb_build_object({", ".join(images)})
        FROM history_standing s JOIN aura.{kind} t ON t.id = s.id
        LEFT JOIN history_work w ON w.kind = %(kind)s AND w.root_id = s.id
        ORDER BY s.id
        """,
        {"batch": batch_id, "kind": kind, "op": op},
    )
    return cursor.rowcount


def delete_children(cursor: Cursor, kind: str) -> dict[str, int]:
    """Delete the children of the documents; how many, per table."""
    deleted = {}
    for child in tables_of(kind)[1:]:
        cursor.execute(f"DELETE FROM aura.{child.name} c USING history_standing s WHERE c.{child.parent} = s.id")
        deleted[child.name] = cursor.rowcount
    return deleted


def touch_children(cursor: Cursor, kind: str) -> None:
    """Write the children as they are: all rows of a document are of the transaction that wrote it last."""
    for child in tables_of(kind)[1:]:
        cursor.execute(
            f"UPDATE aura.{child.name} c SET restaurant_id = c.restaurant_id FROM history_standing s WHERE c.{child.parent} = s.id"
        )


def restore(cursor: Cursor, kind: str, batch_id: int) -> int:
    """Put the versions back that a batch took the place of; how many documents."""
    delete_children(cursor, kind)
    names = [name for name in row_columns(cursor, kind) if name != "id"]
    cursor.execute(
        f"""
        UPDATE aura.{kind} t SET ({", ".join(names)}) = (
            SELECT {", ".join("r." + name for name in names)} FROM jsonb_populate_record(NULL::aura.{kind}, j.before -> %(kind)s -> 0) r)
        FROM migration.history_journal j JOIN history_standing s ON s.id = j.aura_id
        WHERE t.id = s.id AND j.batch_id = %(batch)s AND j.document = %(kind)s
        """,
        {"kind": kind, "batch": batch_id},
    )
    restored = cursor.rowcount
    for child in tables_of(kind)[1:]:
        names = list(row_columns(cursor, child.name))
        cursor.execute(
            f"""
            INSERT INTO aura.{child.name} ({", ".join(names)})
            SELECT {", ".join("r." + name for name in names)}
            FROM migration.history_journal j JOIN history_standing s ON s.id = j.aura_id
            CROSS JOIN LATERAL jsonb_populate_recordset(NULL::aura.{child.name}, j.before -> %(child)s) r
            WHERE j.batch_id = %(batch)s AND j.document = %(kind)s ORDER BY r.id
            """,
            {"child": child.name, "kind": kind, "batch": batch_id},
        )
    cursor.execute(
        """
        UPDATE migration.history_journal j
        SET undone_at = clock_timestamp(), undone_xid = pg_current_xact_id(), outcome = 'restored'
        FROM history_standing s WHERE s.id = j.aura_id AND j.batch_id = %s AND j.document = %s
        """,
        [batch_id, kind],
    )
    return restored
