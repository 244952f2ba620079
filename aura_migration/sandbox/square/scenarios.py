"""Which scenarios there are, and the small ones: `cafe` and `empty`. The others have modules of their own, and so have the
people of all of them (`people/`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import Discount, PricingRule, ProductSet, TimePeriod
from aura_migration.sandbox.square.orders.scenarios import make_history, make_year
from aura_migration.sandbox.square.people.crowd_tables import crowd as write_crowd
from aura_migration.sandbox.square.people.scenarios import POPULATIONS
from aura_migration.sandbox.square.people.scenarios import cafe as cafe_people
from aura_migration.sandbox.square.scenario_chain import chain
from aura_migration.sandbox.square.scenario_diner import diner
from aura_migration.sandbox.square.scenario_huge import huge
from aura_migration.sandbox.square.scenario_rules import rules
from aura_migration.sandbox.square.world import World

CAFE_MENU: dict[str, list[tuple[str, int, str]]] = {
    "Coffee": [
        ("Espresso", 300, "ESP"),
        ("Americano", 350, "AME"),
        ("Cappuccino", 425, "CAP"),
        ("Flat White", 450, "FLW"),
        ("Drip Coffee", 275, "DRP"),
    ],
    "Tea": [("Earl Grey", 325, "TEA-EG"), ("Green Sencha", 350, "TEA-GS"), ("Chai Latte", 475, "TEA-CL")],
    "Bakery": [
        ("Butter Croissant", 375, "BK-01"),
        ("Almond Croissant", 450, "BK-02"),
        ("Blueberry Muffin", 350, "BK-03"),
        ("Cinnamon Roll", 425, "BK-04"),
        ("Banana Bread", 375, "BK-05"),
    ],
    "Breakfast": [
        ("Avocado Toast", 950, "BF-01"),
        ("Granola Bowl", 875, "BF-02"),
        ("Egg Sandwich", 825, "BF-03"),
        ("Breakfast Burrito", 1050, "BF-04"),
    ],
    "Lunch": [
        ("Turkey Club", 1250, "LN-01"),
        ("Caprese Panini", 1175, "LN-02"),
        ("Tomato Soup", 725, "LN-03"),
        ("Caesar Salad", 1100, "LN-04"),
    ],
    "Cold Drinks": [("Lemonade", 400, "CD-01"), ("Cold Brew", 475, "CD-02"), ("Sparkling Water", 300, "CD-03")],
}


def cafe(builder: Builder) -> None:
    """One location, 25 items, 6 categories, 6 modifier lists, kitchen routing, a two-size item, some stock."""
    harbor = builder.location("Harbor St", phone="+12185550142", email="harbor@cafe.example", receipt_text="Thank you!")
    tax = builder.tax("Sales tax", "8.875")
    prepared = builder.tax("Prepared food", "1.5")
    builder.write()
    bar, pass_through = builder.kitchen("Bar"), builder.kitchen("Kitchen")
    categories = {name: builder.category(name) for name in CAFE_MENU}
    builder.write()
    milk = builder.group(
        "Milk",
        [("Whole", 0), ("Skim", None), ("Oat", 75), ("Almond", 75), ("Soy", 50), ("None", 0)],
        low=0,
        high=1,
        default="Whole",
    )
    shots = builder.group("Extra shots", [("One shot", 100), ("Two shots", 175), ("Decaf", 0)], low=0, high=1)
    syrup = builder.group(
        "Syrup",
        [("Vanilla", 50), ("Caramel", 50), ("Hazelnut", 50), ("Lavender", 75), ("Sugar-free vanilla", 50)],
        selection="MULTIPLE",
        low=0,
        high=3,
    )
    bread = builder.group(
        "Bread",
        [("Sourdough", 0), ("Rye", 0), ("Whole wheat", 0), ("Gluten-free", 150)],
        low=1,
        high=1,
        default="Sourdough",
    )
    addons = builder.group(
        "Add-ons",
        [
            ("Bacon", 250),
            ("Egg", 200),
            ("Avocado", 250),
            ("Cheddar", 125),
            ("Extra greens", 150),
            ("Smoked salmon", 450),
        ],
        selection="MULTIPLE",
    )
    warm = builder.group("Serve it", [("Warm", 0), ("As is", 0), ("With butter", 50), ("With jam", 75)], low=0, high=1)
    builder.write()
    groups = {
        "Coffee": [milk, shots, syrup],
        "Tea": [milk, syrup],
        "Bakery": [warm],
        "Breakfast": [bread, addons],
        "Lunch": [bread, addons],
    }
    for category, rows in CAFE_MENU.items():
        drinks = category in ("Coffee", "Tea", "Cold Drinks")
        for name, cents, sku in rows:
            station = [] if category == "Bakery" else [bar if drinks else pass_through]
            taxes = [tax] if drinks or category == "Bakery" else [tax, prepared]
            prices = [("Small", cents), ("Large", cents + 100)] if name == "Cold Brew" else cents
            html = f"<p>{name}, made here.</p>" if category in ("Breakfast", "Lunch") else None
            builder.item(
                name,
                prices,
                [categories[category], *station],
                groups=groups.get(category, ()),
                taxes=taxes,
                sku=sku,
                html=html,
            )
        builder.write()
    latte = [("Small", 425), ("Large", 500)]
    builder.item("Latte", latte, [categories["Coffee"], bar], groups=[milk, shots, syrup], taxes=[tax], sku="LAT")
    builder.made(Discount, "Staff meal", percentage="50")
    builder.write()
    for item in builder.world.items():
        if item.categories[0][0] == categories["Bakery"].id:
            builder.stock(item.variations[0], harbor, str(builder.rng.randint(4, 40)))
    _cafe_rules(builder, categories["Bakery"].id)


def _cafe_rules(builder: Builder, bakery: str) -> None:
    """Discounts for the cashier, and an automatic one that begins after the last order of the past."""
    builder.made(Discount, "Neighbors 10", percentage="10")
    builder.made(Discount, "A dollar off", kind="FIXED_AMOUNT", cents=100)
    builder.made(Discount, "Manager's choice", kind="VARIABLE_AMOUNT", cents=0, pin=True)
    evening = builder.made(
        Discount, "Evening pastries", percentage="25", extra_data={"application_method": "AUTOMATICALLY_APPLIED"}
    )
    hours = builder.made(TimePeriod, "Evenings", days=["MON", "TUE", "WED", "THU", "FRI"], start="18:30", minutes=150)
    pastries = builder.made(ProductSet, "Pastries", any_ids=[bakery])
    builder.made(
        PricingRule,
        "Evening pastries",
        discount_id=evening.id,
        match_id=pastries.id,
        period_ids=[hours.id],
        valid_from=("2026-10-05", "00:00:00"),
    )
    builder.write()


def empty(builder: Builder) -> None:
    """One location and nothing on the menu."""
    builder.location("Only place", hours=[])


def crowd(builder: Builder, customers: int = 20_000) -> None:
    """The menu of `cafe` and customers by the hundred thousand."""
    cafe(builder)
    write_crowd(builder, customers)


def year(builder: Builder, orders: int = 100_000, months: int = 12) -> None:
    """The menu and the people of `cafe` and a long history of orders."""
    cafe(builder)
    cafe_people(builder)
    builder.world.orders = make_year(builder, orders, months)


SCENARIOS: dict[str, tuple[str, Callable[..., None], frozenset[str]]] = {
    "cafe": ("Harbor Cafe", cafe, frozenset()),
    "empty": ("Blank Slate", empty, frozenset()),
    "diner": ("Late Night Diner", diner, frozenset()),
    "chain": ("Northern Bowls", chain, frozenset({"locations", "inactive_locations"})),
    "huge": ("Grand Market Hall", huge, frozenset({"items", "groups", "options", "categories"})),
    "crowd": ("Grand Harbor Hall", crowd, frozenset({"customers"})),
    "year": ("Busy Harbor", year, frozenset({"orders", "months"})),
    "rules": ("Mill Lane Grill", rules, frozenset({"differs"})),
}
OWN_HISTORY = ("year", "rules")
"""Scenarios that write their orders themselves."""


def make_world(scenario: str, seed: int, clock: Clock, **options: Any) -> World:
    """The account of a scenario. Raises ValueError for an unknown scenario or option."""
    if scenario not in SCENARIOS:
        raise ValueError(f"square has no scenario {scenario!r}; it has: {', '.join(SCENARIOS)}")
    name, write, known = SCENARIOS[scenario]
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(
            f"scenario {scenario!r} has no option {unknown[0]!r}; it has: {', '.join(sorted(known)) or 'none'}"
        )
    builder = Builder(scenario, seed, clock, name)
    write(builder, **options)
    if scenario in POPULATIONS:
        POPULATIONS[scenario](builder)
    if scenario not in OWN_HISTORY:
        builder.world.orders = make_history(builder, scenario)
    return builder.world
