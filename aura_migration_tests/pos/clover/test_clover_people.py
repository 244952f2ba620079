"""Guests and staff of Clover: what is read, what stays outside, and which rows it becomes."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aura_migration.archive.free_text import without_secrets
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Row
from aura_migration.pos.clover import CONNECTOR
from aura_migration.pos.clover.extract import spans
from aura_migration_tests.pos.clover.clover_bench import SITE, TAKEN_AT, Bench, Handmade, by_key
from aura_migration_tests.support.ciphers import PlainSeals

MakeBench = Callable[..., Bench]
AUTUMN = datetime(2026, 10, 1, tzinfo=UTC)
"""When the sandbox's staff has just worked its last shifts."""
PEOPLE = ("customers", "roles", "employees", "shifts")


def people(reader: Any, location: Any = SITE) -> Batch:
    """All batches as one."""
    whole = Batch()
    for part in CONNECTOR.map_people(reader, location, PlainSeals()):
        whole.rows += part.rows
        whole.rejected += part.rejected
        whole.losses += part.losses
    return whole


def handmade(lists: Mapping[str, Any]) -> Batch:
    return people(Handmade(lists))


def extracted(bench: Bench) -> tuple[Batch, SnapshotReader, dict[str, Any]]:
    bench.taken_at = AUTUMN
    location = bench.locations()[0]
    reader = bench.extract(location.source_id)
    return people(reader, location), reader, bench.truth()


def values(rows: Mapping[str, Row], *names: str) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(row.values.get(name) for name in names) for key, row in rows.items()}


@pytest.mark.parametrize("scenario", ["cafe", "diner"])
def test_every_guest_and_every_shift_of_the_sandbox_arrives_as_it_is(bench: MakeBench, scenario: str) -> None:
    batch, reader, truth = extracted(bench(scenario))
    at = truth["locations"][0]["id"]
    assert {c.entity: c.status for c in reader.certificates() if c.entity in PEOPLE} == dict.fromkeys(
        PEOPLE, "complete"
    )

    assert values(by_key(batch, "customers"), "first_name", "last_name", "email", "phone", "notes") == {
        f"{at}/{c['id']}": (
            c["given_name"],
            c["family_name"],
            c["email"],
            c["phone"],
            c["note"] and without_secrets(c["note"]),
        )
        for c in truth["customers"]
        if c["location"] == at
    }
    word = {"yes": "granted", "no": "denied"}
    assert Counter(values(by_key(batch, "customer_consents"), "customer_key", "purpose", "status").values()) == Counter(
        (f"{at}/{c['customer']}", "marketing_email", word[c["answer"]])
        for c in truth["consents"]
        if c["location"] == at and c["answer"] in word
    )
    assert {key: row.values["name"] for key, row in by_key(batch, "staff").items()} == {
        f"{at}/{s['id']}": s["name"] for s in truth["staff"] if s["location"] == at and s["active"]
    }
    cards = by_key(batch, "timecards")
    of_the_year = {
        f"{at}/{t['id']}": t
        for t in truth["timecards"]
        if t["location"] == at and (t["clock_in"] is None or t["clock_in"] >= "2025-10-02")
    }
    refused = {r.key for r in batch.rejected if r.entity == "timecards"}
    assert set(cards) | refused == set(of_the_year)
    assert all(of_the_year[key]["start"] is None or of_the_year[key]["minutes"] < 0 for key in refused)
    for key, card in cards.items():
        said, row = of_the_year[key], card.values
        assert datetime.fromisoformat(row["check_in"]) == datetime.fromisoformat(said["start"])
        assert (row["check_out"] is None) == (said["end"] is None)
        assert row["declared_tips_cents"] == said["declared_tip_cents"]
        assert row["staff_key"] == (f"{at}/{said['employee']}" if said["employee_known"] else None)


def test_pins_and_cards_on_file_never_reach_the_snapshot_and_nobody_can_be_read_in_it(bench: MakeBench) -> None:
    batch, reader, truth = extracted(bench("diner"))
    stored = b"\n".join(body.data for name in reader.entities() for body in reader.bodies(name)).decode()
    assert truth["secrets"] and truth["personal"]
    assert [secret for secret in truth["secrets"] if secret in stored] == []
    assert [text for text in truth["personal"] if text in stored] == []
    mapped = json.dumps([row.values for row in batch.rows])
    assert [secret for secret in truth["secrets"] if secret in mapped] == []


def test_a_token_without_the_right_to_guests_or_staff_is_told_by_entity(bench: MakeBench) -> None:
    where = bench("cafe")
    reader = where.extract(document=where.credentials("no_customers"))
    certificate = reader.certificate("customers")
    assert certificate is not None and certificate.status == "not_extracted"
    assert "CUSTOMERS_R" in certificate.reason
    assert not list(reader.bodies("customers"))


def test_the_windows_of_a_year_follow_each_other_without_gap_and_none_is_longer_than_ninety_days() -> None:
    windows = spans(datetime(2026, 3, 2, 15, tzinfo=UTC), timedelta(days=60))
    assert all(end == following for (_, end), (following, _) in itertools.pairwise(windows))
    assert all(0 < end - begin <= 90 * 86_400_000 for begin, end in windows)
    assert windows[0][0] <= int(datetime(2025, 3, 2, 15, tzinfo=UTC).timestamp()) * 1000
    assert windows[-1][1] > int(TAKEN_AT.timestamp()) * 1000


def test_a_corrected_clock_in_counts_and_the_first_one_is_kept_beside_it() -> None:
    shift = {
        "id": "S1", "employee": {"id": "E1"}, "cashTipsCollected": 3200, "serverBanking": False,
        "inTime": 1764590000000, "overrideInTime": 1764588600000, "outTime": 1764619000000,
    }  # fmt: skip
    batch = handmade({"employees": [{"id": "E1", "name": "Ana"}], "shifts": [shift]})
    card = by_key(batch, "timecards")["MERCHANT00001/S1"].values
    assert card["check_in"] == "2025-12-01T11:30:00+00:00"
    assert card["check_out"] == "2025-12-01T19:56:40+00:00"
    assert card["declared_tips_cents"] == 3200
    assert card["staff_key"] == "MERCHANT00001/E1"
    assert card["details"] == {"clocked_in_at": "2025-12-01T11:53:20+00:00", "server_banking": False}


def test_a_shift_before_the_closing_hour_belongs_to_the_evening_before() -> None:
    late = int(datetime(2026, 1, 10, 10, 30, tzinfo=UTC).timestamp()) * 1000  # 03:30 in Denver, which closes at 04:00
    batch = handmade({"shifts": [{"id": "S1", "inTime": late}]})
    card = by_key(batch, "timecards")["MERCHANT00001/S1"].values
    assert (card["business_date"], card["status"], card["check_out"]) == ("2026-01-09", "checked_in", None)


def test_a_shift_of_somebody_clover_no_longer_lists_is_kept_without_a_person() -> None:
    batch = handmade({"employees": [], "shifts": [{"id": "S1", "inTime": 1764590000000, "employee": {"id": "GONE"}}]})
    card = by_key(batch, "timecards")["MERCHANT00001/S1"].values
    assert card["staff_key"] is None
    assert card["details"] == {"former_employee": "GONE"}


def test_a_shift_that_cannot_be_is_rejected_and_says_why() -> None:
    batch = handmade({"shifts": [{"id": "S1", "inTime": 20_000, "outTime": 10_000}, {"id": "S2"}]})
    assert [(r.key, r.reason) for r in batch.rejected] == [
        ("MERCHANT00001/S1", "the shift ends before it begins"),
        ("MERCHANT00001/S2", "the shift has no clock-in that could be read"),
    ]


@pytest.mark.parametrize(
    ("answer", "status"), [({"marketingAllowed": True}, "granted"), ({"marketingAllowed": False}, "denied"), ({}, None)]
)
def test_consent_is_what_clover_states_for_e_mail_and_never_for_sms(answer: dict[str, Any], status: str | None) -> None:
    batch = handmade({"customers|contacts": [{"id": "C1", "firstName": "Ana", **answer}]})
    consents = by_key(batch, "customer_consents")
    assert {(r.values["purpose"], r.values["status"]) for r in consents.values()} == (
        {("marketing_email", status)} if status else set()
    )
    assert by_key(batch, "customers")["MERCHANT00001/C1"].values["marketing_opt_in"] is False


def test_the_primary_address_comes_first_and_the_others_are_kept() -> None:
    guest = {
        "id": "C1",
        "emailAddresses": {
            "elements": [{"emailAddress": "a@x.test"}, {"emailAddress": "b@x.test", "primaryEmail": True}]
        },
        "phoneNumbers": {"elements": [{"phoneNumber": "505 555 0142"}, {"phoneNumber": "505 555 0143"}]},
    }
    row = by_key(handmade({"customers|contacts": [guest]}), "customers")["MERCHANT00001/C1"].values
    assert (row["email"], row["phone"]) == ("b@x.test", "505 555 0142")
    assert row["custom_fields"] == {"other_emails": ["a@x.test"], "other_phones": ["505 555 0143"]}


@pytest.mark.parametrize(
    ("said", "born", "birthday"),
    [
        ({"dobYear": 1984, "dobMonth": 2, "dobDay": 29}, "1984-02-29", "02-29"),
        ({"dobMonth": 2, "dobDay": 29}, None, "02-29"),
        ({"dobYear": 1983, "dobMonth": 2, "dobDay": 29}, None, "02-29"),
        ({"dobYear": 1983, "dobMonth": 13, "dobDay": 1}, None, None),
        ({"dobYear": 1983}, None, None),
    ],
)
def test_a_birthday_without_a_year_is_a_birthday_and_an_impossible_one_is_none(
    said: dict[str, int], born: str | None, birthday: str | None
) -> None:
    lists = {"customers|contacts": [{"id": "C1"}], "customers|metadata": [{"id": "C1", "metadata": said}]}
    row = by_key(handmade(lists), "customers")["MERCHANT00001/C1"].values
    assert (row["date_of_birth"], row["birthday"]) == (born, birthday)


def test_what_has_no_home_is_counted_without_any_value_of_a_person() -> None:
    guests = [
        {"id": f"C{n}", "emailAddresses": {"elements": [{"emailAddress": "a@x.test", "verifiedTime": 1}]}}
        for n in (1, 2)
    ]
    batch = handmade({"customers|contacts": guests, "employees": [{"id": "E1", "name": "Ana", "nickname": "Nan"}]})
    assert [(n.source_entity, n.field, n.records, n.examples) for n in batch.losses] == [
        ("customers", "emailAddresses.elements[].verifiedTime", 2, ("C1", "C2")),
        ("employees", "nickname", 1, ("E1",)),
    ]
    assert "Nan" not in json.dumps([str(n) for n in batch.losses])


def test_roles_become_jobs_and_wait_for_somebody_who_knows_their_rights() -> None:
    batch = handmade(
        {
            "roles": [{"id": "R1", "name": "Server", "systemRole": "EMPLOYEE"}],
            "employees": [
                {"id": "E1", "name": "Ana", "roles": {"elements": [{"id": "R1"}]}, "isOwner": True},
                {"id": "E2", "name": "Bo", "role": "MANAGER"},
            ],
        }
    )
    roles = by_key(batch, "roles")
    assert values(roles, "name", "needs_review") == {
        "MERCHANT00001/R1": ("Server", True),
        "MERCHANT00001/title/manager": ("Manager", True),
    }
    assert values(by_key(batch, "staff"), "role_key", "is_owner", "needs_sign_in") == {
        "MERCHANT00001/E1": ("MERCHANT00001/R1", True, True),
        "MERCHANT00001/E2": ("MERCHANT00001/title/manager", False, True),
    }
    assert values(by_key(batch, "staff_jobs"), "staff_key", "title", "is_primary") == {
        "MERCHANT00001/E1/job/R1": ("MERCHANT00001/E1", "Server", True),
        "MERCHANT00001/E2/job/title/manager": ("MERCHANT00001/E2", "Manager", True),
    }
