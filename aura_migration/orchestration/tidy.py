"""Clearing up after workers that died, where Dagster has a say: its runs, and the requests they carried out.

A run's process holds its claimant's lock while it lives. Whoever finds the lock free closes the run that says it works;
Dagster then starts the run again where that is configured (it carries on the claim), else the request is failed, so
that a new one is possible.
"""

from __future__ import annotations

import time

import dagster as dg

from aura_migration.database.connections import is_locked
from aura_migration.migration import requests
from aura_migration.migration.requests import Request, presence_lock
from aura_migration.migration.sweep import DIED, sweep
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.carry import dagster_claimant
from aura_migration.orchestration.partitions import CLAIMANT_TAG, REQUEST_TAG

RETRY_PATIENCE = 600.0
"""Seconds a request waits for the run with which Dagster replaces a crashed one, before it is failed."""
WILL_RETRY_TAG = "dagster/will_retry"
RUN_KEY_TAG = "dagster/run_key"
WORKING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def tidy(workshop: Workshop, instance: dg.DagsterInstance) -> None:
    """Sweep, close runs whose process died, fail requests that nobody will carry out any more. Cheap to repeat."""
    close_dead_runs(workshop, instance)
    sweep(workshop)
    with workshop.connect() as connection:
        for request in requests.abandoned(connection):
            if not _will_go_on(instance, request):
                requests.finish(connection, request.id, DIED, failed=True)
        for request in requests.in_state(connection, "pending"):
            if _was_launched_in_vain(instance, request):
                requests.finish(connection, request.id, DIED, failed=True)


def close_dead_runs(workshop: Workshop, instance: dg.DagsterInstance) -> list[str]:
    """Mark runs failed that say they work for a claimed request although nobody is present under their claimant."""
    closed: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=WORKING), limit=200):
        tagged = run.tags.get(REQUEST_TAG)
        if tagged is None:
            continue
        claimant = run.tags.get(CLAIMANT_TAG) or dagster_claimant(run)
        with workshop.connect() as connection:
            row = connection.execute(
                # One that has just finished lets Dagster note the end of its run; one that died will not.
                "SELECT state = 'claimed' OR result ->> 'error' = %s OR finished_at < now() - interval '1 minute' "
                "FROM migration.requests WHERE id = %s AND claimed_by = %s AND dagster_run_id = %s",
                [DIED["error"], int(tagged), claimant, run.run_id],
            ).fetchone()
            is_dead = row is not None and row[0] and not is_locked(connection, presence_lock(claimant))
        if is_dead:
            instance.report_run_failed(run, "The process of this run has died; its request says what becomes of it.")
            closed.append(run.run_id)
    return closed


def _runs_of(instance: dg.DagsterInstance, request: Request) -> list[dg.DagsterRun]:
    """Runs launched for this very request, newest first (a request id may be of an older database)."""
    found = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: str(request.id)}), limit=20)
    return [
        run
        for run in found
        if run.tags.get(RUN_KEY_TAG) == request.run_key or dagster_claimant(run) == request.claimed_by
    ]


def _will_go_on(instance: dg.DagsterInstance, request: Request) -> bool:
    runs = _runs_of(instance, request)
    if any(not run.is_finished for run in runs):
        return True
    if not runs or runs[0].tags.get(WILL_RETRY_TAG) != "true":
        return False
    record = instance.get_run_record_by_id(runs[0].run_id)
    return record is not None and record.end_time is not None and time.time() - record.end_time < RETRY_PATIENCE


def _was_launched_in_vain(instance: dg.DagsterInstance, request: Request) -> bool:
    """A pending request whose run has ended without claiming it: its run key is used up."""
    runs = _runs_of(instance, request)
    return bool(runs) and not _will_go_on(instance, request)
