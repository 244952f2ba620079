"""What the daemon does with open requests, in this process: each is launched as the job its kind names."""

from __future__ import annotations

import dagster as dg

from aura_migration.migration import requests
from aura_migration.orchestration.instance import open_instance
from aura_migration.orchestration.jobs import job_of
from aura_migration.orchestration.launch import QUIET
from aura_migration.orchestration.partitions import restaurant_locations, run_tags
from aura_migration_tests.support.journey import World, _environment


def carry_out_open(world: World) -> list[tuple[str, str]]:
    """Carry out every open request of a world, oldest first; each must succeed. (kind, state it ended in) of each."""
    from aura_migration.definitions import defs

    workshop = world.workshop
    done: list[tuple[str, str]] = []
    with _environment(world.environ), open_instance(workshop.settings) as instance:
        with workshop.connect() as connection:
            waiting = requests.in_state(connection, "pending")
        for request in waiting:
            instance.add_dynamic_partitions(str(restaurant_locations.name), [request.location_key])
            job: dg.JobDefinition = defs.resolve_job_def(job_of(request))
            ran = job.execute_in_process(
                instance=instance,
                partition_key=request.location_key,
                tags=run_tags(request),
                run_config=QUIET,
                raise_on_error=False,
            )
            with workshop.connect() as connection:
                ended = requests.get_request(connection, request.id)
            assert ended.state == "done", (
                ended.kind,
                ended.state,
                ended.result,
                [e.event_specific_data for e in ran.all_events if e.is_failure],
            )
            done.append((request.kind, ended.state))
    return done
