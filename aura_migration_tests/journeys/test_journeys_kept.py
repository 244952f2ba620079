"""What a rollback keeps keeps its identity: the next migration knows it again, whatever it is called by then."""

from __future__ import annotations

import pytest

from aura_migration.core.errors import Refused
from aura_migration.migration import decide, stages
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import connected, previewed


def test_a_row_kept_for_a_staff_edit_is_recognised_by_the_next_migration_and_not_made_twice(settings: Settings) -> None:
    with serve("square", "cafe", seed=1, limits="off") as sandbox:
        at = connected(settings, "square", sandbox.base_url)
        migration_id, plan = previewed(at)
        decide.approve(at.workshop, migration_id, plan.hash, "test")
        with stages.locked(at.workshop, at.locations[0].key):
            stages.load(at.workshop, migration_id, "test")
        with at.workshop.connect() as connection:
            row = connection.execute("SELECT min(id) FROM aura.menu_items").fetchone()
            assert row is not None
            connection.execute("UPDATE aura.menu_items SET name = 'Our own name' WHERE id = %s", [row[0]])
        undone = stages.undo(at.workshop, migration_id, "test", edited="keep")
        assert [kept["id"] for kept in undone.kept if kept["outcome"] == "kept_edited"] == [row[0]]
        with pytest.raises(Refused, match=r"is rolled back\. 2 records that people edited") as refused:
            stages.undo(at.workshop, migration_id, "test", edited="undo")
        assert "--edited undo" in refused.value.remedy
        _, again = previewed(at)
        items = again.counts["items"]
        assert (items["create"], items["unchanged"], items["conflict"]) == (items["source"] - 1, 1, 0), again.counts
