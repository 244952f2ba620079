"""Reading orders: ``ordersBulk`` with both selectors and its pages, and one order by guid; masks by scope."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.toast.gate import Caller, ToastError
from aura_migration.sandbox.toast.people.model import at
from aura_migration.sandbox.toast.people.queries import business_date, chosen, period
from aura_migration.sandbox.toast.people.queries import guid as checked_guid
from aura_migration.sandbox.toast.people.store import LocalPeople, People

LARGEST_PAGE = 100
EARLIEST = at(2015, 12, 1, 0)
SELECTORS = {"period": ("startDate", "endDate"), "day": ("businessDate",)}
NEITHER = "EITHER (startDate and endDate) OR businessDate is required"
EXTERNAL = re.compile(r"[^:/]{1,16}:.{1,256}")
OWN_ORDERS_ONLY = "orders.channel:read"


class OrdersApi:
    """Answers of the orders API."""

    def __init__(self, people: People, switches: Mapping[str, Any]) -> None:
        self._people = people
        self._switches = switches

    async def bulk(self, request: Request, caller: Caller) -> Response:
        """``GET /ordersBulk``."""
        here = self._people.at(caller.here.location.guid)
        numbers = self._select(request, here)
        if OWN_ORDERS_ONLY in caller.client.scopes:
            numbers = ()  # such a client sees the orders it submitted, and none can be submitted here
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
        answer = JSONResponse([self._body(here, number, caller) for number in rows])
        self._link(request, answer, size, page, more)
        return answer

    async def order(self, request: Request, caller: Caller) -> Any:
        """``GET /orders/{guid}``, by guid or external id."""
        here = self._people.at(caller.here.location.guid)
        wanted = request.path_params["guid"]
        number = None
        if EXTERNAL.fullmatch(wanted) is None:
            number = here.book.number_of(checked_guid(wanted, "guid"))
        if number is None or OWN_ORDERS_ONLY in caller.client.scopes:
            raise ToastError(404, f"Order {wanted} was not found")
        return self._body(here, number, caller)

    # -- selecting -------------------------------------------------------------------------------------------------

    def _select(self, request: Request, here: LocalPeople) -> Sequence[int]:
        query = request.query_params
        if chosen(request, SELECTORS, NEITHER) == "day":
            return here.book.of_day(business_date(request))
        if "startDate" not in query or "endDate" not in query:
            raise ToastError(400, NEITHER, 10_025)
        longest = int(self._switches["orders_period_days"])
        start, end = period(request, "startDate", "endDate", longest)
        if start < EARLIEST:
            raise ToastError(400, "startDate must be after 2015-12-01")
        return here.book.modified_between(start, end, by_opening=self._switches["orders_sort"] == "opened")

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

    def _body(self, here: LocalPeople, number: int, caller: Caller) -> dict[str, Any]:
        """An order as that client may see it: without ``guest.pi:read`` the guest's keys are missing, without
        ``delivery_info.address:read`` the delivery is null."""
        scopes = caller.client.scopes
        body = here.wire.order(here.book.order(number), bool(self._switches["extra_fields"]))
        if "delivery_info.address:read" not in scopes:
            body["deliveryInfo"] = None
        if "guest.pi:read" not in scopes:
            del body["curbsidePickupInfo"]
            for check in body["checks"]:
                del check["customer"]
        return body
