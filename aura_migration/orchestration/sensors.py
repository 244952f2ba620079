"""The sensors: new integrations become partitions and first requests; unclaimed requests become runs.

Both decide by rows of ours, so a restart, a second daemon or a lost tick changes nothing: an integration is announced
once, and the run of a request does nothing unless it can claim the request.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from datetime import UTC, datetime

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration import requests, stages
from aura_migration.migration.integrations import list_locations
from aura_migration.migration.workshop import Workshop
from aura_migration.orchestration.jobs import (
    JOB_OF_KIND,
    onboard_location,
    preview_migration,
    rollback_migration,
    run_migration,
    verify_migration,
)
from aura_migration.orchestration.partitions import restaurant_locations, run_tags
from aura_migration.orchestration.resources import WorkshopResource

INTERVAL_SECONDS = 5


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
    except AuraError as error:
        return dg.SkipReason(str(error))
    keys, runs = announce(opened)
    if not keys:
        return dg.SkipReason("no new integration")
    return dg.SensorResult(
        dynamic_partitions_requests=[restaurant_locations.build_add_request(keys)],
        run_requests=[
            dg.RunRequest(run_key=f"request-{request_id}", partition_key=key, tags=run_tags(key, request_id))
            for key, request_id in runs
        ],
    )


def announce(workshop: Workshop) -> tuple[list[str], list[tuple[str, int]]]:
    """``(location keys, [(key, request id)])`` of integrations not announced yet.

    The request is stored as pending and picked up by its run; a location whose preview somebody has already asked for
    gets no second one.
    """
    keys: list[str] = []
    runs: list[tuple[str, int]] = []
    since = datetime.now(UTC).isoformat()
    with workshop.connect(autocommit=False) as connection:
        rows = connection.execute(
            "SELECT id FROM migration.integrations WHERE announced_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED"
        ).fetchall()
        for (integration_id,) in rows:
            for location in list_locations(connection, integration_id):
                keys.append(location.key)
                known = connection.execute(
                    "SELECT 1 FROM migration.migrations WHERE location_key = %s "
                    "UNION ALL SELECT 1 FROM migration.requests WHERE location_key = %s AND kind = 'preview' LIMIT 1",
                    [location.key, location.key],
                ).fetchone()
                if known is None:
                    request = requests.submit(
                        connection,
                        "preview",
                        integration_id,
                        location.key,
                        None,
                        "new_integrations",
                        {"fresh_since": since},
                    )
                    runs.append((location.key, request.id))
            connection.execute("UPDATE migration.integrations SET announced_at = now() WHERE id = %s", [integration_id])
        connection.commit()
    return keys, runs


@dg.sensor(
    jobs=[preview_migration, run_migration, verify_migration, rollback_migration],
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Turns every unclaimed request into exactly one run; marks loads whose worker died as resumable.",
)
def open_requests(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult | dg.SkipReason:
    """Launch a run per pending request. The run key is the request's id, so a tick lost or repeated launches nothing twice."""
    try:
        opened = workshop.open()
    except AuraError as error:
        return dg.SkipReason(str(error))
    stages.sweep(opened)
    with opened.connect() as connection:
        waiting = requests.pending(connection)
    if not waiting:
        return dg.SkipReason("no open request")
    return dg.SensorResult(
        dynamic_partitions_requests=[restaurant_locations.build_add_request(sorted({r.location_key for r in waiting}))],
        run_requests=[
            dg.RunRequest(
                run_key=f"request-{request.id}",
                job_name=JOB_OF_KIND[request.kind],
                partition_key=request.location_key,
                tags=run_tags(request.location_key, request.id),
            )
            for request in waiting
        ],
    )


SENSORS = [new_integrations, open_requests]
