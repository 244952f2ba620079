"""Fetching cash entries and deposits: one business date a call, a window a month, as Toast has no list of them.

The first business date of the recorded orders is where it begins: nothing is taken before anything is sold. Toast offers
no second way to count cash.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, timedelta
from itertools import groupby

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.http.errors import MalformedBody
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import POS, ToastCalls
from aura_migration.pos.toast.months import LOOK_BACK
from aura_migration.pos.toast.orders.extract import ENTITY as ORDERS
from aura_migration.pos.toast.orders.extract import MARGIN, SEEN
from aura_migration.pos.together import together

ENTRIES, DEPOSITS = "cash_entries", "cash_deposits"
PATHS = {ENTRIES: paths.CASH_ENTRIES, DEPOSITS: paths.CASH_DEPOSITS}
AT_ONCE = 8
EARLIEST = date(2015, 12, 1)
"""Toast has no orders before."""


class _Seen(msgspec.Struct):
    guid: str


_SEEN = msgspec.json.Decoder(list[_Seen])


async def fetch_cash(
    session: ToastCalls, recorder: Recorder, location: str, *, entity: str, span: HistorySpan | None = None
) -> None:
    """Read, record and certify ``cash_entries`` or ``cash_deposits``."""
    await _Cash(session, recorder, location, entity).run(span)


class _Cash:
    def __init__(self, session: ToastCalls, recorder: Recorder, location: str, entity: str) -> None:
        self.session, self.recorder, self.location, self.entity = session, recorder, location, entity
        self.lane = asyncio.Semaphore(AT_ONCE)

    async def run(self, span: HistorySpan | None) -> None:
        """Every date of the span, months at once."""
        days = _dates(self.recorder, span, await in_thread(self._first_sale))
        months = [(name, list(few)) for name, few in groupby(days, key=lambda day: f"{day:%Y-%m}")]
        await together([self._month(name, few) for name, few in months])
        found = await in_thread(lambda: [_SEEN.decode(b.data) for b in self.recorder.bodies(self.entity)])
        rows = sum(len(page) for page in found)
        distinct = len({one.guid for page in found for one in page})
        pages = await in_thread(self.recorder.pages, self.entity)
        self.recorder.certify(
            Certificate(self.entity, "complete", len(pages), rows, distinct, duplicates_dropped=rows - distinct)
        )

    def _first_sale(self) -> date | None:
        """The day before the first business date of the orders in this snapshot; None where orders were not read."""
        held = self.recorder.certificate(ORDERS)
        if held is None or held.status == "not_extracted":
            return None
        days = {
            one.business_date
            for body in self.recorder.bodies(ORDERS)
            for one in SEEN.decode(body.data)
            if one.business_date is not None
        }
        known = [day for day in map(_date, days) if day is not None and day >= EARLIEST]
        return min(known) - MARGIN if known else date.max

    async def _month(self, name: str, days: list[date]) -> None:
        if self.recorder.recorded(self.entity, name):
            return
        answers = await together([self._day(day) for day in days])
        await in_thread(self._record, name, answers)

    async def _day(self, day: date) -> tuple[dict[str, str], bytes, int]:
        path, params = PATHS[self.entity], {"businessDate": f"{day:%Y%m%d}"}
        async with self.lane:
            answer = await self.session.get(path, self.location, params)
        try:
            return params, answer.content, len(_SEEN.decode(answer.content))
        except msgspec.ValidationError as error:
            reason = "the answer is not a list of records with guids"
            raise MalformedBody(reason, pos=POS, method="GET", path=path, retryable=False) from error

    def _record(self, window: str, answers: list[tuple[dict[str, str], bytes, int]]) -> None:
        self.recorder.restart_window(self.entity, window)
        for page, (params, body, rows) in enumerate(answers, start=1):
            self.recorder.record(
                self.entity,
                method="GET",
                path=PATHS[self.entity],
                params=params,
                request_body=None,
                body=body,
                rows=rows,
                page=page,
                window=window,
            )
        self.recorder.complete_window(self.entity, window)


def _date(number: int) -> date | None:
    try:
        return date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return None


def _dates(recorder: Recorder, span: HistorySpan | None, first_sale: date | None) -> list[date]:
    """The business dates asked for, local ones, hence one more on either side.

    Of a delta those it reads again: entries have no date of change, and what is older stays as it is.
    """
    taken_at = recorder.taken_at.astimezone(UTC)
    if span is None:
        begin = taken_at - LOOK_BACK
    elif span.changed_since is None:
        begin = span.begin - MARGIN
    else:
        begin = min(span.reread_from or span.changed_since, span.changed_since) - MARGIN
    day, last = begin.astimezone(UTC).date(), (taken_at + MARGIN).date()
    if first_sale is not None and (span is None or span.changed_since is None):
        day = max(day, first_sale)
    found = []
    while day <= last:
        found.append(day)
        day += timedelta(days=1)
    return found
