"""A load killed at any moment and resumed ends identical, byte for byte, to one that was never interrupted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.database.connections import connect
from aura_migration.load.undo import image_of_schema
from aura_migration.migration import decide
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import load_settings
from aura_migration_tests.load import killed_loader
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import connected, previewed

ROOT = Path(killed_loader.__file__).parents[2]
TABLES = tuple(dict.fromkeys(entity.table for entity in MENU_ENTITIES))
KILLS_PER_LOAD = 5


@dataclass(frozen=True)
class Approved:
    """A template database with an approved plan, what it looks like when loaded, and how long a load takes."""

    server: str
    template: str
    image: str
    bookkeeping: tuple[int, ...]
    seconds: float


@pytest.fixture(scope="module")
def approved(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Approved]:
    """Preview and approve the diner once; clones of that database are what loaders are killed on."""
    name = "approved_diner"
    support.create(postgres_server, name, template_database)
    url = support.sibling(postgres_server, name)
    environment = {
        "AURA_DATABASE_URL": url,
        "AURA_DATA_DIR": str(tmp_path_factory.mktemp("kills")),
        "AURA_NOW": "2026-03-02T15:00:00Z",
    }
    with ExitStack() as stack:
        stack.callback(support.drop, postgres_server, name)
        with serve("square", "diner", seed=5, limits="off") as sandbox:
            at = connected(load_settings(environment), "square", sandbox.base_url)
            migration_id, plan = previewed(at)
            decide.approve(at.workshop, migration_id, plan.hash, "test")
        with connect(url, autocommit=True) as connection:
            connection.execute("UPDATE migration.migrations SET state = 'loading'")
            connection.execute("UPDATE migration.plans SET state = 'loading'")
        bare = Approved(postgres_server, name, "", (), 0.0)
        with support.clone(postgres_server, name) as whole:
            seconds = _killed_after(whole, None)
            yield replace(bare, image=_image(whole), bookkeeping=_bookkeeping(whole), seconds=seconds)


def _image(url: str) -> str:
    with connect(url, autocommit=True) as connection:
        return image_of_schema(connection, TABLES)


def _bookkeeping(url: str) -> tuple[int, ...]:
    """How many journal entries, crosswalk rows and claims a load leaves: none twice, none missing."""
    with connect(url, autocommit=True) as connection:
        rows = [
            connection.execute(f"SELECT count(*) FROM migration.{t}").fetchone()
            for t in ("journal", "crosswalk", "claims")
        ]
        return tuple(int(row[0]) for row in rows if row is not None)


def _killed_after(url: str, seconds: float | None) -> float:
    """Run a bare loader; kill it so long after it is connected (None: let it end). Returns how long it ran."""
    loader = subprocess.Popen(
        [sys.executable, "-m", killed_loader.__name__, url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert loader.stdout is not None and loader.stdout.readline() == "ready\n"
    started = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        loader.send_signal(signal.SIGKILL)
    loader.wait()
    loader.stdout.close()
    if seconds is None:
        assert loader.returncode == 0
    return time.monotonic() - started


def _survives(approved: Approved, seed: int, kills: int) -> None:
    moments = random.Random(seed)
    with support.clone(approved.server, approved.template) as url:
        for _ in range(kills):
            _killed_after(url, moments.uniform(0, approved.seconds / 2))
        killed_loader.load(url)
        assert _image(url) == approved.image
        assert _bookkeeping(url) == approved.bookkeeping


@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_killed_at_random_moments_and_resumed_ends_as_if_never_killed(approved: Approved, seed: int) -> None:
    _survives(approved, seed, KILLS_PER_LOAD)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_fifty_kills_of_loads_leave_no_trace(approved: Approved, seed: int) -> None:
    _survives(approved, seed, KILLS_PER_LOAD)


def test_a_load_that_is_run_again_after_its_end_changes_nothing(approved: Approved) -> None:
    with support.clone(approved.server, approved.template) as url:
        killed_loader.load(url)
        killed_loader.load(url)
        assert _image(url) == approved.image
        assert _bookkeeping(url) == approved.bookkeeping
