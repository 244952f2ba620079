"""Deciding over HTTP: conflicts one by one or many at once, field mappings with them, and the plan that is made anew."""

from __future__ import annotations

from typing import Any

from aura_migration.migration import requests
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.daemon import carry_out_open
from aura_migration_tests.support.worlds import Started


def test_conflicts_are_decided_together_and_the_next_plan_stands_on_it(planned: Started) -> None:
    world, number = planned.world, planned.migration
    path = f"/pos/migrations/{number}/conflicts"
    names = world.rows("SELECT label FROM migration.plan_rows WHERE entity = 'items' ORDER BY label LIMIT 3")
    restaurant = world.rows("SELECT id FROM aura.restaurants")[0][0]
    with world.connect() as connection:
        for (name,) in names:
            connection.execute(
                "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, %s, 123)",
                [restaurant, name],
            )
    with RunningApi(world.workshop) as api, api.client("olga", "operator") as olga:

        def status() -> dict[str, Any]:
            found: dict[str, Any] = olga.get(f"/pos/migration/status/{number}").json()
            return found

        assert olga.get(path).json() == {"items": [], "next_after": None}
        again = olga.post(f"/pos/migrations/{number}/quarantine", json={})
        assert again.status_code == 202 and again.json()["asked_for"] == "replan", again.text
        assert carry_out_open(world) == [("replan", "done")]
        assert status()["conflicts"] == 3

        page = olga.get(path, params={"entity": "items", "limit": 2}).json()
        rest = olga.get(path, params={"entity": "items", "limit": 2, "after": page["next_after"]}).json()
        found = [*page["items"], *rest["items"]]
        assert sorted(one["label"] for one in found) == [name for (name,) in names] and rest["next_after"] is None
        first, second, third = (one["key"] for one in found)

        def decide(*decisions: dict[str, Any]) -> Any:
            return olga.post(path, json={"decisions": [{"entity": "items", **one} for one in decisions]})

        for wrong in (
            {"strategy": "merge"},
            {"strategy": "merge", "keys": [first], "all": True},
            {"strategy": "whatever", "all": True},
        ):
            assert decide(wrong).status_code == 422, wrong
        assert (
            decide({"strategy": "merge", "keys": [first]}, {"strategy": "merge", "keys": ["NOPE"]}).status_code == 400
        )
        assert world.rows("SELECT count(*) FROM migration.decisions") == [(0,)], "all are taken, or none"

        mapping = {"posField": "item_data.name", "auraField": "kitchenName"}
        done = decide(
            {"strategy": "keep_existing", "keys": [first], "reason": "our price"},
            {"strategy": "overwrite", "keys": [second], "fieldMapping": [mapping]},
        )
        assert (done.status_code, done.json()["decided"]) == (202, 2), done.text
        (waiting,) = _pending(world)
        with world.connect() as connection:
            assert requests.claim(connection, waiting, "daemon")
        late = decide({"strategy": "duplicate", "all": True})
        assert late.status_code == 409 and "would come too late" in late.json()["detail"]
        assert world.rows("SELECT count(*) FROM migration.decisions") == [(2,)]
        with world.connect() as connection:
            connection.execute(
                "UPDATE migration.requests SET state = 'pending', claimed_by = NULL WHERE id = %s", [waiting]
            )
        before = status()["plan_hash"]
        assert decide({"strategy": "duplicate", "keys": [third]}).json()["request_id"] == waiting, "one plan for all"
        assert carry_out_open(world) == [("replan", "done")]
        after = status()
        assert (after["conflicts"], after["state"]) == (0, "planned") and after["plan_hash"] != before
        assert after["options"]["fieldMapping"][0]["auraField"] == "kitchenName"
        rows = olga.get(f"/pos/migrations/{number}/plan-rows", params={"entity": "items", "limit": 500}).json()["items"]
        actions = {row["key"]: (row["action"], row["strategy"]) for row in rows}
        assert actions[third] == ("create", "duplicate") and actions[second] == ("update", "overwrite")
        with api.client("anna", "approver") as anna:
            refused = anna.post(f"/pos/migration/approve/{number}", json={"plan_hash": before})
            assert refused.status_code == 409 and "waits for approval" in refused.json()["detail"], "superseded"
            signed = anna.post(f"/pos/migration/approve/{number}", json={"plan_hash": after["plan_hash"]})
        assert signed.json()["state"] == "approved"


def _pending(world: Any) -> list[int]:
    return [row[0] for row in world.rows("SELECT id FROM migration.requests WHERE state = 'pending'")]
