"""How orders of a history were paid, what was given back, and what a refund says of lines and charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from aura_migration.sandbox.toast.orders import kinds
from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.compose import BRANDS, ENTRIES, FIRST_DIGIT, ONLINE_ENTRIES
from aura_migration.sandbox.toast.orders.draw import Frame
from aura_migration.sandbox.toast.orders.model import CASH, CREDIT, GIFTCARD, HOUSE, OTHER, Card
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.sheet import (
    CASH_ROUNDING,
    SURCHARGE,
    AppliedCharge,
    Bill,
    Cents,
    Paid,
    PaidBack,
    Refund,
    Selection,
    Sheet,
    Void,
)
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DINE_IN, HOUR, MINUTE

KINDS = (CREDIT,) * 15 + (CASH,) * 5
BY_KIND = {
    kinds.GIFT_PAY: GIFTCARD, kinds.HOUSE_PAY: HOUSE, kinds.CUSTOM: OTHER, kinds.ROUNDING: CASH, kinds.CASH_TIP: CASH,
    kinds.VOID_ORDER: CASH, kinds.VOID_NEXT_DAY: OTHER, kinds.MARKETPLACE: OTHER,
}  # fmt: skip
BY_CARD = frozenset(
    (kinds.REFUND_SAME, kinds.REFUND_LATER, kinds.REFUND_LINES, kinds.REFUND_AMOUNT, kinds.SURCHARGE, kinds.TIP_LATER,
     kinds.FUTURE, kinds.GRATUITY)
)  # fmt: skip
UNPAID = frozenset((kinds.VOID_CHECK, kinds.DELETED_CHECK, kinds.DELETED))
"""Kinds whose last check goes away before anybody pays."""
CHECK_CARD, CARDS = 4, 16


class Tender:
    """Pays the orders of one location."""

    def __init__(self, dice: Dice, floor: Floor) -> None:
        self._dice = dice
        self._floor = floor
        self._void_reason = floor.guid("voidReasons", "Server error")

    def card(self, number: int, place: int, cents: int, at_table: bool, entry: str | None = None) -> Card:
        """The card of a payment."""
        roll = self._dice.roll("past-card", number * CARDS + place)
        brand = BRANDS[roll[0] % len(BRANDS)]
        modes = ENTRIES if at_table else ONLINE_ENTRIES
        digits = f"{int.from_bytes(roll[1:5], 'big'):010d}"
        return Card(
            brand=brand,
            first6=FIRST_DIGIT[brand] + digits[:5],
            last4=digits[5:9],
            entry=entry or modes[roll[5] % len(modes)],
            payment_id="cp_" + roll[6:22].hex(),
            network_id=f"{int.from_bytes(roll[22:30], 'big'):020d}"[-15:],
            fee=(cents * 249 + 5_000) // 10_000 + 15,
        )

    def pay(self, frame: Frame, sheet: Sheet, family: Family) -> None:
        """Everything that was paid for an order."""
        for place, bill in enumerate(sheet.bills):
            due = bill.total + bill.gratuity
            gone = bill is sheet.bills[-1] and frame.kind in UNPAID
            if due <= 0 or sheet.excess or gone:
                bill.status = "OPEN" if frame.closed is None else "CLOSED"
                continue
            for which, (kind, cents, status) in enumerate(self._parts(frame, due)):
                bill.payments.append(
                    self.payment(sheet, family, frame.number, place * CHECK_CARD + which, kind, cents, status, frame)
                )
            _name_payment(bill)
        self._tips(frame, sheet)
        settled(sheet)

    def _parts(self, frame: Frame, due: int) -> list[tuple[str, int, str | None]]:
        kind = frame.kind
        if kind == kinds.SPLIT_PAYMENT and due > 3:
            first, second = due // 2, due // 3
            return [(CREDIT, first, None), (CREDIT, second, None), (CASH, due - first - second, None)]
        if kind == kinds.VOID_PAYMENT:
            return [(CASH, due, "VOIDED"), (CREDIT, due, None)]
        if kind == kinds.DENIED:
            return [(CREDIT, due, "DENIED"), (CASH, due, None)]
        if kind == kinds.GIFT_PAY and due > 1_000:
            return [(GIFTCARD, 1_000, None), (CREDIT, due - 1_000, None)]
        if kind in BY_KIND:
            return [(BY_KIND[kind], due, None)]
        if kind in BY_CARD:
            return [(CREDIT, due, None)]
        return [(KINDS[frame.number * 7 % 20], due, None)]

    def payment(
        self,
        sheet: Sheet,
        family: Family,
        number: int,
        place: int,
        kind: str,
        cents: int,
        status: str | None,
        frame: Frame | None = None,
    ) -> Paid:
        """One payment. ``status`` None: what its kind has once it is through."""
        at, day, entry = sheet.opened + 38 * MINUTE, sheet.day, None
        if frame is not None and frame.ahead is not None:
            at, day, entry = sheet.opened + MINUTE, frame.ahead, "FUTURE_ORDER"
        if sheet.closed is not None:
            at = min(at, sheet.closed)
        through = {CREDIT: "AUTHORIZED" if sheet.closed is None else "CAPTURED", GIFTCARD: "CAPTURED"}.get(kind)
        void = None
        if status == "VOIDED":
            void = Void(at + 4 * MINUTE, day, self._void_reason, sheet.server, sheet.server)
        return Paid(
            guid=family.next(),
            kind=kind,
            cents=cents,
            tip=0,
            at=at,
            day=day,
            status=status or through,
            tender=family.next(),
            tendered=-(-cents // 500) * 500 if kind == CASH else None,
            card=self.card(number, place, cents, sheet.behavior == DINE_IN, entry) if kind == CREDIT else None,
            void=void,
            other=self._floor.other if kind == OTHER else None,
            house=self._floor.houses[number % 6] if kind == HOUSE else None,
            drawer=self._floor.drawer if kind == CASH else None,
            server=sheet.server,
        )

    @staticmethod
    def _tips(frame: Frame, sheet: Sheet) -> None:
        number = frame.number
        for _, one in sheet.payments():
            if not one.counts:
                continue
            if one.kind == CREDIT and frame.kind != kinds.GRATUITY and (number % 4 or frame.kind == kinds.TIP_LATER):
                one.tip = (one.cents * (15 + number % 6) + 50) // 100
            elif frame.kind == kinds.CASH_TIP:
                one.tip = 100 + number % 7 * 50

    def give_back(self, frame: Frame, sheet: Sheet, family: Family) -> None:
        """The refunds an order of that kind has."""
        kind = frame.kind
        if kind not in (kinds.REFUND_SAME, kinds.REFUND_LATER, kinds.REFUND_LINES, kinds.REFUND_AMOUNT):
            return
        bill = sheet.bills[0]
        if not bill.payments:
            return
        paid, lines = bill.payments[0], [line for line in bill.lines if line.counts and line.price > 0]
        at, day = (paid.at or sheet.opened) + HOUR // 2, frame.day
        if frame.later_day is not None:
            at, day = frame.modified, frame.later_day
        if kind == kinds.REFUND_AMOUNT or not lines:
            refund(paid, min(500, paid.cents), 0, at, day, family.next())
        elif kind == kinds.REFUND_LINES:
            refund_lines(paid, [max(lines, key=lambda line: line.price)], [], 0, at, day, family.next())
        else:
            refund_all(bill, paid, at, day, family.next())


def _name_payment(bill: Bill) -> None:
    """Surcharges and cash rounding name the payment they belong to."""
    for charge in bill.charges:
        if charge.category in (SURCHARGE, CASH_ROUNDING):
            charge.payment = bill.payments[-1].guid


def settled(sheet: Sheet) -> None:
    """When an order and its checks were paid, and the status of each check, from the payments they have."""
    sheet.paid = None
    for bill in sheet.bills:
        moments = [one.at for one in bill.payments if one.counts and one.at is not None]
        bill.paid = max(moments) if moments else None
        bill.status = "CLOSED" if bill.closed is not None else "PAID" if moments else "OPEN"
        if bill.paid is not None:
            sheet.paid = bill.paid if sheet.paid is None else max(sheet.paid, bill.paid)


def refund(paid: Paid, cents: int, tip: int, at: int, day: date, transaction: str) -> None:
    """An amount of a payment is given back."""
    paid.refund = Refund(cents, tip, at, day, transaction)


def refund_lines(
    paid: Paid,
    lines: Iterable[Selection],
    charges: Iterable[AppliedCharge],
    tip: int,
    at: int,
    day: date,
    transaction: str,
) -> None:
    """Lines and charges are given back, with their tax, out of one payment."""
    whole = 0
    given: list[tuple[Selection | AppliedCharge, int, Cents]] = [(line, line.price, line.tax) for line in lines]
    given += [(charge, charge.cents, sum(tax.cents for tax in charge.taxes)) for charge in charges]
    for (thing, cents, _), tax in zip(given, whole_cents([tax for _, _, tax in given]), strict=True):
        thing.refund = PaidBack(cents, tax, transaction)
        whole += cents + tax
    refund(paid, min(whole, paid.cents), tip, at, day, transaction)


def whole_cents(taxes: Sequence[Cents]) -> list[int]:
    """Shares of taxes in whole cents: where a tax was pooled, what the fractions before left over goes to the next."""
    made, reached = [], 0
    exact = Decimal(0)
    for tax in taxes:
        exact += tax
        step = int(exact.quantize(Decimal(1), ROUND_HALF_UP)) - reached
        made.append(step)
        reached += step
    return made


def refund_all(bill: Bill, paid: Paid, at: int, day: date, transaction: str) -> None:
    """Everything on a check is given back, the tip too."""
    live = [line for line in bill.lines if line.void is None and line.price]
    refund_lines(paid, live, bill.charges, paid.tip, at, day, transaction)
