"""Menus documents written by hand, record by record as the API reference describes them, and the rows they become."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aura_migration.archive.snapshot import Certificate, StoredBody
from aura_migration.canonical.model import Batch
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast import CONNECTOR
from aura_migration.pos.toast.paths import INVENTORY, MENUS, PREP_STATIONS

EVERYWHERE = ["POS", "KIOSK", "TOAST_ONLINE_ORDERING", "ORDERING_PARTNERS"]
LOCATION = SourceLocation("L1", "Harbor St", "America/Chicago", "USD", "04:00")


def item(name: str, price: float | None = 9.5, /, **changed: Any) -> dict[str, Any]:
    """A menu item at one place; its ids are made from its name."""
    base = {
        "name": name,
        "kitchenName": "",
        "guid": f"guid-{name}",
        "multiLocationId": f"m-{name}",
        "description": None,
        "posName": "",
        "visibility": EVERYWHERE,
        "price": price,
        "pricingStrategy": "BASE_PRICE",
        "pricingRules": None,
        "taxInfo": ["tax"],
        "taxInclusion": "TAX_NOT_INCLUDED",
        "itemTags": [],
        "plu": "",
        "sku": "",
        "unitOfMeasure": "NONE",
        "portions": [],
        "prepStations": [],
        "modifierGroupReferences": [],
    }
    return base | changed


def option(name: str, price: float | None = 1.0, /, **changed: Any) -> dict[str, Any]:
    """A modifier option that is taxed like its item."""
    base = item(name, price) | {
        "modifierOptionTaxInfo": {"taxRateGuids": ["tax"], "overrideItemTaxRates": False},
        "isDefault": False,
        "allowsDuplicates": False,
    }
    return base | changed


def group(name: str, options: list[int], **changed: Any) -> dict[str, Any]:
    """A modifier group of which one option at most may be chosen."""
    base = {
        "name": name,
        "guid": f"guid-{name}",
        "multiLocationId": f"m-{name}",
        "posName": "",
        "visibility": EVERYWHERE,
        "pricingStrategy": "NONE",
        "pricingRules": None,
        "defaultOptionsChargePrice": "YES",
        "defaultOptionsSubstitutionPricing": "NO",
        "minSelections": 0,
        "maxSelections": 1,
        "requiredMode": "OPTIONAL",
        "isMultiSelect": False,
        "preModifierGroupReference": None,
        "modifierOptionReferences": options,
    }
    return base | changed


def menu_group(name: str, items: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    """A menu group."""
    base = {
        "name": name,
        "guid": f"guid-{name}",
        "multiLocationId": f"m-{name}",
        "visibility": EVERYWHERE,
        "menuGroups": [],
        "menuItems": items,
    }
    return base | changed


def menu(name: str, groups: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    """A menu that is always served."""
    base = {
        "name": name,
        "guid": f"guid-{name}",
        "multiLocationId": f"m-{name}",
        "visibility": EVERYWHERE,
        "availability": {"alwaysAvailable": True},
        "menuGroups": groups,
    }
    return base | changed


def time_rule(price: float, base: float, days: list[str], start: str, end: str) -> dict[str, Any]:
    """One time-specific price."""
    return {
        "timeSpecificPrice": price,
        "basePrice": base,
        "schedule": [{"days": days, "timeRanges": [{"start": start, "end": end}]}],
    }


def rules(**given: Any) -> dict[str, Any]:
    """Pricing rules with all three keys."""
    return {"timeSpecificPricingRules": [], "sizeSpecificPricingGuid": None, "sizeSequencePricingRules": []} | given


class Snapshot:
    """What the mapping reads of a snapshot, from bodies in memory. None for a part: it was not extracted."""

    def __init__(self, **parts: Any) -> None:
        paths = {"menus": MENUS, "prep_stations": PREP_STATIONS, "stock": INVENTORY, "config": "/config/v2/taxRates"}
        self.parts = {
            name: (paths.get(name, ""), json.dumps(body).encode()) for name, body in parts.items() if body is not None
        }
        self.missing = {name for name, body in parts.items() if body is None}

    def bodies(self, entity: str) -> Iterator[StoredBody]:
        """See SnapshotReader."""
        if entity in self.parts:
            path, data = self.parts[entity]
            window = "taxRates" if entity == "config" else ""
            yield StoredBody(entity, data, "GET", path, None, None, 1, window, 1, "", len(data))

    def certificate(self, entity: str) -> Certificate | None:
        """See SnapshotReader."""
        if entity in self.missing:
            return Certificate(entity, "not_extracted", reason="the right is missing")
        return Certificate(entity, "complete") if entity in self.parts else None


TAXES = [
    {"guid": "tax", "name": "State", "isDefault": True, "rate": 0.0725, "type": "PERCENT", "roundingType": "HALF_UP"},
    {"guid": "liquor", "name": "Liquor", "isDefault": False, "rate": 0.25, "type": "FIXED", "roundingType": None},
]


class Rows:
    """The rows and rejects of a hand-written menu."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def of(self, entity: str) -> dict[str, dict[str, Any]]:
        """Values by key."""
        return {row.key: row.values for row in self.batch.rows if row.entity == entity}

    @property
    def rejected(self) -> dict[tuple[str, str], str]:
        """Reasons by entity and key."""
        return {(one.entity, one.key): one.reason for one in self.batch.rejected}

    def loss(self, source_entity: str, field: str) -> str:
        """The notes of a loss line, together; empty where there is none."""
        return " ".join(
            one.note for one in self.batch.losses if (one.source_entity, one.field) == (source_entity, field)
        )


def document(
    menus: list[dict[str, Any]],
    groups: dict[int, dict[str, Any]] | None = None,
    options: dict[int, dict[str, Any]] | None = None,
    pre_modifiers: dict[int, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A whole menus document."""
    return {
        "restaurantGuid": "L1",
        "lastUpdated": "2025-02-15T12:30:00.000+0000",
        "menus": menus,
        "modifierGroupReferences": {str(ref): {"referenceId": ref, **one} for ref, one in (groups or {}).items()},
        "modifierOptionReferences": {str(ref): {"referenceId": ref, **one} for ref, one in (options or {}).items()},
        "preModifierGroupReferences": {
            str(ref): {"referenceId": ref, **one} for ref, one in (pre_modifiers or {}).items()
        },
    }


def mapped(
    items: list[dict[str, Any]] | None = None,
    groups: dict[int, dict[str, Any]] | None = None,
    options: dict[int, dict[str, Any]] | None = None,
    *,
    menus: list[dict[str, Any]] | None = None,
    **parts: Any,
) -> Rows:
    """The rows of one menu "All day" with one group "Mains" of these items, or of the menus given."""
    served = menus or [menu("All day", [menu_group("Mains", items or [])])]
    written = document(served, groups, options, parts.pop("pre_modifiers", None))
    given = {"menus": written, "config": TAXES, "prep_stations": [], "stock": []} | parts
    return Rows(CONNECTOR.map_menu(Snapshot(**given), LOCATION))  # type: ignore[arg-type]
