"""Writing to Square: orders, their payment and cancellation, and counts of stock.

An order is created under an idempotency key and priced by Square with the catalog's own taxes. Stock is set by physical
counts; that something is sold out by hand can be read, but not be written through the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aura_migration.core.clock import utc_text
from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.ids import content_hash
from aura_migration.pos.http.errors import Conflict, NotFound, Rejected
from aura_migration.pos.square.client import SquareSession
from aura_migration.pos.writing import (
    NewLine,
    NewOrder,
    NewPayment,
    OrderState,
    StockLevel,
    StockState,
    WriteRights,
    WrittenOrder,
)

RIGHTS = {
    "orders": "ORDERS_WRITE",
    "cancelling": "ORDERS_WRITE",
    "stock": "INVENTORY_WRITE",
    "payments": "PAYMENTS_WRITE",
}
STATES: dict[str, OrderState] = {"COMPLETED": "paid", "CANCELED": "cancelled"}
CREATED_WITHIN = timedelta(minutes=10)
"""How far the POS's clock may be behind ours when an order is looked for."""
BATCH = 100
PAYMENT_KEY = 45
"""The most characters of a payment's idempotency key."""
TICKET = 30
"""The most characters of the name an order goes by on Square's screens."""


class SquareWriter:
    """See ``pos.writing.Writer``."""

    can_set: frozenset[StockState] = frozenset()

    async def rights(self, session: SquareSession, location: str) -> WriteRights:
        """By the token's status; a token that Square does not describe is not tried out."""
        scopes = await session.scopes()
        if scopes is None:
            silent = "Square does not tell what this kind of token may do"
            return WriteRights(None, None, None, None, dict.fromkeys(RIGHTS, silent))
        named = {
            right: f"the token's status {'names' if scope in scopes else 'does not name'} {scope}"
            for right, scope in RIGHTS.items()
        }
        held = {right: scope in scopes for right, scope in RIGHTS.items()}
        return WriteRights(held["orders"], held["cancelling"], held["stock"], held["payments"], named)

    async def create_order(self, session: SquareSession, location: str, order: NewOrder, at: datetime) -> WrittenOrder:
        """The reference is the idempotency key: said again, Square answers with the order it made first."""
        only = await self._only_variations(session, [one.item_key for one in order.lines if not one.variation_key])
        document = {
            "location_id": location,
            "reference_id": order.reference,
            **({"ticket_name": order.note[:TICKET]} if order.note else {}),
            "line_items": [_line(number, line, only) for number, line in enumerate(order.lines)],
            # Taxes as the catalog puts them on; discounts are given by people, or by AuraConnect.
            "pricing_options": {"auto_apply_taxes": True, "auto_apply_discounts": False},
        }
        response = await session.request(
            "POST", "/v2/orders", json={"idempotency_key": order.reference, "order": document}
        )
        return _written(response.json()["order"])

    async def find_order(
        self, session: SquareSession, location: str, reference: str, since: datetime
    ) -> WrittenOrder | None:
        """Orders cannot be asked for by reference: those created since are looked through, newest first."""
        asked: dict[str, Any] = {
            "location_ids": [location],
            "limit": 500,
            "query": {
                "filter": {"date_time_filter": {"created_at": {"start_at": utc_text(since - CREATED_WITHIN)}}},
                "sort": {"sort_field": "CREATED_AT", "sort_order": "DESC"},
            },
        }
        while True:
            answer = (await session.request("POST", "/v2/orders/search", json=asked)).json()
            for found in answer.get("orders") or ():
                if found.get("reference_id") == reference:
                    return _written(found)
            if not answer.get("cursor"):
                return None
            asked["cursor"] = answer["cursor"]

    async def read_order(self, session: SquareSession, location: str, key: str) -> WrittenOrder | None:
        """One order by its id."""
        try:
            response = await session.request("GET", f"/v2/orders/{key}")
        except NotFound:
            return None
        return _written(response.json()["order"])

    async def cancel_order(self, session: SquareSession, location: str, key: str) -> None:
        """By version: a change in between is read and answered once more."""
        for attempt in (1, 2):
            found = await self.read_order(session, location, key)
            if found is None or found.state == "cancelled":
                return
            if found.state == "paid":
                raise Refused(
                    f"Square's order {key} was paid: it is not cancelled but refunded.",
                    "Refund it in Square, by hand.",
                )
            change = {"location_id": location, "version": int(found.version or 0), "state": "CANCELED"}
            body = {"idempotency_key": f"cancel:{key}:{found.version}", "order": change}
            try:
                await session.request("PUT", f"/v2/orders/{key}", json=body)
                return
            except (Conflict, Rejected):
                if attempt == 2:
                    raise

    async def pay_order(self, session: SquareSession, location: str, key: str, payment: NewPayment) -> None:
        """As a payment outside of Square, which names the tender as its source: it needs none set up. Said again it is the first one."""
        found = await self.read_order(session, location, key)
        if found is None or found.state != "open":
            return
        body = {
            "idempotency_key": f"pay:{key}"[:PAYMENT_KEY],
            "source_id": "EXTERNAL",
            "external_details": {"type": "OTHER", "source": payment.tender},
            "amount_money": {"amount": payment.cents, "currency": payment.currency},
            "tip_money": {"amount": payment.tip_cents, "currency": payment.currency},
            "order_id": key,
            "location_id": location,
        }
        await session.request("POST", "/v2/payments", json=body)

    async def read_stock(
        self, session: SquareSession, location: str, things: Sequence[tuple[str, str]]
    ) -> list[StockLevel]:
        """Counts of variations, and which of them are sold out by hand."""
        only = await self._only_variations(session, [item for item, variation in things if not variation])
        wanted = [variation or only[item] for item, variation in things]
        counts: dict[str, str] = {}
        for ids in _batches(wanted):
            asked: dict[str, Any] = {"catalog_object_ids": ids, "location_ids": [location], "states": ["IN_STOCK"]}
            while True:
                answer = (await session.request("POST", "/v2/inventory/counts/batch-retrieve", json=asked)).json()
                for count in answer.get("counts") or ():
                    counts[str(count.get("catalog_object_id"))] = str(count.get("quantity"))
                if not answer.get("cursor"):
                    break
                asked["cursor"] = answer["cursor"]
        known = await self._objects(session, wanted)
        found = []
        for (item, variation), ident in zip(things, wanted, strict=True):
            counted, sold_out = _here(known.get(ident), location)
            found.append(_level(item, variation, counts.get(ident), counted, sold_out))
        return found

    async def set_stock(
        self, session: SquareSession, location: str, levels: Sequence[StockLevel], at: datetime, idempotency_key: str
    ) -> None:
        """Physical counts. Nothing left is what Square sells none of."""
        only = await self._only_variations(session, [one.item_key for one in levels if not one.variation_key])
        changes = []
        for level in levels:
            if level.quantity is None and level.state != "out_of_stock":
                raise BadInput(
                    f"Stock of {level.item_key} cannot be set to {level.state}: Square is told counts only.",
                    "Set a quantity; whether something is sold out by hand is said in Square.",
                )
            count = {
                "catalog_object_id": level.variation_key or only[level.item_key],
                "location_id": location,
                "state": "IN_STOCK",
                "quantity": format(level.quantity if level.quantity is not None else Decimal(0), "f"),
                "occurred_at": utc_text(at),
            }
            changes.append({"type": "PHYSICAL_COUNT", "physical_count": count})
        for number, part in enumerate(_batches(changes)):
            # The key stands for its content: a count set anew under the same name is not taken for the first one.
            key = f"{idempotency_key[:90]}:{number}:{content_hash(part)[:24]}"
            await session.request(
                "POST", "/v2/inventory/changes/batch-create", json={"idempotency_key": key, "changes": part}
            )

    async def _only_variations(self, session: SquareSession, items: Sequence[str]) -> dict[str, str]:
        """The variation of items that have one: AuraConnect knows those by the item alone."""
        known = await self._objects(session, items)
        found = {}
        for item in items:
            data = (known.get(item) or {}).get("item_data") or {}
            alive = [one for one in data.get("variations") or () if not one.get("is_deleted")]
            if len(alive) != 1:
                raise BadInput(
                    f"Square's item {item} has {len(alive)} variations; an order has to name one.",
                    "Follow the POS, so that AuraConnect has its variations, and try again.",
                )
            found[item] = str(alive[0]["id"])
        return found

    async def _objects(self, session: SquareSession, idents: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for ids in _batches(sorted(set(idents))):
            answer = (await session.request("POST", "/v2/catalog/batch-retrieve", json={"object_ids": ids})).json()
            found |= {str(one["id"]): one for one in answer.get("objects") or ()}
        return found


def _line(number: int, line: NewLine, only: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "uid": f"line-{number}",
        "catalog_object_id": line.variation_key or only[line.item_key],
        "quantity": str(line.quantity),
    }
    if line.modifiers:
        if any(one.chosen for one in line.modifiers):
            raise BadInput(
                f"The choices of {line.item_key} hold choices of their own, which a Square order has side by side.",
                "Name each of them with the line.",
            )
        document["modifiers"] = [
            {"catalog_object_id": one.key.rsplit("/", 1)[-1], "quantity": str(one.quantity)} for one in line.modifiers
        ]
    return document


def _written(order: Mapping[str, Any]) -> WrittenOrder:
    tip = _cents(order, "total_tip_money")
    return WrittenOrder(
        key=str(order["id"]),
        reference=str(order.get("reference_id") or ""),
        state=STATES.get(str(order.get("state")), "open"),
        total_cents=_cents(order, "total_money") - tip,
        tax_cents=_cents(order, "total_tax_money"),
        lines=len(order.get("line_items") or ()),
        version=str(order.get("version") or ""),
    )


def _cents(document: Mapping[str, Any], name: str) -> int:
    return int((document.get(name) or {}).get("amount") or 0)


def _here(found: Mapping[str, Any] | None, location: str) -> tuple[bool, bool]:
    """Whether the variation's stock is counted at the location, and whether it is sold out there by hand."""
    data = (found or {}).get("item_variation_data") or {}
    own: Mapping[str, Any] = next(
        (o for o in data.get("location_overrides") or () if o.get("location_id") == location), {}
    )
    tracked = own.get("track_inventory")
    return bool(data.get("track_inventory") if tracked is None else tracked), bool(own.get("sold_out"))


def _level(item: str, variation: str, count: str | None, counted: bool, sold_out: bool) -> StockLevel:
    try:
        quantity = Decimal(count) if count is not None else None
    except InvalidOperation:
        quantity = None
    if sold_out:
        return StockLevel(item, variation, "out_of_stock", quantity, counted)
    if quantity is None or not counted:
        return StockLevel(item, variation, "in_stock", None, counted)
    return StockLevel(item, variation, "quantity", quantity, True)


def _batches(things: Sequence[Any]) -> list[list[Any]]:
    return [list(things[at : at + BATCH]) for at in range(0, len(things), BATCH)]


WRITER = SquareWriter()
