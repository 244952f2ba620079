"""How long raw and working data of persons is kept: what of ended migrations goes after a time, and which snapshots.

A migration that has not ended keeps everything it needs to go on, to be verified and to be taken back. Rows that stand
in AuraConnect belong to AuraConnect; what the migration remembers of them goes with a person's erasure, not by age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.archive.retention import collect_garbage, delete_snapshot
from aura_migration.archive.store import shown_url
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.database.faults import FOLDER as FAULTS
from aura_migration.migration.privacy.forms import personal_entities
from aura_migration.migration.reports.files import FOLDER as REPORTS
from aura_migration.migration.states import ENDED
from aura_migration.migration.workshop import Workshop

Cursor = psycopg.Cursor[dict[str, Any]]
STANDING = ("kept_claimed", "kept_edited", "kept_needed")
"""Outcomes of a rollback after which the row still stands: what was written there is compared with in a later run."""


@dataclass
class Purged:
    """What a purge did or would do: rows and files by place, snapshots by number, and what it had to leave."""

    older_than: datetime
    counts: Counter[str] = field(default_factory=Counter)
    migrations: list[int] = field(default_factory=list)
    snapshots: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """``{"older_than", "migrations": [id], "snapshots": [id], "rows": {place: n}, "left": [text]}``."""
        return {
            "older_than": self.older_than.isoformat(),
            "migrations": self.migrations,
            "snapshots": self.snapshots,
            "rows": dict(sorted(self.counts.items())),
            "left": self.left,
        }


class _RehearsalError(Exception):
    """Ends the transaction of a preview."""


def purge(workshop: Workshop, days: int, *, rehearse: bool = False) -> Purged:
    """Remove personal data of migrations that ended more than ``days`` ago; ``rehearse`` changes nothing and answers the same.

    Their snapshots are deleted unless another migration stands on them, their staged rows, the personal content of what
    they planned and took back, and fault files of that age. Keys of persons go with the last snapshot of an account.
    """
    if days < 0:
        raise BadInput(f"{days} is not a number of days.", "Give how many days are kept, 0 or more.")
    cutoff = datetime.now(UTC) - timedelta(days=days)
    done = Purged(cutoff)
    with workshop.connect() as connection:
        try:
            with connection.transaction():
                cursor = connection.cursor(row_factory=dict_row)
                done.migrations = _ended(cursor, cutoff)
                _clear_working_rows(cursor, done)
                _clear_plans(cursor, done)
                _clear_journal(cursor, done)
                done.snapshots = _deletable(cursor, done)
                if rehearse:
                    raise _RehearsalError
        except _RehearsalError:
            _count_keys(connection, done)
            _files(workshop, done, remove=False)
            return done
        _delete_snapshots(workshop, connection, done)
        _drop_keys(connection, done)
    _files(workshop, done, remove=True)
    return done


# -- rows ---------------------------------------------------------------------------------------------------------------


def _ended(cursor: Cursor, cutoff: datetime) -> list[int]:
    cursor.execute(
        "SELECT id FROM migration.migrations WHERE state = ANY(%s) AND updated_at < %s ORDER BY id",
        [sorted(ENDED), cutoff],
    )
    return [row["id"] for row in cursor.fetchall()]


def _execute(cursor: Cursor, done: Purged, name: str, query: str, **named: Any) -> None:
    entities = [entity.name for entity in personal_entities()]
    cursor.execute(
        query.encode(),
        {
            "migrations": done.migrations,
            "cutoff": done.older_than,
            "personal": entities,
            "tables": [entity.table for entity in personal_entities()],
            "standing": list(STANDING),
            **named,
        },
    )
    if cursor.rowcount > 0:
        done.counts[name] += cursor.rowcount


def _clear_working_rows(cursor: Cursor, done: Purged) -> None:
    """Staged rows are made anew from the snapshot by every preview: those of a migration nobody has touched go."""
    _execute(
        cursor,
        done,
        "staging.rows",
        "DELETE FROM staging.rows s USING migration.migrations m WHERE m.id = s.migration_id "
        "AND m.updated_at < %(cutoff)s AND m.state NOT IN ('loading', 'rolling_back')",
    )
    _execute(
        cursor,
        done,
        "migration.quarantine",
        "DELETE FROM migration.quarantine WHERE migration_id = ANY(%(migrations)s) AND entity = ANY(%(personal)s)",
    )
    _execute(
        cursor,
        done,
        "migration.findings",
        "UPDATE migration.findings SET expected = NULL, actual = NULL WHERE migration_id = ANY(%(migrations)s) "
        "AND entity = ANY(%(personal)s) AND (expected IS NOT NULL OR actual IS NOT NULL)",
    )


def _clear_plans(cursor: Cursor, done: Purged) -> None:
    """Plans of ended migrations, and plans a later one has replaced: rows about persons that no row in AuraConnect needs."""
    _execute(
        cursor,
        done,
        "migration.plan_rows",
        """
        UPDATE migration.plan_rows p
        SET content = NULL, image = CASE WHEN p.image IS NULL THEN NULL ELSE '{}'::jsonb END, before = NULL,
            source_image = NULL, label = p.source_key, source_hash = NULL
        FROM migration.plans l JOIN migration.migrations m ON m.id = l.migration_id
        WHERE l.id = p.plan_id AND p.entity = ANY(%(personal)s)
          AND (m.id = ANY(%(migrations)s) OR l.state IN ('superseded', 'undone') AND l.created_at < %(cutoff)s)
          AND (p.content IS NOT NULL OR p.image <> '{}' OR p.before IS NOT NULL OR p.source_image IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM migration.claims c WHERE c.plan_id = p.plan_id AND c.seq = p.seq
                          AND c.migration_id = m.id)
          AND NOT EXISTS (SELECT 1 FROM migration.journal j WHERE j.plan_id = p.plan_id AND j.seq = p.seq
                          AND (j.outcome IS NULL OR j.outcome = ANY(%(standing)s)))
        """,
    )


def _clear_journal(cursor: Cursor, done: Purged) -> None:
    """What was written and taken back: images of rows that no longer stand as they were written, hashes over records."""
    _execute(
        cursor,
        done,
        "migration.journal",
        """
        UPDATE migration.journal j SET before = NULL, after = '{}'::jsonb
        WHERE j.migration_id = ANY(%(migrations)s) AND j.aura_table = ANY(%(tables)s)
          AND j.outcome IS NOT NULL AND j.outcome <> ALL(%(standing)s) AND (j.before IS NOT NULL OR j.after <> '{}')
        """,
    )
    _execute(
        cursor,
        done,
        "migration.crosswalk",
        "UPDATE migration.crosswalk SET source_hash = NULL WHERE last_migration_id = ANY(%(migrations)s) "
        "AND entity = ANY(%(personal)s) AND NOT is_active AND source_hash IS NOT NULL",
    )


# -- snapshots ------------------------------------------------------------------------------------------------------------


def _deletable(cursor: Cursor, done: Purged) -> list[int]:
    """Snapshots older than the time of which no migration that goes on, or ended later, is a user."""
    cursor.execute(
        """
        SELECT s.id FROM migration.snapshots s
        WHERE s.state <> 'open' AND coalesce(s.ended_at, s.created_at) < %(cutoff)s
          AND NOT EXISTS (SELECT 1 FROM migration.migration_snapshots p
                          WHERE p.snapshot_id = s.id AND p.migration_id <> ALL(%(migrations)s))
          AND NOT EXISTS (SELECT 1 FROM migration.handed_files h WHERE h.snapshot_id = s.id AND h.state = 'current')
        ORDER BY s.id
        """,
        {"cutoff": done.older_than, "migrations": done.migrations},
    )
    return [row["id"] for row in cursor.fetchall()]


def _delete_snapshots(workshop: Workshop, connection: Connection, done: Purged) -> None:
    deleted: list[int] = []
    for number in done.snapshots:
        try:
            freed = delete_snapshot(connection, workshop.store, number, even_if_used=True)
        except Refused as refused:
            done.left.append(f"snapshot {number}: {refused}")
            continue
        except BadInput as elsewhere:  # in a store this environment does not name
            done.left.append(f"snapshot {number}: {elsewhere.what}")
            continue
        deleted.append(number)
        connection.execute("DELETE FROM migration.migration_snapshots WHERE snapshot_id = %s", [number])
        done.counts["stored bodies"] += freed.bodies
    done.snapshots = deleted


_UNNEEDED_KEYS = """
    FROM migration.person_keys k WHERE k.erased_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM migration.snapshots s WHERE s.integration_id = k.integration_id AND s.id <> ALL(%s))
    AND NOT EXISTS (SELECT 1 FROM migration.migrations m WHERE m.integration_id = k.integration_id AND m.id <> ALL(%s)
                    AND m.state <> ALL(%s))
"""


def _count_keys(connection: Connection, done: Purged) -> None:
    row = connection.execute(
        f"SELECT count(*) {_UNNEEDED_KEYS}", [done.snapshots, done.migrations, sorted(ENDED)]
    ).fetchone()
    if row and row[0]:
        done.counts["migration.person_keys"] = row[0]


def _drop_keys(connection: Connection, done: Purged) -> None:
    """Keys of an account without a snapshot open nothing any more. Marks of erased persons stay."""
    dropped = connection.execute(f"DELETE {_UNNEEDED_KEYS}", [[], done.migrations, sorted(ENDED)])
    if dropped.rowcount:
        done.counts["migration.person_keys"] = dropped.rowcount


# -- files ----------------------------------------------------------------------------------------------------------------


def _files(workshop: Workshop, done: Purged, *, remove: bool) -> None:
    """Stacks of defects, and reports that were written into the data folder."""
    for name, folder, pattern in (("fault files", FAULTS, "*.txt"), ("report files", REPORTS, "*/*")):
        for path in sorted((workshop.settings.data_dir / folder).glob(pattern)):
            if path.is_file() and path.stat().st_mtime < done.older_than.timestamp():
                done.counts[name] += 1
                if remove:
                    path.unlink(missing_ok=True)


# -- snapshots by command -------------------------------------------------------------------------------------------------


def known_snapshots(connection: Connection, integration_id: int | None = None) -> list[dict[str, Any]]:
    """Every snapshot with the migrations that stand on it, newest first."""
    rows = (
        connection.cursor(row_factory=dict_row)
        .execute(
            """
            SELECT s.id, s.integration_id, s.pos, s.scope, s.location_key, s.state, s.taken_at, s.url, s.reason,
                   (SELECT coalesce(sum(g.rows), 0) FROM migration.snapshot_pages g WHERE g.snapshot_id = s.id) AS rows,
                   (SELECT coalesce(array_agg(p.migration_id ORDER BY p.migration_id), '{}')
                    FROM migration.migration_snapshots p WHERE p.snapshot_id = s.id) AS migrations
            FROM migration.snapshots s WHERE %(i)s::bigint IS NULL OR s.integration_id = %(i)s ORDER BY s.id DESC
            """,
            {"i": integration_id},
        )
        .fetchall()
    )
    return [{**row, "taken_at": row["taken_at"].isoformat(), "url": shown_url(row["url"])} for row in rows]


def remove_snapshot(workshop: Workshop, snapshot_id: int) -> dict[str, int]:
    """Delete one snapshot nothing stands on; what was freed. ``Refused`` while a migration or a current file needs it."""
    with workshop.connect() as connection, _needed_by_no_file(connection, snapshot_id):
        freed = delete_snapshot(connection, workshop.store, snapshot_id)
    return {"manifests": freed.manifests, "bodies": freed.bodies, "leftovers": freed.leftovers}


@contextmanager
def _needed_by_no_file(connection: Connection, snapshot_id: int) -> Iterator[None]:
    row = connection.execute(
        "SELECT id FROM migration.handed_files WHERE snapshot_id = %s AND state = 'current'", [snapshot_id]
    ).fetchone()
    if row is not None:
        raise Refused(
            f"Snapshot {snapshot_id} is file {row[0]}, which the restaurant handed over and which is in force.",
            "Withdraw the file first, or hand over a newer one.",
        )
    yield


def sweep_store(workshop: Workshop) -> dict[str, int]:
    """Remove what no snapshot of the store uses; what was freed."""
    with workshop.connect() as connection:
        freed = collect_garbage(connection, workshop.store)
    return {"manifests": freed.manifests, "bodies": freed.bodies, "leftovers": freed.leftovers}
