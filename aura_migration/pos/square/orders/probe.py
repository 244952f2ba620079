"""Trying a first record of a list of the past, where Square does not tell what a token may do."""

from __future__ import annotations

from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists, sources

TRIED = {
    sources.PAYMENTS: lists.PAYMENTS,
    sources.REFUNDS: lists.REFUNDS,
    sources.PAYOUTS: lists.PAYOUTS,
    sources.ENTRIES: lists.PAYOUTS,
    sources.SHIFTS: lists.SHIFTS,
    sources.EVENTS: lists.SHIFTS,
    sources.DISPUTES: lists.DISPUTES,
}


async def probe(session: SquareCalls, entity: str, location: str) -> None:
    """Read a first record of that source entity; PermissionMissing where the token may not."""
    if entity == sources.ORDERS:
        await session.post(lists.ORDERS.path, {"location_ids": [location], "limit": 1})
        return
    listing = TRIED[entity]
    asked = {**listing.request(page=1), "location_id": location}
    await session.get(listing.path, {name: str(value) for name, value in asked.items()})
