"""The days of a window: judged when they are due, measured over the whole window, told every morning.

``reconcile_due`` is the body of the schedule. It asks the calendar and the stored days what is due, so that whatever did not
run, ran late or ran twice is made up for by the next. One business date is judged in ``reconcile/day.py``; the gates go by what
is stored here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.options import parse_options
from aura_migration.canonical.window import WindowPolicy
from aura_migration.core.errors import AuraError
from aura_migration.database.connections import Connection
from aura_migration.migration import stages
from aura_migration.migration.dating import aura_location
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import Migration, get_migration, loaded_plan
from aura_migration.migration.window.checkin import make_check_in
from aura_migration.migration.window.go_no_go import make_go_no_go
from aura_migration.migration.window.opening import Window, get_window
from aura_migration.migration.window.shown import next_channel
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.ground import Subject
from aura_migration.reconcile.books import owners_at
from aura_migration.reconcile.coverage import measure_coverage
from aura_migration.reconcile.day import DayVerdict, PosReading, judge_day, store_day
from aura_migration.reconcile.schedule import StoredDay, due_at, due_days, missing_days, overdue_days, stored_days
from aura_migration.verify.orders import day_rule

AGAIN = timedelta(hours=1)
"""A day that may still settle is judged again at most so often."""
PATIENCE = 300.0
"""Seconds to wait for somebody else who works on the location: a half-written reading of the POS is not judged."""


@dataclass(frozen=True)
class Bench:
    """What the days of one location are judged with."""

    subject: Subject
    reading: PosReading
    policy: WindowPolicy
    ended_at: datetime | None = None


Judge = Callable[[Connection, Bench, date, datetime], DayVerdict]


def judge_and_store(connection: Connection, bench: Bench, day: date, now: datetime) -> DayVerdict:
    """Judge one business date and store its verdict."""
    verdict = judge_day(connection, bench.subject, bench.reading, bench.policy, day, now, ended_at=bench.ended_at)
    store_day(connection, bench.subject.migration_id, verdict)
    return verdict


def reconcile_due(
    workshop: Workshop,
    migration_id: int,
    now: datetime,
    by: str,
    *,
    judge: Judge = judge_and_store,
    patience: float = PATIENCE,
    papers: bool = True,
) -> list[DayVerdict]:
    """Judge every business date that is due at ``now`` (aware business time), oldest first; then coverage and papers.

    A date that cannot be judged does not keep the others from it: it stays due, and the first such error is raised when all
    others are done. ``papers`` False leaves check-ins and the
    go/no-go page of the next channel out. ``Refused`` without a window, or while somebody else works on the location for longer than ``patience``.
    """
    with workshop.connect() as connection:
        migration, window = get_migration(connection, migration_id), get_window(connection, migration_id)
        rule = day_rule(connection, migration.subject, migration.parsed_options)
        judged: list[DayVerdict] = []
        problems: list[AuraError] = []
        with stages.locked(workshop, migration.location_key, patience):
            due = due_days(connection, migration_id, rule, window.rules, now)
            bench = _bench(workshop, connection, migration, window, due) if due else None
            for day in due:
                assert bench is not None
                try:
                    judged.append(judge(connection, bench, day, now))
                except AuraError as error:
                    problems.append(error)
            place = aura_location(connection, migration)
            if place is not None:
                measure_coverage(connection, migration_id, place, window.first_day, now, window.rules)
        if papers and judged:
            _make_check_ins(connection, migration_id, [one.business_date for one in judged], now, by)
            _make_go_no_go(connection, migration_id, window, now, by)
        if problems:
            raise problems[0]
        return judged


def days_due(workshop: Workshop, connection: Connection, window: Window, now: datetime) -> list[date]:
    """Business dates that are worth judging now: never judged, or judged before something could be known that is now.

    The schedule asks this; who asks for a judgement himself gets all that are not final. Of an ended window each is worth it: the
    POS is read no more, so that it becomes final.
    """
    migration = get_migration(connection, window.migration_id)
    rule = day_rule(connection, migration.subject, migration.parsed_options)
    read = read_until(connection, window.migration_id)
    stored = stored_days(connection, window.migration_id)
    return [
        day
        for day in due_days(connection, window.migration_id, rule, window.rules, now)
        if day not in stored
        or window.ended_at is not None
        or _has_news(stored[day], due_at(rule, day, window.rules), read, now)
    ]


def read_until(connection: Connection, migration_id: int) -> datetime | None:
    """Up to which instant every order and payment of the POS is in AuraConnect; None: it was not read in the window.

    A reading whose menu waits for an approval has written its orders.
    """
    row = connection.execute(
        "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND family IN ('orders', 'all') "
        "AND outcome IN ('nothing', 'applied', 'waiting')",
        [migration_id],
    ).fetchone()
    return row[0] if row else None


def _has_news(stored: StoredDay, due: datetime, read: datetime | None, now: datetime) -> bool:
    if stored.judged_at < stored.final_at <= now:
        return True  # it can be final now
    if read is None or (stored.read_until is not None and read <= stored.read_until):
        return False
    was_blind = stored.read_until is None or stored.read_until < due
    return (was_blind and read >= due) or now - stored.judged_at >= AGAIN


def _bench(
    workshop: Workshop, connection: Connection, migration: Migration, window: Window, days: Sequence[date]
) -> Bench:
    """Days are told as the plan that stands says; the snapshots are the newest that were read, gone through once for all days."""
    location, stands = get_location(connection, migration.location_key), loaded_plan(connection, migration.id)
    options = migration.parsed_options
    if stands is not None:
        options = parse_options(stands["options"], f"options of plan {stands['id']}")
    reading = PosReading(
        migration.subject.pos,
        SnapshotReader(*pinned(connection, migration.id), cipher=workshop.persons),
        location.source.source_id,
        location.source.currency,
        day_rule(connection, migration.subject, options),
        read_until(connection, migration.id),
        days,
    )
    return Bench(migration.subject, reading, window.rules, window.ended_at)


def _make_check_ins(
    connection: Connection,
    migration_id: int,
    judged: list[date],
    now: datetime,
    by: str,
) -> None:
    """The check-in of the newest date each time; of the others once, and again when they have become final."""
    stored = stored_days(connection, migration_id)
    made: dict[date, bool] = dict(
        connection.execute(
            "SELECT business_date, (facts #>> '{day,is_final}')::boolean FROM migration.check_ins "
            "WHERE migration_id = %s AND kind = 'daily'",
            [migration_id],
        ).fetchall()
    )
    newest = max(judged, default=None)
    for day in judged:
        if day == newest or day not in made or (stored[day].is_final and not made[day]):
            make_check_in(connection, migration_id, day, now, by)


def _make_go_no_go(connection: Connection, migration_id: int, window: Window, now: datetime, by: str) -> None:
    """The page of the next channel to be switched, as it stands today; none once all are, or the window has ended."""
    channel = next_channel(dict(owners_at(connection, window.location_key, now)))
    if channel is not None and window.ended_at is None:
        make_go_no_go(connection, migration_id, channel, now, by)


# -- nothing is missing ----------------------------------------------------------------------------------------------


def standing_check(workshop: Workshop, migration_id: int, now: datetime) -> dict[date, str]:
    """No day is missing: business dates that should have been judged and were not, or not to the end, each with why.

    Empty is well. Asked of the calendar, not of the schedule: a schedule that has stopped is found by it.
    """
    with workshop.connect() as connection:
        migration, window = get_migration(connection, migration_id), get_window(connection, migration_id)
        return _unfinished(connection, migration, window, now)


def _unfinished(connection: Connection, migration: Migration, window: Window, now: datetime) -> dict[date, str]:
    rule = day_rule(connection, migration.subject, migration.parsed_options)
    found = dict.fromkeys(missing_days(connection, window.migration_id, rule, window.rules, now), "was never judged")
    for day in overdue_days(connection, window.migration_id, now):
        found[day] = "is not final though its grace time is over"
    return dict(sorted(found.items()))
