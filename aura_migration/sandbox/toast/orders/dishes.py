"""What of a location's menu the orders are made of: dishes with one fixed price and percent taxes on top.

Orders keep to the menu as the scenario wrote it: a later edit of a price never changes an order of the past.
"""

from __future__ import annotations

from decimal import Decimal

from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.model import BASE, Catalog, GroupLink, Item, ModifierGroup
from aura_migration.sandbox.toast.orders.model import Choice, Dish, Tax

MOST_CHOICES = 6


def dishes(location: Location) -> list[Dish]:
    """The dishes of a location in the order of their guids; empty where nothing suits."""
    catalog, taxes = location.catalog, percent_taxes(location)
    found: dict[str, Dish] = {}
    for _, chain in catalog.placements():
        for guid in chain[-1].items:
            item = catalog.items[guid]
            musts = _musts(catalog, item)
            if guid not in found and _suits(item) and musts is not None and all(tax in taxes for tax in item.taxes):
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
                    musts=musts,
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
    """Options that cost their own price, of the item's first plain group in which nothing has to be chosen."""
    for link in item.links:
        group = catalog.modifier_groups[link.group]
        if not _is_shown(link, group) or not _is_plain(group) or group.minimum:
            continue
        if found := _suited(catalog, group):
            return found[:MOST_CHOICES]
    return []


def _musts(catalog: Catalog, item: Item) -> tuple[tuple[Choice, ...], ...] | None:
    """What has to be chosen with an item; None where that is no plain matter."""
    found: list[tuple[Choice, ...]] = []
    for link in item.links:
        group = catalog.modifier_groups[link.group]
        if not group.minimum or not _is_shown(link, group):
            continue
        suited = _suited(catalog, group)
        if not _is_plain(group) or len(suited) < group.minimum:
            return None
        if group.minimum == 1:
            found.append(tuple(suited[:MOST_CHOICES]))
        else:
            found.extend((choice,) for choice in suited[: group.minimum])
    return tuple(found)


def _is_shown(link: GroupLink, group: ModifierGroup) -> bool:
    return bool(group.visibility if link.visibility is None else link.visibility)


def _is_plain(group: ModifierGroup) -> bool:
    return group.strategy == "NONE" and not group.size_of and not group.rules


def _suited(catalog: Catalog, group: ModifierGroup) -> list[Choice]:
    """Options with a price of their own, after which nothing further has to be chosen."""
    found = []
    for option in group.options:
        if not option.visibility:
            continue
        pricing, under = catalog.option_pricing(option), catalog.items[option.item]
        free_default = option.default and group.defaults_charge == "NO"
        asks = any(catalog.modifier_groups[link.group].minimum for link in under.links)
        if (
            pricing.strategy == BASE
            and pricing.cents is not None
            and option.taxes is None
            and not (free_default or asks)
        ):
            found.append(Choice(option.item, under.mlid, under.name, group.guid, group.mlid, pricing.cents))
    return found
