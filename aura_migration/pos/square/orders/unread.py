"""What Square says of orders and money that has no home in AuraConnect, in an owner's words. Square API reference, 11 to 16."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aura_migration.canonical.losses import MAPPED, TECHNICAL
from aura_migration.pos.square.orders import sources, wire
from aura_migration.pos.unread import Documents, HistoryFields

PLUMBING = dict.fromkeys(
    ("uid", "catalog_version", "version", "version_token", "location_id", "transaction_id", "net_amounts", "return_amounts",
     "scope", "source_modifier_uid", "source_service_charge_uid", "pricing_options", "auto_applied", "created_at", "precision"),
    TECHNICAL,
)  # fmt: skip
RECIPIENT = (
    "Whom it was for, with address and telephone: in the backup only, encrypted. Guests are carried over as guests."
)
PLACED = "When it was placed beside when it is due; the order's own times are carried over."
ORDER_NOTES = {
    **PLUMBING,
    # The payment, the refund and the applied amounts say the same, and are carried over.
    **dict.fromkeys(
        ("card_details", "cash_details", "bank_account_details", "buy_now_pay_later_details", "square_account_details",
         "wallet_details", "applied_service_charges", "refunds[].reason", "discounts[].type", "amount_money"),
        MAPPED,
    ),
    "rounding_adjustment.name": TECHNICAL,
    "returns[].rounding_adjustment.name": TECHNICAL,
    "ticket_name": "The name of the open ticket (a table, a guest) is in the backup only.",
    "note": "A note typed with a line is in the backup only.",
    "tenders[].note": "A note typed with a payment is in the backup only.",
    "metadata": "Marks that other apps left on the order are in the backup only.",
    "net_amount_due_money": "What is still to be paid, as Square reckons it; AuraConnect reckons it from the payments.",
    "rewards": "Which loyalty reward was redeemed; the discount it gave is carried over.",
    "reward_ids": "Which loyalty reward a discount came from; the discount itself is carried over.",
    "pricing_rule_id": "Which automatic discount it came from; the discount itself is carried over.",
    "recipient": RECIPIENT,
    "placed_at": PLACED,
    "carrier": "Who carried a shipment is in the backup only.",
    "in_store_details": "Details of an order for the house are in the backup only.",
    "entries": "Which lines belong to which pickup or delivery is in the backup only.",
    "line_item_application": "Whether a pickup or delivery is of all lines is in the backup only.",
    "return_discounts": "The discounts of what was given back, one by one; the refunded lines hold their sum.",
    "return_taxes": "The taxes of what was given back, rate by rate; the refund holds their sum.",
}  # fmt: skip
PAYMENT_NOTES = {
    **PLUMBING,
    **dict.fromkeys(("refund_ids", "approved_money", "status", "authorized_at", "captured_at"), TECHNICAL),
    "avs_status": "Whether the card's address was checked is in the backup only.",
    "cvv_status": "Whether the card's code was checked is in the backup only.",
    "card_type": "Whether the card was credit or debit is in the backup only.",
    "prepaid_type": "Whether the card was prepaid is in the backup only.",
    "errors": "Why a card was refused is in the backup only.",
    "device_details": "At which till or terminal it was paid is in the backup only.",
    "risk_evaluation": "Square's estimate of the risk of fraud is in the backup only.",
    "source_id": "The other system's number of a payment taken outside of Square is in the backup only.",
    "bank_account_details": "From which bank a transfer came is in the backup only.",
    "note": "A note typed with a payment is in the backup only.",
}
MONEY_NOTES = {
    **PLUMBING,
    "effective_at": TECHNICAL,
    "refund_id": TECHNICAL,
    "cash_details": "How much cash was handed out for a refund; the refund's amount is carried over.",
    "team_member_ids": "Everybody who worked at a drawer; who opened, ended and counted it is carried over.",
    "id": TECHNICAL,
}


def money(path: str, value: Any, currency: str) -> int | None:
    """The minor units of an amount of Square's."""
    amount = value.get("amount") if isinstance(value, Mapping) else None
    return amount if isinstance(amount, int) and path.rpartition(".")[2].endswith("_money") else None


def _list(name: str) -> Any:
    def records(body: Any) -> Iterable[Any]:
        found = body.get(name) if isinstance(body, Mapping) else None
        return found if isinstance(found, list) else [] if found is None else [found]

    return records


FIELDS = HistoryFields(
    (
        Documents("orders", sources.ORDERS, _list("orders"), wire.Order, ORDER_NOTES),
        Documents("payments", sources.PAYMENTS, _list("payments"), wire.Payment, PAYMENT_NOTES),
        Documents("refunds", sources.REFUNDS, _list("refunds"), wire.Refund, MONEY_NOTES),
        Documents("payouts", sources.ENTRIES, _list("payouts"), wire.Payout, MONEY_NOTES),
        Documents("payout_entries", sources.ENTRIES, _list("payout_entries"), wire.Entry, MONEY_NOTES),
        Documents("cash_drawer_shifts", sources.SHIFTS, _list("cash_drawer_shift"), wire.Shift, MONEY_NOTES),
        Documents(
            "cash_drawer_events", sources.EVENTS, _list("cash_drawer_shift_events"), wire.ShiftEvent, MONEY_NOTES
        ),
    ),
    money,
)
