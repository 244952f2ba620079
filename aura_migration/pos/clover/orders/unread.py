"""What Clover says of orders and money that has no home in AuraConnect, in an owner's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL
from aura_migration.pos.clover.orders import lists, wire
from aura_migration.pos.unread import Documents, HistoryFields

NOTES = {
    **dict.fromkeys(
        ("href", "orderRef", "lineItemRef", "merchant", "clientCreatedTime", "orderClientCreatedTime", "id", "discType",
         "isDefault", "isVat", "groupLineItems", "editable", "enabled", "visible", "opensCashDrawer", "supportsTipping",
         "supportsCashDiscount", "instructions", "colorCode", "captured", "type"),
        TECHNICAL,
    ),
    # The order of a refund and the payments of an order are documents of their own.
    **dict.fromkeys(("order", "taxableAmountRates", "voidPaymentRef"), MAPPED),
    "device": "At which device it was taken is in the backup only.",
    "alternateName": "A line's second name (for the kitchen) is in the backup only.",
    "itemCode": "A line's product code is in the backup only; the item's own is carried over with the menu.",
    "exchangedLineItem": "Which line an exchanged line took the place of is in the backup only.",
    "printed": "Whether a line was printed for the kitchen is in the backup only.",
    "unpaidBalance": "What is still to be paid, as Clover reckons it; AuraConnect reckons it from the payments.",
    "entryType": "Whether a card was swiped, dipped or tapped is in the backup only.",
    "state": "How far the processor was with a card payment is in the backup only.",
    "note": "A note typed with it is in the backup only.",
}  # fmt: skip
NAMED_AS_MONEY = ("amount", "price", "balance", "total")


def money(path: str, value: Any, currency: str) -> int | None:
    """Whole numbers whose name says that they are money: Clover's are in minor units."""
    name = path.rpartition(".")[2].lower()
    return value if type(value) is int and name.endswith(NAMED_AS_MONEY) else None


def _elements(body: Any) -> Iterable[Any]:
    found = body.get("elements") if isinstance(body, Mapping) else None
    return found if isinstance(found, list) else []


FIELDS = HistoryFields(
    (
        Documents("orders", lists.ORDERS, _elements, wire.Order, NOTES),
        Documents("payments", lists.PAYMENTS, _elements, wire.Payment, NOTES),
        Documents(
            "refunds",
            lists.REFUNDS,
            _elements,
            wire.Refund,
            {**NOTES, "alternateName": MAPPED, "itemCode": MAPPED, "printed": TECHNICAL},
        ),
        Documents("credits", lists.CREDITS, _elements, wire.Credit, NOTES),
        Documents("cash_events", lists.CASH_EVENTS, _elements, wire.CashEvent, NOTES, "timestamp"),
    ),
    money,
)
