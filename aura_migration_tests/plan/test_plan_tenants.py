"""Two restaurants that know the same people, hold the same cards and employ the same cook: nothing of one touches the other."""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.load.apply import apply_plan
from aura_migration.load.undo import undo_migration
from aura_migration.plan.planner import StoredPlan, Subject, build_plan
from aura_migration_tests.support.menus import (
    LOAD_AT,
    Menu,
    make_chain,
    make_integration,
    make_restaurant,
    make_subject,
    one,
    rows,
)
from aura_migration_tests.support.menus import stage as stage_menu
from aura_migration_tests.support.persons import Directory, stage, suppress

Connection = psycopg.Connection[Any]
PEOPLE = ("customers", "customer_consents", "loyalty_accounts", "gift_cards", "staff_members", "roles", "staff_jobs")


def people() -> Directory:
    """The same guest, answer, points, card and cook, under the same keys."""
    found = Directory()
    found.guest("A", "Ana Silva", "ana@example.com", "(415) 555-0132")
    found.says("A", "granted")
    found.points("P1", 120, "A")
    found.row("gift_cards", "G1", code_hash="same", customer_key="A", balance_cents=2500)
    found.row("roles", "R1", name="Cook")
    found.row("staff", "S1", name="Sam Reyes", email="sam@example.com", role_key="R1")
    found.row("staff_jobs", "S1/J1", staff_key="S1", role_key="R1", title="Cook", hourly_rate_cents=2000)
    return found


def image(connection: Connection, restaurant: int) -> dict[str, Any]:
    """Every row of a restaurant's people."""
    return {
        table: rows(
            connection, f"SELECT t::text FROM aura.{table} t WHERE restaurant_id = %s ORDER BY id", [restaurant]
        )
        for table in PEOPLE
    }


def load(connection: Connection, subject: Subject) -> StoredPlan:
    """Stage, plan and load the people."""
    stage_menu(connection, subject, Menu(subject.location_source_id))
    stage(connection, subject, people())
    plan = build_plan(connection, subject, ALL_ENTITIES, MigrationOptions())
    connection.execute(
        "UPDATE migration.plans SET state = 'approved', approved_at = now() WHERE id = %s", [plan.plan_id]
    )
    connection.execute(
        "UPDATE migration.migrations SET state = 'loading', load_at = %s WHERE id = %s",
        [LOAD_AT, subject.migration_id],
    )
    apply_plan(connection, subject, plan.plan_id, ENTITIES, LOAD_AT)
    return plan


def test_people_whom_two_restaurants_know_are_two_and_stay_two(connection: Connection) -> None:
    (mine,) = make_chain(connection)
    other = make_restaurant(connection, "Trattoria")
    theirs = make_subject(connection, make_integration(connection, other, merchant="M2"), "L2")
    load(connection, mine)
    before = image(connection, mine.restaurant_id)

    plan = load(connection, theirs)
    for entity in ("customers", "gift_cards", "loyalty_accounts", "staff", "roles"):
        assert plan.counts[entity]["create"] == 1, (entity, plan.counts[entity])
    assert image(connection, mine.restaurant_id) == before
    for table in PEOPLE:
        assert rows(connection, f"SELECT restaurant_id, count(*) FROM aura.{table} GROUP BY 1 ORDER BY 1") == [
            (mine.restaurant_id, 1),
            (other, 1),
        ]

    suppress(connection, mine, "email", "ana@example.com")
    stage(connection, theirs, people())
    judged = "SELECT verdict FROM staging.rows WHERE migration_id = %s AND entity = 'customers'"
    assert rows(connection, judged, [theirs.migration_id]) == [(None,)], "erased from the first restaurant only"

    undo_migration(connection, theirs, ALL_ENTITIES)
    assert one(connection, "SELECT count(*) FROM aura.customers WHERE restaurant_id = %s", [other]) == 0
    assert image(connection, mine.restaurant_id) == before
