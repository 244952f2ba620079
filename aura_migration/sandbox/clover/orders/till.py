"""The till at which scenarios and edits write orders of one merchant: short ways to say what was sold, paid and given back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.model import Card, Credit, Disc, Line, Mod, Order, Payment, Rate, Refund
from aura_migration.sandbox.clover.orders.settle import apportion, refund_amount, refund_lines
from aura_migration.sandbox.clover.orders.shop import Dish
from aura_migration.sandbox.clover.world import clover_id
from aura_migration.sandbox.core.ids import Ids

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Till:
    """Writes orders into one book. `purpose` keeps the ids of scenarios and of edits apart."""

    def __init__(self, ids: Ids, book: Book, purpose: str = "written") -> None:
        self.ids = ids
        self.book = book
        self.shop = book.shop
        self._purpose = purpose
        self._made = 0

    def id(self, kind: str) -> str:
        """The next id."""
        self._made += 1
        return clover_id(self.ids, f"{self._purpose} {kind}:{self.shop.merchant.number}", str(self._made))

    def local(self, *parts: int, fold: int = 0) -> int:
        """The stamp of a local time: year, month, day, hour, minute."""
        zone = ZoneInfo(self.shop.merchant.timezone)
        year, month, day, hour, minute = (*parts, 0, 0)[:5]
        return int(datetime(year, month, day, hour, minute, tzinfo=zone, fold=fold).timestamp() * 1000)

    # -- what is sold ----------------------------------------------------------------------------------------------

    def off(self, name: str, **values: Any) -> Disc:
        """A discount."""
        return Disc(self.id("discount"), name, **values)

    def mod(self, name: str, cents: int, modifier: str | None = None) -> Mod:
        """A modifier; without an id it was typed in by hand, or is long gone."""
        return Mod(self.id("modification"), name, cents, modifier)

    def line(
        self, what: str | Dish, price: int | None = None, *, rates: Sequence[Rate] | None = None, **fields: Any
    ) -> Line:
        """A line of a dish of the menu by its name, or of something that is on no menu."""
        dish = self.shop.by_name.get(what) if isinstance(what, str) else what
        row_id = self.id("line")
        if dish is None:
            line = Line(row_id, str(what), price or 0, 0)
            line.rates = tuple(self.default_rates() if rates is None else rates)
        else:
            line = Line(row_id, dish.name, dish.price if price is None else price, 0, dish.id)
            line.rates = dish.rates if rates is None else tuple(rates)
            line.revenue, line.unit_name = dish.revenue, dish.unit_name
            line.alternate, line.code, line.color = dish.alternate, dish.code, dish.color
        for name, value in fields.items():
            setattr(line, name, value)
        return line

    def default_rates(self) -> list[Rate]:
        """The merchant's default tax rates."""
        return [rate for rate in self.shop.rates.values() if rate.default]

    # -- orders ----------------------------------------------------------------------------------------------------

    def order(self, at: int, lines: Sequence[Line], **fields: Any) -> Order:
        """An order that is not in the book yet; lines follow each other by ten seconds."""
        shop = self.shop
        order = Order(self.id("order"), at, at, at)
        order.employee = shop.staff[0] if shop.staff else None
        order.device = shop.devices[0] if shop.devices else None
        usual = next((row for row in shop.order_types if row["isDefault"]), None)
        order.type = usual["id"] if usual else None
        order.lines, order.vat = list(lines), shop.vat
        for place, line in enumerate(order.lines):
            line.created = line.created or at + place * 10_000
        for name, value in fields.items():
            setattr(order, name, value)
        return order

    def fee(self, order: Order, row: dict[str, Any], kind: str | None = None) -> Line:
        """An order fee as a line, its cents reckoned now."""
        share = row["percentage"]
        cents = row["amount"]
        if share:
            cents = (totals(order, after_refunds=False).discounted * int(share) * 2 + 1_000_000) // 2_000_000
        line = Line(self.id("line"), row["name"], int(cents), order.created + MINUTE, printed=False, revenue=False)
        line.fee, line.fee_share, line.fee_type = row["id"], share, kind
        order.lines.append(line)
        return line

    def pay(
        self,
        order: Order,
        tender: str = "credit_card",
        amount: int | None = None,
        after: int = 40 * MINUTE,
        **fields: Any,
    ) -> Payment:
        """A payment of an order: all that is left unless an amount is said. `tender` is a key or an id."""
        whole = totals(order, after_refunds=False)
        left = order.manual_total if order.manual else whole.total
        left -= sum(one.amount for one in order.payments if one.counts)
        at = fields.pop("at", order.created + after)
        payment = Payment(
            self.id("payment"),
            order.id,
            self.shop.tenders.get(tender, tender),
            at,
            left if amount is None else amount,
            modified=at,
            employee=order.employee,
            device=order.device,
        )
        if tender in ("credit_card", "debit_card"):
            payment.card = Card(
                "VISA", "EMV_CONTACT", f"{self._made * 7919 % 10_000:04d}", "411111", code=f"A{self._made:05d}"
            )
        elif tender == "cash":
            payment.tendered = -(-payment.amount // 500) * 500
        for name, value in fields.items():
            setattr(payment, name, value)
        order.payments.append(payment)
        order.modified = max(order.modified, at)
        if not order.manual:
            apportion(order, whole)
        if order.pay_type is None:
            order.pay_type = "FULL"
        return payment

    def refund(
        self,
        order: Order,
        payment: Payment,
        at: int,
        lines: Sequence[str] | None = None,
        cents: int | None = None,
        **fields: Any,
    ) -> Refund:
        """Money back for lines, for everything, or (cents) for nothing in particular."""
        refund = Refund(self.id("refund"), order.id, payment.id, at, 0, employee=order.employee, device=order.device)
        for name, value in fields.items():
            setattr(refund, name, value)
        order.modified = max(order.modified, at)
        if cents is not None:
            return refund_amount(payment, refund, cents)
        return refund_lines(order, payment, refund, lines)

    def credit(self, order: Order, at: int, amount: int, tender: str = "credit_card", **fields: Any) -> Credit:
        """Money back without a payment."""
        credit = Credit(self.id("credit"), order.id, self.shop.tenders[tender], at, amount, device=order.device)
        credit.employee = order.employee
        for name, value in fields.items():
            setattr(credit, name, value)
        order.credits.append(credit)
        order.modified = max(order.modified, at)
        return credit
