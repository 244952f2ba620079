"""What a location sells at this moment: items of its published menu with prices, taxes, discounts, charges and tenders.

Belongs here: finding what an id names and what it costs now. Does not belong here: how a check adds up (``register``), and
orders of the past, which keep to the menu of their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.toast.builder import WEEK
from aura_migration.sandbox.toast.model import (
    GROUP,
    MENU,
    OPEN,
    SIZE,
    TIME,
    Catalog,
    Item,
    Menu,
    MenuGroup,
    ModifierGroup,
    Option,
    Pricing,
    Schedule,
)
from aura_migration.sandbox.toast.orders.ruled_sums import Levy, levy_of
from aura_migration.sandbox.toast.orders.wire import config_ref
from aura_migration.sandbox.toast.people.model import TAKE_OUT
from aura_migration.sandbox.toast.world import Publication


class NotSold(ValueError):
    """Something that is not on the menu, or cannot be sold this way; the text says which and why."""


@dataclass(slots=True)
class Pick:
    """A modifier as it was chosen, with those of its own under it. ``cents``: what it adds to one of its item."""

    group: ModifierGroup
    option: Option
    item: Item
    under: list[Pick] = field(default_factory=list)
    cents: int = 0
    external: str | None = None

    @property
    def is_size(self) -> bool:
        """Is it the size of an item, which says what the item itself costs?"""
        return self.group.size_of is not None

    @property
    def whole(self) -> int:
        """What it adds with everything under it."""
        return self.cents + sum(one.whole for one in self.under)


class Offer:
    """The menu and the configuration of a location as they stand now."""

    def __init__(self, place: Publication) -> None:
        self.place = place
        self.catalog: Catalog = place.catalog
        config = place.location.config
        self._zone = ZoneInfo(place.location.timezone)
        self._sold = self.catalog.items_sold()
        self._by_mlid = {item.mlid: item.guid for item in self.catalog.items.values()}
        self._refs: dict[str, dict[str, Any]] = {}
        self._taxes = {row.guid: row.body for row in config.get("taxRates", ())}
        self._levies: dict[tuple[str, ...], tuple[tuple[Levy, Decimal | None], ...]] = {}
        self.discounts = {row.guid: row.body for row in config.get("discounts", ())}
        self.charges = {row.guid: row.body for row in config.get("serviceCharges", ())}
        self.dining = {row.guid: row.body for row in config.get("diningOptions", ())}
        self.tenders = {row.guid: row.body for row in config.get("alternatePaymentTypes", ())}

    # -- finding -------------------------------------------------------------------------------------------------------

    def item(self, wanted: object) -> Item:
        """The item of a guid or multiLocationId."""
        text = str(wanted)
        item = self.catalog.items.get(text.lower()) or self.catalog.items.get(self._by_mlid.get(text, ""))
        if item is None:
            raise NotSold(f"{self.place.location.location_name} has no item {wanted!r} on its menu")
        return item

    def places(self, item: Item) -> Sequence[tuple[Menu, tuple[MenuGroup, ...]]]:
        """Where on the menus an item is; none where it is a modifier only."""
        return self._sold.get(item.guid, ())

    def sold(self) -> Iterable[Item]:
        """Every item that is on a menu."""
        return (self.catalog.items[guid] for guid in self._sold if guid in self.catalog.items)

    def picks(self, item: Item, wanted: Iterable[object]) -> list[Pick]:
        """Modifiers by the ids of their options: of the item's own groups, else of those chosen before them."""
        found: list[Pick] = []
        for one in wanted:
            guid = self.item(one).guid
            at_item = self._option(item, guid)
            if at_item is not None:
                found.append(Pick(*at_item, self.catalog.items[guid]))
                continue
            for above in reversed(found):
                below = self._option(above.item, guid)
                if below is not None:
                    above.under.append(Pick(*below, self.catalog.items[guid]))
                    break
            else:
                raise NotSold(f"item {item.guid} ({item.name}) has no modifier {one!r}")
        return found

    def _option(self, owner: Item, guid: str) -> tuple[ModifierGroup, Option] | None:
        for link in owner.links:
            group = self.catalog.modifier_groups[link.group]
            for option in group.options:
                if option.item == guid:
                    return group, option
        return None

    def ref(self, guid: str, entity: str, mlid: str) -> dict[str, Any]:
        """A reference to a part of the menu; shared, never to be changed."""
        held = self._refs.get(guid)
        if held is None or held["entityType"] != entity:
            held = self._refs[guid] = config_ref(guid, entity, mlid)
        return held

    # -- prices --------------------------------------------------------------------------------------------------------

    def price(self, item: Item, menu: Menu | None, picks: Sequence[Pick], at: int) -> int:
        """What one of an item costs without its modifiers; of an item in sizes, what the chosen one costs."""
        pricing = item.pricing
        if pricing.strategy == SIZE:
            size = next((one for one in picks if one.group.guid == pricing.size_group), None)
            if size is None:
                raise NotSold(f"item {item.guid} ({item.name}) comes in sizes; name one among its modifiers")
            cents = self._plain(self.catalog.option_pricing(size.option), menu, at)
        else:
            cents = self._plain(pricing, menu, at)
        if cents is None:
            raise NotSold(f"item {item.guid} ({item.name}) has an open price; say what it costs")
        return cents

    def price_picks(self, picks: Sequence[Pick], menu: Menu | None, at: int, size: Pick | None = None) -> None:
        """Work out what modifiers of one item cost, in the order they were chosen in."""
        size = next((one for one in picks if one.is_size), size)
        turns: dict[str, int] = {}
        for one in picks:
            turn = turns[one.group.guid] = turns.get(one.group.guid, 0) + 1
            one.cents = 0 if one.is_size else self._option_cents(one, turn, size, menu, at)
            self.price_picks(one.under, menu, at, size)
        for guid in turns:
            self._substitute([one for one in picks if one.group.guid == guid], menu, at, size)

    def _option_cents(self, pick: Pick, turn: int, size: Pick | None, menu: Menu | None, at: int) -> int:
        group, option = pick.group, pick.option
        if option.default and group.defaults_charge == "NO":
            return 0
        pricing = self.catalog.option_pricing(option)
        if pricing.strategy != GROUP:
            return self._plain(pricing, menu, at) or 0
        if pricing.cents is not None:
            return pricing.cents
        for rule in group.rules:
            of_size = size is not None and (rule.size_guid == size.item.guid or rule.size_name == size.item.name)
            if of_size or (rule.size_guid is None and rule.size_name is None):
                return rule.cents[0 if group.strategy == "SIZE_PRICE" else min(turn, len(rule.cents)) - 1]
        return 0

    def _substitute(self, picks: list[Pick], menu: Menu | None, at: int, size: Pick | None) -> None:
        """Where a group lets its defaults be swapped, those left out pay for what was chosen instead."""
        group = picks[0].group
        if group.defaults_substitute != "YES":
            return
        chosen = {one.option.item for one in picks}
        credit = 0
        for option in group.options:
            if option.default and option.item not in chosen:
                left_out = Pick(group, replace(option, default=False), self.catalog.items[option.item])
                credit += self._option_cents(left_out, 1, size, menu, at)
        for one in picks:
            if not one.option.default:
                used = min(credit, one.cents)
                one.cents, credit = one.cents - used, credit - used

    def _plain(self, pricing: Pricing, menu: Menu | None, at: int) -> int | None:
        if pricing.strategy in (OPEN, SIZE):
            return None
        if pricing.strategy == MENU and menu is not None:
            return dict(pricing.by_menu).get(menu.guid, pricing.cents)
        if pricing.strategy == TIME:
            local = datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone)
            for one in pricing.by_time:
                if any(holds(schedule, local) for schedule in one.schedule):
                    return one.cents
        return pricing.cents

    # -- taxes ---------------------------------------------------------------------------------------------------------

    def levies(self, guids: tuple[str, ...], behavior: str, *, curbside: bool = False) -> list[Levy]:
        """The taxes of those guids as an order of that behavior pays them. What is taken out has a rate of its own where one
        is configured, and what is delivered or picked up at the curb has not."""
        held = self._levies.get(guids)
        if held is None:
            held = self._levies[guids] = tuple(
                (levy_of(body), taken_out(body))
                for body in (self._taxes[guid] for guid in guids if guid in self._taxes)
                if body["type"] in ("PERCENT", "FIXED", "TABLE")
            )
        away = behavior == TAKE_OUT and not curbside
        return [replace(levy, rate=rate) if away and rate is not None else levy for levy, rate in held]

    def charge_levies(self, body: Mapping[str, Any], behavior: str, *, curbside: bool = False) -> list[Levy]:
        """The taxes of a service charge."""
        if not body["taxable"]:
            return []
        guids = tuple(tax["guid"] for tax in body["applicableTaxes"])
        return self.levies(guids, behavior, curbside=curbside)


def taken_out(body: Mapping[str, Any]) -> Decimal | None:
    """The rate of a tax for take-out orders; None where it is the usual one."""
    rates = [one["rate"] for one in body["conditionalTaxRates"]]
    return Decimal(str(rates[0])) if rates and body["type"] == "PERCENT" else None


def holds(schedule: Schedule, local: datetime) -> bool:
    """Is it within a schedule? A range that ends before it starts runs past midnight; 00:00 to 00:00 is the whole day."""
    now, today, before = local.strftime("%H:%M"), WEEK[local.weekday()], WEEK[local.weekday() - 1]
    for start, end in schedule.ranges:
        if start < end:
            if today in schedule.days and start <= now < end:
                return True
        elif (today in schedule.days and now >= start) or (before in schedule.days and now < end):
            return True
    return False
