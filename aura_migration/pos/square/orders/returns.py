"""What stands behind refunds: their return orders, the sales and what paid for them; kept beside each page of refunds.

A refund names its return order, which names the sale and what was given back. All three make one document.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aura_migration.pos.http.errors import NotFound, PermissionMissing
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists
from aura_migration.pos.square.orders.orders import batches
from aura_migration.pos.square.orders.walk import Enrich, Parts

BRANDED = ("WALLET", "BUY_NOW_PAY_LATER")
"""Where a refund goes to that is known by a brand, which only the payment tells."""


class _Returned(msgspec.Struct):
    source_order_id: str | None = None


class _Return(msgspec.Struct):
    returns: list[_Returned] | None = None


class _Card(msgspec.Struct, omit_defaults=True):
    card_brand: str | None = None


class _CardDetails(msgspec.Struct, omit_defaults=True):
    card: _Card | None = None


class _Paid(msgspec.Struct, omit_defaults=True):
    id: str | None = None
    payment_id: str | None = None
    type: str | None = None
    created_at: str | None = None
    card_details: _CardDetails | None = None


class _Branded(msgspec.Struct, omit_defaults=True):
    brand: str | None = None


class _Payment(msgspec.Struct, omit_defaults=True):
    """Of a payment no more is kept here than its brand: the payment itself is among the payments."""

    id: str | None = None
    wallet_details: _Branded | None = None
    buy_now_pay_later_details: _Branded | None = None


class _Refund(msgspec.Struct):
    payment_id: str | None = None
    destination_type: str | None = None


class _Sold(msgspec.Struct, omit_defaults=True):
    """Of a sale no more is kept here than when it was made and how it was paid: the sale itself is among the orders."""

    id: str | None = None
    created_at: str | None = None
    closed_at: str | None = None
    tenders: list[_Paid] | None = None


def with_returns(session: SquareCalls) -> Enrich:
    """Makes of a page of refunds one that carries what stands behind them."""

    async def enrich(parts: Parts, heads: Sequence[Any]) -> bytes:
        return await beside(session, parts, [head.order_id for head in heads if head.order_id])

    return enrich


async def beside(session: SquareCalls, parts: Parts, order_ids: Sequence[str]) -> bytes:
    """``{"refunds", "return_orders", "sold_orders", "paid_by"}``: the refunds as sent with the orders of those ids, and the
    payments whose brand the refund does not tell.
    """
    try:
        returns = await _orders(session, order_ids)
        named = [msgspec.json.decode(raw, type=_Return) for raw in returns]
        ids = [one.source_order_id for held in named for one in held.returns or () if one.source_order_id]
        sold = [msgspec.json.decode(raw, type=_Sold) for raw in await _orders(session, ids)]
    except PermissionMissing:  # refunds may be read without the orders behind them
        returns, sold = [], []
    body = {name: raw for name, raw in parts.items() if name != "cursor"}
    paid = await _brands(session, parts.get("refunds"))
    return msgspec.json.encode({**body, "return_orders": returns, "sold_orders": sold, "paid_by": paid})


async def _brands(session: SquareCalls, refunds: msgspec.Raw | None) -> list[_Payment]:
    """What the payments behind refunds to wallets and instalments are called: few, each asked for by its id."""
    named = msgspec.json.decode(refunds, type=list[_Refund]) if refunds is not None else []
    ids = dict.fromkeys(one.payment_id for one in named if one.destination_type in BRANDED and one.payment_id)
    found = []
    for ident in ids:
        try:
            response = await session.get(f"{lists.PAYMENTS.path}/{ident}", {})
        except (NotFound, PermissionMissing):
            continue
        parts = session.decoded(response, dict[str, msgspec.Raw])
        if "payment" in parts:
            found.append(session.shaped_part(response, parts["payment"], _Payment))
    return found


async def _orders(session: SquareCalls, ids: Sequence[str]) -> list[msgspec.Raw]:
    found: list[msgspec.Raw] = []
    for asked in batches(list(dict.fromkeys(ids))):
        response = await session.post(lists.BY_ID, asked)
        parts = session.decoded(response, dict[str, msgspec.Raw])
        if "orders" in parts:
            found += session.shaped_part(response, parts["orders"], list[msgspec.Raw])
    return found
