"""Reading a location's past completely: which lists, cut into which spans of time, and the proof of it.

Orders are in ``orders.py``. Payments are proven by the orders' tenders, refunds and payouts by asking state by state,
what a payout is made of by its amount, cash drawers by other pages. No list is left to its default range: without a
beginning Square shows payments, refunds and payouts of the last year only. Square API reference, sections 11 to 16.
"""

from __future__ import annotations

import asyncio
import dataclasses
from array import array
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder, SecondRoute
from aura_migration.core.clock import months_before
from aura_migration.pos.http.errors import NotFound, PermissionMissing
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists, sources
from aura_migration.pos.square.orders.cash import IN_FULL, read_cash
from aura_migration.pos.square.orders.orders import (
    OrderFacts,
    OrderHead,
    OrdersSeen,
    begins,
    is_small,
    read_orders,
    windows_of,
)
from aura_migration.pos.square.orders.payouts import read_payouts
from aura_migration.pos.square.orders.returns import with_returns
from aura_migration.pos.square.orders.walk import (
    STEP,
    Head,
    Spread,
    backwards,
    cut,
    full_windows_again,
    read_spread,
    stamp,
    unique,
    without,
)
from aura_migration.pos.square.people.extract import optional
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.walk import judged, reading_began, recount
from aura_migration.pos.square.people.windows import forget_others
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.square.wire import instant
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

MONTHS = 12
"""So much of the past is read where nobody says how much."""
ATTEMPTS = 2
"""So often a list is read that did not show what it should have."""
OF_ORDERS = "of earlier orders"
RECOUNTED = 5_000
"""Lists of so many records are counted once more, state by state."""


def history_readings(
    session: SquareCalls,
    recorder: Recorder,
    location: str,
    wanted: Sequence[str],
    span: HistorySpan | None,
) -> list[Awaitable[None]]:
    """One awaitable per group of source entities that are wanted; they may be awaited side by side."""
    reading = _History(session, recorder, location, _whole_seconds(span or _last_months(recorder)))
    found: list[Awaitable[None]] = []
    if sources.ORDERS in wanted or sources.PAYMENTS in wanted:
        found.append(reading.sales([name for name in (sources.ORDERS, sources.PAYMENTS) if name in wanted]))
    if sources.REFUNDS in wanted:
        found.append(judged(recorder, sources.REFUNDS, reading.refunds()))
    if sources.PAYOUTS in wanted or sources.ENTRIES in wanted:
        found.append(reading.payouts([name for name in (sources.PAYOUTS, sources.ENTRIES) if name in wanted]))
    if sources.SHIFTS in wanted or sources.EVENTS in wanted:
        found.append(reading.cash([name for name in (sources.SHIFTS, sources.EVENTS) if name in wanted]))
    if sources.DISPUTES in wanted:
        found.append(judged(recorder, sources.DISPUTES, optional(recorder, sources.DISPUTES, reading.disputes())))
    return found


def _last_months(recorder: Recorder) -> HistorySpan:
    return HistorySpan(months_before(recorder.taken_at, MONTHS), recorder.taken_at)


def _whole_seconds(span: HistorySpan) -> HistorySpan:
    """The span to whole seconds, never shorter: instants are asked for so."""

    def down(at: datetime | None) -> datetime | None:
        return at.astimezone(UTC).replace(microsecond=0) if at is not None else None

    begin, end = down(span.begin), down(span.end + timedelta(microseconds=999_999))
    assert begin is not None and end is not None
    return HistorySpan(begin, end, down(span.changed_since), down(span.reread_from))


class _History:
    """One reading of one location's past."""

    def __init__(self, session: SquareCalls, recorder: Recorder, location: str, span: HistorySpan) -> None:
        self._session = session
        self._recorder = recorder
        self._location = location
        self._span = span
        self._small: asyncio.Task[bool] | None = None

    async def small(self) -> bool:
        """Whether the whole past fits into one window of every list."""
        begin = begins(self._span)
        if begin is None:
            return True
        if self._small is None:
            self._small = asyncio.ensure_future(is_small(self._session, self._location, begin, self._span.end))
        try:
            return await self._small
        except PermissionMissing:
            return False

    async def windows(self, listing: Listing, updated: bool, step: timedelta) -> dict[str, dict[str, Any]]:
        """Windows of a list that is asked for by GET: by when its records arose, and (if it can) by when they changed."""
        asked = {**listing.request(), "location_id": self._location}
        begin, found = begins(self._span), {}
        if begin is not None:
            for first, last in cut(begin, self._span.end, None if await self.small() else step):
                name = f"created {stamp(first)} to {stamp(last)}"
                found[name] = {**asked, "begin_time": stamp(first), "end_time": stamp(last)}
        since = self._span.changed_since
        if since is not None and updated:
            by = {"begin_time": lists.SINCE_EVER, "updated_at_begin_time": stamp(since), "sort_field": "UPDATED_AT"}
            found[f"changed since {stamp(since)}"] = {**asked, **by}
        await forget_others(self._recorder, listing.entity, {*found, OF_ORDERS, *(name + IN_FULL for name in found)})
        return found

    # -- orders and payments ---------------------------------------------------------------------------------------

    async def sales(self, wanted: Sequence[str]) -> None:
        """Orders and payments side by side; then each tender's payment must be there."""
        seen: list[OrdersSeen] = []
        windows: dict[str, dict[str, Any]] = {}
        read: list[Spread] = []

        async def orders() -> None:
            seen.append(
                await read_orders(self._session, self._recorder, self._location, self._span, await self.small())
            )

        async def payments() -> None:
            windows.update(await self.windows(lists.PAYMENTS, updated=True, step=STEP))
            read.append(await self._payments(windows))

        async def proven() -> None:
            for attempt in range(1, ATTEMPTS + 1):
                again = await self._payments_proven(read[-1], seen[0], attempt == ATTEMPTS)
                if not again:
                    return
                for name in _holding(windows, again):
                    await restart(self._recorder, sources.PAYMENTS, name)
                read.append(await self._payments(windows))

        both: list[Awaitable[None]] = []
        if sources.ORDERS in wanted:
            both.append(judged(self._recorder, sources.ORDERS, orders()))
        if sources.PAYMENTS in wanted:
            both.append(judged(self._recorder, sources.PAYMENTS, payments()))
        await together(both)
        if not seen and sources.ORDERS not in wanted:
            seen += await self._orders_kept()
        if read and seen:
            await judged(self._recorder, sources.PAYMENTS, proven())
        elif read:
            await certify(self._recorder, read[0].certificate(None))

    async def _payments(self, windows: Mapping[str, Mapping[str, Any]]) -> Spread:
        found = await read_spread(self._session, self._recorder, lists.PAYMENTS, windows)
        await full_windows_again(self._session, self._recorder, found, windows)
        return found

    async def _orders_kept(self) -> list[OrdersSeen]:
        """The orders an interrupted attempt read and certified."""
        span, recorder = self._span, self._recorder
        small = await self.small()
        windows = windows_of(self._location, span, small)
        kept = {page.window for page in await in_thread(recorder.pages, sources.ORDERS)}
        if not kept or not all(recorder.recorded(sources.ORDERS, name) for name in windows):
            return []
        until, begin = reading_began(recorder), begins(span) or span.end
        found = await read_spread(
            self._session,
            recorder,
            lists.ORDERS,
            {**windows, **{name: {} for name in kept}},
            OrderHead,
            lambda: OrderFacts(begin, span.end, until),
        )
        return [OrdersSeen(found, small)]

    async def _payments_proven(self, spread: Spread, orders: OrdersSeen, is_last: bool) -> list[datetime]:
        """Every payment that a read order names is there, or Square says there is none; what is missing is read by id.

        Certifies the payments, unless the list should have shown some of those: then returns when they arose, and nothing
        is certified but by the last attempt.
        """
        recorder, entity = self._recorder, sources.PAYMENTS
        await restart(recorder, entity, OF_ORDERS)
        tenders, listed = orders.ids_of_payments(), spread.ids()
        missing = set(without(tenders, listed).tolist())
        named = await in_thread(_payments_named, recorder, orders.spread, missing)
        found = array("q")
        lost: list[datetime] = []
        begin, until = begins(self._span), min(reading_began(recorder), self._span.end)
        for number, ident in enumerate(named, start=1):
            try:
                response = await self._session.get(f"{lists.PAYMENTS.path}/{ident}", {})
            except NotFound:
                continue
            parts = self._session.decoded(response, dict[str, msgspec.Raw])
            head = self._session.shaped_part(response, parts.get("payment", b"{}"), Head)
            await record(self._session, recorder, entity, response, None, 1, number, OF_ORDERS)
            found.append(hash(head.id))
            if begin is not None and begin <= instant(head.created_at) < until:
                lost.append(instant(head.created_at))
        if found:
            await complete(recorder, entity, OF_ORDERS)
        if lost and not is_last:
            return lost
        if lost:
            spread.doubts.append(f"{len(lost):,} payments that orders name were not in the list")
        distinct = int(unique([*(window.hashes for window in spread.windows.values()), found]).size)
        route = SecondRoute(f"the tenders of the orders ({tenders.size:,}, and payments that no order names)", distinct)
        certificate = spread.certificate(route, distinct)
        pages, rows = certificate.pages + len(found), certificate.rows + len(found)
        await certify(recorder, dataclasses.replace(certificate, pages=pages, rows=rows))
        return []

    # -- refunds ---------------------------------------------------------------------------------------------------

    async def refunds(self) -> None:
        """Refunds with their return orders; counted once more state by state."""
        session, recorder, listing = self._session, self._recorder, lists.REFUNDS
        windows = await self.windows(listing, updated=True, step=4 * STEP)
        spread = await read_spread(session, recorder, listing, windows, enrich=with_returns(session))
        await full_windows_again(session, recorder, spread, windows)
        await self._by_state(spread, windows, lists.REFUND_STATES)

    async def _by_state(self, spread: Spread, windows: Mapping[str, Mapping[str, Any]], states: Sequence[str]) -> None:
        ids = spread.ids()
        if ids.size > RECOUNTED:
            await certify(self._recorder, spread.certificate(None))
            return
        import numpy

        until = reading_began(self._recorder)
        found: set[str] = set()
        asks = [{**backwards(asked), "status": state} for asked in windows.values() for state in states]
        for part in await together([recount(self._session, spread.listing, asked, until) for asked in asks]):
            found |= part
        hashes = numpy.unique(numpy.array([hash(ident) for ident in found], dtype=numpy.int64))
        # Of a state that no document names, and what arose meanwhile, stands on the first reading alone.
        extra = int(without(hashes, ids).size)
        route = SecondRoute("asking state by state", int(ids.size) + extra)
        await certify(self._recorder, spread.certificate(route))

    # -- the bank, the drawer --------------------------------------------------------------------------------------

    async def payouts(self, wanted: Sequence[str]) -> None:
        """Payouts, and what they are made of."""
        windows = await self.windows(lists.PAYOUTS, updated=False, step=4 * STEP)

        async def prove(spread: Spread) -> None:
            await full_windows_again(self._session, self._recorder, spread, windows)
            await self._by_state(spread, windows, lists.PAYOUT_STATES)

        await read_payouts(self._session, self._recorder, windows, wanted, prove)

    async def cash(self, wanted: Sequence[str]) -> None:
        """Cash drawers, and what happened at them."""
        windows = await self.windows(lists.SHIFTS, updated=False, step=8 * STEP)
        await read_cash(self._session, self._recorder, self._location, windows, wanted)

    async def disputes(self) -> None:
        """Disputes of the location; the list knows no span."""
        windows = {"": {**lists.DISPUTES.request(), "location_id": self._location}}
        spread = await read_spread(self._session, self._recorder, lists.DISPUTES, windows)
        await full_windows_again(self._session, self._recorder, spread, windows)
        await certify(self._recorder, spread.certificate(None))


def _holding(windows: Mapping[str, Mapping[str, Any]], times: Sequence[datetime]) -> list[str]:
    """The windows in which what arose at those times should have stood."""
    return [
        name
        for name, asked in windows.items()
        if "end_time" in asked
        and any(instant(asked["begin_time"]) <= time <= instant(asked["end_time"]) for time in times)
    ]


class _Tenders(msgspec.Struct):
    orders: list[OrderHead] | None = None


def _payments_named(recorder: Recorder, spread: Spread, hashes: set[int]) -> list[str]:
    """The ids behind hashes of payments, out of the recorded orders that name them."""
    found: set[str] = set()
    for name, window in spread.windows.items():
        if hashes.isdisjoint(window.facts.payments):
            continue
        for stored in recorder.bodies(sources.ORDERS, name):
            for head in msgspec.json.decode(stored.data, type=_Tenders, strict=False).orders or ():
                for tender in head.tenders or ():
                    paid = tender.payment_id or tender.id
                    if paid and hash(paid) in hashes:
                        found.add(paid)
    return sorted(found)
