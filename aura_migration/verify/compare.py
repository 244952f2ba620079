"""Comparing two sides' facts about one location: match, explained by a signed decision, or unexplained. Pure.

Sets against sets, by key: order, collation and who listed what first do not matter. Declared rules for "nothing":

    texts           code point by code point; no value (None) and the empty text differ
    prices          open (None) and free (0) differ; a record without a price differs from both
    max             None is unlimited and differs from every number
    windows         compared by the minutes of the week they cover; none at all is always
    charge_as_extra None and false are the same
    not read        what a witness does not read (None, or a name missing in ``more``) is not compared
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from aura_migration.pos.facts import EdgeKey, Facts, ItemFact, MenuFact, PriceFact, PriceKey, VariationFact
from aura_migration.verify.choices import ChoiceResult, compare_choices
from aura_migration.verify.decisions import Decisions, Own, Subject
from aura_migration.verify.findings import ACCOUNTED, MIGRATED, MODIFIERS, PRICES, RECORDS, Finding
from aura_migration.verify.keys import OWN, show_key
from aura_migration.verify.prices import PriceResult, compare_prices, price_column
from aura_migration.verify.supplies import compare_supplies
from aura_migration.verify.timetable import open_spans, show_span

STANDING = ("create", "update", "unchanged", "merge")
MISSING = "not sold at this location in AuraConnect"
LOCAL = {"categories": "category_locations", "modifier_groups": "group_locations", "modifiers": "modifier_locations"}
"""Where a location's own values of a shared record stand."""


@dataclass
class Comparison:
    """What comparing gave.

    ``source_items`` are the POS's items by the greater of both counts, ``left_out`` those a signed decision leaves out,
    ``accounted`` those the plan knows, ``migrated`` those in scope that are sold in AuraConnect. ``unattached`` are
    options no item reaches, on the POS's side and on AuraConnect's.
    """

    source_items: int = 0
    accounted: int = 0
    left_out: set[str] = field(default_factory=set)
    migrated: int = 0
    prices: PriceResult = field(default_factory=PriceResult)
    choices: ChoiceResult = field(default_factory=ChoiceResult)
    findings: list[Finding] = field(default_factory=list)
    unattached: tuple[int, int] = (0, 0)

    @property
    def in_scope(self) -> int:
        """Items that should be sold in AuraConnect."""
        return self.source_items - len(self.left_out)

    def unexplained(self, check_name: str) -> list[Finding]:
        """The blocking findings of a check."""
        return [f for f in self.findings if f.check_name == check_name and f.is_blocking]


def compare(
    source: Facts,
    sold: Facts,
    decisions: Decisions,
    planned_items: Mapping[str, str],
    own_edges: Mapping[EdgeKey, Own],
    currency: str,
    counted_on: Set[str] = frozenset(),
) -> Comparison:
    """Compare the POS's side with AuraConnect's. ``planned_items`` is the plan's action by item key, ``counted_on`` the stock
    that AuraConnect has counted on since it was loaded."""
    result = Comparison(unattached=(len(source.unattached), len(sold.unattached)))
    _items(result, source, sold, decisions, planned_items)
    _values(result, "items", source.items, sold.items, decisions, result.left_out)
    _variations(result, source, sold, decisions)
    _placements(result, "item_menus", "menus", source.item_menus, sold.item_menus, source, decisions)
    _placements(
        result, "item_categories", "categories", source.item_categories, sold.item_categories, source, decisions
    )
    _menus(result, source, sold, decisions)
    _names(result, source, sold, decisions)
    _pre_modifiers(result, source, sold, decisions)
    result.findings += compare_supplies(source, sold, decisions, result.left_out, counted_on)
    result.prices = compare_prices(
        source,
        sold,
        lambda facts: facts.prices,
        "items",
        currency,
        lambda key: key.item in source.items and key.item not in result.left_out,
        lambda key, mine, its: _explain_price(decisions, key, mine, its),
    )
    result.choices = compare_choices(source, sold, decisions, own_edges, result.left_out, currency)
    result.findings += [*result.prices.findings, *result.choices.findings, *result.choices.prices.findings]
    _oddities(result, source, sold, decisions)
    result.findings.sort(key=lambda found: found.order)
    return result


# Items


def _items(
    result: Comparison, source: Facts, sold: Facts, decisions: Decisions, planned_items: Mapping[str, str]
) -> None:
    unreadable = {one.key for one in source.unreadable if one.entity == "items"} - source.items.keys()
    known = len(source.items) + len(unreadable)
    result.source_items = max(known, source.source_item_count or 0)
    if source.source_item_count is not None and source.source_item_count != known:
        route = source.source_item_route or "the second route"
        found = Finding(
            ACCOUNTED,
            "items",
            "",
            {"count": source.source_item_count},
            {"count": known},
            None,
            f"{route} counts {source.source_item_count:,} items, the list has {known:,}",
        )
        result.findings.append(found)
    for key in [*source.items, *sorted(unreadable)]:
        name = source.items[key].name if key in source.items else None
        if key in planned_items:
            result.accounted += 1
        else:
            found = Finding(ACCOUNTED, "items", key, name, None, None, "the plan does not know it")
            result.findings.append(found)
        action = planned_items.get(key)
        subjects: list[Subject] = [("items", key), ("item_locations", key)]
        if key in sold.items and action != "skip":
            result.migrated += key in source.items and action in STANDING
            continue
        reason = decisions.why_absent(subjects)
        if reason is not None:
            result.left_out.add(key)
        cause = reason or decisions.why_waiting(subjects) or MISSING
        actual = sold.items[key].name if key in sold.items else None
        result.findings.append(Finding(MIGRATED, "items", key, name, actual, None, cause, reason is None))
    for key, action in planned_items.items():
        if key not in source.items and key not in unreadable:
            cause = f"planned ({action}), but the POS does not sell it at this location"
            result.findings.append(Finding(ACCOUNTED, "items", key, None, action, None, cause))
    for key in sold.items.keys() - source.items.keys() - planned_items.keys():
        cause = "sold in AuraConnect, but not by the POS at this location"
        result.findings.append(Finding(RECORDS, "items", key, None, sold.items[key].name, None, cause))


def _variations(result: Comparison, source: Facts, sold: Facts, decisions: Decisions) -> None:
    left_out = set()
    for key, variation in source.variations.items():
        if variation.item in result.left_out:
            left_out.add(key)
        elif key not in sold.variations:
            subjects: list[Subject] = [("items", variation.item), ("variations", key), ("item_locations", key)]
            reason = decisions.why_absent(subjects)
            if reason is not None:
                left_out.add(key)
            cause = reason or decisions.why_waiting(subjects) or MISSING
            found = Finding(RECORDS, "variations", key, variation.name, None, None, cause, reason is None)
            result.findings.append(found)
        elif sold.variations[key].item != variation.item:
            found = Finding(RECORDS, "variations", key, {"item": variation.item}, {"item": sold.variations[key].item})
            result.findings.append(found)
    for key, variation in sold.variations.items():
        if key not in source.variations and variation.item in source.items:
            cause = "not a variation in the POS"
            result.findings.append(Finding(RECORDS, "variations", key, None, variation.name, None, cause))
    _values(result, "variations", source.variations, sold.variations, decisions, left_out)


def _values(
    result: Comparison,
    entity: str,
    source: Mapping[str, ItemFact] | Mapping[str, VariationFact],
    sold: Mapping[str, ItemFact] | Mapping[str, VariationFact],
    decisions: Decisions,
    left_out: set[str],
) -> None:
    """Name, states and the further values a witness reads."""
    for key, expected in source.items():
        actual = sold.get(key)
        if actual is None or key in left_out or actual == expected:
            continue
        mine = {**expected.more, "name": expected.name}
        mine |= {"is_active": expected.is_active, "is_available": expected.is_available}
        its = {**actual.more, "name": actual.name, "is_active": actual.is_active, "is_available": actual.is_available}
        places: list[Subject] = [(entity, key), ("item_locations", key)]
        for name in sorted(mine):
            if name in its and mine[name] != its[name]:
                reason = decisions.why_different((place, (name,)) for place in places)
                cause = reason or decisions.why_waiting(places)
                found = Finding(
                    RECORDS, entity, key, {name: mine[name]}, {name: its[name]}, None, cause, reason is None
                )
                result.findings.append(found)


# Where items stand, and what else has a name


def _placements(
    result: Comparison,
    entity: str,
    of: str,
    source: Mapping[str, frozenset[str]] | None,
    sold: Mapping[str, frozenset[str]] | None,
    facts: Facts,
    decisions: Decisions,
) -> None:
    if source is None:
        return
    sold = sold or {}
    for item in facts.items:
        expected, actual = source.get(item, frozenset()), sold.get(item, frozenset())
        if expected == actual or item in result.left_out:
            continue
        for place in sorted(expected - actual):
            subjects: list[Subject] = [("items", item), (entity, item, place), (of, place)]
            reason = decisions.why_absent(subjects)
            cause = reason or decisions.why_waiting(subjects) or "not there in AuraConnect"
            found = Finding(RECORDS, entity, f"{item} in {place}", True, False, None, cause, reason is None)
            result.findings.append(found)
        for place in sorted(actual - expected):
            # Where AuraConnect had the item already, its own categories and menus stay around it.
            reason = decisions.linked.get(("items", item)) if place.startswith(OWN) else None
            cause = reason or "not there in the POS"
            found = Finding(RECORDS, entity, f"{item} in {place}", False, True, None, cause, reason is None)
            result.findings.append(found)


def _menus(result: Comparison, source: Facts, sold: Facts, decisions: Decisions) -> None:
    for key, expected in (source.menus or {}).items():
        actual = (sold.menus or {}).get(key)
        if actual is None:
            reason = decisions.why_absent([("menus", key)])
            cause = reason or decisions.why_waiting([("menus", key)]) or "not in AuraConnect"
            result.findings.append(Finding(RECORDS, "menus", key, expected.name, None, None, cause, reason is None))
            continue
        mine, its = _menu_values(expected), _menu_values(actual)
        for name, column in (("name", "name"), ("is_active", "is_active"), ("open", "availability")):
            if mine[name] != its[name]:
                reason = decisions.why_different(((place, key), (column,)) for place in ("menus", "menu_locations"))
                found = Finding(
                    RECORDS,
                    "menus",
                    key,
                    {name: mine[name]},
                    {name: its[name]},
                    None,
                    reason or "",
                    reason is None,
                )
                result.findings.append(found)


def _menu_values(menu: MenuFact) -> dict[str, Any]:
    try:
        hours = [show_span(start, end) or "always" for start, end in open_spans(menu.windows)]
    except ValueError as error:
        hours = [f"cannot be read: {error}"]
    return {"name": menu.name, "is_active": menu.is_active, "open": hours}


def _names(result: Comparison, source: Facts, sold: Facts, decisions: Decisions) -> None:
    for (entity, key), expected in source.names.items():
        actual = sold.names.get((entity, key))
        if actual == expected:
            continue
        places: list[Subject] = [(entity, key)]
        if entity in LOCAL:
            places.append((LOCAL[entity], key))
        if entity == "modifiers":
            places.append(("modifier_groups", key.rpartition("/")[0]))
        if actual is None:
            reason = decisions.why_absent(places)
            cause = reason or decisions.why_waiting(places) or "not in AuraConnect"
        else:
            reason = decisions.why_different((place, ("name",)) for place in places[:2])
            cause = reason or decisions.why_waiting(places)
        result.findings.append(Finding(RECORDS, entity, key, expected, actual, None, cause, reason is None))


def _pre_modifiers(result: Comparison, source: Facts, sold: Facts, decisions: Decisions) -> None:
    if source.pre_modifiers is None:
        return
    mine, its = dict(source.pre_modifiers), dict(sold.pre_modifiers or {})
    known = {pair.group for pair in mine} | {key for entity, key in source.names if entity == "modifier_groups"}
    for pair in sorted(mine.keys() | {pair for pair in its if pair.group in known}):
        expected, actual = mine.get(pair), its.get(pair)
        left = (
            None
            if expected is None
            else (*_texts(expected.name, expected.fixed_cents, expected.factor), bool(expected.charge_as_extra))
        )
        right = (
            None
            if actual is None
            else (*_texts(actual.name, actual.fixed_cents, actual.factor), bool(actual.charge_as_extra))
        )
        if left == right:
            continue
        subjects: list[Subject] = [
            ("group_pre_modifiers", pair.group, pair.pre_modifier),
            ("pre_modifiers", pair.pre_modifier),
            ("modifier_groups", pair.group),
        ]
        if actual is None:
            reason = decisions.why_absent(subjects)
        elif expected is None:
            reason = None
        else:
            columns = ("name", "fixed_price_cents", "multiplication_factor", "charge_as_extra")
            reason = decisions.why_different([(("pre_modifiers", pair.pre_modifier), columns)])
        cause = reason or decisions.why_waiting(subjects)
        found = Finding(
            RECORDS,
            "pre_modifiers",
            show_key(pair),
            left and list(left),
            right and list(right),
            None,
            cause,
            reason is None,
        )
        result.findings.append(found)


def _texts(name: str, fixed: int | None, factor: Any) -> tuple[str, int | None, str | None]:
    return name, fixed, None if factor is None else f"{factor.normalize():f}"


# Prices of items, and what neither side should have


def _explain_price(
    decisions: Decisions, key: PriceKey, mine: PriceFact | None, its: PriceFact | None
) -> tuple[str, bool]:
    subjects: list[Subject] = [("items", key.item), ("item_locations", key.item)]
    if key.variation:
        subjects = [("variations", key.variation), ("item_locations", key.variation), ("items", key.item)]
    column = price_column(mine, its, "price_cents")
    reason = decisions.why_different((subject, (column,)) for subject in subjects)
    if reason is None and its is None:
        reason = decisions.why_absent(subjects)
    if reason is None and mine is not None:
        reason = decisions.why_other_price([("items", key.item), ("variations", key.variation)], mine.cents)
    return (reason, True) if reason is not None else (decisions.why_waiting(subjects), False)


def _oddities(result: Comparison, source: Facts, sold: Facts, decisions: Decisions) -> None:
    """Records that cannot be read, and keys one side holds twice."""
    for one in source.unreadable:
        if one.entity == "items" and one.key not in source.items:
            continue  # missing among the items already
        reason = decisions.why_absent([(one.entity, one.key)])
        check = _check_of(one.entity)
        cause = reason or f"the POS's record cannot be read: {one.reason}"
        result.findings.append(Finding(check, one.entity, one.key, one.reason, None, None, cause, reason is None))
    for one in sold.unreadable:
        found = Finding(_check_of(one.entity), one.entity, one.key, None, one.reason, None, "AuraConnect cannot use it")
        result.findings.append(found)
    for side, pairs in (("the POS", source.repeated), ("AuraConnect", sold.repeated)):
        for entity, key in _distinct(pairs):
            cause = f"more than once in {side}"
            result.findings.append(Finding(_check_of(entity), entity, key, None, None, None, cause))


def _check_of(entity: str) -> str:
    if entity == "price_rules":
        return PRICES
    return MODIFIERS if entity in ("modifiers", "modifier_groups", "item_modifier_groups", "nested_groups") else RECORDS


def _distinct(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return iter(dict.fromkeys(pairs))
