"""How Clover writes orders, line items, payments, refunds, credits and voided lines.

One writer serves one request. It writes fast rather than generally: a page is a thousand orders with all their lines.
Only fields that have a value are written; a request for nulls gets the known fields of each kind filled up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Held
from aura_migration.sandbox.clover.orders.model import (
    Card,
    Credit,
    Disc,
    Line,
    Order,
    Payment,
    Refund,
    TaxPart,
    VoidedLine,
)
from aura_migration.sandbox.clover.orders.settle import balance, payment_state
from aura_migration.sandbox.clover.query import Tree
from aura_migration.sandbox.clover.wire import Renderer
from aura_migration.sandbox.clover.world import Row

NULLS: dict[str, tuple[str, ...]] = {
    "order": (
        "href", "id", "currency", "customers", "employee", "total", "unpaidBalance", "paymentState", "title", "note",
        "externalReferenceId", "invoiceId", "state", "payType", "taxRemoved", "isVat", "manualTransaction",
        "groupLineItems", "testMode", "createdTime", "clientCreatedTime", "modifiedTime", "deletedTimestamp", "device",
        "orderType", "serviceCharge", "additionalCharges", "discounts", "lineItems", "payments", "refunds", "credits",
        "voids", "onlineOrder",
    ),
    "line": (
        "id", "orderRef", "item", "name", "alternateName", "price", "unitQty", "unitName", "itemCode", "note",
        "printed", "binName", "userData", "createdTime", "orderClientCreatedTime", "exchanged", "exchangedLineItem",
        "refunded", "refund", "isRevenue", "colorCode", "discounts", "discountAmount", "modifications", "taxRates",
        "payments", "isOrderFee", "orderFee", "percentage", "orderFeeType",
    ),
    "payment": (
        "id", "order", "device", "tender", "amount", "tipAmount", "taxAmount", "cashbackAmount", "cashTendered",
        "employee", "createdTime", "clientCreatedTime", "gatewayProcessingTime", "modifiedTime", "offline", "note",
        "externalPaymentId", "externalReferenceId", "result", "cardTransaction", "serviceCharge", "taxRates",
        "lineItemPayments", "refunds", "voidReason", "voidReasonDetails", "voidPaymentRef",
    ),
    "refund": (
        "id", "orderRef", "payment", "amount", "taxAmount", "tipAmount", "createdTime", "clientCreatedTime",
        "gatewayProcessingTime", "deletedTime", "employee", "device", "lineItems", "overrideMerchantTender",
        "taxableAmountRates", "serviceChargeAmount", "voided", "voidReason", "status", "reason",
    ),
    "credit": (
        "id", "orderRef", "device", "tender", "employee", "customers", "amount", "taxAmount", "taxRates",
        "createdTime", "clientCreatedTime", "voided", "voidReason", "result", "reason", "cardTransaction",
    ),
}  # fmt: skip


class Writer:
    """Writes rows of one merchant for one request."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._merchant = renderer.merchant
        self._base = renderer.base
        self._nulls = renderer.nulls
        switches = renderer.switches
        self._limit: int = switches["nested_limit"]
        self._links = switches["nested_unexpanded"] == "href"
        self._line_more: bool = switches["line_taxes_in_orders"]
        self._voids_hidden = switches["voided_payments"] == "on_filter"
        self._after_refunds: bool = switches["order_total_after_refunds"]
        self._currency = renderer.merchant.currency
        self._tenders: dict[str, Row] = {}

    # -- permissions -----------------------------------------------------------------------------------------------

    def _may(self, permission: str) -> bool:
        if permission in self._renderer.permissions:
            return True
        self._renderer.refused = permission
        return False

    def _full(self, kind: str, row: Row) -> Row:
        return {**dict.fromkeys(NULLS[kind]), **row} if self._nulls else row

    def _cut(self, rows: Sequence[Any] | Iterable[Any]) -> list[Any]:
        return list(rows)[: self._limit]

    # -- orders ----------------------------------------------------------------------------------------------------

    def order(self, order: Order, expand: Tree) -> Row:
        """One order with its expansions."""
        order_id = order.id
        href = f"{self._base}/orders/{order_id}"
        before = totals(order, after_refunds=False)
        total = before.total
        if self._after_refunds and any(line.refunded for line in order.lines):
            total = totals(order).total
        if order.manual:
            total = order.manual_total
            before.total = total
        if order.stated_total is not None:
            total = order.stated_total
        out: Row = {"href": href, "id": order_id, "currency": self._currency}
        if order.employee is not None:
            out["employee"] = {"id": order.employee}
        out["total"] = total
        state = payment_state(order, before)
        if state in ("PARTIALLY_PAID", "OPEN") and order.state is not None:
            out["unpaidBalance"] = balance(order, before)
        out["paymentState"] = state
        if order.title is not None:
            out["title"] = order.title
        if order.note is not None:
            out["note"] = order.note
        if order.external is not None:
            out["externalReferenceId"] = order.external
        if order.type is not None:
            out["orderType"] = {"id": order.type}
        out["taxRemoved"], out["isVat"] = order.tax_removed, order.vat
        if order.state is not None:
            out["state"] = order.state
        out["manualTransaction"], out["groupLineItems"], out["testMode"] = order.manual, True, order.test
        if order.pay_type is not None:
            out["payType"] = order.pay_type
        out["createdTime"], out["clientCreatedTime"] = order.created, order.client_created
        out["modifiedTime"] = order.modified
        if order.deleted_time is not None:
            out["deletedTimestamp"] = order.deleted_time
        if order.device is not None:
            out["device"] = {"id": order.device}
        if order.delivery_fee is not None:
            fee = {"type": "DELIVERY_FEE", "amount": order.delivery_fee}
            out["additionalCharges"] = {"elements": [fee]}
        if order.extra:
            out |= order.extra
        if expand:
            if "payment" in expand:  # `payment.tender`, as the documented list spells it, beside `payments.tender`
                expand = {**expand, "payments": {**expand.get("payments", {}), **expand["payment"]}}
            for name, deeper in expand.items():
                write = ORDER_EXPANSIONS.get(name)
                if write is not None:
                    write(self, order, out, deeper)
        if self._links:
            for name, path in (("lineItems", "line_items"), ("discounts", "discounts"), ("payments", "payments")):
                out.setdefault(name, {"href": f"{href}/{path}"})
        return self._full("order", out)

    def _order_lines(self, order: Order, out: Row, expand: Tree) -> None:
        lines = order.lines if len(order.lines) <= self._limit else order.lines[: self._limit]
        if not self._line_more:
            expand = {name: deeper for name, deeper in expand.items() if name not in ("taxRates", "payments")}
        out["lineItems"] = {"elements": [self.line(order, line, expand) for line in lines]}

    def _order_discounts(self, order: Order, out: Row, _expand: Tree) -> None:
        if order.discounts or not self._links:
            ref = {"orderRef": {"id": order.id}}
            out["discounts"] = {"elements": [discount(one, ref) for one in self._cut(order.discounts)]}

    def _order_payments(self, order: Order, out: Row, expand: Tree) -> None:
        if self._may("PAYMENTS_R"):
            rows = [one for one in order.payments if not (self._voids_hidden and one.voided)]
            out["payments"] = {"elements": [self.payment(Held(order, one), expand) for one in self._cut(rows)]}

    def _order_voids(self, order: Order, out: Row, expand: Tree) -> None:
        if self._may("PAYMENTS_R"):
            rows = [one for one in order.payments if one.voided]
            out["voids"] = {"elements": [self.payment(Held(order, one), expand) for one in self._cut(rows)]}

    def _order_refunds(self, order: Order, out: Row, expand: Tree) -> None:
        if self._may("PAYMENTS_R"):
            rows = [self.refund(Held(order, one), expand) for one in self._cut(order.refunds())]
            out["refunds"] = {"elements": rows}

    def _order_credits(self, order: Order, out: Row, expand: Tree) -> None:
        if self._may("PAYMENTS_R"):
            rows = [self.credit(Held(order, one), expand) for one in self._cut(order.credits)]
            out["credits"] = {"elements": rows}

    def _order_employee(self, order: Order, out: Row, expand: Tree) -> None:
        self._employee(order.employee, out, expand)

    def _order_customers(self, order: Order, out: Row, expand: Tree) -> None:
        if self._may("CUSTOMERS_R"):
            table = self._merchant.people.customers
            rows = [(one, table.get(one)) for one in order.customers]
            shown = [
                {"id": one} if row is None or row.deleted else self._renderer.render("customer", row, expand)
                for one, row in rows
            ]
            out["customers"] = {"elements": shown}

    def _order_charge(self, order: Order, out: Row, _expand: Tree) -> None:
        if order.charge is not None:
            out["serviceCharge"] = order.charge

    def _order_type(self, order: Order, out: Row, expand: Tree) -> None:
        row = self._merchant.order_types.get(order.type or "")
        if row is not None:
            out["orderType"] = self._renderer.render("order_type", row, expand)

    def _order_fulfillment(self, order: Order, out: Row, _expand: Tree) -> None:
        if order.fulfillment is not None:
            out["orderFulfillmentEvent"] = order.fulfillment

    def _employee(self, employee: str | None, out: Row, expand: Tree) -> None:
        found = self._merchant.people.employees.get(employee or "")
        if found is None or not self._may("EMPLOYEES_R"):
            return
        if not (found.deleted and self._renderer.switches["expand_deleted_employee"] == "reference"):
            out["employee"] = self._renderer.render("employee", found, expand)

    # -- lines -----------------------------------------------------------------------------------------------------

    def line(self, order: Order, line: Line, expand: Tree) -> Row:
        """One line item with its expansions."""
        out: Row = {"id": line.id, "orderRef": {"id": order.id}}
        if line.item is not None:
            out["item"] = {"id": line.item}
        out["name"] = line.name
        if line.alternate is not None:
            out["alternateName"] = line.alternate
        out["price"] = line.price
        if line.unit_qty is not None:
            out["unitQty"] = line.unit_qty
            if line.unit_name is not None:
                out["unitName"] = line.unit_name
        if line.code is not None:
            out["itemCode"] = line.code
        if line.note is not None:
            out["note"] = line.note
        out["printed"], out["binName"] = line.printed, ""
        out["createdTime"], out["orderClientCreatedTime"] = line.created, order.client_created
        out["exchanged"], out["refunded"], out["isRevenue"] = line.exchanged, line.refunded, line.revenue
        if line.exchanged_line is not None:
            out["exchangedLineItem"] = {"id": line.exchanged_line}
        if line.color is not None:
            out["colorCode"] = line.color
        if line.fee is not None:
            out["isOrderFee"], out["orderFee"] = True, {"id": line.fee}
            if line.fee_share is not None:
                out["percentage"] = line.fee_share
            if line.fee_type is not None:
                out["orderFeeType"] = line.fee_type
        if line.extra:
            out |= line.extra
        if expand:
            ref = {"lineItemRef": {"id": line.id}}
            if "modifications" in expand and line.mods:
                out["modifications"] = {"elements": [modification(one, ref) for one in self._cut(line.mods)]}
            if "discounts" in expand and line.discounts:
                out["discounts"] = {"elements": [discount(one, ref) for one in self._cut(line.discounts)]}
            if "taxRates" in expand:
                out["taxRates"] = {"elements": [line_rate(one, ref) for one in line.rates]}
            if "payments" in expand and self._may("PAYMENTS_R"):
                parts = [
                    {"id": line.id, "percentage": share, "payment": {"id": payment.id}, "refunded": line.refunded}
                    for payment in order.payments
                    for line_id, share in payment.lines
                    if line_id == line.id
                ]
                out["payments"] = {"elements": parts}
            if "employee" in expand:
                self._employee(order.employee, out, expand["employee"])
            if "orderType" in expand:
                self._order_type(order, out, expand["orderType"])
        return self._full("line", out)

    # -- money -----------------------------------------------------------------------------------------------------

    def payment(self, held: Held, expand: Tree) -> Row:
        """One payment with its expansions."""
        row: Payment = held.row
        out: Row = {"id": row.id, "order": {"id": row.order}}
        if row.device is not None:
            out["device"] = {"id": row.device}
        out["tender"] = self._tender(row.tender, row.extra, expand.get("tender"))
        out["amount"] = row.amount
        if row.tip is not None:
            out["tipAmount"] = row.tip
        out["taxAmount"], out["cashbackAmount"] = row.tax, 0
        if row.tendered is not None:
            out["cashTendered"] = row.tendered
        if row.employee is not None:
            out["employee"] = {"id": row.employee}
        out["createdTime"], out["clientCreatedTime"], out["modifiedTime"] = row.at, row.at - 1000, row.modified
        if row.offline:
            out["gatewayProcessingTime"] = row.at + 3_600_000
        out["offline"], out["result"] = row.offline, row.result
        if row.note is not None:
            out["note"] = row.note
        if row.external is not None:
            out["externalPaymentId"] = row.external
        if row.charge and held.order.charge is not None:
            charge = held.order.charge
            out["serviceCharge"] = {"id": charge["id"], "name": charge["name"], "amount": row.charge}
        if row.void_reason is not None:
            out["voidReason"] = row.void_reason
        if row.void_ref is not None:
            out["voidPaymentRef"] = {"id": row.void_ref}
        for name in expand:
            if name == "cardTransaction" and row.card is not None:
                out["cardTransaction"] = card(row.card, self._currency)
            elif name == "taxRates":
                out["taxRates"] = {"elements": [tax_part(one, held.order.vat) for one in self._cut(row.taxes)]}
            elif name == "refunds":
                parts = [self.refund(Held(held.order, one), {}) for one in self._cut(row.refunds)]
                out["refunds"] = {"elements": parts}
            elif name == "lineItemPayments":
                lines = {line.id: line.refunded for line in held.order.lines}
                parts = [
                    {"id": one, "percentage": share, "refunded": lines.get(one, False)} for one, share in row.lines
                ]
                out["lineItemPayments"] = {"elements": self._cut(parts)}
            elif name == "order" and not held.order.missing:
                if self._may("ORDERS_R"):
                    out["order"] = self.order(held.order, expand[name])
            elif name == "employee":
                self._employee(row.employee, out, expand[name])
            elif name == "appTracking" and row.app is not None:
                out["appTracking"] = {"developerAppId": row.app.split(":")[0], "applicationName": row.app.split(":")[1]}
            elif name == "additionalCharges" and held.order.delivery_fee is not None and row is held.order.payments[0]:
                fee = {"id": f"{row.id[:12]}0", "type": "DELIVERY_FEE", "amount": held.order.delivery_fee}
                out["additionalCharges"] = {"elements": [fee]}
        return self._full("payment", out)

    def _tender(self, tender: str, extra: Row | None, expand: Tree | None) -> Row:
        short = {"href": f"{self._base}/tenders/{tender}", "id": tender}
        if expand is None:
            return short
        held = self._tenders.get(tender)
        if held is not None:
            return held
        row = self._merchant.tenders.get(tender)
        if row is not None:
            self._tenders[tender] = self._renderer.render("tender", row, expand)
            return self._tenders[tender]
        return {**short, **(extra or {}).get("tender", {})}

    def refund(self, held: Held, expand: Tree) -> Row:
        """One refund with its expansions."""
        row: Refund = held.row
        out: Row = {"id": row.id, "orderRef": {"id": row.order}, "payment": {"id": row.payment}, "amount": row.amount}
        out["taxAmount"] = row.tax
        if row.tip is not None:
            out["tipAmount"] = row.tip
        out["createdTime"], out["clientCreatedTime"] = row.at, row.at - 1000
        if row.employee is not None:
            out["employee"] = {"id": row.employee}
        if row.device is not None:
            out["device"] = {"id": row.device}
        if row.tender is not None:
            out["overrideMerchantTender"] = self._tender(row.tender, None, expand.get("overrideMerchantTender"))
        if row.charge and held.order.charge is not None:
            charge = held.order.charge
            out["serviceChargeAmount"] = {"id": charge["id"], "name": charge["name"], "amount": row.charge}
        if row.taxes:
            out["taxableAmountRates"] = {"elements": [tax_part(one, held.order.vat) for one in row.taxes]}
        out["voided"] = row.voided
        if row.void_reason is not None:
            out["voidReason"] = row.void_reason
        if row.status is not None:
            out["status"] = row.status
        if row.reason is not None:
            out["reason"] = row.reason
        if "lineItems" in expand:
            out["lineItems"] = {"elements": [{"id": one} for one in self._cut(row.lines)]}
        if "payment" in expand:
            paid = next((one for one in held.order.payments if one.id == row.payment), None)
            if paid is not None:
                out["payment"] = self.payment(Held(held.order, paid), expand["payment"])
        if "employee" in expand:
            self._employee(row.employee, out, expand["employee"])
        return self._full("refund", out)

    def credit(self, held: Held, expand: Tree) -> Row:
        """One credit with its expansions."""
        row: Credit = held.row
        out: Row = {
            "id": row.id,
            "orderRef": {"id": row.order},
            "tender": self._tender(row.tender, None, expand.get("tender")),
            "amount": row.amount,
            "taxAmount": row.tax,
            "createdTime": row.at,
            "clientCreatedTime": row.at - 1000,
            "voided": row.voided,
            "result": row.result,
        }
        if row.employee is not None:
            out["employee"] = {"id": row.employee}
        if row.device is not None:
            out["device"] = {"id": row.device}
        if row.customer is not None:
            out["customers"] = {"elements": [{"id": row.customer}]}
        if row.void_reason is not None:
            out["voidReason"] = row.void_reason
        if row.reason is not None:
            out["reason"] = row.reason
        if "taxRates" in expand:
            out["taxRates"] = {"elements": [tax_part(one, held.order.vat) for one in row.taxes]}
        if "cardTransaction" in expand and row.card is not None:
            out["cardTransaction"] = card(row.card, self._currency)
        if "employee" in expand:
            self._employee(row.employee, out, expand["employee"])
        if "order" in expand and self._may("ORDERS_R"):
            out["order"] = self.order(held.order, expand["order"])
        return self._full("credit", out)

    def voided_line(self, held: Held, _expand: Tree) -> Row:
        """One line that was taken off an order; or the totals of all of them."""
        if isinstance(held.row, dict):
            return held.row
        row: VoidedLine = held.row
        out: Row = {
            "id": row.id,
            "lineItemUuid": row.line,
            "orderId": row.order,
            "name": row.name,
            "price": row.price,
            "quantity": 1,
            "reason": row.reason,
            "deleteType": row.delete_type,
            "isRevenue": row.revenue,
            "printed": row.printed,
            "showInReporting": True,
            "deletedTime": row.at,
        }
        if row.approver is not None:
            out["approvedByUuid"] = row.approver
        if row.employee is not None:
            out["removedBy"] = {"id": row.employee}
        if row.order_type is not None:
            out["orderType"] = {"id": row.order_type}
        return out


def modification(one: Any, ref: Row) -> Row:
    """A modifier of a line."""
    out = {"id": one.id, **ref, "name": one.name}
    if one.alternate is not None:
        out["alternateName"] = one.alternate
    out["amount"] = one.cents
    if one.modifier is not None:
        out["modifier"] = {"id": one.modifier}
    return out


def line_rate(rate: Any, ref: Row) -> Row:
    """A tax rate of a line: its id is the rate's and comes again on other lines."""
    out = {"id": rate[0], **ref, "name": rate[1], "rate": rate[2], "isDefault": rate[3]}
    if rate[4] is not None:
        out["taxAmount"] = rate[4]
    if rate[5] is not None:
        out["taxType"] = rate[5]
    return out


def discount(one: Disc, ref: Row) -> Row:
    """A discount of an order or a line."""
    out: Row = {"id": one.id, **ref, "name": one.name}
    if one.cents is not None:
        out["amount"] = one.cents
    if one.percent is not None:
        out["percentage"] = one.percent
    if one.exact is not None:
        out["percentageDecimal"] = one.exact
    if one.catalog is not None:
        out["discount"] = {"id": one.catalog}
    if one.approver is not None:
        out["approver"] = {"id": one.approver}
    if one.type is not None:
        out["discType"] = one.type
    return out


def tax_part(part: TaxPart, vat: bool) -> Row:
    """A payment's part of one tax."""
    rate = part.rate
    return {
        "id": rate.id,
        "name": rate.name,
        "rate": rate.rate,
        "isDefault": rate.default,
        "taxableAmount": part.taxable,
        "taxAmount": part.tax,
        "isVat": vat,
    }


def card(one: Card, currency: str) -> Row:
    """What a payment shows of a card."""
    out: Row = {"cardType": one.brand, "entryType": one.entry, "last4": one.last4, "type": one.kind}
    if one.first6 is not None:
        out["first6"] = one.first6
    if one.code is not None:
        out["authCode"] = one.code
    if one.state is not None:
        out["state"] = one.state
    out["captured"], out["currency"] = one.captured, currency
    if one.holder is not None:
        out["cardholderName"] = one.holder
    if one.token is not None:
        out["vaultedCard"] = {"token": one.token, "first6": one.first6, "last4": one.last4}
    return out


ORDER_EXPANSIONS: dict[str, Callable[[Writer, Order, Row, Tree], None]] = {
    "lineItems": Writer._order_lines,
    "discounts": Writer._order_discounts,
    "payments": Writer._order_payments,
    "voids": Writer._order_voids,
    "refunds": Writer._order_refunds,
    "credits": Writer._order_credits,
    "employee": Writer._order_employee,
    "customers": Writer._order_customers,
    "serviceCharge": Writer._order_charge,
    "orderType": Writer._order_type,
    "orderFulfillmentEvent": Writer._order_fulfillment,
}
WRITES: dict[str, Callable[[Writer, Any, Tree], Row]] = {
    "order": lambda writer, row, expand: writer.order(row, expand),
    "line_item": lambda writer, held, expand: writer.line(held.order, held.row, expand),
    "payment": lambda writer, held, expand: writer.payment(held, expand),
    "refund": lambda writer, held, expand: writer.refund(held, expand),
    "credit": lambda writer, held, expand: writer.credit(held, expand),
    "voided_line": lambda writer, held, expand: writer.voided_line(held, expand),
    "authorization": lambda writer, held, expand: writer.payment(held, expand),
    "order_discount": lambda _writer, held, _expand: discount(held.row, {"orderRef": {"id": held.order.id}}),
}


def write(kind: str, renderer: Renderer, rows: Iterable[Any], expand: Tree) -> list[Row]:
    """Rows of one kind."""
    writer, one = Writer(renderer), WRITES[kind]
    return [one(writer, row, expand) for row in rows]
