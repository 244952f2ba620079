"""The sales reports as assets: tables and charts of a location, shown where data engineers look.

Made after each load that changed orders, in a run of its own: drawing takes as long as loading a café. The figures are
those of the report tables; nothing is computed here.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

import base64
from collections.abc import Iterator
from itertools import islice
from typing import Any

import dagster as dg

from aura_migration.migration.reports.base import Section, Source
from aura_migration.migration.reports.sales.sections import SALES_KINDS, sales_section
from aura_migration.orchestration import shown
from aura_migration.orchestration.afterwards import INTERVAL_SECONDS, OF_ORDERS, runs_after_loads
from aura_migration.orchestration.carry import work
from aura_migration.orchestration.jobs import BY_LOCATION
from aura_migration.orchestration.partitions import restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.specs import spec

WIDEST = 16
"""Columns that Dagster's page of an asset has room for."""
MONTHS = 13
NAMES = {kind: kind.replace("-", "_") for kind in SALES_KINDS}
SPECS = [
    spec(
        "reports",
        name,
        f"Sales report `{kind}` of the location, from the orders that were loaded; the CSV is written by the command report.",
        [["load", "historical_orders"], ["load", "historical_payments"], ["load", "historical_refunds"]],
        {"postgres", "matplotlib"},
    )
    for kind, name in NAMES.items()
]


@dg.multi_asset(name="make_reports", specs=SPECS, partitions_def=restaurant_locations, can_subset=True)
def make_reports(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Iterator[dg.MaterializeResult[Any]]:
    """Show the report tables of the location, with their charts."""
    with work(context, workshop, locks=False) as item, item.workshop.connect() as connection:
        source = Source(connection, item.migration, {})
        for kind, name in NAMES.items():
            key = dg.AssetKey(["reports", name])
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=_shown(sales_section(source, kind)))


def _shown(section: Section) -> dict[str, Any]:
    headings, rows = section.page or (section.headings, list(islice(section.rows, shown.SAMPLE_ROWS + 1)))
    title = "by month" if headings[0] == "month" else "over all days"
    if len(headings) > WIDEST:  # a page has no room for so many columns: figures go down, and months across
        months = rows[-MONTHS:]
        headings, rows = (
            ("figure", *(str(row[0]) for row in months)),
            [[heading, *(row[place] for row in months)] for place, heading in enumerate(headings[1:], start=1)],
        )
    metadata: dict[str, Any] = {
        title: shown.whole_table(headings, rows) if headings[0] == "figure" else shown.table(headings, rows)
    }
    if section.note:
        metadata["note"] = section.note
    for text, image in section.images.items():
        encoded = base64.b64encode(image).decode()
        metadata[f"chart: {text}"] = dg.MetadataValue.md(f"![{text}](data:image/png;base64,{encoded})")
    return metadata


report_sales = dg.define_asset_job(
    "report_sales",
    selection=dg.AssetSelection.groups("reports"),
    config=BY_LOCATION,
    executor_def=dg.in_process_executor,
    description="Show the sales reports of one location with their charts.",
)


@dg.sensor(
    job=report_sales,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes the sales reports of a location after each load of its orders, whoever carried it out.",
)
def reports_after_load(
    context: dg.SensorEvaluationContext, workshop: WorkshopResource
) -> dg.SensorResult | dg.SkipReason:
    """One run per plan whose load changed orders: the run key is the plan's."""
    return runs_after_loads(context, workshop, "reports", OF_ORDERS)
