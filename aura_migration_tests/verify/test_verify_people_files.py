"""What handed files state, as their witness reads it from the snapshot: consents by contact, holders of balances."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.intake import current_files
from aura_migration.intake.witness import people_facts
from aura_migration.load.apply import apply_plan
from aura_migration.migration.privacy.erasure import erase
from aura_migration.migration.privacy.finding import Wanted
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import build_plan
from aura_migration.pos.people_facts import BalanceFact, ConsentFact, CustomerFact, PayrollFact, contact_key
from aura_migration.verify.people import PeopleVerdict, verify_people
from aura_migration_tests.intake.conftest import desk as desk
from aura_migration_tests.support.handed import CONSENTS, GIFT_CARDS, HOUSE, LOYALTY, Desk
from aura_migration_tests.support.menus import make_subject
from aura_migration_tests.support.persons import Directory, stage
from aura_migration_tests.verify.people_support import blocking
from aura_migration_tests.verify.verify_support import NOW


class InMemory:
    """A snapshot of files, where a SnapshotReader is expected."""

    def __init__(self, **documents: dict[str, Any]) -> None:
        self._documents = documents

    def bodies(self, entity: str) -> Any:
        """The body of that entity, if there is one."""
        found = self._documents.get(entity)
        return iter([SimpleNamespace(data=json.dumps(found).encode())] if found else [])

    def revealed(self, body: Any) -> bytes:
        """Nothing of it is encrypted."""
        return bytes(body.data)


def said(entity: str, rows: list[dict[str, Any]], **conventions: Any) -> list[Any]:
    how = {"currency": "USD", "decimal": ".", **conventions}
    reader: Any = InMemory(**{entity: {"rows": rows, "rejected": [], "conventions": how}})
    return list(people_facts(reader, "L1", "USD"))


def test_an_answer_is_about_every_contact_of_its_line() -> None:
    rows: list[dict[str, Any]] = [
        {
            "key": "f-1",
            "email": "a@example.org",
            "phone": "212 555 0142",
            "purpose": "Newsletter",
            "answer": "Opted-in",
        },
        {"key": "f-2", "contact": "b@example.org", "purpose": "SMS", "answer": "STOP"},
        {"key": "f-3", "email": "c@example.org", "purpose": "email", "answer": "N/A"},
        {"key": "f-4", "email": None, "purpose": "email", "answer": "yes"},
    ]
    assert said("file_consents", rows) == [
        ConsentFact("a@example.org", "marketing_email", "granted"),
        ConsentFact("212 555 0142", "marketing_email", "granted"),
        ConsentFact("b@example.org", "marketing_sms", "denied"),
        ConsentFact("c@example.org", "marketing_email", "unknown"),
    ]


def test_a_column_per_purpose_and_the_files_own_words() -> None:
    rows = [{"key": "f-1", "email": "a@example.org", "marketing_email": "Oui", "marketing_sms": "non", "profile": ""}]
    assert said(
        "file_consents", rows, answers={"oui": "granted", "non": "denied"}, answer="yes", purpose="profile"
    ) == [
        ConsentFact("a@example.org", "marketing_email", "granted"),
        ConsentFact("a@example.org", "marketing_sms", "denied"),
    ]
    assert said(
        "file_consents", [{"key": "f-2", "email": "d@example.org"}], answer="yes", purpose="data migration"
    ) == [ConsentFact("d@example.org", "data_migration", "granted")]


def test_a_pay_period_is_read_as_the_file_writes_it_and_only_at_its_own_location() -> None:
    rows = [
        {
            "key": "f-1",
            "employee_code": '="0042"',
            "email": "a@example.org",
            "location": "The Loop",
            "pay_period_start": "19.01.2026",
            "pay_period_end": "2026-02-01",
            "regular_hours": "75,5",
            "overtime_hours": "2:20",
            "gross_pay": "$1.812,40",
            "tips": "(3,00)",
        },
        {"key": "f-2", "employee_code": "7", "location": "elsewhere", "gross_pay": "1"},
        {"key": "f-3", "employee_code": None, "gross_pay": None},
    ]
    found = said(
        "file_payroll",
        rows,
        decimal=",",
        forms={"pay_period_start": "%d.%m.%Y", "pay_period_end": "iso"},
        sites={"theloop": "L1", "elsewhere": "L2"},
    )
    hours, paid = ("75.5000", "2.3333"), (181240, None, -300, None, "USD")
    assert found == [
        PayrollFact("L1/f-1", "0042", "a@example.org", "2026-01-19", "2026-02-01", None, *hours, *paid),
        PayrollFact("L1/f-3", is_forgotten=True),
    ]


def test_a_balance_belongs_to_whoever_has_one_of_the_contacts() -> None:
    rows = [{"key": "f-1", "email": " a@example.org", "phone": "212 555 0142", "balance": "(1,234.50)"}]
    assert said("file_house_accounts", rows) == [
        BalanceFact("house_accounts", "f-1", "USD", -123450, contact_key("a@example.org", "212 555 0142"))
    ]


def test_what_files_say_agrees_with_what_was_loaded_of_them_and_holders_are_judged(desk: Desk) -> None:
    desk.connection.execute("delete from migration.locations")
    subject = make_subject(desk.connection, desk.integration_id, "LOOP-1")
    desk.hand("loyalty", LOYALTY)
    desk.hand("house_accounts", HOUSE)
    desk.hand("gift_cards", GIFT_CARDS.replace("Redeemed? no", "Active"))
    desk.hand("consents", CONSENTS)
    people = Directory()
    people.guest("MARIA", "Maria Quintero", "Maria.Quintero@canary-mail.example.com", "(312) 555-0142")
    people.guest("JO", "Jo", "jo@canary-mail.example.com")
    people.guest("ANN", "Ann Lee", phone="+1 312 555 0190")
    people.guest("BOB", "Bob Lee", phone="(312) 555-0190")
    guests = [
        CustomerFact("MARIA", "Maria", "Quintero", "Maria.Quintero@canary-mail.example.com", "(312) 555-0142"),
        CustomerFact("JO", "Jo", None, "jo@canary-mail.example.com"),
        CustomerFact("ANN", "Ann", "Lee", phone="+1 312 555 0190"),
        CustomerFact("BOB", "Bob", "Lee", phone="(312) 555-0190"),
    ]
    stage(desk.connection, subject, people, desk.batch())
    plan = build_plan(desk.connection, subject, ALL_ENTITIES, MigrationOptions())
    desk.connection.execute("UPDATE migration.plans SET state = 'approved', approved_at = now()")
    desk.connection.execute("UPDATE migration.migrations SET state = 'loading', load_at = %s", [NOW])
    apply_plan(desk.connection, subject, plan.plan_id, ENTITIES, NOW)

    def judged(workshop: Workshop = desk.workshop) -> PeopleVerdict:
        reader: Any = None
        files = SnapshotReader(*current_files(desk.connection, desk.integration_id, None), cipher=workshop.persons)
        told = people_facts(files, "LOOP-1", "USD")
        listed = workshop.suppression(subject.restaurant_id)
        return verify_people(
            desk.connection, subject, reader, "LOOP-1", "USD", plan.plan_id, MigrationOptions(), NOW, told,
            witness=lambda *_: iter(guests), seals=desk.seals, suppressed_hash=lambda what, text, _of: listed.hash(what, text),
        )  # fmt: skip

    verdict = judged()
    assert [
        (f.check_name, f.entity, f.source_key, f.expected, f.actual, f.cause) for f in verdict.findings if f.is_blocking
    ] == []
    assert {gate.name: gate.passed for gate in verdict.gates} == {
        "customers_accounted": True,
        "consent_respected": True,
        "loyalty_conserved": True,
        "gift_cards_conserved": True,
        "house_accounts_conserved": True,
        "staff_accounted": None,
    }
    desk.connection.execute(
        "UPDATE aura.loyalty_accounts SET customer_id = (SELECT id FROM aura.customers WHERE first_name = 'Ann') "
        "WHERE balance_points = 1250"
    )
    assert {found for found, entity, _ in blocking(judged()) if entity == "loyalty_accounts"} == {"loyalty_conserved"}
    desk.connection.execute(
        "UPDATE aura.loyalty_accounts SET customer_id = (SELECT id FROM aura.customers WHERE first_name = 'Maria') "
        "WHERE balance_points = 1250"
    )
    wanted = Wanted(emails=("maria.quintero@canary-mail.example.com",))
    erase(desk.workshop, subject.restaurant_id, wanted, "ana")
    after = judged(Workshop.open(desk.workshop.settings))
    assert [
        (f.check_name, f.entity, f.source_key, f.expected, f.actual, f.cause) for f in after.findings if f.is_blocking
    ] == []
    desk.connection.execute(
        "UPDATE aura.customers SET email = 'maria.quintero@canary-mail.example.com' WHERE erased_at IS NOT NULL"
    )
    back = judged(Workshop.open(desk.workshop.settings))
    assert {found for found, _, _ in blocking(back)} == {"consent_respected"}
