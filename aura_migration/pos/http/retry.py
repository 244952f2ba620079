"""Whether, when and how often a failed request is made again.

The server's own advice comes first, else exponential waiting with jitter; both bounded by a count and a budget of
seconds. What an answer *means* is said by the errors, what a vendor's numbers are by its connector.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from aura_migration.pos.http.errors import NotJson, PosError, RateLimited, Unreachable

EPOCH_FROM = 1_000_000_000
"""Numbers above this are instants (epoch seconds), below it spans of seconds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Numbers of one POS. Times in seconds.

    ``total_budget`` bounds the time one call may spend on attempts and on waiting between them; waiting for our own
    limits is not counted. Advice longer than ``advice_cap`` or than what is left of the budget ends the call: the error
    carries the advice, so that the caller may come back then.

    A request that never left is no sign of a busy POS: where the client never had an answer (``first_*``) the address
    is probably wrong, and a person waits to hear it; where it had one, the POS may come back within ``away_budget``.
    """

    max_attempts: int = 8
    base_delay: float = 1.0
    max_delay: float = 60.0
    multiplier: float = 2.0
    jitter: float = 0.2
    total_budget: float = 180.0
    advice_cap: float = 120.0
    not_json_attempts: int = 2
    first_budget: float = 8.0
    first_max_delay: float = 2.0
    first_connect_timeout: float = 4.0
    away_budget: float = 60.0
    away_max_delay: float = 16.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    attempt_timeout: float = 120.0
    advice_headers: tuple[str, ...] = (
        "retry-after-ms",
        "retry-after",
        "x-ratelimit-reset",
        "x-toast-ratelimit-reset",
    )

    def delay(self, error: PosError, attempt: int, spent: float, rng: random.Random, away: float = 0.0) -> float | None:
        """Seconds to wait before the next attempt, or None when there is to be none.

        ``attempt`` counts from 1 (the one that just failed), ``spent`` is what the call has used of its budget,
        ``away`` the part of it since requests stopped leaving this machine.
        """
        if not error.retryable or attempt >= self.max_attempts:
            return None
        if isinstance(error, NotJson) and attempt >= self.not_json_attempts:
            return None
        if error.retry_after is not None and error.retry_after > 0:
            if error.retry_after > self.advice_cap:
                return None
            # Never earlier than advised: some servers lengthen the wait of those who are.
            delay = error.retry_after + rng.uniform(0, min(1.0, self.jitter * error.retry_after))
        else:
            delay = min(self.max_delay, self.base_delay * self.multiplier ** (attempt - 1))
            if isinstance(error, Unreachable) and not error.sent:
                budget = self.first_budget if error.first_contact else self.away_budget
                if budget - away < self.base_delay:
                    return None
                delay = min(delay, self.first_max_delay if error.first_contact else self.away_max_delay)
                delay = min(delay * rng.uniform(1 - self.jitter, 1 + self.jitter), budget - away)
            else:
                delay *= rng.uniform(1 - self.jitter, 1 + self.jitter)
        return delay if spent + delay <= self.total_budget else None

    def with_advice(self, error: PosError, headers: Mapping[str, str], wall: float) -> PosError:
        """The error with the server's advice, where it is a refusal for now and the headers hold any.

        When a limit begins anew is sent with every answer by some POS; it is advice only where the limit was crossed.
        """
        if (
            error.retry_after is None
            and error.retryable
            and (isinstance(error, RateLimited) or error.status is not None)
        ):
            limited = isinstance(error, RateLimited)
            names = tuple(name for name in self.advice_headers if limited or not name.endswith("-reset"))
            error.retry_after = advised_wait(headers, names, wall)
        return error


ONCE = RetryPolicy(max_attempts=1)
"""No second attempt: for exchanges that must not be repeated blindly."""

QUICK = RetryPolicy(
    max_attempts=3,
    base_delay=0.5,
    total_budget=20.0,
    read_timeout=15.0,
    attempt_timeout=20.0,
)
"""For a person who waits for the answer, such as connecting an account."""


def advised_wait(headers: Mapping[str, str], names: tuple[str, ...], wall: float) -> float | None:
    """Seconds the server asks us to stay away, from the first of its headers that can be understood; else None.

    Understands milliseconds (names ending in ``-ms``), seconds, HTTP dates and epoch instants. Instants are compared
    with the server's own ``Date`` where it sends one, so that a wrong clock on either side does no harm. ``wall`` is
    the local epoch time in seconds.
    """
    present = _http_date(headers.get("date", ""))
    now = wall if present is None else present
    for name in names:
        value = headers.get(name, "").strip()
        if not value:
            continue
        wait = _span(name, value, now)
        if wait is not None and math.isfinite(wait):
            return max(0.0, wait)
    return None


def _span(name: str, value: str, now: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        instant = _http_date(value)
        return None if instant is None else instant - now
    if name.endswith("-ms"):
        return number / 1000
    if number > EPOCH_FROM * 1000:
        return number / 1000 - now
    return number - now if number > EPOCH_FROM else number


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (TypeError, ValueError):
        return None
