"""Taxes, kitchen routing and stock of one location as AuraConnect holds them, in facts: the other side of ``supplies.py``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aura_migration.pos.facts import Facts, StockFact, TaxFact
from aura_migration.verify.keys import Keys

Rows = Callable[[str], list[tuple[Any, ...]]]
HERE = "restaurant_id = %(r)s AND deleted_at IS NULL AND (location_id IS NULL OR location_id = %(l)s)"


def read_supplies(rows: Rows, keys: Keys, facts: Facts) -> set[str]:
    """Fill the facts about taxes, stations and stock. ``rows`` binds the restaurant as ``r`` and the location as ``l``.

    Returns the keys of stock that AuraConnect has counted on since it was loaded.
    """
    facts.taxes = {}
    for aura_id, name, percent, cents, is_inclusive, is_active in rows(
        f"SELECT id, name, rate_percent, amount_cents, is_inclusive, is_active FROM aura.tax_rates WHERE {HERE} ORDER BY id"
    ):
        for key in keys.of("tax_rates", aura_id):
            facts.taxes[key] = TaxFact(name, _number(percent), cents, is_inclusive, is_active)
    for aura_id, name in rows(f"SELECT id, name FROM aura.kitchen_stations WHERE {HERE} ORDER BY id"):
        for key in keys.of("kitchen_stations", aura_id) if keys.known("kitchen_stations", aura_id) else ():
            facts.names["kitchen_stations", key] = name
    facts.item_taxes = _links(
        rows(
            f"SELECT menu_item_id, tax_rate_id FROM aura.tax_assignments WHERE {HERE} AND menu_item_id IS NOT NULL ORDER BY id"
        ),
        keys,
        "items",
        "tax_rates",
    )
    facts.item_stations = _links(
        rows(f"SELECT menu_item_id, station_id FROM aura.menu_item_stations WHERE {HERE} ORDER BY id"),
        keys,
        "items",
        "kitchen_stations",
    )
    facts.modifier_stations = _links(
        rows(f"SELECT modifier_id, station_id FROM aura.modifier_stations WHERE {HERE} ORDER BY id"),
        keys,
        "modifiers",
        "kitchen_stations",
    )
    facts.stock = {}
    counted_on: set[str] = set()
    for aura_id, item, variation, quantity, is_tracked, status, vendor, is_touched in rows(
        """
        SELECT i.id, i.menu_item_id, i.variation_id, i.quantity, i.is_tracked, i.status, i.source_vendor,
               coalesce(i.updated_at > m.load_at, false)
        FROM aura.inventory i LEFT JOIN migration.migrations m ON m.id = i.migration_run_id
        WHERE i.restaurant_id = %(r)s AND i.location_id = %(l)s AND i.deleted_at IS NULL ORDER BY i.id
        """
    ):
        if not keys.known("stock", aura_id):
            if vendor is None:
                continue  # what AuraConnect counts by itself is its own business
            facts.stock[keys.one("stock", aura_id)] = StockFact(_number(quantity), is_tracked, status)
            continue
        there = StockFact(_number(quantity), is_tracked, status)
        for key in keys.of("variations", variation) if variation is not None else keys.of("items", item):
            facts.stock[key] = there
            if is_touched:
                counted_on.add(key)
    return counted_on


def _links(found: list[tuple[Any, ...]], keys: Keys, owners: str, targets: str) -> dict[str, frozenset[str]]:
    linked: dict[str, set[str]] = defaultdict(set)
    for owner, target in found:
        for key in keys.of(owners, owner):
            linked[key].update(keys.of(targets, target))
    return {key: frozenset(members) for key, members in linked.items()}


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
