"""The sensors by direct call, on a real instance: announced once, launched once, also after restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from aura_migration.migration import requests
from aura_migration.migration.requests import Request
from aura_migration.orchestration.instance import open_instance
from aura_migration.orchestration.launch import _job
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.sales import reports_after_load
from aura_migration.orchestration.sensors import new_integrations, open_requests
from aura_migration.orchestration.tidy import tidy
from aura_migration.settings import load_settings
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import Started


@pytest.fixture
def instance(connected: Started, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in connected.world.environ.items():
        monkeypatch.setenv(name, value)
    with open_instance(load_settings()) as opened:
        yield opened


def _tick(sensor: Any, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    with dg.build_sensor_context(instance=instance, resources={"workshop": WorkshopResource()}) as context:
        found = sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    if isinstance(found, dg.SensorResult):
        for asked in found.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(asked.partitions_def_name, asked.partition_keys)
    return found


def _runs(found: dg.SensorResult | dg.SkipReason) -> list[dg.RunRequest]:
    return list(found.run_requests or ()) if isinstance(found, dg.SensorResult) else []


def _key(world: World) -> str:
    return str(world.rows("SELECT key FROM migration.locations")[0][0])


def _submit(world: World, kind: str, migration: int | None = None, **options: Any) -> Request:
    with world.connect() as connection:
        return requests.submit(connection, kind, 1, _key(world), migration, "console", options)


def _execute(
    instance: dg.DagsterInstance, asked: dg.RunRequest, job: str, run_key: str | None = None
) -> dg.ExecuteInProcessResult:
    """What Dagster's run worker would do with a run request."""
    return _job(job).execute_in_process(
        instance=instance,
        partition_key=str(asked.partition_key),
        tags={**asked.tags, "dagster/run_key": run_key or str(asked.run_key)},
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def test_a_new_integration_is_announced_once_with_a_partition_and_an_onboarding_run_per_location(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    world = connected.world
    first = _tick(new_integrations, instance)
    (asked,) = _runs(first)
    assert asked.job_name == "onboard_location" and asked.partition_key == _key(world)
    assert instance.get_dynamic_partitions("restaurant_locations") == [_key(world)]
    assert asked.tags["aura/pos"] == "square" and asked.tags["aura/location"] == _key(world)

    again = _tick(new_integrations, instance)
    assert [r.run_key for r in _runs(again)] == [asked.run_key], "a tick that was lost is repeated under the same key"
    assert isinstance(_tick(open_requests, instance), dg.SkipReason), "the other sensor leaves onboarding alone"

    done = _execute(instance, asked, "onboard_location")
    assert done.success
    materialised = {"/".join(e.asset_key.path) for e in done.get_asset_materialization_events() if e.asset_key}
    assert {"pos/preflight", "pos/audit", "archive/menu", "plan/changes"} <= materialised
    assert world.ok("migrations")["migrations"][0]["state"] == "planned"
    assert isinstance(_tick(new_integrations, instance), dg.SkipReason)


def test_a_location_whose_preview_somebody_asked_for_is_not_onboarded_too(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    connected.world.preview(connected.integration)
    assert isinstance(_tick(new_integrations, instance), dg.SkipReason)
    assert connected.world.rows("SELECT announced_at IS NOT NULL FROM migration.integrations") == [(True,)]


def test_a_pending_request_is_launched_under_one_key_until_it_is_claimed(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    world = connected.world
    request = _submit(world, "preview")
    (first,) = _runs(_tick(open_requests, instance))
    (second,) = _runs(_tick(open_requests, instance))
    assert first.run_key == second.run_key == request.run_key and first.job_name == "preview_migration"
    assert _execute(instance, first, "preview_migration").success
    assert isinstance(_tick(open_requests, instance), dg.SkipReason)
    assert world.rows("SELECT state FROM migration.requests") == [("done",)]

    late = _execute(instance, second, "preview_migration")
    assert not late.success, "a run that comes too late does nothing"
    assert world.rows("SELECT state FROM migration.requests") == [("done",)]


def test_a_database_that_is_not_there_skips_the_tick(
    connected: Started, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    for sensor in (new_integrations, open_requests):
        found = _tick(sensor, instance)
        assert isinstance(found, dg.SkipReason) and "nowhere" in str(found.skip_message)


def test_a_run_that_fails_fails_its_request_so_that_a_new_one_is_possible(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    from aura_migration_tests.support.journey import faults

    world = connected.world
    faults(connected.pos, {"kind": "html", "match": "catalog"})
    _submit(world, "preview")
    (asked,) = _runs(_tick(open_requests, instance))
    assert not _execute(instance, asked, "preview_migration").success
    ((state, result),) = world.rows("SELECT state, result FROM migration.requests")
    assert state == "failed" and result["error"] == "NotJson"
    faults(connected.pos)
    assert world.preview(connected.integration)["state"] == "planned"


# -- workers that died ------------------------------------------------------------------------------------------------------


def _claimed_run(world: World, instance: dg.DagsterInstance, request: Request, **tags: str) -> dg.DagsterRun:
    """A run that says it works for a request, as its worker left it when it was killed."""
    run = instance.create_run_for_job(
        _job("preview_migration"),
        tags={"aura/request": str(request.id), "dagster/run_key": request.run_key, **tags},
    )
    _mark_started(instance, run)
    with world.connect() as connection:
        assert requests.claim(connection, request.id, f"dagster:{run.root_run_id or run.run_id}", run.run_id)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None and found.status == dg.DagsterRunStatus.STARTED
    return found


def _mark_started(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    event = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.report_dagster_event(event, run_id=run.run_id)


def test_a_run_whose_process_lives_is_left_alone(connected: Started, instance: dg.DagsterInstance) -> None:
    world = connected.world
    run = _claimed_run(world, instance, _submit(world, "preview"))
    with requests.present(world.url, f"dagster:{run.run_id}") as is_mine:
        assert is_mine
        tidy(world.workshop, instance)
    assert world.rows("SELECT state FROM migration.requests") == [("claimed",)]
    found = instance.get_run_by_id(run.run_id)
    assert found is not None and found.status == dg.DagsterRunStatus.STARTED


def test_a_dead_run_that_dagster_starts_again_carries_on_the_claim(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    world = connected.world
    request = _submit(world, "preview")
    run = _claimed_run(world, instance, request)
    tidy(world.workshop, instance)
    closed = instance.get_run_by_id(run.run_id)
    assert closed is not None and closed.status == dg.DagsterRunStatus.FAILURE
    assert closed.tags["dagster/will_retry"] == "true"
    assert world.rows("SELECT state FROM migration.requests") == [("claimed",)], "it waits for the run that replaces it"
    assert isinstance(_tick(open_requests, instance), dg.SkipReason), "and is not launched a second time"

    instance.add_dynamic_partitions("restaurant_locations", [_key(world)])
    again = _job("preview_migration").execute_in_process(
        instance=instance,
        partition_key=_key(world),
        tags={"aura/request": str(request.id), "dagster/root_run_id": run.run_id, "dagster/parent_run_id": run.run_id},
    )
    assert again.success
    assert world.rows("SELECT state, claimed_by FROM migration.requests") == [("done", f"dagster:{run.run_id}")]


def test_a_dead_run_that_nobody_starts_again_frees_the_way(connected: Started, instance: dg.DagsterInstance) -> None:
    world = connected.world
    run = _claimed_run(world, instance, _submit(world, "preview"), **{"dagster/max_retries": "0"})
    _tick(open_requests, instance)
    closed = instance.get_run_by_id(run.run_id)
    assert closed is not None and closed.status == dg.DagsterRunStatus.FAILURE
    ((state, result),) = world.rows("SELECT state, result FROM migration.requests")
    assert state == "failed" and result["error"] == "WorkerDied"
    assert world.preview(connected.integration)["state"] == "planned"


def test_a_run_that_ended_before_it_could_claim_does_not_block_the_location_for_ever(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    world = connected.world
    request = _submit(world, "preview")
    run = instance.create_run_for_job(
        _job("preview_migration"),
        tags={"aura/request": str(request.id), "dagster/run_key": request.run_key, "dagster/max_retries": "0"},
    )
    _mark_started(instance, run)
    tidy(world.workshop, instance)
    assert world.rows("SELECT state FROM migration.requests") == [("pending",)]
    instance.report_run_failed(run)
    tidy(world.workshop, instance)
    assert world.rows("SELECT state FROM migration.requests") == [("failed",)]


def test_runs_of_an_older_database_with_the_same_request_number_mean_nothing(
    connected: Started, instance: dg.DagsterInstance
) -> None:
    world = connected.world
    request = _submit(world, "preview")
    old = instance.create_run_for_job(
        _job("preview_migration"),
        tags={"aura/request": str(request.id), "dagster/run_key": "request-1-20200101T000000000000"},
    )
    instance.report_run_failed(old)
    assert [r.run_key for r in _runs(_tick(open_requests, instance))] == [request.run_key]
    assert world.rows("SELECT state FROM migration.requests") == [("pending",)]


def test_the_reports_follow_each_load_of_orders_once_whoever_carried_it_out(
    verified: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in verified.world.environ.items():
        monkeypatch.setenv(name, value)
    workshop = {"workshop": WorkshopResource()}
    with open_instance(load_settings()) as instance:
        with dg.build_sensor_context(instance=instance, resources=workshop) as context:
            found = reports_after_load(context)
        (launched,) = _runs(found)
        assert (launched.partition_key, launched.tags["aura/pos"]) == (_key(verified.world), "square")
        assert isinstance(found, dg.SensorResult)
        with dg.build_sensor_context(instance=instance, cursor=found.cursor, resources=workshop) as context:
            assert isinstance(reports_after_load(context), dg.SkipReason)
