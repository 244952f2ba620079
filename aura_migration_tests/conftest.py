"""What every test gets: an environment without our variables, and on request a real, migrated PostgreSQL database.

How the suite stays quick and says the same every time, on a machine of its own as on one that is busy:

* What is dear is made once and looked at by many tests: the server and the migrated template per process, a database
  that is emptied rather than made (``database``), the café at each stage of its journey (``connected`` … ``verified``),
  a scenario's sandbox, snapshot and staged rows per module. A test that changes what others look at gets its own.
* No test is about the day it runs on: business time stands at ``BUSINESS_NOW``, sandboxes are given ``now=``.
* Waiting has an end that only a defect reaches (a minute and more), never one that a busy machine may miss. What must
  be quick is judged by processor time or by counting, not by a clock on the wall; lower bounds may be timed.
* What is random is seeded. Hypothesis derives its examples from the test itself; the long form, marked ``soak``, draws
  new ones. A short word is not looked for in hashes, ids or sealed text: it may be there by chance.
* What tests write lies in memory where the machine has room for it (``IN_MEMORY``): making and dropping databases is mostly
  making and dropping files.
* Ports come from ``support.ports``: those of one test process are never those of another.
"""

from __future__ import annotations

import functools
import gc
import inspect
import os
import shutil
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import psycopg
import pytest

from aura_migration.database import embedded
from aura_migration.database.connections import connect
from aura_migration.settings import Settings, load_settings
from aura_migration_tests.support import database as support

pytest_plugins = ["aura_migration_tests.support.worlds"]
OURS = ("AURA_", "DAGSTER_")
BUSINESS_NOW = "2026-03-02T15:00:00+00:00"
IN_MEMORY = Path("/dev/shm")
ROOM = 8 * 2**30
"""Bytes that have to be free there: a whole run writes some two gigabytes."""


def _ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(OURS)}


def pytest_configure() -> None:
    """A developer's own database, keys and Dagster home are out of reach of every test and of what tests start.

    Every HTTP client makes a TLS context, which takes 35 ms to read the authorities. No test speaks TLS: they share one.
    """
    for name in _ours():
        del os.environ[name]
    if IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))
    # Whoever forbids byte code means to keep a folder clean; each of our many processes would compile everything again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    # Files are durable against kills, not against power cuts: no test can make one, and each costs a wait for the disk.
    os.fsync = lambda _: None
    # Five seconds are what a client waits unless told otherwise: a busy machine may need more for an answer of its own.
    patience = inspect.signature(httpx.get).parameters["timeout"].default
    patience.connect = patience.read = patience.write = patience.pool = 120.0
    hypothesis.settings.register_profile(
        "suite",
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],  # a busy machine is no defect
    )
    hypothesis.settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """A million objects of imported libraries stay for good: looking through them again and again for garbage took a
    fifth of the processor time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


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
        support.close_pools()
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
