"""A business date judged in a café that trades: pending until it is read, and no cent AuraConnect is off by is swallowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg

from aura_migration.migration.window.days import reconcile_due, standing_check
from aura_migration.migration.window.opening import end_window
from aura_migration.migration.window.ticks import AFTERWARDS, reconcile_tick
from aura_migration.reconcile.day import store_day
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live

__all__ = ["open_live"]

ONE = (
    "(SELECT max(p.order_id) FROM aura.payments p JOIN aura.orders x ON x.id = p.order_id WHERE x.business_date = %(day)s "
    "AND p.method = 'card' AND x.tip_amount_cents > 0 AND x.origin = 'pos_native' AND x.tax_amount_cents > 0)"
)
ORDER = f"UPDATE aura.orders SET {{0}} WHERE id = {ONE}"
PAYMENT = f"UPDATE aura.payments SET {{0}} WHERE order_id = {ONE}"
SPOILED = {
    "tax": ([ORDER.format("tax_amount_cents = tax_amount_cents + 1")], "tax_cents", 1),
    "tax inside prices": ([ORDER.format("included_tax_cents = included_tax_cents + 1")], "tax_cents", 1),
    "a payment": ([PAYMENT.format("amount_cents = amount_cents + 1")], "payments_cents", 1),
    "an order and its payment": (
        [
            ORDER.format("final_amount_cents = final_amount_cents + 1"),
            PAYMENT.format("amount_cents = amount_cents + 1"),
        ],
        "payments_cents",
        1,
    ),
    "a tip and its payment": (
        [
            ORDER.format("tip_amount_cents = tip_amount_cents - 1"),
            PAYMENT.format("tip_amount_cents = tip_amount_cents - 1"),
        ],
        "payments_cents",
        1,
    ),
    "a tip alone": ([ORDER.format("tip_amount_cents = tip_amount_cents + 1")], "unexplained_cents", 1),
    "rounding of cash": ([ORDER.format("rounding_cents = rounding_cents + 1")], "unexplained_cents", 2),
    "a copy that is gone": ([ORDER.format("deleted_at = now()")], "missing", 1),
}
"""What is done to one copy, and where it has to be seen: at the least so much. Tax, payments and orders make the date different."""
WITHIN = {"a tip alone", "rounding of cash"}
"""A cent of nothing but sales is within the tolerance of the day: shown, and no more."""


def test_a_date_is_pending_until_it_is_read_final_once_the_grace_time_is_and_no_cent_is_swallowed(
    open_live: Callable[..., LiveWorld],
) -> None:
    world = open_live("square")
    day = FIRST_DAY
    world.day(day, 12, follows=False)
    assert world.judge(day, world.restaurant.hours.closes(day)).verdict == "pending"
    world.wait_until(world.judged_at(day))
    unread = world.judge(day)
    assert (unread.verdict, unread.is_final) == ("pending", False), "nothing was read since its close-out"

    world.follow()
    first = world.judge(day)
    assert (first.verdict, first.is_final, first.orders_priced) == ("clean", False, 12)

    # The POS is down for days: what changed there meanwhile is not known, whatever the calendar says.
    late = world.judge(day, world.final_at(day) + timedelta(days=1))
    assert not late.is_final and "not read since the grace time ended" in late.reasons[0]
    assert store_day(world.connection, world.migration_id, late)

    world.wait_until(world.final_at(day))
    world.follow()
    final = world.judge(day)
    assert (final.verdict, final.is_final, final.unexplained_cents) == ("clean", True, 0)
    assert all(figure["difference"] == 0 for figure in final.figures.values())

    for name, (statements, column, least) in SPOILED.items():
        try:
            with world.connection.transaction():
                for statement in statements:
                    assert world.connection.execute(statement.encode(), {"day": day}).rowcount == 1, name
                spoiled = world.judge(day)
                raise psycopg.Rollback
        except psycopg.Rollback:
            pass
        assert getattr(spoiled, column) >= least, (name, spoiled.findings)
        assert (spoiled.verdict == "different") == (name not in WITHIN), (name, spoiled.findings)
        told = sum(int(cause["cents"]) for cause in spoiled.causes)
        assert told == sum(one.cents for one in spoiled.findings), name

    assert store_day(world.connection, world.migration_id, final)
    other = replace(final, verdict="different")
    assert not store_day(world.connection, world.migration_id, other), "a final verdict is kept"
    assert store_day(world.connection, world.migration_id, other, anew=True)
    verdict, attempts, reasons = world.one("SELECT verdict, attempts, reasons FROM migration.parallel_days")
    assert (verdict, attempts) == ("different", 3) and reasons[-1] == "was final and clean at attempt 2"


def test_the_last_dates_of_a_window_become_final_though_the_pos_is_read_no_more(
    open_live: Callable[..., LiveWorld],
) -> None:
    world = open_live("square")
    number, settled, told, unread = world.migration_id, *(FIRST_DAY + timedelta(days=n) for n in range(3))
    world.day(settled, 6, follows=False)
    world.day(told, 6, follows=False)
    world.wait_until(world.judged_at(told))
    world.follow()
    reconcile_due(world.at(), number, world.now, "t", papers=False)
    # On the last date a tip is still to come on an order of the date before, and nobody reads the POS again.
    world.connection.execute(
        "UPDATE aura.orders SET tip_amount_cents = tip_amount_cents + 1 WHERE business_date = %s AND id = (SELECT max(id) "
        "FROM aura.orders WHERE business_date = %s AND tax_amount_cents > 0)",
        [told, told],
    )
    world.day(unread, 6, follows=False)
    ended = world.restaurant.hours.closes(unread) - timedelta(hours=2)
    end_window(world.at(ended), number, "t", "moves on")

    (asked,) = reconcile_tick(world.at(), ended).asked
    assert (asked.kind, asked.migration_id) == ("reconcile", number)
    world.connection.execute("UPDATE migration.requests SET state = 'done'")
    first = {one.business_date: one for one in reconcile_due(world.at(), number, ended, "t", papers=False)}
    assert {day: (one.verdict, one.is_final) for day, one in first.items()} == {
        settled: ("clean", True),
        told: ("pending", True),
    }, "what could still settle is not called different, and never clean"
    for one in first.values():
        assert "the POS is read no more" in one.reasons[0], one.reasons
    assert "might have settled" in first[told].reasons[-1]

    later = world.judged_at(unread)
    assert [one.kind for one in reconcile_tick(world.at(), later).asked] == ["reconcile"], "the date it ended on is due"
    world.connection.execute("UPDATE migration.requests SET state = 'done'")
    (last,) = reconcile_due(world.at(), number, later, "t")
    assert (last.business_date, last.verdict, last.is_final) == (unread, "pending", True)
    assert "not read since its close-out" in last.reasons[0] and "read no more" in last.reasons[1]
    for now in (later, later + timedelta(days=10), later + 2 * AFTERWARDS):
        assert standing_check(world.workshop, number, now) == {}
        assert reconcile_tick(world.at(), now).asked == (), "nothing is asked for that cannot change"
    page = world.one("SELECT html FROM migration.check_ins WHERE business_date = %s", unread)
    assert b"pending, final" in bytes(page) and b"the POS is read no more" in bytes(page)
