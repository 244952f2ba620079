"""The jobs, each for one location: look, preview, run, roll back. Steps run in one process; parallelism is by runs."""

# No postponed annotations here: Dagster reads the context annotation as it stands.

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from aura_migration.migration import stages
from aura_migration.migration.requests import Request
from aura_migration.orchestration.carry import finish, work
from aura_migration.orchestration.partitions import place_tags, restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource

PREVIEW = dg.AssetSelection.groups("archive", "canonical", "plan")
BY_LOCATION = dg.PartitionedConfig(
    partitions_def=restaurant_locations,
    run_config_for_partition_key_fn=lambda _key: {},
    tags_for_partition_key_fn=place_tags,
)
"""Tags a run that is launched by hand like any other, so that the limits per location and per POS hold for it too."""

preview_migration = dg.define_asset_job(
    "preview_migration",
    selection=PREVIEW,
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Export, map and plan one location. Writes nothing to AuraConnect.",
)
onboard_location = dg.define_asset_job(
    "onboard_location",
    selection=dg.AssetSelection.groups("pos") | PREVIEW,
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Preflight, audit and preview of a newly connected location.",
)
run_migration = dg.define_asset_job(
    "run_migration",
    selection=dg.AssetSelection.groups("load", "verify"),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Carry out the approved plan of one location and verify it.",
)
load_step = dg.define_asset_job(
    "load_step",
    selection=dg.AssetSelection.groups("load"),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Carry out the approved plan of one location up to the end of a step: categories, items or modifiers.",
)
verify_migration = dg.define_asset_job(
    "verify_migration",
    selection=dg.AssetSelection.groups("verify")
    | dg.AssetSelection.checks_for_assets(dg.AssetKey(["load", "historical_orders"])),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Verify one location again.",
)


@dg.op
def undo_load(context: dg.OpExecutionContext, workshop: WorkshopResource) -> None:
    """Take the location's load back, row by row."""
    with work(context, workshop, needs_request="rollback", locks=False) as item:
        assert item.request is not None
        asked = item.request.options
        undone = stages.undo(
            item.workshop,
            item.migration.id,
            item.by,
            edited=asked.get("edited", "keep"),
            reason=asked.get("reason", ""),
        )
        context.add_output_metadata({"tables": dg.MetadataValue.json(undone.counts), "kept": len(undone.kept)})
        finish(item, undone.as_dict())


@dg.job(config=BY_LOCATION, executor_def=dg.in_process_executor)
def rollback_migration() -> None:
    """Undo one location's load; refuses without a request."""
    undo_load()


@dg.op
def plan_again(context: dg.OpExecutionContext, workshop: WorkshopResource) -> None:
    """Map and plan the pinned snapshot again, without asking the POS."""
    with work(context, workshop, needs_request="replan") as item:
        stages.canonicalise(item.workshop, item.migration.id, item.by)
        stored = stages.plan(item.workshop, item.migration.id, item.by)
        context.add_output_metadata({"plan_hash": stored.hash, "counts": dg.MetadataValue.json(stored.counts)})
        finish(item, {"plan_hash": stored.hash, "counts": stored.counts})


@dg.job(config=BY_LOCATION, executor_def=dg.in_process_executor)
def replan_migration() -> None:
    """Plan one location again after people decided conflicts or corrected records; refuses without a request."""
    plan_again()


JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    preview_migration,
    onboard_location,
    replan_migration,
    run_migration,
    load_step,
    verify_migration,
    rollback_migration,
]
JOB_OF_KIND = {
    "preview": "preview_migration",
    "replan": "replan_migration",
    "run": "run_migration",
    "verify": "verify_migration",
    "rollback": "rollback_migration",
}


def job_of(request: Request) -> str:
    """The job that carries a request out; the first preview of a new account looks at the account too.

    The jobs of a window (``window.py``) have the names of the kinds of request.
    """
    if request.kind == "run" and request.options.get("until"):
        return "load_step"
    if request.options.get("onboarding"):
        return "onboard_location"
    return JOB_OF_KIND.get(request.kind, request.kind)
