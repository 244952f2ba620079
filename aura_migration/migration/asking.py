"""Asking for work: what becomes a request row, and when there is nothing to ask for. Nothing is carried out here.

The API and the console ask; the daemon carries out. (The command line stores the same rows and carries them out itself.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection
from aura_migration.migration import requests, steps
from aura_migration.migration.integrations import Integration, choose_locations
from aura_migration.migration.records import Migration, get_plan, open_migration, require_plannable
from aura_migration.migration.requests import Request
from aura_migration.migration.spans import require_past
from aura_migration.migration.states import UNDOABLE
from aura_migration.migration.workshop import Workshop

NOTHING_TO_START = {
    "verified": "nothing: it is migrated and proven",
    "empty": "nothing: the POS has nothing on its menu and knows nobody",
    "loaded": "verify: it is loaded",
    "loading": "wait: it is being loaded",
    "rolling_back": "wait: it is being rolled back; where that has stopped, roll back again",
}
"""State → what is next, where a start has nothing to ask for."""


@dataclass(frozen=True)
class Asked:
    """What was asked for one location. ``request_id`` None: nothing can be carried out before a person acts."""

    migration_id: int
    location: str
    asked_for: str
    """Kind of the request, or who has to act first: ``approval``, ``decisions``; or ``nothing``."""
    request_id: int | None
    next: str


def ask_preview(
    workshop: Workshop,
    connection: Connection,
    integration: Integration,
    keys: Sequence[str],
    options: MigrationOptions | None,
    by: str,
) -> list[Asked]:
    """A preview of each location (all active ones unless named); a migration row is made where there is none."""
    _require_connected(integration)
    if options is not None:
        require_past(options.history, workshop.now())
    with connection.transaction():  # of all locations, or of none
        found = [
            open_migration(connection, integration, location, None)
            for location in choose_locations(connection, integration.id, tuple(keys))
        ]
        for migration in found:
            require_plannable(migration)
        return [_preview(connection, migration, options, by) for migration in found]


def ask_start(
    workshop: Workshop,
    connection: Connection,
    integration: Integration,
    keys: Sequence[str],
    options: MigrationOptions | None,
    by: str,
) -> list[Asked]:
    """The next thing to do of each location: its run where the plan is approved, else its preview; options ask for a preview.

    What is under way already is told, never asked for again.
    """
    _require_connected(integration)
    if options is not None:
        return ask_preview(workshop, connection, integration, keys, options, by)
    with connection.transaction():  # of all locations, or of none
        return [
            _next_of(connection, open_migration(connection, integration, location, None), by)
            for location in choose_locations(connection, integration.id, tuple(keys))
        ]


def _next_of(connection: Connection, migration: Migration, by: str) -> Asked:
    stored = get_plan(connection, migration.plan_id) if migration.plan_id is not None else None
    under_way = requests.open_request(connection, migration.location_key)
    if under_way is not None:
        return Asked(
            migration.id, migration.location_key, under_way.kind, under_way.id, "it is under way: follow its progress"
        )
    if migration.standing == "planned" and stored is not None and not stored["blockers"]:
        undecided = sum(counts["conflict"] for counts in stored["counts"].values())
        told = f"decide {undecided} conflicts" if undecided else f"approve plan {stored['hash']}"
        return Asked(migration.id, migration.location_key, "decisions" if undecided else "approval", None, told)
    if migration.standing == "approved" or _is_interrupted(migration, stored):
        return _told(ask_run(connection, migration, by), migration, "run", "follow its progress")
    if migration.standing in NOTHING_TO_START:
        return Asked(migration.id, migration.location_key, "nothing", None, NOTHING_TO_START[migration.standing])
    require_plannable(migration)
    return _preview(connection, migration, None, by)


def ask_run(
    connection: Connection, migration: Migration, by: str, *, as_approved: bool = False, until: str | None = None
) -> Request:
    """The load of the approved plan, or of its next part: up to the end of a step of ``steps.STEPS``."""
    steps.require_reached(connection, migration, steps.before(until) if until else None)
    options: dict[str, Any] = {"as_approved": as_approved} if as_approved else {}
    return ask(connection, "run", migration, by, {**options, **({"until": until} if until else {})})


def ask_replan(connection: Connection, migration: Migration, by: str) -> Request:
    """Planning the pinned snapshot again, with what the caller's transaction decides: a plan being made now would miss it."""
    if migration.plan_id is None:
        raise Refused(f"Migration {migration.id} has no plan.", "Preview it first.")
    request = ask(connection, "replan", migration, by, {})
    # Held until the caller has committed: whoever claims the request afterwards reads the decisions.
    row = connection.execute("SELECT state FROM migration.requests WHERE id = %s FOR UPDATE", [request.id]).fetchone()
    if row is None or row[0] != "pending":
        raise Refused(
            f"Migration {migration.id} is being planned again (request {request.id}); what is decided now would come too late.",
            "Wait for its end, then decide.",
            request_id=request.id,
        )
    return request


def ask_verify(connection: Connection, migration: Migration, by: str) -> Request:
    """Judging what stands, again."""
    if migration.standing not in ("loaded", "verified", "empty"):
        raise Refused(
            f"Migration {migration.id} is {migration.standing}; nothing of it is loaded that could be verified.",
            "Its status says what can be done next.",
        )
    return ask(connection, "verify", migration, by, {})


def ask_rollback(
    connection: Connection, migration: Migration, by: str, edited: Literal["keep", "undo"], reason: str = ""
) -> Request:
    """Taking the load back. The reason is kept with the change of state."""
    if migration.state not in UNDOABLE:
        raise Refused(
            f"Migration {migration.id} is {migration.state}; there is nothing to roll back.",
            "Its status says what can be done next.",
        )
    options = {"edited": edited, **({"reason": reason} if reason else {})}
    return ask(connection, "rollback", migration, by, options)


def ask(connection: Connection, kind: str, migration: Migration, by: str, options: dict[str, Any]) -> Request:
    """Store a request; one that asks the same and is open is joined, one that asks something else is waited for."""
    request = requests.submit(
        connection, kind, migration.integration_id, migration.location_key, migration.id, by, options
    )
    if not request.asks_for(migration.id, options):
        raise Refused(
            f"A {kind} of {migration.location_key} with other options is under way (request {request.id}, asked by {request.requested_by}).",
            "Wait for its end, then ask again.",
            request_id=request.id,
        )
    return request


def last_request(connection: Connection, migration_id: int) -> dict[str, Any] | None:
    """The newest request about a migration: ``{"id", "kind", "state", "by", "at", "dagster_run_id", "problem"}``.

    ``problem`` says why it failed, as an error of the API would: ``{"title", "detail", "remedy", …}``.
    """
    row = connection.execute(
        "SELECT id, kind, state, requested_by, requested_at, dagster_run_id, CASE WHEN state = 'failed' THEN result END "
        "FROM migration.requests WHERE migration_id = %s ORDER BY id DESC LIMIT 1",
        [migration_id],
    ).fetchone()
    if row is None:
        return None
    names = ("id", "kind", "state", "by", "at", "dagster_run_id")
    found = dict(zip(names, row, strict=False))
    return {**found, "at": row[4].isoformat(), "problem": _as_problem(row[6]) if row[6] is not None else None}


def _as_problem(result: dict[str, Any]) -> dict[str, Any]:
    said = {"title": result.get("error", "Failed"), "detail": result.get("what", "It failed.")}
    rest = {name: value for name, value in result.items() if name not in ("error", "what", "exit_code")}
    return {**said, "remedy": "", **rest}


def _preview(connection: Connection, migration: Migration, options: MigrationOptions | None, by: str) -> Asked:
    asked: dict[str, Any] = {"fresh_since": datetime.now(UTC).isoformat()}
    if options is not None:
        asked["options"] = options.model_dump(mode="json", by_alias=True)
    # A preview that was asked for before the row was made names no migration: it is the same preview.
    return _told(
        ask(connection, "preview", migration, by, asked), migration, "preview", "wait for the plan, then approve it"
    )


def _told(request: Request, migration: Migration, what: str, then: str) -> Asked:
    return Asked(migration.id, migration.location_key, what, request.id, then)


def _is_interrupted(migration: Migration, stored: dict[str, Any] | None) -> bool:
    return stored is not None and stored["state"] == "loading" and migration.standing in ("paused", "failed")


def _require_connected(integration: Integration) -> None:
    if integration.status != "connected":
        raise Refused(
            f"Integration {integration.id} is {integration.status}: {integration.status_reason or 'no reason given'}.",
            "Connect the account again.",
        )
