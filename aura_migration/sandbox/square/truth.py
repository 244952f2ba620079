"""The known truth of a Square account, in Square's ids, from the scenario's own knowledge and never from its JSON.

Beside the fields that all three POS share there are some that only Square has: `status` of a location, `type` of a
category, `deleted`, `archived`, `taxes`, `reporting_category`, `variations` of an item, `available` of an edge, `since` (the
Square-Version from which a nested edge can be seen), and the lists `taxes`, `menus`, `text_modifiers`. Prices in a time
window are automatic discounts (`pricing_rule` names the rule): the nearest thing to a happy-hour price Square has.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from aura_migration.sandbox.square.model import (
    KITCHEN,
    MENU,
    AvailabilityPeriod,
    Discount,
    Item,
    Link,
    Modifier,
    ModifierList,
    PricingRule,
    ProductSet,
    Tax,
    TimePeriod,
    Variation,
)
from aura_migration.sandbox.square.wire import NEWER_VERSION
from aura_migration.sandbox.square.world import World

NESTED_LEVELS = 3
Path = list[list[str]]


def known_truth(world: World, secrets: list[str]) -> dict[str, Any]:
    """The whole truth; for `huge` this takes a few seconds and is therefore only made when asked for."""
    return Truth(world).document(secrets)


class Truth:
    """Derives each part of the truth for one account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._locations = list(world.locations)
        self._items = world.items()
        self._live_items = [item for item in self._items if not item.deleted]

    def document(self, secrets: list[str]) -> dict[str, Any]:
        """All parts."""
        world = self._world
        return {
            "pos": "square",
            "scenario": world.scenario,
            "seed": world.seed,
            "merchant_id": world.merchant.id,
            "merchant_name": world.merchant.name,
            "locations": [
                {
                    "id": held.id,
                    "name": held.name,
                    "timezone": held.timezone,
                    "currency": world.merchant.currency,
                    "status": held.status,
                }
                for held in world.locations.values()
            ],
            "categories": list(self._categories()),
            "items": list(self._item_rows()),
            "prices": list(self._prices()),
            "groups": list(self._groups()),
            "modifier_prices": list(self._modifier_prices()),
            "edges": list(self._edges()),
            "text_modifiers": list(self._text_modifiers()),
            "stock": list(self._stock()),
            "stations": list(self._stations()),
            "menus": list(self._menus()),
            "taxes": list(self._taxes()),
            "counts": self.counts(),
            "secrets": secrets,
        }

    def counts(self) -> dict[str, int]:
        """Objects that are not deleted, archived items included."""

        def live(things: Any) -> int:
            return sum(1 for thing in things if not thing.deleted)

        world = self._world
        return {
            "items": len(self._live_items),
            "variations": sum(live(item.variations) for item in self._live_items),
            "groups": live(world.groups()),
            "modifiers": sum(live(group.modifiers) for group in world.groups() if not group.deleted),
            "categories": live(world.categories()),
            "archived_items": sum(1 for item in self._live_items if item.archived),
            "deleted_items": len(self._items) - len(self._live_items),
        }

    # -- where things are ------------------------------------------------------------------------------------------

    def _category_at(self, category_id: str, location: str) -> bool:
        category = self._world.live(category_id)
        return category is not None and category.presence.covers(location)

    def _sold_variations(self, item: Item, location: str) -> list[Variation]:
        """Variations that can be sold there: the item and the variation are both present."""
        if not item.presence.covers(location):
            return []
        return [held for held in item.variations if not held.deleted and held.presence.covers(location)]

    def _active(self, item: Item, location: str) -> bool:
        return not item.deleted and not item.archived and bool(self._sold_variations(item, location))

    # -- parts -----------------------------------------------------------------------------------------------------

    def _categories(self) -> Iterator[dict[str, Any]]:
        for category in self._world.categories():
            for location in self._locations:
                if not category.deleted and category.presence.covers(location):
                    yield {
                        "location": location,
                        "id": category.id,
                        "name": category.name,
                        "parent": category.parent_id,
                        "type": category.kind,
                    }

    def _item_rows(self) -> Iterator[dict[str, Any]]:
        for item in self._items:
            for location in self._locations:
                if not item.presence.covers(location):
                    continue
                sold = self._sold_variations(item, location)
                skus = [held.sku for held in sold]
                named = [held for held, _ in item.categories]
                if not named and item.reporting_category is None and item.legacy_category_id:
                    named = [item.legacy_category_id]
                reporting = item.reporting_category[0] if item.reporting_category else None
                yield {
                    "location": location,
                    "id": item.id,
                    "name": item.name,
                    "sku": skus[0] if len(skus) == 1 else None,
                    "active": self._active(item, location),
                    "available": any(not self._sold_out(held, location) for held in sold),
                    "categories": [held for held in named if self._category_at(held, location)],
                    "reporting_category": reporting,
                    "archived": item.archived,
                    "deleted": item.deleted,
                    "taxes": self._item_taxes(item, location),
                    "variations": [
                        {
                            "id": held.id,
                            "name": held.name,
                            "sku": held.sku,
                            "available": not self._sold_out(held, location),
                        }
                        for held in sold
                    ],
                }

    def _sold_out(self, variation: Variation, location: str) -> bool:
        held = variation.overrides.get(location)
        return held is not None and held.sold_out is True

    def _item_taxes(self, item: Item, location: str) -> list[str]:
        if item.taxable is False:
            return []
        found = [self._world.live(tax_id) for tax_id in item.tax_ids]
        return [tax.id for tax in found if isinstance(tax, Tax) and tax.enabled and tax.presence.covers(location)]

    def _price_at(self, variation: Variation, location: str) -> tuple[str, int | None]:
        """Kind and cents: the override's price if it has one; open if the override says so; otherwise the base."""
        held = variation.overrides.get(location)
        is_open, cents = variation.open_price, variation.cents
        if held is not None and held.cents is not None:
            is_open, cents = False, held.cents
        elif held is not None and held.pricing == "VARIABLE_PRICING":
            is_open = True
        if is_open:
            return "open", None
        return ("per_unit" if variation.unit_id else "fixed"), cents

    def _prices(self) -> Iterator[dict[str, Any]]:
        rules = self._timed_rules()
        for item in self._live_items:
            for location in self._locations:
                for variation in self._sold_variations(item, location):
                    kind, cents = self._price_at(variation, location)
                    row = {"location": location, "item": item.id, "variation": variation.id, "menu": None}
                    yield {**row, "window": None, "cents": cents, "kind": kind}
                    for rule, matched, discount, windows in rules:
                        if kind != "fixed" or cents is None or not rule.presence.covers(location):
                            continue
                        if not matched & self._names_of(item, variation):
                            continue
                        reduced = discounted(cents, discount)
                        for window in windows:
                            timed = {"window": window, "cents": reduced, "kind": kind, "pricing_rule": rule.id}
                            yield {**row, **timed}

    def _names_of(self, item: Item, variation: Variation) -> set[str]:
        """Every id by which a product set can mean this variation."""
        names = {item.id, variation.id, *(held for held, _ in item.categories)}
        return names | ({item.reporting_category[0]} if item.reporting_category else set())

    def _timed_rules(self) -> list[tuple[PricingRule, set[str], Discount, list[dict[str, Any]]]]:
        """Rules that are a time price: recurring hours, any quantity, any guest, any order."""
        found = []
        for rule in self._world.of_type("PRICING_RULE"):
            if not isinstance(rule, PricingRule) or rule.deleted or not rule.period_ids:
                continue
            products, discount = self._world.live(rule.match_id), self._world.live(rule.discount_id)
            if not isinstance(products, ProductSet) or not isinstance(discount, Discount):
                continue
            single = products.exact in (None, 1) and products.minimum in (None, 1) and bool(products.any_ids)
            if not single or rule.customer_groups or rule.minimum_cents is not None or rule.exclude_id:
                continue
            if rule.valid_from is not None or rule.valid_until is not None:
                continue
            windows = [
                window_of(period) for period in map(self._world.live, rule.period_ids) if isinstance(period, TimePeriod)
            ]
            found.append((rule, set(products.any_ids), discount, windows))
        return found

    def _groups(self) -> Iterator[dict[str, Any]]:
        for group in self._world.groups():
            for location in self._locations:
                if not group.deleted and group.presence.covers(location):
                    yield {"location": location, "id": group.id, "name": group.name}

    def _steps(
        self, item: Item, location: str, active: bool
    ) -> Iterator[tuple[Path, ModifierList, Modifier, Link | None, bool]]:
        """Every option that can be reached from an item at a location, outermost first."""
        for link in item.links:
            group = self._world.live(link.group_id)
            if isinstance(group, ModifierList) and group.modifier_type != "TEXT":
                enabled = active and link.enabled is not False
                yield from self._walk(group, [], link, location, enabled, {group.id})

    def _walk(
        self, group: ModifierList, above: Path, link: Link | None, location: str, active: bool, seen: set[str]
    ) -> Iterator[tuple[Path, ModifierList, Modifier, Link | None, bool]]:
        if not group.presence.covers(location):
            return
        for modifier in group.modifiers:
            if modifier.deleted or not modifier.presence.covers(location):
                continue
            path = [*above, [group.id, modifier.id]]
            yield path, group, modifier, link, active
            if len(path) >= NESTED_LEVELS:
                continue
            for child_id in modifier.child_group_ids:
                child = self._world.live(child_id)
                if isinstance(child, ModifierList) and child.id not in seen:
                    yield from self._walk(child, path, None, location, active, seen | {child.id})

    def _all_steps(self) -> Iterator[tuple[str, Item, Path, ModifierList, Modifier, Link | None, bool]]:
        for item in self._live_items:
            for location in self._locations:
                if item.presence.covers(location):
                    active = self._active(item, location)
                    for path, group, modifier, link, usable in self._steps(item, location, active):
                        yield location, item, path, group, modifier, link, usable

    def _modifier_prices(self) -> Iterator[dict[str, Any]]:
        for location, item, path, _group, modifier, _link, _active in self._all_steps():
            held = modifier.overrides.get(location)
            base = modifier.cents if modifier.cents is not None else 0
            yield {
                "location": location,
                "item": item.id,
                "path": path,
                "size": None,
                "sequence": None,
                "pre_modifier": None,
                "cents": held.cents if held is not None and held.cents is not None else base,
            }

    def _edges(self) -> Iterator[dict[str, Any]]:
        for location, item, path, group, modifier, link, active in self._all_steps():
            lowest, highest = limits(group, link)
            held = modifier.overrides.get(location)
            row: dict[str, Any] = {
                "location": location,
                "item": item.id,
                "path": path,
                "min": lowest,
                "max": highest,
                "default": is_default(modifier, link),
                "active": active,
                "available": not (held is not None and held.sold_out is True),
            }
            if len(path) > 1:
                row["since"] = NEWER_VERSION
            yield row

    def _text_modifiers(self) -> Iterator[dict[str, Any]]:
        for item in self._live_items:
            for link in item.links:
                group = self._world.live(link.group_id)
                if not isinstance(group, ModifierList) or group.modifier_type != "TEXT" or link.enabled is False:
                    continue
                for location in self._locations:
                    if item.presence.covers(location) and group.presence.covers(location):
                        yield {
                            "location": location,
                            "item": item.id,
                            "group": group.id,
                            "required": group.text_required is True,
                            "max_length": group.max_length,
                        }

    def _stock(self) -> Iterator[dict[str, Any]]:
        items = {held.id: item.id for item in self._items for held in item.variations}
        for count in self._world.counts:
            if count.state in ("NONE", "SOLD", "UNLINKED_RETURN"):
                continue
            is_item = count.object_type == "ITEM"
            yield {
                "location": count.location_id,
                "item": count.object_id if is_item else items.get(count.object_id),
                "variation": None if is_item else count.object_id,
                "state": count.state,
                "quantity": count.quantity,
            }
        for item in self._live_items:
            for location in self._locations:
                for variation in self._sold_variations(item, location):
                    if self._sold_out(variation, location):
                        row = {"location": location, "item": item.id, "variation": variation.id}
                        yield {**row, "state": "SOLD_OUT", "quantity": None}

    def _stations(self) -> Iterator[dict[str, Any]]:
        for category in self._world.categories():
            if category.kind == KITCHEN and not category.deleted:
                items = [
                    item.id for item in self._live_items if any(held == category.id for held, _ in item.categories)
                ]
                yield {"id": category.id, "name": category.name, "items": items}

    def _menus(self) -> Iterator[dict[str, Any]]:
        categories = [held for held in self._world.categories() if held.kind == MENU and not held.deleted]
        for menu in categories:
            if menu.parent_id is None:
                periods = [self._world.live(held) for held in menu.period_ids]
                windows = [
                    {"day": held.day, "from": held.start[:5], "to": held.end[:5]}
                    for held in periods
                    if isinstance(held, AvailabilityPeriod)
                ]
                sections = [held.id for held in categories if held.root_id == menu.id]
                yield {"id": menu.id, "name": menu.name, "windows": windows, "sections": sections}

    def _taxes(self) -> Iterator[dict[str, Any]]:
        for tax in self._world.of_type("TAX"):
            for location in self._locations:
                if isinstance(tax, Tax) and not tax.deleted and tax.presence.covers(location):
                    yield {
                        "location": location,
                        "id": tax.id,
                        "name": tax.name,
                        "percentage": tax.percentage,
                        "inclusive": tax.inclusive,
                        "on_total": tax.on_total,
                        "enabled": tax.enabled,
                    }


def limits(group: ModifierList, link: Link | None) -> tuple[int, int | None]:
    """Min and max (None = unlimited): the item's link unless both are unset, then the list, then SINGLE or MULTIPLE."""
    for lowest, highest in ((link.min, link.max) if link else (None, None), (group.min, group.max)):
        if lowest not in (None, -1) or highest not in (None, -1):
            return max(lowest or 0, 0), highest if highest is not None and highest > 0 else None
    return 0, 1 if group.selection == "SINGLE" else None


def is_default(modifier: Modifier, link: Link | None) -> bool:
    """Is the option chosen unless the guest says otherwise? The item's own word comes before the list's."""
    if link is not None:
        said = link.defaults.get(modifier.id)
        if said in ("YES", "NO"):
            return said == "YES"
        if said is None and modifier.id in link.legacy_defaults:
            return link.legacy_defaults[modifier.id]
    return modifier.on_by_default is True


def discounted(cents: int, discount: Discount) -> int:
    """The price after an automatic discount. Scenarios only use amounts that come out in whole cents."""
    if discount.kind == "FIXED_AMOUNT":
        return max(0, cents - (discount.cents or 0))
    scaled = cents * int(Decimal(discount.percentage or "0") * 1000)
    if scaled % 100_000:
        raise ValueError(f"square truth: {discount.name!r} on {cents} cents is not a whole number of cents")
    return cents - scaled // 100_000


def window_of(period: TimePeriod) -> dict[str, Any]:
    """A recurring window; `to` before `from` means it ends on the next day."""
    hour, minute = map(int, period.start.split(":"))
    end = (hour * 60 + minute + period.minutes) % 1440
    return {"days": list(period.days), "from": period.start, "to": f"{end // 60:02d}:{end % 60:02d}"}
