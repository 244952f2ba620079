"""The stages of a migration, one function each: read what the stage before stored, work, store.

    extract       POS → snapshot with certificates               extraction.py
    canonicalise  snapshot → staged rows                         planning.py
    plan          staged rows → stored plan                      planning.py
    load          approved plan → AuraConnect                    loading.py
    verify        AuraConnect against the snapshot               here
    replay        past orders on the migrated menu and rules     replaying.py
    undo          AuraConnect as it was                          here

Every function may be repeated. A failure leaves the migration in a named state that says what to do. The lock of the
location (see ``locked``) is held by whoever calls them; ``undo`` takes it itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from aura_migration.archive.snapshot import SnapshotReader, snapshot_ref
from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.core import collector
from aura_migration.core.errors import Refused
from aura_migration.cutover.liabilities import forget_ledger, owned_here
from aura_migration.database.connections import Connection, held_lock
from aura_migration.intake import witness as file_witness
from aura_migration.load.undo import Undone, undo_migration
from aura_migration.migration import progress
from aura_migration.migration.dating import days_said, days_told
from aura_migration.migration.extraction import extract, pinned
from aura_migration.migration.integrations import get_location
from aura_migration.migration.loading import load
from aura_migration.migration.past import take_back_past
from aura_migration.migration.planning import canonicalise, plan
from aura_migration.migration.records import Migration, get_migration, get_plan, has_written, loaded_plan
from aura_migration.migration.replaying import judged_with_replay, replay
from aura_migration.migration.states import LIVE, UNDOABLE, transition
from aura_migration.migration.training.timing import GATE as RETRAINING
from aura_migration.migration.training.timing import retraining_minutes
from aura_migration.migration.window.measures import window_metrics
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.people_facts import PeopleFact
from aura_migration.verify.verdict import Verdict, no_rules, verify_migration

__all__ = [
    "canonicalise",
    "days_of",
    "extract",
    "load",
    "loaded_counts",
    "locked",
    "plan",
    "replay",
    "staged_rows",
    "undo",
    "verify",
]


def location_lock(location_key: str) -> str:
    """The session lock of whoever works on a location."""
    return f"aura:location:{location_key}"


@contextmanager
def locked(workshop: Workshop, location_key: str, patience: float = 0.0) -> Iterator[None]:
    """Be the only one who works on a location; ``Refused`` when somebody else still does after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while True:
        with held_lock(workshop.url, location_lock(location_key)) as is_mine:
            if is_mine:
                yield
                return
        if time.monotonic() >= deadline:
            raise Refused(
                f"Somebody else is working on {location_key}.",
                "Wait for it to end; `aura-migration status` shows its progress. A dead worker frees its lock by itself.",
            )
        time.sleep(0.1)


def verify(workshop: Workshop, migration_id: int, by: str) -> Verdict:
    """Judge what stands in AuraConnect against the snapshot it was loaded from; store gates and findings."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        location = get_location(connection, migration.location_key)
        judged = _judged_plan(connection, migration)
        refs, options = pinned(connection, migration_id), migration.parsed_options
        if judged is not None:
            stood_on = get_plan(connection, judged)
            options = parse_options(stood_on["options"], f"options of plan {judged}")
            if judged != migration.plan_id:  # a later preview waits for approval: what stands is the plan before it
                refs = [snapshot_ref(connection, number) for number in stood_on["snapshot_ids"]]
        progress.report(connection, migration_id, "Verifying", 0, 0)
        reader = SnapshotReader(*refs, cipher=workshop.persons)
        site = location.source
        suppression = workshop.suppression(migration.restaurant_id)
        with collector.paused():
            verdict = verify_migration(
                connection,
                migration.subject,
                reader,
                site.source_id,
                site.currency,
                judged,
                options,
                workshop.now(),
                # Of an empty restaurant nothing is loaded, also not the owner its POS shows as staff, nor its tenders.
                people_witness=_nobody if judged is None else None,
                rules_witness=no_rules if judged is None else None,
                file_facts=file_witness.people_facts(reader, site.source_id, site.currency),
                seals=workshop.seals(migration.restaurant_id),
                suppressed_hash=lambda what, text, _of: suppression.hash(what, text),
            )
        progress.report(connection, migration_id, "Ringing past orders up again", 0, 0)
        verdict = judged_with_replay(workshop, connection, migration, options, verdict, stands=judged is not None)
        verdict.scorecard["metrics"][RETRAINING] = retraining_minutes(connection, migration_id)
        if migration.state in LIVE:
            verdict.scorecard["metrics"].update(window_metrics(connection, migration_id))
        if migration.standing in ("loaded", "verified"):
            transition(connection, migration_id, "verified" if verdict.passed else "loaded", by)
        progress.report(connection, migration_id, "Verified" if verdict.passed else "Verdict failed", 0, 0)
        return verdict


def _nobody(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[PeopleFact]:
    return iter(())


def _judged_plan(connection: Connection, migration: Migration) -> int | None:
    """The plan that stands in AuraConnect; None for an empty restaurant, whose verdict is measured over nothing."""
    stands = loaded_plan(connection, migration.id)
    if stands is None and migration.standing == "empty":
        return None
    if stands is None or migration.standing in ("loading", "paused", "rolling_back"):
        raise Refused(
            f"Migration {migration.id} is {migration.standing}; nothing of it is loaded that could be verified.",
            f"`aura-migration status {migration.id}` shows what can be done next.",
        )
    return int(stands["id"])


def undo(
    workshop: Workshop,
    migration_id: int,
    by: str,
    *,
    edited: Literal["keep", "undo"] = "keep",
    rehearse: bool = False,
    patience: float = 60.0,
    reason: str = "",
) -> Undone:
    """Take a migration's writes back (or rehearse it). A load that is under way is fenced off first. ``reason`` is kept."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        _require_undoable(connection, migration)
        if rehearse:
            with connection.transaction(force_rollback=True):
                return _taken_back(connection, migration, edited)
        transition(connection, migration_id, "rolling_back", by, reason)
        with locked(workshop, migration.location_key, patience):
            progress.report(connection, migration_id, "Rolling back", 0, 0)
            undone = _taken_back(connection, migration, edited, workshop.url)
            with connection.transaction():
                forget_ledger(connection, migration.integration_id)
                connection.execute(
                    "UPDATE migration.plans SET state = 'undone' WHERE migration_id = %s "
                    "AND state IN ('loading', 'loaded', 'planned', 'approved')",
                    [migration_id],
                )
                transition(connection, migration_id, "rolled_back", by)
                total = sum(sum(counts.values()) for counts in undone.counts.values())
                progress.report(connection, migration_id, "Rolled back", total, total, 0)
        return undone


def _taken_back(
    connection: Connection, migration: Migration, edited: Literal["keep", "undo"], url: str | None = None
) -> Undone:
    """Orders and money first: they point at menu, guests and staff."""
    past = take_back_past(connection, migration, url)
    undone = undo_migration(connection, migration.subject, ALL_ENTITIES, edited=edited)
    undone.counts.update(past.counts)
    undone.kept.extend(
        {"table": one["document"], "id": one["id"], "outcome": "kept", "reason": one["reason"]} for one in past.kept
    )
    return undone


def _require_undoable(connection: Connection, migration: Migration) -> None:
    owned = owned_here(connection, migration.integration_id)
    if owned:
        raise Refused(
            f"AuraConnect redeems {', '.join(owned)} of this integration; taking the load back would take balances away.",
            f"`aura-migration liabilities return {migration.integration_id} {owned[0]}` gives them back to the POS first.",
        )
    if migration.state == "rolled_back" and (kept := _kept_before(connection, migration.id)):
        raise Refused(
            f"Migration {migration.id} is rolled back. {kept} records that people edited, and what those stand on, were kept "
            "then: they are the restaurant's own since, and no rollback takes them.",
            "Remove them in AuraConnect. A rollback that is to take edited records says so the first time: `--edited undo`.",
            kept=kept,
        )
    if migration.state not in UNDOABLE:
        raise Refused(
            f"Migration {migration.id} is {migration.state}; there is nothing to roll back.",
            f"`aura-migration status {migration.id}` shows what can be done next.",
        )
    if migration.state not in ("loading", "paused", "rolling_back") and not has_written(connection, migration.id):
        raise Refused(
            f"Migration {migration.id} has written nothing; there is nothing to roll back.",
            f"`aura-migration cancel {migration.id}` ends it.",
        )


def _kept_before(connection: Connection, migration_id: int) -> int:
    """How many records a rollback of this migration left in use."""
    row = connection.execute(
        "SELECT count(DISTINCT (aura_table, aura_id)) FROM migration.journal "
        "WHERE migration_id = %s AND outcome IN ('kept_edited', 'kept_needed')",
        [migration_id],
    ).fetchone()
    return int(row[0]) if row else 0


def days_of(workshop: Workshop, migration_id: int) -> list[str]:
    """Which day an order is of, and what the POS proposes, in sentences; none where the past is left out."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        location = get_location(connection, migration.location_key)
    said = days_said(workshop.connector(migration.subject.pos), location.source, migration.parsed_options)
    return days_told(said) if said is not None else []


def loaded_counts(workshop: Workshop, migration_id: int) -> dict[str, dict[str, int]]:
    """Counts per entity and action of the migration's present plan."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.plan_id is None:
            return {}
        counts: dict[str, dict[str, int]] = get_plan(connection, migration.plan_id)["counts"]
        return counts


def staged_rows(workshop: Workshop, migration_id: int, limit: int) -> dict[str, list[dict[str, Any]]]:
    """The first staged rows of each entity, for people to look at; never those of persons."""
    with workshop.connect() as connection:
        rows = connection.execute(
            "SELECT entity, content FROM (SELECT entity, content, seq, row_number() OVER (PARTITION BY entity ORDER BY seq) AS n "
            "FROM staging.rows WHERE migration_id = %s) numbered WHERE n <= %s ORDER BY entity, seq",
            [migration_id, limit],
        ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for entity, content in rows:
        if ENTITIES[entity].personal:
            continue
        found.setdefault(entity, []).append(content)
    return found
