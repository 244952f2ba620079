"""Time worked at one location: clock-ins with their breaks and declared tips. Square API reference, section 15."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.clock import business_date
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.staff import Staff
from aura_migration.pos.square.people.stored import newest, pages, typed, usable, when
from aura_migration.pos.square.people.wire import Timecard
from aura_migration.pos.square.wire import decode, instant


def worked_here(reader: SnapshotReader, at: str) -> set[str]:
    """Ids of the people who have timecards of this location."""
    found = set()
    for body in reader.bodies("timecards"):
        for raw in decode(body.data).get("timecards") or ():
            if raw.get("location_id") in (None, at) and raw.get("team_member_id"):
                found.add(str(raw["team_member_id"]))
    return found


def map_time(reader: SnapshotReader, packs: Packs, staff: Staff, location: SourceLocation) -> Iterator[Batch]:
    """Rows of the time worked here."""
    at = location.source_id
    counted = newest(reader, "timecards", "timecards")
    for page in pages(reader, "timecards", "timecards"):
        live: list[Mapping[str, Any]] = []
        for found in page:
            ident = found.raw.get("id")
            if usable(ident) and counted[str(ident)] != found.number:
                continue
            card = typed(found.raw, Timecard)
            if isinstance(card, str) or not usable(ident):
                why = card if isinstance(card, str) else "it has no usable id"
                packs.unreadable("timecards", "timecards", found.raw, why, found.number)
                continue
            if card.location_id not in (None, at):
                continue
            live.append(found.raw)
            _timecard(packs, staff, location, card, found.raw)
        packs.fields("TIMECARD", live)
        yield from packs.full()
    for page in pages(reader, "break_types", "break_types"):
        for found in page:
            packs.note("BREAK_TYPE", "whole", str(found.raw.get("id", "")))


def _timecard(packs: Packs, staff: Staff, location: SourceLocation, card: Timecard, raw: Mapping[str, Any]) -> None:
    key, record = path(location.source_id, card.id), f"timecards#{card.id}"
    began, ended = when(card.start_at), when(card.end_at)
    wage = card.wage
    role = staff.role_known(wage.job_id, wage.title) if wage is not None else None
    hourly, is_foreign = staff.cents(wage.hourly_rate if wage is not None else None)
    tips, are_foreign = staff.cents(card.declared_cash_tip_money)
    if is_foreign or are_foreign:
        packs.note("TIMECARD", "currency", card.id)
    person = card.team_member_id if card.team_member_id in staff.known else None
    if person is None:
        packs.note("TIMECARD", "staff", card.id)
    values: dict[str, Any] = {
        "staff_key": person,
        "role_key": role,
        "job_title": (wage.title if wage is not None else None) or None,
        "check_in": began,
        "check_out": ended,
        "business_date": None,
        "method": "imported",
        "status": "checked_out" if ended is not None else "checked_in",
        "breaks": [
            {
                "name": pause.name,
                "start": when(pause.start_at),
                "end": when(pause.end_at),
                "is_paid": bool(pause.is_paid),
                "is_missed": False,
            }
            for pause in card.breaks or ()
        ],
        "declared_tips_cents": tips,
        "hourly_rate_cents": hourly,
    }
    if began is None:
        packs.reject("timecards", key, "The timecard has no time at which it began.", record, **values)
        return
    values["business_date"] = _business_date(card, location)
    packs.add("timecards", key, raw, record, **values)


def _business_date(card: Timecard, location: SourceLocation) -> str:
    """The business day a timecard began on, by the location's close-out, on the clock of where it was worked."""
    hours, _, minutes = location.closeout.partition(":")
    closeout = timedelta(hours=int(hours), minutes=int(minutes or 0))
    began = instant(card.start_at)
    try:
        return business_date(began, card.timezone or location.timezone, closeout).isoformat()
    except (ZoneInfoNotFoundError, ValueError):
        return business_date(began, location.timezone, closeout).isoformat()
