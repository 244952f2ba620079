"""The stand-in's scenario `rules`: what happened is known by name, and what differs from the configuration is one thing only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from aura_migration.sandbox.clover.orders.arithmetic import half_even, half_up, totals
from aura_migration.sandbox.clover.orders.model import Order
from aura_migration.sandbox.clover.orders.rules import HAPPENED
from aura_migration.sandbox.clover.rules import DIFFERENCES
from aura_migration.sandbox.core.server import build

KINDS = (
    *(
        "old_price",
        "old_modifier_price",
        "old_rate",
        "tax_holiday",
        "gone_item",
        "gone_modifier",
        "combo",
        "happy_hour",
    ),
    *(
        "line_percent",
        "line_amount",
        "order_percent",
        "order_amount",
        "order_exact",
        "discounts_together",
        "staff_meal",
    ),
    *("discount_by_hand", "cash_discount", "comp_line", "comp_order", "tax_exempt", "untaxed_type", "spared_by_type"),
    *("open_price", "by_weight", "typed_in", "flat_tax", "gift_card_sale", "split", "refund_lines"),
    *("auto_gratuity", "service_charge", "fee_percent", "fee_flat"),
)


@cache
def sold(differs: str | None = None) -> dict[str, Order]:
    """All orders of the scenario by their number."""
    options: dict[str, Any] = {"differs": differs} if differs else {}
    app: Any = build("clover", "rules", **options)
    return {order.title: order for order in app.world.first.book}


def changed(differs: str, part: Callable[[Order], Any]) -> Counter[str]:
    """How many orders that show each kind have another figure than the plain scenario; also the number of all (``""``)."""
    found: Counter[str] = Counter()
    for key, order in sold(differs).items():
        if part(order) != part(sold()[key]):
            found.update(["", *order.kinds])
    return found


def test_two_months_show_everything_that_can_have_happened() -> None:
    kinds = Counter(kind for order in sold().values() for kind in order.kinds)
    assert len(sold()) == 480 and set(KINDS) == set(kinds)
    assert min(kinds[kind] for kind in KINDS if not kind.startswith("gone_")) >= 3
    assert set(HAPPENED) <= set(kinds)
    app: Any = build("clover", "rules")
    truth = app.truth()
    assert {note["what"].partition(":")[0] for note in truth["notes"]} == {f"rules_{what}" for what in HAPPENED}
    assert app.credentials()["default"]["merchant_id"] == truth["merchant_id"]


def test_no_order_is_worth_less_than_nothing_and_every_one_is_paid() -> None:
    for order in sold().values():
        whole = totals(order, after_refunds=False)
        assert whole.total >= 0 and sum(payment.amount for payment in order.payments) == whole.total


def test_each_difference_changes_what_it_names_and_nothing_else() -> None:
    def mods(order: Order) -> Any:
        return [(line.name, mod.name, mod.cents) for line in order.lines for mod in line.mods]

    def rates(order: Order) -> Any:
        return [rate for line in order.lines if not line.fee for rate in line.rates]

    def discounts(order: Order) -> Any:
        return [(line.name, one.name) for line in order.lines for one in line.discounts]

    def goods(order: Order) -> Any:
        return totals(order, after_refunds=False).subtotal

    def tax(order: Order) -> Any:
        return totals(order, after_refunds=False).tax

    parts = {"mods": mods, "rates": rates, "discounts": discounts, "goods": goods, "tax": tax}
    moves = {name: {part for part, of in parts.items() if changed(name, of)} for name in DIFFERENCES}
    assert moves == {
        "tax_rate": {"rates", "tax"},
        "tax_rounding": {"tax"},
        "modifier_price": {"mods", "goods", "tax"},
        "max_selection": {"mods", "goods", "tax"},
        "discount_scope": {"discounts", "goods", "tax"},
        "charge_taxability": {"tax"},
    }
    assert changed("discount_scope", goods)[""] == changed("discount_scope", goods)["cash_discount"] > 5
    assert changed("charge_taxability", tax)[""] == changed("charge_taxability", tax)["fee_percent"] > 5
    assert changed("max_selection", mods)[""] == changed("max_selection", mods)["too_many_choices"] > 20
    assert changed("tax_rounding", tax)[""] > 50 and changed("tax_rate", tax)[""] > 300


def test_halves_go_to_the_even_cent_only_where_they_are_halves() -> None:
    assert [half_even(cents, 10) for cents in (5, 15, 25, 24, 26, 0)] == [0, 2, 2, 2, 3, 0]
    assert [half_up(cents, 10) for cents in (5, 15, 25, 24, 26, 0)] == [1, 2, 3, 2, 3, 0]


@pytest.mark.parametrize(("scenario", "differs"), [("cafe", "tax_rate"), ("rules", "the_weather")])
def test_a_difference_nobody_knows_is_refused(scenario: str, differs: str) -> None:
    with pytest.raises(ValueError, match="differs is for scenario rules"):
        build("clover", scenario, differs=differs)
