"""Carrying out a request in this process, on the same Dagster instance that webserver and daemon use."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration import requests
from aura_migration.migration.requests import Request
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.carry import claimant
from aura_migration.orchestration.jobs import JOB_OF_KIND
from aura_migration.orchestration.partitions import restaurant_locations, run_tags

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""A command of ours speaks for itself; Dagster's own words are in its event log."""


def carry_out(workshop: Workshop, instance: dg.DagsterInstance, request: Request, patience: float = 3600.0) -> Request:
    """Carry a request out, or wait for whoever already does. Returns it finished; raises what made it fail."""
    by = claimant()
    with workshop.connect() as connection:
        if not requests.claim(connection, request.id, by):
            return _wait(workshop, request.id, patience)
    job = _job(JOB_OF_KIND[request.kind])
    instance.add_dynamic_partitions(str(restaurant_locations.name), [request.location_key])
    try:
        job.execute_in_process(
            instance=instance,
            partition_key=request.location_key,
            tags=run_tags(request.location_key, request.id, by),
            run_config=QUIET,
        )
    except BaseException as error:
        cause = error.__cause__ if isinstance(error, dg.Failure) else error
        with workshop.connect() as connection:
            body = (
                cause.as_dict() if isinstance(cause, AuraError) else {"error": type(cause).__name__, "what": str(cause)}
            )
            requests.finish(connection, request.id, body, failed=True)
        if isinstance(cause, AuraError):
            raise cause from None
        raise
    with workshop.connect() as connection:
        return requests.get_request(connection, request.id)


def _job(name: str) -> dg.JobDefinition:
    from aura_migration.definitions import defs

    return defs.resolve_job_def(name)


def _wait(workshop: Workshop, request_id: int, patience: float) -> Request:
    """Somebody else carries it out: join them."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with workshop.connect() as connection:
            found = requests.get_request(connection, request_id)
        if found.state == "done":
            return found
        if found.state == "failed":
            body: dict[str, Any] = found.result or {}
            raise AuraError(
                str(body.get("what", "The request failed.")), str(body.get("remedy", "")), request=request_id
            )
        time.sleep(0.5)
    raise AuraError(
        f"Request {request_id} is carried out by {found.claimed_by} and has not ended in {patience:.0f} s.",
        "`aura-migration status` shows its progress.",
    )
