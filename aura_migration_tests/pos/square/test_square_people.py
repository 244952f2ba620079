"""People of the sandbox's scenarios, fetched over HTTP into real snapshots, against what the sandbox knows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.core.clock import utc_text
from aura_migration.database.connections import connect
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.square.square_people_support import TAKEN, Mapped, Taken, mapped, take
from aura_migration_tests.pos.square.square_support import control

LIVE = {"ACTIVE": "pending", "PENDING": "blocked", "BLOCKED": "blocked", "DEACTIVATED": "deactivated"}


@dataclass(frozen=True)
class Scene:
    """A scenario as it was read, mapped, and as the sandbox knows it."""

    taken: Taken
    people: Mapped
    truth: dict[str, Any]


@pytest.fixture(scope="module", params=["cafe", "diner"])
def scene(
    request: pytest.FixtureRequest, square_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with (
        serve("square", request.param, 5) as sandbox,
        connect(square_database, autocommit=True, application_name="test") as connection,
    ):
        taken = take(sandbox, square_database, connection, tmp_path_factory.mktemp(request.param))
        yield Scene(taken, mapped(taken.reader, taken.location), control(sandbox, "/truth"))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def at(text: str | None) -> str | None:
    return utc_text(datetime.fromisoformat(text)) if text else None


def test_everything_is_certified_complete(scene: Scene) -> None:
    for certificate in scene.taken.reader.certificates():
        assert certificate.status == "complete", certificate.explain()
    for entity in ("customers", "gift_cards", "gift_card_activities", "loyalty_accounts", "loyalty_events", "team"):
        assert scene.taken.certificate(entity).second_route is not None, entity


def test_no_secret_and_nothing_personal_is_stored_as_it_was_sent(scene: Scene) -> None:
    stored = scene.taken.stored()
    everything = b"\n".join(stored.values())
    people = b"\n".join(data for entity, data in stored.items() if entity != "locations")
    files = b"\n".join(path.read_bytes() for path in (scene.taken.folder / "snapshots").rglob("*") if path.is_file())
    assert scene.truth["secrets"] and scene.truth["personal"]
    for secret in scene.truth["secrets"]:
        for written in {secret, json.dumps(secret)[1:-1]}:
            assert written.encode() not in everything
            assert written.encode() not in files
    for personal in scene.truth["personal"]:
        for written in {personal, json.dumps(personal)[1:-1]}:
            assert written.encode() not in people
    assert b"ccof:" not in everything


def test_every_listed_profile_becomes_a_customer_with_its_contacts_as_they_are(scene: Scene) -> None:
    listed = {c["id"]: c for c in scene.truth["customers"] if c["listed"]}
    found = scene.people.of("customers")
    assert found.keys() == listed.keys()
    with_card = {card["customer"] for card in scene.truth["cards_on_file"]}
    balances: Counter[str] = Counter()
    for account in scene.truth["loyalty_accounts"]:
        balances[account["customer"]] += account["balance"]
    for key, known in listed.items():
        row = found[key]
        for ours, theirs in (
            ("first_name", "given_name"),
            ("last_name", "family_name"),
            ("nickname", "nickname"),
            ("company_name", "company"),
            ("email", "email"),
            ("phone", "phone"),
            ("acquisition_source", "source"),
        ):
            assert row[ours] == (known[theirs] or None), (key, ours)
        held_secret = any(secret in (known["note"] or "") for secret in scene.truth["secrets"])
        assert (row["notes"] == (known["note"] or None)) is not held_secret
        assert row["acquisition_date"] == at(known["created_at"])
        born = known["birthday"]
        assert row["birthday"] == (born[5:] if born else None)
        assert row["date_of_birth"] == (born if born and not born.startswith("0000") else None)
        assert row["loyalty_points"] == balances[key]
        assert row["marketing_opt_in"] is False
        custom = row["custom_fields"] or {}
        assert ("Card on file in Square" in custom) == (key in with_card)
        assert custom.get("Square reference") == known["reference_id"]
        assert len(custom) == len(known["attributes"]) + bool(known["reference_id"]) + (key in with_card)


def test_the_sellers_own_fields_and_groups_are_kept_by_name(scene: Scene) -> None:
    found = scene.people.of("customers")
    groups = {group["id"]: group["name"] for group in scene.truth["customer_groups"]}
    seen = 0
    for known in scene.truth["customers"]:
        if not known["listed"]:
            continue
        tags = found[known["id"]]["tags"] or []
        names = [groups[group] for group in known["groups"] if groups[group].strip()]
        assert [tag for tag in tags if tag in groups.values()] == list(dict.fromkeys(names))
        custom = found[known["id"]]["custom_fields"] or {}
        if "allergies" in known["attributes"]:
            seen += 1
            assert custom["Allergies"] == known["attributes"]["allergies"]
        if "seating" in known["attributes"]:
            assert custom["Seating"] == [
                {"s1": "Booth", "s2": "Bar", "s3": "Window"}[s] for s in known["attributes"]["seating"]
            ]
    assert seen or scene.truth["scenario"] == "cafe"


def test_only_an_opt_out_is_a_consent_and_it_is_a_denial(scene: Scene) -> None:
    listed = {c["id"] for c in scene.truth["customers"] if c["listed"]}
    denied = {c["customer"] for c in scene.truth["consents"] if c["answer"] == "no" and c["customer"] in listed}
    found = scene.people.of("customer_consents")
    assert {row["customer_key"] for row in found.values()} == denied
    assert denied
    assert {(row["purpose"], row["status"], row["source"]) for row in found.values()} == {
        ("marketing_email", "denied", "pos_flag")
    }


def test_addresses_are_rows_of_their_own(scene: Scene) -> None:
    known = {c["id"]: c["address"] for c in scene.truth["customers"] if c["listed"] and c["address"]}
    found = {row["customer_key"]: row for row in scene.people.of("customer_addresses").values()}
    assert found.keys() == {key for key, address in known.items() if set(address) - {"country"}}
    for key, row in found.items():
        assert row["address_line1"] == known[key].get("address_line_1")
        assert row["city"] == known[key].get("locality")
        assert row["country"] == known[key].get("country")


def test_the_programme_and_what_its_points_buy(scene: Scene) -> None:
    known = scene.truth["loyalty_program"]
    program = scene.people.of("loyalty_programs")[known["id"]]
    assert program["unit_name"] == known["terminology"]["one"]
    assert program["is_active"] is (known["status"] == "ACTIVE")
    spend = [rule for rule in known["rules"] if rule["type"] == "SPEND"]
    if len(spend) == 1:
        assert float(program["points_per_dollar"]) == pytest.approx(spend[0]["points"] * 100 / spend[0]["cents"])
    tiers = scene.people.of("reward_templates")
    assert tiers.keys() == {tier["id"] for tier in known["tiers"]}
    for tier in known["tiers"]:
        row = tiers[tier["id"]]
        assert (row["name"], row["points_cost"]) == (tier["name"], tier["points"])
        assert row["reward_type"] != "custom"
        if tier["discount"].endswith("%"):
            assert f"{row['percentage']}%" == tier["discount"]
        else:
            assert row["reward_type"] == "fixed_discount"
            assert row["value_cents"]


def test_loyalty_balances_are_squares_and_every_ledger_ends_at_its_balance(scene: Scene) -> None:
    listed = {c["id"] for c in scene.truth["customers"] if c["listed"]}
    accounts = scene.people.of("loyalty_accounts")
    assert accounts.keys() == {account["id"] for account in scene.truth["loyalty_accounts"]}
    movements = defaultdict(dict)
    for row in scene.people.rows:
        if row.entity == "loyalty_transactions":
            account, _, ident = row.key.partition("/")
            movements[account][ident] = row.values
    events = defaultdict(set)
    for event in scene.truth["loyalty_events"]:
        events[event["account"]].add(event["id"])
    assert any(row["balance_points"] < 0 for row in accounts.values()) or scene.truth["scenario"] == "cafe"
    for known in scene.truth["loyalty_accounts"]:
        row = accounts[known["id"]]
        assert row["balance_points"] == known["balance"]
        assert row["lifetime_points"] == known["lifetime_points"]
        assert row["customer_key"] == (known["customer"] if known["customer"] in listed else None)
        assert row["claim_hash"] == sha(known["e164"])
        assert len(row["expirations"] or ()) == len(known["deadlines"])
        steps = movements[known["id"]]
        assert set(steps) - {"opening"} == events[known["id"]]
        assert ("opening" in steps) == (not known["events_explain_balance"])
        assert sum(step["points_change"] for step in steps.values()) == known["balance"]
        ordered = sorted(
            steps.values(), key=lambda s: datetime.fromisoformat(s.get("occurred_at") or "0001-01-01T00:00:00+00:00")
        )
        after = 0
        for step in ordered:
            assert step["points_balance_after"] == step["points_balance_before"] + step["points_change"]
            after = step["points_balance_after"]
        assert after == known["balance"] or not ordered


def test_events_carry_the_sign_of_what_they_did(scene: Scene) -> None:
    points = {event["id"]: event for event in scene.truth["loyalty_events"]}
    for key, row in scene.people.of("loyalty_transactions").items():
        known = points.get(key.partition("/")[2])
        if known is not None:
            assert row["points_change"] == known["points"], known["type"]


def test_rewards_taken_out_and_not_used_are_open_rewards(scene: Scene) -> None:
    issued = {reward["id"]: reward for reward in scene.truth["loyalty_rewards"] if reward["status"] == "ISSUED"}
    found = scene.people.of("customer_rewards")
    assert found.keys() == issued.keys()
    for key, known in issued.items():
        assert found[key]["loyalty_account_key"] == known["account"]
        assert found[key]["template_key"] == known["tier"]
        assert found[key]["points_cost"] == known["points"]


def test_gift_cards_keep_their_balance_and_only_a_hash_of_their_number(scene: Scene) -> None:
    listed = {c["id"] for c in scene.truth["customers"] if c["listed"]}
    found = scene.people.of("gift_cards")
    assert found.keys() == {card["id"] for card in scene.truth["gift_cards"]}
    for known in scene.truth["gift_cards"]:
        row = found[known["id"]]
        assert row["code_hash"] == sha(known["gan"])
        assert row["balance_cents"] == known["cents"]
        assert row["status"] == LIVE[known["state"]]
        assert row["source_state"] == known["state"]
        assert row["card_type"] == known["type"].lower()
        assert row["customer_key"] == next((c for c in known["customers"] if c in listed), None)
        assert known["gan"] not in json.dumps(row)


def test_gift_card_ledgers_run_from_nothing_to_the_balance(scene: Scene) -> None:
    cards = {card["id"]: card for card in scene.truth["gift_cards"]}
    steps = defaultdict(list)
    for row in scene.people.rows:
        if row.entity == "gift_card_transactions":
            steps[row.values["gift_card_key"]].append((row.key.partition("/")[2], row.values))
    moved = [a for a in scene.truth["gift_card_activities"] if a["type"] not in ("BLOCK", "UNBLOCK", "DEACTIVATE")]
    counted = {a["id"]: a for a in moved if a["status"] in (None, "COMPLETED")}
    seen = {ident for found in steps.values() for ident, _ in found}
    assert seen - {"opening"} == counted.keys()
    for card, found in steps.items():
        running = 0
        for ident, step in found:
            assert step["balance_before_cents"] == running
            running += step["amount_cents"]
            assert step["balance_after_cents"] == running
            if ident in counted:
                assert running == counted[ident]["balance_cents"], counted[ident]["type"]
        assert running == cards[card]["cents"]


def test_everybody_on_the_team_with_jobs_and_wages(scene: Scene) -> None:
    here = scene.taken.location.source_id
    staff, jobs = scene.people.of("staff"), scene.people.of("staff_jobs")
    assert staff.keys() == {person["id"] for person in scene.truth["staff"]}
    for known in scene.truth["staff"]:
        row = staff[known["id"]]
        assert row["is_active"] is known["active"]
        assert row["is_owner"] is known["owner"]
        assert (row["email"], row["phone"]) == (known["email"], known["phone"])
        assert row["employee_code"] == known["reference_id"]
        assert row["needs_sign_in"] is True
        assert row["role_key"] == (known["jobs"][0] if known["jobs"] else None)
        works_here = f"{here}/{known['id']}" in scene.people.of("staff_locations")
        if known["locations_sent"] or known["locations"] is None:
            assert works_here == (known["locations"] is None or here in known["locations"])
    wages = {(wage["team_member"], wage["job"]): wage for wage in scene.truth["wages"]}
    assert {(row["staff_key"], row["role_key"]) for row in jobs.values()} == wages.keys()
    for row in jobs.values():
        known = wages[row["staff_key"], row["role_key"]]
        assert row["title"] == known["title"]
        assert row["pay_type"] == known["pay"].lower()
        assert row["hourly_rate_cents"] == (known["hourly_cents"] if known["pay"] == "HOURLY" else None)
        assert row["annual_salary_cents"] == known["annual_cents"]
        assert row["is_tip_eligible"] is known["tip_eligible"]
    assert scene.people.of("roles").keys() == {job["id"] for job in scene.truth["jobs"]}


def test_time_worked_in_the_last_twelve_months_with_breaks_and_tips(scene: Scene) -> None:
    here = scene.taken.location.source_id
    since = TAKEN.replace(year=TAKEN.year - 1)
    known = {
        f"{here}/{card['id']}": card
        for card in scene.truth["timecards"]
        if card["location"] == here and datetime.fromisoformat(card["start"]) >= since
    }
    found = scene.people.of("timecards")
    assert found.keys() == known.keys()
    for key, card in known.items():
        row = found[key]
        assert row["check_in"] == at(card["start"])
        assert row["check_out"] == at(card["end"])
        assert row["status"] == ("checked_in" if card["status"] == "OPEN" else "checked_out")
        assert row["declared_tips_cents"] == card["declared_tip_cents"]
        assert row["hourly_rate_cents"] == card["hourly_cents"]
        assert row["staff_key"] == card["team_member"]
        assert [(pause["start"], pause["is_paid"]) for pause in row["breaks"]] == [
            (at(pause["start"]), pause["paid"]) for pause in card["breaks"]
        ]


def test_nothing_is_rejected_and_losses_name_no_person(scene: Scene) -> None:
    assert scene.people.rejected == []
    said = json.dumps([[loss.field, loss.note, loss.examples] for loss in scene.people.losses], ensure_ascii=False)
    for personal in scene.truth["personal"]:
        assert personal not in said


def test_the_merchants_rows_are_the_same_from_every_location(
    square_database: str, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with serve("square", "chain", 5) as sandbox:
        taken = take(sandbox, square_database, snapshots, tmp_path)
        places = control(sandbox, "/truth")["locations"]
    other = type(taken.location)(places[1]["id"], "Elsewhere", taken.location.timezone, taken.location.currency)
    first, second = mapped(taken.reader, taken.location), mapped(taken.reader, other)
    local = ("staff_locations", "timecards")
    shared = [(r.entity, r.key, r.values) for r in first.rows if r.entity not in local]
    assert shared == [(r.entity, r.key, r.values) for r in second.rows if r.entity not in local]
    assert first.of("staff_locations").keys() != second.of("staff_locations").keys()
