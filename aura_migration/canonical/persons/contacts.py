"""E-mail addresses, phone numbers and names as texts that can be compared. Pure; no network.

A contact that cannot be read stays as the POS has it and is flagged; nobody is turned away for it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumber, PhoneNumberFormat

FLAGS = "contact_flags"
"""Name of the custom field that lists what is wrong with a customer's contacts."""
EMAIL_FLAG = "email_malformed"
PHONE_FLAG = "phone_unreadable"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LONGEST_LOCAL, _LONGEST_EMAIL = 64, 254
_NORTH_AMERICA = 1
_PLAIN_PHONE = re.compile(r"\+?[0-9 ().-]+")
_NOT_DIGIT = re.compile(r"[^0-9]")


def normalised_email(text: str) -> str | None:
    """The address in lower case and one spelling; None when it is none. Whether it can be reached is not asked."""
    given = text.strip()
    local, at, domain = given.rpartition("@")
    if at and len(given) <= _LONGEST_EMAIL and len(local) <= _LONGEST_LOCAL and _PLAIN_LOCAL.fullmatch(local):
        found = _domain(domain)
        return f"{local}@{found}".lower() if found else None
    return _address(given)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str | None:
    """The domain as the validator writes it: most guests share a few, and asking is what costs."""
    address = _address(f"x@{domain}")
    return address.rpartition("@")[2] if address else None


def _address(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def normalised_phone(text: str, region: str) -> str | None:
    """The number in E.164; None when the text is no valid number. ``region`` (ISO 3166-1) is where it was written down."""
    number = _plain_number(text, region)
    if number is None:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


def _plain_number(text: str, region: str) -> PhoneNumber | None:
    """A North American number of ten digits in a usual notation, without the parser, which takes most of the time."""
    stripped = text.strip()
    if not _PLAIN_PHONE.fullmatch(stripped):
        return None
    digits = _NOT_DIGIT.sub("", stripped)
    is_whole = len(digits) == 11 and digits[0] == "1"
    is_local = len(digits) == 10 and stripped[0] != "+"
    if not (is_local or is_whole) or digits[-10] in "01":
        return None
    if stripped[0] != "+" and _country_code(region) != _NORTH_AMERICA:
        return None
    return PhoneNumber(country_code=_NORTH_AMERICA, national_number=int(digits[-10:]))


@lru_cache(maxsize=512)
def _country_code(region: str) -> int:
    return phonenumbers.country_code_for_region(region)


@lru_cache(maxsize=16384)
def folded(name: str) -> str | None:
    """A name without case, accents, spaces, punctuation and invisible characters; None when nothing is left."""
    letters = [
        c
        for c in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(c) and unicodedata.category(c)[0] not in "PSZC"
    ]
    return unicodedata.normalize("NFKD", "".join(letters).casefold()) or None


def tidy_contacts(entity: str, values: dict[str, Any], region: str) -> list[str]:
    """Put readable contacts into their fields, in place; returns what is wrong with the others.

    ``email`` stays as the POS has it; ``email_normalized`` and E.164 ``phone`` are null where nothing can be read. A
    customer's number as the POS has it goes to ``phone_raw``; staff and house accounts, which have no such field, keep it.
    A connector that knows more of a number than its text says (the country) may fill both.
    Values that are no texts are left to validation.
    """
    problems = []
    for name in ("email", "phone", "phone_raw"):
        if isinstance(values.get(name), str) and not values[name].strip():
            values[name] = None
    email = values.get("email")
    if entity != "house_accounts":
        values["email_normalized"] = normalised_email(email) if isinstance(email, str) else None
    if isinstance(email, str) and (values.get("email_normalized") or normalised_email(email)) is None:
        problems.append(EMAIL_FLAG)
    phone, raw = values.get("phone"), values.get("phone_raw") or values.get("phone")
    texts = [text for text in (phone, raw) if isinstance(text, str)]
    if texts:
        number = next((found for text in texts if (found := normalised_phone(text, region))), None)
        if number is None:
            problems.append(PHONE_FLAG)
        if entity == "customers":
            values["phone"], values["phone_raw"] = number, raw if raw != number else None
        else:
            values["phone"] = number or raw
    if entity == "customers":
        _flag(values, problems)
    return problems


def _flag(values: dict[str, Any], problems: list[str]) -> None:
    custom = values.get("custom_fields")
    if custom is not None and not isinstance(custom, dict):
        return
    if problems:
        values["custom_fields"] = {**(custom or {}), FLAGS: problems}
    elif custom and FLAGS in custom:
        values["custom_fields"] = {k: v for k, v in custom.items() if k != FLAGS} or None
