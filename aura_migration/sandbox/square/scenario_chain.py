"""`chain`: many locations sharing one catalog, location 2 differing from location 1 in all that Square lets differ.

Prices, open prices, availability, presence, taxes, modifier lists and time prices differ by location on one shared
object. Name, min/max and category of an item cannot: there a seller keeps a twin item for the other location, and so
does this scenario.
"""

from __future__ import annotations

from aura_migration.sandbox.square.builder import STEP, Builder
from aura_migration.sandbox.square.model import (
    MENU,
    Discount,
    Item,
    Link,
    ModifierOverride,
    Override,
    Presence,
    PricingRule,
    ProductSet,
    TimePeriod,
)

ZONES = ("America/Chicago", "America/New_York", "America/Denver", "America/Los_Angeles", "America/Phoenix")
CITIES = ("Harbor", "Mill", "Cedar", "Union", "Lake", "Summit", "Prairie")
STREETS = ("St", "Ave", "Square", "Landing", "Crossing")
MENU_ROWS: dict[str, list[tuple[str, int]]] = {
    "Bowls": [
        ("Chicken Bowl", 1200),
        ("Tofu Bowl", 1100),
        ("Salmon Bowl", 1475),
        ("Beef Bowl", 1350),
        ("Shrimp Bowl", 1425),
        ("Falafel Bowl", 1125),
        ("Harvest Bowl", 1150),
        ("Kids Bowl", 750),
    ],
    "Salads": [
        ("Cobb Salad", 1250),
        ("Greek Salad", 1075),
        ("Caesar Salad", 1050),
        ("Kale Crunch", 1100),
        ("Beet Salad", 1125),
        ("Side Salad", 525),
    ],
    "Soups": [
        ("Tomato Soup", 625),
        ("Chicken Noodle", 675),
        ("Miso", 450),
        ("Lentil Soup", 600),
        ("Clam Chowder", 775),
    ],
    "Sides": [
        ("Fries", 425),
        ("Sweet Potato Fries", 475),
        ("Pita", 225),
        ("Hummus", 550),
        ("Roasted Corn", 400),
        ("Pickles", 250),
        ("Rice", 275),
    ],
    "Desserts": [("Brownie", 375), ("Cookie", 275), ("Rice Pudding", 450), ("Sorbet", 425), ("Carrot Cake", 525)],
    "Drinks": [
        ("Lemonade", 375),
        ("Iced Tea", 325),
        ("Kombucha", 550),
        ("Sparkling Water", 300),
        ("Draft Beer", 700),
        ("House Wine", 900),
        ("Coffee", 300),
        ("Orange Juice", 450),
        ("Cola", 275),
    ],
}


def chain(builder: Builder, locations: int = 35, inactive_locations: int = 0) -> None:
    """`locations` active locations (at least 2) sharing about 40 items."""
    if locations < 2:
        raise ValueError("scenario 'chain' needs at least 2 locations")
    places = [
        builder.location(
            f"{CITIES[number % 7]} {STREETS[number // 7 % 5]}" + (f" {number // 35 + 1}" if number >= 35 else ""),
            timezone=ZONES[number % len(ZONES)],
            tip_percentages=None if number % 4 == 3 else (15, 18 + number % 3, 25),
        )
        for number in range(locations)
    ]
    for number in range(inactive_locations):
        builder.location(f"Closed Shop {number + 1}", status="INACTIVE", hours=[], tip_percentages=None)
    one, two = places[0], places[1]
    only_two = Presence(False, [two.id])
    not_two = Presence(True, [], [two.id])

    state = builder.tax("State tax", "6.875")
    city_one = builder.tax("City tax", "1.5", presence=Presence(True, [], [two.id]))
    city_two = builder.tax("Harbor district tax", "2.25", presence=only_two)
    liquor = builder.tax("Liquor tax", "2.5", on_total=True)
    builder.write()
    kitchen, bar = builder.kitchen("Line"), builder.kitchen("Bar")
    categories = {name: builder.category(name) for name in MENU_ROWS}
    specials = builder.category("Landing Specials", presence=only_two)
    main_menu = builder.category("All Day", MENU, period_ids=[])
    sections = {name: builder.category(name, MENU, main_menu) for name in MENU_ROWS}
    builder.write()
    base = builder.group(
        "Base", [("White rice", 0), ("Brown rice", 0), ("Greens", 75), ("Half and half", 50)], low=1, high=1
    )
    protein = builder.group(
        "Extra protein",
        [("Chicken", 300), ("Tofu", 250), ("Salmon", 500), ("Egg", 175)],
        selection="MULTIPLE",
        low=0,
        high=2,
    )
    sauce = builder.group("Sauce", [("Tahini", 0), ("Sriracha", 0), ("Pesto", 75), ("House", 0)], low=-1, high=-1)
    dressing = builder.group(
        "Dressing", [("Ranch", 0), ("Balsamic", 0), ("Lemon", None)], low=0, high=1, default="Ranch"
    )
    ice = builder.group("Ice", [("Regular ice", 0), ("No ice", 0)], low=0, high=1)
    crunch = builder.group("Crunch", [("Nuts", 100), ("Seeds", 75)], selection="MULTIPLE", presence=not_two)
    local = builder.group(
        "Landing toppings", [("Smoked corn", 125), ("Pickled onion", 50)], low=0, high=2, presence=only_two
    )
    builder.write()
    groups = {"Bowls": [base, protein, sauce, crunch, local], "Salads": [dressing, protein, crunch], "Drinks": [ice]}
    items: dict[str, Item] = {}
    for category, rows in MENU_ROWS.items():
        station = bar if category == "Drinks" else kitchen
        for name, cents in rows:
            alcohol = name in ("Draft Beer", "House Wine")
            prices = [("Glass", cents), ("Pitcher", cents * 3)] if name == "Draft Beer" else cents
            items[name] = builder.item(
                name,
                prices,
                [categories[category], sections[category], station],
                groups=groups.get(category, ()),
                taxes=[state, city_one, city_two, *([liquor] if alcohol else [])],
                sku=name.upper().replace(" ", "-")[:12],
                alcoholic=True if alcohol else None,
            )
        builder.write()
    _twins(builder, items, one.id, two.id)
    _second_location(builder, items, two.id, specials.id)
    protein.modifiers[0].overrides[two.id] = ModifierOverride(cents=(protein.modifiers[0].cents or 0) + 2 * STEP)
    protein.modifiers[1].overrides[two.id] = ModifierOverride(cents=0)
    sauce.modifiers[2].overrides[two.id] = ModifierOverride(sold_out=True)
    base.modifiers[3].presence = Presence(True, [], [two.id])
    _happy_hour(builder, categories["Drinks"].id, only_two)
    for place in places[2:]:
        rng = builder.ids.rng(f"place {place.id}")
        for item in rng.sample(list(items.values()), 4):
            for variation in item.variations:
                cents = (variation.cents or 0) + STEP * rng.randint(1, 6)
                variation.overrides.setdefault(place.id, Override()).cents = cents
        for item in rng.sample(list(items.values()), 2):
            item.variations[0].overrides.setdefault(place.id, Override()).sold_out = True
        missing = rng.choice(list(items.values()))
        if missing.presence.everywhere:
            missing.presence.absent.append(place.id)
    for place in places:
        for name in ("Brownie", "Cookie", "Carrot Cake"):
            builder.stock(items[name].variations[0], place, str(builder.rng.randint(0, 30)))


def _twins(builder: Builder, items: dict[str, Item], one: str, two: str) -> None:
    """Items that differ by location in name, limits or category: a twin object for the second location."""
    for name, twin_name, low, high in (("Chicken Bowl", "Chicken Rice Bowl", 1, 3), ("Cobb Salad", "Cobb Salad", 0, 1)):
        item = items[name]
        item.presence.absent.append(two)
        item.variations[0].presence.absent.append(two)
        twin = builder.item(
            twin_name,
            (item.variations[0].cents or 0) + STEP,
            groups=[Link(link.group_id, ordinal=link.ordinal, min=low, max=high) for link in item.links[:2]],
            sku=item.variations[0].sku,
            presence=Presence(False, [two]),
            jitter=False,
        )
        twin.categories, twin.reporting_category = list(item.categories), item.reporting_category
        twin.tax_ids = list(item.tax_ids)
    only_one = builder.item("Harbor Chowder", 825, sku="HARBOR-CH", presence=Presence(False, [one]))
    only_one.categories = list(items["Clam Chowder"].categories)
    only_one.reporting_category = items["Clam Chowder"].reporting_category
    only_one.tax_ids = list(items["Clam Chowder"].tax_ids)
    builder.write()


def _second_location(builder: Builder, items: dict[str, Item], two: str, specials: str) -> None:
    """What differs at location 2 on shared objects."""
    for name in ("Tofu Bowl", "Salmon Bowl", "Beef Bowl", "Greek Salad", "Fries", "Lemonade", "Draft Beer"):
        for variation in items[name].variations:
            variation.overrides[two] = Override(cents=(variation.cents or 0) + 3 * STEP, pricing="FIXED_PRICING")
    items["Orange Juice"].variations[0].overrides[two] = Override(pricing="VARIABLE_PRICING")
    items["Kombucha"].variations[0].overrides[two] = Override(sold_out=True)
    items["Iced Tea"].variations[0].overrides[two] = Override(sold_out=True, sold_out_until="2026-12-01T06:00:00Z")
    items["Draft Beer"].variations[1].presence = Presence(True, [], [two])
    for name in ("Miso", "Sorbet"):
        items[name].presence.absent.append(two)
    items["Harvest Bowl"].categories.append((specials, 0))
    builder.write()


def _happy_hour(builder: Builder, drinks: str, presence: Presence) -> None:
    """A fifth off drinks on weekday afternoons, at the second location only."""
    discount = builder.made(
        Discount,
        "Happy hour",
        percentage="20",
        presence=presence,
        extra_data={"application_method": "AUTOMATICALLY_APPLIED"},
    )
    period = builder.made(
        TimePeriod,
        "Happy hour",
        days=["MON", "TUE", "WED", "THU", "FRI"],
        start="16:00",
        minutes=120,
        since="20261005",  # after the last order of the past, which was not charged by it
    )
    products = builder.made(ProductSet, "Drinks", any_ids=[drinks])
    builder.made(
        PricingRule,
        "Happy hour",
        discount_id=discount.id,
        match_id=products.id,
        period_ids=[period.id],
        presence=presence,
    )
    builder.write()
