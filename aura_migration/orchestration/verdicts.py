"""The verdict on orders and money as checks of the loaded asset: there an engineer looks who asks whether it can be trusted.

The gates are judged and stored by ``verify``; here the newest ones of the location are shown again, nothing is measured.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Iterator

import dagster as dg

from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.specs import MEANINGS
from aura_migration.verify import findings

LOADED = dg.AssetKey(["load", "historical_orders"])
PARTITION_TAG = "dagster/partition"
"""Which location a run is of: checks by themselves know no partition."""
SHOWN = (findings.ORDERS, findings.DAILY_SALES, findings.TAX, findings.PAYMENTS)


@dg.multi_asset_check(
    name="verdict_of_orders",
    specs=[
        dg.AssetCheckSpec(
            name=name,
            asset=LOADED,
            description=MEANINGS[name],
            additional_deps=[["verify", "scorecard"]],
        )
        for name in SHOWN
    ],
    can_subset=True,
)
def verdict_of_orders(
    context: dg.AssetCheckExecutionContext, workshop: WorkshopResource
) -> Iterator[dg.AssetCheckResult]:
    """Show the newest gates about the location's orders."""
    with workshop.open().connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT ON (g.name) g.name, g.passed, g.value, g.remedy, g.measured_at, g.migration_id "
            "FROM migration.gates g JOIN migration.migrations m ON m.id = g.migration_id "
            "WHERE m.location_key = %s AND g.name = ANY(%s) ORDER BY g.name, g.measured_at DESC, g.migration_id DESC",
            [context.run.tags[PARTITION_TAG], list(SHOWN)],
        ).fetchall()
    gates = {name: gate for name, *gate in rows}
    for key in sorted(context.selected_asset_check_keys, key=lambda one: SHOWN.index(one.name)):
        passed, value, remedy, measured, migration = gates.get(key.name, (None, None, "", None, None))
        yield dg.AssetCheckResult(
            asset_key=LOADED,
            check_name=key.name,
            passed=passed is not False,
            description=remedy or ("Measured over nothing." if passed is None else None),
            metadata={
                "value": value or "not measured",
                **({"migration": str(migration), "measured_at": measured.isoformat()} if measured else {}),
                "judged_in": dg.MetadataValue.asset(dg.AssetKey(["verify", "historical_orders"])),
            },
        )
