"""The known truth about orders, from what the orders were made of and never from their JSON: row by row, and the days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.toast.orders.day_sums import Daily, is_future, paid_back
from aura_migration.sandbox.toast.orders.ledger import HISTORY, SOLD
from aura_migration.sandbox.toast.orders.sheet import AppliedTax, Bill, Cents, Selection, Sheet

if TYPE_CHECKING:
    from aura_migration.sandbox.toast.people.store import LocalPeople

Row = dict[str, Any]
ROWS_A_TURN = 50
ENCODER = msgspec.json.Encoder()
IN_ONE_DOCUMENT = 10_000
"""Orders up to which ``/truth`` itself holds the days, the secrets and the addresses of a history."""


def moment(stamp: int | None) -> str | None:
    """A stamp as RFC 3339 in UTC, to the millisecond."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{stamp % 1000:03d}Z"


class OrdersTruth:
    """Each part of the truth about the orders of some locations."""

    def __init__(self, places: Callable[[], Iterable[LocalPeople]]) -> None:
        self._places = places
        self._daily: dict[str, Daily] = {}
        self.parts: dict[str, Callable[[], Iterator[Any]]] = {
            "daily": self.daily,
            "orders": self.orders,
            "payments": self.payments,
            "refunds": self.refunds,
            "cash_entries": self.cash_entries,
            "deposits": self.deposits,
            "notes": self._noted,
            "payment_cards": self.payment_cards,
            "secrets": self.secrets,
            "personal": self.personal,
        }

    def daily_of(self, here: LocalPeople) -> Daily:
        """The days of a location."""
        held = self._daily.get(here.location.guid)
        if held is None:
            held = self._daily[here.location.guid] = Daily(here.ledger)
        return held

    async def ready(self) -> None:
        """All days of all locations are counted."""
        for here in self._places():
            await self.daily_of(here).ready()

    def daily(self) -> Iterator[Row]:
        """The sums of each business date of each location."""
        for here in self._places():
            for day, row in self.daily_of(here).rows():
                cash = here.cash
                entries, deposits = cash.entries(day), cash.deposits(day)
                undone = {one.undoes for one in deposits}
                yield {
                    "location": here.location.guid,
                    "business_date": day.isoformat(),
                    **row,
                    "cash_entries": len(entries),
                    "cash_entry_cents": sum(one.cents for one in entries),
                    "deposits": len(deposits),
                    "deposit_cents": sum(
                        one.cents for one in deposits if one.undoes is None and one.guid not in undone
                    ),
                }

    def _sheets(self, first: int = 0) -> Iterator[tuple[LocalPeople, Sheet]]:
        for here in self._places():
            keys = here.ledger.keys() if first < SOLD else range(SOLD, SOLD + len(here.ledger.sold))
            for key in keys:
                yield here, here.ledger.sheet(key)

    def orders(self, first: int = 0) -> Iterator[Row]:
        """Orders with everything that has an amount, those whose keys begin at ``first``."""
        for here, sheet in self._sheets(first):
            yield {"location": here.location.guid, **_order(sheet)}

    def payments(self, first: int = 0) -> Iterator[Row]:
        """Payments, those by which nothing was paid too."""
        for here, sheet in self._sheets(first):
            for bill, one in sheet.payments():
                yield {
                    "location": here.location.guid,
                    "order": sheet.guid,
                    "check": bill.guid,
                    "id": one.guid,
                    "type": one.kind,
                    "status": one.status,
                    "counts": one.counts,
                    "business_date": one.day.isoformat(),
                    "cents": one.cents,
                    "tip_cents": one.tip,
                    "fee_cents": one.card.fee if one.card is not None and one.status == "CAPTURED" else None,
                    "void_business_date": None if one.void is None else one.void.day.isoformat(),
                    "refund_cents": None if one.refund is None else one.refund.cents,
                    "refund_business_date": None if one.refund is None else one.refund.day.isoformat(),
                }

    def refunds(self, first: int = 0) -> Iterator[Row]:
        """What was given back, without tax, tax and tip apart; ``lines`` are those it names."""
        for here, sheet in self._sheets(first):
            for bill, one in sheet.payments():
                if one.refund is None:
                    continue
                _, tax, gratuity = paid_back(bill, one.refund.transaction)
                yield {
                    "location": here.location.guid,
                    "order": sheet.guid,
                    "payment": one.guid,
                    "transaction": one.refund.transaction,
                    "at": moment(one.refund.at),
                    "business_date": one.refund.day.isoformat(),
                    "order_business_date": sheet.day.isoformat(),
                    "cents": one.refund.cents,
                    "net_cents": one.refund.cents - tax - gratuity,
                    "tax_cents": tax,
                    "gratuity_cents": gratuity,
                    "tip_cents": one.refund.tip,
                    "lines": [line.guid for line in bill.lines if line.refund is not None],
                }

    def cash_entries(self) -> Iterator[Row]:
        """Cash that went in or out of the drawer."""
        for here in self._places():
            for day in here.cash.dates():
                for one in here.cash.entries(day):
                    yield {"location": here.location.guid, "id": one.guid, "business_date": day.isoformat(),
                           "type": one.kind, "cents": one.cents, "undoes": one.undoes}  # fmt: skip

    def deposits(self) -> Iterator[Row]:
        """Money brought to the bank."""
        for here in self._places():
            for day in here.cash.dates():
                for one in here.cash.deposits(day):
                    yield {"location": here.location.guid, "id": one.guid, "business_date": day.isoformat(),
                           "cents": one.cents, "undoes": one.undoes}  # fmt: skip

    def payment_cards(self) -> Iterator[Row]:
        """Digits of cards in the history's payments."""
        return (value for kind, value in self.exposed() if kind == "payment_cards")

    def secrets(self) -> Iterator[str]:
        """Ids of the history's cards at the processor: never to be stored in the open."""
        return (value for kind, value in self.exposed() if kind == "secrets")

    def personal(self) -> Iterator[str]:
        """Where the history's deliveries went."""
        return (value for kind, value in self.exposed() if kind == "personal")

    def exposed(self) -> Iterator[tuple[str, Any]]:
        """All three in one pass, each with the name of its part."""
        for here in self._places():
            for key in here.ledger.keys():  # noqa: SIM118 - not a mapping
                if key < HISTORY:
                    continue
                sheet = here.ledger.sheet(key)
                if sheet.delivery is not None and sheet.delivery.address is not None:
                    yield "personal", sheet.delivery.address.address1
                for _, one in sheet.payments():
                    if one.card is not None:
                        yield "payment_cards", {"payment": one.guid, "first6": one.card.first6, "last4": one.card.last4}
                        yield "secrets", one.card.payment_id
                        yield "secrets", one.card.network_id

    # -- the document ----------------------------------------------------------------------------------------------

    def notes(self) -> dict[str, list[str]]:
        """Peculiarities of the history, and the guids of up to three orders a location that show each."""
        found: dict[str, list[str]] = {}
        for here in self._places():
            for name, numbers in here.ledger.past.notes().items():
                family = here.ledger.past.numbering.family
                found.setdefault(f"orders: {name}", []).extend(family(number).next() for number in numbers)
        return found

    def _noted(self) -> Iterator[Row]:
        for name, guids in self.notes().items():
            yield {"name": name, "orders": guids}

    def count(self) -> int:
        """All orders."""
        return sum(len(here.ledger) for here in self._places())

    @property
    def history(self) -> int:
        """Orders of histories."""
        return sum(len(here.ledger.past) for here in self._places())

    def document(self) -> Row:
        """What ``/truth`` holds of a history and of orders since: the days, and the secrets, unless there are too many orders;
        nothing where there is neither."""
        if not self.history and not any(len(here.ledger.sold) for here in self._places()):
            return {}
        told: Row = {"order_totals": {"orders": self.count(), "of_history": self.history}}
        if self.count() <= IN_ONE_DOCUMENT:
            told["daily"] = list(self.daily())
        return told

    def routes(self) -> list[Route]:
        """``/_control/orders`` (totals, names of the parts) and ``/_control/orders/{part}``, one JSON value a line; orders,
        payments and refunds with ``?history=false`` only of what was sold or submitted since."""

        async def totals(_request: Request) -> Response:
            return JSONResponse({"totals": {"orders": self.count()}, "parts": sorted(self.parts)})

        async def part(request: Request) -> Response:
            name = request.path_params["part"]
            since = {"orders": self.orders, "payments": self.payments, "refunds": self.refunds}
            if name in since and request.query_params.get("history") == "false":
                return StreamingResponse(_lines(since[name](SOLD)), media_type="application/x-ndjson")
            rows = self.parts.get(name)
            if rows is None:
                return JSONResponse(
                    {"error": f"there is no such part; there are: {', '.join(sorted(self.parts))}"}, 400
                )
            await self.ready()
            return StreamingResponse(_lines(rows()), media_type="application/x-ndjson")

        return [Route("/orders", totals), Route("/orders/{part}", part)]


async def _lines(rows: Iterator[Any]) -> AsyncIterator[bytes]:
    while held := list(islice(rows, ROWS_A_TURN)):
        yield ENCODER.encode_lines(held)
        await asyncio.sleep(0)


def _order(sheet: Sheet) -> Row:
    return {
        "id": sheet.guid,
        "business_date": sheet.day.isoformat(),
        "opened_at": moment(sheet.opened),
        "modified_at": moment(sheet.modified),
        "closed_at": moment(sheet.closed),
        "promised_at": moment(sheet.promised),
        "behavior": sheet.behavior,
        "dining_option": sheet.dining,
        "source": sheet.source,
        "server": sheet.server,
        "guests": sheet.guests,
        "open": sheet.closed is None,
        "future": is_future(sheet),
        "voided": sheet.void is not None,
        "void_business_date": None if sheet.void is None else sheet.void.day.isoformat(),
        "deleted": sheet.deleted is not None,
        "excess_food": sheet.excess,
        "told": sheet.told,
        "checks": [_check(bill) for bill in sheet.bills],
    }


def _cents(cents: Cents) -> int | str:
    """Cents; those with a fraction as text."""
    return int(cents) if not isinstance(cents, Decimal) or cents == int(cents) else str(cents)


def _tax(tax: AppliedTax) -> Row:
    return {"rate": tax.tax, "name": tax.name, "cents": _cents(tax.cents), "remitted_by_marketplace": tax.facilitated}


def _line(line: Selection) -> Row:
    return {
        "id": line.guid,
        "name": line.name,
        "item": None if line.item is None else line.item["guid"],
        "quantity": line.quantity,
        "kind": line.kind,
        "deferred": line.deferred,
        "voided": line.void is not None,
        "gross_cents": line.pre,
        "net_cents": line.price,
        "tax_included": line.inclusion == "INCLUDED",
        "taxes": [_tax(tax) for tax in line.taxes],
        "discounts": [{"name": one.name, "cents": one.cents, "net_cents": one.net} for one in line.discounts],
        "refund": None if line.refund is None else {"cents": line.refund.cents, "tax_cents": line.refund.tax},
        "modifiers": [{"id": one.guid, "name": one.name, "cents": one.price} for one in line.modifiers],
    }


def _check(bill: Bill) -> Row:
    return {
        "id": bill.guid,
        "cents": bill.amount,
        "tax_cents": bill.tax,
        "total_cents": bill.total,
        "gratuity_cents": bill.gratuity,
        "exempt": bill.exempt,
        "voided": bill.void is not None,
        "deleted": bill.deleted is not None,
        "lines": [_line(line) for line in bill.lines],
        "discounts": [{"name": one.name, "cents": one.cents, "net_cents": one.net} for one in bill.discounts],
        "charges": [
            {"name": one.name, "cents": one.cents, "gratuity": one.gratuity, "category": one.category,
             "taxes": [_tax(tax) for tax in one.taxes]}
            for one in bill.charges
        ],
        "payments": [
            {"id": one.guid, "type": one.kind, "cents": one.cents, "tip_cents": one.tip, "counts": one.counts}
            for one in bill.payments
        ],
    }  # fmt: skip
