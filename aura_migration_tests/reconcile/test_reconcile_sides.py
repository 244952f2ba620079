"""The POS's side of several dates: one pass over its past, and each date as it would be alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import Refused
from aura_migration.pos.order_facts import DayRule, HistoryFact, OrderFact, PaymentFact, RefundFact
from aura_migration.reconcile import day as judging
from aura_migration.reconcile.day import PosReading
from aura_migration.reconcile.sides import read_pos

MONDAY = date(2026, 3, 2)
DATES = st.integers(0, 9).map(lambda away: (MONDAY + timedelta(away)).isoformat())
KEYS = st.sampled_from([f"o{n}" for n in range(12)])
CENTS = st.integers(-500, 5_000)
STATES = st.sampled_from(["counts", "open"])


def order(key: str, day: str, final: int) -> OrderFact:
    return OrderFact(key, day, "counts", final, 0, 0, 0, 0, final, 1, charges={"auto_gratuity": 5, "service": 7})


NUMBERS = itertools.count()
FACTS = st.lists(
    st.one_of(
        st.builds(order, KEYS, DATES, CENTS),
        st.builds(
            lambda key, day, tender, cents, tip, state: PaymentFact(
                f"p{next(NUMBERS)}", key, day, tender, cents, tip, state
            ),
            KEYS, DATES, st.sampled_from(["Cash", "Visa"]), CENTS, st.integers(0, 300), STATES,
        ),
        st.builds(lambda key, day, cents: RefundFact(f"r{next(NUMBERS)}", key, None, day, cents, "counts"), KEYS, DATES, CENTS),
    ),
    max_size=40,
    unique_by=lambda fact: fact.key,
)  # fmt: skip


@given(FACTS, st.sets(st.integers(0, 9), min_size=1, max_size=6))
def test_each_date_is_what_it_would_be_alone(facts: list[HistoryFact], numbers: set[int]) -> None:
    days = [MONDAY + timedelta(number) for number in numbers]
    together = read_pos(iter(facts), days)
    for day in days:
        assert together[day] == read_pos(iter(facts), [day])[day]


def test_a_side_holds_the_neighbouring_dates_and_what_was_paid_from_the_day_before_on() -> None:
    days = [(MONDAY + timedelta(away)).isoformat() for away in range(5)]
    facts: list[HistoryFact] = [order(f"on {day}", day, 100) for day in days]
    facts += [
        PaymentFact("p1", "on 2026-03-04", "2026-03-02", "Visa", 40, 0, "counts"),
        PaymentFact("p2", "on 2026-03-04", "2026-03-04", "Visa", 60, 9, "counts"),
        RefundFact("r1", "on 2026-03-04", None, "2026-03-06", 10, "counts"),
    ]
    sides = read_pos(iter(facts), [date(2026, 3, 3), date(2026, 3, 5)])
    assert sorted(sides[date(2026, 3, 3)].orders) == [f"on {day}" for day in days[:3]]
    assert sides[date(2026, 3, 3)].orders["on 2026-03-04"].paid == {"Visa": 109}
    assert sides[date(2026, 3, 5)].orders["on 2026-03-04"].paid == {"Visa": 69}
    assert [given.key for given in sides[date(2026, 3, 5)].refunds] == ["r1"]
    assert sides[date(2026, 3, 3)].refunds == []


def reading(days: list[date]) -> PosReading:
    reader = cast(SnapshotReader, None)
    return PosReading("square", reader, "L1", "USD", DayRule("UTC"), datetime(2026, 3, 9, tzinfo=UTC), days)


def test_the_past_is_gone_through_once_for_all_dates_that_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = 0

    def witness(*_: Any) -> Iterator[HistoryFact]:
        nonlocal passes
        passes += 1
        yield from (order(f"o{away}", (MONDAY + timedelta(away)).isoformat(), 100) for away in range(8))

    monkeypatch.setattr(judging, "find_orders_witness", lambda pos: witness)
    due = [MONDAY + timedelta(away) for away in range(4)]
    read = reading(due)
    assert [sorted(read.side(day).orders)[-1] for day in due] == ["o1", "o2", "o3", "o4"]
    assert passes == 1
    read.side(due[0]).orders.clear()
    assert read.side(due[0]).orders, "who changes a side changes only their own"


def test_a_pos_without_a_witness_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "find_orders_witness", lambda pos: None)
    with pytest.raises(Refused, match="Nothing reads the orders of square a second time"):
        reading([])
