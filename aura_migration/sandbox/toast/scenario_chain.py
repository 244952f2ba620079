"""The scenario ``chain``: one management group whose locations share a menu of about forty items.

Belongs here: the shared menu and what each location does differently. Location 2 differs in every way a Toast
version can: name, price, availability, groups, limits, taxes, categories. Does not belong here: anything on the wire.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK, LocationBuilder
from aura_migration.sandbox.toast.locations import Location, make_location
from aura_migration.sandbox.toast.model import EVERYWHERE, Option, Schedule
from aura_migration.sandbox.toast.restaurant import Restaurant, builder_for

NAME = "Copper Kettle"
MOST_LOCATIONS = 200

SHARED: dict[str, tuple[str, Sequence[tuple[str, str, int]]]] = {
    "bowls": ("Bowls", [
        ("harvest", "Harvest bowl", 1150), ("miso", "Miso bowl", 1225), ("burrito", "Burrito bowl", 1095),
        ("poke", "Poke bowl", 1495), ("grain", "Grain bowl", 995), ("falafel", "Falafel bowl", 1125),
        ("steak", "Steak bowl", 1595), ("tofu", "Tofu bowl", 1050),
    ]),
    "wraps": ("Wraps", [
        ("caesar", "Caesar wrap", 995), ("club", "Club wrap", 1045), ("veggie", "Veggie wrap", 925),
        ("buffalo", "Buffalo wrap", 1075), ("tuna", "Tuna wrap", 1025), ("breakfast", "Breakfast wrap", 850),
    ]),
    "sides": ("Sides", [
        ("fries", "Fries", 395), ("slaw", "Slaw", 325), ("chips", "Chips", 250), ("fruit", "Fruit cup", 450),
        ("hummus", "Hummus & pita", 575), ("kale", "Kale salad", 525),
    ]),
    "soups": ("Soups", [
        ("tomato", "Tomato soup", 575), ("lentil", "Lentil soup", 575), ("chowder", "Corn chowder", 650),
    ]),
    "drinks": ("Drinks", [
        ("tea", "Iced tea", 275), ("lemonade", "Lemonade", 325), ("kombucha", "Kombucha", 495),
        ("coffee", "Coffee", 250), ("sparkling", "Sparkling water", 295), ("juice", "Green juice", 695),
        ("beer", "Local beer", 650), ("cider", "Cider", 625),
    ]),
    "sweets": ("Sweets", [
        ("brownie", "Brownie", 375), ("cookie", "Cookie", 295), ("pudding", "Rice pudding", 425),
        ("bar", "Oat bar", 350), ("sundae", "Sundae", 575),
    ]),
    "kids": ("Kids", [
        ("kid-bowl", "Kid bowl", 695), ("kid-wrap", "Kid wrap", 650), ("kid-cheese", "Kid cheese toast", 595),
    ]),
}  # fmt: skip


def chain(ids: Ids, locations: int = 35) -> Restaurant:
    """The restaurant of the scenario with that many locations (2 to 200); see ``Restaurant``."""
    if not 2 <= locations <= MOST_LOCATIONS:
        raise ValueError(f"scenario chain: locations must be 2 to {MOST_LOCATIONS}, not {locations}")
    group = ids.uuid("management-group", "chain")
    made: list[Location] = []
    for number in range(locations):
        location = make_location(ids, f"loc-{number + 1}", number, NAME, group=group, full=number == 1)
        ChainLocation(builder_for(ids, location), location, number).write()
        made.append(location)
    return Restaurant(NAME, group, made)


class ChainLocation:
    """Writes one location; number 0 is the original, 1 differs in everything, the rest in small seeded ways."""

    def __init__(self, b: LocationBuilder, location: Location, number: int) -> None:
        self.b = b
        self.location = location
        self.number = number
        self.second = number == 1
        self.seeded: random.Random = b.ids.rng(f"chain/{location.key}")

    def price(self, key: str, base: int) -> int:
        """The shared price, moved at location 2 for a third of the items and elsewhere for one in twelve."""
        cents = self.b.cents(key, base)
        if self.second:
            return (
                cents + 75 if self.b.ids.rng(f"second/{key}").randrange(3) == 0 or key in ("harvest", "oat") else cents
            )
        if self.number and self.seeded.randrange(12) == 0:
            return cents + 10 * self.seeded.randrange(1, 8)
        return cents

    def write(self) -> None:
        """Write modifiers, items, menus and stock."""
        self._modifiers()
        places = self._items()
        self._menus(places)
        self._stock()
        self.location.catalog = self.b.catalog

    def _modifiers(self) -> None:
        b, second = self.b, self.second
        spice = b.group(
            "spice", "Spice", [b.option("spice/mild", "Mild", 0), b.option("spice/hot", "Hot", 0)], minimum=1, maximum=1
        )
        proteins: list[Option] = [
            b.option("protein/chicken", "Chicken", self.price("chicken", 350), default=second, item_groups=(spice,)),
            b.option("protein/steak", "Steak", self.price("steak-add", 500), stations=("Grill",)),
            b.option("protein/tofu", "Tofu", self.price("tofu-add", 250)),
        ]
        if second:  # one option less, one that only this location has
            proteins = [*proteins[:2], b.option("protein/tempeh", "Tempeh", 275)]
        # Limits and the name of the group differ at location 2.
        self.protein = b.group(
            "protein", "Protein (choose two)" if second else "Protein", proteins,
            minimum=1 if second else 0, maximum=2 if second else 1,
        )  # fmt: skip
        self.extras = b.group(
            "extras", "Extras",
            [b.option(f"extra/{key}", name, self.price(f"extra-{key}", cents), duplicates=not second)
             for key, name, cents in
             (("avocado", "Avocado", 200), ("egg", "Egg", 150), ("cheese", "Cheese", 100), ("salsa", "Salsa", 50))],
            maximum=None if not second else 3,
        )  # fmt: skip
        self.milk = b.group(
            "milk", "Milk", [b.option("milk/whole", "Whole", 0), b.option("milk/oat", "Oat", self.price("oat", 70))],
            minimum=1, maximum=1,
        )  # fmt: skip
        self.dressing = b.group(
            "dressing", "Dressing",
            [b.option(f"dressing/{n}", name, 0) for n, name in enumerate(("Ranch", "Tahini", "Vinaigrette"))],
            maximum=1, required="OPTIONAL_FORCE_SHOW",
        )  # fmt: skip

    def _items(self) -> dict[str, list[str]]:
        b, second = self.b, self.second
        places: dict[str, list[str]] = {}
        for category, (_, rows) in SHARED.items():
            places[category] = []
            for key, name, base in rows:
                if self.number > 1 and self.seeded.randrange(30) == 0:
                    continue  # not sold here
                if second and key in ("chowder", "kid-cheese"):
                    continue
                groups: list[str] = []
                if category == "bowls":
                    groups = [self.protein, self.extras, *(() if second else (self.dressing,))]
                elif category == "wraps":
                    groups = [self.extras, *((self.dressing,) if second else ())]
                elif key in ("coffee", "tea"):
                    groups = [self.milk]
                drink = category == "drinks"
                taxes = ["Drink tax" if drink else "State tax"]
                if second and category in ("bowls", "sweets"):
                    taxes = ["State tax", "City 1.125"]
                b.item(
                    key, {"harvest": "Harvest bowl (large)", "fries": "Frites"}.get(key, name) if second else name,
                    self.price(key, base), groups=groups, taxes=taxes,
                    category="NA Beverage" if drink else "Food",
                    stations=("Bar",) if drink else ("Pantry",) if second and category == "sides" else ("Grill",),
                    visibility=("POS",) if second and key == "beer" else EVERYWHERE,
                    sku=f"CK-{key.upper()}", alcohol="YES" if key in ("beer", "cider") else "NO",
                )  # fmt: skip
                places[category].append(key)
        if second:  # hidden for good, another category, an item of its own
            hidden = b.catalog.items[b.item_guid("poke")]
            b.catalog.items[hidden.guid] = replace(hidden, visibility=())
            places["sides"].remove("hummus")
            places["kids"].append("hummus")
            b.item(
                "patio-spritz",
                "Patio spritz",
                900,
                taxes=("Drink tax",),
                category="Liquor",
                stations=("Bar",),
                alcohol="YES",
            )
            places["drinks"].append("patio-spritz")
        return places

    def _menus(self, places: dict[str, list[str]]) -> None:
        b, second = self.b, self.second
        names = {key: name for key, (name, _) in SHARED.items()}
        if second:
            names["sweets"] = "Desserts"
        groups = {key: b.menu_group(key, names[key], keys) for key, keys in places.items()}
        order = list(groups)
        if second:
            order = ["sides", "bowls", *(key for key in order if key not in ("sides", "bowls"))]
        if second:
            happy = b.menu_group("happy", "Happy hour", ["cider", "beer", "fries"])
            for key, cents in (("cider", 475), ("fries", 295)):
                item = b.catalog.items[b.item_guid(key)]
                pricing = b.by_menu(item.pricing.cents or 0, {"happy": cents})
                b.catalog.items[item.guid] = replace(item, pricing=pricing)
            b.menu(
                "main",
                "Main menu",
                [groups[key] for key in order],
                schedule=(Schedule(WEEK[:6], (("10:30", "21:00"),)),),
            )
            b.menu("happy", "Happy hour", [happy], schedule=(Schedule(WEEK[:5], (("15:00", "18:00"),)),))
        else:
            b.menu("main", "Main menu", [groups[key] for key in order])

    def _stock(self) -> None:
        b, stock = self.b, self.location.stock
        if self.second:
            stock[b.item_guid("steak")] = ("OUT_OF_STOCK", None)
            stock[b.item_guid("brownie")] = ("QUANTITY", 4.0)
            stock[b.item_guid("protein/tempeh")] = ("OUT_OF_STOCK", None)
        elif self.number and self.seeded.randrange(4) == 0:
            stock[b.item_guid("protein/steak")] = ("OUT_OF_STOCK", None)
