"""What is true about a Clover sandbox, told from the generator's own rows and never from an answer it rendered.

Clover has one merchant per location, so `location` is always a merchant id. Variants are items of their own, modifiers
do not nest, and there are no prices by menu, time, size or sequence: those columns are null throughout.
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.clover.world import Item, Merchant, Row, World

KINDS = {"FIXED": "fixed", "VARIABLE": "open", "PER_UNIT": "per_unit"}


def truth_of(world: World) -> dict[str, Any]:
    """The whole truth in Clover ids. Deleted items have a row in `items` (`deleted` true) and nowhere else."""
    merchants = list(world.merchants.values())
    counts = {merchant.id: counts_of(merchant) for merchant in merchants}
    return {
        "pos": "clover",
        "scenario": world.scenario,
        "seed": world.seed,
        "merchant_id": world.first.id,
        "merchant_ids": [merchant.id for merchant in merchants],
        "merchant_name": world.first.name,
        "locations": [
            {"id": merchant.id, "name": merchant.name, "timezone": merchant.timezone, "currency": merchant.currency}
            for merchant in merchants
        ],
        "categories": _each(merchants, _categories),
        "items": _each(merchants, _items),
        "prices": _each(merchants, _prices),
        "item_groups": _each(merchants, _item_groups),
        "groups": _each(merchants, _groups),
        "modifiers": _each(merchants, _modifiers),
        "modifier_prices": _each(merchants, _modifier_prices),
        "edges": _each(merchants, _edges),
        "stock": _each(merchants, _stock),
        "stations": _each(merchants, _stations),
        "tax_rates": _each(merchants, _tax_rates),
        "item_taxes": _each(merchants, _item_taxes),
        "discounts": _each(merchants, _discounts),
        "counts": {name: sum(count[name] for count in counts.values()) for name in counts[world.first.id]},
        "counts_by_location": counts,
        "secrets": [secret for merchant in merchants for secret in merchant.secrets],
        "notes": world.notes,
    }


def counts_of(merchant: Merchant) -> dict[str, int]:
    """How many rows of each kind exist at a merchant; deleted ones are not counted except as `items_deleted`."""
    live = _live(merchant)
    return {
        "items": len(live),
        "items_deleted": len(merchant.items) - len(live),
        "variations": sum(1 for item in live if item.item_group),
        "item_groups": len(merchant.item_groups),
        "groups": sum(1 for group in merchant.groups.values() if not group.deleted),
        "modifiers": sum(len(group.modifiers) for group in merchant.groups.values() if not group.deleted),
        "modifiers_dangling": sum(len(group.modifiers) for group in merchant.groups.values() if group.deleted),
        "categories": sum(1 for category in merchant.categories.values() if not category.deleted),
        "tags": len(merchant.tags),
        "tax_rates": len(merchant.tax_rates),
        "discounts": sum(1 for discount in merchant.discounts.values() if not discount.deleted),
        "order_types": len(merchant.order_types),
        "tenders": len(merchant.tenders),
        "devices": len(merchant.devices),
    }


def _each(merchants: list[Merchant], rows: Any) -> list[Row]:
    return [{"location": merchant.id, **row} for merchant in merchants for row in rows(merchant)]


def _live(merchant: Merchant) -> list[Item]:
    return [item for item in merchant.items.values() if not item.deleted]


def _categories(merchant: Merchant) -> list[Row]:
    return [
        {
            "id": category.id,
            "name": category.name,
            "parent": None,
            "items": [item for item in category.items if not merchant.items[item].deleted],
        }
        for category in merchant.categories.values()
        if not category.deleted
    ]


def _items(merchant: Merchant) -> list[Row]:
    return [
        {
            "id": item.id,
            "name": item.name,
            "sku": item.sku,
            "active": not item.deleted and not item.hidden,
            "available": item.available,
            "hidden": item.hidden,
            "deleted": item.deleted,
            "item_group": item.item_group,
            "categories": [one for one in item.categories if not merchant.categories[one].deleted],
            "groups": [one for one in item.groups if not merchant.groups[one].deleted],
        }
        for item in merchant.items.values()
    ]


def _prices(merchant: Merchant) -> list[Row]:
    return [
        {
            "item": item.id,
            "variation": None,
            "menu": None,
            "window": None,
            "cents": None if item.price_type == "VARIABLE" else item.price,
            "kind": KINDS[item.price_type],
        }
        for item in _live(merchant)
    ]


def _item_groups(merchant: Merchant) -> list[Row]:
    return [
        {
            "id": group.id,
            "name": group.name,
            "attributes": [merchant.attributes[one].name for one in group.attributes],
            "items": [
                {"id": item, "options": [merchant.options[one].name for one in merchant.items[item].options]}
                for item in group.items
                if not merchant.items[item].deleted
            ],
        }
        for group in merchant.item_groups.values()
    ]


def _groups(merchant: Merchant) -> list[Row]:
    return [
        {"id": group.id, "name": group.name, "min": group.min_required or 0, "max": group.max_allowed}
        for group in merchant.groups.values()
        if not group.deleted
    ]


def _modifiers(merchant: Merchant) -> list[Row]:
    return [
        {
            "id": modifier,
            "group": group.id,
            "name": merchant.modifiers[modifier].name,
            "cents": merchant.modifiers[modifier].price,
            "available": merchant.modifiers[modifier].available,
            "position": position,
        }
        for group in merchant.groups.values()
        if not group.deleted
        for position, modifier in enumerate(group.modifiers)
    ]


def _links(merchant: Merchant) -> list[tuple[Item, Any, Any]]:
    """Every (item, group, modifier) of items that still exist."""
    return [
        (item, merchant.groups[group], merchant.modifiers[modifier])
        for item in _live(merchant)
        for group in item.groups
        if not merchant.groups[group].deleted
        for modifier in merchant.groups[group].modifiers
    ]


def _modifier_prices(merchant: Merchant) -> list[Row]:
    return [
        {
            "item": item.id,
            "path": [[group.id, modifier.id]],
            "size": None,
            "sequence": None,
            "pre_modifier": None,
            "cents": modifier.price,
        }
        for item, group, modifier in _links(merchant)
    ]


def _edges(merchant: Merchant) -> list[Row]:
    """`active` is the modifier's own availability; no limits on a group mean none required and any number allowed."""
    return [
        {
            "item": item.id,
            "path": [[group.id, modifier.id]],
            "min": group.min_required or 0,
            "max": group.max_allowed,
            "default": False,
            "active": modifier.available,
        }
        for item, group, modifier in _links(merchant)
    ]


def _stock(merchant: Merchant) -> list[Row]:
    return [
        {
            "item": item.id,
            "variation": None,
            "state": "in_stock" if item.quantity > 0 else "out_of_stock",
            "quantity": item.quantity,
        }
        for item in _live(merchant)
        if item.quantity is not None
    ]


def _stations(merchant: Merchant) -> list[Row]:
    """Labels with printers: what carries the label prints there."""
    return [
        {
            "id": tag.id,
            "name": tag.name,
            "printers": [{"id": one, "name": merchant.printers[one]["name"]} for one in tag.printers],
            "items": [item for item in tag.items if not merchant.items[item].deleted],
        }
        for tag in merchant.tags.values()
        if tag.printers
    ]


def _tax_rates(merchant: Merchant) -> list[Row]:
    return [
        {"id": rate.id, "name": rate.name, "rate": rate.rate, "default": rate.is_default, "flat_cents": rate.tax_amount}
        for rate in merchant.tax_rates.values()
    ]


def _item_taxes(merchant: Merchant) -> list[Row]:
    return [
        {"item": item.id, "rates": [rate.id for rate in merchant.effective_rates(item)]} for item in _live(merchant)
    ]


def _discounts(merchant: Merchant) -> list[Row]:
    return [
        {
            "id": discount.id,
            "name": discount.name,
            "cents": discount.amount,
            "percentage": discount.percentage,
            "percentage_decimal": discount.percentage_decimal,
        }
        for discount in merchant.discounts.values()
        if not discount.deleted
    ]
