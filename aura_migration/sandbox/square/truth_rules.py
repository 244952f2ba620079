"""The rules of business of an account as its scenario knows them: discounts, what automatic ones reach and when, hours, tips.

From the scenario's own knowledge, never from its JSON, as everything in `truth.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aura_migration.sandbox.square.model import Discount, PricingRule, ProductSet, TimePeriod
from aura_migration.sandbox.square.world import World

Row = dict[str, Any]


def rules_truth(world: World) -> Row:
    """`discounts` and `automatic_discounts` of each location, its `opening_hours` and its `online_tips`."""
    return {
        "discounts": list(_discounts(world)),
        "automatic_discounts": list(_automatic(world)),
        "opening_hours": [
            {"location": place.id, "day": day, "opens": opens[:5], "closes": closes[:5]}
            for place in world.locations.values()
            for day, opens, closes in place.hours or ()
        ],
        "online_tips": [
            {"location": place.id, "percentages": list(place.tip_percentages)}
            for place in world.locations.values()
            if place.tip_percentages is not None
        ],
    }


def _size(discount: Discount) -> Row:
    is_open = discount.kind.startswith("VARIABLE")
    return {
        "percentage": None if is_open or discount.kind == "FIXED_AMOUNT" else discount.percentage,
        "cents": None if is_open or discount.kind != "FIXED_AMOUNT" else discount.cents,
        "cap": discount.cap,
        "open": is_open,
        "keeps_tax": discount.keeps_tax_basis,
    }


def _live(world: World, kind: type[Any], location: str) -> Iterator[Any]:
    for thing in world.of_type(kind.type):
        if isinstance(thing, kind) and not thing.deleted and thing.presence.covers(location):
            yield thing


def _discounts(world: World) -> Iterator[Row]:
    """What the cashier may give: discounts that are not said to be automatic."""
    for location in world.locations:
        for held in _live(world, Discount, location):
            if held.extra_data.get("application_method") != "AUTOMATICALLY_APPLIED":
                row: Row = {"location": location, "id": held.id, "name": held.name, "pin": held.pin is True}
                yield {**row, **_size(held)}


def _automatic(world: World) -> Iterator[Row]:
    for location in world.locations:
        for rule in _live(world, PricingRule, location):
            discount, products = world.live(rule.discount_id), world.live(rule.match_id)
            assert isinstance(discount, Discount) and isinstance(products, ProductSet)
            periods = [held for held in map(world.live, rule.period_ids) if isinstance(held, TimePeriod)]
            row: Row = {"location": location, "id": rule.id, "name": rule.name, "minimum": rule.minimum_cents}
            row["windows"] = [
                {"days": list(held.days), "from": held.start, "minutes": held.minutes} for held in periods
            ]
            row["valid"] = [
                rule.valid_from[0] if rule.valid_from else None,
                rule.valid_until[0] if rule.valid_until else None,
            ]
            row["products"] = sorted(_members(world, products))
            yield {**row, **_size(discount)}


def _members(world: World, products: ProductSet) -> set[str]:
    """Every object a set names, nested ones too; the empty set for everything."""
    found: set[str] = set()
    for ident in (*products.any_ids, *products.all_ids):
        inner = world.live(ident)
        found |= _members(world, inner) if isinstance(inner, ProductSet) else {ident}
    return found
