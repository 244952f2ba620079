"""People edits of the control surface: what guests and managers do while a migration is under way.

`{"op": "add_customer", "location"?, "given_name"?, "family_name"?, "email"?, "phone"?, "e164"?, "company"?, "note"?,
"marketing"? (true, false, null)}`, `{"op": "edit_customer", "customer", …the same fields}`,
`{"op": "delete_customer", "customer"}`, `{"op": "hire", "name" or "given_name" and "family_name", "location"?, "role"?
(id of a role), "system_role"?, "email"?}`, `{"op": "dismiss", "employee"}`, `{"op": "clock_in", "employee"}`,
`{"op": "clock_out", "timecard" | "employee", "tip_cents"?}`. `edit_wage` is refused: Clover has no wages.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.clover.people.model import Customer, Email, Employee, Phone, Shift
from aura_migration.sandbox.clover.people.truth import personal_of, secrets_of
from aura_migration.sandbox.clover.world import Merchant, World, clover_id
from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids

TEXTS = {"given_name": "first", "family_name": "last", "company": "business", "note": "note"}
FIELDS = (*TEXTS, "email", "phone", "e164", "marketing")
DIGITS = "0123456789"


class PeopleEditor:
    """Carries edits out on the people of one world."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._ids: Ids = world.ids
        self._clock = clock
        self._made = 0
        self.verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "add_customer": self._add_customer,
            "edit_customer": self._edit_customer,
            "delete_customer": self._delete_customer,
            "hire": self._hire,
            "dismiss": self._dismiss,
            "edit_wage": self._edit_wage,
            "clock_in": self._clock_in,
            "clock_out": self._clock_out,
        }

    def run(self, op: dict[str, Any]) -> list[str]:
        """One edit; the ids of what it changed. Raises `ControlError`."""
        return self.verbs[op["op"]](op)

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _next(self, kind: str) -> str:
        self._made += 1
        return clover_id(self._ids, f"edited {kind}", str(self._made))

    def _merchant(self, op: dict[str, Any]) -> Merchant:
        found = self._world.merchants.get(op.get("location") or self._world.first.id)
        if found is None:
            raise ControlError(f"no merchant has the id {op['location']!r}")
        return found

    # -- customers -------------------------------------------------------------------------------------------------

    def _customer(self, op: dict[str, Any]) -> tuple[Merchant, Customer]:
        wanted = str(op.get("customer"))
        for merchant in self._world.merchants.values():
            found = merchant.people.customers.get(wanted)
            if found is not None and not found.deleted:
                held = merchant.people.customers.edit(wanted)
                assert held is not None
                return merchant, held
        raise ControlError(f"there is no customer {wanted!r}")

    def _write(self, row: Customer, op: dict[str, Any], known: tuple[str, ...]) -> None:
        """Put the fields of an edit into a row. An empty text takes a field away."""
        extra = set(op) - {"op", *known, *FIELDS}
        if extra:
            raise ControlError(f"edit {op['op']!r} does not know {min(extra)!r}; it knows {', '.join(FIELDS)}")
        for name in (*TEXTS, "email", "phone"):
            if name in op and not isinstance(op[name], str):
                raise ControlError(f'"{name}" must be a text; "" takes it away')
        if "marketing" in op and op["marketing"] not in (True, False, None):
            raise ControlError('"marketing" must be true, false or null')
        for name, attribute in TEXTS.items():
            if name in op:
                setattr(row, attribute, op[name] or None)
        if "marketing" in op:
            row.marketing = op["marketing"]
        if "email" in op:
            row.emails = [Email(self._next("email"), op["email"])] if op["email"] else []
        if "phone" in op:
            typed = op["phone"]
            row.phones = [Phone(self._next("phone"), typed, op.get("e164") or number_of(typed))] if typed else []
        if {"company", "note"} & set(op) or row.modified is not None:
            row.modified = max(self._now(), (row.modified or 0) + 1)

    def _add_customer(self, op: dict[str, Any]) -> list[str]:
        now, merchant = self._now(), self._merchant(op)
        row = Customer(self._next("customer"), now, since=now // 1000 * 1000)
        self._write(row, op, ("location",))
        merchant.people.customers.add(row)
        return [row.id]

    def _edit_customer(self, op: dict[str, Any]) -> list[str]:
        if not set(op) & set(FIELDS):
            raise ControlError(f'edit "edit_customer" needs at least one of: {", ".join(FIELDS)}')
        merchant, row = self._customer(op)
        before = copy.deepcopy(row)
        self._write(row, op, ("customer", "location"))
        row.sensitive = [told for told in row.sensitive if told in (row.note or "")]
        people = merchant.people
        people.former_personal += sorted(set(personal_of(before)) - set(personal_of(row)))
        people.former_secrets += sorted(set(secrets_of(before)) - set(secrets_of(row)))
        return [row.id]

    def _delete_customer(self, op: dict[str, Any]) -> list[str]:
        _, row = self._customer(op)
        row.deleted_time = max(self._now(), row.created + 1)
        return [row.id]

    # -- staff -----------------------------------------------------------------------------------------------------

    def _employee(self, op: dict[str, Any]) -> tuple[Merchant, Employee]:
        wanted = str(op.get("employee"))
        for merchant in self._world.merchants.values():
            found = merchant.people.employees.get(wanted)
            if found is not None and not found.deleted:
                return merchant, found
        raise ControlError(f"there is no employee {wanted!r}")

    def _hire(self, op: dict[str, Any]) -> list[str]:
        merchant = self._merchant(op)
        name = op.get("name") or f"{op.get('given_name') or ''} {op.get('family_name') or ''}".strip()
        if not isinstance(name, str) or not name:
            raise ControlError('edit "hire" needs a "name", or a "given_name"')
        role = merchant.roles.get(str(op["role"])) if op.get("role") else None
        if op.get("role") and role is None:
            raise ControlError(f"merchant {merchant.id} has no role {op['role']!r}")
        system = str(op.get("system_role") or (role["systemRole"] if role else "EMPLOYEE"))
        if system not in ("ADMIN", "MANAGER", "EMPLOYEE"):
            raise ControlError('"system_role" must be ADMIN, MANAGER or EMPLOYEE')
        now, row_id = self._now(), self._next("employee")
        row = Employee(
            id=row_id,
            name=name,
            created=now,
            modified=now,
            role=system,
            nickname=name.partition(" ")[0],
            email=op.get("email"),
            invite_sent=bool(op.get("email")),
            roles=[str(role["id"])] if role else [],
            pin=f"{self._ids.token('hired pin', row_id, DIGITS, 6)}-{self._ids.token('hired salt', row_id, DIGITS, 8)}",
            clear_pin=self._ids.token("hired clear pin", row_id, DIGITS, 12),
        )
        merchant.people.employees[row.id] = row
        return [row.id]

    def _dismiss(self, op: dict[str, Any]) -> list[str]:
        _, row = self._employee(op)
        row.deleted_time = row.modified = max(self._now(), row.modified + 1)
        return [row.id]

    def _edit_wage(self, _op: dict[str, Any]) -> list[str]:
        raise ControlError("Clover has no wages; they are in the restaurant's payroll export")

    def _clock_in(self, op: dict[str, Any]) -> list[str]:
        merchant, employee = self._employee(op)
        now = self._now()
        row = Shift(self._next("shift"), employee.id, now, now // 1000 * 1000)
        merchant.people.shifts[row.id] = row
        return [row.id]

    def _clock_out(self, op: dict[str, Any]) -> list[str]:
        """End an open shift at POS time, or one minute after its start if that is later."""
        tips = op.get("tip_cents")
        if tips is not None and (isinstance(tips, bool) or not isinstance(tips, int) or tips < 0):
            raise ControlError('"tip_cents" must be a whole number of cents, 0 or more')
        wanted = (op.get("timecard"), op.get("employee"))
        found = [
            row
            for merchant in self._world.merchants.values()
            for row in merchant.people.shifts.values()
            if not row.deleted and row.effective_end is None and (row.id == wanted[0] or row.employee == wanted[1])
        ]
        if len(found) != 1:
            raise ControlError('edit "clock_out" needs the "timecard", or the "employee", of one open shift')
        [row] = found
        row.end = max(self._now() // 1000 * 1000, (row.effective_start or 0) + 60_000)
        row.cash_tips = row.cash_tips if tips is None else tips
        return [row.id]


def number_of(typed: str) -> str | None:
    """The number a typed phone means, where it is one of this country's or written with a plus."""
    kept = "".join(letter for letter in typed if letter in "+0123456789")
    if kept.startswith("+") and 9 <= len(kept) <= 16:
        return kept
    if len(kept) == 10:
        return f"+1{kept}"
    return f"+{kept}" if len(kept) == 11 and kept.startswith("1") else None
