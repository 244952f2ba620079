"""Documented limits of a POS as data, and Buckets, by which all processes keep them together.

A limit that is reached makes the caller wait; it never fails. Permits are taken from the ledger in blocks, so that
where limits are high PostgreSQL is asked some times a second instead of for each request. The numbers of a vendor
belong to its connector, the arithmetic to ``allowance``, the storage to ``ledger``.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Self

from aura_migration.core.errors import AuraError
from aura_migration.pos.http.allowance import Ask
from aura_migration.pos.http.ledger import Ledger, MemoryLedger, PostgresLedger

log = logging.getLogger(__name__)

MAX_BLOCK = 200
MAX_HOLD_SECONDS = 1.0
SLOT_POLL_SECONDS = (0.05, 0.2)
KEEPER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One documented limit.

    ``key`` is a template filled with the policy's names and the request's ``{scope}``; requests with the same key share
    the limit, in whichever process. ``capacity`` permits per ``per_seconds`` (0: no rate), ``concurrency`` requests in
    flight at once (0: any number). ``paths`` is a regular expression searched in ``"METHOD /path"``; empty means all.
    ``rolling`` keeps the capacity in *every* span of that length, and so is safe whatever the phase of the server's
    slices; ``rolling=False`` counts in slices of the clock and uses the full capacity of each. ``block`` is the number
    of permits taken at once (0: a tenth of the capacity, at most 200).
    """

    name: str
    key: str
    capacity: int = 0
    per_seconds: float = 1.0
    concurrency: int = 0
    paths: str = ""
    rolling: bool = True
    block: int = 0

    def __post_init__(self) -> None:
        if (
            self.capacity < 0
            or self.concurrency < 0
            or self.per_seconds <= 0
            or not (self.capacity or self.concurrency)
        ):
            raise ValueError(f"limit {self.name!r} limits nothing: give capacity per seconds, concurrency, or both")
        re.compile(self.paths)

    @property
    def block_size(self) -> int:
        """Permits taken from the ledger at once."""
        return self.block or max(1, min(MAX_BLOCK, self.capacity // 10))

    @property
    def hold_seconds(self) -> float:
        """How long a block may be kept; short, so that what is not used is not lost for others."""
        return min(MAX_HOLD_SECONDS, self.per_seconds / 10) if self.block_size > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A limit one request falls under, with its key filled in."""

    key: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """The limits of one POS, widest first. ``names`` fill the key templates: fingerprints of tokens, ids of apps."""

    limits: tuple[Limit, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, **names: str) -> LimitPolicy:
        """The same limits for a certain app, token or client. Give :func:`fingerprint` of what is secret."""
        return replace(self, names={**self.names, **names})

    def claims(self, method: str, path: str, scope: str = "") -> tuple[Claim, ...]:
        """The limits a request falls under, widest first; ``KeyError`` when a template's name was not given."""
        call = f"{method.upper()} {path}"
        values = {**self.names, "scope": scope}
        return tuple(
            Claim(limit.key.format_map(values), limit)
            for limit in self.limits
            if not limit.paths or re.search(limit.paths, call)
        )


NO_LIMITS = LimitPolicy()


def fingerprint(secret: str) -> str:
    """A short name for a secret, fit for keys and logs: sixteen hex digits, not reversible for random secrets."""
    return hashlib.blake2b(secret.encode(), digest_size=8, person=b"aura-limits").hexdigest()


@dataclass(slots=True)
class _Held:
    """A block of permits in hand: ``left`` permits until ``until`` (local clock); ``stamp`` names it on return."""

    left: int
    until: float
    stamp: float


class _Slots:
    """In-flight slots of one key, as this process sees them."""

    def __init__(self, key: str, capacity: int) -> None:
        self.key = key
        self.capacity = capacity
        self.allowed = 0
        self.in_use = 0
        self.waiting = 0
        self.settled_at = -math.inf
        self.lane = asyncio.Lock()
        self.freed = asyncio.Event()
        self.nudge = asyncio.Event()
        self.keeper: asyncio.Task[None] | None = None


class Buckets:
    """Keeps the limits for one event loop, together with every other process on the same ledger.

    Waits, never fails (a ledger that cannot be reached raises EnvironmentFault). Close it with :meth:`aclose`, or
    use it as an async context manager; what a killed process held lapses after some seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter
        self._held: dict[str, deque[_Held]] = {}
        self._returns: dict[str, list[tuple[float, int]]] = {}
        self._blocked: dict[str, float] = {}
        self._lanes: dict[tuple[str, ...], asyncio.Lock] = {}
        self._slots: dict[str, _Slots] = {}
        self.asked = 0
        """How often the ledger was asked for permits."""

    @classmethod
    def in_memory(
        cls,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> Buckets:
        """Buckets of this object alone, for use without a database."""
        return cls(MemoryLedger(clock), clock=clock, sleep=sleep, rng=rng)

    @classmethod
    def on_postgres(cls, url: str) -> Buckets:
        """Buckets shared by all processes on that database. ``url`` is ``postgresql://…``; opened on first use."""
        return cls(PostgresLedger(url))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """One holder of that name at a time among all who share the ledger; a holder that dies lets go."""
        return self._ledger.exclusive(name)

    @asynccontextmanager
    async def admit(self, claims: Sequence[Claim]) -> AsyncIterator[float]:
        """Wait until one request may go out under all claims; inside, it is in flight. Yields the seconds waited."""
        started = self._clock()
        async with AsyncExitStack() as stack:
            # Narrow before wide: nobody sits on a slot of the whole app while waiting for one of its own token.
            for claim in reversed(claims):
                if claim.limit.concurrency:
                    await stack.enter_async_context(self._slot(claim))
            rated = [claim for claim in claims if claim.limit.capacity]
            if rated:
                await self._permit(rated)
            yield self._clock() - started

    async def penalise(self, key: str, seconds: float) -> None:
        """The POS refused a request under this key: nobody, in any process, asks again for that long."""
        if seconds > 0:
            self._blocked[key] = max(self._blocked.get(key, 0.0), self._clock() + seconds)
            await self._ledger.penalise(key, seconds)

    async def aclose(self) -> None:
        """Hand everything back and close the ledger."""
        keepers = [slots.keeper for slots in self._slots.values() if slots.keeper]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await self._ledger.aclose()

    # rates

    async def _permit(self, claims: Sequence[Claim]) -> None:
        keys = tuple(claim.key for claim in claims)
        async with self._lanes.setdefault(keys, asyncio.Lock()):  # first come, first served
            while True:
                blocked = max(self._blocked.get(key, 0.0) for key in keys) - self._clock()
                if blocked > 0:
                    await self._sleep(blocked)
                    continue
                missing = [claim for claim in claims if not self._in_hand(claim.key)]
                if not missing:
                    for key in keys:
                        self._held[key][0].left -= 1
                    return
                wait = await self._fetch(missing)
                if wait > 0:
                    await self._sleep(wait * self._rng.uniform(1.0, 1.05))

    def _in_hand(self, key: str) -> bool:
        """Whether a permit is in hand; drops blocks that are used up or out of time, the latter to be given back."""
        blocks = self._held.setdefault(key, deque())
        while blocks and (blocks[0].left < 1 or self._clock() > blocks[0].until):
            block = blocks.popleft()
            if block.left:
                self._returns.setdefault(key, []).append((block.stamp, block.left))
        return bool(blocks)

    async def _fetch(self, claims: Sequence[Claim]) -> float:
        """Ask the ledger; returns seconds to wait, 0 when the blocks are in hand."""
        returned = {claim.key: tuple(self._returns.pop(claim.key, ())) for claim in claims}
        asks = [
            Ask(
                claim.key,
                claim.limit.capacity,
                claim.limit.per_seconds,
                claim.limit.rolling,
                claim.limit.block_size,
                claim.limit.hold_seconds,
                returned[claim.key],
            )
            for claim in claims
        ]
        asked_at = self._clock()
        self.asked += 1
        answer = await self._ledger.reserve(asks)
        for key, block in answer.blocks.items():
            # A single permit is used at once; its validity only has to outlive the way back from the ledger.
            until = asked_at + (block.valid_for or MAX_HOLD_SECONDS)
            self._held.setdefault(key, deque()).append(_Held(block.permits, until, block.stamp))
        return answer.wait

    # in-flight slots

    @asynccontextmanager
    async def _slot(self, claim: Claim) -> AsyncIterator[None]:
        slots = self._slots.get(claim.key)
        if slots is None:
            slots = self._slots[claim.key] = _Slots(claim.key, claim.limit.concurrency)
        slots.waiting += 1
        try:
            async with slots.lane:
                await self._free_slot(slots)
                slots.in_use += 1
        finally:
            slots.waiting -= 1
        try:
            yield
        finally:
            slots.in_use -= 1
            slots.freed.set()
            if slots.in_use >= slots.allowed:  # others wait for what we have too much
                slots.nudge.set()

    async def _free_slot(self, slots: _Slots) -> None:
        while slots.in_use >= slots.allowed:
            if slots.allowed < slots.capacity and time.monotonic() - slots.settled_at >= SLOT_POLL_SECONDS[0]:
                await self._settle(slots)
                if slots.in_use < slots.allowed:
                    break
            slots.freed.clear()
            poll = self._rng.uniform(*SLOT_POLL_SECONDS) if self._ledger.shared else None
            try:
                await asyncio.wait_for(slots.freed.wait(), poll)
            except TimeoutError:
                continue

    async def _settle(self, slots: _Slots) -> None:
        want = min(slots.capacity, slots.in_use + slots.waiting)
        slots.settled_at = time.monotonic()
        slots.allowed = await self._ledger.settle(slots.key, slots.capacity, slots.in_use, want)
        if self._ledger.shared and (slots.keeper is None or slots.keeper.done()):
            slots.keeper = asyncio.create_task(self._keep(slots), name=f"slots {slots.key}")

    async def _keep(self, slots: _Slots) -> None:
        """Renew the lease while slots are in use; hand back what is idle or more than our share."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(slots.nudge.wait(), KEEPER_SECONDS)
            slots.nudge.clear()
            try:
                if slots.in_use == 0 and slots.waiting == 0:
                    slots.allowed = 0
                    await self._ledger.leave(slots.key)
                    if slots.in_use == 0 and slots.waiting == 0:
                        return
                else:
                    await self._settle(slots)
            except AuraError as error:
                # The next request that needs the ledger reports it; the lease lapses by itself meanwhile.
                log.warning("could not renew the in-flight slots of %s: %s", slots.key, error)
