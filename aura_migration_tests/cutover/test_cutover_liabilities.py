"""One redeeming system per class of liability at any instant: who may, who is refused, and what a switch needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover import liabilities
from aura_migration.database.connections import connect

AT = "2026-03-02T15:00:00+00:00"


@dataclass(frozen=True)
class Till:
    """A restaurant with one imported card of 25.00 and one made in AuraConnect itself."""

    connection: psycopg.Connection[Any]
    integration: int
    card: int
    own_card: int

    def one(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def redeem(self, cents: int, reference: str, card: int | None = None) -> int:
        balance: int = self.one("SELECT aura.redeem_gift_card(%s, %s, %s)", card or self.card, cents, reference)
        return balance

    @property
    def owner(self) -> str:
        return liabilities.ownership(self.connection, self.integration, "gift_cards").owner

    def measured(self, difference: int) -> None:
        self.connection.execute(
            "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, source_closing, aura_closing, "
            "difference, migration_id, measured_at) VALUES (%s, 'gift_cards', 'C1', 'USD', 2500, 2500 + %s, %s, 1, now()) "
            "ON CONFLICT (integration_id, class, subject_key) DO UPDATE SET difference = excluded.difference",
            (self.integration, difference, difference),
        )

    def switched(self) -> Till:
        liabilities.freeze(self.connection, self.integration, "gift_cards", "ana")
        self.measured(0)
        liabilities.take_over(self.connection, self.integration, "gift_cards", "ana", "go-live", {})
        return self


@pytest.fixture
def till(connection: psycopg.Connection[Any]) -> Till:
    def made(statement: str, *values: Any) -> int:
        row = connection.execute(statement, values).fetchone()
        assert row is not None
        return int(row[0])

    restaurant = made("INSERT INTO aura.restaurants (name) VALUES ('R') RETURNING id")
    integration = made(
        "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "VALUES (%s, 'square', 'http://pos', 'M', 'M') RETURNING id",
        restaurant,
    )
    card = made(
        "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, last4, balance_cents, currency, status, "
        "source_vendor, source_id) VALUES (%s, 'h', 'k1', '0001', 2500, 'USD', 'pending', 'square', 'C1') RETURNING id",
        restaurant,
    )
    own = made(
        "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, balance_cents, currency, status) "
        "VALUES (%s, 'own', 'k1', 1000, 'USD', 'active') RETURNING id",
        restaurant,
    )
    connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'gift_cards', 'C1', 'gift_cards', %s, 1, 1)",
        (restaurant, integration, card),
    )
    return Till(connection, integration, card, own)


def test_a_pending_card_is_refused_with_a_sentence_for_staff_and_keeps_its_balance(till: Till) -> None:
    with pytest.raises(psycopg.DatabaseError, match="still honoured by the old POS") as refused:
        till.redeem(500, "payment 1")
    assert refused.value.sqlstate == "AU001"
    assert till.one("SELECT balance_cents FROM aura.gift_cards WHERE id = %s", till.card) == 2500


def test_while_a_class_is_frozen_nobody_redeems_it(till: Till) -> None:
    liabilities.freeze(till.connection, till.integration, "gift_cards", "ana", "evening before go-live")
    assert till.owner == "nobody"
    with pytest.raises(psycopg.DatabaseError, match="still honoured"):
        till.redeem(500, "payment 1")
    for step in (liabilities.freeze, liabilities.give_back):
        with pytest.raises(Refused) as refused:
            step(till.connection, till.integration, "gift_cards", "ana")
        assert "`liabilities thaw`" in refused.value.remedy, "the way on from here, not from another owner"


def test_after_the_switch_auraconnect_redeems_to_the_cent_and_writes_its_ledger(till: Till) -> None:
    till.switched()
    assert till.redeem(700, "payment 1") == 1800
    row = till.connection.execute(
        "SELECT transaction_type, amount_cents, balance_before_cents, balance_after_cents FROM aura.gift_card_transactions"
    ).fetchone()
    assert row == ("redeemed", -700, 2500, 1800)


def test_the_same_request_twice_is_one_redemption(till: Till) -> None:
    till.switched()
    assert till.redeem(700, "payment 1") == 1800
    assert till.redeem(700, "payment 1") == 1800
    assert till.one("SELECT count(*) FROM aura.gift_card_transactions") == 1


def test_a_card_presented_at_many_tills_in_the_same_second_never_pays_more_than_it_holds(
    till: Till, database: str
) -> None:
    till.switched()
    start = threading.Barrier(8)

    def present(number: int) -> bool:
        with connect(database, autocommit=True, application_name="till") as own:
            start.wait()
            try:
                own.execute("SELECT aura.redeem_gift_card(%s, 1000, %s)", (till.card, f"payment {number}"))
            except psycopg.DatabaseError as error:
                assert "holds less" in str(error)
                return False
            return True

    with ThreadPoolExecutor(8) as tills:
        honoured = list(tills.map(present, range(8)))
    assert honoured.count(True) == 2
    assert till.one("SELECT balance_cents FROM aura.gift_cards WHERE id = %s", till.card) == 500


def test_a_card_presented_while_the_class_is_taken_over_is_either_refused_or_honoured_whole(
    till: Till, database: str
) -> None:
    liabilities.freeze(till.connection, till.integration, "gift_cards", "ana")
    till.measured(0)
    start = threading.Barrier(2)

    def present() -> bool:
        with connect(database, autocommit=True, application_name="till") as own:
            start.wait()
            try:
                own.execute("SELECT aura.redeem_gift_card(%s, 2500, 'payment 1')", (till.card,))
            except psycopg.DatabaseError as error:
                assert "still honoured" in str(error)
                return False
            return True

    with ThreadPoolExecutor(1) as pool:
        presented = pool.submit(present)
        start.wait()
        liabilities.take_over(till.connection, till.integration, "gift_cards", "ana", "", {})
        was_honoured = presented.result()
    balance = till.one("SELECT balance_cents FROM aura.gift_cards WHERE id = %s", till.card)
    assert balance == (0 if was_honoured else 2500)


def test_a_class_is_not_switched_while_its_ledger_is_off_by_a_cent_or_was_not_measured(till: Till) -> None:
    liabilities.freeze(till.connection, till.integration, "gift_cards", "ana")
    with pytest.raises(Refused, match="not measured"):
        liabilities.take_over(till.connection, till.integration, "gift_cards", "ana", "", {})
    till.measured(1)
    with pytest.raises(Refused, match="off by 1"):
        liabilities.take_over(till.connection, till.integration, "gift_cards", "ana", "", {})
    assert till.owner == "nobody"
    assert till.one("SELECT status FROM aura.gift_cards WHERE id = %s", till.card) == "pending"


def test_differences_that_cancel_out_do_not_make_a_ledger_clean(till: Till) -> None:
    liabilities.freeze(till.connection, till.integration, "gift_cards", "ana")
    till.measured(5)
    till.connection.execute(
        "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, difference, migration_id, measured_at) "
        "VALUES (%s, 'gift_cards', 'C2', 'USD', -5, 1, now())",
        (till.integration,),
    )
    with pytest.raises(Refused, match="off by 10"):
        liabilities.take_over(till.connection, till.integration, "gift_cards", "ana", "", {})


def test_giving_back_lists_what_auraconnect_redeemed_and_stops_it(till: Till) -> None:
    till.switched()
    till.redeem(700, "payment 1")
    found, moved = liabilities.give_back(till.connection, till.integration, "gift_cards", "ana", "trouble at the till")
    assert found.owner == "nobody"
    assert [(m["source_key"], m["amount"], m["balance"], m["reference"]) for m in moved] == [
        ("C1", -700, 1800, "payment 1")
    ]
    with pytest.raises(psycopg.DatabaseError, match="still honoured"):
        till.redeem(100, "payment 2")
    assert liabilities.thaw(till.connection, till.integration, "gift_cards", "ana").owner == "pos"


def test_cards_made_in_auraconnect_itself_are_redeemed_whoever_owns_the_imported_ones(till: Till) -> None:
    assert till.redeem(400, "payment 1", till.own_card) == 600
    till.switched()
    liabilities.give_back(till.connection, till.integration, "gift_cards", "ana")
    assert till.redeem(100, "payment 2", till.own_card) == 500


Step = Callable[[Till], object]
OUT_OF_TURN: list[tuple[str, Step]] = [
    ("take_over", lambda t: liabilities.take_over(t.connection, t.integration, "gift_cards", "ana", "", {})),
    ("thaw", lambda t: liabilities.thaw(t.connection, t.integration, "gift_cards", "ana")),
    ("give_back", lambda t: liabilities.give_back(t.connection, t.integration, "gift_cards", "ana")),
]


@pytest.mark.parametrize(("_name", "step"), OUT_OF_TURN, ids=[name for name, _ in OUT_OF_TURN])
def test_a_step_out_of_turn_is_refused_and_changes_nothing(till: Till, _name: str, step: Step) -> None:
    with pytest.raises(Refused, match="owned by pos"):
        step(till)
    assert till.owner == "pos"
    assert till.one("SELECT count(*) FROM migration.liability_changes") == 0


def test_every_change_of_owner_is_remembered_with_who_and_why(till: Till) -> None:
    till.switched()
    assert till.connection.execute(
        "SELECT from_owner, to_owner, done_by, reason FROM migration.liability_changes ORDER BY id"
    ).fetchall() == [("pos", "nobody", "ana", ""), ("nobody", "auraconnect", "ana", "go-live")]


def test_a_class_there_is_not_and_a_class_nobody_holds_are_named(till: Till) -> None:
    with pytest.raises(BadInput, match="'cards' is not a class"):
        liabilities.freeze(till.connection, till.integration, "cards", "ana")
    with pytest.raises(Refused, match="holds nothing of class store_credit"):
        liabilities.freeze(till.connection, till.integration, "store_credit", "ana")


@pytest.mark.parametrize(("cents", "reference"), [(0, "p"), (-5, "p"), (100, "")])
def test_a_redemption_without_amount_or_reference_is_refused(till: Till, cents: int, reference: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match="positive amount and the reference"):
        till.redeem(cents, reference, till.own_card)


def test_points_and_house_accounts_keep_to_their_limits(till: Till) -> None:
    connection = till.connection
    restaurant = till.one("SELECT restaurant_id FROM aura.gift_cards LIMIT 1")
    program = till.one(
        "INSERT INTO aura.loyalty_programs (restaurant_id, name) VALUES (%s, 'P') RETURNING id", restaurant
    )
    customer = till.one(
        "INSERT INTO aura.customers (restaurant_id, loyalty_points) VALUES (%s, 80) RETURNING id", restaurant
    )
    points = till.one(
        "INSERT INTO aura.loyalty_accounts (restaurant_id, program_id, customer_id, balance_points, status) "
        "VALUES (%s, %s, %s, 80, 'active') RETURNING id",
        restaurant,
        program,
        customer,
    )
    assert till.one("SELECT aura.redeem_points(%s, 30, 'r1')", points) == 50
    assert till.one("SELECT loyalty_points FROM aura.customers WHERE id = %s", customer) == 50
    with pytest.raises(psycopg.DatabaseError, match="fewer points"):
        connection.execute("SELECT aura.redeem_points(%s, 51, 'r2')", (points,))
    house = till.one(
        "INSERT INTO aura.house_accounts (restaurant_id, kind, balance_cents, credit_limit_cents, currency, status) "
        "VALUES (%s, 'house_account', 0, 5000, 'USD', 'active') RETURNING id",
        restaurant,
    )
    assert till.one("SELECT aura.redeem_account(%s, 5000, 'r1')", house) == -5000
    with pytest.raises(psycopg.DatabaseError, match="beyond what the account allows"):
        connection.execute("SELECT aura.redeem_account(%s, 1, 'r2')", (house,))
