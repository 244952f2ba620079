"""Carry out a plan in batches: each batch is one transaction that checks its fences, writes, and remembers what it did.

A kill between two batches loses nothing and a kill inside one leaves no trace: the row's ``applied_at`` is set in the
transaction that wrote it, so the next run continues behind the last batch. Ids come from the plan and times from the
migration, so an interrupted load ends identical to an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.model import Entity
from aura_migration.core.errors import PlanMoved, Refused
from aura_migration.database.connections import transaction_lock
from aura_migration.plan import sql
from aura_migration.plan.planner import Subject, restaurant_lock

BATCH_ROWS = 5_000
Cursor = psycopg.Cursor[dict[str, Any]]


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
    on_batch: Callable[[Cursor, LoadProgress], None] | None = None,
) -> LoadProgress:
    """Write the unapplied rows of a plan and return where the load ended.

    ``on_batch`` runs inside each batch's transaction. Raises ``PlanMoved`` when a row of AuraConnect is not what the plan
    was made on (that batch writes nothing), ``Stopped`` when the migration's state says so.
    """
    total, seq = _extent(connection, plan_id)
    progress = LoadProgress(seq, total, "")
    while seq < total:
        with connection.transaction():
            cursor = connection.cursor(row_factory=dict_row)
            transaction_lock(connection, restaurant_lock(subject.restaurant_id))
            _require_loading(cursor, subject)
            last = min(seq + batch_rows, total)
            span = {"plan": plan_id, "first": seq + 1, "last": last}
            cursor.execute(
                "SELECT DISTINCT entity, min(seq) AS at FROM migration.plan_rows "
                "WHERE plan_id = %(plan)s AND seq BETWEEN %(first)s AND %(last)s GROUP BY entity ORDER BY at",
                span,
            )
            present = [entities[row["entity"]] for row in cursor.fetchall()]
            for entity in present:
                _write(cursor, subject, entity, span, load_at)
            _remember(cursor, subject, span)
            progress = LoadProgress(last, total, present[-1].name if present else "")
            if on_batch is not None:
                on_batch(cursor, progress)
        seq = last
    return progress


def check_fences(
    connection: psycopg.Connection[Any], plan_id: int, entities: Mapping[str, Entity]
) -> list[dict[str, Any]]:
    """Rows of AuraConnect that are no longer what the plan was made on: ``[{seq, entity, source_key, label}]``."""
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute(
        "SELECT DISTINCT entity FROM migration.plan_rows WHERE plan_id = %s AND before_hash IS NOT NULL AND applied_at IS NULL",
        [plan_id],
    )
    moved: list[dict[str, Any]] = []
    for row in cursor.fetchall():
        moved += _moved(cursor, entities[row["entity"]], {"plan": plan_id, "first": 0, "last": 2**31 - 1})
    return moved


def _extent(connection: psycopg.Connection[Any], plan_id: int) -> tuple[int, int]:
    row = connection.execute(
        "SELECT coalesce(max(seq), 0), coalesce(max(seq) FILTER (WHERE applied_at IS NOT NULL), 0), "
        "count(*) FILTER (WHERE action = 'conflict') FROM migration.plan_rows WHERE plan_id = %s",
        [plan_id],
    ).fetchone()
    assert row is not None
    total, applied, conflicts = row
    if conflicts:
        raise Refused(
            f"{conflicts} conflicts of plan {plan_id} are undecided.",
            "`aura-migration conflicts list` shows them; `conflicts decide` or a strategy in the options decides them.",
        )
    return total, applied


def _require_loading(cursor: Cursor, subject: Subject) -> None:
    cursor.execute(
        "SELECT state, pause_requested FROM migration.migrations WHERE id = %s FOR SHARE", [subject.migration_id]
    )
    row = cursor.fetchone()
    if row is None or row["state"] != "loading" or row["pause_requested"]:
        state = "paused" if row and row["pause_requested"] else row["state"] if row else "gone"
        raise Stopped(
            f"Migration {subject.migration_id} is {state}; the load stopped between two batches.", "", state=state
        )


def _write(cursor: Cursor, subject: Subject, entity: Entity, span: Mapping[str, Any], load_at: datetime) -> None:
    moved = _moved(cursor, entity, span, lock=True)
    if moved:
        names = ", ".join(f"{m['entity']} {m['label']!r}" for m in moved[:3])
        raise PlanMoved(
            f"{len(moved)} rows changed in AuraConnect after the plan was approved ({names}).",
            "Nothing of this batch was written. Preview again to see the difference, approve it and run.",
            moved=[f"{m['entity']}:{m['source_key']}" for m in moved[:50]],
        )
    arguments = {
        **span,
        "entity": entity.name,
        "restaurant": subject.restaurant_id,
        "migration": subject.migration_id,
        "pos": subject.pos,
        "load_at": load_at,
        "location": _location_id(cursor, subject, span)
        if entity.scope == "location" and entity.name != "locations"
        else None,
    }
    _insert(cursor, entity, arguments)
    _update(cursor, entity, arguments)


def _location_id(cursor: Cursor, subject: Subject, span: Mapping[str, Any]) -> int:
    cursor.execute(
        "SELECT aura_id FROM migration.plan_rows WHERE plan_id = %(plan)s AND entity = 'locations' AND aura_id IS NOT NULL",
        span,
    )
    row = cursor.fetchone()
    if row is None:
        raise Refused(f"The plan of {subject.location_key} does not load its location.", "Preview again.")
    return int(row["aura_id"])


def _moved(cursor: Cursor, entity: Entity, span: Mapping[str, Any], *, lock: bool = False) -> list[dict[str, Any]]:
    if lock:
        cursor.execute(
            f"""
            SELECT 1 FROM aura.{entity.table} t
            WHERE t.id IN (SELECT aura_id FROM migration.plan_rows WHERE plan_id = %(plan)s AND seq BETWEEN %(first)s AND %(last)s
                           AND entity = %(entity)s AND action IN ('update', 'merge') AND applied_at IS NULL)
            ORDER BY t.id FOR UPDATE
            """,
            {**span, "entity": entity.name},
        )
    fence = sql.row_hash(sql.restricted("to_jsonb(t)", entity))
    cursor.execute(
        f"""
        SELECT p.seq, p.entity, p.source_key, p.label FROM migration.plan_rows p
        LEFT JOIN aura.{entity.table} t ON t.id = p.aura_id AND t.deleted_at IS NULL
        WHERE p.plan_id = %(plan)s AND p.seq BETWEEN %(first)s AND %(last)s AND p.entity = %(entity)s
          AND p.before_hash IS NOT NULL AND p.applied_at IS NULL AND (t.id IS NULL OR {fence} <> p.before_hash)
        ORDER BY p.seq
        """,
        {**span, "entity": entity.name},
    )
    return cursor.fetchall()


def _insert(cursor: Cursor, entity: Entity, arguments: Mapping[str, Any]) -> None:
    names = sql.insert_columns(entity)
    listing = "'listing', 'listed'," if entity.table in sql.LISTED else ""
    place = "'location_id', %(location)s::bigint," if entity.name != "locations" else ""
    cursor.execute(
        f"""
        WITH made AS (
            INSERT INTO aura.{entity.table} ({", ".join(names)})
            SELECT {", ".join("r." + n for n in names)}
            FROM migration.plan_rows p
            CROSS JOIN LATERAL jsonb_populate_record(NULL::aura.{entity.table}, p.image || jsonb_build_object(
                'id', p.aura_id, 'restaurant_id', %(restaurant)s::bigint, {place} {listing}
                'source_vendor', %(pos)s::text, 'source_id', p.source_key, 'migration_run_id', %(migration)s::bigint,
                'source_hash', p.source_hash, 'created_at', %(load_at)s::timestamptz, 'updated_at', %(load_at)s::timestamptz)) r
            WHERE p.plan_id = %(plan)s AND p.seq BETWEEN %(first)s AND %(last)s AND p.entity = %(entity)s
              AND p.action = 'create' AND p.applied_at IS NULL
            ORDER BY p.seq
            RETURNING *
        )
        INSERT INTO migration.journal (migration_id, plan_id, seq, aura_table, aura_id, op, before, after)
        SELECT %(migration)s, p.plan_id, p.seq, p.aura_table, made.id, 'insert', NULL, to_jsonb(made)
        FROM made JOIN migration.plan_rows p ON p.plan_id = %(plan)s AND p.seq BETWEEN %(first)s AND %(last)s
             AND p.entity = %(entity)s AND p.aura_id = made.id
        ORDER BY p.seq
        """,
        arguments,
    )


def _update(cursor: Cursor, entity: Entity, arguments: Mapping[str, Any]) -> None:
    changed = "p.image || jsonb_build_object('updated_at', %(load_at)s::timestamptz)"
    rows = (
        "p.plan_id = %(plan)s AND p.seq BETWEEN %(first)s AND %(last)s AND p.entity = %(entity)s "
        "AND p.action IN ('update', 'merge') AND p.image <> '{}' AND p.applied_at IS NULL"
    )
    cursor.execute(
        f"""
        INSERT INTO migration.journal (migration_id, plan_id, seq, aura_table, aura_id, op, before, after)
        SELECT %(migration)s, p.plan_id, p.seq, p.aura_table, t.id, 'update', to_jsonb(t),
               to_jsonb(jsonb_populate_record(t, {changed}))
        FROM migration.plan_rows p JOIN aura.{entity.table} t ON t.id = p.aura_id WHERE {rows} ORDER BY p.seq
        """,
        arguments,
    )
    if cursor.rowcount:
        names = (*sql.columns(entity), "updated_at")
        cursor.execute(
            f"""
            UPDATE aura.{entity.table} t SET ({", ".join(names)}) =
                (SELECT {", ".join("r." + n for n in names)} FROM jsonb_populate_record(t, {changed}) r)
            FROM migration.plan_rows p WHERE p.aura_id = t.id AND {rows}
            """,
            arguments,
        )


def _remember(cursor: Cursor, subject: Subject, span: Mapping[str, Any]) -> None:
    """Crosswalk, claims and the mark that the rows are done: in the transaction that wrote them."""
    arguments = {
        **span,
        "restaurant": subject.restaurant_id,
        "integration": subject.integration_id,
        "migration": subject.migration_id,
    }
    cursor.execute(
        """
        INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, source_hash, record,
            first_migration_id, last_migration_id)
        SELECT %(restaurant)s, %(integration)s, entity, crosswalk_key, aura_table, aura_id, source_hash, record, %(migration)s, %(migration)s
        FROM migration.plan_rows
        WHERE plan_id = %(plan)s AND seq BETWEEN %(first)s AND %(last)s AND aura_id IS NOT NULL AND applied_at IS NULL
        ORDER BY seq
        ON CONFLICT (integration_id, entity, source_key) DO UPDATE SET aura_table = excluded.aura_table, aura_id = excluded.aura_id,
            source_hash = excluded.source_hash, record = excluded.record, last_migration_id = excluded.last_migration_id, is_active = true
        """,
        arguments,
    )
    cursor.execute(
        """
        INSERT INTO migration.claims (migration_id, aura_table, aura_id)
        SELECT DISTINCT %(migration)s::bigint, aura_table, aura_id FROM migration.plan_rows
        WHERE plan_id = %(plan)s AND seq BETWEEN %(first)s AND %(last)s AND aura_id IS NOT NULL AND applied_at IS NULL
        ON CONFLICT DO NOTHING
        """,
        arguments,
    )
    cursor.execute(
        "UPDATE migration.plan_rows SET applied_at = clock_timestamp() "
        "WHERE plan_id = %(plan)s AND seq BETWEEN %(first)s AND %(last)s AND applied_at IS NULL",
        span,
    )
