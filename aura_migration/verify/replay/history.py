"""What all orders together show, in the order of time: prices, rates of tax, how rules were used. Explanations stand on it.

A run is a stretch of time in which a value did not change. Runs are kept, not observations: memory does not grow with orders.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from aura_migration.verify.replay.book import base_of
from aura_migration.verify.replay.differ import Outcome
from aura_migration.verify.replay.lines import Judged
from aura_migration.verify.replay.ring import Ringing
from aura_migration.verify.replay.words import Cause

Subject = tuple[str | int | None, ...]
MOST_RUNS = 64
"""More changes than this are no price list; further runs are not kept."""


@dataclass(slots=True)
class Run:
    """A stretch of equal values: `count` observations from one business date to another."""

    value: int
    count: int
    first: str
    last: str


@dataclass(slots=True)
class _Waiting:
    """A line that came again so often since it was noted, last on that day. Holds the line, so that its id stays its own."""

    judged: Judged
    count: int
    last: str


@dataclass(slots=True)
class Pairs:
    """Distinct (item, option) pairs sold, and those that could be rung up each time."""

    sold: set[tuple[int, int]] = field(default_factory=set)
    failed: set[tuple[int, int]] = field(default_factory=set)


class History:
    """Filled order by order, oldest first."""

    def __init__(self) -> None:
        self._prices: dict[Subject, list[Run]] = {}
        self._waiting: dict[int, _Waiting] = {}
        """Lines whose prices stand in the last run of each of their subjects, counted until one of those ends."""
        self.rates: dict[Subject, list[Run]] = {}
        self.pairs = Pairs()
        self.scopes: dict[int, set[str]] = defaultdict(set)
        """By discount rule, the scopes it was given in."""
        self.taxed: dict[str, list[str]] = {}
        """By tax: first and last business date it was charged on, and on how many orders."""
        self.tax_orders: dict[str, int] = defaultdict(int)
        self.borne: dict[tuple[str, int | None], dict[str, int]] = defaultdict(dict)
        """Where the POS states taxes for the check only: by tax and item, the orders of each day that bore it."""
        self._seen: set[tuple[tuple[int, int, bool], ...]] = set()
        self.days: dict[str, int] = defaultdict(int)
        """Orders by business date."""
        self.first = self.last = ""

    def add(self, ringing: Ringing, outcome: Outcome) -> None:
        """Take note of one order."""
        day = ringing.order.day
        if not self.first:
            self.first = day
        self.last = day
        self.days[day] += 1
        waiting = self._waiting
        for judged in ringing.judged:
            held = waiting.get(id(judged))
            if held is not None:
                held.count += 1
                held.last = day
            else:
                self._line(judged, day)
        for given in ringing.given:
            if given.rule is not None:
                self.scopes[given.rule.id].add(given.scope.value)
        if not outcome.taxes:
            return
        ruled = (
            {(each.subject[1], each.charged): each.ruled for each in outcome.found if each.cause is Cause.TAX_RATE}
            if outcome.found
            else {}
        )
        for key, charged in outcome.taxes.items():
            name = key if key[0] == "?" else base_of(key)
            if charged.amount:
                days = self.taxed.get(name)
                if days is None:
                    self.taxed[name] = [day, day]
                else:
                    days[1] = day
                self.tax_orders[name] += 1
                if charged.on_check:
                    self._borne(ringing, outcome, name)
            if charged.rate is not None:
                configured = ruled.get((name, charged.rate), charged.rate) if ruled else charged.rate
                _note(self.rates, (name, configured), charged.rate, day)

    @property
    def prices(self) -> dict[Subject, list[Run]]:
        """By subject, the prices that were asked, in the order of time."""
        self._settle()
        return self._prices

    def _line(self, judged: Judged, day: str) -> None:
        """A line for the first time since a run ended."""
        prices = self._prices
        if any(subject in prices and prices[subject][-1].value != value for subject, value in judged.observed):
            self._settle()
        for subject, value in judged.observed:
            _note(prices, subject, value, day)
        if all(prices[subject][-1].value == value for subject, value in judged.observed):
            self._waiting[id(judged)] = _Waiting(judged, 0, day)
        if judged.pairs and judged.pairs not in self._seen:
            self._seen.add(judged.pairs)
            for item, option, works in judged.pairs:
                (self.pairs.sold if works else self.pairs.failed).add((item, option))

    def _settle(self) -> None:
        """Add what was counted to the runs."""
        for held in self._waiting.values():
            for subject, _ in held.judged.observed if held.count else ():
                run = self._prices[subject][-1]
                run.count += held.count
                run.last = max(run.last, held.last)
        self._waiting.clear()

    def _borne(self, ringing: Ringing, outcome: Outcome, tax: str) -> None:
        without = {
            each.subject[2] for each in outcome.found if each.cause is Cause.TAX_EXTRA and each.subject[1:2] == (tax,) and len(each.subject) > 2
        }  # fmt: skip
        day = ringing.order.day
        items = {
            line.item
            for line, judged in zip(ringing.order.lines or (), ringing.judged, strict=True)
            if line.item not in without and any(base_of(name) == tax for name in judged.taxes)
        }
        for item in items:
            days = self.borne[tax, item]
            days[day] = days.get(day, 0) + 1


def _note(runs: dict[Subject, list[Run]], subject: Subject, value: int, day: str) -> None:
    held = runs.get(subject)
    if held is None:
        runs[subject] = [Run(value, 1, day, day)]
        return
    last = held[-1]
    if last.value == value:
        last.count += 1
        last.last = day
    elif len(held) < MOST_RUNS:
        held.append(Run(value, 1, day, day))
