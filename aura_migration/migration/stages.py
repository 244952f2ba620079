"""The stages of a migration, one function each: read what the stage before stored, work, store.

Every function may be repeated. A failure leaves the migration in a named state that says what to do. The lock of the
location (see ``locked``) is held by whoever calls them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef, open_snapshot, require, snapshot_ref
from aura_migration.canonical.menu import ENTITIES, MENU_ENTITIES
from aura_migration.canonical.stage import stage_rows
from aura_migration.core.errors import AuraError, PlanMoved, Refused
from aura_migration.database.connections import held_lock, is_locked
from aura_migration.load.apply import LoadProgress, Stopped, apply_plan, check_fences
from aura_migration.load.undo import Undone, undo_migration
from aura_migration.migration import progress
from aura_migration.migration.integrations import get_integration, get_location, mark_reconnect_needed
from aura_migration.migration.records import Migration, get_migration, get_plan
from aura_migration.migration.states import PLANNABLE, transition
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import StoredPlan, build_plan
from aura_migration.pos.http.errors import PosError, ReconnectNeeded
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.port import Scope
from aura_migration.verify.verdict import Verdict, record_gate, verify_migration

Connection = psycopg.Connection[Any]


def location_lock(location_key: str) -> str:
    """The session lock of whoever works on a location."""
    return f"aura:location:{location_key}"


@contextmanager
def locked(workshop: Workshop, location_key: str) -> Iterator[None]:
    """Be the only one who works on a location; ``Refused`` at once when somebody else does."""
    with held_lock(workshop.url, location_lock(location_key)) as is_mine:
        if not is_mine:
            raise Refused(
                f"Somebody else is working on {location_key}.",
                "Wait for it to end; `aura-migration status` shows its progress. A dead worker frees its lock by itself.",
            )
        yield


def extract(
    workshop: Workshop, migration_id: int, fresh_since: datetime, by: str, *, resume: bool = True
) -> list[SnapshotRef]:
    """Export what belongs to the merchant and to the location, certify it, pin it.

    ``resume`` continues an export that was interrupted; the re-read before a load begins anew. A merchant snapshot begun after ``fresh_since`` (real time) is taken over instead of fetched again: the locations of
    one preview share it. Raises the connector's error after naming it in the migration's state.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.state not in PLANNABLE | {"paused", "loading"}:
            raise Refused(
                f"Migration {migration_id} is {migration.state}; its source is not read any more.",
                "`aura-migration status` shows what can be done next.",
            )
        progress.report(connection, migration_id, "Exporting from the POS", 0, 0)
        try:
            refs = asyncio.run(_extract(workshop, connection, migration, fresh_since, resume))
        except PosError as error:
            needs_reconnect = isinstance(error, ReconnectNeeded)
            if needs_reconnect:
                mark_reconnect_needed(connection, migration.integration_id, str(error))
            if migration.state in PLANNABLE - {"approved", "loaded", "verified"}:
                transition(
                    connection, migration_id, "reconnect_needed" if needs_reconnect else "failed", by, str(error)
                )
            raise
        with connection.transaction():
            connection.execute(
                "UPDATE migration.migration_snapshots SET is_current = false WHERE migration_id = %s", [migration_id]
            )
            for ref in refs:
                connection.execute(
                    "INSERT INTO migration.migration_snapshots (migration_id, snapshot_id) VALUES (%s, %s) "
                    "ON CONFLICT (migration_id, snapshot_id) DO UPDATE SET is_current = true",
                    [migration_id, ref.snapshot_id],
                )
            if migration.state in PLANNABLE - {"approved", "loaded", "verified", "planned"}:
                transition(connection, migration_id, "extracted", by)
        return refs


async def _extract(
    workshop: Workshop, connection: Connection, migration: Migration, fresh_since: datetime, resume: bool
) -> list[SnapshotRef]:
    integration = get_integration(connection, migration.integration_id)
    location = get_location(connection, migration.location_key)
    connector = workshop.connector(integration.pos)
    by_scope: dict[Scope, list[str]] = {"merchant": [], "location": []}
    for entity in connector.source_entities:
        by_scope[entity.scope].append(entity.name)
    refs: list[SnapshotRef] = []
    if by_scope["merchant"]:
        shared = _fresh_merchant_snapshot(connection, integration.id, fresh_since)
        if shared is not None:
            refs.append(shared)
            by_scope["merchant"] = []
    async with Buckets.on_postgres(workshop.url) as buckets:
        account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
        async with connector.open(account) as session:
            for scope, names in by_scope.items():
                if not names:
                    continue
                with workshop.connect() as own:
                    recorder = open_snapshot(
                        own,
                        workshop.store,
                        integration_id=integration.id,
                        pos=integration.pos,
                        scope=scope,
                        location_key=location.key if scope == "location" else None,
                        taken_at=workshop.now(),
                        redaction=connector.redaction,
                        cipher=workshop.persons,
                        resume=resume,
                    )
                    with recorder:
                        place = location.source.source_id if scope == "location" else None
                        await session.extract(recorder, scope, place, names)
                        refs.append(recorder.finish())
    return refs


def _fresh_merchant_snapshot(connection: Connection, integration_id: int, since: datetime) -> SnapshotRef | None:
    row = connection.execute(
        "SELECT id FROM migration.snapshots WHERE integration_id = %s AND scope = 'merchant' AND state = 'complete' "
        "AND created_at >= %s ORDER BY id DESC LIMIT 1",
        [integration_id, since],
    ).fetchone()
    return snapshot_ref(connection, row[0]) if row is not None else None


def snapshots_of(connection: Connection, migration_id: int) -> list[SnapshotRef]:
    """The snapshots a migration is pinned to, merchant first."""
    rows = connection.execute(
        "SELECT s.id FROM migration.migration_snapshots p JOIN migration.snapshots s ON s.id = p.snapshot_id "
        "WHERE p.migration_id = %s AND p.is_current ORDER BY s.scope DESC, s.id",
        [migration_id],
    ).fetchall()
    if not rows:
        raise Refused(f"Migration {migration_id} has no snapshot yet.", "Run the preview.")
    return [snapshot_ref(connection, row[0]) for row in rows]


def canonicalise(workshop: Workshop, migration_id: int, by: str) -> dict[str, Any]:
    """Map the pinned snapshot to canonical rows, apply options, validate, stage. Returns counts per entity."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        location = get_location(connection, migration.location_key)
        connector = workshop.connector(migration.subject.pos)
        reader = SnapshotReader(*snapshots_of(connection, migration_id), cipher=workshop.persons)
        batch = connector.map_menu(reader, location.source)
        staged = stage_rows(connection, migration_id, batch, migration.parsed_options)
        connection.execute(
            "INSERT INTO migration.reports (integration_id, location_key, kind, body) VALUES (%s, %s, 'losses', %s)",
            [
                migration.integration_id,
                migration.location_key,
                Jsonb({"migration_id": migration_id, "losses": staged.as_dict()["losses"]}),
            ],
        )
        progress.report(connection, migration_id, "Mapping and checking", staged.total, staged.total)
        return staged.as_dict()


def plan(workshop: Workshop, migration_id: int, by: str, kind: Literal["preview", "delta"] = "preview") -> StoredPlan:
    """Plan the staged rows. A preview moves the migration to ``planned`` (or ``empty``); a delta only stores its plan."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        connector = workshop.connector(migration.subject.pos)
        options = migration.parsed_options
        refs = snapshots_of(connection, migration_id)
        certificates = [c for ref in refs for c in ref.certificates]
        blockers = _blockers(connector.source_entities, certificates, options.exclude_entities)
        losses = connection.execute(
            "SELECT body FROM migration.reports WHERE integration_id = %s AND location_key = %s AND kind = 'losses' ORDER BY id DESC LIMIT 1",
            [migration.integration_id, migration.location_key],
        ).fetchone()
        stored = build_plan(
            connection,
            migration.subject,
            MENU_ENTITIES,
            options,
            kind=kind,
            delta_of=migration.plan_id if kind == "delta" else None,
            losses=losses[0]["losses"] if losses else (),
            certificates=[c.as_dict() for c in certificates],
            blockers=blockers,
            snapshot_ids=[ref.snapshot_id for ref in refs],
        )
        if kind == "delta":
            return stored
        _settle(connection, migration, stored, blockers, by)
        return stored


def _settle(connection: Connection, migration: Migration, stored: StoredPlan, blockers: Sequence[str], by: str) -> None:
    """The state a preview leaves behind."""
    menu = sum(counts["source"] for entity, counts in stored.counts.items() if ENTITIES[entity].counted)
    writes = sum(counts[a] for counts in stored.counts.values() for a in ("create", "update", "merge", "conflict"))
    if not menu and not blockers:
        transition(connection, migration.id, "empty", by, "the POS has nothing on its menu")
    elif (migration.state in ("loaded", "verified") and not writes) or (
        migration.state == "approved" and not stored.is_new
    ):
        return
    else:
        if migration.state in ("loaded", "verified", "approved", "planned"):
            transition(connection, migration.id, "planned", by, "; ".join(blockers))
            return
        transition(connection, migration.id, "planned", by, "; ".join(blockers))


def _blockers(entities: Sequence[Any], certificates: Sequence[Any], excluded: Sequence[str]) -> list[str]:
    """Why this must not be loaded: source entities without a complete certificate, unless what they feed is left out."""
    needed = [e.name for e in entities if e.required and not (e.feeds and set(e.feeds) <= set(excluded))]
    reasons = []
    feeds = {e.name: e.feeds for e in entities}
    for reason in require(certificates, needed):
        name = next((n for n in needed if reason.startswith(n)), "")
        remedy = f" To go on without it, exclude {', '.join(feeds[name])} in the options." if feeds.get(name) else ""
        reasons.append(reason + remedy)
    return reasons


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


def load(workshop: Workshop, migration_id: int, by: str, *, as_approved: bool = False) -> LoadProgress:
    """Carry out the approved plan. Before the first write the source is read again: a difference stores a delta and stops.

    Continues an interrupted load without asking again. Returns where the load ended.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.plan_id is None:
            raise Refused(f"Migration {migration_id} has no plan.", "Run the preview first.")
        stored = get_plan(connection, migration.plan_id)
        if stored["state"] == "loaded" and migration.state in ("loaded", "verified"):
            rows = connection.execute(
                "SELECT count(*) FROM migration.plan_rows WHERE plan_id = %s", [stored["id"]]
            ).fetchone()
            total = int(rows[0]) if rows else 0
            return LoadProgress(total, total, "")
        resuming = stored["state"] == "loading" and migration.state in ("paused", "failed", "loading")
        if not resuming:
            _require_approved(migration, stored)
            require_ground(connection, migration.plan_id)
            _require_unmoved(workshop, connection, migration, by, as_approved)
        with connection.transaction():
            if migration.state != "loading":
                connection.execute(
                    "UPDATE migration.migrations SET pause_requested = false WHERE id = %s", [migration_id]
                )
                transition(connection, migration_id, "loading", by)
            connection.execute("UPDATE migration.plans SET state = 'loading' WHERE id = %s", [migration.plan_id])
        return _apply(workshop, connection, get_migration(connection, migration_id), by)


def _require_approved(migration: Migration, stored: dict[str, Any]) -> None:
    if migration.state != "approved" or stored["state"] != "approved":
        raise Refused(
            f"Migration {migration.id} is {migration.state}; only an approved plan is loaded.",
            f"`aura-migration approve {migration.id} --plan-hash {stored['hash']} --by NAME` approves the present plan.",
            state=migration.state,
        )


def _require_unmoved(
    workshop: Workshop, connection: Connection, migration: Migration, by: str, as_approved: bool
) -> None:
    """Read the source again and plan it: the approved plan is carried out only if that is still what would be planned."""
    assert migration.plan_id is not None
    approved = get_plan(connection, migration.plan_id)
    pinned = [ref.snapshot_id for ref in snapshots_of(connection, migration.id)]
    now = connection.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    extract(workshop, migration.id, now[0], by, resume=False)
    canonicalise(workshop, migration.id, by)
    delta = plan(workshop, migration.id, by, "delta")
    record_gate(
        connection,
        migration.id,
        "full_export_before_load",
        not _open_blockers(connection, migration),
        f"{len(pinned)} snapshots",
        "Extract again until every required entity is certified complete.",
        {"snapshots": pinned},
        workshop.now(),
    )
    if delta.hash == approved["hash"]:
        return
    moved = check_fences(connection, migration.plan_id, ENTITIES)
    if as_approved and not moved:
        return
    what = "AuraConnect" if moved else "the POS"
    raise PlanMoved(
        f"{what} changed after migration {migration.id} was approved; nothing was written.",
        f"The difference is stored as plan {delta.plan_id}: `aura-migration status {migration.id}` shows it, "
        f"approve it with --plan-hash {delta.hash}"
        + ("." if moved else ", or run with --as-approved to load what was approved."),
        plan_hash=delta.hash,
        plan_id=delta.plan_id,
        differences=_difference(connection, migration.plan_id, delta.plan_id),
    )


def _open_blockers(connection: Connection, migration: Migration) -> list[str]:
    row = connection.execute(
        "SELECT blockers FROM migration.plans WHERE migration_id = %s ORDER BY id DESC LIMIT 1", [migration.id]
    ).fetchone()
    return list(row[0]) if row else ["no plan"]


def _difference(connection: Connection, old: int, new: int, limit: int = 50) -> list[dict[str, Any]]:
    """Rows in which two plans differ: ``[{entity, key, label, approved, now}]``, the first ``limit`` of them."""
    rows = connection.execute(
        """
        SELECT coalesce(a.entity, b.entity), coalesce(a.source_key, b.source_key), coalesce(b.label, a.label),
               a.action, b.action, a.content, b.content, b.reason
        FROM (SELECT * FROM migration.plan_rows WHERE plan_id = %(old)s) a
        FULL JOIN (SELECT * FROM migration.plan_rows WHERE plan_id = %(new)s) b USING (entity, source_key)
        WHERE (a.action, a.content, a.reason) IS DISTINCT FROM (b.action, b.content, b.reason)
        ORDER BY 1, 2 LIMIT %(limit)s
        """,
        {"old": old, "new": new, "limit": limit},
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
                "changes": {c: [(was or {}).get(c), (now or {}).get(c)] for c in columns[:12]} if was and now else {},
            }
        )
    return found


def _apply(workshop: Workshop, connection: Connection, migration: Migration, by: str) -> LoadProgress:
    assert migration.plan_id is not None
    started = time.monotonic()
    first: list[int] = []

    def on_batch(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        if not first:
            first.append(at.processed)
        eta = progress.estimate(at.processed, at.total, time.monotonic() - started)
        progress.report(cursor, migration.id, f"Loading {at.entity.replace('_', ' ')}", at.processed, at.total, eta)

    load_at = migration.load_at or workshop.now()
    try:
        done = apply_plan(connection, migration.subject, migration.plan_id, ENTITIES, load_at, on_batch=on_batch)
    except Stopped as stopped:
        if stopped.details.get("state") == "paused":
            transition(connection, migration.id, "paused", by, "on request")
        raise
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
        progress.report(connection, migration.id, "Loaded", done.total, done.total, 0)
    return done


def verify(workshop: Workshop, migration_id: int, by: str) -> Verdict:
    """Judge what stands in AuraConnect against the snapshot, by verify's own reading of it; store gates and findings."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        location = get_location(connection, migration.location_key)
        reader = SnapshotReader(*snapshots_of(connection, migration_id), cipher=workshop.persons)
        progress.report(connection, migration_id, "Verifying", 0, 0)
        verdict = verify_migration(
            connection,
            migration.subject,
            reader,
            location.source.source_id,
            location.source.currency,
            migration.plan_id,
            migration.parsed_options,
            workshop.now(),
        )
        if migration.state in ("loaded", "verified"):
            transition(connection, migration_id, "verified" if verdict.passed else "loaded", by)
        return verdict


def undo(
    workshop: Workshop,
    migration_id: int,
    by: str,
    *,
    edited: Literal["keep", "undo"] = "keep",
    rehearse: bool = False,
    patience: float = 60.0,
) -> Undone:
    """Take a migration's writes back (or rehearse it). A load that is under way is fenced off first."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.state not in (
            "loading",
            "paused",
            "failed",
            "loaded",
            "verified",
            "planned",
            "approved",
            "rolling_back",
        ):
            raise Refused(
                f"Migration {migration_id} is {migration.state}; there is nothing to roll back.",
                "`aura-migration status` shows what can be done next.",
            )
        if rehearse:
            return undo_migration(connection, migration.subject, MENU_ENTITIES, edited=edited, rehearse=True)
        if migration.state != "rolling_back":
            _begin_rollback(connection, migration, by)
        with _lock_patiently(workshop, migration.location_key, patience):
            undone = undo_migration(connection, migration.subject, MENU_ENTITIES, edited=edited)
            with connection.transaction():
                connection.execute(
                    "UPDATE migration.plans SET state = 'undone' WHERE migration_id = %s AND state IN ('loading', 'loaded', 'planned', 'approved')",
                    [migration_id],
                )
                transition(connection, migration_id, "rolled_back", by)
                progress.report(connection, migration_id, "Rolled back", 1, 1, 0)
        return undone


def _begin_rollback(connection: Connection, migration: Migration, by: str) -> None:
    wrote = connection.execute(
        "SELECT 1 FROM migration.claims WHERE migration_id = %s LIMIT 1", [migration.id]
    ).fetchone()
    if migration.state in ("planned", "approved"):
        if wrote is None:
            raise Refused(
                f"Migration {migration.id} has written nothing; there is nothing to roll back.",
                f"`aura-migration cancel {migration.id}` ends it.",
            )
        connection.execute("UPDATE migration.migrations SET state = 'loaded' WHERE id = %s", [migration.id])
    transition(connection, migration.id, "rolling_back", by)


@contextmanager
def _lock_patiently(workshop: Workshop, location_key: str, patience: float) -> Iterator[None]:
    deadline = time.monotonic() + patience
    while True:
        with held_lock(workshop.url, location_lock(location_key)) as is_mine:
            if is_mine:
                yield
                return
        if time.monotonic() > deadline:
            raise Refused(
                f"The load of {location_key} has not stopped within {patience:.0f} s.",
                "It stops at its next batch; run the rollback again.",
            )
        time.sleep(0.2)


def sweep(workshop: Workshop) -> list[int]:
    """Migrations that say ``loading`` although nobody holds their lock: their worker died. They become failed, resumable."""
    swept: list[int] = []
    with workshop.connect() as connection:
        rows = connection.execute(
            "SELECT id, location_key FROM migration.migrations WHERE state = 'loading'"
        ).fetchall()
        for migration_id, key in rows:
            if is_locked(connection, location_lock(key)):
                continue
            with held_lock(workshop.url, location_lock(key)) as is_mine:
                if is_mine and get_migration(connection, migration_id).state == "loading":
                    transition(
                        connection,
                        migration_id,
                        "failed",
                        "sweep",
                        "the worker died; `resume` continues where it stopped",
                    )
                    swept.append(migration_id)
        connection.execute(
            """
            UPDATE migration.requests r SET state = 'failed', finished_at = now(), result = jsonb_build_object('error', 'WorkerDied')
            FROM migration.migrations m WHERE r.migration_id = m.id AND r.state = 'claimed' AND r.kind = 'run' AND m.id = ANY(%s)
            """,
            [swept],
        )
    return swept


def loaded_counts(workshop: Workshop, migration_id: int) -> dict[str, dict[str, int]]:
    """Counts per entity and action of the migration's present plan."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.plan_id is None:
            return {}
        counts: dict[str, dict[str, int]] = get_plan(connection, migration.plan_id)["counts"]
        return counts
