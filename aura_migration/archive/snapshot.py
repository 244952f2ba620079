"""The archive's public names: what connectors record with, and what mapping, verification and reports read from."""

from __future__ import annotations

from aura_migration.archive.certificates import (
    Caps,
    Certificate,
    NestedSeen,
    PageSeen,
    SecondRoute,
    judge,
    require,
)
from aura_migration.archive.manifest import BodyRef, Manifest, Scope, SnapshotRef
from aura_migration.archive.reader import SnapshotReader, StoredBody
from aura_migration.archive.recorder import Recorder, open_snapshot
from aura_migration.archive.redaction import PersonCipher, Redaction
from aura_migration.archive.store import SnapshotDamaged, SnapshotStore

__all__ = [
    "BodyRef",
    "Caps",
    "Certificate",
    "Manifest",
    "NestedSeen",
    "PageSeen",
    "PersonCipher",
    "Recorder",
    "Redaction",
    "Scope",
    "SecondRoute",
    "SnapshotDamaged",
    "SnapshotReader",
    "SnapshotRef",
    "SnapshotStore",
    "StoredBody",
    "judge",
    "open_snapshot",
    "require",
]
