"""The books of a history by business date: sales, taxes, tips, charges, returns, payments, fees.

One pass over all orders makes them; from then on an edit takes the old order out and puts the new one in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.orders.done import Done, Paid
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import CANCELED, COMPLETED
from aura_migration.sandbox.square.world import World

BASES = ("created", "closed", "paid")
STARTS = ("00:00", "04:00")
QUARTER = 900_000
SLICE = 200
Key = tuple[str, str, str, str]
Row = dict[str, Any]


def payment_kind(paid: Paid) -> str:
    """The payment's source, apart: gift cards, and external ones with their type."""
    kind = paid.kind
    if kind.brand == "SQUARE_GIFT_CARD":
        return "SQUARE_GIFT_CARD"
    return f"EXTERNAL:{kind.external}" if kind.source == "EXTERNAL" else kind.source


def paid_at(done: Done) -> int | None:
    """When the last payment of an order was made."""
    return max((paid.use.created for paid in done.paid if paid.good), default=None)


class Ledger:
    """Sums by basis, start of the day, location and date."""

    def __init__(self, world: World) -> None:
        self._history: History = world.orders
        self._zones = {place.id: ZoneInfo(place.timezone) for place in world.locations.values()}
        self._dates: dict[tuple[str, str, int], str] = {}
        self._sums: dict[Key, Counter[str]] = {}
        self.complete = False
        self._next: Iterator[int] | None = None
        self._history.listeners.append(self)

    def date_of(self, location: str, start: str, stamp: int) -> str:
        """The business date of an instant: the local date after the start of the day is taken off the local time."""
        key = (location, start, stamp // QUARTER)
        found = self._dates.get(key)
        if found is None:
            local = datetime.fromtimestamp(stamp // QUARTER * QUARTER / 1000, self._zones[location])
            day: date = (local.replace(tzinfo=None) - timedelta(hours=int(start[:2]))).date()
            found = self._dates[key] = day.isoformat()
        return found

    # -- making ----------------------------------------------------------------------------------------------------

    def _add(self, location: str, basis: str, stamp: int, sums: Row, sign: int) -> None:
        for start in STARTS:
            key = (basis, start, location, self.date_of(location, start, stamp))
            held = self._sums.get(key)
            if held is None:
                held = self._sums[key] = Counter()
            for name, value in sums.items():
                held[name] += sign * value

    def _book(self, number: int, sign: int) -> None:
        done = self._history.done(number)
        order = done.order
        if order.location not in self._zones:
            return
        stamps = {"created": order.created, "closed": order.closed, "paid": paid_at(done) or order.closed}
        money: list[tuple[int, Row]] = []
        for paid in done.paid:
            if paid.use.status == COMPLETED and paid.use.kind != "no_sale":
                kind = payment_kind(paid)
                row = {f"payments|{kind}": paid.total, f"payment_count|{kind}": 1, "payment_tips": paid.tip}
                money.append((paid.use.created, {**row, "fees": paid.fee_cents}))
            elif paid.use.status == CANCELED:
                money.append((paid.use.created, {"voided_payments": 1}))
        back = done.back
        if back is not None:
            for held in back.refunds:
                if held.back.status == COMPLETED:
                    kind = payment_kind(held.paid) if held.paid is not None and not held.back.to_cash else "CASH"
                    row = {"refunds": held.cents, "refund_count": 1, f"refunds|{kind}": held.cents}
                    money.append((order.created + 200, {**row, "fees_returned": held.fee}))
        for basis in BASES:
            for stamp, row in money:
                self._add(order.location, basis, stamp, row, sign)
        if order.state == CANCELED:
            self._everywhere(order.location, stamps, {"voids": 1, "void_total": done.due}, sign)
        if order.state == COMPLETED:
            self._everywhere(order.location, stamps, self.sale(done), sign)

    def _everywhere(self, location: str, stamps: dict[str, int | None], sums: Row, sign: int) -> None:
        for basis, stamp in stamps.items():
            if stamp is not None:
                self._add(location, basis, stamp, sums, sign)

    @staticmethod
    def sale(done: Done) -> Row:
        """What a completed order adds to the sales of its day, what it gives back apart."""
        order, sums = done.order, done.sums
        found: Row = {}
        if order.lines:
            cards = sum(sums.gross[place] for place, line in enumerate(order.lines) if line.kind == "GIFT_CARD")
            gross, discounts = sum(sums.gross) - cards, sum(sums.discount)
            tips = sum(
                held for charge, held in zip(order.charges, sums.charge_applied, strict=True) if charge.kind != "CUSTOM"
            )
            found = {
                "orders": 1,
                "gross": gross,
                "discounts": discounts,
                "net": gross - discounts,
                "tax": sum(sums.tax) + sum(sums.charge_taxes),
                "tax_included": sum(sums.included),
                "tips": done.tip,
                "service_charges": sum(sums.charge_applied),
                "gratuities": tips,
                "rounding": done.rounding,
                "gift_cards": cards,
                "total": done.total,
            }
            for place, tax in enumerate(order.taxes):
                key = f"{tax.name}|{tax.text}|{'INCLUSIVE' if tax.inclusive else 'ADDITIVE'}"
                found[f"tax|{key}"] = found.get(f"tax|{key}", 0) + sums.tax_applied[place]
                found[f"taxable|{key}"] = found.get(f"taxable|{key}", 0) + sums.taxable[place]
        back = done.back
        if back is not None:
            found["returns"] = 1
            found["returned_gross"] = sum(line.gross for line in back.lines)
            found["returned_discounts"] = back.discount
            found["returned_tax"] = back.tax
            found["returned_tips"] = back.tip
            found["returned_charges"] = back.charge
            found["returned_total"] = back.total
        return found

    def work(self) -> bool:
        """Book some more orders; True when all are."""
        if self.complete:
            return True
        if self._next is None:
            self._sums.clear()
            self._next = self._history.numbers()
        for _ in range(SLICE):
            number = next(self._next, None)
            if number is None:
                self._next, self.complete = None, True
                return True
            self._book(number, 1)
        return False

    def finish(self) -> None:
        """Book everything now."""
        while not self.work():
            continue

    async def finished(self) -> None:
        """Book everything, and let others be served meanwhile."""
        while not self.work():
            await asyncio.sleep(0)

    # -- following edits -------------------------------------------------------------------------------------------

    def _with_returns(self, number: int) -> list[int]:
        return [number, *self._history.returns_of(number)]

    def leaving(self, number: int) -> None:
        """The order will change: take it and its returns out."""
        if not self.complete:
            self._next = None
            return
        for held in self._with_returns(number):
            self._book(held, -1)

    def entering(self, number: int) -> None:
        """The order is new or has changed: put it and its returns in."""
        if not self.complete:
            self._next = None
            return
        for held in self._with_returns(number):
            self._book(held, 1)

    def left(self, number: int) -> None:
        """The order is gone: its returns stay."""
        if self.complete:
            for held in self._history.returns_of(number):
                self._book(held, 1)

    # -- telling ---------------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """One row for each basis, start of the day, location and date that has anything."""
        for (basis, start, location, day), sums in sorted(self._sums.items()):
            if any(sums.values()):
                yield {"basis": basis, "start_of_day": start, "location": location, "date": day, **told(sums)}

    def rows_of(self, basis: str, start: str, location: str) -> list[Row]:
        """The rows of one basis, start of the day and location, oldest first."""
        wanted = sorted(key for key in self._sums if key[:3] == (basis, start, location))
        return [{"date": key[3], **told(self._sums[key])} for key in wanted if any(self._sums[key].values())]


PLAIN = (
    *("orders", "gross", "discounts", "net", "tax", "tax_included", "tips", "service_charges", "gratuities"),
    *("rounding", "gift_cards", "total", "returns", "returned_gross", "returned_discounts", "returned_tax"),
    *("returned_tips", "returned_charges", "returned_total", "refunds", "refund_count", "fees", "fees_returned"),
    *("voids", "void_total", "voided_payments", "payment_tips"),
)


def told(sums: Counter[str]) -> Row:
    """Sums as a row: plain ones by name, the others as maps."""
    found: Row = {name: sums.get(name, 0) for name in PLAIN}
    for name in ("payments", "payment_count", "taxable", "tax_by_rate", "refunds_by_tender"):
        found[name] = {}
    names = {"tax": "tax_by_rate", "refunds": "refunds_by_tender"}
    for name, value in sums.items():
        head, bar, rest = name.partition("|")
        if bar and value:
            found[names.get(head, head)][rest] = value
    return found
