"""The restaurant's own daily reports, as the dashboard exports them: CSV with the dashboard's column names.

`/_control/exports` lists them (kind `daily_report`), `/_control/exports/{name}` is one. Only the last weeks are covered.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aura_migration.sandbox.square.orders.ledger import Ledger
from aura_migration.sandbox.square.world import World

DAYS = 35
COLUMNS = (
    *("Gross Sales", "Returns", "Discounts & Comps", "Net Sales", "Gift Card Sales", "Service Charges", "Tax", "Tips"),
    *("Cash Rounding", "Card", "Cash", "Gift Card", "Other", "Fees"),
)
Row = dict[str, Any]


def dollars(cents: int) -> str:
    """`$1,234.50`, negative ones in parentheses."""
    text = f"${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    return f"({text})" if cents < 0 else text


class Reports:
    """Which reports an account has: one per start of the day, and one that is wrong on one day."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger

    def listing(self) -> list[Row]:
        """Every report with what there is to know about it."""
        if not len(self._world.orders):
            return []
        found = []
        for place in self._world.locations.values():
            if place.status == "ACTIVE":
                short = place.name.lower().replace(" ", "-")
                for name, start, note in (
                    ("sales-summary", "00:00", "sound"),
                    ("sales-summary-close-4am", "04:00", "sound; the day starts at four"),
                    ("sales-summary-off", "00:00", "wrong on purpose: tax of one day is a dollar more"),
                ):
                    row = {"name": f"{name}-{short}.csv", "kind": "daily_report", "location": place.id, "note": note}
                    found.append({**row, "start_of_day": start, "basis": "closed"})
        return found

    def rows(self, report: Row) -> list[Row]:
        """The days of a report in cents, under the names of `COLUMNS`."""
        self._ledger.finish()
        held = self._ledger.rows_of(report["basis"], report["start_of_day"], report["location"])[-DAYS:]
        found = [_figures(row) for row in held]
        if report["name"].startswith("sales-summary-off") and found:
            found[len(found) // 2]["Tax"] += 100
        return found

    def truth(self) -> list[Row]:
        """Every report with its figures and, of the wrong one, the day that is off."""
        return [{**report, "days": self.rows(report)} for report in self.listing()]

    def file(self, report: Row) -> str:
        """The CSV text, with a totals line."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(["Date", *COLUMNS])
        rows = self.rows(report)
        for row in rows:
            year, month, day = row["date"].split("-")
            writer.writerow([f"{month}/{day}/{year}", *(dollars(row[name]) for name in COLUMNS)])
        writer.writerow(["Total", *(dollars(sum(row[name] for row in rows)) for name in COLUMNS)])
        return out.getvalue()

    def routes(self) -> list[Route]:
        """`/exports` and `/exports/{name}`."""

        async def listing(_request: Request) -> Response:
            return JSONResponse({"exports": self.listing()})

        async def one(request: Request) -> Response:
            name = request.path_params["name"]
            report = next((held for held in self.listing() if held["name"] == name), None)
            if report is None:
                return JSONResponse({"error": f"there is no export {name!r}"}, 400)
            await self._ledger.finished()
            return Response(self.file(report), media_type="text/csv; charset=utf-8")

        return [Route("/exports", listing), Route("/exports/{name}", one)]


def _figures(row: Row) -> Row:
    """A day as the dashboard shows it: returns apart, tax and tips after returns, tenders after refunds."""
    paid, back = row["payments"], row["refunds_by_tender"]

    def tender(names: Sequence[str]) -> int:
        return sum(paid.get(name, 0) - back.get(name, 0) for name in names)

    known = {"CARD", "CASH", "SQUARE_GIFT_CARD"}
    others = sorted((set(paid) | set(back)) - known)
    returns, discounts = row["returned_gross"], row["discounts"] - row["returned_discounts"]
    return {
        "date": row["date"],
        "Gross Sales": row["gross"],
        "Returns": -returns,
        "Discounts & Comps": -discounts,
        "Net Sales": row["gross"] - returns - discounts,
        "Gift Card Sales": row["gift_cards"],
        "Service Charges": row["service_charges"] - row["returned_charges"],
        "Tax": row["tax"] - row["returned_tax"],
        "Tips": row["tips"] - row["returned_tips"],
        "Cash Rounding": row["rounding"],
        "Card": tender(["CARD"]),
        "Cash": tender(["CASH"]),
        "Gift Card": tender(["SQUARE_GIFT_CARD"]),
        "Other": tender(others),
        "Fees": -(row["fees"] - row["fees_returned"]),
    }
