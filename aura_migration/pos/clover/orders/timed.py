"""Reading payments, refunds, manual refunds and the cash log: lists in windows of time, and what proves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from aura_migration.pos.clover.orders import compose
from aura_migration.pos.clover.orders.compose import Members, ident, number, pointed
from aura_migration.pos.clover.orders.job import Job, Window, few_at_once
from aura_migration.pos.clover.orders.lists import (
    ASK_AT_ONCE,
    CASH_EVENTS,
    CREDIT,
    CREDITS,
    LONGEST,
    ORDERS_R,
    PAGE,
    PAYMENTS,
    PAYMENTS_R,
    REFUNDS,
    SOLD,
    TIMED,
)
from aura_migration.pos.clover.orders.paging import ROUND, Pages, Query
from aura_migration.pos.clover.orders.proof import Idents
from aura_migration.pos.http.errors import PermissionMissing, Rejected
from aura_migration.pos.threads import in_thread

OTHER_PAGE = 700


class Money:
    """The lists of money of one merchant. ``named`` collects the orders that they name."""

    def __init__(self, job: Job, tests: set[str]) -> None:
        self.job = job
        self.site = job.site
        self.tests = tests
        self.named: dict[str, None] = {}
        self.known: Idents | None = None
        """Orders that were read already; None where orders are not read."""
        self._may_read_orders = True

    async def read(self, entity: str) -> None:
        """All windows of a list."""
        timed = TIMED[entity]
        query = Query(
            timed.path,
            PAGE,
            timed.expand,
            timed.order,
            timed.permission,
            event_ident if entity == CASH_EVENTS else ident,
        )
        calls = [lambda window=window: self._window(entity, query, window) for window in self.job.windows(timed)]
        await few_at_once(calls)
        if entity == PAYMENTS:
            await self._voided(query)

    async def _voided(self, query: Query) -> None:
        """Payments that were voided, which lists may hide: those that have not been shown."""
        job, tally = self.job, self.job.tally(PAYMENTS)
        timed = replace(TIMED[PAYMENTS], window=LONGEST)
        for window in job.windows(timed):
            name = f"voided {window.name}"
            if job.recorder.recorded(PAYMENTS, name):
                await job.recorded(PAYMENTS, name, note=self._name)
                continue
            await job.restart(PAYMENTS, name)
            pages = Pages(self.site, query, (*window.filters, "voided=true"), patient=True)
            count = 0
            try:
                while (answered := await pages.next()) is not None:
                    fresh = set(tally.idents.unknown(answered.idents))
                    rows = [row for row in answered.rows if ident(row) in fresh and self._is_kept(PAYMENTS, row)]
                    if not rows:
                        continue
                    await self.prepare(PAYMENTS, rows)
                    count += 1
                    await job.record(PAYMENTS, name, answered, rows, count)
                    self._name(rows)
                    tally.window([ident(row) for row in rows], 1)
            except Rejected:
                return  # this list cannot be asked for voided payments: then it does not hide them
            await in_thread(job.recorder.complete_window, PAYMENTS, name)

    async def _window(self, entity: str, query: Query, window: Window) -> None:
        job, tally = self.job, self.job.tally(entity)
        if job.recorder.recorded(entity, window.name):
            await job.recorded(entity, window.name, query.ident, self._name)
            return
        kept: list[str] = []
        named: list[Members] = []
        shown: set[str] = set()
        count = 0

        async def read(patient: bool) -> None:
            nonlocal count, shown
            kept.clear()
            named.clear()
            count = 0
            pages = Pages(self.site, query, window.filters, patient=patient)
            while (answered := await pages.next()) is not None:
                rows = [row for row in answered.rows if self._is_kept(entity, row)]
                named.extend({name: row[name] for name in ("order", "orderRef") if name in row} for row in rows)
                await self.prepare(entity, rows)
                kept.extend(map(query.ident, rows))
                count += 1
                await job.record(entity, window.name, answered, rows, count)
            shown = pages.seen

        await job.window(entity, window.name, read)
        self._name(named)
        confirmed = len(kept)
        if shown and len(shown) % ROUND == 0:
            confirmed += await job.counted(query, window) - len(shown)
        tally.window(kept, count, confirmed)

    def _is_kept(self, entity: str, row: Members) -> bool:
        if entity == CASH_EVENTS:
            return True
        if (pointed(row, "order") or pointed(row, "orderRef")) in self.tests:
            return False
        return self.job.is_late_enough(number(row, "createdTime"))

    def _name(self, rows: Sequence[Members]) -> None:
        if self.known is None:
            return
        orders = (pointed(row, "order") or pointed(row, "orderRef") for row in rows)
        self.named.update(dict.fromkeys(self.known.unknown(one for one in orders if one)))

    async def prepare(self, entity: str, rows: Sequence[Members]) -> None:
        """Cut out what may not be stored; a refund gets the order it belongs to beside it."""
        for row in rows:
            if entity == CASH_EVENTS:
                row.pop("note", None)
            else:
                compose.money(row)
        if entity == REFUNDS:
            orders = await self._orders([pointed(row, "orderRef") for row in rows])
            for row in rows:
                order = orders.get(pointed(row, "orderRef"))
                if order is not None:
                    row["order"] = msgspec.Raw(msgspec.json.encode(order))

    async def _orders(self, idents: Sequence[str]) -> dict[str, Members]:
        asked = list(dict.fromkeys(one for one in idents if one))
        found: dict[str, Members] = {}
        for start in range(0, len(asked), ASK_AT_ONCE):
            if not self._may_read_orders:
                break
            part = asked[start : start + ASK_AT_ONCE]
            filters = (f"id in ({','.join(repr(one) for one in part)})",)
            try:
                await self._embed(filters, found)
            except PermissionMissing:
                self._may_read_orders = False
        return found

    async def _embed(self, filters: Sequence[str], found: dict[str, Members]) -> None:
        pages = Pages(self.site, Query("/orders", PAGE, SOLD, "", ORDERS_R), filters, patient=True)
        while (answered := await pages.next()) is not None:
            for key, row in zip(answered.idents, answered.rows, strict=True):
                found[key] = compose.embedded(row)

    async def credits(self) -> None:
        """Manual refunds cannot be asked for by a time of Clover's own: the whole list is read, twice, and the span kept."""
        job, tally = self.job, self.job.tally(CREDITS)
        order = "createdTime ASC"
        if job.recorder.recorded(CREDITS, ""):
            await job.recorded(CREDITS, "", note=self._name)
            return
        query = Query("/credits", PAGE, CREDIT, order, PAYMENTS_R)
        kept: list[str] = []
        named: list[Members] = []
        seen: set[str] = set()
        count = 0

        async def read(patient: bool) -> None:
            nonlocal count, seen
            kept.clear()
            named.clear()
            count = 0
            pages = Pages(self.site, query, (), patient=patient)
            while (answered := await pages.next()) is not None:
                rows = [
                    compose.money(row)
                    for row in answered.rows
                    if job.in_span(number(row, "createdTime")) and pointed(row, "orderRef") not in self.tests
                ]
                named.extend({"orderRef": row["orderRef"]} for row in rows if "orderRef" in row)
                kept.extend(map(ident, rows))
                count += 1
                await job.record(CREDITS, "", answered, rows, count)
            seen = pages.seen

        await job.window(CREDITS, "", read)
        self._name(named)
        again = await self._again(replace(query, limit=OTHER_PAGE, expand=()))
        tally.window(kept, count, len(kept) + len(again) - len(seen))

    async def _again(self, query: Query) -> set[str]:
        pages = Pages(self.site, query, (), patient=True)
        while await pages.next() is not None:
            pass
        return pages.seen


def event_ident(row: Members) -> str:
    """What tells entries of the cash log apart: they have no id."""
    parts = [bytes(row[name]).decode() if name in row else "" for name in ("timestamp", "type", "amountChange")]
    return "|".join((*parts, pointed(row, "device"))) if parts[0] else ""
