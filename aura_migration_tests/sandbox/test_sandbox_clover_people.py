"""Customers, staff and shifts of the Clover sandbox over real HTTP: filters, cuts, permissions, secrets, edits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

QUIET = {"limits": "off", "latency_seconds": 0.0}
Row = dict[str, Any]


class Place:
    """One merchant of a running sandbox, with its token."""

    def __init__(self, client: httpx.Client, variant: str | None = None) -> None:
        self.http = client
        found = client.get("/_control/credentials").json()
        self.document = found["default"] if variant is None else found["variants"][variant]
        client.headers["authorization"] = f"Bearer {self.document['access_token']}"

    def get(self, path: str, *params: tuple[str, Any], **more: Any) -> httpx.Response:
        return self.http.get(f"/v3/merchants/{self.document['merchant_id']}/{path}", params=[*params, *more.items()])

    def rows(self, path: str, *params: tuple[str, Any], **more: Any) -> list[Row]:
        answer = self.get(path, *params, **{"limit": 1000, **more})
        assert answer.status_code == 200, answer.text
        rows: list[Row] = answer.json()["elements"]
        return rows

    def truth(self) -> Row:
        found: Row = self.http.get("/_control/truth").json()
        return found

    def noted(self, what: str) -> list[str]:
        return [one for note in self.truth()["notes"] if note["what"] == what for one in note["ids"]]

    def switch(self, **values: Any) -> None:
        assert self.http.post("/_control/switches", json=values).status_code == 200

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("clover", "diner", now="2026-10-01T09:00:00Z", switches=QUIET) as running:
        yield running


@pytest.fixture
def diner(sandbox: RunningSandbox) -> Iterator[Place]:
    before = dict(sandbox.pos_app.switches)
    with httpx.Client(base_url=sandbox.base_url) as client:
        yield Place(client)
    sandbox.pos_app.switches.update(before)


@pytest.fixture
def cafe() -> Iterator[Place]:
    with (
        serve("clover", "cafe", now="2026-10-01T09:00:00Z", switches=QUIET) as running,
        httpx.Client(base_url=running.base_url) as client,
    ):
        yield Place(client)


def test_customers_filter_by_flat_names_and_say_which(diner: Place) -> None:
    answer = diner.get("customers", filter="emailAddress=olsson.family@example.com")
    assert {row["lastName"] for row in answer.json()["elements"]} == {"Olsson"}
    assert len(answer.json()["elements"]) == 4
    assert answer.headers["X-Clover-Allowed-Filter-Fields"].split(",") == [
        *("customerSince", "firstName", "lastName", "fullName", "emailAddress", "phoneNumber", "marketingAllowed"),
        *("id", "deletedTime"),
    ]
    wrong = diner.get("customers", filter="modifiedTime>0")
    assert (wrong.status_code, wrong.json()["details"]) == (400, "modifiedTime")
    johns = diner.rows("customers", filter="fullName=John Smith", expand="phoneNumbers")
    assert len(johns) == 2
    [number] = johns[1]["phoneNumbers"]["elements"]
    assert diner.rows("customers", filter=f"phoneNumber={number['phoneNumber']}")
    agreed = diner.rows("customers", ("filter", "marketingAllowed=true"), ("filter", "lastName=Olsson"))
    assert [row["firstName"] for row in agreed] == ["Karin"]
    both = [row["id"] for row in johns]
    quoted = ",".join(f"'{one}'" for one in both)
    assert ids(diner.rows("customers", filter=f"id in ({quoted})")) == both


def test_customers_come_newest_first_and_page_by_customer_since(diner: Place) -> None:
    rows = [row for row in diner.rows("customers") if "customerSince" in row]
    stamps = [row["customerSince"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    low, high = stamps[200], stamps[100]
    window = (("filter", f"customerSince>={low}"), ("filter", f"customerSince<{high}"))
    found = diner.rows("customers", *window, orderBy="customerSince ASC")
    assert ids(found) == ids([row for row in rows if low <= row["customerSince"] < high])[::-1]
    pages = [diner.rows("customers", limit=100, offset=offset) for offset in (0, 100, 200, 300)]
    assert ids([row for page in pages for row in page]) == ids(diner.rows("customers"))


def test_contacts_come_only_when_expanded_and_a_nested_list_is_cut(diner: Place) -> None:
    [office] = diner.noted("customer_over_100_addresses")
    plain = diner.get(f"customers/{office}").json()
    assert not {"addresses", "emailAddresses", "metadata", "cards", "deletedTime", "firstName"} & set(plain)
    assert plain["href"].endswith(f"/customers/{office}")
    full = diner.get(f"customers/{office}", expand="addresses,metadata,orders,nonsense").json()
    assert len(full["addresses"]["elements"]) == 100
    assert full["metadata"]["businessName"] == "Valley Title & Escrow"
    assert full["orders"] == {"elements": []}
    assert len(diner.rows(f"customers/{office}/addresses")) == 112
    first = full["addresses"]["elements"][0]
    assert diner.get(f"customers/{office}/addresses/{first['id']}").json() == first
    assert diner.get(f"customers/{office}/metadata").json() == full["metadata"]
    assert "orders" not in diner.rows("customers", filter=f"id={office}", expand="orders")[0]
    diner.switch(customer_contact_lists=False, nested_unexpanded="href")
    assert diner.get(f"customers/{office}/addresses").status_code == 405
    assert set(diner.get(f"customers/{office}").json()["emailAddresses"]) == {"href"}


def test_deleted_customers_and_staff_are_seen_the_way_the_switch_says(diner: Place) -> None:
    gone = {row["id"] for row in diner.truth()["gone_customers"]}
    left = set(diner.noted("employee_deleted"))
    for path, deleted, switch in (("customers", gone, "deleted_customers"), ("employees", left, "deleted_employees")):
        assert not deleted & set(ids(diner.rows(path)))
        assert set(ids(diner.rows(path, filter="deletedTime>0"))) == deleted
        assert diner.get(f"{path}/{min(deleted)}").status_code == 404
        diner.switch(**{switch: "listed"})
        assert deleted < set(ids(diner.rows(path)))
        diner.switch(**{switch: "never"})
        assert diner.rows(path, filter="deletedTime>0") == []
    diner.switch(deleted_customers="on_filter", customer_deleted_field=True)
    assert all("deletedTime" in row for row in diner.rows("customers", filter="deletedTime>0"))


@pytest.mark.parametrize(
    ("variant", "denied", "granted"),
    [
        ("no_customers", ["customers", "customers.csv"], "employees"),
        ("no_employees", ["employees", "shifts"], "customers"),
    ],
)
def test_a_missing_permission_answers_like_a_bad_token(
    sandbox: RunningSandbox, variant: str, denied: list[str], granted: str
) -> None:
    with httpx.Client(base_url=sandbox.base_url) as client:
        place = Place(client, variant)
        for path in denied:
            assert (place.get(path).status_code, place.get(path).json()) == (401, {"message": "401 Unauthorized"})
        assert place.get(granted).status_code == 200
        shown = place.get("", expand="employees,shifts,tenders").json()
        assert ("elements" in shown.get("shifts", {})) == (granted == "employees")
        assert "elements" in shown["tenders"]


def test_secrets_of_staff_and_customers_stand_where_the_api_puts_them(diner: Place) -> None:
    truth = diner.truth()
    staff = [*diner.rows("employees"), *diner.rows("employees", filter="deletedTime>0")]
    customers = [
        *diner.rows("customers", expand="cards,metadata"),
        *diner.rows("customers", filter="deletedTime>0", expand="cards"),
    ]
    sent = [row[name] for row in staff for name in ("pin", "unhashedPin")]
    sent += [card["cardToken"] for row in staff for card in row.get("employeeCards", {"elements": []})["elements"]]
    cards = [card for row in customers for card in row["cards"]["elements"]]
    sent += [card["token"] for card in cards]
    assert len(staff) == 14
    assert len(cards) > 25
    assert set(sent) <= set(truth["secrets"])
    numbers = {row["number"] for row in truth["export_gift_cards"]}
    notes = json.dumps([row.get("metadata") for row in customers])
    settings = json.dumps([diner.get(path).json() for path in ("properties", "devices")])
    rest = set(truth["secrets"]) - set(sent) - numbers
    assert all(secret in notes or secret in settings for secret in rest)
    told = {(row["id"], row["first6"], row["last4"]) for row in truth["cards_on_file"]}
    assert told <= {(card["id"], card["first6"], card["last4"]) for card in cards}


def test_shifts_filter_by_snake_case_names_and_count_what_a_manager_wrote(diner: Place) -> None:
    by_hand, forgot, late = (
        diner.noted(what)[0] for what in ("shift_written_by_hand", "shift_end_overridden", "shift_start_overridden")
    )
    assert ids(diner.rows("shifts", filter="has_in_time=false")) == [by_hand]
    row = diner.get(f"shifts/{forgot}").json()
    assert row["overrideOutTime"] < row["outTime"]
    exact = diner.rows("shifts", filter=f"out_and_override_time={row['overrideOutTime']}")
    assert forgot in ids(exact)
    assert forgot in ids(diner.rows("shifts", filter=f"out_time={row['outTime']}"))
    assert forgot not in ids(diner.rows("shifts", filter=f"out_and_override_time={row['outTime']}"))
    diner.switch(in_and_override_time="either")
    assert forgot in ids(diner.rows("shifts", filter=f"out_and_override_time={row['outTime']}"))
    assert diner.get("shifts", filter="inTime>0").status_code == 400
    corrected = diner.get(f"shifts/{late}", expand="employee,overrideInEmployee").json()
    assert corrected["employee"]["name"] == "Ana Lima"
    assert set(corrected["overrideInEmployee"]) == {"id"}  # whoever wrote it has left
    [nobody] = diner.noted("shift_of_unknown_employee")
    assert set(diner.get(f"shifts/{nobody}", expand="employee").json()["employee"]) == {"id"}
    [mistake] = diner.noted("shift_deleted")
    assert mistake not in ids(diner.rows("shifts"))
    assert ids(diner.rows("shifts", filter="deletedTime>0")) == [mistake]
    banked = diner.rows("shifts", filter="server_banking=true")
    assert banked
    assert all(one["serverBanking"] for one in banked)


def test_shifts_of_an_employee_are_cut_when_nested_and_whole_in_their_own_list(diner: Place) -> None:
    [ana] = diner.noted("employee_over_100_shifts")
    nested = diner.get(f"employees/{ana}", expand="shifts").json()["shifts"]["elements"]
    whole = diner.rows(f"employees/{ana}/shifts")
    assert len(nested) == 100
    assert ids(whole)[:100] == ids(nested)
    told = [row["id"] for row in diner.truth()["timecards"] if row["employee"] == ana]
    assert set(ids(whole)) == set(told)
    assert ids(diner.rows("shifts", filter=f"employee.id={ana}")) == ids(whole)
    assert diner.get(f"employees/{ana}/shifts/{whole[0]['id']}").json()["id"] == whole[0]["id"]
    assert diner.get(f"employees/{ana}/shifts/{diner.noted('shift_overnight')[0]}").status_code == 404
    since = whole[50]["inTime"]
    assert len(diner.rows(f"employees/{ana}/shifts", filter=f"in_time>={since}")) == 51


def test_a_window_over_shifts_keeps_its_latest_part_when_the_switch_says_so(diner: Place) -> None:
    every = diner.rows("shifts", filter="in_time>=0")
    newest = max(row["inTime"] for row in every)
    diner.switch(shift_window_days=90)
    kept = diner.rows("shifts", ("filter", "in_time>=0"), ("filter", f"in_time<={newest}"))
    assert ids(kept) == ids([row for row in every if row["inTime"] >= newest - 90 * 86_400_000])
    assert 0 < len(kept) < len(every)


def test_roles_name_the_people_who_have_them(diner: Place) -> None:
    truth = {row["id"]: sorted(row["employees"]) for row in diner.truth()["roles"]}
    shown = {row["id"]: sorted(ids(row["employees"]["elements"])) for row in diner.rows("roles", expand="employees")}
    assert shown == truth
    lead = next(row for row in diner.truth()["roles"] if row["name"] == "Shift lead")
    [bo] = diner.rows("employees", filter=f"role.id={lead['id']}", expand="roles")
    assert len(bo["roles"]["elements"]) == 3
    assert bo["id"] in ids(diner.rows("employees", filter="role=MANAGER"))
    assert ids(diner.rows("employees", filter="customId=17"))


def test_paths_and_methods_clover_does_not_have_are_refused(diner: Place) -> None:
    merchant, customer = diner.document["merchant_id"], diner.rows("customers")[0]["id"]
    assert diner.get("time_cards").status_code == 405
    for method in ("PUT", "PATCH"):
        answer = diner.http.request(method, f"/v3/merchants/{merchant}/customers/{customer}", json={})
        assert answer.status_code == 405
    assert diner.get("customers/NOBODY").json() == {"message": "Not Found", "details": "Customer not found"}


def test_the_csv_lists_hold_every_row(diner: Place) -> None:
    table = list(csv.DictReader(io.StringIO(diner.get("customers.csv").content.decode())))
    assert [row["Customer ID"] for row in table] == ids(diner.rows("customers"))
    shifts = list(csv.DictReader(io.StringIO(diner.get("shifts.csv", filter="server_banking=true").content.decode())))
    assert [row["Shift ID"] for row in shifts] == ids(diner.rows("shifts", filter="server_banking=true"))


def test_edits_of_people_move_the_answers_and_the_truth_together(cafe: Place) -> None:
    before = cafe.truth()["people_totals"]
    [new] = cafe.edit(op="add_customer", given_name="Nora", family_name="New", phone="(303) 555-0101", marketing=True)
    [row] = cafe.rows("customers", limit=1, expand="phoneNumbers")
    assert (row["id"], row["marketingAllowed"]) == (new, True)
    known = next(one for one in cafe.truth()["customers"] if one["id"] == new)
    assert (known["e164"], known["marketing"]) == ("+13035550101", "yes")
    cafe.edit(op="edit_customer", customer=new, marketing=False, email="nora.new@example.com", phone="")
    row = cafe.get(f"customers/{new}", expand="emailAddresses,phoneNumbers").json()
    assert row["marketingAllowed"] is False
    assert [one["emailAddress"] for one in row["emailAddresses"]["elements"]] == ["nora.new@example.com"]
    assert row["phoneNumbers"] == {"elements": []}
    assert "(303) 555-0101" in cafe.truth()["personal"]
    cafe.edit(op="delete_customer", customer=new)
    assert cafe.get(f"customers/{new}").status_code == 404
    assert new in {one["id"] for one in cafe.truth()["gone_customers"]}

    [hired] = cafe.edit(op="hire", name="Hal Hired", email="hal@cafe.example")
    [shift] = cafe.edit(op="clock_in", employee=hired)
    assert "outTime" not in cafe.get(f"shifts/{shift}").json()
    cafe.edit(op="clock_out", employee=hired, tip_cents=1234)
    card = next(one for one in cafe.truth()["timecards"] if one["id"] == shift)
    assert (card["status"], card["declared_tip_cents"], card["minutes"]) == ("CLOSED", 1234, 1)
    assert cafe.get(f"shifts/{shift}").json()["cashTipsCollected"] == 1234
    assert cafe.get(f"employees/{hired}").json()["unhashedPin"] in cafe.truth()["secrets"]
    cafe.edit(op="dismiss", employee=hired)
    assert hired not in ids(cafe.rows("employees"))
    after = cafe.truth()["people_totals"]
    assert after["gone_customers"] == before["gone_customers"] + 1
    assert (after["staff"], after["active_staff"]) == (before["staff"] + 1, before["active_staff"])
    refused = cafe.http.post("/_control/edit", json={"op": "edit_wage", "employee": hired, "hourly_cents": 1})
    assert (refused.status_code, "no wages" in refused.json()["error"]) == (400, True)
