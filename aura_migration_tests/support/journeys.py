"""Taking a location through the stages by plain function calls, against a stand-in POS and a real database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.migration import stages
from aura_migration.migration.integrations import Integration, KnownLocation, connect_account
from aura_migration.migration.records import open_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import StoredPlan
from aura_migration.settings import Settings

A_MONTH = MigrationOptions(history=HistoryOptions(months=1))
"""For journeys that are not about orders: where nothing was sold a year costs its windows all the same."""


@dataclass(frozen=True)
class Connected:
    """A connected stand-in."""

    workshop: Workshop
    base_url: str
    integration: Integration
    locations: list[KnownLocation]


def control(base_url: str, verb: str, path: str, body: Any = None) -> Any:
    """Use the stand-in's control surface."""
    answer = httpx.request(verb, f"{base_url}/_control/{path}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def connected(settings: Settings, pos: str, base_url: str, name: str = "Test restaurant") -> Connected:
    """Connect the stand-in's default account."""
    workshop = Workshop(settings, str(settings.database_url))
    document = control(base_url, "GET", "credentials")["default"]
    integration, locations = connect_account(workshop, pos, base_url, document, name)
    return Connected(workshop, base_url, integration, locations)


def previewed(at: Connected, number: int = 0, options: MigrationOptions | None = None) -> tuple[int, StoredPlan]:
    """Preview one location; returns the migration's id and its plan."""
    with at.workshop.connect() as connection:
        migration = open_migration(connection, at.integration, at.locations[number], options)
    with stages.locked(at.workshop, at.locations[number].key):
        stages.extract(at.workshop, migration.id, datetime.now(UTC), "test")
        stages.canonicalise(at.workshop, migration.id, "test")
        return migration.id, stages.plan(at.workshop, migration.id, "test")
