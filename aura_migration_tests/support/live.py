"""A café that was migrated and now trades in both systems: its window is open, and days pass as a test wants them to.

The café of each POS is brought that far once per test process (`LivePrepared`) and copied for each test: a database from a
template, a folder, and a sandbox of the same seed on the same port. Two worlds of one POS are not open at the same time.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aura_migration.archive.reader import SnapshotReader
from aura_migration.canonical.options import HistoryOptions, MigrationOptions, ReplayOptions
from aura_migration.canonical.window import WindowPolicy
from aura_migration.database.connections import Connection
from aura_migration.migration import decide, stages
from aura_migration.migration.extraction import pinned
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.window.following import Followed, follow
from aura_migration.migration.window.opening import get_window, open_window
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.books import Book, set_owner
from aura_migration.reconcile.day import DayVerdict, PosReading, judge_day
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.sandbox.live.causes import inject as put_difference
from aura_migration.sandbox.live.counter import Counter
from aura_migration.sandbox.live.hours import Hours
from aura_migration.sandbox.live.ledger import Injected
from aura_migration.sandbox.live.till import Till
from aura_migration.sandbox.live.timeline import Timeline
from aura_migration.sandbox.live.trading import LiveRestaurant, TradingDay
from aura_migration.settings import load_settings
from aura_migration.verify.orders import day_rule
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import connected, control, previewed
from aura_migration_tests.support.ports import free_port

START = datetime(2026, 10, 1, 15, tzinfo=UTC)
"""When the café is migrated and its window opens; the histories of the sandboxes end shortly before."""
FIRST_DAY = date(2026, 10, 2)
"""The first whole business date of the window."""
CLOSEOUT = "04:00"
OPTIONS = MigrationOptions(history=HistoryOptions(months=1, closeout=CLOSEOUT))
OF_CHAINS = OPTIONS.model_copy(update={"replay": ReplayOptions(orders=0)})
"""Some orders in the histories of chains were charged as no rule of theirs says; these are for tests of days, not of replay."""
CONTACT = {"name": "Ada", "phone": "+1 555 0100"}


@dataclass(frozen=True)
class LivePrepared:
    """Restaurants of a POS with their windows open: a template database, its folder, and the port their POS is found at."""

    pos: str
    server: str
    template: str
    folder: Path
    port: int
    migrations: tuple[int, ...]
    seed: int
    locations: int

    def sandbox(self) -> RunningSandbox:
        """The POS as it was when the windows opened."""
        return _serve(self.pos, self.seed, self.port, self.locations)

    @contextmanager
    def worlds(self, seed: int = 1) -> Iterator[list[LiveWorld]]:
        """A copy of them, for one test: a world for each location. ``seed`` decides what guests order."""
        folder = self.folder.parent / f"{self.template}-{next(_numbers)}"
        shutil.copytree(self.folder, folder)
        with (
            support.clone(self.server, self.template) as url,
            self.sandbox() as sandbox,
            ExitStack() as stack,
        ):
            workshop = _workshop(url, folder)
            connection = stack.enter_context(workshop.connect())
            made: list[LiveWorld] = []
            for place, migration in enumerate(self.migrations):
                timeline = made[0].restaurant.timeline if made else None
                made.append(LiveWorld(workshop, connection, sandbox, migration, seed + place, timeline))
                stack.callback(made[-1].restaurant.counter.close)
            yield made
        shutil.rmtree(folder)

    @contextmanager
    def world(self, seed: int = 1) -> Iterator[LiveWorld]:
        """The same of its first location."""
        with self.worlds(seed) as worlds:
            yield worlds[0]


_numbers = itertools.count(1)


@pytest.fixture
def open_live(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., LiveWorld]]:
    """Opens cafés that trade in both systems: ``open_live("square")``. For the conftest of a folder, or a test module."""
    with ExitStack() as stack:

        def opened(pos: str = "square", seed: int = 1) -> LiveWorld:
            made = prepared(postgres_server, template_database, tmp_path_factory.getbasetemp() / "live", pos)
            return stack.enter_context(made.world(seed))

        yield opened


def prepared(
    server: str, template: str, folder: Path, pos: str = "square", seed: int = 1, locations: int = 0
) -> LivePrepared:
    """The café of that POS and seed, or a chain of so many ``locations``, made on first use. ``template``: a database with our
    tables and no rows.
    """
    return _prepared(server, template, folder, pos, seed, locations)


@cache
def _prepared(server: str, template: str, folder: Path, pos: str, seed: int, locations: int) -> LivePrepared:
    name, port = f"live_{pos}_{seed}_{locations}", free_port()
    place = folder / name
    place.mkdir(parents=True)
    migrations = []
    with support.clone(server, template) as url, _serve(pos, seed, port, locations) as sandbox:
        workshop = _workshop(url, place)
        at = connected(workshop.settings, pos, sandbox.base_url)
        for number, location in enumerate(at.locations):
            migration_id, plan = previewed(at, number, OF_CHAINS if locations else OPTIONS)
            decide.approve(at.workshop, migration_id, plan.hash, "test", confirm_inferred=True)
            with stages.locked(at.workshop, location.key):
                stages.load(at.workshop, migration_id, "test")
            verdict = stages.verify(at.workshop, migration_id, "test")
            assert verdict.passed, [gate for gate in verdict.gates if gate.passed is False]
            open_window(at.workshop, migration_id, "test", first_day=FIRST_DAY, contact=CONTACT)
            migrations.append(migration_id)
        support.create(server, name, url.partition("?")[0].rpartition("/")[2])
    return LivePrepared(pos, server, name, place, port, tuple(migrations), seed, locations)


def _serve(pos: str, seed: int, port: int, locations: int = 0) -> RunningSandbox:
    """Toast without a history of its own: it was charged by rules that Toast's own configuration does not hold, and a replay
    says so. Its guests have some orders all the same.
    """
    more = {"locations": locations} if locations else {}
    return serve(pos, "chain" if locations else "cafe", seed, port, limits="off", now=START.isoformat(), **more)


def _workshop(url: str, folder: Path) -> Workshop:
    settings = load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder), "AURA_NOW": START.isoformat()})
    return Workshop(settings, url)


class LiveWorld:
    """The café while both systems run. Days pass by `day`; the product follows by `follow`.

    ``restaurant`` is the café itself (its ``ledger`` holds the known truth), ``workshop`` the product's view of it.
    """

    def __init__(
        self,
        workshop: Workshop,
        connection: Connection,
        sandbox: RunningSandbox,
        migration_id: int,
        seed: int = 1,
        timeline: Timeline | None = None,
    ) -> None:
        self.workshop = workshop
        self.connection = connection
        self.sandbox = sandbox
        self.migration_id = migration_id
        rule = self.rule
        hours = Hours(ZoneInfo(rule.timezone), rule.closeout)
        till = Till(connection, self.location_id, hours)
        counter = Counter(sandbox.control_url, self.migration.subject.location_source_id)
        self.restaurant = LiveRestaurant(till, counter, seed, timeline)

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def migration(self) -> Migration:
        """The migration as it stands."""
        return get_migration(self.connection, self.migration_id)

    @property
    def location_key(self) -> str:
        """``pos:source-id``."""
        return self.migration.location_key

    @property
    def location_id(self) -> int:
        """AuraConnect's location."""
        row = self.connection.execute(
            "SELECT aura_id FROM migration.crosswalk WHERE entity = 'locations' AND source_key = %s",
            [self.migration.subject.location_source_id],
        ).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def rule(self) -> DayRule:
        """How its days are told."""
        return day_rule(self.connection, self.migration.subject, self.options)

    @property
    def options(self) -> MigrationOptions:
        """The options of the migration."""
        return self.migration.parsed_options

    @property
    def policy(self) -> WindowPolicy:
        """The policy of its window."""
        return get_window(self.connection, self.migration_id).rules

    @property
    def currency(self) -> str:
        """The currency of its amounts."""
        return self.restaurant.till.menu.currency

    def reader(self) -> SnapshotReader:
        """What was read of the POS so far."""
        return SnapshotReader(*pinned(self.connection, self.migration_id), cipher=self.workshop.persons)

    @property
    def now(self) -> datetime:
        """The instant at the café: the POS's clock."""
        return self.restaurant.counter.now

    def at(self, now: datetime | None = None) -> Workshop:
        """The workshop at an instant of business time, by default the café's."""
        return replace(self.workshop, settings=replace(self.workshop.settings, now=now or self.now))

    def judge(self, day: date, now: datetime | None = None) -> DayVerdict:
        """The verdict on a date at an instant (by default the café's), on what was read up to the last following."""
        read_until = self.one(
            "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND outcome IN ('nothing', 'applied', 'waiting')",
            self.migration_id,
        )
        subject = self.migration.subject
        reading = PosReading(
            subject.pos, self.reader(), subject.location_source_id, self.currency, self.rule, read_until
        )
        return judge_day(self.connection, subject, reading, self.policy, day, now or self.now)

    # -- what happens ------------------------------------------------------------------------------------------------

    def day(
        self,
        day: date,
        orders: int = 20,
        inject: Sequence[str] = (),
        *,
        follows: bool = True,
        setup: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Let a business date pass and, unless told otherwise, be followed once it may be judged; its known truth.

        ``inject`` names causes (see ``sandbox.live.causes``), ``more`` are fields of `TradingDay`. A following takes two
        seconds, with ``setup`` (menu, people, rules) three: of many days (`days`) only some need one.
        """
        plan = TradingDay(day, orders, **more)
        for cause in inject:
            put_difference(self.restaurant, cause, day)
        self.restaurant.trade(plan)
        if follows:
            self.wait_until(self.judged_at(day))
            self.follow(setup=setup)
        return self.restaurant.ledger.day(day)

    def days(
        self,
        first: date,
        count: int,
        orders: int = 20,
        inject: Mapping[date, Sequence[str]] | None = None,
        *,
        follow_every: int = 7,
        **more: Any,
    ) -> dict[str, dict[str, Any]]:
        """Let so many business dates pass, followed after every few of them and after the last; the known truth."""
        for number in range(count):
            day = first + timedelta(days=number)
            is_followed = number == count - 1 or (number + 1) % follow_every == 0
            self.day(day, orders, (inject or {}).get(day, ()), follows=is_followed, **more)
        return self.truth()

    def judged_at(self, day: date) -> datetime:
        """The first instant at which a date may be judged."""
        settle = timedelta(minutes=self.policy.days.settle_minutes)
        return self.restaurant.hours.closes(day) + settle + timedelta(minutes=1)

    def final_at(self, day: date) -> datetime:
        """The first instant at which its verdict is final."""
        return self.judged_at(day) + timedelta(days=self.policy.days.grace_days)

    def wait_until(self, at: datetime) -> None:
        """Let time pass at the café."""
        self.restaurant.wait_until(at)

    def follow(self, now: datetime | None = None, **more: Any) -> Followed:
        """Read the POS and bring AuraConnect up to it; copies that are to be spoiled are spoiled then."""
        done = follow(self.workshop, self.migration_id, "test", now or self.now, **more)
        self.restaurant.followed()
        return done

    def own(self, channel: str, book: Book, at: datetime, reason: str = "a test says so") -> None:
        """Hand a channel over at an instant without the ceremony of a switch: books, AuraConnect's doors and the café's guests."""
        set_owner(self.connection, self.location_key, channel, book, at, self.migration_id, "test", reason)
        self.connection.execute(
            "UPDATE aura.channel_status SET accepts = %s, changed_at = %s WHERE location_id = %s AND channel = %s",
            [book == "auraconnect", at, self.location_id, channel],
        )
        self.restaurant.own(channel, book, at)

    def connect_as(self, variant: str) -> None:
        """Other credentials of the same account: ``read_only``."""
        answer = control(self.sandbox.base_url, "GET", "credentials")
        connector = self.workshop.connector(self.migration.subject.pos)
        document = connector.parse_credentials(answer["variants"][variant])
        self.workshop.credentials.replace(self.migration.integration_id, document, None)

    def open_doors(self, channel: str = "in_house") -> None:
        """Let AuraConnect take orders of a channel that the POS still owns, as a restaurant would that tries it out."""
        self.connection.execute(
            "UPDATE aura.channel_status SET accepts = true WHERE location_id = %s AND channel = %s",
            [self.location_id, channel],
        )

    @property
    def injected(self) -> list[Injected]:
        """Every difference that was put there."""
        return self.restaurant.ledger.injected

    def truth(self) -> dict[str, dict[str, Any]]:
        """The known truth by business date."""
        return self.restaurant.ledger.truth()

    def one(self, query: str, *arguments: Any) -> Any:
        """The first row of a query, its value where it has one column."""
        row = self.connection.execute(query.encode(), arguments).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(query.encode(), arguments).fetchall()
