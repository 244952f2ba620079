"""How each POS calculates, and what its documentation leaves open.

A field that the references confirm is not in ``OPEN``. A field in ``OPEN`` holds the likeliest value here, and `variants` yields the
other ways it may be; history decides between them, never this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aura_migration.pricing.bill import ChargeBase, Per
from aura_migration.pricing.policy import (
    BY_KIND,
    BY_SCOPE,
    AdditiveBase,
    ExemptPrice,
    InclusiveMethod,
    Over,
    PercentBase,
    Policy,
    TaxPlace,
    Within,
)
from aura_migration.pricing.scales import Rounding, Spread

SQUARE = Policy(
    name="square",
    line_rounding=Rounding.HALF_EVEN,
    modifiers_per=Per.UNIT,
    discount_groups=BY_KIND,
    within_group=Within.ASCENDING,
    percent_base=PercentBase.REMAINING,
    discount_rounding=Rounding.HALF_EVEN,
    discounts_reduce_tax=None,
    charge_rounding=Rounding.HALF_EVEN,
    tax_rounding=Rounding.HALF_EVEN,
    tax_place=TaxPlace.RATE,
    inclusive_method=InclusiveMethod.TAX_OF_PRICE,
)
"""Square: half to even, each discount and each tax once on the sum of the order, shared out by largest remainder."""

TOAST = Policy(
    name="toast",
    modifiers_per=Per.UNIT,
    discount_groups=BY_SCOPE,
    discount_rounding=Rounding.HALF_EVEN,
    tax_rounding=Rounding.HALF_UP,
    tax_place=TaxPlace.RATE,
    fixed_tax_per=Per.UNIT,
    gratuity_in_total=False,
)
"""Toast: percentage discounts half to even, each tax by its own rounding type once over the check."""

CLOVER = Policy(
    name="clover",
    modifiers_per=Per.LINE,
    refunds_leave_bill=True,
    discount_groups=BY_SCOPE,
    percent_base=PercentBase.SCOPE_START,
    line_discounts_over=Over.EACH_LINE,
    multiplier_digits=7,
    charges_taxable=False,
    tax_place=TaxPlace.RATE,
    inclusive_method=InclusiveMethod.NET_FIRST,
    fixed_tax_per=Per.LINE,
)
"""Clover: half up at each step, percentages add up, check discounts as one factor of seven decimals, charges untaxed."""

POLICIES: Mapping[str, Policy] = {policy.name: policy for policy in (SQUARE, TOAST, CLOVER)}

OPEN: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "square": {
        "line_rounding": (Rounding.HALF_UP, Rounding.DOWN),
        "discount_rounding": (Rounding.DOWN,),
        "charge_rounding": (Rounding.DOWN,),
        "within_group": (Within.AS_LISTED, Within.DESCENDING),
        "line_discounts_over": (Over.EACH_LINE,),
        "check_discounts_over": (Over.EACH_LINE,),
        "percent_base": (PercentBase.SCOPE_START,),
        "spread": (Spread.CUMULATIVE,),
        "charge_base": (ChargeBase.GROSS,),
        "inclusive_method": (InclusiveMethod.NET_FIRST,),
        "additive_base": (AdditiveBase.ROUNDED_NET, AdditiveBase.PRICE),
        "exempt_price": (ExemptPrice.LESS_TAX,),
        "tip_in_total": (True,),
        "rounding_in_total": (False,),
    },
    "toast": {
        "line_rounding": (Rounding.HALF_EVEN,),
        "nested_times_parent": (False,),
        "discount_groups": (BY_KIND,),
        "percent_base": (PercentBase.SCOPE_START,),
        "check_discounts_over": (Over.EACH_LINE,),
        "spread": (Spread.CUMULATIVE,),
        "charge_base": (ChargeBase.GROSS, ChargeBase.NET_LESS_INCLUDED_TAX),
        "charge_rounding": (Rounding.HALF_EVEN,),
        "tax_place": (TaxPlace.LINE,),
        "table_place": (TaxPlace.LINE,),
        "inclusive_method": (InclusiveMethod.NET_FIRST,),
        "additive_base": (AdditiveBase.ROUNDED_NET, AdditiveBase.PRICE),
        "exempt_price": (ExemptPrice.LESS_TAX,),
        "gratuity_in_total": (True,),
    },
    "clover": {
        "tax_place": (TaxPlace.LINE,),
    },
}
"""By policy and field, the other values that the references do not exclude."""


def variants(policy: Policy) -> Iterator[tuple[str, Any, Policy]]:
    """The policy with one open field changed, for each such field and value: ``(field, value, policy)``."""
    for field, values in OPEN.get(policy.name, {}).items():
        for value in values:
            if value != getattr(policy, field):
                yield field, value, msgspec.structs.replace(policy, **{field: value})
