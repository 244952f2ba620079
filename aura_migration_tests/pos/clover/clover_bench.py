"""What the Clover tests share: a sandbox, a session on it, a recorder in a fresh snapshot, and hand-made snapshots."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import psycopg

from aura_migration.archive.snapshot import (
    Certificate,
    Recorder,
    SnapshotReader,
    SnapshotStore,
    StoredBody,
    open_snapshot,
)
from aura_migration.canonical.model import Batch, Row
from aura_migration.core.ids import location_key
from aura_migration.pos.clover import CONNECTOR
from aura_migration.pos.clover.client import CloverSession
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account, HistorySpan, SourceLocation
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.ciphers import MemoryCipher

NAMES = tuple(entity.name for entity in CONNECTOR.source_entities if entity.scope == "location")
HISTORY = tuple(entity.name for entity in CONNECTOR.source_entities if entity.scope == "history")
TAKEN_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


@dataclass
class Bench:
    """One sandbox and what a migration would hold beside it."""

    sandbox: RunningSandbox
    connection: psycopg.Connection[Any]
    folder: Path
    integration_id: int = 1
    stores: list[MemoryStore] = field(default_factory=list)
    cipher: MemoryCipher = field(default_factory=MemoryCipher)
    taken_at: datetime = TAKEN_AT

    def truth(self) -> dict[str, Any]:
        """What the sandbox knows to be true."""
        return dict(self.control("GET", "truth"))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the sandbox's control surface."""
        response = httpx.request(method, f"{self.sandbox.control_url}/{path}", json=body, timeout=60)
        response.raise_for_status()
        return response.json()

    def credentials(self, variant: str = "") -> Any:
        """A credentials document of the sandbox."""
        found = self.control("GET", "credentials")
        return found["variants"][variant] if variant else found["default"]

    def asked(self, part: str = "") -> list[dict[str, Any]]:
        """Requests the sandbox has answered, those whose path holds ``part``."""
        return [row for row in self.control("GET", "requests")["requests"] if part in row["path"]]

    def run(self, work: Callable[[CloverSession], Any], document: Any = None) -> Any:
        """Something done in a session."""
        store = MemoryStore(self.integration_id, CONNECTOR.parse_credentials(document or self.credentials()))
        self.stores.append(store)

        async def go() -> Any:
            async with Buckets.in_memory() as buckets:
                account = Account(self.integration_id, self.sandbox.base_url, store, buckets)
                async with CONNECTOR.open(account) as session:
                    return await work(session)  # type: ignore[arg-type]

        return asyncio.run(go())

    def locations(self, document: Any = None) -> tuple[SourceLocation, ...]:
        """All locations of the account."""

        async def discover(session: CloverSession) -> Any:
            return (await session.discover()).locations

        return tuple(self.run(discover, document))

    def recorder(self, location: str, scope: Literal["location", "history"] = "location") -> Recorder:
        """A recorder for that location, continuing an interrupted one."""
        return open_snapshot(
            self.connection,
            SnapshotStore(str(self.folder)),
            integration_id=self.integration_id,
            pos="clover",
            scope=scope,
            location_key=location_key("clover", location),
            taken_at=self.taken_at,
            redaction=CONNECTOR.redaction,
            cipher=self.cipher,
        )

    def history(
        self,
        location: str = "",
        span: HistorySpan | None = None,
        document: Any = None,
        entities: Sequence[str] = HISTORY,
        *,
        retry: bool = True,
    ) -> SnapshotReader:
        """A whole extraction of the history; the reader of its snapshot."""
        given = self.credentials()
        ident = location or (given[0] if isinstance(given, list) else given)["merchant_id"]

        async def extracted(session: CloverSession) -> Any:
            if not retry:
                session.site(ident).client.retry = ONCE
            with self.recorder(ident, "history") as recorder:
                await session.extract(recorder, "history", ident, entities, span)
                return recorder.finish()

        return SnapshotReader(self.run(extracted, document), cipher=self.cipher)

    def told(self, part: str) -> list[dict[str, Any]]:
        """One part of what the sandbox knows of sales."""
        response = httpx.get(f"{self.sandbox.control_url}/orders/{part}", timeout=60)
        response.raise_for_status()
        return [json.loads(line) for line in response.text.splitlines()]

    def stored_entry(self) -> dict[str, Any]:
        """The credentials of the first merchant as the last session left them."""
        return dict(self.stores[-1].load(self.integration_id)[0]["merchants"][0])

    def first_merchant(self) -> str:
        """The first merchant of the account; the truth says it too, but takes half a second to tell."""
        default = self.control("GET", "credentials")["default"]
        return str((default[0] if isinstance(default, list) else default)["merchant_id"])

    def extract(
        self, location: str = "", document: Any = None, entities: Sequence[str] = NAMES, *, retry: bool = True
    ) -> SnapshotReader:
        """A whole extraction; the reader of its snapshot. ``retry=False``: one attempt per request."""
        ident = location or self.first_merchant()

        async def extracted(session: CloverSession) -> Any:
            if not retry:
                session.site(ident).client.retry = ONCE
            with self.recorder(ident) as recorder:
                await session.extract(recorder, "location", ident, entities)
                return recorder.finish()

        return SnapshotReader(self.run(extracted, document), cipher=self.cipher)


class Handmade:
    """A snapshot written by hand: certificates say complete, bodies are those given."""

    def __init__(self, lists: Mapping[str, Any], refused: Sequence[str] = ()) -> None:
        self._bodies: dict[str, list[StoredBody]] = {}
        self._refused = refused
        for name, value in lists.items():
            entity, _, window = name.partition("|")
            document = {"elements": value} if isinstance(value, list) else value
            data = json.dumps(document).encode()
            body = StoredBody(entity, data, "GET", f"/{entity}", None, None, 1, window, 1, "", len(data))
            self._bodies.setdefault(entity, []).append(body)

    def bodies(self, entity: str) -> Any:
        """The bodies of an entity."""
        return iter(self._bodies.get(entity, []))

    def revealed(self, body: StoredBody) -> bytes:
        """Nothing of it is encrypted."""
        return body.data

    def certificate(self, entity: str) -> Certificate | None:
        """Complete, unless it was refused."""
        if entity in self._refused:
            return Certificate(entity, "not_extracted", reason="not permitted")
        return Certificate(entity, "complete", 1, 1, 1)


SITE = SourceLocation("MERCHANT00001", "Café", "America/Denver", "USD", "04:00")


def mapped(lists: Mapping[str, Any], refused: Sequence[str] = ()) -> Batch:
    """The batch of a hand-made snapshot."""
    return CONNECTOR.map_menu(Handmade(lists, refused), SITE)  # type: ignore[arg-type]


def by_key(batch: Batch, entity: str) -> dict[str, Row]:
    """The rows of an entity by key; twice the same key is an error."""
    found: dict[str, Row] = {}
    for row in batch.rows:
        if row.entity == entity:
            assert row.key not in found, f"{entity} {row.key} twice"
            found[row.key] = row
    return found
