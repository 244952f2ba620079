"""What a bill comes to, in exact fractions, written from the definitions in docs/pricing.md and from nothing of the engine.

Slow and plain on purpose. Knows bills whose lines all count and whose charges and taxes are percentages or amounts; returns
the amount of each discount, charge and tax by id, and the total.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from aura_migration.pricing.bill import Bill, BillLine, BillModifier
from aura_migration.pricing.policy import Policy

Rounded = Callable[[Fraction], int]


ROUNDED: dict[str, Rounded] = {
    "half_up": lambda value: math.floor(value + Fraction(1, 2)),
    "half_even": round,
    "down": math.floor,
    "up": math.ceil,
}


def rounded(value: Fraction, how: str) -> int:
    """Away from or towards zero alike on both sides of it."""
    return ROUNDED[how](value) if value >= 0 else -ROUNDED[how](-value)


def shared(total: int, weights: Sequence[Fraction], how: str) -> list[int]:
    """A whole in proportion to weights."""
    whole = sum(weights)
    if not whole:
        weights, whole = [Fraction(1)] * len(weights), Fraction(len(weights))
    if how == "cumulative":
        ends = [
            math.floor(total * Fraction(sum(weights[: n + 1])) / whole + Fraction(1, 2)) for n in range(len(weights))
        ]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]
    exact = [total * Fraction(weight) / whole for weight in weights]
    shares = [math.floor(each) for each in exact]
    by_fraction = sorted(range(len(exact)), key=lambda n: (shares[n] - exact[n], n))
    for n in by_fraction[: total - sum(shares)]:
        shares[n] += 1
    return shares


def line_gross(line: BillLine, policy: Policy) -> int:
    quantity = Fraction(line.quantity, 10**6)
    price = line.unit_price if line.variation_price is None else line.variation_price
    parts = [price * quantity]

    def add(modifier: BillModifier, above: Fraction) -> None:
        count = Fraction(modifier.quantity, 10**6) * above
        each = (
            modifier.price * Fraction(modifier.factor, 10**8)
            if modifier.fixed_price is None
            else Fraction(modifier.fixed_price)
        )
        per = policy.modifiers_per if modifier.per == "policy" else modifier.per
        parts.append(each * count * (quantity if per == "unit" else 1))
        for nested in modifier.nested:
            add(nested, count if policy.nested_times_parent else Fraction(1))

    for modifier in line.modifiers:
        add(modifier, Fraction(1))
    if policy.parts_rounded_alone:
        return sum(rounded(part, policy.line_rounding) for part in parts)
    return rounded(Fraction(sum(parts)), policy.line_rounding)


class Oracle:
    """A bill, priced."""

    def __init__(self, bill: Bill, policy: Policy) -> None:
        self.bill, self.policy = bill, policy
        self.places = range(len(bill.lines))
        self.gross = [line_gross(line, policy) for line in bill.lines]
        self.left = list(self.gross)
        self.taxed = list(self.gross)
        self.discounts: dict[str, int] = {}
        self.charges: dict[str, int] = {}
        self.taxes: dict[str, int] = {}
        self.tax_shares: dict[str, list[int]] = {}
        self._factor = Fraction(1)
        self._taxed_before = self.taxed
        self._discount()
        self._charge()
        self._tax()
        inside = {tax.id for tax in bill.taxes if tax.is_inclusive}
        self.total = sum(self.left) + sum(self.charges.values()) - sum(
            self.charges[one.id] for one in bill.charges if one.into_lines
        ) + sum(amount for name, amount in self.taxes.items() if name not in inside)  # fmt: skip

    def _discount(self) -> None:
        policy = self.policy
        begun: dict[str, list[int]] = {}
        for scope, kind in policy.discount_groups:
            if scope not in begun:
                begun[scope] = list(self.left)
                if scope == "check":
                    self._taxed_before = list(self.taxed)
            group = [one for one in self.bill.discounts if (one.scope, one.kind) == (scope, kind)]
            size = "rate" if kind == "percent" else "amount"
            if policy.within_group == "ascending":
                group = sorted(group, key=lambda one: getattr(one, size))
            elif policy.within_group == "descending":
                group = sorted(group, key=lambda one: -getattr(one, size))
            for one in group:
                on = [p for p in self.places if scope == "check" or one.id in self.bill.lines[p].discounts]
                left = [self.left[p] for p in on]
                base = left if policy.percent_base == "remaining" else [begun[scope][p] for p in on]
                rate = Fraction(one.rate, 10**8)
                over = policy.check_discounts_over if scope == "check" else policy.line_discounts_over
                if over == "each_line":
                    wants = [
                        rounded(b * rate, policy.discount_rounding) if kind == "percent" else one.amount for b in base
                    ]
                    shares = [min(want, most) for want, most in zip(wants, left, strict=True)]
                    if one.cap is not None and sum(shares) > one.cap:
                        shares = shared(one.cap, [Fraction(s) for s in shares], policy.spread)
                else:
                    want = rounded(sum(base) * rate, policy.discount_rounding) if kind == "percent" else one.amount
                    most = [want, sum(left)] + ([] if one.cap is None else [one.cap])
                    shares = shared(min(most), [Fraction(each) for each in left], policy.spread)
                self.discounts[one.id] = sum(shares)
                for p, share in zip(on, shares, strict=True):
                    self.left[p] -= share
                    if one.reduces_tax if policy.discounts_reduce_tax is None else policy.discounts_reduce_tax:
                        self.taxed[p] -= share
        start = sum(begun["check"])
        if policy.multiplier_digits and start:
            scale = 10**policy.multiplier_digits
            self._factor = Fraction(rounded(Fraction(sum(self.left) * scale, start), "half_up"), scale)

    def _charge(self) -> None:
        policy = self.policy
        for kind in ("percent", "amount"):
            for one in self.bill.charges:
                if one.into_lines and one.kind == kind:
                    amount = one.amount
                    if kind == "percent":
                        amount = rounded(sum(self.left) * Fraction(one.rate, 10**8), policy.charge_rounding)
                    self.charges[one.id] = amount
                    for p, share in enumerate(shared(amount, [Fraction(each) for each in self.left], policy.spread)):
                        self.left[p] += share
                        self.taxed[p] += share
        for one in self.bill.charges:
            if not one.into_lines:
                base = sum(self.gross) if (one.base or policy.charge_base) == "gross" else sum(self.left)
                part = rounded(base * Fraction(one.rate, 10**8), policy.charge_rounding)
                self.charges[one.id] = part if one.kind == "percent" else one.amount

    def _tax(self) -> None:
        policy, bill = self.policy, self.bill
        rates = {tax.id: Fraction(tax.rate, 10**8) for tax in bill.taxes}
        inside_names = {tax.id for tax in bill.taxes if tax.is_inclusive}
        things = [(line.taxes, self.taxed[p]) for p, line in enumerate(bill.lines)]
        before = list(self._taxed_before)
        if policy.charges_taxable:
            things += [(one.taxes, self.charges[one.id]) for one in bill.charges]
        inside = [sum((rates[name] for name in names if name in inside_names), Fraction(0)) for names, _ in things]
        included = [0] * len(things)

        def amount_on(where: Sequence[int]) -> int:
            """What those are taxed on together."""
            if not policy.multiplier_digits:
                return sum(things[n][1] for n in where)
            lines = rounded(sum(before[n] for n in where if n < len(before)) * self._factor, "half_up")
            return lines + sum(things[n][1] for n in where if n >= len(before))

        def exact(name: str, where: Sequence[int]) -> Fraction:
            value = Fraction(0)
            for part in sorted({inside[n] for n in where}):
                mine = [n for n in where if inside[n] == part]
                base = (
                    Fraction(amount_on(mine))
                    if len(where) > 1 or policy.tax_place != "line"
                    else Fraction(things[mine[0]][1])
                )
                if name in inside_names or policy.additive_base == "net":
                    base /= 1 + part
                elif policy.additive_base == "rounded_net":
                    base -= sum(included[n] for n in mine)
                value += base * rates[name]
            return value

        def weight(name: str, n: int) -> Fraction:
            """The exact tax of one line or charge alone, by which a tax is shared out."""
            base = Fraction(things[n][1])
            if name in inside_names or policy.additive_base == "net":
                base /= 1 + inside[n]
            elif policy.additive_base == "rounded_net":
                base -= included[n]
            return base * rates[name]

        def mode(name: str) -> str:
            return next(tax.rounding for tax in bill.taxes if tax.id == name) or policy.tax_rounding

        for names in (
            [tax.id for tax in bill.taxes if tax.is_inclusive],
            [tax.id for tax in bill.taxes if not tax.is_inclusive],
        ):
            covered = {name: [n for n, (own, _) in enumerate(things) if name in own] for name in names}
            if names and names[0] in inside_names and policy.inclusive_method == "net_first":
                amounts = {
                    name: self._net_first(name, covered[name], rates, inside, amount_on, things, mode(name))
                    for name in names
                }
            elif policy.tax_place == "check":
                parts = [exact(name, covered[name]) for name in names]
                pooled = rounded(Fraction(sum(parts)), policy.tax_rounding)
                amounts = {}
                for name, one in zip(names, shared(pooled, parts, policy.spread), strict=True):
                    weights = [weight(name, n) for n in covered[name]]
                    amounts[name] = (one, shared(one, weights, policy.spread) if weights else [])
            else:
                amounts = {}
                for name in names:
                    if policy.tax_place == "line":
                        shares = [rounded(exact(name, [n]), mode(name)) for n in covered[name]]
                        amounts[name] = (sum(shares), shares)
                    else:
                        one = rounded(exact(name, covered[name]), mode(name))
                        weights = [weight(name, n) for n in covered[name]]
                        amounts[name] = (one, shared(one, weights, policy.spread) if weights else [])
            for name in names:
                self.taxes[name], self.tax_shares[name] = amounts[name]
                if name in inside_names:
                    for n, share in zip(covered[name], amounts[name][1], strict=True):
                        included[n] += share

    def _net_first(
        self, name: str, where: Sequence[int], rates: dict[str, Fraction], inside: Sequence[Fraction],
        amount_on: Callable[[Sequence[int]], int], things: Sequence[tuple[tuple[str, ...], int]], how: str,
    ) -> tuple[int, list[int]]:  # fmt: skip
        shares = dict.fromkeys(where, 0)
        alone = [n for n in where if inside[n] == rates[name]]
        by_line = self.policy.tax_place == "line"
        for n in where:
            base = things[n][1] if by_line else amount_on([n])
            net = rounded(base / (1 + inside[n]), how)
            if n not in alone:
                shares[n] = rounded(net * rates[name], how)
            elif by_line:
                shares[n] = base - net
        if alone and not by_line:
            price = amount_on(alone)
            tax = price - rounded(price / (1 + rates[name]), how)
            for n, share in zip(
                alone, shared(tax, [Fraction(things[n][1]) for n in alone], self.policy.spread), strict=True
            ):
                shares[n] = share
        return sum(shares.values()), [shares[n] for n in where]
