"""Reading people and what they are owed completely: which lists, cut into which windows, and the proof of it.

Directories are cut by the year a profile arose, points and card activities by time, so that an interrupted reading goes
on where it stopped. Every list is counted a second way where Square offers one: the directory by its own count, cards,
staff and time by state, events and activities by type. Square API reference, sections 3, 8 to 10 and 15.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aura_migration.archive.snapshot import Certificate, Recorder, SecondRoute
from aura_migration.pos.http.errors import NotFound, Rejected
from aura_migration.pos.port import Scope
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people import lists
from aura_migration.pos.square.people.attributes import read_attributes
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.points import read_loyalty
from aura_migration.pos.square.people.sources import PEOPLE
from aura_migration.pos.square.people.walk import (
    Head,
    Reading,
    ask,
    by_value,
    confirmed,
    heads_page,
    judged,
    read_window,
    reading_began,
    recount,
)
from aura_migration.pos.square.people.windows import forget_others, read_windows, year_before, year_starts
from aura_migration.pos.square.recording import certify, restart
from aura_migration.pos.square.wire import instant

ATTEMPTS = 3
ONE_WINDOW = 5_000
"""A directory of so many profiles is read in one window."""
LISTED_AGAIN = 2_000
"""A directory of so many profiles is compared id by id with the list; a larger one with the list's own count."""
OPTIONAL = frozenset(entity.name for entity in PEOPLE if not entity.required)
LOYALTY = ("loyalty_program", "loyalty_accounts", "loyalty_events", "loyalty_rewards")


def people_readings(
    session: SquareCalls,
    recorder: Recorder,
    scope: Scope,
    location: str | None,
    wanted: Sequence[str],
    switches: Mapping[str, Any],
) -> list[Awaitable[None]]:
    """One awaitable per reading of the wanted source entities; they may be awaited side by side."""
    readings: dict[str, Callable[[], Awaitable[None]]] = {}
    if scope == "merchant":
        readings["customers"] = lambda: _customers(session, recorder)
        readings["customer_groups"] = lambda: _plain(session, recorder, lists.GROUPS)
        readings["customer_segments"] = lambda: _plain(session, recorder, lists.SEGMENTS)
        readings["customer_attributes"] = lambda: read_attributes(session, recorder, switches)
        readings["cards_on_file"] = lambda: _plain(session, recorder, lists.CARDS_ON_FILE, replay=False)
        readings["gift_cards"] = lambda: _gift_cards(session, recorder)
        readings["gift_card_activities"] = lambda: _activities(session, recorder)
        readings["team"] = lambda: _team(session, recorder)
        readings["jobs"] = lambda: _plain(session, recorder, lists.JOBS)
        readings["wages"] = lambda: _plain(session, recorder, lists.WAGES)
    elif location is not None:
        readings["timecards"] = lambda: _timecards(session, recorder, location)
        readings["break_types"] = lambda: _plain(
            session, recorder, lists.BREAK_TYPES, {**lists.BREAK_TYPES.request(), "location_id": location}
        )
    found: list[Awaitable[None]] = []
    for name in wanted:
        if name in readings:
            reading = readings[name]()
            found.append(judged(recorder, name, optional(recorder, name, reading) if name in OPTIONAL else reading))
    points = [name for name in LOYALTY if name in wanted]
    if scope == "merchant" and points:
        found.append(read_loyalty(session, recorder, points))
    return found


async def optional(recorder: Recorder, entity: str, reading: Awaitable[None]) -> None:
    """Await a reading nothing depends on: where Square does not give it, that is said and all else goes on."""
    try:
        await reading
    except (NotFound, Rejected) as error:
        await certify(recorder, Certificate(entity, "not_extracted", reason=str(error)))


async def _plain(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    asked: Mapping[str, Any] | None = None,
    *,
    replay: bool = True,
) -> None:
    """A list without windows and without a second route, unless it ends exactly on a full page."""
    read = await read_window(session, recorder, listing, asked=asked, replay=replay)
    await certify(recorder, await confirmed(session, recorder, listing, read, asked))


async def _stated(
    session: SquareCalls,
    recorder: Recorder,
    listing: Listing,
    asked: Mapping[str, Any],
    asks: Sequence[Mapping[str, Any]],
    how: str,
    is_named: Callable[[Head], bool],
) -> None:
    """A list of one window, counted again value by value; read again while it changes meanwhile."""
    for attempt in range(1, ATTEMPTS + 1):
        reading = Reading(listing.entity)
        reading.take(await read_window(session, recorder, listing, asked=asked, is_named=is_named))
        route = await by_value(session, recorder, listing, asks, reading, how)
        if route.count == reading.distinct or attempt == ATTEMPTS:
            await certify(recorder, reading.certificate(route))
            return
        await restart(recorder, listing.entity)


# Guests ---------------------------------------------------------------------------------------------------------------


async def _customers(session: SquareCalls, recorder: Recorder) -> None:
    """The directory by year; begun again, a bounded number of times, while profiles come and go meanwhile."""
    listing = lists.CUSTOMERS
    for attempt in range(1, ATTEMPTS + 1):
        before, oldest = await _count(session)
        windows = _years(before, oldest, recorder.taken_at)
        await forget_others(recorder, listing.entity, windows)
        reading = Reading(listing.entity)
        for window, span in windows.items():
            asked = listing.request()
            if span:
                asked["query"] = {**asked["query"], "filter": {"created_at": span}}
            read = await read_window(session, recorder, listing, window, asked)
            reading.take(read, None if before is not None else await confirmed(session, recorder, listing, read, asked))
        after, _ = await _count(session)
        counts = [count for count in (before, after) if count is not None]
        is_within = not counts or min(counts) <= reading.distinct <= max(counts)
        if is_within or attempt == ATTEMPTS:
            break
        for window in windows:
            await restart(recorder, listing.entity, window)
    doubts: list[str] = []
    if after is not None and after > LISTED_AGAIN:
        changed = f" (from {before or 0:,} to {after:,} while it was read)" if before != after else ""
        route = SecondRoute(f"the list's own count{changed}", reading.distinct if is_within else after)
    else:
        again = lists.CUSTOMER_LIST
        listed = await recount(session, again, again.request(), reading_began(recorder))
        early = reading.ids - reading.late
        if listed != early:
            doubts.append(f"{len(listed ^ early):,} profiles show in only one of search and list")
        if not is_within:
            doubts.append(f"the list shows {len(listed):,} profiles and counts {after or 0:,}")
        route = SecondRoute("the list", len(listed | reading.late))
    await certify(recorder, reading.certificate(route, doubts))


async def _count(session: SquareCalls) -> tuple[int | None, datetime]:
    """How many profiles Square counts (None where it does not say), and when the oldest arose."""
    response, parts = await ask(session, lists.CUSTOMER_LIST, lists.CUSTOMER_LIST.request(page=1))
    count = session.shaped_part(response, parts["count"], int) if "count" in parts else None
    rows = session.shaped_part(response, parts["customers"], list[Head]) if "customers" in parts else []
    return count, instant(rows[0].created_at) if rows else datetime.now(UTC)


def _years(count: int | None, oldest: datetime, until: datetime) -> dict[str, dict[str, str]]:
    """Windows by name with their span of creation; a small directory is one window of everything."""
    if count is not None and count <= ONE_WINDOW:
        return {"": {}}
    starts = year_starts(oldest, until)
    windows = {}
    for number in range(len(starts) + 1):
        span = {"start_at": starts[number - 1]} if number else {}
        if number < len(starts):
            span["end_at"] = starts[number]
        windows[f"from {starts[number - 1][:4]}" if number else "before"] = span
    return windows


# Gift cards -----------------------------------------------------------------------------------------------------------


async def _gift_cards(session: SquareCalls, recorder: Recorder) -> None:
    listing = lists.GIFT_CARDS
    asks = [{**listing.request(), "state": state} for state in lists.GIFT_CARD_STATES]
    await _stated(
        session,
        recorder,
        listing,
        listing.request(),
        asks,
        "asking state by state",
        lambda head: head.state in lists.GIFT_CARD_STATES,
    )


async def _activities(session: SquareCalls, recorder: Recorder) -> None:
    """Since the beginning, oldest first, year by year: a year's ends belong to both neighbours."""
    listing = lists.GIFT_CARD_ACTIVITIES
    first = await heads_page(session, listing, listing.request(page=1))
    starts = year_starts(instant(first.rows[0].created_at), recorder.taken_at) if first.rows else []
    windows: dict[str, dict[str, Any]] = {}
    for number in range(len(starts) + 1):
        asked = listing.request()
        if number:
            asked["begin_time"] = starts[number - 1]
        if number < len(starts):
            asked["end_time"] = starts[number]
        windows[f"from {starts[number - 1][:4]}" if number else "before"] = asked
    asks = [{**listing.request(), "type": kind} for kind in lists.ACTIVITY_TYPES]
    await read_windows(
        session,
        recorder,
        Reading(listing.entity),
        listing,
        windows,
        asks,
        lambda head: head.type in lists.ACTIVITY_TYPES,
    )


# Staff and time -------------------------------------------------------------------------------------------------------


async def _team(session: SquareCalls, recorder: Recorder) -> None:
    listing = lists.TEAM
    asks = [{**listing.request(), "query": {"filter": {"status": status}}} for status in lists.TEAM_STATES]
    await _stated(
        session,
        recorder,
        listing,
        listing.request(),
        asks,
        "asking state by state",
        lambda head: head.status in lists.TEAM_STATES,
    )


async def _timecards(session: SquareCalls, recorder: Recorder, location: str) -> None:
    """What began in the twelve months before the snapshot, and everything since."""
    listing = lists.TIMECARDS
    since = year_before(recorder.taken_at)
    where = {"location_ids": [location], "start": {"start_at": since}}
    sort = {"field": "START_AT", "order": "ASC"}

    def asked(**more: str) -> dict[str, Any]:
        return {**listing.request(), "query": {"filter": {**where, **more}, "sort": sort}}

    await _stated(
        session,
        recorder,
        listing,
        asked(),
        [asked(status=status) for status in lists.TIMECARD_STATES],
        "asking state by state",
        lambda head: head.status in lists.TIMECARD_STATES,
    )
