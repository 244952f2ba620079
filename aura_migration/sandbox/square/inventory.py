"""Inventory routes: counts, changes, singles."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, moment
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.model import Change
from aura_migration.sandbox.square.wire_places import change_body, change_json, count_json

IGNORED_STATES = frozenset({"NONE", "SOLD", "UNLINKED_RETURN"})
STATES = frozenset(
    [
        "CUSTOM",
        "IN_STOCK",
        "SOLD",
        "RETURNED_BY_CUSTOMER",
        "RESERVED_FOR_SALE",
        "SOLD_ONLINE",
        "ORDERED_FROM_VENDOR",
        "RECEIVED_FROM_VENDOR",
        "IN_TRANSIT_TO",
        "NONE",
        "WASTE",
        "UNLINKED_RETURN",
        "COMPOSED",
        "DECOMPOSED",
        "SUPPORTED_BY_NEWER_VERSION",
        "IN_TRANSIT",
        "UNTRACKED",
    ]
)
LIMIT_MAX = 1000


def routes(context: Context) -> list[Route]:
    """All inventory routes; every one needs INVENTORY_READ."""
    scopes = ("INVENTORY_READ",)
    common = ("catalog_object_ids", "location_ids", "updated_after", "states", "limit", "cursor")

    def endpoint(handler: Any, **names: Any) -> Any:
        return context.endpoint(handler, scopes=scopes, **names)

    changes = endpoint(batch_changes, body=(*common, "types", "updated_before", "reason_ids", "sort"))
    return [
        Route("/v2/inventory/counts/batch-retrieve", endpoint(batch_counts, body=common), methods=["POST"]),
        Route("/v2/inventory/changes/batch-retrieve", changes, methods=["POST"]),
        Route("/v2/inventory/adjustments/{change_id}", endpoint(adjustment), methods=["GET"]),
        Route("/v2/inventory/physical-counts/{change_id}", endpoint(physical_count), methods=["GET"]),
        Route("/v2/inventory/transfers/{change_id}", endpoint(transfer), methods=["GET"]),
        Route(
            "/v2/inventory/{catalog_object_id}", endpoint(counts_of, query=("location_ids", "cursor")), methods=["GET"]
        ),
    ]


def _states(call: Call) -> set[str] | None:
    """The states asked for; None = all. NONE, SOLD and UNLINKED_RETURN are ignored, so only those = all."""
    wanted = array_of(call.body, "states")
    for state in wanted:
        if state not in STATES:
            raise SquareError("INVALID_ENUM_VALUE", f"{state!r} is not an inventory state.", "states")
    return (set(wanted) - IGNORED_STATES) or None


def batch_counts(call: Call) -> dict[str, Any]:
    """POST /v2/inventory/counts/batch-retrieve: newest `calculated_at` first."""
    body = call.body
    objects, locations = set(array_of(body, "catalog_object_ids")), set(array_of(body, "location_ids"))
    since, states = moment(body, "updated_after"), _states(call)
    limit = bounded(call, body, int(call.switches["inventory_default_limit"]), LIMIT_MAX)
    position = call.position("inventory-counts", body)
    found = [
        count
        for count in call.world.counts
        if count.state not in IGNORED_STATES
        and (not objects or count.object_id in objects)
        and (not locations or count.location_id in locations)
        and (states is None or count.state in states)
        and (since is None or count.stamp > since)
    ]
    found.sort(key=lambda count: (-count.stamp, count.object_id, count.location_id, count.state))
    part, cursor = call.page(found, position, limit)
    return _answer("counts", [count_json(count) for count in part], cursor)


def counts_of(call: Call) -> dict[str, Any]:
    """GET /v2/inventory/{catalog_object_id}: 404 for an object that does not exist."""
    object_id = call.request.path_params["catalog_object_id"]
    if call.world.get(object_id) is None:
        raise SquareError("NOT_FOUND", f"Catalog object with ID {object_id!r} not found.")
    named = call.query.get("location_ids", "")
    locations = {name.strip() for name in named.split(",") if name.strip()}
    position = call.position(f"inventory-{object_id}", call.query)
    found = [
        count
        for count in call.world.counts
        if count.object_id == object_id
        and count.state not in IGNORED_STATES
        and (not locations or count.location_id in locations)
    ]
    found.sort(key=lambda count: (-count.stamp, count.location_id, count.state))
    part, cursor = call.page(found, position, int(call.switches["inventory_default_limit"]))
    return _answer("counts", [count_json(count) for count in part], cursor)


def batch_changes(call: Call) -> dict[str, Any]:
    """POST /v2/inventory/changes/batch-retrieve: oldest `occurred_at` first; TRANSFER is not allowed."""
    body = call.body
    objects, locations = set(array_of(body, "catalog_object_ids")), set(array_of(body, "location_ids"))
    since, before, states = moment(body, "updated_after"), moment(body, "updated_before"), _states(call)
    types = array_of(body, "types") or ["PHYSICAL_COUNT", "ADJUSTMENT"]
    for kind in types:
        if kind not in ("PHYSICAL_COUNT", "ADJUSTMENT"):
            raise SquareError("INVALID_ENUM_VALUE", f"{kind!r} cannot be asked for here.", "types")
    limit = bounded(call, body, int(call.switches["inventory_default_limit"]), LIMIT_MAX)
    position = call.position("inventory-changes", body)
    found = [
        change
        for change in call.world.changes
        if change.kind in types
        and (not objects or change.object_id in objects)
        and (not locations or change.location_id in locations)
        and (states is None or change.to_state in states or change.from_state in states)
        and (since is None or change.stamp > since)
        and (before is None or change.stamp < before)
    ]
    found.sort(key=lambda change: (change.stamp, change.id))
    part, cursor = call.page(found, position, limit)
    currency, newer = call.world.merchant.currency, call.view().newer
    return _answer("changes", [change_json(change, currency, newer) for change in part], cursor)


def _single(call: Call, kind: str) -> dict[str, Any]:
    change_id = call.request.path_params["change_id"]
    change: Change | None = next(
        (held for held in call.world.changes if held.id == change_id and held.kind == kind), None
    )
    if change is None:
        raise SquareError("NOT_FOUND", f"Inventory change with ID {change_id!r} not found.")
    return change_body(change, call.world.merchant.currency, call.view().newer)


def adjustment(call: Call) -> dict[str, Any]:
    """GET /v2/inventory/adjustments/{id}."""
    return {"adjustment": _single(call, "ADJUSTMENT")}


def physical_count(call: Call) -> dict[str, Any]:
    """GET /v2/inventory/physical-counts/{id}: the answer's key is `count`."""
    return {"count": _single(call, "PHYSICAL_COUNT")}


def transfer(call: Call) -> dict[str, Any]:
    """GET /v2/inventory/transfers/{id}: no scenario has transfers."""
    return {"transfer": _single(call, "TRANSFER")}


def _answer(key: str, rows: list[dict[str, Any]], cursor: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {key: rows} if rows else {}
    return {**answer, "cursor": cursor} if cursor else answer
