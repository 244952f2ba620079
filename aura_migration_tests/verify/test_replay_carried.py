"""The parts of an order's shadow difference add up to AuraConnect's price less the POS's, whatever differs at once."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aura_migration.pricing.bill import Bill, BillLine, Charge, Discount, Kind, Scope, TaxRule
from aura_migration.pricing.engine import price
from aura_migration.pricing.policies import CLOVER, SQUARE, TOAST
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.priced import PricedBill
from aura_migration.reconcile.shadow import follows
from aura_migration.verify.replay.book import Book, DiscountRule, Item, ServiceCharge, Tax
from aura_migration.verify.replay.differ import Differ, Outcome
from aura_migration.verify.replay.replay import Judged
from aura_migration.verify.replay.ring import Till
from aura_migration.verify.replay.rung import RungCharge, RungDiscount, RungLine, RungOrder, RungTax, ref
from aura_migration.verify.replay.words import Class

PERCENT = 1_000_000
PRICES = st.integers(50, 9_999)
OFF = st.sampled_from([0, 0, 5, 10, 25])
ON = st.sampled_from([0, 0, 3, 18])
TAXED = st.sampled_from([0, 5, 8, 20])


def full(cents: list[int], off: int, on: int, tax: int, policy: Policy) -> PricedBill:
    """What a system charges that has these prices, this discount on the check, this charge and this tax."""
    bill = Bill(
        tuple(BillLine(str(n), each, taxes=("7",)) for n, each in enumerate(cents)),
        (TaxRule("7", rate=tax * PERCENT),),
        (Discount("0", Scope.CHECK, Kind.PERCENT, rate=off * PERCENT),) if off else (),
        (Charge("c1", Kind.PERCENT, rate=on * PERCENT, taxes=("7",)),) if on else (),
    )
    return price(bill, policy)


def book(cents: list[int], off: int, on: int, tax: int, policy: Policy) -> Book:
    """AuraConnect's menu and rules."""
    rule: dict[str, Any] = dict.fromkeys(DiscountRule.__dataclass_fields__)
    rule |= {
        "id": 3,
        "key": "D",
        "name": "Regulars",
        "rule_type": "percent",
        "scope": Scope.CHECK,
        "scopes": frozenset((Scope.CHECK,)),
    }
    rule |= {
        "rate": off * PERCENT,
        "is_open": False,
        "is_automatic": False,
        "is_comp": False,
        "schedule": (),
        "targets": (),
    }
    rule |= {"has_conditions": False, "is_active": True}
    charge: dict[str, Any] = dict.fromkeys(ServiceCharge.__dataclass_fields__)
    charge |= {
        "id": 4,
        "key": "C",
        "name": "Service",
        "calculation": "percent",
        "rate": on * PERCENT,
        "cents": 0,
        "charge_class": "service",
    }
    charge |= {
        "into_lines": False,
        "is_taxable": True,
        "is_automatic": False,
        "guests": 0,
        "least_cents": 0,
        "taxes": ("7",),
        "is_active": True,
    }
    return Book(
        1, 1, "America/New_York", "USD", policy,
        items={n: Item(n, f"Dish {n}", each, "fixed", True, False, True, None, taxes=["7"]) for n, each in enumerate(cents)},
        taxes={"7": Tax("7", "Sales tax", TaxRule("7", rate=tax * PERCENT), "sales", True, True, None)},
        discounts=[DiscountRule(**rule)] if off else [], charges=[ServiceCharge(**charge)] if on else [],
    )  # fmt: skip


def charged(cents: list[int], off: int, on: int, tax: int, policy: Policy) -> RungOrder:
    """The order as the POS charged it."""
    priced = full(cents, off, on, tax, policy)
    (taxed,) = priced.taxes
    return RungOrder(
        id=1, key="k", number="1", day="2026-09-01", opened=None, closed=None, order_type="dine_in", channel="in_house", guests=0,
        is_exempt=False, in_cash=False, subtotal=priced.subtotal, discount=priced.discount, charge=priced.charge, gratuity=0, rounding=0,
        tax=priced.tax, included=0, total=priced.total, flags=None, stated_total=None, type_key=None,
        lines=[
            RungLine(n, n, None, f"Dish {n}", 1_000_000, each, each, 0, priced.lines[n].gross - priced.lines[n].net if off else 0, "sale")
            for n, each in enumerate(cents)
        ],
        modifiers=None,
        discounts=[RungDiscount(None, "Regulars", priced.discount, off * PERCENT, "D", False, False)] if off else None,
        charges=[RungCharge(1, None, "Service", priced.charge, "service", on * PERCENT, 0, True, "C")] if on else None,
        taxes=[RungTax(share.line if share.line >= 0 else None, 1 if share.charge >= 0 else None, 7, "Sales tax", share.amount, tax * PERCENT, False, "merchant", None) for share in taxed.shares],
    )  # fmt: skip


def judged(order: RungOrder, held: Book) -> Outcome:
    return Differ(held).compare(Till(held).ring(order))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([SQUARE, TOAST, CLOVER]), st.lists(st.tuples(PRICES, PRICES), min_size=1, max_size=4), OFF, OFF, ON, ON, TAXED, TAXED
)  # fmt: skip
def test_the_parts_of_a_shadow_difference_add_up_to_it(
    policy: Policy, prices: list[tuple[int, int]], off: int, ruled_off: int, on: int, ruled_on: int, tax: int, ruled_tax: int
) -> None:  # fmt: skip
    off, on = off if ruled_off else 0, on if ruled_on else 0  # by rules of the house, or not at all
    ruled_off, ruled_on = ruled_off if off else 0, ruled_on if on else 0
    theirs, ours = [one for one, _ in prices], [other for _, other in prices]
    order = charged(theirs, off, on, tax, policy)
    outcome = judged(order, book(ours, ruled_off, ruled_on, ruled_tax, policy))
    assert not outcome.skips
    made = Judged(ref(order), Class.DIFFERENT, tuple((one, None) for one in outcome.found), (), outcome.carried)
    told = sum(one.cents for one in outcome.found) + sum(one.cents for one in follows(made))
    assert told == full(ours, ruled_off, ruled_on, ruled_tax, policy).total - order.total, (
        outcome.found,
        outcome.carried,
    )
