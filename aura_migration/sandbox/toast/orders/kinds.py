"""What can be peculiar about an order of a history, by name, and how many of a thousand orders are so."""

from __future__ import annotations

PLAIN = "ordinary"
REFUND_SAME = "refund on the same day"
REFUND_LATER = "refund on a later day"
REFUND_LINES = "refund of one line on a later day"
REFUND_AMOUNT = "refund of an amount without lines"
VOID_ORDER = "order voided"
VOID_NEXT_DAY = "order voided the next day"
VOID_CHECK = "check voided"
VOID_LINE = "line voided"
VOID_PAYMENT = "payment voided and paid anew"
DENIED = "payment denied and paid in cash"
DELETED = "order deleted by a merge"
DELETED_CHECK = "check deleted"
SPLIT_PAYMENT = "split payment"
SPLIT_CHECK = "split checks"
COMP = "comp with reason and approver"
COMP_ALL = "everything comped, total zero"
PERCENT_OFF = "check discount, percent"
AMOUNT_OFF = "check discount, amount"
TWO_OFF = "two check discounts"
LINE_OFF = "line discount, percent"
LINE_AMOUNT = "line discount, amount"
OPEN_OFF = "open discount"
PROMO = "discount by promo code"
BOGO = "two for one"
LOYALTY = "loyalty reward without nonTaxDiscountAmount"
EXEMPT = "tax exempt"
GRATUITY = "auto-gratuity"
PACKAGING = "taxed service charge"
SURCHARGE = "card surcharge"
ROUNDING = "cash rounding"
FUNDRAISING = "fundraising charge"
OLD_CHARGE = "service charge without a category"
GIFT_SELL = "gift card sold"
GIFT_RELOAD = "gift card reloaded"
GIFT_ONLY = "nothing but a gift card"
GIFT_PAY = "gift card redeemed"
HOUSE_PAY = "house account"
HOUSE_BALANCE = "balance of a house account paid"
CUSTOM = "custom tender"
MARKETPLACE = "tax a marketplace remits"
FUTURE = "ordered and paid days before"
GONE = "items and modifiers no longer in the catalog"
WEIGHED = "quantity with a fraction"
TWO_RATES = "two rates on a line"
FIXED_TAX = "fixed tax per item"
POOLED = "tax pooled over lines, fractions of a cent"
INCLUSIVE = "tax included in the price"
INCLUSIVE_OFF = "percent discount on a price with tax"
NESTED = "modifiers of modifiers, pre-modifier, one twice"
REQUEST = "special request and open item"
CASH_TIP = "tip in cash"
TIP_LATER = "tip adjusted the next day"
CHANGED_LATER = "changed days later"
EXCESS = "excess food"
TAB = "tab with a name"
DELIVERED = "delivery with an address"
CURBSIDE = "curbside"
CUSTOM_DINING = "dining option without behavior"

RATES: tuple[tuple[str, int], ...] = (
    (REFUND_SAME, 6), (REFUND_LATER, 6), (REFUND_LINES, 6), (REFUND_AMOUNT, 4), (VOID_ORDER, 5), (VOID_NEXT_DAY, 2),
    (VOID_CHECK, 3), (VOID_LINE, 14), (VOID_PAYMENT, 5), (DENIED, 4), (DELETED, 2), (DELETED_CHECK, 2),
    (SPLIT_PAYMENT, 30), (SPLIT_CHECK, 20), (COMP, 14), (COMP_ALL, 3), (PERCENT_OFF, 45), (AMOUNT_OFF, 12),
    (TWO_OFF, 4), (LINE_OFF, 24), (LINE_AMOUNT, 8), (OPEN_OFF, 6), (PROMO, 5), (BOGO, 5), (LOYALTY, 8), (EXEMPT, 8),
    (GRATUITY, 20), (PACKAGING, 36), (SURCHARGE, 8), (ROUNDING, 8), (FUNDRAISING, 4), (OLD_CHARGE, 3), (GIFT_SELL, 8),
    (GIFT_RELOAD, 4), (GIFT_ONLY, 3), (GIFT_PAY, 14), (HOUSE_PAY, 8), (HOUSE_BALANCE, 3), (CUSTOM, 14),
    (MARKETPLACE, 14), (FUTURE, 8), (GONE, 8), (WEIGHED, 12), (TWO_RATES, 14), (FIXED_TAX, 8), (POOLED, 14),
    (INCLUSIVE, 20), (INCLUSIVE_OFF, 6), (NESTED, 14), (REQUEST, 8), (CASH_TIP, 10), (TIP_LATER, 14),
    (CHANGED_LATER, 16), (EXCESS, 2), (TAB, 10), (DELIVERED, 40), (CURBSIDE, 10), (CUSTOM_DINING, 6),
)  # fmt: skip
ALL = tuple(name for name, _ in RATES)
TABLE: tuple[str, ...] = tuple(name for name, share in RATES for _ in range(share))
TABLE += (PLAIN,) * (1000 - len(TABLE))
STRIDE = 7919
LATER = frozenset((REFUND_LATER, REFUND_LINES, VOID_NEXT_DAY, TIP_LATER, CHANGED_LATER))
"""Kinds that change days after the order was closed."""
ELSEWHERE = frozenset((REFUND_LATER, REFUND_LINES, VOID_NEXT_DAY, FUTURE))
"""Kinds of which something belongs to another business date than the order's."""
LONGEST = 24
"""Days after which nothing more happens to an order by itself."""
BOOKED_AHEAD = 2
"""Days before which a ``FUTURE`` order was placed."""


def kind_of(number: int) -> str:
    """What is peculiar about an ordinary order of that number."""
    return TABLE[number * STRIDE % 1000]


def delay_of(number: int, kind: str) -> int:
    """Days after its close at which an order of such a kind changes once more; 0 for not at all."""
    if kind not in LATER:
        return 0
    return 1 if kind in (VOID_NEXT_DAY, TIP_LATER) else 1 + number % (LONGEST - 4)
