"""Verify's own reading of the rules of business in a Clover snapshot; shares nothing with mapping and wire structs."""

from __future__ import annotations

from collections.abc import Iterable

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.rule_facts import RuleFact


def rules(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
    """Every rule of the location that Clover states."""
    return ()
