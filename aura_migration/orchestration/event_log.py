"""Dagster's event log as a run of this process writes it: the same events with a fraction of the statements.

A run of ours has some sixty assets and writes up to three hundred events. Dagster asks for each whether its tables are there and
gives each a transaction or two of its own, which took longer than the migration of a small café. What events mean, and which
there are, is Dagster's business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from dagster import DagsterEventType, EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from sqlalchemy import event

PLANNED = frozenset({DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED})
"""Written one after the other when a run is made, one for each asset and check."""
PASSING = frozenset({DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_CHECK_EVALUATION})
"""Come between the outputs of a step, and are asked for while it runs: they are written at once."""


def spare(storage: Any) -> None:
    """Spare the event storage of this process what it need not ask and need not wait for."""
    _ask_once(storage)
    _commit_at_leisure(storage)
    _write_together(storage)


def _ask_once(storage: Any) -> None:
    """Remember of this process's event storage that a table, a column of its assets, or a partition is there.

    Dagster asks all of them of the database several times for each asset of a run, which was half of the statements. Nobody
    drops its tables under a run, and a partition that this process deletes is forgotten; a no is asked again.
    """
    known: set[tuple[str, ...]] = set()

    def remembering(name: str) -> Callable[..., bool]:
        ask = getattr(storage, name)

        def answer(*what: str, **named: str) -> bool:
            about = (name, *what, *named.values())
            if about not in known and ask(*what, **named):
                known.add(about)
            return about in known

        return answer

    delete = storage.delete_dynamic_partition

    def forgetting(*what: str, **named: str) -> None:
        known.clear()
        delete(*what, **named)

    has_column = storage._has_asset_key_col_on_connection

    def has_column_remembered(connection: Any, column: str) -> bool:
        about = ("column", column)
        if about not in known and has_column(connection, column):
            known.add(about)
        return about in known

    for name in ("has_table", "has_dynamic_partition"):
        setattr(storage, name, remembering(name))
    storage._has_asset_key_col_on_connection = has_column_remembered
    storage.delete_dynamic_partition = forgetting


def _commit_at_leisure(storage: Any) -> None:
    """Let events be committed without waiting for the disk: each is a transaction of its own, and a run has hundreds.

    A server that crashes may lose the last half second of what Dagster shows. What happened to a migration, and what it may do
    next, stands in our own tables, which wait for the disk.
    """

    @event.listens_for(storage._engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        connection.commit()


def _write_together(storage: Any) -> None:
    """Write what is planned in a run, and the outputs of a step, in one statement each instead of one by one.

    They wait in memory until an event of another kind comes: the run or the next step begins, the step succeeds or fails. A
    process that is killed in between leaves a run without them, as it leaves one without whatever it had not come to.
    """
    waiting: list[EventLogEntry] = []
    mutex = threading.RLock()
    store, dispose = storage.store_event, storage.dispose

    def write() -> None:
        with mutex:
            if waiting:
                _write(storage, waiting)
                waiting.clear()

    def store_event(entry: EventLogEntry) -> None:
        kind = entry.dagster_event_type
        with mutex:
            if kind in PLANNED or kind == DagsterEventType.STEP_OUTPUT:
                waiting.append(entry)
                return
            if kind not in PASSING:
                write()
            store(entry)

    def dispose_all_written() -> None:
        write()
        dispose()

    storage.store_event = store_event
    storage.dispose = dispose_all_written


def _write(storage: Any, entries: Sequence[EventLogEntry]) -> None:
    """Insert events, and what Dagster keeps beside them of assets and checks, in one transaction for all."""
    statement = storage.prepare_insert_event_batch(entries).returning(SqlEventLogStorageTable.c.id)
    with storage.index_transaction() as connection:
        numbers = [int(row[0]) for row in connection.execute(statement).fetchall()]
        for entry, number in zip(entries, numbers, strict=True):
            if entry.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
                storage._store_asset_event(connection, entry, number)
    for entry, number in zip(entries, numbers, strict=True):
        if entry.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            storage.store_asset_check_event(entry, number)
