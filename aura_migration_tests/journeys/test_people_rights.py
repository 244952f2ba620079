"""People whom nobody may read: a blocker that names the right and what to leave out, and a way on without them."""

from __future__ import annotations

import pytest

from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.core.errors import AuraError
from aura_migration.migration import decide, stages
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import Connected, connected, control, previewed

STAFF = ("staff", "staff_jobs", "staff_locations", "timecards", "roles")
GUESTS = ("customers", "customer_addresses", "customer_consents")


def _options(*excluded: str) -> MigrationOptions:
    return parse_options({"history": {"months": 1}, "excludeEntities": list(excluded)})


def _blockers(at: Connected, options: MigrationOptions) -> tuple[int, str, list[str]]:
    migration, plan = previewed(at, options=options)
    with at.workshop.connect() as connection:
        row = connection.execute("SELECT blockers FROM migration.plans WHERE id = %s", [plan.plan_id]).fetchone()
    assert row is not None
    return migration, plan.hash, list(row[0])


@pytest.mark.parametrize(
    ("pos", "scope", "left_out"),
    [
        ("toast", "labor.employees:read", ("staff", "staff_jobs", "staff_locations", "timecards")),
        ("clover", "EMPLOYEES_R", STAFF),
        ("clover", "CUSTOMERS_R", GUESTS),
    ],
)
def test_people_without_a_right_to_them_block_until_they_are_left_out_by_name(
    settings: Settings, pos: str, scope: str, left_out: tuple[str, ...]
) -> None:
    with serve(pos, "cafe", seed=1, limits="off") as sandbox:
        at = connected(settings, pos, sandbox.base_url)
        control(at.base_url, "POST", "tokens", {"op": "drop_scope", "scope": scope})
        migration, plan_hash, blockers = _blockers(at, _options())
        assert any(scope in blocker for blocker in blockers), blockers
        with pytest.raises(AuraError) as refused:
            decide.approve(at.workshop, migration, plan_hash, "test")
        assert scope in refused.value.what
        named = {entity for blocker in blockers for entity in left_out if entity in blocker}
        assert named, "the remedy names what to leave out"
        again, plan_hash, blockers = _blockers(at, _options(*left_out))
        assert (again, blockers) == (migration, [])
        decide.approve(at.workshop, migration, plan_hash, "test")
        with stages.locked(at.workshop, at.locations[0].key):
            stages.load(at.workshop, migration, "test")
        assert stages.verify(at.workshop, migration, "test").passed is True
