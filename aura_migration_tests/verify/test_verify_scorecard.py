"""The scorecard as people see it."""

from __future__ import annotations

from typing import Any

from aura_migration.verify.scorecard import plain

COUNTS = {"source": 1250, "loaded": 1240, "unchanged": 0, "merged": 3, "skipped": 7, "quarantined": 0}


def card(**more: Any) -> dict[str, Any]:
    metrics = {"menu_items_accounted_pct": 100.0, "price_max_abs_diff_cents": 0, "full_export_before_load": True}
    gate = {"name": "prices_agree_to_the_cent", "passed": True, "value": "0 cents over 3 prices", "remedy": ""}
    base = {"migration_id": 4, "location": "square:L1", "pos": "square", "entities": {"modifier_groups": COUNTS}}
    return {**base, "metrics": metrics, "gates": [gate], "accepted": [], "passed": True, **more}


def test_a_scorecard_shows_counts_metrics_gates_and_the_verdict() -> None:
    text = plain(card())
    assert "square:L1 · migration 4: passed" in text
    assert "1,250" in text
    assert "modifier groups" in text
    assert "100.00" in text
    assert "0 cents over 3 prices" in text


def test_what_was_not_measured_is_never_shown_as_a_number() -> None:
    text = plain(card(metrics={"menu_items_migrated_pct": None}, gates=[], entities={}, passed=None))
    assert text.count("not measured") == 2
    assert "100" not in text


def test_a_failed_gate_says_what_to_do() -> None:
    gate = {"name": "every_item_is_migrated", "passed": False, "value": "99.99 %", "remedy": "Load what is missing."}
    text = plain(card(gates=[gate], passed=False))
    assert "FAILED" in text
    assert "99.99 %" in text
    assert "Load what is missing." in text


def test_accepted_differences_are_named_and_the_rest_counted() -> None:
    one = {"entity": "items", "key": "soda", "expected": {"name": "Soda"}, "actual": {"name": "Pop"}, "cause": "kept"}
    gone = {"entity": "items", "key": "[b]x[/b]", "expected": "X", "actual": None, "cause": "skipped"}
    text = plain(card(accepted=[one, gone] * 6, accepted_total=4000))
    assert "items soda: POS name Soda, AuraConnect name Pop (kept)" in text
    assert "items [b]x[/b]: not in AuraConnect (skipped)" in text
    assert "… and 3,990 more" in text


def test_without_a_verification_there_is_no_scorecard() -> None:
    assert "nothing was verified" in plain({})
