"""The rules of business that Clover states, as canonical rows: how orders are taken, discounted, charged, taxed and paid.

Rates and the items they apply to belong to the menu's mapping.
"""

from __future__ import annotations

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.pos.port import SourceLocation


def map_rules(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """The rules of one location."""
    return Batch()
