"""Rate limits that really count: fixed slices, rolling windows, and requests in flight.

The numbers, the headers and the error bodies belong to each POS; here is only the counting. All three are used from the
one event loop of a sandbox and take no locks.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

from aura_migration.sandbox.core.clock import Clock


@dataclass(frozen=True)
class Verdict:
    """May this request pass? `reset_epoch`: Unix second from which there is room again; `retry_after`: the wait."""

    allowed: bool
    remaining: int
    reset_epoch: int
    retry_after: int


class FixedSlice:
    """`limit` requests per time slice of `seconds`; slices are aligned to the epoch and reset at once."""

    def __init__(self, limit: int, seconds: float, clock: Clock | None = None) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock or Clock()
        self._used: dict[str, tuple[int, int]] = {}

    def _at(self, key: str) -> tuple[int, int, int, int]:
        now = self._clock.epoch()
        current = int(now // self.seconds)
        held, used = self._used.get(key, (current, 0))
        reset = math.ceil((current + 1) * self.seconds)
        return current, used if held == current else 0, reset, max(1, math.ceil(reset - now))

    def peek(self, key: str) -> Verdict:
        """The verdict a request would get, without counting one."""
        _, used, reset, wait = self._at(key)
        return Verdict(used < self.limit, max(0, self.limit - used), reset, wait)

    def take(self, key: str) -> Verdict:
        """Count one request of `key`; a refused request uses nothing up."""
        current, used, reset, wait = self._at(key)
        if used >= self.limit:
            return Verdict(False, 0, reset, wait)
        self._used[key] = (current, used + 1)
        return Verdict(True, self.limit - used - 1, reset, wait)


class Rolling:
    """`limit` requests in any window of `seconds` behind the request."""

    def __init__(self, limit: int, seconds: float, clock: Clock | None = None) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock or Clock()
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str) -> Verdict:
        """Count one request of `key`; a refused request uses nothing up."""
        now = self._clock.epoch()
        times = self._times[key]
        while times and times[0] <= now - self.seconds:
            times.popleft()
        allowed = len(times) < self.limit
        if allowed:
            times.append(now)
        free_at = times[0] + self.seconds if times else now
        return Verdict(allowed, max(0, self.limit - len(times)), math.ceil(free_at), max(1, math.ceil(free_at - now)))


class Concurrency:
    """At most `limit` requests of a key in flight; every allowed `take` needs its `release`."""

    def __init__(self, limit: int, retry_after: int = 1, clock: Clock | None = None) -> None:
        self.limit = limit
        self.retry_after = retry_after
        self._clock = clock or Clock()
        self._in_flight: dict[str, int] = defaultdict(int)

    def take(self, key: str) -> Verdict:
        """Count one request in, unless the limit is reached."""
        reset = math.ceil(self._clock.epoch() + self.retry_after)
        if self._in_flight[key] >= self.limit:
            return Verdict(False, 0, reset, self.retry_after)
        self._in_flight[key] += 1
        return Verdict(True, self.limit - self._in_flight[key], reset, self.retry_after)

    def release(self, key: str) -> None:
        """Count one allowed request out."""
        if self._in_flight[key] <= 0:
            raise RuntimeError(f"concurrency limit: {key!r} was released more often than taken")
        self._in_flight[key] -= 1
