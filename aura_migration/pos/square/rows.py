"""What building canonical rows of one location needs everywhere: catalog, location, batch and the small lookups.

Which rows are built is in ``mapping.py``, ``modifiers.py`` and ``items.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square.catalog import Catalog, LocationView, load_catalog
from aura_migration.pos.square.fields import Remarks
from aura_migration.pos.square.rules import Price, custom_fields
from aura_migration.pos.square.units import unit_name
from aura_migration.pos.square.wire import AttributeDefinitionData, CatalogObject, VariationData


class Rows:
    """The rows of one location in the making."""

    def __init__(self, reader: SnapshotReader, location: SourceLocation) -> None:
        self.reader = reader
        self.location = location
        self.at = location.source_id
        self.catalog: Catalog = load_catalog(reader)
        self.view = LocationView(self.catalog, self.at)
        self.batch = Batch()
        self.remarks = Remarks()
        self._definitions = _definitions(self.catalog)

    def add(self, entity: str, key: str, found: CatalogObject, **values: Any) -> None:
        """One row that comes from a catalog object."""
        self.batch.add(entity, key, self.catalog.raw[found.id], f"catalog#{found.id}", **values)

    def reject(self, entity: str, key: str, found: CatalogObject, why: str, **values: Any) -> None:
        """One record to quarantine; ``why`` goes on after its name, ``values`` are what a correction completes."""
        kind = found.type.lower().replace("_", " ")
        data = (
            found.item_data
            or found.item_variation_data
            or found.modifier_list_data
            or found.modifier_data
            or found.category_data
            or found.tax_data
        )
        name = (data.name if data is not None else None) or found.id
        self.batch.reject(entity, key, f"The {kind} {name!r} {why}.", f"catalog#{found.id}", **values)

    def foreign(self, price: Price) -> bool:
        """Whether the amount is in another currency than the location's."""
        return bool(price.currency and self.location.currency and price.currency != self.location.currency)

    def unit(self, data: VariationData) -> tuple[bool, str | None]:
        """Whether the variation is sold by a measure, and its name; a unit deleted meanwhile still has one."""
        if not data.measurement_unit_id:
            return False, None
        unit = self.catalog.objects.get(data.measurement_unit_id)
        return True, unit_name(unit.measurement_unit_data if unit is not None else None)

    def custom(self, found: CatalogObject) -> dict[str, Any]:
        """The object's custom attributes by name."""
        return custom_fields(found.custom_attribute_values, self._definitions)

    def images(self, idents: Iterable[str]) -> list[str]:
        """The addresses of live images, in order."""
        found = [self.catalog.get(ident, "IMAGE") for ident in idents]
        return [
            image.image_data.url for image in found if image is not None and image.image_data and image.image_data.url
        ]

    def image(self, idents: Iterable[str]) -> str | None:
        """The address of the first live image."""
        return next(iter(self.images(idents)), None)


def _definitions(catalog: Catalog) -> dict[str, AttributeDefinitionData]:
    """Custom attribute definitions by id and by key."""
    found: dict[str, AttributeDefinitionData] = {}
    for definition in catalog.live("CUSTOM_ATTRIBUTE_DEFINITION"):
        data = definition.custom_attribute_definition_data
        if data is not None:
            found[definition.id] = data
            if data.key:
                found.setdefault(data.key, data)
    return found
