"""What the traffic to a POS was like; preflight reads its stability report from here.

Only numbers: no paths with ids, no bodies. One object may be shared by several clients of one event loop.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aura_migration.pos.http.errors import PosError, RateLimited, Transient

KEPT_LATENCIES = 10_000


@dataclass
class TrafficStats:
    """Counts of calls, attempts and failures; latencies in seconds of each answered attempt (the last ten thousand).

    ``errors`` are failures of the connection (unreachable, failed on the POS's side, malformed). Being asked to slow
    down is counted by itself (``rate_limited``), as are answers that say no (``refusals``: a missing right, an unknown
    thing, a request or cursor that is not accepted): a probe for a right that was not granted is no bad connection.
    """

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
    refusals: Counter[str] = field(default_factory=Counter)
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
        if isinstance(error, RateLimited):
            self.rate_limited += 1
        elif isinstance(error, Transient):
            self.errors[type(error).__name__] += 1
        else:
            self.refusals[type(error).__name__] += 1

    def percentile(self, share: float) -> float | None:
        """Latency not exceeded by that share (0..1) of the answers; None when nothing was answered."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, Any]:
        """The figures of the stability report; the error rate is a share of attempts, None over no attempts."""
        wrong = sum(self.errors.values())
        return {
            "calls": self.calls,
            "attempts": self.attempts,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "rate_limited": self.rate_limited,
            "token_renewals": self.renewals,
            "errors": dict(sorted(self.errors.items())),
            "refusals": dict(sorted(self.refusals.items())),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "error_rate": wrong / self.attempts if self.attempts else None,
            "latency_median_s": self.percentile(0.5),
            "latency_p95_s": self.percentile(0.95),
            "latency_max_s": max(self.latencies, default=None),
            "waited_for_limits_s": self.waited_for_limits,
            "waited_for_retries_s": self.waited_for_retries,
            "received_bytes": self.received_bytes,
        }
