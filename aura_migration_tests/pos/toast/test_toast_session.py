"""The session against a sandbox Toast: sign-in, discovery, rights, and lists that are whole or say that they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aura_migration.archive.snapshot import SnapshotReader, SnapshotStore, open_snapshot
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.errors import (
    Conflict,
    NotJson,
    PermissionMissing,
    Rejected,
    ServerFault,
    Unauthorized,
)
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account
from aura_migration.pos.toast import CONNECTOR
from aura_migration.pos.toast.calls import RESTARTS, RETRY, jwt_scopes
from aura_migration.pos.toast.client import ToastSession
from aura_migration.pos.toast.paths import LOGIN, MENUS
from aura_migration.pos.toast.wire import RestaurantInfo, convert
from aura_migration_tests.pos.toast.conftest import ALL, MENU_ONLY, NOON, Toast

Serve = Callable[..., Toast]
FAST = RetryPolicy(max_attempts=4, base_delay=0.01, advice_headers=RETRY.advice_headers)


@pytest.fixture
def cafe(serve_toast: Serve) -> Iterator[Toast]:
    toast = serve_toast("cafe")
    toast.calm()
    yield toast
    toast.calm()


@pytest.fixture
def diner(serve_toast: Serve) -> Iterator[Toast]:
    toast = serve_toast("diner")
    toast.calm()
    yield toast
    toast.calm()


def first(toast: Toast) -> str:
    """The first location of a sandbox, asked for once: telling the truth takes a while."""
    if "first" not in toast.taken:
        toast.taken["first"] = toast.truth["locations"][0]["id"]
    return str(toast.taken["first"])


def take(toast: Toast, entities: tuple[str, ...] = MENU_ONLY, **given: Any) -> SnapshotReader:
    """A snapshot of the first location, with retries that do not wait."""
    location = first(toast)
    with toast.recorder(location) as recorder:

        async def work(session: ToastSession) -> None:
            session.client.retry = FAST
            await session.extract(recorder, "location", location, entities)

        toast.session(work, **given)
        return SnapshotReader(recorder.finish())


def status(reader: SnapshotReader, entity: str) -> str:
    certificate = reader.certificate(entity)
    assert certificate is not None
    return certificate.status


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "JSON object"),
        ({"client_secret": "s"}, "client_id"),
        ({"client_id": "c", "client_secret": " "}, "client_secret"),
        ({"client_id": "c", "client_secret": "s", "restaurant_guids": "g"}, "restaurant_guids"),
        ({"client_id": "c", "client_secret": "s", "restaurant_guids": ["a/b"]}, "restaurant_guids"),
        ({"client_id": "c", "client_secret": "s", "user": "x"}, "'user'"),
    ],
)
def test_bad_credentials_documents_are_refused_by_the_field_that_is_wrong(document: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as error:
        CONNECTOR.parse_credentials(document)
    assert "restaurant_guids" in error.value.remedy


def test_credentials_lose_white_space_and_repeated_guids() -> None:
    given = {"client_id": " c ", "client_secret": "s\n", "restaurant_guids": ["a", "b", "a"]}
    assert CONNECTOR.parse_credentials(given) == {
        "client_id": "c",
        "client_secret": "s",
        "restaurant_guids": ["a", "b"],
    }


@pytest.mark.parametrize("variant", ["standard", "partner", "custom"])
def test_a_chain_is_discovered_in_full_whoever_asks(serve_toast: Serve, variant: str) -> None:
    chain = serve_toast("chain")
    chain.calm()
    found = chain.discover(variant=variant)
    truth = chain.truth
    assert found.merchant_id == truth["management_group"]
    assert found.merchant_name == truth["merchant_name"]
    assert [one.source_id for one in found.locations] == sorted(one["id"] for one in truth["locations"])
    by_id = {one["id"]: one for one in truth["locations"]}
    for one in found.locations:
        told = by_id[one.source_id]
        assert (one.name, one.timezone, one.currency) == (told["name"], told["timezone"], told["currency"])
        assert one.group_id == truth["management_group"]
        assert one.closeout[2:] == ":00"


def test_a_restaurant_that_stands_alone_is_its_own_merchant(cafe: Toast) -> None:
    found = cafe.discover()
    assert found.merchant_id == first(cafe) == found.locations[0].source_id


def test_wrong_credentials_are_told_as_such(cafe: Toast) -> None:
    with pytest.raises(Unauthorized) as error:
        cafe.discover(variant="wrong")
    assert error.value.exit_code == 2
    assert cafe.credentials("wrong")["client_secret"] not in str(error.value)


def test_a_restaurant_the_access_does_not_cover_is_named_with_the_remedy(cafe: Toast) -> None:
    guid = cafe.credentials("not_connected")["restaurant_guids"][0]
    with pytest.raises((PermissionMissing, BadInput), match=guid):
        cafe.discover(variant="not_connected")


def test_without_guids_and_without_the_partners_api_the_question_is_which_restaurants(cafe: Toast) -> None:
    document = {**cafe.credentials(), "restaurant_guids": []}
    with pytest.raises(BadInput, match="cannot list") as error:
        cafe.discover(credentials=document)
    assert "restaurant_guids" in error.value.remedy


def test_a_restaurant_still_being_connected_is_told_to_wait(serve_toast: Serve) -> None:
    chain = serve_toast("chain")
    chain.calm()
    chain.post("switches", {"connecting_restaurants": 1})
    try:
        with pytest.raises(PermissionMissing, match="quarter of an hour"):
            chain.discover(variant="partner")
    finally:
        chain.post("switches", {"connecting_restaurants": 0})


def test_restaurants_of_several_groups_are_not_taken_for_one_merchant() -> None:
    def info(guid: str, group: str | None) -> RestaurantInfo:
        general = {"name": guid, "timeZone": "UTC", "closeoutHour": 4, "managementGroupGuid": group}
        return convert({"guid": guid, "general": general}, RestaurantInfo)

    async def no_session(merchant: str) -> ToastSession:
        async with Buckets.in_memory() as buckets:
            account = Account(1, "https://toast.example", MemoryStore(1, {"client_id": "c"}), buckets, merchant)
            async with CONNECTOR.open(account) as session:
                assert isinstance(session, ToastSession)
                return session

    import asyncio

    found = [info("a", "g1"), info("b", "g2"), info("c", None)]
    with pytest.raises(BadInput, match="3 management groups"):
        asyncio.run(no_session(""))._of_one_group(found)
    assert asyncio.run(no_session("g2"))._of_one_group(found) == [found[1]]


def test_one_sign_in_serves_all_restaurants_and_all_sessions(serve_toast: Serve) -> None:
    chain = serve_toast("chain")
    chain.calm()
    store = MemoryStore(1, CONNECTOR.parse_credentials(chain.credentials()))
    found = chain.discover(store=store)
    for location in found.locations[:2]:
        chain.extract(location.source_id, ("restaurant", "prep_stations"), store=store)
    assert len(chain.requests(LOGIN)) == 1


def test_an_expired_token_is_renewed_once_and_the_call_repeated(cafe: Toast) -> None:
    cafe.post("faults", {"kind": "expire_token", "match": "prepStations", "times": 1})
    assert status(take(cafe, ("restaurant", "prep_stations")), "prep_stations") == "complete"
    assert len(cafe.requests(LOGIN)) == 2


def test_permissions_are_what_toast_answers(cafe: Toast) -> None:
    location = first(cafe)
    found = {one.entity: one for one in cafe.session(lambda session: session.permissions(location))}
    assert found.keys() == set(ALL)
    assert all(one.granted for one in found.values())
    found = {
        one.entity: one for one in cafe.session(lambda session: session.permissions(location), variant="missing_scope")
    }
    assert found["stock"].granted is False
    assert "stock:read" in found["stock"].evidence
    assert found["menus"].granted is True


def test_a_right_taken_away_after_sign_in_is_seen_in_the_answer_although_the_token_still_claims_it(cafe: Toast) -> None:
    location = first(cafe)
    store = MemoryStore(1, CONNECTOR.parse_credentials(cafe.credentials()))
    cafe.discover(store=store)
    cafe.post("tokens", {"op": "drop_scope", "scope": "kitchen:read"})
    try:
        found = {one.entity: one for one in cafe.session(lambda session: session.permissions(location), store=store)}
        assert found["prep_stations"].granted is False
        assert "403" in found["prep_stations"].evidence
        reader = take(cafe, store=store)
        assert status(reader, "prep_stations") == "not_extracted"
        assert "403" in (reader.certificate("prep_stations") or pytest.fail("no certificate")).reason
        assert status(reader, "menus") == "complete"
    finally:
        cafe.post("tokens", {"op": "add_scope", "scope": "kitchen:read"})


def test_a_missing_right_is_not_an_empty_list(cafe: Toast) -> None:
    reader = take(cafe, variant="missing_menus")
    assert status(reader, "menus") == "not_extracted"
    reader = take(cafe, variant="missing_config")
    assert status(reader, "config") == "not_extracted"
    menus = reader.certificate("menus")
    assert menus is not None and menus.status == "complete" and menus.second_route is None
    (location,) = cafe.discover().locations
    batch = CONNECTOR.map_menu(reader, location)
    assert not [row for row in batch.rows if row.entity in ("tax_rates", "item_taxes")]
    assert not batch.rejected
    assert any("not read" in loss.note for loss in batch.losses)


def test_only_read_rights_mean_no_way_back_by_api(cafe: Toast) -> None:
    location = first(cafe)
    assert cafe.session(lambda session: session.reverse_level(location)).level == "C"
    written = cafe.session(lambda session: session.reverse_level(location), variant="writing")
    assert written.level == "A"
    assert "cannot write menus" in written.evidence


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.eyJmb28iOjF9.c", "a.W10.c", "", "a.!!!.c"])
def test_a_token_that_says_no_scopes_says_nothing(token: str) -> None:
    assert jwt_scopes(token) is None


def test_what_was_published_while_it_was_read_is_read_again(cafe: Toast, monkeypatch: pytest.MonkeyPatch) -> None:
    location = first(cafe)
    with cafe.recorder(location) as recorder:

        async def work(session: ToastSession) -> None:
            get = session.get
            published: list[Any] = []

            async def and_publish(path: str, *rest: Any) -> Any:
                answer = await get(path, *rest)
                if path == MENUS and len(published) < 2:
                    published.append(cafe.post("edit", {"op": "publish"}))
                return answer

            monkeypatch.setattr(session, "get", and_publish)
            await session.extract(recorder, "location", location, ("menus",))

        cafe.session(work)
        reader = SnapshotReader(recorder.finish())
    assert status(reader, "menus") == "complete"
    assert len(cafe.requests(MENUS)) == 3
    assert len([body for body in reader.bodies("menus") if body.path == MENUS]) == 1


def test_menus_that_are_published_all_the_time_end_in_a_conflict(cafe: Toast, monkeypatch: pytest.MonkeyPatch) -> None:
    location = first(cafe)

    async def work(session: ToastSession) -> None:
        get = session.get

        async def and_publish(path: str, *rest: Any) -> Any:
            answer = await get(path, *rest)
            if path == MENUS:
                cafe.post("edit", {"op": "publish"})
            return answer

        monkeypatch.setattr(session, "get", and_publish)
        with cafe.recorder(location) as recorder:
            await session.extract(recorder, "location", location, ("menus",))

    with pytest.raises(Conflict, match="published again"):
        cafe.session(work)
    assert len(cafe.requests(MENUS)) == RESTARTS + 1


def test_metadata_of_another_date_make_the_menus_suspicious(cafe: Toast) -> None:
    cafe.post("faults", {"kind": "drop_field", "match": "/menus/v2/menus", "path": "lastUpdated"})
    assert status(take(cafe, ("menus",)), "menus") == "suspicious"


@pytest.mark.parametrize("answer", ["not_found", "empty_list"])
def test_a_restaurant_without_a_published_menu_is_certified_as_empty(serve_toast: Serve, answer: str) -> None:
    empty = serve_toast("empty")
    empty.calm()
    empty.post("switches", {"empty_menus": answer})
    reader = take(empty)
    certificate = reader.certificate("menus")
    assert certificate is not None
    assert (certificate.status, certificate.distinct) == ("complete", 0)
    (location,) = empty.discover().locations
    assert CONNECTOR.source_counts(reader, location)["items"] == 0
    assert {row.entity for row in CONNECTOR.map_menu(reader, location).rows} == {
        "locations",
        "tax_rates",
        "kitchen_stations",
    }


@pytest.mark.parametrize("refusal", [409, 400])
def test_a_list_whose_page_token_went_stale_begins_again_and_doubles_nothing(diner: Toast, refusal: int) -> None:
    diner.post("switches", {"stale_page_token_status": refusal})
    diner.post("faults", {"kind": "stale_cursor", "match": "discounts.*pageToken", "times": 2})
    diner.post("faults", {"kind": "conflict", "match": "prepStations", "times": 1})
    reader = take(diner, ("config", "prep_stations"))
    for entity in ("config", "prep_stations"):
        certificate = reader.certificate(entity)
        assert certificate is not None
        assert (certificate.status, certificate.duplicates_dropped) == ("complete", 0)
    truth = diner.truth["configuration"][first(diner)]
    taken = sum(body.rows for body in reader.bodies("config") if body.window == "discounts")
    assert taken == truth["discounts"]
    diner.post("switches", {"stale_page_token_status": 409})


def test_a_list_that_moves_without_end_is_given_up_as_a_conflict(diner: Toast) -> None:
    diner.post("faults", {"kind": "conflict", "match": "/config/v2/taxRates"})
    with pytest.raises(Conflict):
        take(diner, ("config",))
    assert len(diner.requests("/config/v2/taxRates")) == RESTARTS + 1


def test_a_server_that_ignores_the_page_token_is_suspicious_not_complete(diner: Toast) -> None:
    diner.post("switches", {"config_page_objects": 2})
    diner.post("faults", {"kind": "lying_cap", "match": "prepStations", "mode": "ignore_cursor", "cap": 2})
    reader = take(diner, ("prep_stations",))
    diner.post("switches", {"config_page_objects": 300})
    certificate = reader.certificate("prep_stations")
    assert certificate is not None
    assert certificate.status == "suspicious"
    assert "already seen" in certificate.suspicious_caps[0]


def test_a_cut_second_route_is_noticed(diner: Toast) -> None:
    diner.post("faults", {"kind": "lying_cap", "match": "/config/v2/menuGroups", "mode": "cut", "cap": 3})
    reader = take(diner, ("menus",))
    certificate = reader.certificate("menus")
    assert certificate is not None and certificate.second_route is not None
    assert certificate.status == "suspicious"
    assert certificate.second_route.count < certificate.distinct
    assert status(take(diner, ("menus",), switches={"menu_second_route": False}), "menus") == "complete"


def test_a_list_that_ends_with_a_full_page_is_suspicious(diner: Toast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aura_migration.pos.toast.calls.PAGE_CAP", 5)
    diner.post("faults", {"kind": "lying_cap", "match": "/config/v2/taxRates", "mode": "cut", "cap": 5})
    certificate = take(diner, ("config",)).certificate("config")
    assert certificate is not None
    assert certificate.status == "suspicious"
    assert any("taxRates" in doubt and "full page of 5" in doubt for doubt in certificate.suspicious_caps)


def test_a_tax_rate_cut_from_the_list_shows_at_the_items_that_need_it(diner: Toast) -> None:
    diner.post("faults", {"kind": "lying_cap", "match": "/config/v2/taxRates", "mode": "cut", "cap": 1})
    (location,) = diner.discover().locations
    batch = CONNECTOR.map_menu(take(diner), location)
    assert {one.entity for one in batch.rejected} == {"item_taxes"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "truncate"},
        {"kind": "reset", "where": "mid_body"},
        {"kind": "html"},
        {"kind": "error", "status": 503, "body": "html"},
        {"kind": "error", "status": 500, "body": "text"},
        {"kind": "rate_limit", "advice": False},
        {"kind": "rate_limit", "advice": True, "retry_after": 1},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_a_passing_fault_changes_no_row(cafe: Toast, fault: dict[str, Any]) -> None:
    (location,) = cafe.discover().locations
    expected = CONNECTOR.map_menu(take(cafe), location).rows
    for match in ("/menus/v2/menus", "/config/v2/taxRates"):
        cafe.post("faults", {**fault, "match": match, "times": 1})
    assert CONNECTOR.map_menu(take(cafe), location).rows == expected


def test_a_lasting_fault_is_an_error_and_never_an_empty_menu(cafe: Toast) -> None:
    cafe.post("faults", {"kind": "html", "match": "/menus/v2/menus"})
    with pytest.raises(NotJson):
        take(cafe, ("menus",))
    cafe.calm()
    cafe.post("faults", {"kind": "error", "status": 503, "match": "/menus/v2/menus"})
    with pytest.raises(ServerFault):
        take(cafe, ("menus",))


@pytest.mark.parametrize("name", ["modifierGroupReferences", "menus", "preModifierGroupReferences"])
def test_menus_without_one_of_their_parts_are_refused(cafe: Toast, name: str) -> None:
    cafe.post("faults", {"kind": "rename_field", "match": "/menus/v2/menus", "path": name, "to": "renamed"})
    with pytest.raises(Rejected, match=name):
        take(cafe, ("menus",))


def test_a_field_toast_renames_sends_every_item_to_quarantine_and_nothing_to_zero(cafe: Toast) -> None:
    path = "menus[].menuGroups[].menuItems[].price"
    cafe.post("faults", {"kind": "rename_field", "match": "/menus/v2/menus", "path": path, "to": "amount"})
    (location,) = cafe.discover().locations
    reader = take(cafe)
    batch = CONNECTOR.map_menu(reader, location)
    assert not [row for row in batch.rows if row.entity == "items"]
    items = [one for one in batch.rejected if one.entity == "items"]
    assert len(items) == CONNECTOR.source_counts(reader, location)["items"] == 25
    assert all("price" in one.reason for one in items)


@pytest.mark.parametrize(
    "switches",
    [
        {"premodifier_map_key": "premodifierGroupReferences"},
        {"time_specific_item_price": "null"},
        {"overlapping_reference_ids": True},
        {"extra_fields": False},
        {"config_page_bytes": 500},
        {"rate_limit_body": "text", "auth_status_as_text": True},
    ],
    ids=lambda switches: next(iter(switches)),
)
def test_rows_do_not_depend_on_how_an_unconfirmed_fact_turns_out(diner: Toast, switches: dict[str, Any]) -> None:
    (location,) = diner.discover().locations

    def values() -> list[Any]:
        return [(row.entity, row.key, row.values) for row in CONNECTOR.map_menu(take(diner), location).rows]

    expected = values()
    before = diner.control.get("/_control/switches").json()
    diner.post("switches", switches)
    try:
        assert values() == expected
    finally:
        diner.post("switches", {name: before[name] for name in switches})


def test_publishing_the_same_menu_again_changes_no_row_and_no_source_record(diner: Toast) -> None:
    (location,) = diner.discover().locations
    before = take(diner)
    diner.post("edit", {"op": "publish"})
    after = take(diner)
    bodies = [next(reader.bodies("menus")).data for reader in (before, after)]
    assert bodies[0] != bodies[1], "the publication dealt no new reference numbers"
    assert CONNECTOR.map_menu(before, location).rows == CONNECTOR.map_menu(after, location).rows


def test_an_interrupted_extraction_goes_on_where_it_stopped(diner: Toast) -> None:
    location = first(diner)
    store = SnapshotStore(str(diner.folder / "resumed"))

    def attempt() -> SnapshotReader | None:
        with open_snapshot(
            diner.connection, store, integration_id=77, pos="toast", scope="location",
            location_key=f"toast:{location}", taken_at=NOON, redaction=CONNECTOR.redaction,
        ) as recorder:  # fmt: skip

            async def work(session: ToastSession) -> None:
                session.client.retry = RetryPolicy(max_attempts=1)
                await session.extract(recorder, "location", location, ("menus", "config", "stock"))

            diner.session(work)
            return SnapshotReader(recorder.finish())

    diner.post("faults", {"kind": "error", "status": 500, "match": "/config/v2/serviceCharges", "times": 1})
    with pytest.raises(ServerFault):
        attempt()
    diner.control.delete("/_control/requests")
    reader = attempt()
    assert reader is not None
    assert diner.requests(MENUS) == []
    assert diner.requests("/config/v2/taxRates") == []
    for entity in ("menus", "config", "stock"):
        assert status(reader, entity) == "complete"
    whole = take(diner, ("config",)).certificate("config")
    assert reader.certificate("config") == whole


def test_toast_has_nothing_of_the_whole_merchant(cafe: Toast) -> None:
    with cafe.recorder(first(cafe)) as recorder:
        with pytest.raises(BadInput, match="whole merchant"):
            cafe.session(lambda session: session.extract(recorder, "merchant", None, ("menus",)))
        with pytest.raises(BadInput, match="no source entity 'recipes'"):
            cafe.session(lambda session: session.extract(recorder, "location", first(cafe), ("recipes",)))
        cafe.session(lambda session: session.extract(recorder, "merchant", None, ()))


def test_the_audit_counts_what_the_api_shows_and_asks_for_the_rest(diner: Toast) -> None:
    location, truth = first(diner), diner.truth
    lines = diner.session(lambda session: session.audit(location))
    shown = {(line.area, line.label): line.value for line in lines}
    assert shown["menu", "items"] == str(len(truth["items"]))
    assert shown["menu", "menus"] == str(truth["counts"]["menus"])
    assert shown["configuration", "tax rates"] == str(truth["configuration"][location]["taxRates"])
    assert shown["devices", "printers"] == str(truth["configuration"][location]["printers"])
    staff = truth["staff"]
    working = sum(one["active"] and not one["disabled"] for one in staff if one["location"] == location)
    here = sum(one["location"] == location for one in staff)
    assert shown["people", "employees"] == f"{here} ({working} working)"
    jobs = [one["active"] for one in truth["jobs"] if one["location"] == location]
    assert shown["people", "jobs"] == f"{len(jobs)} ({sum(jobs)} in use)"
    asked = {line.label for line in lines if line.question}
    assert {
        "loyalty",
        "gift cards",
        "guests",
        "house accounts",
        "payroll",
        "kitchen displays",
        "drafts and archived menus",
    } <= asked
    assert not any(secret in repr(lines) for secret in truth["secrets"])


def test_the_audit_says_what_it_may_not_read(cafe: Toast) -> None:
    location = first(cafe)
    lines = cafe.session(lambda session: session.audit(location), variant="missing_scope")
    (stock,) = [line for line in lines if line.label == "stock" and line.area == "menu"]
    assert "right is missing" in stock.value
    assert stock.question


def test_the_audit_names_siblings_the_credentials_do_not_cover(serve_toast: Serve) -> None:
    chain = serve_toast("chain")
    chain.calm()
    location = chain.credentials("one_location")["restaurant_guids"][0]
    lines = chain.session(lambda session: session.audit(location), variant="one_location")
    shown = {line.label: line for line in lines if line.area == "locations"}
    count = len(chain.truth["locations"])
    assert shown["restaurants of the management group"].value == str(count)
    assert len(shown["not covered by these credentials"].value.split(", ")) == count - 1


def test_the_real_limits_are_kept_without_a_single_refusal(serve_toast: Serve) -> None:
    cafe = serve_toast("cafe", limits="real", seed=2)
    cafe.calm()
    location = first(cafe)
    with cafe.recorder(location) as recorder:

        async def work(session: ToastSession) -> None:
            await session.extract(recorder, "location", location, ALL)
            await session.audit(location)

        cafe.session(work, limits=True)
        reader = SnapshotReader(recorder.finish())
    assert status(reader, "menus") == "complete"
    assert not [one for one in cafe.requests() if one["status"] == 429]
    assert len(cafe.requests(MENUS)) == 2
