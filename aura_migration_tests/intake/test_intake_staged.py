"""Rows of handed files beside those of a POS: whose they turn out to be once both are staged."""

from __future__ import annotations

import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.intake import current_files
from aura_migration.migration.privacy.erasure import erase
from aura_migration.migration.privacy.finding import Wanted
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.handed import CONSENTS, GIFT_CARDS, HOUSE, LOYALTY, PAYROLL, Desk
from aura_migration_tests.support.menus import make_subject, one, rows
from aura_migration_tests.support.persons import Directory, stage, staged


@pytest.fixture
def subject(desk: Desk) -> Subject:
    desk.connection.execute("delete from migration.locations")
    return make_subject(desk.connection, desk.integration_id, "LOOP-1")


def guests() -> Directory:
    people = Directory()
    people.guest("MARIA", "Maria Quintero", "Maria.Quintero@canary-mail.example.com", "312 555 0142")
    people.guest("JO", "Jo", "jo@canary-mail.example.com")
    people.guest("ANN", "Ann Lee", phone="+1 312 555 0190")
    people.guest("BOB", "Bob Lee", phone="(312) 555-0190")
    people.row("staff", "S1", name="Zebulon Quillfeather", employee_code="E-104417")
    people.row("staff", "S2", name="Somebody Else", email="ottoline@canary-mail.example.com")
    return people


def test_points_find_the_guest_whose_contact_they_name_and_stay_claimable_otherwise(
    desk: Desk, subject: Subject
) -> None:
    desk.hand("loyalty", LOYALTY)
    stage(desk.connection, subject, guests(), desk.batch())
    accounts = staged(desk.connection, "loyalty_accounts").values()
    owners = {row["balance_points"]: row.get("customer_key") for row in accounts}
    assert owners == {1250: "MARIA", -35: "JO", 80: None}  # two guests share the third number
    assert all(row["claim_hash"] for row in accounts)
    assert staged(desk.connection, "customers")["MARIA"]["loyalty_points"] == 1250


def test_a_grant_counts_for_the_one_it_names_and_a_later_no_takes_it_back(desk: Desk, subject: Subject) -> None:
    desk.hand("consents", CONSENTS)
    found = stage(desk.connection, subject, guests(), desk.batch())
    answers = rows(
        desk.connection,
        "select content ->> 'customer_key', content ->> 'purpose', content ->> 'status' from staging.rows "
        "where entity = 'customer_consents' and verdict is null and same_as is null",
    )
    assert answers == [("MARIA", "marketing_email", "denied")]
    assert found.entities["customer_consents"]["quarantined"] == 3
    assert not staged(desk.connection, "customers")["MARIA"]["marketing_opt_in"]


def test_every_line_of_every_file_is_staged_quarantined_or_skipped(desk: Desk, subject: Subject) -> None:
    desk.hand("gift_cards", GIFT_CARDS)
    desk.hand("house_accounts", HOUSE)
    found = stage(desk.connection, subject, guests(), desk.batch())
    assert found.entities["gift_cards"] == {"rows": 3, "quarantined": 1, "skipped": 0}
    assert found.entities["house_accounts"] == {"rows": 2, "quarantined": 0, "skipped": 0}
    (record,) = rows(desk.connection, "select record from migration.quarantine")[0]
    assert record.startswith("file_gift_cards#") and record.endswith("line 4")


def test_a_corrected_line_becomes_a_card_with_what_was_readable_of_it(desk: Desk, subject: Subject) -> None:
    desk.hand("gift_cards", GIFT_CARDS)
    stage(desk.connection, subject, guests(), desk.batch())
    desk.connection.execute('update migration.quarantine set correction = \'{"status": "pending"}\'')
    found = stage(desk.connection, subject, guests(), desk.batch())
    assert found.entities["gift_cards"]["rows"] == 4
    total = one(
        desk.connection,
        "select sum((content ->> 'balance_cents')::bigint) from staging.rows where entity = 'gift_cards'",
    )
    assert total == 126975


def test_pay_finds_the_employee_it_names_and_goes_without_one_where_it_names_nobody(
    desk: Desk, subject: Subject
) -> None:
    desk.hand("payroll", PAYROLL, "toast:LOOP-1")
    stage(desk.connection, subject, guests(), desk.batch("toast:LOOP-1"))
    pay = {row["gross_pay_cents"]: row.get("staff_key") for row in staged(desk.connection, "payroll").values()}
    assert pay == {181240: "S1", 60000: None}


def test_pay_belongs_to_whose_number_it_gives_and_only_without_one_to_whose_address(
    desk: Desk, subject: Subject
) -> None:
    people = Directory()
    people.row("staff", "LOOP-1/S1", name="Zeb", employee_code="E-104417", email="zeb@canary-mail.example.com")
    people.row("staff", "LOOP-1/S2", name="Otti", email="otti@canary-mail.example.com")
    lines = "".join(
        f"{code},{email},{name},01/19/2026,02/01/2026,{amount}\n"
        for code, email, name, amount in (
            (" e-104417", "otti@canary-mail.example.com", "", "1.00"),
            ("S2", "zeb@canary-mail.example.com", "", "2.00"),
            ("unheard-of", "Otti@canary-mail.example.com", "", "3.00"),
            ("", "", "Zeb", "4.00"),
        )
    )
    desk.hand("payroll", f"Employee ID,Email,Name,Period Start,Period End,Gross Pay\n{lines}", "toast:LOOP-1")
    stage(desk.connection, subject, people, desk.batch("toast:LOOP-1"))
    pay = {row["gross_pay_cents"]: row.get("staff_key") for row in staged(desk.connection, "payroll").values()}
    assert pay == {100: "LOOP-1/S1", 200: "LOOP-1/S2", 300: "LOOP-1/S2", 400: None}


def test_erasing_a_guest_reaches_the_files_that_name_them(desk: Desk, subject: Subject) -> None:
    desk.hand("consents", CONSENTS)
    desk.hand("loyalty", LOYALTY)
    desk.connection.execute(
        "insert into aura.customers (restaurant_id, first_name, email, email_normalized) "
        "values (%s, 'Maria', 'maria.quintero@canary-mail.example.com', 'maria.quintero@canary-mail.example.com')",
        [subject.restaurant_id],
    )
    wanted = Wanted(emails=("maria.quintero@canary-mail.example.com",))
    erase(desk.workshop, subject.restaurant_id, wanted, "ana")
    fresh = Workshop.open(desk.workshop.settings)
    reader = SnapshotReader(*current_files(desk.connection, desk.integration_id, None), cipher=fresh.persons)
    said = [str(reader.revealed(body)) for entity in reader.entities() for body in reader.bodies(entity)]
    assert not any("quintero" in text for text in said)
    assert any("jo@canary-mail" in text for text in said)
