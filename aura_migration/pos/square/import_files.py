"""The item library of Square's dashboard as a file: one row per variation, found again by its token."""

from __future__ import annotations

from aura_migration.pos.import_files import COMPARE, ImportFile, ImportItem, ImportMenu, amount, as_csv

FIXED = (
    "Token",
    "Item Name",
    "Variation Name",
    "SKU",
    "GTIN",
    "Description",
    "Categories",
    "Price",
    "Unit",
    "Archived",
)
REGULAR = "Regular"
"""What Square calls the variation of an item that has one."""


def import_files(menu: ImportMenu) -> list[ImportFile]:
    """The catalog: items, prices, categories, counts at the location, taxes and modifier sets.

    Columns of taxes and modifier sets name each by itself, with Y or N. Modifier sets that Square does not have are made
    in the dashboard first.
    """
    taxes = [f"Tax - {tax.name} ({tax.percent}%)" for tax in menu.taxes]
    sets = [f"Modifier Set - {group.name}" for group in menu.groups]
    places = [f"Enabled {menu.location}", f"New Quantity {menu.location}"]
    rows = [_row(item, menu) for item in menu.items]
    how = (
        "Square Dashboard: Items, Item library, Actions, Import library, Modify item library. "
        f"{COMPARE} Modifier sets and taxes that Square does not have are made in the dashboard before."
    )
    return [ImportFile("square-catalog.csv", as_csv([*FIXED, *places, *taxes, *sets], rows), how)]


def _row(item: ImportItem, menu: ImportMenu) -> list[str]:
    named = [
        item.variation_key or item.key,
        item.name,
        item.variation_name or REGULAR,
        item.sku,
        item.barcode,
        item.description,
        ", ".join(item.categories),
        amount(item.cents, menu.currency) if item.cents is not None else "variable",
        item.unit,
        "N",
    ]
    place = ["Y" if item.is_active else "N", item.quantity or ""]
    taxed = ["Y" if tax.name in item.taxes else "N" for tax in menu.taxes]
    asked = ["Y" if group.name in item.groups else "N" for group in menu.groups]
    return [*named, *place, *taxed, *asked]
