"""Taxes, kitchen routing and stock, judged by value: a part of comparing two sides' facts. Pure.

Compared are the rates a POS has and what bears them, the stations and what goes to them, and what there is on stock. A link is
compared both ways. A rate, station or stock row is asked for only where the POS has one: a POS lists what it counts now, and what
was counted once stays in AuraConnect; where the POS documents what leaving its list means, it is compared with that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Any

from aura_migration.pos.facts import Facts, StockFact, TaxFact
from aura_migration.verify.decisions import Decisions, Subject
from aura_migration.verify.findings import RECORDS, Finding
from aura_migration.verify.keys import OWN

TAX_COLUMNS = {
    "name": "name",
    "percent": "rate_percent",
    "cents": "amount_cents",
    "is_inclusive": "is_inclusive",
    "is_active": "is_active",
}
STOCK_COLUMNS = {"quantity": "quantity", "is_tracked": "is_tracked", "status": "status"}
LACKING = "not in AuraConnect"


def compare_supplies(
    source: Facts, sold: Facts, decisions: Decisions, left_out: Set[str], counted_on: Set[str]
) -> Iterator[Finding]:
    """Findings about taxes, stations and stock. ``left_out`` are items that a signed decision leaves out; stock that AuraConnect
    has ``counted_on`` since the load is no difference any more, how much there is moves with every sale."""
    if source.taxes is not None:
        for key, tax in source.taxes.items():
            yield from _values("tax_rates", key, tax, (sold.taxes or {}).get(key), TAX_COLUMNS, decisions, [])
    if source.stock is not None:
        for key, stock in source.stock.items():
            item = _item_of(source, key)
            if item not in left_out:
                there = (sold.stock or {}).get(key)
                about: list[Subject] = [("items", item), ("variations", key)]
                columns = STOCK_COLUMNS if key not in counted_on else {"is_tracked": "is_tracked"}
                yield from _values("stock", key, stock, there, columns, decisions, about)
        for key in (sold.stock or {}).keys() - source.stock.keys():
            if key.startswith(OWN):
                yield Finding(RECORDS, "stock", key, None, True, None, "no record of the POS stands behind it")
        yield from _unlisted(source, sold, decisions, left_out, counted_on)
    for entity, targets, owners, mine, its in (
        ("item_taxes", "tax_rates", "items", source.item_taxes, sold.item_taxes),
        ("item_stations", "kitchen_stations", "items", source.item_stations, sold.item_stations),
        ("modifier_stations", "kitchen_stations", "modifiers", source.modifier_stations, sold.modifier_stations),
    ):
        if mine is not None:
            known = source.items.keys() - left_out if owners == "items" else _options(source)
            for owner in sorted(known):
                expected, actual = mine.get(owner, frozenset()), (its or {}).get(owner, frozenset())
                yield from _links(entity, targets, owners, owner, expected, actual, decisions)


def _unlisted(
    source: Facts, sold: Facts, decisions: Decisions, left_out: Set[str], counted_on: Set[str]
) -> Iterator[Finding]:
    """Stock that AuraConnect has and a POS whose silence is an answer does not name."""
    stock, there = source.stock or {}, sold.stock or {}
    if source.unlisted_stock is None:
        return
    expected = StockFact(None, False, source.unlisted_stock)
    # Two items that became one share its stock; the one that is listed says what it is.
    named = {id(there[key]) for key in stock if key in there}
    for key in sorted(there.keys() - stock.keys() - counted_on):
        item = _item_of(source, key)
        if item in source.items and item not in left_out and id(there[key]) not in named:
            about: list[Subject] = [("items", item), ("variations", key)]
            yield from _values("stock", key, expected, there[key], STOCK_COLUMNS, decisions, about)


def _item_of(source: Facts, key: str) -> str:
    variation = source.variations.get(key)
    return variation.item if variation is not None else key


def _options(source: Facts) -> set[str]:
    return {key for entity, key in source.names if entity == "modifiers"}


def _values(
    entity: str,
    key: str,
    expected: TaxFact | StockFact,
    actual: TaxFact | StockFact | None,
    columns: Mapping[str, str],
    decisions: Decisions,
    about: list[Subject],
) -> Iterator[Finding]:
    subjects: list[Subject] = [*about, (entity, key)]
    if actual is None:
        reason = decisions.why_absent([*subjects, (entity,)])
        cause = reason or decisions.why_waiting(subjects) or LACKING
        yield Finding(RECORDS, entity, key, _plain(expected._asdict()), None, None, cause, reason is None)
        return
    for name, column in columns.items():
        mine, its = getattr(expected, name), getattr(actual, name)
        if mine != its:
            reason = decisions.why_different([((entity, key), (column,))])
            cause = reason or decisions.why_waiting(subjects)
            cents = its - mine if name == "cents" and None not in (mine, its) else None
            yield Finding(RECORDS, entity, key, _plain({name: mine}), _plain({name: its}), cents, cause, reason is None)


def _links(
    entity: str,
    targets: str,
    owners: str,
    owner: str,
    expected: frozenset[str],
    actual: frozenset[str],
    decisions: Decisions,
) -> Iterator[Finding]:
    for target in sorted(expected - actual):
        subjects: list[Subject] = [(owners, owner), (entity, owner, target), (targets, target)]
        reason = decisions.why_absent(subjects)
        cause = reason or decisions.why_waiting(subjects) or "not there in AuraConnect"
        yield Finding(RECORDS, entity, f"{owner} in {target}", True, False, None, cause, reason is None)
    for target in sorted(actual - expected):
        # Where AuraConnect had the record already, its own taxes and stations stay with it.
        reason = decisions.linked.get((owners, owner)) if target.startswith(OWN) else None
        cause = reason or "not there in the POS"
        yield Finding(RECORDS, entity, f"{owner} in {target}", False, True, None, cause, reason is None)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in values.items()}
