"""A small server that takes webhooks, answers as told and hands them over in the order they came."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import msgspec

PATIENCE = 10.0


@dataclass
class Received:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return msgspec.json.decode(self.body)


class WebhookReceiver:
    """Listens on a free port of loopback, until closed. `answers` are the statuses of the next requests, then 200."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self._came: queue.Queue[Received] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status = receiver.answers.pop(0) if receiver.answers else 200
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver._came.put(Received(self.path, headers, body))

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02), daemon=True)

    def next(self) -> Received:
        """The next one, waited for."""
        return self._came.get(timeout=PATIENCE)

    def several(self, count: int) -> list[Received]:
        """So many, in the order they came."""
        return [self.next() for _ in range(count)]

    @property
    def is_empty(self) -> bool:
        """Has nothing more come?"""
        return self._came.empty()

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)
