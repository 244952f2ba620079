"""Arithmetic of an order: rounding of tax, the share of a discount, tax inside a price. Integer cents throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from aura_migration.sandbox.toast.orders.model import Tax
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.sheet import AppliedDiscount, AppliedTax, Selection

MILLION = 1_000_000
SHARE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax as a line pays it; ``millionths`` of the price, or ``fixed`` cents an item."""

    guid: str
    name: str
    rate: float | None
    millionths: int
    rounding: str
    kind: str = "PERCENT"
    fixed: int = 0
    facilitated: bool = False


def rate_of(tax: Tax, behavior: str) -> Rate:
    """A percent tax as orders of that behavior pay it."""
    rate = tax.rate_for(behavior)
    return Rate(tax.guid, tax.name, float(rate), int(rate * MILLION), tax.rounding)


def rounded(amount: int, unit: int, how: str) -> int:
    """``amount / unit`` as a whole number; ``amount`` is not negative."""
    whole, rest = divmod(amount, unit)
    if how == "ALWAYS_DOWN" or not rest:
        return whole
    if how == "ALWAYS_UP":
        return whole + 1
    if how == "HALF_EVEN" and rest * 2 == unit:
        return whole + (whole & 1)
    return whole + (rest * 2 >= unit)


def percent(cents: int, hundredths: int) -> int:
    """A percentage (in hundredths of a percent) of an amount; half a cent goes to the even one."""
    return rounded(cents * hundredths, 10_000, "HALF_EVEN")


@dataclass(slots=True)
class Row:
    """A line while its sums are made. ``gross``: what the guest is asked for before discounts, with an included tax."""

    line: Selection
    gross: int
    rates: Sequence[Rate] = ()
    included: bool = False
    off: int = 0
    share: int = 0
    units: int = 1
    pooled: bool = False
    kept: list[AppliedDiscount] = field(default_factory=list)

    def net(self, cents: int) -> int:
        """An amount without the tax in it."""
        if not self.included or not self.rates:
            return cents
        return rounded(cents * MILLION, MILLION + self.rates[0].millionths, "HALF_UP")


def spread(rows: Sequence[Row], cents: int) -> None:
    """A check's discount over its lines by what they cost after their own; the dearest line takes the odd cents."""
    left = {place: row.gross - row.off - row.share for place, row in enumerate(rows)}
    base = sum(left.values())
    if base <= 0 or cents <= 0:
        return
    shares = {place: rounded(cents * amount, base, "HALF_UP") for place, amount in left.items()}
    dearest = max(left, key=lambda place: left[place])
    shares[dearest] += cents - sum(shares.values())
    for place, share in shares.items():
        rows[place].share += share


def settle(row: Row, exempt: bool, family: Family) -> None:
    """Price and taxes of a line from its gross amount, discounts and rates; ``family`` gives the guids."""
    line = row.line
    after = row.gross - row.off - row.share
    line.pre = row.net(row.gross)
    line.price = row.net(after)
    if exempt or line.deferred:
        return
    if row.included:
        for rate in row.rates:
            line.taxes.append(applied(rate, after - line.price, family))
        return
    for rate in row.rates:
        if rate.kind == "FIXED":
            cents = rate.fixed * row.units
        else:
            cents = rounded(line.price * rate.millionths, MILLION, rate.rounding)
        line.taxes.append(applied(rate, cents, family))


def is_same_pooled(rows: Sequence[Row]) -> bool:
    """Whether a rate comes to the same cents line by line and on the sum: no check shows both ways of a restaurant."""
    rate = rows[0].rates[0]
    base = sum(row.line.price for row in rows)
    return rounded(base * rate.millionths, MILLION, rate.rounding) == sum(row.line.tax for row in rows)


def pool(rows: Sequence[Row], family: Family) -> None:
    """One rate over several lines: worked out once for their sum, then spread over them with fractions of a cent."""
    rate = rows[0].rates[0]
    base = sum(row.line.price for row in rows)
    whole = rounded(base * rate.millionths, MILLION, rate.rounding)
    left = Decimal(whole)
    for row in rows:
        last = row is rows[-1]
        share = left if last else (Decimal(whole) * row.line.price / max(1, base)).quantize(SHARE)
        left -= share
        row.line.taxes = [applied(rate, share, family)]


def applied(rate: Rate, cents: int | Decimal, family: Family) -> AppliedTax:
    """A tax on a line."""
    where = "MN" if rate.facilitated else None
    return AppliedTax(family.next(), rate.guid, rate.name, rate.rate, cents, rate.kind, rate.facilitated, where)
