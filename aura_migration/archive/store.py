"""Where snapshots lie: a local folder or any fsspec URL, holding compressed bodies and manifests by their hash.

Written once, never changed. What the bodies mean, and which snapshot uses which, does not belong here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import zstandard

from aura_migration.core.errors import EnvironmentFault
from aura_migration.core.ids import bytes_hash

_HASH = re.compile(r"^[0-9a-f]{64}$")
_TEMPORARY = ".part"
LEVEL = 3
"""zstd level: a year of orders shrinks to a sixteenth at 800 MB/s; level 9 would make it a twentieth at 100 MB/s."""


class SnapshotDamaged(EnvironmentFault):
    """A stored body or manifest is missing or is not what was stored."""


@dataclass(frozen=True)
class Packed:
    """A body as its file will be: the hash of the body, its size, and it compressed."""

    sha256: str
    size: int
    data: bytes


def pack(body: bytes) -> Packed:
    """Make of a body what is written."""
    packed = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(body)
    return Packed(bytes_hash(body), len(body), packed)


class SnapshotStore:
    """Bodies at ``blobs/ab/<sha256>.zst`` and manifests at ``manifests/ab/<sha256>.json`` below a folder or URL.

    Locally, files are 0600, folders made here 0700, and a file appears whole or not at all.
    """

    def __init__(self, url: str) -> None:
        self._files: _Files = _LocalFiles(local) if (local := _local_path(url)) is not None else _RemoteFiles(url)
        self.url = str(local) if local is not None else url.rstrip("/")

    def __repr__(self) -> str:
        return f"SnapshotStore({shown_url(self.url)!r})"

    def put(self, data: bytes) -> str:
        """Store a body and return its hash; storing the same again changes nothing."""
        return self.put_packed(pack(data))

    def put_packed(self, body: Packed) -> str:
        """As :meth:`put`, of a body that was packed before."""
        name = _blob(body.sha256)
        if self._files.size(name) != len(body.data):
            self._files.write(name, body.data)
        return body.sha256

    def get(self, sha: str) -> bytes:
        """The body of that hash, verified; SnapshotDamaged naming it when missing or changed."""
        packed = self._read(_blob(sha), "body", sha)
        try:
            data = zstandard.ZstdDecompressor().decompress(packed)
        except zstandard.ZstdError as error:
            raise self._damaged("body", sha, f"was changed ({error})") from error
        if bytes_hash(data) != sha:
            raise self._damaged("body", sha, "was changed: its content has another hash")
        return data

    def has(self, sha: str) -> bool:
        """Whether a body of that hash is there (unverified)."""
        return self._files.size(_blob(sha)) is not None

    def put_manifest(self, data: bytes) -> str:
        """Store a manifest and return its hash, the identity of the snapshot."""
        sha = bytes_hash(data)
        if self._files.size(_manifest(sha)) != len(data):
            self._files.write(_manifest(sha), data)
        return sha

    def get_manifest(self, sha: str) -> bytes:
        """The manifest of that hash, verified; SnapshotDamaged naming it when missing or changed."""
        data = self._read(_manifest(sha), "manifest", sha)
        if bytes_hash(data) != sha:
            raise self._damaged("manifest", sha, "was changed: its content has another hash")
        return data

    def blobs(self) -> Iterator[str]:
        """Hashes of all stored bodies, in order."""
        return self._hashes("blobs", ".zst")

    def manifests(self) -> Iterator[str]:
        """Hashes of all stored manifests, in order."""
        return self._hashes("manifests", ".json")

    def delete(self, sha: str) -> None:
        """Remove a body; nothing happens when it is not there."""
        self._files.delete(_blob(sha))

    def delete_manifest(self, sha: str) -> None:
        """Remove a manifest; nothing happens when it is not there."""
        self._files.delete(_manifest(sha))

    def sweep(self) -> int:
        """Remove half-written files that a kill left behind; returns how many. Only while nothing is being written."""
        left = [name for folder in ("blobs", "manifests") for name in self._files.list(folder) if _TEMPORARY in name]
        for name in left:
            self._files.delete(name)
        return len(left)

    def _hashes(self, folder: str, suffix: str) -> Iterator[str]:
        names = (name.rsplit("/", 1)[-1] for name in self._files.list(folder))
        found = sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix))
        return (sha for sha in found if _HASH.match(sha))

    def _read(self, name: str, kind: str, sha: str) -> bytes:
        data = self._files.read(name)
        if data is None:
            raise self._damaged(kind, sha, "is missing")
        return data

    def _damaged(self, kind: str, sha: str, what: str) -> SnapshotDamaged:
        return SnapshotDamaged(
            f"The {kind} {sha} in {shown_url(self.url)} {what}.",
            "Restore the file from a backup of the snapshot store, or extract the snapshot again.",
            sha256=sha,
        )


def shown_url(url: str) -> str:
    """The URL fit for a message: without user, password and query."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _blob(sha: str) -> str:
    return f"blobs/{_checked(sha)[:2]}/{sha}.zst"


def _manifest(sha: str) -> str:
    return f"manifests/{_checked(sha)[:2]}/{sha}.json"


def _checked(sha: str) -> str:
    if not _HASH.match(sha):
        raise SnapshotDamaged(f"{sha!r} is not a SHA-256 in hex.", "Take hashes from a manifest.")
    return sha


def _local_path(url: str) -> Path | None:
    if url.startswith("file://"):
        return Path(url2pathname(urlsplit(url).path))
    return None if "://" in url or "::" in url else Path(url).absolute()


class _Files:
    """Whole files by relative name."""

    def read(self, name: str) -> bytes | None:
        """The content, None when there is no such file."""
        raise NotImplementedError

    def write(self, name: str, data: bytes) -> None:
        """Write it whole or not at all."""
        raise NotImplementedError

    def size(self, name: str) -> int | None:
        """Stored bytes, None when there is no such file."""
        raise NotImplementedError

    def list(self, folder: str) -> list[str]:
        """Names of all files below the folder, relative to the store."""
        raise NotImplementedError

    def delete(self, name: str) -> None:
        """Remove it if it is there."""
        raise NotImplementedError


class _LocalFiles(_Files):
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(str(self.root), error) from error

    def write(self, name: str, data: bytes) -> None:
        target = self.root / name
        temporary = target.with_name(f"{target.name}.{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY}")
        try:
            _private_folders(target.parent)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)
        except OSError as error:
            raise _unusable(str(self.root), error) from error

    def size(self, name: str) -> int | None:
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(str(self.root), error) from error

    def list(self, folder: str) -> list[str]:
        base = self.root / folder
        return [str(path.relative_to(self.root)) for path in base.rglob("*") if path.is_file()]

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)


class _RemoteFiles(_Files):
    """fsspec: object stores put an object whole or not at all, so no temporary name is needed."""

    def __init__(self, url: str) -> None:
        import fsspec  # only stores elsewhere need it

        self.url = url
        try:
            self.fs: Any
            self.fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise _unusable(url, error) from error
        self.root = str(root).rstrip("/")

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self.fs.cat_file(self._at(name)))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.url, error) from error

    def write(self, name: str, data: bytes) -> None:
        try:
            path = self._at(name)
            self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self.fs.pipe_file(path, data)
        except OSError as error:
            raise _unusable(self.url, error) from error

    def size(self, name: str) -> int | None:
        try:
            return int(self.fs.info(self._at(name))["size"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.url, error) from error

    def list(self, folder: str) -> list[str]:
        try:
            self.fs.invalidate_cache()
            found = self.fs.find(self._at(folder))
        except FileNotFoundError:
            return []
        return [str(path)[len(self.root) + 1 :] for path in found]

    def delete(self, name: str) -> None:
        try:
            self.fs.rm_file(self._at(name))
        except FileNotFoundError:
            return

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}"


def _private_folders(folder: Path) -> None:
    """Make the missing folders 0700; leave the modes of existing ones alone."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:  # another process was faster
            continue


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(url: str, error: BaseException) -> EnvironmentFault:
    return EnvironmentFault(
        f"The snapshot store {shown_url(url)} cannot be used: {type(error).__name__}: {error}",
        "Check AURA_SNAPSHOT_URL, its rights and free space (and that the fsspec package of its scheme is installed).",
    )
