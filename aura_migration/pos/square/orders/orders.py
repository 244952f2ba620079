"""Reading orders completely: by when they arose, proven by when they were closed.

A search by closing time goes through another index and is asked for ids alone, the latest first: a list that is cut
shows its other end. What only it shows is read by id: orders
that arose before the span and were closed in it, and late arrivals. Square API reference, section 11.1.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder, SecondRoute
from aura_migration.pos.http.paging import PageTrail, cursor_pages
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists
from aura_migration.pos.square.orders.walk import (
    AT_ONCE,
    STEP,
    Spread,
    Window,
    among,
    arose_before,
    cut,
    page_of,
    read_spread,
    stamp,
    unique,
    without,
)
from aura_migration.pos.square.people.walk import reading_began
from aura_migration.pos.square.people.windows import forget_others
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.square.wire import instant
from aura_migration.pos.together import together

ATTEMPTS = 3
SMALL = 1000
"""A history of at most so many orders is read in one window."""
MOST_BY_ID = 10_000
"""More orders than these are not read by id: that many missing ones are no late arrivals, the list is wrong."""
BY_ID = "by id"


class Tendered(msgspec.Struct, frozen=True):
    """Which payment a tender is."""

    id: str | None = None
    payment_id: str | None = None
    type: str | None = None


class OrderHead(msgspec.Struct, frozen=True):
    """What of an order the walk needs."""

    id: str = ""
    created_at: str | None = None
    closed_at: str | None = None
    updated_at: str | None = None
    state: str | None = None
    tenders: list[Tendered] | None = None


class Entry(msgspec.Struct, frozen=True):
    """An order's id alone."""

    order_id: str = ""

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order_id


@dataclass
class OrderFacts:
    """What is noted of orders: which were closed when, which are not, which moved lately, what paid them."""

    begin: datetime
    end: datetime
    until: datetime
    closed: array[int] = field(default_factory=lambda: array("q"))
    unclosed: array[int] = field(default_factory=lambda: array("q"))
    recent: array[int] = field(default_factory=lambda: array("q"))
    payments: array[int] = field(default_factory=lambda: array("q"))

    def take(self, heads: Sequence[OrderHead]) -> None:
        """Note the orders of one page."""
        for head in heads:
            key = hash(head.id)
            if head.state in lists.CLOSED and head.closed_at and self.begin <= instant(head.closed_at) <= self.end:
                self.closed.append(key)
            elif head.state in lists.UNCLOSED and self.begin <= instant(head.created_at) <= self.end:
                self.unclosed.append(key)
            if instant(head.updated_at) >= self.until:
                self.recent.append(key)
            for tender in head.tenders or ():
                paid = tender.payment_id or tender.id
                if paid and tender.type != "NO_SALE":
                    self.payments.append(hash(paid))


@dataclass
class OrdersSeen:
    """The orders as read; ``small`` says that the whole history fits into one window."""

    spread: Spread
    small: bool

    def ids_of_payments(self) -> Any:
        """Hashes of the payments that the orders name."""
        return unique(window.facts.payments for window in self.spread.windows.values())


async def is_small(session: SquareCalls, location: str, begin: datetime, end: datetime) -> bool:
    """Whether the orders of the span fit on one page of ids."""
    page = await page_of(session, lists.ORDER_IDS, _asked(lists.ORDER_IDS, location, "created", begin, end), Entry)
    return page.next_cursor is None


def windows_of(location: str, span: HistorySpan, small: bool) -> dict[str, dict[str, Any]]:
    """Windows by name with what they ask."""
    found = {}
    begin = begins(span)
    if begin is not None:
        for first, last in cut(begin, span.end, None if small else STEP):
            found[f"created {stamp(first)} to {stamp(last)}"] = _asked(lists.ORDERS, location, "created", first, last)
    if span.changed_since is not None:
        name = f"changed since {stamp(span.changed_since)}"
        found[name] = _asked(lists.ORDERS, location, "updated", span.changed_since, None)
    return found


def begins(span: HistorySpan) -> datetime | None:
    """From when on everything is read, whatever Square says of changes."""
    return span.begin if span.changed_since is None else span.reread_from


async def read_orders(
    session: SquareCalls, recorder: Recorder, location: str, span: HistorySpan, small: bool
) -> OrdersSeen:
    """All orders of the span, certified."""
    windows = windows_of(location, span, small)
    await forget_others(recorder, lists.ORDERS.entity, {*windows, BY_ID})
    begin, until = begins(span), reading_began(recorder)

    def facts() -> OrderFacts:
        return OrderFacts(begin or span.end, span.end, until)

    for attempt in range(1, ATTEMPTS + 1):
        spread = await read_spread(session, recorder, lists.ORDERS, windows, OrderHead, facts)
        if begin is None:
            await certify(recorder, spread.certificate(None))
            break
        route, again = await _by_closing(session, recorder, location, spread, facts, begin, span.end)
        if not again or attempt == ATTEMPTS:
            if again:
                spread.doubts.append(f"{len(again):,} orders show by when they were closed, not by when they arose")
            await certify(recorder, spread.certificate(route))
            break
        for name in _holding(windows, again):
            await restart(recorder, lists.ORDERS.entity, name)
    return OrdersSeen(spread, small)


async def _by_closing(
    session: SquareCalls,
    recorder: Recorder,
    location: str,
    spread: Spread,
    facts: Any,
    begin: datetime,
    end: datetime,
) -> tuple[SecondRoute, list[OrderHead]]:
    """The second route; what only it shows is read by id. Returns it, and what the first should have shown."""
    import numpy

    known = spread.ids()
    shown = array("q")
    missing: set[str] = set()
    gate = asyncio.Semaphore(AT_ONCE)

    async def walk(asked: Mapping[str, Any]) -> None:
        async with gate:
            pages = cursor_pages(
                lambda cursor: page_of(session, lists.ORDER_IDS, asked, Entry, cursor),
                row_id=lambda entry: str(entry.id),
                trail=PageTrail(),
            )
            async for page in pages:
                hashes = numpy.array([hash(entry.id) for entry in page.rows], dtype=numpy.int64)
                shown.extend(hashes.tolist())
                there = among(hashes, known)
                missing.update(entry.id for entry, is_known in zip(page.rows, there, strict=True) if not is_known)

    asks = [
        _asked(lists.ORDER_IDS, location, "closed", first, last, lists.CLOSED, "DESC")
        for first, last in cut(begin, end, None if known.size <= SMALL else 4 * STEP)
    ]
    asks.append(_asked(lists.ORDER_IDS, location, "created", begin, end, lists.UNCLOSED, "DESC"))
    await together([walk(asked) for asked in asks])
    if len(missing) > MOST_BY_ID:
        spread.doubts.append(f"{len(missing):,} orders show only by when they were closed")
        missing = set()
    window = await _read_by_id(session, recorder, location, sorted(missing), facts())
    lost: list[OrderHead] = []
    if window is not None:
        spread.windows[BY_ID] = window
        until = reading_began(recorder)
        lost = [
            head
            for head in window.facts.heads
            if arose_before(min(until, end), head.created_at) and instant(head.created_at) >= begin
        ]
    found = list(spread.windows.values())
    expected = unique([*(one.facts.closed for one in found), *(one.facts.unclosed for one in found)])
    unseen = without(without(expected, unique([shown])), unique(one.facts.recent for one in found))
    how = f"the search by closing time ({len(shown):,} ids, among them those not closed yet)"
    return SecondRoute(how, int(spread.ids().size - unseen.size)), lost


@dataclass
class _ByIdFacts(OrderFacts):
    heads: list[OrderHead] = field(default_factory=list)

    def take(self, heads: Sequence[OrderHead]) -> None:
        super().take(heads)
        self.heads += heads


async def _read_by_id(
    session: SquareCalls, recorder: Recorder, location: str, ids: Sequence[str], facts: OrderFacts
) -> Window | None:
    entity = lists.ORDERS.entity
    await restart(recorder, entity, BY_ID)
    if not ids:
        return None
    window = Window(entity, lists.MOST_IDS + 1, _ByIdFacts(facts.begin, facts.end, facts.until))
    for number, (asked, response) in enumerate(
        [(a, await session.post(lists.BY_ID, a)) for a in batches(ids)], start=1
    ):
        parts = session.decoded(response, dict[str, msgspec.Raw])
        heads = session.shaped_part(response, parts["orders"], list[OrderHead]) if "orders" in parts else []
        await record(session, recorder, entity, response, asked, len(heads), number, BY_ID)
        window.page(heads, has_next=number * lists.MOST_IDS < len(ids))
    await complete(recorder, entity, BY_ID)
    return window.closed()


def batches(ids: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Requests for orders by id, as many as one may name."""
    for start in range(0, len(ids), lists.MOST_IDS):
        yield {"order_ids": list(ids[start : start + lists.MOST_IDS])}


def _holding(windows: Mapping[str, Mapping[str, Any]], heads: Iterable[OrderHead]) -> list[str]:
    """The windows in which those orders should have stood."""
    found = []
    for name, asked in windows.items():
        times = asked["query"]["filter"]["date_time_filter"].get("created_at")
        if times is not None and any(
            instant(times["start_at"]) <= instant(head.created_at) <= instant(times["end_at"]) for head in heads
        ):
            found.append(name)
    return found


def _asked(
    listing: Any,
    location: str,
    by: str,
    begin: datetime,
    end: datetime | None,
    states: Sequence[str] = (),
    direction: str = "ASC",
) -> dict[str, Any]:
    """A search by one of the times of an order; sorted by the same, as Square demands."""
    times = {"start_at": stamp(begin), **({"end_at": stamp(end)} if end is not None else {})}
    conditions: dict[str, Any] = {"date_time_filter": {f"{by}_at": times}}
    if states:
        conditions["state_filter"] = {"states": list(states)}
    return {
        **listing.request(),
        "location_ids": [location],
        "query": {"filter": conditions, "sort": {"sort_field": f"{by.upper()}_AT", "sort_order": direction}},
    }
