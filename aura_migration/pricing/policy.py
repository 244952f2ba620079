"""How a POS calculates, as data: one `Policy` per way of calculating, every choice a field.

The values for each POS are in ``policies``; what each field means is also in ``docs/pricing.md``.
"""

from __future__ import annotations

from enum import StrEnum

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import ChargeBase, Kind, Per, Scope, Value
from aura_migration.pricing.scales import Rounding, Spread


class PercentBase(StrEnum):
    """What a percentage discount is a percentage of."""

    REMAINING = "remaining"
    """What the discounts before it left: percentages compound."""
    SCOPE_START = "scope_start"
    """What was left when the first discount of its scope began: percentages add up."""


class Within(StrEnum):
    """The order of discounts of one group."""

    AS_LISTED = "as_listed"
    ASCENDING = "ascending"
    """The smallest rate or amount first."""
    DESCENDING = "descending"


class Over(StrEnum):
    """Where a discount that covers several lines is calculated."""

    SUM = "sum"
    """Once on the sum of its lines, then shared out."""
    EACH_LINE = "each_line"
    """On each line by itself, the amount of a fixed one too."""


class Exclusive(StrEnum):
    """What a discount that does not combine does to others of its scope (line: on the same line)."""

    IGNORED = "ignored"
    """Nothing: all apply."""
    FIRST = "first"
    """The first that does not combine applies alone."""
    LARGEST = "largest"
    """The one that takes off most by itself applies alone, whichever it is."""


class TaxPlace(StrEnum):
    """Where a tax is rounded."""

    LINE = "line"
    """Each rate on each line."""
    RATE = "rate"
    """Each rate once over the check, then shared out over the lines."""
    CHECK = "check"
    """All rates together once over the check, then shared out over rates and lines."""


class InclusiveMethod(StrEnum):
    """How tax is found inside a price X by rates p … that all are inside it."""

    TAX_OF_PRICE = "tax_of_price"
    """Each tax is X × p / (1 + Σp), rounded."""
    NET_FIRST = "net_first"
    """The price without tax is X / (1 + Σp), rounded; one rate is the rest, several are that price × p, rounded, line by line."""


class AdditiveBase(StrEnum):
    """What a tax on top is a percentage of where the price has another tax inside."""

    PRICE = "price"
    NET = "net"
    """The price without the tax inside, exactly."""
    ROUNDED_NET = "rounded_net"
    """The price without the tax inside in whole minor units."""


class ExemptPrice(StrEnum):
    """What an exempt guest pays for a price with tax inside."""

    KEPT = "kept"
    LESS_TAX = "less_tax"


DiscountGroup = tuple[Scope, Kind]

BY_SCOPE: tuple[DiscountGroup, ...] = (
    (Scope.LINE, Kind.PERCENT),
    (Scope.LINE, Kind.AMOUNT),
    (Scope.CHECK, Kind.PERCENT),
    (Scope.CHECK, Kind.AMOUNT),
)
BY_KIND: tuple[DiscountGroup, ...] = (
    (Scope.LINE, Kind.PERCENT),
    (Scope.CHECK, Kind.PERCENT),
    (Scope.LINE, Kind.AMOUNT),
    (Scope.CHECK, Kind.AMOUNT),
)


class Policy(Value, frozen=True):
    """How a check is calculated. Raises ``BadInput`` for choices that contradict each other."""

    name: str

    # Lines
    line_rounding: Rounding = Rounding.HALF_UP
    parts_rounded_alone: bool = True
    """Item and each modifier are rounded by themselves; otherwise their exact sum is rounded once."""
    modifiers_per: Per = Per.UNIT
    nested_times_parent: bool = True
    """The quantity of a nested modifier is for each one of the modifier above it."""
    refunds_leave_bill: bool = False
    """Refunded lines count no more, and fixed check discounts shrink with what is left."""

    # Discounts
    discount_groups: tuple[DiscountGroup, ...] = BY_SCOPE
    within_group: Within = Within.AS_LISTED
    percent_base: PercentBase = PercentBase.REMAINING
    line_discounts_over: Over = Over.SUM
    check_discounts_over: Over = Over.SUM
    discount_rounding: Rounding = Rounding.HALF_UP
    discounts_reduce_tax: bool | None = True
    """None: as each discount says."""
    exclusive: Exclusive = Exclusive.IGNORED
    spread: Spread = Spread.LARGEST_REMAINDER
    multiplier_digits: int = 0
    """Check discounts become one factor of so many decimals, by which the taxable sum of each rate is multiplied (half up,
    as the factor itself); 0: they are shared out."""

    # Charges
    charge_base: ChargeBase = ChargeBase.NET
    charge_rounding: Rounding = Rounding.HALF_UP
    charges_compound: bool = True
    """A percentage that goes into lines counts those before it."""
    charges_taxable: bool = True
    """False: charges are never taxed, whatever taxes they name."""

    # Taxes
    tax_rounding: Rounding = Rounding.HALF_UP
    tax_place: TaxPlace = TaxPlace.RATE
    table_place: TaxPlace = TaxPlace.RATE
    inclusive_method: InclusiveMethod = InclusiveMethod.TAX_OF_PRICE
    additive_base: AdditiveBase = AdditiveBase.NET
    fixed_tax_per: Per = Per.UNIT
    exempt_price: ExemptPrice = ExemptPrice.KEPT

    # Total
    cash_increment: int = 0
    """The smallest coin in minor units; 0 or 1: cash is not rounded."""
    cash_rounding: Rounding = Rounding.HALF_UP
    gratuity_in_total: bool = True
    rounding_in_total: bool = True
    tip_in_total: bool = False

    def __post_init__(self) -> None:
        if sorted(self.discount_groups) != sorted(BY_SCOPE):
            raise BadInput(
                f"Policy {self.name}: discount_groups must hold each scope and kind once.", "Reorder BY_SCOPE."
            )
        if self.multiplier_digits and [scope for scope, _ in self.discount_groups[:2]] != [Scope.LINE, Scope.LINE]:
            raise BadInput(
                f"Policy {self.name}: a factor for check discounts needs line discounts before them.",
                "Use BY_SCOPE or multiplier_digits=0.",
            )
        if Per.POLICY in (self.modifiers_per, self.fixed_tax_per):
            raise BadInput(f"Policy {self.name}: modifiers_per and fixed_tax_per must decide.", "Choose unit or line.")
        if self.cash_increment < 0 or self.multiplier_digits < 0:
            raise BadInput(f"Policy {self.name}: negative cash_increment or multiplier_digits.", "Use 0 for none.")
