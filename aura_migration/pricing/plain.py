"""What bills come to whose taxes are plain: percentages on top of prices alone. What nearly every check is.

The figures are those of ``engine.price``, without sharing taxes out to lines: who rings up a hundred thousand past orders asks
for sums. Pure, and held to the engine by property.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aura_migration.pricing.bill import Bill, BillLine, Charge, TaxKind, TaxRule
from aura_migration.pricing.charges import Charging
from aura_migration.pricing.discounts import Running, discount, live_lines
from aura_migration.pricing.lines import gross
from aura_migration.pricing.policy import Policy, TaxPlace
from aura_migration.pricing.scales import RATE, ROUND


class AddedTax(NamedTuple):
    """A plain tax: what it comes to, and what it is of, line by line and charge by charge, in minor units.

    `before` is the same before discounts; where none was taken off it is `bases` itself.
    """

    rule: TaxRule
    amount: int
    bases: list[int]
    before: list[int]


class Added(NamedTuple):
    """What a bill comes to. `charge` is without gratuities; `total` has everything but tips."""

    taxes: list[AddedTax]
    discount: int
    charge: int
    total: int


def is_plain(rule: TaxRule, policy: Policy) -> bool:
    """Whether `plain_tax` can tell what the tax comes to by the policy."""
    return (
        rule.kind is TaxKind.PERCENT
        and not rule.is_inclusive
        and not rule.on_taxes
        and rule.rate >= 0
        and policy.tax_place is not TaxPlace.CHECK
    )


def plain_tax(rule: TaxRule, policy: Policy, bases: Sequence[int]) -> int:
    """What a plain tax comes to on lines of so many minor units (≥ 0) each."""
    rounder = ROUND[rule.rounding or policy.tax_rounding]
    if policy.tax_place is TaxPlace.LINE:
        return sum([rounder(base * rule.rate, RATE) for base in bases])
    return rounder(sum(bases) * rule.rate, RATE)


def add_up(bill: Bill, policy: Policy) -> Added | None:
    """What the bill comes to; None where only the engine can tell (other taxes, lines that do not count, coins, an exempt guest),
    or has to say what is wrong with the bill. Raises ``BadInput`` as the engine does for discounts and charges."""
    lines = bill.lines
    live = live_lines(bill, policy)
    if (
        len(live) != len(lines)
        or policy.multiplier_digits
        or bill.is_tax_exempt
        or (bill.in_cash and policy.cash_increment > 1)
        or not all(is_plain(tax, policy) for tax in bill.taxes)
        or (not bill.discounts and any(line.discounts for line in lines))
    ):
        return None
    places = _places(bill, policy)
    if places is None:
        return None
    grosses = [gross(line, policy) for line in lines]
    running = Running(list(grosses), live)
    subtotal = sum(grosses)
    off = 0
    if bill.discounts:
        discount(bill, policy, running, None)
        off = subtotal - sum(running.remaining)
    charging = None
    if bill.charges:
        charging = Charging(bill, policy, running, grosses, None)
        charging.before_tax()
        alone = charging.taxable()
        running.taxable += alone
        grosses += alone
    taxable = running.taxable
    taxes, tax_added = [], 0
    for tax, covered in zip(bill.taxes, places.values(), strict=True):
        bases = [taxable[place] for place in covered]
        amount = plain_tax(tax, policy, bases)
        tax_added += amount
        taxes.append(AddedTax(tax, amount, bases, [grosses[place] for place in covered] if off else bases))
    charge = gratuity = 0
    if charging is not None:
        charging.after_tax(tax_added)
        for one in charging.priced:
            assert one is not None
            if one.is_gratuity:
                gratuity += one.amount
            else:
                charge += one.amount
    return Added(taxes, off, charge, subtotal - off + charge + gratuity + tax_added)


def _places(bill: Bill, policy: Policy) -> dict[str, list[int]] | None:
    """By tax, the places of the lines that bear it, then those of charges; None where the bill names a tax that it does not have,
    or one twice."""
    places: dict[str, list[int]] = {tax.id: [] for tax in bill.taxes}
    if len(places) != len(bill.taxes):
        return None
    bearing: list[BillLine | Charge] = [*bill.lines, *(bill.charges if policy.charges_taxable else ())]
    for place, one in enumerate(bearing):
        for name in one.taxes:
            covered = places.get(name)
            if covered is None or (covered and covered[-1] == place):
                return None
            covered.append(place)
    return places
