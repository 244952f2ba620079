"""People of every POS's sandbox through the whole way of the data: what was read, mapped, staged, planned and loaded agrees
with what the witness reads by itself, and one change in AuraConnect is still seen."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef, SnapshotStore, open_snapshot
from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.persons import stage_people
from aura_migration.canonical.stage import stage_rows
from aura_migration.database.connections import connect
from aura_migration.load.apply import apply_plan
from aura_migration.plan.planner import Subject, build_plan
from aura_migration.pos import registry
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account, HistorySpan, SourceLocation
from aura_migration.sandbox.core.server import serve
from aura_migration.verify.people import PeopleVerdict, verify_people
from aura_migration_tests.support import database as support
from aura_migration_tests.support.ciphers import MemoryCipher, PlainSeals
from aura_migration_tests.verify.people_support import blocking
from aura_migration_tests.verify.verify_support import NOW, open_restaurant

Connection = psycopg.Connection[Any]
AUTUMN = datetime(2026, 10, 1, 9, tzinfo=UTC)
A_YEAR = HistorySpan(AUTUMN - timedelta(days=365), AUTUMN)
_numbers = itertools.count(1)
SCENARIOS = [("square", "diner"), ("clover", "diner"), ("toast", "diner")]


class Unsuppressed:
    """A suppression list nobody is on."""

    def hash(self, what: str, text: str, of: str = "customers") -> str:
        """A hash that is on no list."""
        return f"{of}:{what}:{text}"


@dataclass
class Place:
    """One location of a sandbox, read, and the restaurant it is loaded into."""

    connection: Connection
    pos: str
    reader: SnapshotReader
    location: SourceLocation

    def load(self, options: MigrationOptions) -> Callable[[], PeopleVerdict]:
        """Stage, plan, approve and load into a new restaurant; returns how it is judged."""
        opened = open_restaurant(self.connection, f"L{next(_numbers)}").subject
        key = f"{self.pos}:{self.location.source_id}"
        subject = Subject(opened.migration_id, opened.integration_id, opened.restaurant_id, key, self.pos)
        run = self.connection.execute
        run("UPDATE migration.integrations SET pos = %s WHERE id = %s", [self.pos, subject.integration_id])
        run(
            "INSERT INTO migration.locations SELECT %s, integration_id, restaurant_id, %s, name, facts FROM migration.locations "
            "WHERE key = %s ON CONFLICT (key) DO UPDATE SET integration_id = excluded.integration_id, "
            "restaurant_id = excluded.restaurant_id",
            [key, self.location.source_id, opened.location_key],
        )
        run("UPDATE migration.migrations SET state = 'cancelled' WHERE location_key = %s", [key])
        run("UPDATE migration.migrations SET location_key = %s WHERE id = %s", [key, subject.migration_id])
        connector = registry.connector(self.pos)
        batches = connector.map_people(self.reader, self.location, PlainSeals())
        suppressed: Any = Unsuppressed()
        stage_rows(self.connection, subject.migration_id, connector.map_menu(self.reader, self.location), options)
        stage_people(self.connection, subject.migration_id, batches, options, region="US", suppressed=suppressed)
        plan = build_plan(self.connection, subject, ALL_ENTITIES, options)
        run("UPDATE migration.plans SET state = 'approved', approved_at = now() WHERE id = %s", [plan.plan_id])
        run(
            "UPDATE migration.migrations SET state = 'loading', load_at = %s WHERE id = %s", [NOW, subject.migration_id]
        )
        apply_plan(self.connection, subject, plan.plan_id, ENTITIES, NOW)
        return lambda: verify_people(
            self.connection,
            subject,
            self.reader,
            self.location.source_id,
            self.location.currency,
            plan.plan_id,
            options,
            NOW,
            seals=PlainSeals(),
        )


def extract(connection: Connection, pos: str, scenario: str, folder: Path) -> Place:
    """Read the first location of a scenario, and what belongs to its merchant."""
    connector = registry.connector(pos)
    cipher, store = MemoryCipher(), SnapshotStore(str(folder))
    options: dict[str, Any] = {"limits": "off"} if pos == "clover" else {}
    with serve(pos, scenario, **options) as sandbox:
        document = httpx.get(f"{sandbox.control_url}/credentials", timeout=60).json()["default"]

        async def read() -> tuple[SourceLocation, list[SnapshotRef]]:
            async with Buckets.in_memory() as buckets:
                access = MemoryStore(1, connector.parse_credentials(document))
                async with connector.open(Account(1, sandbox.base_url, access, buckets)) as session:
                    place = (await session.discover()).locations[0]
                    refs = []
                    for scope, location, span in (
                        ("merchant", None, None),
                        ("location", place.source_id, None),
                        ("history", place.source_id, A_YEAR),
                    ):
                        # Of orders and money only what tells of people, which is so with Toast.
                        names = [
                            entity.name
                            for entity in connector.source_entities
                            if entity.scope == scope and (span is None or "customers" in entity.feeds)
                        ]
                        if not names:
                            continue
                        with open_snapshot(
                            connection,
                            store,
                            integration_id=1,
                            pos=pos,
                            scope=scope,  # type: ignore[arg-type]
                            location_key=f"{pos}:{location}" if location else None,
                            taken_at=AUTUMN,
                            redaction=connector.redaction,
                            cipher=cipher,
                        ) as recorder:
                            await session.extract(recorder, scope, location, names, span)  # type: ignore[arg-type]
                            refs.append(recorder.finish())
                    return place, refs

        place, refs = asyncio.run(read())
    return Place(connection, pos, SnapshotReader(*refs, cipher=cipher), place)


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda pair: "-".join(pair))
def account(
    request: pytest.FixtureRequest,
    postgres_server: str,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    pos, scenario = request.param
    with (
        support.clone(postgres_server, template_database) as url,
        connect(url, autocommit=True, application_name="test") as connection,
    ):
        yield extract(connection, pos, scenario, tmp_path_factory.mktemp(pos))


def unexplained(verdict: PeopleVerdict) -> list[tuple[Any, ...]]:
    """What blocks, with all that is told of it."""
    return [
        (f.check_name, f.entity, f.source_key, f.expected, f.actual, f.cause) for f in verdict.findings if f.is_blocking
    ]


def test_people_that_went_the_whole_way_agree_with_the_pos(account: Place) -> None:
    judge = account.load(MigrationOptions())
    verdict = judge()
    assert unexplained(verdict) == []
    measured = {gate.name: gate.passed for gate in verdict.gates}
    assert measured["customers_accounted"] is measured["consent_respected"] is measured["staff_accounted"] is True
    assert measured["loyalty_conserved"] is (True if account.pos == "square" else None)
    assert verdict.metrics["customers_accounted_pct"] == verdict.metrics["staff_accounted_pct"] == 100.0
    moved = account.connection.execute(
        "UPDATE aura.attendance_logs SET check_in = check_in + interval '1 minute' WHERE id = (SELECT max(id) FROM aura.attendance_logs)"
    )
    assert moved.rowcount == 1
    assert {check for check, _, _ in blocking(judge())} == {"staff_accounted"}


def test_what_the_options_leave_out_or_convert_is_explained_exactly(account: Place) -> None:
    people = {
        "requireConsent": "marketing",
        "loyalty": {"multiply": "0.35", "rounding": "half_up", "cap": 90},
        "staff": {"includeWages": False},
    }
    verdict = account.load(MigrationOptions.model_validate({"people": people}))()
    assert unexplained(verdict) == []
    assert verdict.metrics["skipped_by_policy"] > 0
    if account.pos == "square":
        assert verdict.accepted > 0, "converted balances are listed"
        assert verdict.metrics["loyalty_points_diff"] == 0
