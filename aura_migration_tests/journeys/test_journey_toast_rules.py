"""Toast's rules of business through all stages: loaded, judged value by value, every wrong one found, taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration.migration import stages
from aura_migration_tests.support.rules import Loaded, loaded_rules


@pytest.fixture(scope="module")
def tavern(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with loaded_rules("toast", postgres_server, template_database, tmp_path_factory.mktemp("tavern"), 3) as loaded:
        yield loaded


def test_every_rule_is_loaded_and_found_the_same(tavern: Loaded) -> None:
    verdict = stages.verify(tavern.at.workshop, tavern.migration_id, "test")
    assert verdict.passed
    assert verdict.scorecard["metrics"]["rules_accounted_pct"] == 100.0
    judged = tavern.judged()
    assert (judged.gate.passed, judged.findings) == (True, ())
    assert judged.gate.evidence["by_entity"]["pricing_rules"] == 11
    loaded = tavern.one(
        """
        SELECT count(*) FILTER (WHERE d.discount_key IS NOT NULL),
               count(*) FILTER (WHERE EXISTS (SELECT 1 FROM migration.crosswalk c
                                              WHERE c.entity = 'pricing_rules' AND c.source_key = d.discount_key)),
               (SELECT count(*) FROM aura.order_service_charges s WHERE s.charge_class <> 'cash_rounding' AND NOT EXISTS (
                    SELECT 1 FROM migration.crosswalk c WHERE c.entity = 'service_charges' AND c.source_key = s.charge_key)),
               (SELECT count(*) FROM aura.order_taxes t WHERE t.tax_rate_id IS NULL),
               (SELECT count(*) FROM aura.orders o WHERE o.guest_count IS NULL)
        FROM aura.order_discounts d
        """
    )
    assert loaded[0] == loaded[1] > 50  # orders name the rules they were charged by
    assert loaded[2:] == (0, 0, 0)


WRONG = {
    "discount of another percentage": "UPDATE aura.pricing_rules SET discount_percent = 11 WHERE name = 'Neighbor 10%'",
    "discount of another amount": "UPDATE aura.pricing_rules SET discount_cents = 301 WHERE name = 'Three off'",
    "discount off a line": "UPDATE aura.pricing_rules SET scope = 'line' WHERE name = 'Neighbor 10%'",
    "discount that stacks": "UPDATE aura.pricing_rules SET stackable = true WHERE name = 'Dollar off'",
    "combination at another price": "UPDATE aura.pricing_rules SET fixed_price_cents = 1299 WHERE name = 'Burger combo'",
    "code lost": "UPDATE aura.pricing_rules SET promo_code = NULL WHERE name = 'Fall five'",
    "discount switched off": "UPDATE aura.pricing_rules SET status = 'inactive' WHERE name = 'Three off'",
    "discount removed": "UPDATE aura.pricing_rules SET deleted_at = now() WHERE name = 'Three off'",
    "which of two": "UPDATE aura.pricing_rules SET picks = 'first' WHERE name = 'Two for one'",
    "gratuity of another rate": "UPDATE aura.service_charges SET rate_percent = 20 WHERE name LIKE 'Large%'",
    "gratuity a charge": "UPDATE aura.service_charges SET charge_class = 'service' WHERE name LIKE 'Large%'",
    "gratuity on every check": "UPDATE aura.service_charges SET is_automatic = true WHERE name LIKE 'Large%'",
    "charge on another base": "UPDATE aura.service_charges SET base = 'gross' WHERE name LIKE 'Kitchen%'",
    "charge for the house": "UPDATE aura.service_charges SET paid_to = 'house' WHERE name = 'Delivery fee'",
    "charge everywhere": "UPDATE aura.service_charges SET order_types = NULL WHERE name = 'To-go packaging'",
    "charge untaxed": "UPDATE aura.service_charges SET is_taxable = false WHERE name = 'To-go packaging'",
    "tax on a charge removed": "DELETE FROM aura.service_charge_taxes",
    "take-out rate": "UPDATE aura.tax_exceptions SET rate_percent = 7.25",
    "take-out rate for delivery": "UPDATE aura.tax_exceptions SET order_type = 'delivery'",
    "take-out rate removed": "UPDATE aura.tax_exceptions SET deleted_at = now()",
    "a cent in the table": "UPDATE aura.tax_table_rows SET tax_cents = tax_cents + 1 WHERE start_cents = 11",
    "table that ends": "UPDATE aura.tax_table_rows SET repeats = false WHERE start_cents = 31",
    "dining option of another type": "UPDATE aura.order_types SET order_type = 'dine_in' WHERE order_type = 'takeout'",
    "least delivery": "UPDATE aura.order_types SET min_order_cents = NULL WHERE order_type = 'delivery'",
    "tender a card": "UPDATE aura.tender_types SET method = 'card'",
    "center renamed": "UPDATE aura.revenue_centers SET name = lower(name)",
    "closing time": "UPDATE aura.opening_hours SET closes = '23:00' WHERE weekday = 'sat' AND purpose = 'business'",
    "another weekday": "UPDATE aura.opening_hours SET weekday = 'wed' WHERE weekday = 'sat' AND purpose = 'business'",
    "policy of another POS": "UPDATE aura.settings SET value = '{\"name\": \"square\"}' WHERE setting_key = 'pricing.policy'",
    "policy lost": "DELETE FROM aura.settings WHERE setting_key = 'pricing.policy'",
    "void reason lost": "UPDATE aura.settings SET value = '[]' WHERE setting_key = 'orders.void_reasons'",
    "tips kept back": "UPDATE aura.settings SET value = value || '{\"enabled\": true}' WHERE setting_key = 'tips.withholding'",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_is_wrong_in_auraconnect_is_found(tavern: Loaded, name: str) -> None:
    judged = tavern.judged(WRONG[name])
    assert judged.gate.passed is False
    assert any(one.is_blocking for one in judged.findings)


def test_taking_back_leaves_no_rule_behind(tavern: Loaded) -> None:
    assert tavern.rows() > 60
    stages.undo(tavern.at.workshop, tavern.migration_id, "test")
    assert tavern.rows() == 0
