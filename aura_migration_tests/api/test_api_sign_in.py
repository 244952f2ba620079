"""Signing in to a POS over real HTTP: a browser at the sandbox's consent page, and whoever tries to misuse it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from aura_migration.migration.workshop import Workshop
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import load_settings
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi

PUBLIC = "http://127.0.0.1:8400"


@pytest.fixture(scope="module")
def api(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    """An API on a database of this module's own."""
    folder = tmp_path_factory.mktemp("sign-in")
    with databases.database() as url:
        environ = {"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder), "AURA_NOW": BUSINESS_NOW}
        with RunningApi(Workshop.open(load_settings(environ))) as running:
            yield running


@pytest.fixture(scope="module")
def square() -> Iterator[RunningSandbox]:
    """A café on Square."""
    with serve("square", "cafe", 901, limits="off") as sandbox:
        yield sandbox


def asked(sandbox: RunningSandbox, *, secret: bool = True, **more: Any) -> dict[str, Any]:
    """What is sent to begin a sign-in."""
    app = sandbox.pos_app.tokens.application
    application = {"client_id": app.client_id, **({"client_secret": app.client_secret} if secret else {})}
    return {
        "pos": sandbox.pos_app.pos,
        "base_url": sandbox.base_url,
        "restaurant": "Café",
        "application": application,
        **more,
    }


def test_square(api: RunningApi, square: RunningSandbox) -> None:
    with httpx.Client(timeout=60) as browser:
        begun = browser.post(
            f"{api.base_url}/pos/integrations/sign-in",
            json=asked(square),
            headers={"authorization": f"Bearer {api.token()}"},
        )
        assert begun.status_code == 201, begun.text
        page = browser.get(begun.json()["authorize_url"])
        back = page if page.is_redirect else browser.post(begun.json()["authorize_url"], data={"decision": "allow"})
        assert back.is_redirect, back.text
        target = urlsplit(back.headers["location"])
        done = browser.get(f"{api.base_url}{target.path}?{target.query}", headers={"accept": "text/html"})
        assert done.status_code == 200, done.text
        print(done.text)
