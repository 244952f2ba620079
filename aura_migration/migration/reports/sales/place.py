"""Which location of AuraConnect a migration is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from aura_migration.core.errors import Refused
from aura_migration.migration.records import Migration
from aura_migration.migration.states import ENDED


@dataclass(frozen=True)
class Place:
    """A location as reports name it. ``currency`` is ISO 4217, ``timezone`` IANA."""

    restaurant_id: int
    location_id: int
    name: str
    currency: str
    timezone: str


def find_place(connection: psycopg.Connection[Any], migration: Migration) -> Place | None:
    """The location in AuraConnect, or None while nothing of the migration is loaded."""
    row = connection.execute(
        "SELECT l.restaurant_id, l.id, l.name, l.currency, l.timezone FROM migration.crosswalk c JOIN aura.locations l ON l.id = c.aura_id "
        "WHERE c.integration_id = %s AND c.entity = 'locations' AND c.source_key = %s AND c.is_active",
        [migration.integration_id, migration.location_key.partition(":")[2]],
    ).fetchone()
    return Place(*row) if row is not None else None


def require_place(connection: psycopg.Connection[Any], migration: Migration) -> Place:
    """The location in AuraConnect; ``Refused`` while nothing is loaded."""
    place = find_place(connection, migration)
    if place is None:
        if migration.state in ENDED:
            remedy = (
                f"`aura-migration preview {migration.integration_id} --location {migration.location_key}` begins again with a "
                "new migration."
            )
            raise Refused(
                f"AuraConnect holds nothing of {migration.location_key}: migration {migration.id} is "
                f"{migration.state.replace('_', ' ')}.",
                remedy,
            )
        raise Refused(
            f"AuraConnect holds nothing of {migration.location_key} yet: migration {migration.id} is {migration.state}.",
            f"`aura-migration status {migration.id}` says what comes next; `aura-migration run {migration.id}` loads an approved plan.",
        )
    return place
