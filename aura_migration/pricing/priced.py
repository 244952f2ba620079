"""What a bill comes to, with every part of it and the exact figure before each rounding.

An amount beside ``numerator`` and ``denominator`` was rounded from their ratio, so that whoever finds a cent can say whether
rounding explains it. All amounts are in minor units.
"""

from __future__ import annotations

from aura_migration.pricing.bill import Value


class PricedDiscount(Value, frozen=True):
    """What a discount took off; `shares` by line of the bill. `is_reduced`: its cap or what was left limited it.

    `is_applied` false: another discount of its scope excluded it.
    """

    id: str
    amount: int
    numerator: int
    denominator: int
    shares: tuple[int, ...]
    is_reduced: bool
    is_applied: bool = True


class PricedCharge(Value, frozen=True):
    """What a charge came to. `base` is what it was a percentage of (rounded down); `shares` by line if it went into lines.

    `tax_added` and `tax_included` are its own; of one that went into lines they are the lines'.
    """

    id: str
    amount: int
    base: int
    numerator: int
    denominator: int
    is_gratuity: bool
    is_applied: bool
    shares: tuple[int, ...] = ()
    tax_added: int = 0
    tax_included: int = 0


class TaxShare(Value, frozen=True):
    """One tax on one line or charge: `line` and `charge` are places in the bill, -1 for the other kind.

    The ratio is the exact tax of this base alone, `amount` its share of the tax as rounded.
    """

    line: int
    charge: int
    base: int
    numerator: int
    denominator: int
    amount: int


class PricedTax(Value, frozen=True):
    """One tax over the check: `amount` from the exact ratio, on `base`; the shares add up to it.

    Where the policy rounds per line the ratio is the exact sum, which the amount need not be the rounding of.
    """

    id: str
    amount: int
    base: int
    numerator: int
    denominator: int
    is_inclusive: bool
    shares: tuple[TaxShare, ...]


class PricedLine(Value, frozen=True):
    """One line: `gross` with modifiers, what the discounts took, charges shared into it, `net` = gross − discounts + charges.

    `total` is net with the taxes on top (`tax_added`); `tax_included` is inside net.
    """

    id: str
    gross: int
    line_discount: int
    check_discount: int
    charge: int
    net: int
    tax_added: int
    tax_included: int
    total: int


class PricedBill(Value, frozen=True):
    """A priced check.

    ``total = subtotal − discount + charge + gratuity + tax_added − tax_removed + rounding``, in which `subtotal` is the sum of
    gross lines, `charge` all charges but gratuities, `tax_removed` the tax that was taken out of prices for an exempt guest, `rounding`
    the rounding to coins. `reported_total` is the figure the POS calls total; `due` is total and tip.
    """

    lines: tuple[PricedLine, ...]
    discounts: tuple[PricedDiscount, ...]
    charges: tuple[PricedCharge, ...]
    taxes: tuple[PricedTax, ...]
    subtotal: int
    discount: int
    charge: int
    gratuity: int
    tax_added: int
    tax_included: int
    tax_removed: int
    rounding: int
    total: int
    reported_total: int
    due: int

    @property
    def net(self) -> int:
        """Lines after discounts, without any charge."""
        return self.subtotal - self.discount

    @property
    def tax(self) -> int:
        """All tax, on top and inside."""
        return self.tax_added + self.tax_included
