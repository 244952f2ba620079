"""The cash log: what went into and out of the drawer. Only merchants that run the Cash Log app have one.

Drawers follow from the days of a history, movements from cash payments and what was given back in cash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.model import Order
from aura_migration.sandbox.clover.orders.ordinary import HOUR, MINUTE, OPENS

FLOAT = 20_000


class CashEvent(NamedTuple):
    """One entry; it has no id of its own. `cents` are what went in, or below zero what came out."""

    at: int
    type: str
    cents: int
    employee: str | None
    device: str | None
    note: str | None = None


class CashLog:
    """The cash log of one book, made when it is first looked at and again after an edit."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._made = -1
        self._events: list[CashEvent] = []
        self.written: list[CashEvent] = []

    def events(self) -> list[CashEvent]:
        """Every entry, the oldest first."""
        book = self._book
        if not book.cash_log:
            return []
        if self._made != book.revision:
            self._events = sorted([*self._drawers(), *self._movements(), *self.written], key=lambda one: one.at)
            self._made = book.revision
        return self._events

    def add(self, event: CashEvent) -> None:
        """One more entry, written by hand."""
        self.written.append(event)
        self._made = -1

    def _drawers(self) -> Iterator[CashEvent]:
        ordinary, shop = self._book.ordinary, self._book.shop
        if ordinary is None or not shop.staff or not shop.devices:
            return
        device = shop.devices[0]
        for index, midnight in enumerate(ordinary.midnights):
            who = shop.staff[index % len(shop.staff)]
            opens = midnight + OPENS - 20 * MINUTE
            yield CashEvent(opens, "OPEN", 0, who, device)
            yield CashEvent(opens + MINUTE, "LOAD", FLOAT, who, device)
            if index % 6 == 2:
                yield CashEvent(opens + 5 * HOUR, "ADJUSTMENT", -1250 - index, shop.manager, device, "Ice and lemons")
            yield CashEvent(opens + 12 * HOUR, "COUNT", 0, who, device)
            yield CashEvent(opens + 13 * HOUR, "UNLOAD", -FLOAT, who, device, "To the safe")

    def _movements(self) -> Iterator[CashEvent]:
        cash = self._book.shop.tenders.get("cash")
        for order in self._book:
            yield from movements(order, cash)


def movements(order: Order, cash: str | None) -> Iterator[CashEvent]:
    """What an order put into the drawer and took out of it."""
    if order.test:
        return
    for payment in order.payments:
        if payment.tender == cash and payment.counts and payment.amount:
            moved = payment.amount + (payment.tip or 0)
            yield CashEvent(payment.at, "TRANSACTION", moved, payment.employee, payment.device)
        for refund in payment.refunds:
            if (refund.tender or payment.tender) == cash and refund.counts:
                yield CashEvent(refund.at, "TRANSACTION", -refund.amount, refund.employee, refund.device, "Refund")
    for credit in order.credits:
        if credit.tender == cash and credit.counts:
            yield CashEvent(credit.at, "TRANSACTION", -credit.amount, credit.employee, credit.device, credit.reason)
