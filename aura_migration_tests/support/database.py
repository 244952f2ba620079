"""Real PostgreSQL for tests: one embedded server per test process, one migrated template, a fresh database per test.

A clone of the template and its drop cost the server 100 to 200 ms, so that a database whose schema a test left alone is
emptied for the next one (``Pool``). Tests that need rows of the trade make them themselves.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from aura_migration.database import embedded, schema

TEMPLATE = "aura_template"
_numbers = itertools.count(1)


def start_server(data_dir: Path) -> str:
    """Start a server for tests; returns the URL of its ``postgres`` database. Durable against kills, not power cuts."""
    embedded.ensure_running(data_dir)
    url = embedded.url(data_dir, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("alter system set full_page_writes = off")
        connection.execute("alter system set autovacuum = off")
        connection.execute("select pg_reload_conf()")
    return url


def sibling(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def make_template(server: str) -> str:
    """A database with the schema of this release and no rows; returns its name."""
    create(server, TEMPLATE)
    schema.upgrade(sibling(server, TEMPLATE))
    return TEMPLATE


def create(server: str, name: str, template: str = "template0") -> str:
    """Create a database and return its URL. Whoever is connected to the template is cut off: it could not be copied."""
    with psycopg.connect(server, autocommit=True) as connection:
        assert _cut_off(connection, template), f"somebody stays connected to {template}"
        connection.execute(f'create database "{name}" template "{template}"')
    return sibling(server, name)


def drop(server: str, name: str) -> None:
    """Drop a database, cutting off whoever is still connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')


def _cut_off(connection: psycopg.Connection[Any], name: str) -> bool:
    """End every other connection to a database; False if one of them has not ended after a minute.

    All are told first and then looked for: told with a timeout, each would be waited for in steps of 100 ms.
    """
    theirs: LiteralString = "from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
    connection.execute(f"select pg_terminate_backend(pid) {theirs}", [name])
    deadline = time.monotonic() + 60
    while connection.execute(f"select pid {theirs} limit 1", [name]).fetchone() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


@contextmanager
def clone(server: str, template: str = TEMPLATE) -> Iterator[str]:
    """The URL of a fresh copy of the template, dropped at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    url = create(server, name, template)
    try:
        yield url
    finally:
        drop(server, name)


# What a change of the schema moves: a row more, a row less, or a row written by a later transaction.
_SCHEMA: LiteralString = """
    with ours as (
        select oid, xmin from pg_class
        where relnamespace not in (select oid from pg_namespace where nspname like 'pg\\_%')
    )
    select
        (select array[count(*), max(xmin::text::bigint)] from ours),
        (select array[count(*), max(xmin::text::bigint)] from pg_attribute where attrelid in (select oid from ours)),
        (select array[count(*), max(xmin::text::bigint)] from pg_constraint),
        (select array[count(*), max(xmin::text::bigint)] from pg_trigger),
        (select array[count(*), max(xmin::text::bigint)] from pg_rewrite),
        (select array[count(*), max(xmin::text::bigint)] from pg_attrdef),
        (select array[count(*), max(xmin::text::bigint)] from pg_proc),
        (select array[count(*), max(xmin::text::bigint)] from pg_type where typrelid = 0 and typelem = 0),
        (select array[count(*), max(xmin::text::bigint)] from pg_namespace where nspname not like 'pg\\_%temp\\_%'),
        (select array[count(*), max(xmin::text::bigint)] from pg_extension),
        (select count(*) from pg_db_role_setting)
"""
_WRITTEN: LiteralString = """
    select relnamespace::regnamespace::text, relname, pg_relation_size(oid) from pg_class
    where relkind = 'r' and oid >= 16384 and relpersistence <> 't'
      and relnamespace <> 'information_schema'::regnamespace and pg_relation_size(oid) > 0
"""
_COUNTED: LiteralString = """
    select schemaname, sequencename, last_value, start_value from pg_sequences where last_value is not null
"""
# Working tables of a staged history belong to a migration like its rows; a template may have some of its own.
_WORKING: LiteralString = """
    select relname from pg_class
    where relkind = 'r' and relname ~ '^history_[0-9]+_' and relnamespace = to_regnamespace('staging')
"""
_ROOMY = 8 * 2**20


class Pool:
    """Databases like a template, handed out one after the other: each as fresh as a clone.

    Rows and working tables are deleted, sequences reset, and the rows the template came with put back. A database whose
    schema was changed, or that has grown, is dropped instead. Each is emptied over a connection that is kept for that: a
    new one would read the catalog first, which takes most of the time.
    """

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        self._kept: dict[str, psycopg.Connection[Any]] = {}
        self._schema: Any = None
        self._working: list[str] = []
        self._rows: dict[tuple[str, str], bytes] = {}
        self._counted: dict[tuple[str, str], int] = {}
        _pools.append(self)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database as fresh as a clone."""
        name = self._free.pop() if self._free else self._new()
        try:
            yield sibling(self._server, name)
        finally:
            if self._emptied(name):
                self._free.append(name)
            else:
                self.close(name)
                drop(self._server, name)

    def close(self, *names: str) -> None:
        """Close the connections kept to these databases (none named: to all)."""
        for name in names or tuple(self._kept):
            if name in self._kept:
                self._kept.pop(name).close()

    def _new(self) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        url = create(self._server, name, self._template)
        if self._schema is None:
            with psycopg.connect(url, autocommit=True) as connection:
                self._schema = connection.execute(_SCHEMA).fetchone()
                self._working = [table for (table,) in connection.execute(_WORKING)]
                for schema_name, table, _ in connection.execute(_WRITTEN).fetchall():
                    with connection.cursor().copy(_about("copy {} to stdout", schema_name, table)) as rows:
                        self._rows[schema_name, table] = b"".join(bytes(row) for row in rows)
                self._counted = {(s, n): value for s, n, value, _ in connection.execute(_COUNTED)}
        return name

    def _emptied(self, name: str) -> bool:
        for _ in range(2):
            try:
                if name not in self._kept:
                    self._kept[name] = psycopg.connect(sibling(self._server, name), autocommit=True)
                return self._empty(self._kept[name])
            except psycopg.OperationalError:  # cut off by the test, or the test has dropped the database
                self.close(name)
        return False

    def _empty(self, connection: psycopg.Connection[Any]) -> bool:
        if not _cut_off(connection, connection.info.dbname):
            return False
        with connection.transaction():
            if not self._working:
                for (table,) in connection.execute(_WORKING).fetchall():
                    connection.execute(_about("drop table {}", "staging", table))
            if connection.execute(_SCHEMA).fetchone() != self._schema:
                return False
            written = {(s, table): size for s, table, size in connection.execute(_WRITTEN)}
            if sum(written.values()) > _ROOMY:
                return False
            # Neither keys nor triggers hold a row back.
            connection.execute("set local session_replication_role = replica")
            for place in {**written, **self._rows}:
                connection.execute(_about("delete from {}", *place))
            for place, rows in self._rows.items():
                with connection.cursor().copy(_about("copy {} from stdin", *place)) as into:
                    into.write(rows)
            for s, n, _, start in connection.execute(_COUNTED).fetchall():
                last = self._counted.get((s, n))
                arguments = (f'"{s}"."{n}"', start if last is None else last, last is not None)
                connection.execute("select setval(%s::regclass, %s, %s)", arguments)
        return True


_pools: list[Pool] = []


def close_pools() -> None:
    """Close every connection that pools keep, before their server ends."""
    for pool in _pools:
        pool.close()


def _about(statement: LiteralString, *place: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(*place))
