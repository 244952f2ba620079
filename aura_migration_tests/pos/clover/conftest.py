"""Fixtures of the Clover tests: a bench per sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.database.connections import connect
from aura_migration.pos.port import SourceLocation
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.clover.clover_bench import Bench
from aura_migration_tests.support import database as support

MakeBench = Callable[..., Bench]


@dataclass(frozen=True)
class Read:
    """A merchant that was read once for several tests, which only look at it."""

    bench: Bench
    location: SourceLocation
    reader: SnapshotReader
    truth: dict[str, Any]


def integration(connection: psycopg.Connection[Any]) -> int:
    """A restaurant with one integration; its id."""
    connection.execute("insert into aura.restaurants (name, timezone, currency) values ('Test', 'UTC', 'USD')")
    row = connection.execute(
        "insert into migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "select id, 'clover', 'http://127.0.0.1', 'M', 'M' from aura.restaurants returning id"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def bench(connection: psycopg.Connection[Any], tmp_path: Path) -> Iterator[MakeBench]:
    """Serves a scenario and stands ready to extract it: ``bench("diner", switches={...})``."""
    ident = integration(connection)
    with ExitStack() as stack:

        def make(scenario: str = "cafe", **options: Any) -> Bench:
            options.setdefault("limits", "off")
            sandbox = stack.enter_context(serve("clover", scenario, **options))
            return Bench(sandbox, connection, tmp_path / "snapshots", ident)

        yield make


@pytest.fixture(scope="module")
def diner(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """The merchant with every peculiarity, read once."""
    with (
        support.clone(postgres_server, template_database) as url,
        connect(url, autocommit=True, application_name="test") as connection,
        serve("clover", "diner", limits="off") as sandbox,
    ):
        where = Bench(sandbox, connection, tmp_path_factory.mktemp("clover"), integration(connection))
        location = where.locations()[0]
        yield Read(where, location, where.extract(location.source_id), where.truth())
