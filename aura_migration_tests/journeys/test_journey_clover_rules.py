"""Clover's rules of business through all stages: loaded, judged value by value, every wrong one found, taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration.migration import stages
from aura_migration_tests.support.rules import Loaded, loaded_rules


@pytest.fixture(scope="module")
def kitchen(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with loaded_rules("clover", postgres_server, template_database, tmp_path_factory.mktemp("kitchen"), 1) as loaded:
        yield loaded


def test_every_rule_is_loaded_and_found_the_same_and_orders_name_what_they_were_charged_by(kitchen: Loaded) -> None:
    verdict = stages.verify(kitchen.at.workshop, kitchen.migration_id, "test")
    assert verdict.passed
    assert verdict.scorecard["metrics"]["rules_accounted_pct"] == 100.0
    judged = kitchen.judged()
    assert (judged.gate.passed, judged.findings) == (True, ())
    assert judged.gate.evidence["by_entity"]["pricing_rules"] == 6
    named, known = kitchen.one(
        """
        SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM migration.crosswalk c WHERE c.entity = 'pricing_rules' AND c.source_key = d.discount_key))
        FROM aura.order_discounts d WHERE d.discount_key IS NOT NULL
        """
    )
    assert named == known > 20
    charges, without, types = kitchen.one(
        """
        SELECT (SELECT count(*) FROM aura.order_service_charges),
               (SELECT count(*) FROM aura.order_service_charges s WHERE NOT EXISTS (
                    SELECT 1 FROM migration.crosswalk c WHERE c.entity = 'service_charges' AND c.source_key = s.charge_key)),
               (SELECT count(*) FROM aura.orders o WHERE NOT EXISTS (
                    SELECT 1 FROM migration.crosswalk c
                    WHERE c.entity = 'order_types' AND c.source_key = o.details ->> 'order_type_key'))
        """
    )
    assert charges > 20 and (without, types) == (0, 0)


WRONG = {
    "discount of another percentage": "UPDATE aura.pricing_rules SET discount_percent = 11 WHERE name = 'Senior'",
    "discount of another amount": "UPDATE aura.pricing_rules SET discount_cents = 201 WHERE name = 'Two off'",
    "exact percentage cut": "UPDATE aura.pricing_rules SET discount_percent = 33.33 WHERE name = 'A third'",
    "discount that costs nothing": "UPDATE aura.pricing_rules SET is_comp = true WHERE name = 'Senior'",
    "cash discount by hand": "UPDATE aura.pricing_rules SET is_automatic = false WHERE name = 'Cash'",
    "discount removed": "UPDATE aura.pricing_rules SET deleted_at = now() WHERE name = 'Happy hour'",
    "happy hour by the clock": "UPDATE aura.pricing_rules SET schedule = '[]' WHERE name = 'Happy hour'",
    "cash discount on everything": "DELETE FROM aura.pricing_rule_targets",
    "cash discount on these alone": "UPDATE aura.pricing_rule_targets SET role = 'discounted'",
    "gratuity of another rate": "UPDATE aura.service_charges SET rate_percent = 20 WHERE charge_class = 'auto_gratuity'",
    "gratuity for the house": "UPDATE aura.service_charges SET paid_to = 'house' WHERE charge_class = 'auto_gratuity'",
    "fee of another amount": "UPDATE aura.service_charges SET amount_cents = 51 WHERE name = 'Packaging'",
    "fee that adds itself": "UPDATE aura.service_charges SET is_automatic = true WHERE name = 'Kitchen fee'",
    "fee untaxed": "UPDATE aura.service_charges SET is_taxable = false WHERE name = 'Packaging'",
    "tax on a fee removed": "DELETE FROM aura.service_charge_taxes",
    "take-out taxed": "UPDATE aura.tax_exceptions SET deleted_at = now()",
    "take-out at a rate": "UPDATE aura.tax_exceptions SET rate_percent = 1",
    "every tax off take-out": "UPDATE aura.tax_exceptions SET tax_rate_id = NULL",
    "wholesale taxed": "UPDATE aura.order_types SET is_taxable = true WHERE name = 'Wholesale'",
    "another default": "UPDATE aura.order_types SET is_default = NOT is_default",
    "tender a card": "UPDATE aura.tender_types SET method = 'card' WHERE method = 'cash'",
    "tender switched off": "UPDATE aura.tender_types SET is_active = false WHERE is_custom",
    "tip of another rate": "UPDATE aura.tip_suggestions SET rate_percent = 22 WHERE rate_percent = 20",
    "tip offered": "UPDATE aura.tip_suggestions SET is_active = true",
    "closing time": "UPDATE aura.opening_hours SET closes = '23:00' WHERE weekday = 'sat'",
    "policy of another POS": "UPDATE aura.settings SET value = '{\"name\": \"square\"}' WHERE setting_key = 'pricing.policy'",
    "policy lost": "DELETE FROM aura.settings WHERE setting_key = 'pricing.policy'",
    "signature later": "UPDATE aura.settings SET value = '{\"cents\": 9900}' WHERE setting_key = 'payments.signature_from'",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_is_wrong_in_auraconnect_is_found(kitchen: Loaded, name: str) -> None:
    judged = kitchen.judged(WRONG[name])
    assert judged.gate.passed is False
    assert any(one.is_blocking for one in judged.findings)


def test_taking_back_leaves_no_rule_behind(kitchen: Loaded) -> None:
    assert kitchen.rows() > 60
    stages.undo(kitchen.at.workshop, kitchen.migration_id, "test")
    assert kitchen.rows() == 0
