"""Cutting long lists into spans of time, and reading them span by span."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aura_migration.archive.snapshot import Recorder
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people.lists import Listing
from aura_migration.pos.square.people.walk import Head, Reading, WindowRead, by_value, confirmed, read_window
from aura_migration.pos.square.recording import certify, restart
from aura_migration.pos.threads import in_thread

ATTEMPTS = 3
RECOUNTED = 20_000
"""A list of so many records is counted once more, type by type; of a longer one, each span that ended on a full page."""
FIRST_YEAR = 2009
"""Square is no older; a time stamp before that is none."""


def year_starts(since: datetime, until: datetime) -> list[str]:
    """The first instants (RFC 3339) of the calendar years after ``since`` and up to ``until``."""
    first = max(since.astimezone(UTC).year, FIRST_YEAR) + 1
    return [f"{year}-01-01T00:00:00Z" for year in range(first, until.astimezone(UTC).year + 1)]


def quarter_starts(since: datetime, until: datetime) -> list[str]:
    """The first instants (RFC 3339) of the calendar quarters after ``since`` and up to ``until``."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    found = []
    for year in range(max(since.year, FIRST_YEAR), until.year + 1):
        for month in (1, 4, 7, 10):
            start = datetime(year, month, 1, tzinfo=UTC)
            if since < start <= until:
                found.append(f"{start:%Y-%m-%d}T00:00:00Z")
    return found


def year_before(instant: datetime) -> str:
    """The instant twelve months earlier (RFC 3339)."""
    utc = instant.astimezone(UTC).replace(microsecond=0)
    try:
        earlier = utc.replace(year=utc.year - 1)
    except ValueError:  # 29 February
        earlier = utc.replace(year=utc.year - 1, day=28)
    return f"{earlier:%Y-%m-%dT%H:%M:%S}Z"


async def forget_others(recorder: Recorder, entity: str, windows: Container[str]) -> None:
    """Forget windows an interrupted attempt kept that are not among these: it cut the list another way."""
    kept = {page.window for page in await in_thread(recorder.pages, entity)}
    for window in sorted(kept):
        if window not in windows:
            await restart(recorder, entity, window)


async def read_windows(
    session: SquareCalls,
    recorder: Recorder,
    empty: Reading,
    listing: Listing,
    windows: Mapping[str, Mapping[str, Any]],
    asks: Sequence[Mapping[str, Any]],
    is_named: Callable[[Head], bool],
) -> None:
    """A list window by window (name → what to ask), in that order, and its certificate.

    ``asks`` are the requests of the second route, taken where the list is short enough; ``empty`` says whether windows
    may overlap. Read again, a bounded number of times, while the second route shows something else.
    """
    await forget_others(recorder, listing.entity, windows)
    for attempt in range(1, ATTEMPTS + 1):
        reading = Reading(listing.entity, empty.overlapping)
        full: list[tuple[Mapping[str, Any], WindowRead]] = []
        for window, asked in windows.items():
            read = await read_window(session, recorder, listing, window, asked, is_named=is_named)
            if reading.distinct + read.distinct > RECOUNTED:
                reading.take(read, await confirmed(session, recorder, listing, read, asked))
            else:
                if read.judgement().status != "complete":
                    full.append((asked, read))
                reading.take(read)
        if reading.distinct > RECOUNTED:
            doubts = [await confirmed(session, recorder, listing, read, asked) for asked, read in full]
            await certify(recorder, reading.certificate(doubts=[one.reason for one in doubts if one.reason]))
            return
        route = await by_value(session, recorder, listing, asks, reading, "asking type by type")
        if route.count == reading.distinct or attempt == ATTEMPTS:
            await certify(recorder, reading.certificate(route))
            return
        for window in windows:
            await restart(recorder, listing.entity, window)
