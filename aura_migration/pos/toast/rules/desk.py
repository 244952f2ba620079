"""What the parts of the mapping of rules share: the batch being filled, the recorded lists, and the book of notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.toast.document import guid_of
from aura_migration.pos.toast.job import Notes
from aura_migration.pos.toast.mapping import records
from aura_migration.pos.toast.prices import cents
from aura_migration.pos.toast.rules.words import NAMELESS
from aura_migration.pos.toast.wire import WireError, convert

Raw = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Desk:
    """One run of the mapping for one location. ``loc`` is the restaurant's guid."""

    batch: Batch
    reader: SnapshotReader
    loc: str
    currency: str
    notes: Notes = field(default_factory=Notes)

    def key(self, *ids: str) -> str:
        """The source key of a rule of this location."""
        return path(self.loc, *ids)

    def listed(self, window: str, entity: str, kind: type[T]) -> Iterator[tuple[T, Raw, str]]:
        """The records of a configuration list, each once: as a struct, as sent, and where it stands.

        A record that is not as documented, or is told twice with different values, goes to quarantine as ``entity``.
        """
        told: dict[str, list[Raw]] = {}
        for number, raw in enumerate(records(self.reader, "config", window), start=1):
            guid = guid_of(raw)
            if not guid or "/" in guid:
                self.batch.reject(
                    entity, self.key(f"{window} without id {number}"), "It has no id.", f"config#{window}"
                )
                continue
            versions = told.setdefault(guid, [])
            if raw not in versions:
                versions.append(raw)
        for guid, versions in told.items():
            record = f"config#{guid}"
            if len(versions) > 1:
                reason = "Toast's list tells it twice, with different values. Read the configuration again."
                self.batch.reject(entity, self.key(guid), reason, record, name=str(versions[0].get("name") or NAMELESS))
                continue
            try:
                yield convert(versions[0], kind), versions[0], record
            except WireError as error:
                self.batch.reject(entity, self.key(guid), str(error), record)

    def setting(self, name: str, category: str, value: Any, source: Raw | None = None, record: str = "") -> None:
        """A setting of the location."""
        self.batch.add(
            "settings",
            self.key("setting", name),
            source,
            record,
            key=name,
            category=category,
            value=value,
            is_inferred=False,
        )

    def amount(self, units: Decimal | None) -> int | None:
        """An amount in cents. ``PriceError`` where it is finer than a cent."""
        return None if units is None else cents(units, self.currency)
