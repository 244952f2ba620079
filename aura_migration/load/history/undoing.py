"""Rollback of a history: kind by kind, children first, and of each kind batch by batch, the last one first.

Each step (one kind of one batch) is a transaction of its own and remembers its outcome in ``history_batches.undone``: a
rollback that is killed goes on behind the last step. When a kind's turn comes, everything of this migration that pointed at
it is gone, so whatever still points at a document was made by people or kept, and keeps it.

    created by the batch    removed
    replaced by it          its earlier version comes back out of the journal, under the same id
    marked by it            as before
    changed since           kept and listed in ``history_kept``, as is what something that stays points at
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.history.tables import DOCUMENTS, TABLES, tables_of
from aura_migration.database.connections import connect, session_lock, transaction_lock
from aura_migration.load.history import placeholders, replacing, standing
from aura_migration.load.history.references import Site, find_site
from aura_migration.load.undo import references_to
from aura_migration.plan.planner import Subject

Cursor = psycopg.Cursor[dict[str, Any]]
CONNECTIONS = 2


@dataclass
class HistoryUndone:
    """What a rollback did or would do: per kind of document outcome → number, and the documents it kept.

    Outcomes: removed, restored, kept, gone_already. ``kept`` is ``[{document, source_key, id, reason}]``. Placeholders are
    counted under ``placeholders``.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, outcomes: dict[str, int]) -> None:
        """Count outcomes."""
        entry = self.counts.setdefault(kind, {})
        for outcome, number in outcomes.items():
            if number:
                entry[outcome] = entry.get(outcome, 0) + number
        if not entry:
            del self.counts[kind]

    def as_dict(self) -> dict[str, Any]:
        """``{"documents": counts, "kept": [...]}``."""
        return {"documents": self.counts, "kept": self.kept}


@dataclass(frozen=True)
class _Written:
    """A batch that is to be undone."""

    id: int
    plan_id: int
    first_ids: dict[str, int]
    counts: dict[str, int]
    kinds: tuple[str, ...]
    undone: dict[str, dict[str, int]]


def undo_history(
    connection: psycopg.Connection[Any],
    subject: Subject,
    *,
    rehearse: bool = False,
    url: str | None = None,
    connections: int = CONNECTIONS,
) -> HistoryUndone:
    """Undo every batch a migration loaded; the same answer whether it was interrupted or not.

    With ``url`` batches of a kind are undone side by side. ``rehearse`` changes nothing and answers the same. On a connection
    with an open transaction everything happens in that transaction, and rolling it back is left to whoever opened it: so a
    rehearsal can go on with the menu.
    """
    if _has_nothing(connection, subject):
        return HistoryUndone()
    site = find_site(connection, subject)
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        transaction_lock(connection, site.lock)
        return _Undoing([connection], site).run()
    if rehearse:
        with connection.transaction(force_rollback=True):
            return undo_history(connection, subject)
    with session_lock(connection, site.lock), ExitStack() as stack:
        workers = [connection]
        if url is not None and len(_batches(connection, subject)) > 1:
            name = "aura-migration history"
            workers = [
                stack.enter_context(connect(url, autocommit=True, application_name=name)) for _ in range(connections)
            ]
        return _Undoing(workers, site).run()


class _Undoing:
    """One rollback. The first connection sees to the whole, all of them to batches."""

    def __init__(self, connections: list[psycopg.Connection[Any]], site: Site) -> None:
        self._connections = connections
        self._first = connections[0]
        self._site = site

    def run(self) -> HistoryUndone:
        """Kind by kind, plan by plan."""
        undone = HistoryUndone()
        batches = _batches(self._first, self._site.subject)
        for kind in reversed(DOCUMENTS):
            todo = [batch for batch in batches if kind in batch.kinds and kind not in batch.undone]
            if todo:
                with _step(self._first) as cursor:
                    referred = _referred(cursor, kind, todo)
                for _, same_plan in groupby(todo, key=lambda batch: batch.plan_id):
                    self._undo(kind, list(same_plan), referred)
            for batch in batches:
                undone.add(kind, batch.undone.get(kind, {}))
        with _step(self._first) as cursor:
            _close(cursor, [batch.id for batch in batches])
            placeholders.take_back(cursor, self._site)
        with self._first.cursor(row_factory=dict_row) as cursor:
            undone.add("placeholders", placeholders.outcomes(cursor, self._site))
            undone.kept = _kept(cursor, self._site)
        return undone

    def _undo(self, kind: str, todo: list[_Written], referred: dict[int, str]) -> None:
        """One kind of the batches of one plan, which have no document in common."""
        queue = deque(todo)

        def work(connection: psycopg.Connection[Any]) -> None:
            while queue:
                try:
                    batch = queue.popleft()
                except IndexError:
                    return
                try:
                    with _step(connection) as cursor:
                        batch.undone[kind] = _undo(cursor, self._site, kind, batch, referred)
                except BaseException:
                    queue.clear()
                    raise

        workers = self._connections[: len(todo)]
        if len(workers) == 1:
            work(workers[0])
            return
        with ThreadPoolExecutor(len(workers), thread_name_prefix="history") as pool:
            for future in [pool.submit(work, connection) for connection in workers]:
                future.result()


def _kept(cursor: Cursor, site: Site) -> list[dict[str, Any]]:
    cursor.execute(
        "SELECT document, source_key, aura_id AS id, reason FROM migration.history_kept WHERE migration_id = %s "
        'ORDER BY document, source_key COLLATE "C"',
        [site.migration_id],
    )
    return cursor.fetchall()


def _has_nothing(connection: psycopg.Connection[Any], subject: Subject) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM migration.history_batches WHERE migration_id = %(m)s AND loaded_at IS NOT NULL) "
        "OR EXISTS (SELECT FROM migration.history_placeholders WHERE migration_id = %(m)s AND xid IS NOT NULL)",
        {"m": subject.migration_id},
    ).fetchone()
    return not (row and row[0])


def _batches(connection: psycopg.Connection[Any], subject: Subject) -> list[_Written]:
    """The batches that were loaded, the last one first, with the kinds that each wrote."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            SELECT b.id, b.plan_id, b.first_ids, b.counts, b.undone, (
                SELECT coalesce(array_agg(DISTINCT j.document), '{}') FROM migration.history_journal j WHERE j.batch_id = b.id) AS kinds
            FROM migration.history_batches b WHERE b.migration_id = %s AND b.loaded_at IS NOT NULL
            ORDER BY b.plan_id DESC, b.batch DESC
            """,
            [subject.migration_id],
        )
        return [
            _Written(
                row["id"],
                row["plan_id"],
                row["first_ids"],
                row["counts"],
                tuple(kind for kind in DOCUMENTS if row["counts"].get(kind) or kind in row["kinds"]),
                row["undone"],
            )
            for row in cursor.fetchall()
        ]


@contextmanager
def _step(connection: psycopg.Connection[Any]) -> Iterator[Cursor]:
    """A transaction without savepoints: restored rows carry its number."""
    is_open = connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
    with nullcontext() if is_open else connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(
            "SET LOCAL TimeZone = 'UTC'; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL synchronous_commit = off"
        )
        yield cursor


# -- what still points at documents -------------------------------------------------------------------------------------


def _referrers(cursor: Cursor, kind: str) -> list[tuple[str, str]]:
    """``(table, column)`` of whatever may point at a kind from outside: out of the history, or by foreign key."""
    own = {f"aura.{child.name}" for child in tables_of(kind)}
    soft = [(f"aura.{table.name}", c.target) for table in TABLES for c in table.refs if c.ref == kind]
    return soft + [(table, column) for table, column in references_to(cursor, kind) if table not in own]


def _referred(cursor: Cursor, kind: str, batches: list[_Written]) -> dict[int, str]:
    """The documents of a kind that something still points at, and the tables it is in."""
    blocks = [(b.first_ids[kind], b.first_ids[kind] + b.counts[kind] - 1) for b in batches if b.counts.get(kind)]
    found: dict[int, set[str]] = {}
    for table, column in _referrers(cursor, kind) if blocks else ():
        cursor.execute(
            f"SELECT DISTINCT c.{column} AS id FROM {table} c WHERE c.{column} BETWEEN %s AND %s",
            [min(first for first, _ in blocks), max(last for _, last in blocks)],
        )
        for row in cursor.fetchall():
            found.setdefault(row["id"], set()).add(table.removeprefix("aura."))
    return {aura_id: ", ".join(sorted(tables)) for aura_id, tables in found.items()}


# -- one kind of one batch ----------------------------------------------------------------------------------------------


def _undo(cursor: Cursor, site: Site, kind: str, batch: _Written, referred: dict[int, str]) -> dict[str, int]:
    # One that is dying may still be at it: wait for it, and leave it at that.
    cursor.execute(
        "SELECT undone -> %s AS done FROM migration.history_batches WHERE id = %s FOR UPDATE", [kind, batch.id]
    )
    row = cursor.fetchone()
    if row and row["done"] is not None:
        return dict(row["done"])
    standing.make_table(cursor)
    outcomes = _restore(cursor, site, kind, batch)
    if batch.counts.get(kind):
        for outcome, number in _remove(cursor, site, kind, batch, referred).items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
    outcomes = {outcome: number for outcome, number in outcomes.items() if number}
    cursor.execute(
        "UPDATE migration.history_batches SET undone = undone || %s WHERE id = %s", [Jsonb({kind: outcomes}), batch.id]
    )
    return outcomes


def _restore(cursor: Cursor, site: Site, kind: str, batch: _Written) -> dict[str, int]:
    """Put back what the batch replaced or marked."""
    cursor.execute(
        "SELECT count(*) AS n FROM migration.history_journal WHERE batch_id = %s AND document = %s", [batch.id, kind]
    )
    row = cursor.fetchone()
    written = row["n"] if row else 0
    if not written:
        return {}
    which = "IN (SELECT aura_id FROM migration.history_journal WHERE batch_id = %(batch)s AND document = %(kind)s AND undone_at IS NULL)"
    found = standing.look_at(cursor, kind, which, {"batch": batch.id})
    _judge_owner(cursor, batch)
    standing.judge_children(cursor, kind)
    kept = standing.keep(cursor, site.migration_id, kind)
    restored = replacing.restore(cursor, kind, batch.id)
    cursor.execute(
        """
        UPDATE migration.history_journal SET undone_at = clock_timestamp(), outcome = CASE WHEN aura_id = ANY(%s) THEN 'kept' ELSE 'gone_already' END
        WHERE batch_id = %s AND document = %s AND undone_at IS NULL
        """,
        [[row["aura_id"] for row in kept], batch.id, kind],
    )
    return {"restored": restored, "kept": len(kept), "gone_already": written - found}


def _judge_owner(cursor: Cursor, batch: _Written) -> None:
    """What another batch wrote since (one that is not undone, of another migration) is that one's to take back."""
    cursor.execute(
        "UPDATE history_standing SET reason = %s WHERE written_by IS DISTINCT FROM %s AND reason IS NULL",
        [standing.REWRITTEN, batch.id],
    )


def _remove(cursor: Cursor, site: Site, kind: str, batch: _Written, referred: dict[int, str]) -> dict[str, int]:
    """Remove what the batch created."""
    first, last = batch.first_ids[kind], batch.first_ids[kind] + batch.counts[kind] - 1
    block: dict[str, Any] = {"first": first, "last": last}
    found = standing.look_at(cursor, kind, "BETWEEN %(first)s AND %(last)s", block)
    _judge_owner(cursor, batch)
    if not _is_whole(cursor, kind, block):
        standing.judge_children(cursor, kind)
    _keep_referred(cursor, {i: by for i, by in referred.items() if first <= i <= last})
    kept = standing.keep(cursor, site.migration_id, kind)
    but = ""
    if kept:
        block["kept"] = [row["aura_id"] for row in kept]
        but = " <> ALL(%(kept)s)"
    for child in reversed(tables_of(kind)[1:]):
        other = f"AND {child.parent}{but}" if but else ""
        cursor.execute(
            f"DELETE FROM aura.{child.name} WHERE {child.parent} BETWEEN %(first)s AND %(last)s {other}", block
        )
    cursor.execute(
        f"DELETE FROM aura.{kind} WHERE id BETWEEN %(first)s AND %(last)s {f'AND id{but}' if but else ''}", block
    )
    return {"removed": cursor.rowcount, "kept": len(kept), "gone_already": _created(cursor, kind, batch) - found}


def _created(cursor: Cursor, kind: str, batch: _Written) -> int:
    """How many documents of a kind the batch created."""
    cursor.execute(
        "SELECT (created ->> %s)::integer AS n FROM migration.history_batches WHERE id = %s", [kind, batch.id]
    )
    row = cursor.fetchone()
    return int(row["n"] or 0) if row else 0


def _is_whole(cursor: Cursor, kind: str, block: dict[str, Any]) -> bool:
    """Whether all children of the block are as one transaction wrote them: then no document needs to be looked at."""
    cursor.execute(
        "SELECT min(written_by) AS low, max(written_by) AS high, min(xid::text) AS xid, count(DISTINCT xid::text) AS n FROM history_standing"
    )
    row = cursor.fetchone()
    if row is None or row["n"] != 1 or row["low"] != row["high"]:
        return False
    for child in tables_of(kind)[1:]:
        cursor.execute(
            f"""
            SELECT p.count = p.ours AND p.count = coalesce((
                SELECT sum(u.count) FROM migration.history_children h CROSS JOIN LATERAL unnest(h.counts) WITH ORDINALITY u(count, n)
                JOIN history_standing s ON s.root_n = u.n WHERE h.batch_id = %(batch)s AND h.child = %(child)s), 0) AS is_whole
            FROM (SELECT count(*) AS count, count(*) FILTER (WHERE c.xmin = %(xid)s::xid) AS ours
                  FROM aura.{child.name} c WHERE c.{child.parent} BETWEEN %(first)s AND %(last)s) p
            """,
            {"batch": row["low"], "child": child.name, "xid": row["xid"], **block},
        )
        answer = cursor.fetchone()
        if not (answer and answer["is_whole"]):
            return False
    return True


def _keep_referred(cursor: Cursor, referred: dict[int, str]) -> None:
    if referred:
        cursor.execute(
            "UPDATE history_standing s SET reason = 'still used by ' || r.by FROM unnest(%s::bigint[], %s::text[]) AS r(id, by) "
            "WHERE r.id = s.id AND s.reason IS NULL",
            [list(referred), list(referred.values())],
        )


def _close(cursor: Cursor, batches: list[int]) -> None:
    """The batches are undone; bodies whose documents are gone are read again the next time."""
    cursor.execute(
        "UPDATE migration.history_batches SET undone_at = clock_timestamp() WHERE id = ANY(%s) AND undone_at IS NULL",
        [batches],
    )
    cursor.execute("DELETE FROM migration.history_bodies WHERE batch_id = ANY(%s)", [batches])
