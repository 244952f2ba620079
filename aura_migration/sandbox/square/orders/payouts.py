"""What Square pays out: banked payments and refunds from five in the afternoon to five, the entries, and the disputes."""

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

from aura_migration.sandbox.square.context import Call, Context
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.orders.done import Paid, Refunded
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import COMPLETED
from aura_migration.sandbox.square.orders.payments import lenient_limit, window
from aura_migration.sandbox.square.orders.wire import Json, instant
from aura_migration.sandbox.square.people.answers import choice, listed
from aura_migration.sandbox.square.world import World

CUT = 17  # o'clock, local
SEVENTEEN_HOURS = 17 * 3_600_000
STATUSES = ("SENT", "FAILED", "PAID")
DISPUTE_STATES = (
    *("INQUIRY_EVIDENCE_REQUIRED", "INQUIRY_PROCESSING", "INQUIRY_CLOSED", "EVIDENCE_REQUIRED", "PROCESSING"),
    *("WON", "LOST", "ACCEPTED"),
)
READ, DISPUTES = ("PAYOUTS_READ",), ("DISPUTES_READ",)


@dataclass(slots=True, frozen=True)
class Entry:
    """One entry; net = gross - fee."""

    id: str
    kind: str
    stamp: int
    gross: int
    fee: int
    details: dict[str, str]

    @property
    def net(self) -> int:
        """What it adds to the payout."""
        return self.gross - self.fee


@dataclass(slots=True, frozen=True)
class Extra:
    """An entry that is neither a payment nor a refund, on the payout of a day."""

    location: str
    day: date
    kind: str
    gross: int
    fee: int = 0
    details: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, frozen=True)
class Instant:
    """A transfer the seller asked for at once: a SIMPLE payout."""

    location: str
    stamp: int
    cents: int
    fee: int


@dataclass(slots=True, frozen=True)
class Dispute:
    """A cardholder says no."""

    id: str
    payment: tuple[int, int]
    cents: int
    reason: str
    state: str
    created: int
    location: str


@dataclass(slots=True)
class Payout:
    """One transfer to the bank. `entries` None = SIMPLE."""

    id: str
    location: str
    created: int
    day: date
    amount: int
    status: str
    entries: list[Entry] | None
    fee: int = 0


class Payouts:
    """The payouts of an account, worked out from its payments when somebody asks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history: History = world.orders
        self._made: dict[tuple[str, date], tuple[int, Payout | None]] = {}
        self._places = {place: number for number, place in enumerate(world.locations)}

    def days(self, location: str) -> Iterator[date]:
        """Every day that can have a payout, oldest first."""
        stamps, _ = self._history.payments(location)
        zone = ZoneInfo(self._world.locations[location].timezone)
        extras = [held.day for held in self._history.extras if held.location == location]
        days: list[date] = [*extras]
        if len(stamps):
            last_refund = [stamp for stamp, _, _ in self._history.refunds()[-1:]]
            ends = (stamps[0], stamps[-1], *last_refund)
            days += [datetime.fromtimestamp(stamp / 1000, zone).date() for stamp in ends]
        if not days:
            return
        first, today = min(days), datetime.fromtimestamp(self._history.now() / 1000, zone).date()
        last = min(today, max(days) + timedelta(days=1))
        for number in range((last - first).days + 1):
            yield first + timedelta(days=number)

    def _cut(self, location: str, day: date) -> int:
        zone = ZoneInfo(self._world.locations[location].timezone)
        return int(datetime(day.year, day.month, day.day, CUT, tzinfo=zone).timestamp() * 1000)

    def of_day(self, location: str, day: date) -> Payout | None:
        """The BATCH payout of a day; None when nothing was to be paid out or it is still to come."""
        history = self._history
        held = self._made.get((location, day))
        if held is not None and held[0] == history.revision:
            return held[1]
        end = self._cut(location, day)
        found: Payout | None = None
        if end <= history.now():
            entries = self.entries(location, day, end)
            amount = sum(entry.net for entry in entries)
            if amount:
                number = self._places[location] * 1_000_000 + day.toordinal()
                payout_id = f"po_{history.marks.uuid('payout', number)}"
                status = "FAILED" if (location, day) in history.failed_payouts else "PAID"
                if status == "PAID" and history.now() < end + 24 * 3_600_000:
                    status = "SENT"
                found = Payout(payout_id, location, end + 1_800_000, day, amount, status, entries)
            self._made[location, day] = (history.revision, found)
        return found

    def entries(self, location: str, day: date, end: int) -> list[Entry]:
        """Everything between yesterday's cut and today's."""
        history, start = self._history, self._cut(location, day - timedelta(days=1))
        stamps, keys = history.payments(location)
        found: list[Entry] = []
        gross = location in history.gross_settled
        for key in keys[bisect_left(stamps, start) : bisect_left(stamps, end)]:
            paid = history.payment(key)
            if paid.kind.banked and paid.use.status == COMPLETED and paid.total:
                found += self._charge(paid, key, gross)
        for stamp, number, place in history.refunds():
            if start <= stamp < end:
                refund = history.refund(number, place)
                if refund.order.location == location:
                    found += self._refund(refund, gross)
        for number, extra in enumerate(history.extras):
            if extra.location == location and extra.day == day:
                entry_id = f"poe_{history.marks.token('extra', number, 26)}"
                kind, details = extra.kind, dict(extra.details)
                found.append(Entry(entry_id, kind, start + SEVENTEEN_HOURS, extra.gross, extra.fee, details))
        return found

    def _charge(self, paid: Paid, key: int, gross: bool) -> list[Entry]:
        token, stamp = self._history.marks.token("entry", key, 26), paid.use.created + 7_200_000
        details = {"payment_id": paid.id}
        if not gross:
            return [Entry(f"poe_{token}", "CHARGE", stamp, paid.total, paid.fee_cents, details)]
        found = [Entry(f"poe_{token}", "CHARGE", stamp, paid.total, 0, details)]
        return [*found, Entry(f"poe_{token[::-1]}f", "PROCESSING_FEE", stamp, -paid.fee_cents, 0, {})]

    def _refund(self, held: Refunded, gross: bool) -> list[Entry]:
        paid = held.paid
        if paid is None or not paid.kind.banked or held.back.status != COMPLETED or held.back.to_cash:
            return []
        token, stamp = held.id.partition("_")[2], held.order.created + 7_200_000
        details = {"payment_id": paid.id, "refund_id": held.id}
        if not gross:
            return [Entry(f"poe_{token}r", "REFUND", stamp, -held.cents, -held.fee, details)]
        found = [Entry(f"poe_{token}r", "REFUND", stamp, -held.cents, 0, details)]
        if held.fee:
            found.append(Entry(f"poe_{token}rf", "PROCESSING_FEE_REFUND", stamp, held.fee, 0, {}))
        return found

    def simple(self, location: str) -> list[Payout]:
        """The transfers asked for at once."""
        found = []
        for number, held in enumerate(self._history.instants):
            if held.location == location:
                zone = ZoneInfo(self._world.locations[location].timezone)
                day = datetime.fromtimestamp(held.stamp / 1000, zone).date()
                payout_id = f"po_{self._history.marks.uuid('instant', number)}"
                found.append(Payout(payout_id, location, held.stamp, day, held.cents, "PAID", None, held.fee))
        return found

    async def all(self, location: str) -> list[Payout]:
        """Every payout of a location, oldest first; lets others be served meanwhile."""
        found = self.simple(location)
        for day in self.days(location):
            payout = self.of_day(location, day)
            if payout is not None:
                found.append(payout)
            await asyncio.sleep(0)
        return sorted(found, key=lambda held: (held.created, held.id))

    async def of_id(self, payout_id: str) -> Payout:
        """The payout of an id, or a 404."""
        for location in self._world.locations:
            for held in self.simple(location):
                if held.id == payout_id:
                    return held
            for day in self.days(location):
                number = self._places[location] * 1_000_000 + day.toordinal()
                if payout_id == f"po_{self._history.marks.uuid('payout', number)}":
                    found = self.of_day(location, day)
                    if found is not None:
                        return found
        raise SquareError("NOT_FOUND", f"Payout with id {payout_id} was not found.")


# -- routes ----------------------------------------------------------------------------------------------------------


def routes(context: Context, payouts: Payouts) -> list[Route]:
    """All payout and dispute routes."""

    def get(path: str, handler: Any, query: Iterable[str] = (), scopes: tuple[str, ...] = READ) -> Route:
        return Route(path, context.endpoint(partial(handler, payouts), scopes=scopes, query=query), methods=["GET"])

    listing = ("location_id", "status", "begin_time", "end_time", "sort_order", "cursor", "limit")
    return [
        get("/v2/payouts", payouts_list, listing),
        get("/v2/payouts/{payout_id}", payout_one),
        get("/v2/payouts/{payout_id}/payout-entries", payout_entries, ("sort_order", "cursor", "limit")),
        get("/v2/disputes", disputes, ("cursor", "states", "location_id"), DISPUTES),
        get("/v2/disputes/{dispute_id}", dispute_one, (), DISPUTES),
    ]


def _money(call: Call, cents: int) -> Json:
    return {"amount": cents, call.switches["payout_currency_key"]: call.world.merchant.currency}


def _payout(call: Call, held: Payout) -> Json:
    marks = call.world.orders.marks
    card = held.entries is None
    found: Json = {
        "id": held.id,
        "status": held.status,
        "location_id": held.location,
        "created_at": instant(held.created),
        "updated_at": instant(held.created + 3_600_000),
        "amount_money": _money(call, held.amount),
        "destination": {
            "type": "CARD" if card else "BANK_ACCOUNT",
            "id": f"{'ccof' if card else 'bact'}:{marks.token('bank', 1 + card, 22)}",
        },
        "version": 1 if held.status == "SENT" else 2,
        "type": "SIMPLE" if card else "BATCH",
    }
    if held.fee:
        fee = {"type": "TRANSFER_FEE", "amount_money": _money(call, held.fee), "effective_at": instant(held.created)}
        found["payout_fee"] = [fee]
    found["arrival_date"] = (held.day if card else held.day + timedelta(days=1)).isoformat()
    found["end_to_end_id"] = f"L2100{held.id[-9:].upper()}"
    return found


async def payouts_list(payouts: Payouts, call: Call) -> Json:
    """GET /v2/payouts: the main location and the last year unless the query says otherwise."""
    query, history = call.query, call.world.orders
    place = query.get("location_id") or history.main_location
    status = choice(query, "status", STATUSES)
    ascending = (choice(query, "sort_order", ("ASC", "DESC")) or "DESC") == "ASC"
    limit = lenient_limit(call)
    position = call.position("/v2/payouts", query)
    now = position.listing.held.setdefault("now", history.now())
    first, last = window(call, now)
    rows = await payouts.all(place) if place in call.world.locations else []
    rows = [held for held in rows if first <= held.created <= last and (not status or held.status == status)]
    part, cursor = call.page(rows if ascending else rows[::-1], position, limit)
    return listed("payouts", [_payout(call, held) for held in part], cursor)


async def payout_one(payouts: Payouts, call: Call) -> Json:
    """GET /v2/payouts/{id}."""
    return {"payout": _payout(call, await payouts.of_id(call.request.path_params["payout_id"]))}


async def payout_entries(payouts: Payouts, call: Call) -> Json:
    """GET /v2/payouts/{id}/payout-entries; a SIMPLE payout has none."""
    held = await payouts.of_id(call.request.path_params["payout_id"])
    ascending = (choice(call.query, "sort_order", ("ASC", "DESC")) or "DESC") == "ASC"
    rows = sorted(held.entries or [], key=lambda entry: (entry.stamp, entry.id), reverse=not ascending)
    part, cursor = call.page(rows, call.position(call.request.url.path, call.query), lenient_limit(call))
    return listed("payout_entries", [_entry(call, held, entry) for entry in part], cursor)


def _entry(call: Call, held: Payout, entry: Entry) -> Json:
    found: Json = {
        "id": entry.id,
        "payout_id": held.id,
        "effective_at": instant(entry.stamp),
        "type": entry.kind,
        "gross_amount_money": _money(call, entry.gross),
        "fee_amount_money": _money(call, entry.fee),
        "net_amount_money": _money(call, entry.net),
    }
    if entry.details:
        found[f"type_{entry.kind.lower()}_details"] = entry.details
    return found


def _dispute(call: Call, held: Dispute) -> Json:
    marks = call.world.orders.marks
    return {
        "id": held.id,
        "dispute_id": held.id,
        "amount_money": {"amount": held.cents, "currency": call.world.merchant.currency},
        "reason": held.reason,
        "state": held.state,
        "due_at": instant(held.created + 14 * 86_400_000),
        "disputed_payment": {"payment_id": marks.payment(*held.payment)},
        "card_brand": "VISA",
        "created_at": instant(held.created),
        "updated_at": instant(held.created + 86_400_000),
        "reported_at": instant(held.created - 86_400_000),
        "location_id": held.location,
        "version": 2,
    }


def disputes(_payouts: Payouts, call: Call) -> Json:
    """GET /v2/disputes."""
    states = [state for state in (call.query.get("states") or "").split(",") if state]
    for state in states:
        if state not in DISPUTE_STATES:
            raise SquareError("INVALID_ENUM_VALUE", f"{state!r} is not a valid dispute state.", "states")
    place = call.query.get("location_id")
    rows = [
        held
        for held in call.world.orders.disputes
        if (not states or held.state in states) and (not place or held.location == place)
    ]
    part, cursor = call.page(rows, call.position("/v2/disputes", call.query), 100)
    return listed("disputes", [_dispute(call, held) for held in part], cursor)


def dispute_one(_payouts: Payouts, call: Call) -> Json:
    """GET /v2/disputes/{id}."""
    dispute_id = call.request.path_params["dispute_id"]
    held = next((row for row in call.world.orders.disputes if row.id == dispute_id), None)
    if held is None:
        raise SquareError("NOT_FOUND", f"Dispute with id {dispute_id} was not found.")
    return {"dispute": _dispute(call, held)}
