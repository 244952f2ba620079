"""What every Square route needs: the account, the tokens, the switches, and the checks that come before an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.core.limits import Rolling
from aura_migration.sandbox.square.auth import TokenStore
from aura_migration.sandbox.square.cursors import Cursors, Position
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.wire import NEWER_VERSION, View
from aura_migration.sandbox.square.world import World

DEFAULT_VERSION = "2025-08-20"
FIRST_VERSION = "2016-03-30"

SWITCHES: dict[str, Any] = {
    # limits: Square publishes none, so none is enforced unless asked for
    "limits": "off",
    "rate_limit_per_second": 20.0,
    "rate_limit_retry_after": False,
    # versions
    "default_square_version": DEFAULT_VERSION,
    "echo_square_version": True,
    "nested_modifiers": "auto",
    "newer_fields": "auto",
    # paging
    "cursor_seconds": 900.0,
    "cursor_error_code": "INVALID_CURSOR",
    "short_pages": True,
    "empty_pages": False,
    "catalog_search_default_limit": 100,
    "inventory_default_limit": 100,
    "strict_limits": True,
    # catalog
    "reject_unknown_parameters": True,
    "variation_moves_item": False,
    "modifier_moves_list": False,
    "embed_deleted_variations": False,
    "root_parent_ordinal": True,
    "batch_retrieve_skips_unknown": True,
    "search_items_default_archived_state": "ARCHIVED_STATE_NOT_ARCHIVED",
    # people
    "cards_scope": "PAYMENTS_READ",
    "instant_profile_by_id": True,
    "bulk_retrieve_max": 100,
    "customer_time_end": "exclusive",
    "customer_delay_seconds": 0.0,
    "merge_moves_loyalty": True,
    "loyalty_program": "scenario",
    "no_loyalty_program": "not_found",
    "inactive_program_readable": True,
    "subscription_error_status": 403,
    "loyalty_rules_listed": False,
    "delete_reward_points": "positive",
    "expire_points_points": "negative",
    "old_shifts": "gone",
    "unknown_enums": False,
    "repeat_rows": False,
    # orders and money
    "orders_location_error": "ARRAY_LENGTH_TOO_LONG",
    "orders_delay_seconds": 0.0,
    "payments_delay_seconds": 0.0,
    "payment_time_end": "inclusive",
    "tip_in_total": True,
    "rounding_in_total": True,
    "return_net_negative": True,
    "fee_moves_payment": False,
    "broken_orders": False,
    "payout_currency_key": "currency",
    "drawer_sums": "positive",
    # writing
    "stale_version_error": "CONFLICT 409",
    "cancel_needs_canceled_fulfillments": True,
    "stock_sells_out": True,
    "sales_move_stock": False,
    # oauth
    "authorize": "page",
    "oauth_grant_error_status": 401,
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "limits": ("real", "off"),
    "nested_modifiers": ("auto", "on", "off"),
    "newer_fields": ("auto", "on", "off"),
    "cursor_error_code": ("INVALID_CURSOR", "BAD_REQUEST"),
    "cards_scope": ("PAYMENTS_READ", "CUSTOMERS_READ", "none"),
    "customer_time_end": ("exclusive", "inclusive"),
    "loyalty_program": ("scenario", "active", "inactive", "none"),
    "no_loyalty_program": ("not_found", "subscription"),
    "subscription_error_status": (400, 403),
    "delete_reward_points": ("positive", "negative"),
    "expire_points_points": ("positive", "negative"),
    "old_shifts": ("gone", "served"),
    "orders_location_error": ("ARRAY_LENGTH_TOO_LONG", "BAD_REQUEST", "INVALID_VALUE"),
    "payment_time_end": ("inclusive", "exclusive"),
    "payout_currency_key": ("currency", "currency_code"),
    "drawer_sums": ("positive", "negative"),
    "stale_version_error": ("CONFLICT 409", "CONFLICT 400", "VERSION_MISMATCH 409", "VERSION_MISMATCH 400"),
    "authorize": ("page", "allow", "deny"),
    "oauth_grant_error_status": (400, 401),
}


class Call:
    """One authorized request: its view of the account, its parameters, its paging."""

    def __init__(
        self, context: Context, request: Request, version: str, body: dict[str, Any], scopes: Iterable[str] = ()
    ) -> None:
        self.context = context
        self.request = request
        self.version = version
        self.body = body
        self._scopes = frozenset(scopes)
        self.query = dict(request.query_params)

    @property
    def world(self) -> World:
        """The account."""
        return self.context.world

    @property
    def switches(self) -> dict[str, Any]:
        """The sandbox's switches."""
        return self.context.switches

    def need(self, scope: str) -> None:
        """Raises unless the token has this scope."""
        if scope not in self._scopes:
            detail = f"The merchant has not given your application sufficient permissions: {scope} is required."
            raise SquareError("INSUFFICIENT_SCOPES", detail)

    def view(self, path_to_root: bool = False, catalog_version: int | None = None) -> View:
        """How this request sees the catalog."""
        switches, newer = self.switches, self.version >= NEWER_VERSION
        decide = {"on": True, "off": False, "auto": newer}
        return View(
            square_version=self.version,
            nested=decide[switches["nested_modifiers"]],
            newer=decide[switches["newer_fields"]],
            embed_deleted=switches["embed_deleted_variations"],
            root_ordinal=switches["root_parent_ordinal"],
            path_to_root=path_to_root,
            catalog_version=catalog_version,
        )

    def position(self, endpoint: str, source: Mapping[str, Any]) -> Position:
        """Where this page starts; `source` is the body or the query string, cursor included."""
        switches = self.switches
        rest = {name: value for name, value in source.items() if name != "cursor"}
        cursor = source.get("cursor")
        if cursor and self.context.cursor_is_stale(self.request.url.path):
            raise SquareError(switches["cursor_error_code"], "The cursor has expired.", "cursor")
        fault = fault_of(self.request, "lying_cap")
        if fault is not None and fault["mode"] == "ignore_cursor":
            cursor = None
        return self.context.cursors.start(
            endpoint, rest, cursor, switches["cursor_seconds"], switches["cursor_error_code"]
        )

    def page(self, rows: Sequence[Any], position: Position, limit: int) -> tuple[Sequence[Any], str | None]:
        """The rows of this page and the cursor of the next one; None on the last page. With the switch `repeat_rows` a
        page begins with the last row of the one before, as when rows move under a cursor."""
        switches = self.switches
        fault = fault_of(self.request, "lying_cap")
        if fault is not None and fault["mode"] == "cut":
            return rows[: int(fault.get("cap", 1000))], None
        take = limit
        left = len(rows) - position.offset
        if switches["empty_pages"] and position.page % 3 == 1:
            take = 0
        elif switches["short_pages"] and position.page % 3 == 1 and limit > 4 and left > limit:
            take = limit - 1 - (limit // 8)
        repeated = 1 if switches["repeat_rows"] and position.offset and take else 0
        part = rows[position.offset - repeated : position.offset + take]
        end = position.offset + take
        if end >= len(rows):
            return part, None
        return part, self.context.cursors.issue(position, end, switches["cursor_seconds"])


Answer = dict[str, Any] | bytes
Handler = Callable[[Call], Awaitable[Answer] | Answer]


class Context:
    """The Square account behind all routes."""

    def __init__(self, world: World, tokens: TokenStore, clock: Clock) -> None:
        self.world = world
        self.tokens = tokens
        self.clock = clock
        self.switches = dict(SWITCHES)
        self.cursors = Cursors(world.ids, clock)
        self.on_revoked: Callable[[str], None] = lambda _by: None
        self._stale_cursors: dict[str, int] = {}
        self._limiter = Rolling(int(self.switches["rate_limit_per_second"]), 1.0, clock)

    def arm_stale_cursor(self, path: str) -> None:
        """The next cursor presented on this path will be refused (a first page has none to refuse)."""
        self._stale_cursors[path] = self._stale_cursors.get(path, 0) + 1

    def cursor_is_stale(self, path: str) -> bool:
        """Is a refusal pending for this path? It is used up by asking."""
        pending = self._stale_cursors.pop(path, 0)
        if pending > 1:
            self._stale_cursors[path] = pending - 1
        return pending > 0

    def square_version(self, request: Request) -> str:
        """The version a request is served with. Raises for a malformed one and for one that does not exist."""
        given = request.headers.get("square-version")
        if given is None:
            return str(self.switches["default_square_version"])
        try:
            well_formed = re.fullmatch(r"\d{4}-\d{2}-\d{2}", given) is not None
            datetime.strptime(given, "%Y-%m-%d")
        except ValueError:
            well_formed = False
        if not well_formed:
            raise SquareError("INVALID_SQUARE_VERSION_FORMAT", "The Square-Version must look like YYYY-MM-DD.")
        if not FIRST_VERSION <= given <= NEWER_VERSION:
            raise SquareError("API_VERSION_INCOMPATIBLE", f"This operation is not available in version {given}.")
        return given

    def limit_rate(self) -> Response | None:
        """A 429 when the limiter is on and full."""
        if self.switches["limits"] != "real":
            return None
        self._limiter.limit = int(self.switches["rate_limit_per_second"])
        verdict = self._limiter.take("application")
        if verdict.allowed:
            return None
        headers = {"Retry-After": str(verdict.retry_after)} if self.switches["rate_limit_retry_after"] else None
        return rate_limited().response(headers)

    def endpoint(
        self, handler: Handler, *, scopes: Iterable[str], query: Iterable[str] = (), body: Iterable[str] = ()
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route: version, bearer, scope, body and parameter checks around `handler`, errors in Square's envelope."""
        needed, allowed_query, allowed_body = tuple(scopes), frozenset(query), frozenset(body)

        async def endpoint(request: Request) -> Response:
            headers: dict[str, str] = {}
            try:
                refused = self.limit_rate()
                if refused is not None:
                    return refused
                version = self.square_version(request)
                if self.switches["echo_square_version"]:
                    headers["Square-Version"] = version
                token = self.tokens.bearer(request.headers.get("authorization"))
                for scope in needed:
                    Call(self, request, version, {}, token.scopes).need(scope)
                fields = await json_body(request) if request.method in ("POST", "PUT") else {}
                if self.switches["reject_unknown_parameters"]:
                    check_names(request.query_params, allowed_query, "UNKNOWN_QUERY_PARAMETER")
                    check_names(fields, allowed_body, "UNKNOWN_BODY_PARAMETER")
                answer = handler(Call(self, request, version, fields, token.scopes))
                found = answer if isinstance(answer, dict | bytes) else await answer
                if isinstance(found, bytes):
                    return Response(found, 200, headers, "application/json")
                return JSONResponse(found, 200, headers)
            except SquareError as error:
                return error.response(headers)

        return endpoint


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a POST; an empty body is an empty object."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if raw and kind != "application/json":
        raise SquareError("UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json.")
    if not raw.strip():
        return {}
    try:
        fields = json.loads(raw)
    except ValueError as error:
        raise SquareError("EXPECTED_JSON_BODY", "The request body is not JSON.") from error
    if not isinstance(fields, dict):
        raise SquareError("EXPECTED_OBJECT", "The request body must be a JSON object.")
    return fields


def check_names(given: Mapping[str, Any], allowed: frozenset[str], code: str) -> None:
    """Refuse the first parameter that the operation does not have."""
    for name in given:
        if name not in allowed:
            raise SquareError(code, f"Unrecognized parameter: {name}", name)


def rate_limited() -> SquareError:
    """Square's 429."""
    return SquareError("RATE_LIMITED", "Too many requests; please try again in a few minutes.")


def array_of(fields: Mapping[str, Any], name: str, longest: int | None = None) -> list[str]:
    """A list of strings from a body, [] when absent."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise SquareError("EXPECTED_ARRAY", f"Expected an array for {name}.", name)
    if any(not isinstance(element, str) for element in value):
        raise SquareError("EXPECTED_STRING", f"Expected strings in {name}.", name)
    if longest is not None and len(value) > longest:
        raise SquareError("ARRAY_LENGTH_TOO_LONG", f"{name} holds more than {longest} values.", name)
    return value


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """A boolean from a body, false when absent; query strings say `true`."""
    value = fields.get(name)
    if value is None or value == "":
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise SquareError("EXPECTED_BOOLEAN", f"Expected a boolean for {name}.", name)


def whole(fields: Mapping[str, Any], name: str) -> int | None:
    """An integer from a body or a query string, None when absent."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise SquareError("EXPECTED_INTEGER", f"Expected an integer for {name}.", name)
    try:
        return int(value)
    except ValueError as error:
        raise SquareError("EXPECTED_INTEGER", f"Expected an integer for {name}.", name) from error


def moment(fields: Mapping[str, Any], name: str) -> float | None:
    """An RFC 3339 instant from a body as Unix milliseconds with fractions, None when absent."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise SquareError("EXPECTED_STRING", f"Expected a string for {name}.", name)
    try:
        # Nine fractional digits are legal in RFC 3339 and too many for the parser.
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError as error:
        raise SquareError("INVALID_TIME", f"{name} is not an RFC 3339 timestamp.", name) from error
    if found.tzinfo is None:
        raise SquareError("INVALID_TIME", f"{name} has no time zone.", name)
    return round(found.timestamp() * 1000, 3)


def bounded(call: Call, fields: Mapping[str, Any], default: int, highest: int) -> int:
    """A strict `limit`: 400 outside 1..highest (or the default, when the switch `strict_limits` is off)."""
    limit = whole(fields, "limit")
    if limit is None:
        return default
    if 1 <= limit <= highest:
        return limit
    if not call.switches["strict_limits"]:
        return default
    if limit < 1:
        raise SquareError("VALUE_TOO_LOW", "limit must be greater than or equal to 1.", "limit")
    raise SquareError("VALUE_TOO_HIGH", f"limit must be less than or equal to {highest}.", "limit")
