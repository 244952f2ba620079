"""Items and their variations: what they are, what they cost at the location, and what they are linked to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aura_migration.core.ids import path
from aura_migration.pos.square import rules
from aura_migration.pos.square.catalog import MENU, kind_of
from aura_migration.pos.square.rows import Rows
from aura_migration.pos.square.rules import Price
from aura_migration.pos.square.units import choice_names
from aura_migration.pos.square.wire import (
    CatalogObject,
    ItemData,
    ModifierListData,
    ModifierListInfo,
    VariationData,
)

PLAIN_VARIATION_NAMES = ("", "Regular")
"""Names Square itself gives to the only variation of an item; they say nothing."""
_FORMATTED = re.compile(r"<(?!/?(?:p|br|div)\b)[a-z]", re.IGNORECASE)


def map_items(rows: Rows) -> None:
    """All items sold at the location."""
    for item in rows.view.items.values():
        _item(rows, item)


def _item(rows: Rows, item: CatalogObject) -> None:
    data = item.item_data
    sold = rows.view.variations(item)
    several = rows.view.several(item)
    if data is None or not sold:
        reason = "has no content in Square" if data is None else "has no variation in Square, so it has no price"
        rows.reject("items", item.id, item, reason)
        for variation in sold if several else ():
            rows.reject("variations", variation.id, variation, "belongs to an item without content")
        return
    only = sold[0] if not several else None
    if only is not None and only.item_variation_data is None:
        rows.reject("items", item.id, item, "has a variation without content in Square, so it has no price")
        return
    _item_row(rows, item, data, only)
    _item_here(rows, item, data, sold, only)
    for place, variation in enumerate(rows.catalog.variations[item.id]):
        if several and variation in sold:
            _variation(rows, item, data, variation, place)
    _memberships(rows, item)
    _attached(rows, item, data)
    _taxes(rows, item, data)


def _item_here(
    rows: Rows, item: CatalogObject, data: ItemData, sold: list[CatalogObject], only: CatalogObject | None
) -> None:
    """The item at this location: its price where it has one, and 86'd only when all that is sold of it is."""
    ways = [v.item_variation_data for v in sold if v.item_variation_data is not None]
    overrides = [rules.variation_override(way, rows.at) for way in ways]
    sold_out = bool(overrides) and all(override is not None and override.sold_out for override in overrides)
    price = Price("variation", None)
    if only is not None:
        price = rules.price_here(ways[0], overrides[0], rows.unit(ways[0])[0])
    active = not data.is_archived and (only is None or ways[0].sellable is not False)
    values = {"menu_item_key": item.id, "is_available": not sold_out, "is_active": active}
    _sold(rows, item, only or item, path(rows.at, item.id), price, values)


def _sold(
    rows: Rows, item: CatalogObject, way: CatalogObject, key: str, price: Price, values: Mapping[str, Any]
) -> None:
    """The row that says it is sold here at that price; a price in another currency goes to quarantine."""
    if rows.foreign(price):
        why = f"is priced in {price.currency}, this location uses {rows.location.currency}"
        rows.reject("item_locations", key, item, why, **values, price_type=price.type)
    else:
        rows.add("item_locations", key, way, **values, price_type=price.type, price_cents=price.cents)


def _item_row(rows: Rows, item: CatalogObject, data: ItemData, only: CatalogObject | None) -> None:
    way = only.item_variation_data if only is not None else None
    per_unit, unit = rows.unit(way) if way is not None else (False, None)
    price = rules.base_price(way, per_unit) if way is not None else Price("variation", None)
    food = data.food_and_beverage_details
    category = rows.catalog.primary(item)
    images = rows.images(data.image_ids or (way.image_ids if way is not None else None) or ())
    fields = rows.custom(item)
    if only is not None and way is not None:
        for name, value in rows.custom(only).items():
            fields.setdefault(name, value)
        _remarks_on_only(rows, item, data, way)
    if _FORMATTED.search(data.description_html or ""):
        rows.remarks.note("ITEM", "formatting", item.id)
    rows.add(
        "items",
        item.id,
        item,
        name=data.name,
        description=rules.description(data),
        short_name=data.abbreviation or None,
        kitchen_name=data.kitchen_name or (way.kitchen_name if way is not None else None) or None,
        price_cents=price.cents,
        price_type=price.type,
        unit_name=unit,
        category_key=category.id if category is not None else None,
        sku=(way.sku if way is not None else None) or None,
        barcode=(way.upc if way is not None else None) or None,
        item_type=rules.ITEM_TYPES.get(data.product_type or "", "item"),
        calories=food.calorie_count if food is not None else None,
        allergens=choice_names(food.ingredients) if food is not None else None,
        dietary_tags=choice_names(food.dietary_preferences) if food is not None else None,
        contains_alcohol=data.is_alcoholic,
        image_url=images[0] if images else None,
        images=images or None,
        button_color=rules.colour(data.label_color),
        custom_fields=fields or None,
        is_available=True,
        is_active=not data.is_archived and (way is None or way.sellable is not False),
        display_order=_place(rows, item, category),
    )


def _remarks_on_only(rows: Rows, item: CatalogObject, data: ItemData, way: VariationData) -> None:
    """What the only variation says beyond what an item can hold."""
    if way.name and way.name not in (*PLAIN_VARIATION_NAMES, data.name):
        rows.remarks.note("ITEM_VARIATION", "only_name", item.id)
    if way.item_option_values:
        rows.remarks.note("ITEM_VARIATION", "only_options", item.id)
    if way.image_ids and data.image_ids:
        rows.remarks.note("ITEM_VARIATION", "images", item.id)
    if way.sellable is False:
        rows.remarks.note("ITEM_VARIATION", "not_sold", item.id)


def _variation(rows: Rows, item: CatalogObject, data: ItemData, variation: CatalogObject, place: int) -> None:
    way = variation.item_variation_data
    if way is None:
        rows.reject("variations", variation.id, variation, "has no content in Square")
        return
    per_unit, unit = rows.unit(way)
    price = rules.base_price(way, per_unit)
    options = _options(rows, data, way)
    named = way.name or ", ".join(str(option["value"]) for option in options)
    active = way.sellable is not False and not data.is_archived
    rows.add(
        "variations",
        variation.id,
        variation,
        menu_item_key=item.id,
        name=named or None,
        sku=way.sku or None,
        barcode=way.upc or None,
        price_cents=price.cents,
        price_type=price.type,
        unit_name=unit,
        options=options or None,
        custom_fields=rows.custom(variation) or None,
        is_default=False,
        is_available=True,
        is_active=active,
        display_order=place,
    )
    override = rules.variation_override(way, rows.at)
    here = rules.price_here(way, override, per_unit)
    key = path(rows.at, item.id, variation.id)
    if way.image_ids:
        rows.remarks.note("ITEM_VARIATION", "images", variation.id)
    if way.sellable is False:
        rows.remarks.note("ITEM_VARIATION", "not_sold", variation.id)
    available = not (override is not None and override.sold_out)
    values = {
        "menu_item_key": item.id,
        "variation_key": variation.id,
        "kitchen_name": way.kitchen_name or None,
        "is_available": available,
        "is_active": active,
    }
    _sold(rows, item, variation, key, here, values)


def _taxes(rows: Rows, item: CatalogObject, data: ItemData) -> None:
    """Taxes that are on: named by a taxable item, enabled, present here (API reference 6.8)."""
    for ident in dict.fromkeys(data.tax_ids or ()) if data.is_taxable is not False else ():
        tax = rows.catalog.get(ident, "TAX")
        if tax is None:
            rows.remarks.note("ITEM", "tax", item.id)
        if tax is None or not tax.present_at(rows.at):
            continue
        taxed = tax.tax_data
        if taxed is not None and taxed.enabled is not False and rules.tax_problem(taxed) is None:
            rows.add(
                "item_taxes",
                path(rows.at, "item", item.id, ident),
                item,
                tax_rate_key=ident,
                menu_item_key=item.id,
                overrides_item_taxes=False,
            )


def _memberships(rows: Rows, item: CatalogObject) -> None:
    primary = rows.catalog.primary(item)
    menus: dict[str, int] = {}
    sequence = 0
    for reference in rows.catalog.memberships(item):
        ident = str(reference.id)
        category = rows.catalog.objects[ident]
        rank = rows.catalog.membership_rank[(item.id, ident)]
        if ident in rows.view.stations:
            sequence += 1
            rows.add(
                "item_stations",
                path(rows.at, item.id, ident),
                item,
                menu_item_key=item.id,
                station_key=path(rows.at, ident),
                is_primary=sequence == 1,
                sequence=sequence,
            )
            continue
        if kind_of(category) == MENU and rows.catalog.root(category).id in rows.view.menus:
            menus.setdefault(rows.catalog.root(category).id, rank)
        if ident in rows.view.categories:
            rows.add(
                "item_categories",
                path(rows.at, item.id, ident),
                item,
                menu_item_key=item.id,
                category_key=ident,
                is_primary=primary is not None and ident == primary.id,
                display_order=rank,
            )
    for menu, rank in menus.items():
        key = path(rows.at, item.id, menu)
        rows.add("item_menus", key, item, menu_item_key=item.id, menu_key=menu, display_order=rank)


def _attached(rows: Rows, item: CatalogObject, data: ItemData) -> None:
    attached = sorted(data.modifier_list_info or (), key=lambda info: info.ordinal or 0)
    seen: set[str] = set()
    for place, info in enumerate(attached):
        ident = info.modifier_list_id or ""
        group = rows.view.groups.get(ident)
        if rows.catalog.get(ident, "MODIFIER_LIST") is None:
            rows.remarks.note("ITEM", "modifier_list", item.id)
        if group is None or group.modifier_list_data is None:
            continue
        key = path(rows.at, item.id, ident)
        if ident in seen:
            rows.remarks.note("ITEM", "attached_twice", item.id)
            continue
        seen.add(ident)
        limits = rules.link_limits(info, group.modifier_list_data)
        rows.add(
            "item_modifier_groups",
            key,
            item,
            menu_item_key=item.id,
            modifier_group_key=ident,
            min_selections=limits.minimum,
            max_selections=limits.maximum,
            is_required=limits.minimum > 0,
            is_active=info.enabled is not False,
            allow_quantities=_quantities(info, group.modifier_list_data),
            display_order=place,
        )
        _defaults(rows, item, info, group)


def _quantities(info: ModifierListInfo, data: ModifierListData) -> bool | None:
    """Whether an option may be chosen more than once, where the item says otherwise than the list."""
    wanted = rules.toggle(info.allow_quantities)
    return wanted if wanted != bool(data.allow_quantities) else None


def _defaults(rows: Rows, item: CatalogObject, info: ModifierListInfo, group: CatalogObject) -> None:
    if not info.modifier_overrides:
        return
    offered = {option.id: option for option in rows.view.modifiers(group)}
    wanted: dict[str, bool] = {}
    for override in info.modifier_overrides:
        chosen = rules.default_override(override)
        if chosen is not None and override.modifier_id in offered:
            wanted[override.modifier_id or ""] = chosen
    for ident, chosen in wanted.items():
        own = offered[ident].modifier_data
        if own is None or chosen == bool(own.on_by_default):
            continue
        rows.add(
            "modifier_defaults",
            path(rows.at, item.id, group.id, ident),
            item,
            menu_item_key=item.id,
            modifier_key=path(group.id, ident),
            is_default=chosen,
        )


def _options(rows: Rows, data: ItemData, way: VariationData) -> list[dict[str, Any]]:
    """The variation's option values by name, in the item's order of options."""
    order = [option.item_option_id for option in data.item_options or ()]
    found: list[tuple[int, dict[str, Any]]] = []
    for place, reference in enumerate(way.item_option_values or ()):
        option = rows.catalog.objects.get(reference.item_option_id or "")
        value = rows.catalog.objects.get(reference.item_option_value_id or "")
        option_data = option.item_option_data if option is not None else None
        value_data = value.item_option_value_data if value is not None else None
        if option_data is not None and value_data is not None:
            ident = reference.item_option_id
            rank = order.index(ident) if ident in order else len(order) + place
            found.append((rank, {"option": option_data.name, "value": value_data.name}))
        else:
            rows.remarks.note("ITEM_VARIATION", "option", way.item_id or "")
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _place(rows: Rows, item: CatalogObject, category: CatalogObject | None) -> int:
    return rows.catalog.membership_rank.get((item.id, category.id), 0) if category is not None else 0
