"""Prices that AuraConnect held before a later load changed them: the POS's own at an earlier reading.

The journal of the loads is the catalogue's history as far as this tool has seen it. A price out of it proves that the POS asked
it until then, which no order can tell while none was sold at the new one. What orders show is in ``history.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import psycopg

from aura_migration.verify.replay.history import Subject

Earlier = Mapping[Subject, Mapping[int, date]]
"""By subject of a price, the amounts in minor units that held before, each with the last date on which it did."""

_ITEM_PRICES = """
    SELECT CASE WHEN j.aura_table = 'menu_items' THEN j.aura_id ELSE (j.after ->> 'menu_item_id')::bigint END,
           CASE j.aura_table WHEN 'menu_item_variations' THEN j.aura_id
                WHEN 'menu_item_location_overrides' THEN (j.after ->> 'variation_id')::bigint END,
           (j.before ->> 'price_cents')::bigint, max(r.until)
    FROM migration.journal j JOIN migration.plans p ON p.id = j.plan_id
    CROSS JOIN LATERAL (SELECT max(s.taken_at) AT TIME ZONE 'UTC' AS until FROM migration.snapshots s
                        WHERE s.id = ANY(p.snapshot_ids) AND s.scope <> 'history') r
    WHERE j.op = 'update' AND j.undone_at IS NULL
      AND j.aura_table IN ('menu_items', 'menu_item_variations', 'menu_item_location_overrides')
      AND j.before ->> 'price_cents' IS DISTINCT FROM j.after ->> 'price_cents' AND j.before ->> 'price_cents' IS NOT NULL
      AND CASE WHEN j.aura_table = 'menu_items' THEN j.aura_id ELSE (j.after ->> 'menu_item_id')::bigint END = ANY(%(ids)s)
      AND (j.aura_table <> 'menu_item_location_overrides' OR (j.after ->> 'location_id')::bigint = %(location)s)
    GROUP BY 1, 2, 3
"""
_CHOICE_PRICES = """
    SELECT CASE WHEN j.aura_table = 'modifiers' THEN j.aura_id ELSE (j.after ->> 'modifier_id')::bigint END,
           coalesce(j.before ->> 'price_adjustment_cents', j.before ->> 'price_cents')::bigint, max(r.until)
    FROM migration.journal j JOIN migration.plans p ON p.id = j.plan_id
    CROSS JOIN LATERAL (SELECT max(s.taken_at) AT TIME ZONE 'UTC' AS until FROM migration.snapshots s
                        WHERE s.id = ANY(p.snapshot_ids) AND s.scope <> 'history') r
    WHERE j.op = 'update' AND j.undone_at IS NULL AND j.aura_table IN ('modifiers', 'modifier_location_overrides')
      AND coalesce(j.before ->> 'price_adjustment_cents', j.before ->> 'price_cents')
          IS DISTINCT FROM coalesce(j.after ->> 'price_adjustment_cents', j.after ->> 'price_cents')
      AND coalesce(j.before ->> 'price_adjustment_cents', j.before ->> 'price_cents') IS NOT NULL
      AND CASE WHEN j.aura_table = 'modifiers' THEN j.aura_id ELSE (j.after ->> 'modifier_id')::bigint END = ANY(%(ids)s)
      AND (j.aura_table = 'modifiers' OR (j.after ->> 'location_id')::bigint = %(location)s)
    GROUP BY 1, 2
"""


def earlier_prices(connection: psycopg.Connection[Any], location_id: int, subjects: Iterable[Subject]) -> Earlier:
    """What the items, sizes and choices of these subjects cost at the location before a later load, by AuraConnect's journal."""
    wanted = set(subjects)
    items = sorted({int(s[1]) for s in wanted if s[0] == "item" and isinstance(s[1], int)})
    choices = sorted({int(s[1]) for s in wanted if s[0] == "modifier" and isinstance(s[1], int)})
    found: dict[Subject, dict[int, date]] = defaultdict(dict)

    def note(subject: Subject, cents: int, until: Any) -> None:
        held = found[subject].get(cents)
        found[subject][cents] = max(held, until.date()) if held else until.date()

    if items:
        rows = connection.execute(_ITEM_PRICES, {"ids": items, "location": location_id}).fetchall()
        for item, variation, cents, until in rows:
            # A price of the item is that of its only size, too.
            sizes = {s for s in wanted if s[:2] == ("item", item) and (variation is None or s[2] in (None, variation))}
            for subject in sizes if until is not None else ():
                note(subject, cents, until)
    if choices:
        for choice, cents, until in connection.execute(
            _CHOICE_PRICES, {"ids": choices, "location": location_id}
        ).fetchall():
            if until is not None:
                note(("modifier", choice), cents, until)
    return found
