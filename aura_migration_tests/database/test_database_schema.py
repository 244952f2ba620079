"""Schema: one linear history, made once whoever asks, changed only by the owner of a database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database import schema
from aura_migration.database.connections import connect

VERSIONS = Path(schema.__file__).parent / "alembic"


def test_the_history_is_one_line_that_ends_at_the_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [schema.head()]
    assert all(not revision.is_branch_point for revision in script.walk_revisions())


def test_an_empty_database_has_no_revision_and_gets_the_head(
    empty_database: str,
) -> None:
    assert schema.current(empty_database) is None
    assert schema.upgrade(empty_database) == schema.head()
    assert schema.current(empty_database) == schema.head()
    with connect(empty_database) as connection:
        schemas = {row[0] for row in connection.execute("select nspname from pg_namespace").fetchall()}
        assert {"aura", "auraconnect", "migration", "staging"} <= schemas
        assert connection.execute("select count(*) from migration.credentials").fetchone() == (0,)


def test_upgrading_twice_changes_nothing(database: str) -> None:
    def image() -> list[tuple[object, ...]]:
        with connect(database) as connection:
            return connection.execute("select name, sha256, executed_at from migration.schema_files").fetchall()

    before = image()
    schema.upgrade(database)
    assert image() == before


def test_dagsters_version_table_stays_dagsters(empty_database: str) -> None:
    with connect(empty_database, autocommit=True) as connection:
        connection.execute("create table public.alembic_version (version_num varchar(32) primary key)")
        connection.execute("insert into public.alembic_version values ('dagsters own')")
        assert schema.current(empty_database) is None
        schema.upgrade(empty_database)
        assert connection.execute("select version_num from public.alembic_version").fetchall() == [("dagsters own",)]
        assert connection.execute("select version_num from migration.alembic_version").fetchall() == [(schema.head(),)]


def test_our_tables_live_beside_dagsters_storage(empty_database: str, tmp_path: Path) -> None:
    from dagster_postgres import PostgresRunStorage

    schema.upgrade(empty_database)
    storage = PostgresRunStorage.create_clean_storage(empty_database)
    try:
        assert storage.get_runs() == []
    finally:
        storage.dispose()
    schema.require_current(empty_database, embedded=False)


def test_two_upgrades_at_once_make_the_tables_once(empty_database: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(schema.upgrade, [empty_database] * 3)) == [schema.head()] * 3
    with connect(empty_database) as connection:
        files = connection.execute("select count(*) from migration.schema_files").fetchone()
    assert files == (len(schema.ddl_files()),)


def test_an_upgrade_killed_in_the_middle_leaves_the_database_as_it_was(
    empty_database: str,
) -> None:
    """The upgrade is made to wait inside its transaction, after its first statements, and killed there."""
    program = "import sys; from aura_migration.database import schema; schema.upgrade(sys.argv[1])"
    with connect(empty_database) as blocker:
        # An uncommitted type of the name that the upgrade is going to make: it waits for us, its schemas already made.
        blocker.execute("create schema aura")
        process = subprocess.Popen([sys.executable, "-c", program, empty_database])
        try:
            with connect(empty_database, autocommit=True) as observer:
                _until(
                    lambda: bool(
                        observer.execute(
                            "select 1 from pg_stat_activity where application_name = 'aura-migration schema upgrade' "
                            "and wait_event_type = 'Lock' and backend_xid is not null"
                        ).fetchone()
                    )
                )
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                blocker.rollback()
                _until(
                    lambda: (
                        not observer.execute(
                            "select 1 from pg_stat_activity where application_name = 'aura-migration schema upgrade'"
                        ).fetchone()
                    )
                )
        finally:
            process.kill()
            process.wait()
    assert schema.current(empty_database) is None
    with connect(empty_database) as connection:
        assert connection.execute("select to_regnamespace('migration'), to_regnamespace('aura')").fetchone() == (
            None,
            None,
        )
    assert schema.upgrade(empty_database) == schema.head()


def test_an_embedded_database_that_is_behind_is_upgraded_on_the_spot(
    empty_database: str,
) -> None:
    schema.require_current(empty_database, embedded=True)
    assert schema.current(empty_database) == schema.head()


def test_somebody_elses_database_that_is_behind_is_refused_with_the_command(
    empty_database: str,
) -> None:
    with pytest.raises(EnvironmentFault, match="aura-migration db upgrade") as caught:
        schema.require_current(empty_database, embedded=False)
    assert caught.value.exit_code == 3
    assert schema.current(empty_database) is None


@pytest.mark.parametrize("embedded", [True, False])
def test_a_database_of_a_later_release_is_left_alone(database: str, embedded: bool) -> None:
    with connect(database, autocommit=True) as connection:
        connection.execute("update migration.alembic_version set version_num = '9999'")
    with pytest.raises(EnvironmentFault, match="9999"):
        schema.require_current(database, embedded)
    with pytest.raises(EnvironmentFault, match="9999"):
        schema.upgrade(database)
    assert schema.current(database) == "9999"


def test_a_server_that_is_too_old_is_refused(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MINIMUM_SERVER", 19)
    with pytest.raises(EnvironmentFault, match="is PostgreSQL 18; 19 is the oldest"):
        schema.upgrade(empty_database)
    assert schema.current(empty_database) is None


def test_a_database_made_from_other_table_definitions_is_named(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        connection.execute("update migration.schema_files set sha256 = 'x' where name = '015_vault.sql'")
    with pytest.raises(EnvironmentFault, match=r"015_vault\.sql"):
        schema.require_current(database, embedded=True)


def test_an_account_that_may_not_create_schemas_is_told_so(empty_database: str) -> None:
    with connect(empty_database, autocommit=True) as connection:
        connection.execute("drop role if exists aura_guest")
        connection.execute("create role aura_guest login")
        try:
            guest = empty_database.replace("postgres@", "aura_guest@", 1)
            with pytest.raises(EnvironmentFault, match="right to create schemas"):
                schema.upgrade(guest)
            assert schema.current(empty_database) is None
        finally:
            connection.execute("drop role aura_guest")


def test_a_foundation_that_was_left_cannot_be_taken_back(database: str) -> None:
    from alembic import command

    engine = sqlalchemy.create_engine(database.replace("postgresql:", "postgresql+psycopg:", 1))
    config = Config()
    config.set_main_option("script_location", str(VERSIONS))
    try:
        with pytest.raises(RuntimeError, match="backup"), engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
    finally:
        engine.dispose()
    assert schema.current(database) == schema.head()


def test_every_table_has_a_key(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    """Primary, or for a report whose rows may be about nobody one in which nobody counts as a value."""
    rows = connection.execute(
        """
        select c.oid::regclass::text from pg_class c
        where c.relkind in ('r', 'p') and not c.relispartition
          and c.relnamespace in ('aura'::regnamespace, 'migration'::regnamespace)
          and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')
          and not exists (
              select from pg_index i
              where i.indrelid = c.oid and i.indisunique and i.indnullsnotdistinct and i.indpred is null
          )
        """
    ).fetchall()
    assert rows == []


def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
