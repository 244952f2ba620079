"""Asking the API in process, under somebody's token. A refusal becomes ``Problem``, whose words are for people to read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

DOOR = "console"
"""How the audit trail names what comes this way."""
PATIENCE = 90.0
"""Seconds; a preflight or an audit may ask a slow POS."""


class Problem(Exception):
    """The API said no, or could not; ``detail`` says what is wrong, ``remedy`` what to do about it."""

    def __init__(self, status: int, title: str, detail: str, remedy: str, more: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.remedy, self.more = status, title, detail, remedy, dict(more)

    @classmethod
    def of(cls, response: httpx.Response) -> Problem:
        """The problem document of a response, or what can be said of one without."""
        try:
            said = response.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            said = {}
        title = str(said.pop("title", "") or response.reason_phrase)
        detail = str(said.pop("detail", "") or f"The API answered {response.status_code}.")
        remedy = str(said.pop("remedy", "") or "")
        return cls(response.status_code, title, detail, remedy, said)


@dataclass
class Api:
    """The API for one person. ``get``, ``post``, ``put`` and ``delete`` answer the JSON document, or raise ``Problem``."""

    app: ASGIApp
    token: str = field(repr=False)

    async def get(self, path: str, **params: Any) -> Any:
        """What is there; parameters that are None are left out."""
        return await self._ask("GET", path, params={k: v for k, v in params.items() if v is not None})

    async def content(self, path: str) -> bytes:
        """The body of an answer that is no JSON: a file to hand on."""
        return (await self._response("GET", path)).content

    async def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """Ask for something, once: repeated by a second click it is still one request of this call."""
        headers = {"idempotency-key": uuid.uuid4().hex}
        return await self._ask("POST", path, json=body, headers=headers, params=params)

    async def put(self, path: str, body: Any) -> Any:
        """Set something in place of what was before."""
        return await self._ask("PUT", path, json=body)

    async def delete(self, path: str, **params: Any) -> Any:
        """Take something away."""
        return await self._ask("DELETE", path, params=params)

    async def every(self, path: str, most: int = 2_000, **params: Any) -> list[Any]:
        """The items of all pages of a list, up to ``most``."""
        found: list[Any] = []
        after: Any = None
        while len(found) < most:
            page = await self.get(path, after=after, limit=min(500, most - len(found)), **params)
            found += page["items"]
            after = page.get("next_after")
            if after is None:
                break
        return found

    async def post_with_cookies(self, path: str, body: Any) -> tuple[Any, list[str]]:
        """As ``post``, with what the answer would have the browser keep (``Set-Cookie``); whoever asks hands it on."""
        response = await self._response("POST", path, json=body)
        return response.json(), response.headers.get_list("set-cookie")

    async def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        response = await self._response(method, path, **kwargs)
        return response.json() if response.content else None

    async def _response(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        transport = httpx.ASGITransport(app=_through_door(self.app), raise_app_exceptions=False)
        # A client of its own for each call keeps no cookie of one person for another; without the environment it makes no TLS.
        async with httpx.AsyncClient(
            transport=transport, base_url="http://console", timeout=PATIENCE, trust_env=False
        ) as client:
            response = await client.request(method, path, headers=headers, **kwargs)
        if response.status_code >= 400:
            raise Problem.of(response)
        return response


def _through_door(app: ASGIApp) -> ASGIApp:
    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "door": DOOR}, receive, send)

    return asked
