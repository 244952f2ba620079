"""Comparing choices: every way from an item to an option, with its limits, default, state and prices. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aura_migration.pos.facts import EdgeFact, EdgeKey, Facts, ModifierPriceKey, PriceFact
from aura_migration.verify.decisions import Decisions, Own, Subject
from aura_migration.verify.findings import MODIFIERS, Finding
from aura_migration.verify.keys import show_key
from aura_migration.verify.prices import PriceResult, compare_prices, price_column

FIELDS = ("min", "max", "is_default", "is_active", "is_available", "allows_repeats")
COLUMNS = {
    "min": ("min_selections",),
    "max": ("max_selections",),
    "is_default": ("is_default",),
    "is_active": ("is_active",),
    "is_available": ("is_available",),
    "allows_repeats": ("allow_quantities", "max_quantity"),
}


@dataclass
class ChoiceResult:
    """What comparing choices gave. ``active`` counts the POS's choices that can be chosen, ``functional`` those of them
    that can be chosen in AuraConnect in the same way at the same prices."""

    active: int = 0
    functional: int = 0
    prices: PriceResult = field(default_factory=PriceResult)
    findings: list[Finding] = field(default_factory=list)


def compare_choices(
    source: Facts,
    sold: Facts,
    decisions: Decisions,
    own_edges: Mapping[EdgeKey, Own],
    left_out: set[str],
    currency: str,
) -> ChoiceResult:
    """Compare the choices of every item that is not ``left_out`` (item keys outside the approved scope)."""
    result = ChoiceResult()
    absent: dict[EdgeKey, str | None] = {}
    broken: set[EdgeKey] = set()
    for edge, expected in source.edges.items():
        if edge.item in left_out:
            continue
        actual = sold.edges.get(edge)
        if actual is None:
            absent[edge] = _missing(result, edge, expected, decisions)
        elif actual != expected and not _differing(result, edge, expected, actual, decisions):
            broken.add(edge)
    for edge, actual in sold.edges.items():
        if edge not in source.edges and edge.item in source.items:
            _extra(result, edge, actual, decisions, own_edges)
    result.prices = compare_prices(
        source,
        sold,
        lambda facts: facts.modifier_prices,
        "modifiers",
        currency,
        # A choice that only one side has is one finding, not one more for each of its prices.
        lambda key: key.edge in source.edges and key.edge in sold.edges and key.edge.item not in left_out,
        lambda key, mine, its: _explain_price(decisions, key, mine, its),
    )
    broken.update(key.edge for key in result.prices.differing)
    for edge, expected in source.edges.items():
        item = source.items.get(edge.item)
        if not expected.is_active or item is None or not item.is_active:
            continue
        if edge.item in left_out or absent.get(edge) is not None:
            continue
        result.active += 1
        result.functional += edge not in absent and edge not in broken
    return result


def _missing(result: ChoiceResult, edge: EdgeKey, expected: EdgeFact, decisions: Decisions) -> str | None:
    reason = decisions.why_absent(subjects_of(edge))
    cause = reason or decisions.why_waiting(subjects_of(edge)) or "not offered in AuraConnect"
    found = Finding(MODIFIERS, "modifiers", show_key(edge), _shown(expected), None, None, cause, reason is None)
    result.findings.append(found)
    return reason


def _differing(result: ChoiceResult, edge: EdgeKey, expected: EdgeFact, actual: EdgeFact, decisions: Decisions) -> bool:
    """Report in what the choice differs; True when signed decisions explain all of it."""
    all_explained = True
    names: dict[tuple[str, bool], list[str]] = {}
    for name in FIELDS:
        if getattr(expected, name) == getattr(actual, name):
            continue
        reason = decisions.why_different((subject, COLUMNS[name]) for subject in subjects_of(edge))
        all_explained = all_explained and reason is not None
        names.setdefault((reason or "", reason is None), []).append(name)
    for (cause, is_blocking), group in names.items():
        found = Finding(
            MODIFIERS,
            "modifiers",
            show_key(edge),
            {name: getattr(expected, name) for name in group},
            {name: getattr(actual, name) for name in group},
            None,
            cause or decisions.why_waiting(subjects_of(edge)),
            is_blocking,
        )
        result.findings.append(found)
    return all_explained


def _extra(
    result: ChoiceResult, edge: EdgeKey, actual: EdgeFact, decisions: Decisions, own_edges: Mapping[EdgeKey, Own]
) -> None:
    """A choice the POS does not offer: accepted only where AuraConnect had it and a signed decision keeps that record."""
    own = own_edges.get(edge)
    reason = decisions.why_own(own.holders, own.made_at) if own else None
    what = "made in AuraConnect" if own else "not offered by the POS"
    cause = f"{what}; {reason}" if reason else what
    found = Finding(MODIFIERS, "modifiers", show_key(edge), None, _shown(actual), None, cause, reason is None)
    result.findings.append(found)


def _explain_price(
    decisions: Decisions, key: ModifierPriceKey, mine: PriceFact | None, its: PriceFact | None
) -> tuple[str, bool]:
    option = key.edge.path[-1][1]
    own = [("modifiers", option), ("modifier_locations", option)]
    cents = {"modifiers": "price_adjustment_cents", "modifier_locations": "price_cents"}
    reason = decisions.why_different((subject, (price_column(mine, its, cents[subject[0]]),)) for subject in own)
    if reason is None and mine is not None:
        priced = [("modifiers", option), ("items", key.edge.item)]
        reason = decisions.why_other_price(priced, mine.cents)
    return (reason, True) if reason is not None else (decisions.why_waiting(own), False)


def subjects_of(edge: EdgeKey) -> Iterator[Subject]:
    """Every record a choice stands on, outermost first."""
    yield ("items", edge.item)
    above = ""
    for group, option in edge.path:
        yield ("item_modifier_groups", edge.item, group) if not above else ("nested_groups", above, group)
        yield ("modifier_groups", group)
        yield ("group_locations", group)
        if option:
            yield ("modifiers", option)
            yield ("modifier_locations", option)
            yield ("modifier_defaults", edge.item, option)
        above = option


def _shown(fact: EdgeFact) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in FIELDS}
