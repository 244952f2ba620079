"""The scenario `rules` of the Square sandbox: what happened in its past, and that `differs` changes that rule and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from aura_migration.sandbox.core.server import build
from aura_migration.sandbox.square.orders.rules import DIFFERS, HOLIDAY, PRICE_RISE, RATE_CHANGE

NOW = "2026-10-01T09:00:00Z"
Charged = dict[str, tuple[tuple[int, ...], tuple[str, ...]]]


def world_of(differs: str | None = None) -> Any:
    options: dict[str, Any] = {"differs": differs} if differs else {}
    app: Any = build("square", "rules", now=NOW, **options)
    return app.world


def charged(world: Any) -> Charged:
    """Sums and notes of every order, by id."""
    found: Charged = {}
    for done in map(world.orders.done, world.orders.numbers()):
        sums = done.sums
        money = (sum(sums.gross), sum(sums.discount), sum(sums.tax) + sum(sums.charge_taxes), sums.total, done.rounding)
        found[done.id] = (money, done.order.notes)
    return found


@pytest.fixture(scope="module")
def world() -> Any:
    return world_of()


def test_the_past_was_not_charged_by_one_set_of_rules(world: Any) -> None:
    orders = [done for done in map(world.orders.done, world.orders.numbers()) if done.order.lines]
    assert 300 <= len(orders) <= 600
    days = {done.id: world.orders.order(done.order.number).created for done in orders}
    assert len(days) == len(orders)
    notes = Counter(note for done in orders for note in done.order.notes)
    wanted = {
        *(f"old rate until {RATE_CHANGE}", f"old price until {PRICE_RISE}", "tax holiday", "happy hour", "bundle"),
        *("comp to zero", "comp of a line", "tax-exempt check", "price typed in", "amount typed in without an item"),
        *("automatic gratuity", "taxed charge", "untaxed charge", "cash rounding"),
        *("item that is no longer sold", "modifier that is no longer sold"),
    }
    assert wanted <= notes.keys() and min(notes[note] for note in wanted) >= 3
    for done in orders:
        rates = {tax.name: tax.text for tax in done.order.taxes}
        told = done.order.notes
        if "Sales tax" in rates:
            assert rates["Sales tax"] == ("7.25" if f"old rate until {RATE_CHANGE}" in told else "7.5")
        assert ("tax holiday" in told) <= ("Sales tax" not in rates)
        assert ("tax-exempt check" in told) <= (not rates)
        assert ("cash rounding" in told) <= (done.due % 5 == 0)
        assert not any(note.startswith("differs") for note in told)
    assert HOLIDAY[0] < HOLIDAY[1]


@pytest.mark.parametrize("differs", DIFFERS)
def test_differs_charges_the_past_by_one_other_rule_and_notes_it(world: Any, differs: str) -> None:
    plain, other = charged(world), charged(world_of(differs))
    assert plain.keys() == other.keys()
    changed = {ident for ident, (money, _) in plain.items() if other[ident][0] != money}
    noted = {ident for ident, (_, notes) in other.items() if f"differs: {differs}" in notes}
    returned = {ident for ident, (_, notes) in plain.items() if "returned" in notes}
    assert len(changed) >= 15
    assert changed - returned <= noted, "what the rule does not touch was charged alike"
    for ident in plain:
        rest = tuple(note for note in other[ident][1] if not note.startswith("differs"))
        assert set(plain[ident][1]) == set(rest)


def test_the_account_serves_the_rules_of_today_whatever_the_past_was_charged_by(world: Any) -> None:
    for differs in ("tax_rate", "modifier_price"):
        served = world_of(differs)
        assert {ident: vars(thing) for ident, thing in served.objects.items() if thing.type in ("TAX", "MODIFIER")} == {
            ident: vars(thing) for ident, thing in world.objects.items() if thing.type in ("TAX", "MODIFIER")
        }
    with pytest.raises(ValueError, match="no difference 'luck'; it has: tax_rate"):
        world_of("luck")
