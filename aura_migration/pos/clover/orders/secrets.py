"""What of orders and money is never stored: texts people typed, and everything of a card that could be used or recognised.

``compose.py`` leaves the same out while bodies are put together; declared here it is refused whatever way it comes.
"""

from __future__ import annotations

from aura_migration.pos.clover.orders.lists import CREDITS, MISSING, ORDERS, PAYMENTS, REFUNDS, TEST_ORDERS

CARD = (
    "first6",
    "cardholderName",
    "vaultedCard",
    "authCode",
    "referenceId",
    "token",
    "extra",
    "gatewayTxnId",
)
PAYMENT = ("note", "attributes", "transactionInfo", *(f"cardTransaction.{name}" for name in CARD))
GUEST = ("firstName", "lastName", "fullName", "emailAddresses", "phoneNumbers", "addresses", "cards", "metadata")
NAMES = ("employee.email", "employee.nickname", "employee.customId")
"""Not ``name``: a page full of names would be searched for this one. ``compose.py`` keeps of staff the id alone."""


def _below(place: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{place}{name}" for name in names)


_GUESTS = _below("elements[].customers.elements[].", GUEST)
_PAYMENT = (*_below("elements[].", (*PAYMENT, *NAMES)), *_GUESTS)
_ORDER = (
    *_below("elements[].", ("note", "orderFulfillmentEvent", *NAMES)),
    *_GUESTS,
    *_below("elements[].lineItems.elements[].", ("note", "userData", "binName")),
    *(
        path
        for name in ("payments", "refunds", "credits")
        for path in _below(f"elements[].{name}.elements[].", PAYMENT)
    ),
)
_REFUND = (
    *_PAYMENT,
    *_below("elements[].payment.", PAYMENT),
    *_below("elements[].order.lineItems.elements[].", ("note", "userData", "binName")),
)
DROP = {
    ORDERS: _ORDER,
    TEST_ORDERS: _ORDER,
    PAYMENTS: _PAYMENT,
    REFUNDS: _REFUND,
    CREDITS: _PAYMENT,
    "cash_events": _below("elements[].", ("note", *NAMES)),
    MISSING: (*_ORDER, *_REFUND),
}
