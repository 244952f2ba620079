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

REDACTION = Redaction(
    drop_everywhere=EVERYWHERE,
    drop={
        "orders": tuple(f"[].checks[].payments[].{name}" for name in CARD),
        "employees": ("[].passcode", "[].taxIdentifier"),
    },
    personal={
        "orders": (
            *((f"{GUEST}.{name}", _OF_GUEST) for name in _CONTACTS),
            *((f"[].deliveryInfo.{name}", _OF_GUEST) for name in _PLACE),
            *((f"[].curbsidePickupInfo.{name}", _OF_GUEST) for name in _CURBSIDE),
            *((f"[].checks[].{name}", _OF_GUEST) for name in _ON_CHECK),
        ),
        "employees": tuple((f"[].{name}", "[].guid") for name in _EMPLOYEE),
        "time_entries": (
            ("[].hourlyWage", "[].employeeReference.guid"),
            ("[].breaks[].auditResponse", "[].employeeReference.guid"),
        ),
    },
    free_text={
        "orders": (
            "[].deliveryInfo.notes",
            "[].curbsidePickupInfo.notes",
            "[].checks[].tabName",
            "[].checks[].appliedDiscounts[].appliedDiscountReason.comment",
        ),
        "time_entries": ("[].breaks[].auditResponse",),
    },
)
