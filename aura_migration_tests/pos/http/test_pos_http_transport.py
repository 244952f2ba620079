"""The transport reads whole answers off real sockets, keeps connections that can be kept, and names what breaks."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from aura_migration.pos.http import transport
from aura_migration.pos.http.client import PosClient, _transport_to
from aura_migration.pos.http.errors import BodyTooLarge
from aura_migration.pos.http.limits import NO_LIMITS, Buckets
from aura_migration.pos.http.tokens import StaticToken
from aura_migration.pos.http.transport import DirectTransport


class Server:
    """Answers each request of a connection with the next bytes; counts connections and keeps what it was sent."""

    def __init__(self, *answers: bytes, stays: bool = True) -> None:
        self._answers = list(answers)
        self._stays = stays
        self.connections = 0
        self._serving: list[asyncio.Task[None]] = []
        self.asked: list[bytes] = []

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.append(task)
        try:
            while self._answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                self.asked.append(head + await reader.readexactly(length))
                writer.write(self._answers.pop(0))
                await writer.drain()
                if not self._stays:
                    break
            else:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            writer.close()


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=DirectTransport(trust_env=False), timeout=5)


def test_answers_with_a_length_in_chunks_and_after_an_announcement_come_over_one_connection() -> None:
    async def scenario() -> None:
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        announced = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\nx-a: 1\r\nx-a: 2\r\n\r\nz"
        plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
        empty = b"HTTP/1.1 204 No Content\r\n\r\n"
        async with Server(plain, chunked, announced, empty) as server, client() as http:
            answers = [await http.get(server.url), await http.get(server.url)]
            answers += [await http.post(server.url + "/p?q=1", content=b"body"), await http.get(server.url)]
            assert [(one.status_code, one.content) for one in answers] == [
                (200, b"hi"),
                (200, b"abcde"),
                (201, b"z"),
                (204, b""),
            ]
            assert answers[2].headers.get_list("x-a") == ["1", "2"]
            assert server.connections == 1
            assert server.asked[2].startswith(b"POST /p?q=1 HTTP/1.1\r\n") and server.asked[2].endswith(b"\r\n\r\nbody")

    asyncio.run(scenario())


def test_an_answer_without_a_length_ends_with_its_connection_and_the_next_request_makes_a_new_one() -> None:
    async def scenario() -> None:
        async with Server(*[b"HTTP/1.1 200 OK\r\n\r\nall of it"] * 2, stays=False) as server, client() as http:
            assert [(await http.get(server.url)).content for _ in range(2)] == [b"all of it"] * 2
            assert server.connections == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nother",
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_a_failure_of_the_connection(answer: bytes) -> None:
    async def scenario() -> None:
        async with Server(answer, stays=False) as server, client() as http:
            with pytest.raises(httpx.TransportError):
                await http.get(server.url)

    asyncio.run(scenario())


def test_a_connection_on_which_more_came_than_was_asked_for_is_not_used_again() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
        async with Server(answer + answer, answer) as server, client() as http:
            assert (await http.get(server.url)).content == b"hi"
            assert (await http.get(server.url)).content == b"hi"
            assert server.connections == 2

    asyncio.run(scenario())


def test_a_long_answer_is_read_piece_by_piece_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BUFFERED", 100_000)
    body = bytes(range(256)) * 20_000

    async def scenario() -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        async with Server(head + body) as server, client() as http, http.stream("GET", server.url) as answer:
            pieces = [piece async for piece in answer.aiter_raw()]
            assert b"".join(pieces) == body
            assert len(pieces) > 1 and max(map(len, pieces)) < len(body) // 2

    asyncio.run(scenario())


def test_a_compressed_answer_is_unpacked_in_pieces_so_that_what_grows_too_large_is_stopped() -> None:
    packed = gzip.compress(bytes(400_000_000 // 8))

    async def scenario() -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n".encode()
        async with (
            Server(head + packed) as server,
            Buckets.in_memory() as buckets,
            PosClient(server.url, StaticToken("t"), NO_LIMITS, buckets, max_body=1_000_000) as pos,
        ):
            with pytest.raises(BodyTooLarge):
                await pos.request("GET", "/v1/x")

    asyncio.run(scenario())


def test_a_proxy_of_the_environment_is_asked_for_the_outside_world_and_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        async with Server(answer) as proxy, Server(answer) as here, Buckets.in_memory() as buckets:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "inside.example")
            for url, asked in (("http://pos.example", b"GET http://pos.example/v1/x "), (here.url, b"GET /v1/x ")):
                how: dict[str, Any] = {"allow_plain_http": True}
                async with PosClient(url, StaticToken("t"), NO_LIMITS, buckets, **how) as pos:
                    assert (await pos.request("GET", "/v1/x")).content == b"{}"
                server = proxy if "example" in url else here
                assert server.asked[-1].startswith(asked)
            assert isinstance(_transport_to("http://inside.example"), DirectTransport)

    asyncio.run(scenario())


def test_silence_ends_in_a_timeout_and_nobody_listening_in_a_refused_connection() -> None:
    async def scenario() -> None:
        async with Server(b"HTTP/1.1 200 OK\r\n") as server, client() as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url, timeout=httpx.Timeout(5, read=0.05))
            url = server.url
        async with client() as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(url)
            with pytest.raises(httpx.UnsupportedProtocol):
                await http.get("ftp://127.0.0.1/")

    asyncio.run(scenario())


def test_a_header_cannot_smuggle_in_another() -> None:
    async def scenario() -> None:
        async with Server(b"") as server, client() as http:
            with pytest.raises(httpx.LocalProtocolError):
                await http.get(server.url, headers={"authorization": "Bearer x\r\nx-y: 1"})
            assert not server.asked

    asyncio.run(scenario())
