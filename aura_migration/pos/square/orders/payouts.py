"""Reading payouts and what they are made of. The entries of a payout make up its amount: that is their proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder, SecondRoute
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.paging import PageTrail, cursor_pages
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists, sources
from aura_migration.pos.square.orders.walk import AT_ONCE, Spread, page_of, read_spread
from aura_migration.pos.square.people.walk import judged, recount
from aura_migration.pos.square.people.windows import forget_others
from aura_migration.pos.square.recording import certify, complete, restart
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

TOGETHER = 25
"""So many payouts are kept in one body with all they are made of."""


class _Amount(msgspec.Struct):
    amount: int | None = None


class _Payout(msgspec.Struct):
    id: str = ""
    type: str | None = None
    amount_money: _Amount | None = None


class _Entry(msgspec.Struct):
    id: str = ""
    net_amount_money: _Amount | None = None


@dataclass
class _Tally:
    """What was read of entries, for their certificate."""

    pages: int = 0
    rows: int = 0
    distinct: int = 0
    proven: int = 0
    doubts: list[str] = field(default_factory=list)


async def read_payouts(
    session: SquareCalls,
    recorder: Recorder,
    windows: Mapping[str, Mapping[str, Any]],
    wanted: Sequence[str],
    prove: Callable[[Spread], Awaitable[None]],
) -> None:
    """The wanted ones of payouts and entries, certified; entries need the payouts read."""

    async def payouts() -> None:
        await prove(await read_spread(session, recorder, lists.PAYOUTS, windows))

    if sources.PAYOUTS in wanted:
        await judged(recorder, sources.PAYOUTS, payouts())
    if sources.ENTRIES in wanted:
        held = recorder.certificate(sources.PAYOUTS)
        if held is not None and held.status == "not_extracted":
            await certify(recorder, Certificate(sources.ENTRIES, "not_extracted", reason=held.reason))
            return
        await judged(recorder, sources.ENTRIES, _entries(session, recorder, windows))


async def _entries(session: SquareCalls, recorder: Recorder, windows: Mapping[str, Mapping[str, Any]]) -> None:
    entity, tally = sources.ENTRIES, _Tally()
    await forget_others(recorder, entity, windows)
    gate = asyncio.Semaphore(AT_ONCE)

    async def window(name: str) -> None:
        async with gate:
            if recorder.recorded(entity, name):
                await in_thread(_replayed, recorder, name, tally)
                return
            await restart(recorder, entity, name)
            listed = await in_thread(_listed, recorder, name)
            for number, start in enumerate(range(0, len(listed), TOGETHER), start=1):
                await _kept(session, recorder, name, number, listed[start : start + TOGETHER], tally)
            await complete(recorder, entity, name)

    await together([window(name) for name in windows])
    route = SecondRoute("the payouts' amounts, which their entries make up,", tally.proven)
    found = list(dict.fromkeys(tally.doubts))
    if tally.proven != tally.distinct:
        found.append(f"entries of {tally.distinct - tally.proven:,} lines do not make up their payouts")
    status = "suspicious" if found else "complete"
    await certify(
        recorder,
        Certificate(
            entity,
            status,  # type: ignore[arg-type]
            tally.pages,
            tally.rows,
            tally.distinct,
            route,
            duplicates_dropped=tally.rows - tally.distinct,
            reason="; ".join(found),
        ),
    )


def _listed(recorder: Recorder, window: str) -> list[msgspec.Raw]:
    """The payouts of a window as recorded, each once."""
    found: dict[str, msgspec.Raw] = {}
    for stored in recorder.bodies(sources.PAYOUTS, window):
        parts = msgspec.json.decode(stored.data, type=dict[str, msgspec.Raw])
        for raw in msgspec.json.decode(parts.get("payouts", b"[]"), type=list[msgspec.Raw]):
            found[msgspec.json.decode(raw, type=_Payout, strict=False).id] = raw
    return list(found.values())


async def _kept(
    session: SquareCalls, recorder: Recorder, window: str, number: int, payouts: Sequence[msgspec.Raw], tally: _Tally
) -> None:
    """Some payouts with all they are made of, kept as one body."""
    gathered = await together([entries_of(session, raw) for raw in payouts])
    body = msgspec.json.encode(
        {"payouts": list(payouts), "payout_entries": [entry for read in gathered for entry in read.entries]}
    )
    response = next((read.response for read in gathered if read.response is not None), None)
    rows = sum(len(read.entries) for read in gathered)
    await in_thread(
        recorder.record,
        sources.ENTRIES,
        method="GET",
        path=f"{lists.PAYOUTS.path}/payout-entries",
        params={"version": response.headers.get("square-version") if response is not None else None},
        request_body=None,
        body=body,
        rows=rows,
        page=number,
        window=window,
    )
    tally.pages += 1
    for read in gathered:
        tally.rows += len(read.entries)
        tally.distinct += read.distinct
        tally.proven += read.distinct if read.is_proven else 0
        tally.doubts += read.doubts


@dataclass
class Entries:
    """One payout's entries as sent."""

    entries: list[msgspec.Raw] = field(default_factory=list)
    distinct: int = 0
    is_proven: bool = True
    response: PosResponse | None = None
    doubts: list[str] = field(default_factory=list)


async def entries_of(session: SquareCalls, payout: msgspec.Raw) -> Entries:
    """What a payout is made of. Entries that do not make up its amount are counted once more in other pages."""
    head = msgspec.json.decode(payout, type=_Payout, strict=False)
    found = Entries()
    if head.type == "SIMPLE" or not head.id:  # a transfer by itself: it is made of nothing
        return found
    listing, net = lists.entries(head.id), 0
    seen: set[str] = set()
    asked = listing.request()
    pages = cursor_pages(
        lambda cursor: page_of(session, listing, asked, _Entry, cursor),
        row_id=lambda entry: str(entry.id),
        trail=PageTrail(),
    )
    walk = 1
    async for page in pages:
        if page.walk != walk:
            found, net, seen, walk = Entries(), 0, set(), page.walk
        found.response = page.page.response
        assert found.response is not None  # every page was asked for
        parts = session.decoded(found.response, dict[str, msgspec.Raw])
        raws = msgspec.json.decode(parts.get(listing.rows, b"[]"), type=list[msgspec.Raw])
        for entry, raw in zip(page.page.rows, raws, strict=True):
            if entry.id not in seen:
                seen.add(entry.id)
                found.entries.append(raw)
                net += (entry.net_amount_money.amount if entry.net_amount_money else 0) or 0
    found.distinct = len(seen)
    amount = (head.amount_money.amount if head.amount_money else 0) or 0
    if net != amount:
        again = await recount(session, listing, listing.request(listing.page - 1))
        found.is_proven = again == seen
    return found


def _replayed(recorder: Recorder, window: str, tally: _Tally) -> None:
    for stored in recorder.bodies(sources.ENTRIES, window):
        tally.pages += 1
        tally.rows += stored.rows
        tally.distinct += stored.rows
        tally.proven += stored.rows
