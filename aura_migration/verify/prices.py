"""Comparing prices: for every key, the week of one side against the week of the other, minute by minute, to the cent.

A key that one side does not have is answered by its next broader one: a price that does not depend on the menu is the
price on every menu, and picks beyond the last have the last one's price. What holds when is compared, not how it was
written down. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from aura_migration.core.money import show
from aura_migration.pos.facts import ALWAYS, Facts, ModifierPriceKey, PriceFact, PriceKey, VariationFact, Window
from aura_migration.verify.findings import PRICES, Finding
from aura_migration.verify.keys import show_key
from aura_migration.verify.timetable import Segment, overlay, paint, show_span

Key = PriceKey | ModifierPriceKey
Week = list[tuple[Window, PriceFact]]
Weeks = dict[Any, Week]
Explain = Callable[[Any, PriceFact | None, PriceFact | None], tuple[str, bool]]
"""(key, expected, actual) → (cause, is explained)."""


@dataclass
class PriceResult:
    """What comparing prices gave: ``compared`` spans of prices, the largest unexplained and the largest accepted
    difference in cents, and the keys that have an unexplained difference."""

    compared: int = 0
    worst: int = 0
    worst_accepted: int = 0
    findings: list[Finding] = field(default_factory=list)
    differing: set[Any] = field(default_factory=set)


def compare_prices(
    source: Facts,
    sold: Facts,
    which: Callable[[Facts], Mapping[Any, PriceFact]],
    entity: str,
    currency: str,
    is_in_scope: Callable[[Any], bool],
    explain: Explain,
) -> PriceResult:
    """Compare one kind of prices of both sides; ``which`` picks them out of the facts."""
    expected = _weeks(which(source), source.variations)
    actual = _weeks(which(sold), sold.variations)
    result = PriceResult()
    for key in _keys(expected, actual):
        if not is_in_scope(key):
            continue
        here, there = _find(expected, key), _find(actual, key)
        if here is not None and there is not None and len(here) == 1 and len(there) == 1:
            (mine, fact), (its, other) = here[0], there[0]
            if mine == its == ALWAYS and _same(fact, other):
                result.compared += 1
                continue
        _compare_weeks(result, key, here, there, entity, currency, explain)
    return result


def _compare_weeks(
    result: PriceResult, key: Key, here: Week | None, there: Week | None, entity: str, currency: str, explain: Explain
) -> None:
    found: dict[tuple[Segment, Segment], list[str]] = {}
    try:
        weeks = paint(here or ()), paint(there or ())
    except ValueError as error:
        result.differing.add(key)
        result.findings.append(
            Finding(PRICES, entity, show_key(key), None, None, None, f"its hours cannot be read: {error}")
        )
        return
    for start, end, mine, its in overlay(*weeks):
        result.compared += mine.fact is not None
        if not _agree(mine, its):
            pair = (mine._replace(start=0, end=0), its._replace(start=0, end=0))
            found.setdefault(pair, []).append(show_span(start, end))
    for (mine, its), spans in found.items():
        cause, is_explained = ("", False)
        if not (mine.is_ambiguous or its.is_ambiguous):
            cause, is_explained = explain(key, mine.fact, its.fact)
        difference = _difference(mine, its)
        if is_explained:
            result.worst_accepted = max(result.worst_accepted, abs(difference or 0))
        else:
            result.worst = max(result.worst, abs(difference or 0))
            result.differing.add(key)
        place = " | ".join(filter(None, [show_key(key), ", ".join(filter(None, spans))]))
        shown = (_shown(mine, currency), _shown(its, currency))
        result.findings.append(Finding(PRICES, entity, place, *shown, difference, cause, not is_explained))


def _weeks(prices: Mapping[Any, PriceFact], variations: Mapping[str, VariationFact]) -> Weeks:
    """Prices by key without window. A size given by its name becomes the item's variations of that name."""
    sizes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, variation in variations.items():
        sizes[variation.item, variation.name].append(key)
    weeks: Weeks = {}
    for priced, fact in prices.items():
        window = priced.window
        base = priced if window == ALWAYS else priced._replace(window=ALWAYS)
        names = sizes.get((_item(priced), priced.size)) if priced.size else None
        for key in [base._replace(size=name) for name in names] if names else [base]:
            weeks.setdefault(key, []).append((window, fact))
    return weeks


def _item(key: Key) -> str:
    return key.item if isinstance(key, PriceKey) else key.edge.item


def _keys(expected: Weeks, actual: Weeks) -> Iterator[Any]:
    """Every key of either side that says something of its own.

    The price on no menu in particular says nothing where either side prices by menu; nor does AuraConnect's price of no
    size or pick in particular where the POS prices only by size or pick.
    """
    by_menu = {key._replace(menu="") for weeks in (expected, actual) for key in weeks if key.menu}
    by_size = {key._replace(size="", sequence=0) for key in expected if key.size or key.sequence}
    for weeks in (expected, actual):
        for key in weeks:
            if weeks is actual and key in expected:
                continue
            if not key.menu and key in by_menu:
                continue
            if weeks is actual and not key.size and not key.sequence and key in by_size:
                continue
            yield key


def _find(weeks: Weeks, key: Any) -> Week | None:
    """The week of the key, or of the next broader key: first fewer channels, then menus, picks, sizes."""
    found = weeks.get(key)
    if found is not None or not (key.menu or key.size or key.sequence or key.channel):
        return found
    sizes = dict.fromkeys((key.size, ""))
    picks = range(key.sequence, -1, -1)
    menus = dict.fromkeys((key.menu, ""))
    channels = dict.fromkeys((key.channel, ""))
    for size, pick, menu, channel in product(sizes, picks, menus, channels):
        found = weeks.get(key._replace(size=size, sequence=pick, menu=menu, channel=channel))
        if found is not None:
            return found
    return None


def _agree(mine: Segment, its: Segment) -> bool:
    if mine.is_ambiguous or its.is_ambiguous:
        return False
    if mine.fact is None or its.fact is None:
        return mine.fact is its.fact
    return _same(mine.fact, its.fact)


def _same(mine: PriceFact, its: PriceFact) -> bool:
    """Kind and amount, and the unit where the POS's side names one."""
    return mine[:2] == its[:2] and mine.unit in ("", its.unit)


def _difference(mine: Segment, its: Segment) -> int | None:
    if mine.fact is None or its.fact is None or mine.fact.cents is None or its.fact.cents is None:
        return None
    return its.fact.cents - mine.fact.cents


def _shown(segment: Segment, currency: str) -> str | None:
    if segment.is_ambiguous:
        return "several prices at once"
    fact = segment.fact
    if fact is None:
        return None
    if fact.kind == "open":
        return "open"
    amount = "no amount" if fact.cents is None else show(fact.cents, currency)
    return amount if fact.kind == "fixed" else f"{amount} {fact.kind}{' ' + fact.unit if fact.unit else ''}"


def price_column(mine: PriceFact | None, its: PriceFact | None, cents: str) -> str:
    """The column that makes two prices differ: the kind's, the amount's (called ``cents``), or the unit's."""
    if mine is None or its is None or mine.kind != its.kind:
        return "price_type"
    return cents if mine.cents != its.cents else "unit_name"
