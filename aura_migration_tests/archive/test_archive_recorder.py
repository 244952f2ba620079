"""Recording and reading back: what was recorded is what is read, progress survives, and numbers cannot be made up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import (
    Certificate,
    Recorder,
    Redaction,
    SecondRoute,
    SnapshotDamaged,
    SnapshotReader,
    SnapshotStore,
    latest_snapshot,
    list_snapshots,
    open_snapshot,
    snapshot_ref,
)
from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.ids import bytes_hash, content_hash
from aura_migration.database.connections import connect
from aura_migration.database.vault import PersonKeys, open_vault
from aura_migration.settings import Settings

Connection = psycopg.Connection[Any]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLAIN = Redaction()
SECRETS = Redaction(drop={"catalog": ("objects[].token",)}, drop_everywhere=frozenset({"access_token"}))
PEOPLE = Redaction(personal={"customers": (("customers[].name", "customers[].id"),)})


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "snapshots"))


def begin(connection: Connection, store: SnapshotStore, **changed: Any) -> Recorder:
    given: dict[str, Any] = {
        "integration_id": 1,
        "pos": "square",
        "scope": "location",
        "location_key": "square:L1",
        "taken_at": NOON,
        "redaction": PLAIN,
    }
    return open_snapshot(connection, store, **(given | changed))


def note(recorder: Recorder, entity: str, body: bytes, page: int = 1, window: str = "", rows: int = 1) -> None:
    recorder.record(
        entity, method="GET", path=f"/v2/{entity}", params={"page": page}, request_body=None, body=body, rows=rows,
        page=page, window=window,
    )  # fmt: skip


def complete(entity: str, pages: int, rows: int) -> Certificate:
    return Certificate(entity, "complete", pages, rows, rows)


def test_what_was_recorded_is_read_back_in_order_without_database_or_pos(
    connection: Connection, store: SnapshotStore
) -> None:
    with begin(connection, store) as recorder:
        for page in (1, 2, 10):
            note(recorder, "catalog", b'{"page":%d,"price":8.990}' % page, page, rows=2)
        note(recorder, "locations", b"[]", rows=0)
        recorder.certify(complete("catalog", 3, 6))
        ref = recorder.finish()
    connection.close()
    reader = SnapshotReader.at(store.url, ref.manifest_hash)
    assert reader.entities() == ("catalog", "locations")
    bodies = list(reader.bodies("catalog"))
    assert [body.data for body in bodies] == [b'{"page":%d,"price":8.990}' % page for page in (1, 2, 10)]
    first = bodies[0]
    assert (first.entity, first.method, first.path, first.params) == ("catalog", "GET", "/v2/catalog", {"page": 1})
    assert (first.page, first.window, first.rows, first.size) == (1, "", 2, 24)
    assert first.sha256 == bytes_hash(first.data)
    assert reader.body(first.sha256) == first
    assert reader.certificate("catalog") == complete("catalog", 3, 6)
    assert reader.certificate("locations") is None
    assert reader.certificate("nothing") is None
    assert list(reader.bodies("nothing")) == []
    assert reader.certificates() == (complete("catalog", 3, 6),)
    assert reader.verify() == 4
    with pytest.raises(BadInput, match="No body"):
        reader.body("0" * 64)


def test_a_finished_snapshot_is_found_through_the_database(connection: Connection, store: SnapshotStore) -> None:
    assert latest_snapshot(connection, 1, "location", "square:L1") is None
    refs = []
    for hour in (0, 1):
        with begin(connection, store, taken_at=NOON + timedelta(hours=hour)) as recorder:
            note(recorder, "catalog", b"{}")
            recorder.certify(complete("catalog", 1, 1))
            refs.append(recorder.finish())
    with begin(connection, store, scope="merchant", location_key=None) as recorder:
        with pytest.raises(BadInput, match="not complete"):
            snapshot_ref(connection, recorder.snapshot_id)
        merchant = recorder.finish()
    assert latest_snapshot(connection, 1, "location", "square:L1") == refs[1]
    assert latest_snapshot(connection, 1, "merchant", None) == merchant
    assert latest_snapshot(connection, 2, "location", "square:L1") is None
    assert snapshot_ref(connection, refs[0].snapshot_id) == refs[0]
    listed = list_snapshots(connection, 1)
    assert [line.snapshot_id for line in listed] == [merchant.snapshot_id, refs[1].snapshot_id, refs[0].snapshot_id]
    assert (listed[2].bodies, listed[2].size, listed[2].state) == (1, 2, "complete")
    assert list_snapshots(connection, location_key="square:L1", state="open") == []


def test_the_same_export_at_the_same_business_time_has_the_same_identity(
    connection: Connection, store: SnapshotStore
) -> None:
    hashes = []
    for name in ("catalog", "catalog", "other"):
        with begin(connection, store) as recorder:
            note(recorder, name, b"{}")
            hashes.append(recorder.finish().manifest_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_redaction_happens_before_anything_is_stored(connection: Connection, tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "s"))
    with begin(connection, store, redaction=SECRETS) as recorder:
        recorder.record(
            "catalog",
            method="POST",
            path="/v2/catalog/search",
            params={"access_token": "s3cret", "limit": 5},
            request_body={"cursor": None, "auth": {"access_token": "s3cret"}, "since": NOON},
            body=b'{"objects":[{"id":"I1","token":"s3cret","price":8.990}],"access_token":"s3cret"}',
            rows=1,
            page=1,
        )
        ref = recorder.finish()
    (body,) = SnapshotReader(ref).bodies("catalog")
    assert body.data == b'{"objects":[{"id":"I1","price":8.990}]}'
    assert body.params == {"limit": 5}
    assert body.request_body == {"cursor": None, "auth": {}, "since": "2026-03-02T12:00:00Z"}
    (listed,) = SnapshotReader(ref).refs("catalog")
    assert listed.request_hash == content_hash(body.request_body)
    for path in (tmp_path / "s").rglob("*.json"):
        assert b"s3cret" not in path.read_bytes()
    for sha in store.blobs():
        assert b"s3cret" not in store.get(sha)
    rows = connection.execute("select p::text from migration.snapshot_pages p").fetchall()
    assert "s3cret" not in str(rows)


def test_a_body_that_cannot_be_redacted_is_not_stored(connection: Connection, store: SnapshotStore) -> None:
    with begin(connection, store, redaction=SECRETS) as recorder:
        with pytest.raises(BadInput, match="GET /v2/catalog: the body is not JSON"):
            note(recorder, "catalog", b"<html>Bad gateway</html>")
        assert list(store.blobs()) == []
        assert recorder.pages("catalog") == ()


def test_an_interrupted_extraction_continues_without_fetching_completed_windows_again(
    database: str, store: SnapshotStore
) -> None:
    with connect(database, autocommit=True) as first, begin(first, store) as recorder:
        note(recorder, "orders", b"1", 1, "2026-02-01", rows=10)
        recorder.complete_window("orders", "2026-02-01")
        note(recorder, "orders", b"2", 1, "2026-03-01", rows=10)
        note(recorder, "menus", b"m")
        recorder.certify(complete("menus", 1, 1))
        begun = recorder.snapshot_id
    with connect(database) as second, begin(second, store, taken_at=NOON + timedelta(hours=2)) as recorder:
        assert (recorder.snapshot_id, recorder.taken_at) == (begun, NOON)
        assert recorder.recorded("orders", "2026-02-01")
        assert not recorder.recorded("orders", "2026-03-01")
        assert not recorder.recorded("orders")
        assert recorder.recorded("menus")
        assert recorder.certificate("menus") == complete("menus", 1, 1)
        assert [body.data for body in recorder.bodies("orders")] == [b"1"], "pages of unfinished windows are discarded"
        note(recorder, "orders", b"2", 1, "2026-03-01", rows=10)
        note(recorder, "orders", b"3", 2, "2026-03-01", rows=3)
        recorder.complete_window("orders", "2026-03-01")
        assert [ref.page for ref in recorder.pages("orders", "2026-03-01")] == [1, 2]
        recorder.certify(complete("orders", 3, 23))
        ref = recorder.finish()
    assert [body.data for body in SnapshotReader(ref).bodies("orders")] == [b"1", b"2", b"3"]
    assert all(certificate.status == "complete" for certificate in ref.certificates)


def test_recording_a_window_that_an_earlier_attempt_completed_replaces_it(
    connection: Connection, store: SnapshotStore
) -> None:
    with begin(connection, store) as recorder:
        note(recorder, "menus", b"old")
        recorder.certify(complete("menus", 1, 1))
    with begin(connection, store) as recorder:
        note(recorder, "menus", b"new")
        assert not recorder.recorded("menus")
        assert recorder.certificate("menus") is None, "the certificate spoke of other bodies"
        recorder.complete_window("menus")
        with pytest.raises(Refused, match="after the window was completed"):
            note(recorder, "menus", b"late", 2)
        recorder.restart_window("menus")
        note(recorder, "menus", b"newest")
        ref = recorder.finish()
    assert [body.data for body in SnapshotReader(ref).bodies("menus")] == [b"newest"]


@pytest.mark.parametrize(
    "changed",
    [{"resume": False}, {"taken_at": NOON + timedelta(days=2)}],
    ids=["told not to resume", "too old"],
)
def test_an_attempt_that_is_not_continued_is_given_up_with_a_reason(
    connection: Connection, store: SnapshotStore, changed: dict[str, Any]
) -> None:
    with begin(connection, store) as recorder:
        note(recorder, "menus", b"old")
        old = recorder.snapshot_id
    with begin(connection, store, **changed) as recorder:
        assert recorder.snapshot_id != old
        assert recorder.pages("menus") == ()
    (failed,) = list_snapshots(connection, state="failed")
    assert failed.snapshot_id == old
    assert failed.reason.startswith("given up")


def test_an_attempt_in_another_store_is_not_continued(connection: Connection, store: SnapshotStore) -> None:
    with begin(connection, store) as recorder:
        old = recorder.snapshot_id
    with begin(connection, SnapshotStore(f"memory://{uuid.uuid4()}")) as recorder:
        assert recorder.snapshot_id != old


def test_a_failed_snapshot_says_why_and_is_not_continued(connection: Connection, store: SnapshotStore) -> None:
    with begin(connection, store) as recorder:
        recorder.fail("the POS revoked the token")
        with pytest.raises(Refused, match="closed"):
            note(recorder, "menus", b"late")
        old = recorder.snapshot_id
    assert [line.reason for line in list_snapshots(connection)] == ["the POS revoked the token"]
    with begin(connection, store) as recorder:
        assert recorder.snapshot_id != old


def test_two_processes_do_not_extract_the_same_place_at_once(database: str, store: SnapshotStore) -> None:
    with connect(database) as first, connect(database) as second:
        with begin(first, store):
            with pytest.raises(Refused, match="square:L1 is being extracted by another process"):
                begin(second, store, patience=0)
            with begin(second, store, location_key="square:L2"):
                pass
        with begin(second, store) as recorder:
            recorder.finish()


def test_the_recorder_refuses_a_connection_inside_a_transaction(database: str, store: SnapshotStore) -> None:
    with connect(database) as used:
        used.execute("select 1")
        with pytest.raises(BadInput, match="inside a transaction"):
            begin(used, store)
        used.rollback()
        with begin(used, store) as recorder:
            used.execute("select 1")
            with pytest.raises(BadInput, match="inside a transaction"):
                note(recorder, "menus", b"{}")
            used.rollback()


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": "merchant"},
        {"location_key": None},
        {"location_key": "nonsense"},
        {"taken_at": NOON.replace(tzinfo=None)},
    ],
)
def test_a_snapshot_of_an_impossible_place_or_time_is_refused(
    connection: Connection, store: SnapshotStore, changed: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        begin(connection, store, **changed)


@pytest.mark.parametrize(
    "claimed",
    [
        Certificate("items", "complete", 2, 2, 2),
        Certificate("items", "complete", 1, 5, 5),
        Certificate("items", "complete", 1, 1, 1, SecondRoute("the search", 3)),
        Certificate("items", "complete", 1, 1, 1, suspicious_caps=("cut at 1",)),
    ],
)
def test_a_certificate_that_claims_more_than_was_recorded_is_kept_as_suspicious(
    connection: Connection, store: SnapshotStore, claimed: Certificate
) -> None:
    with begin(connection, store) as recorder:
        note(recorder, "items", b"{}")
        recorder.certify(claimed)
        ref = recorder.finish()
    kept = ref.certificate("items")
    assert kept is not None
    assert kept.status == "suspicious"
    assert kept.reason


def test_an_entity_never_certified_does_not_stop_the_snapshot_but_shows(
    connection: Connection, store: SnapshotStore
) -> None:
    with begin(connection, store) as recorder:
        note(recorder, "items", b"{}")
        recorder.certify(Certificate("stock", "not_extracted", reason="The permission is missing."))
        ref = recorder.finish()
    assert ref.certificate("items") is None
    assert ref.certificate("stock") == Certificate("stock", "not_extracted", reason="The permission is missing.")
    assert SnapshotReader(ref).entities() == ("items", "stock")


def test_a_merchant_snapshot_and_a_location_snapshot_read_as_one(
    connection: Connection, store: SnapshotStore, tmp_path: Path
) -> None:
    with begin(connection, store, scope="merchant", location_key=None) as recorder:
        note(recorder, "catalog", b"merchant")
        note(recorder, "both", b"1")
        recorder.certify(complete("both", 1, 1))
        merchant = recorder.finish()
    elsewhere = SnapshotStore(f"memory://{uuid.uuid4()}")
    with begin(connection, elsewhere) as recorder:
        note(recorder, "stock", b"location")
        note(recorder, "both", b"2")
        recorder.certify(Certificate("both", "suspicious", 1, 1, 1, reason="cut"))
        location = recorder.finish()
    reader = SnapshotReader(merchant, location)
    assert reader.entities() == ("both", "catalog", "stock")
    assert [body.data for body in reader.bodies("both")] == [b"1", b"2"]
    found = reader.certificate("both")
    assert found is not None
    assert found.status == "suspicious", "the least trustworthy counts"
    with begin(connection, store, integration_id=2) as recorder:
        stranger = recorder.finish()
    with pytest.raises(BadInput, match="different integrations"):
        SnapshotReader(merchant, stranger)
    with pytest.raises(BadInput, match="no snapshot"):
        SnapshotReader()


def test_a_tampered_or_missing_body_is_named_when_it_is_read(connection: Connection, tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "s"))
    with begin(connection, store) as recorder:
        note(recorder, "items", b'{"price":100}')
        note(recorder, "items", b'{"price":200}', 2)
        ref = recorder.finish()
    shas = [entry.sha256 for entry in SnapshotReader(ref).refs("items")]
    (tmp_path / "s" / "blobs" / shas[1][:2] / f"{shas[1]}.zst").unlink()
    reader = SnapshotReader(ref)
    bodies = reader.bodies("items")
    assert next(bodies).data == b'{"price":100}'
    with pytest.raises(SnapshotDamaged, match=shas[1]):
        next(bodies)
    with pytest.raises(SnapshotDamaged, match=shas[1]):
        reader.verify()
    manifest = tmp_path / "s" / "manifests" / ref.manifest_hash[:2] / f"{ref.manifest_hash}.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows":1', b'"rows":9'))
    with pytest.raises(SnapshotDamaged, match=ref.manifest_hash):
        SnapshotReader(ref)


def test_a_manifest_of_another_format_is_refused(store: SnapshotStore) -> None:
    sha = store.put_manifest(b'{"format":99}')
    with pytest.raises(BadInput, match="format 99"):
        SnapshotReader.at(store.url, sha)


@pytest.fixture
def keys(settings: Settings, database: str) -> Callable[[], PersonKeys]:
    vault = open_vault(settings, lambda: connect(database))
    return lambda: PersonKeys(vault)


@pytest.fixture
def guests(connection: Connection, store: SnapshotStore, keys: Callable[[], PersonKeys]) -> Iterator[Any]:
    body = b'{"customers":[{"id":"C1","name":"Annabella","spent":8.990},{"id":"C2","name":"Bob"}]}'
    with begin(connection, store, redaction=PEOPLE, cipher=keys()) as recorder:
        note(recorder, "customers", body, rows=2)
        recorder.certify(complete("customers", 1, 2))
        yield body, recorder.finish()


def test_personal_fields_are_unreadable_without_keys_and_exact_with_them(
    guests: Any, keys: Callable[[], PersonKeys]
) -> None:
    sent, ref = guests
    (stored,) = SnapshotReader(ref).bodies("customers")
    assert b"Annabella" not in stored.data
    assert b'"spent":8.990' in stored.data
    name = json.loads(stored.data)["customers"][0]["name"]
    assert name.startswith("enc:v1:")
    with pytest.raises(BadInput, match="without keys"):
        SnapshotReader(ref).reveal(name)
    reader = SnapshotReader(ref, cipher=keys())
    assert reader.is_encrypted(name)
    assert not reader.is_encrypted("Annabella")
    assert reader.reveal(name) == "Annabella"
    assert reader.reveal("Burger") == "Burger"
    assert reader.revealed(stored) == sent


def test_an_unchanged_person_is_stored_as_the_same_body(
    guests: Any, connection: Connection, store: SnapshotStore, keys: Callable[[], PersonKeys]
) -> None:
    sent, ref = guests
    with begin(connection, store, redaction=PEOPLE, cipher=keys()) as recorder:
        note(recorder, "customers", sent, rows=2)
        recorder.certify(complete("customers", 1, 2))
        assert recorder.finish().manifest_hash == ref.manifest_hash
