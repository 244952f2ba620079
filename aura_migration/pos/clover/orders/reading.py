"""Reading orders window by window: three readings of each page of orders, put together and recorded as one.

The three must show the same orders, which is their proof; a window of a round number of orders is counted once more day
by day. Lists that Clover cut at a hundred are read by their own endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aura_migration.pos.clover.orders import compose
from aura_migration.pos.clover.orders.compose import Members, ident, nested_count
from aura_migration.pos.clover.orders.job import Job, Window
from aura_migration.pos.clover.orders.lists import (
    AROUND,
    AROUND_PAGE,
    ASK_AT_ONCE,
    LINE,
    LINES,
    LINES_PAGE,
    MONEY,
    MONEY_PAGE,
    NESTED,
    ORDERS,
    ORDERS_R,
    PAGE,
    PAYMENT,
    PAYMENTS_R,
    VOIDED_WITHIN,
    WITHOUT_GUESTS,
)
from aura_migration.pos.clover.orders.paging import ROUND, Answered, Moved, Pages, Query
from aura_migration.pos.clover.orders.proof import Idents
from aura_migration.pos.http.errors import NotFound, PermissionMissing, Rejected
from aura_migration.pos.together import together

ORDER = "createdTime ASC"
PROBES = 3
"""Orders that are looked at by themselves where a page shows no taxes of lines at all."""
MOST_DIFFERING = 1000


class Side:
    """A reading that goes along with another: its records by id, taken as they are asked for."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.held: dict[str, Members] = {}
        self.open = True

    async def cover(self, idents: Sequence[str]) -> None:
        """Read on until all of these are there, or the list ends."""
        while self.open and not all(one in self.held for one in idents):
            await self.pull()

    async def pull(self) -> None:
        """One more page."""
        answered = await self.pages.next()
        if answered is None:
            self.open = False
            return
        for key, row in zip(answered.idents, answered.rows, strict=True):
            self.held[key] = row


def _void_idents(rows: Sequence[Members]) -> list[str]:
    """What tells voided lines apart."""
    return [compose.ident(row, "lineItemUuid") or compose.ident(row) for row in rows]


@dataclass
class _Window:
    """What one window showed, what of it was kept, and which payments it names."""

    shown: set[str] = field(default_factory=set)
    kept: list[str] = field(default_factory=list)
    notes: list[Members] = field(default_factory=list)
    pages: int = 0

    def add(self, rows: Sequence[Members]) -> None:
        """One recorded page."""
        self.pages += 1
        self.kept += map(ident, rows)
        self.notes += [{name: row[name] for name in ("payments", "voidedLines") if name in row} for row in rows]


class Orders:
    """Orders of one merchant."""

    def __init__(self, job: Job, tests: set[str]) -> None:
        self.job = job
        self.site = job.site
        self.tests = tests
        self.payments = Idents()
        """Payments that orders name."""
        self.lines = Query("/orders", LINES_PAGE, LINES, ORDER, ORDERS_R)
        self.around = Query("/orders", AROUND_PAGE, AROUND, ORDER, ORDERS_R)
        self.money = Query("/orders", MONEY_PAGE, MONEY, ORDER, PAYMENTS_R)
        self.has_guests = True
        self.has_money = True
        self.lines_apart = False
        self.has_voids = True
        self.joined = Idents()
        """Voided lines that stand with their order."""
        self.stray: dict[str, str] = {}
        """Voided lines that did not stand with the orders of their time, and whose they are."""
        self._decided = False
        self._asking = asyncio.Lock()

    async def rights(self) -> None:
        """Find out what may be expanded: payments and guests need rights of their own."""
        await self.site.get("/orders", {"limit": 1}, permission=ORDERS_R)
        try:
            await self.site.get("/orders", {"limit": 1, "expand": ",".join(MONEY)}, permission=PAYMENTS_R)
        except PermissionMissing:
            self.has_money = False
        try:
            await self.site.get("/orders", {"limit": 1, "expand": ",".join(AROUND)})
        except PermissionMissing:
            self.has_guests = False
            self.around.expand = WITHOUT_GUESTS

    async def window(self, window: Window) -> None:
        """Read, record and note one window."""
        tally = self.job.tally(ORDERS)
        voids = await self._voids_of_window(window) if window.since == "createdTime" else None
        if self.job.recorder.recorded(ORDERS, window.name):
            await self.job.recorded(ORDERS, window.name, note=self._note)
            return
        found = _Window()

        async def read(patient: bool) -> None:
            nonlocal found
            found = _Window()
            await self._read(window, found, voids, patient)

        await self.job.window(ORDERS, window.name, read)
        self._note(found.notes)
        confirmed = len(found.kept)
        if found.shown and len(found.shown) % ROUND == 0:
            confirmed += await self.job.counted(self.lines, window) - len(found.shown)
        tally.window(found.kept, found.pages, confirmed)

    def _note(self, rows: Sequence[Members]) -> None:
        for row in rows:
            taken = _void_idents(compose.nested(row, "voidedLines"))
            self.joined.add(taken)
            for one in taken:
                self.stray.pop(one, None)
            paid = compose.nested(row, "payments")
            if paid:
                self.payments.add(ident(one) for one in paid if self.job.in_span(compose.number(one, "createdTime")))

    async def _read(
        self, window: Window, found: _Window, voids: dict[str, list[Members]] | None, patient: bool
    ) -> None:
        filters = window.filters
        main = Pages(self.site, self.lines, filters, patient=patient)
        sides = [Side(Pages(self.site, self.around, filters, patient=patient))]
        if self.has_money:
            sides.append(Side(Pages(self.site, self.money, filters, patient=patient)))
        while (answered := await main.next()) is not None:
            await together([side.cover(answered.idents) for side in sides])
            lacking = [one for one in answered.idents if any(one not in side.held for side in sides)]
            if lacking and not patient:
                raise Moved
            apart = await self.by_ids(lacking[:MOST_DIFFERING]) if lacking else {}
            rows = []
            for key, row in zip(answered.idents, answered.rows, strict=True):
                around, paid = sides[0].held.pop(key, None), sides[-1].held.pop(key, None) if self.has_money else None
                whole = apart.get(key) or compose.order(row, around, paid)
                if self._is_kept(key, whole):
                    rows.append(whole)
            await self.complete(rows, answered)
            await self._with_voids(rows, voids)
            found.add(rows)
            await self.job.record(ORDERS, window.name, answered, rows, found.pages)
        await together([self._rest(side) for side in sides])
        lost = [key for key in dict.fromkeys(key for side in sides for key in side.held) if key not in main.seen]
        if lost and not patient:
            raise Moved
        if lost:
            rows = [row for key, row in (await self.by_ids(lost[:MOST_DIFFERING])).items() if self._is_kept(key, row)]
            found.add(rows)
            await self.job.store(ORDERS, window.name, f"/v3/merchants/{self.site.id}/orders", None, rows, found.pages)
        if len(lost) > MOST_DIFFERING:
            self.job.tally(ORDERS).doubts.append("the readings of a window kept showing different orders")
        found.shown = main.seen | set(lost)

    async def _rest(self, side: Side) -> None:
        while side.open:
            await side.pull()

    def _is_kept(self, key: str, row: Members) -> bool:
        """Test orders are kept apart; what lies before the span and was only changed since is not part of it."""
        if compose.truth(row, "testMode"):
            self.tests.add(key)
            return False
        return self.job.is_late_enough(compose.number(row, "createdTime"))

    async def by_ids(self, idents: Sequence[str]) -> dict[str, Members]:
        """Orders by id as lists show them, whatever their age; those no list shows (drafts, deleted ones) are left out."""
        found: dict[str, Members] = {}
        for start in range(0, len(idents), ASK_AT_ONCE):
            part = idents[start : start + ASK_AT_ONCE]
            filters = (f"id in ({','.join(repr(one) for one in part)})",)
            queries = [self.lines, self.around, *([self.money] if self.has_money else [])]
            readings = await together([self._all(query, filters) for query in queries])
            for key, row in readings[0].items():
                found[key] = compose.order(row, readings[1].get(key), readings[2].get(key) if self.has_money else None)
        await self.complete(list(found.values()), None)
        await self._with_voids(list(found.values()), None)
        return found

    async def _all(self, query: Query, filters: Sequence[str]) -> dict[str, Members]:
        side = Side(Pages(self.site, query, filters, patient=True))
        await self._rest(side)
        return side.held

    async def one(self, key: str) -> Members | None:
        """One order by its own address, drafts too; None where there is none any more."""
        readings = []
        for query in (self.lines, self.around, *([self.money] if self.has_money else [])):
            try:
                response = await self.site.get(
                    f"/orders/{key}", {"expand": ",".join(query.expand)}, permission=query.permission
                )
            except NotFound:
                return None
            readings.append(response.decode(Members))
        row = compose.order(readings[0], readings[1], readings[2] if self.has_money else None)
        await self.complete([row], None)
        await self._with_voids([row], None)
        return row

    # Lines taken off an order -------------------------------------------------------------------------------------------

    async def _voids_of_window(self, window: Window) -> dict[str, list[Members]]:
        """Lines taken off while or soon after the orders of a window were opened, by order."""
        until = window.end + int(VOIDED_WITHIN.total_seconds()) * 1000
        found: dict[str, list[Members]] = {}
        for row in await self._voids((f"deletedTime>={window.begin}", f"deletedTime<{until}")):
            order = compose.ident(row, "orderId")
            found.setdefault(order, []).append(row)
            if (compose.number(row, "deletedTime") or 0) < window.end:
                self.stray.update(dict.fromkeys(_void_idents([row]), order))
        return found

    async def _voids(self, filters: Sequence[str]) -> list[Members]:
        if not self.has_voids:
            return []
        query = Query("/voided_line_items", PAGE, (), "", ORDERS_R)
        pages = Pages(self.site, query, filters, patient=True)
        rows: dict[str, Members] = {}
        try:
            while (answered := await pages.next()) is not None:
                rows.update(zip(answered.idents, answered.rows, strict=True))
        except (NotFound, Rejected, PermissionMissing):
            self.has_voids = False  # not offered here: what was taken off counts in nothing
            return []
        return list(rows.values())

    async def _with_voids(self, rows: Sequence[Members], voids: dict[str, list[Members]] | None) -> None:
        """Put lines that were taken off beside the order; ``voids`` None asks for those of each order."""
        by_key = {ident(row): row for row in rows}
        if voids is None:
            voids = {}
            keys = list(by_key)
            for start in range(0, len(keys), ASK_AT_ONCE):
                part = ",".join(repr(one) for one in keys[start : start + ASK_AT_ONCE])
                for one in await self._voids((f"orderId in ({part})",)):
                    voids.setdefault(compose.ident(one, "orderId"), []).append(one)
        for key, taken in voids.items():
            if key in by_key:
                by_key[key]["voidedLines"] = compose.wrapped([compose.voided(one) for one in taken])

    def late_voids(self) -> list[str]:
        """Orders of which a line was taken off long after they were opened."""
        late = self.joined.unknown(self.stray)
        return list(dict.fromkeys(self.stray[one] for one in late if self.stray[one]))

    # What a page of orders cuts or leaves out --------------------------------------------------------------------------

    async def complete(self, rows: Sequence[Members], answered: Answered | None) -> None:
        """Read in full what orders show cut at a hundred, and lines whose taxes the page does not show."""
        if answered is not None:
            await self._decide(rows, answered)
        calls = []
        for row in rows:
            lines = nested_count(row, "lineItems")
            if lines and (self.lines_apart or lines >= NESTED):
                calls.append(self._child(row, "lineItems", "line_items", LINE, ORDERS_R))
            elif lines:
                self._judge_modifiers(row)
            if nested_count(row, "discounts") >= NESTED:
                calls.append(self._child(row, "discounts", "discounts", (), ORDERS_R))
            if nested_count(row, "payments") >= NESTED:
                calls.append(self._child(row, "payments", "payments", PAYMENT, PAYMENTS_R))
        await together(calls)

    async def _child(self, row: Members, name: str, path: str, expand: tuple[str, ...], permission: str) -> None:
        key = ident(row)
        shown = list(map(ident, compose.nested(row, name)))
        query = Query(f"/orders/{key}/{path}", PAGE, expand, "", permission)
        pages = Pages(self.site, query, (), patient=True)
        found: dict[str, Members] = {}
        while (answered := await pages.next()) is not None:
            found.update(zip(answered.idents, answered.rows, strict=True))
        # A list of its own begins with the newest; inside its order it is in the order it was rung up in.
        rows = [found[one] for one in dict.fromkeys((*shown, *reversed(found))) if one in found]
        row[name] = compose.wrapped(rows)
        tally = self.job.tally(ORDERS)
        tally.refetches += 1
        if not set(shown) <= found.keys():
            tally.doubts.append(f"order {key} shows {len(shown)} {name}, their own list {len(rows)}")
        if name == "lineItems":
            row[name] = compose.lines(row)
            self._judge_modifiers(row)
        elif name == "payments":
            row[name] = compose.wrapped([compose.money(one) for one in rows])

    def _judge_modifiers(self, row: Members) -> None:
        """Modifiers of one line have no list of their own: a hundred of them may have been more."""
        raw = row.get("lineItems")
        if raw is None or bytes(raw).count(b'"modifier"') < NESTED:
            return
        for line in compose.nested(row, "lineItems"):
            if nested_count(line, "modifications") >= NESTED:
                self.job.tally(ORDERS).doubts.append(
                    f"a line of order {ident(row)} shows {NESTED} modifiers, where lists are cut, and has no list of them"
                )

    async def _decide(self, rows: Sequence[Members], answered: Answered) -> None:
        """Whether taxes of lines are expanded on orders: no document promises it."""
        async with self._asking:
            with_lines = [row for row in rows if nested_count(row, "lineItems")]
            if self._decided or not with_lines:
                return
            if b'"taxRates"' in answered.response.content:
                self._decided = True
                return
            for row in with_lines[:PROBES]:
                try:
                    response = await self.site.get(
                        f"/orders/{ident(row)}/line_items",
                        {"limit": PAGE, "expand": ",".join(LINE)},
                        permission=ORDERS_R,
                    )
                except (NotFound, Rejected):
                    continue
                if b'"taxRates"' in response.content:
                    self.lines_apart = self._decided = True
                    return
