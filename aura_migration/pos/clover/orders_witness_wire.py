"""What the history's witness reads of Clover's answers, every unread field left alone.

From sections 1, 6 and 7 of the Clover API reference: cents and milliseconds are integers, collections are wrapped in
``elements`` (or are a link, where they were not asked for). What the fields mean does not belong here.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Many(msgspec.Struct, Generic[T]):
    """A collection."""

    elements: list[T] | None = None


class Ref(msgspec.Struct):
    """A reference by id."""

    id: str | None = None


class Off(msgspec.Struct, rename="camel"):
    """A discount of a line or an order: an amount below zero, whole percents, or percent times 10,000."""

    amount: int | None = None
    percentage: float | None = None
    percentage_decimal: int | None = None


class Rate(msgspec.Struct, rename="camel"):
    """A tax rate of a line; ``tax_amount`` is that of a flat tax, per line."""

    id: str | None = None
    name: str | None = None
    rate: int | None = None
    tax_amount: int | None = None


class Mod(msgspec.Struct):
    """A modification."""

    amount: int | None = None


class Line(msgspec.Struct, rename="camel"):
    """A line item: there is no quantity, ``unit_qty`` is thousandths of a unit."""

    id: str | None = None
    name: str | None = None
    price: int | None = None
    unit_qty: int | None = None
    exchanged: bool | None = None
    refunded: bool | None = None
    is_revenue: bool | None = None
    is_order_fee: bool | None = None
    order_fee_type: str | None = None
    discounts: Many[Off] | None = None
    modifications: Many[Mod] | None = None
    tax_rates: Many[Rate] | None = None


class Charge(msgspec.Struct, rename="camel"):
    """A service charge's definition, an additional charge, or what a payment took of one."""

    type: str | None = None
    amount: int | None = None
    enabled: bool | None = None
    percentage: float | None = None
    percentage_decimal: int | None = None


class OrderType(msgspec.Struct):
    """An order type; one that is not taxable takes all tax off its orders."""

    id: str | None = None
    taxable: bool | None = None


class Order(msgspec.Struct, rename="camel"):
    """An order with its lines, discounts and payments; lines taken off it are of a list of their own, recorded beside them."""

    id: str | None = None
    currency: str | None = None
    total: int | None = None
    unpaid_balance: int | None = None
    payment_state: str | None = None
    state: str | None = None
    tax_removed: bool | None = None
    is_vat: bool | None = None
    manual_transaction: bool | None = None
    test_mode: bool | None = None
    created_time: int | None = None
    client_created_time: int | None = None
    modified_time: int | None = None
    deleted_timestamp: int | None = None
    external_reference_id: str | None = None
    order_type: OrderType | None = None
    service_charge: Charge | None = None
    additional_charges: Many[Charge] | None = None
    discounts: Many[Off] | None = None
    line_items: Many[Line] | None = None
    voided_lines: Many[msgspec.Raw] | None = None
    payments: Many[Payment] | None = None


class Tender(msgspec.Struct, rename="camel"):
    """A way of paying: of the system by its key, else by its label."""

    id: str | None = None
    label: str | None = None
    label_key: str | None = None


class Card(msgspec.Struct, rename="camel"):
    """What is known of a card."""

    card_type: str | None = None


class Payment(msgspec.Struct, rename="camel"):
    """A payment: ``amount`` holds tax and charges, not the tip."""

    id: str | None = None
    order: Ref | None = None
    tender: Tender | None = None
    amount: int | None = None
    tip_amount: int | None = None
    tax_amount: int | None = None
    created_time: int | None = None
    modified_time: int | None = None
    result: str | None = None
    void_reason: str | None = None
    card_transaction: Card | None = None
    service_charge: Charge | None = None


class Back(msgspec.Struct, rename="camel"):
    """A refund of a payment, or a credit without one; ``amount`` is positive."""

    id: str | None = None
    order_ref: Ref | None = None
    payment: Ref | None = None
    amount: int | None = None
    tax_amount: int | None = None
    tip_amount: int | None = None
    created_time: int | None = None
    modified_time: int | None = None
    deleted_time: int | None = None
    voided: bool | None = None
    status: str | None = None
    result: str | None = None


class Moved(msgspec.Struct, rename="camel"):
    """An entry of the cash log: it has no id."""

    type: str | None = None
    amount_change: int | None = None
    timestamp: int | None = None
    device: Ref | None = None


class Head(msgspec.Struct, rename="camel"):
    """As much of anything as tells which version it is."""

    id: Any = None
    modified_time: Any = None
    created_time: Any = None
