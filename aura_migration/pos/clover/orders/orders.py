"""An order of Clover as rows: one check with its lines, modifiers, discounts, charges and taxes.

Loaded as sent: figures follow from the lines by Clover's own steps (``arithmetic.py``), and where Clover's total, state or
payments say otherwise the order carries a flag. What pays for it is in ``money.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    HistoryRow,
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
)
from aura_migration.pos.clover.orders import wire
from aura_migration.pos.clover.orders.arithmetic import (
    SHARE,
    Figures,
    Priced,
    as_collected,
    charge_share,
    charges_of,
    figures,
    share_of,
)
from aura_migration.pos.clover.orders.context import Context, counts, json_text, scaled
from aura_migration.pos.clover.orders.instants import EARLIEST, text

NAMELESS = "(no name)"
GIFT_CARD = re.compile(r"\b(?:e-?)?gift[\s_-]*(?:cards?|certificates?|vouchers?)\b", re.IGNORECASE)
DONATION = re.compile(r"\bdonat(?:ion|ions|e)\b", re.IGNORECASE)
AUTO_GRATUITY = "AUTO_GRATUITY"
PARTNER_TAX = "PARTNER_TAX"
SOLD = frozenset(("PAID", "PARTIALLY_PAID", "REFUNDED", "PARTIALLY_REFUNDED"))
SETTLED = frozenset(("PAID", "REFUNDED", "PARTIALLY_REFUNDED"))


def order_document(context: Context, order: wire.Order) -> Document:
    """The document of one order."""
    key = order.id or ""
    version = f"{order.modified_time or order.created_time or 0:015d}"
    if order.deleted_timestamp:
        return Document("orders", key, version, [], gone=True)
    created = text(order.created_time)
    if created is None or order.created_time is None:
        return Document("orders", key, version, [], fault="the order has no time of creation (createdTime)")
    kind, untaxed = context.order_type(order.order_type)
    sums = figures(order, untaxed=untaxed)
    payments = order.payments.elements if order.payments is not None else None
    counted = [one for one in payments or () if counts(one)]
    if counted and not untaxed and all(one.tax_amount is not None for one in counted):
        paid = sum(one.amount or 0 for one in counted)
        sums = as_collected(order, sums, paid, sum(one.tax_amount or 0 for one in counted))
    paid_at = max((one.created_time or 0 for one in counted), default=0) or None
    dated = order.created_time if context.rules.basis == "created" else paid_at or order.created_time
    amount_only = bool(order.manual_transaction) and not sums.lines and not sums.fees
    final = order.total or 0 if amount_only else sums.total
    status = _status(order, sums, bool(counted), payments is None)
    guest = next((one.id for one in (order.customers.elements if order.customers else None) or () if one.id), None)
    rows: list[HistoryRow] = [None]  # type: ignore[list-item]  # the root, when its sums are known
    service, gratuity = _charges(rows, context, order, sums)
    discount = _lines(rows, context, sums)
    for gone in (order.voided_lines.elements if order.voided_lines is not None else None) or ():
        rows.append(_voided(context, gone))
    discount += _order_discounts(rows, context, order, sums)
    _taxes(rows, context, order, sums)
    flags = _flags(context, order, sums, payments, counted, final, untaxed=untaxed, dated=dated)
    if amount_only and final:
        flags.append("lines_do_not_add_up")
    settled = status == "completed" and order.payment_state != "PARTIALLY_PAID"
    rows[0] = Order(
        business_date=context.days.day(dated),
        business_date_rule=context.rule,
        status=status,
        currency=order.currency or context.currency,
        subtotal_cents=sums.gross,
        final_amount_cents=final,
        non_sale_cents=sums.non_sale,
        discount_amount_cents=discount,
        service_charge_amount_cents=service,
        gratuity_cents=gratuity,
        tax_amount_cents=sums.tax,
        included_tax_cents=sums.tax if order.is_vat else 0,
        total_amount_cents=final + discount,
        tip_amount_cents=sum(one.tip_amount or 0 for one in counted),
        opened_at=created,
        closed_at=text(paid_at) if settled else None,
        paid_at=text(paid_at) if settled else None,
        order_type=kind,
        channel="online" if order.online_order is not None else "in_house" if order.device is not None else "unknown",
        display_number=order.title,
        external_id=order.external_reference_id or None,
        staff_key=context.key(order.employee),
        customer_key=f"{context.at}/{guest}" if guest else None,
        guest_reference=context.guest(guest) if guest else None,
        is_tax_exempt=untaxed or bool(order.tax_removed),
        review_flags=json_text(flags),
        details=json_text(_details(context, order, final, status)),
    )
    return Document("orders", key, version, rows)


def _status(order: wire.Order, sums: Figures, paid: bool, unknown: bool) -> str:
    """Sold once money came in. The empty shell of a manual refund, or an order emptied line by line, is none at all."""
    if paid or (unknown and order.payment_state in SOLD):
        return "completed"
    if not sums.lines and not sums.fees and not (order.manual_transaction and order.total):
        return "cancelled"
    return "completed" if order.payment_state == "PAID" and not sums.total else "pending"


def _details(context: Context, order: wire.Order, final: int, status: str) -> dict[str, Any]:
    found: dict[str, Any] = context.type_details(order.order_type)
    if order.tax_removed:
        found["tax_removed"] = True
    if order.pay_type and order.pay_type != "FULL":
        found["pay_type"] = order.pay_type
    if order.total is not None and order.total != final:
        found["stated_total_cents"] = order.total
    if order.payment_state and (status != "completed" or order.payment_state != "PAID"):
        found["payment_state"] = order.payment_state
    if order.manual_transaction:
        found["manual_transaction"] = True
    return found


def _charges(rows: list[HistoryRow], context: Context, order: wire.Order, sums: Figures) -> tuple[int, int]:
    """Service charge, order fees and additional charges; answers what they come to, automatic gratuities apart."""
    service = gratuity = 0
    charge = order.service_charge
    if charge is not None:
        service += sums.service_charge
        share = scaled(charge_share(charge), 4)
        name = charge.name or "Service charge"
        key = f"{context.at}/{charge.id}" if charge.id else None
        rows.append(OrderServiceCharge(name, sums.service_charge, percentage=share, charge_key=key))
    for fee in sums.fees:
        cents = fee.price or 0
        is_gratuity = fee.order_fee_type == AUTO_GRATUITY
        if is_gratuity:
            gratuity += cents
        else:
            service += cents
        rows.append(
            OrderServiceCharge(
                fee.name or NAMELESS,
                cents,
                "auto_gratuity" if is_gratuity else "surcharge" if fee.is_platform_order_fee else "service",
                percentage=None if fee.percentage is None else scaled(fee.percentage, 4),
                is_taxable=sums.fees_taxed and bool(fee.tax_rates is not None and fee.tax_rates.elements),
                paid_to="staff" if is_gratuity else "third_party" if fee.is_platform_order_fee else "house",
                charge_key=context.key(fee.order_fee),
            )
        )
    for additional, cents in zip(charges_of(order), sums.additional, strict=True):
        service += cents
        kind = additional.type or ""
        rows.append(
            OrderServiceCharge(
                kind.replace("_", " ").capitalize() or NAMELESS,
                cents,
                "delivery" if kind == "DELIVERY_FEE" else "surcharge",
                percentage=None if additional.percentage_decimal is None else scaled(additional.percentage_decimal, 4),
            )
        )
    return service, gratuity


def _lines(rows: list[HistoryRow], context: Context, sums: Figures) -> int:
    """Lines with modifiers and discounts, then what was exchanged or voided; answers what discounts of lines took off."""
    taken = 0
    place = 0
    for priced in sums.lines:
        line = priced.line
        rows.append(_line(context, priced))
        if priced.modifiers or line.modifications is not None:
            _modifiers(rows, context, line, place)
        if priced.taken:
            assert line.discounts is not None and line.discounts.elements is not None
            taken += _discounts(rows, context, line.discounts.elements, priced.taken, place)
        place += 1
    for priced in sums.exchanged:
        rows.append(_line(context, priced)._replace(is_voided=True, void_reason="exchanged"))
        _modifiers(rows, context, priced.line, place)
        place += 1
    return taken


def revenue_class(line: wire.Line | wire.VoidedLine) -> str:
    """The class of a line. Clover marks gift cards and donations alike as no revenue; only the name tells which it is."""
    if line.is_revenue is not False:
        return "sale"
    name = line.name or ""
    return "gift_card_load" if GIFT_CARD.search(name) else "donation" if DONATION.search(name) else "non_revenue"


def _voided(context: Context, line: wire.VoidedLine) -> OrderItem:
    """A line that was taken off the order before it was paid: it counts in nothing."""
    quantity, cents = line.quantity or 1, line.price or 0
    return OrderItem(
        item_name=line.name or NAMELESS,
        quantity=str(quantity),
        price_cents=cents,
        line_subtotal_cents=cents * quantity,
        revenue_class=revenue_class(line),
        is_voided=True,
        void_reason=line.reason or None,
        voided_at=text(line.deleted_time),
        void_business_date=context.days.maybe(line.deleted_time),
        voided_by_key=context.key(line.removed_by),
        approved_by_key=f"{context.at}/{line.approved_by_uuid}" if line.approved_by_uuid else None,
        source_line_id=line.line_item_uuid,
    )


def _line(context: Context, priced: Priced) -> OrderItem:
    line = priced.line
    return OrderItem(
        item_name=line.name or NAMELESS,
        quantity="1" if line.unit_qty is None else scaled(line.unit_qty, 3),
        price_cents=line.price or 0,
        line_subtotal_cents=priced.value,
        revenue_class=revenue_class(line),
        modifiers_cents=priced.modifiers,
        line_discount_cents=priced.value - priced.net,
        menu_item_key=context.key(line.item),
        unit=line.unit_name or None,
        source_line_id=line.id,
    )


def _modifiers(rows: list[HistoryRow], context: Context, line: wire.Line, place: int) -> None:
    for one in (line.modifications.elements if line.modifications is not None else None) or ():
        cents = one.amount or 0
        key = context.modifier_key(one.modifier)
        rows.append(OrderItemModifier(place, one.name or NAMELESS, "1", cents, cents, key))


def _order_discounts(rows: list[HistoryRow], context: Context, order: wire.Order, sums: Figures) -> int:
    if not sums.order_taken:
        return 0
    assert order.discounts is not None and order.discounts.elements is not None
    return _discounts(rows, context, order.discounts.elements, sums.order_taken, None)


def _discounts(
    rows: list[HistoryRow],
    context: Context,
    discounts: Sequence[wire.Discount],
    taken: Sequence[int],
    place: int | None,
) -> int:
    for one, cents in zip(discounts, taken, strict=True):
        share = share_of(one)
        is_comp = share == SHARE
        rows.append(
            OrderDiscount(
                one.name or NAMELESS,
                cents,
                place,
                None if share is None else scaled(share, 4),
                context.key(one.discount),
                one.name if is_comp else None,
                context.key(one.approver),
                is_comp,
            )
        )
    return sum(taken)


def _taxes(rows: list[HistoryRow], context: Context, order: wire.Order, sums: Figures) -> None:
    first_fee = int(order.service_charge is not None)
    for one in sums.taxes:
        rate = one.rate
        on_fees = [(first_fee + place, cents, sums.fees[place].price or 0) for place, cents in one.fees]
        row = OrderTax(
            rate.name or NAMELESS,
            one.tax - sum(cents for _, cents, _ in on_fees),
            tax_rate_key=f"{context.at}/{rate.id}" if rate.id else None,
            rate_percent=scaled(rate.rate, 5) if rate.rate else None,
            is_inclusive=bool(order.is_vat),
            taxable_amount_cents=one.taxable - sum(price for _, _, price in on_fees),
            remitted_by="marketplace" if rate.tax_type == PARTNER_TAX else "restaurant",
        )
        if not on_fees or row.taxable_amount_cents:
            rows.append(row)
        for charge, cents, price in on_fees:
            rows.append(row._replace(amount_cents=cents, charge_no=charge, taxable_amount_cents=price))


def _flags(
    context: Context,
    order: wire.Order,
    sums: Figures,
    payments: Sequence[wire.Payment] | None,
    counted: Sequence[wire.Payment],
    final: int,
    *,
    untaxed: bool,
    dated: int,
) -> list[str]:
    """What Clover's own figures of the order contradict each other in."""
    flags: list[str] = []
    if order.total is not None and order.total != final:
        after = sums.total
        if any(priced.line.refunded for priced in sums.lines) or any(fee.refunded for fee in sums.fees):
            after = figures(order, untaxed=untaxed, refunded=False).total
        if order.total != after:
            flags.append("total_does_not_add_up")
    if counted:
        paid = sum(one.amount or 0 for one in counted)
        stated = [one.tax_amount for one in counted if one.tax_amount is not None]
        if paid >= final and len(stated) == len(counted) and sum(stated) != sums.tax:
            flags.append("tax_does_not_add_up")
        if order.payment_state in SETTLED and paid < final:
            flags.append("payments_do_not_cover")
        refunds = (order.refunds.elements if order.refunds is not None else None) or ()
        back = sum(one.amount or 0 for one in refunds if not one.voided and one.status in ("SUCCESS", None))
        if back > paid + sum(one.tip_amount or 0 for one in counted):
            flags.append("refund_exceeds_sale")
    elif payments is not None and order.payment_state in SETTLED and final > 0:
        flags.append("payments_do_not_cover")
    if order.currency and order.currency != context.currency:
        flags.append("currency_differs")
    if final < 0:
        flags.append("negative_total")
    if not EARLIEST <= dated <= context.latest:
        flags.append("absurd_date")
    return flags
