"""Who wants in without a right to: every route refuses, says nothing it should not, and what was tried is in the audit trail."""

from __future__ import annotations

import base64
import json
import re
import socket as sockets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from aura_migration.api.access import tokens
from aura_migration.api.access.roles import Identity, Permission, Role, least_role, permissions_of
from aura_migration.api.access.tokens import TokenVerifier, Unauthenticated
from aura_migration.api.app import routes_of
from aura_migration.api.depends import Requires, declared
from aura_migration.api.gate import LARGEST_BODY
from aura_migration.api.heads import PromptProtocol
from aura_migration.settings import JwtSettings
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.worlds import Stages, Started

SECRET = b"a shared secret of at least 32 bytes, for tests"
CANARIES = ("sq0-canary-access", "canary-client-secret", "canary.guest@example.com", "CANARY-SIGNATURE-KEY")


@pytest.fixture(scope="module")
def at(cafe_stages: Stages) -> Iterator[Started]:
    with cafe_stages.at("verified") as started:
        yield started


@pytest.fixture(scope="module")
def api(at: Started) -> Iterator[RunningApi]:
    with RunningApi(at.world.workshop) as running:
        running.app.state.api.refusal_limit.rate = running.app.state.api.refusal_limit.burst = 1e9
        yield running


def calls(api: RunningApi, at: Started, *, of: int | None = None) -> list[tuple[str, str, Permission | None]]:
    """Every method and path with ids that exist (or ``of``), and the permission it declares."""
    ids = {"migration_id": of or at.migration, "integration_id": of or at.integration, "training_id": 1, "target_id": 1}
    found = []
    for route in routes_of(api.app):
        (access,) = declared(route.dependant.dependencies)
        path = re.sub(
            r"{(\w+)}",
            lambda name: str(ids.get(name[1], {"pos": "square", "file": "index.html"}.get(name[1]))),
            route.path,
        )
        for method in sorted(route.methods or ()):
            found.append((method, path, access.permission if isinstance(access, Requires) else None))
    return found


def ask(client: httpx.Client, method: str, path: str, migration: int = 1) -> httpx.Response:
    return client.request(method, path, json={"migration_id": migration} if method == "POST" else None)


def test_only_health_consent_and_webhooks_need_no_token(api: RunningApi, at: Started) -> None:
    everything = calls(api, at)
    assert len(everything) > 60, "the test sees the routes"
    free = {path for _, path, permission in everything if permission is None}
    assert free == {
        "/pos/health", "/pos/oauth/callback/square", "/pos/webhooks/square", f"/pos/webhooks/square/{at.integration}",
    }  # fmt: skip


def test_every_other_route_refuses_who_has_no_token_or_a_bad_one(api: RunningApi, at: Started) -> None:
    good = api.token()
    head, body, sign = good.split(".")
    claims = {"sub": "eve", "roles": ["admin"], "restaurants": "*", "aud": "aura-migration", "exp": time.time() + 600}
    unsigned = jwt.encode(claims, None, algorithm="none")  # type: ignore[arg-type]
    bad = {
        "": None,
        "garbage": "x",
        "unsigned": unsigned,
        "without its signature": f"{head}.{body}.",
        "of another key": jwt.encode(claims, "another key of at least thirty-two bytes!", algorithm="HS256"),
        "changed": f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{sign}",
        "expired": api.token(life=timedelta(minutes=-5)),
    }
    with httpx.Client(base_url=api.base_url, timeout=60) as client:
        for method, path, permission in calls(api, at):
            if permission is not None:
                assert ask(client, method, path).status_code == 401, (method, path)
        for what, token in bad.items():
            if token is not None:
                answer = client.get("/pos/me", headers={"authorization": f"Bearer {token}"})
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), what
                assert token not in answer.text
        assert client.get("/pos/me", headers={"authorization": f"Basic {good}"}).status_code == 401
        cookies = {"cookie": f"token={good}; session={good}; access_token={good}"}
        assert client.get("/pos/me", headers=cookies).status_code == 401, "no other page can act for somebody"
        assert client.get(f"/pos/me?token={good}&access_token={good}").status_code == 401


def test_every_route_refuses_the_role_below_the_one_it_needs(api: RunningApi, at: Started) -> None:
    order = list(Role)
    for method, path, permission in calls(api, at):
        if permission is None or permission is Permission.SEE:
            continue
        needed = least_role(permission)
        below = order[order.index(needed) - 1]
        with api.client("eve", below) as client:
            answer = ask(client, method, path)
        assert (answer.status_code, answer.json()["needed_role"]) == (403, needed), (method, path)


def test_what_belongs_to_others_looks_like_what_does_not_exist(api: RunningApi, at: Started) -> None:
    unknown = 987_654
    theirs, none = calls(api, at), calls(api, at, of=unknown)
    with api.client("eve", "admin", [4711]) as client:
        compared = 0
        for (method, path, permission), (_, missing, _) in zip(theirs, none, strict=True):
            if permission is None or path == missing or "notification" in path:
                continue
            mine, other = ask(client, method, path), ask(client, method, missing)
            assert (mine.status_code, other.status_code) in ((404, 404), (422, 422)), (method, path, mine.text)
            assert re.sub(r"\d+", "#", mine.text) == re.sub(r"\d+", "#", other.text), "the answers tell nothing apart"
            compared += 1
        assert compared > 35
        for step in ("categories", "items", "modifiers", "verify-prices"):
            assert client.post(f"/pos/migration/{step}", json={"migration_id": at.migration}).status_code == 404
        for path in ("/pos/integrations", "/pos/migrations", "/pos/audit-trail", "/pos/webhooks"):
            listed = client.get(path)
            assert listed.status_code == 200 and listed.json().get("items", []) == [], path


def test_a_public_key_is_no_shared_secret_and_other_peoples_claims_do_not_count() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    verifier = TokenVerifier(JwtSettings(public_key=pem.decode(), issuer="https://issuer.example.com"))
    claims: dict[str, Any] = {
        "sub": "ada",
        "roles": ["viewer"],
        "restaurants": [1],
        "aud": "aura-migration",
        "iss": "https://issuer.example.com",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
    }
    good = verifier.verify(jwt.encode(claims, private, algorithm="RS256"))
    assert good == Identity("ada", frozenset({Role.VIEWER}), frozenset({1}), good.expires)

    def segment(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    import hashlib
    import hmac

    text = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{segment({**claims, 'exp': time.time() + 60})}"
    confused = (
        f"{text}.{base64.urlsafe_b64encode(hmac.new(pem, text.encode(), hashlib.sha256).digest()).decode().rstrip('=')}"
    )
    for what, token in {
        "signed with the public key as if it were a secret": confused,
        "for somebody else": jwt.encode({**claims, "aud": "another-service"}, private, algorithm="RS256"),
        "by somebody else": jwt.encode({**claims, "iss": "https://evil.example.com"}, private, algorithm="RS256"),
        "for ever": jwt.encode({k: v for k, v in claims.items() if k != "exp"}, private, algorithm="RS256"),
        "not yet": jwt.encode({**claims, "nbf": datetime.now(UTC) + timedelta(hours=1)}, private, algorithm="RS256"),
        "of nobody": jwt.encode({**claims, "sub": " "}, private, algorithm="RS256"),
        "with a role of its own": jwt.encode({**claims, "roles": ["root"]}, private, algorithm="RS256"),
        "with no role": jwt.encode({**claims, "roles": []}, private, algorithm="RS256"),
        "with a scope that is none": jwt.encode({**claims, "restaurants": True}, private, algorithm="RS256"),
        "with a scope of truths": jwt.encode({**claims, "restaurants": [True]}, private, algorithm="RS256"),
    }.items():
        with pytest.raises(Unauthenticated):
            verifier.verify(token)
            raise AssertionError(what)
    with pytest.raises(Unauthenticated):
        TokenVerifier(JwtSettings(secret=SECRET)).verify(jwt.encode(claims, private, algorithm="RS256"))


def test_roles_grow_and_never_shrink() -> None:
    order = list(Role)
    allowed = [permissions_of([role]) for role in order]
    assert all(less < more for less, more in pairwise(allowed))
    assert allowed[-1] == frozenset(Permission)
    assert permissions_of([]) == frozenset()


def test_filters_and_paths_are_values_never_statements(api: RunningApi, at: Started) -> None:
    with api.client() as client:
        for text in ("' OR 1=1 --", "'; DROP TABLE aura.orders; --", "%", "\\", "\u202e", "{}", "$1", "%(text)s"):
            for path, more in (("plan-rows", {"text": text}), ("findings", {})):
                answer = client.get(f"/pos/migrations/{at.migration}/{path}", params={"entity": text, **more})
                assert answer.status_code == 200 and answer.json()["items"] == [], (path, text)
            found = client.get("/pos/migration/lookup", params={"pos_id": text})
            assert found.json()["hits"] == [] if found.status_code == 200 else found.status_code == 400, text
        for name in (
            "..%2f..%2fkeys%2fapi.secret",
            "....//api.secret",
            "%2e%2e/api.secret",
            "index.html%00.csv",
            "~",
            "/etc/passwd",
        ):
            answer = client.get(f"/pos/migrations/{at.migration}/report/{name}")
            assert answer.status_code in (400, 404), name
            assert "root:" not in answer.text
        for number in ("0", "-1", "1.5", "9" * 30, "1 OR 1=1", "١"):
            assert client.get(f"/pos/migration/status/{number}").status_code in (404, 422), number


def test_a_misspelt_filter_is_refused_and_not_taken_for_no_filter(api: RunningApi, at: Started) -> None:
    with api.client() as client:
        answer = client.get(f"/pos/migrations/{at.migration}/plan-rows", params={"entity": "items", "acton": "create"})
        assert answer.status_code == 422 and answer.json()["detail"].startswith("query.acton: No such parameter; ")
        assert "action" in answer.json()["detail"], "the remedy names those there are"
        assert client.get("/pos/migrations", params={"state": "planned"}).status_code == 422
    assert httpx.get(f"{api.base_url}/pos/migrations", params={"state": "x"}).status_code == 401, (
        "nobody learns it unasked"
    )


def test_bodies_that_are_too_large_or_too_slow_are_refused(
    api: RunningApi, at: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/pos/migrations/{at.migration}/conflicts"
    with api.client() as client:
        assert client.post(path, content=b"x" * (LARGEST_BODY + 1)).status_code == 413

        def endless() -> Iterator[bytes]:
            for _ in range(40):
                yield b"x" * 50_000

        assert client.post(path, content=endless()).status_code == 413, "also without a length"
        assert client.post(path, content=b"[" * 100_000).status_code == 422
        assert client.post(path, json={"decisions": [], "unknown": 1}).status_code == 422
    monkeypatch.setattr("aura_migration.api.gate.SLOWEST_BODY", 0.3)
    with sockets.create_connection(("127.0.0.1", api.port), timeout=30) as line:
        line.sendall(
            f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.token()}\r\ncontent-length: 1000\r\n\r\nx".encode()
        )
        assert b" 408 " in line.recv(1000).split(b"\r\n")[0], "a client that sends a byte now and then holds nothing"


@pytest.mark.parametrize("said", [b"", b"GET /pos/health HTTP/1.1\r\nhost: x\r\n"], ids=["nothing", "half a head"])
def test_a_client_that_never_finishes_its_head_is_hung_up_on(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(PromptProtocol, "seconds", 0.4)
    with sockets.create_connection(("127.0.0.1", api.port), timeout=30) as line:
        line.sendall(said)
        assert line.recv(1000).startswith(b"HTTP/1.1 408 ") and line.recv(1) == b""


def test_a_second_request_on_a_line_has_its_time_from_its_first_byte_on(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptProtocol, "seconds", 0.4)
    whole = b"GET /pos/health HTTP/1.1\r\nhost: x\r\n\r\n"
    with sockets.create_connection(("127.0.0.1", api.port), timeout=30) as line:
        for _ in range(2):
            line.sendall(whole)
            assert line.recv(10_000).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.8)  # longer than a head may take: between requests nobody hurries
        line.sendall(whole[:20])
        assert line.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_refused(api: RunningApi) -> None:
    with sockets.create_connection(("127.0.0.1", api.port), timeout=30) as line:
        line.sendall(b"GET /pos/health HTTP/1.1\r\n")
        answer = b""
        try:
            for number in range(10_000):
                line.sendall(b"x-%d: %s\r\n" % (number, b"y" * 500))
            answer = line.recv(1000)
        except ConnectionError:  # it hung up while we were still talking
            answer = b"HTTP/1.1 431 "
        assert answer.startswith(b"HTTP/1.1 431 ") and number < 10_000


def test_an_approval_that_was_given_cannot_be_played_again(api: RunningApi, at: Started) -> None:
    old = at.plan["plan_hash"]
    with at.world.connect() as connection:
        connection.execute("UPDATE migration.plans SET hash = %s WHERE hash = %s", ["e" * 64, old])
    with api.client("anna", "approver") as client:
        answer = client.post(f"/pos/migration/approve/{at.migration}", json={"plan_hash": old})
        assert answer.status_code == 409 and "is not the hash of a plan" in answer.json()["detail"]
    with at.world.connect() as connection:
        connection.execute("UPDATE migration.plans SET hash = %s WHERE hash = %s", [old, "e" * 64])


def _keys(text: str) -> list[str]:
    return [word for word in text.split() if len(word) > 40]


def test_no_answer_no_trail_and_no_document_has_a_secret(
    api: RunningApi, at: Started, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = at.world.workshop.settings
    own = [*CANARIES, (settings.data_dir / "keys" / "api.secret").read_text(), *_keys(settings.key_file.read_text())]
    with at.world.connect() as connection:
        guests = [
            text
            for row in connection.execute(
                "SELECT email, phone, last_name FROM aura.customers WHERE email IS NOT NULL AND phone IS NOT NULL LIMIT 5"
            )
            for text in row
            if text and len(text) > 6
        ]
    assert len(guests) >= 8
    texts: list[str] = []
    with api.client() as client:
        for body in (
            {
                "pos": "square",
                "restaurant": "X",
                "base_url": "http://127.0.0.1:9",
                "credentials": {"access_token": CANARIES[0]},
            },
            {
                "pos": "square",
                "restaurant": "X",
                "credentials": {"access_token": CANARIES[0], "surprise": 1},
                "unknown": CANARIES[1],
            },
        ):
            texts.append(client.post("/pos/integrations", json=body, headers={"idempotency-key": "k"}).text)
        sign_in = {
            "pos": "square",
            "restaurant": "X",
            "application": {"client_id": "c", "client_secret": CANARIES[1]},
            "nonsense": CANARIES[1],
        }
        texts.append(client.post("/pos/integrations/sign-in", json=sign_in).text)
        texts.append(client.put(f"/pos/integrations/{at.integration}/webhook-key", json={"key": CANARIES[3]}).text)
        for method, path, _ in calls(api, at):
            if method == "GET":
                answer = client.get(path)
                texts.append(answer.text + json.dumps(dict(answer.headers)))
        texts.append(client.get("/openapi.json").text)
        texts.append(client.get("/pos/migration/lookup", params={"phone": guests[1]}).text)
        texts.append(client.get("/pos/integrations/1?x=" + CANARIES[2]).text)
    with at.world.connect() as connection:
        for table in ("audit_trail", "deeds_under_way", "idempotency_keys", "requests", "notifications"):
            texts += [
                row[0] for row in connection.execute(f"SELECT t::text FROM migration.{table} t".encode()).fetchall()
            ]
    out, err = capfd.readouterr()
    texts += [out, err]
    assert len(texts) > 50
    for secret in own:
        assert [text[:200] for text in texts if secret in text] == [], "a secret"
    for secret in guests:
        assert [text[:200] for text in texts if secret in text] == [], f"a guest: {secret}"


def test_what_was_refused_is_in_the_trail_with_who_and_from_where(api: RunningApi, at: Started) -> None:
    with api.client("mallory", "viewer") as client:
        client.post(f"/pos/migration/rollback/{at.migration}", json={})
    with httpx.Client(base_url=api.base_url) as stranger:
        stranger.get("/pos/me", headers={"authorization": "Bearer forged"})
    expected = {("nobody", "GET /pos/me", "refused", "401"), ("mallory", "rollback", "refused", "403")}
    with at.world.connect() as connection:
        refused = connection.execute(
            "SELECT actor, action, outcome, detail ->> 'status' FROM migration.audit_trail WHERE actor IN ('nobody', 'mallory')"
        ).fetchall()
    assert expected <= set(refused), "whoever has the answer finds it in the trail"


class KeySet:
    """An issuer's published keys, served over HTTP; counts how often they are asked for."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        published = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                published.asked += 1
                body = json.dumps({"keys": published.keys}).encode()
                self.send_response(200 if published.keys else 503)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_keys_that_an_issuer_publishes_are_read_when_needed_and_no_shared_secret_is_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = KeySet()
    now = [1000.0]
    monkeypatch.setattr(tokens.time, "monotonic", lambda: now[0])
    private = {kid: rsa.generate_private_key(65537, 2048) for kid in ("old", "new")}

    def publish(*kids: str) -> None:
        published.keys = [
            {**json.loads(RSAAlgorithm.to_jwk(private[kid].public_key())), "kid": kid, "use": "sig"} for kid in kids
        ]
        published.keys.append(
            {"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("=")}
        )

    def token(kid: str) -> str:
        claims = {
            "sub": "ada",
            "roles": ["viewer"],
            "restaurants": "*",
            "aud": "aura-migration",
            "exp": time.time() + 300,
        }
        if kid == "shared":
            return jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": kid})
        return jwt.encode(claims, private[kid], algorithm="RS256", headers={"kid": kid})

    try:
        verifier = TokenVerifier(JwtSettings(jwks_url=published.url))
        with pytest.raises(Unauthenticated, match="key set cannot be read"):
            verifier.verify(token("old"))
        publish("old")
        now[0] += 60
        assert verifier.verify(token("old")).name == "ada"
        assert verifier.verify(token("old")).restaurants is None
        assert published.asked == 2, "kept for a while"
        for kid in ("new", "shared"):
            with pytest.raises(Unauthenticated, match="not in the key set"):
                verifier.verify(token(kid))
        assert published.asked == 2, "made-up key ids do not make us ask again and again"
        publish("old", "new")
        now[0] += 60
        assert verifier.verify(token("new")).name == "ada", "a key that was added is found"
        published.keys = []
        now[0] += 1000
        assert verifier.verify(token("new")).name == "ada", "while the issuer is away its keys go on being used"
    finally:
        published.server.shutdown()
        published.server.server_close()
