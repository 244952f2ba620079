"""What the traffic to a POS was like; preflight reads its stability report from here.

Only numbers: no paths with ids, no bodies. One object may be shared by several clients of one event loop.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aura_migration.pos.http.errors import PosError, RateLimited

KEPT_LATENCIES = 10_000


@dataclass
class TrafficStats:
    """Counts of calls, attempts and failures; latencies in seconds of each answered attempt (the last ten thousand)."""

    calls: int = 0
    attempts: int = 0
    succeeded: int = 0
    failed: int = 0
    rate_limited: int = 0
    renewals: int = 0
    received_bytes: int = 0
    waited_for_limits: float = 0.0
    waited_for_retries: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def answered(self, status: int, seconds: float, size: int) -> None:
        """One whole answer came, whatever it says."""
        self.statuses[status] += 1
        self.received_bytes += size
        if len(self.latencies) >= KEPT_LATENCIES:
            del self.latencies[: KEPT_LATENCIES // 2]
        self.latencies.append(seconds)

    def went_wrong(self, error: PosError) -> None:
        """One attempt failed."""
        self.errors[type(error).__name__] += 1
        if isinstance(error, RateLimited):
            self.rate_limited += 1

    def percentile(self, share: float) -> float | None:
        """Latency not exceeded by that share (0..1) of the answers; None when nothing was answered."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, Any]:
        """The figures of the stability report. Rates are shares of attempts, None over no attempts."""
        wrong = sum(self.errors.values())
        return {
            "calls": self.calls,
            "attempts": self.attempts,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "rate_limited": self.rate_limited,
            "token_renewals": self.renewals,
            "errors": dict(sorted(self.errors.items())),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "error_rate": wrong / self.attempts if self.attempts else None,
            "latency_median_s": self.percentile(0.5),
            "latency_p95_s": self.percentile(0.95),
            "latency_max_s": max(self.latencies, default=None),
            "waited_for_limits_s": self.waited_for_limits,
            "waited_for_retries_s": self.waited_for_retries,
            "received_bytes": self.received_bytes,
        }
