"""Sales at the counter and online: single ones with all their particulars, and whole ordinary days of trade.

`{"op": "sell", "location"?, "at"? (RFC 3339, default now), "lines": [{"item": variation id, "quantity"?, "modifiers"?: [ids],
"cents"?}], "channel"?: "in_house" | "online", "external"?, "tender"?, "tip_cents"?, "gratuity"?: true, "discount"?: id,
"discount_cents"?, "open"?: true, "offline_minutes"?}` and `{"op": "trade", "location"?, "day": "YYYY-MM-DD", "orders": n,
"seed"?}`. Everything is priced by what the catalog says at the moment of the edit. A sale whose moment (or, of one taken
offline, whose arrival) is still to come is served from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import parse_instant
from aura_migration.sandbox.square.model import Discount, Item, Location, Modifier, ModifierList, Tax, Variation
from aura_migration.sandbox.square.orders.arithmetic import work_out
from aura_migration.sandbox.square.orders.automatic import automatic, use_of
from aura_migration.sandbox.square.orders.model import (
    COMPLETED,
    E5,
    KINDS,
    OPEN,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    Mod,
    Order,
    TaxUse,
    TenderUse,
    e5,
)
from aura_migration.sandbox.square.orders.ordinary import FIRST_HOUR, HOURS, MINUTE, NAMES, PHONES, TIPS
from aura_migration.sandbox.square.world import World

CHANNELS = ("in_house", "online")
TENDERS = {"card": "visa", "cash": "cash", "gift_card": "gift_card", "other": "custom"}
GRATUITY = ("18", 1_800_000)
COUNTER, ONLINE = "Square Point of Sale", "Square Online"
AFTER_MIDNIGHT = (20, 75)  # minutes after midnight between which the last guests of a day are
Op = dict[str, Any]


class Seller:
    """Rings sales up on the orders of one account."""

    def __init__(self, world: World, sold: Callable[[Order], None] = lambda _order: None) -> None:
        self._world = world
        self._sold_one = sold

    # -- one sale --------------------------------------------------------------------------------------------------

    def sell(self, op: Op) -> list[str]:
        """One sale; its id. Raises `ControlError` for what is not on the menu or cannot be paid with."""
        history = self._world.orders
        place = self._place(op)
        at = history.now()
        if op.get("at") is not None:
            at = int(parse_instant(str(op["at"])).timestamp() * 1000)
        channel = op.get("channel") or "in_house"
        if channel not in CHANNELS:
            raise ControlError(f"a sale has no channel {channel!r}; it has one of: {', '.join(CHANNELS)}")
        offline = op.get("offline_minutes")
        if offline is not None and (isinstance(offline, bool) or not isinstance(offline, int | float) or offline < 0):
            raise ControlError('"offline_minutes" must be a number, not negative')
        reached = at + int((offline or 0) * MINUTE)
        order = self.draft(op, place, at, online=channel == "online")
        order.updated = reached
        order.arrives = reached if reached > history.now() else None
        if not op.get("open"):
            kind = self.tender(op.get("tender", "card"), online=channel == "online")
            tip = _cents(op, "tip_cents") or 0
            self.pay(order, kind, at, tip=tip, offline=None if offline is None else at, reached=reached)
        return [self._write(order)]

    def _write(self, order: Order) -> str:
        number = self._world.orders.write(order)
        if order.state == COMPLETED:
            self._sold_one(order)
        return self._world.orders.marks.order(number)

    def draft(self, op: Op, place: Location, at: int, *, online: bool) -> Order:
        """An open order as the edit describes it, not written yet."""
        said = op.get("lines")
        if not isinstance(said, list) or not said or any(not isinstance(one, dict) for one in said):
            raise ControlError("edit 'sell' needs \"lines\", a list of what is sold")
        lines, taxes = self.lines(said, place)
        order = Order(self._world.orders.next_number(), place.id, at, at, None, OPEN, lines, taxes)
        order.source, order.reference = COUNTER, op.get("external")
        order.notes = ("sold by an edit",)
        order.discounts, _ = automatic(self._world, place, lines, at)
        if op.get("discount") is not None:
            given = self.discount(str(op["discount"]), place, _cents(op, "discount_cents"))
            order.discounts = (*order.discounts, given)
        if op.get("gratuity"):
            text, rate = GRATUITY
            order.charges = (ChargeUse(self._world.orders.gratuity, rate=rate, text=text, kind="AUTO_GRATUITY"),)
        if online:
            who = order.number % len(NAMES)
            order.source, order.product, order.version = ONLINE, "ONLINE_STORE", 4
            state = "PROPOSED" if op.get("open") else "COMPLETED"
            order.fulfillments = (Fulfillment("PICKUP", state, at + 25 * MINUTE, NAMES[who], PHONES[who]),)
        return order

    def pay(
        self, order: Order, kind: str, at: int, *, tip: int = 0, offline: int | None = None, reached: int | None = None
    ) -> None:
        """Close a draft with one payment of everything; cash is rounded where the house rounds it."""
        if kind == "cash":
            order.rounding = self._world.orders.coin
        if not work_out(order.lines, order.taxes, order.discounts, order.charges).total:
            kind, tip, order.rounding = "no_sale", 0, 0
        staff = self.staff(order.location)
        who = staff[order.number % len(staff)] if staff and order.product == "RESTAURANTS" else None
        handed = 500 if kind == "cash" else None
        use = TenderUse(kind, at, None, tip, staff=who, handed=handed, offline=offline, updated=reached or at)
        order.tenders, order.state, order.closed = (use,), COMPLETED, at

    # -- what an edit names ----------------------------------------------------------------------------------------

    def _place(self, op: Op) -> Location:
        place = op.get("location") or self._world.orders.main_location or self._world.merchant.main_location_id
        if place not in self._world.locations:
            raise ControlError(f"there is no location {place!r}")
        return self._world.locations[str(place)]

    def tender(self, said: Any, online: bool) -> str:
        """The kind of a tender by what it is called: cash, card, gift_card, other, a kind, or a custom tender's name."""
        if said == "card" and online:
            return "online"
        kind = TENDERS.get(said, said)
        if kind not in KINDS:
            kind = next((key for key, held in KINDS.items() if held.words == said and said), None)
        if kind is None or kind == "no_sale":
            names = [*TENDERS, *(held.words for held in KINDS.values() if held.words)]
            raise ControlError(f"there is no tender {said!r}; there are: {', '.join(map(str, names))}")
        return str(kind)

    def staff(self, location: str) -> list[str]:
        """Who takes payments at a location."""
        return [
            held.id
            for held in self._world.people.team
            if held.active and not held.owner and (held.location_ids is None or location in held.location_ids)
        ]

    def discount(self, discount_id: str, place: Location, cents: int | None = None) -> DiscountUse:
        """A discount of the catalog given by hand, on the whole order; one that is typed in needs its cents."""
        held = self._world.live(discount_id)
        if not isinstance(held, Discount) or not held.presence.covers(place.id):
            raise ControlError(f"there is no discount {discount_id!r} at {place.id}")
        if held.kind.startswith("VARIABLE") and cents is None:
            raise ControlError(f'discount {discount_id!r} is typed in at the sale; say "discount_cents"')
        return use_of(held) if cents is None else replace(use_of(held), rate=0, text=None, cents=cents)

    def lines(self, said: Sequence[Op], place: Location) -> tuple[list[Line], tuple[TaxUse, ...]]:
        """The lines at present prices with the taxes of their items that are in force at the location."""
        taxes: dict[str, TaxUse] = {}
        lines: list[Line] = []
        for one in said:
            variation = self._world.live(one.get("item"))
            if not isinstance(variation, Variation):
                raise ControlError(f"there is no variation {one.get('item')!r} on the menu")
            item = self._world.get(variation.item_id)
            assert isinstance(item, Item)
            cents = _cents(one, "cents")
            if cents is None:
                cents = price_at(variation, place.id)
            if cents is None:
                raise ControlError(f'variation {variation.id!r} has an open price; say "cents"')
            used = []
            for tax_id in item.tax_ids if item.taxable is not False else []:
                tax = self._world.live(tax_id)
                if isinstance(tax, Tax) and tax.enabled and tax.presence.covers(place.id):
                    if tax.on_total:
                        raise ControlError(f"item {item.id!r} has tax {tax.id!r} on the total, which is not documented")
                    use = TaxUse(tax.name, e5(tax.percentage), tax.percentage, tax.id, tax.stamp, tax.inclusive)
                    taxes.setdefault(tax.id, use)
                    used.append(list(taxes).index(tax.id))
            mods = tuple(self._mod(modifier, place) for modifier in one.get("modifiers") or ())
            line = Line(item.name, variation.name, variation.id, variation.stamp, cents, _quantity(one), mods)
            line.taxes = tuple(sorted(used))
            line.category = item.reporting_category[0] if item.reporting_category else None
            lines.append(line)
        return lines, tuple(taxes.values())

    def _mod(self, modifier_id: Any, place: Location) -> Mod:
        held = self._world.live(str(modifier_id))
        if not isinstance(held, Modifier) or not held.presence.covers(place.id):
            raise ControlError(f"there is no modifier {modifier_id!r} at {place.id}")
        over = held.overrides.get(place.id)
        cents = over.cents if over is not None and over.cents is not None else held.cents or 0
        return Mod(held.id, held.name, cents, held.stamp)

    # -- a day of trade --------------------------------------------------------------------------------------------

    def trade(self, op: Op) -> list[str]:
        """Ordinary orders from the first guests of a day to those after midnight; their ids, the oldest first."""
        place = self._place(op)
        try:
            day = date.fromisoformat(str(op.get("day")))
        except ValueError as error:
            raise ControlError(f'"day" must be a date such as 2026-10-01, not {op.get("day")!r}') from error
        count = op.get("orders")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 5000:
            raise ControlError('"orders" must be a whole number up to 5,000')
        rng = Random(f"{self._world.seed}:{place.id}:{day}:{op.get('seed', 0)}")  # noqa: S311 - seeded on purpose
        menu = self.menu(place)
        if not menu:
            raise ControlError(f"nothing on the menu of {place.id} has a price")
        moments = moments_of(day, ZoneInfo(place.timezone), count, rng)
        return [self._ordinary(place, menu, at, rng) for at in moments]

    def menu(self, place: Location) -> list[tuple[Variation, Item]]:
        """What ordinary guests order: live, with a price, in whole pieces, with nothing to be typed in."""
        found = []
        for item in self._world.items():
            if item.deleted or item.archived or not item.presence.covers(place.id):
                continue
            if item.product_type not in ("FOOD_AND_BEV", "REGULAR") or not self._plain(item, place):
                continue
            for variation in item.variations:
                over = variation.overrides.get(place.id)
                if variation.deleted or variation.unit_id or not variation.presence.covers(place.id):
                    continue
                if (over is None or not over.sold_out) and (price_at(variation, place.id) or 0) >= 100:
                    found.append((variation, item))
        return found

    def _plain(self, item: Item, place: Location) -> bool:
        """Can it be ordered without typing a text, with as many options as must be, and without a tax on the total?"""
        if any(isinstance(tax, Tax) and tax.on_total for tax in map(self._world.live, item.tax_ids)):
            return False
        for link in item.links:
            group = self._world.live(link.group_id)
            if not isinstance(group, ModifierList) or link.enabled is False:
                continue
            if group.text_required or (group.modifier_type == "TEXT" and (group.min or 0) > 0):
                return False
            least, _ = limits(group, link.min, link.max)
            if group.presence.covers(place.id) and least > sum(self._sold(held, place) for held in group.modifiers):
                return False
        return True

    def choose(self, item: Item, place: Location, rng: Random) -> list[str]:
        """Modifiers as a guest picks them: of each list at least as many as must be, seldom more than one."""
        found: list[str] = []
        for link in item.links:
            group = self._world.live(link.group_id)
            if not isinstance(group, ModifierList) or group.modifier_type == "TEXT" or link.enabled is False:
                continue
            if not group.presence.covers(place.id):
                continue
            low, high = limits(group, link.min, link.max)
            sold = [held.id for held in group.modifiers if self._sold(held, place)]
            most = min(high, len(sold))
            wanted = min(most, max(low, rng.choice((0, 0, 1, 1, 2))))
            found += rng.sample(sold, wanted)
        return found

    def _sold(self, modifier: Modifier, place: Location) -> bool:
        over = modifier.overrides.get(place.id)
        if modifier.deleted or not modifier.presence.covers(place.id) or (over is not None and over.sold_out):
            return False
        groups = (self._world.live(child) for child in modifier.child_group_ids)
        return not any(isinstance(group, ModifierList) and (group.min or 0) > 0 for group in groups)

    def _ordinary(self, place: Location, menu: Sequence[tuple[Variation, Item]], at: int, rng: Random) -> str:
        said = self._wanted(place, menu, at, rng)
        online = rng.random() < 0.15
        op: Op = {"lines": said}
        given = [held for held in self._world.of_type("DISCOUNT") if self._by_hand(held, place)]
        if given and rng.random() < 0.15 and not automatic(self._world, place, self.lines(said, place)[0], at)[0]:
            op["discount"] = rng.choice(given).id
        if not online and len(said) >= 4 and rng.random() < 0.4:
            op["gratuity"] = True
        order = self.draft(op, place, at, online=online)
        if "discount" in op and rng.random() < 0.3:
            order.discounts = (replace(order.discounts[0], lines=(0,)),)
        history = self._world.orders
        paid = at + rng.randrange(4, 45) * MINUTE + rng.randrange(60_000)
        lot = rng.random()
        kind = "online" if online else "cash" if lot < 0.2 else "gift_card" if lot < 0.25 else rng.choice(_CARDS)
        order.notes = ("trade",)
        self.pay(order, kind, paid)
        use = order.tenders[0]
        if use.kind not in ("cash", "gift_card", "no_sale") and rng.random() < 0.7:
            use = replace(use, tip_rate=rng.choice(TIPS))
        order.tenders = (use,)
        order.updated = paid
        order.arrives = paid if paid > history.now() else None
        return self._write(order)

    def _wanted(self, place: Location, menu: Sequence[tuple[Variation, Item]], at: int, rng: Random) -> list[Op]:
        """What one table orders; nothing about which it is not documented what the till gives off for it."""
        said: list[Op] = []
        for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5))):
            variation, item = rng.choice(menu)
            quantity = rng.choice((1, 1, 1, 1, 2, 3))
            said.append({"item": variation.id, "quantity": quantity, "modifiers": self.choose(item, place, rng)})
            if automatic(self._world, place, self.lines(said, place)[0], at)[1]:
                said.pop()
        if not said:
            variation, item = rng.choice(menu)
            said.append({"item": variation.id, "modifiers": self.choose(item, place, rng)})
        return said

    def _by_hand(self, held: Any, place: Location) -> bool:
        """Does a cashier give it: not one that the till gives by itself, nor one that is typed in or asks for a PIN?"""
        if not isinstance(held, Discount) or held.deleted or not held.presence.covers(place.id):
            return False
        automatic = held.extra_data.get("application_method") == "AUTOMATICALLY_APPLIED"
        return not automatic and not held.kind.startswith("VARIABLE") and not held.pin


_CARDS = ("visa", "visa", "visa", "mastercard", "mastercard", "amex")


def price_at(variation: Variation, location: str) -> int | None:
    """A variation's price at a location, None where it is typed in."""
    over = variation.overrides.get(location)
    if over is not None and over.cents is not None:
        return over.cents
    return (
        None if variation.open_price or (over is not None and over.pricing == "VARIABLE_PRICING") else variation.cents
    )


def limits(group: ModifierList, low: int | None, high: int | None) -> tuple[int, int]:
    """How many of a list must and may be chosen: what the item says, else the list, else what its kind says."""
    if low in (None, -1) and high in (None, -1):
        low, high = group.min, group.max
    most = high if high is not None and high > 0 else 1 if group.selection == "SINGLE" else 4
    return max(low or 0, 0), most


def moments_of(day: date, zone: ZoneInfo, count: int, rng: Random) -> list[int]:
    """When the guests of a day come, in milliseconds and in order: as busy as the hours are, the last after midnight."""
    first = datetime(day.year, day.month, day.day, tzinfo=zone)
    reached = [0, *accumulate(HOURS)]
    found = []
    for number in range(count):
        place = (number + rng.random()) * reached[-1] / count
        hour = next(at for at in range(len(HOURS)) if place < reached[at + 1] or at == len(HOURS) - 1)
        part = (place - reached[hour]) / HOURS[hour]
        local = first + timedelta(hours=FIRST_HOUR + hour, seconds=int(part * 3600))
        found.append(local)
    if count >= 5:
        midnight = first + timedelta(days=1)
        found[-1] = max(found[-1], midnight + timedelta(minutes=rng.randint(*AFTER_MIDNIGHT)))
    return sorted(int(local.timestamp() * 1000) for local in found)


def _quantity(said: Op) -> int:
    quantity = said.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int | str):
        raise ControlError('"quantity" must be a whole number, or a decimal as text')
    found = e5(str(quantity))
    if found < 1 or found > 10_000 * E5:
        raise ControlError(f'"quantity" must be above 0, not {quantity!r}')
    return found


def _cents(op: Op, name: str) -> int | None:
    value = op.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ControlError(f'"{name}" must be a whole number of cents, not negative')
    return value
