"""What is fetched from Clover: source entities, their endpoints, expands, nested lists and where those are read in full.

Every entity belongs to a location, as one Clover merchant is one site. Walking and proving is in ``extract.py``; what is
read of orders and money is listed in ``orders/lists.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aura_migration.pos.clover.orders.lists import HISTORY
from aura_migration.pos.clover.orders.lists import PATHS as HISTORY_PATHS
from aura_migration.pos.port import SourceEntity

PAGE = 1000
"""The largest page Clover gives."""
OTHER_PAGE = 700
"""Page size of a second reading: a list that is cut by its pages is not cut at the same place twice."""
ODD_PAGE = 850
ROUND = 100
"""Clover's default page and the length at which lists inside records are cut: any multiple of it may be a cap."""
ORDER = "id ASC"

MERCHANT_R = "MERCHANT_R"
INVENTORY_R = "INVENTORY_R"
EMPLOYEES_R = "EMPLOYEES_R"
CUSTOMERS_R = "CUSTOMERS_R"


@dataclass(frozen=True)
class Walk:
    """One reading of a list: the window it is recorded under, what is expanded (at most three), rows per page."""

    window: str = ""
    expand: tuple[str, ...] = ()
    page: int = PAGE


@dataclass(frozen=True)
class Listing:
    """A list endpoint of an entity, below ``/v3/merchants/{id}``.

    ``nested`` are the fields that hold lists or pointers, ``children`` the endpoints (below the listing's own, with the
    owner's id) that give a nested list in full. ``row_id`` is ``id``, or ``item`` where rows only point at an item.
    ``ordered`` is False where the endpoint has no field to order by. ``since`` is the field of a list that is read in
    windows of time, the last twelve months of it.
    """

    path: str
    walks: tuple[Walk, ...] = (Walk(),)
    nested: tuple[str, ...] = ()
    children: Mapping[str, str] = field(default_factory=dict)
    row_id: str = "id"
    ordered: bool = True
    since: str = ""


MERCHANT = "merchant"
OBJECTS: Mapping[str, Mapping[str, str]] = {
    MERCHANT: {"merchant": "", "address": "/address", "properties": "/properties"},
    "default_service_charge": {"": "/default_service_charge"},
}
"""Entities that are single objects: window to path."""

ITEM_WALKS = (
    Walk("links", ("categories", "modifierGroups", "taxRates")),
    Walk("more", ("tags", "options", "itemStock"), OTHER_PAGE),
    Walk("online", ("menuItem", "itemGroup"), ODD_PAGE),
)
INVENTORY: Mapping[str, Listing] = {
    "items": Listing(
        "/items",
        ITEM_WALKS,
        ("categories", "modifierGroups", "taxRates", "tags", "options", "itemGroup"),
        {"categories": "categories", "tags": "tags"},
    ),
    "item_stocks": Listing("/item_stocks", row_id="item", ordered=False),
    "categories": Listing("/categories", (Walk(expand=("items",)),), ("items",), {"items": "items"}),
    "modifier_groups": Listing(
        "/modifier_groups",
        (Walk(expand=("modifiers", "items")),),
        ("modifiers", "items"),
        {"modifiers": "modifiers", "items": "items"},
    ),
    "modifiers": Listing("/modifiers", nested=("modifierGroup",)),
    "item_groups": Listing("/item_groups", (Walk(expand=("items", "attributes")),), ("items", "attributes")),
    "attributes": Listing(
        "/attributes", (Walk(expand=("options",)),), ("options", "itemGroup"), {"options": "options"}
    ),
    "options": Listing("/options", nested=("attribute",)),
    "tags": Listing("/tags", (Walk(expand=("items", "printers")),), ("items", "printers"), {"items": "items"}),
    "tax_rates": Listing("/tax_rates"),
}
"""The menu itself; these lists are checked against each other."""

SETTINGS: Mapping[str, Listing] = {
    "discounts": Listing("/discounts"),
    "order_types": Listing("/order_types", (Walk(expand=("hours", "categories")),), ("categories",)),
    "tenders": Listing("/tenders"),
    "devices": Listing("/devices"),
    "opening_hours": Listing("/opening_hours"),
    "order_fees": Listing("/order_fees"),
    "tip_suggestions": Listing("/tip_suggestions"),
    "tax_rules": Listing("/tax_rules"),
}
"""The rules of business, and devices, which are kept in the backup and shown in the audit alone."""

PEOPLE: Mapping[str, Listing] = {
    "customers": Listing(
        "/customers",
        (
            Walk("contacts", ("addresses", "emailAddresses", "phoneNumbers")),
            Walk("metadata", ("metadata",), OTHER_PAGE),
        ),
        ("addresses", "emailAddresses", "phoneNumbers"),
        {"addresses": "addresses", "emailAddresses": "email_addresses", "phoneNumbers": "phone_numbers"},
    ),
    "roles": Listing("/roles"),
    "employees": Listing("/employees", (Walk(expand=("roles",)),), ("roles",)),
    "shifts": Listing("/shifts", since="in_time"),
}
"""Guests and staff. Cards on file are never asked for."""

LISTINGS: Mapping[str, Listing] = {**INVENTORY, **SETTINGS, **PEOPLE}


def _menu(name: str, feeds: tuple[str, ...], doc: str) -> SourceEntity:
    return SourceEntity(name, "location", INVENTORY_R, feeds, doc=doc)


def _rules(name: str, feeds: tuple[str, ...], doc: str, permission: str = MERCHANT_R) -> SourceEntity:
    return SourceEntity(name, "location", permission, feeds, doc=doc)


SOURCE_ENTITIES = (
    SourceEntity(
        MERCHANT, "location", MERCHANT_R, ("locations", "settings"), doc="The merchant, its address and its settings."
    ),
    _menu("tax_rates", ("tax_rates", "item_taxes"), "Tax rates."),
    _menu("tags", ("kitchen_stations", "item_stations"), "Labels, with their items and printers."),
    _menu("categories", ("categories", "item_categories"), "Categories with their items in order."),
    _menu("modifier_groups", ("modifier_groups", "item_modifier_groups"), "Modifier groups with modifiers and items."),
    _menu("modifiers", ("modifiers", "modifier_locations"), "Every modifier, as one list."),
    _menu("item_groups", ("items",), "Variant groups, whose variants are items of their own."),
    _menu("attributes", ("items",), "What variants differ in."),
    _menu("options", ("items",), "The values of those attributes."),
    _menu("items", ("items", "item_locations"), "Every item, read three times with different expands."),
    _menu("item_stocks", ("stock",), "Stock per item."),
    _rules("discounts", ("pricing_rules", "pricing_rule_targets"), "Discounts of the catalogue.", INVENTORY_R),
    _rules("order_types", ("order_types",), "Order types with hours and categories."),
    _rules("tenders", ("tender_types",), "Ways of paying."),
    SourceEntity("devices", "location", MERCHANT_R, (), required=False, doc="Devices, without their identifiers."),
    _rules("opening_hours", ("opening_hours",), "Opening hours."),
    _rules("default_service_charge", ("service_charges",), "The service charge."),
    _rules("order_fees", ("service_charges", "service_charge_taxes"), "Fees and automatic gratuities."),
    _rules("tip_suggestions", ("tip_suggestions",), "Suggested tips."),
    _rules("tax_rules", ("tax_exceptions",), "Which orders are not taxed.", INVENTORY_R),
    SourceEntity(
        "customers",
        "location",
        CUSTOMERS_R,
        ("customers", "customer_addresses", "customer_consents"),
        doc="Guests with contacts, addresses, notes and whether they allow marketing.",
    ),
    SourceEntity("roles", "location", EMPLOYEES_R, ("roles",), doc="Roles of staff."),
    SourceEntity(
        "employees", "location", EMPLOYEES_R, ("staff", "staff_jobs", "staff_locations"), doc="Staff, without PINs."
    ),
    SourceEntity("shifts", "location", EMPLOYEES_R, ("timecards",), doc="Time worked in the last twelve months."),
    *HISTORY,
)
MAY_LACK = frozenset(("opening_hours", "default_service_charge", "order_fees", "tip_suggestions", "tax_rules"))
"""What not every merchant has: fees exist in some countries only, and a charge that was never set is not found."""
PATHS: Mapping[str, str] = {**HISTORY_PATHS, **{name: listing.path for name, listing in LISTINGS.items()}}
"""The endpoint of every list, below ``/v3/merchants/{id}``."""
PERMISSIONS: Mapping[str, str] = {entity.name: entity.permission for entity in SOURCE_ENTITIES}
