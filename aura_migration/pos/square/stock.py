"""Stock of one location: which items and variations have a stock row, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.ids import path
from aura_migration.pos.square.catalog import LocationView, load_stock
from aura_migration.pos.square.rules import variation_override
from aura_migration.pos.square.units import unit_name
from aura_migration.pos.square.wire import CatalogObject, InventoryCount, Raw, VariationData, decimal_text


@dataclass(frozen=True)
class StockEntry:
    """One stock row: its key, its values, the count it rests on (None where only a state is known) and whose it is."""

    key: str
    ident: str
    values: dict[str, Any] = field(default_factory=dict)
    raw: Raw | None = None
    problem: str = ""


class Stock:
    """The stock rows of a location.

    A variation has one where its stock is tracked there or it is marked sold out; an item of several variations where
    Square counts the item as a whole. ``covered_up`` are the objects sold out by hand although the count says more,
    ``unknown`` the counted objects that are not sold here.
    """

    def __init__(self, reader: SnapshotReader, view: LocationView) -> None:
        self._view = view
        self._counts = {count.catalog_object_id: (count, raw) for count, raw in load_stock(reader, view.location)}
        self.covered_up: list[str] = []
        self.unknown: list[str] = []

    def entries(self) -> Iterator[StockEntry]:
        """All rows, in the order of the catalog."""
        met: set[str] = set()
        self.covered_up.clear()
        for item in self._view.items.values():
            met.add(item.id)
            several = self._view.several(item)
            on_item = self._counts.get(item.id)
            for variation in self._view.variations(item):
                met.add(variation.id)
                if variation.item_variation_data is None or item.item_data is None:
                    continue
                counted = self._counts.get(variation.id) or (None if several else on_item)
                entry = self._of_variation(item, variation, variation.item_variation_data, several, counted)
                if entry is not None:
                    yield entry
            if on_item is not None and several and item.item_data is not None:
                yield self._counted(path(self._view.location, item.id), item.id, _named(item), on_item)
        self.unknown = sorted(str(ident) for ident in self._counts if ident not in met)

    def _of_variation(
        self,
        item: CatalogObject,
        variation: CatalogObject,
        data: VariationData,
        several: bool,
        counted: tuple[InventoryCount, Raw] | None,
    ) -> StockEntry | None:
        override = variation_override(data, self._view.location)
        own = override.track_inventory if override is not None else None
        tracked = bool(data.track_inventory if own is None else own)
        by_item = counted is not None and counted[0].catalog_object_id == item.id
        sold_out = override is not None and bool(override.sold_out)
        if not (tracked or by_item or sold_out):
            return None
        values = {
            **_named(item),
            "sku": data.sku or None,
            "unit": self._unit(data),
            "threshold": self._threshold(data),
            "is_tracked": tracked or by_item,
        }
        parts = [self._view.location, item.id]
        if several:
            parts.append(variation.id)
            values |= {
                "variation_key": variation.id,
                "item_name": f"{values['item_name']} - {data.name or variation.id}",
            }
        key = path(*parts)
        if sold_out:
            quantity = decimal_text(counted[0].quantity) if counted is not None else None
            if quantity is not None and Decimal(quantity) > 0:
                self.covered_up.append(variation.id)
            values |= {"status": "out_of_stock", "quantity": "0" if tracked or by_item else None}
            return StockEntry(key, variation.id, values, counted[1] if counted is not None else None)
        if counted is None:
            return StockEntry(key, variation.id, {**values, "status": "in_stock", "quantity": None})
        return self._counted(key, variation.id, values, counted)

    def _counted(self, key: str, ident: str, values: dict[str, Any], counted: tuple[InventoryCount, Raw]) -> StockEntry:
        quantity = decimal_text(counted[0].quantity)
        problem = "" if quantity is not None else "The count of its stock is not a number in Square."
        full = {"is_tracked": True, **values, "status": "quantity", "quantity": quantity}
        return StockEntry(key, ident, full, counted[1], problem)

    def _unit(self, data: VariationData) -> str | None:
        unit = self._view.catalog.objects.get(data.measurement_unit_id or "")
        return unit_name(unit.measurement_unit_data) if unit is not None else None

    def _threshold(self, data: VariationData) -> str | None:
        """The quantity that calls for attention, where the seller asked to be alerted."""
        override = variation_override(data, self._view.location)
        for kind, threshold in (
            (override.inventory_alert_type, override.inventory_alert_threshold)
            if override is not None
            else (None, None),
            (data.inventory_alert_type, data.inventory_alert_threshold),
        ):
            if kind is not None:
                return str(threshold) if kind == "LOW_QUANTITY" and threshold is not None else None
        return None


def _named(item: CatalogObject) -> dict[str, Any]:
    return {"item_name": item.item_data.name if item.item_data is not None else None, "menu_item_key": item.id}
