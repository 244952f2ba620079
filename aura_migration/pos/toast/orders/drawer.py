"""Cash entries and deposits as documents: what moved cash besides guests' payments."""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.archive.snapshot import StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import CashEvent, Deposit, HistoryRow
from aura_migration.pos.toast.orders.names import Shelf
from aura_migration.pos.toast.orders.numbers import Unusable, version_of
from aura_migration.pos.toast.orders.wire import CASH_DEPOSITS, CASH_ENTRIES, CashDeposit, CashEntry, Ref

EVENTS = {
    "CASH_IN": "pay_in",
    "CASH_COLLECTED": "pay_in",
    "CASH_OUT": "pay_out",
    "PAY_OUT": "pay_out",
    "UNDO_PAY_OUT": "pay_out",
    "DRIVER_REIMBURSEMENT": "pay_out",
    "TIP_OUT": "tip_out",
    "NO_SALE": "no_sale",
    "CLOSE_OUT_EXACT": "close_out",
    "CLOSE_OUT_OVERAGE": "close_out",
    "CLOSE_OUT_SHORTAGE": "close_out",
}
"""Amounts are signed, so that what undoes another entry is of its type and takes it back."""


class Drawer:
    """Makes the documents of cash. Each answer is one business date's."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.numbers = shelf, shelf.numbers

    def entries(self, body: StoredBody) -> Iterator[Document]:
        """The cash entries of an answer."""
        for place, one in enumerate(CASH_ENTRIES.decode(body.data)):
            yield self._made("cash_events", one, place, body)

    def deposits(self, body: StoredBody) -> Iterator[Document]:
        """The deposits of an answer."""
        for place, one in enumerate(CASH_DEPOSITS.decode(body.data)):
            yield self._made("deposits", one, place, body)

    def _made(self, kind: str, one: CashEntry | CashDeposit, place: int, body: StoredBody) -> Document:
        day = (body.params or {}).get("businessDate")
        key, version = one.guid, version_of(one.date)
        if not key:
            where = f"{day}#{place + 1}"
            return Document(kind, where, version, [], fault="It has no id.")
        try:
            said = self.numbers.day(day)
            if said is None:
                raise Unusable("its business date is not known")
            row = self._entry(one, said) if isinstance(one, CashEntry) else self._deposit(one, said)
            return Document(kind, key, version, [row])
        except Unusable as error:
            return Document(kind, key, version, [], fault=f"{error}.")

    def _entry(self, one: CashEntry, day: str) -> HistoryRow:
        names = self.shelf.names
        return CashEvent(
            day,
            EVENTS.get(one.type or "", "other"),
            self.numbers.amount(one.amount),
            one.type or "unknown",
            self.numbers.instant(one.date),
            None,
            self.shelf.key(one.employee1),
            names.of("payoutReasons", one.payout_reason) or names.of("noSaleReasons", one.no_sale_reason),
        )

    def _deposit(self, one: CashDeposit, day: str) -> HistoryRow:
        cents = self.numbers.amount(one.amount)
        undoes = one.undoes.get("guid") if isinstance(one.undoes, dict) else one.undoes
        employee: Ref | None = one.employee
        at = self.numbers.instant(one.date)
        return Deposit(
            day, -abs(cents) if undoes else cents, at, self.shelf.key(employee), "undone" if undoes else None
        )
