"""People's rows on their way into staging: chunks, repetitions, contacts, erased persons, references, files, staff."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.model import Loss
from aura_migration.canonical.options import parse_options
from aura_migration.canonical.persons import chunks
from aura_migration.canonical.stage import CONTRADICTION
from aura_migration.core.errors import BadInput
from aura_migration_tests.support.menus import cafe, make_chain, one, rows
from aura_migration_tests.support.menus import stage as stage_menu
from aura_migration_tests.support.persons import Directory, stage, staged, suppress

Connection = psycopg.Connection[Any]


def test_people_stand_in_staging_beside_the_menu(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = stage_menu(connection, subject, cafe())
    people = Directory()
    people.guest("A", "Ana Silva", "ana@example.com")
    people.row("customer_addresses", "A/address", customer_key="A", city="Porto")
    found = stage(connection, subject, people)
    assert found.total == 2
    assert one(connection, "SELECT count(*) FROM staging.rows") == menu.total + 2
    assert one(connection, "SELECT count(DISTINCT seq) FROM staging.rows") == menu.total + 2
    again = stage(connection, subject, people)
    assert again.as_dict() == found.as_dict()
    assert one(connection, "SELECT count(*) FROM staging.rows") == menu.total + 2


def test_a_record_that_comes_twice_is_one_and_a_contradiction_is_quarantined_whatever_the_order(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 1)
    (subject,) = make_chain(connection)

    def batches(*notes: str) -> list[Directory]:
        made = []
        for note in notes:
            people = Directory()
            people.guest("A", "Ana", notes=note)
            people.guest("B", "Ben")
            made.append(people)
        return made

    kept = set()
    for notes in (("likes pie", "hates pie", "likes pie"), ("hates pie", "likes pie", "hates pie")):
        found = stage(connection, subject, *batches(*notes))
        assert found.entities == {"customers": {"rows": 1, "quarantined": 1, "skipped": 0}}
        row = staged(connection, "customers")["A"]
        assert (row["verdict"], row["reason"]) == ("quarantine", CONTRADICTION)
        kept.add(row["notes"])
    assert kept == {"hates pie"}
    assert rows(connection, "SELECT source_key, state FROM migration.quarantine") == [("A", "open")]
    stage(connection, subject, *batches("likes pie", "likes pie"))
    assert rows(connection, "SELECT source_key, state FROM migration.quarantine") == [("A", "released")]


def test_a_rejected_record_is_quarantined_until_it_is_sent_or_corrected(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.reject("customers", "A", "its status is neither", "customers#A", first_name="Ana", status="weird")
    stage(connection, subject, people)
    assert staged(connection, "customers")["A"]["reason"] == "its status is neither"
    correction = {"status": "active", "marketing_opt_in": False, "loyalty_points": 0, "lifetime_points": 0}
    connection.execute("UPDATE migration.quarantine SET correction = %s", [json.dumps(correction)])
    stage(connection, subject, people)
    row = staged(connection, "customers")["A"]
    assert (row["verdict"], row["first_name"], row["status"]) == (None, "Ana", "active")


def test_a_contact_that_cannot_be_read_is_kept_as_it_is_and_flagged(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana", " Ana.Silva@Example.COM ", "(415) 555-0132")
    people.guest("B", "Ben", "ben@@example.com", "call my wife", custom_fields={"booth": 4})
    people.guest("C", "Cleo", "", "  ")
    people.row("staff", "S", email="sam@example", phone="12345")
    found = stage(connection, subject, people)
    guests = staged(connection, "customers")
    assert {name: guests["A"][name] for name in ("email", "email_normalized", "phone", "phone_raw")} == {
        "email": " Ana.Silva@Example.COM ",
        "email_normalized": "ana.silva@example.com",
        "phone": "+14155550132",
        "phone_raw": "(415) 555-0132",
    }
    assert guests["B"]["verdict"] is None
    assert (guests["B"]["email"], guests["B"]["email_normalized"]) == ("ben@@example.com", None)
    assert (guests["B"]["phone"], guests["B"]["phone_raw"]) == (None, "call my wife")
    assert guests["B"]["custom_fields"] == {"booth": 4, "contact_flags": ["email_malformed", "phone_unreadable"]}
    assert (guests["C"]["email"], guests["C"]["phone"], guests["C"].get("custom_fields")) == (None, None, None)
    assert staged(connection, "staff")["S"]["phone"] == "12345"
    assert found.people["contacts"] == {
        "customers": {"email_malformed": 1, "phone_unreadable": 1},
        "staff": {"email_malformed": 1, "phone_unreadable": 1},
    }


@pytest.mark.parametrize(
    ("entity", "values", "reason"),
    [
        ("customers", {"status": "frozen"}, "status is 'frozen', not one of active, inactive"),
        ("customers", {"first_name": "x" * 513}, "first_name has 513 characters, more than 512"),
        ("customers", {"first_name": "nul\x00"}, "first_name holds characters that no database can store"),
        ("customers", {"date_of_birth": "1984-2-29"}, "date_of_birth is not a day like 2026-01-31"),
        (
            "customers",
            {"acquisition_date": "yesterday"},
            "acquisition_date is not an instant like 2026-01-31T17:00:00+00:00",
        ),
        ("customers", {"shoe_size": 44}, "customers has no field shoe_size"),
        ("gift_cards", {"balance_cents": 5.5}, "balance_cents is not a whole number"),
        ("staff_jobs", {"staff_key": "S"}, "refers to staff S, which the POS did not send"),
        ("payroll", {"gross_pay_cents": 10**16}, "gross_pay_cents is [a personal value], which cannot be right"),
    ],
)
def test_what_no_table_can_hold_is_quarantined_with_a_reason_that_names_no_personal_value(
    connection: Connection, entity: str, values: dict[str, Any], reason: str
) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row(entity, "X", **values)
    found = stage(connection, subject, people)
    assert found.entities == {entity: {"rows": 0, "quarantined": 1, "skipped": 0}}
    assert rows(connection, "SELECT reasons FROM migration.quarantine") == [([reason],)]


def test_a_value_of_a_person_written_in_an_odd_way_is_not_repeated_in_the_reason(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", date_of_birth="19840229")
    stage(connection, subject, people)
    assert "1984" not in staged(connection, "customers")["A"]["reason"]


def test_mapped_fields_and_corrections_reach_people_in_every_chunk(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 1)
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("customers", "A", {"id": "A"}, first_name="Ana")
    people.row("customers", "B", {"id": "B", "ref": "booth 4"}, first_name="Ben")
    mapping = {"entity": "customers", "posField": "ref", "auraField": "notes", "transform": "upper"}
    stage(connection, subject, people, options={"fieldMapping": [mapping]})
    assert {key: row.get("notes") for key, row in staged(connection, "customers").items()} == {
        "A": None,
        "B": "BOOTH 4",
    }
    with pytest.raises(BadInput, match="posField 'reff' occurs in no customers record"):
        stage(connection, subject, people, options={"fieldMapping": [{**mapping, "posField": "reff"}]})


def test_a_transform_that_fails_on_a_person_does_not_repeat_the_value(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("customers", "A", {"visits": "ana's secret"}, first_name="Ana")
    mapping = {"entity": "customers", "posField": "visits", "auraField": "loyaltyPoints", "transform": "integer"}
    stage(connection, subject, people, options={"fieldMapping": [mapping]})
    row = staged(connection, "customers")["A"]
    assert (row["verdict"], row["reason"]) == (
        "quarantine",
        "transform integer of visits cannot make anything of its value",
    )


def test_what_the_options_leave_out_is_skipped_with_everything_that_hangs_on_it(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana", "ana@example.com")
    people.row("customer_addresses", "A/address", customer_key="A", city="Porto")
    people.row("gift_cards", "G", customer_key="A")
    found = stage(connection, subject, people, options={"excludeEntities": ["customers"]})
    assert staged(connection, "customers")["A"] == {
        "verdict": "skip",
        "reason": "customers are left out by the options",
        "same_as": None,
        "wave": 0,
    }
    address = staged(connection, "customer_addresses")["A/address"]
    assert (address["verdict"], address["reason"]) == ("skip", "goes with the skipped customers A")
    assert "city" not in address
    card = staged(connection, "gift_cards")["G"]
    assert (card["verdict"], card.get("customer_key"), card["balance_cents"]) == (None, None, 500)
    assert found.losses == []


# -- erased persons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "text"), [("source_id", "A"), ("email", "ana@example.com"), ("phone", "+14155550132")]
)
def test_an_erased_person_is_skipped_and_nothing_of_theirs_is_staged(
    connection: Connection, what: str, text: str
) -> None:
    (subject,) = make_chain(connection)
    suppress(connection, subject, what, text)
    people = Directory()
    people.guest("A", "Anastasia", "Ana@Example.com", "415.555.0132", status="weird")
    people.row("customer_addresses", "A/address", customer_key="A", city="Portobello")
    people.says("A", "granted")
    people.row(
        "house_accounts", "H", customer_key="A", name="Anastasia", phone="4155550132", claim_hash="h", balance_cents=5
    )
    people.points("L", 10, "A", claim_hash="h")
    people.guest("B", "Ben")
    found = stage(connection, subject, people)
    assert found.entities["customers"] == {"rows": 1, "quarantined": 0, "skipped": 1}
    assert staged(connection, "customers")["A"]["reason"] == "erased on request"
    everything = str(rows(connection, "SELECT * FROM staging.rows")) + str(
        rows(connection, "SELECT * FROM migration.quarantine")
    )
    for trace in ("Anastasia", "Portobello", "xample", "5550132"):
        assert trace not in everything
    account = staged(connection, "loyalty_accounts")["L"]
    assert (account["balance_points"], account.get("customer_key"), account.get("claim_hash")) == (10, None, None)
    house = staged(connection, "house_accounts")["H"]
    assert (house["balance_cents"], house.get("claim_hash")) == (5, None)
    assert found.people["erased"] == 1


def test_a_person_of_another_restaurant_is_not_suppressed(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    (other,) = make_chain_of(connection, "M2")
    suppress(connection, other, "email", "ana@example.com")
    people = Directory()
    people.guest("A", "Ana", "ana@example.com")
    assert stage(connection, subject, people).people["erased"] == 0


def make_chain_of(connection: Connection, merchant: str) -> list[Any]:
    from aura_migration_tests.support.menus import make_integration, make_restaurant, make_subject

    integration = make_integration(connection, make_restaurant(connection), merchant=merchant)
    return [make_subject(connection, integration, "L9")]


def test_erased_staff_leave_their_hours_without_a_name(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    suppress(connection, subject, "source_id", "S")
    people = Directory()
    people.row("staff", "S", name="Sam Reyes", email="sam@example.com")
    people.row("staff_jobs", "S/1", staff_key="S", hourly_rate_cents=1800)
    people.row("timecards", "L1/T", staff_key="S", job_title="Server")
    people.row("payroll", "L1/P", staff_key="S", employee_code="E-77")
    stage(connection, subject, people)
    assert staged(connection, "staff_jobs")["S/1"]["verdict"] == "skip"
    card = staged(connection, "timecards")["L1/T"]
    assert (card["verdict"], card.get("staff_key"), card["job_title"]) == (None, None, "Server")
    assert "employee_code" not in staged(connection, "payroll")["L1/P"]
    assert "Reyes" not in str(rows(connection, "SELECT content FROM staging.rows"))


# -- references ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_without_a_missing_record_is_quarantined_and_the_rest_lets_go_of_it(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("customer_addresses", "A/address", customer_key="A")
    people.row("gift_cards", "G", customer_key="A")
    people.row("gift_cards", "H", code_hash="2", customer_key="A")
    people.row("timecards", "L1/T", staff_key="S")
    found = stage(connection, subject, people)
    reason = staged(connection, "customer_addresses")["A/address"]["reason"]
    assert reason == "refers to customers A, which the POS did not send"
    assert {key: row.get("customer_key") for key, row in staged(connection, "gift_cards").items()} == {
        "G": None,
        "H": None,
    }
    note = "points to {} that the POS does not send; the reference is left empty"
    assert found.losses == [
        Loss("gift_cards", "customer_key", 2, note.format("customers"), ("G", "H")),
        Loss("timecards", "staff_key", 1, note.format("staff"), ("L1/T",)),
    ]


def test_a_record_that_was_loaded_before_may_be_pointed_at(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'customers', 'A', 'customers', 1, 1, 1)",
        [subject.restaurant_id, subject.integration_id],
    )
    people = Directory()
    people.row("customer_addresses", "A/address", customer_key="A")
    people.row("gift_cards", "G", customer_key="A")
    assert stage(connection, subject, people).losses == []
    assert staged(connection, "customer_addresses")["A/address"]["verdict"] is None
    assert staged(connection, "gift_cards")["G"]["customer_key"] == "A"


def test_losses_of_all_batches_are_added_up(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    made = []
    for number in range(3):
        people = Directory()
        people.guest(f"A{number}")
        people.losses.append(Loss("customers", "segment", 2, "has no place", (f"A{number}", f"B{number}")))
        made.append(people)
    found = stage(connection, subject, *made)
    assert found.losses == [Loss("customers", "segment", 6, "has no place", ("A0", "B0", "A1", "B1", "A2"))]


# -- staff --------------------------------------------------------------------------------------------------------------


def test_roles_get_the_names_of_the_options_and_the_unknown_ones_wait_for_a_review(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    connection.execute("INSERT INTO aura.roles (restaurant_id, name) VALUES (%s, 'Bartender')", [subject.restaurant_id])
    people = Directory()
    people.row("roles", "R1", name="Waiter")
    people.row("roles", "R2", name="waitress ")
    people.row("roles", "R3", name="BARTENDER")
    people.row("roles", "R4", name="Sommelier")
    people.row("staff", "S", role_key="R2")
    people.row("roles", "R5", name="Cook")
    roles = {"waiter": "Server", "Waitress": "Server", "cook": "Kitchen", "Dishwasher": "Kitchen"}
    named = {"roles": roles, "newRoles": ["server "]}
    found = stage(connection, subject, people, options={"people": {"staff": named}})
    staged_roles = staged(connection, "roles")
    assert {key: (row["name"], row["needs_review"], row["same_as"]) for key, row in staged_roles.items()} == {
        "R1": ("Server", False, None),
        "R2": ("Server", False, "R1"),
        "R3": ("BARTENDER", False, None),
        "R4": ("Sommelier", True, None),
        "R5": ("Kitchen", True, None),
    }
    assert (staged_roles["R2"]["wave"], staged_roles["R2"]["verdict"]) == (1, None)
    assert found.people["staff"]["roles_to_review"] == [
        {"key": "R4", "name": "Sommelier"},
        {"key": "R5", "name": "Kitchen"},
    ]
    assert found.people["staff"]["roles_unused"] == ["Dishwasher"]
    with pytest.raises(BadInput, match="'cook' is given a role more than once"):
        parse_options({"people": {"staff": {"roles": {"Cook": "A", "cook ": "B"}}}})


def test_a_role_made_by_an_earlier_load_is_known_only_once_somebody_has_reviewed_it(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    connection.execute(
        "INSERT INTO aura.roles (restaurant_id, name, needs_review) VALUES (%s, 'Server', true)",
        [subject.restaurant_id],
    )
    people = Directory()
    people.row("roles", "R1", name="Server")
    stage(connection, subject, people)
    assert staged(connection, "roles")["R1"]["needs_review"] is True
    connection.execute("UPDATE aura.roles SET needs_review = false")
    stage(connection, subject, people)
    assert staged(connection, "roles")["R1"]["needs_review"] is False


def test_wages_stay_behind_if_the_options_say_so(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.row("roles", "R", default_rate_cents=1500)
    people.row("staff", "S")
    people.row("staff_jobs", "S/1", staff_key="S", hourly_rate_cents=1800, annual_salary_cents=1)
    people.row("timecards", "L1/T", staff_key="S", hourly_rate_cents=1800, declared_tips_cents=700)
    stage(connection, subject, people, options={"people": {"staff": {"includeWages": False}}})
    assert staged(connection, "roles")["R"]["default_rate_cents"] is None
    assert staged(connection, "staff_jobs")["S/1"]["hourly_rate_cents"] is None
    assert staged(connection, "staff_jobs")["S/1"]["annual_salary_cents"] is None
    card = staged(connection, "timecards")["L1/T"]
    assert (card["hourly_rate_cents"], card["declared_tips_cents"]) == (None, 700)
