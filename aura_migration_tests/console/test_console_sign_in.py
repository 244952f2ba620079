"""Who may see the console, and how they come in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx

from aura_migration.api.access.roles import Role
from aura_migration_tests.support.console import RunningConsole
from aura_migration_tests.support.journey import World

PAGES = ("/", "/connect", "/connect?pos=square", "/connected?integration_id=1", "/integrations/1", "/migrations/1")


def _sign_in(client: httpx.Client, token: str, to: str = "/", origin: str | None = None) -> httpx.Response:
    headers = {"origin": origin or str(client.base_url).rstrip("/")}
    return client.post("/console/session", data={"token": token, "to": to}, headers=headers)


def test_signed_out_people_see_nothing_and_whoever_signs_in_gets_a_new_cookie(console: RunningConsole) -> None:
    with httpx.Client(base_url=console.base_url) as client:
        for path in PAGES:
            answer = client.get(f"/console{path}")
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/console/sign-in"), path
        form = client.get("/console/sign-in?to=/connect")
        assert form.status_code == 200 and 'type=\\"password\\"' in form.text
        planted = client.cookies["aura_console"]

        refused = _sign_in(client, "not.a.token", "/connect")
        assert refused.headers["location"].startswith("/console/sign-in")
        assert "The token is not accepted" in client.get(refused.headers["location"]).text
        expired = console.token("ada", Role.ADMIN, life=timedelta(hours=-1))
        assert "expired" in client.get(_sign_in(client, expired).headers["location"]).text

        token = console.token("ada", Role.VIEWER)
        assert _sign_in(client, token, origin="https://evil.example").status_code == 403
        done = _sign_in(client, token, "/connect")
        assert done.headers["location"] == "/console/connect"
        cookie = done.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "path=/console" in cookie
        assert client.cookies["aura_console"] != planted, "a cookie from before signing in is worth nothing after"
        page = client.get("/console/connect")
        assert page.status_code == 200 and "ada · viewer" in page.text
        assert "Connecting an account takes the role operator" in page.text
        assert token not in page.text and token not in str(client.cookies)
    with httpx.Client(base_url=console.base_url, cookies={"aura_console": planted}) as other:
        assert other.get("/console/").status_code == 303, "whoever had planted a cookie is not signed in by it"


def test_a_token_is_sealed_on_the_server_and_forgotten_when_signed_out(console: RunningConsole) -> None:
    kept = Path(console.world.environ["AURA_DATA_DIR"]) / "console"
    token = console.token("ada", Role.ADMIN)
    with httpx.Client(base_url=console.base_url) as client:
        assert _sign_in(client, token, "//evil.example/x").headers["location"] == "/console/"
        assert client.get("/console/").status_code == 200
        assert client.get("/pos/me").status_code == 401, "the cookie of the console means nothing to the API"
        mode = kept.stat().st_mode & 0o777
        stored = "".join(file.read_text() for file in kept.glob("*.json"))
        assert mode == 0o700 and token not in stored
        assert client.post("/console/session/end", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/console/").status_code == 200
        client.post("/console/session/end", headers={"origin": console.base_url})
        assert client.get("/console/").status_code == 303


def test_in_the_local_mode_everyone_at_this_machine_is_signed_in_and_only_they(
    make_world: Callable[[], World],
) -> None:
    with RunningConsole(make_world(), with_tokens=False) as console:
        here = httpx.get(f"{console.base_url}/console/")
        assert here.status_code == 200 and "Local mode" in here.text and "local · admin" in here.text
        assert httpx.get(f"{console.base_url}/console/sign-in").status_code == 303
        rebound = httpx.get(f"{console.base_url}/console/", headers={"host": f"evil.example:{console.port}"})
        assert rebound.status_code == 421 and "Overview" not in rebound.text
        assert "default-src 'self'" in here.headers["content-security-policy"]
        socket = f"{console.base_url}/console/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        assert httpx.get(socket, headers={"origin": "https://evil.example"}).status_code == 400
        assert httpx.get(socket, headers={"origin": console.base_url}).status_code == 200
