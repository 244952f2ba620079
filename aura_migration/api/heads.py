"""Connections that never get past the head of a request: closed in time, before anything of the application is asked.

The server alone waits for a head as long as a client likes, and takes one of any size; bodies are limited in ``gate``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_SECONDS = 15.0
"""So long after the connection, or after the first byte of a further request, its head must be complete."""
LARGEST_HEAD = 64 * 1024
"""Bytes of a head that is not complete yet; a token is a thousandth of it."""
_ANSWER = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_SLOW, TOO_LARGE = b"408 Request Timeout", b"431 Request Header Fields Too Large"


class PromptProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # which of its two it is, the server decides
    """The server's own protocol, with a clock and a measure on the head of each request."""

    seconds = HEAD_SECONDS
    _clock: asyncio.TimerHandle | None = None
    _waiting = 0
    """Bytes of a head that is still to be completed."""
    _is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client is there; it has not asked yet."""
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Bytes came: of a head, of a body, or both."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before or self._is_upgraded:
            self._end()
        elif self.cycle is None or self.cycle.response_complete:
            if self._clock is None:
                self._begin()
            # What follows an answer that did not wait for its body is the rest of that body.
            is_head = self.cycle is None or not self.cycle.more_body
            self._waiting += len(data) if is_head else 0
            if self._waiting > LARGEST_HEAD:
                self._close(TOO_LARGE)

    def handle_websocket_upgrade(self, *event: Any) -> None:
        """The head was complete; what follows is a socket's business."""
        self._is_upgraded = True
        super().handle_websocket_upgrade(*event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._end()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self._waiting = 0
        self._clock = self.loop.call_later(self.seconds, self._close, TOO_SLOW)

    def _end(self) -> None:
        self._waiting = 0
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _close(self, answer: bytes) -> None:
        self._end()
        if not self.transport.is_closing():
            self.transport.write(_ANSWER % answer)
            self.transport.close()
