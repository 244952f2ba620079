"""Waivers, and the hour: who may answer for which gate, for how much and how long; when a restaurant is quiet."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover.gates import GATES_OF, require_gates
from aura_migration.cutover.service_hours import Curve, propose, sales_curve
from aura_migration.cutover.waivers import NEVER, WAIVABLE, active_waivers, end_waiver, list_waivers, waive
from aura_migration_tests.support.sales import Line
from aura_migration_tests.support.windows import LAST_DAY, NOW, Planted

WEEK = timedelta(days=7)
NEW_YORK = ZoneInfo("America/New_York")


def test_a_waived_gate_is_shown_as_waived_until_it_expires_or_is_taken_back(planted: Planted) -> None:
    planted.run("UPDATE migration.coverage SET seen = 0 WHERE dimension = 'tender'")
    made = waive(planted.connection, planted.migration, "coverage", "ben", "cash is refused here", 0, NOW + WEEK, NOW)
    found = planted.gate("coverage")
    assert (found.passed, found.verdict, found.holds, found.waived_by) == (False, "waived", True, "ben")
    assert found.value == "2 of 3 kinds seen at least 3 times" and found.waiver["reason"] == "cash is refused here"
    late = NOW + WEEK + timedelta(minutes=1)
    assert active_waivers(planted.connection, planted.migration, late) == {}
    assert planted.gate("coverage", now=late).holds is False, "expired"
    end_waiver(planted.connection, planted.migration, made.id, "ana", NOW)
    assert planted.gate("coverage").holds is False
    (kept,) = list_waivers(planted.connection, planted.migration)
    assert kept.ended_by == "ana", "what was waived is never forgotten"
    with pytest.raises(BadInput, match="no waiver 99"):
        end_waiver(planted.connection, planted.migration, 99, "ana", NOW)


def test_a_waiver_covers_no_more_money_than_it_was_given_for(planted: Planted) -> None:
    planted.day(LAST_DAY, "different", unexplained_cents=5_000)
    waive(planted.connection, planted.migration, "clean_days", "ben", "a till was tested", 4_000, NOW + WEEK, NOW)
    found = planted.gate("clean_days")
    assert not found.holds and "its waiver covers 4000 cents, 5000 are at stake" in found.value
    waive(planted.connection, planted.migration, "clean_days", "ben", "a till was tested", 5_000, NOW + WEEK, NOW)
    assert planted.gate("clean_days").holds
    assert [one.ended_by for one in list_waivers(planted.connection, planted.migration)] == ["ben", None]


def test_what_is_owed_to_guests_or_the_tax_office_is_never_waived(planted: Planted) -> None:
    assert set().union(*GATES_OF.values()) == WAIVABLE | set(NEVER)
    for gate in NEVER:
        with pytest.raises(Refused, match=f"Gate {gate} cannot be waived"):
            waive(planted.connection, planted.migration, gate, "ben", "we are late", 0, NOW + WEEK, NOW)
    waive(planted.connection, planted.migration, "verdict_passed", "ben", "known", 10**9, NOW + WEEK, NOW)
    planted.verified("prices_agree_to_the_cent", False, "4 cents")
    assert planted.gate("verdict_passed").verdict == "waived"
    planted.verified("gift_cards_conserved", False, "1 card")
    assert planted.gate("verdict_passed").holds is False


@pytest.mark.parametrize(
    ("gate", "by", "reason", "cents", "until", "what"),
    [
        ("nonsense", "ben", "r", 0, NOW + WEEK, "There is no gate"),
        ("coverage", "ben", " ", 0, NOW + WEEK, "needs who approves it and a reason"),
        ("coverage", "", "r", 0, NOW + WEEK, "needs who approves it and a reason"),
        ("coverage", "ben", "r", -1, NOW + WEEK, "0 or more"),
        ("coverage", "ben", "r", 0, NOW, "ends within 31 days"),
        ("coverage", "ben", "r", 0, NOW + 5 * WEEK, "ends within 31 days"),
        ("coverage", "ben", "r", 0, datetime(2026, 3, 5), "ends within 31 days"),
    ],
)
def test_a_waiver_names_who_why_how_much_and_until_when(
    planted: Planted, gate: str, by: str, reason: str, cents: int, until: datetime, what: str
) -> None:
    with pytest.raises(BadInput, match=what):
        waive(planted.connection, planted.migration, gate, by, reason, cents, until, NOW)


# The hour ------------------------------------------------------------------------------------------------------------


def test_the_switch_waits_for_the_restaurants_own_quiet_hours_or_is_forced(planted: Planted) -> None:
    planted.policy(gates={"people": 1})
    dinner = datetime(2026, 3, 2, 19, 20, tzinfo=NEW_YORK)
    found = planted.gate("outside_service_hours", now=dinner)
    assert found.passed is False and "at most 2 %" in found.value and "or force it with a reason" in found.remedy
    before_lunch = dinner.replace(hour=10, minute=45)
    assert planted.gate("outside_service_hours", now=before_lunch).value == "quiet for 15 min only"
    assert planted.gate("outside_service_hours").evidence["quiet_until"] == "2026-03-02T16:00:00+00:00"
    planted.sign("online", "ana", planted.gate("two_people", "online").evidence["gates_hash"])
    lunch = datetime(2026, 3, 2, 11, 5, tzinfo=NEW_YORK)
    planted.followed(at=lunch - timedelta(minutes=1))
    planted.run("UPDATE migration.gates SET measured_at = %s", lunch)
    with pytest.raises(Refused, match="gate outside_service_hours is failed"):
        require_gates(planted.connection, planted.migration, "online", lunch)
    assert require_gates(planted.connection, planted.migration, "online", lunch, forced_reason="the old POS is dead")


def test_too_few_orders_are_no_habit(planted: Planted) -> None:
    planted.run("DELETE FROM aura.orders WHERE id NOT IN (SELECT id FROM aura.orders ORDER BY id LIMIT 5)")
    found = planted.gate("outside_service_hours")
    assert found.passed is None and found.value == "5 orders in eight weeks, too few to know when service is"


def test_the_online_switch_looks_at_online_sales_where_there_are_enough(planted: Planted) -> None:
    for number in range(25):
        day = f"2026-02-{number % 28 + 1:02}"
        planted.till.check(day, [Line(2_000)], opened_at=f"{day} 15:10-05", channel="online")
    planted.till.flush()
    at = datetime(2026, 3, 2, 12, 5, tzinfo=NEW_YORK)
    assert planted.gate("outside_service_hours", "online", at).passed is True, "lunch is in house only"
    assert planted.gate("outside_service_hours", "in_house", at).passed is False


def test_hours_are_those_of_the_wall_also_when_the_clocks_change(planted: Planted) -> None:
    curve = sales_curve(planted.connection, planted.location, "America/New_York", "in_house", NOW, 0.02)
    winter, summer = datetime(2026, 3, 7, 11, 30, tzinfo=NEW_YORK), datetime(2026, 3, 8, 11, 30, tzinfo=NEW_YORK)
    assert (summer - winter).days == 1 and summer.astimezone(ZoneInfo("UTC")).hour == 15
    assert curve.share(winter) > 0.1 and curve.share(summer) > 0.1, "lunch begins at eleven, whatever UTC says"
    night = datetime(2026, 3, 7, 22, 30, tzinfo=NEW_YORK)
    assert curve.quiet_until(night) == datetime(2026, 3, 8, 11, tzinfo=NEW_YORK)
    assert len(curve.as_dict()["pct"]) == 7 and round(sum(map(sum, curve.as_dict()["pct"]))) == 700


def test_the_proposed_span_is_quiet_throughout_and_the_quietest_there_is() -> None:
    busy = {(weekday, hour): 100.0 for weekday in range(7) for hour in range(24)}
    for weekday, hour, cents in ((2, 4, 1.0), (2, 5, 1.0), (4, 3, 0.0), (4, 4, 0.5), (5, 2, 0.0)):
        busy[weekday, hour] = cents
    curve = Curve("America/New_York", busy, 1_000, 0.02)
    found = propose(curve, NOW)
    assert found is not None and found.begins_at == datetime(2026, 3, 6, 3, tzinfo=NEW_YORK)
    assert found.as_dict("America/New_York")["local"] == "Friday 06 March 03:00 to 05:00"
    assert propose(Curve("America/New_York", dict.fromkeys(busy, 100.0), 1_000, 0.02), NOW) is None
