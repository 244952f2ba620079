"""The fault dial: which requests go wrong, how often, and in which way.

A fault is a JSON object `{"kind", "match", "method"?, "headers"?, "after"?, "times"?, "probability"?, ...parameters}`.
`match` is a regular expression searched in `path?query`; `headers` maps header names to regular expressions. The first
`after` matching requests pass, then `times` requests are hit (null or absent: all), each with `probability` (seeded).

Kinds that look the same for every POS are carried out here, on real bytes. Kinds whose shape is the POS's own
(`HOOKED_KINDS`) are handed to the POS application and to its handlers through `fault_of`. `WEBHOOK_KINDS` hit what the
sandbox sends, not what it serves; their `match` is searched in the kind of the event.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GENERIC_KINDS = frozenset({"rate_limit", "error", "reset", "truncate", "slow", "html", "drop_field", "rename_field"})
HOOKED_KINDS = frozenset({"expire_token", "stale_cursor", "conflict", "lying_cap"})
WEBHOOK_KINDS = frozenset({"webhook_duplicate", "webhook_reorder", "webhook_corrupt"})
COMMON_FIELDS = frozenset({"kind", "match", "method", "headers", "after", "times", "probability"})
PARAMETERS: dict[str, frozenset[str]] = {
    "rate_limit": frozenset({"advice", "retry_after"}),
    "error": frozenset({"status", "body"}),
    "reset": frozenset({"where", "how", "fraction"}),
    "truncate": frozenset({"fraction"}),
    "slow": frozenset({"seconds", "where"}),
    "html": frozenset({"status"}),
    "drop_field": frozenset({"path"}),
    "rename_field": frozenset({"path", "to"}),
    "lying_cap": frozenset({"mode", "cap"}),
    "webhook_duplicate": frozenset({"copies"}),
    "webhook_reorder": frozenset(),
    "webhook_corrupt": frozenset(),
}
ERROR_STATUSES = (500, 502, 503, 504)
HTML_PAGE = (
    "<!DOCTYPE html><html><head><title>Please stand by</title></head>"
    "<body><h1>Please stand by</h1><p>The page you asked for is on its way.</p></body></html>"
)
TRANSPORT_KEY = "sandbox.transport"


class FaultError(ValueError):
    """A fault that cannot be set, with the field at fault and what is allowed there."""


class Fault:
    """One fault of the dial with its counters."""

    def __init__(self, number: int, spec: dict[str, Any], seed: int, known_kinds: frozenset[str]) -> None:
        self.id = number
        self.spec = dict(spec)
        self.kind = str(spec.get("kind", ""))
        _check(self.spec, self.kind, known_kinds)
        self._pattern = re.compile(spec.get("match") or "")
        self._method = str(spec["method"]).upper() if spec.get("method") else None
        self._headers = {name.lower(): re.compile(value) for name, value in (spec.get("headers") or {}).items()}
        self._after = int(spec.get("after") or 0)
        self._times = None if spec.get("times") is None else int(spec["times"])
        self._probability = float(spec.get("probability", 1.0))
        self._rng = random.Random(f"{seed}:{number}:{self.kind}")  # noqa: S311 - seeded on purpose
        self.seen = 0
        self.fired = 0

    def fires(self, method: str, target: str, headers: dict[str, str]) -> bool:
        """Count this request if it matches, and say whether it is hit."""
        if self._method is not None and method != self._method:
            return False
        if not self._pattern.search(target):
            return False
        if any(not pattern.search(headers.get(name, "")) for name, pattern in self._headers.items()):
            return False
        self.seen += 1
        if self.seen <= self._after or (self._times is not None and self.fired >= self._times):
            return False
        if self._probability < 1.0 and self._rng.random() >= self._probability:
            return False
        self.fired += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """The fault as set, with its id and how many requests it saw and hit."""
        return {**self.spec, "id": self.id, "seen": self.seen, "fired": self.fired}


def _check(spec: dict[str, Any], kind: str, known_kinds: frozenset[str]) -> None:
    if kind not in known_kinds:
        raise FaultError(f"fault kind {kind!r} is unknown; known kinds: {', '.join(sorted(known_kinds))}")
    if kind in PARAMETERS or kind in GENERIC_KINDS:
        unknown = set(spec) - COMMON_FIELDS - PARAMETERS.get(kind, frozenset())
        if unknown:
            raise FaultError(f"fault {kind!r} has no parameter {min(unknown)!r}")
    for field in ("match", *(f"headers.{name}" for name in spec.get("headers") or {})):
        value = spec.get("match") or "" if field == "match" else spec["headers"][field.removeprefix("headers.")]
        try:
            re.compile(value)
        except (re.error, TypeError) as error:
            raise FaultError(f"fault {field} {value!r} is not a regular expression: {error}") from error
    if not 0.0 <= float(spec.get("probability", 1.0)) <= 1.0:
        raise FaultError("fault probability must lie between 0 and 1")
    choices: dict[tuple[str, str], tuple[Any, ...]] = {
        ("error", "status"): ERROR_STATUSES,
        ("error", "body"): ("json", "text", "html"),
        ("reset", "where"): ("mid_body", "before_headers"),
        ("reset", "how"): ("close", "rst"),
        ("slow", "where"): ("before", "mid_body"),
        ("lying_cap", "mode"): ("ignore_cursor", "cut"),
    }
    for (of_kind, field), allowed in choices.items():
        if kind == of_kind and field in spec and spec[field] not in allowed:
            raise FaultError(f"fault {kind!r}: {field} must be one of {', '.join(map(str, allowed))}")
    needed = {"slow": ("seconds",), "drop_field": ("path",), "rename_field": ("path", "to"), "lying_cap": ("mode",)}
    for field in needed.get(kind, ()):
        if field not in spec:
            raise FaultError(f"fault {kind!r} needs {field!r}")


class FaultDial:
    """All faults set at present, in the order they were set."""

    def __init__(self, seed: int, extra_kinds: Iterable[str] = ()) -> None:
        self.kinds = GENERIC_KINDS | HOOKED_KINDS | WEBHOOK_KINDS | frozenset(extra_kinds)
        self._seed = seed
        self._faults: list[Fault] = []
        self._made = 0

    def add(self, spec: dict[str, Any]) -> Fault:
        """Set one more fault. Raises `FaultError` when it makes no sense."""
        fault = Fault(self._made + 1, spec, self._seed, self.kinds)
        self._made += 1
        self._faults.append(fault)
        return fault

    def clear(self, number: int | None = None) -> int:
        """Remove the fault of that id, or all of them; answers how many went."""
        kept = [] if number is None else [fault for fault in self._faults if fault.id != number]
        gone = len(self._faults) - len(kept)
        self._faults = kept
        return gone

    def to_json(self) -> list[dict[str, Any]]:
        """Every fault with its counters."""
        return [fault.to_json() for fault in self._faults]

    def fire(self, method: str, target: str, headers: dict[str, str]) -> list[Fault]:
        """The faults that hit this request; each counts it."""
        return [
            fault for fault in self._faults if fault.kind not in WEBHOOK_KINDS and fault.fires(method, target, headers)
        ]

    def fire_webhook(self, kind: str) -> list[Fault]:
        """The faults that hit an event of this kind on its way out; each counts it."""
        return [fault for fault in self._faults if fault.kind in WEBHOOK_KINDS and fault.fires("POST", kind, {})]


def fault_of(request: Request, kind: str) -> dict[str, Any] | None:
    """The parameters of a hooked fault that hits this request, for handlers that carry it out themselves."""
    faults: dict[str, dict[str, Any]] = request.scope.get("state", {}).get("sandbox_faults", {})
    return faults.get(kind)


Hook = Callable[[str, dict[str, Any], Request], Response | None]


class FaultMiddleware:
    """Carries faults out around the POS application; `hook` lets the POS answer in its own way first."""

    def __init__(self, app: ASGIApp, dial: FaultDial, hook: Hook, prefix: str) -> None:
        self.app = app
        self._dial = dial
        self._hook = hook
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, sound or broken."""
        if scope["type"] != "http" or scope["path"].startswith(self._prefix):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        fired = self._dial.fire(scope["method"], target, dict(request.headers))
        if not fired:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["sandbox_fault_kinds"] = [fault.kind for fault in fired]
        hooked = state.setdefault("sandbox_faults", {})
        response: Response | None = None
        late: list[Fault] = []
        for fault in fired:
            hooked[fault.kind] = fault.spec
            if fault.kind == "slow" and fault.spec.get("where", "before") == "before":
                await asyncio.sleep(float(fault.spec["seconds"]))
            elif fault.kind in LATE_KINDS:
                late.append(fault)
            else:
                response = self._hook(fault.kind, fault.spec, request) or _early_response(fault)
            if response is not None:
                break
        inner: ASGIApp = response if response is not None else self.app
        if not late:
            await inner(scope, receive, send)
            return
        start, body = await _capture(inner, scope, receive)
        await _deliver_broken(scope, receive, send, start, body, late)


LATE_KINDS = frozenset({"reset", "truncate", "slow", "drop_field", "rename_field"})


def _early_response(fault: Fault) -> Response | None:
    spec = fault.spec
    if fault.kind == "rate_limit":
        headers = {"Retry-After": str(spec.get("retry_after", 1))} if spec.get("advice") else {}
        return JSONResponse({"message": "429 Too Many Requests"}, 429, headers)
    if fault.kind == "error":
        status, body = int(spec.get("status", 503)), spec.get("body", "json")
        if body == "html":
            return HTMLResponse(f"<html><body><h1>{status}</h1><p>upstream error</p></body></html>", status)
        if body == "text":
            return PlainTextResponse("upstream connect error or disconnect/reset before headers", status)
        return JSONResponse({"message": f"{status} error"}, status)
    if fault.kind == "html":
        return HTMLResponse(HTML_PAGE, int(spec.get("status", 200)))
    return None


async def _capture(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    started: Message = {}
    chunks: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(scope, receive, keep)
    return started, b"".join(chunks)


async def _deliver_broken(
    scope: Scope, receive: Receive, send: Send, start: Message, body: bytes, late: list[Fault]
) -> None:
    """Send the captured answer with every late fault applied, in the order set; a reset comes last of all."""
    reset: dict[str, Any] | None = None
    pause = 0.0
    for fault in late:
        if fault.kind in ("drop_field", "rename_field"):
            body = _edit_json(body, fault.spec)
        elif fault.kind == "truncate":
            body = body[: _cut_at(body, float(fault.spec.get("fraction", 0.5)))]
        elif fault.kind == "slow":
            pause += float(fault.spec["seconds"])
        else:
            reset = fault.spec
    headers = [(name, value) for name, value in start.get("headers", []) if name.lower() != b"content-length"]
    start = {**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
    if reset is not None:
        await _send_and_drop(scope, receive, send, start, body, reset)
        return
    await send(start)
    if pause:
        half = len(body) // 2
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
        await asyncio.sleep(pause)
        body = body[half:]
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _cut_at(body: bytes, fraction: float) -> int:
    return max(0, min(len(body) - 1, int(len(body) * fraction)))


async def _send_and_drop(
    scope: Scope, receive: Receive, send: Send, start: Message, body: bytes, spec: dict[str, Any]
) -> None:
    """Promise the whole body, send a part of it (or nothing at all) and close the connection."""
    transport = scope.get(TRANSPORT_KEY)
    if spec.get("where", "mid_body") == "mid_body":
        await send(start)
        part = body[: _cut_at(body, float(spec.get("fraction", 0.5)))]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if transport is None:
        raise ConnectionResetError("fault 'reset' outside the sandbox server: no connection to close")
    if spec.get("how", "close") == "rst":
        # Lingering for zero seconds turns the close into a TCP reset.
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        continue


def _edit_json(body: bytes, spec: dict[str, Any]) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return body
    _walk(document, re.findall(r"\[\]|[^.\[\]]+", str(spec["path"])), spec.get("to"))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _walk(node: Any, path: list[str], to: str | None) -> None:
    """Drop (`to` None) or rename the field at the end of `path` everywhere; `[]` = each element, `*` = each key."""
    head, rest = path[0], path[1:]
    if head == "[]":
        for element in node if isinstance(node, list) else []:
            if rest:
                _walk(element, rest, to)
        return
    if not isinstance(node, dict):
        return
    names = list(node) if head == "*" else [head] if head in node else []
    for name in names:
        if rest:
            _walk(node[name], rest, to)
        elif to is None:
            del node[name]
        else:
            node[to] = node.pop(name)
