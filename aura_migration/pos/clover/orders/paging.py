"""Reading one list page by page by offset, its records undecoded, and noticing a server that lies.

Clover's offset paging is no snapshot and names no total. A page that brings a record again tells that rows moved; a page
that brings nothing new tells that the offset is ignored; a page shorter than asked for ends the list only where the
server did not cut the page size. Windows, checkpoints and proof are in ``extract.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from aura_migration.pos.clover.calls import Site, UnexpectedShape, limit_in
from aura_migration.pos.clover.orders.compose import LISTED, Listed, Members, ident
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import Rejected, SuspiciousPaging

ROUND = 100


class Moved(Exception):
    """Rows moved between the pages, or the server gives smaller pages: the window is read again."""


@dataclass(frozen=True)
class Answered:
    """One page: its records, its number (from 1), and how it was asked for."""

    rows: list[Members]
    idents: list[str]
    number: int
    response: PosResponse
    params: dict[str, str | int | list[str]]
    href: str | None


@dataclass
class Query:
    """A list to read. ``limit`` and ``order`` give way where the server does: they hold for all windows of a list."""

    path: str
    limit: int
    expand: tuple[str, ...] = ()
    order: str = ""
    permission: str = ""
    ident: Callable[[Members], str] = ident

    def params(self, filters: Sequence[str], offset: int) -> dict[str, str | int | list[str]]:
        """The parameters of one page. Conditions are ANDed by repeating the parameter."""
        found: dict[str, str | int | list[str]] = {"limit": self.limit, "offset": offset}
        if filters:
            found["filter"] = list(filters)
        if self.order:
            found["orderBy"] = self.order
        if self.expand:
            found["expand"] = ",".join(self.expand)
        return found


class Pages:
    """One reading of one window of a list; :meth:`next` gives its pages in turn, then None."""

    def __init__(self, site: Site, query: Query, filters: Sequence[str], *, patient: bool = False) -> None:
        self.seen: set[str] = set()
        self.again = 0
        self.done = False
        self._site = site
        self._query = query
        self._filters = filters
        self._offset = 0
        self._number = 0
        self._patient = patient

    async def next(self) -> Answered | None:
        """The next page. Raises Moved, and SuspiciousPaging where the server ignores what it is asked."""
        if self.done:
            return None
        query = self._query
        limit = query.limit
        response, listed, params = await self._ask(self._offset)
        rows = listed.elements
        if len(rows) > limit:
            raise self._suspicious(response, f"a page holds {len(rows)} rows although {limit} were asked for")
        idents = []
        for row in rows:
            found = query.ident(row)
            if not found:
                raise UnexpectedShape(
                    "the answer does not have the documented shape: a record without id is in the list"
                )
            idents.append(found)
        fresh = set(idents)
        if rows and fresh <= self.seen:
            raise self._suspicious(response, "a page repeats an earlier one: the server ignores the offset")
        again = len(idents) - len(fresh) + len(fresh & self.seen)
        if again and not self._patient:
            raise Moved
        self.again += again
        self.seen |= fresh
        await self._check_end(rows, listed.href, limit)
        self._offset += len(rows)
        self._number += 1
        if len(rows) < limit:
            self.done = True
        return Answered(rows, idents, self._number, response, params, listed.href)

    async def _check_end(self, rows: list[Members], href: str | None, limit: int) -> None:
        """A short page is not the end where the server cut the page size without saying so."""
        count = len(rows)
        if not 0 < count < limit:
            return
        told = limit_in(href) if href is not None else None
        if told is not None and told < limit and count == told:
            self._query.limit = told
            raise Moved
        if count % ROUND == 0:
            _, beyond, _ = await self._ask(self._offset + count)
            if beyond.elements:
                self._query.limit = count
                raise Moved

    async def _ask(self, offset: int) -> tuple[PosResponse, Listed, dict[str, str | int | list[str]]]:
        query = self._query
        while True:
            params = query.params(self._filters, offset)
            try:
                response = await self._site.get(query.path, params, permission=query.permission)
            except Rejected as error:
                if not query.order or error.status != 400:
                    raise
                query.order = ""  # this list cannot be ordered so: it keeps the order of creation
                continue
            return response, listed_in(response), params

    def _suspicious(self, response: PosResponse, what: str) -> SuspiciousPaging:
        return SuspiciousPaging(what, method=response.method, path=response.path, status=response.status)


def listed_in(response: PosResponse) -> Listed:
    """The list in an answer; UnexpectedShape where it is none."""
    try:
        return LISTED.decode(response.content)
    except msgspec.MsgspecError as error:
        raise UnexpectedShape(
            f"the answer does not have the documented shape: {error}", method=response.method, path=response.path
        ) from error
