"""The four rate limits of the Clover sandbox, under real concurrent requests."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from aura_migration.sandbox.clover.auth import Token
from aura_migration.sandbox.clover.switches import defaults
from aura_migration.sandbox.clover.traffic import Pass, Refusal, Traffic
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.server import serve


class Stopped(Clock):
    """A real clock that only moves when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self._epoch, self._monotonic = 1_700_000_000.0, 5_000.0

    def epoch(self) -> float:
        return self._epoch + self._skipped

    def monotonic(self) -> float:
        return self._monotonic + self._skipped


def token(value: str, app: str | None = "app") -> Token:
    return Token(value, "merchant", app, set())


def traffic(**switches: Any) -> tuple[Traffic, Stopped]:
    clock = Stopped()
    return Traffic(clock, {**defaults(), **switches}), clock


def spend(limits: Traffic, of: Token, times: int) -> list[str]:
    """Let requests in and out again one after the other; the headers of those refused."""
    refused = []
    for _ in range(times):
        passed = limits.admit(of)
        if isinstance(passed, Refusal):
            assert passed.retry_after is None
            refused.append(passed.header)
        else:
            limits.release(passed)
    return refused


def test_one_token_gets_sixteen_requests_a_second() -> None:
    limits, clock = traffic()
    assert spend(limits, token("a"), 18) == ["X-RateLimit-tokenLimit"] * 2
    clock.skip(1)
    assert spend(limits, token("a"), 16) == []


def test_all_tokens_of_an_app_get_fifty_requests_a_second_together() -> None:
    limits, _ = traffic()
    refused = [spend(limits, token(str(number)), 13) for number in range(4)]
    assert refused == [[], [], [], ["X-RateLimit-crossTokenLimit"] * 2]
    assert spend(limits, token("other", "other-app"), 1) == []


def test_dashboard_tokens_share_an_app_limit_only_when_the_switch_says_so() -> None:
    limits, _ = traffic()
    assert [len(spend(limits, token(str(number), None), 15)) for number in range(4)] == [0, 0, 0, 10]
    limits, _ = traffic(merchant_tokens_share_app=False)
    assert [len(spend(limits, token(str(number), None), 15)) for number in range(4)] == [0, 0, 0, 0]


def test_a_sixth_request_in_flight_is_told_when_to_come_back_and_waits_longer_if_it_does_not() -> None:
    limits, clock = traffic()
    held = [limits.admit(token("a")) for _ in range(5)]
    assert all(isinstance(one, Pass) for one in held)
    assert limits.admit(token("a")) == Refusal("X-RateLimit-tokenConcurrentLimit", 5, 1)
    for one in held:
        assert isinstance(one, Pass)
        limits.release(one)
    assert limits.admit(token("a")) == Refusal("X-RateLimit-tokenConcurrentLimit", 5, 2)
    clock.skip(1.5)
    assert limits.admit(token("a")) == Refusal("X-RateLimit-tokenConcurrentLimit", 5, 4)
    clock.skip(4)
    assert isinstance(limits.admit(token("a")), Pass)


def test_an_eleventh_request_in_flight_of_one_app_is_refused_across_tokens() -> None:
    limits, _ = traffic()
    for number in range(10):
        assert isinstance(limits.admit(token(str(number // 5))), Pass)
    assert limits.admit(token("new")) == Refusal("X-RateLimit-crossTokenConcurrentLimit", 10, 1)


def test_limits_scale_and_switch_off() -> None:
    limits, _ = traffic(limits_scale=10.0)
    assert spend(limits, token("a"), 160) == []
    limits, _ = traffic(limits="off")
    assert spend(limits, token("a"), 500) == []


async def _burst(base_url: str, path: str, headers: dict[str, str], count: int) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        return await asyncio.gather(*(client.get(path) for _ in range(count)))


def test_over_http_a_burst_meets_the_in_flight_limit_with_its_header_and_a_wait() -> None:
    for latency in (0.2, 2.0, 10.0):  # on a busy machine the first of the burst may be answered before the last arrives
        with serve("clover", "cafe", switches={"latency_seconds": latency, "retry_after_grows": False}) as running:
            document = httpx.get(f"{running.control_url}/credentials").json()["default"]
            headers = {"authorization": f"Bearer {document['access_token']}"}
            path = f"/v3/merchants/{document['merchant_id']}/categories"
            answers = asyncio.run(_burst(running.base_url, path, headers, 8))
        good = [answer for answer in answers if answer.status_code == 200]
        refused = [answer for answer in answers if answer.status_code == 429]
        if len(refused) == 3:
            break
    assert (len(good), len(refused)) == (5, 3)
    for answer in refused:
        assert answer.headers["x-ratelimit-tokenconcurrentlimit"] == "5"
        assert answer.headers["retry-after"] == "1"
        assert answer.json() == {"message": "429 Too Many Requests"}


def test_over_http_too_many_requests_in_a_row_get_no_advice() -> None:
    with (
        serve("clover", "cafe", switches={"latency_seconds": 0.0, "limits_scale": 0.2}) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        document = client.get("/_control/credentials").json()["default"]
        client.headers["authorization"] = f"Bearer {document['access_token']}"
        path = f"/v3/merchants/{document['merchant_id']}/categories"
        while True:  # until the four fall within one second
            time.sleep(1.0 - time.time() % 1.0)
            second = int(time.time())
            answers = [client.get(path) for _ in range(4)]
            if int(time.time()) == second:
                break
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["x-ratelimit-tokenlimit"] == "3"
        assert "retry-after" not in answers[-1].headers


def test_a_storm_from_the_fault_dial_wears_clovers_headers() -> None:
    with (
        serve("clover", "cafe", switches={"limits": "off"}) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        document = client.get("/_control/credentials").json()["default"]
        path = f"/v3/merchants/{document['merchant_id']}/items"
        client.post("/_control/faults", json={"kind": "rate_limit", "match": "/items", "times": 1, "advice": True})
        client.post("/_control/faults", json={"kind": "rate_limit", "match": "/items", "times": 2})
        answers = [client.get(path, headers={"authorization": f"Bearer {document['access_token']}"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "1"
        assert "retry-after" not in answers[1].headers
        assert "x-ratelimit-tokenlimit" in answers[1].headers
