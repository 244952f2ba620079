"""A browser at a POS's consent page: it keeps cookies, reads forms and presses buttons, and comes back to the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.api import PATIENCE, RunningApi


def application(sandbox: RunningSandbox, *, secret: bool = True) -> dict[str, str]:
    """The application that is registered at a sandbox of Square or Clover."""
    pos_app: Any = sandbox.pos_app
    app = pos_app.tokens.application if pos_app.pos == "square" else pos_app.auth.app
    return {"client_id": app.client_id, **({"client_secret": app.client_secret} if secret else {})}


class Browser:
    """One person's browser."""

    def __init__(self, api: RunningApi) -> None:
        self._api = api
        self.http = httpx.Client(timeout=PATIENCE, headers={"accept": "text/html,*/*"})

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def begin(self, sandbox: RunningSandbox, *, secret: bool = True, token: str = "", **more: Any) -> httpx.Response:
        """Begin a sign-in; the cookie stays in this browser."""
        body = {
            "pos": sandbox.pos_app.pos,
            "base_url": sandbox.base_url,
            "restaurant": "Café",
            "application": application(sandbox, secret=secret),
            **more,
        }
        headers = {"authorization": f"Bearer {token or self._api.token()}", "accept": "application/json"}
        return self.http.post(f"{self._api.base_url}/pos/integrations/sign-in", json=body, headers=headers)

    def consent(self, authorize_url: str, button: str, **fields: str) -> str:
        """Fill in the consent page's form and press a button; the address the browser is then sent to."""
        page = self.http.get(authorize_url)
        assert page.status_code == 200, page.text
        form = Form.of(page.text)
        assert button in form.buttons.get("decision", []), form
        target = httpx.URL(authorize_url).join(form.action) if form.action else httpx.URL(authorize_url)
        sent = self.http.post(target, data={**form.fields, **fields, "decision": button})
        assert sent.is_redirect, sent.text
        return sent.headers["location"]

    def back(self, address: str, accept: str = "text/html") -> httpx.Response:
        """Come back to the application (the public address leads to the port it listens on)."""
        parts = urlsplit(address)
        return self.http.get(f"{self._api.base_url}{parts.path}?{parts.query}", headers={"accept": accept})

    def sign_in(self, sandbox: RunningSandbox, *, secret: bool = True, **more: Any) -> httpx.Response:
        """The whole way, the owner agreeing; what the browser sees at its end."""
        begun = self.begin(sandbox, secret=secret, **more)
        assert begun.status_code == 201, begun.text
        button = "allow" if sandbox.pos_app.pos == "square" else "approve"
        return self.back(self.consent(begun.json()["authorize_url"], button))


@dataclass
class Form:
    """The one form of a page."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Form:
        """Read it."""
        reader = _Reader()
        reader.feed(text)
        return reader.form


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form.action = given.get("action", "")
        elif tag == "input":
            self.form.fields[given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option":
            self.form.fields.setdefault(self._select, given["value"])
        elif tag == "button":
            self.form.buttons.setdefault(given["name"], []).append(given["value"])
