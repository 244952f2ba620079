"""How many orders a location has and since when, for the audit: what a preview would read."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from aura_migration.pos.http.paging import Page, PageTrail, cursor_pages
from aura_migration.pos.port import AuditLine
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists
from aura_migration.pos.square.wire import instant

AREA = "orders"
LABEL = "orders, returns among them"
PAGES = 25
"""So many pages of a thousand are counted, then it says "more than"."""


class _Entry(msgspec.Struct):
    order_id: str = ""


class _Order(msgspec.Struct):
    created_at: str | None = None


class _Found(msgspec.Struct):
    order_entries: list[_Entry] | None = None
    orders: list[_Order] | None = None
    cursor: str | None = None


async def orders_line(session: SquareCalls, location: str) -> list[AuditLine]:
    """The number of orders of every state, with the local dates on which the first and the last were opened."""
    asked = {"location_ids": [location]}

    async def fetch(cursor: str | None) -> Page:
        response = await session.post(lists.ORDERS.path, {**asked, **lists.ORDER_IDS.request()}, cursor)
        page = session.decoded(response, _Found)
        return Page(page.order_entries or [], page.cursor, response)

    counted, is_more = 0, False
    async for page in cursor_pages(fetch, row_id=lambda row: str(row.order_id), trail=PageTrail()):
        counted += len(page.rows)
        is_more = page.number >= PAGES and bool(page.page.next_cursor)
        if is_more:
            break
    if not counted:
        return [AuditLine(AREA, LABEL, "none")]
    first, last = [await _opened(session, asked, order, location) for order in ("ASC", "DESC")]
    number = f"more than {counted:,}" if is_more else f"{counted:,}"
    question = "How many months of orders are to be carried over (twelve, unless the options say otherwise)?"
    return [AuditLine(AREA, LABEL, f"{number}, from {first} to {last}", question)]


async def _opened(session: SquareCalls, asked: dict[str, Any], order: str, location: str) -> str:
    """The local date of the first or the last order."""
    query = {"sort": {"sort_field": "CREATED_AT", "sort_order": order}}
    response = await session.post(lists.ORDERS.path, {**asked, "query": query, "limit": 1})
    found = session.decoded(response, _Found).orders or []
    moment = instant(found[0].created_at) if found and found[0].created_at else None
    if moment is None:
        return "an unknown date"
    zone = {str(raw.get("id")): raw.get("timezone") for raw in (await session.locations())[1]}.get(location)
    return moment.astimezone(ZoneInfo(str(zone)) if zone else UTC).date().isoformat()
