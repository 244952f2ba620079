"""The known truth about the people of a Clover sandbox, from its own rows and never from their JSON.

Parts are generators, so that a crowd can be told row by row; `people_truth` puts them into the document of `/truth`.
`location` is a merchant id throughout. Consent: `answer` is what `marketingAllowed` says, "unknown" where it is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from aura_migration.sandbox.clover.people.model import Customer, Employee, Shift
from aura_migration.sandbox.clover.people.wire import moment
from aura_migration.sandbox.clover.world import Merchant, World

Row = dict[str, Any]
SHORTEST_PERSONAL = 7
EXPORT_KINDS = ("gift_cards", "loyalty", "house_accounts", "store_credit", "consents")
ANSWERS = {True: "yes", False: "no", None: "unknown"}


class PeopleTruth:
    """Each part of the truth about the people of all merchants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.parts: dict[str, Callable[[], Iterator[Any]]] = {
            "customers": self.customers,
            "gone_customers": self.gone_customers,
            "consents": self.consents,
            "cards_on_file": self.cards_on_file,
            "staff": self.staff,
            "roles": self.roles,
            "jobs": self.nothing,
            "wages": self.nothing,
            "timecards": self.timecards,
            "gone_timecards": self.gone_timecards,
            **{f"export_{kind}": partial(self.export, kind) for kind in EXPORT_KINDS},
            "secrets": self.secrets,
            "personal": self.personal,
        }

    def _merchants(self) -> Iterator[Merchant]:
        yield from self._world.merchants.values()

    def nothing(self) -> Iterator[Row]:
        """Clover has no jobs and no wages."""
        yield from ()

    # -- guests ----------------------------------------------------------------------------------------------------

    def _customers(self, deleted: bool = False) -> Iterator[tuple[Merchant, Customer]]:
        for merchant in self._merchants():
            yield from ((merchant, row) for row in merchant.people.customers if row.deleted == deleted)

    def customers(self) -> Iterator[Row]:
        """Customers that exist. `email` and `phone` are the first ones (a primary e-mail address goes first); `e164` is
        what that phone means, null where it means none. `birthday` is null unless month and day make a date."""
        for merchant, row in self._customers():
            mails = sorted(row.emails, key=lambda one: one.primary is not True)
            phone = row.phones[0] if row.phones else None
            addresses = [_address(one) for one in row.addresses]
            yield {
                "location": merchant.id,
                "id": row.id,
                "given_name": row.first,
                "family_name": row.last,
                "company": row.business,
                "email": (mails[0].text or None) if mails else None,
                "emails": [{"id": one.id, "email": one.text, "primary": one.primary} for one in row.emails],
                "phone": (phone.text or None) if phone else None,
                "e164": phone.e164 if phone else None,
                "phones": [{"id": one.id, "phone": one.text, "e164": one.e164} for one in row.phones],
                "address": addresses[0] if addresses else None,
                "addresses": addresses,
                "birthday": birthday(row),
                "birth": dict(zip(("year", "month", "day"), row.birth, strict=True)),
                "note": row.note,
                "marketing": ANSWERS[row.marketing],
                "cards": len(row.cards),
                "customer_since": moment(row.since),
                "metadata_modified_at": moment(row.modified),
            }

    def gone_customers(self) -> Iterator[Row]:
        """Customers that were deleted."""
        for merchant, row in self._customers(deleted=True):
            yield {"location": merchant.id, "id": row.id, "at": moment(row.deleted_time)}

    def consents(self) -> Iterator[Row]:
        """What the POS states about marketing to each customer; it says nothing about any one channel."""
        for merchant, row in self._customers():
            said = row.marketing
            yield {
                "location": merchant.id,
                "customer": row.id,
                "purpose": "marketing",
                "answer": ANSWERS[said],
                "stated": None if said is None else f"marketingAllowed={'true' if said else 'false'}",
            }

    def cards_on_file(self) -> Iterator[Row]:
        """Which customers left a card; it cannot be moved, and of its fields nothing may be stored."""
        for merchant, row in self._customers():
            for card in row.cards:
                yield {
                    "location": merchant.id,
                    "id": card.id,
                    "customer": row.id,
                    "first6": card.first6,
                    "last4": card.last4,
                    "expires": card.expires,
                }

    # -- staff -----------------------------------------------------------------------------------------------------

    def _staff(self) -> Iterator[tuple[Merchant, Employee]]:
        for merchant in self._merchants():
            yield from ((merchant, row) for row in merchant.people.employees.values())

    def staff(self) -> Iterator[Row]:
        """Everyone, the owner and those who left (`active` False) among them."""
        for merchant, row in self._staff():
            yield {
                "location": merchant.id,
                "id": row.id,
                "name": row.name,
                "nickname": row.nickname,
                "custom_id": row.custom_id,
                "email": row.email,
                "system_role": row.role,
                "roles": list(row.roles),
                "owner": row.is_owner,
                "active": not row.deleted,
                "deleted_at": moment(row.deleted_time),
            }

    def roles(self) -> Iterator[Row]:
        """The roles of each merchant; ids of employees who have them and did not leave."""
        for merchant in self._merchants():
            for role in merchant.roles.values():
                held = [
                    row.id for row in merchant.people.employees.values() if role["id"] in row.roles and not row.deleted
                ]
                yield {
                    "location": merchant.id,
                    "id": role["id"],
                    "name": role["name"],
                    "system_role": role["systemRole"],
                    "employees": held,
                }

    def _shifts(self, deleted: bool = False) -> Iterator[tuple[Merchant, Shift]]:
        for merchant in self._merchants():
            yield from ((merchant, row) for row in merchant.people.shifts.values() if row.deleted == deleted)

    def timecards(self) -> Iterator[Row]:
        """Shifts. `start` and `end` are what counts: a manager's override before the clock. `minutes` is null while
        open; below zero where the times are the wrong way round. `employee_known` False: nobody lists that id."""
        for merchant, row in self._shifts():
            employee = merchant.people.employees.get(row.employee)
            yield {
                "location": merchant.id,
                "id": row.id,
                "employee": row.employee,
                "employee_known": employee is not None and not employee.deleted,
                "start": moment(row.effective_start),
                "end": moment(row.effective_end),
                "clock_in": moment(row.start),
                "clock_out": moment(row.end),
                "override_in": moment(row.override_start),
                "override_out": moment(row.override_end),
                "timezone": merchant.timezone,
                "status": "OPEN" if row.effective_end is None else "CLOSED",
                "declared_tip_cents": row.cash_tips,
                "server_banking": row.server_banking,
                "minutes": minutes(row),
                "breaks": [],
            }

    def gone_timecards(self) -> Iterator[Row]:
        """Shifts that were deleted."""
        for merchant, row in self._shifts(deleted=True):
            yield {"location": merchant.id, "id": row.id, "employee": row.employee, "at": moment(row.deleted_time)}

    # -- export files ----------------------------------------------------------------------------------------------

    def export(self, kind: str) -> Iterator[Row]:
        """Every line of every file of a kind, broken files too (see `exports` for which are `sound`)."""
        for sheet in self._world.exports.values():
            if sheet.kind == kind:
                yield from sheet.truth()

    def exports(self) -> list[Row]:
        """The files with their sums in cents or points; of consents, how many say yes."""
        return [{**sheet.about(), **sheet.totals()} for sheet in self._world.exports.values()]

    # -- what must stay inside -------------------------------------------------------------------------------------

    def secrets(self) -> Iterator[str]:
        """Values that must never be stored in the open: gift-card numbers of the export files, card tokens, PINs of staff, employee cards, PINs in notes. First six and
        last four digits of cards are too short to be looked for in a text; `cards_on_file` tells them."""
        for merchant in self._merchants():
            yield from merchant.people.former_secrets
            for row in merchant.people.customers:
                yield from secrets_of(row)
            for employee in merchant.people.employees.values():
                yield from filter(None, (employee.pin, employee.clear_pin, *(token for _, token in employee.cards)))
        for line in self.export("gift_cards"):
            yield str(line["number"])

    def personal(self) -> Iterator[str]:
        """Values that are personal data, as sent, of guests and staff, deleted ones too: for the store, not for logs or
        reports. Those too short to be looked for in a text are not among them."""
        yield from (value for value in self._personal() if len(value) >= SHORTEST_PERSONAL)

    def _personal(self) -> Iterator[str]:
        for merchant in self._merchants():
            yield from merchant.people.former_personal
            for row in merchant.people.customers:
                yield from personal_of(row)
            for employee in merchant.people.employees.values():
                yield from filter(None, (employee.name, employee.email))
        for kind in EXPORT_KINDS:
            for line in self.export(kind):
                yield from filter(None, (line.get(name) for name in ("email", "phone", "e164")))

    # -- sums ------------------------------------------------------------------------------------------------------

    def totals(self) -> Row:
        """Counts and sums over all merchants."""
        counted = dict.fromkeys(("customers", "gone_customers", "consent_yes", "consent_no", "consent_unknown"), 0)
        names = {True: "consent_yes", False: "consent_no", None: "consent_unknown"}
        for merchant in self._merchants():
            for row in merchant.people.customers:
                if row.deleted:
                    counted["gone_customers"] += 1
                else:
                    counted["customers"] += 1
                    counted[names[row.marketing]] += 1
        staff = [row for _, row in self._staff()]
        shifts = [row for _, row in self._shifts()]
        return {
            **counted,
            "staff": len(staff),
            "active_staff": sum(not row.deleted for row in staff),
            "roles": sum(len(merchant.roles) for merchant in self._merchants()),
            "timecards": len(shifts),
            "open_timecards": sum(row.effective_end is None for row in shifts),
            "gone_timecards": sum(1 for _ in self._shifts(deleted=True)),
            "declared_tip_cents": sum(row.cash_tips or 0 for row in shifts),
            "minutes": sum(minutes(row) or 0 for row in shifts),
        }


def _address(row: Any) -> Row:
    lines = {f"address{number}": line for number, line in enumerate(row.lines, start=1)}
    return {"id": row.id, **lines, "city": row.city, "state": row.state, "zip": row.zip, "country": row.country}


def birthday(row: Customer) -> str | None:
    """`1984-02-29`, or `--02-29` where no believable year is stored; None unless month and day make a date."""
    year, month, day = row.birth
    if month is None or day is None or not 1 <= month <= 12:
        return None
    longest = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    if not 1 <= day <= longest:
        return None
    leap = year is not None and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year is None or year < 1900 or (month == 2 and day == 29 and not leap):
        return f"--{month:02d}-{day:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}"


def minutes(row: Shift) -> int | None:
    """Whole minutes between the times that count."""
    if row.effective_end is None or row.effective_start is None:
        return None
    return int((row.effective_end - row.effective_start) / 60_000)


def secrets_of(row: Customer) -> list[str]:
    """What of a customer must never be stored."""
    return [*row.sensitive, *(card.token for card in row.cards)]


def personal_of(row: Customer) -> Iterator[str]:
    """What identifies a customer, as sent."""
    yield from filter(None, (row.full_name if row.first and row.last else None, row.note, row.business))
    yield from (one.text for one in row.emails)
    for phone in row.phones:
        yield from filter(None, (phone.text, phone.e164))
    yield from (line for address in row.addresses for line in address.lines if line)


def people_truth(world: World, secrets: list[str]) -> Row:
    """All parts as lists, with sums under `people_totals`. `secrets`: those known already, of the configuration."""
    told = PeopleTruth(world)
    document: Row = {name: list(rows()) for name, rows in told.parts.items()}
    document["secrets"] = list(dict.fromkeys([*secrets, *document["secrets"]]))
    document["personal"] = list(dict.fromkeys(document["personal"]))
    document["same_person"] = list(world.same_person)
    document["shared_contact"] = list(world.shared_contact)
    document["exports"] = told.exports()
    document["people_totals"] = told.totals()
    return document
