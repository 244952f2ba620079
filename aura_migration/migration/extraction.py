"""Extraction: export what belongs to the merchant and to the location, certify it, pin the migration to it.

How bodies are stored is the archive's business, how a POS is asked is the connector's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aura_migration.archive.snapshot import STALE_AFTER, Packer, SnapshotRef, open_snapshot, snapshot_ref
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.errors import Refused
from aura_migration.core.memory import give_large_blocks_back
from aura_migration.database.connections import Connection, session_lock
from aura_migration.intake import current_files
from aura_migration.migration import progress
from aura_migration.migration.integrations import (
    Integration,
    KnownLocation,
    get_integration,
    get_location,
    note_fault,
    note_reached,
)
from aura_migration.migration.records import Migration, get_migration, require_plannable
from aura_migration.migration.spans import PATIENCE, reach, stored_span, wanted_span
from aura_migration.migration.states import FRESH, LIVE, transition
from aura_migration.migration.watching import Watch
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PosError, ReconnectNeeded
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.port import Connector, HistorySpan, Scope
from aura_migration.settings import Settings


@dataclass(frozen=True)
class PackedAside:
    """Opens what bodies are packed with in another process: nothing in it is tied to this one."""

    settings: Settings
    url: str
    pos: str
    integration_id: int

    def __call__(self) -> Packer:
        """The same rules and keys as here."""
        give_large_blocks_back()
        workshop = Workshop(self.settings, self.url)
        return Packer(workshop.connector(self.pos).redaction, self.integration_id, workshop.persons)


def extract(
    workshop: Workshop,
    migration_id: int,
    fresh_since: datetime,
    by: str,
    *,
    resume: bool = True,
    history: bool = True,
    setup: bool = True,
    whole: bool = True,
) -> list[SnapshotRef]:
    """Export what belongs to the merchant and to the location, and the location's past, certify it, pin it.

    ``resume`` continues an export that was interrupted; the re-read before a load begins anew, and leaves the past as it
    is pinned (``history=False``): orders come all the time, what came since is the next export's. ``setup=False`` reads the
    past alone and leaves menu, people and rules as they are pinned; ``whole=False`` glances at it. A merchant snapshot begun
    after ``fresh_since`` (real time) is taken over instead of fetched again: the locations of one preview share it.
    Raises the connector's error after naming it in the migration's state.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        require_plannable(migration)
        progress.report(connection, migration_id, "Exporting from the POS", 0, 0)
        try:
            refs = [
                *(
                    _export(workshop, connection, migration, fresh_since, resume)
                    if setup
                    else _pinned_setup(connection, migration_id)
                ),
                *(
                    _export_history(workshop, connection, migration, glance=not whole)
                    if history
                    else _pinned_history(connection, migration_id)
                ),
                *current_files(connection, migration.integration_id, migration.location_key),
            ]
        except PosError as error:
            _note_failure(connection, migration, error, by)
            raise
        with connection.transaction():
            note_reached(connection, migration.integration_id)
            pin(connection, migration_id, [ref.snapshot_id for ref in refs])
            if migration.standing in FRESH:
                transition(connection, migration_id, "extracted", by)
        return refs


def _note_failure(connection: Connection, migration: Migration, error: PosError, by: str) -> None:
    """Name the failure in the state. A plan or a load that stands is not harmed by a POS that cannot be read today."""
    note_fault(connection, migration.integration_id, error)
    if isinstance(error, ReconnectNeeded):
        if migration.standing in FRESH | {"planned", "approved"}:
            transition(connection, migration.id, "reconnect_needed", by, str(error))
    elif migration.standing in FRESH:
        transition(connection, migration.id, "failed", by, str(error))


def pin(connection: Connection, migration_id: int, snapshot_ids: Sequence[int]) -> None:
    """Make these the migration's current snapshots; earlier ones stay known to it, so that nothing clears them away."""
    connection.execute(
        "UPDATE migration.migration_snapshots SET is_current = false WHERE migration_id = %s", [migration_id]
    )
    for snapshot_id in snapshot_ids:
        connection.execute(
            "INSERT INTO migration.migration_snapshots (migration_id, snapshot_id) VALUES (%s, %s) "
            "ON CONFLICT (migration_id, snapshot_id) DO UPDATE SET is_current = true",
            [migration_id, snapshot_id],
        )


def pinned(connection: Connection, migration_id: int) -> list[SnapshotRef]:
    """The snapshots a migration is pinned to, merchant first. ``Refused`` when there is none yet."""
    rows = connection.execute(
        "SELECT s.id FROM migration.migration_snapshots p JOIN migration.snapshots s ON s.id = p.snapshot_id "
        "WHERE p.migration_id = %s AND p.is_current ORDER BY s.scope DESC, s.id",
        [migration_id],
    ).fetchall()
    if not rows:
        raise Refused(f"Migration {migration_id} has no snapshot yet.", "Run the preview.")
    return [snapshot_ref(connection, row[0]) for row in rows]


def _export(
    workshop: Workshop, connection: Connection, migration: Migration, fresh_since: datetime, resume: bool
) -> list[SnapshotRef]:
    integration = get_integration(connection, migration.integration_id)
    location = get_location(connection, migration.location_key)
    connector = workshop.connector(integration.pos)
    by_scope = _wanted(connector, migration.parsed_options)
    refs: list[SnapshotRef] = []
    if by_scope["merchant"]:
        # Another location's run may be fetching the same: wait for it, then take its snapshot over.
        with session_lock(connection, f"aura:merchant-export:{integration.id}"):
            shared = _fresh_merchant_snapshot(connection, integration.id, fresh_since, by_scope["merchant"])
            refs.append(
                shared
                or asyncio.run(
                    _fetch(workshop, connector, integration, location, "merchant", by_scope["merchant"], resume)
                )
            )
    if by_scope["location"]:
        refs.append(
            asyncio.run(_fetch(workshop, connector, integration, location, "location", by_scope["location"], resume))
        )
    return refs


def _wanted(connector: Connector, options: MigrationOptions) -> dict[Scope, list[str]]:
    """What is fetched, by scope: what feeds only people's entities that the options leave out is not even read."""
    excluded = set(options.exclude_entities)
    found: dict[Scope, list[str]] = {"merchant": [], "location": [], "history": []}
    for entity in connector.source_entities:
        if entity.is_menu or not entity.feeds or not set(entity.feeds) <= excluded:
            found[entity.scope].append(entity.name)
    return found


def _export_history(
    workshop: Workshop, connection: Connection, migration: Migration, *, glance: bool = False
) -> list[SnapshotRef]:
    """The exports that together hold the past the options ask for: those there are, and one more for what they lack."""
    integration = get_integration(connection, migration.integration_id)
    location = get_location(connection, migration.location_key)
    connector = workshop.connector(integration.pos)
    options = migration.parsed_options
    wanted, names = wanted_span(options.history, workshop.now()), _wanted(connector, options)["history"]
    if wanted is not None and migration.state in LIVE:
        # What was loaded once is not let go of while the window is open: its first days are judged to its end.
        wanted = replace(wanted, begin=min(wanted.begin, _first_read(connection, location.key) or wanted.begin))
    if wanted is None or not names:
        return []
    history = [e for e in connector.source_entities if e.name in names]
    required, optional = ([e.name for e in history if e.required is needed] for needed in (True, False))
    there = reach(connection, integration.id, location.key, wanted, required, optional, glance=glance)
    refs = list(there.standing)

    def fetch(entities: Sequence[str], span: HistorySpan, watch: Watch | None = None) -> None:
        refs.append(
            asyncio.run(
                _fetch(
                    workshop, connector, integration, location, "history", entities, resume=True, span=span, watch=watch
                )
            )
        )

    if there.missing is not None:
        watch = None
        if there.missing.changed_since is not None:
            watch = Watch(workshop, connector, migration, location, there.standing)
        fetch(names, there.missing, watch)
    if there.withheld:
        fetch(there.withheld, HistorySpan(wanted.begin, wanted.end))
    return refs


def _first_read(connection: Connection, location_key: str) -> datetime | None:
    """From when on the location's past was read."""
    row = connection.execute(
        "SELECT min((span ->> 'begin')::timestamptz) FROM migration.snapshots WHERE location_key = %s AND scope = 'history' "
        "AND state = 'complete' AND span IS NOT NULL",
        [location_key],
    ).fetchone()
    return row[0] if row else None


def _pinned_setup(connection: Connection, migration_id: int) -> list[SnapshotRef]:
    return [ref for ref in pinned(connection, migration_id) if ref.scope in ("merchant", "location")]


def _pinned_history(connection: Connection, migration_id: int) -> list[SnapshotRef]:
    return [ref for ref in pinned(connection, migration_id) if ref.scope == "history"]


async def _fetch(
    workshop: Workshop,
    connector: Connector,
    integration: Integration,
    location: KnownLocation,
    scope: Scope,
    names: Sequence[str],
    resume: bool,
    span: HistorySpan | None = None,
    watch: Watch | None = None,
) -> SnapshotRef:
    give_large_blocks_back()
    async with Buckets.on_postgres(workshop.url) as buckets:
        account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
        async with connector.open(account) as session:
            with (
                workshop.connect() as own,
                open_snapshot(
                    own,
                    workshop.store,
                    integration_id=integration.id,
                    pos=integration.pos,
                    scope=scope,
                    location_key=location.key if scope != "merchant" else None,
                    taken_at=workshop.now(),
                    redaction=connector.redaction,
                    cipher=workshop.persons,
                    resume=resume,
                    stale_after=PATIENCE if span else STALE_AFTER,
                    helper=PackedAside(workshop.settings, workshop.url, integration.pos, integration.id),
                ) as recorder,
            ):
                place = location.source.source_id if scope != "merchant" else None
                if span is not None:
                    span = stored_span(own, recorder.snapshot_id, span)
                await session.extract(recorder, scope, place, names, span)
                if watch is not None and span is not None and place is not None:
                    missing = await asyncio.to_thread(watch.missing, recorder, span)
                    if missing:
                        await session.reread(recorder, place, missing)
                return recorder.finish()


def _fresh_merchant_snapshot(
    connection: Connection, integration_id: int, since: datetime, wanted: Sequence[str]
) -> SnapshotRef | None:
    """The merchant's snapshot another location of this preview has just taken, if it holds all that is wanted."""
    row = connection.execute(
        """
        SELECT id FROM migration.snapshots s
        WHERE integration_id = %s AND scope = 'merchant' AND state = 'complete' AND created_at >= %s
          AND %s::text[] <@ (SELECT coalesce(array_agg(c.entity), '{}') FROM migration.snapshot_certificates c
                             WHERE c.snapshot_id = s.id)
        ORDER BY id DESC LIMIT 1
        """,
        [integration_id, since, list(wanted)],
    ).fetchone()
    return snapshot_ref(connection, row[0]) if row is not None else None
