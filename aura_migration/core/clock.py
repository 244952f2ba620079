"""Business time: the present instant as the business sees it, and the business day of an instant.

``AURA_NOW`` (read by settings, passed in here) fixes business time only; tokens, locks, limits and heartbeats use real
or monotonic time and do not belong here.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def business_now(fixed: datetime | None) -> datetime:
    """The instant business time stands at: the fixed one where set, else the real one. Always aware, UTC."""
    return (fixed or datetime.now(UTC)).astimezone(UTC)


def business_date(instant: datetime, timezone: str, closeout: timedelta = timedelta(0)) -> date:
    """The local calendar date after subtracting the close-out hour, so that 01:30 may belong to the evening before.

    The subtraction is done on the local wall clock: a close-out at 04:00 is 04:00 on the clock on the wall, also on the
    night the clocks change.
    """
    local = instant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return (local - closeout).date()


def months_before(instant: datetime, months: int) -> datetime:
    """The same day and time so many calendar months earlier; the last day of a month too short for it."""
    years, month = divmod(instant.year * 12 + instant.month - 1 - months, 12)
    day = min(instant.day, monthrange(years, month + 1)[1])
    return instant.replace(year=years, month=month + 1, day=day)


def utc_text(instant: datetime) -> str:
    """An aware instant the way canonical rows and PostgreSQL's JSON write it: ``2026-01-31T17:00:00.12+00:00``.

    One text per instant, so that equal texts are equal instants.
    """
    utc = instant.astimezone(UTC)
    text = utc.replace(microsecond=0, tzinfo=None).isoformat()
    fraction = f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else ""
    return f"{text}{fraction}+00:00"
