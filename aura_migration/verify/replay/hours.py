"""When a rule holds: weekdays, times of day, dates; all local to the location."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60


class Moment(NamedTuple):
    """A local minute: `weekday` from Monday 0, `minute` of the day, `text` as ``YYYY-MM-DDTHH:MM``."""

    weekday: int
    minute: int
    text: str


class Window(NamedTuple):
    """Weekdays and minutes from–to; `until` not after `since` runs past midnight, None is the whole day."""

    days: frozenset[int] | None
    since: int | None
    until: int | None

    def holds(self, moment: Moment) -> bool:
        """Whether the minute lies inside. What began before midnight belongs to the day it began on."""
        if self.since is None and self.until is None:
            return self.days is None or moment.weekday in self.days
        since, until = self.since or 0, DAY if self.until is None else self.until
        if since < until:
            return since <= moment.minute < until and (self.days is None or moment.weekday in self.days)
        if moment.minute >= since:
            return self.days is None or moment.weekday in self.days
        return moment.minute < until and (self.days is None or (moment.weekday - 1) % 7 in self.days)


ALWAYS = Window(None, None, None)


@lru_cache(maxsize=20_000)
def moment(text: str) -> Moment:
    """The minute a local time ``YYYY-MM-DDTHH:MM`` stands for."""
    at = datetime.fromisoformat(text)
    return Moment(at.weekday(), at.hour * 60 + at.minute, text)


def window(days: Iterable[str] | None, since: str | None, until: str | None) -> Window:
    """A window from weekday names and ``HH:MM``; nothing given is always."""
    named = None if days is None else frozenset(WEEKDAYS.index(day) for day in days if day in WEEKDAYS)
    if named is not None and len(named) == len(WEEKDAYS):
        named = None
    return Window(named, _minute(since), _minute(until))


def schedule(document: Iterable[Mapping[str, Any]] | None) -> tuple[Window, ...]:
    """The windows of a rule's ``[{"days": […], "from": …, "to": …}]``; none given is always."""
    if document is None:
        return (ALWAYS,)
    return tuple(window(one.get("days"), one.get("from"), one.get("to")) for one in document)


def within(text: str, first: str | None, last: str | None) -> bool:
    """Whether a local time lies within dates or local times, both included."""
    if first is not None and text[: len(first)] < first:
        return False
    return last is None or text[: len(last)] <= last


def _minute(text: str | None) -> int | None:
    if not text:
        return None
    hours, minutes = text.split(":")[:2]
    return int(hours) * 60 + int(minutes)
