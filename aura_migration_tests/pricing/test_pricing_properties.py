"""Whatever the bill and the policy: the figures are those of exact fractions, parts add up, nothing falls below zero."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

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
    TaxRule,
)
from aura_migration.pricing.engine import price
from aura_migration.pricing.plain import add_up, is_plain, plain_tax
from aura_migration.pricing.policies import CLOVER, SQUARE, TOAST, variants
from aura_migration.pricing.policy import (
    BY_KIND,
    BY_SCOPE,
    AdditiveBase,
    InclusiveMethod,
    Over,
    PercentBase,
    Policy,
    TaxPlace,
    Within,
)
from aura_migration.pricing.priced import PricedBill
from aura_migration.pricing.scales import QUANTITY, RATE, ROUND, Rounding, Spread, round_ratio, share_out
from aura_migration_tests.support import pricing_oracle as oracle

BRIEF = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])  # machines may be busy
RATES = st.sampled_from([0, 100, 1_000_000, 2_875_000, 6_250_000, 8_875_000, 10_000_000, 12_345_678, 50_000_000, RATE])
TAX_RATES = st.sampled_from([0, 1, 1_000_000, 5_000_000, 8_875_000, 9_975_000, 20_000_000])
QUANTITIES = st.sampled_from([QUANTITY, 2 * QUANTITY, 3 * QUANTITY, 375_000, 1, 2_345_000, 0])
CENTS = st.one_of(st.integers(0, 20), st.integers(0, 4000))


@st.composite
def _modifiers(draw: st.DrawFn, depth: int = 0) -> tuple[BillModifier, ...]:
    count = draw(st.sampled_from([0, 0, 1, 2] if depth == 0 else [0, 1]))
    return tuple(
        BillModifier(
            f"m{n}",
            draw(CENTS),
            draw(st.sampled_from([QUANTITY, 2 * QUANTITY])),
            draw(st.sampled_from([RATE, RATE // 2, RATE * 3 // 2, 0])),
            draw(st.sampled_from([None, None, 33])),
            draw(st.sampled_from(list(Per))),
            draw(_modifiers(depth + 1)) if depth < 2 else (),
        )
        for n in range(count)
    )


@st.composite
def _bills(draw: st.DrawFn) -> Bill:
    taxes = tuple(
        TaxRule(
            name,
            rate=draw(TAX_RATES),
            is_inclusive=draw(st.booleans()),
            rounding=draw(st.sampled_from([None, None, *Rounding])),
        )
        for name in draw(st.sampled_from(["", "t", "tu", "tuv"]))
    )
    names = st.lists(st.sampled_from([tax.id for tax in taxes]), unique=True) if taxes else st.just([])
    discounts = tuple(
        Discount(
            f"d{n}",
            draw(st.sampled_from(list(Scope))),
            draw(st.sampled_from(list(Kind))),
            rate=draw(RATES),
            amount=draw(CENTS),
            cap=draw(st.sampled_from([None, None, 250])),
            reduces_tax=draw(st.booleans()),
        )
        for n in range(draw(st.integers(0, 4)))
    )
    of_lines = [one.id for one in discounts if one.scope is Scope.LINE]
    lines = tuple(
        BillLine(
            f"l{n}",
            draw(CENTS),
            draw(QUANTITIES),
            draw(st.sampled_from([None, None, 777])),
            draw(_modifiers()),
            tuple(draw(st.lists(st.sampled_from(of_lines), unique=True))) if of_lines else (),
            tuple(draw(names)),
        )
        for n in range(draw(st.integers(1, 4)))
    )
    charges = tuple(
        _charge(
            n,
            draw(st.booleans()),
            draw(st.sampled_from(list(Kind))),
            draw(RATES),
            draw(CENTS),
            draw(names),
            draw(st.booleans()),
        )
        for n in range(draw(st.integers(0, 2)))
    )
    return Bill(lines, taxes, discounts, charges, tip=draw(CENTS))


def _charge(n: int, into: bool, kind: Kind, rate: int, amount: int, taxes: list[str], gross: bool) -> Charge:
    base = ChargeBase.GROSS if gross and not into else None
    return Charge(f"c{n}", kind, rate, amount, base, into_lines=into, taxes=() if into else tuple(taxes))


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    def one(kind: Any) -> Any:
        return draw(st.sampled_from(list(kind)))

    digits = draw(st.sampled_from([0, 0, 0, 7]))
    return Policy(
        "drawn",
        line_rounding=one(Rounding),
        parts_rounded_alone=draw(st.booleans()),
        modifiers_per=one([Per.UNIT, Per.LINE]),
        nested_times_parent=draw(st.booleans()),
        discount_groups=BY_SCOPE if digits else one([BY_SCOPE, BY_KIND]),
        within_group=one(Within),
        percent_base=one(PercentBase),
        line_discounts_over=one(Over),
        check_discounts_over=one(Over),
        discount_rounding=one(Rounding),
        discounts_reduce_tax=True if digits else one([None, True, False]),
        spread=one(Spread),
        multiplier_digits=digits,
        charge_base=one([ChargeBase.GROSS, ChargeBase.NET]),
        charge_rounding=one(Rounding),
        charges_taxable=draw(st.booleans()),
        tax_rounding=one(Rounding),
        tax_place=one(TaxPlace),
        inclusive_method=one(InclusiveMethod),
        additive_base=one(AdditiveBase),
        cash_increment=one([0, 5, 10]),
        cash_rounding=one(Rounding),
    )


def _no_into(bill: Bill) -> Bill:
    return msgspec.structs.replace(bill, charges=tuple(one for one in bill.charges if not one.into_lines))


@seed(5)
@settings(BRIEF, max_examples=80)
@given(_bills(), _policies())
def test_plain_bills_are_added_up_to_what_the_engine_comes_to(bill: Bill, policy: Policy) -> None:
    lines = tuple(BillLine(line.id, line.unit_price, taxes=line.taxes) for line in bill.lines)
    taxes = tuple(msgspec.structs.replace(tax, is_inclusive=False) for tax in bill.taxes)
    for tax in price(Bill(lines, taxes), policy).taxes:
        (rule,) = (one for one in taxes if one.id == tax.id)
        assert is_plain(rule, policy) is (policy.tax_place is not TaxPlace.CHECK)
        if is_plain(rule, policy):
            bases = [line.unit_price for line in lines if rule.id in line.taxes]
            assert plain_tax(rule, policy, bases) == tax.amount
    assert not any(is_plain(rule, policy) for rule in bill.taxes if rule.is_inclusive)


@seed(6)
@settings(BRIEF, max_examples=150)
@given(_bills(), _policies())
def test_bills_of_plain_taxes_are_added_up_to_what_the_engine_comes_to(bill: Bill, policy: Policy) -> None:
    taxes = tuple(msgspec.structs.replace(tax, is_inclusive=False) for tax in bill.taxes)
    bill = msgspec.structs.replace(bill, taxes=taxes)
    added, priced = add_up(bill, policy), price(bill, policy)
    is_telling = not policy.multiplier_digits and (not taxes or policy.tax_place is not TaxPlace.CHECK)
    assert (added is not None) is is_telling
    if added is None:
        return
    assert (added.discount, added.charge, added.total) == (
        priced.discount,
        priced.charge,
        priced.total - priced.rounding,
    )
    assert [(tax.rule.id, tax.amount) for tax in added.taxes] == [(tax.id, tax.amount) for tax in priced.taxes]
    for tax, full in zip(added.taxes, priced.taxes, strict=True):
        assert tax.bases == [one.base for one in full.shares]
        gross = [priced.lines[one.line].gross if one.line >= 0 else one.base for one in full.shares]
        assert tax.before == (gross if priced.discount else tax.bases)


def test_what_only_the_engine_can_tell_is_left_to_it() -> None:
    line = BillLine("l1", 1000, taxes=("t",))
    plain = Bill((line,), (TaxRule("t", rate=8_875_000),))
    assert add_up(plain, SQUARE) is not None
    replace = msgspec.structs.replace
    for bill in (
        replace(plain, is_tax_exempt=True),
        replace(plain, taxes=(TaxRule("t", rate=8_875_000, is_inclusive=True),)),
        replace(plain, lines=(replace(line, state=LineState.VOIDED),)),
        replace(plain, lines=(replace(line, taxes=("unknown",)),)),
        replace(plain, lines=(replace(line, taxes=("t", "t")),)),
        replace(plain, lines=(replace(line, discounts=("unknown",)),)),
    ):
        assert add_up(bill, SQUARE) is None, bill


@seed(1)
@settings(BRIEF, max_examples=110)
@given(_bills(), _policies())
def test_the_engine_comes_to_what_exact_fractions_come_to_and_its_parts_add_up(bill: Bill, policy: Policy) -> None:
    if policy.multiplier_digits:
        bill = _no_into(bill)
    found, exact = price(bill, policy), oracle.Oracle(bill, policy)
    _parts_add_up(bill, policy, found)
    assert [line.gross for line in found.lines] == exact.gross
    assert {one.id: one.amount for one in found.discounts} == exact.discounts
    assert [line.net for line in found.lines] == exact.left
    assert {one.id: one.amount for one in found.charges} == exact.charges
    assert {one.id: one.amount for one in found.taxes} == exact.taxes
    assert {one.id: [share.amount for share in one.shares] for one in found.taxes} == exact.tax_shares
    assert found.total == exact.total
    in_cash = price(msgspec.structs.replace(bill, in_cash=True), policy)
    coin = policy.cash_increment or 1
    assert in_cash.total == oracle.rounded(Fraction(exact.total, coin), policy.cash_rounding) * coin
    _parts_add_up(bill, policy, in_cash)


def _parts_add_up(bill: Bill, policy: Policy, found: PricedBill) -> None:
    assert found.total == (
        found.subtotal
        - found.discount
        + found.charge
        + found.gratuity
        + found.tax_added
        - found.tax_removed
        + found.rounding
    )
    assert found.due == found.total + bill.tip
    assert found.discount == sum(one.amount for one in found.discounts)
    for one in found.discounts:
        assert sum(one.shares) == one.amount >= 0
    for charge in found.charges:
        assert charge.amount >= 0 and sum(charge.shares) in (0, charge.amount)
    for tax in found.taxes:
        assert sum(share.amount for share in tax.shares) == tax.amount >= 0
        assert all(share.amount >= 0 for share in tax.shares)
        if policy.tax_place is TaxPlace.RATE and not (
            tax.is_inclusive and policy.inclusive_method is InclusiveMethod.NET_FIRST
        ):
            rule = next(one for one in bill.taxes if one.id == tax.id)
            assert tax.amount == round_ratio(tax.numerator, tax.denominator, rule.rounding or policy.tax_rounding)
    for place, line in enumerate(found.lines):
        assert line.net == line.gross - line.line_discount - line.check_discount + line.charge >= 0
        assert line.line_discount + line.check_discount == sum(one.shares[place] for one in found.discounts)
        shares = [(tax, share.amount) for tax in found.taxes for share in tax.shares if share.line == place]
        assert line.tax_added == sum(amount for tax, amount in shares if not tax.is_inclusive)
        assert line.tax_included == sum(amount for tax, amount in shares if tax.is_inclusive)
    lines = sum(line.total for line in found.lines)
    alone = sum(one.amount + one.tax_added for one in found.charges if not one.shares)
    assert found.total - found.rounding == lines + alone >= 0
    assert found.tax_added == sum(line.tax_added for line in found.lines) + sum(one.tax_added for one in found.charges)
    assert found.tax_included == sum(line.tax_included for line in found.lines) + sum(
        one.tax_included for one in found.charges
    )


@seed(3)
@settings(BRIEF, max_examples=25)
@given(_bills())
def test_every_policy_and_every_way_it_may_be_adds_up(bill: Bill) -> None:
    bill = _no_into(bill)
    for policy in (
        SQUARE,
        TOAST,
        CLOVER,
        *(other for base in (SQUARE, TOAST, CLOVER) for _, _, other in variants(base)),
    ):
        _parts_add_up(bill, policy, price(bill, policy))


def _figures(found: PricedBill) -> tuple[Any, ...]:
    return (
        found.subtotal, found.discount, found.charge, found.tax_added, found.tax_included, found.total,
        {one.id: one.amount for one in found.discounts}, {tax.id: tax.amount for tax in found.taxes},
    )  # fmt: skip


@seed(4)
@settings(BRIEF, max_examples=60)
@given(_bills(), _policies(), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_figure_where_nothing_is_shared_out_between_taxed_and_untaxed(
    bill: Bill, policy: Policy, random: Any
) -> None:
    """Cents of a shared discount follow the lines' order, and what is taxed with them, unless every line bears the same taxes."""
    lines = [msgspec.structs.replace(line, discounts=()) for line in bill.lines]
    if bill.discounts or any(one.into_lines for one in bill.charges):
        lines = [msgspec.structs.replace(line, taxes=lines[0].taxes) for line in lines]
        if policy.tax_place is TaxPlace.LINE or policy.inclusive_method is InclusiveMethod.NET_FIRST:
            policy = msgspec.structs.replace(
                policy, tax_place=TaxPlace.RATE, inclusive_method=InclusiveMethod.TAX_OF_PRICE
            )
    if policy.additive_base is AdditiveBase.ROUNDED_NET:
        policy = msgspec.structs.replace(policy, additive_base=AdditiveBase.NET)
    policy = msgspec.structs.replace(policy, check_discounts_over=Over.SUM)
    bill = _no_into(bill) if policy.multiplier_digits else bill
    shuffled = list(lines)
    random.shuffle(shuffled)
    given_ = price(msgspec.structs.replace(bill, lines=tuple(lines)), policy)
    other = price(msgspec.structs.replace(bill, lines=tuple(shuffled)), policy)
    assert _figures(given_) == _figures(other)


@seed(5)
@settings(BRIEF, max_examples=100)
@given(st.integers(0, 100_000), TAX_RATES, st.sampled_from([SQUARE, TOAST, CLOVER]))
def test_a_price_made_of_net_and_tax_gives_both_back(net: int, rate: int, policy: Policy) -> None:
    on_top = price(Bill((BillLine("l", net, taxes=("t",)),), (TaxRule("t", rate=rate),)), policy)
    inside = price(
        Bill((BillLine("l", on_top.total, taxes=("t",)),), (TaxRule("t", rate=rate, is_inclusive=True),)), policy
    )
    assert (inside.total, inside.tax_included) == (on_top.total, on_top.tax_added)


@seed(6)
@settings(BRIEF, max_examples=200)
@given(st.integers(0, 5000), st.lists(st.integers(0, 3000), min_size=1, max_size=7), st.sampled_from(Spread))
def test_shares_add_up_stay_near_their_exact_figure_and_never_exceed_what_bears_them(
    total: int, weights: list[int], spread: Spread
) -> None:
    shares = share_out(total, weights, spread)
    assert sum(shares) == total
    whole = sum(weights)
    if whole:
        assert all(
            abs(share - Fraction(total * weight, whole)) < 1 for share, weight in zip(shares, weights, strict=True)
        )
        if total <= whole:
            assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@seed(7)
@settings(BRIEF, max_examples=200)
@given(st.integers(0, 10**14), st.integers(1, 10**10), st.sampled_from(Rounding))
def test_a_ratio_is_rounded_as_exact_fractions_are(numerator: int, denominator: int, rounding: Rounding) -> None:
    assert ROUND[rounding](numerator, denominator) == oracle.rounded(Fraction(numerator, denominator), rounding)
