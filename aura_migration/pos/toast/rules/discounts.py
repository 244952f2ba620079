"""Discounts as canonical rows. Toast's API shows what is taken off, not which items or times make a discount apply."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from aura_migration.pos.toast.prices import PriceError
from aura_migration.pos.toast.rules.desk import Desk, Raw
from aura_migration.pos.toast.rules.wire import Discount
from aura_migration.pos.toast.rules.words import NAMELESS, RuleError, known, percent

TYPES = {
    "PERCENT": "percentage_discount",
    "OPEN_PERCENT": "percentage_discount",
    "FIXED": "fixed_discount",
    "OPEN_FIXED": "fixed_discount",
    "BOGO": "bogo",
    "FIXED_TOTAL": "bundle_discount",
}
SCOPES = {"CHECK": "check", "ITEM": "line", "BOGO": "line"}
PICKS = {"FIRST": "first", "LEAST_EXPENSIVE": "least_expensive", "MOST_EXPENSIVE": "most_expensive"}
OPEN = ("OPEN_PERCENT", "OPEN_FIXED")
TRIGGERS = "Which items have to be bought, and which become cheaper, is not in Toast's API; it has to be entered."
LIMITS = "The times a discount holds, the items it is limited to and who has to approve it are not in Toast's API."

Read = tuple[Discount, Raw, str]


def map_discounts(desk: Desk) -> None:
    """All discounts."""
    found = list(desk.listed("discounts", "pricing_rules", Discount))
    rivals = _rivals(found)
    for place, (discount, raw, record) in enumerate(found):
        key, name = desk.key(discount.guid), discount.name or NAMELESS
        fixed: dict[str, Any] = {"name": name, "priority": 0, "display_order": place, "is_inferred": False}
        try:
            if discount.guid in rivals:
                raise RuleError(f"The code {rivals[discount.guid]!r} is that of another active discount, too.")
            values = _discount(desk, discount)
        except (RuleError, PriceError) as error:
            desk.batch.reject("pricing_rules", key, f"{name}: {error}", record, **fixed)
            continue
        desk.batch.add("pricing_rules", key, raw, record, **fixed, **values)
        desk.notes.add("Discount", "schedule and approval", LIMITS, f"{name} ({discount.guid})")
        if discount.type in ("BOGO", "FIXED_TOTAL"):
            desk.notes.add("Discount", "triggers", TRIGGERS, f"{name} ({discount.guid})")


def _rivals(found: list[Read]) -> dict[str, str]:
    """Active discounts that share a code, with the code."""
    users: dict[str, set[str]] = defaultdict(set)
    for discount, _, _ in found:
        if discount.active is not False:
            for promo in discount.promo_codes or ():
                if promo.code:
                    users[promo.code].add(discount.guid)
    return {guid: code for code, guids in users.items() if len(guids) > 1 for guid in guids}


def _discount(desk: Desk, one: Discount) -> dict[str, Any]:
    kind = known(one.type, TYPES, "The kind of discount")
    scope = known(one.selection_type, SCOPES, "What it is taken off")
    if one.type == "BOGO" and one.selection_type != "BOGO":
        raise RuleError(f"It is a buy-one-get-one discount, and is taken off a {scope}.")
    rate, amount, total = one.percentage, desk.amount(one.amount), desk.amount(one.fixed_total)
    if one.type == "PERCENT" and rate is None:
        raise RuleError("It is a percentage, and says none.")
    if one.type == "FIXED" and amount is None:
        raise RuleError("It is an amount, and says none.")
    if one.type == "FIXED_TOTAL" and total is None:
        raise RuleError("It sells a combination at one price, and says no price.")
    if rate and amount:
        raise RuleError(f"It takes off {rate} % and {one.amount}: only one can hold.")
    if (one.type == "PERCENT" and amount) or (one.type == "FIXED" and rate):
        raise RuleError("Its kind says one thing, its figure another.")
    if total and one.type != "FIXED_TOTAL":
        raise RuleError("It names the price of a combination, and is none.")
    if (amount or 0) < 0 or (total or 0) < 0:
        raise RuleError("Its amount is negative.")
    shown = None if rate is None or one.type in OPEN else percent(rate, "The discount")
    codes = [promo for promo in one.promo_codes or () if promo.code]
    conditions = {
        "promo_codes": [{"code": promo.code, "name": promo.name, "usage": promo.usage_type} for promo in codes]
    }
    return {
        "rule_type": kind,
        "status": "inactive" if one.active is False else "active",
        "scope": scope,
        "discount_percent": shown if one.type in ("PERCENT", "BOGO") else None,
        "discount_cents": amount if one.type in ("FIXED", "BOGO") and not shown else None,
        "fixed_price_cents": total if one.type == "FIXED_TOTAL" else None,
        "is_open_amount": one.type in OPEN,
        "is_automatic": False,
        "is_comp": one.type == "PERCENT" and rate == 100,
        "requires_code": True if codes else None,
        "promo_code": codes[0].code if len(codes) == 1 else None,
        "stackable": one.non_exclusive,
        "picks": None if one.item_picking_priority is None else known(one.item_picking_priority, PICKS, "Which item"),
        "conditions": conditions if codes else None,
    }
