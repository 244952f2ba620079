"""The webhooks of the Clover sandbox over real HTTP: the handshake, the shared secret, what is told of each edit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support.webhook_receiver import WebhookReceiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as opened:
        yield opened


@pytest.fixture(scope="module")
def running(receiver: WebhookReceiver) -> Iterator[RunningSandbox]:
    with serve("clover", "chain", 2, locations=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(running: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.base_url, timeout=30) as http:
        yield http


@pytest.fixture(scope="module")
def target(client: httpx.Client, receiver: WebhookReceiver) -> dict[str, Any]:
    """A target that has handed its verification code back."""
    made: dict[str, Any] = control(client, op="target", url=receiver.url + "/clover")["target"]
    greeting = receiver.next()
    assert set(greeting.json) == {"verificationCode"} and "x-clover-auth" not in greeting.headers
    uuid.UUID(greeting.json["verificationCode"])
    assert not made["enabled"]
    edit(client, op="add_customer", given_name="Nobody")
    assert client.get("/_control/webhooks").json()["deliveries"][1:] == [], "nothing before the code is handed back"
    wrong = client.post("/_control/webhooks", json={"op": "verify", "code": str(uuid.uuid4())})
    assert wrong.status_code == 400
    verified: dict[str, Any] = control(client, op="verify", code=greeting.json["verificationCode"])["target"]
    assert verified["enabled"] and verified["verified"]
    uuid.UUID(verified["secret"])
    return verified


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


def test_each_edit_is_told_by_letter_id_and_type_under_its_merchant(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver, target: dict[str, Any]
) -> None:
    first, second = running.pos_app.world.merchants.values()

    def told(merchant: str) -> list[tuple[str, str]]:
        came = receiver.next()
        assert came.headers["x-clover-auth"] == target["secret"]
        assert len(came.json["appId"]) == 13
        ((at, updates),) = came.json["merchants"].items()
        assert at == merchant and all(update["ts"] > 1_500_000_000_000 for update in updates)
        return [(update["objectId"], update["type"]) for update in updates]

    item = next(iter(second.items))
    category = next(iter(first.categories))
    edit(client, op="set_price", item=item, cents=1234)
    assert told(second.id) == [(f"I:{item}", "UPDATE")]
    edit(client, op="touchless_price", item=item, cents=5)
    made = edit(client, op="add_item", name="Soup", cents=700, category=category)
    assert told(first.id) == [(f"I:{made[0]}", "CREATE"), (f"IC:{category}", "UPDATE")]
    edit(client, op="delete_item", item=made[0])
    assert told(first.id) == [(f"I:{made[0]}", "DELETE")]

    (guest,) = edit(client, op="add_customer", given_name="Ada", location=second.id)
    assert told(second.id) == [(f"C:{guest}", "CREATE")]
    (employee,) = edit(client, op="hire", name="Bo")
    assert told(first.id) == [(f"E:{employee}", "CREATE")]

    order, payment = edit(client, op="add_order", lines=[{"name": "Soup", "cents": 700}], tender="cash")
    assert told(first.id) == [(f"O:{order}", "CREATE"), (f"P:{payment}", "CREATE")]
    edit(client, op="touchless_order", order=order, title="Moved")
    edit(client, op="refund", order=order)
    assert told(first.id) == [(f"O:{order}", "UPDATE"), (f"P:{payment}", "UPDATE")], "refunds have no kind of their own"

    client.post("/_control/tokens", json={"op": "drop_scope", "scope": "PAYMENTS_R"}).raise_for_status()
    order, _ = edit(client, op="add_order", lines=[{"name": "Tea", "cents": 300}], tender="cash")
    client.post("/_control/tokens", json={"op": "add_scope", "scope": "PAYMENTS_R"}).raise_for_status()
    assert told(first.id) == [(f"O:{order}", "CREATE")], "payments need their permission"
    assert receiver.is_empty


def test_stock_and_availability_have_kinds_of_their_own_where_they_are_split(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver, target: dict[str, Any]
) -> None:
    item = next(iter(running.pos_app.world.first.items))
    other = control(client, op="target", url=receiver.url + "/split", events=["IS"], split=True, verified=True)
    edit(client, op="set_stock", item=item, quantity=3)
    came = {one.path: one.json["merchants"] for one in receiver.several(2)}
    kinds = {
        path: [update["objectId"] for [updates] in [told.values()] for update in updates] for path, told in came.items()
    }
    assert kinds == {"/clover": [f"I:{item}"], "/split": [f"IS:{item}"]}
    control(client, op="remove_target", target=other["target"]["id"])


def test_what_is_refused_is_lost_and_duplicates_and_forgeries_come_as_asked(
    client: httpx.Client, receiver: WebhookReceiver, target: dict[str, Any]
) -> None:
    receiver.answers[:] = [500]
    event = control(client, op="send", kind="SH", id="HOURS1")["events"][0]
    lost = receiver.next()
    client.post("/_control/clock", json={"skip": 86_400}).raise_for_status()
    control(client, op="repeat", event=event, times=3)
    assert all(one.body == lost.body for one in receiver.several(3))
    control(client, op="send", event=event, corrupt=True)
    forged = receiver.next()
    assert forged.body == lost.body and forged.headers["x-clover-auth"] != target["secret"]
    assert receiver.is_empty


def test_a_merchant_that_uninstalls_the_app_ends_the_tokens_of_that_install_only(
    client: httpx.Client, running: RunningSandbox, receiver: WebhookReceiver, target: dict[str, Any]
) -> None:
    first, second = running.pos_app.world.merchants.values()
    app = running.pos_app.credentials()["variants"]
    client.post("/_control/switches", json={"legacy_oauth": True}).raise_for_status()

    def status(merchant: str, token: str) -> int:
        return client.get(f"/v3/merchants/{merchant}", headers={"Authorization": f"Bearer {token}"}).status_code

    held = {one["merchant_id"]: one for one in app["pair"]}
    assert [status(merchant, one["access_token"]) for merchant, one in held.items()] == [200, 200]
    edit(client, op="uninstall", location=second.id)
    came = receiver.next().json
    assert [(update["objectId"], update["type"]) for update in came["merchants"][second.id]] == [
        (f"A:{came['appId']}", "DELETE")
    ]
    assert status(second.id, held[second.id]["access_token"]) == 401
    renewed = client.post(
        "/oauth/v2/refresh",
        json={"client_id": came["appId"], "refresh_token": held[second.id]["refresh_token"]},
    )
    assert renewed.status_code in (400, 401)
    assert status(first.id, held[first.id]["access_token"]) == 200, "the other merchant has it still"
    dashboard = {one["merchant_id"]: one["access_token"] for one in app["access_token"]}
    assert status(second.id, dashboard[second.id]) == 200, "the merchant's own token is none of the app"
