"""HTTP/1.1 over asyncio for :class:`httpx.AsyncClient`: connections that are kept, answers parsed by ``httptools``.

A history is thousands of small requests and hundreds of megabytes; parsing them in Python takes longer than everything
that is done with them. Only what a POS needs: no proxies (the client's own transport is used for those), no HTTP/2, no
HEAD. Failures are those of httpx; retries, redirects, limits and decoding belong to the client.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httptools
import httpx

MAX_CONNECTIONS = 100
MAX_IDLE = 20
IDLE_SECONDS = 15.0
BUFFERED = 4 * 1024 * 1024
"""So many bytes of an answer wait unread before the server is made to wait."""
PIECE = 64 * 1024
"""Bytes of a compressed answer that are unpacked at once, so that its reader can stop in time."""
_Origin = tuple[str, str, int]


class DirectTransport(httpx.AsyncBaseTransport):
    """Keeps connections of one event loop; ``trust_env``: certificates of the environment (SSL_CERT_FILE) count."""

    def __init__(self, *, trust_env: bool = True) -> None:
        self._trust_env = trust_env
        self._ssl: ssl.SSLContext | None = None
        self._idle: dict[_Origin, list[_Connection]] = {}
        self._all: set[_Connection] = set()
        self._gate = asyncio.Semaphore(MAX_CONNECTIONS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx; the answer's stream must be closed, which frees the connection."""
        timeouts = request.extensions.get("timeout", {})
        try:
            async with asyncio.timeout(timeouts.get("pool")):
                await self._gate.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("no free connection in time") from error
        try:
            head, body = _head(request), await request.aread()
            connection = await self._connected(request.url, timeouts.get("connect"))
        except BaseException:
            self._gate.release()
            raise
        try:
            connection.ask(head + body)
            await connection.answered(timeouts.get("read"))
        except BaseException:
            self.free(connection)
            raise
        return httpx.Response(
            connection.status, headers=connection.headers, stream=_Body(self, connection, timeouts.get("read"))
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in list(self._all):
            connection.close()
        self._all.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # they are closed when the loop comes by

    def free(self, connection: _Connection) -> None:
        """Keep the connection for the next request if the answer on it came to its end."""
        self._gate.release()
        connection.parts.clear()
        waiting = self._idle.setdefault(connection.origin, [])
        if connection.is_reusable and len(waiting) < MAX_IDLE:
            connection.idle_since = time.monotonic()
            waiting.append(connection)
        else:
            connection.close()
            self._all.discard(connection)

    async def _connected(self, url: httpx.URL, patience: float | None) -> _Connection:
        origin = (url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0))
        waiting = self._idle.get(origin, [])
        while waiting:  # the one used last is the least likely to be closed by the server
            connection = waiting.pop()
            if connection.is_reusable and time.monotonic() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
            self._all.discard(connection)
        return await self._connect(origin, patience)

    async def _connect(self, origin: _Origin, patience: float | None) -> _Connection:
        scheme, host, port = origin
        if scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"{scheme!r} is neither http nor https")
        how: dict[str, Any] = {}
        if scheme == "https":
            if self._ssl is None:
                self._ssl = httpx.create_ssl_context(trust_env=self._trust_env)
            how = {"ssl": self._ssl, "server_hostname": host}
        try:
            # One address after the other: asyncio's race of addresses leaves sockets open when it is cancelled.
            async with asyncio.timeout(patience):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(origin), host, port, **how
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {host} in time") from error
        except OSError as error:  # also of TLS
            raise httpx.ConnectError(str(error)) from error
        self._all.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, origin: _Origin) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: deque[bytes] = deque()
        self.is_whole = False
        self.is_reusable = True
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._failure: Exception | None = None
        self._has_headers = False
        self._has_length = False
        self._buffered = 0
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None

    # what the transport asks

    def ask(self, message: bytes) -> None:
        """Send a request."""
        assert self._transport is not None
        self.status, self.headers, self._has_headers, self._has_length = 0, [], False, False
        self.is_whole = self.is_reusable = False
        self._transport.write(message)

    async def answered(self, patience: float | None) -> None:
        """Wait for the status and the headers."""
        while not self._has_headers:
            await self._news(patience)

    async def more(self, patience: float | None) -> bytes:
        """What came of the body since; empty at its end."""
        while not self.parts and not self.is_whole:
            await self._news(patience)
        found = b"".join(self.parts)
        self.parts.clear()
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            with suppress(RuntimeError):  # it was closed meanwhile
                self._transport.resume_reading()
        return found

    def close(self) -> None:
        """Close at once."""
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    async def _news(self, patience: float | None) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                await self._waiter
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time") from error
        finally:
            self._waiter = None

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        self.is_reusable = False
        if not self.is_whole and self._failure is None:
            self._failure = failure
        self._tell()

    # what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"the answer is no HTTP: {error}"))
            self.close()
        if self._buffered > BUFFERED and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio. An answer without a length ends here."""
        if error is None and self._has_headers and not self._has_length:
            self.is_whole = True
        if error is not None:
            failure: Exception = httpx.ReadError(str(error))
            failure.__cause__ = error
        else:
            failure = httpx.RemoteProtocolError("the server closed the connection before the answer was whole")
        self._fail(failure)

    # what the parser tells

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody asked for makes the connection useless."""
        if self.is_whole or self.is_reusable:
            raise httptools.HttpParserCallbackError("an answer to nothing")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name, value))
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """All headers are there."""
        self.status = self._parser.get_status_code()
        self._has_headers = self.status >= 200
        self._has_length = self._has_length or self.status in (204, 304)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self.parts.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it only announces another."""
        if self.status >= 200:
            self.is_whole = True
            self.is_reusable = self._failure is None and bool(self._parser.should_keep_alive())


class _Body(httpx.AsyncByteStream):
    """The body of an answer as it comes."""

    def __init__(self, transport: DirectTransport, connection: _Connection, patience: float | None) -> None:
        self._transport = transport
        self._connection: _Connection | None = connection
        self._patience = patience
        self._is_packed = any(name.lower() == b"content-encoding" for name, _ in connection.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        connection = self._connection
        while connection is not None and (part := await connection.more(self._patience)):
            if not self._is_packed:
                yield part
                continue
            for at in range(0, len(part), PIECE):
                yield part[at : at + PIECE]

    async def aclose(self) -> None:
        """Give the connection back; one whose answer did not come to its end is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.free(connection)


def _head(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    if any(b"\n" in line or b"\r" in line for line in lines):
        raise httpx.LocalProtocolError("a header of the request holds a line break")
    return b"\r\n".join([*lines, b"", b""])
