"""Carrying an approved plan out: the source is read again, what moved becomes a delta, and only then is anything written.

How a row is written is the loader's business; what a plan holds is the planner's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.masking import masked
from aura_migration.core.errors import AuraError, PlanMoved, Refused, VerdictFailed
from aura_migration.database.connections import Connection
from aura_migration.load.apply import LoadProgress, Stopped, apply_plan, check_fences, extent
from aura_migration.load.history import history_extent
from aura_migration.migration import progress
from aura_migration.migration.extraction import extract, pin, pinned
from aura_migration.migration.past import load_past
from aura_migration.migration.planning import canonicalise, plan, writes_of
from aura_migration.migration.records import Migration, get_migration, get_plan
from aura_migration.migration.states import AFTER_LOAD, transition
from aura_migration.migration.steps import last_row, next_step
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.verdict import record_gate

DIFFERENCES_SHOWN = 50


def load(
    workshop: Workshop,
    migration_id: int,
    by: str,
    *,
    as_approved: bool = False,
    until: str | None = None,
    just_read: bool = False,
) -> LoadProgress:
    """Carry out the approved plan, or its part up to the end of a step (``until``), which leaves it paused. Before the first write the source is read again: a difference stores a delta and stops.

    ``just_read``: the plan was made of what was read a moment ago under the same lock, so that it is not read again.

    Continues an interrupted load without asking again; does nothing where the plan is already loaded or there is nothing
    to write. Returns where the load ended. Raises ``PlanMoved``, ``VerdictFailed`` when it was paused, ``Refused``.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.plan_id is None:
            raise Refused(f"Migration {migration_id} has no plan.", "Run the preview first.")
        stored = get_plan(connection, migration.plan_id)
        if migration.standing == "empty" or _is_done(connection, migration, stored):
            rows = connection.execute(
                "SELECT count(*) FROM migration.plan_rows WHERE plan_id = %s", [stored["id"]]
            ).fetchone()
            total = int(rows[0]) if rows else 0
            return LoadProgress(total, total, "")
        if not _is_half_loaded(migration, stored):
            _require_approved(migration, stored)
            require_ground(connection, migration.plan_id)
            if not just_read:
                _require_unmoved(workshop, connection, migration, by, as_approved)
        with connection.transaction():
            if migration.standing != "loading":
                connection.execute(
                    "UPDATE migration.migrations SET pause_requested = false WHERE id = %s", [migration_id]
                )
                transition(connection, migration_id, "loading", by)
            connection.execute("UPDATE migration.plans SET state = 'loading' WHERE id = %s", [migration.plan_id])
        return _apply(workshop, connection, get_migration(connection, migration_id), by, until)


def require_ground(connection: Connection, plan_id: int) -> None:
    """``Refused`` unless every plan this one stands on is loaded, naming the one to load first."""
    for ground in get_plan(connection, plan_id)["stands_on"]:
        row = connection.execute(
            "SELECT state, hash FROM migration.plans WHERE id = %s", [ground["plan_id"]]
        ).fetchone()
        if row is not None and row[0] == "loaded" and row[1] == ground["hash"]:
            continue
        state = row[0] if row else "gone"
        remedy = (
            f"Run migration {ground['migration_id']} first."
            if state in ("planned", "approved", "loading")
            else "Preview this location again: the plan below it has changed."
        )
        raise Refused(
            f"This plan stands on the plan of {ground['location']} (migration {ground['migration_id']}, hash {ground['hash'][:12]}…), "
            f"which is {state}.",
            remedy,
            stands_on=ground,
        )


def _is_done(connection: Connection, migration: Migration, stored: dict[str, Any]) -> bool:
    """Whether the plan stands in AuraConnect already: carried out, or a later preview that found nothing to write."""
    if migration.standing not in AFTER_LOAD:
        return False
    if stored["state"] == "planned" and not writes_of(stored["counts"]):
        connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [stored["id"]])
        connection.execute(  # batches that write nothing are as good as written
            "UPDATE migration.history_batches SET loaded_at = clock_timestamp() WHERE plan_id = %s AND loaded_at IS NULL",
            [stored["id"]],
        )
        return True
    return bool(stored["state"] == "loaded")


def _is_half_loaded(migration: Migration, stored: dict[str, Any]) -> bool:
    return stored["state"] == "loading" and migration.standing in ("paused", "failed", "loading")


def _require_approved(migration: Migration, stored: dict[str, Any]) -> None:
    if migration.standing == "approved" and stored["state"] == "approved":
        return
    remedy = (
        f"`aura-migration approve {migration.id} --plan-hash {stored['hash']} --by NAME` approves the present plan."
        if migration.standing == "planned"
        else f"`aura-migration status {migration.id}` shows what can be done next."
    )
    raise Refused(f"Migration {migration.id} is {migration.standing}; only an approved plan is loaded.", remedy)


def _require_unmoved(
    workshop: Workshop, connection: Connection, migration: Migration, by: str, as_approved: bool
) -> None:
    """Read the source again and plan it: the approved plan is carried out only if that is still what would be planned."""
    assert migration.plan_id is not None
    approved = get_plan(connection, migration.plan_id)
    now = connection.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    extract(workshop, migration.id, now[0], by, resume=False, history=False)
    canonicalise(workshop, migration.id, by, history=False)
    delta = plan(workshop, migration.id, by, "delta")
    if delta.hash != approved["hash"]:
        moved = check_fences(connection, migration.plan_id, ENTITIES)
        if moved or not as_approved:
            raise _plan_moved(connection, migration, delta.plan_id, delta.hash, target=bool(moved))
        pin(connection, migration.id, approved["snapshot_ids"])
    snapshots = [ref.snapshot_id for ref in pinned(connection, migration.id)]
    record_gate(
        connection,
        migration.id,
        "full_export_before_load",
        not approved["blockers"],
        f"{len(snapshots)} snapshot{'s' * (len(snapshots) != 1)}",
        "Extract again until every required entity is certified complete.",
        {"snapshots": snapshots},
        workshop.now(),
    )


def _plan_moved(
    connection: Connection, migration: Migration, delta_id: int, delta_hash: str, *, target: bool
) -> PlanMoved:
    assert migration.plan_id is not None
    differences = _difference(connection, migration.plan_id, delta_id)
    progress.report(connection, migration.id, "Stopped before the first write: the plan moved", 0, 0)
    return PlanMoved(
        f"{'AuraConnect' if target else 'The POS'} changed after migration {migration.id} was approved; nothing was written.",
        f"The difference is stored as plan {delta_id}: `aura-migration status {migration.id}` shows it, "
        f"approve it with --plan-hash {delta_hash}"
        + ("." if target else ", or run with --as-approved to load what was approved."),
        plan_hash=delta_hash,
        plan_id=delta_id,
        differences=differences,
    )


def difference(connection: Connection, migration: Migration, delta_id: int) -> list[dict[str, Any]]:
    """Rows in which a delta differs from the migration's present plan; see ``PlanMoved``'s ``differences``."""
    return _difference(connection, migration.plan_id, delta_id) if migration.plan_id is not None else []


def _difference(connection: Connection, old: int, new: int) -> list[dict[str, Any]]:
    """Rows in which two plans differ: ``[{entity, key, label, approved, now, reason, changes}]``, the first of them."""
    rows = connection.execute(
        """
        SELECT coalesce(a.entity, b.entity), coalesce(a.source_key, b.source_key), coalesce(b.label, a.label),
               a.action, b.action, a.content, b.content, b.reason
        FROM (SELECT * FROM migration.plan_rows WHERE plan_id = %(old)s) a
        FULL JOIN (SELECT * FROM migration.plan_rows WHERE plan_id = %(new)s) b USING (entity, source_key)
        WHERE (a.action, a.content, a.reason) IS DISTINCT FROM (b.action, b.content, b.reason)
        ORDER BY 1, 2 LIMIT %(limit)s
        """,
        {"old": old, "new": new, "limit": DIFFERENCES_SHOWN},
    ).fetchall()
    found = []
    for entity, key, label, before, after, was, now, reason in rows:
        columns = sorted(k for k in {**(was or {}), **(now or {})} if (was or {}).get(k) != (now or {}).get(k))
        found.append(
            {
                "entity": entity,
                "key": key,
                "label": label,
                "approved": before,
                "now": after,
                "reason": reason or "",
                "changes": _changes(entity, columns[:12], was or {}, now or {}) if before == after else {},
            }
        )
    return found


def _changes(entity: str, columns: list[str], was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Column → approved and present value, those of persons masked."""
    before, after = masked(entity, was), masked(entity, now)
    return {c: [before.get(c), after.get(c)] for c in columns}


def _apply(
    workshop: Workshop, connection: Connection, migration: Migration, by: str, until: str | None
) -> LoadProgress:
    assert migration.plan_id is not None
    goal = last_row(connection, migration.plan_id, until) if until else None
    at, of_past = extent(connection, migration.plan_id), history_extent(connection, migration.plan_id)
    total, before = at.total + of_past.total, at.processed + of_past.processed
    started = time.monotonic()
    progress.report(connection, migration.id, "Loading", before, total)

    def on_batch(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        done = at.processed + of_past.processed
        eta = progress.estimate(done, total, time.monotonic() - started, before)
        progress.report(cursor, migration.id, f"Loading {at.entity.replace('_', ' ')}", done, total, eta)

    load_at = migration.load_at or workshop.now()
    try:
        done = apply_plan(
            connection, migration.subject, migration.plan_id, ENTITIES, load_at, until=goal, on_batch=on_batch
        )
        if until and done.processed + of_past.processed < total:
            transition(connection, migration.id, "paused", by, f"{until} are loaded; next: {next_step(until)}")
            return LoadProgress(done.processed, total, done.entity)
        load_past(workshop, connection, migration, at.total, total)
    except Stopped as stopped:
        if stopped.details.get("state") != "paused":
            raise
        transition(connection, migration.id, "paused", by, "on request")
        raise VerdictFailed(
            f"Migration {migration.id} was paused on request; what is loaded so far stands.",
            f"`aura-migration resume {migration.id}` continues it, `rollback {migration.id}` takes it back.",
        ) from stopped
    except AuraError as error:
        transition(connection, migration.id, "failed", by, str(error))
        raise
    with connection.transaction():
        connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [migration.plan_id])
        connection.execute(
            "UPDATE migration.plans SET state = 'superseded' WHERE migration_id = %s AND kind = 'delta' AND state = 'planned'",
            [migration.id],
        )
        transition(connection, migration.id, "loaded", by)
        progress.report(connection, migration.id, "Loaded", total, total, 0)
    return LoadProgress(total, total, done.entity)
