"""Carrying out a request inside a run: claim it, hold the location's lock, note how it ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from aura_migration.core.errors import AuraError, Refused
from aura_migration.migration import requests, stages
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import Migration, get_migration, open_migration
from aura_migration.migration.requests import Request
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.partitions import CLAIMANT_TAG, REQUEST_TAG
from aura_migration.orchestration.resources import WorkshopResource


@dataclass(frozen=True)
class Work:
    """What a stage op works with."""

    workshop: Workshop
    migration: Migration
    request: Request | None
    by: str


@contextmanager
def work(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    resource: WorkshopResource,
    *,
    needs_request: str | None = None,
    locks: bool = True,
) -> Iterator[Work]:
    """Open the workshop, claim the run's request and hold the location's lock for the block.

    ``needs_request`` is the kind without which this stage refuses: a load started by hand from the Dagster UI has none.
    A failure is noted on the request with its remedy and reaches Dagster as a failure that no retry can mend.
    """
    workshop = resource.open()
    key = context.partition_key
    try:
        request, by = _claim(context, workshop, needs_request)
        with workshop.connect() as connection:
            location = get_location(connection, key)
            integration = get_integration(connection, location.integration_id)
            if request is not None and request.migration_id is not None:
                migration = get_migration(connection, request.migration_id)
            else:
                migration = open_migration(connection, integration, location, None)
        item = Work(workshop, migration, request, by)
        try:
            if locks:
                with stages.locked(workshop, key):
                    yield item
            else:
                yield item
        except AuraError as error:
            if request is not None:
                with workshop.connect() as connection:
                    requests.finish(connection, request.id, error.as_dict(), failed=True)
            raise
    except AuraError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"remedy": error.remedy, "error": type(error).__name__},
            allow_retries=bool(getattr(error, "retryable", False)),
        ) from error


def _claim(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, workshop: Workshop, needs: str | None
) -> tuple[Request | None, str]:
    tags = context.run.tags
    tagged = tags.get(REQUEST_TAG)
    # A run that Dagster starts again after a crash carries on the claim of the run it replaces.
    by = tags.get(CLAIMANT_TAG, f"dagster:{context.run.root_run_id or context.run.run_id}")
    if tagged is None:
        if needs is not None:
            raise Refused(
                f"This run carries out no approved request to {needs} {context.partition_key}.",
                f"Approve the plan and use `aura-migration {needs} MIGRATION` or the console; Dagster then launches the run.",
            )
        return None, by
    with workshop.connect() as connection:
        if not requests.claim(connection, int(tagged), by, context.run.run_id):
            raise Refused(
                f"Request {tagged} is already carried out by somebody else.", "Nothing to do: it runs exactly once."
            )
        request = requests.get_request(connection, int(tagged))
    if needs is not None and request.kind != needs:
        raise Refused(f"Request {request.id} asks to {request.kind}, not to {needs}.", "Submit the right request.")
    return request, by


def finish(item: Work, result: dict[str, object], failed: bool = False) -> None:
    """Note on the request that its last stage is done."""
    if item.request is not None:
        with item.workshop.connect() as connection:
            requests.finish(connection, item.request.id, dict(result), failed)


def claimant() -> str:
    """How a process of ours names itself on a request it works on."""
    return f"cli:{socket.gethostname()}:{os.getpid()}"
