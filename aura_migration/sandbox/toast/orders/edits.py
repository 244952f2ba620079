"""Order edits of the control surface: what waiters, guests and the card processor do while a migration is under way.

``{"op": "add_order", "kind", "location"?, "open"?}`` (an order of that kind, see ``kinds``; without ``kind`` it is the edit
of people), ``{"op": "pay", "order", "check"?, "type"?, "cents"?, "tip_cents"?}`` (what is still due, unless said; closes
what is paid), ``{"op": "tip_adjust", "payment", "cents"}``, ``{"op": "refund", "payment", "cents"? | "line"?,
"tip_cents"?}`` (without either: everything; lines are named where one payment paid for all of them), ``{"op": "void", "order" | "check" | "line" | "payment"}``,
``{"op": "reopen", "order"}``, ``{"op": "close", "order"}``, ``{"op": "delete_order", "order"}``,
``{"op": "touchless_order", "order", "tip_cents"?}`` (the tip of its first payment changes and no date moves).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.orders import kinds
from aura_migration.sandbox.toast.orders.draw import Frame, sums, void_bill, void_order
from aura_migration.sandbox.toast.orders.ledger import HISTORY, SOLD
from aura_migration.sandbox.toast.orders.model import CASH, CREDIT, GIFTCARD, HOUSE, OTHER
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.sheet import Bill, Paid, Selection, Sheet, Void
from aura_migration.sandbox.toast.orders.tender import refund, refund_all, refund_lines, settled
from aura_migration.sandbox.toast.people.model import MINUTE
from aura_migration.sandbox.toast.people.store import LocalPeople, People

TENDERS = (CREDIT, CASH, GIFTCARD, HOUSE, OTHER)


class OrdersEditor:
    """Carries edits out on the orders of one account."""

    def __init__(self, people: People, ids: Ids) -> None:
        self._people = people
        self._ids = ids
        self.made = 0
        self.verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "pay": self._pay,
            "tip_adjust": self._tip_adjust,
            "refund": self._refund,
            "void": self._void,
            "reopen": self._reopen,
            "close": self._close,
            "delete_order": self._delete,
            "touchless_order": self._touchless,
        }

    def takes(self, op: dict[str, Any]) -> bool:
        """Is it an edit of orders?"""
        return op["op"] in self.verbs or (op["op"] == "add_order" and "kind" in op)

    def run(self, op: dict[str, Any]) -> list[str]:
        """One edit; the guids of what it made or changed. Raises ``ControlError``."""
        self.made += 1
        return self._add(op) if op["op"] == "add_order" else self.verbs[op["op"]](op)

    # -- finding ---------------------------------------------------------------------------------------------------

    def _order(self, op: dict[str, Any]) -> tuple[LocalPeople, int]:
        for here in self._people.everywhere():
            key = here.ledger.key_of(str(op.get("order")))
            if key is not None:
                return here, key
        raise ControlError(f"toast: there is no order {op.get('order')!r}")

    def _payment(self, op: dict[str, Any]) -> tuple[LocalPeople, int]:
        for here in self._people.everywhere():
            found = here.ledger.payment(str(op.get("payment")))
            if found is not None:
                return here, found[0].key
        raise ControlError(f"toast: there is no payment {op.get('payment')!r}")

    def _family(self) -> Family:
        guid = self._ids.uuid("order edit", str(self.made)).replace("-", "")
        return Family(int(guid[:8], 16), bytes.fromhex(guid))

    def _change(self, here: LocalPeople, key: int, change: Callable[[Sheet, int], None], *, moved: bool = True) -> str:
        """Change an order; its time of change moves unless told otherwise."""
        if key >= SOLD:
            # What was rung up while somebody reads happens when the clock says so, whatever the history's last day is.
            stamp = max(self._people.now(), here.ledger.sheet(key).modified + 1)
        else:
            stamp = self._people.next_stamp()

        def changed(sheet: Sheet) -> None:
            change(sheet, stamp)
            if moved:
                sheet.modified = stamp

        return here.ledger.put(key, changed).guid

    # -- verbs -----------------------------------------------------------------------------------------------------

    def _add(self, op: dict[str, Any]) -> list[str]:
        if op["kind"] not in (*kinds.ALL, kinds.PLAIN):
            raise ControlError(f'"kind" is none; there are: {", ".join((kinds.PLAIN, *kinds.ALL))}')
        guid = op.get("location")
        here = next(self._people.everywhere()) if guid is None else self._people.at(guid)
        stamp = self._people.next_stamp()
        day, day_after = here.crew.business_date(stamp), here.crew.business_date(stamp + 86_400_000)
        closed = None if op.get("open") else stamp
        frame = Frame(0, op["kind"], day, stamp - 40 * MINUTE, closed, stamp, day_after)
        key = HISTORY + here.ledger.past.add(frame)
        here.ledger.appeared(key)
        return [here.ledger.sheet(key).guid]

    def _pay(self, op: dict[str, Any]) -> list[str]:
        here, key = self._order(op)
        kind = op.get("type", CREDIT)
        if kind not in TENDERS:
            raise ControlError(f'"type" must be one of {", ".join(TENDERS)}, not {kind!r}')
        made: list[str] = []

        def change(sheet: Sheet, stamp: int) -> None:
            bill = self._open_bill(sheet, op)
            due = bill.total + bill.gratuity - sum(one.cents for one in bill.payments if one.counts)
            cents = int(op.get("cents", due))
            number = key - HISTORY if key >= HISTORY else key
            tender = here.ledger.past.tender
            one = tender.payment(sheet, self._family(), number, 9 + self.made % 6, kind, cents, None)
            one.at, one.day, one.tip = stamp, here.crew.business_date(stamp), int(op.get("tip_cents", 0))
            bill.payments.append(one)
            if cents >= due:
                bill.closed = stamp
            if all(each.closed is not None for each in sheet.bills):
                sheet.closed = stamp
                _capture(sheet)
            settled(sheet)
            made.append(one.guid)

        order = self._change(here, key, change)
        return [*made, order]

    @staticmethod
    def _open_bill(sheet: Sheet, op: dict[str, Any]) -> Bill:
        wanted = op.get("check")
        for bill in sheet.bills:
            paid = sum(one.cents for one in bill.payments if one.counts)
            if bill.guid == wanted or (wanted is None and bill.void is None and paid < bill.total + bill.gratuity):
                return bill
        raise ControlError(f"toast: order {sheet.guid} has no such check with anything left to pay")

    def _tip_adjust(self, op: dict[str, Any]) -> list[str]:
        here, key = self._payment(op)
        if not isinstance(op.get("cents"), int) or op["cents"] < 0:
            raise ControlError('edit "tip_adjust" needs "cents", a whole number from 0')

        def change(sheet: Sheet, _stamp: int) -> None:
            _one(sheet, op["payment"])[1].tip = op["cents"]

        return [op["payment"], self._change(here, key, change)]

    def _refund(self, op: dict[str, Any]) -> list[str]:
        here, key = self._payment(op)
        _, held = _one(here.ledger.sheet(key), op["payment"])
        if held.refund is not None or not held.counts:
            raise ControlError(f"toast: payment {held.guid} was refunded already, or nothing was paid by it")
        if not 0 < int(op.get("cents", 1)) <= held.cents or not 0 <= int(op.get("tip_cents", 0)) <= held.tip:
            raise ControlError(f"toast: payment {held.guid} is {held.cents} cents and a tip of {held.tip}")
        if op.get("line") is not None:
            _line(here.ledger.sheet(key), op["line"])

        def change(sheet: Sheet, stamp: int) -> None:
            bill, one = _one(sheet, op["payment"])
            day, transaction, tip = here.crew.business_date(stamp), self._family().next(), int(op.get("tip_cents", 0))
            if op.get("line") is not None:
                refund_lines(one, [_line(sheet, op["line"])[1]], [], tip, stamp, day, transaction)
            elif "cents" in op:
                refund(one, int(op["cents"]), tip, stamp, day, transaction)
            elif sum(each.counts for each in bill.payments) == 1 and one.cents == bill.total + bill.gratuity:
                refund_all(bill, one, stamp, day, transaction)
            else:
                refund(one, one.cents, one.tip, stamp, day, transaction)

        return [op["payment"], self._change(here, key, change)]

    def _void(self, op: dict[str, Any]) -> list[str]:
        if op.get("payment") is not None:
            return self._void_payment(op)
        if op.get("order") is not None:
            here, key = self._order(op)
            _refuse_captured(here.ledger.sheet(key).bills)
            return [self._change(here, key, lambda sheet, stamp: void_order(sheet, self._voided(here, stamp)))]
        wanted = str(op.get("check") or op.get("line"))
        for here in self._people.everywhere():
            for key in here.ledger.keys():  # noqa: SIM118 - not a mapping
                for bill in here.ledger.sheet(key).bills:
                    if bill.guid == wanted:
                        _refuse_captured([bill])
                        return [wanted, self._change(here, key, partial(self._void_check, here, wanted))]
                    if any(line.guid == wanted for line in bill.lines):
                        return [wanted, self._change(here, key, partial(self._void_line, here, wanted))]
        raise ControlError('edit "void" needs an "order", "check", "line" or "payment" there is')

    def _voided(self, here: LocalPeople, stamp: int) -> Void:
        reason = here.location.names["voidReasons"].get("Server error")
        return Void(stamp, here.crew.business_date(stamp), reason)

    def _void_check(self, here: LocalPeople, guid: str, sheet: Sheet, stamp: int) -> None:
        void_bill(next(bill for bill in sheet.bills if bill.guid == guid), self._voided(here, stamp))

    def _void_line(self, here: LocalPeople, guid: str, sheet: Sheet, stamp: int) -> None:
        bill, line = _line(sheet, guid)
        line.void = self._voided(here, stamp)
        sums(bill)

    def _void_payment(self, op: dict[str, Any]) -> list[str]:
        here, key = self._payment(op)
        _, held = _one(here.ledger.sheet(key), op["payment"])
        if held.status == "CAPTURED" and held.kind == CREDIT:
            raise ControlError(f"toast: payment {held.guid} is captured; it can be refunded, not voided")

        def change(sheet: Sheet, stamp: int) -> None:
            _, one = _one(sheet, op["payment"])
            one.void, one.status = self._voided(here, stamp), "VOIDED"
            settled(sheet)

        return [op["payment"], self._change(here, key, change)]

    def _reopen(self, op: dict[str, Any]) -> list[str]:
        def change(sheet: Sheet, _stamp: int) -> None:
            sheet.closed = None
            for bill in sheet.bills:
                bill.closed = None
            settled(sheet)

        here, key = self._order(op)
        return [self._change(here, key, change)]

    def _close(self, op: dict[str, Any]) -> list[str]:
        def change(sheet: Sheet, stamp: int) -> None:
            sheet.closed = stamp
            for bill in sheet.bills:
                bill.closed = bill.closed or stamp
            _capture(sheet)
            settled(sheet)

        here, key = self._order(op)
        return [self._change(here, key, change)]

    def _delete(self, op: dict[str, Any]) -> list[str]:
        def change(sheet: Sheet, stamp: int) -> None:
            sheet.deleted = stamp
            for bill in sheet.bills:
                bill.deleted = stamp

        here, key = self._order(op)
        return [self._change(here, key, change)]

    def _touchless(self, op: dict[str, Any]) -> list[str]:
        here, key = self._order(op)
        if not any(one.counts for _, one in here.ledger.sheet(key).payments()):
            raise ControlError(f"toast: nothing was paid for order {op['order']}")

        def change(sheet: Sheet, _stamp: int) -> None:
            one = next(one for _, one in sheet.payments() if one.counts)
            one.tip = int(op.get("tip_cents", one.tip + 100))

        return [self._change(here, key, change, moved=False)]


def _capture(sheet: Sheet) -> None:
    """Card payments of a closed order are captured."""
    for _, one in sheet.payments():
        if one.status == "AUTHORIZED":
            one.status = "CAPTURED"


def _refuse_captured(bills: list[Bill]) -> None:
    for bill in bills:
        for one in bill.payments:
            if one.kind == CREDIT and one.status == "CAPTURED":
                raise ControlError(f"toast: payment {one.guid} is captured; refund it instead of voiding its check")


def _one(sheet: Sheet, guid: str) -> tuple[Bill, Paid]:
    return next((bill, one) for bill, one in sheet.payments() if one.guid == guid)


def _line(sheet: Sheet, guid: str) -> tuple[Bill, Selection]:
    for bill in sheet.bills:
        for line in bill.lines:
            if line.guid == guid:
                return bill, line
    raise ControlError(f"toast: order {sheet.guid} has no line {guid!r}")
