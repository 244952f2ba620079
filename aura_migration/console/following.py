"""Following a migration live: the API's own socket, opened in process under the person's token, and opened again where it ends.

Messages are numbered; whoever follows says which number they have, so that nothing is missed or seen twice across
reconnections, a database that went away, or a page that slept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from aura_migration.console.client import DOOR, Api

SHORTEST_WAIT = 0.5
LONGEST_WAIT = 10.0
"""Seconds between attempts to open the socket again."""
MOST_WAITING = 200
"""Messages on their way to a page; the API itself closes on one that takes them too slowly."""
SIGN_IN_AGAIN = 4401
FINAL = frozenset({SIGN_IN_AGAIN, 4403, 4404})
"""Codes with which the API says that asking again is of no use."""
log = logging.getLogger(__name__)


class Ended(Exception):
    """The API closed for good; ``code`` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass
class Following:
    """One page's view of one migration; ``run`` until cancelled."""

    api: Api
    migration_id: int
    tell: Callable[[dict[str, Any]], Awaitable[None]]
    """Called with every message, in order."""
    tell_connected: Callable[[bool], None]
    """Called when the line is there, and when it is lost."""
    number: int = 0
    """The newest message that was told."""
    _wait: float = field(default=SHORTEST_WAIT)

    async def run(self) -> None:
        """Follow; raises ``Ended`` where the API says that it is over."""
        while True:
            try:
                async with contextlib.aclosing(socket_messages(self.api, self.migration_id, self.number)) as messages:
                    async for message in messages:
                        self._wait = SHORTEST_WAIT
                        self.tell_connected(True)
                        await self._told(message)
            except Ended as ended:
                if ended.code in FINAL:
                    raise
            self.tell_connected(False)
            await asyncio.sleep(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)

    async def _told(self, message: dict[str, Any]) -> None:
        number = message.get("sequence")
        if message.get("type") == "migration_progress" and isinstance(number, int):
            if number <= self.number:
                return
            self.number = number
        await self.tell(message)


async def socket_messages(api: Api, migration_id: int, after: int) -> AsyncGenerator[dict[str, Any], None]:
    """The messages of the API's socket after a number; raises ``Ended`` when it closes."""
    arriving: asyncio.Queue[Message] = asyncio.Queue()
    leaving: asyncio.Queue[Message | None] = asyncio.Queue(MOST_WAITING)
    path = f"/pos/migration/ws/{migration_id}"
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": f"after={after}".encode(),
        "headers": [(b"host", b"console"), (b"authorization", f"Bearer {api.token}".encode())],
        "subprotocols": [],
        "client": ("127.0.0.1", 0),
        "server": ("console", 80),
        "state": {},
        "door": DOOR,
    }

    async def send(message: Message) -> None:
        await leaving.put(message)

    async def serve() -> None:
        try:
            await api.app(scope, arriving.get, send)
        except Exception as error:
            log.error("the socket of migration %s failed: %s", migration_id, type(error).__name__)
        finally:
            await leaving.put(None)

    await arriving.put({"type": "websocket.connect"})
    serving = asyncio.create_task(serve(), name=f"socket of migration {migration_id}")
    try:
        while True:
            message = await leaving.get()
            if message is None:
                raise Ended(1006)
            if message["type"] == "websocket.close":
                raise Ended(int(message.get("code") or 1000))
            if message["type"] == "websocket.http.response.start":  # refused before it was accepted
                raise Ended({401: SIGN_IN_AGAIN, 403: 4403, 404: 4404}.get(int(message["status"]), 1006))
            if message["type"] == "websocket.send":
                yield json.loads(message.get("text") or message.get("bytes") or "{}")
    finally:
        await arriving.put({"type": "websocket.disconnect", "code": 1001})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), 2.0)
        serving.cancel()
