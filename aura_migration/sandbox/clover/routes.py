"""The `/v3` API: who asks, how often, which endpoint, and the answer or the error in Clover's own form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aura_migration.sandbox.clover.auth import Auth, Token
from aura_migration.sandbox.clover.edits import Editor, set_stock
from aura_migration.sandbox.clover.orders import resources as sales
from aura_migration.sandbox.clover.orders import wire as sales_wire
from aura_migration.sandbox.clover.orders.cart import RefusedError
from aura_migration.sandbox.clover.orders.writing import OrderDesk
from aura_migration.sandbox.clover.people import wire as people_wire
from aura_migration.sandbox.clover.people.resources import NESTED, PEOPLE
from aura_migration.sandbox.clover.query import (
    BadQueryError,
    Query,
    Tree,
    echo_query,
    parse,
    parse_expand,
    select,
    wants_nulls,
)
from aura_migration.sandbox.clover.resources import (
    RESOURCES,
    SINGLES,
    Fields,
    Resource,
    find_row,
    is_hidden,
    sort_fields,
    visible,
)
from aura_migration.sandbox.clover.traffic import Refusal, Traffic
from aura_migration.sandbox.clover.webhooks import UPDATE, CloverWebhooks
from aura_migration.sandbox.clover.wire import EXPANSIONS, FORMS, Renderer
from aura_migration.sandbox.clover.world import Merchant, Row, World
from aura_migration.sandbox.core.faults import fault_of

FEES = ("order_fees", "default_service_charge")
TOP = {**RESOURCES, **PEOPLE, **sales.SALES}
for _name, _children in (("employees", sales.EMPLOYEE_CHILDREN), ("devices", sales.DEVICE_CHILDREN)):
    TOP[_name] = replace(TOP[_name], children={**TOP[_name].children, **_children})
EVERY = {**TOP, **NESTED, **sales.NESTED}
ALL_FORMS = {**FORMS, **people_wire.FORMS, **sales.FORMS}
ALL_EXPANSIONS = {
    **EXPANSIONS,
    **people_wire.EXPANSIONS,
    **sales.EXPANSIONS,
    "merchant": {**people_wire.MERCHANT_EXPANSIONS, **EXPANSIONS["merchant"], **sales.MERCHANT_EXPANSIONS},
    "customer_alone": {**people_wire.EXPANSIONS["customer_alone"], "orders": sales.CUSTOMER_ORDERS},
}
REFUSED_PATHS = ("time_cards",)
UNAUTHORIZED = {"message": "401 Unauthorized"}
ALLOWED_HEADER = "X-Clover-Allowed-Filter-Fields"


class NotFoundError(Exception):
    """Answered as 404 in the form of that resource."""

    def __init__(self, message: str = "Not Found", details: str | None = None) -> None:
        super().__init__(message)
        self.body = {"message": message, **({"details": details} if details else {})}


class NotAllowedError(Exception):
    """The path exists, the method does not."""


class DeniedError(Exception):
    """The token lacks a permission."""


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def problem(status: int, body: Row, headers: dict[str, str] | None = None) -> Response:
    """A JSON error."""
    return answer(body, status, headers)


def too_many(refusal: Refusal, switches: dict[str, Any]) -> Response:
    """A 429 that names its limit; only the in-flight limits say when to come back."""
    headers = {refusal.header: str(refusal.limit) if switches["limit_header_value"] == "limit" else "true"}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    return problem(429, {"message": "429 Too Many Requests"}, headers)


async def not_found(_request: Request, _error: Exception) -> Response:
    """Paths outside every route."""
    return problem(404, {"message": "Not Found"})


async def method_not_allowed(_request: Request, _error: Exception) -> Response:
    """Methods a route does not have."""
    return problem(405, {"message": "405 Method Not Allowed"})


def bearer(request: Request) -> str | None:
    """The token of the Authorization header, or of the old `access_token` parameter."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    return request.query_params.get("access_token")


async def _paced(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks made on the event loop, with room for others between them."""
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


class Api:
    """Everything under `/v3/merchants/{mId}`."""

    def __init__(
        self,
        world: World,
        auth: Auth,
        traffic: Traffic,
        editor: Editor,
        switches: dict[str, Any],
        desk: OrderDesk,
        webhooks: CloverWebhooks,
    ) -> None:
        self._world = world
        self._desk = desk
        self._webhooks = webhooks
        self._auth = auth
        self._traffic = traffic
        self._editor = editor
        self._switches = switches

    def routes(self) -> list[Route]:
        """One route for all of `/v3`, because tokens and limits come before paths."""
        return [Route("/v3/{path:path}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; it counts as in flight until the last byte of its answer is sent."""
        request = Request(scope, receive)
        token = self._auth.find(bearer(request) or "")
        if token is None:
            await problem(401, UNAUTHORIZED)(scope, receive, send)
            return
        passed = self._traffic.admit(token)
        if isinstance(passed, Refusal):
            await too_many(passed, self._switches)(scope, receive, send)
            return
        try:
            await asyncio.sleep(self._switches["latency_seconds"])
            response = await self._answer(request, token)
            await response(scope, receive, send)
        finally:
            self._traffic.release(passed)

    async def _answer(self, request: Request, token: Token) -> Response:
        try:
            return await self._dispatch(request, token)
        except DeniedError:
            status = self._switches["missing_permission_status"]
            return problem(status, UNAUTHORIZED if status == 401 else {"message": "403 Forbidden"})
        except NotFoundError as error:
            return problem(404, error.body)
        except NotAllowedError:
            return problem(405, {"message": "405 Method Not Allowed"})
        except BadQueryError as error:
            return problem(400, {"message": error.message, "details": error.details})
        except RefusedError as error:
            return problem(error.status, error.body)

    async def _dispatch(self, request: Request, token: Token) -> Response:
        head, *parts = [part for part in request.path_params["path"].split("/") if part] or [""]
        if head != "merchants" or not parts:
            raise NotFoundError
        merchant = self._world.merchants.get(parts[0])
        if merchant is None or merchant.id != token.merchant:
            return problem(401, UNAUTHORIZED)
        call = _Call(request, token, merchant, self._switches, self._editor.now())
        if len(parts) == 3 and parts[1] == "item_stocks" and request.method in ("POST", "PUT", "DELETE"):
            return await self._write_stock(call, parts[2])
        if len(parts) == 3 and parts[1] == "items" and request.method == "POST":
            return await self._write_item(call, parts[2])
        if parts[1:] and request.method in ("POST", "DELETE"):
            found = self._desk.answer(call, request.method, parts[1:], await request.body())
            if found is not None:
                return answer(found)
        if not parts[1:]:
            return call.single("merchant", "MERCHANT_R", merchant)
        name, rest = parts[1], parts[2:]
        if name in FEES and not self._switches["offers_fees"]:
            raise NotFoundError
        if name in SINGLES and not rest:
            single = SINGLES[name]
            return call.single(single.kind, single.permission, single.row(merchant))
        if name in REFUSED_PATHS:
            raise NotAllowedError
        if name.endswith(".csv") and name[:-4] in PEOPLE and not rest:
            return call.table(name[:-4])
        if name not in TOP:
            raise NotFoundError
        return call.resource(name, rest)

    async def _write_stock(self, call: _Call, item_id: str) -> Response:
        """Stock is set absolutely; DELETE clears it."""
        call.require("INVENTORY_W")
        item = call.merchant.items.get(item_id)
        if item is None or item.deleted:
            raise NotFoundError("invalid ID")
        if call.request.method == "DELETE":
            set_stock(call.merchant, item, None, self._editor.now())
            self._webhooks.tell(call.merchant, [("I", item.id, UPDATE)], split="IS")
            return answer({})
        try:
            quantity = json.loads(await call.request.body())["quantity"]
        except (ValueError, KeyError, TypeError):
            quantity = None
        if isinstance(quantity, bool) or not isinstance(quantity, int | float):
            raise BadQueryError("quantity must be a number", str(quantity))
        set_stock(call.merchant, item, quantity, self._editor.now())
        self._webhooks.tell(call.merchant, [("I", item.id, UPDATE)], split="IS")
        return answer(call.renderer().render("stock", item, {}))

    async def _write_item(self, call: _Call, item_id: str) -> Response:
        """POST /items/{id}: sparse. Whether it can be sold, is shown, follows its stock, what it costs."""
        call.require("INVENTORY_W")
        item = call.merchant.items.get(item_id)
        if item is None or item.deleted:
            raise NotFoundError("invalid ID")
        try:
            said = json.loads(await call.request.body())
        except ValueError:
            said = None
        wanted = {"available": bool, "hidden": bool, "autoManage": bool, "price": int}
        if not isinstance(said, dict) or not said or set(said) - {"id", *wanted}:
            raise BadQueryError("bad_request", f"of an item that stands, {', '.join(wanted)} can be written")
        for name, kind in wanted.items():
            if name in said and type(said[name]) is not kind:
                raise BadQueryError("bad_request", f"{name} is {said[name]!r}")
        item.available = said.get("available", item.available)
        item.hidden = said.get("hidden", item.hidden)
        item.auto_manage = said.get("autoManage", item.auto_manage)
        item.price = said.get("price", item.price)
        self._editor.touch(item)
        self._webhooks.tell(call.merchant, [("I", item.id, UPDATE)], split="IA" if "available" in said else None)
        return answer(call.renderer().render("item", item, {}))


class _Call:
    """One authenticated request to one merchant."""

    def __init__(self, request: Request, token: Token, merchant: Merchant, switches: dict[str, Any], now: int) -> None:
        self.request = request
        self.now = now
        self.token = token
        self.merchant = merchant
        self.switches = switches
        self.params = list(request.query_params.multi_items())

    def require(self, permission: str) -> None:
        if permission not in self.token.permissions:
            raise DeniedError

    def renderer(self) -> Renderer:
        nulls = wants_nulls(self.params)
        return Renderer(self.merchant, self.switches, nulls, self.token.permissions, ALL_FORMS, ALL_EXPANSIONS)

    def single(self, kind: str, permission: str, row: Any) -> Response:
        self._read_only()
        self.require(permission)
        return self._one(self.renderer(), kind, row)

    def resource(self, name: str, rest: list[str]) -> Response:
        """`/name`, `/name/{id}`, `/name/{id}/child` or `/name/{id}/child/{childId}`."""
        resource = TOP[name]
        self.require(resource.permission)
        renderer = self.renderer()
        if not rest:
            self._read_only()
            return self._list(renderer, resource, None, name)
        row = find_row(resource, self.merchant, rest[0], self.switches)
        if resource.find is None:
            raise NotFoundError
        if row is None:
            raise NotFoundError(*resource.missing)
        if len(rest) == 1:
            self._read_only()
            return self._one(renderer, resource.alone or resource.kind, row)
        if rest[1] in resource.singles and len(rest) == 2:
            self._read_only()
            return self._one(renderer, resource.singles[rest[1]], row)
        if rest[1] in resource.refused:
            raise NotAllowedError
        child = resource.children.get(rest[1])
        if child is None or len(rest) > (3 if child.by_id else 2):
            raise NotFoundError
        self._read_only()
        of = EVERY[child.resource]
        self.require(of.permission)
        if child.resource in NESTED and not self.switches["customer_contact_lists"]:
            raise NotAllowedError
        rows = child.rows(renderer, row)
        if len(rest) == 3:
            found = next((one for one in rows if one.id == rest[2]), None)
            if found is None or is_hidden(of, found, self.switches):
                raise NotFoundError
            return self._one(renderer, of.kind, found)
        return self._list(renderer, of, rows, "/".join((name, *rest)))

    def table(self, name: str) -> Response:
        """`/name.csv`: every row that passes the filters, streamed."""
        resource = PEOPLE[name]
        self.require(resource.permission)
        if resource.csv is None:
            raise NotFoundError
        self._read_only()
        fields = resource.fields(self.merchant)
        sortable = sort_fields(resource, fields)
        rows = self._found(resource, None, parse(self.params, fields, sortable, self.switches), fields, sortable)
        lines = people_wire.CSV[resource.csv](self.merchant, rows)
        return StreamingResponse(_paced(lines), media_type="text/csv; charset=utf-8")

    def _read_only(self) -> None:
        if self.request.method not in ("GET", "HEAD"):
            raise NotAllowedError

    def _one(self, renderer: Renderer, kind: str, row: Any) -> Response:
        document = self._written(renderer, kind, [row], parse_expand(self.params, self.switches))[0]
        self._check_expansions(renderer)
        return answer(document)

    def _written(self, renderer: Renderer, kind: str, rows: Sequence[Any], expand: Tree) -> list[Row]:
        if kind in sales_wire.WRITES:
            return sales_wire.write(kind, renderer, rows, expand)
        return [renderer.render(kind, row, expand) for row in rows]

    def _found(
        self, resource: Resource, among: list[Any] | None, query: Query, fields: Fields, sortable: Fields
    ) -> Sequence[Any]:
        """The rows of a query, of the whole resource or `among` these."""
        if among is None and resource.select is not None:
            return resource.select(self.merchant, query, fields, sortable, self.switches, self.now)
        rows = resource.rows(self.merchant) if among is None else among
        if resource.select_child is not None:
            return resource.select_child(rows, query, fields, sortable, self.switches, self.now)
        shown = visible(resource, rows, query.filters_on(resource.deleted_field), self.switches)
        return select(list(reversed(shown)), query, fields, sortable)

    def _list(self, renderer: Renderer, resource: Resource, among: list[Any] | None, path: str) -> Response:
        fields = resource.fields(self.merchant)
        sortable = sort_fields(resource, fields)
        headers = {ALLOWED_HEADER: ",".join(fields)} if fields else {}
        try:
            query = parse(self.params, fields, sortable, self.switches)
        except BadQueryError as error:
            return problem(400, {"message": error.message, "details": error.details}, headers)
        found = self._found(resource, among, query, fields, sortable)
        elements = self._written(renderer, resource.kind, self._page(found, query), query.expand)
        self._check_expansions(renderer)
        href = f"{renderer.base}/{path}?{echo_query([*resource.implied, *query.echo])}"
        return answer({"elements": elements, "href": href}, headers=headers)

    def _page(self, rows: Sequence[Any], query: Query) -> Sequence[Any]:
        offset, limit = query.offset, query.limit
        lying = fault_of(self.request, "lying_cap")
        if lying is not None:
            if lying["mode"] == "ignore_cursor":
                offset = 0
            else:
                rows = rows[: int(lying.get("cap", 100))]
        shifted = fault_of(self.request, "page_shift")
        if shifted is not None and offset:
            # As if that many rows had been added (or, below zero, deleted) at the front since the page before.
            offset = max(0, offset - int(shifted.get("rows", 1)))
        return rows[offset : offset + limit]

    def _check_expansions(self, renderer: Renderer) -> None:
        if renderer.refused is not None and self.switches["expand_without_permission"] == "refuse":
            raise DeniedError
