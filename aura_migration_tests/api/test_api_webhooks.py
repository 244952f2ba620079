"""Webhooks of the three POS over real HTTP: signatures made here from the API references' words, and what becomes of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aura_migration.database.connections import Connection
from aura_migration.migration import webhooks
from aura_migration.migration.sealing import Box
from aura_migration.migration.webhooks import receiving
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi

PUBLIC = "https://migration.example.com"
KEY_A, KEY_B = "square-signature-key-A", "square-signature-key-B"
TOAST_KEY, CLOVER_SECRET = "toast-webhook-secret", "0f8fad5b-d9cb-469f-a165-70867728950e"
RESTAURANT, OTHER_RESTAURANT = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
Post = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def workshop(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Two cafés on Square (1, 2), one on Toast with two restaurants (3), one on Clover (4)."""
    folder = tmp_path_factory.mktemp("webhooks")
    with databases.database() as url:
        environ = {
            "AURA_DATABASE_URL": url,
            "AURA_DATA_DIR": str(folder),
            "AURA_NOW": BUSINESS_NOW,
            "AURA_PUBLIC_URL": PUBLIC,
        }
        workshop = Workshop.open(load_settings(environ))
        with workshop.connect() as connection:
            for number, (pos, merchant, locations) in enumerate(
                (
                    ("square", "MERCHANTA", ["LA"]),
                    ("square", "MERCHANTB", ["LB"]),
                    ("toast", "group-1", [RESTAURANT, OTHER_RESTAURANT]),
                    ("clover", "7AB3CD9EF1GHJ", ["7AB3CD9EF1GHJ"]),
                ),
                start=1,
            ):
                _connect(connection, number, pos, merchant, locations)
            for number, key in ((1, KEY_A), (2, KEY_B), (3, TOAST_KEY), (4, CLOVER_SECRET)):
                webhooks.set_key(workshop, connection, number, key)
        yield workshop


def _connect(connection: Connection, number: int, pos: str, merchant: str, locations: list[str]) -> None:
    connection.execute(
        "INSERT INTO aura.restaurants (id, name, timezone, currency) OVERRIDING SYSTEM VALUE VALUES (%s, 'R', 'UTC', 'USD')",
        [number],
    )
    connection.execute(
        "INSERT INTO migration.integrations (id, restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "VALUES (%s, %s, %s, 'https://pos.example.com', %s, 'M')",
        [number, number, pos, merchant],
    )
    for location in locations:
        connection.execute(
            "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
            "VALUES (%s, %s, %s, %s, 'L', '{}')",
            [f"{pos}:{location}", number, number, location],
        )


@pytest.fixture(scope="module")
def api(workshop: Workshop) -> Iterator[RunningApi]:
    with RunningApi(workshop) as running:
        yield running


@pytest.fixture(scope="module")
def client(api: RunningApi) -> Iterator[httpx.Client]:
    """Without a token: a POS has none."""
    with httpx.Client(base_url=api.base_url) as opened:
        yield opened


@pytest.fixture
def connection(workshop: Workshop) -> Iterator[Connection]:
    """A connection to a database without events, with every account connected and no migration."""
    with workshop.connect() as opened:
        opened.execute("DELETE FROM migration.webhook_events")
        opened.execute("DELETE FROM migration.transitions")
        opened.execute("DELETE FROM migration.migrations")
        opened.execute("UPDATE migration.integrations SET status = 'connected'")
        opened.execute("DELETE FROM migration.credentials")
        yield opened


# -- what a POS sends: written from the references, not from the code ----------------------------------------------------------


def square_body(event_id: str = "e1", merchant: str = "MERCHANTA", kind: str = "order.updated", **data: Any) -> bytes:
    told = data or {
        "type": "order_updated",
        "id": "ORDER1",
        "object": {"order_updated": {"order_id": "ORDER1", "location_id": "LA", "state": "COMPLETED", "version": 7}},
    }
    document = {
        "merchant_id": merchant,
        "type": kind,
        "event_id": event_id,
        "created_at": "2026-10-01T00:04:03.123456789Z",
        "data": told,
    }
    return json.dumps(document).encode()


def signed(body: bytes, path: str = "/pos/webhooks/square/1", key: str = KEY_A) -> dict[str, str]:
    """Square: base64 of HMAC-SHA256 over the notification address and the body."""
    mac = hmac.new(key.encode(), (PUBLIC + path).encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(mac).decode(), "square-environment": "Sandbox"}


def toast_delivery(
    details: dict[str, Any], category: str, at: datetime | None = None, guid: str = "g1", kind: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Toast: base64 of HMAC-SHA256 over the body and, right behind it, the text of its timestamp."""
    stamp = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.050Z")
    document = {
        "timestamp": stamp,
        "eventCategory": category,
        "eventType": kind or category,
        "guid": guid,
        "details": details,
    }
    body = json.dumps(document, indent=1).encode()
    mac = hmac.new(TOAST_KEY.encode(), body + stamp.encode(), hashlib.sha256).digest()
    return body, {"toast-signature": base64.b64encode(mac).decode(), "toast-event-category": category}


def rows(connection: Connection, columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM migration.webhook_events ORDER BY id".encode()).fetchall()


def listed(api: RunningApi, integration: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/pos/integrations/{integration}/webhooks").json()["items"]
    return found


# -- signatures ---------------------------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_reference_computed_by_hand(client: httpx.Client, connection: Connection) -> None:
    """A vector that no code of this project has made: `openssl dgst -sha256 -hmac … -binary | base64`."""
    body = b'{"merchant_id":"MERCHANTA","type":"location.updated","event_id":"v1","data":{"type":"Location","id":"LA"}}'
    signature = "RV6uDtCyuvG+qMiizWfaDGGCpfchhf3gyjOGWCOkc4o="
    sent = client.post("/pos/webhooks/square/1", content=body, headers={"x-square-hmacsha256-signature": signature})
    assert sent.status_code == 200
    assert rows(connection, "is_genuine, location_key, touches") == [
        (True, "square:LA", [{"entity": "locations", "id": "LA", "deleted": False}])
    ]


def test_an_event_is_stored_as_it_came_and_its_ids_wait_for_the_delta(
    api: RunningApi, workshop: Workshop, client: httpx.Client, connection: Connection
) -> None:
    body = square_body()
    headers = {**signed(body), "authorization": "", "cookie": "session=1"}
    del headers["authorization"]
    assert client.post("/pos/webhooks/square/1", content=body, headers=headers).json() == {"received": True}

    ((sealed, kept, sha256),) = rows(connection, "sealed_body, headers, body_sha256")
    assert sha256 == hashlib.sha256(body).hexdigest() and b"ORDER1" not in bytes(sealed)
    assert Box(connection, workshop.vault, "webhooks").open(sealed) == body
    assert kept["square-environment"] == "Sandbox" and not {"cookie", "x-square-hmacsha256-signature"} & set(kept)

    page = api.get("/pos/integrations/1/webhooks").json()
    (line,) = page["items"]
    assert (line["kind"], line["state"], line["location_key"]) == ("order.updated", "received", "square:LA")
    assert line["touches"] == [{"entity": "orders", "id": "ORDER1", "deleted": False}]
    assert line["occurred_at"] == "2026-10-01T00:04:03.123456Z"
    assert page["waiting"] == {"orders": 1}
    assert page["subscription"] == {
        "integration_id": 1,
        "pos": "square",
        "url": f"{PUBLIC}/pos/webhooks/square/1",
        "shared_url": f"{PUBLIC}/pos/webhooks/square",
        "has_key": True,
    }
    assert "COMPLETED" not in json.dumps(page) and KEY_A not in json.dumps(page), "neither body nor key"


def test_what_is_not_genuine_is_refused_and_kept_as_rejected(
    api: RunningApi, client: httpx.Client, connection: Connection
) -> None:
    body = square_body()
    cases: list[tuple[bytes, dict[str, str]]] = [
        (body.replace(b"ORDER1", b"ORDER2"), signed(body)),  # tampered with
        (square_body("e2"), signed(square_body("e2"), key=KEY_B)),  # another tenant's key
        (square_body("e3"), signed(square_body("e3"), "/pos/webhooks/square/1/")),  # another address
        (square_body("e4"), {}),
        (b"[" * 100_000, signed(b"[" * 100_000)),
        (b"\x00\xff", signed(b"\x00\xff")),
    ]
    for content, headers in cases:
        refused = client.post("/pos/webhooks/square/1", content=content, headers=headers)
        assert refused.status_code == 401 and refused.json()["title"] == "NotGenuine"
        assert "key" not in refused.json()["detail"], "a stranger is not told what was wrong"
    lines = listed(api, 1)
    assert [line["state"] for line in lines] == ["rejected"] * len(cases) and not any(
        line["is_genuine"] for line in lines
    )
    assert "signature" in lines[-1]["why_not"] and "is missing" in lines[2]["why_not"] and "JSON" in lines[0]["why_not"]
    assert api.get("/pos/integrations/1/webhooks").json()["waiting"] == {}, "nothing of it is believed"

    # The same rejected body comes again: it is one row.
    client.post("/pos/webhooks/square/1", content=cases[3][0])
    assert len(listed(api, 1)) == len(cases)
    # And the genuine event that was tampered with still counts as the first.
    assert client.post("/pos/webhooks/square/1", content=body, headers=signed(body)).status_code == 200
    assert listed(api, 1)[0]["state"] == "received"


def test_an_account_is_believed_under_its_own_key_only_whatever_the_address(
    client: httpx.Client, connection: Connection
) -> None:
    for number, (path, merchant, key, status) in enumerate(
        (
            ("/pos/webhooks/square", "MERCHANTA", KEY_A, 200),
            ("/pos/webhooks/square", "MERCHANTB", KEY_B, 200),
            ("/pos/webhooks/square", "MERCHANTB", KEY_A, 401),
            ("/pos/webhooks/square/1", "MERCHANTB", KEY_A, 401),  # A's owner tells something about B
            ("/pos/webhooks/square/1", "MERCHANTB", KEY_B, 200),  # B's own word at A's address
        )
    ):
        body = square_body(f"e{number}", merchant)
        assert client.post(path, content=body, headers=signed(body, path, key)).status_code == status, (path, merchant)
    assert rows(connection, "integration_id, is_genuine") == [
        (1, True),
        (2, True),
        (2, False),
        (2, False),
        (2, True),
    ]


def test_a_merchant_that_nobody_connected_is_ignored_with_a_note(
    api: RunningApi, client: httpx.Client, connection: Connection
) -> None:
    body = square_body(merchant="SOMEBODY")
    for path in ("/pos/webhooks/square/1", "/pos/webhooks/square"):
        assert client.post(path, content=body, headers=signed(body, path)).status_code == 200
    (line,) = listed(api, 1)
    assert (line["state"], line["note"], line["deliveries"]) == ("ignored", "nobody has connected this merchant", 2)
    shared = square_body("e9", merchant="SOMEBODY")
    path = "/pos/webhooks/square"
    assert client.post(path, content=shared, headers=signed(shared, path, "none-of-ours")).status_code == 401
    (unknown,) = api.get("/pos/webhooks").json()["items"]
    assert unknown["state"] == "rejected" and unknown["merchant_id"] == "SOMEBODY"
    assert unknown["why_not"].startswith("nobody has connected this merchant, and the signature fits neither")
    with api.client(restaurants=[1]) as scoped:
        assert scoped.get("/pos/webhooks").json()["items"] == [], "not for those who see some restaurants only"


# -- once, whatever the order ---------------------------------------------------------------------------------------------------


def test_a_genuine_event_is_one_row_however_often_and_in_whatever_order_it_comes(
    client: httpx.Client, connection: Connection
) -> None:
    bodies = {name: square_body(name) for name in ("late", "early", "middle")}
    order = ["middle", "early", "middle", "late", "middle", "early", "middle", "middle"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda n: client.post("/pos/webhooks/square/1", content=bodies[n], headers=signed(bodies[n])), order
            )
        )
    assert [answer.status_code for answer in answers] == [200] * len(order)
    found: dict[str, int] = dict(
        connection.execute("SELECT event_key, deliveries FROM migration.webhook_events").fetchall()
    )
    assert found == {"MERCHANTA:middle": 5, "MERCHANTA:early": 2, "MERCHANTA:late": 1}


def test_what_cannot_be_written_is_asked_for_again(client: httpx.Client, connection: Connection) -> None:
    body = square_body()
    connection.execute(
        "CREATE FUNCTION migration.full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE disk_full USING MESSAGE = 'no space'; END $$; "
        "CREATE TRIGGER full_disk BEFORE INSERT ON migration.webhook_events FOR EACH ROW EXECUTE FUNCTION migration.full_disk()"
    )
    try:
        assert client.post("/pos/webhooks/square/1", content=body, headers=signed(body)).status_code >= 500
    finally:
        connection.execute("DROP FUNCTION migration.full_disk() CASCADE")
    assert rows(connection, "id") == []
    assert client.post("/pos/webhooks/square/1", content=body, headers=signed(body)).status_code == 200
    assert rows(connection, "deliveries, state") == [(1, "received")]


def test_a_stranger_cannot_fill_the_disk(
    api: RunningApi, client: httpx.Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_REJECTED", 3)
    for number in range(6):
        body = square_body(f"e{number}", kind="x" * 150_000)
        assert client.post("/pos/webhooks/square/1", content=body).status_code == 401
    found = rows(connection, "state, octet_length(sealed_body)")
    assert len(found) == 3 and all(state == "rejected" and size < 30_000 for state, size in found)
    assert client.post("/pos/webhooks/square/1", content=b" " * 1_000_001).status_code == 413
    monkeypatch.setattr(receiving, "MOST_CODES", 2)
    for number in range(4):
        sent = client.post("/pos/webhooks/clover", json={"verificationCode": str(number)})
        assert sent.status_code == 200
    assert len(rows(connection, "id")) == 5
    codes = [line["verification_code"] for line in api.get("/pos/webhooks").json()["items"]]
    assert codes == ["3", "2"], "the newest stay"
    genuine = square_body("real")
    assert client.post("/pos/webhooks/square/1", content=genuine, headers=signed(genuine)).status_code == 200
    assert len(rows(connection, "id")) == 6, "what is genuine always has room"


# -- what the POS say -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "touches"),
    [
        ("catalog.version.updated", {"id": "", "object": {"catalog_version": {"updated_at": "x"}}}, [("catalog", "")]),
        (
            "inventory.count.updated",
            {"id": "r", "object": {"inventory_counts": [{"catalog_object_id": "V1"}, {"catalog_object_id": "V2"}]}},
            [("inventory", "V1"), ("inventory", "V2")],
        ),
        (
            "refund.updated",
            {"id": "RF", "object": {"refund": {"id": "RF", "payment_id": "P", "order_id": "O"}}},
            [("refunds", "RF"), ("payments", "P"), ("orders", "O")],
        ),
        (
            "customer.created",
            {
                "id": "NEW",
                "object": {
                    "event_context": {"merge": {"from_customer_ids": ["OLD1", "OLD2"], "to_customer_id": "NEW"}}
                },
            },
            [("customers", "NEW"), ("customers", "OLD1"), ("customers", "OLD2")],
        ),
        (
            "gift_card.activity.created",
            {"id": "GA", "object": {"gift_card_activity": {"gift_card_id": "GC"}}},
            [("gift_card_activities", "GA"), ("gift_cards", "GC")],
        ),
        ("labor.scheduled_shift.created", {"id": "S"}, []),
    ],
)
def test_square_events_name_the_records_to_read_anew(
    client: httpx.Client, connection: Connection, kind: str, data: dict[str, Any], touches: list[tuple[str, str]]
) -> None:
    body = square_body(kind=kind, **data)
    assert client.post("/pos/webhooks/square/1", content=body, headers=signed(body)).status_code == 200
    ((found, state, note),) = rows(connection, "touches, state, note")
    assert [(each["entity"], each["id"]) for each in found] == touches
    assert [each["id"] for each in found if each["deleted"]] == [r for _, r in touches if r.startswith("OLD")]
    assert (state, note) == (("received", "") if touches else ("ignored", "it is about nothing that is migrated"))


def test_the_last_profile_of_a_deleted_guest_is_not_kept(client: httpx.Client, connection: Connection) -> None:
    body = square_body(
        kind="customer.deleted", id="GUEST", deleted=True, object={"customer": {"given_name": "Wilhelmina"}}
    )
    assert client.post("/pos/webhooks/square/1", content=body, headers=signed(body)).status_code == 200
    assert rows(connection, "octet_length(sealed_body), touches, state") == [
        (0, [{"entity": "customers", "id": "GUEST", "deleted": True}], "received")
    ]


def test_toast_signs_body_and_timestamp_and_old_ones_are_refused(
    api: RunningApi, client: httpx.Client, connection: Connection
) -> None:
    path = "/pos/webhooks/toast/3"
    order = {"restaurantGuid": RESTAURANT, "order": {"guid": "order-1", "checks": []}}
    body, headers = toast_delivery(order, "order_updated")
    for _ in range(5):
        assert client.post(path, content=body, headers=headers).status_code == 200
    (line,) = listed(api, 3)
    assert (line["deliveries"], line["location_key"]) == (5, f"toast:{RESTAURANT}")
    assert line["touches"] == [{"entity": "orders", "id": "order-1", "deleted": False}]

    late = datetime.now(UTC) - timedelta(minutes=20)
    body, headers = toast_delivery(order, "order_updated", late, "g2")
    assert client.post("/pos/webhooks/toast", content=body, headers=headers).status_code == 200, "its second repetition"
    for number, at in enumerate((datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC) + timedelta(hours=1))):
        body, headers = toast_delivery(order, "order_updated", at, f"old{number}")
        assert client.post(path, content=body, headers=headers).status_code == 401
        assert "within the last 60 minutes" in listed(api, 3)[0]["why_not"]
    body, headers = toast_delivery(order, "order_updated", guid="g3")
    assert client.post(path, content=body.replace(b"050Z", b"051Z"), headers=headers).status_code == 401
    body, headers = toast_delivery({"restaurantGuid": OTHER_RESTAURANT, "itemGuid": "i"}, "stock", guid="g4")
    assert client.post(path, content=body, headers=headers).status_code == 200
    assert listed(api, 3)[0]["touches"][0] == {"entity": "stock", "id": "i", "deleted": False}


def test_clover_shows_its_code_to_administrators_and_sends_updates_of_several_merchants(
    api: RunningApi, client: httpx.Client, connection: Connection
) -> None:
    code = "3f0c9a6e-1111-4222-8333-444455556666"
    assert client.post("/pos/webhooks/clover/4", json={"verificationCode": code}).status_code == 200
    assert listed(api, 4)[0]["verification_code"] == code
    with api.client(role="approver") as approver:
        assert code not in approver.get("/pos/integrations/4/webhooks").text

    def send(*updates: tuple[str, str], secret: str = CLOVER_SECRET, **others: Any) -> int:
        told = [{"objectId": o, "type": t, "ts": 1_765_000_000_000} for o, t in updates]
        document = {"appId": "K3N8Q1R5T7VWX", "merchants": {"7AB3CD9EF1GHJ": told, **others}}
        return client.post("/pos/webhooks/clover", json=document, headers={"x-clover-auth": secret}).status_code

    assert send(("O:5D2F", "UPDATE"), ("IC:CAT", "DELETE")) == 200
    assert send(("IC:CAT", "DELETE"), ("O:5D2F", "UPDATE")) == 200, "the same updates in another order"
    line = listed(api, 4)[0]
    assert line["deliveries"] == 2 and line["occurred_at"] == "2025-12-06T05:46:40Z"
    assert line["touches"] == [
        {"entity": "categories", "id": "CAT", "deleted": True},
        {"entity": "orders", "id": "5D2F", "deleted": False},
    ]
    assert send(("O:X", "UPDATE"), secret="another-secret") == 401
    stranger = [{"objectId": "O:Y", "type": "CREATE", "ts": 1}]
    assert send(("O:Z", "CREATE"), OTHERMERCHANT=stranger) == 200
    assert rows(connection, "integration_id, state, is_genuine")[1:] == [
        (4, "received", True),
        (4, "rejected", False),
        (4, "received", True),
        (None, "ignored", True),
    ]


# -- access withdrawn -----------------------------------------------------------------------------------------------------------


def _migration(connection: Connection, number: int, key: str, state: str) -> int:
    row = connection.execute(
        "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key, state) VALUES (%s, %s, %s, %s) RETURNING id",
        [number, number, key, state],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _revoked(event_id: str = "r1") -> bytes:
    return square_body(
        event_id, kind="oauth.authorization.revoked", id="5f", object={"revocation": {"revoker_type": "MERCHANT"}}
    )


def test_an_account_whose_access_was_withdrawn_has_to_be_connected_again_at_once(
    client: httpx.Client, connection: Connection
) -> None:
    planned = _migration(connection, 1, "square:LA", "planned")
    for _ in range(3):
        assert client.post("/pos/webhooks/square/1", content=_revoked(), headers=signed(_revoked())).status_code == 200
    ((status, reason),) = connection.execute(
        "SELECT status, status_reason FROM migration.integrations WHERE id = 1"
    ).fetchall()
    assert status == "reconnect_needed" and "withdrew" in reason
    assert connection.execute(
        "SELECT to_state, done_by FROM migration.transitions WHERE migration_id = %s", [planned]
    ).fetchall() == [("reconnect_needed", "webhook")]
    assert rows(connection, "state, deliveries, note") == [("handled", 3, "the account has to be connected again")]


def test_a_withdrawal_that_comes_after_access_was_given_anew_changes_nothing(
    workshop: Workshop, client: httpx.Client, connection: Connection
) -> None:
    connection.execute("UPDATE migration.integrations SET status = 'disconnected' WHERE id = 1")
    assert client.post("/pos/webhooks/square/1", content=_revoked(), headers=signed(_revoked())).status_code == 200
    connection.execute("UPDATE migration.integrations SET status = 'connected' WHERE id = 1")
    workshop.credentials.replace(1, {"access_token": "new"}, None)
    # The event says October 2026; whenever these tests run, the credentials are of a later day.
    connection.execute("UPDATE migration.credentials SET updated_at = '2026-10-02'")
    late = _revoked("r2")
    assert client.post("/pos/webhooks/square/1", content=late, headers=signed(late)).status_code == 200
    assert rows(connection, "state, note") == [
        ("ignored", "the account is disconnected"),
        ("handled", "it comes late: the POS has given us access since"),
    ]
    assert connection.execute("SELECT status FROM migration.integrations WHERE id = 1").fetchall() == [("connected",)]


def test_one_restaurant_of_several_leaves_the_others_as_they_are(client: httpx.Client, connection: Connection) -> None:
    _migration(connection, 3, f"toast:{RESTAURANT}", "planned")
    _migration(connection, 3, f"toast:{OTHER_RESTAURANT}", "planned")
    body, headers = toast_delivery({"restaurantGuid": RESTAURANT}, "partner", kind="partner_removed")
    assert client.post("/pos/webhooks/toast/3", content=body, headers=headers).status_code == 200
    assert connection.execute("SELECT state FROM migration.migrations ORDER BY id").fetchall() == [
        ("reconnect_needed",),
        ("planned",),
    ]
    assert connection.execute("SELECT status FROM migration.integrations WHERE id = 3").fetchall() == [("connected",)]


# -- keys, scope, age -------------------------------------------------------------------------------------------------------------


def test_a_key_is_set_by_administrators_of_the_restaurant_and_never_shown(
    api: RunningApi, client: httpx.Client, connection: Connection
) -> None:
    path = "/pos/integrations/2/webhook-key"
    new = "a-new-key-of-Square"
    body = square_body("rotated", "MERCHANTB")
    headers = signed(body, "/pos/webhooks/square/2", new)
    assert client.put(path, json={"key": new}).status_code == 401
    for role, restaurants, status in (("approver", None, 403), ("admin", [1], 404), ("admin", [2], 200)):
        with api.client("ada", role, restaurants) as caller:
            answer = caller.put(path, json={"key": new})
            assert answer.status_code == status and new not in answer.text
            assert caller.get("/pos/integrations/2/webhooks").status_code == (404 if restaurants == [1] else 200)
    assert client.post("/pos/webhooks/square/2", content=body, headers=headers).status_code == 200
    stored = connection.execute(
        "SELECT convert_from(sealed, 'UTF8') FROM migration.sealed_secrets WHERE name = 'webhook key 2'"
    ).fetchall()
    audited = connection.execute("SELECT detail::text FROM migration.audit_trail").fetchall()
    assert new not in str([stored, audited])
    with api.client() as admin:
        for bad in ("short", "with\nnewline", "x" * 501):
            assert admin.put(path, json={"key": bad}).status_code in (400, 422)
        assert admin.delete(path).json()["has_key"] is False
        assert client.post("/pos/webhooks/square/2", content=square_body("x", "MERCHANTB")).status_code == 401
        assert "has no webhook key" in listed(api, 2)[0]["why_not"]
        assert admin.put(path, json={"key": KEY_B}).status_code == 200
    assert client.post("/pos/webhooks/nobody/1", content=b"{}").status_code == 404


def test_old_bodies_are_emptied_and_what_was_rejected_goes(
    workshop: Workshop, client: httpx.Client, connection: Connection
) -> None:
    for name in ("old", "new"):
        client.post("/pos/webhooks/square/1", content=square_body(name), headers=signed(square_body(name)))
    client.post("/pos/webhooks/square/1", content=square_body("false"))
    connection.execute(
        "UPDATE migration.webhook_events SET received_at = received_at - interval '31 days', "
        "last_received_at = last_received_at - interval '31 days' WHERE event_key LIKE '%old' OR state = 'rejected'"
    )
    assert webhooks.clear_old(connection) == 2 and webhooks.clear_old(connection) == 0
    assert rows(connection, "event_key, sealed_body = ''") == [("MERCHANTA:old", True), ("MERCHANTA:new", False)]
    client.post("/pos/webhooks/square/1", content=square_body("old"), headers=signed(square_body("old")))
    assert rows(connection, "deliveries")[0] == (2,), "an event whose body is gone is known all the same"
    assert webhooks.forget_bodies(connection, [1]) == 1
    assert rows(connection, "sealed_body = ''") == [(True,), (True,)]
