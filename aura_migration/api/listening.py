"""Live messages of migrations: one listening connection per process, each change read and encoded once for all who follow.

The database tells on the channel ``aura_migration`` that something of a migration changed; what it is stands in its tables. Progress is
numbered without gaps, so whoever has number N has missed nothing before it. When the connection is lost everything after the last
number that was read is read again once it is back: notifications may be lost, messages are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from starlette.concurrency import run_in_threadpool

from aura_migration.api.state import ApiState
from aura_migration.migration import progress
from aura_migration.migration.records import get_migration

CHANNEL = "aura_migration"
READ_AT_ONCE = 500
MOST_WAITING = 1_000
"""Messages that may wait for one reader; one that is slower is cut off and may come again with the number it has."""
SHORTEST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between attempts to listen again."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Reader:
    """One who follows a migration. ``waiting`` has encoded messages, ``is_cut_off`` says that they grew too many."""

    migration_id: int
    since: int
    """The newest number when they came: older messages are read by :meth:`Hub.replay`, newer ones arrive in ``waiting``."""
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    is_cut_off: bool = False

    def give(self, messages: Iterable[str]) -> None:
        """Put messages into the queue; too many cut the reader off."""
        for message in messages:
            if self.is_cut_off:
                return
            try:
                self.waiting.put_nowait(message)
            except asyncio.QueueFull:
                self.is_cut_off = True


@dataclass
class _Topic:
    """What is followed of one migration."""

    last: int
    readers: set[Reader] = field(default_factory=set)
    changes: list[tuple[str, str]] = field(default_factory=list)
    is_pumping: bool = False
    is_stale: bool = False
    """Whether something was told while the topic was being read: read once more."""


class Hub:
    """See the module. ``start`` and ``stop`` frame its life; everything else runs in the event loop."""

    def __init__(self, state: ApiState) -> None:
        self._state = state
        self._topics: dict[int, _Topic] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self.reads = 0
        """How often tables were read for readers; what a test counts."""

    async def start(self) -> None:
        """Begin to listen."""
        self._listening = asyncio.create_task(self._listen(), name="listen")

    async def stop(self) -> None:
        """Stop listening; readers get nothing more."""
        for task in (self._listening, *self._tasks):
            if task is not None:
                task.cancel()
        for task in (self._listening, *list(self._tasks)):
            if task is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def follow(self, migration_id: int) -> tuple[Reader, dict[str, Any]]:
        """Begin to follow; the reader, and how the migration stands (with the newest number). ``leave`` ends it."""
        while True:
            topic = self._topics.get(migration_id)
            known = topic.last if topic is not None else None
            snapshot, newest = await run_in_threadpool(self._snapshot, migration_id)
            now = self._topics.get(migration_id)
            if now is not None:
                reader = Reader(migration_id, now.last)
                now.readers.add(reader)
                return reader, snapshot
            if known is None:
                reader = Reader(migration_id, newest)
                self._topics[migration_id] = _Topic(newest, {reader})
                self._pump_soon(migration_id)  # what was written while we were not listening to it
                return reader, snapshot

    def leave(self, reader: Reader) -> None:
        """Stop following."""
        topic = self._topics.get(reader.migration_id)
        if topic is not None:
            topic.readers.discard(reader)
            if not topic.readers:
                del self._topics[reader.migration_id]

    async def replay(self, reader: Reader, after: int) -> list[str]:
        """Messages after a number, as many as are read at once, up to those that arrive by themselves; empty: that was all."""
        if after >= reader.since:
            return []
        rows = await run_in_threadpool(self._progress, reader.migration_id, after)
        return [encoded(row) for row in rows if row["sequence"] <= reader.since]

    # -- listening ---------------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        wait = SHORTEST_WAIT
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._state.workshop.url, autocommit=True, application_name="aura-migration api listens"
                )
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    wait = SHORTEST_WAIT
                    for migration_id in list(self._topics):  # what was told while nobody listened
                        self._pump_soon(migration_id)
                    async for notice in connection.notifies():
                        self._told(notice.payload)
            except (psycopg.Error, OSError) as error:
                log.warning("listening ended (%s); again in %.1f s", type(error).__name__, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _told(self, payload: str) -> None:
        number, _, rest = payload.partition(" ")
        kind, _, what = rest.partition(" ")
        migration_id = int(number) if number.isdigit() else 0
        topic = self._topics.get(migration_id)
        if topic is None:
            return
        if kind != "progress":
            topic.changes.append((kind, what))
        self._pump_soon(migration_id)

    def _pump_soon(self, migration_id: int) -> None:
        topic = self._topics[migration_id]
        topic.is_stale = True
        if not topic.is_pumping:
            topic.is_pumping = True
            task = asyncio.create_task(self._pump(migration_id, topic), name=f"pump {migration_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, migration_id: int, topic: _Topic) -> None:
        """Read what is new, encode it once, give it to every reader; again as long as something was told meanwhile."""
        wait = SHORTEST_WAIT
        try:
            while topic.is_stale and topic.readers:
                topic.is_stale = False
                changes, topic.changes = topic.changes, []
                try:
                    rows = await run_in_threadpool(self._progress, migration_id, topic.last)
                    changed = await run_in_threadpool(self._changed, migration_id, changes) if changes else []
                except Exception as error:  # the database is away: what was told stays to be read
                    log.warning("migration %s could not be read (%s)", migration_id, type(error).__name__)
                    topic.is_stale, topic.changes = True, [*changes, *topic.changes]
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, LONGEST_WAIT)
                    continue
                wait = SHORTEST_WAIT
                if rows:
                    topic.last = rows[-1]["sequence"]
                    topic.is_stale |= len(rows) == READ_AT_ONCE
                messages = [*(encoded(row) for row in rows), *(json.dumps(one, default=str) for one in changed)]
                for reader in topic.readers:
                    reader.give(messages)
        finally:
            topic.is_pumping = False

    # -- reading, in threads -----------------------------------------------------------------------------------------------

    def _progress(self, migration_id: int, after: int) -> list[dict[str, Any]]:
        self.reads += 1
        with self._state.connect() as connection:
            return progress.since(connection, migration_id, after, READ_AT_ONCE)

    def _changed(self, migration_id: int, changes: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Messages of states and gates; a gate that was told several times is told as it is now, once."""
        found: list[dict[str, Any]] = []
        states = [int(what) for kind, what in changes if kind == "state" and what.isdigit()]
        names = list(dict.fromkeys(what for kind, what in changes if kind == "gate"))
        with self._state.connect() as connection:
            for state, by, reason, at in connection.execute(
                "SELECT to_state, done_by, reason, at FROM migration.transitions WHERE migration_id = %s AND id = ANY(%s) ORDER BY id",
                [migration_id, states],
            ).fetchall():
                found.append(
                    {
                        "type": "migration_state",
                        "data": {"state": state, "by": by, "reason": reason},
                        "at": at.isoformat(),
                    }
                )
            for name, passed, value, remedy, at in connection.execute(
                "SELECT name, passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %s AND name = ANY(%s) ORDER BY name",
                [migration_id, names],
            ).fetchall():
                data = {"name": name, "passed": passed, "value": value, "remedy": "" if passed else remedy}
                found.append({"type": "gate", "data": data, "at": at.isoformat()})
        return found

    def _snapshot(self, migration_id: int) -> tuple[dict[str, Any], int]:
        with self._state.connect() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            migration = get_migration(connection, migration_id)
            at = progress.latest(connection, migration_id)
            row = connection.execute("SELECT hash FROM migration.plans WHERE id = %s", [migration.plan_id]).fetchone()
            gates = dict(
                connection.execute(
                    "SELECT CASE WHEN passed THEN 'passed' WHEN NOT passed THEN 'failed' ELSE 'not_measured' END, count(*) "
                    "FROM migration.gates WHERE migration_id = %s GROUP BY 1",
                    [migration_id],
                ).fetchall()
            )
        newest = int(at["sequence"]) if at else 0
        data = {
            "migration_id": migration_id,
            "location": migration.location_key,
            "state": migration.state,
            "reason": migration.state_reason,
            "plan_hash": row[0] if row else None,
            "gates": {name: gates.get(name, 0) for name in ("passed", "failed", "not_measured")},
            "progress": _data(at) if at else None,
        }
        return {"type": "snapshot", "data": data, "sequence": newest}, newest


def encoded(row: dict[str, Any]) -> str:
    """A progress row as the message AuraConnect knows, with its number and time."""
    return json.dumps(
        {"type": "migration_progress", "data": _data(row), "sequence": row["sequence"], "at": row["at"]}, default=str
    )


def _data(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: row[name] for name in ("totalItems", "processedItems", "currentStep", "estimatedTimeRemaining", "errors")
    }
