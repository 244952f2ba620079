"""The embedded server: shared by several processes, owned by none, there again after any kill."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import sqlalchemy

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database import embedded, server_files

START = "import sys; from pathlib import Path; from aura_migration.database import embedded as e; "
ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a server that was started once; tests share it, because making one takes most of a second."""
    data_dir = tmp_path_factory.mktemp("made")
    embedded.ensure_running(data_dir)
    embedded.stop(data_dir)
    return data_dir


@pytest.fixture
def data_dir(made: Path) -> Iterator[Path]:
    """The shared folder; its server does not run at the beginning and is ended at the end."""
    yield made
    embedded.stop(made)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A folder where no server was made yet."""
    folder = tmp_path / "data"
    yield folder
    with contextlib.suppress(EnvironmentFault):
        embedded.stop(folder)


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def server_pid(data_dir: Path) -> int:
    pid = embedded.status(data_dir).pid
    assert pid is not None
    return pid


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def server_account() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ROOT else {}


# -- starting and sharing ---------------------------------------------------------------------------------------------


def test_the_first_use_makes_and_starts_the_server(fresh: Path) -> None:
    assert embedded.status(fresh).state == "not made"
    url = embedded.ensure_running(fresh)
    assert ask(url, "select current_database()") == embedded.DATABASE
    assert ask(url, "show server_version_num").startswith(str(server_files.MAJOR))
    status = embedded.status(fresh)
    assert (status.state, status.url) == ("running", url)
    assert (status.version or "").startswith(str(server_files.MAJOR))


def test_a_server_that_answers_is_used_as_it_is(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    pid = server_pid(data_dir)
    assert embedded.ensure_running(data_dir) == url == embedded.url(data_dir)
    assert server_pid(data_dir) == pid


def test_every_driver_in_use_reads_the_url(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    for scheme in ("postgresql:", "postgresql+psycopg:", "postgresql+psycopg2:"):
        engine = sqlalchemy.create_engine(url.replace("postgresql:", scheme, 1))
        try:
            with engine.connect() as connection:
                assert connection.execute(sqlalchemy.text("select 1")).scalar() == 1
        finally:
            engine.dispose()


def test_text_is_ordered_the_same_on_every_machine_and_time_is_utc(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    assert ask(url, "select string_agg(x, '' order by x) from unnest(array['b','a','B','é','A']) x") == "ABabé"
    assert ask(url, "select lower('ÉÄ')") == "éä"
    assert ask(url, "show timezone") == "UTC"
    assert ask(url, "show server_encoding") == "UTF8"


def test_the_server_listens_on_no_network(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    assert ask(url, "show listen_addresses") == ""
    connections = psutil.Process(server_pid(data_dir)).net_connections("inet")
    assert [one for one in connections if one.status == psutil.CONN_LISTEN] == []


def test_the_server_outlives_whoever_started_it_and_their_process_group(data_dir: Path) -> None:
    program = START + "print(e.ensure_running(Path(sys.argv[1])), flush=True); sys.stdin.read()"
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout is not None and starter.stdin is not None
    try:
        url = starter.stdout.readline().strip()
        pid = server_pid(data_dir)
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    finally:
        starter.stdin.close()
        starter.stdout.close()
    assert os.getsid(pid) != starter.pid
    assert ask(url, "select 1") == 1
    assert server_pid(data_dir) == pid


def test_the_server_outlives_the_orderly_exit_of_its_starter(data_dir: Path) -> None:
    subprocess.run([sys.executable, "-c", START + "e.ensure_running(Path(sys.argv[1]))", str(data_dir)], check=True)
    assert embedded.status(data_dir).state == "running"


def test_many_starters_at_once_make_one_server(fresh: Path) -> None:
    program = START + "p=Path(sys.argv[1]); print(e.ensure_running(p), e.status(p).pid)"
    starters = [
        subprocess.Popen([sys.executable, "-c", program, str(fresh)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [starter.communicate(timeout=120)[0] for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 4
    assert len(set(answers)) == 1
    assert answers[0].split()[0] == embedded.url(fresh)


def test_threads_of_one_process_share_it_too(data_dir: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(embedded.ensure_running, [data_dir] * 4))) == 1


@pytest.mark.parametrize("seed", [1, 3, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 30))])
def test_a_starter_killed_at_any_moment_leaves_what_the_next_can_use(fresh: Path, seed: int) -> None:
    """Kills fall while the folder is made, while the server starts and after it; what half exists is made whole."""
    chance = random.Random(seed)
    program = START + "print('go', flush=True); e.ensure_running(Path(sys.argv[1]))"
    for _ in range(2):
        starter = subprocess.Popen(
            [sys.executable, "-c", program, str(fresh)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert starter.stdout is not None
        try:
            starter.stdout.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                starter.wait(chance.uniform(0.0, 0.9))
        finally:
            starter.kill()
            starter.wait()
            starter.stdout.close()
    url = embedded.ensure_running(fresh)
    assert ask(url, "select 1") == 1
    embedded.stop(fresh)
    assert [path.name for path in (fresh / "postgres").glob("data.new-*")] == []


def test_a_database_that_was_not_made_before_a_kill_is_made_by_the_next(data_dir: Path) -> None:
    embedded.ensure_running(data_dir)
    with psycopg.connect(embedded.url(data_dir, "postgres"), autocommit=True) as connection:
        connection.execute(f'drop database "{embedded.DATABASE}" with (force)')
    assert ask(embedded.ensure_running(data_dir), "select current_database()") == embedded.DATABASE


def forget(data_dir: Path) -> None:
    """The server runs, but its database was not made yet."""
    embedded.ensure_running(data_dir)
    with psycopg.connect(embedded.url(data_dir, "postgres"), autocommit=True) as connection:
        connection.execute(f'drop database if exists "{embedded.DATABASE}" with (force)')


def waiting(connection: psycopg.Connection[Any]) -> int:
    """How many backends want to make a database and are kept waiting."""
    row = connection.execute(
        "select count(*) from pg_stat_activity where query like 'create database%%' and wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_database_that_somebody_else_made_since_we_looked_is_used(data_dir: Path) -> None:
    """We look, then wait for the template; meanwhile the backend of a killed starter is done."""
    forget(data_dir)
    server = embedded.url(data_dir, "postgres")
    with (
        psycopg.connect(server, autocommit=True) as other,
        psycopg.connect(server) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("comment on database template1 is 'nobody copies it before this is over'")
        start = pool.submit(embedded.ensure_running, data_dir)
        until(lambda: waiting(other) == 1)
        other.execute(f'create database "{embedded.DATABASE}" template template0')
        holder.rollback()
        assert ask(start.result(120), "select current_database()") == embedded.DATABASE


def test_a_database_that_the_backend_of_a_killed_starter_makes_at_the_same_time_is_used(data_dir: Path) -> None:
    """Both have looked and found none. Several such backends, so that hardly ever ours is the one that wins."""
    forget(data_dir)
    server = embedded.url(data_dir, "postgres")
    command = [sys.executable, "-c", START + "e.ensure_running(Path(sys.argv[1]))", str(data_dir)]
    with (
        psycopg.connect(server, autocommit=True) as observer,
        psycopg.connect(server) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("lock table pg_database in share mode")
        for number in range(3):
            starter = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            until(lambda number=number: waiting(observer) == number + 1)  # type: ignore[misc]
            starter.kill()
            starter.wait()
        start = pool.submit(embedded.ensure_running, data_dir)
        until(lambda: waiting(observer) == 4)
        holder.rollback()
        assert ask(start.result(120), "select current_database()") == embedded.DATABASE


def test_a_database_whose_other_maker_gave_up_is_made_by_us(data_dir: Path) -> None:
    forget(data_dir)
    server = embedded.url(data_dir, "postgres")
    with (
        psycopg.connect(server, autocommit=True) as observer,
        psycopg.connect(server, autocommit=True) as other,
        psycopg.connect(server) as holder,
        ThreadPoolExecutor(2) as pool,
    ):
        holder.execute("lock table pg_database in share mode")
        made = pool.submit(_suppressed, other, f'create database "{embedded.DATABASE}"')
        until(lambda: waiting(observer) == 1)
        start = pool.submit(embedded.ensure_running, data_dir)
        until(lambda: waiting(observer) == 2)
        observer.execute("select pg_terminate_backend(%s)", [other.info.backend_pid])
        made.result(60)
        holder.rollback()
        assert ask(start.result(120), "select current_database()") == embedded.DATABASE


def test_a_server_that_ends_while_the_database_is_made_is_started_again(data_dir: Path) -> None:
    forget(data_dir)
    server = embedded.url(data_dir, "postgres")
    pid = server_pid(data_dir)
    with (
        psycopg.connect(server, autocommit=True) as observer,
        contextlib.closing(psycopg.connect(server)) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("lock table pg_database in share mode")
        start = pool.submit(embedded.ensure_running, data_dir)
        until(lambda: waiting(observer) == 1)
        os.kill(pid, signal.SIGINT)  # "fast": every connection is cut off
        assert ask(start.result(120), "select current_database()") == embedded.DATABASE
    assert gone(pid)


def test_a_half_dropped_database_is_named_with_what_to_do(fresh: Path) -> None:
    embedded.ensure_running(fresh)
    with psycopg.connect(embedded.url(fresh, "postgres"), autocommit=True) as connection:
        connection.execute("update pg_database set datconnlimit = -2 where datname = %s", [embedded.DATABASE])
    with pytest.raises(EnvironmentFault, match="half dropped") as caught:
        embedded.ensure_running(fresh)
    assert "backup" in caught.value.remedy


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_killed_server_is_started_again_with_all_that_was_committed(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists kept")
        connection.execute("create table kept as select generate_series(1, 1000) n")
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    assert embedded.ensure_running(data_dir) == url
    assert server_pid(data_dir) != pid
    assert ask(url, "select count(*) from kept") == 1000


def test_a_backend_that_works_on_after_its_server_was_killed_is_ended_before_the_next_start(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy backend does not notice the death of its server; a second server beside it could ruin the data."""
    monkeypatch.setattr(embedded, "ORPHAN_PATIENCE", 0.3)
    url = embedded.ensure_running(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        orphan = connection.info.backend_pid
        busy = threading.Thread(
            target=_suppressed, args=(connection, "select count(*) from generate_series(1, 1e12::bigint)")
        )
        busy.start()
        until(
            lambda: ask(url, "select count(*) from pg_stat_activity where query like '%1e12%' and state = 'active'") > 0
        )
        os.kill(server_pid(data_dir), signal.SIGKILL)
        assert not gone(orphan)
        assert ask(embedded.ensure_running(data_dir), "select 1") == 1
        assert gone(orphan)
        busy.join(120)
        assert not busy.is_alive()


def _suppressed(connection: psycopg.Connection[Any], query: Any) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute(query)


def test_a_backend_that_crashes_is_waited_for(data_dir: Path) -> None:
    """The server ends all connections and recovers; meanwhile it answers that it is not ready."""
    url = embedded.ensure_running(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        pid = server_pid(data_dir)
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    until(lambda: gone(backend))  # its socket closes before its server can know; until then that serves as ever
    assert ask(embedded.ensure_running(data_dir), "select 1") == 1
    assert server_pid(data_dir) == pid


def test_a_start_while_the_server_shuts_down_waits_and_starts_it_anew(data_dir: Path) -> None:
    """A "smart" shutdown waits for its clients; until then the server refuses new ones."""
    url = embedded.ensure_running(data_dir)
    pid = server_pid(data_dir)
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(url, autocommit=True):
            os.kill(pid, signal.SIGTERM)
            until(lambda: embedded.status(data_dir).state == "starting or stopping")
            start = pool.submit(embedded.ensure_running, data_dir)
            time.sleep(0.2)
            assert not start.done()
        assert start.result(60) == url
    assert gone(pid)
    assert server_pid(data_dir) != pid


def test_starts_and_stops_that_meet_end_in_one_of_both(data_dir: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(embedded.stop if n % 3 == 2 else embedded.ensure_running, data_dir) for n in range(12)]
        for job in jobs:
            job.result(120)
    assert ask(embedded.ensure_running(data_dir), "select 1") == 1


def test_a_pid_that_now_belongs_to_another_program_is_not_the_server(data_dir: Path) -> None:
    socket = Path(ask_host(embedded.ensure_running(data_dir)))
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    stranger = subprocess.Popen(["sleep", "600"], cwd="/", **server_account())
    try:
        for file in (data_dir / "postgres/data/postmaster.pid", socket / ".s.PGSQL.5432.lock"):
            file.write_text(file.read_text().replace(str(pid), str(stranger.pid), 1))
        status = embedded.status(data_dir)
        assert (status.state, status.pid) == ("stopped", None)
        assert not embedded.stop(data_dir)
        assert ask(embedded.ensure_running(data_dir), "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_that_now_belongs_to_another_postgresql_is_not_this_server(data_dir: Path, fresh: Path) -> None:
    embedded.ensure_running(fresh)
    stranger = server_pid(fresh)
    socket = Path(ask_host(embedded.ensure_running(data_dir)))
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    for file in (data_dir / "postgres/data/postmaster.pid", socket / ".s.PGSQL.5432.lock"):
        file.write_text(file.read_text().replace(str(pid), str(stranger), 1))
    assert not embedded.stop(data_dir)
    assert ask(embedded.ensure_running(data_dir), "select 1") == 1
    assert server_pid(fresh) == stranger


def test_a_server_that_does_not_answer_is_not_alive(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PROBE_TIMEOUT", 2)
    embedded.ensure_running(data_dir)
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(EnvironmentFault, match="does not answer") as caught:
            embedded.ensure_running(data_dir, timeout=0.5)
        assert caught.value.exit_code == 3
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ask(embedded.ensure_running(data_dir), "select 1") == 1
    assert server_pid(data_dir) == pid


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_a_stop_ends_the_server_also_with_clients_connected(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    pid = server_pid(data_dir)
    with psycopg.connect(url) as connection:
        connection.execute("select 1")
        assert embedded.stop(data_dir)
        assert gone(pid)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert embedded.status(data_dir).state == "stopped"
    assert not embedded.stop(data_dir)


def test_a_stop_where_nothing_was_made_makes_nothing(fresh: Path) -> None:
    assert not embedded.stop(fresh)
    assert embedded.status(fresh).as_dict()["state"] == "not made"
    assert not fresh.exists()


# -- folders, modes, paths --------------------------------------------------------------------------------------------


def test_the_server_widens_no_mode_and_shows_its_files_to_nobody_else(tmp_path: Path) -> None:
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    data_dir = parent / "aura"
    before = {folder: folder.stat().st_mode for folder in (parent, *parent.parents)}
    mask = os.umask(0o022)
    try:
        embedded.ensure_running(data_dir)
    finally:
        os.umask(mask)
    try:
        assert {folder: folder.stat().st_mode for folder in before} == before
        assert data_dir.stat().st_mode & 0o777 == 0o700
        for path in (data_dir / "postgres", *(data_dir / "postgres").rglob("*"), data_dir / "postgres.lock"):
            with contextlib.suppress(FileNotFoundError):  # the server removes files while we look
                assert path.lstat().st_mode & 0o077 == 0, path
    finally:
        embedded.stop(data_dir)


def test_a_data_folder_that_was_there_keeps_its_mode(fresh: Path) -> None:
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)
    (fresh / "snapshots").mkdir()
    (fresh / "snapshots").chmod(0o750)
    embedded.ensure_running(fresh)
    assert fresh.stat().st_mode & 0o777 == 0o755
    assert (fresh / "snapshots").stat().st_mode & 0o777 == 0o750
    assert (fresh / "postgres").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def long_path(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ("a folder with spaces & ümlauts " + "x" * 90)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(Path(ask_host(embedded.url(folder))), ignore_errors=True)


def ask_host(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["host"])


def test_a_path_too_long_for_a_socket_has_its_socket_in_a_private_folder_elsewhere(long_path: Path) -> None:
    url = embedded.ensure_running(long_path)
    folder = Path(ask_host(url))
    assert folder.parent == Path(tempfile.gettempdir())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (long_path / "postgres" / "socket_folder").read_text() == str(folder)
    assert ask(url, "select 1") == 1
    embedded.stop(long_path)
    assert embedded.ensure_running(long_path) == url == embedded.url(long_path)


def test_a_socket_folder_that_somebody_else_made_is_not_used(long_path: Path) -> None:
    taken = Path(ask_host(embedded.url(long_path)))
    taken.mkdir(mode=0o755)
    (taken / "somebody's").touch()
    if not ROOT:
        taken.chmod(0o755)
        taken.rename(taken.with_suffix(".theirs"))
        taken.symlink_to(taken.with_suffix(".theirs"))
    try:
        url = embedded.ensure_running(long_path)
        assert Path(ask_host(url)) != taken
        assert ask(url, "select 1") == 1
        assert embedded.url(long_path) == url
    finally:
        if taken.is_symlink():
            taken.unlink()
            taken = taken.with_suffix(".theirs")
        shutil.rmtree(taken)


def test_a_socket_folder_elsewhere_is_removed_by_a_stop_and_made_again_by_a_start(long_path: Path) -> None:
    url = embedded.ensure_running(long_path)
    embedded.stop(long_path)
    assert not Path(ask_host(url)).exists()
    assert embedded.ensure_running(long_path) == url


# -- what cannot be used ----------------------------------------------------------------------------------------------


def test_a_folder_of_another_version_is_refused_and_left_alone(fresh: Path) -> None:
    data = fresh / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    if ROOT:
        os.chown(fresh / "postgres", NOBODY, NOBODY)
    with pytest.raises(EnvironmentFault, match=r"PostgreSQL 16; this release carries PostgreSQL 18") as caught:
        embedded.ensure_running(fresh)
    assert caught.value.exit_code == 3
    assert "AURA_DATABASE_URL" in caught.value.remedy
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_no_database_is_refused_and_left_alone(fresh: Path) -> None:
    data = fresh / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "letter.txt").write_text("hello")
    if ROOT:
        os.chown(fresh / "postgres", NOBODY, NOBODY)
    with pytest.raises(EnvironmentFault, match="no PG_VERSION"):
        embedded.ensure_running(fresh)
    assert (data / "letter.txt").read_text() == "hello"


def test_a_damaged_folder_is_refused_with_the_servers_own_words(fresh: Path) -> None:
    embedded.ensure_running(fresh)
    embedded.stop(fresh)
    (fresh / "postgres/data/global/pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(
        EnvironmentFault, match=r"did not start: [^/]*FATAL:  database files are incompatible"
    ) as caught:
        embedded.ensure_running(fresh)
    assert "backup" in caught.value.remedy


def test_a_folder_that_cannot_be_made_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="AURA_DATA_DIR"):
        embedded.ensure_running(tmp_path / "file" / "data")


@pytest.mark.skipif(not ROOT, reason="only root can act as another account")
def test_the_server_of_another_account_is_refused_by_name(data_dir: Path) -> None:
    embedded.ensure_running(data_dir)
    os.seteuid(12345)
    try:
        for call in (embedded.ensure_running, embedded.status, embedded.stop):
            with pytest.raises(EnvironmentFault, match="another account"):
                call(data_dir)
    finally:
        os.seteuid(0)
    assert embedded.status(data_dir).state == "running"


@pytest.mark.skipif(not ROOT, reason="an ordinary account runs the server as itself")
def test_run_by_root_the_server_is_not_root(data_dir: Path) -> None:
    embedded.ensure_running(data_dir)
    process = psutil.Process(server_pid(data_dir))
    assert process.uids().effective == NOBODY
    assert process.gids().effective == NOBODY
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "Groups:\t \n" in status
    assert "CapEff:\t0000000000000000" in status


@pytest.mark.skipif(not ROOT, reason="an ordinary account can always walk to its own programs")
def test_programs_that_the_servers_account_cannot_walk_to_are_copied_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    reach = server_files.can_reach
    monkeypatch.setattr(server_files, "COPY_ROOTS", (root / "not" / "there", root / "cache"))
    monkeypatch.setattr(
        server_files, "can_reach", lambda account, path: "site-packages" not in str(path) and reach(account, path)
    )
    try:
        embedded.ensure_running(fresh)
        assert Path(psutil.Process(server_pid(fresh)).exe()).is_relative_to(root / "cache")
        copies = list((root / "cache").iterdir())
        embedded.stop(fresh)
        embedded.ensure_running(fresh)
        assert list((root / "cache").iterdir()) == copies
        assert len(copies) == 1
        for path in (copies[0], *copies[0].rglob("*")):
            assert path.is_symlink() or (path.stat().st_uid == 0 and path.stat().st_mode & 0o022 == 0)
    finally:
        embedded.stop(fresh)
        shutil.rmtree(root)


# -- secrecy ----------------------------------------------------------------------------------------------------------


def test_the_log_holds_neither_statements_nor_values(data_dir: Path) -> None:
    url = embedded.ensure_running(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists guests")
        connection.execute("create table guests (email text primary key check (email <> 'bad@example.org'))")
        connection.execute("insert into guests values ('ada@example.org')")
        for value in ("ada@example.org", "bad@example.org"):
            with pytest.raises(psycopg.IntegrityError):
                connection.execute("insert into guests values (%s)", (value,))
            with pytest.raises(psycopg.IntegrityError):
                connection.execute(f"insert into guests values ('{value}')")
    log = (data_dir / "postgres" / "server.log").read_text()
    assert "guests" in log  # the error itself is there
    assert "example.org" not in log


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_server_inherits_no_secret_of_ours(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_SECRET_KEYS", "hunter2")
    embedded.ensure_running(data_dir)
    assert b"hunter2" not in Path(f"/proc/{server_pid(data_dir)}/environ").read_bytes()
