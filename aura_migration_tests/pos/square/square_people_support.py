"""What the tests of Square's people share: real snapshots with encrypted personal fields, and hand-written ones."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.archive.snapshot import Certificate, SnapshotReader, SnapshotRef, SnapshotStore, open_snapshot
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Batch, Loss, Rejected, Row
from aura_migration.canonical.seals import ClaimSeal, CodeSeal
from aura_migration.database.connections import connect
from aura_migration.database.vault import PersonKeys, open_vault
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square import CONNECTOR
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration.settings import load_settings
from aura_migration_tests.pos.square.square_support import Body, InMemory, session_on

TAKEN = datetime(2026, 10, 1, 12, tzinfo=UTC)
"""When the snapshots are taken: after everything the scenarios tell of."""
PEOPLE = tuple(e.name for e in CONNECTOR.source_entities if e.permission not in ("ITEMS_READ", "INVENTORY_READ"))
"""Source entities of people, and the locations."""


class PlainSeals:
    """Hashes a test can repeat."""

    def gift_card(self, number: str) -> CodeSeal:
        """The hash of a card's number."""
        return CodeSeal(hashlib.sha256(number.encode()).hexdigest(), "cards", number[-4:])

    def claim(self, contact: str) -> ClaimSeal:
        """The hash of a contact."""
        return ClaimSeal(hashlib.sha256(contact.encode()).hexdigest(), "claims")

    def person(self, text: str) -> str:
        """A pseudonym."""
        return hashlib.sha256(text.encode()).hexdigest()[:16]


SEALS = PlainSeals()


@dataclass
class Mapped:
    """All batches of a mapping, laid together."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def of(self, entity: str) -> dict[str, dict[str, Any]]:
        """Values by key of one entity."""
        return {row.key: row.values for row in self.rows if row.entity == entity}

    def lost(self, kind: str, field_name: str) -> int:
        """How many records lose that field."""
        return sum(loss.records for loss in self.losses if loss.source_entity == kind and loss.field == field_name)


def mapped(reader: Any, location: SourceLocation) -> Mapped:
    """Everything ``map_people`` gives, checked against the declarations."""
    found = Mapped()
    batch: Batch
    for batch in CONNECTOR.map_people(reader, location, SEALS):
        found.rows += batch.rows
        found.rejected += batch.rejected
        found.losses += batch.losses
        found.sizes.append(len(batch.rows))
    keys = {(row.entity, row.key) for row in found.rows}
    assert len(keys) == len(found.rows), "a key came twice"
    keys |= {(one.entity, one.key) for one in found.rejected}
    for row in found.rows:
        known = {one.name: one for one in ENTITIES[row.entity].fields}
        assert set(row.values) <= set(known), (row.entity, set(row.values) - set(known))
        for name, one in known.items():
            value = row.values.get(name)
            assert value is not None or not one.required, f"{row.entity} {row.key} has no {name}"
            assert value is None or not one.choices or value in one.choices, (row.entity, name, value)
            assert not isinstance(value, float)
            if one.ref and value is not None:
                assert (one.ref, value) in keys, f"{row.entity} {row.key}: {name} {value} leads nowhere"
    return found


class Sealed(InMemory):
    """Hand-written documents where a reader of people's snapshots is expected; nothing in them is encrypted."""

    def __init__(self, certificates: Sequence[Certificate] = (), **documents: Iterable[Any]) -> None:
        super().__init__(**{name: list(found) for name, found in documents.items()})
        self._certificates = {certificate.entity: certificate for certificate in certificates}

    def bodies(self, entity: str) -> Iterator[Any]:
        """Bodies of that entity; a document that is a pair names its window first."""
        for sent in self._documents.get(entity, ()):
            window, document = sent if isinstance(sent, tuple) else ("", sent)
            yield Stored(json.dumps(document).encode(), None, window)

    def revealed(self, body: Body) -> bytes:
        """The body as it is."""
        return body.data

    def certificate(self, entity: str) -> Certificate | None:
        """The certificate given for that entity."""
        return self._certificates.get(entity)


@dataclass(frozen=True)
class Stored(Body):
    """A stored body with its window."""

    window: str = ""


@dataclass(frozen=True)
class Taken:
    """One extraction: the location read, its snapshots, and where they lie."""

    location: SourceLocation
    reader: SnapshotReader
    refs: tuple[SnapshotRef, ...]
    folder: Path

    def certificate(self, entity: str) -> Certificate:
        """The certificate of a source entity."""
        found = self.reader.certificate(entity)
        assert found is not None, entity
        return found

    def stored(self) -> Mapping[str, bytes]:
        """All stored bytes by source entity."""
        return {
            entity: b"\n".join(body.data for body in self.reader.bodies(entity)) for entity in self.reader.entities()
        }


def take(
    sandbox: RunningSandbox,
    url: str,
    connection: psycopg.Connection[Any],
    folder: Path,
    credentials: str = "default",
    entities: Sequence[str] = PEOPLE,
    fresh: bool = True,
    **switches: Any,
) -> Taken:
    """Read people into real snapshots, personal fields encrypted with real keys.

    ``fresh=False`` goes on with what an earlier reading into the same folder left open.
    """
    settings = load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder / "aura")})
    if fresh:
        connection.execute("truncate migration.person_keys, migration.sealed_secrets, migration.snapshots cascade")
    persons = PersonKeys(open_vault(settings, lambda: connect(url)))

    async def go() -> Taken:
        async with session_on(sandbox, credentials, **switches) as session:
            session.client.retry = dataclasses.replace(session.client.retry, base_delay=0.01, max_delay=0.05)
            location = (await session.discover()).locations[0]
            refs = []
            for scope in ("merchant", "location"):
                with open_snapshot(
                    connection,
                    SnapshotStore(str(folder / "snapshots")),
                    integration_id=1,
                    pos="square",
                    scope=scope,  # type: ignore[arg-type]
                    location_key=f"square:{location.source_id}" if scope == "location" else None,
                    taken_at=TAKEN,
                    redaction=CONNECTOR.redaction,
                    cipher=persons,
                ) as recorder:
                    names = [e.name for e in CONNECTOR.source_entities if e.scope == scope and e.name in entities]
                    await session.extract(recorder, scope, location.source_id, names)  # type: ignore[arg-type]
                    refs.append(recorder.finish())
            return Taken(location, SnapshotReader(*refs, cipher=persons), tuple(refs), folder)

    return asyncio.run(go())
