"""A small HTTP server on a real socket for the client's tests: it answers, stalls, cuts off and resets as told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """``cut_at``: reset the connection after that many bytes of the body; -1 before the status line."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    cut_at: int | None = None
    delay: float = 0.0

    @classmethod
    def json(cls, document: Any, status: int = 200, **headers: str) -> Reply:
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return cls(status, json.dumps(document).encode(), (("content-type", "application/json"), *pairs))


Handler = Callable[[Request], Reply | Awaitable[Reply]]


@dataclass
class PosServer:
    """Serves ``handler`` on a free port of this machine while the context is open."""

    handler: Handler
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    url: str = ""

    async def __aenter__(self) -> PosServer:
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task, writer in list(self._open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*list(self._open), return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        # A cancelled task that stays cancelled is reported by asyncio's own callback as an error of the server.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        self._open.pop(task, None)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        request = Request(method, parts.path, parse_qsl(parts.query), headers, body)
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self.handler(request)
            reply = answer if isinstance(answer, Reply) else await answer
            if reply.delay:
                await asyncio.sleep(reply.delay)
        finally:
            self.in_flight -= 1
        if reply.cut_at == -1:
            writer.transport.abort()
            return False
        lines = [f"HTTP/1.1 {reply.status} Status", *(f"{name}: {value}" for name, value in reply.headers)]
        if reply.status != 204:
            lines.append(f"content-length: {len(reply.body)}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        writer.write(reply.body if reply.cut_at is None else reply.body[: reply.cut_at])
        await writer.drain()
        if reply.cut_at is not None:
            await asyncio.sleep(0.01)
            writer.transport.abort()
            return False
        return True


class FakeTime:
    """A clock that only sleeping moves, and the sleeps that were asked for."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.now = start
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def scripted(*replies: Reply) -> Handler:
    """Answers in that order; the last one stays."""
    left = list(replies)

    def handler(request: Request) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    return handler
