"""What Toast says of orders and cash that has no home in AuraConnect, in an owner's words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL
from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units
from aura_migration.pos.toast.orders import wire
from aura_migration.pos.unread import Documents, HistoryFields

ADDRESS = "Where to it was delivered: in the backup only, encrypted."
NOTES = {
    **dict.fromkeys(
        ("entityType", "guid", "createdDate", "modifiedDate", "deletedDate", "initialDate", "checkGuid", "orderGuid",
         "tenderTransactionGuid", "pricingFeatures", "itemGroup", "optionGroupPricingMode", "discountType",
         "externalId"),
        TECHNICAL,
    ),
    **dict.fromkeys(("paidDate", "openedBy"), MAPPED),
    **dict.fromkeys(
        ("address1", "address2", "administrativeArea", "city", "country", "latitude", "longitude", "state", "zipCode"), ADDRESS
    ),
    "notes": "What was written for the driver is in the backup only.",
    "deliveryEmployee": "Who delivered it is in the backup only.",
    "createdDevice": "At which terminal it was rung up is in the backup only.",
    "lastModifiedDevice": "At which terminal it was changed last is in the backup only.",
    "duration": "How long it was open, in seconds: follows from the times that are carried over.",
    "checks[].openedBy": "Who opened the check, beside the server, who is carried over.",
    "appliedLoyaltyInfo": "Which loyalty account the check collected points for is in the backup only.",
    "loyaltyDetails": "Which loyalty reward a discount came from; the discount itself is carried over.",
    "diningOption": "The dining option of single lines; the order's own is carried over.",
    "fulfillmentStatus": "How far the kitchen was with a line is in the backup only.",
    "guestOrderStatus": "What the guest was told about the order is in the backup only.",
    "requiredPrepTime": "How long it was to take is in the backup only.",
    "plu": "The number a line was rung up by is in the backup only.",
    "tabName": "The name of an open tab is in the backup only.",
}  # fmt: skip
NAMED_AS_MONEY = ("amount", "price", "fee", "cost", "balance")


def money(path: str, value: Any, currency: str) -> int | None:
    """Decimal numbers whose name says that they are money, as minor units."""
    name = path.rpartition(".")[2].lower()
    if isinstance(value, bool) or not isinstance(value, int | float) or not name.endswith(NAMED_AS_MONEY):
        return None
    try:
        return minor_units(Decimal(repr(value)), currency)
    except BadInput:  # finer than the currency: no amount
        return None


def _all(body: Any) -> Iterable[Any]:
    return body if isinstance(body, list) else [body]


FIELDS = HistoryFields(
    (
        Documents("orders", "orders", _all, wire.Order, NOTES, "guid"),
        Documents("cash_entries", "cash_entries", _all, wire.CashEntry, NOTES, "guid"),
        Documents("cash_deposits", "cash_deposits", _all, wire.CashDeposit, NOTES, "guid"),
    ),
    money,
)
