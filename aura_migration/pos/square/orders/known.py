"""What order lines name of the catalog: the item of a variation, the list of an option, and what they were called.

Deleted objects are known too: a line of last winter names them. The same keys as the menu's mapping gives.
"""

from __future__ import annotations

from typing import NamedTuple

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.ids import path
from aura_migration.pos.square.catalog import Catalog, load_catalog, name_of
from aura_migration.pos.square.wire import CatalogObject


class Sellable(NamedTuple):
    """What the catalog says of a variation: its item's key, its own where the item has several, the category's name."""

    item: str
    variation: str | None
    category: str | None
    is_donation: bool


class Option(NamedTuple):
    """What the catalog says of a modifier: its key, and what its list is called."""

    key: str
    group: str | None


class Known:
    """Lookups by the ids that order lines carry. The catalog is read when the first line asks: many a history has none."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader: SnapshotReader | None = reader
        self._sellable: dict[str, Sellable] = {}
        self._options: dict[str, Option] = {}

    def _read(self) -> None:
        if self._reader is None:
            return
        catalog, self._reader = load_catalog(self._reader), None
        for found in catalog.objects.values():
            if found.type == "ITEM_VARIATION" and found.item_variation_data is not None:
                self._variation(catalog, found)
            elif found.type == "MODIFIER" and found.modifier_data is not None:
                group = found.modifier_data.modifier_list_id
                if group:
                    owner = catalog.objects.get(group)
                    data = owner.modifier_list_data if owner is not None else None
                    self._options[found.id] = Option(path(group, found.id), (data and data.name) or None)

    def _variation(self, catalog: Catalog, variation: CatalogObject) -> None:
        data = variation.item_variation_data
        item = data.item_id if data is not None else None
        if not item:
            return
        owner = catalog.objects.get(item)
        said = owner.item_data if owner is not None else None
        several = len(catalog.variations.get(item, ())) > 1
        category = catalog.primary(owner) if owner is not None else None
        self._sellable[variation.id] = Sellable(
            item,
            variation.id if several else None,
            (name_of(category) or None) if category is not None else None,
            said is not None and said.product_type == "DONATION",
        )

    def sellable(self, variation: str) -> Sellable:
        """The variation; one the catalog has never heard of stands for an item of its own."""
        self._read()
        found = self._sellable.get(variation)
        return found if found is not None else Sellable(variation, None, None, False)

    def option(self, modifier: str) -> Option | None:
        """The modifier, where the catalog knows it."""
        self._read()
        return self._options.get(modifier)
