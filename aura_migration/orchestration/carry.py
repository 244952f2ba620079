"""Carrying out a request inside a run: claim it, hold the location's lock, note how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import dagster as dg

from aura_migration.canonical.options import parse_options
from aura_migration.core.errors import AuraError, Refused
from aura_migration.database.faults import presentable
from aura_migration.migration import progress, requests, stages
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import Migration, get_migration, open_migration
from aura_migration.migration.requests import Request
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.partitions import CLAIMANT_TAG, REQUEST_TAG
from aura_migration.orchestration.resources import WorkshopResource

ROOT_RUN_TAG = "dagster/root_run_id"
Context = dg.AssetExecutionContext | dg.OpExecutionContext


@dataclass(frozen=True)
class Work:
    """What a stage op works with. ``by`` is who asked, for the audit trail."""

    workshop: Workshop
    migration: Migration
    request: Request | None
    by: str


@contextmanager
def work(
    context: Context, resource: WorkshopResource, *, needs_request: str | None = None, locks: bool = True
) -> Iterator[Work]:
    """Open the workshop, claim the run's request and hold the location's lock for the block.

    ``needs_request`` is the kind without which this stage refuses: a load started by hand from the Dagster UI has none.
    A failure is noted on the request and in the progress, with its remedy, and reaches Dagster as a failure that no
    retry can mend: the POS client has retried what can be retried. What Dagster stores of an exception nobody foresaw is
    its kind and place, never its text, which may quote rows of data.
    """
    failed: AuraError | None = None
    try:
        workshop = resource.open()
        request, by = _claim(context, resource, workshop, needs_request)
        try:
            migration = _migration(workshop, request, context.partition_key)
            item = Work(workshop, migration, request, request.requested_by if request is not None else by)
            with stages.locked(workshop, context.partition_key) if locks else nullcontext():
                yield item
        except (dg.Failure, dg.RetryRequested):
            raise
        except Exception as error:
            failed = presentable(error, workshop.settings.data_dir)
            if request is not None:
                _note_failure(workshop, request, failed)
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        failed = presentable(error)
    # Raised out here so that nothing of a foreign exception hangs on: Dagster stores the whole chain.
    if failed is not None:
        raise dg.Failure(
            description=str(failed),
            metadata={
                "error": str(failed.as_dict()["error"]),
                **({"remedy": failed.remedy} if failed.remedy else {}),
            },
            allow_retries=False,
        ) from failed


def finish(item: Work, result: dict[str, Any]) -> None:
    """Note on the request that its last stage is done."""
    if item.request is not None:
        with item.workshop.connect() as connection:
            requests.finish(connection, item.request.id, result)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as a request row stores it; of an unforeseen one what kind it is and where it happened."""
    found = error if isinstance(error, AuraError) else presentable(error)
    return {**found.as_dict(), "exit_code": found.exit_code}


def _claim(
    context: Context, resource: WorkshopResource, workshop: Workshop, needs: str | None
) -> tuple[Request | None, str]:
    tags = context.run.tags
    tagged = tags.get(REQUEST_TAG)
    # A run that Dagster starts again after a crash carries on the claim of the run it replaces.
    by = tags.get(CLAIMANT_TAG) or dagster_claimant(context.run)
    if tagged is None:
        if needs is not None:
            raise Refused(
                f"This run carries out no approved request to {needs} {context.partition_key}.",
                f"Approve the plan and use `aura-migration {needs} MIGRATION` or the console; Dagster then launches the run.",
            )
        return None, by
    if CLAIMANT_TAG not in tags:
        resource.be_present(by)
    with workshop.connect() as connection:
        if not requests.claim(connection, int(tagged), by, context.run.run_id):
            found = requests.get_request(connection, int(tagged))
            raise Refused(
                f"Request {tagged} is {found.state}, carried out by {found.claimed_by or 'nobody'}.",
                "Nothing to do: a request is carried out exactly once. Ask again for a new one.",
            )
        request = requests.get_request(connection, int(tagged))
    if request.location_key != context.partition_key:
        raise Refused(f"Request {request.id} is about {request.location_key}.", "Launch it for that location.")
    if needs is not None and request.kind != needs:
        raise Refused(f"Request {request.id} asks to {request.kind}, not to {needs}.", "Submit the right request.")
    return request, by


def dagster_claimant(run: dg.DagsterRun) -> str:
    """The name under which a run and those that replace it after a crash hold a request."""
    return f"dagster:{run.root_run_id or run.tags.get(ROOT_RUN_TAG) or run.run_id}"


def _migration(workshop: Workshop, request: Request | None, key: str) -> Migration:
    """The request's migration; a preview opens the location's (with the request's options, if it carries some)."""
    with workshop.connect() as connection:
        if request is not None and request.migration_id is not None and request.kind != "preview":
            return get_migration(connection, request.migration_id)
        location = get_location(connection, key)
        integration = get_integration(connection, location.integration_id)
        document = request.options.get("options") if request is not None else None
        options = parse_options(document) if document is not None else None
        found = open_migration(connection, integration, location, options)
        if request is not None:
            requests.attach(connection, request.id, found.id)
        return found


def _note_failure(workshop: Workshop, request: Request, error: Exception) -> None:
    body = describe(error)
    with workshop.connect() as connection:
        requests.finish(connection, request.id, body, failed=True)
        migration_id = requests.get_request(connection, request.id).migration_id
        if migration_id is not None:
            at = progress.latest(connection, migration_id)
            done, total = (at["processedItems"], at["totalItems"]) if at else (0, 0)
            progress.report(
                connection, migration_id, f"{request.kind.capitalize()} failed", done, total, None, [body["what"]]
            )
