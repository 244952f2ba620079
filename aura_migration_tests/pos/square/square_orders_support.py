"""What the tests of Square's past share: one real extraction of a scenario, and what the mapping makes of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.archive.snapshot import Certificate, SnapshotReader, SnapshotRef, SnapshotStore, open_snapshot
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.history.tables import BY_ROW, tables_of
from aura_migration.database.connections import connect
from aura_migration.database.vault import PersonKeys, open_vault
from aura_migration.pos.port import HistorySpan, SourceLocation
from aura_migration.pos.square import CONNECTOR
from aura_migration.pos.square.client import SquareSession
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration.settings import load_settings
from aura_migration_tests.pos.square.square_people_support import SEALS
from aura_migration_tests.pos.square.square_support import session_on

NOW = "2026-10-01T09:00:00Z"
TAKEN = datetime(2026, 10, 1, 9, tzinfo=UTC)
HISTORY = tuple(e.name for e in CONNECTOR.source_entities if e.scope == "history")
WHOLE = HistorySpan(datetime(2025, 8, 1, tzinfo=UTC), TAKEN + timedelta(hours=1))
"""Everything the scenarios tell of."""
SALES = ("orders", "payments", "refunds")


@dataclass(frozen=True)
class Taken:
    """One extraction of a past: the location read, its snapshots, where they lie."""

    location: SourceLocation
    refs: tuple[SnapshotRef, ...]
    folder: Path

    @property
    def reader(self) -> SnapshotReader:
        """A reader without keys: the mapping needs none."""
        return SnapshotReader(*self.refs)

    def certificate(self, entity: str) -> Certificate:
        """The certificate of a source entity."""
        found = self.reader.certificate(entity)
        assert found is not None, entity
        return found


class Archive:
    """Where extractions of one test module are recorded."""

    def __init__(self, url: str, connection: psycopg.Connection[Any], folder: Path) -> None:
        settings = load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder / "aura")})
        connection.execute("truncate migration.person_keys, migration.sealed_secrets, migration.snapshots cascade")
        self.persons = PersonKeys(open_vault(settings, lambda: connect(url)))
        self.connection = connection
        self.folder = folder

    def open(self, scope: str, location: str | None, resume: bool = True) -> Any:
        """A recorder."""
        return open_snapshot(
            self.connection,
            SnapshotStore(str(self.folder / "snapshots")),
            integration_id=1,
            pos="square",
            scope=scope,  # type: ignore[arg-type]
            location_key=f"square:{location}" if location else None,
            taken_at=TAKEN,
            redaction=CONNECTOR.redaction,
            cipher=self.persons,
            resume=resume,
        )

    def take(
        self,
        sandbox: RunningSandbox,
        span: HistorySpan | None = WHOLE,
        entities: Sequence[str] = HISTORY,
        credentials: str = "default",
        catalog: bool = True,
    ) -> Taken:
        """Read the past of the first location, and the catalog."""

        async def go() -> Taken:
            async with quick(sandbox, credentials) as session:
                location = (await session.discover()).locations[0]
                refs = []
                if catalog:
                    with self.open("merchant", None) as recorder:
                        await session.extract(recorder, "merchant", None, ["catalog"])
                        refs.append(recorder.finish())
                with self.open("history", location.source_id) as recorder:
                    await session.extract(recorder, "history", location.source_id, entities, span)
                    refs.append(recorder.finish())
                return Taken(location, tuple(refs), self.folder)

        return asyncio.run(go())


class quick:  # noqa: N801  (reads like the function it stands for)
    """A session whose waits between attempts are cut short."""

    def __init__(self, sandbox: RunningSandbox, credentials: str = "default") -> None:
        self._context = session_on(sandbox, credentials)

    async def __aenter__(self) -> SquareSession:
        session = await self._context.__aenter__()
        session.client.retry = dataclasses.replace(session.client.retry, base_delay=0.01, max_delay=0.05)
        return session

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)


def mapper(taken: Taken, rules: HistoryRules | None = None) -> Any:
    """The mapping of that location, by default with close-out at midnight."""
    return CONNECTOR.history_mapper(taken.reader, taken.location, SEALS, rules or HistoryRules(taken.location.timezone))


def documents(
    taken: Taken, rules: HistoryRules | None = None, *, are_checked: bool = True
) -> dict[str, dict[str, Any]]:
    """Documents by kind and key, the last version of each, checked against the declarations."""
    mapping = mapper(taken, rules)
    found: dict[str, dict[str, Any]] = {}
    for entity in mapping.entities:
        for body in taken.reader.bodies(entity):
            for document in mapping.documents(body):
                if are_checked:
                    check(document)
                held = found.setdefault(document.kind, {}).get(document.key)
                if held is None or document.version >= held.version:
                    found[document.kind][document.key] = document
    return found


def check(document: Document) -> None:
    """Raise unless the document's rows fit their declarations."""
    if document.fault or document.gone:
        assert not document.rows
        return
    allowed = [table.row for table in tables_of(document.kind)]
    assert [type(row) for row in document.rows].count(allowed[0]) == 1
    assert type(document.rows[0]) is allowed[0]
    counts: dict[str, int] = {}
    for row in document.rows:
        counts[BY_ROW[type(row)].name] = counts.get(BY_ROW[type(row)].name, 0) + 1
    for row in document.rows:
        table = BY_ROW[type(row)]
        assert type(row) in allowed
        for column, value in zip(table.columns, row, strict=True):
            where = (document.kind, document.key, table.name, column.name, value)
            assert value is not None or not column.required, where
            assert value is None or not column.choices or value in column.choices, where
            if value is None:
                continue
            kinds = {"cents": int, "int": int, "bool": bool}
            assert type(value) is kinds.get(column.kind, str), where
            if column.within:
                assert 0 <= value < counts[column.within], where


def rows(document: Document, kind: type[Any]) -> list[Any]:
    """The rows of one table."""
    return [row for row in document.rows if type(row) is kind]
