"""A chain: plans that stand on each other, locations that never change what another sells, undo in any order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.core.errors import Refused
from aura_migration.load.undo import image_of_schema
from aura_migration.migration import decide, stages
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import A_MONTH, Connected, connected, previewed

TABLES = tuple(dict.fromkeys(entity.table for entity in MENU_ENTITIES))


def _rows(at: Connected) -> dict[tuple[str, int], str]:
    """Every row of AuraConnect's menu tables as text."""
    with at.workshop.connect() as connection:
        return {
            (table, number): text
            for table in TABLES
            for number, text in connection.execute(f"SELECT id, to_jsonb(t)::text FROM aura.{table} t")
        }


def _image(at: Connected) -> str:
    with at.workshop.connect() as connection:
        return image_of_schema(connection, TABLES)


def _load(at: Connected, migration_id: int) -> None:
    with stages.locked(at.workshop, at.locations[migration_id - 1].key):
        stages.load(at.workshop, migration_id, "test")


def _approve_all(at: Connected) -> None:
    for number in range(len(at.locations)):
        migration_id, plan = previewed(at, number, A_MONTH)
        decide.approve(at.workshop, migration_id, plan.hash, "test")


@pytest.mark.parametrize(
    ("pos", "order"),
    [
        ("toast", (3, 1, 2)),
        ("square", (2, 1)),
        ("clover", (1, 2)),
        # The order in which the chain was loaded is the milder one.
        pytest.param("toast", (1, 2, 3), marks=pytest.mark.soak),
        pytest.param("square", (1, 2), marks=pytest.mark.soak),
    ],
)
def test_each_location_of_a_chain_is_proven_and_changes_no_row_of_the_others_and_undo_leaves_nothing(
    pos: str, order: Sequence[int], settings: Settings
) -> None:
    with serve(pos, "chain", seed=1, locations=len(order), limits="off") as sandbox:
        at = connected(settings, pos, sandbox.base_url)
        before = _image(at)
        _approve_all(at)
        for migration_id in sorted(order):
            sold = _rows(at)
            _load(at, migration_id)
            after = _rows(at)
            assert {key: after.get(key) for key in sold} == sold
        for migration_id in sorted(order):
            verdict = stages.verify(at.workshop, migration_id, "test")
            assert verdict.passed, [
                (f.check_name, f.entity, f.source_key, f.expected, f.actual) for f in verdict.findings[:9]
            ]
        for migration_id in order:
            stages.undo(at.workshop, migration_id, "test")
        assert _image(at) == before


def test_a_plan_that_stands_on_another_is_refused_until_that_one_is_loaded(settings: Settings) -> None:
    with serve("toast", "chain", seed=1, locations=3, limits="off") as sandbox:
        at = connected(settings, "toast", sandbox.base_url)
        _approve_all(at)
        with pytest.raises(Refused, match="stands on the plan of") as refused:
            _load(at, 3)
        assert "Run migration 1 first" in refused.value.remedy
        before = _image(at)
        _load(at, 1)
        assert _image(at) != before
