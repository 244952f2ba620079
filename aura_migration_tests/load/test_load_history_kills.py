"""A history whose load or rollback is killed at any moment ends as one that was never interrupted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.history.documents import Document
from aura_migration.database import embedded
from aura_migration.database.connections import connect
from aura_migration.load.history import StagingLost, load_history, undo_history
from aura_migration.plan.planner import Subject
from aura_migration_tests.support import database as support
from aura_migration_tests.support.menus import LOAD_AT, cafe, make_chain, make_subject, migrate, one, rows
from aura_migration_tests.support.staged_orders import (
    gone,
    history,
    history_image,
    migrate_history,
    order,
    preview_history,
    stage_again,
)

Connection = psycopg.Connection[Any]
PROCESS = Path(__file__).with_name("killed_history.py")
PROJECT = Path(__file__).resolve().parents[2]


def first_history() -> list[list[Document]]:
    return history(40, 2)


def second_history() -> list[list[Document]]:
    """Some orders anew, some changed, some deleted: in eight batches."""
    changed = [order(f"O{n:04}", 2, tip_amount_cents=n) for n in range(0, 40, 5)]
    deleted = [gone("orders", f"O{n:04}") for n in (1, 11, 21, 31)]
    new = history(140, 7)
    for batch in new:
        batch[:] = [d for d in batch if d.kind not in ("orders", "payments") or int(d.key[1:]) >= 40]
    return [[*changed, *deleted], *new]


@dataclass(frozen=True)
class Prepared:
    """A database with a planned history, ready to be cloned, and what uninterrupted work makes of it."""

    server: str
    planned: str
    loaded: str
    subject: Subject
    images: dict[str, dict[str, list[str]]]
    memory: dict[str, list[Any]]
    statements: dict[str, int]


@pytest.fixture(scope="module")
def prepared(postgres_server: str, template_database: str) -> Iterator[Prepared]:
    planned, loaded = f"history_planned_{os.getpid()}", f"history_loaded_{os.getpid()}"
    url = support.create(postgres_server, planned, template_database)
    try:
        subject = make_ready(url)
        images, statements = {}, {}
        with connect(url, autocommit=True) as connection:
            images["undo"] = history_image(connection)
        copy = support.create(postgres_server, loaded, planned)
        statements["load"] = finish(copy, subject, "load")
        with connect(copy, autocommit=True) as connection:
            images["load"], memory = history_image(connection), remembered(connection)
        with support.clone(postgres_server, loaded) as again:
            statements["undo"] = finish(again, subject, "undo")
            with connect(again, autocommit=True) as connection:
                assert history_image(connection) == images["undo"]
        yield Prepared(postgres_server, planned, loaded, subject, images, memory, statements)
    finally:
        support.drop(postgres_server, planned)
        support.drop(postgres_server, loaded)


def make_ready(url: str) -> Subject:
    """A location with a menu, an older history that is over, and a planned one."""
    with connect(url, autocommit=True) as connection:
        (first,) = make_chain(connection)
        migrate(connection, first, cafe())
        migrate_history(url, connection, first, first_history())
        connection.execute("UPDATE migration.migrations SET state = 'completed'")
        subject = make_subject(connection, first.integration_id)
        preview_history(connection, subject, second_history())
    return subject


def start(url: str, subject: Subject, what: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROCESS), url, str(subject.migration_id), what, *more],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


def finish(url: str, subject: Subject, what: str) -> int:
    """Work that nobody interrupts; how many statements it took."""
    ended = start(url, subject, what).communicate(timeout=120)[0].splitlines()
    return int(ended[-1])


def remembered(connection: Connection) -> dict[str, list[Any]]:
    """What the loader remembers, without transactions and clocks."""
    return {
        "batches": rows(
            connection, "SELECT id, loaded_at IS NOT NULL, created FROM migration.history_batches ORDER BY 1"
        ),
        "children": rows(connection, "SELECT batch_id, child, counts FROM migration.history_children ORDER BY 1, 2"),
        "journal": rows(
            connection,
            "SELECT batch_id, document, aura_id, op, root_n, before::text FROM migration.history_journal ORDER BY 1, 2, 3",
        ),
        "placeholders": rows(
            connection, "SELECT source_key, aura_id, xid IS NOT NULL FROM migration.history_placeholders ORDER BY 1, 2"
        ),
        "bodies": rows(connection, "SELECT sha256, batch_id, documents FROM migration.history_bodies ORDER BY 1, 2"),
    }


def wait_for_the_dead(connection: Connection) -> None:
    """The server ends a dead client's transaction when it notices; only then is there something to look at."""
    deadline = time.monotonic() + 120
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    while one(connection, others):
        assert time.monotonic() < deadline, "the server does not notice the death"
        time.sleep(0.01)


def killed_at(prepared: Prepared, what: str, number: int) -> Callable[[str], None]:
    def strike(url: str) -> None:
        process = start(url, prepared.subject, what, str(number))
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL

    return strike


def killed_after(prepared: Prepared, what: str, seconds: float) -> Callable[[str], None]:
    def strike(url: str) -> None:
        process = start(url, prepared.subject, what)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=120)

    return strike


def ends_as_if_never_killed(prepared: Prepared, what: str, strike: Callable[[str], None]) -> None:
    template = prepared.planned if what == "load" else prepared.loaded
    with support.clone(prepared.server, template) as url:
        strike(url)
        with connect(url, autocommit=True) as connection:
            wait_for_the_dead(connection)
            if what == "load":
                whole_batches_only(connection)
                plan_id = one(
                    connection,
                    "SELECT plan_id FROM migration.migrations WHERE id = %s",
                    [prepared.subject.migration_id],
                )
                load_history(url, prepared.subject, plan_id, LOAD_AT)
                assert remembered(connection) == prepared.memory
            else:
                assert undo_history(connection, prepared.subject).kept == []
            assert history_image(connection) == prepared.images[what]


def whole_batches_only(connection: Connection) -> None:
    """Every order stands with its children, and only orders of batches that are signed."""
    stray = "SELECT count(*) FROM aura.orders o LEFT JOIN migration.history_batches b ON b.id = o.history_batch_id WHERE b.xid IS NULL"
    assert one(connection, stray) == 0
    without = (
        "SELECT count(*) FROM aura.orders o WHERE NOT EXISTS (SELECT FROM aura.order_items i WHERE i.order_id = o.id)"
    )
    assert one(connection, without) == 0


def moments(prepared: Prepared, what: str, seed: int, number: int) -> list[Callable[[str], None]]:
    """Seeded moments: three of four at a statement, the others by the clock."""
    dice = random.Random(seed)
    return [
        killed_after(prepared, what, dice.uniform(0, 0.4))
        if n % 4 == 3
        else killed_at(prepared, what, dice.randint(1, prepared.statements[what] - 20))
        for n in range(number)
    ]


def test_a_load_of_history_killed_at_four_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    for strike in moments(prepared, "load", 20260301, 4):
        ends_as_if_never_killed(prepared, "load", strike)


def test_a_rollback_of_history_killed_at_two_moments_goes_on(prepared: Prepared) -> None:
    for strike in moments(prepared, "undo", 7, 2):
        ends_as_if_never_killed(prepared, "undo", strike)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_load_of_history_killed_at_fifty_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    for strike in moments(prepared, "load", 50, 50):
        ends_as_if_never_killed(prepared, "load", strike)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_rollback_of_history_killed_at_twenty_moments_goes_on(prepared: Prepared) -> None:
    for strike in moments(prepared, "undo", 20, 20):
        ends_as_if_never_killed(prepared, "undo", strike)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_server_that_crashes_in_the_middle_of_a_load_loses_only_the_staging(tmp_path: Path) -> None:
    server = support.start_server(tmp_path)
    try:
        url = support.create(server, "crashed", support.make_template(server))
        subject = make_ready(url)
        with connect(url, autocommit=True) as connection:
            plan_id = one(connection, "SELECT plan_id FROM migration.migrations WHERE id = %s", [subject.migration_id])
            before = history_image(connection)
        told: list[int] = []

        def crash(*_: Any) -> None:
            told.append(1)
            if len(told) == 4:
                os.kill(int(next(tmp_path.rglob("postmaster.pid")).read_text().split()[0]), signal.SIGKILL)

        with pytest.raises(psycopg.OperationalError):
            load_history(url, subject, plan_id, LOAD_AT, on_batch=crash)
        embedded.ensure_running(tmp_path)
        with connect(url, autocommit=True) as connection:
            assert (
                0
                < one(
                    connection,
                    "SELECT count(*) FROM migration.history_batches WHERE xid IS NOT NULL AND plan_id = %s",
                    [plan_id],
                )
                < 8
            )
            with pytest.raises(StagingLost):
                load_history(url, subject, plan_id, LOAD_AT)
            stage_again(connection, subject, second_history())
            load_history(url, subject, plan_id, LOAD_AT)
            assert one(connection, "SELECT count(*) FROM aura.orders") == 140
            assert undo_history(connection, subject).kept == []
            assert history_image(connection) == before
    finally:
        embedded.stop(tmp_path)
