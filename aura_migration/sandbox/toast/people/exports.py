"""What the restaurant can export by hand and no API tells: gift cards, loyalty, house accounts, consents, payroll.

Belongs here: the rows in meaning, made by number like everything of a crowd. Does not belong here: CSV (``export_files``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import SALARY, Guest
from aura_migration.sandbox.toast.people.names import DOMAINS, FAMILY, GIVEN, plain
from aura_migration.sandbox.toast.people.staffing import LAST_DAY
from aura_migration.sandbox.toast.people.store import LocalPeople, People

ACTIVE, REDEEMED, EXPIRED, DISABLED = "Active", "Redeemed", "Expired", "Disabled"
DIGITS = "0123456789"
PERIODS = ((date(2026, 8, 31), date(2026, 9, 13)), (date(2026, 9, 14), date(2026, 9, 27)))
HOWS = ("Online ordering checkout", "Guest WiFi", "Paper form", "Toast Tables", "Imported list")
STRANGERS = 3  # loyalty members who never ordered take-out or delivery


@dataclass(frozen=True, slots=True)
class GiftCardRow:
    """A gift card; the number is a bearer secret."""

    number: str
    cents: int
    status: str
    issued: date
    expires: date | None
    last_used: date | None


@dataclass(frozen=True, slots=True)
class LoyaltyRow:
    """A loyalty member; ``customer`` is the guest it is certainly, None where no order names them or several fit."""

    name: str
    phone: str | None
    email: str | None
    points: int
    lifetime: int
    customer: str | None


@dataclass(frozen=True, slots=True)
class HouseAccountRow:
    """A house account; what it owes is positive, a credit negative. ``limit`` None: no limit."""

    name: str
    email: str | None
    cents: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One answer of one contact for one channel; ``customer`` None where several guests have that contact."""

    email: str | None
    phone: str | None
    channel: str
    yes: bool
    at: str
    how: str
    customer: str | None


@dataclass(frozen=True, slots=True)
class PayRow:
    """What an employee got for a pay period; hours in hundredths."""

    external: str | None
    name: str
    employee: str
    location: str
    place: str
    start: date
    end: date
    regular: int
    overtime: int
    cents: int


def _valid(email: str | None) -> bool:
    """A plain address of this world: those that are none have another shape."""
    return email is not None and re.fullmatch(r"\s*[\w.+-]+@[\w-]+(\.[\w-]+)+\s*", email, re.ASCII) is not None


class Exports:
    """The rows of every export of one account; nothing where nobody lives."""

    def __init__(self, ids: Ids, people: People) -> None:
        self._ids = ids
        self._people = people
        self._dice = Dice(ids, "exports")
        self._number_prefix = "6" + ids.token("gift prefix", "prefix", DIGITS, 5)

    @property
    def any(self) -> bool:
        """Does anybody live here?"""
        return any(len(here.guests) for here in islice(self._people.everywhere(), 1))

    def _guests(self) -> Iterator[tuple[int, Guest, str | None]]:
        """Guests with their number and guid; the guid is None where others have the same e-mail address or phone."""
        number = 0
        for here in self._people.everywhere():
            shared = {guid for row in here.shared_contact for guid in row["customers"]}
            for guest in here.guests:
                yield number, guest, None if guest.guid in shared else guest.guid
                number += 1

    def gift_cards(self) -> Iterator[GiftCardRow]:
        """About fifteen cards for a hundred guests, at least a dozen."""
        if not self.any:
            return
        guests = sum(len(here.guests) for here in self._people.everywhere())
        for number in range(max(12, guests * 15 // 100)):
            roll = self._dice.roll("gift", number)
            status = (ACTIVE,) * 14 + (REDEEMED, REDEEMED, REDEEMED, EXPIRED, DISABLED, ACTIVE)
            state = status[roll[0] % 20] if number else ACTIVE
            sold = (2500, 5000, 7500, 10_000, 125_000)[roll[1] % 5]
            cents = 0 if state == REDEEMED else sold if roll[2] % 3 == 0 else int.from_bytes(roll[3:6], "big") % sold
            issued = LAST_DAY - timedelta(days=30 + int.from_bytes(roll[6:8], "big") % 700)
            used = None if cents == sold else issued + timedelta(days=1 + roll[8] % 29)
            expires = issued + timedelta(days=5 * 365) if roll[9] % 2 else None
            if state == EXPIRED:
                expires = LAST_DAY - timedelta(days=1 + roll[9] % 20)
            yield GiftCardRow(self._card_number(number), cents, state, issued, expires, used)

    def _card_number(self, number: int) -> str:
        return (
            f"{self._number_prefix}{int.from_bytes(self._dice.roll('gan', number)[:5], 'big') % 10**5:05d}{number:08d}"
        )

    def loyalty(self) -> Iterator[LoyaltyRow]:
        """Three of five guests who can be reached, and a few people no order names."""
        if not self.any:
            return
        told = self._told_twice()
        for number, guest, guid in self._guests():
            roll = self._dice.roll("loyalty", number)
            reachable = guest.e164 is not None or _valid(guest.email)
            if roll[0] % 5 >= 3 or not reachable or told(guest.e164) or told(guest.email):
                continue
            lifetime = int.from_bytes(roll[1:3], "big") % 9_000
            points = lifetime - int.from_bytes(roll[3:5], "big") % (lifetime + 1) if roll[5] % 3 else lifetime
            name = f"{guest.first or ''} {guest.last or ''}".strip()
            yield LoyaltyRow(name, guest.phone, guest.email, points, lifetime, guid)
        for number in range(STRANGERS):
            roll = self._dice.roll("stranger", number)
            first, last = GIVEN[roll[0] % len(GIVEN)], FAMILY[roll[1] % len(FAMILY)]
            mail = f"{plain(first)}.{plain(last)}.member{number}@{DOMAINS[0]}"
            yield LoyaltyRow(f"{first} {last}", None, mail, 100 * number + 7, 100 * number + 50, None)

    def house_accounts(self) -> Iterator[HouseAccountRow]:
        """Six accounts: owing, owing a lot, paid up, in credit, without a limit, without an e-mail address."""
        if not self.any:
            return
        for number, (name, cents, limit) in enumerate(
            (
                ("Harbor Law LLP", 48_210, 100_000),
                ("Duluth Rowing Club", 123_456, 150_000),
                ("St. Anne’s School", 0, 50_000),
                ("Old Mill Brewing", -2_500, None),
                ("Café del Norte", 1_999, 25_000),
                ("Town Hall", 250_000, 250_000),
            )
        ):
            mail = None if number == 2 else f"ap{number}@{plain(name)}.example"
            yield HouseAccountRow(name, mail, cents + int(self._ids.token("house", name, DIGITS, 2)), limit)

    def consents(self) -> Iterator[ConsentRow]:
        """Answers of about half of the guests: by e-mail, some by text message too."""
        if not self.any:
            return
        told = self._told_twice()
        for number, guest, guid in self._guests():
            roll = self._dice.roll("consent", number)
            day = LAST_DAY - timedelta(days=10 + int.from_bytes(roll[0:2], "big") % 600)
            said = f"{day.isoformat()}T{8 + roll[2] % 12:02d}:{roll[3] % 60:02d}:00Z"
            how = HOWS[roll[4] % len(HOWS)]
            if _valid(guest.email) and roll[5] % 2 and not told(guest.email):
                yield ConsentRow(guest.email, None, "EMAIL", roll[6] % 4 != 0, said, how, guid)
            if guest.e164 is not None and guest.phone and roll[5] % 5 == 0 and not told(guest.e164):
                yield ConsentRow(None, guest.phone, "SMS", roll[7] % 3 != 0, said, how, guid)

    def _told_twice(self) -> Callable[[str | None], bool]:
        """Says of a contact whether it was asked for before. Ordinary guests share none; only those of the written
        ones are remembered."""
        written = {
            contact.strip().lower()
            for here in self._people.everywhere()
            for guest in here.guests.written
            for contact in (guest.e164, guest.email)
            if contact
        }
        seen: set[str] = set()

        def told(contact: str | None) -> bool:
            key = (contact or "").strip().lower()
            if key not in written:
                return False
            known = key in seen
            seen.add(key)
            return known

        return told

    def payroll(self) -> Iterator[PayRow]:
        """What everybody got for two pay periods, from their hours; overtime is paid half again."""
        for here in self._people.everywhere():
            for start, end in PERIODS:
                yield from self._period(here, start, end)

    def _period(self, here: LocalPeople, start: date, end: date) -> Iterator[PayRow]:
        crew = here.crew
        for held in crew.employees.values():
            regular = overtime = cents = 0
            salaried = [crew.jobs[job] for job in held.jobs if crew.jobs[job].frequency == SALARY]
            for entry in crew.entries.values():
                mine = entry.employee == held.guid and start <= entry.business_date <= end
                if mine and entry.deleted is None and entry.end is not None:
                    hours = [(seconds + 18) // 36 for seconds in entry.hours]
                    regular, overtime = regular + hours[0], overtime + hours[1]
                    cents += ((entry.wage or 0) * (hours[0] * 2 + hours[1] * 3) + 100) // 200
            for job in salaried[:1]:
                cents += held.overrides.get(job.guid, job.wage or 0) // 26
            if regular or overtime or cents:
                name = f"{held.last}, {held.first}".strip(", ")
                place = here.location.location_name
                yield PayRow(
                    held.external, name, held.guid, here.location.guid, place, start, end, regular, overtime, cents
                )
