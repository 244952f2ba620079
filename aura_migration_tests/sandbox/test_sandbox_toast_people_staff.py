"""Employees, jobs, shifts and hours of the Toast sandbox over HTTP, and the restaurant's own export files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

Json = dict[str, Any]
SEPTEMBER = {"startDate": "2026-09-01T00:00:00.000+0000", "endDate": "2026-10-01T00:00:00.000+0000"}
NEVER = "1970-01-01T00:00:00.000+0000"


OPEN: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Closes every client a test opened."""
    yield
    while OPEN:
        OPEN.pop().close()


class Site:
    """A client signed in at the first location."""

    def __init__(self, running: RunningSandbox, variant: str = "standard") -> None:
        self.running = running
        self.http = httpx.Client(base_url=running.base_url, timeout=60)
        OPEN.append(self.http)
        given = running.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = next(iter(running.pos_app.world.places))

    def labor(self, name: str, **params: Any) -> httpx.Response:
        return self.http.get(f"/labor/v1/{name}", params=params)

    def rows(self, name: str, **params: Any) -> list[Json]:
        answer = self.labor(name, **params)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json(parse_float=Decimal)
        return found

    def truth(self) -> Json:
        found: Json = self.http.get("/_control/truth").json()
        return found

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed


@pytest.fixture(scope="module")
def diner() -> Iterator[RunningSandbox]:
    with serve("toast", "diner", switches={"limits": "off"}) as running:
        yield running


def moment(text: str | None) -> str | None:
    return None if text is None else text.replace("+0000", "Z")


def cents(amount: Any) -> int | None:
    return None if amount is None else int(amount * 100)


def test_employees_and_jobs_are_those_of_the_truth_deleted_ones_too(diner: RunningSandbox) -> None:
    site = Site(diner)
    truth = site.truth()
    told = {row["id"]: row for row in truth["staff"]}
    wages = {(row["employee"], row["job"]): row["cents"] for row in truth["wages"] if row["override"]}
    seen = site.rows("employees")
    assert {row["guid"] for row in seen} == told.keys()
    for row in seen:
        known = told[row["guid"]]
        assert (row["firstName"], row["lastName"], row["chosenName"]) == (
            known["given_name"], known["family_name"], known["chosen_name"],
        )  # fmt: skip
        assert (row["email"], row["phoneNumber"]) == (known["email"], known["phone"])
        assert row["v2EmployeeGuid"] == known["person"]
        assert [one["guid"] for one in row["jobReferences"]] == known["jobs"]
        assert {one["jobReference"]["guid"]: cents(one["wage"]) for one in row["wageOverrides"]} == {
            job: amount for (employee, job), amount in wages.items() if employee == row["guid"]
        }
        assert row["deleted"] is not known["active"]
        assert (row["deletedDate"] == NEVER) is known["active"]
        assert "passcode" not in row
    jobs = {row["id"]: row for row in truth["jobs"]}
    for row in site.rows("jobs"):
        known = jobs.pop(row["guid"])
        assert (row["title"], row["code"], cents(row["defaultWage"])) == (
            known["title"],
            known["code"],
            known["wage_cents"],
        )
        assert (row["wageFrequency"], row["tipped"]) == (known["frequency"], known["tipped"])
    assert not jobs
    one = seen[3]
    assert site.rows("employees", employeeIds=[one["guid"], seen[5]["guid"]]) == [one, seen[5]]
    assert site.labor(f"employees/{one['guid']}").json()["guid"] == one["guid"]
    assert site.labor("employees/8c5b6cc3-64a1-4c8e-8b0e-3c8f0a0f4f3a").status_code == 404


def test_time_entries_of_every_month_are_those_of_the_truth(diner: RunningSandbox) -> None:
    site = Site(diner)
    told = {row["id"]: row for row in site.truth()["timecards"]}
    seen: dict[str, Json] = {}
    for year in (2024, 2025, 2026):
        for month in range(1, 13):
            following = (year, month + 1) if month < 12 else (year + 1, 1)
            window = [f"{y}-{m:02d}-01T00:00:00.000+0000" for y, m in ((year, month), following)]
            for row in site.rows(
                "timeEntries",
                startDate=window[0],
                endDate=window[1],
                includeArchived="true",
                includeMissedBreaks="true",
            ):
                assert row["guid"] not in seen
                seen[row["guid"]] = row
    assert seen.keys() == told.keys()
    shapes = set()
    for guid, row in seen.items():
        known = told[guid]
        assert (moment(row["inDate"]), moment(row["outDate"])) == (known["start"], known["end"])
        assert row["businessDate"] == known["business_date"].replace("-", "")
        assert (cents(row["hourlyWage"]), cents(row["declaredCashTips"])) == (
            known["hourly_cents"],
            known["declared_tip_cents"],
        )
        assert (row["regularHours"], row["overtimeHours"]) == (
            Decimal(known["regular_hours"]),
            Decimal(known["overtime_hours"]),
        )
        assert (cents(row["nonCashTips"]), cents(row["nonCashSales"])) == (
            known["card_tip_cents"],
            known["card_sales_cents"],
        )
        assert row["deleted"] is known["archived"]
        assert row["autoClockedOut"] is known["auto_clocked_out"]
        assert [moment(one["inDate"]) for one in row["breaks"]] == [one["start"] for one in known["breaks"]]
        shift = row["shiftReference"]
        shapes.add(type(shift))
        assert (shift["guid"] if isinstance(shift, dict) else shift) == known["shift"]
    assert {dict, str} <= shapes
    assert sum(row["outDate"] is None for row in seen.values()) == 2


def test_each_way_of_selecting_time_entries_selects_what_it_says(diner: RunningSandbox) -> None:
    site = Site(diner)
    notes = site.truth()["notes"]
    named = {name.removeprefix("people: "): guids for name, guids in notes.items() if name.startswith("people: ")}

    def guids(**query: str) -> set[str]:
        return {row["guid"] for row in site.rows("timeEntries", **query)}

    [corrected] = named["old hours, corrected in September"]
    modified = {"modifiedStartDate": SEPTEMBER["startDate"], "modifiedEndDate": SEPTEMBER["endDate"]}
    assert corrected in guids(**modified)
    assert corrected not in guids(**SEPTEMBER)
    overnight = named["past midnight"]
    assert set(overnight) <= guids(businessDate="20260905")
    [archived] = named["deleted hours"]
    assert archived not in guids(**SEPTEMBER)
    assert archived in guids(**SEPTEMBER, includeArchived="true")
    [missed] = named["missed and waived breaks"]
    few = site.rows("timeEntries", timeEntryIds=missed)[0]["breaks"]
    all_of_them = site.rows("timeEntries", timeEntryIds=missed, includeMissedBreaks="true")[0]["breaks"]
    assert [len(few), len(all_of_them)] == [2, 3]


def test_clock_changes_make_a_night_an_hour_shorter_or_longer(diner: RunningSandbox) -> None:
    site = Site(diner)
    notes = site.truth()["notes"]
    hours = {
        name: site.rows("timeEntries", timeEntryIds=notes[f"people: {name} clock change"][0])[0]["regularHours"]
        for name in ("spring", "autumn")
    }
    assert hours == {"spring": 5, "autumn": 7}


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("timeEntries", {}),
        ("timeEntries", {**SEPTEMBER, "businessDate": "20260901"}),
        ("timeEntries", {"startDate": SEPTEMBER["startDate"]}),
        ("timeEntries", {"startDate": SEPTEMBER["endDate"], "endDate": SEPTEMBER["startDate"]}),
        ("timeEntries", {**SEPTEMBER, "startDate": "2026-08-01T00:00:00.000+0000"}),
        ("timeEntries", {"businessDate": "2026-09-01"}),
        ("timeEntries", {"timeEntryIds": "seven"}),
        ("timeEntries", {**SEPTEMBER, "includeArchived": "perhaps"}),
        ("shifts", {}),
        ("shifts", {**SEPTEMBER, "startDate": "2026-08-01T00:00:00.000+0000"}),
        ("employees", {"employeeIds": ["8c5b6cc3-64a1-4c8e-8b0e-3c8f0a0f4f3a"] * 101}),
    ],
)
def test_a_wrong_labor_query_is_a_400(diner: RunningSandbox, name: str, query: dict[str, Any]) -> None:
    answer = Site(diner).labor(name, **query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_shifts_begin_and_end_inside_the_period(diner: RunningSandbox) -> None:
    site = Site(diner)
    found = site.rows("shifts", **SEPTEMBER)
    told = {row["id"]: row for row in site.truth()["scheduled_shifts"]}
    [over] = site.truth()["notes"]["people: shift over the end of a month"]
    ends = "2026-10-01T00:00:00.000Z"
    expected = {guid for guid, row in told.items() if row["start"] >= "2026-09-01T00:00:00.000Z" and row["end"] < ends}
    assert {row["guid"] for row in found} == expected
    assert over not in expected
    assert [row["guid"] for row in site.rows("shifts", shiftIds=over)] == [over]


@pytest.mark.parametrize(
    ("variant", "refused", "served"), [("no_labor", "jobs", "employees"), ("no_employees", "employees", "jobs")]
)
def test_labor_needs_its_two_scopes(diner: RunningSandbox, variant: str, refused: str, served: str) -> None:
    site = Site(diner, variant)
    assert site.labor(refused).status_code == 403
    assert site.labor(served).status_code == 200


def test_hiring_raising_clocking_and_leaving_show_at_once() -> None:
    with serve("toast", "cafe", switches={"limits": "off"}) as running:
        site = Site(running)
        [new] = site.edit(op="hire", given_name="Newt", family_name="Hand", wage_cents=1600)
        [entry] = site.edit(op="clock_in", employee=new)
        site.edit(op="clock_out", timecard=entry, tip_cents=777)
        site.edit(op="edit_wage", employee=new, cents=1700)
        row = site.rows("timeEntries", timeEntryIds=entry)[0]
        assert (cents(row["hourlyWage"]), cents(row["declaredCashTips"])) == (1600, 777)
        assert row["outDate"] > row["inDate"]
        assert cents(site.rows("employees", employeeIds=new)[0]["wageOverrides"][0]["wage"]) == 1700
        site.edit(op="fire", employee=new)
        assert site.rows("employees", employeeIds=new)[0]["deleted"] is True
        [told] = [row for row in site.truth()["staff"] if row["id"] == new]
        assert told["active"] is False


# -- exports ---------------------------------------------------------------------------------------------------------


def read(site: Site, file: Json) -> list[list[str]]:
    content = site.http.get(f"/_control/exports/{file['name']}").content
    return list(csv.reader(io.StringIO(content.decode(file["encoding"])), delimiter=file["delimiter"]))


def amount(text: str) -> int:
    return int(Decimal(text.replace("$", "").replace(",", "")) * 100)


def test_clean_exports_hold_the_rows_and_totals_of_the_truth(diner: RunningSandbox) -> None:
    site = Site(diner)
    truth = site.truth()
    files = {file["name"]: file for file in truth["exports"] if file["clean"]}
    listed = site.http.get("/_control/exports").json()["exports"]
    assert {file["name"] for file in listed} >= files.keys()
    cards = read(site, files["gift-cards.csv"])[1:]
    assert [(row[0], amount(row[2])) for row in cards[:-1]] == [
        (row["number"], row["cents"]) for row in truth["export_gift_cards"]
    ]
    assert amount(cards[-1][2]) == truth["export_totals"]["gift_cards"]["cents"] > 0
    members = read(site, files["loyalty.csv"])[1:]
    assert sum(int(row[3].replace(",", "")) for row in members) == truth["export_totals"]["loyalty"]["points"]
    accounts = read(site, files["house-accounts.csv"])[1:-1]
    assert [amount(row[2]) for row in accounts] == [row["cents"] for row in truth["export_house_accounts"]]
    consents = read(site, files["marketing-consents.csv"])[1:]
    assert [row[2].lower() for row in consents] == [row["answer"] for row in truth["export_consents"]]
    pay = read(site, files["payroll.csv"])[1:]
    assert sum(amount(row[-1]) for row in pay[:-1]) == amount(pay[-1][-1]) == truth["export_totals"]["payroll"]["cents"]
    assert {row["number"] for row in truth["export_gift_cards"]} <= set(truth["secrets"])


def test_dirty_exports_are_wrong_exactly_where_the_truth_says(diner: RunningSandbox) -> None:
    site = Site(diner)
    truth = site.truth()
    files = {file["name"]: file for file in truth["exports"]}
    latin = site.http.get("/_control/exports/loyalty-latin1.csv").content
    with pytest.raises(UnicodeDecodeError):
        latin.decode("utf-8")
    assert len(read(site, files["loyalty-latin1.csv"])) == len(files["loyalty-latin1.csv"]["good"]) + 1
    for name in ("gift-cards-malformed.csv", "gift-cards-duplicates.csv", "gift-cards-negative.csv"):
        file = files[name]
        lines = read(site, file)
        wrong = {problem["line"] for problem in file["problems"]}
        good = {row["number"]: row["cents"] for row in file["good"]}
        for number, line in enumerate(lines[1:], 2):
            if number not in wrong and line[0] in good:
                assert amount(line[2]) == good[line[0]]
        assert wrong <= set(range(2, len(lines) + 1))
    european = read(site, files["gift-cards-semicolon.csv"])[1:]
    assert [row[2].replace(".", "").replace(",", "") for row in european] == [
        f"{row['cents']:03d}" for row in truth["export_gift_cards"]
    ]
    total = read(site, files["gift-cards-bad-total.csv"])[-1]
    assert amount(total[2]) == files["gift-cards-bad-total.csv"]["stated_total"]["cents"]
    assert amount(total[2]) != truth["export_totals"]["gift_cards"]["cents"]
    assert site.http.get("/_control/exports/nothing.csv").status_code == 404
