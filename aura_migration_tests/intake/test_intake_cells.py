"""Single cells: amounts exactly, dates in one notation, and reasons that never repeat what could not be read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_digits
from aura_migration.intake import cells, notation
from aura_migration.intake.cells import Unreadable


@pytest.mark.parametrize(
    ("written", "decimal", "cents"),
    [
        ("12.50", ".", 1250),
        ("$1,234.50", ".", 123450),
        ("1.234,50", ",", 123450),
        ("1.234,50 €", ",", 123450),
        ("(12.00)", ".", -1200),
        ("($1,234.50)", ".", -123450),
        ("-$5.00", ".", -500),
        ("$-5.00", ".", -500),
        ("5.00-", ".", -500),
        ("5.00 DR", ".", -500),
        ("5.00 CR", ".", 500),
        ("−5", ".", -500),
        ("USD 5", ".", 500),
        ("5.5 USD", ".", 550),
        ("1 234,50", ",", 123450),
        ("1\u00a0234,50", ",", 123450),
        ("1'234.50", ".", 123450),
        (".75", ".", 75),
        ("0", ".", 0),
        ('="12.50"', ".", 1250),
    ],
)
def test_amounts_are_read_in_every_notation_people_write(written: str, decimal: str, cents: int) -> None:
    currency = "EUR" if "€" in written else "USD"
    assert cells.money(written, decimal, currency) == cents


@pytest.mark.parametrize(
    ("written", "decimal"),
    [
        ("1.234,50", "."),
        ("1,234.50", ","),
        ("12,34.00", "."),
        ("1,2345.00", "."),
        ("1,234'567.00", "."),
        ("(5.00", "."),
        ("5.00)", "."),
        ("-(5.00)", "."),
        ("--5", "."),
        ("12.345", "."),
        ("5.", "."),
        ("EUR 5.00", "."),
        ("EUR 5.00 USD", "."),
        ("see Bob", "."),
        ("1e3", "."),
        ("٣", "."),
        ("9" * 39, "."),
        ("6011000990139424", "."),
        ("NaN", "."),
    ],
)
def test_an_amount_that_is_none_is_refused_without_being_repeated(written: str, decimal: str) -> None:
    with pytest.raises(Unreadable) as refused:
        cells.money(written, decimal, "USD")
    assert written not in str(refused.value)


@st.composite
def written_amounts(draw: st.DrawFn) -> tuple[str, str, str, int]:
    """(text, decimal separator, currency, minor units): one amount in one of the notations of the world."""
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    digits = minor_digits(currency)
    amount = draw(st.integers(min_value=-(10**12), max_value=10**12))
    decimal = draw(st.sampled_from(".,"))
    grouping = draw(st.sampled_from(["", " ", "\u00a0", "\u202f", "'", "," if decimal == "." else "."]))
    whole, fraction = divmod(abs(amount), 10**digits)
    text = f"{whole:,}".replace(",", grouping)
    if digits:
        text += f"{decimal}{fraction:0{digits}d}"
    symbol = draw(st.sampled_from(["", "$", f"{currency} "]))
    if amount < 0:
        form = draw(st.sampled_from(["-{s}{t}", "{s}-{t}", "({s}{t})", "{s}{t}-", "({t})", "-{t}", "{t} DR"]))
        return form.format(s=symbol, t=text), decimal, currency, amount
    return draw(st.sampled_from(["{s}{t}", "{t}", "+{t}", " {t} "])).format(s=symbol, t=text), decimal, currency, amount


@settings(max_examples=300, deadline=None)
@given(written_amounts())
def test_whatever_the_notation_the_amount_is_exact(written: tuple[str, str, str, int]) -> None:
    text, decimal, currency, amount = written
    assert cells.money(text, decimal, currency) == amount


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,'() -$+UDRC", max_size=20), st.sampled_from(".,"))
def test_what_is_read_at_all_has_the_digits_that_were_written(text: str, decimal: str) -> None:
    try:
        amount = cells.money(text, decimal, "USD")
    except Unreadable:
        return
    kept = "".join(c for c in text if c.isdigit() or c == decimal).replace(decimal, ".")
    assert abs(amount) == int(Decimal(kept).scaleb(2))


def test_points_are_whole_and_hours_exact() -> None:
    assert cells.points("1,250", ".") == 1250
    assert cells.points("-35", ".") == -35
    assert cells.points("1.250,00", ",") == 1250
    assert cells.hours("37.25", ".") == "37.25"
    assert cells.hours("7:30", ".") == "7.5"
    for cell in ("12.5", "$5", "many"):
        with pytest.raises(Unreadable):
            cells.points(cell, ".")
    with pytest.raises(Unreadable):
        cells.hours("-1", ".")


def test_a_card_number_keeps_its_zeros_and_one_a_spreadsheet_rounded_is_refused() -> None:
    assert cells.number_text('="0000123456"') == "0000123456"
    assert cells.number_text("'0042") == "0042"
    with pytest.raises(Unreadable, match="digits are lost"):
        cells.number_text("6.01E+15")
    with pytest.raises(Unreadable):
        cells.number_text("---")


def test_times_are_local_unless_they_say_otherwise_and_an_expiry_lasts_through_its_day() -> None:
    assert cells.moment("2026-03-01", "iso", "America/New_York") == "2026-03-01T05:00:00+00:00"
    assert cells.moment("2026-03-01", "iso", "America/New_York", is_end=True) == "2026-03-02T04:59:59+00:00"
    assert cells.moment("2026-03-01T09:30:00-06:00", "iso", "UTC") == "2026-03-01T15:30:00+00:00"
    assert cells.moment("03/01/2026 4:05 PM", "%m/%d/%Y %I:%M %p", "UTC") == "2026-03-01T16:05:00+00:00"
    for cell in ("31/31/2026", "0026-03-01", "soon"):
        with pytest.raises(Unreadable):
            cells.moment(cell, "iso" if "-" in cell else "%m/%d/%Y", "UTC")


def test_dates_have_the_one_form_that_reads_the_column() -> None:
    forms = notation.date_forms({"issued": ["03/04/2026", "12/31/2026"], "used": ["01/02/2026"]}, ())
    assert forms == {"issued": "%m/%d/%Y", "used": "%m/%d/%Y"}
    assert notation.date_forms({"issued": ["31.12.2026"]}, ()) == {"issued": "%d.%m.%Y"}
    assert notation.date_forms({"issued": []}, ()) == {"issued": "iso"}


def test_dates_that_can_be_read_in_two_ways_are_asked_about() -> None:
    with pytest.raises(BadInput, match="'issued'") as refused:
        notation.date_forms({"issued": ["03/04/2026", "05/06/2026"]}, ())
    assert "dateFormats" in refused.value.remedy
    assert notation.date_forms({"issued": ["03/04/2026"]}, ["%d/%m/%Y"]) == {"issued": "%d/%m/%Y"}
    assert notation.date_forms({"issued": ["03/03/2026"]}, ()) == {"issued": "%m/%d/%Y"}


def test_the_decimal_separator_is_what_the_whole_column_says() -> None:
    def separator(*amounts: str) -> str:
        return notation.decimal_separator([(amounts, lambda cell, sep: cells.money(cell, sep, "USD"))])

    assert separator("1,234", "12.50") == "."
    assert separator("1.234", "12,50") == ","
    assert separator("1,234") == "."  # cents have two digits, so this comma groups thousands
    assert separator("12", "5") == "."
    with pytest.raises(BadInput, match="decimal comma"):
        separator("12.50", "12,50")
