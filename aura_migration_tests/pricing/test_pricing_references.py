"""The worked examples of the POS references come out to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from aura_migration.pricing.bill import (
    Bill,
    BillLine,
    BillModifier,
    Charge,
    ChargeBase,
    Discount,
    Kind,
    LineState,
    Scope,
    TaxKind,
    TaxRule,
    as_sold,
)
from aura_migration.pricing.engine import price
from aura_migration.pricing.policies import CLOVER, SQUARE, TOAST
from aura_migration.pricing.policy import TaxPlace
from aura_migration.pricing.scales import Rounding, fraction, percent, quantity, round_ratio

A = TaxRule("a", rate=percent("7.25"))
B = TaxRule("b", rate=percent("1"))
FLAT = TaxRule("flat", TaxKind.FIXED, amount=10)
VAT = TaxRule("vat", rate=percent("20"), is_inclusive=True)


def _check(name: str, rate: str = "", amount: int = 0, **more: Any) -> Discount:
    if rate:
        return Discount(name, Scope.CHECK, Kind.PERCENT, rate=percent(rate), **more)
    return Discount(name, Scope.CHECK, Kind.AMOUNT, amount=amount, **more)


def _on_line(name: str, rate: str = "", amount: int = 0) -> Discount:
    if rate:
        return Discount(name, Scope.LINE, Kind.PERCENT, rate=percent(rate))
    return Discount(name, Scope.LINE, Kind.AMOUNT, amount=amount)


def _sold(*lines: tuple[int, str], **more: Any) -> tuple[BillLine, ...]:
    """Lines of a price and the names of their taxes."""
    return tuple(
        BillLine(f"l{n}", amount, taxes=tuple(names.split()), **more) for n, (amount, names) in enumerate(lines)
    )


# -- Square ---------------------------------------------------------------------------------------------------------------


def test_square_takes_a_discount_and_a_tax_once_on_the_order_and_shares_them_out() -> None:
    tax = TaxRule("t", rate=percent("8.875"))
    lines = (
        BillLine("one", 1050, taxes=("t",)),
        BillLine("two", 725, quantity("2"), taxes=("t",)),
        BillLine("three", 499, taxes=("t",)),
    )
    found = price(Bill(lines, (tax,), (_check("d", "15"),)), SQUARE)
    assert (found.subtotal, found.discount, found.net, found.tax_added, found.total) == (2999, 450, 2549, 226, 2775)
    assert found.discounts[0].shares == (157, 218, 75)
    assert (found.discounts[0].numerator, found.discounts[0].denominator) == (2999 * 15_000_000, 100_000_000)
    assert [line.net for line in found.lines] == [893, 1232, 424]
    assert [share.amount for share in found.taxes[0].shares] == [79, 109, 38]
    assert (found.taxes[0].numerator, found.taxes[0].denominator) == (2549 * 8_875_000, 100_000_000)


@pytest.mark.parametrize(("amount", "tax"), [(200, 14), (600, 44)])
def test_square_gives_a_half_to_the_even_neighbour(amount: int, tax: int) -> None:
    assert price(Bill(_sold((amount, "a")), (A,)), SQUARE).tax_added == tax


def test_square_finds_one_inclusive_tax_inside_the_price() -> None:
    gst = TaxRule("gst", rate=percent("10"), is_inclusive=True)
    found = price(Bill(_sold((1100, "gst")), (gst,)), SQUARE)
    assert (found.tax_included, found.tax_added, found.total) == (100, 0, 1100)


def test_square_takes_the_four_groups_of_discounts_in_their_order() -> None:
    discounts = (_check("d", amount=100), _on_line("c", amount=50), _check("b", "10"), _on_line("a", "20"))
    lines = (BillLine("x", 1000, discounts=("a", "c")), BillLine("y", 500))
    found = price(Bill(lines, discounts=discounts), SQUARE)
    assert {one.id: one.amount for one in found.discounts} == {"a": 200, "b": 130, "c": 50, "d": 100}
    assert found.total == 1020


def test_square_leaves_the_taxable_amount_alone_where_a_discount_says_so_and_caps_percentages() -> None:
    coupon = Discount("m", Scope.CHECK, Kind.PERCENT, rate=percent("50"), cap=300, reduces_tax=False)
    found = price(Bill(_sold((1000, "a")), (A,), (coupon,)), SQUARE)
    assert (found.discount, found.tax_added, found.total) == (300, 72, 772)
    assert found.discounts[0].is_reduced


def test_square_charges_by_phase_into_lines_before_tax_and_after_it() -> None:
    charges = (
        Charge("total", Kind.PERCENT, rate=percent("1"), base=ChargeBase.NET_AND_TAX),
        Charge("sub", Kind.PERCENT, rate=percent("10"), taxes=("t",)),
        Charge("amount", Kind.AMOUNT, amount=90, into_lines=True),
        Charge("percent", Kind.PERCENT, rate=percent("5"), into_lines=True),
    )
    tax = TaxRule("t", rate=percent("10"))
    found = price(Bill(_sold((1000, "t"), (2000, "t")), (tax,), charges=charges), SQUARE)
    # 3000 + 150 (50 + 100) + 90 (30 + 60) = 3240; 10 % is 324; tax 10 % of 3564 is 356.4; 1 % of 3920 is 39.2
    assert [one.amount for one in found.charges] == [39, 324, 90, 150]
    assert [line.net for line in found.lines] == [1080, 2160]
    assert (found.tax_added, found.charges[1].tax_added, found.total) == (356, 32, 3000 + 39 + 324 + 90 + 150 + 356)


# -- Toast ----------------------------------------------------------------------------------------------------------------


def test_toast_comes_to_the_amount_tax_and_total_of_the_worked_check() -> None:
    tax = TaxRule("t", rate=fraction("0.0725"), rounding=Rounding.HALF_UP)
    lines = (
        BillLine("burgers", 950, quantity("2"), modifiers=(BillModifier("bacon", 175),), taxes=("t",)),
        BillLine("bread", 600),
        BillLine("card", 2500, is_discountable=False, is_chargeable=False),
    )
    charges = (
        Charge("packaging", Kind.AMOUNT, amount=100),
        Charge("gratuity", Kind.PERCENT, rate=percent("10"), base=ChargeBase.GROSS, is_gratuity=True),
    )
    found = price(Bill(lines, (tax,), (_check("three off", amount=300),), charges), TOAST)
    assert [line.gross for line in found.lines] == [2250, 600, 2500]
    assert found.discounts[0].shares == (237, 63, 0)
    assert [line.net for line in found.lines] == [2013, 537, 2500]
    assert (found.net + found.charge, found.tax_added, found.gratuity) == (5150, 146, 285)
    assert (found.reported_total, found.total) == (5296, 5296 + 285)


def test_toast_backs_an_inclusive_tax_out_of_the_menu_price() -> None:
    tax = TaxRule("t", rate=fraction("0.07"), is_inclusive=True)
    found = price(Bill(_sold((1000, "t")), (tax,)), TOAST)
    assert (found.lines[0].net - found.lines[0].tax_included, found.tax_included, found.total) == (935, 65, 1000)


def test_toast_pools_a_rate_over_the_check_so_that_unrounded_shares_follow_from_it() -> None:
    tax = TaxRule("t", rate=fraction("0.0625"))
    found = price(Bill(_sold((8792, "t"), (950, "t")), (tax,)), TOAST).taxes[0]
    assert found.amount == 609
    exact = [round(found.amount * share.base / found.base / 100, 8) for share in found.shares]
    assert exact == [5.49612811, 0.59387189]
    assert [share.amount for share in found.shares] == [550, 59]


@pytest.mark.parametrize(
    ("rounding", "thousandths", "cents"),
    [
        (Rounding.HALF_UP, 115, 12),
        (Rounding.HALF_UP, 125, 13),
        (Rounding.HALF_EVEN, 115, 12),
        (Rounding.HALF_EVEN, 125, 12),
        (Rounding.HALF_EVEN, 135, 14),
        (Rounding.UP, 112, 12),
        (Rounding.DOWN, 115, 11),
    ],
)
def test_toast_rounds_each_rate_by_its_own_type(rounding: Rounding, thousandths: int, cents: int) -> None:
    tax = TaxRule("t", rate=fraction("0.1"), rounding=rounding)
    assert price(Bill(_sold((thousandths, "t")), (tax,)), TOAST).tax_added == cents
    assert round_ratio(-thousandths, 10, rounding) == -cents


def test_toast_keeps_a_fixed_tax_on_a_line_that_was_comped() -> None:
    tax = TaxRule("bottle", TaxKind.FIXED, amount=5)
    line = BillLine("beer", 600, quantity("2"), discounts=("comp",), taxes=("bottle",))
    found = price(Bill((line,), (tax,), (_on_line("comp", "100"),)), TOAST)
    assert (found.net, found.tax_added, found.total) == (0, 10, 10)


# -- Clover ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Vector:
    bill: Bill
    subtotal: int
    discounted: int
    tax: int
    charge: int
    total: int


_MOD = (BillModifier("m", 175),)
_VECTORS = {
    "V1": _Vector(
        Bill(
            (
                BillLine("1", 1395, modifiers=_MOD, taxes=("a",)),
                BillLine("2", 1395, taxes=("a",)),
                BillLine("3", 350, taxes=("a", "b")),
            ),
            (A, B),
        ),
        3315, 3315, 244, 0, 3559,
    ),
    "V2": _Vector(
        Bill(
            (BillLine("1", 1395, modifiers=_MOD, discounts=("x", "y"), taxes=("a",)), BillLine("2", 820, taxes=("a",))),
            (A,),
            (_on_line("x", "12.5"), _on_line("y", amount=50), _check("z", "10")),
        ),
        2144, 1930, 140, 0, 2070,
    ),
    "V3": _Vector(
        Bill(
            _sold((1000, "a"), (400, "")),
            (A,),
            (_check("z", amount=300),),
            (Charge("service", Kind.PERCENT, rate=percent("18"), taxes=("a",)),),
        ),
        1400, 1100, 57, 198, 1355,
    ),
    "V4": _Vector(Bill((BillLine("1", 649, quantity("2.345"), taxes=("a",)),), (A,)), 1522, 1522, 110, 0, 1632),
    "V5": _Vector(Bill(_sold((499, "flat"), (499, "flat a")), (FLAT, A)), 998, 998, 56, 0, 1054),
    "V6": _Vector(Bill(_sold((1500, "vat"), (999, "vat")), (VAT,), (_check("z", "10"),)), 2499, 2249, 375, 0, 2249),
    "V7": _Vector(
        Bill((BillLine("1", 1200, taxes=("a",), state=LineState.REFUNDED), BillLine("2", 800, taxes=("a",))), (A,)),
        800, 800, 58, 0, 858,
    ),
    "V8": _Vector(Bill(_sold((1200, "a")), (A,), is_tax_exempt=True), 1200, 1200, 0, 0, 1200),
    "V9": _Vector(
        Bill(_sold((1200, "a")), (A,), charges=(Charge("fee", Kind.AMOUNT, amount=216, taxes=("a",)),)),
        1200, 1200, 87, 216, 1503,
    ),
    "V10": _Vector(
        Bill(_sold((1999, "a"), (1, "a")), (A,), (_check("x", "33.3"), _check("y", amount=7))),
        2000, 1327, 96, 0, 1423,
    ),
    "V11": _Vector(
        Bill(_sold((1870, "")), charges=(Charge("service", Kind.PERCENT, rate=percent("5")),)), 1870, 1870, 0, 94, 1964
    ),
    "document": _Vector(Bill(_sold((1195, "c")), (TaxRule("c", rate=percent("2.875")),)), 1195, 1195, 34, 0, 1229),
}  # fmt: skip


@pytest.mark.parametrize("name", _VECTORS)
def test_clover_comes_to_the_vectors_of_its_calculator(name: str) -> None:
    vector = _VECTORS[name]
    found = price(vector.bill, CLOVER)
    before_check = sum(line.gross - line.line_discount for line in found.lines)
    assert (before_check, found.net, found.tax, found.charge, found.total) == (
        vector.subtotal, vector.discounted, vector.tax, vector.charge, vector.total,
    )  # fmt: skip


def test_clover_taxes_each_rate_on_its_own_lines_times_the_factor() -> None:
    assert [tax.amount for tax in price(_VECTORS["V1"].bill, CLOVER).taxes] == [240, 4]
    assert [tax.amount for tax in price(_VECTORS["V5"].bill, CLOVER).taxes] == [20, 36]
    assert price(_VECTORS["V3"].bill, CLOVER).taxes[0].base == 786


def test_clover_tells_what_a_check_came_to_before_its_refunds() -> None:
    before = price(as_sold(_VECTORS["V7"].bill), CLOVER)
    assert (before.subtotal, before.total) == (2000, 2145)


def test_clover_shrinks_fixed_check_discounts_with_what_was_refunded_and_counts_fees_on_what_was_sold() -> None:
    lines = (BillLine("1", 1500, state=LineState.REFUNDED), BillLine("2", 500))
    fee = Charge("fee", Kind.PERCENT, rate=percent("10"), base=ChargeBase.NET_BEFORE_REFUNDS)
    found = price(Bill(lines, discounts=(_check("four off", amount=400),), charges=(fee,)), CLOVER)
    assert (found.discount, found.net) == (100, 400)
    assert found.charges[0].amount == 160  # of 2000 - 400


def test_clover_finds_several_rates_inside_a_price_by_the_price_without_them() -> None:
    taxes = (TaxRule("x", rate=percent("5"), is_inclusive=True), TaxRule("y", rate=percent("9.975"), is_inclusive=True))
    found = price(Bill(_sold((1149, "x y")), taxes), CLOVER)
    assert [tax.amount for tax in found.taxes] == [50, 100]  # 1149 / 1.14975 is 999.3, so 999; 49.95 and 99.65


def test_the_same_rate_rounded_per_line_differs_by_the_cents_that_pooling_saves() -> None:
    tax = TaxRule("t", rate=percent("8.875"))
    bill = Bill(_sold((50, "t"), (50, "t"), (50, "t")), (tax,))
    per_line = type(TOAST)(name="per line", tax_place=TaxPlace.LINE)
    assert (price(bill, TOAST).tax_added, price(bill, per_line).tax_added) == (13, 12)
