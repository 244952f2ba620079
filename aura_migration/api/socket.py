"""The socket of a migration: ``/pos/migration/ws/{migration_id}?after=N``. What is sent stands in ``listening``; who may, here.

A token comes by the Authorization header or, from browsers, as the subprotocol ``bearer.<token>`` beside ``aura-migration``; never
in the address. Refusals are closes that a browser can read: 4401 sign in (again), 4403 the role does not allow it, 4404 no such
migration for this token, 4408 too slow: come again with ``after``. A page of another origin is refused before that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from aura_migration.api.access.roles import Identity, Permission
from aura_migration.api.access.tokens import Unauthenticated
from aura_migration.api.auditing import Deed, note
from aura_migration.api.listening import Hub, Reader
from aura_migration.api.state import ApiState

router = APIRouter()
PROTOCOL = "aura-migration"
HEARTBEAT_SECONDS = 15.0
SLOWEST_SEND = 30.0
"""Seconds one message may take to leave; a client that takes nothing holds nothing."""
SIGN_IN, NOT_ALLOWED, UNKNOWN, TOO_SLOW = 4401, 4403, 4404, 4408
LARGEST = 2**63 - 1


@router.websocket("/pos/migration/ws/{migration_id}", name="follow")
async def follow(socket: WebSocket, migration_id: int) -> None:
    """Follow a migration live."""
    state: ApiState = socket.app.state.api
    if not _is_from_here(socket, state):
        await _noted(socket, state, None, migration_id, "another origin")
        await socket.close(NOT_ALLOWED)  # before it is accepted: the handshake is answered 403
        return
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    try:
        identity = await run_in_threadpool(state.verifier.verify, _token(socket))
    except Unauthenticated as error:
        await _refuse(socket, state, None, migration_id, SIGN_IN, str(error))
        return
    if not identity.may(Permission.SEE):
        await _refuse(socket, state, identity, migration_id, NOT_ALLOWED, "The roles do not allow it.")
        return
    after = socket.query_params.get("after", "")
    if not await run_in_threadpool(_reaches, state, identity, migration_id):
        await _refuse(socket, state, identity, migration_id, UNKNOWN, f"Migration {migration_id} does not exist.")
        return
    hub: Hub = state.hub
    reader, snapshot = await hub.follow(migration_id)
    try:
        start = min(int(after), LARGEST) if after.isascii() and after.isdigit() else snapshot["sequence"]
        await _serve(socket, hub, reader, snapshot, start, identity)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        return  # the client is gone: what it missed it asks for when it comes again
    finally:
        hub.leave(reader)


async def _serve(
    socket: WebSocket, hub: Hub, reader: Reader, snapshot: dict[str, Any], after: int, identity: Identity
) -> None:
    """First how it stands, then what followed ``after``, then whatever comes."""
    hearing = asyncio.create_task(_hear(socket, reader), name="hear")
    waiting: asyncio.Task[str] | None = None
    try:
        await _send(socket, json.dumps(snapshot, default=str))
        while missed := await hub.replay(reader, after):
            for message in missed:
                await _send(socket, message)
            after = json.loads(missed[-1])["sequence"]
        while True:
            waiting = waiting or asyncio.create_task(reader.waiting.get(), name="wait")
            left = HEARTBEAT_SECONDS if identity.expires is None else identity.expires - time.time()
            if left <= 0:
                await _close(socket, SIGN_IN, "The token has expired.")
                return
            done, _ = await asyncio.wait(
                {waiting, hearing}, timeout=min(left, HEARTBEAT_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            if hearing in done:
                return
            if reader.is_cut_off:
                await _close(socket, TOO_SLOW, "Too many messages wait; come again with after=.")
                return
            if waiting in done:
                message, waiting = waiting.result(), None
                # A reader that came while the topic was read may be given what it has already.
                if not _is_known(message, after):
                    await _send(socket, message)
            elif not done and left > HEARTBEAT_SECONDS - 0.001:
                await _send(socket, '{"type": "heartbeat"}')
    finally:
        for task in (hearing, waiting):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                    await task


def _is_known(message: str, after: int) -> bool:
    if not message.startswith('{"type": "migration_progress"'):
        return False
    return bool(json.loads(message)["sequence"] <= after)


async def _hear(socket: WebSocket, reader: Reader) -> None:
    """Answer pings until the client leaves; whatever else it says is not listened to."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text") or ""
        if len(text) <= 1_000 and '"ping"' in text:
            reader.give(['{"type": "pong"}'])


async def _send(socket: WebSocket, message: str) -> None:
    async with asyncio.timeout(SLOWEST_SEND):
        await socket.send_text(message)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, TimeoutError):
        async with asyncio.timeout(SLOWEST_SEND):
            await socket.close(code, reason)


async def _refuse(
    socket: WebSocket, state: ApiState, identity: Identity | None, migration_id: int, code: int, reason: str
) -> None:
    await _noted(socket, state, identity, migration_id, reason)
    await _close(socket, code, reason)


async def _noted(socket: WebSocket, state: ApiState, identity: Identity | None, migration_id: int, reason: str) -> None:
    """Into the audit trail, but not more often than the limit of refusals."""
    caller = socket.client.host if socket.client else "?"
    if identity is None and state.refusal_limit.wait_for(caller):
        return
    deed = Deed("follow", detail={"why": reason, "address": caller, "migration": migration_id})

    def write() -> None:
        with state.connect() as connection:
            note(connection, identity, deed, "refused", socket.scope.get("door", "api"))

    await run_in_threadpool(write)


def _is_from_here(socket: WebSocket, state: ApiState) -> bool:
    """Browsers say which page opens a socket; programs say nothing."""
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    ours = urlsplit(state.settings.public_url)
    return origin.rstrip("/").lower() == f"{ours.scheme}://{ours.netloc}".lower()


def _token(socket: WebSocket) -> str:
    given = socket.headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
    for protocol in socket.scope["subprotocols"]:
        if protocol.startswith("bearer."):
            return str(protocol.removeprefix("bearer."))
    raise Unauthenticated("No token was sent.")


def _reaches(state: ApiState, identity: Identity, migration_id: int) -> bool:
    with state.connect() as connection:
        row = connection.execute(
            "SELECT restaurant_id FROM migration.migrations WHERE id = %s", [max(0, min(migration_id, LARGEST))]
        ).fetchone()
    return row is not None and identity.reaches(row[0])
