"""The audit trail: one row for everything that changes something or was refused, written whatever the endpoint does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.api.access.roles import Identity


@dataclass
class Deed:
    """What a request turned out to be about; endpoints add to it while they work."""

    action: str = ""
    restaurant_id: int | None = None
    integration_id: int | None = None
    migration_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    is_noted: bool = False
    """Whether a request that changes nothing is to be noted all the same (a look-up)."""


def note(
    connection: psycopg.Connection[Any],
    identity: Identity | None,
    deed: Deed,
    outcome: str,
    door: str = "api",
) -> None:
    """Append to the audit trail. ``outcome``: done, refused or failed."""
    connection.execute(
        "INSERT INTO migration.audit_trail (actor, roles, door, action, outcome, restaurant_id, integration_id, migration_id, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            identity.name if identity else "nobody",
            sorted(identity.roles) if identity else [],
            door,
            deed.action,
            outcome,
            deed.restaurant_id,
            deed.integration_id,
            deed.migration_id,
            Jsonb(deed.detail),
        ],
    )


def outcome_of(status: int) -> str:
    """How a response reads in the trail."""
    return "done" if status < 400 else "refused" if status < 500 else "failed"
