"""What a Clover merchant knows of people, in meaning rather than in JSON.

`wire.py` turns these into Clover's JSON, `truth.py` into the known truth; neither reads the other's output. Money is
integer cents, times are epoch milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.clover.people.table import Customers


@dataclass(slots=True)
class Email:
    """An e-mail address as typed."""

    id: str
    text: str
    verified: int | None = None
    primary: bool | None = None


@dataclass(slots=True)
class Phone:
    """A phone number as typed; `e164` is the number it means, None where it means none."""

    id: str
    text: str
    e164: str | None = None


@dataclass(slots=True)
class Address:
    """A postal address; `lines` are address1 to address3."""

    id: str
    lines: tuple[str | None, str | None, str | None] = (None, None, None)
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


@dataclass(slots=True)
class Card:
    """A vaulted card: its token can charge the customer and must never be stored anywhere."""

    id: str
    token: str
    token_type: str
    first6: str
    last4: str
    expires: str
    brand: str
    first: str | None = None
    last: str | None = None


@dataclass(slots=True)
class Customer:
    """A customer of one merchant. `marketing` None: the flag is not sent. `since` None: customerSince is not sent.

    `birth` is (year, month, day), each as stored, whether it makes a date or not. `sensitive`: texts inside the note
    that must never be stored.
    """

    id: str
    created: int
    first: str | None = None
    last: str | None = None
    marketing: bool | None = None
    since: int | None = None
    emails: list[Email] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    business: str | None = None
    note: str | None = None
    birth: tuple[int | None, int | None, int | None] = (None, None, None)
    modified: int | None = None
    deleted_time: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    sensitive: list[str] = field(default_factory=list)

    @property
    def deleted(self) -> bool:
        """Clover deletes softly: the row stays and carries a time."""
        return self.deleted_time is not None

    @property
    def full_name(self) -> str | None:
        """What the `fullName` filter compares."""
        return " ".join(part for part in (self.first, self.last) if part) or None

    @property
    def has_metadata(self) -> bool:
        """Is there a metadata object at all?"""
        return self.modified is not None


@dataclass(slots=True)
class Employee:
    """Somebody who works, or worked, at a merchant. `role` is the system role, `roles` ids of the merchant's own."""

    id: str
    name: str
    created: int
    modified: int
    role: str = "EMPLOYEE"
    nickname: str | None = None
    custom_id: str | None = None
    email: str | None = None
    roles: list[str] = field(default_factory=list)
    is_owner: bool = False
    invite_sent: bool = False
    claimed: int | None = None
    deleted_time: int | None = None
    pin: str | None = None
    clear_pin: str | None = None
    cards: list[tuple[str, str]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def deleted(self) -> bool:
        """Clover deletes softly: the row stays and carries a time."""
        return self.deleted_time is not None


@dataclass(slots=True)
class Shift:
    """One stay at work; the overrides are what a manager put in place of the clock, and count.

    `start` None: a manager wrote the whole shift by hand. The employee may be gone.
    """

    id: str
    employee: str
    created: int
    start: int | None = None
    end: int | None = None
    override_start: int | None = None
    override_end: int | None = None
    override_start_by: str | None = None
    override_end_by: str | None = None
    cash_tips: int | None = None
    server_banking: bool | None = False
    deleted_time: int | None = None

    @property
    def deleted(self) -> bool:
        """Clover deletes softly: the row stays and carries a time."""
        return self.deleted_time is not None

    @property
    def effective_start(self) -> int | None:
        """When the shift began, as it counts."""
        return self.start if self.override_start is None else self.override_start

    @property
    def effective_end(self) -> int | None:
        """When it ended, as it counts; None while it is open."""
        return self.end if self.override_end is None else self.override_end


@dataclass(slots=True)
class People:
    """Everyone at one merchant. Mappings keep creation order, the oldest first.

    `former_personal` and `former_secrets` are what edits took out of sight; it must still be nowhere.
    """

    customers: Customers = field(default_factory=Customers)
    employees: dict[str, Employee] = field(default_factory=dict)
    shifts: dict[str, Shift] = field(default_factory=dict)
    former_personal: list[str] = field(default_factory=list)
    former_secrets: list[str] = field(default_factory=list)

    def shifts_of(self, employee: str) -> list[Shift]:
        """The shifts of one employee, the oldest first."""
        return [shift for shift in self.shifts.values() if shift.employee == employee]
