"""Walking one list of people to its end: pages kept window by window, and counted again another way.

What a list is for, and which windows it is cut into, is decided in ``extract.py``. Nothing of a person is looked at here
but the record's id and when it arose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Caps, Certificate, PageSeen, Recorder, SecondRoute, judge
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import PermissionMissing, Rejected, SuspiciousPaging
from aura_migration.pos.http.paging import Page, PageTrail, cursor_pages
from aura_migration.pos.square.calls import Shape, SquareCalls
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.square.wire import instant
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

ENVELOPE = ("cursor", "count", "errors")
SKEW = timedelta(minutes=5)
"""By so much the POS's clock may be behind ours."""


class Head(msgspec.Struct, frozen=True):
    """What of a record the walk needs. Definitions of custom attributes have a key instead of an id."""

    id: str = ""
    key: str = ""
    created_at: str | None = None
    status: str | None = None
    state: str | None = None
    type: str | None = None

    @property
    def ident(self) -> str:
        """What tells the record from others of its list."""
        return self.id or self.key


@dataclass
class WindowRead:
    """One window as read: its pages and the ids on them.

    ``late`` are records that arose while the list was read: a second route may or may not show them, so that they stand
    on this reading alone, as do the ``unnamed`` ones that cannot be asked for by name.
    """

    entity: str
    caps: Caps
    pages: list[PageSeen] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    distinct: int = 0
    late: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)

    def page(self, heads: Sequence[Head], has_next: bool, until: datetime, is_named: Callable[[Head], bool]) -> None:
        """Note one page. What arose after ``until`` is late; ``is_named``: a second route can ask for its kind by name."""
        new = 0
        for head in heads:
            if head.ident not in self.ids:
                new += 1
                self.ids.add(head.ident)
                if instant(head.created_at) >= until:
                    self.late.add(head.ident)
                elif not is_named(head):
                    self.unnamed.add(head.ident)
        self.distinct += new
        self.pages.append(PageSeen(len(heads), new, has_next))

    def judgement(self, route: SecondRoute | None = None) -> Certificate:
        """The certificate of the window alone."""
        return judge(self.entity, self.pages, route, self.caps)


@dataclass
class Reading:
    """All windows of one list. Where windows cannot overlap, their ids are forgotten once counted."""

    entity: str
    overlapping: bool = True
    pages: list[PageSeen] = field(default_factory=list)
    rows: int = 0
    doubts: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    _disjoint: int = 0

    def take(self, window: WindowRead, judgement: Certificate | None = None) -> None:
        """Add a window that was read, with the judgement on it.

        Without one, a window that ended exactly on a full page is no doubt yet: a second route will judge the whole list.
        """
        if judgement is None:
            judgement = window.judgement(SecondRoute("", window.distinct))
        self.pages += window.pages
        self.rows += judgement.rows
        self.doubts += [*judgement.suspicious_caps, *filter(None, [judgement.reason])]
        self.late |= window.late
        self.unnamed |= window.unnamed
        if self.overlapping:
            self.ids |= window.ids
        else:
            self._disjoint += window.distinct
            window.ids.clear()

    @property
    def distinct(self) -> int:
        """Different records of all windows."""
        return len(self.ids) if self.overlapping else self._disjoint

    def certificate(self, route: SecondRoute | None = None, doubts: Sequence[str] = ()) -> Certificate:
        """The judgement on the list as a whole."""
        found = list(dict.fromkeys([*self.doubts, *doubts]))
        if route is not None and route.count != self.distinct:
            found.append(f"the list has {self.distinct:,} records, {route.how} shows {route.count:,}")
        return Certificate(
            self.entity,
            "suspicious" if found else "complete",
            len(self.pages),
            self.rows,
            self.distinct,
            route,
            duplicates_dropped=self.rows - self.distinct,
            reason="; ".join(found),
        )


async def judged(recorder: Recorder, entity: str, reading: Awaitable[None]) -> None:
    """Await a reading; a missing permission and paging that cannot be trusted become the entity's certificate."""
    try:
        await reading
    except PermissionMissing as error:
        await certify(recorder, Certificate(entity, "not_extracted", reason=error.what))
    except SuspiciousPaging as error:
        pages = await in_thread(recorder.pages, entity)
        rows = sum(page.rows for page in pages)
        doubt = Certificate(entity, "suspicious", len(pages), rows, rows, suspicious_caps=(error.reason,))
        await certify(recorder, doubt)


async def ask(
    session: SquareCalls, listing: Listing, asked: Mapping[str, Any], cursor: str | None = None
) -> tuple[PosResponse, dict[str, msgspec.Raw]]:
    """One page of a list, as sent and split into its parts."""
    response = await ask_for(session, listing, asked, cursor)
    return response, session.decoded(response, dict[str, msgspec.Raw])


async def ask_for(
    session: SquareCalls, listing: Listing, asked: Mapping[str, Any], cursor: str | None, shape: Shape = None
) -> PosResponse:
    """One page of a list, as sent, and read as the shape."""
    if listing.method == "GET":
        asked = {name: str(value) for name, value in asked.items()}
        return await session.get(listing.path, asked, cursor, shape=shape)
    return await session.post(listing.path, asked, cursor, shape=shape)


async def heads_page(
    session: SquareCalls, listing: Listing, asked: Mapping[str, Any], cursor: str | None = None
) -> Page:
    """One page of a list, read as far as the walk needs it."""
    response, parts = await ask(session, listing, asked, cursor)
    if listing.rows not in parts:
        session.empty_or_changed(response, ENVELOPE)
        heads: list[Head] = []
    else:
        heads = session.shaped_part(response, parts[listing.rows], list[Head]) or []
    following = msgspec.json.decode(parts["cursor"]) if "cursor" in parts else None
    return Page(heads, str(following) if following else None, response)


async def read_window(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    window: str = "",
    asked: Mapping[str, Any] | None = None,
    *,
    is_named: Callable[[Head], bool] = lambda head: True,
    replay: bool = True,
) -> WindowRead:
    """One window of a list, every page kept; a window an interrupted attempt kept whole is only counted again.

    ``replay=False`` reads it again nevertheless: for lists whose ids are not stored.
    """
    asked = asked or listing.request()
    entity, until = listing.entity, reading_began(recorder)

    def fresh() -> WindowRead:
        return WindowRead(entity, Caps(page_size=listing.page))

    if recorder.recorded(entity, window) and replay:
        read = fresh()
        for stored in await in_thread(lambda: list(recorder.bodies(entity, window))):
            parts = msgspec.json.decode(stored.data, type=dict[str, msgspec.Raw])
            heads = msgspec.json.decode(parts[listing.rows], type=list[Head]) if listing.rows in parts else []
            read.page(heads, bool(parts.get("cursor")), until, is_named)
        return read
    await restart(recorder, entity, window)
    read, walk = fresh(), 1
    cursor: str | None = None
    pages = cursor_pages(
        lambda cursor: heads_page(session, listing, asked, cursor), row_id=lambda head: head.ident, trail=PageTrail()
    )
    async for page in pages:
        if page.walk != walk:
            read, walk, cursor = fresh(), page.walk, None
            await restart(recorder, entity, window)
        response = page.page.response
        assert response is not None  # every page was asked for
        sent = {**asked, **({"cursor": cursor} if cursor else {})}
        await record(session, recorder, entity, response, sent, len(page.page.rows), page.number, window)
        read.page(page.page.rows, bool(page.page.next_cursor), until, is_named)
        cursor = page.page.next_cursor
    await complete(recorder, entity, window)
    return read


def reading_began(recorder: Recorder) -> datetime:
    """What arose from then on may have arisen while the lists were read."""
    return recorder.taken_at - SKEW


async def recount(
    session: SquareCalls, listing: Listing, asked: Mapping[str, Any], until: datetime | None = None
) -> set[str]:
    """Ids of a list read once more and not kept; without those that arose after ``until``."""
    found: set[str] = set()
    pages = cursor_pages(
        lambda cursor: heads_page(session, listing, asked, cursor), row_id=lambda head: head.ident, trail=PageTrail()
    )
    async for page in pages:
        found.update(head.ident for head in page.rows if until is None or instant(head.created_at) < until)
    return found


async def confirmed(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    read: WindowRead,
    asked: Mapping[str, Any] | None = None,
) -> Certificate:
    """The judgement on one window; one that ended exactly on a full page is read again with another page size."""
    judgement = read.judgement()
    if judgement.status == "complete" or read.pages[-1].has_next:
        return judgement
    again = {**(asked or listing.request())}
    how = "the same list"
    if listing.sized:
        again["limit"] = listing.page - 1
        how = f"the same list in pages of {listing.page - 1}"
    found = await recount(session, listing, again, reading_began(recorder))
    return read.judgement(SecondRoute(how, len(found | read.late)))


async def by_value(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    asks: Sequence[Mapping[str, Any]],
    reading: Reading,
    how: str,
) -> SecondRoute:
    """A second route: the list asked for value by value.

    Where one of the values is not known to the account's version, the list is counted in other pages instead.
    """
    found: set[str] = set()
    until = reading_began(recorder)
    try:
        for part in await together([recount(session, listing, asked, until) for asked in asks]):
            found |= part
    except Rejected:
        return await other_pages(session, recorder, listing, reading)
    return SecondRoute(how, len(found | reading.late | reading.unnamed))


async def other_pages(session: SquareCalls, recorder: Recorder, listing: Listing, reading: Reading) -> SecondRoute:
    """A second route: the same list in pages of another size."""
    size = listing.page - 1
    found = await recount(session, listing, listing.request(size), reading_began(recorder))
    return SecondRoute(f"the same list in pages of {size}", len(found | reading.late))
