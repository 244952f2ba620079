"""Toast lists only what is sold out or counted: what leaves the list is in stock again, and so it is in AuraConnect."""

from __future__ import annotations

from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.migration import decide, stages
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import Connected, connected, control, previewed

NO_PAST = MigrationOptions(history=HistoryOptions(months=0))
STOCK = "SELECT source_id, status, is_tracked, quantity FROM aura.inventory WHERE deleted_at IS NULL"


def _stock(at: Connected) -> dict[str, tuple[str, bool, object]]:
    with at.workshop.connect() as connection:
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(STOCK).fetchall()}


def _load(at: Connected, migration_id: int, plan_hash: str) -> list[tuple[str, str]]:
    """What the verdict finds after loading, by entity and cause."""
    decide.approve(at.workshop, migration_id, plan_hash, "test")
    with stages.locked(at.workshop, at.locations[0].key):
        stages.load(at.workshop, migration_id, "test")
        found = stages.verify(at.workshop, migration_id, "test").findings
    return [(one.entity, one.cause) for one in found if one.is_blocking]


def test_what_left_the_list_of_sold_out_items_is_in_stock_and_what_left_the_menu_stays_as_it_was(
    settings: Settings,
) -> None:
    gone = ("items", "sold in AuraConnect, but not by the POS at this location")
    with serve("toast", "cafe", seed=1, limits="off") as sandbox:
        at = connected(settings, "toast", sandbox.base_url)
        migration_id, plan = previewed(at, options=NO_PAST)
        assert _load(at, migration_id, plan.hash) == []
        before = _stock(at)
        back, off, *_ = sorted(key for key in before if key.count("/") == 1 and before[key][0] != "in_stock")

        control(sandbox.base_url, "POST", "edit", {"op": "set_available", "item": back.split("/")[1]})
        control(sandbox.base_url, "POST", "edit", {"op": "set_available", "item": off.split("/")[1]})
        control(sandbox.base_url, "POST", "edit", {"op": "delete_item", "item": off.split("/")[1]})
        control(sandbox.base_url, "POST", "edit", {"op": "publish"})
        _, again = previewed(at, options=NO_PAST)
        assert (again.counts["stock"]["update"], again.counts["stock"]["create"]) == (1, 0), again.counts["stock"]
        assert _load(at, migration_id, again.hash) == [gone]
        assert _stock(at) == {**before, back: ("in_stock", False, None)}

        _, third = previewed(at, options=NO_PAST)
        writes = ("create", "update", "merge", "conflict")
        assert [entity for entity, counts in third.counts.items() if any(counts[w] for w in writes)] == []

        with at.workshop.connect() as connection:  # as if the list's silence had been taken for nothing
            connection.execute("UPDATE aura.inventory SET status = 'out_of_stock' WHERE source_id = %s", [back])
        stale = stages.verify(at.workshop, migration_id, "test").findings
        assert [(f.source_key, f.actual) for f in stale if f.entity == "stock"] == [
            (back.split("/")[1], {"status": "out_of_stock"})
        ]
