"""What is open at the old POS, scheduled orders decided one by one and entered again, and probes of service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover.go_no_go import go_no_go
from aura_migration.cutover.open_business import decide_future_order, list_future_orders, open_at_pos
from aura_migration.cutover.probing import interruption, pos_budget_left, probe
from aura_migration.cutover.readiness import confirm_sheet
from aura_migration.cutover.reentering import reenter_future_orders
from aura_migration.cutover.waivers import waive
from aura_migration.pos.http.limits import Claim, Limit
from aura_migration_tests.support.sales import Charge, Line, Tax
from aura_migration_tests.support.windows import LAST_DAY, NOW, Planted

WEEK = timedelta(days=7)


def test_everything_the_old_pos_has_to_finish_is_listed_in_money(planted: Planted) -> None:
    till, done = planted.till, {"source_vendor": "square", "currency": "USD"}
    assert open_at_pos(planted.connection, planted.migration, NOW) == []
    tab = till.check("2026-03-01", [Line(4_200)], status="pending", closed_at=None)
    paid = till.check("2026-02-20", [Line(3_000)])
    card: dict[str, Any] = {"method": "card", "tender_name": "Visa", **done}
    till.root("payments", "2026-03-01", amount_cents=4_200, status="authorized", order_id=tab, **card)
    till.root("payments", "2026-02-20", amount_cents=3_000, status="authorized", order_id=paid, **card)
    till.root("payments", "2026-02-20", amount_cents=100, status="pending", **card)
    till.root("refunds", "2026-02-27", amount_cents=700, status="pending", **done)
    till.root("refunds", "2026-02-27", amount_cents=800, status="completed", **done)
    disputed = [till.root("payments", "2026-02-10", amount_cents=c, status="completed", **card) for c in (5_000, 6_000)]
    payout = till.root("payouts", "2026-02-28", amount_cents=90_000, status="SENT", **done)
    till.root("payouts", "2026-02-27", amount_cents=80_000, status="PAID", **done)
    money = {"payout_id": payout, "fee_cents": 0, "net_cents": 0, "entry_class": "dispute"}
    for payment, kind, cents in ((0, "OPEN_DISPUTE", -5_000), (1, "OPEN_DISPUTE", -6_000), (1, "DISPUTE", 6_000)):
        till.row("payout_entries", entry_type=kind, gross_cents=cents, payment_id=disputed[payment], **money)
    opened = {"opened_at": "2026-02-28T15:00:00+00:00", "opening_cents": 20_000, "source_vendor": "square"}
    till.root("cash_drawer_shifts", "2026-02-28", expected_cents=31_500, **opened)
    till.root("cash_drawer_shifts", "2026-02-28", expected_cents=9_000, closed_at="2026-02-28T23:00:00+00:00", **opened)
    till.flush()
    found = {one.kind: (one.count, one.cents) for one in open_at_pos(planted.connection, planted.migration, NOW)}
    assert found == {
        "open_tab": (1, 4_200),
        "pre_authorisation": (1, 4_200),
        "tip_adjustment": (1, 3_000),
        "pending_payment": (1, 100),
        "pending_refund": (1, 700),
        "dispute": (1, 5_000),
        "payout": (1, 90_000),
        "open_drawer": (1, 31_500),
    }
    planted.run("UPDATE aura.orders SET origin = 'aura_native' WHERE id = %s", tab)
    assert "open_tab" not in {one.kind for one in open_at_pos(planted.connection, planted.migration, NOW)}


def test_each_scheduled_order_stays_or_is_entered_again_with_its_deposit(planted: Planted) -> None:
    catering, tonight = _scheduled(planted, 30_000, 10_000, "2026-03-14"), _scheduled(planted, 5_000, 0, "2026-03-02")
    planted.gates()
    found = planted.gate("future_orders_decided")
    assert (
        found.passed is False and found.value == "2 of 2 scheduled orders undecided" and found.at_stake_cents == 36_600
    )
    assert [one.order_id for one in list_future_orders(planted.connection, planted.migration)] == [tonight, catering]
    with pytest.raises(BadInput, match="is no decision"):
        decide_future_order(planted.connection, planted.migration, tonight, "maybe", "ana", NOW)
    with pytest.raises(BadInput, match="is not a scheduled order"):
        decide_future_order(planted.connection, planted.migration, 1, "stays", "ana", NOW)
    decide_future_order(planted.connection, planted.migration, tonight, "stays", "ana", NOW)
    decided = decide_future_order(planted.connection, planted.migration, catering, "reentered", "ana", NOW)
    assert (decided.deposit_cents, decided.paid_cents) == (10_000, 10_000)
    assert planted.gate("future_orders_decided").value == "0 of 2 scheduled orders undecided"

    planted.run(
        "INSERT INTO aura.channel_status (location_id, channel, accepts) VALUES (%s, 'in_house', false)",
        planted.location,
    )
    with pytest.raises(Refused, match="does not take in_house orders here yet"):
        reenter_future_orders(planted.connection, planted.migration, "ana", NOW)
    assert planted.one("SELECT count(*) FROM aura.house_accounts") == 0, "nothing half done"
    planted.run("UPDATE aura.channel_status SET accepts = true")
    (made,) = reenter_future_orders(planted.connection, planted.migration, "ana", NOW)
    assert reenter_future_orders(planted.connection, planted.migration, "ana", NOW) == []
    old, new = (
        planted.run(
            "SELECT final_amount_cents, tax_amount_cents, service_charge_amount_cents, scheduled_for, status, channel, "
            "(SELECT json_agg(json_build_array(i.item_name, i.line_subtotal_cents) ORDER BY i.id) FROM aura.order_items i WHERE i.order_id = o.id), "
            "(SELECT json_agg(json_build_array(t.name, t.amount_cents, x.item_name) ORDER BY t.id) FROM aura.order_taxes t "
            " LEFT JOIN aura.order_items x ON x.id = t.order_item_id AND x.order_id = o.id WHERE t.order_id = o.id), "
            "(SELECT json_agg(c.name) FROM aura.order_service_charges c WHERE c.order_id = o.id) FROM aura.orders o WHERE id = %s",
            number,
        ).fetchone()
        for number in (catering, made.order_id)
    )
    assert old == new, "the order as the guest agreed it, to the cent"
    assert planted.run(
        "SELECT origin, external_id, source_id, display_number FROM aura.orders WHERE id = %s", made.order_id
    ).fetchone() == ("aura_native", f"orders-{catering}", None, "1")
    redeemed = planted.one("SELECT aura.redeem_account(%s, 4000, 'payment 1')", made.deposit_account_id)
    assert redeemed == 6_000, "the deposit is owed and redeemed here"
    with pytest.raises(Refused, match="was entered in AuraConnect already"):
        decide_future_order(planted.connection, planted.migration, catering, "stays", "ana", NOW)
    left = {one.kind: one.count for one in open_at_pos(planted.connection, planted.migration, NOW)}
    assert left == {"scheduled_order": 1, "double_order": 1}
    planted.run("UPDATE aura.orders SET status = 'cancelled', is_voided = true WHERE id = %s", catering)
    planted.run("UPDATE aura.orders SET status = 'completed' WHERE id = %s", tonight)
    assert open_at_pos(planted.connection, planted.migration, NOW) == []


def test_the_sheet_is_confirmed_by_people_of_the_house_with_trainings_they_passed(planted: Planted) -> None:
    with pytest.raises(BadInput, match="does not work here"):
        confirm_sheet(planted.connection, planted.migration, 10**6, "ana", NOW)
    failed = planted.one(
        "INSERT INTO migration.trainings (migration_id, trainee, sheet_hash, tasks, is_passed, recorded_by) "
        "VALUES (%s, 'A', 'h', '[]', false, 'ana') RETURNING id",
        planted.migration,
    )
    with pytest.raises(BadInput, match="was not passed"):
        confirm_sheet(planted.connection, planted.migration, planted.staff, "ana", NOW, training_id=failed)
    planted.run("DELETE FROM migration.staff_confirmations")
    assert planted.gate("staff_ready").passed is False
    confirm_sheet(planted.connection, planted.migration, planted.staff, "ana", NOW, sheet_hash="h")
    assert planted.gate("staff_ready").passed is True


# Probes --------------------------------------------------------------------------------------------------------------


def test_a_probe_prices_an_order_and_stores_none(planted: Planted) -> None:
    orders = planted.one("SELECT count(*) FROM aura.orders")
    found = probe(planted.connection, planted.migration, NOW, 39)
    assert (found.is_served, found.problem, found.pos_budget_left) == (False, "nothing on the menu has a price", 39)
    item = planted.one(
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, 'Soup', 850) RETURNING id",
        planted.till.restaurant,
    )
    tax = planted.one(
        "INSERT INTO aura.tax_rates (restaurant_id, name, rate_percent) VALUES (%s, 'Tax', 8.875) RETURNING id",
        planted.till.restaurant,
    )
    planted.run(
        "INSERT INTO aura.tax_assignments (restaurant_id, tax_rate_id, menu_item_id) VALUES (%s, %s, %s)",
        *(planted.till.restaurant, tax, item),
    )
    at = NOW + timedelta(seconds=10)
    assert probe(planted.connection, planted.migration, at).is_served
    for channel in ("online", "in_house"):
        planted.run(
            "INSERT INTO aura.channel_status (location_id, channel, accepts) VALUES (%s, %s, false)",
            *(planted.location, channel),
        )
    assert probe(planted.connection, planted.migration, at + timedelta(seconds=10)).by_book == "pos"
    planted.run(
        "INSERT INTO migration.switches (migration_id, channel, direction, asked_by, paused_at) VALUES (%s, 'online', 'forward', 'ana', %s)",
        *(planted.migration, at),
    )
    found = probe(planted.connection, planted.migration, at + timedelta(seconds=20))
    assert (found.is_served, found.by_book) == (False, "nobody")
    assert planted.one("SELECT count(*) FROM aura.orders") == orders


def test_interruption_is_probes_and_pauses_together_and_never_what_nobody_saw(planted: Planted) -> None:
    for second, served in ((0, True), (10, True), (20, False), (30, True), (40, True), (200, True), (210, True)):
        planted.run(
            "INSERT INTO migration.probes (migration_id, at, is_served, by_book, milliseconds, pos_budget_left) VALUES (%s, %s, %s, 'pos', %s, %s)",
            *(planted.migration, NOW + timedelta(seconds=second), served, second, 40 - second // 10),
        )
    planted.run(
        "INSERT INTO migration.switches (migration_id, channel, direction, state, asked_by, paused_at, resumed_at) "
        "VALUES (%s, 'online', 'forward', 'done', 'ana', %s, %s)",
        *(planted.migration, NOW + timedelta(seconds=25), NOW + timedelta(seconds=34.5)),
    )
    found = interruption(planted.connection, planted.migration, NOW, NOW + timedelta(seconds=215))
    assert (found.seconds, found.unseen_seconds, found.probes) == (14.5, 160.0, 7)
    assert (found.slowest_milliseconds, found.least_budget_left) == (210, 19)
    blind = interruption(planted.connection, planted.migration, NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    assert (blind.seconds, blind.unseen_seconds, blind.probes) == (0.0, 3600.0, 0)


def test_the_budget_left_is_that_of_the_tightest_limit(planted: Planted) -> None:
    claims = [
        Claim("wide", Limit("wide", "wide", capacity=10_000, per_seconds=900.0)),
        Claim("tight", Limit("tight", "tight", capacity=20, per_seconds=60.0)),
        Claim("slots", Limit("slots", "slots", concurrency=3)),
    ]
    assert pos_budget_left(planted.connection, claims) == 20, "nothing asked yet"
    now = datetime.now(UTC).timestamp()
    planted.run(
        "INSERT INTO migration.rate_buckets (bucket_key, grants) VALUES ('tight', %s)",
        Jsonb([[now - 5, 12], [now - 90, 8]]),
    )
    assert pos_budget_left(planted.connection, claims) == 8
    planted.run("UPDATE migration.rate_buckets SET blocked_until = clock_timestamp() + interval '1 minute'")
    assert pos_budget_left(planted.connection, claims) == 0
    assert pos_budget_left(planted.connection, claims[2:]) is None


# The page's facts ----------------------------------------------------------------------------------------------------


def test_the_facts_of_the_page_are_gates_exceptions_in_money_and_who_signed(planted: Planted) -> None:
    planted.run("UPDATE migration.coverage SET seen = 0 WHERE dimension = 'tender'")
    waive(planted.connection, planted.migration, "coverage", "ben", "cash is refused here", 2_500, NOW + WEEK, NOW)
    planted.run(
        "INSERT INTO migration.findings (migration_id, check_name, entity, source_key, difference_cents, cause, is_blocking) "
        "VALUES (%s, 'prices', 'items', 'A', -50, 'keep_existing', false), (%s, 'prices', 'items', 'B', 999, '', true)",
        *(planted.migration, planted.migration),
    )
    rule = planted.one(
        "INSERT INTO migration.known_differences (migration_id, cause, matches, reason, owner, max_cents, expires_on, created_by) "
        "VALUES (%s, 'rounding', '{\"cause\": \"rounding\"}', 'coins', 'Kim', 5, '2026-04-01', 'ana') RETURNING id",
        planted.migration,
    )
    for cents in (3, -4):
        planted.run(
            "INSERT INTO migration.parallel_findings (migration_id, business_date, order_key, cause, part, status, cents, rule_id) "
            "VALUES (%s, %s, 'O1', 'rounding', 'total', 'explained', %s, %s)",
            *(planted.migration, LAST_DAY, cents, rule),
        )
    planted.run(
        "INSERT INTO migration.plans (migration_id, kind, state, hash, losses) VALUES (%s, 'preview', 'superseded', 'old', %s), "
        "(%s, 'delta', 'loaded', 'abc123', '[]')",
        planted.migration,
        Jsonb([{"source_entity": "items", "field": "color", "records": 14, "note": "no colours here", "examples": []}]),
        planted.migration,
    )
    planted.sign("in_house", "ana", "of another day")
    facts = go_no_go(planted.connection, planted.migration, "in_house", NOW)
    assert (facts.decision, [one.name for one in facts.lacking]) == ("no-go", ["two_people"])
    assert (facts.waived_cents, facts.accepted_cents, facts.known_cents) == (2_500, 50, 7)
    assert (facts.plan_hash, facts.losses_total, facts.losses[0].field) == ("abc123", 1, "items.color")
    said = facts.as_dict()
    assert said["approvers"] == [{"name": "ana", "at": NOW.isoformat(), "reason": "", "counts": False}]
    assert all(gate["owner"] and gate["value"] for gate in said["gates"])
    assert {gate["age_minutes"] for gate in said["gates"] if gate["name"] == "verdict_passed"} == {20}
    for name in ("ana", "ben"):
        planted.sign("in_house", name, facts.gates_hash)
    assert go_no_go(planted.connection, planted.migration, "in_house", NOW).decision == "go"
    lunch = NOW + timedelta(hours=7)
    planted.run("UPDATE migration.gates SET measured_at = %s", lunch)
    planted.followed(at=lunch)
    assert go_no_go(planted.connection, planted.migration, "in_house", lunch).decision == "go if forced"


def _scheduled(planted: Planted, cents: int, paid: int, day: str) -> int:
    order = planted.till.check(
        day,
        [Line(cents, "Buffet", taxes=[Tax(300)]), Line(100, "Candle")],
        [Charge(400)],
        status="scheduled",
        closed_at=None,
        opened_at="2026-02-25 12:00-05",
        scheduled_for=f"{day} 18:00-05",
        channel="in_house",
        order_type="catering",
    )
    if paid:
        planted.till.root(
            "payments",
            "2026-02-25",
            order_id=order,
            method="card",
            tender_name="Visa",
            amount_cents=paid,
            currency="USD",
            status="completed",
            source_vendor="square",
        )
    planted.till.flush()
    return order
