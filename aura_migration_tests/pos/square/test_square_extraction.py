"""Reading an account completely over real HTTP: what goes wrong on the way, and what the certificate then says."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import Certificate, SnapshotReader, SnapshotRef
from aura_migration.canonical.model import Batch, Loss
from aura_migration.pos.http.errors import MalformedBody, NotJson, PosError, StaleCursor
from aura_migration.pos.square import CONNECTOR, client, extract
from aura_migration.pos.square.client import SquareSession, UnexpectedShape, VersionRefused
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.square.square_support import control, extracted, of, requests_to, session_on

SEARCH = "/v2/catalog/search"
COUNTS = "/v2/inventory/counts"
CONNECTOR_RIGHTS = {entity.permission for entity in CONNECTOR.source_entities if entity.name == "checkout_settings"}


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 11) as sandbox:
        yield sandbox


@pytest.fixture
def cafe(served: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    """A cafe whose lists take several pages; faults, switches and the request log are clean again after each test."""
    monkeypatch.setattr(extract, "SEARCH_PAGE", 20)
    monkeypatch.setattr(extract, "COUNTS_PAGE", 2)
    before = control(served, "/switches")
    control(served, "/requests", "DELETE")
    yield served
    control(served, "/faults", "DELETE")
    control(served, "/switches", "POST", before)


Run = Callable[..., list[SnapshotRef]]


@pytest.fixture
def run(cafe: RunningSandbox, snapshots: psycopg.Connection[Any], tmp_path: Path) -> Run:
    """Extracts the cafe into snapshots: the merchant's and its location's; waits between attempts are short."""

    def extract_it(
        credentials: str = "default",
        entities: tuple[str, ...] = ("locations", "catalog", "inventory"),
        **switches: Any,
    ) -> Any:
        async def go() -> list[SnapshotRef]:
            async with session_on(cafe, credentials, **switches) as session:
                hurry(session)
                return await extracted(session, snapshots, tmp_path, [here(cafe)], entities)

        return asyncio.run(go())

    return extract_it


def hurry(session: SquareSession) -> None:
    session.client.retry = dataclasses.replace(session.client.retry, base_delay=0.01, max_delay=0.05)


def here(sandbox: RunningSandbox) -> str:
    return str(control(sandbox, "/truth")["locations"][0]["id"])


def fault(sandbox: RunningSandbox, **spec: Any) -> None:
    control(sandbox, "/faults", "POST", spec)


def certificate(refs: list[SnapshotRef], entity: str) -> Certificate:
    found = SnapshotReader(*refs).certificate(entity)
    assert found is not None
    return found


def menu(sandbox: RunningSandbox, refs: list[SnapshotRef]) -> Any:
    async def location() -> Any:
        async with session_on(sandbox) as session:
            return (await session.discover()).locations[0]

    return CONNECTOR.map_menu(SnapshotReader(*refs), asyncio.run(location()))


def test_everything_is_certified_by_two_routes_over_many_pages(cafe: RunningSandbox, run: Run) -> None:
    refs = run()
    for entity in ("catalog", "inventory"):
        found = certificate(refs, entity)
        assert found.status == "complete", found.explain()
        assert found.second_route is not None
        assert found.second_route.count == found.distinct
        assert found.pages > 1
    assert certificate(refs, "catalog").distinct > 80
    pages = [body for body in SnapshotReader(*refs).bodies("catalog") if body.window == "objects"]
    assert pages[0].request_body is not None
    assert "cursor" not in pages[0].request_body
    assert [page.page for page in pages] == list(range(1, len(pages) + 1))
    assert all("cursor" in (page.request_body or {}) for page in pages[1:])


def test_the_newest_version_of_the_api_that_is_understood_is_asked_for(cafe: RunningSandbox, run: Run) -> None:
    refs = run()
    versions = {entry["headers"].get("square-version") for entry in requests_to(cafe, "/v2/")}
    assert versions == {"2026-09-16"}
    pages = list(SnapshotReader(*refs).bodies("catalog"))
    assert {(page.params or {}).get("square-version") for page in pages} == {"2026-09-16"}
    assert not unseen(menu(cafe, refs))


@pytest.mark.parametrize("newest", ["2031-01-01", "latest"])
def test_where_the_newest_version_is_refused_the_session_goes_on_in_the_older_one_and_says_what_it_cannot_see(
    cafe: RunningSandbox, run: Run, monkeypatch: pytest.MonkeyPatch, newest: str
) -> None:
    monkeypatch.setattr(client, "API_VERSION", newest)
    refs = run()
    versions = [entry["headers"].get("square-version") for entry in requests_to(cafe, "/v2/")]
    assert (versions[0], set(versions[1:])) == (newest, {"2025-08-20"})
    assert all(certificate(refs, entity).status == "complete" for entity in ("locations", "catalog", "inventory"))
    batch = menu(cafe, refs)
    (loss,) = unseen(batch)
    assert loss.records == len(of(batch, "modifiers")) > 0
    assert "cannot be seen" in loss.note


def test_a_version_an_account_asks_for_is_sent_and_never_replaced(cafe: RunningSandbox, run: Run) -> None:
    refs = run(square_version="2025-08-20")
    assert {entry["headers"].get("square-version") for entry in requests_to(cafe, "/v2/")} == {"2025-08-20"}
    assert unseen(menu(cafe, refs))
    with pytest.raises(VersionRefused, match="API_VERSION_INCOMPATIBLE") as caught:
        run(square_version="2031-01-01")
    assert "square_version" in caught.value.remedy


def unseen(batch: Batch) -> list[Loss]:
    return [loss for loss in batch.losses if loss.field == "modifier_data.child_modifier_list_ids"]


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "rate_limit", "match": "/v2/", "times": 4, "advice": False},
        {"kind": "error", "match": "/v2/", "times": 3, "status": 503, "body": "html"},
        {"kind": "error", "match": "/v2/", "times": 3, "status": 502, "body": "text"},
        {"kind": "reset", "match": SEARCH, "after": 1, "times": 2},
        {"kind": "truncate", "match": SEARCH, "after": 2, "times": 2},
        {"kind": "expire_token", "match": SEARCH, "after": 2, "times": 1},
    ],
    ids=lambda spec: f"{spec['kind']}_{spec.get('body', '')}",
)
def test_faults_that_pass_do_not_show_in_the_result(cafe: RunningSandbox, run: Run, spec: dict[str, Any]) -> None:
    fault(cafe, **spec)
    refs = run("refresh_token")
    assert all(c.status == "complete" for c in SnapshotReader(*refs).certificates())
    assert sum(entry["fired"] for entry in control(cafe, "/faults")["faults"]) >= 1
    assert len(of(menu(cafe, refs), "items")) > 20


@pytest.mark.parametrize("code", ["INVALID_CURSOR", "BAD_REQUEST"])
def test_a_cursor_that_expired_restarts_the_walk_and_leaves_no_page_twice(
    cafe: RunningSandbox, run: Run, code: str
) -> None:
    control(cafe, "/switches", "POST", {"cursor_error_code": code})
    whole = certificate(run(), "catalog")
    fault(cafe, kind="stale_cursor", match=SEARCH, after=3, times=1)
    refs = run()
    found = certificate(refs, "catalog")
    assert found == whole
    pages = [body.page for body in SnapshotReader(*refs).bodies("catalog") if body.window == "objects"]
    assert pages == list(range(1, len(pages) + 1))
    assert sum(entry["fired"] for entry in control(cafe, "/faults")["faults"]) == 1


def test_a_cursor_that_always_expires_ends_in_an_error(
    snapshots: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "SEARCH_PAGE", 20)
    with serve("square", "cafe", 1) as cafe:
        fault(cafe, kind="stale_cursor", match=SEARCH)

        async def go() -> None:
            async with session_on(cafe) as session:
                await extracted(session, snapshots, tmp_path, entities=("catalog",))

        with pytest.raises(StaleCursor, match="cursor is no longer valid"):
            asyncio.run(go())
        assert 3 < len(requests_to(cafe, SEARCH)) < 20


@pytest.mark.parametrize(("path", "entity"), [(SEARCH, "catalog"), (COUNTS, "inventory")])
def test_a_server_that_ignores_the_cursor_is_never_certified_complete(
    cafe: RunningSandbox, run: Run, path: str, entity: str
) -> None:
    fault(cafe, kind="lying_cap", match=path, mode="ignore_cursor")
    found = certificate(run(), entity)
    assert found.status == "suspicious"
    assert found.suspicious_caps


@pytest.mark.parametrize(
    ("path", "entity", "cap"), [(SEARCH, "catalog", 40), (SEARCH, "catalog", 57), (COUNTS, "inventory", 2)]
)
def test_a_list_that_stops_short_is_found_by_the_second_route(
    cafe: RunningSandbox, run: Run, path: str, entity: str, cap: int
) -> None:
    fault(cafe, kind="lying_cap", match=path, mode="cut", cap=cap, times=1)
    found = certificate(run(), entity)
    assert found.status == "suspicious"
    assert found.second_route is not None
    assert found.second_route.count != found.distinct
    assert found.reason


def test_a_second_route_that_is_cut_is_a_doubt_as_well_and_names_the_type(cafe: RunningSandbox, run: Run) -> None:
    fault(cafe, kind="lying_cap", match="/v2/catalog/list.*types=ITEM(&|$)", mode="cut", cap=10, times=1)
    found = certificate(run(), "catalog")
    assert found.status == "suspicious"
    assert "ITEM: the search shows" in found.reason


def test_short_and_empty_pages_do_not_end_a_list(cafe: RunningSandbox, run: Run) -> None:
    whole = certificate(run(), "catalog").distinct
    control(cafe, "/switches", "POST", {"empty_pages": True})
    found = certificate(run(), "catalog")
    assert (found.status, found.distinct) == ("complete", whole)


def test_a_web_page_in_place_of_the_api_is_an_error_and_not_an_empty_menu(cafe: RunningSandbox, run: Run) -> None:
    fault(cafe, kind="html", match=SEARCH)
    with pytest.raises(NotJson, match="not JSON"):
        run(entities=("catalog",))


def test_a_body_that_is_always_cut_off_is_an_error(cafe: RunningSandbox, run: Run) -> None:
    fault(cafe, kind="truncate", match=SEARCH)
    with pytest.raises(MalformedBody):
        run(entities=("catalog",))


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"kind": "drop_field", "path": "objects[].id"}, "id"),
        ({"kind": "rename_field", "path": "objects", "to": "items"}, "items"),
        ({"kind": "rename_field", "path": "objects[].type", "to": "object_type"}, "type"),
    ],
)
def test_a_field_the_reading_rests_on_that_was_renamed_stops_it_by_name(
    cafe: RunningSandbox, run: Run, spec: dict[str, Any], named: str
) -> None:
    fault(cafe, match=SEARCH, **spec)
    with pytest.raises(UnexpectedShape, match=named):
        run(entities=("catalog",))


def test_a_dropped_name_leaves_the_record_to_quarantine_and_not_to_a_crash(cafe: RunningSandbox, run: Run) -> None:
    fault(cafe, kind="drop_field", match=SEARCH, path="objects[].item_data.name")
    batch = menu(cafe, run())
    assert len(of(batch, "items")) > 20
    assert {row.values["name"] for row in of(batch, "items")} == {None}


def test_a_price_that_is_no_number_sends_that_record_to_quarantine(cafe: RunningSandbox, run: Run) -> None:
    fault(
        cafe, kind="rename_field", match=SEARCH, path="objects[].item_variation_data.price_money.currency", to="amount"
    )
    batch = menu(cafe, run())
    broken = [record for record in batch.rejected if record.entity == "variations"]
    assert len(broken) > 3
    assert "price_money.amount" in broken[0].reason


def test_a_missing_permission_is_certified_as_not_extracted_with_its_reason(cafe: RunningSandbox, run: Run) -> None:
    refs = run("missing_items_scope", entities=("locations", "catalog"))
    found = certificate(refs, "catalog")
    assert found.status == "not_extracted"
    assert "lacks the right" in found.reason or "INSUFFICIENT_SCOPES" in found.reason
    assert certificate(refs, "locations").status == "complete"


def test_the_online_checkout_is_one_request_and_a_location_without_one_is_complete_all_the_same(
    cafe: RunningSandbox, run: Run, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    refs = run(entities=("checkout_settings",))
    assert certificate(refs, "checkout_settings").status == "complete"
    assert len(requests_to(cafe, "/v2/online-checkout")) == 1
    assert len(list(SnapshotReader(*refs).bodies("checkout_settings"))) == 1
    hidden = certificate(run("missing_merchant_scope", entities=("checkout_settings",)), "checkout_settings")
    assert (hidden.status, "MERCHANT_PROFILE_READ" in CONNECTOR_RIGHTS) == ("not_extracted", True)

    async def elsewhere() -> list[SnapshotRef]:
        async with session_on(cafe) as session:
            return await extracted(session, snapshots, tmp_path / "other", ["LNOWHERE"], ("checkout_settings",))

    found = certificate(asyncio.run(elsewhere()), "checkout_settings")
    assert (found.status, found.rows, found.reason) == ("complete", 0, extract.NO_CHECKOUT)


def test_a_catalog_that_changes_while_it_is_read_is_read_again_as_one_state(
    cafe: RunningSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = extract._list_all
    edits: list[Any] = []
    known = control(cafe, "/truth")["items"][0]

    async def edited(session: SquareSession) -> Any:
        if not edits:
            edits.append(control(cafe, "/edit", "POST", {"op": "rename", "item": known["id"], "name": "New name"}))
        return await real(session)

    monkeypatch.setattr(extract, "_list_all", edited)
    refs = run()
    assert edits
    assert certificate(refs, "catalog").status == "complete"
    names = {row.key: row.values["name"] for row in of(menu(cafe, refs), "items")}
    assert names[known["id"]] == "New name"
    pages = [body.page for body in SnapshotReader(*refs).bodies("catalog") if body.window == "objects"]
    assert len(pages) == len(set(pages))
    control(cafe, "/edit", "POST", {"op": "rename", "item": known["id"], "name": known["name"]})


def test_a_catalog_that_never_rests_is_not_certified(
    cafe: RunningSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = extract._list_all
    known = control(cafe, "/truth")["items"][0]
    turns: list[int] = []

    async def edited(session: SquareSession) -> Any:
        turns.append(1)
        control(cafe, "/edit", "POST", {"op": "rename", "item": known["id"], "name": f"Name {len(turns)}"})
        return await real(session)

    monkeypatch.setattr(extract, "_list_all", edited)
    found = certificate(run(), "catalog")
    assert found.status == "suspicious"
    assert "changed while it was read" in found.reason
    assert len(turns) == extract.ATTEMPTS
    control(cafe, "/edit", "POST", {"op": "rename", "item": known["id"], "name": known["name"]})


def test_an_interrupted_extraction_goes_on_without_reading_again_what_was_complete(
    cafe: RunningSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = extract._list_all

    async def dies(session: SquareSession) -> Any:
        raise PosError("the line went dead")

    monkeypatch.setattr(extract, "_list_all", dies)
    with pytest.raises(PosError, match="went dead"):
        run(entities=("locations", "catalog"))
    monkeypatch.setattr(extract, "_list_all", real)
    control(cafe, "/requests", "DELETE")
    refs = run()
    assert certificate(refs, "catalog").status == "complete"
    assert len(requests_to(cafe, SEARCH)) == 1  # only the last look at the time of change
    assert not [entry for entry in requests_to(cafe, "/v2/locations") if entry["path"] == "/v2/locations"]
    assert len(of(menu(cafe, refs), "items")) > 20
