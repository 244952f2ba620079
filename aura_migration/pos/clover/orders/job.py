"""What every part of reading a history shares: the merchant, the recorder, the span, and how a window is kept.

A window is recorded page by page and then called complete; one that an interrupted extraction completed is only counted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aura_migration.archive.snapshot import Recorder
from aura_migration.pos.clover.calls import Site
from aura_migration.pos.clover.orders.compose import LISTED, Members, body, ident
from aura_migration.pos.clover.orders.lists import AHEAD, DAY, MARGIN, Timed
from aura_migration.pos.clover.orders.paging import Answered, Moved, Pages, Query
from aura_migration.pos.clover.orders.proof import Tally
from aura_migration.pos.http.errors import PosError
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

WALKS = 3
"""How often a window is begun again at most while its rows move."""
WINDOWS_AT_ONCE = 3


@dataclass(frozen=True)
class Window:
    """A part of a list: its name in the snapshot, and what it is filtered by; ``begin`` and ``end`` in epoch milliseconds."""

    name: str
    since: str
    begin: int
    end: int

    @property
    def filters(self) -> tuple[str, str]:
        """The conditions, half open."""
        return f"{self.since}>={self.begin}", f"{self.since}<{self.end}"

    def days(self) -> list[Window]:
        """The same window day by day."""
        length = int(DAY.total_seconds()) * 1000
        return [
            Window(self.name, self.since, begin, min(begin + length, self.end))
            for begin in range(self.begin, self.end, length)
        ]


def year_before(end: datetime) -> datetime:
    """The same instant of the year before; of February 29th the 28th."""
    try:
        return end.replace(year=end.year - 1)
    except ValueError:
        return end.replace(year=end.year - 1, day=28)


def milliseconds(instant: datetime) -> int:
    """Epoch milliseconds."""
    return int(instant.timestamp() * 1000)


def cut(name: str, since: str, begin: datetime, end: datetime, length: timedelta) -> list[Window]:
    """Half-open windows over a span, the oldest first; none of an empty span."""
    found, step = [], int(length.total_seconds()) * 1000
    last = milliseconds(end)
    for start in range(milliseconds(begin), last, step):
        until = min(start + step, last)
        found.append(Window(f"{name}{start}-{until}", since, start, until))
    return found


@dataclass
class Job:
    """One extraction of one merchant's history."""

    site: Site
    recorder: Recorder
    span: HistorySpan
    tallies: dict[str, Tally] = field(default_factory=dict)

    def tally(self, entity: str) -> Tally:
        """What was seen of an entity."""
        return self.tallies.setdefault(entity, Tally(entity))

    def windows(self, timed: Timed) -> list[Window]:
        """The windows of a list: all of the span, or what was changed and the last days once more."""
        span = self.span
        if span.changed_since is None:
            return cut("", timed.since, span.begin, span.end, timed.window)
        changed = max(span.begin, span.changed_since - MARGIN)
        again = min(span.reread_from or changed, changed) if not timed.changed else span.reread_from or span.end
        found = cut("", timed.since, max(span.begin, again), span.end, timed.window)
        if timed.changed:
            found += cut("changed ", timed.changed, changed, span.end + AHEAD, timed.window)
        return found

    def in_span(self, millis: int | None) -> bool:
        """Whether an instant is of the history that is read."""
        return millis is not None and milliseconds(self.span.begin) <= millis < milliseconds(self.span.end)

    def is_late_enough(self, millis: int | None) -> bool:
        """Whether an instant does not lie before the history that is read."""
        return millis is None or millis >= milliseconds(self.span.begin)

    async def recorded(
        self,
        entity: str,
        window: str,
        ident: Callable[[Members], str] = ident,
        note: Callable[[list[Members]], None] = lambda _: None,
    ) -> None:
        """Count a window that an interrupted attempt completed; ``note`` is shown its records, page by page."""
        idents: list[str] = []
        pages = 0
        bodies = self.recorder.bodies(entity, window)
        while (stored := await in_thread(next, bodies, None)) is not None:
            rows = LISTED.decode(stored.data).elements
            pages += 1
            idents += map(ident, rows)
            note(rows)
        self.tally(entity).window(idents, pages)

    async def window(
        self,
        entity: str,
        name: str,
        read: Callable[[bool], Awaitable[None]],
    ) -> None:
        """Read and record one window: ``read(patient)`` is begun again while its rows move, the last time patiently."""
        for walk in range(1, WALKS + 1):
            await self.restart(entity, name)
            try:
                await read(walk == WALKS)
                break
            except Moved:
                if walk == WALKS:
                    raise
            except PosError as error:
                if not error.restartable or walk == WALKS:
                    raise
        await in_thread(self.recorder.complete_window, entity, name)

    async def restart(self, entity: str, name: str) -> None:
        """Forget what was recorded of a window."""
        await in_thread(self.recorder.restart_window, entity, name)

    async def record(self, entity: str, window: str, answered: Answered, rows: Sequence[Members], page: int) -> None:
        """Record records as the body of the answer they came in."""
        await self.store(entity, window, answered.response.path, answered.params, rows, page, answered.href)

    async def store(
        self,
        entity: str,
        window: str,
        path: str,
        params: Mapping[str, Any] | None,
        rows: Sequence[Members],
        page: int,
        href: str | None = None,
    ) -> None:
        """Record records as the body of one request."""

        def kept() -> None:
            self.recorder.record(
                entity,
                method="GET",
                path=path,
                params=params,
                request_body=None,
                body=body(rows, href),
                rows=len(rows),
                page=page,
                window=window,
            )

        await in_thread(kept)

    async def counted(self, query: Query, window: Window) -> int:
        """How many different records a window shows when it is read day by day."""
        seen: set[str] = set()
        light = Query(query.path, query.limit, (), query.order, query.permission, query.ident)
        for day in window.days():
            pages = Pages(self.site, light, day.filters, patient=True)
            while (answered := await pages.next()) is not None:
                seen.update(answered.idents)
        return len(seen)


async def few_at_once(calls: Sequence[Callable[[], Awaitable[None]]], most: int = WINDOWS_AT_ONCE) -> None:
    """Carry calls out in order, a few at a time; the first failure ends the others."""
    waiting = iter(calls)

    async def worker() -> None:
        for call in waiting:
            await call()

    await together([worker() for _ in range(min(most, len(calls)))])
