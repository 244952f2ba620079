"""Restaurants of the scenario ``rules``, loaded by plain function calls: their rules of business, and orders charged by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aura_migration.archive.reader import SnapshotReader
from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.migration import decide, stages
from aura_migration.migration.extraction import pinned
from aura_migration.migration.records import get_migration
from aura_migration.pos.clover.rules_witness import rules as clover
from aura_migration.pos.square.rules_witness import rules as square
from aura_migration.pos.toast.rules_witness import rules as toast
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import load_settings
from aura_migration.verify.rules import RulesVerdict, verify_rules
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import Connected, connected, previewed

NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)
WITNESSES: dict[str, Callable[..., Any]] = {"square": square, "toast": toast, "clover": clover}
TABLES = tuple(entity.table for entity in RULE_ENTITIES)


@dataclass(frozen=True)
class Loaded:
    """A restaurant of scenario ``rules``, loaded and not yet verified."""

    at: Connected
    migration_id: int

    def judged(self, statement: str = "") -> RulesVerdict:
        """The verdict about the rules after a statement that is taken back."""
        witness = WITNESSES[self.at.integration.pos]
        with self.at.workshop.connect() as connection:
            migration = get_migration(connection, self.migration_id)
            reader = SnapshotReader(*pinned(connection, self.migration_id), cipher=self.at.workshop.persons)
            facts = witness(reader, self.at.locations[0].source.source_id, "USD")
            with connection.transaction(force_rollback=True):
                if statement:
                    assert connection.execute(statement.encode()).rowcount >= 1, statement
                return verify_rules(connection, migration.subject, migration.plan_id, facts, ())

    def one(self, query: str) -> tuple[Any, ...]:
        """The first row of a query."""
        with self.at.workshop.connect() as connection:
            found = connection.execute(query.encode()).fetchone()
            assert found is not None
            return tuple(found)

    def rows(self) -> int:
        """How many rules AuraConnect holds."""
        return sum(self.one(f"SELECT count(*) FROM aura.{table}")[0] for table in TABLES)


@contextmanager
def loaded_rules(
    pos: str, server: str, template: str, folder: Path, months: int, *, confirm_inferred: bool = False, **scenario: Any
) -> Iterator[Loaded]:
    """The scenario's restaurant with that many months of its past, in a database of its own; its POS stays open."""
    with support.clone(server, template) as url, serve(pos, "rules", limits="off", **scenario) as sandbox:
        settings = load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder), "AURA_NOW": NOW.isoformat()})
        at = connected(settings, pos, sandbox.base_url)
        migration_id, plan = previewed(at, options=MigrationOptions(history=HistoryOptions(months=months)))
        decide.approve(at.workshop, migration_id, plan.hash, "test", "", confirm_inferred=confirm_inferred)
        stages.load(at.workshop, migration_id, "test")
        yield Loaded(at, migration_id)
