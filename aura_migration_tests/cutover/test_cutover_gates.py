"""Gates of a switch: each with its number when it passes, fails, is stale or was never measured."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover.gates import GATES_OF, gates_hash, measure_gates, require_gates
from aura_migration.cutover.waivers import WAIVABLE
from aura_migration_tests.support.sales import Line
from aura_migration_tests.support.windows import FIRST_DAY, LAST_DAY, NOW, Planted, worker

DAY = timedelta(days=1)


def test_a_window_with_all_its_evidence_lacks_only_the_signatures(planted: Planted) -> None:
    for channel in GATES_OF:
        found = planted.gates(channel)
        assert set(found) == GATES_OF[channel]
        assert {name: one.value for name, one in found.items() if not one.holds} == {"two_people": "0 of 2 signed"}


def test_what_is_asked_differs_by_channel(planted: Planted) -> None:
    assert GATES_OF["in_house"] - GATES_OF["online"] == {"staff_ready", "unsettled_batches", "drawers_closed"}
    assert "staff_ready" in GATES_OF["time_clock"] and "clean_days" not in GATES_OF["time_clock"]
    assert "open_checks" not in GATES_OF["reporting"] and "clean_days" in GATES_OF["reporting"]
    with pytest.raises(BadInput, match="'fax' is not a channel"):
        measure_gates(planted.connection, planted.migration, "fax", NOW)


def test_without_a_window_there_is_nothing_to_measure(planted: Planted) -> None:
    other = planted.location_beside("L9", None)
    with pytest.raises(Refused, match="no parallel window"):
        measure_gates(planted.connection, other, "online", NOW)


def test_every_gate_is_stored_with_its_number_and_only_written_anew_when_it_says_something_new(
    planted: Planted,
) -> None:
    planted.gates()
    rows = dict(
        planted.run(
            "SELECT name, evidence ->> 'owner' FROM migration.gates WHERE migration_id = %s AND name = ANY(%s)",
            *(planted.migration, sorted(GATES_OF["in_house"])),
        ).fetchall()
    )
    assert set(rows) == GATES_OF["in_house"] - {"pos_report_agreed"} and all(rows.values())
    seen = "SELECT array_agg(xmin::text || ctid::text ORDER BY name) FROM migration.gates WHERE migration_id = %s"
    before = planted.one(seen, planted.migration)
    planted.gates(now=NOW + timedelta(seconds=5))
    assert planted.one(seen, planted.migration) == before, "pages that are told of changes would ask for ever"
    turned = "SELECT count(*) FROM migration.gate_changes WHERE migration_id = %s AND name IN ('freshness', 'replay_verdict')"
    assert planted.gate("replay_verdict", now=NOW + DAY).is_stale and planted.one(turned, planted.migration) == 2
    assert planted.one("SELECT passed FROM migration.gates WHERE name = 'replay_verdict'") is None, "old is not no"


# Days ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "days", "passed", "value"),
    [
        (
            "a different day ends the row",
            {LAST_DAY - 5 * DAY: "different"},
            False,
            "5 of 7 clean .*2026-02-24 is different",
        ),
        (
            "closed days count not and end nothing",
            {LAST_DAY - DAY: "closed", LAST_DAY - 3 * DAY: "closed"},
            True,
            "8 of 7",
        ),
        ("the newest days may be pending", {LAST_DAY: "pending", LAST_DAY - DAY: "pending"}, True, "8 of 7"),
        (
            "a pending day between judged ones is not known",
            {LAST_DAY - 2 * DAY: "pending"},
            False,
            "2 of 7.*2026-02-27 is pending",
        ),
        ("a day nobody judged ends the row", {LAST_DAY - 3 * DAY: ""}, False, "3 of 7.*2026-02-26 has no verdict"),
        ("nothing judged is no answer", dict.fromkeys((FIRST_DAY + n * DAY for n in range(10)), ""), None, "0 of 7"),
    ],
)
def test_clean_days_count_in_a_row_up_to_now(
    planted: Planted, name: str, days: dict[date, str], passed: bool | None, value: str
) -> None:
    for day, verdict in days.items():
        if verdict:
            planted.day(day, verdict, **({"unexplained_cents": 1299} if verdict == "different" else {}))
        else:
            planted.run("DELETE FROM migration.parallel_days WHERE business_date = %s", day)
    found = planted.gate("clean_days")
    assert found.passed is passed, name
    assert re.search(value, found.value), found.value
    assert passed or found.remedy


def test_days_judged_the_day_before_yesterday_are_stale(planted: Planted) -> None:
    planted.run("UPDATE migration.parallel_days SET judged_at = %s", NOW - timedelta(hours=40))
    found = planted.gate("clean_days")
    assert (found.passed, found.verdict, found.judged) == (False, "stale", True)
    assert "40.0 h ago, at most 36.0 h" in found.value and "reconcile" in found.remedy


def test_a_day_that_is_missing_or_stuck_is_named(planted: Planted) -> None:
    planted.run("DELETE FROM migration.parallel_days WHERE business_date = %s", FIRST_DAY + DAY)
    planted.day(FIRST_DAY, "pending")
    found = planted.gate("no_day_missing")
    assert found.passed is False and found.value == "1 day of 10 without a verdict, 1 day still pending past the grace"
    assert found.evidence["missing"] == ["2026-02-21"] and found.evidence["stuck"] == ["2026-02-20"]
    planted.run("UPDATE migration.windows SET first_day = %s", NOW.date() + DAY)
    assert planted.gate("no_day_missing").passed is None


def test_small_differences_that_lean_one_way_are_a_drift(planted: Planted) -> None:
    planted.run("UPDATE migration.parallel_days SET signed_cents = 60, unexplained_cents = 60")
    found = planted.gate("no_drift")
    assert found.passed is False and found.value == "6.00 USD (0.060 % of gross, at most 0.05 %)"
    assert found.at_stake_cents == 600
    planted.run(
        "UPDATE migration.parallel_days SET signed_cents = CASE WHEN extract(day FROM business_date)::int %% 2 = 0 THEN 60 ELSE -60 END"
    )
    assert planted.gate("no_drift").passed is True, "noise that cancels out is none"


def test_tax_must_be_exact_on_each_of_the_last_days_that_count(planted: Planted) -> None:
    planted.run("UPDATE migration.parallel_days SET tax_cents = 3 WHERE business_date = %s", FIRST_DAY)
    assert planted.gate("tax_exact").passed is True, "ten days back, seven are looked at"
    planted.run("UPDATE migration.parallel_days SET tax_cents = -1 WHERE business_date = %s", LAST_DAY - DAY)
    found = planted.gate("tax_exact")
    assert (found.passed, found.is_waivable) == (False, False) and found.value == "0.01 USD unexplained over 7 days"


def test_coverage_asks_for_each_kind_that_is_required(planted: Planted) -> None:
    for name, expected, required in (("gift card", 40, True), ("cheque", 2, False)):
        planted.run(
            "INSERT INTO migration.coverage (migration_id, dimension, name, expected, seen, is_required, measured_at) "
            "VALUES (%s, 'tender', %s, %s, 1, %s, %s)",
            *(planted.migration, name, expected, required, NOW),
        )
    found = planted.gate("coverage")
    assert found.passed is False and found.value == "3 of 4 kinds seen at least 3 times"
    assert "tender gift card" in found.remedy and found.evidence["pct"] == 75.0
    planted.run("DELETE FROM migration.coverage")
    assert planted.gate("coverage").verdict == "not measured"


def test_the_poss_own_report_is_told_of_and_stops_nothing(planted: Planted) -> None:
    found = planted.gate("pos_report_agreed")
    assert found.passed is None and found.holds and found.value == "derived, not confirmed"
    planted.verified("pos_report_agreed", False, "2 days differ")
    assert planted.gate("pos_report_agreed").value == "2 days differ" and planted.gate("pos_report_agreed").holds


# Verdicts ------------------------------------------------------------------------------------------------------------


def test_the_verdict_names_what_failed_and_is_stale_after_an_hour(planted: Planted) -> None:
    planted.verified("prices_agree_to_the_cent", False, "4 cents")
    found = planted.gate("verdict_passed")
    assert (found.passed, found.value, found.is_waivable) == (False, "prices_agree_to_the_cent (4 cents)", True)
    planted.verified("tax_match", False, "1 day")
    assert planted.gate("verdict_passed").is_waivable is False, "tax is never accepted"
    planted.run("UPDATE migration.gates SET passed = true")
    planted.run("UPDATE migration.gates SET measured_at = %s WHERE name = 'tax_match'", NOW - timedelta(minutes=61))
    assert planted.gate("verdict_passed").verdict == "stale", "one old check is enough"
    planted.run("DELETE FROM migration.gates")
    assert planted.gate("verdict_passed").verdict == "not measured"


def test_a_replay_that_differs_or_is_old_does_not_pass(planted: Planted) -> None:
    planted.verified("orders_replay_identically", False, "15 of 2,000 orders different", unexplained=15, cents=1234)
    found = planted.gate("replay_verdict")
    assert found.passed is False and found.value.startswith("15 of 2,000") and found.at_stake_cents == 1234
    planted.verified("orders_replay_identically", True, "2,000 orders", at=NOW - timedelta(hours=3))
    assert planted.gate("replay_verdict").verdict == "stale"
    planted.verified("orders_replay_identically", None, "")
    assert planted.gate("replay_verdict").verdict == "not measured"


def test_menu_and_orders_must_have_been_read_a_moment_ago(planted: Planted) -> None:
    assert planted.gate("freshness").value == "menu read 5 min ago; orders read 5 min ago"
    found = planted.gate("freshness", now=NOW + timedelta(minutes=20))
    assert (found.passed, found.is_stale) == (False, True) and "menu read 25 min ago, at most 15 min" in found.value
    planted.run("DELETE FROM migration.follows")
    planted.followed("orders")
    assert planted.gate("freshness").passed is None and "menu never read" in planted.gate("freshness").value


def test_a_backlog_refuses_with_its_number(planted: Planted) -> None:
    for key in ("A", "B"):
        planted.run(
            "INSERT INTO migration.drift (migration_id, entity, source_key, action, state, seen_at) VALUES (%s, 'items', %s, 'update', 'waiting', %s)",
            *(planted.migration, key, NOW),
        )
    for number, state in enumerate(("received", "handled")):
        planted.run(
            "INSERT INTO migration.webhook_events (pos, event_key, integration_id, is_genuine, sealed_body, body_sha256, state) "
            "VALUES ('square', %s, %s, true, '', '', %s)",
            *(str(number), planted.integration, state),
        )
    found = planted.gate("backlog")
    assert (
        found.passed is False and found.value == "3 changes of the POS waiting, at most 0" and "drift" in found.remedy
    )
    with pytest.raises(Refused, match="3 changes of the POS waiting"):
        require_gates(planted.connection, planted.migration, "online", NOW)
    planted.policy(gates={"maxBacklog": 3})
    assert planted.gate("backlog").passed is True
    planted.followed(outcome="failed", problem="the POS was away")
    assert planted.gate("backlog").passed is False and "failed" in planted.gate("backlog").value


# Owed ----------------------------------------------------------------------------------------------------------------


def test_cards_must_be_equal_and_frozen_before_the_tills_are_switched(planted: Planted) -> None:
    planted.gift_card(None)
    assert planted.gate("liability_conserved", "online").passed is True
    found = planted.gate("liability_conserved")
    assert found.passed is False and found.value == "gift_cards not frozen" and "liabilities freeze" in found.remedy
    planted.owner("nobody")
    assert planted.gate("liability_conserved").value == "gift_cards equal and frozen"
    planted.run("UPDATE migration.liability_ledger SET difference = -700")
    found = planted.gate("liability_conserved")
    assert found.passed is False and found.value == "gift_cards off by 7.00 USD" and found.is_waivable is False
    planted.run("UPDATE migration.liability_ledger SET difference = 0, measured_at = %s", NOW - timedelta(hours=2))
    assert planted.gate("liability_conserved").verdict == "stale"
    planted.run("DELETE FROM migration.liability_ledger")
    assert planted.gate("liability_conserved").verdict == "not measured"


def test_a_class_of_which_nothing_is_held_here_needs_no_freeze_but_must_be_equal(planted: Planted) -> None:
    planted.gift_card(None)
    planted.run("UPDATE aura.gift_cards SET deleted_at = now()")
    assert planted.gate("liability_conserved").passed is True and planted.gate("liability_shared").passed is True
    planted.run("UPDATE migration.liability_ledger SET difference = -2500")
    assert planted.gate("liability_conserved").value == "gift_cards off by 25.00 USD"


def test_locations_that_share_cards_switch_them_together(planted: Planted) -> None:
    planted.gift_card(None)
    second, third = planted.location_beside("L2", "live"), planted.location_beside("L3", "live")
    planted.run(
        "INSERT INTO migration.channel_ownership (location_key, channel, book, from_at, migration_id, changed_by) "
        "VALUES ('square:L2', 'in_house', 'auraconnect', %s, %s, 'ana')",
        *(NOW - DAY, second),
    )
    assert planted.gate("liability_shared").value == "gift_cards stay with the old POS until 1 more location is ready"
    assert planted.gate("liability_conserved").passed is True, "the pilot's tills go, the cards stay for now"
    planted.owner("nobody")
    found = planted.gate("liability_shared")
    assert (
        found.passed is False
        and found.value == "gift_cards left the old POS, 1 location of 3 still on it and not ready"
    )
    assert "L3" in found.remedy
    planted.run(
        "INSERT INTO migration.switch_approvals (migration_id, channel, direction, signed_by, gates_hash) VALUES (%s, 'in_house', 'forward', 'ana', 'h')",
        third,
    )
    assert planted.gate("liability_shared").value == "switched together by 3 locations"
    planted.owner("pos")
    found = planted.gate("liability_shared")
    assert (
        found.passed is False and found.value == "all 3 locations are ready, gift_cards still redeemed by the old POS"
    )
    assert planted.gate("liability_conserved").passed is False


# People --------------------------------------------------------------------------------------------------------------


def test_everyone_who_worked_lately_needs_a_role_a_sign_in_and_the_sheet(planted: Planted) -> None:
    bo = worker(planted, "Bo", LAST_DAY - DAY, is_ready=False)
    worker(planted, "Cy", LAST_DAY - 20 * DAY, is_ready=False)
    found = planted.gate("staff_ready")
    assert found.passed is False and found.value.startswith("1 of 2 not ready")
    assert found.evidence["unready"] == [
        {"staff_id": bo, "name": "Bo", "last_on": "2026-02-28", "lacks": ["role", "sign_in", "sheet"]}
    ]
    planted.run("UPDATE aura.staff_members SET needs_sign_in = false WHERE id = %s", bo)
    planted.run(
        "INSERT INTO aura.staff_jobs (restaurant_id, staff_id, role_id, title, pay_type) VALUES (%s, %s, %s, 'Server', 'hourly')",
        *(planted.till.restaurant, bo, planted.role),
    )
    assert planted.gate("staff_ready").evidence["lacking"] == {"role": 0, "sign_in": 0, "sheet": 1}
    planted.run(
        "INSERT INTO migration.trainings (migration_id, trainee, sheet_hash, tasks, is_passed, recorded_by) VALUES (%s, 'E-Bo', 'h', '[]', true, 'ana')",
        planted.migration,
    )
    assert planted.gate("staff_ready").value == "all 2 ready"
    planted.run("UPDATE aura.roles SET is_active = false")
    assert planted.gate("staff_ready").value == "2 of 2 not ready (2 without a role)"


def test_where_the_pos_tells_no_shifts_whoever_took_orders_is_asked_about(planted: Planted) -> None:
    planted.run("DELETE FROM aura.attendance_logs")
    assert planted.gate("staff_ready").verdict == "not measured"
    planted.run("UPDATE aura.orders SET staff_id = %s WHERE business_date = '2026-02-28'", planted.staff)
    found = planted.gate("staff_ready")
    assert (found.passed, found.evidence["by"], found.evidence["people"]) == (True, "orders", 1)
    planted.run(
        "INSERT INTO aura.attendance_logs (restaurant_id, location_id, check_in, business_date, method, status) "
        "VALUES (%s, %s, %s, %s, 'imported', 'checked_out')",
        *(planted.till.restaurant, planted.location, NOW, LAST_DAY),
    )
    assert planted.gate("staff_ready").value == "1 shift of people AuraConnect does not know"


def test_somebody_who_can_be_reached_answers_for_the_migration(planted: Planted) -> None:
    planted.run('UPDATE migration.windows SET contact = \'{"name": "Mira"}\'')
    assert planted.gate("support_contact").passed is False


def test_the_pilot_goes_first(planted: Planted) -> None:
    planted.location_beside("L2", "ready")
    planted.policy(pilot="square:L2")
    found = planted.gate("pilot_first")
    assert found.passed is False and found.value == "the pilot square:L2 is ready"
    planted.run("UPDATE migration.windows SET phase = 'live' WHERE location_key = 'square:L2'")
    assert planted.gate("pilot_first").passed is True
    planted.run("UPDATE migration.windows SET phase = 'ready', is_pilot = true")
    assert planted.gate("pilot_first").value == "this is the pilot"


def test_two_people_sign_the_verdicts_and_a_changed_one_asks_them_again(planted: Planted) -> None:
    def signed() -> str:
        return gates_hash(measure_gates(planted.connection, planted.migration, "in_house", NOW), "in_house")

    at_first = signed()
    planted.sign("in_house", "ana", at_first)
    assert planted.gate("two_people").value == "1 of 2 signed"
    planted.sign("in_house", "ben", at_first)
    assert require_gates(planted.connection, planted.migration, "in_house", NOW) == at_first
    planted.followed(at=NOW + timedelta(minutes=50))
    later = NOW + timedelta(minutes=55)
    stale = planted.gates(now=later)
    assert {n for n, g in stale.items() if not g.holds} == {"verdict_passed", "replay_verdict", "liability_conserved"}
    assert stale["two_people"].passed is True, "the same verdict, only older"
    planted.verified("prices_agree_to_the_cent", False, "4 cents")
    assert signed() != at_first
    found = planted.gate("two_people")
    assert (found.passed, found.value, found.is_waivable) == (
        False,
        "0 of 2 signed, 2 signed other gates than now",
        False,
    )
    planted.policy(gates={"people": 1})
    planted.sign("in_house", "cyn", signed())
    assert planted.gate("two_people").passed is True


# Open business -------------------------------------------------------------------------------------------------------


def test_open_checks_are_counted_for_their_own_channel(planted: Planted) -> None:
    planted.till.check("2026-03-02", [Line(4_200)], status="pending", closed_at=None, channel="in_house")
    planted.till.check("2026-03-02", [Line(900)], status="pending", closed_at=None, channel="third_party")
    planted.till.check("2026-03-02", [Line(100)], status="pending", closed_at=None, is_voided=True)
    planted.till.flush()
    assert planted.gate("open_checks").value == "1 open check, 42.00 USD"
    assert planted.gate("open_checks", "online").value == "1 open check, 9.00 USD"
    assert planted.gate("open_checks", now=NOW + timedelta(hours=2)).passed is False, "an old no is a no"
    planted.run("UPDATE aura.orders SET status = 'completed'")
    assert planted.gate("open_checks", now=NOW + timedelta(hours=2)).verdict == "stale"
    planted.run("DELETE FROM migration.follows")
    assert planted.gate("open_checks").verdict == "not measured"


def test_the_card_batch_of_days_that_are_over_is_closed(planted: Planted) -> None:
    _payment(planted, "2026-03-02", "authorized", 1_500)
    assert planted.gate("unsettled_batches").passed is True, "tonight's batch is open until tonight"
    _payment(planted, "2026-02-28", "authorized", 3_000)
    found = planted.gate("unsettled_batches")
    assert found.passed is False and found.value == "1 card payment authorised and not captured, 30.00 USD"


def test_drawers_are_known_by_shifts_else_by_close_outs_else_not_at_all(planted: Planted) -> None:
    assert planted.gate("drawers_closed").value == "0 drawers open (no cash was taken in 30 days)"
    _payment(planted, "2026-03-01", "completed", 1_000, method="cash")
    found = planted.gate("drawers_closed")
    assert (found.passed, found.value) == (None, "the POS tells nothing of drawers")
    for day, kind in (("2026-02-28", "close_out"), ("2026-03-01", "pay_in")):
        planted.till.root("cash_events", day, event_type=kind, amount_cents=0, source_type=kind, source_vendor="toast")
    planted.till.flush()
    assert planted.gate("drawers_closed").value == "1 drawer open (cash closed out on 2026-02-28)"
    planted.till.root(
        "cash_events", "2026-03-01", event_type="close_out", amount_cents=0, source_type="x", source_vendor="toast"
    )
    planted.till.flush()
    assert planted.gate("drawers_closed").passed is True
    planted.till.root(
        "cash_drawer_shifts", "2026-03-01", opened_at="2026-03-01 18:00+00", drawer_name="Bar", source_vendor="square"
    )
    planted.till.flush()
    found = planted.gate("drawers_closed")
    assert (
        found.passed is False
        and found.value == "1 drawer open (drawer shifts)"
        and found.evidence["drawers"] == ["Bar"]
    )


# Proof ---------------------------------------------------------------------------------------------------------------


def test_a_way_back_that_failed_its_rehearsal_refuses_the_switch(planted: Planted) -> None:
    planted.run(
        "INSERT INTO migration.rehearsals (migration_id, level, passed, rehearsed_at, rehearsed_by) VALUES (%s, 'B', false, %s, 'ana')",
        *(planted.migration, NOW - timedelta(hours=1)),
    )
    found = planted.gate("reverse_rehearsed")
    assert (found.passed, found.value, found.is_waivable) == (False, "level B failed", False)
    with pytest.raises(
        Refused, match=r"gate reverse_rehearsed is failed, level B failed\. 1 more .*two_people"
    ) as refused:
        require_gates(planted.connection, planted.migration, "in_house", NOW)
    assert refused.value.details["gate"] == "reverse_rehearsed" and refused.value.remedy
    planted.run("UPDATE migration.rehearsals SET passed = true, rehearsed_at = %s", NOW - timedelta(days=15))
    assert planted.gate("reverse_rehearsed").verdict == "stale"
    planted.run("DELETE FROM migration.rehearsals")
    assert planted.gate("reverse_rehearsed").value == "never rehearsed"


def test_what_read_only_rights_cannot_prove_is_not_passed(planted: Planted) -> None:
    _tested(planted, "order_flow", None, "read-only credentials")
    found = planted.gate("integration_tests")
    assert found.passed is None and found.value == "1 test not provable: order_flow, read-only credentials"
    _tested(planted, "inventory", False, "3 items differ")
    assert planted.gate("integration_tests").value.startswith(
        "1 test of 2 failed: inventory, 3 items differ; 1 test not"
    )
    for name in ("order_flow", "inventory"):
        _tested(planted, name, True, "ok", days=8)
    assert planted.gate("integration_tests").verdict == "stale"


def test_a_marker_of_an_earlier_try_refuses_with_its_remedy(planted: Planted) -> None:
    planted.run(
        "INSERT INTO migration.switches (migration_id, channel, direction, step, asked_by) VALUES (%s, 'online', 'forward', 'paused', 'ana')",
        planted.migration,
    )
    found = planted.gate("no_leftover")
    assert (
        found.passed is False
        and found.value == "switch of online stopped at paused"
        and "cutover abort" in found.remedy
    )
    assert planted.gate("no_leftover", "online").passed is True, "the one that is taken up again is none"
    planted.run("UPDATE migration.switches SET state = 'aborted'")
    planted.run("UPDATE migration.migrations SET state = 'rolled_back' WHERE id = %s", planted.migration)
    other = planted.location_beside("L1", None)
    planted.run(
        "INSERT INTO migration.channel_ownership (location_key, channel, book, from_at, migration_id, changed_by) "
        "VALUES ('square:L1', 'in_house', 'auraconnect', %s, %s, 'ana')",
        *(NOW - DAY, other),
    )
    assert planted.gate("no_leftover").value == f"in_house owned by migration {other}"


# Helpers -------------------------------------------------------------------------------------------------------------


def _payment(planted: Planted, day: str, status: str, cents: int, method: str = "card", **more: Any) -> None:
    planted.till.root(
        "payments",
        day,
        method=method,
        tender_name=method,
        amount_cents=cents,
        currency="USD",
        status=status,
        source_vendor="square",
        **more,
    )
    planted.till.flush()


def _tested(planted: Planted, name: str, passed: bool | None, value: str, days: int = 0) -> None:
    planted.run(
        "INSERT INTO migration.integration_tests (migration_id, name, passed, value, ran_at, ran_by) VALUES (%s, %s, %s, %s, %s, 'ana')",
        *(planted.migration, name, passed, value, NOW - timedelta(days=days)),
    )


def test_the_page_of_the_gates_names_each_and_who_may_waive_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
    told = {row.split("`")[1]: row.split("|")[4].strip() for row in page.splitlines() if row.startswith("| `")}
    assert set(told) == set().union(*GATES_OF.values())
    assert {name for name, waived in told.items() if waived.startswith("yes")} == WAIVABLE
