"""What guests agreed to: one answer per person and purpose, who is left out, whose opt-in is set, answers from files."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.model import Batch
from aura_migration.canonical.persons.consent import REFUSED
from aura_migration.canonical.persons.links import NOBODY
from aura_migration_tests.support.menus import make_chain, rows
from aura_migration_tests.support.persons import Directory, stage, staged

Connection = psycopg.Connection[Any]
PHONE, OTHER_PHONE = "(415) 555-0132", "(415) 555-0133"
RANK = {"granted": 0, None: 1, "unknown": 1, "denied": 2, "withdrawn": 2}


def anas(*answers: str | None) -> Directory:
    """One person in as many profiles as there are answers; None says nothing."""
    people = Directory()
    for key, answer in zip("ABCD", answers, strict=False):
        people.guest(key, "Ana Silva", "ana@example.com", PHONE)
        if answer:
            people.says(key, answer, evidence={"field": f"of {key}"})
    return people


def opted_in(connection: Connection) -> dict[str, bool]:
    return {
        key: row["marketing_opt_in"] for key, row in staged(connection, "customers").items() if row["verdict"] is None
    }


def test_marketing_is_on_only_where_it_is_granted(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    for key, answer in (
        ("A", "granted"),
        ("B", "denied"),
        ("C", "unknown"),
        ("D", "withdrawn"),
        ("E", None),
        ("F", "granted"),
    ):
        people.guest(key, marketing_opt_in=key == "E")
        if answer:
            people.says(key, answer, "profile" if key == "F" else "marketing_sms")
    found = stage(connection, subject, people)
    assert opted_in(connection) == {"A": True, "B": False, "C": False, "D": False, "E": False, "F": False}
    assert found.people["consent"]["marketing_opt_in"] == 1
    assert found.people["consent"]["answers"] == {
        "marketing_sms": {"denied": 1, "granted": 1, "unknown": 1, "withdrawn": 1},
        "profile": {"granted": 1},
    }


@pytest.mark.parametrize(
    ("sms", "allows"), [("denied", False), ("withdrawn", False), ("unknown", True), ("granted", True)]
)
def test_a_grant_for_one_channel_does_not_outweigh_a_denial_of_another(
    connection: Connection, sms: str, allows: bool
) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A")
    people.says("A", "granted", "marketing_email")
    people.says("A", sms, "marketing_sms")
    people.says("A", "denied", "loyalty")
    for key in "BC":
        people.guest(key, "Ana Silva", "ana@example.com", PHONE)
        people.says(key, "granted", "marketing_email")
    people.says("C", sms, "marketing_sms")
    found = stage(connection, subject, people)
    assert opted_in(connection) == {"A": allows, "B": allows, "C": False}
    assert found.people["consent"]["marketing_opt_in"] == 2 * allows


def test_a_grant_that_has_expired_is_none(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A")
    people.says("A", "granted", expires_at="2026-03-02T15:00:00+00:00")
    people.guest("B")
    people.says("B", "granted", expires_at="2026-03-02T15:00:01+00:00")
    stage(connection, subject, people)
    assert opted_in(connection) == {"A": False, "B": True}


@pytest.mark.parametrize(
    "answers",
    [
        *permutations(("granted", "denied")),
        ("granted", None),
        (None, "granted"),
        ("granted", "granted"),
        ("withdrawn", "unknown"),
        ("unknown", "granted"),
        (None, "denied"),
        ("granted", "unknown", "withdrawn"),
    ],
)
def test_of_merged_profiles_the_most_restrictive_answer_holds(
    connection: Connection, answers: tuple[str | None, ...]
) -> None:
    (subject,) = make_chain(connection)
    stage(connection, subject, anas(*answers))
    found = staged(connection, "customer_consents")
    kept = [row for row in found.values() if row["same_as"] is None]
    assert len(kept) == 1 and kept[0]["customer_key"] == "A" and kept[0]["wave"] == 0
    assert RANK[kept[0]["status"]] == max(RANK[answer] for answer in answers)
    (key,) = [key for key, row in found.items() if row["same_as"] is None]
    assert all(row["same_as"] == key and row["wave"] == 1 for row in found.values() if row is not kept[0])
    assert opted_in(connection)["A"] is (set(answers) == {"granted"})


def test_the_answer_that_holds_says_where_it_was_given(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stage(connection, subject, anas("granted", "denied"))
    kept = staged(connection, "customer_consents")["A/marketing_email"]
    assert (kept["status"], kept["evidence"]) == ("denied", {"field": "of B", "said_in": "B/marketing_email"})


def test_an_answer_in_quarantine_grants_nothing_and_hides_no_refusal(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = anas("granted", "denied")
    next(r for r in people.rows if r.key == "B/marketing_email").values["captured_at"] = "yesterday"
    stage(connection, subject, people)
    assert staged(connection, "customer_consents")["A/marketing_email"]["status"] == "unknown"
    assert opted_in(connection)["A"] is False


def test_two_answers_under_one_key_are_one_the_most_restrictive(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A")
    people.says("A", "granted", source="restaurant_export")
    people.says("A", "denied")
    found = stage(connection, subject, people)
    assert found.entities["customer_consents"] == {"rows": 1, "quarantined": 0, "skipped": 0}
    assert staged(connection, "customer_consents")["A/marketing_email"]["status"] == "denied"


# -- the policy ---------------------------------------------------------------------------------------------------------


def debtors() -> Directory:
    """Two guests with balances; only B has granted anything."""
    people = Directory()
    for key, mail in (("A", "ana@example.com"), ("B", "ben@example.com")):
        people.guest(key, f"{key}na Silva", mail)
        people.row("customer_addresses", f"{key}/address", customer_key=key, city="Portobello")
        people.points(f"L{key}", 40, key, claim_hash=f"h{key}", hash_key_id="k")
        people.row("gift_cards", f"G{key}", customer_key=key, code_hash=key)
        people.row("house_accounts", f"H{key}", customer_key=key, name=f"{key}na", email=mail, balance_cents=-900)
    people.says("B", "granted", "profile")
    people.says("B", "granted", "marketing_sms")
    people.says("A", "denied", "marketing_email")
    return people


@pytest.mark.parametrize(("policy", "what"), [("profile", "a profile"), ("marketing", "marketing")])
def test_without_the_consent_of_the_policy_a_guest_is_left_out_and_keeps_what_is_owed(
    connection: Connection, policy: str, what: str
) -> None:
    (subject,) = make_chain(connection)
    found = stage(connection, subject, debtors(), options={"people": {"requireConsent": policy}})
    guests = staged(connection, "customers")
    reason = f"no consent to {what} is on record (requireConsent: {policy})"
    assert guests["A"] == {"verdict": "skip", "reason": reason, "same_as": None, "wave": 0}
    assert guests["B"]["verdict"] is None
    assert staged(connection, "customer_addresses")["A/address"]["verdict"] == "skip"
    assert staged(connection, "customer_consents")["A/marketing_email"]["reason"] == "goes with the skipped customers A"
    account, card, house = (
        staged(connection, e)[k]
        for e, k in (("loyalty_accounts", "LA"), ("gift_cards", "GA"), ("house_accounts", "HA"))
    )
    assert (account["verdict"], account.get("customer_key"), account["balance_points"], account["claim_hash"]) == (
        None,
        None,
        40,
        "hA",
    )
    assert (card["verdict"], card.get("customer_key"), card["balance_cents"]) == (None, None, 500)
    assert (house["verdict"], house.get("name"), house.get("email"), house["balance_cents"]) == (None, None, None, -900)
    assert staged(connection, "loyalty_accounts")["LB"]["customer_key"] == "B"
    assert found.people["consent"]["without_consent"] == 1
    assert found.people["unclaimable"] == {"house_accounts": 1}
    assert "ana@example.com" not in str(rows(connection, "SELECT * FROM staging.rows"))


def test_on_service_basis_everybody_is_taken_over(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    found = stage(connection, subject, debtors())
    assert found.entities["customers"] == {"rows": 2, "quarantined": 0, "skipped": 0}
    assert found.people["consent"]["policy"] == "none"


@pytest.mark.parametrize("purpose", ["profile", "data_migration"])
def test_who_said_no_to_a_profile_is_left_out_whatever_the_policy(connection: Connection, purpose: str) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A")
    people.says("A", "withdrawn", purpose, source="explicit_request")
    found = stage(connection, subject, people)
    assert staged(connection, "customers")["A"]["reason"] == REFUSED
    assert found.people["consent"]["refused"] == 1


def test_a_person_is_left_out_as_a_whole(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = anas("granted", None)
    found = stage(connection, subject, people, options={"people": {"requireConsent": "marketing"}})
    assert {key: (row["verdict"], row["same_as"]) for key, row in staged(connection, "customers").items()} == {
        "A": ("skip", None),
        "B": ("skip", None),
    }
    assert found.people["consent"]["without_consent"] == 2


# -- files --------------------------------------------------------------------------------------------------------------


def line(people: Batch, number: int, status: str, entity: str = "customer_consents", **source: str) -> str:
    """A line of a handed file: its contact stands in the source only."""
    key = f"file:{entity}:{number}"
    values = {"purpose": "marketing_email", "status": status, "source": "restaurant_export"}
    if entity == "loyalty_accounts":
        values = {"program_key": "P", "status": "pending", "claim_hash": "h"}
    row = people.add(entity, key, source, f"file_consents#{number}", **values)
    if entity == "loyalty_accounts":
        row.values["balance_points"] = 7
    return key


def test_a_consent_of_a_file_finds_its_guest_by_contact(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana", "ana@example.com", PHONE)
    people.guest("B", "Ben", "ben@example.com")
    file = Batch()
    by_mail = line(file, 1, "granted", email="ANA@example.com ")
    by_phone = line(file, 2, "granted", phone="415-555-0132")
    nobody = line(file, 3, "granted", email="zoe@example.com")
    torn = line(file, 4, "granted", email="ben@example.com", phone=PHONE)
    found = stage(connection, subject, people, file)
    consents = staged(connection, "customer_consents")
    assert consents[by_mail]["customer_key"] == "A" and consents[by_mail]["same_as"] is None
    assert (consents[by_phone]["customer_key"], consents[by_phone]["same_as"]) == ("A", by_mail)
    assert (consents[nobody]["verdict"], consents[nobody]["reason"]) == ("skip", NOBODY)
    assert consents[torn]["customer_key"] == "B"
    assert opted_in(connection) == {"A": True, "B": True}
    assert (found.people["consent"]["from_files"], found.people["consent"]["files_unmatched"]) == (4, 1)
    assert "example" not in str(rows(connection, "SELECT content FROM staging.rows WHERE entity = 'customer_consents'"))


def test_under_a_shared_address_a_yes_is_nobodys_and_a_no_is_everybodys(connection: Connection) -> None:
    (subject,) = make_chain(connection)

    def family(status: str) -> list[Batch]:
        people, file = Directory(), Batch()
        people.guest("A", "Ana", "olsson@example.com", PHONE)
        people.guest("B", "Ben", "olsson@example.com", OTHER_PHONE)
        for key in ("A", "B"):
            people.says(key, "granted")
        line(file, 1, status, email="olsson@example.com")
        return [people, file]

    stage(connection, subject, *family("granted"))
    assert staged(connection, "customer_consents")["file:customer_consents:1"]["reason"] == NOBODY
    assert opted_in(connection) == {"A": True, "B": True}
    stage(connection, subject, *family("withdrawn"))
    assert opted_in(connection) == {"A": False, "B": False}
    kept = {
        row["customer_key"]: row["status"]
        for row in staged(connection, "customer_consents").values()
        if not row["same_as"]
    }
    assert kept == {"A": "withdrawn", "B": "withdrawn"}


def test_a_balance_of_a_file_goes_to_the_one_guest_with_its_contact_or_to_nobody(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("loyalty_programs", "P")
    people.guest("A", "Ana", "ana@example.com", PHONE)
    people.guest("B", "Ben", "olsson@example.com")
    people.guest("C", "Cleo", "olsson@example.com")
    mine = line(people, 1, "", "loyalty_accounts", phone="4155550132")
    shared = line(people, 2, "", "loyalty_accounts", email="olsson@example.com")
    stage(connection, subject, people)
    accounts = staged(connection, "loyalty_accounts")
    assert (accounts[mine]["customer_key"], accounts[shared].get("customer_key")) == ("A", None)
    assert staged(connection, "customers")["A"]["loyalty_points"] == 7


def test_a_pay_period_of_a_file_finds_its_employee_by_number_or_address(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("staff", "S", employee_code="E-1")
    people.row("staff", "T", email="Tom@example.com")
    for number, (code, mail) in enumerate([("E-1", None), (None, "tom@example.com"), ("E-9", None)]):
        people.row(
            "payroll",
            f"L1/{number}",
            {"email": mail} if mail else {},
            employee_code=code,
            record=f"file_payroll#{number}",
        )
    stage(connection, subject, people)
    assert [row.get("staff_key") for row in staged(connection, "payroll").values()] == ["S", "T", None]
