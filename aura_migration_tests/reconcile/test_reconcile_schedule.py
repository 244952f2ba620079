"""Business dates of a window: every one of them is exactly one of future, pending, due, final, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aura_migration.canonical.window import WindowPolicy, parse_policy
from aura_migration.core.errors import Refused
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.schedule import (
    DayState,
    Span,
    clean_in_a_row,
    closes_at,
    day_state,
    day_states,
    due_at,
    due_days,
    final_at,
    missing_days,
    opens_at,
    overdue_days,
    window_span,
)
from aura_migration_tests.support.menus import make_chain

POLICY = WindowPolicy()
ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/St_Johns",
    "America/Havana",  # the clocks go back at 01:00 to midnight
    "America/Sao_Paulo",  # until 2019 they went forward at midnight
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Cairo",
    "Pacific/Apia",  # 30 December 2011 was not
    "Pacific/Kwajalein",
    "Asia/Kathmandu",
    "UTC",
)
rules = st.builds(
    DayRule,
    timezone=st.sampled_from(ZONES),
    closeout=st.integers(0, 47).map(lambda half: timedelta(minutes=30 * half)),
)
dates = st.dates(date(2009, 1, 1), date(2032, 12, 31))
NEW_YORK = DayRule("America/New_York", timedelta(hours=4))


@given(rules, dates)
@example(DayRule("Pacific/Apia"), date(2011, 12, 29))
@example(DayRule("Pacific/Apia"), date(2011, 12, 30))
@example(DayRule("America/Havana"), date(2025, 11, 1))
@example(DayRule("America/New_York", timedelta(hours=2, minutes=30)), date(2026, 3, 7))
@example(DayRule("America/New_York", timedelta(hours=1, minutes=30)), date(2026, 10, 31))
@example(DayRule("America/Sao_Paulo"), date(2018, 11, 3))
def test_a_date_closes_when_no_instant_is_of_it_any_more(rule: DayRule, day: date) -> None:
    closes = closes_at(rule, day)

    assert closes <= closes_at(rule, day + timedelta(days=1))
    for after in (0, 1, 1800, 3600, 5400, 7200, 86_400):
        assert rule.day(closes + timedelta(seconds=after)) > day
    if opens_at(rule, day) < closes:
        assert rule.day(closes - timedelta(seconds=1)) == day
    else:
        assert rule.timezone == "Pacific/Apia" or closes == opens_at(rule, day)


@given(rules, dates, st.integers(1, 60), st.integers(-5 * 24 * 60, 70 * 24 * 60), st.sets(st.integers(0, 59)))
def test_every_date_of_a_window_is_exactly_one_thing_and_none_is_left_out(
    rule: DayRule, first: date, length: int, minutes: int, final: set[int]
) -> None:
    now = opens_at(rule, first) + timedelta(minutes=minutes)
    span = Span(first, first + timedelta(days=length - 1))
    states = {}
    for n, day in enumerate(span):
        states[day] = day_state(rule, day, POLICY, now, is_final=n in final)
        assert (states[day] is DayState.FINAL) == (n in final)
        if n not in final:
            conditions = {
                DayState.FUTURE: now < opens_at(rule, day),
                DayState.PENDING: opens_at(rule, day) <= now < due_at(rule, day, POLICY),
                DayState.DUE: due_at(rule, day, POLICY) <= now,
            }
            assert [state for state, holds in conditions.items() if holds] == [states[day]]

    assert list(states) == [date.fromordinal(first.toordinal() + n) for n in range(length)]
    order = [DayState.DUE, DayState.PENDING, DayState.FUTURE]
    stages = [order.index(state) for n, state in enumerate(states.values()) if n not in final]
    assert stages == sorted(stages), "an earlier date never stands behind a later one"
    if span.first <= rule.day(now) <= span.last and states[rule.day(now)] is not DayState.FINAL:
        assert states[rule.day(now)] in (DayState.PENDING, DayState.DUE)


@given(rules, dates)
def test_grace_ends_whole_days_after_a_date_fell_due(rule: DayRule, day: date) -> None:
    ends = final_at(rule, day, POLICY)

    assert timedelta(days=1) < ends - due_at(rule, day, POLICY) < timedelta(days=5)
    assert ends == closes_at(rule, day + timedelta(days=POLICY.days.grace_days)) + timedelta(
        minutes=POLICY.days.settle_minutes
    )


def test_the_nights_on_which_clocks_change_have_23_and_25_hours() -> None:
    lengths = {
        day: closes_at(NEW_YORK, day) - opens_at(NEW_YORK, day)
        for day in (date(2026, 3, 6), date(2026, 3, 7), date(2026, 10, 31))
    }

    assert [length / timedelta(hours=1) for length in lengths.values()] == [24, 23, 25]
    assert closes_at(NEW_YORK, date(2026, 3, 7)) == datetime(2026, 3, 8, 8, tzinfo=UTC), (
        "04:00 on the wall, summer time"
    )


def test_runs_that_did_not_happen_are_made_up_for(connection: psycopg.Connection[Any]) -> None:
    migration = _window(connection, first=date(2026, 3, 6), days=5)
    late = closes_at(NEW_YORK, date(2026, 3, 9)) + timedelta(hours=2)

    assert due_days(connection, migration, NEW_YORK, POLICY, late) == [date(2026, 3, day) for day in (6, 7, 8, 9)]
    assert missing_days(connection, migration, NEW_YORK, POLICY, late) == [date(2026, 3, day) for day in (6, 7, 8, 9)]

    for day in (6, 7, 8):
        _store(connection, migration, date(2026, 3, day), "clean", is_final=day != 7)
    assert due_days(connection, migration, NEW_YORK, POLICY, late) == [date(2026, 3, 7), date(2026, 3, 9)]
    assert missing_days(connection, migration, NEW_YORK, POLICY, late) == [date(2026, 3, 9)]
    just_due = due_at(NEW_YORK, date(2026, 3, 9), POLICY)
    assert missing_days(connection, migration, NEW_YORK, POLICY, just_due) == [], "its judgement may be under way"
    assert missing_days(connection, migration, NEW_YORK, POLICY, just_due, timedelta(0)) == [date(2026, 3, 9)]

    states = day_states(connection, migration, NEW_YORK, POLICY, closes_at(NEW_YORK, date(2026, 3, 8)))
    assert [str(state) for state in states.values()] == ["final", "due", "final", "pending", "future"]


def test_a_date_that_is_not_final_long_after_its_grace_time_is_overdue(connection: psycopg.Connection[Any]) -> None:
    migration = _window(connection, first=date(2026, 3, 6), days=5)
    _store(connection, migration, date(2026, 3, 6), "pending")
    ends = final_at(NEW_YORK, date(2026, 3, 6), POLICY)

    assert overdue_days(connection, migration, ends) == []
    assert overdue_days(connection, migration, ends + timedelta(hours=1)) == [date(2026, 3, 6)]
    assert due_days(connection, migration, NEW_YORK, POLICY, ends + timedelta(days=30))[0] == date(2026, 3, 6)


def test_a_window_has_its_thirty_days_more_when_extended_and_fewer_when_ended(
    connection: psycopg.Connection[Any],
) -> None:
    migration = _window(connection, first=date(2026, 3, 2), days=30)
    later = datetime(2026, 6, 1, 12, tzinfo=UTC)

    assert len(due_days(connection, migration, NEW_YORK, POLICY, later)) == 30
    connection.execute("UPDATE migration.windows SET planned_days = 45")
    assert due_days(connection, migration, NEW_YORK, POLICY, later)[-1] == date(2026, 4, 15)
    connection.execute("UPDATE migration.windows SET ending = 'completed', ended_at = '2026-03-10 06:00Z'")
    assert window_span(connection, migration, NEW_YORK) == Span(date(2026, 3, 2), date(2026, 3, 9)), (
        "02:00 is of the 9th"
    )
    with pytest.raises(Refused, match="no parallel window"):
        window_span(connection, migration + 1, NEW_YORK)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("ccccccc", 7),
        ("cccdccc", 3),
        ("ccc", 3),
        ("cccxcccx", 6),  # closed ones count not and end nothing
        ("xxx", 0),
        ("ccccpp", 4),  # the newest are not known yet
        ("ccpcc", 2),  # one between is not known: not clean
        ("cc-cc", 2),  # never judged
        ("cccc-", 0),
        ("ccccd", 0),
        ("dp", 0),
        ("", 0),
    ],
)
def test_clean_days_in_a_row(verdicts: str, expected: int) -> None:
    first = date(2026, 3, 2)
    words = {"c": "clean", "d": "different", "x": "closed", "p": "pending"}
    days = [first + timedelta(days=n) for n in range(len(verdicts))]
    told = {day: words[one] for day, one in zip(days, verdicts, strict=True) if one in words}

    assert clean_in_a_row(Span(first, first + timedelta(days=29)), told, days) == expected


def test_the_grace_time_and_the_time_to_settle_are_the_policys() -> None:
    policy = parse_policy({"days": {"settleMinutes": 90, "graceDays": 0}})
    day = date(2026, 3, 6)

    assert due_at(NEW_YORK, day, policy) - closes_at(NEW_YORK, day) == timedelta(minutes=90)
    assert final_at(NEW_YORK, day, policy) == due_at(NEW_YORK, day, policy)


def _window(connection: psycopg.Connection[Any], first: date, days: int) -> int:
    (subject,) = make_chain(connection)
    connection.execute(
        "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, planned_days, opened_by) "
        "VALUES (%s, %s, %s, %s, %s, 'test')",
        [subject.migration_id, subject.location_key, datetime(2026, 3, 1, tzinfo=UTC), first, days],
    )
    return subject.migration_id


def _store(
    connection: psycopg.Connection[Any], migration: int, day: date, verdict: str, *, is_final: bool = False
) -> None:
    connection.execute(
        "INSERT INTO migration.parallel_days (migration_id, business_date, verdict, is_final, closes_at, final_at, judged_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            migration,
            day,
            verdict,
            is_final,
            closes_at(NEW_YORK, day),
            final_at(NEW_YORK, day, POLICY),
            due_at(NEW_YORK, day, POLICY),
        ],
    )
