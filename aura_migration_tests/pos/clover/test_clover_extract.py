"""Reading a merchant over real HTTP: nothing is missed, nothing secret is kept, and what is doubtful is said to be."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.clover import CONNECTOR, calls
from aura_migration.pos.clover.calls import UnexpectedShape
from aura_migration.pos.clover.client import CloverSession
from aura_migration.pos.clover.extract import without_leasing
from aura_migration.pos.http.errors import PermissionMissing, ReconnectNeeded, ServerFault, Unauthorized
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration_tests.pos.clover.clover_bench import HISTORY, NAMES, Bench, by_key
from aura_migration_tests.pos.clover.conftest import MakeBench, Read

FEEDS_MENU = {entity.name for entity in CONNECTOR.source_entities if entity.permission == "INVENTORY_R"}


def fault(where: Bench, **spec: Any) -> None:
    """Set the sandbox's fault dial."""
    where.control("POST", "faults", spec)


def doubtful(reader: SnapshotReader) -> dict[str, str]:
    """What is not certified complete, in words."""
    return {c.entity: c.explain() for c in reader.certificates() if c.status != "complete"}


def stored(reader: SnapshotReader) -> str:
    """Every stored byte of a snapshot."""
    return "".join(body.data.decode() for name in reader.entities() for body in reader.bodies(name))


def test_no_secret_of_the_merchant_its_owner_or_its_devices_is_stored(diner: Read) -> None:
    text = stored(diner.reader)
    secrets = diner.truth["secrets"]
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in text] == []
    assert "infolease" not in text
    assert "summaryHour" in text
    assert "Grill printer" in text


def test_leasing_settings_of_any_name_are_cut_and_every_other_byte_stays() -> None:
    body = b'{"vat": false,  "infoleaseNew9": {"a": [1]}, "timezone":"UTC"}'
    assert without_leasing(body, "merchant") == b'{"vat": false,  "timezone":"UTC"}'
    assert without_leasing(b'{"name": "infolease"}', "merchant") == b'{"name": "infolease"}'


def test_lists_inside_records_that_are_cut_at_a_hundred_are_read_by_their_own_endpoint(diner: Read) -> None:
    reader, truth = diner.reader, diner.truth
    for what, entity, name in (
        ("category_over_100_items", "categories", "items"),
        ("group_137_modifiers", "modifier_groups", "modifiers"),
    ):
        (ident,) = next(note["ids"] for note in truth["notes"] if note["what"] == what)
        windows = {body.window: body for body in reader.bodies(entity)}
        assert f"{ident}.{name}" in windows
        assert windows[f"{ident}.{name}"].path.endswith(f"/{ident}/{name}")
        certificate = reader.certificate(entity)
        assert certificate is not None
        assert certificate.nested_refetches == 1


def test_every_list_of_a_large_menu_is_confirmed_by_another_route(diner: Read) -> None:
    for name in FEEDS_MENU - {"discounts", "tax_rules"}:
        certificate = diner.reader.certificate(name)
        assert certificate is not None and certificate.second_route is not None, name
        assert certificate.second_route.count == certificate.distinct


@pytest.fixture
def smaller_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Clover that gives a hundred rows at most, whatever is asked for, and does not say so."""
    ask = calls.Site.page

    async def smaller(self: calls.Site, path: str, params: Any, row_id: str = "id", *, permission: str = "") -> Any:
        asked = {**params, "limit": min(100, int(params["limit"]))}
        answer = await ask(self, path, asked, row_id, permission=permission)
        answer.limit = None
        return answer

    monkeypatch.setattr(calls.Site, "page", smaller)


def test_a_list_that_stops_early_is_not_called_complete(bench: MakeBench) -> None:
    where = bench("diner")
    fault(where, kind="lying_cap", match=r"/items\?", mode="cut", cap=100)
    found = doubtful(where.extract())
    assert "may not be all" in found["items"]


def test_a_list_that_repeats_its_first_page_is_not_called_complete(bench: MakeBench, smaller_pages: None) -> None:
    where = bench("diner")
    fault(where, kind="lying_cap", match=r"/items\?", mode="ignore_cursor", cap=100)
    found = doubtful(where.extract())
    assert "repeats" in found["items"]


def test_a_list_of_modifiers_cut_at_no_round_number_is_found_out_by_their_groups(bench: MakeBench) -> None:
    where = bench("diner")
    fault(where, kind="lying_cap", match=r"/modifiers\?", mode="cut", cap=37)
    found = doubtful(where.extract())
    assert "modifier groups name" in found["modifiers"]


def test_rows_that_move_between_readings_make_it_read_again_and_end_complete(bench: MakeBench) -> None:
    where = bench("cafe")
    item = where.truth()["items"][0]["id"]
    moved = False

    async def extracted(session: CloverSession) -> Any:
        ident = next(iter(session.sites))
        site = session.site(ident)
        ask = site.client.request

        async def request(method: str, path: str, **more: Any) -> Any:
            nonlocal moved
            if path.endswith("/categories") and not moved:
                moved = True
                httpx.post(f"{where.sandbox.control_url}/edit", json={"op": "delete_item", "item": item})
            return await ask(method, path, **more)

        site.client.request = request  # type: ignore[method-assign]
        with where.recorder(ident) as recorder:
            await session.extract(recorder, "location", ident, NAMES)
            return recorder.finish()

    reader = SnapshotReader(where.run(extracted))
    assert moved
    assert doubtful(reader) == {}
    location = where.locations()[0]
    assert f"{location.source_id}/{item}" not in by_key(CONNECTOR.map_menu(reader, location), "items")


def test_a_server_that_gives_smaller_pages_than_asked_for_is_read_to_the_end(
    bench: MakeBench, smaller_pages: None
) -> None:
    where = bench("diner")
    reader = where.extract()
    assert doubtful(reader) == {}
    certificate = reader.certificate("items")
    assert certificate is not None
    assert (certificate.distinct, certificate.pages) == (where.truth()["counts"]["items"], 2)


def test_a_missing_right_is_certified_as_not_extracted_and_the_rest_is_read(bench: MakeBench) -> None:
    where = bench("cafe")
    reader = where.extract(document=where.credentials("missing_scope"))
    refused = {c.entity: c.reason for c in reader.certificates() if c.status == "not_extracted"}
    assert refused.keys() == FEEDS_MENU
    assert all("INVENTORY_R" in reason for reason in refused.values())
    merchant = reader.certificate("merchant")
    assert merchant is not None and merchant.status == "complete"
    assert not any(list(reader.bodies(name)) for name in refused)
    batch = CONNECTOR.map_menu(reader, where.locations()[0])
    assert {row.entity for row in batch.rows} == {"locations"}


@pytest.mark.parametrize("status", [401, 403])
def test_each_right_is_found_by_asking_whichever_way_clover_refuses(bench: MakeBench, status: int) -> None:
    where = bench("cafe", switches={"missing_permission_status": status})
    location = where.locations()[0].source_id

    async def asked(session: CloverSession) -> Any:
        return await session.permissions(location)

    granted = {p.entity: p.granted for p in where.run(asked, where.credentials("missing_employees_scope"))}
    assert granted == {name: name not in ("roles", "employees", "shifts") for name in (*NAMES, *HISTORY)}
    assert all(p.granted for p in where.run(asked))


def test_without_the_right_to_the_merchant_the_missing_right_is_named(bench: MakeBench) -> None:
    where = bench("cafe")
    with pytest.raises(PermissionMissing, match="MERCHANT_R"):
        where.locations(where.credentials("missing_merchant_scope"))


@pytest.mark.parametrize("variant", ["wrong", "expired", "wrong_merchant"])
def test_a_token_that_works_nowhere_is_refused_as_such(bench: MakeBench, variant: str) -> None:
    where = bench("cafe")
    with pytest.raises(Unauthorized):
        where.locations(where.credentials(variant))


def test_a_missing_right_never_spends_the_single_use_refresh_token(bench: MakeBench) -> None:
    where = bench("cafe")
    pair = where.credentials("pair")
    location = where.locations(pair)[0].source_id
    where.control("POST", "tokens", {"op": "drop_scope", "scope": "INVENTORY_R"})
    where.control("DELETE", "requests")
    reader = where.extract(location, where.stored_entry(), ("items", "merchant"))
    items = reader.certificate("items")
    assert items is not None and items.status == "not_extracted"
    assert where.asked("/oauth") == []


def test_an_expired_token_is_renewed_and_the_rotated_pair_is_stored(bench: MakeBench) -> None:
    where = bench("cafe")
    document = where.credentials("refresh_token")
    where.locations(document)
    first = where.stored_entry()
    assert first["refresh_token"] != document["refresh_token"]
    assert first["expires_at"] > 1_700_000_000
    where.control("POST", "tokens", {"op": "expire"})
    where.locations(first)
    second = where.stored_entry()
    assert second["refresh_token"] not in (first["refresh_token"], document["refresh_token"])
    with pytest.raises(ReconnectNeeded):
        where.locations(document)  # used once, it is dead


def test_each_merchant_of_a_chain_is_asked_with_its_own_token(bench: MakeBench) -> None:
    where = bench("chain", locations=11)
    document = where.credentials("refresh_token")
    assert isinstance(document, list)
    found = where.locations(document)
    assert len(found) == 11
    entries = where.stores[-1].load(where.integration_id)[0]["merchants"]
    assert [entry["merchant_id"] for entry in entries] == [place.source_id for place in found]
    assert len({entry["access_token"] for entry in entries}) == 11


def test_an_interrupted_extraction_goes_on_where_it_was(bench: MakeBench) -> None:
    where = bench("cafe")
    fault(where, kind="error", match=r"/items\?.*menuItem", status=500)  # the last of three readings
    location = where.locations()[0].source_id
    with pytest.raises(ServerFault):
        where.extract(location, retry=False)
    where.control("DELETE", "faults")
    where.control("DELETE", "requests")
    reader = where.extract(location)
    assert doubtful(reader) == {}
    assert len([row for row in where.asked() if row["path"].endswith("/items")]) == 1
    whole = {(b.entity, b.window): b.sha256 for name in reader.entities() for b in reader.bodies(name)}
    fresh = where.extract(location)
    assert whole == {(b.entity, b.window): b.sha256 for name in fresh.entities() for b in fresh.bodies(name)}


@pytest.mark.parametrize("field", ["elements", "elements[].id"])
def test_an_answer_that_lost_what_reading_rests_on_stops_the_reading(bench: MakeBench, field: str) -> None:
    where = bench("cafe")
    fault(where, kind="drop_field", match=r"/categories\?", path=field)
    with pytest.raises(UnexpectedShape, match="documented shape"):
        where.extract()


def test_a_merchant_without_a_time_zone_is_not_given_one(bench: MakeBench) -> None:
    where = bench("cafe")
    fault(where, kind="drop_field", match="/v3/merchants", path="timezone")
    fault(where, kind="drop_field", match="/v3/merchants", path="properties.timezone")
    with pytest.raises(UnexpectedShape, match="time zone"):
        where.locations()


@pytest.mark.parametrize("field", ["price", "priceType", "name"])
def test_items_that_lost_a_field_go_to_quarantine_not_to_the_menu(bench: MakeBench, field: str) -> None:
    where = bench("cafe")
    fault(where, kind="rename_field", match=r"/items\?", path=f"elements[].{field}", to="renamed")
    location = where.locations()[0]
    batch = CONNECTOR.map_menu(where.extract(location.source_id), location)
    assert by_key(batch, "items").keys() <= {f"{location.source_id}/{i}" for i in open_items(where, field)}
    rejected = {row.key for row in batch.rejected if row.entity == "items"}
    assert len(rejected) + len(by_key(batch, "items")) == where.truth()["counts"]["items"]
    assert any(loss.field == "renamed" for loss in batch.losses)


def open_items(where: Bench, field: str) -> list[str]:
    """Items that need no price."""
    return [p["item"] for p in where.truth()["prices"] if field == "price" and p["kind"] == "open"]


def test_faults_on_the_way_do_not_change_what_is_read(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "RETRY", RetryPolicy(base_delay=0.02))
    where = bench("cafe")
    calm = where.extract()
    for kind, more in (
        ("reset", {}),
        ("truncate", {}),
        ("rate_limit", {"advice": False}),
        ("error", {"status": 503, "body": "html"}),
        ("html", {}),
    ):
        fault(where, kind=kind, match="/v3/", after=3, times=1, **more)
    rough = where.extract()
    assert doubtful(rough) == {}
    assert {(b.entity, b.window): b.sha256 for name in calm.entities() for b in calm.bodies(name)} == {
        (b.entity, b.window): b.sha256 for name in rough.entities() for b in rough.bodies(name)
    }


def test_the_menu_is_the_same_when_it_is_read_twice(diner: Read) -> None:
    one = CONNECTOR.map_menu(diner.reader, diner.location)
    two = CONNECTOR.map_menu(diner.bench.extract(diner.location.source_id), diner.location)
    assert (one.rows, one.rejected, one.losses) == (two.rows, two.rejected, two.losses)


def test_a_price_changed_without_a_new_time_stamp_is_seen(bench: MakeBench) -> None:
    where = bench("cafe")
    location = where.locations()[0]
    price = next(p for p in where.truth()["prices"] if p["kind"] == "fixed")
    where.control("POST", "edit", {"op": "touchless_price", "item": price["item"], "cents": price["cents"] + 1})
    batch = CONNECTOR.map_menu(where.extract(location.source_id), location)
    key = f"{location.source_id}/{price['item']}"
    assert by_key(batch, "items")[key].values["price_cents"] == price["cents"] + 1


def test_the_audit_shows_settings_and_asks_for_what_clover_does_not_show(diner: Read) -> None:
    where, location = diner.bench, diner.location.source_id

    async def looked(session: CloverSession) -> Any:
        return await session.audit(location), await session.reverse_level(location)

    lines, level = where.run(looked)
    shown = {line.label: line.value for line in lines}
    counts = where.truth()["counts"]
    assert shown["items"] == str(counts["items"])
    assert shown["devices"] == str(counts["devices"])
    assert shown["City"] == "2.875 %, default"
    assert shown["end of the reporting day"] == "04:00"
    assert {line.label for line in lines if line.value == "not in Clover's API"} >= {"combos", "balances"}
    assert all(line.question for line in lines if line.value == "not in Clover's API")
    text = json.dumps([line.__dict__ for line in lines])
    assert [secret for secret in where.truth()["secrets"] if secret in text] == []
    assert level.level == "B"
    denied = where.run(looked_without_team(location), where.credentials("missing_employees_scope"))
    assert [line.value for line in denied if line.label == "roles of staff"] == ["not permitted"]


def looked_without_team(location: str) -> Any:
    """The audit alone."""

    async def looked(session: CloverSession) -> Any:
        return await session.audit(location)

    return looked
