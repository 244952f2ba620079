"""The lists of Toast's configuration and kitchen APIs: rows, pages sized by bytes, and page tokens.

Belongs here: which lists exist, the legacy reference-only menu tree, and the paging. Does not belong here: HTTP and the
contents of the restaurant's own lists (``locations``).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.menus_wire import wire_name
from aura_migration.sandbox.toast.model import Catalog, ConfigObject, Item, MenuGroup, ModifierGroup, PreModifierGroup

CONFIG_LISTS = (
    "alternatePaymentTypes", "breakTypes", "cashDrawers", "diningOptions", "discounts", "menuGroups", "menuItems",
    "menuOptionGroups", "menus", "preModifiers", "preModifierGroups", "noSaleReasons", "payoutReasons", "priceGroups",
    "printers", "salesCategories", "serviceAreas", "serviceCharges", "revenueCenters", "restaurantServices", "tables",
    "taxRates", "voidReasons",
)  # fmt: skip
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)")


def parse_toast_time(text: str) -> datetime:
    """An ISO-8601 instant with a zone, as Toast takes it in a query. Raises ValueError for anything else."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a date-time of the form yyyy-MM-ddTHH:mm:ss.SSS+hhmm")
    return datetime.fromisoformat(found[1] + found[2])


def config_rows(
    location: Location, catalog: Catalog, modified: Mapping[str, datetime], name: str
) -> list[ConfigObject]:
    """All rows of one list. Menu lists and pre-modifiers are made from the catalog, the rest is the location's own."""
    if name not in ("menus", "menuGroups", "menuItems", "menuOptionGroups", "preModifiers", "preModifierGroups"):
        return location.config.get(name, [])
    first = location.created + timedelta(days=60)
    bodies = _LegacyTree(catalog).bodies(name)
    return [ConfigObject(body["guid"], body, modified.get(body["guid"], first)) for body in bodies]


def _ref(guid: str, entity: str) -> dict[str, Any]:
    return {"guid": guid, "entityType": entity, "externalId": None}


class _LegacyTree:
    """The old reference-only menu lists: names and links, no prices."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def bodies(self, name: str) -> list[dict[str, Any]]:
        catalog = self._catalog
        if name == "menus":
            return [
                {
                    **self._head("Menu", menu.guid, menu.name, menu.visibility),
                    "groups": [_ref(guid, "MenuGroup") for guid in menu.groups],
                }
                for menu in catalog.menus.values()
            ]
        if name == "menuGroups":
            parents = {child: group.guid for group in catalog.groups.values() for child in group.subgroups}
            menus = {guid: menu.guid for menu in catalog.menus.values() for guid in menu.groups}
            return [self._menu_group(group, parents, menus) for group in catalog.groups.values()]
        if name == "menuItems":
            return [self._item(item) for item in catalog.items.values()]
        if name == "menuOptionGroups":
            return [self._option_group(group) for group in catalog.modifier_groups.values()]
        if name == "preModifierGroups":
            return [self._pre_modifier_group(group) for group in catalog.pre_modifier_groups.values()]
        return [body for group in catalog.pre_modifier_groups.values() for body in self._pre_modifiers(group)]

    @staticmethod
    def _head(entity: str, guid: str, name: str, visibility: tuple[str, ...]) -> dict[str, Any]:
        shown = "NONE" if not visibility else "POS_ONLY" if visibility == ("POS",) else "ALL"
        return {
            "guid": guid,
            "entityType": entity,
            "externalId": None,
            "name": wire_name(name),
            "orderableOnline": "YES" if "TOAST_ONLINE_ORDERING" in visibility else "NO",
            "visibility": shown,
        }

    def _menu_group(self, group: MenuGroup, parents: dict[str, str], menus: dict[str, str]) -> dict[str, Any]:
        return {
            **self._head("MenuGroup", group.guid, group.name, group.visibility),
            "menu": _ref(menus[group.guid], "Menu") if group.guid in menus else None,
            "parent": _ref(parents[group.guid], "MenuGroup") if group.guid in parents else None,
            "items": [_ref(guid, "MenuItem") for guid in group.items],
            "subgroups": [_ref(guid, "MenuGroup") for guid in group.subgroups],
            "optionGroups": [],
        }

    def _item(self, item: Item) -> dict[str, Any]:
        return {
            **self._head("MenuItem", item.guid, item.name, item.visibility),
            "optionGroups": [_ref(link.group, "MenuOptionGroup") for link in item.links],
            "sku": item.sku,
            "plu": item.plu,
            "calories": item.calories,
            "type": "OPEN_ITEM" if item.pricing.strategy == "OPEN_PRICE" else "NONE",
            "unitOfMeasure": item.unit,
        }

    def _option_group(self, group: ModifierGroup) -> dict[str, Any]:
        return {
            **self._head("MenuOptionGroup", group.guid, group.name, group.visibility),
            "minSelections": group.minimum,
            "maxSelections": group.maximum,
            "options": [_ref(option.item, "MenuItem") for option in group.options],
        }

    @staticmethod
    def _pre_modifier_group(group: PreModifierGroup) -> dict[str, Any]:
        return {
            "guid": group.guid,
            "entityType": "PreModifierGroup",
            "name": wire_name(group.name),
            "isDefault": group.default,
        }

    @staticmethod
    def _pre_modifiers(group: PreModifierGroup) -> list[dict[str, Any]]:
        return [
            {
                "guid": member.guid,
                "entityType": "PreModifier",
                "name": wire_name(member.name),
                "scalePrice": member.factor is not None,
                "basePrice": None if member.fixed_cents is None else member.fixed_cents / 100,
                "scaleFactor": member.factor,
                "displayMode": member.display,
                "parent": {"guid": group.guid, "entityType": "PreModifierGroup"},
                "chargeAsExtra": member.charge_as_extra,
            }
            for member in group.members
        ]


@dataclass(frozen=True, slots=True)
class PageToken:
    """What an opaque page token says: the list, the place in it, and the configuration version it was made on."""

    listing: str
    restaurant: str
    start: int
    version: int
    modified: str | None

    def encode(self) -> str:
        """The token as sent."""
        fields = [self.listing, self.restaurant, self.start, self.version, self.modified]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> PageToken:
        """The token read back. Raises ValueError when it is none."""
        try:
            listing, restaurant, start, version, modified = json.loads(
                base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            )
            return cls(str(listing), str(restaurant), int(start), int(version), modified)
        except (ValueError, TypeError, binascii.Error) as error:
            raise ValueError("pageToken is not valid") from error


def cut_page(rows: list[ConfigObject], start: int, most_bytes: int, most_rows: int) -> tuple[bytes, int | None]:
    """One page from ``start`` on as a JSON array, and where the next begins (None at the end). At least one row."""
    parts: list[bytes] = []
    size = 2
    place = start
    while place < len(rows) and len(parts) < most_rows:
        part = json.dumps(rows[place].body, ensure_ascii=False, separators=(",", ":")).encode()
        if parts and size + len(part) > most_bytes:
            break
        parts.append(part)
        size += len(part) + 1
        place += 1
    return b"[" + b",".join(parts) + b"]", place if place < len(rows) else None
