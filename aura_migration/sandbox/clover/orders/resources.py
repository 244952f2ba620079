"""The endpoints of sales: orders, line items, payments, refunds, credits, voided lines, authorizations, the cash log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book, Held, select_among
from aura_migration.sandbox.clover.orders.cash import CashEvent, CashLog
from aura_migration.sandbox.clover.orders.model import Order
from aura_migration.sandbox.clover.orders.settle import payment_state
from aura_migration.sandbox.clover.orders.wire import Writer
from aura_migration.sandbox.clover.query import Field, Query, select
from aura_migration.sandbox.clover.resources import Child, Fields, Resource
from aura_migration.sandbox.clover.wire import Expansion, Renderer
from aura_migration.sandbox.clover.world import Merchant, Row


def book_of(merchant: Merchant) -> Book:
    """The order book of a merchant; every merchant of a finished world has one."""
    assert merchant.book is not None
    return merchant.book


def cash_of(merchant: Merchant) -> CashLog:
    """The cash log of a merchant."""
    assert merchant.cash is not None
    return merchant.cash


class _Orders:
    """Orders by id: drafts too, and deleted ones, which `GET /{id}` then hides."""

    def __init__(self, merchant: Merchant) -> None:
        self._book = book_of(merchant)

    def get(self, row_id: str) -> Order | None:
        """The order of an id, or None."""
        order = self._book.find_order(row_id)
        return order if order is not None and self._book.arrived(order) else None


class _Rows:
    """Payments and their like by id."""

    def __init__(self, merchant: Merchant, kind: str) -> None:
        self._book, self._kind = book_of(merchant), kind

    def get(self, row_id: str) -> Held | None:
        """The row of an id, or None."""
        if row_id == "totals" and self._kind == "voided_line":
            return self._totals()
        held = self._book.find_row(self._kind, row_id)
        return held if held is not None and self._book.arrived(held.order) else None

    def _totals(self) -> Held | None:
        rows = [row for order in self._book for row in order.voided_lines]
        first = next(iter(self._book), None)
        told = {"quantity": len(rows), "price": sum(row.price for row in rows)}
        return None if first is None else Held(first, told)


def total_of(order: Order) -> int:
    """What the `total` filter compares."""
    if order.manual:
        return order.manual_total
    return totals(order).total if order.stated_total is None else order.stated_total


def _order_fields(merchant: Merchant) -> Fields:
    staff = merchant.people.employees

    def name(order: Order) -> str | None:
        found = staff.get(order.employee or "")
        return None if found is None else found.name

    fields = {
        "id": Field(lambda order: order.id),
        "createdTime": Field(lambda order: order.created, int),
        "modifiedTime": Field(lambda order: order.modified, int),
        "clientCreatedTime": Field(lambda order: order.client_created, int),
        "deletedTime": Field(lambda order: order.deleted_time, int),
        "state": Field(lambda order: order.state),
        "total": Field(total_of, int),
        "payType": Field(lambda order: order.pay_type),
        "title": Field(lambda order: order.title),
        "orderType": Field(lambda order: order.type),
        "note": Field(lambda order: order.note),
        "testMode": Field(lambda order: order.test, bool),
        "manualTransaction": Field(lambda order: order.manual, bool),
        "touched": Field(lambda order: order.modified > order.created, bool),
        "externalReferenceId": Field(lambda order: order.external),
        "employee.id": Field(lambda order: order.employee),
        "employee.name": Field(name),
        "device.id": Field(lambda order: order.device),
        "cardTransaction.last4": Field(lambda order: [one.card.last4 for one in order.payments if one.card]),
    }
    if book_of(merchant).switches.get("order_filters_more"):
        fields["paymentState"] = Field(lambda order: payment_state(order, totals(order, after_refunds=False)))
        fields["customer.id"] = Field(lambda order: order.customers)
    return fields


def _of(get: Callable[[Any], Any], kind: type = str) -> Field:
    return Field(lambda held: get(held.row), kind)


PAYMENT: Fields = {
    "id": _of(lambda row: row.id),
    "createdTime": _of(lambda row: row.at, int),
    "modifiedTime": _of(lambda row: row.modified, int),
    "clientCreatedTime": _of(lambda row: row.at - 1000, int),
    "result": _of(lambda row: row.result),
    "offline": _of(lambda row: row.offline, bool),
    "voided": _of(lambda row: row.voided, bool),
    "amount": _of(lambda row: row.amount, int),
    "tender.id": _of(lambda row: row.tender),
    "employee.id": _of(lambda row: row.employee),
    "device.id": _of(lambda row: row.device),
    "cardType": _of(lambda row: row.card.brand if row.card else None),
    "externalReferenceId": Field(lambda held: held.order.external),
    "externalPaymentId": _of(lambda row: row.external),
    "order.modifiedTime": Field(lambda held: held.order.modified, int),
}
REFUND: Fields = {"createdTime": _of(lambda row: row.at, int)}
CREDIT: Fields = {
    "id": _of(lambda row: row.id),
    "amount": _of(lambda row: row.amount, int),
    "taxAmount": _of(lambda row: row.tax, int),
    "reason": _of(lambda row: row.reason),
    "result": _of(lambda row: row.result),
    "tender.id": _of(lambda row: row.tender),
    "employee.id": _of(lambda row: row.employee),
    "order.id": _of(lambda row: row.order),
    "order.modifiedTime": Field(lambda held: held.order.modified, int),
    "device.id": _of(lambda row: row.device),
    "clientCreatedTime": _of(lambda row: row.at - 1000, int),
    "cardType": _of(lambda row: row.card.brand if row.card else None),
    "failed": _of(lambda row: row.result == "FAIL", bool),
    "externalReferenceId": Field(lambda held: held.order.external),
}
VOIDED_LINE: Fields = {
    "reason": _of(lambda row: row.reason),
    "quantity": _of(lambda _row: 1, int),
    "orderId": _of(lambda row: row.order),
    "revenueClassName": _of(lambda _row: None),
    "deleteType": _of(lambda row: row.delete_type),
    "isRevenue": _of(lambda row: row.revenue, bool),
    "approvedByUuid": _of(lambda row: row.approver),
    "printed": _of(lambda row: row.printed, bool),
    "orderType.id": _of(lambda row: row.order_type),
    "price": _of(lambda row: row.price, int),
    "name": _of(lambda row: row.name),
    "showInReporting": _of(lambda _row: True, bool),
    "lineItemUuid": _of(lambda row: row.line),
    "id": _of(lambda row: row.id),
    "deletedTime": _of(lambda row: row.at, int),
}


def _cash_fields(merchant: Merchant) -> Fields:
    staff = merchant.people.employees

    def name(event: CashEvent) -> str | None:
        found = staff.get(event.employee or "")
        return None if found is None else found.name

    return {
        "employee.id": Field(lambda event: event.employee),
        "employee.name": Field(name),
        "note": Field(lambda event: event.note),
        "amountChange": Field(lambda event: event.cents, int),
        "type": Field(lambda event: event.type),
        "device.id": Field(lambda event: event.device),
        "timestamp": Field(lambda event: event.at, int),
    }


def _select(kind: str) -> Callable[..., Sequence[Any]]:
    def found(
        merchant: Merchant, query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], _now: int
    ) -> Sequence[Any]:
        return book_of(merchant).find(kind, query, fields, sortable, switches)

    return found


class _Kept(list[Any]):
    """Rows under one row, with the time windows end at."""

    def __init__(self, rows: Sequence[Any], now: int) -> None:
        super().__init__(rows)
        self.now = now


def _select_child(kind: str) -> Callable[..., Sequence[Any]]:
    def found(
        rows: list[Any], query: Query, fields: Fields, sortable: Fields, switches: dict[str, Any], now: int
    ) -> Sequence[Any]:
        return select_among(kind, rows, query, fields, sortable, switches, getattr(rows, "now", now))

    return found


def _sales(kind: str, permission: str, fields: Fields | Callable[[Merchant], Fields], **values: Any) -> Resource:
    by_id = values.pop("by_id", None) or (lambda merchant: _Rows(merchant, kind))
    return Resource(
        kind,
        permission,
        lambda _merchant: [],
        fields if callable(fields) else lambda _merchant: fields,
        by_id,
        select=_select(kind),
        select_child=_select_child(kind),
        **values,
    )


def _lines(_renderer: Renderer, order: Order) -> list[Held]:
    return [Held(order, line) for line in order.lines]


def _discounts(_renderer: Renderer, order: Order) -> list[Held]:
    return [Held(order, one) for one in order.discounts]


def _payments(renderer: Renderer, order: Order) -> list[Held]:
    # Of one order everything is told, however old it is.
    return _Kept([Held(order, one) for one in order.payments], order.created)


def _staff_orders(renderer: Renderer, employee: Any) -> list[Any]:
    book = book_of(renderer.merchant)
    return _Kept(sorted(book.of_employee(employee.id), key=lambda order: order.created), book.now)


def _staff_payments(renderer: Renderer, employee: Any) -> list[Any]:
    book = book_of(renderer.merchant)
    rows = [
        Held(order, one)
        for order in book.of_employee(employee.id)
        for one in order.payments
        if one.employee == employee.id
    ]
    return _Kept(sorted(rows, key=lambda held: held.row.at), book.now)


def _select_cash(
    rows: list[Any], query: Query, fields: Fields, sortable: Fields, _switches: dict[str, Any], _now: int
) -> list[Any]:
    return select(rows[::-1], query, fields, sortable)


def _of_order(kind: str) -> Resource:
    """Lists under an order: nothing but their own id can be asked for."""

    def chosen(rows: list[Any], query: Query, fields: Fields, sortable: Fields, *_more: Any) -> list[Any]:
        return select(rows[::-1], query, fields, sortable)

    fields = {"id": Field(lambda held: held.id)}
    if kind == "line_item":
        fields |= {"name": _of(lambda row: row.name), "item.id": _of(lambda row: row.item)}
    return Resource(kind, "ORDERS_R", lambda _merchant: [], lambda _merchant: fields, sortable=(), select_child=chosen)


NESTED: dict[str, Resource] = {
    "line_items": _of_order("line_item"),
    "order_discounts": _of_order("order_discount"),
    "order_payments": Resource(
        "payment",
        "PAYMENTS_R",
        lambda _merchant: [],
        lambda _merchant: PAYMENT,
        sortable=(),
        select_child=lambda rows, query, fields, sortable, switches, now: select_among(
            "payment", rows, query, fields, sortable, {**switches, "history_window_days": 0}, now
        ),
    ),
}
SALES: dict[str, Resource] = {
    "orders": _sales(
        "order",
        "ORDERS_R",
        _order_fields,
        by_id=_Orders,
        missing=("Not Found", "Order not found"),
        implied=(("filter", "state IS NOT NULL"),),
        sortable=(),
        refused=("voided_line_items",),
        children={
            "line_items": Child("line_items", _lines, by_id=True),
            "discounts": Child("order_discounts", _discounts),
            "payments": Child("order_payments", _payments),
        },
    ),
    "payments": _sales("payment", "PAYMENTS_R", PAYMENT, sortable=()),
    "refunds": _sales("refund", "PAYMENTS_R", REFUND, sortable=("id",)),
    "credits": _sales("credit", "PAYMENTS_R", CREDIT, sortable=("createdTime",)),
    "voided_line_items": _sales("voided_line", "ORDERS_R", VOIDED_LINE, sortable=("createdTime",)),
    "authorizations": _sales("authorization", "PAYMENTS_R", {"id": _of(lambda row: row.id)}, sortable=("createdTime",)),
    "cash_events": Resource(
        "cash_event",
        "MERCHANT_R",
        lambda merchant: cash_of(merchant).events(),
        _cash_fields,
        sortable=(),
    ),
}
EMPLOYEE_CHILDREN: dict[str, Child] = {
    "cash_events": Child(
        "cash_events",
        lambda renderer, row: [one for one in cash_of(renderer.merchant).events() if one.employee == row.id],
    ),
    "orders": Child("orders", _staff_orders),
    "payments": Child("payments", _staff_payments),
}
DEVICE_CHILDREN: dict[str, Child] = {
    "cash_events": Child(
        "cash_events",
        lambda renderer, row: [one for one in cash_of(renderer.merchant).events() if one.device == row["id"]],
    )
}


def _cash_event(renderer: Renderer, event: CashEvent) -> Row:
    return {
        "type": event.type,
        "amountChange": event.cents,
        "timestamp": event.at,
        "note": event.note,
        "employee": {"id": event.employee} if event.employee else None,
        "device": {"id": event.device} if event.device else None,
        "merchant": {"id": renderer.merchant.id},
    }


def _newest(kind: str) -> Callable[[Renderer, Any], list[Any]]:
    """The newest rows of the last weeks, as many as a nested list can have."""

    def rows(renderer: Renderer, _row: Any) -> list[Any]:
        book = book_of(renderer.merchant)
        query = Query([], [], 100, 0, {}, False, [("expand", kind)])
        found = book.find(kind, query, {}, {}, renderer.switches)
        return list(found[: int(renderer.switches["nested_limit"])])

    return rows


FORMS: dict[str, Callable[[Renderer, Any], Row]] = {
    "cash_event": _cash_event,
    "order": lambda renderer, row: Writer(renderer).order(row, {}),
    "payment": lambda renderer, held: Writer(renderer).payment(held, {}),
}
EXPANSIONS: dict[str, dict[str, Expansion]] = {
    "cash_event": {
        "employee": Expansion(
            "employee",
            lambda renderer, event: renderer.merchant.people.employees.get(event.employee or ""),
            False,
            "EMPLOYEES_R",
        ),
        "device": Expansion(
            "device", lambda renderer, event: renderer.merchant.devices.get(event.device or ""), many=False
        ),
    },
}
MERCHANT_EXPANSIONS: dict[str, Expansion] = {
    "orders": Expansion("order", _newest("order"), True, "ORDERS_R"),
    "payments": Expansion("payment", _newest("payment"), True, "PAYMENTS_R"),
}
CUSTOMER_ORDERS = Expansion(
    "order",
    lambda renderer, row: [
        order
        for order in sorted(
            book_of(renderer.merchant).of_customer(row.id), key=lambda order: order.created, reverse=True
        )
        if order.listed and not order.deleted
    ],
    permission="ORDERS_R",
)
