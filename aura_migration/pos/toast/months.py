"""A stretch of the past cut into spans that Toast answers: none is longer than a calendar month. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LOOK_BACK = timedelta(days=367)
LOOK_AHEAD = timedelta(days=1)
"""A clock of the POS may be ahead of ours."""


@dataclass(frozen=True)
class Span:
    """From ``begin`` (included) to ``end`` (excluded). ``name`` is its month, ``YYYY-MM``."""

    name: str
    begin: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.begin <= moment < self.end


def months(taken_at: datetime, since: datetime | None = None) -> list[Span]:
    """The calendar months from ``since`` (none: a year before) to ``taken_at``, oldest first; the first and the last are
    parts of months."""
    midnight = taken_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = midnight - LOOK_BACK, midnight + LOOK_AHEAD + timedelta(days=1)
    if since is not None:
        begin = min(since.astimezone(UTC).replace(microsecond=0), midnight)
    found = []
    while begin < end:
        following = (begin.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
        found.append(Span(f"{begin:%Y-%m}", begin, min(following, end)))
        begin = following
    return found


def holds(spans: Iterable[Span], text: str | None) -> bool:
    """Whether an instant of Toast's lies in one of the spans."""
    moment = instant(text)
    return moment is not None and any(moment in span for span in spans)


def asked(moment: datetime) -> str:
    """An instant as Toast's parameters have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"


def instant(text: object) -> datetime | None:
    """``yyyy-MM-ddTHH:mm:ss.SSS+0000`` or ``…Z``; None where it is none, or the date Toast writes for "never"."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None or moment.year == 1970:
        return None
    return moment.astimezone(UTC)
