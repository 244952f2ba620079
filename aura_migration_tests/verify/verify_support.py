"""A small restaurant with every kind of price and choice, twice: as canonical rows that are loaded, and as the facts a
witness would find. The two are written separately, by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from aura_migration.archive.snapshot import Certificate
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.model import Batch, Row
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.stage import stage_rows
from aura_migration.load.apply import apply_plan
from aura_migration.plan.planner import Subject, build_plan
from aura_migration.pos.facts import (
    EdgeFact,
    EdgeKey,
    Facts,
    GroupPreModifier,
    ItemFact,
    MenuFact,
    ModifierPriceKey,
    PreModifierFact,
    PriceFact,
    PriceKey,
    StockFact,
    TaxFact,
    VariationFact,
    Window,
)
from aura_migration.pos.port import SourceEntity
from aura_migration.verify.verdict import Verdict, record_gate, verify_migration

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
HERE = "L1"
Connection = psycopg.Connection[Any]


def fixed(cents: int, rank: int = 0) -> PriceFact:
    return PriceFact("fixed", cents, "", rank)


def menu_rows(location: str = HERE) -> Batch:
    """The restaurant as a connector would emit it."""
    batch = Batch()

    def add(entity: str, key: str, **values: Any) -> None:
        batch.rows.append(Row(entity, key, values))

    place = {"timezone": "America/New_York", "currency": "USD", "business_day_cutover_time": "04:00"}
    add("locations", location, name=f"Site {location}", is_active=True, **place)
    lunch = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "11:00", "to": "15:00"}]
    add("menus", "lunch", name="Lunch", availability=lunch, is_active=True, display_order=0)
    add("menus", "all-day", name="All day", is_active=True, display_order=1)
    add("categories", "mains", name="Mains", is_active=True, display_order=0)
    add("categories", "drinks", name="Drinks 🍹", is_active=True, display_order=1)

    def item(key: str, name: str, cents: int | None, kind: str = "fixed", category: str = "mains", **more: Any) -> None:
        values = {
            "name": name,
            "price_cents": cents,
            "price_type": kind,
            "is_active": True,
            "is_available": True,
        } | more
        shared = {"item_type": "item", "display_order": 0, "category_key": category}
        add("items", key, **values, **shared)
        local = {k: values[k] for k in ("price_cents", "price_type", "is_active", "is_available", "name")}
        add("item_locations", f"{location}/{key}", menu_item_key=key, **local)
        links = {"menu_item_key": key, "is_primary": True, "display_order": 0}
        add("item_categories", f"{location}/{key}/{category}", category_key=category, **links)

    item("burger", "Bürger 🍔", 1250, sku="B-1", kitchen_name="BRG")
    item("stew", "Stew ", 0, description="hot")
    item("fish", "Fish of the day", None, "open")
    item("nuts", "Nuts", 899, "per_unit", unit_name="lb")
    item("soda", "Soda", 300, category="drinks")
    item("pizza", "Pizza", None, "variation")
    item("relic", "Relic", 500, is_active=False)
    item("gone", "86'd", 700, is_available=False)
    for number, (key, name, cents) in enumerate([("small", "Small", 900), ("large", "Large", 1500)]):
        states = {"is_active": True, "is_available": True}
        row = {"name": name, "price_cents": cents, "price_type": "fixed", **states}
        add("variations", key, menu_item_key="pizza", is_default=not number, display_order=number, **row)
        key_there = f"{location}/pizza/{key}"
        local = {"price_cents": cents, "price_type": "fixed", **states}
        add("item_locations", key_there, menu_item_key="pizza", variation_key=key, **local)
    for menu, items in {"lunch": ("burger", "soda"), "all-day": ("burger", "soda", "pizza", "stew")}.items():
        for key in items:
            link = {"menu_item_key": key, "menu_key": menu, "display_order": 0}
            add("item_menus", f"{location}/{key}/{menu}", **link)

    def group(key: str, name: str, options: Mapping[str, tuple[str, int | None]], **more: Any) -> None:
        values = {"selection_type": "multiple", "min_selections": 0, "max_selections": None, "is_required": False}
        values |= {"allow_quantities": False, "is_active": True, "display_order": 0} | more
        add("modifier_groups", key, name=name, **values)
        for option, (label, cents) in options.items():
            path = f"{key}/{option}"
            kind = "open" if cents is None else "fixed"
            row: dict[str, Any] = {"name": label, "price_type": kind, "is_default": option == "swiss"}
            row |= {"is_available": option != "brie", "is_active": True}
            fields = {"price_adjustment_cents": cents, "display_order": 0}
            add(
                "modifiers",
                path,
                modifier_group_key=key,
                max_quantity=1 if option == "bacon" else None,
                **fields,
                **row,
            )
            add("modifier_locations", f"{location}/{path}", modifier_key=path, price_cents=cents, **row)

    group("cheese", "Cheese", {"swiss": ("Swiss", 125), "brie": ("Brie", 175), "none": ("No cheese", 0)})
    group("extras", "Extras", {"bacon": ("Bacon", 200), "egg": ("Egg", None)}, allow_quantities=True)
    group("melt", "How melted", {"soft": ("Soft", 0), "hard": ("Hard", 50)}, selection_type="single", max_selections=1)
    group("note", "Say it", {}, selection_type="text", max_length=60)
    group("toppings", "Toppings", {"olive": ("Olive", 100), "onion": ("Onion", 80)})
    group("spare", "Used by nobody", {"x": ("X", 10)})

    def ask(item_key: str, group_key: str, low: int, high: int | None, **more: Any) -> None:
        limits = {"min_selections": low, "max_selections": high, "is_required": low > 0, "display_order": 0}
        values = {"menu_item_key": item_key, "modifier_group_key": group_key, "is_active": True} | limits | more
        add("item_modifier_groups", f"{location}/{item_key}/{group_key}", **values)

    ask("burger", "cheese", 1, 2)
    ask("burger", "extras", 0, None)
    ask("burger", "note", 0, 1)
    ask("stew", "cheese", 0, 1, is_active=False)
    ask("pizza", "toppings", 0, 3)
    limits = {"min_selections": 1, "max_selections": 1, "display_order": 0}
    add(
        "nested_groups",
        f"{location}/cheese/swiss/melt",
        modifier_key="cheese/swiss",
        modifier_group_key="melt",
        **limits,
    )
    default = {"menu_item_key": "burger", "modifier_key": "cheese/none", "is_default": True}
    add("modifier_defaults", f"{location}/burger/cheese/none", **default)
    extra = {"group_name": "Std", "multiplication_factor": "1.5", "charge_as_extra": True}
    add("pre_modifiers", "extra", name="EXTRA", display_mode="prefix", display_order=0, **extra)
    link = {"modifier_group_key": "toppings", "pre_modifier_key": "extra", "display_order": 0}
    add("group_pre_modifiers", f"{location}/toppings/extra", **link)

    rate = {"tax_type": "percent", "is_default": False, "is_active": True}
    add("tax_rates", "state", name="State", rate_percent="8.875", is_inclusive=False, **rate)
    add("tax_rates", "vat", name="VAT", rate_percent="20", is_inclusive=True, **rate)
    taxed: dict[str, Any] = {"menu_item_key": "burger", "overrides_item_taxes": False}
    add("item_taxes", f"{location}/burger/state", tax_rate_key="state", **taxed)
    for station in ("grill", "bar"):
        add("kitchen_stations", f"{location}/{station}", name=station.capitalize(), station_type="prep")
    routed: dict[str, Any] = {"station_key": f"{location}/grill", "sequence": 0}
    add("item_stations", f"{location}/burger/grill", menu_item_key="burger", is_primary=True, **routed)
    routed["station_key"] = f"{location}/bar"
    add("modifier_stations", f"{location}/cheese/swiss/bar", modifier_key="cheese/swiss", **routed)
    counted: dict[str, Any] = {"status": "quantity", "is_tracked": True}
    add("stock", f"{location}/soda", item_name="Soda", menu_item_key="soda", quantity="12.5", **counted)
    sold_out: dict[str, Any] = {"variation_key": "small", "status": "out_of_stock", "is_tracked": False}
    add("stock", f"{location}/pizza/small", item_name="Pizza - Small", menu_item_key="pizza", **sold_out)

    def rule(key: str, cents: int, priority: int, **conditions: Any) -> None:
        add("price_rules", f"{location}/{key}", price_cents=cents, priority=priority, **conditions)

    happy = {"days": ["mon", "fri"], "time_from": "16:00", "time_to": "18:00"}
    rule("happy-soda", 150, 20, menu_item_key="soda", **happy)
    rule("late-soda", 250, 20, menu_item_key="soda", days=["sat"], time_from="22:00", time_to="02:00")
    rule("lunch-burger", 1000, 10, menu_item_key="burger", menu_key="lunch")
    rule("bacon-2", 150, 5, modifier_key="extras/bacon", menu_item_key="burger", sequence=2)
    rule("olive-large", 180, 5, modifier_key="toppings/olive", menu_item_key="pizza", size_name="Large")
    return batch


def menu_facts(location: str = HERE) -> Facts:
    """The same restaurant as its POS shows it."""
    found = Facts(menus={}, item_menus={}, item_categories={}, pre_modifiers={})
    work = ("mon", "tue", "wed", "thu", "fri")
    found.menus = {"lunch": MenuFact("Lunch", True, (Window(work, "11:00", "15:00"),)), "all-day": MenuFact("All day")}
    nothing = {"sku": None, "kitchen_name": None, "description": None}
    found.items = {
        "burger": ItemFact("Bürger 🍔", more={**nothing, "sku": "B-1", "kitchen_name": "BRG"}),
        "stew": ItemFact("Stew ", more={**nothing, "description": "hot"}),
        "fish": ItemFact("Fish of the day", more=nothing),
        "nuts": ItemFact("Nuts", more=nothing),
        "soda": ItemFact("Soda", more=nothing),
        "pizza": ItemFact("Pizza", more=nothing),
        "relic": ItemFact("Relic", is_active=False, more=nothing),
        "gone": ItemFact("86'd", is_available=False, more=nothing),
    }
    found.variations = {"small": VariationFact("pizza", "Small"), "large": VariationFact("pizza", "Large")}
    found.item_menus = {key: frozenset() for key in found.items}
    both = frozenset({"lunch", "all-day"})
    found.item_menus |= {"burger": both, "soda": both}
    found.item_menus |= {"pizza": frozenset({"all-day"}), "stew": frozenset({"all-day"})}
    found.item_categories = {key: frozenset({"mains"}) for key in found.items} | {"soda": frozenset({"drinks"})}
    found.prices = {
        PriceKey("burger", menu="all-day"): fixed(1250),
        PriceKey("burger", menu="lunch"): fixed(1000),
        PriceKey("stew"): fixed(0),
        PriceKey("fish"): PriceFact("open", None),
        PriceKey("nuts"): PriceFact("per_unit", 899, "lb"),
        PriceKey("soda"): fixed(300),
        PriceKey("soda", window=Window(("mon", "fri"), "16:00", "18:00")): fixed(150, 1),
        PriceKey("soda", window=Window(("sat",), "22:00", "02:00")): fixed(250, 1),
        PriceKey("pizza", "small"): fixed(900),
        PriceKey("pizza", "large"): fixed(1500),
        PriceKey("relic"): fixed(500),
        PriceKey("gone"): fixed(700),
    }

    def edge(item: str, *path: tuple[str, str], cents: int | None = 0, **fact: Any) -> EdgeKey:
        key = EdgeKey(item, tuple((group, f"{group}/{option}" if option else "") for group, option in path))
        found.edges[key] = EdgeFact(**{"is_default": False, **fact})
        if path[-1][1]:
            found.modifier_prices[ModifierPriceKey(key)] = PriceFact("open" if cents is None else "fixed", cents)
        return key

    swiss = ("cheese", "swiss")
    edge("burger", swiss, cents=125, min=1, max=2, is_default=True)
    edge("burger", ("cheese", "brie"), cents=175, min=1, max=2, is_available=False)
    edge("burger", ("cheese", "none"), min=1, max=2, is_default=True)
    edge("burger", swiss, ("melt", "soft"), min=1, max=1)
    edge("burger", swiss, ("melt", "hard"), cents=50, min=1, max=1)
    bacon = edge("burger", ("extras", "bacon"), cents=200, min=0, max=None)
    found.modifier_prices[ModifierPriceKey(bacon, sequence=2)] = fixed(150)
    edge("burger", ("extras", "egg"), cents=None, min=0, max=None, allows_repeats=True)
    edge("burger", ("note", ""), min=0, max=1)
    off: dict[str, Any] = {"min": 0, "max": 1, "is_active": False}
    edge("stew", swiss, cents=125, is_default=True, **off)
    edge("stew", ("cheese", "brie"), cents=175, is_available=False, **off)
    edge("stew", ("cheese", "none"), **off)
    edge("stew", swiss, ("melt", "soft"), min=1, max=1, is_active=False)
    edge("stew", swiss, ("melt", "hard"), cents=50, min=1, max=1, is_active=False)
    olive = edge("pizza", ("toppings", "olive"), cents=100, min=0, max=3)
    found.modifier_prices[ModifierPriceKey(olive, size="large")] = fixed(180)
    edge("pizza", ("toppings", "onion"), cents=80, min=0, max=3)
    found.pre_modifiers = {GroupPreModifier("toppings", "extra"): PreModifierFact("EXTRA", None, Decimal("1.5"), True)}
    found.names = {("categories", "mains"): "Mains", ("categories", "drinks"): "Drinks 🍹"}
    groups = {"cheese": "Cheese", "extras": "Extras", "melt": "How melted", "note": "Say it", "toppings": "Toppings"}
    groups["spare"] = "Used by nobody"
    found.names |= {("modifier_groups", key): name for key, name in groups.items()}
    options = {"cheese/swiss": "Swiss", "cheese/brie": "Brie", "cheese/none": "No cheese", "extras/bacon": "Bacon"}
    options |= {"extras/egg": "Egg", "melt/soft": "Soft", "melt/hard": "Hard", "toppings/olive": "Olive"}
    options |= {"toppings/onion": "Onion", "spare/x": "X"}
    found.names |= {("modifiers", key): name for key, name in options.items()}
    found.unattached = {"spare/x"}
    found.taxes = {
        "state": TaxFact("State", Decimal("8.875")),
        "vat": TaxFact("VAT", Decimal(20), is_inclusive=True),
    }
    found.item_taxes = {"burger": frozenset({"state"})}
    found.names |= {("kitchen_stations", f"{location}/grill"): "Grill", ("kitchen_stations", f"{location}/bar"): "Bar"}
    found.item_stations = {"burger": frozenset({f"{location}/grill"})}
    found.modifier_stations = {"cheese/swiss": frozenset({f"{location}/bar"})}
    found.stock = {
        "soda": StockFact(Decimal("12.5"), True, "quantity"),
        "small": StockFact(None, False, "out_of_stock"),
    }
    found.source_item_count = len(found.items)
    return found


@dataclass
class Snapshot:
    """Where a SnapshotReader is expected: only its certificates are asked for when the witness is given."""

    held: Sequence[Certificate] = ()

    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates given."""
        return tuple(self.held)


@dataclass
class Restaurant:
    """A restaurant whose migration can be planned, loaded and judged on one connection."""

    connection: Connection
    subject: Subject
    plan_id: int | None = None
    options: MigrationOptions = field(default_factory=MigrationOptions)

    @property
    def location(self) -> str:
        """The POS's id of the location."""
        return self.subject.location_source_id

    def load(self, batch: Batch | None = None, options: MigrationOptions | None = None, approved: bool = True) -> None:
        """Stage, plan, approve and load the rows."""
        self.options = options or MigrationOptions()
        stage_rows(self.connection, self.subject.migration_id, batch or menu_rows(self.location), self.options)
        self.plan_id = build_plan(self.connection, self.subject, MENU_ENTITIES, self.options).plan_id
        if approved:
            self.approve()
        self.apply()

    def approve(self) -> None:
        """Sign the plan."""
        self.connection.execute(
            "UPDATE migration.plans SET state = 'approved', approved_by = 'Ann', approved_at = clock_timestamp() WHERE id = %s",
            [self.plan_id],
        )

    def apply(self) -> None:
        """Carry the plan out."""
        assert self.plan_id is not None
        number = self.subject.migration_id
        self.connection.execute("UPDATE migration.migrations SET state = 'loading' WHERE id = %s", [number])
        apply_plan(self.connection, self.subject, self.plan_id, ENTITIES, NOW)
        self.connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [self.plan_id])
        self.connection.execute("UPDATE migration.migrations SET state = 'loaded' WHERE id = %s", [number])
        record_gate(self.connection, number, "full_export_before_load", True, "1 snapshot", "", {}, NOW)

    def verify(
        self,
        facts: Facts | None = None,
        certificates: Sequence[Certificate] = (),
        entities: Sequence[SourceEntity] = (),
    ) -> Verdict:
        """Judge against the facts (those of ``menu_facts`` unless given)."""
        found = facts if facts is not None else menu_facts()
        reader: Any = Snapshot(certificates)
        return verify_migration(
            self.connection,
            self.subject,
            reader,
            self.location,
            "USD",
            self.plan_id,
            self.options,
            NOW,
            witness=lambda *_: found,
            people_witness=lambda *_: iter(()),
            rules_witness=lambda *_: (),
            source_entities=entities,
        )


def open_restaurant(connection: Connection, location: str = HERE, beside: Restaurant | None = None) -> Restaurant:
    """A restaurant with one location to migrate; ``beside``: one more location of that one's account."""
    if beside is None:
        restaurant = one(connection, "INSERT INTO aura.restaurants (name) VALUES ('R') RETURNING id")
        integration = one(
            connection,
            "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "VALUES (%s, 'square', 'http://pos', %s, 'M') RETURNING id",
            restaurant,
            f"M{restaurant}",
        )
    else:
        restaurant, integration = beside.subject.restaurant_id, beside.subject.integration_id
    key = f"square:{location}"
    connection.execute(
        "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) VALUES (%s, %s, %s, %s, %s, '{}')",
        [key, integration, restaurant, location, f"Site {location}"],
    )
    migration = one(
        connection,
        "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key) VALUES (%s, %s, %s) RETURNING id",
        integration,
        restaurant,
        key,
    )
    return Restaurant(connection, Subject(migration, integration, restaurant, key, "square"))


def one(connection: Connection, query: str, *arguments: Any) -> Any:
    """The first column of the first row."""
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row[0]


def blocking(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    """(check, entity, key) of the unexplained findings."""
    return ((f.check_name, f.entity, f.source_key) for f in verdict.findings if f.is_blocking)
