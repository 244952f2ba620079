"""How Square works out an order (Square API reference, section 12): exact integers, half to even, largest remainder.

Nothing here knows JSON, ids or the catalog; nothing outside the sandbox is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from aura_migration.sandbox.square.orders.model import (
    BY_AMOUNT,
    BY_PERCENT,
    E5,
    PERCENT,
    SUBTOTAL,
    ChargeUse,
    DiscountUse,
    Line,
    TaxUse,
)


def half_even(over: int, under: int) -> int:
    """`over / under` rounded to a whole number, an exact half to the even neighbor; `under` > 0."""
    whole, rest = divmod(over, under)
    twice = 2 * rest
    return whole + 1 if twice > under or (twice == under and whole & 1) else whole


def half_up(over: int, under: int) -> int:
    """The same, an exact half upwards: what Square does not do."""
    return (2 * over + under) // (2 * under)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Floor shares in proportion, left-over cents to the largest remainders, ties to the earlier."""
    whole = sum(weights)
    if not total or not whole:
        return [0] * len(weights)
    if len(weights) == 1:
        return [total]
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    if left:
        order = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
        for place in order[:left]:
            shares[place] += 1
    return shares


class Sums:
    """Every sum of a sale but its tips and its cash rounding. Lists run along the order's lines, discounts, taxes and
    charges; `*_parts` of a line are (place in the order's list, cents)."""

    __slots__ = (
        "charge",
        "charge_applied",
        "charge_parts",
        "charge_tax_parts",
        "charge_taxes",
        "charge_totals",
        "discount",
        "discount_applied",
        "discount_parts",
        "gross",
        "included",
        "mods",
        "tax",
        "tax_applied",
        "tax_parts",
        "taxable",
        "total",
        "totals",
        "variation",
    )

    variation: list[int]
    mods: list[list[int]]
    gross: list[int]
    discount: list[int]
    discount_parts: list[list[tuple[int, int]]]
    discount_applied: list[int]
    tax: list[int]
    included: list[int]
    tax_parts: list[list[tuple[int, int]]]
    tax_applied: list[int]
    taxable: list[int]
    charge: list[int]
    charge_parts: list[list[tuple[int, int]]]
    charge_applied: list[int]
    charge_taxes: list[int]
    charge_tax_parts: list[list[tuple[int, int]]]
    charge_totals: list[int]
    totals: list[int]
    total: int


def _group(discount: DiscountUse) -> int:
    return (0 if discount.by_percent else 2) + (discount.lines is None)


def work_out(
    lines: Sequence[Line],
    taxes: Sequence[TaxUse],
    discounts: Sequence[DiscountUse],
    charges: Sequence[ChargeUse],
) -> Sums:
    """All sums of a sale. `gross` is without inclusive tax (as in the US) and with apportioned charges."""
    sums, every = Sums(), range(len(lines))
    variation: list[int] = []
    mods: list[list[int]] = []
    rem: list[int] = []
    for line in lines:
        qty = line.qty
        if qty % E5:
            base = half_even(line.cents * qty, E5)
            held = [half_even(mod.cents * mod.qty * qty, E5) for mod in line.mods]
        else:
            times = qty // E5
            base = line.cents * times
            held = [mod.cents * mod.qty * times for mod in line.mods]
        variation.append(base)
        mods.append(held)
        rem.append(base + sum(held))
    full = list(rem)
    basis = list(rem)
    sums.variation, sums.mods = variation, mods

    sums.discount = [0] * len(lines)
    sums.discount_parts = [[] for _ in lines]
    sums.discount_applied = [0] * len(discounts)
    for place in sorted(range(len(discounts)), key=lambda held: _group(discounts[held])) if discounts else ():
        _discount(sums, place, discounts[place], rem, basis, every)

    sums.charge = [0] * len(lines)
    sums.charge_parts = [[] for _ in lines]
    sums.charge_applied = [0] * len(charges)
    for phase in (BY_PERCENT, BY_AMOUNT) if charges else ():
        for place, charge in enumerate(charges):
            if charge.phase != phase:
                continue
            whole = half_even(sum(rem) * charge.rate, PERCENT) if charge.cents is None else charge.cents
            shares = apportion(whole, rem)
            sums.charge_applied[place] = whole
            for at, cents in enumerate(shares):
                sums.charge_parts[at].append((place, cents))
                sums.charge[at] += cents
                rem[at] += cents
                basis[at] += cents
    below = sum(rem)
    subtotal = 0
    for place, charge in enumerate(charges):
        if charge.phase == SUBTOTAL:
            amount = half_even(below * charge.rate, PERCENT) if charge.cents is None else charge.cents
            sums.charge_applied[place] = amount
            subtotal += amount

    _taxes(sums, lines, taxes, charges, basis)
    additive = sum(sums.tax) - sum(sums.included) + sum(sums.charge_taxes)
    sums.charge_totals = []
    total = below + subtotal + additive
    base = total
    for place, charge in enumerate(charges):
        if not charge.apportioned and charge.phase != SUBTOTAL:
            amount = half_even(base * charge.rate, PERCENT) if charge.cents is None else charge.cents
            sums.charge_applied[place] = amount
            total += amount
        sums.charge_totals.append(sums.charge_applied[place] + sums.charge_taxes[place])
    sums.gross = [full[line] + sums.charge[line] - sums.included[line] for line in every]
    sums.totals = [sums.gross[line] - sums.discount[line] + sums.tax[line] for line in every]
    sums.total = total
    return sums


def _discount(
    sums: Sums, place: int, discount: DiscountUse, rem: list[int], basis: list[int], every: Sequence[int]
) -> None:
    covered = every if discount.lines is None else discount.lines
    left = sum(rem[line] for line in covered)
    if discount.cents is None:
        amount = half_even(left * discount.rate, PERCENT)
        if discount.cap is not None:
            amount = min(amount, discount.cap)
    else:
        amount = min(discount.cents, left)
    shares = apportion(amount, [rem[line] for line in covered])
    sums.discount_applied[place] = sum(shares)
    for line, cents in zip(covered, shares, strict=True):
        rem[line] -= cents
        if not discount.keeps_basis:
            basis[line] -= cents
        sums.discount[line] += cents
        sums.discount_parts[line].append((place, cents))


def _taxes(
    sums: Sums, lines: Sequence[Line], taxes: Sequence[TaxUse], charges: Sequence[ChargeUse], basis: list[int]
) -> None:
    sums.tax = [0] * len(lines)
    sums.included = [0] * len(lines)
    sums.tax_parts = [[] for _ in lines]
    sums.tax_applied = [0] * len(taxes)
    sums.taxable = [0] * len(taxes)
    sums.charge_taxes = [0] * len(charges)
    sums.charge_tax_parts = [[] for _ in charges]
    for place, tax in enumerate(taxes):
        if not tax.inclusive:
            continue
        covered = [line for line, held in enumerate(lines) if place in held.taxes]
        rates = [sum(taxes[other].rate for other in lines[line].taxes if taxes[other].inclusive) for line in covered]
        if len(set(rates)) == 1:
            rounded = half_up if tax.half_up else half_even
            amount = rounded(sum(basis[line] for line in covered) * tax.rate, PERCENT + rates[0])
        else:
            exact = sum(
                (Fraction(basis[line] * tax.rate, PERCENT + rate) for line, rate in zip(covered, rates, strict=True)),
                Fraction(0),
            )
            amount = round(exact)
        for line, cents in zip(covered, apportion(amount, [basis[line] for line in covered]), strict=True):
            sums.tax[line] += cents
            sums.included[line] += cents
            sums.tax_parts[line].append((place, cents))
        sums.tax_applied[place] = amount
        sums.taxable[place] = sum(basis[line] for line in covered) - amount
    for place, tax in enumerate(taxes):
        if tax.inclusive:
            continue
        covered = [line for line, held in enumerate(lines) if place in held.taxes]
        taxed = [number for number, charge in enumerate(charges) if charge.taxable and place in charge.taxes]
        weights = [basis[line] - sums.included[line] for line in covered]
        weights += [sums.charge_applied[number] for number in taxed]
        whole = sum(weights)
        amount = (half_up if tax.half_up else half_even)(whole * tax.rate, PERCENT)
        shares = apportion(amount, weights)
        for line, cents in zip(covered, shares, strict=False):
            sums.tax[line] += cents
            sums.tax_parts[line].append((place, cents))
        for number, cents in zip(taxed, shares[len(covered) :], strict=True):
            sums.charge_taxes[number] += cents
            sums.charge_tax_parts[number].append((place, cents))
        sums.tax_applied[place] = amount
        sums.taxable[place] = whole
