"""Rollback: take a migration's writes back, row by row, and leave what people or other migrations stand on.

One transaction, all or none; the preview is the same work rolled back, so it cannot promise anything else. For each row:

    still claimed by another migration   its claim goes, the row stays; updates of this migration are reverted column by
                                         column, later entries of others are re-based on what stood before
    made by a migration, unclaimed       removed, unless edited since (kept or asked) or referenced since (archived)
    only updated, unclaimed              restored to what stood before the first write, except columns edited since
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.model import Entity
from aura_migration.core.ids import content_hash
from aura_migration.database.connections import transaction_lock
from aura_migration.plan.planner import Subject, restaurant_lock

Cursor = psycopg.Cursor[dict[str, Any]]
UNCOMPARED = ("updated_at",)


@dataclass
class Undone:
    """What a rollback did or would do, per table, and the rows it did not simply take back."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: str, outcome: str, number: int = 1) -> None:
        """Count an outcome."""
        if number:
            entry = self.counts.setdefault(table, {})
            entry[outcome] = entry.get(outcome, 0) + number

    def as_dict(self) -> dict[str, Any]:
        """``{"tables": {table: {outcome: n}}, "kept": [...]}``."""
        return {"tables": self.counts, "kept": self.kept}


class _RehearsalError(Exception):
    """Ends the transaction of a rollback preview."""


def undo_migration(
    connection: psycopg.Connection[Any],
    subject: Subject,
    entities: Sequence[Entity],
    *,
    edited: Literal["keep", "undo"] = "keep",
    rehearse: bool = False,
) -> Undone:
    """Undo everything a migration wrote. ``entities`` in load order; ``rehearse`` changes nothing and answers the same."""
    undone = Undone()
    try:
        with connection.transaction():
            cursor = connection.cursor(row_factory=dict_row)
            transaction_lock(connection, restaurant_lock(subject.restaurant_id))
            _gather(cursor, subject)
            for entity in reversed(entities):
                _release_shared(cursor, subject, entity, undone)
                _restore(cursor, entity, edited, undone)
                _remove(cursor, entity, edited, undone)
            _close(cursor, subject)
            if rehearse:
                raise _RehearsalError
    except _RehearsalError:
        pass
    return undone


def _gather(cursor: Cursor, subject: Subject) -> None:
    """``standing``: every row this migration claims or wrote, with who else claims it and the whole chain of writes."""
    cursor.execute(
        """
        CREATE TEMP TABLE standing ON COMMIT DROP AS
        SELECT r.aura_table, r.aura_id,
               EXISTS (SELECT 1 FROM migration.claims c WHERE c.aura_table = r.aura_table AND c.aura_id = r.aura_id
                       AND c.migration_id <> %(migration)s) AS is_claimed,
               first.op AS first_op, first.before AS origin, last.after AS last_written
        FROM (SELECT aura_table, aura_id FROM migration.claims WHERE migration_id = %(migration)s
              UNION SELECT aura_table, aura_id FROM migration.journal WHERE migration_id = %(migration)s AND undone_at IS NULL) r
        LEFT JOIN LATERAL (SELECT op, before FROM migration.journal j WHERE j.aura_table = r.aura_table AND j.aura_id = r.aura_id
              AND (j.undone_at IS NULL OR j.outcome = 'kept_claimed') ORDER BY id LIMIT 1) first ON true
        LEFT JOIN LATERAL (SELECT after FROM migration.journal j WHERE j.aura_table = r.aura_table AND j.aura_id = r.aura_id
              AND (j.undone_at IS NULL OR j.outcome = 'kept_claimed') ORDER BY id DESC LIMIT 1) last ON true;
        """,
        {"migration": subject.migration_id},
    )
    cursor.execute("ALTER TABLE standing ADD PRIMARY KEY (aura_table, aura_id)")
    cursor.execute("ALTER TABLE standing ADD outcome text")
    cursor.execute("ANALYZE standing")


def _release_shared(cursor: Cursor, subject: Subject, entity: Entity, undone: Undone) -> None:
    """Rows others still claim stay; what this migration changed on them is reverted column by column."""
    cursor.execute(
        """
        SELECT j.id, j.aura_id, j.before, j.after FROM migration.journal j
        JOIN standing s USING (aura_table, aura_id)
        WHERE j.aura_table = %s AND j.migration_id = %s AND j.op = 'update' AND j.undone_at IS NULL AND s.is_claimed
        ORDER BY j.id DESC
        """,
        [entity.table, subject.migration_id],
    )
    for entry in cursor.fetchall():
        _revert_columns(cursor, entity, subject, entry)
    cursor.execute(
        "UPDATE standing SET outcome = 'kept_claimed' WHERE aura_table = %s AND is_claimed AND outcome IS NULL",
        [entity.table],
    )
    undone.add(entity.table, "kept_claimed", cursor.rowcount)


def _revert_columns(cursor: Cursor, entity: Entity, subject: Subject, entry: dict[str, Any]) -> None:
    columns = [c for c, value in entry["after"].items() if value != entry["before"].get(c)]
    cursor.execute(
        "SELECT id, before, after FROM migration.journal WHERE aura_table = %s AND aura_id = %s AND id > %s AND undone_at IS NULL "
        "AND migration_id <> %s ORDER BY id",
        [entity.table, entry["aura_id"], entry["id"], subject.migration_id],
    )
    later = cursor.fetchall()
    cursor.execute(f"SELECT to_jsonb(t) AS now FROM aura.{entity.table} t WHERE id = %s FOR UPDATE", [entry["aura_id"]])
    found = cursor.fetchone()
    if found is None:
        return
    revert: dict[str, Any] = {}
    for column in columns:
        origin = entry["before"].get(column)
        taken_over = False
        for write in later:
            changed_it = write["after"].get(column) != write["before"].get(column)
            write["before"][column] = origin
            if changed_it:
                taken_over = True
                break
            write["after"][column] = origin
        if not taken_over and found["now"].get(column) == entry["after"].get(column):
            revert[column] = origin
    for write in later:
        cursor.execute(
            "UPDATE migration.journal SET before = %s, after = %s WHERE id = %s",
            [Jsonb(write["before"]), Jsonb(write["after"]), write["id"]],
        )
    if revert:
        names = ", ".join(revert)
        cursor.execute(
            f"UPDATE aura.{entity.table} t SET ({names}) = (SELECT {names} FROM jsonb_populate_record(t, %s) r) WHERE id = %s"
            if len(revert) > 1
            else f"UPDATE aura.{entity.table} t SET {names} = (SELECT {names} FROM jsonb_populate_record(t, %s) r) WHERE id = %s",
            [Jsonb(revert), entry["aura_id"]],
        )


def _differing(now: str, then: str) -> str:
    """SQL: the columns in which two jsonb rows differ, as an array; null when none."""
    ignored = " AND ".join(f"k <> '{c}'" for c in UNCOMPARED)
    return f"(SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys({now}) k WHERE {now} -> k IS DISTINCT FROM {then} -> k AND {ignored})"


def _restore(cursor: Cursor, entity: Entity, edited: str, undone: Undone) -> None:
    """Rows that stood before any migration: back to what stood there, except columns people changed since."""
    cursor.execute(
        f"""
        SELECT s.aura_id, s.origin, {_differing("to_jsonb(t)", "s.last_written")} AS edited, to_jsonb(t) AS now
        FROM standing s JOIN aura.{entity.table} t ON t.id = s.aura_id
        WHERE s.aura_table = %s AND s.first_op = 'update' AND s.outcome IS NULL
        """,
        [entity.table],
    )
    for row in cursor.fetchall():
        keep = set(row["edited"] or ()) if edited == "keep" else set()
        values = {c: v for c, v in row["origin"].items() if c not in keep and c != "id"}
        if keep:
            values.pop("updated_at", None)
            undone.kept.append(
                {"table": entity.table, "id": row["aura_id"], "outcome": "kept_edited", "columns": sorted(keep)}
            )
        names = ", ".join(values)
        cursor.execute(
            f"UPDATE aura.{entity.table} t SET ({names}) = (SELECT {', '.join('r.' + n for n in values)} "
            "FROM jsonb_populate_record(t, %s) r) WHERE id = %s",
            [Jsonb(values), row["aura_id"]],
        )
        outcome = "kept_edited" if keep else "restored"
        cursor.execute(
            "UPDATE standing SET outcome = %s WHERE aura_table = %s AND aura_id = %s",
            [outcome, entity.table, row["aura_id"]],
        )
        undone.add(entity.table, outcome)
    # Rows only claimed, never written by any migration: releasing the claim is all there is to do.
    cursor.execute(
        "UPDATE standing SET outcome = 'released' WHERE aura_table = %s AND first_op IS NULL AND outcome IS NULL",
        [entity.table],
    )
    undone.add(entity.table, "released", cursor.rowcount)


def _remove(cursor: Cursor, entity: Entity, edited: str, undone: Undone) -> None:
    """Rows made by migrations: gone, unless edited or referenced since."""
    cursor.execute(
        f"""
        UPDATE standing s SET outcome = 'gone_already'
        WHERE s.aura_table = %(table)s AND s.first_op = 'insert' AND s.outcome IS NULL
          AND NOT EXISTS (SELECT 1 FROM aura.{entity.table} t WHERE t.id = s.aura_id)
        """,
        {"table": entity.table},
    )
    undone.add(entity.table, "gone_already", cursor.rowcount)
    if edited == "keep":
        cursor.execute(
            f"""
            UPDATE standing s SET outcome = 'kept_edited' FROM aura.{entity.table} t
            WHERE t.id = s.aura_id AND s.aura_table = %s AND s.first_op = 'insert' AND s.outcome IS NULL
              AND {_differing("to_jsonb(t)", "s.last_written")} IS NOT NULL
            RETURNING s.aura_id, {_differing("to_jsonb(t)", "s.last_written")} AS columns
            """,
            [entity.table],
        )
        for row in cursor.fetchall():
            undone.add(entity.table, "kept_edited")
            undone.kept.append(
                {"table": entity.table, "id": row["aura_id"], "outcome": "kept_edited", "columns": row["columns"]}
            )
    # A kept row keeps what it points at, so a tree is walked until nothing more is kept.
    while any(
        _keep_referenced(cursor, entity, child, column, undone) for child, column in _referencing(cursor, entity.table)
    ):
        continue
    cursor.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'aura' AND table_name = %s AND column_name = 'is_active'",
        [entity.table],
    )
    is_active = ", is_active = false" if cursor.fetchone() else ""
    cursor.execute(
        f"UPDATE aura.{entity.table} t SET deleted_at = now(){is_active} FROM standing s "
        "WHERE s.aura_table = %s AND s.aura_id = t.id AND s.outcome = 'archived'",
        [entity.table],
    )
    cursor.execute(
        f"DELETE FROM aura.{entity.table} t USING standing s WHERE s.aura_table = %s AND s.aura_id = t.id AND s.outcome IS NULL "
        "AND s.first_op = 'insert'",
        [entity.table],
    )
    undone.add(entity.table, "removed", cursor.rowcount)
    cursor.execute(
        "UPDATE standing SET outcome = 'removed' WHERE aura_table = %s AND outcome IS NULL AND first_op = 'insert'",
        [entity.table],
    )


def _keep_referenced(cursor: Cursor, entity: Entity, child: str, column: str, undone: Undone) -> bool:
    """Keep or archive rows that something remaining points at; True when a row of the table itself was among them.

    A reference from a row this rollback keeps keeps its target in use; from anything made since it archives it.
    """
    is_own_table = child == f"aura.{entity.table}"
    cursor.execute(
        f"""
        UPDATE standing s SET outcome = CASE WHEN x.is_ours THEN 'kept_needed' ELSE 'archived' END
        FROM (SELECT c.{column} AS id, bool_and(k.aura_id IS NOT NULL) AS is_ours
              FROM {child} c LEFT JOIN standing k ON k.aura_table = %(child)s AND k.aura_id = c.id
              WHERE c.{column} IS NOT NULL AND ({"k.aura_id IS NULL OR k.outcome IS NOT NULL" if is_own_table else "true"})
              GROUP BY c.{column}) x
        WHERE x.id = s.aura_id AND s.aura_table = %(table)s AND s.first_op = 'insert' AND s.outcome IS NULL
        RETURNING s.aura_id, s.outcome
        """,
        {"table": entity.table, "child": child.removeprefix("aura.")},
    )
    rows = cursor.fetchall()
    for row in rows:
        undone.add(entity.table, row["outcome"])
        undone.kept.append(
            {"table": entity.table, "id": row["aura_id"], "outcome": row["outcome"], "referenced_by": child}
        )
    return is_own_table and bool(rows)


def _referencing(cursor: Cursor, table: str) -> list[tuple[str, str]]:
    """``(schema.table, column)`` of every foreign key that points at a table."""
    cursor.execute(
        """
        SELECT c.conrelid::regclass::text AS child, a.attname AS column FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = %s::regclass AND cardinality(c.conkey) = 1 ORDER BY 1, 2
        """,
        [f"aura.{table}"],
    )
    return [(row["child"], row["column"]) for row in cursor.fetchall()]


def _close(cursor: Cursor, subject: Subject) -> None:
    """Claims go, journal entries say what became of them, crosswalk rows without a target rest."""
    cursor.execute("DELETE FROM migration.claims WHERE migration_id = %s", [subject.migration_id])
    cursor.execute(
        """
        UPDATE migration.journal j SET undone_at = clock_timestamp(), outcome = s.outcome FROM standing s
        WHERE s.aura_table = j.aura_table AND s.aura_id = j.aura_id AND (j.undone_at IS NULL OR j.outcome = 'kept_claimed')
          AND (j.migration_id = %s OR s.outcome <> 'kept_claimed')
        """,
        [subject.migration_id],
    )
    cursor.execute(
        """
        UPDATE migration.crosswalk c SET is_active = false FROM standing s
        WHERE s.aura_table = c.aura_table AND s.aura_id = c.aura_id AND s.outcome <> 'kept_claimed'
        """
    )


def image_of_schema(
    connection: psycopg.Connection[Any], tables: Sequence[str], restaurant_id: int | None = None
) -> str:
    """A hash over all rows of the given ``aura`` tables in id order: equal hashes, equal tables to the byte."""
    lines: list[str] = []
    for table in tables:
        where = " WHERE restaurant_id = %s" if restaurant_id is not None and table != "restaurants" else ""
        rows = connection.execute(
            f"SELECT coalesce(encode(sha256(string_agg(to_jsonb(t)::text, E'\\n' ORDER BY id)::bytea), 'hex'), '') FROM aura.{table} t{where}",
            [restaurant_id] if where else [],
        ).fetchone()
        lines.append(f"{table}:{rows[0] if rows else ''}")
    return content_hash(lines)
