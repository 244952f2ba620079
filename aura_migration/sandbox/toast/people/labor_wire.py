"""Jobs, employees, planned shifts and time entries in Toast's JSON."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.toast.menus_wire import money
from aura_migration.sandbox.toast.orders.wire import NEVER, ref, stamp_text
from aura_migration.sandbox.toast.people.model import Break, Employee, Job, Shift, TimeEntry


def _dates(created: int, modified: int, deleted: int | None) -> dict[str, Any]:
    return {
        "deleted": deleted is not None,
        "deletedDate": NEVER if deleted is None else stamp_text(deleted),
        "createdDate": stamp_text(created),
        "modifiedDate": stamp_text(modified),
    }


def job_body(job: Job) -> dict[str, Any]:
    """A job."""
    return {
        "guid": job.guid,
        "entityType": "RestaurantJob",
        "externalId": None,
        "title": job.title,
        "code": job.code,
        "wageFrequency": job.frequency,
        "defaultWage": money(job.wage),
        "tipped": job.tipped,
        "excludeFromReporting": job.excluded,
        **_dates(job.created, job.modified, job.deleted),
    }


def employee_body(held: Employee, with_disabled: bool) -> dict[str, Any]:
    """A person; the passcode is write-only and never sent."""
    body = {
        "guid": held.guid,
        "entityType": "RestaurantUser",
        "externalId": None,
        "externalEmployeeId": held.external,
        "firstName": held.first,
        "chosenName": held.chosen,
        "lastName": held.last,
        "email": held.email,
        "phoneNumber": held.phone,
        "phoneNumberCountryCode": held.country_code if held.phone is not None else None,
        "jobReferences": [ref(job, "RestaurantJob") for job in held.jobs],
        "wageOverrides": [
            {"jobReference": ref(job, "RestaurantJob"), "wage": money(cents)} for job, cents in held.overrides.items()
        ],
        **_dates(held.created, held.modified, held.deleted),
        "v2EmployeeGuid": held.person,
    }
    if with_disabled:
        body["disabled"] = held.disabled
    return body


def shift_body(shift: Shift) -> dict[str, Any]:
    """A planned shift."""
    return {
        "guid": shift.guid,
        "entityType": "Shift",
        "externalId": None,
        "jobReference": ref(shift.job, "RestaurantJob"),
        "employeeReference": ref(shift.employee, "RestaurantUser"),
        "inDate": stamp_text(shift.start),
        "outDate": stamp_text(shift.end),
        "scheduleConfig": {
            "minBeforeClockIn": 15,
            "minAfterClockIn": 15,
            "minBeforeClockOut": 15,
            "minAfterClockOut": 15,
        },
        **_dates(shift.created, shift.modified, shift.deleted),
    }


def hours(seconds: int) -> float:
    """Seconds as decimal hours."""
    return round(seconds / 3600, 6)


def entry_body(held: TimeEntry, *, missed_breaks: bool, bare_shift: bool) -> dict[str, Any]:
    """Hours worked. ``bare_shift``: the shift is a guid and no object, as in one of Toast's samples."""
    regular, overtime = held.hours
    shift: Any = held.shift if bare_shift else ref(held.shift, "Shift")
    return {
        "guid": held.guid,
        "entityType": None,
        "externalId": None,
        "jobReference": ref(held.job, "RestaurantJob"),
        "employeeReference": ref(held.employee, "RestaurantUser"),
        "shiftReference": shift,
        "inDate": stamp_text(held.start),
        "outDate": stamp_text(held.end),
        "autoClockedOut": held.auto_out,
        "businessDate": held.business_date.strftime("%Y%m%d"),
        "regularHours": hours(regular),
        "overtimeHours": hours(overtime),
        "hourlyWage": money(held.wage),
        "breaks": [_break(one) for one in held.breaks if missed_breaks or not one.missed],
        "declaredCashTips": money(held.declared),
        "nonCashTips": money(held.card_tips),
        "nonCashTipsRoundingLoss": money(held.rounding_loss),
        "cashGratuityServiceCharges": money(held.cash_gratuity),
        "nonCashGratuityServiceCharges": money(held.card_gratuity),
        "tipsWithheld": money(held.withheld),
        "cashSales": 0 if held.end is None else money(held.cash_sales),
        "nonCashSales": 0 if held.end is None else money(held.card_sales),
        **_dates(held.created, held.modified, held.deleted),
    }


def _break(held: Break) -> dict[str, Any]:
    return {
        "guid": held.guid,
        "breakType": {"guid": held.kind, "entityType": "BreakType"},
        "paid": held.paid,
        "inDate": stamp_text(held.start),
        "outDate": stamp_text(held.end),
        "missed": held.missed,
        "waived": held.waived,
        "auditResponse": held.audit,
    }
