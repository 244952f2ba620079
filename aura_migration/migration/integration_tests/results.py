"""What an integration test answers, and how it is stored: begun before anything is written to the POS, settled after.

A row that was begun and never settled is the trace of a run that was killed: what it may have left at the POS stands in its
evidence, and the next run cleans it up first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from aura_migration.database.connections import Connection

READ_ONLY = "not provable with read-only credentials"
NAMES = ("order_flow", "inventory_from_pos", "inventory_to_pos", "payments", "reporting")
UNSETTLED = ("asked", "written")
"""Where the evidence of a test stands as long as something of it may be left at the POS."""


@dataclass(frozen=True)
class TestResult:
    """One test. ``passed`` None: it cannot be proven with the rights (or the data) there are; ``value`` says why."""

    __test__ = False

    name: str
    passed: bool | None
    value: str
    remedy: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "passed": self.passed,
            "value": self.value,
            "remedy": self.remedy,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Unsettled:
    """A test that was begun and never settled, of whichever migration of the location."""

    id: int
    name: str
    evidence: dict[str, Any]
    began_at: datetime


def begin(
    connection: Connection, migration_id: int, name: str, evidence: Mapping[str, Any], at: datetime, by: str
) -> int:
    """Note, durably on return, that something is about to be written to the POS; the row's id."""
    row = connection.execute(
        "INSERT INTO migration.integration_tests (migration_id, name, passed, value, evidence, ran_at, ran_by) "
        "VALUES (%s, %s, NULL, 'under way', %s, %s, %s) RETURNING id",
        [migration_id, name, Jsonb({**evidence, "state": "asked"}), at, by],
    ).fetchone()
    assert row is not None
    return int(row[0])


def note(connection: Connection, row_id: int, evidence: Mapping[str, Any]) -> None:
    """Add to the evidence of a test that is under way."""
    connection.execute(
        "UPDATE migration.integration_tests SET evidence = evidence || %s WHERE id = %s",
        [Jsonb(dict(evidence)), row_id],
    )


def settle(connection: Connection, row_id: int, result: TestResult) -> None:
    """Store the answer of a test that was begun."""
    connection.execute(
        "UPDATE migration.integration_tests SET passed = %s, value = %s, remedy = %s, evidence = evidence || %s WHERE id = %s",
        [result.passed, result.value, result.remedy, Jsonb(dict(result.evidence)), row_id],
    )


def store(connection: Connection, migration_id: int, result: TestResult, at: datetime, by: str) -> None:
    """Store the answer of a test that writes nothing."""
    connection.execute(
        "INSERT INTO migration.integration_tests (migration_id, name, passed, value, remedy, evidence, ran_at, ran_by) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [migration_id, result.name, result.passed, result.value, result.remedy, Jsonb(dict(result.evidence)), at, by],
    )


def unsettled(connection: Connection, location_key: str) -> list[Unsettled]:
    """What earlier runs may have left at the POS of this location, oldest first."""
    rows = connection.execute(
        "SELECT t.id, t.name, t.evidence, t.ran_at FROM migration.integration_tests t "
        "JOIN migration.migrations m ON m.id = t.migration_id "
        "WHERE m.location_key = %s AND t.evidence ->> 'state' = ANY(%s) ORDER BY t.id",
        [location_key, list(UNSETTLED)],
    ).fetchall()
    return [Unsettled(*row) for row in rows]
