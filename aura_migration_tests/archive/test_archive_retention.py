"""Getting rid of things: a person everywhere, a snapshot and only what it alone used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.recorder import Recorder, open_snapshot
from aura_migration.archive.redaction import Redaction, person_of_value
from aura_migration.archive.retention import Freed, collect_garbage, delete_snapshot, purge_person
from aura_migration.archive.snapshot import Certificate, SnapshotReader, SnapshotRef, SnapshotStore, list_snapshots
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import connect
from aura_migration.database.vault import PersonKeys, open_vault
from aura_migration.settings import Settings

Connection = psycopg.Connection[Any]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PEOPLE = Redaction(personal={"customers": (("[].name", "[].id"), ("[].orders[].note", "[].id"))})


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "snapshots"))


def begin(connection: Connection, store: SnapshotStore, number: int = 0, cipher: PersonKeys | None = None) -> Recorder:
    return open_snapshot(
        connection,
        store,
        integration_id=1,
        pos="toast",
        scope="location",
        location_key="toast:R1",
        taken_at=NOON + timedelta(hours=number),
        redaction=PEOPLE,
        cipher=cipher,
    )


def export(connection: Connection, store: SnapshotStore, number: int, *bodies: bytes) -> SnapshotRef:
    with begin(connection, store, number) as recorder:
        note(recorder, *bodies)
        return recorder.finish()


def note(recorder: Recorder, *bodies: bytes, entity: str = "menus") -> None:
    for page, body in enumerate(bodies, start=1):
        recorder.record(
            entity, method="GET", path="/menus", params=None, request_body=None, body=body, rows=1, page=page
        )


def test_purging_a_person_makes_them_unreadable_in_every_snapshot_and_nothing_else_changes(
    connection: Connection, store: SnapshotStore, settings: Settings, database: str
) -> None:
    vault = open_vault(settings, lambda: connect(database))
    bodies = (
        b'[{"id":"C1","name":"Ann","orders":[{"note":"no onions","total":8.990}]},{"id":"C2","name":"Bob"}]',
        b'[{"id":"C1","name":"Ann Smith"},{"name":"Guest"}]',
    )
    refs = []
    for number, body in enumerate(bodies):
        with begin(connection, store, number, PersonKeys(vault)) as recorder:
            note(recorder, body, entity="customers")
            recorder.certify(Certificate("customers", "complete", 1, 1, 1))
            refs.append(recorder.finish())
    stored = {sha: store.get(sha) for sha in store.blobs()}

    assert purge_person(PersonKeys(vault), 1, ["C1", person_of_value('"Guest"'), "C1"]) == 2
    assert purge_person(PersonKeys(vault), 1, ["C1"]) == 0

    assert {sha: store.get(sha) for sha in store.blobs()} == stored
    revealed = []
    for ref in refs:
        reader = SnapshotReader(ref, cipher=PersonKeys(vault))
        assert reader.verify() == 1
        assert reader.certificate("customers") == Certificate("customers", "complete", 1, 1, 1)
        revealed += [reader.revealed(body) for body in reader.bodies("customers")]
        assert reader.reveal(json.loads(next(reader.bodies("customers")).data)[0]["name"]) is None
    assert revealed == [
        b'[{"id":"C1","name":null,"orders":[{"note":null,"total":8.990}]},{"id":"C2","name":"Bob"}]',
        b'[{"id":"C1","name":null},{"name":null}]',
    ]
    with begin(connection, store, 9, PersonKeys(vault)) as recorder:
        note(recorder, bodies[0], entity="customers")
        ref = recorder.finish()
    later = SnapshotReader(ref, cipher=PersonKeys(vault))
    assert [later.revealed(body) for body in later.bodies("customers")] == revealed[:1], "nor are they taken in again"


def test_deleting_a_snapshot_removes_only_bodies_nothing_else_uses(
    connection: Connection, store: SnapshotStore
) -> None:
    old = export(connection, store, 0, b"shared", b"old only")
    new = export(connection, store, 1, b"shared", b"new only")
    running = begin(connection, store, 2)
    note(running, b"in progress")
    running.close()
    assert delete_snapshot(connection, store, old.snapshot_id) == Freed(manifests=1, bodies=1)
    assert sorted(store.get(sha) for sha in store.blobs()) == [b"in progress", b"new only", b"shared"]
    assert SnapshotReader(new).verify() == 2
    assert [line.snapshot_id for line in list_snapshots(connection, state="complete")] == [new.snapshot_id]
    with begin(connection, store, 2) as continued:
        assert [ref.page for ref in continued.pages("menus")] == []
    with pytest.raises(BadInput, match="no snapshot"):
        delete_snapshot(connection, store, old.snapshot_id)


def test_a_manifest_that_two_snapshots_share_stays_until_the_last_is_deleted(
    connection: Connection, store: SnapshotStore
) -> None:
    first, second = export(connection, store, 0, b"same"), export(connection, store, 0, b"same")
    assert first.manifest_hash == second.manifest_hash
    assert delete_snapshot(connection, store, first.snapshot_id) == Freed()
    assert SnapshotReader(second).verify() == 1
    assert delete_snapshot(connection, store, second.snapshot_id) == Freed(manifests=1, bodies=1)
    assert list(store.blobs()) == list(store.manifests()) == []


def test_a_deletion_that_was_killed_is_finished_by_doing_it_again(connection: Connection, store: SnapshotStore) -> None:
    ref = export(connection, store, 0, b"body")
    store.delete_manifest(ref.manifest_hash)
    assert delete_snapshot(connection, store, ref.snapshot_id).bodies == 1
    other = export(connection, store, 0, b"body")
    store.delete_manifest(other.manifest_hash)
    connection.execute("delete from migration.snapshots")
    assert collect_garbage(connection, store) == Freed(bodies=1)
    assert list(store.blobs()) == []


def test_given_up_snapshots_and_leftovers_of_kills_are_collected(
    connection: Connection, store: SnapshotStore, tmp_path: Path
) -> None:
    kept = export(connection, store, 0, b"kept")
    with begin(connection, store, 1) as recorder:
        note(recorder, b"kept", b"given up")
        recorder.fail("no permission")
    orphan = store.put(b"stored, but the database was never told")
    (tmp_path / "snapshots" / "blobs" / orphan[:2] / "half.zst.1-a.part").write_bytes(b"half")
    assert collect_garbage(connection, store) == Freed(bodies=2, leftovers=1)
    assert [store.get(sha) for sha in store.blobs()] == [b"kept"]
    assert SnapshotReader(kept).verify() == 1
    assert collect_garbage(connection, store) == Freed()
    (failed,) = list_snapshots(connection, state="failed")
    assert failed.reason == "no permission"


def test_nothing_is_cleared_up_while_an_extraction_runs(database: str, connection: Connection, tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "s"))
    ref = export(connection, store, 0, b"body")
    with connect(database) as other, begin(other, store, 1) as recorder:
        with pytest.raises(Refused, match="being extracted"):
            collect_garbage(connection, store)
        with pytest.raises(Refused, match="being extracted"):
            delete_snapshot(connection, store, ref.snapshot_id)
        running = recorder.snapshot_id
    with pytest.raises(Refused, match="still being extracted"):
        delete_snapshot(connection, store, running)
    assert collect_garbage(connection, store) == Freed()


def test_a_snapshot_a_migration_stands_on_is_kept_unless_told_otherwise(
    connection: Connection, store: SnapshotStore
) -> None:
    ref = export(connection, store, 0, b"evidence")
    connection.execute(
        "alter table migration.migration_snapshots drop constraint migration_snapshots_migration_id_fkey"
    )
    connection.execute(
        "insert into migration.migration_snapshots (migration_id, snapshot_id) values (7, %s)", (ref.snapshot_id,)
    )
    with pytest.raises(Refused, match="evidence of migration 7"):
        delete_snapshot(connection, store, ref.snapshot_id)
    assert SnapshotReader(ref).verify() == 1
    assert delete_snapshot(connection, store, ref.snapshot_id, even_if_used=True).bodies == 1


def test_a_snapshot_of_another_store_is_not_deleted_here(
    connection: Connection, store: SnapshotStore, tmp_path: Path
) -> None:
    ref = export(connection, store, 0, b"body")
    with pytest.raises(BadInput, match="lies in"):
        delete_snapshot(connection, SnapshotStore(str(tmp_path / "elsewhere")), ref.snapshot_id)
