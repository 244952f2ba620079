"""What stands before every endpoint of the sandbox Toast: token, rate limits, restaurant header, scope, and errors.

Belongs here: the order of the checks, Toast's error body, the limit headers.
Does not belong here: what endpoints answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.limits import FixedSlice, Verdict
from aura_migration.sandbox.toast.auth import Client, Registry
from aura_migration.sandbox.toast.world import Publication, World

RESTAURANT_HEADER = "Toast-Restaurant-External-ID"
PER_SECOND, PER_QUARTER_HOUR, QUARTER_HOUR = 20, 10_000, 900
ENDPOINTS_PER_SECOND = {"menus-v2": 1, "menus-v3": 1, "orders-bulk": 5}


class ToastError(Exception):
    """An answer that is an ErrorMessage."""

    def __init__(self, status: int, message: str, code: int = 0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code or 10_000 + status
        self.headers = dict(headers or {})


def error_response(
    status: int, message: str, code: int, headers: Mapping[str, str] | None = None, status_as_text: bool = False
) -> Response:
    """Toast's error body with that status."""
    body: dict[str, Any] = {
        "status": str(status) if status_as_text else status,
        "code": code,
        "message": message,
        "messageKey": None,
        "fieldName": None,
        "link": None,
        "requestId": str(uuid.uuid4()),
        "developerMessage": None,
        "errors": [],
        "canRetry": None,
    }
    return JSONResponse(body, status, dict(headers or {}))


class Limiter:
    """Toast's fixed slices: global, then per API, then per endpoint; each per second and per quarter of an hour."""

    def __init__(self, clock: Clock, scale: float = 1.0) -> None:
        self._clock = clock
        self.rescale(scale)

    def rescale(self, scale: float) -> None:
        """Start over with every limit multiplied by ``scale`` (at least one request stays allowed)."""

        def slices(*limits: tuple[int, int]) -> list[FixedSlice]:
            return [FixedSlice(max(1, round(limit * scale)), seconds, self._clock) for limit, seconds in limits]

        default = ((PER_SECOND, 1), (PER_QUARTER_HOUR, QUARTER_HOUR))
        self._all = slices(*default)
        self._api = slices(*default)
        self._endpoints = {name: slices((limit, 1)) for name, limit in ENDPOINTS_PER_SECOND.items()}

    def take(self, key: str, api: str, endpoint: str | None) -> tuple[str, Verdict]:
        """Count one request; answers the limit nearest exhaustion (or the one that refused) and its verdict."""
        steps = [("GLOBAL", each, key) for each in self._all] + [("API", each, f"{key}|{api}") for each in self._api]
        if endpoint is not None:
            steps += [("ENDPOINT", each, f"{key}|{endpoint}") for each in self._endpoints[endpoint]]
        nearest: tuple[str, Verdict] | None = None
        for name, limit, counted in steps:
            verdict = limit.take(counted)
            if not verdict.allowed:
                return name, verdict
            if nearest is None or verdict.remaining < nearest[1].remaining:
                nearest = (name, verdict)
        assert nearest is not None
        return nearest

    def idle(self) -> tuple[str, Verdict]:
        """What is said when limits are switched off: plenty left."""
        return "GLOBAL", self._all[1].peek("nobody")


def limit_headers(name: str, verdict: Verdict) -> dict[str, str]:
    """The three limit headers, and ``Retry-After`` on a refusal."""
    headers = {
        "X-Toast-RateLimit-By": name,
        "X-Toast-RateLimit-Remaining": str(verdict.remaining),
        "X-Toast-RateLimit-Reset": str(verdict.reset_epoch),
    }
    if not verdict.allowed:
        headers["Retry-After"] = str(verdict.retry_after)
    return headers


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for which location; ``place`` is None for the partners API."""

    client: Client
    place: Publication | None

    @property
    def here(self) -> Publication:
        """The location of the restaurant header."""
        if self.place is None:
            raise ToastError(403, "this call needs a restaurant")
        return self.place


class Gate:
    """Admits requests or answers why not."""

    def __init__(self, registry: Registry, world: World, clock: Clock, switches: Mapping[str, Any]) -> None:
        self._registry = registry
        self._world = world
        self._switches = switches
        self.limiter = Limiter(clock)

    def count(self, request: Request, key: str, endpoint: str | None) -> dict[str, str]:
        """Count the request against its limits; answers the headers to send. Raises ``ToastError`` 429."""
        if self._switches["limits"] == "off":
            return limit_headers(*self.limiter.idle())
        name, verdict = self.limiter.take(key, request.url.path.split("/")[1], endpoint)
        headers = limit_headers(name, verdict)
        if not verdict.allowed:
            raise ToastError(429, "Too many requests", headers=headers)
        return headers

    def count_login(self, request: Request) -> None:
        """Count a sign-in against the global limit of its address; its answers carry no limit headers."""
        try:
            self.count(request, f"ip:{self._address(request)}", None)
        except ToastError as refusal:
            advice = {"Retry-After": refusal.headers["Retry-After"]}
            raise ToastError(429, "Too many requests", headers=advice) from None

    def admit(
        self,
        request: Request,
        scope: str | tuple[str, ...] | None,
        *,
        restaurant: bool = True,
        endpoint: str | None = None,
    ) -> Caller:
        """Check token, limits, restaurant and scope (of several, any), in that order; the limit headers go to
        ``request.state``."""
        client = self._registry.holder(self._bearer(request))
        named = request.headers.get(RESTAURANT_HEADER, "").strip()
        key = f"{client.client_id}|{named}" if client and named and restaurant else f"ip:{self._address(request)}"
        request.state.toast_headers = self.count(request, key, endpoint)
        if client is None:
            raise ToastError(401, "Unauthorized: the access token is missing, unknown or expired")
        place = self._restaurant(client, named) if restaurant else None
        wanted = (scope,) if isinstance(scope, str) else scope
        if wanted is not None and client.scopes.isdisjoint(wanted):
            raise ToastError(403, f"Forbidden: the client does not have the scope {' or '.join(wanted)}")
        return Caller(client, place)

    @staticmethod
    def _bearer(request: Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @staticmethod
    def _address(request: Request) -> str:
        return request.client.host if request.client else "unknown"

    def _restaurant(self, client: Client, named: str) -> Publication:
        if not named:
            status = int(self._switches["missing_restaurant_header_status"])
            raise ToastError(status, f"{RESTAURANT_HEADER} header is required")
        place = self._world.places.get(named.lower())
        if place is None or not place.connected or place.archived or not client.may_see(place.location.guid):
            raise ToastError(403, f"Forbidden: the client is not permitted for restaurant {named}")
        waiting = int(self._switches["connecting_restaurants"])
        if waiting and place in list(self._world.places.values())[-waiting:]:
            raise ToastError(403, f"Forbidden: restaurant {named} is not connected yet")
        return place


def render_error(error: ToastError, request: Request, switches: Mapping[str, Any]) -> Response:
    """The answer to a refused request, with the limit headers it has earned."""
    headers = {**getattr(request.state, "toast_headers", {}), **error.headers}
    if error.status == 429 and switches["rate_limit_body"] == "text":
        return PlainTextResponse("Too Many Requests", 429, headers)
    as_text = request.url.path.startswith("/authentication/") and switches["auth_status_as_text"]
    return error_response(error.status, error.message, error.code, headers, as_text)
