"""Write every batch of a plan's history that is not written yet, on several connections side by side.

A batch is one transaction that takes the batch's row first: a second loader, or one that is dying, cannot write it too.
Batches need no order (references among documents have reserved ids), so loaders simply take the next free one. A kill at any
instant leaves whole batches; the next call goes on with the rest and ends as a load that was never interrupted. Commits do
not wait for the disk: a batch that a power cut loses takes its row in ``history_batches`` with it.

Guests' totals (orders, amounts spent) are not touched: taking people back has to stay exact.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.history import shapes
from aura_migration.database.connections import connect, lock_key
from aura_migration.load.apply import LoadProgress, require_loading
from aura_migration.load.history.batch import Batch, make_tables, write_batch
from aura_migration.load.history.placeholders import make_placeholders
from aura_migration.load.history.references import Site, find_location, find_site, gather_keys, make_ready
from aura_migration.plan.planner import Subject

Cursor = psycopg.Cursor[dict[str, Any]]
OnBatch = Callable[[Cursor, LoadProgress], None]
CONNECTIONS = 2


@dataclass(frozen=True)
class HistoryLoaded:
    """How a load ended: batches and rows of the plan (all are written), documents left as people changed them since."""

    batches: int
    rows: int
    kept: int


def load_history(
    url: str,
    subject: Subject,
    plan_id: int,
    load_at: datetime,
    *,
    on_batch: OnBatch | None = None,
    connections: int = CONNECTIONS,
) -> HistoryLoaded:
    """Write what is not written yet of a plan's history and return where the load ended.

    ``on_batch`` runs inside each batch's transaction, one at a time; its progress counts rows. Raises ``Stopped`` when the
    migration is no longer loading, ``StagingLost`` when the staged rows are gone, ``PlanMoved`` when a document that the plan
    creates stands already. What is written by then stands.
    """
    with connect(url, autocommit=True, application_name="aura-migration history") as connection:
        total, done, batches, left = _extent(connection, plan_id)
        if left:
            site = find_site(connection, subject, plan_id, load_at)
            make_ready(connection, site)
            make_placeholders(connection, site)
            tally = _Tally(total, done, on_batch)
            workers = min(connections, left)
            if workers <= 1:
                _Loader(connection, site, subject, plan_id, tally).run()
            else:
                _side_by_side(url, site, subject, plan_id, tally, workers)
        _remember_bodies(connection, subject, plan_id)
        kept = connection.execute(
            "SELECT count(*) FROM migration.history_kept WHERE migration_id = %s", [subject.migration_id]
        ).fetchone()
    return HistoryLoaded(batches, total, kept[0] if kept else 0)


def history_extent(connection: psycopg.Connection[Any], plan_id: int) -> LoadProgress:
    """How many rows the history of a plan has and how many of them are written; nothing where it has none."""
    total, done, _, _ = _extent(connection, plan_id)
    return LoadProgress(done, total, "")


def _extent(connection: psycopg.Connection[Any], plan_id: int) -> tuple[int, int, int, int]:
    """``(rows, rows written, batches, batches left)`` of a plan."""
    row = connection.execute(
        """
        SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE loaded_at IS NOT NULL), 0)::bigint,
               count(*), count(*) FILTER (WHERE loaded_at IS NULL)
        FROM (SELECT b.loaded_at, (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(b.counts)) AS n
              FROM migration.history_batches b WHERE b.plan_id = %s) b
        """,
        [plan_id],
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]


def _remember_bodies(connection: psycopg.Connection[Any], subject: Subject, plan_id: int) -> None:
    """Note the bodies that need not be read again under the same rules: all that becomes of them is in AuraConnect.

    At the end, as what is noted changes how the bodies of a history are cut into batches. Not those with a document that is in
    quarantine, left out by the options or kept as people changed it: these are to be told of again.
    """
    location_id = find_location(connection, subject)
    if location_id is None or not shapes.are_there(connection, subject.migration_id):
        return
    staged = {
        name: shapes.staged(subject.migration_id, name).as_string() for name in (shapes.BATCHES, shapes.DOCUMENTS)
    }
    connection.execute(
        f"""
        INSERT INTO migration.history_bodies (location_id, sha256, rules, batch_id, documents)
        SELECT %(location)s, u.sha256, p.history ->> 'rules', b.id, coalesce(d.count, 0)
        FROM migration.history_batches b JOIN migration.plans p ON p.id = b.plan_id
        JOIN {staged[shapes.BATCHES]} s ON s.batch = b.batch AND s.bodies = b.bodies
        CROSS JOIN LATERAL jsonb_array_elements_text(b.bodies) WITH ORDINALITY u(sha256, place)
        LEFT JOIN (
            SELECT d.batch, d.body, count(*) AS count, bool_or(
                d.verdict = 'quarantine' OR d.verdict = 'skip' AND NOT d.gone OR k.aura_id IS NOT NULL) AS is_open
            FROM {staged[shapes.DOCUMENTS]} d
            LEFT JOIN migration.history_kept k ON k.migration_id = %(migration)s AND k.document = d.kind AND k.source_key = d.source_key
            GROUP BY d.batch, d.body) d ON d.batch = b.batch AND d.body = u.place - 1
        WHERE b.plan_id = %(plan)s AND b.loaded_at IS NOT NULL AND b.undone_at IS NULL AND p.history ? 'rules' AND NOT coalesce(d.is_open, false)
          AND NOT EXISTS (SELECT FROM migration.history_bodies h WHERE h.batch_id = b.id)
        ON CONFLICT DO NOTHING
        """,
        {"location": location_id, "migration": subject.migration_id, "plan": plan_id},
    )


def _side_by_side(url: str, site: Site, subject: Subject, plan_id: int, tally: _Tally, workers: int) -> None:
    """Loaders in threads, each with a connection of its own. The first fault ends all of them after their batch."""
    loaders: list[_Loader] = []
    try:
        for _ in range(workers):
            connection = connect(url, autocommit=True, application_name="aura-migration history")
            loaders.append(_Loader(connection, site, subject, plan_id, tally))
        with ThreadPoolExecutor(workers, thread_name_prefix="history") as pool:
            futures = [pool.submit(loader.run) for loader in loaders]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                tally.stop.set()
        for future in futures:
            future.result()
    finally:
        for loader in loaders:
            loader.connection.close()


class _Tally:
    """What loaders of one call share: how many rows are written, and whether to go on."""

    def __init__(self, total: int, done: int, on_batch: OnBatch | None) -> None:
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._total = total
        self._done = done
        self._on_batch = on_batch

    def tell(self, cursor: Cursor, batch: Batch) -> None:
        """Count a batch that is about to be committed."""
        with self._lock:
            self._done += batch.rows
            if self._on_batch is not None:
                self._on_batch(cursor, LoadProgress(self._done, self._total, batch.entity))


class _Loader:
    """Takes the next free batch, again and again, on one connection."""

    def __init__(
        self, connection: psycopg.Connection[Any], site: Site, subject: Subject, plan_id: int, tally: _Tally
    ) -> None:
        self.connection = connection
        self._site = site
        self._subject = subject
        self._plan_id = plan_id
        self._tally = tally

    def run(self) -> None:
        """Load until nothing is left or somebody else failed."""
        # Sizes change from batch to batch: a plan kept from an empty table would read a full one row by row.
        self.connection.prepare_threshold = None
        with self.connection.transaction():
            cursor = self.connection.cursor(row_factory=dict_row)
            make_tables(cursor)
            gather_keys(cursor, self._subject, self._site.location_id)
        while not self._tally.stop.is_set() and self._next():
            continue

    def _next(self) -> bool:
        """Write one batch; False when all are written."""
        with self.connection.transaction():
            cursor = self.connection.cursor(row_factory=dict_row)
            cursor.execute(
                "SET LOCAL TimeZone = 'UTC'; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL synchronous_commit = off"
            )
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [lock_key(self._site.lock)])
            require_loading(cursor, self._subject, self._plan_id)
            batch = self._take(cursor, "SKIP LOCKED")
            if batch is None:
                # Others write the last ones: wait whether they succeed.
                batch = self._take(cursor, "")
            if batch is None:
                return self._is_left(cursor)
            if self._tally.stop.is_set():
                return False
            write_batch(cursor, self._site, batch)
            self._tally.tell(cursor, batch)
        return True

    def _take(self, cursor: Cursor, how: str) -> Batch | None:
        cursor.execute(
            "SELECT id, batch, entity, first_ids, counts FROM migration.history_batches "
            f"WHERE plan_id = %s AND loaded_at IS NULL ORDER BY batch LIMIT 1 FOR UPDATE {how}",
            [self._plan_id],
        )
        row = cursor.fetchone()
        return Batch(**row) if row else None

    def _is_left(self, cursor: Cursor) -> bool:
        cursor.execute(
            "SELECT 1 FROM migration.history_batches WHERE plan_id = %s AND loaded_at IS NULL LIMIT 1", [self._plan_id]
        )
        return cursor.fetchone() is not None
