"""Orders rung up while somebody reads, or submitted through the API: kept whole, unlike those drawn by number.

An order has a moment from which the API knows it (``Sheet.arrives``). Does not belong here: how an order is made
(``selling``, ``writing``) and what comes of it later (``edits``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from aura_migration.sandbox.toast.orders.model import Plan
from aura_migration.sandbox.toast.orders.numbering import Family, Numbering
from aura_migration.sandbox.toast.orders.sheet import Sheet


class Sold:
    """Such orders of one location, by number. ``now``: POS time in milliseconds."""

    def __init__(self, numbering: Numbering, now: Callable[[], int]) -> None:
        self.numbering = numbering
        self.now = now
        self.sheets: list[Sheet] = []
        self._awaited: set[int] = set()
        self._days: dict[date, dict[int, None]] = {}
        self._external: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.sheets)

    def family(self) -> Family:
        """The guids of the next order; the first is its own."""
        return self.numbering.family(len(self.sheets))

    def add(self, sheet: Sheet) -> int:
        """One more order, made with the guids of ``family``; answers its number."""
        number = len(self.sheets)
        self.sheets.append(sheet)
        if sheet.arrives is not None:
            self._awaited.add(number)
        for day in {sheet.day, *(one.day for _, one in sheet.payments())}:
            self._days.setdefault(day, {})[number] = None
        self.name(number, sheet.externals())
        return number

    def name(self, number: int, externals: Iterable[str]) -> None:
        """Outside ids an order, its checks and lines are found by from now on."""
        for external in externals:
            self._external.setdefault(external, number)

    def of_external(self, external: str) -> int | None:
        """The order that such an id was given to."""
        return self._external.get(external)

    def naming(self) -> dict[str, list[Plan]]:
        """What is known of the orders that name guests, by the guid of each guest."""
        found: dict[str, list[Plan]] = {}
        for number, sheet in enumerate(self.sheets):
            for bill in sheet.bills:
                if bill.guest is not None:
                    plan = Plan(
                        number, sheet.guid, sheet.day, sheet.opened, sheet.modified, sheet.behavior, (bill.guest,)
                    )
                    found.setdefault(bill.guest.guid, []).append(plan)
        return found

    def number_of(self, guid: str) -> int | None:
        """The number of the order that an order's or a payment's guid may belong to; whoever asks compares the guid."""
        return self.numbering.number_of(guid, len(self.sheets))

    def has_arrived(self, number: int) -> bool:
        """Does the API know the order yet?"""
        if number not in self._awaited:
            return True
        arrives = self.sheets[number].arrives
        if arrives is not None and arrives > self.now():
            return False
        self._awaited.discard(number)
        return True

    def awaited(self) -> int:
        """How many are still on their way."""
        return sum(not self.has_arrived(number) for number in tuple(self._awaited))

    def of_day(self, day: date) -> list[int]:
        """Orders that belong to a business date, or a payment of which does."""
        return list(self._days.get(day, ()))
