"""What the history's witness reads of Square's answers, every unread field left alone.

From sections 11, 13, 14 and 16 of the Square API reference: amounts are integers of the minor unit, absent is nothing. What
the fields mean does not belong here.
"""

from __future__ import annotations

import msgspec


class Money(msgspec.Struct):
    """An amount; payouts name the currency in another key, which is not read."""

    amount: int | None = None
    currency: str | None = None


class Applied(msgspec.Struct):
    """What a tax or a discount of the order comes to on a line or a charge."""

    tax_uid: str | None = None
    discount_uid: str | None = None
    applied_money: Money | None = None


class Modifier(msgspec.Struct):
    """A modifier of a line, for its whole quantity."""

    total_price_money: Money | None = None


class Line(msgspec.Struct):
    """A line item."""

    item_type: str | None = None
    variation_total_price_money: Money | None = None
    gross_sales_money: Money | None = None
    total_discount_money: Money | None = None
    total_tax_money: Money | None = None
    total_service_charge_money: Money | None = None
    total_money: Money | None = None
    modifiers: list[Modifier] | None = None
    applied_taxes: list[Applied] | None = None
    applied_discounts: list[Applied] | None = None


class Tax(msgspec.Struct):
    """A tax or a discount of the whole order."""

    uid: str | None = None
    name: str | None = None
    type: str | None = None
    percentage: str | None = None
    applied_money: Money | None = None


class Charge(msgspec.Struct):
    """A service charge."""

    type: str | None = None
    treatment_type: str | None = None
    applied_money: Money | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    applied_taxes: list[Applied] | None = None


class Tender(msgspec.Struct):
    """What was paid for an order with one payment, whose id it has: the tip is in the amount."""

    id: str | None = None
    payment_id: str | None = None
    type: str | None = None
    created_at: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None


class Amounts(msgspec.Struct):
    """Sums of what came back; also of a rounding, which is a single amount."""

    total_money: Money | None = None
    tax_money: Money | None = None
    tip_money: Money | None = None
    amount_money: Money | None = None


class Return(msgspec.Struct):
    """What came back of a sale."""

    uid: str | None = None
    source_order_id: str | None = None
    return_amounts: Amounts | None = None


class Handed(msgspec.Struct):
    """Money handed back for a return, as the return's order has it."""

    status: str | None = None
    amount_money: Money | None = None


class Order(msgspec.Struct):
    """An order: a sale, what comes back of one, or both."""

    id: str | None = None
    location_id: str | None = None
    state: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    reference_id: str | None = None
    line_items: list[Line] | None = None
    taxes: list[Tax] | None = None
    discounts: list[Tax] | None = None
    service_charges: list[Charge] | None = None
    returns: list[Return] | None = None
    return_amounts: Amounts | None = None
    refunds: list[Handed] | None = None
    rounding_adjustment: Amounts | None = None
    tenders: list[Tender] | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_tip_money: Money | None = None
    total_service_charge_money: Money | None = None


class Fee(msgspec.Struct):
    """A processing fee: what is given back is negative."""

    amount_money: Money | None = None


class Card(msgspec.Struct):
    """A card."""

    card_brand: str | None = None


class Details(msgspec.Struct):
    """Details of a payment, whatever it was made with."""

    card: Card | None = None
    source: str | None = None
    brand: str | None = None


class Payment(msgspec.Struct):
    """A payment: ``amount_money`` is without the tip."""

    id: str | None = None
    location_id: str | None = None
    order_id: str | None = None
    created_at: str | None = None
    status: str | None = None
    source_type: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None
    total_money: Money | None = None
    refunded_money: Money | None = None
    processing_fee: list[Fee] | None = None
    card_details: Details | None = None
    external_details: Details | None = None
    wallet_details: Details | None = None
    buy_now_pay_later_details: Details | None = None


class Refund(msgspec.Struct):
    """A refund of a payment; ``order_id`` is the return, not the sale."""

    id: str | None = None
    location_id: str | None = None
    payment_id: str | None = None
    order_id: str | None = None
    created_at: str | None = None
    status: str | None = None
    amount_money: Money | None = None


class Payout(msgspec.Struct):
    """Money sent to the bank; negative: taken from it."""

    id: str | None = None
    location_id: str | None = None
    created_at: str | None = None
    amount_money: Money | None = None


class Entry(msgspec.Struct):
    """A line of a payout."""

    id: str | None = None
    payout_id: str | None = None
    type: str | None = None
    fee_amount_money: Money | None = None
    net_amount_money: Money | None = None


class Shift(msgspec.Struct):
    """A cash drawer from opening to closing."""

    id: str | None = None
    location_id: str | None = None
    opened_at: str | None = None
    created_at: str | None = None
    opened_cash_money: Money | None = None
    expected_cash_money: Money | None = None
    closed_cash_money: Money | None = None


class Event(msgspec.Struct):
    """What moved cash; the amount has no sign."""

    id: str | None = None
    event_type: str | None = None
    created_at: str | None = None
    event_money: Money | None = None


class Head(msgspec.Struct):
    """As much of an object as tells which version it is."""

    id: str | None = None
    updated_at: str | None = None
    created_at: str | None = None


class Gone(msgspec.Struct):
    """That Square was asked for an object and had none."""

    kind: str = ""
    key: str = ""


class Told(msgspec.Struct):
    """A record of what Square did not have."""

    gone: list[Gone] | None = None
