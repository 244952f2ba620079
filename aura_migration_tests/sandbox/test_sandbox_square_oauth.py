"""Square's OAuth and bearer checks over real HTTP."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

VERIFIER = "v" * 64


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 1) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as http:
        yield http


def documents(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/_control/credentials").json()["variants"]
    return found


def merchant_status(client: httpx.Client, token: str) -> tuple[int, str | None]:
    answer = client.get("/v2/merchants/me", headers={"Authorization": f"Bearer {token}"})
    errors = answer.json().get("errors")
    return answer.status_code, errors[0]["code"] if errors else None


def authorize(client: httpx.Client, **query: str) -> dict[str, str]:
    client_id = documents(client)["refresh_token"]["client_id"]
    query = {"client_id": client_id, "scope": "ITEMS_READ MERCHANT_PROFILE_READ", "state": "s-1", **query}
    client.post("/_control/switches", json={"authorize": "allow"})
    answer = client.get("/oauth2/authorize", params=query)
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def exchange(client: httpx.Client, **fields: Any) -> httpx.Response:
    document = documents(client)["refresh_token"]
    body = {"client_id": document["client_id"], "client_secret": document["client_secret"], **fields}
    return client.post("/oauth2/token", json={name: value for name, value in body.items() if value is not None})


def test_the_authorize_page_shows_the_scopes_and_its_button_redirects_with_code_and_state(client: httpx.Client) -> None:
    client_id = documents(client)["refresh_token"]["client_id"]
    query = {"client_id": client_id, "scope": "ITEMS_READ", "state": "abc", "redirect_uri": "http://localhost:9/cb"}
    page = client.get("/oauth2/authorize", params=query)
    assert page.status_code == 200 and "ITEMS_READ" in page.text and "<form" in page.text
    allowed = client.post("/oauth2/authorize", params=query, data={"decision": "allow"})
    answer = parse_qs(urlsplit(allowed.headers["location"]).query)
    assert allowed.headers["location"].startswith("http://localhost:9/cb?")
    assert answer["state"] == ["abc"] and answer["response_type"] == ["code"] and answer["code"][0]
    denied = client.post("/oauth2/authorize", params=query, data={"decision": "deny"})
    assert "error=access_denied" in denied.headers["location"] and "state=abc" in denied.headers["location"]


def test_authorize_refuses_a_foreign_application_or_redirect(client: httpx.Client) -> None:
    client_id = documents(client)["refresh_token"]["client_id"]
    for query in (
        {"client_id": "someone-else", "scope": "ITEMS_READ"},
        {"client_id": client_id, "scope": "ITEMS_READ", "redirect_uri": "https://evil.example/cb"},
        {"client_id": client_id, "scope": "EVERYTHING"},
    ):
        assert client.get("/oauth2/authorize", params=query).status_code == 400


def test_a_code_works_once_and_for_five_minutes(client: httpx.Client) -> None:
    code = authorize(client)["code"]
    first = exchange(client, grant_type="authorization_code", code=code)
    assert first.status_code == 200 and first.json()["token_type"] == "bearer"
    assert set(first.json()) == {
        "access_token", "token_type", "expires_at", "merchant_id", "refresh_token", "short_lived",
    }  # fmt: skip
    assert exchange(client, grant_type="authorization_code", code=code).status_code == 401
    late = authorize(client)["code"]
    client.post("/_control/clock", json={"skip": 301})
    assert exchange(client, grant_type="authorization_code", code=late).status_code == 401


def test_a_redirect_uri_sent_to_authorize_must_come_again(client: httpx.Client) -> None:
    code = authorize(client, redirect_uri="http://localhost:8/cb")["code"]
    assert exchange(client, grant_type="authorization_code", code=code).status_code == 401
    good = exchange(client, grant_type="authorization_code", code=code, redirect_uri="http://localhost:8/cb")
    assert good.status_code == 200


def test_the_code_flow_refresh_token_is_reusable_and_returned_unchanged(client: httpx.Client) -> None:
    document = documents(client)["refresh_token"]
    answers = [client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"}).json() for _ in range(2)]
    assert [answer["refresh_token"] for answer in answers] == [document["refresh_token"]] * 2
    assert answers[0]["access_token"] != answers[1]["access_token"]
    assert all(merchant_status(client, answer["access_token"])[0] == 200 for answer in answers)
    assert "refresh_token_expires_at" not in answers[0]


def test_a_pkce_refresh_token_is_spent_by_use_and_rotated(client: httpx.Client) -> None:
    document = documents(client)["pkce"]
    first = client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"})
    assert first.status_code == 200 and first.json()["refresh_token"] != document["refresh_token"]
    assert first.json()["refresh_token_expires_at"]
    again = client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"})
    assert again.status_code == 401 and again.json()["errors"][0]["category"] == "AUTHENTICATION_ERROR"
    assert documents(client)["pkce"]["refresh_token"] == first.json()["refresh_token"]


def test_a_pkce_code_needs_its_verifier_and_no_secret(client: httpx.Client) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    code = authorize(client, code_challenge=challenge)["code"]
    wrong = exchange(client, grant_type="authorization_code", code=code, client_secret=None, code_verifier="w" * 64)
    assert wrong.status_code == 401
    right = exchange(client, grant_type="authorization_code", code=code, client_secret=None, code_verifier=VERIFIER)
    assert right.status_code == 200 and right.json()["refresh_token_expires_at"]


def test_refresh_can_narrow_scopes_and_shorten_life(client: httpx.Client) -> None:
    document = documents(client)["refresh_token"]
    wanted = {"scopes": ["ITEMS_READ", "ITEMS_WRITE"], "short_lived": True, "grant_type": "refresh_token"}
    answer = client.post("/oauth2/token", json={**document, **wanted}).json()
    assert answer["short_lived"] is True
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert client.post("/oauth2/token/status", headers=headers).json()["scopes"] == ["ITEMS_READ"]
    assert merchant_status(client, answer["access_token"]) == (403, "INSUFFICIENT_SCOPES")
    client.post("/_control/clock", json={"skip": 86_401})
    assert merchant_status(client, answer["access_token"]) == (401, "ACCESS_TOKEN_EXPIRED")


def test_expires_at_follows_pos_time(client: httpx.Client) -> None:
    client.post("/_control/clock", json={"now": "2026-10-01T09:00:00Z"})
    document = documents(client)["refresh_token"]
    answer = client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"}).json()
    assert answer["expires_at"] == "2026-10-31T09:00:00Z"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"grant_type": "refresh_token"}, "MISSING_REQUIRED_PARAMETER"),
        ({"client_id": "x", "grant_type": "password"}, "INVALID_VALUE"),
        ({"client_id": "x", "grant_type": "authorization_code"}, "MISSING_REQUIRED_PARAMETER"),
        ({"client_id": "x" * 192, "grant_type": "refresh_token", "refresh_token": "y"}, "VALUE_TOO_LONG"),
    ],
)
def test_a_malformed_token_request_is_a_bad_request(client: httpx.Client, body: dict[str, Any], code: str) -> None:
    answer = client.post("/oauth2/token", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_dead_tokens_say_what_they_died_of_except_to_token_status(client: httpx.Client) -> None:
    personal, oauth = documents(client)["access_token"]["access_token"], documents(client)["oauth_access_token"]
    assert merchant_status(client, "nonsense") == (401, "UNAUTHORIZED")
    assert client.get("/v2/locations").json()["errors"][0]["code"] == "UNAUTHORIZED"
    client.post("/_control/tokens", json={"op": "expire"})
    assert merchant_status(client, oauth["access_token"]) == (401, "ACCESS_TOKEN_EXPIRED")
    status = client.post("/oauth2/token/status", headers={"Authorization": f"Bearer {personal}"})
    assert (status.status_code, status.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
    refreshed = client.post("/oauth2/token", json={**documents(client)["refresh_token"], "grant_type": "refresh_token"})
    assert refreshed.status_code == 200
    client.post("/_control/tokens", json={"op": "revoke"})
    assert merchant_status(client, refreshed.json()["access_token"]) == (401, "ACCESS_TOKEN_REVOKED")
    assert exchange(client, grant_type="refresh_token", refresh_token="EQAA").status_code == 401
    again = client.post("/oauth2/token", json={**documents(client)["refresh_token"], "grant_type": "refresh_token"})
    assert again.status_code == 401


def test_token_status_of_a_personal_token_has_no_expiry(client: httpx.Client) -> None:
    found = documents(client)
    headers = {"Authorization": f"Bearer {found['access_token']['access_token']}"}
    status = client.post("/oauth2/token/status", headers=headers).json()
    assert "expires_at" not in status and "ITEMS_WRITE" in status["scopes"]
    headers = {"Authorization": f"Bearer {found['oauth_access_token']['access_token']}"}
    assert client.post("/oauth2/token/status", headers=headers).json()["expires_at"]


def test_revoke_needs_the_secret_and_ends_one_token_or_all(client: httpx.Client) -> None:
    document = documents(client)["refresh_token"]
    one = client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"}).json()["access_token"]
    two = client.post("/oauth2/token", json={**document, "grant_type": "refresh_token"}).json()["access_token"]
    good = {"Authorization": f"Client {document['client_secret']}"}
    body = {"client_id": document["client_id"], "access_token": one, "revoke_only_access_token": True}
    assert client.post("/oauth2/revoke", json=body).status_code == 401
    assert client.post("/oauth2/revoke", json={**body, "merchant_id": "M"}, headers=good).status_code == 400
    assert client.post("/oauth2/revoke", json=body, headers=good).json() == {"success": True}
    assert merchant_status(client, one) == (401, "ACCESS_TOKEN_REVOKED") and merchant_status(client, two)[0] == 200
    everything = {"client_id": document["client_id"], "access_token": two}
    assert client.post("/oauth2/revoke", json=everything, headers=good).json() == {"success": True}
    assert merchant_status(client, two) == (401, "ACCESS_TOKEN_REVOKED")


def test_a_missing_scope_is_forbidden_in_its_area_only(client: httpx.Client) -> None:
    token = documents(client)["missing_scope"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    refused = client.post("/v2/inventory/counts/batch-retrieve", json={}, headers=headers)
    assert refused.status_code == 403
    [error] = refused.json()["errors"]
    assert (error["category"], error["code"]) == ("AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES")
    assert client.get("/v2/catalog/info", headers=headers).status_code == 200


def test_a_scope_can_be_taken_and_given_back(client: httpx.Client) -> None:
    token = documents(client)["access_token"]["access_token"]
    client.post("/_control/tokens", json={"op": "drop_scope", "scope": "MERCHANT_PROFILE_READ"}).raise_for_status()
    assert merchant_status(client, token) == (403, "INSUFFICIENT_SCOPES")
    client.post("/_control/tokens", json={"op": "add_scope", "scope": "MERCHANT_PROFILE_READ"}).raise_for_status()
    assert merchant_status(client, token)[0] == 200
    assert client.post("/_control/tokens", json={"op": "drop_scope", "scope": "ALL"}).status_code == 400
