"""Reading orders: ``ordersBulk`` with both selectors and its pages, and one order by guid; masks by scope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.toast.gate import Caller, ToastError
from aura_migration.sandbox.toast.orders.ledger import SOLD, Ledger
from aura_migration.sandbox.toast.orders.sheet import Paid
from aura_migration.sandbox.toast.people.model import HOUR, at
from aura_migration.sandbox.toast.people.queries import business_date, chosen, period
from aura_migration.sandbox.toast.people.queries import guid as checked_guid
from aura_migration.sandbox.toast.people.store import LocalPeople, People

LARGEST_PAGE = 100
EARLIEST = at(2015, 12, 1, 0)
SELECTORS = {"period": ("startDate", "endDate"), "day": ("businessDate",)}
NEITHER = "EITHER (startDate and endDate) OR businessDate is required"
EXTERNAL = re.compile(r"[^:/]{1,16}:.{1,256}")
OWN_ORDERS_ONLY = "orders.channel:read"
ENCODER = msgspec.json.Encoder()
ORDERS_A_TURN = 20
PAYMENT_DAYS = {name: (name,) for name in ("paidBusinessDate", "refundBusinessDate", "voidBusinessDate")}


class OrdersApi:
    """Answers of the orders API."""

    def __init__(self, people: People, switches: Mapping[str, Any]) -> None:
        self._people = people
        self._switches = switches

    async def bulk(self, request: Request, caller: Caller) -> Response:
        """``GET /ordersBulk``."""
        here = self._people.at(caller.here.location.guid)
        numbers = self._select(request, here.ledger)
        if self._own_only(caller):
            numbers = self._own(numbers, here.ledger, caller)
        size = self._whole(request, "pageSize", int(self._switches["orders_default_page_size"]))
        if size > LARGEST_PAGE:
            if self._switches["orders_large_page"] == "refuse":
                raise ToastError(400, f"pageSize must be a number from 1 to {LARGEST_PAGE}")
            size = LARGEST_PAGE
        page = self._whole(request, "page", 1)
        lie = fault_of(request, "lying_cap") or {}
        shown = 1 if lie.get("mode") == "ignore_cursor" else page
        rows = numbers[(shown - 1) * size : shown * size]
        more = page * size < len(numbers)
        if lie.get("mode") == "cut":
            rows, more = rows[: int(lie.get("cap", size))], False
        answer = await self._page(here, rows, caller)
        self._link(request, answer, size, page, more)
        return answer

    async def order(self, request: Request, caller: Caller) -> Any:
        """``GET /orders/{guid}``, by guid or external id."""
        here = self._people.at(caller.here.location.guid)
        wanted = request.path_params["guid"]
        return self._body(here, self.find(here, wanted, caller), caller)

    def find(self, here: LocalPeople, wanted: str, caller: Caller) -> int:
        """The key of an order by guid, or by an external id of the client's own. Raises ``ToastError`` 404."""
        ledger = here.ledger
        if EXTERNAL.fullmatch(wanted) is None:
            key = ledger.key_of(checked_guid(wanted, "guid"))
        else:
            number = ledger.sold.of_external(wanted)
            key = None if number is None else SOLD + number
            if key is not None and not self._may_name(ledger, key, caller):
                key = None
        if (
            key is None
            or not ledger.has_arrived(key)
            or (self._own_only(caller) and not self._own([key], ledger, caller))
        ):
            raise ToastError(404, f"Order {wanted} was not found")
        return key

    async def guids(self, request: Request, caller: Caller) -> Any:
        """``GET /orders``, deprecated: guids only, one hour at most."""
        here = self._people.at(caller.here.location.guid)
        keys = self._select(request, here.ledger, most=HOUR)
        if self._own_only(caller):
            keys = self._own(keys, here.ledger, caller)
        return [here.ledger.sheet(key).guid for key in keys]

    async def payments(self, request: Request, caller: Caller) -> Any:
        """``GET /payments``: guids of what was paid, refunded or voided on a business date."""
        way = chosen(request, PAYMENT_DAYS, f"One of {', '.join(PAYMENT_DAYS)} is required")
        day = business_date(request, way)
        here = self._people.at(caller.here.location.guid)
        mine, found = self._own_only(caller), list[str]()
        for turn, sheet in enumerate(here.ledger.touching(day)):
            if mine and sheet.submitted != caller.client.client_id:
                continue
            found += [one.guid for _, one in sheet.payments() if _day_of(one, way) == day]
            if turn % ORDERS_A_TURN == 0:
                await asyncio.sleep(0)
        return found

    async def payment(self, request: Request, caller: Caller) -> Any:
        """``GET /payments/{guid}``."""
        here = self._people.at(caller.here.location.guid)
        wanted = checked_guid(request.path_params["guid"], "guid")
        found = here.ledger.payment(wanted)
        hidden = found is not None and self._own_only(caller) and found[0].submitted != caller.client.client_id
        if found is None or hidden or not here.ledger.has_arrived(found[0].key):
            raise ToastError(404, f"Payment {wanted} was not found")
        return here.ledger.wire.payment(*found)

    async def cash_entries(self, request: Request, caller: Caller) -> Any:
        """``GET /cashmgmt/v1/entries``: one business date."""
        cash = self._people.at(caller.here.location.guid).cash
        return [cash.entry_body(one) for one in cash.entries(self._required_day(request))]

    async def deposits(self, request: Request, caller: Caller) -> Any:
        """``GET /cashmgmt/v1/deposits``: one business date."""
        cash = self._people.at(caller.here.location.guid).cash
        return [cash.deposit_body(one) for one in cash.deposits(self._required_day(request))]

    @staticmethod
    def _required_day(request: Request) -> date:
        if "businessDate" not in request.query_params:
            raise ToastError(400, "businessDate is required")
        return business_date(request)

    @staticmethod
    def _own_only(caller: Caller) -> bool:
        """Does the client see no orders but those it submitted?"""
        return OWN_ORDERS_ONLY in caller.client.scopes

    @staticmethod
    def _own(keys: Sequence[int], ledger: Ledger, caller: Caller) -> list[int]:
        """Those of the orders that the client submitted."""
        return [key for key in keys if ledger.sheet(key).submitted == caller.client.client_id]

    def _may_name(self, ledger: Ledger, key: int, caller: Caller) -> bool:
        """Does the client see the external ids of an order? Only those it gave."""
        given = ledger.sheet(key).submitted
        return given is None or given == caller.client.client_id or self._switches["external_ids"] == "all"

    # -- selecting -------------------------------------------------------------------------------------------------

    def _select(self, request: Request, ledger: Ledger, most: int = 0) -> Sequence[int]:
        query = request.query_params
        if chosen(request, SELECTORS, NEITHER) == "day":
            return ledger.of_day(business_date(request))
        if "startDate" not in query or "endDate" not in query:
            raise ToastError(400, NEITHER, 10_025)
        longest = int(self._switches["orders_period_days"])
        start, end = period(request, "startDate", "endDate", longest)
        if most and end - start > most:
            raise ToastError(400, "The period between startDate and endDate must not be longer than one hour")
        if start < EARLIEST:
            raise ToastError(400, "startDate must be after 2015-12-01")
        return ledger.modified_between(start, end, by_opening=self._switches["orders_sort"] == "opened")

    @staticmethod
    def _whole(request: Request, name: str, default: int) -> int:
        text = request.query_params.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000_000:
            raise ToastError(400, f"{name} must be a number from 1")
        return int(text)

    def _link(self, request: Request, answer: Response, size: int, page: int, more: bool) -> None:
        """``Link`` headers: first, self, prev and next, never last; each in a line of its own unless switched."""
        base = str(request.url).partition("?")[0]
        kept = {name: value for name, value in sorted(request.query_params.items()) if name not in ("page", "pageSize")}

        def link(rel: str, number: int) -> str:
            return f'<{base}?{urlencode({**kept, "pageSize": size, "page": number})}>; rel="{rel}"'

        links = [link("first", 1), link("self", page)]
        links += [link("prev", page - 1)] if page > 1 else []
        links += [link("next", page + 1)] if more else []
        for line in [", ".join(links)] if self._switches["orders_links"] == "combined" else links:
            answer.headers.append("Link", line)

    # -- masking ---------------------------------------------------------------------------------------------------

    def _body(self, here: LocalPeople, key: int, caller: Caller) -> dict[str, Any]:
        """An order as that client may see it: without ``guest.pi:read`` the guest's keys are missing, without
        ``delivery_info.address:read`` the delivery is null."""
        scopes = caller.client.scopes
        return here.ledger.body(
            key,
            customers="guest.pi:read" in scopes,
            delivery="delivery_info.address:read" in scopes,
            extra=bool(self._switches["extra_fields"]),
            externals=self._may_name(here.ledger, key, caller),
        )

    async def _page(self, here: LocalPeople, keys: Sequence[int], caller: Caller) -> Response:
        """A page of orders. Other requests get their turn while a large one is made."""
        pieces = []
        for start in range(0, len(keys), ORDERS_A_TURN):
            bodies = [self._body(here, key, caller) for key in keys[start : start + ORDERS_A_TURN]]
            pieces.append(ENCODER.encode(bodies)[1:-1])
            await asyncio.sleep(0)
        return Response(b"[" + b",".join(pieces) + b"]", media_type="application/json")


def _day_of(paid: Paid, way: str) -> date | None:
    """The business date of a payment that a selector means."""
    if way == "paidBusinessDate":
        return paid.day
    if way == "refundBusinessDate":
        return None if paid.refund is None else paid.refund.day
    return None if paid.void is None else paid.void.day
