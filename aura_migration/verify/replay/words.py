"""The words replay answers in: classes, parts, causes, and what each cause means to people.

`Cause` names what of the configuration does not fit the history. `Why` is the closed list of explanations for it; each has
its proof in ``causes.py``. `Skip` is why something cannot be compared at all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from aura_migration.verify import findings

GATE = findings.REPLAY
"""The gate, and the check of the asset."""


class Class(StrEnum):
    """What became of an order."""

    IDENTICAL = "identical"
    EXPLAINED = "explained"
    NOT_COMPARABLE = "not_comparable"
    DIFFERENT = "different"


class Part(StrEnum):
    """What of an order is compared."""

    SELECTION = "selection"
    ITEM_PRICE = "item_price"
    MODIFIER_PRICE = "modifier_price"
    LINE = "line"
    DISCOUNT = "discount"
    CHARGE = "charge"
    TAX = "tax"
    TOTAL = "total"


class Cause(StrEnum):
    """What does not fit."""

    ITEM_PRICE = "item_price"
    MODIFIER_PRICE = "modifier_price"
    NOT_ON_MENU = "not_on_menu"
    NOT_OFFERED = "not_offered"
    MIN_SELECTION = "min_selection"
    MAX_SELECTION = "max_selection"
    LINE_ROUNDING = "line_rounding"
    DISCOUNT_RATE = "discount_rate"
    DISCOUNT_SCOPE = "discount_scope"
    DISCOUNT_SCHEDULE = "discount_schedule"
    DISCOUNT_ROUNDING = "discount_rounding"
    DISCOUNT_MISSING = "discount_missing"
    DISCOUNT_UNKNOWN = "discount_unknown"
    CHARGE_RATE = "charge_rate"
    CHARGE_BASE = "charge_base"
    CHARGE_MISSING = "charge_missing"
    CHARGE_UNKNOWN = "charge_unknown"
    CHARGE_TAXABILITY = "charge_taxability"
    TAX_RATE = "tax_rate"
    TAX_ROUNDING = "tax_rounding"
    TAX_BASE = "tax_base"
    TAX_MISSING = "tax_missing"
    TAX_EXTRA = "tax_extra"
    TAX_INCLUSIVE = "tax_inclusive"
    CASH_ROUNDING = "cash_rounding"
    UNKNOWN = "unknown"


class Why(StrEnum):
    """What explains a difference, given its proof."""

    PRICE_CHANGED = "price_changed"
    MODIFIER_PRICE_CHANGED = "modifier_price_changed"
    RATE_CHANGED = "rate_changed"
    TAX_HOLIDAY = "tax_holiday"
    TAX_EXEMPT = "tax_exempt"
    DISCOUNT_BY_HAND = "discount_by_hand"
    CHARGE_BY_HAND = "charge_by_hand"
    COMP = "comp"
    NO_LONGER_SOLD = "no_longer_sold"
    NO_LONGER_CHARGED = "no_longer_charged"
    ROUNDED_BY_HAND = "rounded_by_hand"
    OPEN_CHOICE = "open_choice"
    CHOICE_NOT_RECORDED = "choice_not_recorded"


class Skip(StrEnum):
    """Why something is not compared."""

    NO_LINES = "no_lines"
    CONTRADICTS_ITSELF = "contradicts_itself"
    NO_CATALOG_ID = "no_catalog_id"
    EXTERNAL_TAX = "external_tax"
    MARKETPLACE_TAX = "marketplace_tax"
    OPEN_POINT = "open_point"
    PRICED_BY_HAND = "priced_by_hand"
    SOLD_TOGETHER = "sold_together"
    UNREADABLE = "unreadable"


SKIPS = {
    Skip.NO_LINES: "the POS holds an amount without lines",
    Skip.CONTRADICTS_ITSELF: "the POS's own figures contradict each other",
    Skip.NO_CATALOG_ID: "a line names no item, and the POS does not say which taxes such a line bears",
    Skip.EXTERNAL_TAX: "a tax was calculated by somebody else",
    Skip.MARKETPLACE_TAX: "a marketplace calculated and remits the tax",
    Skip.OPEN_POINT: "the POS does not document how it calculates this, and the history does not decide it",
    Skip.PRICED_BY_HAND: "a price was typed in by hand where the menu has one",
    Skip.SOLD_TOGETHER: "a discount on items bought together applies by itself; on which units, and when, the POS decides line by line",
    Skip.UNREADABLE: "the order cannot be priced as it stands",
}

WHYS = {
    Why.PRICE_CHANGED: "Every line before a date has one price, every line from then on the configured one; or the POS had that price when an earlier load read it.",
    Why.MODIFIER_PRICE_CHANGED: "Every choice before a date has one price, every one from then on the configured one; or the POS had that price when an earlier load read it.",
    Why.RATE_CHANGED: "The orders state the rate they were taxed by: one before a date, from then on the configured one.",
    Why.TAX_HOLIDAY: "Between two dates nobody was charged the tax on these items; before and after everybody was.",
    Why.TAX_EXEMPT: "The check is marked exempt; the same tax was charged on the orders around it.",
    Why.DISCOUNT_BY_HAND: "The check names the discount and states its percentage or amount, which reproduces the cents.",
    Why.CHARGE_BY_HAND: "The check names the charge and states its percentage or amount, which reproduces the cents.",
    Why.COMP: "Made free by a named discount of 100 %.",
    Why.NO_LONGER_SOLD: "The item or option has left the menu; an archived record stands for it, so its price is not judged, nor a tax that left with it.",
    Why.NO_LONGER_CHARGED: "The check states a rate that AuraConnect does not have, its percentage and what it was charged on, which reproduce the cents; orders after the last such check bear the configured rates.",
    Why.ROUNDED_BY_HAND: "The check states its rounding to coins; more checks paid in cash since then state none, so no rule of the till did it.",
    Why.CHOICE_NOT_RECORDED: "The group has a choice without a price, and other lines before and after hold one.",
    Why.OPEN_CHOICE: "The POS does not document this way of calculating; every order that can tell shows the same one.",
}
"""The closed list, with what proves each."""


AS_STATED = "as stated"
"""What a tax that AuraConnect lacks comes to by the percentage that the check states, where that is what was charged."""


class Found(NamedTuple):
    """One difference of one order. ``cents`` is AuraConnect minus POS; ``why`` is set where the order itself proves it.

    ``subject`` identifies the rule: kind and id. ``charged`` and ``ruled`` are for people and for runs of equal values.
    """

    part: Part
    cause: Cause
    subject: tuple[str | int | None, ...]
    charged: str | int | None
    ruled: str | int | None
    cents: int
    why: Why | None = None
