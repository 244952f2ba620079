"""The planner: one stored plan out of the staged rows of a location and what AuraConnect holds.

Set-based, one pass per entity, parents first. Within a pass the ground is laid (``ground.py``), the rules decide
(``rules.py``) and the rows are stored (``stored.py``). Nothing in ``aura`` is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.model import Entity
from aura_migration.canonical.options import MigrationOptions
from aura_migration.database.connections import transaction_lock
from aura_migration.plan import stored
from aura_migration.plan.ground import (
    LARGE,
    Before,
    Cursor,
    Subject,
    drop_tables,
    is_fresh,
    lay_ground,
    make_tables,
    recall,
)
from aura_migration.plan.history import plan_history, settle_batches
from aura_migration.plan.rules import decide
from aura_migration.plan.stored import ACTIONS, PENDING, Papers, StoredPlan

__all__ = ["ACTIONS", "PENDING", "StoredPlan", "Subject", "build_plan", "restaurant_lock"]


def restaurant_lock(restaurant_id: int) -> str:
    """The advisory lock under which rows shared by a restaurant's locations are planned and written."""
    return f"aura:restaurant:{restaurant_id}"


def build_plan(
    connection: psycopg.Connection[Any],
    subject: Subject,
    entities: Sequence[Entity],
    options: MigrationOptions,
    *,
    kind: str = "preview",
    delta_of: int | None = None,
    losses: Sequence[Any] = (),
    certificates: Sequence[Any] = (),
    blockers: Sequence[str] = (),
    snapshot_ids: Sequence[int] = (),
    history: str | None = None,
) -> StoredPlan:
    """Plan the staged rows of a migration and store the plan; one transaction, nothing in ``aura`` is written.

    ``entities`` stand parents first. A preview whose hash equals the migration's present plan leaves that plan (and its
    approval) standing. A delta never replaces the plan it is a delta of, and takes its history over as it is: orders are not
    read again before a load. ``history`` names the rules under which orders and money are staged, if they are.
    """
    papers = Papers(losses, certificates, blockers, snapshot_ids)
    with connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        # Compiling costs more than the statements of most menus take.
        cursor.execute(
            "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL default_statistics_target = 10; SET LOCAL TimeZone = 'UTC'"
        )
        transaction_lock(connection, restaurant_lock(subject.restaurant_id))
        plan_id = stored.open_plan(cursor, subject, options, kind, delta_of, papers)
        before = stored.plans_before(cursor, subject)
        _plan_entities(cursor, subject, entities, options, plan_id, before)
        if delta_of is not None:
            stored.inherit_history(cursor, plan_id, delta_of)
        elif history is not None:
            plan_history(connection, subject, plan_id, options, rules=history)
        found = stored.seal(cursor, plan_id, entities, before)
        drop_tables(cursor)
        return stored.keep_or_replace(cursor, subject, found, kind, settle=partial(settle_batches, connection))


def _plan_entities(
    cursor: Cursor,
    subject: Subject,
    entities: Sequence[Entity],
    options: MigrationOptions,
    plan_id: int,
    before: Sequence[Before],
) -> None:
    merging = _merging_waves(cursor, subject)
    pointed_at = {ref.ref for entity in entities for ref in entity.refs} | {"locations"} | {name for name, _ in merging}
    refined = {ref.ref for entity in entities if entity.refines for ref in entity.refs}
    waves = _staged_waves(cursor, subject)
    loaded = _loaded_entities(cursor, subject)
    make_tables(cursor)
    seq = 0
    for entity in entities:
        is_refined, tells, is_loaded = entity.name in refined, entity.name in pointed_at, entity.name in loaded
        fresh = entity.name in waves and is_fresh(cursor, subject, entity, before, is_loaded=is_loaded)
        for wave in waves.get(entity.name, ()):
            if fresh and (entity.name, wave) not in merging:
                written = stored.store_fresh(
                    cursor, subject, entity, wave, plan_id, seq, tells=tells, is_refined=is_refined
                )
            else:
                lay_ground(cursor, subject, entity, options, wave, before, is_loaded=is_loaded)
                decide(cursor, subject, entity, options, is_refined=is_refined)
                written = stored.store_rows(cursor, subject, entity, plan_id, seq)
                if tells:
                    stored.tell_children(cursor, entity)
            seq += written
            if tells and written >= LARGE:
                cursor.execute("ANALYZE planned (entity, source_key)")
        if tells and is_loaded:
            recall(cursor, subject, entity, is_refined=is_refined)
    if seq >= LARGE:
        cursor.execute("ANALYZE migration.plan_rows (plan_id, seq, entity, source_key, action, aura_id)")


def _staged_waves(cursor: Cursor, subject: Subject) -> dict[str, list[int]]:
    """The entities that have staged rows, each with its waves in order."""
    cursor.execute(
        "SELECT entity, array_agg(DISTINCT wave ORDER BY wave) AS waves FROM staging.rows WHERE migration_id = %s GROUP BY entity",
        [subject.migration_id],
    )
    return {row["entity"]: row["waves"] for row in cursor.fetchall()}


def _merging_waves(cursor: Cursor, subject: Subject) -> set[tuple[str, int]]:
    """The waves with rows that staging found to be the same person as a row of an earlier wave."""
    cursor.execute(
        "SELECT DISTINCT entity, wave FROM staging.rows WHERE migration_id = %s AND same_as IS NOT NULL",
        [subject.migration_id],
    )
    return {(row["entity"], row["wave"]) for row in cursor.fetchall()}


def _loaded_entities(cursor: Cursor, subject: Subject) -> set[str]:
    cursor.execute(
        "SELECT DISTINCT entity FROM migration.crosswalk WHERE integration_id = %s AND is_active",
        [subject.integration_id],
    )
    return {row["entity"] for row in cursor.fetchall()}
