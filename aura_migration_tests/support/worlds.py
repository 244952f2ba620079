"""Fixtures of journey tests, plugged in once for all folders; and the pace of the tests towards the POS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from aura_migration.pos.clover import calls as clover
from aura_migration.pos.http import client as http
from aura_migration.pos.http.limits import NO_LIMITS, Limit, LimitPolicy
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.square import client as square
from aura_migration.pos.toast import client as toast
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.ports import free_port

BUSINESS_NOW = "2026-03-02T15:00:00+00:00"
TEMPLATE = "aura_with_dagster"
_UNPACED = LimitPolicy((Limit("app", "app {app}", 1000), Limit("token", "token {token}", 1000, concurrency=3)))
"""Clover's own number of concurrent requests stays: it refuses the next one whatever our pace."""
_SOON = 0.05
"""Seconds until the second attempt; the eighth comes after three."""
_seeds = itertools.count(1)


@pytest.fixture(scope="session")
def journey_template(postgres_server: str, template_database: str) -> str:
    """A database with our tables and Dagster's."""
    from dagster_postgres import DagsterPostgresStorage

    DagsterPostgresStorage(support.create(postgres_server, TEMPLATE, template_database), should_autocreate_tables=True)
    return TEMPLATE


@cache
def _pool(server: str, template: str) -> support.Pool:
    return support.Pool(server, template)


def _lift_pace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(square, "LIMITS", NO_LIMITS)
    patch.setattr(toast, "LIMITS", NO_LIMITS)
    patch.setattr(clover, "LIMITS", _UNPACED)
    patch.setattr(http, "RetryPolicy", partial(RetryPolicy, base_delay=_SOON))
    for connector in (toast, clover):
        patch.setattr(connector, "RETRY", replace(connector.RETRY, base_delay=_SOON))


_ours_towards_pos = pytest.MonkeyPatch()


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Our own pace towards the POS, and the waiting between attempts, are lifted for all tests and the fixtures they share.
    What the POS itself advises is kept. Tests of our own pace ask for ``own_pace``.
    """
    _lift_pace(_ours_towards_pos)
    yield
    _ours_towards_pos.undo()


@pytest.fixture
def own_pace(unhurried: None) -> Iterator[None]:
    """The product's own pace, for a test that is about it."""
    _ours_towards_pos.undo()
    yield
    _lift_pace(_ours_towards_pos)


@pytest.fixture
def make_world(postgres_server: str, journey_template: str, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds: a fresh database and data folder each."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make() -> World:
            folder = tmp_path / f"world{next(numbers)}"
            folder.mkdir()
            environ = {
                "AURA_DATABASE_URL": stack.enter_context(_pool(postgres_server, journey_template).database()),
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


class Stages:
    """A café on Square brought through its journey once, kept at each stage: connected, planned, approved, verified.

    A test that starts from a stage gets a copy of its database and a fresh sandbox of the same seed on the same port.
    """

    NAMES = ("connected", "planned", "approved", "verified")
    SEED = 4711

    def __init__(self, server: str, template: str, folder: Path) -> None:
        self._server = server
        self._template = template
        self._folder = folder
        self.port = free_port()
        self.integration = 0
        self.plan: dict[str, Any] = {}
        self._build()

    def _build(self) -> None:
        with support.clone(self._server, self._template) as url, self.sandbox() as sandbox:
            world = self.world(url)
            self.integration = world.connect_account(sandbox)["integration_id"]
            self._keep(url, "connected")
            self.plan = world.preview(self.integration)
            self._keep(url, "planned")
            world.approve(self.plan)
            self._keep(url, "approved")
            world.ok("run", self.plan["migration_id"])
            self._keep(url, "verified")

    def _keep(self, url: str, stage: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        support.create(self._server, f"cafe_{stage}", name)

    def sandbox(self) -> RunningSandbox:
        """The café's POS as it was when the journey began."""
        return serve("square", "cafe", self.SEED, self.port, limits="off")

    def world(self, url: str) -> World:
        """The command on a database."""
        environ = {"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(self._folder / "aura"), "AURA_NOW": BUSINESS_NOW}
        return World(environ, self._folder)

    @contextmanager
    def without_pos(self, stage: str) -> Iterator[World]:
        """The world at that stage, for looking only: its POS is closed."""
        with _pool(self._server, f"cafe_{stage}").database() as url:
            yield self.world(url)

    @contextmanager
    def at(self, stage: str) -> Iterator[Started]:
        """A world at that stage."""
        with _pool(self._server, f"cafe_{stage}").database() as url, self.sandbox() as sandbox:
            yield Started(self.world(url), sandbox, self.integration, dict(self.plan), self.plan.get("migration_id", 0))


@dataclass(frozen=True)
class Started:
    """Where a test begins; ``plan`` and ``migration`` mean something from the stage ``planned`` on."""

    world: World
    pos: RunningSandbox
    integration: int
    plan: dict[str, Any]
    migration: int


@pytest.fixture(scope="session")
def cafe_stages(postgres_server: str, journey_template: str, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The café at each stage of its journey."""
    return _stages(postgres_server, journey_template, tmp_path_factory.getbasetemp())


@cache
def _stages(server: str, template: str, folder: Path) -> Stages:
    place = folder / "cafe"
    place.mkdir()
    return Stages(server, template, place)


@pytest.fixture
def connected(cafe_stages: Stages) -> Iterator[Started]:
    """A café that is connected."""
    with cafe_stages.at("connected") as started:
        yield started


@pytest.fixture
def planned(cafe_stages: Stages) -> Iterator[Started]:
    """A café whose preview waits for approval."""
    with cafe_stages.at("planned") as started:
        yield started


@pytest.fixture
def approved(cafe_stages: Stages) -> Iterator[Started]:
    """A café whose plan is approved."""
    with cafe_stages.at("approved") as started:
        yield started


@pytest.fixture
def verified(cafe_stages: Stages) -> Iterator[Started]:
    """A café that is loaded and verified."""
    with cafe_stages.at("verified") as started:
        yield started


@pytest.fixture
def cafe(open_pos: Callable[..., RunningSandbox]) -> RunningSandbox:
    """A café on Square."""
    return open_pos("square", "cafe")
