"""How many people there are and how many are owed something, for the audit: numbers only, nobody is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from aura_migration.pos.http.errors import NotFound
from aura_migration.pos.http.paging import PageTrail, cursor_pages
from aura_migration.pos.port import AuditLine
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people import lists
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.walk import Head, ask, heads_page

AREA = "people"
PAGES = 25
"""So many pages of a list are counted, then it says "more than"."""


def countings(session: SquareCalls) -> list[tuple[str, Callable[[], Awaitable[list[AuditLine]]]]]:
    """The label of each count, and how it is taken."""
    return [
        ("customers", lambda: _customers(session)),
        ("loyalty members", lambda: _members(session)),
        ("gift cards", lambda: _by(session, "gift cards", lists.GIFT_CARDS, lambda head: head.state)),
        ("staff", lambda: _by(session, "staff", lists.TEAM, lambda head: head.status)),
        ("own fields of customers", lambda: _by(session, "own fields of customers", lists.ATTRIBUTE_DEFINITIONS)),
        ("cards on file", lambda: _by(session, "cards on file", lists.CARDS_ON_FILE)),
    ]


async def _customers(session: SquareCalls) -> list[AuditLine]:
    response, parts = await ask(session, lists.CUSTOMER_LIST, lists.CUSTOMER_LIST.request(page=1))
    if "count" not in parts:
        return await _by(session, "customers", lists.CUSTOMERS)
    count = session.shaped_part(response, parts["count"], int)
    question = "Is there proof of what these customers agreed to?" if count else ""
    return [AuditLine(AREA, "customers", f"{count:,}", question)]


async def _members(session: SquareCalls) -> list[AuditLine]:
    try:
        await session.request("GET", lists.PROGRAM)
    except NotFound:
        return [AuditLine(AREA, "loyalty members", "none: there is no loyalty programme")]
    return await _by(session, "loyalty members", lists.LOYALTY_ACCOUNTS)


async def _by(
    session: SquareCalls, label: str, listing: Listing, kind: Callable[[Head], str | None] | None = None
) -> list[AuditLine]:
    """The number of records of a list, and how many of each kind."""
    kinds: Counter[str] = Counter()
    counted = 0
    is_more = False
    pages = cursor_pages(
        lambda cursor: heads_page(session, listing, listing.request(), cursor),
        row_id=lambda head: head.ident,
        trail=PageTrail(),
    )
    async for page in pages:
        counted += len(page.rows)
        if kind is not None:
            kinds.update(str(kind(head) or "unknown").lower() for head in page.rows)
        is_more = page.number >= PAGES and bool(page.page.next_cursor)
        if is_more:
            break
    if is_more:
        return [AuditLine(AREA, label, f"more than {counted:,}")]
    shown = ", ".join(f"{number:,} {name}" for name, number in sorted(kinds.items()))
    return [AuditLine(AREA, label, f"{counted:,} ({shown})" if shown else f"{counted:,}")]
