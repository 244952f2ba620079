"""Small menus for tests of staging, planning and loading: restaurants, migrations, canonical batches, the whole way.

Source keys are short and readable; rows of one location begin with the location's id, as the connectors make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.model import Batch
from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.canonical.stage import Staged, stage_rows
from aura_migration.load.apply import LoadProgress, apply_plan
from aura_migration.load.undo import Undone, undo_migration
from aura_migration.plan.planner import StoredPlan, Subject, build_plan

Connection = psycopg.Connection[Any]
LOAD_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
AURA_TABLES = ("restaurants", *dict.fromkeys(entity.table for entity in MENU_ENTITIES))


# -- who ----------------------------------------------------------------------------------------------------------------


def make_restaurant(connection: Connection, name: str = "Trattoria") -> int:
    """A tenant in AuraConnect."""
    return int(one(connection, "INSERT INTO aura.restaurants (name) VALUES (%s) RETURNING id", [name]))


def make_integration(connection: Connection, restaurant_id: int, pos: str = "square", merchant: str = "M1") -> int:
    """A connected POS account."""
    found = one(
        connection,
        "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "VALUES (%s, %s, 'http://pos', %s, %s) RETURNING id",
        [restaurant_id, pos, merchant, merchant],
    )
    return int(found)


def make_subject(connection: Connection, integration_id: int, location: str = "L1") -> Subject:
    """A new migration of a location; the location is made if need be."""
    restaurant_id, pos = rows(
        connection, "SELECT restaurant_id, pos FROM migration.integrations WHERE id = %s", [integration_id]
    )[0]
    key = f"{pos}:{location}"
    connection.execute(
        "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
        "VALUES (%s, %s, %s, %s, %s, '{}') ON CONFLICT DO NOTHING",
        [key, integration_id, restaurant_id, location, location],
    )
    migration_id = one(
        connection,
        "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key, load_at) VALUES (%s, %s, %s, %s) RETURNING id",
        [integration_id, restaurant_id, key, LOAD_AT],
    )
    return Subject(migration_id, integration_id, restaurant_id, key, pos)


def make_chain(connection: Connection, *locations: str) -> list[Subject]:
    """Migrations of several locations of one account of a new restaurant."""
    integration_id = make_integration(connection, make_restaurant(connection))
    return [make_subject(connection, integration_id, location) for location in locations or ("L1",)]


# -- what ---------------------------------------------------------------------------------------------------------------

DEFAULTS: dict[str, dict[str, Any]] = {
    "locations": {
        "timezone": "America/New_York",
        "currency": "USD",
        "business_day_cutover_time": "00:00",
        "is_active": True,
    },
    "menus": {"is_active": True, "display_order": 0},
    "categories": {"is_active": True, "display_order": 0},
    "tax_rates": {
        "rate_percent": "8.875",
        "tax_type": "percent",
        "is_inclusive": False,
        "is_default": False,
        "is_active": True,
    },
    "kitchen_stations": {"station_type": "prep"},
    "items": {
        "price_type": "fixed",
        "price_cents": 500,
        "item_type": "item",
        "is_available": True,
        "is_active": True,
        "display_order": 0,
    },
    "variations": {
        "price_type": "fixed",
        "price_cents": 500,
        "is_default": False,
        "is_available": True,
        "is_active": True,
        "display_order": 0,
    },
    "modifier_groups": {
        "selection_type": "multiple",
        "min_selections": 0,
        "is_required": False,
        "allow_quantities": False,
        "is_active": True,
        "display_order": 0,
    },
    "modifiers": {
        "price_adjustment_cents": 50,
        "price_type": "fixed",
        "is_default": False,
        "is_available": True,
        "is_active": True,
        "display_order": 0,
    },
    "pre_modifiers": {"display_order": 0},
    "item_categories": {"is_primary": True, "display_order": 0},
    "item_menus": {"display_order": 0},
    "item_modifier_groups": {"min_selections": 0, "is_required": False, "is_active": True, "display_order": 0},
    "nested_groups": {"min_selections": 0, "display_order": 0},
    "modifier_defaults": {"is_default": True},
    "group_pre_modifiers": {"display_order": 0},
    "price_rules": {"price_cents": 400, "priority": 1},
    "item_taxes": {"overrides_item_taxes": False},
    "item_stations": {"is_primary": True, "sequence": 1},
    "modifier_stations": {"sequence": 1},
    "stock": {"status": "in_stock", "is_tracked": True},
}


@dataclass
class Menu:
    """A batch in the making, of one location."""

    location: str = "L1"
    batch: Batch = field(default_factory=Batch)

    def __post_init__(self) -> None:
        self.add("locations", self.location, name=f"Main Street {self.location}")

    def add(self, entity: str, key: str, source: dict[str, Any] | None = None, **values: Any) -> str:
        """One row with the defaults of its entity; returns its key."""
        self.batch.add(entity, key, source, f"catalog#{key}", **{**DEFAULTS.get(entity, {}), **values})
        return key

    def here(self, entity: str, *ids: str, **values: Any) -> str:
        """One row of this location; its key begins with the location's."""
        return self.add(entity, "/".join((self.location, *ids)), **values)

    def item(
        self, key: str, name: str | None = None, cents: int = 500, *, here: dict[str, Any] | None = None, **values: Any
    ) -> str:
        """An item sold at this location; ``here`` are the values it has there, its own by default."""
        self.add(
            "items", key, {"id": key, "name": name or key, **values}, name=name or key, price_cents=cents, **values
        )
        place = {"price_type": "fixed", "price_cents": cents, "is_available": True, "is_active": True, **(here or {})}
        self.here("item_locations", key, menu_item_key=key, **place)
        return key

    def group(self, key: str, options: Sequence[tuple[str, int]], *, items: Sequence[str] = (), **values: Any) -> str:
        """A modifier group with options ``(name, cents)``, asked for by the items."""
        self.add("modifier_groups", key, name=key, **values)
        for place, (name, cents) in enumerate(options):
            option = f"{key}-{name}"
            self.add(
                "modifiers",
                option,
                modifier_group_key=key,
                name=name,
                price_adjustment_cents=cents,
                display_order=place,
            )
            self.here("modifier_locations", option, modifier_key=option, price_type="fixed", price_cents=cents)
        for item in items:
            self.here("item_modifier_groups", item, key, menu_item_key=item, modifier_group_key=key)
        return key

    def category(self, key: str, items: Sequence[str] = (), **values: Any) -> str:
        """A category with its items."""
        self.add("categories", key, **{"name": key, **values})
        for item in items:
            self.here("item_categories", item, key, menu_item_key=item, category_key=key)
        return key


def cafe(location: str = "L1") -> Menu:
    """A bit of everything: nested categories and groups, variations, price rules, taxes, stations, stock."""
    menu = Menu(location)
    menu.add("menus", "ALL", name="All day")
    menu.category("FOOD", name="Food")
    menu.category("TOAST", name="Toasts", parent_category_key="FOOD", menu_key="ALL")
    menu.item("AVO", "Avocado toast", 1200, category_key="TOAST", description="with lime", tags=["vegan"])
    menu.item("EGG", "Egg toast", 1100, category_key="TOAST")
    menu.item("COF", "Coffee", 300)
    for key in ("AVO", "EGG"):
        menu.here("item_categories", key, "TOAST", menu_item_key=key, category_key="TOAST")
        menu.here("item_menus", key, "ALL", menu_item_key=key, menu_key="ALL")
    for size, cents in (("S", 300), ("L", 450)):
        menu.add("variations", f"COF-{size}", menu_item_key="COF", name=size, price_cents=cents)
        menu.here(
            "item_locations",
            "COF",
            size,
            menu_item_key="COF",
            variation_key=f"COF-{size}",
            price_type="fixed",
            price_cents=cents,
        )
    menu.group("MILK", [("Oat", 60), ("Whole", 0)], items=["COF"])
    menu.group("FOAM", [("Extra", 20)])
    menu.here("nested_groups", "MILK-Oat", "FOAM", modifier_key="MILK-Oat", modifier_group_key="FOAM", max_selections=2)
    menu.add("tax_rates", "TAX", name="Sales tax")
    menu.here("item_taxes", "item", "AVO", "TAX", tax_rate_key="TAX", menu_item_key="AVO")
    menu.here("kitchen_stations", "HOT", name="Hot")
    menu.here("item_stations", "AVO", "HOT", menu_item_key="AVO", station_key=f"{location}/HOT")
    menu.here("price_rules", "COF", "happy", menu_item_key="COF", days=["mon"], time_from="16:00", time_to="18:00")
    menu.here("stock", "AVO", item_name="Avocado toast", menu_item_key="AVO", quantity="12.5", status="quantity")
    return menu


# -- the way ------------------------------------------------------------------------------------------------------------


def stage(connection: Connection, subject: Subject, menu: Menu | Batch, options: Any = None) -> Staged:
    """Stage a batch."""
    batch = menu.batch if isinstance(menu, Menu) else menu
    return stage_rows(connection, subject.migration_id, batch, as_options(options))


def preview(
    connection: Connection, subject: Subject, menu: Menu | Batch, options: Any = None, **more: Any
) -> StoredPlan:
    """Stage and plan."""
    stage(connection, subject, menu, options)
    return plan(connection, subject, options, **more)


def plan(connection: Connection, subject: Subject, options: Any = None, **more: Any) -> StoredPlan:
    """Plan what is staged."""
    return build_plan(connection, subject, MENU_ENTITIES, as_options(options), **more)


def start_loading(connection: Connection, subject: Subject, plan_id: int) -> None:
    """The states in which a load runs."""
    connection.execute(
        "UPDATE migration.migrations SET state = 'loading', plan_id = %s WHERE id = %s", [plan_id, subject.migration_id]
    )
    connection.execute("UPDATE migration.plans SET state = 'loading' WHERE id = %s", [plan_id])


def load(connection: Connection, subject: Subject, plan_id: int, **more: Any) -> LoadProgress:
    """Carry a plan out, with the states before and after."""
    start_loading(connection, subject, plan_id)
    done = apply_plan(connection, subject, plan_id, ENTITIES, LOAD_AT, **more)
    connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [plan_id])
    connection.execute("UPDATE migration.migrations SET state = 'loaded' WHERE id = %s", [subject.migration_id])
    return done


def migrate(connection: Connection, subject: Subject, menu: Menu | Batch, options: Any = None) -> StoredPlan:
    """Stage, plan and load."""
    stored = preview(connection, subject, menu, options)
    load(connection, subject, stored.plan_id)
    return stored


def undo(connection: Connection, subject: Subject, **more: Any) -> Undone:
    """Roll a migration back, with the states after."""
    undone = undo_migration(connection, subject, MENU_ENTITIES, **more)
    if not more.get("rehearse"):
        connection.execute(
            "UPDATE migration.migrations SET state = 'rolled_back' WHERE id = %s", [subject.migration_id]
        )
        connection.execute(
            "UPDATE migration.plans SET state = 'undone' WHERE migration_id = %s AND state IN ('planned', 'approved', 'loading', 'loaded')",
            [subject.migration_id],
        )
    return undone


def as_options(options: Any) -> MigrationOptions:
    """Options from a document, none, or options."""
    if isinstance(options, MigrationOptions):
        return options
    return parse_options(options or {})


# -- looking ------------------------------------------------------------------------------------------------------------


def one(connection: Connection, query: str, arguments: Sequence[Any] | dict[str, Any] = ()) -> Any:
    """The one value of a query."""
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row[0]


def rows(connection: Connection, query: str, arguments: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
    """All rows of a query."""
    return connection.execute(query, arguments).fetchall()


def aura_image(connection: Connection, *, restaurant_id: int | None = None) -> dict[str, list[str]]:
    """Every row of every table of AuraConnect as text, in id order: equal images, equal to the byte."""
    found = {}
    for table in AURA_TABLES:
        column = "id" if table == "restaurants" else "restaurant_id"
        found[table] = [
            row[0]
            for row in rows(
                connection,
                f"SELECT t::text FROM aura.{table} t WHERE %(r)s::bigint IS NULL OR {column} = %(r)s ORDER BY id",
                {"r": restaurant_id},
            )
        ]
    return found


def plan_row(connection: Connection, stored: StoredPlan, entity: str, key: str) -> dict[str, Any]:
    """One row of a plan."""
    cursor = connection.execute(
        "SELECT * FROM migration.plan_rows WHERE plan_id = %s AND entity = %s AND source_key = %s",
        [stored.plan_id, entity, key],
    )
    row = cursor.fetchone()
    assert row is not None, f"the plan has no {entity} {key}"
    return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


def actions(connection: Connection, stored: StoredPlan, entity: str) -> dict[str, str]:
    """Source key → action."""
    return dict(
        rows(
            connection,
            "SELECT source_key, action FROM migration.plan_rows WHERE plan_id = %s AND entity = %s",
            [stored.plan_id, entity],
        )
    )


def totals(stored: StoredPlan) -> dict[str, int]:
    """Action → number, over all entities."""
    found: dict[str, int] = {}
    for counts in stored.counts.values():
        for action, number in counts.items():
            found[action] = found.get(action, 0) + number
    return found


def aura_row(connection: Connection, table: str, key: str, restaurant_id: int | None = None) -> dict[str, Any]:
    """The live row of a table that came from a source key."""
    cursor = connection.execute(
        f"SELECT * FROM aura.{table} WHERE source_id = %s AND (%s::bigint IS NULL OR restaurant_id = %s)",
        [key, restaurant_id, restaurant_id],
    )
    found = cursor.fetchall()
    assert len(found) == 1, f"{len(found)} rows of {table} came from {key}"
    return dict(zip([column.name for column in cursor.description or ()], found[0], strict=True))


def sold(connection: Connection, location: str = "L1") -> dict[str, tuple[Any, ...]]:
    """What the location sells, as a till reads it: item and variation names → name, price type, cents, available, active."""
    found = rows(
        connection,
        """
        SELECT coalesce(v.source_id, i.source_id, i.name), m.name, m.price_type, m.price_cents, m.is_available, m.is_active
        FROM auraconnect.menu_at_location m JOIN aura.locations l ON l.id = m.location_id
        JOIN aura.menu_items i ON i.id = m.menu_item_id
        LEFT JOIN aura.menu_item_variations v ON v.id = m.variation_id
        WHERE l.source_id = %s ORDER BY 1
        """,
        [location],
    )
    return {row[0]: tuple(row[1:]) for row in found}
