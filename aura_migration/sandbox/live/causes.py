"""Putting differences between the two systems: which way goes by whether AuraConnect takes orders itself."""

from __future__ import annotations

from datetime import date
from typing import Literal

from aura_migration.sandbox.live.injecting import CAUSES
from aura_migration.sandbox.live.ledger import Injected
from aura_migration.sandbox.live.shadow import SHADOWED
from aura_migration.sandbox.live.trading import LiveRestaurant

Way = Literal["twin", "shadow"]


def inject(live: LiveRestaurant, cause: str, day: date, way: Way | None = None) -> list[Injected]:
    """Put a difference of that cause into a business date that is still to be traded; what was written down of it so far.

    ``twin``: on an order that AuraConnect takes and pushes to the POS; ``shadow``: on an order of the POS that AuraConnect copies
    and prices again; by default the first where AuraConnect takes orders in the house. ``LookupError`` for a cause that is not
    known, or for which this café has not what it takes (a gratuity, a discount in percent).
    """
    if way is None:
        way = "twin" if live.till.accepts("in_house") else "shadow"
    known = CAUSES if way == "twin" else SHADOWED
    if cause not in known:
        raise LookupError(f"there is no cause {cause!r} by way of a {way}; there are: {', '.join(known)}")
    before = len(live.ledger.injected)
    known[cause](live, day)
    return live.ledger.injected[before:]
