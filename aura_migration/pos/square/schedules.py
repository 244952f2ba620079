"""When an automatic discount holds: Square's time periods (iCalendar events) and dates as days of the week, hours and a span.

What the hours belong to is in ``automatic.py``. Hours that days of the week cannot say raise ``Unclear``: they are for people
to decide, never rounded. Square API reference, section 6.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from aura_migration.pos.square.units import DAYS

WEEK = tuple(DAYS.values())
_ICAL_DAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), WEEK, strict=True))
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:\d{2}(\.\d+)?)?")
_KNOWN = frozenset({"FREQ", "BYDAY", "INTERVAL", "UNTIL", "WKST"})
_DAY = timedelta(days=1)
_WEEK_MINUTES = 7 * 24 * 60


class Unclear(Exception):
    """A rule that says something AuraConnect cannot hold, or nothing at all; the text goes on after its name."""


class Span(NamedTuple):
    """From ``start`` on ``day`` to ``end``, both ``HH:MM`` local; an end not after the start is on the next day."""

    day: str
    start: str
    end: str


class Period(NamedTuple):
    """Hours of the week from the day ``begins`` on, to the day ``ends`` (the last one included; None: for good)."""

    spans: tuple[Span, ...]
    begins: date
    ends: date | None


class Validity(NamedTuple):
    """When a rule holds. ``schedule`` is AuraConnect's list (None = always); the ends are dates or local minutes."""

    schedule: list[dict[str, Any]] | None
    valid_from: str | None
    valid_until: str | None


def validity(
    events: Iterable[str], starts: tuple[str | None, str | None], ends: tuple[str | None, str | None]
) -> Validity:
    """The periods of a rule and its own first and last (date, local time) together; raises ``Unclear``."""
    periods = [period(event) for event in events]
    first, last = _moment(*starts, "00:00"), _moment(*ends, "23:59")
    if first is not None and last is not None and last < first:
        raise Unclear("ends before it begins")
    if not periods:
        return Validity(None, _text(first, "00:00"), _text(last, "23:59"))
    begins = min(one.begins for one in periods)
    held = date.fromisoformat(first[0]) if first is not None else date.min
    # A recurrence begins at its first day of the week: days less than a week apart mean the same beginning.
    if any(one.begins - begins >= timedelta(days=7) and one.begins > held for one in periods):
        raise Unclear("holds at hours that begin on different days")
    if len({one.ends for one in periods}) > 1:
        raise Unclear("holds at hours that end on different days")
    first = max(filter(None, [first, (begins.isoformat(), "00:00")]))
    if periods[0].ends is not None:
        last = min(filter(None, [last, (periods[0].ends.isoformat(), "23:59")]))
    if last is not None and last < first:
        raise Unclear("ends before it begins")
    return Validity(
        schedule([span for one in periods for span in one.spans]), _text(first, "00:00"), _text(last, "23:59")
    )


def period(event: str) -> Period:
    """An iCalendar event; raises ``Unclear`` where it is none that days of the week can say."""
    fields = _fields(event)
    start = _start(fields.get("DTSTART", ""))
    lasts = _lasts(fields.get("DURATION", ""))
    rule = dict(part.split("=", 1) for part in fields.get("RRULE", "").upper().split(";") if "=" in part)
    if not rule:
        spans = tuple(_pieces(WEEK[start.weekday()], start, lasts))
        return Period(spans, start.date(), start.date() + (len(spans) - 1) * _DAY)
    odd = sorted(rule.keys() - _KNOWN)
    if odd or rule.get("INTERVAL", "1") != "1" or rule.get("FREQ") not in ("DAILY", "WEEKLY"):
        raise Unclear(f"holds at hours that days of the week cannot say ({fields['RRULE']})")
    days = list(WEEK) if rule["FREQ"] == "DAILY" else [WEEK[start.weekday()]]
    if "BYDAY" in rule:
        named = rule["BYDAY"].split(",")
        if not set(named) <= _ICAL_DAYS.keys():
            raise Unclear(f"holds at hours that days of the week cannot say ({fields['RRULE']})")
        days = [_ICAL_DAYS[day] for day in named]
    spans = tuple(span for day in days for span in _pieces(day, start, lasts))
    return Period(spans, start.date(), _until(rule["UNTIL"]) if "UNTIL" in rule else None)


def schedule(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Spans as AuraConnect's list: days of the same hours together, in the order of the week."""
    hours: dict[tuple[str, str], set[str]] = {}
    for span in spans:
        hours.setdefault((span.start, span.end), set()).add(span.day)
    found = [
        {"days": [day for day in WEEK if day in days], "from": start, "to": end} for (start, end), days in hours.items()
    ]
    return sorted(found, key=lambda span: (WEEK.index(span["days"][0]), span["from"], span["to"]))


def overlap(one: Validity, other: Validity) -> bool:
    """Whether two rules hold at some same minute, as far as dates and days of the week say."""
    if (one.valid_until or "9") < (other.valid_from or "")[:10] or (other.valid_until or "9") < (one.valid_from or "")[
        :10
    ]:
        return False
    return bool(_minutes(one.schedule) & _minutes(other.schedule))


def minutes(span: Span) -> range:
    """The minutes of the week a span covers; those beyond Sunday night run on from Monday morning."""
    start = WEEK.index(span.day) * 1440 + _minute(span.start)
    lasts = (_minute(span.end) - _minute(span.start)) % 1440 or 1440
    return range(start, start + lasts)


def _minutes(listed: list[dict[str, Any]] | None) -> frozenset[int]:
    if listed is None:
        return frozenset(range(_WEEK_MINUTES))
    spans = [Span(day, entry["from"], entry["to"]) for entry in listed for day in entry["days"]]
    return frozenset(minute % _WEEK_MINUTES for span in spans for minute in minutes(span))


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:5])


def _fields(event: str) -> dict[str, str]:
    unfolded = re.sub(r"\r?\n[ \t]", "", event)
    lines = dict(line.strip().split(":", 1) for line in unfolded.splitlines() if ":" in line)
    return {name.split(";")[0].upper(): value.strip() for name, value in lines.items()}


def _start(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S")
    except ValueError:
        raise Unclear("holds at hours whose beginning cannot be read") from None


def _lasts(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    weeks, days, hours, mins, seconds = (int(part or 0) for part in found.groups()) if found else (0,) * 5
    lasts = timedelta(weeks=weeks, days=days, hours=hours, minutes=mins, seconds=seconds)
    if not timedelta(0) < lasts <= timedelta(days=7) or lasts % timedelta(minutes=1):
        raise Unclear("holds at hours whose length cannot be read")
    return lasts


def _pieces(day: str, start: datetime, lasts: timedelta) -> Iterable[Span]:
    """A span of a day at most each; longer ones go on at the same hour of the next day."""
    place = WEEK.index(day)
    while lasts > timedelta(0):
        piece = min(lasts, _DAY)
        yield Span(WEEK[place % 7], f"{start:%H:%M}", f"{start + piece:%H:%M}")
        lasts -= piece
        place += 1


def _until(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError:
        raise Unclear("holds at hours whose end cannot be read") from None


def _moment(day: str | None, time: str | None, rest: str) -> tuple[str, str] | None:
    if not day:
        return None
    if not _DATE.fullmatch(day) or (time and not _TIME.fullmatch(time)):
        raise Unclear(f"names a first or last day that cannot be read ({day} {time or ''})".rstrip(" )") + ")")
    return day, (time or rest)[:5]


def _text(moment: tuple[str, str] | None, whole_day: str) -> str | None:
    if moment is None:
        return None
    return moment[0] if moment[1] == whole_day else f"{moment[0]}T{moment[1]}"
