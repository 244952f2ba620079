"""The ordinary orders of a location, by number: who came on which day, what for and how they paid.

Numbers go up with time, so the orders of a day are a range of numbers and nothing needs to be searched or stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import gcd
from zoneinfo import ZoneInfo

from aura_migration.sandbox.toast.orders.model import CASH, CREDIT, GIFTCARD, HOUSE, RELOAD, SELL, Plan
from aura_migration.sandbox.toast.people.dice import MULTIPLIER, Dice
from aura_migration.sandbox.toast.people.model import DAY, DELIVERY, DINE_IN, HOUR, MINUTE, SECOND, TAKE_OUT, Guest

OPENS, OPEN_HOURS = 7, 15
SOURCES = ("Online", "Toast Local", "In Store", "Branded Online Ordering", "Toast Pickup App")
LATE_CHANGE = 29  # one order in so many is changed once more days after it was closed


@dataclass(frozen=True, slots=True)
class Season:
    """How a location's ordinary orders lie in time: ``days`` business days up to ``last``, each guest comes
    ``rounds`` times or once more, every ``in_store``-th order is a table that names nobody."""

    guests: int
    rounds: int
    days: int
    last: date
    in_store: int = 3
    delivery: bool = True
    vendor: str | None = "TOAST"

    @property
    def count(self) -> int:
        """How many orders there are."""
        named = self.guests * self.rounds + self.guests // 4
        return named + named // (self.in_store - 1) if named else 0


class Ordinary:
    """Draws the plans of a season."""

    def __init__(
        self, dice: Dice, season: Season, zone: str, closeout_hour: int, guest: Callable[[int], Guest], latest: int
    ) -> None:
        self.season = season
        self.count = season.count
        self._dice = dice
        self._guest = guest
        self._latest = latest
        self._closeout = closeout_hour
        self._first = season.last - timedelta(days=season.days - 1)
        self._stride = coprime(season.guests)
        midnight = lru_cache(maxsize=None)(lambda index: self._local_midnight(ZoneInfo(zone), index))
        self._midnight = midnight

    def _local_midnight(self, zone: ZoneInfo, index: int) -> int:
        day = self._first + timedelta(days=index)
        return int(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()) * 1000

    def day_of(self, number: int) -> date:
        """The business date of an order."""
        return self._first + timedelta(days=number * self.season.days // self.count)

    def numbers_of(self, day: date) -> range:
        """The orders of a business date."""
        index = (day - self._first).days
        if not 0 <= index < self.season.days:
            return range(0)
        return range(*(-(-edge * self.count // self.season.days) for edge in (index, index + 1)))

    def opened(self, number: int) -> int:
        """When an order was opened: its place in the day, which begins at seven and ends at ten."""
        index, rest = divmod(number * self.season.days, self.count)
        return self._midnight(index) + OPENS * HOUR + rest * OPEN_HOURS * HOUR // self.count // SECOND * SECOND

    def closed(self, number: int) -> int:
        """When it was closed: by the batch after close-out."""
        index = number * self.season.days // self.count
        return min(self._midnight(index + 1) + self._closeout * HOUR + 5 * MINUTE + number % 240 * SECOND, self._latest)

    def modified(self, number: int) -> int:
        """When it last changed."""
        closed = self.closed(number)
        if number % LATE_CHANGE == 7:
            return min(closed + (1 + number % 20) * DAY, self._latest)
        return closed

    def guest_of(self, number: int) -> int | None:
        """The number of its guest; None for a table."""
        place, seat = divmod(number, self.season.in_store)
        if seat == self.season.in_store - 1:
            return None
        which = place * (self.season.in_store - 1) + seat
        return which % self.season.guests * self._stride % self.season.guests

    def numbers_of_guest(self, guest: int) -> list[int]:
        """The orders of a guest."""
        size, seats = self.season.guests, self.season.in_store - 1
        place = guest * pow(self._stride, -1, size) % size if size > 1 else 0
        named = self.count - self.count // self.season.in_store
        return [turn // seats * (seats + 1) + turn % seats for turn in range(place, named, size)]

    def plan(self, number: int) -> Plan:
        """What is decided about an order."""
        roll = self._dice.roll("plan", number)
        guest_number = self.guest_of(number)
        guest = None if guest_number is None else self._guest(guest_number)
        behavior, source = DINE_IN, "In Store"
        if guest is not None:
            delivered = self.season.delivery and guest.address is not None and roll[0] % 2 == 0
            behavior = DELIVERY if delivered else TAKE_OUT
            source = SOURCES[roll[1] % len(SOURCES)]
        gift = None
        if guest is None and roll[2] % 9 == 0:
            gift = (SELL if roll[3] % 3 else RELOAD, (2500, 5000, 10_000)[roll[3] % 3])
        member = guest is not None and guest.e164 is not None and roll[4] % 5 < 3
        return Plan(
            number=number,
            guid=self._dice.guid("order", number),
            day=self.day_of(number),
            opened=self.opened(number),
            modified=self.modified(number),
            behavior=behavior,
            customers=(guest,),
            source=source,
            closed=self.closed(number),
            paid_with=self.paid_with(number),
            discounted=roll[5] % 12 == 0,
            loyalty=self.season.vendor if member else None,
            reward=500 if member and roll[6] % 8 == 0 else 0,
            gift=gift,
        )

    def paid_with(self, number: int) -> str:
        """How an order was paid."""
        which = self._dice.roll("plan", number)[7] % 20
        return CREDIT if which < 14 else CASH if which < 18 else GIFTCARD if which < 19 else HOUSE


def coprime(size: int) -> int:
    """A stride that visits every number below ``size`` once before it returns."""
    stride = MULTIPLIER % size if size > 1 else 1
    while size > 1 and gcd(stride, size) != 1:
        stride += 1
    return stride or 1
