"""Prices over a week, compared without a database: windows, ranks, and keys one side states more finely than the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aura_migration.pos.facts import (
    ALWAYS,
    DAYS,
    EdgeKey,
    Facts,
    ModifierPriceKey,
    PriceFact,
    PriceKey,
    VariationFact,
    Window,
)
from aura_migration.verify.prices import PriceResult, compare_prices
from aura_migration.verify.timetable import DAY, WEEK, open_spans, overlay, paint, show_span, spans


def fixed(cents: int, rank: int = 0) -> PriceFact:
    return PriceFact("fixed", cents, "", rank)


def compared(mine: dict[Any, PriceFact], its: dict[Any, PriceFact], **more: Any) -> PriceResult:
    source, sold = Facts(prices=mine, **more), Facts(prices=its, **more)
    return compare_prices(
        source, sold, lambda facts: facts.prices, "items", "USD", lambda _: True, lambda *_: ("", False)
    )


def test_a_window_covers_its_minutes_on_each_of_its_days() -> None:
    assert spans(Window(("mon", "wed"), "16:00", "18:00")) == ((960, 1080), (2 * DAY + 960, 2 * DAY + 1080))
    assert spans(ALWAYS) == ((0, WEEK),)
    assert spans(Window((), "00:00", "24:00")) == ((0, WEEK),)
    assert spans(Window(("tue",))) == ((DAY, 2 * DAY),)
    assert spans(Window(("tue",), "00:00", "00:00")) == ((DAY, 2 * DAY),)


def test_a_window_past_midnight_runs_into_the_next_day_and_from_sunday_into_monday() -> None:
    assert spans(Window(("mon",), "22:00", "02:00")) == ((1320, DAY + 120),)
    assert spans(Window(("sun",), "22:00", "02:00")) == ((0, 120), (6 * DAY + 1320, WEEK))
    assert spans(Window(("sun",), "22:00", "00:00")) == ((6 * DAY + 1320, WEEK),)


@pytest.mark.parametrize("window", [Window(("montag",)), Window((), "4pm", "18:00"), Window((), "10:00", "25:00")])
def test_a_window_that_is_none_is_refused(window: Window) -> None:
    with pytest.raises(ValueError, match="is not a"):
        spans(window)


def test_a_higher_rank_holds_and_equal_ranks_with_different_prices_are_ambiguous() -> None:
    happy = Window(("mon",), "16:00", "18:00")
    week = paint([(ALWAYS, fixed(300, -1)), (happy, fixed(150, 5)), (Window(("mon",)), fixed(200, 1))])
    assert [(s.start, s.end, s.fact.cents if s.fact else None) for s in week] == [
        (0, 960, 200),
        (960, 1080, 150),
        (1080, DAY, 200),
        (DAY, WEEK, 300),
    ]
    assert any(s.is_ambiguous for s in paint([(ALWAYS, fixed(300)), (happy, fixed(150))]))
    assert not any(s.is_ambiguous for s in paint([(ALWAYS, fixed(300)), (happy, fixed(300))]))


windows = st.builds(
    Window,
    st.lists(st.sampled_from(DAYS), unique=True, max_size=7).map(tuple),
    st.sampled_from(["", "00:00", "06:30", "17:00"]),
    st.sampled_from(["", "03:00", "17:00", "24:00"]),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no defect
@given(st.lists(st.tuples(windows, st.integers(0, 3), st.integers(0, 2)), max_size=6))
def test_a_painted_week_says_at_every_minute_what_the_windows_say(prices: list[tuple[Window, int, int]]) -> None:
    week = paint([(window, fixed(cents, rank)) for window, cents, rank in prices])
    assert week[0].start == 0
    assert week[-1].end == WEEK
    for segment in week:
        for minute in {segment.start, segment.end - 1}:
            holding = [(rank, cents) for w, cents, rank in prices if any(a <= minute < b for a, b in spans(w))]
            top = max((rank for rank, _ in holding), default=0)
            best = {cents for rank, cents in holding if rank == top}
            assert segment.is_ambiguous == (len(best) > 1)
            if len(best) == 1:
                assert segment.fact is not None
                assert {segment.fact.cents} == best
            assert bool(segment.fact) == bool(best)


@given(st.lists(windows, max_size=4), st.lists(windows, max_size=4))
def test_two_weeks_side_by_side_cover_the_whole_week_once(left: list[Window], right: list[Window]) -> None:
    sides = [paint([(w, fixed(n, n)) for n, w in enumerate(side)]) for side in (left, right)]
    both = overlay(*sides)
    assert both[0][0] == 0
    assert both[-1][1] == WEEK
    assert all(one[1] == two[0] for one, two in pairwise(both))
    for start, end, mine, its in both:
        assert mine.start <= start < end <= mine.end
        assert its.start <= start < end <= its.end


def test_no_window_at_all_is_always_open() -> None:
    assert open_spans(()) == ((0, WEEK),)
    assert open_spans([Window(("mon",), "09:00", "12:00"), Window(("mon",), "12:00", "15:00")]) == ((540, 900),)


def test_spans_are_shown_as_people_read_them() -> None:
    assert show_span(0, WEEK) == ""
    assert show_span(960, 1080) == "mon 16:00 – mon 18:00"
    assert show_span(6 * DAY, WEEK) == "sun 00:00 – sun 24:00"


def test_the_same_hours_cut_otherwise_are_the_same_price() -> None:
    base = {PriceKey("a"): fixed(300, -9)}
    mine = base | {PriceKey("a", window=Window(("mon",), "16:00", "18:00")): fixed(150)}
    its = base | {
        PriceKey("a", window=Window(("mon",), "16:00", "17:00")): fixed(150, 4),
        PriceKey("a", window=Window(("mon",), "17:00", "18:00")): fixed(150, 7),
    }
    assert compared(mine, its).findings == []


def test_a_shifted_hour_is_two_differences_of_one_price() -> None:
    def at(start: str, end: str) -> dict[PriceKey, PriceFact]:
        return {PriceKey("a"): fixed(300, -9), PriceKey("a", window=Window(("mon",), start, end)): fixed(150)}

    result = compared(at("16:00", "18:00"), at("17:00", "19:00"))
    assert [(f.source_key, f.difference_cents) for f in result.findings] == [
        ("a | mon 16:00 – mon 17:00", 150),
        ("a | mon 18:00 – mon 19:00", -150),
    ]
    assert result.worst == 150


def test_a_price_that_does_not_depend_on_the_menu_is_the_price_on_every_menu() -> None:
    one = {PriceKey("a"): fixed(300)}
    by_menu = {PriceKey("a", menu="lunch"): fixed(300), PriceKey("a", menu="dinner"): fixed(300)}
    assert compared(one, by_menu).findings == compared(by_menu, one).findings == []
    dearer = by_menu | {PriceKey("a", menu="dinner"): fixed(301)}
    for result in (compared(one, dearer), compared(dearer, one)):
        assert [f.source_key for f in result.findings] == ["a | menu dinner"]


def test_picks_beyond_the_last_cost_what_the_last_one_costs() -> None:
    short = {PriceKey("a", sequence=1): fixed(0), PriceKey("a", sequence=2): fixed(50)}
    long = short | {PriceKey("a", sequence=3): fixed(50)}
    assert compared(short, long).findings == compared(long, short).findings == []
    assert compared(short, long | {PriceKey("a", sequence=3): fixed(60)}).worst == 10


def test_a_size_by_name_is_the_variation_of_that_name_at_its_item_only() -> None:
    variations = {"v1": VariationFact("a", "Large"), "v2": VariationFact("b", "Large")}

    def priced(size: str) -> Facts:
        key = ModifierPriceKey(EdgeKey("a", (("g", "g/o"),)), size=size)
        return Facts(modifier_prices={key: fixed(5)}, variations=variations)

    def result(mine: Facts, its: Facts) -> PriceResult:
        return compare_prices(
            mine, its, lambda f: f.modifier_prices, "modifiers", "USD", lambda _: True, lambda *_: ("", False)
        )

    assert result(priced("Large"), priced("v1")).findings == []
    assert result(priced("Large"), priced("v2")).findings != []


def test_auraconnects_price_without_a_size_says_nothing_where_the_pos_prices_by_size_only() -> None:
    mine = {PriceKey("a", size="L"): fixed(5)}
    assert compared(mine, mine | {PriceKey("a"): fixed(0)}).findings == []
    assert compared(mine | {PriceKey("a"): fixed(1)}, mine | {PriceKey("a"): fixed(0)}).worst == 1


@pytest.mark.parametrize(
    ("mine", "its"),
    [
        (PriceFact("open", None), fixed(0)),
        (fixed(0), PriceFact("open", None)),
        (fixed(0), PriceFact("fixed", None)),
        (PriceFact("per_unit", 5, "lb"), PriceFact("per_unit", 5, "kg")),
        (PriceFact("per_unit", 5, "lb"), fixed(5)),
    ],
)
def test_open_free_unknown_and_by_weight_are_four_things(mine: PriceFact, its: PriceFact) -> None:
    (found,) = compared({PriceKey("a"): mine}, {PriceKey("a"): its}).findings
    assert found.is_blocking
    assert found.expected != found.actual


def test_a_unit_the_witness_does_not_name_is_not_compared() -> None:
    key = PriceKey("a")
    assert compared({key: PriceFact("per_unit", 5)}, {key: PriceFact("per_unit", 5, "kg")}).findings == []


def test_a_price_only_one_side_has_is_a_difference_without_an_amount() -> None:
    for mine, its in (({PriceKey("a"): fixed(5)}, {}), ({}, {PriceKey("a"): fixed(5)})):
        (found,) = compared(mine, its).findings
        assert found.difference_cents is None
        assert None in (found.expected, found.actual)


def test_hours_of_the_pos_that_cannot_be_read_are_a_difference_and_no_crash() -> None:
    broken = {PriceKey("a", window=Window(("mon",), "noon", "18:00")): fixed(5)}
    (found,) = compared(broken, broken).findings
    assert found.is_blocking
    assert "'noon' is not a time of day" in found.cause
