"""The store: content-addressed, verified on read, private, whole or not at all; local folders and fsspec URLs alike."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aura_migration.archive.store import SnapshotDamaged, SnapshotStore, shown_url
from aura_migration.core.errors import EnvironmentFault


@pytest.fixture(params=["folder", "file-url", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SnapshotStore]:
    match request.param:
        case "folder":
            yield SnapshotStore(str(tmp_path / "snapshots"))
        case "file-url":
            yield SnapshotStore((tmp_path / "snap shots").as_uri())
        case _:
            yield SnapshotStore(f"memory://{uuid.uuid4()}/snapshots")


def test_a_body_is_found_again_by_its_hash(store: SnapshotStore) -> None:
    sha = store.put(b'{"price": 8.990}' * 100)
    assert store.get(sha) == b'{"price": 8.990}' * 100
    assert store.has(sha)
    assert not store.has("0" * 64)
    again = SnapshotStore(store.url)
    assert again.get(sha) == store.get(sha)


def test_storing_the_same_body_again_changes_nothing(store: SnapshotStore) -> None:
    assert store.put(b"") == store.put(b"")
    assert list(store.blobs()) == [store.put(b"")]


def test_manifests_and_bodies_are_listed_in_order_and_can_be_deleted(store: SnapshotStore) -> None:
    assert list(store.blobs()) == list(store.manifests()) == []
    shas = sorted(store.put(bytes([number])) for number in range(5))
    manifest = store.put_manifest(b"{}")
    assert list(store.blobs()) == shas
    assert list(store.manifests()) == [manifest]
    for _ in range(2):
        store.delete(shas[0])
        store.delete_manifest(manifest)
    assert list(store.blobs()) == shas[1:]
    assert list(store.manifests()) == []


def test_a_missing_body_or_manifest_is_named(store: SnapshotStore) -> None:
    with pytest.raises(SnapshotDamaged, match=f"The body {'ab' * 32} in .* is missing") as body:
        store.get("ab" * 32)
    assert body.value.exit_code == 3
    with pytest.raises(SnapshotDamaged, match=f"The manifest {'cd' * 32} in .* is missing"):
        store.get_manifest("cd" * 32)
    with pytest.raises(SnapshotDamaged, match="is not a SHA-256"):
        store.get("../../etc/passwd")


@pytest.mark.parametrize("damage", ["cut", "other body", "not zstd"])
def test_a_changed_body_is_named_and_storing_it_again_mends_a_cut_one(tmp_path: Path, damage: str) -> None:
    store = SnapshotStore(str(tmp_path))
    data = os.urandom(500)
    sha, other = store.put(data), store.put(b"other")
    path = tmp_path / "blobs" / sha[:2] / f"{sha}.zst"
    packed = path.read_bytes()
    path.write_bytes(
        {
            "cut": packed[:-20],
            "other body": (tmp_path / "blobs" / other[:2] / f"{other}.zst").read_bytes(),
            "not zstd": b"{}",
        }[damage]
    )
    with pytest.raises(SnapshotDamaged, match=f"The body {sha} in .* was changed"):
        store.get(sha)
    store.put(data)
    assert store.get(sha) == data


def test_a_changed_manifest_is_named(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    sha = store.put_manifest(b'{"a":1}')
    (tmp_path / "manifests" / sha[:2] / f"{sha}.json").write_bytes(b'{"a":2}')
    with pytest.raises(SnapshotDamaged, match=f"The manifest {sha} in .* was changed"):
        store.get_manifest(sha)


def test_files_and_folders_are_private_and_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(0)
    try:
        store = SnapshotStore(str(tmp_path / "data" / "snapshots"))
        store.put(b"body")
        store.put_manifest(b"{}")
    finally:
        os.umask(before)
    made = list((tmp_path / "data").rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}
    folders = [tmp_path / "data", *(path for path in made if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(str(tmp_path))

    def full(source: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(EnvironmentFault, match="No space left on device"):
        store.put(b"body")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_sweeping_removes_half_written_files_only(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    sha = store.put(b"body")
    half = tmp_path / "blobs" / sha[:2] / f"{sha}.zst.1-2.part"
    half.write_bytes(b"half")
    assert list(store.blobs()) == [sha]
    assert store.sweep() == 1
    assert not half.exists()
    assert store.get(sha) == b"body"


def test_an_unknown_scheme_is_a_fault_of_the_surroundings_that_hides_credentials() -> None:
    with pytest.raises(EnvironmentFault, match="AURA_SNAPSHOT_URL") as fault:
        SnapshotStore("nosuch://user:pass@host/bucket?token=t")
    assert "pass" not in str(fault.value).replace("password", "")
    assert shown_url("s3://key:secret@bucket/x?sig=1") == "s3://bucket/x"


def test_menus_shrink_in_the_store(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    body = b",".join(b'{"id":"ITEM%05d","name":"Cheeseburger","price":8.990}' % number for number in range(2000))
    sha = store.put(body)
    assert (tmp_path / "blobs" / sha[:2] / f"{sha}.zst").stat().st_size < len(body) / 8
