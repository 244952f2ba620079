"""Real PostgreSQL for tests: one embedded server per test process, one migrated template, a fresh clone per test.

A clone costs some 30 ms. Tests that need rows of the trade make them themselves.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

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
    """Create a database and return its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"')
    return sibling(server, name)


def drop(server: str, name: str) -> None:
    """Drop a database, cutting off whoever is still connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')


@contextmanager
def clone(server: str, template: str = TEMPLATE) -> Iterator[str]:
    """The URL of a fresh copy of the template, dropped at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    url = create(server, name, template)
    try:
        yield url
    finally:
        drop(server, name)
