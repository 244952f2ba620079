"""Erasing a person: gone from every table and every image, gone for good, and nothing else harmed by it."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.seals import Suppression
from aura_migration.migration import decide
from aura_migration.migration.privacy.erasure import REASON, Erased, erase, without_keys
from aura_migration.migration.privacy.finding import Wanted
from aura_migration.migration.privacy.forms import forms
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import Subject, build_plan
from aura_migration.settings import Settings
from aura_migration_tests.support.guests import (
    ADA_PHONE,
    ADA_TEXTS,
    ada,
    customer,
    everything,
    grace,
    migrate,
    preview,
    stage,
    undo,
    where,
    worker,
)
from aura_migration_tests.support.menus import actions, as_options, load, make_chain, one, rows, start_loading

Connection = psycopg.Connection[Any]


@pytest.fixture
def workshop(settings: Settings) -> Workshop:
    return Workshop(settings, str(settings.database_url))


@pytest.fixture
def subject(connection: Connection) -> Subject:
    return make_chain(connection)[0]


def ada_id(connection: Connection, table: str = "customers") -> int:
    return int(one(connection, f"SELECT id FROM aura.{table} WHERE first_name = 'Ada'"))


def gone(workshop: Workshop, at: Subject, /, *, rehearse: bool = False, **wanted: Any) -> Erased:
    return erase(workshop, at.restaurant_id, Wanted(**wanted), "Grace", "a letter", rehearse=rehearse)


# -- what is left ---------------------------------------------------------------------------------------------------------


def test_an_erased_guest_is_in_no_table_and_no_image_any_more(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    connection.execute("UPDATE aura.customers SET nickname = 'Countess of Lovelace' WHERE first_name = 'Ada'")
    connection.execute(
        'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", correction) '
        "VALUES (%s, 'customers', 'ADA', '[\"email is no address\"]', %s, %s)",
        [subject.migration_id, Jsonb({"email": "Ada@Canary.test"}), Jsonb({"notes": "analytical"})],
    )
    connection.execute(
        "INSERT INTO migration.findings (migration_id, check_name, entity, source_key, expected) "
        "VALUES (%s, 'customers_accounted', 'customers', 'ADA', %s)",
        [subject.migration_id, Jsonb({"last_name": "Lovelace"})],
    )
    assert where(connection, *ADA_TEXTS)
    done = gone(workshop, subject, aura_ids=(ada_id(connection),))
    assert where(connection, *ADA_TEXTS) == []
    assert "Hopper" in everything(connection)["aura.customers"], "nobody else is touched"
    assert done.as_dict()["rows"] == {
        "aura.customer_addresses": 1,
        "aura.customer_consents": 1,
        "aura.customers": 1,
        "aura.gift_cards": 1,
        "aura.house_accounts": 1,
        "aura.loyalty_accounts": 1,
        "migration.crosswalk": 6,
        "migration.findings": 1,
        "migration.journal": 6,
        "migration.person_keys": done.counts["migration.person_keys"],
        "migration.plan_rows": 6,
        "migration.quarantine": 1,
        "migration.suppressions": 3,
        "staging.rows": 6,
    }
    (record,) = rows(connection, "SELECT requested_by, reason, counts FROM migration.erasures")
    assert record[:2] == ("Grace", "a letter") and record[2] == done.as_dict()["rows"]


def test_the_row_stays_anonymous_and_what_was_owed_stays_without_the_person(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, ada())
    number = ada_id(connection)
    gone(workshop, subject, aura_ids=(number,))
    (row,) = rows(connection, "SELECT status, marketing_opt_in, erased_at IS NOT NULL, source_id FROM aura.customers")
    assert row == ("deleted", False, True, None)
    assert rows(connection, "SELECT customer_id, claim_hash, balance_points, status FROM aura.loyalty_accounts") == [
        (None, None, 120, "pending")
    ]
    assert rows(connection, "SELECT customer_id, code_hash, balance_cents FROM aura.gift_cards") == [
        (None, "f00d", 2500)
    ]
    assert rows(connection, "SELECT customer_id, name, email, phone, balance_cents FROM aura.house_accounts") == [
        (None, None, None, None, 700)
    ]
    assert rows(connection, "SELECT customer_id, status, evidence FROM aura.customer_consents") == [
        (number, "withdrawn", None)
    ]
    assert rows(connection, "SELECT customer_id, address_line1, city, is_default FROM aura.customer_addresses") == [
        (number, None, None, True)
    ]


@pytest.mark.parametrize("subject_name", ["customers", "staff"])
def test_every_personal_field_of_every_row_of_a_person_is_cleared(subject_name: Any) -> None:
    kept = {("payroll", name) for name in ("gross_pay_cents", "net_pay_cents", "tips_cents", "deductions_cents")}
    reached = {form.entity.name: form for form in forms(subject_name)}
    for entity in ALL_ENTITIES:
        if entity.name == subject_name or any(ref.ref == subject_name for ref in entity.refs):
            personal = {f.name for f in entity.fields if f.personal}
            left = {(entity.name, name) for name in personal - set(reached[entity.name].by_field)}
            assert left <= kept, left


def test_every_personal_field_is_of_a_guest_or_of_staff() -> None:
    reached = {form.entity.name for name in ("customers", "staff") for form in forms(name)}  # type: ignore[arg-type]
    of_nobody = {"roles"}  # the usual wage of a job is not a person's
    assert {e.name for e in ENTITIES.values() if any(f.personal for f in e.fields)} - reached == of_nobody


def test_the_preview_answers_the_same_and_changes_nothing(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, ada())
    workshop.suppression(subject.restaurant_id).hash("email", "x")  # the key is made on first use
    workshop.seals(subject.restaurant_id).claim("x")
    workshop.seals(subject.restaurant_id).person("x")
    before = everything(connection)
    rehearsed = gone(workshop, subject, aura_ids=(ada_id(connection),), rehearse=True)
    assert everything(connection) == before
    done = gone(workshop, subject, aura_ids=(ada_id(connection),))
    assert rehearsed.counts == done.counts and rehearsed.erasure_id is None


def test_erasing_again_changes_nothing(workshop: Workshop, connection: Connection, subject: Subject) -> None:
    migrate(connection, subject, ada())
    number = ada_id(connection)
    gone(workshop, subject, aura_ids=(number,), emails=("ada@canary.test",))
    before = everything(connection)
    again = gone(workshop, subject, aura_ids=(number,), emails=("ada@canary.test",))
    assert again.total == 0 and again.erasure_id is None
    assert everything(connection) == before


def test_staff_are_erased_and_their_hours_stay(workshop: Workshop, connection: Connection, subject: Subject) -> None:
    migrate(connection, subject, [*worker(), *grace()])
    done = gone(workshop, subject, subject="staff", aura_ids=(ada_id(connection, "staff_members"),))
    assert where(connection, "Lovelace", "canary.test", "2025550143", "analytical", ": 1725") == []
    assert rows(connection, "SELECT name, status, is_active, erased_at IS NOT NULL FROM aura.staff_members") == [
        ("(erased)", "terminated", False, True)
    ]
    assert one(connection, "SELECT declared_tips_cents FROM aura.attendance_logs WHERE staff_id IS NOT NULL") == 4000
    assert done.counts["migration.suppressions"] == 1, "their id; a guest with the same address stays welcome"


# -- who is meant ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        {"keys": ("ADA",)},
        {"emails": (" ADA@canary.TEST ",)},
        {"phones": ("202-555-0143",)},
        {"phones": (ADA_PHONE,), "emails": ("ada@canary.test",)},
    ],
)
def test_a_person_is_found_by_key_or_contact(
    workshop: Workshop, connection: Connection, subject: Subject, wanted: dict[str, Any]
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    gone(workshop, subject, **wanted)
    assert where(connection, *ADA_TEXTS) == []
    assert one(connection, "SELECT count(*) FROM aura.customers WHERE erased_at IS NULL") == 1


def test_a_contact_of_several_persons_is_refused_without_naming_them(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    family = {"email": "Ada@Canary.test", "email_normalized": "ada@canary.test"}
    migrate(connection, subject, [*ada(), *grace(**family)])
    before = everything(connection)
    with pytest.raises(Refused, match="2 persons") as refused:
        gone(workshop, subject, emails=("ada@canary.test",))
    assert not any(text in str(refused.value) for text in ("canary", "Ada", "Hopper"))
    assert everything(connection) == before
    gone(workshop, subject, emails=("ada@canary.test",), every=True)
    assert where(connection, *ADA_TEXTS, "Hopper") == []


def test_a_contact_others_share_is_not_put_on_the_list(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    family = {"email": "Ada@Canary.test", "email_normalized": "ada@canary.test"}
    migrate(connection, subject, [*ada(), *grace(**family)])
    gone(workshop, subject, keys=("ADA",))
    listed = Suppression(workshop.vault, subject.restaurant_id)
    asked = {what: listed.hash(what, text) for what, text in (("email", "ada@canary.test"), ("phone", ADA_PHONE))}
    assert listed.suppressed(connection, asked.values()) == {asked["phone"]}
    assert one(connection, "SELECT email FROM aura.customers WHERE last_name = 'Hopper'") == "Ada@Canary.test"


def test_somebody_nobody_knows_is_kept_out_all_the_same(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    done = gone(workshop, subject, emails=("New@Guest.test",), keys=("LATER",))
    listed = Suppression(workshop.vault, subject.restaurant_id)
    hashes = [listed.hash("email", "new@guest.test"), listed.hash("source_id", "LATER")]
    assert len(listed.suppressed(connection, hashes)) == 2
    assert workshop.persons.is_erased(subject.integration_id, "LATER")
    assert set(done.counts) == {"migration.suppressions", "migration.person_keys"}


def test_profiles_merged_into_one_person_go_together(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    stage(connection, subject, [*ada(), customer("ADA2", first_name="Ada", phone=ADA_PHONE)])
    connection.execute("UPDATE staging.rows SET same_as = 'ADA' WHERE source_key = 'ADA2'")
    gone(workshop, subject, keys=("ADA2",))
    assert where(connection, *ADA_TEXTS) == []
    assert rows(
        connection, "SELECT source_key, verdict, reason, content FROM staging.rows WHERE entity = 'customers'"
    ) == [
        ("ADA", "skip", REASON, {}),
        ("ADA2", "skip", REASON, {}),
    ]


def test_an_unknown_id_and_nobody_at_all_are_bad_input(workshop: Workshop, subject: Subject) -> None:
    with pytest.raises(BadInput, match=r"no row 99 in aura\.customers"):
        gone(workshop, subject, aura_ids=(99,))
    with pytest.raises(BadInput, match="Nobody is named"):
        gone(workshop, subject)
    with pytest.raises(BadInput, match="Restaurant 99 does not exist"):
        erase(workshop, 99, Wanted(keys=("x",)), "Grace")
    with pytest.raises(BadInput, match="name of who does it"):
        erase(workshop, subject.restaurant_id, Wanted(keys=("x",)), " ")


# -- what comes later ------------------------------------------------------------------------------------------------------


def test_a_rollback_afterwards_removes_the_anonymous_rows_and_brings_nobody_back(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *worker()])
    gone(workshop, subject, keys=("ADA",))
    gone(workshop, subject, subject="staff", keys=("EMP",))
    undone = undo(connection, subject)
    assert undone.kept == [], "our own clearing is nobody's edit"
    assert one(connection, "SELECT count(*) FROM aura.customers") == 0
    assert one(connection, "SELECT count(*) FROM aura.staff_members") == 0
    assert where(connection, *ADA_TEXTS) == []


def test_a_person_who_was_there_before_the_migration_does_not_come_back_by_its_rollback(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, ada())
    changed = ada(last_name="King-Lovelace")
    stored = preview(connection, subject, changed)
    assert actions(connection, stored, "customers") == {"ADA": "update"}
    load(connection, subject, stored.plan_id)
    connection.execute("UPDATE aura.customers SET status = 'suspended'")
    gone(workshop, subject, keys=("ADA",))
    rehearsed = undo(connection, subject, rehearse=True)
    assert rehearsed.counts["customers"] == {"kept_edited": 1} or rehearsed.counts["customers"] == {"removed": 1}
    undo(connection, subject, edited="undo")
    assert where(connection, *ADA_TEXTS) == []


def test_what_staff_edited_is_still_their_edit_afterwards(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, ada())
    connection.execute("UPDATE aura.loyalty_accounts SET balance_points = 500")
    gone(workshop, subject, keys=("ADA",))
    undone = undo(connection, subject)
    (kept,) = [entry for entry in undone.kept if entry["table"] == "loyalty_accounts"]
    assert kept["outcome"] == "kept_edited" and kept["columns"] == ["balance_points"]


def test_a_later_plan_accounts_for_the_person_as_left_out(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    gone(workshop, subject, keys=("ADA",))
    stage(connection, subject, [*ada(), *grace()])
    connection.execute(
        "UPDATE staging.rows SET verdict = 'skip', reason = %s, content = '{}' WHERE source_key = 'ADA'", [REASON]
    )
    stored = build_plan(connection, subject, ALL_ENTITIES, as_options(None))
    assert actions(connection, stored, "customers") == {"ADA": "skip", "GRACE": "unchanged"}


def test_a_plan_that_waits_loses_its_approval_with_the_reason(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    stored = preview(connection, subject, [*ada(), *grace()])
    decide.approve(workshop, subject.migration_id, stored.hash, "Grace")
    done = gone(workshop, subject, keys=("ADA",))
    assert done.invalid_plans == [stored.plan_id]
    assert where(connection, *ADA_TEXTS) == []
    state, reason = rows(connection, "SELECT state, state_reason FROM migration.migrations")[0]
    assert state == "planned" and "preview again" in reason
    with pytest.raises(Refused, match="erased after it was made: preview again"):
        decide.approve(workshop, subject.migration_id, stored.hash, "Grace")
    counts = one(connection, "SELECT counts -> 'customers' FROM migration.plans")
    assert (counts["source"], counts["create"], counts["skip"]) == (2, 1, 1)
    again = gone(workshop, subject, keys=("ADA",))
    assert again.total == 0 and again.invalid_plans == []


def test_a_plan_without_the_person_keeps_its_approval(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    stored = preview(connection, subject, grace())
    decide.approve(workshop, subject.migration_id, stored.hash, "Grace")
    gone(workshop, subject, emails=("ada@canary.test",))
    assert one(connection, "SELECT state FROM migration.migrations") == "approved"


@pytest.mark.parametrize("entity", ["customers", "customer_addresses", "loyalty_accounts", "house_accounts"])
def test_a_load_that_was_interrupted_goes_on_without_the_person(
    workshop: Workshop, connection: Connection, subject: Subject, entity: str
) -> None:
    """Interrupted before the first row of the entity; the rest is written afterwards."""
    stored = preview(connection, subject, [*ada(), *grace()])
    first = one(
        connection,
        "SELECT min(seq) FROM migration.plan_rows WHERE plan_id = %s AND entity = %s",
        [stored.plan_id, entity],
    )
    _load_until(connection, subject, stored.plan_id, first - 1)
    done = gone(workshop, subject, keys=("ADA",))
    assert done.invalid_plans == [], "it is half written: it is finished, not made anew"
    load(connection, subject, stored.plan_id)
    assert where(connection, *ADA_TEXTS) == []
    assert one(connection, "SELECT balance_cents FROM aura.gift_cards WHERE customer_id IS NULL") == 2500
    assert one(connection, "SELECT balance_points FROM aura.loyalty_accounts WHERE customer_id IS NULL") == 120
    assert undo(connection, subject).kept == []


@pytest.mark.parametrize("entity", ["staff", "staff_jobs", "timecards"])
def test_a_load_that_was_interrupted_goes_on_without_the_employee(
    workshop: Workshop, connection: Connection, subject: Subject, entity: str
) -> None:
    stored = preview(connection, subject, worker())
    first = one(connection, "SELECT min(seq) FROM migration.plan_rows WHERE entity = %s", [entity])
    _load_until(connection, subject, stored.plan_id, first - 1)
    gone(workshop, subject, subject="staff", keys=("EMP",))
    load(connection, subject, stored.plan_id)
    assert where(connection, "Lovelace", "canary.test", ": 1725") == []
    assert one(connection, "SELECT declared_tips_cents FROM aura.attendance_logs") == 4000


def test_rows_of_an_interrupted_load_that_were_checked_against_the_person_still_pass_their_fence(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, ada())
    richer = [row if row[0] != "gift_cards" else (*row[:2], {**row[2], "balance_cents": 9900}) for row in ada()]
    stored = preview(connection, subject, richer)
    start_loading(connection, subject, stored.plan_id)
    gone(workshop, subject, keys=("ADA",))
    load(connection, subject, stored.plan_id)
    assert rows(connection, "SELECT balance_cents, customer_id FROM aura.gift_cards") == [(9900, None)]
    assert where(connection, *ADA_TEXTS) == []


def _load_until(connection: Connection, subject: Subject, plan_id: int, seq: int) -> None:
    class Cut(Exception):
        pass

    def cut(_cursor: Any, at: Any) -> None:
        if at.processed > seq:
            raise Cut

    if seq:
        with contextlib.suppress(Cut):
            load(connection, subject, plan_id, batch_rows=1, on_batch=cut)
    else:
        start_loading(connection, subject, plan_id)
    assert one(connection, "SELECT applied_seq FROM migration.plans WHERE id = %s", [plan_id]) == seq


# -- snapshots, reports ----------------------------------------------------------------------------------------------------


def test_what_snapshots_hold_cannot_be_read_afterwards(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    from aura_migration.archive.redaction import person_of_value
    from aura_migration.database.vault import PersonErased

    persons = workshop.persons
    token = persons.encrypt(subject.integration_id, "ADA", '"Lovelace"')
    alone = persons.encrypt(subject.integration_id, person_of_value('"(202) 555-0143"'), '"(202) 555-0143"')
    other = persons.encrypt(subject.integration_id, "GRACE", '"Hopper"')
    migrate(connection, subject, [*ada(), *grace()])
    gone(workshop, subject, keys=("ADA",))
    fresh = Workshop(workshop.settings, workshop.url).persons
    for sealed in (token, alone):
        with pytest.raises(PersonErased):
            fresh.decrypt(subject.integration_id, sealed)
    assert fresh.decrypt(subject.integration_id, other) == '"Hopper"'


@pytest.mark.parametrize("is_alone", [True, False])
def test_lines_of_a_payroll_file_that_name_an_employee_go_unless_another_has_the_name(
    workshop: Workshop, connection: Connection, subject: Subject, is_alone: bool
) -> None:
    from aura_migration.intake import contact_ref

    migrate(connection, subject, worker())
    if not is_alone:
        connection.execute(
            "INSERT INTO aura.staff_members (restaurant_id, name) VALUES (%s, 'ADA LOVELACE')", [subject.restaurant_id]
        )
    gone(workshop, subject, subject="staff", keys=("EMP",))
    seals = workshop.seals(subject.restaurant_id)
    erased = {
        text: workshop.persons.is_erased(subject.integration_id, contact_ref(seals, text, of="staff"))
        for text in ("Ada Lovelace", "E-analytical", "ada@canary.test")
    }
    assert erased == {"Ada Lovelace": is_alone, "E-analytical": True, "ada@canary.test": True}


def test_reports_lose_the_entries_that_name_the_person(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    body = {"near_ties": [{"keys": ["ADA", "B"]}, {"keys": ["B", "C"]}], "policy": {"skipped": 1}}
    connection.execute(
        "INSERT INTO migration.reports (integration_id, location_key, kind, body) VALUES (%s, %s, 'people', %s)",
        [subject.integration_id, subject.location_key, Jsonb(body)],
    )
    assert gone(workshop, subject, keys=("ADA",)).counts["migration.reports"] == 1
    assert one(connection, "SELECT body FROM migration.reports") == {**body, "near_ties": [{"keys": ["B", "C"]}]}
    assert without_keys({"a": ["x#ADA", {"k": "m/ADA"}, "BADA"]}, {"ADA"}) == {"a": ["BADA"]}


def test_what_was_counted_as_a_loss_stays_counted_when_an_example_of_it_is_erased() -> None:
    losses = [{"field": "nickname", "records": 7, "examples": ["m/ADA", "B"]}, {"key": "ADA", "examples": ["B"]}]
    assert without_keys({"losses": losses}, {"ADA"}) == {
        "losses": [{"field": "nickname", "records": 7, "examples": ["B"]}]
    }
