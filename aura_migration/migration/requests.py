"""Requests: what CLI, console and API ask for, as rows. A row is claimed once, by whoever carries it out.

The CLI claims its own row as it stores it and works in process; a Dagster sensor launches runs only for rows nobody has
claimed, and the run claims its row before it does anything else. So every request is carried out exactly once, also
after either side was down. A second open request of the same kind for a location joins the first.

Whoever carries requests out holds a session lock under its name (``present``): a claimed request whose claimant's lock
is free belongs to a dead process.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import Refused
from aura_migration.database.connections import held_lock, is_locked

UNCOMPARED = ("fresh_since", "onboarding", "reason")
"""Request options that may differ when one request joins another: they change nothing of the answer."""


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
    requested_at: datetime
    claimed_by: str | None
    dagster_run_id: str | None
    result: dict[str, Any] | None

    @property
    def run_key(self) -> str:
        """Names the one run of this request; the instant keeps it unique if the database is ever made anew."""
        return f"request-{self.id}-{self.requested_at:%Y%m%dT%H%M%S%f}"

    def asks_for(self, migration_id: int | None, options: dict[str, Any]) -> bool:
        """Whether this request would do what the given one asks."""
        mine = {k: v for k, v in self.options.items() if k not in UNCOMPARED}
        theirs = {k: v for k, v in options.items() if k not in UNCOMPARED}
        return mine == theirs and self.migration_id in (None, migration_id)


_COLUMNS = (
    "id, kind, integration_id, location_key, migration_id, options, state, requested_by, requested_at, claimed_by, "
    "dagster_run_id, result"
)


def new_claimant() -> str:
    """How one command of ours names itself on a request: unique, and telling where to look for it."""
    return f"cli:{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def presence_lock(claimant: str) -> str:
    """The session lock a claimant holds while it lives."""
    return f"aura:claimant:{claimant}"


@contextmanager
def present(url: str, claimant: str) -> Iterator[bool]:
    """Be present under a claimant's name for the block; False when another process already is."""
    with held_lock(url, presence_lock(claimant), application_name=f"aura-migration {claimant}"[:63]) as is_mine:
        yield is_mine


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
    """Store a request; an open one of the same kind for the location is returned instead. ``claim_as`` claims it at once.

    Whether the open one answers the same question, the caller asks it (``asks_for``).
    """
    wanted = options or {}
    while True:
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
                    "options": Jsonb(wanted),
                    "by": by,
                    "claim": claim_as,
                },
            ).fetchone()
            if row is not None:
                return get_request(connection, int(row[0]))
            open_one = connection.execute(
                "SELECT id FROM migration.requests WHERE location_key = %s AND kind = %s AND state IN ('pending', 'claimed')",
                [location_key, kind],
            ).fetchone()
        if open_one is not None:  # else it ended between the two statements: store ours
            return get_request(connection, int(open_one[0]))


def get_request(connection: psycopg.Connection[Any], request_id: int) -> Request:
    """A request by id."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        found = cursor.execute(f"SELECT {_COLUMNS} FROM migration.requests WHERE id = %s", [request_id]).fetchone()
    if found is None:
        raise Refused(
            f"Request {request_id} does not exist.", "Runs are started by requests: preview, run or rollback."
        )
    return found


def open_request(connection: psycopg.Connection[Any], location_key: str) -> Request | None:
    """The newest request about a location that has not ended."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.requests WHERE location_key = %s AND state IN ('pending', 'claimed') "
            "ORDER BY id DESC LIMIT 1",
            [location_key],
        ).fetchone()


def in_state(connection: psycopg.Connection[Any], state: str, limit: int = 50) -> list[Request]:
    """Requests in a state (``pending``: nobody has claimed them yet), oldest first."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.requests WHERE state = %s ORDER BY id LIMIT %s", [state, limit]
        ).fetchall()


def abandoned(connection: psycopg.Connection[Any]) -> list[Request]:
    """Claimed requests whose claimant is no longer present."""
    return [
        request
        for request in in_state(connection, "claimed", limit=1000)
        if not is_locked(connection, presence_lock(str(request.claimed_by)))
    ]


def claim(connection: psycopg.Connection[Any], request_id: int, by: str, run_id: str | None = None) -> bool:
    """Claim a pending request; False when somebody else has. Claiming one's own again is True."""
    row = connection.execute(
        "UPDATE migration.requests SET state = 'claimed', claimed_by = %(by)s, claimed_at = now(), dagster_run_id = %(run)s "
        "WHERE id = %(id)s AND (state = 'pending' OR state = 'claimed' AND claimed_by = %(by)s) RETURNING id",
        {"id": request_id, "by": by, "run": run_id},
    ).fetchone()
    return row is not None


def attach(connection: psycopg.Connection[Any], request_id: int, migration_id: int) -> None:
    """Note which migration a request turned out to be about."""
    connection.execute(
        "UPDATE migration.requests SET migration_id = %s WHERE id = %s AND migration_id IS NULL",
        [migration_id, request_id],
    )


def finish(connection: psycopg.Connection[Any], request_id: int, result: dict[str, Any], failed: bool = False) -> None:
    """Note how an open request ended; one that has already ended keeps its end."""
    connection.execute(
        "UPDATE migration.requests SET state = %s, finished_at = now(), result = %s "
        "WHERE id = %s AND state IN ('pending', 'claimed')",
        ["failed" if failed else "done", Jsonb(result), request_id],
    )
