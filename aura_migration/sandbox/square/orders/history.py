"""All orders of an account: ordinary ones by number, written and changed ones over them, and the orderings they are read in.

Of an ordinary order only its stamps are ever held (26 bytes); everything else exists while somebody looks at it.
"""

from __future__ import annotations

import heapq
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.square.orders.done import Done, Paid, Refunded, give_back
from aura_migration.sandbox.square.orders.marks import MOST_PAYMENTS, Marks
from aura_migration.sandbox.square.orders.model import Order, TenderUse
from aura_migration.sandbox.square.orders.ordinary import SPLIT, VOIDED, Ordinary

KEPT = 4096  # more than the orders of `diner`: what walks all of them again and again works them out once
HOUR = 3_600_000
QUIET = 30_000  # an order that moved this long after it was closed took its payments along
STATES = ("COMPLETED", "CANCELED", "OPEN", "DRAFT")
FIELDS = ("created", "updated", "closed")


class Columns:
    """The stamps of the ordinary orders of one location, and the orders in the order of each."""

    def __init__(self, ordinary: Ordinary) -> None:
        count = ordinary.count
        self.base = ordinary.base
        self.stamps = {name: array("q", bytes(8 * count)) for name in FIELDS}
        self.state, self.way = bytearray(count), bytearray(count)
        created, updated, closed = (self.stamps[name] for name in FIELDS)
        numbers = {name: index for index, name in enumerate(STATES)}
        for number in range(count):
            opened, done, moved, state, way = ordinary.stamps(number)
            created[number], updated[number], closed[number] = opened, moved, done or opened
            self.state[number], self.way[number] = numbers[state], way
        self._sorted: dict[str, tuple[array[int], array[int]]] = {}

    def ordered(self, name: str) -> tuple[array[int], array[int]]:
        """Stamps in ascending order, and the account-wide numbers that have them."""
        if name not in self._sorted:
            stamps = self.stamps[name]
            order = sorted(range(len(stamps)), key=stamps.__getitem__)
            base = self.base
            self._sorted[name] = (
                array("q", (stamps[number] for number in order)),
                array("I", (base + number for number in order)),
            )
        return self._sorted[name]

    def payments(self) -> Iterator[tuple[int, int]]:
        """Created and key (order × 16 + place) of every payment."""
        closed, base = self.stamps["closed"], self.base
        for number, way in enumerate(self.way):
            if way:
                key = (base + number) * MOST_PAYMENTS
                paid = closed[number] - 1500
                if way == VOIDED:
                    yield paid - 30_000, key
                    yield paid, key + 1
                else:
                    yield paid, key
                    if way == SPLIT:
                        yield paid + 700, key + 1


class History:
    """The orders of one account. `pen.py` writes them for a scenario, `edits.py` for the control surface."""

    def __init__(self, marks: Marks, clock: Clock, main_location: str, ordinaries: Sequence[Ordinary] = ()) -> None:
        self.marks = marks
        self.clock = clock
        self.main_location = main_location
        self.ordinaries = {held.location: held for held in ordinaries}
        self._firsts = [held.base for held in ordinaries]
        self._list = list(ordinaries)
        self.base = sum(held.count for held in ordinaries)
        self.written: list[Order] = []
        self._changed: dict[int, Order] = {}
        self.gone: dict[int, int] = {}
        self._back: dict[int, list[int]] = {}
        self._columns: dict[str, Columns] = {}
        self._done: OrderedDict[int, Done] = OrderedDict()
        self._payments: dict[str, tuple[array[int], array[int]]] = {}
        self._rows: dict[Any, tuple[int, Any]] = {}
        self._fresh: dict[int, tuple[float, Order | None]] = {}
        self._touched: set[int] = set()
        self.revision = 0
        self.listeners: list[Any] = []
        self.gross_settled: set[str] = set()
        self.extras: list[Any] = []
        self.instants: list[Any] = []
        self.failed_payouts: set[tuple[str, date]] = set()
        self.disputes: list[Any] = []
        self.drawer_events: list[Any] = []
        self.drawer_states: dict[tuple[str, date], str] = {}
        self.started = False
        self.coin = 0
        self.gratuity = "Party of six or more"
        self._last = 0
        self._awaited: set[int] = set()

    def __len__(self) -> int:
        return self.base + len(self.written) - len(self.gone)

    def now(self) -> int:
        """POS time in milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    def next_stamp(self) -> int:
        """The stamp of a change made now: later than every change so far."""
        self._last = max(self._last + 1000, self.now())
        return self._last

    # -- one order -------------------------------------------------------------------------------------------------

    def numbers(self) -> Iterator[int]:
        """Every order that is there."""
        every = range(self.base + len(self.written))
        return (number for number in every if number not in self.gone) if self.gone else iter(every)

    def ordinary_of(self, number: int) -> Ordinary:
        """The location's ordinary orders that a number below `base` belongs to."""
        return self._list[bisect_right(self._firsts, number) - 1]

    def order(self, number: int) -> Order:
        """What was ordered and how it was paid."""
        if number >= self.base:
            return self.written[number - self.base]
        held = self._changed.get(number)
        return held if held is not None else self.ordinary_of(number).order(number)

    def done(self, number: int) -> Done:
        """The order with its sums."""
        found = self._done.get(number)
        if found is not None:
            return found
        order = self.order(number)
        found = Done(order, self.marks)
        if order.back is not None:
            source = self.done(order.back.source) if order.back.source is not None else None
            found.back = give_back(
                found, source, lambda paid, place: self._refund_id(paid, order.number, place, found.id)
            )
        self._done[number] = found
        if len(self._done) > KEPT:
            self._done.popitem(last=False)
        return found

    def _refund_id(self, paid: Paid | None, number: int, place: int, order_id: str) -> str:
        return f"{paid.id if paid else order_id}_{self.marks.token('refund', number * 16 + place, 22)}"

    def of_id(self, order_id: str) -> int | None:
        """The number of an order's id; None when there is no such order."""
        number = self.marks.of_order(order_id)
        if number is None or number >= self.base + len(self.written) or number in self.gone:
            return None
        return number

    def arrived(self, number: int) -> bool:
        """Does the API know this order yet? One that was taken offline, or whose moment is still to come, is not there."""
        if number not in self._awaited:
            return True
        arrives = self.order(number).arrives
        if number not in self.gone and arrives is not None and arrives > self.now():
            return False
        self._awaited.discard(number)
        return True

    def not_arrived(self) -> frozenset[int]:
        """The orders that the API does not know yet."""
        return frozenset(number for number in tuple(self._awaited) if not self.arrived(number))

    def returns_of(self, number: int) -> list[int]:
        """The orders that give something of this one back."""
        found = self.ordinary_of(number).returns_of(number) if number < self.base else []
        found += self._back.get(number, [])
        return [held for held in found if held not in self.gone]

    def refunds_of(self, paid: Paid) -> list[Refunded]:
        """The refunds of a payment."""
        found = []
        for number in self.returns_of(paid.order.number):
            back = self.done(number).back
            if back is not None:
                found += [held for held in back.refunds if held.paid is not None and held.paid.place == paid.place]
        return found

    def payment(self, key: int) -> Paid:
        """The payment of a key."""
        number, place = divmod(key, MOST_PAYMENTS)
        return self.done(number).paid[place]

    def payment_of_id(self, payment_id: str) -> Paid | None:
        """The payment of an id."""
        found = self.marks.of_payment(payment_id)
        if found is None or found[0] >= self.base + len(self.written) or found[0] in self.gone:
            return None
        paid = self.done(found[0]).paid
        return paid[found[1]] if found[1] < len(paid) else None

    def payment_updated(self, order: Order, use: TenderUse) -> int:
        """When a payment last moved: with its order when that moved late, else as it was made."""
        if use.updated is not None:
            return use.updated
        late = order.closed is not None and order.updated - order.closed > QUIET
        return max(use.created, order.updated - 300) if late else use.created + 1800

    # -- writing ---------------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        """The number the next written order will have."""
        return self.base + len(self.written)

    def write(self, order: Order) -> int:
        """One more order, with the number `next_number` told."""
        assert order.number == self.next_number()
        self.written.append(order)
        if order.arrives is not None:
            self._awaited.add(order.number)
        if order.back is not None and order.back.source is not None:
            self._back.setdefault(order.back.source, []).append(order.number)
        self._wrote(order.number, None)
        return order.number

    def link(self, number: int) -> None:
        """A written order was made to give something back after it was written: let its sale know."""
        back = self.order(number).back
        if back is not None and back.source is not None:
            self._back.setdefault(back.source, []).append(number)
            self._done.clear()

    def change(self, number: int, **fields: Any) -> Order:
        """The order is different from now on; its stamps only move if the fields say so."""
        before = self.order(number)
        made = replace(before, **fields)
        for listener in self.listeners:
            listener.leaving(number)
        if number >= self.base:
            self.written[number - self.base] = made
        else:
            self._changed[number] = made
        self._wrote(number, before)
        return made

    def remove(self, number: int) -> None:
        """The order is no more."""
        for listener in self.listeners:
            listener.leaving(number)
        self.gone[number] = self.now()
        self._wrote(number, None)
        for listener in self.listeners:
            listener.left(number)

    def _wrote(self, number: int, before: Order | None) -> None:
        self.revision += 1
        self._done.clear()
        self._touched.update(held for held in self.returns_of(number) if held < self.base)
        if self.started:
            held = self._fresh.get(number)
            self._fresh[number] = (time.monotonic(), held[1] if held is not None else before)
        for listener in self.listeners:
            if number not in self.gone:
                listener.entering(number)

    def hidden(self, number: int, delay: float) -> bool:
        """Is an order so new that lists do not show it yet?"""
        held = self._fresh.get(number) if delay > 0 else None
        return held is not None and held[1] is None and time.monotonic() - held[0] < delay

    def is_changed(self, number: int) -> bool:
        """Is this order not as it was generated, or is something it gives back?"""
        return number in self._changed or number in self.gone or number in self._touched

    # -- orderings -------------------------------------------------------------------------------------------------

    def columns(self, location: str) -> Columns | None:
        """The stamps of a location's ordinary orders."""
        ordinary = self.ordinaries.get(location)
        if ordinary is None:
            return None
        if location not in self._columns:
            self._columns[location] = Columns(ordinary)
        return self._columns[location]

    def _over(self) -> Iterator[int]:
        """Numbers that are not as generated: changed and written ones."""
        yield from (number for number in self._changed if number not in self.gone)
        for place in range(len(self.written)):
            if self.base + place not in self.gone:
                yield self.base + place

    def orders_between(
        self, locations: Sequence[str], name: str, start: float | None, end: float | None
    ) -> Sequence[int]:
        """Numbers of orders whose stamp `name` is from `start` to `end`, both included, in ascending order. Orders that
        were never closed have no `closed`."""
        slices: list[tuple[array[int], array[int]]] = []
        masked = self._changed.keys() | self.gone.keys()
        for location in locations:
            columns = self.columns(location)
            if columns is not None:
                stamps, numbers = columns.ordered(name)
                low = 0 if start is None else bisect_left(stamps, start)
                high = len(stamps) if end is None else bisect_right(stamps, end)
                slices.append((stamps[low:high], numbers[low:high]))
        wanted = frozenset(locations)
        extra = []
        for number in self._over():
            order = self.order(number)
            stamp = getattr(order, name)
            if order.location not in wanted or stamp is None:
                continue
            if (start is None or stamp >= start) and (end is None or stamp <= end):
                extra.append((stamp, number))
        if len(slices) == 1 and not extra and not (masked and any(held in masked for held in slices[0][1])):
            return slices[0][1]
        parts = [
            [(stamp, number) for stamp, number in zip(*held, strict=True) if number not in masked] for held in slices
        ]
        return array("I", (number for _, number in heapq.merge(*parts, sorted(extra))))

    def state_of(self, number: int) -> str:
        """The state of an order, without making it where that can be helped."""
        if number < self.base and number not in self._changed:
            ordinary = self.ordinary_of(number)
            columns = self.columns(ordinary.location)
            assert columns is not None
            return STATES[columns.state[number - columns.base]]
        return self.order(number).state

    def _remembered(self, key: Any, make: Any) -> Any:
        held = self._rows.get(key)
        if held is None or held[0] != self.revision:
            held = (self.revision, make())
            self._rows[key] = held
        return held[1]

    def _generated_payments(self, location: str) -> tuple[array[int], array[int]]:
        if location not in self._payments:
            columns = self.columns(location)
            rows = sorted(columns.payments()) if columns is not None else []
            self._payments[location] = (
                array("q", (stamp for stamp, _ in rows)),
                array("Q", (key for _, key in rows)),
            )
        return self._payments[location]

    def payments(self, location: str) -> tuple[Sequence[int], Sequence[int]]:
        """Created stamps and keys of a location's payments, oldest first."""

        def make() -> tuple[Sequence[int], Sequence[int]]:
            stamps, keys = self._generated_payments(location)
            masked = self._changed.keys() | self.gone.keys()
            extra = [
                (use.created, number * MOST_PAYMENTS + place)
                for number in self._over()
                if (order := self.order(number)).location == location
                for place, use in enumerate(order.tenders)
                if use.kind != "no_sale"
            ]
            if not masked and not extra:
                return stamps, keys
            rows = [held for held in zip(stamps, keys, strict=True) if held[1] // MOST_PAYMENTS not in masked]
            rows = sorted(rows + extra)
            return array("q", (stamp for stamp, _ in rows)), array("Q", (key for _, key in rows))

        found: tuple[Sequence[int], Sequence[int]] = self._remembered(("payments", location), make)
        return found

    def payments_by_update(self, location: str) -> tuple[Sequence[int], Sequence[int]]:
        """The same, by when each payment last moved."""

        def make() -> tuple[Sequence[int], Sequence[int]]:
            rows = []
            columns = self.columns(location)
            for stamp, key in zip(*self.payments(location), strict=True):
                number, place = divmod(key, MOST_PAYMENTS)
                if number < self.base and number not in self._changed and columns is not None:
                    at = number - columns.base
                    updated, closed = columns.stamps["updated"][at], columns.stamps["closed"][at]
                    moved = max(stamp, updated - 300) if updated - closed > QUIET else stamp + 1800
                else:
                    order = self.order(number)
                    moved = self.payment_updated(order, order.tenders[place])
                rows.append((moved, key))
            rows.sort()
            return array("q", (stamp for stamp, _ in rows)), array("Q", (key for _, key in rows))

        found: tuple[Sequence[int], Sequence[int]] = self._remembered(("moved", location), make)
        return found

    def return_numbers(self) -> Iterator[int]:
        """Every order that gives something back."""
        for ordinary in self._list:
            for local in range(49, ordinary.count, 50):
                number = ordinary.base + local
                if number not in self.gone and number not in self._changed:
                    yield number
        for number in self._over():
            if self.order(number).back is not None:
                yield number

    def refunds(self, by_update: bool = False) -> list[tuple[int, int, int]]:
        """Stamp, return order and place in it of every refund of the account, oldest first."""

        def make() -> list[tuple[int, int, int]]:
            rows = []
            for number in self.return_numbers():
                done = self.done(number)
                assert done.back is not None
                stamp = done.order.updated if by_update else done.order.created + 200
                rows += [(stamp, number, place) for place in range(len(done.back.refunds))]
            return sorted(rows)

        found: list[tuple[int, int, int]] = self._remembered(("refunds", by_update), make)
        return found

    def refund(self, number: int, place: int) -> Refunded:
        """A refund by its return order and place."""
        back = self.done(number).back
        assert back is not None
        return back.refunds[place]
