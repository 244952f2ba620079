"""An order with all its sums: what was paid by which payment, what a return gives back, which refunds follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aura_migration.sandbox.square.orders.arithmetic import Sums, apportion, half_even, work_out
from aura_migration.sandbox.square.orders.marks import Marks
from aura_migration.sandbox.square.orders.model import (
    COMPLETED,
    KINDS,
    PERCENT,
    Back,
    Line,
    Order,
    TenderKind,
    TenderUse,
)

Parts = list[tuple[int, int]]
FEE_AFTER = 2 * 3_600_000
GOOD = ("COMPLETED", "APPROVED")


class Paid:
    """One payment: `amount` without the tip, `total` with it."""

    __slots__ = ("amount", "fee", "id", "kind", "order", "place", "tip", "total", "use")

    def __init__(self, use: TenderUse, payment_id: str, order: Order, place: int, amount: int, tip: int) -> None:
        self.use = use
        self.id = payment_id
        self.order = order
        self.place = place
        self.amount = amount
        self.tip = tip
        self.total = amount + tip
        self.kind: TenderKind = KINDS[use.kind]
        first = self.total - (tip if use.adjusted else 0)
        charged = half_even(first * self.kind.rate, PERCENT) + (self.kind.fixed if first else 0)
        whole = half_even(self.total * self.kind.rate, PERCENT) + (self.kind.fixed if self.total else 0)
        more = whole - charged
        self.fee: tuple[tuple[str, int, int], ...] = ()
        if self.kind.rate and use.status == COMPLETED and self.total:
            self.fee = (("INITIAL", use.created + FEE_AFTER, charged),)
            if use.adjusted and more:
                self.fee = (*self.fee, ("ADJUSTMENT", use.adjusted + FEE_AFTER, more))

    @property
    def good(self) -> bool:
        """Is it a tender of the order?"""
        return self.use.status in GOOD

    @property
    def fee_cents(self) -> int:
        """All of its fees, known yet or not."""
        return sum(cents for _, _, cents in self.fee)


class Refunded:
    """One refund of one payment (or of none)."""

    __slots__ = ("back", "cents", "fee", "id", "order", "paid")

    def __init__(self, refund_id: str, order: Order, back: Back, paid: Paid | None, cents: int) -> None:
        self.id = refund_id
        self.order = order
        self.back = back
        self.paid = paid
        self.cents = cents
        whole = paid is not None and back.fee_back and back.status == COMPLETED and paid.total > 0
        self.fee = half_even(paid.fee_cents * cents, paid.total) if whole and paid is not None else 0


class BackLine:
    """One returned line with the part of every sum that goes back."""

    __slots__ = (
        *("charge", "charge_parts", "discount", "discount_parts", "gross", "line", "mods", "place", "qty", "tax"),
        *("tax_parts", "total", "variation"),
    )

    line: Line
    place: int | None
    qty: int
    variation: int
    mods: list[int]
    gross: int
    discount: int
    discount_parts: Parts
    tax: int
    tax_parts: Parts
    charge: int
    charge_parts: Parts
    total: int


class BackDone:
    """What a return comes to. Tax, discount and charge places are those of the sale."""

    __slots__ = (
        *("charge", "charges", "discount", "discounts", "lines", "refunds", "rounding", "source", "tax", "taxes"),
        *("tip", "tips", "total"),
    )

    source: Done | None
    lines: list[BackLine]
    charges: list[int]
    taxes: dict[int, int]
    discounts: dict[int, int]
    tips: list[tuple[Paid, int]]
    tax: int
    discount: int
    charge: int
    tip: int
    rounding: int
    total: int
    refunds: list[Refunded]


class Done:
    """An order and its sums. `due` is what has to be paid without tips, `total` with them."""

    __slots__ = ("back", "due", "id", "order", "paid", "rounding", "sums", "tip", "total")

    def __init__(self, order: Order, marks: Marks) -> None:
        self.order = order
        self.id = marks.order(order.number)
        sums = work_out(order.lines, order.taxes, order.discounts, order.charges)
        self.sums: Sums = sums
        self.rounding = to_coins(sums.total, order.rounding) if order.rounding else 0
        self.due = sums.total + self.rounding
        self.paid = self._pay(marks)
        self.tip = sum(paid.tip for paid in self.paid if paid.good)
        self.total = self.due + self.tip
        self.back: BackDone | None = None

    def _pay(self, marks: Marks) -> list[Paid]:
        uses = self.order.tenders
        open_ones = [place for place, use in enumerate(uses) if use.cents is None and use.status in GOOD]
        left = self.due - sum(use.cents or 0 for use in uses if use.status in GOOD)
        parts = dict(zip(open_ones, apportion(left, [1] * len(open_ones)), strict=True))
        number, found = self.order.number, []
        for place, use in enumerate(uses):
            amount = use.cents if use.cents is not None else parts.get(place, self.due)
            tip = half_even(amount * use.tip_rate, PERCENT) if use.tip_rate else use.tip
            found.append(Paid(use, marks.payment(number, place), self.order, place, amount, tip))
        return found

    @property
    def counts(self) -> bool:
        """Is it a sale, or a return?"""
        return self.order.state == COMPLETED

    @property
    def net_due(self) -> int:
        """What is still to be paid."""
        return self.due - sum(paid.amount for paid in self.paid if paid.good)


def to_coins(total: int, coin: int) -> int:
    """What rounding to coins adds: up to the next one, or, where `coin` is negative, to the nearest (a half upwards)."""
    if coin > 0:
        return -total % coin
    rest = total % -coin
    return -rest if 2 * rest < -coin else -coin - rest


def give_back(done: Done, source: Done | None, new_id: Callable[[Paid | None, int], str]) -> BackDone:
    """Work out what an order gives back of its sale."""
    back = done.order.back
    assert back is not None
    found = BackDone()
    found.source = source
    found.lines = [_part(source, place, qty) for place, qty in back.lines] if source is not None else []
    if back.cents is not None:
        found.lines.append(_amount(back.cents))
    found.taxes, found.discounts = {}, {}
    for line in found.lines:
        for place, cents in line.tax_parts:
            found.taxes[place] = found.taxes.get(place, 0) + cents
        for place, cents in line.discount_parts:
            found.discounts[place] = found.discounts.get(place, 0) + cents
    found.charges, charged, charge_tax = [], 0, 0
    if back.charges and source is not None:
        for place, charge in enumerate(source.order.charges):
            if not charge.apportioned:
                found.charges.append(place)
                charged += source.sums.charge_applied[place]
                charge_tax += source.sums.charge_taxes[place]
                for tax, cents in source.sums.charge_tax_parts[place]:
                    found.taxes[tax] = found.taxes.get(tax, 0) + cents
    good = [paid for paid in source.paid if paid.good] if source is not None else []
    found.tips = [(paid, paid.tip) for paid in good if paid.tip] if back.tip else []
    found.tip = sum(cents for _, cents in found.tips)
    found.tax = sum(line.tax for line in found.lines) + charge_tax
    found.discount = sum(line.discount for line in found.lines)
    found.charge = charged + sum(line.charge for line in found.lines)
    found.rounding = back.rounding
    found.total = sum(line.total for line in found.lines) + charged + charge_tax + found.tip + back.rounding
    found.refunds = []
    if back.payments is not None:
        for place, (paid_place, cents) in enumerate(back.payments):
            assert source is not None
            paid = source.paid[paid_place]
            found.refunds.append(Refunded(new_id(paid, place), done.order, back, paid, cents))
        return found
    left = found.total
    for place, paid in enumerate(good):
        cents = min(left, paid.total)
        if cents:
            found.refunds.append(Refunded(new_id(paid, place), done.order, back, paid, cents))
            left -= cents
    if source is None and left:
        found.refunds.append(Refunded(new_id(None, 0), done.order, back, None, left))
    return found


def _amount(cents: int) -> BackLine:
    line = BackLine()
    line.line = Line(None, None, None, None, cents, kind="CUSTOM_AMOUNT", note="Custom amount")
    line.place, line.qty, line.mods = None, line.line.qty, []
    line.variation = line.gross = line.total = cents
    line.discount = line.tax = line.charge = 0
    line.discount_parts, line.tax_parts, line.charge_parts = [], [], []
    return line


def _part(source: Done, place: int, qty: int | None) -> BackLine:
    sums, line = source.sums, BackLine()
    line.line, line.place = source.order.lines[place], place
    whole = line.line.qty
    line.qty = whole if qty is None else qty

    def share(cents: int) -> int:
        return cents if line.qty == whole else half_even(cents * line.qty, whole)

    def shares(parts: Sequence[tuple[int, int]]) -> Parts:
        return [(held, share(cents)) for held, cents in parts]

    taxes = source.order.taxes
    line.variation = share(sums.variation[place])
    line.mods = [share(cents) for cents in sums.mods[place]]
    line.discount_parts = shares(sums.discount_parts[place])
    line.tax_parts = shares(sums.tax_parts[place])
    line.charge_parts = shares(sums.charge_parts[place])
    line.discount = sum(cents for _, cents in line.discount_parts)
    line.tax = sum(cents for _, cents in line.tax_parts)
    line.charge = sum(cents for _, cents in line.charge_parts)
    included = sum(cents for held, cents in line.tax_parts if taxes[held].inclusive)
    line.gross = line.variation + sum(line.mods) + line.charge - included
    line.total = line.gross - line.discount + line.tax
    return line
