"""Catalog routes: list, search, search-catalog-items, batch-retrieve, object, info."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, flag, moment, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.item_search import search_items
from aura_migration.sandbox.square.model import CatalogObject, Item, PricingRule, Variation
from aura_migration.sandbox.square.query import matches_query, sorted_by_query
from aura_migration.sandbox.square.wire import Wire, instant
from aura_migration.sandbox.square.world import World

TOP_LEVEL = (
    "ITEM",
    "CATEGORY",
    "TAX",
    "DISCOUNT",
    "MODIFIER_LIST",
    "PRICING_RULE",
    "PRODUCT_SET",
    "TIME_PERIOD",
    "MEASUREMENT_UNIT",
    "SUBSCRIPTION_PLAN",
    "ITEM_OPTION",
    "CUSTOM_ATTRIBUTE_DEFINITION",
    "QUICK_AMOUNTS_SETTINGS",
)
NESTED = (
    "IMAGE",
    "ITEM_VARIATION",
    "MODIFIER",
    "ITEM_OPTION_VAL",
    "AVAILABILITY_PERIOD",
    "SUBSCRIPTION_PLAN_VARIATION",
)
ALL_TYPES = frozenset((*TOP_LEVEL, *NESTED))
LIST_PAGE = 100
SEARCH_MAX = 1000
BATCH_MAX = 1000


def routes(context: Context) -> list[Route]:
    """All catalog routes; every one needs ITEMS_READ."""
    scopes = ("ITEMS_READ",)

    def get(path: str, handler: Any, query: Iterable[str]) -> Route:
        return Route(path, context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    def post(path: str, handler: Any, body: Iterable[str]) -> Route:
        return Route(path, context.endpoint(handler, scopes=scopes, body=body), methods=["POST"])

    search_fields = (
        "object_types include_deleted_objects include_related_objects begin_time query limit cursor "
        "include_category_path_to_root included_resources"
    )
    items_fields = (
        "text_filter category_ids stock_levels enabled_location_ids product_types custom_attribute_filters "
        "archived_state sort_order limit cursor"
    )
    batch_fields = (
        "object_ids include_related_objects include_deleted_objects include_category_path_to_root catalog_version"
    )
    object_query = ("include_related_objects", "catalog_version", "include_category_path_to_root")
    return [
        get("/v2/catalog/list", list_objects, ("types", "cursor", "catalog_version")),
        get("/v2/catalog/info", info, ()),
        post("/v2/catalog/search", search, search_fields.split()),
        post("/v2/catalog/search-catalog-items", search_items, items_fields.split()),
        post("/v2/catalog/batch-retrieve", batch_retrieve, batch_fields.split()),
        get("/v2/catalog/object/{object_id}", one_object, object_query),
    ]


def checked_types(names: Iterable[str], field: str) -> list[str]:
    """Catalog types as named by a request, upper case. Raises for one that does not exist."""
    types = [name.strip().upper() for name in names if name.strip()]
    for name in types:
        if name not in ALL_TYPES:
            raise SquareError("INVALID_ENUM_VALUE", f"{name!r} is not a catalog object type.", field)
    return types


def versioned(call: Call, types: Iterable[str], version: int | None) -> list[CatalogObject]:
    """The objects of these types as of a catalog version, in paging order; by switch with those behind rewards."""
    world, wanted = call.world, frozenset(types)
    things = world.in_paging_order(wanted)
    if call.switches["loyalty_rules_listed"]:
        things = [*things, *(thing for thing in world.unlisted.values() if thing.type in wanted)]
    found = (world.at_version(thing, version) for thing in things)
    return [thing for thing in found if thing is not None]


def list_objects(call: Call) -> dict[str, Any]:
    """GET /v2/catalog/list: never deleted objects; nested types only when named."""
    version = whole(call.query, "catalog_version")
    named = call.query.get("types", "")
    types = checked_types(named.split(","), "types") or list(TOP_LEVEL)
    position = call.position("list", call.query)
    world = call.world
    live = [thing for thing in versioned(call, types, version) if not thing.deleted]
    part, cursor = call.page(live, position, LIST_PAGE)
    wire = Wire(world, call.view(catalog_version=version))
    return with_cursor({"objects": [wire.object(thing) for thing in part]}, cursor)


def search(call: Call) -> dict[str, Any]:
    """POST /v2/catalog/search."""
    body, world = call.body, call.world
    deleted, path = flag(body, "include_deleted_objects"), flag(body, "include_category_path_to_root")
    if deleted and path:
        detail = "include_deleted_objects and include_category_path_to_root cannot both be true."
        raise SquareError("CONFLICTING_PARAMETERS", detail)
    types = checked_types(array_of(body, "object_types"), "object_types") or list(TOP_LEVEL)
    since = moment(body, "begin_time")
    limit = whole(body, "limit")
    if limit is None or not 1 <= limit <= SEARCH_MAX:
        limit = int(call.switches["catalog_search_default_limit"])  # out of range is ignored, not an error
    view = call.view(path_to_root=path)
    query = body.get("query") or {}
    position = call.position("search", body)
    found = [
        thing
        for thing in versioned(call, types, None)
        if (deleted or not thing.deleted) and (since is None or thing.stamp > since)
    ]
    if query:
        found = sorted_by_query([thing for thing in found if matches_query(thing, query)], query)
    part, cursor = call.page(found, position, limit)
    wire = Wire(world, view)
    answer: dict[str, Any] = {"objects": [wire.object(thing) for thing in part]}
    if flag(body, "include_related_objects"):
        answer["related_objects"] = related(world, part, wire)
    answer["latest_time"] = instant(world.last_write, "latest_time")
    return with_cursor(answer, cursor)


def batch_retrieve(call: Call) -> dict[str, Any]:
    """POST /v2/catalog/batch-retrieve: unknown ids are just missing (switch `batch_retrieve_skips_unknown`)."""
    body, world = call.body, call.world
    if "object_ids" not in body:
        raise SquareError("MISSING_REQUIRED_PARAMETER", "object_ids is required.", "object_ids")
    wanted = array_of(body, "object_ids", BATCH_MAX)
    deleted, version = flag(body, "include_deleted_objects"), whole(body, "catalog_version")
    found: list[CatalogObject] = []
    for object_id in dict.fromkeys(wanted):
        present = world.get(object_id)
        thing = world.at_version(present, version) if present is not None else None
        if thing is not None and (deleted or not thing.deleted):
            found.append(thing)
        elif not call.switches["batch_retrieve_skips_unknown"]:
            raise SquareError("NOT_FOUND", f"Catalog object with ID {object_id!r} not found.", "object_ids")
    wire = Wire(world, call.view(flag(body, "include_category_path_to_root"), version))
    answer: dict[str, Any] = {"objects": [wire.object(thing) for thing in found]}
    if flag(body, "include_related_objects"):
        answer["related_objects"] = related(world, found, wire, version)
    return with_cursor(answer, None)


def one_object(call: Call) -> dict[str, Any]:
    """GET /v2/catalog/object/{id}: 404 for unknown, deleted and not yet made."""
    world, object_id = call.world, call.request.path_params["object_id"]
    version = whole(call.query, "catalog_version")
    present = world.get(object_id)
    thing = world.at_version(present, version) if present is not None else None
    if thing is None or thing.deleted:
        raise SquareError("NOT_FOUND", f"Catalog object with ID {object_id!r} not found.")
    wire = Wire(world, call.view(flag(call.query, "include_category_path_to_root"), version))
    answer: dict[str, Any] = {"object": wire.object(thing)}
    if flag(call.query, "include_related_objects"):
        answer["related_objects"] = related(world, [thing], wire, version)
    return with_cursor(answer, None)


def info(call: Call) -> dict[str, Any]:
    """GET /v2/catalog/info."""
    limits = {
        "batch_upsert_max_objects_per_batch": 1000,
        "batch_upsert_max_total_objects": 10000,
        "batch_retrieve_max_object_ids": BATCH_MAX,
        "search_max_page_limit": SEARCH_MAX,
        "batch_delete_max_object_ids": 200,
        "update_item_taxes_max_item_ids": 1000,
        "update_item_taxes_max_taxes_to_enable": 1000,
        "update_item_taxes_max_taxes_to_disable": 1000,
        "update_item_modifier_lists_max_item_ids": 1000,
        "update_item_modifier_lists_max_modifier_lists_to_enable": 1000,
        "update_item_modifier_lists_max_modifier_lists_to_disable": 1000,
    }
    units = [
        {"unit": {"weight_unit": "IMPERIAL_POUND", "type": "TYPE_WEIGHT"}, "name": "Pound", "abbreviation": "lb"},
        {"unit": {"volume_unit": "GENERIC_CUP", "type": "TYPE_VOLUME"}, "name": "Cup", "abbreviation": "cup"},
    ]
    group = {"standard_unit_descriptions": units, "language_code": call.world.merchant.language}
    return {"limits": limits, "standard_unit_description_group": group}


def related(
    world: World, things: Iterable[CatalogObject], wire: Wire, version: int | None = None
) -> list[dict[str, Any]]:
    """One level: an item's categories, taxes, images and modifier lists; a variation's item; a pricing rule's discount
    and product sets. Nothing else. As of a catalog version, if one is given."""
    ids: dict[str, None] = {}
    for thing in things:
        if isinstance(thing, Item):
            ids.update(dict.fromkeys(held for held, _ in thing.categories))
            ids.update(dict.fromkeys([thing.reporting_category[0]] if thing.reporting_category else []))
            ids.update(dict.fromkeys([thing.legacy_category_id] if thing.legacy_category_id else []))
            ids.update(dict.fromkeys(thing.tax_ids))
            ids.update(dict.fromkeys(thing.image_ids))
            ids.update(dict.fromkeys(link.group_id for link in thing.links))
        elif isinstance(thing, Variation):
            parent = world.parent_of(thing)
            ids.update({parent.id: None} if parent is not None else {})
        elif isinstance(thing, PricingRule):
            behind = (thing.discount_id, thing.match_id, thing.exclude_id)
            ids.update(dict.fromkeys(object_id for object_id in behind if object_id))
    present = (world.get(object_id) for object_id in ids)
    found = (world.at_version(thing, version) for thing in present if thing is not None)
    return [wire.object(thing) for thing in found if thing is not None and not thing.deleted]


def with_cursor(answer: dict[str, Any], cursor: str | None) -> dict[str, Any]:
    """The answer without empty lists, with a cursor only when there is more."""
    kept = {name: value for name, value in answer.items() if value != []}
    return {**kept, "cursor": cursor} if cursor else kept
