"""Every row of the history, declared once: the fields of a tuple are the columns of its table, in this order.

From here come the staging columns, the checks, the column metadata and the docs. Amounts are minor units of the
location's currency. History is loaded as sent: nothing here is corrected, what does not add up is flagged.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from aura_migration.canonical.history.kinds import (
    Cents,
    Day,
    Exact,
    MaybeCents,
    MaybeDay,
    MaybeExact,
    MaybeInstant,
    MaybeJson,
    OneOf,
    Ref,
    Within,
)

ORDER_STATES = ("pending", "scheduled", "completed", "cancelled")
ORDER_TYPES = ("dine_in", "takeout", "delivery", "catering", "curbside", "unknown")
CHANNELS = ("in_house", "online", "kiosk", "phone", "third_party", "unknown")
REVENUE_CLASSES = ("sale", "gift_card_load", "house_account_payment", "deposit", "donation", "non_revenue")
CHARGE_CLASSES = ("service", "auto_gratuity", "surcharge", "cash_rounding", "delivery", "fundraising")
METHODS = ("cash", "card", "gift_card", "house_account", "store_credit", "loyalty", "check", "bank", "wallet", "other")
PAYMENT_STATES = ("pending", "authorized", "completed", "failed", "cancelled", "voided")
REFUND_STATES = ("pending", "completed", "failed", "rejected")
ENTRY_CLASSES = ("sale", "refund", "fee", "dispute", "adjustment", "reserve", "transfer", "tax", "other")
CASH_EVENT_TYPES = (
    "sale",
    "refund",
    "pay_in",
    "pay_out",
    "tip_out",
    "no_sale",
    "close_out",
    "adjustment",
    "other",
)


class OrderGroup(NamedTuple):
    """What several checks share, stored once: guests, table, delivery, promised time."""

    business_date: Day
    opened_at: MaybeInstant = None
    closed_at: MaybeInstant = None
    display_number: str | None = None
    guest_count: int | None = None
    table_no: str | None = None
    order_type: Annotated[str, OneOf(ORDER_TYPES)] = "unknown"
    channel: Annotated[str, OneOf(CHANNELS)] = "unknown"
    promised_at: MaybeInstant = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    is_voided: bool = False
    details: MaybeJson = None


class Order(NamedTuple):
    """One check. ``final = subtotal - discount + service_charge + gratuity + rounding + tax - included_tax``; tips are apart.

    ``subtotal_cents`` is the sum of the lines that are not voided, as rung up: modifiers in, discounts not taken off,
    tax that is included in prices in. ``non_sale_cents`` is the part of it whose lines are not of class sale. ``tax_amount_cents``
    is all tax, ``included_tax_cents`` the part of it inside the prices. ``total_amount_cents`` is AuraConnect's: before discount.
    A voided or cancelled check keeps its figures and counts in no sum. ``review_flags`` lists, by code, what does not add up in the POS's own figures.
    """

    business_date: Day
    business_date_rule: str
    status: Annotated[str, OneOf(ORDER_STATES)]
    currency: str
    subtotal_cents: Cents
    final_amount_cents: Cents
    non_sale_cents: Cents = 0
    discount_amount_cents: Cents = 0
    service_charge_amount_cents: Cents = 0
    gratuity_cents: Cents = 0
    rounding_cents: Cents = 0
    tax_amount_cents: Cents = 0
    included_tax_cents: Cents = 0
    total_amount_cents: Cents = 0
    tip_amount_cents: Cents = 0
    opened_at: MaybeInstant = None
    closed_at: MaybeInstant = None
    paid_at: MaybeInstant = None
    is_voided: bool = False
    voided_at: MaybeInstant = None
    void_business_date: MaybeDay = None
    scheduled_for: MaybeInstant = None
    order_group_key: Annotated[str | None, Ref("order_groups")] = None
    origin: Annotated[str, OneOf(("aura_native", "pos_native"))] = "pos_native"
    order_type: Annotated[str, OneOf(ORDER_TYPES)] = "unknown"
    channel: Annotated[str, OneOf(CHANNELS)] = "unknown"
    source_name: str | None = None
    display_number: str | None = None
    receipt_number: str | None = None
    external_id: str | None = None
    guest_count: int | None = None
    table_no: str | None = None
    revenue_center: str | None = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    customer_key: Annotated[str | None, Ref("customers")] = None
    guest_reference: str | None = None
    is_tax_exempt: bool = False
    voided_at_source: bool = False
    review_flags: MaybeJson = None
    details: MaybeJson = None


class OrderItem(NamedTuple):
    """One line. ``line_subtotal_cents`` is what was rung up with modifiers, before discounts; a voided line counts in nothing.

    ``line_discount_cents`` and ``line_tax_cents`` hold the line's share also of what was given or taken on the check, where
    the POS states the share. ``item_name`` is the name on the bill.
    """

    item_name: str
    quantity: Exact
    price_cents: Cents
    line_subtotal_cents: Cents
    revenue_class: Annotated[str, OneOf(REVENUE_CLASSES)] = "sale"
    modifiers_cents: Cents = 0
    line_discount_cents: Cents = 0
    line_tax_cents: Cents = 0
    included_tax_cents: Cents = 0
    menu_item_key: Annotated[str | None, Ref("items")] = None
    variation_key: Annotated[str | None, Ref("variations")] = None
    variation_name: str | None = None
    category_name: str | None = None
    unit: str | None = None
    is_voided: bool = False
    void_reason: str | None = None
    voided_at: MaybeInstant = None
    void_business_date: MaybeDay = None
    voided_by_key: Annotated[str | None, Ref("staff")] = None
    approved_by_key: Annotated[str | None, Ref("staff")] = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    seat: int | None = None
    course: str | None = None
    source_line_id: str | None = None


class OrderItemModifier(NamedTuple):
    """What was chosen with a line. ``amount_cents`` is its part of the line's gross, for the whole quantity."""

    item_no: Annotated[int, Within("order_items", "order_item_id")]
    name: str
    quantity: Exact
    price_adjustment_cents: Cents
    amount_cents: Cents
    modifier_key: Annotated[str | None, Ref("modifiers")] = None
    parent_no: Annotated[int | None, Within("order_item_modifiers", "parent_modifier_id")] = None
    group_name: str | None = None
    pre_modifier: str | None = None
    is_voided: bool = False


class OrderTax(NamedTuple):
    """Tax of one rate on a line, a charge (``item_no`` null) or the whole check. ``amount_exact`` where the POS has fractions."""

    name: str
    amount_cents: Cents
    item_no: Annotated[int | None, Within("order_items", "order_item_id")] = None
    charge_no: Annotated[int | None, Within("order_service_charges", "order_service_charge_id")] = None
    tax_rate_key: Annotated[str | None, Ref("tax_rates")] = None
    rate_percent: MaybeExact = None
    is_inclusive: bool = False
    amount_exact: MaybeExact = None
    taxable_amount_cents: MaybeCents = None
    remitted_by: Annotated[str, OneOf(("restaurant", "marketplace"))] = "restaurant"


class OrderDiscount(NamedTuple):
    """A discount, positive: on a line, or on the check where ``item_no`` is null. A comp takes off everything, for a reason."""

    name: str
    amount_cents: Cents
    item_no: Annotated[int | None, Within("order_items", "order_item_id")] = None
    percentage: MaybeExact = None
    discount_key: str | None = None
    reason: str | None = None
    approved_by_key: Annotated[str | None, Ref("staff")] = None
    is_comp: bool = False
    promotion_code: str | None = None


class OrderServiceCharge(NamedTuple):
    """A charge on the check. An auto-gratuity is neither tip nor sale."""

    name: str
    amount_cents: Cents
    charge_class: Annotated[str, OneOf(CHARGE_CLASSES)] = "service"
    item_no: Annotated[int | None, Within("order_items", "order_item_id")] = None
    percentage: MaybeExact = None
    tax_cents: Cents = 0
    is_taxable: bool = False
    paid_to: Annotated[str, OneOf(("house", "staff", "third_party"))] = "house"
    charge_key: str | None = None


class Payment(NamedTuple):
    """One payment. ``amount_cents`` is without the tip; a payment that was refunded keeps its amount, the refund is a row."""

    business_date: Day
    method: Annotated[str, OneOf(METHODS)]
    tender_name: str
    amount_cents: Cents
    currency: str
    status: Annotated[str, OneOf(PAYMENT_STATES)]
    tip_amount_cents: Cents = 0
    order_key: Annotated[str | None, Ref("orders")] = None
    gateway_payment_id: str | None = None
    processed_at: MaybeInstant = None
    voided_at: MaybeInstant = None
    void_business_date: MaybeDay = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    customer_key: Annotated[str | None, Ref("customers")] = None
    card_brand: str | None = None
    card_last4: str | None = None
    fee_amount_cents: MaybeCents = None
    tendered_cents: MaybeCents = None
    change_cents: MaybeCents = None
    cash_drawer_key: str | None = None
    external_id: str | None = None
    review_flags: MaybeJson = None
    details: MaybeJson = None


class PaymentFee(NamedTuple):
    """What was charged for processing a payment; given back is negative."""

    fee_type: str
    amount_cents: Cents
    effective_at: MaybeInstant = None


class Tip(NamedTuple):
    """A tip, for whom it was."""

    tip_amount_cents: Cents
    tip_date: Day
    tip_type: Annotated[str, OneOf(("card", "cash", "other"))]
    is_cash: bool = False
    staff_key: Annotated[str | None, Ref("staff")] = None
    order_key: Annotated[str | None, Ref("orders")] = None


class Refund(NamedTuple):
    """Money (or credit) given back, positive; its parts where the POS states them. No payment: a credit by itself.

    ``amount_cents`` is everything that went back, tip, tax and charges in it. ``net_cents + tax_cents + tip_refunded_cents +
    charge_cents`` is it, where the parts are known.
    """

    business_date: Day
    amount_cents: Cents
    currency: str
    status: Annotated[str, OneOf(REFUND_STATES)]
    payment_key: Annotated[str | None, Ref("payments")] = None
    order_key: Annotated[str | None, Ref("orders")] = None
    return_order_key: str | None = None
    tender_name: str | None = None
    method: Annotated[str, OneOf(METHODS)] = "other"
    net_cents: MaybeCents = None
    tax_cents: MaybeCents = None
    tip_refunded_cents: MaybeCents = None
    charge_cents: MaybeCents = None
    fee_refunded_cents: MaybeCents = None
    reason: str | None = None
    processed_at: MaybeInstant = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    sale_business_date: MaybeDay = None
    review_flags: MaybeJson = None
    details: MaybeJson = None


class RefundItem(NamedTuple):
    """A line given back, positive amounts. ``source_line_id`` is the POS's id of the sold line."""

    item_name: str
    quantity: Exact
    gross_cents: Cents
    discount_cents: Cents = 0
    tax_cents: Cents = 0
    net_cents: MaybeCents = None
    source_line_id: str | None = None
    menu_item_key: Annotated[str | None, Ref("items")] = None
    reason: str | None = None


class Payout(NamedTuple):
    """Money the processor sent to (or took from) the bank account."""

    business_date: Day
    amount_cents: Cents
    currency: str
    status: str
    payout_type: str | None = None
    arrival_date: MaybeDay = None
    initiated_at: MaybeInstant = None
    details: MaybeJson = None


class PayoutEntry(NamedTuple):
    """One line of a payout: ``gross - fee = net``. ``entry_type`` is the POS's word, ``entry_class`` ours."""

    entry_type: str
    entry_class: Annotated[str, OneOf(ENTRY_CLASSES)]
    gross_cents: Cents
    fee_cents: Cents
    net_cents: Cents
    effective_at: MaybeInstant = None
    payment_key: Annotated[str | None, Ref("payments")] = None
    source_entry_id: str | None = None


class CashDrawerShift(NamedTuple):
    """A cash drawer from opening to closing. ``expected`` is what should be in it, ``counted`` what was."""

    business_date: Day
    opened_at: MaybeInstant = None
    closed_at: MaybeInstant = None
    status: str | None = None
    drawer_name: str | None = None
    opening_cents: MaybeCents = None
    expected_cents: MaybeCents = None
    counted_cents: MaybeCents = None
    opened_by_key: Annotated[str | None, Ref("staff")] = None
    closed_by_key: Annotated[str | None, Ref("staff")] = None
    details: MaybeJson = None


class CashEvent(NamedTuple):
    """Something that moved cash, signed: into the drawer is positive."""

    business_date: Day
    event_type: Annotated[str, OneOf(CASH_EVENT_TYPES)]
    amount_cents: Cents
    source_type: str
    occurred_at: MaybeInstant = None
    shift_key: Annotated[str | None, Ref("cash_drawer_shifts")] = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    reason: str | None = None


class Deposit(NamedTuple):
    """Cash brought to the bank, or taken back."""

    business_date: Day
    amount_cents: Cents
    deposited_at: MaybeInstant = None
    staff_key: Annotated[str | None, Ref("staff")] = None
    reason: str | None = None


class HouseAccountMovement(NamedTuple):
    """What an order or payment did to a house account, signed: what the holder comes to owe is positive."""

    business_date: Day
    amount_cents: Cents
    movement_type: Annotated[str, OneOf(("charged", "paid", "adjusted"))]
    order_key: Annotated[str | None, Ref("orders")] = None
    house_account_key: Annotated[str | None, Ref("house_accounts")] = None
    occurred_at: MaybeInstant = None


HistoryRow = (
    OrderGroup
    | Order
    | OrderItem
    | OrderItemModifier
    | OrderTax
    | OrderDiscount
    | OrderServiceCharge
    | Payment
    | PaymentFee
    | Tip
    | Refund
    | RefundItem
    | Payout
    | PayoutEntry
    | CashDrawerShift
    | CashEvent
    | Deposit
    | HouseAccountMovement
)
"""Any of them."""
