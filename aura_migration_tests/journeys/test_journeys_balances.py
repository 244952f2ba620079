"""What people are owed while a restaurant moves: followed to the cent, redeemed by one system, never taken back by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import PlanMoved, Refused
from aura_migration.cutover import liabilities as owners
from aura_migration.migration import decide, stages
from aura_migration.migration.integrations import get_integration, list_locations
from aura_migration.migration.liabilities import switch
from aura_migration.plan.planner import StoredPlan
from aura_migration_tests.support.journeys import Connected, control, previewed
from aura_migration_tests.support.worlds import Started


@dataclass
class Loaded:
    """A café whose menu and people were loaded and verified, its POS still in use."""

    at: Connected
    migration_id: int

    @property
    def integration(self) -> int:
        return self.at.integration.id

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.at.workshop.connect() as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def pos(self, **edit: Any) -> None:
        control(self.at.base_url, "POST", "edit", edit)

    def live_card(self) -> tuple[str, int, int]:
        """``(POS id, AuraConnect id, balance)`` of the fullest card."""
        key, card, balance = self.sql(
            "SELECT source_id, id, balance_cents FROM aura.gift_cards WHERE status = 'pending' ORDER BY balance_cents DESC, id"
        )[0]
        return str(key), int(card), int(balance)

    def load(self, plan: StoredPlan) -> None:
        decide.approve(self.at.workshop, self.migration_id, plan.hash, "test")
        with stages.locked(self.at.workshop, self.at.locations[0].key):
            stages.load(self.at.workshop, self.migration_id, "test")

    def verify(self) -> Any:
        return stages.verify(self.at.workshop, self.migration_id, "test")

    def freeze(self) -> None:
        with self.at.workshop.connect() as connection:
            owners.freeze(connection, self.integration, "gift_cards", "test")


@pytest.fixture
def cafe(verified: Started) -> Loaded:
    workshop = verified.world.workshop
    with workshop.connect() as connection:
        integration = get_integration(connection, verified.integration)
        locations = list_locations(connection, verified.integration)
    return Loaded(Connected(workshop, verified.pos.base_url, integration, locations), verified.migration)


def test_a_card_used_in_the_old_pos_moves_its_balance_and_ledger_by_a_plan_of_its_own(cafe: Loaded) -> None:
    key, card, balance = cafe.live_card()
    cafe.pos(op="redeem_card", card=key, cents=300)
    _, plan = previewed(cafe.at)
    assert plan.counts["gift_cards"]["update"] == 1
    assert plan.counts["gift_card_transactions"]["create"] == 1
    cafe.load(plan)
    assert cafe.sql("SELECT balance_cents FROM aura.gift_cards WHERE id = %s", card) == [(balance - 300,)]
    verdict = cafe.verify()
    assert verdict.gate("gift_cards_conserved").passed is True
    assert verdict.scorecard["metrics"]["gift_card_liability_diff_cents"] == 0
    assert cafe.sql(
        "SELECT source_closing, aura_closing, difference FROM migration.liability_ledger WHERE subject_key = %s", key
    ) == [(balance - 300, balance - 300, 0)]


def test_a_card_used_after_the_freeze_stops_the_switch_until_it_is_taken_over(cafe: Loaded) -> None:
    key, card, balance = cafe.live_card()
    cafe.freeze()
    cafe.pos(op="redeem_card", card=key, cents=300)
    with pytest.raises(PlanMoved, match="moved in the POS") as refused:
        switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    with pytest.raises(Refused, match="was loaded and is planned now"):
        switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    assert cafe.sql("SELECT status FROM aura.gift_cards WHERE id = %s", card) == [("pending",)]

    decide.approve(cafe.at.workshop, cafe.migration_id, refused.value.details["plan_hash"], "test")
    with stages.locked(cafe.at.workshop, cafe.at.locations[0].key):
        stages.load(cafe.at.workshop, cafe.migration_id, "test")
    assert switch(cafe.at.workshop, cafe.integration, "gift_cards", "test").owner == "auraconnect"
    assert cafe.sql("SELECT aura.redeem_gift_card(%s, 100, 'first in AuraConnect')", card) == [(balance - 400,)]


def test_the_same_card_presented_on_both_sides_is_honoured_once(cafe: Loaded) -> None:
    key, card, balance = cafe.live_card()
    cafe.pos(op="redeem_card", card=key, cents=balance)
    with pytest.raises(psycopg.DatabaseError, match="still honoured by the old POS"):
        cafe.sql("SELECT aura.redeem_gift_card(%s, %s, 'same second')", card, balance)
    _, plan = previewed(cafe.at)
    cafe.load(plan)
    cafe.freeze()
    switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    with pytest.raises(psycopg.DatabaseError, match=r"holds less|cannot be redeemed"):
        cafe.sql("SELECT aura.redeem_gift_card(%s, %s, 'once more')", card, balance)


def test_after_the_switch_what_auraconnect_redeems_is_no_difference_and_is_never_overwritten(cafe: Loaded) -> None:
    _, card, balance = cafe.live_card()
    cafe.freeze()
    switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    cafe.sql("SELECT aura.redeem_gift_card(%s, 250, 'dinner')", card)
    _, plan = previewed(cafe.at)
    assert not any(plan.counts["gift_cards"][a] for a in ("create", "update", "merge", "conflict"))
    assert cafe.sql("SELECT balance_cents, status FROM aura.gift_cards WHERE id = %s", card) == [
        (balance - 250, "active")
    ]
    assert cafe.verify().gate("gift_cards_conserved").passed is True


@pytest.mark.parametrize("entered", [[100, 150], [250]], ids=["one by one", "as one sum"])
def test_what_auraconnect_redeemed_counts_once_after_it_was_entered_in_the_old_pos(
    cafe: Loaded, entered: list[int]
) -> None:
    key, card, balance = cafe.live_card()
    cafe.freeze()
    switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    for cents in (100, 150):
        cafe.sql("SELECT aura.redeem_gift_card(%s, %s, %s)", card, cents, f"dinner {cents}")
    with cafe.at.workshop.connect() as connection:
        _, moved = owners.give_back(connection, cafe.integration, "gift_cards", "test")
        assert [(one["source_key"], one["amount"]) for one in moved] == [(key, -100), (key, -150)]
        owners.thaw(connection, cafe.integration, "gift_cards", "test")
    assert cafe.sql("SELECT balance_cents, status FROM aura.gift_cards WHERE id = %s", card) == [(balance, "pending")]
    assert cafe.verify().gate("gift_cards_conserved").passed is True, "the POS holds as much until staff has entered it"

    for cents in entered:
        cafe.pos(op="redeem_card", card=key, cents=cents)
    _, plan = previewed(cafe.at)
    assert plan.counts["gift_cards"]["conflict"] == plan.counts["gift_card_transactions"]["conflict"] == 0
    assert plan.counts["gift_card_transactions"]["create"] == len(entered)
    cafe.load(plan)
    assert cafe.sql("SELECT balance_cents FROM aura.gift_cards WHERE id = %s", card) == [(balance - 250,)]
    assert cafe.verify().gate("gift_cards_conserved").passed is True

    cafe.freeze()
    switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    cafe.sql("SELECT aura.redeem_gift_card(%s, 70, 'lunch')", card)
    with cafe.at.workshop.connect() as connection:
        _, moved = owners.give_back(connection, cafe.integration, "gift_cards", "test")
    assert [one["amount"] for one in moved] == [-70], "what was handed back before is not asked for again"


def test_points_redeemed_in_auraconnect_are_the_guests_again_until_the_old_pos_tells_of_them(cafe: Loaded) -> None:
    account, guest, points, held = cafe.sql(
        "SELECT a.id, a.customer_id, a.balance_points, c.loyalty_points FROM aura.loyalty_accounts a "
        "JOIN aura.customers c ON c.id = a.customer_id WHERE a.status = 'pending' ORDER BY a.balance_points DESC, a.id LIMIT 1"
    )[0]
    with cafe.at.workshop.connect() as connection:
        owners.freeze(connection, cafe.integration, "loyalty", "test")
    switch(cafe.at.workshop, cafe.integration, "loyalty", "test")
    cafe.sql("SELECT aura.redeem_points(%s, 3, 'coffee')", account)
    with cafe.at.workshop.connect() as connection:
        owners.give_back(connection, cafe.integration, "loyalty", "test")
        owners.thaw(connection, cafe.integration, "loyalty", "test")
    assert cafe.sql("SELECT balance_points FROM aura.loyalty_accounts WHERE id = %s", account) == [(points,)]
    assert cafe.sql("SELECT loyalty_points FROM aura.customers WHERE id = %s", guest) == [(held,)]
    assert cafe.verify().gate("loyalty_conserved").passed is True


def test_a_load_is_not_taken_back_while_auraconnect_redeems_its_cards(cafe: Loaded) -> None:
    cafe.freeze()
    switch(cafe.at.workshop, cafe.integration, "gift_cards", "test")
    with pytest.raises(Refused, match="AuraConnect redeems gift_cards"):
        stages.undo(cafe.at.workshop, cafe.migration_id, "test")
    with cafe.at.workshop.connect() as connection:
        owners.give_back(connection, cafe.integration, "gift_cards", "test")
    stages.undo(cafe.at.workshop, cafe.migration_id, "test")
    assert cafe.sql("SELECT count(*) FROM aura.gift_cards WHERE deleted_at IS NULL") == [(0,)]


def test_people_who_meanwhile_earned_changed_or_answered_are_kept_by_a_rollback_and_listed(cafe: Loaded) -> None:
    [(earner, account)] = cafe.sql(
        "SELECT customer_id, id FROM aura.loyalty_accounts WHERE customer_id IS NOT NULL ORDER BY id LIMIT 1"
    )
    [(mover,)] = cafe.sql("SELECT id FROM aura.customers WHERE id <> %s ORDER BY id DESC LIMIT 1", earner)
    [(answer, answered)] = cafe.sql(
        "SELECT id, customer_id FROM aura.customer_consents WHERE customer_id NOT IN (%s, %s) ORDER BY id LIMIT 1",
        earner,
        mover,
    )
    cafe.sql(
        "INSERT INTO aura.loyalty_points_transactions (restaurant_id, loyalty_account_id, transaction_type, points_change, "
        "points_balance_before, points_balance_after, reason) SELECT restaurant_id, id, 'earned', 5, balance_points, "
        "balance_points + 5, 'lunch in AuraConnect' FROM aura.loyalty_accounts WHERE id = %s",
        account,
    )
    cafe.sql("UPDATE aura.customers SET phone = '+12025550143' WHERE id = %s", mover)
    cafe.sql("UPDATE aura.customer_consents SET status = 'withdrawn' WHERE id = %s", answer)

    rehearsed = stages.undo(cafe.at.workshop, cafe.migration_id, "test", rehearse=True)
    undone = stages.undo(cafe.at.workshop, cafe.migration_id, "test")
    assert undone.as_dict() == rehearsed.as_dict()
    kept = {(k["table"], k["id"]): k["outcome"] for k in undone.kept}
    assert kept["customers", mover] == "kept_edited"
    assert kept["customer_consents", answer] == "kept_edited"
    assert kept["customers", answered] == "kept_needed"
    assert kept["loyalty_accounts", account] == "archived"
    assert kept["customers", earner] == "archived"
    assert cafe.sql("SELECT phone FROM aura.customers WHERE id = %s AND deleted_at IS NULL", mover) == [
        ("+12025550143",)
    ]
    assert cafe.sql("SELECT count(*) FROM aura.customers") == [(3,)]
    assert "+12025550143" not in str(undone.as_dict())


def test_profiles_merged_or_deleted_in_the_pos_are_told_and_their_points_counted_once(cafe: Loaded) -> None:
    holders = [
        str(key)
        for (key,) in cafe.sql(
            "SELECT c.source_id FROM aura.customers c JOIN aura.loyalty_accounts a ON a.customer_id = c.id "
            "WHERE a.balance_points > 0 ORDER BY c.id LIMIT 3"
        )
    ]
    cafe.pos(op="merge_customers", customers=holders[:2])
    cafe.pos(op="delete_customer", customer=holders[2])
    _, plan = previewed(cafe.at)
    with cafe.at.workshop.connect() as connection:
        report = connection.execute(
            "SELECT body FROM migration.reports WHERE kind = 'people' ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert report is not None and set(report[0]["gone"]["keys"]) == set(holders)
    cafe.load(plan)
    assert cafe.verify().gate("loyalty_conserved").passed is True
    assert cafe.sql(
        "SELECT coalesce(sum(c.loyalty_points), 0) = (SELECT sum(balance_points) FROM aura.loyalty_accounts "
        "WHERE customer_id IS NOT NULL) FROM aura.customers c"
    ) == [(True,)]
    assert cafe.sql(
        "SELECT count(*) FROM aura.customers WHERE source_id = ANY(%s) AND deleted_at IS NULL", holders
    ) == [(3,)]


def test_points_are_refused_before_their_switch_and_redeemed_after_it_whoever_honours_the_cards(cafe: Loaded) -> None:
    [(account, balance)] = cafe.sql(
        "SELECT id, balance_points FROM aura.loyalty_accounts WHERE balance_points > 20 ORDER BY id LIMIT 1"
    )
    redeem = "SELECT aura.redeem_points(%s, 20, 'dinner')"
    with pytest.raises(psycopg.DatabaseError, match="still honoured by the old POS"):
        cafe.sql(redeem, account)
    with cafe.at.workshop.connect() as connection:
        owners.freeze(connection, cafe.integration, "loyalty", "test")
    with pytest.raises(psycopg.DatabaseError, match="still honoured"):
        cafe.sql(redeem, account)
    assert switch(cafe.at.workshop, cafe.integration, "loyalty", "test").owner == "auraconnect"
    assert cafe.sql("SELECT DISTINCT status FROM aura.loyalty_accounts WHERE balance_points > 0") == [("active",)]
    assert cafe.sql(redeem, account) == [(balance - 20,)]
    assert cafe.sql("SELECT DISTINCT status FROM aura.gift_cards WHERE balance_cents > 0 AND status = 'active'") == []
    assert cafe.verify().gate("loyalty_conserved").passed is True
