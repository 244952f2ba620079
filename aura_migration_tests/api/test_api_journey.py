"""The journey over HTTP: asked for by rows, carried out by the daemon, signed by the token's own name, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from aura_migration.migration import requests
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.daemon import carry_out_open
from aura_migration_tests.support.menus import aura_image
from aura_migration_tests.support.worlds import Stages, Started


@pytest.fixture
def serve() -> Iterator[Callable[[Started], RunningApi]]:
    running: list[RunningApi] = []

    def start(at: Started) -> RunningApi:
        running.append(RunningApi(at.world.workshop).__enter__())
        return running[-1]

    yield start
    for api in running:
        api.__exit__(None, None, None)


def answered(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    document: dict[str, Any] = response.json()
    return document


def status_of(api: RunningApi, migration: int) -> dict[str, Any]:
    return answered(api.get(f"/pos/migration/status/{migration}"), 200)


def test_start_asks_for_the_next_step_until_the_migration_is_proven(
    connected: Started, serve: Callable[[Started], RunningApi]
) -> None:
    api = serve(connected)
    started = answered(api.post(f"/pos/migration/start/{connected.integration}", json={}), 202)
    number = started["migration_id"]
    assert started["migrations"] == [{**started["migrations"][0], "migration_id": number, "asked_for": "preview"}]
    assert [line["asked_for"] for line in answered(api.get("/pos/migrations"), 200)["items"]] == ["preview"]
    assert status_of(api, number)["state"] == "draft", "the id is known before anything happened"
    again = answered(api.post(f"/pos/migration/start/{connected.integration}"), 202)
    assert again["migrations"][0]["request_id"] == started["migrations"][0]["request_id"], "the same is asked for once"
    carry_out_open(connected.world)

    waiting = answered(api.post(f"/pos/migration/start/{connected.integration}"), 202)["migrations"][0]
    assert (waiting["asked_for"], waiting["request_id"]) == ("approval", None)
    plan_hash = status_of(api, number)["plan_hash"]
    assert plan_hash in waiting["next"]
    with api.client("anna", "approver") as anna:
        signed = answered(anna.post(f"/pos/migration/approve/{number}", json={"plan_hash": plan_hash}), 200)
    assert (signed["state"], signed["awaits"], signed["signatures"][0]["by"]) == ("approved", 0, "anna")

    running = api.post(f"/pos/migration/start/{connected.integration}")
    assert answered(running, 202)["migrations"][0]["asked_for"] == "run"
    assert running.headers["location"] == f"/pos/migration/status/{number}"
    carry_out_open(connected.world)
    done = status_of(api, number)
    assert (done["state"], done["request"]["kind"], done["request"]["state"]) == ("verified", "run", "done")
    assert done["progress"]["type"] == "migration_progress"
    assert answered(api.get(f"/pos/migrations/{number}/scorecard"), 200)["passed"] is True
    assert (
        answered(api.post(f"/pos/migration/start/{connected.integration}"), 202)["migrations"][0]["asked_for"]
        == "nothing"
    )

    shown = answered(api.post(f"/pos/migration/rollback/{number}", json={"preview": True}), 200)
    assert shown["tables"]["menu_items"]["removed"] > 0
    assert status_of(api, number)["state"] == "verified", "a preview changes nothing"
    answered(api.post(f"/pos/migration/rollback/{number}"), 202)
    carry_out_open(connected.world)
    assert status_of(api, number)["state"] == "rolled_back"


def test_four_steps_end_in_the_same_rows_as_one_run(
    approved: Started, cafe_stages: Stages, serve: Callable[[Started], RunningApi]
) -> None:
    api, number = serve(approved), approved.migration

    def step(name: str) -> httpx.Response:
        return api.post(f"/pos/migration/{name}", json={"migration_id": number})

    for name, missing in (("items", "categories"), ("modifiers", "items"), ("verify-prices", "modifiers")):
        refused = answered(step(name), 409)
        assert refused["missing"] == missing, "a missing predecessor is named"
    with approved.world.connect() as connection:

        def rows(table: str) -> int:
            row = connection.execute(f"SELECT count(*) FROM aura.{table}".encode()).fetchone()
            assert row is not None
            return int(row[0])

        assert answered(step("categories"), 202)["asked_for"] == "categories"
        carry_out_open(approved.world)
        assert (rows("menu_categories") > 0, rows("menu_items")) == (True, 0)
        state = status_of(api, number)
        assert (state["state"], state["reason"]) == ("paused", "categories are loaded; next: items")
        assert answered(step("modifiers"), 409)["missing"] == "items"
        answered(step("items"), 202)
        carry_out_open(approved.world)
        assert (rows("menu_items") > 0, rows("modifiers")) == (True, 0)
        assert answered(step("verify-prices"), 409)["missing"] == "modifiers"
        answered(step("modifiers"), 202)
        carry_out_open(approved.world)
        assert (rows("modifiers") > 0, rows("customers")) == (True, 0)
    prices = answered(step("verify-prices"), 200)
    assert prices["passed"] is True and prices["evidence"]["prices"] > 30
    with approved.world.connect() as connection:
        connection.execute(
            "UPDATE aura.menu_items SET price_cents = price_cents + 1 WHERE id = (SELECT min(id) FROM aura.menu_items WHERE price_cents > 0)"
        )
        wrong = answered(step("verify-prices"), 200)
        assert wrong["passed"] is False and wrong["findings"][0]["difference_cents"] in (1, -1)
        connection.execute(
            "UPDATE aura.menu_items SET price_cents = price_cents - 1 WHERE id = (SELECT min(id) FROM aura.menu_items WHERE price_cents > 0)"
        )
    answered(api.post(f"/pos/migration/resume/{number}"), 202)
    carry_out_open(approved.world)
    assert status_of(api, number)["state"] == "verified"
    with (
        cafe_stages.without_pos("verified") as whole,
        approved.world.connect() as mine,
        whole.connect() as its,
    ):
        assert aura_image(mine) == aura_image(its)


def test_two_people_sign_where_two_are_asked_for(connected: Started, serve: Callable[[Started], RunningApi]) -> None:
    api = serve(connected)
    wish = {"options": {"approval": {"people": 2}, "history": {"months": 0}}}
    number = answered(api.post(f"/pos/migration/preview/{connected.integration}", json=wish), 202)["migration_id"]
    carry_out_open(connected.world)
    sent = {"plan_hash": status_of(api, number)["plan_hash"], "reason": "as agreed"}
    with (
        api.client("olga", "operator") as olga,
        api.client("anna", "approver") as anna,
        api.client("Anna", "approver") as same,
    ):
        assert olga.post(f"/pos/migration/approve/{number}", json=sent).status_code == 403
        first = answered(anna.post(f"/pos/migration/approve/{number}", json=sent), 200)
        assert (first["state"], first["awaits"]) == ("planned", 1)
        assert answered(anna.post(f"/pos/migration/approve/{number}", json=sent), 200)["awaits"] == 1, "once is once"
        assert answered(same.post(f"/pos/migration/approve/{number}", json=sent), 200)["awaits"] == 1, (
            "whatever the case"
        )
        refused = answered(olga.post(f"/pos/migration/run/{number}"), 409)
        assert refused["missing"] == "approval"
        with api.client("bert", "approver") as bert:
            second = answered(bert.post(f"/pos/migration/approve/{number}", json={**sent, "by": "anna"}), 422)
            assert "by" in second["detail"], "nobody signs for another"
            second = answered(bert.post(f"/pos/migration/approve/{number}", json=sent), 200)
        assert (second["state"], second["awaits"]) == ("approved", 0)
    assert [one["by"] for one in status_of(api, number)["approval"]["signatures"]] == ["anna", "Anna", "bert"]


def test_a_request_under_a_key_is_carried_out_once_and_answered_alike(
    planned: Started, serve: Callable[[Started], RunningApi]
) -> None:
    api, number = serve(planned), planned.migration
    path = f"/pos/migration/approve/{number}"
    sent = {"plan_hash": planned.plan["plan_hash"]}
    key = {"idempotency-key": "5b1c"}
    first = api.post(path, json=sent, headers=key)
    again = api.post(path, json=sent, headers=key)
    assert (first.status_code, again.json(), again.headers["idempotent-replayed"]) == (200, first.json(), "true")
    other = answered(api.post(path, json={"plan_hash": "0" * 64}, headers=key), 422)
    assert "another request" in other["detail"]
    with api.client("bert") as bert:
        fresh = bert.post(path, json=sent, headers=key)
    assert "idempotent-replayed" not in fresh.headers, "keys are the caller's own"
    refused = api.post("/pos/migration/resume/1", headers={"idempotency-key": "7"})
    again = api.post("/pos/migration/resume/1", headers={"idempotency-key": "7"})
    assert (refused.status_code, again.status_code, again.json()) == (409, 409, refused.json())
    assert api.post(path, json=sent, headers={"idempotency-key": "x" * 300}).status_code == 400


def test_what_is_asked_while_something_else_is_under_way_is_refused(
    planned: Started, serve: Callable[[Started], RunningApi]
) -> None:
    api, number = serve(planned), planned.migration
    answered(api.post(f"/pos/migration/preview/{planned.integration}"), 202)
    busy = answered(
        api.post(f"/pos/migration/preview/{planned.integration}", json={"options": {"history": {"months": 1}}}), 409
    )
    assert "with other options is under way" in busy["detail"]
    with planned.world.connect() as connection:
        assert [request.kind for request in requests.in_state(connection, "pending")] == ["preview"]
    for path, said in (
        (f"/pos/migration/pause/{number}", "only a running load can be paused"),
        (f"/pos/migration/resume/{number}", "only a paused or interrupted load is resumed"),
        (f"/pos/migration/verify/{number}", "nothing of it is loaded"),
        (f"/pos/migration/run/{number}", "only an approved plan is loaded"),
    ):
        assert said in answered(api.post(path), 409)["detail"]
    wrong = answered(api.post(f"/pos/migration/preview/{planned.integration}", json={"options": {"histroy": {}}}), 400)
    assert "histroy" in wrong["detail"]
    wrong = answered(
        api.post(f"/pos/migration/preview/{planned.integration}", json={"locations": ["square:NONE"]}), 400
    )
    assert "square:NONE" in wrong["detail"]
    assert (
        answered(api.post(f"/pos/migration/cancel/{number}", json={"reason": "not now"}), 200)["state"] == "cancelled"
    )


def test_evidence_is_paged_filtered_and_masked(verified: Started, serve: Callable[[Started], RunningApi]) -> None:
    api, number = serve(verified), verified.migration
    base = f"/pos/migrations/{number}"
    seen: list[dict[str, Any]] = []
    after = 0
    while after is not None:
        part = answered(api.get(f"{base}/plan-rows", params={"after": after, "limit": 200}), 200)
        seen, after = seen + part["items"], part["next_after"]
    with verified.world.connect() as connection:
        count, email = connection.execute(
            "SELECT (SELECT count(*) FROM migration.plan_rows), (SELECT email FROM aura.customers WHERE email IS NOT NULL LIMIT 1)"
        ).fetchone() or (0, "")
    assert [row["seq"] for row in seen] == list(range(1, count + 1)), "every planned change, once, in order"
    assert email and email not in str(seen)
    lattes = answered(
        api.get(f"{base}/plan-rows", params={"entity": "items", "text": "LATTE", "action": "create"}), 200
    )
    assert {row["label"] for row in lattes["items"]} >= {"Latte"} and all(
        "latte" in row["label"].lower() for row in lattes["items"]
    )
    assert answered(api.get(f"{base}/plan-rows", params={"action": "destroy"}), 400)
    assert answered(api.get(f"{base}/plan-rows", params={"text": "'; DROP TABLE aura.orders; --"}), 200)["items"] == []
    assert {gate["name"] for gate in answered(api.get(f"{base}/gates"), 200)["items"]} >= {"full_export_before_load"}
    assert [step["state"] for step in answered(api.get(f"{base}/history"), 200)["items"]][-1] == "verified"
    assert answered(api.get(f"{base}/losses"), 200)["losses"]
    snapshots = answered(api.get(f"{base}/snapshots"), 200)["items"]
    assert {c["entity"] for s in snapshots for c in s["certificates"]} >= {"catalog"}
    assert answered(api.get(f"{base}/findings"), 200)["next_after"] is None
    assert answered(api.get(f"{base}/days"), 200).keys() == {"metrics", "days"}
    assert answered(api.get(f"{base}/replays"), 200)["items"] is not None
    made = answered(api.post(f"{base}/report"), 201)["items"]
    there = answered(api.get(f"{base}/report"), 200)["items"]
    assert [one["file"] for one in there] == ["index.html", *(one["file"] for one in made)]
    assert all(len(api.get(f"{base}/report/{one['file']}").content) == one["bytes"] for one in there[:3])
    assert api.get(f"{base}/report/index.html").text.startswith("<!doctype html>")
    for name in ("../../keys/secret.keys", "%2e%2e%2fkeys%2fsecret.keys", "other.csv", "index.html%00"):
        assert api.get(f"{base}/report/{name}").status_code in (400, 404), name
    trail = answered(api.get("/pos/audit-trail", params={"migration_id": number}), 200)["items"]
    assert trail[0]["action"] == "write report" and trail[0]["actor"] == "ada"
