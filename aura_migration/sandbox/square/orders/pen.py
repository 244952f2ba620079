"""The pen with which scenarios write histories: what can be ordered, who serves and who comes, and the ordinary orders."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import Item, Location, Modifier, ModifierList, Tax, Variation
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.marks import Marks
from aura_migration.sandbox.square.orders.model import (
    E5,
    PERCENT,
    Back,
    DiscountUse,
    Line,
    Mod,
    Order,
    TaxUse,
    TenderUse,
    e5,
)
from aura_migration.sandbox.square.orders.ordinary import MINUTE, Calendar, Dish, Ordinary
from aura_migration.sandbox.square.world import World

HISTORY_NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
LAST_DAY = date(2026, 9, 30)
MOST_CUSTOMERS = 500


def months_back(day: date, months: int) -> date:
    """The first day of a span of months that ends with this day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])) + timedelta(days=1)


class OrderPen:
    """Writes the orders of the account that `builder` wrote the menu of."""

    def __init__(self, builder: Builder) -> None:
        self.world: World = builder.world
        self.marks = Marks(builder.ids)
        self.history = History(self.marks, self.world.clock, self.world.merchant.main_location_id)
        people = self.world.people
        slots = [slot for slot, _ in zip(people.customers.slots(), range(MOST_CUSTOMERS), strict=False)]
        self.customers = [held.id for held in map(people.customers.row, slots) if held.listed]
        self.notes: list[tuple[str, int]] = []

    @property
    def places(self) -> list[Location]:
        """The active locations."""
        return [place for place in self.world.locations.values() if place.status == "ACTIVE"]

    def staff(self, place: Location) -> list[str]:
        """Who takes payments at a location."""
        return [
            held.id
            for held in self.world.people.team
            if held.active and not held.owner and (held.location_ids is None or place.id in held.location_ids)
        ]

    # -- the menu --------------------------------------------------------------------------------------------------

    def taxes(self, place: Location) -> tuple[TaxUse, ...]:
        """The taxes in force at a location."""
        return tuple(
            TaxUse(tax.name, e5(tax.percentage), tax.percentage, tax.id, tax.stamp, tax.inclusive)
            for tax in self.world.of_type("TAX")
            if isinstance(tax, Tax) and not tax.deleted and tax.enabled and tax.presence.covers(place.id)
            if not tax.on_total
        )

    def dishes(self, place: Location, taxes: Sequence[TaxUse]) -> list[Dish]:
        """What ordinary guests order at a location: live, priced, not by weight."""
        numbers = {tax.id: number for number, tax in enumerate(taxes) if not tax.inclusive}
        found = []
        for item in self.world.items():
            if item.deleted or item.archived or not item.presence.covers(place.id):
                continue
            if item.product_type not in ("FOOD_AND_BEV", "REGULAR") or self._asks_for_a_text(item):
                continue
            if any(isinstance(tax, Tax) and tax.on_total for tax in map(self.world.live, item.tax_ids)):
                continue  # how a tax on the total is worked out is not documented
            mods = self._mods(item, place)
            held = (
                tuple(sorted(numbers[tax] for tax in item.tax_ids if tax in numbers))
                if item.taxable is not False
                else ()
            )
            category = item.reporting_category[0] if item.reporting_category else None
            for variation in item.variations:
                cents = self._price(variation, place)
                if cents is not None and cents >= 100 and variation.presence.covers(place.id):
                    found.append(
                        Dish(
                            variation.id, variation.stamp, item.name, variation.name, cents, held, tuple(mods), category
                        )
                    )
        return found

    def _price(self, variation: Variation, place: Location) -> int | None:
        over = variation.overrides.get(place.id)
        if variation.deleted or variation.unit_id or (over is not None and over.sold_out):
            return None
        if over is not None and over.cents is not None:
            return over.cents
        return None if variation.open_price or (over is not None and over.pricing) else variation.cents

    def _mods(self, item: Item, place: Location) -> list[tuple[Mod, ...]]:
        """The options of each list an item has, at most a dozen of each."""
        found: list[tuple[Mod, ...]] = []
        for link in item.links:
            group = self.world.live(link.group_id)
            if not isinstance(group, ModifierList) or group.modifier_type == "TEXT" or link.enabled is False:
                continue
            if group.presence.covers(place.id):
                options = [self._mod(held, place) for held in group.modifiers if self._sold(held, place)][:12]
                found += [tuple(options)] if options else []
        return found

    def _asks_for_a_text(self, item: Item) -> bool:
        """Must a text be typed with it? Lines do not hold any."""
        groups = (self.world.live(link.group_id) for link in item.links if link.enabled is not False)
        return any(isinstance(group, ModifierList) and group.text_required is True for group in groups)

    def _sold(self, modifier: Modifier, place: Location) -> bool:
        over = modifier.overrides.get(place.id)
        there = not modifier.deleted and modifier.presence.covers(place.id)
        return there and not (over is not None and over.sold_out) and not self._asks_for_more(modifier)

    def _asks_for_more(self, modifier: Modifier) -> bool:
        """Does it open a list of which something must be chosen? Lines hold no nested options."""
        groups = (self.world.live(child) for child in modifier.child_group_ids)
        return any(isinstance(group, ModifierList) and (group.min or 0) > 0 for group in groups)

    def _mod(self, modifier: Modifier, place: Location) -> Mod:
        over = modifier.overrides.get(place.id)
        cents = over.cents if over is not None and over.cents is not None else modifier.cents or 0
        return Mod(modifier.id, modifier.name, cents, modifier.stamp)

    # -- ordinary orders -------------------------------------------------------------------------------------------

    def ordinary(self, first: date, counts: Sequence[int]) -> None:
        """Ordinary orders from `first` to the last day, so many at each active location."""
        found, base = [], 0
        for number, (place, count) in enumerate(zip(self.places, counts, strict=False)):
            taxes = self.taxes(place)
            calendar = Calendar(place.timezone, first, LAST_DAY, self.marks, count, number)
            dishes, staff = self.dishes(place, taxes), self.staff(place)
            found.append(
                Ordinary(self.marks, number, place.id, calendar, count, base, dishes, taxes, staff, self.customers)
            )
            base += count
        self.history = History(self.marks, self.world.clock, self.world.merchant.main_location_id, found)

    # -- written orders --------------------------------------------------------------------------------------------

    def line(self, dish: Dish, qty: str = "1", mods: Sequence[Mod] = (), **fields: Any) -> Line:
        """A line of a dish."""
        held = Line(dish.name, dish.variation, dish.id, dish.version, dish.cents, e5(qty), tuple(mods), dish.taxes)
        held.category = dish.category
        return replace(held, **fields)

    def sale(self, note: str, place: Location, when: int, lines: Sequence[Line], **fields: Any) -> int:
        """A written sale, paid in one card payment unless the fields say otherwise; its number."""
        history = self.history
        closed = fields.pop("closed", when + 20 * MINUTE)
        tenders = fields.pop("tenders", None)
        if tenders is None:
            tenders = (TenderUse("visa", (closed or when) - 1500),)
        updated = fields.pop("updated", (closed or when) + 2100)
        taxes = fields.pop("taxes", self.taxes(place))
        used = sorted({tax for line in lines for tax in line.taxes})
        if fields.pop("used_only", True):
            renumbered = {tax: at for at, tax in enumerate(used)}
            taxes = tuple(taxes[tax] for tax in used)
            lines = [replace(line, taxes=tuple(renumbered[tax] for tax in line.taxes)) for line in lines]
        order = Order(history.next_number(), place.id, when, updated, closed, lines=list(lines), taxes=taxes)
        order.tenders = tuple(tenders)
        for name, value in fields.items():
            setattr(order, name, value)
        order.notes = (note, *order.notes)
        return history.write(order)

    def back(self, note: str, sale: int | None, when: int, back: Back, **fields: Any) -> int:
        """A written return; the sale moves with it."""
        history = self.history
        location = fields.pop("location", None)
        if sale is not None:
            source = history.order(sale)
            location = location or source.location
            version = source.version + 1 if source.version is not None else None
            history.change(sale, updated=max(source.updated, when + 1100), version=version)
        updated = fields.pop("updated", when + 900)
        order = Order(history.next_number(), location, when, updated, when, back=replace(back, source=sale))
        for name, value in fields.items():
            setattr(order, name, value)
        order.notes = (note, *order.notes)
        return history.write(order)


__all__ = ["E5", "HISTORY_NOW", "PERCENT", "DiscountUse", "OrderPen", "months_back"]
