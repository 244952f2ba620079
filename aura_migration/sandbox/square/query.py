"""The `query` of POST /v2/catalog/search: which filters there are, which may stand together, what each matches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.model import (
    KITCHEN,
    MENU,
    REGULAR,
    CatalogObject,
    Category,
    Item,
    ModifierList,
    Variation,
)

TOGETHER = frozenset({"exact_query", "prefix_query", "range_query", "sorted_attribute_query", "text_query"})
ALONE = frozenset(
    {
        "set_query",
        "items_for_tax_query",
        "items_for_modifier_list_query",
        "items_for_item_options_query",
        "item_variations_for_item_option_values_query",
    }
)
SET_MAX = 250
CATEGORY_NUMBERS = {REGULAR: "1", MENU: "2", KITCHEN: "3"}


def matches_query(thing: CatalogObject, query: Any) -> bool:
    """Does the object match every filter? Raises for filters that do not exist or cannot stand together."""
    names = _checked(query)
    return all(_MATCH[name](thing, query[name]) for name in names if name in _MATCH)


def sorted_by_query(things: list[CatalogObject], query: dict[str, Any]) -> list[CatalogObject]:
    """In the order `sorted_attribute_query` asks for; objects without the attribute last."""
    wanted = query.get("sorted_attribute_query")
    if not wanted:
        return things
    name = _needed(wanted, "attribute_name", "sorted_attribute_query")
    order = wanted.get("sort_order", "ASC")
    if order not in ("ASC", "DESC"):
        raise SquareError("INVALID_SORT_ORDER", "sort_order must be ASC or DESC.", "query.sorted_attribute_query")
    have = [thing for thing in things if attribute(thing, name) is not None]
    first = wanted.get("initial_attribute_value")
    have.sort(key=lambda thing: (str(attribute(thing, name)).casefold(), thing.id), reverse=order == "DESC")
    if first is not None:
        start = str(first).casefold()
        after = order == "ASC"
        have = [thing for thing in have if (str(attribute(thing, name)).casefold() >= start) is after]
    return have + [thing for thing in things if attribute(thing, name) is None]


def attribute(thing: CatalogObject, name: str) -> str | int | None:
    """A searchable attribute of an object; enums count as their number."""
    if name == "name":
        return thing.name
    if isinstance(thing, Item):
        found: dict[str, str | int | None] = {
            "description": thing.plain,
            "abbreviation": thing.abbreviation,
            "product_type": thing.product_type,
        }
        return found.get(name)
    if isinstance(thing, Variation):
        return {"sku": thing.sku, "upc": thing.upc, "price_money": thing.cents}.get(name)
    if isinstance(thing, Category):
        top = "1" if thing.parent_id is None else "0"
        return {"category_type": CATEGORY_NUMBERS[thing.kind], "is_top_level": top}.get(name)
    if isinstance(thing, ModifierList):
        return {"internal_name": thing.internal_name}.get(name)
    return None


def _checked(query: Any) -> list[str]:
    if not isinstance(query, dict):
        raise SquareError("EXPECTED_OBJECT", "Expected an object for query.", "query")
    for name in query:
        if name not in TOGETHER | ALONE:
            raise SquareError("UNKNOWN_BODY_PARAMETER", f"Unrecognized parameter: query.{name}", f"query.{name}")
    if any(name in ALONE for name in query) and len(query) > 1:
        raise SquareError("CONFLICTING_PARAMETERS", "This query filter cannot be combined with others.", "query")
    return list(query)


def _needed(fields: Any, name: str, at: str) -> str:
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, str) or not value:
        raise SquareError("MISSING_REQUIRED_PARAMETER", f"{name} is required.", f"query.{at}.{name}")
    return value


def _ids(fields: Any, name: str, at: str, longest: int | None = None) -> set[str]:
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, list) or not value:
        raise SquareError("EXPECTED_ARRAY", f"Expected a non-empty array for {name}.", f"query.{at}.{name}")
    if longest is not None and len(value) > longest:
        raise SquareError("ARRAY_LENGTH_TOO_LONG", f"{name} holds more than {longest} values.", f"query.{at}.{name}")
    return {str(element) for element in value}


def _exact(thing: CatalogObject, fields: Any) -> bool:
    held = attribute(thing, _needed(fields, "attribute_name", "exact_query"))
    return held is not None and str(held).casefold() == _needed(fields, "attribute_value", "exact_query").casefold()


def _prefix(thing: CatalogObject, fields: Any) -> bool:
    held = attribute(thing, _needed(fields, "attribute_name", "prefix_query"))
    prefix = _needed(fields, "attribute_prefix", "prefix_query").casefold()
    return held is not None and str(held).casefold().startswith(prefix)


def _set(thing: CatalogObject, fields: Any) -> bool:
    held = attribute(thing, _needed(fields, "attribute_name", "set_query"))
    wanted = {value.casefold() for value in _ids(fields, "attribute_values", "set_query", SET_MAX)}
    return held is not None and str(held).casefold() in wanted


def _range(thing: CatalogObject, fields: Any) -> bool:
    held = attribute(thing, _needed(fields, "attribute_name", "range_query"))
    if not isinstance(held, int):
        return False
    lowest, highest = fields.get("attribute_min_value"), fields.get("attribute_max_value")
    return (lowest is None or held >= int(lowest)) and (highest is None or held <= int(highest))


def _text(thing: CatalogObject, fields: Any) -> bool:
    words = fields.get("keywords") if isinstance(fields, dict) else None
    if not isinstance(words, list) or not 1 <= len(words) <= 3:
        raise SquareError("INVALID_VALUE", "keywords must hold one to three words.", "query.text_query.keywords")
    for word in words:
        if len(re.findall(r"[^\W_]", str(word))) < 3:
            raise SquareError("INVALID_VALUE", "A keyword needs three alphanumerics.", "query.text_query.keywords")
    held = [str(attribute(thing, name) or "").casefold() for name in ("name", "description", "abbreviation", "sku")]
    return all(any(str(word).casefold() in text for text in held) for word in words)


def _items_for_tax(thing: CatalogObject, fields: Any) -> bool:
    wanted = _ids(fields, "tax_ids", "items_for_tax_query")
    return isinstance(thing, Item) and bool(wanted & set(thing.tax_ids))


def _items_for_list(thing: CatalogObject, fields: Any) -> bool:
    wanted = _ids(fields, "modifier_list_ids", "items_for_modifier_list_query")
    return isinstance(thing, Item) and any(
        link.group_id in wanted and link.enabled is not False for link in thing.links
    )


def _items_for_options(thing: CatalogObject, fields: Any) -> bool:
    wanted = _ids(fields, "item_option_ids", "items_for_item_options_query")
    return isinstance(thing, Item) and wanted <= set(thing.option_ids)


def _variations_for_values(thing: CatalogObject, fields: Any) -> bool:
    wanted = _ids(fields, "item_option_value_ids", "item_variations_for_item_option_values_query")
    return isinstance(thing, Variation) and wanted <= {value for _, value in thing.option_values}


_MATCH: dict[str, Callable[[CatalogObject, Any], bool]] = {
    "exact_query": _exact,
    "prefix_query": _prefix,
    "set_query": _set,
    "range_query": _range,
    "text_query": _text,
    "items_for_tax_query": _items_for_tax,
    "items_for_modifier_list_query": _items_for_list,
    "items_for_item_options_query": _items_for_options,
    "item_variations_for_item_option_values_query": _variations_for_values,
}
