"""Guests and staff of Toast over HTTP: what is read, what stays outside, and which rows it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from aura_migration.archive.free_text import without_secrets
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Batch, Row
from aura_migration.pos.toast import CONNECTOR
from aura_migration_tests.pos.toast.conftest import Toast
from aura_migration_tests.support.ciphers import MemoryCipher, PlainSeals

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)
PEOPLE = ("jobs", "employees", "time_entries", "orders", "guests", "delivery_addresses")
WITH_BREAKS = ("config", *PEOPLE)


def people(reader: SnapshotReader, location: Any) -> Batch:
    """All batches as one."""
    whole = Batch()
    for part in CONNECTOR.map_people(reader, location, PlainSeals()):
        whole.rows += part.rows
        whole.rejected += part.rejected
        whole.losses += part.losses
    return whole


def spell(value: Any, found: set[str]) -> None:
    """Every key and value in a JSON value, each once."""
    if isinstance(value, dict):
        found.update(value)
        for inner in value.values():
            spell(inner, found)
    elif isinstance(value, list):
        for inner in value:
            spell(inner, found)
    else:
        found.add(str(value))


class Told:
    """One location's people, extracted and mapped, beside the truth."""

    def __init__(self, toast: Toast, entities: tuple[str, ...] = WITH_BREAKS, **given: Any) -> None:
        toast.calm()
        self.toast, self.truth = toast, toast.truth
        self.location = next(
            one for one in toast.discover(**given).locations if one.source_id == self.truth["locations"][0]["id"]
        )
        self.at = self.location.source_id
        self.reader = toast.extract(self.at, entities, OCTOBER, **given)
        self.batch = people(self.reader, self.location)

    def rows(self, entity: str) -> dict[str, Row]:
        return {row.key: row for row in self.batch.rows if row.entity == entity}

    def values(self, entity: str, *names: str) -> dict[str, tuple[Any, ...]]:
        return {key: tuple(row.values.get(name) for name in names) for key, row in self.rows(entity).items()}

    def about(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.truth[kind] if one.get("location") == self.at]


@pytest.fixture(scope="module")
def told(serve_toast: Callable[..., Toast]) -> Callable[[str], Told]:
    held: dict[str, Told] = {}

    def tell(scenario: str) -> Told:
        if scenario not in held:
            held[scenario] = Told(serve_toast(scenario))
        return held[scenario]

    return tell


@pytest.fixture(params=["cafe", "diner"])
def place(request: pytest.FixtureRequest, told: Callable[[str], Told]) -> Told:
    return told(request.param)


def test_everything_of_people_is_certified(place: Told) -> None:
    found = {one.entity: (one.status, one.explain()) for one in place.reader.certificates() if one.entity in PEOPLE}
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(PEOPLE, "complete"), found
    assert place.batch.rejected == []


def test_every_guest_of_the_year_arrives_as_the_newest_order_has_them(place: Told) -> None:
    expected = {
        one["id"]: (
            one["given_name"] or None,
            one["family_name"] or None,
            one["email"],
            f"+44 {one['phone']}" if one["phone_country_code"] == "44" else one["phone"],
        )
        for one in place.about("customers")
        if one["last_order_at"] >= "2025-10" and (one["given_name"] or one["family_name"])
    }
    assert len(expected) >= 38
    assert place.values("customers", "first_name", "last_name", "email", "phone") == expected
    known_by_id = [one for one in place.about("customers") if not (one["given_name"] or one["family_name"])]
    told = [loss.records for loss in place.batch.losses if (loss.source_entity, loss.field) == ("orders", "customer")]
    assert told == ([len(known_by_id)] if known_by_id else [])


def test_a_guest_was_won_with_the_first_order_of_the_year(place: Told) -> None:
    rows = place.rows("customers")
    first = {one["id"]: one["first_order_at"] for one in place.about("customers")}
    for key, row in rows.items():
        said = datetime.fromisoformat(first[key])
        found = datetime.fromisoformat(row.values["acquisition_date"])
        assert found == said if said >= datetime(2025, 10, 1, tzinfo=UTC) else found > said, key
        assert row.values["acquisition_source"]


def test_the_newest_address_of_each_guest_is_the_default(place: Told) -> None:
    expected = {
        one["id"]: tuple(one["address"][name] or None for name in ("address1", "address2", "city", "state", "zip_code"))
        for one in place.about("customers")
        if one["address"] and one["id"] in place.rows("customers")
    }
    addresses = place.rows("customer_addresses")
    names = ("address_line1", "address_line2", "city", "state", "postal_code")
    default = {
        row.values["customer_key"]: tuple(row.values[name] for name in names)
        for row in addresses.values()
        if row.values["is_default"]
    }
    assert expected
    assert default == expected
    assert sum(row.values["is_default"] for row in addresses.values()) == len(default)
    assert all(key.startswith(f"{row.values['customer_key']}/address/") for key, row in addresses.items())


def test_who_moved_has_both_addresses_and_toast_states_no_consent(told: Callable[[str], Told]) -> None:
    diner = told("diner")
    (moved,) = diner.truth["notes"]["people: moved house between two orders"]
    found = {
        row.values["address_line1"]: row.values["is_default"]
        for row in diner.rows("customer_addresses").values()
        if row.values["customer_key"] == moved
    }
    assert len(found) == 2
    assert found["1 New Place"] is True
    assert diner.rows("customer_consents") == {}
    assert {row.values["marketing_opt_in"] for row in diner.rows("customers").values()} == {False}


def test_codes_in_delivery_notes_are_gone_and_the_rest_of_the_note_is_there(told: Callable[[str], Told]) -> None:
    diner = told("diner")
    keepers = diner.truth["notes"]["people: codes in delivery notes"]
    notes = [
        row.values["delivery_instructions"]
        for row in diner.rows("customer_addresses").values()
        if row.values["customer_key"] in keepers
    ]
    assert len(notes) == len(keepers)
    assert all("[removed]" in note and without_secrets(note) == note for note in notes)


def test_staff_and_their_jobs_are_the_truths(place: Told) -> None:
    staff = {one["id"]: one for one in place.about("staff")}
    expected = {
        f"{place.at}/{guid}": (
            one["chosen_name"] or one["given_name"],
            one["family_name"] or None,
            one["external_id"],
            one["active"] and not one["disabled"],
            "active" if one["active"] and not one["disabled"] else "terminated",
        )
        for guid, one in staff.items()
    }
    names = ("first_name", "last_name", "employee_code", "is_active", "status")
    assert place.values("staff", *names) == expected
    for guid, one in staff.items():
        ended = place.rows("staff")[f"{place.at}/{guid}"].values["end_date"]
        assert (ended is None) == (one["deleted_at"] is None)
    assert place.rows("staff_locations").keys() == expected.keys()
    roles = place.values("roles", "name", "default_rate_cents", "is_tip_eligible", "is_active")
    assert roles == {
        f"{place.at}/{one['id']}": (
            one["title"],
            one["wage_cents"] if one["frequency"] == "HOURLY" else None,
            one["tipped"],
            one["active"],
        )
        for one in place.about("jobs")
    }
    assert {row.values["needs_review"] for row in place.rows("roles").values()} == {True}
    wages = place.values("staff_jobs", "title", "pay_type", "hourly_rate_cents", "annual_salary_cents")
    assert wages == {
        f"{place.at}/{one['employee']}/job/{one['job']}": (
            one["title"],
            one["frequency"].lower(),
            one["cents"] if one["frequency"] == "HOURLY" else None,
            one["cents"] if one["frequency"] == "SALARY" else None,
        )
        for one in place.about("wages")
        if one["held"]
    }


def test_the_time_worked_in_the_year_is_the_truths(place: Told) -> None:
    begin = "2025-10"
    expected = {f"{place.at}/{one['id']}": one for one in place.about("timecards") if one["start"] >= begin}
    deleted = {key for key, one in expected.items() if one["archived"]}
    cards = place.rows("timecards")
    assert cards.keys() == expected.keys() - deleted
    for key, card in cards.items():
        said, row = expected[key], card.values
        assert datetime.fromisoformat(row["check_in"]) == datetime.fromisoformat(said["start"])
        assert (row["check_out"] and datetime.fromisoformat(row["check_out"])) == (
            said["end"] and datetime.fromisoformat(said["end"])
        )
        assert row["business_date"] == said["business_date"]
        assert row["staff_key"] == f"{place.at}/{said['employee']}"
        assert row["role_key"] == (said["job"] and f"{place.at}/{said['job']}")
        assert row["hourly_rate_cents"] == said["hourly_cents"]
        assert row["declared_tips_cents"] == said["declared_tip_cents"]
        assert Decimal(row["regular_hours"]) == Decimal(said["regular_hours"])
        assert Decimal(row["overtime_hours"]) == Decimal(said["overtime_hours"])
        assert row["is_auto_closed"] == said["auto_clocked_out"]
        details = row["details"] or {}
        assert details.get("scheduled_shift") == said["shift"]
        for ours, theirs in (
            ("non_cash_tips", "card_tip"),
            ("tips_withheld", "tips_withheld"),
            ("cash_gratuity", "cash_gratuity"),
            ("non_cash_gratuity", "card_gratuity"),
            ("cash_sales", "cash_sales"),
            ("non_cash_sales", "card_sales"),
        ):
            assert details.get(f"{ours}_cents", 0) == said[f"{theirs}_cents"], (key, ours)
        assert [(one["is_paid"], one["is_missed"]) for one in row["breaks"] or ()] == [
            (one["paid"], one["missed"]) for one in said["breaks"]
        ]
        assert details.get("waived_breaks", 0) == sum(one["waived"] for one in said["breaks"])
    names = {one["name"] for one in place.about("break_types")}
    rests = [one for card in cards.values() for one in card.values["breaks"] or ()]
    assert rests
    assert {one["name"] for one in rests} <= names
    gone = [
        loss.records for loss in place.batch.losses if (loss.source_entity, loss.field) == ("time_entries", "deleted")
    ]
    assert gone == ([len(deleted)] if deleted else [])


def test_every_row_of_people_is_well_formed(place: Told) -> None:
    keys = {(row.entity, row.key) for row in place.batch.rows}
    assert len(keys) == len(place.batch.rows)
    for row in place.batch.rows:
        entity = ENTITIES[row.entity]
        for name, value in row.values.items():
            declared = entity.field(name)
            if declared.choices and value is not None:
                assert value in declared.choices, (row.entity, name)
            if declared.ref and value is not None:
                assert (declared.ref, value) in keys, (row.entity, row.key, name)
        for declared in entity.fields:
            if declared.required:
                assert row.values.get(declared.name) is not None, (row.entity, row.key, declared.name)


def test_nobody_can_be_read_in_the_snapshot_and_no_card_is_in_it(place: Told) -> None:
    found: set[str] = set()
    for name in place.reader.entities():
        for body in place.reader.bodies(name):
            spell(json.loads(body.data), found)
    spoken = "\n".join(found)
    assert "enc:v1:" in spoken
    assert place.truth["secrets"]
    assert place.truth["personal"]
    assert [secret for secret in place.truth["secrets"] if secret in spoken] == []
    assert [text for text in place.truth["personal"] if text in spoken] == []
    for card in place.truth["payment_cards"]:
        assert card["last4"] not in found
    rows = json.dumps([(row.key, row.values) for row in place.batch.rows], ensure_ascii=False)
    assert [secret for secret in place.truth["secrets"] if secret in rows] == []
    told = json.dumps([str(loss) for loss in place.batch.losses], ensure_ascii=False)
    assert [text for text in place.truth["personal"] if text in told] == []


def test_all_that_tells_of_a_guest_is_erased_with_the_guests_key(serve_toast: Callable[..., Toast]) -> None:
    cafe = serve_toast("cafe")
    held, cafe.cipher = cafe.cipher, MemoryCipher()
    try:
        told = Told(cafe, entities=("orders",))
        guest = next(row for row in told.rows("customers").values() if row.values["email"])
        cafe.cipher.erase(1, guest.key)
    finally:
        cafe.cipher = held
    after = people(told.reader, told.location)
    assert guest.key not in {row.key for row in after.rows if row.entity == "customers"}
    assert guest.values["email"] not in repr(after.rows)
    assert len([row for row in after.rows if row.entity == "customers"]) == len(told.rows("customers")) - 1


@pytest.mark.parametrize(
    ("variant", "missing", "there"),
    [
        ("no_guest_pi", ("guests",), ("orders", "delivery_addresses", "employees")),
        ("no_delivery_address", ("delivery_addresses",), ("orders", "guests")),
        ("no_orders", ("orders", "guests", "delivery_addresses"), ("employees", "time_entries")),
        ("no_employees", ("employees",), ("jobs", "time_entries", "orders")),
        ("no_labor", ("jobs", "time_entries"), ("orders",)),
    ],
)
def test_a_missing_right_leaves_out_what_it_opens_and_nothing_else(
    serve_toast: Callable[..., Toast], variant: str, missing: tuple[str, ...], there: tuple[str, ...]
) -> None:
    told = Told(serve_toast("cafe"), variant=variant)
    found = {one.entity: one for one in told.reader.certificates()}
    assert {name: found[name].status for name in missing} == dict.fromkeys(missing, "not_extracted")
    assert {name: found[name].status for name in there} == dict.fromkeys(there, "complete")
    assert all(found[name].reason for name in missing)
    location = told.at
    granted = {
        one.entity: one.granted
        for one in told.toast.session(lambda session: session.permissions(location), variant=variant)
    }
    for name in ("jobs", "employees", "time_entries", "orders", "guests", "delivery_addresses"):
        # Without orders, what rights would show in them is of no use; the rights themselves are there.
        assert granted[name] is (name not in missing or (variant == "no_orders" and name != "orders")), name
    if "guests" in missing:
        assert not told.rows("customers")
        assert not told.rows("customer_addresses")
    if variant == "no_delivery_address":
        assert told.rows("customers")
        assert not told.rows("customer_addresses")
    if variant == "no_employees":
        assert told.rows("timecards")
        assert {row.values["staff_key"] for row in told.rows("timecards").values()} == {None}


def test_excluding_guests_by_name_is_enough_to_go_on_without_the_right_to_see_them() -> None:
    feeds = {one.name: set(one.feeds) for one in CONNECTOR.source_entities}
    assert feeds["guests"] == {"customers", "customer_addresses"} < feeds["orders"]
    assert feeds["delivery_addresses"] == {"customer_addresses"}
    assert not any(one.is_menu for one in CONNECTOR.source_entities if one.name in PEOPLE)
