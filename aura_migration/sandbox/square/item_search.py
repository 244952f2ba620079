"""POST /v2/catalog/search-catalog-items: items only, never deleted ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aura_migration.sandbox.square.context import Call, array_of, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.model import Item, Variation
from aura_migration.sandbox.square.wire import Wire
from aura_migration.sandbox.square.world import World

PAGE = 100
PRODUCT_TYPES = frozenset(
    [
        "REGULAR",
        "FOOD_AND_BEV",
        "GIFT_CARD",
        "APPOINTMENTS_SERVICE",
        "EVENT",
        "DIGITAL",
        "DONATION",
        "LEGACY_SQUARE_ONLINE_SERVICE",
        "LEGACY_SQUARE_ONLINE_MEMBERSHIP",
    ]
)
ARCHIVED_STATES = frozenset({"ARCHIVED_STATE_NOT_ARCHIVED", "ARCHIVED_STATE_ARCHIVED", "ARCHIVED_STATE_ALL"})
STOCK_LEVELS = frozenset({"OUT", "LOW"})
ATTRIBUTE_FILTERS = 10


def search_items(call: Call) -> dict[str, Any]:
    """Items that pass every filter, with the ids of the variations that do."""
    body, world = call.body, call.world
    archived = body.get("archived_state") or call.switches["search_items_default_archived_state"]
    _one_of([archived], ARCHIVED_STATES, "archived_state")
    levels = array_of(body, "stock_levels")
    _one_of(levels, STOCK_LEVELS, "stock_levels")
    products = array_of(body, "product_types")
    _one_of(products, PRODUCT_TYPES, "product_types")
    categories, locations = set(array_of(body, "category_ids")), array_of(body, "enabled_location_ids")
    filters = body.get("custom_attribute_filters") or []
    if not isinstance(filters, list) or len(filters) > ATTRIBUTE_FILTERS:
        raise SquareError("ARRAY_LENGTH_TOO_LONG", "At most 10 custom_attribute_filters.", "custom_attribute_filters")
    order = body.get("sort_order") or "ASC"
    if order not in ("ASC", "DESC"):
        raise SquareError("INVALID_SORT_ORDER", "sort_order must be ASC or DESC.", "sort_order")
    limit = whole(body, "limit")
    limit = limit if limit is not None and 1 <= limit <= PAGE else PAGE
    position = call.position("search-catalog-items", body)
    text = str(body.get("text_filter") or "").casefold().split()
    wanted_archived = {"ARCHIVED_STATE_NOT_ARCHIVED": (False,), "ARCHIVED_STATE_ARCHIVED": (True,)}.get(
        archived, (False, True)
    )
    found: list[tuple[Item, list[str]]] = []
    for item in world.items():
        if item.deleted or item.archived not in wanted_archived:
            continue
        if products and item.product_type not in products:
            continue
        if categories and not categories & memberships(item):
            continue
        if locations and not any(item.presence.covers(location_id) for location_id in locations):
            continue
        if not all(_attribute_matches(item, wanted) for wanted in filters):
            continue
        variations = [held for held in item.variations if not held.deleted]
        if text and not _contains(item.name, text):
            variations = [
                held for held in variations if _contains(f"{held.name} {held.sku or ''} {held.upc or ''}", text)
            ]
        if levels:
            variations = [held for held in variations if stock_level(world, held) in levels]
        if variations:
            found.append((item, [held.id for held in variations]))
    found.sort(key=lambda entry: (entry[0].name.casefold(), entry[0].id), reverse=order == "DESC")
    part, cursor = call.page(found, position, limit)
    wire = Wire(world, call.view())
    if not part:
        return {"cursor": cursor} if cursor else {}
    answer = {
        "items": [wire.object(item) for item, _ in part],
        "matched_variation_ids": [variation_id for _, ids in part for variation_id in ids],
    }
    return {**answer, "cursor": cursor} if cursor else answer


def memberships(item: Item) -> set[str]:
    """Every category id an item names, in whichever of the three ways."""
    held = {category_id for category_id, _ in item.categories}
    if item.reporting_category:
        held.add(item.reporting_category[0])
    if item.legacy_category_id:
        held.add(item.legacy_category_id)
    return held


def stock_level(world: World, variation: Variation) -> str | None:
    """OUT at or below zero in stock somewhere it is tracked, LOW at or below its alert threshold, else None."""
    levels = set()
    for count in world.counts:
        if count.object_id == variation.id and count.state == "IN_STOCK":
            override = variation.overrides.get(count.location_id)
            threshold = override.alert if override and override.alert is not None else variation.alert
            quantity = Decimal(count.quantity)
            if quantity <= 0:
                levels.add("OUT")
            elif threshold is not None and quantity <= threshold:
                levels.add("LOW")
    return "OUT" if "OUT" in levels else "LOW" if levels else None


def _contains(text: str, words: list[str]) -> bool:
    return all(word in text.casefold() for word in words)


def _one_of(values: list[str], allowed: frozenset[str], field: str) -> None:
    for value in values:
        if value not in allowed:
            raise SquareError("INVALID_ENUM_VALUE", f"{value!r} is not a value of {field}.", field)


def _attribute_matches(item: Item, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        raise SquareError("EXPECTED_OBJECT", "Expected an object.", "custom_attribute_filters")
    for thing in (item, *item.variations):
        for key, held in thing.attributes.items():
            if wanted.get("key") not in (None, key):
                continue
            if wanted.get("custom_attribute_definition_id") not in (None, held["definition_id"]):
                continue
            value = held["value"]
            if "string_filter" in wanted and str(wanted["string_filter"]).casefold() not in str(value).casefold():
                continue
            if "bool_filter" in wanted and wanted["bool_filter"] is not value:
                continue
            if "selection_uids_filter" in wanted and not set(wanted["selection_uids_filter"]) & set(value):
                continue
            if "number_filter" in wanted and not _in_range(value, wanted["number_filter"]):
                continue
            return True
    return False


def _in_range(value: Any, wanted: Any) -> bool:
    number = Decimal(str(value))
    lowest, highest = wanted.get("min"), wanted.get("max")
    return (lowest is None or number >= Decimal(lowest)) and (highest is None or number <= Decimal(highest))
