"""The time that passes at a POS: it only moves forward, and what waits for an instant happens at it.

One sandbox has one clock, however many of its restaurants trade: they share one of these.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

from aura_migration.sandbox.live.counter import Counter


class Timeline:
    """The clock of a sandbox and what is still to happen."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)

    @property
    def now(self) -> datetime:
        """The POS's own time."""
        return self._counter.now

    def later(self, at: datetime, happens: Callable[[], None]) -> None:
        """Let something happen once it is that time; of one instant what was said first comes first."""
        heapq.heappush(self._waiting, (at, next(self._numbers), happens))

    def wait_until(self, at: datetime) -> None:
        """Let time pass; what waited for an instant up to then happens at its own."""
        while self._waiting and self._waiting[0][0] <= at:
            due, _, happens = heapq.heappop(self._waiting)
            self._tick(due)
            happens()
        self._tick(at)

    def _tick(self, at: datetime) -> None:
        if at > self.now:
            self._counter.set_clock(at)
