"""What a migration stands on and what was found: planned changes, findings, gates, losses, scorecard, replay, days, snapshots."""

from __future__ import annotations

import mimetypes
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from aura_migration.api.depends import Admin, Number, Operator, Viewer
from aura_migration.api.models import After, Document, Limit, Page
from aura_migration.api.problems import NotFound
from aura_migration.core.errors import Refused
from aura_migration.migration import evidence, inspect
from aura_migration.migration.records import latest_report
from aura_migration.migration.reports import KINDS, write_report
from aura_migration.migration.reports.files import PAGE, folder_of, written

router = APIRouter(prefix="/pos/migrations/{migration_id}", tags=["evidence"])
trail = APIRouter(prefix="/pos", tags=["audit trail"])
Word = Annotated[str | None, Query(max_length=100)]


class Days(BaseModel):
    """Figures of each business day on both sides, in minor units or numbers."""

    metrics: list[str] = Field(examples=[["gross_sales", "net_sales"]])
    days: list[Document]


class Listed(BaseModel):
    """A list that is short enough to be whole."""

    items: list[Document]


@router.get("/plan-rows", name="planned changes")
def plan_rows(
    caller: Viewer,
    migration_id: Number,
    entity: Word = None,
    action: Annotated[list[str] | None, Query(max_length=7)] = None,
    text: Word = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[Document]:
    """Every planned change of the present plan in the order of writing, both sides beside each other; persons masked."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        found = evidence.plan_rows(
            connection, migration, entity=entity, actions=action or (), text=text, after=after, limit=limit + 1
        )
    return _page(found, limit, "seq")


@router.get("/findings", name="findings")
def findings(
    caller: Viewer,
    migration_id: Number,
    check: Word = None,
    entity: Word = None,
    is_blocking: bool | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[Document]:
    """Differences that the verdict found, with their cause where there is one."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        found = evidence.findings(
            connection, migration_id, check=check, entity=entity, is_blocking=is_blocking, after=after, limit=limit + 1
        )
    return _page(found, limit, "id")


@router.get("/gates", name="gates")
def gates(caller: Viewer, migration_id: Number) -> Listed:
    """Every gate: yes, no or not measured, with its number, its age and the evidence."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return Listed(items=evidence.gates(connection, migration_id))


@router.get("/history", name="history")
def history(caller: Viewer, migration_id: Number, after: After = 0, limit: Limit = 100) -> Page[Document]:
    """Every change of state with who and why, oldest first."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return _page(evidence.history(connection, migration_id, after=after, limit=limit + 1), limit, "id")


@router.get("/losses", name="losses")
def losses(caller: Viewer, migration_id: Number) -> Document:
    """Every source field without a home in AuraConnect, with counts and, where there is any, money."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        if latest_report(connection, migration.integration_id, migration.location_key, "losses") is None:
            raise Refused(f"Migration {migration_id} has no loss report yet.", "Preview it first.")
    return inspect.losses(caller.workshop, migration_id)


@router.get("/scorecard", name="scorecard")
def scorecard(caller: Viewer, migration_id: Number) -> Document:
    """The newest scorecard; 404 before the first verification."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        found = evidence.scorecard(connection, migration_id)
    if found is None:
        raise NotFound(f"Migration {migration_id} has no scorecard yet.", "Load and verify it first.")
    return found


@router.get("/replays", name="order replays")
def replays(caller: Viewer, migration_id: Number, limit: Limit = 10) -> Listed:
    """Past orders rung up again: figures of the newest replays, and what differs in clusters, most money first."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return Listed(items=evidence.replays(connection, migration_id, limit=limit))


@router.get("/days", name="daily sales")
def days(
    caller: Viewer, migration_id: Number, metric: Word = None, since: date | None = None, until: date | None = None
) -> Days:
    """Daily figures of the POS beside AuraConnect's and, where it was handed over, the POS's own report."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return Days(
            metrics=evidence.metrics_of_days(connection, migration_id),
            days=evidence.days(connection, migration_id, metric=metric, since=since, until=until),
        )


@router.get("/snapshots", name="snapshots")
def snapshots(caller: Viewer, migration_id: Number) -> Listed:
    """The snapshots the migration stands on, with the certificate of each entity. Bodies are not handed out."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return Listed(items=evidence.snapshots(connection, migration_id))


@router.get("/report", name="report files")
def report_files(caller: Viewer, migration_id: Number) -> Listed:
    """Which files of the report are there, with when they were written; empty before it was written for the first time."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    return Listed(items=written(caller.workshop, migration_id))


@router.post("/report", name="write report", status_code=201)
def report(caller: Operator, migration_id: Number) -> Listed:
    """Write the migration's report anew; its files are then handed out by name."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    made = write_report(caller.workshop, migration_id)
    return Listed(
        items=[{"kind": one["kind"], "rows": one["rows"], "file": f"{one['kind']}.csv"} for one in made["files"]]
    )


@router.get("/report/{file}", name="report file", response_class=FileResponse)
def report_file(caller: Viewer, migration_id: Number, file: str) -> FileResponse:
    """A file of the report: `index.html`, or `<kind>.csv`."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    path = folder_of(caller.workshop, migration_id) / file
    # The name is one of ours or it is none: nothing that was sent becomes part of a path otherwise.
    if file not in {PAGE, *(f"{kind}.csv" for kind in KINDS)} or not path.is_file():
        raise NotFound(f"Migration {migration_id} has no report file of that name.", "POST …/report writes them.")
    return FileResponse(path, media_type=mimetypes.guess_type(file)[0], headers={"cache-control": "no-store"})


@trail.get("/audit-trail", name="audit trail")
def audit_trail(
    caller: Admin,
    actor: Word = None,
    action: Word = None,
    outcome: Word = None,
    migration_id: int | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[Document]:
    """Who did or tried what, by which door; newest first."""
    with caller.connect() as connection:
        found = evidence.audit_trail(
            connection,
            restaurants=caller.restaurants,
            actor=actor,
            action=action,
            outcome=outcome,
            migration_id=migration_id,
            before=after,
            limit=limit + 1,
        )
    return _page(found, limit, "id")


def _page(found: list[Document], limit: int, key: str) -> Page[Document]:
    more = len(found) > limit
    return Page(items=found[:limit], next_after=found[limit - 1][key] if more else None)
