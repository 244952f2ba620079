"""Putting the console up on the API's application. Once per process: NiceGUI is one per process, too."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from nicegui import app as server
from nicegui import ui
from nicegui.core import sio
from nicegui.storage import Storage
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aura_migration.api.access.tokens import local_secret
from aura_migration.api.state import ApiState
from aura_migration.console import layout, pages
from aura_migration.console.session import COOKIE, COOKIE_SECONDS, PREFIX, Sessions, is_own_origin, keys_of
from aura_migration.console.theme import COLOURS, STYLE

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The browser itself refuses to ask anybody else. Inline scripts and ``eval`` are how Vue's templates work."""
RECONNECT_SECONDS = 30.0
"""A browser that comes back within this time goes on with the page it has; later, or to a new process, the page is made anew."""
_mounted: list[FastAPI] = []


def mount(app: FastAPI) -> None:
    """Serve the console below ``/console`` of an application made by ``build_app``, before it starts."""
    if _mounted:
        raise RuntimeError("The console is mounted already; it can be mounted once per process.")
    state: ApiState = app.state.api
    settings = state.settings
    cookies, seal = keys_of(local_secret(settings.data_dir))
    folder = settings.data_dir / "console"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    Storage.path = folder
    sessions = Sessions(app, seal)
    sessions.install()
    layout.use(sessions)
    pages.install()
    public_url = settings.public_url

    def from_here(origin: str | None, environ: Mapping[str, Any]) -> bool:
        return origin is None or is_own_origin(origin, environ.get("HTTP_HOST", ""), public_url)

    sio.eio.cors_allowed_origins = from_here
    ui.add_css(STYLE, shared=True)
    server.colors(**COLOURS)
    ui.run_with(
        app,
        mount_path=PREFIX,
        title="AuraConnect migration",
        favicon="🍽️",
        language="en-US",
        dark=False,
        tailwind=False,
        reconnect_timeout=RECONNECT_SECONDS,
        storage_secret=cookies,
        session_middleware_kwargs={
            "session_cookie": COOKIE,
            "max_age": COOKIE_SECONDS,
            "path": PREFIX,
            "same_site": "lax",
            "https_only": public_url.startswith("https:"),
        },
        show_welcome_message=False,
    )
    server.add_middleware(Guard, public_url=public_url, is_local=sessions.is_local)
    app.add_route("/", _to_console, include_in_schema=False)
    _mounted.append(app)


async def _to_console(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/")


class Guard:
    """Headers of every page; and in the local mode, where nobody signs in, only names of this machine are answered:
    another site whose name is made to point here gets nothing.
    """

    def __init__(self, app: ASGIApp, public_url: str, is_local: bool) -> None:
        self._app, self._is_local = app, is_local
        self._public = urlsplit(public_url).hostname
        self._headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"x-frame-options", b"DENY"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer under names of our own, with the headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        if self._is_local and not self._is_here(host):
            refusal = PlainTextResponse("This console answers at localhost only.", 421)
            await refusal(scope, receive, send)
            return
        safe = host if all(c.isalnum() or c in ".-:[]" for c in host) else ""
        policy = POLICY.format(sockets=f"ws://{safe} wss://{safe}" if safe else "")

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [
                        *message.get("headers", []),
                        *self._headers,
                        (b"content-security-policy", policy.encode()),
                    ],
                }
            await send(message)

        await self._app(scope, receive, headed)

    def _is_here(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        if name in ("localhost", self._public):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False
