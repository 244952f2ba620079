"""Square's rules of business through all stages: loaded, judged value by value, every wrong one found, taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from aura_migration.migration import stages
from aura_migration_tests.support.rules import TABLES, Loaded, loaded_rules


@pytest.fixture(scope="module")
def place(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with loaded_rules("square", postgres_server, template_database, tmp_path_factory.mktemp("place"), 2) as loaded:
        yield loaded


WRONG = {
    "a discount of another percentage": "UPDATE aura.pricing_rules SET discount_percent = 11 WHERE name = 'Regulars 10'",
    "a discount of another amount": "UPDATE aura.pricing_rules SET discount_cents = 499 WHERE name = 'Five off'",
    "a discount without its cap": "UPDATE aura.pricing_rules SET max_discount_cents = NULL WHERE name = 'Half, at most 4'",
    "a coupon that lowers the tax": "UPDATE aura.pricing_rules SET reduces_tax = true WHERE name = 'Maker''s coupon'",
    "a comp without approval": "UPDATE aura.pricing_rules SET requires_approval = false WHERE name LIKE 'Comp%'",
    "a happy hour that runs on": "UPDATE aura.pricing_rules SET schedule = jsonb_set(schedule, '{0,to}', '\"19:00\"') WHERE name = 'Happy hour'",
    "a happy hour for the whole check": "UPDATE aura.pricing_rules SET scope = 'check' WHERE name = 'Happy hour'",
    "a rule from another day on": "UPDATE aura.pricing_rules SET valid_from = NULL WHERE name LIKE 'Second%'",
    "a bundle with a part less": "UPDATE aura.pricing_rule_targets SET deleted_at = now() WHERE set_number = 2",
    "a bundle whose parts are alternatives": "UPDATE aura.pricing_rule_targets SET set_number = 1 WHERE set_number = 2",
    "one pastry is enough": "UPDATE aura.pricing_rule_targets SET min_quantity = 1 WHERE min_quantity = 2",
    "what is kept at full price": "UPDATE aura.pricing_rules SET picks = 'least_expensive' WHERE picks IS NOT NULL",
    "other opening hours": "UPDATE aura.opening_hours SET closes = '23:00' WHERE weekday = 'mon'",
    "another text on receipts": "UPDATE aura.settings SET value = '{\"text\": \"?\"}' WHERE setting_key = 'receipt.footer'",
    "another way of calculating": "UPDATE aura.settings SET value = '{\"name\": \"toast\"}' WHERE setting_key = 'pricing.policy'",
    "another tip": "UPDATE aura.tip_suggestions SET rate_percent = 22 WHERE rate_percent = 20",
    "a rule nobody stated": "UPDATE migration.crosswalk SET source_key = source_key || 'x' WHERE entity = 'tip_suggestions'",
}


def test_every_rule_is_loaded_and_found_the_same_and_every_wrong_one_is_found(place: Loaded) -> None:
    verdict = stages.verify(place.at.workshop, place.migration_id, "test")
    assert verdict.passed, [gate.name for gate in verdict.gates if gate.passed is False]
    assert verdict.scorecard["metrics"]["rules_accounted_pct"] == 100.0
    judged = place.judged()
    assert (judged.gate.passed, judged.findings) == (True, ())
    assert judged.gate.evidence["by_entity"]["pricing_rules"] == 10
    for what, statement in WRONG.items():
        wrong = place.judged(statement)
        assert wrong.gate.passed is False and wrong.findings, what


def test_orders_name_the_rules_they_were_charged_by(place: Loaded) -> None:
    keyed, known, rates, with_group = place.one(
        """
        SELECT count(*) FILTER (WHERE d.discount_key IS NOT NULL),
               count(*) FILTER (WHERE EXISTS (SELECT 1 FROM migration.crosswalk c
                                              WHERE c.entity = 'pricing_rules' AND c.source_key = d.discount_key)),
               (SELECT count(*) FROM aura.order_taxes t WHERE t.tax_rate_id IS NULL),
               (SELECT count(*) FROM aura.order_item_modifiers m WHERE m.modifier_id IS NOT NULL AND m.group_name IS NULL)
        FROM aura.order_discounts d
        """
    )
    assert keyed == known and int(str(keyed)) > 100
    assert (rates, with_group) == (0, 0)
    (bundles,) = place.one(
        "SELECT json_agg(details -> 'line_discounts' -> 0) FROM aura.orders WHERE details -> 'line_discounts' -> 0 ->> 1 = 'Lunch deal'"
    )
    assert isinstance(bundles, list) and bundles
    assert all((percent, cents, len(lines)) == (None, 200, 2) for _, _, percent, cents, lines in bundles), json.dumps(
        bundles
    )
    (versions,) = place.one("SELECT count(DISTINCT details -> 'catalog_versions') FROM aura.orders")
    assert int(str(versions)) > 1, "which version of the catalog a line was rung up from"


def test_a_rollback_leaves_no_rule_behind(place: Loaded) -> None:
    stages.undo(place.at.workshop, place.migration_id, "test")
    left = [place.one(f"SELECT count(*) FROM aura.{table}")[0] for table in TABLES]
    assert not any(left)
