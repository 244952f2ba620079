"""What becomes of every field of Toast's rules: carried over, technical, or lost and in which words."""

from __future__ import annotations

from collections.abc import Mapping

from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Loss
from aura_migration.pos.toast.mapping import records
from aura_migration.pos.toast.rules.desk import Desk, Raw

HEAD = {"guid": TECHNICAL, "entityType": TECHNICAL, "externalId": TECHNICAL, "name": MAPPED}
SERVICE_CHARGE = {
    **HEAD,
    "amountType": MAPPED,
    "amount": MAPPED,
    "percent": MAPPED,
    "criteria": MAPPED,
    "gratuity": MAPPED,
    "taxable": MAPPED,
    "applicableTaxes": MAPPED,
    "serviceChargeCalculation": MAPPED,
    "destination": MAPPED,
    "taxInclusive": MAPPED,
    "taxProrated": "Toast can share the tax of a charge out over what was bought; AuraConnect taxes the charge itself.",
}
DISCOUNT = {
    **HEAD,
    "active": MAPPED,
    "type": MAPPED,
    "percentage": MAPPED,
    "amount": MAPPED,
    "selectionType": MAPPED,
    "nonExclusive": MAPPED,
    "itemPickingPriority": MAPPED,
    "fixedTotal": MAPPED,
    "promoCodes": MAPPED,
}
DINING_OPTION = {**HEAD, "behavior": MAPPED, "curbside": MAPPED}
REVENUE_CENTER = {**HEAD, "description": MAPPED}
PLACE = {**HEAD, "revenueCenter": MAPPED, "serviceArea": MAPPED}
UNUSED = {
    "guid": TECHNICAL,
    "entityType": TECHNICAL,
}
WITHHOLDING = {"guid": TECHNICAL, "entityType": TECHNICAL, "enabled": MAPPED, "percentage": MAPPED}
PRICE_GROUP = {
    **UNUSED,
    "name": "Prices by group are in the menu already, resolved for each place; the groups themselves are not kept.",
}
PRINTER = {**UNUSED, "name": "Printers are set up anew in AuraConnect; stations keep the id of theirs."}
DRAWER = {**UNUSED, "printer": "Cash drawers are set up anew in AuraConnect with the printer that opens them."}
DRAWER["name"] = DRAWER["printer"]
LISTS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("serviceCharges", "ServiceCharge", SERVICE_CHARGE),
    ("discounts", "Discount", DISCOUNT),
    ("diningOptions", "DiningOption", DINING_OPTION),
    ("alternatePaymentTypes", "AlternatePaymentType", HEAD),
    ("revenueCenters", "RevenueCenter", REVENUE_CENTER),
    ("serviceAreas", "ServiceArea", PLACE),
    ("tables", "Table", PLACE),
    ("restaurantServices", "RestaurantService", HEAD),
    ("voidReasons", "VoidReason", HEAD),
    ("noSaleReasons", "NoSaleReason", HEAD),
    ("payoutReasons", "PayoutReason", HEAD),
    ("tipWithholding", "TipWithholding", WITHHOLDING),
    ("priceGroups", "PriceGroup", PRICE_GROUP),
    ("printers", "Printer", PRINTER),
    ("cashDrawers", "CashDrawer", DRAWER),
)
SILENT = {"taxProrated": False}


def losses(desk: Desk) -> list[Loss]:
    """One line per field without a home, over all lists of rules."""
    found: list[Loss] = []
    for window, name, known in LISTS:
        raws = [raw for raw in records(desk.reader, "config", window) if isinstance(raw, Mapping)]
        found.extend(count_losses(raws, name, known, _ident, defaults=SILENT))
    return found


def _ident(raw: Raw) -> str:
    return str(raw.get("name") or raw.get("guid") or "?")
