"""The past of a café on Square, killed anywhere between its first request and its last row, ends as if never interrupted.

Real HTTP, a real database, a bare process per attempt (``killed_journey.py``). Also without the POS for a day, and with
PostgreSQL killed under a load.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.database import embedded
from aura_migration.database.connections import connect
from aura_migration.migration import decide
from aura_migration.migration.records import open_migration
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import load_settings
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import connected, control
from aura_migration_tests.support.ports import free_port

PROGRAM = Path(__file__).with_name("killed_journey.py")
PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)
PATIENCE = 300.0
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

    def execute(self, statement: str) -> None:
        with self.connect() as connection:
            connection.execute(statement.encode())

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
    images: dict[str, Image] = field(default_factory=dict, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

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
    with serve("square", "cafe", 1, free_port(), limits="off") as pos:
        url = support.create(server, f"{template}_connected", template)
        at = World(url, folder, folder / "store", 0, "")
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
            assert min(len(found.images["load"][table]) for table in ("orders", "payments", "payouts", "refunds")) > 5
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

    Answers by their size: each export seals the persons in them anew. Without cursors, which are of one reading, and
    without examples of losses, which are the first that were read.
    """
    staged = f"staging.history_{at.migration}_documents"
    history = "SELECT s.id FROM migration.snapshots s WHERE s.scope = 'history'"
    told = {
        "migration": "SELECT state, plan_id IS NOT NULL, state_reason FROM migration.migrations",
        "plans": (
            "SELECT kind, state, hash, counts, (SELECT jsonb_agg(l - 'examples') FROM jsonb_array_elements(losses) l), "
            "certificates, blockers, history::text FROM migration.plans"
        ),
        "rows": "SELECT seq, entity, source_key, action, content::text FROM migration.plan_rows ORDER BY 1",
        "exports": (
            "SELECT s.scope, s.state, s.span FROM migration.snapshots s JOIN migration.migration_snapshots m "
            "ON m.snapshot_id = s.id AND m.is_current ORDER BY 1"
        ),
        "histories": f"SELECT state FROM migration.snapshots WHERE id IN ({history})",
        "recorded": (
            "SELECT entity, win, page, method, path, (params - 'cursor')::text, (request_body - 'cursor')::text, rows, size "
            f"FROM migration.snapshot_pages WHERE snapshot_id IN ({history}) ORDER BY 1, 2, 3, 4, 5, 6, 7"
        ),
        "certificates": (
            f"SELECT entity, certificate::text FROM migration.snapshot_certificates WHERE snapshot_id IN ({history}) ORDER BY 1"
        ),
        "staged": (
            f"SELECT kind, source_key, version, content_hash, gone, fault, verdict FROM {staged} ORDER BY 1, 2, 3, 4, 7"
        ),
        "batches": (
            "SELECT batch, entity, jsonb_array_length(bodies), counts::text, loaded_at FROM migration.history_batches ORDER BY 1"
        ),
        "placeholders": "SELECT source_key, name, price_cents FROM migration.history_placeholders ORDER BY 1",
    }
    image = looked(at, told)
    # An empty restaurant is all there is in AuraConnect.
    return {name: rows for name, rows in image.items() if name in told or (rows and name != "restaurants")}


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
    return looked(at, told)


def looked(at: World, told: dict[str, str]) -> Image:
    """The answers to these queries, and every row of every table of AuraConnect as text."""
    with at.connect() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'aura'").fetchall()
        told = told | {table: f"SELECT t::text FROM aura.{table} t ORDER BY 1" for (table,) in tables}
        return {what: connection.execute(query.encode()).fetchall() for what, query in told.items()}


def same(found: Image, expected: Image, of: str) -> None:
    """Equal, told by the first place in which they differ."""
    for what in expected:
        assert found[what] == expected[what], f"{of}: {what}"
    assert found.keys() == expected.keys()


# -- kills --------------------------------------------------------------------------------------------------------------


def moments(prepared: Prepared, what: str, seed: int, number: int) -> list[list[dict[str, Any]]]:
    """Seeded moments all over the work, by turns at something it writes and by the clock; every fifth time two of them."""
    dice = random.Random(seed)

    def by_clock(share: float = 1.0) -> dict[str, Any]:
        return {"seconds": dice.uniform(0.02, share * prepared.seconds[what])}

    def at_a_write() -> dict[str, Any]:
        return {"step": dice.randint(1, prepared.steps[what] - 20)}

    return [[by_clock() if n % 2 else at_a_write(), *([by_clock(0.5)] if n % 5 == 4 else [])] for n in range(number)]


def ends_as_if_never_killed(prepared: Prepared, what: str, strikes: list[dict[str, Any]]) -> str:
    """How the first attempt ended."""
    with prepared.world(what) as at:
        attempts = [prepared.program.run(at, what, **moment) for moment in strikes]
        assert "failed" not in [ended["ended"] for ended in attempts], (strikes, attempts)
        prepared.program.done(at, what)
        same(prepared.image(at, what), prepared.images[what], f"{what} killed at {strikes}")
    return str(attempts[0]["ended"])


def killed_at(prepared: Prepared, what: str, seed: int, number: int) -> None:
    ended = [ends_as_if_never_killed(prepared, what, strikes) for strikes in moments(prepared, what, seed, number)]
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


# -- the POS is away ------------------------------------------------------------------------------------------------------


def test_a_pos_that_is_away_for_a_day_costs_only_the_windows_that_were_not_complete(prepared: Prepared) -> None:
    with prepared.world("preview") as at:
        pos = prepared.pos
        # The fourth request for payments and all later ones find no answer until the POS is gone.
        control(pos.base_url, "POST", "faults", {"kind": "slow", "match": "^/v2/payments", "after": 3, "seconds": 600})
        control(pos.base_url, "DELETE", "requests")
        prepared.program.start(at, "preview")
        until(
            "other lists are read, payments in part", lambda: {e for _, e, *_ in at.rows(COMPLETE)} >= COMPLETE_BY_THEN
        )
        pos.close()
        ended = prepared.program.answer()
        assert ended["ended"] == "failed" and ended["said"].startswith("Unreachable"), ended
        assert at.one("SELECT state FROM migration.migrations") == "failed"
        assert at.rows("SELECT state FROM migration.snapshots WHERE scope = 'history'") == [("open",)]
        kept = at.rows(COMPLETE)
        assert at.one("SELECT count(*) FROM migration.snapshot_certificates WHERE entity = 'payments'") == 0

        prepared.pos = RunningSandbox(pos.pos_app, pos.port)
        tomorrow = replace(at, now=NOW + timedelta(days=1))
        prepared.program.done(tomorrow, "preview")
        same(planned_image(at), prepared.images["preview"], "the POS away")
        now = at.rows(COMPLETE)
        assert set(kept) < set(now), "complete windows stand as they were recorded"
        answered = asked(pos) + asked(prepared.pos)
        times = {str(page): answered[page_of(*page)] for page in by_get(kept)}
        # Entries of all payouts are recorded as one page under a name of their own, which is never asked for.
        assert {page: count for page, count in times.items() if count > 1} == {}
        assert sum(times.values()) >= len(times) / 2, "the comparison would see what is asked for twice"


COMPLETE_BY_THEN = {"orders", "payments", "payouts", "cash_drawer_shifts"}
COMPLETE = """
    SELECT p.seq, p.entity, p.win, p.page, p.sha256, p.method, p.path, p.params::text FROM migration.snapshots s
    JOIN migration.snapshot_windows w ON w.snapshot_id = s.id
    JOIN migration.snapshot_pages p ON p.snapshot_id = s.id AND p.entity = w.entity AND p.win = w.win
    WHERE s.scope = 'history' ORDER BY p.seq
"""


def by_get(pages: list[tuple[Any, ...]]) -> list[tuple[str, str]]:
    return [(path, params) for *_, method, path, params in pages if method == "GET"]


def page_of(path: str, params: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """What a recorded page was asked for with; the version goes as a header."""
    sent = {name: str(value) for name, value in json.loads(params).items() if name != "square-version"}
    return path, frozenset(sent.items())


def asked(pos: RunningSandbox) -> Counter[tuple[str, frozenset[tuple[str, str]]]]:
    """How often each page was asked for with GET, and answered."""
    return Counter(
        (one["path"], frozenset(parse_qsl(one["query"])))
        for one in pos.app.state.log.entries
        if one["method"] == "GET" and one["complete"]
    )


def until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.02)


# -- PostgreSQL is killed -------------------------------------------------------------------------------------------------


@pytest.mark.soak
def test_a_server_killed_under_the_load_of_a_history_loses_the_working_tables_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    server = support.start_server(folder)
    try:
        with (
            prepared_on(server, support.make_template(server), tmp_path / "aura") as prepared,
            prepared.world("load") as at,
        ):
            # A copied database has the sequences as they stand, not as they are logged ahead: without this a crash takes
            # numbers back that were given out since.
            at.execute("CHECKPOINT")
            with held_at_payments(at) as holder:
                prepared.program.start(at, "load")
                loaded = "SELECT count(*) FROM migration.history_batches WHERE loaded_at IS NOT NULL"
                until("orders are loaded, payments are not", lambda: at.one(loaded) > 0 and at.one(WAITING) > 0)
                holder.execute("SELECT pg_logical_emit_message(true, 'test', 'what was committed before is on disk')")
                postmaster = embedded.status(folder).pid
                assert postmaster is not None
                os.kill(postmaster, signal.SIGKILL)
                ended = prepared.program.answer()
                assert ended["ended"] == "failed", ended
            embedded.ensure_running(folder)
            assert 0 < at.one(loaded) < at.one("SELECT count(*) FROM migration.history_batches")
            assert at.one(f"SELECT count(*) FROM staging.history_{at.migration}_batches") == 0
            assert at.one("SELECT state FROM migration.migrations") == "loading"
            at.execute("DROP FUNCTION public.stand_still CASCADE")
            control(prepared.pos.base_url, "DELETE", "requests")
            prepared.program.done(at, "load")
            same(loaded_image(at), prepared.images["load"], "the server killed")
            assert control(prepared.pos.base_url, "GET", "requests")["requests"] == [], "staged again from the snapshot"
    finally:
        embedded.stop(folder)


HELD = 4242
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND NOT granted"


@contextmanager
def held_at_payments(at: World) -> Iterator[Connection]:
    """Whoever writes a payment waits, by a trigger, for a lock of ours."""
    with suppress(psycopg.OperationalError), connect(at.url, autocommit=True) as holder:
        holder.execute(
            "CREATE FUNCTION public.stand_still() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_advisory_xact_lock({HELD}); RETURN NEW; END $$"
        )
        holder.execute(
            "CREATE TRIGGER stand_still BEFORE INSERT ON aura.payments FOR EACH ROW EXECUTE FUNCTION public.stand_still()"
        )
        holder.execute("SELECT pg_advisory_lock(%s)", [HELD])
        yield holder
