"""What the witness says of a history, in working tables of the judging transaction.

Facts are streamed in by COPY, a stretch of each kind at a time: memory does not grow with the number of orders. Nothing is
judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.pos.order_facts import CashFact, HistoryFact, OrderFact, PaymentFact, PayoutFact, RefundFact
from aura_migration.verify.orders_case import OrdersCase

STRETCH = 5_000
"""Lines of a table that are held before they are written."""
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": "\ufffd"})


class Saying:
    """Writes facts into the working tables, and counts them by kind."""

    def __init__(self, case: OrdersCase) -> None:
        self._case = case
        self._held: dict[str, list[str]] = {
            name: []
            for name in (
                "said_orders",
                "said_parts",
                "said_payments",
                "said_refunds",
                "said_payouts",
                "said_entries",
                "said_cash",
            )
        }
        self.counts: dict[str, int] = {}
        self._takers: dict[type, Callable[[Any], str]] = {
            OrderFact: self._order,
            PaymentFact: self._payment,
            RefundFact: self._refund,
            PayoutFact: self._payout,
            CashFact: self._cash,
        }

    def take(self, facts: Iterable[HistoryFact]) -> None:
        """Write every fact. ``BadInput`` for something that is no fact of a history."""
        counts, takers = self.counts, self._takers
        for fact in facts:
            taker = takers.get(type(fact))
            if taker is None:
                raise BadInput(
                    f"The witness of {self._case.subject.pos} gave a {type(fact).__name__}, which is no fact of a history.",
                    "A witness yields the facts of aura_migration.pos.order_facts.",
                )
            kind = taker(fact)
            counts[kind] = counts.get(kind, 0) + 1
        for table in self._held:
            self._flush(table)
        self._case.prepare(*self._held)

    def _put(self, table: str, *values: Any) -> None:
        held = self._held[table]
        held.append("\t".join(map(_cell, values)))
        if len(held) >= STRETCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        held = self._held[table]
        if held:
            with self._case.connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write("\n".join(held) + "\n")
            held.clear()

    def _order(self, fact: OrderFact) -> str:
        charges = fact.charges
        gratuity, rounding = charges.get("auto_gratuity", 0), charges.get("cash_rounding", 0)
        self._put(
            "said_orders",
            *(fact.key, fact.business_date, fact.state, fact.gross, fact.discount, fact.tax, fact.included_tax),
            *(fact.tip, fact.final, fact.lines, sum(fact.non_sale.values())),
            *(sum(charges.values()) - gratuity - rounding, gratuity, rounding, fact.problems, fact.due, fact.reference),
        )
        for part, amounts in (("non_sale", fact.non_sale), ("charges", charges), ("tax_by_rate", fact.taxes)):
            self._parts(fact.key, part, amounts)
        return "orders"

    def _parts(self, key: str, part: str, amounts: Mapping[str, int]) -> None:
        for name, cents in amounts.items():
            if cents:
                self._put("said_parts", key, part, name, cents)

    def _payment(self, fact: PaymentFact) -> str:
        self._put(
            "said_payments",
            *(fact.key, fact.order_key, fact.business_date, fact.tender, fact.amount, fact.tip, fact.state, fact.fee),
            fact.problems,
        )
        return "payments"

    def _refund(self, fact: RefundFact) -> str:
        self._put(
            "said_refunds",
            *(fact.key, fact.order_key, fact.payment_key, fact.business_date, fact.amount, fact.state, fact.tax),
            *(fact.tip, fact.problems),
        )
        return "refunds"

    def _payout(self, fact: PayoutFact) -> str:
        self._put("said_payouts", fact.key, fact.business_date, fact.amount, fact.fees)
        for name, (number, net) in fact.entries.items():
            if number:
                self._put("said_entries", fact.key, name, number, net)
        return "payouts"

    def _cash(self, fact: CashFact) -> str:
        self._put("said_cash", fact.kind, fact.key, fact.business_date, fact.amount, fact.order_key)
        return fact.kind


def _cell(value: Any) -> str:
    """A value as COPY text; halves of surrogate pairs and NUL become what stands in their place everywhere else."""
    if value is None:
        return "\\N"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "{" + ",".join(value) + "}"
    if value.isascii() and value.isprintable() and "\\" not in value:
        return str(value)
    return str(value).encode("utf-8", "replace").decode("utf-8").translate(_ESCAPES)
