"""The webhooks of the Square sandbox over real HTTP: signatures computed here from the API reference's words."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support.webhook_receiver import Received, WebhookReceiver

EVENTS = [
    "catalog.version.updated",
    "order.created",
    "order.updated",
    "payment.created",
    "payment.updated",
    "refund.created",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "loyalty.account.updated",
    "loyalty.event.created",
    "gift_card.activity.created",
    "team_member.created",
    "labor.timecard.updated",
    "location.updated",
    "oauth.authorization.revoked",
]


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as opened:
        yield opened


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 3) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(running: RunningSandbox) -> Iterator[httpx.Client]:
    token = running.pos_app.credentials()["default"]["access_token"]
    with httpx.Client(base_url=running.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        yield http


@pytest.fixture
def subscription(client: httpx.Client, receiver: WebhookReceiver) -> Iterator[dict[str, Any]]:
    made = subscribe(client, receiver.url + "/hooks?to=aura")
    yield made
    client.delete(f"/v2/webhooks/subscriptions/{made['id']}").raise_for_status()
    client.delete("/_control/faults")
    assert receiver.is_empty


def subscribe(client: httpx.Client, url: str, events: list[str] | None = None, **more: Any) -> dict[str, Any]:
    said = {"name": "Aura", "event_types": events or EVENTS, "notification_url": url}
    answer = client.post("/v2/webhooks/subscriptions", json={"subscription": said, **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["subscription"]
    return made


def edit(client: httpx.Client, **op: Any) -> list[str]:
    answer = client.post("/_control/edit", json=op)
    assert answer.status_code == 200, answer.text
    changed: list[str] = answer.json()["changed"]
    return changed


def control(client: httpx.Client, **op: Any) -> dict[str, Any]:
    answer = client.post("/_control/webhooks", json=op)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def is_genuine(received: Received, subscription: dict[str, Any]) -> bool:
    """Base64 of HMAC-SHA256, keyed with the signature key as text, over the subscribed address and the raw body."""
    message = subscription["notification_url"].encode() + received.body
    mac = hmac.new(subscription["signature_key"].encode(), message, hashlib.sha256).digest()
    return received.headers["x-square-hmacsha256-signature"] == base64.b64encode(mac).decode()


def test_subscriptions_are_made_changed_turned_and_ended_by_the_application_only(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver
) -> None:
    made = subscribe(client, receiver.url, ["order.updated"], idempotency_key="k1")
    assert subscribe(client, receiver.url, ["order.updated"], idempotency_key="k1") == made, "the first result again"
    assert made["enabled"] and made["signature_key"] and made["event_types"] == ["order.updated"]
    path = f"/v2/webhooks/subscriptions/{made['id']}"
    assert client.get("/v2/webhooks/subscriptions").json()["subscriptions"] == [made]
    key = client.post(path + "/signature-key", json={}).json()["signature_key"]
    assert key != made["signature_key"]
    changed = client.put(path, json={"subscription": {"enabled": False, "name": "Mine"}}).json()["subscription"]
    assert (changed["name"], changed["enabled"], changed["signature_key"]) == ("Mine", False, key)
    assert client.get("/v2/webhooks/subscriptions").json() == {}
    assert len(client.get("/v2/webhooks/subscriptions?include_disabled=true").json()["subscriptions"]) == 1

    tested = client.post(path + "/test", json={}).json()["subscription_test_result"]
    assert tested["status_code"] == 200
    sent = receiver.next()
    assert sent.body.decode() == tested["payload"] and is_genuine(sent, {**made, "signature_key": key})
    assert "order.fulfillment.updated" in client.get("/v2/webhooks/event-types").json()["event_types"]

    seller = running.pos_app.credentials()["variants"]["oauth_access_token"]["access_token"]
    refused = client.get("/v2/webhooks/subscriptions", headers={"Authorization": f"Bearer {seller}"})
    assert refused.status_code == 403
    for bad in ("http://example.com/hooks", "ftp://127.0.0.1"):
        said = {"name": "n", "event_types": ["order.updated"], "notification_url": bad}
        assert client.post("/v2/webhooks/subscriptions", json={"subscription": said}).status_code == 400
    assert client.delete(path).json() == {} and client.get(path).status_code == 404


def test_every_edit_causes_the_events_square_sends(
    client: httpx.Client, receiver: WebhookReceiver, subscription: dict[str, Any]
) -> None:
    def told(count: int) -> list[tuple[str, Any]]:
        came = receiver.several(count)
        assert all(is_genuine(one, subscription) and one.path == "/hooks?to=aura" for one in came)
        assert len({one.json["event_id"] for one in came}) == count
        return [(one.json["type"], one.json["data"]) for one in came]

    edit(client, op="add_item", name="Soup", cents=700)
    ((kind, data),) = told(1)
    assert kind == "catalog.version.updated" and set(data["object"]["catalog_version"]) == {"updated_at"}

    (order,) = edit(client, op="add_order")
    created, paid = told(2)
    assert created[0] == "order.created" and created[1]["type"] == "order_created"
    assert created[1]["object"]["order_created"]["order_id"] == order == created[1]["id"]
    assert created[1]["object"]["order_created"]["state"] == "COMPLETED"
    assert paid[0] == "payment.created" and paid[1]["object"]["payment"]["order_id"] == order
    edit(client, op="tip_adjust", order=order, cents=55)
    moved, tipped = told(2)
    assert moved[1]["object"]["order_updated"]["version"] > 1
    assert tipped[0] == "payment.updated" and tipped[1]["object"]["payment"]["tip_money"]["amount"] == 55
    edit(client, op="refund", order=order)
    assert [kind for kind, _ in told(4)] == ["order.created", "order.updated", "refund.created", "payment.updated"]

    one, other = (edit(client, op="add_customer", given_name=name)[0] for name in ("Ada", "Bo"))
    edit(client, op="edit_customer", customer=one, note="likes soup")
    assert [kind for kind, _ in told(3)] == ["customer.created", "customer.created", "customer.updated"]
    merged = edit(client, op="merge_customers", customers=[one, other])[0]
    new, *gone = told(3)
    context = {"merge": {"from_customer_ids": [one, other], "to_customer_id": merged}}
    assert new[0] == "customer.created" and all(kind == "customer.deleted" for kind, _ in gone)
    assert all(data["object"]["event_context"] == context for _, data in [new, *gone])
    edit(client, op="delete_customer", customer=merged)
    ((kind, data),) = told(1)
    assert (kind, data["deleted"], data["object"]["customer"]["given_name"]) == ("customer.deleted", True, "Ada")

    account = client.post("/v2/loyalty/accounts/search", json={}).json()["loyalty_accounts"][0]["id"]
    edit(client, op="adjust_points", account=account, points=3)
    assert [kind for kind, _ in told(2)] == ["loyalty.account.updated", "loyalty.event.created"]
    card = next(card for card in client.get("/v2/gift-cards").json()["gift_cards"] if card["state"] == "ACTIVE")
    edit(client, op="load_card", card=card["id"], cents=500)
    assert [kind for kind, _ in told(1)] == ["gift_card.activity.created"], "gift_card.updated is not subscribed to"
    edit(client, op="hire", given_name="Cy")
    assert told(1)[0][1]["object"]["team_member"]["given_name"] == "Cy"
    control(client, op="send", kind="location.updated")
    ((kind, data),) = told(1)
    assert data["type"] == "Location" and "object" not in data

    client.post("/_control/tokens", json={"op": "drop_scope", "scope": "CUSTOMERS_READ"}).raise_for_status()
    edit(client, op="add_customer", given_name="Di")
    client.post("/_control/tokens", json={"op": "add_scope", "scope": "CUSTOMERS_READ"}).raise_for_status()
    edit(client, op="touchless_order", order=order)
    edit(client, op="rename", item=client.get("/v2/catalog/list?types=ITEM").json()["objects"][0]["id"], name="Renamed")
    assert [kind for kind, _ in told(1)] == ["catalog.version.updated"], "no permission, no event; no stamp, no event"


def test_what_is_not_accepted_is_sent_again_with_the_reason_until_a_day_is_over(
    client: httpx.Client, receiver: WebhookReceiver, subscription: dict[str, Any]
) -> None:
    receiver.answers[:] = [500, 302]
    control(client, op="send", kind="catalog.version.updated")
    first = receiver.next()
    assert "square-retry-number" not in first.headers and first.headers["square-environment"] == "Sandbox"
    for number, minutes in ((1, 1), (2, 2)):
        _settled(client, "retrying", number)
        assert receiver.is_empty, "not before its time"
        client.post("/_control/clock", json={"skip": minutes * 60}).raise_for_status()
        again = receiver.next()
        assert again.body == first.body and is_genuine(again, subscription), "the same event, the same event_id"
        assert again.headers["square-retry-number"] == str(number)
        assert again.headers["square-retry-reason"] == "http_error"
        name = "square-initial-delivery-timestamp"
        assert again.headers[name] == first.headers[name]
    assert [one["status"] for one in _settled(client, "delivered", 3)["attempts"]] == [500, 302, 200]

    receiver.answers[:] = [503] * 11
    control(client, op="send", kind="catalog.version.updated")
    receiver.next()
    for number in range(1, 11):
        _settled(client, "retrying", number)
        client.post("/_control/clock", json={"skip": 8.6 * 3600}).raise_for_status()
        receiver.next()
    _settled(client, "dropped", 11)


def _settled(client: httpx.Client, state: str, attempts: int) -> dict[str, Any]:
    """The last delivery, once it has that state (the answer is noted right after it was given)."""
    for _ in range(2000):
        last: dict[str, Any] = client.get("/_control/webhooks").json()["deliveries"][-1]
        if last["state"] == state and len(last["attempts"]) == attempts:
            return last
    raise AssertionError(f"the last delivery is {last['state']} after {len(last['attempts'])} attempts")


def test_the_dial_and_the_control_surface_repeat_reorder_hold_and_forge(
    client: httpx.Client, receiver: WebhookReceiver, subscription: dict[str, Any]
) -> None:
    for spec in (
        {"kind": "webhook_duplicate", "match": "customer.created", "copies": 2, "times": 1},
        {"kind": "webhook_reorder", "match": "order.created", "times": 1},
        {"kind": "webhook_corrupt", "match": "team_member.created", "times": 1},
    ):
        client.post("/_control/faults", json=spec).raise_for_status()
    edit(client, op="add_customer", given_name="Ed")
    copies = receiver.several(3)
    assert len({one.body for one in copies}) == 1
    edit(client, op="add_order")
    assert [one.json["type"] for one in receiver.several(2)] == ["payment.created", "order.created"]
    edit(client, op="hire", given_name="Flo")
    assert not is_genuine(receiver.next(), subscription)

    event = copies[0].json["event_id"]
    control(client, op="repeat", event=event, times=5)
    assert [one.json["event_id"] for one in receiver.several(5)] == [event] * 5
    control(client, op="send", event=event, corrupt=True)
    assert not is_genuine(receiver.next(), subscription)

    control(client, op="hold")
    for name in ("Gus", "Hal"):
        edit(client, op="add_customer", given_name=name)
    assert {one["state"] for one in client.get("/_control/webhooks").json()["deliveries"][-2:]} == {"waiting"}
    assert receiver.is_empty
    control(client, op="release", order="reversed")
    names = [one.json["data"]["object"]["customer"]["given_name"] for one in receiver.several(2)]
    assert names == ["Hal", "Gus"]
    unknown = client.post("/_control/webhooks", json={"op": "repeat", "event": "nobody"})
    assert unknown.status_code == 400 and "no event 'nobody'" in unknown.json()["error"]


def test_an_address_is_signed_as_subscribed_and_reached_through_a_tunnel(
    client: httpx.Client, receiver: WebhookReceiver
) -> None:
    made = subscribe(client, "https://aura.example.com/hooks", ["catalog.version.updated"])
    control(client, op="route", **{"from": "https://aura.example.com", "to": receiver.url})
    control(client, op="send", kind="catalog.version.updated")
    came = receiver.next()
    assert came.path == "/hooks" and is_genuine(came, made)
    client.delete(f"/v2/webhooks/subscriptions/{made['id']}").raise_for_status()


def test_a_seller_who_disconnects_is_the_last_that_is_heard_and_the_thread_ends_with_the_server(
    receiver: WebhookReceiver,
) -> None:
    with serve("square", "cafe") as sandbox, httpx.Client(base_url=sandbox.base_url) as http:
        made = control(http, op="target", url=receiver.url, secret="key-of-a-dashboard")["target"]
        http.post("/_control/tokens", json={"op": "revoke"}).raise_for_status()
        came = receiver.next()
        assert came.json["type"] == "oauth.authorization.revoked"
        assert came.json["data"]["object"]["revocation"]["revoker_type"] == "MERCHANT"
        assert is_genuine(came, {"notification_url": made["url"], "signature_key": "key-of-a-dashboard"})
        edit(http, op="add_customer", given_name="Ida")
        assert http.get("/_control/webhooks").json()["deliveries"][1:] == []
        webhooks = sandbox.pos_app.webhooks
        assert webhooks is not None
        thread = webhooks._thread
    assert thread is not None and not thread.is_alive()
