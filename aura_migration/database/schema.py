"""The schema's version: which one a database has, which one this release needs, and the way from one to the other.

One linear history (``alembic/versions``), its version in ``migration.alembic_version``. Tables are written down as SQL,
never here: those of revision 0001 in ``ddl/*.sql``, those of a later one in ``ddl/<revision>_<name>/*.sql``. Once released,
a file is never edited again: a change is a new revision.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.connections import connect, lock_key, unreachable
from aura_migration.settings import without_password

HEAD = "0008"
MINIMUM_SERVER = 16
"""The oldest major version of PostgreSQL that the tables and queries are tested on."""
_FOLDER = Path(__file__).parent
_LOCK = "aura_migration schema upgrade"


def ddl_files(revision: str | None = None) -> list[Path]:
    """The files of one revision, or of all, in the order they are executed in."""
    found = sorted((_FOLDER / "ddl").glob("*.sql")) if revision in (None, "0001") else []
    return found + sorted((_FOLDER / "ddl").glob(f"{revision or '[0-9]*'}_*/*.sql"))


def execute_files(connection: Any, revision: str) -> None:
    """Execute the files of a revision over a driver's connection and note their hashes."""
    cursor = connection.cursor()
    for file in ddl_files(revision):
        cursor.execute(file.read_bytes())
        cursor.execute(
            "insert into migration.schema_files (name, sha256) values (%s, %s)",
            (file.name, hashlib.sha256(file.read_bytes()).hexdigest()),
        )
    cursor.close()


def head() -> str:
    """The revision this release works with."""
    return HEAD


def current(url: str) -> str | None:
    """The revision of the database, or None if it has none of our tables yet."""
    with connect(url, autocommit=True, application_name="aura-migration schema") as connection:
        return _current(connection)


def upgrade(url: str) -> str:
    """Bring the database to :func:`head` in one transaction and return the revision; nothing happens if it is there.

    Two at once: the second waits for the first and then finds nothing to do. A kill leaves the database as it was.
    """
    import sqlalchemy  # not at import: the code location and most commands never come here
    from alembic import command
    from alembic.config import Config

    _check_fit(url)
    engine = sqlalchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=sqlalchemy.NullPool,
        connect_args={"application_name": "aura-migration schema upgrade"},
    )
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / "alembic").replace("%", "%%"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({lock_key(_LOCK)})")
            connection.exec_driver_sql("set local timezone to 'UTC'")
            connection.exec_driver_sql("create schema if not exists migration")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.OperationalError as error:
        raise unreachable(url, error.orig or error) from error
    except sqlalchemy.exc.DBAPIError as error:
        raise _not_upgraded(url, error.orig or error) from error
    except psycopg.Error as error:  # raised by a file executed past SQLAlchemy
        raise _not_upgraded(url, error) from error
    finally:
        engine.dispose()
    return HEAD


def require_current(url: str, embedded: bool) -> None:
    """Make sure the database has the schema of this release.

    The embedded one is upgraded on the spot. Any other is changed by its owner only: EnvironmentFault if it is behind.
    """
    with connect(url, autocommit=True, application_name="aura-migration schema") as connection:
        found = _current(connection)
        if found == HEAD:
            _check_files(connection, url)
            return
    if embedded:
        upgrade(url)
        return
    _check_fit(url)
    raise EnvironmentFault(
        f"The database {without_password(url)} "
        + (f"is at schema revision {found}; this release needs {HEAD}." if found else "has no tables of ours yet."),
        "Back it up, then run: aura-migration db upgrade",
        current=found,
        head=HEAD,
    )


def _check_fit(url: str) -> None:
    """Refuse a server that is too old, and a database whose revision this release does not know."""
    with connect(url, autocommit=True, application_name="aura-migration schema") as connection:
        version = connection.info.server_version
        found = _current(connection)
    if version < MINIMUM_SERVER * 10_000:
        raise EnvironmentFault(
            f"The database {without_password(url)} is PostgreSQL {version // 10_000}; {MINIMUM_SERVER} is the oldest "
            "that can be used.",
            "Upgrade that server, or unset AURA_DATABASE_URL to use the embedded one.",
        )
    known = {path.name.split("_", 1)[0] for path in (_FOLDER / "alembic" / "versions").glob("[0-9]*.py")}
    if found is not None and found not in known:
        raise EnvironmentFault(
            f"The database {without_password(url)} is at schema revision {found}, which this release does not know.",
            "Use the release that upgraded it, or a later one.",
            current=found,
            head=HEAD,
        )


def _current(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("select to_regclass('migration.alembic_version')").fetchone()
    if row is None or row[0] is None:
        return None
    row = connection.execute("select version_num from migration.alembic_version").fetchone()
    return str(row[0]) if row else None


def _check_files(connection: psycopg.Connection[Any], url: str) -> None:
    """A database made from an unreleased draft of the files says so, instead of failing later on a missing column."""
    made_from = dict(connection.execute("select name, sha256 from migration.schema_files").fetchall())
    here = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in ddl_files()}
    if made_from != here:
        different = sorted(name for name in made_from.keys() | here.keys() if made_from.get(name) != here.get(name))
        raise EnvironmentFault(
            f"The database {without_password(url)} was made from other table definitions ({', '.join(different)}).",
            "Use the release that made it, or start with an empty database (embedded: aura-migration db stop, then "
            "move the folder postgres/ of the data folder aside).",
        )


def _not_upgraded(url: str, error: BaseException) -> EnvironmentFault:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return EnvironmentFault(
        f"The schema of {without_password(url)} could not be upgraded: {first}",
        "Nothing was changed. The account needs the right to create schemas in that database.",
    )
