"""What `/truth` says of sales, and the same row by row: `/_control/orders[/{part}]`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.clover.orders.ledger import Ledger, Row
from aura_migration.sandbox.clover.orders.resources import cash_of
from aura_migration.sandbox.clover.world import Merchant, World

ROWS_A_CHUNK = 200


def ledger_of(merchant: Merchant) -> Ledger:
    """The ledger of a merchant; every merchant of a finished world has one."""
    assert merchant.ledger is not None
    return merchant.ledger


class SalesTruth:
    """Each part of the truth about the sales of all merchants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.parts: dict[str, Callable[[], Iterator[Row]]] = {
            "daily": lambda: self._each(Ledger.daily),
            "orders": lambda: self._each(Ledger.orders),
            "lines": lambda: self._each(Ledger.lines),
            "payments": lambda: self._each(Ledger.payments),
            "refunds": lambda: self._each(Ledger.refunds),
            "credits": lambda: self._each(Ledger.credits),
            "voided_lines": lambda: self._each(Ledger.voided_lines),
            "cash_events": self.cash_events,
            "kinds": self.kinds,
            "reports": self.reports,
        }

    def _each(self, rows: Callable[[Ledger], Iterator[Row]]) -> Iterator[Row]:
        for merchant in self._world.merchants.values():
            yield from rows(ledger_of(merchant))

    def cash_events(self) -> Iterator[Row]:
        """The cash log, the oldest entry first."""
        for merchant in self._world.merchants.values():
            for event in cash_of(merchant).events():
                yield {"location": merchant.id, **event._asdict()}

    def kinds(self) -> Iterator[Row]:
        """How many orders show each peculiarity, with one of them as an example."""
        for merchant in self._world.merchants.values():
            ledger = ledger_of(merchant)
            ledger.ready()
            for kind, (count, example) in sorted(ledger.kinds.items()):
                yield {"location": merchant.id, "kind": kind, "orders": count, "example": example}

    def reports(self) -> Iterator[Row]:
        """Every line of the daily reports."""
        for sheet in self._world.reports.values():
            yield from sheet.truth()

    def totals(self) -> list[Row]:
        """How many rows of each sort every merchant has."""
        found = []
        for merchant in self._world.merchants.values():
            ledger = ledger_of(merchant)
            ledger.ready()
            found.append({"location": merchant.id, **ledger.counts, "cash_events": len(cash_of(merchant).events())})
        return found

    def document(self) -> Row:
        """The part of `/truth`: days and counts; rows are told by `/_control/orders/{part}`."""
        return {
            "daily": list(self.parts["daily"]()),
            "order_totals": self.totals(),
            "order_kinds": list(self.kinds()),
            "daily_reports": [{**sheet.about(), **sheet.totals()} for sheet in self._world.reports.values()],
        }

    async def prepare(self) -> None:
        """Make all sums without holding up other requests."""
        for merchant in self._world.merchants.values():
            for _ in ledger_of(merchant).prepare():
                await asyncio.sleep(0)


def routes(told: SalesTruth) -> list[Route]:
    """Totals with the names of the parts, and each part as one JSON value a line."""

    async def totals(_request: Request) -> Response:
        await told.prepare()
        return JSONResponse({"totals": told.totals(), "parts": sorted(told.parts)})

    async def part(request: Request) -> Response:
        rows = told.parts.get(request.path_params["part"])
        if rows is None:
            return JSONResponse({"error": f"there is no such part; there are: {', '.join(sorted(told.parts))}"}, 400)
        await told.prepare()
        return StreamingResponse(_chunks(rows()), media_type="application/x-ndjson")

    return [Route("/orders", totals), Route("/orders/{part}", part)]


async def _chunks(rows: Iterator[Any]) -> AsyncIterator[str]:
    lines: list[str] = []
    for row in rows:
        lines.append(json.dumps(row) + "\n")
        if len(lines) >= ROWS_A_CHUNK:
            yield "".join(lines)
            lines.clear()
            await asyncio.sleep(0)
    yield "".join(lines)
