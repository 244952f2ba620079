"""The acceptance suite of one migration: held against what stands in AuraConnect now, stored as a gate, its pages kept.

What is expected is in ``verify/acceptance``; it runs apart from verification, because Great Expectations takes its time.
"""

from __future__ import annotations

from typing import Any

from aura_migration.core.errors import Refused
from aura_migration.migration.dating import aura_location
from aura_migration.migration.records import get_migration, loaded_plan, store_report
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.acceptance.expected import tables
from aura_migration.verify.acceptance.suite import Accepted, accept
from aura_migration.verify.findings import ACCEPTANCE
from aura_migration.verify.verdict import record_gate

FOLDER = "acceptance"
REMEDY = "The pages name the table and the expectation; correct the rows in AuraConnect, then run the suite again."


def accept_migration(workshop: Workshop, migration_id: int) -> Accepted:
    """Run the suite over what the migration has loaded; store its gate and report. ``Refused`` where nothing is loaded."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        plan = loaded_plan(connection, migration_id)
        if plan is None:
            raise Refused(
                f"Migration {migration_id} is {migration.state}: nothing of it stands in AuraConnect.",
                f"Load it first: aura-migration run {migration_id}",
            )
        planned: dict[str, Any] = plan["counts"]
        plan_id = int(plan["id"])
        numbers = {
            "migration": migration_id,
            "location": aura_location(connection, migration),
            "plan": plan_id,
            "restaurant": migration.restaurant_id,
            "integration": migration.integration_id,
        }
    found = accept(
        workshop.url, tables(planned), numbers, workshop.settings.data_dir / FOLDER / f"migration-{migration_id}"
    )
    with workshop.connect() as connection, connection.transaction():
        passed = len(found.results) - len(found.failed)
        record_gate(
            connection,
            migration_id,
            ACCEPTANCE,
            found.passed,
            f"{passed} of {len(found.results)} expectations met",
            REMEDY if found.failed else "",
            {"failed": [dict(one) for one in found.failed], "page": found.page, "plan": plan_id},
            workshop.now(),
        )
        body = {"migration_id": migration_id, "results": [dict(one) for one in found.results], "page": found.page}
        store_report(connection, migration.integration_id, migration.location_key, "acceptance", body)
    return found
