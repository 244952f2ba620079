"""What the history's witness reads of Toast's answers: amounts are exact decimals, every unread field is left alone.

From sections 8, 10 and 12 of the Toast API reference. Toast sends ``null`` where there is nothing, also for lists. What the
fields mean does not belong here.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

Amount = Decimal | None


class Ref(msgspec.Struct, rename="camel"):
    """A ToastReference."""

    guid: str | None = None


class Named(msgspec.Struct, rename="camel"):
    """An entry of a configuration list."""

    guid: str | None = None
    name: str | None = None


class Tax(msgspec.Struct, rename="camel"):
    """An AppliedTaxRate; ``rate`` is a fraction."""

    name: str | None = None
    rate: Amount = None
    tax_amount: Amount = None
    type: str | None = None


class Discount(msgspec.Struct, rename="camel"):
    """An AppliedDiscount."""

    discount_amount: Amount = None
    non_tax_discount_amount: Amount = None
    processing_state: str | None = None


class GivenBack(msgspec.Struct, rename="camel"):
    """RefundDetails of a line or a charge."""

    refund_amount: Amount = None
    tax_refund_amount: Amount = None
    refund_transaction: Ref | None = None


class Selection(msgspec.Struct, rename="camel"):
    """A line. Its modifiers are in its own prices."""

    guid: str | None = None
    selection_type: str | None = None
    deferred: bool | None = None
    voided: bool | None = None
    tax_inclusion: str | None = None
    pre_discount_price: Amount = None
    price: Amount = None
    tax: Amount = None
    applied_taxes: list[Tax] | None = None
    applied_discounts: list[Discount] | None = None
    refund_details: GivenBack | None = None


class Charge(msgspec.Struct, rename="camel"):
    """An AppliedServiceCharge."""

    charge_amount: Amount = None
    gratuity: bool | None = None
    delivery: bool | None = None
    takeout: bool | None = None
    dine_in: bool | None = None
    service_charge_category: str | None = None
    applied_taxes: list[Tax] | None = None
    refund_details: GivenBack | None = None


class Refunded(msgspec.Struct, rename="camel"):
    """The one refund a payment may have."""

    refund_amount: Amount = None
    tip_refund_amount: Amount = None
    refund_date: str | None = None
    refund_business_date: int | None = None
    refund_transaction: Ref | None = None


class Voided(msgspec.Struct, rename="camel"):
    """That a payment was voided."""

    void_date: str | None = None
    void_business_date: int | None = None


class Payment(msgspec.Struct, rename="camel"):
    """An OrderPayment; ``amount`` is without the tip."""

    guid: str | None = None
    type: str | None = None
    amount: Amount = None
    tip_amount: Amount = None
    paid_business_date: int | None = None
    payment_status: str | None = None
    original_processing_fee: Amount = None
    refund: Refunded | None = None
    void_info: Voided | None = None
    other_payment: Ref | None = None


class Check(msgspec.Struct, rename="camel"):
    """A check: what AuraConnect calls an order."""

    guid: str | None = None
    external_id: str | None = None
    payment_status: str | None = None
    deleted: bool | None = None
    voided: bool | None = None
    amount: Amount = None
    tax_amount: Amount = None
    total_amount: Amount = None
    selections: list[Selection] | None = None
    applied_discounts: list[Discount] | None = None
    applied_service_charges: list[Charge] | None = None
    payments: list[Payment] | None = None


class Order(msgspec.Struct, rename="camel"):
    """What AuraConnect calls a group."""

    guid: str | None = None
    external_id: str | None = None
    business_date: int | None = None
    promised_date: str | None = None
    opened_date: str | None = None
    closed_date: str | None = None
    approval_status: str | None = None
    deleted: bool | None = None
    voided: bool | None = None
    excess_food: bool | None = None
    checks: list[Check] | None = None


class Head(msgspec.Struct, rename="camel"):
    """As much of an order as tells which version it is; ``gone`` is recorded where Toast was asked and had none."""

    guid: str | None = None
    modified_date: str | None = None
    gone: bool | None = None


class CashEntry(msgspec.Struct, rename="camel"):
    """A CashEntry or a DepositEntry."""

    guid: str | None = None
    date: str | None = None
    amount: Amount = None
    undoes: str | None = None
