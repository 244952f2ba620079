"""All orders of a location as they stand: those guests are known by, the history, and what was changed in either.

An order is found by a key: its number among the guests' orders, ``HISTORY`` plus its number in the history, or ``SOLD`` plus
its number among those rung up since. Nothing is held but the last, what was changed, and the order in which orders changed
(eight bytes each).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from aura_migration.sandbox.toast.orders.adapt import Adapter
from aura_migration.sandbox.toast.orders.book import OrderBook
from aura_migration.sandbox.toast.orders.past import Past
from aura_migration.sandbox.toast.orders.sheet import Bill, Paid, Sheet
from aura_migration.sandbox.toast.orders.sold import Sold
from aura_migration.sandbox.toast.orders.wire import OrderWire
from aura_migration.sandbox.toast.people.dice import Dice

HISTORY = 1 << 28
SOLD = 1 << 30
SELECTIONS = 8
"""Periods whose orders are remembered, so that the next page need not look for them again."""
PER_ORDER = 64
"""Payment guids a guests' order may use."""
Watcher = Callable[[Sheet | None, Sheet | None], None]


class Ledger:
    """The orders of one location. ``watchers`` are told of each order before and after it changes."""

    def __init__(self, book: OrderBook, past: Past, adapter: Adapter, dice: Dice, wire: OrderWire, sold: Sold) -> None:
        self.book = book
        self.past = past
        self.sold = sold
        self.wire = wire
        self.watchers: list[Watcher] = []
        self._adapter = adapter
        self._dice = dice
        self._changed: dict[int, Sheet] = {}
        self._selected: dict[tuple[int, int, bool], array[int]] = {}
        self._state = (0, 0, 0, 0)
        self._edits = 0

    def __len__(self) -> int:
        return len(self.book) + len(self.past) + len(self.sold)

    def keys(self) -> Iterator[int]:
        """Every order."""
        yield from range(len(self.book))
        yield from range(HISTORY, HISTORY + len(self.past))
        yield from range(SOLD, SOLD + len(self.sold))

    # -- one -------------------------------------------------------------------------------------------------------

    def sheet(self, key: int) -> Sheet:
        """An order as it stands. Whoever changes it hands a fresh one to ``put``."""
        return self._changed.get(key) or self._made(key)

    def _made(self, key: int) -> Sheet:
        if key >= SOLD:
            return self.sold.sheets[key - SOLD]
        if key >= HISTORY:
            made = self.past.sheet(key - HISTORY)
            made.key = key
            return made
        return self._adapter.sheet(self.book.order(key))

    def body(self, key: int, **shown: bool) -> dict[str, Any]:
        """An order as JSON; ``shown`` as ``OrderWire.order`` takes it."""
        return self.wire.order(self.sheet(key), **shown)

    def has_arrived(self, key: int) -> bool:
        """Does the API know the order yet?"""
        return key < SOLD or self.sold.has_arrived(key - SOLD)

    def append(self, sheet: Sheet) -> int:
        """An order was rung up or submitted, made with the guids of ``sold.family``; answers its key."""
        key = sheet.key = SOLD + self.sold.add(sheet)
        self.appeared(key)
        return key

    def key_of(self, guid: str) -> int | None:
        """The key of an order's guid; None when there is no such order."""
        number = self.book.number_of(guid)
        if number is not None:
            return number
        number = self.past.number_of(guid)
        if number is not None and self.past.numbering.family(number).next() == guid:
            return HISTORY + number
        number = self.sold.number_of(guid)
        if number is not None and self.sold.sheets[number].guid == guid:
            return SOLD + number
        return None

    def payment(self, guid: str) -> tuple[Sheet, Bill, Paid] | None:
        """A payment with its order and check; None when there is no such payment."""
        for sheet in self._changed.values():
            for bill, one in sheet.payments():
                if one.guid == guid:
                    return sheet, bill, one
        candidates = []
        number = self._dice.number_of("payment", guid, len(self.book) * PER_ORDER)
        if number is not None:
            candidates.append(number // PER_ORDER)
        number = self.past.number_of(guid)
        if number is not None:
            candidates.append(HISTORY + number)
        number = self.sold.number_of(guid)
        if number is not None:
            candidates.append(SOLD + number)
        for key in candidates:
            sheet = self.sheet(key)
            for bill, one in sheet.payments():
                if one.guid == guid:
                    return sheet, bill, one
        return None

    # -- many ------------------------------------------------------------------------------------------------------

    def of_day(self, day: date) -> list[int]:
        """Orders of a business date that the API knows, as they were opened."""
        found = [(self._opened(key), key) for key in self.book.of_day(day)]
        found += [(self._opened(HISTORY + number), HISTORY + number) for number in self.past.of_day(day)]
        for number in self.sold.of_day(day):
            if self.sold.sheets[number].day == day and self.sold.has_arrived(number):
                found.append((self._opened(SOLD + number), SOLD + number))
        return [key for _, key in sorted(found)]

    def _opened(self, key: int) -> int:
        if key < HISTORY:
            return self.book.opened(key)
        if key >= SOLD:
            return self.sold.sheets[key - SOLD].opened
        return self.past.opened(key - HISTORY)

    def modified_between(self, start: int, end: int, *, by_opening: bool = False) -> Sequence[int]:
        """Orders last changed from ``start`` up to ``end`` that the API knows, as they changed (or as they were opened)."""
        sold = self.sold
        state = (self.book.version, len(self.past), self._edits, len(sold) - sold.awaited())
        if state != self._state:
            self._state = state
            self._selected.clear()
        held = self._selected.get((start, end, by_opening))
        if held is None:
            if len(self._selected) >= SELECTIONS:
                self._selected.pop(next(iter(self._selected)))
            held = self._selected[start, end, by_opening] = array("I", self._select(start, end, by_opening))
        return held

    def _select(self, start: int, end: int, by_opening: bool) -> list[int]:
        changed = self._changed
        found = [pair for pair in self.book.changed(start, end) if pair[1] not in changed]
        found += [
            (stamp, HISTORY + number)
            for stamp, number in self.past.changed(start, end)
            if HISTORY + number not in changed
        ]
        found += [
            (one.modified, SOLD + number)
            for number, one in enumerate(self.sold.sheets)
            if start <= one.modified < end and SOLD + number not in changed and self.sold.has_arrived(number)
        ]
        found += [
            (one.modified, key) for key, one in changed.items() if start <= one.modified < end and self.has_arrived(key)
        ]
        if by_opening:
            found = [(self._opened(key), key) for _, key in found]
        return [key for _, key in sorted(found)]

    def touching(self, day: date) -> Iterator[Sheet]:
        """Every order of which something may belong to a business date."""
        seen = set(self._changed)
        yield from (sheet for key, sheet in self._changed.items() if self.has_arrived(key))
        for key in self.book.of_day(day):
            if key not in seen:
                yield self._made(key)
        for number in self.past.touching(day):
            if HISTORY + number not in seen:
                yield self._made(HISTORY + number)
        for number in self.sold.of_day(day):
            if SOLD + number not in seen and self.sold.has_arrived(number):
                yield self._made(SOLD + number)

    # -- changing --------------------------------------------------------------------------------------------------

    def put(self, key: int, change: Callable[[Sheet], None]) -> Sheet:
        """Change an order by a function."""
        made = self.sheet(key)
        for watcher in self.watchers:
            watcher(made, None)
        change(made)
        self._changed[key] = made
        self._edits += 1
        for watcher in self.watchers:
            watcher(None, made)
        return made

    def appeared(self, key: int) -> None:
        """An order was added or changed behind this ledger's back: whoever watches hears of it as new."""
        made = self.sheet(key)
        for watcher in self.watchers:
            watcher(None, made)

    def touched(self, key: int, modified: int) -> None:
        """An order changed once more, whoever wrote that down."""
        held = self._changed.get(key)
        if held is not None:
            held.modified = modified
            self._edits += 1
