"""Rows of Toast's guests and staff from bodies written by hand: each peculiarity of the documentation by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aura_migration.archive.redaction import redact, reveal_body
from aura_migration.archive.snapshot import Certificate, StoredBody
from aura_migration.canonical.model import Batch, Row
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast import CONNECTOR
from aura_migration_tests.support.ciphers import MemoryCipher, PlainSeals

SITE = SourceLocation("R1", "Café", "America/Chicago", "USD", "04:00", address={"country": "US"})
NEVER = "1970-01-01T00:00:00.000+0000"


class Handmade:
    """A snapshot written by hand: stored as the recorder stores, revealed as the reader reveals."""

    def __init__(self, lists: Mapping[str, Any]) -> None:
        self.cipher = MemoryCipher()
        self.stored: dict[str, list[StoredBody]] = {}
        for name, pages in lists.items():
            entity, _, window = name.partition("|")
            for page in pages if entity == "orders" else [pages]:
                data = redact(json.dumps(page).encode(), entity, CONNECTOR.redaction, 1, self.cipher)
                body = StoredBody(entity, data, "GET", f"/{entity}", None, None, 1, window, len(page), "", len(data))
                self.stored.setdefault(entity, []).append(body)

    def bodies(self, entity: str) -> Any:
        return iter(self.stored.get(entity, []))

    def revealed(self, body: StoredBody) -> bytes:
        return reveal_body(body.data, 1, self.cipher)

    def certificate(self, entity: str) -> Certificate:
        return Certificate(entity, "complete", 1, 1, 1)


def people(lists: Mapping[str, Any]) -> Batch:
    whole = Batch()
    reader: Any = Handmade(lists)
    for part in CONNECTOR.map_people(reader, SITE, PlainSeals()):
        whole.rows += part.rows
        whole.rejected += part.rejected
        whole.losses += part.losses
    return whole


def rows(batch: Batch, entity: str) -> dict[str, Row]:
    return {row.key: row for row in batch.rows if row.entity == entity}


def order(number: int, *customers: Any, day: int = 1, **more: Any) -> dict[str, Any]:
    """An order of the given day of March with one check per guest."""
    at = f"2026-03-{day:02d}T18:00:00.000+0000"
    checks = [{"guid": f"c{number}-{n}", "modifiedDate": at, "customer": one} for n, one in enumerate(customers)]
    base = {"guid": f"o{number}", "openedDate": at, "modifiedDate": at, "source": "Online", "deletedDate": NEVER}
    return {**base, "checks": checks, **more}


def guest(**fields: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("guid", "firstName", "lastName", "phone", "phoneCountryCode", "email"))
    return {**blank, "entityType": "Customer", **fields}


def test_a_guest_without_a_guid_is_who_has_the_e_mail_address_in_any_case() -> None:
    batch = people({"orders": [[order(1, guest(firstName="Ana", email="Ana@X.test"), day=1)],
                               [order(2, guest(firstName="Anna", email=" ana@x.TEST "), day=2)]]})  # fmt: skip
    (key,) = rows(batch, "customers")
    assert key == f"g-{PlainSeals().person('ana@x.test')}"
    values = rows(batch, "customers")[key].values
    assert (values["first_name"], values["email"], values["external_id"]) == ("Anna", " ana@x.TEST ", key)
    assert values["acquisition_date"] == "2026-03-01T18:00:00+00:00"


def test_a_guest_without_guid_and_e_mail_is_who_has_the_phone_number_in_any_notation() -> None:
    notations = ("(312) 555-0177", "312.555.0177", "+1 312 555 0177")
    batch = people({"orders": [[order(n, guest(firstName="Bo", phone=p)) for n, p in enumerate(notations)]]})
    assert list(rows(batch, "customers")) == [f"g-{PlainSeals().person('+13125550177')}"]


def test_a_calling_code_of_another_country_is_part_of_the_number() -> None:
    abroad = guest(guid="C1", firstName="Kim", phone="020 7946 0123", phoneCountryCode="44")
    home = guest(guid="C2", firstName="Lea", phone="312.555.0177", phoneCountryCode="1")
    found = rows(people({"orders": [[order(1, abroad), order(2, home)]]}), "customers")
    assert [row.values["phone"] for row in found.values()] == ["+44 020 7946 0123", "312.555.0177"]


def test_the_newest_order_tells_the_name_wherever_it_was_read() -> None:
    newer = order(1, guest(guid="C1", firstName="After"), day=20)
    older = order(2, guest(guid="C1", firstName="Before"), day=2, source="In Store")
    row = rows(people({"orders": [[newer], [older]]}), "customers")["C1"]
    assert row.values["first_name"] == "After"
    assert (row.values["acquisition_source"], row.record) == ("In Store", "orders#o1")


def test_deleted_orders_and_checks_tell_of_nobody_and_voided_ones_do() -> None:
    gone = order(1, guest(guid="C1", firstName="Gone"), deleted=True)
    half = order(2, guest(guid="C2", firstName="Half"), guest(guid="C3", firstName="There"), voided=True)
    half["checks"][0]["deleted"] = True
    assert list(rows(people({"orders": [[gone, half]]}), "customers")) == ["C3"]


def test_who_is_known_by_an_id_or_by_a_name_alone_is_counted_and_not_kept() -> None:
    page = [
        order(1, guest(guid="C1")),
        order(2, guest(guid="C1")),
        order(3, guest(firstName="Someone")),
        order(4, None),
    ]
    batch = people({"orders": [page]})
    assert rows(batch, "customers") == {}
    assert [(loss.field, loss.records, loss.examples) for loss in batch.losses] == [
        ("customer", 1, ("C1",)),
        ("customer.guid", 1, ("o3",)),
    ]
    assert "Someone" not in repr(batch)


def test_each_address_is_kept_once_and_the_last_one_delivered_to_is_the_default() -> None:
    def to(street: str, notes: str | None = None) -> dict[str, Any]:
        return {
            "address1": street,
            "city": "Duluth",
            "state": "MN",
            "zipCode": "55802",
            "country": "US",
            "notes": notes,
        }

    one = guest(guid="C1", firstName="Ana")
    page = [
        order(1, one, day=3, deliveryInfo=to("1 New Place", "ring twice")),
        order(2, one, day=1, deliveryInfo=to("9 Old Road")),
        order(3, one, day=2, deliveryInfo=to(" 1 NEW  place ")),
        order(4, one, day=5),
    ]
    found = rows(people({"orders": [page]}), "customer_addresses")
    assert {(row.values["address_line1"], row.values["is_default"]) for row in found.values()} == {
        ("1 New Place", True),
        ("9 Old Road", False),
    }
    assert {row.values["delivery_instructions"] for row in found.values()} == {"ring twice", None}
    assert all("new" not in key.casefold() for key in found)


def test_of_a_split_order_the_first_guest_has_the_address() -> None:
    place = {"address1": "1 Main St", "city": "Duluth", "notes": "gate code 4711"}
    page = [order(1, None, guest(guid="C1", firstName="A"), guest(guid="C2", firstName="B"), deliveryInfo=place)]
    batch = people({"orders": [page]})
    assert list(rows(batch, "customers")) == ["C1", "C2"]
    (address,) = rows(batch, "customer_addresses").values()
    assert address.values["customer_key"] == "C1"
    assert address.values["delivery_instructions"] == "[removed]"


def test_all_texts_of_an_order_are_the_guests_and_go_with_the_guests_key() -> None:
    told = order(1, None, guest(guid=None, firstName="Ana", email="Ana@x.test", phone="312 555 0177"))
    told["deliveryInfo"] = {"address1": "1 Main St", "latitude": 46.1, "notes": "blue door"}
    told["checks"][1]["tabName"] = "Ana's tab"
    told["checks"][1]["payments"] = [{"guid": "P", "last4Digits": "4242", "first6Digits": "411111", "amount": 5.0}]
    body = json.dumps([told]).encode()
    cipher = MemoryCipher()
    stored = redact(body, "orders", CONNECTOR.redaction, 1, cipher)
    for text in (b"Ana", b"0177", b"Main St", b"46.1", b"blue", b"4242", b"411111"):
        assert text not in stored
    assert json.loads(stored)[0]["checks"][1]["payments"] == [{"guid": "P", "amount": 5.0}]
    cipher.erase(1, 'value:"ana@x.test"')
    after = json.loads(reveal_body(stored, 1, cipher))[0]
    assert after["deliveryInfo"] == {"address1": None, "latitude": None, "notes": None}
    assert after["checks"][1]["tabName"] is None
    assert {after["checks"][1]["customer"][name] for name in ("firstName", "email", "phone")} == {None}


def test_an_order_of_a_guest_with_a_guid_is_sealed_with_the_guid() -> None:
    told = order(1, guest(guid="C1", firstName="Ana", email="a@x.test"), deliveryInfo={"address1": "1 Main St"})
    cipher = MemoryCipher()
    stored = redact(json.dumps([told]).encode(), "orders", CONNECTOR.redaction, 1, cipher)
    cipher.erase(1, "C1")
    after = json.loads(reveal_body(stored, 1, cipher))[0]
    assert after["deliveryInfo"]["address1"] is None
    assert after["checks"][0]["customer"]["email"] is None
    assert after["checks"][0]["customer"]["guid"] == "C1"


# -- staff -------------------------------------------------------------------------------------------------------------


def job(guid: str, title: str | None = "Server", frequency: str = "HOURLY", wage: Any = 11.08, **more: Any) -> Any:
    return {"guid": guid, "title": title, "wageFrequency": frequency, "defaultWage": wage, "tipped": True, **more}


def employee(guid: str, *jobs: str, **more: Any) -> dict[str, Any]:
    held = [{"guid": one, "entityType": "RestaurantJob"} for one in jobs]
    return {"guid": guid, "firstName": "Ana", "lastName": "Lima", "jobReferences": held, "deletedDate": NEVER, **more}


def test_an_own_wage_counts_else_the_jobs_and_a_wage_of_nothing_is_a_wage() -> None:
    wages = [{"jobReference": {"guid": "J1"}, "wage": 12.25}, {"jobReference": {"guid": "J2"}, "wage": 0}]
    batch = people({
        "jobs": [job("J1"), job("J2", "Cook"), job("J3", "Host", wage=None), job("J4", "Chef", "SALARY", 65000)],
        "employees": [employee("E1", "J1", "J2", "J3", "J4", wageOverrides=wages), employee("E2", "J1")],
    })  # fmt: skip
    found = {key: (r.values["title"], r.values["pay_type"], r.values.get("hourly_rate_cents"), r.values["is_primary"])
             for key, r in rows(batch, "staff_jobs").items()}  # fmt: skip
    assert found == {
        "R1/E1/job/J1": ("Server", "hourly", 1225, True),
        "R1/E1/job/J2": ("Cook", "hourly", 0, False),
        "R1/E1/job/J3": ("Host", "hourly", None, False),
        "R1/E1/job/J4": ("Chef", "salary", None, False),
        "R1/E2/job/J1": ("Server", "hourly", 1108, True),
    }
    assert rows(batch, "staff_jobs")["R1/E1/job/J4"].values["annual_salary_cents"] == 6_500_000
    assert [loss.field for loss in batch.losses] == ["wage"]


def test_a_wage_finer_than_a_cent_waits_in_quarantine_and_is_never_rounded() -> None:
    batch = people({"jobs": [job("J1")], "employees": [
        employee("E1", "J1", wageOverrides=[{"jobReference": {"guid": "J1"}, "wage": 12.255}])]})  # fmt: skip
    assert [(one.entity, one.key) for one in batch.rejected] == [("staff_jobs", "R1/E1/job/J1")]
    assert batch.rejected[0].values["staff_key"] == "R1/E1"
    assert "12.255" not in repr(batch.rejected)


@pytest.mark.parametrize(
    ("flags", "status", "end"),
    [
        ({}, "active", None),
        ({"deleted": True, "deletedDate": "2026-02-11T05:00:00.000+0000"}, "terminated", "2026-02-10"),
        ({"deleted": True}, "terminated", None),
        ({"disabled": True}, "terminated", None),
    ],
)
def test_who_was_deleted_or_disabled_no_longer_works_here(flags: dict[str, Any], status: str, end: str | None) -> None:
    batch = people({"employees": [employee("E1", **flags)]})
    values = rows(batch, "staff")["R1/E1"].values
    assert (values["status"], values["end_date"], values["is_active"]) == (status, end, status == "active")
    assert rows(batch, "staff_locations")["R1/E1"].values["is_active"] == (status == "active")


def test_the_chosen_name_is_the_first_name_and_what_has_no_home_is_counted_without_values() -> None:
    batch = people({
        "jobs": [job("J1")],
        "employees": [employee("E1", "J1", "GONE", chosenName="Nan", externalEmployeeId="p-17", v2EmployeeGuid="V",
                               wageOverrides=[{"jobReference": {"guid": "J9"}, "wage": 9}])],
    })  # fmt: skip
    values = rows(batch, "staff")["R1/E1"].values
    assert (values["name"], values["first_name"], values["employee_code"]) == ("Nan Lima", "Nan", "p-17")
    assert [(loss.field, loss.records, loss.examples) for loss in batch.losses] == [
        ("firstName", 1, ("E1",)),
        ("jobReferences", 1, ("E1",)),
        ("v2EmployeeGuid", 1, ("E1",)),
        ("wageOverrides", 1, ("E1",)),
    ]


def test_jobs_without_a_title_and_employees_without_a_name_are_rejected_with_a_reason() -> None:
    batch = people({"jobs": [job("J1", None)], "employees": [employee("E1", firstName=None, lastName=" ")]})
    assert [(one.key, one.reason) for one in batch.rejected] == [
        ("R1/J1", "the job has no title"),
        ("R1/E1", "the employee has no name"),
    ]


def entry(guid: str, **more: Any) -> dict[str, Any]:
    base = {"guid": guid, "inDate": "2026-03-02T02:30:00.000+0000", "outDate": None, "businessDate": "20260301"}
    return {**base, "employeeReference": {"guid": "E1"}, "deleted": False, **more}


@pytest.mark.parametrize("shift", ["S1", {"guid": "S1", "entityType": "ScheduledShift"}])
def test_a_time_entry_keeps_its_hours_exactly_and_its_shift_in_either_form(shift: Any) -> None:
    said = entry("T1", outDate="2026-03-02T08:00:00.000Z", regularHours=5.25, overtimeHours=0.0, hourlyWage=11.08,
                 declaredCashTips=41.5, cashSales=120.5, nonCashTips=0, nonCashTipsRoundingLoss=0.004,
                 shiftReference=shift, autoClockedOut=True)  # fmt: skip
    values = rows(people({"employees": [employee("E1")], "time_entries": [said]}), "timecards")["R1/T1"].values
    assert (values["check_in"], values["check_out"]) == ("2026-03-02T02:30:00+00:00", "2026-03-02T08:00:00+00:00")
    assert (values["business_date"], values["status"], values["is_auto_closed"]) == ("2026-03-01", "checked_out", True)
    assert (values["regular_hours"], values["overtime_hours"]) == ("5.25", "0.0")
    assert (values["declared_tips_cents"], values["hourly_rate_cents"]) == (4150, 1108)
    assert values["details"] == {
        "cash_sales_cents": 12050, "non_cash_tips_rounding_loss": "0.004", "scheduled_shift": "S1"
    }  # fmt: skip


def test_time_of_somebody_not_listed_is_kept_without_a_person_and_the_business_date_can_be_worked_out() -> None:
    lists = {"employees": [employee("E2")], "time_entries": [entry("T1", businessDate=None)]}
    values = rows(people(lists), "timecards")["R1/T1"].values
    assert (values["staff_key"], values["details"]) == (None, {"former_employee": "E1"})
    unread = rows(people({"time_entries": [entry("T1")]}), "timecards")["R1/T1"].values
    assert unread["details"] == {"employee": "E1"}
    assert (values["business_date"], values["status"]) == ("2026-03-01", "checked_in")


def test_time_that_cannot_be_is_rejected_and_deleted_time_is_counted() -> None:
    batch = people({"time_entries": [
        entry("T1", inDate=None), entry("T2", outDate="2026-03-01T00:00:00.000+0000"), entry("T3", hourlyWage=1.001),
        entry("T4", deleted=True), entry("T5", outDate="soon")]})  # fmt: skip
    assert [(one.key, one.reason) for one in batch.rejected] == [
        ("R1/T1", "the time entry has no clock-in that could be read"),
        ("R1/T2", "the time entry ends before it begins"),
        ("R1/T3", "a wage or the declared tips are no amount of money"),
        ("R1/T5", "the clock-out of the time entry cannot be read"),
    ]
    assert rows(batch, "timecards") == {}
    assert [(loss.field, loss.records) for loss in batch.losses] == [("deleted", 1)]


def test_breaks_have_the_names_of_the_configuration_and_say_what_was_paid_or_missed() -> None:
    rests = [
        {"breakType": {"guid": "B1"}, "paid": False, "missed": False, "waived": True,
         "inDate": "2026-03-02T04:00:00.000+0000", "outDate": "2026-03-02T04:30:00.000+0000"},
        {"breakType": None, "paid": True, "missed": True, "inDate": None, "outDate": None, "auditResponse": "too busy"},
    ]  # fmt: skip
    batch = people({"config|breakTypes": [{"guid": "B1", "name": "Meal"}], "time_entries": [entry("T1", breaks=rests)]})
    values = rows(batch, "timecards")["R1/T1"].values
    assert values["breaks"] == [
        {"name": "Meal", "start": "2026-03-02T04:00:00+00:00", "end": "2026-03-02T04:30:00+00:00",
         "is_paid": False, "is_missed": False},
        {"name": None, "start": None, "end": None, "is_paid": True, "is_missed": True},
    ]  # fmt: skip
    assert values["details"]["waived_breaks"] == 1
    assert [loss.field for loss in batch.losses] == ["breaks[].auditResponse"]
