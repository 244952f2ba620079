"""Rollback: take a migration's writes back, row by row, and leave what people or other migrations stand on.

One transaction, all or none; the preview is the same work rolled back, so it cannot promise anything else. For each row:

    still claimed by others         its claim goes, the row stays. Writes that nobody else stands on (made after the others'
                                    last claim) are taken back; the rest count on until the last claim goes
    made by a migration, unclaimed  removed, unless people edited it since (kept, or asked) or something made since
                                    refers to it (archived)
    only updated, unclaimed         column by column as it was before the first write, except what people changed since

The journal of a row is a chain. Taking back goes from the newest write to the oldest and gives a column its former value
where it still holds what the write put there: what people changed in between, in any column, is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.history.tables import TABLES
from aura_migration.canonical.model import Entity
from aura_migration.core.ids import content_hash
from aura_migration.database.connections import transaction_lock
from aura_migration.plan.planner import Subject, restaurant_lock

Cursor = psycopg.Cursor[dict[str, Any]]
Edited = Literal["keep", "undo"]
Image = dict[str, msgspec.Raw]
LIVE = "(j.outcome IS NULL OR j.outcome = 'kept_claimed')"
"""Entries of ``journal j`` that count: not undone, or undone while others stand on the row."""
NULL = msgspec.Raw(b"null")
UNCOMPARED = "updated_at"
"""A time that moves with every save is not an edit."""


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
        """``{"tables": {table: {outcome: n}}, "kept": [{table, id, outcome, columns | referenced_by}]}``."""
        return {"tables": self.counts, "kept": self.kept}


class _RehearsalError(Exception):
    """Ends the transaction of a rollback preview."""


def undo_migration(
    connection: psycopg.Connection[Any],
    subject: Subject,
    entities: Sequence[Entity],
    *,
    edited: Edited = "keep",
    rehearse: bool = False,
) -> Undone:
    """Undo everything a migration wrote. ``entities`` in load order; ``rehearse`` changes nothing and answers the same."""
    undone = Undone()
    try:
        with connection.transaction():
            cursor = connection.cursor(row_factory=dict_row)
            # The journal's images were taken in UTC.
            cursor.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
            transaction_lock(connection, restaurant_lock(subject.restaurant_id))
            _gather(cursor, subject)
            _gather_history(cursor, subject, entities)
            for entity in reversed(entities):
                _take_back_writes(cursor, entity, edited, undone)
                _remove(cursor, entity, edited, undone)
            _close(cursor, subject)
            if rehearse:
                raise _RehearsalError
    except _RehearsalError:
        pass
    return undone


def _gather(cursor: Cursor, subject: Subject) -> None:
    """``standing``: every row this migration claims, the newest claim of others, and the chain of writes that count."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.standing")
    cursor.execute(
        f"""
        CREATE TEMP TABLE standing ON COMMIT DROP AS
        SELECT c.aura_table, c.aura_id, others.mark AS others_mark, chain.newest, chain.writes, first.op AS first_op, NULL::text AS outcome
        FROM migration.claims c
        CROSS JOIN LATERAL (SELECT max(o.mark) AS mark FROM migration.claims o WHERE o.aura_table = c.aura_table
                            AND o.aura_id = c.aura_id AND o.migration_id <> c.migration_id) others
        CROSS JOIN LATERAL (SELECT min(j.id) AS oldest, max(j.id) AS newest, count(*) AS writes FROM migration.journal j
                            WHERE j.aura_table = c.aura_table AND j.aura_id = c.aura_id AND {LIVE}) chain
        LEFT JOIN migration.journal first
               ON first.aura_id = c.aura_id AND first.aura_table = c.aura_table AND first.id = chain.oldest
        WHERE c.migration_id = %(migration)s
        """,
        {"migration": subject.migration_id},
    )
    cursor.execute("ALTER TABLE standing ADD PRIMARY KEY (aura_table, aura_id)")
    cursor.execute("ANALYZE standing")


def _gather_history(cursor: Cursor, subject: Subject, entities: Sequence[Entity]) -> None:
    """``pointed``: rows of ``standing`` that orders and money point at, which have no foreign keys, and from which table.

    Each column is read once from end to end: most of them have no index. A history that this migration loaded is taken back
    before (``load.history``), so that what is left is of others or was kept.
    """
    cursor.execute("DROP TABLE IF EXISTS pg_temp.pointed")
    cursor.execute(
        "CREATE TEMP TABLE pointed (aura_table text, aura_id bigint, child text, PRIMARY KEY (aura_table, aura_id, child)) ON COMMIT DROP"
    )
    tables = {entity.name: entity.table for entity in entities}
    for history in TABLES:
        columns = [(c.target, tables[c.ref]) for c in history.refs if c.ref in tables]
        cursor.execute(f"SELECT EXISTS (SELECT FROM aura.{history.name}) AS found")
        row = cursor.fetchone()
        if not (columns and row and row["found"]):
            continue
        pointing = " UNION ".join(
            f"SELECT DISTINCT '{table}' AS aura_table, t.{column} AS aura_id FROM aura.{history.name} t "
            f"WHERE t.restaurant_id = %(restaurant)s AND t.{column} IS NOT NULL"
            for column, table in columns
        )
        cursor.execute(
            f"INSERT INTO pointed SELECT s.aura_table, s.aura_id, %(child)s FROM ({pointing}) p JOIN standing s USING (aura_table, aura_id)",
            {"restaurant": subject.restaurant_id, "child": history.name},
        )


# -- rows that stay: writes are taken back ------------------------------------------------------------------------------


def _take_back_writes(cursor: Cursor, entity: Entity, edited: Edited, undone: Undone) -> None:
    """Rows that others claim, and rows that stood before any migration: give columns their former values."""
    _mark(
        cursor,
        undone,
        entity.table,
        "gone_already",
        f"NOT EXISTS (SELECT 1 FROM aura.{entity.table} t WHERE t.id = s.aura_id)",
    )
    cursor.execute(
        f"""
        SELECT s.aura_id, s.others_mark IS NULL AS is_last, j.id AS journal_id, j.before::text AS before, j.after::text AS after,
               to_jsonb(t)::text AS now
        FROM standing s JOIN aura.{entity.table} t ON t.id = s.aura_id
        JOIN migration.journal j ON j.aura_table = s.aura_table AND j.aura_id = s.aura_id AND {LIVE} AND j.op = 'update'
        WHERE s.aura_table = %s AND s.outcome IS NULL
          AND (j.id > s.others_mark OR s.others_mark IS NULL AND s.first_op = 'update')
        ORDER BY s.aura_id, j.id DESC
        """,
        [entity.table],
    )
    rows = _by_row(cursor.fetchall())
    taken = {aura_id: _former(entries, edited) for aura_id, entries in rows.items()}
    _without_lost_targets(cursor, entity, taken)
    _write_back(cursor, entity, {aura_id: change for aura_id, (change, _) in taken.items() if change})
    for aura_id, (_, edits) in taken.items():
        if edits and edited == "keep":
            undone.kept.append(
                {"table": entity.table, "id": aura_id, "outcome": "kept_edited", "columns": sorted(edits)}
            )
    _note_taken(cursor, entity, rows, taken, edited, undone)


def _by_row(entries: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        found.setdefault(entry["aura_id"], []).append(entry)
    return found


def _decode(text: str) -> Image:
    """Columns as PostgreSQL wrote them: a number that passed through a float would not come back to the byte."""
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw])


def _former(entries: Sequence[Mapping[str, Any]], edited: Edited) -> tuple[Image, set[str]]:
    """``(columns to set, columns people changed)`` of one row whose ``entries`` are to be taken back, newest first."""
    now = _decode(entries[0]["now"])
    state = dict(now)
    later = now
    edits: set[str] = set()
    before: Image = now
    for entry in entries:
        before, after = _decode(entry["before"]), _decode(entry["after"])
        edits |= {c for c, value in after.items() if c != UNCOMPARED and bytes(later.get(c, value)) != bytes(value)}
        for column, value in after.items():
            former = before.get(column, value)
            if bytes(former) != bytes(value) and (edited == "undo" or bytes(state.get(column, value)) == bytes(value)):
                state[column] = former
        later = before
    if edited == "undo" and entries[0]["is_last"]:
        state |= before
    return {c: value for c, value in state.items() if c in now and bytes(value) != bytes(now[c])}, edits


def _without_lost_targets(cursor: Cursor, entity: Entity, taken: dict[int, tuple[Image, set[str]]]) -> None:
    """A reference to a record people deleted since cannot come back; the column stays as it is and is listed."""
    for ref in entity.refs:
        pointing = {
            aura_id: int(bytes(change[ref.target]))
            for aura_id, (change, _) in taken.items()
            if bytes(change.get(ref.target, NULL)) != bytes(NULL)
        }
        if not pointing:
            continue
        table = _target_table(cursor, entity.table, ref.target)
        cursor.execute(f"SELECT id FROM {table} WHERE id = ANY(%s)", [list(pointing.values())])
        present = {row["id"] for row in cursor.fetchall()}
        for aura_id, target in pointing.items():
            if target not in present:
                change, edits = taken[aura_id]
                del change[ref.target]
                edits.add(ref.target)


def _target_table(cursor: Cursor, table: str, column: str) -> str:
    cursor.execute(
        """
        SELECT c.confrelid::regclass::text AS target FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND a.attname = %s
        """,
        [f"aura.{table}", column],
    )
    row = cursor.fetchone()
    assert row is not None
    return str(row["target"])


def _write_back(cursor: Cursor, entity: Entity, changes: Mapping[int, Image]) -> None:
    if not changes:
        return
    names = sorted({column for change in changes.values() for column in change})
    cursor.execute("DROP TABLE IF EXISTS pg_temp.former")
    cursor.execute("CREATE TEMP TABLE former (id bigint PRIMARY KEY, image jsonb) ON COMMIT DROP")
    with cursor.copy("COPY former (id, image) FROM STDIN") as copy:
        for aura_id, change in changes.items():
            copy.write_row((aura_id, msgspec.json.encode(change).decode()))
    cursor.execute(
        f"UPDATE aura.{entity.table} t SET ({', '.join(names)}) = "
        f"(SELECT {', '.join('r.' + n for n in names)} FROM jsonb_populate_record(t, f.image) r) FROM former f WHERE f.id = t.id"
    )


def _note_taken(
    cursor: Cursor,
    entity: Entity,
    rows: Mapping[int, Sequence[Mapping[str, Any]]],
    taken: Mapping[int, tuple[Image, set[str]]],
    edited: Edited,
    undone: Undone,
) -> None:
    """Outcomes: ``restored`` or ``kept_edited`` where nobody else stands, ``kept_claimed`` where others do."""
    reverted = [e["journal_id"] for entries in rows.values() for e in entries if not e["is_last"]]
    cursor.execute(
        "UPDATE migration.journal SET undone_at = clock_timestamp(), outcome = 'reverted' "
        "WHERE aura_table = %s AND aura_id = ANY(%s) AND id = ANY(%s)",
        [entity.table, list(rows), reverted],
    )
    undone.add(entity.table, "reverted", len({i for i, entries in rows.items() if not entries[0]["is_last"]}))
    kept = [i for i, (_, edits) in taken.items() if edits and edited == "keep" and rows[i][0]["is_last"]]
    _mark(cursor, undone, entity.table, "kept_edited", "s.aura_id = ANY(%(ids)s)", ids=kept)
    _mark(cursor, undone, entity.table, "kept_claimed", "s.others_mark IS NOT NULL")
    _mark(cursor, undone, entity.table, "restored", "s.first_op = 'update'")
    # Only claimed, never written by any migration: letting the claim go is all there is to do.
    _mark(cursor, undone, entity.table, "released", "s.first_op IS NULL")


def _mark(cursor: Cursor, undone: Undone, table: str, outcome: str, when: str, **bound: Any) -> None:
    cursor.execute(
        f"UPDATE standing s SET outcome = %(outcome)s WHERE s.aura_table = %(table)s AND s.outcome IS NULL AND {when}",
        {"outcome": outcome, "table": table, **bound},
    )
    undone.add(table, outcome, cursor.rowcount)


# -- rows that go -------------------------------------------------------------------------------------------------------


def _remove(cursor: Cursor, entity: Entity, edited: Edited, undone: Undone) -> None:
    """Rows made by migrations that nobody claims any more: gone, unless edited or referenced since."""
    if edited == "keep":
        _keep_edited(cursor, entity, undone)
    # A kept row keeps what it points at, so a tree is walked until nothing more is kept.
    references = references_to(cursor, entity.table)
    while _keep_referenced(cursor, entity, references, undone):
        continue
    cursor.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'aura' AND table_name = %s AND column_name = 'is_active'",
        [entity.table],
    )
    is_active = ", is_active = false" if cursor.fetchone() else ""
    cursor.execute(
        f"UPDATE aura.{entity.table} t SET deleted_at = coalesce(deleted_at, now()){is_active} FROM standing s "
        "WHERE s.aura_table = %s AND s.aura_id = t.id AND s.outcome = 'archived'",
        [entity.table],
    )
    cursor.execute(
        f"DELETE FROM aura.{entity.table} t USING standing s WHERE s.aura_table = %s AND s.aura_id = t.id AND s.outcome IS NULL",
        [entity.table],
    )
    _mark(cursor, undone, entity.table, "removed", "true")


def _keep_edited(cursor: Cursor, entity: Entity, undone: Undone) -> None:
    """Rows that are not what the chain of writes left: people edited them. One they removed may go for good."""
    cursor.execute(
        f"""
        UPDATE standing s SET outcome = 'kept_edited'
        FROM (SELECT s.aura_id, {_edited_columns()} AS columns
              FROM standing s JOIN aura.{entity.table} t ON t.id = s.aura_id
              JOIN migration.writes last
                ON last.aura_id = s.aura_id AND last.aura_table = s.aura_table AND last.id = s.newest
              WHERE s.aura_table = %(table)s AND s.outcome IS NULL AND t.deleted_at IS NULL
                AND (s.writes > 1 OR to_jsonb(t) <> last.after)) e
        WHERE s.aura_table = %(table)s AND s.aura_id = e.aura_id AND e.columns IS NOT NULL
        RETURNING s.aura_id, e.columns
        """,
        {"table": entity.table},
    )
    for row in sorted(cursor.fetchall(), key=_number):
        undone.add(entity.table, "kept_edited")
        undone.kept.append(
            {"table": entity.table, "id": row["aura_id"], "outcome": "kept_edited", "columns": row["columns"]}
        )


def _number(row: dict[str, Any]) -> int:
    """The order in which rows are listed; an update returns them as it finds them, each time another way."""
    return int(row["aura_id"])


def _edited_columns() -> str:
    """Columns in which the row differs from its last write, or a write found something else than the one before left."""
    return f"""(
        SELECT array_agg(DISTINCT k ORDER BY k) FROM (
            SELECT k FROM (SELECT to_jsonb(t) AS now OFFSET 0) n, jsonb_object_keys(last.after) k
            WHERE n.now -> k IS DISTINCT FROM last.after -> k
            UNION ALL
            SELECT k FROM (SELECT j.before, lag(j.after) OVER (ORDER BY j.id) AS earlier FROM migration.writes j
                           WHERE s.writes > 1 AND j.aura_table = s.aura_table AND j.aura_id = s.aura_id AND {LIVE}) step,
                          jsonb_object_keys(step.before) k
            WHERE step.before -> k IS DISTINCT FROM step.earlier -> k
        ) changed WHERE k <> '{UNCOMPARED}')"""


def _keep_referenced(cursor: Cursor, entity: Entity, references: Sequence[tuple[str, str]], undone: Undone) -> bool:
    """Keep or archive rows that something remaining points at; True when the table's own rows must be looked at again.

    What this rollback keeps in use keeps its target in use; what was made since, or is archived, archives it.
    """
    remaining = [
        f"SELECT c.{column} AS id, {_quoted(child)} AS child, coalesce(k.outcome <> 'archived', false) AS is_needed "
        f"FROM standing p JOIN {child} c ON c.{column} = p.aura_id "
        f"LEFT JOIN standing k ON k.aura_table = {_quoted(child)} AND k.aura_id = c.id "
        "WHERE p.aura_table = %(table)s AND p.outcome IS NULL "
        + ("AND (k.aura_id IS NULL OR k.outcome IS NOT NULL)" if child == f"aura.{entity.table}" else "")
        for child, column in references
    ]
    remaining.append(
        "SELECT h.aura_id AS id, h.child, false AS is_needed FROM pointed h JOIN standing p USING (aura_table, aura_id) "
        "WHERE h.aura_table = %(table)s AND p.outcome IS NULL"
    )
    cursor.execute(
        f"""
        UPDATE standing s SET outcome = CASE WHEN x.is_needed THEN 'kept_needed' ELSE 'archived' END
        FROM (SELECT id, bool_or(is_needed) AS is_needed, string_agg(DISTINCT child, ', ') AS children
              FROM ({" UNION ALL ".join(remaining)}) r GROUP BY id) x
        WHERE x.id = s.aura_id AND s.aura_table = %(table)s AND s.outcome IS NULL
        RETURNING s.aura_id, s.outcome, x.children
        """,
        {"table": entity.table},
    )
    rows = sorted(cursor.fetchall(), key=_number)
    for row in rows:
        undone.add(entity.table, row["outcome"])
        undone.kept.append(
            {"table": entity.table, "id": row["aura_id"], "outcome": row["outcome"], "referenced_by": row["children"]}
        )
    return bool(rows) and any(child == f"aura.{entity.table}" for child, _ in references)


def _quoted(child: str) -> str:
    return "'" + child.removeprefix("aura.") + "'"


def references_to(cursor: Cursor, table: str) -> list[tuple[str, str]]:
    """``(schema.table, column)`` of every foreign key that points at a table, save of rows that are deleted along with it."""
    cursor.execute(
        """
        SELECT c.conrelid::regclass::text AS child, a.attname AS column FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = %s::regclass AND cardinality(c.conkey) = 1
          AND c.confdeltype <> 'c' ORDER BY 1, 2
        """,
        [f"aura.{table}"],
    )
    return [(row["child"], row["column"]) for row in cursor.fetchall()]


def _close(cursor: Cursor, subject: Subject) -> None:
    """Claims go, journal entries say what became of them, crosswalk rows without a target rest.

    What a migration made and this or an earlier rollback keeps also keeps its identity.
    """
    cursor.execute("DELETE FROM migration.claims WHERE migration_id = %s", [subject.migration_id])
    cursor.execute(
        f"""
        UPDATE migration.journal j SET undone_at = clock_timestamp(), outcome = s.outcome FROM standing s
        WHERE s.aura_table = j.aura_table AND s.aura_id = j.aura_id AND {LIVE}
          AND (j.migration_id = %s OR s.outcome <> 'kept_claimed')
        """,
        [subject.migration_id],
    )
    cursor.execute(
        """
        UPDATE migration.crosswalk c SET is_active = false FROM standing s
        WHERE s.aura_table = c.aura_table AND s.aura_id = c.aura_id
          AND s.outcome NOT IN ('kept_claimed', 'kept_edited', 'kept_needed')
          AND NOT (s.outcome = 'released' AND EXISTS (
              SELECT 1 FROM migration.journal j WHERE j.aura_table = c.aura_table AND j.aura_id = c.aura_id
              AND j.outcome IN ('kept_edited', 'kept_needed')))
        """
    )


def image_of_schema(
    connection: psycopg.Connection[Any], tables: Sequence[str], restaurant_id: int | None = None
) -> str:
    """A hash over all rows of the given ``aura`` tables in id order: equal hashes, equal tables to the byte."""
    lines: list[str] = []
    for table in tables:
        where = " WHERE restaurant_id = %s" if restaurant_id is not None and table != "restaurants" else ""
        row = connection.execute(
            f"SELECT coalesce(encode(sha256(convert_to(string_agg(to_jsonb(t)::text, E'\\n' ORDER BY id), 'UTF8')), 'hex'), '') FROM aura.{table} t{where}",
            [restaurant_id] if where else [],
        ).fetchone()
        lines.append(f"{table}:{row[0] if row else ''}")
    return content_hash(lines)
