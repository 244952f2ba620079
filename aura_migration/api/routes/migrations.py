"""Migrations: list them, and where one stands."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from aura_migration.api.depends import Number, Viewer
from aura_migration.api.models import After, Document, Limit, Page
from aura_migration.migration.described import describe_migration

router = APIRouter(prefix="/pos", tags=["migrations"])


class MigrationLine(BaseModel):
    """One location's journey in a list."""

    migration_id: int = Field(examples=[7])
    integration_id: int = Field(examples=[1])
    location: str = Field(examples=["square:LH2NB9Q5KYZ8M"])
    state: str = Field(examples=["planned"])
    reason: str = Field(examples=[""])
    asked_for: str | None = Field(
        description="what is waiting to be carried out or under way: preview, replan, run, verify, rollback, …",
        examples=["run"],
    )
    failed_gates: list[str] = Field(
        description="what the last verification of a load did not let pass; empty in every other state", examples=[[]]
    )


@router.get("/migrations", name="list migrations")
def list_migrations(
    caller: Viewer, integration_id: int | None = None, after: After = 0, limit: Limit = 100
) -> Page[MigrationLine]:
    """Migrations in scope, newest first. ``after`` is the id of the last one seen."""
    with caller.connect() as connection:
        rows = connection.execute(
            "SELECT id, integration_id, location_key, state, state_reason, (SELECT r.kind FROM migration.requests r "
            "WHERE r.state IN ('pending', 'claimed') AND (r.migration_id = m.id "
            "OR r.migration_id IS NULL AND r.location_key = m.location_key) ORDER BY r.id LIMIT 1), "
            "ARRAY(SELECT g.name FROM migration.gates g WHERE g.migration_id = m.id AND NOT g.passed AND m.state = 'loaded' "
            "ORDER BY g.name) FROM migration.migrations m "
            "WHERE (%(restaurants)s::bigint[] IS NULL OR restaurant_id = ANY(%(restaurants)s)) "
            "AND (%(integration)s::bigint IS NULL OR integration_id = %(integration)s) "
            "AND (%(after)s = 0 OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s + 1",
            {"restaurants": caller.restaurants, "integration": integration_id, "after": after, "limit": limit},
        ).fetchall()
    items = [
        MigrationLine(
            migration_id=r[0],
            integration_id=r[1],
            location=r[2],
            state=r[3],
            reason=r[4],
            asked_for=r[5],
            failed_gates=r[6],
        )
        for r in rows[:limit]
    ]
    return Page(items=items, next_after=items[-1].migration_id if len(rows) > limit else None)


@router.get("/migration/status/{migration_id}", name="status")
def status(caller: Viewer, migration_id: Number) -> Document:
    """Where a migration stands: state, plan, progress, gates, open decisions, what can be done next."""
    caller.state.sweep_now_and_then()
    with caller.connect() as connection:
        return describe_migration(caller.workshop, connection, caller.migration(connection, migration_id))
