"""The arithmetic of shared limits: fixed slices, rolling windows, in-flight slots. Pure functions over small states.

Permits are handed out in blocks, so that a process need not ask for each request. A block counts from the last instant
it may be used at, never from the instant it was asked for: the sum over all processes keeps the limit in every window.
Where the states are kept, and how processes exclude each other, is the ledger's business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

QUANTA = 50
"""A rolling window is remembered in this many steps, so that its state stays small; rounding is to the careful side."""

SAFETY = 0.001
"""Seconds added to a wait, so that a waiter does not come a rounding error too early."""


@dataclass(slots=True)
class BucketState:
    """What is remembered of one limit. Times are epoch seconds of the ledger's clock."""

    slice_number: int = 0
    used: int = 0
    grants: list[tuple[float, int]] = field(default_factory=list)
    blocked_until: float = -math.inf


@dataclass(frozen=True, slots=True)
class Ask:
    """Please ``want`` permits (at least one) of ``capacity`` per ``per_seconds``, to be used within ``hold`` seconds.

    ``returned`` are blocks (stamp, permits) not used up, given back on this occasion.
    """

    key: str
    capacity: int
    per_seconds: float
    rolling: bool
    want: int
    hold: float
    returned: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Permits granted, usable for ``valid_for`` seconds from the asking. ``stamp`` names them when given back."""

    permits: int
    valid_for: float
    stamp: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Either a block for every key asked, or (nothing was taken) the seconds to wait before asking again."""

    blocks: Mapping[str, Block]
    wait: float = 0.0


def reserve(states: Mapping[str, BucketState], asks: Sequence[Ask], now: float) -> Answer:
    """Grant all asks or none; the states are changed in place (what was given back is taken in either way)."""
    wait = 0.0
    rooms: dict[str, int] = {}
    for ask in asks:
        state = states[ask.key]
        _take_back(state, ask)
        room, delay = _room(state, ask, now)
        rooms[ask.key] = room
        if room < 1:
            wait = max(wait, delay + SAFETY)
    if wait > 0:
        return Answer({}, wait)
    return Answer({ask.key: _grant(states[ask.key], ask, min(ask.want, rooms[ask.key]), now) for ask in asks})


def _take_back(state: BucketState, ask: Ask) -> None:
    for stamp, permits in ask.returned:
        if not ask.rolling:
            if int(stamp) == state.slice_number:
                state.used = max(0, state.used - permits)
            continue
        for position, (moment, count) in enumerate(state.grants):
            if math.isclose(moment, stamp, rel_tol=0, abs_tol=1e-6):
                state.grants[position] = (moment, max(0, count - permits))
                break


def _room(state: BucketState, ask: Ask, now: float) -> tuple[int, float]:
    """Permits free now, and the seconds until at least one is."""
    if state.blocked_until > now:
        return 0, state.blocked_until - now
    if not ask.rolling:
        current = math.floor(now / ask.per_seconds)
        if current > state.slice_number:
            state.slice_number, state.used = current, 0
        # A clock that was set back must not hand out a past slice twice: the later slice stays in force.
        return ask.capacity - state.used, max(0.0, (state.slice_number + 1) * ask.per_seconds - now)
    state.grants = sorted((moment, count) for moment, count in state.grants if count and moment + ask.per_seconds > now)
    room = ask.capacity - sum(count for _, count in state.grants)
    return room, (state.grants[0][0] + ask.per_seconds - now if state.grants else 0.0)


def _grant(state: BucketState, ask: Ask, permits: int, now: float) -> Block:
    hold = ask.hold
    if not ask.rolling:
        state.used += permits
        left = (state.slice_number + 1) * ask.per_seconds - now
        return Block(permits, min(hold, left), float(state.slice_number))
    step = ask.per_seconds / QUANTA
    stamp = math.ceil((now + hold) / step) * step
    if state.grants and math.isclose(state.grants[-1][0], stamp, rel_tol=0, abs_tol=step / 2):
        stamp = state.grants[-1][0]
        state.grants[-1] = (stamp, state.grants[-1][1] + permits)
    else:
        state.grants.append((stamp, permits))
    return Block(permits, hold, stamp)


@dataclass(frozen=True, slots=True)
class Lease:
    """The slots one process holds of one in-flight limit. ``wanted`` is what it could use; times are epoch seconds."""

    holder: str
    slots: int
    wanted: int
    granted_at: float
    waiting_since: float | None
    expires_at: float


def settle(
    capacity: int,
    others: Sequence[Lease],
    mine: Lease | None,
    holder: str,
    in_use: int,
    want: int,
    now: float,
    ttl: float,
    turn: float,
) -> tuple[Lease, int]:
    """My lease from now on, and how many requests I may have in flight (below the slots leased: let some run out).

    Free slots go first to the holder that waits longest with none. A holder that has more than its fair share while
    another wants more hands the surplus back; while another has none at all, also what is rounded up, after ``turn``
    seconds: where there are more holders than slots, they take turns.
    Requests on air are never taken back: ``slots`` is at least ``in_use``.
    """
    live = [other for other in others if other.expires_at > now]
    hungry = [other for other in live if other.slots < other.wanted]
    empty_handed = [other for other in hungry if other.slots == 0]
    free = capacity - sum(other.slots for other in live)
    held = mine.slots if mine else 0
    waiting_since = (mine.waiting_since if mine else None) or now

    fair = max(1, math.ceil(capacity / (len(live) + 1))) if hungry else capacity
    if held == 0:
        free -= sum(1 for other in empty_handed if (other.waiting_since or now) < waiting_since)
    elif empty_handed and mine and now - mine.granted_at >= turn:
        fair = min(fair, capacity // (len(live) + 1))  # 0 where there are more holders than slots
    allowed = max(0, min(want, fair, free))
    slots = max(allowed, in_use)
    starved = slots == 0 and want > 0
    granted_at = mine.granted_at if mine and held and slots else now
    return Lease(holder, slots, want, granted_at, waiting_since if starved else None, now + ttl), allowed
