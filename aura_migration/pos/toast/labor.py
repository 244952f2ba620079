"""Fetching employees, jobs and time worked. Toast answers each of these in one piece: there are no pages.

Time worked is asked month by month of clocking in, and its ids once more by the month of the last change: the two must
tell of the same entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder, SecondRoute
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import MalformedBody
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import POS, ToastCalls
from aura_migration.pos.toast.months import Span, asked, holds, months
from aura_migration.pos.together import together

FLAGS = {"includeMissedBreaks": "true", "includeArchived": "true"}
AT_ONCE = 4


class Seen(msgspec.Struct, rename="camel"):
    """What is looked at of a record while it is fetched."""

    guid: str
    in_date: str | None = None
    modified_date: str | None = None


SEEN = msgspec.json.Decoder(list[Seen])


async def fetch_employees(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """All employees, also those deleted."""
    await _whole(session, recorder, location, "employees", paths.EMPLOYEES)


async def fetch_jobs(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """All jobs, also those deleted."""
    await _whole(session, recorder, location, "jobs", paths.JOBS)


async def fetch_time_entries(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """The time worked in the last twelve months, corrected or not, breaks that were missed included."""
    spans = months(recorder.taken_at)
    lane = asyncio.Semaphore(AT_ONCE)

    async def by_clock_in(span: Span) -> list[Seen]:
        if recorder.recorded("time_entries", span.name):
            bodies = await in_thread(lambda: list(recorder.bodies("time_entries", span.name)))
            return [one for body in bodies for one in SEEN.decode(body.data)]
        params = {"startDate": asked(span.begin), "endDate": asked(span.end), **FLAGS}
        async with lane:
            answer = await session.get(paths.TIME_ENTRIES, location, params)
        found = seen(answer, paths.TIME_ENTRIES)
        await in_thread(_record, recorder, "time_entries", paths.TIME_ENTRIES, answer, len(found), params, span.name)
        return found

    async def by_change(span: Span) -> list[Seen]:
        params = {"modifiedStartDate": asked(span.begin), "modifiedEndDate": asked(span.end), **FLAGS}
        async with lane:
            return seen(await session.get(paths.TIME_ENTRIES, location, params), paths.TIME_ENTRIES)

    listed = [one for part in await together([by_clock_in(span) for span in spans]) for one in part]
    changed = [one for part in await together([by_change(span) for span in spans]) for one in part]
    recorder_pages = await in_thread(recorder.pages, "time_entries")
    recorder.certify(_certificate(spans, listed, changed, len(recorder_pages)))


def _certificate(spans: Sequence[Span], listed: Sequence[Seen], changed: Sequence[Seen], pages: int) -> Certificate:
    """Entries changed outside the months cannot be found by their change, and are taken as confirmed."""
    ids = {one.guid for one in listed}
    again = {one.guid for one in changed if holds(spans, one.in_date)}
    again |= {one.guid for one in listed if not holds(spans, one.modified_date)}
    lost, unconfirmed = again - ids, ids - again
    doubts = [
        f"{len(guids):,} time entries {where}"
        for guids, where in (
            (lost, "are among the changed ones only"),
            (unconfirmed, "are not among the changed ones"),
        )
        if guids
    ]
    return Certificate(
        "time_entries",
        "suspicious" if doubts else "complete",
        pages=pages,
        rows=len(listed),
        distinct=len(ids),
        second_route=SecondRoute("the list by date of change", len(again)),
        suspicious_caps=tuple(doubts),
        duplicates_dropped=len(listed) - len(ids),
    )


async def _whole(session: ToastCalls, recorder: Recorder, location: str, entity: str, path: str) -> None:
    if recorder.recorded(entity):
        rows = [one for body in recorder.bodies(entity) for one in SEEN.decode(body.data)]
    else:
        answer = await session.get(path, location)
        rows = seen(answer, path)
        _record(recorder, entity, path, answer, len(rows), None, "")
    ids = {one.guid for one in rows}
    recorder.certify(
        Certificate(entity, "complete", 1, len(rows), len(ids), duplicates_dropped=len(rows) - len(ids)),
    )


def _record(
    recorder: Recorder,
    entity: str,
    path: str,
    answer: PosResponse,
    rows: int,
    params: dict[str, str] | None,
    window: str,
) -> None:
    recorder.restart_window(entity, window)
    recorder.record(
        entity,
        method="GET",
        path=path,
        params=params,
        request_body=None,
        body=answer.content,
        rows=rows,
        page=1,
        window=window,
    )
    recorder.complete_window(entity, window)


def seen(answer: PosResponse, path: str) -> list[Seen]:
    """The records of an answer; ``MalformedBody`` where it is no list of records with guids."""
    try:
        return SEEN.decode(answer.content)
    except msgspec.ValidationError as error:
        reason = "the answer is not a list of records with guids"
        raise MalformedBody(reason, pos=POS, method="GET", path=path, retryable=False) from error
