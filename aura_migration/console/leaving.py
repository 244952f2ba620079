"""Leaving for a POS's consent page: the browser gets the proof that it began the sign-in, as a cookie, and is sent there.

A page of the console cannot set a cookie once it is drawn, so the way leads over an address that works once, and for the browser
only that began: whoever else was sent there would connect their account to somebody else's restaurant.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from nicegui import app as server
from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from aura_migration.console.layout import View
from aura_migration.console.session import PREFIX

RETURN_TO = f"{PREFIX}/connected"
"""Where the consent page leads back to, with the integration's id."""
SECONDS = 600.0


@dataclass(frozen=True)
class _Leaving:
    address: str
    cookies: list[str] = field(repr=False)
    session: str
    until: float


_leaving: dict[str, _Leaving] = {}


def go(view: View, address: str, cookies: list[str]) -> None:
    """Send the browser of this page to a consent page, with the cookies of the API's answer."""
    now = time.monotonic()
    for ticket in [t for t, waiting in _leaving.items() if waiting.until < now]:
        del _leaving[ticket]
    ticket = secrets.token_urlsafe(32)
    _leaving[ticket] = _Leaving(address, cookies, view.session, now + SECONDS)
    ui.navigate.to(f"/leave/{ticket}")


async def leave(request: Request) -> Response:
    """Hand over the proof and send the browser on. Works once."""
    found = _leaving.get(request.path_params["ticket"])
    if found is None or found.until < time.monotonic() or found.session != request.session.get("id"):
        return RedirectResponse(f"{PREFIX}/connect", 303)
    del _leaving[request.path_params["ticket"]]
    response = RedirectResponse(found.address, 303)
    for cookie in found.cookies:
        response.headers.append("set-cookie", cookie)
    return response


server.add_route("/leave/{ticket}", leave, methods=["GET"])
