"""Proof that a snapshot is a backup: canonical rows are made of it again, with the POS gone, and compared with the plan.

Everything happens in a transaction that is rolled back, and in working tables that are thrown away. Nothing is asked from a
POS, nothing is written to AuraConnect or to the migration's own records.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef, snapshot_ref
from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.staging import stage_history
from aura_migration.canonical.persons.chunks import ERASED
from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import rules_text
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integrations import get_location
from aura_migration.migration.past import history_source
from aura_migration.migration.planning import stage_menu, stage_people_of
from aura_migration.migration.records import Migration, get_migration, get_plan, loaded_plan
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.history import compare_history, staged_hash

SAMPLE = 20


@dataclass
class Restored:
    """What could be made of the snapshots again. ``entities``: rows as planned, as made again, and how many differ."""

    snapshots: list[dict[str, Any]]
    bodies: int
    plan_id: int
    plan_hash: str
    entities: dict[str, dict[str, int]] = field(default_factory=dict)
    differing: list[dict[str, str]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every planned row can be made again as it was planned."""
        return not self.differing

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "passed": self.passed,
            "plan_id": self.plan_id,
            "plan_hash": self.plan_hash,
            "snapshots": self.snapshots,
            "bodies": self.bodies,
            "entities": self.entities,
            "differing": self.differing,
        }


class _Rehearsed(Exception):
    """Ends the transaction of a rehearsal."""


def restore_check(workshop: Workshop, migration_id: int, store_url: str | None = None) -> Restored:
    """Read every body of the plan's snapshots, verified by hash, and make the canonical rows again.

    ``store_url`` names a copy of the snapshot store to prove instead of the one the snapshots were taken to.
    ``SnapshotDamaged`` names a body that is missing or changed. ``Refused`` where there is no plan to compare with.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        plan = _plan_of(connection, migration)
        refs = _snapshots(connection, migration, plan, store_url)
        reader = SnapshotReader(*refs, cipher=workshop.persons)
        restored = Restored(
            [{"snapshot": r.snapshot_id, "scope": r.scope, "manifest": r.manifest_hash, "store": r.url} for r in refs],
            reader.verify(),
            int(plan["id"]),
            str(plan["hash"]),
        )
        try:
            with connection.transaction():
                location = get_location(connection, migration.location_key)
                stage_menu(workshop, connection, migration, reader, location)
                certificates = [c for ref in refs for c in ref.certificates]
                stage_people_of(workshop, connection, migration, reader, location, certificates)
                _compare(connection, migration, restored)
                raise _Rehearsed
        except _Rehearsed:
            pass
        if plan["history"] is not None:
            _restore_history(workshop, connection, migration, plan, refs, restored)
        return restored


def _restore_history(
    workshop: Workshop,
    connection: Connection,
    migration: Migration,
    plan: dict[str, Any],
    refs: list[SnapshotRef],
    restored: Restored,
) -> None:
    """Stage all orders and money again, in working tables of their own, and hold them against what stands, or was planned."""
    location = get_location(connection, migration.location_key)
    source = history_source(workshop, migration, location, refs)
    rules, options = rules_text(source.rules), migration.parsed_options
    rehearsal = -migration.id  # never the number of a migration: its working tables are left alone
    subject = replace(migration.subject, migration_id=rehearsal)
    stands = plan["state"] == "loaded"
    left_out = set() if stands else _not_staged(connection, plan, refs)
    try:
        stage_history(workshop.url, rehearsal, source, rules=rules, skip=left_out, now=workshop.now())
        if stands:
            for kind, verdicts in compare_history(connection, subject, options).items():
                made = sum(verdicts.values())
                same = sum(verdicts.get(name, 0) for name in ("unchanged", "skip", "quarantine"))
                restored.entities[kind] = {"planned": made, "made_again": made, "differing": made - same}
                if made != same:
                    what = "does not stand in AuraConnect as the snapshot says"
                    restored.differing.append({"entity": kind, "key": f"{made - same} documents", "what": what})
        elif staged_hash(connection, subject, options, rules=rules) != plan["history"]["hash"]:
            restored.differing.append({"entity": "orders", "key": "all", "what": "not what was planned"})
    finally:
        shapes.drop(connection, rehearsal)


def _not_staged(connection: Connection, plan: dict[str, Any], refs: list[SnapshotRef]) -> set[str]:
    """Recorded bodies the plan was not made of: what they say was loaded already when it was made, its hash is without them."""
    rows = connection.execute(
        "SELECT DISTINCT jsonb_array_elements_text(bodies) FROM migration.history_batches WHERE plan_id = %s",
        [plan["id"]],
    ).fetchall()
    history = SnapshotReader(*(ref for ref in refs if ref.scope == "history"))
    recorded = {body.sha256 for entity in history.entities() for body in history.refs(entity)}
    return recorded - {sha for (sha,) in rows}


def _plan_of(connection: Connection, migration: Migration) -> dict[str, Any]:
    stands = loaded_plan(connection, migration.id)
    if stands is None and migration.plan_id is None:
        raise Refused(f"Migration {migration.id} has no plan to compare with.", "Run the preview first.")
    return get_plan(connection, int(stands["id"]) if stands is not None else int(migration.plan_id or 0))


def _snapshots(
    connection: Connection, migration: Migration, plan: dict[str, Any], store_url: str | None
) -> list[SnapshotRef]:
    numbers = plan["snapshot_ids"]
    refs = [snapshot_ref(connection, number) for number in numbers] if numbers else pinned(connection, migration.id)
    return [replace(ref, url=store_url) for ref in refs] if store_url else refs


_JOINED = """
    SELECT coalesce(p.entity, s.entity) AS entity, coalesce(p.source_key, s.source_key) AS source_key,
           p.source_key IS NOT NULL AS planned, s.source_key IS NOT NULL AS made,
           CASE WHEN p.source_key IS NULL THEN 'not in the plan' WHEN s.source_key IS NULL THEN 'not made again'
                WHEN p.action = 'create' AND jsonb_strip_nulls(p.content) <> jsonb_strip_nulls(s.content)
                 AND s.reason <> ALL (%(forgotten)s) THEN 'content differs'
           END AS what
    FROM (SELECT * FROM migration.plan_rows WHERE plan_id = %(plan)s) p
    FULL JOIN (SELECT * FROM staging.rows WHERE migration_id = %(migration)s) s USING (entity, source_key)
"""


def _compare(connection: Connection, migration: Migration, restored: Restored) -> None:
    """Row by row: what the plan has of each entity, and what was made again. Rows written whole must be equal in content.

    Of persons who were erased since nothing is to be made again: that they are left out is what was asked for.
    """
    bound = {
        "plan": restored.plan_id,
        "migration": migration.id,
        "sample": SAMPLE,
        "forgotten": _forgotten(connection, migration),
    }
    counted = connection.execute(
        "SELECT entity, count(*) FILTER (WHERE planned), count(*) FILTER (WHERE made), count(what) "
        f"FROM ({_JOINED}) joined GROUP BY entity ORDER BY entity",
        bound,
    )
    for entity, planned, made, differing in counted:
        restored.entities[entity] = {"planned": planned, "made_again": made, "differing": differing}
    shown = connection.execute(
        f"SELECT entity, source_key, what FROM ({_JOINED}) joined WHERE what IS NOT NULL ORDER BY 1, 2 LIMIT %(sample)s",
        bound,
    )
    restored.differing = [{"entity": entity, "key": key, "what": what} for entity, key, what in shown]


def _forgotten(connection: Connection, migration: Migration) -> list[str]:
    """Why rows of persons who were erased since are left out, and rows that go with those, and with those."""
    forgotten, wave = [ERASED], [ERASED]
    while wave:
        rows = connection.execute(
            "SELECT DISTINCT format('goes with the skipped %%s %%s', entity, source_key) FROM staging.rows "
            "WHERE migration_id = %s AND reason = ANY(%s)",
            [migration.id, wave],
        ).fetchall()
        wave = [reason for (reason,) in rows]
        forgotten += wave
    return forgotten
