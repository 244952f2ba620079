"""What left the POS meanwhile: a rate that no order bears any more is explained, one that is still charged never."""

from __future__ import annotations

import pytest

from aura_migration.pricing.bill import TaxKind, TaxRule
from aura_migration.pricing.policies import CLOVER, TOAST
from aura_migration.pricing.scales import QUANTITY, percent
from aura_migration.verify.replay.book import Book, Item, Tax
from aura_migration.verify.replay.causes import CUT_OFF, Proofs
from aura_migration.verify.replay.differ import Differ
from aura_migration.verify.replay.history import History
from aura_migration.verify.replay.ring import Till
from aura_migration.verify.replay.rung import RungLine, RungOrder, RungTax, ref
from aura_migration.verify.replay.words import Cause, Why

PIE = 5
STATE, STADIUM = percent("8"), percent("1.5")


def _order(number: int, day: str, *taxes: RungTax, units: int = 1) -> RungOrder:
    """Pies at 9.00, taxed as stated."""
    cents, tax = 900 * units, sum(one.amount for one in taxes)
    line = RungLine(1, PIE, None, "Pie", units * QUANTITY, 900, cents, 0, tax, "sale")
    return RungOrder(
        number, f"k{number}", str(number), day, f"{day}T12:00", f"{day}T12:30", "dine_in", "in_house", 0, False, False, cents, 0, 0, 0, 0, tax,
        0, cents + tax, None, None, None, [line], None, None, None, list(taxes),
    )  # fmt: skip


def _state(taxable: int = 900) -> RungTax:
    return RungTax(None, None, 7, "State", taxable * 8 // 100, STATE, False, "restaurant", taxable)


def _stadium(amount: int = 14, taxable: int | None = 900, line: int | None = None) -> RungTax:
    return RungTax(line, None, None, "Stadium", amount, STADIUM, False, "restaurant", taxable)


def _whys(orders: list[RungOrder], at: int = 0) -> dict[str, Why | None]:
    """What explains each difference of one order, given all of them; the days of the taxes as AuraConnect holds them."""
    book = Book(1, 1, "America/New_York", "USD", CLOVER)
    book.taxes = {"7": Tax("7", "State", TaxRule("7", rate=STATE), "percent", True, True, None)}
    book.items = {PIE: Item(PIE, "Pie", 900, "fixed", True, False, True, None, taxes=["7"])}
    till, differ, history = Till(book), Differ(book), History()
    outcomes = []
    for order in orders:
        ringing = till.ring(order)
        outcome = differ.compare(ringing)
        history.add(ringing, outcome)
        outcomes.append(outcome)
    proofs = Proofs(book, history)
    charged = proofs.tax_days.charged.setdefault(("7", PIE), {})
    for order in orders:
        if any(tax.tax_rate == 7 for tax in order.taxes or ()):
            charged[order.day] = charged.get(order.day, 0) + 1
    found = outcomes[at].found
    return {each.cause.value: proofs.explain(ref(orders[at]), found, each) for each in found}


def _later(count: int, *taxes: RungTax) -> list[RungOrder]:
    return [_order(100 + n, f"2026-09-{10 + n:02}", *(taxes or (_state(),))) for n in range(count)]


@pytest.mark.parametrize("line", [None, 1], ids=["stated for the check", "stated on the line"])
def test_a_rate_that_stood_in_the_place_of_another_and_is_charged_no_longer_is_explained(line: int | None) -> None:
    whys = _whys([_order(1, "2026-09-01", _stadium(line=line)), *_later(CUT_OFF)])
    assert whys == {Cause.TAX_EXTRA.value: Why.NO_LONGER_CHARGED, Cause.TAX_MISSING.value: Why.NO_LONGER_CHARGED}


def test_a_rate_that_came_on_top_of_the_configured_ones_and_is_charged_no_longer_is_explained() -> None:
    whys = _whys([_order(1, "2026-09-01", _state(), _stadium()), *_later(CUT_OFF)])
    assert whys == {Cause.TAX_MISSING.value: Why.NO_LONGER_CHARGED}


@pytest.mark.parametrize(
    ("orders", "why"),
    [
        ([_order(1, "2026-09-01", _stadium()), *_later(CUT_OFF - 1)], "too few orders since prove nothing"),
        ([_order(1, "2026-09-01", _stadium()), *_later(CUT_OFF, _stadium())], "it is charged to the end"),
        ([_order(1, "2026-09-01", _stadium(amount=15)), *_later(CUT_OFF)], "its percentage gives other cents"),
        ([_order(1, "2026-09-01", _stadium(taxable=400)), *_later(CUT_OFF)], "no line comes to what it was charged on"),
        (
            [_order(1, "2026-09-01", _stadium()), *_later(CUT_OFF, RungTax(None, None, None, "Other", 45, percent("5"), False, "restaurant", 900))],
            "the item does not bear the configured rate since",
        ),
    ],
)  # fmt: skip
def test_a_rate_that_auraconnect_lacks_without_proof_that_it_ended_stays_different(
    orders: list[RungOrder], why: str
) -> None:
    assert set(_whys(orders).values()) == {None}, why


def test_a_deposit_for_each_unit_counts_units_also_where_the_item_has_left_with_its_taxes() -> None:
    book = Book(1, 1, "America/New_York", "USD", TOAST)
    book.taxes = {"3": Tax("3", "Deposit", TaxRule("3", TaxKind.FIXED, amount=5), "fixed", True, False, None)}
    item = book.items[PIE] = Item(PIE, "Bottle", 900, "fixed", False, False, True, None)
    assert item.has_left
    for cents, differs in ((20, False), (5, True)):
        order = _order(1, "2026-09-01", RungTax(1, None, 3, "Deposit", cents, None, False, "restaurant", None), units=4)
        outcome = Differ(book).compare(Till(book).ring(order))
        assert any(each.why is None for each in outcome.found) is differs
