"""Points converted: balances, ledgers that still add up, what rewards cost, and who would lose what."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aura_migration.canonical.options import LoyaltyConversion, MigrationOptions, PeopleOptions
from aura_migration.canonical.persons.loyalty import OPENING_REASON, converted
from aura_migration_tests.support.menus import make_chain, one
from aura_migration_tests.support.persons import Directory, stage, staged

Connection = psycopg.Connection[Any]


def rule(**values: Any) -> dict[str, Any]:
    return {"people": {"loyalty": values}}


def ledger_of(connection: Connection, account: str) -> list[dict[str, Any]]:
    found = [r for r in staged(connection, "loyalty_transactions").values() if r["loyalty_account_key"] == account]
    return sorted(found, key=lambda r: r["transaction_type"] != "opening_balance")


def test_without_a_rule_balances_and_ledgers_are_what_the_pos_says(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A")
    people.points("L", 130, "A", [50, -20], lifetime_points=400)
    people.points("M", -5, "A")
    found = stage(connection, subject, people)
    account = staged(connection, "loyalty_accounts")["L"]
    assert (account["balance_points"], account.get("source_balance")) == (130, None)
    assert [r["points_change"] for r in ledger_of(connection, "L")] == [100, 50, -20]
    guest = staged(connection, "customers")["A"]
    assert (guest["loyalty_points"], guest["lifetime_points"]) == (125, 400)
    assert (found.people["loyalty"]["accounts"], found.people["loyalty"]["losing"]) == (2, 0)


def test_everything_in_points_is_converted_with_the_same_factor(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("loyalty_programs", "P", points_per_dollar="1.5")
    people.row("reward_templates", "R", program_key="P", points_cost=100)
    people.guest("A")
    people.points(
        "L", 130, "A", [50, -20], lifetime_points=400, expirations=[{"points": 30, "expires_at": "2026-09-01"}]
    )
    people.row("customer_rewards", "C", loyalty_account_key="L", points_cost=100)
    found = stage(connection, subject, people, options=rule(multiply="10"))
    account = staged(connection, "loyalty_accounts")["L"]
    assert (account["balance_points"], account["source_balance"], account["lifetime_points"]) == (1300, "130", 4000)
    assert account["expirations"] == [{"points": 300, "expires_at": "2026-09-01"}]
    assert [r["points_change"] for r in ledger_of(connection, "L")] == [1000, 500, -200]
    assert staged(connection, "reward_templates")["R"]["points_cost"] == 1000
    assert staged(connection, "customer_rewards")["C"]["points_cost"] == 1000
    assert staged(connection, "loyalty_programs")["P"]["points_per_dollar"] == "15"
    assert staged(connection, "customers")["A"]["loyalty_points"] == 1300
    assert found.people["loyalty"]["losing"] == 0


def test_who_would_lose_what_is_told_before_anybody_does(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.points("L", 5000, None, [200])
    people.points("M", 7)
    people.points("N", -7)
    people.points("O", 8, None, [8])
    found = stage(connection, subject, people, options=rule(multiply="0.5", cap=1000))
    assert found.people["loyalty"] == {
        "rule": {"multiply": "0.5", "rounding": "down", "cap": 1000},
        "accounts": 4,
        "losing": 2,
        "points_lost": {"cap": "1500", "rounding": "0.5", "total": "1500.5"},
        "accounts_losing": [
            {"key": "L", "before": 5000, "after": 1000, "lost": "1500", "causes": ["cap"]},
            {"key": "M", "before": 7, "after": 3, "lost": "0.5", "causes": ["rounding"]},
        ],
    }
    assert staged(connection, "loyalty_accounts")["N"]["balance_points"] == -3
    assert [r["points_change"] for r in ledger_of(connection, "L")] == [900, 100]


def test_what_the_cap_takes_is_taken_from_the_opening_balance_also_where_there_was_none(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.points("L", 300, None, [200, 100])
    stage(connection, subject, people, options=rule(cap=250))
    opening, *events = ledger_of(connection, "L")
    found = one(connection, "SELECT content ->> 'reason' FROM staging.rows WHERE source_key = 'L/opening'")
    assert found == OPENING_REASON
    assert (opening["points_balance_before"], opening["points_change"], opening["points_balance_after"]) == (
        0,
        -50,
        -50,
    )
    assert [(r["points_balance_before"], r["points_balance_after"]) for r in events] == [(-50, 150), (150, 250)]


def test_points_of_merged_profiles_are_added_up(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana", "ana@example.com", "4155550132")
    people.guest("B", "Ana", "ana@example.com", "4155550132")
    people.points("L", 30, "A", lifetime_points=30)
    people.points("M", 12, "B")
    people.points("N", 5, "B", status="weird")
    stage(connection, subject, people)
    guests = staged(connection, "customers")
    assert (guests["A"]["loyalty_points"], guests["A"]["lifetime_points"], guests["B"]["same_as"]) == (42, 30, "A")
    assert staged(connection, "loyalty_accounts")["M"]["customer_key"] == "B"


RULES = st.builds(
    LoyaltyConversion,
    multiply=st.decimals("0.001", "50", places=3).filter(lambda d: d > 0),
    rounding=st.sampled_from(["down", "half_up", "up"]),
    cap=st.none() | st.integers(0, 5000),
)


@given(points=st.integers(-(2**31) + 1, 2**31 - 1), conversion=RULES)
def test_a_converted_balance_is_within_one_point_of_the_exact_one_and_below_the_cap(
    points: int, conversion: LoyaltyConversion
) -> None:
    after = converted(points, conversion)
    exact = Fraction(points) * Fraction(conversion.multiply)
    uncapped = converted(points, conversion.model_copy(update={"cap": None}))
    assert abs(uncapped - exact) < 1
    assert after == (uncapped if conversion.cap is None else min(uncapped, conversion.cap))
    if conversion.rounding == "down":
        assert abs(uncapped) <= abs(exact)
    elif conversion.rounding == "up":
        assert abs(uncapped) >= abs(exact)
    else:
        assert abs(uncapped - exact) <= Fraction(1, 2)


LEDGERS = st.lists(
    st.tuples(st.integers(-3000, 9000), st.lists(st.integers(-900, 900), max_size=5)), min_size=1, max_size=6
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accounts=LEDGERS, conversion=RULES)
def test_after_any_conversion_every_ledger_runs_from_nothing_to_the_balance(
    connection: Connection, accounts: list[tuple[int, list[int]]], conversion: LoyaltyConversion
) -> None:
    (subject,) = make_chain_once(connection)
    people = Directory()
    for number, (balance, events) in enumerate(accounts):
        people.points(f"L{number}", balance, None, events)
    options = MigrationOptions(people=PeopleOptions(loyalty=conversion))
    report = stage(connection, subject, people, options=options).people["loyalty"]
    staged_accounts = staged(connection, "loyalty_accounts")
    lost = Decimal(0)
    for number, (balance, _) in enumerate(accounts):
        account = staged_accounts[f"L{number}"]
        after = converted(balance, conversion)
        assert account["balance_points"] == after
        assert (account.get("source_balance") or str(balance)) == str(balance)
        running = 0
        for entry in ledger_of(connection, f"L{number}"):
            assert entry["points_balance_before"] == running
            assert entry["points_balance_before"] + entry["points_change"] == entry["points_balance_after"]
            running = entry["points_balance_after"]
        assert running == after
        lost += max(balance * conversion.multiply - after, Decimal(0))
    assert Decimal(report["points_lost"].get("total", "0") if report["points_lost"] else "0") == lost


_CHAINS: dict[int, Any] = {}


def make_chain_once(connection: Connection) -> Any:
    """The chain of this database: hypothesis runs many examples in one."""
    return (
        _CHAINS.setdefault(id(connection), None)
        or _CHAINS.update({id(connection): make_chain(connection)})
        or _CHAINS[id(connection)]
    )


@pytest.fixture(autouse=True)
def forget_chains() -> Any:
    """No chain outlives its database."""
    yield
    _CHAINS.clear()
