"""How a history lies in time: business days, how many orders each has, and when an order is opened and closed.

Numbers go up with time, so the orders of a day are a range of numbers and nothing needs to be stored.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from aura_migration.sandbox.toast.people.model import HOUR, MINUTE, SECOND

OPENS, LONG_DAY, SHORT_DAY = 7, 19, 15
WEEK = (80, 85, 90, 100, 130, 140, 110)
"""How busy Monday to Sunday are."""
LATE_NIGHTS = (4, 5)
HOLIDAYS = ((11, 27), (12, 25), (1, 1))
"""Days without trading."""


class Days:
    """The business days up to ``last`` and the ``count`` orders on them; ``days`` counts the closed ones too."""

    def __init__(self, count: int, days: int, last: date, zone: str, closeout_hour: int, latest: int) -> None:
        self.count = count
        self.first = last - timedelta(days=days - 1)
        self.last = last
        self._zone = ZoneInfo(zone)
        self._closeout = closeout_hour
        self.latest = latest
        weights, midnights = [], []
        for index in range(days + 2):
            day = self.first + timedelta(days=index)
            moment = datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)
            midnights.append(int(moment.timestamp()) * 1000)
            weights.append(0 if (day.month, day.day) in HOLIDAYS else WEEK[day.weekday()])
        self._midnights = midnights
        total, passed = sum(weights[:days]) or 1, 0
        self._edges = [0]
        for weight in weights[:days]:
            passed += weight
            self._edges.append(count * passed // total)

    def __len__(self) -> int:
        return len(self._edges) - 1

    def index_of(self, number: int) -> int:
        """Which day an order is of."""
        return bisect_right(self._edges, number) - 1

    def day(self, index: int) -> date:
        """The business date of a day."""
        return self.first + timedelta(days=index)

    def numbers(self, first: int, after: int) -> range:
        """The orders of the days from ``first`` up to ``after``, however far those lie outside."""
        top = len(self)
        return range(self._edges[min(max(first, 0), top)], self._edges[min(max(after, 0), top)])

    def numbers_of(self, day: date) -> range:
        """The orders of a business date."""
        index = (day - self.first).days
        return self.numbers(index, index + 1)

    def opened(self, number: int, index: int) -> int:
        """When it was opened: its place in the day, which is longer before a free one and then goes past midnight."""
        start, end = self._edges[index], self._edges[index + 1]
        hours = LONG_DAY if self.day(index).weekday() in LATE_NIGHTS else SHORT_DAY
        into = OPENS * HOUR + (number - start) * hours * HOUR // (end - start)
        return self._midnights[index] + into // SECOND * SECOND

    def closed(self, number: int, index: int) -> int:
        """When it was closed: by the batch after close-out."""
        batch = self._midnights[index + 1] + self._closeout * HOUR + 5 * MINUTE
        return min(batch + number % 240 * SECOND + number % 997, self.latest)
