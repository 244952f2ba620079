"""The parts of order replay by themselves: hours, proofs, and what the history says about a way of calculating."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, BillLine, Discount, Kind, Scope, TaxRule
from aura_migration.pricing.engine import price
from aura_migration.pricing.policies import CLOVER, SQUARE, TOAST
from aura_migration.pricing.policy import PercentBase, Policy, TaxPlace
from aura_migration.pricing.scales import Rounding, percent
from aura_migration.verify.replay.backtest import BackTest, Case, infer_policy
from aura_migration.verify.replay.book import Book, Item, Option, PriceRule, Tax, TaxException
from aura_migration.verify.replay.causes import Proofs, changed_once
from aura_migration.verify.replay.differ import Charged, Outcome
from aura_migration.verify.replay.history import History, Run
from aura_migration.verify.replay.hours import ALWAYS, moment, schedule, window, within
from aura_migration.verify.replay.lines import AS_CONFIGURED
from aura_migration.verify.replay.reading import policy_of
from aura_migration.verify.replay.rung import OrderRef, RungOrder

LIQUOR = TaxRule("7", rate=percent("7.25"))


def order(ident: int, day: str = "2026-09-01") -> RungOrder:
    """An order of which only number and day matter."""
    numbers = {"subtotal": 0, "discount": 0, "charge": 0, "gratuity": 0, "rounding": 0, "tax": 0, "included": 0}
    return RungOrder(
        id=ident, key=f"k{ident}", number=str(ident), day=day, opened=None, closed=None, order_type="dine_in", channel="in_house", guests=0,
        is_exempt=False, in_cash=False, total=0, flags=None, stated_total=None, type_key=None, lines=None, modifiers=None, discounts=None,
        charges=None, taxes=None, **numbers,
    )  # fmt: skip


def rung(ident: int, cents: list[int], policy: Policy, *discounts: Discount) -> tuple[Bill, Any]:
    """A bill of lines that bear the tax, and what it comes to."""
    bill = Bill(
        tuple(BillLine(str(n), each, taxes=("7",)) for n, each in enumerate(cents)), (LIQUOR,), tuple(discounts)
    )
    return bill, price(bill, policy)


def case(ident: int, cents: list[int], policy: Policy, *discounts: Discount) -> Case:
    """An order as that policy charges it."""
    bill, priced = rung(ident, cents, policy, *discounts)
    charged = {tax.id: Charged(tax.amount, LIQUOR.rate) for tax in priced.taxes}
    return Case(order(ident), bill, charged, tuple(one.amount for one in priced.discounts), (), priced.total)


# -- hours -------------------------------------------------------------------------------------------------------------


def test_a_window_past_midnight_belongs_to_the_day_it_begins_on() -> None:
    late = window(["fri"], "22:00", "02:00")
    assert late.holds(moment("2026-09-04T22:00")) and late.holds(moment("2026-09-05T01:59"))
    assert not late.holds(moment("2026-09-05T02:00")) and not late.holds(moment("2026-09-05T22:30"))
    assert not late.holds(moment("2026-09-04T01:00")), "that night began on Thursday"


def test_a_window_ends_before_its_last_minute_and_all_days_are_no_restriction() -> None:
    happy = window(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "16:00", "18:00")
    assert happy.days is None
    assert happy.holds(moment("2026-09-06T16:00")) and not happy.holds(moment("2026-09-06T18:00"))
    assert schedule(None) == (ALWAYS,) and schedule([]) == ()


def test_dates_of_a_rule_include_both_ends_in_the_precision_they_are_given() -> None:
    assert within("2026-09-30T23:59", "2026-09-01", "2026-09-30")
    assert not within("2026-10-01T00:00", "2026-09-01", "2026-09-30")
    assert not within("2026-09-30T17:31", None, "2026-09-30T17:30")


# -- prices ------------------------------------------------------------------------------------------------------------


def book(**more: Any) -> Book:
    """A book with nothing in it."""
    return Book(1, 1, "America/New_York", "USD", SQUARE, **more)


def rule(cents: int, priority: int = 0, **more: Any) -> PriceRule:
    """A price rule for everything but what is given."""
    none = dict.fromkeys(("menu", "variation", "group", "item", "size", "size_name", "pre_modifier", "channel"))
    return PriceRule(cents=cents, priority=priority, **{**none, "when": ALWAYS, **more})


def item(**more: Any) -> Item:
    """A burger."""
    return Item(5, "Burger", 1000, "fixed", True, False, True, None, **more)


def test_the_rule_of_the_highest_priority_gives_the_price_and_each_menu_may_have_its_own() -> None:
    burger = item(
        menus={1, 2},
        rules=[rule(900, 1, menu=1), rule(800, 5, menu=1), rule(700, 9, when=window(None, "16:00", "18:00"))],
    )
    assert book().item_prices(burger, None, "in_house", moment("2026-09-01T12:00")) == frozenset(
        (
            800,
            1000,
        )
    )
    assert book().item_prices(burger, None, "in_house", moment("2026-09-01T17:00")) == frozenset((700,))


def test_a_pre_modifier_multiplies_or_replaces_the_price_of_an_option() -> None:
    from aura_migration.verify.replay.book import PreModifier

    cheese = Option(3, "Cheese", 1, 125, True, False, False, None)
    held = book(
        pre_modifiers={
            "extra": [PreModifier(1, "Extra", 150_000_000, None)],
            "no": [PreModifier(2, "No", None, 0)],
        }
    )
    at = moment("2026-09-01T12:00")
    assert held.option_prices(item(), None, cheese, "EXTRA", "in_house", at) == frozenset((188,))
    assert held.option_prices(item(), None, cheese, "No", "in_house", at) == frozenset((0,))


def test_an_exception_changes_or_lifts_a_tax_and_a_price_with_tax_inside_moves_it_there() -> None:
    held = book(taxes={"7": Tax("7", "Liquor", LIQUOR, "percent", True, True, None)})
    held.exceptions = [TaxException("7", "takeout", None, None, None, percent("5"), False)]
    burger = item(taxes=["7"])
    assert held.item_taxes(burger, "dine_in", None) == ("7",)
    assert held.item_taxes(burger, "takeout", None) == ("7@5000000",)
    assert held.rule("7@5000000").rate == 5_000_000
    burger.tax_inclusive = True
    assert held.item_taxes(burger, "dine_in", None) == ("7+in",) and held.rule("7+in").is_inclusive
    held.exceptions = [TaxException(None, "takeout", None, None, None, None, False)]
    assert held.item_taxes(burger, "takeout", None) == ()
    assert held.charged_name(7, percent("7.25"), False) == "7" and held.charged_name(8, None, False) == "?8"


def test_a_setting_overrides_the_policy_of_the_pos_field_by_field() -> None:
    assert policy_of({"name": "toast", "tax_place": "line"}, "toast").tax_place is TaxPlace.LINE
    assert policy_of({}, "clover") == CLOVER
    with pytest.raises(BadInput, match=r"pricing\.policy"):
        policy_of({"tax_rounding": "sometimes"}, "square")


# -- proofs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "proven"),
    [
        ([(1350, 3), (AS_CONFIGURED, 3)], True),
        ([(1350, 2), (AS_CONFIGURED, 9)], False),
        ([(1350, 9), (AS_CONFIGURED, 2)], False),
        ([(AS_CONFIGURED, 9), (1350, 9)], False),
        ([(1350, 5), (AS_CONFIGURED, 5), (1350, 5), (AS_CONFIGURED, 5)], False),
        ([(1250, 4), (1350, 4), (AS_CONFIGURED, 4)], True),
        ([(AS_CONFIGURED, 9)], False),
    ],
)
def test_a_change_is_proven_by_runs_without_exception_that_end_at_what_is_configured(
    runs: list[tuple[int, int]], proven: bool
) -> None:
    found = [Run(value, count, "2026-09-01", "2026-09-02") for value, count in runs]
    assert changed_once(found, AS_CONFIGURED) is proven


@pytest.mark.parametrize(
    ("first", "after", "other", "proven"),
    [
        ("2026-09-01", 10, None, True),
        ("2026-09-01", 9, None, False),
        ("2026-08-20", 30, None, False),
        ("2026-08-20", 3, ("2026-08-30", "2026-09-02"), True),
        ("2026-08-20", 3, ("2026-08-20", "2026-08-25"), False),
    ],
    ids=["the history begins", "too few follow", "one odd line", "another price changed then", "another day"],
)
def test_a_lonely_old_price_is_proven_only_by_the_beginning_of_the_history_or_by_another_change_of_that_day(
    first: str, after: int, other: tuple[str, str] | None, proven: bool
) -> None:
    from aura_migration.verify.replay.words import Cause, Found, Part, Why

    history = History()
    history.first = first
    subject = ("item", 5, None)
    history.prices[subject] = [
        Run(950, 1, "2026-09-01", "2026-09-01"),
        Run(AS_CONFIGURED, after, "2026-09-02", "2026-09-20"),
    ]
    if other is not None:
        history.prices["item", 6, None] = [
            Run(100, 5, "2026-08-20", other[0]),
            Run(AS_CONFIGURED, 5, other[1], "2026-09-20"),
        ]
    each = Found(Part.ITEM_PRICE, Cause.ITEM_PRICE, subject, 950, 1000, 50)
    why = Proofs(book(), history).explain(OrderRef(1, "k", "1", "2026-09-01", False, 0), [each], each)
    assert why is (Why.PRICE_CHANGED if proven else None)


def holidays(charged: dict[str, int], missing: dict[str, int]) -> set[str]:
    """The holidays of one item's tax, days by orders with and without it."""
    proofs = Proofs(book(), History())
    proofs.tax_days.charged = {("7", 5): charged}
    proofs.tax_days.missing = {("7", 5): missing}
    return proofs._holidays("7")


def test_a_holiday_lies_between_days_on_which_the_tax_was_charged_and_has_enough_orders() -> None:
    around = {"2026-09-04": 5, "2026-09-07": 5}
    assert holidays(around, {"2026-09-05": 2, "2026-09-06": 1}) == {"2026-09-05", "2026-09-06"}
    assert holidays(around, {"2026-09-05": 2}) == set(), "two orders prove nothing"
    assert holidays({"2026-09-04": 5}, {"2026-09-05": 9}) == set(), "it was never charged again"
    assert holidays({**around, "2026-09-05": 1}, {"2026-09-05": 9}) == set(), "somebody was charged that day"


def test_orders_without_tax_on_days_apart_are_no_window() -> None:
    charged = dict.fromkeys(("2026-09-04", "2026-09-06", "2026-09-08", "2026-09-10"), 5)
    assert holidays(charged, {"2026-09-05": 1, "2026-09-07": 1, "2026-09-09": 1}) == set()


def test_an_exempt_check_of_a_pos_without_such_a_mark_needs_other_orders_that_bore_the_tax() -> None:
    from aura_migration.verify.replay.words import Cause, Found, Part, Why

    each = Found(Part.TAX, Cause.TAX_EXTRA, ("tax", "7", 5), "not taxed", "Burger", 73)
    check = OrderRef(1, "k1", "1", "2026-09-05", True, 0)
    for name, orders, why in (("square", 0, None), ("square", 3, Why.TAX_EXEMPT), ("toast", 0, Why.TAX_EXEMPT)):
        history = History()
        history.tax_orders["7"] = orders
        held = book()
        held.policy = msgspec.structs.replace(SQUARE, name=name)
        assert Proofs(held, history).explain(check, [each], each) is why


# -- ways of calculating -----------------------------------------------------------------------------------------------

PRICES = [[110, 230], [150, 270], [333, 199], [118, 118], [205, 310, 95], [1999, 111]]


def test_history_decides_an_open_choice_and_what_it_decides_breaks_no_order_that_agreed() -> None:
    by_line = msgspec.structs.replace(TOAST, tax_place=TaxPlace.LINE)
    past = [case(n, cents, by_line) for n, cents in enumerate(PRICES)]
    different = [one for one in past if not one.fits(TOAST)]
    agreeing = [one for one in past if one.fits(TOAST)]
    assert different and agreeing
    found = infer_policy(different, agreeing, TOAST)
    assert found is not None and found.changes == {"tax_place": "line"}
    assert (found.decided, found.against) == (len(different), 0)
    assert found.as_dict()["value"] == {"name": "toast", "tax_place": "line"}


def test_a_choice_that_the_settings_state_is_not_open() -> None:
    by_line = msgspec.structs.replace(TOAST, tax_place=TaxPlace.LINE)
    different = [one for n, cents in enumerate(PRICES) if not (one := case(n, cents, by_line)).fits(TOAST)]
    assert infer_policy(different, [], TOAST, said=("tax_place",)) is None


def test_an_agreeing_order_vetoes_a_choice_that_would_break_it() -> None:
    by_line = msgspec.structs.replace(TOAST, tax_place=TaxPlace.LINE)
    past = [case(n, cents, by_line) for n, cents in enumerate(PRICES)]
    different = [one for one in past if not one.fits(TOAST)]
    veto = [one for n, cents in enumerate(PRICES, 100) if not (one := case(n, cents, TOAST)).fits(by_line)]
    assert veto
    assert infer_policy(different, veto, TOAST) is None


def test_two_open_choices_are_found_together() -> None:
    both = msgspec.structs.replace(TOAST, tax_place=TaxPlace.LINE, percent_base=PercentBase.SCOPE_START)
    tenths = [Discount(str(n), Scope.CHECK, Kind.PERCENT, rate=percent("10")) for n in range(2)]
    past = [case(n, cents, both, *tenths) for n, cents in enumerate(PRICES)]
    past += [case(n, cents, both) for n, cents in enumerate(PRICES, 50)]
    found = infer_policy([one for one in past if not one.fits(TOAST)], [one for one in past if one.fits(TOAST)], TOAST)
    assert found is not None and found.against == 0
    assert found.changes == {"tax_place": "line", "percent_base": "scope_start"}


def test_the_back_test_tells_roundings_apart_by_the_orders_that_can_tell() -> None:
    half_up = msgspec.structs.replace(SQUARE, tax_rounding=Rounding.HALF_UP)
    test = BackTest()
    for n, cents in enumerate([[200], [600], [1000], [777]]):
        bill, priced = rung(n, cents, half_up)
        test.add(
            Outcome(order(n), [], [], priced, bill, {tax.id: Charged(tax.amount, LIQUOR.rate) for tax in priced.taxes})
        )
    evidence = test.rates["7"]
    assert evidence.orders == 4 and evidence.telling >= 2, "14.50 and 72.50 cents are halves"
    assert {way.rounding for way in evidence.best()} == {Rounding.HALF_UP}
    assert evidence.examples[0][2] == 15
