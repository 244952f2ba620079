"""From the recorded bodies of a history to its working tables: in batches, in several processes, without frames.

    bodies of the mapper's entities → batches of about 5,000 source rows → documents → COPY text → staging.history_<migration>_*

A batch is staged whole or not at all, so that an interrupted staging goes on where it was. Batches follow from the bodies
alone: the same input gives the same batches, the same numbers, the same hashes. How one batch is staged is in
``batches.py``; what becomes of the documents is planned in ``plan/history.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import sql

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.history import checks, shapes
from aura_migration.canonical.history.batches import BATCH_ROWS, BatchSpec, batches_of, stage_batch
from aura_migration.canonical.history.documents import Document, HistoryMapper
from aura_migration.core.clock import business_now
from aura_migration.core.errors import EnvironmentFault
from aura_migration.core.helpers import helper_pool
from aura_migration.database.connections import Connection, connect

Source = Callable[[], tuple[SnapshotReader, HistoryMapper]]
"""Opens the snapshots of a history and makes the mapper. Called once per process, so that it must pickle."""
OnBatch = Callable[[int, int], None]
"""Told the source rows staged so far and all of them, after each batch. What it raises stops the staging."""
FEW_ROWS = 20_000
"""Up to so many source rows, starting another process takes longer than it saves."""


@dataclass(frozen=True)
class StagedHistory:
    """What stands in the working tables.

    ``documents``: per kind how many there are (``documents``), and of those ``superseded``, ``faults``, ``gone``. ``rows``:
    per table. ``bodies`` were read, ``skipped`` were left out as loaded already; ``resumed`` batches were staged earlier.
    """

    documents: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    bodies: int = 0
    skipped: int = 0
    source_rows: int = 0
    resumed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def stage_history(
    url: str,
    migration_id: int,
    source: Source,
    *,
    rules: str,
    skip: Collection[str] = (),
    processes: int = 2,
    now: datetime | None = None,
    batch_rows: int = BATCH_ROWS,
    few_rows: int = FEW_ROWS,
    on_batch: OnBatch | None = None,
) -> StagedHistory:
    """Stage the history of a migration, or what is left of it after an interruption; with nothing left, check it again.

    ``source`` opens snapshots and mapper, here and in every process. ``rules`` names what besides the bodies decides the
    documents (options, close-out, release): with other rules, other snapshots or another ``skip`` everything is staged
    anew. ``skip`` are hashes of bodies that need not be read (``migration.history_bodies`` of the location under these rules).
    ``now`` is business time, for absurd dates. The working tables are there afterwards, also if there was nothing to
    stage. Raises ``SnapshotDamaged`` and whatever the mapper raises; all batches that were staged stay staged.
    """
    reader, mapper = source()
    specs, skipped = batches_of(reader, mapper.entities, skip, rules, batch_rows)
    latest = checks.latest_day(business_now(now))
    with connect(url, autocommit=True, application_name="aura-migration staging") as connection:
        todo = _left(connection, migration_id, specs)
        total = sum(spec.source_rows for spec in specs)
        progress = _Progress(total, total - sum(spec.source_rows for spec in todo), on_batch)
        worker = _Worker(connection, migration_id, mapper, latest)
        helpers = min(processes - 1, len(todo) - 1) if sum(s.source_rows for s in todo) > few_rows else 0
        if helpers > 0:
            _stage_together(worker, _Setting(url, migration_id, source, latest), todo, helpers, progress)
        else:
            for spec in todo:
                worker.stage(spec)
                progress.add(spec)
        documents, rows = _finish(connection, migration_id, latest)
    return StagedHistory(
        documents=documents,
        rows=rows,
        batches=len(specs),
        bodies=sum(len(spec.bodies) for spec in specs),
        skipped=skipped,
        source_rows=total,
        resumed=len(specs) - len(todo),
    )


def staged_batches(connection: Connection, migration_id: int) -> dict[int, str]:
    """The batches that are staged, with what they are based on; empty also where a crash of the server emptied them."""
    if not shapes.are_there(connection, migration_id):
        return {}
    query = sql.SQL("SELECT batch, basis FROM {}").format(shapes.staged(migration_id, shapes.BATCHES))
    return dict(connection.execute(query).fetchall())


def _left(connection: Connection, migration_id: int, specs: Sequence[BatchSpec]) -> list[BatchSpec]:
    """The batches that are not staged yet. What was staged of another input goes."""
    there = staged_batches(connection, migration_id)
    expected = {spec.number: spec.basis for spec in specs}
    if not there or not there.items() <= expected.items():
        with connection.transaction():
            shapes.make(connection, migration_id)
        there = {}
    return [spec for spec in specs if spec.number not in there]


@dataclass
class _Progress:
    total: int
    done: int
    on_batch: OnBatch | None

    def add(self, spec: BatchSpec) -> None:
        self.done += spec.source_rows
        if self.on_batch is not None:
            self.on_batch(self.done, self.total)


@dataclass(frozen=True)
class _Worker:
    """What stages batches in one process, on one connection."""

    connection: Connection
    migration_id: int
    mapper: HistoryMapper
    latest: date

    def stage(self, spec: BatchSpec) -> None:
        stage_batch(self.connection, self.migration_id, self.mapper, spec, self._judge)

    def _judge(self, document: Document) -> list[str]:
        return checks.problems(document, self.latest)


# -- several processes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Setting:
    """What another process needs to work along."""

    url: str
    migration_id: int
    source: Source
    latest: date


def _stage_together(
    worker: _Worker, setting: _Setting, todo: Sequence[BatchSpec], helpers: int, progress: _Progress
) -> None:
    """Stage batches here and in other processes, until there are none left."""
    left = list(reversed(todo))
    running: dict[Future[None], BatchSpec] = {}
    with _pool(setting, helpers) as pool:
        while left or running:
            # One in work and one waiting for each: nobody stands idle while this process is busy.
            while left and len(running) < 2 * helpers:
                spec = left.pop()
                running[pool.submit(_stage_one, spec)] = spec
            if left:
                spec = left.pop()
                worker.stage(spec)
                progress.add(spec)
                done = {future for future in running if future.done()}
            else:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                spec = running.pop(future)
                _result(future)
                progress.add(spec)


def _result(future: Future[None]) -> None:
    try:
        future.result()
    except BrokenProcessPool as error:
        raise EnvironmentFault(
            "A process that staged orders ended unexpectedly (killed, or out of memory).",
            "Run it again: it goes on where it was.",
        ) from error


@contextmanager
def _pool(setting: _Setting, helpers: int) -> Iterator[ProcessPoolExecutor]:
    """What waits is dropped when the block fails."""
    pool = helper_pool(helpers, _set_up, setting)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_setting: _Setting | None = None
_worker: _Worker | None = None


def _set_up(setting: _Setting) -> None:
    """Note what to do; opening is left to the first batch, whose errors come back."""
    global _setting
    _setting = setting


def _stage_one(spec: BatchSpec) -> None:
    global _worker
    if _worker is None:
        assert _setting is not None
        _, mapper = _setting.source()
        connection = connect(_setting.url, autocommit=True, application_name="aura-migration staging")
        _worker = _Worker(connection, _setting.migration_id, mapper, _setting.latest)
    _worker.stage(spec)


# -- when all is staged ---------------------------------------------------------------------------------------------------


def _finish(
    connection: Connection, migration_id: int, latest: date
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Find superseded and faulty documents; statistics for the planner. Returns documents per kind and rows per table."""
    names = {"documents": shapes.staged(migration_id, shapes.DOCUMENTS)}
    with connection.transaction():
        connection.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL default_statistics_target = 10")
        rows = _rows(connection, migration_id)
        if rows:
            filled = [shapes.staged(migration_id, name) for name in (shapes.DOCUMENTS, *rows)]
            connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(filled)))
        connection.execute(
            sql.SQL(
                """
                WITH twice AS (SELECT kind, source_key FROM {documents} GROUP BY kind, source_key HAVING count(*) > 1),
                ranked AS (
                    SELECT d.batch, d.doc, row_number() OVER (PARTITION BY d.kind, d.source_key
                           ORDER BY d.version COLLATE "C" DESC, d.batch DESC, d.doc DESC) AS place
                    FROM {documents} d JOIN twice USING (kind, source_key))
                UPDATE {documents} d SET verdict = 'superseded'
                FROM ranked r WHERE r.place > 1 AND d.batch = r.batch AND d.doc = r.doc
                """
            ).format(**names)
        )
        checks.find_faults(connection, migration_id, list(rows), latest)
        found = connection.execute(
            sql.SQL(
                "SELECT kind, count(*), count(*) FILTER (WHERE verdict = 'superseded'), "
                "count(*) FILTER (WHERE fault <> '' AND verdict <> 'superseded'), "
                "count(*) FILTER (WHERE gone AND verdict <> 'superseded') FROM {documents} GROUP BY kind ORDER BY kind"
            ).format(**names)
        ).fetchall()
    labels = ("documents", "superseded", "faults", "gone")
    return {kind: dict(zip(labels, counts, strict=True)) for kind, *counts in found}, rows


def _rows(connection: Connection, migration_id: int) -> dict[str, int]:
    query = sql.SQL(
        "SELECT c.key, sum(c.value::bigint)::bigint FROM {} b, jsonb_each_text(b.counts) c GROUP BY c.key ORDER BY c.key"
    ).format(shapes.staged(migration_id, shapes.BATCHES))
    return {name: int(count) for name, count in connection.execute(query).fetchall()}
