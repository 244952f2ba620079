"""What building canonical rows of one merchant needs everywhere: catalog, location, batch, keys and small lookups.

Which rows are built is in ``mapping.py`` and ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.clover.catalog import Catalog, Records
from aura_migration.pos.clover.fields import Remarks
from aura_migration.pos.clover.lists import MERCHANT
from aura_migration.pos.clover.wire import Printer, Raw
from aura_migration.pos.port import SourceLocation

SOURCES = {
    "kitchen_stations": "tags",
    "items": "items",
    "categories": "categories",
    "tax_rates": "tax_rates",
    "modifier_groups": "modifier_groups",
    "modifiers": "modifiers",
}
"""The source entity whose records become rows of an entity."""
WORDS = {
    "items": "item",
    "categories": "category",
    "tax_rates": "tax",
    "kitchen_stations": "label",
    "modifier_groups": "modifier group",
    "modifiers": "option",
}


class Rows:
    """The rows of one merchant in the making."""

    def __init__(self, reader: SnapshotReader, location: SourceLocation) -> None:
        self.reader = reader
        self.location = location
        self.at = location.source_id
        self.catalog = Catalog(reader)
        self.batch = Batch()
        self.remarks = Remarks()
        self.rejected: set[tuple[str, str]] = set()
        self._places: dict[tuple[str, str], int] = {}

    def key(self, *idents: str) -> str:
        """A source key: merchants share nothing, so it begins with the merchant's id."""
        return path(self.at, *idents)

    def add(self, entity: str, source: str, ident: str, key: str = "", **values: Any) -> None:
        """One row that comes from a record of a source entity."""
        raw = self.records(source).raw.get(ident)
        self.batch.add(entity, key or self.key(ident), raw, f"{source}#{ident}", **values)

    def link(self, entity: str, source: str, ident: str, key: str, **values: Any) -> None:
        """One row that says what belongs together; it has no record of its own."""
        self.batch.add(entity, key, None, f"{source}#{ident}", **values)

    def reject(self, entity: str, ident: str, reason: str, *, source: str = "", group: str | None = None) -> None:
        """One record to quarantine, with a reason a restaurant owner understands."""
        self.rejected.add((entity, ident))
        key = self.key(group, ident) if group else self.key(ident)
        self.batch.reject(entity, key, reason, f"{source or SOURCES[entity]}#{ident}")

    def named(self, entity: str, ident: str, name: str | None, *, group: str | None = None) -> bool:
        """Whether the record has a name; one without goes to quarantine."""
        if name:
            return True
        self.reject(entity, ident, f"The {WORDS[entity]} {ident} has no name in Clover.", group=group)
        return False

    def usable(self, entity: str, ident: str) -> bool:
        """Whether the record became a row."""
        return (entity, ident) not in self.rejected

    def records(self, source: str) -> Records[Any]:
        """The records of a source entity."""
        catalog = self.catalog
        found: Mapping[str, Records[Any]] = {
            "items": catalog.items,
            "categories": catalog.categories,
            "modifier_groups": catalog.groups,
            "modifiers": catalog.modifiers,
            "tags": catalog.tags,
            "tax_rates": catalog.taxes,
            "item_groups": catalog.item_groups,
            "attributes": catalog.attributes,
            "options": catalog.options,
        }
        return found[source]

    def limits(self, group: str) -> tuple[int, int | None]:
        """How many options of a group must and may be chosen; what Clover leaves out is none and any number."""
        found = self.catalog.groups.live[group]
        return max(0, found.min_required or 0), found.max_allowed if (found.max_allowed or 0) > 0 else None

    def printers(self, tag: str) -> list[Printer]:
        """The printers of a label that can be named."""
        wrapped = self.catalog.tags.live[tag].printers
        return [printer for printer in (wrapped.elements if wrapped else None) or () if printer.id or printer.name]

    def item_place(self, category: str, item: str) -> int:
        """The place of an item in a category."""
        if not self._places:
            self._places = {
                (one, member): place
                for one, members in self.catalog.category_items.items()
                for place, member in enumerate(members)
            }
        return self._places[(category, item)]

    def raw_group(self, modifier: str) -> str | None:
        """The group a modifier names, also where the modifier itself cannot be read."""
        group = self.catalog.modifiers.raw[modifier].get("modifierGroup")
        ident = group.get("id") if isinstance(group, Mapping) else None
        return ident if isinstance(ident, str) and ident else None

    def merchant_record(self) -> Raw | None:
        """The merchant as sent, with address and settings beside it: what field mappings may read."""
        merchant = dict(self.catalog.object(MERCHANT, "merchant"))
        for window in ("address", "properties"):
            merchant[window] = self.catalog.object(MERCHANT, window)
        return merchant if any(merchant.values()) else None


def text(value: str | None) -> str | None:
    """A text as it is, the empty one as null."""
    return value or None
