"""Payments, refunds, credits and the cash log of Clover as rows.

A payment keeps its amount whatever was given back; a refund is positive and on its own day. A credit is a refund without
a payment. No personal data goes into a row.
"""

from __future__ import annotations

from typing import Any

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import CashEvent, HistoryRow, Payment, Refund, RefundItem, Tip
from aura_migration.pos.clover.orders import wire
from aura_migration.pos.clover.orders.arithmetic import price
from aura_migration.pos.clover.orders.context import Context, counts, json_text, scaled
from aura_migration.pos.clover.orders.instants import EARLIEST, text
from aura_migration.pos.clover.orders.tenders import UNKNOWN

PAYMENT_STATES = {
    "SUCCESS": "completed",
    "AUTH_COMPLETED": "completed",
    "AUTH": "authorized",
    "FAIL": "failed",
    "VOID_FAILED": "failed",
    "VOIDED": "voided",
    "VOIDING": "voided",
    "DISCOUNT": "cancelled",
}
"""By result; others (INITIATED, PENDING, OFFLINE_RETRYING, new ones) are pending."""
REFUND_STATES = {"SUCCESS": "completed", "FAIL": "failed", "PENDING": "pending", "VOIDED": "rejected"}
CREDIT_STATES = {"SUCCESS": "completed", "AUTH_COMPLETED": "completed", "FAIL": "failed", "VOIDED": "rejected"}
CASH_EVENTS = {
    "LOAD": "pay_in",
    "UNLOAD": "pay_out",
    "OPEN": "no_sale",
    "ADJUSTMENT": "adjustment",
    "COUNT": "other",
}


def payment_document(context: Context, payment: wire.Payment) -> Document:
    """The document of one payment, with its tip."""
    key, at = payment.id or "", payment.created_time
    version = f"{payment.modified_time or at or 0:015d}"
    moment = text(at)
    if moment is None or at is None:
        return Document("payments", key, version, [], fault="the payment has no time (createdTime)")
    if payment.amount is None:
        return Document("payments", key, version, [], fault="the payment has no amount")
    order = payment.order.id if payment.order is not None else None
    card = payment.card_transaction
    method, tender = context.tender(payment.tender, card)
    status = "voided" if payment.void_reason else PAYMENT_STATES.get(payment.result or "", "pending")
    voided = payment.modified_time if status == "voided" else None
    day, tip = context.days.day(at), payment.tip_amount or 0
    staff = context.key(payment.employee)
    flags = [] if tender != UNKNOWN else ["unknown_tender"]
    if order is None:
        flags.append("missing_reference")
    currency = (card.currency if card is not None else None) or context.currency
    if currency != context.currency:
        flags.append("currency_differs")
    if not EARLIEST <= at <= context.latest:
        flags.append("absurd_date")
    rows: list[HistoryRow] = [
        Payment(
            business_date=day,
            method=method,
            tender_name=tender,
            amount_cents=payment.amount,
            currency=currency,
            status=status,
            tip_amount_cents=tip,
            order_key=order,
            processed_at=moment,
            voided_at=text(voided),
            void_business_date=context.days.maybe(voided),
            staff_key=staff,
            card_brand=card.card_type if card is not None else None,
            card_last4=card.last4 if card is not None else None,
            tendered_cents=payment.cash_tendered,
            external_id=payment.external_payment_id or None,
            review_flags=json_text(flags),
            details=json_text(_parts(payment)),
        )
    ]
    if tip and counts(payment):
        tip_type = "cash" if method == "cash" else "card" if method == "card" else "other"
        rows.append(Tip(tip, day, tip_type, method == "cash", staff, order))
    return Document("payments", key, version, rows)


def _parts(payment: wire.Payment) -> dict[str, Any]:
    """What of the amount is tax and service charge, as Clover's own reports count them."""
    found: dict[str, Any] = {}
    if payment.tax_amount:
        found["tax_cents"] = payment.tax_amount
    if payment.service_charge is not None and payment.service_charge.amount:
        found["service_charge_cents"] = payment.service_charge.amount
    if payment.cashback_amount:
        found["cashback_cents"] = payment.cashback_amount
    if payment.offline:
        found["offline"] = True
    if payment.result and payment.result not in PAYMENT_STATES:
        found["result"] = payment.result
    if payment.void_reason:
        found["void_reason"] = payment.void_reason
    return found


def refund_document(context: Context, refund: wire.Refund) -> Document:
    """The document of one refund, with the lines it names."""
    key, at = refund.id or "", refund.created_time
    version = f"{refund.deleted_time or at or 0:015d}{int(bool(refund.voided))}"
    moment = text(at)
    if moment is None or at is None:
        return Document("refunds", key, version, [], fault="the refund has no time (createdTime)")
    if refund.amount is None:
        return Document("refunds", key, version, [], fault="the refund has no amount")
    paid = refund.payment
    override = refund.override_merchant_tender
    if override is not None:
        method, tender = context.tender(override, None)
    else:
        method, tender = context.tender(paid.tender if paid else None, paid.card_transaction if paid else None)
    tax, tip = refund.tax_amount or 0, refund.tip_amount or 0
    charge = (refund.service_charge_amount.amount if refund.service_charge_amount is not None else None) or 0
    fees = sum(line.price or 0 for line in _named(refund) if line.is_order_fee)
    fees = max(0, min(fees, refund.amount - tax - tip - charge))
    charge += fees
    sale_day = _sale_day(context, refund)
    flags = [] if tender != UNKNOWN else ["unknown_tender"]
    if paid is None or not paid.id:
        flags.append("missing_reference")
    if refund.amount < 0:
        flags.append("negative_total")
    if not EARLIEST <= at <= context.latest:
        flags.append("absurd_date")
    rows: list[HistoryRow] = [
        Refund(
            business_date=(sale_day if context.rules.refunds == "sale_day" else None) or context.days.day(at),
            amount_cents=refund.amount,
            currency=context.currency,
            status="rejected" if refund.voided else REFUND_STATES.get(refund.status or "SUCCESS", "pending"),
            payment_key=paid.id if paid is not None else None,
            order_key=refund.order_ref.id if refund.order_ref is not None else None,
            tender_name=tender,
            method=method,
            net_cents=refund.amount - tax - tip - charge,
            tax_cents=tax,
            tip_refunded_cents=tip,
            charge_cents=charge,
            reason=refund.reason or refund.void_reason,
            processed_at=moment,
            staff_key=context.key(refund.employee),
            sale_business_date=sale_day,
            review_flags=json_text(flags),
            details=json_text({"order_fee_cents": fees} if fees else {}),
        )
    ]
    rows += _refunded_lines(context, refund)
    return Document("refunds", key, version, rows)


def _sale_day(context: Context, refund: wire.Refund) -> str | None:
    """The business day of the sale, dated as the order itself is."""
    order, paid = refund.order, refund.payment
    at = paid.created_time if paid is not None else None
    if order is not None:
        times = [
            one.created_time or 0
            for one in (order.payments.elements if order.payments is not None else None) or ()
            if counts(one)
        ]
        at = order.created_time if context.rules.basis == "created" else max(times, default=0) or order.created_time
    return context.days.maybe(at)


def _named(refund: wire.Refund) -> list[wire.Line]:
    """The lines of the order that a refund names: goods, and the lines that order fees are."""
    named = {one.id for one in (refund.line_items.elements if refund.line_items is not None else None) or ()}
    order = refund.order
    if not named or order is None or order.line_items is None:
        return []
    return [line for line in order.line_items.elements or () if line.id in named]


def _refunded_lines(context: Context, refund: wire.Refund) -> list[HistoryRow]:
    rows: list[HistoryRow] = []
    for line in _named(refund):
        if not line.is_order_fee:
            priced = price(line)
            rows.append(
                RefundItem(
                    line.name or "(no name)",
                    "1" if line.unit_qty is None else scaled(line.unit_qty, 3),
                    priced.value,
                    priced.value - priced.net,
                    source_line_id=line.id,
                    menu_item_key=context.key(line.item),
                )
            )
    return rows


def credit_document(context: Context, credit: wire.Credit) -> Document:
    """The document of one credit: a refund without a payment."""
    key, at = credit.id or "", credit.created_time
    version = f"{at or 0:015d}{int(bool(credit.voided))}"
    moment = text(at)
    if moment is None or at is None:
        return Document("refunds", key, version, [], fault="the manual refund has no time (createdTime)")
    if credit.amount is None:
        return Document("refunds", key, version, [], fault="the manual refund has no amount")
    method, tender = context.tender(credit.tender, credit.card_transaction)
    tax = credit.tax_amount or 0
    flags = [] if tender != UNKNOWN else ["unknown_tender"]
    if not EARLIEST <= at <= context.latest:
        flags.append("absurd_date")
    row = Refund(
        business_date=context.days.day(at),
        amount_cents=credit.amount,
        currency=context.currency,
        status="rejected" if credit.voided else CREDIT_STATES.get(credit.result or "", "pending"),
        order_key=credit.order_ref.id if credit.order_ref is not None else None,
        tender_name=tender,
        method=method,
        net_cents=credit.amount - tax,
        tax_cents=tax,
        tip_refunded_cents=0,
        charge_cents=0,
        reason=credit.reason or credit.void_reason,
        processed_at=moment,
        staff_key=context.key(credit.employee),
        review_flags=json_text(flags),
        details='{"kind":"credit"}',
    )
    return Document("refunds", key, version, [row])


def cash_document(context: Context, event: wire.CashEvent) -> Document:
    """The document of an entry of the cash log. It has no id: time, device, type and amount tell entries apart."""
    device = (event.device.id if event.device is not None else None) or ""
    key = f"{event.timestamp}:{device}:{event.type}:{event.amount_change}"
    moment = text(event.timestamp)
    if moment is None or event.timestamp is None:
        return Document("cash_events", key, "0", [], fault="the entry of the cash log has no time (timestamp)")
    if event.amount_change is None or not event.type:
        return Document("cash_events", key, "0", [], fault="the entry of the cash log has no type or no amount")
    kind = CASH_EVENTS.get(event.type, "other")
    if event.type == "TRANSACTION":
        kind = "refund" if event.amount_change < 0 else "sale"
    row = CashEvent(
        context.days.day(event.timestamp),
        kind,
        event.amount_change,
        event.type,
        occurred_at=moment,
        staff_key=context.key(event.employee),
    )
    return Document("cash_events", key, "0", [row])
