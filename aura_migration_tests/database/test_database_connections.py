"""Connections: which database, in what session, and locks that die with their holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database import connections
from aura_migration.database.connections import connect
from aura_migration.settings import load_settings


def test_a_session_speaks_utc_and_says_who_it_is(database: str) -> None:
    with connect(database, application_name="someone", lock_timeout=1.5, statement_timeout=20) as connection:
        connection.rollback()
        row = connection.execute(
            "select current_setting('TimeZone'), current_setting('application_name'), current_setting('lock_timeout'),"
            " current_setting('statement_timeout'), '2026-03-01 12:00+00'::timestamptz"
        ).fetchone()
    assert row == (
        "UTC",
        "someone",
        "1500ms",
        "20s",
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    assert row is not None
    assert row[4].utcoffset() == timedelta(0)


def test_autocommit_is_the_callers_choice(database: str) -> None:
    with connect(database) as transactional:
        assert not transactional.autocommit
        assert transactional.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with connect(database, autocommit=True) as autocommit:
        assert autocommit.autocommit


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(EnvironmentFault) as caught:
        connect("postgresql://someone:hunter2@127.0.0.1:1/db")
    assert caught.value.exit_code == 3
    assert "127.0.0.1:1/db" in caught.value.what
    assert "AURA_DATABASE_URL" in caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_a_database_that_does_not_exist_is_an_environment_fault(database: str) -> None:
    with pytest.raises(EnvironmentFault, match="does not exist"):
        connect(database.replace("/test_", "/nowhere_", 1))


def test_the_database_named_by_the_environment_is_used_for_both() -> None:
    settings = load_settings({"AURA_DATABASE_URL": "postgres://h/ours"})
    assert not connections.is_embedded(settings)
    assert connections.database_url(settings) == "postgresql://h/ours"
    assert connections.dagster_url(settings) == "postgresql://h/ours"


def test_dagster_may_have_a_database_of_its_own() -> None:
    settings = load_settings(
        {
            "AURA_DATABASE_URL": "postgres://h/ours",
            "DAGSTER_POSTGRES_URL": "postgres://h/dagster",
        }
    )
    assert connections.database_url(settings) == "postgresql://h/ours"
    assert connections.dagster_url(settings) == "postgresql://h/dagster"


def test_asking_for_the_url_alone_starts_nothing(tmp_path: Path) -> None:
    settings = load_settings({"AURA_DATA_DIR": str(tmp_path / "data")})
    assert connections.is_embedded(settings)
    assert connections.database_url(settings, start=False).startswith("postgresql://postgres@/aura_migration?host=")
    assert not (tmp_path / "data").exists()


def test_the_key_of_a_lock_is_the_same_for_ever() -> None:
    assert connections.lock_key("location square:L1") == -2293345990944446453
    assert connections.lock_key("location square:L2") != connections.lock_key("location square:L1")
    assert all(-(2**63) <= connections.lock_key(f"lock {n}") < 2**63 for n in range(100))


@pytest.mark.parametrize("name", ["one", "two", "three", "four"])
def test_a_session_lock_has_one_holder_and_is_seen_by_others(database: str, name: str) -> None:
    with connect(database) as first, connect(database) as second:
        assert not connections.is_locked(second, name)
        assert connections.try_session_lock(first, name)
        first.rollback()
        assert connections.is_locked(second, name)
        assert not connections.try_session_lock(second, name)
        assert not connections.unlock(second, name)
        assert connections.unlock(first, name)
        assert not connections.is_locked(second, name)
        assert connections.try_session_lock(second, name)


def test_a_transaction_lock_ends_with_its_transaction(database: str) -> None:
    with connect(database) as first, connect(database) as second:
        connections.transaction_lock(first, "rows of restaurant 1")
        assert not connections.try_transaction_lock(second, "rows of restaurant 1")
        first.commit()
        assert connections.try_transaction_lock(second, "rows of restaurant 1")


def test_a_session_lock_is_freed_also_when_its_block_fails_in_sql(
    database: str,
) -> None:
    with connect(database) as first, connect(database) as second:
        with (
            pytest.raises(psycopg.errors.DivisionByZero),
            connections.session_lock(first, "x"),
        ):
            first.execute("select 1 / 0")
        assert not connections.is_locked(second, "x")


def test_locks_of_another_database_are_not_ours(database: str, make_database: object) -> None:
    other = make_database()  # type: ignore[operator]
    with connect(database) as first, connect(other) as second:
        assert connections.try_session_lock(first, "x")
        assert not connections.is_locked(second, "x")
        assert connections.try_session_lock(second, "x")


def test_a_held_lock_says_whether_it_was_free(database: str) -> None:
    with connections.held_lock(database, "x") as first:
        assert first
        with connections.held_lock(database, "x") as second:
            assert not second
    with connections.held_lock(database, "x") as again:
        assert again


def test_a_killed_holder_loses_its_lock(database: str) -> None:
    program = (
        "import sys, time; from aura_migration.database.connections import held_lock\n"
        "with held_lock(sys.argv[1], 'x') as held:\n"
        "    print(held, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, database], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with connect(database, autocommit=True) as connection:
            assert connections.is_locked(connection, "x")
            os.kill(process.pid, signal.SIGKILL)
            deadline = time.monotonic() + 120
            while connections.is_locked(connection, "x"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert connections.try_session_lock(connection, "x")
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
