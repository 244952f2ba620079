"""The verdict on a history: a sound one passes every gate, and each gate fails where something is off by a cent or a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.options import MigrationOptions
from aura_migration.database.connections import connect
from aura_migration.pos.facts import Facts
from aura_migration.pos.order_facts import PaymentFact, PayoutFact, RefundFact
from aura_migration.verify import orders_money
from aura_migration.verify.findings import Gate
from aura_migration.verify.orders import OrdersVerdict
from aura_migration.verify.orders_each import CONFIRMED, UNCONFIRMED
from aura_migration.verify.scorecard import plain
from aura_migration.verify.verdict import Verdict, verify_migration
from aura_migration_tests.support.database import Pool
from aura_migration_tests.verify.orders_support import (
    DAYS,
    HERE,
    NOW,
    RULE,
    History,
    changed,
    load_history,
    open_history,
)
from aura_migration_tests.verify.verify_support import Snapshot

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def loaded(databases: Pool) -> Iterator[History]:
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        yield load_history(open_history(connection))


@pytest.fixture
def history(loaded: History) -> Iterator[History]:
    """The same history for every test: what a test writes is rolled back."""
    with loaded.connection.transaction(force_rollback=True):
        yield loaded


def test_a_sound_history_passes_every_gate_that_has_something_to_measure(history: History) -> None:
    verdict = history.verify()
    assert [f for f in verdict.findings if f.is_blocking] == []
    assert {gate.name: gate.passed for gate in verdict.gates} == {
        "orders_complete": True,
        "daily_sales_match": True,
        "tax_match": True,
        "payments_reconciled": True,
        "pos_report_agreed": None,
    }


SALES, TAX, MONEY, WHOLE = "daily_sales_match", "tax_match", "payments_reconciled", "orders_complete"
OF = "(SELECT id FROM aura.orders WHERE source_id = '{}')"
O1, RICH = OF.format("o1"), OF.format("rich")
MUTATIONS = [
    # what is done to AuraConnect, the gate that must fail, where it is found, and by how many cents
    ("UPDATE aura.orders SET final_amount_cents = final_amount_cents + 1 WHERE source_id = 'o1'", SALES, "orders", "o1", 1),
    (f"UPDATE aura.order_items SET line_subtotal_cents = line_subtotal_cents - 1 WHERE order_id = {O1}", SALES, "orders", "o1", -1),
    ("UPDATE aura.orders SET subtotal_cents = subtotal_cents + 2 WHERE source_id = 'o1'", SALES, "orders", "o1", 2),
    ("UPDATE aura.orders SET discount_amount_cents = 501 WHERE source_id = 'rich'", SALES, "orders", "rich", 1),
    ("UPDATE aura.orders SET non_sale_cents = 2499 WHERE source_id = 'rich'", SALES, "orders", "rich", 1),
    (f"UPDATE aura.order_items SET revenue_class = 'deposit' WHERE order_id = {RICH} AND revenue_class = 'gift_card_load'",
     SALES, "orders", "rich", 2500),
    (f"UPDATE aura.order_service_charges SET charge_class = 'auto_gratuity' WHERE order_id = {RICH} AND charge_class = 'service'",
     SALES, "orders", "rich", 200),
    ("UPDATE aura.orders SET gratuity_cents = 299, service_charge_amount_cents = 201 WHERE source_id = 'rich'",
     SALES, "orders", "rich", -1),
    ("UPDATE aura.orders SET rounding_cents = 0 WHERE source_id = 'rich'", SALES, "orders", "rich", 1),
    ("UPDATE aura.order_discounts SET amount_cents = 499", SALES, "orders", "rich", 1),
    ("UPDATE aura.orders SET tip_amount_cents = 99 WHERE source_id = 'o1'", SALES, "orders", "o1", -1),
    ("UPDATE aura.orders SET business_date = business_date + 1 WHERE source_id = 'o1'", SALES, "orders", "o1", None),
    ("UPDATE aura.orders SET status = 'completed' WHERE source_id = 'open'", SALES, "orders", "open", None),
    ("UPDATE aura.orders SET voided_at_source = true WHERE source_id = 'o1'", SALES, "orders", "o1", None),
    (f"UPDATE aura.order_items SET is_voided = false WHERE order_id = {RICH}", SALES, "orders", "rich", 900),
    ("UPDATE aura.refunds SET amount_cents = 551 WHERE source_id = 'r1'", SALES, "refunds", "r1", 1),
    ("UPDATE aura.refunds SET business_date = business_date - 2 WHERE source_id = 'r1'", SALES, "refunds", "r1", None),
    ("UPDATE aura.refunds SET status = 'failed' WHERE source_id = 'credit'", SALES, "refunds", "credit", None),
    ("""UPDATE aura.orders SET review_flags = '["negative_total"]' WHERE source_id = 'o1'""", SALES, "orders", "o1", None),
    ("UPDATE aura.orders SET tax_amount_cents = tax_amount_cents + 1 WHERE source_id = 'o1'", TAX, "orders", "o1", 1),
    ("UPDATE aura.orders SET included_tax_cents = 99 WHERE source_id = 'rich'", TAX, "orders", "rich", -1),
    (f"UPDATE aura.order_taxes SET amount_cents = 224 WHERE order_id = {RICH} AND amount_cents = 225", TAX, "orders", "rich", -1),
    (f"UPDATE aura.order_taxes SET rate_percent = 9.5 WHERE order_id = {RICH} AND amount_cents = 225", TAX, "orders", "rich", -225),
    (f"UPDATE aura.order_taxes SET is_inclusive = false WHERE order_id = {RICH} AND amount_cents = 100", TAX, "orders", "rich", 100),
    ("UPDATE aura.refunds SET tax_cents = 49 WHERE source_id = 'r1'", TAX, "refunds", "r1", -1),
    ("UPDATE aura.payments SET amount_cents = amount_cents - 1 WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", -1),
    ("UPDATE aura.payments SET tip_amount_cents = 101 WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", 1),
    ("UPDATE aura.payments SET tender_name = 'Cash' WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", None),
    ("UPDATE aura.payments SET business_date = business_date + 1 WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", None),
    ("UPDATE aura.payments SET status = 'completed' WHERE source_id = 'p-void'", MONEY, "payments", "p-void", None),
    (f"UPDATE aura.payments SET order_id = {OF.format('o2')} WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", None),
    ("UPDATE aura.payments SET fee_amount_cents = 51 WHERE source_id = 'p-o1'", MONEY, "payments", "p-o1", 1),
    ("DELETE FROM aura.payment_fees WHERE payment_id = (SELECT id FROM aura.payments WHERE source_id = 'p-o1')",
     MONEY, "payments", "p-o1", -50),
    ("UPDATE aura.refunds SET payment_id = NULL WHERE source_id = 'r1'", MONEY, "refunds", "r1", None),
    ("UPDATE aura.refunds SET order_id = NULL WHERE source_id = 'r1'", MONEY, "refunds", "r1", None),
    ("UPDATE aura.payouts SET amount_cents = 1751 WHERE source_id = 'po1'", MONEY, "payouts", "po1", 1),
    ("UPDATE aura.payout_entries SET entry_class = 'other' WHERE entry_class = 'fee'", MONEY, "payouts", "po1", 110),
    ("UPDATE aura.payout_entries SET fee_cents = 51 WHERE gross_cents = 1310", MONEY, "payouts", "po1", 1),
    ("UPDATE aura.payout_entries SET gross_cents = 1311 WHERE gross_cents = 1310", MONEY, "payout_entries", "e-sale-1310", 1),
    ("UPDATE aura.payout_entries SET payment_id = NULL WHERE gross_cents = 1310", MONEY, "payout_entries", "e-sale-1310", 1310),
    ("UPDATE aura.cash_events SET amount_cents = -1499 WHERE source_id = 'c1'", MONEY, "cash_events", "c1", 1),
    ("UPDATE aura.deposits SET business_date = business_date + 1 WHERE source_id = 'd1'", MONEY, "deposits", "d1", None),
    ("UPDATE aura.house_account_movements SET amount_cents = 899 WHERE source_id = 'h1'",
     MONEY, "house_account_movements", "h1", -1),
    ("UPDATE aura.cash_drawer_shifts SET counted_cents = 13991 WHERE source_id = 's1'", MONEY, "cash_drawer_shifts", "s1", 1),
    ("UPDATE aura.orders SET deleted_at = now() WHERE source_id = 'o1'", WHOLE, "orders", "o1", -1210),
    ("UPDATE aura.orders SET source_id = 'other' WHERE source_id = 'o1'", WHOLE, "orders", "other", 1210),
    ("DELETE FROM aura.deposits WHERE source_id = 'd1'", WHOLE, "deposits", "d1", -12000),
    ("UPDATE aura.payments SET source_id = NULL WHERE source_id = 'p-o1'", WHOLE, "payments", "p-o1", -1210),
    (f"DELETE FROM aura.order_items WHERE order_id = {RICH} AND is_voided", WHOLE, "orders", "rich", None),
    (f"UPDATE aura.order_items SET menu_item_id = 987654 WHERE order_id = {O1}", WHOLE, "order_items", "o1", None),
    (f"UPDATE aura.order_item_modifiers SET order_item_id = (SELECT min(id) FROM aura.order_items) WHERE order_id = {RICH}",
     WHOLE, "order_item_modifiers", "rich", None),
    ("UPDATE aura.orders SET staff_id = 987654 WHERE source_id = 'o1'", WHOLE, "orders", "o1", None),
    ("UPDATE aura.cash_events SET shift_id = 987654 WHERE source_id = 'c1'", WHOLE, "cash_events", "c1", None),
]  # fmt: skip


@pytest.mark.parametrize(("change", "gate", "entity", "key", "cents"), MUTATIONS, ids=range(len(MUTATIONS)))
def test_a_cent_or_a_row_off_fails_the_gate_and_is_named(
    history: History, change: str, gate: str, entity: str, key: str, cents: int | None
) -> None:
    assert history.connection.execute(change).rowcount >= 1
    verdict = history.verify()
    gates = {one.name: one.passed for one in verdict.gates}
    assert gates[gate] is False
    named = [
        f
        for f in verdict.findings
        if (f.check_name, f.entity, f.source_key, f.is_blocking) == (gate, entity, key, True)
    ]
    assert [f.difference_cents for f in named if f.difference_cents == cents], [*named, *verdict.findings]


def of(verdict: OrdersVerdict, gate: str) -> Gate:
    return next(one for one in verdict.gates if one.name == gate)


def about(verdict: OrdersVerdict, key: str) -> list[tuple[str, str, bool]]:
    """(check, cause, is blocking) of what was found of a record."""
    return [(f.check_name, f.cause, f.is_blocking) for f in verdict.findings if f.source_key == key]


def passed(verdict: OrdersVerdict) -> dict[str, bool | None]:
    return {gate.name: gate.passed for gate in verdict.gates}


def quarantine(history: History, kind: str, key: str) -> None:
    history.connection.execute(
        "INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, \"values\") VALUES (%s, %s, %s, '[]', '{}')",
        [history.subject.migration_id, kind, key],
    )


def remove(history: History, key: str) -> None:
    """Take an order and its payment out of AuraConnect."""
    order, payment = history.id_of("orders", key), history.id_of("payments", f"p-{key}")
    for table, column, number in (
        ("payment_fees", "payment_id", payment), ("payments", "id", payment), ("order_items", "order_id", order),
        ("order_taxes", "order_id", order), ("orders", "id", order),
    ):  # fmt: skip
        history.connection.execute(f"DELETE FROM aura.{table} WHERE {column} = {number}")


def test_an_order_in_quarantine_counts_where_the_second_reading_finds_it_unsound_too(history: History) -> None:
    remove(history, "o9")
    quarantine(history, "orders", "o9")
    quarantine(history, "payments", "p-o9")
    sound = history.verify()
    assert of(sound, WHOLE).passed is False
    assert ("orders_complete", UNCONFIRMED, True) in about(sound, "o9")

    unsound = history.said("o9", "p-o9", problems=("currency_differs",))
    verdict = history.verify(unsound)
    assert (of(verdict, WHOLE).passed, of(verdict, SALES).passed, of(verdict, MONEY).passed) == (True, True, True)
    assert ("orders_complete", CONFIRMED, False) in about(verdict, "o9")
    assert verdict.metrics["orders_accounted_pct"] == 100.0
    assert verdict.entities["orders"]["quarantined"] == 1
    day = history.connection.execute(
        "SELECT pos_value, aura_value, explained, causes FROM migration.daily_reconciliation "
        "WHERE business_date = %s AND metric = 'gross'",
        [DAYS[9]],
    ).fetchone()
    assert day == (1900, 0, -1900, [{"cause": CONFIRMED, "value": -1900, "documents": 1}])


def test_a_record_that_neither_reading_can_use_is_accounted_for_by_its_quarantine(history: History) -> None:
    quarantine(history, "orders", "no-date")
    verdict = history.verify()
    assert about(verdict, "no-date") == [("orders_complete", CONFIRMED, False)]
    assert (verdict.entities["orders"]["source"], verdict.entities["orders"]["quarantined"]) == (14, 1)


def test_an_order_that_was_kept_as_people_had_changed_it_is_listed_and_explained(history: History) -> None:
    history.connection.execute(
        "INSERT INTO migration.history_kept (migration_id, document, source_key, aura_id, reason) VALUES (%s, 'orders', 'o2', 1, 'edited')",
        [history.subject.migration_id],
    )
    history.connection.execute("UPDATE aura.orders SET tip_amount_cents = 300 WHERE source_id = 'o2'")
    verdict = history.verify()
    assert of(verdict, SALES).passed is True
    assert ("daily_sales_match", "kept: edited", False) in about(verdict, "o2")


def test_what_does_not_add_up_in_the_pos_is_listed_with_its_money_and_blocks_only_where_it_is_not_flagged(
    history: History,
) -> None:
    facts = history.said("o3", problems=("total_does_not_add_up",))
    verdict = history.verify(facts)
    assert of(verdict, SALES).passed is False
    assert of(verdict, SALES).evidence["not_flagged"] == 1

    history.connection.execute(
        """UPDATE aura.orders SET review_flags = '["tax_does_not_add_up"]' WHERE source_id = 'o3'"""
    )
    verdict = history.verify(facts)
    assert of(verdict, SALES).passed is True
    found = next(f for f in verdict.findings if f.source_key == "o3")
    assert found.expected == {"problems": ["total_does_not_add_up"], "final": 1430}
    assert found.actual == {"flags": ["tax_does_not_add_up"], "final": 1430}
    causes = history.connection.execute(
        "SELECT causes FROM migration.daily_reconciliation WHERE business_date = %s AND metric = 'orders'", [DAYS[3]]
    ).fetchone()
    assert causes is not None
    assert causes[0] == [{"cause": "flagged: tax_does_not_add_up", "value": 0, "documents": 1, "cents": 1430}]


def test_figures_that_both_readings_take_for_sound_must_add_up(history: History) -> None:
    """The same wrong total on both sides is no agreement."""
    history.connection.execute("UPDATE aura.orders SET final_amount_cents = 1431 WHERE source_id = 'o3'")
    history.connection.execute("UPDATE aura.payments SET amount_cents = 1431 WHERE source_id = 'p-o3'")
    facts = changed(history.said("o3", final=1431), "p-o3", amount=1431)
    verdict = history.verify(facts)
    assert of(verdict, SALES).passed is False
    assert next(f for f in verdict.findings if f.source_key == "o3").difference_cents == 1


def test_payments_that_do_not_cover_an_order_are_unreconciled_and_block_unless_the_pos_says_so_itself(
    history: History,
) -> None:
    history.connection.execute("UPDATE aura.payments SET amount_cents = 1429 WHERE source_id = 'p-o3'")
    facts = history.said("p-o3", amount=1429)
    verdict = history.verify(facts)
    assert of(verdict, MONEY).passed is False
    assert verdict.metrics["payments_unreconciled"]["order_payment"] == {"count": 1, "cents": 1}

    history.connection.execute(
        """UPDATE aura.orders SET review_flags = '["payments_do_not_cover"]' WHERE source_id = 'o3'"""
    )
    known = changed(facts, "o3", problems=("payments_do_not_cover",))
    verdict = history.verify(known)
    assert of(verdict, MONEY).passed is True
    assert verdict.metrics["payments_unreconciled"]["order_payment"] == {"count": 1, "cents": 1}


def test_a_few_orders_that_are_paid_in_part_in_both_readings_are_the_poss_own_and_many_are_not(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.connection.execute("UPDATE aura.payments SET amount_cents = 700 WHERE source_id = 'p-o3'")
    facts = history.said("p-o3", amount=700)
    assert of(history.verify(facts), MONEY).passed is False  # one of eleven
    monkeypatch.setattr(orders_money, "MOST_OWN", 0.1)
    verdict = history.verify(facts)
    assert of(verdict, MONEY).passed is True
    assert verdict.metrics["payments_unreconciled"]["order_payment"] == {"count": 1, "cents": 730}
    assert of(history.verify(), MONEY).passed is False  # the second reading sees it paid


def test_an_order_that_the_pos_calls_paid_in_part_is_open_and_listed_apart(history: History) -> None:
    history.connection.execute("UPDATE aura.payments SET amount_cents = 700 WHERE source_id = 'p-o3'")
    facts = changed(history.said("p-o3", amount=700), "o3", due=730)
    verdict = history.verify(facts)
    assert of(verdict, MONEY).passed is True
    assert verdict.metrics["payments_unreconciled"]["order_payment"] == {"count": 0, "cents": 0}
    assert of(verdict, MONEY).evidence["partly_paid"] == {"count": 1, "cents": 730}
    assert about(verdict, "o3") == [(MONEY, "paid in part: the rest is open in the POS", False)]
    assert of(history.verify(changed(facts, "o3", due=729)), MONEY).passed is False  # a cent is missing


def test_an_order_that_was_paid_before_the_history_begins_is_named_and_one_within_it_blocks(history: History) -> None:
    payment = history.id_of("payments", "p-o0")
    history.connection.execute("UPDATE aura.refunds SET payment_id = NULL WHERE source_id = 'r1'")
    for table, column in (("payment_fees", "payment_id"), ("payments", "id")):
        history.connection.execute(f"DELETE FROM aura.{table} WHERE {column} = {payment}")
    history.connection.execute("UPDATE aura.payout_entries SET payment_id = NULL WHERE payment_id = %s", [payment])
    rest = [fact for fact in history.facts if fact.key != "p-o0"]
    for day, passes in ((DAYS[0], True), (DAYS[4], False)):
        history.connection.execute("UPDATE aura.orders SET business_date = %s WHERE source_id = 'o0'", [day])
        verdict = history.verify(changed(rest, "o0", business_date=day))
        found = next(f for f in verdict.findings if f.entity == "orders" and f.source_key == "o0")
        assert (found.cause == "it was paid before the history begins", found.is_blocking) == (passes, not passes)
    assert of(verdict, MONEY).evidence["references_outside"] == 1  # the refund of that payment
    assert about(verdict, "r1") == [(MONEY, "what it gives back of lies outside the recorded history", False)]


def test_what_was_taken_back_in_exchange_pays_for_the_order_that_its_return_is_part_of(history: History) -> None:
    history.connection.execute("UPDATE aura.payments SET amount_cents = 1000 WHERE source_id = 'p-o3'")
    facts = history.said("p-o3", amount=1000)
    assert of(history.verify(facts), MONEY).passed is False
    history.insert(
        "refunds", location_id=history.location_id, source_vendor="square", source_id="o3:ret",
        migration_run_id=history.subject.migration_id, business_date=DAYS[3], amount_cents=430, currency="USD",
        status="completed", order_id=history.id_of("orders", "o1"), return_order_key="o3", tender_name="Exchange",
        method="other", net_cents=430, tax_cents=0, tip_refunded_cents=0, charge_cents=0,
    )  # fmt: skip
    given = RefundFact("o3:ret", "o1", None, DAYS[3], 430, "counts", tax=0, tip=0)
    verdict = history.verify([*facts, given])
    assert (of(verdict, MONEY).passed, of(verdict, SALES).passed) == (True, True)
    assert verdict.metrics["payments_unreconciled"]["order_payment"] == {"count": 0, "cents": 0}
    history.connection.execute("UPDATE aura.refunds SET return_order_key = 'o4' WHERE source_id = 'o3:ret'")
    assert of(history.verify([*facts, given]), MONEY).passed is False


def test_a_payment_of_an_order_that_nothing_stands_for_names_none(history: History) -> None:
    history.connection.execute("UPDATE aura.payments SET order_id = NULL WHERE source_id = 'p-void'")
    verdict = history.verify(history.said("p-void", order_key="before-the-span"))
    assert of(verdict, MONEY).passed is True
    assert of(verdict, MONEY).evidence["references_outside"] == 1
    assert of(history.verify(), MONEY).passed is False


def test_a_level_without_data_is_not_provable_and_never_passed(history: History) -> None:
    for statement in (
        "DELETE FROM aura.payment_fees", "DELETE FROM aura.payout_entries", "DELETE FROM aura.payouts",
        "UPDATE aura.payments SET fee_amount_cents = NULL",
    ):  # fmt: skip
        history.connection.execute(statement)
    facts = [
        replace(fact, fee=None) if isinstance(fact, PaymentFact) else fact
        for fact in history.facts
        if not isinstance(fact, PayoutFact)
    ]
    verdict = history.verify(facts)
    assert verdict.metrics["payments_unreconciled"] == {
        "order_payment": {"count": 0, "cents": 0},
        "payment_fee": None,
        "payment_deposit": None,
    }
    assert verdict.metrics["fees_unreconciled_cents"] is None
    assert "not provable" in of(verdict, MONEY).evidence["payment_fee"]
    assert of(verdict, MONEY).passed is True
    assert of(verdict, MONEY).value == (
        "Orders and payments: all 11 orders are paid to the cent. Payments and fees: not provable, the POS tells of no fees. "
        "Payments and payouts: not provable, the POS tells of no payouts."
    )


def test_what_a_payout_says_in_the_first_hours_may_be_of_a_payment_before_the_history(history: History) -> None:
    history.connection.execute("UPDATE aura.payout_entries SET payment_id = NULL WHERE gross_cents = 1310")
    for later, passes in (("-3 hours", True), ("5 hours", True), ("25 hours", False)):
        history.connection.execute(
            "UPDATE aura.payout_entries SET effective_at = (SELECT min(processed_at) FROM aura.payments) + %s::interval "
            "WHERE gross_cents = 1310",
            [later],
        )
        verdict = history.verify(history.facts)
        found = next(f for f in verdict.findings if f.source_key == "e-sale-1310")
        assert (found.cause == "its payment lies outside the history", found.is_blocking) == (passes, not passes)
        assert of(verdict, MONEY).passed is passes


def test_a_card_payment_that_no_payout_names_for_long_is_unreconciled(history: History) -> None:
    history.connection.execute("UPDATE aura.payouts SET business_date = '2026-09-29'")
    verdict = history.verify(history.said("po1", business_date="2026-09-29"))
    assert verdict.metrics["payments_unreconciled"]["payment_deposit"] == {
        "count": 8,
        "cents": 8 * 100 + 11 * sum(range(120, 200, 10)),
    }
    assert of(verdict, MONEY).passed is True
    waiting = {"count": 8, "cents": 14_440}
    assert of(verdict, MONEY).evidence["not_paid_out"] == waiting
    assert (
        "Payments and payouts: 8 differences of 144.40 USD in all over 4 entries of payouts, all with a known cause."
        in str(of(verdict, MONEY).value)
    )
    cause = "no payout has it yet, although the processor has paid out since"
    assert {"check": MONEY, "entity": "payments", "cause": cause, **waiting} in verdict.causes


def test_the_poss_own_differences_are_nobodys_signed_decisions(history: History) -> None:
    facts = [fact for fact in history.said("o1", due=60) if fact.key != "x"]
    history.connection.execute("UPDATE aura.payments SET amount_cents = amount_cents - 60 WHERE source_id = 'p-o1'")
    facts = changed(facts, "p-o1", amount=1150)
    history.connection.execute(
        "UPDATE aura.payout_entries SET gross_cents = 1250, net_cents = 1200 WHERE gross_cents = 1310"
    )
    verdict = history.verify(changed(facts, "po1", entries={"sale": (2, 2350), "refund": (1, -550), "fee": (1, -110)}))
    own = [cause for cause in verdict.causes if cause["cause"] == "paid in part: the rest is open in the POS"]
    assert own == [{"check": MONEY, "entity": "orders", "cause": own[0]["cause"], "count": 1, "cents": 60}]
    text = plain({"explained": own, "explained_total": 1, "currency": "USD", "accepted": [], "accepted_total": 0})
    assert "Explained by the POS's own records: 1" in text and "orders: 1, 0.60 USD: paid in part" in text
    assert "signed" not in text


def test_what_the_options_leave_out_is_not_measured(history: History) -> None:
    nothing = history.verify(options=MigrationOptions.model_validate({"history": {"months": 0}}))
    assert set(passed(nothing).values()) == {None}
    assert set(nothing.metrics.values()) == {None}
    left_out = MigrationOptions(exclude_entities=("payments", "payouts"))
    history.connection.execute("UPDATE aura.payments SET amount_cents = 1 WHERE source_id = 'p-o1'")
    verdict = history.verify(options=left_out)
    assert of(verdict, SALES).passed is True
    assert verdict.metrics["payments_unreconciled"] is None
    no_orders = history.verify(options=MigrationOptions(exclude_entities=("orders",)))
    assert no_orders.metrics["orders_accounted_pct"] is no_orders.metrics["daily_sales_max_abs_diff_pct"] is None


def test_nothing_measured_over_nothing_is_neither_yes_nor_no(connection: Connection) -> None:
    verdict = open_history(connection).verify([])
    assert set(passed(verdict).values()) == {None}
    assert set(verdict.metrics.values()) == {None}


def test_how_far_off_the_worst_day_is_does_not_balance_one_order_against_another(history: History) -> None:
    history.connection.execute(
        "UPDATE aura.orders SET final_amount_cents = final_amount_cents + 10 WHERE source_id = 'o4'"
    )
    history.connection.execute("UPDATE aura.orders SET tax_amount_cents = tax_amount_cents + 3 WHERE source_id = 'o3'")
    history.connection.execute(
        "UPDATE aura.orders SET tax_amount_cents = tax_amount_cents - 3 WHERE source_id = 'rich'"
    )
    verdict = history.verify()
    assert verdict.metrics["daily_sales_max_abs_diff_pct"] == 0.7143  # 10 of 1400
    assert verdict.metrics["tax_max_abs_diff_cents"] == 6


def test_orders_of_an_earlier_migration_count_within_the_days_that_are_told_of_and_not_outside(
    history: History,
) -> None:
    for key, day in (("long-ago", "2025-01-01"), ("within", DAYS[4])):
        history.insert(
            "orders", location_id=history.location_id, source_vendor="square", source_id=key, business_date=day,
            business_date_rule="closed", status="completed", currency="USD", subtotal_cents=0, final_amount_cents=0,
        )  # fmt: skip
    history.insert(
        "orders", location_id=history.location_id, business_date=DAYS[4], business_date_rule="closed", status="completed",
        currency="USD", subtotal_cents=500, final_amount_cents=500,
    )  # fmt: skip
    verdict = history.verify()
    assert about(verdict, "long-ago") == []
    assert about(verdict, "within") == [("orders_complete", "the POS does not show it", True)]
    assert verdict.unexplained == 2  # the order and its day's count; what was rung up here is nobody's


def test_an_order_the_pos_has_since_deleted_is_neither_too_many_nor_a_sale(history: History) -> None:
    history.connection.execute("UPDATE aura.orders SET voided_at_source = true WHERE source_id = 'open'")
    verdict = history.verify([fact for fact in history.facts if fact.key != "open"])
    assert (of(verdict, WHOLE).passed, of(verdict, SALES).passed) == (True, True)


def test_a_record_that_the_second_reading_names_twice_and_a_batch_not_loaded_are_told(history: History) -> None:
    twice = next(fact for fact in history.facts if fact.key == "o1")
    assert of(history.verify([*history.facts, twice]), WHOLE).passed is False
    history.connection.execute(
        "INSERT INTO migration.history_batches (migration_id, plan_id, batch, entity, bodies, first_ids, counts) "
        "VALUES (%s, %s, 4, 'orders', '[]', '{}', '{}')",
        [history.subject.migration_id, history.plan_id],
    )
    verdict = history.verify()
    assert about(verdict, "4") == [("orders_complete", "the batch is not loaded", True)]


def test_hostile_texts_in_facts_are_compared_as_texts(history: History) -> None:
    name = "Cra\\zy\t'tender'\n{\"x\"}"
    history.connection.execute("UPDATE aura.payments SET tender_name = %s WHERE source_id = 'p-o1'", [name])
    assert of(history.verify(history.said("p-o1", tender=name)), MONEY).passed is True
    assert of(history.verify(history.said("p-o1", tender="nul\x00 and \ud800")), MONEY).passed is False


def test_the_gates_are_part_of_the_verdict_where_the_plan_has_a_history(history: History) -> None:
    reader: Any = Snapshot(())

    def judge() -> Verdict:
        return verify_migration(
            history.connection, history.subject, reader, HERE, "USD", history.plan_id, history.options, NOW,
            rules_witness=lambda *_: (), witness=lambda *_: Facts(), people_witness=lambda *_: iter(()), source_entities=(),
            orders_witness=lambda *_: iter(history.facts), day_rule=RULE,
        )  # fmt: skip

    assert judge().gate(SALES).passed is None
    history.connection.execute("UPDATE migration.plans SET history = '{}' WHERE id = %s", [history.plan_id])
    sound = judge()
    assert (sound.passed, sound.gate(SALES).passed) == (True, True)
    assert sound.scorecard["metrics"]["orders_accounted_pct"] == 100.0
    assert sound.scorecard["history"]["orders"]["source"] == 13
    text = plain(sound.scorecard)
    assert "derived, not confirmed" in text
    assert "order payment: 0 (0.00 USD)" in text
    assert sound.scorecard["accepted_total"] == 0 and "Accepted by signed decisions" not in text
    assert "Explained by" not in text
    history.connection.execute("UPDATE aura.orders SET final_amount_cents = 1 WHERE source_id = 'o1'")
    wrong = judge()
    assert (wrong.passed, wrong.gate(SALES).passed) == (False, False)
    stored = history.connection.execute(
        "SELECT count(*) FROM migration.findings WHERE check_name = %s AND source_key = 'o1'", [SALES]
    ).fetchone()
    assert stored == (2,)  # another figure than the POS's, and one that does not add up
