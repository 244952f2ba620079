"""The two clocks of a sandbox.

`now()` is the POS's time as it appears in answers (timestamps, `expires_at`); a scenario can fix it. `monotonic()` and
`epoch()` are the real passage of time, which tokens, cursors and rate limits live by; `skip()` jumps them ahead so that
a test need not wait fifteen minutes for a cursor to expire.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """POS time (settable) and real time (only ever skipped forward)."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self._fixed: datetime | None = None
        self._skipped = 0.0
        self._epoch_of_monotonic = time.time() - time.monotonic()
        self.set(fixed)

    @property
    def fixed(self) -> datetime | None:
        """The POS time set by hand, or None when it follows the real clock."""
        return self._fixed

    def set(self, fixed: datetime | None) -> None:
        """Fix POS time to `fixed` (zone-aware), or let it run again with None."""
        if fixed is not None and fixed.tzinfo is None:
            raise ValueError(
                f"clock: {fixed.isoformat()} has no zone; write it with an offset, for example a trailing Z"
            )
        self._fixed = fixed.astimezone(UTC) if fixed is not None else None

    def now(self) -> datetime:
        """POS time, in UTC."""
        return self._fixed if self._fixed is not None else datetime.fromtimestamp(self.epoch(), UTC)

    def skip(self, seconds: float) -> None:
        """Let `seconds` of real time pass at once for tokens, cursors and limits."""
        if seconds < 0:
            raise ValueError(f"clock: cannot skip {seconds} seconds; time only moves forward")
        self._skipped += seconds

    def monotonic(self) -> float:
        """Seconds that only grow; for ages of tokens and cursors."""
        return time.monotonic() + self._skipped

    def epoch(self) -> float:
        """Unix seconds of the real clock; for slices of rate limits and their reset headers."""
        return self._epoch_of_monotonic + self.monotonic()


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant with a zone; a plain message when it is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-10-01T09:00:00Z") from error
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; add Z or an offset")
    return instant
