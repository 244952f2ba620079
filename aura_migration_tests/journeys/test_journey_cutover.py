"""A café goes the whole way: its window, gates, signatures, online switched, what AuraConnect took put back; reversed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from aura_migration.canonical.window import SwitchPolicy, WindowPolicy
from aura_migration.core.errors import Refused
from aura_migration.cutover.gates import GateResult, measure_gates
from aura_migration.cutover.reversing import sign_reverse
from aura_migration.cutover.waivers import waive
from aura_migration.migration import inspect, stages
from aura_migration.migration.records import get_migration
from aura_migration.migration.window import opening, shown, signing
from aura_migration.migration.window.switching import abort_overdue_switches
from aura_migration.migration.window.ticks import TICKS
from aura_migration.migration.window.works import carry_out_work
from aura_migration.reconcile.sheet import total_of
from aura_migration_tests.support.journeys import control
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live

__all__ = ["open_live"]

DAYS = 8


class Cutover:
    """The way of one live café, work by work at its own clock."""

    def __init__(self, world: LiveWorld) -> None:
        self.world = world

    def do(self, kind: str, **options: Any) -> dict[str, Any]:
        return carry_out_work(self.world.at(), kind, self.world.migration_id, "test", options)

    def gates(self, channel: str) -> dict[str, GateResult]:
        found = measure_gates(self.world.connection, self.world.migration_id, channel, self.world.now)
        return {one.name: one for one in found}

    def waive_what_lacks(self, channel: str) -> list[str]:
        """Waive what may be waived; the names."""
        world, done = self.world, []
        for name, gate in self.gates(channel).items():
            if not gate.holds and gate.is_waivable:
                waive(
                    world.connection, world.migration_id, name, "Ada", "a small café", gate.at_stake_cents or 0,
                    world.now + timedelta(days=2), world.now,
                )  # fmt: skip
                done.append(name)
        return done

    def sign(self, channel: str, direction: str = "forward") -> None:
        for name in ("Ada", "Bo"):
            signing.sign(self.world.at(), self.world.connection, self.world.migration_id, channel, direction, name, "")

    def page(self) -> dict[str, Any]:
        return shown.window_page(self.world.at(), self.world.connection, self.world.migration_id)


def test_online_is_switched_by_its_gates_and_everything_goes_back(open_live: Callable[..., LiveWorld]) -> None:
    world = open_live("square")
    way = Cutover(world)
    with pytest.raises(Refused, match="gate clean_days"):
        signing.sign(world.at(), world.connection, world.migration_id, "online", "forward", "Ada", "")
    world.days(FIRST_DAY, DAYS, 6, follow_every=DAYS)
    inspect.preflight(world.at(), world.migration.integration_id, world.location_key)
    assert way.do("follow", setup=True)["outcome"] == "nothing"
    assert {day["verdict"] for day in way.do("reconcile")["days"]} == {"clean"}
    assert way.do("integration_tests")["failed"] == []
    assert way.do("rehearse")["passed"] is True
    metrics = stages.verify(world.at(), world.migration_id, "test").scorecard["metrics"]
    assert (metrics["days_clean"], metrics["unexplained_max_pct"], metrics["reverse_level"]) == (DAYS, 0.0, "A")

    # The restaurant begins with two categories of its menu.
    (begins_with,) = world.rows(
        "SELECT array_agg(name ORDER BY n DESC, name) FROM (SELECT c.name, count(*) AS n FROM aura.menu_item_categories m "
        "JOIN aura.menu_categories c ON c.id = m.category_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2) c"
    )[0]
    policy = WindowPolicy(switch=SwitchPolicy(limited_menu=tuple(begins_with)))
    opening.set_policy(world.connection, world.migration_id, policy, "Ada", "drinks and pastry first")

    # What lacks is waived by name, with an amount and an end; what two people have not signed is not switched.
    waived = way.waive_what_lacks("online")
    assert "coverage" in waived and not {"liability_conserved", "tax_exact"} & set(waived)
    with pytest.raises(Refused, match="two_people"):
        way.do("switch", channel="online")
    assert way.do("reconcile")["phase"] == way.page()["state"] == "ready"
    way.sign("online")
    switched = way.do("switch", channel="online")
    assert (switched["state"], switched["step"]) == ("done", "done")
    world.wait_until(world.now + timedelta(minutes=2))  # the switch itself took its time
    page = way.page()
    assert (page["window"]["phase"], page["state"], page["next_channel"]) == ("live", "live", "in_house")
    assert {c["channel"]: (c["book"], c["accepts"]) for c in page["channels"]}["online"] == ("auraconnect", True)
    assert [step["name"] for step in page["switches"][-1]["steps"]][-2:] == ["rechecked", "done"]
    world.restaurant.own("online", "auraconnect", world.now)

    # A day with online orders in AuraConnect and the others at the POS: every sale once, and noted for the way back.
    day = FIRST_DAY + timedelta(days=DAYS + 1)
    world.day(day, 8, online=0.5)
    followed = way.do("follow")
    assert followed["way_back"]["waiting"] == 0
    assert {one["verdict"] for one in way.do("reconcile")["days"] if one["date"] == day.isoformat()} == {"clean"}
    migration = get_migration(world.connection, world.migration_id)
    sheet = [
        one
        for one in shown.sheet_of(world.connection, migration, opening.get_window(world.connection, world.migration_id))
        if one.business_date == day
    ]
    truth = world.truth()[day.isoformat()]
    assert total_of(sheet).orders == truth["orders"] and total_of(sheet).gross == truth["gross_cents"]
    assert truth["by_book"]["auraconnect"]["orders"] > 0
    offered, sold = world.one(
        "SELECT count(*) FILTER (WHERE aura.offers(o.location_id, i.menu_item_id)), count(*) FROM aura.order_items i "
        "JOIN aura.orders o ON o.id = i.order_id WHERE o.origin = 'aura_native'"
    )
    assert offered == sold > 0, "guests found nothing else on the menu"
    natives = world.one("SELECT count(*) FROM aura.orders WHERE origin = 'aura_native' AND deleted_at IS NULL")
    entries = world.rows("SELECT state, count(*) FROM migration.reverse_entries WHERE kind = 'order' GROUP BY 1")
    assert sum(number for _, number in entries) == natives
    way.do("follow")  # which reads the copies that were written back
    assert world.judge(day).verdict == "clean", "they are no sales of the POS"
    _a_changed_order_leaves_what_stands_at_the_pos_alone(world, way)

    # Back again: signed, walked, ended; a rollback is possible again, and the POS has every channel.
    with pytest.raises(Refused, match="signed"):
        way.do("reverse", reason="a try")
    for name in ("Ada", "Bo"):
        sign_reverse(world.connection, world.migration_id, name, "a try")
    assert way.do("reverse", reason="a try") == {
        "migration_id": world.migration_id,
        "switched_back": ["online"],
        "ending": "reversed",
    }
    assert get_migration(world.connection, world.migration_id).state == "loaded"
    assert not any(c["accepts"] for c in way.page()["channels"] if c["channel"] != "time_clock")
    with pytest.raises(Refused):
        way.do("follow")


def _a_changed_order_leaves_what_stands_at_the_pos_alone(world: LiveWorld, way: Cutover) -> None:
    """It is filed with what to do; its reference at the POS stands for the first version, which nobody cancels."""
    number, key = world.one(
        "SELECT aura_id, pos_key FROM migration.reverse_entries WHERE kind = 'order' AND state = 'written' ORDER BY id LIMIT 1"
    )
    world.connection.execute(
        "UPDATE aura.orders SET total_amount_cents = total_amount_cents + 100, final_amount_cents = final_amount_cents + 100 "
        "WHERE id = %s",
        [number],
    )
    way.do("follow")
    told = world.rows(
        "SELECT state, file_name IS NOT NULL, problem FROM migration.reverse_entries WHERE kind = 'order' AND aura_id = "
        f"{number} ORDER BY id"
    )
    assert [(state, is_filed) for state, is_filed, _ in told] == [("written", False), ("filed", True)]
    assert key in told[1][2] and "by hand" in told[1][2]
    token = control(world.sandbox.base_url, "GET", "credentials")["default"]["access_token"]
    there = httpx.get(f"{world.sandbox.base_url}/v2/orders/{key}", headers={"authorization": f"Bearer {token}"}).json()
    assert there["order"]["state"] == "COMPLETED", "paid in AuraConnect, and so at the POS"
    assert [one["type"] for one in there["order"]["tenders"]] == ["OTHER"]


def test_schedules_ask_for_what_is_due_once(open_live: Callable[..., LiveWorld]) -> None:
    world = open_live("clover")
    world.day(FIRST_DAY, 4, follows=False)
    now = world.judged_at(FIRST_DAY)
    assert [r.kind for r in TICKS["follow"](world.at(now), now).asked] == ["follow"]
    assert not TICKS["follow"](world.at(now), now).asked, "it is asked for already"
    assert not TICKS["reconcile"](world.at(now), now).asked, "one thing at a time"
    world.connection.execute("UPDATE migration.requests SET state = 'done'")
    world.wait_until(now)
    carry_out_work(world.at(), "follow", world.migration_id, "test", {})
    assert not TICKS["follow"](world.at(now), now).asked
    assert [r.kind for r in TICKS["reconcile"](world.at(now), now).asked] == ["reconcile"]
    world.connection.execute("UPDATE migration.requests SET state = 'done'")
    carry_out_work(world.at(), "reconcile", world.migration_id, "test", {})
    assert not TICKS["reconcile"](world.at(now), now).asked
    assert abort_overdue_switches(world.at()) == []
