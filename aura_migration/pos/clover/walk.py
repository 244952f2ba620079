"""Walking one Clover list by offset: every row once, no row lost, though the list moves or the page size is cut.

Clover's offset paging is no snapshot and names no total. A list is asked for in a stable order; a row that comes twice
tells that rows moved, and the walk begins again; a page that is shorter than asked for ends the list only if nothing
follows it. What is recorded and judged is decided in ``extract.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aura_migration.pos.clover.calls import Answer, Site
from aura_migration.pos.clover.catalog import row_ident
from aura_migration.pos.clover.lists import ORDER, ROUND
from aura_migration.pos.clover.wire import Raw
from aura_migration.pos.http.errors import Conflict, Rejected
from aura_migration.pos.http.paging import FreshPage, Page, PageTrail, offset_pages

WALKS = 3
"""How often a list is walked at most while its rows move."""


@dataclass(frozen=True)
class Query:
    """A list to walk: path below the merchant, expands, rows per page, the field that tells rows apart."""

    path: str
    page: int
    expand: tuple[str, ...] = ()
    row_id: str = "id"
    ordered: bool = True
    permission: str = ""
    filters: tuple[str, ...] = ()

    def params(self, offset: int, limit: int, ordered: bool) -> dict[str, str | int | list[str]]:
        """The parameters of one page. Conditions are ANDed by repeating the parameter."""
        found: dict[str, str | int | list[str]] = {"limit": limit, "offset": offset}
        if self.filters:
            found["filter"] = list(self.filters)
        if ordered:
            found["orderBy"] = ORDER
        if self.expand:
            found["expand"] = ",".join(self.expand)
        return found


@dataclass
class Walked:
    """What a walk saw: rows of the last walk, and whether rows were still moving when it was given up to ask again."""

    rows: list[Raw] = field(default_factory=list)
    pages: int = 0
    moved: bool = False


@dataclass(frozen=True)
class Fetched:
    """One page with the parameters it was asked with."""

    answer: Answer
    params: dict[str, str | int | list[str]]


OnPage = Callable[[Fetched, int], Awaitable[None]]
OnRestart = Callable[[], Awaitable[None]]


class _SmallerPages(Exception):
    """The server gives at most this many rows per page."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


async def walk(site: Site, query: Query, on_page: OnPage, on_restart: OnRestart) -> Walked:
    """Walk the list to its end. ``on_page`` gets each page and its number (from 1); ``on_restart`` is told that the pages
    given so far are void.
    """
    limit, ordered = query.page, query.ordered
    while True:
        try:
            return await _walk(site, query, limit, ordered, on_page, on_restart)
        except _SmallerPages as cut:
            limit = cut.limit
        except Rejected as error:
            if not ordered or error.status != 400:
                raise
            ordered = False  # this list cannot be ordered by id: it keeps the order of creation
        await on_restart()


async def _walk(site: Site, query: Query, limit: int, ordered: bool, on_page: OnPage, on_restart: OnRestart) -> Walked:
    found = Walked()
    trail = PageTrail()
    seen: set[str] = set()
    fetched: dict[int, Fetched] = {}

    async def fetch(offset: int) -> Page:
        params = query.params(offset, limit, ordered)
        answer = await site.page(query.path, params, query.row_id, permission=query.permission)
        if offset == 0:
            seen.clear()
        await _check_end(site, query, answer, offset, limit, ordered)
        idents = {row_ident(row, query.row_id) for row in answer.rows}
        again = len(idents & seen) + len(answer.rows) - len(idents)
        if again and not (idents <= seen and idents):  # a page of nothing new is a cursor ignored: judged by the paging
            if trail.walks < WALKS:
                raise Conflict("rows moved between the pages")
            found.moved = True
        seen.update(idents)
        fetched[offset] = Fetched(answer, params)
        return Page(answer.rows, None, answer.response)

    number = 1
    async for fresh in offset_pages(fetch, limit=limit, row_id=lambda row: row_ident(row, query.row_id), trail=trail):
        if fresh.walk != number:
            number = fresh.walk
            found.rows, found.pages = [], 0
            await on_restart()
        found.pages = fresh.number
        found.rows.extend(fresh.page.rows)
        await on_page(fetched[_offset(fresh, limit)], fresh.number)
    return found


def _offset(fresh: FreshPage, limit: int) -> int:
    return (fresh.number - 1) * limit


async def _check_end(site: Site, query: Query, answer: Answer, offset: int, limit: int, ordered: bool) -> None:
    """Raise _SmallerPages where a short page is not the end: the server may cut the page size without saying so."""
    count = len(answer.rows)
    if not 0 < count < limit:
        return
    if answer.limit is not None and answer.limit < limit and count == answer.limit:
        raise _SmallerPages(answer.limit)
    if count % ROUND == 0:
        beyond = await site.page(
            query.path, query.params(offset + count, limit, ordered), query.row_id, permission=query.permission
        )
        if beyond.rows:
            raise _SmallerPages(count)
