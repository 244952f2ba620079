"""One planted window for all tests about gates: each test's changes are taken back when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration.database.connections import connect
from aura_migration_tests.support import database as support
from aura_migration_tests.support.windows import Planted, plant_window


@pytest.fixture(scope="session")
def planted_once(databases: support.Pool) -> Iterator[Planted]:
    """A window that lacks only the signatures for its in-house switch."""
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        yield plant_window(connection)


@pytest.fixture
def planted(planted_once: Planted) -> Iterator[Planted]:
    """The same, for one test."""
    with planted_once.connection.transaction(force_rollback=True):
        yield planted_once
