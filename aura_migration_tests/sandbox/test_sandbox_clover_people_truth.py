"""The truth about the people of every Clover scenario against a careful crawl, its export files, and crowds."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.clover.app import CloverApp
from aura_migration.sandbox.clover.people.truth import people_truth
from aura_migration.sandbox.core.server import RunningSandbox, build, serve

QUIET = {"limits": "off", "latency_seconds": 0.0}
CONTACTS = {"emailAddresses": "email_addresses", "phoneNumbers": "phone_numbers", "addresses": "addresses"}
SCENARIOS: list[tuple[str, dict[str, Any]]] = [
    ("cafe", {}),
    ("diner", {}),
    ("chain", {"locations": 3}),
    ("crowd", {"customers": 300}),
    ("empty", {}),
]
Row = dict[str, Any]


def told(scenario: str, seed: int = 1, **options: Any) -> Row:
    app = build("clover", scenario, seed, **options)
    assert isinstance(app, CloverApp)
    return people_truth(app.world, [])


class Crawl:
    """Everyone one merchant's API shows, as a careful client finds them."""

    def __init__(self, client: httpx.Client, document: dict[str, str]) -> None:
        self.client, self.merchant = client, document["merchant_id"]
        client.headers["authorization"] = f"Bearer {document['access_token']}"
        contacts = {row["id"]: row for row in self.all("customers", expand=",".join(CONTACTS))}
        self.customers = {row["id"]: {**contacts[row["id"]], **row} for row in self.all("customers", expand="metadata")}
        for row in self.customers.values():
            for name, path in CONTACTS.items():
                if len(row[name]["elements"]) >= 100:
                    row[name]["elements"] = self.all(f"customers/{row['id']}/{path}")
        self.gone = {row["id"] for row in self.all("customers", filter="deletedTime>0")}
        self.employees = {row["id"]: row for row in self.all("employees", expand="roles")}
        self.left = {row["id"]: row for row in self.all("employees", filter="deletedTime>0", expand="roles")}
        self.shifts = {row["id"]: row for row in self.all("shifts")}

    def all(self, path: str, **params: Any) -> list[Row]:
        rows: list[Row] = []
        while True:
            query = {**params, "limit": 100, "offset": len(rows)}
            answer = self.client.get(f"/v3/merchants/{self.merchant}/{path}", params=query)
            assert answer.status_code == 200, answer.text
            rows += answer.json()["elements"]
            if len(answer.json()["elements"]) < 100:
                return rows


@pytest.mark.parametrize(("scenario", "options"), SCENARIOS)
def test_a_careful_crawl_of_people_finds_exactly_the_truth(scenario: str, options: dict[str, Any]) -> None:
    with (
        serve("clover", scenario, switches=QUIET, **options) as running,
        httpx.Client(base_url=running.base_url) as http,
    ):
        truth = http.get("/_control/truth").json()
        documents = http.get("/_control/credentials").json()["default"]
        for document in documents if isinstance(documents, list) else [documents]:
            compare(Crawl(http, document), truth)


def compare(crawl: Crawl, truth: Row) -> None:
    def here(part: str) -> list[Row]:
        return [row for row in truth[part] if row["location"] == crawl.merchant]

    answers = {True: "yes", False: "no", None: "unknown"}
    found = {
        row["id"]: (
            row.get("firstName"),
            row.get("lastName"),
            answers[row.get("marketingAllowed")],
            sorted(one["emailAddress"] for one in row["emailAddresses"]["elements"]),
            sorted(one["phoneNumber"] for one in row["phoneNumbers"]["elements"]),
            sorted(one["id"] for one in row["addresses"]["elements"]),
            row.get("metadata", {}).get("note"),
            row.get("metadata", {}).get("businessName"),
            tuple(row.get("metadata", {}).get(f"dob{part}") for part in ("Year", "Month", "Day")),
        )
        for row in crawl.customers.values()
    }
    assert found == {
        row["id"]: (
            row["given_name"],
            row["family_name"],
            row["marketing"],
            sorted(one["email"] for one in row["emails"]),
            sorted(one["phone"] for one in row["phones"]),
            sorted(one["id"] for one in row["addresses"]),
            row["note"],
            row["company"],
            tuple(row["birth"].values()),
        )
        for row in here("customers")
    }
    assert crawl.gone == {row["id"] for row in here("gone_customers")}
    staff = {
        row["id"]: (row["name"], row.get("email"), row["role"], sorted(one["id"] for one in row["roles"]["elements"]))
        for row in (*crawl.employees.values(), *crawl.left.values())
    }
    assert staff == {
        row["id"]: (row["name"], row["email"], row["system_role"], sorted(row["roles"])) for row in here("staff")
    }
    assert crawl.left.keys() == {row["id"] for row in here("staff") if not row["active"]}
    worked = {}
    for row in crawl.shifts.values():
        start, end = row.get("overrideInTime", row.get("inTime")), row.get("overrideOutTime", row.get("outTime"))
        length = None if end is None else int((end - start) / 60_000)
        worked[row["id"]] = (row["employee"]["id"], length, row.get("cashTipsCollected"), end is None)
    assert worked == {
        row["id"]: (row["employee"], row["minutes"], row["declared_tip_cents"], row["status"] == "OPEN")
        for row in here("timecards")
    }


@pytest.mark.parametrize(("scenario", "options"), SCENARIOS[:4])
def test_the_same_seed_gives_the_same_people_and_another_seed_others(scenario: str, options: dict[str, Any]) -> None:
    one, again, other = (told(scenario, seed, **options) for seed in (1, 1, 2))
    assert json.dumps(one) == json.dumps(again)
    assert not set(one["secrets"]) & set(other["secrets"])
    for part in ("customers", "staff", "roles", "timecards", "gone_customers"):
        assert not {row["id"] for row in one[part]} & {row["id"] for row in other[part]}
    every = [row["id"] for part in ("customers", "gone_customers", "staff", "roles", "timecards") for row in one[part]]
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{13}", row_id) for row_id in every)
    assert len(set(every)) == len(every)


def test_sizes_and_dirt_of_the_scenarios() -> None:
    cafe, diner = told("cafe"), told("diner")
    assert (cafe["people_totals"]["customers"], cafe["people_totals"]["staff"]) == (39, 7)
    assert diner["people_totals"]["customers"] > 300
    assert diner["people_totals"]["staff"] == 14
    assert len(diner["same_person"]) == 4
    assert len(diner["shared_contact"]) == 3
    assert {row["answer"] for row in diner["consents"]} == {"yes", "no", "unknown"}
    people = {row["id"]: row for row in diner["customers"]}
    thrice = [people[one] for one in diner["same_person"][0]["customers"]]
    assert len({row["phone"] for row in thrice}) == 3
    assert len({row["e164"] for row in thrice}) == 1
    assert any(row["minutes"] is not None and row["minutes"] < 0 for row in diner["timecards"])
    days = {row["given_name"]: row["birthday"] for row in diner["customers"] if row["family_name"] == "Person"}
    expected = ("--07-30", "--02-29", "2100-01-01", "1900-12-31", "1984-02-29", None, None, None, "--06-01", None, None)
    assert days == {f"Birthday{number}": day for number, day in enumerate(expected, start=1)}


def test_some_people_of_a_chain_go_to_two_merchants_and_nobody_else_is_shared() -> None:
    truth = told("chain", locations=6)
    people = {row["id"]: row for row in truth["customers"]}
    places: Counter[str] = Counter(row["location"] for row in truth["customers"])
    assert len(places) == 6
    assert min(places.values()) >= 14
    assert truth["same_person"]
    shared = {one["e164"] for row in truth["same_person"] for one in (people[row_id] for row_id in row["customers"])}
    for row in truth["same_person"]:
        first, second = (people[one] for one in row["customers"])
        assert first["location"] != second["location"]
        assert (first["e164"], first["email"]) == (second["e164"], second["email"])
        assert first["phone"] != second["phone"]
    seen: dict[str, set[str]] = {}
    for row in truth["customers"]:
        if row["e164"]:
            seen.setdefault(row["e164"], set()).add(row["location"])
    assert {number for number, merchants in seen.items() if len(merchants) > 1} == shared


# -- export files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diner() -> Iterator[RunningSandbox]:
    with serve("clover", "diner", switches=QUIET) as running:
        yield running


def cents(text: str, comma: bool) -> int:
    """An amount as a person reads it."""
    negative = text.startswith(("-", "("))
    digits = re.sub(r"[^0-9]", "", text)
    assert text.rstrip(")")[-3] == ("," if comma else "."), text
    return -int(digits) if negative else int(digits)


def test_export_files_say_what_the_truth_says_line_by_line(diner: RunningSandbox) -> None:
    amounts = {"gift_cards": 1, "house_accounts": 2, "store_credit": 3}
    with httpx.Client(base_url=diner.base_url) as http:
        listed = http.get("/_control/exports").json()["exports"]
        truth = http.get("/_control/truth").json()
        sums = {row["name"]: row for row in truth["exports"]}
        assert {row["kind"] for row in listed} == {*amounts, "loyalty", "consents"}
        for about in listed:
            text = http.get(f"/_control/exports/{about['name']}").content.decode(about["encoding"])
            rows = list(csv.reader(io.StringIO(text), delimiter=about["delimiter"]))
            lines = [row for row in truth[f"export_{about['kind']}"] if row["file"] == about["name"]]
            assert len(rows) - 1 - (sums[about["name"]]["stated_sum"] is not None) == len(lines)
            comma = about["delimiter"] == ";"
            for line in lines:
                cells = rows[line["line"] - 1]
                if line.get("cents") is not None and about["kind"] in amounts:
                    assert cents(cells[amounts[about["kind"]]], comma) == line["cents"]
                if about["kind"] == "gift_cards" and line["problem"] in (None, "duplicate_number", "negative_balance"):
                    assert cells[0].replace(" ", "") == line["number"]
                if about["kind"] == "loyalty" and line["points"] is not None:
                    assert (int(cells[3]), int(cells[4].replace(",", ""))) == (line["points"], line["lifetime"])
            if sums[about["name"]]["stated_sum"] is not None and about["kind"] in amounts:
                assert cents(rows[-1][amounts[about["kind"]]], comma) == sums[about["name"]]["stated_sum"]
        assert http.get("/_control/exports/nothing.csv").status_code == 404


def test_each_broken_file_has_the_fault_it_is_there_for() -> None:
    truth = told("diner")
    files = {row["name"]: row for row in truth["exports"]}
    assert all(row["problems"] == 0 and row["agrees"] is not False for row in files.values() if row["sound"])
    wrong = {name for name, row in files.items() if row["agrees"] is False}
    assert wrong == {"gift-cards-wrong-total.csv", "house-accounts-wrong-total.csv"}
    problems = {row["problem"] for kind in ("gift_cards", "loyalty", "consents") for row in truth[f"export_{kind}"]} - {
        None
    }
    assert problems == {
        *("duplicate_number", "negative_balance", "malformed_line", "unreadable_balance", "unreadable_number"),
        *("no_balance_column", "duplicate_member", "unreadable_points", "no_contact", "unreadable_answer"),
        *("unknown_channel", "no_time"),
    }
    sound = [row for row in truth["export_gift_cards"] if row["file"] == "gift-cards.csv"]
    assert len({row["number"] for row in sound}) == len(sound)
    assert {row["state"] for row in sound} == {"active", "used", "expired", "blocked"}
    members = [row["e164"] for row in truth["export_loyalty"] if row["file"] == "loyalty.csv" and row["e164"]]
    assert len(set(members)) == len(members)
    assert {row["number"] for row in truth["export_gift_cards"]} <= set(truth["secrets"])


# -- crowds ----------------------------------------------------------------------------------------------------------


def test_a_crowd_is_never_held_and_its_ids_lead_back_to_its_rows() -> None:
    tracemalloc.start()
    try:
        with (
            serve("clover", "crowd", customers=200_000, switches=QUIET) as running,
            httpx.Client(base_url=running.base_url, timeout=60) as http,
        ):
            document = http.get("/_control/credentials").json()["default"]
            http.headers["authorization"] = f"Bearer {document['access_token']}"
            path = f"/v3/merchants/{document['merchant_id']}/customers"
            last = http.get(path, params={"offset": 199_200, "expand": "emailAddresses"}).json()["elements"]
            assert 0 < len(last) < 100
            assert http.get(f"{path}/{last[0]['id']}").json()["firstName"] == last[0]["firstName"]
            changed = http.post("/_control/edit", json={"op": "edit_customer", "customer": last[0]["id"], "note": "Hi"})
            assert changed.json()["changed"] == [last[0]["id"]]
            row = http.get(path, params={"filter": f"id={last[0]['id']}", "expand": "metadata"}).json()["elements"][0]
            assert row["metadata"]["note"] == "Hi"
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_the_streamed_parts_are_the_truth_row_by_row() -> None:
    with serve("clover", "crowd", customers=300) as running, httpx.Client(base_url=running.base_url) as http:
        truth, about = http.get("/_control/truth").json(), http.get("/_control/people").json()
        assert about["totals"] == truth["people_totals"]
        for part in about["parts"]:
            rows = [json.loads(line) for line in http.get(f"/_control/people/{part}").text.splitlines()]
            if part == "secrets":
                assert set(rows) <= set(truth[part])
            else:
                assert list(dict.fromkeys(rows)) == truth[part] if part == "personal" else rows == truth[part]
        lines = http.get("/_control/exports/loyalty.csv").text.splitlines()
        assert len(lines) == 1 + len(truth["export_loyalty"])
        assert 150 < len(truth["export_loyalty"]) < 210
        assert http.get("/_control/people/nothing").status_code == 400
    with pytest.raises(ValueError, match="between 1 and 200,000"):
        build("clover", "crowd", customers=200_001)
