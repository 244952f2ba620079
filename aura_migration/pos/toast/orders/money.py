"""Payments of a check, what was given back of them, and what they do to house accounts, as documents of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    HistoryRow,
    HouseAccountMovement,
    PaymentFee,
    Refund,
    RefundItem,
    Tip,
)
from aura_migration.canonical.history.rows import Payment as PaymentRow
from aura_migration.pos.toast.orders.lines import HOUSE_BALANCE, NAMELESS_LINE, REQUEST, REQUEST_NAME
from aura_migration.pos.toast.orders.names import Shelf
from aura_migration.pos.toast.orders.numbers import Unusable, rounded
from aura_migration.pos.toast.orders.wire import Check, Payment, RefundBlock, RefundDetails, Selection

METHODS = {
    "CASH": ("cash", "Cash"),
    "CREDIT": ("card", "Card"),
    "GIFTCARD": ("gift_card", "Gift card"),
    "TOAST_SV": ("gift_card", "Gift card"),
    "HOUSE_ACCOUNT": ("house_account", "House account"),
    "REWARDCARD": ("loyalty", "REWARDCARD"),
    "LEVELUP": ("wallet", "LEVELUP"),
}
"""Method and tender name by payment type; OTHER has the name the restaurant gave it."""
STATES = {
    "OPEN": "pending",
    "PROCESSING": "pending",
    "CAPTURE_IN_PROGRESS": "pending",
    "AUTHORIZED": "authorized",
    "AUTHORIZED_AT_RISK": "authorized",
    "ERROR": "failed",
    "ERROR_NETWORK": "failed",
    "DENIED": "failed",
    "CANCELLED": "cancelled",
    "PROCESSING_VOID": "voided",
    "VOIDED": "voided",
    "VOIDED_AT_RISK": "voided",
}
"""By payment status; whatever else Toast says, or nothing, is a payment that went through."""
NOTHING_PAID = frozenset(("failed", "cancelled", "voided"))
ENCODER = msgspec.json.Encoder()


def state_of(one: Payment) -> str:
    """The state of a payment."""
    return "voided" if one.void_info is not None else STATES.get(one.payment_status or "", "completed")


class Till:
    """Makes the documents of payments. ``sale_day``: refunds book on the day of the sale."""

    def __init__(self, shelf: Shelf, currency: str, *, sale_day: bool) -> None:
        self.shelf, self.numbers = shelf, shelf.numbers
        self.currency = currency
        self.sale_day = sale_day

    def documents(self, check: Check, day: str, version: str, guest: str | None, voided: bool) -> Iterator[Document]:
        """Every payment of a check, its refund, and what both do to a house account. ``day``: the order's business date."""
        for one in check.payments or ():
            if one.guid:
                yield from self._payment(check, one, one.guid, day, version, guest)
        for line in check.selections or ():
            if line.selection_type == HOUSE_BALANCE and line.guid:
                key, kind = f"{line.guid}:paid", "house_account_movements"
                if voided or line.voided is True:
                    yield Document(kind, key, version, [], gone=True)
                else:
                    yield self._made(kind, key, version, self._balance_paid, check, line, day)

    def gone(self, check: Check) -> Iterator[Document]:
        """The payments of a check that was deleted: elsewhere, where the check was merged; whoever shows them counts."""
        for one in check.payments or ():
            if one.guid:
                yield Document("payments", one.guid, "", [], gone=True)
                if one.refund is not None:
                    yield Document("refunds", f"{one.guid}:refund", "", [], gone=True)

    def _made(
        self, kind: str, key: str, version: str, make: Callable[..., list[HistoryRow]], *given: object
    ) -> Document:
        try:
            return Document(kind, key, version, make(*given))
        except Unusable as error:
            return Document(kind, key, version, [], fault=f"{error}.")

    def _payment(
        self, check: Check, one: Payment, key: str, day: str, version: str, guest: str | None
    ) -> Iterator[Document]:
        yield self._made("payments", key, version, self._payment_rows, check, one, day, guest)
        if one.refund is not None:
            yield self._made("refunds", f"{key}:refund", version, self._refund_rows, check, one, one.refund, day)
        if one.type == "HOUSE_ACCOUNT":
            kind = "house_account_movements"
            if state_of(one) in NOTHING_PAID:
                yield Document(kind, f"{key}:charged", version, [], gone=True)
            else:
                yield self._made(kind, f"{key}:charged", version, self._charged, check, one, day)
                if one.refund is not None:
                    yield self._made(kind, f"{key}:adjusted", version, self._given_back, check, one, one.refund, day)

    # -- payments --------------------------------------------------------------------------------------------------

    def _tender(self, one: Payment) -> tuple[str, str]:
        """The method, and what the restaurant calls the tender; ``Unknown`` where nobody knows."""
        if one.type == "OTHER":
            return "other", self.shelf.names.of("alternatePaymentTypes", one.other_payment) or "Unknown"
        return METHODS.get(one.type or "", ("other", "Unknown"))

    def _payment_rows(self, check: Check, one: Payment, day: str, guest: str | None) -> list[HistoryRow]:
        numbers, key = self.numbers, self.shelf.key
        method, tender = self._tender(one)
        state = state_of(one)
        amount, tip = numbers.amount(one.amount), numbers.amount(one.tip_amount)
        paid = numbers.instant(one.paid_date)
        paid_day = numbers.day(one.paid_business_date) or day
        fee = numbers.fine(one.original_processing_fee)
        tendered = numbers.cents(one.amount_tendered)
        change = None
        if method == "cash" and tendered is not None and tendered >= amount + tip:
            change = tendered - amount - tip
        void = one.void_info
        details: dict[str, str] = {}
        if one.card_entry_mode:
            details["entry_mode"] = one.card_entry_mode
        if one.type not in METHODS and one.type != "OTHER":
            details["type"] = str(one.type)
        if fee is not None and not isinstance(fee, int):
            details["fee_exact"] = f"{fee.scaleb(-numbers.digits):f}"
        if void is not None and (reason := self.shelf.names.of("voidReasons", void.void_reason)):
            details["void_reason"] = reason
        if void is not None and (by := self.shelf.key(void.void_user)):
            details["voided_by"] = by
        if void is not None and (by := self.shelf.key(void.void_approver)):
            details["void_approved_by"] = by
        if one.house_account is not None and one.house_account.guid:
            details["house_account"] = one.house_account.guid
        staff = key(one.server)
        rows: list[HistoryRow] = [
            PaymentRow(
                paid_day,
                method,
                tender,
                amount,
                self.currency,
                state,
                tip,
                check.guid,
                None,
                paid,
                None if void is None else numbers.instant(void.void_date),
                None if void is None else numbers.day(void.void_business_date),
                staff,
                guest,
                one.card_type,
                None,
                None if fee is None else rounded(fee),
                tendered,
                change,
                None if one.cash_drawer is None else one.cash_drawer.guid,
                one.external_id,
                '["unknown_tender"]' if tender == "Unknown" else None,
                ENCODER.encode(details).decode() if details else None,
            )
        ]
        if fee is not None:
            rows.append(PaymentFee("processing", rounded(fee), None))
        if tip and state not in NOTHING_PAID:
            kind = {"card": "card", "cash": "cash"}.get(method, "other")
            rows.append(Tip(tip, paid_day, kind, kind == "cash", staff, check.guid))
        return rows

    # -- refunds ---------------------------------------------------------------------------------------------------

    def _refund_rows(self, check: Check, one: Payment, refund: RefundBlock, day: str) -> list[HistoryRow]:
        numbers = self.numbers
        method, tender = self._tender(one)
        back, tip = numbers.amount(refund.refund_amount), numbers.amount(refund.tip_refund_amount)
        refund_day = numbers.day(refund.refund_business_date) or numbers.day(one.paid_business_date) or day
        items: list[HistoryRow] = []
        net = tax = charge = 0
        parts = 0
        for line in check.selections or ():
            detail = line.refund_details
            if not _same(detail, refund):
                continue
            assert detail is not None
            parts += 1
            of_line, of_tax = numbers.amount(detail.refund_amount), numbers.amount(detail.tax_refund_amount)
            net += of_line
            tax += of_tax
            whole = of_line >= numbers.amount(line.price)
            items.append(
                RefundItem(
                    REQUEST_NAME if line.selection_type == REQUEST else line.display_name or NAMELESS_LINE,
                    numbers.quantity(line.quantity)[0] if whole else "0",
                    of_line,
                    0,
                    of_tax,
                    of_line,
                    line.guid,
                    self.shelf.menu.item(line.item),
                    None,
                )
            )
        for applied in check.applied_service_charges or ():
            detail = applied.refund_details
            if _same(detail, refund):
                assert detail is not None
                parts += 1
                charge += numbers.amount(detail.refund_amount)
                tax += numbers.amount(detail.tax_refund_amount)
        known = parts > 0 and net + tax + charge == back
        flags = []
        if back > numbers.amount(one.amount) or tip > numbers.amount(one.tip_amount):
            flags.append("refund_exceeds_sale")
        details = {"status": one.refund_status} if one.refund_status not in ("FULL", "PARTIAL") else {}
        return [
            Refund(
                day if self.sale_day else refund_day,
                back + tip,
                self.currency,
                "completed",
                one.guid,
                check.guid,
                None,
                tender,
                method,
                net if known else None,
                tax if known else None,
                tip,
                charge if known else None,
                None,
                None,
                numbers.instant(refund.refund_date),
                None,
                day,
                ENCODER.encode(flags).decode() if flags else None,
                ENCODER.encode(details).decode() if details else None,
            ),
            *items,
        ]

    # -- house accounts --------------------------------------------------------------------------------------------

    def _charged(self, check: Check, one: Payment, day: str) -> list[HistoryRow]:
        numbers = self.numbers
        cents = numbers.amount(one.amount) + numbers.amount(one.tip_amount)
        account = None if one.house_account is None else one.house_account.guid
        paid_day = numbers.day(one.paid_business_date) or day
        return [HouseAccountMovement(paid_day, cents, "charged", check.guid, account, numbers.instant(one.paid_date))]

    def _given_back(self, check: Check, one: Payment, refund: RefundBlock, day: str) -> list[HistoryRow]:
        numbers = self.numbers
        cents = numbers.amount(refund.refund_amount) + numbers.amount(refund.tip_refund_amount)
        account = None if one.house_account is None else one.house_account.guid
        back = numbers.day(refund.refund_business_date) or day
        at = numbers.instant(refund.refund_date)
        return [HouseAccountMovement(back, -cents, "adjusted", check.guid, account, at)]

    def _balance_paid(self, check: Check, line: Selection, day: str) -> list[HistoryRow]:
        cents = self.numbers.amount(line.price)
        return [HouseAccountMovement(day, -cents, "paid", check.guid, None, self.numbers.instant(check.paid_date))]


def _same(detail: RefundDetails | None, refund: RefundBlock) -> bool:
    """Whether what a line or charge says was given back is part of this refund; without ids it is taken to be."""
    if detail is None:
        return False
    named, meant = detail.refund_transaction, refund.refund_transaction
    if named is None or meant is None:
        return True
    return named.guid == meant.guid
