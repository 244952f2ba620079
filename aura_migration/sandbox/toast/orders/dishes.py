"""What of a location's menu the orders are made of: dishes with one fixed price and percent taxes on top.

Orders keep to the menu as the scenario wrote it: a later edit of a price never changes an order of the past.
"""

from __future__ import annotations

from decimal import Decimal

from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.model import BASE, Catalog, Item
from aura_migration.sandbox.toast.orders.model import Choice, Dish, Tax

MOST_CHOICES = 6


def dishes(location: Location) -> list[Dish]:
    """The dishes of a location in the order of their guids; empty where nothing suits."""
    catalog, taxes = location.catalog, percent_taxes(location)
    found: dict[str, Dish] = {}
    for _, chain in catalog.placements():
        for guid in chain[-1].items:
            item = catalog.items[guid]
            if guid not in found and _suits(item) and all(tax in taxes for tax in item.taxes):
                found[guid] = Dish(
                    guid=item.guid,
                    mlid=item.mlid,
                    name=item.name,
                    plu=item.plu,
                    group=chain[-1].guid,
                    group_mlid=chain[-1].mlid,
                    cents=item.pricing.cents or 0,
                    category=item.sales_category[1] if item.sales_category else None,
                    taxes=tuple(taxes[tax] for tax in item.taxes),
                    choices=tuple(_choices(catalog, item)),
                )
    return [found[guid] for guid in sorted(found)]


def percent_taxes(location: Location) -> dict[str, Tax]:
    """The percent rates of a location by guid."""
    made: dict[str, Tax] = {}
    for row in location.config.get("taxRates", []):
        body = row.body
        if body["type"] != "PERCENT":
            continue
        conditional = [entry["rate"] for entry in body["conditionalTaxRates"] if entry["condition"] == "TAKE_OUT"]
        made[row.guid] = Tax(
            row.guid,
            body["name"],
            Decimal(str(body["rate"])),
            body["roundingType"],
            Decimal(str(conditional[0])) if conditional else None,
        )
    return made


def _suits(item: Item) -> bool:
    return (
        item.pricing.strategy == BASE
        and (item.pricing.cents or 0) > 0
        and item.tax_inclusion == "TAX_NOT_INCLUDED"
        and item.unit == "NONE"
        and bool(item.visibility)
        and not item.deferred
        and not item.portions
    )


def _choices(catalog: Catalog, item: Item) -> list[Choice]:
    """Options of the item's first plain group that cost their own price."""
    for link in item.links:
        group = catalog.modifier_groups[link.group]
        if group.strategy != "NONE" or group.size_of or group.rules:
            continue
        found = []
        for option in group.options[:MOST_CHOICES]:
            pricing = catalog.option_pricing(option)
            under = catalog.items[option.item]
            free_default = option.default and group.defaults_charge == "NO"
            if pricing.strategy == BASE and pricing.cents is not None and option.taxes is None and not free_default:
                found.append(Choice(option.item, under.mlid, under.name, group.guid, group.mlid, pricing.cents))
        if found:
            return found
    return []
