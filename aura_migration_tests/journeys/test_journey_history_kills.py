"""The past of a café on Square, killed anywhere between its first request and its last row, ends as if never interrupted.

Real HTTP, a real database, a bare process per attempt (``killed_journey.py``). Also without the POS for a day, and with
PostgreSQL killed under a load.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.database.connections import connect
from aura_migration.migration import decide
from aura_migration.migration.records import open_migration
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import load_settings
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import connected
from aura_migration_tests.support.worlds import without_pace

PROGRAM = Path(__file__).with_name("killed_journey.py")
PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)
PATIENCE = 60.0
PEOPLE = ("customer", "loyalty", "reward", "gift", "house", "role", "staff", "timecards", "payroll")
ORDERS_ALONE = {
    "history": {"months": 1},
    "excludeEntities": [name for name in ENTITIES if name.startswith(PEOPLE)],
}
Connection = psycopg.Connection[Any]
Image = dict[str, Any]


class Program:
    """The process that carries stages out, each in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        assert self._line() == "ready\n"

    def start(self, at: World, what: str, **more: Any) -> None:
        order = {"environ": at.environ, "migration": at.migration, "what": what, "since": at.since, **more}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._line())
        return found

    def run(self, at: World, what: str, **more: Any) -> dict[str, Any]:
        self.start(at, what, **more)
        return self.answer()

    def done(self, at: World, what: str) -> dict[str, Any]:
        """Run until it ends, which it has to."""
        ended = self.run(at, what)
        assert ended["ended"] == "done", ended
        return ended

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@dataclass(frozen=True)
class World:
    """A database with a migration, and a place for its snapshots."""

    url: str
    folder: Path
    snapshots: Path
    migration: int
    since: str
    now: datetime = NOW

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AURA_DATABASE_URL": self.url,
            "AURA_DATA_DIR": str(self.folder),
            "AURA_SNAPSHOT_URL": str(self.snapshots),
            "AURA_NOW": self.now.isoformat(),
        }

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with connect(self.url, autocommit=True) as connection:
            yield connection

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), arguments).fetchall()

    def one(self, query: str, *arguments: Any) -> Any:
        ((found,),) = self.rows(query, *arguments)
        return found


@dataclass
class Prepared:
    """A connected café and an approved one, each ready to be cloned, and what uninterrupted work makes of them."""

    server: str
    program: Program
    pos: RunningSandbox
    connected: World
    approved: World
    steps: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def world(self, what: str) -> Iterator[World]:
        """A clone of where that work begins. A preview gets an empty store: nothing it misses is there from before."""
        origin = self.connected if what == "preview" else self.approved
        with support.clone(self.server, _name(origin.url)) as url:
            own = origin.folder / f"store{next(self._numbers)}"
            yield replace(origin, url=url, snapshots=own if what == "preview" else origin.snapshots)

    def image(self, at: World, what: str) -> Image:
        return planned_image(at) if what == "preview" else loaded_image(at)


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def prepared_on(server: str, template: str, folder: Path) -> Iterator[Prepared]:
    """Connect a café, preview it, approve; and load a copy of it."""
    with serve("square", "cafe", 1, limits="off") as pos:
        url = support.create(server, f"{template}_connected", template)
        at = World(url, folder, folder / "store", 0, "")
        with without_pace():
            account = connected(load_settings(at.environ), "square", pos.base_url)
        with at.connect() as connection:
            options = parse_options(ORDERS_ALONE)
            migration = open_migration(connection, account.integration, account.locations[0], options)
            now = connection.execute("SELECT clock_timestamp()").fetchone()
            account.workshop.seals(migration.restaurant_id).person("makes the restaurant's key")
        assert now is not None
        at = replace(at, migration=migration.id, since=now[0].isoformat())
        approved = replace(at, url=support.create(server, f"{template}_approved", _name(url)))
        program = Program()
        try:
            found = Prepared(server, program, pos, at, approved)
            measure(found, approved, "preview")
            plan_hash = approved.one("SELECT hash FROM migration.plans WHERE state = 'planned'")
            workshop = replace(account.workshop, settings=load_settings(approved.environ), url=approved.url)
            decide.approve(workshop, migration.id, plan_hash, "test")
            with found.world("load") as loaded:
                measure(found, loaded, "load")
            yield found
        finally:
            program.close()


def measure(prepared: Prepared, at: World, what: str) -> None:
    ended = prepared.program.done(at, what)
    prepared.steps[what], prepared.seconds[what] = ended["steps"], ended["seconds"]
    prepared.images[what] = prepared.image(at, what)


@pytest.fixture(scope="module")
def prepared(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    with prepared_on(postgres_server, template_database, tmp_path_factory.mktemp("kills")) as found:
        yield found


# -- looking ------------------------------------------------------------------------------------------------------------


def planned_image(at: World) -> Image:
    """What a preview leaves: the plan and its hash, certificates, each recorded answer, each staged document.

    Answers by their size: each export seals the persons in them anew. Without cursors, which are of one reading.
    """
    staged = f"staging.history_{at.migration}_documents"
    history = "SELECT s.id FROM migration.snapshots s WHERE s.scope = 'history'"
    return {
        "migration": at.rows("SELECT state, plan_id IS NOT NULL, state_reason FROM migration.migrations"),
        "plans": at.rows(
            "SELECT kind, state, hash, counts, losses, certificates, blockers, history::text FROM migration.plans"
        ),
        "rows": at.rows("SELECT seq, entity, source_key, action, content::text FROM migration.plan_rows ORDER BY 1"),
        "exports": at.rows(
            "SELECT s.scope, s.state, s.span FROM migration.snapshots s JOIN migration.migration_snapshots m "
            "ON m.snapshot_id = s.id AND m.is_current ORDER BY 1"
        ),
        "histories": at.rows(f"SELECT state FROM migration.snapshots WHERE id IN ({history})"),
        "recorded": at.rows(
            "SELECT entity, win, page, method, path, (params - 'cursor')::text, (request_body - 'cursor')::text, rows, size "
            f"FROM migration.snapshot_pages WHERE snapshot_id IN ({history}) ORDER BY 1, 2, 3, 4, 5, 6, 7"
        ),
        "certificates": at.rows(
            f"SELECT entity, certificate::text FROM migration.snapshot_certificates WHERE snapshot_id IN ({history}) ORDER BY 1"
        ),
        "staged": at.rows(
            f"SELECT kind, source_key, version, content_hash, gone, fault, verdict FROM {staged} ORDER BY 1, 2, 3, 4, 7"
        ),
        "batches": at.rows(
            "SELECT batch, entity, jsonb_array_length(bodies), counts::text, loaded_at FROM migration.history_batches ORDER BY 1"
        ),
        "placeholders": at.rows("SELECT source_key, name, price_cents FROM migration.history_placeholders ORDER BY 1"),
        "written": {table: found for table, found in aura(at).items() if found and table != "restaurants"},
    }


def loaded_image(at: World) -> Image:
    """What a load leaves: every row of AuraConnect to the byte, and what is remembered of having written it."""
    told = {
        "migration": "SELECT state, state_reason FROM migration.migrations",
        "plans": "SELECT kind, state, hash, applied_seq FROM migration.plans WHERE kind = 'preview' ORDER BY id",
        "crosswalk": "SELECT entity, source_key, aura_table, aura_id, is_active FROM migration.crosswalk ORDER BY 1, 2",
        "journal": "SELECT seq, aura_table, aura_id, op, after::text FROM migration.journal ORDER BY 1",
        "batches": "SELECT id, loaded_at IS NOT NULL, created FROM migration.history_batches ORDER BY 1",
        "children": "SELECT batch_id, child, counts FROM migration.history_children ORDER BY 1, 2",
        "history_journal": "SELECT batch_id, document, aura_id, op FROM migration.history_journal ORDER BY 1, 2, 3",
        "placeholders": "SELECT source_key, aura_id, xid IS NOT NULL FROM migration.history_placeholders ORDER BY 1",
        "bodies": "SELECT sha256, batch_id, documents FROM migration.history_bodies ORDER BY 1, 2",
        "working tables": "SELECT relname FROM pg_class WHERE relname ~ '^history_[0-9]+_documents$'",
    }
    return {**{what: at.rows(query) for what, query in told.items()}, **aura(at)}


def aura(at: World) -> Image:
    """Every row of every table of AuraConnect as text."""
    tables = at.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'aura' ORDER BY 1")
    with at.connect() as connection:
        return {
            table: [row for (row,) in connection.execute(f"SELECT t::text FROM aura.{table} t ORDER BY 1")]
            for (table,) in tables
        }


def same(found: Image, expected: Image) -> None:
    """Equal, told by the first place in which they differ."""
    for what in expected:
        assert found[what] == expected[what], what
    assert found.keys() == expected.keys()


# -- kills --------------------------------------------------------------------------------------------------------------


def moments(prepared: Prepared, what: str, seed: int, number: int) -> list[dict[str, Any]]:
    """Seeded moments all over the work, by turns at something it writes and by the clock."""
    dice = random.Random(seed)
    return [
        {"seconds": dice.uniform(0.02, prepared.seconds[what])}
        if n % 2
        else {"step": dice.randint(1, prepared.steps[what] - 5)}
        for n in range(number)
    ]


def ends_as_if_never_killed(prepared: Prepared, what: str, moment: dict[str, Any]) -> str:
    with prepared.world(what) as at:
        ended = prepared.program.run(at, what, **moment)
        assert ended["ended"] != "failed", ended
        prepared.program.done(at, what)
        same(prepared.image(at, what), prepared.images[what])
    return str(ended["ended"])


def killed_at(prepared: Prepared, what: str, seed: int, number: int) -> None:
    ended = [ends_as_if_never_killed(prepared, what, moment) for moment in moments(prepared, what, seed, number)]
    # Those by the clock may find the work done; those at a write never do.
    assert ended.count("killed") >= len(ended[::2])


def test_an_extraction_of_a_history_killed_at_five_moments_leads_to_the_same_plan(prepared: Prepared) -> None:
    killed_at(prepared, "preview", 20261001, 5)


def test_a_load_of_a_history_killed_at_five_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    killed_at(prepared, "load", 20261002, 5)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_an_extraction_of_a_history_killed_at_twenty_five_moments_leads_to_the_same_plan(prepared: Prepared) -> None:
    killed_at(prepared, "preview", 25, 25)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_load_of_a_history_killed_at_twenty_five_moments_ends_as_if_never_interrupted(prepared: Prepared) -> None:
    killed_at(prepared, "load", 26, 25)
