"""The history of a location: orders by number, one of every kind beside them, and a few of which there is only one.

Numbers below ``days.count`` are ordinary; then comes one order of each kind, then the single ones, then what was added.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from aura_migration.sandbox.toast.orders import kinds
from aura_migration.sandbox.toast.orders.calendar import Days
from aura_migration.sandbox.toast.orders.draw import Draw, Frame
from aura_migration.sandbox.toast.orders.numbering import Numbering
from aura_migration.sandbox.toast.orders.ruled import Ruled
from aura_migration.sandbox.toast.orders.sheet import Sheet
from aura_migration.sandbox.toast.orders.tender import Tender
from aura_migration.sandbox.toast.people.model import DAY, HOUR, MINUTE

SLOT = 1 << 21
"""More orders than a location can have."""
Change = Callable[[Sheet], None]


@dataclass(frozen=True, slots=True)
class Single:
    """An order of which there is only one. ``change``: what is done to it when it is otherwise ready."""

    name: str
    opened: int
    day: date
    closed: int | None
    kind: str = kinds.PLAIN
    promised: int | None = None
    paid: bool = True
    change: Change | None = None
    modified: int | None = None


class Past:
    """Orders of the history of one location."""

    def __init__(
        self,
        numbering: Numbering,
        days: Days,
        draw: Draw | Ruled,
        tender: Tender,
        local: Callable[[date, int, int], int],
    ) -> None:
        self.days = days
        self._kind_of = kinds.kind_of if isinstance(draw, Draw) else _plain
        self.draw = draw
        self.tender = tender
        self.numbering = numbering
        self.local = local
        self.singles: list[Single] = []
        self.added: list[Frame] = []
        self._index: array[int] | None = None
        if days.count and isinstance(draw, Draw):
            reach = max(1, min(len(days) - 4, 40))
            for place, kind in enumerate(kinds.ALL):
                day = days.last - timedelta(days=2 + place % reach + (25 if kind in kinds.LATER and reach > 30 else 0))
                opened = local(day, 12, place % 60) + place * 1_000
                self.singles.append(Single(kind, opened, day, self._batch(day, place), kind))

    def __len__(self) -> int:
        return self.days.count + len(self.singles) + len(self.added)

    def _batch(self, day: date, place: int) -> int:
        return min(self.local(day + timedelta(days=1), 4, 30) + place * 1_001, self.days.latest)

    # -- one order -------------------------------------------------------------------------------------------------

    def frame(self, number: int) -> Frame:
        """What is known of an order before anything is on it."""
        days = self.days
        if number >= days.count:
            place = number - days.count
            if place >= len(self.singles):
                return self.added[place - len(self.singles)]
            single = self.singles[place]
            made = self._frame(number, single.kind, single.day, single.opened, single.closed)
            made.promised = single.promised or made.promised
            made.modified = single.modified or made.modified
            return made
        index = days.index_of(number)
        kind = self._kind_of(number)
        return self._frame(number, kind, days.day(index), days.opened(number, index), days.closed(number, index))

    def _frame(self, number: int, kind: str, day: date, opened: int, closed: int | None) -> Frame:
        modified, later = opened + 20 * MINUTE if closed is None else closed, None
        delay = kinds.delay_of(number, kind)
        if delay and closed is not None:
            moment = closed + (delay - 1) * DAY + 9 * HOUR
            if moment >= self.days.latest:
                kind = kinds.PLAIN
            else:
                modified, later = moment, day + timedelta(days=delay)
        made = Frame(number, kind, day, opened, closed, modified, day + timedelta(days=1), later_day=later)
        if kind == kinds.FUTURE:
            made.ahead = day - timedelta(days=kinds.BOOKED_AHEAD)
            made.promised = opened
            made.opened = self.local(made.ahead, 11, number % 60)
        return made

    def sheet(self, number: int) -> Sheet:
        """The whole order."""
        frame = self.frame(number)
        family = self.numbering.family(number)
        made = self.draw.sheet(frame, family)
        place = number - self.days.count
        single = self.singles[place] if 0 <= place < len(self.singles) else None
        if single is None or single.paid:
            self.tender.pay(frame, made, family)
        self.draw.ended(frame, made)
        self.tender.give_back(frame, made, family)
        if single is not None and single.change is not None:
            single.change(made)
        return made

    def number_of(self, guid: str) -> int | None:
        """The number of the order that an order's or a payment's guid may belong to."""
        return self.numbering.number_of(guid, len(self))

    # -- many ------------------------------------------------------------------------------------------------------

    def of_day(self, day: date) -> Iterator[int]:
        """The orders of a business date."""
        yield from self.days.numbers_of(day)
        base = self.days.count
        yield from (base + place for place, one in enumerate(self.singles) if one.day == day)
        base += len(self.singles)
        yield from (base + place for place, frame in enumerate(self.added) if frame.day == day)

    def touching(self, day: date) -> Iterator[int]:
        """Every order of which something may belong to a business date, whichever its own is."""
        index = (day - self.days.first).days
        for number in self.days.numbers(index - kinds.LONGEST, index + kinds.BOOKED_AHEAD + 1):
            if self._kind_of(number) in kinds.ELSEWHERE or self.days.index_of(number) == index:
                yield number
        yield from range(self.days.count, len(self))

    def opened(self, number: int) -> int:
        """When an order was opened."""
        return self.frame(number).opened

    def changed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """When and which orders were last changed from ``start`` up to ``end``."""
        if self._index is None:
            self._index = array("q", sorted(self._stamps()))
        first, last = bisect_left(self._index, start * SLOT), bisect_left(self._index, end * SLOT)
        return (divmod(value, SLOT) for value in self._index[first:last])

    def _stamps(self) -> Iterator[int]:
        days, latest = self.days, self.days.latest
        for index in range(len(days)):
            for number in days.numbers(index, index + 1):
                closed = days.closed(number, index)
                delay = kinds.delay_of(number, self._kind_of(number))
                moment = closed + (delay - 1) * DAY + 9 * HOUR if delay else closed
                yield (moment if moment < latest else closed) * SLOT + number
        for number in range(days.count, len(self)):
            yield self.frame(number).modified * SLOT + number

    def add(self, frame: Frame) -> int:
        """One more order; answers its number."""
        frame.number = len(self)
        self.added.append(frame)
        self._index = None
        return frame.number

    def notes(self) -> dict[str, list[int]]:
        """Peculiarities by name and the numbers of orders that show them."""
        base = self.days.count
        found: dict[str, list[int]] = {}
        for place, one in enumerate(self.singles):
            if one.kind == one.name and self.frame(base + place).kind != one.kind:
                continue
            found.setdefault(one.name, []).append(base + place)
        for number in range(min(base, 1000)):
            kind = self.frame(number).kind
            if kind != kinds.PLAIN and len(found.setdefault(kind, [])) < 3:
                found[kind].append(number)
        return found


def _plain(_number: int) -> str:
    """In a history by rules (``ruled``) no order changes, comes back or goes away later."""
    return kinds.PLAIN
