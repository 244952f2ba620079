"""One Toast check as the reference reads it: its figures, and where its own figures contradict each other.

Section 9 of the Toast API reference. Sums are exact and rounded once for each figure of the check: lines under one rate may
share a tax in fractions of a cent. Fetching and reading bodies does not belong here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from aura_migration.pos.order_facts import PROBLEMS, OrderFact, tax_name
from aura_migration.pos.toast.orders_witness_wire import Amount, Charge, Check, Discount, Order, Payment, Selection, Tax

State = Literal["counts", "voided", "open"]
ZERO = Decimal(0)
HALF = Decimal("0.5")
NOT_PAID = ("VOIDED", "VOIDED_AT_RISK", "CANCELLED", "DENIED", "ERROR", "ERROR_NETWORK")
CLASSES = {
    "TOAST_CARD_SELL": "gift_card_load",
    "TOAST_CARD_RELOAD": "gift_card_load",
    "HOUSE_ACCOUNT_PAY_BALANCE": "house_account_payment",
}
"""Lines that are no sale by their type; a deferred line of any other type is a gift card too."""
CHARGES = {
    "CREDIT_CARD_SURCHARGE": "surcharge",
    "FUNDRAISING_CAMPAIGN": "fundraising",
    "CASH_ROUNDING": "cash_rounding",
}


class Money:
    """Amounts of one currency as exact minor units, and rounded ones."""

    def __init__(self, digits: int) -> None:
        self._digits = digits

    def exact(self, amount: Amount) -> Decimal:
        """Minor units, with fractions; nothing is 0."""
        return ZERO if amount is None else amount.scaleb(self._digits)

    def cents(self, amount: Amount) -> int:
        """Minor units of an amount, to the nearest."""
        return whole(self.exact(amount))


def whole(cents: Decimal) -> int:
    """The nearest whole minor unit; halves away from zero."""
    return int(cents.quantize(Decimal(1), ROUND_HALF_UP))


def named(problems: Iterable[str]) -> tuple[str, ...]:
    """Codes of problems, each once, in their order."""
    held = set(problems)
    return tuple(code for code in PROBLEMS if code in held)


def date_text(business_date: int | None) -> str | None:
    """``20250215`` as ``2025-02-15``; None where it is no date."""
    if business_date is None or not 1_01_01 <= business_date <= 9999_12_31:
        return None
    text = f"{business_date:08d}"
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if "01" <= text[4:6] <= "12" and "01" <= text[6:] <= "31" else None


def is_absurd(day: str) -> bool:
    """Whether no restaurant with this POS was open on that day."""
    return not "2000" <= day < "2100"


def is_paid(payment: Payment) -> bool:
    """Whether the payment paid anything, or is going to."""
    return payment.void_info is None and (payment.payment_status or "") not in NOT_PAID


def line_class(line: Selection, is_waste: bool) -> str:
    """The class of revenue of a line: what it moves that is no sale, or ``sale``."""
    found = CLASSES.get(line.selection_type or "")
    if found is not None:
        return found
    if line.deferred:
        return "gift_card_load"
    return "non_revenue" if is_waste else "sale"


def charge_class(charge: Charge) -> str:
    """A charge for deliveries alone is one for delivery; a category that no document knows is a service charge."""
    if charge.gratuity:
        return "auto_gratuity"
    found = CHARGES.get(charge.service_charge_category or "")
    if found is not None:
        return found
    return "delivery" if charge.delivery and not charge.takeout and not charge.dine_in else "service"


class Sums:
    """Everything a check comes to, in exact minor units, out of its lines, discounts, charges and taxes."""

    def __init__(self, check: Check, money: Money, is_waste: bool) -> None:
        self._money = money
        self.rung: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.taxes: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.charges: Counter[str] = Counter()
        self.discount = self.included = self.before = self.price = self.off = self.tax = self.lines_tax = ZERO
        for line in check.selections or ():
            if not line.voided:
                self._line(line, is_waste)
        for shown, net in self._discounts(check.applied_discounts):
            self.discount += shown
            self.off += net
            self.rung["sale"] += shown - net
        for charge in check.applied_service_charges or ():
            self.charges[charge_class(charge)] += money.cents(charge.charge_amount)
            self.tax += self._taxed(charge.applied_taxes, False)

    def _line(self, line: Selection, is_waste: bool) -> None:
        exact, is_inside = self._money.exact, line.tax_inclusion == "INCLUDED"
        tax = self._taxed(line.applied_taxes, is_inside)
        rung = exact(line.pre_discount_price) + (tax if is_inside else ZERO)
        for shown, net in self._discounts(line.applied_discounts):
            self.discount += shown
            self.off += net
            rung += shown - net
        self.rung[line_class(line, is_waste)] += rung
        self.before += exact(line.pre_discount_price)
        self.price += exact(line.price)
        self.included += tax if is_inside else ZERO
        self.tax += tax
        self.lines_tax += tax - exact(line.tax)

    def _taxed(self, taxes: list[Tax] | None, is_inside: bool) -> Decimal:
        found = ZERO
        for tax in taxes or ():
            cents = self._money.exact(tax.tax_amount)
            self.taxes[tax_name(tax.name or "Tax", percent(tax), inclusive=is_inside)] += cents
            found += cents
        return found

    def _discounts(self, discounts: list[Discount] | None) -> Iterator[tuple[Decimal, Decimal]]:
        """Each discount as the guest sees it, and without the tax that was inside the price."""
        for one in discounts or ():
            if one.processing_state != "VOID":
                shown = one.discount_amount if one.discount_amount is not None else one.non_tax_discount_amount
                net = one.non_tax_discount_amount if one.non_tax_discount_amount is not None else shown
                yield self._money.exact(shown), self._money.exact(net)


def percent(tax: Tax) -> str | None:
    """A rate of percent as a plain decimal: ``7.25``; None for amounts per item, tables and none."""
    if tax.rate is None or tax.type not in (None, "PERCENT", "EXTERNAL"):
        return None
    return format((tax.rate * 100).normalize(), "f")


def order_fact(order: Order, check: Check, key: str, day: str, money: Money, taken: str) -> OrderFact:
    """The check as a fact. ``taken``: when it was read, as Toast writes instants; what is promised for later is open."""
    sums = Sums(check, money, bool(order.excess_food))
    gratuity = sums.charges["auto_gratuity"]
    final, is_sound = _final(check, gratuity, money)
    problems = list(_problems(check, sums, money))
    if not is_sound:
        problems.append("total_does_not_add_up")
    state = _state(order, check, taken)
    paid = [payment for payment in check.payments or () if is_paid(payment)]
    amount = sum(money.cents(payment.amount) for payment in paid)
    is_settled = state == "counts" and check.payment_status in ("PAID", "CLOSED")
    if is_settled and amount not in (final, final - gratuity):
        problems.append("payments_do_not_cover")
    if final < 0:
        problems.append("negative_total")
    if is_absurd(day):
        problems.append("absurd_date")
    return OrderFact(
        key=key,
        business_date=day,
        state=state,
        gross=whole(sums.rung.get("sale", ZERO)),
        discount=whole(sums.discount),
        tax=money.cents(check.tax_amount),
        included_tax=whole(sums.included),
        tip=sum(money.cents(payment.tip_amount) for payment in paid),
        final=final,
        lines=len(check.selections or ()),
        non_sale={name: whole(cents) for name, cents in sums.rung.items() if name != "sale" and whole(cents)},
        charges={name: cents for name, cents in sums.charges.items() if cents},
        taxes={name: whole(cents) for name, cents in sums.taxes.items() if whole(cents)},
        problems=named(problems),
        reference=check.external_id or order.external_id or "",
        group=order.guid or "",
        opened_at=_instant(order.opened_date),
    )


def _instant(text: str | None) -> datetime | None:
    """An aware instant as Toast writes it; None where there is none or it is unreadable."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def _state(order: Order, check: Check, taken: str) -> State:
    if order.voided or check.voided or order.excess_food:  # food given away is left out of sales like a void
        return "voided"
    is_later = order.closed_date is None and (order.promised_date or "") > taken
    if is_later or order.approval_status in ("FUTURE", "NEEDS_APPROVAL", "NOT_APPROVED"):
        return "open"
    return "open" if check.payment_status == "OPEN" else "counts"


def _final(check: Check, gratuity: int, money: Money) -> tuple[int, bool]:
    """What is payable, gratuity in it, and whether the total is its parts.

    Whether ``totalAmount`` holds gratuity charges is of two opinions in the documents: the one under which it adds up is
    taken, else that it does not.
    """
    total, parts = money.cents(check.total_amount), money.cents(check.amount) + money.cents(check.tax_amount)
    if gratuity and total == parts + gratuity:
        return total, True
    return total + gratuity, total == parts


def _problems(check: Check, sums: Sums, money: Money) -> Iterator[str]:
    if check.voided:
        return
    charges = sum(cents for name, cents in sums.charges.items() if name != "auto_gratuity")
    if whole(sums.price) + charges != money.cents(check.amount):
        yield "lines_do_not_add_up"
    if abs(sums.before - sums.off - sums.price) >= HALF:
        yield "discounts_do_not_add_up"
    if abs(sums.tax - money.exact(check.tax_amount)) >= HALF or abs(sums.lines_tax) >= HALF:
        yield "tax_does_not_add_up"
