"""Time worked at one restaurant: one row per clock-in to clock-out. What was deleted in Toast is counted, not loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Batch, Loss
from aura_migration.core.clock import utc_text
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.days import day_of
from aura_migration.pos.toast.job import plain
from aura_migration.pos.toast.months import instant
from aura_migration.pos.toast.paths import BREAK_WINDOW
from aura_migration.pos.toast.records import Raw, cents, pages, ref, text
from aura_migration.pos.toast.staff import Crew

BATCH_ROWS = 2_000
AMOUNTS = {
    "nonCashTips": "non_cash_tips",
    "nonCashTipsRoundingLoss": "non_cash_tips_rounding_loss",
    "cashGratuityServiceCharges": "cash_gratuity",
    "nonCashGratuityServiceCharges": "non_cash_gratuity",
    "tipsWithheld": "tips_withheld",
    "cashSales": "cash_sales",
    "nonCashSales": "non_cash_sales",
}
ENTRY = {
    **dict.fromkeys(("guid", "entityType", "externalId", "createdDate", "modifiedDate", "deletedDate"), TECHNICAL),
    **dict.fromkeys(("jobReference", "employeeReference", "shiftReference", "inDate", "outDate"), MAPPED),
    **dict.fromkeys(("autoClockedOut", "businessDate", "regularHours", "overtimeHours", "hourlyWage"), MAPPED),
    **dict.fromkeys(("declaredCashTips", *AMOUNTS), MAPPED),
    "deleted": TECHNICAL,
    "breaks[].guid": TECHNICAL,
    **{f"breaks[].{name}": MAPPED for name in ("breakType", "paid", "inDate", "outDate", "missed", "waived")},
    "breaks[].auditResponse": "What somebody answered about a break is not kept.",
}
DELETED = "Time entries deleted in Toast are not loaded."


def map_timecards(reader: SnapshotReader, location: SourceLocation, crew: Crew, losses: list[Loss]) -> Iterator[Batch]:
    """Batches of time cards."""
    names = {guid: name for page in pages(reader, "config", BREAK_WINDOW) for guid, name in _breaks(page)}
    seen: set[str] = set()
    batch, deleted = Batch(), list[str]()
    for page in pages(reader, "time_entries"):
        losses += count_losses(page, "time_entries", ENTRY, lambda raw: str(raw.get("guid")))
        for raw in page:
            guid = ref(raw)
            if guid is None or guid in seen:
                continue
            seen.add(guid)
            if raw.get("deleted") is True:
                deleted.append(guid)
            else:
                _timecard(location, raw, guid, crew, names, batch)
        if len(batch.rows) >= BATCH_ROWS:
            yield batch
            batch = Batch()
    if deleted:
        losses.append(Loss("time_entries", "deleted", len(deleted), DELETED, tuple(deleted[:5])))
    yield batch


def _breaks(page: list[Raw]) -> Iterator[tuple[str, str]]:
    for raw in page:
        guid, name = ref(raw), text(raw.get("name"))
        if guid and name:
            yield guid, name


def _timecard(
    location: SourceLocation, raw: Raw, guid: str, crew: Crew, names: Mapping[str, str], batch: Batch
) -> None:
    key, record = path(location.source_id, guid), f"time_entries#{guid}"
    begin, end = instant(raw.get("inDate")), instant(raw.get("outDate"))
    if begin is None:
        batch.reject("timecards", key, "the time entry has no clock-in that could be read", record)
        return
    if end is None and raw.get("outDate") is not None:
        batch.reject("timecards", key, "the clock-out of the time entry cannot be read", record)
        return
    if end is not None and end < begin:
        batch.reject("timecards", key, "the time entry ends before it begins", record)
        return
    try:
        tips = cents(raw.get("declaredCashTips"), location.currency)
        wage = cents(raw.get("hourlyWage"), location.currency)
    except BadInput:
        batch.reject("timecards", key, "a wage or the declared tips are no amount of money", record)
        return
    employee, job = ref(raw.get("employeeReference")), ref(raw.get("jobReference"))
    rests, waived = _rests(raw, names)
    details = _details(raw, location.currency)
    if waived:
        details["waived_breaks"] = waived
    if shift := ref(raw.get("shiftReference")):
        details["scheduled_shift"] = shift
    if employee is not None and employee not in crew.employees:
        details["former_employee" if crew.employees else "employee"] = employee
    automatic = raw.get("autoClockedOut")
    batch.add(
        "timecards",
        key,
        raw,
        record,
        staff_key=path(location.source_id, employee) if employee in crew.employees and employee else None,
        role_key=path(location.source_id, job) if job in crew.titles and job else None,
        job_title=crew.titles.get(job or ""),
        check_in=utc_text(begin),
        check_out=utc_text(end) if end is not None else None,
        business_date=day_of(raw.get("businessDate"), begin, location),
        method="imported",
        status="checked_in" if end is None else "checked_out",
        breaks=rests or None,
        declared_tips_cents=tips,
        hourly_rate_cents=wage,
        regular_hours=_hours(raw.get("regularHours")),
        overtime_hours=_hours(raw.get("overtimeHours")),
        is_auto_closed=automatic if isinstance(automatic, bool) else None,
        details=details or None,
    )


def _rests(raw: Raw, names: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
    """The breaks as canonical rows have them, and how many were waived."""
    found, waived = [], 0
    for one in raw.get("breaks") or ():
        begin, end = instant(one.get("inDate")), instant(one.get("outDate"))
        waived += one.get("waived") is True
        found.append(
            {
                "name": names.get(ref(one.get("breakType")) or ""),
                "start": utc_text(begin) if begin is not None else None,
                "end": utc_text(end) if end is not None else None,
                "is_paid": one.get("paid") is True,
                "is_missed": one.get("missed") is True,
            }
        )
    return found, waived


def _details(raw: Raw, currency: str) -> dict[str, Any]:
    """Tips and sales of the shift in cents. What is finer than a cent stays as it was sent, under its name without it."""
    found: dict[str, Any] = {}
    for name, ours in AMOUNTS.items():
        if not raw.get(name):
            continue
        try:
            found[f"{ours}_cents"] = cents(raw[name], currency)
        except BadInput:
            found[ours] = plain(raw[name])
    return found


def _hours(value: Any) -> str | None:
    """Hours exactly as they were sent."""
    return format(value, "f") if isinstance(value, Decimal) else str(value) if isinstance(value, int) else None
