"""Service charges, fees and automatic gratuity: what they are counted on, and which go into lines."""

from __future__ import annotations

from collections.abc import Sequence

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, Charge, ChargeBase, Kind
from aura_migration.pricing.discounts import Running
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.priced import PricedCharge
from aura_migration.pricing.scales import RATE, ROUND, share_out


class Charging:
    """The charges of one bill while it is calculated: those before tax, then those after it. Never leaves the engine."""

    def __init__(
        self, bill: Bill, policy: Policy, running: Running, grosses: Sequence[int], sold_net: int | None
    ) -> None:
        self._bill, self._policy, self._running = bill, policy, running
        self._grosses, self._sold_net = grosses, sold_net
        self._rounder = ROUND[policy.charge_rounding]
        self.priced: list[PricedCharge | None] = [None] * len(bill.charges)
        for charge in bill.charges:
            if charge.rate < 0 or charge.amount < 0:
                raise BadInput(f"Charge {charge.id} is negative.", "Give what lowers the bill as a discount.")
            if charge.taxes and policy.charges_taxable and self._base(charge) is ChargeBase.NET_AND_TAX:
                raise BadInput(f"Charge {charge.id} is counted on tax and taxed.", "Name no taxes, or another base.")
            if charge.into_lines and (charge.taxes or self._base(charge) is not ChargeBase.NET):
                raise BadInput(
                    f"Charge {charge.id} goes into the lines.", "Its base is net and its taxes are the lines'."
                )

    def before_tax(self) -> None:
        """Charges into lines (percentages, then amounts), then those that stand by themselves."""
        charges = self._bill.charges
        for kind in (Kind.PERCENT, Kind.AMOUNT):
            start = None if self._policy.charges_compound else list(self._running.remaining)
            for place, charge in enumerate(charges):
                if charge.into_lines and charge.kind is kind:
                    self._into_lines(place, charge, start)
        for place, charge in enumerate(charges):
            if not charge.into_lines and self._base(charge) is not ChargeBase.NET_AND_TAX:
                self.priced[place] = self._alone(charge, *self._of(charge))

    def after_tax(self, tax_added: int) -> None:
        """Charges on the sum with tax."""
        so_far = sum(one.amount for one in self.priced if one is not None and not one.shares) + tax_added
        for place, charge in enumerate(self._bill.charges):
            if self.priced[place] is None:
                numerator, denominator = self._sum(charge, self._running.remaining)
                self.priced[place] = self._alone(charge, numerator + so_far * denominator, denominator)

    def taxable(self) -> list[int]:
        """What of each charge is taxed by itself."""
        if not self._policy.charges_taxable:
            return [0] * len(self.priced)
        return [
            one.amount if one is not None and charge.taxes else 0
            for one, charge in zip(self.priced, self._bill.charges, strict=True)
        ]

    def _base(self, charge: Charge) -> ChargeBase:
        return (
            charge.base
            if charge.base is not None
            else ChargeBase.NET
            if charge.into_lines
            else self._policy.charge_base
        )

    def _places(self, charge: Charge) -> list[int]:
        lines = self._bill.lines
        places = [place for place in self._running.live if lines[place].is_chargeable]
        if charge.lines:
            unknown = set(charge.lines) - {line.id for line in lines}
            if unknown:
                raise BadInput(
                    f"Charge {charge.id} names lines that are not on the bill: {', '.join(sorted(unknown))}.",
                    "Add them.",
                )
            places = [place for place in places if lines[place].id in charge.lines]
        return places

    def _sum(self, charge: Charge, of: Sequence[int]) -> tuple[int, int]:
        return sum(of[place] for place in self._places(charge)), 1

    def _of(self, charge: Charge) -> tuple[int, int]:
        """What the charge is counted on, as a ratio."""
        base, remaining = self._base(charge), self._running.remaining
        if base is ChargeBase.GROSS:
            return self._sum(charge, self._grosses)
        if base is ChargeBase.NET_BEFORE_REFUNDS and self._sold_net is not None:
            return self._sold_net, 1
        if base is not ChargeBase.NET_LESS_INCLUDED_TAX:
            return self._sum(charge, remaining)
        inside = {tax.id: tax.rate for tax in self._bill.taxes if tax.is_inclusive}
        numerator, denominator = 0, 1
        for place in self._places(charge):
            rates = RATE + sum(inside.get(name, 0) for name in self._bill.lines[place].taxes)
            numerator, denominator = numerator * rates + remaining[place] * RATE * denominator, denominator * rates
        return numerator, denominator

    def _applies(self, charge: Charge, numerator: int, denominator: int) -> bool:
        if self._bill.guests < charge.minimum_guests or numerator < charge.minimum_base * denominator:
            return False
        return charge.maximum_base is None or numerator <= charge.maximum_base * denominator

    def _alone(self, charge: Charge, numerator: int, denominator: int) -> PricedCharge:
        base = numerator // denominator
        if not self._applies(charge, numerator, denominator):
            return PricedCharge(charge.id, 0, base, 0, 1, charge.is_gratuity, False)
        if charge.kind is Kind.AMOUNT:
            return PricedCharge(charge.id, charge.amount, base, charge.amount, 1, charge.is_gratuity, True)
        numerator, denominator = numerator * charge.rate, denominator * RATE
        return PricedCharge(
            charge.id, self._rounder(numerator, denominator), base, numerator, denominator, charge.is_gratuity, True
        )

    def _into_lines(self, place: int, charge: Charge, start: Sequence[int] | None) -> None:
        running = self._running
        places = self._places(charge)
        weights = [running.remaining[each] for each in places]
        base = sum(weights) if start is None else sum(start[each] for each in places)
        found = self._alone(charge, base, 1)
        shares = [0] * len(running.remaining)
        if running.into is None:
            running.into = [0] * len(running.remaining)
        for each, share in zip(places, share_out(found.amount, weights, self._policy.spread), strict=True):
            shares[each] = share
            running.remaining[each] += share
            running.taxable[each] += share
            running.into[each] += share
        self.priced[place] = PricedCharge(
            found.id,
            found.amount,
            base,
            found.numerator,
            found.denominator,
            charge.is_gratuity,
            found.is_applied,
            tuple(shares),
        )


def with_tax(charge: PricedCharge, added: int, included: int) -> PricedCharge:
    """The charge with the taxes that were found on it."""
    return PricedCharge(
        charge.id,
        charge.amount,
        charge.base,
        charge.numerator,
        charge.denominator,
        charge.is_gratuity,
        charge.is_applied,
        charge.shares,
        added,
        included,
    )


def to_coins(total: int, policy: Policy) -> int:
    """What rounding the total to the smallest coin adds (or takes, negative)."""
    coin = policy.cash_increment
    return ROUND[policy.cash_rounding](total, coin) * coin - total if coin > 1 else 0
