"""Signing in to Square, what the token may do, what the audit says: over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aura_migration.core.errors import BadInput
from aura_migration.pos.http.errors import (
    PermissionMissing,
    ReconnectNeeded,
    Rejected,
    ResponseParts,
    StaleCursor,
    TokenRevoked,
    Unauthorized,
)
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.square import CONNECTOR, client
from aura_migration.pos.square.client import SquareSession, VersionRefused, classify
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.square.square_support import control, requests_to, session_on, session_with


@pytest.fixture(scope="module")
def chain() -> Iterator[RunningSandbox]:
    with serve("square", "chain", 5, locations=11) as sandbox:
        yield sandbox


@pytest.fixture
def cafe() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 5) as sandbox:
        yield sandbox


def ask(sandbox: RunningSandbox, what: Callable[[SquareSession], Awaitable[Any]], credentials: str = "default") -> Any:
    async def go() -> Any:
        async with session_on(sandbox, credentials) as session:
            return await what(session)

    return asyncio.run(go())


def store_for(sandbox: RunningSandbox, credentials: str) -> MemoryStore:
    document = control(sandbox, "/credentials")["variants"][credentials]
    return MemoryStore(1, CONNECTOR.parse_credentials(document))


def discover_with(sandbox: RunningSandbox, store: MemoryStore) -> Any:
    async def go() -> Any:
        async with session_with(sandbox.base_url, store) as session:
            return await session.discover()

    return asyncio.run(go())


# Signing in -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credentials", ["access_token", "oauth_access_token", "refresh_token", "pkce"])
def test_every_way_of_signing_in_finds_the_merchant_and_all_its_locations(
    chain: RunningSandbox, credentials: str
) -> None:
    found = ask(chain, lambda session: session.discover(), credentials)
    truth = control(chain, "/truth")
    assert (found.merchant_id, found.merchant_name) == (truth["merchant_id"], truth["merchant_name"])
    known = sorted((row["id"], row["name"], row["timezone"], row["currency"]) for row in truth["locations"])
    assert [(p.source_id, p.name, p.timezone, p.currency) for p in found.locations] == known
    active = {row["id"]: row["status"] == "ACTIVE" for row in truth["locations"]}
    assert {place.source_id: place.is_active for place in found.locations} == active


def test_the_refresh_token_of_the_code_flow_is_used_again_and_that_of_pkce_is_replaced(cafe: RunningSandbox) -> None:
    for credentials, changes in (("refresh_token", False), ("pkce", True)):
        store = store_for(cafe, credentials)
        before = store.load(1)[0]["refresh_token"]
        discover_with(cafe, store)
        after = store.load(1)[0]
        assert (after["refresh_token"] != before) is changes
        assert after["access_token"]
        control(cafe, "/tokens", "POST", {"op": "expire"})
        discover_with(cafe, store)
        assert store.load(1)[0]["access_token"] != after["access_token"]


def test_a_stored_access_token_is_used_until_it_expires(cafe: RunningSandbox) -> None:
    store = store_for(cafe, "refresh_token")
    discover_with(cafe, store)
    discover_with(cafe, store)
    assert len(requests_to(cafe, "/oauth2/token")) == 1


def test_a_pkce_token_that_was_spent_elsewhere_asks_for_a_new_connection(cafe: RunningSandbox) -> None:
    spent = store_for(cafe, "pkce")
    discover_with(cafe, store_for(cafe, "pkce"))
    with pytest.raises(ReconnectNeeded) as caught:
        discover_with(cafe, spent)
    assert "aura-migration connect" in caught.value.remedy
    assert spent.load(1)[0]["refresh_token"] not in str(caught.value)


@pytest.mark.parametrize("credentials", ["wrong", "wrong_secret"])
def test_wrong_credentials_are_an_error_that_shows_none_of_them(cafe: RunningSandbox, credentials: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        ask(cafe, lambda session: session.discover(), credentials)
    assert caught.value.exit_code == 2
    for secret in control(cafe, "/credentials")["variants"][credentials].values():
        assert secret not in str(caught.value)


def test_a_connection_the_seller_withdrew_is_told_apart_from_an_expired_one(cafe: RunningSandbox) -> None:
    control(cafe, "/tokens", "POST", {"op": "revoke"})
    with pytest.raises(TokenRevoked):
        ask(cafe, lambda session: session.discover(), "oauth_access_token")


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "one JSON object"),
        ("EAAA", "one JSON object"),
        ({}, "neither access_token nor refresh_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": 7}, "access_token"),
        ({"refresh_token": "EQ-secret"}, "client_id is missing"),
        ({"client_id": "sq0idp", "client_secret": "sq0csp"}, "neither access_token nor refresh_token"),
    ],
)
def test_a_credentials_document_that_cannot_work_is_refused_with_what_is_missing(document: Any, named: str) -> None:
    with pytest.raises(BadInput, match=named) as caught:
        CONNECTOR.parse_credentials(document)
    assert "EQ-secret" not in str(caught.value)
    assert "client_secret" in caught.value.remedy


def test_credentials_are_normalised_and_unknown_keys_left_out() -> None:
    document = {"client_id": " sq0idp ", "refresh_token": "EQ\n", "note": "mine", "client_secret": None}
    assert CONNECTOR.parse_credentials(document) == {"client_id": "sq0idp", "refresh_token": "EQ"}


# Permissions ----------------------------------------------------------------------------------------------------------


def test_permissions_are_what_the_token_s_status_says(cafe: RunningSandbox) -> None:
    place = str(control(cafe, "/truth")["locations"][0]["id"])
    everything = ask(cafe, lambda session: session.permissions(place))
    assert {line.entity: line.granted for line in everything} == {
        entity.name: True for entity in CONNECTOR.source_entities
    }
    fewer = ask(cafe, lambda session: session.permissions(place), "missing_items_scope")
    assert {line.entity: line.granted for line in fewer}["catalog"] is False
    assert all(line.permission in line.evidence for line in fewer)


def test_permissions_are_tried_where_square_does_not_tell_them(cafe: RunningSandbox) -> None:
    place = str(control(cafe, "/truth")["locations"][0]["id"])
    control(cafe, "/faults", "POST", {"kind": "drop_field", "match": "/oauth2/token/status", "path": "scopes"})
    lines = ask(cafe, lambda session: session.permissions(place), "missing_items_scope")
    granted = {line.entity: line.granted for line in lines}
    assert granted["catalog"] is False
    assert granted["locations"] is True


def test_the_way_back_follows_from_the_right_to_write(cafe: RunningSandbox) -> None:
    place = str(control(cafe, "/truth")["locations"][0]["id"])
    assert ask(cafe, lambda session: session.reverse_level(place)).level == "A"
    control(cafe, "/tokens", "POST", {"op": "drop_scope", "scope": "INVENTORY_WRITE"})
    level = ask(cafe, lambda session: session.reverse_level(place), "oauth_access_token")
    assert level.level == "B"
    assert "INVENTORY_WRITE" in level.evidence


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "field", "kind"),
    [
        (401, "UNAUTHORIZED", "", Unauthorized),
        (401, "ACCESS_TOKEN_EXPIRED", "", Unauthorized),
        (401, "ACCESS_TOKEN_REVOKED", "", TokenRevoked),
        (403, "INSUFFICIENT_SCOPES", "", PermissionMissing),
        (403, "APPLICATION_DISABLED", "", TokenRevoked),
        (400, "MERCHANT_SUBSCRIPTION_NOT_FOUND", "", PermissionMissing),
        (400, "INVALID_CURSOR", "", StaleCursor),
        (400, "BAD_REQUEST", "cursor", StaleCursor),
    ],
)
def test_error_codes_become_typed_failures(status: int, code: str, field: str, kind: type[Exception]) -> None:
    said = {"category": "X", "code": code, "detail": "of EAAAl0ngt0kenthatmustnotshow", "field": field}
    body = json.dumps({"errors": [said]}).encode()
    error = classify(ResponseParts("square", "POST", "/v2/catalog/search", status, {}, body))
    assert type(error) is kind
    assert error.code == code
    assert "EAAA" not in str(error)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": "API_VERSION_INCOMPATIBLE"}, VersionRefused),
        ({"code": "INVALID_SQUARE_VERSION_FORMAT"}, VersionRefused),
        ({"code": "BAD_REQUEST", "detail": "Version 2026-09-16 is not served."}, VersionRefused),
        ({"code": "BAD_REQUEST", "detail": "No.", "field": "Square-Version"}, VersionRefused),
        ({"code": "VERSION_MISMATCH", "detail": "Object version does not match."}, Rejected),
    ],
)
def test_a_refused_version_of_the_api_is_told_apart(said: dict[str, str], kind: type[Exception]) -> None:
    body = json.dumps({"errors": [{"category": "INVALID_REQUEST_ERROR", **said}]}).encode()
    error = classify(ResponseParts("square", "POST", "/v2/catalog/search", 400, {}, body))
    assert type(error) is kind


def test_an_answer_of_success_is_no_error_whatever_it_says() -> None:
    assert classify(ResponseParts("square", "GET", "/v2/locations", 200, {}, b'{"errors":[]}')) is None
    assert classify(ResponseParts("square", "GET", "/v2/locations", 500, {}, b"<html>oops</html>")) is None


# Audit ----------------------------------------------------------------------------------------------------------------


def test_the_audit_counts_what_there_is_and_asks_what_the_api_does_not_show() -> None:
    with serve("square", "diner", 5) as diner:
        truth = control(diner, "/truth")
        lines = ask(diner, lambda session: session.audit(str(truth["locations"][0]["id"])))
    counted = {line.label: line.value for line in lines if line.area == "menu"}
    for label, name in (("items", "items"), ("variations", "variations"), ("modifiers", "modifiers")):
        assert counted[label] == f"{truth['counts'][name]:,}"
    assert counted["archived items"] == str(truth["counts"]["archived_items"])
    (orders,) = [line for line in lines if line.area == "orders" and line.label.startswith("orders")]
    told = [order for order in truth["orders"] if order["location"] == truth["locations"][0]["id"]]
    found = re.fullmatch(rf"{len(told):,}, from (\S+) to (\S+)", orders.value)
    assert found, (len(told), orders.value)
    zone = ZoneInfo(truth["locations"][0]["timezone"])
    days = sorted(datetime.fromisoformat(order["created"]).astimezone(zone).date().isoformat() for order in told)
    assert found.groups() == (days[0], days[-1])
    areas = {line.area for line in lines}
    assert areas >= {
        "menu",
        "stock",
        "custom fields",
        "tipping",
        "configuration",
        "devices",
        "integrations",
        "payments",
    }
    assert any(line.area == "custom fields" and ", on " in line.value for line in lines)
    assert any(line.label == "quick amounts" and "USD" in line.value for line in lines)
    silent = [line for line in lines if line.value == "not in Square's API"]
    assert len(silent) > 10
    assert all(line.question.endswith(("?", ".")) for line in silent)
    (nested,) = [line for line in lines if line.label == "nested modifiers"]
    assert "carried over" in nested.value
    assert not nested.question


def test_the_audit_asks_for_nested_modifiers_where_they_cannot_be_seen(
    cafe: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(control(cafe, "/truth")["locations"][0]["id"])
    monkeypatch.setattr(client, "API_VERSION", "2031-01-01")
    lines = ask(cafe, lambda session: session.audit(place))
    (nested,) = [line for line in lines if line.label == "nested modifiers"]
    assert "not shown" in nested.value
    assert nested.question


def test_the_audit_says_how_many_nested_modifiers_an_older_version_hides() -> None:
    async def go(sandbox: RunningSandbox) -> Any:
        async with session_on(sandbox, square_version="2025-08-20") as session:
            return await session.audit((await session.discover()).locations[0].source_id)

    with serve("square", "diner", 5) as diner:
        lines = asyncio.run(go(diner))
    (nested,) = [line for line in lines if line.label == "nested modifiers"]
    assert "open further lists, not shown by version 2025-08-20" in nested.value
    assert "square_version" in nested.question


def test_what_the_audit_may_not_read_is_said_and_asked(cafe: RunningSandbox) -> None:
    place = str(control(cafe, "/truth")["locations"][0]["id"])
    lines = ask(cafe, lambda session: session.audit(place), "missing_items_scope")
    assert [(line.value, bool(line.question)) for line in lines if line.label == "catalog"] == [("not permitted", True)]
    assert any(line.label == "opening hours" for line in lines)
