"""The archive's public names: what connectors record with, and what mapping, verification and reports read from."""

from __future__ import annotations

from aura_migration.archive.catalogue import Listed, latest_snapshot, list_snapshots, snapshot_ref
from aura_migration.archive.certificates import (
    Caps,
    Certificate,
    NestedSeen,
    PageSeen,
    SecondRoute,
    Trail,
    judge,
    require,
)
from aura_migration.archive.manifest import BodyRef, Manifest, Scope, SnapshotRef
from aura_migration.archive.packing import Packer
from aura_migration.archive.reader import SnapshotReader, StoredBody
from aura_migration.archive.recorder import STALE_AFTER, Recorder, open_snapshot
from aura_migration.archive.redaction import PersonCipher, Redaction
from aura_migration.archive.store import SnapshotDamaged, SnapshotStore

__all__ = [
    "STALE_AFTER",
    "BodyRef",
    "Caps",
    "Certificate",
    "Listed",
    "Manifest",
    "NestedSeen",
    "Packer",
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
    "Trail",
    "judge",
    "latest_snapshot",
    "list_snapshots",
    "open_snapshot",
    "require",
    "snapshot_ref",
]
