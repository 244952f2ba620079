"""What commands say of where a migration stands, and what to do next: in words that fit."""

from __future__ import annotations

from aura_migration.database.connections import connect
from aura_migration_tests.support.worlds import Stages


def test_a_preview_names_the_day_of_orders_and_the_proposed_closeout(cafe_stages: Stages) -> None:
    days = cafe_stages.plan["days"]
    assert (days["basis"], days["closeout"], days["proposal"]["closeout"]) == ("closed", "00:00", "04:00")
    assert days["proposal"]["option"] == {"history": {"closeout": "04:00"}}
    with cafe_stages.without_pos("planned") as world:
        assert world.ok("status", cafe_stages.plan["migration_id"])["days"] == days


def test_after_a_failed_gate_the_next_step_is_what_the_gate_asks_for(cafe_stages: Stages) -> None:
    number = cafe_stages.plan["migration_id"]
    with cafe_stages.without_pos("verified") as world:
        assert world.ok("status", number)["next"].startswith("nothing: what was asked for")
        with connect(world.url, autocommit=True, application_name="test") as connection:
            connection.execute(
                "UPDATE migration.gates SET passed = false, remedy = 'Import the report again after a correction.' "
                "WHERE migration_id = %s AND name = 'pos_report_agreed'",
                [number],
            )
        said = world.ok("status", number)["next"]
        assert said.startswith("pos_report_agreed: Import the report again after a correction.")
        assert f"report {number} --kind findings" in said and said.endswith(f"then `verify {number}`")


def test_a_history_that_ends_in_the_future_is_told_before_anything_is_asked_of_the_pos(cafe_stages: Stages) -> None:
    with cafe_stages.without_pos("connected") as world:
        file = world.folder / "future.json"
        file.write_text('{"history": {"until": "2026-03-02T15:00:01Z"}}')
        for command in (("preview", cafe_stages.integration, "--options", file), ("options", "check", file)):
            told = world.fails(2, *command)
            assert "still to come" in told["what"] and "leave it out" in told["remedy"], command
