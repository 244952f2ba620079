"""E-mail addresses, phone numbers and names made comparable: the short cuts say what the libraries say."""

from __future__ import annotations

import unicodedata
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.canonical.persons.contacts import folded, normalised_email, normalised_phone, tidy_contacts


def by_library(text: str) -> str | None:
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


LOCALS = st.text("aZ0.+_-'ü \"(@", min_size=0, max_size=12) | st.just("x" * 64) | st.just("x" * 65)
DOMAINS = st.sampled_from(
    [
        "example.com",
        "Example.COM",
        "bücher.example",
        "x.test",
        "localhost",
        "a..b",
        "-a.com",
        "",
        "b.invalid",
        "x" * 64 + ".com",
    ]
)


@given(local=LOCALS, domain=DOMAINS)
def test_an_address_reads_as_the_validator_reads_it(local: str, domain: str) -> None:
    assert normalised_email(f"{local}@{domain}") == by_library(f"{local}@{domain}")


@given(text=st.text("0123456789+()-. x", max_size=16), region=st.sampled_from(["US", "CA", "PT", "GB"]))
def test_a_number_reads_as_the_parser_reads_it(text: str, region: str) -> None:
    try:
        number = phonenumbers.parse(text, region)
        expected = (
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            if phonenumbers.is_valid_number(number)
            else None
        )
    except phonenumbers.NumberParseException:
        expected = None
    assert normalised_phone(text, region) == expected


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(415) 555-0132", "US", "+14155550132"),
        ("415.555.0132", "US", "+14155550132"),
        ("1 415 555 0132", "US", "+14155550132"),
        ("+1 (415) 555\u20110132", "PT", "+14155550132"),
        ("\u0664\u0661\u0665\u0665\u0665\u0665\u0660\u0661\u0663\u0662", "US", "+14155550132"),
        ("21 123 4567", "US", None),
        ("21 123 4567", "PT", "+351211234567"),
        ("0000000000", "US", None),
        ("call my wife", "US", None),
        ("", "US", None),
    ],
)
def test_a_number_is_read_where_it_was_written_down(text: str, region: str, number: str | None) -> None:
    assert normalised_phone(text, region) == number


@given(st.text())
def test_a_name_folds_the_same_composed_decomposed_and_in_capitals(name: str) -> None:
    once = folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == folded(unicodedata.normalize("NFC", name)) == once
    assert once is None or folded(once) == once


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("José", "JOSE", True),
        ("O’Neill", "o'neill", True),
        ("Anne-Marie", "Anne Marie", True),
        ("Zero\u200bWidth", "zerowidth", True),
        ("Ana", "Anna", False),
        ("राम", "रोम", False),
        ("太郎", "太", False),
    ],
)
def test_names_are_compared_without_case_accents_and_punctuation(one: str, other: str, is_same: bool) -> None:
    assert (folded(one) == folded(other)) is is_same


def test_a_name_of_nothing_but_signs_is_none() -> None:
    assert [folded(name) for name in ("", " ", "-", "🎉", "\u200b")] == [None] * 5


def test_contacts_are_tidied_once_and_for_all() -> None:
    values: dict[str, Any] = {"email": "BEN@@x", "phone": "(415) 555-0132", "custom_fields": None}
    assert tidy_contacts("customers", values, "US") == ["email_malformed"]
    again = dict(values)
    assert tidy_contacts("customers", again, "US") == ["email_malformed"]
    assert again == values
    values["email"] = "ben@example.com"
    assert tidy_contacts("customers", values, "US") == []
    assert values["custom_fields"] is None


def test_a_connector_may_know_the_country_of_a_number_that_its_text_does_not_say() -> None:
    values: dict[str, Any] = {"phone": "+442079460018", "phone_raw": "020 7946 0018"}
    assert tidy_contacts("customers", values, "US") == []
    assert (values["phone"], values["phone_raw"]) == ("+442079460018", "020 7946 0018")
