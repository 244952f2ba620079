"""Square's JSON of catalog objects, made from the meaning in `model.py` (the rest of the wire is in `wire_places.py`).

Square leaves fields without a value out instead of sending null, leaves most empty lists out, writes timestamps with
zero to nine fractional digits, and sends fields no public schema knows; so does this module. What a request's
Square-Version changes is decided once, in `View`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aura_migration.sandbox.square.model import (
    AvailabilityPeriod,
    CatalogObject,
    Category,
    Discount,
    Item,
    Link,
    Modifier,
    ModifierList,
    Option,
    OptionValue,
    Plain,
    PricingRule,
    ProductSet,
    Tax,
    TimePeriod,
    Variation,
)
from aura_migration.sandbox.square.world import World

DATA_KEYS = {"ITEM_OPTION_VAL": "item_option_value_data"}
NEWER_VERSION = "2026-09-16"
CATEGORIES_VERSION = "2023-12-13"
ICAL_DAYS = {"SUN": "SU", "MON": "MO", "TUE": "TU", "WED": "WE", "THU": "TH", "FRI": "FR", "SAT": "SA"}


@dataclass(frozen=True)
class View:
    """How one request sees the account. `catalog_version` None = now."""

    square_version: str
    nested: bool
    newer: bool
    embed_deleted: bool = False
    root_ordinal: bool = True
    path_to_root: bool = False
    catalog_version: int | None = None

    @property
    def many_categories(self) -> bool:
        """Versions before 2023-12-13 know one category per item only."""
        return self.square_version >= CATEGORIES_VERSION


def compact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls and empty lists: Square leaves both out."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


@lru_cache(maxsize=4096)
def _whole_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def instant(stamp: int, key: str) -> str:
    """RFC 3339 with the fractional digits this key happens to have: trimmed, or padded to three, six or nine."""
    whole = _whole_seconds(stamp // 1000)
    digits = f"{stamp % 1000:03d}"
    style = zlib.crc32(key.encode()) % 4
    fraction = digits.rstrip("0") if style == 0 else digits.ljust(3 * style, "0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def money(cents: int | None, currency: str) -> dict[str, Any] | None:
    """A Money object; None where there is none."""
    return None if cents is None else {"amount": cents, "currency": currency}


def data_key(object_type: str) -> str:
    """The name of a type's data field."""
    return DATA_KEYS.get(object_type, f"{object_type.lower()}_data")


class Wire:
    """Renders one account's catalog objects for one view."""

    def __init__(self, world: World, view: View) -> None:
        self._world = world
        self._view = view
        self._currency = world.merchant.currency

    def object(self, thing: CatalogObject) -> dict[str, Any]:
        """A complete CatalogObject."""
        presence = thing.presence
        everywhere: bool | None = presence.everywhere
        if presence.everywhere and not presence.absent and zlib.crc32(thing.id.encode()) % 5 == 0:
            everywhere = None  # absent means true
        return compact(
            {
                "type": thing.type,
                "id": thing.id,
                "updated_at": instant(thing.stamp, thing.id),
                "created_at": instant(thing.created, thing.id + "c"),
                "version": thing.stamp,
                "is_deleted": thing.deleted,
                "custom_attribute_values": self._attributes(thing),
                "present_at_all_locations": everywhere,
                "present_at_location_ids": presence.at,
                "absent_at_location_ids": presence.absent,
                **thing.extra,
                data_key(thing.type): {**self._data(thing), **thing.extra_data},
            }
        )

    def _embedded(self, parent: CatalogObject, children: list[Any]) -> list[dict[str, Any]]:
        shown = []
        for child in children:
            held = self._world.at_version(child, self._view.catalog_version)
            if held is not None and (not held.deleted or parent.deleted or self._view.embed_deleted):
                shown.append(self.object(held))
        return shown

    def _attributes(self, thing: CatalogObject) -> dict[str, Any] | None:
        values = {}
        for key, value in thing.attributes.items():
            if value["definition_id"] in self._world.hidden_attributes:
                continue
            kind, held = value["type"], value["value"]
            field = {
                "STRING": "string_value",
                "NUMBER": "number_value",
                "BOOLEAN": "boolean_value",
                "SELECTION": "selection_uid_values",
            }[kind]
            values[key] = {
                "name": value["name"],
                "custom_attribute_definition_id": value["definition_id"],
                "type": kind,
                field: held,
                "key": key,
            }
        return values or None

    def _data(self, thing: CatalogObject) -> dict[str, Any]:
        return compact(self._RENDER[type(thing)](self, thing))

    def _item(self, item: Item) -> dict[str, Any]:
        view = self._view
        fields: dict[str, Any] = {
            "name": item.name,
            "description": item.html,
            "abbreviation": item.abbreviation,
            "label_color": item.color,
            "is_taxable": item.taxable,
            "tax_ids": item.tax_ids,
            "modifier_list_info": [self._link(link) for link in item.links],
            "variations": self._embedded(item, item.variations),
            "product_type": item.product_type,
            "skip_modifier_screen": item.skip_modifier_screen,
            "item_options": [{"item_option_id": option_id} for option_id in item.option_ids],
            "image_ids": item.image_ids,
            "description_html": item.html,
            "description_plaintext": item.plain,
            "channels": item.channels,
            "is_archived": item.archived,
            "ecom_seo_data": item.seo,
            "food_and_beverage_details": item.food,
            "is_alcoholic": item.alcoholic,
        }
        reporting = item.reporting_category
        if view.many_categories:
            fields["category_id"] = item.legacy_category_id
            fields["categories"] = [{"id": held, "ordinal": ordinal} for held, ordinal in item.categories]
            fields["reporting_category"] = {"id": reporting[0], "ordinal": reporting[1]} if reporting else None
        else:
            single = reporting[0] if reporting else item.categories[0][0] if item.categories else None
            fields["category_id"] = item.legacy_category_id or single
        if view.newer:
            fields["kitchen_name"] = item.kitchen_name
            fields["buyer_facing_name"] = item.buyer_facing_name
        return fields

    def _link(self, link: Link) -> dict[str, Any]:
        modifier_ids = list(dict.fromkeys([*link.defaults, *link.legacy_defaults, *link.hidden_online]))
        overrides = [
            compact(
                {
                    "modifier_id": modifier_id,
                    "on_by_default": link.legacy_defaults.get(modifier_id),
                    "hidden_online_override": link.hidden_online.get(modifier_id),
                    "on_by_default_override": link.defaults.get(modifier_id),
                }
            )
            for modifier_id in modifier_ids
        ]
        return compact(
            {
                "modifier_list_id": link.group_id,
                "modifier_overrides": overrides,
                "min_selected_modifiers": link.min,
                "max_selected_modifiers": link.max,
                "enabled": link.enabled,
                "ordinal": link.ordinal,
                "allow_quantities": link.allow_quantities,
                "is_conversational": link.conversational,
                "hidden_from_customer_override": link.hidden_from_customer,
            }
        )

    def _variation(self, variation: Variation) -> dict[str, Any]:
        overrides = [
            compact(
                {
                    "location_id": location_id,
                    "price_money": money(held.cents, self._currency),
                    "pricing_type": held.pricing,
                    "track_inventory": held.track,
                    "inventory_alert_type": None if held.alert is None else "LOW_QUANTITY",
                    "inventory_alert_threshold": held.alert,
                    "sold_out": held.sold_out,
                    "sold_out_valid_until": held.sold_out_until,
                }
            )
            for location_id, held in variation.overrides.items()
        ]
        conversion = variation.conversion
        return {
            "item_id": variation.item_id,
            "name": variation.name,
            "sku": variation.sku,
            "upc": variation.upc,
            "ordinal": variation.ordinal,
            "pricing_type": "VARIABLE_PRICING" if variation.open_price else "FIXED_PRICING",
            "price_money": None if variation.open_price else money(variation.cents, self._currency),
            "location_overrides": overrides,
            "track_inventory": variation.track,
            "inventory_alert_type": None if variation.alert is None else "LOW_QUANTITY",
            "inventory_alert_threshold": variation.alert,
            "user_data": variation.user_data,
            "item_option_values": [
                {"item_option_id": option, "item_option_value_id": value} for option, value in variation.option_values
            ],
            "measurement_unit_id": variation.unit_id,
            "sellable": variation.sellable,
            "stockable": variation.stockable,
            "stockable_conversion": None
            if conversion is None
            else {
                "stockable_item_variation_id": conversion[0],
                "stockable_quantity": conversion[1],
                "nonstockable_quantity": conversion[2],
            },
            "kitchen_name": variation.kitchen_name if self._view.newer else None,
        }

    def _list(self, group: ModifierList) -> dict[str, Any]:
        return {
            "name": group.name,
            "internal_name": group.internal_name,
            "ordinal": group.ordinal,
            "selection_type": group.selection,
            "modifiers": self._embedded(group, group.modifiers),
            "modifier_type": group.modifier_type,
            "min_selected_modifiers": group.min,
            "max_selected_modifiers": group.max,
            "allow_quantities": group.allow_quantities,
            "is_conversational": group.conversational,
            "hidden_from_customer": group.hidden_from_customer,
            "max_length": group.max_length,
            "text_required": group.text_required,
        }

    def _modifier(self, modifier: Modifier) -> dict[str, Any]:
        return {
            "name": modifier.name,
            "price_money": money(modifier.cents, self._currency),
            "on_by_default": modifier.on_by_default,
            "ordinal": modifier.ordinal,
            "modifier_list_id": modifier.group_id,
            "location_overrides": [
                compact(
                    {
                        "location_id": location_id,
                        "price_money": money(held.cents, self._currency),
                        "sold_out": held.sold_out,
                    }
                )
                for location_id, held in modifier.overrides.items()
            ],
            "image_id": modifier.image_id,
            "hidden_online": modifier.hidden_online,
            "child_modifier_list_ids": modifier.child_group_ids if self._view.nested else None,
            "kitchen_name": modifier.kitchen_name if self._view.newer else None,
        }

    def _category(self, category: Category) -> dict[str, Any]:
        parent: dict[str, Any] | None = None
        if self._view.many_categories:
            if category.parent_id:
                parent = {"id": category.parent_id, "ordinal": category.ordinal}
            elif self._view.root_ordinal:
                parent = {"ordinal": category.ordinal}
        path = None
        if self._view.path_to_root and category.parent_id:
            path = []
            above = self._world.get(category.parent_id)
            while isinstance(above, Category):
                path.append({"category_id": above.id, "category_name": above.name})
                above = self._world.get(above.parent_id)
        return {
            "name": category.name,
            "image_ids": category.image_ids,
            "category_type": category.kind,
            "parent_category": parent,
            "is_top_level": category.parent_id is None,
            "channels": category.channels,
            "availability_period_ids": category.period_ids,
            "online_visibility": category.online,
            "root_category": category.root_id,
            "path_to_root": path,
        }

    def _tax(self, tax: Tax) -> dict[str, Any]:
        return {
            "name": tax.name,
            "calculation_phase": "TAX_TOTAL_PHASE" if tax.on_total else "TAX_SUBTOTAL_PHASE",
            "inclusion_type": "INCLUSIVE" if tax.inclusive else "ADDITIVE",
            "percentage": tax.percentage,
            "applies_to_custom_amounts": tax.custom_amounts,
            "enabled": tax.enabled,
            "tax_type_id": "us_sales_tax",
            "tax_type_name": "Sales Tax",
        }

    def _discount(self, discount: Discount) -> dict[str, Any]:
        return {
            "name": discount.name,
            "discount_type": discount.kind,
            "percentage": discount.percentage,
            "amount_money": money(discount.cents, self._currency),
            "maximum_amount_money": money(discount.cap, self._currency),
            "pin_required": discount.pin,
            "modify_tax_basis": "DO_NOT_MODIFY_TAX_BASIS" if discount.keeps_tax_basis else "MODIFY_TAX_BASIS",
            "application_method": "MANUALLY_APPLIED",
        }

    def _rule(self, rule: PricingRule) -> dict[str, Any]:
        start, end = rule.valid_from or (None, None), rule.valid_until or (None, None)
        return {
            "name": rule.name,
            "time_period_ids": rule.period_ids,
            "discount_id": rule.discount_id,
            "match_products_id": rule.match_id,
            "exclude_products_id": rule.exclude_id,
            "exclude_strategy": "LEAST_EXPENSIVE" if rule.exclude_id else None,
            "valid_from_date": start[0],
            "valid_from_local_time": start[1],
            "valid_until_date": end[0],
            "valid_until_local_time": end[1],
            "minimum_order_subtotal_money": money(rule.minimum_cents, self._currency),
            "customer_group_ids_any": rule.customer_groups,
        }

    def _set(self, products: ProductSet) -> dict[str, Any]:
        return {
            "name": products.name,
            "product_ids_any": products.any_ids,
            "product_ids_all": products.all_ids,
            "all_products": True if products.all_products else None,
            "quantity_exact": products.exact,
            "quantity_min": products.minimum,
        }

    def _period(self, period: TimePeriod) -> dict[str, Any]:
        hours, minutes = divmod(period.minutes, 60)
        duration = "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        lines = [
            "BEGIN:VEVENT",
            f"SUMMARY:{period.name}",
            f"DTSTART:{period.since}T{period.start.replace(':', '')}00",
            f"DURATION:{duration}",
            "RRULE:FREQ=WEEKLY;BYDAY=" + ",".join(ICAL_DAYS[day] for day in period.days),
            "END:VEVENT",
        ]
        return {"event": "\n".join(lines)}

    def _availability(self, period: AvailabilityPeriod) -> dict[str, Any]:
        return {"start_local_time": period.start, "end_local_time": period.end, "day_of_week": period.day}

    def _option(self, option: Option) -> dict[str, Any]:
        return {
            "name": option.name,
            "display_name": option.display_name,
            "show_colors": option.show_colors,
            "values": self._embedded(option, option.values),
        }

    def _value(self, value: OptionValue) -> dict[str, Any]:
        return {
            "item_option_id": value.option_id,
            "name": value.name,
            "color": value.color,
            "ordinal": value.ordinal,
        }

    def _plain(self, thing: Plain) -> dict[str, Any]:
        return dict(thing.data)

    _RENDER: Mapping[type, Any] = {
        Item: _item,
        Variation: _variation,
        ModifierList: _list,
        Modifier: _modifier,
        Category: _category,
        Tax: _tax,
        Discount: _discount,
        PricingRule: _rule,
        ProductSet: _set,
        TimePeriod: _period,
        AvailabilityPeriod: _availability,
        Option: _option,
        OptionValue: _value,
        Plain: _plain,
    }
