"""Webhooks of Toast (Toast API reference, section 17): what they say, the signature over body and timestamp, its window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aura_migration.pos.webhooks import (
    Delivery,
    Touched,
    Unreadable,
    WebhookEvent,
    document,
    hmac_sha256_base64,
    instant,
    is_same,
    part,
    text,
    touched,
)

SIGNATURE = "toast-signature"
RESTAURANT = "toast-restaurant-external-id"
OLDEST = timedelta(hours=1)
"""Toast gives a delivery up 15 minutes after the first attempt; an older one is somebody's repetition."""
NEWEST = timedelta(minutes=5)
"""What clocks may differ."""
REMOVED = "partner_removed"


class ToastWebhooks:
    """See ``pos.webhooks.WebhookReader``."""

    kept_headers = frozenset(
        {
            "content-type",
            "user-agent",
            "toast-event-category",
            "toast-event-type",
            "toast-attempt-number",
            RESTAURANT,
        }
    )

    def events(self, delivery: Delivery) -> tuple[WebhookEvent, ...]:
        """One event a delivery. The restaurant is read from the body, which is signed; the header is not."""
        body = document(delivery.body)
        event_id, category, kind = (text(body.get(name)) for name in ("guid", "eventCategory", "eventType"))
        details = part(body, "details")
        restaurant = text(details.get("restaurantGuid"))
        if not event_id or not kind:
            raise Unreadable("The body names no guid or eventType.")
        return (
            WebhookEvent(
                event_id=event_id,
                kind=kind,
                location_id=restaurant,
                occurred_at=instant(body.get("timestamp")),
                touches=_touches(category, details),
                ends_access=kind == REMOVED,
            ),
        )

    def verification_code(self, delivery: Delivery) -> str:
        """Toast has no handshake."""
        return ""

    def why_not_genuine(self, delivery: Delivery, key: str) -> str:
        """The signature is over the raw body followed by the text of its field ``timestamp``."""
        given = delivery.headers.get(SIGNATURE, "")
        if not given:
            return f"the header {SIGNATURE} is missing"
        stamp = text(document(delivery.body).get("timestamp"))
        if not is_same(hmac_sha256_base64(key, delivery.body, stamp.encode("utf-8")), given):
            return "the signature fits neither key nor body"
        sent = instant(stamp)
        if sent is None:
            return "the body has no timestamp"
        if not -NEWEST <= delivery.at - sent <= OLDEST:
            return f"it was sent at {sent:%Y-%m-%d %H:%M:%S} UTC, which is not within the last {OLDEST.seconds // 60} minutes"
        return ""


_WHOLE: Mapping[str, str] = {
    "menus": "menus",
    "restaurant_availability": "availability",
    "restaurant_availability_toggle": "availability",
    "partner": "restaurant",
}
"""Categories after which all of a source entity is read anew."""


def _touches(category: str, details: Mapping[str, Any]) -> tuple[Touched, ...]:
    if category in _WHOLE:
        return touched(Touched(_WHOLE[category]))
    if category in ("order_updated", "channel_order_updated", "guest_order_status"):
        order = text(part(details, "order").get("guid")) or text(details.get("orderGuid"))
        return touched(Touched("orders", order)) if order else ()
    if category == "stock":
        return touched(Touched("stock", text(details.get("itemGuid"))))
    if "ordering_schedule" in category:
        return touched(Touched("ordering_schedule"))
    return ()


WEBHOOKS = ToastWebhooks()
