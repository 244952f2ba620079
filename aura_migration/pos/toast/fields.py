"""What becomes of every field of Toast's records: carried over, technical, or lost and in which words.

The generic walker counts what is declared neither mapped nor technical. Rules that cannot be expressed, as opposed to
fields, are noted by the mapping itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Loss
from aura_migration.pos.toast.document import Document, Raw
from aura_migration.pos.toast.paths import TAX_WINDOW

DARK = "AuraConnect has one button colour; the one for light screens is taken, the one for dark screens is not."

COMMON = {
    "name": MAPPED,
    "description": MAPPED,
    "posName": MAPPED,
    "posButtonColorLight": MAPPED,
    "posButtonColorDark": DARK,
    "image": MAPPED,
    "visibility": MAPPED,
    "guid": TECHNICAL,
    "multiLocationId": TECHNICAL,
    "masterId": TECHNICAL,
    "referenceId": TECHNICAL,
}
MENU = {
    **COMMON,
    "availability": MAPPED,
    "menuGroups": MAPPED,
    "image": "AuraConnect's menus have no picture.",
    "highResImage": "AuraConnect's menus have no picture.",
}
MENU_GROUP = {
    **COMMON,
    "menuGroups": MAPPED,
    "menuItems": MAPPED,
    "itemTags": "Tags of a menu group; the tags of its items are carried over.",
}
SELLABLE = {
    **COMMON,
    "kitchenName": MAPPED,
    "images": MAPPED,
    "price": MAPPED,
    "pricingStrategy": MAPPED,
    "pricingRules": MAPPED,
    "salesCategory.name": MAPPED,
    "salesCategory.guid": TECHNICAL,
    "taxInfo": MAPPED,
    "itemTags[].name": MAPPED,
    "itemTags[].guid": TECHNICAL,
    "plu": MAPPED,
    "sku": MAPPED,
    "calories": MAPPED,
    "contentAdvisories.alcohol.containsAlcohol": MAPPED,
    "unitOfMeasure": MAPPED,
    "portions": MAPPED,
    "prepTime": MAPPED,
    "prepStations": MAPPED,
    "modifierGroupReferences": MAPPED,
    "sortOrder": "The order of the listing itself is carried over; this extra sort number is not.",
}
MENU_ITEM = {
    **SELLABLE,
    "isDeferred": MAPPED,
    "isDiscountable": MAPPED,
    "taxInclusion": MAPPED,
    "allergens": MAPPED,
    "eligiblePaymentAssistancePrograms": MAPPED,
    "length": MAPPED,
    "height": MAPPED,
    "width": MAPPED,
    "dimensionUnitOfMeasure": MAPPED,
    "weight": MAPPED,
    "weightUnitOfMeasure": MAPPED,
    "guestCount": MAPPED,
    "catalogProductInfo": MAPPED,
    "isComboParent": MAPPED,
}
MODIFIER_GROUP = {
    **COMMON,
    "image": "AuraConnect's modifier groups have no picture.",
    "pricingStrategy": MAPPED,
    "pricingRules": MAPPED,
    "defaultOptionsChargePrice": MAPPED,
    "defaultOptionsSubstitutionPricing": MAPPED,
    "minSelections": MAPPED,
    "maxSelections": MAPPED,
    "requiredMode": MAPPED,
    "isMultiSelect": MAPPED,
    "preModifierGroupReference": MAPPED,
    "modifierOptionReferences": MAPPED,
}
MODIFIER_OPTION = {
    **SELLABLE,
    "modifierOptionTaxInfo": MAPPED,
    "isDefault": MAPPED,
    "allowsDuplicates": MAPPED,
}
PRE_MODIFIER = {
    "name": MAPPED,
    "fixedPrice": MAPPED,
    "multiplicationFactor": MAPPED,
    "displayMode": MAPPED,
    "chargeAsExtra": MAPPED,
    "posButtonColorLight": MAPPED,
    "posButtonColorDark": DARK,
    "posName": "AuraConnect's pre-modifiers have one name.",
    "plu": "AuraConnect's pre-modifiers have no PLU.",
    "guid": TECHNICAL,
    "multiLocationId": TECHNICAL,
    "masterId": TECHNICAL,
}
TAX_RATE = {
    "guid": TECHNICAL,
    "entityType": TECHNICAL,
    "name": MAPPED,
    "isDefault": MAPPED,
    "rate": MAPPED,
    "type": MAPPED,
    "roundingType": MAPPED,
    "taxTable": MAPPED,
    "conditionalTaxRates": MAPPED,
}
PREP_STATION = {
    "guid": TECHNICAL,
    "entityType": TECHNICAL,
    "name": MAPPED,
    "connectedPrepStations": MAPPED,
    "printingMode": MAPPED,
    "includeWithExpediter": MAPPED,
    "expoRouting": MAPPED,
    "kitchenPrinter": MAPPED,
}
STOCK = {
    "guid": TECHNICAL,
    "multiLocationId": TECHNICAL,
    "versionId": TECHNICAL,
    "itemGuidValidity": TECHNICAL,
    "status": MAPPED,
    "quantity": MAPPED,
}
RESTAURANT = {
    "guid": TECHNICAL,
    "general": MAPPED,
    "general.description": "The description of the restaurant has no place at an AuraConnect location.",
    "general.firstBusinessDate": TECHNICAL,
    "general.managementGroupGuid": TECHNICAL,
    "location": MAPPED,
    "location.phoneCountryCode": TECHNICAL,
    "location.latitude": "The position on the map is found anew from the address.",
    "location.longitude": "The position on the map is found anew from the address.",
    "urls": "Links to web sites and gift-card pages are not carried over.",
    "schedules": MAPPED,
    "delivery": MAPPED,
    "onlineOrdering": MAPPED,
    "prepTimes": MAPPED,
}
SILENT = {
    "dimensionUnitOfMeasure": "NONE",
    "weightUnitOfMeasure": "NONE",
}


def losses(doc: Document, records: Callable[..., Iterable[Raw]]) -> list[Loss]:
    """One line per field without a home; every entity is counted once, however many places it stands in."""
    groups = (doc.group_raw[refs[0]] for refs in doc.group_refs.values())
    options = _once(doc.option_raw[versions[0][1]] for versions in doc.pairs.values())
    pre_modifiers = _once(raw for members in doc.pre_modifiers.values() for _, raw in members)
    counted: tuple[tuple[str, Iterable[Raw], Mapping[str, str]], ...] = (
        ("Menu", (entry.raw for entry in doc.menus.values()), MENU),
        ("MenuGroup", (entry.raw for entry in doc.categories.values()), MENU_GROUP),
        ("MenuItem", (places[0].raw for places in doc.items.values()), MENU_ITEM),
        ("ModifierGroup", groups, MODIFIER_GROUP),
        ("ModifierOption", options, MODIFIER_OPTION),
        ("PreModifier", pre_modifiers, PRE_MODIFIER),
        ("TaxRate", records("config", TAX_WINDOW), TAX_RATE),
        ("PrepStation", records("prep_stations"), PREP_STATION),
        ("Stock", records("stock"), STOCK),
        ("Restaurant", records("restaurant"), RESTAURANT),
    )
    found: list[Loss] = []
    for name, raws, known in counted:
        found.extend(count_losses(raws, name, known, _ident, defaults=SILENT))
    return found


def _ident(raw: Mapping[str, Any]) -> str:
    return str(raw.get("name") or raw.get("guid") or "?")


def _once(raws: Iterable[Raw]) -> Iterator[Raw]:
    seen: set[Any] = set()
    for raw in raws:
        if raw.get("guid") not in seen:
            seen.add(raw.get("guid"))
            yield raw
