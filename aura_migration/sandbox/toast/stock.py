"""The stock API of the sandbox Toast: the 86 list, look-up by id, and changes.

An option shares the stock of the item it refers to, so there is one row per item guid, never one per option.
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.toast.gate import ToastError
from aura_migration.sandbox.toast.model import Item
from aura_migration.sandbox.toast.world import IN_STOCK, OUT_OF_STOCK, QUANTITY, Publication, World


def list_stock(world: World, place: Publication, status: str | None) -> list[dict[str, Any]]:
    """``GET /inventory``: everything that is not simply in stock, optionally of one status."""
    if status not in (None, OUT_OF_STOCK, QUANTITY):
        raise ToastError(400, f"status must be {OUT_OF_STOCK} or {QUANTITY}")
    items = place.catalog.items
    return [
        world.stock_row(place, guid, items[guid].mlid, valid=True)
        for guid, (held, _) in place.location.stock.items()
        if guid in items and status in (None, held)
    ]


def _strings(body: dict[str, Any], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ToastError(400, f"{name} must be a list of strings")
    return values


def _find(place: Publication, guid: object, mlid: object) -> Item | None:
    if isinstance(guid, str):
        return place.catalog.items.get(guid.lower())
    return next((item for item in place.catalog.items.values() if item.mlid == mlid), None)


def search_stock(world: World, place: Publication, body: Any) -> list[dict[str, Any]]:
    """``POST /inventory/search``: a row per id asked for, whatever its status; unknown ids are INVALID."""
    if not isinstance(body, dict):
        raise ToastError(400, "the body must be an object with guids and multiLocationIds")
    rows: list[dict[str, Any]] = []
    for guid in _strings(body, "guids"):
        item = _find(place, guid, None)
        rows.append(world.stock_row(place, guid, item.mlid if item else None, valid=item is not None))
    by_mlid = {item.mlid: item for item in place.catalog.items.values()}
    for mlid in _strings(body, "multiLocationIds"):
        item = by_mlid.get(mlid)
        rows.append(world.stock_row(place, item.guid if item else None, mlid, valid=item is not None))
    return rows


def change_stock(world: World, place: Publication, body: Any) -> list[dict[str, Any]]:
    """``PUT /inventory/update``: all of the changes or none; answers the rows as they are now."""
    if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
        raise ToastError(400, "the body must be a list of stock changes")
    changes: list[tuple[Item, str, float | None]] = []
    for entry in body:
        item = _find(place, entry.get("guid"), entry.get("multiLocationId"))
        status, quantity = entry.get("status"), entry.get("quantity")
        if item is None:
            raise ToastError(400, "Referenced entity (type=MenuItem) must contain either a GUID or MultiLocationId")
        if status not in (IN_STOCK, OUT_OF_STOCK, QUANTITY):
            raise ToastError(400, f"status must be {IN_STOCK}, {OUT_OF_STOCK} or {QUANTITY}")
        counted = isinstance(quantity, int | float) and not isinstance(quantity, bool) and quantity > 0
        if (status == QUANTITY) != counted or (status != QUANTITY and quantity is not None):
            raise ToastError(400, "quantity must be greater than 0 for status QUANTITY and absent otherwise")
        changes.append((item, status, float(quantity) if counted else None))
    for item, status, amount in changes:
        if status == IN_STOCK:
            place.location.stock.pop(item.guid, None)
        else:
            place.location.stock[item.guid] = (status, amount)
    return [world.stock_row(place, item.guid, item.mlid, valid=True) for item, _, _ in changes]
