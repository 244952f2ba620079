"""The acceptance suite as an asset with its check, in a run of its own after each load: Great Expectations takes its time."""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from aura_migration.migration.accepting import accept_migration
from aura_migration.orchestration import shown
from aura_migration.orchestration.afterwards import ANY, INTERVAL_SECONDS, runs_after_loads
from aura_migration.orchestration.carry import work
from aura_migration.orchestration.jobs import BY_LOCATION
from aura_migration.orchestration.partitions import restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.specs import spec
from aura_migration.verify.findings import ACCEPTANCE

KEY = dg.AssetKey(["acceptance", "suite"])
SPEC = spec(
    "acceptance",
    "suite",
    "What was loaded, held against an acceptance suite in Great Expectations by SQL; its Data Docs are static pages.",
    [["load", "items"], ["load", "customers"], ["load", "pricing_rules"], ["load", "historical_orders"]],
    {"postgres", "greatexpectations"},
)


@dg.multi_asset(
    name="run_acceptance_suite",
    specs=[SPEC],
    check_specs=[
        dg.AssetCheckSpec(name=ACCEPTANCE, asset=KEY, description="Every expectation of the acceptance suite is met.")
    ],
    partitions_def=restaurant_locations,
)
def run_acceptance_suite(
    context: dg.AssetExecutionContext, workshop: WorkshopResource
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Run the suite of the location's loaded migration."""
    with work(context, workshop, locks=False) as item:
        found = accept_migration(item.workshop, item.migration.id)
        headings = ["table", "expectation", "passed", "rows", "unexpected"]
        rows = [[one[name] for name in headings] for one in found.results]
        yield dg.MaterializeResult(
            asset_key=KEY,
            metadata={
                "data_docs": dg.MetadataValue.url(Path(found.page).as_uri()),
                "expectations": len(found.results),
                "not_met": len(found.failed),
                "results": shown.table(headings, rows),
            },
        )
        yield dg.AssetCheckResult(
            check_name=ACCEPTANCE,
            asset_key=KEY,
            passed=found.passed is not False,
            metadata={"not_met": [f"{one['table']}: {one['expectation']}" for one in found.failed]},
        )


accept_location = dg.define_asset_job(
    "accept_migration",
    selection=dg.AssetSelection.groups("acceptance"),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Run the acceptance suite over what one location has loaded.",
)


@dg.sensor(
    job=accept_location,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs the acceptance suite of a location after each load, whoever carried it out.",
)
def acceptance_after_load(
    context: dg.SensorEvaluationContext, workshop: WorkshopResource
) -> dg.SensorResult | dg.SkipReason:
    """One run per loaded plan: the run key is the plan's."""
    return runs_after_loads(context, workshop, "acceptance", ANY)
