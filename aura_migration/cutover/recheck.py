"""The last orders before a switch, looked at again after it: each is in AuraConnect, once, and with the POS's figures.

Orders that reached the POS in the last seconds are what a switch loses first. The POS's side is handed in by whoever read it;
nothing here asks a POS. No word about a problem names a guest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

FIGURES = ("total_cents", "tax_cents", "tip_cents", "is_voided")


@dataclass(frozen=True)
class LastOrder:
    """One order as the POS has it: its own id, its number for people, minor units, and the external reference it carries."""

    source_key: str
    number: str
    total_cents: int
    tax_cents: int
    tip_cents: int
    is_voided: bool
    reference: str | None = None


def recheck_orders(connection: Connection, location_id: int, orders: Sequence[LastOrder]) -> list[str]:
    """What is wrong, one line per order: missing, there twice, or with other figures.

    The POS's copy of an order that AuraConnect took (reference ``aura:<id>``, or an id AuraConnect knows it by) is that order.
    """
    keys = [order.source_key for order in orders]
    ours = [
        int(o.reference[5:]) for o in orders if o.reference and o.reference[5:].isdigit() and o.reference[:5] == "aura:"
    ]
    rows = connection.execute(
        "SELECT o.id, o.origin, o.source_id, o.external_id, o.final_amount_cents, "
        "o.tax_amount_cents, o.tip_amount_cents, o.is_voided OR o.status = 'cancelled' FROM aura.orders o "
        "WHERE o.location_id = %(location)s AND o.deleted_at IS NULL AND (o.source_id = ANY(%(keys)s) "
        "OR o.origin = 'aura_native' AND (o.external_id = ANY(%(keys)s) OR o.id = ANY(%(ours)s)))",
        {"location": location_id, "keys": keys, "ours": ours},
    ).fetchall()
    copies: dict[str, list[Any]] = {}
    natives: dict[str, Any] = {}
    for row in rows:
        if row[1] == "aura_native":
            natives[f"aura:{row[0]}"] = row
            natives[row[3] or ""] = row
        else:
            copies.setdefault(row[2], []).append(row)
    problems = []
    for order in orders:
        name = f"order {order.number or order.source_key}"
        if order.source_key in natives or (order.reference or "-") in natives:
            continue  # taken by AuraConnect itself; whether both say the same is judged by the day
        found = copies.get(order.source_key, [])
        if not found:
            problems.append(f"{name} is missing")
            continue
        there = dict(zip(FIGURES, found[0][4:8], strict=True))
        unlike = [f"{figure} {there[figure]} instead of {getattr(order, figure)}" for figure in FIGURES if there[figure] != getattr(order, figure)]  # fmt: skip
        if unlike:
            problems.append(f"{name} has {', '.join(unlike)}")
    return problems
