"""Carry out a plan in batches: each batch is one transaction that checks its fences, writes, and remembers what it did.

A kill between two batches loses nothing and a kill inside one leaves no trace: how far the plan is written stands in
``plans.applied_seq``, moved on in the transaction that wrote, so the next run continues behind the last batch. Ids come
from the plan and times from the migration, so an interrupted load ends identical to an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from aura_migration.canonical.model import Entity
from aura_migration.core.errors import PlanMoved, Refused
from aura_migration.database.connections import transaction_lock
from aura_migration.plan import sql
from aura_migration.plan.planner import Subject, restaurant_lock

BATCH_ROWS = 10_000
NAMES_SHOWN = 3
Cursor = psycopg.Cursor[dict[str, Any]]
ROWS = "p.plan_id = %(plan)s AND p.seq BETWEEN %(first)s AND %(last)s"
"""Which rows of ``plan_rows p`` a statement works on."""


@dataclass(frozen=True)
class LoadProgress:
    """Where a load stands: plan rows processed of all, and the entity being written."""

    processed: int
    total: int
    entity: str


class Stopped(Refused):
    """The load stopped between two batches because the migration is no longer ``loading`` (paused, rolled back)."""


def apply_plan(
    connection: psycopg.Connection[Any],
    subject: Subject,
    plan_id: int,
    entities: Mapping[str, Entity],
    load_at: datetime,
    *,
    batch_rows: int = BATCH_ROWS,
    until: int | None = None,
    on_batch: Callable[[Cursor, LoadProgress], None] | None = None,
) -> LoadProgress:
    """Write the rows of a plan that are not written yet, up to row ``until`` where given, and return where the load ended.

    ``on_batch`` runs inside each batch's transaction. Raises ``PlanMoved`` when a row of AuraConnect is not what the plan
    was made on (that batch writes nothing), ``Stopped`` when the migration's state says so, ``Refused`` when conflicts
    are undecided.
    """
    _require_decided(connection, plan_id)
    progress = extent(connection, plan_id)
    goal = progress.total if until is None else min(until, progress.total)
    while progress.processed < goal:
        with connection.transaction():
            cursor = _begin(connection, subject)
            require_loading(cursor, subject, plan_id)
            # Under the lock: another loader may have written a batch in the meantime.
            done = extent(connection, plan_id).processed
            last = min(done + batch_rows, goal)
            if last <= done:  # somebody else was there first
                return LoadProgress(done, progress.total, progress.entity)
            entity = _write_batch(cursor, subject, entities, plan_id, done + 1, last, load_at)
            progress = LoadProgress(last, progress.total, entity)
            if on_batch is not None:
                on_batch(cursor, progress)
    return progress


def extent(connection: psycopg.Connection[Any], plan_id: int) -> LoadProgress:
    """How many rows a plan has and how many of them are written."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT p.applied_seq, coalesce((SELECT max(seq) FROM migration.plan_rows WHERE plan_id = p.id), 0) "
            "FROM migration.plans p WHERE p.id = %s",
            [plan_id],
        ).fetchone()
    if row is None:
        raise Refused(f"Plan {plan_id} does not exist.", "Preview again.")
    return LoadProgress(row[0], row[1], "")


def check_fences(
    connection: psycopg.Connection[Any], plan_id: int, entities: Mapping[str, Entity]
) -> list[dict[str, Any]]:
    """Rows of AuraConnect that are no longer what the plan was made on: ``[{seq, entity, source_key, label}]``."""
    at = extent(connection, plan_id)
    span = {"plan": plan_id, "first": at.processed + 1, "last": at.total}
    cursor = connection.cursor(row_factory=dict_row)
    moved: list[dict[str, Any]] = []
    for name in _present(cursor, span):
        moved += _moved(cursor, entities[name], span)
    return moved


def _begin(connection: psycopg.Connection[Any], subject: Subject) -> Cursor:
    """A cursor under the restaurant's lock. The journal's images must not depend on the session's time zone."""
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
    transaction_lock(connection, restaurant_lock(subject.restaurant_id))
    return cursor


def _require_decided(connection: psycopg.Connection[Any], plan_id: int) -> None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT count(*) FROM migration.plan_rows WHERE plan_id = %s AND action = 'conflict'", [plan_id]
        ).fetchone()
    if row and row[0]:
        raise Refused(
            f"{row[0]} conflicts of plan {plan_id} are undecided.",
            "`aura-migration conflicts list` shows them; `conflicts decide` or a strategy in the options decides them.",
        )


def require_loading(cursor: Cursor, subject: Subject, plan_id: int) -> None:
    """``Stopped`` unless the migration is loading that plan; a request to pause waits until the transaction is over."""
    cursor.execute(
        "SELECT migration.standing(state, work) AS state, pause_requested, plan_id FROM migration.migrations "
        "WHERE id = %s FOR SHARE",
        [subject.migration_id],
    )
    row = cursor.fetchone()
    state = "gone" if row is None else row["state"]
    if row is not None and row["pause_requested"] and state == "loading":
        state = "paused"
    elif row is not None and row["plan_id"] != plan_id:
        state = "planned anew"
    if state != "loading":
        raise Stopped(
            f"Migration {subject.migration_id} is {state}; the load stopped between two batches.", "", state=state
        )


def _write_batch(
    cursor: Cursor,
    subject: Subject,
    entities: Mapping[str, Entity],
    plan_id: int,
    first: int,
    last: int,
    load_at: datetime,
) -> str:
    """Check, write and remember the rows from ``first`` to ``last``; returns the last entity among them."""
    bound = {
        "plan": plan_id,
        "first": first,
        "last": last,
        "restaurant": subject.restaurant_id,
        "integration": subject.integration_id,
        "migration": subject.migration_id,
        "pos": subject.pos,
        "load_at": load_at,
    }
    todo = _todo(cursor, bound)
    for work in todo:
        _write(cursor, subject, entities[work["entity"]], bound, work)
    _remember(cursor, bound, todo)
    return str(todo[-1]["entity"]) if todo else ""


def _todo(cursor: Cursor, span: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is to be done in a span: per entity, in load order, how many rows are of which kind."""
    cursor.execute(
        f"""
        SELECT entity, count(*) FILTER (WHERE action = 'create') AS creates, count(before_hash) AS known,
               count(*) FILTER (WHERE action IN ('update', 'merge') AND image <> '{{}}') AS changes,
               count(aura_id) AS linked, count(replaces_id) AS replaced
        FROM migration.plan_rows p WHERE {ROWS} GROUP BY entity ORDER BY min(seq)
        """,
        span,
    )
    return cursor.fetchall()


def _present(cursor: Cursor, span: Mapping[str, Any]) -> list[str]:
    """The entities of a span in load order."""
    cursor.execute(f"SELECT entity FROM migration.plan_rows p WHERE {ROWS} GROUP BY entity ORDER BY min(seq)", span)
    return [row["entity"] for row in cursor.fetchall()]


# -- fences -------------------------------------------------------------------------------------------------------------


def _refuse_moved(moved: Sequence[Mapping[str, Any]]) -> None:
    if not moved:
        return
    names = ", ".join(f"{m['entity']} {m['label']!r}" for m in moved[:NAMES_SHOWN])
    raise PlanMoved(
        f"{len(moved)} rows changed in AuraConnect after the plan was approved ({names}).",
        "Nothing of this batch was written. Preview again to see the difference, approve it and run.",
        moved=[f"{m['entity']}:{m['source_key']}" for m in moved[:50]],
    )


def _moved(cursor: Cursor, entity: Entity, span: Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor.execute(
        f"""
        SELECT p.seq, p.entity, p.source_key, p.label FROM migration.plan_rows p
        LEFT JOIN aura.{entity.table} t ON t.id = p.aura_id AND t.deleted_at IS NULL
        WHERE {ROWS} AND p.entity = %(entity)s AND p.before_hash IS NOT NULL
          AND (t.id IS NULL OR {sql.image_hash(sql.table_row("t", entity))} <> p.before_hash)
        ORDER BY p.seq
        """,
        {**span, "entity": entity.name},
    )
    return cursor.fetchall()


# -- writes -------------------------------------------------------------------------------------------------------------


def _write(cursor: Cursor, subject: Subject, entity: Entity, bound: Mapping[str, Any], todo: Mapping[str, int]) -> None:
    is_local = entity.scope == "location" and entity.name != "locations"
    arguments = {
        **bound,
        "entity": entity.name,
        "location": _location_id(cursor, subject, bound) if is_local else None,
    }
    if todo["changes"]:
        _lock_rows(cursor, entity, arguments)
    if todo["known"]:
        _refuse_moved(_moved(cursor, entity, arguments))
    if todo["creates"]:
        _insert(cursor, entity, arguments)
    if todo["changes"]:
        _update(cursor, entity, arguments)


def _location_id(cursor: Cursor, subject: Subject, bound: Mapping[str, Any]) -> int:
    cursor.execute(
        "SELECT aura_id FROM migration.plan_rows WHERE plan_id = %(plan)s AND entity = 'locations' AND aura_id IS NOT NULL",
        bound,
    )
    row = cursor.fetchone()
    if row is None:
        raise Refused(f"The plan of {subject.location_key} does not load its location.", "Preview again.")
    return int(row["aura_id"])


def _lock_rows(cursor: Cursor, entity: Entity, arguments: Mapping[str, Any]) -> None:
    """Nobody edits a row between the look at its fence and the write."""
    cursor.execute(
        f"""
        SELECT 1 FROM aura.{entity.table} t WHERE t.id IN (
            SELECT p.aura_id FROM migration.plan_rows p
            WHERE {ROWS} AND p.entity = %(entity)s AND p.action IN ('update', 'merge') AND p.image <> '{{}}')
        ORDER BY t.id FOR UPDATE
        """,
        arguments,
    )


def _insert(cursor: Cursor, entity: Entity, arguments: Mapping[str, Any]) -> None:
    """Insert the created rows and journal them.

    What was written is known already: the image in the plan row, its key, and what all rows of the plan have in common,
    which is noted once. See the view ``migration.writes``.
    """
    names = sql.insert_columns(entity)
    types = _columns(cursor, entity.table)
    constant = {
        "restaurant_id": "%(restaurant)s",
        "location_id": "%(location)s",
        "listing": "'listed'",
        "source_vendor": "%(pos)s",
        "migration_run_id": "%(migration)s",
        "created_at": "%(load_at)s",
        "updated_at": "%(load_at)s",
    }
    constant = {name: f"{value}::{types[name]}" for name, value in constant.items() if name in names}
    fixed = {**constant, "id": "p.aura_id", "source_id": "p.source_key", "source_hash": "p.source_hash"}
    values = ", ".join(fixed.get(name) or _from_image(name, types[name]) for name in names)
    created = f"{ROWS} AND p.entity = %(entity)s AND p.action = 'create'"
    cursor.execute(
        f"""
        INSERT INTO aura.{entity.table} ({", ".join(names)})
        SELECT {values}
        FROM migration.plan_rows p WHERE {created}
        """,
        arguments,
    )
    cursor.execute(
        f"""
        INSERT INTO migration.journal (migration_id, plan_id, seq, aura_table, aura_id, op, before, after)
        SELECT %(migration)s, p.plan_id, p.seq, p.aura_table, p.aura_id, 'insert', NULL, '{{}}'::jsonb
        FROM migration.plan_rows p WHERE {created}
        """,
        arguments,
    )
    own = sql.text_array(["id", "source_id", "source_hash", *sql.columns(entity)])
    cursor.execute(
        f"""
        INSERT INTO migration.journal_constants (plan_id, aura_table, columns)
        SELECT %(plan)s, '{entity.table}', to_jsonb(t) - {own} FROM aura.{entity.table} t
        WHERE t.id = (SELECT p.aura_id FROM migration.plan_rows p WHERE {created} ORDER BY p.seq LIMIT 1)
        ON CONFLICT DO NOTHING
        """,
        arguments,
    )


def _from_image(name: str, of_type: str) -> str:
    """SQL of one column of a plan row's image: half of what it takes to make a record of it first."""
    return f"nullif(p.image -> '{name}', 'null')" if of_type == "jsonb" else f"(p.image ->> '{name}')::{of_type}"


def _columns(cursor: Cursor, table: str) -> dict[str, str]:
    """The columns of a table with their types, in order."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [f"aura.{table}"],
    )
    return {row["attname"]: row["type"] for row in cursor.fetchall()}


def _update(cursor: Cursor, entity: Entity, arguments: Mapping[str, Any]) -> None:
    """``source_hash`` stays null on records made in AuraConnect itself: they do not come from the POS."""
    changed = (
        "p.image || jsonb_build_object('updated_at', %(load_at)s::timestamptz, "
        "'source_hash', CASE WHEN t.source_vendor IS NOT NULL THEN p.source_hash END)"
    )
    names = (*sql.columns(entity), "source_hash", "updated_at")
    cursor.execute(
        f"""
        WITH changes AS MATERIALIZED (
            SELECT p.plan_id, p.seq, p.aura_table, t.id, to_jsonb(t) AS before, {changed} AS changed
            FROM migration.plan_rows p JOIN aura.{entity.table} t ON t.id = p.aura_id
            WHERE {ROWS} AND p.entity = %(entity)s AND p.action IN ('update', 'merge') AND p.image <> '{{}}'
        ), written AS (
            UPDATE aura.{entity.table} t SET ({", ".join(names)}) =
                (SELECT {", ".join("r." + n for n in names)} FROM jsonb_populate_record(t, c.changed) r)
            FROM changes c WHERE c.id = t.id
            RETURNING t.*
        )
        INSERT INTO migration.journal (migration_id, plan_id, seq, aura_table, aura_id, op, before, after)
        SELECT %(migration)s, c.plan_id, c.seq, c.aura_table, c.id, 'update', c.before, to_jsonb(written)
        FROM written JOIN changes c USING (id) ORDER BY c.seq
        """,
        arguments,
    )


# -- memory -------------------------------------------------------------------------------------------------------------


def _remember(cursor: Cursor, bound: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> None:
    """Crosswalk, claims and how far the plan is written: in the transaction that wrote the rows."""
    if any(work["replaced"] for work in todo):
        _retire_keys(cursor, bound)
    are_all_new = all(work["linked"] == work["creates"] for work in todo)
    _link_keys(cursor, bound, sum(work["linked"] for work in todo), are_all_new=are_all_new)
    _claim(cursor, bound, are_all_new=are_all_new)
    cursor.execute("UPDATE migration.plans SET applied_seq = %(last)s WHERE id = %(plan)s", bound)


def _claim(cursor: Cursor, bound: Mapping[str, Any], *, are_all_new: bool) -> None:
    """Claim the rows of the batch. Nobody has a claim on a row that was not there before."""
    which, renew, other = "", "", ""
    if not are_all_new:
        which = "DISTINCT ON (p.aura_id, p.aura_table)"
        # A profile merged into another one stands on its row by that one's claim, which holds what the POS said of it.
        other = "AND NOT (p.action IN ('merge', 'unchanged') AND p.before_hash IS NULL)"
        renew = """ORDER BY p.aura_id, p.aura_table, p.seq ON CONFLICT (aura_id, aura_table, migration_id)
                   DO UPDATE SET plan_id = excluded.plan_id, seq = excluded.seq, mark = excluded.mark"""
    cursor.execute(
        f"""
        INSERT INTO migration.claims (migration_id, aura_table, aura_id, plan_id, seq, mark)
        SELECT {which} %(migration)s, p.aura_table, p.aura_id, p.plan_id, p.seq,
               (SELECT nextval(pg_get_serial_sequence('migration.journal', 'id')))
        FROM migration.plan_rows p WHERE {ROWS} AND p.aura_id IS NOT NULL {other} {renew}
        """,
        bound,
    )


SAME_KEY = (
    "c.integration_id = %(integration)s AND c.entity = p.entity AND c.source_key = p.crosswalk_key AND c.is_active"
)


def _retire_keys(cursor: Cursor, bound: Mapping[str, Any]) -> None:
    """Source keys that stood for another record until now. Those rows are few, which the server cannot know."""
    cursor.execute(
        f"""
        WITH p AS MATERIALIZED (
            SELECT entity, crosswalk_key, replaces_id FROM migration.plan_rows p WHERE {ROWS} AND replaces_id IS NOT NULL)
        UPDATE migration.crosswalk c SET is_active = false FROM p WHERE c.aura_id = p.replaces_id AND {SAME_KEY}
        """,
        bound,
    )


def _link_keys(cursor: Cursor, bound: Mapping[str, Any], expected: int, *, are_all_new: bool) -> None:
    """Enter the batch's source keys. One that has come to stand for another record since the plan was made stops it.

    New records mostly have new keys, and asking for each beforehand costs more than trying: only where a key was there (its
    record was taken back, say) is the batch's entry made once more, with an eye on what it meant.
    """
    entry = f"""
        INSERT INTO migration.crosswalk AS c (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, source_hash, record,
            first_migration_id, last_migration_id)
        SELECT %(restaurant)s, %(integration)s, p.entity, p.crosswalk_key, p.aura_table, p.aura_id, p.source_hash, p.record,
               %(migration)s, %(migration)s
        FROM migration.plan_rows p WHERE {ROWS} AND p.aura_id IS NOT NULL ORDER BY p.entity, p.crosswalk_key
    """
    if are_all_new:
        try:
            with cursor.connection.transaction():
                cursor.execute(entry, bound)
            return
        except psycopg.errors.UniqueViolation:
            pass  # some are known: below
    cursor.execute(
        f"""
        {entry}
        ON CONFLICT (integration_id, entity, source_key) DO UPDATE SET aura_table = excluded.aura_table, aura_id = excluded.aura_id,
            source_hash = excluded.source_hash, record = excluded.record, last_migration_id = excluded.last_migration_id, is_active = true
        WHERE c.aura_id = excluded.aura_id OR NOT c.is_active
        """,
        bound,
    )
    if cursor.rowcount != expected:
        cursor.execute(
            f"""
            SELECT p.seq, p.entity, p.source_key, p.label FROM migration.plan_rows p
            JOIN migration.crosswalk c ON {SAME_KEY} AND c.aura_id <> p.aura_id WHERE {ROWS} ORDER BY p.seq
            """,
            bound,
        )
        _refuse_moved(cursor.fetchall())
