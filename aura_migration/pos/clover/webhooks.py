"""Webhooks of Clover (Clover API reference, section 2.3): updates per merchant, the shared secret, the handshake.

A delivery is not signed: it carries the application's secret. So it is believed only as a hint about what to read anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aura_migration.pos.webhooks import (
    Delivery,
    Touched,
    Unreadable,
    WebhookEvent,
    document,
    instant,
    is_same,
    text,
    touched,
)

HEADER = "x-clover-auth"
APPLICATION = "A"
ENTITIES: Mapping[str, str] = {
    "C": "customers",
    "CA": "cash_events",
    "E": "employees",
    "I": "items",
    "IA": "items",
    "IC": "categories",
    "IG": "modifier_groups",
    "IM": "modifiers",
    "IS": "item_stocks",
    "M": "merchant",
    "O": "orders",
    "P": "payments",
    "SH": "opening_hours",
}
"""Source entity by the letters before the colon of an object id."""
TYPES = ("CREATE", "UPDATE", "DELETE")
LONGEST_KIND = 100


class CloverWebhooks:
    """See ``pos.webhooks.WebhookReader``."""

    kept_headers = frozenset({"content-type", "user-agent"})

    def events(self, delivery: Delivery) -> tuple[WebhookEvent, ...]:
        """An event per merchant of the delivery; its identity is what it says, for Clover gives it none."""
        merchants = document(delivery.body).get("merchants")
        if not isinstance(merchants, dict) or not merchants:
            raise Unreadable("The body names no merchants.")
        return tuple(_event(text(merchant), updates) for merchant, updates in merchants.items())

    def verification_code(self, delivery: Delivery) -> str:
        """The code of the registration, which is typed in at Clover's developer dashboard."""
        try:
            body = document(delivery.body)
        except Unreadable:
            return ""
        return text(body.get("verificationCode")) if "merchants" not in body else ""

    def why_not_genuine(self, delivery: Delivery, key: str) -> str:
        """The header has to hold the application's secret."""
        given = delivery.headers.get(HEADER, "")
        if not given:
            return f"the header {HEADER} is missing"
        return "" if is_same(key, given) else f"the header {HEADER} holds another secret"


def _event(merchant: str, updates: Any) -> WebhookEvent:
    said = sorted(
        {
            (text(update.get("objectId")), str(update.get("type")), _stamp(update.get("ts")))
            for update in (updates if isinstance(updates, list) else ())
            if isinstance(update, dict) and text(update.get("objectId")) and update.get("type") in TYPES
        }
    )
    if not merchant or not said:
        raise Unreadable("The body names a merchant without updates.")
    times = [at for *_, stamp in said if (at := instant(stamp)) is not None]
    kinds = dict.fromkeys(f"{object_id.partition(':')[0]} {kind}" for object_id, kind, _ in said)
    return WebhookEvent(
        event_id=hashlib.sha256(json.dumps(said).encode("ascii")).hexdigest(),
        kind=", ".join(kinds)[:LONGEST_KIND],
        merchant_id=merchant,
        location_id=merchant,
        occurred_at=max(times) if times else None,
        touches=touched(*(each for object_id, kind, _ in said for each in _touches(object_id, kind))),
        ends_access=any(object_id.startswith(f"{APPLICATION}:") and kind == "DELETE" for object_id, kind, _ in said),
    )


def _stamp(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _touches(object_id: str, kind: str) -> tuple[Touched, ...]:
    letters, _, record = object_id.partition(":")
    entity = ENTITIES.get(letters)
    return (Touched(entity, record, kind == "DELETE"),) if entity and record else ()


WEBHOOKS = CloverWebhooks()
