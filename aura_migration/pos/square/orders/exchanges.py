"""What came back in an order and paid for what went out in it: refunds of the sale it came from, by a tender of their own.

An exchange is one order with lines and returns. What of the returns no refund pays out is what the new lines were paid with,
beside their tenders. Square API reference, sections 11.2 and 11.3. Refunds that Square has a record of are in ``money.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import HistoryRow, Order, Refund, RefundItem
from aura_migration.pos.square.orders import wire
from aura_migration.pos.square.orders.wire import cents

TENDER = "Exchange"
REFUSED = ("REJECTED", "FAILED")
"""States of a refund inside an order that gave nothing back."""


def returned(back: wire.Return) -> int:
    """What one return gives back, all in."""
    if back.return_amounts is not None and back.return_amounts.total_money is not None:
        return cents(back.return_amounts.total_money)
    goods = sum(cents(line.total_money) for line in back.return_line_items or ())
    charges = sum(cents(charge.total_money) for charge in back.return_service_charges or ())
    tips = sum(cents(tip.applied_money) for tip in back.return_tips or ())
    return goods + charges + tips + wire.cents_of(back.rounding_adjustment)


def used_up(order: wire.Order, due: int) -> int:
    """How much of an order's returns paid for its own lines; ``due`` is what those come to with tips."""
    if order.state != "COMPLETED" or not order.returns or not order.line_items:
        return 0
    uncovered = due - sum(cents(tender.amount_money) for tender in order.tenders or ())
    paid_out = sum(cents(held.amount_money) for held in order.refunds or () if held.status not in REFUSED)
    return max(0, min(uncovered, sum(map(returned, order.returns)) - paid_out))


class Exchanges:
    """Refunds that an order's returns are, where nothing else gave their value back."""

    def __init__(self, item: Callable[[wire.Line], RefundItem]) -> None:
        self._item = item

    def documents(self, order: wire.Order, sale: Document) -> Iterator[Document]:
        """One refund per return whose value was used, on the day of the exchange; ``sale`` is the order's own document."""
        if sale.fault or sale.gone or not isinstance(sale.rows[0], Order):
            return
        check = sale.rows[0]
        left = used_up(order, check.final_amount_cents + check.tip_amount_cents)
        for place, back in enumerate(order.returns or ()):
            amount = min(left, returned(back))
            if amount > 0:
                left -= amount
                key = f"{order.id}:{back.uid or place}"
                yield Document("refunds", key, sale.version, self._rows(order, check, back, amount))

    def _rows(self, order: wire.Order, check: Order, back: wire.Return, amount: int) -> list[HistoryRow]:
        refund = Refund(
            business_date=check.business_date,
            amount_cents=amount,
            currency=check.currency,
            status="completed",
            order_key=back.source_order_id or None,
            return_order_key=order.id,
            tender_name=TENDER,
            method="other",
            processed_at=check.closed_at or check.paid_at or check.opened_at,
        )
        if amount != returned(back):  # the rest was paid out: which part of goods and tax this is, is not stated
            return [refund]
        amounts = back.return_amounts or wire.Amounts()
        tips = [cents(tip.applied_money) for tip in back.return_tips or ()]
        tax, charge = cents(amounts.tax_money), cents(amounts.service_charge_money)
        tip = sum(tips) if tips else cents(amounts.tip_money)
        rounding = wire.cents_of(back.rounding_adjustment)
        parts = refund._replace(
            net_cents=amount - tax - tip - charge - rounding,
            tax_cents=tax,
            tip_refunded_cents=tip,
            charge_cents=charge,
            details=msgspec.json.encode({"rounding_cents": rounding}).decode() if rounding else None,
        )
        return [parts, *(self._item(line) for line in back.return_line_items or ())]
