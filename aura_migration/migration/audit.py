"""The audit trail: who did or tried what, by which door. Rows are only ever added; the database refuses anything else.

Details carry no secrets and no values of persons: what was asked, by id and number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

Door = Literal["api", "console", "cli", "system"]
Outcome = Literal["done", "refused", "failed"]


def write(
    connection: psycopg.Connection[Any],
    door: Door,
    actor: str,
    action: str,
    outcome: Outcome,
    *,
    roles: Iterable[str] = (),
    restaurant_id: int | None = None,
    integration_id: int | None = None,
    migration_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append one row."""
    connection.execute(
        "INSERT INTO migration.audit_trail (actor, roles, door, action, outcome, restaurant_id, integration_id, migration_id, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            actor,
            sorted(roles),
            door,
            action,
            outcome,
            restaurant_id,
            integration_id,
            migration_id,
            Jsonb(dict(detail or {})),
        ],
    )
