"""AuraConnect's menu as its till sees it: dishes with prices, choices and taxes, discounts, charges and tenders.

Read from AuraConnect's tables as they are, not from what a migration meant to write. Dishes whose price is not one plain
figure (typed in, by weight, by time of day, given off automatically) are left to other tests: ``dishes`` leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from aura_migration.sandbox.live.hours import Hours, closeout_of

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Rate:
    """A tax in percent on top of prices; ``rounding`` as AuraConnect has it, None where the policy decides."""

    id: int
    name: str
    percent: Decimal
    rounding: str | None = None


@dataclass(frozen=True)
class Choice:
    """A modifier of a dish at a fixed price."""

    id: int
    name: str
    cents: int
    source: str
    group: str


@dataclass(frozen=True)
class Dish:
    """What can be rung up. ``source`` is the POS's id as AuraConnect keeps it: of the variation where it has some."""

    item: int
    variation: int | None
    name: str
    variation_name: str | None
    cents: int
    source: str
    item_source: str
    rates: tuple[int, ...]
    choices: tuple[Choice, ...] = ()

    @property
    def key(self) -> str:
        """Tells dishes apart."""
        return f"{self.item}/{self.variation or ''}"


@dataclass(frozen=True)
class Discount:
    """A discount on the check: a percentage or an amount."""

    id: int
    name: str
    percent: Decimal | None
    cents: int | None
    source: str


@dataclass(frozen=True)
class Charge:
    """A charge on the check in percent."""

    id: int | None
    name: str
    percent: Decimal
    charge_class: str = "auto_gratuity"


@dataclass(frozen=True)
class Tender:
    """A way to pay, as AuraConnect's list of tenders has it."""

    name: str
    method: str


@dataclass(frozen=True)
class Menu:
    """Everything the till needs to know of a location."""

    location: int
    restaurant: int
    name: str
    currency: str
    source: str
    hours: Hours
    policy: str
    dishes: tuple[Dish, ...]
    rates: dict[int, Rate]
    discounts: tuple[Discount, ...]
    gratuity: Charge | None
    tenders: tuple[Tender, ...]

    def taxed_otherwise(self, rate: int, percent: Decimal) -> Menu:
        """The same menu with another percentage of one tax."""
        return replace(self, rates={**self.rates, rate: replace(self.rates[rate], percent=percent)})

    def priced_otherwise(self, dish: Dish, cents: int) -> Dish:
        """The dish at another price."""
        return replace(dish, cents=cents)

    @property
    def by_percent(self) -> Discount | None:
        """A discount in percent on the check, if there is one."""
        return next((held for held in self.discounts if held.percent), None)


_LOCATION: LiteralString = """
    SELECT l.id, l.restaurant_id, l.name, l.timezone, l.currency, coalesce(l.source_id, '') AS source,
           l.business_day_cutover_time AS closeout,
           (SELECT s.value ->> 'name' FROM aura.settings s WHERE s.location_id = l.id AND s.setting_key = 'pricing.policy'
            AND s.deleted_at IS NULL ORDER BY s.id LIMIT 1) AS policy
    FROM aura.locations l WHERE l.id = %s
"""
_DISHES: LiteralString = """
    WITH here AS (
        SELECT i.id AS item, v.id AS variation, i.name, v.name AS variation_name,
               coalesce(i.source_id, '') AS item_source, coalesce(v.source_id, i.source_id, '') AS source,
               coalesce(ov.price_cents, oi.price_cents, v.price_cents, i.price_cents) AS cents,
               coalesce(ov.price_type, CASE WHEN v.id IS NULL THEN oi.price_type END, v.price_type, i.price_type) AS kind
        FROM aura.menu_items i
        LEFT JOIN aura.menu_item_variations v ON v.menu_item_id = i.id AND v.deleted_at IS NULL AND v.is_active
        LEFT JOIN aura.menu_item_location_overrides oi
            ON oi.menu_item_id = i.id AND oi.variation_id IS NULL AND oi.location_id = %(location)s AND oi.deleted_at IS NULL
        LEFT JOIN aura.menu_item_location_overrides ov
            ON ov.variation_id = v.id AND ov.location_id = %(location)s AND ov.deleted_at IS NULL
        WHERE i.restaurant_id = %(restaurant)s AND i.deleted_at IS NULL AND i.is_active
          AND (i.location_id IS NULL OR i.location_id = %(location)s)
          AND (i.listing = 'all' OR oi.id IS NOT NULL) AND (v.id IS NULL OR v.listing = 'all' OR ov.id IS NOT NULL)
          AND coalesce(ov.is_active, oi.is_active, true)
          AND coalesce(ov.is_available, v.is_available, true) AND coalesce(oi.is_available, i.is_available)
          AND coalesce(oi.tax_inclusive, i.tax_inclusive, false) IS FALSE
    )
    SELECT * FROM here h WHERE h.kind = 'fixed' AND h.cents >= 100 AND h.source <> ''
      AND NOT EXISTS (SELECT 1 FROM aura.price_rules p WHERE p.menu_item_id = h.item AND p.deleted_at IS NULL)
      AND NOT EXISTS (
          SELECT 1 FROM aura.pricing_rules r JOIN aura.pricing_rule_targets t ON t.pricing_rule_id = r.id
          LEFT JOIN aura.menu_item_categories c ON c.category_id = t.category_id AND c.deleted_at IS NULL
          WHERE r.is_automatic AND r.deleted_at IS NULL AND h.item IN (t.menu_item_id, c.menu_item_id))
    ORDER BY h.item, h.variation
"""
_CHOICES: LiteralString = """
    SELECT DISTINCT l.menu_item_id AS item, m.id, m.name, coalesce(o.price_cents, m.price_adjustment_cents, 0) AS cents,
           coalesce(m.source_id, '') AS source, g.name AS "group"
    FROM aura.menu_item_modifiers l
    JOIN aura.modifier_groups g ON g.id = l.modifier_group_id AND g.deleted_at IS NULL AND g.is_active
    JOIN aura.modifiers m ON m.modifier_group_id = g.id AND m.deleted_at IS NULL AND m.is_active AND m.is_available
    LEFT JOIN aura.modifier_location_overrides o
        ON o.modifier_id = m.id AND o.location_id = %(location)s AND o.deleted_at IS NULL
    WHERE l.restaurant_id = %(restaurant)s AND l.deleted_at IS NULL AND l.is_active AND coalesce(o.price_type, m.price_type) = 'fixed'
      AND (l.location_id IS NULL OR l.location_id = %(location)s) AND (m.listing = 'all' OR o.id IS NOT NULL)
      AND g.selection_type <> 'text' AND coalesce(o.is_active, true) AND coalesce(o.is_available, true)
      AND NOT EXISTS (SELECT 1 FROM aura.price_rules p WHERE p.modifier_id = m.id AND p.deleted_at IS NULL)
    ORDER BY item, m.id
"""
_TAXED: LiteralString = """
    SELECT a.menu_item_id AS item, r.id, r.name, r.rate_percent AS percent, r.rounding
    FROM aura.tax_assignments a JOIN aura.tax_rates r ON r.id = a.tax_rate_id
    WHERE a.restaurant_id = %(restaurant)s AND a.menu_item_id IS NOT NULL AND a.deleted_at IS NULL
      AND (a.location_id IS NULL OR a.location_id = %(location)s) AND a.order_type IS NULL
      AND r.deleted_at IS NULL AND r.is_active AND r.tax_type = 'percent' AND NOT r.is_inclusive
    ORDER BY a.menu_item_id, r.id
"""


def read_menu(connection: Connection, location: int) -> Menu:
    """The menu of a location of AuraConnect. Raises ``LookupError`` where there is none, or nothing plain to sell."""
    cursor = connection.cursor(row_factory=dict_row)
    place = cursor.execute(_LOCATION, [location]).fetchone()
    if place is None:
        raise LookupError(f"AuraConnect has no location {location}")
    given = {"location": location, "restaurant": place["restaurant_id"]}
    rates: dict[int, Rate] = {}
    taxed: dict[int, list[int]] = {}
    for row in cursor.execute(_TAXED, given).fetchall():
        rates[row["id"]] = Rate(row["id"], row["name"], row["percent"], row["rounding"])
        taxed.setdefault(row["item"], []).append(row["id"])
    choices: dict[int, list[Choice]] = {}
    for row in cursor.execute(_CHOICES, given).fetchall():
        item = row.pop("item")
        choices.setdefault(item, []).append(Choice(**row))
    dishes = []
    for row in cursor.execute(_DISHES, given).fetchall():
        del row["kind"]
        item = row["item"]
        dishes.append(Dish(**row, rates=tuple(taxed.get(item, ())), choices=tuple(choices.get(item, ()))))
    if not dishes:
        raise LookupError(f"nothing on AuraConnect's menu of location {location} has a plain price")
    discounts = cursor.execute(
        """
        SELECT id, name, discount_percent AS percent, discount_cents AS cents, coalesce(source_id, '') AS source
        FROM aura.pricing_rules WHERE location_id = %(location)s AND deleted_at IS NULL AND status = 'active' AND scope = 'check'
          AND NOT is_automatic AND NOT is_open_amount AND NOT is_inferred AND num_nonnulls(discount_percent, discount_cents) = 1
          AND coalesce(reduces_tax, true) AND max_discount_cents IS NULL AND rule_type IN ('percentage_discount', 'fixed_discount')
        ORDER BY id
        """,
        given,
    ).fetchall()
    gratuity = cursor.execute(
        """
        SELECT id, name, rate_percent AS percent FROM aura.service_charges
        WHERE location_id = %(location)s AND deleted_at IS NULL AND charge_class = 'auto_gratuity' AND calculation = 'percent'
          AND NOT is_taxable ORDER BY id LIMIT 1
        """,
        given,
    ).fetchone()
    tenders = cursor.execute(
        "SELECT name, method FROM aura.tender_types WHERE location_id = %(location)s AND deleted_at IS NULL "
        "ORDER BY code IS DISTINCT FROM 'credit_card', id",
        given,
    ).fetchall()
    return Menu(
        location,
        place["restaurant_id"],
        place["name"],
        place["currency"],
        place["source"],
        Hours(ZoneInfo(place["timezone"]), closeout_of(place["closeout"] or "00:00") or timedelta(0)),
        place["policy"] or "square",
        tuple(dishes),
        rates,
        tuple(Discount(**row) for row in discounts),
        Charge(**gratuity) if gratuity else None,
        tuple(Tender(**row) for row in tenders),
    )
