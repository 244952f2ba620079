"""The verdict on people who were loaded as they are: what it says, what it leaves open, and what it accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration.pos.people_facts import BalanceFact, ConsentFact, CustomerFact, RewardFact, contact_key
from aura_migration.verify.people import PeopleVerdict
from aura_migration_tests.support import database as support
from aura_migration_tests.verify.people_support import Crew, blocking, fill, open_crew, people_facts

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def people_database(postgres_server: str, template_database: str) -> Iterator[str]:
    with support.clone(postgres_server, template_database) as url:
        yield url


@pytest.fixture
def work(people_database: str) -> Iterator[Connection]:
    """A connection whose work is taken back after the test."""
    with connect(people_database, application_name="test") as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def crew(work: Connection) -> Crew:
    return fill(open_crew(work))


def gate(verdict: PeopleVerdict, name: str) -> bool | None:
    return next(one.passed for one in verdict.gates if one.name == name)


def test_people_as_they_were_loaded_agree_with_the_pos(crew: Crew) -> None:
    verdict = crew.verify()
    assert list(blocking(verdict)) == []
    assert {one.name: one.passed for one in verdict.gates} == dict.fromkeys(
        (
            "customers_accounted",
            "consent_respected",
            "loyalty_conserved",
            "gift_cards_conserved",
            "house_accounts_conserved",
            "staff_accounted",
        ),
        True,
    )
    assert verdict.metrics == {
        "loyalty_points_diff": 0,
        "gift_card_liability_diff_cents": 0,
        "house_account_liability_diff_cents": 0,
        "customers_without_consent_contacted": 0,
        "skipped_by_policy": 0,
        "customers_accounted_pct": 100.0,
        "staff_accounted_pct": 100.0,
    }


def test_the_ledger_has_opening_activity_and_closing_of_both_sides_once_per_integration(crew: Crew) -> None:
    crew.verify()
    crew.verify()
    rows = crew.connection.execute(
        "SELECT class, subject_key, unit, source_opening, source_activity, source_closing, aura_opening, aura_activity, "
        "aura_closing, difference FROM migration.liability_ledger WHERE integration_id = %s ORDER BY class, subject_key",
        [crew.subject.integration_id],
    ).fetchall()
    assert rows == [
        ("gift_cards", "G1", "USD", 0, 2750, 2750, 0, 2750, 2750, 0),
        ("gift_cards", "G2", "USD", 500, 0, 500, 500, 0, 500, 0),
        ("gift_cards", "G3", "USD", 900, 0, 900, 900, 0, 900, 0),
        ("house_accounts", "H1", "USD", -12_000, 0, -12_000, -12_000, 0, -12_000, 0),
        ("loyalty", "A1", "points", 60, 25, 85, 60, 25, 85, 0),
        ("loyalty", "A2", "points", -3, 0, -3, -3, 0, -3, 0),
        ("store_credit", "S1", "USD", 700, 0, 700, 700, 0, 700, 0),
    ]


def test_a_restaurant_without_people_has_no_verdict_on_them(work: Connection) -> None:
    verdict = open_crew(work).verify([])
    assert {one.passed for one in verdict.gates} == {None}
    assert set(verdict.metrics.values()) == {None}


def test_entities_the_options_leave_out_are_not_judged(work: Connection) -> None:
    entities = ["customers", "loyalty_accounts", "gift_cards", "house_accounts", "staff"]
    verdict = open_crew(work, {"excludeEntities": entities}).verify()
    assert {one.passed for one in verdict.gates} == {None}
    assert set(verdict.metrics.values()) == {None}


def test_what_is_redeemed_in_auraconnect_after_the_switch_is_no_difference_of_the_import(crew: Crew) -> None:
    crew.connection.execute(
        "INSERT INTO migration.liability_owners (integration_id, class, owner, since, changed_by) "
        "SELECT %s, c, 'auraconnect', now(), 'Ann' FROM unnest(ARRAY['gift_cards', 'loyalty']) c",
        [crew.subject.integration_id],
    )
    crew.connection.execute("UPDATE aura.gift_cards SET status = 'active' WHERE status = 'pending'")
    crew.connection.execute("UPDATE aura.loyalty_accounts SET status = 'active' WHERE status = 'pending'")
    crew.connection.execute("SELECT aura.redeem_gift_card(%s, 1000, 'sale 1')", [crew.id_of("gift_cards", "G1")])
    crew.connection.execute("SELECT aura.redeem_points(%s, 10, 'sale 1')", [crew.id_of("loyalty_accounts", "A1")])
    verdict = crew.verify()
    assert list(blocking(verdict)) == []
    assert verdict.metrics["gift_card_liability_diff_cents"] == 0 == verdict.metrics["loyalty_points_diff"]


def test_an_active_balance_before_the_switch_would_be_redeemed_twice(crew: Crew) -> None:
    crew.connection.execute("UPDATE aura.gift_cards SET status = 'active' WHERE source_id = 'G1'")
    assert list(blocking(crew.verify())) == [("gift_cards_conserved", "gift_cards", "G1")]


def test_a_conversion_of_points_is_explained_exactly(work: Connection) -> None:
    crew = open_crew(work, {"people": {"loyalty": {"multiply": "0.5", "rounding": "down", "cap": 40}}})
    program = crew.load("loyalty_programs", "P1", name="Stars")
    for key, points in (("A1", 40), ("A2", 7), ("A3", -1)):
        account = crew.load("loyalty_accounts", key, program_id=program, balance_points=points)
        values = {"points_change": points, "points_balance_before": 0, "points_balance_after": points}
        crew.load(
            "loyalty_transactions",
            f"{key}/opening",
            loyalty_account_id=account,
            transaction_type="opening_balance",
            reason="x",
            **values,
        )
    said = [
        BalanceFact("loyalty", "A1", "points", 99),
        BalanceFact("loyalty", "A2", "points", 15),
        BalanceFact("loyalty", "A3", "points", -3),
    ]
    verdict = crew.verify(said)
    assert gate(verdict, "loyalty_conserved") is True
    assert verdict.metrics["loyalty_points_diff"] == 0
    accepted = {one.source_key: (one.expected, one.actual, one.difference_cents) for one in verdict.findings}
    assert accepted == {"A1": (99, 40, -59), "A2": (15, 7, -8), "A3": (-3, -1, 2)}
    crew.load("customer_rewards", "R1", loyalty_account_id=account, title="Pie", points_cost=7, status="available")
    assert gate(crew.verify([*said, RewardFact("R1", "A3", 15)]), "loyalty_conserved") is True
    assert gate(crew.verify([*said, RewardFact("R1", "A3", 16)]), "loyalty_conserved") is False
    work.execute("DELETE FROM aura.customer_rewards_v2")
    work.execute("UPDATE aura.loyalty_accounts SET balance_points = 8 WHERE source_id = 'A2'")
    assert gate(crew.verify(said), "loyalty_conserved") is False


def test_people_left_out_by_the_policy_are_counted_and_hold_nothing(work: Connection) -> None:
    crew = open_crew(work, {"people": {"requireConsent": "marketing"}})
    yes = crew.load("customers", "C1", first_name="Ines", status="active", marketing_opt_in=True)
    crew.load(
        "customer_consents", "C1/e", customer_id=yes, purpose="marketing_email", status="granted", source="pos_flag"
    )
    crew.plan("customers", "C2", "skip", "no marketing consent on record", content={})
    said = [CustomerFact("C1", "Ines", marketing_email="granted"), CustomerFact("C2", "Bo", email="bo@example.org")]
    verdict = crew.verify(said)
    assert list(blocking(verdict)) == []
    assert verdict.metrics["skipped_by_policy"] == 1
    assert verdict.metrics["customers_accounted_pct"] == 100.0
    work.execute("UPDATE migration.plan_rows SET content = '{\"email\": \"bo@example.org\"}' WHERE source_key = 'C2'")
    assert list(blocking(crew.verify(said))) == [("consent_respected", "customers", "C2")]


def test_somebody_who_stands_without_the_consent_the_policy_asks_for_is_found(work: Connection) -> None:
    crew = open_crew(work, {"people": {"requireConsent": "profile"}})
    crew.load("customers", "C1", first_name="Ines", status="active")
    assert list(blocking(crew.verify([CustomerFact("C1", "Ines")]))) == [("consent_respected", "customers", "C1")]


def test_a_skip_nobody_signed_leaves_a_profile_unaccounted(work: Connection) -> None:
    crew = open_crew(work)
    crew.plan("customers", "C1", "skip", "why not")
    work.execute("UPDATE migration.plans SET approved_at = NULL")
    verdict = crew.verify([CustomerFact("C1", "Ines")])
    assert list(blocking(verdict)) == [("customers_accounted", "customers", "C1")]
    assert verdict.metrics["customers_accounted_pct"] == 0.0


def test_a_grant_from_a_handed_file_counts_only_while_the_file_states_it(work: Connection) -> None:
    crew = open_crew(work)
    number = crew.load(
        "customers",
        "C1",
        email="a@example.org",
        email_normalized="a@example.org",
        status="active",
        marketing_opt_in=True,
    )
    row = {"purpose": "marketing_email", "status": "granted", "source": "restaurant_export"}
    crew.load("customer_consents", "C1/marketing_email", customer_id=number, **row)
    said = [CustomerFact("C1", email="a@example.org")]
    file = [ConsentFact("A@Example.org ", "marketing_email", "granted")]
    assert list(blocking(crew.verify(said, file))) == []
    without = crew.verify(said)
    assert {key for check, _, key in blocking(without) if check == "consent_respected"} == {"C1"}
    assert without.metrics["customers_without_consent_contacted"] == 1
    against = crew.verify(said, [*file, ConsentFact("a@example.org", "marketing_email", "denied")])
    assert gate(against, "consent_respected") is False


def test_of_two_profiles_that_are_one_person_the_denial_holds(work: Connection) -> None:
    crew = open_crew(work)
    number = crew.load("customers", "C1", first_name="Ines", status="active", marketing_opt_in=True)
    crew.claim("customers", "C2", number)
    crew.plan("customers", "C2", "merge", "the same person", aura_id=number)
    for key, status in (("C1", "granted"), ("C2", "denied")):
        row = {"purpose": "marketing_email", "status": status, "source": "pos_flag"}
        crew.load("customer_consents", f"{key}/marketing_email", customer_id=number, **row)
    said = [CustomerFact("C1", "Ines", marketing_email="granted"), CustomerFact("C2", "Ines", marketing_email="denied")]
    verdict = crew.verify(said)
    assert {(entity, key) for _, entity, key in blocking(verdict)} == {("customers", "C1"), ("customer_consents", "C1")}
    assert verdict.metrics["customers_without_consent_contacted"] == 1


def test_a_profile_that_was_never_asked_takes_the_yes_of_the_same_person_back(work: Connection) -> None:
    crew = open_crew(work)
    number = crew.load("customers", "C1", first_name="Ines", status="active")
    crew.claim("customers", "C2", number)
    crew.plan("customers", "C2", "merge", "the same person", aura_id=number)
    said = [CustomerFact("C1", "Ines", marketing_email="granted"), CustomerFact("C2", "Ines")]
    row = {"purpose": "marketing_email", "status": "unknown", "source": "pos_flag"}
    crew.load("customer_consents", "C1/marketing_email", customer_id=number, **row)
    assert list(blocking(crew.verify(said))) == []
    work.execute("UPDATE aura.customer_consents SET status = 'granted'")
    work.execute("UPDATE aura.customers SET marketing_opt_in = true WHERE id = %s", [number])
    verdict = crew.verify(said)
    assert {entity for _, entity, _ in blocking(verdict)} == {"customers", "customer_consents"}
    assert verdict.metrics["customers_without_consent_contacted"] == 1


def test_somebody_who_refused_to_be_taken_over_is_left_out_whatever_the_policy(work: Connection) -> None:
    crew = open_crew(work)
    number = crew.load("customers", "C1", email="a@example.org", email_normalized="a@example.org", status="active")
    row = {"purpose": "data_migration", "status": "denied", "source": "restaurant_export"}
    crew.load("customer_consents", "C1/data_migration", customer_id=number, **row)
    verdict = crew.verify(
        [CustomerFact("C1", email="a@example.org")], [ConsentFact("a@example.org", "data_migration", "denied")]
    )
    assert list(blocking(verdict)) == [("consent_respected", "customers", "C1")]


def test_a_profile_the_pos_no_longer_shows_is_told_where_only_its_points_followed_its_accounts(crew: Crew) -> None:
    number = crew.load("customers", "C8", first_name="Old", status="active", marketing_opt_in=False)
    planned = (
        "UPDATE migration.plan_rows SET action = %s, image = %s::jsonb WHERE entity = 'customers' AND source_key = 'C8'"
    )
    crew.connection.execute(planned, ["update", '{"loyalty_points": 0}'])
    verdict = crew.verify()
    assert list(blocking(verdict)) == []
    assert [f.source_key for f in verdict.findings if f.check_name == "customers_accounted"] == ["C8"]
    for action, image in (("update", '{"loyalty_points": 0, "nickname": "x"}'), ("create", '{"loyalty_points": 0}')):
        crew.connection.execute(planned, [action, image])
        assert list(blocking(crew.verify())) == [("customers_accounted", "customers", "C8")]
    crew.connection.execute(planned, ["unchanged", "{}"])
    assert list(blocking(crew.verify())) == [("customers_accounted", "customers", "C8")]
    crew.connection.execute(
        """
        WITH other AS (INSERT INTO migration.plans (migration_id, kind, state) SELECT migration_id, 'preview', 'loaded'
                       FROM migration.plans LIMIT 1 RETURNING id),
             written AS (INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, aura_table, crosswalk_key, image)
                         SELECT id, 1, 'customers', 'C8', 'update', 'customers', 'C8', '{"loyalty_points": 0}' FROM other)
        UPDATE migration.plan_rows SET stands_on_plan = other.id FROM other WHERE source_key = 'C8'
        """
    )
    assert list(blocking(crew.verify())) == []
    crew.connection.execute("DELETE FROM migration.plan_rows WHERE entity = 'customers' AND source_key = 'C8'")
    assert list(blocking(crew.verify())) == []
    crew.connection.execute("UPDATE aura.customers SET loyalty_points = 85 WHERE id = %s", [number])
    assert list(blocking(crew.verify())) == [("loyalty_conserved", "customers", "C8")], "counted twice"


def test_balances_that_are_not_shown_any_more_fail_with_what_helps(crew: Crew) -> None:
    said = [fact for fact in people_facts() if fact[1:2] not in (("A2",), ("G2",), ("H1",))]
    remedies = {one.name: one.remedy for one in crew.verify(said).gates if one.passed is False}
    assert set(remedies) == {"loyalty_conserved", "gift_cards_conserved", "house_accounts_conserved"}
    assert all("withdraw the newer file" in remedy for remedy in remedies.values())


def test_a_consent_given_in_auraconnect_after_the_load_is_its_own_business(crew: Crew) -> None:
    number = crew.id_of("customers", "C1")
    crew.connection.execute("UPDATE aura.customers SET marketing_opt_in = true WHERE id = %s", [number])
    insert = (
        "INSERT INTO aura.customer_consents (restaurant_id, customer_id, purpose, status, source, created_at) "
        "VALUES (%s, %s, 'marketing_email', 'granted', 'explicit_request', %s)"
    )
    crew.connection.execute(insert, [crew.subject.restaurant_id, number, "2026-03-02 13:00+00"])
    assert list(blocking(crew.verify())) == []
    crew.connection.execute("UPDATE aura.customer_consents SET created_at = '2020-01-01' WHERE source_vendor IS NULL")
    assert list(blocking(crew.verify())) == [("consent_respected", "customers", "C1")]


def test_a_message_to_a_guest_without_consent_is_counted_as_contact(crew: Crew) -> None:
    crew.connection.execute("CREATE TABLE aura.notifications (id bigserial, customer_id bigint)")
    crew.connection.execute("INSERT INTO aura.notifications (customer_id) VALUES (%s)", [crew.id_of("customers", "C3")])
    verdict = crew.verify()
    assert verdict.metrics["customers_without_consent_contacted"] == 1
    assert gate(verdict, "consent_respected") is False


def test_somebody_erased_does_not_come_back_unseen(crew: Crew) -> None:
    crew.connection.execute(
        "INSERT INTO migration.suppressions (restaurant_id, what, keyed_hash, requested_by) VALUES (%s, 'email', %s, 'Ann')",
        [crew.subject.restaurant_id, "customers:email:t@example.org"],
    )

    def hash_of(what: str, text: str, of: str) -> str:
        return f"{of}:{what}:{text}"

    found = list(blocking(crew.verify(suppressed_hash=hash_of)))
    assert found == [("consent_respected", "customers", "C4"), ("consent_respected", "customers", "C5")]


def test_the_holder_of_a_balance_from_a_file_is_somebody_with_that_contact(crew: Crew) -> None:
    said = [fact for fact in people_facts() if fact[:2] != ("gift_cards", "G1")]

    def holder(*contacts: str) -> list[Any]:
        file = [BalanceFact("gift_cards", "G1", "USD", 2750, contact_key(*contacts), 2750)]
        return list(blocking(crew.verify(said, file)))

    wrong = [("gift_cards_conserved", "gift_cards", "G1")]
    assert holder("mira@EXAMPLE.org") == []
    assert holder("212-555-0142") == []
    assert holder("somebody@example.org", "(212) 555 0142") == []
    assert holder("somebody@example.org") == wrong
    assert holder() == wrong
    crew.connection.execute("UPDATE aura.gift_cards SET customer_id = NULL WHERE source_id = 'G1'")
    assert holder("mira@example.org") == wrong, "only one guest has it"
    assert holder("t@example.org") == wrong, "two profiles, but one person"
    assert holder("somebody@example.org") == []


def test_a_contact_several_people_share_says_yes_for_nobody_and_no_for_each(work: Connection) -> None:
    crew = open_crew(work)
    both = {"email": "family@example.org", "email_normalized": "family@example.org", "status": "active"}
    said = []
    for key, name in (("C1", "Ann"), ("C2", "Bo")):
        crew.load("customers", key, first_name=name, **both)
        said.append(CustomerFact(key, name, email="family@example.org"))
    for status in ("granted", "denied"):
        file = [ConsentFact("family@example.org", "marketing_email", status)]
        assert list(blocking(crew.verify(said, file))) == []
    row = {"purpose": "marketing_email", "status": "granted", "source": "restaurant_export"}
    crew.load("customer_consents", "C1/marketing_email", customer_id=crew.id_of("customers", "C1"), **row)
    yes = [ConsentFact("family@example.org", "marketing_email", "granted")]
    assert list(blocking(crew.verify(said, yes))) == [("consent_respected", "customer_consents", "C1")]


def test_a_value_kept_by_a_signed_decision_is_accepted_by_name(crew: Crew) -> None:
    crew.connection.execute("UPDATE aura.customers SET first_name = 'Mirabelle' WHERE source_id = 'C1'")
    crew.connection.execute(
        "UPDATE migration.plan_rows SET action = 'merge', strategy = 'keep_existing', reason = 'staff know better', "
        "kept = ARRAY['first_name'], before = '{\"first_name\": \"Mirabelle\"}' WHERE entity = 'customers' AND source_key = 'C1'"
    )
    verdict = crew.verify()
    assert list(blocking(verdict)) == []
    [kept] = [one for one in verdict.findings if not one.is_blocking]
    assert (kept.source_key, kept.cause) == ("C1", "AuraConnect's value is kept (keep_existing): staff know better")
    crew.connection.execute("UPDATE aura.customers SET first_name = 'Mallory' WHERE source_id = 'C1'")
    assert gate(crew.verify(), "customers_accounted") is False


def test_a_value_corrected_in_quarantine_is_that_persons_decision_and_no_other(crew: Crew) -> None:
    crew.connection.execute(
        "UPDATE aura.customers SET email = 'b@example.org', email_normalized = 'b@example.org' WHERE source_id = 'C3'"
    )
    crew.connection.execute(
        'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", correction, corrected_by) '
        "VALUES (%s, 'customers', 'C3', '[]', '{}', '{\"email\": \"b@example.org\"}', 'Ann')",
        [crew.subject.migration_id],
    )
    verdict = crew.verify()
    assert list(blocking(verdict)) == []
    assert {(one.source_key, one.cause) for one in verdict.findings} == {("C3", "corrected in quarantine by Ann")}
    crew.connection.execute("UPDATE aura.customers SET first_name = 'X' WHERE source_id = 'C3'")
    assert gate(crew.verify(), "customers_accounted") is False


def test_a_field_the_options_fill_from_elsewhere_is_accepted(work: Connection) -> None:
    mapping = {"entity": "customers", "posField": "nickname", "auraField": "firstName"}
    crew = open_crew(work, {"fieldMapping": [mapping]})
    crew.load("customers", "C1", first_name="Mimi", last_name="Olsson", status="active")
    verdict = crew.verify([CustomerFact("C1", "Mira", "Olsson")])
    assert [(one.source_key, one.is_blocking) for one in verdict.findings] == [("C1", False)]
    assert gate(crew.verify([CustomerFact("C1", "Mira", "Other")]), "customers_accounted") is False


def test_findings_name_keys_and_fields_and_never_what_is_personal(crew: Crew) -> None:
    crew.connection.execute(
        "UPDATE aura.customers SET first_name = 'Zebulon', email = 'z@example.org', phone = '+12125550199'"
    )
    crew.connection.execute("UPDATE aura.staff_members SET name = 'Zebulon'")
    crew.connection.execute("UPDATE aura.gift_cards SET customer_id = NULL")
    crew.connection.execute("UPDATE aura.attendance_logs SET check_in = check_in + interval '1 hour'")
    verdict = crew.verify()
    told = json.dumps(
        [
            [list(map(repr, (f.source_key, f.expected, f.actual, f.cause))) for f in verdict.findings],
            [g.as_dict() for g in verdict.gates],
        ]
    )
    for secret in ("Zebulon", "z@example.org", "2125550199", "Mira", "Olsson", "Ann Lee", "555-0142"):
        assert secret not in told
    assert verdict.unexplained == len(verdict.findings)


def test_a_person_without_an_id_is_found_by_the_sealed_contact(work: Connection) -> None:
    class Seals:
        def person(self, text: str) -> str:
            return f"<{text}>"

    crew = open_crew(work)
    crew.load(
        "customers", "g-<bo@example.org>", email="Bo@example.org", email_normalized="bo@example.org", status="active"
    )
    said = [CustomerFact(contact_key("bo@example.org"), email="Bo@example.org")]
    assert list(blocking(crew.verify(said, seals=Seals()))) == []


def test_wages_left_out_by_the_options_must_be_absent(work: Connection) -> None:
    crew = fill(open_crew(work, {"people": {"staff": {"includeWages": False}}}))
    assert {check for check, _, _ in blocking(crew.verify())} == {"staff_accounted"}
    work.execute("UPDATE aura.staff_jobs SET hourly_rate_cents = NULL")
    assert list(blocking(crew.verify())) == []
