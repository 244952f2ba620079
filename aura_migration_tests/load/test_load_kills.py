"""A load killed at any moment and resumed ends as one that was never interrupted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration.plan.planner import Subject
from aura_migration_tests.support import database as support
from aura_migration_tests.support.menus import (
    aura_image,
    cafe,
    make_chain,
    one,
    preview,
    rows,
    start_loading,
    undo,
)

LOADER = Path(__file__).with_name("killed_load.py")
PROJECT = Path(__file__).resolve().parents[2]
BATCH_ROWS = 5
NATIVE = """
    INSERT INTO aura.menu_items (restaurant_id, name, price_cents)
    SELECT r.id, n.name, 1 FROM aura.restaurants r, (VALUES ('Coffee'), ('Bagel')) n(name)
"""


@dataclass(frozen=True)
class Prepared:
    """A database with an approved plan, ready to be cloned, and what an uninterrupted load of it makes."""

    server: str
    template: str
    subject: Subject
    before: dict[str, list[str]]
    loaded: dict[str, list[str]]
    memory: dict[str, list[Any]]
    statements: int


@pytest.fixture(scope="module")
def prepared(postgres_server: str, template_database: str) -> Iterator[Prepared]:
    name = f"approved_{os.getpid()}"
    url = support.create(postgres_server, name, template_database)
    try:
        with connect(url, autocommit=True) as connection:
            (subject,) = make_chain(connection)
            connection.execute(NATIVE)
            before = aura_image(connection)
            stored = preview(connection, subject, cafe(), {"conflicts": {"strategy": "overwrite"}})
            start_loading(connection, subject, stored.plan_id)
        with support.clone(postgres_server, name) as copy:
            run = _loader(copy, subject)
            assert run.communicate(timeout=120)[0].endswith("done\n")
            with connect(copy, autocommit=True) as connection:
                loaded, memory = aura_image(connection), remembered(connection)
        yield Prepared(
            postgres_server, name, subject, before, loaded, memory, _statements(postgres_server, name, subject)
        )
    finally:
        support.drop(postgres_server, name)


def _loader(url: str, subject: Subject, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(LOADER), url, str(subject.migration_id), str(BATCH_ROWS), *more],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


def _statements(server: str, name: str, subject: Subject) -> int:
    """How many statements a whole load sends."""
    sent = 0
    with support.clone(server, name) as url, connect(url, autocommit=True) as connection:
        execute = psycopg.Cursor.execute

        def counted(self: psycopg.Cursor[Any], *arguments: Any, **named: Any) -> psycopg.Cursor[Any]:
            nonlocal sent
            sent += 1
            return execute(self, *arguments, **named)

        psycopg.Cursor.execute = counted  # type: ignore[method-assign,assignment]
        try:
            resume(connection, subject)
        finally:
            psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    return sent


def resume(connection: psycopg.Connection[Any], subject: Subject) -> None:
    """Continue a load in this process."""
    from aura_migration.canonical.entities import ENTITIES
    from aura_migration.load.apply import apply_plan

    plan_id, load_at = rows(
        connection, "SELECT plan_id, load_at FROM migration.migrations WHERE id = %s", [subject.migration_id]
    )[0]
    apply_plan(connection, subject, plan_id, ENTITIES, load_at, batch_rows=BATCH_ROWS)


def remembered(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """What the loader remembers beside AuraConnect's rows, without counters and clocks."""
    return {
        "crosswalk": rows(
            connection,
            "SELECT entity, source_key, aura_table, aura_id, is_active FROM migration.crosswalk ORDER BY 1, 2",
        ),
        "claims": rows(connection, "SELECT migration_id, aura_table, aura_id, seq FROM migration.claims ORDER BY 2, 3"),
        "journal": rows(
            connection,
            "SELECT plan_id, seq, aura_table, aura_id, op, before::text, after::text FROM migration.writes ORDER BY 2",
        ),
        "cursor": rows(connection, "SELECT applied_seq FROM migration.plans"),
    }


@contextmanager
def killed(prepared: Prepared, strike: Callable[[str], None]) -> Iterator[psycopg.Connection[Any]]:
    """A clone in which a loader was struck dead; checks what any instant must leave behind."""
    with support.clone(prepared.server, prepared.template) as url:
        strike(url)
        with connect(url, autocommit=True) as connection:
            _wait_for_the_dead(connection)
            applied = one(connection, "SELECT applied_seq FROM migration.plans")
            processed = one(connection, "SELECT coalesce(max(processed_items), 0) FROM migration.progress")
            assert processed == applied, "counter and cursor are one"
            journalled = rows(connection, "SELECT coalesce(max(seq), 0), count(*) FROM migration.journal")[0]
            assert journalled[0] <= applied
            assert journalled[1] == one(
                connection,
                "SELECT count(*) FROM migration.plan_rows WHERE seq <= %s AND image IS NOT NULL AND image <> '{}'",
                [applied],
            )
            yield connection


def _wait_for_the_dead(connection: psycopg.Connection[Any]) -> None:
    """The server ends a dead client's transaction when it notices; only then is there something to look at."""
    deadline = time.monotonic() + 120
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    while one(connection, others):
        assert time.monotonic() < deadline, "the server does not notice the death"
        time.sleep(0.01)


def at_statement(prepared: Prepared, number: int) -> Callable[[str], None]:
    def strike(url: str) -> None:
        loader = _loader(url, prepared.subject, str(number))
        loader.communicate(timeout=120)
        assert loader.returncode == -signal.SIGKILL

    return strike


def after(prepared: Prepared, seconds: float) -> Callable[[str], None]:
    def strike(url: str) -> None:
        loader = _loader(url, prepared.subject)
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
        time.sleep(seconds)
        loader.kill()
        loader.communicate(timeout=120)

    return strike


def ends_as_if_never_killed(prepared: Prepared, strike: Callable[[str], None]) -> None:
    with killed(prepared, strike) as connection:
        resume(connection, prepared.subject)
        assert aura_image(connection) == prepared.loaded
        assert remembered(connection) == prepared.memory


def moments(prepared: Prepared, seed: int, number: int) -> list[Callable[[str], None]]:
    """Seeded moments: three of four at a statement, the others by the clock."""
    dice = random.Random(seed)
    return [
        after(prepared, dice.uniform(0, 0.4))
        if n % 4 == 3
        else at_statement(prepared, dice.randint(1, prepared.statements))
        for n in range(number)
    ]


def test_a_load_killed_at_ten_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    for strike in moments(prepared, 20260302, 10):
        ends_as_if_never_killed(prepared, strike)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_load_killed_at_fifty_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    for strike in moments(prepared, 50, 50):
        ends_as_if_never_killed(prepared, strike)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_load_killed_before_each_of_its_statements_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    for number in range(1, prepared.statements + 1):
        ends_as_if_never_killed(prepared, at_statement(prepared, number))


def test_a_load_killed_over_and_over_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    with support.clone(prepared.server, prepared.template) as url:
        for number in (30, 45, 61):
            at_statement(prepared, number)(url)
        with connect(url, autocommit=True) as connection:
            _wait_for_the_dead(connection)
            assert one(connection, "SELECT applied_seq FROM migration.plans") > 0
            resume(connection, prepared.subject)
            assert aura_image(connection) == prepared.loaded


def test_a_half_load_rolled_back_leaves_nothing(prepared: Prepared) -> None:
    with killed(prepared, at_statement(prepared, prepared.statements * 2 // 3)) as connection:
        assert aura_image(connection) != prepared.before
        undo(connection, prepared.subject)
        assert aura_image(connection) == prepared.before
