"""Fetching a location's source entities into a snapshot, each with its certificate.

A list is kept in memory until it is whole and recorded then, so that a restart never leaves halves behind. Where Toast
offers a second way to count the same things, it is asked: the configuration's menu groups for the menus, the stock
search for the stock.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aura_migration.archive.snapshot import Certificate, PageSeen, Recorder, SecondRoute, judge
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.errors import Conflict, NotFound, PermissionMissing, Rejected
from aura_migration.pos.port import HistorySpan, Scope
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import POS, RESTARTS, Listing, ToastCalls, reason_of
from aura_migration.pos.toast.document import PRE_MODIFIER_MAPS
from aura_migration.pos.toast.guest_rights import certify_addresses, certify_guests
from aura_migration.pos.toast.labor import fetch_employees, fetch_jobs, fetch_time_entries
from aura_migration.pos.toast.orders.cash import DEPOSITS, ENTRIES, fetch_cash
from aura_migration.pos.toast.orders.extract import fetch_orders
from aura_migration.pos.toast.orders.names import HISTORY_LISTS
from aura_migration.pos.toast.wire import DECODER

CONFIG_LISTS = (
    "taxRates",
    "salesCategories",
    "diningOptions",
    "preModifierGroups",
    "preModifiers",
    "serviceCharges",
    "discounts",
    "revenueCenters",
    "restaurantServices",
    "priceGroups",
    "printers",
    "breakTypes",
    *HISTORY_LISTS,
)
"""Recorded with the snapshot; mappings read tax rates, rules and the names of what orders, breaks and cash refer to, the others
are the backup of the setup."""
CONFIG_OBJECTS = ("tipWithholding",)
"""What the configuration has one of, and no list."""
SEARCH_CHUNK = 500
SECOND_ROUTE_SWITCH = "menu_second_route"


Step = Callable[[ToastCalls, Recorder, str], Coroutine[Any, Any, None]]


async def extract(
    session: ToastCalls,
    recorder: Recorder,
    scope: Scope,
    location: str | None,
    entities: Sequence[str],
    span: HistorySpan | None = None,
) -> None:
    """Fetch and certify the named entities; what an interrupted attempt certified as complete is kept."""
    if scope == "merchant" or location is None:
        if entities:
            raise BadInput("Toast has no data of the whole merchant.", "Extract its locations one by one.")
        return
    steps: dict[str, Step] = {
        "restaurant": _restaurant,
        "menus": _menus,
        "config": _config,
        "prep_stations": _prep_stations,
        "stock": _stock,
        "availability": _availability,
        "ordering_schedule": _ordering_schedule,
        "jobs": fetch_jobs,
        "employees": fetch_employees,
        "time_entries": fetch_time_entries,
        "orders": partial(fetch_orders, span=span),
        "guests": certify_guests,
        "delivery_addresses": certify_addresses,
        ENTRIES: partial(fetch_cash, entity=ENTRIES, span=span),
        DEPOSITS: partial(fetch_cash, entity=DEPOSITS, span=span),
    }
    for entity in entities:
        if entity not in steps:
            raise BadInput(f"Toast has no source entity {entity!r}.", f"Choose from {', '.join(steps)}.")
        held = recorder.certificate(entity)
        if held is not None and held.status == "complete":
            continue
        try:
            await steps[entity](session, recorder, location)
        except PermissionMissing as error:
            recorder.certify(Certificate(entity, "not_extracted", reason=reason_of(error)))


async def _restaurant(session: ToastCalls, recorder: Recorder, location: str) -> None:
    path = paths.RESTAURANT.format(guid=location)
    await _single(session, recorder, "restaurant", path, location, {"includeArchived": "true"})


async def _availability(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """Whether orders are taken online now, which a restaurant without online ordering does not have."""
    try:
        await _single(session, recorder, "availability", paths.AVAILABILITY, location)
    except NotFound as error:
        recorder.certify(Certificate("availability", "not_extracted", reason=reason_of(error)))


async def _ordering_schedule(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """A restaurant without online ordering has none, which is an answer, too."""
    try:
        await _single(session, recorder, "ordering_schedule", paths.ORDERING_SCHEDULE, location)
    except NotFound:
        reason = "Nothing can be ordered online: Toast answers 404 for the ordering schedule."
        recorder.certify(Certificate("ordering_schedule", "complete", reason=reason))


async def _single(
    session: ToastCalls,
    recorder: Recorder,
    entity: str,
    path: str,
    location: str,
    params: Mapping[str, str] | None = None,
) -> None:
    if not recorder.recorded(entity):
        answer = await session.get(path, location, params)
        recorder.restart_window(entity)
        recorder.record(
            entity, method="GET", path=path, params=params, request_body=None, body=answer.content, rows=1, page=1
        )
        recorder.complete_window(entity)
    recorder.certify(Certificate(entity, "complete", pages=1, rows=1, distinct=1))


@dataclass(frozen=True)
class MenuCount:
    """What a menus document holds: places of items, and the guids of items and of options."""

    places: int
    items: frozenset[str]
    options: frozenset[str]


def count_menus(document: Any) -> MenuCount:
    """Count a decoded menus document by itself, without the mapping."""
    places = [str(item.get("guid")) for item in _items(document.get("menus") or ())]
    options = {str(one.get("guid")) for one in (document.get("modifierOptionReferences") or {}).values()}
    return MenuCount(len(places), frozenset(places), frozenset(options))


def _items(groups: Any) -> Iterator[Mapping[str, Any]]:
    stack = [group for group in groups if isinstance(group, Mapping)][::-1]
    while stack:
        group = stack.pop()
        yield from (item for item in group.get("menuItems") or () if isinstance(item, Mapping))
        stack.extend(inner for inner in group.get("menuGroups") or () if isinstance(inner, Mapping))


async def _menus(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """The menus document, read while nothing is being published: its date before, in and after it must agree."""
    doubts: list[str] = []
    if not recorder.recorded("menus"):
        document, doubts = await _steady_menus(session, recorder, location)
        if document is None:
            reason = "Nothing is published: Toast answers 404 for the menus."
            recorder.certify(Certificate("menus", "complete", reason=reason))
            return
    else:
        document = _recorded_menus(recorder)
    counted = count_menus(document)
    certificate = Certificate(
        "menus",
        "suspicious" if doubts else "complete",
        pages=1,
        rows=counted.places,
        distinct=len(counted.items),
        second_route=await _second_menus(session, location),
        suspicious_caps=tuple(doubts),
        duplicates_dropped=counted.places - len(counted.items),
    )
    recorder.certify(certificate)


async def _steady_menus(session: ToastCalls, recorder: Recorder, location: str) -> tuple[Any, list[str]]:
    """The decoded document and what is doubtful about it; recorded. None where nothing is published."""
    doubts: list[str] = []
    for _ in range(RESTARTS + 1):
        before = await _published_at(session, location)
        try:
            answer = await session.get(paths.MENUS, location)
        except NotFound:
            if await _published_at(session, location) == before:
                return None, []
            continue
        after = await session.get(paths.MENUS_METADATA, location)
        document = DECODER.decode(answer.content)
        _check_shape(document, location)
        dates = (before, document.get("lastUpdated"), after.json().get("lastUpdated"))
        if dates[0] != dates[2]:
            continue
        doubts = []
        if not dates[0] or dates[0] != dates[1]:
            doubts = [f"the menus are dated {dates[1]}, their metadata say {dates[0]}"]
            continue
        _record_menus(recorder, document, answer.content, after.content)
        return document, []
    if not doubts:
        raise Conflict(
            f"the menus were published again each of {RESTARTS + 1} times they were read", pos=POS, path=paths.MENUS
        )
    _record_menus(recorder, document, answer.content, after.content)
    return document, doubts


def _record_menus(recorder: Recorder, document: Any, body: bytes, metadata: bytes) -> None:
    recorder.restart_window("menus")
    recorder.record(
        "menus",
        method="GET",
        path=paths.MENUS,
        params=None,
        request_body=None,
        body=body,
        rows=count_menus(document).places,
        page=1,
    )
    recorder.record(
        "menus", method="GET", path=paths.MENUS_METADATA, params=None, request_body=None, body=metadata, rows=0, page=2
    )
    recorder.complete_window("menus")


async def _published_at(session: ToastCalls, location: str) -> str | None:
    """When the menus were published last; None where nothing is."""
    try:
        answer = await session.get(paths.MENUS_METADATA, location)
    except NotFound:
        return None
    said = answer.json().get("lastUpdated")
    return None if said is None else str(said)


def _check_shape(document: Any, location: str) -> None:
    """Refuse a document without its main parts: an answer of another shape is not an empty menu."""
    if not isinstance(document, Mapping):
        raise Rejected("the menus are not a JSON object", pos=POS, method="GET", path=paths.MENUS)
    missing = [
        name
        for name, kind in (
            ("menus", list),
            ("modifierGroupReferences", Mapping),
            ("modifierOptionReferences", Mapping),
        )
        if not isinstance(document.get(name), kind)
    ]
    if not any(isinstance(document.get(name), Mapping) for name in PRE_MODIFIER_MAPS):
        missing.append(PRE_MODIFIER_MAPS[0])
    if missing:
        raise Rejected(f"the menus lack {', '.join(missing)}", pos=POS, method="GET", path=paths.MENUS)
    if document.get("restaurantGuid") not in (None, location):
        raise Rejected("the menus are those of another restaurant", pos=POS, method="GET", path=paths.MENUS)


def _recorded_menus(recorder: Recorder) -> Any:
    for body in recorder.bodies("menus"):
        if body.path == paths.MENUS:
            return DECODER.decode(body.data)
    return {}


async def _second_menus(session: ToastCalls, location: str) -> SecondRoute | None:
    """Items as the configuration's menu groups list them; None where they may not be read, or it is switched off."""
    if not session.account.switches.get(SECOND_ROUTE_SWITCH, True):
        return None
    try:
        groups = await session.listing(paths.CONFIG.format(name="menuGroups"), location)
    except PermissionMissing:
        return None
    items = {
        str(item["guid"])
        for group in groups.rows
        for item in group.get("items") or ()
        if isinstance(item, Mapping) and item.get("guid")
    }
    return SecondRoute("the list of items in the configuration's menu groups", len(items))


async def _config(session: ToastCalls, recorder: Recorder, location: str) -> None:
    pages: list[PageSeen] = []
    doubts: list[str] = []
    for name in CONFIG_LISTS:
        if recorder.recorded("config", name):
            pages.extend(_pages_again(recorder, "config", name))
            continue
        listing = await session.listing(paths.CONFIG.format(name=name), location)
        _record_listing(recorder, "config", paths.CONFIG.format(name=name), listing, name)
        pages.extend(_seen(listing))
        doubts.extend(listing.doubts)
    for name in CONFIG_OBJECTS:
        pages.append(await _config_object(session, recorder, location, name))
    recorder.certify(_certificate("config", pages, doubts))


async def _config_object(session: ToastCalls, recorder: Recorder, location: str, name: str) -> PageSeen:
    """A single object of the configuration; a restaurant that never set it up may not have it."""
    path = paths.CONFIG.format(name=name)
    if not recorder.recorded("config", name):
        try:
            answer = await session.get(path, location)
        except NotFound:
            return PageSeen(0, 0)
        if not isinstance(answer.json(), Mapping):
            raise Rejected(f"{name} is not a JSON object", pos=POS, method="GET", path=path)
        recorder.restart_window("config", name)
        recorder.record(
            "config",
            method="GET",
            path=path,
            params=None,
            request_body=None,
            body=answer.content,
            rows=1,
            page=1,
            window=name,
        )
        recorder.complete_window("config", name)
    return PageSeen(1, 1)


async def _prep_stations(session: ToastCalls, recorder: Recorder, location: str) -> None:
    if recorder.recorded("prep_stations"):
        recorder.certify(_certificate("prep_stations", list(_pages_again(recorder, "prep_stations", "")), []))
        return
    listing = await session.listing(paths.PREP_STATIONS, location)
    _record_listing(recorder, "prep_stations", paths.PREP_STATIONS, listing, "")
    recorder.certify(_certificate("prep_stations", _seen(listing), listing.doubts))


def _record_listing(recorder: Recorder, entity: str, path: str, listing: Listing, window: str) -> None:
    recorder.restart_window(entity, window)
    for number, page in enumerate(listing.pages, start=1):
        recorder.record(
            entity,
            method="GET",
            path=path,
            params=page.params or None,
            request_body=None,
            body=page.body,
            rows=len(page.rows),
            page=number,
            window=window,
        )
    if not listing.doubts:
        recorder.complete_window(entity, window)


def _seen(listing: Listing) -> list[PageSeen]:
    return list(_pages_of(page.rows for page in listing.pages))


def _pages_again(recorder: Recorder, entity: str, window: str) -> Iterator[PageSeen]:
    """The pages of a window that an interrupted attempt had completed."""
    return _pages_of(DECODER.decode(body.data) for body in recorder.bodies(entity, window))


def _pages_of(pages: Iterator[list[Any]] | Any) -> Iterator[PageSeen]:
    seen: set[str] = set()
    for rows in pages:
        fresh = {str(row.get("guid")) for row in rows if isinstance(row, Mapping)} - seen
        seen |= fresh
        yield PageSeen(len(rows), len(fresh))


def _certificate(entity: str, pages: Sequence[PageSeen], doubts: Sequence[str]) -> Certificate:
    rows, distinct = sum(page.rows for page in pages), sum(page.new for page in pages)
    return Certificate(
        entity,
        "suspicious" if doubts else "complete",
        pages=len(pages),
        rows=rows,
        distinct=distinct,
        suspicious_caps=tuple(doubts),
        duplicates_dropped=rows - distinct,
    )


async def _stock(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """What is not simply in stock, and the same counted by searching everything that is on the menu."""
    guids = await _menu_guids(session, recorder, location)
    for _ in range(RESTARTS + 1):
        answer = await session.get(paths.INVENTORY, location)
        rows = answer.json()
        if not isinstance(rows, list):
            raise Rejected("the stock is not a list", pos=POS, method="GET", path=paths.INVENTORY)
        listed = [str(row.get("guid")) for row in rows if isinstance(row, Mapping)]
        route = await _searched_stock(session, location, guids | set(listed))
        if route is None or route.count == len(set(listed)):
            break  # else somebody sold the last one between the two; look again
    recorder.restart_window("stock")
    recorder.record(
        "stock",
        method="GET",
        path=paths.INVENTORY,
        params=None,
        request_body=None,
        body=answer.content,
        rows=len(rows),
        page=1,
    )
    recorder.complete_window("stock")
    recorder.certify(judge("stock", [PageSeen(len(listed), len(set(listed)))], route))


async def _menu_guids(session: ToastCalls, recorder: Recorder, location: str) -> set[str]:
    """The guids of every item and option of the menu: as recorded, else asked for."""
    document = _recorded_menus(recorder)
    if not document:
        try:
            document = DECODER.decode((await session.get(paths.MENUS, location)).content)
        except (NotFound, PermissionMissing):
            return set()
    counted = count_menus(document)
    return set(counted.items | counted.options)


async def _searched_stock(session: ToastCalls, location: str, guids: set[str]) -> SecondRoute | None:
    """How many of these the search knows as not simply in stock; None where it is not offered."""
    ordered = sorted(guids)
    found: set[str] = set()
    for start in range(0, len(ordered), SEARCH_CHUNK):
        body = {"guids": ordered[start : start + SEARCH_CHUNK], "multiLocationIds": []}
        try:
            answer = await session.search(paths.INVENTORY_SEARCH, location, body)
        except (NotFound, Rejected):
            return None
        for row in answer.json():
            if row.get("status") != "IN_STOCK" and row.get("itemGuidValidity") != "INVALID":
                found.add(str(row.get("guid")))
    return SecondRoute("a search for everything on the menu", len(found))
