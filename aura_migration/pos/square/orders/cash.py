"""Reading cash drawers: each shift in full, and what happened at it. Square API reference, section 16."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder, SecondRoute
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists, sources
from aura_migration.pos.square.orders.settled import EVENTS
from aura_migration.pos.square.orders.walk import (
    AT_ONCE,
    Spread,
    backwards,
    full_windows_again,
    read_spread,
    read_window,
)
from aura_migration.pos.square.people.walk import judged, reading_began, recount
from aura_migration.pos.square.people.windows import forget_others
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

IN_FULL = ", in full"
RECOUNTED = 5_000


class _Amount(msgspec.Struct):
    amount: int | None = None


class _Shift(msgspec.Struct):
    id: str = ""
    opened_cash_money: _Amount | None = None
    expected_cash_money: _Amount | None = None


class _Shifts(msgspec.Struct):
    cash_drawer_shifts: list[_Shift] | None = None


class _Event(msgspec.Struct, frozen=True):
    id: str = ""
    created_at: str | None = None
    event_type: str | None = None
    event_money: _Amount | None = None


@dataclass
class _Moved:
    """What the events of a drawer come to."""

    net: int = 0

    def take(self, heads: Sequence[_Event]) -> None:
        for head in heads:
            sign = EVENTS.get(head.event_type or "", ("", 0))[1]
            self.net += sign * abs(_cents(head.event_money))


async def read_cash(
    session: SquareCalls,
    recorder: Recorder,
    location: str,
    windows: Mapping[str, Mapping[str, Any]],
    wanted: Sequence[str],
) -> None:
    """The wanted ones of shifts and events, certified; events need the shifts read."""
    if sources.SHIFTS in wanted:
        await judged(recorder, sources.SHIFTS, _shifts(session, recorder, location, windows))
    if sources.EVENTS in wanted:
        held = await in_thread(recorder.certificate, sources.SHIFTS)
        if held is not None and held.status == "not_extracted":
            await certify(recorder, Certificate(sources.EVENTS, "not_extracted", reason=held.reason))
            return
        await judged(recorder, sources.EVENTS, _events(session, recorder, location, windows))


async def _shifts(
    session: SquareCalls, recorder: Recorder, location: str, windows: Mapping[str, Mapping[str, Any]]
) -> None:
    """The list shows summaries; each shift once more by its id shows who and what."""
    spread = await read_spread(session, recorder, lists.SHIFTS, windows)
    await full_windows_again(session, recorder, spread, windows)
    for name in windows:
        if not recorder.recorded(sources.SHIFTS, name + IN_FULL):
            await restart(recorder, sources.SHIFTS, name + IN_FULL)
            found = await in_thread(_listed, recorder, [name])
            gate = asyncio.Semaphore(AT_ONCE)
            await together(
                [_in_full(session, recorder, location, name, at, one, gate) for at, one in enumerate(found, 1)]
            )
            await complete(recorder, sources.SHIFTS, name + IN_FULL)
    ids = spread.ids()
    route = None
    if ids.size <= RECOUNTED:
        size = lists.SHIFTS.page - 1
        again: set[str] = set()
        for part in await together(
            [recount(session, lists.SHIFTS, {**backwards(asked), "limit": size}) for asked in windows.values()]
        ):
            again |= part
        route = SecondRoute(
            f"the same list in pages of {size}", len({hash(ident) for ident in again} | set(ids.tolist()))
        )
    await certify(recorder, spread.certificate(route))


async def _in_full(
    session: SquareCalls,
    recorder: Recorder,
    location: str,
    window: str,
    number: int,
    shift: str,
    gate: asyncio.Semaphore,
) -> None:
    asked = {"location_id": location}
    async with gate:
        response = await session.get(f"{lists.SHIFTS.path}/{shift}", asked)
    await record(session, recorder, sources.SHIFTS, response, asked, 1, number, window + IN_FULL)


async def _events(
    session: SquareCalls, recorder: Recorder, location: str, windows: Mapping[str, Mapping[str, Any]]
) -> None:
    shifts = await in_thread(_listed, recorder, list(windows))
    entity, gate = sources.EVENTS, asyncio.Semaphore(AT_ONCE)
    await forget_others(recorder, entity, shifts)
    spread, proven = Spread(lists.events("")), 0

    async def one(shift: str, head: _Shift) -> None:
        nonlocal proven
        listing = lists.events(shift)
        asked = {**listing.request(), "location_id": location}
        async with gate:
            window = await read_window(session, recorder, listing, shift, asked, _Event, _Moved)
        spread.windows[shift] = window
        moved = _cents(head.expected_cash_money) - _cents(head.opened_cash_money)
        if window.facts.net != moved:
            found = await recount(session, listing, {**asked, "limit": listing.page - 1}, reading_began(recorder))
            if {hash(ident) for ident in found} - set(window.hashes):
                spread.doubts.append(f"the drawer {shift} shows other events in other pages")
                return
        proven += len(window.hashes)

    await together([one(shift, head) for shift, head in shifts.items()])
    route = SecondRoute("the drawers' sums, which their events make up,", proven)
    await certify(recorder, spread.certificate(route))


def _listed(recorder: Recorder, windows: Sequence[str]) -> dict[str, _Shift]:
    """The shifts of those windows as recorded."""
    found: dict[str, _Shift] = {}
    for name in windows:
        for stored in recorder.bodies(sources.SHIFTS, name):
            for shift in msgspec.json.decode(stored.data, type=_Shifts, strict=False).cash_drawer_shifts or ():
                found[shift.id] = shift
    return found


def _cents(money: _Amount | None) -> int:
    return (money.amount if money is not None else None) or 0
