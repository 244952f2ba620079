"""Look-up: whatever a restaurant calls about is found on both sides, within the caller's scope, and nobody is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from aura_migration.core.errors import BadInput
from aura_migration.migration.lookup import Wanted, look_up
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.worlds import Stages, Started

ORDER = """
WITH here AS (SELECT id AS location_id, restaurant_id FROM aura.locations),
o AS (INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, subtotal_cents,
      final_amount_cents, receipt_number, display_number, source_vendor, source_id, guest_reference, migration_run_id)
      SELECT restaurant_id, location_id, '2026-02-27', 'pos', 'completed', 'USD', 1000, 1090, 'R-1042', '42', 'square', 'ORDER-ONE',
             'Ms. Secretive', %s FROM here RETURNING *)
INSERT INTO aura.payments (restaurant_id, location_id, business_date, method, tender_name, amount_cents, tip_amount_cents, currency, status, order_id,
      card_brand, card_last4, source_vendor, source_id, migration_run_id)
SELECT restaurant_id, location_id, business_date, 'card', 'Card', 1090, 200, 'USD', 'completed', id, 'VISA', '4242', 'square', 'PAYMENT-ONE', %s FROM o
"""


@pytest.fixture(scope="module")
def at(cafe_stages: Stages) -> Iterator[Started]:
    """A migrated café to look at, with one order."""
    with cafe_stages.at("verified") as started:
        with started.world.connect() as connection:
            connection.execute(ORDER, [started.migration, started.migration])
        yield started


def found(
    at: Started, wanted: Wanted, restaurants: list[int] | None = None, *, with_body: bool = True
) -> list[dict[str, Any]]:
    with at.world.connect() as connection:
        hits: list[dict[str, Any]] = look_up(at.world.workshop, connection, wanted, restaurants, with_body=with_body)[
            "hits"
        ]
        return hits


def one(at: Started, query: str) -> tuple[Any, ...]:
    with at.world.connect() as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None, query
    return tuple(row)


def test_an_item_is_found_by_its_id_with_plan_journal_and_the_answer_it_came_from(at: Started) -> None:
    key, aura_id = one(
        at, "SELECT source_key, aura_id FROM migration.crosswalk WHERE entity = 'items' ORDER BY id LIMIT 1"
    )
    hit = found(at, Wanted("pos_id", key))[0]
    assert (hit["entity"], hit["auraconnect"]["id"], hit["migration_id"]) == ("items", aura_id, at.migration)
    assert hit["pos"]["planned"]["action"] == "create"
    assert hit["pos"]["planned"]["values"]["name"] == hit["auraconnect"]["row"]["name"]
    assert [entry["op"] for entry in hit["journal"]] == ["insert"]
    answer = hit["pos"]["answer"]
    assert answer["record"]["id"] == key
    assert answer["record"]["item_data"]["name"] == hit["auraconnect"]["row"]["name"]
    assert answer["request"]["path"].startswith("/v2/catalog") and len(answer["sha256"]) == 64
    assert "answer" not in found(at, Wanted("pos_id", key), with_body=False)[0]["pos"]


def test_an_order_is_found_by_receipt_by_check_by_payment_and_by_card(at: Started) -> None:
    day = date(2026, 2, 27)
    for wanted in (
        Wanted("number", "R-1042"),
        Wanted("number", "#42"),
        Wanted("number", "42", day=day),
        Wanted("number", "PAYM"),  # what Square prints on the receipt: how the payment's id begins
        Wanted("pos_id", "ORDER-ONE"),
    ):
        (hit,) = found(at, wanted)
        assert hit["auraconnect"]["row"]["source_id"] == "ORDER-ONE", wanted
        assert [one["row"]["source_id"] for one in hit["related"] if one["table"] == "payments"] == ["PAYMENT-ONE"]
    for cents in (1090, 1290):
        (hit,) = found(at, Wanted("card", "4242", cents, day))
        assert hit["entity"] == "payments", "with and without the tip"
        assert [one["row"]["source_id"] for one in hit["related"] if one["table"] == "orders"] == ["ORDER-ONE"]
    assert found(at, Wanted("number", "42", day=date(2026, 2, 26))) == []
    assert found(at, Wanted("card", "4242", 1091, day)) == []
    assert found(at, Wanted("card", "4242", 1090, date(2026, 2, 24))) == []
    assert "Secretive" not in json.dumps(found(at, Wanted("pos_id", "ORDER-ONE")), default=str)


def test_a_guest_is_found_by_phone_and_stays_unknown(at: Started) -> None:
    phone, last, email, number = one(
        at,
        "SELECT phone, last_name, email, id FROM aura.customers WHERE phone IS NOT NULL AND email IS NOT NULL "
        "AND length(last_name) > 5 ORDER BY id LIMIT 1",
    )
    hits = found(at, Wanted("phone", phone))
    assert number in [hit["auraconnect"]["id"] for hit in hits]
    told = json.dumps(hits, default=str)
    for secret in (phone, phone[2:], last, email, email.split("@")[0]):
        assert secret not in told
    assert Wanted("phone", phone).told() == {"by": "phone", "value": f"…{phone[-2:]}"}
    local = f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
    assert [hit["auraconnect"]["id"] for hit in found(at, Wanted("phone", local))] == [
        h["auraconnect"]["id"] for h in hits
    ]


def test_a_gift_card_is_found_by_its_last_digits_with_its_movements(at: Started) -> None:
    last4, number = one(at, "SELECT last4, id FROM aura.gift_cards WHERE last4 IS NOT NULL ORDER BY id LIMIT 1")
    hit = next(hit for hit in found(at, Wanted("gift_card", last4)) if hit["auraconnect"]["id"] == number)
    assert "code_hash" not in hit["auraconnect"]["row"]
    moved = one(at, f"SELECT count(*) FROM aura.gift_card_transactions WHERE gift_card_id = {number}")[0]
    assert len(hit["related"]) == moved > 0


def test_what_lies_outside_the_scope_is_not_found(at: Started) -> None:
    (restaurant,) = one(at, "SELECT id FROM aura.restaurants")
    key, phone, last4 = one(
        at,
        "SELECT (SELECT source_key FROM migration.crosswalk WHERE entity = 'items' LIMIT 1), "
        "(SELECT phone FROM aura.customers WHERE phone IS NOT NULL LIMIT 1), (SELECT last4 FROM aura.gift_cards LIMIT 1)",
    )
    for wanted in (
        Wanted("pos_id", key),
        Wanted("pos_id", "ORDER-ONE"),
        Wanted("number", "42"),
        Wanted("card", "4242", 1090, date(2026, 2, 27)),
        Wanted("gift_card", last4),
    ):
        assert found(at, wanted, [restaurant]), wanted
        assert found(at, wanted, [restaurant + 1]) == [], wanted
        assert found(at, wanted, []) == [], wanted
    with pytest.raises(BadInput):
        found(at, Wanted("phone", phone), [restaurant + 1])


def test_what_waits_in_quarantine_is_found_by_its_id(at: Started) -> None:
    with at.world.connect() as connection:
        connection.execute(
            'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values") '
            "VALUES (%s, 'items', 'BROKEN', '[\"a price below zero\"]', '{}')",
            [at.migration],
        )
    (hit,) = found(at, Wanted("pos_id", "BROKEN"))
    assert (hit["auraconnect"], hit["quarantine"]) == (None, ["a price below zero"])


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("card", "4242", "last four digits, amount and date"),
        ("card", "4242424242424242", "last four digits"),
        ("gift_card", "７５５４", "last four digits"),
        ("pos_id", "  ", "1 to 200 printable"),
        ("pos_id", "x\x00", "1 to 200 printable"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(kind: Any, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Wanted(kind, value)


def test_over_http_roles_decide_what_is_shown_and_every_look_is_noted(at: Started) -> None:
    path = "/pos/migration/lookup"
    (phone,) = one(at, "SELECT phone FROM aura.customers WHERE phone IS NOT NULL ORDER BY id LIMIT 1")
    with RunningApi(at.world.workshop) as api:
        with api.client("vera", "viewer") as viewer:
            refused = viewer.get(path, params={"number": "42"})
        assert (refused.status_code, refused.json()["needed_role"]) == (403, "operator")
        with api.client("olga", "operator") as operator:
            found = operator.get(path, params={"pos_id": "ORDER-ONE"})
            assert found.status_code == 200 and "answer" not in found.json()["hits"][0]["pos"]
            assert operator.get(path, params={"phone": phone}).json()["wanted"]["value"] == f"…{phone[-2:]}"
            assert operator.get(path, params={"number": "42", "pos_id": "x"}).status_code == 400
            assert operator.get(path).status_code == 400
        with api.client("anna", "approver", [999]) as other:
            assert other.get(path, params={"pos_id": "ORDER-ONE"}).json()["hits"] == []
        with api.client("anna", "approver") as approver:
            assert "answer" in approver.get(path, params={"pos_id": "ORDER-ONE"}).json()["hits"][0]["pos"]
    with at.world.connect() as connection:
        noted = connection.execute(
            "SELECT actor, outcome, detail FROM migration.audit_trail WHERE action = 'look-up' ORDER BY id"
        ).fetchall()
    # Rows are written behind the answers, so that two of them may change places.
    assert sorted((actor, outcome) for actor, outcome, _ in noted) == [
        ("anna", "done"), ("anna", "done"), ("olga", "done"), ("olga", "done"), ("vera", "refused"),
    ]  # fmt: skip
    assert {"value": "ORDER-ONE", "hits": 1}.items() <= next(
        detail
        for actor, outcome, detail in noted
        if (actor, outcome) == ("olga", "done") and detail["value"] == "ORDER-ONE"
    ).items()
    assert phone not in json.dumps([detail for _, _, detail in noted])


def test_the_command_finds_and_notes_it(at: Started) -> None:
    answer = at.world.ok("lookup", "--number", "R-1042")
    assert answer["hits"][0]["auraconnect"]["row"]["receipt_number"] == "R-1042"
    assert at.world.fails(2, "lookup")["what"] == "Look for one thing at a time."
    assert one(at, "SELECT door, action FROM migration.audit_trail ORDER BY id DESC LIMIT 1") == ("cli", "look-up")
