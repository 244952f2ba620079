"""`rules`: a small menu and every kind of rule of business, with a past that was not always priced by the rules of today.

Nothing here is moved by the seed: prices are such that halves of a cent are frequent. What happened when is in
`orders/rules.py`; `differs` makes one rule of the past another one than the account serves now.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import (
    Discount,
    Item,
    Link,
    PricingRule,
    ProductSet,
    Tax,
    TimePeriod,
    Variation,
)
from aura_migration.sandbox.square.orders.rules import (
    DIFFERS,
    OLD_BURGER,
    OLD_RATE,
    PIE_GONE,
    PRICE_RISE,
    RATE_CHANGE,
    TRUFFLE_GONE,
    make_rules,
)

WORKDAYS = ["MON", "TUE", "WED", "THU", "FRI"]
WEEK = [*WORKDAYS, "SAT", "SUN"]
AUTOMATIC: dict[str, Any] = {"extra_data": {"application_method": "AUTOMATICALLY_APPLIED"}}


def rules(builder: Builder, differs: str | None = None) -> None:
    """One location, twenty items, two months of orders. Raises ValueError for an unknown `differs`."""
    if differs is not None and differs not in DIFFERS:
        raise ValueError(f"scenario 'rules' has no difference {differs!r}; it has: {', '.join(DIFFERS)}")
    hours = [(day, "11:00:00", "22:00:00") for day in WORKDAYS]
    hours += [("SAT", "10:00:00", "14:30:00"), ("SAT", "16:00:00", "24:00:00"), ("SUN", "10:00:00", "21:00:00")]
    builder.location("Mill Lane", hours=hours, receipt_text="Rules are rules.", tip_percentages=(15, 20, 25))
    _menu(builder, _taxes(builder))
    _by_hand(builder)
    _automatic(builder)
    _older_versions(builder)
    builder.world.orders = make_rules(builder, differs)


def _taxes(builder: Builder) -> dict[str, Tax]:
    found = {
        "sales": builder.tax("Sales tax", "7.5"),
        "meals": builder.tax("Meals tax", "2.5", custom_amounts=False),
        "liquor": builder.tax("Liquor tax", "3", custom_amounts=False),
        "bottle": builder.tax("Container tax (included)", "5.0", inclusive=True, custom_amounts=False),
    }
    builder.tax("Old county tax", "0.5", enabled=False)
    builder.write()
    return found


def _menu(builder: Builder, taxes: dict[str, Tax]) -> None:
    categories = {name: builder.category(name) for name in ("Plates", "Drinks", "Beer", "Bakery", "Shop")}
    builder.write()
    sides = builder.group(
        "Sides", [("Fries", 0), ("Small salad", 150), ("Soup", 200)], low=1, high=1, default="Fries", jitter=False
    )
    sauces = builder.group(
        "Sauces",
        [("Barbecue", 0), ("Ranch", 50), ("Aioli", 75), ("Truffle", 300)],
        selection="MULTIPLE",
        low=0,
        high=2,
        jitter=False,
    )
    toppings = builder.group(
        "Toppings",
        [("Cheese", 125), ("Bacon", 225), ("Avocado", 200), ("Fried egg", 175)],
        selection="MULTIPLE",
        low=0,
        high=3,
        jitter=False,
    )
    milk = builder.group("Milk", [("Whole", 0), ("Oat", 75), ("Almond", 75)], low=0, high=1, jitter=False)
    builder.write()
    meal, drink, beer = [taxes["sales"], taxes["meals"]], [taxes["sales"]], [taxes["sales"], taxes["liquor"]]
    plain: list[tuple[str, Any, str, list[Tax], list[Any]]] = [
        ("Burger", 1300, "Plates", meal, [sides, sauces, toppings]),
        ("Caesar Salad", 1150, "Plates", meal, [toppings]),
        ("Ribs", 1875, "Plates", meal, [sides, Link(sauces.id, ordinal=1, min=1, max=2)]),
        ("Mac and Cheese", 1050, "Plates", meal, [toppings]),
        ("Fish Tacos", [("Two", 925), ("Three", 1275)], "Plates", meal, [sauces]),
        ("Lemonade", 350, "Drinks", drink, []),
        ("Iced Tea", 325, "Drinks", drink, []),
        ("Coffee", 275, "Drinks", drink, [milk]),
        ("Lager", 650, "Beer", beer, []),
        ("Stout", 725, "Beer", beer, []),
        ("Pale Ale", [("Half", 425), ("Pint", 700)], "Beer", beer, []),
        ("Muffin", 375, "Bakery", drink, []),
        ("Cookie", 225, "Bakery", drink, []),
        ("Seasonal Pie", 550, "Bakery", drink, []),
        ("Hot Sauce", 840, "Shop", [taxes["bottle"]], []),
    ]
    for name, prices, category, held, groups in plain:
        builder.item(name, prices, [categories[category]], groups=groups, taxes=held, jitter=False)
    special = builder.item("Chef's Special", 0, [categories["Plates"]], taxes=meal, jitter=False)
    special.variations[0].open_price, special.variations[0].cents = True, None
    builder.write()


def _by_hand(builder: Builder) -> None:
    """What the cashier may give."""
    builder.made(Discount, "Regulars 10", percentage="10")
    builder.made(Discount, "Five off", kind="FIXED_AMOUNT", cents=500)
    builder.made(Discount, "Open discount", kind="VARIABLE_AMOUNT", cents=0, pin=True)
    builder.made(Discount, "Open percentage", kind="VARIABLE_PERCENTAGE", percentage="0", pin=True)
    builder.made(Discount, "Comp: kitchen mistake", percentage="100", pin=True)
    builder.made(Discount, "Half, at most 4", percentage="50", cap=400)
    builder.made(Discount, "Maker's coupon", kind="FIXED_AMOUNT", cents=100, keeps_tax_basis=True)
    builder.made(Discount, "Given up", percentage="5", deleted=True)
    builder.write()


def _automatic(builder: Builder) -> None:
    """A happy hour, a bundle, and a second one at half price that begins after the last order of the past."""
    names = {thing.name: thing.id for thing in builder.world.of_type("ITEM", "CATEGORY")}
    fifth = builder.made(Discount, "Happy hour", percentage="20", **AUTOMATIC)
    two_off = builder.made(Discount, "Lunch deal", kind="FIXED_AMOUNT", cents=200, **AUTOMATIC)
    half = builder.made(Discount, "Second pastry half price", percentage="50", **AUTOMATIC)
    afternoons = builder.made(TimePeriod, "Afternoons", days=WORKDAYS, start="16:00", minutes=120)
    noon = builder.made(TimePeriod, "Noon", days=WEEK, start="11:00", minutes=180)
    beers = builder.made(ProductSet, "Beers", any_ids=[names["Beer"]])
    burger = builder.made(ProductSet, "Burgers", any_ids=[names["Burger"]], exact=1)
    lemonade = builder.made(ProductSet, "Lemonades", any_ids=[names["Lemonade"]], exact=1)
    both = builder.made(ProductSet, "Burger and lemonade", all_ids=[burger.id, lemonade.id])
    pastries = builder.made(ProductSet, "Two pastries", any_ids=[names["Bakery"]], exact=2)
    first = builder.made(ProductSet, "The first pastry", any_ids=[names["Bakery"]], exact=1)
    builder.made(PricingRule, "Happy hour", discount_id=fifth.id, match_id=beers.id, period_ids=[afternoons.id])
    builder.made(PricingRule, "Lunch deal", discount_id=two_off.id, match_id=both.id, period_ids=[noon.id])
    builder.made(
        PricingRule,
        "Second pastry half price",
        discount_id=half.id,
        match_id=pastries.id,
        exclude_id=first.id,
        valid_from=("2026-10-01", "00:00:00"),
    )
    builder.write()


def _stamp(day: str) -> int:
    """Five in the morning, UTC, of a date: midnight at the location."""
    return int(datetime.fromisoformat(f"{day}T05:00:00").replace(tzinfo=UTC).timestamp() * 1000)


def _older_versions(builder: Builder) -> None:
    """What the catalog says now was not always so: the earlier versions, and the stamps of what came after them."""
    world = builder.world
    named = {thing.name: thing for thing in world.of_type("ITEM", "TAX", "MODIFIER")}
    burger, tax = named["Burger"], named["Sales tax"]
    assert isinstance(burger, Item) and isinstance(tax, Tax)
    old_way, old_tax = copy.deepcopy(burger.variations[0]), copy.deepcopy(tax)
    old_way.cents, old_tax.percentage = OLD_BURGER, OLD_RATE
    for old, now, day in ((old_way, burger.variations[0], PRICE_RISE), (old_tax, tax, RATE_CHANGE)):
        world.history.setdefault(now.id, []).append(old)
        now.stamp = _stamp(day)
    gone: list[tuple[Any, str]] = [(named["Truffle"], TRUFFLE_GONE)]
    pie = named["Seasonal Pie"]
    assert isinstance(pie, Item)
    gone += [(pie, PIE_GONE), *((way, PIE_GONE) for way in pie.variations if isinstance(way, Variation))]
    for thing, day in gone:
        world.history.setdefault(thing.id, []).append(copy.deepcopy(thing))
        thing.deleted, thing.stamp = True, _stamp(day)
    builder.stamp = max(builder.stamp, _stamp(PIE_GONE))
    world.last_write = max(world.last_write, builder.stamp)
    world.revision += 1
