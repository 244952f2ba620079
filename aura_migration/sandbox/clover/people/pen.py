"""The pen with which scenarios write the people of one merchant: ids, times, and short ways to say common things.

It draws from a generator of its own, so that people never move a price of the menu.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.clover.config import DIGITS, HEX, add_row
from aura_migration.sandbox.clover.people.model import Address, Card, Customer, Email, Employee, Phone, Shift
from aura_migration.sandbox.clover.people.names import (
    DOMAINS,
    FAMILY,
    GIVEN,
    NUMBERS,
    notation,
    number,
    plain,
    street,
)
from aura_migration.sandbox.clover.world import Merchant, World, clover_id

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
OPENED = int(datetime(2024, 3, 2, 15, tzinfo=UTC).timestamp() * 1000)
LATEST = int(datetime(2026, 9, 30, 23, 30, tzinfo=UTC).timestamp() * 1000)
LAST_DAY = date(2026, 9, 29)
BRANDS = ("VISA", "MC", "AMEX", "DISCOVER")


def at(year: int, month: int, day: int, hour: int = 18, minute: int = 0) -> int:
    """The stamp of a moment in UTC."""
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


class Pen:
    """Writes the people of one merchant."""

    def __init__(self, world: World, merchant: Merchant) -> None:
        self.world = world
        self.merchant = merchant
        self.ids = world.ids
        self.people = merchant.people
        self.rng = world.ids.rng(f"people:{merchant.number}")
        self._named: dict[tuple[str, str], int] = {}
        self._first_phone = self.ids.rng("people phones").randrange(NUMBERS)
        self._phones = 0

    def id(self, kind: str, name: str) -> str:
        """A Clover id of its own for each use of the same name."""
        return clover_id(self.ids, f"people {kind}:{self.merchant.number}", self._once(kind, name))

    def _once(self, kind: str, name: str) -> str:
        count = self._named.get((kind, name), 0)
        self._named[kind, name] = count + 1
        return f"{name}#{count}" if count else name

    def moment(self, low: int = OPENED, high: int = LATEST) -> int:
        """A moment between two stamps: a whole second, or one time in three to the millisecond."""
        found = self.rng.randrange(low, max(high, low + 1))
        return found if self.rng.random() < 0.33 else max(low, found // 1000 * 1000)

    def phone(self) -> str:
        """The next number nobody in this world has."""
        self._phones += 1
        return number((self._first_phone + 7919 * (self.merchant.number * 1000 + self._phones)) % NUMBERS)

    # -- customers -------------------------------------------------------------------------------------------------

    def customer(
        self,
        name: str = "",
        *,
        emails: Sequence[str | tuple[str, bool | None]] = (),
        phones: Sequence[str | tuple[str, str | None]] = (),
        addresses: Sequence[tuple[str, str, str, str]] = (),
        **fields: Any,
    ) -> Customer:
        """A customer; `name` is "First Last" unless the fields say otherwise.

        `phones`: an E.164 number, which is written as ten digits, or the text with the number it means.
        """
        first, _, last = name.partition(" ")
        row_id = self.id("customer", name or "nameless")
        created = fields.pop("created", None) or self.moment(high=LATEST - 30 * DAY)
        fields.setdefault("since", created)
        fields.setdefault("first", first or None)
        fields.setdefault("last", last or None)
        told = {"business", "note", "birth"} & set(fields)
        found = Customer(id=row_id, created=created, **fields)
        if told and found.modified is None:
            found.modified = self.moment(created)
        for text in emails:
            mail, primary = (text, None) if isinstance(text, str) else text
            found.emails.append(Email(self.id("email", row_id), mail, primary=primary))
        for one in phones:
            typed, e164 = (notation(one, 0), one) if isinstance(one, str) else one
            found.phones.append(Phone(self.id("phone", row_id), typed, e164))
        for line, city, state, postal in addresses:
            row = Address(self.id("address", row_id), (line, None, None), city, state, postal, "US")
            found.addresses.append(row)
        return self.people.customers.add(found)

    def ordinary(self, **fields: Any) -> Customer:
        """Somebody with most of what a customer can have."""
        rng = self.rng
        first, last = rng.choice(GIVEN), rng.choice(FAMILY)
        e164, spot = self.phone(), rng.randrange(50_000)
        key = e164[-7:]
        if rng.random() < 0.8:
            fields.setdefault("emails", [f"{plain(first)}.{plain(last)}.{key}@{rng.choice(DOMAINS)}"])
        if rng.random() < 0.85:
            fields.setdefault("phones", [(notation(e164, rng.choice((0, 0, 0, 1, 3))), e164)])
        if rng.random() < 0.35:
            fields.setdefault("addresses", [street(spot)])
        if rng.random() < 0.3:
            year = rng.randrange(1942, 2008) if rng.random() < 0.6 else None
            fields.setdefault("birth", (year, rng.randrange(1, 13), rng.randrange(1, 29)))
        if rng.random() < 0.12:
            fields.setdefault(
                "note", rng.choice(("Window seat", "Allergic to peanuts", "Tips well", "No onions, ever"))
            )
        fields.setdefault("marketing", rng.choice((True, True, False, False, None)))
        return self.customer(f"{first} {last}", **fields)

    def card(self, customer: Customer, kind: str = "MULTIPAY", **fields: Any) -> Card:
        """A vaulted card of a customer."""
        name, rng = customer.id, self.rng
        key = self._once("card token", name)
        found = Card(
            id=self.id("card", name),
            token=f"clv_{self.ids.token('card token', key, DIGITS + HEX[10:], 28)}",
            token_type=kind,
            first6=f"4{rng.randrange(100_000):05d}",
            last4=f"{rng.randrange(10_000):04d}",
            expires=f"{rng.randrange(1, 13):02d}{rng.randrange(26, 31)}",
            brand=fields.pop("brand", rng.choice(BRANDS)),
            first=fields.pop("first", customer.first),
            last=fields.pop("last", customer.last),
        )
        customer.cards.append(found)
        return found

    # -- staff -----------------------------------------------------------------------------------------------------

    def role(self, name: str, system: str) -> str:
        """A role of the merchant's own; answers its id. One of that name that is there already is used."""
        for row in self.merchant.roles.values():
            if row["name"] == name and row["systemRole"] == system:
                return str(row["id"])
        row_id = self.id("role", f"{name} {system}")
        row = {"id": row_id, "name": name, "systemRole": system, "merchant": {"id": self.merchant.id}}
        add_row(self.merchant.roles, row)
        return row_id

    def employee(self, name: str, roles: Sequence[str] = (), **fields: Any) -> Employee:
        """Somebody who works here, with a PIN and one time in three an employee card."""
        key = self._once("employee", name)
        tag = f"{self.merchant.number}:{key}"
        created = fields.pop("created", None) or self.moment(high=OPENED + 500 * DAY)
        fields.setdefault("nickname", name.partition(" ")[0])
        fields.setdefault("claimed", created + DAY if fields.get("email") else None)
        fields.setdefault("invite_sent", bool(fields.get("email")))
        modified = fields.get("deleted_time") or created + self.rng.randrange(0, 300) * DAY
        found = Employee(
            id=self.id("employee", name),
            name=name,
            created=created,
            modified=fields.pop("modified", modified),
            roles=list(roles),
            pin=f"{self.ids.token('staff pin', tag, DIGITS, 6)}-{self.ids.token('staff pin salt', tag, HEX, 8)}",
            clear_pin=self.ids.token("staff clear pin", tag, DIGITS, 12),
            **fields,
        )
        if self.rng.random() < 0.33:
            found.cards.append((self.id("employee card", name), f"EC{self.ids.token('staff card', tag, DIGITS, 14)}"))
        self.people.employees[found.id] = found
        return found

    def local(self, day: date, hour: int, minute: int = 0) -> int:
        """The stamp of a local time at the merchant; `hour` may be 24 or more for the next day."""
        later, hour = divmod(hour, 24)
        zone = ZoneInfo(self.merchant.timezone)
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone) + timedelta(days=later)
        return int(moment.timestamp() * 1000)

    def shift(self, employee: Employee | str, start: int | None, end: int | None, **fields: Any) -> Shift:
        """A shift; times in milliseconds."""
        worker = employee if isinstance(employee, str) else employee.id
        created = fields.pop("created", None) or start or fields["override_start"]
        found = Shift(self.id("shift", f"{worker} {created}"), worker, created, start, end, **fields)
        self.people.shifts[found.id] = found
        return found

    def roster(self, team: Sequence[Employee], manager: Employee, weeks: int, last: date = LAST_DAY) -> None:
        """Five shifts a week each, ending on the last day: mornings and evenings, one in ten corrected by a manager."""
        rng, days = self.rng, [last - timedelta(days=back) for back in range(weeks * 7)]
        for day in reversed(days):
            for position, employee in enumerate(team):
                if (day.toordinal() + 3 * position) % 7 > 4:
                    continue
                opens = 7 if position % 2 == 0 else 15
                start = self.local(day, opens, rng.randrange(0, 12)) + rng.randrange(60) * 1000
                end = start + rng.randrange(5 * 60, 9 * 60) * MINUTE + rng.randrange(60) * 1000
                tips = rng.randrange(0, 9000) if position % 3 else None
                shift = self.shift(employee, start, end, cash_tips=tips, server_banking=rng.random() < 0.15)
                if rng.random() < 0.1:
                    shift.override_start, shift.override_start_by = self.local(day, opens), manager.id
                if rng.random() < 0.06:
                    shift.override_end, shift.override_end_by = end - 7 * MINUTE, manager.id

    def settle(self) -> None:
        """Put shifts, employees and roles into the order in which they came about."""
        people = self.people
        people.shifts = dict(sorted(people.shifts.items(), key=lambda pair: pair[1].created))
        people.employees = dict(sorted(people.employees.items(), key=lambda pair: pair[1].created))
        people.customers.settle()

    # -- known facts -----------------------------------------------------------------------------------------------

    def same(self, why: str, *held: Customer) -> None:
        """These customers are certainly one person."""
        self.world.same_person.append({"customers": [customer.id for customer in held], "why": why})

    def shared(self, field: str, *held: Customer) -> None:
        """These customers are different people with one e-mail address or phone number."""
        self.world.shared_contact.append({"field": field, "customers": [customer.id for customer in held]})
