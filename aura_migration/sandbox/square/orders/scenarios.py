"""Which scenario has which history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.orders.diner import diner
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import Back
from aura_migration.sandbox.square.orders.pen import LAST_DAY, OrderPen, months_back

CAFE_ORDERS, CHAIN_ORDERS = 300, 50
MOST = 1_000_000


def cafe(pen: OrderPen) -> None:
    """Three hundred orders of three weeks."""
    pen.ordinary(date(2026, 9, 10), [CAFE_ORDERS])


def chain(pen: OrderPen) -> None:
    """Fifty orders at each location, in two weeks; every third location settles gross; a return in another location."""
    pen.ordinary(date(2026, 9, 17), [CHAIN_ORDERS] * len(pen.places))
    history, places = pen.history, pen.places
    history.gross_settled.update(place.id for place in places[2::3])
    when = int(datetime(2026, 9, 25, 18, tzinfo=UTC).timestamp() * 1000)
    dishes = pen.dishes(places[0], pen.taxes(places[0]))
    lines = [pen.line(dish) for dish in dishes[:3]]
    sale = pen.sale("sold here, returned in another location", places[0], when, lines)
    away = Back(None, ((0, None), (1, None)), reason="Wrong bag")
    pen.back("returned in another location", sale, when + 26 * 3_600_000, away, location=places[1].id)


HISTORIES: dict[str, Callable[[OrderPen], None]] = {"cafe": cafe, "chain": chain, "diner": diner}


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
