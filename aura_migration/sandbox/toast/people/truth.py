"""The known truth about the people of a Toast account, from the scenario's own knowledge and never from its JSON.

Parts are generators, so that a crowd can be told row by row; ``people_truth`` puts them into the document of ``/truth``.

A guest is what orders say of them: the row holds what the newest order says, an address only where an order was
delivered. Toast states nothing about marketing, so every answer of ``consents`` is "unknown".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aura_migration.sandbox.toast.orders.model import GIFTCARD, HOUSE, Card, Plan
from aura_migration.sandbox.toast.people.export_files import ExportShelf
from aura_migration.sandbox.toast.people.model import DELIVERY, SALARY, Guest, Job, TimeEntry
from aura_migration.sandbox.toast.people.store import LocalPeople

Row = dict[str, Any]
SHORTEST_PERSONAL = 7
HUNDREDTH_OF_A_MILLIONTH = Decimal("0.000001")


def moment(stamp: int | None) -> str | None:
    """A stamp as RFC 3339 in UTC, to the millisecond."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{stamp % 1000:03d}Z"


def decimal_hours(seconds: int) -> str:
    """Seconds as the decimal hours Toast sends."""
    return str((Decimal(seconds) / 3600).quantize(HUNDREDTH_OF_A_MILLIONTH).normalize() + 0)


class PeopleTruth:
    """Each part of the truth about the people of some locations."""

    def __init__(self, places: Callable[[], Iterable[LocalPeople]], shelf: ExportShelf) -> None:
        self._places = places
        self.shelf = shelf
        self.parts: dict[str, Callable[[], Iterator[Any]]] = {
            "customers": self.customers,
            "consents": self.consents,
            "staff": self.staff,
            "jobs": self.jobs,
            "wages": self.wages,
            "break_types": self.break_types,
            "timecards": self.timecards,
            "scheduled_shifts": self.scheduled_shifts,
            "order_traces": self.order_traces,
            "payment_cards": self.payment_cards,
            "same_person": self.same_person,
            "shared_contact": self.shared_contact,
            **shelf.parts,
            "exports": lambda: (one.truth() for one in shelf.files()),
            "secrets": self.secrets,
            "personal": self.personal,
        }
        self.streams = {**self.parts, "orders": self.orders}

    # -- guests ----------------------------------------------------------------------------------------------------

    def _told(self) -> Iterator[tuple[LocalPeople, Guest, list[Plan]]]:
        """Every guest with their orders, oldest first."""
        for here in self._places():
            naming, ordinary, since = here.book.naming(), here.book.ordinary, here.ledger.sold.naming()
            for number, guest in enumerate(here.guests):
                plans = [*naming.get(guest.guid, ()), *since.get(guest.guid, ())]
                if number < here.guests.count:
                    plans += [here.book.plan(order) for order in ordinary.numbers_of_guest(number)]
                yield here, guest, sorted(plans, key=lambda plan: (plan.opened, plan.number))

    def customers(self) -> Iterator[Row]:
        """Guests. ``key``: what identifies them to Toast; ``e164``: the number the phone means, null for none."""
        for here, guest, plans in self._told():
            address = _address_of(guest, plans)
            yield {
                "id": guest.guid,
                "location": here.location.guid,
                "key": guest.key,
                "given_name": guest.first,
                "family_name": guest.last,
                "email": guest.email,
                "phone": guest.phone,
                "phone_country_code": guest.country_code if guest.phone is not None else None,
                "e164": guest.e164,
                "address": address,
                "marketing": "unknown",
                "note": None,
                "birthday": None,
                "orders": len(plans),
                "first_order_at": moment(plans[0].opened) if plans else None,
                "last_order_at": moment(plans[-1].opened) if plans else None,
            }

    def consents(self) -> Iterator[Row]:
        """What the POS states of each guest's consent: nothing."""
        for here in self._places():
            for guest in here.guests:
                yield {"customer": guest.guid, "purpose": "marketing", "answer": "unknown", "stated": None}

    def same_person(self) -> Iterator[Row]:
        """Guests that are certainly one person, also at several restaurants."""
        by_mail: dict[str, dict[str, str]] = {}
        for here in self._places():
            yield from here.same_person
            for guest in here.guests.written:
                if guest.email:
                    by_mail.setdefault(guest.email.lower(), {}).setdefault(here.location.guid, guest.guid)
        for found in by_mail.values():
            if len(found) > 1:
                yield {"customers": list(found.values()), "why": "one guest at two restaurants"}

    def shared_contact(self) -> Iterator[Row]:
        """Different people with one e-mail address or phone."""
        for here in self._places():
            yield from here.shared_contact

    # -- staff -----------------------------------------------------------------------------------------------------

    def staff(self) -> Iterator[Row]:
        """Employees of each location; ``person`` is the same where one human works at two."""
        for here in self._places():
            for held in here.crew.employees.values():
                yield {
                    "id": held.guid,
                    "location": here.location.guid,
                    "person": held.person,
                    "given_name": held.first,
                    "family_name": held.last,
                    "chosen_name": held.chosen,
                    "email": held.email,
                    "phone": held.phone,
                    "phone_country_code": held.country_code if held.phone is not None else None,
                    "e164": held.e164,
                    "external_id": held.external,
                    "active": held.deleted is None,
                    "disabled": held.disabled,
                    "deleted_at": moment(held.deleted),
                    "jobs": list(held.jobs),
                    "created_at": moment(held.created),
                    "modified_at": moment(held.modified),
                }

    def jobs(self) -> Iterator[Row]:
        """Jobs; ``wage_cents`` an hour, or what is set for a SALARY."""
        for here in self._places():
            for job in here.crew.jobs.values():
                yield {
                    "id": job.guid,
                    "location": here.location.guid,
                    "title": job.title,
                    "code": job.code,
                    "frequency": job.frequency,
                    "wage_cents": job.wage,
                    "tipped": job.tipped,
                    "excluded_from_reporting": job.excluded,
                    "active": job.deleted is None,
                }

    def wages(self) -> Iterator[Row]:
        """What each person earns in each job: the override, else the job's. ``held`` False: not among their jobs."""
        for here in self._places():
            crew = here.crew
            for held in crew.employees.values():
                for guid in dict.fromkeys([*held.jobs, *held.overrides]):
                    job: Job | None = crew.jobs.get(guid)
                    yield {
                        "location": here.location.guid,
                        "employee": held.guid,
                        "job": guid,
                        "title": None if job is None else job.title,
                        "frequency": None if job is None else job.frequency,
                        "cents": held.overrides.get(guid, None if job is None else job.wage),
                        "override": guid in held.overrides,
                        "held": guid in held.jobs,
                        "salaried": job is not None and job.frequency == SALARY,
                    }

    def break_types(self) -> Iterator[Row]:
        """Kinds of breaks."""
        for here in self._places():
            for row in here.location.config["breakTypes"]:
                yield {
                    "id": row.guid,
                    "location": here.location.guid,
                    "name": row.body["name"],
                    "paid": row.body["paid"],
                    "minutes": row.body["duration"],
                }

    def timecards(self) -> Iterator[Row]:
        """Hours worked; ``archived`` ones are sent only when asked for, missed breaks likewise."""
        for here in self._places():
            for held in here.crew.entries.values():
                yield {"location": here.location.guid, **_timecard(held)}

    def scheduled_shifts(self) -> Iterator[Row]:
        """Planned shifts, deleted ones too."""
        for here in self._places():
            for held in here.crew.shifts.values():
                yield {
                    "id": held.guid,
                    "location": here.location.guid,
                    "employee": held.employee,
                    "job": held.job,
                    "start": moment(held.start),
                    "end": moment(held.end),
                    "deleted": held.deleted is not None,
                }

    # -- orders ----------------------------------------------------------------------------------------------------

    def orders(self) -> Iterator[Row]:
        """Orders with their sums in cents; told by the stream only."""
        for here in self._places():
            for number in range(len(here.book)):
                made = here.book.order(number)
                plan = made.plan
                yield {
                    "id": plan.guid,
                    "location": here.location.guid,
                    "business_date": plan.day.isoformat(),
                    "opened_at": moment(plan.opened),
                    "modified_at": moment(plan.modified),
                    "behavior": plan.behavior,
                    "source": plan.source,
                    "open": plan.closed is None,
                    "voided": plan.voided,
                    "deleted": plan.deleted,
                    "excess_food": plan.excess,
                    "checks": [
                        {
                            "id": check.guid,
                            "customer": None if check.guest is None else check.guest.guid,
                            "cents": check.amount,
                            "tax_cents": check.tax,
                            "total_cents": check.total,
                            "discount_cents": sum(one.cents for one in check.discounts),
                            "payments": [
                                {"id": one.guid, "type": one.kind, "cents": one.amount, "tip_cents": one.tip}
                                for one in check.payments
                            ],
                        }
                        for check in made.checks
                    ],
                }

    def order_traces(self) -> Iterator[Row]:
        """What orders tell of loyalty, gift cards and house accounts; there are no balances behind it."""
        for here in self._places():
            for plan in here.book.plans():
                if plan.loyalty is None and plan.gift is None and plan.paid_with not in (GIFTCARD, HOUSE):
                    continue
                made = here.book.composer.order(plan)
                head = {"location": here.location.guid, "order": plan.guid, "voided": plan.voided}
                if plan.gift is not None:
                    yield {**head, "kind": plan.gift[0], "cents": plan.gift[1]}
                for check in made.checks:
                    if check.points is not None:
                        yield {**head, "kind": "LOYALTY", "vendor": plan.loyalty, "points": check.points}
                    for discount in check.discounts:
                        if discount.vendor is not None:
                            yield {**head, "kind": "REWARD", "vendor": discount.vendor, "cents": discount.cents}
                    for payment in check.payments:
                        if payment.kind in (GIFTCARD, HOUSE):
                            yield {**head, "kind": payment.kind, "cents": payment.amount}

    def _cards(self) -> Iterator[tuple[str, Card]]:
        for here in self._places():
            for plan in here.book.plans():
                yield from here.book.composer.cards(plan)

    def payment_cards(self) -> Iterator[Row]:
        """Digits of cards in payments: too short to be looked for in a text, and yet nothing to be kept in the open."""
        for guid, card in self._cards():
            yield {"payment": guid, "first6": card.first6, "last4": card.last4}

    # -- what must stay inside -------------------------------------------------------------------------------------

    def secrets(self) -> Iterator[str]:
        """Values that must never be stored in the open: ids of cards at the processor, codes told in notes, numbers of
        gift cards."""
        yield from self.shelf.secrets()
        for here in self._places():
            yield from here.secrets
            for guest in here.guests.written:
                yield from guest.sensitive
        for _, card in self._cards():
            yield card.payment_id
            yield card.network_id

    def personal(self) -> Iterator[str]:
        """Values that are personal data, as sent, of guests and staff: for the store, not for logs or reports; those
        too short to be looked for in a text are not among them."""
        yield from (value for value in self._personal() if len(value) >= SHORTEST_PERSONAL)

    def _personal(self) -> Iterator[str]:
        yield from self.shelf.personal()
        for here in self._places():
            yield from here.former_personal
            for guest in here.guests:
                yield from personal_of(guest)
            for held in here.crew.employees.values():
                name = f"{held.first} {held.last}".strip()
                yield from filter(None, (name, held.email, held.phone, held.e164, held.chosen))

    # -- sums ------------------------------------------------------------------------------------------------------

    def totals(self) -> Row:
        """Counts and sums of everybody, told in one pass."""
        keys: set[tuple[str, str]] = set()
        guests = mails = phones = orders = 0
        for here in self._places():
            orders += len(here.book)
            for guest in here.guests:
                guests += 1
                mails += bool(guest.email)
                phones += bool(guest.phone)
                keys.add((here.location.guid, guest.key))
        crews = [here.crew for here in self._places()]
        staff = [held for crew in crews for held in crew.employees.values()]
        entries = [held for crew in crews for held in crew.entries.values()]
        live = [held for held in entries if held.deleted is None]
        return {
            "customers": guests,
            "customer_keys": len(keys),
            "with_email": mails,
            "with_phone": phones,
            "orders": orders,
            "staff": len(staff),
            "active_staff": sum(held.deleted is None for held in staff),
            "persons": len({held.person for held in staff}),
            "jobs": sum(len(crew.jobs) for crew in crews),
            "scheduled_shifts": sum(len(crew.shifts) for crew in crews),
            "timecards": len(live),
            "archived_timecards": len(entries) - len(live),
            "open_timecards": sum(held.end is None for held in live),
            "declared_tip_cents": sum(held.declared or 0 for held in live),
            "card_tip_cents": sum(held.card_tips for held in live),
            "regular_seconds": sum(held.hours[0] for held in live),
            "overtime_seconds": sum(held.hours[1] for held in live),
        }


def personal_of(guest: Guest) -> Iterator[str]:
    """What identifies a guest, as sent."""
    name = f"{guest.first} {guest.last}" if guest.first and guest.last else None
    street = guest.address.address1 if guest.address is not None else None
    yield from filter(None, (name, guest.email, guest.phone, guest.e164, street))


def _address_of(guest: Guest, plans: list[Plan]) -> Row | None:
    """The address of the newest delivery to that guest."""
    for plan in reversed(plans):
        first = plan.customers[0]
        if plan.behavior == DELIVERY and first is not None and first.guid == guest.guid and first.address is not None:
            return asdict(first.address)
    return None


def _timecard(held: TimeEntry) -> Row:
    regular, overtime = held.hours
    return {
        "id": held.guid,
        "employee": held.employee,
        "job": held.job,
        "shift": held.shift,
        "start": moment(held.start),
        "end": moment(held.end),
        "business_date": held.business_date.isoformat(),
        "status": "OPEN" if held.end is None else "CLOSED",
        "auto_clocked_out": held.auto_out,
        "archived": held.deleted is not None,
        "hourly_cents": held.wage,
        "paid_seconds": held.worked_seconds,
        "regular_hours": decimal_hours(regular),
        "overtime_hours": decimal_hours(overtime),
        "declared_tip_cents": held.declared,
        "card_tip_cents": held.card_tips,
        "tips_withheld_cents": held.withheld,
        "cash_gratuity_cents": held.cash_gratuity,
        "card_gratuity_cents": held.card_gratuity,
        "cash_sales_cents": 0 if held.end is None else held.cash_sales,
        "card_sales_cents": 0 if held.end is None else held.card_sales,
        "breaks": [
            {
                "id": one.guid,
                "type": one.kind,
                "paid": one.paid,
                "start": moment(one.start),
                "end": moment(one.end),
                "missed": one.missed,
                "waived": one.waived,
            }
            for one in held.breaks
        ],
    }


def people_truth(told: PeopleTruth) -> Row:
    """All parts as lists but the orders, with sums under ``people_totals`` and ``export_totals``."""
    document: Row = {name: list(rows()) for name, rows in told.parts.items()}
    document["secrets"] = list(dict.fromkeys(document["secrets"]))
    document["personal"] = list(dict.fromkeys(document["personal"]))
    document["people_totals"] = told.totals()
    document["export_totals"] = told.shelf.totals()
    return document
