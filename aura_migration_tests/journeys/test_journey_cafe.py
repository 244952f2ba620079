"""The whole café by command: connect, look, preview, approve, run, verify, run again, roll back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import World

POS = ("square", "toast", "clover")
COLUMNS = {"source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine"}


@pytest.mark.parametrize("pos", POS)
def test_a_cafe_is_migrated_proven_and_undone(world: World, open_pos: Callable[..., RunningSandbox], pos: str) -> None:
    sandbox = open_pos(pos, "cafe")
    connected = world.connect_account(sandbox, f"Café on {pos}")
    integration = connected["integration_id"]
    assert [set(place) for place in connected["locations"]] == [{"key", "name"}]
    key = connected["locations"][0]["key"]
    assert key.startswith(f"{pos}:")

    looked = world.ok("preflight", integration)
    assert looked["passed"] is True
    audited = world.ok("audit", integration)
    assert audited["audits"][0]["lines"]

    plan = world.preview(integration)
    assert plan["location"] == key and plan["state"] == "planned"
    assert all(set(counts) == COLUMNS for counts in plan["entities"].values())
    assert plan["entities"]["items"]["create"] == plan["entities"]["items"]["source"] == 25
    before = world.menu()
    assert before == {}, "a preview writes nothing to AuraConnect"
    world.approve(plan)

    done = world.ok("run", plan["migration_id"])
    assert done["state"] == "verified" and done["passed"] is True, done
    assert done["entities"]["items"]["loaded"] == 25
    _assert_all_accounted(done["entities"])
    assert done["metrics"]["menu_items_accounted_pct"] == 100.0
    assert done["metrics"]["menu_items_migrated_pct"] == 100.0
    assert done["metrics"]["price_max_abs_diff_cents"] == 0
    assert done["metrics"]["active_modifiers_functional_pct"] == 100.0
    assert done["metrics"]["full_export_before_load"] is True
    assert world.menu()["menu_items"] == 25

    again = world.preview(integration)
    assert again["state"] == "verified"
    assert {a for c in again["entities"].values() for a, n in c.items() if n} <= {"source", "unchanged", "skip"}
    standing = world.menu()
    assert world.ok("run", plan["migration_id"])["passed"] is True
    assert world.menu() == standing

    rehearsed = world.ok("rollback", plan["migration_id"], "--preview")
    assert world.menu() == standing, "a rehearsal changes nothing"
    undone = world.ok("rollback", plan["migration_id"])
    assert undone["tables"] == rehearsed["tables"] and undone["kept"] == []
    assert undone["state"] == "rolled_back"
    assert world.menu() == {}


def _assert_all_accounted(entities: dict[str, Any]) -> None:
    for name, c in entities.items():
        parts = c["loaded"] + c["unchanged"] + c["merged"] + c["skipped"] + c["quarantined"]
        assert parts == c["source"], f"{name}: {c}"


@pytest.mark.usefixtures("own_pace")
@pytest.mark.parametrize("pos", POS)
def test_a_chain_of_many_locations_connects_within_the_documented_limits(
    world: World, open_pos: Callable[..., RunningSandbox], pos: str
) -> None:
    sandbox = open_pos(pos, "chain", limits="real", locations=35)
    assert len(world.connect_account(sandbox)["locations"]) == 35
    refused = [e for e in sandbox.app.state.log.entries if e["status"] == 429]
    assert len(refused) < 3, "we keep to the limits by ourselves, the POS need not refuse us"
