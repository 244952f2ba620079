"""The pen with which scenarios write a location's staff: jobs, employees, planned shifts, hours worked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.people.model import (
    DAY,
    HOUR,
    MINUTE,
    SALARY,
    Break,
    Employee,
    Job,
    Shift,
    TimeEntry,
    at,
)

HIRED = at(2024, 2, 5, 15)
LAST_DAY = date(2026, 9, 29)
LATEST = at(2026, 9, 30, 23, 30)
STEP = 3 * MINUTE  # ordinary times are multiples of it, so that hours have two decimals


class Crew:
    """Staff of one location. Times are milliseconds, wages cents."""

    def __init__(self, ids: Ids, location: Location) -> None:
        self.location = location
        self.ids = ids
        self.rng = ids.rng(f"crew/{location.key}")
        self.zone = ZoneInfo(location.timezone)
        self.jobs: dict[str, Job] = {}
        self.employees: dict[str, Employee] = {}
        self.shifts: dict[str, Shift] = {}
        self.entries: dict[str, TimeEntry] = {}
        self._made: dict[str, int] = {}

    def guid(self, kind: str, name: str) -> str:
        """A guid of its own for each use of the same name."""
        key = f"{kind}/{name}"
        count = self._made[key] = self._made.get(key, 0) + 1
        return self.ids.uuid(kind, f"{self.location.key}/{name}#{count}")

    def job(self, title: str, wage: int | None, **fields: Any) -> Job:
        """A job."""
        created = HIRED + len(self.jobs) * HOUR
        fields.setdefault("modified", created + self.rng.randrange(300) * DAY)
        made = Job(self.guid("job", title), title, wage, created=created, **fields)
        self.jobs[made.guid] = made
        return made

    def employee(self, name: str, jobs: Sequence[Job], *, person: str | None = None, **fields: Any) -> Employee:
        """A person; ``name`` is "First Last". ``person`` is the key that makes them the same human elsewhere."""
        first, _, last = name.partition(" ")
        fields.setdefault("first", first)
        fields.setdefault("last", last)
        created = fields.pop("created", HIRED + self.rng.randrange(20, 400) * DAY)
        fields.setdefault("modified", fields.get("deleted") or created + self.rng.randrange(200) * DAY)
        if fields.get("e164") and "phone" not in fields:
            fields["phone"] = fields["e164"][2:]
        made = Employee(
            guid=self.guid("employee", name),
            person=self.ids.uuid("v2-employee", person or f"{self.location.key}/{name}/{len(self.employees)}"),
            jobs=[job.guid for job in jobs],
            created=created,
            **fields,
        )
        self.employees[made.guid] = made
        return made

    def local(self, day: date, hour: int, minute: int = 0) -> int:
        """The stamp of a local time; ``hour`` may be 24 or more for the next day."""
        later = day + timedelta(days=hour // 24)
        moment = datetime(later.year, later.month, later.day, hour % 24, minute, tzinfo=self.zone)
        return int(moment.timestamp()) * 1000

    def business_date(self, stamp: int) -> date:
        """The business date of a moment: the local date, minus the hours up to close-out."""
        moment = datetime.fromtimestamp(stamp // 1000, UTC).astimezone(self.zone)
        return (moment.replace(tzinfo=None) - timedelta(hours=self.location.closeout_hour)).date()

    def wage_of(self, employee: Employee, job: Job | None) -> int | None:
        """Cents an hour of a person in a job; None for a salaried job or where none is set."""
        if job is None or job.frequency == SALARY:
            return None
        return employee.overrides.get(job.guid, job.wage)

    def break_of(self, name: str, start: int | None, minutes: int | None = None, **fields: Any) -> Break:
        """A break of a kind of the restaurant's; missed ones have no start, open ones no minutes."""
        kind = self.location.names["breakTypes"][name]
        end = None if start is None or minutes is None else start + minutes * MINUTE
        return Break(self.guid("break", name), kind, name != "Meal", start, end, **fields)

    def entry(self, employee: Employee, job: Job | None, start: int, end: int | None, **fields: Any) -> TimeEntry:
        """Hours worked; the wage is what the person earns in that job now unless the fields say what it was then."""
        fields.setdefault("wage", self.wage_of(employee, job))
        fields.setdefault("created", start + 900)
        fields.setdefault("modified", fields["created"] if end is None else end + 1_200)
        made = TimeEntry(
            guid=self.guid("time-entry", employee.guid),
            job=None if job is None else job.guid,
            employee=employee.guid,
            start=start,
            end=end,
            business_date=self.business_date(start),
            **fields,
        )
        self.entries[made.guid] = made
        return made

    def shift(self, employee: Employee, job: Job, start: int, end: int, **fields: Any) -> Shift:
        """A planned shift."""
        created = start - 10 * DAY
        fields.setdefault("modified", created)
        made = Shift(self.guid("shift", employee.guid), job.guid, employee.guid, start, end, created=created, **fields)
        self.shifts[made.guid] = made
        return made

    def roster(self, people: Sequence[Employee], weeks: int) -> None:
        """Five planned shifts a week each, ending on the last day, and the hours worked on them."""
        rate = self.location.tip_withholding.get("percentage") or 0
        for number, person in enumerate(people):
            jobs = [self.jobs[guid] for guid in person.jobs]
            for back in range(weeks * 7):
                if not jobs or (back + number) % 7 in (1, 4):
                    continue
                day = LAST_DAY - timedelta(days=back)
                job = jobs[self.rng.randrange(len(jobs))]
                planned = self.local(day, 7 if number % 2 == 0 else 15)
                length = self.rng.randrange(80, 170) * STEP
                shift = self.shift(person, job, planned, planned + length // (15 * MINUTE) * 15 * MINUTE)
                start = planned + self.rng.randrange(-2, 5) * STEP
                end = planned + length
                breaks = [self.break_of("Rest", start + 90 * MINUTE, 9)]
                if length > 6 * HOUR:
                    breaks.append(self.break_of("Meal", start + 225 * MINUTE, 30 + 3 * self.rng.randrange(-1, 2)))
                money: dict[str, Any] = {}
                if job.tipped:
                    tips = self.rng.randrange(500, 14_000)
                    money = {
                        "declared": self.rng.randrange(0, 6_000) if self.rng.random() < 0.8 else None,
                        "card_tips": tips,
                        "withheld": round(tips * rate / 100),
                        "cash_sales": self.rng.randrange(0, 20_000),
                        "card_sales": tips * 5 + self.rng.randrange(0, 9_000),
                    }
                self.entry(person, job, start, end, shift=shift.guid, breaks=breaks, **money)
