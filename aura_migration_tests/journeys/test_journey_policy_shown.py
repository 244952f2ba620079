"""How checks are calculated, where the orders show it to be another way than assumed: proposed, confirmed, loaded, kept."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from aura_migration.canonical.options import HistoryOptions, MigrationOptions, RulesOptions
from aura_migration.core.errors import Refused
from aura_migration.migration import decide, stages
from aura_migration.migration.described import describe_plan
from aura_migration.migration.records import get_migration
from aura_migration.pricing import policies
from aura_migration.pricing.policy import TaxPlace
from aura_migration.verify.replay import reading
from aura_migration_tests.support.journeys import previewed
from aura_migration_tests.support.rules import Loaded, loaded_rules

ASSUMED = msgspec.structs.replace(policies.CLOVER, tax_place=TaxPlace.LINE)
"""As if the documentation of the POS left open where tax is rounded, and line by line were the likeliest."""


@pytest.fixture
def kitchen(
    postgres_server: str,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Loaded]:
    monkeypatch.setattr(reading, "POLICIES", {**policies.POLICIES, "clover": ASSUMED})
    monkeypatch.setattr(policies, "OPEN", {"clover": {"tax_place": (TaxPlace.RATE,)}})
    folder = tmp_path_factory.mktemp("kitchen")
    with loaded_rules("clover", postgres_server, template_database, folder, 1) as loaded:
        yield loaded


def test_a_way_of_calculating_that_the_orders_show_is_proposed_confirmed_and_kept(kitchen: Loaded) -> None:
    at, number = kitchen.at, kitchen.migration_id
    first = stages.verify(at.workshop, number, "test")
    assert first.scorecard["metrics"]["replay_explained"]["open_choice"]["count"] > 0
    options = MigrationOptions(history=HistoryOptions(months=1), rules=RulesOptions(inferred="named"))
    _, plan = previewed(at, options=options)
    with at.workshop.connect() as connection:
        (policy,) = [
            rule
            for rule in describe_plan(at.workshop, connection, get_migration(connection, number))["inferred"]
            if rule["key"] == "pricing.policy"
        ]
    assert policy["evidence"]["orders"] > 0 == policy["evidence"]["orders_against"]
    with pytest.raises(Refused, match=r"settings: pricing\.policy \(from \d+ orders\)"):
        decide.approve(at.workshop, number, plan.hash, "test")
    decide.approve(at.workshop, number, plan.hash, "test", confirm_inferred=True)
    stages.load(at.workshop, number, "test")
    value, is_inferred = kitchen.one(
        "SELECT value, is_inferred FROM aura.settings WHERE setting_key = 'pricing.policy'"
    )
    assert (value, is_inferred) == ({"name": "clover", "tax_place": "rate"}, True)
    again = stages.verify(at.workshop, number, "test")
    assert again.passed, [gate.name for gate in again.gates if gate.passed is False]
    assert "open_choice" not in (again.scorecard["metrics"]["replay_explained"] or {}), "it is said now, not open"
    _, unchanged = previewed(at, options=options)
    assert unchanged.counts["settings"]["update"] == 0, "what was concluded is not forgotten"
    wrong = """UPDATE aura.settings SET value = '{"name": "toast", "tax_place": "rate"}' WHERE setting_key = 'pricing.policy'"""
    assert kitchen.judged(wrong).gate.passed is False
