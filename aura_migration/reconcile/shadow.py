"""The POS's orders of one business date, priced by AuraConnect's menu and rules: the evidence of orders it has only copies of.

Order replay rings them up and explains what differs by its own proofs; here its words become causes of the day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import psycopg

from aura_migration.reconcile.causes import OF_RULE, Cause
from aura_migration.verify.replay.replay import Judged, replay_orders
from aura_migration.verify.replay.rung import Span
from aura_migration.verify.replay.words import Cause as Rule
from aura_migration.verify.replay.words import Class, Part, Skip, Why

Connection = psycopg.Connection[Any]
CHOSEN_OTHERWISE = frozenset({Rule.MIN_SELECTION, Rule.MAX_SELECTION})
"""Choices that the menu would ask for otherwise and that cost nothing: no difference of money. The replay's own gate is about them."""


class Priced(NamedTuple):
    """One difference of a shadow price: AuraConnect's price less the POS's, in minor units."""

    key: str
    aura_id: int
    cause: Cause
    part: str
    cents: int
    is_proven: bool
    why: str


@dataclass
class Shadow:
    """What pricing a date's orders showed. ``orders`` are those that could be priced; ``skipped`` could not be compared."""

    orders: int = 0
    skipped: int = 0
    found: list[Priced] = field(default_factory=list)
    unpriced: list[int] = field(default_factory=list)
    """AuraConnect's ids of orders that cannot be compared, as a line is of nothing on the menu."""

    @property
    def keys(self) -> set[str]:
        """The orders something differs of."""
        return {one.key for one in self.found}


def price_day(connection: Connection, restaurant_id: int, location_id: int, pos: str, day: date) -> Shadow:
    """Ring the date's copied orders up again. An order that cannot be compared is no evidence, and no difference."""
    replayed = replay_orders(connection, restaurant_id, location_id, pos, Span(since=day, until=day))
    shadow = Shadow(orders=replayed.orders)
    for judged in replayed.judged:
        if judged.verdict is Class.NOT_COMPARABLE:
            shadow.skipped += 1
            shadow.orders -= 1
            if Skip.NO_CATALOG_ID in judged.skips:
                shadow.unpriced.append(judged.order.id)
        for found, why in judged.found:
            if found.cause in CHOSEN_OTHERWISE and not found.cents:
                continue
            if why is Why.COMP or (judged.verdict is Class.NOT_COMPARABLE and why is None):
                continue
            shadow.found.append(
                Priced(
                    judged.order.key,
                    judged.order.id,
                    OF_RULE.get(found.cause, Cause.UNKNOWN),
                    "tax" if found.part is Part.TAX else str(found.part),
                    found.cents,
                    why is not None,
                    str(why or ""),
                )
            )
        shadow.found += follows(judged)
    return shadow


def follows(judged: Judged) -> list[Priced]:
    """The discounts, charges and taxes of an order that move with a difference: by its cause, proven if all it follows is.

    With them the order's differences add up to AuraConnect's price less the POS's.
    """
    if judged.skips:
        return []
    made = []
    for one in judged.carried:
        led = [(found, why) for found, why in judged.found if found.part in one.of and found.cents]
        found, why = next((pair for pair in led if pair[1] is None), led[0])
        cause = OF_RULE.get(found.cause, Cause.UNKNOWN)
        told = "follows" if why is None else f"follows {why}"
        made.append(Priced(judged.order.key, judged.order.id, cause, str(one.part), one.cents, why is not None, told))
    return made
