"""An order in Toast's JSON. Does not belong here: who may see what (``api`` masks) and how the sums came about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.menus_wire import money
from aura_migration.sandbox.toast.orders.model import (
    GIFTCARD,
    HOUSE,
    OTHER,
    Check,
    Choice,
    Discount,
    Line,
    Order,
    Payment,
    Tax,
)
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, TAKE_OUT, Guest

NEVER = "1970-01-01T00:00:00.000+0000"
DINING = {DINE_IN: "Dine In", TAKE_OUT: "Take Out", DELIVERY: "Delivery"}
CARS = (("blue", "small hatchback"), ("silver", "van with a dent"), ("red", "pick-up"))


@lru_cache(maxsize=1024)
def stamp_text(stamp: int | None) -> str | None:
    """A moment as Toast writes it: milliseconds, UTC, an offset without a colon."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp % 1000:03d}+0000"


def day_number(day: date) -> int:
    """A business date as orders write it: an integer yyyymmdd."""
    return day.year * 10_000 + day.month * 100 + day.day


def ref(guid: str | None, entity: str) -> dict[str, Any] | None:
    """A reference with an external id that this client never set."""
    return None if guid is None else {"guid": guid, "entityType": entity, "externalId": None}


class OrderWire:
    """Writes the orders of one location."""

    def __init__(self, location: Location, dice: Dice) -> None:
        self._location = location
        self._dice = dice
        names = location.names
        self._dining = {behavior: names["diningOptions"].get(name) for behavior, name in DINING.items()}
        self._curbside = names["diningOptions"].get("Curbside")
        self._other = names["alternatePaymentTypes"].get("House tab")
        self._drawer = next(iter(names.get("cashDrawers", {}).values()), None)
        self._tables = list(names.get("tables", {}).values())

    def order(self, made: Order, extra_fields: bool = False) -> dict[str, Any]:
        """The whole order; nothing is masked."""
        plan = made.plan
        first = plan.customers[0]
        ended = plan.closed if plan.voided or plan.deleted else None
        dining = self._curbside if plan.curbside and self._curbside else self._dining[plan.behavior]
        table = self._tables[plan.number % len(self._tables)] if plan.behavior == DINE_IN and self._tables else None
        device = {"id": f"{self._dice.roll('device', plan.number % 5)[:6].hex()}"}
        body: dict[str, Any] = {
            "guid": plan.guid,
            "entityType": "Order",
            "externalId": None,
            "openedDate": stamp_text(plan.opened),
            "createdDate": stamp_text(plan.opened + 300),
            "modifiedDate": stamp_text(plan.modified),
            "promisedDate": stamp_text(plan.promised),
            "estimatedFulfillmentDate": None if plan.behavior == DINE_IN else stamp_text(plan.opened + 1_500_000),
            "paidDate": stamp_text(made.paid),
            "closedDate": stamp_text(plan.closed),
            "deletedDate": stamp_text(ended) if plan.deleted else NEVER,
            "deleted": plan.deleted,
            "voided": plan.voided,
            "voidDate": stamp_text(ended) if plan.voided else None,
            "voidBusinessDate": day_number(plan.day) if plan.voided else None,
            "businessDate": day_number(plan.day),
            "diningOption": ref(dining, "DiningOption"),
            "server": ref(made.server, "RestaurantUser"),
            "table": ref(table, "Table"),
            "serviceArea": None,
            "restaurantService": None,
            "revenueCenter": None,
            "source": plan.source,
            "duration": 0 if made.paid is None else (made.paid - plan.opened) // 1000,
            "numberOfGuests": 1 + plan.number % 4 if plan.behavior == DINE_IN else 1,
            "requiredPrepTime": "PT0S" if plan.behavior == DINE_IN else "PT15M",
            "approvalStatus": "FUTURE" if plan.promised is not None and plan.closed is None else "APPROVED",
            "deliveryInfo": _delivery(first) if plan.behavior == DELIVERY else None,
            "curbsidePickupInfo": self._car(made) if plan.curbside else None,
            "checks": [self._check(made, check) for check in made.checks],
            "pricingFeatures": ["TAXESV2"],
            "createdDevice": device,
            "lastModifiedDevice": device,
            "createdInTestMode": False,
            "appliedPackagingInfo": None,
            "excessFood": plan.excess,
            "displayNumber": made.checks[0].label,
            "channelGuid": None,
        }
        if extra_fields:
            body["guestOrderStatus"] = "CLOSED" if plan.closed is not None else "RECEIVED"
            body["initialDate"] = day_number(plan.day)
        return body

    def _car(self, made: Order) -> dict[str, Any]:
        color, description = CARS[made.plan.number % len(CARS)]
        guid = self._dice.guid("curbside", made.plan.number)
        return {
            "guid": guid,
            "entityType": "CurbsidePickup",
            "transportColor": color,
            "transportDescription": description,
            "notes": "",
        }

    # -- checks ----------------------------------------------------------------------------------------------------

    def _check(self, made: Order, check: Check) -> dict[str, Any]:
        plan = made.plan
        ended = plan.closed if plan.voided or plan.deleted else None
        paid = bool(check.payments)
        return {
            "guid": check.guid,
            "entityType": "Check",
            "externalId": None,
            "displayNumber": check.label,
            "openedDate": stamp_text(plan.opened),
            "createdDate": stamp_text(plan.opened + 300),
            "modifiedDate": stamp_text(plan.modified),
            "closedDate": stamp_text(plan.closed),
            "paidDate": stamp_text(made.paid) if paid else None,
            "deletedDate": stamp_text(ended) if plan.deleted else NEVER,
            "deleted": plan.deleted,
            "voided": plan.voided,
            "voidDate": stamp_text(ended) if plan.voided else None,
            "voidBusinessDate": day_number(plan.day) if plan.voided else None,
            "tabName": None,
            "taxExempt": False,
            "paymentStatus": "CLOSED" if plan.closed is not None else "PAID" if paid else "OPEN",
            "amount": money(check.amount),
            "taxAmount": money(check.tax),
            "totalAmount": money(check.total),
            "selections": [self._selection(made, line) for line in check.lines],
            "payments": [self._payment(made, check, payment) for payment in check.payments],
            "appliedDiscounts": [self._discount(discount) for discount in check.discounts],
            "appliedServiceCharges": [],
            "customer": None if check.guest is None else customer(check.guest),
            "appliedLoyaltyInfo": None if check.points is None else self._loyalty(made, check),
            "openedBy": ref(made.server, "RestaurantUser"),
            "createdDevice": {"id": "a1"},
            "lastModifiedDevice": {"id": "a1"},
            "duration": 0 if made.paid is None else (made.paid - plan.opened) // 1000,
        }

    def _loyalty(self, made: Order, check: Check) -> dict[str, Any]:
        guest = check.guest
        identifier = (guest.e164 or guest.email or "") if guest is not None else ""
        identifier = identifier or self._dice.guid("loyalty", made.plan.number)
        return {
            "guid": self._dice.guid("applied-loyalty", made.plan.number),
            "loyaltyIdentifier": identifier,
            "maskedLoyaltyIdentifier": "x" * max(0, len(identifier) - 4) + identifier[-4:],
            "vendor": made.plan.loyalty,
            "accrualFamilyGuid": self._dice.guid("accrual-family", 0),
            "accrualText": f"You earned {check.points} points.",
        }

    def _discount(self, discount: Discount) -> dict[str, Any]:
        loyalty = None
        if discount.vendor is not None:
            loyalty = {"vendor": discount.vendor, "referenceId": f"reward-{discount.guid[:8]}"}
        return {
            "guid": discount.guid,
            "entityType": "AppliedCustomDiscount",
            "externalId": None,
            "name": discount.name,
            "discountAmount": money(discount.cents),
            "nonTaxDiscountAmount": money(discount.cents),
            "discount": {"guid": discount.config, "entityType": "Discount"},
            "discountType": "FIXED" if discount.percent is None else "PERCENT",
            "discountPercent": discount.percent,
            "triggers": [],
            "approver": None,
            "processingState": None if loyalty is None else "APPLIED",
            "appliedDiscountReason": None,
            "loyaltyDetails": loyalty,
            "comboItems": [],
            "appliedPromoCode": None,
        }

    # -- selections ------------------------------------------------------------------------------------------------

    def _selection(self, made: Order, line: Line) -> dict[str, Any]:
        dish = line.dish
        name = dish.name if dish is not None else "Gift Card"
        found = self._line(made, line.guid, name, line.quantity, line.kind)
        if dish is not None:
            found["item"] = {**_config_ref(dish.guid, "MenuItem", dish.mlid)}
            found["itemGroup"] = _config_ref(dish.group, "MenuGroup", dish.group_mlid)
            found["salesCategory"] = ref(dish.category, "SalesCategory")
            found["plu"] = dish.plu or None
        found |= {
            "deferred": dish is None,
            "receiptLinePrice": money(line.unit),
            "preDiscountPrice": money(line.pre),
            "price": money(line.price),
            "tax": money(line.tax),
            "taxInclusion": "NOT_INCLUDED",
            "appliedTaxes": [
                self._tax(tax, float(rate), cents, f"{line.guid}{place}")
                for place, (tax, rate, cents) in enumerate(line.taxes)
            ],
            "modifiers": [self._modifier(made, line, choice, place) for place, choice in enumerate(line.choices)],
        }
        return found

    def _modifier(self, made: Order, line: Line, choice: Choice, place: int) -> dict[str, Any]:
        key = int(line.guid.replace("-", "")[:12], 16)
        found = self._line(made, self._dice.guid(f"modifier{place}", key), choice.name, line.quantity, "NONE")
        found["item"] = _config_ref(choice.guid, "MenuItem", choice.mlid)
        found["optionGroup"] = _config_ref(choice.group, "MenuOptionGroup", choice.group_mlid)
        found["optionGroupPricingMode"] = "ADJUSTS_PRICE" if choice.cents else "INCLUDED"
        amount = money(choice.cents * line.quantity)
        found |= {"receiptLinePrice": money(choice.cents), "preDiscountPrice": amount, "price": amount}
        return found

    def _line(self, made: Order, guid: str, name: str, quantity: int, kind: str) -> dict[str, Any]:
        plan = made.plan
        return {
            "guid": guid,
            "entityType": "MenuItemSelection",
            "externalId": None,
            "item": None,
            "itemGroup": None,
            "optionGroup": None,
            "preModifier": None,
            "quantity": float(quantity),
            "unitOfMeasure": "NONE",
            "selectionType": kind,
            "salesCategory": None,
            "displayName": name,
            "plu": None,
            "premodifierPlu": None,
            "seatNumber": -1 if plan.behavior != DINE_IN else 1,
            "deferred": False,
            "voided": plan.voided,
            "voidDate": stamp_text(plan.closed) if plan.voided else None,
            "voidBusinessDate": day_number(plan.day) if plan.voided else None,
            "voidReason": None,
            "fulfillmentStatus": "NEW" if plan.closed is None else "READY",
            "fulfillment": None,
            "diningOption": ref(self._dining[plan.behavior], "DiningOption"),
            "taxInclusion": "INHERITED",
            "receiptLinePrice": 0.0,
            "preDiscountPrice": 0.0,
            "price": 0.0,
            "tax": 0,
            "appliedTaxes": [],
            "appliedDiscounts": [],
            "optionGroupPricingMode": None,
            "refundDetails": None,
            "modifiers": [],
            "createdDate": stamp_text(plan.opened),
            "modifiedDate": stamp_text(plan.modified),
        }

    def _tax(self, tax: Tax, rate: float, cents: int, key: str) -> dict[str, Any]:
        return {
            "guid": self._dice.guid("applied-tax", int(key.replace("-", "")[-12:], 16)),
            "entityType": "AppliedTaxRate",
            "taxRate": {"guid": tax.guid, "entityType": "TaxRate"},
            "name": tax.name,
            "displayName": tax.name,
            "rate": rate,
            "taxAmount": money(cents),
            "type": "PERCENT",
            "facilitatorCollectAndRemitTax": False,
            "jurisdiction": None,
            "jurisdictionType": None,
        }

    # -- payments --------------------------------------------------------------------------------------------------

    def _payment(self, made: Order, check: Check, payment: Payment) -> dict[str, Any]:
        plan, card = made.plan, payment.card
        captured = plan.closed is not None and not payment.voided
        status = "VOIDED" if payment.voided else "CAPTURED" if captured else "AUTHORIZED"
        house = self._dice.guid("house-account", plan.number % 6) if payment.kind == HOUSE else None
        return {
            "guid": payment.guid,
            "entityType": "OrderPayment",
            "externalId": None,
            "type": payment.kind,
            "amount": money(payment.amount),
            "tipAmount": money(payment.tip),
            "amountTendered": money(payment.tendered),
            "paidDate": stamp_text(made.paid),
            "paidBusinessDate": day_number(plan.day),
            "cardType": card.brand if card is not None else None,
            "cardEntryMode": card.entry if card is not None else None,
            "first6Digits": card.first6 if card is not None else None,
            "last4Digits": card.last4 if card is not None else None,
            "originalProcessingFee": money(card.fee) if card is not None and captured else None,
            "paymentStatus": status if card is not None or payment.voided or payment.kind == GIFTCARD else None,
            "refundStatus": "NONE",
            "refund": None,
            "voidInfo": {
                "voidUser": ref(made.server, "RestaurantUser"),
                "voidApprover": None,
                "voidDate": stamp_text(plan.closed),
                "voidBusinessDate": day_number(plan.day),
                "voidReason": None,
            }
            if payment.voided
            else None,
            "otherPayment": ref(self._other, "AlternatePaymentType") if payment.kind == OTHER else None,
            "houseAccount": ref(house, "HouseAccount"),
            "cashDrawer": ref(self._drawer, "CashDrawer") if payment.tendered is not None else None,
            "server": ref(made.server, "RestaurantUser"),
            "createdDevice": {"id": "a1"},
            "lastModifiedDevice": {"id": "a1"},
            "mcaRepaymentAmount": None,
            "cardPaymentId": card.payment_id if card is not None else None,
            "orderGuid": plan.guid,
            "checkGuid": check.guid,
            "tenderTransactionGuid": payment.tender_guid,
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


def _delivery(guest: Guest | None) -> dict[str, Any] | None:
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
        "deliveryState": "DELIVERED",
    }


def _config_ref(guid: str, entity: str, mlid: str) -> dict[str, Any]:
    return {"guid": guid, "entityType": entity, "externalId": None, "multiLocationId": mlid}
