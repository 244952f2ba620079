"""What replay remembers and adds up to be quick says the same as judging everything anew."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from aura_migration.pricing.bill import Scope, TaxRule
from aura_migration.pricing.plain import add_up
from aura_migration.pricing.policies import CLOVER, SQUARE, TOAST
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.scales import QUANTITY, RATE, percent, round_ratio, share_out
from aura_migration.verify.replay.backtest import ALL_WAYS, WAYS, BackTest, fitting_ways
from aura_migration.verify.replay.book import Book, DiscountRule, Group, Item, Link, Option, ServiceCharge, Tax
from aura_migration.verify.replay.differ import Differ
from aura_migration.verify.replay.history import History
from aura_migration.verify.replay.hours import ALWAYS
from aura_migration.verify.replay.lines import Judged, Lines, Observed
from aura_migration.verify.replay.ring import Till
from aura_migration.verify.replay.rung import RungCharge, RungDiscount, RungLine, RungModifier, RungOrder, RungTax
from aura_migration.verify.replay.words import Cause

BRIEF = settings(deadline=None, database=None, max_examples=60)
CENTS = st.one_of(st.integers(0, 20), st.integers(0, 3000))
RATES = {"7": percent("7.25"), "8": percent("8.875")}


def _book() -> Book:
    held = Book(1, 1, "America/New_York", "USD", SQUARE)
    held.taxes = {
        name: Tax(name, name, TaxRule(name, rate=rate), "percent", True, True, None) for name, rate in RATES.items()
    }
    for ident, taxes in ((1, ["7"]), (2, ["7", "8"]), (3, [])):
        held.items[ident] = Item(ident, f"Item {ident}", None, "open", True, False, True, None, taxes=list(taxes))
    held.discounts = [
        DiscountRule(
            1,
            "regulars",
            "Regulars",
            "percentage_discount",
            Scope.CHECK,
            frozenset((Scope.CHECK,)),
            RATE // 10,
            None,
            None,
            None,
            None,
            False,
            False,
            False,
            None,
            None,
            None,
            None,
            (ALWAYS,),
            None,
            (),
            False,
            True,
        )
    ]
    held.charges = [
        ServiceCharge(
            1,
            "delivery",
            "Delivery",
            "fixed",
            0,
            450,
            "delivery",
            None,
            False,
            False,
            False,
            0,
            0,
            None,
            None,
            (),
            True,
        )
    ]
    return held


def _order(
    ident: int, day: str, sold: list[tuple[int, int]], off: dict[str, int], given: int = 0, put: int = 0
) -> RungOrder:
    """An order of (item, cents), taxed as the rules say but for ``off`` cents a rate; ``given``: the rate of a discount on the check,
    ``put``: the cents of a charge on it."""
    book = _book()
    lines = [
        RungLine(n, item, None, f"Item {item}", QUANTITY, cents, cents, 0, 0, "sale")
        for n, (item, cents) in enumerate(sold)
    ]
    left = [cents for _, cents in sold]
    discounts, charges = None, None
    if given:
        taken = round_ratio(sum(left) * given, RATE, SQUARE.discount_rounding)
        left = [cents - share for cents, share in zip(left, share_out(taken, left, SQUARE.spread), strict=True)]
        discounts = [RungDiscount(None, "Regulars", taken, given, "regulars", True, False)]
    if put:
        charges = [RungCharge(1, None, "Delivery", put, "delivery", None, 0, False, "delivery")]
    taxes = []
    for name, rate in RATES.items():
        bases = [cents for cents, (item, _) in zip(left, sold, strict=True) if name in book.items[item].taxes]
        amount = round_ratio(sum(bases) * rate, RATE, SQUARE.tax_rounding) + off.get(name, 0)
        if bases and amount >= 0:
            taxes.append(RungTax(None, None, int(name), name, amount, rate, False, "restaurant", None))
    subtotal, tax = sum(cents for _, cents in sold), sum(one.amount for one in taxes)
    return RungOrder(
        ident, f"k{ident}", str(ident), day, None, None, "dine_in", "in_house", 0, False, False, subtotal, subtotal - sum(left),
        put, 0, 0, tax, 0, sum(left) + put + tax, None, None, None, lines, None, discounts, charges, taxes,
    )  # fmt: skip


SOLD = st.lists(st.tuples(st.sampled_from([1, 2, 3]), CENTS), min_size=1, max_size=6)
OFF = st.dictionaries(st.sampled_from(["7", "8"]), st.sampled_from([-1, 1, 7]), max_size=1)


@seed(1)
@BRIEF
@given(
    st.lists(st.tuples(SOLD, OFF, st.sampled_from([0, RATE // 10]), st.sampled_from([0, 450])), min_size=1, max_size=5)
)
def test_an_order_that_is_added_up_is_judged_as_if_its_whole_bill_were_priced(past: list[tuple[Any, ...]]) -> None:
    said: list[list[Any]] = []
    for way in ("plain", "added", "priced"):
        book, test = _book(), BackTest()
        till, differ = Till(book), Differ(book)
        told: list[Any] = []
        for ident, (sold, off, rate, charge) in enumerate(past):
            ringing = till.ring(_order(ident, "2026-09-01", sold, off, rate, charge))
            assert ringing.is_plain is not bool(rate or charge)
            ringing.is_plain = ringing.is_plain and way == "plain"
            with patch("aura_migration.verify.replay.differ.add_up", never if way == "priced" else add_up):
                outcome = differ.compare(ringing)
            assert (outcome.plain is not None) <= (way != "priced")
            assert outcome.plain is not None or off or way == "priced", "an order as the rules have it is added up"
            test.add(outcome)
            told.append((outcome.found, outcome.skips, outcome.is_open, outcome.taxes))
        told.append({name: (one.orders, one.telling, one.counted()) for name, one in test.rates.items()})
        said.append(told)
    assert said[0] == said[1] == said[2]


def never(*_: Any) -> None:
    """Nothing can be added up."""


CHOSEN = st.lists(
    st.tuples(st.sampled_from([11, 11, 12, None]), st.sampled_from([QUANTITY, 2 * QUANTITY]), st.sampled_from([50, 70, 0])),
    max_size=2,
)  # fmt: skip
SAID_AGAIN = st.lists(
    st.tuples(st.sampled_from([QUANTITY, 2 * QUANTITY, 5 * QUANTITY // 2]), st.sampled_from([0, 1, 2, 50]), st.integers(0, 1)),
    min_size=2,
    max_size=6,
)  # fmt: skip


@seed(4)
@settings(BRIEF, max_examples=250)
@example([(11, 2 * QUANTITY, 50)], False, [(2 * QUANTITY, 0, 0), (QUANTITY, 0, 0)], TOAST)
@example([(11, QUANTITY, 50)], False, [(QUANTITY, 0, 0), (2 * QUANTITY, -50, 0)], SQUARE)
@example([(12, 2 * QUANTITY, 70), (11, QUANTITY, 50)], True, [(QUANTITY, 50, 0), (2 * QUANTITY, 0, 0)], SQUARE)
@given(CHOSEN, st.booleans(), SAID_AGAIN, st.sampled_from([SQUARE, TOAST, CLOVER]))
def test_what_is_remembered_of_a_line_in_another_quantity_is_what_judging_it_says(
    chosen: list[Any], is_nested: bool, past: list[Any], policy: Policy
) -> None:
    book = _menu(policy)
    remembering = Lines(book)
    for quantity, off, more in past:
        modifiers = [
            RungModifier(n + 5, 0, option, 5 if is_nested and n else None, "By hand", times, price, price * times // QUANTITY + more, None)
            for n, (option, times, price) in enumerate(chosen)
        ]  # fmt: skip
        of_one = sum(one.price * one.quantity // QUANTITY for one in modifiers)
        by_line = of_one if policy is TOAST else of_one * quantity // QUANTITY
        line = RungLine(0, 1, None, "Bowl", quantity, 1000, 1000 * quantity // QUANTITY + by_line + off, 0, 0, "sale")
        order = msgspec.structs.replace(_order(1, "2026-09-01", [(1, 1)], {}), lines=[line], modifiers=modifiers)
        assert remembering.judge(order) == Lines(book).judge(order)


def _menu(policy: Policy) -> Book:
    """A bowl of 10.00 with one sauce, and with as many toppings as one likes; with either another one."""
    book = replace(_book(), policy=policy)
    links = [Link(21, 0, 1), Link(22, 0, None)]
    book.items[1] = replace(book.items[1], cents=1000, price_type="fixed", links=links)
    book.groups |= {21: Group(21, "Sauces", False), 22: Group(22, "Toppings", True)}
    for ident, group, price in ((11, 21, 50), (12, 22, 70)):
        book.options[ident] = Option(ident, f"Option {ident}", group, price, True, False, False, None, nested=links)
    return book


@seed(2)
@BRIEF
@given(st.lists(st.integers(0, 3 * 10**10), min_size=1, max_size=5), st.integers(-2, 7))
def test_the_ways_that_come_to_what_was_charged_are_those_of_exact_fractions(shares: list[int], off: int) -> None:
    charged = max(0, sum(shares) // RATE + off - 2)
    mask = fitting_ways(sum(shares), RATE, [(each, RATE) for each in shares], charged)
    for number, way in enumerate(WAYS[: len(WAYS) // 2]):
        if way.place.value == "line":
            found = sum(round_ratio(each, RATE, way.rounding) for each in shares)
        else:
            found = round_ratio(sum(shares), RATE, way.rounding)
        assert bool(mask >> number & 1) is (found == charged), (way, Fraction(sum(shares), RATE), charged)
    assert mask <= ALL_WAYS


PRICES = st.lists(
    st.tuples(st.sampled_from([("item", 1), ("item", 2), ("modifier", 3)]), st.integers(1, 3)), min_size=1, max_size=2
)


@seed(3)
@BRIEF
@given(st.lists(PRICES, min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_runs_of_prices_are_those_of_noting_every_line(kinds: list[Any], sold: list[int]) -> None:
    judged = [
        Judged((), False, True, (), (), tuple(Observed(subject, value) for subject, value in kind), (), False)
        for kind in kinds
    ]
    expected: dict[Any, list[list[Any]]] = {}
    history = History()
    book = _book()
    for n, number in enumerate(sold):
        one, day = judged[number % len(judged)], f"2026-09-{n // 2 + 1:02}"
        ringing = Till(book).ring(_order(n, day, [(3, 100)], {}))
        ringing.judged = [one]
        history.add(ringing, Differ(book).compare(ringing))
        for subject, value in one.observed:
            runs = expected.setdefault(subject, [])
            if runs and runs[-1][0] == value:
                runs[-1][1] += 1
                runs[-1][3] = day
            else:
                runs.append([value, 1, day, day])
        if n % 7 == 0:
            assert history.prices, "may be asked at any time"
    assert {
        subject: [[r.value, r.count, r.first, r.last] for r in runs] for subject, runs in history.prices.items()
    } == expected


def test_two_choices_typed_by_hand_are_not_taken_for_one() -> None:
    """They have no record, so only their names tell them apart."""
    lines = Lines(_book())
    named = []
    for choice in ("Truffle", "Caviar"):
        order = _order(1, "2026-09-01", [(1, 1500)], {})
        typed = RungModifier(9, 0, None, None, choice, QUANTITY, 500, 500, None)
        (judged,) = lines.judge(RungOrder(*[*_values(order)[:23], [typed], *_values(order)[24:]]))
        named += [found.subject for found in judged.found if found.cause is Cause.NOT_ON_MENU]
    assert named == [("choice", "Truffle"), ("choice", "Caviar")]


def _values(order: RungOrder) -> list[Any]:
    return [getattr(order, name) for name in RungOrder.__struct_fields__]
