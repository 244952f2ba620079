"""The ordinary orders of a location, each made from its number when somebody looks at it.

Of fifty numbers the last is a return of an earlier sale; which one follows from the block's number both ways, so that a
sale knows its return without a list.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.orders.marks import Marks
from aura_migration.sandbox.square.orders.model import (
    CANCELED,
    COMPLETED,
    E5,
    SUBTOTAL,
    Back,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    Mod,
    Order,
    TaxUse,
    TenderUse,
)

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HOURS = (4, 9, 8, 4, 3, 4, 7, 10, 11, 9, 7, 5, 4, 2, 1)  # orders by hour from 11:00 to 02:00
FIRST_HOUR = 11
WEEK = (7, 7, 8, 9, 13, 14, 10)
BLOCK = 50
SINGLE, SPLIT, VOIDED = 1, 2, 3  # one payment, two, or a voided one before the good one
LAGS = (0, 0, 1, 40)
RESIDUES = {0: 0, 1: 1, 40: 2}  # of the sale's place: no sale is given back by two blocks
LINES = (1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 7)
MODS = (0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3)
TIPS = (1_500_000, 1_800_000, 2_000_000, 2_200_000)
CARDS = ("visa", "visa", "visa", "mastercard", "mastercard", "amex", "on_file", "keyed")
ODD = ("third_party_card", "check", "house", "store_credit", "voucher", "custom", "other_gift_card", "bank")
NAMES = tuple(
    f"{given} {family}"
    for given, family in zip(
        ("Lena", "Omar", "Ruthanne", "Théo", "Mei", "Ivan", "Zoë", "Samira"),
        ("Quistorp", "Abernathy", "Vandersloot", "Guérin", "Okonkwo", "Brzezinski", "Llewellyn", "Ørsted"),
        strict=True,
    )
)
PHONES = tuple(f"+1218555{8100 + 7 * number}" for number in range(len(NAMES)))


@dataclass(slots=True, frozen=True)
class Dish:
    """What can be ordered: a variation with the modifiers and taxes it has at the location."""

    id: str
    version: int
    name: str
    variation: str
    cents: int
    taxes: tuple[int, ...]
    mods: tuple[tuple[Mod, ...], ...]
    category: str | None


class Calendar:
    """The opening days of a location and the instants of its orders."""

    def __init__(self, zone: str, first: date, last: date, marks: Marks, count: int, key: int) -> None:
        self.zone = ZoneInfo(zone)
        self.days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        weights = [
            WEEK[day.weekday()] * (200 + marks.dice("day", key * 4096 + number)[0] // 4)
            for number, day in enumerate(self.days)
        ]
        whole, reached = sum(weights), list(accumulate(weights, initial=0))
        self._starts = [count * weight // whole for weight in reached]
        self._hours = list(accumulate(HOURS, initial=0))
        self._knots: list[list[int]] = []
        for day in self.days:
            noon = datetime(day.year, day.month, day.day, tzinfo=self.zone)
            clock = [(noon + timedelta(hours=FIRST_HOUR + hour)).timestamp() for hour in range(len(HOURS) + 1)]
            self._knots.append([int(moment) * 1000 for moment in clock])

    def moment(self, number: int, fraction: int) -> int:
        """When order `number` was opened, in milliseconds; `fraction` of 65,536 places it between its neighbors."""
        day = bisect_right(self._starts, number) - 1
        first = self._starts[day]
        count = self._starts[day + 1] - first
        top = self._hours[-1]
        scaled = ((number - first) * 65_536 + fraction) * top
        hour = min(scaled // (count * 65_536), top - 1)
        slot = bisect_right(self._hours, hour) - 1
        low, high = self._hours[slot], self._hours[slot + 1]
        knots = self._knots[day]
        span = knots[slot + 1] - knots[slot]
        return knots[slot] + span * (scaled - low * count * 65_536) // ((high - low) * count * 65_536)


class Ordinary:
    """The ordinary orders of one location: local numbers 0 to `count` - 1, account-wide from `base` on."""

    def __init__(
        self,
        marks: Marks,
        place: int,
        location: str,
        calendar: Calendar,
        count: int,
        base: int,
        dishes: Sequence[Dish],
        taxes: tuple[TaxUse, ...],
        staff: Sequence[str],
        customers: Sequence[str],
    ) -> None:
        self._marks = marks
        self._place = place
        self.location = location
        self._calendar = calendar
        self.count = count
        self.base = base
        self._dishes = dishes
        self._taxes = taxes
        self._staff = staff
        self._customers = customers
        self._target = lru_cache(maxsize=4096)(self._find_target)

    # -- returns ---------------------------------------------------------------------------------------------------

    def _find_target(self, block: int) -> tuple[int, int]:
        """The block and the place in it of the sale that this block's return gives back."""
        dice = self._marks.dice("return", self.base + block)
        lag = LAGS[dice[0] % len(LAGS)]
        if lag > block:
            lag = 0
        return block - lag, 3 * (dice[1] % 7) + RESIDUES[lag]

    def _returned_by(self, number: int) -> int | None:
        """The return that gives a sale back, if any."""
        block, place = divmod(number, BLOCK)
        if place > 20:
            return None
        for lag in (0, 1, 40):
            after = block + lag
            last = after * BLOCK + BLOCK - 1
            if last < self.count and self._target(after) == (block, place):
                return last
        return None

    def is_return(self, number: int) -> bool:
        """Is this local number a return?"""
        return number % BLOCK == BLOCK - 1

    def returns_of(self, number: int) -> list[int]:
        """Account-wide numbers of the ordinary returns of an account-wide number."""
        found = self._returned_by(number - self.base)
        return [] if found is None or self.is_return(number - self.base) else [found + self.base]

    # -- stamps ----------------------------------------------------------------------------------------------------

    def created(self, number: int, dice: bytes | None = None) -> int:
        """When a local number was opened."""
        held = dice or self._marks.dice("sale", self.base + number)
        found = self._calendar.moment(number, held[0] << 8 | held[1])
        return found // 1000 * 1000 if held[2] < 85 else found

    def stamps(self, number: int) -> tuple[int, int | None, int, str, int]:
        """Created, closed, updated, state and way of paying (0 = none) of a local number, without making the order."""
        dice = self._marks.dice("sale", self.base + number)
        created = self.created(number, dice)
        if number % BLOCK == BLOCK - 1:
            return created, created, created + 700 + dice[3], COMPLETED, 0
        closed = created + (3 + dice[4] % 70) * MINUTE + (dice[20] << 8 | dice[21]) // 2
        back = self._returned_by(number)
        if back is None:
            if dice[3] < 3:
                return created, closed, closed + 900, CANCELED, 0
            updated = closed + 400 + (dice[22] << 5)
            if dice[7] < 8:  # the tip was entered the next morning
                updated = closed + 14 * HOUR + (dice[24] << 14)
        else:
            returned = self.created(back)
            closed = min(closed, created + (returned - created) // 2)
            updated = returned + 1100
        return created, closed, updated, COMPLETED, SPLIT if dice[17] < 10 else VOIDED if dice[17] > 250 else SINGLE

    # -- orders ----------------------------------------------------------------------------------------------------

    def order(self, number: int) -> Order:
        """The order of an account-wide number."""
        local = number - self.base
        created, closed, updated, state, _ = self.stamps(local)
        if local % BLOCK == BLOCK - 1:
            return self._return(number, local, created, updated)
        dice, more = self._marks.dice("sale", number), self._marks.dice("lines", number)
        online = dice[15] < 26
        marketplace = 26 <= dice[15] < 39
        taxes = self._taxes
        lines = self._lines(dice, more)
        used = sorted({tax for line in lines for tax in line.taxes})
        if len(used) < len(taxes):
            taxes = tuple(taxes[tax] for tax in used)
            renumbered = {tax: place for place, tax in enumerate(used)}
            for line in lines:
                line.taxes = tuple(renumbered[tax] for tax in line.taxes)
        order = Order(number, self.location, created, updated, closed, state, lines, taxes)
        order.discounts = _discounts(dice, lines)
        if len(lines) >= 4 and dice[9] < 40 and not online and not marketplace:
            rate = 1_800_000
            order.charges = (ChargeUse("Party of six or more", SUBTOTAL, rate, "18", kind="AUTO_GRATUITY"),)
        elif dice[9] > 248:
            every = tuple(range(len(taxes)))
            order.charges = (ChargeUse("Service fee", SUBTOTAL, cents=300, taxable=True, taxes=every),)
        if self._customers and dice[10] < 40:
            order.customer = self._customers[int.from_bytes(dice[11:14], "big") % len(self._customers)]
        if online or marketplace:
            self._delivered(order, dice, online)
        elif dice[18] < 128:
            order.ticket = f"T{dice[18] % 40 + 1}"
        elif dice[18] < 160:
            order.source = "Square Point of Sale"
        if state == COMPLETED:
            order.tenders = self._tenders(order, dice, online, marketplace)
        return order

    def _lines(self, dice: bytes, more: bytes) -> list[Line]:
        lines, dishes = [], self._dishes
        for at in range(0, 8 * LINES[dice[16] % 16], 8):
            dish = dishes[(more[at] << 8 | more[at + 1]) % len(dishes)]
            mods: tuple[Mod, ...] = ()
            if dish.mods:
                first, size = more[at + 3], len(dish.mods)
                wanted = min(MODS[more[at + 2] % 16], size)
                if wanted:
                    picked = [dish.mods[(first + turn) % size] for turn in range(wanted)]
                    pick = more[at + 4]
                    mods = tuple([options[(pick + turn) % len(options)] for turn, options in enumerate(picked)])
            qty = E5 if more[at + 6] < 200 else (2 + more[at + 6] % 2) * E5
            note = "No salt, please" if more[at + 7] < 6 else None
            lines.append(
                Line(
                    dish.name,
                    dish.variation,
                    dish.id,
                    dish.version,
                    dish.cents,
                    qty,
                    mods,
                    dish.taxes,
                    "ITEM",
                    note,
                    None,
                    dish.category,
                )
            )
        return lines

    def _delivered(self, order: Order, dice: bytes, online: bool) -> None:
        order.version = 3 + dice[25] % 9
        order.source = "Square Online" if online else "DoorDash"
        order.product = "ONLINE_STORE" if online else "ECOMMERCE_API"
        name = NAMES[dice[26] % len(NAMES)]
        state = COMPLETED if order.state == COMPLETED else CANCELED
        kind = "PICKUP" if online and dice[26] < 190 else "DELIVERY"
        address = ("45 Lake Ave", "Duluth") if kind == "DELIVERY" and online else None
        order.fulfillments = (
            Fulfillment(
                kind,
                state,
                order.created + 25 * MINUTE,
                name,
                PHONES[NAMES.index(name)],
                address=address,
                managed=not online,
            ),
        )
        if not online:
            order.reference = f"DD-{dice[27:31].hex()}"

    def _tenders(self, order: Order, dice: bytes, online: bool, marketplace: bool) -> tuple[TenderUse, ...]:
        closed = order.closed or order.created
        staff = self._staff[dice[14] % len(self._staff)] if self._staff and not (online or marketplace) else None
        lot, tip = dice[5], 0
        kind = "online" if online else "delivery" if marketplace else CARDS[lot % 8]
        if not online and not marketplace and lot >= 176:
            kind = "cash" if lot < 221 else "gift_card" if lot < 229 else "wallet" if lot < 237 else "later"
            kind = ODD[lot % 8] if lot >= 241 else kind
        if kind not in ("cash", "gift_card", "delivery", *ODD) and dice[6] < 180:
            tip = TIPS[dice[6] % 4]
        adjusted = order.updated - 900 if tip and dice[7] < 8 and self._late(order) else None
        handed = 500 if kind == "cash" else None
        paid = closed - 1500
        main = TenderUse(
            kind, paid, None, 0, tip, staff=staff, customer=order.customer, handed=handed, adjusted=adjusted
        )
        if dice[17] < 10:
            other = TenderUse("cash" if dice[17] < 5 else "visa", paid + 700, staff=staff, handed=500)
            return (main, other)
        if dice[17] > 250:
            return (TenderUse("visa", paid - 30_000, None, status="CANCELED", staff=staff), main)
        return (main,)

    def _late(self, order: Order) -> bool:
        return order.closed is not None and self._returned_by(order.number - self.base) is None

    def _return(self, number: int, local: int, created: int, updated: int) -> Order:
        block, place = self._target(local // BLOCK)
        source = block * BLOCK + place + self.base
        dice = self._marks.dice("return", self.base + local // BLOCK)
        order = Order(number, self.location, created, updated, created)
        lot, count = dice[2] % 10, LINES[self._marks.dice("sale", source)[16] % 16]
        if lot < 4:
            every = tuple((line, None) for line in range(count))
            order.back = Back(source, every, tip=lot < 2, charges=True, reason="Order was wrong", fee_back=True)
        elif lot < 8:
            order.back = Back(source, ((1 + dice[3] % (count - 1) if count > 1 else 0, None),), reason="Sent back")
        else:
            order.back = Back(source, cents=50 + dice[4] % 20, reason="Apology")
        return order


def _discounts(dice: bytes, lines: Sequence[Line]) -> tuple[DiscountUse, ...]:
    lot = dice[8]
    if lot >= 43:
        return ()
    if lot < 20:
        return (DiscountUse("Neighbors 10", "FIXED_PERCENTAGE", 1_000_000, "10"),)
    if lot < 28:
        return (DiscountUse("Friends 20", "FIXED_PERCENTAGE", 2_000_000, "20.0", lines=(0,)),)
    if lot < 34:
        return (DiscountUse("A dollar off", "FIXED_AMOUNT", cents=100, lines=(len(lines) - 1,)),)
    if lot < 40:
        cents = 150 + 10 * (dice[23] % 30)
        return (DiscountUse("Manager's choice", "VARIABLE_AMOUNT", cents=cents),) if len(lines) > 2 else ()
    if len(lines) == 1:
        return ()
    return (DiscountUse("Comp: kitchen mistake", "FIXED_PERCENTAGE", 10_000_000, "100", lines=(0,)),)
