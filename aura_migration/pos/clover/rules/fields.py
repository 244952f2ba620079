"""What becomes of every field of Clover's records of rules: carried over, technical, or without a home, in an owner's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Loss
from aura_migration.pos.clover.fields import ENVELOPE, deleted_loss
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.reading import live, pointed
from aura_migration.pos.clover.wire import is_deleted


def _mapped(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, MAPPED)


DISCOUNT = {**ENVELOPE, **_mapped("name", "amount", "percentage", "percentageDecimal", "type")}
CHARGE = {**ENVELOPE, **_mapped("name", "enabled", "percentage", "percentageDecimal")}
FEE = {
    **ENVELOPE,
    **_mapped("name", "amount", "percentage", "isDefault", "type", "taxRates"),
    "readOnly": TECHNICAL,
    "serviceChargeUuid": TECHNICAL,
    "isHidden": "That the till does not offer the fee by itself is not kept: it can be chosen in AuraConnect.",
}
ORDER_TYPE = {
    **ENVELOPE,
    "isDeleted": TECHNICAL,
    "attributes": TECHNICAL,
    **_mapped("label", "labelKey", "taxable", "isDefault", "isHidden", "fee", "minOrderAmount", "maxOrderAmount"),
    **_mapped("maxRadius", "avgOrderTime", "hoursAvailable", "customerIdMethod", "systemOrderTypeId"),
    **_mapped("filterCategories", "categories", "hours"),
}
TENDER = {
    **ENVELOPE,
    **_mapped("label", "labelKey", "editable", "opensCashDrawer", "supportsTipping", "enabled", "visible"),
    "supportsCashDiscount": MAPPED,
    "instructions": "What the till tells the cashier to do when somebody pays so is not kept.",
}
TIP = {**ENVELOPE, **_mapped("name", "percentage", "flatTip", "amount", "isEnabled")}
HOURS = {
    **ENVELOPE,
    **_mapped("name", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "reference": MAPPED,
}
TAX_RULE = {
    **ENVELOPE,
    **_mapped("name", "orderType", "orderTypes", "orderTypeId", "orderTypeIds"),
    **_mapped("taxRates", "taxRate", "taxRateIds", "taxRateId", "items", "item", "itemIds", "itemId"),
}
LISTED: Mapping[str, Mapping[str, str]] = {
    "discounts": DISCOUNT,
    "order_types": ORDER_TYPE,
    "tenders": TENDER,
    "opening_hours": HOURS,
    "order_fees": FEE,
    "tip_suggestions": TIP,
    "tax_rules": TAX_RULE,
}
"""Source entity to the dispositions of its fields."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"order_fees": {"isHidden": False}}
"""Values that say nothing."""
UPDATES_NOTE = "Hours in which devices must not update themselves are a setting of Clover's devices."


def rule_losses(rows: Rows) -> list[Loss]:
    """Everything of the merchant's rules that has no home, counted over what is live; settings count themselves."""
    found: list[Loss] = []
    for entity, known in LISTED.items():
        found += count_losses(live(rows, entity).values(), entity, known, pointed, defaults=DEFAULTS.get(entity))
        gone = [ident for ident, raw in rows.catalog.rows_of(entity).items() if is_deleted(raw)]
        if gone:
            found.append(deleted_loss(entity, gone))
    charge = rows.catalog.object("default_service_charge", "")
    found += count_losses([charge] if charge else [], "default_service_charge", CHARGE, pointed)
    updates = [
        ident
        for ident, raw in live(rows, "opening_hours").items()
        if (raw.get("reference") or {}).get("type") == "SOFTWARE_UPDATE_EXCLUSION"
    ]
    if updates:
        found.append(Loss("opening_hours", "reference", len(updates), UPDATES_NOTE, tuple(updates[:5])))
    return found
