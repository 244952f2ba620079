"""What becomes of every field of Square's catalog: carried over, technical, or without a home, in an owner's words.

``count_losses`` walks the raw records by these tables; remarks are losses that depend on more than one field, made
where the mapping meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses, loss_of
from aura_migration.canonical.model import Loss

ONLINE = "It belongs to Square Online and is not carried over."

ENVELOPE = {
    "type": TECHNICAL,
    "id": TECHNICAL,
    "version": TECHNICAL,
    "updated_at": TECHNICAL,
    "created_at": TECHNICAL,
    "is_deleted": TECHNICAL,
    "catalog_v1_ids": TECHNICAL,
    "present_at_all_locations": MAPPED,
    "present_at_location_ids": MAPPED,
    "absent_at_location_ids": MAPPED,
}
ATTRIBUTES = {"custom_attribute_values": MAPPED}


def _mapped(data: str, *names: str) -> dict[str, str]:
    return {f"{data}.{name}": MAPPED for name in names}


ITEM = {
    **ENVELOPE,
    **ATTRIBUTES,
    **_mapped(
        "item_data",
        "name",
        "description",
        "description_html",
        "description_plaintext",
        "abbreviation",
        "kitchen_name",
        "label_color",
        "is_taxable",
        "tax_ids",
        "variations",
        "product_type",
        "item_options",
        "image_ids",
        "categories",
        "reporting_category",
        "category_id",
        "is_archived",
        "is_alcoholic",
        "food_and_beverage_details",
        "modifier_list_info",
    ),
    "item_data.modifier_list_info[].is_conversational": "Conversational ordering of one item's modifiers is not kept.",
    "item_data.modifier_list_info[].hidden_from_customer_override": (
        "Hiding a list of modifiers from customers for one item only is not kept."
    ),
    "item_data.modifier_list_info[].modifier_overrides[].hidden_online_override": (
        "Hiding an option online for one item only is not kept."
    ),
    "item_data.skip_modifier_screen": "AuraConnect always shows the modifiers; skipping that screen is not kept.",
    "item_data.channels": "The list of Square's sales channels is not kept: their ids mean nothing outside Square.",
    "item_data.sort_name": "The reading used for sorting (Japan) is not kept.",
    "item_data.buyer_facing_name": "The separate name shown to buyers is not kept; the item's own name is.",
    "item_data.ecom_uri": ONLINE,
    "item_data.ecom_image_uris": ONLINE,
    "item_data.ecom_available": ONLINE,
    "item_data.ecom_visibility": ONLINE,
    "item_data.ecom_seo_data": ONLINE,
}
ITEM_VARIATION = {
    **ENVELOPE,
    **ATTRIBUTES,
    **_mapped(
        "item_variation_data",
        "item_id",
        "name",
        "kitchen_name",
        "sku",
        "upc",
        "ordinal",
        "pricing_type",
        "price_money",
        "location_overrides",
        "track_inventory",
        "inventory_alert_type",
        "inventory_alert_threshold",
        "item_option_values",
        "measurement_unit_id",
        "sellable",
        "image_ids",
    ),
    "item_variation_data.location_overrides[].sold_out_valid_until": (
        "Sold out until a certain time: the item is carried over as sold out, and someone must put it back on sale."
    ),
    "item_variation_data.user_data": "The free text other software keeps on a variation is not kept.",
    "item_variation_data.service_duration": "The length of an appointment is not kept.",
    "item_variation_data.available_for_booking": "Whether an appointment can be booked is not kept.",
    "item_variation_data.team_member_ids": "Which staff give an appointment is not kept.",
    "item_variation_data.stockable": "Stock of this size is counted through another one; that link is not kept.",
    "item_variation_data.stockable_conversion": (
        "The conversion between what is stocked and what is sold (one keg, sixty pours) is not kept."
    ),
    "item_variation_data.vendor_information": "Suppliers and their prices are not kept.",
}
MODIFIER_LIST = {
    **ENVELOPE,
    **ATTRIBUTES,
    **_mapped(
        "modifier_list_data",
        "name",
        "internal_name",
        "ordinal",
        "modifier_type",
        "selection_type",
        "min_selected_modifiers",
        "max_selected_modifiers",
        "allow_quantities",
        "is_conversational",
        "hidden_from_customer",
        "modifiers",
        "max_length",
        "text_required",
    ),
    "modifier_list_data.image_ids": "Pictures of lists of modifiers are not kept.",
}
MODIFIER = {
    **ENVELOPE,
    **ATTRIBUTES,
    **_mapped(
        "modifier_data",
        "name",
        "kitchen_name",
        "price_money",
        "on_by_default",
        "ordinal",
        "modifier_list_id",
        "location_overrides",
        "image_id",
        "hidden_online",
        "child_modifier_list_ids",
    ),
}
CATEGORY = {
    **ENVELOPE,
    **_mapped("category_data", "name", "category_type", "parent_category", "image_ids", "availability_period_ids"),
    "category_data.is_top_level": TECHNICAL,
    "category_data.root_category": TECHNICAL,
    "category_data.path_to_root": TECHNICAL,
    "category_data.online_visibility": ONLINE,
    "category_data.ecom_seo_data": ONLINE,
    "category_data.channels": "The list of Square's sales channels is not kept: their ids mean nothing outside Square.",
    "custom_attribute_values": "Custom attributes of categories have no place in AuraConnect.",
}
TAX = {
    **ENVELOPE,
    **_mapped(
        "tax_data",
        "name",
        "percentage",
        "inclusion_type",
        "enabled",
        "calculation_phase",
        "applies_to_custom_amounts",
        "applies_to_product_set_id",
    ),
}
DISCOUNT = {
    **ENVELOPE,
    **_mapped(
        "discount_data",
        "name",
        "discount_type",
        "percentage",
        "amount_money",
        "maximum_amount_money",
        "pin_required",
        "modify_tax_basis",
        "application_method",
    ),
    "discount_data.label_color": "The colour of a discount's button is not kept.",
}
PRICING_RULE = {
    **ENVELOPE,
    **_mapped(
        "pricing_rule_data",
        "name",
        "discount_id",
        "match_products_id",
        "apply_products_id",
        "exclude_products_id",
        "exclude_strategy",
        "time_period_ids",
        "valid_from_date",
        "valid_from_local_time",
        "valid_until_date",
        "valid_until_local_time",
        "minimum_order_subtotal_money",
        "customer_group_ids_any",
    ),
}
PRODUCT_SET = {
    **ENVELOPE,
    **_mapped(
        "product_set_data",
        "product_ids_any",
        "product_ids_all",
        "quantity_exact",
        "quantity_min",
        "quantity_max",
        "all_products",
    ),
    "product_set_data.name": TECHNICAL,
}
TIME_PERIOD = {**ENVELOPE, **_mapped("time_period_data", "event")}
MEASUREMENT_UNIT = {
    **ENVELOPE,
    **_mapped("measurement_unit_data", "measurement_unit"),
    "measurement_unit_data.precision": "How many decimals may be weighed is not kept.",
}
ITEM_OPTION = {
    **ENVELOPE,
    **_mapped("item_option_data", "name", "values"),
    "item_option_data.display_name": "The option's separate name for buyers is not kept; its own name is.",
    "item_option_data.description": "The description of an item option is not kept.",
    "item_option_data.show_colors": "Showing an option's values as colours is not kept.",
}
ITEM_OPTION_VAL = {
    **ENVELOPE,
    **_mapped("item_option_value_data", "item_option_id", "name", "ordinal"),
    "item_option_value_data.color": "The colour of an option's value is not kept.",
    "item_option_value_data.description": "The description of an option's value is not kept.",
}
IMAGE = {
    **ENVELOPE,
    **_mapped("image_data", "url"),
    "image_data.name": "The name of a picture is not kept.",
    "image_data.caption": "The caption of a picture is not kept.",
    "image_data.photo_studio_order_id": TECHNICAL,
}
AVAILABILITY_PERIOD = {
    **ENVELOPE,
    **_mapped("availability_period_data", "day_of_week", "start_local_time", "end_local_time"),
}
CUSTOM_ATTRIBUTE_DEFINITION = {**ENVELOPE, "custom_attribute_definition_data": TECHNICAL}
LOCATION = {
    **dict.fromkeys(("name", "address", "timezone", "currency", "country", "status", "phone_number"), MAPPED),
    **dict.fromkeys(("id", "merchant_id", "created_at", "capabilities", "type", "mcc", "coordinates"), TECHNICAL),
    **dict.fromkeys(
        ("business_name", "business_hours", "return_policy", "custom_receipt_text", "language_code"), MAPPED
    ),
    "address.sublocality": "Parts of town have no field of their own in AuraConnect.",
}
CHECKOUT = {
    **dict.fromkeys(("customer_notes_enabled", "policies", "coupons", "tipping"), MAPPED),
    **dict.fromkeys(("location_id", "updated_at"), TECHNICAL),
    "branding": "How the online checkout looks is not kept: AuraConnect's own pages look their own way.",
}
KNOWN: Mapping[str, Mapping[str, str]] = {
    "ITEM": ITEM,
    "ITEM_VARIATION": ITEM_VARIATION,
    "MODIFIER_LIST": MODIFIER_LIST,
    "MODIFIER": MODIFIER,
    "CATEGORY": CATEGORY,
    "TAX": TAX,
    "DISCOUNT": DISCOUNT,
    "PRICING_RULE": PRICING_RULE,
    "PRODUCT_SET": PRODUCT_SET,
    "TIME_PERIOD": TIME_PERIOD,
    "MEASUREMENT_UNIT": MEASUREMENT_UNIT,
    "ITEM_OPTION": ITEM_OPTION,
    "ITEM_OPTION_VAL": ITEM_OPTION_VAL,
    "IMAGE": IMAGE,
    "AVAILABILITY_PERIOD": AVAILABILITY_PERIOD,
    "CUSTOM_ATTRIBUTE_DEFINITION": CUSTOM_ATTRIBUTE_DEFINITION,
}
"""Dispositions by type of object; a type that is not here has no home as a whole."""

DEFAULTS: Mapping[str, Any] = {
    "item_data.modifier_list_info[].is_conversational": "NOT_SET",
    "item_data.modifier_list_info[].hidden_from_customer_override": "NOT_SET",
    "item_data.modifier_list_info[].modifier_overrides[].hidden_online_override": "NOT_SET",
    "item_data.skip_modifier_screen": False,
    "item_data.ecom_available": False,
    "item_variation_data.stockable": True,
    "item_variation_data.available_for_booking": False,
    "category_data.online_visibility": True,
    "item_option_data.show_colors": False,
}
"""Values that say no more than their absence."""

WHOLE_TYPES: Mapping[str, str] = {
    "QUICK_AMOUNTS_SETTINGS": "The quick amount buttons of the till are set up in AuraConnect.",
    "SUBSCRIPTION_PLAN": "Subscriptions have no place in AuraConnect.",
    "SUBSCRIPTION_PLAN_VARIATION": "Subscriptions have no place in AuraConnect.",
}

NOTES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("ITEM", "formatting"): (
        "item_data.description_html",
        "The description is carried over as plain text; bold, lists and links are not kept.",
    ),
    ("ITEM", "modifier_list"): (
        "item_data.modifier_list_info[].modifier_list_id",
        "The item names a list of modifiers that does not exist any more: nothing is attached.",
    ),
    ("ITEM", "attached_twice"): (
        "item_data.modifier_list_info[]",
        "The same list of modifiers is attached twice; the first attachment is kept.",
    ),
    ("ITEM", "tax"): (
        "item_data.tax_ids[]",
        "The item names a tax that does not exist any more: it is not applied.",
    ),
    ("ITEM", "no_way_here"): (
        "variations",
        "The item exists at this location but none of its variations does: it is not sold here.",
    ),
    ("ITEM_VARIATION", "only_name"): (
        "item_variation_data.name",
        "The item is sold in one way only; the name of that way is not kept, the item's name is.",
    ),
    ("ITEM_VARIATION", "only_options"): (
        "item_variation_data.item_option_values",
        "The item is sold in one way only; its option values (such as a size) are not kept.",
    ),
    ("ITEM_VARIATION", "option"): (
        "item_variation_data.item_option_values[]",
        "The variation names an option value that does not exist any more.",
    ),
    ("ITEM_VARIATION", "images"): (
        "item_variation_data.image_ids",
        "Pictures of single variations are not kept; those of the item are.",
    ),
    ("ITEM_VARIATION", "not_sold"): (
        "item_variation_data.sellable",
        "This size is only stocked, not sold; it is carried over switched off.",
    ),
    ("MODIFIER", "child_list"): (
        "modifier_data.child_modifier_list_ids[]",
        "The option asks for a further list that does not exist any more.",
    ),
    ("MODIFIER", "nesting"): (
        "modifier_data.child_modifier_list_ids",
        "Nested modifiers cannot be seen: Square answered in an older version of its interface, which does not show"
        " whether an option opens a further list. If one of these options does, that further list is not asked for in"
        " AuraConnect.",
    ),
    ("CATEGORY", "hours_of_section"): (
        "category_data.availability_period_ids",
        "Hours of single sections or categories are not kept; those of whole menus are.",
    ),
    ("CATEGORY", "hours_missing"): (
        "category_data.availability_period_ids[]",
        "The menu names hours that do not exist any more.",
    ),
    ("CATEGORY", "image"): (
        "category_data.image_ids",
        "Pictures of menus and kitchen categories are not kept; those of categories and sections are.",
    ),
    ("CATEGORY", "kitchen_parent"): (
        "category_data.parent_category",
        "Kitchen categories stand side by side in AuraConnect; their order under one another is not kept.",
    ),
    ("PRICING_RULE", "not_here"): (
        "pricing_rule_data.match_products_id",
        "Automatic discount on things of which none is sold here: it is not carried over.",
    ),
    ("PRICING_RULE", "product_gone"): (
        "pricing_rule_data.match_products_id",
        "The automatic discount also names things that are not sold here (any more); it is carried over for the others.",
    ),
    ("INVENTORY_COUNT", "sold_out"): (
        "quantity",
        "Marked as sold out although the count says more: carried over as sold out with nothing in stock.",
    ),
    ("INVENTORY_COUNT", "unknown"): ("catalog_object_id", "Stock of something that is not sold at this location."),
    ("INVENTORY_COUNT", "state"): (
        "state",
        "Only stock on hand is carried over; waste, sales, orders under way and recipes are not.",
    ),
}
"""(source entity, reason) → the field it concerns and the note; see :class:`Remarks`."""


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


def field_losses(object_type: str, records: Iterable[Mapping[str, Any]]) -> list[Loss]:
    """Fields without a home of live catalog objects of one type."""
    return count_losses(records, object_type, KNOWN[object_type], _ident, defaults=DEFAULTS)


def location_losses(record: Mapping[str, Any]) -> list[Loss]:
    """Fields without a home of one location's own record."""
    return count_losses([record], "LOCATION", LOCATION, _ident)


def type_loss(object_type: str, idents: list[str]) -> Loss:
    """A whole type of object without a home."""
    note = WHOLE_TYPES.get(object_type, f"Objects of Square's type {object_type} have no place in AuraConnect.")
    return loss_of(object_type, f"{object_type.lower()}_data", idents, note)


def deleted_loss(object_type: str, idents: list[str]) -> Loss:
    """What the seller deleted: no longer part of the menu, kept in the snapshot."""
    note = "Deleted in Square; not carried over, kept in the backup."
    return loss_of(object_type, "is_deleted", idents, note)


def _ident(record: Mapping[str, Any]) -> str:
    return str(record.get("id", ""))
