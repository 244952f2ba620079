"""What a Clover order comes to: Clover states little of it, so it is worked out again from lines, discounts and rates.

Section 6.1 of the Clover API reference, step by step; money is rounded half up, away from zero, at each step that says so.
Which state an order is in and what was paid for it does not belong here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

from aura_migration.pos.clover.orders_witness_wire import Charge, Many, Off, Order, Rate
from aura_migration.pos.clover.orders_witness_wire import Line as LineItem
from aura_migration.pos.order_facts import tax_name

T = TypeVar("T")
SEVEN = 10**7
"""Digits of a multiplier, and the scale of tax rates: 1e7 is the whole."""
MILLION = 10**6
CARDS = ("giftcard", "giftcertificate", "giftvoucher")


def half_up(numerator: int, denominator: int) -> int:
    """The integer nearest to a fraction; halves away from zero."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def parts(many: Many[T] | None) -> list[T]:
    """The elements of a collection, none where it was not asked for."""
    return (many.elements or []) if many is not None else []


@dataclass(slots=True)
class Sums:
    """What a set of lines comes to. ``rung`` is by class of line, before every discount."""

    rung: Counter[str] = field(default_factory=Counter)
    discounted: int = 0
    discount: int = 0
    taxes: Counter[str] = field(default_factory=Counter)
    charges: Counter[str] = field(default_factory=Counter)
    total: int = 0

    @property
    def tax(self) -> int:
        """All tax, inside prices or on top."""
        return sum(self.taxes.values())


def line_price(line: LineItem) -> int:
    """Step 1: price by units, and modifications once."""
    price = line.price or 0
    if line.unit_qty is not None:
        price = half_up(price * line.unit_qty, 1000)
    return price + sum(mod.amount or 0 for mod in parts(line.modifications))


def millionths(one: Off | Charge) -> int:
    """A part of the whole, of a million; 0 where an amount is meant."""
    if one.percentage_decimal is not None:
        return one.percentage_decimal
    return round(one.percentage * 10_000) if one.percentage is not None else 0


def _off(whole: int, discounts: Iterable[Off]) -> tuple[int, int]:
    """What percentages (each of the whole) and what amounts take off."""
    percents = amounts = 0
    for one in discounts:
        if one.amount is not None:
            amounts += abs(one.amount)
        else:
            percents += half_up(whole * millionths(one), MILLION)
    return percents, amounts


def _line_net(line: LineItem, price: int) -> int:
    """Step 2: a line's own discounts, at most all of it."""
    discounts = parts(line.discounts)
    return max(0, price - sum(_off(price, discounts))) if discounts else price


def nearest_even(numerator: int, denominator: int) -> int:
    """The integer nearest to a fraction that is not below zero; halves to the even one."""
    return round(Fraction(numerator, denominator))


def cut_off(numerator: int, denominator: int) -> int:
    """The integer below a fraction."""
    return numerator // denominator


def filled_up(numerator: int, denominator: int) -> int:
    """The integer above a fraction."""
    return (numerator + denominator - 1) // denominator


def as_paid(order: Order, lines: list[LineItem], sums: Sums, amount: int, tax: int, *, is_taxable: bool) -> Sums:
    """What an order came to by its payments: they hold ``amount`` and say that ``tax`` is in it.

    The calculator's way is ``sums``. Payments that agree with themselves on another tax were charged another way; which one is
    told by trying those there are. Where none gives that tax, ``sums`` stays.
    """
    if not is_taxable or order.is_vat or order.tax_removed or tax == sums.tax or amount - tax != sums.total - sums.tax:
        return sums
    for charge_fees, rounding in ((True, half_up), (False, nearest_even), (False, cut_off), (False, filled_up)):
        other = work_out(order, lines, is_taxable=True, after_refunds=False, fees_too=charge_fees, rounding=rounding)
        if other.tax == tax:
            return other
    return sums


def work_out(
    order: Order,
    lines: list[LineItem],
    *,
    is_taxable: bool,
    after_refunds: bool,
    fees_too: bool = False,
    rounding: Callable[[int, int], int] = half_up,
) -> Sums:
    """Steps 1 to 10 for an order and all of its lines, with or without those that were refunded since.

    ``fees_too``: order fees bear the rates on their lines, which the calculator never charges; ``rounding``: of each tax.
    """
    found = Sums()
    kept: list[tuple[LineItem, int]] = []
    subtotal = original = 0
    for line in lines:
        if line.is_order_fee:
            name = "auto_gratuity" if line.order_fee_type == "AUTO_GRATUITY" else "service"
            if not (after_refunds and line.refunded):
                found.charges[name] += line.price or 0
            continue
        if line.exchanged:
            continue
        price = line_price(line)
        net = _line_net(line, price)
        original += net
        if after_refunds and line.refunded:
            continue
        kept.append((line, net))
        subtotal += net
        found.rung["sale" if line.is_revenue is not False else _no_revenue(line.name or "")] += price
    percents, amounts = _off(subtotal, parts(order.discounts))
    if subtotal != original and original:
        amounts = half_up(amounts * subtotal, original)
    taken = percents + amounts
    scale = SEVEN
    if taken:
        scale = 0 if taken > subtotal or not subtotal else half_up((subtotal - taken) * SEVEN, subtotal)
    found.discounted = half_up(subtotal * scale, SEVEN)
    found.discount = sum(found.rung.values()) - found.discounted
    if is_taxable and not order.tax_removed:
        fees = [line for line in lines if line.is_order_fee] if fees_too else []
        found.taxes = _vat(kept, scale) if order.is_vat else _added(kept, scale, fees, rounding)
    charge = order.service_charge
    if charge is not None:
        found.charges["service"] += half_up(found.discounted * millionths(charge), MILLION)
    for extra in parts(order.additional_charges):
        computed = half_up(found.discounted * millionths(extra), MILLION)
        amount = extra.amount if extra.amount is not None else computed
        found.charges["delivery" if extra.type == "DELIVERY_FEE" else "service"] += amount
    found.total = found.discounted + sum(found.charges.values()) + (0 if order.is_vat else found.tax)
    return found


def _no_revenue(name: str) -> str:
    """What a line without revenue is: Clover has one mark for gift cards, donations and all else; its name has to tell."""
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    joined = {*words, *(first + second for first, second in pairwise(words))}
    sold = {prefix + thing + plural for prefix in ("", "e") for thing in CARDS for plural in ("", "s")}
    if joined & sold or any("".join(words[n : n + 3]) in sold for n in range(len(words))):
        return "gift_card_load"
    return "donation" if joined & {"donation", "donations", "donate"} else "non_revenue"


def _name(rate: Rate, *, inclusive: bool) -> str:
    percent = None
    if rate.rate:
        whole, fraction = divmod(rate.rate, 100_000)
        percent = f"{whole}.{fraction:05d}".rstrip("0").rstrip(".")
    return tax_name(rate.name or "Tax", percent, inclusive=inclusive)


def _is_flat(rate: Rate) -> bool:
    return not rate.rate and bool(rate.tax_amount)


def _added(
    kept: list[tuple[LineItem, int]], scale: int, fees: list[LineItem], rounding: Callable[[int, int], int]
) -> Counter[str]:
    """Step 6: each rate once on all of its lines; a flat tax once on each line."""
    found: Counter[str] = Counter()
    bases: dict[str, tuple[Rate, int]] = {}
    for line, net in kept:
        for rate in parts(line.tax_rates):
            if _is_flat(rate):
                found[_name(rate, inclusive=False)] += rate.tax_amount or 0
            else:
                held = bases.get(rate.id or "", (rate, 0))
                bases[rate.id or ""] = (held[0], held[1] + net)
    charged: Counter[str] = Counter()
    for fee in fees:
        for rate in parts(fee.tax_rates):
            bases.setdefault(rate.id or "", (rate, 0))
            charged[rate.id or ""] += fee.price or 0
    for key, (rate, base) in bases.items():
        taxable = half_up(base * scale, SEVEN) + charged[key]
        found[_name(rate, inclusive=False)] += rounding(taxable * (rate.rate or 0), SEVEN)
    return found


def _vat(kept: list[tuple[LineItem, int]], scale: int) -> Counter[str]:
    """Step 7: tax out of prices. Lines under one and the same single rate are taken together, others by themselves."""
    found: Counter[str] = Counter()
    single: dict[str, tuple[Rate, int]] = {}
    for line, net in kept:
        rates = [rate for rate in parts(line.tax_rates) if rate.rate]
        if len(rates) == 1:
            held = single.get(rates[0].id or "", (rates[0], 0))
            single[rates[0].id or ""] = (held[0], held[1] + net)
        elif rates:
            price = half_up(net * scale, SEVEN)
            base = half_up(price * SEVEN, SEVEN + sum(rate.rate or 0 for rate in rates))
            for rate in rates:
                found[_name(rate, inclusive=True)] += half_up(base * (rate.rate or 0), SEVEN)
    for rate, gross in single.values():
        taxable = half_up(gross * scale, SEVEN)
        base = half_up(taxable * SEVEN, SEVEN + (rate.rate or 0))
        found[_name(rate, inclusive=True)] += taxable - base
    return found
