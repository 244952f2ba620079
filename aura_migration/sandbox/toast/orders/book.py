"""All orders of one location: ordinary ones by number, written ones and changed ones over them, and who reads them how.

Only two orderings (eight and four bytes an order) are ever held; an order exists while somebody looks at it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from aura_migration.sandbox.toast.orders.compose import Composer
from aura_migration.sandbox.toast.orders.model import Order, Plan
from aura_migration.sandbox.toast.orders.plans import Ordinary
from aura_migration.sandbox.toast.people.dice import Dice


class OrderBook:
    """The orders of a location."""

    def __init__(self, dice: Dice, ordinary: Ordinary, composer: Composer) -> None:
        self._dice = dice
        self.ordinary = ordinary
        self.composer = composer
        self.written: list[Plan] = []
        self._changed: dict[int, Plan] = {}
        self._index: tuple[array[int], array[int]] | None = None
        self.version = 0

    def __len__(self) -> int:
        return self.ordinary.count + len(self.written)

    def plan(self, number: int) -> Plan:
        """What is decided about an order."""
        base = self.ordinary.count
        if number >= base:
            return self.written[number - base]
        return self._changed.get(number) or self.ordinary.plan(number)

    def plans(self) -> Iterator[Plan]:
        """All of them by number."""
        return map(self.plan, range(len(self)))

    def order(self, number: int) -> Order:
        """The whole order."""
        return self.composer.order(self.plan(number))

    def number_of(self, guid: str) -> int | None:
        """The number of a guid; None when there is no such order."""
        return self._dice.number_of("order", guid, len(self))

    def naming(self) -> dict[str, list[Plan]]:
        """Written orders by the guid of each guest they name."""
        found: dict[str, list[Plan]] = {}
        for plan in self.written:
            for guest in plan.customers:
                if guest is not None:
                    found.setdefault(guest.guid, []).append(plan)
        return found

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, plan: Plan) -> Plan:
        """One more order; its number and guid are given here."""
        number = len(self)
        made = replace(plan, number=number, guid=self._dice.guid("order", number))
        self.written.append(made)
        self._index = None
        self.version += 1
        return made

    def change(self, number: int, **changes: object) -> Plan:
        """The order is different from now on."""
        made = replace(self.plan(number), **changes)  # type: ignore[arg-type]
        base = self.ordinary.count
        if number >= base:
            self.written[number - base] = made
        else:
            self._changed[number] = made
        self._index = None
        self.version += 1
        return made

    # -- reading ---------------------------------------------------------------------------------------------------

    def of_day(self, day: date) -> list[int]:
        """Orders of a business date, as they were opened."""
        base = self.ordinary.count
        found = list(self.ordinary.numbers_of(day)) if base else []
        found += [base + place for place, plan in enumerate(self.written) if plan.day == day]
        return sorted(found, key=self._opened)

    def changed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """When and which orders were last changed from ``start`` up to ``end``."""
        stamps, numbers = self._by_modified()
        first, last = bisect_left(stamps, start), bisect_left(stamps, end)
        return zip(stamps[first:last], numbers[first:last], strict=True)

    def opened(self, number: int) -> int:
        """When an order was opened."""
        return self.ordinary.opened(number) if number < self.ordinary.count else self.plan(number).opened

    def _opened(self, number: int) -> tuple[int, int]:
        return self.opened(number), number

    def _modified(self, number: int) -> int:
        if number < self.ordinary.count and number not in self._changed:
            return self.ordinary.modified(number)
        return self.plan(number).modified

    def _by_modified(self) -> tuple[array[int], array[int]]:
        if self._index is None:
            rows = sorted((self._modified(number), number) for number in range(len(self)))
            self._index = array("q", (stamp for stamp, _ in rows)), array("I", (number for _, number in rows))
        return self._index
