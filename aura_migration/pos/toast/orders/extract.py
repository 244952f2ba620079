"""Fetching orders: month by month of the last change, page by page, and single business dates.

Every page is recorded as it comes. The latest days are read when all months are, because an order that is changed
meanwhile moves there: it left its month, the pages of that month moved up behind it, and the month is read again.
Afterwards some business dates are asked one by one: what they list must have been in the months. A delta reads only what
changed since the last export, and records the latest business dates whatever their orders' dates of change say.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder, SecondRoute
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import MalformedBody
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import MAX_PAGES, POS, RESTARTS, ToastCalls
from aura_migration.pos.toast.months import Span, asked, holds, instant, months
from aura_migration.pos.together import together

PAGE = 100
"""The largest page Toast gives."""
AT_ONCE = 4
FREE_CALLS = 60
"""Calls before the pause Toast asks for between those of a long history."""
PAUSE_SWITCH, PAUSE = "orders_pause_seconds", 5.0
EVERY_DAY_SWITCH = "orders_every_day"
SKEW = timedelta(minutes=2)
"""How far Toast's clock may be from ours."""
LATEST, LATEST_DAYS = "latest", timedelta(days=1)
OVERLAP = timedelta(hours=1)
"""What a delta reads once more before the instant the last export reached: changes may show late."""
MARGIN = timedelta(days=1)
"""Business dates are local: one more day on either side."""
ENTITY = "orders"


class Seen(msgspec.Struct, rename="camel"):
    """What is looked at of an order while it is fetched."""

    guid: str
    modified_date: str | None = None
    business_date: int | None = None


class _Payment(msgspec.Struct):
    guid: str


class _Check(msgspec.Struct):
    payments: list[_Payment] | None = None


class _Order(msgspec.Struct):
    checks: list[_Check] | None = None


SEEN = msgspec.json.Decoder(list[Seen])
PAID = msgspec.json.Decoder(list[_Order])
GUIDS = msgspec.json.Decoder(list[str])
PAYMENT_DATES = ("paidBusinessDate", "refundBusinessDate", "voidBusinessDate")


async def fetch_orders(session: ToastCalls, recorder: Recorder, location: str, span: HistorySpan | None = None) -> None:
    """Read, record and certify the orders changed in the span up to now; no span: in the last twelve months."""
    await _Reading(session, recorder, location, span).run()


def business_dates(span: HistorySpan | None, taken_at: datetime) -> list[int]:
    """The business dates a delta records again, as Toast writes them; none where everything is read."""
    if span is None or span.reread_from is None:
        return []
    day, last = (span.reread_from - MARGIN).astimezone(UTC).date(), (taken_at + MARGIN).astimezone(UTC).date()
    found = []
    while day <= last:
        found.append(int(f"{day:%Y%m%d}"))
        day += timedelta(days=1)
    return found


def _since(span: HistorySpan | None) -> datetime | None:
    """Where reading by date of change begins."""
    if span is None:
        return None
    return span.begin - MARGIN if span.changed_since is None else span.changed_since - OVERLAP


class _Reading:
    def __init__(self, session: ToastCalls, recorder: Recorder, location: str, span: HistorySpan | None) -> None:
        self.session, self.recorder, self.location = session, recorder, location
        spans = months(recorder.taken_at, _since(span))
        self.spans, self.latest = split(spans, recorder.taken_at - LATEST_DAYS)
        self.first = spans[0].begin
        self.again = business_dates(span, recorder.taken_at)
        self.listed: dict[int, dict[str, Seen]] = {}
        self.lane = asyncio.Semaphore(AT_ONCE)
        self.pace = asyncio.Lock()
        self.pause = float(session.account.switches.get(PAUSE_SWITCH, PAUSE))
        self.calls = 0
        self.asked_at = 0.0
        self.began = datetime.now(UTC)
        self.seen: dict[str, dict[str, Seen]] = {}
        self.walked: dict[str, tuple[datetime, datetime]] = {}
        self.doubts: list[str] = []

    async def run(self) -> None:
        """All months, then the latest days, until none of the months moved while it was read; then business dates."""
        for _ in range(RESTARTS + 1):
            await together([self._month(span) for span in self.spans if span.name not in self.seen])
            await self._latest_days()
            moved = [] if self.doubts else self._moved()
            if not moved:
                break
            for name in moved:
                await in_thread(self.recorder.restart_window, ENTITY, name)
                del self.seen[name], self.walked[name]
        else:
            self.doubts.append(f"the orders of {', '.join(moved)} moved each of {RESTARTS + 1} times they were read")
        orders = {guid: one for found in self.seen.values() for guid, one in found.items()}
        route = await self._second_route(orders)
        distinct = orders.keys() | {guid for found in self.listed.values() for guid in found}
        pages = await in_thread(self.recorder.pages, ENTITY)
        rows = sum(page.rows for page in pages)
        self.recorder.certify(
            Certificate(
                ENTITY,
                "suspicious" if self.doubts else "complete",
                pages=len(pages),
                rows=rows,
                distinct=len(distinct),
                second_route=route,
                suspicious_caps=tuple(self.doubts),
                duplicates_dropped=rows - len(distinct),
            )
        )

    # -- months --------------------------------------------------------------------------------------------------------

    async def _month(self, span: Span) -> None:
        found = self.seen[span.name] = dict[str, Seen]()
        if self.recorder.recorded(ENTITY, span.name):
            for body in await in_thread(lambda: [b.data for b in self.recorder.bodies(ENTITY, span.name)]):
                found.update((one.guid, one) for one in SEEN.decode(body))
            return
        async with self.lane:
            began = datetime.now(UTC)
            await in_thread(self.recorder.restart_window, ENTITY, span.name)
            pages = await self._walk(span, 0)
            if pages is None:
                return
            if len(pages) > 1:
                self.walked[span.name] = began, datetime.now(UTC)
            await in_thread(self.recorder.complete_window, ENTITY, span.name)

    def _moved(self) -> list[str]:
        """The months that an order left while their pages were being read."""
        latest = {guid: instant(one.modified_date) for guid, one in self.seen[LATEST].items()}
        return sorted(
            name
            for name, (began, ended) in self.walked.items()
            if any(
                changed is not None and began - SKEW <= changed <= ended + SKEW
                for changed in (latest.get(guid) for guid in self.seen[name])
            )
        )

    async def _latest_days(self) -> None:
        """Where orders are changed all the time: read until a walk shows none that the one before should have shown."""
        known = self.seen[LATEST] = {}
        await in_thread(self.recorder.restart_window, ENTITY, LATEST)
        recorded = 0
        for _ in range(RESTARTS + 1):
            before, began = set(known), datetime.now(UTC) - SKEW
            pages = await self._walk(self.latest, recorded)
            if pages is None:
                return
            unseen = [one for page in pages for one in page if one.guid not in before]
            if len(pages) == 1 or (recorded and all((instant(one.modified_date) or began) >= began for one in unseen)):
                await in_thread(self.recorder.complete_window, ENTITY, LATEST)
                return
            recorded += len(pages)
        self.doubts.append(f"the orders of the latest days moved each of {RESTARTS + 1} times they were read")

    async def _walk(self, span: Span, recorded: int) -> list[list[Seen]] | None:
        """The pages of one walk, recorded; None (and a doubt) where they go round in a circle."""
        pages: list[list[Seen]] = []
        guids: set[str] = set()
        for number in range(1, MAX_PAGES):
            params = self._params(span, number)
            answer = await self._ask(params)
            rows = _seen(answer)
            fresh = {one.guid for one in rows} - guids
            guids |= fresh
            if rows and not fresh:
                self.doubts.append(f"page {number} of {span.name} repeated only orders already seen")
                return None
            if rows or number == 1:
                pages.append(rows)
                await in_thread(self._record, answer, params, len(rows), recorded + number, span.name)
                self.seen[span.name].update((one.guid, one) for one in rows)
            if not rows or (len(rows) < PAGE and not _has_next(answer)):
                return pages
        self.doubts.append(f"the orders of {span.name} never end")
        return None

    def _params(self, span: Span, page: int) -> dict[str, str]:
        return {
            "startDate": asked(span.begin),
            "endDate": asked(span.end),
            "pageSize": str(PAGE),
            "page": str(page),
        }

    def _record(self, answer: PosResponse, params: dict[str, str], rows: int, page: int, window: str) -> None:
        self.recorder.record(
            ENTITY,
            method="GET",
            path=paths.ORDERS,
            params=params,
            request_body=None,
            body=answer.content,
            rows=rows,
            page=page,
            window=window,
        )

    async def _ask(self, params: dict[str, str]) -> PosResponse:
        """One call; those of a long history at the distance Toast asks for."""
        self.calls += 1
        if self.calls > FREE_CALLS and self.pause:
            async with self.pace:
                await asyncio.sleep(self.asked_at + self.pause - time.monotonic())
                self.asked_at = time.monotonic()
        return await self.session.get(paths.ORDERS, self.location, params)

    # -- business dates ------------------------------------------------------------------------------------------------

    async def _second_route(self, orders: Mapping[str, Seen]) -> SecondRoute | None:
        """The orders counted once more through business dates: a sample, or all where that is switched on; of a delta
        those it records again."""
        by_day: dict[int, set[str]] = defaultdict(set)
        first = int(f"{self.first + timedelta(days=1):%Y%m%d}")
        last = int(f"{self.recorder.taken_at.astimezone(UTC) - timedelta(days=2):%Y%m%d}")
        for one in orders.values():
            if one.business_date is not None and (self.again or first <= one.business_date <= last):
                by_day[one.business_date].add(one.guid)
        if not by_day and not self.again:
            return None
        days = self.again or sorted(by_day)
        if not self.again and not self.session.account.switches.get(EVERY_DAY_SWITCH, False):
            days = sorted({days[0], days[-1], max(days, key=lambda day: (len(by_day[day]), day))})
        differing = await together([self._day(day, by_day.get(day, set()), orders) for day in days])
        lost, unconfirmed = sum(found[0] for found in differing), sum(found[1] for found in differing)
        if not self.again:
            await self._payments(days)
        if lost:
            self.doubts.append(f"{lost:,} orders of single business dates are in none of the months")
        if unconfirmed:
            self.doubts.append(f"{unconfirmed:,} orders of the months are not listed under their business date")
        how = f"the months and {len(days)} business {'date' if len(days) == 1 else 'dates'} asked one by one"
        further = {guid for found in self.listed.values() for guid in found} - orders.keys()
        return SecondRoute(how, len(orders) + len(further) - unconfirmed + (0 if self.again else lost))

    async def _day(self, day: int, known: set[str], orders: Mapping[str, Seen]) -> tuple[int, int]:
        """How many orders the day lists that no month showed, and how many of the months' it does not list."""
        listed = await self._list(day, record=day in self.again)
        expected = {
            guid
            for guid, one in listed.items()
            if holds((*self.spans, self.latest), one.modified_date)
            and (instant(one.modified_date) or self.began) < self.began - SKEW
        }
        return len(expected - orders.keys()), len(known - listed.keys())

    async def _payments(self, days: Sequence[int]) -> None:
        """Every payment that Toast lists as paid, refunded or voided on these dates must be on an order that was read."""

        async def listed(selector: str, day: int) -> set[str]:
            async with self.lane:
                answer = await self.session.get(paths.PAYMENTS, self.location, {selector: str(day)})
            try:
                return set(GUIDS.decode(answer.content))
            except msgspec.ValidationError as error:
                reason = "the answer is not a list of guids"
                raise MalformedBody(reason, pos=POS, method="GET", path=paths.PAYMENTS, retryable=False) from error

        found = await together([listed(selector, day) for selector in PAYMENT_DATES for day in days])
        missing = {guid for guids in found for guid in guids}
        if missing:
            await in_thread(self._strike, missing)
        if missing:
            self.doubts.append(f"{len(missing):,} payments of single business dates are on none of the orders")

    def _strike(self, missing: set[str]) -> None:
        """Take the payments of the recorded orders off."""
        for body in self.recorder.bodies(ENTITY):
            for order in PAID.decode(body.data):
                for check in order.checks or ():
                    missing.difference_update(one.guid for one in check.payments or ())

    async def _list(self, day: int, *, record: bool) -> dict[str, Seen]:
        """The orders of a business date; recorded as a window of its own where a delta reads it again."""
        window = f"day-{day}"
        listed: dict[str, Seen] = {}
        if record:
            self.listed[day] = listed
            if self.recorder.recorded(ENTITY, window):
                for body in await in_thread(lambda: [b.data for b in self.recorder.bodies(ENTITY, window)]):
                    listed.update((one.guid, one) for one in SEEN.decode(body))
                return listed
            await in_thread(self.recorder.restart_window, ENTITY, window)
        async with self.lane:
            for number in range(1, MAX_PAGES):
                params = {"businessDate": str(day), "pageSize": str(PAGE), "page": str(number)}
                answer = await self._ask(params)
                rows = _seen(answer)
                before = len(listed)
                listed.update((one.guid, one) for one in rows)
                if record and (rows or number == 1):
                    await in_thread(self._record, answer, params, len(rows), number, window)
                is_end = len(rows) < PAGE and not _has_next(answer)
                if len(listed) == before or is_end:
                    if rows and not is_end:
                        self.doubts.append(f"page {number} of business date {day} repeated only orders already seen")
                    break
        if record:
            await in_thread(self.recorder.complete_window, ENTITY, window)
        return listed


def split(spans: Sequence[Span], moment: datetime) -> tuple[list[Span], Span]:
    """The spans until the midnight before ``moment``, and the rest as one, which is a few days."""
    cut = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    earlier = [Span(one.name, one.begin, min(one.end, cut)) for one in spans if one.begin < cut]
    return earlier, Span(LATEST, max(cut, spans[0].begin), spans[-1].end)


def _has_next(answer: PosResponse) -> bool:
    return 'rel="next"' in answer.headers.get("link", "").replace("rel=next", 'rel="next"')


def _seen(answer: PosResponse) -> list[Seen]:
    try:
        return SEEN.decode(answer.content)
    except msgspec.ValidationError as error:
        reason = "the answer is not a list of orders with guids"
        raise MalformedBody(reason, pos=POS, method="GET", path=paths.ORDERS, retryable=False) from error
