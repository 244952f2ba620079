"""The secret keys: where they come from, who may read them, and when a new one may be made.

A key is made only for a database in which nothing is sealed. Sealed rows without their key are an error, never a reason
for a new key: it would hide that the old rows are lost. What is done with keys is in ``vault``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from aura_migration.core.errors import EnvironmentFault
from aura_migration.settings import NEW_KEY_COMMAND, Settings, is_key


@dataclass(frozen=True, slots=True)
class Keys:
    """Fernet keys in order: the first seals, all open. ``origin`` says where they came from, for messages."""

    texts: tuple[str, ...] = field(repr=False)
    origin: str

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What names each key in the database."""
        return tuple(fingerprint(text) for text in self.texts)

    @property
    def primary(self) -> str:
        """The fingerprint of the key that seals."""
        return fingerprint(self.texts[0])

    def cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(text) for text in self.texts])


def fingerprint(key: str) -> str:
    """16 hex digits that name a key and say nothing about it (keys are 256 random bits)."""
    return hashlib.sha256(b"aura_migration key fingerprint\0" + key.encode("ascii")).hexdigest()[:16]


def configured_keys(settings: Settings) -> Keys | None:
    """The keys of ``AURA_SECRET_KEYS``, else of the key file, else None. A key file that others can read is refused."""
    if settings.secret_keys is not None:
        return Keys(settings.secret_keys, "AURA_SECRET_KEYS")
    try:
        return read_key_file(settings.key_file)
    except FileNotFoundError:
        return None


def read_key_file(path: Path) -> Keys:
    """The keys of a file: one a line, the sealing one first; ``#`` begins a comment. FileNotFoundError if missing."""
    descriptor = _open(path)
    with os.fdopen(descriptor, "r", encoding="ascii", errors="replace") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise EnvironmentFault(f"The key file {path} is not a file.", "Set AURA_KEY_FILE to the file of keys.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise EnvironmentFault(
                f"The key file {path} has mode {stat.S_IMODE(found.st_mode):04o}: others may read or change it.",
                f"Run: chmod 600 {path} (and rotate the keys if somebody else may have read them).",
            )
        if found.st_uid not in (os.geteuid(), 0):
            raise EnvironmentFault(
                f"The key file {path} belongs to another account.", f"Run: chown {os.geteuid()} {path}"
            )
        lines = [line.split("#", 1)[0].strip() for line in file.read().splitlines()]
    texts = tuple(line for line in lines if line)
    if not texts or not all(is_key(text) for text in texts):
        raise EnvironmentFault(
            f"The key file {path} " + ("holds a line that is not a Fernet key." if texts else "is empty."),
            f"Restore it from your backup. If nothing was sealed yet, remove it. A new key: {NEW_KEY_COMMAND}",
        )
    return Keys(texts, str(path))


def make_key_file(path: Path) -> Keys:
    """Make a file with one new key, mode 600, and return its keys; if another process was faster, return that one's.

    The caller has made sure that nothing is sealed yet.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        # Written whole under another name, then linked: a kill leaves no half key, and a link never replaces.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(
                    "# Secret keys: the first seals, all open. Keep a backup away from the database's backups.\n"
                )
                file.write(Fernet.generate_key().decode("ascii") + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise EnvironmentFault(
            f"The key file {path} cannot be made: {error.strerror or error}.",
            "Set AURA_SECRET_KEYS, or AURA_KEY_FILE to a path this account can write to.",
        ) from error
    return read_key_file(path)


def no_matching_key(keys: Keys | None, missing: Sequence[str], settings: Settings | None = None) -> EnvironmentFault:
    """The fault for sealed rows that none of the keys opens."""
    origin = keys.origin if keys else (str(settings.key_file) if settings else "the key file")
    return EnvironmentFault(
        f"The database holds secrets sealed with key {', '.join(missing)}, which is not in {origin}"
        + ("." if keys else ": there is no key at all."),
        "Restore the key file from your backup, or set AURA_SECRET_KEYS to a list that includes that key. "
        "A new key is not made: it could not open them.",
        missing=list(missing),
    )


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EnvironmentFault(
            f"The key file {path} cannot be read: {error.strerror or error}.",
            "Use the account it belongs to, or set AURA_KEY_FILE or AURA_SECRET_KEYS.",
        ) from error
