"""Whoever follows a migration misses nothing and sees nothing twice, however often the line is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from aura_migration.console.client import Api
from aura_migration.console.following import Ended, Following
from aura_migration.console.session import is_own_origin, within

NEWEST = 7


class Line:
    """A socket as the API has it, over which two messages go before it is lost; at last it says why it ends for good."""

    def __init__(self, code: int) -> None:
        self.asked: list[tuple[int, str]] = []
        self._code = code

    async def serve(self, socket: WebSocket) -> None:
        """Say how it stands, then what followed."""
        after = int(socket.query_params["after"])
        self.asked.append((after, socket.headers["authorization"]))
        await socket.accept()
        await socket.send_json({"type": "snapshot", "data": {"state": "loading"}, "sequence": NEWEST})
        # One that is known already is said again, as a socket may that reconnects.
        for number in range(max(1, after), min(after + 2, NEWEST) + 1):
            await socket.send_json({"type": "migration_progress", "data": {}, "sequence": number})
        await socket.close(self._code if after >= NEWEST else 1012)


@pytest.mark.parametrize("code", [4401, 4403, 4404])
def test_messages_arrive_once_and_in_order_over_lines_that_are_lost(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    line, told, lines = Line(code), list[Any](), list[bool]()
    app = Starlette(routes=[WebSocketRoute("/pos/migration/ws/{migration_id:int}", line.serve)])
    monkeypatch.setattr("aura_migration.console.following.SHORTEST_WAIT", 0.0)

    async def tell(message: dict[str, Any]) -> None:
        told.append(message["sequence"] if message["type"] == "migration_progress" else message["type"])

    following = Following(Api(app, "a-token"), 7, tell, lines.append, _wait=0.0)
    with pytest.raises(Ended) as ended:
        asyncio.run(asyncio.wait_for(following.run(), 60))
    assert ended.value.code == code
    assert [each for each in told if each != "snapshot"] == list(range(1, NEWEST + 1))
    assert line.asked == [(after, "Bearer a-token") for after in (0, 2, 4, 6, 7)]
    assert True in lines and False in lines


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/migrations/7?step=load", "/migrations/7?step=load"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_pages_of_the_console_only(target: str, path: str) -> None:
    assert within(target) == path


def test_forms_and_sockets_of_other_origins_are_not_ours() -> None:
    public = "https://migration.example.com"
    assert is_own_origin(public, "internal:8400", public)
    assert is_own_origin("http://localhost:8400", "localhost:8400", public)
    for other in ("null", "https://evil.example", "https://migration.example.com.evil.example", "http://localhost:9"):
        assert not is_own_origin(other, "localhost:8400", public), other
    assert not is_own_origin("null", "", public)
