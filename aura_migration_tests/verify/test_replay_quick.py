"""What replay remembers and adds up to be quick says the same as judging everything anew."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from aura_migration.pricing.bill import TaxRule
from aura_migration.pricing.policies import SQUARE
from aura_migration.pricing.scales import QUANTITY, RATE, percent, round_ratio
from aura_migration.verify.replay.backtest import ALL_WAYS, WAYS, BackTest, fitting_ways
from aura_migration.verify.replay.book import Book, Item, Tax
from aura_migration.verify.replay.differ import Differ
from aura_migration.verify.replay.history import History
from aura_migration.verify.replay.lines import Judged, Lines, Observed
from aura_migration.verify.replay.ring import Till
from aura_migration.verify.replay.rung import RungLine, RungModifier, RungOrder, RungTax
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
    return held


def _order(ident: int, day: str, sold: list[tuple[int, int]], off: dict[str, int]) -> RungOrder:
    """An order of (item, cents), taxed as the rules say but for ``off`` cents a rate."""
    book = _book()
    lines = [
        RungLine(n, item, None, f"Item {item}", QUANTITY, cents, cents, 0, 0, "sale")
        for n, (item, cents) in enumerate(sold)
    ]
    taxes = []
    for name, rate in RATES.items():
        bases = [cents for item, cents in sold if name in book.items[item].taxes]
        amount = round_ratio(sum(bases) * rate, RATE, SQUARE.tax_rounding) + off.get(name, 0)
        if bases and amount >= 0:
            taxes.append(RungTax(None, None, int(name), name, amount, rate, False, "restaurant", None))
    subtotal, tax = sum(cents for _, cents in sold), sum(one.amount for one in taxes)
    return RungOrder(
        ident, f"k{ident}", str(ident), day, None, None, "dine_in", "in_house", 0, False, False, subtotal, 0, 0, 0, 0, tax, 0,
        subtotal + tax, None, None, None, lines, None, None, None, taxes,
    )  # fmt: skip


SOLD = st.lists(st.tuples(st.sampled_from([1, 2, 3]), CENTS), min_size=1, max_size=6)
OFF = st.dictionaries(st.sampled_from(["7", "8"]), st.sampled_from([-1, 1, 7]), max_size=1)


@seed(1)
@BRIEF
@given(st.lists(st.tuples(SOLD, OFF), min_size=1, max_size=5))
def test_a_plain_order_is_judged_as_if_its_whole_bill_were_priced(
    past: list[tuple[list[tuple[int, int]], dict[str, int]]],
) -> None:
    said: list[list[Any]] = []
    for is_quick in (True, False):
        book, test = _book(), BackTest()
        till, differ = Till(book), Differ(book)
        told: list[Any] = []
        for ident, (sold, off) in enumerate(past):
            ringing = till.ring(_order(ident, "2026-09-01", sold, off))
            assert ringing.is_plain
            ringing.is_plain = is_quick
            outcome = differ.compare(ringing)
            assert (outcome.plain is not None) <= is_quick
            test.add(outcome)
            told.append((outcome.found, outcome.skips, outcome.is_open, outcome.taxes))
        told.append({name: (one.orders, one.telling, one.counted()) for name, one in test.rates.items()})
        said.append(told)
    assert said[0] == said[1]


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
