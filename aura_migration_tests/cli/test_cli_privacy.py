"""The commands of forgetting and of keys: what they answer, what they refuse, and what they never print."""

from __future__ import annotations

import json

import pytest
from cryptography.fernet import Fernet

from aura_migration.plan.planner import Subject
from aura_migration_tests.support.guests import ADA_TEXTS, ada, grace, migrate, where
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.menus import make_chain


@pytest.fixture
def subject(world: World) -> Subject:
    with world.connect() as connection:
        (found,) = make_chain(connection)
        migrate(connection, found, [*ada(), *grace()])
    return found


def test_a_guest_is_erased_by_what_stands_on_stdin(world: World, subject: Subject) -> None:
    asked = ["erase", "--restaurant", subject.restaurant_id, "--by", "Grace", "--reason", "a letter", "--stdin"]
    particulars = json.dumps({"email": "ada@canary.test", "phone": ["+12025550143"]})
    rehearsed = world.ok(*asked, "--preview", stdin=particulars)
    assert rehearsed["preview"] is True and rehearsed["erasure_id"] is None
    with world.connect() as connection:
        assert where(connection, "Lovelace")
    shown = world.call(*asked, stdin=particulars)
    assert shown.code == 0 and "Cleared" in shown.out and "aura.customers" in shown.out
    with world.connect() as connection:
        assert where(connection, *ADA_TEXTS) == []
    again = world.ok(*asked, stdin=particulars)
    assert again["rows"] == {} and rehearsed["rows"]["aura.customers"] == 1
    for said in (shown.out + shown.err, json.dumps(rehearsed), json.dumps(again)):
        assert not any(text in said for text in ADA_TEXTS)


def test_a_guest_is_erased_by_id_and_an_employee_is_somebody_else(world: World, subject: Subject) -> None:
    number = world.rows("SELECT id FROM aura.customers WHERE first_name = 'Ada'")[0][0]
    refused = world.fails(2, "erase", "--restaurant", subject.restaurant_id, "--staff-id", number, "--by", "Grace")
    assert "staff_members" in refused["what"]
    both = world.fails(2, "erase", "--restaurant", 1, "--staff-id", 1, "--customer-id", 1, "--by", "Grace")
    assert "one after the other" in both["what"]
    done = world.ok("erase", "--restaurant", subject.restaurant_id, "--customer-id", number, "--by", "Grace")
    assert done["rows"]["aura.customers"] == 1


@pytest.mark.parametrize(
    "particulars", ["", "nonsense", "[]", '{"name": "Ada"}', '{"email": 5}', '{"customer_id": "x"}', '{"pos_id": true}']
)
def test_particulars_that_name_nobody_are_bad_input_and_not_repeated(world: World, particulars: str) -> None:
    answer = world.call("erase", "--restaurant", "1", "--by", "Grace", "--stdin", "--json", stdin=particulars)
    assert answer.code == 2 and "Ada" not in answer.out + answer.err


def test_purge_and_snapshots_answer_as_json_and_as_tables(world: World, subject: Subject) -> None:
    assert world.ok("purge", "--older-than", 0, "--preview")["rows"] == {"staging.rows": 9}
    assert "Removed" in world.call("purge", "--older-than", 3650).out
    assert world.ok("snapshots", "list") == {"snapshots": []}
    assert world.call("snapshots", "list").out.strip() == "Snapshots: none."
    assert world.ok("snapshots", "collect-garbage") == {"manifests": 0, "bodies": 0, "leftovers": 0}
    assert "no snapshot 7" in world.fails(2, "snapshots", "delete", 7)["what"]


def test_the_report_is_written_where_it_is_said(world: World, subject: Subject) -> None:
    answer = world.ok("report", subject.migration_id, "--kind", "entities")
    assert [(one["kind"], one["rows"] > 0) for one in answer["files"]] == [("entities", True)]
    shown = world.call("report", subject.migration_id, "--out", world.folder / "out")
    assert shown.code == 0 and str(world.folder / "out" / "index.html") in shown.out
    assert world.call("report", subject.migration_id, "--kind", "gossip", "--json").code == 2


# -- keys -----------------------------------------------------------------------------------------------------------------


def test_the_exported_key_and_sql_find_a_card_by_its_number(world: World, subject: Subject) -> None:
    restaurant = subject.restaurant_id
    number = "7783 3200 0000 1234"
    sealed = world.workshop.seals(restaurant).gift_card(number)
    world.rows(
        "UPDATE aura.gift_cards SET code_hash = %s, hash_key_id = %s RETURNING id", sealed.code_hash, sealed.hash_key_id
    )
    rotated = world.ok("keys", "rotate-gift-card-key", "--restaurant", restaurant)
    assert rotated["key_id"] == f"g{restaurant}.2"
    exported = world.ok("keys", "export-gift-card-key", "--restaurant", restaurant)
    assert [(k["key_id"], k["is_current"], k["cards"]) for k in exported["keys"]] == [
        (f"g{restaurant}.1", False, 1),
        (f"g{restaurant}.2", True, 0),
    ]
    for typed in ("7783320000001234", "7783-3200-0000-1234"):
        found = world.rows(exported["sql"].replace(":'number'", f"'{typed}'"))
        assert [row[1] for row in found] == [2500], typed
    assert world.rows(exported["sql"].replace(":'number'", "'7783320000001235'")) == []
    shown = world.call("keys", "export-gift-card-key", "--restaurant", restaurant)
    assert all(key["hex"] in shown.out for key in exported["keys"]) and "aura.gift_card_code_hash" in shown.out
    assert world.fails(2, "keys", "export-gift-card-key", "--restaurant", 99)["what"] == "Restaurant 99 does not exist."


def test_status_shows_fingerprints_and_ids_but_no_key(world: World, subject: Subject) -> None:
    world.workshop.seals(subject.restaurant_id).gift_card("123456")
    exported = world.ok("keys", "export-gift-card-key", "--restaurant", subject.restaurant_id)
    told = world.ok("keys", "status")
    (key,) = told["keys"]
    assert key["seals"] and key["at_hand"] and key["rows"] >= 2 and key["retired_at"] is None
    assert [g["key_id"] for g in told["gift_card_keys"]] == [f"g{subject.restaurant_id}.1"]
    said = json.dumps(told) + world.call("keys", "status").out
    secret = (world.workshop.settings.key_file).read_text().splitlines()[-1]
    assert exported["keys"][0]["hex"] not in said and secret not in said


def test_after_rotating_the_old_key_may_be_removed(world: World, subject: Subject) -> None:
    sealed = world.workshop.seals(subject.restaurant_id).gift_card("123456")
    path = world.workshop.settings.key_file
    old = path.read_text()
    path.write_text(Fernet.generate_key().decode() + "\n" + old)
    before = world.ok("keys", "status")
    assert [k["seals"] for k in before["keys"]] == [True, False] and before["keys"][0]["rows"] == 0
    assert world.ok("keys", "rotate")["resealed"]["sealed_secrets"] >= 2
    path.write_text(path.read_text().splitlines()[0] + "\n")
    after = world.ok("keys", "status")
    assert [(k["at_hand"], k["rows"] > 0) for k in after["keys"]] == [(True, True), (False, False)]
    assert after["keys"][1]["retired_at"] is not None
    assert world.workshop.seals(subject.restaurant_id).gift_card("123456") == sealed
