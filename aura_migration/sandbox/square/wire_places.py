"""Square's JSON of inventory, merchants and locations, made from the meaning in `model.py`."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.square.model import Change, Count, Location, Merchant
from aura_migration.sandbox.square.wire import compact, instant, money


def count_json(count: Count) -> dict[str, Any]:
    """An InventoryCount."""
    return {
        "catalog_object_id": count.object_id,
        "catalog_object_type": count.object_type,
        "state": count.state,
        "location_id": count.location_id,
        "quantity": count.quantity,
        "calculated_at": instant(count.stamp, count.object_id + count.location_id + count.state),
    }


def change_json(change: Change, currency: str, newer: bool) -> dict[str, Any]:
    """An InventoryChange; newer versions tell an adjustment's two locations apart."""
    key = "physical_count" if change.kind == "PHYSICAL_COUNT" else "adjustment"
    return {"type": change.kind, key: change_body(change, currency, newer)}


def change_body(change: Change, currency: str, newer: bool) -> dict[str, Any]:
    """The InventoryPhysicalCount or InventoryAdjustment itself."""
    physical = change.kind == "PHYSICAL_COUNT"
    at: dict[str, Any] = {"location_id": change.location_id}
    if newer and not physical:
        at = {"from_location_id": change.location_id, "to_location_id": change.location_id}
    return compact(
        {
            "id": change.id,
            "catalog_object_id": change.object_id,
            "catalog_object_type": "ITEM_VARIATION",
            "state": change.to_state if physical else None,
            "from_state": None if physical else change.from_state,
            "to_state": None if physical else change.to_state,
            **at,
            "quantity": change.quantity,
            "total_price_money": money(change.cents, currency),
            "source": {"product": "SQUARE_POS", "name": "Point of Sale"},
            "team_member_id": change.team_member_id,
            "transaction_id": change.order_id,
            "occurred_at": instant(change.stamp, change.id),
            "created_at": instant(change.stamp + 740, change.id + "c"),
        }
    )


def merchant_json(merchant: Merchant) -> dict[str, Any]:
    """A Merchant."""
    return {
        "id": merchant.id,
        "business_name": merchant.name,
        "country": merchant.country,
        "language_code": merchant.language,
        "currency": merchant.currency,
        "status": "ACTIVE",
        "main_location_id": merchant.main_location_id,
        "created_at": instant(merchant.created, merchant.id),
    }


def location_json(location: Location, merchant: Merchant, newer: bool) -> dict[str, Any]:
    """A Location; one without hours sends an empty object."""
    periods = [
        {"day_of_week": day, "start_local_time": start, "end_local_time": end}
        for day, start, end in location.hours or []
    ]
    hours = None if location.hours is None else {"periods": periods} if periods else {}
    return compact(
        {
            "id": location.id,
            "name": location.name,
            "address": location.address,
            "timezone": location.timezone,
            "capabilities": ["CREDIT_CARD_PROCESSING", "AUTOMATIC_TRANSFERS"] if location.status == "ACTIVE" else None,
            "status": location.status,
            "created_at": instant(location.created, location.id),
            "merchant_id": merchant.id,
            "country": merchant.country,
            "language_code": merchant.language,
            "currency": merchant.currency,
            "phone_number": location.phone,
            "business_name": location.business_name or merchant.name,
            "type": location.type,
            "business_hours": hours,
            "business_email": location.email,
            "description": location.description,
            "mcc": "5812",
            "custom_receipt_text": location.receipt_text if newer else None,
        }
    )
