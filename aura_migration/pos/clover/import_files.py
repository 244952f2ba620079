"""The sheets of Clover's inventory workbook as files: items, modifier groups, categories, tax rates."""

from __future__ import annotations

from aura_migration.pos.import_files import COMPARE, ImportFile, ImportItem, ImportMenu, amount, as_csv

ITEMS = (
    *(
        "Clover ID",
        "Name",
        "Alternate Name",
        "Price",
        "Price Type",
        "Price Unit",
        "Tax Rates",
        "Cost",
        "Product Code",
        "SKU",
    ),
    *("Modifier Groups", "Quantity", "Hidden"),
)
GROUPS = ("Modifier Group Name", "Pop-up Automatically", "No. Min Required", "No. Max Allowed", "Modifier", "Price")
PRICE_TYPES = {"fixed": "Fixed", "variation": "Fixed", "per_unit": "Per Unit", "open": "Variable"}
HOW = f"Clover Dashboard: Inventory, Items, Import. Put each file into the sheet of its name. {COMPARE}"


def import_files(menu: ImportMenu) -> list[ImportFile]:
    """One file per sheet. A variation is an item of its own at Clover, its name behind the item's."""
    items = [_item(item, menu) for item in menu.items]
    groups = [
        [
            group.name if number == 0 else "",
            "Yes" if group.least and number == 0 else "No" if number == 0 else "",
            str(group.least) if number == 0 else "",
            str(group.most) if group.most is not None and number == 0 else "",
            option.name,
            amount(option.cents or 0, menu.currency),
        ]
        for group in menu.groups
        for number, option in enumerate(group.options)
    ]
    width = max(1, *(sum(name in item.categories for item in menu.items) for name in menu.categories), 1)
    categories = [
        [name, *_padded([_name(item) for item in menu.items if name in item.categories], width)]
        for name in menu.categories
    ]
    return [
        ImportFile("clover-items.csv", as_csv(ITEMS, items), HOW),
        ImportFile("clover-modifier-groups.csv", as_csv(GROUPS, groups), HOW),
        ImportFile("clover-categories.csv", as_csv(["Category Name", *["Items"] * width], categories), HOW),
        ImportFile(
            "clover-tax-rates.csv",
            as_csv(("Name", "Tax Rate", "Default"), [[tax.name, f"{tax.percent}%", ""] for tax in menu.taxes]),
            HOW,
        ),
    ]


def _item(item: ImportItem, menu: ImportMenu) -> list[str]:
    key = (item.variation_key or item.key).rsplit("/", 1)[-1]
    return [
        key,
        _name(item),
        item.short_name,
        amount(item.cents, menu.currency),
        PRICE_TYPES.get(item.price_type, "Fixed") if item.cents is not None else "Variable",
        item.unit,
        ", ".join(item.taxes),
        amount(item.cost_cents, menu.currency),
        item.barcode,
        item.sku,
        ", ".join(item.groups),
        item.quantity or "",
        "No" if item.is_active else "Yes",
    ]


def _name(item: ImportItem) -> str:
    return f"{item.name} {item.variation_name}" if item.variation_name else item.name


def _padded(cells: list[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]
