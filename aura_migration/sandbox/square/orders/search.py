"""Order routes: search with its windows and filters, batch-retrieve, and one order by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, flag
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.orders.history import STATES, History
from aura_migration.sandbox.square.orders.model import Order
from aura_migration.sandbox.square.orders.render import Renderer, encode
from aura_migration.sandbox.square.people.answers import choice, nested, span

PAGE, MOST, MOST_LOCATIONS, MOST_IDS, MOST_WORDS = 500, 1000, 10, 100, 10
CLOSED_STATES = frozenset({"COMPLETED", "CANCELED"})
SORTS = {"CREATED_AT": "created", "UPDATED_AT": "updated", "CLOSED_AT": "closed"}
FILTERS = "location_ids state_filter date_time_filter fulfillment_filter source_filter customer_filter"
READ = ("ORDERS_READ",)
Wanted = Callable[[Order], bool]


def routes(context: Context, history: History, renderer: Renderer) -> list[Route]:
    """All order routes."""
    orders = Orders(history, renderer)
    search = ("location_ids", "query", "limit", "cursor", "return_entries")

    def post(path: str, handler: Any, body: Iterable[str]) -> Route:
        return Route(path, context.endpoint(handler, scopes=READ, body=body), methods=["POST"])

    return [
        post("/v2/orders/search", orders.search, search),
        post("/v2/orders/batch-retrieve", orders.batch, ("order_ids", "location_id")),
        Route("/v2/orders/{order_id}", context.endpoint(orders.one, scopes=READ), methods=["GET"]),
    ]


class Orders:
    """The handlers, over one history."""

    def __init__(self, history: History, renderer: Renderer) -> None:
        self._history = history
        self._renderer = renderer

    def one(self, call: Call) -> bytes:
        """GET /v2/orders/{id}."""
        order_id = call.request.path_params["order_id"]
        number = self._history.of_id(order_id)
        if number is None or not self._history.arrived(number):
            raise SquareError("NOT_FOUND", f"Order not found for id {order_id}")
        return b'{"order":' + self._renderer.one(number) + b"}"

    def batch(self, call: Call) -> bytes:
        """POST /v2/orders/batch-retrieve: unknown ids, and those of another location, are silently left out."""
        ids = array_of(call.body, "order_ids", MOST_IDS)
        if not ids:
            raise SquareError("MISSING_REQUIRED_PARAMETER", "order_ids is required.", "order_ids")
        place = call.body.get("location_id")
        found = [number for number in map(self._history.of_id, dict.fromkeys(ids)) if number is not None]
        found = [number for number in found if self._history.arrived(number)]
        if place:
            found = [number for number in found if self._history.order(number).location == place]
        return self._answer("orders", self._renderer.many(found), None)

    def _answer(self, key: str, rows: list[bytes], cursor: str | None) -> bytes:
        parts = [f'"{key}":['.encode() + b",".join(rows) + b"]"] if rows else []
        if cursor:
            parts.append(b'"cursor":' + msgspec.json.encode(cursor))
        return b"{" + b",".join(parts) + b"}"

    def search(self, call: Call) -> bytes:
        """POST /v2/orders/search."""
        body = call.body
        places = array_of(body, "location_ids")
        if len(places) > MOST_LOCATIONS:
            code = call.switches["orders_location_error"]
            raise SquareError(code, f"location_ids holds more than {MOST_LOCATIONS} values.", "location_ids")
        if not places:
            raise SquareError("MISSING_REQUIRED_PARAMETER", "Must set location_ids.", "location_ids")
        limit = bounded(call, body, PAGE, MOST)
        entries = flag(body, "return_entries")
        query = nested(call, body, "query", "filter sort")
        position = call.position("/v2/orders/search", body)
        held = position.listing.held
        held.setdefault("now", self._history.now())
        rows = self._rows(call, list(dict.fromkeys(places)), query, held)
        part, cursor = call.page(rows, position, limit)
        if entries:
            return self._answer("order_entries", [self._entry(number) for number in part], cursor)
        return self._answer("orders", self._renderer.many(part), cursor)

    def _entry(self, number: int) -> bytes:
        order = self._history.order(number)
        found: dict[str, Any] = {"order_id": self._history.marks.order(number), "location_id": order.location}
        if order.version is not None:
            found["version"] = order.version
        return encode(found)

    def _rows(self, call: Call, places: list[str], query: dict[str, Any], held: dict[str, Any]) -> Sequence[int]:
        history = self._history
        asked = nested(call, query, "filter", FILTERS)
        sort = nested(call, query, "sort", "sort_field sort_order")
        field = choice(sort, "sort_field", SORTS) or "CREATED_AT"
        order = choice(sort, "sort_order", ("ASC", "DESC")) or "DESC"
        states = array_of(nested(call, asked, "state_filter", "states"), "states")
        for state in states:
            if state not in STATES:
                raise SquareError("INVALID_ENUM_VALUE", f"{state!r} is not a valid order state.", "states")
        times = nested(call, asked, "date_time_filter", "created_at updated_at closed_at")
        if len(times) > 1:
            raise SquareError("BAD_REQUEST", "Only one of created_at, updated_at, closed_at.", "date_time_filter")
        name, start, end = SORTS[field], None, None
        for filtered in times:
            if filtered != field.lower():
                detail = f"sort_field must be {filtered.upper()} when filtering by {filtered}."
                raise SquareError("BAD_REQUEST", detail, "query.sort.sort_field")
            window = span(call, times, filtered) or (None, None)
            start = window[0]
            end = window[1] if window[1] is not None else held["now"]
        if name == "closed" and not (states and set(states) <= CLOSED_STATES):
            detail = "Sorting or filtering by CLOSED_AT needs a state_filter of COMPLETED or CANCELED."
            raise SquareError("BAD_REQUEST", detail, "query.filter.state_filter")
        wanted = self._wanted(call, asked)
        delay = float(call.switches["orders_delay_seconds"])
        awaited = history.not_arrived()
        if held.get("revision") != history.revision or held.get("awaited") != awaited or delay:
            rows = history.orders_between(places, name, start, end)
            if states and set(states) != set(STATES):
                state_of, kept = history.state_of, frozenset(states)
                rows = [number for number in rows if state_of(number) in kept]
            if wanted is not None:
                rows = [number for number in rows if wanted(history.order(number))]
            if awaited:
                rows = [number for number in rows if number not in awaited]
            if delay:
                rows = [number for number in rows if not history.hidden(number, delay)]
            held["rows"] = rows[::-1] if order == "DESC" else rows
            held["revision"], held["awaited"] = history.revision, awaited
        found: Sequence[int] = held["rows"]
        return found

    def _wanted(self, call: Call, asked: dict[str, Any]) -> Wanted | None:
        """What filters look into the order itself."""
        sources = array_of(nested(call, asked, "source_filter", "source_names"), "source_names", MOST_WORDS)
        guests = array_of(nested(call, asked, "customer_filter", "customer_ids"), "customer_ids", MOST_WORDS)
        leaving = nested(call, asked, "fulfillment_filter", "fulfillment_types fulfillment_states")
        kinds, states = array_of(leaving, "fulfillment_types"), array_of(leaving, "fulfillment_states")
        if not (sources or guests or kinds or states):
            return None

        def wanted(order: Order) -> bool:
            if sources and order.source not in sources:
                return False
            if guests and not ({order.customer, *(use.customer for use in order.tenders)} & set(guests)):
                return False
            if not (kinds or states):
                return True
            return any(
                (not kinds or held.kind in kinds) and (not states or held.state in states)
                for held in order.fulfillments
            )

        return wanted
