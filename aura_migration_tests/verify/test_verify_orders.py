"""The verdict on a history: a sound one passes every gate, and each gate fails where something is off by a cent or a row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration.database.connections import connect
from aura_migration_tests.support.database import Pool
from aura_migration_tests.verify.orders_support import History, load_history, open_history


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
    assert history.connection.execute(change).rowcount >= 1  # type: ignore[arg-type]
    verdict = history.verify()
    gates = {one.name: one.passed for one in verdict.gates}
    assert gates[gate] is False
    named = [
        f
        for f in verdict.findings
        if (f.check_name, f.entity, f.source_key, f.is_blocking) == (gate, entity, key, True)
    ]
    assert [f.difference_cents for f in named if f.difference_cents == cents], [*named, *verdict.findings]
