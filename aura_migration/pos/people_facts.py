"""What a POS says about people and what they are owed, in facts: the common ground of people's verification.

A people witness (``pos/<x>/people_witness.py``) reads a snapshot by itself and yields these facts; ``verify/people.py``
compares them with AuraConnect's tables, set-based, in bounded memory. Plain data only. Keys are the source keys of the
crosswalk, the same that mapping gives its rows. Amounts are integer minor units, points integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

from aura_migration.archive.snapshot import SnapshotReader

Answer = Literal["granted", "denied", "unknown"]
LiabilityClass = Literal["gift_cards", "loyalty", "house_accounts", "store_credit"]
CONTACT = "contact:"
"""Begins a key that is a contact: a person for whom there is no id of the POS."""


def contact_key(*contacts: str) -> str:
    """The key of a person who is known by contacts only: e-mail addresses and phone numbers.

    It stays inside verification. As the key of a guest (one contact: an address in lower case, else a number) it is sealed
    to ``g-`` and the keyed hash; as the holder of a balance it means whoever has one of the contacts.
    """
    return CONTACT + "\n".join(contacts)


class CustomerFact(NamedTuple):
    """A profile of the directory. Texts exactly as the POS shows them, None where it shows nothing.

    ``marketing_email`` and ``marketing_sms`` are what the POS states, never what is likely. ``calling_code`` is the
    country's (``"1"``), where the POS keeps it apart from the number.
    """

    key: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    marketing_email: Answer = "unknown"
    marketing_sms: Answer = "unknown"
    calling_code: str | None = None


class ConsentFact(NamedTuple):
    """What a handed file states about whoever has this contact (as the file has it). ``purpose`` as in customer_consents."""

    contact: str
    purpose: str
    answer: Answer


class BalanceFact(NamedTuple):
    """What somebody is owed: ``unit`` is a currency (ISO 4217) or "points". ``customer`` is the holder's key or None;
    from a handed file it may be a :func:`contact_key`.

    ``activity`` is the sum of the movements the POS shows for it, None where it shows none; ``is_live`` false: blocked,
    deactivated or not yet active, whatever its balance.
    """

    liability: LiabilityClass
    key: str
    unit: str
    balance: int
    customer: str | None = None
    activity: int | None = None
    is_live: bool = True


class RewardFact(NamedTuple):
    """A reward taken out and not used yet; its points are no longer in the balance of ``account``."""

    key: str
    account: str
    points: int | None


class StaffFact(NamedTuple):
    """A person on the team. ``is_active`` false: left or deactivated."""

    key: str
    name: str
    is_active: bool


class WageFact(NamedTuple):
    """A job of a person: the hourly rate in minor units, None where salaried or not stated."""

    staff: str
    title: str
    hourly_cents: int | None


class TimecardFact(NamedTuple):
    """Effective clock-in and clock-out as Unix milliseconds (``None``: still clocked in), tips declared in minor units,
    unpaid break minutes."""

    key: str
    staff: str | None
    check_in_ms: int
    check_out_ms: int | None
    tips_cents: int | None
    unpaid_break_minutes: int


class PayrollFact(NamedTuple):
    """A pay period of somebody, from a handed file. Days as ISO 8601, hours as decimal texts, amounts in minor units of
    ``currency``; what cannot be read is None. ``code`` and ``email`` say whose it is, as written.

    ``is_forgotten``: its employee was erased, and nothing is left but the key.
    """

    key: str
    code: str | None = None
    email: str | None = None
    pay_period_start: str | None = None
    pay_period_end: str | None = None
    pay_date: str | None = None
    regular_hours: str | None = None
    overtime_hours: str | None = None
    gross_pay_cents: int | None = None
    net_pay_cents: int | None = None
    tips_cents: int | None = None
    deductions_cents: int | None = None
    currency: str | None = None
    is_forgotten: bool = False


PeopleFact = CustomerFact | ConsentFact | BalanceFact | RewardFact | StaffFact | WageFact | TimecardFact | PayrollFact


class PeopleWitness(Protocol):
    """``people_facts`` of a module ``aura_migration.pos.<x>.people_witness``."""

    def __call__(self, reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[PeopleFact]:
        """The merchant's facts and the time worked at one location, in bounded memory."""
        ...
