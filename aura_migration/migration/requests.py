"""Requests: what CLI, console and API ask for, as rows. A row is claimed once, by whoever carries it out.

The CLI claims its own row and works in process; a Dagster sensor launches runs only for rows nobody has claimed, and the
run claims its row before it does anything else. So every request is carried out exactly once, also after either side
was down. A second open request of the same kind for a location joins the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import Refused


@dataclass(frozen=True)
class Request:
    """One request row."""

    id: int
    kind: str
    integration_id: int
    location_key: str
    migration_id: int | None
    options: dict[str, Any]
    state: str
    requested_by: str
    claimed_by: str | None
    result: dict[str, Any] | None


_COLUMNS = "id, kind, integration_id, location_key, migration_id, options, state, requested_by, claimed_by, result"


def submit(
    connection: psycopg.Connection[Any],
    kind: str,
    integration_id: int,
    location_key: str,
    migration_id: int | None,
    by: str,
    options: dict[str, Any] | None = None,
    claim_as: str | None = None,
) -> Request:
    """Store a request; an open one of the same kind for the location is returned instead. ``claim_as`` claims it at once."""
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO migration.requests (kind, integration_id, location_key, migration_id, options, requested_by, state, claimed_by, claimed_at) "
            "VALUES (%(kind)s, %(integration)s, %(location)s, %(migration)s, %(options)s, %(by)s, "
            "CASE WHEN %(claim)s::text IS NULL THEN 'pending' ELSE 'claimed' END, %(claim)s, "
            "CASE WHEN %(claim)s::text IS NOT NULL THEN now() END) "
            "ON CONFLICT (location_key, kind) WHERE state IN ('pending', 'claimed') DO NOTHING RETURNING id",
            {
                "kind": kind,
                "integration": integration_id,
                "location": location_key,
                "migration": migration_id,
                "options": Jsonb(options or {}),
                "by": by,
                "claim": claim_as,
            },
        ).fetchone()
        if row is not None:
            return get_request(connection, int(row[0]))
        joined = connection.execute(
            "SELECT id FROM migration.requests WHERE location_key = %s AND kind = %s AND state IN ('pending', 'claimed')",
            [location_key, kind],
        ).fetchone()
    if joined is None:  # it ended between the two statements
        return submit(connection, kind, integration_id, location_key, migration_id, by, options, claim_as)
    return get_request(connection, int(joined[0]))


def get_request(connection: psycopg.Connection[Any], request_id: int) -> Request:
    """A request by id."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        found = cursor.execute(f"SELECT {_COLUMNS} FROM migration.requests WHERE id = %s", [request_id]).fetchone()
    if found is None:
        raise Refused(
            f"Request {request_id} does not exist.", "Runs are started by requests: preview, run or rollback."
        )
    return found


def pending(connection: psycopg.Connection[Any], limit: int = 50) -> list[Request]:
    """Requests nobody has claimed, oldest first."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.requests WHERE state = 'pending' ORDER BY id LIMIT %s", [limit]
        ).fetchall()


def claim(connection: psycopg.Connection[Any], request_id: int, by: str, run_id: str | None = None) -> bool:
    """Claim a pending request; False when somebody else has. Claiming one's own again is True."""
    row = connection.execute(
        "UPDATE migration.requests SET state = 'claimed', claimed_by = %(by)s, claimed_at = now(), dagster_run_id = %(run)s "
        "WHERE id = %(id)s AND (state = 'pending' OR state = 'claimed' AND claimed_by = %(by)s) RETURNING id",
        {"id": request_id, "by": by, "run": run_id},
    ).fetchone()
    return row is not None


def finish(connection: psycopg.Connection[Any], request_id: int, result: dict[str, Any], failed: bool = False) -> None:
    """Note how a claimed request ended."""
    connection.execute(
        "UPDATE migration.requests SET state = %s, finished_at = now(), result = %s WHERE id = %s AND state = 'claimed'",
        ["failed" if failed else "done", Jsonb(result), request_id],
    )
