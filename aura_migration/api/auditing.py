"""What a request turned out to be, for the audit trail: one row for everything that changes something or was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from aura_migration.api.access.roles import Identity
from aura_migration.migration import audit
from aura_migration.migration.audit import Door, Outcome


@dataclass
class Deed:
    """What a request turned out to be about; endpoints add to it while they work."""

    action: str = ""
    restaurant_id: int | None = None
    integration_id: int | None = None
    migration_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    is_kept_elsewhere: bool = False
    """Whether what succeeded has a row of its own already (a delivered webhook)."""
    is_noted: bool = False
    """Whether a request that changes nothing is to be noted all the same (a look-up)."""
    number: int | None = None
    """Under which it is under way, as ``audit.begin`` gave it; none for what changes nothing."""


def note(
    connection: psycopg.Connection[Any],
    identity: Identity | None,
    deed: Deed,
    outcome: Outcome,
    door: Door = "api",
) -> None:
    """Append to the audit trail what a request turned out to be; it is no longer under way."""
    audit.write(
        connection,
        door,
        identity.name if identity else "nobody",
        deed.action,
        outcome,
        roles=identity.roles if identity else (),
        restaurant_id=deed.restaurant_id,
        integration_id=deed.integration_id,
        migration_id=deed.migration_id,
        detail=deed.detail,
        settles=deed.number,
    )


def outcome_of(status: int) -> Outcome:
    """How a response reads in the trail."""
    return "done" if status < 400 else "refused" if status < 500 else "failed"
