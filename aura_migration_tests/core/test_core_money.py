"""Money: exact, in minor units, never rounded in silence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_digits, minor_units, show


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
def test_what_is_shown_reads_back_as_the_same_amount(cents: int, currency: str) -> None:
    assert minor_units(show(cents, currency), currency) == cents


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_an_amount_finer_than_a_cent_is_refused_and_any_other_is_exact(amount: Decimal) -> None:
    if amount * 100 == (amount * 100).to_integral_value():
        assert Decimal(minor_units(amount, "USD")) / 100 == amount
    else:
        with pytest.raises(BadInput, match="finer than"):
            minor_units(amount, "USD")


def test_yen_have_no_minor_unit_and_dinars_have_three_digits() -> None:
    assert [minor_digits(c) for c in ("USD", "JPY", "KWD")] == [2, 0, 3]
    assert minor_units("500", "JPY") == 500
    assert minor_units("1.234", "KWD") == 1234


def test_a_float_is_never_money() -> None:
    with pytest.raises(TypeError, match="never a float"):
        minor_units(8.99, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "free", "1,50", "NaN", "Infinity"])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        minor_units(text, "USD")


def test_an_open_price_is_shown_as_such() -> None:
    assert show(None) == "open"
    assert show(5) == "0.05"
