"""A server that answers with bytes rendered before: what it is asked for the first time it fetches from the stand-in behind it.

Rendering a year of orders costs the stand-in more than reading it costs us. Once every request was seen, a benchmark
measures the reader alone. Answers lie in files (the page cache holds them); control and token requests always go through.

    python -m benchmarks.replay BASE_URL FOLDER LIMIT

prints its own base URL and serves until it is ended. More than LIMIT requests in any second are refused (0: never), as
Square refuses them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import ROOT

_KEPT = ("content-type", "square-version", "location")
_THROUGH = ("/_control", "/oauth2")
_REFUSED = b'{"errors":[{"category":"RATE_LIMIT_ERROR","code":"RATE_LIMITED","detail":"Too many requests."}]}'


class Replay:
    """The server in a process of its own, before a stand-in."""

    def __init__(self, base_url: str, folder: Path, limit: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.replay", base_url, str(folder), str(limit)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()

    def counts(self) -> dict[str, Any]:
        """Requests since this was last asked: ``answered``, of these ``missed`` (not rendered before), and ``refused``."""
        counted: dict[str, Any] = httpx.get(f"{self.base_url}/_replay/counts").json()
        return counted

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


class _Server:
    def __init__(self, base_url: str, folder: Path, limit: int) -> None:
        self._folder = folder
        self._behind = httpx.AsyncClient(base_url=base_url, timeout=600)
        self._limit = limit
        self._times: deque[float] = deque()
        self._counts = dict.fromkeys(("answered", "missed", "refused"), 0)

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**20)
        host, port = server.sockets[0].getsockname()
        print(f"http://{host}:{port}", flush=True)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                first, *lines = head.rstrip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                writer.write(await self._answer(method, target, headers, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        if target == "/_replay/counts":
            counted = json.dumps(self._counts).encode()
            self._counts = dict.fromkeys(self._counts, 0)
            return _message(200, {}, counted)
        kept = self._folder / hashlib.sha256(f"{method} {target}\n".encode() + body).hexdigest()
        is_passed = target.startswith(_THROUGH)
        if not is_passed and self._is_over():
            self._counts["refused"] += 1
            return _message(429, {"content-type": "application/json"}, _REFUSED)
        self._counts["answered"] += not is_passed
        if not is_passed and kept.exists():
            return kept.read_bytes()
        sent = {
            k: v for k, v in headers.items() if k not in ("host", "connection", "content-length", "accept-encoding")
        }
        answer = await self._behind.request(
            method, target, headers={**sent, "accept-encoding": "identity"}, content=body
        )
        message = _message(answer.status_code, answer.headers, answer.content)
        if not is_passed:
            self._counts["missed"] += 1
            if answer.status_code == 200:
                kept.write_bytes(message)
        return message

    def _is_over(self) -> bool:
        """Whether this request is one too many; it counts only where it is not."""
        if not self._limit:
            return False
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return True
        self._times.append(now)
        return False


def _message(status: int, headers: httpx.Headers | dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} Replayed", *(f"{k}: {headers[k]}" for k in _KEPT if k in headers)]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(_Server(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])).serve())
