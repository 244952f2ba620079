"""What every test gets: an environment without our variables, and on request a real, migrated PostgreSQL database."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.database import embedded
from aura_migration.database.connections import connect
from aura_migration.settings import Settings, load_settings
from aura_migration_tests.support import database as support

OURS = ("AURA_", "DAGSTER_")
BUSINESS_NOW = "2026-03-02T15:00:00+00:00"


def _ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(OURS)}


def pytest_configure() -> None:
    """A developer's own database, keys and Dagster home are out of reach of every test and of what tests start.

    Every HTTP client makes a TLS context, which takes 35 ms to read the authorities. No test speaks TLS: they share one.
    """
    for name in _ours():
        del os.environ[name]
    ssl.create_default_context = functools.cache(ssl.create_default_context)


@pytest.fixture(autouse=True)
def clean_environ() -> Iterator[None]:
    """No variable of ours is left behind for the next test, also if the product exported it."""
    yield
    for name in _ours():
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the ``postgres`` database of a server of this test process."""
    data_dir = tmp_path_factory.mktemp("server")
    try:
        yield support.start_server(data_dir)
    finally:
        embedded.stop(data_dir)


@pytest.fixture(scope="session")
def template_database(postgres_server: str) -> str:
    """Name of a database with the schema of this release; nobody may stay connected to it."""
    return support.make_template(postgres_server)


@pytest.fixture(scope="session")
def databases(postgres_server: str, template_database: str) -> support.Pool:
    """Fresh migrated databases."""
    return support.Pool(postgres_server, template_database)


@pytest.fixture
def make_database(databases: support.Pool) -> Iterator[Callable[[], str]]:
    """Makes as many fresh migrated databases as a test needs."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(databases.database())


@pytest.fixture
def database(make_database: Callable[[], str]) -> str:
    """URL of a fresh migrated database."""
    return make_database()


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """URL of a fresh database without any table of ours."""
    with support.clone(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    """An autocommit connection to ``database``."""
    with connect(database, autocommit=True, application_name="test") as opened:
        yield opened


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings that point at ``database`` and at a private data folder; business time stands at ``BUSINESS_NOW``."""
    return load_settings(
        {"AURA_DATABASE_URL": database, "AURA_DATA_DIR": str(tmp_path / "aura"), "AURA_NOW": BUSINESS_NOW}
    )
