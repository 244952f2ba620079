"""The audit trail: who did or tried what, by which door. Rows are only ever added; the database refuses anything else.

Details carry no secrets and no values of persons: what was asked, by id and number. What a program asks for over HTTP is noted as
under way before it is begun, and taken out of there by the very statement that says what became of it. So a process that is killed
in between loses nothing: :func:`tell_interrupted` moves what it left behind to the trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

Door = Literal["api", "console", "cli", "system"]
Outcome = Literal["done", "refused", "failed"]
LONGEST_DEED = timedelta(minutes=10)
"""A deed that is under way for longer is taken for one whose process died; should it end after all, the trail has both rows."""


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
    settles: int | None = None,
) -> None:
    """Append one row; ``settles`` is the number that :func:`begin` gave the deed, which is no longer under way from then on."""
    connection.execute(
        "WITH settled AS (DELETE FROM migration.deeds_under_way WHERE id = %s) "
        "INSERT INTO migration.audit_trail (actor, roles, door, action, outcome, restaurant_id, integration_id, migration_id, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            settles,
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


def begin(connection: psycopg.Connection[Any], door: Door, actor: str, roles: Iterable[str], request: str) -> int:
    """Note that somebody asks for something, before it is begun; the number settles it (:func:`write`, :func:`forget`)."""
    row = connection.execute(
        "INSERT INTO migration.deeds_under_way (door, actor, roles, request) VALUES (%s, %s, %s, %s) RETURNING id",
        [door, actor, sorted(roles), request],
    ).fetchone()
    assert row is not None
    return int(row[0])


def forget(connection: psycopg.Connection[Any], number: int) -> None:
    """A deed that ended and needs no row in the trail."""
    connection.execute("DELETE FROM migration.deeds_under_way WHERE id = %s", [number])


def tell_interrupted(connection: psycopg.Connection[Any], older_than: timedelta = LONGEST_DEED) -> int:
    """Move deeds whose process died to the trail; how many. What they changed is told by the rows of the migration itself."""
    return connection.execute(
        "WITH left_behind AS (DELETE FROM migration.deeds_under_way WHERE begun_at <= clock_timestamp() - %s RETURNING *) "
        "INSERT INTO migration.audit_trail (actor, roles, door, action, outcome, detail) "
        "SELECT actor, roles, door, request, 'failed', "
        "jsonb_build_object('interrupted', true, 'begun_at', begun_at) FROM left_behind ORDER BY id",
        [older_than],
    ).rowcount
