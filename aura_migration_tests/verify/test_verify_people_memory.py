"""Judging people holds neither what the POS says of them, nor what was planned, nor all that is found: however many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg

from aura_migration.pos.people_facts import BalanceFact, CustomerFact, PeopleFact
from aura_migration.verify.counts import PEOPLE_SHOWN, count_entities, missing
from aura_migration.verify.people import verify_people
from aura_migration_tests.verify.people_support import HERE, LOADED, Crew, open_crew
from aura_migration_tests.verify.verify_support import NOW

Connection = psycopg.Connection[Any]
CUSTOMERS = """
    INSERT INTO aura.customers (restaurant_id, source_vendor, source_id, migration_run_id, created_at, updated_at, first_name,
        last_name, email, email_normalized, status, marketing_opt_in, loyalty_points, lifetime_points)
    SELECT %(restaurant)s, 'square', 'C' || n, %(migration)s, %(at)s, %(at)s, 'Guest', 'Number ' || n,
           'guest' || n || '@example.com', 'guest' || n || '@example.com', 'active', false, 10, 10
    FROM generate_series(1, %(number)s) n
"""
ACCOUNTS = """
    INSERT INTO aura.loyalty_accounts (restaurant_id, source_vendor, source_id, migration_run_id, created_at, updated_at,
        program_id, customer_id, balance_points, lifetime_points)
    SELECT %(restaurant)s, 'square', 'A' || substr(c.source_id, 2), %(migration)s, %(at)s, %(at)s, %(program)s, c.id, 10, 10
    FROM aura.customers c WHERE c.restaurant_id = %(restaurant)s
"""
OPENINGS = """
    INSERT INTO aura.loyalty_points_transactions (restaurant_id, source_vendor, source_id, migration_run_id, created_at,
        updated_at, loyalty_account_id, transaction_type, points_change, points_balance_before, points_balance_after, reason)
    SELECT %(restaurant)s, 'square', a.source_id || '/opening', %(migration)s, %(at)s, %(at)s, a.id, 'opening_balance', 10, 0,
           10, 'x'
    FROM aura.loyalty_accounts a WHERE a.restaurant_id = %(restaurant)s
"""
LOADED_ROWS = """
    WITH linked AS (
        INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id,
            first_migration_id, last_migration_id)
        SELECT %(restaurant)s, %(integration)s, '{entity}', t.source_id, '{table}', t.id, %(migration)s, %(migration)s
        FROM aura.{table} t WHERE t.restaurant_id = %(restaurant)s AND t.source_id IS NOT NULL RETURNING source_key, aura_id
    ), planned AS (
        INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, reason, aura_table, crosswalk_key, aura_id)
        SELECT %(plan)s, %(begin)s + row_number() OVER (ORDER BY aura_id), '{entity}', source_key, 'create', '', '{table}',
               source_key, aura_id
        FROM linked RETURNING seq, aura_id
    )
    INSERT INTO migration.claims SELECT %(migration)s, '{table}', aura_id, %(plan)s, seq, 0 FROM planned
"""


def loaded(connection: Connection, number: int) -> Crew:
    """A restaurant with that many guests, each with ten points."""
    crew = open_crew(connection)
    bound = {
        "restaurant": crew.subject.restaurant_id,
        "integration": crew.subject.integration_id,
        "migration": crew.subject.migration_id,
        "plan": crew.plan_id,
        "program": crew.load("loyalty_programs", "P1", name="Stars"),
        "at": LOADED,
        "number": number,
    }
    for place, (rows, entity, table) in enumerate(
        (
            (CUSTOMERS, "customers", "customers"),
            (ACCOUNTS, "loyalty_accounts", "loyalty_accounts"),
            (OPENINGS, "loyalty_transactions", "loyalty_points_transactions"),
        ),
        1,
    ):
        connection.execute(rows, bound)
        connection.execute(LOADED_ROWS.format(entity=entity, table=table), {**bound, "begin": place * 1_000_000})
    return crew


def facts(number: int) -> Iterator[PeopleFact]:
    """What the POS says of them: every second guest is called something else there."""
    for n in range(1, number + 1):
        yield CustomerFact(f"C{n}", "Guest" if n % 2 else "Gast", f"Number {n}", f"guest{n}@example.com")
    for n in range(1, number + 1):
        yield BalanceFact("loyalty", f"A{n}", "points", 10, f"C{n}", 0)


def peak(connection: Connection, number: int) -> int:
    """The most memory that Python held while that many guests were judged, in bytes."""
    reader: Any = None
    with connection.transaction(force_rollback=True):
        crew = loaded(connection, number)
        tracemalloc.start()
        try:
            verdict = verify_people(
                connection,
                crew.subject,
                reader,
                HERE,
                "USD",
                crew.plan_id,
                crew.options,
                NOW,
                witness=lambda *_: facts(number),
            )
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    gates = {gate.name: gate for gate in verdict.gates}
    assert gates["customers_accounted"].evidence["unexplained"] == number // 2
    assert gates["loyalty_conserved"].passed
    return held


def test_judging_more_people_takes_no_more_memory(connection: Connection) -> None:
    peak(connection, 200)
    few, many = peak(connection, 5_000), peak(connection, 10_000)
    assert many < few * 1.2 + 2**20


def test_of_very_many_missing_people_all_are_counted_and_the_first_are_shown(connection: Connection) -> None:
    number = PEOPLE_SHOWN + 200
    crew = loaded(connection, number)
    connection.execute(
        "DELETE FROM aura.loyalty_points_transactions WHERE restaurant_id = %s", [crew.subject.restaurant_id]
    )
    counts, found = count_entities(connection, crew.subject, crew.plan_id)
    assert counts["loyalty_transactions"]["loaded"] == 0
    assert counts["loyalty_accounts"]["loaded"] == number
    assert missing(counts) == number
    assert len(found) == PEOPLE_SHOWN
    assert {(one.entity, one.cause) for one in found} == {("loyalty_transactions", "AuraConnect has no row for it")}
