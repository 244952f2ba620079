"""What of Toast's answers is never stored, and what is stored encrypted with the key of the person it tells of.

The person of an order's texts is the guest of its checks: by guid, else by e-mail address or phone number.
"""

from __future__ import annotations

from aura_migration.archive.snapshot import Redaction

EVERYWHERE = frozenset({"createdByEmailAddress", "accessToken", "clientSecret"})
CARD = (
    "first6Digits",
    "last4Digits",
    "cardPaymentId",
    "networkTransactionIdentifier",
    "cardHolderFirstName",
    "cardHolderLastName",
    "cardholderName",
    "cardToken",
)
GUEST = "[].checks[].customer"
_OF_GUEST = f"{GUEST}.guid | {GUEST}.email | {GUEST}.phone"
_CONTACTS = ("firstName", "lastName", "email", "phone")
_PLACE = ("address1", "address2", "city", "state", "administrativeArea", "zipCode", "latitude", "longitude", "notes")
_CURBSIDE = ("transportColor", "transportDescription", "notes")
_ON_CHECK = (
    "tabName",
    "appliedLoyaltyInfo.loyaltyIdentifier",
    "appliedLoyaltyInfo.maskedLoyaltyIdentifier",
    "appliedDiscounts[].appliedDiscountReason.comment",
)
_EMPLOYEE = ("firstName", "chosenName", "lastName", "email", "phoneNumber", "externalEmployeeId", "wageOverrides")

_SINGLY = "missing_documents"
"""Orders read one by one: the same fields, without the list around them."""


def _one(path: str) -> str:
    return path.replace("[].", "", 1) if path.startswith("[].") else path


_DROPPED = tuple(f"[].checks[].payments[].{name}" for name in CARD)
_PERSONAL = (
    *((f"{GUEST}.{name}", _OF_GUEST) for name in _CONTACTS),
    *((f"[].deliveryInfo.{name}", _OF_GUEST) for name in _PLACE),
    *((f"[].curbsidePickupInfo.{name}", _OF_GUEST) for name in _CURBSIDE),
    *((f"[].checks[].{name}", _OF_GUEST) for name in _ON_CHECK),
)
_NOTES = (
    "[].deliveryInfo.notes",
    "[].curbsidePickupInfo.notes",
    "[].checks[].tabName",
    "[].checks[].appliedDiscounts[].appliedDiscountReason.comment",
)

REDACTION = Redaction(
    drop_everywhere=EVERYWHERE,
    drop={
        "orders": _DROPPED,
        _SINGLY: tuple(map(_one, _DROPPED)),
        "employees": ("[].passcode", "[].taxIdentifier"),
    },
    personal={
        "orders": _PERSONAL,
        _SINGLY: tuple((_one(path), " | ".join(map(_one, _OF_GUEST.split(" | ")))) for path, _ in _PERSONAL),
        "cash_entries": (("[].reason", "[].employee1.guid"),),
        "employees": tuple((f"[].{name}", "[].guid") for name in _EMPLOYEE),
        "time_entries": (
            ("[].hourlyWage", "[].employeeReference.guid"),
            ("[].breaks[].auditResponse", "[].employeeReference.guid"),
        ),
    },
    free_text={
        "orders": _NOTES,
        _SINGLY: tuple(map(_one, _NOTES)),
        "cash_entries": ("[].reason",),
        "time_entries": ("[].breaks[].auditResponse",),
    },
)
