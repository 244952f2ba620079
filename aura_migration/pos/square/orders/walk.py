"""Reading long lists of the past span by span, several spans at once, every page kept; and what was seen on the way.

Memory grows by eight bytes a record: ids are kept as hashes. Which lists, and which spans, is decided in ``extract.py``.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from aura_migration.archive.snapshot import Caps, Certificate, PageSeen, Recorder, SecondRoute, judge
from aura_migration.pos.http.paging import Page, PageTrail, cursor_pages
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.walk import ENVELOPE, ask_for, reading_began, recount
from aura_migration.pos.square.recording import complete, record, restart
from aura_migration.pos.square.wire import instant
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

if TYPE_CHECKING:
    import numpy

AT_ONCE = 4
"""So many spans of one list are read side by side."""
STEP = timedelta(days=7)
"""A span of a long list: what an interrupted reading reads again at most."""

Parts = Mapping[str, msgspec.Raw]
Enrich = Callable[[Parts, Sequence[Any]], Awaitable[bytes]]


class Head(msgspec.Struct, frozen=True):
    """What of a payment, refund, payout or drawer the walk needs."""

    id: str = ""
    created_at: str | None = None
    order_id: str | None = None


class Facts(Protocol):
    """What is noted of the records of one window."""

    def take(self, heads: Sequence[Any]) -> None:
        """Note the records of one page."""
        ...


class NoFacts:
    """Nothing is noted."""

    def take(self, heads: Sequence[Any]) -> None:
        """See :class:`Facts`."""


@dataclass
class Window:
    """One span as read: its pages, the hashes of its ids, and what else was noted."""

    entity: str
    page_size: int
    facts: Any
    pages: list[PageSeen] = field(default_factory=list)
    hashes: array[int] = field(default_factory=lambda: array("q"))
    _ids: set[str] = field(default_factory=set)

    def page(self, heads: Sequence[Any], has_next: bool) -> None:
        """Note one page."""
        fresh = [head for head in heads if head.id not in self._ids]
        self._ids.update(head.id for head in fresh)
        new = len({head.id for head in fresh})
        self.hashes.extend({hash(head.id) for head in fresh})
        self.facts.take(fresh)
        self.pages.append(PageSeen(len(heads), new, has_next))

    def closed(self) -> Window:
        """The window, once all of it is read."""
        self._ids = set()
        return self

    def judgement(self, route: SecondRoute | None) -> Certificate:
        """The certificate of the window alone."""
        return judge(self.entity, self.pages, route, Caps(page_size=self.page_size))


@dataclass
class Spread:
    """All windows of one list."""

    listing: Listing
    windows: dict[str, Window] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows received, repeated ones too."""
        return sum(page.rows for window in self.windows.values() for page in window.pages)

    def ids(self) -> numpy.ndarray[Any, Any]:
        """The hashes of the different ids, sorted."""
        return unique(window.hashes for window in self.windows.values())

    def certificate(self, route: SecondRoute | None, distinct: int | None = None) -> Certificate:
        """The judgement on the list as a whole."""
        found = list(self.doubts)
        for window in self.windows.values():
            alone = window.judgement(SecondRoute("", sum(page.new for page in window.pages)))
            found += [*alone.suspicious_caps, *filter(None, [alone.reason])]
        distinct = int(self.ids().size) if distinct is None else distinct
        if route is not None and route.count != distinct:
            found.append(f"the list has {distinct:,} records, {route.how} shows {route.count:,}")
        found = list(dict.fromkeys(found))
        return Certificate(
            self.listing.entity,
            "suspicious" if found else "complete",
            sum(len(window.pages) for window in self.windows.values()),
            self.rows,
            distinct,
            route,
            duplicates_dropped=self.rows - distinct,
            reason="; ".join(found),
        )


def unique(parts: Iterable[array[int]]) -> numpy.ndarray[Any, Any]:
    """Different hashes out of several lists of them, sorted."""
    import numpy

    held = [numpy.frombuffer(part, dtype=numpy.int64) for part in parts if len(part)]
    return numpy.unique(numpy.concatenate(held)) if held else numpy.empty(0, dtype=numpy.int64)


def without(some: numpy.ndarray[Any, Any], others: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Those of the hashes that are not among the others."""
    import numpy

    return numpy.setdiff1d(some, others, assume_unique=True)


def among(some: numpy.ndarray[Any, Any], known: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """For each of the hashes whether it is among the known ones, which are sorted."""
    import numpy

    if not known.size:
        return numpy.zeros(some.size, dtype=bool)
    places = numpy.minimum(numpy.searchsorted(known, some), known.size - 1)
    return numpy.asarray(known[places] == some)


def stamp(at: datetime) -> str:
    """An aware instant as RFC 3339, to the second (down)."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def cut(begin: datetime, end: datetime, step: timedelta | None) -> list[tuple[datetime, datetime]]:
    """The span in pieces of at most that length."""
    if step is None or end - begin <= step:
        return [(begin, end)]
    found = []
    while begin < end:
        found.append((begin, min(begin + step, end)))
        begin += step
    return found


async def read_spread(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    windows: Mapping[str, Mapping[str, Any]],
    shape: type[Any] = Head,
    facts: Callable[[], Any] = NoFacts,
    enrich: Enrich | None = None,
) -> Spread:
    """The list, window by window (name → what to ask), some at a time."""
    found = Spread(listing)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, asked: Mapping[str, Any]) -> Window:
        async with gate:
            return await read_window(session, recorder, listing, name, asked, shape, facts, enrich)

    read = await together([one(name, asked) for name, asked in windows.items()])
    found.windows.update(zip(windows, read, strict=True))
    return found


async def read_window(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    name: str,
    asked: Mapping[str, Any],
    shape: type[Any] = Head,
    facts: Callable[[], Any] = NoFacts,
    enrich: Enrich | None = None,
) -> Window:
    """One window, every page kept; one that an interrupted attempt kept whole is only counted again.

    ``enrich`` makes of a page the body that is kept instead.
    """
    entity = listing.entity
    if recorder.recorded(entity, name):
        return await in_thread(_replayed, recorder, listing, name, shape, facts)
    await restart(recorder, entity, name)
    window, walk = Window(entity, listing.page, facts()), 1
    cursor: str | None = None
    pages = cursor_pages(
        lambda cursor: page_of(session, listing, asked, shape, cursor), row_id=lambda head: head.id, trail=PageTrail()
    )
    async for fresh in pages:
        if fresh.walk != walk:
            window, walk, cursor = Window(entity, listing.page, facts()), fresh.walk, None
            await restart(recorder, entity, name)
        response = fresh.page.response
        assert response is not None  # every page was asked for
        body = None
        if enrich is not None:
            body = await enrich(session.decoded(response, dict[str, msgspec.Raw]), fresh.page.rows)
        sent = {**asked, **({"cursor": cursor} if cursor else {})}
        await record(session, recorder, entity, response, sent, len(fresh.page.rows), fresh.number, name, body)
        window.page(fresh.page.rows, bool(fresh.page.next_cursor))
        cursor = fresh.page.next_cursor
    await complete(recorder, entity, name)
    return window.closed()


def _replayed(recorder: Recorder, listing: Listing, name: str, shape: type[Any], facts: Callable[[], Any]) -> Window:
    window = Window(listing.entity, listing.page, facts())
    pages = len(recorder.pages(listing.entity, name))
    for number, stored in enumerate(recorder.bodies(listing.entity, name), start=1):
        parts = msgspec.json.decode(stored.data, type=dict[str, msgspec.Raw])
        raw = parts.get(listing.rows)
        window.page([] if raw is None else msgspec.json.decode(raw, type=list[shape]) or [], number < pages)  # type: ignore[valid-type]
    return window.closed()


async def page_of(
    session: SquareCalls, listing: Listing, asked: Mapping[str, Any], shape: type[Any], cursor: str | None = None
) -> Page:
    """One page of a list, read as far as the walk needs it."""
    response = await ask_for(session, listing, asked, cursor, _page_shape(listing.rows, shape))  # type: ignore[arg-type]
    read = response.shaped
    if read is None:  # it is not as documented: say how
        parts = session.decoded(response, dict[str, msgspec.Raw])
        session.shaped_part(response, parts.get(listing.rows, b"[]"), list[shape])  # type: ignore[valid-type]
        read = _page_shape(listing.rows, Any).decode(response.content)
    if read.rows is msgspec.UNSET:
        session.empty_or_changed(response, ENVELOPE)
    return Page(read.rows or [], str(read.cursor) if read.cursor else None, response)


@cache
def _page_shape(rows: str, shape: Any) -> msgspec.json.Decoder[Any]:
    """Reads a page: its ``rows`` (under their name in the answer) and its ``cursor``."""
    fields: list[Any] = [("rows", list[shape] | msgspec.UnsetType, msgspec.UNSET), ("cursor", Any, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Page", fields, rename={"rows": rows}), strict=False)


async def full_windows_again(
    session: SquareCalls, recorder: Recorder, spread: Spread, windows: Mapping[str, Mapping[str, Any]]
) -> None:
    """Windows that ended exactly on a full page may have been cut there: they are counted again in other pages."""
    for name, asked in windows.items():
        window = spread.windows[name]
        if window.judgement(None).status == "complete" or window.pages[-1].has_next:
            continue
        if not spread.listing.sized:
            spread.doubts.append(
                f"{name or 'the list'} ended exactly on a full page, and can only be read in such pages"
            )
            continue
        size = spread.listing.page - 1
        until = reading_began(recorder)
        found = await recount(session, spread.listing, backwards({**asked, "limit": size}), until)
        early = {hash(ident) for ident in found}
        lost = early - set(window.hashes)
        if lost:
            spread.doubts.append(f"in pages of {size}, {name or 'the list'} shows {len(lost):,} records more")


def backwards(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same request from the other end, where the list can be turned: one that is cut shows what was cut off."""
    return {**asked, **({"sort_order": "DESC"} if "sort_order" in asked else {})}


def arose_before(until: datetime, created: str | None) -> bool:
    """Whether a record arose before the reading began, so that the list had to show it."""
    return instant(created) < until
