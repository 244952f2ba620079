"""The sensors: new integrations become partitions and first requests; unclaimed requests become runs.

Both decide by rows of ours, so a restart, a second daemon or a lost tick changes nothing: an integration is announced
once, a request has one run key, and the run of a request does nothing unless it can claim the request.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration import requests
from aura_migration.migration.integrations import list_locations
from aura_migration.migration.requests import Request
from aura_migration.migration.window.ticks import BY as SCHEDULE
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.jobs import (
    job_of,
    load_step,
    onboard_location,
    preview_migration,
    replan_migration,
    rollback_migration,
    run_migration,
    verify_migration,
)
from aura_migration.orchestration.partitions import restaurant_locations, run_tags
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.tidy import tidy
from aura_migration.orchestration.window import JOBS as WINDOW_JOBS

INTERVAL_SECONDS = 5
LEFT_ALONE = timedelta(minutes=1)
"""A schedule that died between asking and launching is made up for after this time."""


@dg.sensor(
    job=onboard_location,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Finds newly connected accounts, registers their locations and launches preflight, audit and preview.",
)
def new_integrations(
    context: dg.SensorEvaluationContext, workshop: WorkshopResource
) -> dg.SensorResult | dg.SkipReason:
    """Announce each new integration once: partitions, and an onboarding run for every location without a migration."""
    try:
        opened = workshop.open()
        announce(opened)
        known = set(context.instance.get_dynamic_partitions(str(restaurant_locations.name)))
        with opened.connect() as connection:
            rows = connection.execute("SELECT key FROM migration.locations").fetchall()
            keys = [key for (key,) in rows if key not in known]
            waiting = [r for r in requests.in_state(connection, "pending") if r.options.get("onboarding")]
    except AuraError as error:
        return dg.SkipReason(str(error))
    if not keys and not waiting:
        return dg.SkipReason("no new integration")
    return _result(keys, waiting)


def announce(workshop: Workshop) -> list[int]:
    """Integrations not announced yet, noted as announced together with the first requests of their locations.

    A location whose preview somebody has already asked for gets no second one.
    """
    options = {"fresh_since": datetime.now(UTC).isoformat(), "onboarding": True}
    with workshop.connect(autocommit=False) as connection:
        rows = connection.execute(
            "SELECT id FROM migration.integrations WHERE announced_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED"
        ).fetchall()
        for (integration_id,) in rows:
            for location in list_locations(connection, integration_id):
                known = connection.execute(
                    "SELECT 1 FROM migration.migrations WHERE location_key = %s "
                    "UNION ALL SELECT 1 FROM migration.requests WHERE location_key = %s AND kind = 'preview' LIMIT 1",
                    [location.key, location.key],
                ).fetchone()
                if known is None and location.source.is_active:
                    by = "new_integrations"
                    requests.submit(connection, "preview", integration_id, location.key, None, by, options)
            connection.execute("UPDATE migration.integrations SET announced_at = now() WHERE id = %s", [integration_id])
        connection.commit()
    return [integration_id for (integration_id,) in rows]


@dg.sensor(
    jobs=[
        preview_migration,
        replan_migration,
        run_migration,
        load_step,
        verify_migration,
        rollback_migration,
        *WINDOW_JOBS,
    ],
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Turns every unclaimed request into exactly one run; clears up after workers that died.",
)
def open_requests(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult | dg.SkipReason:
    """Launch a run per pending request. The run key is the request's own, so a tick lost or repeated launches nothing twice."""
    try:
        opened = workshop.open()
        tidy(opened, context.instance)
        with opened.connect() as connection:
            waiting = [r for r in requests.in_state(connection, "pending") if _is_ours(r)]
    except AuraError as error:
        return dg.SkipReason(str(error))
    if not waiting:
        return dg.SkipReason("no open request")
    return _result([], waiting)


def _is_ours(request: Request) -> bool:
    """Whether this sensor launches it: onboarding is the other's, and a schedule launches what it asked for a moment ago itself."""
    if request.options.get("onboarding"):
        return False
    return request.requested_by != SCHEDULE or datetime.now(UTC) - request.requested_at > LEFT_ALONE


def _result(keys: Sequence[str], waiting: Sequence[Request]) -> dg.SensorResult:
    places = sorted({*keys, *(request.location_key for request in waiting)})
    return dg.SensorResult(
        dynamic_partitions_requests=[restaurant_locations.build_add_request(places)],
        run_requests=[
            dg.RunRequest(
                run_key=request.run_key,
                job_name=job_of(request),
                partition_key=request.location_key,
                tags=run_tags(request),
            )
            for request in waiting
        ],
    )


SENSORS = [new_integrations, open_requests]
