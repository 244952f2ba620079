"""A sandbox Toast over HTTP, a recorder on real PostgreSQL, and snapshots of whole scenarios, each taken once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import httpx
import psycopg
import pytest

from aura_migration.archive.snapshot import Recorder, SnapshotReader, SnapshotStore, open_snapshot
from aura_migration.canonical.model import Batch
from aura_migration.database.connections import connect
from aura_migration.pos.http.limits import NO_LIMITS, Buckets
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account, Discovery
from aura_migration.pos.toast import CONNECTOR, client
from aura_migration.pos.toast.client import LIMITS, ToastSession
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support import database as support
from aura_migration_tests.support.ciphers import MemoryCipher

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALL = tuple(entity.name for entity in CONNECTOR.source_entities)
MENU_ONLY = tuple(entity.name for entity in CONNECTOR.source_entities if entity.is_menu)
T = TypeVar("T")


@dataclass
class Toast:
    """One sandbox with a way to open sessions on it and to take snapshots of it."""

    sandbox: RunningSandbox
    connection: psycopg.Connection[Any]
    folder: Path
    control: httpx.Client
    numbers: Iterator[int]
    taken: dict[str, Any] = field(default_factory=dict)
    cipher: MemoryCipher = field(default_factory=MemoryCipher)

    @property
    def truth(self) -> dict[str, Any]:
        """The known truth as it stands now."""
        answer: dict[str, Any] = self.control.get("/_control/truth").json()
        return answer

    def credentials(self, variant: str = "") -> dict[str, Any]:
        """A credentials document of the sandbox."""
        documents = self.control.get("/_control/credentials").json()
        found: dict[str, Any] = documents["variants"][variant] if variant else documents["default"]
        return found

    def post(self, path: str, body: Any) -> Any:
        """Turn something on the control surface."""
        return self.control.post(f"/_control/{path}", json=body).raise_for_status().json()

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """The requests served whose path contains ``path``."""
        return [one for one in self.control.get("/_control/requests").json()["requests"] if path in one["path"]]

    def calm(self) -> None:
        """No faults, an empty request log."""
        self.control.delete("/_control/faults")
        self.control.delete("/_control/requests")

    def session(self, work: Callable[[ToastSession], Awaitable[T]], **given: Any) -> T:
        """Run ``work`` in a session. ``variant`` or ``credentials`` choose the access; the rest goes to the account.

        Toast's limits are kept only where ``limits`` says so: most tests are not about them, and they cost seconds.
        """
        limits = LIMITS if given.pop("limits", False) else NO_LIMITS
        document = given.pop("credentials", None) or self.credentials(given.pop("variant", ""))
        store = given.pop("store", None) or MemoryStore(1, CONNECTOR.parse_credentials(document))

        async def run() -> T:
            async with Buckets.in_memory() as buckets:
                account = Account(1, self.sandbox.base_url, store, buckets, **given)
                async with CONNECTOR.open(account) as session:
                    assert isinstance(session, ToastSession)
                    return await work(session)

        with patch.object(client, "LIMITS", limits):
            return asyncio.run(run())

    def discover(self, **given: Any) -> Discovery:
        """What the account reaches."""
        return self.session(lambda session: session.discover(), **given)

    def recorder(self, location: str, taken_at: datetime = NOON) -> Recorder:
        """A recorder of a snapshot of its own."""
        return open_snapshot(
            self.connection,
            SnapshotStore(str(self.folder / f"snapshots-{next(self.numbers)}")),
            integration_id=1,
            pos="toast",
            scope="location",
            location_key=f"toast:{location}",
            taken_at=taken_at,
            redaction=CONNECTOR.redaction,
            cipher=self.cipher,
            resume=False,
        )

    def extract(
        self, location: str, entities: Sequence[str] = ALL, taken_at: datetime = NOON, **given: Any
    ) -> SnapshotReader:
        """A snapshot of one location."""
        with self.recorder(location, taken_at) as recorder:
            self.session(lambda session: session.extract(recorder, "location", location, entities), **given)
            ref = recorder.finish()
        return SnapshotReader(ref, cipher=self.cipher)


@dataclass(frozen=True)
class Taken:
    """One location of a scenario: its snapshot, its rows, and the truth about it."""

    reader: SnapshotReader
    batch: Batch
    truth: dict[str, Any]
    discovery: Discovery
    location: str

    def rows(self, entity: str) -> dict[str, dict[str, Any]]:
        """The values of an entity's rows by key."""
        return {row.key: row.values for row in self.batch.rows if row.entity == entity}

    def about(self, kind: str) -> list[dict[str, Any]]:
        """The truth's records of a kind for this location."""
        return [one for one in self.truth[kind] if one.get("location") == self.location]


@pytest.fixture(scope="session")
def toast_connection(postgres_server: str, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    with (
        support.clone(postgres_server, template_database) as url,
        connect(url, autocommit=True, application_name="test") as opened,
    ):
        yield opened


@pytest.fixture(scope="session")
def serve_toast(
    toast_connection: psycopg.Connection[Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Toast]]:
    """Serves scenarios of the sandbox, each once per test process; call ``calm`` before relying on faults or the log."""
    running: dict[str, Toast] = {}
    numbers = itertools.count()

    def start(scenario: str, **options: Any) -> Toast:
        name = f"{scenario} {sorted(options.items())}"
        if name not in running:
            sandbox = serve("toast", scenario=scenario, **({"limits": "off"} | options))
            control = httpx.Client(base_url=sandbox.base_url, timeout=60)
            folder = tmp_path_factory.mktemp("toast")
            running[name] = Toast(sandbox, toast_connection, folder, control, numbers)
        return running[name]

    yield start
    for toast in running.values():
        toast.control.close()
        toast.sandbox.close()


@pytest.fixture(scope="session")
def take(serve_toast: Callable[..., Toast]) -> Callable[..., Taken]:
    """A location of a scenario, extracted and mapped once."""
    held: dict[tuple[str, int], Taken] = {}

    def taken(scenario: str, index: int = 0, **options: Any) -> Taken:
        if (scenario, index) not in held:
            toast = serve_toast(scenario, **options)
            toast.calm()
            truth, discovery = toast.truth, toast.discover()
            source = truth["locations"][index]["id"]
            location = next(one for one in discovery.locations if one.source_id == source)
            reader = toast.extract(source, MENU_ONLY)
            batch = CONNECTOR.map_menu(reader, location)
            held[scenario, index] = Taken(reader, batch, truth, discovery, source)
        return held[scenario, index]

    return taken
