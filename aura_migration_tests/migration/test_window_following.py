"""While both systems run the POS is followed: sales at once, the menu by what the policy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.canonical.window import FollowPolicy, WindowPolicy
from aura_migration.core.errors import Refused
from aura_migration.migration import decide, stages
from aura_migration.migration.records import get_migration
from aura_migration.migration.window.following import Followed, follow
from aura_migration.migration.window.opening import extend_window, get_window, open_window, set_policy
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import Connected, connected, control, previewed

NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def square() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", seed=1, limits="off") as sandbox:
        yield sandbox


class Followable:
    """A café whose window is open, and a clock."""

    def __init__(self, at: Connected, migration_id: int) -> None:
        self.at, self.id, self.now = at, migration_id, NOW

    def later(self, **delta: float) -> Followable:
        """Let time pass, at the POS too."""
        self.now += timedelta(**delta)
        control(self.at.base_url, "POST", "clock", {"now": self.now.isoformat()})
        return self

    def edit(self, **op: Any) -> list[str]:
        """Something happens at the POS; the ids of what changed."""
        changed: list[str] = control(self.at.base_url, "POST", "edit", op)["changed"]
        return changed

    def follow(self, **more: Any) -> Followed:
        return follow(self.at.workshop, self.id, "test", self.now + timedelta(minutes=1), **more)

    def one(self, query: str, *arguments: Any) -> Any:
        with self.at.workshop.connect() as connection:
            row = connection.execute(query.encode(), arguments).fetchone()
            assert row is not None
            return row[0] if len(row) == 1 else row

    def verified(self) -> bool | None:
        workshop = replace(self.at.workshop, settings=replace(self.at.workshop.settings, now=self.now))
        verdict = stages.verify(workshop, self.id, "test")
        told = [(f.check_name, f.source_key, f.expected, f.actual, f.cause) for f in verdict.findings if f.is_blocking]
        told += [(g.name, g.value, g.remedy, "", "") for g in verdict.gates if g.passed is False]
        print("\n".join(map(str, told)))
        return verdict.passed


@pytest.fixture
def cafe(settings: Settings, square: RunningSandbox) -> Followable:
    control(square.base_url, "POST", "clock", {"now": NOW.isoformat()})
    at = connected(replace(settings, now=NOW), "square", square.base_url)
    migration_id, plan = previewed(at, options=MigrationOptions(history=HistoryOptions(months=1)))
    with pytest.raises(Refused, match="once its verdict has passed"):
        open_window(at.workshop, migration_id, "test")
    decide.approve(at.workshop, migration_id, plan.hash, "test")
    with stages.locked(at.workshop, at.locations[0].key):
        stages.load(at.workshop, migration_id, "test")
    assert stages.verify(at.workshop, migration_id, "test").passed
    open_window(at.workshop, migration_id, "test", contact={"name": "Ada", "phone": "+1 555 0100"})
    return Followable(at, migration_id)


def test_sales_are_followed_at_once_and_the_menu_waits_for_an_approval(cafe: Followable) -> None:
    with cafe.at.workshop.connect() as connection:
        assert get_migration(connection, cafe.id).state == "parallel"
        assert get_window(connection, cafe.id).first_day.isoformat() == "2026-10-01"
        assert extend_window(connection, cafe.id, 10, "test", "a slow month").planned_days == 40

    # Nothing happened: nothing is written, and the journey stays where it is.
    first = cafe.later(minutes=15).follow()
    assert (first.orders, first.setup, first.counts) == ("nothing", "nothing", {})

    # A sale, then its tip.
    (sold, *_) = cafe.edit(op="add_order", tender="CARD")
    second = cafe.later(hours=2).follow()
    assert second.orders == "applied" and second.counts["orders"] == 1
    assert cafe.one("SELECT origin FROM aura.orders WHERE source_id = %s", sold) == "pos_native"
    assert cafe.one("SELECT state FROM migration.migrations WHERE id = %s", cafe.id) == "parallel"
    cafe.edit(op="tip_adjust", order=sold, cents=777)
    cafe.later(minutes=5).follow()
    assert cafe.one("SELECT tip_amount_cents FROM aura.orders WHERE source_id = %s", sold) == 777

    # A price is raised at the POS: sales go on being followed, the price waits, and what stands is still proven.
    variation, price = cafe.one(
        "SELECT v.source_id, coalesce(v.price_cents, 0) FROM aura.menu_item_variations v JOIN aura.menu_items i "
        "ON i.id = v.menu_item_id WHERE v.price_type = 'fixed' AND v.source_id IS NOT NULL ORDER BY v.id LIMIT 1"
    )
    cafe.edit(op="set_price", variation=variation, cents=price + 25)
    cafe.edit(op="add_order")
    third = cafe.later(hours=1).follow()
    assert (third.orders, third.setup) == ("applied", "waiting")
    label, changes, state = cafe.one("SELECT label, changes, state FROM migration.drift WHERE state = 'waiting'")
    assert changes["price_cents"][1] == price + 25 and state == "waiting", (label, changes)
    assert cafe.one("SELECT price_cents FROM aura.menu_item_variations WHERE source_id = %s", variation) == price
    assert cafe.verified() is True

    # Following again finds the same and forgets nothing; somebody approves it, and the next following has nothing to wait for.
    fourth = cafe.later(hours=1).follow()
    assert fourth.setup == "waiting" and fourth.plan_hash == third.plan_hash
    assert cafe.one("SELECT count(*) FROM migration.drift WHERE state = 'waiting'") == 1
    decide.approve(cafe.at.workshop, cafe.id, str(fourth.plan_hash), "Ada")
    fifth = cafe.later(minutes=5).follow()
    assert fifth.setup == "applied"
    assert cafe.one("SELECT price_cents FROM aura.menu_item_variations WHERE source_id = %s", variation) == price + 25
    assert cafe.one("SELECT array_agg(DISTINCT state ORDER BY state) FROM migration.drift") == ["applied", "superseded"]
    assert cafe.verified() is True

    # With the policy auto it is written at once.
    with cafe.at.workshop.connect() as connection:
        set_policy(connection, cafe.id, WindowPolicy(follow=FollowPolicy(menu="auto", rules="auto")), "test", "trusted")
    cafe.edit(op="set_price", variation=variation, cents=price + 50)
    sixth = cafe.later(hours=1).follow()
    assert sixth.setup == "applied"
    assert cafe.one("SELECT price_cents FROM aura.menu_item_variations WHERE source_id = %s", variation) == price + 50
    assert cafe.verified() is True

    # A day later the whole reading makes the glances of the day superfluous: what is pinned does not grow with every glance.
    pinned = "SELECT count(*) FROM migration.migration_snapshots WHERE is_current"
    with_glances = cafe.one(pinned)
    cafe.edit(op="add_order")
    assert cafe.later(days=1).follow().orders == "applied"
    cafe.later(minutes=15).follow()
    assert cafe.one(pinned) < with_glances
    assert cafe.verified() is True
