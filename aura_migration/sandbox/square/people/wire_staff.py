"""Square's JSON of the team and its work, made from the meaning in `model.py`.

Work times carry the offset of the location and whole minutes; everything else is in UTC like the rest of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.people.model import (
    Assignment,
    BreakType,
    Job,
    PlannedShift,
    TeamMember,
    Timecard,
    Workweek,
)
from aura_migration.sandbox.square.people.wire_guests import unheard_of
from aura_migration.sandbox.square.wire import compact, instant, money


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_time(stamp: int, zone: str) -> str:
    """A moment in the time of a place, to the minute, with its offset."""
    moment = datetime.fromtimestamp(stamp // 60_000 * 60, UTC).astimezone(_zone(zone))
    return moment.isoformat(timespec="seconds")


def member_json(member: TeamMember, currency: str, switches: Mapping[str, Any]) -> dict[str, Any]:
    """A TeamMember; the list of explicit locations may be missing."""
    assigned: dict[str, Any] = {"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"}
    if member.location_ids is not None:
        assigned = {"assignment_type": "EXPLICIT_LOCATIONS"}
        if member.explicit_list:
            assigned["location_ids"] = member.location_ids
    return compact(
        {
            "id": member.id,
            "reference_id": member.reference_id,
            "is_owner": member.owner,
            "status": unheard_of(member.id, "ACTIVE" if member.active else "INACTIVE", switches),
            "given_name": member.given,
            "family_name": member.family,
            "email_address": member.email,
            "phone_number": member.phone,
            "created_at": instant(member.created, member.id + "c"),
            "updated_at": instant(member.updated, member.id),
            "assigned_locations": assigned,
            "wage_setting": wage_setting_json(member, currency) if member.assignments is not None else None,
        }
    )


def wage_setting_json(member: TeamMember, currency: str) -> dict[str, Any]:
    """A WageSetting; the first job is the primary one."""
    return compact(
        {
            "team_member_id": member.id,
            "job_assignments": [_assignment(held, currency) for held in member.assignments or []],
            "is_overtime_exempt": member.overtime_exempt,
            "version": member.version,
            "created_at": instant(member.created, member.id + "wc"),
            "updated_at": instant(member.updated, member.id + "w"),
        }
    )


def _assignment(held: Assignment, currency: str) -> dict[str, Any]:
    return compact(
        {
            "job_title": held.job.title,
            "pay_type": held.pay,
            "hourly_rate": money(held.hourly_cents, currency),
            "annual_rate": money(held.annual, currency),
            "weekly_hours": held.weekly_hours,
            "job_id": held.job.id,
        }
    )


def job_json(job: Job) -> dict[str, Any]:
    """A Job."""
    return {
        "id": job.id,
        "title": job.title,
        "is_tip_eligible": job.tips,
        "created_at": instant(job.created, job.id + "c"),
        "updated_at": instant(job.updated, job.id),
        "version": job.version,
    }


def wage_json(member: TeamMember, held: Assignment, currency: str) -> dict[str, Any]:
    """A TeamMemberWage; only hourly ones tell their rate."""
    return compact(
        {
            "id": held.wage_id,
            "team_member_id": member.id,
            "title": held.job.title,
            "hourly_rate": money(held.hourly, currency),
            "job_id": held.job.id,
            "tip_eligible": held.job.tips,
        }
    )


def break_type_json(kind: BreakType) -> dict[str, Any]:
    """A BreakType."""
    return {
        "id": kind.id,
        "location_id": kind.location_id,
        "break_name": kind.name,
        "expected_duration": f"PT{kind.minutes}M",
        "is_paid": kind.paid,
        "version": kind.version,
        "created_at": instant(kind.created, kind.id + "c"),
        "updated_at": instant(kind.created, kind.id),
    }


def timecard_json(card: Timecard, currency: str) -> dict[str, Any]:
    """A Timecard; an OPEN one has no end, an old wage no job."""
    wage = {
        "title": card.title,
        "hourly_rate": money(card.hourly, currency),
        "job_id": card.job_id,
        "tip_eligible": card.tip_eligible,
    }
    breaks = [
        compact(
            {
                "id": held.id,
                "start_at": local_time(held.start, card.zone),
                "end_at": local_time(held.end, card.zone) if held.end is not None else None,
                "break_type_id": held.kind.id,
                "name": held.kind.name,
                "expected_duration": f"PT{held.kind.minutes}M",
                "is_paid": held.kind.paid,
            }
        )
        for held in card.breaks
    ]
    return compact(
        {
            "id": card.id,
            "location_id": card.location_id,
            "timezone": card.zone,
            "start_at": local_time(card.start, card.zone),
            "end_at": local_time(card.end, card.zone) if card.end is not None else None,
            "wage": compact(wage),
            "breaks": breaks,
            "status": "CLOSED" if card.closed else "OPEN",
            "version": card.version,
            "created_at": instant(card.created, card.id + "c"),
            "updated_at": instant(card.updated, card.id),
            "team_member_id": card.member_id,
            "declared_cash_tip_money": money(card.tips, currency),
        }
    )


def workweek_json(week: Workweek) -> dict[str, Any]:
    """A WorkweekConfig."""
    return {
        "id": week.id,
        "start_of_week": week.day,
        "start_of_day_local_time": week.start_of_day,
        "version": 1,
        "created_at": instant(week.created, week.id + "c"),
        "updated_at": instant(week.created, week.id),
    }


def planned_json(shift: PlannedShift) -> dict[str, Any]:
    """A ScheduledShift: the draft always, the published details once there are some."""
    details = compact(
        {
            "team_member_id": shift.member_id,
            "location_id": shift.location_id,
            "job_id": shift.job_id,
            "start_at": local_time(shift.start, shift.zone),
            "end_at": local_time(shift.end, shift.zone),
            "notes": shift.notes,
            "is_deleted": shift.deleted,
            "timezone": shift.zone,
        }
    )
    return compact(
        {
            "id": shift.id,
            "draft_shift_details": details,
            "published_shift_details": details if shift.published else None,
            "version": 1,
            "created_at": instant(shift.created, shift.id + "c"),
            "updated_at": instant(shift.created, shift.id),
        }
    )
