"""Discounts on items bought together apply by themselves: replay says where they may have, and never calls such an order different."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.pricing.bill import Scope, TaxRule
from aura_migration.pricing.policies import SQUARE
from aura_migration.pricing.scales import QUANTITY, percent
from aura_migration.verify.replay.book import Book, DiscountRule, Item, Target, Tax
from aura_migration.verify.replay.differ import Differ
from aura_migration.verify.replay.hours import ALWAYS, window
from aura_migration.verify.replay.ring import Till
from aura_migration.verify.replay.rung import RungDiscount, RungLine, RungOrder
from aura_migration.verify.replay.words import Cause, Skip

COFFEE, CAKE, TEA = 1, 2, 3


def _rule(kind: str, *targets: Target, **more: Any) -> DiscountRule:
    values: dict[str, Any] = {
        "id": 9, "key": "R1", "name": "Together", "rule_type": kind, "scope": Scope.LINE, "scopes": frozenset((Scope.LINE,)), "rate": percent("50"),
        "cents": None, "fixed_cents": None, "cap": None, "least_cents": None, "is_open": False, "is_automatic": True, "is_comp": False,
        "reduces_tax": None, "stackable": None, "valid_from": None, "valid_until": None, "schedule": (ALWAYS,), "order_types": None,
        "targets": targets, "has_conditions": False, "is_active": True,
    }  # fmt: skip
    return DiscountRule(**{**values, **more})


def _target(role: str, item: int, least: int | None = None, number: int = 1) -> Target:
    return Target(role, item, None, None, None, least, least, number)


BUNDLE = _rule("bundle_discount", _target("discounted", COFFEE), _target("discounted", CAKE, number=2))
SECOND = _rule("bogo", _target("discounted", COFFEE), _target("excluded", COFFEE, 1))
"""Of two coffees one is kept at full price."""


def _judge(
    rule: DiscountRule, *sold: tuple[int, int], off: tuple[int, int] | None = None, charged: int | None = None
) -> Any:
    """Lines of (item, units) at 4.00 a unit, with so many cents off one of them by the rule."""
    book = Book(1, 1, "America/New_York", "USD", SQUARE, discounts=[rule])
    book.taxes = {"7": Tax("7", "Sales", TaxRule("7", rate=0), "percent", True, True, None)}
    book.items = {n: Item(n, f"Item {n}", 400, "fixed", True, False, True, None) for n in (COFFEE, CAKE, TEA)}
    lines = [
        RungLine(n, item, None, f"Item {item}", units * QUANTITY, 400, 400 * units, 0, 0, "sale")
        for n, (item, units) in enumerate(sold)
    ]
    discounts = None if off is None else [RungDiscount(off[0], rule.name, off[1], None, rule.key, False, False)]
    subtotal, discount = sum(line.subtotal for line in lines), 0 if off is None else off[1]
    order = RungOrder(
        1, "k", "1", "2026-09-01", "2026-09-01T12:00", "2026-09-01T12:10", "dine_in", "in_house", 0, False, False, subtotal, discount, 0, 0, 0,
        0, 0, subtotal - discount if charged is None else charged, None, None, None, lines, None, discounts, None, None,
    )  # fmt: skip
    return Differ(book).compare(Till(book).ring(order))


@pytest.mark.parametrize(
    ("rule", "sold", "may"),
    [
        (BUNDLE, [(COFFEE, 1), (CAKE, 1)], True),
        (BUNDLE, [(COFFEE, 2)], False),
        (SECOND, [(COFFEE, 2)], True),
        (SECOND, [(COFFEE, 1), (COFFEE, 1)], True),
        (SECOND, [(COFFEE, 1), (TEA, 3)], False),
        (_rule("quantity_discount", _target("discounted", CAKE, 3)), [(CAKE, 3)], True),
        (_rule("quantity_discount", _target("discounted", CAKE, 3)), [(CAKE, 2), (TEA, 1)], False),
        (_rule("bogo", _target("discounted", CAKE), _target("bought", COFFEE, 2)), [(COFFEE, 2), (CAKE, 1)], True),
        (_rule("bogo", _target("discounted", CAKE), _target("bought", COFFEE, 2)), [(COFFEE, 1), (CAKE, 1)], False),
        (
            _rule("bundle_discount", *BUNDLE.targets, schedule=(window(["sun"], None, None),)),
            [(COFFEE, 1), (CAKE, 1)],
            False,
        ),
        (_rule("bundle_discount", *BUNDLE.targets, least_cents=900), [(COFFEE, 1), (CAKE, 1)], False),
        (_rule("bundle_discount", *BUNDLE.targets, has_conditions=True), [(COFFEE, 1), (CAKE, 1)], False),
        (_rule("bundle_discount", *BUNDLE.targets, is_automatic=False), [(COFFEE, 1), (CAKE, 1)], False),
    ],
)
def test_an_order_to_which_it_may_have_applied_and_did_not_is_not_comparable(
    rule: DiscountRule, sold: list[tuple[int, int]], may: bool
) -> None:
    outcome = _judge(rule, *sold)
    assert (outcome.skips, outcome.found) == ([Skip.SOLD_TOGETHER] if may else [], [])


def test_what_it_took_off_stands_as_the_pos_says_whatever_the_units_it_chose() -> None:
    outcome = _judge(SECOND, (COFFEE, 3), off=(0, 200))
    assert (outcome.skips, outcome.found) == ([Skip.SOLD_TOGETHER], []), "half of one of three, not half of all"
    whole = _judge(BUNDLE, (COFFEE, 1), (CAKE, 1), off=(0, 200))
    assert (whole.skips, whole.found) == ([], []), "what the rule gives is simply identical"


def test_where_it_was_given_on_other_items_its_scope_is_named() -> None:
    outcome = _judge(BUNDLE, (COFFEE, 1), (TEA, 1), off=(1, 200))
    assert [each.cause for each in outcome.found] == [Cause.DISCOUNT_SCOPE]
