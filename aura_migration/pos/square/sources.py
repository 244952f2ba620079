"""What can be read out of a Square account, with the permission each needs and what it feeds.

How it is read is in ``extract.py`` (menu), ``people/extract.py`` and ``orders/extract.py``; what of it may not be stored
as sent is in ``people/sources.py`` and ``orders/sources.py``.
"""

from __future__ import annotations

from aura_migration.pos.port import SourceEntity
from aura_migration.pos.square.orders.sources import HISTORY
from aura_migration.pos.square.people.sources import PEOPLE

MENU: tuple[SourceEntity, ...] = (
    SourceEntity(
        "locations",
        "merchant",
        "MERCHANT_PROFILE_READ",
        ("locations", "opening_hours", "settings"),
        doc="The merchant and all its locations, inactive ones too.",
    ),
    SourceEntity(
        "catalog",
        "merchant",
        "ITEMS_READ",
        (
            "menus",
            "categories",
            "tax_rates",
            "kitchen_stations",
            "items",
            "variations",
            "modifier_groups",
            "modifiers",
            "item_locations",
            "modifier_locations",
            "item_categories",
            "item_menus",
            "item_modifier_groups",
            "nested_groups",
            "modifier_defaults",
            "item_taxes",
            "item_stations",
            "pricing_rules",
            "pricing_rule_targets",
        ),
        doc="Every object of the catalog, deleted ones too.",
    ),
    SourceEntity(
        "inventory", "location", "INVENTORY_READ", ("stock",), doc="Stock counts of one location, in every state."
    ),
    SourceEntity(
        "checkout_settings",
        "location",
        "MERCHANT_PROFILE_READ",
        ("tip_suggestions",),
        doc="The settings of the location's online checkout: tips, notes, policies.",
    ),
)

SOURCE_ENTITIES: tuple[SourceEntity, ...] = (*MENU, *PEOPLE, *HISTORY)
