"""Order replay on pasts that were not priced by one set of rules, and the mutation matrix: a rule that is another than history
was charged by is named, exactly that cause, at every POS.

Each stand-in's history is charged by one rule that differs from its configuration; that is found first. Then AuraConnect is
corrected as the remedy says, and from there on mutated rule by rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.cli.main import run
from aura_migration.core.errors import BadInput
from aura_migration.migration import stages
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.replay.replay import Replayed, replay_orders
from aura_migration.verify.replay.rung import Span, count_orders
from aura_migration.verify.replay.words import Class, Why
from aura_migration_tests.support.rules import NOW, loaded_rules

DIFFERS = {"square": "tax_rate", "toast": "max_selection", "clover": "modifier_price"}
"""How the stand-in's history differs from its configuration."""
REMEDY = {
    "square": "UPDATE aura.tax_rates SET rate_percent = rate_percent + 0.125 WHERE name = 'Meals tax'",
    "toast": "UPDATE aura.menu_item_modifiers SET max_selections = 9 WHERE max_selections IS NOT NULL",
    "clover": "UPDATE aura.modifiers SET price_adjustment_cents = price_adjustment_cents + 25 WHERE name = 'Bacon'; "
    "UPDATE aura.modifier_location_overrides o SET price_cents = price_cents + 25 FROM aura.modifiers m "
    "WHERE m.id = o.modifier_id AND m.name = 'Bacon' AND o.price_cents IS NOT NULL",
}
EXPLAINED = {
    "square": {Why.PRICE_CHANGED, Why.RATE_CHANGED, Why.TAX_HOLIDAY, Why.TAX_EXEMPT, Why.NO_LONGER_SOLD},
    "toast": {Why.PRICE_CHANGED, Why.MODIFIER_PRICE_CHANGED, Why.RATE_CHANGED, Why.TAX_HOLIDAY, Why.TAX_EXEMPT},
    "clover": {Why.PRICE_CHANGED, Why.MODIFIER_PRICE_CHANGED, Why.RATE_CHANGED, Why.TAX_HOLIDAY, Why.TAX_EXEMPT},
}
"""What at least is explained in each past."""
_RATE = "UPDATE aura.tax_rates SET rate_percent = rate_percent + 0.125 WHERE name = '{}'"
_ROUNDING = "UPDATE aura.tax_rates SET rounding = '{}' WHERE name = '{}'"
_BACON = (
    "UPDATE aura.modifiers SET price_adjustment_cents = price_adjustment_cents + 25 WHERE name = 'Bacon'; "
    "UPDATE aura.modifier_location_overrides o SET price_cents = price_cents + 25 FROM aura.modifiers m "
    "WHERE m.id = o.modifier_id AND m.name = 'Bacon' AND o.price_cents IS NOT NULL"
)
_MOST = "UPDATE aura.menu_item_modifiers SET max_selections = 1 WHERE max_selections > 1 OR max_selections IS NULL"
_SCOPE = "UPDATE aura.pricing_rules SET scope = 'line', conditions = NULL WHERE name = '{}'"
_TAXED = "UPDATE aura.service_charges SET is_taxable = NOT is_taxable WHERE name = '{}'"
MATRIX = {
    "square": {
        "tax_rate": _RATE.format("Sales tax"),
        "tax_rounding": _ROUNDING.format("half_up", "Sales tax"),
        "modifier_price": _BACON,
        "max_selection": _MOST,
        "discount_scope": _SCOPE.format("Five off"),
        "charge_taxability": _TAXED.format("Delivery fee"),
    },
    "toast": {
        "tax_rate": _RATE.format("Liquor tax"),
        "tax_rounding": _ROUNDING.format("half_even", "Meals tax"),
        "modifier_price": _BACON,
        "max_selection": _MOST,
        "discount_scope": _SCOPE.format("Neighbor 10%"),
        "charge_taxability": _TAXED.format("Delivery fee"),
    },
    "clover": {
        "tax_rate": _RATE.format("State"),
        "tax_rounding": _ROUNDING.format("half_even", "State"),
        "modifier_price": _BACON,
        "max_selection": _MOST,
        "discount_scope": _SCOPE.format("A third"),
        "charge_taxability": """UPDATE aura.settings SET value = value || '{"charges_taxable": true}' WHERE setting_key = 'pricing.policy'""",
    },
}
CELLS = [
    # The suite has every cause once; the soak has every cell.
    pytest.param(
        pos,
        cause,
        marks=[] if pos == "clover" or cause not in MATRIX["clover"] else [pytest.mark.soak],
        id=f"{pos}-{cause}",
    )
    for pos, causes in MATRIX.items()
    for cause in causes
]


@dataclass
class House:
    """A loaded restaurant whose past differs from its configuration, on a connection whose changes are taken back."""

    pos: str
    workshop: Workshop
    migration_id: int
    connection: psycopg.Connection[Any]
    restaurant_id: int
    location_id: int

    def replay(self, *statements: str, span: Span | None = None) -> Replayed:
        """Replay after statements that are taken back."""
        with self.connection.transaction(force_rollback=True):
            for statement in statements:
                self.connection.execute(statement.encode())
            return replay_orders(self.connection, self.restaurant_id, self.location_id, self.pos, span or Span())

    def corrected(self, *statements: str) -> Replayed:
        """Replay on rules that are those of the past, but for the statements."""
        return self.replay(REMEDY[self.pos], *statements)


def _house(pos: str, server: str, template: str, folder: Path) -> Iterator[House]:
    with (
        loaded_rules(pos, server, template, folder, 3, confirm_inferred=True, differs=DIFFERS[pos]) as loaded,
        loaded.at.workshop.connect() as connection,
    ):
        place = loaded.one("SELECT restaurant_id, id FROM aura.locations")
        yield House(pos, loaded.at.workshop, loaded.migration_id, connection, *place)


@pytest.fixture(scope="module")
def square(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from _house("square", postgres_server, template_database, tmp_path_factory.mktemp("square"))


@pytest.fixture(scope="module")
def toast(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from _house("toast", postgres_server, template_database, tmp_path_factory.mktemp("toast"))


@pytest.fixture(scope="module")
def clover(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from _house("clover", postgres_server, template_database, tmp_path_factory.mktemp("clover"))


def _of(request: pytest.FixtureRequest, pos: str) -> House:
    house: House = request.getfixturevalue(pos)
    return house


@pytest.mark.parametrize("pos", DIFFERS)
def test_a_history_charged_by_another_rule_than_configured_is_told_by_exactly_that_cause(
    request: pytest.FixtureRequest, pos: str
) -> None:
    found = _of(request, pos).replay()
    assert found.passed is False
    assert {one.cause.value for one in found.clusters} == {DIFFERS[pos]}, [one.title for one in found.clusters]
    assert all(one.examples and one.first >= "2026-08-01" for one in found.clusters)


@pytest.mark.parametrize("pos", DIFFERS)
def test_once_the_rule_is_corrected_every_order_is_identical_explained_or_not_comparable(
    request: pytest.FixtureRequest, pos: str
) -> None:
    found = _of(request, pos).corrected()
    assert found.clusters == [] and found.passed is True
    assert found.classes[Class.IDENTICAL] > found.orders // 3
    assert EXPLAINED[pos] <= set(found.whys), found.whys
    assert found.inferred is None, "what the stand-in calculates is what the POS documents"


@pytest.mark.parametrize(("pos", "cause"), CELLS)
def test_a_rule_changed_in_auraconnect_is_named(request: pytest.FixtureRequest, pos: str, cause: str) -> None:
    found = _of(request, pos).corrected(MATRIX[pos][cause])
    assert found.passed is False
    assert {one.cause.value for one in found.clusters} == {cause}, [one.title for one in found.clusters]
    first = found.clusters[0]
    assert first.orders >= 3 and first.title and first.examples
    if cause in ("tax_rate", "tax_rounding", "modifier_price"):
        assert first.cents > 0


def test_a_replay_says_what_history_shows_and_what_is_configured(clover: House) -> None:
    found = clover.corrected(MATRIX["clover"]["tax_rounding"])
    (cluster,) = found.clusters
    assert cluster.title == "rate 'State' rounds half-up in history, configured half-even"
    evidence = found.test.rates[str(cluster.subject[1])]
    assert "half-up, once over the check, after discounts" in [way.told() for way in evidence.best()]
    assert evidence.telling and evidence.examples


def test_a_price_is_no_change_of_prices_when_one_line_contradicts_it(clover: House) -> None:
    late = """
        UPDATE aura.order_items SET price_cents = 1350, line_subtotal_cents = line_subtotal_cents - price_cents + 1350
        WHERE id = (SELECT i.id FROM aura.order_items i JOIN aura.orders o ON o.id = i.order_id
                    WHERE i.item_name = 'Burger' AND o.business_date > '2026-09-10' ORDER BY i.id LIMIT 1)
    """
    found = clover.corrected(late)
    assert Why.PRICE_CHANGED not in found.whys
    assert "item_price" in {one.cause.value for one in found.clusters}


def test_two_orders_without_a_tax_make_no_holiday(toast: House) -> None:
    whole = toast.corrected()
    holiday = sorted({each.order.day for each in whole.judged if any(why is Why.TAX_HOLIDAY for _, why in each.found)})
    assert holiday
    lonely = f"""
        DELETE FROM aura.order_taxes WHERE order_id IN (
            SELECT id FROM aura.orders WHERE business_date = '2026-08-20' AND NOT is_tax_exempt ORDER BY id LIMIT 2)
        AND '{holiday[0]}' <> '2026-08-20'
    """
    assert toast.corrected(lonely).passed is False


def test_spans_select_orders_by_number_by_days_and_by_dates(square: House) -> None:
    def count(span: Span) -> int:
        return count_orders(square.connection, square.location_id, span)

    whole = count(Span())
    assert count(Span(orders=50)) == 50 == square.replay(span=Span(orders=50)).orders
    week = count(Span(days=7))
    assert 0 < week < whole
    dated = square.replay(span=Span(since=date(2026, 9, 1), until=date(2026, 9, 7)))
    assert 0 < dated.orders < whole and dated.first >= "2026-09-01" and dated.last <= "2026-09-07"


def test_a_span_that_begins_within_a_holiday_is_proven_by_the_orders_before_it(toast: House) -> None:
    found = toast.replay(REMEDY["toast"], span=Span(since=date(2026, 9, 6)))
    assert found.first == "2026-09-06" and found.passed is True
    assert Why.TAX_HOLIDAY in found.whys


def test_over_no_orders_a_replay_is_neither_yes_nor_no(square: House) -> None:
    found = square.replay(span=Span(since=date(2031, 1, 1)))
    assert (found.passed, found.orders) == (None, 0)
    assert set(found.metrics().values()) == {None}


def test_a_policy_that_cannot_be_understood_is_refused_with_its_place(square: House) -> None:
    wrong = """UPDATE aura.settings SET value = '{"name": "square", "tax_place": "kitchen"}' WHERE setting_key = 'pricing.policy'"""
    with pytest.raises(BadInput, match="tax_place"):
        square.replay(wrong)


def test_a_verification_stores_gate_and_clusters_and_fails_on_a_difference(toast: House) -> None:
    verdict = stages.verify(toast.workshop, toast.migration_id, "test")
    assert verdict.passed is False
    gate = verdict.gate("orders_replay_identically")
    assert gate.passed is False and "aura-migration replay" in gate.remedy
    assert verdict.scorecard["metrics"]["orders_replayed"] == gate.evidence["orders"]
    stored = toast.connection.execute(
        "SELECT c.cause, c.orders FROM migration.replay_clusters c JOIN migration.replays r ON r.id = c.replay_id "
        "WHERE r.migration_id = %s AND r.is_default ORDER BY r.id DESC, c.place LIMIT 1",
        [toast.migration_id],
    ).fetchone()
    assert stored is not None and stored[0] == DIFFERS["toast"] and stored[1] > 0


def _code(arguments: list[str]) -> int:
    """The exit code of the command."""
    try:
        return run(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


def test_the_command_tells_what_differs_and_exits_accordingly(
    toast: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AURA_DATABASE_URL", toast.workshop.url)
    monkeypatch.setenv("AURA_DATA_DIR", str(toast.workshop.settings.data_dir))
    monkeypatch.setenv("AURA_NOW", NOW.isoformat())
    number = str(toast.migration_id)
    gates = "SELECT measured_at, value FROM migration.gates WHERE name = 'orders_replay_identically'"
    before = toast.connection.execute(gates).fetchall()
    assert _code(["replay", number, "--from", "2026-09-01", "--to", "2026-09-14", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["clusters"][0]["cause"] == DIFFERS["toast"] and told["from"] >= "2026-09-01"
    assert toast.connection.execute(gates).fetchall() == before, "a look decides no gate"
    assert _code(["replay", number, "--from", "2031-01-01"]) == 0
    assert "no order to replay" in capsys.readouterr().out
    assert _code(["replay", number, "--orders", "5", "--days", "2"]) == 2
    assert _code(["replay", number, "--days", "14"]) == 1
    shown = capsys.readouterr().out
    assert "Different" in shown and "more than configured" in " ".join(shown.split())
