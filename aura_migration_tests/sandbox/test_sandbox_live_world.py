"""A migrated café that trades in both systems, as tests of the parallel run get it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aura_migration.reconcile.sheet import Figures, daily_sheet
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live

__all__ = ["open_live"]


SUMS = {
    "orders": "orders",
    "gross": "gross_cents",
    "discounts": "discount_cents",
    "tax": "tax_cents",
    "total": "payable_cents",
    "tips": "tip_cents",
    "refunded": "refund_cents",
}
"""Columns of the consolidated sheet, and what the truth calls them."""


def is_told(figures: Figures, truth: dict[str, Any]) -> bool:
    """Whether the sheet says what is true."""
    said = {name: getattr(figures, name) for name in SUMS}
    known = {name: truth[key] for name, key in SUMS.items()}
    assert said == known
    return said == known


def test_what_was_sold_at_the_pos_is_followed_and_what_was_rung_up_natively_is_not_imported_again(
    open_live: Callable[..., LiveWorld],
) -> None:
    world = open_live("square")
    first, second = FIRST_DAY, FIRST_DAY + timedelta(days=1)
    opened = world.day(first, 16, voids=1, late_refunds=1, after_midnight=3, follows=False)
    copied = (
        "SELECT count(*)::int, sum(subtotal_cents)::int, sum(tax_amount_cents)::int, sum(final_amount_cents)::int FROM aura.orders "
        "WHERE business_date = %s AND origin = %s AND status = 'completed' AND NOT is_voided"
    )
    sums = ("orders", "gross_cents", "tax_cents", "payable_cents")
    # Online is handed over at three in the afternoon: from then on AuraConnect takes such orders, and tells the POS's kitchen.
    world.own("online", "auraconnect", world.restaurant.hours.at(second, "15:00"))
    told = world.day(second, 16, online=0.6, pushes=True, inject=["late_order"])
    assert world.one(copied, first, "pos_native") == tuple(opened[name] for name in sums)
    assert world.one("SELECT count(*) FROM aura.orders WHERE origin = 'aura_native' AND business_date = %s", first) == 0
    mine = world.one(copied, second, "aura_native")
    assert mine == tuple(told["by_book"]["auraconnect"][name] for name in sums)
    pushed = world.rows("SELECT external_id FROM aura.orders WHERE origin = 'aura_native'")
    assert {key for (key,) in pushed} == {
        sale.pos_order for sale in world.restaurant.ledger.sales if sale.book == "auraconnect"
    }
    (late,) = world.injected
    assert late.settles_at is not None and late.settles_at > world.now
    assert world.one("SELECT count(*) FROM aura.orders WHERE source_id = %s", late.order) == 0
    assert world.one("SELECT count(*) FROM aura.refunds WHERE business_date = %s", second) == 1
    # The accountant's sheet has every sale once, in the book that counts it; what has not reached the POS's cloud is not in it.
    subject = world.migration.subject
    sheet = daily_sheet(world.connection, subject.restaurant_id, world.location_id, world.location_key, first, second)
    sales = world.restaurant.ledger.sales
    sales[:] = [sale for sale in sales if sale.arrives_at is None]
    for day in sheet:
        truth = world.restaurant.ledger.day(day.business_date)
        assert is_told(day.total, truth)
        assert is_told(day.pos, truth["by_book"]["pos"]) and is_told(day.auraconnect, truth["by_book"]["auraconnect"])
    assert all(world.judge(day.business_date).verdict == "clean" for day in sheet)
