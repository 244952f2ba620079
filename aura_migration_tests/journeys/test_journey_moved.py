"""What moves between approval and run: the POS, AuraConnect, the plan below. Nothing is written until somebody signs."""

from __future__ import annotations

from aura_migration_tests.support.journey import edit
from aura_migration_tests.support.worlds import Started


def _items(start: Started) -> dict[str, str]:
    """Name → source key of the planned items that have a price."""
    return dict(
        start.world.rows(
            "SELECT label, source_key FROM migration.plan_rows WHERE entity = 'items' AND plan_id = "
            "(SELECT plan_id FROM migration.migrations WHERE id = %s) ORDER BY seq",
            start.migration,
        )
    )


def _rename_first_item(start: Started, name: str) -> str:
    key = next(iter(_items(start).values()))
    edit(start.pos, op="rename", item=key, name=name)
    return key


def test_a_source_edited_after_the_approval_writes_nothing_and_shows_the_delta(approved: Started) -> None:
    world, migration = approved.world, approved.migration
    key = _rename_first_item(approved, "Flat White Supreme")

    moved = world.fails(1, "run", migration)
    assert moved["error"] == "PlanMoved"
    assert world.menu() == {}, "nothing may be written"
    (difference,) = [d for d in moved["differences"] if d["entity"] == "items" and d["key"] == key]
    assert difference["changes"]["name"][1] == "Flat White Supreme"

    status = world.ok("status", migration)
    assert status["state"] == "approved"
    assert status["delta_plan"]["plan_hash"] == moved["plan_hash"] != approved.plan["plan_hash"]
    assert status["delta_plan"]["differences"] == moved["differences"]
    assert moved["plan_hash"] in status["next"]

    shown = world.call("status", migration)
    assert "Flat White Supreme" in shown.out

    world.ok("approve", migration, "--plan-hash", moved["plan_hash"], "--by", "Ada", "--reason", "seen")
    done = world.ok("run", migration)
    assert done["passed"] is True
    assert world.rows("SELECT count(*) FROM aura.menu_items WHERE name = 'Flat White Supreme'") == [(1,)]


def test_what_was_approved_can_be_loaded_although_the_source_moved(approved: Started) -> None:
    world, migration = approved.world, approved.migration
    _rename_first_item(approved, "Flat White Supreme")
    assert world.fails(1, "run", migration)["error"] == "PlanMoved"

    done = world.ok("run", migration, "--as-approved")
    assert done["passed"] is True, "the verdict compares with the snapshot that was approved"
    assert world.rows("SELECT count(*) FROM aura.menu_items WHERE name = 'Flat White Supreme'") == [(0,)]
    assert world.ok("status", migration)["delta_plan"] is None

    later = world.preview(approved.integration)
    assert later["state"] == "planned" and later["entities"]["items"]["update"] > 0


def test_an_old_delta_cannot_be_approved_once_a_newer_one_is_stored(approved: Started) -> None:
    world, migration = approved.world, approved.migration
    key = _rename_first_item(approved, "First")
    first = world.fails(1, "run", migration)
    edit(approved.pos, op="rename", item=key, name="Second")
    second = world.fails(1, "run", migration)
    refused = world.fails(2, "approve", migration, "--plan-hash", first["plan_hash"], "--by", "Ada")
    assert second["plan_hash"] in refused["remedy"]


def test_a_staff_edit_of_a_row_the_plan_changes_stops_the_run_and_is_never_overwritten(verified: Started) -> None:
    world, migration = verified.world, verified.migration
    key = _rename_first_item(verified, "New at the POS")
    plan = world.preview(verified.integration)
    assert plan["entities"]["items"]["update"] > 0
    world.approve(plan)
    staff = world.rows(
        "UPDATE aura.menu_items SET description = 'Staff wrote this' WHERE source_id = %s RETURNING id", key
    )

    moved = world.fails(1, "run", migration)
    assert moved["error"] == "PlanMoved" and "AuraConnect" in moved["what"]
    assert "--as-approved" not in moved["remedy"]
    assert world.fails(1, "run", migration, "--as-approved")["error"] == "PlanMoved"
    assert (
        world.rows("SELECT description, name FROM aura.menu_items WHERE id = %s", staff[0][0])[0][0]
        == "Staff wrote this"
    )
    assert world.rows("SELECT count(*) FROM aura.menu_items WHERE name = 'New at the POS'") == [(0,)]


def test_a_preview_after_the_approval_that_finds_the_same_keeps_the_approval(approved: Started) -> None:
    again = approved.world.preview(approved.integration)
    assert again["state"] == "approved" and again["plan_hash"] == approved.plan["plan_hash"]


def test_a_preview_after_the_approval_that_finds_a_change_takes_the_approval_back(approved: Started) -> None:
    _rename_first_item(approved, "Changed")
    again = approved.world.preview(approved.integration)
    assert again["state"] == "planned" and again["plan_hash"] != approved.plan["plan_hash"]
    refused = approved.world.fails(2, "run", approved.migration)
    assert again["plan_hash"] in refused["remedy"]
