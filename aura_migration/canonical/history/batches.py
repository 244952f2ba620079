"""Batches of recorded bodies: which bodies are staged together, and how one batch gets into the working tables.

Which process stages which batch, and what is done when all are staged, is in ``staging.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql

from aura_migration.archive.snapshot import BodyRef, SnapshotReader, SnapshotStore, StoredBody
from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.documents import Document, HistoryMapper
from aura_migration.canonical.history.tables import TABLES
from aura_migration.canonical.history.writing import COPY_OPTIONS, BatchText
from aura_migration.core import collector
from aura_migration.database.connections import Connection

BATCH_ROWS = 5_000
"""Source rows (orders, payments) of a batch: some megabytes of text, a second or two of work."""
PART_DOCUMENTS = 256
"""How many documents are tried together when a batch holds something that the database does not take."""
_REFUSED = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
_COLUMN = re.compile(r"column (\w+)")

Judge = Callable[[Document], list[str]]
"""Says what is wrong with the values of a document."""
Reading = tuple[Document, int, int]
"""A document, the place of its body in the batch, its place in the body."""


@dataclass(frozen=True)
class BatchSpec:
    """One batch to be staged. ``bodies`` are where they lie and what they answer; ``basis`` stands for all that decides its rows."""

    number: int
    entity: str
    bodies: tuple[tuple[str, BodyRef], ...]
    basis: str

    @property
    def source_rows(self) -> int:
        """Records in the bodies."""
        return sum(ref.rows for _, ref in self.bodies)

    @property
    def hashes(self) -> list[str]:
        """The hashes of the bodies, in order."""
        return [ref.sha256 for _, ref in self.bodies]


def batches_of(
    reader: SnapshotReader, entities: Iterable[str], skip: Collection[str], rules: str, batch_rows: int = BATCH_ROWS
) -> tuple[list[BatchSpec], int]:
    """The bodies of these entities as batches, numbered from 1, and how many bodies are left out as ``skip`` says.

    Of a body that was recorded several times the last counts. A body without records is never left out: it has nothing
    by which to tell it from another one.
    """
    base = blake2b(digest_size=16)
    base.update(json.dumps([rules, _declaration(), [ref.manifest_hash for ref in reader.snapshots]]).encode())
    specs: list[BatchSpec] = []
    skipped = 0
    for entity in entities:
        found: dict[tuple[str, str, str], tuple[str, BodyRef]] = {}
        for snapshot, manifest in zip(reader.snapshots, reader.manifests, strict=True):
            for ref in manifest.bodies.get(entity, ()):
                if ref.rows and ref.sha256 in skip:
                    skipped += 1
                    continue
                key = (ref.sha256, ref.method, ref.path)
                found.pop(key, None)
                found[key] = (snapshot.url, ref)
        part: list[tuple[str, BodyRef]] = []
        rows = 0
        for body in found.values():
            if part and rows + body[1].rows > batch_rows:
                specs.append(_spec(len(specs) + 1, entity, part, base.copy()))
                part, rows = [], 0
            part.append(body)
            rows += body[1].rows
        if part:
            specs.append(_spec(len(specs) + 1, entity, part, base.copy()))
    return specs, skipped


def _spec(number: int, entity: str, bodies: list[tuple[str, BodyRef]], basis: Any) -> BatchSpec:
    basis.update(json.dumps([number, entity, [[ref.sha256, ref.method, ref.path] for _, ref in bodies]]).encode())
    return BatchSpec(number, entity, tuple(bodies), basis.hexdigest())


def _declaration() -> list[Any]:
    """What the working tables look like: another release may not go on with what an earlier one began."""
    return [[table.name, shapes.columns_of(table)] for table in TABLES]


def stage_batch(
    connection: Connection, migration_id: int, mapper: HistoryMapper, spec: BatchSpec, judge: Judge
) -> None:
    """Map the bodies of a batch and copy its rows, in one transaction; nothing happens if somebody staged it meanwhile.

    A document that the database does not take becomes a fault; the others are not touched by it. The connection is in
    autocommit mode.
    """
    with collector.paused():
        text = BatchText(spec.number)
        for document, body, place in _documents(mapper, spec):
            text.add(document, body, place)
        text.close()
    try:
        with connection.transaction():
            if _claim(connection, migration_id, spec):
                _copy(connection, migration_id, text)
                _settle(connection, migration_id, text)
        return
    except _REFUSED:
        del text
    with connection.transaction():
        if _claim(connection, migration_id, spec):
            _copy_in_parts(connection, migration_id, mapper, spec, judge)


def _documents(mapper: HistoryMapper, spec: BatchSpec) -> Iterator[Reading]:
    stores: dict[str, SnapshotStore] = {}
    for number, (url, ref) in enumerate(spec.bodies):
        store = stores.get(url) or stores.setdefault(url, SnapshotStore(url))
        body = StoredBody(
            entity=ref.entity,
            data=store.get(ref.sha256),
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
        try:
            for place, document in enumerate(mapper.documents(body)):
                yield document, number, place
        except Exception as error:
            error.add_note(f"while mapping the body {ref.sha256} of {ref.entity}")
            raise


def _claim(connection: Connection, migration_id: int, spec: BatchSpec) -> bool:
    """Take the batch; whoever else has it in work is waited for, and has staged it then."""
    taken = connection.execute(
        sql.SQL(
            "INSERT INTO {} (batch, basis, entity, bodies, documents, counts) VALUES (%s, %s, %s, %s, 0, '{{}}') "
            "ON CONFLICT DO NOTHING"
        ).format(shapes.staged(migration_id, shapes.BATCHES)),
        [spec.number, spec.basis, spec.entity, json.dumps(spec.hashes)],
    )
    return taken.rowcount == 1


def _settle(connection: Connection, migration_id: int, text: BatchText) -> None:
    counts = {name: count for name, count in text.counts.items() if count}
    connection.execute(
        sql.SQL("UPDATE {} SET documents = %s, counts = %s WHERE batch = %s").format(
            shapes.staged(migration_id, shapes.BATCHES)
        ),
        [text.documents, json.dumps(counts), text.batch],
    )


def _copy(connection: Connection, migration_id: int, text: BatchText) -> None:
    with connection.cursor() as cursor:
        for name, columns, chunks in text.close():
            query = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
                shapes.staged(migration_id, name),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(COPY_OPTIONS),
            )
            with cursor.copy(query) as copy:
                for chunk in chunks:
                    copy.write(chunk)


# -- where the database does not take something ---------------------------------------------------------------------------


def _copy_in_parts(
    connection: Connection, migration_id: int, mapper: HistoryMapper, spec: BatchSpec, judge: Judge
) -> None:
    documents = _documents(mapper, spec)
    text = BatchText(spec.number)
    while part := list(islice(documents, PART_DOCUMENTS)):
        text = _copy_part(connection, migration_id, part, text, judge)
    _settle(connection, migration_id, text)


def _copy_part(
    connection: Connection, migration_id: int, part: list[Reading], after: BatchText, judge: Judge
) -> BatchText:
    """Copy these documents behind ``after``; halves of them where they are refused, until the one is found."""
    text = BatchText(after.batch, after)
    for document, body, place in part:
        text.add(document, body, place)
    try:
        with connection.transaction():
            _copy(connection, migration_id, text)
        return text
    except _REFUSED as error:
        if len(part) == 1:
            document, body, place = part[0]
            reason = "; ".join(judge(document)) or _reason(error)
            faulty = replace(document, rows=[], fault=reason)
            return _copy_part(connection, migration_id, [(faulty, body, place)], after, judge)
    middle = len(part) // 2
    text = _copy_part(connection, migration_id, part[:middle], after, judge)
    return _copy_part(connection, migration_id, part[middle:], text, judge)


def _reason(error: psycopg.Error) -> str:
    """Where the database says the fault is. Its message is not repeated: it quotes the value."""
    found = _COLUMN.search(error.diag.context or "")
    return f"{found[1] if found else 'a value'} cannot be stored (SQLSTATE {error.sqlstate})"
