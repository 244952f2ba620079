"""Reading a merchant completely: which lists are walked, how they are recorded, and when all is read again.

Lists inside records are cut at a hundred by Clover: longer ones are read by their own endpoint. The lists of the menu
are held against each other; where they disagree they are read again, a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aura_migration.archive.redaction import redact
from aura_migration.archive.snapshot import Caps, Certificate, Recorder, Redaction, SecondRoute, Trail
from aura_migration.pos.clover import proof
from aura_migration.pos.clover.calls import Site, answer_of
from aura_migration.pos.clover.facts import Facts
from aura_migration.pos.clover.lists import (
    INVENTORY,
    LISTINGS,
    MAY_LACK,
    OBJECTS,
    OTHER_PAGE,
    PAGE,
    PERMISSIONS,
    ROUND,
    SOURCE_ENTITIES,
    Listing,
    Walk,
)
from aura_migration.pos.clover.walk import Fetched, Query, walk
from aura_migration.pos.clover.wire import rows as stored_rows
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import NotFound, PermissionMissing, Rejected, SuspiciousPaging
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

ATTEMPTS = 3
"""How often the menu is read at most while its lists contradict each other."""
ASK_AT_ONCE = 100
"""Ids in one question whether records still exist."""
MOST_ASKED = 1000
MONTHS_DAYS = 367
WINDOW_DAYS = 60
OTHER_WINDOW_DAYS = 85
"""Clover silently shortens longer spans of some lists to 90 days: no window of ours is longer."""
LEASING = re.compile(rb'"(infolease\w*)"\s*:')
"""Settings of a leasing contract, whose names only share a beginning; they are never stored."""
NO_SUCH_ADDRESS = (404, 405, 501)
OPTIONAL = frozenset(entity.name for entity in SOURCE_ENTITIES if not entity.required)


async def extract(site: Site, recorder: Recorder, entities: Sequence[str]) -> None:
    """Fetch and certify the named entities; windows an interrupted extraction completed are not fetched again."""
    await _Extraction(site, recorder, entities).run()


class _Extraction:
    def __init__(self, site: Site, recorder: Recorder, entities: Sequence[str]) -> None:
        self.site = site
        self.recorder = recorder
        self.entities = [name for name in entities if name in OBJECTS or name in LISTINGS]
        self.book: dict[str, Facts] = {}
        self.refused: dict[str, Certificate] = {}

    async def run(self) -> None:
        """Read, compare, read again where needed, certify."""
        await self._forget_doubtful()
        objects = [name for name in self.entities if name in OBJECTS]
        lists = [name for name in self.entities if name in LISTINGS]
        await together([*map(self._objects, objects), *map(self._list, lists)])
        menu = [name for name in lists if name in INVENTORY]
        doubts: dict[str, list[str]] = {}
        dead: dict[str, set[str]] = {}
        for attempt in range(1, ATTEMPTS + 1):
            lost, dead = await self._unknown(menu)
            doubts = proof.disagreements(self._readable(menu), dead)
            for entity, idents in lost.items():
                example = ", ".join(idents[:5])
                doubts.setdefault(entity, []).append(
                    f"{len(idents):,} records that others name are not in the list, for example {example}"
                )
            if not doubts or attempt == ATTEMPTS:
                break
            again = [name for name in menu if name not in self.refused]
            for name in again:
                await self._restart_all(name)
            await together(list(map(self._list, again)))
        for name in lists:
            if LISTINGS[name].since:
                continue
            await self._certify_list(name, dead.get(name, set()), doubts.get(name, []))

    # Lists ------------------------------------------------------------------------------------------------------------

    async def _list(self, name: str) -> None:
        """All readings of a list, then its cut nested lists in full."""
        listing = LISTINGS[name]
        if listing.since:
            await self._timed(name, listing)
            return
        facts = self.book[name] = Facts(name, listing)
        try:
            for reading in listing.walks:
                await self._reading(facts, listing, reading)
            await together([self._nested(facts, listing, owner, field) for owner, field in facts.cut()])
        except PermissionMissing as error:
            await self._refuse(name, Certificate(name, "not_extracted", reason=error.reason))
        except (NotFound, Rejected) as error:
            await self._refuse(name, _not_offered(name, error))
        except SuspiciousPaging as error:
            pages = await in_thread(self.recorder.pages, name)
            rows = sum(page.rows for page in pages)
            doubt = Certificate(name, "suspicious", len(pages), rows, rows, suspicious_caps=(error.reason,))
            self.book.pop(name, None)
            self.refused[name] = doubt

    async def _reading(self, facts: Facts, listing: Listing, reading: Walk) -> None:
        facts.begin(reading.window)
        if self.recorder.recorded(facts.entity, reading.window):
            for body in await self._bodies(facts.entity, reading.window):
                facts.take(reading.window, body, reading.expand)
            return
        query = Query(
            listing.path,
            reading.page,
            reading.expand,
            listing.row_id,
            listing.ordered,
            PERMISSIONS[facts.entity],
        )

        async def on_page(fetched: Fetched, number: int) -> None:
            facts.take(reading.window, fetched.answer.rows, reading.expand)
            await self._record(facts.entity, fetched, number, reading.window)

        async def on_restart() -> None:
            facts.begin(reading.window)
            await self._restart(facts.entity, reading.window)

        await on_restart()
        walked = await walk(self.site, query, on_page, on_restart)
        facts.moved = facts.moved or walked.moved
        await in_thread(self.recorder.complete_window, facts.entity, reading.window)

    async def _timed(self, name: str, listing: Listing) -> None:
        """A list read window by window of time, and its ids once more in other windows: the two must be the same."""
        try:
            trail, first = await self._windows(name, listing, PAGE, timedelta(days=WINDOW_DAYS), keep=True)
            _, second = await self._windows(name, listing, OTHER_PAGE, timedelta(days=OTHER_WINDOW_DAYS), keep=False)
        except PermissionMissing as error:
            await self._refuse(name, Certificate(name, "not_extracted", reason=error.reason))
            await self._certify(self.refused[name])
            return
        route = SecondRoute("the same span in windows and pages of other lengths", len(second))
        found = trail.certificate(route)
        if first != second and found.status == "complete":
            found = replace(found, status="suspicious", reason="two readings showed different records")
        await self._certify(found)

    async def _windows(
        self, name: str, listing: Listing, page: int, length: timedelta, *, keep: bool
    ) -> tuple[Trail, set[str]]:
        trail, idents = Trail(name, Caps(page_size=ROUND)), set[str]()
        windows: dict[str, tuple[str, ...]] = {
            f"{begin}-{end}": (f"{listing.since}>={begin}", f"{listing.since}<{end}")
            for begin, end in spans(self.recorder.taken_at, length)
        }
        # What has no such time stands in no window of time.
        windows["without"] = (f"has_{listing.since}=false",)
        for window, filters in windows.items():
            pages: dict[int, list[str]] = {}
            if keep and self.recorder.recorded(name, window):
                for number, rows in enumerate(await self._bodies(name, window), start=1):
                    pages[number] = [str(row.get("id")) for row in rows]
            else:
                await self._window(
                    name,
                    Query(listing.path, page, ordered=listing.ordered, permission=PERMISSIONS[name], filters=filters),
                    window,
                    pages,
                    keep=keep,
                )
            for shown in pages.values():
                trail.page(shown)
                idents.update(shown)
        return trail, idents

    async def _window(
        self,
        name: str,
        query: Query,
        window: str,
        pages: dict[int, list[str]],
        *,
        keep: bool,
    ) -> None:
        """One window; ``keep`` records it, else only its ids are noted."""

        async def on_page(fetched: Fetched, number: int) -> None:
            pages[number] = [str(row["id"]) for row in fetched.answer.rows]
            if keep:
                await self._record(name, fetched, number, window)

        async def on_restart() -> None:
            pages.clear()
            if keep:
                await self._restart(name, window)

        await on_restart()
        await walk(self.site, query, on_page, on_restart)
        if keep:
            await in_thread(self.recorder.complete_window, name, window)

    async def _nested(self, facts: Facts, listing: Listing, owner: str, name: str) -> None:
        """A nested list by its own endpoint, in Clover's own order: for categories that is the order on the register."""
        window = f"{owner}.{name}"
        facts.begin_full(owner, name)
        if self.recorder.recorded(facts.entity, window):
            for body in await self._bodies(facts.entity, window):
                facts.take_full(owner, name, body)
            return
        path = f"{listing.path}/{owner}/{listing.children[name]}"
        query = Query(path, PAGE, ordered=False, permission=PERMISSIONS[facts.entity])

        async def on_page(fetched: Fetched, number: int) -> None:
            facts.take_full(owner, name, fetched.answer.rows)
            await self._record(facts.entity, fetched, number, window, owner if facts.entity == "customers" else "")

        async def on_restart() -> None:
            facts.begin_full(owner, name)
            await self._restart(facts.entity, window)

        await on_restart()
        walked = await walk(self.site, query, on_page, on_restart)
        facts.moved = facts.moved or walked.moved
        await in_thread(self.recorder.complete_window, facts.entity, window)

    # Proof ------------------------------------------------------------------------------------------------------------

    def _readable(self, names: Sequence[str]) -> dict[str, Facts]:
        return {name: self.book[name] for name in names if name in self.book and name not in self.refused}

    async def _unknown(self, menu: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
        """What other lists name and a list does not show: by entity, what Clover still has, and what it has no more."""
        book = self._readable(menu)
        lost: dict[str, list[str]] = {}
        dead: dict[str, set[str]] = {}
        for name in book:
            idents = proof.unknown(book, name)
            if not idents:
                continue
            alive = set(idents) if name == "item_stocks" else await self._still_there(name, idents)
            if alive:
                lost[name] = sorted(alive)
            dead[name] = set(idents) - alive
        return lost, dead

    async def _still_there(self, name: str, idents: Sequence[str]) -> set[str]:
        """Which of these records Clover still has. Where it will not say, they count as lost."""
        if len(idents) > MOST_ASKED:
            return set(idents)
        found: set[str] = set()
        for start in range(0, len(idents), ASK_AT_ONCE):
            part = idents[start : start + ASK_AT_ONCE]
            listed = ",".join(f"'{ident}'" for ident in part)
            params: dict[str, str | int] = {"filter": f"id in ({listed})", "limit": PAGE}
            try:
                answer = answer_of(await self.site.get(LISTINGS[name].path, params, permission=PERMISSIONS[name]))
            except Rejected:
                found.update(part)
                continue
            facts = Facts(name, LISTINGS[name])
            facts.take(facts.main, answer.rows, ())
            found.update(facts.live.intersection(part))
        return found

    async def _certify_list(self, name: str, dead: set[str], doubts: Sequence[str]) -> None:
        if name in self.refused:
            await self._certify(self.refused[name])
            return
        book = self._readable(self.entities)
        again: dict[str, None] | None = None
        if len(LISTINGS[name].walks) == 1 and proof.needs_confirmation(book, name):
            again = await self._confirming(name)
        await self._certify(proof.certificate(book, name, dead, again, doubts))

    async def _confirming(self, name: str) -> dict[str, None]:
        """The ids of a list read once more in pages of another size; nothing of it is stored."""
        listing = LISTINGS[name]
        idents = Facts(name, listing)

        async def on_page(fetched: Fetched, number: int) -> None:
            idents.take(idents.main, fetched.answer.rows, ())

        async def on_restart() -> None:
            idents.begin(idents.main)

        query = Query(
            listing.path, OTHER_PAGE, row_id=listing.row_id, ordered=listing.ordered, permission=PERMISSIONS[name]
        )
        await walk(self.site, query, on_page, on_restart)
        return idents.ids

    # Single objects ---------------------------------------------------------------------------------------------------

    async def _objects(self, name: str) -> None:
        """An entity of single objects: each is one window."""
        trail = Trail(name)
        try:
            for window, path in OBJECTS[name].items():
                if not self.recorder.recorded(name, window):
                    await self._restart(name, window)
                    response, _ = await self.site.object(path, permission=PERMISSIONS[name])
                    await self._store(name, response, None, 1, 1, window)
                    await in_thread(self.recorder.complete_window, name, window)
                trail.page([window or name])
        except PermissionMissing as error:
            await self._refuse(name, Certificate(name, "not_extracted", reason=error.reason))
            await self._certify(self.refused[name])
        except (NotFound, Rejected) as error:
            await self._certify(_not_offered(name, error))
        else:
            await self._certify(trail.certificate())

    # Recording --------------------------------------------------------------------------------------------------------

    async def _forget_doubtful(self) -> None:
        """What an interrupted attempt could not certify as complete is read anew."""
        for name in self.entities:
            held = await in_thread(self.recorder.certificate, name)
            if held is not None and held.status != "complete":
                await self._restart_all(name)

    async def _refuse(self, name: str, certificate: Certificate) -> None:
        """The entity cannot be read: what was recorded of it goes, so that no half of it is taken for the whole."""
        await self._restart_all(name)
        self.book.pop(name, None)
        self.refused[name] = certificate

    async def _restart_all(self, name: str) -> None:
        pages = await in_thread(self.recorder.pages, name)
        windows = {page.window for page in pages} | {reading.window for reading in _walks(name)}
        for window in sorted(windows):
            await self._restart(name, window)

    async def _restart(self, name: str, window: str) -> None:
        await in_thread(self.recorder.restart_window, name, window)

    async def _bodies(self, name: str, window: str) -> list[list[Mapping[str, Any]]]:
        return await in_thread(
            lambda: [stored_rows(body.data) for body in self.recorder.bodies(name, window)],
        )

    async def _record(self, name: str, fetched: Fetched, number: int, window: str, person: str = "") -> None:
        rows = len(fetched.answer.rows)
        await self._store(name, fetched.answer.response, fetched.params, rows, number, window, person)

    async def _store(
        self,
        name: str,
        response: PosResponse,
        params: Mapping[str, Any] | None,
        rows: int,
        page: int,
        window: str,
        person: str = "",
    ) -> None:
        await in_thread(
            self.recorder.record,
            name,
            method=response.method,
            path=response.path,
            params=params,
            request_body=None,
            body=without_leasing(response.content, name),
            rows=rows,
            page=page,
            window=window,
            person=person,
        )

    async def _certify(self, certificate: Certificate) -> None:
        await in_thread(self.recorder.certify, certificate)


def _not_offered(name: str, error: NotFound | Rejected) -> Certificate:
    """What it means that there is no such address: nothing is there where that may be so; else the error is raised."""
    reason = f"Clover does not offer it here, or none is set: {error.reason}"
    if name in MAY_LACK and error.status in NO_SUCH_ADDRESS:
        return Certificate(name, "complete", reason=reason)
    if name in OPTIONAL or name in MAY_LACK:
        return Certificate(name, "not_extracted", reason=reason)
    raise error


def spans(taken_at: datetime, length: timedelta) -> list[tuple[int, int]]:
    """Half-open windows in Unix milliseconds over the twelve months before ``taken_at``, whole seconds, oldest first.

    They end a day after it: a clock of the POS may be ahead of ours.
    """
    end = taken_at.replace(microsecond=0) + timedelta(days=1)
    begin = end - timedelta(days=MONTHS_DAYS)
    found = []
    while begin < end:
        until = min(begin + length, end)
        found.append((int(begin.timestamp()) * 1000, int(until.timestamp()) * 1000))
        begin = until
    return found


def _walks(name: str) -> tuple[Walk, ...]:
    return LISTINGS[name].walks if name in LISTINGS else tuple(Walk(window) for window in OBJECTS[name])


def without_leasing(body: bytes, entity: str) -> bytes:
    """The body without the settings of a leasing contract, every other byte as it was."""
    names = frozenset(match.decode() for match in LEASING.findall(body))
    return redact(body, entity, Redaction(drop_everywhere=names), 0) if names else body
