"""Jobs and employees of one restaurant as roles and staff.

An employee's ids are the restaurant's own: who works at two restaurants of a group is two employees in Toast. Passcodes
never reach the snapshot; what a role may do is nowhere in Toast's API.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Batch, Loss
from aura_migration.core.clock import business_date
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.days import closeout_of
from aura_migration.pos.toast.months import instant
from aura_migration.pos.toast.records import Raw, cents, pages, phone, ref, text

ENVELOPE = dict.fromkeys(
    ("guid", "entityType", "externalId", "deleted", "deletedDate", "createdDate", "modifiedDate"), TECHNICAL
)
JOB = {
    **ENVELOPE,
    **dict.fromkeys(("title", "wageFrequency", "defaultWage", "tipped"), MAPPED),
    "code": "The code of a job is not kept.",
    "excludeFromReporting": "Whether a job is left out of Toast's reports is not kept.",
}
EMPLOYEE = {
    **ENVELOPE,
    **dict.fromkeys(
        (
            "firstName",
            "lastName",
            "chosenName",
            "email",
            "phoneNumber",
            "phoneNumberCountryCode",
            "jobReferences",
            "wageOverrides",
            "externalEmployeeId",
            "disabled",
        ),
        MAPPED,
    ),
    "v2EmployeeGuid": "The id that is a person's at all restaurants of a group is not kept: at each they have a profile.",
}
NOT_SAID = {"excludeFromReporting": False}
SALARY = "Toast does not say what time a salary is for; it is taken as the pay of a year."
LEGAL_NAME = "Where an employee has a chosen name it is kept as the first name; the other first name is not."
NOT_HELD = "A wage for a job the employee does not have is not kept."
NO_JOB = "A job of an employee that Toast does not list is not kept."


@dataclass
class Crew:
    """What time worked refers to: the jobs that became roles by guid, with titles, and employees by guid."""

    titles: dict[str, str] = field(default_factory=dict)
    employees: set[str] = field(default_factory=set)


def map_staff(reader: SnapshotReader, location: SourceLocation, batch: Batch, losses: list[Loss]) -> Crew:
    """Fill the batch with roles, staff, their jobs and that they work here; answers whom time worked may refer to."""
    work = _Staff(location, batch)
    for page in pages(reader, "jobs"):
        losses += count_losses(page, "jobs", JOB, _ident, defaults=NOT_SAID)
        for raw in page:
            work.job(raw)
    for page in pages(reader, "employees"):
        losses += count_losses(page, "employees", EMPLOYEE, _ident)
        for raw in page:
            work.employee(raw)
    losses += work.losses()
    return work.crew


class _Staff:
    def __init__(self, location: SourceLocation, batch: Batch) -> None:
        self.location, self.batch = location, batch
        self.region = location.address.get("country") or "US"
        self.crew = Crew()
        self.jobs: dict[str, Raw] = {}
        self.notes: Counter[tuple[str, str, str]] = Counter()
        self.examples: dict[tuple[str, str, str], list[str]] = {}

    def losses(self) -> list[Loss]:
        """What was noted on the way, as loss lines."""
        return [
            Loss(entity, name, count, note, tuple(self.examples[entity, name, note][:5]))
            for (entity, name, note), count in sorted(self.notes.items())
        ]

    def _note(self, entity: str, name: str, note: str, guid: str) -> None:
        self.notes[entity, name, note] += 1
        self.examples.setdefault((entity, name, note), []).append(guid)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def job(self, raw: Raw) -> None:
        guid = ref(raw)
        if guid is None or guid in self.jobs:
            return
        key, record = path(self.location.source_id, guid), f"jobs#{guid}"
        title = text(raw.get("title"))
        if title is None:
            self.batch.reject("roles", key, "the job has no title", record)
            return
        self.jobs[guid] = raw
        self.crew.titles[guid] = title
        try:
            usual = cents(raw.get("defaultWage"), self.location.currency) if _is_hourly(raw) else None
        except BadInput as error:
            self.batch.reject("roles", key, f"its usual wage cannot be read: {error.what}", record, name=title)
            return
        self.batch.add(
            "roles",
            key,
            raw,
            record,
            name=title,
            permissions=None,
            is_tip_eligible=_flag(raw, "tipped"),
            default_rate_cents=usual,
            needs_review=True,
            is_active=raw.get("deleted") is not True,
        )

    # -- employees -----------------------------------------------------------------------------------------------------

    def employee(self, raw: Raw) -> None:
        guid = ref(raw)
        if guid is None or guid in self.crew.employees:
            return
        self.crew.employees.add(guid)
        key, record = path(self.location.source_id, guid), f"employees#{guid}"
        chosen, given, family = (text(raw.get(name)) for name in ("chosenName", "firstName", "lastName"))
        name = " ".join(part for part in (chosen or given, family) if part)
        if not name:
            self.batch.reject("staff", key, "the employee has no name", record)
            return
        if chosen and given and chosen != given:
            self._note("employees", "firstName", LEGAL_NAME, guid)
        is_deleted, is_disabled = raw.get("deleted") is True, raw.get("disabled") is True
        is_active = not (is_deleted or is_disabled)
        jobs = self._held(raw, guid)
        self.batch.add(
            "staff",
            key,
            raw,
            record,
            name=name,
            first_name=chosen or given,
            last_name=family,
            email=text(raw.get("email")),
            phone=phone(raw.get("phoneNumber"), raw.get("phoneNumberCountryCode"), self.region),
            employee_code=text(raw.get("externalEmployeeId")),
            role_key=path(self.location.source_id, jobs[0]) if jobs else None,
            status="active" if is_active else "terminated",
            is_owner=False,
            end_date=self._left(raw) if is_deleted else None,
            needs_sign_in=True,
            is_active=is_active,
        )
        for number, job in enumerate(jobs):
            self._wage(key, record, raw, job, number == 0, is_active)
        self.batch.add("staff_locations", key, None, record, staff_key=key, is_active=is_active)

    def _held(self, raw: Raw, guid: str) -> list[str]:
        """The guids of the employee's jobs that Toast lists, each once."""
        named = list(dict.fromkeys(filter(None, map(ref, raw.get("jobReferences") or ()))))
        for job in named:
            if job not in self.jobs:
                self._note("employees", "jobReferences", NO_JOB, guid)
        if set(_overrides(raw)) - set(named):
            self._note("employees", "wageOverrides", NOT_HELD, guid)
        return [job for job in named if job in self.jobs]

    def _wage(self, staff: str, record: str, raw: Raw, guid: str, is_primary: bool, is_active: bool) -> None:
        """A job of the employee: their own wage, else the job's."""
        job, own = self.jobs[guid], _overrides(raw)
        wage = own[guid] if guid in own else job.get("defaultWage")
        values: dict[str, Any] = {
            "staff_key": staff,
            "role_key": path(self.location.source_id, guid),
            "title": self.crew.titles[guid],
            "pay_type": {"HOURLY": "hourly", "SALARY": "salary"}.get(str(job.get("wageFrequency")), "unknown"),
            "is_primary": is_primary,
            "is_tip_eligible": _flag(job, "tipped"),
            "is_active": is_active and job.get("deleted") is not True,
        }
        key = f"{staff}/{path('job', guid)}"
        try:
            amount = cents(wage, self.location.currency)
        except BadInput:
            reason = "the wage is finer than the smallest coin, or no amount"
            self.batch.reject("staff_jobs", key, reason, record, **values)
            return
        if values["pay_type"] == "salary":
            values["annual_salary_cents"] = amount
            if amount is not None:
                self._note("employees", "wage", SALARY, ref(raw) or "")
        elif values["pay_type"] == "hourly":
            values["hourly_rate_cents"] = amount
        self.batch.add("staff_jobs", key, None, record, **values)

    def _left(self, raw: Raw) -> str | None:
        left = instant(raw.get("deletedDate"))
        if left is None:
            return None
        return business_date(left, self.location.timezone, closeout_of(self.location)).isoformat()


def _overrides(raw: Raw) -> dict[str, Any]:
    """Wages of an employee's own by the job's guid; one without an amount says nothing."""
    found = {}
    for one in raw.get("wageOverrides") or ():
        guid = ref(one.get("jobReference")) if isinstance(one, Mapping) else None
        if guid is not None and one.get("wage") is not None:
            found[guid] = one["wage"]
    return found


def _is_hourly(job: Raw) -> bool:
    return job.get("wageFrequency") == "HOURLY"


def _flag(raw: Raw, name: str) -> bool | None:
    value = raw.get(name)
    return value if isinstance(value, bool) else None


def _ident(raw: Raw) -> str:
    return str(raw.get("guid"))
