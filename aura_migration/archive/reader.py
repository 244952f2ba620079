"""Reading snapshots: bodies in recorded order, verified, without the POS and without the database.

Only revealing encrypted personal fields needs keys. What the bodies mean does not belong here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aura_migration.archive.certificates import Certificate, worst
from aura_migration.archive.manifest import BodyRef, Manifest, SnapshotRef
from aura_migration.archive.redaction import ENCRYPTED, PersonCipher, reveal_body, reveal_text
from aura_migration.archive.store import SnapshotDamaged, SnapshotStore
from aura_migration.core.errors import BadInput


@dataclass(frozen=True)
class StoredBody:
    """A response body as stored: ``data`` is the redacted bytes, the rest says which request it answered."""

    entity: str
    data: bytes
    method: str
    path: str
    params: Mapping[str, Any] | None
    request_body: Mapping[str, Any] | None
    page: int
    window: str
    rows: int
    sha256: str
    size: int


class SnapshotReader:
    """One or several snapshots (a merchant's and a location's) read as one, in the order given.

    Every body is verified against its hash when read; SnapshotDamaged names the one that is missing or changed.
    """

    def __init__(self, *snapshots: SnapshotRef, cipher: PersonCipher | None = None) -> None:
        if not snapshots:
            raise BadInput("There is no snapshot to read.", "Extract one first.")
        if len({ref.integration_id for ref in snapshots}) > 1:
            raise BadInput("The snapshots belong to different integrations.", "Read them one integration at a time.")
        self.snapshots = snapshots
        self._cipher = cipher
        self._opened: list[tuple[SnapshotStore, Manifest]] = []
        for ref in snapshots:
            store = SnapshotStore(ref.url)
            self._opened.append((store, Manifest.decode(store.get_manifest(ref.manifest_hash))))

    @classmethod
    def at(cls, url: str, *manifest_hashes: str, cipher: PersonCipher | None = None) -> SnapshotReader:
        """A reader from nothing but a store's URL and the hashes of manifests in it."""
        store = SnapshotStore(url)
        refs = [Manifest.decode(store.get_manifest(sha)).ref(url, sha) for sha in manifest_hashes]
        return cls(*refs, cipher=cipher)

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The manifests, in the order of the snapshots."""
        return tuple(manifest for _, manifest in self._opened)

    def entities(self) -> tuple[str, ...]:
        """Source entities that have bodies or a certificate, in name order."""
        return tuple(sorted({name for _, m in self._opened for name in (*m.bodies, *m.certificates)}))

    def refs(self, entity: str) -> tuple[BodyRef, ...]:
        """What was recorded of an entity, without reading the bodies."""
        return tuple(body for _, manifest in self._opened for body in manifest.bodies.get(entity, ()))

    def bodies(self, entity: str) -> Iterator[StoredBody]:
        """The bodies of an entity in recorded order, one in memory at a time. None for an entity without bodies."""
        for store, manifest in self._opened:
            for ref in manifest.bodies.get(entity, ()):
                yield _stored(ref, store.get(ref.sha256))

    def body(self, sha256: str) -> StoredBody:
        """The body with that hash (the first request it answered); BadInput when no snapshot here has it."""
        for store, manifest in self._opened:
            for refs in manifest.bodies.values():
                for ref in refs:
                    if ref.sha256 == sha256:
                        return _stored(ref, store.get(sha256))
        raise BadInput(f"No body {sha256} is in these snapshots.", "Take the hash from their manifests.")

    def certificate(self, entity: str) -> Certificate | None:
        """The certificate of an entity; of several snapshots' the least trustworthy; None when there is none."""
        found = [m.certificates[entity] for _, m in self._opened if entity in m.certificates]
        return worst(found)

    def certificates(self) -> tuple[Certificate, ...]:
        """All certificates, one per entity, in name order."""
        found = (self.certificate(entity) for entity in self.entities())
        return tuple(certificate for certificate in found if certificate is not None)

    def verify(self) -> int:
        """Read everything once; returns the number of bodies. SnapshotDamaged names the first that is not intact."""
        return sum(1 for entity in self.entities() for _ in self.bodies(entity))

    def is_encrypted(self, value: object) -> bool:
        """Whether a decoded value stands for an encrypted personal field."""
        return isinstance(value, str) and value.startswith(ENCRYPTED)

    def reveal(self, value: str) -> Any:
        """The personal value behind an encrypted one, decoded (numbers exact); None when the person was erased."""
        if not self.is_encrypted(value):
            return value
        text = reveal_text(value, self.snapshots[0].integration_id, self._keys())
        return None if text is None else json.loads(text, parse_float=Decimal, strict=False)

    def revealed(self, body: StoredBody) -> bytes:
        """The bytes of a body with its personal fields as they were sent; ``null`` where the person was erased."""
        return reveal_body(body.data, self.snapshots[0].integration_id, self._keys())

    def _keys(self) -> PersonCipher:
        if self._cipher is None:
            raise BadInput(
                "Personal fields of a snapshot cannot be read without keys.", "Open the reader with a person cipher."
            )
        return self._cipher


def _stored(ref: BodyRef, data: bytes) -> StoredBody:
    if len(data) != ref.size:
        raise SnapshotDamaged(
            f"The body {ref.sha256} has {len(data)} bytes, its manifest says {ref.size}.",
            "Restore the snapshot store from a backup, or extract the snapshot again.",
        )
    return StoredBody(
        entity=ref.entity,
        data=data,
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
