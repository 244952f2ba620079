"""Which way of calculating the history shows: rates by where and how they are rounded and what they are of, and the open choices
of the POS's arithmetic.

A hypothesis counts when it reproduces every order that can tell it from its rivals. Most orders cannot: cents agree whatever is
rounded how. Those that can are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, TaxKind
from aura_migration.pricing.engine import price
from aura_migration.pricing.plain import AddedTax
from aura_migration.pricing.policies import variants
from aura_migration.pricing.policy import Policy, TaxPlace
from aura_migration.pricing.priced import PricedBill, PricedTax
from aura_migration.pricing.scales import RATE, Rounding
from aura_migration.verify.replay.book import base_of
from aura_migration.verify.replay.differ import Charged, Outcome
from aura_migration.verify.replay.rung import RungOrder

ROUNDINGS = tuple(Rounding)
PLACES = (TaxPlace.RATE, TaxPlace.LINE)
_HALF_UP, _HALF_EVEN, _DOWN, _UP = (
    1 << ROUNDINGS.index(each) for each in (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.DOWN, Rounding.UP)
)
MOST_CASES = 1_000
"""Orders kept to try ways of calculating on, of each kind: those that differ, those that agree and can tell."""
MOST_PARTS = 100_000
"""More bases than this are not remembered."""
MOST_CHANGES = 3
EXAMPLES = 5


class Way(NamedTuple):
    """A way to calculate one tax."""

    rounding: Rounding
    place: TaxPlace
    before_discounts: bool

    def told(self) -> str:
        """In words."""
        words = {
            Rounding.HALF_UP: "half-up",
            Rounding.HALF_EVEN: "half-even",
            Rounding.DOWN: "down",
            Rounding.UP: "up",
        }
        place = "line by line" if self.place is TaxPlace.LINE else "once over the check"
        return f"{words[self.rounding]}, {place}, {'before' if self.before_discounts else 'after'} discounts"


WAYS = tuple(Way(rounding, place, before) for before in (False, True) for place in PLACES for rounding in ROUNDINGS)


@dataclass(slots=True)
class TaxEvidence:
    """What the orders say about one rate: by way of calculating, how many are consistent with it.

    `telling` counts the orders that tell at least two ways apart; `examples` are some of those, as ``(order, day, charged, which ways)``.
    """

    tax: str
    orders: int = 0
    telling: int = 0
    consistent: dict[Way, int] = field(default_factory=dict)
    examples: list[tuple[str, str, int, int]] = field(default_factory=list)
    _masks: dict[int, int] = field(default_factory=dict)

    def add(self, order: RungOrder, charged: int, mask: int) -> None:
        """One order: bit n of the mask says that it is consistent with way n."""
        self.orders += 1
        if mask != ALL_WAYS:
            self.telling += 1
            if mask not in self._masks and len(self.examples) < EXAMPLES * 3:
                self.examples.append((order.number or order.key, order.day, charged, mask))
        self._masks[mask] = self._masks.get(mask, 0) + 1

    def counted(self) -> dict[Way, int]:
        """Consistent orders by way."""
        return {
            way: sum(count for mask, count in self._masks.items() if mask >> number & 1)
            for number, way in enumerate(WAYS)
        }

    def best(self) -> list[Way]:
        """The ways that most orders are consistent with."""
        counts = self.counted()
        top = max(counts.values(), default=0)
        return [way for way, count in counts.items() if count == top]


ALL_WAYS = (1 << len(WAYS)) - 1
HALF = len(WAYS) // 2
"""The ways after discounts; behind them stand the same before discounts."""


@dataclass(slots=True)
class Case:
    """An order whose bill can be priced in other ways."""

    order: RungOrder
    bill: Bill
    charged: Mapping[str, Charged]
    discounts: tuple[int, ...]
    charges: tuple[int, ...]
    total: int

    def fits(self, policy: Policy) -> bool:
        """Whether the policy reproduces discounts, charges, taxes and total to the cent."""
        try:
            priced = price(self.bill, policy)
        except BadInput:
            return False
        if tuple([one.amount for one in priced.discounts]) != self.discounts:
            return False
        if tuple([one.amount for one in priced.charges]) != self.charges:
            return False
        ruled = {tax.id: tax.amount for tax in priced.taxes}
        return all(one.amount == ruled.get(name, 0) for name, one in self.charged.items()) and all(
            not cents or name in self.charged for name, cents in ruled.items()
        )


@dataclass(slots=True)
class Inferred:
    """A policy that the history shows. ``changes`` are the fields in which it departs; each with its value as text.

    `decided` orders differ under the policy as configured and agree under this one; `against` do not agree under it either.
    """

    policy: Policy
    changes: dict[str, Any]
    decided: int
    against: int
    tested: int
    examples: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As a setting ``pricing.policy`` with its evidence, JSON-ready."""
        return {
            "value": {"name": self.policy.name, **self.changes},
            "evidence": {
                "orders_for": self.decided,
                "orders_against": self.against,
                "orders_tested": self.tested,
                "examples": [{"order": number, "day": day} for number, day in self.examples],
            },
        }


def infer_policy(
    cases: Sequence[Case], agreeing: Sequence[Case], policy: Policy, said: Iterable[str] = ()
) -> Inferred | None:
    """The open choices of the policy's POS that reproduce the cases, and all the agreeing orders still; None when there are none.

    Pure: works on any priced bills, wherever they were read. ``said`` are fields that the location's settings state: they are not
    open. Fields are changed one by one while that explains more; a change that breaks an agreeing order is none.
    """
    fixed = set(said)
    left = list(cases)
    changes: dict[str, Any] = {}
    found = policy
    while left and len(changes) < MOST_CHANGES:
        best: tuple[int, str, Any, Policy] | None = None
        for name, value, _ in variants(policy):
            if name in fixed or name in changes:
                continue
            candidate = msgspec.structs.replace(found, **{name: value})
            count = sum(case.fits(candidate) for case in left)
            if (
                count
                and (best is None or count > best[0])
                and all(case.fits(candidate) for case in cases if case not in left)
                and all(case.fits(candidate) for case in agreeing)
            ):
                best = (count, name, value, candidate)
        if best is None:
            break
        _, name, value, found = best
        changes[name] = msgspec.to_builtins(value)
        left = [case for case in left if not case.fits(found)]
    if not changes:
        return None
    decided = [case for case in cases if case.fits(found)]
    examples = [(case.order.number or case.order.key, case.order.day) for case in decided[:EXAMPLES]]
    return Inferred(found, changes, len(decided), len(cases) - len(decided), len(cases) + len(agreeing), examples)


def case_of(outcome: Outcome, discounts: Sequence[int], charges: Sequence[int]) -> Case | None:
    """The order as a case, where it was priced."""
    if outcome.bill is None:
        return None
    return Case(outcome.order, outcome.bill, outcome.taxes, tuple(discounts), tuple(charges), outcome.order.total)


def can_tell(outcome: Outcome) -> bool:
    """Whether another way of calculating the order could give other cents."""
    if outcome.plain is not None:
        if outcome.order.discounts or outcome.order.charges:
            return True
        return any(len(tax.bases) > 1 and sum(tax.bases) * tax.rule.rate % RATE for tax in outcome.plain)
    priced = outcome.priced
    if priced is None:
        return False
    if priced.discounts or priced.charges:
        return True
    return any(tax.numerator % tax.denominator and len(tax.shares) > 1 for tax in priced.taxes)


@dataclass(slots=True)
class _PlainRate:
    """A rate on top of prices."""

    rate: int
    evidence: TaxEvidence
    parts: dict[int, int]
    """By base what `_part` makes of it: past orders are of few prices."""

    def mask(self, bases: list[int], charged: int) -> int:
        """Bits by place and rounding, for amounts that the rate is of."""
        parts = self.parts
        added = 0
        for base in bases:
            part = parts.get(base)
            if part is None:
                part = parts[base] = _part(base * self.rate, RATE)
            added += part
        if len(parts) > MOST_PARTS:
            parts.clear()
        bits = _line_bits(added, charged)
        whole = bits if len(bases) == 1 else _whole_bits(sum(bases) * self.rate, RATE, charged)
        return whole | bits << len(ROUNDINGS)


class BackTest:
    """Tells for each rate which ways of calculating every order is consistent with."""

    def __init__(self) -> None:
        self.rates: dict[str, TaxEvidence] = {}
        self._plain_rates: dict[str, _PlainRate] = {}
        """By name of the rule."""

    def add(self, outcome: Outcome) -> None:
        """One order as priced; those whose taxes the rules do not put on the same lines say nothing."""
        priced = outcome.priced
        if outcome.plain is not None:
            self._plain(outcome, outcome.plain)
            return
        if priced is None or outcome.bill is None:
            return
        has_discount = bool(priced.discount)
        rules = {rule.id: rule for rule in outcome.bill.taxes}
        for tax in priced.taxes:
            rule = rules[tax.id]
            if rule.kind is not TaxKind.PERCENT or tax.is_inclusive or not tax.shares:
                continue
            held = outcome.taxes.get(tax.id)
            charged = 0 if held is None else held.amount
            evidence = self._evidence(tax.id)
            if not tax.numerator % tax.denominator and not has_discount and len(tax.shares) == 1:
                evidence.add(outcome.order, charged, ALL_WAYS if charged == tax.amount else 0)
            else:
                evidence.add(outcome.order, charged, _mask(tax, rule.rate, charged, priced, has_discount))

    def _plain(self, outcome: Outcome, added: Iterable[AddedTax]) -> None:
        """An order that was added up: the exact tax is amounts times rate."""
        for rule, _, bases, before in added:
            if not bases:
                continue
            plain = self._plain_rates.get(rule.id)
            if plain is None:
                plain = self._plain_rates[rule.id] = _PlainRate(rule.rate, self._evidence(rule.id), {})
            held = outcome.taxes.get(rule.id)
            charged = 0 if held is None else held.amount
            mask = plain.mask(bases, charged)
            mask |= (mask if before is bases else plain.mask(before, charged)) << HALF
            plain.evidence.add(outcome.order, charged, mask)

    def _evidence(self, rule: str) -> TaxEvidence:
        name = base_of(rule)
        evidence = self.rates.get(name)
        if evidence is None:
            evidence = self.rates[name] = TaxEvidence(name)
        return evidence


def _mask(tax: PricedTax, rate: int, charged: int, priced: PricedBill, has_discount: bool) -> int:
    mask = fitting_ways(
        tax.numerator, tax.denominator, [(one.numerator, one.denominator) for one in tax.shares], charged
    )
    if not has_discount:
        return mask | mask << HALF
    grosses = [(priced.lines[one.line].gross if one.line >= 0 else one.base) * rate for one in tax.shares]
    before = fitting_ways(sum(grosses), 100_000_000, [(gross, 100_000_000) for gross in grosses], charged)
    return mask | before << HALF


def fitting_ways(numerator: int, denominator: int, shares: Sequence[tuple[int, int]], charged: int) -> int:
    """Bits by place and rounding: the ratio rounded as a whole, or its shares each by itself, comes to what was charged."""
    mask = _whole_bits(numerator, denominator, charged)
    if len(shares) == 1:
        return mask | mask << len(ROUNDINGS)
    # The sum of rounded shares departs from the whole by less than a cent a share.
    if abs(charged * denominator - numerator) >= len(shares) * denominator:
        return mask
    return mask | _line_bits(sum([_part(each, under) for each, under in shares]), charged) << len(ROUNDINGS)


def _part(numerator: int, denominator: int) -> int:
    """A ratio ≥ 0 as counts that can be added up: cents rounded down, whether there is a fraction, whether half-up and half-even
    round it up. The four stand side by side in one integer (`FIELD` bits each), so that one sum adds them all."""
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return whole
    rest += rest
    if rest > denominator:
        return whole | _FRACTION | _UP_HALF | _UP_EVEN
    if rest == denominator:
        return whole | _FRACTION | _UP_HALF | (_UP_EVEN if whole & 1 else 0)
    return whole | _FRACTION


FIELD = 48
_CENTS = (1 << FIELD) - 1
_FRACTION, _UP_HALF, _UP_EVEN = (1 << FIELD * n for n in (1, 2, 3))


def _line_bits(added: int, charged: int) -> int:
    """Which roundings of single shares come to what was charged, from the sum of their parts."""
    off = charged - (added & _CENTS)
    fractions = added >> FIELD & _CENTS
    if not 0 <= off <= fractions:
        return 0
    return (
        (off == (added >> 2 * FIELD & _CENTS)) * _HALF_UP
        | (off == added >> 3 * FIELD) * _HALF_EVEN
        | (off == 0) * _DOWN
        | (off == fractions) * _UP
    )


def _whole_bits(numerator: int, denominator: int, charged: int) -> int:
    """Which roundings of a ratio ≥ 0 come to what was charged. All four follow from one division."""
    whole, rest = divmod(numerator, denominator)
    return _bits(whole, rest, denominator, charged) if whole <= charged <= whole + 1 else 0


def _bits(whole: int, rest: int, under: int, charged: int) -> int:
    """Which roundings of ``whole + rest / under`` come to what was charged."""
    is_up = charged != whole
    if not rest:
        return 0 if is_up else (1 << len(ROUNDINGS)) - 1
    rest += rest
    mask = _UP if is_up else _DOWN
    if (rest >= under) is is_up:
        mask |= _HALF_UP
    if (rest > under or (rest == under and bool(whole & 1))) is is_up:
        mask |= _HALF_EVEN
    return mask
