"""What becomes of every field of Clover's records: carried over, technical, or without a home, in an owner's words.

``count_losses`` walks the raw records by these tables; remarks are losses that depend on more than one field, made
where the mapping meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses, loss_of
from aura_migration.canonical.model import Loss

ONLINE = "It belongs to Clover's online ordering and is not carried over."
DEVICE = "It is a setting of Clover's devices; AuraConnect's are set up anew."

ENVELOPE = {
    "id": TECHNICAL,
    "href": TECHNICAL,
    "merchant": TECHNICAL,
    "merchantRef": TECHNICAL,
    "canonical": TECHNICAL,
    "createdTime": TECHNICAL,
    "modifiedTime": TECHNICAL,
    "deletedTime": TECHNICAL,
    "deleted": TECHNICAL,
}


def _mapped(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, MAPPED)


ITEM = {
    **ENVELOPE,
    **_mapped(
        "name",
        "alternateName",
        "code",
        "sku",
        "price",
        "priceType",
        "unitName",
        "cost",
        "hidden",
        "available",
        "autoManage",
        "isRevenue",
        "defaultTaxRates",
        "colorCode",
        "isAgeRestricted",
        "ageRestrictedObj",
        "itemGroup",
        "options",
        "categories",
        "taxRates",
        "modifierGroups",
        "tags",
        "itemStock",
    ),
    "stockCount": TECHNICAL,
    "priceWithoutVat": TECHNICAL,
    "menuItem.id": TECHNICAL,
    "menuItem.name": MAPPED,
    "menuItem.description": MAPPED,
    "menuItem.imageFilename": MAPPED,
    "menuItem.enabled": MAPPED,
    "type": "Clover's kind of business (restaurant, retail …) of an item is not kept.",
    "excludeCashDiscount": MAPPED,
    "markupPrice": "The marked-up price is not kept; the item's own price is.",
}
CATEGORY = {
    **ENVELOPE,
    **_mapped("name", "sortOrder", "colorCode", "items", "parentCategory"),
    "subCategories": TECHNICAL,
    "menuSection": ONLINE,
}
GROUP = {
    **ENVELOPE,
    **_mapped(
        "name",
        "alternateName",
        "minRequired",
        "maxAllowed",
        "showByDefault",
        "sortOrder",
        "modifierIds",
        "modifiers",
        "items",
    ),
    "menuModifierGroup": ONLINE,
}
MODIFIER = {
    **ENVELOPE,
    **_mapped("name", "alternateName", "price", "available", "modifierGroup"),
    "menuModifier": ONLINE,
    "markupPrice": "The marked-up price is not kept; the option's own price is.",
}
TAG = {
    **ENVELOPE,
    **_mapped("name", "items"),
    **{f"printers.elements[].{name}": MAPPED for name in ("id", "name", "model", "type")},
    "printers.elements[].mac": DEVICE,
    "printers.elements[].ipAddress": DEVICE,
    "printers.href": TECHNICAL,
    "showInReporting": "That the label is a line of its own in Clover's reports is not kept.",
}
TAX = {
    **ENVELOPE,
    **_mapped("name", "rate", "isDefault", "taxAmount"),
    "items": TECHNICAL,
    "taxType": "Clover's kind of tax (VAT, marketplace, fees) is not kept; name and rate are.",
}
ITEM_GROUP = {**ENVELOPE, **_mapped("name", "items", "attributes")}
ATTRIBUTE = {**ENVELOPE, **_mapped("name", "itemGroup", "options")}
OPTION = {**ENVELOPE, **_mapped("name", "attribute"), "items": TECHNICAL}
STOCK = {**ENVELOPE, **_mapped("item", "quantity"), "stockCount": TECHNICAL}
ADDRESS = {
    "id": TECHNICAL,
    "href": TECHNICAL,
    **_mapped("address1", "address2", "address3", "city", "state", "zip", "country", "phoneNumber"),
}

LISTED: dict[str, Mapping[str, str]] = {
    "items": ITEM,
    "categories": CATEGORY,
    "modifier_groups": GROUP,
    "modifiers": MODIFIER,
    "tags": TAG,
    "tax_rates": TAX,
    "item_groups": ITEM_GROUP,
    "attributes": ATTRIBUTE,
    "options": OPTION,
}
"""Source entity to the dispositions of its fields."""
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "items": {"type": "REGULAR"},
    "tags": {"showInReporting": False},
}
"""Values that say nothing."""

WHOLE = {
    "devices": f"Devices are not part of the menu. {DEVICE}",
    "roles": "Roles of staff are not part of the menu; they are carried over with the team.",
}
"""Source entities without a home in the menu."""

NOTES = {
    ("items", "open_with_price"): (
        "price",
        "The price is asked for at the register; the amount Clover keeps beside that is not kept.",
    ),
    ("items", "dead_category"): ("categories", "The item names a category that is deleted in Clover."),
    ("items", "dead_group"): ("modifierGroups", "The item names a modifier group that is deleted in Clover."),
    ("items", "dead_tax"): ("taxRates", "The item names a tax rate that is deleted in Clover."),
    ("items", "dead_tag"): ("tags", "The item names a label that is deleted in Clover."),
    ("items", "tax_flag_absent"): (
        "defaultTaxRates",
        "Clover does not say whether the item takes the default taxes; it is taken that it does.",
    ),
    ("items", "image"): (
        "menuItem.imageFilename",
        "Only the file name of the picture is in Clover's interface; it is kept as a custom field, the picture is not.",
    ),
    ("items", "auto_without_stock"): (
        "autoManage",
        "The item shall become unavailable when its stock runs out, but Clover keeps no stock of it.",
    ),
    ("item_stocks", "unknown"): ("item", "Stock of something that is no item (any more)."),
    ("categories", "parent"): (
        "parentCategory",
        "The category above it is deleted, or leads back to the category itself; it is carried over on top.",
    ),
    ("modifier_groups", "no_minimum"): (
        "minRequired",
        "Clover does not say how many options must be chosen; it is taken that none must be.",
    ),
    ("modifier_groups", "no_maximum"): (
        "maxAllowed",
        "Clover does not say how many options may be chosen; it is taken that any number may be.",
    ),
    ("modifier_groups", "limits"): (
        "minRequired",
        "More options must be chosen than may be, or than there are; Clover's numbers are carried over as they are.",
    ),
    ("modifiers", "orphan"): (
        "modifierGroup",
        "The option's group is deleted, so nothing can offer it; it is left out.",
    ),
    ("tax_rates", "no_tax"): (
        "name",
        "Clover's marker for untaxed items is no tax; the items it marks are carried over without a tax.",
    ),
    ("tags", "printers"): (
        "printers",
        "The label prints on several printers; all are named in the station's settings, the first is the station's own.",
    ),
    ("order_types", "dead_category"): (
        "categories",
        "The order type is offered with a category that is deleted in Clover.",
    ),
    ("opening_hours", "item_group"): (
        "reference",
        "The hours are of a group of items; AuraConnect keeps the hours by their name, not which items they are of.",
    ),
    ("merchant", "closeout"): (
        "summaryHour",
        "The hour at which Clover's reporting day ends is proposed as the end of the business day; please confirm it.",
    ),
}
"""(source entity, reason) to the field it concerns and the note; see :class:`Remarks`."""


class Remarks:
    """Losses the mapping meets on its way, collected by reason; each record counts once per reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, None]] = {}

    def note(self, source_entity: str, reason: str, ident: str) -> None:
        """Remember that this record loses something for that reason (one of ``NOTES``)."""
        if (source_entity, reason) not in NOTES:
            raise KeyError(f"no note is written for {source_entity}, {reason}")
        self._found.setdefault((source_entity, reason), {})[ident] = None

    def losses(self) -> list[Loss]:
        """All of them, in a fixed order."""
        found = []
        for (source_entity, reason), idents in sorted(self._found.items()):
            field, note = NOTES[(source_entity, reason)]
            found.append(loss_of(source_entity, field, idents, note))
        return found


def field_losses(entity: str, records: Iterable[Mapping[str, Any]]) -> list[Loss]:
    """Fields without a home of the live records of one source entity."""
    return count_losses(records, entity, LISTED[entity], _ident, defaults=DEFAULTS.get(entity))


def stock_losses(records: Iterable[Mapping[str, Any]]) -> list[Loss]:
    """Fields without a home of stock records."""
    return count_losses(records, "item_stocks", STOCK, lambda record: str(_inner(record, "item").get("id", "")))


def address_losses(record: Mapping[str, Any], ident: str) -> list[Loss]:
    """Fields without a home of the merchant's address."""
    return count_losses([record], "address", ADDRESS, lambda _: ident)


def whole_loss(entity: str, idents: list[str]) -> Loss:
    """A source entity of which nothing goes into the menu."""
    return loss_of(entity, "*", idents, WHOLE[entity])


def deleted_loss(entity: str, idents: list[str]) -> Loss:
    """What the merchant deleted: no longer part of the menu, kept in the backup."""
    note = "Deleted in Clover; not carried over, kept in the backup."
    return loss_of(entity, "deleted", idents, note)


def _inner(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _ident(record: Mapping[str, Any]) -> str:
    return str(record.get("id", ""))
