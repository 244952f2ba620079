"""How an order came in and how it left: channel, kind of order, the time it is for. Square API reference, section 11.3."""

from __future__ import annotations

import re
from functools import lru_cache

from aura_migration.pos.square.orders import wire
from aura_migration.pos.square.orders.dating import text_of

LEAVES = {"PICKUP": "takeout", "DELIVERY": "delivery", "SHIPMENT": "delivery", "IN_STORE": "dine_in"}
_KIOSK = re.compile(r"kiosk", re.IGNORECASE)
_ONLINE = re.compile(r"online|website|web ?shop|e-?commerce", re.IGNORECASE)
_TILL = re.compile(r"point of sale|square for restaurants|square pos|register|terminal", re.IGNORECASE)
_MARKET = re.compile(
    r"door ?dash|uber ?eats|grub ?hub|postmates|just ?eat|deliveroo|seamless|caviar|skip ?the ?dishes|menulog|chow ?now",
    re.IGNORECASE,
)


def channel_of(order: wire.Order) -> str:
    """Where an order came from, by the name of the application, else by its delivery; counter sales may name none."""
    name = order.source.name if order.source is not None else None
    found = _channel_named(name) if name else None
    if found in (None, "unknown"):
        for held in order.fulfillments or ():
            details = held.details
            if details is not None and details.managed_delivery:
                return "third_party"
    return found or "in_house"


@lru_cache(1_000)
def _channel_named(name: str) -> str:
    for pattern, channel in ((_MARKET, "third_party"), (_KIOSK, "kiosk"), (_ONLINE, "online"), (_TILL, "in_house")):
        if pattern.search(name):
            return channel
    return "unknown"


def leaving(order: wire.Order) -> tuple[str, str | None, bool]:
    """The kind of order, what time it is for, and whether that is still to come."""
    kinds, time, ahead = [], None, False
    for held in order.fulfillments or ():
        details = held.details
        kind = LEAVES.get(held.type or "", "unknown")
        if details is not None and details.is_curbside_pickup:
            kind = "curbside"
        kinds.append(kind)
        if details is not None and details.schedule_type == "SCHEDULED":
            time = time or text_of(details.pickup_at or details.deliver_at or details.expected_shipped_at)
            ahead = ahead or held.state in ("PROPOSED", "RESERVED")
    return (kinds[0] if kinds else "unknown"), time, ahead
