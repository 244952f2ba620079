"""The known truth per business date: sales, taxes, tips, charges, refunds, payments, counted as orders come and go.

An order belongs to its own business date, a payment to that it was paid on, a refund and a void to that they happened on.
Each order is added once; when it changes, what it was is taken away and what it is added. Everything in integer cents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from aura_migration.sandbox.toast.orders.sheet import FUNDRAISING, HOUSE_BALANCE, SERVICE, Bill, Sheet

if TYPE_CHECKING:
    from aura_migration.sandbox.toast.orders.ledger import Ledger

ORDERS_A_TURN = 100
PLAIN = (
    "orders", "checks", "guests", "open_checks", "lines", "gross_cents", "discount_cents", "net_cents", "tax_cents",
    "remitted_tax_cents", "exempt_net_cents", "gratuity_cents", "charge_cents", "fundraising_cents", "deferred_cents",
    "house_balance_cents", "tip_cents", "order_refund_cents", "order_refund_net_cents", "order_refund_tax_cents",
    "order_refund_tip_cents", "future_orders", "future_cents", "excess_orders", "excess_cents", "deleted_orders",
    "voided_orders", "voided_order_cents", "voided_checks", "voided_lines", "voided_line_cents", "payments",
    "payment_cents", "payment_tip_cents", "fee_cents", "refunds", "refund_cents", "refund_net_cents", "refund_tax_cents",
    "refund_tip_cents", "voided_payments", "voided_payment_cents",
)  # fmt: skip
GROUPED = ("tax_by_rate", "charges", "discounts", "tenders", "sources", "behaviors")


class DaySums:
    """The sums of one business date."""

    __slots__ = ("grouped", "plain")

    def __init__(self) -> None:
        self.plain = dict.fromkeys(PLAIN, 0)
        self.grouped: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in GROUPED}

    def group(self, name: str, key: str, sign: int, fixed: dict[str, Any] | None = None, **amounts: int) -> None:
        """Add to a part's row of that key."""
        row = self.grouped[name].setdefault(key, {**(fixed or {}), "count": 0})
        row["count"] += sign
        for field, cents in amounts.items():
            row[field] = row.get(field, 0) + sign * cents

    def row(self) -> dict[str, Any]:
        """As told; rows that count nothing any more are left out."""
        parts = {
            name: [{"key": key, **row} for key, row in sorted(rows.items()) if row["count"]]
            for name, rows in self.grouped.items()
        }
        return {**self.plain, **parts}


class Daily:
    """The sums of one location, by business date."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._days: dict[date, DaySums] = {}
        self._seen: set[int] | None = None
        self._left: Iterator[int] | None = None
        self._done = False
        ledger.watchers.append(self._watch)

    def _watch(self, before: Sheet | None, after: Sheet | None) -> None:
        """An order changes: those not yet counted are counted when their turn comes."""
        if self._seen is None:
            return
        for sheet, sign in ((before, -1), (after, 1)):
            if sheet is None:
                continue
            if sign == 1:
                self._seen.add(sheet.key)
            elif sheet.key not in self._seen:
                continue
            self.add(sheet, sign)

    def turn(self, most: int = ORDERS_A_TURN) -> bool:
        """Count some more orders; answers whether all are counted."""
        if self._done:
            return True
        if self._seen is None:
            self._seen = set()
            self._left = self._ledger.keys()
        assert self._left is not None
        for _ in range(most):
            key = next(self._left, None)
            if key is None:
                self._done = True
                return True
            if key not in self._seen:
                self._seen.add(key)
                self.add(self._ledger.sheet(key), 1)
        return False

    async def ready(self) -> None:
        """Count everything; other requests get their turn meanwhile."""
        while not self.turn():
            await asyncio.sleep(0)

    def rows(self) -> Iterator[tuple[date, dict[str, Any]]]:
        """Every business date on which anything happened, in order."""
        while not self.turn(10_000):
            continue
        for day in sorted(self._days):
            yield day, self._days[day].row()

    def _at(self, day: date) -> DaySums:
        held = self._days.get(day)
        if held is None:
            held = self._days[day] = DaySums()
        return held

    # -- one order -------------------------------------------------------------------------------------------------

    def add(self, sheet: Sheet, sign: int) -> None:
        """Add an order to all business dates it belongs to, or take it away."""
        here = self._at(sheet.day)
        plain = here.plain
        if sheet.deleted is not None:
            plain["deleted_orders"] += sign
        elif sheet.void is not None:
            void = self._at(sheet.void.day).plain
            void["voided_orders"] += sign
            void["voided_order_cents"] += sign * sum(line.price for bill in sheet.bills for line in bill.lines)
        elif sheet.excess:
            plain["excess_orders"] += sign
            plain["excess_cents"] += sign * sum(line.pre for bill in sheet.bills for line in bill.lines)
        elif is_future(sheet):
            plain["future_orders"] += sign
            plain["future_cents"] += sign * sum(bill.total for bill in sheet.bills)
        else:
            self._sale(sheet, here, sign)
        self._money(sheet, sign)

    def _sale(self, sheet: Sheet, here: DaySums, sign: int) -> None:
        plain = here.plain
        plain["orders"] += sign
        plain["guests"] += sign * sheet.guests
        net_of_order = 0
        for bill in sheet.bills:
            if bill.void is not None:
                self._at(bill.void.day).plain["voided_checks"] += sign
            if bill.void is not None or bill.deleted is not None:
                continue
            net_of_order += self._check(bill, here, sign)
        here.group("sources", sheet.source, sign, net_cents=net_of_order)
        here.group("behaviors", sheet.behavior, sign, net_cents=net_of_order)

    def _check(self, bill: Bill, here: DaySums, sign: int) -> int:
        plain = here.plain
        plain["checks"] += sign
        plain["open_checks"] += sign * (bill.closed is None)
        before = discounts = tax = 0
        for line in bill.lines:
            if line.void is not None:
                lost = self._at(line.void.day).plain
                lost["voided_lines"] += sign
                lost["voided_line_cents"] += sign * line.price
                continue
            if line.deferred:
                plain["deferred_cents"] += sign * line.price
            elif line.kind == HOUSE_BALANCE:
                plain["house_balance_cents"] += sign * line.price
            else:
                before += line.pre
                plain["lines"] += sign
                discounts += line.pre - line.price
        charges = sum(one.cents for one in bill.charges if not one.gratuity and one.category != FUNDRAISING)
        for one in bill.charges:
            key = "GRATUITY" if one.gratuity else one.category or SERVICE
            here.group("charges", key, sign, cents=one.cents)
            plain["gratuity_cents"] += sign * one.cents * one.gratuity
            plain["fundraising_cents"] += sign * one.cents * (one.category == FUNDRAISING)
            plain["charge_cents"] += sign * one.cents * (not one.gratuity and one.category != FUNDRAISING)
        for discount in bill.every_discount():
            net = discount.cents if discount.net is None else discount.net
            here.group("discounts", discount.name, sign, cents=net, shown_cents=discount.cents)
        self._taxes(bill, here, sign)
        tax = bill.tax
        net = before - discounts + charges
        plain["gross_cents"] += sign * (before + charges)
        plain["discount_cents"] += sign * discounts
        plain["net_cents"] += sign * net
        plain["tax_cents"] += sign * tax
        plain["exempt_net_cents"] += sign * net * bill.exempt
        return net

    @staticmethod
    def _taxes(bill: Bill, here: DaySums, sign: int) -> None:
        taxed: dict[str, list[Any]] = {}
        parts = [(line.price, tax) for line in bill.lines if line.void is None for tax in line.taxes]
        parts += [(charge.cents, tax) for charge in bill.charges for tax in charge.taxes]
        for base, tax in parts:
            held = taxed.setdefault(f"{tax.tax} {tax.rate}", [tax, 0, 0])
            held[1] += tax.cents
            held[2] += base
        for key, (tax, cents, base) in taxed.items():
            fixed = {
                "rate": tax.rate,
                "tax_rate": tax.tax,
                "name": tax.name,
                "kind": tax.kind,
                "remitted_by_marketplace": tax.facilitated,
            }
            here.group("tax_by_rate", key, sign, fixed, cents=int(cents), taxable_cents=base)
            here.plain["remitted_tax_cents"] += sign * int(cents) * tax.facilitated

    def _money(self, sheet: Sheet, sign: int) -> None:
        for bill, one in sheet.payments():
            if one.void is not None:
                lost = self._at(one.void.day).plain
                lost["voided_payments"] += sign
                lost["voided_payment_cents"] += sign * one.cents
            if not one.counts or sheet.deleted is not None or bill.deleted is not None:
                continue
            day = self._at(one.day)
            plain = day.plain
            fee = one.card.fee if one.card is not None and one.status == "CAPTURED" else 0
            plain["payments"] += sign
            plain["payment_cents"] += sign * one.cents
            plain["payment_tip_cents"] += sign * one.tip
            plain["fee_cents"] += sign * fee
            day.group("tenders", one.kind, sign, cents=one.cents, tip_cents=one.tip, fee_cents=fee)
            if sheet.counts and not is_future(sheet):
                self._at(sheet.day).plain["tip_cents"] += sign * one.tip
            if one.refund is not None:
                back = paid_back(bill, one.refund.transaction)
                cents = one.refund.cents
                tax = back[1]
                amounts = {
                    "cents": cents,
                    "net_cents": cents - tax - back[2],
                    "tax_cents": tax,
                    "tip_cents": one.refund.tip,
                }
                there, own = self._at(one.refund.day).plain, self._at(sheet.day).plain
                there["refunds"] += sign
                for name, amount in amounts.items():
                    there[f"refund_{name}"] += sign * amount
                    own[f"order_refund_{name}"] += sign * amount


def is_future(sheet: Sheet) -> bool:
    """Is it promised for later and not yet made?"""
    return sheet.promised is not None and sheet.closed is None


def paid_back(bill: Bill, transaction: str) -> tuple[int, int, int]:
    """What of a check's lines and charges a refund gave back: without tax, tax, and gratuity."""
    parts = [one.refund for one in bill.lines if one.refund is not None and one.refund.transaction == transaction]
    charges = [one for one in bill.charges if one.refund is not None and one.refund.transaction == transaction]
    tip = sum(one.refund.cents for one in charges if one.gratuity and one.refund is not None)
    parts += [one.refund for one in charges if one.refund is not None and not one.gratuity]
    return sum(one.cents for one in parts), sum(one.tax for one in parts), tip
