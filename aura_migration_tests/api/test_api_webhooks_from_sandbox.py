"""What the sandbox POS send reaches the API that receives it: two readings of the same documentation, made apart, agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.database.connections import Connection
from aura_migration.migration import webhooks
from aura_migration.migration.workshop import Workshop
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import load_settings
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi

PUBLIC = "https://migration.example.com"
NUMBERS = {"square": 1, "toast": 2, "clover": 3}


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, RunningSandbox]]:
    with serve("square", "cafe") as square, serve("toast", "cafe") as toast, serve("clover", "cafe") as clover:
        yield {"square": square, "toast": toast, "clover": clover}


@pytest.fixture(scope="module")
def workshop(
    databases: support.Pool, sandboxes: dict[str, RunningSandbox], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    """One account at each sandbox, connected, with the key by which its webhooks are known."""
    square = sandboxes["square"].pos_app.world
    toast = next(iter(sandboxes["toast"].pos_app.world.places.values())).location
    clover = sandboxes["clover"].pos_app.world.first
    places = {
        "square": (square.merchant.id, list(square.locations)),
        "toast": (toast.group_guid or toast.guid, [toast.guid]),
        "clover": (clover.id, [clover.id]),
    }
    with databases.database() as url:
        environ = {
            "AURA_DATABASE_URL": url,
            "AURA_DATA_DIR": str(tmp_path_factory.mktemp("webhooks")),
            "AURA_NOW": BUSINESS_NOW,
            "AURA_PUBLIC_URL": PUBLIC,
        }
        workshop = Workshop.open(load_settings(environ))
        with workshop.connect() as connection:
            for pos, (merchant, locations) in places.items():
                _connect(connection, NUMBERS[pos], pos, merchant, locations)
                webhooks.set_key(workshop, connection, NUMBERS[pos], _secret(pos))
        yield workshop


def _secret(pos: str) -> str:
    return "0f8fad5b-d9cb-469f-a165-70867728950e" if pos == "clover" else f"webhook-key-of-{pos}"


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


def _control(http: httpx.Client, path: str, **op: Any) -> dict[str, Any]:
    answer = http.post(f"/_control/{path}", json=op)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _outcomes(http: httpx.Client, count: int) -> list[tuple[str, int | None]]:
    """State and status of the last attempt of the last deliveries, once none of them waits any more."""
    for _ in range(5000):
        held = http.get("/_control/webhooks").json()["deliveries"][-count:]
        if len(held) == count and all(one["attempts"] for one in held):
            return [(one["state"], one["attempts"][-1]["status"]) for one in held]
    raise AssertionError(f"not sent: {held}")


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_what_a_pos_sends_is_believed_once_and_a_forgery_never(
    api: RunningApi, sandboxes: dict[str, RunningSandbox], pos: str
) -> None:
    number = NUMBERS[pos]
    url = f"{PUBLIC}/pos/webhooks/{pos}/{number}"
    with httpx.Client(base_url=sandboxes[pos].base_url, timeout=30) as http:
        _control(http, "webhooks", op="route", **{"from": PUBLIC, "to": api.base_url})
        more = {"clover": {"verified": False}}.get(pos, {})
        _control(http, "webhooks", op="target", url=url, secret=_secret(pos), **more)
        if pos == "clover":
            assert _outcomes(http, 1) == [("delivered", 200)]
            code = api.get(f"/pos/integrations/{number}/webhooks").json()["items"][0]["verification_code"]
            _control(http, "webhooks", op="verify", code=code)

        fields = {"lines": [{"name": "Soup", "cents": 700}], "tender": "cash"} if pos == "clover" else {}
        order = _control(http, "edit", op="add_order", **fields)["changed"][0]
        sent = {"square": 2, "toast": 1, "clover": 1}[pos]
        assert _outcomes(http, sent) == [("delivered", 200)] * sent
        page = api.get(f"/pos/integrations/{number}/webhooks").json()
        touched = [touch for line in page["items"] for touch in line["touches"]]
        assert {"entity": "orders", "id": order, "deleted": False} in touched
        assert page["items"][0]["is_genuine"] and page["items"][0]["state"] == "received"

        known = len(page["items"])
        event = http.get("/_control/webhooks").json()["deliveries"][-1]["event_id"]
        _control(http, "webhooks", op="repeat", event=event, times=5)
        assert _outcomes(http, 5) == [("delivered", 200)] * 5
        items = api.get(f"/pos/integrations/{number}/webhooks").json()["items"]
        assert len(items) == known and max(item["deliveries"] for item in items) == 6

        _control(http, "webhooks", op="send", event=event, corrupt=True)
        ((state, status),) = _outcomes(http, 1)
        assert status == 401 and state in ("retrying", "refused", "dropped")
        items = api.get(f"/pos/integrations/{number}/webhooks").json()["items"]
        assert (items[0]["is_genuine"], items[0]["state"]) == (False, "rejected")


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_a_merchant_who_takes_the_access_back_is_heard(
    api: RunningApi, workshop: Workshop, sandboxes: dict[str, RunningSandbox], pos: str
) -> None:
    with httpx.Client(base_url=sandboxes[pos].base_url, timeout=30) as http:
        _control(http, "tokens", op="revoke")
        assert _outcomes(http, 1) == [("delivered", 200)]
    with workshop.connect() as connection:
        [(status,)] = connection.execute(
            "SELECT status FROM migration.integrations WHERE id = %s", [NUMBERS[pos]]
        ).fetchall()
    assert status == "reconnect_needed"
