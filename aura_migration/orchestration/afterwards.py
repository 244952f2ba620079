"""What follows a load in a run of its own: one run per loaded plan, whoever carried it out."""

# No postponed annotations here: Dagster reads the context annotation as it stands.

import dagster as dg

from aura_migration.core.errors import AuraError
from aura_migration.migration.window.following import POLICY
from aura_migration.orchestration.partitions import place_tags, restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource

ANY = (
    "SELECT p.id, m.location_key FROM migration.plans p JOIN migration.migrations m ON m.id = p.migration_id "
    f"WHERE p.state = 'loaded' AND p.approved_by IS DISTINCT FROM '{POLICY}'"
)
"""Loads that people asked for: following the POS loads every few minutes, and its reports are made by the day."""
OF_ORDERS = f"{ANY} AND p.history IS NOT NULL"
INTERVAL_SECONDS = 30


def runs_after_loads(
    context: dg.SensorEvaluationContext, workshop: WorkshopResource, what: str, loads: str
) -> dg.SensorResult | dg.SkipReason:
    """One run per plan loaded since the cursor, its key ``what`` and the plan's number; ``loads`` is ``ANY`` or ``OF_ORDERS``.

    Loads are found in our records: a command's run has no daemon.
    """
    try:
        with workshop.open().connect() as connection:
            loaded = connection.execute(
                f"{loads} AND p.id > %s ORDER BY p.id".encode(), [int(context.cursor or 0)]
            ).fetchall()
    except AuraError as error:
        return dg.SkipReason(str(error))
    if not loaded:
        return dg.SkipReason("no orders were loaded since" if loads == OF_ORDERS else "nothing was loaded since")
    return dg.SensorResult(
        dynamic_partitions_requests=[restaurant_locations.build_add_request(sorted({place for _, place in loaded}))],
        run_requests=[
            dg.RunRequest(run_key=f"{what} of plan {plan}", partition_key=place, tags=place_tags(place))
            for plan, place in loaded
        ],
        cursor=str(loaded[-1][0]),
    )
