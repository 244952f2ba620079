"""Payments and refunds as rows. A refund's parts come from its return order, which is stored beside it.

Square API reference, sections 11.2 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import HistoryRow, Payment, PaymentFee, Refund, RefundItem, Tip
from aura_migration.pos.square.orders import wire
from aura_migration.pos.square.orders.dating import Days, is_absurd, text_of, version_of, when
from aura_migration.pos.square.orders.known import Known
from aura_migration.pos.square.orders.sales import as_json, codes, line_name, quantity_text, rung_up
from aura_migration.pos.square.orders.wire import cents, maybe_cents

PAYMENT_STATES = {
    "APPROVED": "authorized",
    "PENDING": "pending",
    "COMPLETED": "completed",
    "CANCELED": "cancelled",
    "FAILED": "failed",
}
REFUND_STATES = {"PENDING": "pending", "COMPLETED": "completed", "REJECTED": "rejected", "FAILED": "failed"}
EXTERNAL = {
    "CHECK": "check",
    "BANK_TRANSFER": "bank",
    "OTHER_GIFT_CARD": "gift_card",
    "STORED_BALANCE": "store_credit",
    "SQUARE_CASH": "wallet",
    "EMONEY": "wallet",
    "CARD": "card",
}
METHODS = {
    "CARD": "card",
    "CASH": "cash",
    "EXTERNAL": "other",
    "BANK_ACCOUNT": "bank",
    "WALLET": "wallet",
    "BUY_NOW_PAY_LATER": "other",
    "SQUARE_ACCOUNT": "wallet",
}
GIFT_CARD = "SQUARE_GIFT_CARD"
NO_TIME = "Square gives it no time that could be its day."


def tender_of(
    source: str | None, card: wire.CardDetails | None, external: wire.ExternalDetails | None, brand: str | None
) -> tuple[str, str]:
    """How something was paid, and what the restaurant calls it."""
    if source == "CARD":
        is_gift = card is not None and card.card is not None and card.card.card_brand == GIFT_CARD
        return ("gift_card", "Gift card") if is_gift else ("card", "Card")
    if source == "CASH":
        return "cash", "Cash"
    if source == "EXTERNAL":
        kind = external.type if external is not None else None
        named = external.source if external is not None else None
        return EXTERNAL.get(kind or "", "other"), named or kind or "Unknown"
    if source in METHODS:
        return METHODS[source], brand or source
    return "other", "Unknown"


class Payments:
    """Payments of one location as documents."""

    def __init__(self, location: str, currency: str, days: Days) -> None:
        self._location = location
        self._currency = currency
        self._days = days

    def document(self, payment: wire.Payment) -> Document | None:
        """The payment with its fees and its tip; None for another location's."""
        key = payment.id
        assert key, "payments without an id are refused before"
        if payment.location_id not in (None, self._location):
            return None
        version, made = version_of(payment.updated_at or payment.created_at), when(payment.created_at)
        day = self._days.day(made)
        if made is None or day is None:
            return Document("payments", key, version, [], fault=NO_TIME)
        wallet = payment.wallet_details or payment.buy_now_pay_later_details
        method, tender = tender_of(
            payment.source_type, payment.card_details, payment.external_details, wallet.brand if wallet else None
        )
        status = PAYMENT_STATES.get(payment.status or "", "pending")
        card = payment.card_details.card if payment.card_details is not None else None
        timeline = payment.card_details.card_payment_timeline if payment.card_details is not None else None
        voided = when(timeline.voided_at) if timeline is not None else None
        if voided is None and status == "cancelled":
            voided = when(payment.updated_at)
        amount, tip = cents(payment.amount_money), cents(payment.tip_money)
        fees = payment.processing_fee or ()
        cash = payment.cash_details
        staff = payment.team_member_id or payment.employee_id or None
        rows: list[HistoryRow] = [
            Payment(
                business_date=day,
                method=method,
                tender_name=tender,
                amount_cents=amount,
                currency=(payment.amount_money and payment.amount_money.currency) or self._currency,
                status=status,
                tip_amount_cents=tip,
                order_key=payment.order_id or None,
                gateway_payment_id=key,
                processed_at=made.text,
                voided_at=voided and voided.text,
                void_business_date=self._days.day(voided),
                staff_key=staff,
                customer_key=payment.customer_id or None,
                card_brand=card.card_brand if card is not None else None,
                card_last4=card.last_4 if card is not None else None,
                fee_amount_cents=sum(cents(fee.amount_money) for fee in fees) if fees else None,
                tendered_cents=maybe_cents(cash.buyer_supplied_money) if cash is not None else None,
                change_cents=maybe_cents(cash.change_back_money) if cash is not None else None,
                external_id=payment.reference_id or None,
                review_flags=self._flags(payment, amount, tip),
                details=_payment_details(payment),
            )
        ]
        for fee in fees:
            rows.append(PaymentFee(fee.type or "UNKNOWN", cents(fee.amount_money), text_of(fee.effective_at)))
        if tip and status == "completed":
            kind = method if method in ("card", "cash") else "other"
            rows.append(Tip(tip, day, kind, method == "cash", staff, payment.order_id or None))
        return Document("payments", key, version, rows)

    def _flags(self, payment: wire.Payment, amount: int, tip: int) -> str | None:
        flags: list[str] = []
        if is_absurd(when(payment.created_at)):
            flags.append("absurd_date")
        money = payment.amount_money
        if money is not None and money.currency not in (None, self._currency):
            flags.append("currency_differs")
        if amount < 0:
            flags.append("negative_total")
        if payment.refunded_money is not None and cents(payment.refunded_money) > amount + tip:
            flags.append("refund_exceeds_sale")
        if payment.total_money is not None and cents(payment.total_money) != amount + tip:
            flags.append("total_does_not_add_up")
        if payment.source_type not in METHODS:
            flags.append("unknown_tender")
        return codes(flags)


def _payment_details(payment: wire.Payment) -> str | None:
    details: dict[str, Any] = {}
    if payment.app_fee_money is not None:
        details["app_fee_cents"] = cents(payment.app_fee_money)
    if payment.application_details is not None and payment.application_details.square_product:
        details["square_product"] = payment.application_details.square_product
    if payment.card_details is not None and payment.card_details.entry_method:
        details["entry_method"] = payment.card_details.entry_method
    if payment.external_details is not None and payment.external_details.type:
        details["external_type"] = payment.external_details.type
    if payment.offline_payment_details is not None:
        details["taken_offline_at"] = text_of(payment.offline_payment_details.client_created_at)
    return as_json(details)


def _given_back_by(refund: wire.Refund, sale: wire.Sold | None, paid: wire.Paid | None) -> tuple[str, str]:
    """What was given back by: Square says the kind; its brand, and whether a card is a gift card, is known of the payment."""
    destination = refund.destination_details
    card = destination.card_details if destination is not None else None
    if refund.destination_type == "CARD" and (card is None or card.card is None):
        for tender in (sale.tenders if sale is not None else None) or ():
            if refund.payment_id and refund.payment_id in (tender.payment_id, tender.id):
                is_gift = tender.type == GIFT_CARD
                told = tender.card_details.card if tender.card_details is not None else None
                brand = wire.Card(card_brand=GIFT_CARD) if is_gift else told
                card = wire.CardDetails(card=brand)
    branded = (paid.wallet_details or paid.buy_now_pay_later_details) if paid is not None else None
    external = destination.external_details if destination is not None else None
    return tender_of(refund.destination_type, card, external, branded.brand if branded is not None else None)


_NONE: Mapping[str, wire.Paid] = {}


class Refunds:
    """Refunds of one location as documents."""

    def __init__(self, known: Known, location: str, currency: str, days: Days) -> None:
        self._known = known
        self._location = location
        self._currency = currency
        self._days = days

    def document(
        self,
        refund: wire.Refund,
        returns: Mapping[str, wire.Order],
        sales: Mapping[str, wire.Sold],
        paid: Mapping[str, wire.Paid] = _NONE,
    ) -> Document | None:
        """The refund with what was given back; ``returns`` and ``sales`` are the orders behind it, ``paid`` payments, by id."""
        key = refund.id
        assert key, "refunds without an id are refused before"
        if refund.location_id not in (None, self._location):
            return None
        version, made = version_of(refund.updated_at or refund.created_at), when(refund.created_at)
        day = self._days.day(made)
        if made is None or day is None:
            return Document("refunds", key, version, [], fault=NO_TIME)
        order = returns.get(refund.order_id or "")
        back = (order.returns if order is not None else None) or []
        source = next((held.source_order_id for held in back if held.source_order_id), None)
        sold = self._sold(sales.get(source or ""))
        if self._days.rules.refunds == "sale_day" and sold is not None:
            day = sold
        amount = cents(refund.amount_money)
        parts = _Parts(order, back, refund, amount)
        method, tender = _given_back_by(refund, sales.get(source or ""), paid.get(refund.payment_id or ""))
        fees = refund.processing_fee or ()
        details: dict[str, Any] = {"unlinked": True} if refund.unlinked else {}
        if parts.shared:
            details["return"] = parts.shared
        if parts.rounding:
            details["rounding_cents"] = parts.rounding
        rows: list[HistoryRow] = [
            Refund(
                business_date=day,
                amount_cents=amount,
                currency=(refund.amount_money and refund.amount_money.currency) or self._currency,
                status=REFUND_STATES.get(refund.status or "", "pending"),
                payment_key=refund.payment_id or None,
                order_key=source,
                return_order_key=refund.order_id or None,
                tender_name=tender,
                method=method,
                net_cents=parts.net,
                tax_cents=parts.tax,
                tip_refunded_cents=parts.tip,
                charge_cents=parts.charge,
                fee_refunded_cents=-sum(cents(fee.amount_money) for fee in fees) if fees else None,
                reason=refund.reason or None,
                processed_at=made.text,
                staff_key=refund.team_member_id or None,
                sale_business_date=sold,
                review_flags=self._flags(refund, order),
                details=as_json(details),
            )
        ]
        if parts.is_first:
            rows += [self.item(line) for held in back for line in held.return_line_items or ()]
        return Document("refunds", key, version, rows)

    def _sold(self, sale: wire.Sold | None) -> str | None:
        """The day the sale was made, by the rule for orders."""
        if sale is None:
            return None
        basis = self._days.rules.basis
        paid = max(
            (found for t in sale.tenders or () if (found := when(t.created_at))), key=lambda f: f.instant, default=None
        )
        closed, opened = when(sale.closed_at), when(sale.created_at)
        chosen = {"paid": paid or closed, "created": opened, "closed": closed}[basis]
        return self._days.day(chosen or opened)

    def item(self, line: wire.Line) -> RefundItem:
        """A line that was given back."""
        gross, _ = rung_up(line)
        tax = cents(line.total_tax_money)
        item = self._known.sellable(line.catalog_object_id).item if line.catalog_object_id else None
        total = maybe_cents(line.total_money)
        return RefundItem(
            line_name(line),
            quantity_text(line.quantity),
            gross,
            cents(line.total_discount_money),
            tax,
            None if total is None else total - tax,
            line.source_line_item_uid,
            item,
        )

    def _flags(self, refund: wire.Refund, order: wire.Order | None) -> str | None:
        flags: list[str] = []
        if is_absurd(when(refund.created_at)):
            flags.append("absurd_date")
        money = refund.amount_money
        if money is not None and money.currency not in (None, self._currency):
            flags.append("currency_differs")
        if refund.order_id and order is None:
            flags.append("missing_reference")
        if money is not None and cents(money) < 0:
            flags.append("negative_total")
        return codes(flags)


class _Parts:
    """What a refund is made of, where the return tells it: it has one refund, or says whose the tip was.

    Of several refunds of one return the first carries the lines; how much of goods and tax went back by which payment
    is not stated, so that those parts stay unknown.
    """

    def __init__(self, order: wire.Order | None, back: list[wire.Return], refund: wire.Refund, amount: int) -> None:
        self.net: int | None = None
        self.tax: int | None = None
        self.tip: int | None = None
        self.charge: int | None = None
        self.rounding = 0
        self.is_first = False
        self.shared: dict[str, int] = {}
        if order is None or not back:
            return
        refunds = [held.id for held in order.refunds or ()]
        self.is_first = not refunds or refund.id not in refunds or refunds[0] == refund.id
        tips = [tip for held in back for tip in held.return_tips or ()]
        amounts = [held.return_amounts or wire.Amounts() for held in back]
        tax = sum(cents(one.tax_money) for one in amounts)
        tip = sum(cents(one.applied_money) for one in tips)
        charge = sum(cents(one.service_charge_money) for one in amounts)
        total = sum(cents(one.total_money) for one in amounts)
        if len(refunds) <= 1 and total == amount:
            self.tax, self.tip, self.charge = tax, tip, charge
            self.rounding = sum(wire.cents_of(held.rounding_adjustment) for held in back)
            self.net = amount - tax - tip - charge - self.rounding
            return
        self.tip = sum(
            cents(one.applied_money)
            for one in tips
            if refund.payment_id and refund.payment_id in (one.source_tender_id, one.source_tender_uid)
        )
        if self.is_first:
            self.shared = {"total_cents": total, "tax_cents": tax, "tip_cents": tip, "charge_cents": charge}
