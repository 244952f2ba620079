"""Contacts of a file in the form in which people are matched: canonical e-mail addresses, E.164 numbers."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

DEFAULT_REGION = "US"
"""Where a location does not say its country: all three POS are at home there."""


@lru_cache(maxsize=4096)
def normal_email(text: str) -> str | None:
    """The canonical, lower-case form of an address, None when it is none. Nobody is asked over the network."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


@lru_cache(maxsize=4096)
def normal_phone(text: str, region: str) -> str | None:
    """E.164 of a number as people of the region write it, None when it cannot be one."""
    try:
        number = phonenumbers.parse(text, region or DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
