"""What people decide: conflicts, quarantine, edits kept or undone by a rollback."""

from __future__ import annotations

import json

from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import Started


def _own_item(world: World, name: str) -> int:
    """An item of that name that stands in AuraConnect before any migration."""
    restaurant = world.rows("SELECT id FROM aura.restaurants")[0][0]
    made = world.rows(
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, %s, 123) RETURNING id",
        restaurant,
        name,
    )
    return int(made[0][0])


def _names(world: World) -> list[str]:
    return [row[0] for row in world.rows("SELECT label FROM migration.plan_rows WHERE entity = 'items' ORDER BY label")]


def test_conflicts_are_listed_decided_and_then_no_longer_stand_in_the_way(planned: Started) -> None:
    world, migration = planned.world, planned.migration
    name = _names(world)[0]
    mine = _own_item(world, name)
    plan = world.preview(planned.integration)
    assert plan["entities"]["items"]["conflict"] == 1

    refused = world.fails(2, "approve", migration, "--plan-hash", plan["plan_hash"], "--by", "Ada")
    assert "conflicts list" in refused["remedy"]
    assert "conflicts list" in world.ok("status", migration)["next"]
    (conflict,) = world.ok("conflicts", "list", migration, "--entity", "items")["conflicts"]
    assert conflict["label"] == name and conflict["auraconnect"]["price_cents"] == 123
    assert name in world.call("conflicts", "list", migration).out

    wrong = world.fails(
        2, "conflicts", "decide", migration, "--entity", "items", "--key", "NOPE", "--strategy", "merge", "--by", "Ada"
    )
    assert "NOPE" in wrong["what"]
    decided = world.ok(
        "conflicts", "decide", migration, "--entity", "items", "--key", conflict["key"], "--strategy", "keep_existing",
        "--by", "Ada", "--reason", "our price",
    )  # fmt: skip
    assert decided["decided"] == 1 and decided["entities"]["items"]["conflict"] == 0
    assert decided["plan_hash"] != plan["plan_hash"]
    assert world.ok("conflicts", "list", migration)["conflicts"] == []
    world.approve(decided)
    assert world.ok("run", migration)["passed"] is True
    assert world.rows("SELECT price_cents FROM aura.menu_items WHERE id = %s", mine) == [(123,)]


def test_quarantined_records_are_corrected_and_only_they_are_loaded_by_the_rerun(connected: Started) -> None:
    world = connected.world
    mapping = {"posField": "item_data.name", "auraField": "displayOrder", "transform": "lookup"}
    names = _item_names(connected)
    broken, *sound = names
    table = {name: number for number, name in enumerate(sound)}
    path = world.folder / "options.json"
    path.write_text(json.dumps({"fieldMapping": [{**mapping, "arguments": {"table": table}}]}), encoding="utf-8")
    plan = world.preview(connected.integration, "--options", path)
    migration = plan["migration_id"]
    assert plan["entities"]["items"]["quarantine"] == 1
    world.approve(plan)
    done = world.call("run", migration, "--json").json
    assert done["entities"]["items"]["quarantined"] == 1
    assert done["entities"]["items"]["loaded"] == len(sound)
    assert done["metrics"]["menu_items_migrated_pct"] < 100

    listed = world.ok("quarantine", "list", migration)["quarantine"]
    (entry,) = [q for q in listed if q["entity"] == "items"]
    assert broken in json.dumps(entry["reasons"])
    assert broken in world.call("quarantine", "list", migration).out

    for bad in (
        '{"entity": "items"}',
        '[{"entity": "items"}]',
        "nonsense",
        '[{"entity":"itmes","key":"x","values":{}}]',
    ):
        world.fails(2, "quarantine", "rerun", migration, "--corrections", "-", stdin=bad)
    corrections = [{"entity": "items", "key": entry["key"], "values": {"display_order": 99}}]
    again = world.ok(
        "quarantine", "rerun", migration, "--corrections", "-", "--by", "Ada", stdin=json.dumps(corrections)
    )
    assert again["entities"]["items"]["create"] == 1 and again["entities"]["items"]["quarantine"] == 0
    assert again["entities"]["items"]["unchanged"] == len(sound)
    world.approve(again)
    assert world.ok("run", migration)["entities"]["items"]["quarantined"] == 0
    assert world.rows("SELECT display_order FROM aura.menu_items WHERE name = %s", broken) == [(99,)]


def _item_names(started: Started) -> list[str]:
    plan = started.world.preview(started.integration)
    started.world.ok("cancel", plan["migration_id"])
    return _names(started.world)


def test_a_rollback_keeps_what_staff_edited_and_says_so(verified: Started) -> None:
    world, migration = verified.world, verified.migration
    item = world.rows(
        "UPDATE aura.menu_items SET description = 'Staff' WHERE id = (SELECT min(id) FROM aura.menu_items) RETURNING id"
    )
    rehearsed = world.ok("rollback", migration, "--preview")
    assert rehearsed["preview"] is True and world.state(migration) == "verified"
    undone = world.ok("rollback", migration)
    assert undone["tables"] == rehearsed["tables"] and undone["kept"] == rehearsed["kept"]
    edited = [k for k in undone["kept"] if k["outcome"] == "kept_edited"]
    assert [(k["table"], k["id"], k["columns"]) for k in edited] == [("menu_items", item[0][0], ["description"])]
    assert world.rows("SELECT description FROM aura.menu_items") == [("Staff",)]


def test_a_rollback_told_so_undoes_what_staff_edited(verified: Started) -> None:
    world, migration = verified.world, verified.migration
    world.rows("UPDATE aura.menu_items SET description = 'Staff' RETURNING id")
    shown = world.call("rollback", migration, "--edited", "undo")
    assert shown.code == 0 and "menu_items" in shown.out
    assert world.menu() == {}
    assert world.fails(2, "rollback", migration)["error"] == "Refused"


def test_a_location_can_be_migrated_again_after_its_rollback(verified: Started) -> None:
    world = verified.world
    world.ok("rollback", verified.migration)
    again = world.preview(verified.integration)
    assert again["migration_id"] != verified.migration
    assert again["plan_hash"] == verified.plan["plan_hash"], "same input, same hash"
    world.approve(again)
    assert world.ok("run", again["migration_id"])["passed"] is True
