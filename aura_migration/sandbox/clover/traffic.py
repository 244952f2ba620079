"""Clover's four rate limits: per app and per token, new requests per second and requests in flight.

Each refusal names its limit in a header; only the two in-flight limits advise `retry-after`, and whoever calls again
before it has passed waits longer. Limits run on real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aura_migration.sandbox.clover.auth import Token
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.limits import Concurrency, FixedSlice

APP_PER_SECOND = 50
APP_IN_FLIGHT = 10
TOKEN_PER_SECOND = 16
TOKEN_IN_FLIGHT = 5
DASHBOARD = "dashboard"


@dataclass(frozen=True)
class Refusal:
    """A 429: which limit, its number, and the wait in whole seconds where Clover gives one."""

    header: str
    limit: int
    retry_after: int | None = None


@dataclass(frozen=True)
class Pass:
    """A request that was let in; give it back to `Traffic.release` when its answer is complete."""

    held: tuple[tuple[Concurrency, str], ...] = ()


@dataclass
class _Penalty:
    until: float
    wait: int


class Traffic:
    """Counts the requests of all tokens of one sandbox."""

    def __init__(self, clock: Clock, switches: dict[str, Any]) -> None:
        self._clock = clock
        self._switches = switches
        self._penalties: dict[tuple[str, str], _Penalty] = {}
        self.reset()

    def reset(self) -> None:
        """Start counting anew with the scale the switches say; passes already given stay valid."""
        scale = float(self._switches["limits_scale"])

        def scaled(limit: int) -> int:
            return max(1, round(limit * scale))

        self._app_rate = FixedSlice(scaled(APP_PER_SECOND), 1, self._clock)
        self._token_rate = FixedSlice(scaled(TOKEN_PER_SECOND), 1, self._clock)
        self._app_flight = Concurrency(scaled(APP_IN_FLIGHT), 1, self._clock)
        self._token_flight = Concurrency(scaled(TOKEN_IN_FLIGHT), 1, self._clock)
        self._penalties.clear()

    def admit(self, token: Token) -> Pass | Refusal:
        """Let a request of `token` in, or refuse it; a refused request uses nothing up."""
        if self._switches["limits"] == "off":
            return Pass()
        app = token.app or (DASHBOARD if self._switches["merchant_tokens_share_app"] else token.value)
        flights = (
            ("X-RateLimit-crossTokenConcurrentLimit", self._app_flight, app),
            ("X-RateLimit-tokenConcurrentLimit", self._token_flight, token.value),
        )
        for header, flight, key in flights:
            penalty = self._penalties.get((header, key))
            if penalty is not None and self._clock.monotonic() < penalty.until:
                return self._punish(header, flight, key, penalty.wait * 2)
        held: list[tuple[Concurrency, str]] = []
        for header, flight, key in flights:
            if not flight.take(key).allowed:
                self.release(Pass(tuple(held)))
                return self._punish(header, flight, key, flight.retry_after)
            held.append((flight, key))
        rates = (
            ("X-RateLimit-tokenLimit", self._token_rate, token.value),
            ("X-RateLimit-crossTokenLimit", self._app_rate, app),
        )
        for header, rate, key in rates:
            if not rate.peek(key).allowed:
                self.release(Pass(tuple(held)))
                return Refusal(header, rate.limit)
        for _, rate, key in rates:
            rate.take(key)
        return Pass(tuple(held))

    def release(self, passed: Pass) -> None:
        """The answer of an admitted request is complete."""
        for flight, key in passed.held:
            flight.release(key)

    def _punish(self, header: str, flight: Concurrency, key: str, wait: int) -> Refusal:
        wait = max(1, min(wait, int(self._switches["retry_after_max_seconds"])))
        if self._switches["retry_after_grows"]:
            self._penalties[(header, key)] = _Penalty(self._clock.monotonic() + wait, wait)
        return Refusal(header, flight.limit, wait)
