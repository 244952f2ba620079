"""The client against a real socket: what it retries, what it refuses to, and what it says when it gives up."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from aura_migration.core.errors import AuraError, BadInput
from aura_migration.pos.http.client import Classify, PosClient, checked_base_url
from aura_migration.pos.http.errors import (
    BodyTooLarge,
    Conflict,
    NotFound,
    NotJson,
    PermissionMissing,
    PosError,
    RateLimited,
    Rejected,
    ResponseParts,
    ServerFault,
    StaleCursor,
    Unauthorized,
    Unreachable,
)
from aura_migration.pos.http.limits import NO_LIMITS, Buckets, Limit, LimitPolicy
from aura_migration.pos.http.retry import ONCE, RetryPolicy
from aura_migration.pos.http.tokens import StaticToken, TokenSource
from aura_migration_tests.pos.http.pos_server import FakeTime, Handler, PosServer, Reply, Request, scripted

pytestmark = pytest.mark.usefixtures("own_pace")

HTML = Reply(200, b"<!doctype html><title>Welcome</title>", (("content-type", "text/html"),))
HTML_503 = Reply(503, b"<html><body>upstream connect error</body></html>", (("content-type", "text/html"),))
OK = Reply.json({"rows": [1, 2, 3]})


@asynccontextmanager
async def opened(
    handler: Handler,
    *,
    time: FakeTime | None = None,
    retry: RetryPolicy | None = None,
    limits: LimitPolicy = NO_LIMITS,
    classify: Classify | None = None,
    tokens: TokenSource | None = None,
    **more: Any,
) -> AsyncIterator[tuple[PosServer, PosClient, FakeTime]]:
    time = time or FakeTime()
    buckets = Buckets.in_memory(clock=time, sleep=time.sleep, rng=random.Random(1))
    async with (
        PosServer(handler) as server,
        PosClient(
            server.url + "/api",
            tokens or StaticToken("secret-token-of-the-test"),
            limits,
            buckets,
            classify,
            retry,
            pos="square",
            clock=time,
            wall=time,
            sleep=time.sleep,
            rng=random.Random(1),
            **more,
        ) as client,
    ):
        yield server, client, time


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(main())


def failing(handler: Handler, kind: type[PosError], **options: Any) -> tuple[PosError, PosServer, FakeTime]:
    """Make one request that must fail with that kind; returns the error and what the server and the clock saw."""
    seen: list[Any] = []

    async def test() -> None:
        async with opened(handler, **options) as (server, client, time):
            with pytest.raises(kind) as caught:
                await client.request("GET", "/v2/things/1", params={"cursor": "opaque"})
            assert type(caught.value) is kind
            seen.extend((caught.value, server, time))

    run(test)
    return seen[0], seen[1], seen[2]


def test_a_request_carries_token_headers_and_repeated_parameters() -> None:
    async def test() -> None:
        async with opened(lambda _: OK, headers={"Square-Version": "2025-08-20"}) as (server, client, _):
            response = await client.request(
                "POST",
                "/v3/orders",
                params=[
                    ("filter", "createdTime>=1"),
                    ("filter", "createdTime<2"),
                    ("from", "2025-01-01T00:00:00+0000"),
                ],
                json={"limit": 100},
                headers={"Toast-Restaurant-External-ID": "abc"},
            )
            assert response.json() == {"rows": [1, 2, 3]}
            assert (response.status, response.attempts) == (200, 1)
            sent = server.requests[0]
            assert (sent.method, sent.path) == ("POST", "/api/v3/orders")
            assert sent.query == [
                ("filter", "createdTime>=1"),
                ("filter", "createdTime<2"),
                ("from", "2025-01-01T00:00:00+0000"),
            ]
            assert sent.json() == {"limit": 100}
            assert sent.headers["authorization"] == "Bearer secret-token-of-the-test"
            assert sent.headers["content-type"] == "application/json"
            assert sent.headers["square-version"] == "2025-08-20"
            assert sent.headers["toast-restaurant-external-id"] == "abc"

    run(test)


def test_a_sign_in_request_carries_no_token() -> None:
    async def test() -> None:
        async with opened(lambda _: OK) as (server, client, _):
            await client.request("POST", "/oauth/token", json={}, authorize=False)
            assert "authorization" not in server.requests[0].headers

    run(test)


def test_money_sent_as_a_fraction_stays_exact() -> None:
    async def test() -> None:
        async with opened(lambda _: Reply(200, b'{"price": 8.10, "n": 3}')) as (_, client, _):
            response = await client.request("GET", "/menus")
            assert response.json(decimals=True) == {"price": Decimal("8.10"), "n": 3}
            assert str(response.json(decimals=True)["price"]) == "8.10"
            assert response.decode(dict[str, float]) == {"price": 8.1, "n": 3.0}

    run(test)


def test_repeated_response_headers_are_joined() -> None:
    links = (("Link", '<a>; rel="first"'), ("link", '<b>; rel="next"'))

    async def test() -> None:
        async with opened(lambda _: Reply(200, b"[]", links)) as (_, client, _):
            response = await client.request("GET", "/orders")
            assert response.headers["link"] == '<a>; rel="first", <b>; rel="next"'

    run(test)


TRANSIENT = {
    "connection reset before the answer": Reply(cut_at=-1),
    "connection reset in the body": Reply(200, json.dumps({"rows": ["x" * 5000]}).encode(), cut_at=1000),
    "body cut off with a matching length": Reply(200, b'{"rows": [{"id": 1}, {"id"'),
    "empty body of success": Reply(200, b""),
    "429 without advice": Reply.json({"errors": []}, 429),
    "503 with a web page": HTML_503,
    "500 with JSON": Reply.json({"errors": [{"code": "INTERNAL_SERVER_ERROR"}]}, 500),
    "502 with plain text": Reply(502, b"bad gateway"),
    "408": Reply(408, b""),
    "web page with status 200": HTML,
    "not UTF-8": Reply(200, b'{"name": "\xff\xfe"}'),
    "gzip cut off": Reply(200, gzip.compress(b'{"a": 1}' * 100)[:20] + b"!!!!", (("content-encoding", "gzip"),)),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_a_failure_that_may_pass_is_tried_again(fault: Reply) -> None:
    async def test() -> None:
        async with opened(scripted(fault, OK)) as (server, client, time):
            response = await client.request("GET", "/v2/things")
            assert response.json() == {"rows": [1, 2, 3]}
            assert response.attempts == 2
            assert len(server.requests) == 2
            assert len(time.slept) == 1
            figures = client.stats.summary()
            assert (figures["error_rate"], figures["rate_limited"]) == ((0.0, 1) if fault.status == 429 else (0.5, 0))
            assert figures["refusals"] == {}

    run(test)


PERMANENT = [
    (400, Rejected),
    (403, PermissionMissing),
    (404, NotFound),
    (405, Rejected),
    (409, Conflict),
    (410, Rejected),
    (413, Rejected),
    (415, Rejected),
    (422, Rejected),
]


@pytest.mark.parametrize(("status", "kind"), PERMANENT)
def test_a_failure_that_stays_is_never_tried_again(status: int, kind: type[PosError]) -> None:
    error, server, time = failing(lambda _: Reply.json({"errors": []}, status, x_request_id="req-1"), kind)
    assert len(server.requests) == 1
    assert time.slept == []
    assert not error.retryable
    assert (error.status, error.request_id, error.path) == (status, "req-1", "/v2/things/1")
    assert error.what == f"square GET /v2/things/1: {error.reason} (HTTP {status}, request id req-1)."
    assert error.remedy


def test_giving_up_says_how_often_it_was_tried() -> None:
    error, server, time = failing(lambda _: HTML_503, ServerFault, retry=RetryPolicy(max_attempts=4))
    assert error.attempts == 4 == len(server.requests)
    assert error.as_dict()["attempts"] == 4
    assert error.retryable
    assert len(time.slept) == 3


def test_a_base_url_that_is_a_web_site_is_given_up_soon() -> None:
    error, server, _ = failing(lambda _: HTML, NotJson)
    assert len(server.requests) == 2
    assert error.exit_code == 2
    assert "base URL" in error.remedy


def test_a_missing_page_of_a_web_site_is_not_taken_for_a_missing_object() -> None:
    page = Reply(404, b"<html>No such page</html>", (("content-type", "text/html; charset=utf-8"),))
    error, server, _ = failing(lambda _: page, NotJson)
    assert len(server.requests) == 1
    assert not error.retryable


def test_waiting_grows_and_is_bounded_by_the_budget() -> None:
    policy = RetryPolicy(max_attempts=50, base_delay=1, max_delay=16, jitter=0, total_budget=60)
    error, server, time = failing(lambda _: Reply(500), ServerFault, retry=policy)
    assert time.slept == [1, 2, 4, 8, 16, 16]
    assert len(server.requests) == 7
    assert error.attempts == 7


ADVICE = {
    "seconds": ({"Retry-After": "7"}, 7),
    "milliseconds go first": ({"Retry-After": "9", "Retry-After-Ms": "2500"}, 2.5),
    "date": ({"Retry-After": formatdate(1_000_030, usegmt=True)}, 30),
    "date by the server's clock": (
        {"Retry-After": formatdate(5_000_012, usegmt=True), "Date": formatdate(5_000_000, usegmt=True)},
        12,
    ),
    "reset as a span": ({"X-RateLimit-Reset": "5"}, 5),
    "reset as an instant": (
        {"X-Toast-RateLimit-Reset": "1760000020", "Date": formatdate(1_760_000_000, usegmt=True)},
        20,
    ),
    "advice goes before reset": ({"X-RateLimit-Reset": "50", "Retry-After": "3"}, 3),
}


@pytest.mark.parametrize(("headers", "expected"), ADVICE.values(), ids=ADVICE.keys())
def test_the_servers_own_advice_is_followed_and_never_undercut(headers: dict[str, str], expected: float) -> None:
    async def test() -> None:
        refused = Reply(429, b"slow down", tuple(headers.items()))
        async with opened(scripted(refused, OK)) as (_, client, time):
            await client.request("GET", "/v2/things")
            assert len(time.slept) == 1
            assert expected <= time.slept[0] <= expected + 1

    run(test)


def test_advice_of_a_busy_server_is_followed_as_well() -> None:
    async def test() -> None:
        async with opened(scripted(Reply(503, b"", (("Retry-After", "5"),)), OK)) as (_, client, time):
            await client.request("GET", "/v2/things")
            assert 5 <= time.slept[0] <= 6

    run(test)


@pytest.mark.parametrize("name", ["X-RateLimit-Reset", "X-Toast-RateLimit-Reset"])
@pytest.mark.parametrize(("status", "body"), [(200, b'{"rows": [1'), (503, b"")])
def test_when_a_limit_begins_anew_is_no_advice_where_it_was_not_crossed(name: str, status: int, body: bytes) -> None:
    async def test() -> None:
        async with opened(scripted(Reply(status, body, ((name, "50"),)), OK)) as (_, client, time):
            await client.request("GET", "/v2/things")
            assert 0.8 <= time.slept[0] <= 1.2

    run(test)


@pytest.mark.parametrize("value", ["soon", "-5", "0", "nan", ""])
def test_advice_that_makes_no_sense_falls_back_to_our_own_waiting(value: str) -> None:
    async def test() -> None:
        async with opened(scripted(Reply(429, b"", (("Retry-After", value),)), OK)) as (_, client, time):
            await client.request("GET", "/v2/things")
            assert 0.8 <= time.slept[0] <= 1.2

    run(test)


@pytest.mark.parametrize("seconds", [130, 900])
def test_advice_beyond_what_a_call_may_wait_is_handed_to_the_caller(seconds: int) -> None:
    error, server, time = failing(lambda _: Reply(429, b"", (("Retry-After", str(seconds)),)), RateLimited)
    assert error.retry_after == seconds
    assert len(server.requests) == 1
    assert time.slept == []


def test_a_storm_of_429_is_weathered_with_and_without_advice() -> None:
    async def test() -> None:
        rng = random.Random(7)
        refused = [
            Reply(429, b"", (("Retry-After", "1"),)),
            Reply(429, b"<html>"),
            Reply.json({}, 429, retry_after="2"),
        ]

        def handler(_: Request) -> Reply:
            return rng.choice(refused) if rng.random() < 0.4 else OK

        async with opened(handler, retry=RetryPolicy(max_attempts=12)) as (_, client, _):
            answers = await asyncio.gather(*(client.request("GET", f"/v2/things/{n}") for n in range(60)))
            assert all(answer.json() == {"rows": [1, 2, 3]} for answer in answers)
            figures = client.stats.summary()
            assert figures["rate_limited"] > 10
            assert figures["succeeded"] == 60
            assert figures["attempts"] == 60 + figures["rate_limited"]
            assert (figures["errors"], figures["error_rate"]) == ({}, 0.0)

    run(test)


def test_a_refusal_keeps_everybody_under_the_same_limit_away() -> None:
    limits = LimitPolicy(
        (
            Limit("app", "pos:app", 1000),
            Limit("token", "pos:{scope}", 1000),
            Limit("slow", "pos:slow", 10, paths="^GET /slow"),
        )
    )

    def classify(parts: ResponseParts) -> PosError | None:
        return parts.error(RateLimited, limit="token") if parts.status == 429 else None

    async def test() -> None:
        refused = Reply(429, b"", (("Retry-After", "20"),))
        async with opened(scripted(refused, OK), limits=limits, classify=classify) as (_, client, time):
            began = time.now
            first = asyncio.create_task(client.request("GET", "/slow", limit_scope="a"))
            while not time.slept:
                await asyncio.sleep(0.001)
            time.now = began + 1  # only the first request's own waiting has been cut short
            await client.request("GET", "/slow", limit_scope="b")
            assert time.now < began + 20
            time.now = began + 1
            await client.request("GET", "/quick", limit_scope="a")
            assert time.now >= began + 20
            await first

    run(test)


def test_a_slow_answer_counts_as_no_answer() -> None:
    async def test() -> None:
        policy = RetryPolicy(read_timeout=0.1, max_attempts=100)  # a busy machine is late itself now and then
        async with opened(scripted(Reply(delay=60), OK), retry=policy) as (_, client, _):
            assert (await client.request("GET", "/v2/things")).attempts >= 2

    run(test)


def test_a_body_that_drips_for_ever_ends_at_the_limit_of_an_attempt() -> None:
    async def test() -> None:
        policy = RetryPolicy(attempt_timeout=0.2, max_attempts=1)
        async with opened(lambda _: Reply(delay=60), retry=policy) as (_, client, _):
            with pytest.raises(Unreachable) as caught:
                await client.request("GET", "/v2/things")
            assert caught.value.sent

    run(test)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine where nobody listens, nor can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def unanswered(base_url: str, transport: httpx.AsyncBaseTransport | None = None, **policy: Any) -> tuple[Any, FakeTime]:
    """Make one request that must end in Unreachable; returns the error and what was slept."""
    time = FakeTime()

    async def test() -> None:
        client = PosClient(
            base_url,
            StaticToken("t"),
            NO_LIMITS,
            Buckets.in_memory(),
            retry=RetryPolicy(**policy),
            transport=transport,
            pos="toast",
            clock=time,
            wall=time,
            sleep=time.sleep,
        )
        async with client:
            with pytest.raises(Unreachable) as caught:
                await client.request("GET", "/v2/things")
            seen.append(caught.value)

    seen: list[Unreachable] = []
    run(test)
    return seen[0], time


@pytest.mark.parametrize("policy", [{}, {"base_delay": 1.25}, {"total_budget": 60.0}])
def test_an_address_that_never_answered_is_given_up_within_seconds(policy: dict[str, Any], closed_port: int) -> None:
    error, time = unanswered(f"http://127.0.0.1:{closed_port}", **policy)
    assert not error.sent
    assert 4 <= error.attempts <= 7
    assert 5 <= sum(time.slept) <= 8
    assert error.remedy == "Check the base URL and the network, then try again."


def test_a_host_name_nobody_knows_is_told_as_such() -> None:
    async def unknown(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no") from socket.gaierror(-2, "Name or service not known")

    error, time = unanswered("https://pos.example", httpx.MockTransport(unknown))
    assert "the host name pos.example is not known" in error.what
    assert 5 <= sum(time.slept) <= 8


def test_a_port_that_speaks_no_tls_is_told_as_such() -> None:
    seen: list[Any] = []

    async def test() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            seen.extend(await asyncio.to_thread(unanswered, url))

    run(test)
    error, time = seen
    assert not error.sent
    assert "TLS" in error.what
    assert sum(time.slept) <= 8


def test_a_proxy_that_does_not_let_us_through_is_given_up_within_seconds() -> None:
    async def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError("502 Bad Gateway")

    error, time = unanswered("https://pos.example", httpx.MockTransport(refuse))
    assert not error.sent
    assert sum(time.slept) <= 8


def test_a_pos_that_went_away_in_the_middle_of_work_is_waited_for_about_a_minute() -> None:
    async def test() -> None:
        async with opened(lambda _: OK) as (server, client, time):
            await client.request("GET", "/v2/things")
            await server.__aexit__(None, None, None)
            with pytest.raises(Unreachable) as caught:
                await client.request("GET", "/v2/things")
            assert not caught.value.sent
            assert 40 <= sum(time.slept) <= 62
            assert "what was fetched so far is kept" in caught.value.remedy

    run(test)


def test_a_pos_that_comes_back_within_the_minute_is_asked_on() -> None:
    gone = iter([False, True, True, True, True, False])

    async def at_times(request: httpx.Request) -> httpx.Response:
        if next(gone):
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={})

    async def test() -> None:
        time = FakeTime()
        transport = httpx.MockTransport(at_times)
        client = PosClient(
            "https://pos.example",
            StaticToken("t"),
            NO_LIMITS,
            Buckets.in_memory(),
            transport=transport,
            clock=time,
            sleep=time.sleep,
        )
        async with client:
            await client.request("GET", "/v2/things")
            assert (await client.request("GET", "/v2/things")).attempts == 5
            assert sum(time.slept) > 8

    run(test)


def test_the_minute_counts_from_when_requests_stopped_leaving() -> None:
    policy, rng = RetryPolicy(jitter=0), random.Random(1)
    gone = Unreachable("no connection", sent=False)
    assert policy.delay(gone, 4, 100.0, rng, away=0.0) == 8, "what a busy POS took before does not count"
    assert policy.delay(gone, 5, 100.0, rng, away=50.0) == 10
    assert policy.delay(gone, 5, 100.0, rng, away=59.5) is None
    assert policy.delay(gone, 5, 175.0, rng, away=0.0) is None
    assert policy.delay(Unreachable("cut off"), 6, 100.0, rng) == 32


def test_a_connection_that_was_never_made_is_not_waited_for_as_long() -> None:
    asked: list[float] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.extensions["timeout"]["connect"])
        return httpx.Response(200, json={})

    async def test() -> None:
        transport = httpx.MockTransport(answer)
        client = PosClient("https://pos.example", StaticToken("t"), NO_LIMITS, Buckets.in_memory(), transport=transport)
        async with client:
            await client.request("GET", "/v2/things")
            await client.request("GET", "/v2/things")

    run(test)
    assert asked == [4.0, 10.0]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_right_that_was_not_granted_is_no_fault_of_the_connection(status: int) -> None:
    async def test() -> None:
        async with opened(scripted(Reply.json({}, status), OK, HTML_503, OK)) as (_, client, _):
            with pytest.raises(PosError) as caught:
                await client.request("GET", "/v2/things")
            assert client.stats.summary()["error_rate"] == 0
            for _ in range(2):
                await client.request("GET", "/v2/things")
            figures = client.stats.summary()
            assert figures["refusals"] == {type(caught.value).__name__: 1}
            assert figures["errors"] == {"ServerFault": 1}
            assert figures["error_rate"] == 1 / 4

    run(test)


def test_a_server_that_is_not_there_was_surely_not_asked(closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"

    async def test() -> None:
        client = PosClient(url, StaticToken("t"), NO_LIMITS, Buckets.in_memory(), retry=ONCE)
        async with client:
            with pytest.raises(Unreachable) as caught:
                await client.request("GET", "/v2/things")
            assert not caught.value.sent
            assert caught.value.retryable
            assert caught.value.exit_code == 3

    run(test)


def test_a_certificate_that_is_not_accepted_is_not_asked_again() -> None:
    async def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no") from ssl.SSLCertVerificationError("self-signed certificate")

    async def test() -> None:
        transport = httpx.MockTransport(refuse)
        client = PosClient(
            "https://pos.example", StaticToken("t"), NO_LIMITS, Buckets.in_memory(), transport=transport, pos="toast"
        )
        async with client:
            with pytest.raises(Unreachable) as caught:
                await client.request("GET", "/v2/things")
            assert not caught.value.retryable
            assert caught.value.attempts == 1
            assert "SSL_CERT_FILE" in caught.value.remedy

    run(test)


def test_a_body_beyond_the_guard_is_refused_also_when_it_was_compressed() -> None:
    bomb = Reply(200, gzip.compress(b"[" + b" " * 1_000_000 + b"]"), (("content-encoding", "gzip"),))
    error, server, _ = failing(lambda _: bomb, BodyTooLarge, max_body=100_000)
    assert len(bomb.body) < 100_000
    assert len(server.requests) == 1
    assert "100000 bytes" in error.what


def test_a_redirect_to_another_host_never_gets_the_token() -> None:
    async def test() -> None:
        async with PosServer(lambda _: OK) as other:
            elsewhere = Reply(302, b"", (("Location", f"{other.url}/v2/things"),))
            async with opened(lambda _: elsewhere) as (_, client, _):
                with pytest.raises(Rejected, match="redirects to"):
                    await client.request("GET", "/v2/things")
            assert other.requests == []

    run(test)


def test_a_redirect_on_the_same_host_is_followed_but_not_in_circles() -> None:
    def handler(request: Request) -> Reply:
        if request.path == "/api/old":
            return Reply(301, b"", (("Location", "/api/new"),))
        return OK if request.path == "/api/new" else Reply(302, b"", (("Location", "/api/circle"),))

    async def test() -> None:
        async with opened(handler) as (_, client, _):
            assert (await client.request("GET", "/old")).json() == {"rows": [1, 2, 3]}
            with pytest.raises(Rejected, match="circle"):
                await client.request("GET", "/circle")

    run(test)


@pytest.mark.parametrize("path", ["v2/things", "//evil.example/v2", "https://evil.example/"])
def test_a_path_cannot_name_another_host(path: str) -> None:
    async def test() -> None:
        async with opened(lambda _: OK) as (server, client, _):
            with pytest.raises(ValueError, match="path must begin"):
                await client.request("GET", path)
            assert server.requests == []

    run(test)


GOOD_URLS = {
    "https://connect.example.com/": "https://connect.example.com",
    "http://127.0.0.1:8080": "http://127.0.0.1:8080",
    "http://localhost:1/base/": "http://localhost:1/base",
    "http://[::1]:9": "http://[::1]:9",
}
BAD_URLS = [
    "ftp://connect.example.com",
    "connect.example.com",
    "",
    "http://connect.example.com",
    "https://user:pass@connect.example.com",
    "https://connect.example.com?token=1",
    "https://connect.example.com:99999",
]


@pytest.mark.parametrize(("given", "used"), GOOD_URLS.items())
def test_usable_base_urls(given: str, used: str) -> None:
    assert checked_base_url(given) == used


@pytest.mark.parametrize("given", BAD_URLS)
def test_unusable_base_urls_are_bad_input(given: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked_base_url(given)
    assert "pass" not in str(caught.value).replace("password", "")
    assert caught.value.remedy


def test_plain_http_to_another_machine_only_when_allowed() -> None:
    assert checked_base_url("http://pos.example", allow_plain_http=True) == "http://pos.example"


def test_the_connectors_own_reading_of_an_answer_comes_first() -> None:
    def classify(parts: ResponseParts) -> PosError | None:
        document = parts.json()
        code = document["errors"][0]["code"] if document and "errors" in document else ""
        if code == "INVALID_CURSOR":
            return parts.error(StaleCursor, code=code)
        if code == "BUSY":
            return parts.error(ServerFault, code=code)
        return None

    stale = Reply.json({"errors": [{"code": "INVALID_CURSOR"}]}, 400)
    error, server, _ = failing(lambda _: stale, StaleCursor, classify=classify)
    assert error.restartable
    assert error.code == "INVALID_CURSOR"
    assert len(server.requests) == 1
    # an answer of success may be named a failure, too
    busy = Reply.json({"errors": [{"code": "BUSY"}]}, 200)
    _, server, _ = failing(lambda _: busy, ServerFault, classify=classify, retry=RetryPolicy(max_attempts=3))
    assert len(server.requests) == 3


def test_credentials_bodies_and_queries_are_in_no_message() -> None:
    body = {"errors": [{"detail": "token secret-token-of-the-test of jane@example.com", "code": "X"}]}

    def classify(parts: ResponseParts) -> PosError | None:
        return parts.error(Unauthorized, parts.json()["errors"][0]["detail"], code="X")

    error, _, _ = failing(lambda _: Reply.json(body, 401), Unauthorized, classify=classify)
    shown = f"{error} {error.as_dict()} {error!r}"
    assert "jane@example.com" not in shown
    assert "opaque" not in shown
    assert "Bearer" not in shown
    assert isinstance(error, AuraError)
    assert error.exit_code == 2


def test_a_static_token_that_is_refused_is_not_tried_twice() -> None:
    error, server, _ = failing(lambda _: Reply.json({}, 401), Unauthorized)
    assert len(server.requests) == 1
    assert "connect" in error.remedy


def test_a_whole_crawl_survives_resets_truncation_and_refusals() -> None:
    """R23 in small: 5 % resets, truncated bodies, 429 with and without advice, on 300 concurrent requests."""
    rng = random.Random(23)
    whole = json.dumps({"rows": ["x" * 400]}).encode()
    faults = [
        Reply(cut_at=-1),
        Reply(200, whole, cut_at=100),
        Reply(200, whole[:200]),
        Reply(429, b""),
        Reply(429, b"", (("Retry-After", "1"),)),
        HTML_503,
    ]

    async def test() -> None:
        limits = LimitPolicy((Limit("all", "pos", capacity=100, per_seconds=1, concurrency=10),))
        handler: Handler = lambda _: rng.choice(faults) if rng.random() < 0.2 else Reply(200, whole)  # noqa: E731
        async with opened(handler, limits=limits) as (server, client, _):
            answers = await asyncio.gather(*(client.request("GET", f"/v2/{n}") for n in range(300)))
            assert {answer.content for answer in answers} == {whole}
            assert server.most_in_flight <= 10
            assert client.stats.failed == 0
            assert client.stats.attempts == len(server.requests) > 330

    run(test)
