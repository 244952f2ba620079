"""The writing endpoints of orders: whole ones at once (atomic), line by line, changed, voided, paid with other than cards.

An order that is made line by line says what total it was told: Clover works none out for it. There is no idempotency key;
whoever is not sure looks for the external reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from aura_migration.sandbox.clover.orders import wire
from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book, Held
from aura_migration.sandbox.clover.orders.cart import Cart, Json, RefusedError, reference, rows, text, whole
from aura_migration.sandbox.clover.orders.model import Line, Order, VoidedLine
from aura_migration.sandbox.clover.orders.resources import book_of
from aura_migration.sandbox.clover.orders.selling import take_stock
from aura_migration.sandbox.clover.orders.settle import balance
from aura_migration.sandbox.clover.orders.till import Till
from aura_migration.sandbox.clover.webhooks import CREATE, DELETE, UPDATE, CloverWebhooks
from aura_migration.sandbox.clover.wire import Renderer
from aura_migration.sandbox.clover.world import Merchant, Row, World

CARDS = ("credit_card", "debit_card")
MOST_AT_ONCE = 100
TEXTS = {"title": ("title", 127), "note": ("note", 2047), "externalReferenceId": ("external", 127)}
EVERYTHING: dict[str, Any] = {
    "lineItems": {"modifications": {}, "discounts": {}, "taxRates": {}},
    "discounts": {},
    "serviceCharge": {},
    "payments": {},
}


class Caller(Protocol):
    """What a request brings along."""

    merchant: Merchant

    def require(self, permission: str) -> None:
        """Raises when the token lacks a permission."""

    def renderer(self) -> Renderer:
        """How this request writes rows."""


class OrderDesk:
    """Carries requests out that write orders. `answer` takes a method, a path under the merchant, and a body."""

    def __init__(self, world: World, webhooks: CloverWebhooks, switches: dict[str, Any]) -> None:
        self._webhooks = webhooks
        self._switches = switches
        self._tills = {
            merchant.id: Till(world.ids, book_of(merchant), "by the api") for merchant in world.merchants.values()
        }

    def answer(self, call: Caller, method: str, path: list[str], raw: bytes) -> Row | None:
        """The answer to a write; None when there is no such endpoint. Raises `RefusedError`."""
        said: Json = {}
        if raw.strip():
            try:
                said = json.loads(raw)
            except ValueError as error:
                raise RefusedError("bad_request", "the body is not JSON") from error
        if not isinstance(said, dict):
            raise RefusedError("bad_request", "the body must be an object")
        match method, path:
            case "POST", ["atomic_order", "checkouts"]:
                call.require("ORDERS_R")
                return self._checkout(call, said)
            case "POST", ["atomic_order", "orders"]:
                call.require("ORDERS_W")
                return self._atomic(call, said)
            case "POST", ["orders"]:
                call.require("ORDERS_W")
                return self._create(call, said)
            case "POST", ["orders", order_id, "payments"]:
                call.require("PAYMENTS_W")
                return self._pay(call, self._order(call, order_id), said)
            case (("POST" | "DELETE"), ["orders", order_id, *rest]):
                call.require("ORDERS_W")
                return self._of_order(call, method, self._order(call, order_id), rest, said)
        return None

    def _of_order(self, call: Caller, method: str, order: Order, rest: list[str], said: Json) -> Row | None:
        match method, rest:
            case "POST", []:
                return self._update(call, order, said)
            case "DELETE", []:
                return self._delete(call, order)
            case "POST", ["line_items"]:
                return self._add(call, order, [said])[0]
            case "POST", ["bulk_line_items"]:
                return {"elements": self._add(call, order, rows(said, "items"))}
            case "DELETE", ["line_items", line_id]:
                return self._void_line(call, order, line_id)
            case "POST", ["line_items", line_id, "modifications"]:
                return self._add_to_line(call, order, line_id, said, "mods")
            case "POST", ["line_items", line_id, "discounts"]:
                return self._add_to_line(call, order, line_id, said, "discounts")
            case "POST", ["discounts"]:
                return self._add_discount(call, order, said)
            case "POST", ["service_charge"]:
                return self._charge(call, order, said)
        return None

    # -- shared ----------------------------------------------------------------------------------------------------

    def _till(self, call: Caller) -> Till:
        return self._tills[call.merchant.id]

    def _book(self, call: Caller) -> Book:
        return book_of(call.merchant)

    def _order(self, call: Caller, order_id: str) -> Order:
        book = self._book(call)
        order = book.find_order(order_id)
        if order is None or order.deleted or not book.arrived(order):
            raise RefusedError("Not Found", "Order not found", 404)
        # From here on the book keeps this very object, ordinary orders included.
        kept: Order = book.change(order_id, lambda held: held)
        return kept

    @staticmethod
    def _line(order: Order, line_id: str) -> Line:
        line = next((one for one in order.lines if one.id == line_id), None)
        if line is None:
            raise RefusedError("Not Found", "Line item not found", 404)
        return line

    @staticmethod
    def _open(order: Order) -> None:
        if any(payment.counts for payment in order.payments):
            raise RefusedError("bad_request", "the order is paid")

    def _told(self, call: Caller, order: Order) -> Row:
        """The order with its collections."""
        return wire.write("order", call.renderer(), [order], EVERYTHING)[0]

    def _write(self, call: Caller, order: Order, edit: Callable[[Order], Any], what: str = UPDATE) -> Any:
        """Change an order: its time moves, sums follow, and who asked for it is told, new payments included."""
        before = {payment.id for payment in order.payments}

        def work(held: Order) -> Any:
            held.modified = max(self._book(call).now, held.modified + 1)
            return edit(held)

        found = self._book(call).change(order.id, work)
        made = [("P", payment.id, CREATE) for payment in order.payments if payment.id not in before]
        self._webhooks.tell(call.merchant, [("O", order.id, what), *made])
        return found

    # -- whole orders ----------------------------------------------------------------------------------------------

    def _cart(self, call: Caller, said: Json) -> Order:
        cart = said.get("orderCart")
        if not isinstance(cart, dict):
            raise RefusedError("cart_is_empty_or_missing")
        ad_hoc = bool(self._switches["atomic_ad_hoc_lines"])
        order = Cart(self._till(call), ad_hoc).whole_order(cart, self._book(call).now)
        if self._switches["atomic_external_reference"]:
            order.external = text(cart, "externalReferenceId", 127)
        return order

    def _checkout(self, call: Caller, said: Json) -> Row:
        order = self._cart(call, said)
        whole_sum = totals(order, after_refunds=False)
        renderer = call.renderer()
        lines = wire.write("line_item", renderer, [Held(order, one) for one in order.lines], EVERYTHING["lineItems"])
        taxes = [
            {
                "id": part.rate.id,
                "name": part.rate.name,
                "amount": part.tax,
                "rate": part.rate.rate,
                "lineItems": {"elements": [{"id": one.id} for one in order.lines if part.rate in one.rates]},
            }
            for part in whole_sum.taxes
        ]
        return {
            "orderCart": {**said["orderCart"], "lineItems": {"elements": lines}},
            "subtotal": whole_sum.subtotal,
            "total": whole_sum.total,
            "totalTaxAmount": whole_sum.tax,
            "taxSummaries": {"elements": taxes},
            "isVat": order.vat,
        }

    def _atomic(self, call: Caller, said: Json) -> Row:
        order = self._cart(call, said)
        self._book(call).add(order)
        self._webhooks.tell(call.merchant, [("O", order.id, CREATE)])
        return self._told(call, order)

    def _create(self, call: Caller, said: Json) -> Row:
        """Line by line: an order without a state is in no list."""
        order = self._till(call).order(self._book(call).now, [], state=None)
        order.employee = order.device = None
        order.kinds, order.stated_total = ("written_by_api",), 0
        self._fields(call, order, said)
        Cart(self._till(call)).retype(order, reference(said, "orderType"))
        self._book(call).add(order)
        self._webhooks.tell(call.merchant, [("O", order.id, CREATE)])
        return self._told(call, order)

    def _fields(self, call: Caller, order: Order, said: Json) -> None:
        for name, (mine, longest) in TEXTS.items():
            if name in said:
                setattr(order, mine, text(said, name, longest))
        if "state" in said:
            order.state = text(said, "state", 31)
        if "total" in said:
            order.stated_total = whole(said, "total")
        if "taxRemoved" in said:
            order.tax_removed = bool(said["taxRemoved"])
        if "testMode" in said:
            order.test = bool(said["testMode"])
        employee = reference(said, "employee")
        if employee is not None:
            if employee not in call.merchant.people.employees:
                raise RefusedError("bad_request", f"there is no employee {employee}")
            order.employee = employee

    def _update(self, call: Caller, order: Order, said: Json) -> Row:
        def edit(held: Order) -> None:
            self._fields(call, held, said)
            if "orderType" in said:
                Cart(self._till(call)).retype(held, reference(said, "orderType"))

        self._write(call, order, edit)
        return self._told(call, order)

    def _delete(self, call: Caller, order: Order) -> Row:
        self._open(order)

        def edit(held: Order) -> None:
            held.deleted_time = held.modified

        self._write(call, order, edit, DELETE)
        return {}

    # -- parts -----------------------------------------------------------------------------------------------------

    def _add(self, call: Caller, order: Order, wanted: list[Json]) -> list[Row]:
        self._open(order)
        if not wanted or len(wanted) > MOST_AT_ONCE:
            raise RefusedError("bad_request", f"between 1 and {MOST_AT_ONCE} lines at once")
        cart = Cart(self._till(call))
        lines = [cart.line(one, self._book(call).now) for one in wanted]
        for line in lines:
            cart.tax(order, line)
        self._write(call, order, lambda held: held.lines.extend(lines))
        return wire.write("line_item", call.renderer(), [Held(order, line) for line in lines], EVERYTHING["lineItems"])

    def _void_line(self, call: Caller, order: Order, line_id: str) -> Row:
        self._open(order)
        line = self._line(order, line_id)

        def edit(held: Order) -> None:
            held.lines.remove(line)
            gone = VoidedLine(
                self._till(call).id("void"), line.id, held.id, line.name, line.price, held.modified, "Voided"
            )
            gone.employee, gone.revenue, gone.order_type = held.employee, line.revenue, held.type
            held.voided_lines.append(gone)

        self._write(call, order, edit)
        return {}

    def _add_to_line(self, call: Caller, order: Order, line_id: str, said: Json, kind: str) -> Row:
        self._open(order)
        line, cart, ref = self._line(order, line_id), Cart(self._till(call)), {"lineItemRef": {"id": line_id}}
        if kind == "mods":
            mod = cart.modification(said)
            self._write(call, order, lambda _held: line.mods.append(mod))
            return wire.modification(mod, ref)
        taken = cart.discount(said)
        self._write(call, order, lambda _held: line.discounts.append(taken))
        return wire.discount(taken, ref)

    def _add_discount(self, call: Caller, order: Order, said: Json) -> Row:
        self._open(order)
        taken = Cart(self._till(call)).discount(said)
        self._write(call, order, lambda held: held.discounts.append(taken))
        return wire.discount(taken, {"orderRef": {"id": order.id}})

    def _charge(self, call: Caller, order: Order, said: Json) -> Row:
        self._open(order)
        charge = Cart(self._till(call)).charge(text(said, "id", 13))
        if charge is None:
            raise RefusedError("service_charge_does_not_exist")
        self._write(call, order, lambda held: setattr(held, "charge", charge))
        return dict(charge)

    # -- money -----------------------------------------------------------------------------------------------------

    def _pay(self, call: Caller, order: Order, said: Json) -> Row:
        """A payment that no card terminal of Clover's took; the order is locked with it."""
        till, tender, amount = self._till(call), reference(said, "tender"), whole(said, "amount")
        row = call.merchant.tenders.get(tender or "")
        if row is None or not row["enabled"]:
            raise RefusedError("bad_request", "tender.id is not a tender of the merchant")
        key = str(row["labelKey"] or "").removeprefix("com.clover.tender.")
        if key in CARDS:
            raise RefusedError("bad_request", "card payments are not recorded here")
        if amount is None or amount <= 0:
            raise RefusedError("bad_request", "amount must be above 0")
        if amount > balance(order, totals(order, after_refunds=False)):
            raise RefusedError("bad_request", "amount is more than is left to pay")
        tip, tax, employee = whole(said, "tipAmount"), whole(said, "taxAmount"), reference(said, "employee")

        def edit(held: Order) -> Any:
            made = till.pay(held, row["id"], amount, at=held.modified, tip=tip)
            made.external, made.note = text(said, "externalPaymentId", 127), text(said, "note", 2047)
            made.employee = employee or made.employee
            if key == "cash":
                made.tendered = whole(said, "cashTendered") or amount + (tip or 0)
            if tax is not None:
                made.tax = tax
            held.state = "locked"
            return made

        payment = self._write(call, order, edit)
        if not balance(order, totals(order, after_refunds=False)):
            moved = take_stock(till, order)
            self._webhooks.tell(call.merchant, [("I", item_id, UPDATE) for item_id in moved], split="IS")
        return wire.write("payment", call.renderer(), [Held(order, payment)], {})[0]
