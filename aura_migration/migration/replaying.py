"""Ringing past orders up again: the stage between verifying what was loaded and relying on it.

The span of the options is replayed with every verification and decides the gate; any other span is a look, stored beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.replay.replay import NOTHING, Replayed, replay_orders
from aura_migration.verify.replay.rung import Span
from aura_migration.verify.replay.verdict import gate, store
from aura_migration.verify.verdict import Verdict, record_gate


def default_span(options: MigrationOptions) -> Span | None:
    """The span that the options name; None where replay is left out."""
    asked = options.replay
    if asked.days is not None:
        return Span(days=asked.days) if asked.days else None
    return Span(orders=asked.orders) if asked.orders else None


def replay(workshop: Workshop, migration_id: int, span: Span | None = None) -> Replayed:
    """Replay the past of a migration's location and store what came out; the options' span also decides the gate.

    ``Refused`` where nothing is loaded yet.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        chosen = span or default_span(migration.parsed_options) or Span()
        replayed = _replayed(connection, migration, chosen)
        if replayed is None:
            raise Refused(
                f"Nothing of migration {migration_id} stands in AuraConnect, so there is nothing to replay on.",
                f"`aura-migration run {migration_id}` loads it first.",
            )
        _keep(workshop, connection, migration, replayed, is_default=span is None)
    return replayed


def judged_with_replay(
    workshop: Workshop,
    connection: Connection,
    migration: Migration,
    options: MigrationOptions,
    verdict: Verdict,
    *,
    stands: bool,
) -> Verdict:
    """The verdict with the gate and the figures of the replay of the options' span; stores them.

    Where nothing of the migration ``stands`` there is nothing to replay on, and the gate is neither yes nor no.
    """
    span = default_span(options)
    replayed = None
    if stands and span is not None and options.history.months and "orders" not in options.exclude_entities:
        replayed = _replayed(connection, migration, span)
    if replayed is None:
        replayed = Replayed(span or Span())
    _keep(workshop, connection, migration, replayed, is_default=True)
    found = gate(replayed, migration.id)
    passed = False if found.passed is False else verdict.passed
    metrics: dict[str, Any] = {**verdict.scorecard["metrics"], **(replayed.metrics() if replayed.orders else NOTHING)}
    shown = {"name": found.name, "passed": found.passed, "value": found.value, "remedy": found.remedy}
    scorecard = {
        **verdict.scorecard,
        "metrics": metrics,
        "gates": [*verdict.scorecard["gates"], shown],
        "passed": passed,
    }
    return replace(verdict, passed=passed, scorecard=scorecard, gates=(*verdict.gates, found))


def _replayed(connection: Connection, migration: Migration, span: Span) -> Replayed | None:
    subject = migration.subject
    row = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s AND is_active",
        [subject.integration_id, subject.location_source_id],
    ).fetchone()
    if row is None:
        return None
    return replay_orders(connection, subject.restaurant_id, int(row[0]), subject.pos, span)


def _keep(
    workshop: Workshop, connection: Connection, migration: Migration, replayed: Replayed, *, is_default: bool
) -> None:
    now = workshop.now()
    with connection.transaction():
        store(connection, migration.id, replayed, is_default, now)
        if is_default:
            found = gate(replayed, migration.id)
            record_gate(
                connection, migration.id, found.name, found.passed, found.value, found.remedy, found.evidence, now
            )
