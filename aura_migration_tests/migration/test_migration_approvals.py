"""How many people sign is a matter of the plan that is signed: its hash covers it."""

from __future__ import annotations

from aura_migration.canonical.options import ApprovalOptions, HistoryOptions, MigrationOptions
from aura_migration.cli.work import plan_again
from aura_migration.migration import decide
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import get_migration, open_migration
from aura_migration_tests.support.worlds import Started


def test_options_that_a_preview_sets_meanwhile_do_not_lower_the_number_of_signatures(planned: Started) -> None:
    workshop, number = planned.world.workshop, planned.migration

    def set_people(people: int) -> None:
        """As a preview does before it has read anything."""
        with workshop.connect() as connection:
            migration = get_migration(connection, number)
            options = MigrationOptions(history=HistoryOptions(months=0), approval=ApprovalOptions(people=people))
            location = get_location(connection, migration.location_key)
            open_migration(connection, get_integration(connection, migration.integration_id), location, options)

    set_people(2)
    with workshop.connect() as connection:
        migration = get_migration(connection, number)
    plan = plan_again(workshop, migration, "ada")
    assert plan["plan_hash"] != planned.plan["plan_hash"], "the number of people is part of what is signed"
    set_people(1)
    assert decide.approve(workshop, number, plan["plan_hash"], "anna")["awaits"] == 1
    assert planned.world.state(number) == "planned"
    assert planned.world.ok("status", number)["approval"]["people"] == 2
    assert decide.approve(workshop, number, plan["plan_hash"], "bert")["awaits"] == 0
    assert planned.world.state(number) == "approved"
