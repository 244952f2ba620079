"""Square's rules of business through all stages: loaded, judged value by value, every wrong one found, taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aura_migration.archive.reader import SnapshotReader
from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.migration import decide, stages
from aura_migration.migration.extraction import pinned
from aura_migration.migration.records import get_migration
from aura_migration.pos.square.rules_witness import rules
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import load_settings
from aura_migration.verify.rules import RulesVerdict, verify_rules
from aura_migration_tests.support import database as support
from aura_migration_tests.support.journeys import Connected, connected, previewed

NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)
TABLES = tuple(entity.table for entity in RULE_ENTITIES)
PAST = MigrationOptions(history=HistoryOptions(months=2))


class Loaded:
    """The location of scenario ``rules``, loaded."""

    def __init__(self, at: Connected, migration_id: int) -> None:
        self.at, self.migration_id = at, migration_id

    def judged(self, statement: str = "") -> RulesVerdict:
        """The verdict about the rules after a statement that is taken back."""
        with self.at.workshop.connect() as connection:
            migration = get_migration(connection, self.migration_id)
            reader = SnapshotReader(*pinned(connection, self.migration_id), cipher=self.at.workshop.persons)
            facts = rules(reader, self.at.locations[0].source.source_id, "USD")
            with connection.transaction(force_rollback=True):
                if statement:
                    assert connection.execute(statement.encode()).rowcount >= 1, statement
                return verify_rules(connection, migration.subject, migration.plan_id, facts, ())

    def one(self, query: str) -> tuple[object, ...]:
        """The first row of a query."""
        with self.at.workshop.connect() as connection:
            found = connection.execute(query.encode()).fetchone()
            assert found is not None
            return tuple(found)


@pytest.fixture(scope="module")
def place(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with support.clone(postgres_server, template_database) as url, serve("square", "rules", limits="off") as sandbox:
        folder: Path = tmp_path_factory.mktemp("grill")
        settings = load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder)})
        at = connected(replace(settings, now=NOW), "square", sandbox.base_url)
        migration_id, plan = previewed(at, options=PAST)
        decide.approve(at.workshop, migration_id, plan.hash, "test", "")
        stages.load(at.workshop, migration_id, "test")
        yield Loaded(at, migration_id)


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
