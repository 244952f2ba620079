"""Trying a first record of a list, where Square does not tell what a token may do."""

from __future__ import annotations

from aura_migration.pos.http.errors import NotFound
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people.lists import LISTINGS, PROGRAM


async def probe(session: SquareCalls, entity: str, location: str) -> None:
    """Read a first record of that source entity; PermissionMissing where the token may not."""
    if entity == "loyalty_program":
        try:
            await session.request("GET", PROGRAM)
        except NotFound:  # a seller without a programme: it may be read, there is none
            return
        return
    listing = LISTINGS[entity]
    asked = listing.request(page=1)
    if entity == "break_types":
        asked["location_id"] = location
    if entity == "timecards":
        asked["query"] = {"filter": {"location_ids": [location]}}
    if listing.method == "GET":
        await session.get(listing.path, {name: str(value) for name, value in asked.items()})
    else:
        await session.post(listing.path, asked)
