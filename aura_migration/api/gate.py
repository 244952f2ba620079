"""What every request of the API passes before an endpoint sees it: size, sign-in, idempotency; and the audit trail around it.

Who asks for a change is written down before it is begun, and what became of it before the answer leaves. Whoever has an answer finds
it in the trail, and a process that is killed in between leaves behind who asked for what (``audit.tell_interrupted``).

Pure ASGI, so that no endpoint can be added that does without. The console's own pages and the socket sign in by themselves.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

from psycopg.types.json import Jsonb
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aura_migration.api import problems
from aura_migration.api.access.roles import Identity
from aura_migration.api.access.tokens import Unauthenticated
from aura_migration.api.auditing import Deed, note, outcome_of
from aura_migration.api.state import ApiState
from aura_migration.database.connections import Connection
from aura_migration.migration import audit

LARGEST_BODY = 1_000_000
"""Bytes; corrections of a whole quarantine are far smaller."""
SLOWEST_BODY = 20.0
"""Seconds a body may take: a client that sends a byte now and then holds nothing for longer."""
LONGEST_KEY = 200
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PREFIX = "/pos/"
log = logging.getLogger(__name__)


class Gate:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp, state: ApiState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request of the API through, or answer it here."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        deed = Deed()
        scope.setdefault("state", {})
        scope["state"]["deed"] = deed
        status, is_started = 500, False
        request = Request(scope, receive)
        identity: Identity | None = None

        async def seen(message: Message) -> None:
            nonlocal status, is_started
            if message["type"] == "http.response.start" and not is_started:
                status, is_started = message["status"], True
                await self._noted(request, identity, deed, status)
            await send(message)

        try:
            if b"%00" in scope["query_string"] or "\0" in scope["path"]:
                answer = problems.problem(400, "BadInput", "The address holds a NUL.", "Leave it out.")
                await answer(scope, receive, seen)
                return
            body = await _body(request)
            if isinstance(body, Response):
                await body(scope, receive, seen)
                return
            identity, problem = await run_in_threadpool(self._sign_in, request)
            if problem is not None:
                await problem(scope, receive, seen)
                return
            scope["state"]["identity"] = identity
            if identity is not None and request.method not in SAFE:
                deed.number = await self._begun(request, identity)
            await self._once(request, body, identity, _again(body, receive), seen)
        except Exception as error:
            status = 500
            answer = await run_in_threadpool(problems.unexpected, error, self._state.settings.data_dir)
            if not is_started:
                await answer(scope, receive, seen)
        finally:
            if not is_started:  # nothing was answered: the caller is gone
                await self._noted(request, identity, deed, status)

    async def _begun(self, request: Request, identity: Identity) -> int:
        """The number under which a change that somebody asks for is under way."""
        door, asked = request.scope.get("door", "api"), f"{request.method} {request.url.path}"[:200]

        def write() -> int:
            with self._state.connect() as connection:
                return audit.begin(connection, door, identity.name, identity.roles, asked)

        return await run_in_threadpool(write)

    def _sign_in(self, request: Request) -> tuple[Identity | None, Response | None]:
        """The identity of the bearer token; none where there is no token (some endpoints need none)."""
        given = request.headers.get("authorization")
        if given is None:
            return None, None
        scheme, _, token = given.partition(" ")
        try:
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("Authorization must be: Bearer <token>.")
            return self._state.verifier.verify(token.strip()), None
        except Unauthenticated as error:
            return None, problems.problem(
                401, "Unauthenticated", str(error), "Send a valid token: Authorization: Bearer …"
            )

    async def _once(
        self, request: Request, body: bytes, identity: Identity | None, receive: Receive, send: Send
    ) -> None:
        """Pass on; under an idempotency key at most once, the answer being kept for whoever asks again."""
        key = request.headers.get("idempotency-key")
        if key is None or identity is None or request.method in SAFE:
            await self._app(request.scope, receive, send)
            return
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            answer = problems.problem(
                400, "BadInput", f"Idempotency-Key has 1 to {LONGEST_KEY} printable characters.", "Use a random UUID."
            )
            await answer(request.scope, receive, send)
            return
        route = f"{request.method} {request.url.path}?{request.url.query}"
        digest = hashlib.sha256(body).hexdigest()
        known = await run_in_threadpool(self._claim_key, identity.name, key, route, digest)
        if known is not None:
            await known(request.scope, receive, send)
            return
        # The answer leaves only once it is kept: whoever has it and asks again at once gets the same.
        leaving: list[Message] = []

        async def keeping(message: Message) -> None:
            leaving.append(message)

        finished = False
        try:
            await self._app(request.scope, receive, keeping)
            finished = True
        finally:
            kept = _kept(leaving) if finished else None
            await asyncio.shield(run_in_threadpool(self._settle_key, identity.name, key, kept))
        for message in leaving:
            await send(message)

    def _claim_key(self, actor: str, key: str, route: str, digest: str) -> Response | None:
        """None: the key is ours now. Else what is to be answered."""
        with self._state.connect() as connection, connection.transaction():
            connection.execute("DELETE FROM migration.idempotency_keys WHERE created_at < now() - interval '24 hours'")
            # An answer that never came (the process died) frees its key after two minutes.
            connection.execute(
                "DELETE FROM migration.idempotency_keys WHERE actor = %s AND key = %s AND status IS NULL "
                "AND created_at < clock_timestamp() - interval '2 minutes'",
                [actor, key],
            )
            made = connection.execute(
                "INSERT INTO migration.idempotency_keys (actor, key, route, body_hash) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING RETURNING 1",
                [actor, key, route, digest],
            ).fetchone()
            if made is not None:
                return None
            row = connection.execute(
                "SELECT route, body_hash, status, answer FROM migration.idempotency_keys WHERE actor = %s AND key = %s",
                [actor, key],
            ).fetchone()
        if row is None or row[2] is None:
            return problems.problem(
                409,
                "Refused",
                "The first request under this key is still under way.",
                "Wait for its answer.",
                retry_after=2,
            )
        if (row[0], row[1]) != (route, digest):
            return problems.problem(
                422, "Invalid", "This Idempotency-Key was used for another request.", "Use a new key for a new request."
            )
        media = problems.MEDIA_TYPE if row[2] >= 400 else "application/json"
        return Response(json.dumps(row[3]), row[2], {"idempotent-replayed": "true"}, media)

    def _settle_key(self, actor: str, key: str, kept: dict[str, Any] | None) -> None:
        with self._state.connect() as connection:
            if kept is None:
                connection.execute("DELETE FROM migration.idempotency_keys WHERE actor = %s AND key = %s", [actor, key])
                return
            answer = json.loads(kept["body"] or b"null")
            connection.execute(
                "UPDATE migration.idempotency_keys SET status = %s, answer = %s WHERE actor = %s AND key = %s",
                [kept["status"], Jsonb(answer), actor, key],
            )

    async def _noted(self, request: Request, identity: Identity | None, deed: Deed, status: int) -> None:
        """Write into the trail what belongs there, once it is known how the request ends."""
        caller = request.client.host if request.client else "?"
        changes = request.method not in SAFE and not (deed.is_kept_elsewhere and status < 400)
        belongs = deed.is_noted or changes or status in (401, 403)
        if belongs and identity is None and status in (401, 429):
            belongs = not self._state.refusal_limit.wait_for(caller)
        if not belongs:
            number = deed.number
            if number is not None:
                await self._written(lambda connection: audit.forget(connection, number), request.url.path, status)
            return
        route = request.scope.get("route")
        deed.action = deed.action or getattr(route, "name", "") or f"{request.method} {request.url.path}"[:200]
        if identity is None:
            deed.detail.setdefault("address", caller)
        deed.detail.setdefault("status", status)
        door, outcome = request.scope.get("door", "api"), outcome_of(status)
        await self._written(lambda connection: note(connection, identity, deed, outcome, door), deed.action, status)

    async def _written(self, what: Callable[[Connection], None], action: str, status: int) -> None:
        def write() -> None:
            with self._state.connect() as connection:
                what(connection)

        try:
            await asyncio.shield(run_in_threadpool(write))
        except Exception as error:  # what was done is done: it stays under way until the sweep, and the log has it
            log.error("audit trail could not be written: %s %s %s", action, status, type(error).__name__)


def _kept(answer: list[Message]) -> dict[str, Any] | None:
    """What is kept under a key. None: what failed on our side may be tried again, and what is private is not stored."""
    start = next((message for message in answer if message["type"] == "http.response.start"), None)
    if start is None or start["status"] >= 500 or (b"cache-control", b"no-store") in start.get("headers", ()):
        return None
    body = b"".join(message.get("body", b"") for message in answer if message["type"] == "http.response.body")
    return {"status": start["status"], "body": body}


async def _body(request: Request) -> bytes | Response:
    """The whole body, or the refusal of one that is too large or too slow."""
    too_large = problems.problem(413, "TooLarge", f"The body has more than {LARGEST_BODY} bytes.", "Send less at once.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST_BODY:
                    return too_large
                parts.append(part)
    except TimeoutError:
        return problems.problem(408, "TooSlow", f"The body took longer than {SLOWEST_BODY:.0f} s.", "Send it again.")
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive channel that gives a body that was read already, and then what the client really does."""
    is_given = False

    async def given() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return given
