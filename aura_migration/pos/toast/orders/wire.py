"""What the mapping reads of Toast's orders. Everything else stays in the snapshot.

Amounts and quantities are kept as they stand in the JSON (``msgspec.Raw``) and become integers in ``numbers.py``: no
number ever passes through a float. Personal fields are encrypted texts by now, or gone; none is read here but to see
whether it is there.
"""

from __future__ import annotations

from typing import Any

import msgspec

Number = msgspec.Raw
NULL = msgspec.Raw(b"null")


class Wire(msgspec.Struct, rename="camel", gc=False):
    """Fields are camelCase; what is absent has its default."""


class Ref(Wire):
    """A reference."""

    guid: str | None = None


class ConfigRef(Wire):
    """A reference to a part of the menu, which locations share by ``multiLocationId``."""

    guid: str | None = None
    multi_location_id: str | int | None = None

    @property
    def key(self) -> str | None:
        """The key of the menu's mapping, where the reference says it."""
        return str(self.multi_location_id) if self.multi_location_id not in (None, "") else self.guid


class AppliedTax(Wire):
    """A tax on a line or charge; ``rate`` is a fraction where the type is PERCENT."""

    tax_rate: Ref | None = None
    name: str | None = None
    display_name: str | None = None
    rate: Number = NULL
    tax_amount: Number = NULL
    type: str | None = None
    facilitator_collect_and_remit_tax: bool | None = None


class Reason(Wire):
    """Why a discount was given; the comment typed with it is personal and not read."""

    name: str | None = None
    description: str | None = None


class Loyalty(Wire):
    """Whose points a discount was given for."""

    vendor: str | None = None


class Promo(Wire):
    """A promotion code as an object; Toast also writes it as text."""

    code: str | None = None


class AppliedDiscount(Wire):
    """A discount on a line or check; the amounts are positive."""

    name: str | None = None
    discount_amount: Number = NULL
    non_tax_discount_amount: Number = NULL
    discount: Ref | None = None
    discount_percent: Number = NULL
    approver: Ref | None = None
    processing_state: str | None = None
    applied_discount_reason: Reason | None = None
    applied_promo_code: Any = None


class RefundDetails(Wire):
    """What of a line or charge was refunded, without tax, and the tax."""

    refund_amount: Number = NULL
    tax_refund_amount: Number = NULL
    refund_transaction: Ref | None = None


class AppliedCharge(Wire):
    """A service charge on a check."""

    guid: str | None = None
    service_charge: Ref | None = None
    name: str | None = None
    charge_amount: Number = NULL
    gratuity: bool | None = None
    taxable: bool | None = None
    applied_taxes: list[AppliedTax] | None = None
    service_charge_category: str | None = None
    refund_details: RefundDetails | None = None


class Selection(Wire):
    """A line, or a modifier of one."""

    guid: str | None = None
    item: ConfigRef | None = None
    option_group: ConfigRef | None = None
    pre_modifier: Ref | None = None
    quantity: Number = NULL
    unit_of_measure: str | None = None
    selection_type: str | None = None
    sales_category: Ref | None = None
    display_name: str | None = None
    seat_number: int | None = None
    deferred: bool | None = None
    voided: bool | None = None
    void_date: str | None = None
    void_business_date: int | str | None = None
    void_reason: Ref | None = None
    tax_inclusion: str | None = None
    receipt_line_price: Number = NULL
    pre_discount_price: Number = NULL
    price: Number = NULL
    tax: Number = NULL
    applied_taxes: list[AppliedTax] | None = None
    applied_discounts: list[AppliedDiscount] | None = None
    refund_details: RefundDetails | None = None
    modifiers: list[Selection] | None = None


class RefundBlock(Wire):
    """What was given back of a payment, without the tip; tax is in it."""

    refund_amount: Number = NULL
    tip_refund_amount: Number = NULL
    refund_date: str | None = None
    refund_business_date: int | str | None = None
    refund_transaction: Ref | None = None


class VoidInfo(Wire):
    """By whom and when a payment was voided."""

    void_user: Ref | None = None
    void_approver: Ref | None = None
    void_date: str | None = None
    void_business_date: int | str | None = None
    void_reason: Ref | None = None


class Payment(Wire):
    """A payment; ``amount`` is without the tip."""

    guid: str | None = None
    external_id: str | None = None
    type: str | None = None
    amount: Number = NULL
    tip_amount: Number = NULL
    amount_tendered: Number = NULL
    paid_date: str | None = None
    paid_business_date: int | str | None = None
    card_type: str | None = None
    card_entry_mode: str | None = None
    original_processing_fee: Number = NULL
    payment_status: str | None = None
    refund_status: str | None = None
    refund: RefundBlock | None = None
    void_info: VoidInfo | None = None
    other_payment: Ref | None = None
    house_account: Ref | None = None
    cash_drawer: Ref | None = None
    server: Ref | None = None


class Customer(Wire):
    """The guest a check names."""

    guid: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    phone_country_code: str | None = None


class Check(Wire):
    """A check: what becomes an order of AuraConnect."""

    guid: str | None = None
    external_id: str | None = None
    display_number: str | int | None = None
    opened_date: str | None = None
    closed_date: str | None = None
    paid_date: str | None = None
    deleted: bool | None = None
    voided: bool | None = None
    void_date: str | None = None
    void_business_date: int | str | None = None
    tax_exempt: bool | None = None
    payment_status: str | None = None
    amount: Number = NULL
    tax_amount: Number = NULL
    total_amount: Number = NULL
    selections: list[Selection] | None = None
    payments: list[Payment] | None = None
    applied_discounts: list[AppliedDiscount] | None = None
    applied_service_charges: list[AppliedCharge] | None = None
    customer: Customer | None = None


class DeliveryInfo(Wire):
    """When and by whom an order was delivered; where to is personal and not read."""

    delivered_date: str | None = None
    dispatched_date: str | None = None
    delivery_state: str | None = None


class Order(Wire):
    """An order: the group of its checks."""

    guid: str | None = None
    external_id: str | None = None
    opened_date: str | None = None
    modified_date: str | None = None
    promised_date: str | None = None
    estimated_fulfillment_date: str | None = None
    closed_date: str | None = None
    deleted: bool | None = None
    voided: bool | None = None
    void_date: str | None = None
    void_business_date: int | str | None = None
    business_date: int | str | None = None
    dining_option: Ref | None = None
    table: Ref | None = None
    service_area: Ref | None = None
    restaurant_service: Ref | None = None
    revenue_center: Ref | None = None
    server: Ref | None = None
    source: str | None = None
    number_of_guests: int | None = None
    approval_status: str | None = None
    delivery_info: DeliveryInfo | None = None
    curbside_pickup_info: Any = None
    checks: list[Check] | None = None
    created_in_test_mode: bool | None = None
    excess_food: bool | None = None
    display_number: str | int | None = None


class Identified(Wire):
    """What is still looked for in an order that cannot be read."""

    guid: Any = None
    checks: Any = None


class CashEntry(Wire):
    """A movement of cash; money that left the drawer is negative."""

    guid: str | None = None
    date: str | None = None
    amount: Number = NULL
    type: str | None = None
    cash_drawer: Ref | None = None
    payout_reason: Ref | None = None
    no_sale_reason: Ref | None = None
    undoes: Any = None
    employee1: Ref | None = None


class CashDeposit(Wire):
    """Cash brought to the bank; ``undoes`` names the one it takes back."""

    guid: str | None = None
    date: str | None = None
    amount: Number = NULL
    employee: Ref | None = None
    undoes: Any = None


ORDERS = msgspec.json.Decoder(list[Order])
ORDER = msgspec.json.Decoder(Order)
RAWS = msgspec.json.Decoder(list[msgspec.Raw])
CASH_ENTRIES = msgspec.json.Decoder(list[CashEntry])
CASH_DEPOSITS = msgspec.json.Decoder(list[CashDeposit])
