"""The application shell: a POS's routes behind request log and fault dial, and the control surface beside them.

Every sandbox POS is a `PosApp`; `BasePosApp` holds what is the same for all three, so a POS package only adds its
routes, its world, its truth and its own way of answering a fault.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aura_migration.sandbox.core.clock import Clock, parse_instant
from aura_migration.sandbox.core.faults import FaultDial, FaultMiddleware
from aura_migration.sandbox.core.ids import Ids

if TYPE_CHECKING:
    from aura_migration.sandbox.core.webhooks import Webhooks

CONTROL_PREFIX = "/_control"
LOG_LENGTH = 20_000
TOKEN_TAIL = 6


class ControlError(ValueError):
    """A control request that cannot be carried out; answered as 400 with this text."""


class PosApp(Protocol):
    """What the shell needs of a POS."""

    pos: str
    scenario: str
    seed: int
    clock: Clock
    world: Any
    routes: Sequence[BaseRoute]
    control_routes: Sequence[BaseRoute]
    exception_handlers: Mapping[Any, Any]
    switches: dict[str, Any]
    fault_kinds: Sequence[str]
    log_headers: Sequence[str]
    webhooks: Webhooks | None

    def truth(self) -> dict[str, Any]:
        """The known truth of the scenario as it stands now."""

    def credentials(self) -> dict[str, Any]:
        """`{"default": document, "variants": {name: document}}`."""

    def edit(self, op: dict[str, Any]) -> list[str]:
        """Carry one menu edit out; answers the ids it changed. Raises `ControlError`."""

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        """The POS's own answer to a fault, or None for the generic one (hooked kinds: go on to the handler)."""

    def on_switch(self, name: str, value: Any) -> None:
        """Called after a switch was changed; a `ControlError` from here puts the old value back."""

    def expire_tokens(self) -> int:
        """Expire every access token now; answers how many."""

    def revoke_tokens(self) -> int:
        """End the seller's whole authorization; answers how many tokens ended."""

    def set_scope(self, scope: str, granted: bool) -> None:
        """Grant a permission to, or take it from, the default credentials and their live tokens."""


class BasePosApp:
    """A `PosApp` with nothing in it; POS packages derive from it. `switches` must be set before the app is built."""

    pos = ""
    fault_kinds: Sequence[str] = ()
    log_headers: Sequence[str] = ()

    def __init__(self, scenario: str, seed: int, clock: Clock) -> None:
        self.scenario = scenario
        self.seed = seed
        self.clock = clock
        self.ids = Ids(scenario, seed, self.pos)
        self.world: Any = None
        self.routes: Sequence[BaseRoute] = ()
        self.control_routes: Sequence[BaseRoute] = ()
        self.exception_handlers: Mapping[Any, Any] = {}
        self.switches: dict[str, Any] = {}
        self.webhooks: Webhooks | None = None

    def truth(self) -> dict[str, Any]:
        """See `PosApp.truth`."""
        raise NotImplementedError

    def credentials(self) -> dict[str, Any]:
        """See `PosApp.credentials`."""
        raise NotImplementedError

    def edit(self, op: dict[str, Any]) -> list[str]:
        """See `PosApp.edit`."""
        raise ControlError(f"{self.pos}: edit {op.get('op')!r} is not known")

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        """See `PosApp.on_fault`."""
        return None

    def on_switch(self, name: str, value: Any) -> None:
        """See `PosApp.on_switch`."""

    def expire_tokens(self) -> int:
        """See `PosApp.expire_tokens`."""
        raise NotImplementedError

    def revoke_tokens(self) -> int:
        """See `PosApp.revoke_tokens`."""
        raise NotImplementedError

    def set_scope(self, scope: str, granted: bool) -> None:
        """See `PosApp.set_scope`."""
        raise NotImplementedError


class RequestLog:
    """The last requests a POS served, each `{method, path, query, status, token, started, seconds, in_flight, ...}`."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self.in_flight = 0
        self.max_in_flight = 0

    def clear(self) -> None:
        """Forget every finished request."""
        self.entries.clear()
        self.max_in_flight = self.in_flight


class LogMiddleware:
    """Writes each POS request (not the control surface's) into the log; a status of null = no answer was completed."""

    def __init__(self, app: ASGIApp, log: RequestLog, headers: Sequence[str]) -> None:
        self.app = app
        self._log = log
        self._headers = tuple(name.lower() for name in headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and log one request."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        log = self._log
        log.in_flight += 1
        log.max_in_flight = max(log.max_in_flight, log.in_flight)
        began = time.perf_counter()
        entry: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": None,
            "complete": False,
            "token": request.headers.get("authorization", "")[-TOKEN_TAIL:],
            "headers": {name: request.headers[name] for name in self._headers if name in request.headers},
            "faults": [],
            "started": time.time(),
            "seconds": None,
            "in_flight": log.in_flight,
        }
        log.entries.append(entry)

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                entry["complete"] = True
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            log.in_flight -= 1
            entry["seconds"] = round(time.perf_counter() - began, 6)
            entry["faults"] = scope.get("state", {}).get("sandbox_fault_kinds", [])


def build_app(pos_app: PosApp) -> Starlette:
    """The complete ASGI application of one POS: log, faults, the POS's routes, the control surface."""
    dial = FaultDial(pos_app.seed, pos_app.fault_kinds)
    log = RequestLog()
    if pos_app.webhooks is not None:
        pos_app.webhooks.dial = dial
    control = ControlSurface(pos_app, dial, log)
    app = Starlette(
        routes=[Mount(CONTROL_PREFIX, routes=[*control.routes(), *pos_app.control_routes]), *pos_app.routes],
        middleware=[
            Middleware(LogMiddleware, log=log, headers=pos_app.log_headers),
            Middleware(FaultMiddleware, dial=dial, hook=pos_app.on_fault, prefix=CONTROL_PREFIX),
        ],
        exception_handlers=dict(pos_app.exception_handlers),
    )
    app.state.pos_app, app.state.faults, app.state.log = pos_app, dial, log
    return app


Handler = Callable[[Request, dict[str, Any]], Any]


class ControlSurface:
    """The handlers under `/_control`: no authentication, JSON in and out, errors as `{"error": text}` with 400."""

    def __init__(self, pos_app: PosApp, dial: FaultDial, log: RequestLog) -> None:
        self._pos = pos_app
        self._dial = dial
        self._log = log

    def routes(self) -> list[Route]:
        """All control routes."""
        table: list[tuple[str, str, Handler]] = [
            ("/", "GET", lambda _r, _b: self._index()),
            ("/truth", "GET", lambda _r, _b: self._pos.truth()),
            ("/credentials", "GET", lambda _r, _b: self._pos.credentials()),
            ("/faults", "GET", lambda _r, _b: {"faults": self._dial.to_json(), "kinds": sorted(self._dial.kinds)}),
            ("/faults", "POST", self._add_faults),
            ("/faults", "DELETE", self._clear_faults),
            ("/clock", "GET", lambda _r, _b: self._clock()),
            ("/clock", "POST", self._set_clock),
            ("/switches", "GET", lambda _r, _b: dict(self._pos.switches)),
            ("/switches", "POST", self._set_switches),
            ("/requests", "GET", lambda _r, _b: self._requests()),
            ("/requests", "DELETE", lambda _r, _b: self._forget_requests()),
            ("/edit", "POST", self._edit),
            ("/tokens", "POST", self._tokens),
            ("/webhooks", "GET", lambda _r, _b: self._webhooks.to_json()),
            ("/webhooks", "POST", lambda _r, body: self._webhooks.control(body)),
        ]
        by_path: dict[str, dict[str, Handler]] = {}
        for path, method, handler in table:
            by_path.setdefault(path, {})[method] = handler
        return [Route(path, _endpoint(handlers), methods=list(handlers)) for path, handlers in by_path.items()]

    @property
    def _webhooks(self) -> Webhooks:
        if self._pos.webhooks is None:
            raise ControlError(f"the sandbox of {self._pos.pos} sends no webhooks")
        return self._pos.webhooks

    def _index(self) -> dict[str, Any]:
        pos = self._pos
        paths = ["truth", "credentials", "faults", "clock", "switches", "requests", "edit", "tokens", "webhooks"]
        return {"pos": pos.pos, "scenario": pos.scenario, "seed": pos.seed, "paths": paths}

    def _add_faults(self, _request: Request, body: Any) -> dict[str, Any]:
        specs = body if isinstance(body, list) else [body]
        if not specs or any(not isinstance(spec, dict) for spec in specs):
            raise ControlError("send one fault as an object, or several as a list of objects")
        return {"ok": True, "faults": [self._dial.add(spec).to_json() for spec in specs]}

    def _clear_faults(self, request: Request, _body: Any) -> dict[str, Any]:
        number = request.query_params.get("id")
        return {"ok": True, "cleared": self._dial.clear(int(number) if number else None)}

    def _clock(self) -> dict[str, Any]:
        clock = self._pos.clock
        return {"now": clock.now().isoformat().replace("+00:00", "Z"), "fixed": clock.fixed is not None}

    def _set_clock(self, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
        unknown = set(body) - {"now", "skip"}
        if unknown or not body:
            raise ControlError(
                'send {"now": RFC 3339 time or null} to set POS time, {"skip": seconds} to let time pass'
            )
        if "now" in body:
            self._pos.clock.set(parse_instant(body["now"]) if body["now"] is not None else None)
        self._pos.clock.skip(float(body.get("skip", 0)))
        if self._pos.webhooks is not None:
            self._pos.webhooks.wake()
        return self._clock()

    def _set_switches(self, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
        set_switches(self._pos, body)
        return dict(self._pos.switches)

    def _requests(self) -> dict[str, Any]:
        log = self._log
        return {"requests": list(log.entries), "in_flight": log.in_flight, "max_in_flight": log.max_in_flight}

    def _forget_requests(self) -> dict[str, Any]:
        self._log.clear()
        return {"ok": True}

    def _edit(self, _request: Request, body: Any) -> dict[str, Any]:
        ops = body if isinstance(body, list) else [body]
        if not ops or any(not isinstance(op, dict) or "op" not in op for op in ops):
            raise ControlError('send one edit as an object with "op", or several as a list')
        changed: list[str] = []
        webhooks = self._pos.webhooks
        told = webhooks if webhooks is not None and webhooks.are_wanted else None
        for op in ops:
            before = told.before(op) if told is not None else None
            done = self._pos.edit(op)
            changed.extend(done)
            if told is not None:
                told.edited(op, done, before)
        return {"ok": True, "changed": list(dict.fromkeys(changed))}

    def _tokens(self, _request: Request, body: dict[str, Any]) -> dict[str, Any]:
        verb, scope = body.get("op"), body.get("scope")
        if verb == "expire":
            return {"ok": True, "tokens": self._pos.expire_tokens()}
        if verb == "revoke":
            ended = self._pos.revoke_tokens()
            if self._pos.webhooks is not None:
                self._pos.webhooks.revoked()
            return {"ok": True, "tokens": ended}
        if verb in ("drop_scope", "add_scope") and isinstance(scope, str) and scope:
            self._pos.set_scope(scope, verb == "add_scope")
            return {"ok": True}
        raise ControlError('send {"op": "expire" | "revoke"} or {"op": "drop_scope" | "add_scope", "scope": name}')


def set_switches(pos_app: PosApp, values: Mapping[str, Any]) -> None:
    """Change named switches. Raises `ControlError` for an unknown name or a value of another type than the default."""
    for name, value in values.items():
        if name not in pos_app.switches:
            known = ", ".join(sorted(pos_app.switches))
            raise ControlError(f"{pos_app.pos} sandbox has no switch {name!r}; it has: {known}")
        held = pos_app.switches[name]
        number = isinstance(held, int | float) and not isinstance(held, bool)
        fits = isinstance(value, int | float) and not isinstance(value, bool) if number else type(value) is type(held)
        if held is not None and value is not None and not fits:
            raise ControlError(f"switch {name!r} holds {held!r}; {value!r} is of another type")
    for name, value in values.items():
        before = pos_app.switches[name]
        pos_app.switches[name] = value
        try:
            pos_app.on_switch(name, value)
        except ControlError:
            pos_app.switches[name] = before
            raise


def _endpoint(handlers: Mapping[str, Handler]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            raw = await request.body()
            body = json.loads(raw) if raw else {}
            if not isinstance(body, dict | list):
                raise ControlError("the body must be a JSON object")
            return JSONResponse(handler(request, body))  # type: ignore[arg-type]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error) or type(error).__name__}, 400)

    return endpoint
