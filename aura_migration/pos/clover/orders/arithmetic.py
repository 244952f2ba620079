"""What an order of Clover comes to: the documented steps of its totals, in whole cents, half up at each step.

Clover sends lines, discounts, rates and one total, no sums. Figures here are before refunds unless asked otherwise: what
was given back is a refund's, the sale stays what it was. Clover API reference, section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aura_migration.pos.clover.orders.wire import AdditionalCharge, Discount, Line, Order, Rate, ServiceCharge

RATE = 10_000_000
"""A tax rate of 100 %."""
SHARE = 1_000_000
"""An exact percentage of 100 %."""
SEVEN = 10_000_000
"""What discounts leave of an order is held to seven places."""


def half_up(numerator: int, denominator: int) -> int:
    """A quotient in whole numbers, halves away from zero. ``denominator`` is positive."""
    if numerator < 0:
        return -((denominator - 2 * numerator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def half_even(numerator: int, denominator: int) -> int:
    """The same with halves to the even number."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def down(numerator: int, denominator: int) -> int:
    """The whole number below."""
    return numerator // denominator


def up(numerator: int, denominator: int) -> int:
    """The whole number above."""
    return -(-numerator // denominator)


Rounded = Callable[[int, int], int]


@dataclass(slots=True)
class Taxed:
    """One tax of an order. ``fees`` are the places of the order fees that bear it, too, each with its part of ``tax``."""

    rate: Rate
    base: int = 0
    flat: int = 0
    taxable: int = 0
    tax: int = 0
    fees: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Priced:
    """One line: what was rung up with modifiers, and what each of its discounts took off."""

    line: Line
    value: int
    modifiers: int
    taken: list[int] = field(default_factory=list)
    net: int = 0


@dataclass(slots=True)
class Figures:
    """What an order comes to. ``lines`` are those that count; ``order_taken`` is per discount of the order."""

    lines: list[Priced] = field(default_factory=list)
    exchanged: list[Priced] = field(default_factory=list)
    fees: list[Line] = field(default_factory=list)
    gross: int = 0
    non_sale: int = 0
    subtotal: int = 0
    discounted: int = 0
    order_taken: list[int] = field(default_factory=list)
    taxes: list[Taxed] = field(default_factory=list)
    tax: int = 0
    service_charge: int = 0
    fee_cents: int = 0
    additional: list[int] = field(default_factory=list)
    fees_taxed: bool = False
    total: int = 0


def price(line: Line) -> Priced:
    """A line by itself: each percentage is of the undiscounted line, and no discount takes it below nothing."""
    value = line.price or 0
    if line.unit_qty is not None:
        value = half_up(value * line.unit_qty, 1000)
    modifiers = 0
    if line.modifications is not None and line.modifications.elements:
        modifiers = sum(one.amount or 0 for one in line.modifications.elements)
        value += modifiers
    priced = Priced(line, value, modifiers, net=value)
    if line.discounts is not None and line.discounts.elements:
        left = max(0, value)
        for discount in line.discounts.elements:
            taken = min(left, taken_off(discount, value))
            priced.taken.append(taken)
            left -= taken
        priced.net = value - sum(priced.taken)
    return priced


def share_of(discount: Discount) -> int | None:
    """The percentage of a discount, 1,000,000 = 100 %; None for an amount. Of two the exact one counts."""
    if discount.percentage_decimal is not None:
        return discount.percentage_decimal
    return None if discount.percentage is None else discount.percentage * 10_000


def taken_off(discount: Discount, value: int) -> int:
    """What a discount takes off a value, positive."""
    share = share_of(discount)
    return half_up(value * share, SHARE) if share is not None else abs(discount.amount or 0)


def charges_of(order: Order) -> Sequence[AdditionalCharge]:
    """The additional charges of an order, wrapped or bare."""
    found = order.additional_charges
    return () if found is None else (found if isinstance(found, list) else found.elements or ())


def charge_share(charge: ServiceCharge) -> int:
    """The percentage of a service charge, 1,000,000 = 100 %."""
    if charge.percentage_decimal is not None:
        return charge.percentage_decimal
    return (charge.percentage or 0) * 10_000


def figures(
    order: Order,
    *,
    untaxed: bool = False,
    refunded: bool = True,
    fees_taxed: bool = False,
    rounded: Rounded = half_up,
) -> Figures:
    """All sums of an order. ``untaxed``: its kind of order carries no tax; ``refunded`` False leaves refunded lines out.

    ``fees_taxed`` and ``rounded`` are not the calculator's ways: taxes also on order fees, by the rates on their lines, and
    another rounding of each tax. See :func:`as_collected`.
    """
    found = Figures(fees_taxed=fees_taxed)
    whole = 0
    for line in (order.line_items.elements if order.line_items is not None else None) or ():
        if line.is_order_fee:
            if refunded or not line.refunded:
                found.fees.append(line)
                found.fee_cents += line.price or 0
            continue
        priced = price(line)
        if line.exchanged:
            found.exchanged.append(priced)
            continue
        whole += priced.net
        if line.refunded and not refunded:
            continue
        found.lines.append(priced)
        found.subtotal += priced.net
        found.gross += priced.value
        if line.is_revenue is False:
            found.non_sale += priced.value
    kept = SEVEN
    found.discounted = found.subtotal
    if order.discounts is not None and order.discounts.elements:
        kept = _discounted(found, order.discounts.elements, whole)
    if not (untaxed or order.tax_removed):
        if order.is_vat:
            found.taxes = _inside(found.lines, kept)
        else:
            found.taxes = _on_top(found.lines, kept, found.fees if fees_taxed else (), rounded)
        found.tax = sum(one.tax for one in found.taxes)
    if order.service_charge is not None:
        found.service_charge = half_up(found.discounted * charge_share(order.service_charge), SHARE)
    for charge in charges_of(order):
        cents = charge.amount
        if cents is None:
            cents = half_up(found.discounted * (charge.percentage_decimal or 0), SHARE)
        found.additional.append(cents)
    found.total = found.discounted + found.fee_cents + found.service_charge + sum(found.additional)
    if not order.is_vat:
        found.total += found.tax
    return found


def as_collected(order: Order, found: Figures, paid: int, tax: int) -> Figures:
    """The figures by which an order was charged, where its payments say that it was not by the calculator's.

    ``paid`` is the sum of the payments that count, ``tax`` the tax they say is in it. Where the two agree with each other and
    not with ``found``, the one other way that comes to exactly this tax is how it was charged: fees taxed as well, or each tax
    rounded half to even, down or up. Where none does, ``found`` stays, and the difference is flagged.
    """
    if order.is_vat or order.tax_removed or tax == found.tax or paid != found.total - found.tax + tax:
        return found
    ways = [figures(order, fees_taxed=True)] if any(fee.tax_rates is not None for fee in found.fees) else []
    ways += [figures(order, rounded=rounded) for rounded in (half_even, down, up)]
    return next((way for way in ways if way.tax == tax), found)


def _discounted(found: Figures, discounts: Sequence[Discount], whole: int) -> int:
    """Take the order's discounts off; answers what is left of each line, in seven places."""
    subtotal = found.subtotal
    for discount in discounts:
        taken = taken_off(discount, subtotal)
        if share_of(discount) is None and whole != subtotal and whole:
            taken = half_up(taken * subtotal, whole)  # an amount shrinks with the lines that were given back
        found.order_taken.append(taken)
    total = sum(found.order_taken)
    if not total:
        return SEVEN
    kept = 0 if total > subtotal or not subtotal else half_up((subtotal - total) * SEVEN, subtotal)
    found.discounted = half_up(subtotal * kept, SEVEN)
    _settle(found.order_taken, subtotal - found.discounted)
    return kept


def _settle(parts: list[int], total: int) -> None:
    """Make parts come to a total, changing the last ones: discounts above what there was, or a cent of rounding."""
    over = sum(parts) - total
    for place in range(len(parts) - 1, -1, -1):
        if not over:
            return
        cut = min(parts[place], over) if over > 0 else over
        parts[place] -= cut
        over -= cut


def _on_top(lines: Sequence[Priced], kept: int, fees: Sequence[Line], rounded: Rounded) -> list[Taxed]:
    """Taxes added to prices: each rate once, by its id, on the sum of its lines, and of ``fees``, which discounts leave alone."""
    taxes: dict[str, Taxed] = {}
    charged: dict[str, list[tuple[int, int]]] = {}
    for place, fee in enumerate(fees):
        for rate in (fee.tax_rates.elements if fee.tax_rates is not None else None) or ():
            taxes.setdefault(rate.id or "", Taxed(rate))
            charged.setdefault(rate.id or "", []).append((place, fee.price or 0))
    for priced in lines:
        rates = priced.line.tax_rates
        for rate in (rates.elements if rates is not None else None) or ():
            one = taxes.get(rate.id or "")
            if one is None:
                one = taxes[rate.id or ""] = Taxed(rate)
            one.base += priced.net
            if not rate.rate:
                one.flat += rate.tax_amount or 0
    found = []
    for key, one in taxes.items():
        one.taxable = one.base if kept == SEVEN else half_up(one.base * kept, SEVEN)
        if one.rate.rate:
            goods = one.taxable
            one.taxable += sum(cents for _, cents in charged.get(key, ()))
            one.tax = rounded(one.taxable * one.rate.rate, RATE)
            _on_fees(one, charged.get(key, []), one.tax - rounded(goods * one.rate.rate, RATE))
        elif one.flat:
            one.tax = one.flat
        else:
            continue  # a marker that says untaxed
        found.append(one)
    return found


def _on_fees(one: Taxed, fees: Sequence[tuple[int, int]], cents: int) -> None:
    """Share out what a tax comes to more because of fees; the last one takes what is left."""
    for number, (place, price) in enumerate(fees, start=1):
        part = min(cents, half_up(price * (one.rate.rate or 0), RATE)) if number < len(fees) else cents
        one.fees.append((place, part))
        cents -= part


def _inside(lines: Sequence[Priced], kept: int) -> list[Taxed]:
    """Taxes inside prices: one rate over all its lines, lines with several rates one by one."""
    taxes: dict[str, Taxed] = {}
    for priced in lines:
        rates = [one for one in (priced.line.tax_rates.elements if priced.line.tax_rates else None) or () if one.rate]
        for rate in rates:
            taxes.setdefault(rate.id or "", Taxed(rate))
        if len(rates) == 1:
            taxes[rates[0].id or ""].base += priced.net
        elif rates:
            gross = half_up(priced.net * kept, SEVEN)
            bare = half_up(gross * RATE, RATE + sum(one.rate or 0 for one in rates))
            for rate in rates:
                one = taxes[rate.id or ""]
                one.taxable += gross
                one.tax += half_up(bare * (rate.rate or 0), RATE)
    for one in taxes.values():
        gross = half_up(one.base * kept, SEVEN)
        one.taxable += gross
        one.tax += gross - half_up(gross * RATE, RATE + (one.rate.rate or 0))
    return list(taxes.values())
