"""Merchants, locations, their custom attributes, and the online-checkout settings."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, bounded, flag, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.model import Location
from aura_migration.sandbox.square.wire import instant
from aura_migration.sandbox.square.wire_places import location_json, merchant_json

ATTRIBUTE_PAGE, ATTRIBUTE_MAX = 20, 100


def routes(context: Context) -> list[Route]:
    """Routes of this module; all need MERCHANT_PROFILE_READ."""
    read = ("MERCHANT_PROFILE_READ",)
    paging = ("limit", "cursor", "visibility_filter")

    def get(path: str, handler: Any, query: tuple[str, ...] = (), scopes: tuple[str, ...] = read) -> Route:
        return Route(path, context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    checkout = "/v2/online-checkout"
    return [
        get("/v2/merchants", merchants, ("cursor",)),
        get("/v2/merchants/custom-attribute-definitions", merchant_definitions, paging),
        get("/v2/merchants/{merchant_id}/custom-attributes", merchant_attributes, (*paging, "with_definitions")),
        get("/v2/merchants/{merchant_id}", merchant),
        get("/v2/locations", locations),
        get("/v2/locations/custom-attribute-definitions", location_definitions, paging),
        get("/v2/locations/{location_id}/custom-attributes", location_attributes, (*paging, "with_definitions")),
        get("/v2/locations/{location_id}", location),
        get(checkout + "/location-settings/{location_id}", checkout_location),
        get(checkout + "/merchant-settings", checkout_merchant, (), ("PAYMENT_METHODS_READ", *read)),
    ]


def merchants(call: Call) -> dict[str, Any]:
    """GET /v2/merchants: one row under the singular key; its cursor is an integer."""
    if whole(call.query, "cursor"):
        return {}
    return {"merchant": [merchant_json(call.world.merchant)]}


def merchant(call: Call) -> dict[str, Any]:
    """GET /v2/merchants/{id or me}."""
    held = call.world.merchant
    _own_merchant(call)
    return {"merchant": merchant_json(held)}


def _own_merchant(call: Call) -> None:
    if call.request.path_params["merchant_id"] not in ("me", call.world.merchant.id):
        raise SquareError("NOT_FOUND", "Merchant not found.")


def locations(call: Call) -> dict[str, Any]:
    """GET /v2/locations: everything, inactive ones too, ordered by name, no paging."""
    world, newer = call.world, call.view().newer
    ordered = sorted(world.locations.values(), key=lambda held: (held.name, held.id))
    return {"locations": [location_json(held, world.merchant, newer) for held in ordered]}


def _location(call: Call, main_allowed: bool = True) -> Location:
    location_id = call.request.path_params["location_id"]
    if location_id == "main" and main_allowed:
        location_id = call.world.merchant.main_location_id
    found = call.world.locations.get(location_id)
    if found is None:
        raise SquareError("NOT_FOUND", "Location not found.")
    return found


def location(call: Call) -> dict[str, Any]:
    """GET /v2/locations/{id or main}."""
    return {"location": location_json(_location(call), call.world.merchant, call.view().newer)}


def _definition(held: dict[str, Any]) -> dict[str, Any]:
    stamp = held["stamp"]
    return {
        "key": held["key"],
        "schema": {"type": held["schema"]},
        "name": held["name"],
        "description": held["description"],
        "visibility": "VISIBILITY_READ_ONLY",
        "version": 1,
        "updated_at": instant(stamp, held["key"]),
        "created_at": instant(stamp, held["key"] + "c"),
    }


def _paged(call: Call, endpoint: str, key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    limit = bounded(call, call.query, ATTRIBUTE_PAGE, ATTRIBUTE_MAX)
    position = call.position(endpoint, call.query)
    part, cursor = call.page(rows, position, limit)
    answer: dict[str, Any] = {key: part} if part else {}
    return {**answer, "cursor": cursor} if cursor else answer


def location_definitions(call: Call) -> dict[str, Any]:
    """GET /v2/locations/custom-attribute-definitions."""
    rows = [_definition(held) for held in call.world.location_attributes]
    return _paged(call, "location-definitions", "custom_attribute_definitions", rows)


def location_attributes(call: Call) -> dict[str, Any]:
    """GET /v2/locations/{id}/custom-attributes."""
    found = _location(call, main_allowed=False)
    definitions = flag(call.query, "with_definitions")
    rows = []
    for held in call.world.location_attributes:
        if held["key"] in found.attributes:
            row: dict[str, Any] = {
                "key": held["key"],
                "value": found.attributes[held["key"]],
                "version": 1,
                "visibility": "VISIBILITY_READ_ONLY",
                "updated_at": instant(held["stamp"], found.id + held["key"]),
                "created_at": instant(held["stamp"], found.id + held["key"] + "c"),
            }
            rows.append({**row, "definition": _definition(held)} if definitions else row)
    return _paged(call, f"location-attributes-{found.id}", "custom_attributes", rows)


def merchant_definitions(call: Call) -> dict[str, Any]:
    """GET /v2/merchants/custom-attribute-definitions: no scenario has any."""
    return _paged(call, "merchant-definitions", "custom_attribute_definitions", [])


def merchant_attributes(call: Call) -> dict[str, Any]:
    """GET /v2/merchants/{id}/custom-attributes: no scenario has any."""
    _own_merchant(call)
    return _paged(call, "merchant-attributes", "custom_attributes", [])


def checkout_location(call: Call) -> dict[str, Any]:
    """GET /v2/online-checkout/location-settings/{location_id}."""
    found = _location(call, main_allowed=False)
    settings: dict[str, Any] = {"location_id": found.id, "customer_notes_enabled": True, "coupons": {"enabled": False}}
    if found.tip_percentages is not None:
        currency = call.world.merchant.currency
        settings["tipping"] = {
            "percentages": list(found.tip_percentages),
            "smart_tipping_enabled": True,
            "default_percent": found.tip_percentages[1],
            "smart_tips": [{"amount": cents, "currency": currency} for cents in (100, 200, 300)],
        }
    settings["updated_at"] = instant(found.created, found.id + "checkout")
    return {"location_settings": settings}


def checkout_merchant(call: Call) -> dict[str, Any]:
    """GET /v2/online-checkout/merchant-settings."""
    methods = {"apple_pay": {"enabled": True}, "google_pay": {"enabled": True}, "cash_app": {"enabled": False}}
    stamp = instant(call.world.merchant.created, "merchant-settings")
    return {
        "merchant_settings": {
            "merchant_id": call.world.merchant.id,
            "payment_methods": methods,
            "updated_at": stamp,
        }
    }
