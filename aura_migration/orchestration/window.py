"""The parallel window in Dagster: following, days, coverage, tests, gates and the way back as assets; schedules that ask for them.

A schedule stores requests and launches their runs; everything is decided by rows of ours at the tick's own instant, so that a
daemon that was down for a day asks for what is due and nothing twice.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from aura_migration.core.errors import AuraError
from aura_migration.migration.window import shown as window_shown
from aura_migration.migration.window.probing import probe_due
from aura_migration.migration.window.switching import abort_overdue_switches
from aura_migration.migration.window.ticks import TICKS
from aura_migration.migration.window.works import WORKS, carry_out_work
from aura_migration.orchestration import shown
from aura_migration.orchestration.carry import Work, finish, work
from aura_migration.orchestration.jobs import BY_LOCATION
from aura_migration.orchestration.partitions import restaurant_locations, run_tags
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.specs import spec

PROBE_SECONDS = 10
SPECS = {
    "followed": spec(
        "reconcile",
        "followed",
        "What the POS had since the last reading: sales written at once, menu, people and rules as the window's policy says.",
        [["load", "historical_orders"], ["load", "items"]],
        {"http", "postgres"},
    ),
    "parallel_days": spec(
        "reconcile",
        "parallel_days",
        "Every business date of the window judged: both systems' figures, order by order, each difference by its cause.",
        [["reconcile", "followed"]],
        {"postgres"},
    ),
    "consolidated_sheet": spec(
        "reconcile",
        "consolidated_sheet",
        "The accountant's page: every sale of the window counted once, in the book that owned its channel.",
        [["reconcile", "followed"]],
        {"postgres"},
    ),
    "coverage": spec(
        "reconcile",
        "coverage",
        "What the window has seen of the restaurant's tenders, taxes, order types, discounts and dayparts.",
        [["reconcile", "followed"]],
        {"postgres"},
    ),
    "integration_tests": spec(
        "cutover",
        "integration_tests",
        "Orders to the POS and back, stock both ways, payments, reports: tried at this location.",
        [["reconcile", "followed"]],
        {"http", "postgres"},
    ),
    "gates": spec(
        "cutover",
        "gates",
        "What each channel's switch asks for, with number, age and remedy.",
        [["reconcile", "parallel_days"], ["reconcile", "coverage"], ["cutover", "integration_tests"]],
        {"postgres"},
    ),
    "check_in": spec(
        "cutover",
        "check_in",
        "The daily check-in and the go/no-go page, as people get them.",
        [["reconcile", "parallel_days"], ["cutover", "gates"]],
        {"postgres", "html"},
    ),
}
DAYS_CLEAN = "days_are_clean"
NONE_MISSING = "no_day_is_missing"
TRIED = "integration_tests_pass"
GATES_HOLD = "gates_hold"


@dg.multi_asset(
    name="follow_pos",
    specs=[SPECS["followed"]],
    partitions_def=restaurant_locations,
    pool="pos_api",
)
def follow_pos(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Iterator[dg.MaterializeResult[Any]]:
    """Follow the POS of one location."""
    with work(context, workshop, locks=False) as item:
        done = _do(item, "follow")
        yield dg.MaterializeResult(
            asset_key=SPECS["followed"].key,
            metadata={
                "outcome": done["outcome"],
                "read_until": done["read_until"],
                "written": dg.MetadataValue.json(done["counts"]),
                "waiting": done["waiting"],
            },
        )
        if item.request is not None and item.request.kind == "follow":
            finish(item, done)


@dg.multi_asset(
    name="reconcile_days",
    specs=[SPECS["parallel_days"], SPECS["consolidated_sheet"], SPECS["coverage"], SPECS["gates"], SPECS["check_in"]],
    check_specs=[
        dg.AssetCheckSpec(
            name=DAYS_CLEAN, asset=SPECS["parallel_days"].key, description="No judged day of the window is different."
        ),
        dg.AssetCheckSpec(
            name=NONE_MISSING,
            asset=SPECS["parallel_days"].key,
            description="Every business date of the window that has closed and settled is judged.",
        ),
        dg.AssetCheckSpec(
            name=GATES_HOLD, asset=SPECS["gates"].key, description="Every gate of the next channel holds or is waived."
        ),
    ],
    partitions_def=restaurant_locations,
)
def reconcile_days(
    context: dg.AssetExecutionContext, workshop: WorkshopResource
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Judge the days of one location that are due, measure coverage and gates, make the day's papers."""
    with work(context, workshop, locks=False) as item:
        done = _do(item, "reconcile")
        with item.workshop.connect() as connection:
            page = window_shown.window_page(item.workshop, connection, item.migration.id)
        days, gates = page["days"], page["gates"]
        yield dg.MaterializeResult(
            asset_key=SPECS["parallel_days"].key,
            metadata={
                "judged_now": len(done["days"]),
                "clean": sum(day["verdict"] == "clean" for day in days),
                "days": shown.whole_table(*_table(days, window_shown.DAY_COLUMNS)),
                "chart": dg.MetadataValue.md(window_shown.chart_markdown(days)),
            },
        )
        yield dg.AssetCheckResult(
            check_name=DAYS_CLEAN,
            asset_key=SPECS["parallel_days"].key,
            passed=not any(day["verdict"] == "different" for day in days),
            metadata={"different": [day["business_date"] for day in days if day["verdict"] == "different"]},
        )
        yield dg.AssetCheckResult(
            check_name=NONE_MISSING,
            asset_key=SPECS["parallel_days"].key,
            passed=not page["missing"],
            metadata={"missing": page["missing"]},
        )
        yield dg.MaterializeResult(
            asset_key=SPECS["consolidated_sheet"].key,
            metadata={"sheet": shown.whole_table(*_table(page["sheet"], window_shown.SHEET_COLUMNS))},
        )
        yield dg.MaterializeResult(
            asset_key=SPECS["coverage"].key,
            metadata={"coverage": shown.whole_table(*_table(page["coverage"], window_shown.COVERAGE_COLUMNS))},
        )
        yield dg.MaterializeResult(
            asset_key=SPECS["gates"].key,
            metadata={
                "channel": page["next_channel"] or "none",
                "gates": shown.whole_table(*_table(gates, window_shown.GATE_COLUMNS)),
            },
        )
        yield dg.AssetCheckResult(
            check_name=GATES_HOLD,
            asset_key=SPECS["gates"].key,
            passed=all(gate["passed"] is True or gate["waived_by"] for gate in gates),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"open": [gate["name"] for gate in gates if gate["passed"] is not True and not gate["waived_by"]]},
        )
        yield dg.MaterializeResult(
            asset_key=SPECS["check_in"].key, metadata={"papers": dg.MetadataValue.json(page["papers"])}
        )
        if item.request is not None and item.request.kind == "reconcile":
            finish(item, done)


@dg.multi_asset(
    name="test_integration",
    specs=[SPECS["integration_tests"]],
    check_specs=[
        dg.AssetCheckSpec(
            name=TRIED,
            asset=SPECS["integration_tests"].key,
            description="No integration test fails; one that cannot be proven says why.",
        )
    ],
    partitions_def=restaurant_locations,
    pool="pos_api",
)
def test_integration(
    context: dg.AssetExecutionContext, workshop: WorkshopResource
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Try the integration of one location."""
    with work(context, workshop, locks=False) as item:
        done = _do(item, "integration_tests")
        tests = done["tests"]
        yield dg.MaterializeResult(
            asset_key=SPECS["integration_tests"].key,
            metadata={"tests": shown.whole_table(*_table(tests, ("name", "passed", "value", "remedy")))},
        )
        yield dg.AssetCheckResult(
            check_name=TRIED,
            asset_key=SPECS["integration_tests"].key,
            passed=not done["failed"],
            metadata={"failed": done["failed"]},
        )
        finish(item, done)


def _do(item: Work, kind: str) -> dict[str, Any]:
    return carry_out_work(item.workshop, kind, item.migration.id, item.by, _options(item))


def _options(item: Work) -> dict[str, Any]:
    return dict(item.request.options) if item.request is not None else {}


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> tuple[tuple[str, ...], list[list[Any]]]:
    return columns, [[row.get(name) for name in columns] for row in rows]


# What is asked for by people: each one op that refuses without its request ------------------------------------------------


@dg.op
def window_work(context: dg.OpExecutionContext, workshop: WorkshopResource) -> None:
    """Carry out the work that the run's request asks for."""
    with work(context, workshop, needs_request=str(context.job_name), locks=False) as item:
        assert item.request is not None
        done = _do(item, item.request.kind)
        context.add_output_metadata({"done": dg.MetadataValue.json(done)})
        finish(item, done)


def _job_of(kind: str, description: str) -> dg.JobDefinition:
    @dg.job(name=kind, description=description, config=BY_LOCATION, executor_def=dg.in_process_executor)
    def _job() -> None:
        window_work()

    return _job


follow_location = dg.define_asset_job(
    "follow",
    selection=dg.AssetSelection.assets(SPECS["followed"].key),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Follow the POS of one location while its window is open.",
)
reconcile_location = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(
        *(SPECS[name].key for name in ("parallel_days", "consolidated_sheet", "coverage", "gates", "check_in"))
    ),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Judge the days of one location that are due, with coverage, gates and the day's papers.",
)
test_location = dg.define_asset_job(
    "integration_tests",
    selection=dg.AssetSelection.assets(SPECS["integration_tests"].key),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Try orders to the POS, stock, payments and reports at one location.",
)
BY_PEOPLE = {
    "rehearse": "Rehearse the way back of one location.",
    "switch": "Switch one channel of one location to AuraConnect; refuses without a request and without its gates.",
    "abort": "Abort the switch that is under way and restore the state before it.",
    "reverse": "Take every channel of one location back to its POS.",
    "complete": "End the window of one location for good.",
}
JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    follow_location,
    reconcile_location,
    test_location,
    *(_job_of(kind, told) for kind, told in BY_PEOPLE.items()),
]
assert {job.name for job in JOBS} == set(WORKS)
ASSETS = [follow_pos, reconcile_days, test_integration]


@dg.sensor(
    minimum_interval_seconds=PROBE_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Prices a synthetic order wherever a load or a switch is under way; aborts switches whose pause is over.",
)
def service_probe(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SkipReason:
    """One round of probes. It never launches a run."""
    try:
        opened = workshop.open()
        aborted = abort_overdue_switches(opened)
        made = probe_due(opened, datetime.now(UTC))
    except AuraError as error:
        return dg.SkipReason(str(error))
    if aborted:
        context.log.warning(f"switches aborted, their pause was over: {', '.join(aborted)}")
    unserved = sum(not one.is_served for one in made)
    return dg.SkipReason(f"{len(made)} locations probed" + (f", {unserved} not served" if unserved else ""))


SENSORS = [service_probe]

# Schedules ----------------------------------------------------------------------------------------------------------------


def _schedule(kind: str, cron: str, job: Any, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{kind}_windows",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def _tick(context: dg.ScheduleEvaluationContext, workshop: WorkshopResource) -> list[dg.RunRequest] | dg.SkipReason:
        at = context.scheduled_execution_time.astimezone(UTC)
        try:
            opened = workshop.open()
            asked = TICKS[kind](opened, opened.settings.now or min(at, datetime.now(UTC))).asked
        except AuraError as error:
            return dg.SkipReason(str(error))
        if not asked:
            return dg.SkipReason("no window has anything due")
        return [
            dg.RunRequest(run_key=request.run_key, partition_key=request.location_key, tags=run_tags(request))
            for request in asked
        ]

    return _tick


def schedules(verify_job: Any) -> list[dg.ScheduleDefinition]:
    """All schedules of the window; ``verify_job`` judges what stands again."""
    return [
        _schedule(
            "follow", "* * * * *", follow_location, "Reads the POS of every open window when its policy says so."
        ),
        _schedule("reconcile", "*/5 * * * *", reconcile_location, "Judges business dates after their close-out."),
        _schedule("verify", "*/5 * * * *", verify_job, "Judges what stands again before its verdict is stale."),
    ]
