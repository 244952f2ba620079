"""The people endpoints of a merchant: filter fields, children, and how customers are found without holding them all.

Shifts filter by snake_case names, everything else by camelCase ones, as the real API does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aura_migration.sandbox.clover.people.model import Customer, Employee, Shift
from aura_migration.sandbox.clover.people.table import Customers
from aura_migration.sandbox.clover.query import Condition, Field, Query, passes, select, sort_key
from aura_migration.sandbox.clover.resources import Child, Fields, Resource
from aura_migration.sandbox.clover.wire import Renderer
from aura_migration.sandbox.clover.world import Merchant

DAY_MS = 86_400_000
SHIFT_TIMES = ("in_time", "out_time", "override_in_time", "in_and_override_time", "out_and_override_time")

CUSTOMER_FIELDS: Fields = {
    "customerSince": Field(lambda row: row.since, int),
    "firstName": Field(lambda row: row.first),
    "lastName": Field(lambda row: row.last),
    "fullName": Field(lambda row: row.full_name),
    "emailAddress": Field(lambda row: [one.text for one in row.emails]),
    "phoneNumber": Field(lambda row: [one.text for one in row.phones]),
    "marketingAllowed": Field(lambda row: row.marketing, bool),
    "id": Field(lambda row: row.id),
    "deletedTime": Field(lambda row: row.deleted_time, int),
}
EMPLOYEE_FIELDS: Fields = {
    "id": Field(lambda row: row.id),
    "name": Field(lambda row: row.name),
    "nickname": Field(lambda row: row.nickname),
    "customId": Field(lambda row: row.custom_id),
    "email": Field(lambda row: row.email),
    "role": Field(lambda row: row.role),
    "role.id": Field(lambda row: row.roles),
    "modifiedTime": Field(lambda row: row.modified, int),
    "deletedTime": Field(lambda row: row.deleted_time, int),
}


def _shift_fields(merchant: Merchant) -> Fields:
    employees = merchant.people.employees

    def name(row: Shift) -> str | None:
        found = employees.get(row.employee)
        return found.name if found is not None else None

    return {
        "in_time": Field(lambda row: row.start, int),
        "out_time": Field(lambda row: row.end, int),
        "override_in_time": Field(lambda row: row.override_start, int),
        "in_and_override_time": Field(lambda row: row.effective_start, int),
        "out_and_override_time": Field(lambda row: row.effective_end, int),
        "has_in_time": Field(lambda row: row.start is not None, bool),
        "server_banking": Field(lambda row: row.server_banking, bool),
        "employee.id": Field(lambda row: row.employee),
        "employee.name": Field(name),
        "id": Field(lambda row: row.id),
        "deletedTime": Field(lambda row: row.deleted_time, int),
    }


def find_customers(
    merchant: Merchant, query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], _now: int
) -> Sequence[Customer]:
    """Customers that pass the query, newest first unless it says otherwise; rows are made as they are looked at."""
    table = merchant.people.customers
    mode = switches["deleted_customers"]
    hidden = mode == "never" or (mode == "on_filter" and not query.filters_on("deletedTime"))
    asked = [(name, value) for name, value in query.echo if name in ("filter", "orderBy")]

    def find() -> Iterable[int]:
        slots: Iterable[int] = reversed(range(len(table)))
        named = [condition.equals for condition in query.conditions if condition.field == "id"]
        if named and named[0] is not None:
            known = (table.slot_of(str(row_id)) for row_id in named[0])
            slots = sorted((slot for slot in known if slot is not None), reverse=True)
        if hidden:
            slots = (slot for slot in slots if not table.is_deleted(slot))
        for condition in query.conditions:
            slots = _passing(table, slots, condition, fields)
        for name, descending in reversed(query.order):
            get = table.since if name == "customerSince" else _of_row(table, sortable[name])
            slots = sorted(slots, key=lambda slot, get=get: sort_key(get(slot)), reverse=descending)  # type: ignore[misc]
        return slots

    return table.view((hidden, *asked), find)


def _of_row(table: Customers, field: Field) -> Callable[[int], Any]:
    return lambda slot: field.get(table.row(slot))


def _passing(table: Customers, slots: Iterable[int], condition: Condition, fields: Fields) -> Iterable[int]:
    if condition.field == "customerSince":
        return (slot for slot in slots if passes(table.since(slot), condition))
    get = fields[condition.field].get
    return (slot for slot in slots if passes(get(table.row(slot)), condition))


def find_shifts(
    merchant: Merchant, query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], now: int
) -> Sequence[Shift]:
    """The shifts of a merchant that pass the query, newest first."""
    return _select_shifts(list(merchant.people.shifts.values()), query, fields, sortable, switches, now)


def _select_shifts(
    rows: list[Shift], query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], now: int
) -> list[Shift]:
    mode = switches["deleted_shifts"]
    if mode == "never" or (mode == "on_filter" and not query.filters_on("deletedTime")):
        rows = [row for row in rows if not row.deleted]
    if switches["in_and_override_time"] == "either":
        either = {
            "in_and_override_time": Field(lambda row: [row.start, row.override_start], int),
            "out_and_override_time": Field(lambda row: [row.end, row.override_end], int),
        }
        fields = {**fields, **either}
    if switches["shift_window_days"]:
        rows = _latest_window(rows, query, fields, switches["shift_window_days"] * DAY_MS, now)
    return select(rows[::-1], query, fields, sortable)


def _latest_window(rows: list[Shift], query: Query, fields: Fields, longest: int, now: int) -> list[Shift]:
    """Of a longer span than `longest` only its latest part counts; nobody is told."""
    for name in SHIFT_TIMES:
        bounds = [condition.bound for condition in query.conditions if condition.field == name and condition.bound]
        if not bounds:
            continue
        high = min([right for operator, right in bounds if operator.startswith("<")], default=now)
        low = max([right for operator, right in bounds if operator.startswith(">")], default=high - longest - 1)
        if high - low > longest:
            get = fields[name].get
            rows = [row for row in rows if any(one is not None and one >= high - longest for one in _several(get(row)))]
    return rows


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _employee_shifts(renderer: Renderer, row: Employee) -> list[Shift]:
    return renderer.merchant.people.shifts_of(row.id)


def _contact(kind: str, *names: tuple[str, str]) -> Resource:
    """A list of contact rows under a customer."""

    def column(name: str) -> Field:
        return Field(lambda row: getattr(row, name))

    fields = {"id": column("id"), **{name: column(attribute) for name, attribute in names}}
    return Resource(kind, "CUSTOMERS_R", lambda _merchant: [], lambda _merchant: fields, sortable=())


NO_CUSTOMER = ("Not Found", "Customer not found")
NESTED: dict[str, Resource] = {
    "email_addresses": _contact("email", ("emailAddress", "text")),
    "phone_numbers": _contact("phone", ("phoneNumber", "text")),
    "addresses": _contact("customer_address", ("city", "city"), ("zip", "zip")),
    "cards": _contact("customer_card", ("first6", "first6"), ("last4", "last4")),
}
PEOPLE: dict[str, Resource] = {
    "customers": Resource(
        "customer",
        "CUSTOMERS_R",
        lambda merchant: list(merchant.people.customers),
        lambda _merchant: CUSTOMER_FIELDS,
        lambda merchant: merchant.people.customers,
        deleted="deleted_customers",
        deleted_field="deletedTime",
        missing=NO_CUSTOMER,
        sortable=(),
        select=find_customers,
        alone="customer_alone",
        csv="customers",
        singles={"metadata": "customer_metadata"},
        children={
            "email_addresses": Child("email_addresses", lambda _renderer, row: row.emails[::-1], by_id=True),
            "phone_numbers": Child("phone_numbers", lambda _renderer, row: row.phones[::-1], by_id=True),
            "addresses": Child("addresses", lambda _renderer, row: row.addresses[::-1], by_id=True),
            "cards": Child("cards", lambda _renderer, row: row.cards[::-1], by_id=True),
        },
    ),
    "employees": Resource(
        "employee",
        "EMPLOYEES_R",
        lambda merchant: list(merchant.people.employees.values()),
        lambda _merchant: EMPLOYEE_FIELDS,
        lambda merchant: merchant.people.employees,
        deleted="deleted_employees",
        deleted_field="deletedTime",
        missing=("Not Found", "Employee not found"),
        children={
            "shifts": Child("shifts", _employee_shifts, by_id=True),
        },
    ),
    "shifts": Resource(
        "shift",
        "EMPLOYEES_R",
        lambda merchant: list(merchant.people.shifts.values()),
        _shift_fields,
        lambda merchant: merchant.people.shifts,
        deleted="deleted_shifts",
        deleted_field="deletedTime",
        missing=("Not Found", "Shift not found"),
        sortable=(),
        select=find_shifts,
        select_child=_select_shifts,
        csv="shifts",
    ),
}
