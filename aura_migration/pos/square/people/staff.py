"""Staff: jobs, people, their wages and where they work. Square API reference, section 15.

A person's own wage setting is what counts; the list of wages fills in where there is none. PINs and permissions are not
in Square's API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.stored import newest, pages, typed, usable
from aura_migration.pos.square.people.wire import Job, TeamMember, Wage
from aura_migration.pos.square.wire import Money, decode

PAY = {"HOURLY": "hourly", "SALARY": "salary", "NONE": "none"}
EVERYWHERE = "ALL_CURRENT_AND_FUTURE_LOCATIONS"
PRIMARY = 0


@dataclass(frozen=True)
class OwnJob:
    """A job of a person, from either list."""

    job_id: str | None
    title: str | None
    pay_type: str
    hourly: Money | None
    annual: Money | None
    tip_eligible: bool | None


class Staff:
    """Who and which jobs there are; the jobs named only by people and timecards are roles of their own."""

    def __init__(self, reader: SnapshotReader, currency: str) -> None:
        self.currency = currency
        self.merchant = _merchant(reader)
        self.known = newest(reader, "team", "team_members")
        self.jobs: dict[str, Job] = {}
        for page in pages(reader, "jobs", "jobs"):
            for found in page:
                job = typed(found.raw, Job)
                if not isinstance(job, str) and usable(job.id):
                    self.jobs[job.id] = job
        self.wages: dict[str, list[Wage]] = {}
        listed = newest(reader, "wages", "team_member_wages")
        for page in pages(reader, "wages", "team_member_wages"):
            for found in page:
                wage = typed(found.raw, Wage)
                if isinstance(wage, str) or not wage.team_member_id or listed.get(wage.id or "") != found.number:
                    continue
                self.wages.setdefault(wage.team_member_id, []).append(wage)
        self.roles: dict[str, str] = {}

    def role(self, job_id: str | None, title: str | None) -> str | None:
        """The key of a job's role: its id, else its title below the merchant; None where neither is there."""
        if usable(job_id):
            key = str(job_id)
        elif title and title.strip():
            key = path(self.merchant, "title", slug(title))
        else:
            return None
        self.roles.setdefault(key, title or "")
        return key

    def role_known(self, job_id: str | None, title: str | None) -> str | None:
        """The key of a role that has a row; None for a job only a timecard remembers."""
        by_title = path(self.merchant, "title", slug(title)) if title and title.strip() else ""
        for key in (job_id or "", by_title):
            if key in self.jobs or key in self.roles:
                return key
        return None

    def cents(self, money: Money | None) -> tuple[int | None, bool]:
        """The amount in minor units, and whether it is in another currency than the location's."""
        if money is None or money.amount is None:
            return None, False
        if money.code and self.currency and money.code != self.currency:
            return None, True
        return money.amount, False


def map_staff(reader: SnapshotReader, packs: Packs, staff: Staff, at: str, worked_here: set[str]) -> Iterator[Batch]:
    """Rows of jobs, people, wages, and who works at this location; ``worked_here`` have timecards of it."""
    for page in pages(reader, "jobs", "jobs"):
        packs.fields("JOB", (found.raw for found in page))
        for found in page:
            job = typed(found.raw, Job)
            if isinstance(job, str) or not usable(job.id):
                why = job if isinstance(job, str) else "it has no usable id"
                packs.unreadable("roles", "jobs", found.raw, why, found.number)
    for job in staff.jobs.values():
        _role(packs, job.id, job.title or "", job.is_tip_eligible, is_active=True)
    for members in _members(reader, staff):
        for member, _ in members:
            if not isinstance(member, str):
                for own in own_jobs(staff, member):
                    staff.role(own.job_id, own.title)
    for key, title in staff.roles.items():
        if key not in staff.jobs:
            _role(packs, key, title, None, is_active="/" in key)
    yield from packs.full()
    for members in _members(reader, staff):
        packs.fields("TEAM_MEMBER", (raw for _, raw in members))
        for member, raw in members:
            if isinstance(member, str):
                packs.unreadable("staff", "team", raw, member)
            else:
                _person(packs, staff, member, raw, at, worked_here)
        yield from packs.full()


def own_jobs(staff: Staff, member: TeamMember) -> list[OwnJob]:
    """The person's jobs, the primary one first: the wage setting's; of somebody without one, the list of wages'."""
    found: list[OwnJob] = []
    wages = {(wage.job_id or "", slug(wage.title or "")): wage for wage in staff.wages.get(member.id, ())}
    for assigned in (member.wage_setting.job_assignments if member.wage_setting is not None else None) or ():
        wage = wages.pop((assigned.job_id or "", slug(assigned.job_title or "")), None)
        job = staff.jobs.get(assigned.job_id or "")
        tip = job.is_tip_eligible if job is not None else (wage.tip_eligible if wage is not None else None)
        found.append(
            OwnJob(
                assigned.job_id,
                assigned.job_title or (job.title if job is not None else None),
                PAY.get(assigned.pay_type or "", "unknown"),
                assigned.hourly_rate,
                assigned.annual_rate,
                tip,
            )
        )
    if found:
        return found
    for wage in wages.values():
        job = staff.jobs.get(wage.job_id or "")
        title = wage.title or (job.title if job is not None else None)
        found.append(
            OwnJob(
                wage.job_id,
                title,
                "hourly" if wage.hourly_rate is not None else "unknown",
                wage.hourly_rate,
                None,
                wage.tip_eligible if wage.tip_eligible is not None else (job.is_tip_eligible if job else None),
            )
        )
    return found


def slug(title: str) -> str:
    """A title as part of a key: without case, outer space and the sign that separates keys."""
    return " ".join(title.casefold().split()).replace("%", "%25").replace("/", "%2F")


def _members(reader: SnapshotReader, staff: Staff) -> Iterator[list[tuple[TeamMember | str, Mapping[str, Any]]]]:
    for page in pages(reader, "team", "team_members"):
        found: list[tuple[TeamMember | str, Mapping[str, Any]]] = []
        for one in page:
            ident = one.raw.get("id")
            if not usable(ident):
                found.append(("it has no usable id", one.raw))
            elif staff.known[str(ident)] == one.number:
                found.append((typed(one.raw, TeamMember), one.raw))
        yield found


def _role(packs: Packs, key: str, title: str, tip_eligible: bool | None, *, is_active: bool) -> None:
    packs.add(
        "roles",
        key,
        None,
        f"jobs#{key}",
        name=title if title.strip() else "Job without a title",
        permissions=[],
        is_tip_eligible=tip_eligible,
        needs_review=True,
        is_active=is_active,
    )


def _person(
    packs: Packs, staff: Staff, member: TeamMember, raw: Mapping[str, Any], at: str, worked_here: set[str]
) -> None:
    record = f"team#{member.id}"
    is_active = member.status == "ACTIVE"
    if member.status not in ("ACTIVE", "INACTIVE"):
        packs.note("TEAM_MEMBER", "status", member.id)
    names = [part for part in (member.given_name, member.family_name) if part and part.strip()]
    jobs = own_jobs(staff, member)
    keys = [staff.role(job.job_id, job.title) for job in jobs]
    packs.add(
        "staff",
        member.id,
        raw,
        record,
        name=" ".join(names) or f"Team member {member.id}",
        first_name=member.given_name or None,
        last_name=member.family_name or None,
        email=member.email_address or None,
        phone=member.phone_number or None,
        employee_code=member.reference_id or None,
        role_key=keys[PRIMARY] if keys else None,
        status="active" if is_active else "inactive",
        is_owner=bool(member.is_owner),
        needs_sign_in=True,
        is_active=is_active,
    )
    seen: dict[str, int] = {}
    for number, (job, key) in enumerate(zip(jobs, keys, strict=True)):
        part = str(job.job_id) if usable(job.job_id) else slug(job.title or "") or "untitled"
        seen[part] = seen.get(part, 0) + 1
        hourly, is_foreign = staff.cents(job.hourly)
        annual, is_foreign_too = staff.cents(job.annual)
        if is_foreign or is_foreign_too:
            packs.note("TEAM_MEMBER", "currency", member.id)
        packs.add(
            "staff_jobs",
            path(member.id, part, str(seen[part])),
            None,
            record,
            staff_key=member.id,
            role_key=key,
            title=job.title if job.title and job.title.strip() else "Job without a title",
            pay_type=job.pay_type,
            hourly_rate_cents=hourly if job.pay_type == "hourly" else None,
            annual_salary_cents=annual if job.pay_type == "salary" else None,
            is_primary=number == PRIMARY,
            is_tip_eligible=job.tip_eligible,
            is_active=is_active,
        )
    _differing(packs, staff, member)
    if _works_here(packs, member, at, worked_here):
        packs.add("staff_locations", path(at, member.id), None, record, staff_key=member.id, is_active=is_active)


def _differing(packs: Packs, staff: Staff, member: TeamMember) -> None:
    rates = {
        (job.job_id or "", slug(job.job_title or "")): job.hourly_rate
        for job in (member.wage_setting.job_assignments if member.wage_setting is not None else None) or ()
        if job.pay_type == "HOURLY" and job.hourly_rate is not None
    }
    assigned = {
        (job.job_id or "", slug(job.job_title or ""))
        for job in (member.wage_setting.job_assignments if member.wage_setting is not None else None) or ()
    }
    for wage in staff.wages.get(member.id, ()):
        if assigned and (wage.job_id or "", slug(wage.title or "")) not in assigned:
            packs.note("TEAM_MEMBER", "wage_only", member.id)
        rate = rates.get((wage.job_id or "", slug(wage.title or "")))
        if rate is not None and wage.hourly_rate is not None and rate.amount != wage.hourly_rate.amount:
            packs.note("TEAM_MEMBER", "wage_differs", member.id)


def _works_here(packs: Packs, member: TeamMember, at: str, worked_here: set[str]) -> bool:
    """By the places Square names; where it names none, by time worked here."""
    places = member.assigned_locations
    if places is not None and places.assignment_type == EVERYWHERE:
        return True
    if places is not None and places.location_ids is not None:
        return at in places.location_ids
    packs.note("TEAM_MEMBER", "places", member.id)
    return member.id in worked_here


def _merchant(reader: SnapshotReader) -> str:
    """The merchant's id, as the locations name it."""
    for body in reader.bodies("locations"):
        document = decode(body.data)
        for raw in (document.get("locations") if isinstance(document, Mapping) else None) or ():
            if isinstance(raw, Mapping) and usable(raw.get("merchant_id")):
                return str(raw["merchant_id"])
    return "merchant"
