"""Who gets in at the Clover sandbox: OAuth v2 and its single-use refresh tokens, merchant tokens, permissions."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from aura_migration.sandbox.core.server import serve

REDIRECT = "http://127.0.0.1:9/back?from=clover"


@contextmanager
def running_cafe() -> Iterator[httpx.Client]:
    with (
        serve("clover", "cafe", switches={"limits": "off", "latency_seconds": 0.0}) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        yield client


@pytest.fixture
def pos() -> Iterator[httpx.Client]:
    """A cafe of the test's own, to change at will."""
    with running_cafe() as client:
        yield client


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    """A cafe for tests that leave it as they found it."""
    with running_cafe() as client:
        yield client


def credentials(pos: httpx.Client, variant: str = "default") -> Any:
    found = pos.get("/_control/credentials").json()
    return found["default"] if variant == "default" else found["variants"][variant]


def menu(pos: httpx.Client, token: str, merchant: str | None = None, path: str = "items") -> httpx.Response:
    merchant = merchant or credentials(pos)["merchant_id"]
    return pos.get(f"/v3/merchants/{merchant}/{path}", headers={"authorization": f"Bearer {token}"})


def approve(pos: httpx.Client, **params: str) -> dict[str, str]:
    """Agree on the consent page; answers what the redirect carries."""
    app = credentials(pos, "oauth_app")
    form = {"client_id": app["client_id"], "redirect_uri": REDIRECT, "decision": "approve", **params}
    answer = pos.post(params.pop("path", "/oauth/v2/authorize"), data=form)
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def refresh(pos: httpx.Client, client_id: str, token: str) -> httpx.Response:
    return pos.post("/oauth/v2/refresh", json={"client_id": client_id, "refresh_token": token})


def test_a_person_connects_by_code_and_gets_a_pair_that_expires_in_unix_seconds(shared: httpx.Client) -> None:
    app = credentials(shared, "oauth_app")
    page = shared.get(
        "/oauth/v2/authorize", params={"client_id": app["client_id"], "redirect_uri": REDIRECT, "state": "a&b"}
    )
    assert page.status_code == 200
    assert "<form" in page.text
    assert "a&amp;b" in page.text
    back = approve(shared, state="a&b")
    assert back["state"] == "a&b"
    assert back["from"] == "clover"
    assert back["merchant_id"] == credentials(shared)["merchant_id"]
    answer = shared.post("/oauth/v2/token", json={**app, "code": back["code"]})
    pair = answer.json()
    assert set(pair) == {"access_token", "access_token_expiration", "refresh_token", "refresh_token_expiration"}
    assert 0 < pair["access_token_expiration"] - time.time() < 86_400
    assert pair["refresh_token_expiration"] > pair["access_token_expiration"]
    assert menu(shared, pair["access_token"]).status_code == 200
    again = shared.post("/oauth/v2/token", json={**app, "code": back["code"]})
    assert again.status_code == 401
    assert "validate" in again.json()["message"]


def test_a_person_who_cancels_sends_the_app_no_code(shared: httpx.Client) -> None:
    back = approve(shared, decision="deny", state="s")
    assert "code" not in back
    assert back["state"] == "s"


def test_an_unknown_app_or_a_bad_redirect_is_refused_on_the_page(shared: httpx.Client) -> None:
    app = credentials(shared, "oauth_app")
    for params in (
        {"client_id": "nobody", "redirect_uri": REDIRECT},
        {"client_id": app["client_id"], "redirect_uri": "/x"},
    ):
        assert shared.get("/oauth/v2/authorize", params=params).status_code == 400


def test_a_pkce_code_needs_its_verifier_and_no_secret(shared: httpx.Client) -> None:
    app = credentials(shared, "oauth_app")
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    code = approve(shared, code_challenge=challenge, code_challenge_method="S256")["code"]
    base = {"client_id": app["client_id"], "code": code}
    assert shared.post("/oauth/v2/token", json={**base, "code_verifier": "w" * 64}).status_code == 401
    assert shared.post("/oauth/v2/token", json={**base, "client_secret": app["client_secret"]}).status_code == 401
    assert shared.post("/oauth/v2/token", json={**base, "code_verifier": verifier}).status_code == 200


def test_a_wrong_secret_or_a_form_body_gets_no_token(shared: httpx.Client) -> None:
    app = credentials(shared, "oauth_app")
    code = approve(shared)["code"]
    good = {**app, "code": code}
    assert shared.post("/oauth/v2/token", json={**good, "client_secret": "no"}).status_code == 401
    assert shared.post("/oauth/v2/token", data=good).status_code == 400
    assert shared.post("/oauth/v2/token", json={"client_id": app["client_id"], "code": code}).status_code == 400
    assert shared.post("/oauth/v2/token", json=good).status_code == 200


def test_a_refresh_token_works_once_and_needs_no_secret(pos: httpx.Client) -> None:
    document = credentials(pos, "refresh_token")
    first = refresh(pos, document["client_id"], document["refresh_token"])
    assert first.status_code == 200
    assert first.json()["refresh_token"] != document["refresh_token"]
    assert menu(pos, first.json()["access_token"]).status_code == 200
    assert refresh(pos, document["client_id"], document["refresh_token"]).status_code == 401
    assert refresh(pos, "another", first.json()["refresh_token"]).status_code == 401
    assert refresh(pos, document["client_id"], first.json()["refresh_token"]).status_code == 200
    assert refresh(pos, **_renamed(credentials(pos, "refresh_token"))).status_code == 200


def _renamed(document: dict[str, str]) -> dict[str, str]:
    return {"client_id": document["client_id"], "token": document["refresh_token"]}


def test_more_live_refresh_tokens_than_the_cap_end_the_oldest(pos: httpx.Client) -> None:
    pos.post("/_control/switches", json={"refresh_token_cap": 2})
    app = credentials(pos, "oauth_app")
    pairs = [pos.post("/oauth/v2/token", json={**app, "code": approve(pos)["code"]}).json() for _ in range(3)]
    statuses = [refresh(pos, app["client_id"], pair["refresh_token"]).status_code for pair in pairs]
    assert statuses == [401, 200, 200]


def test_an_access_token_stops_when_its_time_is_over_and_the_refresh_token_brings_a_new_one(pos: httpx.Client) -> None:
    document = credentials(pos, "pair")
    assert menu(pos, document["access_token"]).status_code == 200
    pos.post("/_control/clock", json={"skip": 1801})
    late = menu(pos, document["access_token"])
    assert late.status_code == 401
    assert late.json() == {"message": "401 Unauthorized"}
    fresh = refresh(pos, document["client_id"], document["refresh_token"]).json()
    assert menu(pos, fresh["access_token"]).status_code == 200


def test_expiring_tokens_leaves_the_dashboard_token_alone_and_revoking_ends_everything(pos: httpx.Client) -> None:
    document, dashboard = credentials(pos, "pair"), credentials(pos)["access_token"]
    assert pos.post("/_control/tokens", json={"op": "expire"}).json()["tokens"] == 1
    assert menu(pos, document["access_token"]).status_code == 401
    assert menu(pos, dashboard).status_code == 200
    pos.post("/_control/clock", json={"skip": 10 * 365 * 86_400})
    assert menu(pos, dashboard).status_code == 200
    assert pos.post("/_control/tokens", json={"op": "revoke"}).json()["tokens"] > 1
    assert menu(pos, dashboard).status_code == 401
    assert refresh(pos, document["client_id"], document["refresh_token"]).status_code == 401
    assert menu(pos, credentials(pos)["access_token"]).status_code == 200


def test_a_legacy_token_becomes_a_pair_and_is_then_spent(pos: httpx.Client) -> None:
    app, legacy = credentials(pos, "oauth_app"), credentials(pos, "legacy")["access_token"]
    assert menu(pos, legacy).status_code == 200
    body = {**app, "access_token": legacy}
    pos.post("/_control/switches", json={"migrate_v2": False})
    assert pos.post("/oauth/token/migrate_v2", json=body).status_code == 404
    pos.post("/_control/switches", json={"migrate_v2": True})
    pair = pos.post("/oauth/token/migrate_v2", json=body).json()
    assert menu(pos, pair["access_token"]).status_code == 200
    assert menu(pos, legacy).status_code == 401


def test_legacy_oauth_gives_a_token_without_an_end_until_it_is_switched_off(pos: httpx.Client) -> None:
    app = credentials(pos, "oauth_app")
    code = approve(pos, path="/oauth/authorize")["code"]
    assert pos.post("/oauth/v2/token", json={**app, "code": code}).status_code == 401
    answer = pos.get("/oauth/token", params={**app, "code": code})
    assert set(answer.json()) == {"access_token"}
    token = answer.json()["access_token"]
    assert menu(pos, token).status_code == 200
    pos.post("/_control/switches", json={"legacy_oauth": False})
    assert menu(pos, token).status_code == 401
    assert pos.get("/oauth/token", params={**app, "code": code}).status_code == 404


def test_a_missing_permission_looks_like_a_bad_token(pos: httpx.Client) -> None:
    document = credentials(pos, "missing_scope")
    lacking, wrong = menu(pos, document["access_token"]), menu(pos, credentials(pos, "wrong")["access_token"])
    assert lacking.status_code == wrong.status_code == 401
    assert lacking.json() == wrong.json() == {"message": "401 Unauthorized"}
    assert menu(pos, document["access_token"], path="tenders").status_code == 200
    pos.post("/_control/switches", json={"missing_permission_status": 403})
    assert menu(pos, document["access_token"]).status_code == 403
    assert menu(pos, credentials(pos, "wrong")["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("permission", "paths"),
    [
        (
            "MERCHANT_R",
            ["", "properties", "address", "devices", "tenders", "order_types", "opening_hours", "cash_events"],
        ),
        (
            "INVENTORY_R",
            ["items", "item_stocks", "categories", "modifiers", "tags", "tax_rates", "discounts", "options"],
        ),
        ("EMPLOYEES_R", ["roles", "employees", "shifts"]),
        ("ORDERS_R", ["orders"]),
        ("PAYMENTS_R", ["payments", "refunds", "credits"]),
        ("CUSTOMERS_R", ["customers"]),
    ],
)
def test_a_dropped_permission_closes_its_endpoints_and_no_others(
    shared: httpx.Client, permission: str, paths: list[str]
) -> None:
    token = credentials(shared)["access_token"]
    shared.post("/_control/tokens", json={"op": "drop_scope", "scope": permission})
    assert {menu(shared, token, path=path).status_code for path in paths} == {401}
    other = "items" if permission != "INVENTORY_R" else "tenders"
    assert menu(shared, token, path=other).status_code == 200
    shared.post("/_control/tokens", json={"op": "add_scope", "scope": permission})
    assert {menu(shared, token, path=path).status_code for path in paths} == {200}


def test_a_token_opens_only_its_own_merchant() -> None:
    with (
        serve("clover", "chain", locations=2, switches={"limits": "off"}) as running,
        httpx.Client(base_url=running.base_url) as pos,
    ):
        one, two = credentials(pos)
        assert menu(pos, one["access_token"], one["merchant_id"]).status_code == 200
        assert menu(pos, one["access_token"], two["merchant_id"]).status_code == 401
        assert menu(pos, one["access_token"], "NOSUCHMERCHANT").status_code == 401
        broken = credentials(pos, "one_wrong")
        statuses = [menu(pos, entry["access_token"], entry["merchant_id"]).status_code for entry in broken]
        assert statuses == [200, 401]


def test_a_presented_token_can_be_made_to_expire_in_the_middle_of_work(pos: httpx.Client) -> None:
    document = credentials(pos, "pair")
    pos.post("/_control/faults", json={"kind": "expire_token", "match": "/items", "after": 1, "times": 1})
    assert [menu(pos, document["access_token"]).status_code for _ in range(3)] == [200, 401, 401]
    fresh = refresh(pos, document["client_id"], document["refresh_token"]).json()
    assert menu(pos, fresh["access_token"]).status_code == 200
