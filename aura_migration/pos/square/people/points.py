"""Reading loyalty: the programme with its promotions and what its tiers take off, accounts, events and rewards.

A seller without a programme has nothing to read, which is complete. One whose subscription ended cannot be read, which
is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import NotFound, Permanent, PermissionMissing, Unauthorized
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people import lists
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.walk import (
    Reading,
    confirmed,
    heads_page,
    judged,
    other_pages,
    read_window,
)
from aura_migration.pos.square.people.windows import RECOUNTED, quarter_starts, read_windows
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.square.wire import instant
from aura_migration.pos.together import together

ENTITY = "loyalty_program"
PROGRAM, PROMOTIONS, TIERS = "program", "promotions", "tiers"
NO_PROGRAMME = "This seller has no loyalty programme: there is nothing to read."
ATTEMPTS = 3


class _Reference(msgspec.Struct):
    object_id: str | None = None
    catalog_version: int | None = None


class _Tier(msgspec.Struct):
    pricing_rule_reference: _Reference | None = None


class _Program(msgspec.Struct):
    id: str
    created_at: str | None = None
    reward_tiers: list[_Tier] | None = None


class _ProgramAnswer(msgspec.Struct):
    program: _Program | None = None


async def read_loyalty(session: SquareCalls, recorder: Recorder, wanted: Sequence[str]) -> None:
    """Read and certify the wanted source entities of loyalty; each may fail to be permitted by itself."""
    try:
        response = await session.request("GET", lists.PROGRAM)
    except NotFound:
        await _absent(session, recorder, wanted)
        return
    except PermissionMissing as error:
        for name in wanted:
            await certify(recorder, Certificate(name, "not_extracted", reason=error.what))
        return
    answer = session.decoded(response, _ProgramAnswer)
    if answer.program is None:
        session.empty_or_changed(response, ("errors",))
        await _absent(session, recorder, wanted)
        return
    program = answer.program
    readings: dict[str, Callable[[], Awaitable[None]]] = {
        ENTITY: lambda: _program(session, recorder, response, program),
        "loyalty_accounts": lambda: _sized(session, recorder, lists.LOYALTY_ACCOUNTS),
        "loyalty_rewards": lambda: _sized(session, recorder, lists.LOYALTY_REWARDS),
        "loyalty_events": lambda: _events(session, recorder, instant(program.created_at)),
    }
    await together([judged(recorder, name, readings[name]()) for name in wanted])


async def _absent(session: SquareCalls, recorder: Recorder, wanted: Sequence[str]) -> None:
    """No programme: complete, unless there are balances all the same."""
    try:
        page = await heads_page(session, lists.LOYALTY_ACCOUNTS, lists.LOYALTY_ACCOUNTS.request(page=1))
        has_accounts = bool(page.rows)
    except Unauthorized:
        raise
    except Permanent:
        has_accounts = False
    for name in wanted:
        if has_accounts:
            reason = "Square shows no loyalty programme, but loyalty accounts."
            await certify(recorder, Certificate(name, "suspicious", reason=reason))
        else:
            await certify(recorder, Certificate(name, "complete", reason=NO_PROGRAMME))


async def _program(session: SquareCalls, recorder: Recorder, response: PosResponse, program: _Program) -> None:
    for window in (PROGRAM, TIERS):
        await restart(recorder, ENTITY, window)
    await record(session, recorder, ENTITY, response, None, 1, 1, PROGRAM)
    await complete(recorder, ENTITY, PROGRAM)
    tiers = 0
    for tier in program.reward_tiers or ():
        answered = await _pricing_rule(session, tier.pricing_rule_reference)
        if answered is not None:
            tiers += 1
            await record(session, recorder, ENTITY, answered, None, 1, tiers, TIERS)
    await complete(recorder, ENTITY, TIERS)
    path = f"/v2/loyalty/programs/{quote(program.id, safe='')}/promotions"
    listing = Listing(ENTITY, "GET", path, "loyalty_promotions", 30)
    promotions = await read_window(session, recorder, listing, PROMOTIONS)
    judgement = await confirmed(session, recorder, listing, promotions)
    await certify(
        recorder,
        Certificate(
            ENTITY,
            judgement.status,
            1 + tiers + judgement.pages,
            1 + tiers + judgement.rows,
            1 + tiers + judgement.distinct,
            suspicious_caps=judgement.suspicious_caps,
            duplicates_dropped=judgement.duplicates_dropped,
            reason=judgement.reason,
        ),
    )


async def _pricing_rule(session: SquareCalls, reference: _Reference | None) -> PosResponse | None:
    """What a tier takes off, at the version of the catalog it names; None where Square does not show it."""
    if reference is None or not reference.object_id:
        return None
    asked = {"include_related_objects": "true"}
    path = f"/v2/catalog/object/{quote(reference.object_id, safe='')}"
    if reference.catalog_version is not None:
        asked["catalog_version"] = str(reference.catalog_version)
    try:
        return await session.request("GET", path, params=asked)
    except Unauthorized:
        raise
    except Permanent:  # gone, or not to be read: the tier is then carried over without what it takes off
        return None


async def _sized(session: SquareCalls, recorder: Recorder, listing: Listing) -> None:
    """A list that only another page size counts again: all of a short one, of a long one where it ended on a full page."""
    for attempt in range(1, ATTEMPTS + 1):
        read = await read_window(session, recorder, listing)
        if read.distinct > RECOUNTED:
            await certify(recorder, await confirmed(session, recorder, listing, read))
            return
        reading = Reading(listing.entity)
        reading.take(read)
        route = await other_pages(session, recorder, listing, reading)
        if route.count == reading.distinct or attempt == ATTEMPTS:
            await certify(recorder, reading.certificate(route))
            return
        await restart(recorder, listing.entity)


async def _events(session: SquareCalls, recorder: Recorder, since: datetime) -> None:
    """Newest first, quarter by quarter: a span's start belongs to it, its end does not."""
    listing = lists.LOYALTY_EVENTS
    starts = quarter_starts(since, recorder.taken_at)
    windows: dict[str, Mapping[str, Any]] = {}
    for number in range(len(starts), -1, -1):
        span = {"start_at": starts[number - 1]} if number else {}
        if number < len(starts):
            span["end_at"] = starts[number]
        asked = listing.request()
        if span:
            asked["query"] = {"filter": {"date_time_filter": {"created_at": span}}}
        windows[f"from {starts[number - 1][:10]}" if number else "before"] = asked
    asks = [
        {**listing.request(), "query": {"filter": {"type_filter": {"types": [kind]}}}} for kind in lists.EVENT_TYPES
    ]
    await read_windows(
        session,
        recorder,
        Reading(listing.entity, overlapping=False),
        listing,
        windows,
        asks,
        lambda head: head.type in lists.EVENT_TYPES,
    )
