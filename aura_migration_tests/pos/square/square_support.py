"""What the Square tests share: a snapshot in memory, a session on a sandbox, and real snapshots of one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef, SnapshotStore, open_snapshot
from aura_migration.canonical.model import Batch, Row
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account, Discovery, SourceLocation
from aura_migration.pos.square import CONNECTOR
from aura_migration.pos.square.client import SquareSession
from aura_migration.pos.square.wire import API_VERSION, VERSION_HEADER
from aura_migration.sandbox.core.server import RunningSandbox

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HERE = "LAURA00000001"
LOCATION = SourceLocation(HERE, "Harbor St", "America/Chicago", "USD")


@dataclass(frozen=True)
class Body:
    """A stored body, as far as the mapping looks at it."""

    data: bytes
    params: Mapping[str, Any] | None = None


class InMemory:
    """A snapshot made of documents, where a SnapshotReader is expected."""

    def __init__(self, version: str = API_VERSION, **documents: Iterable[Any]) -> None:
        self._params = {VERSION_HEADER: version} if version else None
        self._documents = documents

    def bodies(self, entity: str) -> Iterator[Body]:
        """Bodies of that entity, in the order given."""
        return (Body(json.dumps(document).encode(), self._params) for document in self._documents.get(entity, ()))


def mapped(objects: Sequence[Mapping[str, Any]], *, at: str = HERE, counts: Sequence[Any] = (), **more: Any) -> Batch:
    """The batch of one location from catalog objects and stock counts written by hand."""
    reader: Any = InMemory(catalog=[{"objects": list(objects)}], inventory=[{"counts": list(counts)}], **more)
    batch = CONNECTOR.map_menu(reader, SourceLocation(at, "Harbor St", "America/Chicago", "USD"))
    counted = CONNECTOR.source_counts(reader, SourceLocation(at, "Harbor St", "America/Chicago", "USD"))
    for entity, number in counted.items():
        found = sum(1 for row in batch.rows if row.entity == entity)
        rejected = sum(1 for record in batch.rejected if record.entity == entity)
        assert number == found + rejected, f"{entity}: {number} in the source, {found} rows, {rejected} rejected"
    return batch


def rows(batch: Batch, entity: str) -> dict[str, dict[str, Any]]:
    """Values by key of one entity; a key that comes twice is a defect."""
    found: dict[str, dict[str, Any]] = {}
    for row in of(batch, entity):
        assert row.key not in found, f"{entity} {row.key} twice"
        found[row.key] = row.values
    return found


def of(batch: Batch, entity: str) -> list[Row]:
    """The rows of one entity."""
    return [row for row in batch.rows if row.entity == entity]


def catalog_object(kind: str, ident: str, data: Mapping[str, Any], **envelope: Any) -> dict[str, Any]:
    """A catalog object of that type; the data key follows from the type."""
    key = "item_option_value_data" if kind == "ITEM_OPTION_VAL" else f"{kind.lower()}_data"
    return {"type": kind, "id": ident, "version": 1, key: dict(data), **envelope}


def variation(ident: str, item: str, cents: int | None = 500, envelope: Any = None, **data: Any) -> dict[str, Any]:
    """A variation with a fixed price in dollars, unless told otherwise."""
    said: dict[str, Any] = {"item_id": item, "name": "Regular", "pricing_type": "FIXED_PRICING", **data}
    if cents is not None:
        said["price_money"] = {"amount": cents, "currency": "USD"}
    return catalog_object("ITEM_VARIATION", ident, said, **(envelope or {}))


def item(ident: str, *variations: Mapping[str, Any], envelope: Any = None, **data: Any) -> dict[str, Any]:
    """An item with its variations embedded; one of 5.00 where none is given."""
    ways = list(variations) or [variation(f"{ident}-V", ident)]
    return catalog_object("ITEM", ident, {"name": ident.title(), "variations": ways, **data}, **(envelope or {}))


def modifier(ident: str, group: str, cents: int | None = 0, envelope: Any = None, **data: Any) -> dict[str, Any]:
    """An option of a modifier list."""
    said: dict[str, Any] = {"name": ident.title(), "modifier_list_id": group, **data}
    if cents is not None:
        said["price_money"] = {"amount": cents, "currency": "USD"}
    return catalog_object("MODIFIER", ident, said, **(envelope or {}))


def modifier_list(ident: str, *options: Mapping[str, Any], envelope: Any = None, **data: Any) -> dict[str, Any]:
    """A modifier list with its options embedded."""
    said = {"name": ident.title(), "modifiers": list(options), **data}
    return catalog_object("MODIFIER_LIST", ident, said, **(envelope or {}))


def category(ident: str, kind: str = "REGULAR_CATEGORY", parent: str | None = None, **data: Any) -> dict[str, Any]:
    """A category of one of the three types."""
    said: dict[str, Any] = {"name": ident.title(), "category_type": kind, **data}
    if parent is not None:
        said["parent_category"] = {"id": parent, "ordinal": data.get("ordinal", 0)}
    return catalog_object("CATEGORY", ident, said)


# The sandbox --------------------------------------------------------------------------------------------------------


def control(sandbox: RunningSandbox, path: str, method: str = "GET", body: Any = None) -> Any:
    """Ask the sandbox's control surface."""
    asked = Request(f"{sandbox.control_url}{path}", None if body is None else json.dumps(body).encode(), method=method)
    with urlopen(asked, timeout=120) as response:
        return json.load(response)


def requests_to(sandbox: RunningSandbox, path: str) -> list[dict[str, Any]]:
    """What the sandbox was asked under that path."""
    return [entry for entry in control(sandbox, "/requests")["requests"] if entry["path"].startswith(path)]


@asynccontextmanager
async def session_on(
    sandbox: RunningSandbox, credentials: str = "default", **switches: Any
) -> AsyncIterator[SquareSession]:
    """A session with one of the sandbox's credential documents, its waits between attempts cut short."""
    found = control(sandbox, "/credentials")
    document = found["default"] if credentials == "default" else found["variants"][credentials]
    async with session_with(
        sandbox.base_url, MemoryStore(1, CONNECTOR.parse_credentials(document)), **switches
    ) as session:
        yield session


@asynccontextmanager
async def session_with(base_url: str, store: MemoryStore, **switches: Any) -> AsyncIterator[SquareSession]:
    """A session with those stored credentials."""
    async with Buckets.in_memory() as buckets:
        account = Account(1, base_url, store, buckets, switches=switches)
        async with CONNECTOR.open(account) as opened:
            assert isinstance(opened, SquareSession)
            yield opened


async def extracted(
    session: SquareSession,
    connection: psycopg.Connection[Any],
    folder: Path,
    locations: Sequence[str] = (),
    entities: Sequence[str] = ("locations", "catalog", "inventory"),
) -> list[SnapshotRef]:
    """The merchant's snapshot and one of each named location, recorded for real."""
    store = SnapshotStore(str(folder / "snapshots"))
    refs = []
    for scope, location in [("merchant", None), *(("location", location) for location in locations)]:
        with open_snapshot(
            connection,
            store,
            integration_id=1,
            pos="square",
            scope=scope,  # type: ignore[arg-type]
            location_key=f"square:{location}" if location else None,
            taken_at=NOON,
            redaction=CONNECTOR.redaction,
        ) as recorder:
            names = [e.name for e in CONNECTOR.source_entities if e.scope == scope and e.name in entities]
            await session.extract(recorder, scope, location, names)  # type: ignore[arg-type]
            refs.append(recorder.finish())
    return refs


async def read_menus(
    sandbox: RunningSandbox, connection: psycopg.Connection[Any], folder: Path, how_many: int = 1, **switches: Any
) -> tuple[Discovery, list[SnapshotReader]]:
    """The account of the sandbox, and a reader per location for the first of its locations."""
    async with session_on(sandbox, **switches) as session:
        discovery = await session.discover()
        chosen = [location.source_id for location in discovery.locations][:how_many]
        merchant, *single = await extracted(session, connection, folder, chosen)
    return discovery, [SnapshotReader(merchant, ref) for ref in single]
