"""Orders and money of the past, in the journey: staged from the pinned exports, planned with the rest, loaded behind it.

How documents are staged is in ``canonical/history``, what becomes of them in ``plan/history``, writing in ``load/history``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef
from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.documents import HistoryMapper
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.history.staging import StagedHistory, stage_history
from aura_migration.database.connections import Connection
from aura_migration.load.apply import LoadProgress
from aura_migration.load.history import HistoryLoaded, HistoryUndone, StagingLost, load_history, undo_history
from aura_migration.migration import progress
from aura_migration.migration.dating import aura_location, history_rules, rules_text
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integrations import KnownLocation, get_location
from aura_migration.migration.records import Migration, get_plan
from aura_migration.migration.reports.sales.refresh import refresh_reports
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.history import judge_history
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.unread import unread
from aura_migration.settings import Settings


@dataclass(frozen=True)
class HistorySource:
    """Opens a history's snapshots and its mapper, in this process or in another: nothing in it is tied to a process."""

    settings: Settings
    url: str
    refs: tuple[SnapshotRef, ...]
    pos: str
    location: SourceLocation
    restaurant_id: int
    rules: HistoryRules

    def __call__(self) -> tuple[SnapshotReader, HistoryMapper]:
        """The snapshots, and the mapper over them."""
        workshop = Workshop(self.settings, self.url)
        reader = SnapshotReader(*self.refs)
        seals = workshop.seals(self.restaurant_id)
        return reader, workshop.connector(self.pos).history_mapper(reader, self.location, seals, self.rules)


def stage_past(
    workshop: Workshop,
    connection: Connection,
    migration: Migration,
    location: KnownLocation,
    refs: Sequence[SnapshotRef],
) -> StagedHistory | None:
    """Stage the history of the pinned exports, less the bodies that are loaded already.

    None, and nothing staged, where the options leave the past out or nothing of it was exported.
    """
    options = migration.parsed_options
    if not options.history.months or not any(ref.scope == "history" for ref in refs):
        shapes.drop(connection, migration.id)
        return None
    source = history_source(workshop, migration, location, refs)

    def on_batch(done: int, total: int) -> None:
        progress.report(connection, migration.id, "Mapping and checking orders", done, total)

    return stage_history(
        workshop.url,
        migration.id,
        source,
        rules=rules_text(source.rules),
        skip=_loaded_bodies(connection, migration, source.rules),
        now=workshop.now(),
        on_batch=on_batch,
    )


def losses_of_past(
    workshop: Workshop, migration: Migration, location: KnownLocation, refs: Sequence[SnapshotRef]
) -> list[dict[str, Any]]:
    """Fields of orders and money without a home, as lines of the loss report: found in a sample of the documents."""
    reader = SnapshotReader(*(ref for ref in refs if ref.scope == "history"))
    currency = location.source.currency
    fields = workshop.connector(migration.subject.pos).history_fields
    return [found.as_loss(currency) for found in unread(reader, fields, currency)]


def history_source(
    workshop: Workshop, migration: Migration, location: KnownLocation, refs: Sequence[SnapshotRef]
) -> HistorySource:
    """Where the history of these exports is read from, and how."""
    subject = migration.subject
    rules = history_rules(workshop.connector(subject.pos), location.source, migration.parsed_options)
    return HistorySource(
        workshop.settings, workshop.url, tuple(refs), subject.pos, location.source, subject.restaurant_id, rules
    )


def _loaded_bodies(connection: Connection, migration: Migration, rules: HistoryRules) -> set[str]:
    rows = connection.execute(
        "SELECT sha256 FROM migration.history_bodies WHERE location_id = %s AND rules = %s",
        [aura_location(connection, migration), rules_text(rules)],
    ).fetchall()
    return {sha for (sha,) in rows}


def load_past(
    workshop: Workshop, connection: Connection, migration: Migration, behind: int, total: int
) -> HistoryLoaded | None:
    """Load the history of the migration's plan; None where it has none. Staged again first where a crash emptied it.

    Progress goes on behind the ``behind`` rows loaded before, towards the ``total`` of both.
    """
    assert migration.plan_id is not None
    if get_plan(connection, migration.plan_id)["history"] is None:
        return None
    started = time.monotonic()
    begun: list[int] = []

    def on_batch(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        done = behind + at.processed
        begun.append(done)
        eta = progress.estimate(done, total, time.monotonic() - started, begun[0])
        progress.report(cursor, migration.id, f"Loading {at.entity.replace('_', ' ')}", done, total, eta)

    load_at = migration.load_at or workshop.now()
    try:
        loaded = load_history(workshop.url, migration.subject, migration.plan_id, load_at, on_batch=on_batch)
    except StagingLost:
        location = get_location(connection, migration.location_key)
        stage_past(workshop, connection, migration, location, pinned(connection, migration.id))
        judge_history(connection, migration.subject, migration.parsed_options)
        loaded = load_history(workshop.url, migration.subject, migration.plan_id, load_at, on_batch=on_batch)
    shapes.drop(connection, migration.id)
    place = aura_location(connection, migration)
    if place is not None:
        progress.report(connection, migration.id, "Making the sales reports", total, total)
        refresh_reports(connection, migration.subject.restaurant_id, place)
    return loaded


def take_back_past(connection: Connection, migration: Migration, url: str | None = None) -> HistoryUndone:
    """Take orders and money back, and make the reports from what is left; with ``url`` on several connections."""
    place = aura_location(connection, migration)
    undone = undo_history(connection, migration.subject, url=url)
    if place is not None:
        refresh_reports(connection, migration.subject.restaurant_id, place)
    shapes.drop(connection, migration.id)
    return undone
