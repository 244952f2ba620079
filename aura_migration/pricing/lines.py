"""What lines come to before discounts: item, variation, modifiers."""

from __future__ import annotations

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import BillLine, BillModifier, Per
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.scales import QUANTITY, RATE, ROUND, Rounder

_PART = QUANTITY * QUANTITY * RATE
"""Denominator of a part: quantity of the line × quantity of the modifier × factor of the pre-modifier."""


def gross(line: BillLine, policy: Policy) -> int:
    """The line before discounts, with its modifiers. Raises ``BadInput`` when it comes to less than nothing."""
    price = line.unit_price if line.variation_price is None else line.variation_price
    quantity = line.quantity
    if quantity == QUANTITY and price >= 0 and not line.modifiers:
        return price  # nothing to multiply or to add: whatever is rounded how
    rounder = ROUND[policy.line_rounding]
    if price < 0 or quantity < 0:
        raise BadInput(f"Line {line.id} has a negative price or quantity.", "Give returns and refunds as such.")
    if policy.parts_rounded_alone:
        total = price if quantity == QUANTITY else rounder(price * quantity, QUANTITY)
        for modifier in line.modifiers:
            total += _rounded_modifier(modifier, quantity, QUANTITY, policy, rounder)
    else:
        exact = price * quantity * QUANTITY * RATE
        for modifier in line.modifiers:
            exact += _exact_modifier(modifier, quantity, QUANTITY, policy)
        total = -1 if exact < 0 else rounder(exact, _PART)
    if total < 0:
        raise BadInput(f"Line {line.id} comes to less than nothing with its modifiers.", "Check the modifiers' prices.")
    return total


def _rounded_modifier(modifier: BillModifier, of_line: int, above: int, policy: Policy, rounder: Rounder) -> int:
    """A modifier and what is nested in it, each rounded by itself. `above` is the quantity of the modifier above it."""
    quantity = modifier.quantity
    if above != QUANTITY or modifier.nested:
        total = 0
        exact_quantity = quantity * above
        if exact_quantity % QUANTITY:
            raise BadInput(f"Modifier {modifier.id} has a quantity finer than 1e-6.", "Round its quantity.")
        quantity = exact_quantity // QUANTITY
        below = quantity if policy.nested_times_parent else QUANTITY
        for nested in modifier.nested:
            total += _rounded_modifier(nested, of_line, below, policy, rounder)
    else:
        total = 0
    price = modifier.price if modifier.fixed_price is None else modifier.fixed_price
    per = modifier.per if modifier.per is not Per.POLICY else policy.modifiers_per
    times = of_line if per is Per.UNIT else QUANTITY
    if modifier.factor == RATE or modifier.fixed_price is not None:
        if quantity == QUANTITY:
            if times == QUANTITY:
                return total + price
            exact, denominator = price * times, QUANTITY
        else:
            exact, denominator = price * times * quantity, QUANTITY * QUANTITY
    else:
        exact, denominator = price * times * quantity * modifier.factor, _PART
    return total + (rounder(exact, denominator) if exact >= 0 else -rounder(-exact, denominator))


def _exact_modifier(modifier: BillModifier, of_line: int, above: int, policy: Policy) -> int:
    """A modifier and what is nested in it, exactly, in parts of ``_PART``."""
    exact_quantity = modifier.quantity * above
    if exact_quantity % QUANTITY:
        raise BadInput(f"Modifier {modifier.id} has a quantity finer than 1e-6.", "Round its quantity.")
    quantity = exact_quantity // QUANTITY
    per = modifier.per if modifier.per is not Per.POLICY else policy.modifiers_per
    times = of_line if per is Per.UNIT else QUANTITY
    if modifier.fixed_price is None:
        exact = modifier.price * times * quantity * modifier.factor
    else:
        exact = modifier.fixed_price * times * quantity * RATE
    below = quantity if policy.nested_times_parent else QUANTITY
    for nested in modifier.nested:
        exact += _exact_modifier(nested, of_line, below, policy)
    return exact
