"""Cash drawers: one shift a day at each location, opened at ten in the morning and closed at three at night."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, bounded, moment
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.marks import MOST_PAYMENTS
from aura_migration.sandbox.square.orders.model import COMPLETED, KINDS
from aura_migration.sandbox.square.orders.wire import Json, instant
from aura_migration.sandbox.square.people.answers import choice, listed
from aura_migration.sandbox.square.world import World

OPENS, CLOSES = 10, 27  # o'clock, local
FLOAT = 15_000
PAGE, MOST = 200, 1000
READ = ("CASH_DRAWER_READ",)


@dataclass(slots=True, frozen=True)
class Written:
    """An event a scenario or an edit wrote."""

    location: str
    day: date
    kind: str
    cents: int
    stamp: int
    words: str


@dataclass(slots=True, frozen=True)
class Event:
    """One event of a drawer; `cents` is never negative, the kind tells the direction."""

    id: str
    kind: str
    cents: int
    stamp: int
    words: str | None
    staff: str | None


@dataclass(slots=True)
class Shift:
    """One drawer from its opening to its count. `counted` None = not counted yet."""

    id: str
    location: str
    day: date
    opened: int
    ended: int | None
    closed: int | None
    state: str
    payments: int
    refunds: int
    paid_in: int
    paid_out: int
    counted: int | None
    events: list[Event]
    staff: list[str]

    @property
    def expected(self) -> int:
        """What should be in the drawer."""
        return FLOAT + self.payments - self.refunds + self.paid_in - self.paid_out


class Drawers:
    """The shifts of an account, worked out from its payments when somebody asks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history: History = world.orders
        self._places = {place: number for number, place in enumerate(world.locations)}
        self._made: dict[tuple[str, date], tuple[int, Shift | None]] = {}

    def _number(self, location: str, day: date) -> int:
        return self._places[location] * 1_000_000 + day.toordinal()

    def id_of(self, location: str, day: date) -> str:
        """The id of a day's shift."""
        return self._history.marks.uuid("drawer", self._number(location, day)).upper()

    def days(self, location: str) -> Iterator[date]:
        """The days on which somebody was paid."""
        stamps, _ = self._history.payments(location)
        zone = ZoneInfo(self._world.locations[location].timezone)
        if not len(stamps):
            return
        first = datetime.fromtimestamp(stamps[0] / 1000, zone).date()
        last = datetime.fromtimestamp(stamps[-1] / 1000, zone).date()
        for number in range((last - first).days + 1):
            yield first + timedelta(days=number)

    def span(self, location: str, day: date) -> tuple[int, int]:
        """When the drawer of a day opens and ends."""
        zone = ZoneInfo(self._world.locations[location].timezone)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        return tuple(int((midnight + timedelta(hours=hour)).timestamp() * 1000) for hour in (OPENS, CLOSES))  # type: ignore[return-value]

    def shift(self, location: str, day: date) -> Shift | None:
        """The shift of a day; None when no drawer was opened."""
        history = self._history
        held = self._made.get((location, day))
        if held is not None and held[0] == history.revision:
            return held[1]
        found = self._make(location, day)
        self._made[location, day] = (history.revision, found)
        return found

    def _make(self, location: str, day: date) -> Shift | None:
        history, (opened, ended) = self._history, self.span(location, day)
        stamps, keys = history.payments(location)
        events: list[Event] = []
        for key in keys[bisect_left(stamps, opened) : bisect_left(stamps, ended)]:
            number, place = divmod(key, MOST_PAYMENTS)
            use = history.order(number).tenders[place]
            kind = KINDS[use.kind]
            if kind.source not in ("CASH", "EXTERNAL"):
                continue
            words = "CASH" if kind.source == "CASH" else "OTHER"
            canceled = "" if use.status == COMPLETED else "CANCELLED_"
            cents = history.payment(key).total if words == "CASH" else 0
            event_id = history.marks.uuid("drawer event", key).upper()
            events.append(Event(event_id, f"{words}_TENDER_{canceled}PAYMENT", cents, use.created, None, use.staff))
        for stamp, number, place in history.refunds():
            if opened <= stamp < ended:
                refund = history.refund(number, place)
                source = refund.paid.kind.source if refund.paid is not None else "CASH"
                cash = source == "CASH" or refund.back.to_cash
                if refund.order.location == location and (cash or source == "EXTERNAL"):
                    event_id = history.marks.uuid("drawer refund", number * 16 + place).upper()
                    kind_name = f"{'CASH' if cash else 'OTHER'}_TENDER_REFUND"
                    events.append(Event(event_id, kind_name, refund.cents if cash else 0, stamp, None, None))
        events += self._paid(location, day, opened)
        if not events:
            return None
        events.sort(key=lambda event: (event.stamp, event.id))
        sums = {kind: sum(event.cents for event in events if event.kind == kind) for kind in _KINDS}
        state = history.drawer_states.get((location, day), "CLOSED")
        over = history.marks.dice("over", self._number(location, day))
        staff = list(dict.fromkeys(event.staff for event in events if event.staff)) or []
        shift = Shift(
            id=self.id_of(location, day),
            location=location,
            day=day,
            opened=opened,
            ended=None if state == "OPEN" else ended,
            closed=ended + 600_000 if state == "CLOSED" else None,
            state=state,
            payments=sums["CASH_TENDER_PAYMENT"] - sums["CASH_TENDER_CANCELLED_PAYMENT"],
            refunds=sums["CASH_TENDER_REFUND"],
            paid_in=sums["PAID_IN"],
            paid_out=sums["PAID_OUT"],
            counted=None,
            events=events,
            staff=staff,
        )
        if state == "CLOSED":
            shift.counted = max(0, shift.expected + (over[0] - 128 if over[1] < 100 else 0))
        return shift

    def _paid(self, location: str, day: date, opened: int) -> Iterator[Event]:
        """Money put in or taken out for other things, and openings without any."""
        marks, number = self._history.marks, self._number(location, day)
        dice = marks.dice("petty cash", number)
        stamps, _ = self._history.payments(location)
        ordinary = location in self._history.ordinaries and len(stamps) > 0
        if ordinary and dice[0] < 60:
            yield Event(
                marks.uuid("paid out", number).upper(),
                "PAID_OUT",
                100 * (5 + dice[1] % 40),
                opened + 3_600_000,
                "Ice",
                None,
            )
        if ordinary and dice[2] < 25:
            yield Event(
                marks.uuid("paid in", number).upper(),
                "PAID_IN",
                100 * (10 + dice[3] % 20),
                opened + 5_400_000,
                "Change",
                None,
            )
        if ordinary and dice[4] < 90:
            yield Event(marks.uuid("no sale", number).upper(), "NO_SALE", 0, opened + 60_000, None, None)
        for place, held in enumerate(self._history.drawer_events):
            if held.location == location and held.day == day:
                event_id = marks.uuid("written event", place).upper()
                yield Event(event_id, held.kind, held.cents, held.stamp, held.words, None)


_KINDS = (
    *("NO_SALE", "CASH_TENDER_PAYMENT", "OTHER_TENDER_PAYMENT", "CASH_TENDER_CANCELLED_PAYMENT"),
    *("OTHER_TENDER_CANCELLED_PAYMENT", "CASH_TENDER_REFUND", "OTHER_TENDER_REFUND", "PAID_IN", "PAID_OUT"),
)


def routes(context: Context, drawers: Drawers) -> list[Route]:
    """All cash-drawer routes."""

    def get(path: str, handler: Any, query: Iterable[str]) -> Route:
        endpoint = context.endpoint(partial(handler, drawers), scopes=READ, query=query)
        return Route(f"/v2/cash-drawers/shifts{path}", endpoint, methods=["GET"])

    listing = ("location_id", "sort_order", "begin_time", "end_time", "limit", "cursor")
    return [
        get("", shifts, listing),
        get("/{shift_id}", shift_one, ("location_id",)),
        get("/{shift_id}/events", shift_events, ("location_id", "limit", "cursor")),
    ]


def _place(call: Call) -> str:
    place = call.query.get("location_id")
    if not place:
        raise SquareError("MISSING_REQUIRED_PARAMETER", "location_id is required.", "location_id")
    if place not in call.world.locations:
        raise SquareError("NOT_FOUND", "Location not found.", "location_id")
    return place


async def shifts(drawers: Drawers, call: Call) -> Json:
    """GET /v2/cash-drawers/shifts: summaries by when they were opened, the end excluded."""
    place, limit = _place(call), bounded(call, call.query, PAGE, MOST)
    first, last = moment(call.query, "begin_time"), moment(call.query, "end_time")
    descending = choice(call.query, "sort_order", ("ASC", "DESC")) == "DESC"
    days = []
    for day in drawers.days(place):
        opened, _ = drawers.span(place, day)
        if (first is None or opened >= first) and (last is None or opened < last):
            days.append(day)
    rows = []
    for day in days:
        found = drawers.shift(place, day)
        if found is not None:
            rows.append(found)
        await asyncio.sleep(0)
    position = call.position("/v2/cash-drawers/shifts", call.query)
    part, cursor = call.page(rows[::-1] if descending else rows, position, limit)
    return listed("cash_drawer_shifts", [_summary(call, held) for held in part], cursor)


def _found(drawers: Drawers, call: Call) -> Shift:
    place, shift_id = _place(call), call.request.path_params["shift_id"]
    day = next((day for day in drawers.days(place) if drawers.id_of(place, day) == shift_id), None)
    found = drawers.shift(place, day) if day is not None else None
    if found is None:
        raise SquareError("NOT_FOUND", "Cash drawer shift not found.")
    return found


def shift_one(drawers: Drawers, call: Call) -> Json:
    """GET /v2/cash-drawers/shifts/{id}."""
    held = _found(drawers, call)
    sign = -1 if call.switches["drawer_sums"] == "negative" else 1
    found = _summary(call, held)
    found["cash_payment_money"] = _money(call, held.payments)
    found["cash_refunds_money"] = _money(call, sign * held.refunds)
    found["cash_paid_in_money"] = _money(call, held.paid_in)
    found["cash_paid_out_money"] = _money(call, sign * held.paid_out)
    found["device"] = {"id": f"DEVICE_{held.location[-4:]}", "name": "Register 1"}
    if held.staff:
        found["team_member_ids"] = held.staff
        found["opening_team_member_id"] = held.staff[0]
        if held.ended is not None:
            found["ending_team_member_id"] = held.staff[-1]
        if held.closed is not None:
            found["closing_team_member_id"] = held.staff[-1]
    return {"cash_drawer_shift": found}


def shift_events(drawers: Drawers, call: Call) -> Json:
    """GET /v2/cash-drawers/shifts/{id}/events."""
    held, limit = _found(drawers, call), bounded(call, call.query, PAGE, MOST)
    part, cursor = call.page(held.events, call.position(call.request.url.path, call.query), limit)
    return listed("cash_drawer_shift_events", [_event(call, event) for event in part], cursor)


def _money(call: Call, cents: int) -> Json:
    return {"amount": cents, "currency": call.world.merchant.currency}


def _summary(call: Call, held: Shift) -> Json:
    found: Json = {"id": held.id, "state": held.state, "opened_at": instant(held.opened)}
    if held.ended is not None:
        found["ended_at"] = instant(held.ended)
    if held.closed is not None:
        found["closed_at"] = instant(held.closed)
    found["opened_cash_money"] = _money(call, FLOAT)
    found["expected_cash_money"] = _money(call, held.expected)
    if held.counted is not None:
        found["closed_cash_money"] = _money(call, held.counted)
    found["created_at"] = instant(held.opened)
    found["updated_at"] = instant(held.closed or held.ended or held.opened)
    found["location_id"] = held.location
    return found


def _event(call: Call, event: Event) -> Json:
    found: Json = {"id": event.id, "event_type": event.kind, "event_money": _money(call, event.cents)}
    found["created_at"] = instant(event.stamp)
    if event.words:
        found["description"] = event.words
    if event.staff:
        found["team_member_id"] = event.staff
    return found
