"""Guests and staff of a Toast location in meaning: what the answers, the truth and the edits are all made from.

Money is integer cents, moments are milliseconds since 1970 in UTC, business dates are ``date``. Does not belong here:
JSON shapes (``labor_wire``, ``orders.wire``) and who lives in which scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
HOURLY, SALARY = "HOURLY", "SALARY"
TAKE_OUT, DELIVERY, DINE_IN = "TAKE_OUT", "DELIVERY", "DINE_IN"


def at(year: int, month: int, day: int, hour: int = 18, minute: int = 0) -> int:
    """The stamp of a moment in UTC."""
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a delivery goes; any part may be missing."""

    address1: str | None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = "US"
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest as a check tells of them. ``e164`` is the number the phone means, None where it means none."""

    guid: str
    first: str | None = None
    last: str | None = None
    email: str | None = None
    phone: str | None = None
    country_code: str | None = "1"
    e164: str | None = None
    address: Address | None = None
    sensitive: tuple[str, ...] = ()
    delivery_notes: str | None = None

    @property
    def key(self) -> str:
        """What identifies a guest to Toast: the e-mail address in lower case, else the phone, else the guid."""
        if self.email and self.email.strip():
            return self.email.strip().lower()
        return self.e164 or (self.phone or "").strip() or self.guid

    def but(self, **changes: Any) -> Guest:
        """The same guest, later."""
        return replace(self, **changes)


@dataclass(slots=True)
class Job:
    """A job of a location. ``wage`` in cents an hour, or a year for SALARY; None where none was set."""

    guid: str
    title: str
    wage: int | None
    frequency: str = HOURLY
    tipped: bool = False
    code: str | None = None
    excluded: bool = False
    created: int = 0
    modified: int = 0
    deleted: int | None = None


@dataclass(slots=True)
class Employee:
    """Somebody who works or worked at a location. ``overrides``: job guid to cents, where it differs from the job's."""

    guid: str
    person: str
    first: str
    last: str
    chosen: str | None = None
    email: str | None = None
    phone: str | None = None
    country_code: str | None = "1"
    e164: str | None = None
    external: str | None = None
    jobs: list[str] = field(default_factory=list)
    overrides: dict[str, int] = field(default_factory=dict)
    disabled: bool = False
    created: int = 0
    modified: int = 0
    deleted: int | None = None


@dataclass(slots=True)
class Break:
    """A break of a time entry; a missed one has no times, one not ended has no ``end``."""

    guid: str
    kind: str
    paid: bool
    start: int | None
    end: int | None
    missed: bool = False
    waived: bool = False
    audit: str | None = None


@dataclass(slots=True)
class Shift:
    """A planned shift."""

    guid: str
    job: str
    employee: str
    start: int
    end: int
    created: int
    modified: int
    deleted: int | None = None


@dataclass(slots=True)
class TimeEntry:
    """Hours worked. ``wage`` in cents an hour, None for a salaried job; ``end`` None while clocked in."""

    guid: str
    job: str | None
    employee: str
    start: int
    end: int | None
    business_date: date
    created: int
    modified: int
    wage: int | None
    shift: str | None = None
    auto_out: bool = False
    breaks: list[Break] = field(default_factory=list)
    declared: int | None = None
    card_tips: int = 0
    rounding_loss: int = 0
    cash_gratuity: int = 0
    card_gratuity: int = 0
    withheld: int = 0
    cash_sales: int = 0
    card_sales: int = 0
    deleted: int | None = None

    @property
    def worked_seconds(self) -> int | None:
        """Seconds paid: from in to out without unpaid breaks; None while clocked in."""
        if self.end is None:
            return None
        unpaid = sum(
            one.end - one.start
            for one in self.breaks
            if not one.paid and not one.missed and one.start is not None and one.end is not None
        )
        return (self.end - self.start - unpaid) // SECOND

    @property
    def hours(self) -> tuple[int, int]:
        """Regular and overtime seconds: what goes past ten hours in one entry is overtime here."""
        worked = self.worked_seconds or 0
        regular = min(worked, 10 * 3600)
        return regular, worked - regular
