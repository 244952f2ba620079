"""Known differences: narrow, answered for, with an end, and never about what must agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.core.errors import BadInput, Refused
from aura_migration.reconcile.known import (
    NEVER,
    KnownDifference,
    active_rules,
    add_rule,
    all_rules,
    end_rule,
    expiring,
    matching,
    use_of_rules,
)
from aura_migration_tests.support.menus import make_chain

TODAY = date(2026, 3, 6)
NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
RULE = KnownDifference(
    1, 1, "rounding", {"cause": "rounding", "item": "Latte"}, "r", "Ada", 2, date(2026, 4, 1), "op", NOW, None, None
)
FINDING = {"cause": "rounding", "part": "net", "cents": -2, "detail": {"item": "Latte"}}


def test_a_rule_explains_only_what_is_all_it_says() -> None:
    assert matching([RULE], FINDING) is RULE
    assert matching([RULE], {**FINDING, "detail": {"item": [" latte ", "Mocha"]}}) is RULE
    others: tuple[dict[str, Any], ...] = (
        {"cents": 3},
        {"cents": -3},
        {"cause": "price_changed"},
        {"detail": {"item": "Mocha"}},
        {"detail": {}},
        {"detail": None},
        {"part": "tax"},
        {"part": "tax_by_rate"},
        {"part": "payments"},
    )
    for other in others:
        assert matching([RULE], {**FINDING, **other}) is None, other
    second = replace(RULE, id=2, matches={"cause": "rounding"}, max_cents=5)
    assert matching([RULE, second], FINDING) is RULE, "the first that fits"
    assert matching([RULE, second], {**FINDING, "cents": 3}) is second
    assert matching([RULE, second], FINDING, already={1: 1}) is second, "per order, not per part of it"
    assert matching([RULE, second], FINDING, already={1: 1, 2: 4}) is None
    assert matching([], FINDING) is None


@given(st.sampled_from(sorted(NEVER)), st.sampled_from(["net", "gross", "tax", ""]), st.integers(-5, 5))
def test_missing_extra_and_unknown_are_explained_by_no_rule_whatever_it_says(cause: str, part: str, cents: int) -> None:
    rules = [
        replace(RULE, matches=matches, max_cents=10**9)
        for matches in ({}, {"cause": cause}, {"cause": cause, "part": part})
    ]

    assert matching(rules, {"cause": cause, "part": part, "cents": cents, "detail": {}}) is None


def test_a_rule_lives_until_its_date_or_until_it_is_ended(connection: psycopg.Connection[Any]) -> None:
    migration = make_chain(connection)[0].migration_id
    first = _add(connection, migration, expires_on=date(2026, 3, 20))
    second = _add(connection, migration, {"cause": "tip_treatment", "tender": "Cash"})

    assert [rule.id for rule in active_rules(connection, migration, date(2026, 3, 20))] == [first.id, second.id]
    assert [rule.id for rule in active_rules(connection, migration, date(2026, 3, 21))] == [second.id]
    ended = end_rule(connection, migration, second.id, "Bo", NOW)
    assert (ended.ended_by, end_rule(connection, migration, second.id, "Cy", NOW).ended_by) == ("Bo", "Bo")
    assert [rule.id for rule in active_rules(connection, migration, TODAY)] == [first.id]
    assert [rule.id for rule in all_rules(connection, migration)] == [first.id, second.id]
    assert active_rules(connection, migration + 1, TODAY) == []
    with pytest.raises(BadInput, match="has no known difference 99"):
        end_rule(connection, migration, 99, "Bo", NOW)


def test_how_often_a_rule_was_used_is_counted_and_who_should_renew_it_is_known(
    connection: psycopg.Connection[Any],
) -> None:
    migration = make_chain(connection)[0].migration_id
    used, idle = _add(connection, migration, expires_on=date(2026, 3, 10)), _add(connection, migration)
    for day, cents in (("2026-03-06", -2), ("2026-03-06", 1), ("2026-03-08", 2)):
        connection.execute(
            "INSERT INTO migration.parallel_days (migration_id, business_date, verdict, closes_at, final_at, judged_at) "
            "VALUES (%s, %s, 'clean', now(), now(), now()) ON CONFLICT DO NOTHING",
            [migration, day],
        )
        connection.execute(
            "INSERT INTO migration.parallel_findings (migration_id, business_date, order_key, cause, part, status, cents, rule_id) "
            "VALUES (%s, %s, 'O1', 'rounding', 'net', 'explained', %s, %s)",
            [migration, day, cents, used.id],
        )

    counts = use_of_rules(connection, migration)
    assert [(one.rule.id, one.findings, one.days, one.cents) for one in counts] == [
        (used.id, 3, 2, 5),
        (idle.id, 0, 0, 0),
    ]
    assert counts[0].as_dict()["last_used_on"] == "2026-03-08"
    assert [one.rule.id for one in expiring(counts, date(2026, 3, 5))] == [used.id]
    assert expiring(counts, date(2026, 3, 1)) == [] == expiring(counts, date(2026, 3, 11))


@pytest.mark.parametrize(
    ("matches", "more", "words"),
    [
        ({"part": "net"}, {}, "names its cause"),
        ({"cause": "rounding", "weather": "wet"}, {}, "has no weather"),
        ({"cause": "missing_order"}, {}, "missing_order is never"),
        ({"cause": "unknown"}, {}, "unknown is never"),
        ({"cause": "rounding", "part": "Tax"}, {}, "of Tax is never"),
        ({"cause": "rounding"}, {"owner": " "}, "somebody who answers"),
        ({"cause": "rounding"}, {"max_cents": 0}, "explain nothing"),
        ({"cause": "rounding"}, {"expires_on": date(2026, 3, 5)}, "cannot expire on 2026-03-05"),
        ({"cause": "rounding"}, {"expires_on": date(2028, 3, 5)}, "at most 366 days"),
    ],
)
def test_a_blank_cheque_is_refused(
    connection: psycopg.Connection[Any], matches: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    migration = make_chain(connection)[0].migration_id
    with pytest.raises((BadInput, Refused)) as refused:
        _add(connection, migration, matches, **more)
    assert words in f"{refused.value} {refused.value.remedy}"
    assert all_rules(connection, migration) == []


def _add(
    connection: psycopg.Connection[Any], migration: int, matches: dict[str, Any] | None = None, **more: Any
) -> KnownDifference:
    values = {"owner": "Ada", "max_cents": 2, "expires_on": date(2026, 4, 1), **more}
    return add_rule(
        connection, migration, matches or {"cause": "rounding"}, reason="looked into", by="op", today=TODAY, **values
    )
