"""The closed list of causes of a difference between both systems, and what may become of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aura_migration.verify.replay.words import Cause as Rule


class Cause(StrEnum):
    """Why an order, a payment or a refund differs."""

    BUSINESS_DAY_BOUNDARY = "business_day_boundary"
    TIP_TREATMENT = "tip_treatment"
    GRATUITY_TREATMENT = "gratuity_treatment"
    LATE_VOID = "late_void"
    REFUND_DAY = "refund_day"
    ROUNDING = "rounding"
    CHANNEL_COUNTED_TWICE = "channel_counted_twice"
    UNMAPPED_TENDER = "unmapped_tender"
    UNMAPPED_ITEM = "unmapped_item"
    MISSING_ORDER = "missing_order"
    EXTRA_ORDER = "extra_order"
    TAX_RULE = "tax_rule"
    PRICE_CHANGED = "price_changed"
    DISCOUNT_RULE = "discount_rule"
    CHARGE_RULE = "charge_rule"
    LATE_ORDER = "late_order"
    CLOCK_SKEW = "clock_skew"
    UNKNOWN = "unknown"


SETTLES: Final = frozenset(
    {
        Cause.TIP_TREATMENT,
        Cause.LATE_VOID,
        Cause.REFUND_DAY,
        Cause.LATE_ORDER,
        Cause.MISSING_ORDER,
        Cause.UNMAPPED_TENDER,
        Cause.UNMAPPED_ITEM,
        Cause.PRICE_CHANGED,
    }
)
"""What may settle by itself within the grace time: the POS is read again, a change waits for its approval."""
NEVER_EXPLAINED: Final = frozenset({Cause.MISSING_ORDER, Cause.EXTRA_ORDER, Cause.UNKNOWN})

OF_RULE: Final = {
    Rule.ITEM_PRICE: Cause.PRICE_CHANGED,
    Rule.MODIFIER_PRICE: Cause.PRICE_CHANGED,
    Rule.NOT_ON_MENU: Cause.UNMAPPED_ITEM,
    Rule.NOT_OFFERED: Cause.UNMAPPED_ITEM,
    Rule.MIN_SELECTION: Cause.UNMAPPED_ITEM,
    Rule.MAX_SELECTION: Cause.UNMAPPED_ITEM,
    Rule.LINE_ROUNDING: Cause.ROUNDING,
    Rule.DISCOUNT_RATE: Cause.DISCOUNT_RULE,
    Rule.DISCOUNT_SCOPE: Cause.DISCOUNT_RULE,
    Rule.DISCOUNT_SCHEDULE: Cause.DISCOUNT_RULE,
    Rule.DISCOUNT_ROUNDING: Cause.ROUNDING,
    Rule.DISCOUNT_MISSING: Cause.DISCOUNT_RULE,
    Rule.DISCOUNT_UNKNOWN: Cause.DISCOUNT_RULE,
    Rule.CHARGE_RATE: Cause.CHARGE_RULE,
    Rule.CHARGE_BASE: Cause.CHARGE_RULE,
    Rule.CHARGE_MISSING: Cause.CHARGE_RULE,
    Rule.CHARGE_UNKNOWN: Cause.CHARGE_RULE,
    Rule.CHARGE_TAXABILITY: Cause.TAX_RULE,
    Rule.TAX_RATE: Cause.TAX_RULE,
    Rule.TAX_ROUNDING: Cause.ROUNDING,
    Rule.TAX_BASE: Cause.TAX_RULE,
    Rule.TAX_MISSING: Cause.TAX_RULE,
    Rule.TAX_EXTRA: Cause.TAX_RULE,
    Rule.TAX_INCLUSIVE: Cause.TAX_RULE,
    Rule.CASH_ROUNDING: Cause.ROUNDING,
    Rule.UNKNOWN: Cause.UNKNOWN,
}
"""What a difference of the shadow price (see verify's order replay) is called in a day's judgement."""
