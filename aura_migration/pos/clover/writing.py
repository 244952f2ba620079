"""Writing to Clover: orders, their payment and deletion, counts of stock and whether an item is available.

An order is made as a whole and priced by Clover (atomic orders). Clover knows no idempotency key: the order carries its
reference in its note from the first instant, then as its external reference, and is looked for before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aura_migration.core.errors import BadInput, Refused
from aura_migration.pos.clover.calls import POS, RETRY, CloverCalls, Site
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import (
    MalformedBody,
    NotFound,
    PermissionMissing,
    ReconnectNeeded,
    Rejected,
    Transient,
    Unauthorized,
)
from aura_migration.pos.http.retry import ONCE, RetryPolicy
from aura_migration.pos.writing import (
    NewLine,
    NewOrder,
    NewPayment,
    StockLevel,
    StockState,
    WriteRights,
    WrittenOrder,
    no_tender,
)

NOBODY = "0000000000000"
"""An id that nothing has: a change of it is refused for the right, or for the id, and changes nothing either way."""
PERMISSIONS = {"orders": "ORDERS_W", "stock": "INVENTORY_W", "payments": "PAYMENTS_W"}
CREATED_WITHIN = timedelta(minutes=10)
"""How far Clover's clock may be behind ours when an order is looked for."""
TITLE = 127
"""The most characters of an order's title."""
PAID = frozenset({"PAID", "PARTIALLY_PAID", "REFUNDED", "PARTIALLY_REFUNDED", "CREDITED"})


class CloverWriter:
    """See ``pos.writing.Writer``."""

    can_set: frozenset[StockState] = frozenset({"in_stock", "out_of_stock"})

    async def rights(self, session: CloverCalls, location: str) -> WriteRights:
        """Shown by changes of an order and a stock that nobody has: Clover tells a missing right before a missing id."""
        site = session.site(location)
        tried: dict[str, tuple[str, dict[str, Any]]] = {
            "orders": (f"/orders/{NOBODY}", {"note": ""}),
            "stock": (f"/item_stocks/{NOBODY}", {"quantity": 0}),
            "payments": (f"/orders/{NOBODY}/payments", {"tender": {"id": NOBODY}, "amount": 1}),
        }
        held: dict[str, bool | None] = {}
        told: dict[str, str] = {}
        for right, (path, body) in tried.items():
            held[right], told[right] = await _may(site, path, body, PERMISSIONS[right])
        told["cancelling"] = told["orders"]
        return WriteRights(held["orders"], held["orders"], held["stock"], held["payments"], told)

    async def create_order(self, session: CloverCalls, location: str, order: NewOrder, at: datetime) -> WrittenOrder:
        """Looked for, then made once; where the answer was lost it is looked for again before anything else is done."""
        site = session.site(location)
        since = at - timedelta(days=1)
        there = await self._search(site, order.reference, since)
        if there is None:
            cart: dict[str, Any] = {
                "lineItems": [_line(line) for line in order.lines for _ in range(line.quantity)],
                "note": order.reference,
                "currency": order.currency,
            }
            if order.note:
                cart["title"] = order.note[:TITLE]
            if order.order_type_key:
                cart["orderType"] = {"id": order.order_type_key.rsplit("/", 1)[-1]}
            try:
                there = _object(await _send(site, "POST", "/atomic_order/orders", {"orderCart": cart}, ONCE))
            except Transient:
                there = await self._search(site, order.reference, since)
                if there is None:
                    raise
        if there.get("externalReferenceId") != order.reference:
            await _send(site, "POST", f"/orders/{there['id']}", {"externalReferenceId": order.reference}, RETRY)
        found = await self.read_order(session, location, str(there["id"]))
        if found is None:
            raise MalformedBody(
                "the order that was just made is not there", pos=POS, method="GET", path=f"/orders/{there['id']}"
            )
        return found

    async def find_order(
        self, session: CloverCalls, location: str, reference: str, since: datetime
    ) -> WrittenOrder | None:
        """By its external reference, or by its note where it never came to that."""
        found = await self._search(session.site(location), reference, since)
        return None if found is None else await self.read_order(session, location, str(found["id"]))

    async def _search(self, site: Site, reference: str, since: datetime) -> Mapping[str, Any] | None:
        begin = int((since - CREATED_WITHIN).timestamp() * 1000)
        for field in ("externalReferenceId", "note"):
            page = await site.page(
                "/orders", {"filter": [f"{field}={reference}", f"createdTime>={begin}"], "limit": 10}
            )
            for row in page.rows:
                if row.get(field) == reference:
                    return row
        return None

    async def read_order(self, session: CloverCalls, location: str, key: str) -> WrittenOrder | None:
        """One order by its id, with its lines and payments."""
        site = session.site(location)
        try:
            _, found = await site.object(f"/orders/{key}", {"expand": "lineItems.modifications,payments"})
        except NotFound:
            return None
        if found.get("deletedTimestamp"):
            return None
        return await self._written(site, found)

    async def cancel_order(self, session: CloverCalls, location: str, key: str) -> None:
        """Delete the order: Clover has no other way to take an unpaid one back."""
        found = await self.read_order(session, location, key)
        if found is None:
            return
        if found.state == "paid":
            raise Refused(f"Clover's order {key} was paid: it is refunded by hand.", "Refund it in Clover.")
        try:
            await _send(session.site(location), "DELETE", f"/orders/{key}", None, RETRY)
        except NotFound:
            return

    async def pay_order(self, session: CloverCalls, location: str, key: str, payment: NewPayment) -> None:
        """By a tender of the merchant's own. Clover knows no idempotency key: a lost answer is looked up, not sent again."""
        found = await self.read_order(session, location, key)
        if found is None or found.state != "open":
            return
        site = session.site(location)
        page = await site.page("/tenders", {"limit": 100})
        wanted = payment.tender.casefold()
        named = next((r for r in page.rows if str(r.get("label")).casefold() == wanted and r.get("enabled")), None)
        if named is None:
            raise no_tender("Clover", payment.tender)
        body = {
            "tender": {"id": named["id"]},
            "amount": payment.cents,
            "tipAmount": payment.tip_cents,
            "taxAmount": found.tax_cents,
        }
        try:
            await _send(site, "POST", f"/orders/{key}/payments", body, ONCE)
        except Transient:
            after = await self.read_order(session, location, key)
            if after is None or after.state != "paid":
                raise

    async def read_stock(
        self, session: CloverCalls, location: str, things: Sequence[tuple[str, str]]
    ) -> list[StockLevel]:
        """Availability and count of items; a variant is an item of its own."""
        site = session.site(location)
        found = []
        for item, variation in things:
            _, row = await site.object(f"/items/{_ident(variation or item)}", {"expand": "itemStock"})
            quantity = _quantity((row.get("itemStock") or {}).get("quantity"))
            follows = bool(row.get("autoManage"))
            if row.get("available") is False:
                found.append(StockLevel(item, variation, "out_of_stock", quantity, follows))
            elif quantity is not None:
                found.append(StockLevel(item, variation, "quantity", quantity, follows))
            else:
                found.append(StockLevel(item, variation, "in_stock", None, follows))
        return found

    async def set_stock(
        self, session: CloverCalls, location: str, levels: Sequence[StockLevel], at: datetime, idempotency_key: str
    ) -> None:
        """Counts are absolute, and whether an item is available is a field: both may be said again."""
        site = session.site(location)
        for level in levels:
            ident = _ident(level.variation_key or level.item_key)
            if level.quantity is not None:
                await _send(site, "POST", f"/item_stocks/{ident}", {"quantity": float(level.quantity)}, RETRY)
            await _send(site, "POST", f"/items/{ident}", {"available": level.state != "out_of_stock"}, RETRY)

    async def _written(self, site: Site, order: Mapping[str, Any]) -> WrittenOrder:
        lines = _elements(order.get("lineItems"))
        is_paid = order.get("paymentState") in PAID or bool(_elements(order.get("payments")))
        return WrittenOrder(
            key=str(order["id"]),
            reference=str(order.get("externalReferenceId") or order.get("note") or ""),
            state="paid" if is_paid else "open",
            total_cents=int(order.get("total") or 0),
            tax_cents=await self._tax(site, order, lines),
            lines=len(lines),
            version=str(order.get("modifiedTime") or ""),
        )

    async def _tax(self, site: Site, order: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> int:
        """An order of Clover's does not state its tax: what it says of the same lines when it prices them."""
        asked = []
        for line in lines:
            one: dict[str, Any] = {"item": {"id": (line.get("item") or {}).get("id")}}
            chosen = [one["modifier"]["id"] for one in _elements(line.get("modifications")) if one.get("modifier")]
            if chosen:
                one["modifications"] = [{"modifier": {"id": ident}} for ident in chosen]
            asked.append(one)
        if not asked:
            return 0
        cart: dict[str, Any] = {"lineItems": asked}
        if (order.get("orderType") or {}).get("id"):
            cart["orderType"] = {"id": order["orderType"]["id"]}
        priced = _object(await _send(site, "POST", "/atomic_order/checkouts", {"orderCart": cart}, RETRY))
        return int(priced.get("totalTaxAmount") or 0)


async def _may(site: Site, path: str, body: Mapping[str, Any], permission: str) -> tuple[bool | None, str]:
    try:
        await _send(site, "POST", path, body, RETRY)
    except PermissionMissing:
        return False, f"a change of nothing was refused for want of {permission}"
    except (NotFound, Rejected):
        return (
            True,
            f"a change of something that is not there was refused for the id alone, not for want of {permission}",
        )
    return None, f"Clover accepted a change of something that is not there, which says nothing of {permission}"


async def _send(site: Site, method: str, path: str, body: Any, retry: RetryPolicy) -> PosResponse:
    """A change. A 401 to a token that works elsewhere is a missing right."""
    whole = f"/v3/merchants/{site.id}{path}"
    try:
        return await site.client.request(method, whole, json=body, retry=retry)
    except ReconnectNeeded:
        raise
    except Unauthorized as error:
        if not await site.accepts(await site.client.tokens.token()):
            raise
        raise PermissionMissing(
            "the token is accepted elsewhere, but may not write this",
            "Give the app the right to write, have the restaurant uninstall and install it again and connect the account anew.",
            pos=POS,
            method=method,
            path=whole,
            status=error.status,
            request_id=error.request_id,
        ) from error


def _object(response: PosResponse) -> Mapping[str, Any]:
    found = response.json(decimals=True)
    if not isinstance(found, Mapping):
        raise MalformedBody("an object was expected", pos=POS, path=response.path, retryable=False)
    return found


def _line(line: NewLine) -> dict[str, Any]:
    """One line item: Clover has no quantities, three of something are three lines."""
    if any(one.chosen for one in line.modifiers):
        raise BadInput(
            f"The choices of {line.item_key} hold choices of their own, which Clover does not know.",
            "Name each of them with the line.",
        )
    document: dict[str, Any] = {"item": {"id": _ident(line.variation_key or line.item_key)}}
    if line.modifiers:
        document["modifications"] = [
            {"modifier": {"id": _ident(one.key)}} for one in line.modifiers for _ in range(one.quantity)
        ]
    return document


def _ident(key: str) -> str:
    """Clover's id of a source key, which begins with the merchant (and the group of an option)."""
    return key.rsplit("/", 1)[-1]


def _elements(value: Any) -> list[Mapping[str, Any]]:
    rows = value.get("elements") if isinstance(value, Mapping) else value
    return [row for row in rows or () if isinstance(row, Mapping)]


def _quantity(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None


WRITER = CloverWriter()
