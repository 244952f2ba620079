"""Paging: no row lost, none doubled, and a server that lies is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.pos.http.errors import Conflict, ServerFault, StaleCursor, SuspiciousPaging
from aura_migration.pos.http.paging import (
    MAX_EMPTY_PAGES,
    FreshPage,
    Page,
    PageTrail,
    cursor_pages,
    numbered_pages,
    offset_pages,
)

Row = dict[str, Any]


def rows(count: int, first: int = 0) -> list[Row]:
    return [{"id": f"R{number}", "v": 1} for number in range(first, first + count)]


def by_id(row: Row) -> str:
    return str(row["id"])


def collect(pages: AsyncIterator[FreshPage]) -> list[FreshPage]:
    async def all_of_them() -> list[FreshPage]:
        return [page async for page in pages]

    return asyncio.run(all_of_them())


def given_rows(pages: list[FreshPage]) -> list[Row]:
    return [row for page in pages for row in page.rows]


class CursorServer:
    """Pages of ``size`` under cursors ``c1``, ``c2`` …; ``before`` may raise or answer in place of a page."""

    def __init__(
        self, source: list[Row], size: int, before: Callable[[int, str | None], Page | None] | None = None
    ) -> None:
        self.source, self.size, self.before = source, size, before
        self.calls = 0

    async def __call__(self, cursor: str | None) -> Page:
        self.calls += 1
        answer = self.before(self.calls, cursor) if self.before else None
        if answer is not None:
            return answer
        page = int(cursor[1:]) if cursor else 0
        chunk = self.source[page * self.size : (page + 1) * self.size]
        more = (page + 1) * self.size < len(self.source)
        return Page(chunk, f"c{page + 1}" if more else None)


@given(count=st.integers(0, 60), size=st.integers(1, 13))
def test_every_row_comes_once_whatever_the_page_size(count: int, size: int) -> None:
    trail = PageTrail(page_limit=size)
    pages = collect(cursor_pages(CursorServer(rows(count), size), row_id=by_id, trail=trail))
    assert given_rows(pages) == rows(count)
    assert trail.distinct_rows == sum(trail.rows_per_page) == count
    assert trail.complete
    assert trail.ended_on_full_page == (count > 0 and count % size == 0)

    trail = PageTrail()

    async def fetch(offset: int) -> Page:
        return Page(rows(count)[offset : offset + size])

    assert given_rows(collect(offset_pages(fetch, limit=size, row_id=by_id, trail=trail))) == rows(count)
    assert trail.ended_by == ("empty_page" if count and count % size == 0 else "short_page")

    async def numbered(number: int) -> Page:
        return await fetch((number - 1) * size)

    assert given_rows(collect(numbered_pages(numbered, limit=size, row_id=by_id, trail=PageTrail()))) == rows(count)


def test_short_and_empty_pages_do_not_end_a_walk_that_has_a_cursor() -> None:
    pages = {None: Page(rows(2), "a"), "a": Page([], "b"), "b": Page(rows(1, 2), "c"), "c": Page(rows(3, 3), "")}
    trail = PageTrail(page_limit=3)

    async def fetch(cursor: str | None) -> Page:
        return pages[cursor]

    assert given_rows(collect(cursor_pages(fetch, row_id=by_id, trail=trail))) == rows(6)
    assert trail.rows_per_page == [2, 0, 1, 3]
    assert trail.as_dict()["ended_by"] == "no_cursor"


def test_a_server_that_ignores_the_cursor_is_found_out() -> None:
    """R1: it sends page one again and again, under new cursors or the same one."""

    async def same_cursor(cursor: str | None) -> Page:
        return Page(rows(100), "again")

    async def new_cursors(cursor: str | None) -> Page:
        return Page(rows(100), f"{cursor}x")

    async def ignores_offset(offset: int) -> Page:
        return Page(rows(100))

    for pages in (
        cursor_pages(same_cursor, row_id=by_id, trail=PageTrail()),
        cursor_pages(new_cursors, row_id=by_id, trail=PageTrail()),
        offset_pages(ignores_offset, limit=100, row_id=by_id, trail=PageTrail()),
        numbered_pages(ignores_offset, limit=100, row_id=by_id, trail=PageTrail()),
    ):
        with pytest.raises(SuspiciousPaging, match=r"repeats an earlier page|was given before"):
            collect(pages)


def test_a_cursor_given_twice_is_suspicious_also_when_the_rows_differ() -> None:
    calls = 0

    async def fetch(cursor: str | None) -> Page:
        nonlocal calls
        calls += 1
        return Page(rows(5, calls * 5), "the same")

    with pytest.raises(SuspiciousPaging, match="was given before"):
        collect(cursor_pages(fetch, row_id=by_id, trail=PageTrail()))
    assert calls == 2


def test_a_list_that_stops_exactly_at_a_cap_shows_in_the_trail() -> None:
    """R1: it is for the certificate to judge; the trail must not hide it."""
    trail = PageTrail(page_limit=100)
    collect(cursor_pages(CursorServer(rows(500), 100), row_id=by_id, trail=trail))
    assert trail.rows_per_page == [100] * 5
    assert trail.ended_on_full_page
    trail = PageTrail(page_limit=100)
    collect(cursor_pages(CursorServer(rows(499), 100), row_id=by_id, trail=trail))
    assert not trail.ended_on_full_page


def test_more_rows_than_asked_for_are_suspicious() -> None:
    async def fetch(offset: int) -> Page:
        return Page(rows(150))

    with pytest.raises(SuspiciousPaging, match="150 rows although 100"):
        collect(offset_pages(fetch, limit=100, row_id=by_id, trail=PageTrail()))


def test_empty_pages_for_ever_are_suspicious() -> None:
    calls = 0

    async def fetch(cursor: str | None) -> Page:
        nonlocal calls
        calls += 1
        return Page([], f"c{calls}")

    with pytest.raises(SuspiciousPaging, match="empty pages in a row"):
        collect(cursor_pages(fetch, row_id=by_id, trail=PageTrail()))
    assert calls == MAX_EMPTY_PAGES


@pytest.mark.parametrize("error", [StaleCursor, Conflict])
def test_a_cursor_that_expired_restarts_the_window_without_loss_or_doubles(error: type[Exception]) -> None:
    def expire_once(call: int, cursor: str | None) -> Page | None:
        if call == 3:
            raise error
        return None

    server = CursorServer(rows(25), 10, expire_once)
    trail = PageTrail(page_limit=10)
    pages = collect(cursor_pages(server, row_id=by_id, trail=trail))
    assert given_rows(pages) == rows(25)
    assert [(page.walk, page.number, len(page.rows)) for page in pages] == [
        (1, 1, 10),
        (1, 2, 10),
        (2, 1, 0),
        (2, 2, 0),
        (2, 3, 5),
    ]
    assert trail.rows_per_page == [10, 10, 5]
    assert (trail.walks, trail.restarts, trail.duplicates_dropped) == (2, [error.__name__], 20)


def test_a_cursor_that_keeps_expiring_ends_the_walk_after_n_restarts() -> None:
    def always(call: int, cursor: str | None) -> Page | None:
        if cursor:
            raise StaleCursor
        return None

    server = CursorServer(rows(25), 10, always)
    trail = PageTrail()
    with pytest.raises(StaleCursor):
        collect(cursor_pages(server, row_id=by_id, trail=trail, max_restarts=2))
    assert server.calls == 6
    assert not trail.complete


def test_another_failure_is_not_taken_for_the_end() -> None:
    def broken(call: int, cursor: str | None) -> Page | None:
        if call == 2:
            raise ServerFault
        return None

    trail = PageTrail()
    with pytest.raises(ServerFault):
        collect(cursor_pages(CursorServer(rows(25), 10, broken), row_id=by_id, trail=trail))
    assert not trail.complete


def test_a_row_that_changed_between_two_walks_is_given_again() -> None:
    source = rows(15)

    def edit_and_expire(call: int, cursor: str | None) -> Page | None:
        if call == 2:
            source[3] = {"id": "R3", "v": 2}
            raise StaleCursor
        return None

    trail = PageTrail()
    found = given_rows(collect(cursor_pages(CursorServer(source, 10, edit_and_expire), row_id=by_id, trail=trail)))
    assert [row for row in found if row["id"] == "R3"] == [{"id": "R3", "v": 1}, {"id": "R3", "v": 2}]
    assert {row["id"]: row for row in found} == {row["id"]: row for row in source}
    assert (trail.changed_rows, trail.distinct_rows) == (1, 15)


def test_a_row_inserted_during_an_offset_walk_shifts_pages_but_doubles_nothing() -> None:
    source = rows(25)

    async def fetch(offset: int) -> Page:
        if offset == 10:
            source.insert(0, {"id": "new", "v": 1})
        return Page(source[offset : offset + 10])

    trail = PageTrail()
    found = given_rows(collect(offset_pages(fetch, limit=10, row_id=by_id, trail=trail)))
    assert found == rows(25)
    assert trail.duplicates_dropped == 1


def test_numbered_pages_follow_the_servers_next_link() -> None:
    asked: list[int] = []

    async def fetch(number: int) -> Page:
        asked.append(number)
        return Page(rows(5, number * 5), "link" if number < 4 else None)

    trail = PageTrail()
    assert len(given_rows(collect(numbered_pages(fetch, row_id=by_id, trail=trail)))) == 20
    assert asked == [1, 2, 3, 4]
    assert trail.ended_by == "no_cursor"
