"""What happened in AuraConnect since its first channel and has to stand in the old POS (or its files): noted and settled.

Orders, voids and refunds of the location; stock; menu edits, guests and what guests are owed of the restaurant. An entry is
numbered and says by the hash of its content what is to stand there. Noted again, what did not change is not noted twice;
what changed is an entry of its own, or takes the place of one that nobody tried to write yet. No entry holds personal data:
of a guest it names the row and the columns.

Rows changed since the first switch are found by the transaction that wrote them, whether or not anybody kept ``updated_at``;
what a migration itself wrote is known by its journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import AuraError
from aura_migration.core.ids import content_hash
from aura_migration.cutover.entry_sources import SOURCES, Found, found_rows
from aura_migration.cutover.phases import Place, find_place
from aura_migration.database.connections import session_lock, transaction_lock

Connection = psycopg.Connection[Any]
State = Literal["waiting", "written", "filed", "failed"]

SHARED: Final = ("menu", "customer", "liability")
"""Kinds of the whole restaurant: one migration of an integration notes them, all of them wait for them."""


@dataclass(frozen=True)
class Entry:
    """One thing that has to stand in the old POS. ``content`` by kind, see ``entry_sources``; ``version`` is ``n:hash``."""

    id: int
    migration_id: int
    kind: str
    aura_table: str
    aura_id: int
    version: str
    state: str
    content: dict[str, Any]
    pos_key: str | None
    file_name: str | None
    problem: str
    attempts: int

    @property
    def key(self) -> str:
        """The idempotency key of writing it: the same at every attempt, another for every version."""
        return f"aura:{self.aura_table}:{self.aura_id}:{self.version}"

    @property
    def is_first(self) -> bool:
        """Whether nothing of the row was to be written before."""
        return self.version.startswith("1:")


_COLUMNS = "id, migration_id, kind, aura_table, aura_id, version, state, content, pos_key, file_name, problem, attempts"


@dataclass(frozen=True)
class Written:
    """Where an entry stands now: in the POS under ``pos_key``, or in a file of that name for somebody to import."""

    pos_key: str | None = None
    file_name: str | None = None
    why: str = ""
    """Why it is in a file although the POS's API takes such entries, or what of it is left to a person at the POS."""

    @property
    def state(self) -> State:
        """``filed`` where a person has to import a file, else ``written``."""
        return "filed" if self.file_name is not None else "written"


@dataclass
class Settled:
    """What settling did: how many are written, filed, failed, and how many wait after it."""

    counts: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; problems are the first 20."""
        return {**{s: self.counts[s] for s in ("written", "filed", "failed")}, "waiting": self.waiting, "problems": self.problems[:20]}  # fmt: skip


def note_entries(connection: Connection, migration_id: int) -> Counter[str]:
    """Note what is new or changed since it was noted last; answers how many entries of each kind were added or renewed."""
    noted: Counter[str] = Counter()
    with connection.transaction():
        place = find_place(connection, migration_id)
        transaction_lock(connection, f"aura:reverse:note:{place.integration_id}")
        since = _since(connection, migration_id)
        if since is None:
            return noted
        for source in SOURCES:
            rows = found_rows(connection, source, place, since)
            if rows:
                noted.update(_note(connection, place, source.table, rows))
    return noted


_OF_MIGRATION = """(e.migration_id = %(id)s OR e.kind = ANY(%(shared)s) AND e.migration_id IN (
    SELECT o.id FROM migration.migrations o JOIN migration.migrations m USING (integration_id)
    JOIN migration.windows w ON w.migration_id = o.id WHERE m.id = %(id)s AND w.ended_at IS NULL))"""
"""A migration's own entries, and those of the whole restaurant that a window beside it noted."""


def entries_of(connection: Connection, migration_id: int, states: Sequence[str] = ()) -> list[Entry]:
    """The entries a migration noted, in the order of their numbers; ``states`` chooses (none: all)."""
    return _entries(connection, migration_id, states, "e.migration_id = %(id)s")


def _entries(connection: Connection, migration_id: int, states: Sequence[str], whose: str) -> list[Entry]:
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.reverse_entries e WHERE {whose} AND (%(all)s OR state = ANY(%(states)s)) ORDER BY id",
            {"id": migration_id, "all": not states, "states": list(states), "shared": list(SHARED)},
        ).fetchall()


def waiting(connection: Connection, migration_id: int) -> int:
    """How many entries stand nowhere else yet, those that failed among them; shared kinds of the whole account count."""
    row = connection.execute(
        f"SELECT count(*) FROM migration.reverse_entries e WHERE e.state IN ('waiting', 'failed') AND {_OF_MIGRATION}",
        {"id": migration_id, "shared": list(SHARED)},
    ).fetchone()
    assert row is not None
    return int(row[0])


def settle_entries(connection: Connection, migration_id: int, write: Callable[[Entry], Written]) -> Settled:
    """Let ``write`` put each waiting entry where it belongs, in the order of their numbers; answers what came of it.

    ``write`` is called outside of any transaction and again for the same :attr:`Entry.key` after a crash or a failure: it
    must find what it wrote before. An ``AuraError`` of it marks the entry failed, and what depends on that row waits.
    ``connection``: of its own, autocommit.
    """
    done = Settled()
    with _settling(connection, migration_id):
        stuck: set[tuple[str, Any]] = set()
        for waiting_entry in _entries(connection, migration_id, ("waiting", "failed"), _OF_MIGRATION):
            if stuck & {
                (waiting_entry.aura_table, waiting_entry.aura_id),
                ("orders", waiting_entry.content.get("order_id")),
            }:
                continue
            entry = _attempted(connection, waiting_entry.id)
            if entry is None:
                continue
            try:
                written = write(entry)
            except AuraError as error:
                stuck.add((entry.aura_table, entry.aura_id))
                done.counts["failed"] += 1
                done.problems.append(f"{entry.kind} {entry.aura_id}: {error.what}")
                connection.execute(
                    "UPDATE migration.reverse_entries SET state = 'failed', problem = %s WHERE id = %s",
                    [str(error), entry.id],
                )
                continue
            _settle(connection, [entry], written)
            done.counts[written.state] += 1
    done.waiting = waiting(connection, migration_id)
    return done


def file_entries(
    connection: Connection, migration_id: int, make: Callable[[Sequence[Entry]], str], kinds: Sequence[str] = ()
) -> Settled:
    """Put all that waits into one file that ``make`` writes and names; said again after a crash, it is made again.

    ``make`` names the file by the entries' numbers, so that the same entries make the same file. ``kinds``: only these.
    """
    done = Settled()
    with _settling(connection, migration_id):
        found = _entries(connection, migration_id, ("waiting", "failed"), _OF_MIGRATION)
        chosen = [entry for entry in found if not kinds or entry.kind in kinds]
        # What a process had begun to put into a file when it died goes into that same file again, without what came later.
        for batch in ([e for e in chosen if e.attempts], [e for e in chosen if not e.attempts]):
            entries = [tried for entry in batch if (tried := _attempted(connection, entry.id)) is not None]
            if entries:
                _settle(connection, entries, Written(file_name=make(entries)))
                done.counts["filed"] += len(entries)
    done.waiting = waiting(connection, migration_id)
    return done


@contextmanager
def _settling(connection: Connection, migration_id: int) -> Iterator[None]:
    """Be the one who settles entries of this account: two would write the same entry at once."""
    account = find_place(connection, migration_id).integration_id
    with session_lock(connection, f"aura:reverse:settle:{account}"):
        yield


@dataclass(frozen=True)
class Since:
    """Where the noting begins: instants of the first switch forward, and its oldest transaction."""

    asked_at: Any
    effective_at: Any
    xid: int


def _since(connection: Connection, migration_id: int) -> Since | None:
    row = connection.execute(
        "SELECT asked_at, effective_at, (evidence ->> 'xid')::bigint FROM migration.switches WHERE migration_id = %s "
        "AND direction = 'forward' AND effective_at IS NOT NULL AND evidence ? 'xid' ORDER BY id LIMIT 1",
        [migration_id],
    ).fetchone()
    return Since(*row) if row is not None else None


def _note(connection: Connection, place: Place, table: str, rows: Iterable[Found]) -> Counter[str]:
    newest = _newest(connection, place, table)
    noted: Counter[str] = Counter()
    fresh: list[list[Any]] = []
    for row in rows:
        told = content_hash([row.kind, row.content])
        number, entry_id = 1, None
        if row.aura_id in newest:
            entry_id, version, is_untried = newest[row.aura_id]
            count, _, before = version.partition(":")
            if before == told:
                continue
            number = int(count) + (0 if is_untried else 1)
            entry_id = entry_id if is_untried else None
        elif row.is_gone:
            continue
        noted[row.kind] += 1
        version = f"{number}:{told}"
        if entry_id is not None:
            renewed = connection.execute(
                "UPDATE migration.reverse_entries SET kind = %s, version = %s, content = %s WHERE id = %s "
                "AND state = 'waiting' AND attempts = 0",
                [row.kind, version, Jsonb(row.content), entry_id],
            )
            if renewed.rowcount:
                continue
            version = f"{number + 1}:{told}"
        # What AuraConnect itself pushed to the POS while it took it stands there already.
        is_there = number == 1 and row.pos_key is not None
        state, content = "written" if is_there else "waiting", Jsonb(row.content)
        fresh.append([place.migration_id, row.kind, table, row.aura_id, version, content, state, row.pos_key, is_there])
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO migration.reverse_entries (migration_id, kind, aura_table, aura_id, version, content, state, pos_key, "
            "settled_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN clock_timestamp() END)",
            fresh,
        )
    return noted


def _newest(connection: Connection, place: Place, table: str) -> Mapping[int, tuple[int, str, bool]]:
    """The newest entry of every row of a table, of whichever migration of the integration: id, version, still untried."""
    rows = connection.execute(
        "SELECT DISTINCT ON (e.aura_id) e.aura_id, e.id, e.version, e.state = 'waiting' AND e.attempts = 0 "
        "FROM migration.reverse_entries e JOIN migration.migrations m ON m.id = e.migration_id "
        "WHERE m.integration_id = %s AND e.aura_table = %s ORDER BY e.aura_id, e.id DESC",
        [place.integration_id, table],
    ).fetchall()
    return {aura_id: (entry_id, version, is_untried) for aura_id, entry_id, version, is_untried in rows}


def _attempted(connection: Connection, entry_id: int) -> Entry | None:
    with connection.transaction(), connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            "UPDATE migration.reverse_entries SET attempts = attempts + 1 WHERE id = %s AND state IN ('waiting', 'failed') "
            f"RETURNING {_COLUMNS}",
            [entry_id],
        ).fetchone()


def _settle(connection: Connection, entries: Sequence[Entry], written: Written) -> None:
    with connection.transaction():
        connection.execute(
            "UPDATE migration.reverse_entries SET state = %s, pos_key = coalesce(%s, pos_key), file_name = %s, problem = %s, "
            "settled_at = clock_timestamp() WHERE id = ANY(%s)",
            [written.state, written.pos_key, written.file_name, written.why, [e.id for e in entries]],
        )
        for entry in entries:
            # The POS's copy of the order is known by this when the POS is read next.
            if entry.aura_table == "orders" and written.pos_key:
                connection.execute(
                    "UPDATE aura.orders SET external_id = %s WHERE id = %s AND external_id IS NULL",
                    [written.pos_key, entry.aura_id],
                )
