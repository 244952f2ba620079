"""Ways of paying and kinds of order: what Clover's keys and labels mean here. Names are never guessed from labels."""

from __future__ import annotations

from aura_migration.pos.clover.orders.wire import Card, Tender

TENDER_PREFIX = "com.clover.tender."
ORDER_PREFIX = "com.clover.order.type."
GIFT_CARD = "GIFT_CARD"
CARDS = frozenset(("credit_card", "debit_card", "interac"))
UNKNOWN = "Unknown"

ORDER_TYPES = {
    "DINE-IN-TYPE": "dine_in",
    "TAKE-OUT-TYPE": "takeout",
    "PICK-UP-TYPE": "takeout",
    "DELIVERY-TYPE": "delivery",
    "dine_in": "dine_in",
    "take_out": "takeout",
    "pick_up": "takeout",
    "delivery": "delivery",
}
"""By system id, and by the rest of a label key."""


def order_kind(label_key: str | None, system_id: str | None) -> str:
    """An order type in AuraConnect's words, by the system's id or key; ``unknown`` for a restaurant's own."""
    return ORDER_TYPES.get(system_id or "") or ORDER_TYPES.get((label_key or "").removeprefix(ORDER_PREFIX), "unknown")


def tender_of(tender: Tender | None, card: Card | None, known: dict[str, Tender]) -> tuple[str, str]:
    """Method and name of a tender: those of the system by their key, a restaurant's own by its label."""
    full = tender
    if tender is not None and tender.label is None and tender.label_key is None:
        full = known.get(tender.id or "", tender)
    key = ((full.label_key if full else None) or "").removeprefix(TENDER_PREFIX)
    label = full.label if full else None
    if card is not None and card.card_type == GIFT_CARD:
        return "gift_card", "Gift card"
    if key == "cash":
        return "cash", "Cash"
    if key in CARDS:
        return "card", "Card"
    if "gift_card" in key:
        return "gift_card", "Gift card"
    if not label and not key:
        # A tender nobody tells the name of; that a card was used is certain.
        return ("card", "Card") if full is None and card is not None else ("other", UNKNOWN)
    name = label or key
    if key == "check":
        return "check", name
    if key == "external_pin_debit":
        return "card", name
    return "other", name
