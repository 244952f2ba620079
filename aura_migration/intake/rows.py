"""One line of a file as values: every cell of a known column read under the file's conventions, or the reason why not.

Pure. The snapshot keeps the cells as they were written, so the same reading gives the same values from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from aura_migration.intake import cells
from aura_migration.intake.cells import Unreadable, plain, word
from aura_migration.intake.contacts import normal_email, normal_phone
from aura_migration.intake.kinds import FILE_KINDS, FileKind, Kind

WIDE = {
    "marketing_email": "marketing_email",
    "marketing_sms": "marketing_sms",
    "profile": "profile",
    "loyalty": "loyalty",
}
"""Columns that say yes or no for one purpose → the purpose."""
ENDS = frozenset({"expires_at"})
"""Moments that mean the whole day where no time is given."""


_SHORTEST_PHONE = 7
_LONG_NUMBER = re.compile(r"\d(?:[\s().-]?\d){6}")


class Conventions(msgspec.Struct, frozen=True, kw_only=True):
    """How the cells of one file are read: recorded with its rows, so that they read the same for ever.

    ``sign`` is 1 where a positive balance is what the restaurant owes, -1 where it is what the holder owes. ``forms`` is
    the form of dates per field. ``statuses`` and ``answers`` are the file's own words, letters only. ``sites`` are the names
    and ids of locations → POS id, ``site`` the POS id of the only one the file is of.
    """

    kind: Kind
    currency: str
    decimal: str
    zone: str
    region: str
    sign: int = 1
    forms: dict[str, str] = msgspec.field(default_factory=dict)
    statuses: dict[str, str] = msgspec.field(default_factory=dict)
    answers: dict[str, str] = msgspec.field(default_factory=dict)
    purpose: str | None = None
    answer: str | None = None
    method: str | None = None
    sites: dict[str, str] = msgspec.field(default_factory=dict)
    site: str | None = None

    @property
    def of(self) -> FileKind:
        """The declaration of the kind."""
        return FILE_KINDS[self.kind]


@dataclass
class Read:
    """What a line says. ``problems`` are (field, reason); a line with any is rejected.

    ``amount`` is the amount that totals add up, in the sign of the file, None when it cannot be read.
    """

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    amount: int | None = None


def read_row(raw: Mapping[str, str], how: Conventions) -> Read:
    """Read the cells of one line, by field. Empty cells are left out of the values."""
    kind = how.of
    read = Read()
    for declared in kind.fields:
        cell = raw.get(declared.name, "")
        if plain(cell) == "":
            if declared.name in kind.required:
                read.problems.append((declared.name, "the cell is empty"))
            continue
        try:
            read.values[declared.name] = _NOTATIONS[declared.notation](cell, declared.name, how)
        except Unreadable as reason:
            read.problems.append((declared.name, str(reason)))
    if kind.amount:
        read.amount = read.values.get(kind.amount)
    _judge(read, raw, how)
    return read


def contacts(values: Mapping[str, Any], how: Conventions) -> dict[str, str]:
    """The normalised contacts of a line, by field: those by which the person can be found."""
    either = values.get("contact", "")
    email = values.get("email") or (either if "@" in either else None)
    phone = values.get("phone") or (either if "@" not in either else None)
    found = {
        "email": normal_email(email) if email else None,
        "phone": normal_phone(phone, how.region) if phone else None,
    }
    return {name: contact for name, contact in found.items() if contact is not None}


def identity(values: Mapping[str, Any], how: Conventions) -> str | None:
    """What names the record within its kind, the same in every file: never shown, never stored as it is."""
    found = _holder(values, how)
    if found is None:
        return None
    dates = ("pay_period_start", "pay_period_end", "pay_date") if how.kind == "payroll" else ()
    return "\x1f".join([how.kind, *found, *(str(values.get(date, "")) for date in dates)])


def holder(values: Mapping[str, Any], how: Conventions) -> str | None:
    """The number, contact or name that names whose record it is, normalised."""
    found = _holder(values, how)
    return None if found is None else found[1]


def _holder(values: Mapping[str, Any], how: Conventions) -> tuple[str, str] | None:
    """The first of the kind's identifying fields that a line has, and its text."""
    reachable = contacts(values, how)
    named = {**values, **dict.fromkeys(("email", "phone", "contact")), **_as_written(values), **reachable}
    for name in how.of.identity:
        text = named.get(name)
        if text:
            is_code = name == "number"
            return name, "".join(filter(str.isalnum, text)).upper() if is_code else " ".join(text.casefold().split())
    return None


def unreadable_contacts(values: Mapping[str, Any], how: Conventions) -> list[str]:
    """The fields of a line whose contact is there and cannot be read: it is kept as written, and finds nobody."""
    reachable = contacts(values, how)
    found = [name for name in ("email", "phone") if values.get(name) and name not in reachable]
    return [*found, *(["contact"] if values.get("contact") and not reachable else [])]


def _as_written(values: Mapping[str, Any]) -> dict[str, str]:
    """A phone number as its digits, where it is long enough to be one somewhere: it still names the record."""
    digits = "".join(filter(str.isdigit, values.get("phone") or values.get("contact") or ""))
    return {"phone": digits} if len(digits) >= _SHORTEST_PHONE else {}


def signed(amount: int, how: Conventions) -> int:
    """A balance as what the restaurant owes."""
    return amount * how.sign


def consents(values: Mapping[str, Any], how: Conventions) -> list[tuple[str, str]]:
    """(purpose, answer) of every consent a line states."""
    found = [(purpose, values[name]) for name, purpose in WIDE.items() if name in values]
    answer = values.get("answer", how.answer if not found else None)
    purpose = values.get("purpose", how.purpose)
    if answer is not None and purpose is not None:
        found.append((purpose, answer))
    return found


def _judge(read: Read, raw: Mapping[str, str], how: Conventions) -> None:
    """What is wrong with a line as a whole."""
    kind, values, problems = how.of, read.values, read.problems
    if values.get("currency", how.currency) != how.currency:
        problems.append(("currency", "the currency is not that of the file"))
    broken = {name for name, _ in problems}
    if kind.amount and not kind.may_be_negative and read.amount is not None and signed(read.amount, how) < 0:
        problems.append((kind.amount, "the balance is negative: this kind of credit cannot owe"))
    named = next((name for name in kind.identity if name in values), None)
    column = named or next((name for name in kind.identity if name in raw), kind.identity[0])
    if not broken & set(kind.identity):
        if kind.name == "consents" and not contacts(values, how):
            problems.append((column, "no contact can be read, so nobody can be found by it"))
        elif kind.name != "consents" and identity(values, how) is None:
            what = "cannot be read, and nothing else names the record" if named else "nothing names the record"
            problems.append((column, what))
    if kind.name == "consents":
        _judge_consents(read, how, broken)
    start, end = values.get("pay_period_start"), values.get("pay_period_end")
    if start and end and start > end:
        problems.append(("pay_period_end", "the period ends before it begins"))


def _judge_consents(read: Read, how: Conventions, broken: set[str]) -> None:
    said = consents(read.values, how)
    if not said and not broken & {"answer", "purpose", *WIDE}:
        missing = "purpose" if "answer" in read.values else "answer"
        read.problems.append((missing, "the line states no consent"))
    if (
        any(answer == "granted" for _, answer in said)
        and "captured_at" not in read.values
        and "captured_at" not in broken
    ):
        read.problems.append(("captured_at", "a yes without a time is no evidence"))


def _text(cell: str, name: str, how: Conventions) -> str:
    if name == "number":
        return cells.number_text(cell)
    text = plain(cell)
    if name == "location":
        site = cells.one_of(cell, how.sites, "the location")
        if how.site is not None and site != how.site:
            raise Unreadable("the line is of another location than the file")
        return site
    if name in ("account", "employee_code"):
        return cells.number_text(cell)
    if name == "purpose":
        return cells.one_of(cell, cells.PURPOSES, "the purpose")
    if name not in how.of.private and (len(text) > 100 or "@" in text or _LONG_NUMBER.search(text)):
        raise Unreadable("this looks like a contact or a number that has slipped into the wrong column")
    if name == "card_type":
        return cells.CARD_TYPES.get(word(text), "unknown")
    if len(text) > 500 or "\x00" in text:
        raise Unreadable("the text is longer than 500 characters or holds zero bytes")
    return text


def _money(cell: str, name: str, how: Conventions) -> int:
    return cells.money(cell, how.decimal, how.currency)


def _points(cell: str, name: str, how: Conventions) -> int:
    return cells.points(cell, how.decimal)


def _hours(cell: str, name: str, how: Conventions) -> str:
    return cells.hours(cell, how.decimal)


def _date(cell: str, name: str, how: Conventions) -> str:
    found: date = cells.day(cell, how.forms.get(name, "iso"))
    return found.isoformat()


def _moment(cell: str, name: str, how: Conventions) -> str:
    return cells.moment(cell, how.forms.get(name, "iso"), how.zone, is_end=name in ENDS)


def _status(cell: str, name: str, how: Conventions) -> str:
    return cells.one_of(cell, {**cells.STATES, **how.statuses}, "the status")


def _answer(cell: str, name: str, how: Conventions) -> str:
    return cells.one_of(cell, {**cells.ANSWERS, **how.answers}, "the answer")


def _currency(cell: str, name: str, how: Conventions) -> str:
    text = plain(cell).upper()
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise Unreadable("this is not a currency code")
    return text


_NOTATIONS: dict[str, Callable[[str, str, Conventions], Any]] = {
    "text": _text,
    "money": _money,
    "points": _points,
    "hours": _hours,
    "date": _date,
    "moment": _moment,
    "status": _status,
    "answer": _answer,
    "currency": _currency,
}
