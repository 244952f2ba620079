"""The worlds of the Clover sandbox: cafe, empty, chain, huge and crowd; diner and rules have modules of their own, people a package.

Each builder is deterministic: the same scenario and seed give the same rows, ids and prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aura_migration.sandbox.clover.config import make_merchant, printer
from aura_migration.sandbox.clover.diner import build_diner
from aura_migration.sandbox.clover.orders import scenarios as sales
from aura_migration.sandbox.clover.people.scenarios import populate
from aura_migration.sandbox.clover.rules import DIFFERENCES, build_rules
from aura_migration.sandbox.clover.world import NO_TAX, MerchantBuilder, ModifierGroup, World
from aura_migration.sandbox.core.ids import Ids

CHAIN_LOCATIONS = 35
HUGE_ITEMS = 5_000
HUGE_GROUPS = 1_000
HUGE_GROUP_SIZE = 20
HUGE_CATEGORIES = 100


def build_world(
    scenario: str,
    seed: int,
    ids: Ids,
    locations: int | None = None,
    customers: int | None = None,
    orders: int | None = None,
    months: int | None = None,
    vat: bool = False,
    differs: str | None = None,
) -> World:
    """The world of a scenario. `locations` counts the merchants of `chain` (default 35), `customers` those of `crowd`,
    `orders` those of each merchant with a history, `months` how long it is; `vat`: what was sold included VAT;
    `differs` (scenario `rules`): by which other rule than the configured one everything was charged, one of `DIFFERENCES`."""
    builders: dict[str, Callable[[World], None]] = {
        "cafe": _cafe,
        "empty": _empty,
        "diner": build_diner,
        "chain": lambda world: _chain(world, locations or CHAIN_LOCATIONS),
        "huge": _huge,
        "crowd": _crowd,
        "year": _year,
        "rules": build_rules,
    }
    if scenario not in builders:
        raise ValueError(f"clover sandbox has no scenario {scenario!r}; it has {', '.join(builders)}")
    if locations is not None and locations < 1:
        raise ValueError(f"clover sandbox: locations must be 1 or more, not {locations}")
    if differs is not None and (scenario != "rules" or differs not in DIFFERENCES):
        raise ValueError(
            f"clover sandbox: differs is for scenario rules and one of {', '.join(DIFFERENCES)}, not {differs!r}"
        )
    world = World(scenario, seed, ids)
    builders[scenario](world)
    populate(world, customers)
    sales.populate(world, orders, months, vat, differs)
    return world


def new_location(world: World, number: int, name: str) -> MerchantBuilder:
    """Add merchant `number` to the world; answers the builder of its menu, with NO_TAX_APPLIED already there."""
    merchant = make_merchant(world.ids, number, name)
    world.merchants[merchant.id] = merchant
    builder = MerchantBuilder(world.ids, merchant)
    builder.tax_rate(NO_TAX, 0)
    return builder


def _empty(world: World) -> None:
    builder = new_location(world, 1, "Bare Cupboard")
    merchant = builder.merchant
    merchant.service_charge["enabled"] = False
    for rows in (merchant.order_fees, merchant.order_types, merchant.opening_hours):
        rows.clear()


def _crowd(world: World) -> None:
    """A menu of next to nothing: this scenario is about its customers."""
    b = new_location(world, 1, "Harvest Hall")
    b.tax_rate("City", 287_500, is_default=True)
    food = b.category("Food", 1)
    for number, (name, cents) in enumerate((("Bowl", 1150), ("Soup", 650), ("Bread", 300), ("Tea", 325)), start=1):
        b.item(name, cents, [food], sku=f"HH-{number:03d}")


def _cafe(world: World) -> None:
    b = new_location(world, 1, "Larkspur Coffee")
    merchant = b.merchant
    untaxed = next(iter(merchant.tax_rates.values()))
    b.tax_rate("City", 287_500, is_default=True)
    b.tax_rate("State", 400_000, is_default=True)
    grocery = b.tax_rate("Grocery", 100_000)
    bar = b.tag("Bar", [printer(world.ids, merchant, "Bar printer")])
    kitchen = b.tag("Kitchen", [printer(world.ids, merchant, "Kitchen printer")])
    signature = b.tag("Signature", show_in_reporting=True)
    coffee, tea, bakery = (b.category("Coffee", 1), b.category("Tea", 2), b.category("Bakery", 3))
    lunch, cold, shelf = (b.category("Lunch", 4), b.category("Cold drinks", 5), b.category("Shelf", 6))
    milk = b.group("Milk", [("Whole", 0), ("Skim", 0), ("Oat", 80), ("Almond", 70), ("Soy", 60)], 1, 1)
    shots = b.group("Extra shots", [("One more", 90), ("Two more", 170), ("Decaf", 0)], 0, 2)
    syrup = b.group(
        "Syrup",
        [("Vanilla", 60), ("Caramel", 60), ("Hazelnut", 60), ("Lavender", 75), ("Maple", 75), ("Sugar free", 60)],
        0,
        3,
    )
    bread = b.group(
        "Bread", [("Sourdough", 0), ("Rye", 0), ("Seeded", 40), ("Gluten free", 150), ("Croissant", 120)], 1, 1
    )
    sides = b.group("Side", [("Salad", 0), ("Crisps", 0), ("Soup", 250), ("Fruit", 150), ("Nothing", 0)], 1, 2)
    warm = b.group(
        "Warmed", [("Warmed", 0), ("Toasted", 0), ("With butter", 50), ("With jam", 60), ("Cold", 0), ("Boxed", 25)]
    )
    b.item("Espresso", 325, [coffee], [shots], [bar], sku="CF-001", cost=60)
    b.item("Cappuccino", 450, [coffee], [milk, shots, syrup], [bar], sku="CF-002", cost=110)
    b.item("Latte", 475, [coffee], [milk, shots, syrup], [bar], sku="CF-003", alternate_name="LTE", cost=115)
    b.item("Flat White", 465, [coffee], [milk, shots], [bar], sku="CF-004")
    b.item("Mocha", 525, [coffee], [milk, shots, syrup], [bar, signature], sku="CF-005", color_code="#7B3F00")
    b.item("Drip Coffee", 300, [coffee], sku="CF-006")
    b.variants(
        "Cold Brew",
        [("Size", ["Small", "Large"])],
        {("Small",): 425, ("Large",): 525},
        {("Small",): {"sku": "CB-S"}, ("Large",): {"sku": "CB-L"}},
        categories=[cold, coffee],
        groups=[milk, syrup],
        tags=[bar],
    )
    b.item("English Breakfast", 350, [tea], [milk], [bar], sku="TE-001")
    b.item("Earl Grey", 350, [tea], [milk], [bar], sku="TE-002")
    b.item("Chai Latte", 495, [tea], [milk, syrup], [bar], sku="TE-003")
    b.item("Peppermint", 325, [tea], tags=[bar], sku="TE-004")
    b.item("Butter Croissant", 375, [bakery], [warm], sku="BK-001", auto_manage=True, quantity=24.0)
    b.item("Almond Croissant", 450, [bakery], [warm], sku="BK-002", auto_manage=True, quantity=8.0)
    b.item("Blueberry Muffin", 395, [bakery], [warm], sku="BK-003", auto_manage=True, quantity=0.0, available=False)
    b.item("Cinnamon Roll", 425, [bakery], [warm], [signature], sku="BK-004", available=False)
    b.item("Banana Bread", 350, [bakery], [warm], sku="BK-005", quantity=12.0)
    b.item("Turkey Club", 1095, [lunch], [bread, sides], [kitchen], sku="LU-001", cost=390)
    b.item("Grilled Cheese", 895, [lunch], [bread, sides], [kitchen], sku="LU-002", cost=240)
    b.item(
        "Green Chile Stew", 1195, [lunch], [sides], [kitchen, signature], sku="LU-003", alternate_name="GCS", cost=310
    )
    b.item("Garden Salad", 995, [lunch], tags=[kitchen], sku="LU-004")
    b.item("Lemonade", 375, [cold], tags=[bar], sku="CD-001")
    b.item("Sparkling Water", 295, [cold, shelf], sku="CD-002", code="0850001234567")
    b.item("House Beans 12 oz", 1650, [shelf], rates=[grocery], sku="SH-001", code="0850001234574", quantity=18.0)
    b.item("Gift Card", 0, [shelf], rates=[untaxed], price_type="VARIABLE", is_revenue=False)
    b.discount("Staff meal", percentage=50)
    b.discount("Dollar off", amount=-100)


@dataclass(frozen=True)
class _Dish:
    category: str
    name: str
    cents: int
    groups: tuple[str, ...] = ()
    label: str | None = None


_CHAIN_MENU = (
    *(_Dish("Burgers", name, cents, ("Cooked", "Add-ons", "Side"), "Grill") for name, cents in (
        ("Classic Burger", 1195), ("Cheese Burger", 1295), ("Bacon Burger", 1425), ("Double Burger", 1595),
        ("Veggie Burger", 1245), ("Chile Burger", 1375), ("Mushroom Swiss", 1395),
    )),
    *(_Dish("Sandwiches", name, cents, ("Bread", "Side"), "Grill") for name, cents in (
        ("Club", 1195), ("BLT", 1095), ("Reuben", 1345), ("Tuna Melt", 1145), ("Grilled Chicken", 1245),
    )),
    *(_Dish("Salads", name, cents, ("Dressing",), "Cold") for name, cents in (
        ("Caesar", 995), ("Cobb", 1345), ("House Salad", 795), ("Greek", 1095), ("Beet and Goat Cheese", 1195),
    )),
    *(_Dish("Sides", name, cents, (), "Fryer") for name, cents in (
        ("Fries", 395), ("Onion Rings", 495), ("Sweet Potato Fries", 495), ("Slaw", 325), ("Mac and Cheese", 595),
        ("Side Salad", 425),
    )),
    *(_Dish("Kids", name, cents, ("Side",), "Grill") for name, cents in (
        ("Kids Burger", 795), ("Kids Nuggets", 745), ("Kids Pasta", 695),
    )),
    *(_Dish("Drinks", name, cents, ("Ice",), None) for name, cents in (
        ("Cola", 325), ("Diet Cola", 325), ("Root Beer", 345), ("Iced Tea", 325), ("Lemonade", 375), ("Coffee", 295),
        ("Milkshake", 695),
    )),
    *(_Dish("Desserts", name, cents, (), None) for name, cents in (
        ("Apple Pie", 595), ("Brownie", 525), ("Ice Cream", 425), ("Cheesecake", 695), ("Fruit Cup", 395),
    )),
)  # fmt: skip
_CHAIN_GROUPS: dict[str, tuple[list[tuple[str, int]], int | None, int | None]] = {
    "Cooked": ([("Rare", 0), ("Medium rare", 0), ("Medium", 0), ("Well done", 0)], 1, 1),
    "Add-ons": ([("Cheese", 125), ("Bacon", 225), ("Avocado", 195), ("Fried egg", 175), ("Jalapeños", 75)], 0, 4),
    "Side": ([("Fries", 0), ("Slaw", 0), ("Rings", 150), ("Side salad", 175)], 1, 1),
    "Bread": ([("White", 0), ("Wheat", 0), ("Rye", 0), ("Gluten free", 200)], 1, 1),
    "Dressing": ([("Ranch", 0), ("Caesar", 0), ("Vinaigrette", 0), ("Blue cheese", 50)], 0, 2),
    "Ice": ([("No ice", 0), ("Light ice", 0)], None, 1),
}


def _chain(world: World, locations: int) -> None:
    for number in range(1, locations + 1):
        _chain_location(world, number)


# What location 2 of a chain does differently. Keys are the names of location 1.
_SECOND_PRICES = {"Classic Burger": 1250, "Fries": 425, "Milkshake": 725}
_SECOND_NAMES = {"Caesar": "Caesar Salad (large)", "Cola": "House Cola"}
_SECOND_GROUPS: dict[str, tuple[str, ...]] = {"Club": ("Side",), "Greek": ("Dressing", "Add-ons")}
_SECOND_CATEGORIES = {"Milkshake": ("Drinks", "Desserts"), "Fries": ("Sides", "Late night"), "Coffee": ("Desserts",)}
_SECOND_UNAVAILABLE = {"Reuben", "Cheesecake"}
_SECOND_MISSING = {"Beet and Goat Cheese"}
_SECOND_STATE_TAX_ONLY = {"Coffee", "Fruit Cup"}


def _chain_location(world: World, number: int) -> None:
    """Location 1 is the model, location 2 differs in every way a menu can, the others in a few seeded prices."""
    b = new_location(world, number, f"Copper Skillet #{number}")
    merchant, second = b.merchant, number == 2
    rng = world.ids.rng(f"chain:{number}")
    b.tax_rate("City", 331_000 if second else 287_500, is_default=True)
    state = b.tax_rate("State", 400_000, is_default=True)
    stations = {
        name: b.tag(name, [printer(world.ids, merchant, f"{name} printer")]) for name in ("Grill", "Cold", "Fryer")
    }
    names = list(dict.fromkeys(dish.category for dish in _CHAIN_MENU)) + (["Late night"] if second else [])
    categories = {name: b.category(name, position) for position, name in enumerate(names, start=1)}
    groups: dict[str, ModifierGroup] = {}
    for name, (options, minimum, maximum) in _CHAIN_GROUPS.items():
        if second and name == "Add-ons":
            options, maximum = ([(option, cents + 25) for option, cents in options] + [("Truffle mayo", 250)], 2)
        if second and name == "Dressing":
            minimum, maximum = 1, 1
        groups[name] = b.group(name, options, minimum, maximum)
    moved = set(rng.sample(range(len(_CHAIN_MENU)), 3)) if number > 2 else set()
    sold_out = rng.randrange(len(_CHAIN_MENU)) if number > 2 else -1
    for position, dish in enumerate(_CHAIN_MENU):
        name, cents, own_groups = dish.name, dish.cents, dish.groups
        in_categories: tuple[str, ...] = (dish.category,)
        available, rates = position != sold_out, None
        if position in moved:
            cents += rng.choice((-50, -25, 25, 50, 100))
        if second:
            if name in _SECOND_MISSING:
                continue
            cents = _SECOND_PRICES.get(name, cents)
            own_groups = _SECOND_GROUPS.get(name, own_groups)
            in_categories = _SECOND_CATEGORIES.get(name, in_categories)
            available = name not in _SECOND_UNAVAILABLE
            rates = [state] if name in _SECOND_STATE_TAX_ONLY else None
            name = _SECOND_NAMES.get(name, name)
        b.item(
            name,
            cents,
            [categories[category] for category in in_categories],
            [groups[group] for group in own_groups],
            [stations[dish.label]] if dish.label else None,
            rates,
            sku=f"CH-{position + 1:03d}",
            available=available,
        )
    if second:
        b.item(
            "Green Chile Cheese Fries",
            895,
            [categories["Sides"]],
            [groups["Add-ons"]],
            [stations["Fryer"]],
            sku="CH-900",
        )


def _year(world: World) -> None:
    """A busy place: the menu of a chain, and what is sold by weight, at one tax only, or not as a sale at all."""
    _chain_location(world, 1)
    merchant = world.first
    untaxed, city = list(merchant.tax_rates.values())[:2]
    b = MerchantBuilder(world.ids, merchant)
    b.skip(10_000)
    shelf = b.category("Shelf", 20)
    b.item("House Salsa", 850, [shelf], rates=[city], sku="YR-001")
    b.item("Smoked Brisket", 1899, [shelf], price_type="PER_UNIT", unit_name="lb", sku="YR-002")
    b.item("Newspaper", 250, [shelf], rates=[untaxed], sku="YR-003")
    b.item("Gift Card", 0, [shelf], rates=[untaxed], price_type="VARIABLE", is_revenue=False, sku="YR-004")
    b.discount("Senior", percentage=10)
    b.discount("Two off", amount=-200)
    b.discount("A third", percentage_decimal=333_333)


def _huge(world: World) -> None:
    b = new_location(world, 1, "Endless Pantry")
    rng = world.ids.rng("huge")
    b.tax_rate("City", 287_500, is_default=True)
    categories = [b.category(f"Section {number:03d}", number) for number in range(1, HUGE_CATEGORIES + 1)]
    groups = []
    for number in range(1, HUGE_GROUPS + 1):
        options = [
            (f"Choice {number:04d}-{option:02d}", 5 * rng.randrange(60)) for option in range(1, HUGE_GROUP_SIZE + 1)
        ]
        groups.append(b.group(f"Choices {number:04d}", options, number % 2, 1 + number % 4))
    per_category = HUGE_ITEMS // HUGE_CATEGORIES
    for number in range(HUGE_ITEMS):
        own = [groups[number % HUGE_GROUPS]]
        if number % 10 == 0:
            own.append(groups[(number * 7 + 1) % HUGE_GROUPS])
        b.item(
            f"Dish {number + 1:05d}",
            100 + 5 * rng.randrange(500),
            [categories[number // per_category]],
            own,
            sku=f"HG-{number + 1:05d}",
        )
