"""Credentials documents, error bodies and limits of Clover."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aura_migration.core.errors import BadInput
from aura_migration.pos.clover import CONNECTOR, calls
from aura_migration.pos.clover.calls import classify
from aura_migration.pos.clover.client import CloverSession
from aura_migration.pos.clover.wire import closeout
from aura_migration.pos.http.errors import (
    NotFound,
    PermissionMissing,
    RateLimited,
    Rejected,
    ResponseParts,
    Unauthorized,
)
from aura_migration_tests.pos.clover.conftest import MakeBench

TOKEN = {"merchant_id": "B", "access_token": "secret-token"}
APP = {"merchant_id": "A", "client_id": "APP", "refresh_token": "clvroar-1"}


def test_one_merchant_and_a_list_of_merchants_become_the_same_form() -> None:
    assert CONNECTOR.parse_credentials(TOKEN) == {"merchants": [TOKEN]}
    both = CONNECTOR.parse_credentials([TOKEN, APP])
    assert [entry["merchant_id"] for entry in both["merchants"]] == ["A", "B"]
    assert CONNECTOR.parse_credentials(both) == both


def test_the_expiry_in_seconds_is_kept_and_a_secret_that_is_not_needed_is_not() -> None:
    document = {**APP, "access_token": "t", "access_token_expiration": 1767225600, "client_secret": "s"}
    (entry,) = CONNECTOR.parse_credentials(document)["merchants"]
    assert entry == {**APP, "access_token": "t", "expires_at": 1767225600}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("text", "not a JSON object"),
        ([], "no merchant"),
        ({"access_token": "t"}, "merchant_id is missing"),
        ({"merchant_id": "A/B", "access_token": "t"}, "not an id"),
        ({"merchant_id": "A"}, "neither access_token nor refresh_token"),
        ({"merchant_id": "A", "refresh_token": "r"}, "client_id is missing"),
        ({"merchant_id": "A", "access_token": " "}, "not a text"),
        ([TOKEN, TOKEN], "twice"),
        ([TOKEN, 7], "merchant 2"),
    ],
)
def test_credentials_that_cannot_work_are_refused_naming_what_is_missing(document: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        CONNECTOR.parse_credentials(document)
    assert "secret-token" not in str(caught.value)
    assert caught.value.remedy


def parts(status: int, body: bytes = b"{}", **headers: str) -> ResponseParts:
    """An answer of Clover."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ResponseParts("clover", "GET", "/v3/merchants/M/items", status, named, body)


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"x_ratelimit_crosstokenlimit": "50"}, "app"),
        ({"x_ratelimit_crosstokenconcurrentlimit": "10"}, "app"),
        ({"x_ratelimit_tokenlimit": "16"}, "token"),
        ({"x_ratelimit_tokenconcurrentlimit": "5"}, "token"),
    ],
)
def test_the_header_of_a_refusal_tells_which_limit_was_crossed(headers: dict[str, str], limit: str) -> None:
    error = classify(parts(429, b'{"message":"429 Too Many Requests"}', **headers))
    assert isinstance(error, RateLimited)
    assert error.limit == limit


def test_statuses_become_failures_with_clovers_own_words() -> None:
    assert classify(parts(200)) is None
    for status, body, kind in (
        (401, b'{"message":"401 Unauthorized"}', Unauthorized),
        (403, b'{"message":"Forbidden"}', PermissionMissing),
        (404, b'{"message":"invalid ID"}', NotFound),
        (400, b'{"message":"Invalid filter field"}', Rejected),
    ):
        error = classify(parts(status, body))
        assert type(error) is kind
        assert body.decode()[12:-2] in str(error)


@pytest.mark.parametrize(("hour", "text"), [(None, "00:00"), (0, "00:00"), (4, "04:00"), (23, "23:00"), (99, "00:00")])
def test_the_reporting_hour_is_proposed_as_the_end_of_the_day(hour: int | None, text: str) -> None:
    assert closeout(hour) == text


@pytest.mark.usefixtures("own_pace")
def test_we_stay_below_clovers_limits_and_are_never_refused(bench: MakeBench) -> None:
    assert {limit.name: (limit.capacity, limit.concurrency) for limit in calls.LIMITS.limits} == {
        "app": (40, 8),
        "token": (10, 3),
    }
    where = bench("cafe", limits="real")
    location = where.locations()[0].source_id
    where.control("DELETE", "requests")

    async def asked(session: CloverSession) -> Any:
        started = time.monotonic()
        await session.permissions(location)
        return time.monotonic() - started, session.client.stats

    seconds, stats = where.run(asked)
    assert stats.rate_limited == 0
    assert stats.attempts == 32
    assert seconds > 2.0  # 23 requests at ten a second
    assert where.control("GET", "requests")["max_in_flight"] <= 3
