"""Business days on the clock of a location: when one begins and ends, and which an instant belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def closeout_of(text: str) -> timedelta:
    """``04:30`` as a time span after midnight."""
    hours, minutes = text.split(":")[:2]
    return timedelta(hours=int(hours), minutes=int(minutes))


@dataclass(frozen=True)
class Hours:
    """A location's clock: its zone, and how long after midnight a business day ends."""

    zone: ZoneInfo
    closeout: timedelta = timedelta(0)

    def at(self, day: date, clock: str) -> datetime:
        """The instant at which the clock on the wall shows that time within the business day of a date.

        A time before the close-out is that of the next calendar day: it is still the evening before. An hour that comes
        twice is its first, one that the clock leaves out is as long after the hour before.
        """
        span = closeout_of(clock)
        calendar = day + DAY if span < self.closeout else day
        wall = datetime.combine(calendar, time(), self.zone) + span
        return wall.astimezone(UTC)

    def opens(self, day: date) -> datetime:
        """The first instant of a business day."""
        return self._boundary(day)

    def closes(self, day: date) -> datetime:
        """The first instant of the next one."""
        return self._boundary(day + DAY)

    def day(self, instant: datetime) -> date:
        """The business date of an instant."""
        return (instant.astimezone(self.zone).replace(tzinfo=None) - self.closeout).date()

    def length(self, day: date) -> timedelta:
        """How long a business day is: 23 or 25 hours where the clock is changed."""
        return self.closes(day) - self.opens(day)

    def _boundary(self, day: date) -> datetime:
        return (datetime.combine(day, time(), self.zone) + self.closeout).astimezone(UTC)
