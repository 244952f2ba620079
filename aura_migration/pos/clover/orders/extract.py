"""Reading a merchant's history completely: the order of work, and what proves each list.

Orders first, then the money that belongs to them; whatever order the money names and no list showed (drafts that were paid,
orders the list lost) is read by its id. Every part is read window by window, each a checkpoint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.clover.calls import Site
from aura_migration.pos.clover.extract import extract
from aura_migration.pos.clover.orders import compose
from aura_migration.pos.clover.orders.compose import Members, ident
from aura_migration.pos.clover.orders.job import Job, Window, cut, few_at_once, year_before
from aura_migration.pos.clover.orders.lists import (
    AHEAD,
    ASK_AT_ONCE,
    CASH_EVENTS,
    CREDITS,
    HISTORY,
    LONGEST,
    MARGIN,
    MISSING,
    ORDERS,
    ORDERS_R,
    PAGE,
    PAYMENTS,
    REFUNDS,
    SIDE_LISTS,
    TEST_ORDERS,
    Timed,
)
from aura_migration.pos.clover.orders.paging import Pages, Query
from aura_migration.pos.clover.orders.reading import ORDER, Orders
from aura_migration.pos.clover.orders.timed import Money
from aura_migration.pos.http.errors import NotFound, PermissionMissing, Rejected, SuspiciousPaging
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

HOW = {
    ORDERS: "three readings of each window in pages of other sizes, those of a round number day by day,",
    PAYMENTS: "what orders name, and windows of a round number day by day,",
    CREDITS: "a second reading in pages of another size",
}
BY_DAY = "windows of a round number of records, read day by day,"
NAMED = "named"
NAMES = frozenset(entity.name for entity in HISTORY)
OPTIONAL = frozenset(entity.name for entity in HISTORY if not entity.required)
MOST_LOST = 20
"""Orders or payments that a list may have failed to show before it is not believed any more."""


async def extract_history(site: Site, recorder: Recorder, entities: Sequence[str], span: HistorySpan | None) -> None:
    """Read, record and certify the named entities over the span; without one, the twelve months before the snapshot."""
    end = recorder.taken_at
    job = Job(site, recorder, span or HistorySpan(year_before(end), end))
    await _History(job, [name for name in entities if name in NAMES]).run()


class _History:
    def __init__(self, job: Job, entities: Sequence[str]) -> None:
        self.job = job
        self.entities = entities
        self.tests: set[str] = set()
        self.orders = Orders(job, self.tests)
        self.money = Money(job, self.tests)
        self.refused: set[str] = set()

    async def run(self) -> None:
        """Everything, in the order in which one part needs the other."""
        await self._forget_doubtful()
        await extract(self.job.site, self.job.recorder, SIDE_LISTS)
        await self._guarded(TEST_ORDERS, self._test_orders)
        if ORDERS in self.entities:
            await self._guarded(ORDERS, self._orders)
            if ORDERS not in self.refused:
                self.money.known = self.job.tally(ORDERS).idents
        lists = [name for name in (PAYMENTS, REFUNDS, CASH_EVENTS) if name in self.entities]
        calls = [self._guarded(name, lambda name=name: self.money.read(name)) for name in lists]  # type: ignore[misc]
        if CREDITS in self.entities:
            calls.append(self._guarded(CREDITS, self.money.credits))
        await together(calls)
        if ORDERS in self.entities and ORDERS not in self.refused:
            await self._guarded(ORDERS, self._named)
        if ORDERS in self.entities and ORDERS not in self.refused and self.job.span.changed_since is not None:
            await self._deleted(self.job.span.changed_since)
        if PAYMENTS in self.entities and PAYMENTS not in self.refused and ORDERS not in self.refused:
            self._compare_payments()
        for name in dict.fromkeys((*self.entities, TEST_ORDERS)):
            if name not in self.refused:
                tally = self.job.tally(name)
                tally.how = HOW.get(name, BY_DAY)
                await in_thread(self.job.recorder.certify, tally.certificate())

    async def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A list that may not be read, is not offered, or pages suspiciously is certified so; all else raises."""
        try:
            await work()
        except PermissionMissing as error:
            await self._refuse(Certificate(name, "not_extracted", reason=error.reason))
        except (NotFound, Rejected) as error:
            if name not in OPTIONAL:
                raise
            reason = f"Clover does not offer it here: {error.reason}"
            await self._refuse(Certificate(name, "not_extracted", reason=reason))
        except SuspiciousPaging as error:
            pages = await in_thread(self.job.recorder.pages, name)
            rows = sum(page.rows for page in pages)
            doubt = Certificate(name, "suspicious", len(pages), rows, rows, suspicious_caps=(error.reason,))
            self.refused.add(name)
            await in_thread(self.job.recorder.certify, doubt)

    async def _refuse(self, certificate: Certificate) -> None:
        await self._forget(certificate.entity)
        self.refused.add(certificate.entity)
        await in_thread(self.job.recorder.certify, certificate)

    async def _forget_doubtful(self) -> None:
        """What an interrupted attempt could not certify as complete is read anew."""
        for name in self.entities:
            held = await in_thread(self.job.recorder.certificate, name)
            if held is not None and held.status != "complete":
                await self._forget(name)

    async def _forget(self, name: str) -> None:
        pages = await in_thread(self.job.recorder.pages, name)
        for window in sorted({page.window for page in pages}):
            await self.job.restart(name, window)

    # Orders -----------------------------------------------------------------------------------------------------------

    async def _orders(self) -> None:
        await self.orders.rights()
        windows = self.job.windows(Timed("/orders", (), "createdTime", "modifiedTime"))
        await few_at_once([lambda window=window: self.orders.window(window) for window in windows])  # type: ignore[misc]

    async def _test_orders(self) -> None:
        """Orders of test mode: kept apart with their payments, so that nothing of them is taken for a sale."""
        span = self.job.span
        query = Query("/orders", PAGE, ("lineItems", "payments", "refunds"), ORDER, ORDERS_R)
        for window in cut("", "createdTime", span.begin, span.end, LONGEST):
            try:
                await self._test_window(query, window)
            except PermissionMissing:
                if len(query.expand) == 1:
                    raise
                query.expand = query.expand[:1]  # payments and refunds need a right of their own
                await self._test_window(query, window)

    async def _test_window(self, query: Query, window: Window) -> None:
        tally = self.job.tally(TEST_ORDERS)
        if self.job.recorder.recorded(TEST_ORDERS, window.name):
            await self.job.recorded(TEST_ORDERS, window.name, note=lambda rows: self.tests.update(map(ident, rows)))
            return
        kept: list[str] = []
        count = 0

        async def read(patient: bool) -> None:
            nonlocal count
            kept.clear()
            count = 0
            pages = Pages(self.job.site, query, (*window.filters, "testMode=true"), patient=patient)
            while (answered := await pages.next()) is not None:
                rows = [compose.order(row, None, row) for row in answered.rows]
                kept.extend(map(ident, rows))
                count += 1
                await self.job.record(TEST_ORDERS, window.name, answered, rows, count)

        await self.job.window(TEST_ORDERS, window.name, read)
        self.tests.update(kept)
        tally.window(kept, count)

    async def _named(self) -> None:
        """Orders that money names and no list has shown: by id as lists have them, then one by one.

        Never taken over from an interrupted attempt, as what is named depends on all that was read.
        """
        tally = self.job.tally(ORDERS)
        voided = self.orders.late_voids()
        unlisted = set(tally.idents.unknown(voided))
        late = [one for one in voided if one not in unlisted]
        wanted = [one for one in tally.idents.unknown(self.money.named) if one not in self.tests]
        await self.job.restart(ORDERS, NAMED)
        lost: list[str] = []
        page = 0
        for start in range(0, len(wanted) + len(late), ASK_AT_ONCE):
            part = [*wanted, *late][start : start + ASK_AT_ONCE]
            listed = await self.orders.by_ids(part)
            rows = []
            for key in part:
                row = listed.get(key) or await self.orders.one(key)
                if row is not None and not compose.truth(row, "testMode"):
                    rows.append(row)
                if key in listed and key not in late and self._should_have_been_listed(listed[key]):
                    lost.append(key)
            if rows:
                page += 1
                await self.job.store(ORDERS, NAMED, f"/v3/merchants/{self.job.site.id}/orders", None, rows, page)
                tally.window([ident(row) for row in rows], 1)
        await in_thread(self.job.recorder.complete_window, ORDERS, NAMED)
        if len(lost) > MOST_LOST:
            tally.doubts.append(
                f"payments name {len(lost):,} orders that the list should show and does not, for example {lost[0]}"
            )

    async def _deleted(self, since: datetime) -> None:
        """Orders deleted since the last export, which no list shows unless it is asked for them."""
        tally = self.job.tally(MISSING)
        query = Query("/orders", PAGE, (), ORDER, ORDERS_R)
        for window in cut("deleted ", "deletedTime", since - MARGIN, self.job.span.end + AHEAD, LONGEST):
            await self.job.restart(MISSING, window.name)
            pages = Pages(self.job.site, query, window.filters, patient=True)
            try:
                while (answered := await pages.next()) is not None:
                    rows = [compose.order(row, None, None) for row in answered.rows]
                    for row in rows:
                        row.setdefault("deletedTimestamp", row.get("modifiedTime", msgspec.Raw(b"1")))
                    await self.job.record(MISSING, window.name, answered, rows, answered.number)
                    tally.window(answered.idents, 1)
            except Rejected:
                return  # this list cannot be asked for deleted orders: what re-read windows lack is read by its id
            await in_thread(self.job.recorder.complete_window, MISSING, window.name)
        await in_thread(self.job.recorder.certify, tally.certificate())

    def _should_have_been_listed(self, row: Members) -> bool:
        created = compose.number(row, "createdTime")
        return self.job.span.changed_since is None and self.job.in_span(created) and created is not None

    def _compare_payments(self) -> None:
        """Orders name their payments: those the list of payments has not shown speak against it."""
        tally = self.job.tally(PAYMENTS)
        if self.job.span.changed_since is not None:
            return
        lost = self.orders.payments.lacking(tally.idents)
        if lost:
            tally.doubts.append(f"orders name {lost:,} payments that the list of payments does not show")
