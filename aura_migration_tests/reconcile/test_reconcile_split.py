"""Differences are split into parts that add up to them exactly, and no cent of them is lost or named by nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.causes import Cause
from aura_migration.reconcile.naming import Known, is_alike, is_same_sale, name_date, name_pieces, off_by_tender
from aura_migration.reconcile.sides import Figures
from aura_migration.reconcile.split import ORDER, SIGNS, split, worth

DAY = date(2026, 10, 2)
KNOWN = Known(
    rule=DayRule("America/Chicago", timedelta(hours=4)),
    day=DAY,
    closes_at=datetime(2026, 10, 3, 9, tzinfo=UTC),
    tenders=frozenset({"Cash", "Card"}),
    methods={"Cash": "cash", "Card": "card"},
)
CENTS = st.integers(-50_000, 500_000)


def sound(**more: int) -> Figures:
    """An order whose total is what its parts come to."""
    parts = {name: more.get(name, 0) for name in SIGNS}
    total = sum(sign * parts[name] for name, sign in SIGNS.items() if name != "tip")
    return Figures("K", DAY.isoformat(), "counts", total=total, lines=2, **parts)


PARTS = st.fixed_dictionaries(dict.fromkeys(SIGNS, CENTS))
STATES = st.sampled_from(["counts", "voided", "open"])


@given(PARTS, PARTS, STATES, STATES, CENTS)
def test_the_pieces_add_up_to_the_difference_whatever_the_two_sides_say(
    theirs: dict[str, int], ours: dict[str, int], state: str, other: str, off: int
) -> None:
    pos, aura = replace(sound(**theirs), state=state), replace(sound(**ours), state=other)
    aura = replace(aura, total=aura.total + off)
    pieces = split(pos, aura)
    assert sum(piece.cents for piece in pieces) == worth(aura) - worth(pos)
    assert all(piece.cents for piece in pieces)
    named = name_pieces(pos, aura, pieces, KNOWN)
    assert [one.piece for one in named] == pieces, "every piece has a cause"


@given(PARTS, st.sampled_from(sorted(SIGNS)), st.sampled_from([-1, 1]))
def test_one_cent_on_any_part_is_seen_there(parts: dict[str, int], part: str, cent: int) -> None:
    pos = sound(**parts)
    aura = sound(**{**parts, part: parts[part] + cent})
    assert [(piece.part, piece.cents) for piece in split(pos, aura)] == [(part, SIGNS[part] * cent)]


@given(PARTS, st.sampled_from([-1, 1]))
def test_one_cent_on_a_total_alone_is_nobodys_and_never_explained(parts: dict[str, int], cent: int) -> None:
    pos = sound(**parts)
    (named,) = name_pieces(
        pos, replace(pos, total=pos.total + cent), split(pos, replace(pos, total=pos.total + cent)), KNOWN
    )
    assert (named.cause, named.is_proven, named.piece.cents) == (Cause.UNKNOWN, False, cent)


def test_an_order_on_one_side_alone_is_one_piece_of_all_it_is_worth() -> None:
    order = sound(gross=1000, tax=88, tip=150)
    assert split(order, None) == [(ORDER, -1238)] and split(None, order) == [(ORDER, 1238)]
    assert split(replace(order, state="voided"), None) == []


@pytest.mark.parametrize(
    ("instant", "aura_day", "cause", "proven"),
    [
        # Half past midnight in Chicago: by the close-out still the second, by the calendar the third.
        (datetime(2026, 10, 3, 5, 30, tzinfo=UTC), "2026-10-03", Cause.BUSINESS_DAY_BOUNDARY, True),
        # AuraConnect's clock says the third by any rule.
        (datetime(2026, 10, 3, 10, 30, tzinfo=UTC), "2026-10-03", Cause.CLOCK_SKEW, False),
        # Of a date that neither rule nor calendar gives: named, not proven.
        (datetime(2026, 10, 2, 20, 0, tzinfo=UTC), "2026-10-01", Cause.BUSINESS_DAY_BOUNDARY, False),
    ],
)
def test_another_date_is_proven_by_the_instant_or_not_at_all(
    instant: datetime, aura_day: str, cause: Cause, proven: bool
) -> None:
    pos = sound(gross=1000)
    named = name_date(pos, replace(pos, day=aura_day, opened_at=instant), -1000, KNOWN)
    assert (named.cause, named.is_proven) == (cause, proven)


def test_a_clock_that_is_off_is_proven_by_other_orders_and_never_by_the_order_alone() -> None:
    pos_at = datetime(2026, 10, 3, 8, 35, tzinfo=UTC)  # 25 minutes before the close-out
    ahead = timedelta(minutes=45)
    pos = replace(sound(gross=1000), opened_at=pos_at)
    aura = replace(sound(gross=1000), day="2026-10-03", opened_at=pos_at + ahead, origin="aura_native")
    minute = timedelta(minutes=1)

    def proven(offsets: dict[str, tuple[datetime, timedelta]], theirs: Figures = pos, ours: Figures = aura) -> bool:
        named = name_date(theirs, ours, -1000, replace(KNOWN, offsets=offsets))
        assert named.cause is Cause.CLOCK_SKEW
        return named.is_proven

    two = {"A": (pos_at, ahead + minute), "B": (pos_at - 30 * minute, ahead - minute)}
    assert proven(two)
    assert not proven({}) and not proven({"A": two["A"]}) and not proven({"A": two["A"], "K": two["B"]})
    assert not proven({**two, "B": (pos_at, 0 * minute)}), "another order that is right"
    assert not proven({**two, "B": (pos_at - timedelta(hours=5), ahead)}), "of another time of the day"
    assert not proven(two, replace(pos, opened_at=None)) and not proven(two, ours=replace(aura, origin="pos_native"))
    assert not proven(two, replace(pos, day="2026-10-01")), "the POS itself dates it otherwise"


def test_a_tip_is_explained_only_where_as_much_was_paid_on_both_sides() -> None:
    pos = replace(sound(gross=1000, tax=88, tip=150), paid={"Card": 1238})
    aura = sound(gross=1000, tax=88)
    one_cent = replace(sound(gross=1000, tax=88, tip=149), paid={"Card": 1238})
    for ours, proven in (
        (replace(aura, paid={"Card": 1238}), True),  # the tip is a part of the payment to AuraConnect
        (replace(aura, paid={"Card": 1088}), False),  # it never got there
        (aura, False),
        (one_cent, False),
    ):
        (named,) = name_pieces(pos, ours, split(pos, ours), KNOWN)
        assert (named.cause, named.is_proven) == (Cause.TIP_TREATMENT, proven)


def test_a_price_is_explained_only_by_a_change_of_what_is_on_the_order() -> None:
    pos, aura = sound(gross=1090), replace(sound(gross=1000), aura_id=7, origin="aura_native")
    for changes, proven in (({7: -90}, True), ({7: -45}, False), ({8: -90}, False), ({7: 90}, False), ({}, False)):
        (named,) = name_pieces(pos, aura, split(pos, aura), replace(KNOWN, price_changes=changes))
        assert (named.cause, named.is_proven) == (Cause.PRICE_CHANGED, proven)


def test_gratuity_that_is_a_tip_elsewhere_is_one_matter_and_one_that_is_nowhere_is_a_rule() -> None:
    pos = sound(gross=1000, gratuity=180)
    moved = sound(gross=1000, tip=180)
    assert {one.cause for one in name_pieces(pos, moved, split(pos, moved), KNOWN)} == {Cause.GRATUITY_TREATMENT}
    lost = sound(gross=1000)
    (named,) = name_pieces(pos, lost, split(pos, lost), KNOWN)
    assert (named.cause, named.is_proven) == (Cause.CHARGE_RULE, False)


def test_orders_are_one_sale_only_of_one_total_and_one_moment() -> None:
    at = datetime(2026, 10, 2, 18, tzinfo=UTC)
    native = replace(sound(gross=1000), opened_at=at, origin="aura_native")
    assert is_same_sale(native, replace(sound(gross=1000), opened_at=at + timedelta(minutes=3)))
    assert not is_same_sale(native, replace(sound(gross=1000), opened_at=at + timedelta(minutes=11)))
    assert not is_same_sale(native, replace(sound(gross=1001), opened_at=at))
    assert not is_same_sale(native, replace(sound(gross=1000), opened_at=at, state="voided"))
    assert is_alike(native, sound(gross=1000)) and not is_alike(native, sound(gross=1000, tip=1))


@given(
    st.dictionaries(st.sampled_from(["Cash", "Card"]), st.integers(0, 9_999)),
    st.dictionaries(st.sampled_from(["cash", "card", "other"]), st.integers(0, 9_999)),
)
def test_what_was_paid_differs_by_its_total_and_by_what_moved(theirs: dict[str, int], ours: dict[str, int]) -> None:
    pos = replace(sound(), paid=theirs)
    aura = replace(sound(), origin="aura_native", methods=ours)
    total, moved = off_by_tender(pos, aura, KNOWN)
    assert total == sum(ours.values()) - sum(theirs.values())
    same = {KNOWN.methods[name]: cents for name, cents in theirs.items() if cents} == {
        n: c for n, c in ours.items() if c
    }
    assert (total == 0 and moved == 0) == same


@pytest.mark.parametrize(
    ("theirs", "ours", "moved"),
    [
        ({"Lunch voucher": 900}, {"lunch voucher": 900}, 0),
        ({"Lunch voucher": 900}, {"House voucher": 900}, 900),
        ({"Lunch voucher": 900}, {"other": 900}, 0),  # AuraConnect says no name: nothing tells that it is another
        ({"Lunch voucher": 500, "Cash": 400}, {"Lunch voucher": 400, "cash": 500}, 100),
        ({"Never seen": 900}, {"Never seen": 900}, 0),
    ],
)
def test_tenders_of_the_restaurant_s_own_are_compared_by_name(
    theirs: dict[str, int], ours: dict[str, int], moved: int
) -> None:
    known = replace(KNOWN, methods={**KNOWN.methods, "Lunch voucher": "other", "House voucher": "other"})
    pos, aura = replace(sound(), paid=theirs), replace(sound(), origin="aura_native", methods=ours)
    assert off_by_tender(pos, aura, known) == (0, moved)
