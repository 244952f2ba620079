"""What a basket comes to: the till's own arithmetic, a third reading of how each POS calculates.

Plain baskets only, as guests order them: whole pieces at fixed prices, taxes in percent on top, at most one discount on the
check and one untaxed charge in percent. Exact fractions throughout; each step is rounded as the POS's documentation says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from aura_migration.sandbox.live.menu import Charge, Choice, Discount, Dish, Rate

SEVEN = 10_000_000
Rounder = Callable[[Fraction], int]


def half_up(exact: Fraction) -> int:
    """A half goes up."""
    return int((2 * exact + 1) // 2)


def half_even(exact: Fraction) -> int:
    """A half goes to the even neighbor."""
    return round(exact)


def down(exact: Fraction) -> int:
    """Everything after the point is left out."""
    return int(exact // 1)


def up(exact: Fraction) -> int:
    """The next whole number."""
    return -down(-exact)


ROUNDERS: Mapping[str, Rounder] = {"half_up": half_up, "half_even": half_even, "always_down": down, "always_up": up}
_OF_POLICY: Mapping[str, Rounder] = {"square": half_even, "toast": half_up, "clover": half_up}


@dataclass(frozen=True)
class Entry:
    """One line of a basket. ``cents`` is the price of a piece where it is not the dish's own."""

    dish: Dish
    quantity: int = 1
    choices: tuple[Choice, ...] = ()
    cents: int | None = None

    @property
    def each(self) -> int:
        """The price of a piece without choices."""
        return self.dish.cents if self.cents is None else self.cents

    @property
    def extra(self) -> int:
        """What the choices of all pieces cost."""
        return self.quantity * sum(choice.cents for choice in self.choices)

    @property
    def gross(self) -> int:
        """What the line comes to."""
        return self.quantity * self.each + self.extra


@dataclass(frozen=True)
class Sums:
    """What a basket comes to. Lists run along its entries. ``payable`` is without tips."""

    gross: int
    discount: int
    charge: int
    tax: int
    payable: int
    taxes: Mapping[int, int] = field(default_factory=dict)
    taxable: Mapping[int, int] = field(default_factory=dict)
    exact: Mapping[int, Fraction] = field(default_factory=dict)
    line_discount: Sequence[int] = ()
    line_tax: Sequence[int] = ()


def work_out(
    policy: str,
    entries: Sequence[Entry],
    rates: Mapping[int, Rate],
    discount: Discount | None = None,
    charge: Charge | None = None,
    rounding: str | None = None,
) -> Sums:
    """All sums of a basket by the policy of a POS; ``rounding`` overrides how taxes are rounded."""
    lines = [entry.gross for entry in entries]
    gross = sum(lines)
    taken = _discount(policy, gross, discount)
    shares = share_out(taken, lines)
    left = [line - share for line, share in zip(lines, shares, strict=True)]
    factor = _factor(gross, taken) if policy == "clover" else None
    net = gross - taken if factor is None else half_up(Fraction(gross * factor, SEVEN))
    used = dict.fromkeys(rate for entry in entries for rate in entry.dish.rates)
    taxes: dict[int, int] = {}
    taxable: dict[int, int] = {}
    exact: dict[int, Fraction] = {}
    line_tax = [0] * len(lines)
    for number in used:
        rate = rates[number]
        covered = [place for place, entry in enumerate(entries) if number in entry.dish.rates]
        if factor is None:
            base = sum(left[place] for place in covered)
        else:
            base = half_up(Fraction(sum(lines[place] for place in covered) * factor, SEVEN))
        exact[number] = base * Fraction(rate.percent) / 100
        rounder = ROUNDERS.get(rounding or rate.rounding or "", _OF_POLICY[policy])
        taxes[number], taxable[number] = rounder(exact[number]), base
        for place, cents in zip(covered, share_out(taxes[number], [left[p] for p in covered]), strict=True):
            line_tax[place] += cents
    tax = sum(taxes.values())
    charged = 0
    if charge is not None:
        whole = (gross if policy == "toast" else net) * Fraction(charge.percent) / 100
        charged = half_up(whole) if policy == "clover" else half_even(whole)
    return Sums(gross, gross - net, charged, tax, net + charged + tax, taxes, taxable, exact, shares, line_tax)


def _discount(policy: str, gross: int, discount: Discount | None) -> int:
    if discount is None:
        return 0
    if discount.percent is None:
        return min(discount.cents or 0, gross)
    rounder = half_up if policy == "clover" else half_even
    return min(gross, rounder(gross * Fraction(Decimal(discount.percent)) / 100))


def _factor(gross: int, taken: int) -> int:
    """What is left of each cent, in ten millionths: how a discount on a check reaches taxes at Clover."""
    return half_up(Fraction((gross - taken) * SEVEN, gross)) if gross else SEVEN


def share_out(whole: int, weights: Sequence[int]) -> list[int]:
    """Whole cents in proportion, what is left to the largest remainders, the earlier first."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    shares = [whole * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: -(whole * weights[place] % total))
    for place in order[: whole - sum(shares)]:
        shares[place] += 1
    return shares
