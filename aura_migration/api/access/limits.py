"""Limits of login-free endpoints: a token bucket per caller and endpoint, held by the process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

MOST_CALLERS = 10_000
"""Buckets kept; the fullest, which say nothing any more, are forgotten first."""


@dataclass
class RateLimit:
    """``rate`` requests a second on average, ``burst`` at once, per caller."""

    rate: float
    burst: float
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for(self, caller: str, now: float | None = None) -> float:
        """0 where the request may pass; else the seconds until it may. ``now`` is monotonic."""
        at = time.monotonic() if now is None else now
        with self._lock:
            left, since = self._buckets.get(caller, (self.burst, at))
            left = min(self.burst, left + (at - since) * self.rate)
            if left < 1:
                return (1 - left) / self.rate
            if len(self._buckets) >= MOST_CALLERS:
                self._forget(at)
            self._buckets[caller] = (left - 1, at)
            return 0.0

    def _forget(self, at: float) -> None:
        full = [c for c, (left, since) in self._buckets.items() if left + (at - since) * self.rate >= self.burst]
        for caller in full or list(self._buckets)[: MOST_CALLERS // 10]:
            del self._buckets[caller]
