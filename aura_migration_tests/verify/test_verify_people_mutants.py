"""Every single change to people, balances or hours in AuraConnect is caught by the check that is about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration_tests.support import database as support
from aura_migration_tests.verify.people_support import Crew, blocking, fill, open_crew

Connection = psycopg.Connection[Any]
CUSTOMERS, CONSENT, STAFF = "customers_accounted", "consent_respected", "staff_accounted"
LOYALTY, CARDS, ACCOUNTS = "loyalty_conserved", "gift_cards_conserved", "house_accounts_conserved"


def _of(table: str, key: str, change: str) -> str:
    return f"UPDATE aura.{table} SET {change} WHERE source_id = '{key}'"


def _double(table: str, key: str, *others: str) -> str:
    """A second row of the same content, for which no crosswalk stands."""
    return (
        f"INSERT INTO aura.{table} SELECT (jsonb_populate_record(t, '{{\"id\": 90000{len(table)}}}')).* "
        f"FROM aura.{table} t WHERE source_id = '{key}'"
    )


MUTANTS = {
    "profile lost": (_of("customers", "C3", "deleted_at = now()"), CUSTOMERS),
    "profile gone with its key": (
        "DELETE FROM migration.crosswalk WHERE entity = 'customers' AND source_key = 'C3'",
        CUSTOMERS,
    ),
    "profile never planned": (
        "DELETE FROM migration.plan_rows WHERE entity = 'customers' AND source_key = 'C3'",
        CUSTOMERS,
    ),
    "profile doubled": (_double("customers", "C2"), CUSTOMERS),
    "profile of another restaurant": (
        "WITH r AS (INSERT INTO aura.restaurants (name) VALUES ('Other') RETURNING id) "
        "UPDATE aura.customers SET restaurant_id = r.id FROM r WHERE source_id = 'C3'",
        CUSTOMERS,
    ),
    "profiles swapped": (
        "UPDATE migration.crosswalk c SET aura_id = o.aura_id FROM migration.crosswalk o WHERE c.entity = 'customers' "
        "AND o.entity = 'customers' AND (c.source_key, o.source_key) IN (('C1', 'C3'), ('C3', 'C1'))",
        CUSTOMERS,
    ),
    "profile invented": (
        "INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, aura_table, aura_id, crosswalk_key) "
        "SELECT plan_id, 999, entity, 'C9', 'create', aura_table, aura_id, 'C9' FROM migration.plan_rows "
        "WHERE entity = 'customers' AND source_key = 'C3'; UPDATE migration.crosswalk SET source_key = 'C9' "
        "WHERE entity = 'customers' AND source_key = 'C3'",
        CUSTOMERS,
    ),
    "quarantine emptied": ("DELETE FROM migration.plan_rows WHERE source_key = 'C6'", CUSTOMERS),
    "first name": (_of("customers", "C1", "first_name = 'mira'"), CUSTOMERS),
    "first name with a blank": (_of("customers", "C1", "first_name = 'Mira '"), CUSTOMERS),
    "last name without its emoji": (_of("customers", "C1", "last_name = 'Olsson'"), CUSTOMERS),
    "last name empty instead of none": (_of("customers", "C2", "last_name = ''"), CUSTOMERS),
    "e-mail in other letters": (_of("customers", "C1", "email = lower(email)"), CUSTOMERS),
    "normalised e-mail of somebody else": (_of("customers", "C1", "email_normalized = 'x@example.org'"), CUSTOMERS),
    "normalised e-mail lost": (_of("customers", "C1", "email_normalized = NULL"), CUSTOMERS),
    "a malformed e-mail normalised": (_of("customers", "C3", "email_normalized = 'not an address'"), CUSTOMERS),
    "phone of another digit": (_of("customers", "C1", "phone = '+12125550143'"), CUSTOMERS),
    "phone without country": (_of("customers", "C1", "phone = '2125550142'"), CUSTOMERS),
    "phone as typed lost": (_of("customers", "C1", "phone_raw = NULL"), CUSTOMERS),
    "unreadable phone lost": (_of("customers", "C3", "phone_raw = NULL"), CUSTOMERS),
    "merged person's name of nobody": (_of("customers", "C4", "first_name = 'Third'"), CUSTOMERS),
    "merged person's e-mail lost": (_of("customers", "C4", "email = NULL, email_normalized = NULL"), CUSTOMERS),
    "opted in against a denial": (_of("customers", "C1", "marketing_opt_in = true"), CONSENT),
    "opted in beside a denial of another channel": (_of("customers", "C7", "marketing_opt_in = true"), CONSENT),
    "opted in without an answer": (_of("customers", "C3", "marketing_opt_in = true"), CONSENT),
    "opted out against a grant": (_of("customers", "C2", "marketing_opt_in = false"), CONSENT),
    "grant withdrawn silently": (_of("customer_consents", "C2/marketing_email", "status = 'denied'"), CONSENT),
    "grant lost": (_of("customer_consents", "C2/marketing_email", "deleted_at = now()"), CONSENT),
    "grant expired": (_of("customer_consents", "C2/marketing_email", "expires_at = '2020-01-01'"), CONSENT),
    "denial lost": ("DELETE FROM aura.customer_consents WHERE source_id = 'C1/marketing_email'", CONSENT),
    "denial turned": (_of("customer_consents", "C1/marketing_email", "status = 'granted'"), CONSENT),
    "e-mail consent turned into SMS": (
        _of("customer_consents", "C2/marketing_email", "purpose = 'marketing_sms'"),
        CONSENT,
    ),
    "consent invented": (
        "INSERT INTO aura.customer_consents (restaurant_id, customer_id, purpose, status, source, source_vendor) "
        "SELECT restaurant_id, id, 'marketing_sms', 'granted', 'pos_flag', 'square' FROM aura.customers WHERE source_id = 'C3'",
        CONSENT,
    ),
    "profile consent invented": (
        "INSERT INTO aura.customer_consents (restaurant_id, customer_id, purpose, status, source, source_vendor) "
        "SELECT restaurant_id, id, 'profile', 'granted', 'pos_flag', 'square' FROM aura.customers WHERE source_id = 'C3'",
        CONSENT,
    ),
    "consent of another guest": (
        "UPDATE aura.customer_consents SET customer_id = (SELECT id FROM aura.customers WHERE source_id = 'C3') "
        "WHERE source_id = 'C2/marketing_email'",
        CONSENT,
    ),
    "erased and still there": (_of("customers", "C3", "erased_at = now()"), CONSENT),
    "one point more": (_of("loyalty_accounts", "A1", "balance_points = 86"), LOYALTY),
    "a debt forgiven": (_of("loyalty_accounts", "A2", "balance_points = 0"), LOYALTY),
    "account lost": (_of("loyalty_accounts", "A2", "deleted_at = now()"), LOYALTY),
    "account doubled": (_double("loyalty_accounts", "A1"), LOYALTY),
    "account of somebody else": (
        _of("loyalty_accounts", "A1", "customer_id = (SELECT id FROM aura.customers WHERE source_id = 'C2')"),
        LOYALTY,
    ),
    "account without its holder": (_of("loyalty_accounts", "A1", "customer_id = NULL"), LOYALTY),
    "account given to somebody": (
        _of("loyalty_accounts", "A2", "customer_id = (SELECT id FROM aura.customers WHERE source_id = 'C3')"),
        LOYALTY,
    ),
    "account blocked": (_of("loyalty_accounts", "A1", "status = 'blocked'"), LOYALTY),
    "movement lost": ("DELETE FROM aura.loyalty_points_transactions WHERE source_id = 'A1/E1'", LOYALTY),
    "movement off by a point": (
        _of("loyalty_points_transactions", "A1/E1", "points_change = 41, points_balance_after = 101"),
        LOYALTY,
    ),
    "movement booked as opening": (
        _of("loyalty_points_transactions", "A1/E1", "transaction_type = 'opening_balance'"),
        LOYALTY,
    ),
    "movement of another account": (
        "UPDATE aura.loyalty_points_transactions SET loyalty_account_id = (SELECT id FROM aura.loyalty_accounts "
        "WHERE source_id = 'A2') WHERE source_id = 'A1/E2'",
        LOYALTY,
    ),
    "opening lost": ("DELETE FROM aura.loyalty_points_transactions WHERE source_id = 'A2/opening'", LOYALTY),
    "points of the person": (_of("customers", "C1", "loyalty_points = 84"), LOYALTY),
    "reward lost": ("DELETE FROM aura.customer_rewards_v2 WHERE source_id = 'R1'", LOYALTY),
    "reward cheaper": (_of("customer_rewards_v2", "R1", "points_cost = 14"), LOYALTY),
    "reward expired": (_of("customer_rewards_v2", "R1", "status = 'expired'"), LOYALTY),
    "reward doubled": (_double("customer_rewards_v2", "R1"), LOYALTY),
    "reward of another account": (
        _of(
            "customer_rewards_v2",
            "R1",
            "loyalty_account_id = (SELECT id FROM aura.loyalty_accounts WHERE source_id = 'A2')",
        ),
        LOYALTY,
    ),
    "one cent less": (_of("gift_cards", "G1", "balance_cents = 2749"), CARDS),
    "one cent moved between cards": (
        "UPDATE aura.gift_cards SET balance_cents = balance_cents + CASE source_id WHEN 'G1' THEN 1 ELSE -1 END "
        "WHERE source_id IN ('G1', 'G2')",
        CARDS,
    ),
    "card lost": (_of("gift_cards", "G2", "deleted_at = now()"), CARDS),
    "card lost with its key": (
        "DELETE FROM migration.crosswalk WHERE entity = 'gift_cards' AND source_key = 'G2'",
        CARDS,
    ),
    "card doubled": (_double("gift_cards", "G2"), CARDS),
    "cards with one number": (_of("gift_cards", "G2", "code_hash = 'aa'"), CARDS),
    "holders swapped": (
        "UPDATE aura.gift_cards g SET customer_id = o.customer_id FROM aura.gift_cards o "
        "WHERE (g.source_id, o.source_id) IN (('G1', 'G2'), ('G2', 'G1'))",
        CARDS,
    ),
    "holder swapped": (
        _of("gift_cards", "G1", "customer_id = (SELECT id FROM aura.customers WHERE source_id = 'C2')"),
        CARDS,
    ),
    "card in another currency": (_of("gift_cards", "G1", "currency = 'CAD'"), CARDS),
    "blocked card unblocked": (_of("gift_cards", "G3", "status = 'pending'"), CARDS),
    "live card blocked": (_of("gift_cards", "G1", "status = 'deactivated'"), CARDS),
    "live card spent": (_of("gift_cards", "G1", "status = 'redeemed'"), CARDS),
    "card active before the switch": (_of("gift_cards", "G1", "status = 'active'"), CARDS),
    "card's movement lost": ("DELETE FROM aura.gift_card_transactions WHERE source_id = 'G1/2'", CARDS),
    "card's movement doubled": (_double("gift_card_transactions", "G1/2"), CARDS),
    "card's opening off by a cent": (
        _of("gift_card_transactions", "G2/opening", "amount_cents = 501, balance_after_cents = 501"),
        CARDS,
    ),
    "debt off by a cent": (_of("house_accounts", "H1", "balance_cents = -11999"), ACCOUNTS),
    "debt turned into credit": (_of("house_accounts", "H1", "balance_cents = 12000"), ACCOUNTS),
    "house account lost": (_of("house_accounts", "H1", "deleted_at = now()"), ACCOUNTS),
    "house account turned into store credit": (_of("house_accounts", "H1", "kind = 'store_credit'"), ACCOUNTS),
    "store credit off by a cent": (_of("house_accounts", "S1", "balance_cents = 701"), ACCOUNTS),
    "store credit doubled": (_double("house_accounts", "S1"), ACCOUNTS),
    "account's opening lost": ("DELETE FROM aura.house_account_transactions WHERE source_id = 'S1/opening'", ACCOUNTS),
    "employee lost": (_of("staff_members", "T2", "deleted_at = now()"), STAFF),
    "employee doubled": (_double("staff_members", "T2"), STAFF),
    "employee renamed": (_of("staff_members", "T1", "name = 'Ann Li'"), STAFF),
    "former employee back at work": (_of("staff_members", "T2", "is_active = true"), STAFF),
    "sign-in carried over": (_of("staff_members", "T1", "needs_sign_in = false"), STAFF),
    "wage off by a cent": (_of("staff_jobs", "T1/J1/1", "hourly_rate_cents = 1151"), STAFF),
    "wage lost": (_of("staff_jobs", "T1/J1/1", "hourly_rate_cents = NULL"), STAFF),
    "wages of two jobs swapped": (
        "UPDATE aura.staff_jobs SET hourly_rate_cents = CASE title WHEN 'Server' THEN 1300 ELSE 1150 END",
        STAFF,
    ),
    "job lost": ("DELETE FROM aura.staff_jobs WHERE source_id = 'T1/J2/1'", STAFF),
    "job doubled": (_double("staff_jobs", "T1/J2/1"), STAFF),
    "job of somebody else": (
        _of("staff_jobs", "T1/J2/1", "staff_id = (SELECT id FROM aura.staff_members WHERE source_id = 'T2')"),
        STAFF,
    ),
    "job renamed": (_of("staff_jobs", "T1/J1/1", "title = 'Waiter'"), STAFF),
    "pay lost": ("DELETE FROM aura.employee_payments WHERE source_id = 'L1/P2'", STAFF),
    "pay doubled": (_double("employee_payments", "L1/P2"), STAFF),
    "pay off by a cent": (_of("employee_payments", "L1/P1", "gross_pay_cents = 181241"), STAFF),
    "net pay lost": (_of("employee_payments", "L1/P1", "net_pay_cents = NULL"), STAFF),
    "pay of another period": (_of("employee_payments", "L1/P2", "pay_period_end = '2026-02-28'"), STAFF),
    "hours of pay off": (_of("employee_payments", "L1/P1", "overtime_hours = 2.25"), STAFF),
    "pay given to whose e-mail address it is, not whose number": (
        _of("employee_payments", "L1/P1", "staff_id = (SELECT id FROM aura.staff_members WHERE source_id = 'T2')"),
        STAFF,
    ),
    "pay of nobody": (_of("employee_payments", "L1/P2", "staff_id = NULL"), STAFF),
    "shift lost": ("DELETE FROM aura.attendance_logs WHERE source_id = 'L1/W2'", STAFF),
    "shift doubled": (_double("attendance_logs", "L1/W2"), STAFF),
    "clock-in an hour later": (_of("attendance_logs", "L1/W1", "check_in = check_in + interval '1 hour'"), STAFF),
    "clock-out an hour later": (_of("attendance_logs", "L1/W1", "check_out = check_out + interval '1 hour'"), STAFF),
    "shift in another time zone": (
        _of(
            "attendance_logs",
            "L1/W1",
            "check_in = check_in - interval '5 hours', check_out = check_out - interval '5 hours'",
        ),
        STAFF,
    ),
    "clock-in a millisecond later": (
        _of("attendance_logs", "L1/W1", "check_in = check_in + interval '1 millisecond'"),
        STAFF,
    ),
    "open shift closed": (_of("attendance_logs", "L1/W2", "check_out = check_in + interval '8 hours'"), STAFF),
    "open shift called closed": (_of("attendance_logs", "L1/W2", "status = 'checked_out'"), STAFF),
    "break lost": (_of("attendance_logs", "L1/W1", "breaks = '[]'"), STAFF),
    "break paid": (_of("attendance_logs", "L1/W1", "breaks = jsonb_set(breaks, '{0,is_paid}', 'true')"), STAFF),
    "paid break unpaid": (_of("attendance_logs", "L1/W1", "breaks = jsonb_set(breaks, '{1,is_paid}', 'false')"), STAFF),
    "break a minute shorter": (
        _of("attendance_logs", "L1/W1", """breaks = jsonb_set(breaks, '{0,end}', '"2026-03-01T19:29:00+00:00"')"""),
        STAFF,
    ),
    "tips off by a cent": (_of("attendance_logs", "L1/W1", "declared_tips_cents = 1801"), STAFF),
    "tips none instead of zero": (_of("attendance_logs", "L1/W2", "declared_tips_cents = 0"), STAFF),
    "shift of somebody else": (
        _of("attendance_logs", "L1/W1", "staff_id = (SELECT id FROM aura.staff_members WHERE source_id = 'T2')"),
        STAFF,
    ),
    "a former employee's shift given away": (
        _of("attendance_logs", "L1/W2", "staff_id = (SELECT id FROM aura.staff_members WHERE source_id = 'T2')"),
        STAFF,
    ),
    "shift at another place": (
        "WITH l AS (INSERT INTO aura.locations (restaurant_id, name, timezone) SELECT id, 'There', 'UTC' FROM aura.restaurants "
        "LIMIT 1 RETURNING id) UPDATE aura.attendance_logs SET location_id = l.id FROM l WHERE source_id = 'L1/W1'",
        STAFF,
    ),
}

METRICS = {
    LOYALTY: "loyalty_points_diff",
    CARDS: "gift_card_liability_diff_cents",
    ACCOUNTS: "house_account_liability_diff_cents",
}
BALANCES = {
    "one point more",
    "a debt forgiven",
    "account lost",
    "account doubled",
    "one cent less",
    "one cent moved between cards",
    "card lost",
    "card lost with its key",
    "card doubled",
    "debt off by a cent",
    "debt turned into credit",
    "house account lost",
    "store credit off by a cent",
    "store credit doubled",
}
"""Mutants that change what is owed: the number in the scorecard must say so, also where two of them would cancel out."""


@pytest.fixture(scope="module")
def loaded(postgres_server: str, template_database: str) -> Iterator[Crew]:
    """Everybody loaded, in a transaction that each mutation is taken back to."""
    with support.clone(postgres_server, template_database) as url, connect(url, application_name="test") as opened:
        yield fill(open_crew(opened))
        opened.rollback()


@pytest.fixture
def crew(loaded: Crew) -> Iterator[Crew]:
    loaded.connection.execute("SAVEPOINT before")
    yield loaded
    loaded.connection.execute("ROLLBACK TO SAVEPOINT before")


def test_without_a_mutation_nothing_is_found(crew: Crew) -> None:
    assert list(blocking(crew.verify())) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_of_people_is_caught(crew: Crew, name: str) -> None:
    statement, check = MUTANTS[name]
    assert crew.connection.execute(statement).rowcount > 0, "the mutation changed nothing"
    verdict = crew.verify()
    assert check in {found for found, _, _ in blocking(verdict)}
    gate = next(one for one in verdict.gates if one.name == check)
    assert gate.passed is False
    assert gate.remedy
    assert gate.evidence["unexplained"] > 0
    if name in BALANCES:
        assert verdict.metrics[METRICS[check]] > 0
