"""Bills of plain lines: no discount, no charge, percentages on top of prices alone. What nearly every check is.

The figures are those of ``engine.price``, without sharing anything out to lines: who rings up a hundred thousand past orders asks
for sums. Pure, and held to the engine by property.
"""

from __future__ import annotations

from collections.abc import Sequence

from aura_migration.pricing.bill import TaxKind, TaxRule
from aura_migration.pricing.policy import Policy, TaxPlace
from aura_migration.pricing.scales import RATE, ROUND


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
