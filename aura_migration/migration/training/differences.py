"""What staff finds in another place, under another name or not at all: the POS's menu as the loaded plan has it, beside what
stands in AuraConnect now. Prices are proven elsewhere; here only those are told that were meant to differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from aura_migration.database.connections import Connection

Kind = Literal["renamed", "moved", "regrouped", "repriced", "unavailable", "missing"]
KINDS: tuple[Kind, ...] = ("missing", "renamed", "moved", "regrouped", "repriced", "unavailable")
"""In the order in which they matter at the till."""


@dataclass(frozen=True)
class Difference:
    """One thing staff will look for. ``was`` and ``now`` are words of the POS and of AuraConnect; ``sold`` how often it sold."""

    kind: Kind
    what: str
    was: str
    now: str
    sold: int


def differences(connection: Connection, migration_id: int, plan_id: int, since_days: int) -> Iterator[Difference]:
    """All differences of a loaded plan, best sellers first within each kind. ``since_days``: sales of so many last days count."""
    named = {"migration": migration_id, "plan": plan_id, "days": since_days}
    found: list[Difference] = []
    for name, was, now, sold in connection.execute(f"{_ITEMS} {_NAMES}", named).fetchall():
        found.append(Difference("renamed", was, was, name_or(now, name), sold))
    for kind, links in (("moved", _CATEGORIES), ("regrouped", _GROUPS)):
        for name, was, now, sold in connection.execute(f"{_ITEMS}, {links} {_SETS}", named).fetchall():
            found.append(Difference(kind, name, _listed(was), _listed(now), sold))  # type: ignore[arg-type]
    for name, was_cents, now_cents, sold in connection.execute(f"{_ITEMS} {_PRICES}", named).fetchall():
        found.append(Difference("repriced", name, str(was_cents), str(now_cents), sold))
    for name, sold in connection.execute(f"{_ITEMS} {_UNAVAILABLE}", named).fetchall():
        found.append(Difference("unavailable", name, "on sale", "switched off in AuraConnect", sold))
    for entity, name, reason in connection.execute(_MISSING, named).fetchall():
        found.append(Difference("missing", name, entity.replace("_", " ").rstrip("s"), reason or "left out", 0))
    order = {kind: position for position, kind in enumerate(KINDS)}
    yield from sorted(found, key=lambda one: (order[one.kind], -one.sold, one.what))


def name_or(name: str | None, other: str) -> str:
    """A name, or the other where it is empty."""
    return name or other


def _listed(names: list[str] | None) -> str:
    return ", ".join(names or []) or "none"


def best_sellers(connection: Connection, migration_id: int, since_days: int, limit: int) -> list[dict[str, Any]]:
    """``[{"name", "category", "price_cents", "sizes", "sold", "id"}]`` of what stands in AuraConnect, most sold first.

    Counted over the last days for which there are orders; without orders the menu's own order decides.
    """
    rows = connection.execute(
        f"""
        {_SOLD}
        SELECT i.name, c.name, i.price_cents, coalesce(s.sold, 0)::bigint, i.id,
               (SELECT jsonb_agg(jsonb_build_array(v.name, v.price_cents) ORDER BY v.display_order, v.id)
                FROM aura.menu_item_variations v WHERE v.menu_item_id = i.id AND v.deleted_at IS NULL AND v.is_active)
        FROM here JOIN aura.menu_items i ON i.restaurant_id = here.restaurant_id AND i.deleted_at IS NULL AND i.is_active
        LEFT JOIN sold s ON s.menu_item_id = i.id
        LEFT JOIN aura.menu_categories c ON c.id = i.category_id
        WHERE EXISTS (SELECT 1 FROM migration.claims k WHERE k.migration_id = here.migration_id
                      AND k.aura_table = 'menu_items' AND k.aura_id = i.id)
        ORDER BY 4 DESC, i.display_order, i.id LIMIT %(limit)s
        """,
        {"migration": migration_id, "days": since_days, "limit": limit},
    ).fetchall()
    names = ("name", "category", "price_cents", "sold", "id", "sizes")
    return [dict(zip(names, row, strict=True)) for row in rows]


_SOLD = """
WITH here AS (
    SELECT m.id AS migration_id, m.restaurant_id,
           (SELECT x.aura_id FROM migration.crosswalk x WHERE x.integration_id = m.integration_id AND x.entity = 'locations'
              AND x.source_key = split_part(m.location_key, ':', 2)) AS location_id
    FROM migration.migrations m WHERE m.id = %(migration)s
), newest AS (
    SELECT max(o.business_date) AS day FROM aura.orders o JOIN here ON o.location_id = here.location_id
), sold AS (
    SELECT l.menu_item_id, sum(l.quantity) AS sold
    FROM here JOIN aura.orders o ON o.location_id = here.location_id CROSS JOIN newest
    JOIN aura.order_items l ON l.order_id = o.id AND NOT l.is_voided
    WHERE o.business_date > newest.day - %(days)s::integer GROUP BY 1
)
"""
_ITEMS = f"""
{_SOLD}, items AS (
    SELECT p.aura_id AS id, coalesce(p.source_image, p.image, '{{}}') AS pos, i.name, i.price_cents, i.is_active,
           coalesce(s.sold, 0)::bigint AS sold, here.location_id
    FROM here CROSS JOIN migration.plan_rows p
    JOIN aura.menu_items i ON i.id = p.aura_id AND i.deleted_at IS NULL
    LEFT JOIN sold s ON s.menu_item_id = i.id
    WHERE p.plan_id = %(plan)s AND p.entity = 'items' AND p.action IN ('create', 'update', 'unchanged', 'merge')
)
"""
_NAMES = """
SELECT name, pos ->> 'name', name, sold FROM items WHERE pos ->> 'name' IS DISTINCT FROM name AND pos ->> 'name' IS NOT NULL
"""
_PRICES = """
SELECT name, (pos ->> 'price_cents')::bigint, price_cents, sold FROM items
WHERE pos ? 'price_cents' AND (pos ->> 'price_cents')::bigint IS DISTINCT FROM price_cents
"""
_UNAVAILABLE = """
SELECT name, sold FROM items WHERE NOT is_active AND (pos ->> 'is_active')::boolean
"""
_MISSING = """
SELECT entity, label, reason FROM migration.plan_rows
WHERE plan_id = %(plan)s AND action IN ('skip', 'quarantine') AND entity IN ('items', 'variations', 'modifier_groups', 'modifiers', 'categories')
"""


def _links(entity: str, table: str, target: str, column: str, names: str) -> str:
    """Names an item is linked to, on both sides: as the plan's links say, and as they stand."""
    return f"""
    named AS (
        SELECT t.id, t.name AS now, coalesce(p.source_image ->> 'name', p.image ->> 'name', t.name) AS was
        FROM aura.{target} t LEFT JOIN migration.plan_rows p ON p.plan_id = %(plan)s AND p.entity = '{names}' AND p.aura_id = t.id
    ), was AS (
        SELECT (link ->> 'menu_item_id')::bigint AS item, array_agg(DISTINCT n.was ORDER BY n.was) AS names
        FROM (SELECT coalesce(p.source_image, p.image, to_jsonb(a)) AS link FROM migration.plan_rows p
              LEFT JOIN aura.{table} a ON a.id = p.aura_id
              WHERE p.plan_id = %(plan)s AND p.entity = '{entity}' AND p.action <> 'quarantine') l
        JOIN named n ON n.id = (link ->> '{column}')::bigint GROUP BY 1
    ), now AS (
        SELECT a.menu_item_id AS item, array_agg(DISTINCT n.now ORDER BY n.now) AS names
        FROM aura.{table} a JOIN items i ON i.id = a.menu_item_id AND (a.location_id IS NULL OR a.location_id = i.location_id)
        JOIN named n ON n.id = a.{column} WHERE a.deleted_at IS NULL GROUP BY 1
    )
    """


_CATEGORIES = _links("item_categories", "menu_item_categories", "menu_categories", "category_id", "categories")
_GROUPS = _links(
    "item_modifier_groups", "menu_item_modifiers", "modifier_groups", "modifier_group_id", "modifier_groups"
)
_SETS = """
SELECT i.name, was.names, now.names, i.sold FROM items i LEFT JOIN was ON was.item = i.id LEFT JOIN now ON now.item = i.id
WHERE was.names IS DISTINCT FROM now.names
"""
