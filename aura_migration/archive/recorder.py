"""Recording an extraction: every body redacted and stored, progress kept in PostgreSQL, so that a kill loses nothing.

The order of writes is what makes that true: a body is in the store before the database names it, the manifest is in the
store before the snapshot is called complete. What to fetch and what it means does not belong here.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, LiteralString, Self

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from aura_migration.archive.certificates import Certificate, contradictions
from aura_migration.archive.manifest import BodyRef, Manifest, Scope, SnapshotRef
from aura_migration.archive.packing import Packer, PackerSource, SharedPacking
from aura_migration.archive.reader import StoredBody
from aura_migration.archive.redaction import PersonCipher, Redaction, redact_values
from aura_migration.archive.store import SnapshotStore
from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.ids import canonical_json, content_hash, split_location_key
from aura_migration.database.connections import lock_key, try_session_lock, unlock

Connection = psycopg.Connection[Any]

PATIENCE = 5.0
"""Seconds to wait for the place's lock: the server frees that of a killed process a moment after the kill."""
STALE_AFTER = timedelta(hours=24)
"""An interrupted extraction older than this (business time) is not continued: its halves would show different menus."""


def open_snapshot(
    connection: Connection,
    store: SnapshotStore,
    *,
    integration_id: int,
    pos: str,
    scope: Scope,
    location_key: str | None,
    taken_at: datetime,
    redaction: Redaction,
    cipher: PersonCipher | None = None,
    resume: bool = True,
    stale_after: timedelta = STALE_AFTER,
    patience: float = PATIENCE,
    helper: PackerSource | None = None,
) -> Recorder:
    """Begin a snapshot, or continue the one an interrupted extraction left open.

    ``taken_at`` is business time; a continued snapshot keeps its own. ``resume=False``, another store or too old an
    attempt gives up the open one (state ``failed``) and begins anew; a file is always read from its beginning. The connection
    is the recorder's until it is closed: it commits each step, and holds a lock so that one extraction at a time writes this
    snapshot. Refused when another one does. ``helper`` opens the same rules and keys in another process, which shares the work
    where bodies are many.
    """
    if taken_at.tzinfo is None:
        raise BadInput("taken_at has no offset from UTC.", "Give an aware instant.")
    if (scope in ("location", "history")) != (location_key is not None):
        raise BadInput(
            "A snapshot of a location or its history needs the location's key, any other has none.",
            "Give scope and key.",
        )
    if location_key is not None:
        split_location_key(location_key)
    resume = resume and scope != "file"
    _require_idle(connection)
    locks = _Locks(connection, f"snapshot {integration_id} {scope} {location_key or ''}", store.url)
    locks.take(patience)
    try:
        with connection.transaction():
            row = connection.execute(
                "select id, url, taken_at from migration.snapshots where integration_id = %s and scope = %s "
                "and location_key is not distinct from %s and state = 'open' for update",
                (integration_id, scope, location_key),
            ).fetchone()
            if row is not None and not (resume and row[1] == store.url and taken_at - row[2] <= stale_after):
                why = "given up: a new extraction was begun" if not resume else "given up: too old or in another store"
                connection.execute(
                    "update migration.snapshots set state = 'failed', ended_at = now(), reason = %s where id = %s",
                    (why, row[0]),
                )
                row = None
            if row is None:
                row = connection.execute(
                    "insert into migration.snapshots (integration_id, pos, scope, location_key, url, taken_at) "
                    "values (%s, %s, %s, %s, %s, %s) returning id, url, taken_at",
                    (integration_id, pos, scope, location_key, store.url, taken_at),
                ).fetchone()
            assert row is not None
            connection.execute(
                "delete from migration.snapshot_pages p where snapshot_id = %s and not exists (select from "
                "migration.snapshot_windows w where w.snapshot_id = p.snapshot_id and w.entity = p.entity "
                "and w.win = p.win)",
                (row[0],),
            )
            manifest = Manifest(integration_id, pos, scope, location_key, row[2], {}, {})
            packing = SharedPacking(Packer(redaction, integration_id, cipher), helper)
            return Recorder(connection, store, row[0], manifest, packing, redaction, locks)
    except BaseException:
        locks.free()
        raise


Statement = tuple[LiteralString, dict[str, Any]]
_PAGE: LiteralString = """
    insert into migration.snapshot_pages (snapshot_id, seq, entity, win, page, method, path, params, request_body,
        request_hash, rows, sha256, size)
    values (%(snapshot_id)s, %(seq)s, %(entity)s, %(win)s, %(page)s, %(method)s, %(path)s, %(params)s, %(request_body)s,
        %(request_hash)s, %(rows)s, %(sha256)s, %(size)s)
"""
_UNCERTIFY: LiteralString = (
    "delete from migration.snapshot_certificates where snapshot_id = %(snapshot_id)s and entity = %(entity)s"
)
_WINDOW: LiteralString = (
    "insert into migration.snapshot_windows (snapshot_id, entity, win) "
    "values (%(snapshot_id)s, %(entity)s, %(win)s) on conflict do nothing"
)


@dataclasses.dataclass
class _Write:
    """Something one caller wants noted."""

    statements: Callable[[], list[Statement]]
    is_done: bool = False
    error: BaseException | None = None


class Recorder:
    """Records the bodies of one snapshot; made by :func:`open_snapshot`. Also a context manager that closes it.

    A *window* is a part of an entity that is fetched in one go (a span of time, one parent); "" when there is one only.
    Closing without finishing leaves the snapshot open: the next :func:`open_snapshot` continues it.
    """

    def __init__(
        self,
        connection: Connection,
        store: SnapshotStore,
        snapshot_id: int,
        head: Manifest,
        packing: SharedPacking,
        redaction: Redaction,
        locks: _Locks,
    ) -> None:
        self.snapshot_id = snapshot_id
        self.taken_at = head.taken_at
        self._connection = connection
        self._store = store
        self._head = head
        self._packing = packing
        self._redaction = redaction
        self._locks = locks
        self._mutex = threading.RLock()
        self._closed = False
        found = connection.execute(
            "select entity, win from migration.snapshot_windows where snapshot_id = %s", (snapshot_id,)
        ).fetchall()
        self._completed: set[tuple[str, str]] = {(entity, window) for entity, window in found}
        self._inherited = set(self._completed)
        self._uncertified: set[str] = set()
        """Entities whose certificate is known to be gone."""
        found = connection.execute(
            "select entity, win, max(seq) from migration.snapshot_pages where snapshot_id = %s group by 1, 2",
            (snapshot_id,),
        ).fetchall()
        self._begun: set[tuple[str, str]] = self._completed | {(entity, window) for entity, window, _ in found}
        """Windows of which something may be noted."""
        self._seq = max((int(seq) for _, _, seq in found), default=0)
        self._waiting: deque[_Write] = deque()

    def record(
        self,
        entity: str,
        *,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        request_body: Mapping[str, Any] | None,
        body: bytes,
        rows: int,
        page: int,
        window: str = "",
        person: str = "",
    ) -> None:
        """Redact and store one response body; when this returns it survives a kill of this process.

        ``person`` is whose answer it is, where the body itself does not name the person its values belong to.

        The first body recorded for a window that an *earlier*, interrupted attempt had completed replaces that window.
        Raises BadInput when the body must be redacted but is not JSON (nothing is stored), Refused when this attempt
        already completed the window.
        """
        asked = _plain(params, self._redaction)
        sent = _plain(request_body, self._redaction)
        key = (entity, window)
        with self._step():
            self._require_begun(key)
        # Several bodies are packed and written at once. One without a page is nobody's: clearing up removes it.
        packed = self._packing.packed(body, entity, f"{method} {path}", person)
        self._store.put_packed(packed)

        def page_noted() -> list[Statement]:
            self._require_begun(key)
            if key in self._completed:
                self._forget(entity, window)
            self._seq += 1
            self._begun.add(key)
            values = {
                "snapshot_id": self.snapshot_id,
                "seq": self._seq,
                "entity": entity,
                "win": window,
                "page": page,
                "method": method,
                "path": path,
                "params": None if asked is None else Jsonb(asked),
                "request_body": None if sent is None else Jsonb(sent),
                "request_hash": None if sent is None else content_hash(sent),
                "rows": rows,
                "sha256": packed.sha256,
                "size": packed.size,
            }
            statements: list[Statement] = [(_PAGE, values)]
            if entity not in self._uncertified:
                statements.insert(0, (_UNCERTIFY, values))
                self._uncertified.add(entity)
            return statements

        self._write(page_noted)

    def _require_begun(self, key: tuple[str, str]) -> None:
        if key in self._completed and key not in self._inherited:
            raise Refused(
                f"{key[0]}, window {key[1]!r}: a page was recorded after the window was completed.",
                "Restart the window first.",
            )

    def recorded(self, entity: str, window: str = "") -> bool:
        """Whether this window is completely recorded (by this or an interrupted attempt) and need not be fetched."""
        return (entity, window) in self._completed

    def complete_window(self, entity: str, window: str = "") -> None:
        """Note that all of the window is recorded; doing it twice changes nothing."""
        values = {"snapshot_id": self.snapshot_id, "entity": entity, "win": window}
        self._write(lambda: [(_WINDOW, values)])
        with self._step():
            self._completed.add((entity, window))

    def restart_window(self, entity: str, window: str = "") -> None:
        """Forget what was recorded of the window (the data moved under the paging), and the entity's certificate."""
        with self._step():
            if (entity, window) in self._begun or entity not in self._uncertified:
                self._forget(entity, window)

    def bodies(self, entity: str, window: str | None = None) -> Iterator[StoredBody]:
        """What is recorded so far of an entity (of one window), in order: to count a resumed extraction as a whole."""
        for ref in self.pages(entity, window):
            yield StoredBody(
                entity=ref.entity,
                data=self._store.get(ref.sha256),
                method=ref.method,
                path=ref.path,
                params=ref.params,
                request_body=ref.request_body,
                page=ref.page,
                window=ref.window,
                rows=ref.rows,
                sha256=ref.sha256,
                size=ref.size,
            )

    def pages(self, entity: str, window: str | None = None) -> tuple[BodyRef, ...]:
        """The recorded requests of an entity (of one window), in order, without their bodies."""
        with self._step(), self._connection.transaction():
            found = _pages(self._connection, self.snapshot_id, entity)
        return tuple(ref for ref in found.get(entity, ()) if window is None or ref.window == window)

    def certify(self, certificate: Certificate) -> None:
        """Keep the certificate of an entity (the last one counts) and take all its windows for completed.

        One that says ``complete`` against its own numbers, or against what is recorded, is kept as ``suspicious``.
        """
        entity = certificate.entity
        recorded = self.pages(entity)
        against = contradictions(certificate, len(recorded), sum(ref.rows for ref in recorded))
        if against:
            reason = "; ".join(filter(None, (certificate.reason, *against)))
            certificate = dataclasses.replace(certificate, status="suspicious", reason=reason)
        with self._step():
            with self._connection.transaction():
                self._connection.execute(
                    "insert into migration.snapshot_windows (snapshot_id, entity, win) select distinct snapshot_id, "
                    "entity, win from migration.snapshot_pages where snapshot_id = %s and entity = %s "
                    "on conflict do nothing",
                    (self.snapshot_id, entity),
                )
                self._connection.execute(
                    "insert into migration.snapshot_certificates (snapshot_id, entity, status, certificate) "
                    "values (%s, %s, %s, %s) on conflict (snapshot_id, entity) do update "
                    "set status = excluded.status, certificate = excluded.certificate",
                    (self.snapshot_id, entity, certificate.status, Jsonb(certificate.as_dict())),
                )
            self._completed.update((entity, ref.window) for ref in recorded)
            self._uncertified.discard(entity)

    def certificate(self, entity: str) -> Certificate | None:
        """The certificate kept so far (also by an interrupted attempt)."""
        with self._step(), self._connection.transaction():
            return _certificates(self._connection, self.snapshot_id).get(entity)

    def finish(self) -> SnapshotRef:
        """Write the manifest, call the snapshot complete and close. A kill in between leaves it open, nothing lost.

        An entity without a certificate does not stop it: the reference shows which are certified, and loading asks
        that.
        """
        with self._step():
            with self._connection.transaction():
                manifest = dataclasses.replace(
                    self._head,
                    bodies=_pages(self._connection, self.snapshot_id),
                    certificates=_certificates(self._connection, self.snapshot_id),
                )
            manifest_hash = self._store.put_manifest(manifest.encode())
            with self._connection.transaction():
                self._connection.execute(
                    "update migration.snapshots set state = 'complete', manifest_hash = %s, ended_at = now() "
                    "where id = %s",
                    (manifest_hash, self.snapshot_id),
                )
        self.close()
        return manifest.ref(self._store.url, manifest_hash, self.snapshot_id)

    def fail(self, reason: str) -> None:
        """Give the snapshot up for good, with the reason (no secrets, no personal data), and close."""
        with self._step(), self._connection.transaction():
            self._connection.execute(
                "update migration.snapshots set state = 'failed', ended_at = now(), reason = %s where id = %s",
                (reason, self.snapshot_id),
            )
        self.close()

    def close(self) -> None:
        """Free the locks; an unfinished snapshot stays open and can be continued. Closing twice is harmless."""
        with self._mutex:
            if not self._closed:
                self._closed = True
                self._packing.close()
                self._locks.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _forget(self, entity: str, window: str) -> None:
        with self._connection.transaction():
            for table in ("snapshot_pages", "snapshot_windows"):
                self._connection.execute(
                    f"delete from migration.{table} where snapshot_id = %s and entity = %s and win = %s",
                    (self.snapshot_id, entity, window),
                )
            self._connection.execute(
                "delete from migration.snapshot_certificates where snapshot_id = %s and entity = %s",
                (self.snapshot_id, entity),
            )
        self._completed.discard((entity, window))
        self._inherited.discard((entity, window))
        self._begun.discard((entity, window))
        self._uncertified.add(entity)

    def _write(self, statements: Callable[[], list[Statement]]) -> None:
        """Note something, in one transaction with what others want noted meanwhile; ``statements`` is asked for first.

        A page that a crash of the server loses takes all that was noted after it along, and is fetched again.
        """
        mine = _Write(statements)
        self._waiting.append(mine)
        with self._step():
            if not mine.is_done:
                together: list[_Write] = []
                while self._waiting:
                    together.append(self._waiting.popleft())
                self._write_together(together)
        if mine.error is not None:
            raise mine.error

    def _write_together(self, writes: Sequence[_Write]) -> None:
        ready: list[tuple[_Write, list[Statement]]] = []
        for write in writes:
            write.is_done = True
            try:
                ready.append((write, write.statements()))
            except (Refused, psycopg.Error) as error:
                write.error = error
        try:
            # Several statements sent as one are one transaction, in one round trip.
            with nullcontext() if self._connection.autocommit else self._connection.transaction():
                cursor = psycopg.ClientCursor(self._connection)
                noted = [cursor.mogrify(query, values) for _, statements in ready for query, values in statements]
                cursor.execute("; ".join(["set local synchronous_commit = off", *noted]).encode())
        except BaseException as error:
            self._uncertified.clear()
            for write, _ in ready:
                write.error = error

    @contextmanager
    def _step(self) -> Iterator[None]:
        with self._mutex:
            if self._closed:
                raise Refused("The recorder is closed.", "Open the snapshot again.")
            _require_idle(self._connection)
            yield


class _Locks:
    """What an open recorder holds: its own place alone, and the store together with other recorders."""

    def __init__(self, connection: Connection, place: str, store_url: str) -> None:
        self.connection = connection
        self.place = place
        self.store = store_lock(store_url)

    def take(self, patience: float) -> None:
        until = time.monotonic() + patience
        while not self._try(self.place):
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            raise Refused(
                f"The {self.place} is being extracted by another process.", "Wait until it ends, or stop it first."
            )
        try:
            with self.connection.transaction():
                self.connection.execute("select pg_advisory_lock_shared(%s)", (lock_key(self.store),))
        except BaseException:
            self._unlock_place()
            raise

    def free(self) -> None:
        if self.connection.closed:
            return
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            self.connection.rollback()
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_unlock_shared(%s)", (lock_key(self.store),))
        self._unlock_place()

    def _try(self, name: str) -> bool:
        with self.connection.transaction():
            return try_session_lock(self.connection, name)

    def _unlock_place(self) -> None:
        if not self.connection.closed:
            with self.connection.transaction():
                unlock(self.connection, self.place)


def store_lock(url: str) -> str:
    """The name of the lock that recorders share and clearing up takes alone."""
    return f"snapshot store {url}"


def _require_idle(connection: Connection) -> None:
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise BadInput(
            "The recorder's connection is inside a transaction of somebody else.",
            "Give the recorder a connection of its own: what it records must be committed at once.",
        )


def _plain(values: Mapping[str, Any] | None, redaction: Redaction) -> Any:
    """Parameters as the manifest shows them: redacted, and only what JSON knows (an instant becomes text)."""
    return None if values is None else msgspec.json.decode(canonical_json(redact_values(values, redaction)))


def _pages(connection: Connection, snapshot_id: int, entity: str | None = None) -> dict[str, tuple[BodyRef, ...]]:
    found = connection.execute(
        "select entity, method, path, params, request_body, request_hash, page, win, rows, sha256, size "
        "from migration.snapshot_pages where snapshot_id = %s and (%s::text is null or entity = %s) order by seq",
        (snapshot_id, entity, entity),
    ).fetchall()
    pages: dict[str, list[BodyRef]] = {}
    for row in found:
        pages.setdefault(row[0], []).append(BodyRef(*row))
    return {name: tuple(refs) for name, refs in sorted(pages.items())}


def _certificates(connection: Connection, snapshot_id: int) -> dict[str, Certificate]:
    found = connection.execute(
        "select entity, certificate from migration.snapshot_certificates where snapshot_id = %s order by entity",
        (snapshot_id,),
    ).fetchall()
    return {entity: Certificate.from_dict(data) for entity, data in found}
