"""Orders and money as Clover writes them, as far as the mapping reads them: typed structs, decoded straight from bodies.

REST v3: nulls are left out, so every field may be absent. Cents and epoch milliseconds are integers. Scales: rates of tax
10,000,000 = 100 %, exact percentages 1,000,000 = 100 %, plain ones whole percents, ``unitQty`` thousandths.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A record of Clover; fields that are not declared are skipped unread."""


class Elements(msgspec.Struct, Generic[T], frozen=True):
    """A list inside a record; without ``elements`` where it was not expanded."""

    elements: list[T] | None = None


class Pointer(Wire, frozen=True):
    """A pointer to another record."""

    id: str | None = None


class Tender(Wire, frozen=True):
    """A way of paying; only its id where it was not expanded."""

    id: str | None = None
    label: str | None = None
    label_key: str | None = None


class Rate(Wire, frozen=True):
    """A tax rate as it was copied to a line. ``taxAmount`` (cents per line) counts where the rate is 0."""

    id: str | None = None
    name: str | None = None
    rate: int | None = None
    tax_amount: int | None = None
    tax_type: str | None = None


class Discount(Wire, frozen=True):
    """A discount: ``amount`` (negative), ``percentage`` (whole) or the exact ``percentageDecimal``."""

    name: str | None = None
    amount: int | None = None
    percentage: int | None = None
    percentage_decimal: int | None = None
    discount: Pointer | None = None
    approver: Pointer | None = None


class Modification(Wire, frozen=True):
    """A modifier of a line, its price copied at the sale."""

    name: str | None = None
    amount: int | None = None
    modifier: Pointer | None = None


class Line(Wire, frozen=True):
    """A line item. There is no quantity: three of a thing are three lines; ``unitQty`` is for what is weighed."""

    id: str | None = None
    item: Pointer | None = None
    name: str | None = None
    price: int | None = None
    unit_qty: int | None = None
    unit_name: str | None = None
    created_time: int | None = None
    exchanged: bool | None = None
    refunded: bool | None = None
    is_revenue: bool | None = None
    is_order_fee: bool | None = None
    order_fee: Pointer | None = None
    order_fee_type: str | None = None
    is_platform_order_fee: bool | None = None
    percentage: int | None = None
    modifications: Elements[Modification] | None = None
    discounts: Elements[Discount] | None = None
    tax_rates: Elements[Rate] | None = None


class ServiceCharge(Wire, frozen=True):
    """A service charge; on orders only its definition, on payments and refunds its cents."""

    id: str | None = None
    name: str | None = None
    percentage_decimal: int | None = None
    percentage: int | None = None
    amount: int | None = None


class AdditionalCharge(Wire, frozen=True):
    """A charge beside the lines, as the fee of a delivery."""

    id: str | None = None
    type: str | None = None
    amount: int | None = None
    percentage_decimal: int | None = None


class TaxPart(Wire, frozen=True):
    """What a payment holds of one tax."""

    id: str | None = None
    name: str | None = None
    rate: int | None = None
    taxable_amount: int | None = None
    tax_amount: int | None = None


class Card(Wire, frozen=True):
    """What a payment shows of a card."""

    card_type: str | None = None
    last4: str | None = None
    currency: str | None = None


class Payment(Wire, frozen=True):
    """A payment. ``amount`` holds tax and service charge and leaves the tip out."""

    id: str | None = None
    order: Pointer | None = None
    tender: Tender | None = None
    amount: int | None = None
    tip_amount: int | None = None
    tax_amount: int | None = None
    cashback_amount: int | None = None
    cash_tendered: int | None = None
    employee: Pointer | None = None
    created_time: int | None = None
    modified_time: int | None = None
    offline: bool | None = None
    external_payment_id: str | None = None
    result: str | None = None
    void_reason: str | None = None
    card_transaction: Card | None = None
    service_charge: ServiceCharge | None = None
    tax_rates: Elements[TaxPart] | None = None


class Refund(Wire, frozen=True):
    """Money given back for a payment, positive, tax and (where it says so) tip in it.

    ``order`` is no field of Clover's: it is the order, read beside it (see ``compose.py``).
    """

    id: str | None = None
    order_ref: Pointer | None = None
    payment: Payment | None = None
    amount: int | None = None
    tax_amount: int | None = None
    tip_amount: int | None = None
    created_time: int | None = None
    deleted_time: int | None = None
    employee: Pointer | None = None
    line_items: Elements[Pointer] | None = None
    override_merchant_tender: Tender | None = None
    service_charge_amount: ServiceCharge | None = None
    voided: bool | None = None
    void_reason: str | None = None
    status: str | None = None
    reason: str | None = None
    order: Order | None = None


class Credit(Wire, frozen=True):
    """Money given back without a payment to give it back for; positive."""

    id: str | None = None
    order_ref: Pointer | None = None
    tender: Tender | None = None
    employee: Pointer | None = None
    customers: Elements[Pointer] | None = None
    amount: int | None = None
    tax_amount: int | None = None
    created_time: int | None = None
    voided: bool | None = None
    void_reason: str | None = None
    result: str | None = None
    reason: str | None = None
    card_transaction: Card | None = None


class VoidedLine(Wire, frozen=True):
    """A line that was taken off an order."""

    line_item_uuid: str | None = None
    name: str | None = None
    price: int | None = None
    quantity: int | None = None
    reason: str | None = None
    is_revenue: bool | None = None
    deleted_time: int | None = None
    approved_by_uuid: str | None = None
    removed_by: Pointer | None = None


class Order(Wire, frozen=True):
    """An order: in Clover order and check are one. ``voidedLines`` is no field of Clover's, see ``compose.py``."""

    id: str | None = None
    currency: str | None = None
    employee: Pointer | None = None
    device: Pointer | None = None
    customers: Elements[Pointer] | None = None
    total: int | None = None
    payment_state: str | None = None
    title: str | None = None
    external_reference_id: str | None = None
    order_type: Pointer | None = None
    state: str | None = None
    tax_removed: bool | None = None
    is_vat: bool | None = None
    manual_transaction: bool | None = None
    test_mode: bool | None = None
    pay_type: str | None = None
    created_time: int | None = None
    modified_time: int | None = None
    deleted_timestamp: int | None = None
    online_order: dict[str, msgspec.Raw] | None = None
    service_charge: ServiceCharge | None = None
    additional_charges: Elements[AdditionalCharge] | list[AdditionalCharge] | None = None
    discounts: Elements[Discount] | None = None
    line_items: Elements[Line] | None = None
    payments: Elements[Payment] | None = None
    refunds: Elements[Refund] | None = None
    credits: Elements[Credit] | None = None
    voided_lines: Elements[VoidedLine] | None = None


class CashEvent(Wire, frozen=True):
    """An entry of the cash log; it has no id."""

    type: str | None = None
    amount_change: int | None = None
    timestamp: int | None = None
    employee: Pointer | None = None
    device: Pointer | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One recorded body of a list."""

    elements: list[T]


class RawPage(msgspec.Struct, frozen=True):
    """The same, its records undecoded."""

    elements: list[msgspec.Raw]
