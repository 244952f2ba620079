"""How Clover writes people: customers with their contacts, employees with their roles, shifts; and the two CSV lists.

Secrets stand where the real API puts them: `pin`, `unhashedPin` and `employeeCards` of employees, tokens and digits of
customers' cards.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from aura_migration.sandbox.clover.people.model import Address, Card, Customer, Email, Employee, Phone, Shift
from aura_migration.sandbox.clover.wire import Expansion, Renderer
from aura_migration.sandbox.clover.world import Merchant, Row

CONTACTS = {
    "addresses": "addresses",
    "emailAddresses": "email_addresses",
    "phoneNumbers": "phone_numbers",
    "cards": "cards",
}


def _customer(renderer: Renderer, row: Customer) -> Row:
    href = f"{renderer.base}/customers/{row.id}"
    out: Row = {
        "href": href,
        "id": row.id,
        "firstName": row.first,
        "lastName": row.last,
        "marketingAllowed": row.marketing,
        "customerSince": row.since,
        **row.extra,
    }
    if renderer.switches["customer_deleted_field"]:
        out["deletedTime"] = row.deleted_time
    if renderer.switches["nested_unexpanded"] == "href":
        out |= {name: {"href": f"{href}/{path}"} for name, path in (*CONTACTS.items(), ("orders", "orders"))}
    return out


def _email(_renderer: Renderer, row: Email) -> Row:
    return {"id": row.id, "emailAddress": row.text, "verifiedTime": row.verified, "primaryEmail": row.primary}


def _phone(_renderer: Renderer, row: Phone) -> Row:
    return {"id": row.id, "phoneNumber": row.text}


def _address(_renderer: Renderer, row: Address) -> Row:
    return {
        "id": row.id,
        **{f"address{number}": line for number, line in enumerate(row.lines, start=1)},
        "city": row.city,
        "state": row.state,
        "zip": row.zip,
        "country": row.country,
    }


def _card(_renderer: Renderer, row: Card) -> Row:
    return {
        "id": row.id,
        "first6": row.first6,
        "last4": row.last4,
        "firstName": row.first,
        "lastName": row.last,
        "expirationDate": row.expires,
        "cardType": row.brand,
        "token": row.token,
        "tokenType": row.token_type,
    }


def _metadata(_renderer: Renderer, row: Customer) -> Row:
    year, month, day = row.birth
    return {
        "businessName": row.business,
        "note": row.note,
        "dobYear": year,
        "dobMonth": month,
        "dobDay": day,
        "modifiedTime": row.modified,
    }


def _employee(renderer: Renderer, row: Employee) -> Row:
    cards = [{"id": card_id, "cardToken": token} for card_id, token in row.cards]
    return {
        "href": f"{renderer.base}/employees/{row.id}",
        "id": row.id,
        "name": row.name,
        "nickname": row.nickname,
        "customId": row.custom_id,
        "email": row.email,
        "inviteSent": row.invite_sent,
        "claimedTime": row.claimed,
        "deletedTime": row.deleted_time,
        "role": row.role,
        "isOwner": row.is_owner,
        "pin": row.pin,
        "unhashedPin": row.clear_pin,
        "employeeCards": {"elements": cards} if cards else None,
        "orders": renderer.href(f"employees/{row.id}/orders"),
        **row.extra,
    }


def _shift(renderer: Renderer, row: Shift) -> Row:
    worker: Row = {"id": row.employee}
    if renderer.switches["shift_employee"] == "linked":
        worker = {
            **renderer.href(f"employees/{row.employee}"),
            **worker,
            "orders": renderer.href(f"employees/{row.employee}/orders"),
        }
    return {
        "href": f"{renderer.base}/shifts/{row.id}",
        "id": row.id,
        "employee": worker,
        "cashTipsCollected": row.cash_tips,
        "serverBanking": row.server_banking,
        "inTime": row.start,
        "overrideInTime": row.override_start,
        "overrideInEmployee": {"id": row.override_start_by} if row.override_start_by else None,
        "outTime": row.end,
        "overrideOutTime": row.override_end,
        "overrideOutEmployee": {"id": row.override_end_by} if row.override_end_by else None,
        "deletedTime": row.deleted_time,
    }


def roles_of(renderer: Renderer, row: Employee) -> list[Row]:
    """The merchant's roles an employee has."""
    return [renderer.merchant.roles[role] for role in row.roles if role in renderer.merchant.roles]


def _with_role(renderer: Renderer, role: Row) -> list[Employee]:
    return [one for one in renderer.merchant.people.employees.values() if role["id"] in one.roles]


def _staff(renderer: Renderer, _row: Any) -> list[Employee]:
    return list(reversed(renderer.merchant.people.employees.values()))


def _shifts(renderer: Renderer, row: Employee) -> list[Shift]:
    return renderer.merchant.people.shifts_of(row.id)[::-1]


def _who(attribute: str) -> Callable[[Renderer, Shift], Employee | None]:
    def find(renderer: Renderer, row: Shift) -> Employee | None:
        found = renderer.merchant.people.employees.get(getattr(row, attribute) or "")
        hidden = found is not None and found.deleted and renderer.switches["expand_deleted_employee"] == "reference"
        return None if hidden else found

    return find


def _nothing(_renderer: Renderer, _row: Any) -> list[Any]:
    return []


FORMS: dict[str, Callable[[Renderer, Any], Row]] = {
    "customer": _customer,
    "customer_alone": _customer,
    "email": _email,
    "phone": _phone,
    "customer_address": _address,
    "customer_card": _card,
    "customer_metadata": _metadata,
    "employee": _employee,
    "shift": _shift,
}
_CUSTOMER = {
    "addresses": Expansion("customer_address", lambda _renderer, row: row.addresses),
    "emailAddresses": Expansion("email", lambda _renderer, row: row.emails),
    "phoneNumbers": Expansion("phone", lambda _renderer, row: row.phones),
    "cards": Expansion("customer_card", lambda _renderer, row: row.cards),
    "metadata": Expansion("customer_metadata", lambda _renderer, row: row if row.has_metadata else None, many=False),
}
EXPANSIONS: dict[str, dict[str, Expansion]] = {
    "customer": _CUSTOMER,
    "customer_alone": {**_CUSTOMER, "orders": Expansion("plain", _nothing, permission="ORDERS_R")},
    "employee": {"roles": Expansion("role", roles_of), "shifts": Expansion("shift", _shifts)},
    "role": {"employees": Expansion("employee", _with_role)},
    "shift": {
        "employee": Expansion("employee", _who("employee"), many=False),
        "overrideInEmployee": Expansion("employee", _who("override_start_by"), many=False),
        "overrideOutEmployee": Expansion("employee", _who("override_end_by"), many=False),
    },
}
MERCHANT_EXPANSIONS = {
    "owner": Expansion("employee", lambda renderer, _row: renderer.merchant.owner, False, "EMPLOYEES_R"),
    "employees": Expansion("employee", _staff, True, "EMPLOYEES_R"),
    "shifts": Expansion(
        "shift", lambda renderer, _row: list(reversed(renderer.merchant.people.shifts.values())), True, "EMPLOYEES_R"
    ),
}

# -- the two CSV lists -----------------------------------------------------------------------------------------------

CUSTOMER_COLUMNS = [
    "Customer ID",
    "First Name",
    "Last Name",
    "Address Line 1",
    "Address Line 2",
    "Address Line 3",
    "City",
    "State / Province",
    "Postal / Zip Code",
    "Country",
    "Phone Number",
    "Email Address",
    "Additional Addresses",
    "Marketing Allowed",
    "Customer Since",
]
SHIFT_COLUMNS = [
    "Shift ID",
    "Employee ID",
    "Employee Name",
    "Clock In",
    "Clock Out",
    "Override Clock In",
    "Override Clock Out",
    "Cash Tips",
    "Server Banking",
]
LINES_A_CHUNK = 500


def customers_csv(rows: Iterable[Customer]) -> Iterator[bytes]:
    """`/customers.csv`: one line a customer, its first address, phone and e-mail."""
    return _lines(CUSTOMER_COLUMNS, (_customer_line(row) for row in rows))


def _customer_line(row: Customer) -> list[Any]:
    address = row.addresses[0] if row.addresses else Address("")
    return [
        row.id,
        row.first,
        row.last,
        *address.lines,
        address.city,
        address.state,
        address.zip,
        address.country,
        row.phones[0].text if row.phones else None,
        row.emails[0].text if row.emails else None,
        max(0, len(row.addresses) - 1) or None,
        {True: "Yes", False: "No", None: None}[row.marketing],
        moment(row.since),
    ]


def shifts_csv(merchant: Merchant, rows: Iterable[Shift]) -> Iterator[bytes]:
    """`/shifts.csv`: one line a shift, times in UTC, tips in dollars."""
    staff = merchant.people.employees
    return _lines(
        SHIFT_COLUMNS,
        (
            [
                row.id,
                row.employee,
                staff[row.employee].name if row.employee in staff else None,
                *map(moment, (row.start, row.end, row.override_start, row.override_end)),
                None if row.cash_tips is None else f"{row.cash_tips // 100}.{row.cash_tips % 100:02d}",
                {True: "Yes", False: "No", None: None}[row.server_banking],
            ]
            for row in rows
        ),
    )


def moment(stamp: int | None) -> str | None:
    """A stamp as RFC 3339 in UTC, to the millisecond."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{stamp % 1000:03d}Z"


CSV: dict[str, Callable[[Merchant, Iterable[Any]], Iterator[bytes]]] = {
    "customers": lambda _merchant, rows: customers_csv(rows),
    "shifts": shifts_csv,
}


def _lines(columns: list[str], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        writer.writerow(["" if value is None else value for value in row])
        if number % LINES_A_CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
