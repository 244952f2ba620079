"""Reading an account completely: which lists are walked, how they are recorded, and the proof that nothing is missing.

The catalog is walked once by search (deleted objects and nested types included), its categories once more with their
paths; the list endpoint, which pages differently, is the second route. ``latest_time`` tells whether the catalog
changed meanwhile. Every page is kept with the version of the API it was given in. Stock is walked once for all states,
the second route asks by state. People and what they are owed are read by ``people/``, the past by ``orders/``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Caps, Certificate, Recorder, SecondRoute, Trail
from aura_migration.pos.http.errors import NotFound, Rejected
from aura_migration.pos.http.paging import Page, PageTrail, cursor_pages
from aura_migration.pos.port import HistorySpan, Scope
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders.extract import history_readings
from aura_migration.pos.square.people.extract import people_readings
from aura_migration.pos.square.people.walk import judged
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

NESTED = {"ITEM": "ITEM_VARIATION", "MODIFIER_LIST": "MODIFIER", "ITEM_OPTION": "ITEM_OPTION_VAL"}
"""Types whose objects carry their children; the children are listed by their parents."""
TOP_TYPES = (
    "ITEM",
    "MODIFIER_LIST",
    "CATEGORY",
    "TAX",
    "DISCOUNT",
    "PRICING_RULE",
    "PRODUCT_SET",
    "TIME_PERIOD",
    "ITEM_OPTION",
    "IMAGE",
    "MEASUREMENT_UNIT",
    "AVAILABILITY_PERIOD",
    "CUSTOM_ATTRIBUTE_DEFINITION",
    "QUICK_AMOUNTS_SETTINGS",
    "SUBSCRIPTION_PLAN",
)
OBJECT_TYPES = (*TOP_TYPES, *NESTED.values(), "SUBSCRIPTION_PLAN_VARIATION")
LISTED_TOGETHER = (("ITEM",), ("MODIFIER_LIST",), ("IMAGE",), tuple(TOP_TYPES[2:9] + TOP_TYPES[10:]))
"""The second route walks these side by side; the big families each alone."""

SEARCH_PAGE = 1000
LIST_PAGE = 100
COUNTS_PAGE = 1000
OTHER_PAGE = 499
ATTEMPTS = 3
OBJECTS, CATEGORIES, COUNTS = "objects", "categories", "counts"
STATES = (
    "CUSTOM",
    "RETURNED_BY_CUSTOMER",
    "RESERVED_FOR_SALE",
    "SOLD_ONLINE",
    "ORDERED_FROM_VENDOR",
    "RECEIVED_FROM_VENDOR",
    "IN_TRANSIT_TO",
    "WASTE",
    "COMPOSED",
    "DECOMPOSED",
    "SUPPORTED_BY_NEWER_VERSION",
    "IN_TRANSIT",
)
"""The states of stock besides IN_STOCK that may be asked for by name (NONE, SOLD, UNLINKED_RETURN are ignored)."""

SEARCH_KEYS = ("cursor", "latest_time", "related_objects", "errors")
Key = tuple[str, ...]


class _Head(msgspec.Struct):
    """What of a catalog object the walk needs."""

    type: str
    id: str
    version: int | None = None
    updated_at: str | None = None
    is_deleted: bool | None = None


class _SearchPage(msgspec.Struct):
    objects: list[_Head] | None = None
    cursor: str | None = None
    latest_time: str | None = None


class _Id(msgspec.Struct):
    id: str
    is_deleted: bool | None = None


class _Children(msgspec.Struct):
    variations: list[_Id] | None = None
    modifiers: list[_Id] | None = None
    values: list[_Id] | None = None


class _Listed(msgspec.Struct):
    type: str
    id: str
    item_data: _Children | None = None
    modifier_list_data: _Children | None = None
    item_option_data: _Children | None = None

    def children(self) -> list[str]:
        """Ids of the live children this object carries."""
        data = self.item_data or self.modifier_list_data or self.item_option_data
        found = (data.variations or data.modifiers or data.values) if data is not None else None
        return [child.id for child in found or () if not child.is_deleted]


class _ListPage(msgspec.Struct):
    objects: list[_Listed] | None = None
    cursor: str | None = None


class _Count(msgspec.Struct):
    catalog_object_id: str
    state: str
    location_id: str
    calculated_at: str | None = None


class _CountsPage(msgspec.Struct):
    counts: list[_Count] | None = None
    cursor: str | None = None


@dataclass
class _Walk:
    """The facts of one recorded window: its pages for the certificate, its records, and the catalog's time stamps."""

    trail: Trail
    objects: dict[str, _Head] = field(default_factory=dict)
    times: set[str] = field(default_factory=set)

    def ids(self, kind: str, deleted: bool = False) -> set[str]:
        """Ids of one type, live or deleted ones."""
        return {h.id for h in self.objects.values() if h.type == kind and bool(h.is_deleted) == deleted}


async def extract(
    session: SquareCalls,
    recorder: Recorder,
    scope: Scope,
    location: str | None,
    entities: Sequence[str],
    switches: Mapping[str, Any] | None = None,
    span: HistorySpan | None = None,
) -> None:
    """Fetch and certify the named entities of that scope, side by side.

    What an interrupted attempt certified is not read again. ``switches`` are the account's, ``span`` is the history's.
    """
    wanted = []
    for name in entities:
        held = await in_thread(recorder.certificate, name)
        if held is None or held.status != "complete":
            wanted.append(name)
    if scope == "history":
        assert location is not None, "a history is a location's"
        await together(history_readings(session, recorder, location, wanted, span))
        return
    menu: dict[str, Callable[[], Awaitable[None]]] = {}
    if scope == "merchant":
        menu["locations"] = lambda: _locations(session, recorder)
        menu["catalog"] = lambda: _catalog(session, recorder)
    elif location is not None:
        menu["inventory"] = lambda: _inventory(session, recorder, location)
        menu["checkout_settings"] = lambda: _checkout(session, recorder, location)
    readings: list[Awaitable[None]] = [judged(recorder, name, menu[name]()) for name in wanted if name in menu]
    readings += people_readings(session, recorder, scope, location, wanted, switches or {})
    await together(readings)


# Locations ------------------------------------------------------------------------------------------------------------


async def _locations(session: SquareCalls, recorder: Recorder) -> None:
    response, found = await session.locations()
    await restart(recorder, "locations")
    await record(session, recorder, "locations", response, None, len(found), 1, "")
    trail = Trail("locations")
    trail.page(str(row.get("id")) if isinstance(row, Mapping) else repr(row) for row in found)
    await complete(recorder, "locations", "")
    await certify(recorder, trail.certificate())


CHECKOUT = "/v2/online-checkout/location-settings/"
NO_CHECKOUT = "This location has no online checkout: there is nothing to read."


class _CheckoutAnswer(msgspec.Struct):
    location_settings: dict[str, msgspec.Raw] | None = None


async def _checkout(session: SquareCalls, recorder: Recorder, location: str) -> None:
    """One answer; a location Square knows no online checkout of has nothing to read, which is complete."""
    await restart(recorder, "checkout_settings")
    try:
        response = await session.request("GET", f"{CHECKOUT}{location}")
    except NotFound:
        await complete(recorder, "checkout_settings", "")
        await certify(recorder, Certificate("checkout_settings", "complete", reason=NO_CHECKOUT))
        return
    found = session.decoded(response, _CheckoutAnswer).location_settings
    if found is None:
        session.empty_or_changed(response, ("errors",))
    rows = [location] if found else []
    await record(session, recorder, "checkout_settings", response, None, len(rows), 1, "")
    trail = Trail("checkout_settings")
    trail.page(rows)
    await complete(recorder, "checkout_settings", "")
    await certify(recorder, trail.certificate())


async def probe_checkout(session: SquareCalls, location: str) -> None:
    """Try whether the settings of the online checkout may be read; that there are none is an answer too."""
    try:
        await session.request("GET", f"{CHECKOUT}{location}")
    except NotFound:
        return


# Catalog --------------------------------------------------------------------------------------------------------------


async def _catalog(session: SquareCalls, recorder: Recorder) -> None:
    """Search, categories, second route; begun again, a bounded number of times, while the catalog changes meanwhile."""
    for attempt in range(1, ATTEMPTS + 1):
        everything = {"object_types": list(OBJECT_TYPES), "include_deleted_objects": True, "limit": SEARCH_PAGE}
        paths = {"object_types": ["CATEGORY"], "include_category_path_to_root": True, "limit": SEARCH_PAGE}
        objects = await _search(session, recorder, OBJECTS, everything)
        categories = await _search(session, recorder, CATEGORIES, paths)
        listed = await _list_all(session)
        times = objects.times | categories.times | await _latest_time(session)
        differences = _differences(objects, listed)
        if objects.ids("CATEGORY") != categories.ids("CATEGORY"):
            differences.append(
                _differ("CATEGORY", objects.ids("CATEGORY"), "with their paths", categories.ids("CATEGORY"))
            )
        if len(times) <= 1 or attempt == ATTEMPTS:
            break
        await restart(recorder, "catalog", OBJECTS)
        await restart(recorder, "catalog", CATEGORIES)
    deleted = sum(1 for head in objects.objects.values() if head.is_deleted)
    known = sum(len(ids) for kind, ids in listed.items() if kind in OBJECT_TYPES)
    how = "the list by type" + (f" (with {deleted:,} deleted ones only the search shows)" if deleted else "")
    # What the list cannot be asked for stands on the search alone.
    unlisted = len(objects.ids("SUBSCRIPTION_PLAN_VARIATION"))
    certificate = objects.trail.certificate(SecondRoute(how, known + deleted + unlisted))
    if len(times) > 1:
        differences.append(f"the catalog changed while it was read, {ATTEMPTS} times in a row")
    if differences:
        reason = "; ".join([*filter(None, [certificate.reason]), *differences])
        certificate = dataclasses.replace(certificate, status="suspicious", reason=reason)
    await certify(recorder, certificate)


async def _search(session: SquareCalls, recorder: Recorder, window: str, body: Mapping[str, Any]) -> _Walk:
    """One search to its end, every page recorded; a window an interrupted attempt completed is only counted again."""

    def read(content: bytes, walk: _Walk) -> None:
        page = msgspec.json.decode(content, type=_SearchPage, strict=False)
        heads = page.objects or []
        walk.trail.page([head.id for head in heads], bool(page.cursor))
        for head in heads:
            held = walk.objects.get(head.id)
            if held is None or (head.version or 0) >= (held.version or 0):
                walk.objects[head.id] = head
        if page.latest_time:
            walk.times.add(page.latest_time)

    def new_walk() -> _Walk:
        return _Walk(Trail("catalog", Caps(page_size=SEARCH_PAGE)))

    if recorder.recorded("catalog", window):
        walk = new_walk()
        for body_stored in await in_thread(lambda: list(recorder.bodies("catalog", window))):
            read(body_stored.data, walk)
        return walk

    async def fetch(cursor: str | None) -> Page:
        response = await session.post("/v2/catalog/search", body, cursor)
        page = session.decoded(response, _SearchPage)
        if page.objects is None:
            session.empty_or_changed(response, SEARCH_KEYS)
        return Page(page.objects or [], page.cursor, response)

    return await _recorded(session, recorder, "catalog", window, body, fetch, lambda row: str(row.id), new_walk, read)


async def _list_all(session: SquareCalls) -> dict[str, set[str]]:
    """Ids by type from the list endpoint: pages of 100, never deleted ones, children as their parents carry them."""
    found: dict[str, set[str]] = {kind: set() for kind in (*TOP_TYPES, *NESTED.values())}

    async def walk(types: tuple[str, ...]) -> None:
        async def fetch(cursor: str | None) -> Page:
            response = await session.get("/v2/catalog/list", {"types": ",".join(types)}, cursor)
            page = session.decoded(response, _ListPage)
            if page.objects is None:
                session.empty_or_changed(response, ("cursor", "errors"))
            return Page(page.objects or [], page.cursor, response)

        async for fresh in cursor_pages(fetch, row_id=lambda row: str(row.id), trail=PageTrail(page_limit=LIST_PAGE)):
            for row in fresh.rows:
                found.setdefault(row.type, set()).add(row.id)
                if row.type in NESTED:
                    found[NESTED[row.type]].update(row.children())

    await together([walk(types) for types in LISTED_TOGETHER])
    return found


async def _latest_time(session: SquareCalls) -> set[str]:
    """When the catalog last changed, by the answer to a search made after everything else."""
    response = await session.post("/v2/catalog/search", {"object_types": ["CATEGORY"], "limit": 1})
    latest = session.decoded(response, _SearchPage).latest_time
    return {latest} if latest else set()


def _differences(objects: _Walk, listed: Mapping[str, set[str]]) -> list[str]:
    """One sentence per type in which search and list do not show the same records."""
    return [
        _differ(kind, objects.ids(kind), "the list", listed[kind])
        for kind in (*TOP_TYPES, *NESTED.values())
        if objects.ids(kind) != listed[kind]
    ]


def _differ(kind: str, searched: set[str], other: str, listed: set[str]) -> str:
    missing, extra = len(listed - searched), len(searched - listed)
    return f"{kind}: the search shows {len(searched):,}, {other} {len(listed):,} ({missing:,} and {extra:,} only there)"


# Stock ----------------------------------------------------------------------------------------------------------------


async def _inventory(session: SquareCalls, recorder: Recorder, location: str) -> None:
    body = {"location_ids": [location], "limit": COUNTS_PAGE}
    path = "/v2/inventory/counts/batch-retrieve"
    states: dict[Key, str] = {}

    def read(content: bytes, walk: _Walk) -> None:
        page = msgspec.json.decode(content, type=_CountsPage, strict=False)
        rows = page.counts or []
        walk.trail.page([_count_key(row) for row in rows], bool(page.cursor))
        states.update((_count_key(row), row.state) for row in rows)

    def new_walk() -> _Walk:
        states.clear()
        return _Walk(Trail("inventory", Caps(page_size=COUNTS_PAGE)))

    async def pages(asked: Mapping[str, Any], cursor: str | None) -> Page:
        response = await session.post(path, asked, cursor)
        page = session.decoded(response, _CountsPage)
        if page.counts is None:
            session.empty_or_changed(response, ("cursor", "errors"))
        return Page(page.counts or [], page.cursor, response)

    if recorder.recorded("inventory", COUNTS):
        walk = new_walk()
        for stored in await in_thread(lambda: list(recorder.bodies("inventory", COUNTS))):
            read(stored.data, walk)
    else:
        walk = await _recorded(
            session,
            recorder,
            "inventory",
            COUNTS,
            body,
            lambda cursor: pages(body, cursor),
            lambda row: "/".join(_count_key(row)),
            new_walk,
            read,
        )

    async def count(asked: Mapping[str, Any]) -> set[Key]:
        found: set[Key] = set()
        trail = PageTrail(page_limit=COUNTS_PAGE)
        walked = cursor_pages(
            lambda cursor: pages(asked, cursor), row_id=lambda r: "/".join(_count_key(r)), trail=trail
        )
        async for fresh in walked:
            found.update(_count_key(row) for row in fresh.rows)
        return found

    named = ("IN_STOCK", *STATES)
    try:
        halves = await together([count({**body, "states": ["IN_STOCK"]}), count({**body, "states": list(STATES)})])
        # States that cannot be asked for by name stand on the first list alone.
        unnamed = {key for key, state in states.items() if state not in named}
        route = SecondRoute("asking state by state", len(halves[0] | halves[1] | unnamed))
    except Rejected:
        again = await count({**body, "limit": OTHER_PAGE})
        route = SecondRoute(f"the same list in pages of {OTHER_PAGE}", len(again))
    await certify(recorder, walk.trail.certificate(route))


def _count_key(row: _Count) -> Key:
    return row.catalog_object_id, row.state, row.location_id


# Recording ------------------------------------------------------------------------------------------------------------


async def _recorded(
    session: SquareCalls,
    recorder: Recorder,
    entity: str,
    window: str,
    body: Mapping[str, Any],
    fetch: Callable[[str | None], Awaitable[Page]],
    row_id: Callable[[Any], str],
    new_walk: Callable[[], _Walk],
    read: Callable[[bytes, _Walk], None],
) -> _Walk:
    """Walk a list and record each page as it comes; a walk begun again (stale cursor) forgets the one before."""
    walk, number = new_walk(), 1
    cursor: str | None = None
    async for fresh in cursor_pages(fetch, row_id=row_id, trail=PageTrail()):
        if fresh.walk != number:
            walk, number, cursor = new_walk(), fresh.walk, None
            await restart(recorder, entity, window)
        response = fresh.page.response
        assert response is not None  # every fetch above gives one
        sent = {**body, **({"cursor": cursor} if cursor else {})}
        await record(session, recorder, entity, response, sent, len(fresh.page.rows), fresh.number, window)
        read(response.content, walk)
        cursor = fresh.page.next_cursor
    await complete(recorder, entity, window)
    return walk
