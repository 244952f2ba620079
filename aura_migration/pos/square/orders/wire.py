"""Square's orders and money as far as the mapping reads them: typed structs, made for speed.

Stored bodies are redacted: what names a person is absent or an encrypted text, and is not read here. Numbers that come as
text are read too. What a field means for AuraConnect does not belong here. Square API reference, sections 11 to 16.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Money(msgspec.Struct, gc=False):
    """Minor units of a currency; the inner key is ``currency_code`` in some payloads."""

    amount: int | None = None
    currency: str | None = None
    currency_code: str | None = None


def cents(money: Money | None) -> int:
    """The amount, 0 where there is none."""
    return 0 if money is None else money.amount or 0


def cents_of(adjustment: Rounding | None) -> int:
    """The amount of a rounding, 0 where there is none."""
    return 0 if adjustment is None else cents(adjustment.amount_money)


def maybe_cents(money: Money | None) -> int | None:
    """The amount, None where there is none."""
    return None if money is None else money.amount


class AppliedTax(msgspec.Struct, gc=False):
    """A tax's share on a line or a charge."""

    tax_uid: str | None = None
    applied_money: Money | None = None


class AppliedDiscount(msgspec.Struct, gc=False):
    """A discount's share on a line."""

    discount_uid: str | None = None
    applied_money: Money | None = None


class LineModifier(msgspec.Struct, gc=False):
    """What was chosen with a line; also of a returned line."""

    uid: str | None = None
    catalog_object_id: str | None = None
    name: str | None = None
    quantity: str | None = None
    base_price_money: Money | None = None
    total_price_money: Money | None = None
    parent_modifier_uid: str | None = None


class QuantityUnit(msgspec.Struct, gc=False):
    """The unit a quantity counts in."""

    measurement_unit: dict[str, Any] | None = None


class Line(msgspec.Struct, gc=False):
    """A line of a sale or (with ``return_modifiers``, ``source_line_item_uid``) of a return."""

    uid: str | None = None
    name: str | None = None
    variation_name: str | None = None
    catalog_object_id: str | None = None
    catalog_version: int | None = None
    quantity: str | None = None
    quantity_unit: QuantityUnit | None = None
    item_type: str | None = None
    modifiers: list[LineModifier] | None = None
    return_modifiers: list[LineModifier] | None = None
    source_line_item_uid: str | None = None
    base_price_money: Money | None = None
    variation_total_price_money: Money | None = None
    gross_sales_money: Money | None = None
    gross_return_money: Money | None = None
    total_discount_money: Money | None = None
    total_tax_money: Money | None = None
    total_service_charge_money: Money | None = None
    total_money: Money | None = None
    applied_taxes: list[AppliedTax] | None = None
    applied_discounts: list[AppliedDiscount] | None = None


class Tax(msgspec.Struct, gc=False):
    """A tax of the order; lines and charges refer to its ``uid``."""

    uid: str | None = None
    catalog_object_id: str | None = None
    name: str | None = None
    type: str | None = None
    percentage: str | None = None
    applied_money: Money | None = None


class Discount(msgspec.Struct, gc=False):
    """A discount of the order."""

    uid: str | None = None
    catalog_object_id: str | None = None
    name: str | None = None
    percentage: str | None = None
    amount_money: Money | None = None
    applied_money: Money | None = None
    scope: str | None = None
    pricing_rule_id: str | None = None


class Charge(msgspec.Struct, gc=False):
    """A service charge; ``applied_money`` is without additive tax, ``total_money`` with it."""

    uid: str | None = None
    catalog_object_id: str | None = None
    name: str | None = None
    percentage: str | None = None
    applied_money: Money | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    calculation_phase: str | None = None
    taxable: bool | None = None
    type: str | None = None
    treatment_type: str | None = None
    applied_taxes: list[AppliedTax] | None = None


class Tip(msgspec.Struct, gc=False):
    """A tip given back; the tender is the payment's id."""

    applied_money: Money | None = None
    source_tender_id: str | None = None
    source_tender_uid: str | None = None


class Rounding(msgspec.Struct, gc=False):
    """Cash rounding."""

    amount_money: Money | None = None


class Amounts(msgspec.Struct, gc=False):
    """Sums of an order or a return."""

    total_money: Money | None = None
    tax_money: Money | None = None
    discount_money: Money | None = None
    tip_money: Money | None = None
    service_charge_money: Money | None = None


class Return(msgspec.Struct, gc=False):
    """What one return gives back of one sale; amounts are positive."""

    uid: str | None = None
    source_order_id: str | None = None
    return_line_items: list[Line] | None = None
    return_service_charges: list[Charge] | None = None
    return_tips: list[Tip] | None = None
    rounding_adjustment: Rounding | None = None
    return_amounts: Amounts | None = None


class Tender(msgspec.Struct, gc=False):
    """How an order was paid; ``amount_money`` contains the tip."""

    id: str | None = None
    payment_id: str | None = None
    type: str | None = None
    created_at: str | None = None
    customer_id: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None


class OrderRefund(msgspec.Struct, gc=False):
    """A refund as the return order tells it."""

    id: str | None = None
    tender_id: str | None = None
    amount_money: Money | None = None
    status: str | None = None


class Pickup(msgspec.Struct, gc=False):
    """When and how an order leaves the house, whichever way."""

    schedule_type: str | None = None
    pickup_at: str | None = None
    deliver_at: str | None = None
    expected_shipped_at: str | None = None
    is_curbside_pickup: bool | None = None
    managed_delivery: bool | None = None


class Fulfillment(msgspec.Struct, gc=False):
    """How an order gets to its guest."""

    type: str | None = None
    state: str | None = None
    pickup_details: Pickup | None = None
    delivery_details: Pickup | None = None
    shipment_details: Pickup | None = None

    @property
    def details(self) -> Pickup | None:
        """Whichever of them is there."""
        return self.pickup_details or self.delivery_details or self.shipment_details


class Source(msgspec.Struct, gc=False):
    """Which application took the order."""

    name: str | None = None


class Order(msgspec.Struct, gc=False):
    """A sale, a return, or both."""

    id: str | None = None
    location_id: str | None = None
    reference_id: str | None = None
    source: Source | None = None
    customer_id: str | None = None
    line_items: list[Line] | None = None
    taxes: list[Tax] | None = None
    discounts: list[Discount] | None = None
    service_charges: list[Charge] | None = None
    fulfillments: list[Fulfillment] | None = None
    returns: list[Return] | None = None
    rounding_adjustment: Rounding | None = None
    tenders: list[Tender] | None = None
    refunds: list[OrderRefund] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    state: str | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_tip_money: Money | None = None
    total_service_charge_money: Money | None = None


class Fee(msgspec.Struct, gc=False):
    """A processing fee; negative where it was given back."""

    type: str | None = None
    effective_at: str | None = None
    amount_money: Money | None = None


class Card(msgspec.Struct, gc=False):
    """What is kept of a card."""

    card_brand: str | None = None
    last_4: str | None = None


class Timeline(msgspec.Struct, gc=False):
    """When a card payment was authorized, captured, voided."""

    voided_at: str | None = None


class CardDetails(msgspec.Struct, gc=False):
    """A payment by card."""

    card: Card | None = None
    entry_method: str | None = None
    card_payment_timeline: Timeline | None = None


class CashDetails(msgspec.Struct, gc=False):
    """A payment in cash."""

    buyer_supplied_money: Money | None = None
    change_back_money: Money | None = None


class ExternalDetails(msgspec.Struct, gc=False):
    """A payment taken outside of Square."""

    type: str | None = None
    source: str | None = None


class Branded(msgspec.Struct, gc=False):
    """A payment by wallet, or by instalments."""

    brand: str | None = None


class Application(msgspec.Struct, gc=False):
    """Which product of Square's took the payment."""

    square_product: str | None = None


class Offline(msgspec.Struct, gc=False):
    """When a payment was taken without connection."""

    client_created_at: str | None = None


class Payment(msgspec.Struct, gc=False):
    """One payment; ``amount_money`` is without the tip, ``total_money`` with it."""

    id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None
    total_money: Money | None = None
    app_fee_money: Money | None = None
    refunded_money: Money | None = None
    processing_fee: list[Fee] | None = None
    status: str | None = None
    source_type: str | None = None
    card_details: CardDetails | None = None
    cash_details: CashDetails | None = None
    external_details: ExternalDetails | None = None
    wallet_details: Branded | None = None
    buy_now_pay_later_details: Branded | None = None
    location_id: str | None = None
    order_id: str | None = None
    reference_id: str | None = None
    customer_id: str | None = None
    team_member_id: str | None = None
    employee_id: str | None = None
    receipt_number: str | None = None
    application_details: Application | None = None
    offline_payment_details: Offline | None = None


class Destination(msgspec.Struct, gc=False):
    """Where a refund went."""

    card_details: CardDetails | None = None
    external_details: ExternalDetails | None = None


class Refund(msgspec.Struct, gc=False):
    """Money given back; ``order_id`` is the return's, not the sale's."""

    id: str | None = None
    status: str | None = None
    location_id: str | None = None
    unlinked: bool | None = None
    destination_type: str | None = None
    destination_details: Destination | None = None
    amount_money: Money | None = None
    processing_fee: list[Fee] | None = None
    payment_id: str | None = None
    order_id: str | None = None
    reason: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    team_member_id: str | None = None


class SoldCard(msgspec.Struct, gc=False):
    """The card of a tender."""

    card: Card | None = None


class SoldTender(msgspec.Struct, gc=False):
    """What a sale that was given back had been paid with."""

    id: str | None = None
    payment_id: str | None = None
    type: str | None = None
    created_at: str | None = None
    card_details: SoldCard | None = None


class Sold(msgspec.Struct, gc=False):
    """When the sale of a return was made, and what it was paid with."""

    id: str | None = None
    created_at: str | None = None
    closed_at: str | None = None
    tenders: list[SoldTender] | None = None


class Paid(msgspec.Struct, gc=False):
    """The brand of a payment that was given back."""

    id: str | None = None
    wallet_details: Branded | None = None
    buy_now_pay_later_details: Branded | None = None


class PayoutFee(msgspec.Struct, gc=False):
    """What the transfer itself cost."""

    type: str | None = None
    amount_money: Money | None = None


class Account(msgspec.Struct, gc=False):
    """What kind of account a payout went to."""

    type: str | None = None


class Payout(msgspec.Struct, gc=False):
    """Money sent to (or taken from) the bank account: signed."""

    id: str | None = None
    status: str | None = None
    location_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    amount_money: Money | None = None
    destination: Account | None = None
    type: str | None = None
    payout_fee: list[PayoutFee] | None = None
    arrival_date: str | None = None
    end_to_end_id: str | None = None


class Shift(msgspec.Struct, gc=False):
    """A cash drawer from opening to count."""

    id: str | None = None
    state: str | None = None
    opened_at: str | None = None
    ended_at: str | None = None
    closed_at: str | None = None
    opened_cash_money: Money | None = None
    cash_payment_money: Money | None = None
    cash_refunds_money: Money | None = None
    cash_paid_in_money: Money | None = None
    cash_paid_out_money: Money | None = None
    expected_cash_money: Money | None = None
    closed_cash_money: Money | None = None
    device: Source | None = None
    updated_at: str | None = None
    location_id: str | None = None
    opening_team_member_id: str | None = None
    ending_team_member_id: str | None = None
    closing_team_member_id: str | None = None


class ShiftEvent(msgspec.Struct, gc=False):
    """Something that happened at a drawer; the type tells the direction of the money."""

    id: str | None = None
    event_type: str | None = None
    event_money: Money | None = None
    created_at: str | None = None
    description: str | None = None
    team_member_id: str | None = None


class Named(msgspec.Struct, gc=False):
    """The payment behind an entry."""

    payment_id: str | None = None


class Entry(msgspec.Struct, gc=False):
    """One line of a payout; some types name the payment behind them."""

    id: str | None = None
    payout_id: str | None = None
    effective_at: str | None = None
    type: str | None = None
    gross_amount_money: Money | None = None
    fee_amount_money: Money | None = None
    net_amount_money: Money | None = None
    type_charge_details: Named | None = None
    type_refund_details: Named | None = None
    type_fee_details: Named | None = None
    type_dispute_details: Named | None = None
    type_open_dispute_details: Named | None = None
    type_free_processing_details: Named | None = None
    type_tax_on_fee_details: Named | None = None
    type_app_fee_revenue_details: Named | None = None
    type_app_fee_refund_details: Named | None = None
    type_hold_adjustment_details: Named | None = None
    type_release_adjustment_details: Named | None = None
    type_other_adjustment_details: Named | None = None
    type_other_details: Named | None = None
    type_reserve_hold_details: Named | None = None
    type_reserve_release_details: Named | None = None
    type_third_party_fee_details: Named | None = None
    type_third_party_fee_refund_details: Named | None = None


PAYMENT_OF = {
    name.removeprefix("type_").removesuffix("_details").upper(): name
    for name in Entry.__struct_fields__
    if name.endswith("_details")
}
"""Where an entry of a type names its payment."""


class Gone(msgspec.Struct, gc=False):
    """A document Square says it does not have (any more)."""

    kind: str
    key: str
    read_at: str
