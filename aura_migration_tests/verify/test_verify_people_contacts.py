"""Contacts as verification reads them: every notation is one number, and what is no contact is none."""

from __future__ import annotations

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email

from aura_migration.verify.people_said import email_of, phone_of

NUMBERS = (
    "(212) 555-0142",
    "212-555-0142",
    "212.555.0142",
    "+1 212 555 0142",
    "+12125550142",
    "1 212 555 0142",
    "2125550142",
    " 212 555 0142 ",
    "(212)555-0142 ext. 5",
    "+44 20 7946 0958",
    "020 7946 0958",
    "call me",
    "12",
    "",
    "+1 (000) 555-0142",
    "٢١٢٥٥٥٠١٤٢",
    "+1+2125550142",
    "555-0142",
)
ADDRESSES = (
    "Mira@Example.ORG",
    " mira.olsson+pie@example.org ",
    "not an address",
    "a@b",
    "a..b@example.org",
    ".a@example.org",
    "a@exa mple.org",
    "ü@example.org",
    "a@münchen.de",
    '"quoted"@example.org',
    "x" * 65 + "@example.org",
    "@example.org",
    "a@",
    "a@localhost",
)


def plainly(text: str, country: str) -> str | None:
    """The same by the library alone."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, 0) if phonenumbers.is_valid_number(number) else None


@pytest.mark.parametrize("country", ["US", "CA", "GB"])
@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_as_the_library_reads_it(text: str, country: str) -> None:
    assert phone_of(text, country) == plainly(text, country)


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_read_as_the_library_reads_it(text: str) -> None:
    try:
        expected = validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        expected = None
    assert email_of(text) == expected


def test_a_calling_code_kept_apart_says_the_country() -> None:
    assert phone_of("020 7946 0958", "US", "44") == "+442079460958"
    assert phone_of("2125550142", "US", "1") == "+12125550142"
    assert phone_of("+12125550142", "GB", "44") == "+12125550142"
