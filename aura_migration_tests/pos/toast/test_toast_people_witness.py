"""Toast's people witness clause by clause, against answers written by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from aura_migration.pos.people_facts import CustomerFact, StaffFact, TimecardFact, WageFact, contact_key
from aura_migration.pos.toast.people_witness import people_facts

HERE = "11111111-0000-4000-8000-000000000001"
PATHS = {
    "guests": "/orders/v2/ordersBulk",
    "employees": "/labor/v1/employees",
    "jobs": "/labor/v1/jobs",
    "time_entries": "/labor/v1/timeEntries",
}


class InMemory:
    """A snapshot made of documents, where a SnapshotReader is expected."""

    def __init__(self, **documents: list[Any]) -> None:
        self._documents = documents

    def entities(self) -> tuple[str, ...]:
        """Source entities there are bodies of."""
        return tuple(self._documents)

    def bodies(self, entity: str) -> Any:
        """Bodies of that entity, in the order given."""
        told = self._documents[entity]
        return (SimpleNamespace(data=json.dumps(one).encode(), path=PATHS[entity]) for one in told)


def said(currency: str = "USD", **documents: list[Any]) -> list[Any]:
    reader: Any = InMemory(**documents)
    return list(people_facts(reader, HERE, currency))


def check(modified: str, **customer: Any) -> dict[str, Any]:
    full = {"guid": None, "firstName": None, "lastName": None, "phone": None, "email": None, **customer}
    return {"guid": "c", "deleted": False, "modifiedDate": f"2026-01-{modified}T12:00:00.000+0000", "customer": full}


def order(*checks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"guid": "o", "deleted": False, "checks": list(checks), **more}


def test_a_guest_is_told_once_as_the_check_changed_last_tells() -> None:
    orders = [
        order(check("05", guid="G1", firstName="Mira", phone="5055550142", phoneCountryCode="1")),
        order(check("09", guid="G1", firstName="Mira", lastName="Olsson", email="Mira@Example.org")),
        order(check("07", guid="G1", firstName="Old")),
    ]
    assert said(guests=[orders]) == [CustomerFact("G1", "Mira", "Olsson", "Mira@Example.org")]


def test_a_guest_without_a_guid_is_the_address_in_lower_case_else_the_number() -> None:
    orders = [
        order(check("01", firstName="Bo", email=" Bo@Example.ORG")),
        order(check("02", phone="(505) 555-0142", phoneCountryCode="1")),
    ]
    assert said(guests=[orders]) == [
        CustomerFact(contact_key("bo@example.org"), "Bo", None, " Bo@Example.ORG"),
        CustomerFact(contact_key("(505) 555-0142"), phone="(505) 555-0142", calling_code="1"),
    ]


def test_a_guest_of_whom_nothing_is_told_and_deleted_orders_give_no_fact() -> None:
    orders = [
        order(check("01", guid="G1")),
        order(check("01", guid="G2", firstName="Gone"), deleted=True),
        order({**check("01", guid="G3", firstName="Merged"), "deleted": True}),
        order({"guid": "c", "customer": None}),
    ]
    assert said(guests=[orders]) == []


def test_a_wage_is_the_persons_own_else_the_jobs_and_a_salary_is_no_hourly_rate() -> None:
    jobs = [
        {"guid": "J1", "title": "Server", "wageFrequency": "HOURLY", "defaultWage": 9.5},
        {"guid": "J2", "title": "Chef", "wageFrequency": "SALARY", "defaultWage": 52000},
        {"guid": "J3", "title": "Host", "wageFrequency": "HOURLY", "defaultWage": None},
    ]
    people = [
        {
            "guid": "E1",
            "firstName": "Ann",
            "lastName": "Lee",
            "jobReferences": [{"guid": "J1"}, {"guid": "J2"}, {"guid": "J3"}, {"guid": "not there"}],
            "wageOverrides": [{"jobReference": {"guid": "J1"}, "wage": 11.25}],
            "deleted": False,
        },
        {"guid": "E2", "firstName": "Robert", "chosenName": "Bo", "lastName": "Li", "deleted": True},
        {"guid": "E3", "firstName": "Cy", "deleted": False, "disabled": True},
    ]
    assert said(jobs=[jobs], employees=[people]) == [
        StaffFact(f"{HERE}/E1", "Ann Lee", True),
        WageFact(f"{HERE}/E1", "Server", 1125),
        WageFact(f"{HERE}/E1", "Chef", None),
        WageFact(f"{HERE}/E1", "Host", None),
        StaffFact(f"{HERE}/E2", "Bo Li", False),
        StaffFact(f"{HERE}/E3", "Cy", False),
    ]


def test_hours_count_in_effective_times_with_unpaid_breaks_that_were_taken() -> None:
    entry = {
        "guid": "T1",
        "employeeReference": {"guid": "E1"},
        "inDate": "2026-01-05T16:00:00.000+0000",
        "outDate": "2026-01-06T00:30:00.500+0000",
        "declaredCashTips": 18.05,
        "breaks": [
            {
                "paid": False,
                "missed": False,
                "inDate": "2026-01-05T19:00:00.000Z",
                "outDate": "2026-01-05T19:30:59.000Z",
            },
            {
                "paid": True,
                "missed": False,
                "inDate": "2026-01-05T20:00:00.000Z",
                "outDate": "2026-01-05T20:10:00.000Z",
            },
            {"paid": False, "missed": True, "inDate": None, "outDate": None},
        ],
        "deleted": False,
    }
    still_in = {"guid": "T2", "employeeReference": None, "inDate": "2026-01-05T16:00:00.000+0000", "outDate": None}
    gone = {**entry, "guid": "T3", "deleted": True}
    assert said(time_entries=[[entry, still_in, gone], [entry]]) == [
        TimecardFact(f"{HERE}/T1", f"{HERE}/E1", 1767628800000, 1767659400500, 1805, 30),
        TimecardFact(f"{HERE}/T2", None, 1767628800000, None, None, 0),
    ]


def test_amounts_are_exact_in_a_currency_without_cents() -> None:
    entry = {"guid": "T1", "inDate": "2026-01-05T16:00:00.000+0000", "outDate": None, "declaredCashTips": 1800}
    assert [fact.tips_cents for fact in said("JPY", time_entries=[[entry]])] == [1800]
