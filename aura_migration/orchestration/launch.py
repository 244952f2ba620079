"""Carrying out a request in this process, on the same Dagster instance that webserver and daemon use."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration import requests
from aura_migration.migration.requests import Request
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.carry import describe
from aura_migration.orchestration.jobs import job_of
from aura_migration.orchestration.partitions import restaurant_locations, run_tags
from aura_migration.orchestration.tidy import tidy

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""A command of ours speaks for itself; Dagster's own words are in its event log."""
POLL_SECONDS = 0.3


class JoinedFailed(AuraError):
    """The request was carried out by somebody else and failed there; it speaks and exits as its error did there."""

    def __init__(self, found: Request) -> None:
        body: dict[str, Any] = dict(found.result or {})
        self.name = str(body.pop("error", "Failed"))
        self.exit_code = int(body.pop("exit_code", self.exit_code))
        super().__init__(str(body.pop("what", "The request failed.")), str(body.pop("remedy", "")))
        self.details = {**body, "request": found.id}

    def as_dict(self) -> dict[str, Any]:
        """The error as it was where it happened."""
        return {**super().as_dict(), "error": self.name}


@dataclass(frozen=True)
class Wanted:
    """What a command wants done; see ``requests.submit``."""

    kind: str
    integration_id: int
    location_key: str
    migration_id: int | None
    by: str
    options: dict[str, Any]


def carry_out(workshop: Workshop, instance: dg.DagsterInstance, wanted: Wanted, patience: float = 3600.0) -> Request:
    """Store a request under this process's name and carry it out.

    Where the same is already under way it is joined; where the same kind with other options is, its end is awaited first.
    Returns the request finished; raises what made it fail.
    """
    by = requests.new_claimant()
    deadline = time.monotonic() + patience
    with requests.present(workshop.url, by):
        while True:
            with workshop.connect() as connection:
                request = requests.submit(
                    connection,
                    wanted.kind,
                    wanted.integration_id,
                    wanted.location_key,
                    wanted.migration_id,
                    wanted.by,
                    wanted.options,
                    claim_as=by,
                )
                is_ours = request.asks_for(wanted.migration_id, wanted.options) and requests.claim(
                    connection, request.id, by
                )
            if is_ours:
                return _execute(workshop, instance, request, by)
            ended = _wait(workshop, instance, request.id, deadline)
            if not request.asks_for(wanted.migration_id, wanted.options):
                continue
            if ended.state == "failed":
                raise JoinedFailed(ended)
            return ended


def _execute(workshop: Workshop, instance: dg.DagsterInstance, request: Request, by: str) -> Request:
    try:
        instance.add_dynamic_partitions(str(restaurant_locations.name), [request.location_key])
        _job(job_of(request)).execute_in_process(
            instance=instance,
            partition_key=request.location_key,
            tags=run_tags(request, by),
            run_config=QUIET,
        )
    except BaseException as error:
        cause = (error.__cause__ or error) if isinstance(error, dg.Failure) else error
        with closing(workshop.connect()) as connection:
            requests.finish(connection, request.id, describe(cause), failed=True)
        if isinstance(cause, AuraError):
            raise cause from None
        raise
    with workshop.connect() as connection:
        return requests.get_request(connection, request.id)


def _job(name: str) -> dg.JobDefinition:
    from aura_migration.definitions import defs

    return defs.resolve_job_def(name)


def _wait(workshop: Workshop, instance: dg.DagsterInstance, request_id: int, deadline: float) -> Request:
    """Wait until somebody else's request has ended; a process that dies meanwhile is noticed."""
    looks = 0
    while True:
        with workshop.connect() as connection:
            found = requests.get_request(connection, request_id)
        if found.state in ("done", "failed"):
            return found
        if time.monotonic() > deadline:
            raise AuraError(
                f"Request {request_id} is carried out by {found.claimed_by or 'nobody yet'} and has not ended.",
                "`aura-migration status` shows its progress; `aura-migration up` starts what carries requests out.",
            )
        time.sleep(POLL_SECONDS)
        looks += 1
        if looks % 10 == 0:
            tidy(workshop, instance)
