"""`diner`: one location where everything is hard: texts, limits, states, sizes, units, times, leftovers."""

from __future__ import annotations

from aura_migration.sandbox.square import scenario_diner_base as base
from aura_migration.sandbox.square import scenario_diner_more as more
from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import Presence
from aura_migration.sandbox.square.scenario_diner_base import LONG_GONE, WEEK, Diner


def diner(builder: Builder) -> None:
    """Write the whole scenario."""
    builder.merchant.name = "Late Night Diner & Bar ☕"
    late = [(day, "17:00:00", "23:59:00") for day in WEEK] + [
        ("SAT", "00:00:00", "02:00:00"),
        ("SAT", "11:00:00", "23:59:00"),
    ]
    place = builder.location("Route 61", hours=late, description="Open late", business_name="Late Night Diner LLC")
    sales = builder.tax("Sales tax", "8.875")
    meals = builder.tax("Meals tax", "2.0")
    builder.tax("VAT (included)", "20.0", inclusive=True)
    builder.tax("Old county tax", "0.5", enabled=False)
    builder.tax("Tax elsewhere", "3.25", presence=Presence(False, [LONG_GONE]))
    builder.tax("Tax on total", "1.125", on_total=True, custom_amounts=False)
    builder.write()
    parts = Diner(place, base.categories(builder), base.menus(builder), base.stations(builder), {}, sales, meals)
    base.groups(builder, parts)
    base.nested(builder, parts)
    base.plain_items(builder, parts)
    base.odd_texts(builder, parts)
    base.odd_states(builder, parts)
    more.sizes(builder, parts)
    more.units_and_open_prices(builder, parts)
    more.rules(builder, parts)
    more.attributes(builder, parts)
    more.stock(builder, parts)
    more.leftovers(builder, parts)
