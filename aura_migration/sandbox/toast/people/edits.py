"""People edits of the control surface: what guests and managers do while a migration is under way.

Guests exist in orders only, so whatever happens to one is told by an order:
``{"op": "add_customer", "given_name"?, "family_name"?, "email"?, "phone"?, "e164"?, "country_code"?, "location"?}``,
``{"op": "edit_customer", "customer", …the same fields}`` (their next order says it; ``""`` takes a field away),
``{"op": "add_order", "customer"?, "behavior"?, "location"?}``, ``{"op": "touch_order", "order"}`` (it changed again),
``{"op": "hire", "given_name", "family_name", "email"?, "phone"?, "job"?, "wage_cents"?, "location"?}``,
``{"op": "edit_wage", "employee", "job"?, "cents"}``, ``{"op": "fire", "employee"}``,
``{"op": "clock_in", "employee", "job"?}``, ``{"op": "clock_out", "timecard" | "employee", "tip_cents"?}``.
``delete_customer`` is refused: Toast has nothing by which a guest goes away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.toast.orders.sheet import Sheet
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, TAKE_OUT, Employee, Guest, Job, TimeEntry
from aura_migration.sandbox.toast.people.store import LocalPeople, People
from aura_migration.sandbox.toast.people.truth import personal_of

FIELDS = {
    "given_name": "first",
    "family_name": "last",
    "email": "email",
    "phone": "phone",
    "country_code": "country_code",
}


class PeopleEditor:
    """Carries edits out on the people of one account."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.made = 0
        self.verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "add_customer": self._add_customer,
            "edit_customer": self._edit_customer,
            "delete_customer": self._delete_customer,
            "add_order": self._add_order,
            "touch_order": self._touch_order,
            "hire": self._hire,
            "edit_wage": self._edit_wage,
            "fire": self._fire,
            "clock_in": self._clock_in,
            "clock_out": self._clock_out,
        }

    def run(self, op: dict[str, Any]) -> list[str]:
        """One edit; the guids of what it made or changed. Raises ``ControlError``."""
        self.made += 1
        return self.verbs[op["op"]](op)

    def _here(self, op: dict[str, Any]) -> LocalPeople:
        guid = op.get("location")
        if guid is None:
            return next(self._people.everywhere())
        try:
            return self._people.at(guid)
        except KeyError:
            raise ControlError(f"toast: there is no location {guid!r}") from None

    # -- guests and orders -----------------------------------------------------------------------------------------

    @staticmethod
    def _fields(op: dict[str, Any], *known: str) -> dict[str, Any]:
        extra = set(op) - {"op", "e164", *known, *FIELDS}
        if extra:
            raise ControlError(f"edit {op['op']!r} does not know {min(extra)!r}; it knows {', '.join(FIELDS)}")
        found = {attribute: op[name] or None for name, attribute in FIELDS.items() if name in op}
        if "phone" in op or "e164" in op:
            found["e164"] = op.get("e164") or north_american(op.get("phone"))
        return found

    def _guest(self, op: dict[str, Any]) -> tuple[LocalPeople, Guest]:
        for here in self._people.everywhere():
            held = here.guests.get(str(op.get("customer")))
            if held is not None:
                return here, held
        raise ControlError(f"toast: there is no guest {op.get('customer')!r}")

    def _order_of(self, here: LocalPeople, guest: Guest | None, behavior: str | None = None) -> str:
        stamp = self._people.next_stamp()
        day = here.crew.business_date(stamp)
        plan = here.visit(
            guest, behavior=behavior, opened=stamp, modified=stamp, closed=stamp, day=day, source="Online"
        )
        here.ledger.appeared(plan.number)
        return plan.guid

    def _add_customer(self, op: dict[str, Any]) -> list[str]:
        fields = self._fields(op, "location")
        if not fields:
            raise ControlError(f'edit "add_customer" needs at least one of: {", ".join(FIELDS)}')
        here = self._here(op)
        guest = here.guests.write(**fields)
        return [guest.guid, self._order_of(here, guest)]

    def _edit_customer(self, op: dict[str, Any]) -> list[str]:
        fields = self._fields(op, "customer")
        if not fields:
            raise ControlError(f'edit "edit_customer" needs at least one of: {", ".join(FIELDS)}')
        here, before = self._guest(op)
        guest = before.but(**fields)
        here.guests.change(guest)
        here.former_personal.extend(set(personal_of(before)) - set(personal_of(guest)))
        return [guest.guid, self._order_of(here, guest)]

    def _delete_customer(self, op: dict[str, Any]) -> list[str]:
        raise ControlError("toast: a guest cannot be deleted; Toast has guests in orders only and no way to remove one")

    def _add_order(self, op: dict[str, Any]) -> list[str]:
        behavior = op.get("behavior")
        if behavior not in (None, TAKE_OUT, DELIVERY, DINE_IN):
            raise ControlError(f'"behavior" must be {TAKE_OUT}, {DELIVERY} or {DINE_IN}, not {behavior!r}')
        if op.get("customer") is None:
            return [self._order_of(self._here(op), None, behavior or DINE_IN)]
        here, guest = self._guest(op)
        if behavior == DINE_IN:
            raise ControlError("toast: a check at a table names no guest; leave out customer or behavior")
        if behavior == DELIVERY and guest.address is None:
            raise ControlError(f"toast: guest {guest.guid} has no address to deliver to")
        return [self._order_of(here, guest, behavior)]

    def _touch_order(self, op: dict[str, Any]) -> list[str]:
        for here in self._people.everywhere():
            number = here.book.number_of(str(op.get("order")))
            if number is not None:
                stamp = self._people.next_stamp()
                here.ledger.touched(number, stamp)
                return [here.book.change(number, modified=stamp).guid]
            key = here.ledger.key_of(str(op.get("order")))
            if key is not None:
                return [here.ledger.put(key, partial(_touch, stamp=self._people.next_stamp())).guid]
        raise ControlError(f"toast: there is no order {op.get('order')!r}")

    # -- staff -----------------------------------------------------------------------------------------------------

    def _employee(self, op: dict[str, Any]) -> tuple[LocalPeople, Employee]:
        for here in self._people.everywhere():
            held = here.crew.employees.get(str(op.get("employee")))
            if held is not None:
                return here, held
        raise ControlError(f"toast: there is no employee {op.get('employee')!r}")

    @staticmethod
    def _job(here: LocalPeople, wanted: Any, held: list[str]) -> Job:
        jobs = here.crew.jobs
        if wanted is None:
            known = [guid for guid in held if guid in jobs] or list(jobs)
            if not known:
                raise ControlError("toast: the restaurant has no job")
            return jobs[known[0]]
        if wanted not in jobs:
            raise ControlError(f"toast: there is no job {wanted!r} there")
        return jobs[wanted]

    def _hire(self, op: dict[str, Any]) -> list[str]:
        here = self._here(op)
        fields = self._fields(op, "location", "job", "wage_cents")
        if not fields.get("first") or not fields.get("last"):
            raise ControlError('edit "hire" needs "given_name" and "family_name"')
        job = self._job(here, op.get("job"), [])
        name, stamp = f"{fields['first']} {fields['last']}", self._people.next_stamp()
        made = here.crew.employee(name, [job], created=stamp, modified=stamp, **fields)
        if op.get("wage_cents") is not None:
            made.overrides[job.guid] = int(op["wage_cents"])
        return [made.guid]

    def _edit_wage(self, op: dict[str, Any]) -> list[str]:
        here, held = self._employee(op)
        job = self._job(here, op.get("job"), held.jobs)
        if not isinstance(op.get("cents"), int) or op["cents"] < 0:
            raise ControlError('edit "edit_wage" needs "cents", a whole number from 0')
        held.overrides[job.guid] = op["cents"]
        held.modified = self._people.next_stamp()
        return [held.guid]

    def _fire(self, op: dict[str, Any]) -> list[str]:
        _, held = self._employee(op)
        held.deleted = held.modified = self._people.next_stamp()
        return [held.guid]

    def _clock_in(self, op: dict[str, Any]) -> list[str]:
        here, held = self._employee(op)
        stamp = self._people.next_stamp()
        return [here.crew.entry(held, self._job(here, op.get("job"), held.jobs), stamp, None).guid]

    def _clock_out(self, op: dict[str, Any]) -> list[str]:
        entry = self._open_entry(op)
        stamp = self._people.next_stamp()
        entry.end = entry.modified = max(stamp, entry.start + 1_000)
        for one in entry.breaks:
            if one.start is not None and one.end is None:
                one.end = entry.end
        if op.get("tip_cents") is not None:
            entry.declared = int(op["tip_cents"])
        return [entry.guid]

    def _open_entry(self, op: dict[str, Any]) -> TimeEntry:
        for here in self._people.everywhere():
            for entry in here.crew.entries.values():
                wanted = entry.guid == op.get("timecard") or entry.employee == op.get("employee")
                if wanted and entry.end is None and entry.deleted is None:
                    return entry
        raise ControlError(f"toast: nobody is clocked in as {op.get('timecard') or op.get('employee')!r}")


def _touch(sheet: Sheet, *, stamp: int) -> None:
    sheet.modified = stamp


def north_american(phone: Any) -> str | None:
    """The North American number a text means; None for anything else."""
    digits = re.sub(r"\D", "", str(phone or ""))
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return f"+1{digits}" if len(digits) == 10 and digits[0] not in "01" and digits[3] not in "01" else None
