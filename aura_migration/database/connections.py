"""Connections to PostgreSQL, which database they go to, and advisory locks.

Queries do not belong here, nor does a pool: the processes of a migration hold one or two connections each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database import embedded
from aura_migration.settings import Settings, without_password

Connection = psycopg.Connection[TupleRow]

CONNECT_TIMEOUT = 10
"""Seconds per address until a server that does not answer counts as unreachable."""
IDLE_IN_TRANSACTION_TIMEOUT = 3_600_000
"""Milliseconds after which a forgotten open transaction ends: it would hold locks and keep dead rows for ever."""


def is_embedded(settings: Settings) -> bool:
    """Whether our tables live in the embedded server."""
    return settings.database_url is None


def database_url(settings: Settings, *, start: bool = True) -> str:
    """The URL of our database. The embedded server is started if it does not run, unless ``start`` is False."""
    if settings.database_url is not None:
        return settings.database_url
    return embedded.ensure_running(settings.data_dir) if start else embedded.url(settings.data_dir)


def dagster_url(settings: Settings, *, start: bool = True) -> str:
    """The URL of Dagster's storage: ``DAGSTER_POSTGRES_URL``, else our own database."""
    return settings.dagster_postgres_url or database_url(settings, start=start)


def connect(
    url: str,
    *,
    autocommit: bool = False,
    application_name: str = "aura-migration",
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
) -> Connection:
    """Open a connection whose session speaks UTC. Timeouts are seconds; None waits as long as the server lets it.

    ``statement_timeout`` has no default: a load of years of orders is one long statement. Raises EnvironmentFault
    (without the password) if the database cannot be reached.
    """
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name=application_name,
            connect_timeout=CONNECT_TIMEOUT,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.OperationalError as error:
        raise unreachable(url, error) from error
    settings = {"TimeZone": "UTC", "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT)}
    if lock_timeout is not None:
        settings["lock_timeout"] = str(int(lock_timeout * 1000))
    if statement_timeout is not None:
        settings["statement_timeout"] = str(int(statement_timeout * 1000))
    # Not by startup options: connection poolers refuse those.
    connection.execute(
        "select " + ", ".join(["set_config(%s, %s, false)"] * len(settings)),
        [text for pair in settings.items() for text in pair],
    )
    connection.autocommit = autocommit
    return connection


def unreachable(url: str, error: BaseException) -> EnvironmentFault:
    """The fault for a database that could not be connected to, with the server's own first line and no password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1] if lines else type(error).__name__
    password = urlsplit(url).password
    if password:
        reason = reason.replace(password, "***")
    return EnvironmentFault(
        f"The database {without_password(url)} cannot be used: {reason}",
        "Check AURA_DATABASE_URL and that the server runs, or unset it to use the embedded server.",
    )


# -- advisory locks ---------------------------------------------------------------------------------------------------


def lock_key(name: str) -> int:
    """The key of the advisory lock of that name: the same on every machine and in every release."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big", signed=True)


def transaction_lock(connection: psycopg.Connection[Any], name: str) -> None:
    """Wait for the lock; the end of the running transaction frees it."""
    connection.execute("select pg_advisory_xact_lock(%s)", (lock_key(name),))


def try_transaction_lock(connection: psycopg.Connection[Any], name: str) -> bool:
    """Take the lock until the end of the running transaction if nobody holds it."""
    return _true(connection, "select pg_try_advisory_xact_lock(%s)", name)


def try_session_lock(connection: psycopg.Connection[Any], name: str) -> bool:
    """Take the lock if nobody holds it. It outlives transactions: :func:`unlock` or the connection's end frees it."""
    return _true(connection, "select pg_try_advisory_lock(%s)", name)


def unlock(connection: psycopg.Connection[Any], name: str) -> bool:
    """Free a session lock of this connection; False if it did not hold it."""
    return _true(connection, "select pg_advisory_unlock(%s)", name)


@contextmanager
def session_lock(connection: psycopg.Connection[Any], name: str) -> Iterator[None]:
    """Wait for the session lock and hold it for the block; a transaction that failed in the block is rolled back."""
    connection.execute("select pg_advisory_lock(%s)", (lock_key(name),))
    try:
        yield
    finally:
        if not connection.closed:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                connection.rollback()
            unlock(connection, name)


def is_locked(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether any session holds the lock. Free while a row says "running" means that its worker died."""
    key = lock_key(name) & 0xFFFF_FFFF_FFFF_FFFF
    row = connection.execute(
        """
        select exists (
            select from pg_locks
            where locktype = 'advisory' and granted and objsubid = 1
              and database = (select oid from pg_database where datname = current_database())
              and classid::bigint = %s and objid::bigint = %s
        )
        """,
        (key >> 32, key & 0xFFFF_FFFF),
    ).fetchone()
    return bool(row and row[0])


@contextmanager
def held_lock(url: str, name: str, *, application_name: str = "aura-migration lock") -> Iterator[bool]:
    """Try the lock on a connection of its own and hold it for the block; yields whether it was free.

    The holder's death, also by SIGKILL, frees it: the server sees the connection end.
    """
    with connect(url, autocommit=True, application_name=application_name) as connection:
        is_held = try_session_lock(connection, name)
        try:
            yield is_held
        finally:
            # Said, not left to the connection's end: the server notices that later than the next who asks.
            if is_held and not connection.closed:
                with suppress(psycopg.OperationalError):  # the server is gone, and the lock with it
                    unlock(connection, name)


def _true(connection: psycopg.Connection[Any], query: Any, name: str) -> bool:
    row = connection.execute(query, (lock_key(name),)).fetchone()
    return bool(row and row[0])
