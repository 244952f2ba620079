"""What the tests of the history's witnesses share: answers written by hand, and a history recorded without a connector."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.snapshot import Redaction, SnapshotReader, SnapshotStore, open_snapshot
from aura_migration.pos.order_facts import HistoryFact

TAKEN = datetime(2026, 10, 1, 9, tzinfo=UTC)
NOW = "2026-10-01T09:00:00Z"


class Answer(NamedTuple):
    """One answer of a POS and the request it belongs to."""

    entity: str
    path: str
    body: bytes
    method: str = "GET"
    params: Mapping[str, Any] | None = None
    sent: Mapping[str, Any] | None = None
    rows: int = 1


class Answered:
    """A snapshot of answers written by hand, where a SnapshotReader is expected: ``(entity, path, document)`` each.

    A document that is a pair names the body of its request first.
    """

    def __init__(self, *answers: tuple[str, str, Any]) -> None:
        self._bodies: dict[str, list[StoredBody]] = defaultdict(list)
        for page, (entity, path, document) in enumerate(answers):
            sent, document = document if isinstance(document, tuple) else (None, document)
            data = json.dumps(document).encode()
            body = StoredBody(entity, data, "GET", path, None, sent, page, "", 1, "", len(data))
            self._bodies[entity].append(body)

    def bodies(self, entity: str) -> Iterator[StoredBody]:
        """Bodies of that entity, in the order given."""
        return iter(self._bodies.get(entity, ()))


def record(
    connection: psycopg.Connection[Any], folder: Path, pos: str, location: str, answers: Iterable[Answer]
) -> SnapshotReader:
    """A real snapshot of the history of a location, made of these answers as they are."""
    with open_snapshot(
        connection,
        SnapshotStore(str(folder / "snapshots")),
        integration_id=1,
        pos=pos,
        scope="history",
        location_key=f"{pos}:{location}",
        taken_at=TAKEN,
        redaction=Redaction(),
    ) as recorder:
        for page, one in enumerate(answers):
            recorder.record(
                one.entity,
                method=one.method,
                path=one.path,
                params=one.params,
                request_body=one.sent,
                body=one.body,
                rows=one.rows,
                page=page,
            )
        return SnapshotReader(recorder.finish())


def of(facts: Iterable[HistoryFact], kind: Any) -> dict[str, Any]:
    """The facts of one kind by key; a key that comes twice is a defect."""
    found: dict[str, Any] = {}
    for fact in facts:
        if isinstance(fact, kind):
            key = fact.key
            assert key not in found, f"{kind.__name__} {key} twice"
            found[key] = fact
    return found
