"""What an order comes to: Clover's totals, step by step, in whole numbers and rounded half up at each step.

The steps are those of the Clover API reference, section 6.1. Everything is told twice where refunded lines differ:
what the order comes to now, and before refunds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aura_migration.sandbox.clover.orders.model import Disc, Line, Order, Rate, TaxPart

FULL_RATE = 10_000_000
FULL_SHARE = 1_000_000
SEVEN = 10_000_000


def half_up(numerator: int, denominator: int) -> int:
    """A quotient rounded half up to a whole number; below zero, half away from zero."""
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def line_value(line: Line) -> int:
    """A line with its modifiers and before its discounts."""
    value = line.price if line.unit_qty is None else half_up(line.price * line.unit_qty, 1000)
    for mod in line.mods:
        value += mod.cents
    return value


def reduction(value: int, discounts: Sequence[Disc]) -> int:
    """What discounts take off a value: each percentage of the whole value, and every amount."""
    taken = 0
    for discount in discounts:
        share = discount.share
        taken += half_up(value * share, FULL_SHARE) if share is not None else -(discount.cents or 0)
    return taken


def line_net(line: Line, value: int) -> int:
    """A line of that value after its own discounts."""
    return max(0, value - reduction(value, line.discounts)) if line.discounts else value


def half_even(numerator: int, denominator: int) -> int:
    """A quotient of what is not below zero, rounded to a whole number, halves to the even one."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


@dataclass(slots=True)
class Sum:
    """What a set of lines comes to. `taxes` hold each rate once; `net` is the revenue among `discounted`."""

    value: int = 0
    subtotal: int = 0
    discounted: int = 0
    multiplier: int = SEVEN
    net: int = 0
    other: int = 0
    other_value: int = 0
    taxes: list[TaxPart] = field(default_factory=list)
    tax: int = 0
    charge: int = 0
    fees: int = 0
    extra: int = 0
    total: int = 0


def totals(order: Order, after_refunds: bool = True) -> Sum:
    """What an order comes to, with or without its refunded lines."""
    kept: list[tuple[Line, int]] = []
    charged: list[Line] = []
    found = Sum()
    whole = 0
    refunded = False
    for line in order.lines:
        if line.fee is not None:
            if not (after_refunds and line.refunded):
                found.fees += line.price
                if order.fees_taxed:
                    charged.append(line)
            continue
        if line.exchanged:
            continue
        value = line_value(line)
        net = line_net(line, value)
        whole += net
        if line.refunded and after_refunds:
            refunded = True
            continue
        kept.append((line, net))
        found.subtotal += net
        if line.revenue:
            found.value += value
        else:
            found.other_value += value
            found.other += net
    subtotal = found.subtotal
    taken = _order_discount(order.discounts, subtotal, whole, refunded) if order.discounts else 0
    if taken:
        m = 0 if taken > subtotal else half_up((subtotal - taken) * SEVEN, subtotal) if subtotal else 0
        found.multiplier = m
        found.discounted = half_up(subtotal * m, SEVEN)
        found.other = half_up(found.other * m, SEVEN)
    else:
        found.discounted = subtotal
    found.net = found.discounted - found.other
    if not (order.tax_removed or order.untaxed):
        if order.vat:
            found.taxes = _vat(kept, found.multiplier)
        else:
            found.taxes = _taxes(kept, found.multiplier, charged, half_even if order.tax_half_even else half_up)
        for part in found.taxes:
            found.tax += part.tax
    if order.charge is not None:
        found.charge = half_up(found.discounted * int(order.charge["percentageDecimal"]), FULL_SHARE)
    found.extra = order.delivery_fee or 0
    found.total = found.discounted + found.fees + found.charge + found.extra + (0 if order.vat else found.tax)
    return found


def _order_discount(discounts: Sequence[Disc], subtotal: int, whole: int, refunded: bool) -> int:
    """Percentages of the subtotal, and amounts, which shrink with the lines that were refunded."""
    shares = sum(half_up(subtotal * one.share, FULL_SHARE) for one in discounts if one.share is not None)
    amounts = sum(-(one.cents or 0) for one in discounts if one.share is None)
    if refunded and whole:
        amounts = half_up(amounts * subtotal, whole)
    return shares + amounts


def _taxes(
    kept: list[tuple[Line, int]], m: int, fees: Sequence[Line] = (), rounded: Callable[[int, int], int] = half_up
) -> list[TaxPart]:
    """Taxes on top: each rate by its id, on the sum of its lines, and of those fees whose rates are charged."""
    base: dict[str, int] = {}
    flat: dict[str, int] = {}
    rates: dict[str, Rate] = {}
    for line, net in kept:
        for rate in line.rates:
            key = rate[0]
            if key in rates:
                base[key] += net
            else:
                rates[key] = rate
                base[key] = net
            if rate[2] == 0 and rate[4]:
                flat[key] = flat.get(key, 0) + rate[4]
    extra: dict[str, int] = {}
    for fee in fees:
        for rate in fee.rates:
            rates.setdefault(rate[0], rate)
            extra[rate[0]] = extra.get(rate[0], 0) + fee.price
    found = []
    for key, rate in rates.items():
        own = base.get(key, 0)
        taxable = own if m == SEVEN else half_up(own * m, SEVEN)
        if extra:
            taxable += extra.get(key, 0)
        tax = flat.get(key, 0) if rate[2] == 0 else rounded(taxable * rate[2], FULL_RATE)
        found.append(TaxPart(rate, taxable, tax))
    return found


def _vat(kept: list[tuple[Line, int]], m: int) -> list[TaxPart]:
    """Taxes inside: one rate by its id over all its lines; lines with several rates one by one."""
    single: dict[str, int] = {}
    rates: dict[str, Rate] = {}
    parts: dict[str, list[int]] = {}
    for line, net in kept:
        if len(line.rates) == 1:
            rate = line.rates[0]
            rates[rate.id] = rate
            single[rate.id] = single.get(rate.id, 0) + net
        elif line.rates:
            gross = half_up(net * m, SEVEN)
            bare = half_up(gross * FULL_RATE, FULL_RATE + sum(rate.rate for rate in line.rates))
            for rate in line.rates:
                rates[rate.id] = rate
                held = parts.setdefault(rate.id, [0, 0])
                held[0] += gross
                held[1] += half_up(bare * rate.rate, FULL_RATE)
    found = []
    for key, rate in rates.items():
        taxable, tax = parts.get(key, (0, 0))
        if key in single:
            gross = half_up(single[key] * m, SEVEN)
            taxable += gross
            tax += gross - half_up(gross * FULL_RATE, FULL_RATE + rate.rate)
        found.append(TaxPart(rate, taxable, tax))
    return found


def share_out(
    parts: Sequence[TaxPart], paid: int, total: int, before: Sequence[Sequence[TaxPart]], last: bool
) -> list[TaxPart]:
    """A payment's part of each tax: its share of the total to seven places; the last payment takes what is left."""
    share = half_up(paid * SEVEN, total) if total else SEVEN
    found = []
    for place, part in enumerate(parts):
        if last:
            taxable = part.taxable - sum(one[place].taxable for one in before)
            tax = part.tax - sum(one[place].tax for one in before)
        else:
            taxable, tax = half_up(part.taxable * share, SEVEN), half_up(part.tax * share, SEVEN)
        found.append(TaxPart(part.rate, taxable, tax))
    return found
