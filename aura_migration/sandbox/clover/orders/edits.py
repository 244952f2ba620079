"""Edits of sales: what happens at the register, and after closing time, while a migration is under way.

`{"op": "add_order", "lines": [{"item" or "name", "cents"?, "quantity"?, "modifiers"? (ids)}], "location"?, "at"? (RFC
3339), "tender"? (key or id; without it the order stays open), "tip"?, "title"?, "note"?, "customer"?, "external"?}` ·
`pay {order, tender?, cents?, tip?}` · `tip_adjust {payment, cents}` · `refund {order or payment, lines?, cents?, tip?,
tender?}` · `void {payment}`, `{order, line}` or `{order}` (every line and payment) · `reopen {order}` · `change_order
{order, title?, note?, line? and cents?}` · `touchless_order` (the same, and no timestamp moves) · `delete_order {order}` ·
`credit {cents, tender?, reason?, location?}` · `cash_event {type, cents, note?, location?}`; `sell` and `trade` are in
`selling.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.cash import CashEvent, CashLog
from aura_migration.sandbox.clover.orders.model import Line, Order, Payment, VoidedLine
from aura_migration.sandbox.clover.orders.resources import book_of, cash_of
from aura_migration.sandbox.clover.orders.selling import Seller
from aura_migration.sandbox.clover.orders.settle import alone, apportion
from aura_migration.sandbox.clover.orders.shop import dish_of
from aura_migration.sandbox.clover.orders.till import Till
from aura_migration.sandbox.clover.world import Merchant, World
from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import parse_instant

Op = dict[str, Any]
CASH_TYPES = ("LOAD", "TRANSACTION", "OPEN", "ADJUSTMENT", "COUNT", "UNLOAD")


class SalesEditor:
    """Carries edits out on the order books of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tills = {
            merchant.id: Till(world.ids, book_of(merchant), "edited") for merchant in world.merchants.values()
        }
        self.seller = Seller(self._tills, self._merchant)
        self.verbs: dict[str, Callable[[Op], list[str]]] = {
            "add_order": self._add_order,
            "pay": self._pay,
            "tip_adjust": self._tip_adjust,
            "refund": self._refund,
            "void": self._void,
            "reopen": self._reopen,
            "change_order": lambda op: self._change(op, moves=True),
            "touchless_order": lambda op: self._change(op, moves=False),
            "delete_order": self._delete,
            "credit": self._credit,
            "cash_event": self._cash_event,
            "sell": self.seller.sell,
            "trade": self.seller.trade,
        }

    def run(self, op: Op) -> list[str]:
        """One edit; the ids of what it changed. Raises `ControlError`."""
        return self.verbs[op["op"]](op)

    # -- who and when ----------------------------------------------------------------------------------------------

    def _merchant(self, op: Op) -> Merchant:
        found = self._world.merchants.get(op.get("location") or self._world.first.id)
        if found is None:
            raise ControlError(f"no merchant has the id {op['location']!r}")
        return found

    def _order(self, op: Op) -> tuple[Till, Order]:
        wanted = str(op.get("order"))
        for till in self._tills.values():
            order = till.book.find_order(wanted)
            if order is not None and not order.deleted:
                return till, order
        raise ControlError(f"edit {op['op']!r}: there is no order {wanted!r}")

    def _payment(self, op: Op) -> tuple[Till, Order, str]:
        """The payment of an edit: the one it names, or the last one of its order that counts."""
        if op.get("payment"):
            for till in self._tills.values():
                held = till.book.find_row("payment", str(op["payment"]))
                if held is not None:
                    return till, held.order, held.row.id
            raise ControlError(f"edit {op['op']!r}: there is no payment {op['payment']!r}")
        till, order = self._order(op)
        counted = [payment for payment in order.payments if payment.counts]
        if not counted:
            raise ControlError(f"edit {op['op']!r}: order {order.id} has no payment that counts")
        return till, order, counted[-1].id

    @staticmethod
    def _touch(book: Book, order: Order) -> int:
        order.modified = max(book.now, order.modified + 1)
        return order.modified

    # -- verbs -----------------------------------------------------------------------------------------------------

    def _add_order(self, op: Op) -> list[str]:
        merchant = self._merchant(op)
        till = self._tills[merchant.id]
        wanted = op.get("lines")
        if not isinstance(wanted, list) or not wanted:
            raise ControlError("edit 'add_order' needs 'lines', a list of what is sold")
        lines = [line for one in wanted for line in self._lines(till, merchant, one)]
        at = till.book.now
        if op.get("at"):
            at = int(parse_instant(op["at"]).timestamp() * 1000)
        order = till.order(at, lines, state="open")
        order.title, order.note, order.external = op.get("title"), op.get("note"), op.get("external")
        if op.get("customer"):
            order.customers = [str(op["customer"])]
        if op.get("tender"):
            till.pay(order, str(op["tender"]), after=0, tip=_cents(op, "tip"))
            order.state = "locked"
        order.kinds = ("edited",)
        till.book.add(order)
        return [order.id, *(payment.id for payment in order.payments)]

    def _lines(self, till: Till, merchant: Merchant, told: Any) -> list[Line]:
        if not isinstance(told, dict) or not (told.get("item") or told.get("name")):
            raise ControlError("a line needs 'item' (an id) or 'name', and may have 'cents', 'quantity', 'modifiers'")
        item = merchant.items.get(str(told.get("item")))
        if told.get("item") and item is None:
            raise ControlError(f"merchant {merchant.id} has no item {told['item']!r}")
        what = dish_of(merchant, item) if item is not None else str(told["name"])
        found = []
        for _ in range(int(told.get("quantity", 1))):
            line = till.line(what, told.get("cents"))
            for modifier_id in told.get("modifiers", ()):
                modifier = merchant.modifiers.get(str(modifier_id))
                if modifier is None:
                    raise ControlError(f"merchant {merchant.id} has no modifier {modifier_id!r}")
                line.mods.append(till.mod(modifier.name, modifier.price, modifier.id))
            found.append(line)
        return found

    def _pay(self, op: Op) -> list[str]:
        till, order = self._order(op)
        tender = str(op.get("tender") or "credit_card")
        if tender not in till.shop.tenders and tender not in till.shop.labels:
            raise ControlError(f"there is no tender {tender!r}; there are: {', '.join(till.shop.tenders)}")

        def pay(order: Order) -> Payment:
            at = self._touch(till.book, order)
            made = till.pay(order, tender, _cents(op, "cents"), at=at, tip=_cents(op, "tip"))
            order.state = "locked"
            return made

        return [order.id, till.book.change(order.id, pay).id]

    def _tip_adjust(self, op: Op) -> list[str]:
        till, order, payment_id = self._payment(op)
        cents = _cents(op, "cents")

        def adjust(order: Order) -> None:
            payment = next(one for one in order.payments if one.id == payment_id)
            payment.tip = cents
            payment.modified = self._touch(till.book, order)

        till.book.change(order.id, adjust)
        return [order.id, payment_id]

    def _refund(self, op: Op) -> list[str]:
        till, order, payment_id = self._payment(op)
        lines, cents = op.get("lines"), _cents(op, "cents")
        known = {line.id for line in order.lines if not line.refunded}
        if lines is not None and (not isinstance(lines, list) or not lines or set(lines) - known):
            raise ControlError(f"edit 'refund': 'lines' are ids of lines of order {order.id} not refunded yet")
        tender = till.shop.tenders.get(str(op["tender"]), str(op["tender"])) if op.get("tender") else None

        def refund(order: Order) -> Any:
            payment = next(one for one in order.payments if one.id == payment_id)
            at = self._touch(till.book, order)
            return till.refund(order, payment, at, lines, cents, tip=_cents(op, "tip"), tender=tender)

        return [order.id, till.book.change(order.id, refund).id]

    def _void(self, op: Op) -> list[str]:
        if op.get("payment"):
            till, order, payment_id = self._payment(op)
            till.book.change(order.id, lambda order: self._void_payments(till, order, payment_id))
            return [order.id, payment_id]
        till, order = self._order(op)
        line_id = op.get("line")
        if line_id is not None and all(line.id != line_id for line in order.lines):
            raise ControlError(f"edit 'void': order {order.id} has no line {line_id!r}")
        if line_id is not None and any(payment.counts for payment in order.payments):
            raise ControlError(f"edit 'void': order {order.id} is paid; refund the line, or void the payment first")

        def void(order: Order) -> None:
            self._void_payments(till, order, None)
            at = self._touch(till.book, order)
            for line in [line for line in order.lines if line_id in (None, line.id)]:
                order.lines.remove(line)
                gone = VoidedLine(till.id("void"), line.id, order.id, line.name, line.price, at, "Voided")
                gone.employee, gone.revenue, gone.order_type = order.employee, line.revenue, order.type
                order.voided_lines.append(gone)

        till.book.change(order.id, void)
        return [order.id]

    def _void_payments(self, till: Till, order: Order, payment_id: str | None) -> None:
        at = self._touch(till.book, order)
        whole = totals(order, after_refunds=False)
        for payment in order.payments:
            if payment.counts and payment_id in (None, payment.id):
                payment.result, payment.void_reason = "VOIDED", "USER_CANCEL"
                payment.void_ref, payment.modified = till.id("payment"), at
                if payment.amount == whole.total:
                    alone(payment, whole)
        order.state = "open"
        apportion(order, whole)

    def _reopen(self, op: Op) -> list[str]:
        till, order = self._order(op)

        def reopen(order: Order) -> None:
            order.state = "open"
            self._touch(till.book, order)

        till.book.change(order.id, reopen)
        return [order.id]

    def _change(self, op: Op, moves: bool) -> list[str]:
        till, order = self._order(op)
        if not {"title", "note", "line"} & set(op):
            raise ControlError(f"edit {op['op']!r} needs 'title', 'note', or 'line' with 'cents'")

        def change(order: Order) -> None:
            order.title = op.get("title", order.title)
            order.note = op.get("note", order.note)
            if op.get("line"):
                line = next((one for one in order.lines if one.id == op["line"]), None)
                cents = _cents(op, "cents")
                if line is None or cents is None:
                    raise ControlError(f"edit {op['op']!r}: 'line' is the id of a line of the order, with 'cents'")
                line.price = cents
            if moves:
                self._touch(till.book, order)

        till.book.change(order.id, change)
        return [order.id]

    def _delete(self, op: Op) -> list[str]:
        till, order = self._order(op)
        if any(payment.counts for payment in order.payments):
            raise ControlError(f"edit 'delete_order': order {order.id} is paid; void its payments first")

        def delete(order: Order) -> None:
            order.deleted_time = self._touch(till.book, order)

        till.book.change(order.id, delete)
        return [order.id]

    def _credit(self, op: Op) -> list[str]:
        till = self._tills[self._merchant(op).id]
        cents = _cents(op, "cents")
        if not cents or cents < 0:
            raise ControlError("edit 'credit' needs 'cents', above 0")
        order = till.order(till.book.now, [], manual=True)
        credit = till.credit(order, till.book.now, cents, str(op.get("tender") or "credit_card"))
        credit.reason = op.get("reason")
        till.book.add(order)
        return [order.id, credit.id]

    def _cash_event(self, op: Op) -> list[str]:
        merchant = self._merchant(op)
        kind, cents, log = op.get("type"), _cents(op, "cents"), cash_of(merchant)
        if kind not in CASH_TYPES or cents is None:
            raise ControlError(f"edit 'cash_event' needs 'cents' and 'type', one of {', '.join(CASH_TYPES)}")
        book = book_of(merchant)
        book.cash_log = True
        log.add(_event(book, log, str(kind), cents, op.get("note")))
        return []


def _event(book: Book, log: CashLog, kind: str, cents: int, note: str | None) -> CashEvent:
    shop = book.shop
    at = max([book.now, *(event.at + 1 for event in log.written)])
    return CashEvent(at, kind, cents, shop.staff[0] if shop.staff else None, shop.devices[0], note)


def _cents(op: Op, name: str) -> int | None:
    value = op.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ControlError(f"edit {op['op']!r}: {name!r} is a whole number of cents, not {value!r}")
    return value
