"""Which scenario has which history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.pen import LAST_DAY, OrderPen, months_back

CAFE_ORDERS, DINER_ORDERS, CHAIN_ORDERS = 300, 2400, 50
MOST = 1_000_000


def cafe(pen: OrderPen) -> None:
    """Three hundred orders of three weeks."""
    pen.ordinary(date(2026, 9, 10), [CAFE_ORDERS])


def chain(pen: OrderPen) -> None:
    """Fifty orders at each location, in two weeks."""
    pen.ordinary(date(2026, 9, 17), [CHAIN_ORDERS] * len(pen.places))


HISTORIES: dict[str, Callable[[OrderPen], None]] = {"cafe": cafe, "chain": chain}


def make_history(builder: Builder, scenario: str) -> History:
    """The orders of a scenario; none where it has no history."""
    pen = OrderPen(builder)
    if scenario in HISTORIES:
        HISTORIES[scenario](pen)
    pen.history.started = True
    return pen.history


def make_year(builder: Builder, orders: int, months: int) -> History:
    """Many orders of many months at one location."""
    if not 1 <= orders <= MOST:
        raise ValueError(f"scenario 'year' has between 1 and {MOST:,} orders, not {orders:,}")
    if not 1 <= months <= 36:
        raise ValueError(f"scenario 'year' spans between 1 and 36 months, not {months}")
    pen = OrderPen(builder)
    pen.ordinary(months_back(LAST_DAY, months), [orders])
    pen.history.started = True
    return pen.history
