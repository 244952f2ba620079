"""Recorded files: snapshots of their own, nothing personal in the clear, one current file per kind, rows out of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from aura_migration.archive.snapshot import Redaction, open_snapshot
from aura_migration.canonical import validate
from aura_migration.canonical.model import Batch, Row
from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.ids import path
from aura_migration.intake import (
    current_files,
    list_files,
    withdraw,
)
from aura_migration.intake.kinds import KINDS, Kind
from aura_migration.intake.mapping import LINE
from aura_migration.intake.record import contact_ref
from aura_migration.intake.witness import people_facts, stated_totals
from aura_migration.pos.people_facts import BalanceFact, ConsentFact
from aura_migration.pos.port import SourceLocation
from aura_migration.settings import Settings
from aura_migration_tests.support.handed import CANARIES, CONSENTS, GIFT_CARDS, HOUSE, LOYALTY, PAYROLL, PLACE, Desk

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = SourceLocation("LOOP-1", "The Loop", "America/Chicago", "USD")
STORE_CREDIT = "Customer,Email,Store Credit\nMaria Quintero,maria.quintero@canary-mail.example.com,12.50\n"
ALL: dict[Kind, str] = {
    "gift_cards": GIFT_CARDS,
    "loyalty": LOYALTY,
    "house_accounts": HOUSE,
    "store_credit": STORE_CREDIT,
    "consents": CONSENTS,
    "payroll": PAYROLL,
}


def rows(batch: Batch, entity: str) -> list[Row]:
    return [row for row in batch.rows if row.entity == entity]


def test_gift_cards_become_sealed_cards_with_an_opening_each(desk: Desk) -> None:
    desk.hand("gift_cards", GIFT_CARDS, as_of=NOON - timedelta(hours=3))
    batch = desk.batch()
    cards = {row.values["last4"]: row.values for row in rows(batch, "gift_cards")}
    assert {last4: (c["balance_cents"], c["status"], c["source_state"]) for last4, c in cards.items()} == {
        "4417": (123450, "pending", "Active"),
        "1111": (0, "redeemed", "Redeemed"),
        "2222": (1525, "blocked", "Suspended"),
    }
    assert cards["4417"]["code_hash"] == desk.seals.gift_card("7783-3200-0000-4417").code_hash
    assert cards["4417"]["issued_at"] == "2025-12-24T06:00:00+00:00"
    assert cards["4417"]["expires_at"] == "2030-12-25T05:59:59+00:00"
    openings = rows(batch, "gift_card_transactions")
    assert sorted(o.values["amount_cents"] for o in openings) == [1525, 123450]
    assert all(o.key == path(o.values["gift_card_key"], "opening") for o in openings)
    (rejected,) = batch.rejected
    assert rejected.reason == "line 4, Status: the status is not one of those known"
    assert (rejected.values["last4"], rejected.values["balance_cents"]) == ("9925", 2000)


def test_points_become_accounts_that_their_holder_can_claim(desk: Desk) -> None:
    desk.hand("loyalty", LOYALTY, mapping={"programme": {"name": "Loop Rewards", "pointsPerDollar": "1.5"}})
    batch = desk.batch()
    (programme,) = rows(batch, "loyalty_programs")
    assert (programme.values["name"], programme.values["points_per_dollar"]) == ("Loop Rewards", "1.5")
    accounts = sorted(rows(batch, "loyalty_accounts"), key=lambda row: row.values["balance_points"])
    assert [a.values["balance_points"] for a in accounts] == [-35, 80, 1250]
    assert {a.values["program_key"] for a in accounts} == {programme.key}
    assert [a.values["claim_hash"] for a in accounts] == [
        desk.seals.claim(contact).claim_hash
        for contact in ("jo@canary-mail.example.com", "+13125550190", "+13125550142")
    ]
    assert accounts[2].source is not None and accounts[2].source["email"] == "maria.quintero@canary-mail.example.com"
    assert accounts[2].record.startswith("file_loyalty#")


def test_what_holders_owe_is_negative_and_what_they_are_owed_positive(desk: Desk) -> None:
    desk.hand("house_accounts", HOUSE)
    desk.hand("store_credit", STORE_CREDIT)
    accounts = {row.values["name"]: row.values for row in rows(desk.batch(), "house_accounts")}
    assert {name: (a["kind"], a["balance_cents"]) for name, a in accounts.items()} == {
        "Quillfeather Catering": ("house_account", -128450),
        "Rotary Lunch": ("house_account", 1500),
        "Maria Quintero": ("store_credit", 1250),
    }
    assert accounts["Quillfeather Catering"]["credit_limit_cents"] == 250000


def test_consents_are_rows_with_evidence_and_the_contact_beside_them(desk: Desk) -> None:
    handed = desk.hand("consents", CONSENTS).file
    batch = desk.batch()
    answers = rows(batch, "customer_consents")
    assert [(a.values["purpose"], a.values["status"]) for a in answers] == [
        ("marketing_email", "granted"),
        ("marketing_email", "denied"),
        ("marketing_sms", "granted"),
    ]
    assert answers[0].values["evidence"] == {"file": handed.sha256, "line": 2, "method": "Website form"}
    assert answers[0].values["source"] == "restaurant_export"
    assert answers[2].source is not None and answers[2].source["phone"] == "312-555-0190"
    assert len(batch.rejected) == handed.rejected == 3


def test_payroll_is_the_locations_and_names_the_employee_by_code(desk: Desk) -> None:
    desk.hand("payroll", PAYROLL, "toast:LOOP-1")
    with pytest.raises(BadInput, match="no snapshot"):
        desk.reader("toast:OTHER")
    pay = rows(desk.batch("toast:LOOP-1"), "payroll")
    assert [(p.values["employee_code"], p.values["gross_pay_cents"], p.values["tips_cents"]) for p in pay] == [
        ("E-104417", 181240, 31000),
        ("E-104418", 60000, None),
    ]
    assert pay[0].values["overtime_hours"] == "2.5"
    assert all(p.key.startswith("LOOP-1/f-") for p in pay)


def test_every_row_of_every_kind_passes_validation(desk: Desk) -> None:
    for kind, text in ALL.items():
        desk.hand(kind, text, "toast:LOOP-1" if kind == "payroll" else None)
    batch = desk.batch("toast:LOOP-1")
    for entity in {row.entity for row in batch.rows}:
        members = rows(batch, entity)
        for row in members:
            if entity == "customer_consents":
                row.values["customer_key"] = "whoever it is"
        assert validate.invalid(entity, members) == {}
        assert len({row.key for row in members}) == len(members)


def test_source_is_what_is_mapped_plus_what_is_quarantined_and_the_witness_says_the_same(desk: Desk) -> None:
    kinds: dict[str, Kind] = {
        "gift_cards": "gift_cards",
        "loyalty_accounts": "loyalty",
        "house_accounts": "house_accounts",
    }
    for kind in kinds.values():
        desk.hand(kind, ALL[kind])
    batch = desk.batch()
    told = people_facts(desk.reader(), "LOOP-1", "USD")
    facts = {fact.key: fact for fact in told if isinstance(fact, BalanceFact)}
    for entity, kind in kinds.items():
        certificate = desk.reader().certificate(f"file_{kind}")
        assert certificate is not None and certificate.status == "complete"
        of_entity = rows(batch, entity)
        quarantined = [r for r in batch.rejected if r.entity == entity]
        assert certificate.rows == len(of_entity) + len(quarantined)
        for row in of_entity:
            balance = row.values.get("balance_cents", row.values.get("balance_points"))
            assert facts[row.key].balance == balance
            assert facts[row.key].is_live == (row.values["status"] == "pending")
        for refused in quarantined:
            assert facts[refused.key].balance == refused.values["balance_cents"]
    stated = {liability: (count, total) for liability, _, count, total in stated_totals(desk.reader())}
    assert stated == {"gift_cards": (4, 126975), "loyalty": (3, 1295), "house_accounts": (2, 126950)}
    of_cards = [fact.balance for fact in facts.values() if fact.liability == "gift_cards"]
    assert sum(of_cards) == stated["gift_cards"][1]


def test_the_same_file_again_is_the_same_row_and_changes_nothing(desk: Desk) -> None:
    first = desk.hand("gift_cards", GIFT_CARDS)
    again = desk.hand("gift_cards", GIFT_CARDS, now=NOON + timedelta(days=1), by="ben")
    assert (first.is_known, again.is_known) == (False, True)
    assert again.file == first.file
    assert len(list_files(desk.connection, desk.integration_id)) == 1


def test_a_newer_file_takes_the_place_of_the_one_before_with_the_same_keys(desk: Desk) -> None:
    first = desk.hand("gift_cards", GIFT_CARDS)
    before = {row.values["last4"]: row.key for row in rows(desk.batch(), "gift_cards")}
    newer = GIFT_CARDS.replace("$1,234.50", "$1,200.00").replace("$1,269.75", "$1,235.25")
    second = desk.hand("gift_cards", newer, now=NOON + timedelta(hours=1))
    states = {file.id: file.state for file in list_files(desk.connection, desk.integration_id)}
    assert states == {first.file.id: "superseded", second.file.id: "current"}
    after = {row.values["last4"]: row for row in rows(desk.batch(), "gift_cards")}
    assert after["4417"].values["balance_cents"] == 120000
    assert {last4: row.key for last4, row in after.items()} == before


def test_an_older_export_does_not_take_the_place_of_a_newer_one(desk: Desk) -> None:
    newer = desk.hand("loyalty", LOYALTY)
    with pytest.raises(Refused, match=f"file {newer.file.id}"):
        desk.hand("loyalty", LOYALTY.replace(",80,80", ",90,90"), as_of=NOON - timedelta(days=1))
    withdraw(desk.connection, desk.integration_id, newer.file.id)
    assert current_files(desk.connection, desk.integration_id, None) == []
    with pytest.raises(Refused, match="withdrawn already"):
        withdraw(desk.connection, desk.integration_id, newer.file.id)
    older = desk.hand("loyalty", LOYALTY.replace(",80,80", ",90,90"), as_of=NOON - timedelta(days=1))
    assert older.file.state == "current"
    back = desk.hand("loyalty", LOYALTY)
    assert (back.is_known, back.file.id, back.file.state) == (True, newer.file.id, "current")


def test_a_file_of_a_location_counts_there_beside_the_merchants(desk: Desk) -> None:
    desk.hand("gift_cards", GIFT_CARDS)
    desk.hand("loyalty", LOYALTY, "toast:LOOP-1")
    assert len(current_files(desk.connection, desk.integration_id, "toast:LOOP-1")) == 2
    assert len(current_files(desk.connection, desk.integration_id, "toast:ELSE")) == 1


def test_a_refused_file_leaves_nothing_behind(desk: Desk) -> None:
    with pytest.raises(BadInput, match="totals"):
        desk.hand("gift_cards", GIFT_CARDS.replace("$1,269.75", "$1,269.76"))
    for table in ("handed_files", "snapshots", "snapshot_pages", "person_keys"):
        (count,) = desk.connection.execute(f"select count(*) from migration.{table}").fetchone() or (None,)
        assert count == 0, table
    assert list(desk.workshop.store.blobs()) == []


def test_an_import_that_was_killed_is_begun_anew(desk: Desk) -> None:
    with open_snapshot(
        desk.connection, desk.workshop.store, integration_id=desk.integration_id, pos="toast", scope="file",
        location_key=None, taken_at=NOON, redaction=Redaction(),
    ) as left:  # fmt: skip
        left.record(
            "file_loyalty", method="FILE", path="loyalty", params=None, request_body=None, body=b"{}", rows=1, page=1
        )
    handed = desk.hand("gift_cards", GIFT_CARDS).file
    assert handed.snapshot_id != left.snapshot_id
    assert desk.reader().entities() == ("file_gift_cards",)


def test_no_card_number_contact_name_or_pay_is_stored_or_said_in_the_clear(
    desk: Desk, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, text in ALL.items():
        desk.hand(kind, text, "toast:LOOP-1" if kind == "payroll" else None)
    stored: list[str] = [caplog.text]
    for file in Path(settings.snapshot_url).rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            stored.append((zstandard.ZstdDecompressor().decompress(data) if file.suffix == ".zst" else data).decode())
    tables = desk.connection.execute(
        "select schemaname, tablename from pg_tables where schemaname in ('migration', 'staging', 'aura')"
    ).fetchall()
    for schema, table in tables:
        stored += [
            str(row) for row in desk.connection.execute(f'select t::text from "{schema}"."{table}" t').fetchall()
        ]
    assert len(stored) > 20
    everything = "\n".join(stored)
    assert "file_gift_cards" in everything and "Redeemed" in everything
    assert [canary for canary in CANARIES if canary in everything] == []
    batch = desk.batch("toast:LOOP-1")
    shown = json.dumps([[r.entity, r.key, r.reason, r.record, r.values] for r in batch.rejected])
    shown += json.dumps([[r.key, r.record] for r in batch.rows]) + repr(batch.losses)
    shown += json.dumps([file.as_dict() for file in list_files(desk.connection, desk.integration_id)])
    assert [canary for canary in CANARIES if canary in shown] == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("gift_cards", "payroll")])
def test_erasing_a_contact_leaves_what_is_owed_and_forgets_who_it_was(desk: Desk, kind: Kind) -> None:
    desk.hand(kind, ALL[kind])
    before = desk.batch()
    assert "canary-mail" in json.dumps([row.source for row in before.rows])
    for contact in ("maria.quintero@canary-mail.example.com", "+13125550142", "desk@canary-mail.example.com"):
        desk.workshop.persons.erase(desk.integration_id, contact_ref(desk.seals, contact))
    after = desk.batch()
    left = json.dumps([[row.values, row.source] for row in after.rows], default=str)
    assert "quintero" not in left and "desk@" not in left and "555-0142" not in left and "Quillfeather" not in left
    owed = [
        sum(r.values.get("balance_cents", r.values.get("balance_points", 0)) for r in b.rows) for b in (before, after)
    ]
    assert owed[0] == owed[1]
    assert [r.key for r in after.rejected] == [r.key for r in before.rejected], "nobody can mend a line of theirs"
    left_out = [(loss.source_entity, loss.field, loss.records) for loss in after.losses if loss.field == LINE]
    assert left_out == ([("file_consents", "(line)", 2)] if kind == "consents" else [])
    assert len(after.rows) + sum(n for *_, n in left_out) == len(before.rows)


@pytest.mark.parametrize("kind", ["consents", "loyalty"])
def test_the_witness_says_of_erased_persons_what_is_owed_and_nothing_else(desk: Desk, kind: Kind) -> None:
    desk.hand(kind, ALL[kind])
    before = list(people_facts(desk.reader(), "LOOP-1", "USD"))
    for contact in ("maria.quintero@canary-mail.example.com", "+13125550142"):
        desk.workshop.persons.erase(desk.integration_id, contact_ref(desk.seals, contact))
    after = list(people_facts(desk.reader(), "LOOP-1", "USD"))
    assert "quintero" in str(before) and "quintero" not in str(after)
    assert sum(isinstance(f, ConsentFact) for f in after) == {"consents": len(before) - 2, "loyalty": 0}[kind]
    owed = [[(f.key, f.balance) for f in facts if isinstance(f, BalanceFact)] for facts in (before, after)]
    assert owed[0] == owed[1] and len(owed[0]) == {"consents": 0, "loyalty": 3}[kind]


def test_a_rejected_line_of_an_erased_person_stays_only_for_what_it_says_is_owed(desk: Desk) -> None:
    credit = "Email,Store Credit,Status\na@canary-mail.example.com,12.50,on holiday\na2@canary-mail.example.com,much,\n"
    desk.hand("store_credit", credit)
    assert len(desk.batch().rejected) == 2
    for contact in ("a@canary-mail.example.com", "a2@canary-mail.example.com"):
        desk.workshop.persons.erase(desk.integration_id, contact_ref(desk.seals, contact))
    batch = desk.batch()
    assert [r.values["balance_cents"] for r in batch.rejected] == [1250]
    assert [(loss.field, loss.records) for loss in batch.losses] == [(LINE, 1)]
    assert [f.balance for f in people_facts(desk.reader(), "LOOP-1", "USD") if isinstance(f, BalanceFact)] == [1250]


def test_erasing_an_employee_makes_their_pay_unreadable_and_not_that_of_others(desk: Desk) -> None:
    desk.hand("payroll", PAYROLL, "toast:LOOP-1")
    desk.workshop.persons.erase(desk.integration_id, contact_ref(desk.seals, "E-104417", of="staff"))
    batch = desk.batch("toast:LOOP-1")
    assert [row.values["gross_pay_cents"] for row in rows(batch, "payroll")] == [60000]
    assert batch.rejected == []
    assert [(loss.source_entity, loss.field, loss.records, loss.note) for loss in batch.losses] == [
        ("file_payroll", LINE, 1, "lines of persons who were erased on request")
    ]


def test_pay_of_an_erased_employee_is_left_out_where_they_worked(desk: Desk) -> None:
    row = "E-{},Jo,01/19/2026,02/01/2026,$1.00,{}\n"
    head = "Employee Number,Employee Name,Period Start,Period End,Gross Pay,Location\n"
    desk.connection.execute(
        "insert into migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
        "select 'toast:HYDE-2', integration_id, restaurant_id, 'HYDE-2', 'Hyde', '{}' from migration.locations"
    )
    place = replace(PLACE, integration_id=desk.integration_id, sites={"LOOP-1": "The Loop", "HYDE-2": "Hyde"})
    text = head + row.format(1, "The Loop") + row.format(2, "Hyde")
    desk.hand("payroll", text, place=place)
    for number in (1, 2):
        desk.workshop.persons.erase(desk.integration_id, contact_ref(desk.seals, f"E-{number}", of="staff"))
    batch = desk.batch()
    assert (batch.rows, batch.rejected) == ([], [])
    assert [loss.records for loss in batch.losses] == [1], "the other is another location's loss"
