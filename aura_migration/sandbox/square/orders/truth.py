"""Orders and money in meaning → known truth (never reads the JSON), and the control routes that stream it.

`/_control/truth` holds all parts of a small history; of a large one only what is short. `/_control/orders` tells the
totals and the names of the parts, `/_control/orders/{part}` streams a part as one JSON value a line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.square.orders.drawers import Drawers
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.ledger import Ledger, paid_at, payment_kind
from aura_migration.sandbox.square.orders.model import text_of
from aura_migration.sandbox.square.orders.ordinary import NAMES, PHONES
from aura_migration.sandbox.square.orders.payouts import Payouts
from aura_migration.sandbox.square.orders.wire import OrderWire, broken, instant
from aura_migration.sandbox.square.world import World

SMALL = 5_000
DAILY_AT_ONCE = 20_000
CHUNK = 100
Row = dict[str, Any]


class OrderTruth:
    """Every part of the truth about one history."""

    def __init__(self, world: World, payouts: Payouts, drawers: Drawers, wire: OrderWire, switches: Row) -> None:
        self._world = world
        self._history: History = world.orders
        self._payouts = payouts
        self._drawers = drawers
        self._wire = wire
        self._switches = switches
        self.ledger = Ledger(world)
        self.parts: dict[str, Callable[[], Iterator[Row]]] = {
            "orders": self._orders,
            "order_lines": self._lines,
            "payments": self._payments,
            "refunds": self._refunds,
            "payouts": self._payout_rows,
            "payout_entries": self._entries,
            "cash_drawers": self._drawer_rows,
            "disputes": self._disputes,
            "gone_orders": self._gone,
            "broken_orders": self._broken,
            "notes": self._notes,
            "daily": self._daily,
        }

    def document(self, secrets: list[str], personal: list[str]) -> Row:
        """What `/_control/truth` tells about orders; card fingerprints and recipients join the lists given."""
        size = len(self._history)
        found: Row = {"orders_total": size, "notes": list(self._notes()), "disputes": list(self._disputes())}
        found["gone_orders"] = list(self._gone())
        if size:
            secrets.extend(value for value in self._wire.fingerprints if value not in secrets)
            personal.extend(value for value in (*NAMES, *PHONES, *self._recipients()) if value not in personal)
        if size <= SMALL:
            for part in (
                "orders",
                "order_lines",
                "payments",
                "refunds",
                "payouts",
                "payout_entries",
                "cash_drawers",
                "broken_orders",
            ):
                found[part] = list(self.parts[part]())
        if size <= DAILY_AT_ONCE or self.ledger.complete:
            found["daily"] = list(self._daily())
        return found

    def _recipients(self) -> Iterator[str]:
        for order in self._history.written:
            for held in order.fulfillments:
                if held.managed:
                    continue
                yield from (value for value in (held.name, held.phone, held.email) if value)

    def totals(self) -> Row:
        """How much there is."""
        return {"orders": len(self._history), "deleted": len(self._history.gone), "parts": sorted(self.parts)}

    # -- parts -----------------------------------------------------------------------------------------------------

    def _orders(self) -> Iterator[Row]:
        history = self._history
        for number in history.numbers():
            done = history.done(number)
            order, sums, back = done.order, done.sums, done.back
            paid = paid_at(done)
            row: Row = {
                "id": done.id,
                "location": order.location,
                "state": order.state,
                "kind": "sale" if back is None else "exchange" if order.lines else "return",
                "created": instant(order.created),
                "updated": instant(order.updated),
                "closed": instant(order.closed) if order.closed is not None else None,
                "paid": instant(paid) if paid is not None else None,
                "source": order.source,
                "customer": order.customer,
                "ticket": order.ticket,
                "reference": order.reference,
                "lines": len(order.lines),
                "gross": sum(sums.gross),
                "discounts": sum(sums.discount),
                "tax": sum(sums.tax) + sum(sums.charge_taxes),
                "service_charges": sum(sums.charge_applied),
                "tips": done.tip,
                "rounding": done.rounding,
                "total": done.total,
                "tenders": [[paid.id, payment_kind(paid), paid.total, paid.tip] for paid in done.paid if paid.good],
                "taxes": [
                    [tax.name, tax.text, tax.inclusive, cents]
                    for tax, cents in zip(order.taxes, sums.tax_applied, strict=False)
                ],
                "notes": list(order.notes),
            }
            if back is not None:
                row["source_order"] = back.source.id if back.source is not None else None
                row["returned"] = back.total
                row["returned_tax"] = back.tax
                row["returned_tips"] = back.tip
            yield row

    def _lines(self) -> Iterator[Row]:
        for number in self._history.numbers():
            done = self._history.done(number)
            sums = done.sums
            for place, line in enumerate(done.order.lines):
                yield {
                    "order": done.id,
                    "place": place,
                    "kind": line.kind,
                    "name": line.name,
                    "variation": line.id,
                    "quantity": text_of(line.qty),
                    "price": line.cents,
                    "modifiers": [
                        [mod.id, mod.name, mod.qty, cents]
                        for mod, cents in zip(line.mods, sums.mods[place], strict=True)
                    ],
                    "gross": sums.gross[place],
                    "discount": sums.discount[place],
                    "tax": sums.tax[place],
                    "charge": sums.charge[place],
                    "total": sums.totals[place],
                }

    def _payments(self) -> Iterator[Row]:
        history = self._history
        now = history.now()
        for location in self._world.locations:
            for key in history.payments(location)[1]:
                paid = history.payment(key)
                known = [] if paid.use.fee_withheld else [cents for _, when, cents in paid.fee if when <= now]
                yield {
                    "id": paid.id,
                    "order": history.marks.order(paid.order.number),
                    "location": location,
                    "created": instant(paid.use.created),
                    "status": paid.use.status,
                    "kind": payment_kind(paid),
                    "amount": paid.amount,
                    "tip": paid.tip,
                    "total": paid.total,
                    "fee": sum(known),
                    "fee_known": bool(known) or not paid.fee,
                    "fee_to_come": paid.fee_cents - sum(known),
                    "refunded": sum(held.cents for held in history.refunds_of(paid) if held.back.status == "COMPLETED"),
                    "team_member": paid.use.staff,
                    "customer": paid.use.customer,
                }

    def _refunds(self) -> Iterator[Row]:
        history = self._history
        for _, number, place in history.refunds():
            held = history.refund(number, place)
            yield {
                "id": held.id,
                "payment": held.paid.id if held.paid is not None else None,
                "order": history.marks.order(number),
                "source_order": history.marks.order(held.back.source) if held.back.source is not None else None,
                "location": held.order.location,
                "created": instant(held.order.created + 200),
                "status": held.back.status,
                "cents": held.cents,
                "fee_returned": held.fee,
                "reason": held.back.reason,
            }

    def _all_payouts(self) -> Iterator[Any]:
        for location in self._world.locations:
            yield from self._payouts.simple(location)
            for day in self._payouts.days(location):
                held = self._payouts.of_day(location, day)
                if held is not None:
                    yield held

    def _payout_rows(self) -> Iterator[Row]:
        for held in self._all_payouts():
            kind = "SIMPLE" if held.entries is None else "BATCH"
            row: Row = {"id": held.id, "location": held.location, "created": instant(held.created), "type": kind}
            count = len(held.entries or [])
            yield {**row, "status": held.status, "cents": held.amount, "entries": count, "fee": held.fee}

    def _entries(self) -> Iterator[Row]:
        for held in self._all_payouts():
            for entry in held.entries or []:
                row: Row = {"id": entry.id, "payout": held.id, "type": entry.kind, "gross": entry.gross}
                yield {**row, "fee": entry.fee, "net": entry.net, **entry.details}

    def _drawer_rows(self) -> Iterator[Row]:
        for location in self._world.locations:
            for day in self._drawers.days(location):
                held = self._drawers.shift(location, day)
                if held is not None:
                    yield {
                        "id": held.id,
                        "location": location,
                        "date": day.isoformat(),
                        "state": held.state,
                        "payments": held.payments,
                        "refunds": held.refunds,
                        "paid_in": held.paid_in,
                        "paid_out": held.paid_out,
                        "expected": held.expected,
                        "counted": held.counted,
                        "events": len(held.events),
                    }

    def _disputes(self) -> Iterator[Row]:
        marks = self._history.marks
        for held in self._history.disputes:
            row: Row = {"id": held.id, "payment": marks.payment(*held.payment), "cents": held.cents}
            yield {**row, "state": held.state, "reason": held.reason, "location": held.location}

    def _gone(self) -> Iterator[Row]:
        for number in self._history.gone:
            yield {"id": self._history.marks.order(number)}

    def _broken(self) -> Iterator[Row]:
        """Orders that are sent wrong on purpose, while the switch says so; their truth is still the right one."""
        if self._switches["broken_orders"]:
            for number in self._history.numbers():
                why = broken(number)
                if why is not None:
                    yield {"order": self._history.marks.order(number), "why": why}

    def _notes(self) -> Iterator[Row]:
        for place, order in enumerate(self._history.written):
            number = self._history.base + place
            if number not in self._history.gone:
                for note in order.notes:
                    yield {"note": note, "order": self._history.marks.order(number), "location": order.location}

    def _daily(self) -> Iterator[Row]:
        self.ledger.finish()
        return self.ledger.rows()

    # -- routes ----------------------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        """`/orders` and `/orders/{part}`."""

        async def totals(_request: Request) -> Response:
            return JSONResponse(self.totals())

        async def part(request: Request) -> Response:
            name = request.path_params["part"]
            if name not in self.parts:
                known = ", ".join(sorted(self.parts))
                return JSONResponse({"error": f"there is no such part; there are: {known}"}, 400)
            return StreamingResponse(self._stream(name), media_type="application/x-ndjson")

        return [Route("/orders", totals), Route("/orders/{part}", part)]

    async def _stream(self, name: str) -> AsyncIterator[bytes]:
        if name == "daily":
            await self.ledger.finished()
        held: list[bytes] = []
        for row in self.parts[name]():
            held.append(msgspec.json.encode(row))
            if len(held) == CHUNK:
                yield b"\n".join(held) + b"\n"
                held = []
                await asyncio.sleep(0)
        if held:
            yield b"\n".join(held) + b"\n"
