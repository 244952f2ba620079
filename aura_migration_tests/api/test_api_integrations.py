"""Connected accounts over HTTP: connecting with credentials, health, tests, reports, and the end of the access."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.api.access.roles import Role
from aura_migration.core.errors import Refused
from aura_migration.migration.disconnecting import disconnect
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.consent import Browser, application
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import BUSINESS_NOW


@pytest.fixture(scope="module")
def world(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A database of this module's own, and the command on it."""
    folder = tmp_path_factory.mktemp("integrations")
    with databases.database() as url:
        environ = {"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder / "aura"), "AURA_NOW": BUSINESS_NOW}
        yield World(environ, folder)


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[RunningApi]:
    """An API on it."""
    with RunningApi(world.workshop) as running:
        yield running


@pytest.fixture(scope="module")
def square() -> Iterator[RunningSandbox]:
    """A café on Square."""
    with serve("square", "cafe", 911, limits="off") as sandbox:
        yield sandbox


def asked(sandbox: RunningSandbox, variant: str | None = None, **more: Any) -> dict[str, Any]:
    """What is sent to connect with credentials."""
    given = sandbox.pos_app.credentials()
    document = given["variants"][variant] if variant else given["default"]
    return {
        "pos": sandbox.pos_app.pos,
        "base_url": sandbox.base_url,
        "restaurant": "Diner",
        "credentials": document,
        **more,
    }


def test_toast_is_connected_with_credentials_that_are_never_shown_again(api: RunningApi, world: World) -> None:
    with serve("toast", "cafe", 912, limits="off") as toast:
        body = asked(toast, switches={"menu_second_route": False})
        secret = body["credentials"]["client_secret"]
        wrong = api.post("/pos/integrations", json=asked(toast, "wrong"))
        assert wrong.status_code == 400 and "refused these credentials" in wrong.json()["detail"]
        malformed = api.post("/pos/integrations", json={**body, "credentials": secret})
        assert malformed.status_code == 422
        unknown = api.post("/pos/integrations", json={**body, "switches": {"no_such": True}})
        assert unknown.status_code == 400
        with api.client() as caller:
            done = caller.post("/pos/integrations", json=body, headers={"idempotency-key": "connect-toast"})
            again = caller.post("/pos/integrations", json=body, headers={"idempotency-key": "connect-toast"})
        assert done.status_code == again.status_code == 201 and done.json() == again.json()
        number = done.json()["integration_id"]
        shown = api.get(f"/pos/integrations/{number}").json()
        assert shown["has_credentials"] and shown["switches"] == {"menu_second_route": False}
        assert shown["preflights"] == []

        key = shown["locations"][0]["location"]
        looked = api.post(f"/pos/integrations/{number}/preflight")
        assert looked.status_code == 200 and looked.json()["reports"][0]["report"]["passed"] is True
        assert looked.json() == api.get(f"/pos/integrations/{number}/preflight", params={"location": key}).json()
        (granted,) = api.get(f"/pos/integrations/{number}").json()["preflights"]
        assert granted["location"] == key and granted["reverse_level"]["level"] in "ABC"
        assert {line["permission"] for line in granted["permissions"]} >= {"menus:read", "orders:read"}
        assert api.get(f"/pos/integrations/{number}/audit").json()["reports"][0]["report"] is None
        assert api.post(f"/pos/integrations/{number}/audit").json()["reports"][0]["report"]["questions"]
        elsewhere = api.post(f"/pos/integrations/{number}/audit", params={"location": "toast:elsewhere"})
        assert elsewhere.status_code == 400

        with world.connect() as connection:
            kept = connection.execute(
                "SELECT (SELECT json_agg(a) FROM migration.audit_trail a), (SELECT json_agg(k) FROM migration.idempotency_keys k)"
            ).fetchone()
        told = json.dumps([kept, shown, wrong.text, malformed.text, unknown.text, done.text, looked.text], default=str)
        assert secret not in told and "connect-toast" in told

        toast.pos_app.revoke_tokens()
        refused = api.post(f"/pos/integrations/{number}/test").json()
        assert refused["is_working"] is False and refused["problem"] and refused["remedy"]
        health = api.get(f"/pos/integrations/{number}").json()["health"]
        assert health["is_working"] is False and health["last_fault_at"] > health["last_reached_at"]
        assert health["last_fault"].startswith(refused["problem"])

    ended = api_delete(api, number)
    assert (
        ended.status_code == 200 and ended.json()["is_revoked"] is False and "Toast Web" in ended.json()["left_to_do"]
    )


def api_delete(
    api: RunningApi, number: int, role: Role = Role.ADMIN, restaurants: list[int] | None = None
) -> httpx.Response:
    """Disconnect over HTTP."""
    with api.client("ada", role, restaurants) as caller:
        return caller.delete(f"/pos/integrations/{number}")


def test_disconnecting_square_revokes_the_access_forgets_the_secrets_and_keeps_the_rest(
    api: RunningApi, world: World, square: RunningSandbox
) -> None:
    with Browser(api) as browser:
        assert browser.sign_in(square).status_code == 200
    (line,) = [each for each in api.get("/pos/integrations").json()["items"] if each["base_url"] == square.base_url]
    number, restaurant = line["integration_id"], line["restaurant_id"]
    token = world.workshop.credentials.load(number)[0]["access_token"]
    key = line["locations"][0]["location"]
    with world.connect() as connection:
        row = connection.execute(
            "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key, options, state) "
            "VALUES (%s, %s, %s, '{}', 'loading') RETURNING id",
            [number, restaurant, key],
        ).fetchone()
        assert row is not None

        refused = api_delete(api, number)
        assert refused.status_code == 409 and f"migration {row[0]} is loading" in refused.json()["detail"]
        assert api_delete(api, number, Role.APPROVER).status_code == 403
        assert api_delete(api, number, Role.ADMIN, [restaurant + 1]).status_code == 404
        assert world.workshop.credentials.load(number)[0]["access_token"] == token
        connection.execute("UPDATE migration.migrations SET state = 'planned' WHERE id = %s", [row[0]])

        done = api_delete(api, number)
        assert done.status_code == 200 and done.json()["is_revoked"] is True and done.json()["left_to_do"] == ""
        status = httpx.post(f"{square.base_url}/oauth2/token/status", headers={"authorization": f"Bearer {token}"})
        assert status.status_code == 401
        left = connection.execute(
            "SELECT count(*) FROM migration.credentials WHERE integration_id = %s", [number]
        ).fetchone()
        assert left == (0,)
        state = connection.execute("SELECT state FROM migration.migrations WHERE id = %s", [row[0]]).fetchone()
        assert state == ("planned",)
        connection.execute("DELETE FROM migration.migrations WHERE id = %s", [row[0]])
    shown = api.get(f"/pos/integrations/{number}").json()
    assert (
        shown["status"] == "disconnected"
        and not shown["has_credentials"]
        and "the access was revoked" in shown["reason"]
    )
    assert shown["locations"] and shown["health"]["is_working"] is False
    assert api_delete(api, number).status_code == 409
    assert api.post(f"/pos/integrations/{number}/test").json()["is_working"] is False

    with Browser(api) as browser:
        assert browser.sign_in(square).status_code == 200
    again = api.get(f"/pos/integrations/{number}").json()
    assert again["status"] == "connected" and again["reason"] == "" and again["health"]["is_working"] is True


def test_a_pos_that_is_away_keeps_no_secret_here_and_the_rest_is_said(api: RunningApi, world: World) -> None:
    with serve("square", "cafe", 913, limits="off") as sandbox:
        body = asked(sandbox, "refresh_token")
        number = api.post("/pos/integrations", json=body).json()["integration_id"]
    assert application(sandbox)["client_secret"] in json.dumps(world.workshop.credentials.load(number)[0])
    told = world.ok("disconnect", number, "--by", "Ada")
    assert told["is_revoked"] is False and told["status"] == "disconnected"
    assert "could not be asked" in told["left_to_do"] and "Square Dashboard" in told["left_to_do"]
    with world.connect() as connection:
        rows = connection.execute(
            "SELECT (SELECT count(*) FROM migration.credentials WHERE integration_id = %(id)s), "
            "(SELECT status_reason FROM migration.integrations WHERE id = %(id)s)",
            {"id": number},
        ).fetchone()
    assert rows is not None and rows[0] == 0 and "left to do: " in rows[1] and rows[1].startswith("disconnected by Ada")
    world.fails(2, "disconnect", number, "--by", "Ada")
    with pytest.raises(Refused):
        disconnect(world.workshop, number, "Ada")


def test_clover_offers_no_revocation_and_the_answer_says_what_the_restaurant_does(
    api: RunningApi, world: World
) -> None:
    with serve("clover", "cafe", 914, limits="off") as clover:
        number = api.post("/pos/integrations", json=asked(clover, "pair")).json()["integration_id"]
        shown = world.call("disconnect", number, "--by", "Ada")
    assert (
        shown.code == 0
        and "credentials are forgotten" in shown.out
        and "uninstall the app" in " ".join(shown.out.split())
    )


def test_integrations_of_other_restaurants_are_neither_seen_nor_asked_for(
    api: RunningApi, world: World, square: RunningSandbox
) -> None:
    listed = api.get("/pos/integrations").json()["items"]
    assert len(listed) >= 2
    mine = listed[0]
    with api.client("otto", Role.OPERATOR, [mine["restaurant_id"]]) as otto:
        assert [each["integration_id"] for each in otto.get("/pos/integrations").json()["items"]] == [
            mine["integration_id"]
        ]
        other = listed[1]["integration_id"]
        for method, path in (
            ("GET", ""),
            ("POST", "/test"),
            ("GET", "/preflight"),
            ("POST", "/preflight"),
            ("GET", "/audit"),
            ("POST", "/audit"),
        ):
            assert otto.request(method, f"/pos/integrations/{other}{path}").status_code == 404
        # Neither are accounts connected for them, nor for restaurants that do not exist yet.
        for restaurant, status in ((None, 403), (listed[1]["restaurant_id"], 400)):
            body = asked(square, "refresh_token", restaurant_id=restaurant)
            assert otto.post("/pos/integrations", json=body).status_code == status
    page = api.get("/pos/integrations", params={"limit": 1}).json()
    assert page["next_after"] == mine["integration_id"]
    assert api.get("/pos/integrations", params={"after": page["next_after"]}).json()["items"] == listed[1:]
