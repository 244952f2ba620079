"""Webhooks of Square (Square API reference, section 18): what they say, and the signature over address and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

SIGNATURE = "x-square-hmacsha256-signature"
REVOKED = "oauth.authorization.revoked"
DELETED = "customer.deleted"

_Objects = Mapping[str, Any]
_Reading = Callable[[_Objects], tuple[Touched, ...]]


class SquareWebhooks:
    """See ``pos.webhooks.WebhookReader``."""

    kept_headers = frozenset(
        {
            "content-type",
            "user-agent",
            "square-environment",
            "square-initial-delivery-timestamp",
            "square-retry-number",
            "square-retry-reason",
        }
    )

    def events(self, delivery: Delivery) -> tuple[WebhookEvent, ...]:
        """One event a delivery. Its order says nothing: records are read anew, whatever their version was when it was sent."""
        body = document(delivery.body)
        kind, event_id, merchant = (text(body.get(name)) for name in ("type", "event_id", "merchant_id"))
        if not kind or not event_id or not merchant:
            raise Unreadable("The body names no type, event_id or merchant_id.")
        data = part(body, "data")
        return (
            WebhookEvent(
                event_id=event_id,
                kind=kind,
                merchant_id=merchant,
                location_id=text(body.get("location_id")) or _location(data),
                occurred_at=instant(body.get("created_at")),
                touches=_touches(kind, text(data.get("id")), part(data, "object"), data.get("deleted") is True),
                ends_access=kind == REVOKED,
                is_farewell=kind == DELETED,
            ),
        )

    def verification_code(self, delivery: Delivery) -> str:
        """Square has no handshake."""
        return ""

    def why_not_genuine(self, delivery: Delivery, key: str) -> str:
        """The signature is over the subscribed address, byte for byte, and the raw body; the key is used as text."""
        given = delivery.headers.get(SIGNATURE, "")
        if not given:
            return f"the header {SIGNATURE} is missing"
        if is_same(hmac_sha256_base64(key, delivery.url.encode("utf-8"), delivery.body), given):
            return ""
        return f"the signature fits neither key nor body, or the subscription names another address than {delivery.url}"


def _location(data: Mapping[str, Any]) -> str:
    """The location where only the object names it."""
    if data.get("type") == "Location":
        return text(data.get("id"))
    return next((found for each in part(data, "object").values() if (found := text(part(each).get("location_id")))), "")


def _touches(kind: str, record: str, objects: _Objects, deleted: bool) -> tuple[Touched, ...]:
    """What is to be read anew after an event of a kind; nothing for what is not migrated."""
    for prefix, entity in ENTITIES:
        if kind == prefix or kind.startswith(f"{prefix}."):
            more = _MORE[entity](objects) if entity in _MORE else ()
            if entity in BY_ID:
                own = (Touched(entity, record, deleted or kind.endswith(".deleted")),) if record else ()
            else:
                own = () if more else (Touched(entity),)
            return touched(*own, *more)
    return ()


ENTITIES = (
    ("catalog.version", "catalog"),
    ("inventory.count", "inventory"),
    ("order", "orders"),
    ("payment", "payments"),
    ("refund", "refunds"),
    ("customer", "customers"),
    ("loyalty.account", "loyalty_accounts"),
    ("loyalty.event", "loyalty_events"),
    ("loyalty.program", "loyalty_program"),
    ("loyalty.promotion", "loyalty_program"),
    ("gift_card.activity", "gift_card_activities"),
    ("gift_card", "gift_cards"),
    ("payout", "payouts"),
    ("team_member.wage_setting", "wages"),
    ("team_member", "team"),
    ("job", "jobs"),
    ("labor.timecard", "timecards"),
    ("location", "locations"),
    ("card", "cards_on_file"),
)
"""Kinds by their beginning, the longer before the shorter, and the source entity they are about."""
BY_ID = frozenset(entity for _, entity in ENTITIES) - {"catalog", "inventory", "loyalty_program"}
"""Entities whose events name one record; of the others the records that are named elsewhere, or all, are read anew."""


def _one(objects: _Objects, name: str, field: str) -> str:
    return text(part(objects, name).get(field))


def _counted(objects: _Objects) -> tuple[Touched, ...]:
    counts = objects.get("inventory_counts")
    ids = (text(part(each).get("catalog_object_id")) for each in (counts if isinstance(counts, list) else ()))
    return tuple(Touched("inventory", each) for each in ids if each)


def _named(found: Mapping[str, str]) -> tuple[Touched, ...]:
    return tuple(Touched(entity, record) for entity, record in found.items() if record)


def _merged(objects: _Objects) -> tuple[Touched, ...]:
    """Profiles merged into a new one: the old ones are gone."""
    merge = part(objects, "event_context", "merge") or part(objects, "customer", "event_context", "merge")
    old = merge.get("from_customer_ids")
    gone = (text(each) for each in (old if isinstance(old, list) else ()))
    new = text(merge.get("to_customer_id"))
    return (
        *(Touched("customers", each, deleted=True) for each in gone if each),
        *((Touched("customers", new),) if new else ()),
    )


_MORE: Mapping[str, _Reading] = {
    "inventory": _counted,
    "payments": lambda o: _named({"orders": _one(o, "payment", "order_id")}),
    "refunds": lambda o: _named({"payments": _one(o, "refund", "payment_id"), "orders": _one(o, "refund", "order_id")}),
    "customers": _merged,
    "loyalty_events": lambda o: _named({"loyalty_accounts": _one(o, "loyalty_event", "loyalty_account_id")}),
    "gift_card_activities": lambda o: _named({"gift_cards": _one(o, "gift_card_activity", "gift_card_id")}),
}
"""What else an event about an entity touches."""

WEBHOOKS = SquareWebhooks()
