"""Staged people, planned and loaded: one person in AuraConnect, balances and answers with them, nothing new the second time."""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.plan.planner import Subject, build_plan
from aura_migration_tests.support.menus import cafe, load, make_chain, one, rows
from aura_migration_tests.support.menus import stage as stage_menu
from aura_migration_tests.support.persons import Directory, stage

Connection = psycopg.Connection[Any]


def directory() -> Directory:
    people = Directory()
    people.guest("A", "Ana Silva", "ana@example.com", "4155550132", acquisition_date="2025-01-01T00:00:00+00:00")
    people.guest("B", "ana", "ANA@example.com", "(415) 555-0132", nickname="Annie")
    people.guest("C", "Ben", "ben@example.com")
    people.says("A", "granted")
    people.says("B", "denied")
    people.says("C", "granted")
    people.row("customer_addresses", "B/address", customer_key="B", city="Porto")
    people.points("L", 40, "A", [10])
    people.points("M", 2, "B")
    people.row("gift_cards", "G", customer_key="C")
    return people


def migrate(connection: Connection, subject: Subject, **options: Any) -> dict[str, dict[str, int]]:
    parsed = parse_options({"people": options})
    stage_menu(connection, subject, cafe())
    stage(connection, subject, directory(), options=parsed)
    stored = build_plan(connection, subject, ALL_ENTITIES, parsed)
    load(connection, subject, stored.plan_id)
    return stored.counts


def test_two_profiles_are_loaded_as_one_person_and_stay_one(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    counts = migrate(connection, subject)
    assert (counts["customers"]["create"], counts["customers"]["merge"]) == (2, 1)
    assert (counts["customer_consents"]["create"], counts["customer_consents"]["merge"]) == (2, 1)
    guests = rows(
        connection, "SELECT nickname, marketing_opt_in, loyalty_points FROM aura.customers ORDER BY source_id"
    )
    assert guests == [("Annie", False, 42), (None, True, 0)]
    answers = "SELECT c.source_id, n.status FROM aura.customer_consents n JOIN aura.customers c ON c.id = n.customer_id ORDER BY 1"
    assert rows(connection, answers) == [("A", "denied"), ("C", "granted")]
    owner = "SELECT c.source_id, a.balance_points FROM aura.loyalty_accounts a JOIN aura.customers c ON c.id = a.customer_id ORDER BY 2"
    assert rows(connection, owner) == [("A", 2), ("A", 40)]
    assert (
        one(
            connection,
            "SELECT c.source_id FROM aura.customer_addresses a JOIN aura.customers c ON c.id = a.customer_id",
        )
        == "A"
    )
    assert one(connection, "SELECT count(*) FROM migration.crosswalk WHERE entity = 'customers'") == 3
    again = migrate(connection, subject)
    for entity, found in again.items():
        assert not any(found[action] for action in ("create", "update", "conflict", "quarantine")), (entity, found)


def test_who_is_left_out_by_the_policy_is_owed_what_they_were(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    counts = migrate(connection, subject, requireConsent="marketing")
    assert (counts["customers"]["create"], counts["customers"]["skip"]) == (1, 2)
    owed = "SELECT balance_points, customer_id FROM aura.loyalty_accounts ORDER BY balance_points"
    assert rows(connection, owed) == [(2, None), (40, None)]
    assert one(connection, "SELECT count(*) FROM aura.customer_addresses") == 0
    assert "Silva" not in str(rows(connection, "SELECT * FROM migration.plan_rows"))
