"""Payment and refund routes: their default locations and windows, filters, lenient limits, and rows by id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, flag, moment, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.orders.done import Paid, Refunded
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.marks import MOST_PAYMENTS
from aura_migration.sandbox.square.orders.render import encode
from aura_migration.sandbox.square.orders.wire import Json, OrderWire
from aura_migration.sandbox.square.people.answers import choice, listed

PAGE = 100
READ = ("PAYMENTS_READ",)
WINDOW = ("begin_time", "end_time", "updated_at_begin_time", "updated_at_end_time")
COMMON = (*WINDOW, "sort_order", "sort_field", "cursor", "location_id", "limit")
PAYMENT_QUERY = (
    *(*COMMON, "total", "last_4", "card_brand"),
    *("is_offline_payment", "offline_begin_time", "offline_end_time"),
)
REFUND_QUERY = (*COMMON, "status", "source_type")
SOURCES = ["CARD", "BANK_ACCOUNT", "WALLET", "BUY_NOW_PAY_LATER", "SQUARE_ACCOUNT", "CASH", "EXTERNAL"]
Span = tuple[float, float]


def a_year_before(stamp: int) -> int:
    """The same moment of the year before."""
    now = datetime.fromtimestamp(stamp / 1000, UTC)
    day = 28 if (now.month, now.day) == (2, 29) else now.day
    return int(now.replace(year=now.year - 1, day=day).timestamp() * 1000)


def lenient_limit(call: Call, name: str = "limit") -> int:
    """A page size; what is out of range is ignored."""
    limit = whole(call.query, name)
    return limit if limit is not None and 1 <= limit <= PAGE else PAGE


def window(call: Call, now: int, begin: str = "begin_time", end: str = "end_time") -> Span:
    """From when to when: a year up to now unless the query says otherwise."""
    first, last = moment(call.query, begin), moment(call.query, end)
    first = a_year_before(now) if first is None else first
    last = now if last is None else last
    if first > last:
        raise SquareError("INVALID_TIME_RANGE", f"{begin} is after {end}.", begin)
    return first, last


def routes(context: Context, history: History, wire: OrderWire) -> list[Route]:
    """All payment and refund routes."""
    money = Payments(history, wire)

    def get(path: str, handler: Any, query: Iterable[str] = ()) -> Route:
        return Route(path, context.endpoint(handler, scopes=READ, query=query), methods=["GET"])

    return [
        get("/v2/payments", money.payments, PAYMENT_QUERY),
        get("/v2/payments/{payment_id}", money.payment),
        get("/v2/refunds", money.refunds, REFUND_QUERY),
        get("/v2/refunds/{refund_id}", money.refund),
    ]


class Payments:
    """The handlers, over one history."""

    def __init__(self, history: History, wire: OrderWire) -> None:
        self._history = history
        self._wire = wire

    # -- payments --------------------------------------------------------------------------------------------------

    def _json(self, paid: Paid, call: Call, now: int) -> Json:
        history = self._history
        updated = history.payment_updated(paid.order, paid.use)
        if call.switches["fee_moves_payment"] and not paid.use.fee_withheld:
            updated = max([updated, *(when for _, when, _ in paid.fee if when <= now)])
        return self._wire.payment(paid, history.refunds_of(paid), now, updated)

    def payment(self, call: Call) -> bytes:
        """GET /v2/payments/{id}."""
        payment_id = call.request.path_params["payment_id"]
        paid = self._history.payment_of_id(payment_id)
        if paid is None or paid.use.kind == "no_sale" or not self._history.arrived(paid.order.number):
            raise SquareError("NOT_FOUND", f"Could not find payment with id: {payment_id}")
        return encode({"payment": self._json(paid, call, self._history.now())})

    def payments(self, call: Call) -> bytes:
        """GET /v2/payments: the main location and the last year unless the query says otherwise."""
        query, history = call.query, self._history
        place = query.get("location_id") or history.main_location
        by = choice(query, "sort_field", ("CREATED_AT", "UPDATED_AT", "OFFLINE_CREATED_AT")) or "CREATED_AT"
        order = choice(query, "sort_order", ("ASC", "DESC")) or "DESC"
        limit = lenient_limit(call)
        keep = self._filter(call)
        position = call.position("/v2/payments", query)
        held = position.listing.held
        now = held.setdefault("now", history.now())
        created = window(call, now)
        updated = window(call, now, "updated_at_begin_time", "updated_at_end_time")
        moved = any(query.get(name) for name in WINDOW[2:])
        delay = float(call.switches["payments_delay_seconds"])
        awaited = history.not_arrived()
        if held.get("revision") != history.revision or held.get("awaited") != awaited or delay:
            rows = self._keys(call, place, created, updated if moved else None, by, keep)
            if awaited:
                rows = [key for key in rows if key // MOST_PAYMENTS not in awaited]
            if delay:
                rows = [key for key in rows if not history.hidden(key // MOST_PAYMENTS, delay)]
            held["rows"] = rows[::-1] if order == "DESC" else rows
            held["revision"], held["awaited"] = history.revision, awaited
        part, cursor = call.page(held["rows"], position, limit)
        present = history.now()
        return encode(listed("payments", [self._json(history.payment(key), call, present) for key in part], cursor))

    def _keys(
        self, call: Call, place: str, created: Span, updated: Span | None, by: str, keep: Callable[[Paid], bool] | None
    ) -> Sequence[int]:
        history, right = self._history, call.switches["payment_time_end"] == "inclusive"
        cut = bisect_right if right else bisect_left
        stamps, keys = history.payments(place)
        low, high = bisect_left(stamps, created[0]), cut(stamps, created[1])
        found: Sequence[int] = keys[low:high]
        if updated is not None or by == "UPDATED_AT":
            moved, moved_keys = history.payments_by_update(place)
            span = updated or (0.0, float("inf"))
            recent = moved_keys[bisect_left(moved, span[0]) : cut(moved, span[1])]
            inside = set(found)
            both = [key for key in recent if key in inside]
            if by != "UPDATED_AT":
                chosen = set(both)
                both = [key for key in found if key in chosen]
            found = both
        if keep is not None:
            found = [key for key in found if keep(history.payment(key))]
        if by == "OFFLINE_CREATED_AT":
            offline = [(history.payment(key).use.offline, key) for key in found]
            found = [key for _, key in sorted((stamp, key) for stamp, key in offline if stamp is not None)]
        return found

    def _filter(self, call: Call) -> Callable[[Paid], bool] | None:
        query = call.query
        total, last, brand = whole(query, "total"), query.get("last_4"), query.get("card_brand")
        begin, end = moment(query, "offline_begin_time"), moment(query, "offline_end_time")
        offline = flag(query, "is_offline_payment") if query.get("is_offline_payment") else None
        if total is None and not last and not brand and begin is None and end is None and offline is None:
            return None

        def keep(paid: Paid) -> bool:
            stamp = paid.use.offline
            if total is not None and paid.total != total:
                return False
            if brand and paid.kind.brand != brand:
                return False
            if last and (paid.kind.source != "CARD" or self._wire.last_4(paid) != last):
                return False
            if offline is not None and (stamp is not None) != offline:
                return False
            if begin is None and end is None:
                return True
            return stamp is not None and (begin is None or stamp >= begin) and (end is None or stamp <= end)

        return keep

    # -- refunds ---------------------------------------------------------------------------------------------------

    def refund(self, call: Call) -> bytes:
        """GET /v2/refunds/{id}."""
        refund_id = call.request.path_params["refund_id"]
        head = refund_id.partition("_")[0]
        paid = self._history.payment_of_id(head)
        found = self._history.refunds_of(paid) if paid is not None else self._unlinked(head)
        held = next((row for row in found if row.id == refund_id), None)
        if held is None or not self._history.arrived(held.order.number):
            raise SquareError("NOT_FOUND", f"Could not find payment refund with id: {refund_id}")
        return encode({"refund": self._wire.refund(held)})

    def _unlinked(self, order_id: str) -> list[Refunded]:
        number = self._history.of_id(order_id)
        back = self._history.done(number).back if number is not None else None
        return back.refunds if back is not None else []

    def refunds(self, call: Call) -> bytes:
        """GET /v2/refunds: every location and the last year unless the query says otherwise."""
        query, history = call.query, self._history
        place, status = query.get("location_id"), query.get("status")
        by = choice(query, "sort_field", ("CREATED_AT", "UPDATED_AT")) or "CREATED_AT"
        order = choice(query, "sort_order", ("ASC", "DESC")) or "DESC"
        source = choice(query, "source_type", SOURCES)
        limit = lenient_limit(call)
        position = call.position("/v2/refunds", query)
        held = position.listing.held
        now = held.setdefault("now", history.now())
        created = window(call, now)
        updated = window(call, now, "updated_at_begin_time", "updated_at_end_time")
        moved = any(query.get(name) for name in WINDOW[2:])
        right = call.switches["payment_time_end"] == "inclusive"

        def inside(stamp: int, span: Span) -> bool:
            return span[0] <= stamp and (stamp <= span[1] if right else stamp < span[1])

        delay, awaited = float(call.switches["payments_delay_seconds"]), history.not_arrived()
        if held.get("revision") != history.revision or held.get("awaited") != awaited or delay:
            rows = []
            for _, number, at in history.refunds(by_update=by == "UPDATED_AT"):
                row = history.refund(number, at)
                if not inside(row.order.created + 200, created) or (place and row.order.location != place):
                    continue
                if (moved and not inside(row.order.updated, updated)) or (status and row.back.status != status):
                    continue
                if source and (row.paid.kind.source if row.paid is not None else "CASH") != source:
                    continue
                if not history.hidden(number, delay) and history.arrived(number):
                    rows.append((number, at))
            held["rows"] = rows[::-1] if order == "DESC" else rows
            held["revision"], held["awaited"] = history.revision, awaited
        part, cursor = call.page(held["rows"], position, limit)
        return encode(listed("refunds", [self._wire.refund(history.refund(*row)) for row in part], cursor))
