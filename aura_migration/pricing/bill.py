"""What is to be priced: a check as typed, frozen values, free of any POS.

Money in minor units, rates in 1e-8, quantities in 1e-6 (``scales``). Lines, discounts, charges and taxes refer to each other
by ids that are unique within the bill. Payments do not belong here; a tip is carried beside the bill.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aura_migration.pricing.scales import QUANTITY, RATE, Rounding


class Value(msgspec.Struct, frozen=True, gc=False):
    """Base of all values in here: immutable, comparable, no reference cycles."""


class Per(StrEnum):
    """What a price or an amount is counted for."""

    POLICY = "policy"
    """As the policy says."""
    UNIT = "unit"
    """Each unit of the line: times its quantity."""
    LINE = "line"
    """The line, whatever its quantity."""


class LineState(StrEnum):
    """Whether a line counts."""

    SOLD = "sold"
    REFUNDED = "refunded"
    """Sold, and its money given back: the policy says whether it still counts."""
    VOIDED = "voided"
    """Never counts (also a line that was exchanged for another)."""


class Scope(StrEnum):
    """What a discount works on."""

    LINE = "line"
    """The lines that name it."""
    CHECK = "check"
    """Every line that may be discounted."""


class Kind(StrEnum):
    """How a discount or a charge is stated."""

    PERCENT = "percent"
    AMOUNT = "amount"


class ChargeBase(StrEnum):
    """What a percentage charge is a percentage of; the sum over the lines it counts."""

    GROSS = "gross"
    """Before discounts."""
    NET = "net"
    """After discounts, with charges that were shared into the lines."""
    NET_BEFORE_REFUNDS = "net_before_refunds"
    """After discounts, as if no line had been refunded."""
    NET_LESS_INCLUDED_TAX = "net_less_included_tax"
    """After discounts, without the percentage taxes inside the prices (exactly, not in whole cents)."""
    NET_AND_TAX = "net_and_tax"
    """After discounts, with the charges before it and the taxes on top. Such a charge is never taxed."""


class TaxKind(StrEnum):
    """How a tax is stated."""

    PERCENT = "percent"
    FIXED = "fixed"
    """An amount per unit or line, whatever the line costs."""
    TABLE = "table"
    """An amount read from a table of amounts."""
    GIVEN = "given"
    """An amount for the whole check that somebody else calculated, such as a marketplace."""


class BillModifier(Value, frozen=True):
    """A chosen modifier.

    `price` of one; `quantity` of it; `factor` of a pre-modifier ("extra" is 150_000_000) or `fixed_price`, which replaces the price;
    `per` says whether it counts once or for each unit of its line; `nested` are modifiers of the modifier.
    """

    id: str
    price: int = 0
    quantity: int = QUANTITY
    factor: int = RATE
    fixed_price: int | None = None
    per: Per = Per.POLICY
    nested: tuple[BillModifier, ...] = ()


class BillLine(Value, frozen=True):
    """One line. `unit_price` of the item; `variation_price` of the chosen variation or size, which replaces it.

    `discounts` and `taxes` name those of the bill that work on this line by itself (a discount of scope check needs no
    naming). `is_discountable` false keeps discounts of scope check away (gift cards), `is_chargeable` false keeps the line out of
    what charges are a percentage of.
    """

    id: str
    unit_price: int
    quantity: int = QUANTITY
    variation_price: int | None = None
    modifiers: tuple[BillModifier, ...] = ()
    discounts: tuple[str, ...] = ()
    taxes: tuple[str, ...] = ()
    state: LineState = LineState.SOLD
    is_discountable: bool = True
    is_chargeable: bool = True


class Discount(Value, frozen=True):
    """`rate` when a percentage, `amount` (positive) when not; `cap` is the most a percentage takes off.

    `reduces_tax` false leaves the taxable amount as if the discount were not there, where the policy heeds it. `combines` false
    is a discount that does not stand beside another of its scope, where the policy heeds it.
    """

    id: str
    scope: Scope
    kind: Kind
    rate: int = 0
    amount: int = 0
    cap: int | None = None
    reduces_tax: bool = True
    combines: bool = True


class Charge(Value, frozen=True):
    """A service charge, fee or automatic gratuity. `base` None: as the policy says.

    `into_lines` shares it into the lines before tax, which then is theirs; `lines` restricts it to those (none: all). `taxes`
    name the taxes on a charge that stands by itself. It applies from `minimum_guests` on and while its base is within
    `minimum_base` … `maximum_base`. A gratuity goes to the staff and is neither sale nor tip.
    """

    id: str
    kind: Kind
    rate: int = 0
    amount: int = 0
    base: ChargeBase | None = None
    into_lines: bool = False
    lines: tuple[str, ...] = ()
    taxes: tuple[str, ...] = ()
    is_gratuity: bool = False
    minimum_guests: int = 0
    minimum_base: int = 0
    maximum_base: int | None = None


class TaxTableRow(Value, frozen=True):
    """Taxable amounts from `start` to `end`, both included, pay `tax`. Rows that repeat continue the table beyond its end."""

    start: int
    end: int
    tax: int
    repeats: bool = False


class TaxRule(Value, frozen=True):
    """One tax. `rate` for percentages, `amount` for fixed and given ones, `table` (ascending) for tables.

    `is_inclusive`: inside the price; only a percentage can be. `rounding` None: as the policy says. `on_taxes`: its base contains
    the line's shares of the other additive percentages (tax on tax). `per` is what a fixed amount is counted for.
    """

    id: str
    kind: TaxKind = TaxKind.PERCENT
    rate: int = 0
    amount: int = 0
    table: tuple[TaxTableRow, ...] = ()
    is_inclusive: bool = False
    rounding: Rounding | None = None
    on_taxes: bool = False
    per: Per = Per.POLICY


class Bill(Value, frozen=True):
    """A whole check. `tip` stands outside everything but what is due; `in_cash` lets the policy round the total to coins."""

    lines: tuple[BillLine, ...]
    taxes: tuple[TaxRule, ...] = ()
    discounts: tuple[Discount, ...] = ()
    charges: tuple[Charge, ...] = ()
    guests: int = 0
    tip: int = 0
    in_cash: bool = False
    is_tax_exempt: bool = False


def as_sold(bill: Bill) -> Bill:
    """The bill before anything was refunded."""
    if all(line.state is not LineState.REFUNDED for line in bill.lines):
        return bill
    lines = tuple(
        msgspec.structs.replace(line, state=LineState.SOLD) if line.state is LineState.REFUNDED else line
        for line in bill.lines
    )
    return msgspec.structs.replace(bill, lines=lines)
