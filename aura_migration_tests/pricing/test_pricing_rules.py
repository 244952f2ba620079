"""What each rule and each choice of a policy does, one by one, and what is refused."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

import aura_migration.pricing as pricing
from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import (
    Bill,
    BillLine,
    BillModifier,
    Charge,
    ChargeBase,
    Discount,
    Kind,
    LineState,
    Per,
    Scope,
    TaxKind,
    TaxRule,
    TaxTableRow,
)
from aura_migration.pricing.engine import price
from aura_migration.pricing.policies import CLOVER, OPEN, POLICIES, SQUARE, TOAST, variants
from aura_migration.pricing.policy import (
    BY_KIND,
    BY_SCOPE,
    AdditiveBase,
    Exclusive,
    ExemptPrice,
    InclusiveMethod,
    Policy,
    TaxPlace,
    Within,
)
from aura_migration.pricing.scales import QUANTITY, Rounding, Spread, fraction, percent, quantity, share_out

PLAIN = Policy("plain")
TEN = TaxRule("t", rate=percent("10"))


def _with(**changes: Any) -> Policy:
    return msgspec.structs.replace(PLAIN, **changes)


def _line(amount: int = 1000, **more: Any) -> BillLine:
    return BillLine(more.pop("id", "l"), amount, **more)


def _percent(name: str, rate: str, scope: Scope = Scope.CHECK, **more: Any) -> Discount:
    return Discount(name, scope, Kind.PERCENT, rate=percent(rate), **more)


# -- lines ----------------------------------------------------------------------------------------------------------------


def test_a_variation_replaces_the_price_and_modifiers_follow_quantity_pre_modifier_and_nesting() -> None:
    sauce = BillModifier("sauce", 30, quantity("2"), nested=(BillModifier("chili", 25, factor=percent("150")),))
    line = _line(900, quantity=quantity("3"), variation_price=1100, modifiers=(sauce,))
    # 3 × 1100 + 3 × 2 × 30 + 3 × 2 × 25 × 1.5
    assert price(Bill((line,)), PLAIN).subtotal == 3300 + 180 + 225
    # without: nested counts once for each unit of the line
    assert price(Bill((line,)), _with(nested_times_parent=False)).subtotal == 3300 + 180 + 113
    # modifiers once per line
    assert price(Bill((line,)), _with(modifiers_per=Per.LINE)).subtotal == 3300 + 60 + 75


def test_a_fixed_pre_modifier_price_and_a_fixed_modifier_stand_for_themselves() -> None:
    extra = BillModifier("extra", 200, fixed_price=75, factor=percent("300"))
    engraving = BillModifier("engraving", 500, per=Per.LINE)
    line = _line(1000, quantity=quantity("2"), modifiers=(extra, engraving))
    assert price(Bill((line,)), PLAIN).subtotal == 2000 + 150 + 500


def test_parts_of_a_weighed_line_are_rounded_alone_or_together() -> None:
    line = _line(333, quantity=quantity("0.5"), modifiers=(BillModifier("m", 111),))
    assert price(Bill((line,)), PLAIN).subtotal == 167 + 56
    assert price(Bill((line,)), _with(parts_rounded_alone=False)).subtotal == 222


def test_a_modifier_may_lower_the_price_but_not_below_nothing() -> None:
    line = _line(1000, quantity=quantity("0.375"), modifiers=(BillModifier("no cheese", -50),))
    assert price(Bill((line,)), PLAIN).subtotal == 375 - 19
    for policy in (PLAIN, _with(parts_rounded_alone=False)):
        with pytest.raises(BadInput, match="less than nothing"):
            price(Bill((_line(40, modifiers=(BillModifier("no cheese", -50),)),)), policy)


def test_a_voided_line_counts_for_nothing_and_bears_nothing() -> None:
    bottle = TaxRule("b", TaxKind.FIXED, amount=5)
    lines = (_line(1000, taxes=("t", "b")), _line(700, id="void", taxes=("t", "b"), state=LineState.VOIDED))
    found = price(Bill(lines, (TEN, bottle), (_percent("d", "10"),)), PLAIN)
    assert (found.subtotal, found.discount, found.tax_added, found.total) == (1000, 100, 95, 995)
    assert (found.lines[1].gross, found.discounts[0].shares) == (0, (100, 0))


# -- discounts ------------------------------------------------------------------------------------------------------------


def test_percentages_compound_in_the_order_of_the_policy() -> None:
    discounts = (_percent("big", "50", cap=400), _percent("small", "10"))
    bill = Bill((_line(),), discounts=discounts)
    amounts = {within: [one.amount for one in price(bill, _with(within_group=within)).discounts] for within in Within}
    assert amounts == {Within.AS_LISTED: [400, 60], Within.ASCENDING: [400, 100], Within.DESCENDING: [400, 60]}


def test_a_discount_that_does_not_combine_stands_alone_where_the_policy_heeds_it() -> None:
    discounts = (_percent("big", "30"), _percent("alone", "10", combines=False))
    bill = Bill((_line(),), discounts=discounts)
    assert price(bill, PLAIN).discount == 370
    first = price(bill, _with(exclusive=Exclusive.FIRST))
    assert [(one.amount, one.is_applied) for one in first.discounts] == [(0, False), (100, True)]
    assert price(bill, _with(exclusive=Exclusive.LARGEST)).discount == 300


def test_a_line_discount_that_does_not_combine_excludes_others_on_its_line_only() -> None:
    discounts = (_percent("a", "10", Scope.LINE), _percent("b", "20", Scope.LINE, combines=False))
    lines = (_line(discounts=("a", "b")), _line(id="other", discounts=("a",)))
    found = price(Bill(lines, discounts=discounts), _with(exclusive=Exclusive.FIRST))
    assert [one.shares for one in found.discounts] == [(0, 100), (200, 0)]


def test_discounts_stop_at_nothing_left() -> None:
    discounts = (
        Discount("a", Scope.CHECK, Kind.AMOUNT, amount=800),
        Discount("b", Scope.CHECK, Kind.AMOUNT, amount=800),
    )
    found = price(Bill((_line(taxes=("t",)),), (TEN,), discounts), PLAIN)
    assert [(one.amount, one.is_reduced) for one in found.discounts] == [(800, False), (200, True)]
    assert (found.tax_added, found.total) == (0, 0)


def test_the_factor_of_a_very_large_check_may_move_a_cent_and_the_last_discount_bears_it() -> None:
    lines = (_line(2_999_999_999, taxes=("t",)), _line(1, id="cent", taxes=("t",)))
    found = price(Bill(lines, (TEN,), (_percent("d", "33.33333"),)), CLOVER)
    # (3 000 000 000 - 999 999 900) / 3 000 000 000 = 0.6666667 to seven decimals, of which 2 000 000 100 is exact
    assert found.net == 3_000_000_000 * 6_666_667 // 10_000_000
    assert found.discount == found.discounts[0].amount == sum(found.discounts[0].shares)
    assert found.tax_added == 200_000_010


def test_untaxed_discounts_have_a_factor_of_their_own() -> None:
    policy = msgspec.structs.replace(CLOVER, discounts_reduce_tax=None)
    coupon = Discount("c", Scope.CHECK, Kind.AMOUNT, amount=300, reduces_tax=False)
    found = price(Bill((_line(taxes=("t",)),), (TEN,), (coupon, _percent("d", "10"))), policy)
    assert (found.net, found.tax_added) == (600, 90)
    voucher = Discount("v", Scope.LINE, Kind.AMOUNT, amount=200, reduces_tax=False)
    line = _line(taxes=("t",), discounts=("v",))
    found = price(Bill((line,), (TEN,), (voucher, _percent("d", "10"))), policy)
    assert (found.net, found.tax_added) == (720, 92)


def test_a_cumulative_spread_gives_other_lines_the_cent() -> None:
    assert share_out(10, [1, 1, 1]) == [4, 3, 3]
    assert share_out(10, [1, 1, 1], Spread.CUMULATIVE) == [3, 4, 3]
    assert share_out(5, [0, 0]) == [3, 2]


# -- charges --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "amount"),
    [
        (ChargeBase.GROSS, 200),
        (ChargeBase.NET, 180),
        (ChargeBase.NET_LESS_INCLUDED_TAX, 164),
        (ChargeBase.NET_AND_TAX, 180),
    ],
)
def test_a_charge_is_a_percentage_of_what_the_policy_says(base: ChargeBase, amount: int) -> None:
    inside = TaxRule("t", rate=percent("10"), is_inclusive=True)
    charge = Charge("s", Kind.PERCENT, rate=percent("20"))
    found = price(Bill((_line(taxes=("t",)),), (inside,), (_percent("d", "10"),), (charge,)), _with(charge_base=base))
    assert (found.charge, found.total) == (amount, 900 + amount)


def test_a_taxable_charge_is_taxed_beside_the_lines_unless_the_policy_never_does() -> None:
    bill = Bill((_line(taxes=("t",)),), (TEN,), charges=(Charge("s", Kind.PERCENT, rate=percent("18"), taxes=("t",)),))
    taxed = price(bill, PLAIN)
    assert (taxed.tax_added, taxed.charges[0].tax_added, taxed.total) == (118, 18, 1298)
    assert price(bill, _with(charges_taxable=False)).tax_added == 100


def test_automatic_gratuity_applies_from_its_guests_and_within_its_amounts() -> None:
    gratuity = Charge("g", Kind.PERCENT, rate=percent("18"), is_gratuity=True, minimum_guests=6, maximum_base=5000)
    bill = Bill((_line(),), charges=(gratuity,), guests=6)
    found = price(bill, PLAIN)
    assert (found.gratuity, found.charge, found.total) == (180, 0, 1180)
    assert price(bill, _with(gratuity_in_total=False)).reported_total == 1000
    five = price(msgspec.structs.replace(bill, guests=5), PLAIN)
    large = price(msgspec.structs.replace(bill, lines=(_line(5001),)), PLAIN)
    assert [(one.gratuity, one.charges[0].is_applied) for one in (five, large)] == [(0, False), (0, False)]


def test_lines_that_are_not_chargeable_and_not_discountable_stay_out() -> None:
    lines = (_line(), _line(5000, id="card", is_chargeable=False, is_discountable=False))
    found = price(
        Bill(lines, discounts=(_percent("d", "10"),), charges=(Charge("s", Kind.PERCENT, rate=percent("10")),)), PLAIN
    )
    assert (found.discount, found.charge, found.total) == (100, 90, 5990)


def test_a_charge_into_some_lines_is_theirs() -> None:
    charge = Charge("s", Kind.AMOUNT, amount=100, into_lines=True, lines=("l",))
    found = price(Bill((_line(taxes=("t",)), _line(id="other")), (TEN,), charges=(charge,)), PLAIN)
    assert ([line.charge for line in found.lines], found.tax_added, found.total) == ([100, 0], 110, 2210)


# -- taxes ----------------------------------------------------------------------------------------------------------------


def test_a_tax_inside_and_one_on_top_stand_together_in_three_ways() -> None:
    inside = TaxRule("in", rate=percent("7"), is_inclusive=True)
    bill = Bill((_line(1001, taxes=("in", "t")),), (inside, TEN))
    found = {base: price(bill, _with(additive_base=base)) for base in AdditiveBase}
    # 1001 holds 65.49 of 7 %: 935.51 without it, 936 in whole cents
    assert {base: one.tax_added for base, one in found.items()} == {
        AdditiveBase.PRICE: 100, AdditiveBase.NET: 94, AdditiveBase.ROUNDED_NET: 94,
    }  # fmt: skip
    top = found[AdditiveBase.NET].taxes[1]
    assert top.numerator * 107 == 1001 * 10 * top.denominator
    assert all(one.tax_included == 65 for one in found.values())


def test_a_tax_is_shared_out_by_what_each_line_owes_of_it_also_where_only_one_holds_another_inside() -> None:
    inside = TaxRule("in", rate=percent("20"), is_inclusive=True)
    bill = Bill((_line(4000, taxes=("in", "t")), _line(4000, id="x", taxes=("t",))), (inside, TEN))
    found = price(bill, PLAIN)
    assert [share.amount for share in found.taxes[1].shares] == [333, 400]
    assert [(share.numerator, share.denominator) for share in found.taxes[1].shares] == [
        (4000 * TEN.rate, 120_000_000),
        (4000 * TEN.rate, 100_000_000),
    ]


def test_several_taxes_inside_share_the_same_price() -> None:
    taxes = (TaxRule("a", rate=percent("5"), is_inclusive=True), TaxRule("b", rate=percent("15"), is_inclusive=True))
    bill = Bill((_line(1200, taxes=("a", "b")),), taxes)
    for method in InclusiveMethod:
        assert [tax.amount for tax in price(bill, _with(inclusive_method=method)).taxes] == [50, 150]


@pytest.mark.parametrize(("place", "tax"), [(TaxPlace.LINE, 4), (TaxPlace.RATE, 2), (TaxPlace.CHECK, 3)])
def test_where_a_tax_is_rounded_decides_the_cents(place: TaxPlace, tax: int) -> None:
    taxes = (TaxRule("a", rate=percent("6")), TaxRule("b", rate=percent("6")))
    lines = tuple(
        _line(10, id=str(number), taxes=("a", "b")) for number in range(2)
    )  # 0.6 a line, 1.2 a rate, 2.4 in all
    policy = _with(tax_place=place, tax_rounding=Rounding.UP if place is TaxPlace.CHECK else Rounding.HALF_UP)
    assert price(Bill(lines, taxes), policy).tax_added == tax


def test_tax_on_tax_counts_the_taxes_before_it() -> None:
    second = TaxRule("second", rate=percent("5"), on_taxes=True)
    found = price(Bill((_line(taxes=("t", "second")),), (second, TEN)), PLAIN)
    assert [tax.amount for tax in found.taxes] == [55, 100]


_TABLE = (
    TaxTableRow(0, 10, 0),
    TaxTableRow(11, 20, 1),
    TaxTableRow(21, 40, 2, True),
    TaxTableRow(41, 60, 3, True),
)


@pytest.mark.parametrize(
    ("amount", "tax"),
    [(0, 0), (10, 0), (11, 1), (21, 2), (60, 3), (61, 4), (80, 4), (81, 5), (100, 5), (101, 6), (1060, 53)],
)
def test_a_table_tax_is_looked_up_and_goes_on_by_the_rows_that_repeat(amount: int, tax: int) -> None:
    rule = TaxRule("t", TaxKind.TABLE, table=_TABLE)
    assert price(Bill((_line(amount, taxes=("t",)),), (rule,)), PLAIN).tax_added == tax


def test_a_table_is_read_for_the_check_or_for_each_line() -> None:
    rule = TaxRule("t", TaxKind.TABLE, table=_TABLE)
    bill = Bill((_line(15, taxes=("t",)), _line(16, id="x", taxes=("t",)), _line(500, id="untaxed")), (rule,))
    assert price(bill, PLAIN).tax_added == 2
    assert price(bill, _with(table_place=TaxPlace.LINE)).tax_added == 2
    bill = Bill((_line(25, taxes=("t",)), _line(26, id="x", taxes=("t",))), (rule,))
    assert (price(bill, PLAIN).tax_added, price(bill, _with(table_place=TaxPlace.LINE)).tax_added) == (3, 4)


@pytest.mark.parametrize("table", [_TABLE[:2], (), (TaxTableRow(0, 40, 1), TaxTableRow(42, 60, 2))])
def test_an_amount_that_a_table_says_nothing_about_is_refused(table: tuple[TaxTableRow, ...]) -> None:
    bill = Bill((_line(41, taxes=("t",)),), (TaxRule("t", TaxKind.TABLE, table=table),))
    with pytest.raises(BadInput, match="table of tax t"):
        price(bill, PLAIN)


def test_a_given_tax_is_shared_out_and_a_fixed_one_counts_units_or_lines() -> None:
    given = TaxRule("marketplace", TaxKind.GIVEN, amount=101)
    lines = (_line(taxes=("marketplace",)), _line(3000, id="x", taxes=("marketplace",)))
    found = price(Bill(lines, (given,)), PLAIN)
    assert ([line.tax_added for line in found.lines], found.tax_added) == ([25, 76], 101)
    fixed = TaxRule("bag", TaxKind.FIXED, amount=10)
    bags = Bill((_line(500, quantity=quantity("3"), taxes=("bag",)),), (fixed,))
    assert [price(bags, _with(fixed_tax_per=per)).tax_added for per in (Per.UNIT, Per.LINE)] == [30, 10]


def test_an_exempt_guest_pays_no_tax_and_a_price_with_tax_inside_as_the_policy_says() -> None:
    inside = TaxRule("in", rate=percent("10"), is_inclusive=True)
    bill = Bill((_line(1100, taxes=("in",)), _line(id="x", taxes=("t",))), (inside, TEN), is_tax_exempt=True)
    kept, less = price(bill, PLAIN), price(bill, _with(exempt_price=ExemptPrice.LESS_TAX))
    assert (kept.tax, kept.tax_removed, kept.total, kept.taxes) == (0, 0, 2100, ())
    assert (less.tax, less.tax_removed, less.total, less.lines[0].total) == (0, 100, 2000, 1000)


def test_an_exact_figure_beside_each_amount_says_how_far_rounding_went() -> None:
    tax = TaxRule("t", rate=percent("8.875"))
    found = price(Bill((_line(1999, taxes=("t",)),), (tax,)), SQUARE).taxes[0]
    assert found.numerator / found.denominator == 177.41125
    assert (found.amount, found.shares[0].numerator) == (177, found.numerator)


# -- totals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "total"), [(1001, 1000), (1002, 1000), (1003, 1005), (1005, 1005)])
def test_cash_is_rounded_to_the_smallest_coin_and_cards_are_not(amount: int, total: int) -> None:
    policy = _with(cash_increment=5, rounding_in_total=False)
    bill = Bill((_line(amount),), tip=150, in_cash=True)
    cash, card = price(bill, policy), price(msgspec.structs.replace(bill, in_cash=False), policy)
    assert (cash.total, cash.rounding, cash.reported_total, cash.due) == (total, total - amount, amount, total + 150)
    assert (card.total, card.rounding, card.due) == (amount, 0, amount + 150)


def test_a_tip_stands_outside_the_total_unless_the_pos_reports_it_inside() -> None:
    bill = Bill((_line(),), tip=200)
    assert (price(bill, PLAIN).total, price(bill, PLAIN).reported_total) == (1000, 1000)
    assert price(bill, _with(tip_in_total=True)).reported_total == 1200


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bill", "says"),
    [
        (Bill((_line(taxes=("t",)),)), "does not have"),
        (Bill((_line(taxes=("t", "t")),), (TEN,)), "twice"),
        (Bill((_line(),), (TEN, TEN)), "Two taxes"),
        (Bill((_line(discounts=("d",)),)), "the bill has none"),
        (Bill((_line(discounts=("d",)),), discounts=(_percent("d", "1"),)), "not a line discount"),
        (Bill((_line(),), discounts=(_percent("d", "1"), _percent("d", "2"))), "Two discounts"),
        (Bill((_line(),), discounts=(_percent("d", "101"),)), "above 100"),
        (Bill((_line(-1),)), "negative price"),
        (Bill((_line(),), charges=(Charge("c", Kind.AMOUNT, amount=-1),)), "negative"),
        (
            Bill((_line(),), (TEN,), charges=(Charge("c", Kind.AMOUNT, base=ChargeBase.NET_AND_TAX, taxes=("t",)),)),
            "on tax",
        ),
        (
            Bill((_line(),), charges=(Charge("c", Kind.AMOUNT, into_lines=True, base=ChargeBase.GROSS),)),
            "into the lines",
        ),
        (Bill((_line(),), charges=(Charge("c", Kind.AMOUNT, lines=("z",)),)), "not on the bill: z"),
        (Bill((_line(),), (TaxRule("f", TaxKind.FIXED, amount=1, is_inclusive=True),)), "inside the price"),
        (Bill((_line(),), (TaxRule("f", rate=-1),)), "negative"),
        (Bill((), charges=(Charge("c", Kind.AMOUNT, amount=100, into_lines=True),)), "no line to stand on"),
    ],
)
def test_a_bill_that_contradicts_itself_is_refused(bill: Bill, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        price(bill, PLAIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"discount_groups": BY_SCOPE[:3]},
        {"multiplier_digits": 7, "discount_groups": tuple(reversed(BY_SCOPE))},
        {"modifiers_per": Per.POLICY},
        {"cash_increment": -5},
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="Policy odd"):
        Policy("odd", **changes)


def test_notations_are_read_exactly_or_refused() -> None:
    assert (percent("8.875"), fraction("0.08875"), quantity("2.345")) == (8_875_000, 8_875_000, 2_345_000)
    with pytest.raises(BadInput, match="more digits"):
        percent("8.87512345")
    with pytest.raises(BadInput, match="not a quantity"):
        quantity("two")
    with pytest.raises(TypeError, match="never a float"):
        fraction(0.1)  # type: ignore[arg-type]


def test_an_empty_bill_comes_to_nothing_under_every_policy() -> None:
    for policy in POLICIES.values():
        assert price(Bill(()), policy).due == 0


# -- policies are data ----------------------------------------------------------------------------------------------------


def test_every_open_field_has_other_values_and_every_variant_prices() -> None:
    assert set(OPEN) == set(POLICIES)
    bill = Bill((_line(taxes=("t",)),), (TEN,), (_percent("d", "10"),))
    for policy in POLICIES.values():
        found = list(variants(policy))
        assert len(found) == sum(len(values) for values in OPEN[policy.name].values())
        for field, value, other in found:
            assert getattr(other, field) == value != getattr(policy, field)
            assert price(bill, other).discount == 100


def test_the_engine_knows_no_pos_and_no_floats() -> None:
    folder = Path(pricing.__file__).parent
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path.name
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), path.name
        if path.name not in ("policies.py", "__init__.py"):
            text = path.read_text(encoding="utf-8").lower()
            assert not [name for name in POLICIES if name in text], path.name


def test_a_priced_bill_is_the_same_every_time_and_cannot_be_changed() -> None:
    bill = Bill((_line(taxes=("t",), quantity=3 * QUANTITY),), (TEN,))
    found = price(bill, TOAST)
    assert found == price(bill, TOAST)
    with pytest.raises(AttributeError):
        found.total = 0  # type: ignore[misc]


def test_the_page_about_pricing_names_every_field_with_its_values() -> None:
    page = (Path(pricing.__file__).parents[2] / "docs" / "pricing.md").read_text(encoding="utf-8")
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 5:
            rows[cells[0].strip("` ")] = cells[2:]
    assert list(rows) == [name for name in Policy.__struct_fields__ if name != "name"]

    def shown(value: Any) -> str:
        named = {BY_SCOPE: "by_scope", BY_KIND: "by_kind"} if isinstance(value, tuple) else {}
        return f"`{named.get(value, str(value).lower())}`"

    for field, cells in rows.items():
        for policy, cell in zip((SQUARE, TOAST, CLOVER), cells, strict=True):
            others = ", ".join(shown(value) for value in OPEN[policy.name].get(field, ()))
            assert cell == shown(getattr(policy, field)) + (f" (or {others})" if others else ""), (field, policy.name)


def test_the_example_on_the_page_about_pricing_runs() -> None:
    page = (Path(pricing.__file__).parents[2] / "docs" / "pricing.md").read_text(encoding="utf-8")
    exec(compile(page.split("```python\n")[1].split("```")[0], "pricing.md", "exec"), {})
