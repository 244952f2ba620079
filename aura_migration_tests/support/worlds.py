"""Fixtures of journey tests, for the conftest of each folder that makes journeys."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journey import World

BUSINESS_NOW = "2026-03-02T15:00:00+00:00"
TEMPLATE = "aura_with_dagster"
_seeds = itertools.count(1)


@pytest.fixture(scope="session")
def journey_template(postgres_server: str, template_database: str) -> str:
    """A database with our tables and Dagster's."""
    from dagster_postgres import DagsterPostgresStorage

    url = support.create(postgres_server, TEMPLATE, template_database)
    DagsterPostgresStorage(url, should_autocreate_tables=True)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [TEMPLATE],
        )
    return TEMPLATE


@pytest.fixture
def make_world(postgres_server: str, journey_template: str, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds: a fresh database and data folder each."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make() -> World:
            folder = tmp_path / f"world{next(numbers)}"
            folder.mkdir()
            environ = {
                "AURA_DATABASE_URL": stack.enter_context(support.clone(postgres_server, journey_template)),
                "AURA_DATA_DIR": str(folder / "aura"),
                "AURA_NOW": BUSINESS_NOW,
            }
            return World(environ, folder)

        yield make


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    """A fresh database and data folder, and the command on them."""
    return make_world()


@pytest.fixture
def open_pos() -> Iterator[Callable[..., RunningSandbox]]:
    """Opens POS sandboxes without rate limits: ``open_pos("square", "cafe")``. Each has a seed of its own."""
    with ExitStack() as stack:

        def open_one(pos: str = "square", scenario: str = "cafe", **options: Any) -> RunningSandbox:
            seed = options.pop("seed", None) or next(_seeds)
            return stack.enter_context(serve(pos, scenario, seed, **{"limits": "off", **options}))

        yield open_one


@pytest.fixture
def cafe(open_pos: Callable[..., RunningSandbox]) -> RunningSandbox:
    """A café on Square."""
    return open_pos("square", "cafe")
