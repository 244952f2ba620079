"""Timecards and scheduled shifts of a team: local hours over weeks, with breaks, declared tips and wages of the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.model import Location
from aura_migration.sandbox.square.people.model import (
    Assignment,
    Break,
    BreakType,
    PlannedShift,
    TeamMember,
    Timecard,
)
from aura_migration.sandbox.square.people.pen import HOUR, MINUTE, Pen

LAST_DAY = date(2026, 9, 29)


def local(place: Location, day: date, hour: int, minute: int = 0) -> int:
    """The stamp of a local time at a location; `hour` may be 24 or more for the next day."""
    moment = datetime(day.year, day.month, day.day, hour % 24, minute, tzinfo=ZoneInfo(place.timezone))
    return int((moment + timedelta(days=hour // 24)).timestamp() * 1000)


def breaks_of(pen: Pen, name: str, start: int, taken: Sequence[tuple[BreakType, int]]) -> list[Break]:
    """Breaks begun so many minutes after the start, each as long as its kind says, give or take three minutes."""
    found = []
    for kind, after in taken:
        began = start + after * MINUTE
        length = kind.minutes + pen.rng.randrange(-3, 4)
        found.append(Break(pen.token("break", name, 13), kind, began, began + length * MINUTE))
    return found


def clock(
    pen: Pen,
    member: TeamMember,
    place: Location,
    start: int,
    end: int | None,
    assignment: Assignment | None = None,
    **fields: Any,
) -> Timecard:
    """One timecard. The wage is that of `assignment` unless the fields say what it was then."""
    held = assignment or (member.assignments[0] if member.assignments else None)
    name = f"{member.id} {start}"
    created = fields.pop("created", start + 700)
    found = Timecard(
        id=pen.token("timecard", name, 13),
        member_id=member.id,
        location_id=place.id,
        zone=place.timezone,
        start=start,
        end=end,
        created=created,
        updated=fields.pop("updated", end + 800 if end is not None else created),
        title=fields.pop("title", held.job.title if held else None),
        hourly=fields.pop("hourly", held.hourly_cents if held else None),
        job_id=fields.pop("job_id", held.job.id if held else None),
        tip_eligible=fields.pop("tip_eligible", held.job.tips if held else False),
        version=fields.pop("version", 2 if end is not None else 1),
        **fields,
    )
    pen.people.timecards.add(found)
    return found


def roster(
    pen: Pen, place: Location, team: Sequence[TeamMember], meal: BreakType, rest: BreakType, weeks: int
) -> list[Timecard]:
    """Five shifts a week each, ending on the last day: mornings and evenings, meal breaks on the long ones."""
    found = []
    for number, member in enumerate(team):
        for back in range(weeks * 7):
            day = LAST_DAY - timedelta(days=back)
            if (back + number) % 7 in (0, 3):
                continue
            begin = local(place, day, 7 if number % 2 == 0 else 15, pen.rng.randrange(0, 60))
            end = begin + pen.rng.randrange(4 * 60, 9 * 60) * MINUTE
            taken = [(rest, 90)] if end - begin < 6 * HOUR else [(rest, 90), (meal, 225)]
            held = member.assignments or []
            assignment = pen.rng.choice(held) if held else None
            tips = assignment is not None and assignment.job.tips and pen.rng.random() < 0.85
            found.append(
                clock(
                    pen,
                    member,
                    place,
                    begin,
                    end,
                    assignment,
                    breaks=breaks_of(pen, f"{member.id} {begin}", begin, taken),
                    tips=pen.rng.randrange(0, 9000) if tips else None,
                )
            )
    return found


def planned(pen: Pen, place: Location, member: TeamMember | None, day: date, **fields: Any) -> PlannedShift:
    """A scheduled shift from nine to five of a day."""
    held = member.assignments if member is not None else None
    start = local(place, day, 9)
    found = PlannedShift(
        id=pen.token("scheduled shift", f"{place.id} {day} {member.id if member else 'open'}", 13),
        location_id=place.id,
        zone=place.timezone,
        member_id=member.id if member is not None else None,
        job_id=held[0].job.id if held else None,
        start=start,
        end=start + 8 * HOUR,
        created=start - 200 * HOUR,
        **fields,
    )
    pen.people.planned.add(found)
    return found
