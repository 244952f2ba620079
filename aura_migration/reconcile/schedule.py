"""Which business dates of a window are due, final or missing, and how many clean ones there are in a row.

A business date runs from one close-out to the next on the wall clock of the location, so that it has 23 or 25 hours when
the clocks change, and none at all where a zone skipped a date. Everything asked here is answered from the calendar and the
stored days: nothing is remembered between runs, so that a run that did not happen is made up for by the next.

    future ──began──► pending ──close-out + settle──► due ──judged after the grace time──► final

Judging is in ``day.py``; when the schedule ticks is the business of the orchestration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from aura_migration.canonical.window import WindowPolicy
from aura_migration.core.errors import Refused
from aura_migration.pos.order_facts import DayRule

SLACK = timedelta(hours=1)
"""So long after a day fell due its judgement may be under way before the day counts as missing."""
_DAY = timedelta(days=1)


class DayState(StrEnum):
    """Where a business date of a window stands."""

    FUTURE = "future"
    PENDING = "pending"
    DUE = "due"
    FINAL = "final"


@dataclass(frozen=True)
class StoredDay:
    """What is stored of a business date. ``final_at`` is when its grace time ends; ``read_until``: up to when the POS had
    been read as it was judged."""

    business_date: date
    verdict: str
    is_final: bool
    judged_at: datetime
    final_at: datetime
    read_until: datetime | None = None


@dataclass(frozen=True)
class Span:
    """The business dates of a window, both ends in; empty where the last is before the first."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        day = self.first
        while day <= self.last:
            yield day
            day += _DAY

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


# The calendar -----------------------------------------------------------------------------------------------------------


def opens_at(rule: DayRule, day: date) -> datetime:
    """The instant (UTC) from which on sales may be of a business date."""
    return closes_at(rule, day - _DAY)


def closes_at(rule: DayRule, day: date) -> datetime:
    """The instant (UTC) from which on no sale is of a business date any more: the close-out that ends it.

    On the night the clocks go back an hour that is there twice ends with its second pass; a close-out within the hour that
    is left out falls on the instant the clocks are changed.
    """
    return _instant(datetime.combine(day + _DAY, time()) + rule.closeout, ZoneInfo(rule.timezone))


def due_at(rule: DayRule, day: date, policy: WindowPolicy) -> datetime:
    """When a business date is judged first."""
    return closes_at(rule, day) + timedelta(minutes=policy.days.settle_minutes)


def final_at(rule: DayRule, day: date, policy: WindowPolicy) -> datetime:
    """When the grace time of a business date is over: so many further close-outs, and the time to settle."""
    return due_at(rule, day + policy.days.grace_days * _DAY, policy)


def day_state(rule: DayRule, day: date, policy: WindowPolicy, now: datetime, *, is_final: bool) -> DayState:
    """Where a business date stands at an instant; every date is exactly one of them."""
    if is_final:
        return DayState.FINAL
    if now >= due_at(rule, day, policy):
        return DayState.DUE
    return DayState.PENDING if now >= opens_at(rule, day) else DayState.FUTURE


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant from which on the wall clock stays at or after a time."""
    later = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    earlier = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if later >= earlier:
        # Of an hour that is there twice the clock may go back to exactly this time: then it never was before it again.
        goes_back_further = (later - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < wall
        return later if goes_back_further else earlier
    # The time is left out. It lies between what the two offsets make of it, where the clock is changed.
    before, after = later, earlier
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            after = middle
        else:
            before = middle
    return after


# The window -------------------------------------------------------------------------------------------------------------


def window_span(connection: psycopg.Connection[Any], migration_id: int, rule: DayRule) -> Span:
    """The business dates a migration's window is planned for; of an ended window up to the date it ended on."""
    row = connection.execute(
        "SELECT first_day, planned_days, ended_at FROM migration.windows WHERE migration_id = %s", [migration_id]
    ).fetchone()
    if row is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    first, planned, ended_at = row
    last = first + (planned - 1) * _DAY
    return Span(first, last if ended_at is None else min(last, rule.day(ended_at)))


def stored_days(connection: psycopg.Connection[Any], migration_id: int) -> dict[date, StoredDay]:
    """What is stored of every business date of a window, oldest first."""
    rows = connection.execute(
        "SELECT business_date, verdict, is_final, judged_at, final_at, read_until FROM migration.parallel_days "
        "WHERE migration_id = %s ORDER BY business_date",
        [migration_id],
    ).fetchall()
    return {row[0]: StoredDay(*row) for row in rows}


def day_states(
    connection: psycopg.Connection[Any], migration_id: int, rule: DayRule, policy: WindowPolicy, now: datetime
) -> dict[date, DayState]:
    """Every business date of the window with where it stands, oldest first."""
    stored = stored_days(connection, migration_id)
    return {
        day: day_state(rule, day, policy, now, is_final=day in stored and stored[day].is_final)
        for day in window_span(connection, migration_id, rule)
    }


def due_days(
    connection: psycopg.Connection[Any], migration_id: int, rule: DayRule, policy: WindowPolicy, now: datetime
) -> list[date]:
    """Business dates to judge now, oldest first: closed and settled, and not final. However many runs were missed."""
    return [
        day for day, state in day_states(connection, migration_id, rule, policy, now).items() if state is DayState.DUE
    ]


def missing_days(
    connection: psycopg.Connection[Any],
    migration_id: int,
    rule: DayRule,
    policy: WindowPolicy,
    now: datetime,
    slack: timedelta = SLACK,
) -> list[date]:
    """Business dates that fell due longer than ``slack`` ago and were never judged."""
    stored = stored_days(connection, migration_id)
    return [
        day
        for day in window_span(connection, migration_id, rule)
        if day not in stored and now >= due_at(rule, day, policy) + slack
    ]


def overdue_days(
    connection: psycopg.Connection[Any], migration_id: int, now: datetime, slack: timedelta = SLACK
) -> list[date]:
    """Business dates whose grace time ended longer than ``slack`` ago and that are not final: the POS was not read since."""
    return [
        day
        for day, stored in stored_days(connection, migration_id).items()
        if not stored.is_final and now >= stored.final_at + slack
    ]


def clean_in_a_row(span: Span, verdicts: Mapping[date, str], due: Sequence[date]) -> int:
    """How many clean business dates there are in a row up to the newest judged one.

    ``due`` are the dates of ``span`` that have fallen due, whether judged or not. Closed dates count not and end nothing.
    The newest dates may still be pending: the row ends before them. Any other date without a verdict, one that is
    pending between judged ones among them, ends the row: what is not known is not clean.
    """
    count, began = 0, False
    for day in sorted((day for day in due if day in span), reverse=True):
        verdict = verdicts.get(day)
        if verdict == "closed":
            continue
        if verdict == "pending" and not began:
            continue
        if verdict != "clean":
            break
        began = True
        count += 1
    return count
