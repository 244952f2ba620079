"""Walking a list page by page without losing or doubling a row, and noticing a server that lies.

A walk keeps a :class:`PageTrail`: the facts a certificate of completeness is made from. It does not judge them: that a
list stopped exactly at a cap is for the caller's certificate to say. A walk that cannot be trusted raises.

Rows are told apart by id. A row delivered again unchanged is dropped; one that changed meanwhile is given again, as the
later of two versions is the one to keep. Windows and checkpoints across runs belong to the caller: a cursor never
outlives its walk.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import PosError, SuspiciousPaging

MAX_RESTARTS = 3
MAX_EMPTY_PAGES = 20
MAX_PAGES = 1_000_000

Ending = Literal["no_cursor", "short_page", "empty_page", ""]
RowKey = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page as fetched: its rows in the server's order, the cursor to the next (None: this was the last)."""

    rows: Sequence[Any]
    next_cursor: str | None = None
    response: PosResponse | None = None


@dataclass(frozen=True, slots=True)
class FreshPage:
    """One page as given on: ``number`` counts from 1 in its walk, ``walk`` from 1 in its window.

    ``rows`` are those not given before, or changed since; ``page`` is the page as it was fetched.
    """

    number: int
    walk: int
    rows: tuple[Any, ...]
    page: Page


@dataclass
class PageTrail:
    """What a walk saw. ``rows_per_page`` is of the last walk; the counts of rows are over all walks of the window."""

    page_limit: int | None = None
    rows_per_page: list[int] = field(default_factory=list)
    walks: int = 0
    restarts: list[str] = field(default_factory=list)
    distinct_rows: int = 0
    duplicates_dropped: int = 0
    changed_rows: int = 0
    ended_by: Ending = ""

    @property
    def pages(self) -> int:
        """Pages of the last walk."""
        return len(self.rows_per_page)

    @property
    def complete(self) -> bool:
        """Whether the last walk came to an end the server gave."""
        return self.ended_by != ""

    @property
    def last_page_rows(self) -> int | None:
        """Rows on the last page; None before the first."""
        return self.rows_per_page[-1] if self.rows_per_page else None

    @property
    def ended_on_full_page(self) -> bool:
        """The list stopped exactly at a multiple of the page size: it may be a cap rather than the end."""
        return bool(self.page_limit and self.last_page_rows and self.last_page_rows >= self.page_limit)

    def as_dict(self) -> dict[str, Any]:
        """The trail as one JSON document for a certificate."""
        return {
            "pages": self.pages,
            "rows_per_page": list(self.rows_per_page),
            "page_limit": self.page_limit,
            "last_page_rows": self.last_page_rows,
            "ended_on_full_page": self.ended_on_full_page,
            "ended_by": self.ended_by,
            "walks": self.walks,
            "restarts": list(self.restarts),
            "distinct_rows": self.distinct_rows,
            "duplicates_dropped": self.duplicates_dropped,
            "changed_rows": self.changed_rows,
        }


async def cursor_pages(
    fetch: Callable[[str | None], Awaitable[Page]],
    *,
    row_id: RowKey,
    trail: PageTrail,
    max_restarts: int = MAX_RESTARTS,
) -> AsyncIterator[FreshPage]:
    """Follow cursors from the first page until the server sends none; row counts never end the walk.

    ``fetch(None)`` gets the first page. A stale cursor or a conflict begins the walk again, at most ``max_restarts``
    times, then the error is raised. Raises SuspiciousPaging when a cursor or a page comes a second time.
    """

    async def step(position: str | int) -> tuple[Page, str | None, Ending]:
        page = await fetch(str(position) or None)
        following = page.next_cursor or None  # an empty cursor is none
        return page, following, "" if following else "no_cursor"

    async for fresh in _walks(step, "", row_id, trail, max_restarts):
        yield fresh


async def offset_pages(
    fetch: Callable[[int], Awaitable[Page]],
    *,
    limit: int,
    row_id: RowKey,
    trail: PageTrail,
    max_restarts: int = MAX_RESTARTS,
) -> AsyncIterator[FreshPage]:
    """Walk by offset until a page holds fewer than ``limit`` rows; ``fetch(offset)`` gets one page.

    The next offset is the number of rows received. Raises SuspiciousPaging when a page comes a second time or holds
    more rows than ``limit``, as the server then ignores one of the two.
    """
    trail.page_limit = limit
    async for fresh in _walks(_by_count(fetch, limit, start=0, stride=limit), 0, row_id, trail, max_restarts):
        yield fresh


async def numbered_pages(
    fetch: Callable[[int], Awaitable[Page]],
    *,
    limit: int | None = None,
    row_id: RowKey,
    trail: PageTrail,
    max_restarts: int = MAX_RESTARTS,
) -> AsyncIterator[FreshPage]:
    """Walk pages 1, 2, 3 … ``fetch(number)`` gets one page.

    A page that names a ``next_cursor`` (any text, such as the address of the next page) has a successor; where the
    server names none at all, give ``limit``: the walk then ends at the first page with fewer rows.
    """
    trail.page_limit = limit

    async def by_link(position: str | int) -> tuple[Page, int | None, Ending]:
        page = await fetch(int(position))
        return (page, int(position) + 1, "") if page.next_cursor else (page, None, "no_cursor")

    step = by_link if limit is None else _by_count(fetch, limit, start=1, stride=1)
    async for fresh in _walks(step, 1, row_id, trail, max_restarts):
        yield fresh


_Position = str | int
_Step = Callable[[_Position], Awaitable[tuple[Page, _Position | None, Ending]]]


def _by_count(fetch: Callable[[int], Awaitable[Page]], limit: int, start: int, stride: int) -> _Step:
    async def step(position: _Position) -> tuple[Page, _Position | None, Ending]:
        page = await fetch(int(position))
        if len(page.rows) > limit:
            raise SuspiciousPaging(f"a page holds {len(page.rows)} rows although {limit} were asked for")
        if len(page.rows) == limit:
            return page, int(position) + stride, ""
        return page, None, "short_page" if page.rows or position == start else "empty_page"

    return step


async def _walks(
    step: _Step, start: _Position, row_id: RowKey, trail: PageTrail, max_restarts: int
) -> AsyncIterator[FreshPage]:
    seen: dict[str, bytes] = {}
    while True:
        trail.walks += 1
        trail.rows_per_page = []
        trail.ended_by = ""
        try:
            async for fresh in _one_walk(step, start, row_id, trail, seen):
                yield fresh
            return
        except PosError as error:
            if not error.restartable or trail.walks > max_restarts:
                raise
            trail.restarts.append(type(error).__name__)


async def _one_walk(
    step: _Step, start: _Position, row_id: RowKey, trail: PageTrail, seen: dict[str, bytes]
) -> AsyncIterator[FreshPage]:
    position: _Position = start
    visited = {start}
    pages_seen: set[bytes] = set()
    empty_in_a_row = 0
    while True:
        page, following, ending = await step(position)
        ids = [row_id(row) for row in page.rows]
        trail.rows_per_page.append(len(ids))
        empty_in_a_row = 0 if ids else empty_in_a_row + 1
        _check(page, ids, following, visited, pages_seen, empty_in_a_row, trail)
        rows = tuple(row for row, key in zip(page.rows, ids, strict=True) if _is_fresh(key, row, seen, trail))
        trail.ended_by = ending
        yield FreshPage(trail.pages, trail.walks, rows, page)
        if following is None:
            return
        visited.add(following)
        position = following


def _check(
    page: Page,
    ids: list[str],
    following: _Position | None,
    visited: set[_Position],
    pages_seen: set[bytes],
    empty_in_a_row: int,
    trail: PageTrail,
) -> None:
    if following is not None and following in visited:
        raise _suspicious(page, f"the cursor after page {trail.pages} was given before")
    if ids:
        digest = hashlib.blake2b("\0".join(ids).encode(), digest_size=16).digest()
        if digest in pages_seen:
            raise _suspicious(page, f"page {trail.pages} repeats an earlier page: the server ignores the cursor")
        pages_seen.add(digest)
    if following is not None and empty_in_a_row >= MAX_EMPTY_PAGES:
        raise _suspicious(page, f"{empty_in_a_row} empty pages in a row, each naming another")
    if trail.pages >= MAX_PAGES:
        raise _suspicious(page, f"more than {MAX_PAGES} pages")


def _is_fresh(key: str, row: Any, seen: dict[str, bytes], trail: PageTrail) -> bool:
    digest = hashlib.blake2b(msgspec.json.encode(row, order="deterministic"), digest_size=16).digest()
    before = seen.get(key)
    seen[key] = digest
    if before is None:
        trail.distinct_rows += 1
        return True
    if before == digest:
        trail.duplicates_dropped += 1
        return False
    trail.changed_rows += 1
    return True


def _suspicious(page: Page, what: str) -> SuspiciousPaging:
    response = page.response
    if response is None:
        return SuspiciousPaging(what)
    return SuspiciousPaging(what, method=response.method, path=response.path, status=response.status)
