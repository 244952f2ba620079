"""Who and what was loaded earlier and does not come again: points follow the accounts, the rest is told and left as it is."""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.canonical.persons.unseen import GONE, UNSEEN
from aura_migration.canonical.stage import Staged
from aura_migration.plan.planner import Subject, build_plan
from aura_migration_tests.support.menus import cafe, load, make_chain, one, rows
from aura_migration_tests.support.menus import stage as stage_menu
from aura_migration_tests.support.persons import Directory, stage, staged

Connection = psycopg.Connection[Any]
EVERYTHING = ("customers", "loyalty_accounts", "gift_cards")
NOBODY_GONE: dict[str, Any] = {"total": 0, "keys": []}


def migrate(
    connection: Connection, subject: Subject, people: Directory, directories: Any = EVERYTHING, **options: Any
) -> tuple[Staged, dict[str, dict[str, int]]]:
    """Stage, plan and load; what staging told and what the plan did."""
    parsed = parse_options(options)
    stage_menu(connection, subject, cafe(subject.location_source_id))
    found = stage(connection, subject, people, options=parsed, directories=directories)
    stored = build_plan(connection, subject, ALL_ENTITIES, parsed)
    load(connection, subject, stored.plan_id)
    return found, stored.counts


def points(connection: Connection) -> dict[str, tuple[int, int]]:
    """Points of everybody, which must be those of their accounts."""
    unequal = """
        SELECT c.source_id FROM aura.customers c
        LEFT JOIN (SELECT customer_id, sum(balance_points) AS balance, sum(coalesce(lifetime_points, 0)) AS lifetime
                   FROM aura.loyalty_accounts GROUP BY customer_id) a ON a.customer_id = c.id
        WHERE (c.loyalty_points, c.lifetime_points) <> (coalesce(a.balance, 0), coalesce(a.lifetime, 0))
    """
    assert rows(connection, unequal) == []
    found = rows(connection, "SELECT source_id, loyalty_points, lifetime_points FROM aura.customers ORDER BY source_id")
    return {key: (balance, lifetime) for key, balance, lifetime in found}


def three(holder: str | None = "A") -> Directory:
    """Ana, Ben and Cal; an account of Ana's (or of whoever holds it now) and one of Ben's."""
    people = Directory()
    if holder == "A":
        people.guest("A", "Ana Silva", "ana@example.com", "4155550132", nickname="Annie", tags=["regular"])
    people.guest("B", "Ben")
    people.guest("C", "Cal")
    people.points("L", 85, holder, lifetime_points=400)
    people.points("M", 7, "B")
    return people


def test_points_of_a_profile_merged_in_the_pos_move_to_the_new_one(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    first, _ = migrate(connection, subject, three())
    assert (first.people["gone"], first.losses) == (NOBODY_GONE, [])
    before = one(connection, "SELECT to_jsonb(c) FROM aura.customers c WHERE source_id = 'A'")
    people = three("N")
    people.guest("N", "Ana Silva", "ana@example.com", "4155550132")
    found, counts = migrate(connection, subject, people)
    assert points(connection) == {"A": (0, 0), "B": (7, 0), "C": (0, 0), "N": (85, 400)}
    assert found.people["gone"] == {"total": 1, "keys": ["A"]}
    assert [(x.source_entity, x.field, x.records, x.note, x.examples) for x in found.losses] == [
        ("customers", "(profile)", 1, GONE, ("A",))
    ]
    assert (counts["customers"]["update"], counts["customers"]["create"], counts["customers"]["unchanged"]) == (1, 1, 2)
    after = one(connection, "SELECT to_jsonb(c) FROM aura.customers c WHERE source_id = 'A'")
    assert {name for name in after if after[name] != before[name]} <= {
        "loyalty_points",
        "lifetime_points",
        "updated_at",
    }
    again, counts = migrate(connection, subject, people)
    assert "A" not in staged(connection, "customers")
    assert again.people["gone"]["total"] == 1
    assert (counts["customers"]["update"], counts["customers"]["unchanged"]) == (0, 3)


def test_points_that_moved_to_nobody_leave_the_profile_that_is_gone_as_people_changed_it(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, three())
    connection.execute("UPDATE aura.customers SET nickname = 'Queen' WHERE source_id = 'A'")
    migrate(connection, subject, three(None))
    assert points(connection)["A"] == (0, 0)
    assert one(connection, "SELECT nickname FROM aura.customers WHERE source_id = 'A'") == "Queen"
    migrate(connection, subject, three())
    assert points(connection)["A"] == (85, 400)
    assert one(connection, "SELECT nickname FROM aura.customers WHERE source_id = 'A'") == "Queen"


def test_nobody_is_gone_where_not_everybody_was_read_or_the_person_is_listed_under_another_key(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    people = three()
    people.guest("Z", "Ana Silva", "ana@example.com", "4155550132")
    migrate(connection, subject, people)
    found, _ = migrate(connection, subject, three())
    assert found.people["gone"] == NOBODY_GONE
    found, _ = migrate(connection, subject, three(None), ())
    assert found.people["gone"] == NOBODY_GONE
    assert points(connection)["A"] == (0, 0)
    found, counts = migrate(connection, subject, Directory())
    assert (found.people["gone"], counts.get("customers")) == (NOBODY_GONE, None)
    assert one(connection, "SELECT count(*) FROM aura.customers WHERE deleted_at IS NULL") == 3


def test_a_file_without_some_accounts_takes_no_points_from_their_holders(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = three()
    people.points("O", 10, "A")
    people.row("gift_cards", "G", balance_cents=700)
    people.row("gift_cards", "H", code_hash="other", balance_cents=0)
    migrate(connection, subject, people)
    newer = Directory()
    for guest in three().rows[:3]:
        newer.rows.append(guest)
    newer.points("O", 12, "A")
    found, _ = migrate(connection, subject, newer, ("customers", "gift_cards"))
    assert points(connection) == {"A": (97, 400), "B": (7, 0), "C": (0, 0)}
    assert found.people["unseen_balances"] == {"loyalty": {"n": 2, "total": 92}, "gift_cards": {"n": 1, "total": 700}}
    assert [(x.source_entity, x.field, x.records, x.note) for x in found.losses] == [
        ("loyalty_accounts", "(account)", 2, UNSEEN),
        ("gift_cards", "(account)", 1, UNSEEN),
    ]
    found, _ = migrate(connection, subject, newer, ("customers",))
    assert set(found.people["unseen_balances"]) == {"loyalty"}, "nobody read gift cards"


def test_what_was_loaded_for_another_location_is_neither_gone_nor_unseen_here(connection: Connection) -> None:
    here, there = make_chain(connection, "L1", "L2")
    migrate(connection, there, three())
    people = Directory()
    people.guest("X", "Xan")
    people.points("N", 3, "X")
    found, _ = migrate(connection, here, people)
    assert (found.people["gone"], found.people["unseen_balances"], found.losses) == (NOBODY_GONE, {}, [])
    people.rows = [row for row in people.rows if row.entity != "loyalty_transactions"]
    people.row("loyalty_accounts", "L", customer_key="X", balance_points=85, lifetime_points=400)
    migrate(connection, here, people)
    assert points(connection) == {"A": (0, 0), "B": (7, 0), "C": (0, 0), "X": (88, 400)}


def test_two_locations_that_see_the_same_move_before_either_is_loaded_write_it_once(connection: Connection) -> None:
    subjects = make_chain(connection, "L1", "L2")
    for subject in subjects:
        migrate(connection, subject, three())
    plans = []
    for subject in subjects:
        stage_menu(connection, subject, cafe(subject.location_source_id))
        stage(connection, subject, three(None), directories=EVERYTHING)
        plans.append(build_plan(connection, subject, ALL_ENTITIES, parse_options({})))
    assert [(p.counts["customers"]["update"], p.counts["customers"]["unchanged"]) for p in plans] == [(1, 2), (0, 3)]
    for subject, plan in zip(subjects, plans, strict=True):
        load(connection, subject, plan.plan_id)
    assert points(connection) == {"A": (0, 0), "B": (7, 0), "C": (0, 0)}
    stands = "SELECT stands_on_plan FROM migration.plan_rows WHERE plan_id = %s AND entity = 'customers' AND source_key = 'A'"
    assert one(connection, stands, [plans[1].plan_id]) == plans[0].plan_id


def test_profiles_loaded_apart_keep_their_own_points_when_they_turn_out_to_be_one_person(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana Silva", "ana@example.com", "4155550132")
    people.guest("B", "Ana Silva", "old@example.com", "4155550132")
    people.points("L", 5, "A")
    people.points("M", 6, "B")
    migrate(connection, subject, people)
    people.rows[1].values["email"] = "ana@example.com"
    migrate(connection, subject, people)
    assert points(connection) == {"A": (5, 0), "B": (6, 0)}


def test_what_guests_spent_in_auraconnect_is_not_given_back(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, three())
    connection.execute("UPDATE aura.loyalty_accounts SET balance_points = 80 WHERE source_id = 'L'")
    connection.execute("UPDATE aura.customers SET loyalty_points = 80 WHERE source_id = 'A'")
    people = three()
    people.points("O", 10, "A")
    migrate(connection, subject, people, conflicts={"strategy": "overwrite"})
    assert points(connection)["A"] == (90, 400)
