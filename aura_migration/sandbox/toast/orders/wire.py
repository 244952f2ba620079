"""An order in Toast's JSON. Does not belong here: who may see what (``api`` masks) and how the sums came about.

Written for speed: a page of a hundred orders is a few thousand objects, so what is the same everywhere is shared and
never changed after it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from aura_migration.sandbox.toast.orders.model import HOUSE
from aura_migration.sandbox.toast.orders.sheet import (
    AppliedCharge,
    AppliedDiscount,
    AppliedTax,
    Bill,
    Paid,
    PaidBack,
    Selection,
    Sheet,
)
from aura_migration.sandbox.toast.people.model import DINE_IN, Guest

NEVER = "1970-01-01T00:00:00.000+0000"
DAY_MS = 86_400_000
DEVICE = {"id": "a1"}
EMPTY: list[Any] = []
GRATUITY_IN_TOTAL = "gratuity_in_total"
_refs: dict[tuple[str, str], dict[str, Any]] = {}


@lru_cache(maxsize=4096)
def _day_text(days: int) -> str:
    return datetime.fromtimestamp(days * 86_400, UTC).strftime("%Y-%m-%dT")


@lru_cache(maxsize=8192)
def stamp_text(stamp: int | None) -> str | None:
    """A moment as Toast writes it: milliseconds, UTC, an offset without a colon."""
    if stamp is None:
        return None
    days, rest = divmod(stamp, DAY_MS)
    seconds, milliseconds = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{_day_text(days)}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{milliseconds:03d}+0000"


@lru_cache(maxsize=4096)
def day_number(day: date) -> int:
    """A business date as orders write it: an integer yyyymmdd."""
    return day.year * 10_000 + day.month * 100 + day.day


def money(cents: int | Decimal | None) -> float | None:
    """Cents as the decimal number Toast sends; a share of pooled tax keeps its fractions of a cent."""
    if cents is None:
        return None
    return cents / 100 if isinstance(cents, int) else float(cents / 100)


def ref(guid: str | None, entity: str) -> dict[str, Any] | None:
    """A reference with an external id that this client never set; shared, never to be changed."""
    if guid is None:
        return None
    key = (guid, entity)
    held = _refs.get(key)
    if held is None:
        if len(_refs) > 50_000:
            _refs.clear()
        held = _refs[key] = {"guid": guid, "entityType": entity, "externalId": None}
    return held


def config_ref(guid: str, entity: str, mlid: str) -> dict[str, Any]:
    """A reference to a part of the menu."""
    return {"guid": guid, "entityType": entity, "externalId": None, "multiLocationId": mlid}


def plain_ref(guid: str | None, entity: str) -> dict[str, Any] | None:
    """A reference without an external id."""
    return None if guid is None else {"guid": guid, "entityType": entity}


class OrderWire:
    """Writes orders."""

    def __init__(self, switches: Mapping[str, Any] | None = None) -> None:
        self._switches = switches or {}

    def order(
        self,
        sheet: Sheet,
        *,
        customers: bool = True,
        delivery: bool = True,
        extra: bool = False,
        externals: bool = True,
    ) -> dict[str, Any]:
        """The whole order as a client sees it: without ``customers`` the guest's keys are missing, without ``delivery``
        it is null, without ``externals`` so are the ids that another client gave."""
        modified, created, opened = (
            stamp_text(sheet.modified),
            stamp_text(sheet.opened + 300 if sheet.created is None else sheet.created),
            stamp_text(sheet.opened),
        )
        at_table = sheet.behavior == DINE_IN
        void = sheet.void
        told = Told(
            opened,
            created,
            modified,
            ref(sheet.dining, "DiningOption"),
            "NEW" if sheet.closed is None else "READY",
            1 if at_table else -1,
            stamp_text(sheet.closed),
            sheet,
            customers,
            bool(self._switches.get(GRATUITY_IN_TOTAL, False)),
            externals,
        )
        body: dict[str, Any] = {
            "guid": sheet.guid,
            "entityType": "Order",
            "externalId": sheet.external if externals else None,
            "openedDate": opened,
            "createdDate": created,
            "modifiedDate": modified,
            "promisedDate": stamp_text(sheet.promised),
            "estimatedFulfillmentDate": None if at_table else stamp_text(sheet.opened + 1_500_000),
            "paidDate": stamp_text(sheet.paid),
            "closedDate": told.closed,
            "deletedDate": NEVER if sheet.deleted is None else stamp_text(sheet.deleted),
            "deleted": sheet.deleted is not None,
            "voided": void is not None,
            "voidDate": None if void is None else stamp_text(void.at),
            "voidBusinessDate": None if void is None else day_number(void.day),
            "businessDate": day_number(sheet.day),
            "diningOption": told.dining,
            "server": ref(sheet.server, "RestaurantUser"),
            "table": ref(sheet.table, "Table"),
            "serviceArea": ref(sheet.area, "ServiceArea"),
            "restaurantService": ref(sheet.service, "RestaurantService"),
            "revenueCenter": ref(sheet.center, "RevenueCenter"),
            "source": sheet.source,
            "duration": 0 if sheet.paid is None else (sheet.paid - sheet.opened) // 1000,
            "numberOfGuests": sheet.guests,
            "requiredPrepTime": "PT0S" if at_table else "PT15M",
            "approvalStatus": sheet.approval,
            "deliveryInfo": _delivery(sheet.delivery, sheet.delivery_state) if delivery else None,
            "curbsidePickupInfo": sheet.car,
            "checks": [_bill(told, bill) for bill in sheet.bills],
            "pricingFeatures": sheet.features,
            "createdDevice": {"id": sheet.device},
            "lastModifiedDevice": {"id": sheet.device},
            "createdInTestMode": False,
            "appliedPackagingInfo": None,
            "excessFood": sheet.excess,
            "displayNumber": sheet.label,
            "channelGuid": None,
        }
        if not customers:
            del body["curbsidePickupInfo"]
        if extra:
            body["guestOrderStatus"] = "CLOSED" if sheet.closed is not None else "RECEIVED"
            body["initialDate"] = day_number(sheet.day)
        return body

    def payment(self, sheet: Sheet, bill: Bill, paid: Paid) -> dict[str, Any]:
        """One payment, as an order holds it and as it is read by guid."""
        return _payment(sheet, bill, paid)


class Told:
    """What the parts of an order share."""

    __slots__ = (
        "closed",
        "created",
        "customers",
        "dining",
        "externals",
        "key",
        "modified",
        "opened",
        "seat",
        "sheet",
        "status",
        "taxes",
        "with_gratuity",
    )  # fmt: skip

    def __init__(
        self,
        opened: str | None,
        created: str | None,
        modified: str | None,
        dining: dict[str, Any] | None,
        status: str,
        seat: int,
        closed: str | None,
        sheet: Sheet,
        customers: bool,
        with_gratuity: bool,
        externals: bool = True,
    ) -> None:
        self.opened, self.created, self.modified, self.closed = opened, created, modified, closed
        self.dining, self.status, self.seat, self.sheet = dining, status, seat, sheet
        self.customers, self.with_gratuity, self.externals = customers, with_gratuity, externals


def _bill(told: Told, bill: Bill) -> dict[str, Any]:
    sheet = told.sheet
    void, server = bill.void, ref(sheet.server, "RestaurantUser")
    body = {
        "guid": bill.guid,
        "entityType": "Check",
        "externalId": bill.external if told.externals else None,
        "displayNumber": bill.label,
        "openedDate": told.opened if bill.opened == sheet.opened else stamp_text(bill.opened),
        "createdDate": told.created,
        "modifiedDate": told.modified,
        "closedDate": told.closed if bill.closed == sheet.closed else stamp_text(bill.closed),
        "paidDate": stamp_text(bill.paid),
        "deletedDate": NEVER if bill.deleted is None else stamp_text(bill.deleted),
        "deleted": bill.deleted is not None,
        "voided": void is not None,
        "voidDate": None if void is None else stamp_text(void.at),
        "voidBusinessDate": None if void is None else day_number(void.day),
        "tabName": bill.tab,
        "taxExempt": bill.exempt,
        "paymentStatus": bill.status,
        "amount": bill.amount / 100,
        "taxAmount": bill.tax / 100,
        "totalAmount": (bill.total + (bill.gratuity if told.with_gratuity else 0)) / 100,
        "selections": [_selection(told, line, line.void) for line in bill.lines],
        "payments": [_payment(sheet, bill, one) for one in bill.payments],
        "appliedDiscounts": [_discount(one) for one in bill.discounts],
        "appliedServiceCharges": [_charge(one) for one in bill.charges],
        "customer": None if bill.guest is None else customer(bill.guest),
        "appliedLoyaltyInfo": bill.loyalty,
        "openedBy": server,
        "createdDevice": DEVICE,
        "lastModifiedDevice": DEVICE,
        "duration": 0 if sheet.paid is None else (sheet.paid - sheet.opened) // 1000,
    }
    if not told.customers:
        del body["customer"]
    return body


def _selection(told: Told, line: Selection, void: Any) -> dict[str, Any]:
    quantity = line.quantity
    return {
        "guid": line.guid,
        "entityType": "MenuItemSelection",
        "externalId": line.external if told.externals else None,
        "item": line.item,
        "itemGroup": line.group,
        "optionGroup": line.option_group,
        "preModifier": line.pre_modifier,
        "quantity": quantity,
        "unitOfMeasure": line.unit,
        "selectionType": line.kind,
        "salesCategory": line.category,
        "displayName": line.name,
        "plu": line.plu,
        "premodifierPlu": line.pre_modifier_plu,
        "seatNumber": told.seat if line.seat is None else line.seat,
        "deferred": line.deferred,
        "voided": void is not None,
        "voidDate": None if void is None else stamp_text(void.at),
        "voidBusinessDate": None if void is None else day_number(void.day),
        "voidReason": None if void is None else ref(void.reason, "VoidReason"),
        "fulfillmentStatus": line.status or told.status,
        "fulfillment": None if line.unit == "NONE" else {"quantity": quantity, "unit": line.unit},
        "diningOption": told.dining,
        "taxInclusion": line.inclusion,
        "receiptLinePrice": line.listed / 100,
        "preDiscountPrice": line.pre / 100,
        "price": line.price / 100,
        "tax": money(line.tax) if line.taxes else 0,
        "appliedTaxes": [_tax(one) for one in line.taxes] if line.taxes else EMPTY,
        "appliedDiscounts": [_discount(one) for one in line.discounts] if line.discounts else EMPTY,
        "optionGroupPricingMode": line.mode,
        "refundDetails": _paid_back(line.refund),
        "modifiers": [_selection(told, one, void) for one in line.modifiers] if line.modifiers else EMPTY,
        "createdDate": told.opened,
        "modifiedDate": told.modified,
    }


def _tax(tax: AppliedTax) -> dict[str, Any]:
    return {
        "guid": tax.guid,
        "entityType": "AppliedTaxRate",
        "taxRate": {"guid": tax.tax, "entityType": "TaxRate"},
        "name": tax.name,
        "displayName": tax.name,
        "rate": tax.rate,
        "taxAmount": money(tax.cents),
        "type": tax.kind,
        "facilitatorCollectAndRemitTax": tax.facilitated,
        "jurisdiction": tax.jurisdiction,
        "jurisdictionType": None if tax.jurisdiction is None else "STATE",
    }


def _discount(discount: AppliedDiscount) -> dict[str, Any]:
    loyalty = None
    if discount.vendor is not None:
        loyalty = {"vendor": discount.vendor, "referenceId": f"reward-{discount.guid[:8]}"}
    return {
        "guid": discount.guid,
        "entityType": "AppliedCustomDiscount",
        "externalId": None,
        "name": discount.name,
        "discountAmount": money(discount.cents),
        "nonTaxDiscountAmount": money(discount.net),
        "discount": plain_ref(discount.config, "Discount"),
        "discountType": discount.kind,
        "discountPercent": discount.percent,
        "triggers": discount.triggers,
        "approver": ref(discount.approver, "RestaurantUser"),
        "processingState": discount.state,
        "appliedDiscountReason": discount.reason,
        "loyaltyDetails": loyalty,
        "comboItems": [],
        "appliedPromoCode": discount.promo,
    }


def _charge(charge: AppliedCharge) -> dict[str, Any]:
    return {
        "guid": charge.guid,
        "entityType": "AppliedServiceCharge",
        "externalId": None,
        "serviceCharge": ref(charge.config, "ServiceCharge"),
        "name": charge.name,
        "chargeAmount": money(charge.cents),
        "chargeType": charge.kind,
        "delivery": False,
        "takeout": charge.name == "Packaging",
        "dineIn": charge.gratuity,
        "gratuity": charge.gratuity,
        "taxable": charge.taxable,
        "appliedTaxes": [_tax(one) for one in charge.taxes],
        "serviceChargeCalculation": charge.calculation,
        "serviceChargeCategory": charge.category,
        "paymentGuid": charge.payment,
        "refundDetails": _paid_back(charge.refund),
    }


def _paid_back(refund: PaidBack | None) -> dict[str, Any] | None:
    if refund is None:
        return None
    return {
        "refundAmount": refund.cents / 100,
        "taxRefundAmount": refund.tax / 100,
        "refundTransaction": {"guid": refund.transaction, "entityType": "RefundTransaction"},
    }


def _payment(sheet: Sheet, bill: Bill, paid: Paid) -> dict[str, Any]:
    card, refund, void = paid.card, paid.refund, paid.void
    server = ref(paid.server, "RestaurantUser")
    status = "NONE"
    if refund is not None:
        status = "FULL" if refund.cents >= paid.cents else "PARTIAL"
    return {
        "guid": paid.guid,
        "entityType": "OrderPayment",
        "externalId": None,
        "type": paid.kind,
        "amount": paid.cents / 100,
        "tipAmount": paid.tip / 100,
        "amountTendered": money(paid.tendered),
        "paidDate": stamp_text(paid.at),
        "paidBusinessDate": day_number(paid.day),
        "cardType": card.brand if card is not None else None,
        "cardEntryMode": card.entry if card is not None else None,
        "first6Digits": card.first6 if card is not None else None,
        "last4Digits": card.last4 if card is not None else None,
        "originalProcessingFee": card.fee / 100 if card is not None and paid.status == "CAPTURED" else None,
        "paymentStatus": paid.status,
        "refundStatus": status,
        "refund": None
        if refund is None
        else {
            "refundAmount": refund.cents / 100,
            "tipRefundAmount": refund.tip / 100,
            "refundDate": stamp_text(refund.at),
            "refundBusinessDate": day_number(refund.day),
            "refundTransaction": {"guid": refund.transaction, "entityType": "RefundTransaction"},
        },
        "voidInfo": None
        if void is None
        else {
            "voidUser": ref(void.user, "RestaurantUser"),
            "voidApprover": ref(void.approver, "RestaurantUser"),
            "voidDate": stamp_text(void.at),
            "voidBusinessDate": day_number(void.day),
            "voidReason": ref(void.reason, "VoidReason"),
        },
        "otherPayment": ref(paid.other, "AlternatePaymentType"),
        "houseAccount": ref(paid.house, "HouseAccount") if paid.kind == HOUSE else None,
        "cashDrawer": ref(paid.drawer, "CashDrawer"),
        "server": server,
        "createdDevice": DEVICE,
        "lastModifiedDevice": DEVICE,
        "mcaRepaymentAmount": None,
        "cardPaymentId": card.payment_id if card is not None else None,
        "orderGuid": sheet.guid,
        "checkGuid": bill.guid,
        "tenderTransactionGuid": paid.tender,
        "networkTransactionIdentifier": card.network_id if card is not None else None,
    }


def customer(guest: Guest) -> dict[str, Any]:
    """A guest as a check tells of them."""
    return {
        "guid": guest.guid,
        "entityType": "Customer",
        "firstName": guest.first,
        "lastName": guest.last,
        "phone": guest.phone,
        "phoneCountryCode": guest.country_code if guest.phone is not None else None,
        "email": guest.email,
    }


def _delivery(guest: Guest | None, state: str) -> dict[str, Any] | None:
    if guest is None or guest.address is None:
        return None
    held = guest.address
    return {
        "address1": held.address1,
        "address2": held.address2,
        "city": held.city,
        "state": held.state,
        "administrativeArea": held.state,
        "zipCode": held.zip_code,
        "country": held.country,
        "latitude": held.latitude,
        "longitude": held.longitude,
        "notes": guest.delivery_notes,
        "deliveredDate": None,
        "dispatchedDate": None,
        "deliveryEmployee": None,
        "deliveryState": state,
    }
