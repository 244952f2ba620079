"""The webhooks of the Toast sandbox over real HTTP: signatures computed here from the API reference's words."""

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

SECRET = "secret-of-a-subscription"


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as opened:
        yield opened


@pytest.fixture(scope="module")
def running(receiver: WebhookReceiver) -> Iterator[RunningSandbox]:
    with serve("toast", "cafe", 2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(running: RunningSandbox, receiver: WebhookReceiver) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.base_url, timeout=30) as http:
        control(http, op="target", url=receiver.url + "/toast", secret=SECRET)
        yield http


def control(client: httpx.Client, **op: Any) -> dict[str, Any]:
    answer = client.post("/_control/webhooks", json=op)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def edit(client: httpx.Client, **op: Any) -> list[str]:
    answer = client.post("/_control/edit", json=op)
    assert answer.status_code == 200, answer.text
    changed: list[str] = answer.json()["changed"]
    return changed


def is_genuine(received: Received, secret: str = SECRET) -> bool:
    """Base64 of HMAC-SHA256 over the raw body, with the value of its timestamp right behind it."""
    message = received.body + received.json["timestamp"].encode()
    mac = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return received.headers["toast-signature"] == base64.b64encode(mac).decode()


def test_menus_stock_and_orders_are_told_as_they_change(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver
) -> None:
    place = next(iter(running.pos_app.world.places.values()))
    item = next(iter(place.catalog.items))
    here = place.location.guid

    edit(client, op="rename", item=item, name="Renamed")
    assert receiver.is_empty, "nothing is told before it is published"
    edit(client, op="publish")
    published = receiver.next()
    assert is_genuine(published) and not is_genuine(published, SECRET + "x")
    assert (published.headers["toast-event-category"], published.headers["toast-event-type"]) == (
        "menus",
        "menus_updated",
    )
    assert published.headers["toast-restaurant-external-id"] == here == published.json["details"]["restaurantGuid"]
    assert published.headers["toast-attempt-number"] == "1" and published.json["timestamp"].endswith("Z")
    edit(client, op="touchless_price", item=item, cents=1)

    for available, kind, status in ((False, "out_of_stock", "OUT_OF_STOCK"), (True, "in_stock", "IN_STOCK")):
        edit(client, op="set_available", item=item, available=available)
        told = receiver.next()
        assert is_genuine(told) and told.json["eventType"] == kind
        details = told.json["details"]
        assert (details["itemGuid"], details["status"], details["restaurantGuid"]) == (item, status, here)

    guest, order = edit(client, op="add_customer", given_name="Wilhelmina", family_name="Ng", phone="6175550147")
    told = receiver.next()
    assert is_genuine(told) and told.json["eventCategory"] == told.json["eventType"] == "order_updated"
    body = told.json["details"]["order"]
    assert body["guid"] == order and body["externalId"] is None
    assert body["checks"][0]["customer"]["guid"] == guest
    assert b"Wilhelmina" not in told.body and b"5550147" not in told.body and b"firstName" not in told.body
    edit(client, op="touch_order", order=order)
    assert receiver.next().json["details"]["order"]["guid"] == order
    assert receiver.is_empty


def test_silence_and_overload_are_tried_twice_again_and_other_refusals_never(
    client: httpx.Client, receiver: WebhookReceiver
) -> None:
    receiver.answers[:] = [503, 429, 404]
    control(client, op="send", kind="menus")
    came = [receiver.next()]
    for minutes in (5, 10):
        _settled(client, "retrying", len(came))
        client.post("/_control/clock", json={"skip": minutes * 60 - 5}).raise_for_status()
        assert receiver.is_empty, "not before its time"
        client.post("/_control/clock", json={"skip": 6}).raise_for_status()
        came.append(receiver.next())
    assert [one.headers["toast-attempt-number"] for one in came] == ["1", "2", "3"]
    assert len({one.body for one in came}) == 1 and all(map(is_genuine, came))
    _settled(client, "dropped", 3)

    for status in (302, 400):
        receiver.answers[:] = [status]
        control(client, op="send", kind="menus")
        receiver.next()
        _settled(client, "refused", 1)


def _settled(client: httpx.Client, state: str, attempts: int) -> None:
    for _ in range(2000):
        last = client.get("/_control/webhooks").json()["deliveries"][-1]
        if last["state"] == state and len(last["attempts"]) == attempts:
            return
    raise AssertionError(f"the last delivery is {last['state']} after {len(last['attempts'])} attempts")


def test_duplicates_have_one_guid_and_forgeries_another_signature(
    client: httpx.Client, receiver: WebhookReceiver
) -> None:
    event = control(client, op="send", kind="guest_order_status", details={"guestOrderStatus": "READY_FOR_PICKUP"})
    first = receiver.next()
    assert event["events"] == [first.json["guid"]]
    control(client, op="repeat", event=first.json["guid"], times=3)
    assert all(one.body == first.body and is_genuine(one) for one in receiver.several(3))
    control(client, op="send", event=first.json["guid"], corrupt=True)
    assert not is_genuine(receiver.next())


def test_a_restaurant_that_takes_the_integration_out_is_told_without_its_header(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver
) -> None:
    here = next(iter(running.pos_app.world.places))
    edit(client, op="disconnect_location", location=here)
    removed = receiver.next()
    assert is_genuine(removed) and removed.json["eventType"] == "partner_removed"
    assert "toast-restaurant-external-id" not in removed.headers
    assert removed.json["details"]["restaurantGuid"] == here and removed.json["details"]["deleted"] is True
    edit(client, op="disconnect_location", location=here, value=False)
    assert receiver.next().json["eventType"] == "partner_added"
    client.post("/_control/tokens", json={"op": "revoke"}).raise_for_status()
    assert receiver.next().json["eventType"] == "partner_removed"
