"""Business time and the business day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.core.clock import business_date, business_now, months_before

FOUR = timedelta(hours=4)


def test_a_fixed_instant_stands_still_and_the_real_one_moves_on_in_utc() -> None:
    fixed = datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert business_now(fixed) == fixed
    assert business_now(None).tzinfo == UTC
    assert abs(business_now(None) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-02-15T09:59:59+00:00", date(2026, 2, 14)),  # 03:59:59 in Chicago: still yesterday's business
        ("2026-02-15T10:00:00+00:00", date(2026, 2, 15)),
        ("2026-03-08T08:59:59+00:00", date(2026, 3, 7)),  # the night without 02:00–03:00: 03:59:59 on the wall
        ("2026-03-08T09:00:00+00:00", date(2026, 3, 8)),
        ("2026-11-01T09:59:59+00:00", date(2026, 10, 31)),  # the night with 01:00–02:00 twice
        ("2026-11-01T10:00:00+00:00", date(2026, 11, 1)),
    ],
)
def test_the_day_ends_at_the_close_out_on_the_clock_on_the_wall(instant: str, day: date) -> None:
    assert business_date(datetime.fromisoformat(instant), "America/Chicago", FOUR) == day


@given(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), st.integers(0, 12))
def test_a_business_day_is_the_calendar_day_or_the_one_before(naive: datetime, hours: int) -> None:
    instant = naive.replace(tzinfo=UTC)
    calendar = business_date(instant, "America/New_York")
    assert calendar - business_date(instant, "America/New_York", timedelta(hours=hours)) in (
        timedelta(0),
        timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("instant", "months", "earlier"),
    [
        ("2026-10-01T09:00:00+00:00", 12, "2025-10-01T09:00:00+00:00"),
        ("2026-03-31T00:00:00+00:00", 1, "2026-02-28T00:00:00+00:00"),
        ("2024-02-29T12:00:00+00:00", 12, "2023-02-28T12:00:00+00:00"),
        ("2026-01-15T00:00:00+00:00", 1, "2025-12-15T00:00:00+00:00"),
    ],
)
def test_months_before_keeps_the_day_where_the_month_has_it(instant: str, months: int, earlier: str) -> None:
    assert months_before(datetime.fromisoformat(instant), months) == datetime.fromisoformat(earlier)
