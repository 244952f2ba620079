"""One database for all Square tests of a process: each test records under an integration of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration_tests.support import database as support


@pytest.fixture(scope="session")
def square_database(postgres_server: str, template_database: str) -> Iterator[str]:
    """URL of a migrated database that the Square tests share."""
    with support.clone(postgres_server, template_database) as url:
        yield url


@pytest.fixture
def snapshots(square_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection for recording; what an earlier test left open is gone."""
    with connect(square_database, autocommit=True, application_name="test") as opened:
        opened.execute("truncate migration.snapshots cascade")
        yield opened
