"""The scenarios of the sandbox Toast: ``cafe``, ``empty``, ``diner``, ``chain``, ``huge``, ``crowd``, ``year``, ``rules``.

Belongs here: the table of scenarios, the small café, the empty restaurant and the huge menu. ``diner``, ``chain`` and
``rules`` have modules of their own. Does not belong here: how anything is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK
from aura_migration.sandbox.toast.locations import make_location
from aura_migration.sandbox.toast.model import GroupLink, Option, Schedule
from aura_migration.sandbox.toast.restaurant import Restaurant, builder_for
from aura_migration.sandbox.toast.scenario_chain import chain
from aura_migration.sandbox.toast.scenario_diner import diner
from aura_migration.sandbox.toast.scenario_rules import rules

HUGE_ITEMS = 5_000
HUGE_OPTIONS = 20_000
HUGE_OPTIONS_PER_GROUP = 8
HUGE_CATEGORIES = 100


def make_restaurant(scenario: str, ids: Ids, locations: int = 35) -> Restaurant:
    """The restaurant of a scenario. Raises ValueError naming the known scenarios for any other name."""
    table: dict[str, Callable[[], Restaurant]] = {
        "cafe": lambda: cafe(ids),
        "empty": lambda: empty(ids),
        "diner": lambda: diner(ids),
        "chain": lambda: chain(ids, locations),
        "huge": lambda: huge(ids),
        "crowd": lambda: cafe(ids),
        "year": lambda: cafe(ids, full=True),
        "rules": lambda: rules(ids),
    }
    if scenario not in table:
        raise ValueError(f"the sandbox Toast has no scenario {scenario!r}; it has: {', '.join(table)}")
    return table[scenario]()


def empty(ids: Ids) -> Restaurant:
    """A restaurant that has published nothing yet."""
    location = make_location(ids, "main", 0, "Blank Slate", group=None, full=False)
    return Restaurant("Blank Slate", None, [location], published=False)


def cafe(ids: Ids, *, full: bool = False) -> Restaurant:
    """A small café: 25 items, 6 menu groups, 6 modifier groups with 30 options, one item in two sizes. ``full``: with
    every configuration list."""
    location = make_location(ids, "main", 0, "Lark & Fig", group=None, full=full)
    b = builder_for(ids, location)

    def choices(*rows: tuple[str, str, int], **shared: Any) -> list[Option]:
        return [b.option(f"opt/{key}", name, cents, **shared) for key, name, cents in rows]

    milk = b.group(
        "milk", "Milk",
        choices(("whole", "Whole milk", 0), ("skim", "Skim milk", 0), ("oat", "Oat milk", b.cents("oat", 70, 3)),
                ("almond", "Almond milk", 60), ("soy", "Soy milk", 60)),
        minimum=1, maximum=1,
    )  # fmt: skip
    syrups = b.group(
        "syrups", "Syrups",
        choices(("vanilla", "Vanilla", 60), ("hazel", "Hazelnut", 60), ("caramel", "Caramel", 60),
                ("mocha", "Mocha", 80), ("lavender", "Lavender", 80), ("maple", "Maple", 90), duplicates=True),
        maximum=3,
    )  # fmt: skip
    shots = b.group(
        "shots", "Espresso",
        choices(("extra-shot", "Extra shot", 100), ("decaf", "Decaf", 0), ("ristretto", "Ristretto", 0)), maximum=2,
    )  # fmt: skip
    bread = b.group(
        "bread", "Bread",
        choices(("sour", "Sourdough", 0), ("rye", "Rye", 0), ("wheat", "Wheat", 0), ("bagel", "Bagel", 50),
                ("gf", "Gluten free", 150)),
        minimum=1, maximum=1, required="REQUIRED",
    )  # fmt: skip
    extras = b.group(
        "extras", "Add-ons",
        choices(("avocado", "Avocado", 200), ("bacon", "Bacon", 250), ("cheddar", "Cheddar", 100),
                ("egg", "Fried egg", 175), ("tomato", "Tomato", 50), ("pickle", "Pickles", 0),
                item_stations=("Grill",)),
        maximum=None,
    )  # fmt: skip
    eggs = b.group(
        "eggs", "Eggs",
        choices(("over-easy", "Over easy", 0), ("sunny", "Sunny side", 0), ("scrambled", "Scrambled", 0),
                ("poached", "Poached", 100), ("whites", "Egg whites", 150)),
        minimum=1, maximum=1,
    )  # fmt: skip

    def sell(key: str, name: str, cents: int, *groups: str, **settings: Any) -> str:
        settings.setdefault("taxes", ("State tax",))
        settings.setdefault("category", "Food")
        b.item(key, name, b.cents(key, cents), groups=groups, **settings)
        return key

    bar: dict[str, Any] = {"category": "NA Beverage", "taxes": ("Drink tax",), "stations": ("Bar",)}
    drip = b.sizes("drip", [("s", "Small", b.cents("drip-s", 300)), ("l", "Large", b.cents("drip-l", 400))])
    b.item("drip", "Drip coffee", drip, **bar)
    espresso = [
        "drip",
        sell("espresso", "Espresso", 300, shots, **bar),
        sell("latte", "Latte", 450, milk, syrups, shots, **bar, tags=("Popular",), calories=190),
        sell("cappuccino", "Cappuccino", 430, milk, shots, **bar),
        sell("flat-white", "Flat white", 440, milk, shots, **bar),
        sell("mocha", "Mocha", 500, milk, syrups, shots, **bar),
    ]
    cold = [
        sell("chai", "Chai latte", 470, milk, **bar),
        sell("green-tea", "Green tea", 320, **bar),
        sell("cold-brew", "Cold brew", 450, milk, syrups, **bar),
        sell("lemonade", "Lemonade", 380, syrups, **bar),
    ]
    grill: dict[str, Any] = {"stations": ("Grill",), "prep_time": 480}
    breakfast = [
        sell("two-eggs", "Two eggs plate", 950, eggs, bread, extras, **grill, kitchen_name="2 EGG", tags=("Popular",)),
        sell("omelette", "Garden omelette", 1150, bread, extras, **grill),
        sell("granola", "Granola bowl", 850, milk),
        sell("pancakes", "Pancakes", 1050, extras, **grill),
        sell("toast", "Avocado toast", 1000, bread, extras, **grill),
    ]
    lunch = [
        sell("blt", "BLT", 1100, bread, extras, **grill),
        sell("turkey", "Turkey club", 1250, bread, extras, **grill),
        sell("grilled-cheese", "Grilled cheese", 900, bread, extras, **grill),
        sell("soup", "Soup of the day", 650, stations=("Grill",)),
    ]
    bakery = [
        sell("croissant", "Croissant", 375, sku="BK-1"),
        sell("scone", "Blueberry scone", 395, sku="BK-2"),
        sell("cookie", "Oat cookie", 275, sku="BK-3"),
        sell("muffin", "Fig muffin", 395, sku="BK-4", plu="2201"),
    ]
    retail = [
        sell("beans", "House beans 12 oz", 1600, taxes=(), sku="RT-1"),
        sell("mug", "Café mug", 1400, sku="RT-2", visibility=("POS",)),
    ]
    groups = [
        b.menu_group("espresso", "Espresso bar", espresso),
        b.menu_group("cold", "Tea & cold", cold),
        b.menu_group("breakfast", "Breakfast", breakfast),
        b.menu_group("lunch", "Sandwiches & soup", lunch),
        b.menu_group("bakery", "Bakery", [*bakery]),
        b.menu_group("retail", "Retail", retail, visibility=("POS",)),
    ]
    b.menu("all-day", "All day", groups)
    location.catalog = b.catalog
    location.stock = {
        b.item_guid("scone"): ("OUT_OF_STOCK", None),
        b.item_guid("muffin"): ("QUANTITY", 6.0),
        b.item_guid("opt/lavender"): ("OUT_OF_STOCK", None),
    }
    return Restaurant("Lark & Fig", None, [location])


def huge(ids: Ids) -> Restaurant:
    """5,000 items in 100 menu groups, 20,000 modifier options in 2,500 groups, some nested, some dearer at night."""
    location = make_location(ids, "main", 0, "Endless Plate", group=None, full=False)
    b = builder_for(ids, location)
    seeded = ids.rng("huge")
    made: list[str] = []
    for number in range(HUGE_OPTIONS // HUGE_OPTIONS_PER_GROUP):
        options = [
            b.option(
                f"opt/{number}/{choice}", f"Choice {number}-{choice}", 10 * seeded.randrange(40), default=choice == 0
            )
            for choice in range(HUGE_OPTIONS_PER_GROUP)
        ]
        one = number % 3 == 0
        made.append(b.group(f"g/{number}", f"Group {number}", options, minimum=int(one), maximum=1 if one else None))
        if number % 50 == 49:  # the previous group hangs below the first choice of this one: two levels
            b.attach(f"opt/{number}/0", made[number - 1])
    per_category = HUGE_ITEMS // HUGE_CATEGORIES
    categories: list[str] = []
    late = [(WEEK[4:6], "21:00", "02:00")]
    for category in range(HUGE_CATEGORIES):
        keys: list[str] = []
        for place in range(per_category):
            number = category * per_category + place
            cents = 300 + 5 * seeded.randrange(500)
            key = f"i/{number}"
            # Every group belongs to some item; odd items carry two.
            links = [GroupLink(made[number % len(made)])]
            if number % 2:
                links.append(GroupLink(made[(number * 7 + 3) % len(made)]))
                links = list({link.group: link for link in links}.values())
            pricing = b.by_time(cents, [(cents - 100, late)]) if number % 100 == 7 else cents
            b.item(
                key, f"Dish {number}", pricing, groups=links, taxes=("State tax",), category="Food",
                stations=("Grill",) if number % 3 else (), sku=f"SKU-{number:05d}",
            )  # fmt: skip
            keys.append(key)
        categories.append(b.menu_group(f"c/{category}", f"Section {category}", keys))
    half = HUGE_CATEGORIES // 2
    b.menu("day", "Day menu", categories[:half])
    b.menu("night", "Night menu", categories[half:], schedule=(Schedule(WEEK, (("17:00", "23:30"),)),))
    location.catalog = b.catalog
    location.stock = {b.item_guid(f"i/{number}"): ("OUT_OF_STOCK", None) for number in range(0, HUGE_ITEMS, 250)}
    return Restaurant("Endless Plate", None, [location])
