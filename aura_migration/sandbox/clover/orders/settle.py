"""How money meets an order: what each payment carries of taxes and charges, and what a refund takes back.

Used by ordinary orders, by written ones and by edits alike, so that there is one way to pay and one to refund.
"""

from __future__ import annotations

from collections.abc import Sequence

from aura_migration.sandbox.clover.orders.arithmetic import Sum, half_up, share_out, totals
from aura_migration.sandbox.clover.orders.model import Order, Payment, Refund, TaxPart


def apportion(order: Order, whole: Sum | None = None) -> None:
    """Give every counted payment its part of the order's taxes and service charge; a voided one keeps its own."""
    whole = totals(order, after_refunds=False) if whole is None else whole
    counted = [payment for payment in order.payments if payment.counts]
    paid = charged = 0
    before: list[list[TaxPart]] = []
    for payment in counted:
        paid += payment.amount
        last = paid >= whole.total and payment is counted[-1]
        if last and not before:
            payment.taxes, payment.tax, payment.charge = list(whole.taxes), whole.tax, whole.charge
            continue
        payment.taxes = share_out(whole.taxes, payment.amount, whole.total, before, last)
        payment.tax = sum(part.tax for part in payment.taxes)
        before.append(payment.taxes)
        if last:
            payment.charge = whole.charge - charged
        else:
            payment.charge = half_up(whole.charge * payment.amount, whole.total) if whole.total else 0
        charged += payment.charge


def alone(payment: Payment, whole: Sum) -> None:
    """A payment that was for the whole order and does not count (any more)."""
    payment.taxes, payment.tax, payment.charge = list(whole.taxes), whole.tax, whole.charge


def refund_lines(order: Order, payment: Payment, refund: Refund, lines: Sequence[str] | None = None) -> Refund:
    """Refund lines (all of them unless named) to a payment: what the order comes to less than before.

    A tip on `refund` comes on top and is part of its amount.
    """
    before = totals(order)
    wanted = None if lines is None else set(lines)
    for line in order.lines:
        if not line.refunded and not line.exchanged and (wanted is None or line.id in wanted):
            line.refunded = True
            refund.lines.append(line.id)
    after = totals(order)
    earlier = {part.rate.id: part for part in after.taxes}
    for part in before.taxes:
        left = earlier.get(part.rate.id)
        taxable, tax = (left.taxable, left.tax) if left is not None else (0, 0)
        refund.taxes.append(TaxPart(part.rate, part.taxable - taxable, part.tax - tax))
    refund.tax = before.tax - after.tax
    refund.charge = before.charge - after.charge
    refund.fees = before.fees - after.fees
    refund.other = before.other - after.other
    refund.amount = before.total - after.total + (refund.tip or 0)
    if lines is None and after.extra:
        refund.fees += after.extra
        refund.amount += after.extra
    payment.refunds.append(refund)
    return refund


def refund_amount(payment: Payment, refund: Refund, cents: int) -> Refund:
    """Refund an amount of a payment without saying for what; its tax is the payment's share."""
    refund.amount = cents + (refund.tip or 0)
    refund.tax = half_up(payment.tax * cents, payment.amount) if payment.amount else 0
    payment.refunds.append(refund)
    return refund


def payment_state(order: Order, whole: Sum) -> str:
    """OPEN, PAID and their like; `whole` is the order before refunds."""
    if order.stated_state is not None:
        return order.stated_state
    if order.credits:
        return "CREDITED"
    paid = sum(payment.amount for payment in order.payments if payment.counts)
    if not paid:
        return "PAID" if whole.total == 0 and order.payments else "OPEN"
    back = sum(one.amount - (one.tip or 0) for one in order.refunds() if one.counts)
    if back:
        return "REFUNDED" if back >= paid else "PARTIALLY_REFUNDED"
    return "PAID" if paid >= whole.total else "PARTIALLY_PAID"


def balance(order: Order, whole: Sum) -> int:
    """What is still to be paid, in cents."""
    return max(0, whole.total - sum(payment.amount for payment in order.payments if payment.counts))
