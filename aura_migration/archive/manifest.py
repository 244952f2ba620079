"""The manifest: what a snapshot consists of, as one canonical JSON document whose hash is the snapshot's identity.

Reading bodies and writing snapshots do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from aura_migration.archive.certificates import Certificate
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import canonical_json

Scope = Literal["merchant", "location", "history", "file"]
"""``merchant`` and ``location``: exports over the API; ``file``: one file the restaurant handed over."""
FORMAT = 1


@dataclass(frozen=True)
class BodyRef:
    """One recorded body: what was asked, and the hash under which the (redacted) answer lies in the store.

    ``window`` is the part of the entity it belongs to, ``page`` its number there, ``rows`` how many records it holds,
    ``size`` its bytes before compression, ``request_hash`` the hash of the request body after redaction.
    """

    entity: str
    method: str
    path: str
    params: Mapping[str, Any] | None
    request_body: Mapping[str, Any] | None
    request_hash: str | None
    page: int
    window: str
    rows: int
    sha256: str
    size: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data, without the entity it is listed under."""
        return {
            "method": self.method,
            "path": self.path,
            "params": self.params,
            "request_body": self.request_body,
            "request_hash": self.request_hash,
            "page": self.page,
            "window": self.window,
            "rows": self.rows,
            "sha256": self.sha256,
            "size": self.size,
        }


@dataclass(frozen=True)
class SnapshotRef:
    """A finished snapshot: where it lies, what identifies it, how complete it is. Enough to read it with no database.

    ``snapshot_id`` is its row in ``migration.snapshots``, 0 when found in a store alone.
    """

    snapshot_id: int
    url: str
    manifest_hash: str
    integration_id: int
    pos: str
    scope: Scope
    location_key: str | None
    taken_at: datetime
    certificates: tuple[Certificate, ...]

    def certificate(self, entity: str) -> Certificate | None:
        """The certificate of one source entity, None when there is none."""
        return next((found for found in self.certificates if found.entity == entity), None)


@dataclass(frozen=True)
class Manifest:
    """Everything a snapshot consists of. ``bodies`` are per entity in recorded order; entities are in name order."""

    integration_id: int
    pos: str
    scope: Scope
    location_key: str | None
    taken_at: datetime
    bodies: Mapping[str, tuple[BodyRef, ...]]
    certificates: Mapping[str, Certificate]

    def encode(self) -> bytes:
        """The canonical bytes; the same content always gives the same."""
        names = sorted({*self.bodies, *self.certificates})
        return canonical_json(
            {
                "format": FORMAT,
                "integration_id": self.integration_id,
                "pos": self.pos,
                "scope": self.scope,
                "location_key": self.location_key,
                "taken_at": self.taken_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "entities": [
                    {
                        "entity": name,
                        "bodies": [body.as_dict() for body in self.bodies.get(name, ())],
                        "certificate": self.certificates[name].as_dict() if name in self.certificates else None,
                    }
                    for name in names
                ],
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """The manifest out of its bytes; BadInput when it was written by a release with another format."""
        document = msgspec.json.decode(data)
        if document.get("format") != FORMAT:
            raise BadInput(
                f"The manifest has format {document.get('format')!r}, this release reads format {FORMAT}.",
                "Read the snapshot with the release that wrote it, or extract it again.",
            )
        entities = document["entities"]
        return cls(
            integration_id=document["integration_id"],
            pos=document["pos"],
            scope=document["scope"],
            location_key=document["location_key"],
            taken_at=datetime.fromisoformat(document["taken_at"]),
            bodies={
                entry["entity"]: tuple(BodyRef(entity=entry["entity"], **body) for body in entry["bodies"])
                for entry in entities
                if entry["bodies"]
            },
            certificates={
                entry["entity"]: Certificate.from_dict(entry["certificate"])
                for entry in entities
                if entry["certificate"] is not None
            },
        )

    def hashes(self) -> set[str]:
        """Hashes of all bodies it uses."""
        return {body.sha256 for bodies in self.bodies.values() for body in bodies}

    def ref(self, url: str, manifest_hash: str, snapshot_id: int = 0) -> SnapshotRef:
        """The reference by which this snapshot is found and read."""
        return SnapshotRef(
            snapshot_id=snapshot_id,
            url=url,
            manifest_hash=manifest_hash,
            integration_id=self.integration_id,
            pos=self.pos,
            scope=self.scope,
            location_key=self.location_key,
            taken_at=self.taken_at,
            certificates=tuple(self.certificates[name] for name in sorted(self.certificates)),
        )
