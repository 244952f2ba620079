"""The scenario ``diner``: one location with everything that is hard about a Toast menu.

Belongs here: the diner's menus. Every block names the peculiarity it is there for. Does not belong here: how the
peculiarities look on the wire (``menus_wire``) or what they mean in cents (``truth``).
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK, LocationBuilder
from aura_migration.sandbox.toast.locations import make_location
from aura_migration.sandbox.toast.model import EVERYWHERE, GroupLink, Pricing, Schedule
from aura_migration.sandbox.toast.restaurant import Restaurant, builder_for

WORKDAYS = WEEK[:5]
HAPPY_HOUR = [(WORKDAYS, "15:00", "18:00")]
LATE = [(("FRIDAY", "SATURDAY"), "22:00", "02:00")]
OPEN = Pricing("OPEN_PRICE")
BY_GROUP = Pricing("GROUP_PRICE")
IMAGES = "https://images.toast.example/menu"
LONG_NAME = (
    "The Never Ending Sandwich of the House With " + ", ".join(f"layer {n}" for n in range(1, 31)) + " and a pickle"
)
ARABIC = "شاورما دجاج"  # right-to-left
HEBREW_MIXED = "חומוס (Hummus) №5"

NOTES: dict[str, list[tuple[str, str]]] = {
    "nested four levels": [("item", "smash"), ("modifier-group", "combo"), ("modifier-group", "heat")],
    "an item that is its own option": [("item", "taco"), ("modifier-group", "more-taco")],
    "two items that are options of each other": [("item", "soup"), ("item", "bread-bowl")],
    "an option that is an item, at another price": [("item", "side-salad"), ("modifier-group", "sides")],
    "an option with sizes": [("modifier-group", "combo-drink"), ("item", "soda")],
    "several referenceIds: another visibility": [("modifier-group", "doneness"), ("item", "veggie")],
    "several referenceIds: nothing differs": [("modifier-group", "sides"), ("item", "meatloaf")],
    "several referenceIds: another menu's price": [("modifier-group", "burger-toppings"), ("item", "bt/patty")],
    "several referenceIds: another parent's taxes": [("modifier-group", "tax-mods"), ("item", "tax/inherit")],
    "prices of modifiers by size": [("modifier-group", "pizza-toppings"), ("item", "pizza")],
    "prices of modifiers by size, found by the size's name": [("item", "deep-dish")],
    "prices of modifiers by sizes of their own": [("modifier-group", "dips")],
    "prices of modifiers by sequence": [("modifier-group", "taco-fillings")],
    "prices of modifiers by size and sequence": [("modifier-group", "pizza-cheese")],
    "one price for the whole group": [("modifier-group", "flat")],
    "a modifier below one size only, and a size with its own tax": [
        ("item", "pizza/size/l"),
        ("modifier-group", "crust"),
    ],
    "portions": [("item", "pizza"), ("portion", "pizza/left"), ("portion", "pizza/right")],
    "price by time of day": [("item", "draft"), ("item", "cider"), ("item", "pour/double")],
    "price by menu": [("item", "wine"), ("item", "cider"), ("item", "bt/patty")],
    "open price": [("item", "cake"), ("item", "gift"), ("item", "pour/cask")],
    "price per unit": [("item", "brisket"), ("item", "gravel")],
    "zero price": [("item", "tap-water")],
    "pre-modifiers": [("pre-modifier-group", "std"), ("modifier-group", "burger-toppings")],
    "defaults that cost nothing": [("modifier-group", "free-defaults")],
    "defaults credited when removed": [("modifier-group", "credit-defaults")],
    "limits nobody can keep": [("modifier-group", "impossible")],
    "limits not said": [("modifier-group", "nulls")],
    "limits that contradict each other": [("modifier-group", "zero-required"), ("modifier-group", "future-mode")],
    "a group without options": [("modifier-group", "no-options")],
    "hidden everywhere": [
        ("item", "hidden"),
        ("item", "bt/secret"),
        ("modifier-group", "staff-notes"),
        ("menu", "backstage"),
    ],
    "only on a hidden menu": [("item", "backstage")],
    "same name": [("item", "house-salad-1"), ("item", "house-salad-2"), ("item", "house-salad-3"), ("item", "twins")],
    "same sku": [("item", "house-salad-1"), ("item", "house-salad-2"), ("item", "sku-twin")],
    "no name": [("item", "nameless"), ("menu-group", "brunch-mains")],
    "hard text": [("item", "emoji"), ("item", "rtl"), ("item", "rtl-mixed"), ("item", "long"), ("item", "spaces")],
    "unknown words": [
        ("item", "new-channel"),
        ("item", "gravel"),
        ("item", "allergens"),
        ("modifier-group", "future-mode"),
    ],
    "a menu group of more than a hundred items": [("menu-group", "pies")],
    "a modifier group of 137 options": [("modifier-group", "sprinkles"), ("item", "sundae")],
    "out of stock": [("item", "meatloaf"), ("item", "side-salad"), ("item", "top/anchovy"), ("item", "pizza/size/l")],
    "tax options: inherit, own, override, none": [("modifier-group", "tax-mods")],
}


def diner(ids: Ids) -> Restaurant:
    """The restaurant of the scenario; see ``Restaurant``."""
    group = ids.uuid("management-group", "diner")
    location = make_location(ids, "main", 0, "Nighthawk Diner", group=group, full=True)
    b = builder_for(ids, location)
    kitchen = DinerKitchen(b)
    kitchen.write()
    location.catalog = b.catalog
    location.stock = {
        b.item_guid("meatloaf"): ("OUT_OF_STOCK", None),
        b.item_guid("cherry-pie"): ("QUANTITY", 6.0),
        b.item_guid("brisket"): ("QUANTITY", 12.5),
        b.item_guid("side-salad"): ("OUT_OF_STOCK", None),  # an option and an item: one stock for both
        b.item_guid("top/anchovy"): ("OUT_OF_STOCK", None),  # never on a menu of its own
        b.item_guid("pizza/size/l"): ("OUT_OF_STOCK", None),  # a size
        b.item_guid("opt137/77"): ("QUANTITY", 3.0),
    }
    return Restaurant(
        "Nighthawk Diner",
        group,
        [location],
        switches={"extra_fields": True, "config_page_bytes": 2_000, "shift_reference": "mixed"},
        notes={note: [b.guid(kind, key) for kind, key in keys] for note, keys in NOTES.items()},
    )


class DinerKitchen:
    """Writes the diner's menus, one method per family of peculiarities."""

    def __init__(self, b: LocationBuilder) -> None:
        self.b = b
        self.food: dict[str, Any] = {"taxes": ("State tax",), "category": "Food"}
        self.drink: dict[str, Any] = {"taxes": ("Drink tax",), "category": "Liquor", "stations": ("Bar",)}

    def write(self) -> None:
        """Write modifiers, items and menus."""
        self._pre_modifiers()
        self._burgers()
        self._pizza()
        self._bar()
        self._cycles()
        self._defaults_and_limits()
        self._taxes()
        self._oddities()
        self._many()
        self._menus()

    def _pre_modifiers(self) -> None:
        self.std = self.b.pre_modifiers(
            "std", "Std",
            [
                {"name": "EXTRA", "factor": 1.5, "charge_as_extra": True, "plu": "P1"},
                {"name": "LITE", "factor": 0.5},
                {"name": "NO"},  # neither price nor factor: free
                {"name": "ON SIDE", "fixed_cents": 50, "display": "SUFFIX"},
                {"name": "SUB", "fixed_cents": 0},
            ],
            default=True,
        )  # fmt: skip
        self.b.pre_modifiers("unused", "Unused set", [{"name": "DOUBLE", "factor": 2.0}])

    def _burgers(self) -> None:
        """Nesting four levels deep; an option that is an item; a menu-dependent option; routing of modifiers."""
        b = self.b
        heat = b.group(
            "heat", "Heat",
            [b.option("heat/mild", "Mild", 0), b.option("heat/hot", "Hot 🌶️", 0),
             b.option("heat/inferno", "Inferno", 50)],
            minimum=1, maximum=1,
        )  # fmt: skip
        b.option("sauce/bbq", "BBQ", 50)
        b.option("sauce/buffalo", "Buffalo", 50, item_groups=(heat,))
        sauce = b.group(
            "sauce", "Fry sauce", [b.option("sauce/bbq", cents=50), b.option("sauce/buffalo", cents=50)], maximum=2
        )
        b.option("side/fries", "Fries", 0, item_groups=(sauce,), item_stations=("Fryer 🔥",))
        b.option("side/rings", "Onion rings", 150, item_groups=(sauce,), item_stations=("Fryer 🔥",))
        b.item("side-salad", "Side Salad", b.cents("side-salad", 450), **self.food, stations=("Pantry",))
        b.item("soda", "Fountain soda", b.sizes("soda", [("s", "Small", 200), ("l", "Large", 300)]), **self.drink)
        sides = b.group(
            "sides", "Choose a side",
            [
                b.option("side/fries", cents=0, default=True, stations=("Fryer 🔥",)),
                b.option("side/rings", cents=150),
                b.option("side-salad", cents=175),  # costs 4.50 and more on its own
            ],
            minimum=1, maximum=1,
        )  # fmt: skip
        drinks = b.group(
            "combo-drink", "Choose a drink",
            # The soda keeps its own pricing here: an option with sizes.
            [b.option("soda"), b.option("drink/water", "Water", 0), b.option("drink/shake", "Shake", 300)],
            minimum=1, maximum=1,
        )  # fmt: skip
        b.option("combo/yes", "Make it a combo", 400, item_groups=(sides, drinks))
        combo = b.group(
            "combo", "Combo?", [b.option("combo/yes", cents=400)], maximum=1, required="OPTIONAL_FORCE_SHOW"
        )
        doneness = b.group(
            "doneness", "Doneness",
            [b.option(f"done/{key}", name, 0, stations=("Grill",)) for key, name in
             (("rare", "Rare"), ("medium", "Medium"), ("well", "Well done"))],
            minimum=1, maximum=1,
        )  # fmt: skip
        toppings = b.group(
            "burger-toppings", "Burger toppings",
            [
                b.option("bt/bacon", "Bacon", 180, duplicates=True),
                b.option("bt/onion", "Onion", 40),
                b.option("bt/secret", "Secret topping", 100, visibility=()),  # hidden everywhere, still returned
                b.option("bt/patty", "Extra patty", pricing=b.by_menu(300, {"brunch": 200})),
                b.option("bt/cheese", "Cheese", 100, stations=("Pantry",)),
            ],
            pre_modifiers=self.std, maximum=None,
        )  # fmt: skip
        b.item(
            "smash", "Smash Burger", b.cents("smash", 950), groups=(doneness, toppings, combo), **self.food,
            stations=("Grill",), kitchen_name="SMASH", tags=("Popular", "Spicy"), plu="1001", calories=820,
            prep_time=480,
            images=(f"{IMAGES}/smash-1.jpg", f"{IMAGES}/smash-2.jpg"), image=f"{IMAGES}/smash-1.jpg",
            colors=("#b33939", "#7a1f1f"), pos_name="Smash",
        )  # fmt: skip
        # The same group with another visibility, and once more as a reference of its own with nothing different.
        b.item(
            "veggie", "Veggie Burger", b.cents("veggie", 1020), **self.food, stations=("Grill", "Pantry"),
            groups=(GroupLink(doneness, visibility=("POS",)), GroupLink(toppings, copy=1)), plu="1001",
        )  # fmt: skip
        hidden = b.group("staff-notes", "Staff notes", [b.option("note/rush", "Rush", 0)], visibility=(), maximum=None)
        b.item(
            "meatloaf", "Meatloaf", b.cents("meatloaf", 1300), groups=(GroupLink(sides, copy=2), hidden), **self.food,
            stations=("Grill",), description="Sundays only, while it lasts.",
        )  # fmt: skip

    def _pizza(self) -> None:
        """Sizes, portions, and modifier prices by size, by sequence, and by both."""
        b = self.b
        sizes = [
            ("s", "Small", b.cents("pz-s", 900)),
            ("m", "Medium", b.cents("pz-m", 1200)),
            ("l", "Large", b.cents("pz-l", 1500)),
        ]
        crusts = b.group(
            "crust", "Crust", [b.option("crust/thin", "Thin", 0), b.option("crust/stuffed", "Stuffed", 250)],
            minimum=1, maximum=1,
        )  # fmt: skip
        pizza = b.sizes(
            "pizza",
            sizes,
            l={"item_groups": (crusts,), "taxes": (b.config_guid("taxRates", "City 1.125"),), "override_tax": True},
        )
        by_size = b.group(
            "pizza-toppings", "Pizza toppings",
            [b.option(f"top/{key}", name, pricing=BY_GROUP, duplicates=True) for key, name in
             (("pepperoni", "Pepperoni"), ("olive", "Olives"), ("anchovy", "Anchovies"))],
            strategy="SIZE_PRICE", maximum=None, pre_modifiers=self.std,
            rules=tuple(b.rule([cents], "pizza", size, name) for size, name, cents in
                        (("s", "Small", 100), ("m", "Medium", 150), ("l", "Large", 200))),
        )  # fmt: skip
        by_both = b.group(
            "pizza-cheese", "Cheeses",
            [b.option(f"cheese/{key}", name, pricing=BY_GROUP) for key, name in
             (("moz", "Mozzarella"), ("feta", "Feta"))],
            strategy="SIZE_SEQUENCE_PRICE", maximum=4,
            rules=tuple(b.rule(cents, "pizza", size, name) for size, name, cents in
                        (("s", "Small", (0, 50, 80)), ("m", "Medium", (0, 70, 100)), ("l", "Large", (0, 90, 120)))),
        )  # fmt: skip
        halves = (
            b.portion("pizza/left", "Left half", (by_size,), 0.5),
            b.portion("pizza/right", "Right half", (by_size,), 0.5),
        )
        b.item(
            "pizza", "House pizza", pizza, groups=(by_size, by_both), portions=halves, **self.food, stations=("Grill",)
        )
        # Shares the group of the house pizza: its own sizes have other guids, so the rule is found by the size's name.
        deep = b.sizes("deep-dish", [("s", "Small", 1100), ("l", "Large", 1900)])
        b.item("deep-dish", "Deep dish", deep, groups=(by_size,), **self.food, stations=("Grill",))
        fillings = b.group(
            "taco-fillings", "Taco fillings",
            [b.option(f"fill/{key}", name, pricing=BY_GROUP) for key, name in
             (("beef", "Beef"), ("bean", "Beans"), ("fish", "Fish"))],
            strategy="SEQUENCE_PRICE", minimum=1, maximum=None, rules=(b.rule([0, 50, 100]),),
        )  # fmt: skip
        b.item("taco-plate", "Taco plate", b.cents("taco-plate", 800), groups=(fillings,), **self.food)
        dips = b.group(
            "dips", "Dips",
            [b.option("dip/ranch", "Ranch", pricing=BY_GROUP), b.option("dip/aioli", "Aioli", pricing=BY_GROUP)],
            strategy="SIZE_PRICE", maximum=2,  # sizes of the option itself: no guid
            rules=(b.rule([50], name="Cup"), b.rule([120], name="Bowl")),
        )  # fmt: skip
        flat = b.group(
            "flat", "Garnish, any", [b.option(f"garnish/{n}", name, pricing=Pricing("GROUP_PRICE", 100)) for n, name in
                                     enumerate(("Lime", "Mint", "Chili"))], maximum=2,
        )  # fmt: skip
        b.item("nachos", "Nachos", b.cents("nachos", 900), groups=(dips, flat), **self.food)

    def _bar(self) -> None:
        """Prices by time and by menu, open prices, prices per unit, an option with a happy-hour price."""
        b = self.b
        b.item("draft", "Draft beer", b.by_time(700, [(500, HAPPY_HOUR), (450, LATE)]), **self.drink, alcohol="YES")
        # Sizes whose prices depend on time and on the menu in turn.
        cider = [
            ("pint", "Pint", b.by_time(750, [(550, HAPPY_HOUR)])),
            ("half", "Half pint", b.by_menu(450, {"happy": 300})),
        ]
        b.item("cider", "Cider", b.sizes("cider", cider), **self.drink, alcohol="YES")
        b.item("wine", "House wine", b.by_menu(900, {"happy": 600}), **self.drink, alcohol="YES")
        b.item("old-fashioned", "Old Fashioned", 1200, **self.drink, alcohol="YES", groups=(
            b.group("pour", "Pour", [
                b.option("pour/double", "Double", pricing=b.by_time(400, [(250, HAPPY_HOUR)])),
                b.option("pour/cask", "Cask strength", pricing=OPEN),
            ], maximum=1),))  # fmt: skip
        b.item("cake", "Custom cake", OPEN, **self.food)
        b.item("brisket", "Brisket by the pound", 1895, unit="LB", **self.food, assistance=("SNAP",))
        b.item(
            "gravel",
            "Rock candy",
            125,
            unit="STONE",
            taxes=("State tax", "Bottle deposit"),
            category="Retail",
            alcohol=None,
        )
        b.item("gift", "Gift card", OPEN, deferred=True, discountable=False, taxes=())
        b.item("tap-water", "Tap water", 0, **self.drink)

    def _cycles(self) -> None:
        """An item that is an option of its own group, and two items that are options of each other."""
        b = self.b
        b.item("taco", "Street taco", 350, **self.food)
        b.attach("taco", b.group("more-taco", "Add another", [b.option("taco", cents=300)], maximum=None))
        b.item("soup", "Soup", 500, **self.food)
        b.item("bread-bowl", "Bread bowl", 700, **self.food)
        b.attach(
            "soup",
            b.group(
                "soup-with", "Serve in", [b.option("bread-bowl", cents=200), b.option("bowl/cup", "Cup", 0)], maximum=1
            ),
        )
        b.attach(
            "bread-bowl",
            b.group(
                "bowl-of",
                "Bowl of",
                [b.option("soup", cents=0), b.option("bowl/chili", "Chili", 150)],
                minimum=1,
                maximum=1,
            ),
        )

    def _defaults_and_limits(self) -> None:
        """Defaults that cost nothing, credited defaults, duplicates, and limits nobody can satisfy."""
        b = self.b
        free = b.group(
            "free-defaults", "Included fixings",
            [b.option("fix/lettuce", "Lettuce", 50, default=True), b.option("fix/tomato", "Tomato", 80, default=True),
             b.option("fix/avocado", "Avocado", 200)],
            defaults_charge="NO", maximum=None,
        )  # fmt: skip
        credit = b.group(
            "credit-defaults", "Swap a side",
            [b.option("swap/slaw", "Slaw", 150, default=True), b.option("swap/mac", "Mac & cheese", 350)],
            defaults_substitute="YES", minimum=1, maximum=1,
        )  # fmt: skip
        wings = b.group(
            "wings", "Wings", [b.option(f"wing/{n}", name, 0, duplicates=True) for n, name in
                               enumerate(("Bone-in", "Boneless", "Cauliflower"))], minimum=6, maximum=6,
        )  # fmt: skip
        impossible = b.group(
            "impossible", "Pick four of three",
            [b.option(f"imp/{n}", f"Choice {n}", 0) for n in range(3)], minimum=4, maximum=None,
        )  # fmt: skip
        nulls = b.group("nulls", "No limits said", [b.option("null/a", "A", 0)], minimum=None, maximum=None)
        zero_required = b.group(
            "zero-required", "Required but none", [b.option("zr/a", "A", 0), b.option("zr/b", "B", 25)],
            minimum=0, maximum=1, required="REQUIRED",
        )  # fmt: skip
        future = b.group(
            "future-mode", "Mode of the future", [b.option("fm/a", "A", 0)], required="REQUIRED_ON_TUESDAYS",
            multi=False, maximum=None,
        )  # fmt: skip
        empty = b.group("no-options", "Nothing to pick", [], maximum=None)
        b.item("club", "Club sandwich", 1250, groups=(free, credit), **self.food, stations=("Grill",))
        b.item("wing-basket", "Wing basket", 1400, groups=(wings, impossible, nulls), **self.food)
        b.item("blue-plate", "Blue plate", 1150, groups=(zero_required, future, empty), **self.food)

    def _taxes(self) -> None:
        """Inclusive, smart and no tax; options that inherit, add their own, or override the parent's."""
        b = self.b
        city = (b.config_guid("taxRates", "City 1.125"),)
        group = b.group(
            "tax-mods", "Tax matters",
            [b.option("tax/inherit", "Inherits", 100), b.option("tax/unique", "Own tax", 100, taxes=city),
             b.option("tax/override", "Overrides", 100, taxes=city, override_tax=True),
             b.option("tax/none", "Untaxed", 100, taxes=())],
            maximum=None,
        )  # fmt: skip
        b.item("tax-in", "Tax inside", 1000, groups=(group,), **self.food, tax_inclusion="TAX_INCLUDED")
        b.item("tax-smart", "Smart tax", 1000, groups=(group,), **self.drink, tax_inclusion="SMART_TAX")
        b.item("tax-free", "No tax", 1000, groups=(group,), category="Food")

    def _oddities(self) -> None:
        """Names, SKUs, hidden things, retail fields, unknown words."""
        b, food = self.b, self.food
        for key in ("house-salad-1", "house-salad-2", "house-salad-3"):
            b.item(key, "House Salad", b.cents(key, 800), **food, sku="DUP-1" if key != "house-salad-3" else "")
        b.item("sku-twin", "Garlic bread", 450, **food, sku="DUP-1")
        b.item("case-twin", "garlic BREAD ", 455, **food, sku="  ")
        b.item("nameless", "", 300, **food)
        b.item("emoji", "🍔 Dbl 👩‍🍳 spécial", 1550, **food, description="Zero width: a\u200bb; tab:\t; quote: \"'")
        b.item("rtl", ARABIC, 1100, **food, kitchen_name="SHAWARMA")
        b.item("rtl-mixed", HEBREW_MIXED, 650, **food)
        b.item("long", LONG_NAME, 1800, **food, description="word " * 400)
        b.item("spaces", "  Trailing spaces  ", 700, **food)
        b.item("hidden", "Hidden everywhere", 999, **food, visibility=())
        b.item("pos-only", "Manager special", 500, **food, visibility=("POS",))
        b.item("web-only", "Web bundle", 2200, **food, visibility=("TOAST_ONLINE_ORDERING", "ORDERING_PARTNERS"))
        b.item("new-channel", "Drone drop", 1300, **food, visibility=(*EVERYWHERE, "DRONE_WINDOW"))
        b.item("backstage", "Only on the hidden menu", 100, **food)
        b.item("cherry-pie", "Cherry pie", 525, **food, sort_order=3)
        twins = [
            b.group(f"same-name-{n}", "Extras", [b.option(f"same/{n}/a", "Same name", 100 + 25 * n),
                                                 b.option(f"same/{n}/b", "Same name", 75)], maximum=None)
            for n in (1, 2)
        ]  # fmt: skip
        b.item("twins", "Two groups, one name", 900, groups=twins, **food)
        variant = {
            "product": {"id": "prd-1", "name": "Diner shirt", "description": "", "type": "OPTION", "images": [],
                        "availableOptions": [{"name": "Size", "values": ["S", "M"]}]},
            "productVariant": {"id": "var-1", "name": "M", "selectedOptions": [{"name": "Size", "value": "M"}]},
        }  # fmt: skip
        b.item(
            "shirt", "Diner shirt M", 2500, category="Retail", taxes=("State tax",), sku="SH-M",
            extra=(("catalogProductInfo", variant), ("length", 30.5), ("height", 1.0), ("width", 20.0),
                   ("dimensionUnitOfMeasure", "CM"), ("weight", 6.2), ("weightUnitOfMeasure", "OZ")),
        )  # fmt: skip
        b.item(
            "catering",
            "Catering tray",
            9500,
            category="Catering  ",
            taxes=(),
            extra=(("guestCount", 12.0), ("isComboParent", True)),
        )
        b.item("allergens", "Peanut sundae", 780, **food, extra=(("allergens", ["PEANUTS", "DAIRY", "MOON_DUST"]),))

    def _many(self) -> None:
        """More than a hundred items in one group, and one modifier group of 137 options."""
        b = self.b
        options = [
            b.option(f"opt137/{n}", f"Sprinkle {n:03d}", 10 * (n % 7), duplicates=n % 5 == 0) for n in range(137)
        ]
        b.item(
            "sundae",
            "Build a sundae",
            650,
            groups=(b.group("sprinkles", "Sprinkles", options, maximum=None),),
            **self.food,
        )
        for number in range(112):
            b.item(f"pie/{number}", f"Pie no. {number}", b.cents(f"pie/{number}", 400, 40), **self.food)

    def _menus(self) -> None:
        b = self.b
        pies = [f"pie/{number}" for number in range(112)]
        reds = b.menu_group("reds", "Reds", ["wine"])
        wines = b.menu_group("wines", "Wine", [], subgroups=(reds,))
        cocktails = b.menu_group("cocktails", "Cocktails", ["old-fashioned"])
        all_day = [
            b.menu_group("burgers", "Burgers", ["smash", "veggie", "meatloaf", "club"], tags=("Popular",)),
            b.menu_group("plates", "Plates",
                         ["taco-plate", "taco", "wing-basket", "blue-plate", "nachos", "twins", "brisket"]),
            b.menu_group("pizza", "Pizza", ["pizza", "deep-dish"], image=f"{IMAGES}/pizza.jpg"),
            b.menu_group("soups", "Soups & salads",
                         ["soup", "bread-bowl", "side-salad", "house-salad-1", "house-salad-2"]),
            b.menu_group("pies", "Pies", ["cherry-pie", *pies]),
            b.menu_group("odd", "Odds & ends 🎲", [
                "nameless", "emoji", "rtl", "rtl-mixed", "long", "spaces", "hidden", "sku-twin", "case-twin", "gravel",
                "gift", "cake", "shirt", "catering", "allergens", "tax-in", "tax-smart", "tax-free",
            ]),
            b.menu_group("drinks", "Drinks", ["draft", "cider", "soda", "tap-water"], subgroups=(cocktails, wines)),
            b.menu_group("specials", "Specials",
                         ["pos-only", "web-only", "new-channel", "smash", "sundae", "house-salad-3"]),
            b.menu_group("empty-group", "Coming soon", []),
        ]  # fmt: skip
        happy = [b.menu_group("happy-specials", "Specials", ["draft", "cider", "wine", "nachos"])]
        brunch = [b.menu_group("brunch-mains", "", ["smash", "wine", "soup", "side-salad"])]
        backstage = [b.menu_group("backstage", "Staff", ["backstage", "soup"])]
        b.menu("all-day", "All day", all_day, image=f"{IMAGES}/all-day.jpg")
        b.menu(
            "happy",
            "Happy hour",
            happy,
            schedule=(
                Schedule(WORKDAYS, (("15:00", "18:00"),)),
                Schedule(("FRIDAY", "SATURDAY"), (("22:00", "02:00"),)),
            ),
        )
        b.menu("brunch", "Brunch", brunch, schedule=(Schedule(("SATURDAY", "SUNDAY"), (("00:00", "00:00"),)),))
        b.menu("backstage", "Back office", backstage, visibility=())
