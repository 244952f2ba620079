"""What of a location's past can be read out of a Square account, with the permission it needs and what it feeds; and what
of it is never stored as it was sent.

How the lists are read is in ``extract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from aura_migration.pos.port import SourceEntity

ORDERS, PAYMENTS, REFUNDS = "orders", "payments", "refunds"
PAYOUTS, ENTRIES, DISPUTES = "payouts", "payout_entries", "disputes"
SHIFTS, EVENTS = "cash_drawer_shifts", "cash_drawer_events"
MISSING = "missing_documents"
"""What was read once more by its id; not a list of Square's."""

HISTORY: tuple[SourceEntity, ...] = (
    SourceEntity(
        ORDERS,
        "history",
        "ORDERS_READ",
        ("orders",),
        doc="Every order of the span: sales, returns, exchanges, open ones.",
    ),
    SourceEntity(
        PAYMENTS,
        "history",
        "PAYMENTS_READ",
        ("payments",),
        doc="Every payment of the span, with tips and processing fees.",
    ),
    SourceEntity(
        REFUNDS,
        "history",
        "PAYMENTS_READ",
        ("refunds",),
        doc="Every refund of the span, with the return order it belongs to.",
    ),
    SourceEntity(PAYOUTS, "history", "PAYOUTS_READ", ("payouts",), doc="What Square sent to the bank account."),
    SourceEntity(
        ENTRIES, "history", "PAYOUTS_READ", ("payouts",), doc="The payouts once more, with what each is made of."
    ),
    SourceEntity(
        SHIFTS, "history", "CASH_DRAWER_READ", ("cash_drawer_shifts",), doc="Cash drawers from opening to count."
    ),
    SourceEntity(
        EVENTS, "history", "CASH_DRAWER_READ", ("cash_events",), doc="What moved cash in and out of a drawer."
    ),
    SourceEntity(
        DISPUTES,
        "history",
        "DISPUTES_READ",
        (),
        required=False,
        doc="Payments that guests disputed; their money is in the payouts.",
    ),
)

_CARD = ("cardholder_name", "exp_month", "exp_year", "fingerprint", "bin", "billing_address")
_CARD_ON_FILE = ("id", "customer_id", "reference_id", "merchant_id")
"""Names that occur everywhere: declared where every record is looked through anyhow."""
_FULFILLED = ("recipient", "note", "cancel_reason", "dropoff_notes", "shipping_note", "failure_reason")
"""Of how an order reached its guest, whichever way: who that is, and what was typed about it."""


def _order_drops(order: str) -> tuple[str, ...]:
    at = f"{order}.fulfillments[]"
    return (
        *(f"{order}.tenders[].card_details.card.{name}" for name in _CARD),
        *(f"{at}.shipment_details.{name}" for name in ("tracking_number", "tracking_url")),
        f"{at}.delivery_details.courier_support_phone_number",
        f"{at}.pickup_details.curbside_pickup_details",
    )


def _order_personal(order: str) -> tuple[tuple[str, str], ...]:
    guest, at = f"{order}.customer_id", f"{order}.fulfillments[].*"
    # Who is no customer of the directory is found by what they are reached at.
    whose = f"{guest} | {at}.recipient.email_address | {at}.recipient.phone_number"
    return (
        *((f"{at}.{name}", whose) for name in _FULFILLED),
        *((f"{order}.{name}", guest) for name in _ORDER_TEXTS),
    )


_ORDER_TEXTS = (
    "ticket_name",
    "metadata",
    "line_items[].note",
    "line_items[].metadata",
    "tenders[].note",
    "returns[].return_line_items[].note",
)

_PAYMENT_DROPS = (
    *(f"card_details.card.{name}" for name in (*_CARD, *_CARD_ON_FILE)),
    "card_details.auth_result_code",
    "card_details.application_cryptogram",
    "card_details.verification_results",
    "card_details.statement_description",
    "bank_account_details.fingerprint",
    "bank_account_details.ach_details",
    "bank_account_details.statement_description",
    "square_account_details.payment_source_token",
    "receipt_url",
)
_PAYMENT_PERSONAL = (
    "buyer_email_address",
    "billing_address",
    "shipping_address",
    "note",
    "wallet_details.cash_app_details",
)


def _payment_drops(payment: str) -> tuple[str, ...]:
    return tuple(f"{payment}.{name}" for name in _PAYMENT_DROPS)


def _payment_personal(payment: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{payment}.{name}", f"{payment}.customer_id") for name in _PAYMENT_PERSONAL)


def _refund_drops(refund: str) -> tuple[str, ...]:
    return tuple(f"{refund}.destination_details.card_details.card.{name}" for name in _CARD)


DROP: Mapping[str, tuple[str, ...]] = {
    ORDERS: _order_drops("orders[]"),
    PAYMENTS: (*_payment_drops("payments[]"), *_payment_drops("payment")),
    REFUNDS: (*_refund_drops("refunds[]"), *_order_drops("return_orders[]")),
    PAYOUTS: ("payouts[].destination.id",),
    ENTRIES: ("payouts[].destination.id",),
    MISSING: (
        *_order_drops("orders[]"),
        *_payment_drops("payments[]"),
        *_refund_drops("refunds[]"),
        *_order_drops("return_orders[]"),
        "payouts[].destination.id",
    ),
}
"""Cut out before anything is stored: what identifies a card or an account, secrets, links to receipts."""

_SHIFTS = (
    ("cash_drawer_shift.description", "cash_drawer_shift.id"),
    ("cash_drawer_shifts[].description", "cash_drawer_shifts[].id"),
)

PERSONAL: Mapping[str, tuple[tuple[str, str], ...]] = {
    ORDERS: _order_personal("orders[]"),
    PAYMENTS: (*_payment_personal("payments[]"), *_payment_personal("payment")),
    REFUNDS: _order_personal("return_orders[]"),
    SHIFTS: _SHIFTS,
    MISSING: (
        *_order_personal("orders[]"),
        *_payment_personal("payments[]"),
        *_order_personal("return_orders[]"),
        *_SHIFTS,
    ),
}
"""Encrypted with a key of the person's own: who it was for, what was typed for or about somebody."""

_FREE = ("note", "ticket_name", "dropoff_notes", "shipping_note", "cancel_reason", "failure_reason", "description")

FREE_TEXT: Mapping[str, tuple[str, ...]] = {
    entity: tuple(path for path, _ in pairs if path.rpartition(".")[2] in _FREE) for entity, pairs in PERSONAL.items()
}
"""Of these, texts in which people type what they should not: secrets in them are cut out first."""
