"""The order book of a merchant: ordinary orders by number, orders written by hand or changed by an edit, and how both are found.

A list remembers only numbers, in arrays; the rows of a page are made when the page is. Time filters are cut to their
latest 90 days without a word, as Clover does.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, overload

from aura_migration.sandbox.clover.orders.model import Credit, Order, Payment, Refund, VoidedLine
from aura_migration.sandbox.clover.orders.ordinary import DAY, LONGEST_LAG, Draft, Ordinary
from aura_migration.sandbox.clover.orders.shop import Shop
from aura_migration.sandbox.clover.query import Condition, Field, Query, passes, sort_key
from aura_migration.sandbox.core.clock import Clock

HISTORY_NOW = int(datetime(2026, 10, 1, 9, tzinfo=UTC).timestamp() * 1000)
ANSWERS_KEPT = 12
PLACES = 8  # bits for the place of a row in its order
FOREVER = 1 << 62
TIMES = ("createdTime", "modifiedTime", "clientCreatedTime", "deletedTime", "order.modifiedTime")
Fields = dict[str, Field]


class Held(NamedTuple):
    """A row with the order it belongs to."""

    order: Order
    row: Any

    @property
    def id(self) -> str:
        """The id of the row."""
        return str(self.row.id)


class Kind(NamedTuple):
    """Something an order holds. `times` tells when each came about from a draft, `rows` are the things themselves."""

    rows: Callable[[Order], Sequence[Any]]
    times: Callable[[Draft], Sequence[int]]
    windowed: bool = True


def _refund_times(draft: Draft) -> Sequence[int]:
    return (draft.refunded,) if draft.refunded else ()


def _credit_times(draft: Draft) -> Sequence[int]:
    return (draft.created + 20_000,) if draft.kind == "credit" else ()


KINDS: dict[str, Kind] = {
    "order": Kind(lambda order: (order,), lambda draft: (draft.created,)),
    "payment": Kind(lambda order: order.payments, lambda draft: draft.paid),
    "refund": Kind(lambda order: order.refunds(), _refund_times),
    "credit": Kind(lambda order: order.credits, _credit_times, windowed=False),
    "voided_line": Kind(lambda order: order.voided_lines, lambda draft: (draft.created + 240_000,), windowed=False),
    "authorization": Kind(lambda order: order.authorizations, lambda _draft: (), windowed=False),
}


def moment_of(kind: str, row: Any) -> int:
    """When a row came about."""
    return int(row.created if kind == "order" else row.at)


class Watcher(Protocol):
    """Somebody who keeps sums of all orders."""

    def replace(self, before: Order | None, after: Order | None) -> None:
        """An order was written, changed or taken away."""


class View(Sequence[Any]):
    """Rows in some order; each is made when it is looked at."""

    def __init__(self, book: Book, kind: str, codes: Sequence[int]) -> None:
        self._book = book
        self._kind = kind
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, which: int) -> Any: ...
    @overload
    def __getitem__(self, which: slice) -> View: ...
    def __getitem__(self, which: int | slice) -> Any:
        if isinstance(which, slice):
            return View(self._book, self._kind, self._codes[which])
        return self._book.held(self._kind, self._codes[which])


class Book:
    """All orders of one merchant by slot (ordinary ones first) and by id."""

    def __init__(self, shop: Shop, ordinary: Ordinary | None, clock: Clock | None = None) -> None:
        self.shop = shop
        self.ordinary = ordinary
        self.clock = clock
        self.watcher: Watcher | None = None
        self.cash_log = False
        self.switches: dict[str, Any] = {}
        self.revision = 0
        self._base = ordinary.count if ordinary is not None else 0
        self._written: list[Order] = []
        self._changed: dict[int, Order] = {}
        self._ids: dict[str, int] = {}
        self._answers: OrderedDict[object, tuple[int, array[int]]] = OrderedDict()

    def open(self, clock: Clock, switches: dict[str, Any]) -> None:
        """From now on the time is `clock`'s and open questions are settled by `switches`."""
        self.clock, self.switches = clock, switches

    def __len__(self) -> int:
        return self._base + len(self._written)

    def __iter__(self) -> Iterator[Order]:
        return map(self.order, range(len(self)))

    @property
    def now(self) -> int:
        """The time windows end at: the clock's where somebody set it, else that at which the histories end."""
        fixed = self.clock.fixed if self.clock is not None else None
        return HISTORY_NOW if fixed is None else int(fixed.timestamp() * 1000)

    # -- rows ------------------------------------------------------------------------------------------------------

    def order(self, slot: int) -> Order:
        """The order in a slot."""
        if slot >= self._base:
            return self._written[slot - self._base]
        held = self._changed.get(slot)
        if held is not None:
            return held
        assert self.ordinary is not None
        return self.ordinary.make(slot)

    def held(self, kind: str, code: int) -> Any:
        """The row of a code: an order, or something of an order with it."""
        order = self.order(code >> PLACES)
        if kind == "order":
            return order
        return Held(order, KINDS[kind].rows(order)[code & (1 << PLACES) - 1])

    def slot_of(self, row_id: str) -> int | None:
        """The slot of the order that has this id, or of the order that holds the payment, refund or credit of this id."""
        slot = self._ids.get(row_id)
        if slot is None and self.ordinary is not None:
            place = self.ordinary.place_of(row_id)
            slot = None if place is None else place[0]
        return slot

    def find_order(self, order_id: str) -> Order | None:
        """The order of an id, drafts and deleted ones too; None when there is none."""
        slot = self.slot_of(order_id)
        order = self.order(slot) if slot is not None else None
        return order if order is not None and order.id == order_id and not order.missing else None

    def find_row(self, kind: str, row_id: str) -> Held | None:
        """A payment, refund, credit, voided line or authorization by its id."""
        slot = self.slot_of(row_id)
        if slot is None:
            return None
        order = self.order(slot)
        return next((Held(order, row) for row in KINDS[kind].rows(order) if row.id == row_id), None)

    def arrived(self, order: Order) -> bool:
        """Does the API know this order yet? One that was taken offline, or whose moment is still to come, is not there."""
        return order.arrives is None or order.arrives <= self.now

    # -- writing ---------------------------------------------------------------------------------------------------

    def add(self, order: Order) -> Order:
        """A new order. Raises for an id that is taken."""
        if order.id in self._ids:
            raise ValueError(f"clover orders: two orders have the id {order.id}")
        self._written.append(order)
        self._learn(order, len(self) - 1)
        self.revision += 1
        if self.watcher is not None:
            self.watcher.replace(None, order)
        return order

    def change(self, order_id: str, edit: Callable[[Order], Any]) -> Any:
        """Let `edit` change the order of an id; sums follow. Raises `KeyError` when there is none."""
        slot = self.slot_of(order_id)
        if slot is None:
            raise KeyError(f"there is no order {order_id!r}")
        order = self.order(slot)
        if self.watcher is not None:
            self.watcher.replace(order, None)
        try:
            return edit(order)
        finally:
            if slot < self._base:
                self._changed[slot] = order
            self._learn(order, slot)
            self.revision += 1
            if self.watcher is not None:
                self.watcher.replace(None, order)

    def _learn(self, order: Order, slot: int) -> None:
        rows: Iterable[Payment | Refund | Credit | VoidedLine] = (
            *order.payments,
            *order.refunds(),
            *order.credits,
            *order.voided_lines,
            *order.authorizations,
        )
        self._ids[order.id] = slot
        for row in rows:
            self._ids[row.id] = slot

    def written_slots(self) -> Iterator[int]:
        """The slots of all orders that are held: changed ordinary ones, and written ones."""
        yield from self._changed
        yield from range(self._base, len(self))

    # -- finding ---------------------------------------------------------------------------------------------------

    def find(
        self, kind: str, query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any]
    ) -> Sequence[Any]:
        """The rows of a kind that pass a query, newest first unless it says otherwise."""
        asked = tuple((name, value) for name, value in query.echo if name in ("filter", "orderBy"))
        told = tuple(switches[name] for name in ORDER_SWITCHES)
        question = (kind, asked, told, self.now)
        held = self._answers.get(question)
        if held is None or held[0] != self.revision:
            held = (self.revision, array("Q", self._find(kind, query, fields, sortable, switches)))
            self._answers[question] = held
        self._answers.move_to_end(question)
        while len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)
        return View(self, kind, held[1])

    def _find(self, kind: str, query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any]) -> list[int]:
        spans, rest = spans_of(query, switches, KINDS[kind].windowed, self.now)
        found = list(self._candidates(kind, query, spans))
        shown = shows(kind, query, switches)
        tests = [(fields[name].get, low, high) for name, (low, high) in spans.items() if name != "createdTime"]
        if kind == "order" and not rest and not tests:
            found = [one for one in found if self._shown_order(one[1] >> PLACES, shown)]
        else:
            found = [one for one in found if self._passes(kind, one[1], shown, tests, rest, fields)]
        found.sort(reverse=True)
        for name, descending in reversed(query.order):
            if name == "createdTime":
                found.sort(key=lambda one: one[0], reverse=descending)
            else:
                get = sortable[name].get
                keyed = [(sort_key(get(self.held(kind, code))), (at, code)) for at, code in found]
                keyed.sort(key=lambda pair: pair[0], reverse=descending)
                found = [one for _, one in keyed]
        return [code for _, code in found]

    def _shown_order(self, slot: int, shown: Callable[[Any], bool]) -> bool:
        """Is an order in lists? What a draft tells is enough for an ordinary one."""
        if slot < self._base and slot not in self._changed:
            assert self.ordinary is not None
            draft = self.ordinary.draft(slot)
            if draft.kind == "draft":
                return False
            if draft.kind != "deleted":
                return True
        return shown(self.order(slot))

    def _passes(
        self,
        kind: str,
        code: int,
        shown: Callable[[Any], bool],
        tests: list[tuple[Callable[[Any], Any], int, int]],
        rest: list[Condition],
        fields: Fields,
    ) -> bool:
        if not tests and not rest and kind in ("refund", "credit"):
            return True
        row = self.held(kind, code)
        if not shown(row):
            return False
        for get, low, high in tests:
            value = get(row)
            if value is None or not low <= value <= high:
                return False
        return all(passes(fields[condition.field].get(row), condition) for condition in rest)

    def _candidates(self, kind: str, query: Query, spans: dict[str, tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """(when, code) of what may pass: the `createdTime` span is kept to exactly, others only roughly."""
        low, high = spans.get("createdTime", (-FOREVER, FOREVER))
        rows_of, times_of = KINDS[kind].rows, KINDS[kind].times
        named = [condition.equals for condition in query.conditions if condition.field in ("id", "order.id")]
        if named and named[0] is not None:
            slots = {slot for slot in (self.slot_of(str(one)) for one in named[0]) if slot is not None}
            for slot in slots:
                if not self.arrived(self.order(slot)):
                    continue
                for place, row in enumerate(rows_of(self.order(slot))):
                    at = moment_of(kind, row)
                    if low <= at <= high:
                        yield at, slot << PLACES | place
            return
        if self.ordinary is not None:
            yield from self._ordinary_candidates(kind, spans, low, high, times_of)
        for slot in self.written_slots():
            if not self.arrived(self.order(slot)):
                continue
            for place, row in enumerate(rows_of(self.order(slot))):
                at = moment_of(kind, row)
                if low <= at <= high:
                    yield at, slot << PLACES | place

    def _ordinary_candidates(
        self,
        kind: str,
        spans: dict[str, tuple[int, int]],
        low: int,
        high: int,
        times_of: Callable[[Draft], Sequence[int]],
    ) -> Iterator[tuple[int, int]]:
        ordinary = self.ordinary
        assert ordinary is not None
        lag = 0 if kind == "order" else LONGEST_LAG
        first, last = low - lag, high
        for name, (least, most) in spans.items():
            if name != "createdTime":
                first, last = max(first, least - LONGEST_LAG), min(last, most + DAY)
        modified = spans.get("modifiedTime") if kind == "order" else None
        for number in range(ordinary.first_since(first), ordinary.first_since(last + 1)):
            if number in self._changed:
                continue
            if kind == "order" and modified is None:
                at = ordinary.created(number)
                if low <= at <= high:
                    yield at, number << PLACES
                continue
            draft = ordinary.draft(number)
            if modified is not None and not modified[0] <= draft.modified <= modified[1]:
                continue
            times = times_of(draft)
            if not times or not any(low <= at <= high for at in times):
                continue
            if kind in ("refund", "voided_line"):
                # A draft knows when, and only the order knows whether there was anything to do.
                for place, row in enumerate(KINDS[kind].rows(ordinary.make(number))):
                    if low <= row.at <= high:
                        yield row.at, number << PLACES | place
                continue
            for place, at in enumerate(times):
                if low <= at <= high:
                    yield at, number << PLACES | place

    # -- scans -----------------------------------------------------------------------------------------------------

    def of_employee(self, employee: str) -> list[Order]:
        """The orders of an employee, the oldest number first."""
        staff = self.shop.staff

        def mine(draft: Draft) -> bool:
            return bool(staff) and staff[draft.dice[14] % len(staff)] == employee

        return self._scan(mine, lambda order: order.employee == employee)

    def of_customer(self, customer: str) -> list[Order]:
        """The orders of a customer, the oldest number first."""
        ordinary = self.ordinary
        return self._scan(
            lambda draft: ordinary is not None and ordinary.customer_of(draft) == customer,
            lambda order: customer in order.customers,
        )

    def _scan(self, drafted: Callable[[Draft], bool], written: Callable[[Order], bool]) -> list[Order]:
        found = []
        if self.ordinary is not None:
            for number in range(self._base):
                if number not in self._changed and drafted(self.ordinary.draft(number)):
                    found.append(self.ordinary.make(number))
        found += [order for order in map(self.order, self.written_slots()) if written(order) and self.arrived(order)]
        return found


ORDER_SWITCHES = (
    "history_window_days",
    "history_without_time_filter",
    "deleted_orders",
    "voided_payments",
)


def spans_of(
    query: Query, switches: dict[str, Any], windowed: bool, now: int
) -> tuple[dict[str, tuple[int, int]], list[Condition]]:
    """The span of each time field that a query bounds (both ends belong to it), cut to its latest part where that is
    the rule; and the conditions that are not about time."""
    bounds: dict[str, list[int]] = {}
    rest = []
    for condition in query.conditions:
        if condition.field not in TIMES or condition.bound is None or condition.bound[0] == "!=":
            rest.append(condition)
            continue
        operator, value = condition.bound
        span = bounds.setdefault(condition.field, [-FOREVER, FOREVER])
        if operator in (">", ">=", "="):
            span[0] = max(span[0], value + (operator == ">"))
        if operator in ("<", "<=", "="):
            span[1] = min(span[1], value - (operator == "<"))
    longest = int(switches["history_window_days"]) * DAY
    if windowed and longest:
        for span in bounds.values():
            high = now if span[1] == FOREVER else span[1]
            if high - span[0] > longest:
                span[0] = high - longest
        by_id = any(condition.field == "id" and condition.equals is not None for condition in rest)
        if not bounds and not by_id and switches["history_without_time_filter"] == "last_window":
            bounds["createdTime"] = [now - longest, FOREVER]
    return {name: (span[0], span[1]) for name, span in bounds.items()}, rest


def shows(kind: str, query: Query, switches: dict[str, Any]) -> Callable[[Any], bool]:
    """What lists of a kind show before any filter."""
    if kind == "order":
        mode = switches["deleted_orders"]
        deleted = mode == "listed" or (mode == "on_filter" and query.filters_on("deletedTime"))
        return lambda order: order.listed and (deleted or not order.deleted)
    if kind == "payment" and switches["voided_payments"] == "on_filter" and not query.filters_on("voided"):
        return lambda held: not held.row.voided
    return lambda _row: True


def select_among(
    kind: str, rows: list[Any], query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], now: int
) -> list[Any]:
    """The same rules among given rows, the oldest first."""
    spans, rest = spans_of(query, switches, KINDS[kind].windowed if kind in KINDS else False, now)
    shown = shows(kind, query, switches)
    found = [row for row in reversed(rows) if shown(row)]
    for name, (low, high) in spans.items():
        get = fields[name].get
        found = [row for row in found if (value := get(row)) is not None and low <= value <= high]
    for condition in rest:
        get = fields[condition.field].get
        found = [row for row in found if passes(get(row), condition)]
    for name, descending in reversed(query.order):
        get = sortable[name].get
        found.sort(key=lambda row, get=get: sort_key(get(row)), reverse=descending)  # type: ignore[misc]
    return found
