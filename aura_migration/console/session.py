"""Who sits at the browser: a token kept sealed on the server, found by a signed cookie that scripts cannot read.

Signing in and out are plain form posts, so that the cookie changes with them: a cookie somebody had planted before is worth
nothing after. In the local mode there is nobody to tell apart and everyone at this machine is signed in.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from cryptography.fernet import Fernet, InvalidToken
from fastapi import FastAPI, Request
from nicegui import app as server
from starlette.responses import RedirectResponse, Response

from aura_migration.api.state import ApiState
from aura_migration.console.client import Api, Problem

PREFIX = "/console"
SIGN_IN = f"{PREFIX}/sign-in"
LONGEST_FORM = 16_384
"""Bytes; a token of a few kilobytes and where to go afterwards."""
COOKIE = "aura_console"
COOKIE_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Me:
    """Who the token stands for, as the API says it."""

    name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        """Whether a button for it is shown. The API decides anyway."""
        return permission in self.permissions


class Sessions:
    """Tokens of those who are signed in. One per process; ``NiceGUI`` keeps the files."""

    def __init__(self, app: FastAPI, seal: Fernet) -> None:
        self.app = app
        self.state: ApiState = app.state.api
        self._seal = seal
        self._arriving: dict[str, str] = {}

    @property
    def is_local(self) -> bool:
        """Whether everyone at this machine is signed in as its administrator."""
        return self.state.issuer is not None

    def token(self) -> str | None:
        """The token of whoever asks for the present page; None when signed out."""
        if self.is_local:
            return self.state.local_token()
        arrived = self._arriving.pop(str(server.storage.browser.get("id", "")), None)
        if arrived is not None:
            server.storage.user["token"] = arrived
        sealed = server.storage.user.get("token")
        if not isinstance(sealed, str):
            return None
        try:
            return self._seal.decrypt(sealed.encode(), ttl=COOKIE_SECONDS).decode()
        except InvalidToken:  # too old, or the secret of the console is another now
            return None

    async def open(self) -> tuple[Api, Me] | Problem | None:
        """The API and the person of the present page; None when signed out, a ``Problem`` when it cannot be told."""
        token = self.token()
        if token is None:
            return None
        api = Api(self.app, token)
        try:
            return api, await who(api)
        except Problem as problem:
            return None if problem.status == 401 else problem

    def install(self) -> None:
        """Add what the forms of signing in and out post to."""
        server.add_route("/session", self._signed_in, methods=["POST"])
        server.add_route("/session/end", self._signed_out, methods=["POST"])

    async def _signed_in(self, request: Request) -> Response:
        if not _is_own(request, self.state.settings.public_url):
            return Response("This form was sent from another site.", 403, media_type="text/plain")
        form = await _form(request)
        if form is None:
            return Response("The form is too large.", 413, media_type="text/plain")
        token, target = form.get("token", "").strip(), within(form.get("to", ""))
        try:
            await who(Api(self.app, token))
        except Problem as problem:
            request.session["notice"] = problem.detail
            return RedirectResponse(f"{SIGN_IN}?to={quote(target)}", 303)
        request.session.clear()
        request.session["id"] = str(uuid.uuid4())
        if len(self._arriving) > 1000:  # nobody came for them
            self._arriving.clear()
        self._arriving[request.session["id"]] = self._seal.encrypt(token.encode()).decode()
        return RedirectResponse(f"{PREFIX}{target}", 303)

    async def _signed_out(self, request: Request) -> Response:
        if not _is_own(request, self.state.settings.public_url):
            return Response("This form was sent from another site.", 403, media_type="text/plain")
        server.storage.user.clear()
        request.session.clear()
        return RedirectResponse(SIGN_IN, 303)


async def who(api: Api) -> Me:
    """Who the API says a token stands for."""
    said = await api.get("/pos/me")
    return Me(str(said["name"]), tuple(said["roles"]), frozenset(said["permissions"]))


def within(target: str) -> str:
    """A path of the console to go on to; the overview where something else is named."""
    parts = urlsplit(target)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not target.startswith("//")
    return target if is_ours and "\\" not in target and target.isprintable() else "/"


def sign_in_address(target: str) -> str:
    """Where somebody who is signed out is sent, to come back to ``target`` afterwards."""
    return f"{SIGN_IN}?to={quote(within(target))}"


def keys_of(secret: bytes) -> tuple[str, Fernet]:
    """What signs the console's cookies, and what seals tokens at rest: both follow from the one secret of this machine."""
    cookies = hashlib.sha256(b"console cookies " + secret).hexdigest()
    return cookies, Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"console tokens " + secret).digest()))


async def _form(request: Request) -> dict[str, str] | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            return None
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _is_own(request: Request, public_url: str) -> bool:
    """Whether a form was sent by a page of ours: nobody is signed in or out by another site."""
    origin = request.headers.get("origin")
    return origin is not None and is_own_origin(origin, request.headers.get("host", ""), public_url)


def is_own_origin(origin: str, host: str, public_url: str) -> bool:
    """Whether an ``Origin`` is this console's: the public one, or the host it was asked under."""
    ours = urlsplit(public_url)
    return origin == f"{ours.scheme}://{ours.netloc}" or urlsplit(origin).netloc == host != ""
