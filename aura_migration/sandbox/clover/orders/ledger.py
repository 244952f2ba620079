"""The known truth about sales: what each order means, and what each day came to.

Made from the book's own orders and never from their JSON. Sums follow edits one order at a time. Figures are those of
the Clover API reference, section 7.1: sales belong to the day of their order (`basis` "created") or to that of its last
counted payment ("paid"); payments, refunds and credits to their own day. Test orders count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.clover.orders.arithmetic import line_net, line_value, totals
from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.model import AUTO_GRATUITY, Credit, Order, Payment, Refund, TaxPart
from aura_migration.sandbox.clover.orders.settle import balance, payment_state

Row = dict[str, Any]
Figures = dict[str, int]
QUARTER = 900_000
HOUR = 3_600_000
BASES = ("created", "paid")
SALES = (
    "orders",
    "lines",
    "gross",
    "discounts",
    "non_revenue",
    "order_fees",
    "auto_gratuity",
    "service_charge",
    "delivery_fees",
    "tax_liability",
    "tax_included",
    "exchanged",
    "unitemized",
    "unpaid",
    "overpaid",
)
MONEY = (
    "payments",
    "payments_cents",
    "payments_without_order_cents",
    "tips_paid",
    "tax_paid",
    "service_charge_paid",
    "refunds_count",
    "refunds_cents",
    "refunds_net",
    "refunded_tax",
    "refunded_tips",
    "refunded_service_charge",
    "refunded_order_fees",
    "refunded_non_revenue",
    "credits_count",
    "credits_cents",
    "credits_net",
    "credited_tax",
)


class Calendar:
    """Business dates of one time zone."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._held: dict[tuple[int, int], str] = {}

    def date(self, at: int, closeout_hour: int) -> str:
        """The local date of a moment, where a day begins at the close-out hour."""
        key = (at // QUARTER, closeout_hour)
        found = self._held.get(key)
        if found is None:
            local = datetime.fromtimestamp(key[0] * 900, UTC).astimezone(self._zone).replace(tzinfo=None)
            found = self._held[key] = (local - timedelta(hours=closeout_hour)).date().isoformat()
        return found


class Ledger:
    """The sums of one book, made when they are first asked for."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._merchant = book.shop.merchant
        self._calendar = Calendar(self._merchant.timezone)
        self.hours = tuple(dict.fromkeys((0, int(self._merchant.properties.get("summaryHour") or 0))))
        self._ready = False
        self._sales: dict[tuple[int, str, str], Figures] = {}
        self._money: dict[tuple[int, str], Figures] = {}
        self._taxes: dict[tuple[int, str], dict[str, list[Any]]] = {}
        self._tenders: dict[tuple[int, str], dict[str, Figures]] = {}
        self.kinds: dict[str, list[Any]] = {}
        self.counts: Figures = {}
        book.watcher = self

    def date(self, at: int, closeout_hour: int | None = None) -> str:
        """The business date of a moment; by the merchant's own close-out hour unless another is said."""
        return self._calendar.date(at, self.hours[-1] if closeout_hour is None else closeout_hour)

    def replace(self, before: Order | None, after: Order | None) -> None:
        """Sums follow an edit; before anybody asked for them there is nothing to do."""
        if self._ready:
            for order, sign in ((before, -1), (after, 1)):
                if order is not None:
                    self._add(order, sign)

    def ready(self) -> None:
        """Make the sums of all orders, unless they are made."""
        for _ in self.prepare():
            pass

    def prepare(self) -> Iterator[None]:
        """Make the sums, pausing every few hundred orders; an edit in between starts over."""
        while not self._ready:
            revision = self._book.revision
            for table in (self._sales, self._money, self._taxes, self._tenders, self.kinds, self.counts):
                table.clear()
            for number, order in enumerate(self._book):
                self._add(order, 1)
                if number % 500 == 499:
                    yield
                    if self._book.revision != revision:
                        break
            else:
                self._ready = True

    # -- one order -------------------------------------------------------------------------------------------------

    def _add(self, order: Order, sign: int) -> None:
        counts = self.counts
        counts["orders"] = counts.get("orders", 0) + sign
        for kind in order.kinds:
            held = self.kinds.setdefault(kind, [0, order.id])
            held[0] += sign
        shown = "listed" if order.listed and not order.deleted else "hidden"
        counts[f"orders_{shown}"] = counts.get(f"orders_{shown}", 0) + sign
        for name, rows in (
            ("payments", order.payments),
            ("refunds", order.refunds()),
            ("credits", order.credits),
            ("line_items", order.lines),
            ("voided_line_items", order.voided_lines),
        ):
            if rows:
                counts[name] = counts.get(name, 0) + sign * len(rows)
        if order.test:
            return
        counted = [payment for payment in order.payments if payment.counts]
        if counted and not order.missing:
            self._add_sale(order, counted, sign)
        for payment in counted:
            self._add_payment(payment, order.missing, sign)
        for payment in order.payments:
            for refund in payment.refunds:
                if refund.counts:
                    self._add_refund(order, payment, refund, sign)
        for credit in order.credits:
            if credit.counts:
                self._add_credit(order, credit, sign)

    def _add_sale(self, order: Order, counted: list[Payment], sign: int) -> None:
        whole = totals(order, after_refunds=False)
        total = order.manual_total if order.manual else whole.total
        paid = sum(payment.amount for payment in counted)
        figures = {
            "orders": 1,
            "lines": sum(1 for line in order.lines if line.fee is None and not line.exchanged and line.revenue),
            "gross": whole.value,
            "discounts": whole.net - whole.value,
            "non_revenue": whole.other,
            "order_fees": whole.fees,
            "auto_gratuity": sum(line.price for line in order.lines if line.fee_type == AUTO_GRATUITY),
            "service_charge": whole.charge,
            "delivery_fees": whole.extra,
            "tax_liability": whole.tax,
            "tax_included": whole.tax if order.vat else 0,
            "exchanged": sum(line_net(line, line_value(line)) for line in order.lines if line.exchanged),
            "unitemized": order.manual_total,
            "unpaid": max(0, total - paid),
            "overpaid": max(0, paid - total),
        }
        moments = (order.created, max(payment.at for payment in counted))
        for hour in self.hours:
            for basis, at in zip(BASES, moments, strict=True):
                _plus(self._sales.setdefault((hour, basis, self._calendar.date(at, hour)), {}), figures, sign)

    def _add_payment(self, payment: Payment, orphan: bool, sign: int) -> None:
        tip = payment.tip or 0
        figures = {
            "payments": 1,
            "payments_cents": payment.amount,
            "payments_without_order_cents": payment.amount if orphan else 0,
            "tips_paid": tip,
            "tax_paid": payment.tax,
            "service_charge_paid": payment.charge,
        }
        self._moved(payment.at, figures, payment.tender, {"payments": 1, "cents": payment.amount, "tips": tip}, sign)
        for hour in self.hours:
            self._add_taxes(
                self._taxes.setdefault((hour, self._calendar.date(payment.at, hour)), {}), payment.taxes, sign
            )

    def _add_refund(self, order: Order, payment: Payment, refund: Refund, sign: int) -> None:
        figures = {
            "refunds_count": 1,
            "refunds_cents": refund.amount,
            "refunds_net": refund_net(order, refund),
            "refunded_tax": refund.tax,
            "refunded_tips": refund.tip or 0,
            "refunded_service_charge": refund.charge,
            "refunded_order_fees": refund.fees,
            "refunded_non_revenue": refund.other,
        }
        back = {"refunds": 1, "refunded_cents": refund.amount}
        self._moved(refund.at, figures, refund.tender or payment.tender, back, sign)

    def _add_credit(self, order: Order, credit: Credit, sign: int) -> None:
        figures = {
            "credits_count": 1,
            "credits_cents": credit.amount,
            "credits_net": credit.amount - (0 if order.vat else credit.tax),
            "credited_tax": credit.tax,
        }
        self._moved(credit.at, figures, credit.tender, {"credits": 1, "credited_cents": credit.amount}, sign)

    def _moved(self, at: int, figures: Figures, tender: str, by_tender: Figures, sign: int) -> None:
        for hour in self.hours:
            key = (hour, self._calendar.date(at, hour))
            _plus(self._money.setdefault(key, {}), figures, sign)
            _plus(self._tenders.setdefault(key, {}).setdefault(tender, {}), by_tender, sign)

    @staticmethod
    def _add_taxes(held: dict[str, list[Any]], parts: list[TaxPart], sign: int) -> None:
        for part in parts:
            row = held.get(part.rate.id)
            if row is None:
                row = held[part.rate.id] = [part.rate, 0, 0]
            row[1] += sign * part.taxable
            row[2] += sign * part.tax

    # -- days ------------------------------------------------------------------------------------------------------

    def daily(self) -> Iterator[Row]:
        """One row for each close-out hour, basis and business date on which anything happened."""
        self.ready()
        for hour in self.hours:
            for basis in BASES:
                days = {key[2] for key, held in self._sales.items() if key[:2] == (hour, basis) and any(held.values())}
                days |= {key[1] for key, held in self._money.items() if key[0] == hour and any(held.values())}
                for day in sorted(days):
                    yield self.day(hour, basis, day)

    def day(self, hour: int, basis: str, day: str) -> Row:
        """The figures of one business date."""
        sales, money = self._sales.get((hour, basis, day), {}), self._money.get((hour, day), {})
        row: Row = {"location": self._merchant.id, "closeout_hour": hour, "basis": basis, "date": day}
        row |= {name: sales.get(name, 0) for name in SALES}
        row |= {name: money.get(name, 0) for name in MONEY}
        row["refunds"] = -(row["refunds_net"] + row["credits_net"])
        row["net"] = row["gross"] + row["discounts"] + row["refunds"]
        row["tax"] = row["tax_paid"] - row["refunded_tax"] - row["credited_tax"]
        row["tips"] = row["tips_paid"] - row["refunded_tips"]
        row["service_charge_collected"] = row["service_charge_paid"] - row["refunded_service_charge"]
        row["collected"] = row["payments_cents"] + row["tips_paid"] - row["refunds_cents"] - row["credits_cents"]
        row["transactions"] = row["payments"] + row["refunds_count"] + row["credits_count"]
        row["tax_by_rate"] = [
            {"id": rate.id, "name": rate.name, "rate": rate.rate, "taxable": taxable, "tax": tax}
            for rate, taxable, tax in self._taxes.get((hour, day), {}).values()
            if taxable or tax
        ]
        labels = self._book.shop.labels
        row["tenders"] = [
            {"id": tender, "label": labels.get(tender), **{name: held.get(name, 0) for name in TENDER}}
            for tender, held in self._tenders.get((hour, day), {}).items()
            if any(held.values())
        ]
        return row

    # -- rows ------------------------------------------------------------------------------------------------------

    def orders(self) -> Iterator[Row]:
        """Every order, also those that no list shows; money is before refunds."""
        for order in self._book:
            if order.missing:
                continue
            whole = totals(order, after_refunds=False)
            if order.manual:
                whole.total = order.manual_total
            yield {
                "location": self._merchant.id,
                "id": order.id,
                "created": order.created,
                "modified": order.modified,
                "date": self.date(order.created),
                "listed": order.listed and not order.deleted,
                "deleted": order.deleted,
                "draft": order.state is None,
                "test": order.test,
                "state": order.state,
                "payment_state": payment_state(order, whole),
                "total": whole.total,
                "gross": whole.value,
                "discounts": whole.net - whole.value,
                "non_revenue": whole.other,
                "order_fees": whole.fees,
                "service_charge": whole.charge,
                "delivery_fees": whole.extra,
                "tax": whole.tax,
                "tax_included": order.vat,
                "unpaid": balance(order, whole),
                "lines": len(order.lines),
                "customers": order.customers,
                "employee": order.employee,
                "type": order.type,
                "external": order.external,
                "kinds": list(order.kinds),
            }

    def lines(self) -> Iterator[Row]:
        """Every line item, order fees and exchanged ones too."""
        for order in self._book:
            for line in order.lines if not order.missing else ():
                value = line_value(line)
                yield {
                    "location": self._merchant.id,
                    "id": line.id,
                    "order": order.id,
                    "item": line.item,
                    "name": line.name,
                    "value": value,
                    "net": line_net(line, value),
                    "revenue": line.revenue,
                    "fee": line.fee_type or "FEE" if line.fee else None,
                    "exchanged": line.exchanged,
                    "refunded": line.refunded,
                    "modifications": len(line.mods),
                    "rates": [rate.id for rate in line.rates],
                }

    def payments(self) -> Iterator[Row]:
        """Every payment; `counts` tells whether it is money the merchant has."""
        for order in self._book:
            for row in order.payments:
                yield {
                    "location": self._merchant.id,
                    "id": row.id,
                    "order": row.order,
                    "at": row.at,
                    "date": self.date(row.at),
                    "tender": row.tender,
                    "cents": row.amount,
                    "tip": row.tip or 0,
                    "tax": row.tax,
                    "service_charge": row.charge,
                    "result": row.result,
                    "counts": row.counts and not order.test,
                    "test": order.test,
                    "employee": row.employee,
                }

    def refunds(self) -> Iterator[Row]:
        """Every refund; `net` is its part of sales."""
        for order in self._book:
            for row in order.refunds():
                yield {
                    "location": self._merchant.id,
                    "id": row.id,
                    "order": row.order,
                    "payment": row.payment,
                    "at": row.at,
                    "date": self.date(row.at),
                    "cents": row.amount,
                    "tip": row.tip or 0,
                    "tax": row.tax,
                    "service_charge": row.charge,
                    "net": refund_net(order, row),
                    "lines": row.lines,
                    "counts": row.counts and not order.test,
                }

    def credits(self) -> Iterator[Row]:
        """Every credit."""
        for order in self._book:
            for row in order.credits:
                yield {
                    "location": self._merchant.id,
                    "id": row.id,
                    "order": row.order,
                    "at": row.at,
                    "date": self.date(row.at),
                    "tender": row.tender,
                    "cents": row.amount,
                    "tax": row.tax,
                    "counts": row.counts,
                }

    def voided_lines(self) -> Iterator[Row]:
        """Every line that was taken off an order."""
        for order in self._book:
            for row in order.voided_lines:
                yield {"location": self._merchant.id, "id": row.id, "order": order.id, "cents": row.price, "at": row.at}


TENDER = ("payments", "cents", "tips", "refunds", "refunded_cents", "credits", "credited_cents")


def refund_net(order: Order, refund: Refund) -> int:
    """What a refund takes off sales: without tip, service charge, fees, what was no revenue, and tax on top."""
    tax = 0 if order.vat else refund.tax
    return refund.amount - (refund.tip or 0) - tax - refund.charge - refund.fees - refund.other


def _plus(held: Figures, figures: Figures, sign: int) -> None:
    for name, value in figures.items():
        if value:
            held[name] = held.get(name, 0) + sign * value
